#include "board.h"

#include <math.h>

#define GAP_US 20000    // silence that ends an unfinished request
#define CYCLE_US 100000 // of the pack
#define DEBT_MAX_US                                                                                \
    3600000000ull // of the pack's time, that is made up for at once; more is left out
#define PORTION_BYTES 16
#define SLEEP_US 10000000
#define LOOK_US 1000000 // asleep: how often it looks around
#define RESTART_SILENT_US 500000

void nh_sim_board_init(struct nh_sim_board *b, const struct nh_sim_board_config *cfg,
                       uint64_t now_us)
{
    *b = (struct nh_sim_board){.cfg = *cfg, .faults = cfg->faults};
    b->cfg.factor = cfg->factor ? cfg->factor : 1;
    b->cfg.portion_bytes = cfg->portion_bytes ? cfg->portion_bytes : PORTION_BYTES;
    b->cfg.wake_ms = cfg->wake_ms ? cfg->wake_ms : 50;
    b->random.state = cfg->pack.seed ^ 0x11E5;
    b->now_us = b->traffic_us = now_us;
    nh_sim_pack_init(&b->pack, &cfg->pack);
    *nh_sim_pack_setting(&b->pack, NH_SIM_TEXT_FORMAT) = cfg->text_format;
    *nh_sim_pack_setting(&b->pack, NH_SIM_TEXT_INTERVAL) = cfg->text_interval;
}

// ---- requests -----------------------------------------------------------------------------------

// Drops what is before the next first byte of a frame.
static void drop(struct nh_sim_board *b, size_t len)
{
    size_t keep = len;
    while (keep < b->in_len && b->in[keep] != 0xAA)
        keep++;
    b->in_len -= keep;
    for (size_t i = 0; i < b->in_len; i++)
        b->in[i] = b->in[keep + i];
}

static void take_requests(struct nh_sim_board *b)
{
    for (;;) {
        int len = nh_sim_board__request_bytes(b);
        if (len < 0)
            drop(b, 1);
        if (len <= 0 || b->in_len < (size_t)len)
            return;
        nh_sim_board__answer(b, (size_t)len);
        drop(b, (size_t)len);
    }
}

static bool is_silent(const struct nh_sim_board *b)
{
    return b->now_us < b->silent_until_us;
}

void nh_sim_board__hear(struct nh_sim_board *b, uint8_t byte)
{
    b->traffic_us = b->in_us = b->heard_us;
    if (b->is_asleep) { // it is heard, not understood
        b->awake_us = b->awake_us ? b->awake_us : b->heard_us + b->cfg.wake_ms * 1000ull;
        return;
    }
    if (is_silent(b) || (b->in_len == 0 && byte != 0xAA) || b->in_len == sizeof b->in)
        return;
    b->in[b->in_len++] = byte;
    take_requests(b);
}

void nh_sim_board_input(struct nh_sim_board *b, const uint8_t *bytes, size_t len, uint64_t now_us)
{
    nh_sim_board_tick(b, now_us);
    nh_sim_board__receive(b, bytes, len);
}

size_t nh_sim_board_output(struct nh_sim_board *b, uint8_t *out, size_t cap, uint64_t now_us)
{
    nh_sim_board_tick(b, now_us);
    return nh_sim_board__due(b, out, cap);
}

void nh_sim_board_restart(struct nh_sim_board *b)
{
    nh_sim_pack_restart(&b->pack, 4);
    b->silent_until_us = b->now_us + RESTART_SILENT_US;
    b->in_len = 0;
    b->out_count = 0;
    b->is_asleep = false;
    b->awake_us = 0;
}

// ---- sleep --------------------------------------------------------------------------------------

static bool is_ignited(const struct nh_sim_board *b)
{
    return nh_sim_pack_has_ignition(&b->pack) && b->pack.is_ignition_on;
}

static bool is_busy(const struct nh_sim_board *b)
{
    const struct nh_sim_pack *p = &b->pack;
    return is_ignited(b) || p->is_charger_plugged ||
           fabs(p->current_a) > nh_sim_pack_threshold_a(p) || p->balance_active ||
           p->protection[NH_SIM_CHARGE_OVER].is_active ||
           p->protection[NH_SIM_DISCHARGE_OVER].is_active;
}

static void wake(struct nh_sim_board *b, uint8_t reason)
{
    b->is_asleep = false;
    b->awake_us = 0;
    b->in_len = 0;
    b->traffic_us = b->now_us;
    b->pack.stats.last_wakeup = reason; // 0 charger, 1 ignition, 2 discharge, 3 the line
    b->counters.wakeups++;
}

static void sleep_or_wake(struct nh_sim_board *b)
{
    if (b->is_asleep && b->awake_us && b->now_us >= b->awake_us)
        wake(b, 3);
    else if (b->is_asleep && is_busy(b))
        wake(b, b->pack.is_charger_plugged ? 0 : is_ignited(b) ? 1 : 2);
    else if (!b->is_asleep && b->cfg.may_sleep && b->now_us >= b->traffic_us + SLEEP_US &&
             !is_busy(b))
        b->is_asleep = true;
}

// ---- time ---------------------------------------------------------------------------------------

static const uint32_t text_interval_ms[] = {0, 100, 200, 500, 1000, 2000, 5000, 10000};

static void say_text(struct nh_sim_board *b)
{
    uint32_t every_ms = text_interval_ms[nh_sim_pack_get(&b->pack, NH_SIM_TEXT_INTERVAL) & 7];
    if (every_ms == 0 || b->is_asleep) {
        b->text_us = 0;
        return;
    }
    if (b->text_us == 0)
        b->text_us = b->now_us + every_ms * 1000ull;
    if (b->now_us < b->text_us || b->in_len > 0 || b->out_count > 0 || is_silent(b))
        return; // while it answers it says nothing of its own
    nh_sim_board__text(b);
    b->text_us = b->now_us + every_ms * 1000ull;
}

static void run_pack(struct nh_sim_board *b, uint64_t us)
{
    b->debt_us += us * b->cfg.factor;
    if (b->debt_us > DEBT_MAX_US)
        b->debt_us = DEBT_MAX_US;
    for (; b->debt_us >= CYCLE_US; b->debt_us -= CYCLE_US)
        nh_sim_pack_cycle(&b->pack);
}

void nh_sim_board_tick(struct nh_sim_board *b, uint64_t now_us)
{
    if (now_us > b->now_us) {
        uint64_t passed = now_us - b->now_us;
        b->now_us = now_us;
        run_pack(b, passed);
    }
    if (b->in_len > 0 && b->now_us >= b->in_us + GAP_US) {
        b->counters.unfinished++;
        b->in_len = 0;
    }
    sleep_or_wake(b);
    say_text(b);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t nh_sim_board_next_deadline(const struct nh_sim_board *b)
{
    // Registers change each 100 ms of the line's time, whatever the factor: nobody reads faster.
    uint64_t next = b->now_us + (b->is_asleep ? LOOK_US : CYCLE_US);
    next = sooner(next, nh_sim_board__due_us(b));
    if (b->in_len > 0)
        next = sooner(next, b->in_us + GAP_US);
    if (b->awake_us)
        next = sooner(next, b->awake_us);
    if (b->text_us > b->now_us)
        next = sooner(next, b->text_us);
    return next;
}
