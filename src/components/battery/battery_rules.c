// The rules: the board's own thresholds, critical at the threshold, a warning at 90 % of the way
// there.

#include "components/battery/battery_alarms.h"
#include "components/battery/battery_image.h"

#include <stdio.h>

#define NONE 0
#define WARNING NH_BATTERY_WARNING
#define CRITICAL NH_BATTERY_CRITICAL

// Where the way to a threshold begins: a pack at rest at room temperature.
#define ROOM_MC 25000
#define SOC_WARNING_MPCT 10000
#define SOC_CRITICAL_MPCT 5000
#define SOC_HYSTERESIS_MPCT 2000
#define FLOW_MA 100 // less is rest

// Bad above `limit` (below, if `from` is above it): critical there, warning at nine tenths of the
// way from `from`. Once on, a severity goes only a tenth of the way, at least `step_min`, before
// its edge.
struct way {
    int32_t from, limit, step_min;
};

static int32_t edge_of(const struct way *w, uint8_t severity)
{
    return severity == CRITICAL ? w->limit : w->limit - (w->limit - w->from) / 10;
}

static int32_t hysteresis(const struct way *w)
{
    int32_t tenth = (w->limit - w->from) / 10;
    tenth = tenth < 0 ? -tenth : tenth;
    return tenth > w->step_min ? tenth : w->step_min;
}

static bool is_past(const struct way *w, uint8_t severity, uint8_t on, int32_t value)
{
    int32_t back = severity <= on ? hysteresis(w) : 0;
    bool is_up = w->limit >= w->from;
    int32_t edge = edge_of(w, severity) + (is_up ? -back : back);
    return is_up ? value > edge : value < edge;
}

static uint8_t walk(const struct way *w, uint8_t on, int32_t value, struct nh_battery__finding *out)
{
    uint8_t severity = is_past(w, CRITICAL, on, value)  ? CRITICAL
                       : is_past(w, WARNING, on, value) ? WARNING
                                                        : NONE;
    uint8_t shown = severity ? severity : WARNING;
    *out = (struct nh_battery__finding){value, edge_of(w, shown)};
    return severity;
}

// ---- temperature -------------------------------------------------------------------------------

#define BIT NH_BATTERY__BIT
#define TEMPERATURES                                                                               \
    (BIT(NH_BATTERY_TEMP_EXT1) | BIT(NH_BATTERY_TEMP_EXT2) | BIT(NH_BATTERY_TEMPERATURE))

static bool has(const struct nh_battery_snapshot *s, unsigned field)
{
    return s->valid & ~s->stale & BIT(field);
}

// The hottest (coldest) of the sensors that the board compares: the external ones, else its own.
static int32_t extreme(const struct nh_battery_snapshot *s, int sign)
{
    bool one = has(s, NH_BATTERY_TEMP_EXT1), two = has(s, NH_BATTERY_TEMP_EXT2);
    if (one && two)
        return (s->v.temp_ext1_mc - s->v.temp_ext2_mc) * sign > 0 ? s->v.temp_ext1_mc
                                                                  : s->v.temp_ext2_mc;
    return one ? s->v.temp_ext1_mc : two ? s->v.temp_ext2_mc : s->v.temperature_mc;
}

static uint8_t hot(const struct nh_battery_snapshot *s, uint8_t on, struct nh_battery__finding *out)
{
    struct way w = {ROOM_MC, s->v.limits.hot_c * 1000, 2000};
    return s->v.limits.hot_c > 0 ? walk(&w, on, extreme(s, 1), out) : NONE;
}

static uint8_t cold(const struct nh_battery_snapshot *s, uint8_t on,
                    struct nh_battery__finding *out)
{
    struct way w = {ROOM_MC, s->v.limits.cold_charge_c * 1000, 1000};
    if (s->v.current_ma < FLOW_MA || w.limit >= ROOM_MC)
        return NONE;
    return walk(&w, on, extreme(s, -1), out);
}

// ---- voltage -----------------------------------------------------------------------------------

static uint8_t cell_high(const struct nh_battery_snapshot *s, uint8_t on,
                         struct nh_battery__finding *out)
{
    struct way w = {s->v.limits.full_mv, s->v.limits.over_mv, 10};
    return w.limit > w.from ? walk(&w, on, s->cell_max_dmv / 10, out) : NONE;
}

static uint8_t cell_low(const struct nh_battery_snapshot *s, uint8_t on,
                        struct nh_battery__finding *out)
{
    struct way w = {s->v.limits.empty_mv, s->v.limits.under_mv, 10};
    return w.limit < w.from && w.limit > 0 ? walk(&w, on, s->cell_min_dmv / 10, out) : NONE;
}

static uint8_t pack_high(const struct nh_battery_snapshot *s, uint8_t on,
                         struct nh_battery__finding *out)
{
    int32_t n = s->v.cell_count;
    struct way w = {s->v.limits.full_mv * n, s->v.limits.over_mv * n, 10 * n};
    return w.limit > w.from ? walk(&w, on, s->v.voltage_mv, out) : NONE;
}

static uint8_t pack_low(const struct nh_battery_snapshot *s, uint8_t on,
                        struct nh_battery__finding *out)
{
    int32_t n = s->v.cell_count;
    struct way w = {s->v.limits.empty_mv * n, s->v.limits.under_mv * n, 10 * n};
    return w.limit < w.from && w.limit > 0 ? walk(&w, on, s->v.voltage_mv, out) : NONE;
}

// The spread at which the board balances is no fault by itself: a warning, and only when it stays.
static uint8_t imbalance(const struct nh_battery_snapshot *s, uint8_t on,
                         struct nh_battery__finding *out)
{
    int32_t limit = s->v.limits.spread_mv;
    *out = (struct nh_battery__finding){s->cell_delta_dmv / 10, limit};
    if (limit <= 0)
        return NONE;
    return out->value > (on ? limit - limit / 5 : limit) ? WARNING : NONE;
}

// ---- current, charge ---------------------------------------------------------------------------

static uint8_t discharge(const struct nh_battery_snapshot *s, uint8_t on,
                         struct nh_battery__finding *out)
{
    struct way w = {0, s->v.limits.discharge_a * 1000, 500};
    return w.limit > 0 ? walk(&w, on, -s->v.current_ma, out) : NONE;
}

static uint8_t charge(const struct nh_battery_snapshot *s, uint8_t on,
                      struct nh_battery__finding *out)
{
    struct way w = {0, s->v.limits.charge_a * 1000, 500};
    return w.limit > 0 ? walk(&w, on, s->v.current_ma, out) : NONE;
}

static uint8_t soc_low(const struct nh_battery_snapshot *s, uint8_t on,
                       struct nh_battery__finding *out)
{
    int32_t value = s->v.soc_mpct;
    int32_t critical = SOC_CRITICAL_MPCT + (on == CRITICAL ? SOC_HYSTERESIS_MPCT : 0);
    int32_t warning = SOC_WARNING_MPCT + (on ? SOC_HYSTERESIS_MPCT : 0);
    uint8_t severity = value < critical ? CRITICAL : value < warning ? WARNING : NONE;
    *out = (struct nh_battery__finding){value, severity == CRITICAL ? SOC_CRITICAL_MPCT
                                                                    : SOC_WARNING_MPCT};
    return severity;
}

// ---- the source --------------------------------------------------------------------------------

// Seconds are not known here (no clock): the message says since when by the time it was raised.
static uint8_t silence(const struct nh_battery_snapshot *s, uint8_t on,
                       struct nh_battery__finding *out)
{
    (void)on;
    *out = (struct nh_battery__finding){0, 0};
    bool is_old = s->stale & BIT(NH_BATTERY_VOLTAGE) && s->source != NH_BATTERY_FROM_STORE;
    return is_old || s->is_missing ? WARNING : NONE;
}

// What the cells were before is kept meanwhile, so the rules of cells do not see it.
static uint8_t cell_odd(const struct nh_battery_snapshot *s, uint8_t on,
                        struct nh_battery__finding *out)
{
    (void)on;
    *out = (struct nh_battery__finding){s->odd_cell_dmv * 100, 0};
    return s->odd_cell_at ? WARNING : NONE;
}

static uint8_t faulty(const struct nh_battery_snapshot *s, uint8_t on,
                      struct nh_battery__finding *out)
{
    (void)on;
    *out = (struct nh_battery__finding){0, 0};
    return s->v.status == NH_TINYBMS_IN_FAULT ? CRITICAL : NONE;
}

// ---- the table ---------------------------------------------------------------------------------

#define LIMITS BIT(NH_BATTERY_LIMITS)
#define VOLTAGE_NEEDS (LIMITS | BIT(NH_BATTERY_VOLTAGE) | BIT(NH_BATTERY_CELLS))

const struct nh_battery__rule nh_battery__rules[NH_BATTERY__RULE_COUNT] = {
    {NH_BATTERY__HOT, 2, 2000, 10000, LIMITS | BIT(NH_BATTERY_TEMPERATURE),
     "temperature high: %s %s (limit %s)", "°C", 1, hot},
    {NH_BATTERY__COLD, 2, 2000, 10000,
     LIMITS | BIT(NH_BATTERY_TEMPERATURE) | BIT(NH_BATTERY_CURRENT),
     "too cold to charge: %s %s (limit %s)", "°C", 1, cold},
    {NH_BATTERY__CELL_HIGH, 2, 1000, 5000, LIMITS | BIT(NH_BATTERY_CELLS),
     "a cell is high: %s %s (limit %s)", "V", 3, cell_high},
    {NH_BATTERY__CELL_LOW, 2, 1000, 5000, LIMITS | BIT(NH_BATTERY_CELLS),
     "a cell is low: %s %s (limit %s)", "V", 3, cell_low},
    {NH_BATTERY__PACK_HIGH, 2, 1000, 5000, VOLTAGE_NEEDS, "pack voltage high: %s %s (limit %s)",
     "V", 2, pack_high},
    {NH_BATTERY__PACK_LOW, 2, 1000, 5000, VOLTAGE_NEEDS, "pack voltage low: %s %s (limit %s)", "V",
     2, pack_low},
    {NH_BATTERY__DISCHARGE, 2, 2000, 5000, LIMITS | BIT(NH_BATTERY_CURRENT),
     "discharge current high: %s %s (limit %s)", "A", 1, discharge},
    {NH_BATTERY__CHARGE, 2, 2000, 5000, LIMITS | BIT(NH_BATTERY_CURRENT),
     "charge current high: %s %s (limit %s)", "A", 1, charge},
    {NH_BATTERY__SOC_LOW, 2, 5000, 10000, BIT(NH_BATTERY_SOC), "charge low: %s %s (limit %s)", "%",
     1, soc_low},
    {NH_BATTERY__IMBALANCE, 1, 60000, 60000, LIMITS | BIT(NH_BATTERY_CELLS),
     "cells differ: %s %s (allowed %s)", "V", 3, imbalance},
    {NH_BATTERY__SILENCE, 1, 3000, 1000, 0, "no data from the pack", "", 0, silence},
    {NH_BATTERY__CELL_ODD, 1, 2000, 5000, 0, "a cell reads %s %s: a wire may be open", "mV", 0,
     cell_odd},
    {NH_BATTERY__IS_FAULTY, 2, 0, 5000, BIT(NH_BATTERY_STATUS), "the board reports a fault", "", 0,
     faulty},
};

#define NUMBER_BYTES 40

// Thousandths as a decimal number, rounded.
static void number(int32_t milli, unsigned decimals, char out[NUMBER_BYTES])
{
    static const uint32_t unit[] = {1000, 100, 10, 1};
    uint64_t size = milli < 0 ? -(uint64_t)milli : (uint64_t)milli;
    uint64_t rounded = (size + unit[decimals] / 2) / unit[decimals] * unit[decimals];
    int len = snprintf(out, NUMBER_BYTES, "%s%lu.%03lu", milli < 0 && rounded ? "-" : "",
                       (unsigned long)(rounded / 1000), (unsigned long)(rounded % 1000));
    out[len - 3 + (int)decimals - (decimals == 0)] = '\0';
}

void nh_battery__rule_message(const struct nh_battery__rule *r, const struct nh_battery__finding *f,
                              const struct nh_battery_snapshot *s, char *out, size_t cap)
{
    char value[NUMBER_BYTES], threshold[NUMBER_BYTES], text[160];
    number(f->value, r->decimals, value);
    number(f->threshold, r->decimals, threshold);
    snprintf(text, sizeof text, r->format, value, r->unit, threshold);
    unsigned cell = r->code == NH_BATTERY__CELL_HIGH  ? s->cell_max_at
                    : r->code == NH_BATTERY__CELL_LOW ? s->cell_min_at
                    : r->code == NH_BATTERY__CELL_ODD ? s->odd_cell_at
                                                      : 0;
    if (cell) // "a cell is high" becomes "cell 7 is high"
        snprintf(out, cap, "cell %u%s", cell, text + sizeof "a cell" - 1);
    else
        snprintf(out, cap, "%s", text);
}
