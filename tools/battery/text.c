// text.c - what the board says on its own: lines for displays.

#include "board.h"

#include <stdarg.h>
#include <stdio.h>

struct line {
    char text[NH_SIM_FRAME_MAX_BYTES];
    size_t len;
};

NH_PRINTF(2, 3)
static void add(struct line *l, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(l->text + l->len, sizeof l->text - l->len, fmt, args);
    va_end(args);
    l->len += n > 0 ? (size_t)n : 0;
    if (l->len > sizeof l->text - 1)
        l->len = sizeof l->text - 1;
}

// Cycle Analyst: Ah left, volts, amperes, km/h, km, warmest; the rest zero.
static void cycle_analyst(const struct nh_sim_pack *p, struct line *l)
{
    int16_t warmest = p->ext1_dc > p->bms_dc ? p->ext1_dc : p->bms_dc;
    add(l, "%.3f\t%.2f\t%.2f\t0.0\t0.0\t%.1f\t0\t0\t0\t0\t0\t0\t0\r\n", p->counted_ah, p->voltage_v,
        p->current_a, warmest / 10.0);
}

static void keys(const struct nh_sim_pack *p, struct line *l)
{
    char bits[17];
    bool is_single = nh_sim_pack_get(p, NH_SIM_SINGLE_PORT) == 1;
    for (int i = 0; i < 16; i++)
        bits[i] = p->balance_active >> i & 1 ? '1' : '0';
    bits[16] = 0;
    add(l, "BPV:%.3f\tMINCV:%.3f\tMAXCV:%.3f\tBPC:%.3f\tSOC:%.2f\tBMST:%.1f\tEXT1:%.1f\tEXT2:%.1f",
        p->voltage_v, p->low_mv / 1000, p->high_mv / 1000, p->current_a, nh_sim_pack_soc_pct(p),
        p->bms_dc / 10.0, p->ext1_dc / 10.0, p->ext2_dc / 10.0);
    add(l, "\tOS:%u\tCB:%s", p->status, bits);
    if (is_single)
        add(l, "\tST:%u\tSS:%d\r\n", nh_sim_pack_get(p, 341), p->is_load_on);
    else
        add(l, "\tLST:%u\tLSS:%d\tCST:%u\tCSS:%d\r\n", nh_sim_pack_get(p, 331), p->is_load_on,
            nh_sim_pack_get(p, 333), p->is_charger_on);
}

// Nothing is published of this one but that it is there: twenty bytes, a bar of the charge.
static void bar(const struct nh_sim_pack *p, struct line *l)
{
    int full = (int)(nh_sim_pack_soc_pct(p) / 5);
    for (int i = 0; i < 20; i++)
        add(l, "%c", i < full ? '#' : '-');
    add(l, "\r\n");
}

void nh_sim_board__text(struct nh_sim_board *b)
{
    struct line l = {.len = 0};
    uint16_t format = nh_sim_pack_get(&b->pack, NH_SIM_TEXT_FORMAT);
    uint16_t interval = nh_sim_pack_get(&b->pack, NH_SIM_TEXT_INTERVAL);
    if (format == 0)
        cycle_analyst(&b->pack, &l);
    else if (format == 1 || (interval >= 1 && interval <= 3)) // too fast for the bar
        keys(&b->pack, &l);
    else
        bar(&b->pack, &l);
    b->counters.texts++;
    nh_sim_board__queue(b, (const uint8_t *)l.text, l.len, b->now_us);
}
