#include "components/battery_remote/remote_frame.h"

#include <string.h>

// ---- the numbers -------------------------------------------------------------------------------

// What a number is in our values: `scale` of its own unit to one of ours.
struct row {
    const char *key;
    uint8_t field;  // enum nh_battery_field
    uint8_t size;   // of the member; signed when `min` is below 0
    bool is_needed; // its field is known only when it came
    uint16_t offset, scale;
    double min, max; // in the key's unit
};
#define ROW(key, field, member, scale, min, max, is_needed)                                        \
    {                                                                                              \
        key, NH_BATTERY_##field, sizeof(((struct nh_battery_values *)0)->member), is_needed,       \
            offsetof(struct nh_battery_values, member), scale, min, max                            \
    }
#define AMPERE_MAX 20000.0

// Those of the format first, then our own, which other programs pass over.
static const struct row rows[] = {
    ROW("pack_voltage_v", VOLTAGE, voltage_mv, 1000, 0, 2000, true),
    ROW("pack_current_a", CURRENT, current_ma, 1000, -AMPERE_MAX, AMPERE_MAX, true),
    ROW("power_w", POWER, power_mw, 1000, -2e6, 2e6, true),
    ROW("state_of_charge_pct", SOC, soc_mpct, 1000, 0, 100, true),
    ROW("state_of_health_pct", SOH, soh_mpct, 1000, 0, 100, true),
    ROW("average_temperature_c", TEMPERATURE, temperature_mc, 1000, -100, 300, true),
    ROW("mos_temperature_c", TEMP_BMS, temp_bms_mc, 1000, -100, 300, true),
    ROW("auxiliary_temperature_c", TEMP_EXT1, temp_ext1_mc, 1000, -100, 300, true),
    ROW("pack_temperature_min_c", COUNTERS, counters.min_temp_c, 1, -100, 300, false),
    ROW("pack_temperature_max_c", COUNTERS, counters.max_temp_c, 1, -100, 300, false),
    ROW("uptime_seconds", LIFETIME, lifetime_s, 1, 0, UINT32_MAX, true),
    ROW("estimated_time_left_seconds", TIME_LEFT, time_left_s, 1, 0, UINT32_MAX, true),
    ROW("cycle_count", CYCLES, cycles_milli, 1000, 0, 4e6, true),
    ROW("battery_capacity_ah", CAPACITY, capacity_mah, 1000, 0, 2e6, true),
    ROW("overvoltage_cutoff_mv", LIMITS, limits.over_mv, 1, 0, 10000, true),
    ROW("undervoltage_cutoff_mv", LIMITS, limits.under_mv, 1, 0, 10000, true),
    ROW("discharge_overcurrent_limit_a", LIMITS, limits.discharge_a, 1, 0, AMPERE_MAX, false),
    ROW("charge_overcurrent_limit_a", LIMITS, limits.charge_a, 1, 0, AMPERE_MAX, false),
    ROW("peak_discharge_current_limit_a", LIMITS, limits.peak_discharge_a, 1, 0, AMPERE_MAX, false),
    ROW("max_discharge_current_limit_a", COUNTERS, counters.max_discharge_ma, 1000, -AMPERE_MAX,
        AMPERE_MAX, false),
    ROW("max_charge_current_limit_a", COUNTERS, counters.max_charge_ma, 1000, -AMPERE_MAX,
        AMPERE_MAX, false),
    ROW("overheat_cutoff_c", LIMITS, limits.hot_c, 1, -100, 300, false),
    ROW("low_temp_charge_cutoff_c", LIMITS, limits.cold_charge_c, 1, -100, 300, false),
    ROW("hardware_version", VERSION_INFO, hardware, 1, 0, 255, false),
    ROW("hardware_changes_version", VERSION_INFO, hardware_changes, 1, 0, 255, false),
    ROW("firmware_version", VERSION_INFO, firmware, 1, 0, 255, true),
    ROW("internal_firmware_version", VERSION_INFO, firmware_internal, 1, 0, 65535, false),
    ROW("energy_charged_wh", ENERGY, energy_in_mwh, 1000, 0, 1e12, true),
    ROW("energy_discharged_wh", ENERGY, energy_out_mwh, 1000, 0, 1e12, true),
    ROW("status_code", STATUS, status, 1, 0, 65535, true),
    ROW("balancing_bits", BALANCING, balancing, 1, 0, UINT32_MAX, true),
    ROW("balancing_wanted_bits", BALANCING, balance_wanted, 1, 0, UINT32_MAX, false),
    ROW("auxiliary_2_temperature_c", TEMP_EXT2, temp_ext2_mc, 1000, -100, 300, true),
    ROW("fully_charged_mv", LIMITS, limits.full_mv, 1, 0, 10000, false),
    ROW("fully_discharged_mv", LIMITS, limits.empty_mv, 1, 0, 10000, false),
    ROW("balance_start_mv", LIMITS, limits.balance_mv, 1, 0, 10000, false),
    ROW("spread_limit_mv", LIMITS, limits.spread_mv, 1, 0, 10000, false),
    ROW("bootloader_version", VERSION_INFO, bootloader, 1, 0, 255, false),
    ROW("under_voltage_count", COUNTERS, counters.under_voltage, 1, 0, UINT32_MAX, true),
    ROW("over_voltage_count", COUNTERS, counters.over_voltage, 1, 0, UINT32_MAX, false),
    ROW("discharge_over_count", COUNTERS, counters.discharge_over, 1, 0, UINT32_MAX, false),
    ROW("charge_over_count", COUNTERS, counters.charge_over, 1, 0, UINT32_MAX, false),
    ROW("overheat_count", COUNTERS, counters.overheat, 1, 0, UINT32_MAX, false),
    ROW("charging_count", COUNTERS, counters.chargings, 1, 0, UINT32_MAX, false),
    ROW("full_charge_count", COUNTERS, counters.full_charges, 1, 0, UINT32_MAX, false),
    ROW("max_spread_mv", COUNTERS, counters.max_spread_dmv, 10, 0, 10000, false),
    ROW("last_reset_code", COUNTERS, counters.last_reset, 1, 0, 255, false),
    ROW("last_wakeup_code", COUNTERS, counters.last_wakeup, 1, 0, 255, false),
    ROW("statistics_cleared_at_s", COUNTERS, counters.cleared_at_s, 1, 0, UINT32_MAX, false),
};
_Static_assert(NH_ARRAY_LEN(rows) <= 64, "a bit each");

// To the nearest, halves away from 0: without a mathematics library, which the chip's core is not
// given. Every value here was checked to be far within the type.
static int64_t rounded(double value)
{
    return (int64_t)(value < 0 ? value - 0.5 : value + 0.5);
}

static void put(struct nh_battery_values *v, const struct row *r, double value)
{
    uint8_t *at = (uint8_t *)v + r->offset;
    const int64_t n = rounded(value * r->scale);
    const uint64_t u64 = (uint64_t)n;
    const uint32_t u32 = (uint32_t)n; // an int32_t of the same bits
    const uint16_t u16 = (uint16_t)n;
    if (r->size == sizeof u64)
        memcpy(at, &u64, sizeof u64);
    else if (r->size == sizeof u32)
        memcpy(at, &u32, sizeof u32);
    else if (r->size == sizeof u16)
        memcpy(at, &u16, sizeof u16);
    else
        *at = (uint8_t)n;
}

static double get(const struct nh_battery_values *v, const struct row *r)
{
    const uint8_t *at = (const uint8_t *)v + r->offset;
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    switch (r->size) {
    case sizeof u64:
        memcpy(&u64, at, sizeof u64);
        return (double)u64 / r->scale;
    case sizeof u32:
        memcpy(&u32, at, sizeof u32);
        return (r->min < 0 ? (double)(int32_t)u32 : (double)u32) / r->scale;
    case sizeof u16:
        memcpy(&u16, at, sizeof u16);
        return (double)u16 / r->scale;
    default:
        return *at;
    }
}

// ---- reading -----------------------------------------------------------------------------------

#define KEY_MAX_BYTES 48
#define DEPTH_MAX 8

struct reading {
    nh_json_reader_t json;
    struct nh_remote_frame *out;
    uint64_t seen;  // bits of rows
    uint32_t cells; // in the array, those of 0 mV too
    uint32_t flags; // in cell_balancing
    uint32_t count; // series_cell_count; 0: not given
    bool has_cells, has_flags, has_charging, is_charging;
    char text[KEY_MAX_BYTES];
};

static int find_row(const char *key)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].key, key) == 0)
            return (int)i;
    return -1;
}

// The number of the last event, in range. False: it is none, and counted; null is not known.
static bool number(struct reading *r, int event, double min, double max, double *out)
{
    if (event == NH_JSON_NULL)
        return false;
    bool is_whole = event == NH_JSON_NUMBER && !nh_json_is_cut(&r->json);
    if (is_whole && nh_json_double(&r->json, out) == NH_OK && *out >= min && *out <= max)
        return true;
    r->out->bad_count++;
    return false;
}

static bool whole_number(struct reading *r, int event, uint64_t *out)
{
    double d;
    if (event == NH_JSON_NUMBER && nh_json_uint64(&r->json, out) == NH_OK)
        return true;
    if (!number(r, event, 0, 1e15, &d)) // 1.7e12: still exact
        return false;
    *out = (uint64_t)d;
    return true;
}

static bool truth(struct reading *r, int event, bool *out)
{
    double d;
    *out = event == NH_JSON_TRUE;
    if (event == NH_JSON_TRUE || event == NH_JSON_FALSE)
        return true;
    if (!number(r, event, 0, 1, &d))
        return false;
    *out = d != 0;
    return true;
}

// An array whose BEGIN was the last event. A bad element spoils it: which cell is which would not
// be known.
static int take_cells(struct reading *r)
{
    struct nh_battery_values *v = &r->out->values;
    const uint32_t bad_before = r->out->bad_count;
    bool is_bad = false;
    double mv;
    r->cells = 0;
    for (;;) {
        int event = nh_json_next(&r->json);
        if (event < 0)
            return event;
        if (event == NH_JSON_ARRAY_END)
            break;
        if (event == NH_JSON_OBJECT_BEGIN || event == NH_JSON_ARRAY_BEGIN) {
            int err = nh_json_skip(&r->json);
            if (err < 0)
                return err;
        }
        if (r->cells >= NH_BATTERY_CELL_MAX_COUNT || !number(r, event, 0, 6553.5, &mv)) {
            is_bad = true;
            continue;
        }
        v->cell_dmv[r->cells++] = (uint16_t)rounded(mv * 10);
    }
    r->has_cells = !is_bad && r->cells > 0;
    r->out->bad_count = bad_before + is_bad; // an array counts once
    return NH_OK;
}

static int take_flags(struct reading *r)
{
    const uint32_t bad_before = r->out->bad_count;
    uint32_t at = 0, bits = 0;
    bool is_bad = false, is_on;
    for (;;) {
        int event = nh_json_next(&r->json);
        if (event < 0)
            return event;
        if (event == NH_JSON_ARRAY_END)
            break;
        if (event == NH_JSON_OBJECT_BEGIN || event == NH_JSON_ARRAY_BEGIN) {
            int err = nh_json_skip(&r->json);
            if (err < 0)
                return err;
        }
        if (at >= NH_BATTERY_CELL_MAX_COUNT || !truth(r, event, &is_on)) {
            is_bad = true;
            continue;
        }
        bits |= is_on ? 1u << at : 0;
        at++;
    }
    r->has_flags = !is_bad && at > 0;
    r->out->bad_count = bad_before + is_bad; // an array counts once
    r->flags = bits;
    return NH_OK;
}

static bool hex(const char *text, size_t len, uint16_t out[6])
{
    if (len != 24)
        return false;
    for (size_t i = 0; i < len; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *d = memchr(digits, text[i] >= 'A' && text[i] <= 'F' ? text[i] | 0x20 : text[i],
                               sizeof digits - 1);
        if (!d)
            return false;
        out[i / 4] = (uint16_t)(out[i / 4] << 4 | (d - digits));
    }
    return true;
}

static void take_serial(struct reading *r, int event)
{
    uint16_t serial[6] = {0};
    size_t len = 0;
    const char *text = event == NH_JSON_STRING ? nh_json_text(&r->json, &len) : NULL;
    if (text && hex(text, len, serial))
        memcpy(r->out->values.serial, serial, sizeof serial);
    else
        r->out->bad_count += event != NH_JSON_NULL;
}

// A number, a truth or a text of the format. Its first event was the last one.
static void take_scalar(struct reading *r, const char *key, int event)
{
    int row = find_row(key);
    double d;
    if (row >= 0) {
        if (number(r, event, rows[row].min, rows[row].max, &d)) {
            put(&r->out->values, &rows[row], d);
            r->seen |= 1ull << row;
        }
    } else if (strcmp(key, "series_cell_count") == 0) {
        r->count = number(r, event, 0, NH_BATTERY_CELL_MAX_COUNT, &d) ? (uint32_t)d : r->count;
    } else if (strcmp(key, "is_charging") == 0) {
        r->has_charging = truth(r, event, &r->is_charging);
    } else if (strcmp(key, "timestamp_ms") == 0) {
        NH_IGNORE(whole_number(r, event, &r->out->timestamp_ms));
    } else if (strcmp(key, "age_ms") == 0) {
        NH_IGNORE(whole_number(r, event, &r->out->age_ms));
    } else if (strcmp(key, "serial_number") == 0) {
        take_serial(r, event);
    } // others are not of interest: min_cell_mv follows from the cells
}

static int take_value(struct reading *r, const char *key, int event)
{
    if (event == NH_JSON_ARRAY_BEGIN && strcmp(key, "cell_voltage_mv") == 0)
        return take_cells(r);
    if (event == NH_JSON_ARRAY_BEGIN && strcmp(key, "cell_balancing") == 0)
        return take_flags(r);
    if (event == NH_JSON_ARRAY_BEGIN || event == NH_JSON_OBJECT_BEGIN)
        return nh_json_skip(&r->json);
    take_scalar(r, key, event);
    return NH_OK;
}

// The members of the outermost object, whose BEGIN was the last event; those of "battery" within it
// count as its own.
static int take_members(struct reading *r)
{
    char key[KEY_MAX_BYTES];
    size_t len;
    for (;;) {
        int event = nh_json_next(&r->json);
        if (event < 0 || (event == NH_JSON_OBJECT_END && nh_json_depth(&r->json) == 0))
            return event < 0 ? event : NH_OK;
        if (event == NH_JSON_OBJECT_END)
            continue;
        const char *text = nh_json_text(&r->json, &len);
        memcpy(key, text, len + 1); // the reader's own buffer is as long
        event = nh_json_next(&r->json);
        bool is_inner = event == NH_JSON_OBJECT_BEGIN && nh_json_depth(&r->json) == 2 &&
                        strcmp(key, "battery") == 0;
        if (is_inner)
            continue;
        int err = event < 0 ? event : take_value(r, key, event);
        if (err < 0)
            return err;
    }
}

// ---- what was read -----------------------------------------------------------------------------

// Cells of 0 mV are not there: the format's arrays have 16 places whatever the pack has.
static void settle_cells(struct reading *r)
{
    struct nh_battery_values *v = &r->out->values;
    uint32_t count = r->count && r->count < r->cells ? r->count : r->cells;
    while (count > 0 && v->cell_dmv[count - 1] == 0)
        count--;
    bool is_whole = r->has_cells && count > 0;
    for (uint32_t i = 0; i < count; i++)
        is_whole = is_whole && v->cell_dmv[i] > 0;
    count = is_whole ? count : 0;
    for (uint32_t i = count; i < NH_BATTERY_CELL_MAX_COUNT; i++)
        v->cell_dmv[i] = 0;
    v->cell_count = (uint8_t)count;
    if (count > 0)
        r->out->mask |= 1u << NH_BATTERY_CELLS;
    else
        r->out->bad_count += r->has_cells;
}

static bool has(const struct nh_remote_frame *f, enum nh_battery_field field)
{
    return f->mask & 1u << field;
}

static void settle_status(struct reading *r)
{
    struct nh_remote_frame *f = r->out;
    if (has(f, NH_BATTERY_STATUS) || !r->has_charging)
        return;
    bool is_discharging = has(f, NH_BATTERY_CURRENT) && f->values.current_ma < 0;
    f->values.status = r->is_charging ? 0x91 : is_discharging ? 0x93 : 0x97;
    f->mask |= 1u << NH_BATTERY_STATUS;
}

static void settle(struct reading *r)
{
    struct nh_remote_frame *f = r->out;
    uint32_t missing = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (r->seen & 1ull << i)
            f->mask |= 1u << rows[i].field;
        else if (rows[i].is_needed)
            missing |= 1u << rows[i].field;
    f->mask &= ~missing;
    if (r->has_flags) { // the array says more than the bits beside it
        f->values.balancing = r->flags;
        f->mask |= 1u << NH_BATTERY_BALANCING;
    }
    settle_cells(r);
    settle_status(r);
    if (!has(f, NH_BATTERY_POWER) && has(f, NH_BATTERY_VOLTAGE) && has(f, NH_BATTERY_CURRENT)) {
        int64_t mw = (int64_t)f->values.voltage_mv * f->values.current_ma / 1000;
        bool fits = mw >= INT32_MIN && mw <= INT32_MAX;
        f->values.power_mw = fits ? (int32_t)mw : 0;
        f->mask |= fits ? 1u << NH_BATTERY_POWER : 0;
    }
}

// What is not known is 0, whatever came with it.
static void wipe(struct nh_remote_frame *f)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (!has(f, (enum nh_battery_field)rows[i].field))
            put(&f->values, &rows[i], 0);
    if (!has(f, NH_BATTERY_VERSION_INFO))
        memset(f->values.serial, 0, sizeof f->values.serial);
}

int nh_remote_frame_read(const char *text, size_t len, struct nh_remote_frame *out)
{
    struct reading r = {.out = out};
    // Keys and texts of others may be longer than all of ours: cut, they are none of ours still.
    const struct nh_json_reader_config cfg = {
        .text = r.text, .text_max_bytes = sizeof r.text, .depth_max = DEPTH_MAX, .cut_long = true};
    memset(out, 0, sizeof *out);
    nh_json_reader_init(&r.json, &cfg);
    nh_json_feed(&r.json, text, len, true);
    int event = nh_json_next(&r.json);
    if (event >= 0 && event != NH_JSON_OBJECT_BEGIN)
        return NH_ERR_TYPE;
    int err = event < 0 ? event : take_members(&r);
    if (err == NH_OK)
        err = nh_json_next(&r.json); // nothing may follow
    if (err < 0) {
        memset(out, 0, sizeof *out);
        return err == NH_ERR_AGAIN ? NH_ERR_SYNTAX : err;
    }
    settle(&r);
    wipe(out);
    return NH_OK;
}

// ---- writing -----------------------------------------------------------------------------------

static void write_cells(nh_json_writer_t *w, const struct nh_battery_snapshot *s)
{
    nh_json_kv_double(w, "min_cell_mv", s->cell_min_dmv / 10.0);
    nh_json_kv_double(w, "max_cell_mv", s->cell_max_dmv / 10.0);
    nh_json_kv_uint(w, "series_cell_count", s->v.cell_count);
    nh_json_key(w, "cell_voltage_mv");
    nh_json_array_begin(w);
    for (size_t i = 0; i < s->v.cell_count && i < NH_BATTERY_CELL_MAX_COUNT; i++)
        nh_json_double_value(w, s->v.cell_dmv[i] / 10.0);
    nh_json_array_end(w);
}

static void write_flags(nh_json_writer_t *w, const struct nh_battery_snapshot *s)
{
    nh_json_key(w, "cell_balancing");
    nh_json_array_begin(w);
    for (size_t i = 0; i < s->v.cell_count && i < NH_BATTERY_CELL_MAX_COUNT; i++)
        nh_json_bool(w, s->v.balancing & 1u << i);
    nh_json_array_end(w);
}

static void write_serial(nh_json_writer_t *w, const struct nh_battery_values *v)
{
    static const char digits[] = "0123456789abcdef";
    char text[25] = "";
    for (size_t i = 0; i < 24; i++)
        text[i] = digits[v->serial[i / 4] >> (12 - i % 4 * 4) & 15];
    nh_json_kv_string(w, "serial_number", text);
}

void nh_remote_frame_write(nh_json_writer_t *w, const struct nh_battery_snapshot *s,
                           uint64_t now_ms, int64_t unix_ms)
{
    const uint32_t known = s->valid & ~s->stale;
    nh_json_object_begin(w);
    nh_json_key(w, "battery");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "type", "battery");
    if (unix_ms > 0)
        nh_json_kv_int(w, "timestamp_ms", unix_ms);
    nh_json_kv_uint(w, "age_ms", now_ms > s->time_ms ? now_ms - s->time_ms : 0);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (known & 1u << rows[i].field)
            nh_json_kv_double(w, rows[i].key, get(&s->v, &rows[i]));
    if (known & 1u << NH_BATTERY_STATUS)
        nh_json_kv_bool(w, "is_charging", s->v.status == 0x91);
    if (known & 1u << NH_BATTERY_CELLS)
        write_cells(w, s);
    if ((known & 1u << NH_BATTERY_BALANCING) && s->v.cell_count > 0)
        write_flags(w, s);
    if (known & 1u << NH_BATTERY_VERSION_INFO)
        write_serial(w, &s->v);
    nh_json_kv_bool(w, "history_available", true);
    nh_json_object_end(w);
    nh_json_object_end(w);
}
