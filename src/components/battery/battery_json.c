// The pack as JSON: what /api/battery and the feed tell. Units stand in the keys; what is not known
// is null.

#include "components/battery/battery_api.h"

#include "core/base/format.h"

#include <stdio.h>

static const char *const source_names[] = {"nobody", "local", "remote", "store"};
static const char *const severity_names[] = {"info", "warning", "critical"};
const char *const nh_battery__mode_names[] = {"local", "remote", "auto", NULL};

const char *nh_battery__source_name(unsigned source)
{
    return source < NH_ARRAY_LEN(source_names) ? source_names[source] : "unknown";
}

const char *nh_battery__severity_name(unsigned severity)
{
    return severity < NH_ARRAY_LEN(severity_names) ? severity_names[severity] : "unknown";
}

const char *nh_battery__mode_name(unsigned mode)
{
    return mode <= NH_BATTERY_AUTO ? nh_battery__mode_names[mode] : "unknown";
}

// ---- parts -------------------------------------------------------------------------------------

static bool has(const struct nh_battery_snapshot *s, unsigned field)
{
    return s->valid & NH_BATTERY__BIT(field);
}

static void kv_scaled(nh_json_writer_t *w, const char *key, bool is_known, double value,
                      double divisor)
{
    if (is_known)
        nh_json_kv_double(w, key, value / divisor);
    else
        nh_json_kv_null(w, key);
}

static void kv_seconds(nh_json_writer_t *w, const char *key, uint64_t seconds)
{
    if (seconds != NH_NEVER)
        nh_json_kv_uint(w, key, seconds);
    else
        nh_json_kv_null(w, key);
}

// What a store kept was measured before the start: the wall clock alone knows when, if it was set
// then and is now.
static uint64_t age_ms(const struct nh_battery_snapshot *s, unsigned source, uint64_t measured_ms,
                       struct nh_battery__time t)
{
    if (source != NH_BATTERY_FROM_STORE)
        return t.now_ms > measured_ms ? t.now_ms - measured_ms : 0;
    return s->stored_unix_ms > 0 && t.unix_ms >= s->stored_unix_ms
               ? (uint64_t)(t.unix_ms - s->stored_unix_ms)
               : NH_NEVER;
}

static uint64_t field_age_ms(const struct nh_battery_snapshot *s, unsigned field,
                             struct nh_battery__time t)
{
    if (field == NH_BATTERY_ENERGY && s->field_source[field] == NH_BATTERY_FROM_STORE)
        return NH_NEVER; // the meters' document has no time
    return age_ms(s, s->field_source[field], s->field_ms[field], t);
}

static void kv_age(nh_json_writer_t *w, uint64_t age)
{
    if (age != NH_NEVER)
        nh_json_kv_uint(w, "age_ms", age);
    else
        nh_json_kv_null(w, "age_ms");
}

static void write_status(nh_json_writer_t *w, const struct nh_battery_snapshot *s)
{
    char number[8];
    const char *text = nh_tinybms_status_text(s->v.status);
    if (!has(s, NH_BATTERY_STATUS)) {
        nh_json_kv_null(w, "status");
        return;
    }
    snprintf(number, sizeof number, "0x%02X", s->v.status);
    nh_json_kv_string(w, "status", text ? text : number);
}

static void write_pack(nh_json_writer_t *w, const struct nh_battery_snapshot *s)
{
    const struct nh_battery_values *v = &s->v;
    const struct {
        const char *key;
        uint8_t field;
        double value, divisor;
    } rows[] = {
        {"voltage_v", NH_BATTERY_VOLTAGE, v->voltage_mv, 1e3},
        {"current_a", NH_BATTERY_CURRENT, v->current_ma, 1e3},
        {"power_w", NH_BATTERY_POWER, v->power_mw, 1e3},
        {"soc_pct", NH_BATTERY_SOC, v->soc_mpct, 1e3},
        {"soh_pct", NH_BATTERY_SOH, v->soh_mpct, 1e3},
        {"capacity_ah", NH_BATTERY_CAPACITY, v->capacity_mah, 1e3},
        {"cycles", NH_BATTERY_CYCLES, v->cycles_milli, 1e3},
        {"energy_in_kwh", NH_BATTERY_ENERGY, (double)v->energy_in_mwh, 1e6},
        {"energy_out_kwh", NH_BATTERY_ENERGY, (double)v->energy_out_mwh, 1e6},
        {"temperature_c", NH_BATTERY_TEMPERATURE, v->temperature_mc, 1e3},
        {"temp_ext1_c", NH_BATTERY_TEMP_EXT1, v->temp_ext1_mc, 1e3},
        {"temp_ext2_c", NH_BATTERY_TEMP_EXT2, v->temp_ext2_mc, 1e3},
        {"temp_bms_c", NH_BATTERY_TEMP_BMS, v->temp_bms_mc, 1e3},
        {"lifetime_s", NH_BATTERY_LIFETIME, v->lifetime_s, 1},
        {"time_left_s", NH_BATTERY_TIME_LEFT, v->time_left_s, 1},
    };
    nh_json_key(w, "pack");
    nh_json_object_begin(w);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        kv_scaled(w, rows[i].key, has(s, rows[i].field), rows[i].value, rows[i].divisor);
    write_status(w, s);
    kv_seconds(w, "time_to_full_s", s->time_to_full_s);
    kv_seconds(w, "time_to_empty_s", s->time_to_empty_s);
    nh_json_object_end(w);
}

void nh_battery__json_head(nh_json_writer_t *w, const struct nh_battery_snapshot *s,
                           struct nh_battery__time t)
{
    nh_json_kv_string(w, "mode", nh_battery__mode_name(s->mode));
    nh_json_kv_string(w, "source", nh_battery__source_name(s->source));
    nh_json_kv_uint(w, "generation", s->generation);
    nh_json_kv_uint(w, "seq", s->seq);
    kv_age(w, s->time_ms ? age_ms(s, s->source, s->time_ms, t) : NH_NEVER);
    nh_json_key(w, "connected");
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "local", s->is_local_connected);
    nh_json_kv_bool(w, "remote", s->is_remote_connected);
    nh_json_object_end(w);
    write_pack(w, s);
    nh_json_key(w, "alarms");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "active", s->alarm_count);
    nh_json_kv_uint(w, "unacknowledged", s->unacknowledged);
    nh_json_kv_string(w, "worst",
                      s->alarm_count ? nh_battery__severity_name(s->alarm_worst) : NULL);
    nh_json_object_end(w);
}

// ---- cells -------------------------------------------------------------------------------------

static void write_bits(nh_json_writer_t *w, const char *key, uint32_t bits, unsigned count)
{
    nh_json_key(w, key);
    nh_json_array_begin(w);
    for (unsigned i = 0; i < count; i++)
        nh_json_bool(w, bits >> i & 1);
    nh_json_array_end(w);
}

static void write_extremes(nh_json_writer_t *w, const struct nh_battery_snapshot *s)
{
    bool is_known = has(s, NH_BATTERY_CELLS);
    kv_scaled(w, "min_mv", is_known, s->cell_min_dmv, 10);
    kv_scaled(w, "max_mv", is_known, s->cell_max_dmv, 10);
    kv_scaled(w, "avg_mv", is_known, s->cell_avg_dmv, 10);
    kv_scaled(w, "delta_mv", is_known, s->cell_delta_dmv, 10);
    kv_scaled(w, "min_at", is_known, s->cell_min_at, 1);
    kv_scaled(w, "max_at", is_known, s->cell_max_at, 1);
    kv_scaled(w, "trend_mv_per_h", s->spread_trend_dmv_h != NH_BATTERY__TREND_UNKNOWN,
              s->spread_trend_dmv_h, 10);
}

void nh_battery__json_cells(nh_json_writer_t *w, const struct nh_battery_snapshot *s)
{
    unsigned count = has(s, NH_BATTERY_CELLS) ? s->v.cell_count : 0;
    unsigned balanced = has(s, NH_BATTERY_BALANCING) ? count : 0;
    nh_json_key(w, "cells");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "count", count);
    nh_json_key(w, "mv");
    nh_json_array_begin(w);
    for (unsigned i = 0; i < count; i++)
        nh_json_double_value(w, s->v.cell_dmv[i] / 10.0);
    nh_json_array_end(w);
    write_bits(w, "balancing", s->v.balancing, balanced);
    write_bits(w, "wanted", s->v.balance_wanted, balanced);
    write_extremes(w, s);
    nh_json_object_end(w);
}

// ---- limits, counters, version -----------------------------------------------------------------

struct number {
    const char *key;
    int64_t value;
};

static void write_numbers(nh_json_writer_t *w, const struct number *n, size_t count)
{
    for (size_t i = 0; i < count; i++)
        nh_json_kv_int(w, n[i].key, n[i].value);
}

// Begins a member that is null while its field is not known.
static bool begin_member(nh_json_writer_t *w, const char *key, bool is_known)
{
    nh_json_key(w, key);
    if (is_known)
        nh_json_object_begin(w);
    else
        nh_json_null(w);
    return is_known;
}

static void write_limits(nh_json_writer_t *w, const struct nh_battery_snapshot *s)
{
    const struct nh_battery_limits *l = &s->v.limits;
    const struct number n[] = {
        {"charge_a", l->charge_a},
        {"discharge_a", l->discharge_a},
        {"peak_discharge_a", l->peak_discharge_a},
        {"full_mv", l->full_mv},
        {"empty_mv", l->empty_mv},
        {"over_mv", l->over_mv},
        {"under_mv", l->under_mv},
        {"balance_mv", l->balance_mv},
        {"spread_mv", l->spread_mv},
        {"hot_c", l->hot_c},
        {"cold_charge_c", l->cold_charge_c},
    };
    if (!begin_member(w, "limits", has(s, NH_BATTERY_LIMITS)))
        return;
    write_numbers(w, n, NH_ARRAY_LEN(n));
    nh_json_object_end(w);
}

static const char *name_of(const char *const *names, size_t count, unsigned i)
{
    return i < count ? names[i] : "unknown";
}

static void write_counters(nh_json_writer_t *w, const struct nh_battery_snapshot *s)
{
    static const char *const resets[] = {
        "unknown",  "low power", "window watchdog", "independent watchdog", "software",
        "power-on", "pin",       "option bytes"};
    static const char *const wakeups[] = {"charger", "ignition", "discharge", "uart"};
    const struct nh_battery_counters *c = &s->v.counters;
    const struct number n[] = {
        {"under_voltage", c->under_voltage},
        {"over_voltage", c->over_voltage},
        {"discharge_over", c->discharge_over},
        {"charge_over", c->charge_over},
        {"overheat", c->overheat},
        {"chargings", c->chargings},
        {"full_charges", c->full_charges},
        {"min_temp_c", c->min_temp_c},
        {"max_temp_c", c->max_temp_c},
        {"cleared_at_s", c->cleared_at_s},
    };
    if (!begin_member(w, "counters", has(s, NH_BATTERY_COUNTERS)))
        return;
    write_numbers(w, n, NH_ARRAY_LEN(n));
    nh_json_kv_double(w, "max_discharge_a", c->max_discharge_ma / 1000.0);
    nh_json_kv_double(w, "max_charge_a", c->max_charge_ma / 1000.0);
    nh_json_kv_double(w, "max_spread_mv", c->max_spread_dmv / 10.0);
    nh_json_kv_string(w, "last_reset", name_of(resets, NH_ARRAY_LEN(resets), c->last_reset));
    nh_json_kv_string(w, "last_wakeup", name_of(wakeups, NH_ARRAY_LEN(wakeups), c->last_wakeup));
    nh_json_object_end(w);
}

static void write_version(nh_json_writer_t *w, const struct nh_battery_snapshot *s)
{
    const struct nh_battery_values *v = &s->v;
    char hardware[8], firmware[4], serial[2 * sizeof v->serial + 1];
    if (!begin_member(w, "version", has(s, NH_BATTERY_VERSION_INFO)))
        return;
    snprintf(hardware, sizeof hardware, "%u.%u", v->hardware, v->hardware_changes);
    snprintf(firmware, sizeof firmware, "%u", v->firmware);
    for (size_t i = 0; i < NH_ARRAY_LEN(v->serial); i++)
        snprintf(serial + 4 * i, 5, "%04x", v->serial[i]);
    nh_json_kv_string(w, "hardware", hardware);
    nh_json_kv_string(w, "firmware", firmware);
    nh_json_kv_uint(w, "firmware_internal", v->firmware_internal);
    nh_json_kv_uint(w, "bootloader", v->bootloader);
    nh_json_kv_string(w, "serial", serial);
    nh_json_object_end(w);
}

void nh_battery__json_slow(nh_json_writer_t *w, const struct nh_battery_snapshot *s)
{
    write_limits(w, s);
    write_counters(w, s);
    write_version(w, s);
}

// ---- the model's own figures
// ----------------------------------------------------------------------

void nh_battery__json_model(nh_json_writer_t *w, const nh_battery__pack_t *p)
{
    struct nh_battery_model_info i;
    struct nh_write_behind_info energy, alarms, mode;
    nh_battery_model_info(p->model, &i);
    nh_write_behind_info(&p->energy_keep, &energy);
    nh_write_behind_info(&p->alarms_keep, &alarms);
    nh_write_behind_info(&p->mode_keep, &mode);
    nh_json_key(w, "model");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "offered", i.offered);
    nh_json_kv_uint(w, "stale_dropped", i.stale_dropped);
    nh_json_kv_uint(w, "denied", i.denied);
    nh_json_kv_uint(w, "implausible", i.implausible);
    nh_json_kv_uint(w, "switched", i.switched);
    nh_json_kv_uint(w, "deferred", i.deferred);
    nh_json_kv_uint(w, "published", i.published[NH_BATTERY_FAR]);
    nh_json_kv_uint(w, "alarms_overflow", p->alarms.overflow);
    nh_json_kv_uint(w, "writes", energy.made + alarms.made + mode.made);
    nh_json_kv_uint(w, "writes_avoided", energy.skipped + alarms.skipped + mode.skipped);
    nh_json_kv_uint(w, "writes_failed", energy.failed + alarms.failed + mode.failed);
    nh_json_object_end(w);
}

// ---- fields ------------------------------------------------------------------------------------

static const char *const field_names[NH_BATTERY_FIELD_COUNT] = {
    [NH_BATTERY_SOC] = "soc",
    [NH_BATTERY_SOH] = "soh",
    [NH_BATTERY_VOLTAGE] = "voltage",
    [NH_BATTERY_CURRENT] = "current",
    [NH_BATTERY_POWER] = "power",
    [NH_BATTERY_TEMPERATURE] = "temperature",
    [NH_BATTERY_TEMP_EXT1] = "temp_ext1",
    [NH_BATTERY_TEMP_EXT2] = "temp_ext2",
    [NH_BATTERY_TEMP_BMS] = "temp_bms",
    [NH_BATTERY_STATUS] = "status",
    [NH_BATTERY_CELLS] = "cells",
    [NH_BATTERY_BALANCING] = "balancing",
    [NH_BATTERY_TIME_LEFT] = "time_left",
    [NH_BATTERY_LIFETIME] = "lifetime",
    [NH_BATTERY_CAPACITY] = "capacity",
    [NH_BATTERY_CYCLES] = "cycles",
    [NH_BATTERY_LIMITS] = "limits",
    [NH_BATTERY_ENERGY] = "energy",
    [NH_BATTERY_COUNTERS] = "counters",
    [NH_BATTERY_VERSION_INFO] = "version",
};

void nh_battery__json_fields(nh_json_writer_t *w, const struct nh_battery_snapshot *s,
                             struct nh_battery__time t)
{
    nh_json_key(w, "fields");
    nh_json_object_begin(w);
    for (unsigned f = 0; f < NH_BATTERY_FIELD_COUNT; f++) {
        nh_json_key(w, field_names[f]);
        nh_json_object_begin(w);
        nh_json_kv_string(w, "source", nh_battery__source_name(s->field_source[f]));
        kv_age(w, has(s, f) ? field_age_ms(s, f, t) : NH_NEVER);
        nh_json_kv_bool(w, "stale", s->stale & NH_BATTERY__BIT(f));
        nh_json_object_end(w);
    }
    nh_json_object_end(w);
}
