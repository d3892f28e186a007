// lines.c - what a person does to the board: a charger, a load, a cable pulled, a line that fails.

#include "board.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX_COUNT 4
#define WORD_MAX_BYTES 24

const char nh_sim_board_help[] =
    "profile charge|discharge|day|idle   what charger and load do by themselves\n"
    "charger on [A] | off                by hand, as is the load\n"
    "load A\n"
    "soc PERCENT                         of the cells and of the gauge\n"
    "factor N                            the pack's time runs N times as fast\n"
    "air C                               temperature around the pack\n"
    "ext1 C | off, ext2 C | off          what a sensor shows more than its cells; unplugged\n"
    "wire CELL open | high | ok          a cell's wire: reads 0, reads 65535\n"
    "ignition on | off                   where register 334 names an input for it\n"
    "sensor lost | found                 the external current sensor\n"
    "stuck charger | load | none         a switch that does not open\n"
    "set REGISTER VALUE | auto           what a register shows\n"
    "restart                             at once, whatever it is saying\n"
    "sleep on | off | now                whether it goes to sleep after 10 s\n"
    "text FORMAT INTERVAL                broadcast: 0 to 2, 0 (off) to 7\n"
    "flip PERCENT, lose PERCENT          of bytes, either way: one bit wrong, lost\n"
    "late PERCENT [MS]                   of answers\n"
    "drop N, bits N, split N [MS]        each Nth answer: not sent, a bit wrong, in two parts\n"
    "stray N, texts N                    before each Nth answer: the one before, a line of text\n"
    "nack REGISTER [CODE] | none         whoever asks for it is refused\n"
    "silence SECONDS                     it hears nothing\n"
    "clean                               ends all faults of the line\n"
    "state, counters, help\n";

struct words {
    char at[WORD_MAX_COUNT][WORD_MAX_BYTES];
    size_t count;
};

struct talk {
    struct nh_sim_board *b;
    struct words w;
    void (*tell)(void *ctx, const char *text);
    void *ctx;
};

NH_PRINTF(2, 3)
static void tell(struct talk *t, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    t->tell(t->ctx, text);
}

static bool is_word(const struct talk *t, size_t index, const char *word)
{
    return index < t->w.count && strcmp(t->w.at[index], word) == 0;
}

// The number at `index`; without that word `fallback`, which NAN makes needed. False: it was told.
static bool number(struct talk *t, size_t index, double least, double most, double fallback,
                   double *out)
{
    char *rest;
    if (index >= t->w.count && !isnan(fallback)) {
        *out = fallback;
        return true;
    }
    *out = index < t->w.count ? strtod(t->w.at[index], &rest) : NAN;
    bool is_good = index < t->w.count && *rest == 0 && rest != t->w.at[index];
    if (is_good && *out >= least && *out <= most)
        return true;
    tell(t, "%s: %s is not a number from %g to %g", t->w.at[0],
         index < t->w.count ? t->w.at[index] : "(nothing)", least, most);
    return false;
}

static bool wrong(struct talk *t)
{
    tell(t, "%s: not like this; help shows how", t->w.at[0]);
    return false;
}

// ---- around the pack ----------------------------------------------------------------------------

static bool profile(struct talk *t)
{
    static const char *const names[] = {"idle", "charge", "discharge", "day"};
    for (size_t i = 0; i < NH_ARRAY_LEN(names); i++) {
        if (is_word(t, 1, names[i])) {
            t->b->pack.cfg.profile = (enum nh_sim_profile)i;
            return true;
        }
    }
    tell(t, "profile: idle, charge, discharge or day");
    return false;
}

static bool charger(struct talk *t)
{
    struct nh_sim_pack *p = &t->b->pack;
    double a = 0;
    bool is_on = is_word(t, 1, "on");
    if (!is_on && !is_word(t, 1, "off"))
        return wrong(t);
    if (is_on && !number(t, 2, 0, 1000, p->cfg.charge_a, &a))
        return false;
    p->cfg.profile = NH_SIM_HAND;
    p->is_charger_plugged = is_on;
    p->sun_a = a;
    return true;
}

static bool load(struct talk *t)
{
    double a;
    if (!number(t, 1, 0, 2000, NAN, &a))
        return false;
    if (t->b->pack.cfg.profile != NH_SIM_HAND)
        t->b->pack.cfg.profile = NH_SIM_HAND;
    t->b->pack.wanted_load_a = a;
    return true;
}

static bool soc(struct talk *t)
{
    double pct;
    struct nh_sim_pack *p = &t->b->pack;
    if (!number(t, 1, 0, 100, NAN, &pct))
        return false;
    for (size_t i = 0; i < p->cfg.cell_count; i++)
        p->cells[i].charge_ah += (pct - nh_sim_pack_soc_pct(p)) / 100 * p->cfg.capacity_ah;
    nh_sim_pack_soc_set(p, pct);
    return true;
}

static bool factor(struct talk *t)
{
    double n;
    if (!number(t, 1, 1, NH_SIM_FACTOR_MAX, NAN, &n))
        return false;
    t->b->cfg.factor = (uint32_t)n;
    return true;
}

static bool air(struct talk *t)
{
    double c;
    if (!number(t, 1, -60, 120, NAN, &c))
        return false;
    t->b->pack.cfg.ambient_c = t->b->pack.cell_c = c;
    return true;
}

static bool sensor_of(struct talk *t, uint8_t index, double *fault_c)
{
    uint8_t *count = &t->b->pack.cfg.external_sensors;
    if (is_word(t, 1, "off")) {
        *count = *count < index ? *count : index - 1;
        return true;
    }
    if (!number(t, 1, -100, 100, NAN, fault_c))
        return false;
    *count = *count > index ? *count : index;
    return true;
}

static bool ext1(struct talk *t)
{
    return sensor_of(t, 1, &t->b->pack.ext1_fault_c);
}

static bool ext2(struct talk *t)
{
    return sensor_of(t, 2, &t->b->pack.ext2_fault_c);
}

static bool wire(struct talk *t)
{
    static const char *const names[] = {"ok", "open", "high"};
    double cell;
    if (!number(t, 1, 1, t->b->pack.cfg.cell_count, NAN, &cell))
        return false;
    for (size_t i = 0; i < NH_ARRAY_LEN(names); i++) {
        if (is_word(t, 2, names[i])) {
            t->b->pack.cells[(size_t)cell - 1].wire = (uint8_t)i;
            return true;
        }
    }
    return wrong(t);
}

static bool sensor(struct talk *t)
{
    if (!is_word(t, 1, "lost") && !is_word(t, 1, "found"))
        return wrong(t);
    t->b->pack.is_sensor_lost = is_word(t, 1, "lost");
    return true;
}

static bool ignition(struct talk *t)
{
    if (!is_word(t, 1, "on") && !is_word(t, 1, "off"))
        return wrong(t);
    nh_sim_pack_ignition(&t->b->pack, is_word(t, 1, "on"));
    return true;
}

static bool stuck(struct talk *t)
{
    if (!is_word(t, 1, "charger") && !is_word(t, 1, "load") && !is_word(t, 1, "none"))
        return wrong(t);
    t->b->pack.is_charger_stuck = is_word(t, 1, "charger");
    t->b->pack.is_load_stuck = is_word(t, 1, "load");
    return true;
}

// ---- the board ----------------------------------------------------------------------------------

static void forget(struct nh_sim_board *b, uint16_t address)
{
    for (uint32_t i = 0; i < b->set_count; i++)
        if (b->set[i].address == address)
            b->set[i--] = b->set[--b->set_count];
}

static bool set(struct talk *t)
{
    double address, value;
    if (!number(t, 1, 0, 599, NAN, &address))
        return false;
    if (is_word(t, 2, "auto")) {
        forget(t->b, (uint16_t)address);
        return true;
    }
    if (!number(t, 2, -32768, 65535, NAN, &value))
        return false;
    forget(t->b, (uint16_t)address);
    if (t->b->set_count == NH_SIM_SET_MAX_COUNT) {
        tell(t, "set: %d registers are set already", NH_SIM_SET_MAX_COUNT);
        return false;
    }
    t->b->set[t->b->set_count].address = (uint16_t)address;
    t->b->set[t->b->set_count++].value = (uint16_t)(int32_t)value;
    return true;
}

static bool restart(struct talk *t)
{
    nh_sim_board_restart(t->b);
    return true;
}

static bool sleeps(struct talk *t)
{
    if (is_word(t, 1, "now"))
        t->b->is_asleep = true;
    else if (is_word(t, 1, "on") || is_word(t, 1, "off"))
        t->b->cfg.may_sleep = is_word(t, 1, "on");
    else
        return wrong(t);
    return true;
}

static bool text(struct talk *t)
{
    double format, interval;
    if (!number(t, 1, 0, 2, NAN, &format) || !number(t, 2, 0, 7, NAN, &interval))
        return false;
    *nh_sim_pack_setting(&t->b->pack, NH_SIM_TEXT_FORMAT) = (uint16_t)format;
    *nh_sim_pack_setting(&t->b->pack, NH_SIM_TEXT_INTERVAL) = (uint16_t)interval;
    return true;
}

// ---- the line -----------------------------------------------------------------------------------

static bool percent(struct talk *t, uint32_t *ppm)
{
    double pct;
    if (!number(t, 1, 0, 100, NAN, &pct))
        return false;
    *ppm = (uint32_t)lround(pct * 10000);
    return true;
}

static bool every(struct talk *t, uint32_t *n)
{
    double count;
    if (!number(t, 1, 0, 1000000, NAN, &count))
        return false;
    *n = (uint32_t)count;
    return true;
}

static bool flip(struct talk *t)
{
    return percent(t, &t->b->faults.flip_ppm);
}

static bool lose(struct talk *t)
{
    return percent(t, &t->b->faults.lose_ppm);
}

static bool late(struct talk *t)
{
    double ms;
    if (!number(t, 2, 1, 60000, 500, &ms) || !percent(t, &t->b->faults.late_ppm))
        return false;
    t->b->faults.late_ms = (uint32_t)ms;
    return true;
}

static bool drop(struct talk *t)
{
    return every(t, &t->b->faults.drop_every);
}

static bool bits(struct talk *t)
{
    return every(t, &t->b->faults.flip_every);
}

static bool split(struct talk *t)
{
    double ms;
    if (!number(t, 2, 1, 60000, 10, &ms) || !every(t, &t->b->faults.split_every))
        return false;
    t->b->faults.split_ms = (uint32_t)ms;
    return true;
}

static bool stray(struct talk *t)
{
    return every(t, &t->b->faults.stray_every);
}

static bool texts(struct talk *t)
{
    return every(t, &t->b->faults.text_every);
}

static bool nack(struct talk *t)
{
    double address, code;
    if (is_word(t, 1, "none")) {
        t->b->faults.nack_address = -1;
        return true;
    }
    if (!number(t, 1, 0, 599, NAN, &address) || !number(t, 2, 0, 255, 0, &code))
        return false;
    t->b->faults.nack_address = (int32_t)address;
    t->b->faults.nack_code = (uint8_t)code;
    return true;
}

static bool silence(struct talk *t)
{
    double s;
    if (!number(t, 1, 0, 86400, NAN, &s))
        return false;
    t->b->silent_until_us = t->b->now_us + (uint64_t)(s * 1e6);
    t->b->in_len = 0;
    return true;
}

static bool clean(struct talk *t)
{
    t->b->faults = (struct nh_sim_faults){.nack_address = -1};
    t->b->silent_until_us = 0;
    return true;
}

// ---- what is told -------------------------------------------------------------------------------

static bool state(struct talk *t)
{
    const struct nh_sim_pack *p = &t->b->pack;
    const struct nh_sim_event *e = nh_sim_pack_event(p, 0);
    tell(t,
         "%.2f V, %.2f A, %.2f %%, status %02X, cells %.1f to %.1f mV, %.1f C, charger %s, "
         "switches: "
         "charger %s, load %s, last event %02X%s",
         p->voltage_v, p->current_a, nh_sim_pack_soc_pct(p), p->status, p->low_mv, p->high_mv,
         p->cell_c, p->is_charger_plugged ? "plugged in" : "away", p->is_charger_on ? "on" : "off",
         p->is_load_on ? "on" : "off", e ? e->id : 0, t->b->is_asleep ? ", asleep" : "");
    return true;
}

static bool counters(struct talk *t)
{
    const struct nh_sim_counters *c = &t->b->counters;
    tell(t,
         "bytes %llu in, %llu out; requests %llu, wrong CRC %llu, unfinished %llu; answers %llu, "
         "refused %llu, dropped %llu; bits flipped %llu, bytes lost %llu, late %llu, split %llu, "
         "stray %llu, texts %llu, wake-ups %llu",
         (unsigned long long)c->bytes_in, (unsigned long long)c->bytes_out,
         (unsigned long long)c->frames_in, (unsigned long long)c->crc_errors,
         (unsigned long long)c->unfinished, (unsigned long long)c->answers,
         (unsigned long long)c->refused, (unsigned long long)c->dropped,
         (unsigned long long)c->flipped, (unsigned long long)c->lost, (unsigned long long)c->late,
         (unsigned long long)c->split, (unsigned long long)c->stray, (unsigned long long)c->texts,
         (unsigned long long)c->wakeups);
    return true;
}

static bool help(struct talk *t)
{
    t->tell(t->ctx, nh_sim_board_help);
    return true;
}

static const struct {
    const char *verb;
    bool (*run)(struct talk *t);
} verbs[] = {
    {"profile", profile},   {"charger", charger}, {"load", load},         {"soc", soc},
    {"factor", factor},     {"air", air},         {"ext1", ext1},         {"ext2", ext2},
    {"wire", wire},         {"sensor", sensor},   {"ignition", ignition}, {"stuck", stuck},
    {"set", set},           {"restart", restart}, {"sleep", sleeps},      {"text", text},
    {"flip", flip},         {"lose", lose},       {"late", late},         {"drop", drop},
    {"bits", bits},         {"split", split},     {"stray", stray},       {"texts", texts},
    {"nack", nack},         {"silence", silence}, {"clean", clean},       {"state", state},
    {"counters", counters}, {"help", help},
};

static void split_words(const char *line, struct words *w)
{
    while (w->count < WORD_MAX_COUNT) {
        line += strspn(line, " \t\r\n");
        size_t len = strcspn(line, " \t\r\n");
        if (len == 0)
            return;
        snprintf(w->at[w->count++], WORD_MAX_BYTES, "%.*s", (int)len, line);
        line += len;
    }
}

bool nh_sim_board_line(struct nh_sim_board *b, const char *line,
                       void (*tell_person)(void *ctx, const char *text), void *ctx)
{
    struct talk t = {.b = b, .tell = tell_person, .ctx = ctx};
    split_words(line, &t.w);
    for (size_t i = 0; i < NH_ARRAY_LEN(verbs); i++)
        if (is_word(&t, 0, verbs[i].verb))
            return verbs[i].run(&t);
    if (t.w.count > 0)
        tell(&t, "\"%s\" is no line that the board knows; help shows them", t.w.at[0]);
    return t.w.count == 0;
}
