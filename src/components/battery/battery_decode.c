// Registers of the board to values of the model. Words of two go with the low one first.
// docs/battery-registers.md.

#include "components/battery/battery_image.h"
#include "components/battery/battery_private.h"

#include <math.h>

#define CELL_REGISTERS 16
#define NOT_CONNECTED (-32768)

static uint32_t u32_at(const uint16_t *w)
{
    return (uint32_t)w[1] << 16 | w[0];
}

// In thousandths; what is no number becomes one that cannot be, and is refused.
static int32_t milli_at(const uint16_t *w)
{
    float f = nh_tinybms_float(w[0], w[1]) * 1000.0f;
    if (!(f > -2e9f && f < 2e9f))
        return INT32_MAX;
    return (int32_t)lrintf(f);
}

static int32_t temperature(uint16_t w)
{
    int16_t tenths = (int16_t)w;
    return tenths == NOT_CONNECTED ? NH_BATTERY_TEMPERATURE_NONE : (int32_t)tenths * 100;
}

static bool can_be(int32_t mc)
{
    return mc >= NH_BATTERY__TEMPERATURE_MIN_MC && mc <= NH_BATTERY__TEMPERATURE_MAX_MC;
}

// The mean of what is connected outside, else the board's own. Of two of which one cannot be, the
// other.
static int32_t pack_temperature(const struct nh_battery_values *v)
{
    bool has1 = v->temp_ext1_mc != NH_BATTERY_TEMPERATURE_NONE;
    bool has2 = v->temp_ext2_mc != NH_BATTERY_TEMPERATURE_NONE;
    if (has1 && has2 && can_be(v->temp_ext1_mc) != can_be(v->temp_ext2_mc))
        return can_be(v->temp_ext1_mc) ? v->temp_ext1_mc : v->temp_ext2_mc;
    if (has1 && has2)
        return (v->temp_ext1_mc + v->temp_ext2_mc) / 2;
    return has1 ? v->temp_ext1_mc : has2 ? v->temp_ext2_mc : v->temp_bms_mc;
}

static size_t cell_register(size_t cell, bool is_descending)
{
    return is_descending ? CELL_REGISTERS - 1 - cell : cell;
}

static void decode_cells(const uint16_t *w, bool is_descending, struct nh_battery_values *v)
{
    uint16_t count = w[53];
    v->cell_count = count > CELL_REGISTERS ? 0 : (uint8_t)count;
    for (size_t i = 0; i < v->cell_count; i++)
        v->cell_dmv[i] = w[cell_register(i, is_descending)];
    v->balance_wanted = w[51];
    v->balancing = w[52];
}

static int32_t power_mw(int32_t mv, int32_t ma)
{
    int64_t mw = (int64_t)mv * ma / 1000;
    return mw > INT32_MAX ? INT32_MAX : mw < INT32_MIN ? INT32_MIN : (int32_t)mw;
}

void nh_battery__decode_live(const uint16_t words[NH_TINYBMS_LIVE_COUNT], bool is_descending,
                             struct nh_battery_candidate *c)
{
    struct nh_battery_values *v = &c->values;
    decode_cells(words, is_descending, v);
    v->lifetime_s = u32_at(words + 32);
    v->time_left_s = u32_at(words + 34);
    v->voltage_mv = milli_at(words + 36);
    v->current_ma = milli_at(words + 38);
    v->power_mw = power_mw(v->voltage_mv, v->current_ma);
    v->temp_ext1_mc = temperature(words[42]);
    v->temp_ext2_mc = temperature(words[43]);
    v->temp_bms_mc = temperature(words[48]);
    v->temperature_mc = pack_temperature(v);
    v->soh_mpct = words[45] * 2;
    v->soc_mpct = (int32_t)(u32_at(words + 46) / 1000); // of 0.000001 %
    v->status = words[50];
    c->mask |= 1u << NH_BATTERY_SOC | 1u << NH_BATTERY_SOH | 1u << NH_BATTERY_VOLTAGE |
               1u << NH_BATTERY_CURRENT | 1u << NH_BATTERY_POWER | 1u << NH_BATTERY_TEMPERATURE |
               1u << NH_BATTERY_TEMP_EXT1 | 1u << NH_BATTERY_TEMP_EXT2 | 1u << NH_BATTERY_TEMP_BMS |
               1u << NH_BATTERY_STATUS | 1u << NH_BATTERY_CELLS | 1u << NH_BATTERY_BALANCING |
               1u << NH_BATTERY_TIME_LEFT | 1u << NH_BATTERY_LIFETIME;
}

static bool are_zero(const uint16_t *w, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        if (w[i])
            return false;
    return true;
}

bool nh_battery__is_other_order(const uint16_t words[NH_TINYBMS_LIVE_COUNT], bool is_descending)
{
    size_t n = words[53];
    if (n == 0 || n >= CELL_REGISTERS)
        return false;
    // Of more than 8 cells the two places overlap: the end that is empty tells.
    size_t gap = CELL_REGISTERS - n, part = gap < n ? gap : n;
    bool is_low_empty = are_zero(words, 0, part);
    bool is_high_empty = are_zero(words, CELL_REGISTERS - part, CELL_REGISTERS);
    return is_descending ? is_high_empty && !is_low_empty : is_low_empty && !is_high_empty;
}

// ---- what changes slowly

void nh_battery__decode_statistics(const uint16_t words[NH_TINYBMS_STATISTICS_COUNT],
                                   struct nh_battery_candidate *c)
{
    const uint16_t *w = words;
    c->values.counters = (struct nh_battery_counters){
        .max_discharge_ma = w[2] * 100,
        .max_charge_ma = w[3] * 100,
        .max_spread_dmv = w[4],
        .under_voltage = w[5],
        .over_voltage = w[6],
        .discharge_over = w[7],
        .charge_over = w[8],
        .overheat = w[9],
        .chargings = w[11],
        .full_charges = w[12],
        .min_temp_c = (int8_t)(w[13] & 0xFF),
        .max_temp_c = (int8_t)(w[13] >> 8),
        .last_reset = (uint8_t)w[14],
        .last_wakeup = (uint8_t)(w[14] >> 8),
        .cleared_at_s = u32_at(w + 16),
    };
    c->mask |= 1u << NH_BATTERY_COUNTERS;
}

void nh_battery__decode_settings(const uint16_t words[NH_TINYBMS_SETTINGS_COUNT],
                                 struct nh_battery_candidate *c)
{
    const uint16_t *w = words;
    c->values.limits = (struct nh_battery_limits){
        .full_mv = w[0],
        .empty_mv = w[1],
        .balance_mv = w[3],
        .peak_discharge_a = w[5],
        .spread_mv = w[8],
        .over_mv = w[15],
        .under_mv = w[16],
        .discharge_a = w[17],
        .charge_a = w[18],
        .hot_c = (int16_t)w[19],
        .cold_charge_c = (int16_t)w[20],
    };
    c->values.capacity_mah = w[6] * 10;
    c->mask |= 1u << NH_BATTERY_LIMITS | 1u << NH_BATTERY_CAPACITY;
}

void nh_battery__decode_version(const uint16_t words[NH_TINYBMS_VERSION_COUNT],
                                struct nh_battery_candidate *c)
{
    struct nh_battery_values *v = &c->values;
    v->hardware = (uint8_t)words[0];
    v->hardware_changes = (uint8_t)(words[0] >> 8);
    v->firmware = (uint8_t)words[1];
    v->firmware_internal = words[2];
    v->bootloader = (uint8_t)words[3];
    for (size_t i = 0; i < NH_ARRAY_LEN(v->serial); i++)
        v->serial[i] = words[4 + i];
    c->mask |= 1u << NH_BATTERY_VERSION_INFO;
}
