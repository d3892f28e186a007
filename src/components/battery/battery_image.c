#include "components/battery/battery_image.h"

#include "components/battery/tinybms.h"

#include <string.h>

// ---- fields as spans of struct nh_battery_values -----------------------------------------------

struct part {
    uint8_t field;
    uint16_t offset, size;
};
#define PART(f, member)                                                                            \
    {                                                                                              \
        .field = (f), .offset = offsetof(struct nh_battery_values, member),                        \
        .size = sizeof(((struct nh_battery_values *)0)->member)                                    \
    }

static const struct part parts[] = {
    PART(NH_BATTERY_SOC, soc_mpct),
    PART(NH_BATTERY_SOH, soh_mpct),
    PART(NH_BATTERY_VOLTAGE, voltage_mv),
    PART(NH_BATTERY_CURRENT, current_ma),
    PART(NH_BATTERY_POWER, power_mw),
    PART(NH_BATTERY_TEMPERATURE, temperature_mc),
    PART(NH_BATTERY_TEMP_EXT1, temp_ext1_mc),
    PART(NH_BATTERY_TEMP_EXT2, temp_ext2_mc),
    PART(NH_BATTERY_TEMP_BMS, temp_bms_mc),
    PART(NH_BATTERY_STATUS, status),
    PART(NH_BATTERY_CELLS, cell_count),
    PART(NH_BATTERY_CELLS, cell_dmv),
    PART(NH_BATTERY_BALANCING, balancing),
    PART(NH_BATTERY_BALANCING, balance_wanted),
    PART(NH_BATTERY_TIME_LEFT, time_left_s),
    PART(NH_BATTERY_LIFETIME, lifetime_s),
    PART(NH_BATTERY_CAPACITY, capacity_mah),
    PART(NH_BATTERY_CYCLES, cycles_milli),
    PART(NH_BATTERY_LIMITS, limits),
    PART(NH_BATTERY_ENERGY, energy_in_mwh),
    PART(NH_BATTERY_ENERGY, energy_out_mwh),
    PART(NH_BATTERY_COUNTERS, counters),
    PART(NH_BATTERY_VERSION_INFO, hardware),
    PART(NH_BATTERY_VERSION_INFO, hardware_changes),
    PART(NH_BATTERY_VERSION_INFO, firmware),
    PART(NH_BATTERY_VERSION_INFO, bootloader),
    PART(NH_BATTERY_VERSION_INFO, firmware_internal),
    PART(NH_BATTERY_VERSION_INFO, serial),
};

static bool is_temperature(unsigned field)
{
    return field >= NH_BATTERY_TEMPERATURE && field <= NH_BATTERY_TEMP_BMS;
}

static int32_t int_of(const struct nh_battery_values *v, const struct part *p)
{
    int32_t n;
    memcpy(&n, (const char *)v + p->offset, sizeof n);
    return n;
}

// A sensor that is not connected; the board's time left, which is 0 while nothing is drawn.
static bool is_unknown(const struct part *p, uint32_t mask, const struct nh_battery_values *v)
{
    if (p->field == NH_BATTERY_TIME_LEFT)
        return v->time_left_s == 0 && mask & NH_BATTERY__BIT(NH_BATTERY_STATUS) &&
               v->status != NH_TINYBMS_DISCHARGING;
    return is_temperature(p->field) && int_of(v, p) == NH_BATTERY_TEMPERATURE_NONE;
}

// Which fields of `mask` are to be taken; those that became unknown are taken out of the image.
static uint32_t takes(struct nh_battery__image *image, uint32_t mask,
                      const struct nh_battery_values *v, uint64_t time_ms)
{
    uint32_t taken = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(parts); i++) {
        const struct part *p = &parts[i];
        uint32_t bit = NH_BATTERY__BIT(p->field);
        if (!(mask & bit) || (image->valid & bit && image->field_ms[p->field] > time_ms))
            continue;
        if (is_unknown(p, mask, v))
            image->valid &= ~bit;
        else
            taken |= bit;
    }
    return taken;
}

static void copy_parts(struct nh_battery_values *to, const struct nh_battery_values *from,
                       uint32_t mask)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(parts); i++)
        if (mask & NH_BATTERY__BIT(parts[i].field))
            memcpy((char *)to + parts[i].offset, (const char *)from + parts[i].offset,
                   parts[i].size);
}

uint32_t nh_battery__image_merge(struct nh_battery__image *image, uint32_t mask,
                                 const struct nh_battery_values *v, uint64_t time_ms)
{
    uint32_t taken = takes(image, mask, v, time_ms);
    copy_parts(&image->v, v, taken);
    for (unsigned f = 0; f < NH_BATTERY_FIELD_COUNT; f++)
        if (taken & NH_BATTERY__BIT(f))
            image->field_ms[f] = time_ms;
    image->valid |= taken;
    image->bad &= ~taken;
    return taken;
}

// ---- what cannot be ----------------------------------------------------------------------------

#define CELL_MAX_DMV 50000
#define CURRENT_MAX_MA 2000000
#define VOLTAGE_MAX_MV 200000
#define PCT_MAX_MPCT 100000
#define CAPACITY_MAX_MAH 10000000
#define LIMIT_MAX_A 10000
#define LIMIT_MAX_MV 10000
#define LIMIT_MIN_C (-100)
#define LIMIT_MAX_C 200

unsigned nh_battery__odd_cell(const struct nh_battery_values *v)
{
    for (unsigned i = 0; i < v->cell_count && i < NH_BATTERY_CELL_MAX_COUNT; i++)
        if (v->cell_dmv[i] == 0 || v->cell_dmv[i] > CELL_MAX_DMV)
            return i + 1;
    return 0;
}

static bool are_cells_wrong(const struct nh_battery_values *v)
{
    return v->cell_count == 0 || v->cell_count > NH_BATTERY_CELL_MAX_COUNT ||
           nh_battery__odd_cell(v);
}

static bool is_pack_far_from_cells(const struct nh_battery_values *v)
{
    int64_t sum_dmv = 0;
    for (unsigned i = 0; i < v->cell_count; i++)
        sum_dmv += v->cell_dmv[i];
    int64_t off = (int64_t)v->voltage_mv * 10 - sum_dmv;
    return (off < 0 ? -off : off) * 20 > sum_dmv;
}

static bool is_outside(int32_t v, int32_t min, int32_t max)
{
    return v < min || v > max;
}

static bool are_limits_wrong(const struct nh_battery_limits *l)
{
    const int32_t amperes[] = {l->charge_a, l->discharge_a, l->peak_discharge_a};
    const int32_t volts[] = {l->full_mv,  l->empty_mv,   l->over_mv,
                             l->under_mv, l->balance_mv, l->spread_mv};
    bool is_bad = is_outside(l->hot_c, LIMIT_MIN_C, LIMIT_MAX_C) ||
                  is_outside(l->cold_charge_c, LIMIT_MIN_C, LIMIT_MAX_C);
    for (size_t i = 0; i < NH_ARRAY_LEN(amperes); i++)
        is_bad = is_bad || is_outside(amperes[i], 0, LIMIT_MAX_A);
    for (size_t i = 0; i < NH_ARRAY_LEN(volts); i++)
        is_bad = is_bad || is_outside(volts[i], 0, LIMIT_MAX_MV);
    return is_bad;
}

static bool is_wrong(const struct part *p, uint32_t mask, const struct nh_battery_values *v)
{
    switch (p->field) {
    case NH_BATTERY_SOC:
    case NH_BATTERY_SOH:
        return is_outside(int_of(v, p), 0, PCT_MAX_MPCT);
    case NH_BATTERY_CURRENT:
        return is_outside(v->current_ma, -CURRENT_MAX_MA, CURRENT_MAX_MA);
    case NH_BATTERY_CELLS:
        return are_cells_wrong(v);
    case NH_BATTERY_LIMITS:
        return are_limits_wrong(&v->limits);
    case NH_BATTERY_CAPACITY:
        return is_outside(v->capacity_mah, 0, CAPACITY_MAX_MAH);
    case NH_BATTERY_VOLTAGE:
        return is_outside(v->voltage_mv, 0, VOLTAGE_MAX_MV) ||
               (mask & NH_BATTERY__BIT(NH_BATTERY_CELLS) && !are_cells_wrong(v) &&
                is_pack_far_from_cells(v));
    default:
        return is_temperature(p->field) && int_of(v, p) != NH_BATTERY_TEMPERATURE_NONE &&
               is_outside(int_of(v, p), NH_BATTERY__TEMPERATURE_MIN_MC,
                          NH_BATTERY__TEMPERATURE_MAX_MC);
    }
}

uint32_t nh_battery__implausible(uint32_t mask, const struct nh_battery_values *v)
{
    uint32_t wrong = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(parts); i++)
        if (mask & NH_BATTERY__BIT(parts[i].field) && is_wrong(&parts[i], mask, v))
            wrong |= NH_BATTERY__BIT(parts[i].field);
    return wrong;
}

// ---- what differs ------------------------------------------------------------------------------

struct threshold {
    uint32_t near, far; // in the field's own unit; 0: any change
    uint8_t pct;        // or so much of the value told before, if that is more
};
static const struct threshold thresholds[NH_BATTERY_FIELD_COUNT] = {
    [NH_BATTERY_SOC] = {100, 100},
    [NH_BATTERY_SOH] = {100, 100},
    [NH_BATTERY_VOLTAGE] = {10, 10},
    [NH_BATTERY_CURRENT] = {100, 100, 1},
    [NH_BATTERY_POWER] = {5000, 5000, 1},
    [NH_BATTERY_TEMPERATURE] = {500, 500},
    [NH_BATTERY_TEMP_EXT1] = {500, 500},
    [NH_BATTERY_TEMP_EXT2] = {500, 500},
    [NH_BATTERY_TEMP_BMS] = {500, 500},
    [NH_BATTERY_CELLS] = {10, 50},
    [NH_BATTERY_TIME_LEFT] = {60, 60},
    [NH_BATTERY_LIFETIME] = {60, 60}, // it ticks by itself: not each second is news
    [NH_BATTERY_CAPACITY] = {10, 10},
    [NH_BATTERY_CYCLES] = {1, 10},
    [NH_BATTERY_ENERGY] = {1000, 10000},
};

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

static bool is_far(int64_t told, int64_t now, const struct threshold *t,
                   enum nh_battery_audience audience)
{
    uint64_t limit = audience == NH_BATTERY_NEAR ? t->near : t->far;
    uint64_t share = distance(told, 0) * t->pct / 100;
    return distance(told, now) >= (share > limit ? share : limit);
}

static bool do_cells_differ(const struct nh_battery_values *a, const struct nh_battery_values *b,
                            enum nh_battery_audience audience)
{
    if (a->cell_count != b->cell_count)
        return true;
    for (unsigned i = 0; i < a->cell_count; i++)
        if (is_far(a->cell_dmv[i], b->cell_dmv[i], &thresholds[NH_BATTERY_CELLS], audience))
            return true;
    return false;
}

// Integers of 4 and 8 bytes by their threshold; what has none, by any change.
static bool does_part_differ(const struct part *p, const struct nh_battery_values *a,
                             const struct nh_battery_values *b, enum nh_battery_audience audience)
{
    const char *at = (const char *)a + p->offset, *bt = (const char *)b + p->offset;
    const struct threshold *t = &thresholds[p->field];
    if (p->field == NH_BATTERY_CELLS)
        return do_cells_differ(a, b, audience);
    if (t->near == 0)
        return memcmp(at, bt, p->size) != 0;
    if (p->size == sizeof(int32_t))
        return is_far(int_of(a, p), int_of(b, p), t, audience);
    uint64_t old, new;
    memcpy(&old, at, sizeof old);
    memcpy(&new, bt, sizeof new);
    return is_far((int64_t)old, (int64_t) new, t, audience);
}

uint32_t nh_battery__difference(const struct nh_battery__reference *told,
                                const struct nh_battery_snapshot *s,
                                enum nh_battery_audience audience)
{
    uint32_t dirty = (told->valid ^ s->valid) | (told->stale ^ s->stale);
    for (size_t i = 0; i < NH_ARRAY_LEN(parts); i++) {
        uint32_t bit = NH_BATTERY__BIT(parts[i].field);
        if (s->valid & ~dirty & bit && does_part_differ(&parts[i], &told->v, &s->v, audience))
            dirty |= bit;
    }
    return dirty;
}

void nh_battery__reference_set(struct nh_battery__reference *told, uint32_t mask,
                               const struct nh_battery_snapshot *s)
{
    told->valid = s->valid;
    told->stale = s->stale;
    copy_parts(&told->v, &s->v, mask);
}

// ---- cells -------------------------------------------------------------------------------------

void nh_battery__cells_derive(struct nh_battery_snapshot *s)
{
    uint32_t sum = 0;
    unsigned min = 0, max = 0, count = s->v.cell_count;
    if (!(s->valid & NH_BATTERY__BIT(NH_BATTERY_CELLS)) || count == 0)
        return;
    for (unsigned i = 0; i < count; i++) {
        sum += s->v.cell_dmv[i];
        if (s->v.cell_dmv[i] < s->v.cell_dmv[min])
            min = i;
        if (s->v.cell_dmv[i] > s->v.cell_dmv[max])
            max = i;
    }
    s->cell_min_dmv = s->v.cell_dmv[min];
    s->cell_max_dmv = s->v.cell_dmv[max];
    s->cell_avg_dmv = (uint16_t)((sum + count / 2) / count);
    s->cell_delta_dmv = (uint16_t)(s->cell_max_dmv - s->cell_min_dmv);
    s->cell_min_at = (uint8_t)(min + 1);
    s->cell_max_at = (uint8_t)(max + 1);
}
