#include "components/battery_bridge/battery_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BIT(field) (1u << (field))
#define CELLS NH_BATTERY_CELL_MAX_COUNT

// A number comes from its getter in thousandths of the unit; where the source has finer ones they
// are below what is told.
typedef bool (*number_fn)(const struct nh_battery_view *v, int64_t *milli);

struct row {
    const char *object, *name, *unit, *device_class, *state_class, *icon;
    uint8_t kind, group, decimals;
    bool is_diagnostic;
    uint32_t needs; // fields
    number_fn number;
    const char *(*text)(const struct nh_battery_view *v);
};

// ---- getters ------------------------------------------------------------------------------------

#define GETTER(name, expression)                                                                   \
    static bool name(const struct nh_battery_view *v, int64_t *milli)                              \
    {                                                                                              \
        const struct nh_battery_snapshot *s = v->s;                                                \
        *milli = (int64_t)(expression);                                                            \
        (void)s;                                                                                   \
        return true;                                                                               \
    }
GETTER(voltage, s->v.voltage_mv)
GETTER(current, s->v.current_ma)
GETTER(power, s->v.power_mw)
GETTER(charging_power, s->v.power_mw > 0 ? s->v.power_mw : 0)
GETTER(discharging_power, s->v.power_mw < 0 ? -(int64_t)s->v.power_mw : 0)
GETTER(soc, s->v.soc_mpct)
GETTER(soh, s->v.soh_mpct)
GETTER(remaining, (int64_t)s->v.capacity_mah * s->v.soc_mpct / 100000)
GETTER(capacity, s->v.capacity_mah)
GETTER(cell_min, (s->cell_min_dmv + 5) / 10)
GETTER(cell_max, (s->cell_max_dmv + 5) / 10)
GETTER(cell_avg, (s->cell_avg_dmv + 5) / 10)
GETTER(cell_delta, s->cell_delta_dmv * 100) // of millivolts
GETTER(cell_min_at, s->cell_min_at * 1000)
GETTER(cell_max_at, s->cell_max_at * 1000)
GETTER(energy_in, s->v.energy_in_mwh / 1000) // of kilowatt hours
GETTER(energy_out, s->v.energy_out_mwh / 1000)
GETTER(cycles, s->v.cycles_milli)
GETTER(lifetime, (int64_t)s->v.lifetime_s * 1000)
GETTER(is_charging, s->v.status == 0x91 || s->v.status == 0x96 ? 1 : 0)
GETTER(is_balancing, s->v.balancing ? 1 : 0)
GETTER(alarm_count, s->alarm_count * 1000)
GETTER(unacknowledged, s->unacknowledged * 1000)
GETTER(errors_bitmask, (int64_t)(v->alarms->alarms | v->alarms->warnings) * 1000)
// Any critical alarm is one, also of a kind that has no bit.
GETTER(has_problem, v->alarms->alarms || s->v.status == 0x9B ||
                            (s->alarm_count > 0 && s->alarm_worst >= NH_BATTERY_CRITICAL)
                        ? 1
                        : 0)
GETTER(under_voltage, (int64_t)s->v.counters.under_voltage * 1000)
GETTER(over_voltage, (int64_t)s->v.counters.over_voltage * 1000)
GETTER(discharge_over, (int64_t)s->v.counters.discharge_over * 1000)
GETTER(charge_over, (int64_t)s->v.counters.charge_over * 1000)
GETTER(overheat, (int64_t)s->v.counters.overheat * 1000)
GETTER(chargings, (int64_t)s->v.counters.chargings * 1000)
GETTER(full_charges, (int64_t)s->v.counters.full_charges * 1000)

static bool temperature_of(int32_t mc, int64_t *milli)
{
    *milli = mc;
    return mc != NH_BATTERY_TEMPERATURE_NONE;
}

#define TEMPERATURE(name, field)                                                                   \
    static bool name(const struct nh_battery_view *v, int64_t *milli)                              \
    {                                                                                              \
        return temperature_of(v->s->v.field, milli);                                               \
    }
TEMPERATURE(temperature, temperature_mc)
TEMPERATURE(temp_ext1, temp_ext1_mc)
TEMPERATURE(temp_ext2, temp_ext2_mc)
TEMPERATURE(temp_bms, temp_bms_mc)

// Whole minutes: an estimate that moves each second fills a recorder's database. One of more than
// ten years is none.
static bool minutes_of(uint64_t s, int64_t *milli)
{
    bool is_known = s < 10ull * 365 * 24 * 3600;
    *milli = is_known ? (int64_t)((s + 30) / 60) * 1000 : 0;
    return is_known;
}

static bool to_full(const struct nh_battery_view *v, int64_t *milli)
{
    return minutes_of(v->s->time_to_full_s, milli);
}

static bool to_empty(const struct nh_battery_view *v, int64_t *milli)
{
    return minutes_of(v->s->time_to_empty_s, milli);
}

#define LIMIT(name, field)                                                                         \
    static bool name(const struct nh_battery_view *v, int64_t *milli)                              \
    {                                                                                              \
        *milli = v->limits->field;                                                                 \
        return v->limits->is_known;                                                                \
    }
LIMIT(charge_voltage_limit, cvl_mv)
LIMIT(charge_current_limit, ccl_ma)
LIMIT(discharge_current_limit, dcl_ma)

// ---- texts --------------------------------------------------------------------------------------

static const char *status(const struct nh_battery_view *v)
{
    return nh_tinybms_status_text(v->s->v.status);
}

static const char *source(const struct nh_battery_view *v)
{
    static const char *const texts[] = {[NH_BATTERY_FROM_NOBODY] = "nobody",
                                        [NH_BATTERY_FROM_LOCAL] = "local",
                                        [NH_BATTERY_FROM_REMOTE] = "remote",
                                        [NH_BATTERY_FROM_STORE] = "store"};
    return v->s->source < NH_ARRAY_LEN(texts) ? texts[v->s->source] : NULL;
}

static const char *errors(const struct nh_battery_view *v)
{
    return v->errors;
}

static const char *control_state(const struct nh_battery_view *v)
{
    return v->limits->is_known ? nh_battery_control_text(v->limits->state) : NULL;
}

// ---- the table ----------------------------------------------------------------------------------

#define NUMBER(object_, name_, unit_, class_, decimals_, group_, needs_, get_)                     \
    {                                                                                              \
        .object = (object_), .name = (name_), .unit = (unit_), .device_class = (class_),           \
        .state_class = "measurement", .decimals = (decimals_), .group = (group_),                  \
        .needs = BIT(needs_), .number = (get_)                                                     \
    }
#define METER(object_, name_, unit_, class_, decimals_, needs_, get_)                              \
    {                                                                                              \
        .object = (object_), .name = (name_), .unit = (unit_), .device_class = (class_),           \
        .state_class = "total_increasing", .decimals = (decimals_), .group = NH_BATTERY_IN_METERS, \
        .needs = BIT(needs_), .number = (get_)                                                     \
    }
#define COUNTER(object_, name_, get_)                                                              \
    {                                                                                              \
        .object = (object_), .name = (name_), .state_class = "total_increasing",                   \
        .group = NH_BATTERY_IN_METERS, .needs = BIT(NH_BATTERY_COUNTERS), .number = (get_),        \
        .is_diagnostic = true                                                                      \
    }
#define FLAG(object_, name_, class_, icon_, needs_, get_)                                          \
    {                                                                                              \
        .object = (object_), .name = (name_), .device_class = (class_), .icon = (icon_),           \
        .kind = NH_BATTERY_FLAG, .needs = (needs_), .number = (get_)                               \
    }
#define TEXT(object_, name_, icon_, needs_, get_)                                                  \
    {                                                                                              \
        .object = (object_), .name = (name_), .icon = (icon_), .kind = NH_BATTERY_TEXT,            \
        .needs = (needs_), .text = (get_), .is_diagnostic = true                                   \
    }
#define STATE NH_BATTERY_IN_STATE
#define CELL_GROUP NH_BATTERY_IN_CELLS

static const struct row rows[] = {
    NUMBER("total_voltage", "Voltage", "V", "voltage", 2, STATE, NH_BATTERY_VOLTAGE, voltage),
    NUMBER("current", "Current", "A", "current", 1, STATE, NH_BATTERY_CURRENT, current),
    NUMBER("power", "Power", "W", "power", 0, STATE, NH_BATTERY_POWER, power),
    NUMBER("charging_power", "Charging power", "W", "power", 0, STATE, NH_BATTERY_POWER,
           charging_power),
    NUMBER("discharging_power", "Discharging power", "W", "power", 0, STATE, NH_BATTERY_POWER,
           discharging_power),
    NUMBER("state_of_charge", "State of charge", "%", "battery", 1, STATE, NH_BATTERY_SOC, soc),
    NUMBER("state_of_health", "State of health", "%", NULL, 1, NH_BATTERY_IN_METERS, NH_BATTERY_SOH,
           soh),
    {.object = "capacity_remaining",
     .name = "Capacity remaining",
     .unit = "Ah",
     .state_class = "measurement",
     .decimals = 1,
     .needs = BIT(NH_BATTERY_CAPACITY) | BIT(NH_BATTERY_SOC),
     .number = remaining},
    NUMBER("capacity", "Capacity", "Ah", NULL, 1, NH_BATTERY_IN_METERS, NH_BATTERY_CAPACITY,
           capacity),
    NUMBER("temperature", "Temperature", "°C", "temperature", 1, STATE, NH_BATTERY_TEMPERATURE,
           temperature),
    NUMBER("temperature_sensor_1", "Sensor 1", "°C", "temperature", 1, STATE, NH_BATTERY_TEMP_EXT1,
           temp_ext1),
    NUMBER("temperature_sensor_2", "Sensor 2", "°C", "temperature", 1, STATE, NH_BATTERY_TEMP_EXT2,
           temp_ext2),
    NUMBER("mosfet_temperature", "Board temperature", "°C", "temperature", 1, STATE,
           NH_BATTERY_TEMP_BMS, temp_bms),
    {.object = "time_to_full",
     .name = "Time to full",
     .unit = "min",
     .device_class = "duration",
     .state_class = "measurement",
     .number = to_full},
    {.object = "time_to_empty",
     .name = "Time to empty",
     .unit = "min",
     .device_class = "duration",
     .state_class = "measurement",
     .number = to_empty},
    FLAG("problem", "Problem", "problem", NULL, 0, has_problem),
    FLAG("charging", "Charging", "battery_charging", NULL, BIT(NH_BATTERY_STATUS), is_charging),
    FLAG("balancing", "Balancing", NULL, "mdi:scale-balance", BIT(NH_BATTERY_BALANCING),
         is_balancing),
    TEXT("status", "Status", "mdi:battery-heart-variant", BIT(NH_BATTERY_STATUS), status),
    TEXT("source", "Source", "mdi:transit-connection-variant", 0, source),
    TEXT("errors", "Alarms", "mdi:alert-circle-outline", 0, errors),
    {.object = "errors_bitmask",
     .name = "Alarm bits",
     .icon = "mdi:alert-circle-outline",
     .number = errors_bitmask,
     .is_diagnostic = true},
    {.object = "alarm_count",
     .name = "Active alarms",
     .state_class = "measurement",
     .number = alarm_count,
     .is_diagnostic = true},
    {.object = "unacknowledged_alarms",
     .name = "Unacknowledged alarms",
     .state_class = "measurement",
     .number = unacknowledged,
     .is_diagnostic = true},
    {.object = "charge_voltage_limit",
     .name = "Charge voltage limit",
     .unit = "V",
     .device_class = "voltage",
     .state_class = "measurement",
     .decimals = 1,
     .number = charge_voltage_limit,
     .is_diagnostic = true},
    {.object = "charge_current_limit",
     .name = "Charge current limit",
     .unit = "A",
     .device_class = "current",
     .state_class = "measurement",
     .decimals = 1,
     .number = charge_current_limit,
     .is_diagnostic = true},
    {.object = "discharge_current_limit",
     .name = "Discharge current limit",
     .unit = "A",
     .device_class = "current",
     .state_class = "measurement",
     .decimals = 1,
     .number = discharge_current_limit,
     .is_diagnostic = true},
    TEXT("charge_state", "Charge state", "mdi:battery-charging", 0, control_state),
    NUMBER("min_cell_voltage", "Lowest cell", "V", "voltage", 3, CELL_GROUP, NH_BATTERY_CELLS,
           cell_min),
    NUMBER("max_cell_voltage", "Highest cell", "V", "voltage", 3, CELL_GROUP, NH_BATTERY_CELLS,
           cell_max),
    NUMBER("average_cell_voltage", "Average cell", "V", "voltage", 3, CELL_GROUP, NH_BATTERY_CELLS,
           cell_avg),
    NUMBER("delta_cell_voltage", "Cell spread", "mV", "voltage", 0, CELL_GROUP, NH_BATTERY_CELLS,
           cell_delta),
    NUMBER("min_voltage_cell", "Number of the lowest cell", NULL, NULL, 0, CELL_GROUP,
           NH_BATTERY_CELLS, cell_min_at),
    NUMBER("max_voltage_cell", "Number of the highest cell", NULL, NULL, 0, CELL_GROUP,
           NH_BATTERY_CELLS, cell_max_at),
    METER("charged_energy", "Energy charged", "kWh", "energy", 2, NH_BATTERY_ENERGY, energy_in),
    METER("discharged_energy", "Energy discharged", "kWh", "energy", 2, NH_BATTERY_ENERGY,
          energy_out),
    METER("charging_cycles", "Cycles", NULL, NULL, 1, NH_BATTERY_CYCLES, cycles),
    METER("total_runtime", "Runtime of the board", "s", "duration", 0, NH_BATTERY_LIFETIME,
          lifetime),
    COUNTER("undervoltage_count", "Under-voltage faults", under_voltage),
    COUNTER("overvoltage_count", "Over-voltage faults", over_voltage),
    COUNTER("discharge_overcurrent_count", "Discharge current faults", discharge_over),
    COUNTER("charge_overcurrent_count", "Charge current faults", charge_over),
    COUNTER("overheat_count", "Temperature faults", overheat),
    COUNTER("charging_count", "Times charged", chargings),
    COUNTER("full_charge_count", "Times fully charged", full_charges),
};
#define ROWS NH_ARRAY_LEN(rows)

const char *nh_battery_group_text(uint8_t group)
{
    static const char *const texts[] = {"state", "cells", "meters"};
    return texts[group];
}

// Behind the rows come the cells.
size_t nh_battery_value_count(void)
{
    return ROWS + CELLS;
}

void nh_battery_value_info(size_t at, struct nh_battery_value_info *out)
{
    *out = (struct nh_battery_value_info){.unit = "V",
                                          .device_class = "voltage",
                                          .state_class = "measurement",
                                          .group = NH_BATTERY_IN_CELLS,
                                          .decimals = 3};
    if (at >= ROWS) {
        unsigned cell = (unsigned)(at - ROWS) + 1;
        snprintf(out->object, sizeof out->object, "cell_voltage_%02u", cell);
        snprintf(out->name, sizeof out->name, "Cell %02u", cell);
        return;
    }
    const struct row *r = &rows[at];
    snprintf(out->object, sizeof out->object, "%s", r->object);
    snprintf(out->name, sizeof out->name, "%s", r->name);
    out->unit = r->unit;
    out->device_class = r->device_class;
    out->state_class = r->state_class;
    out->icon = r->icon;
    out->kind = r->kind;
    out->group = r->group;
    out->decimals = r->decimals;
    out->is_diagnostic = r->is_diagnostic;
}

static uint8_t sensor_presence(const struct nh_battery_snapshot *s, enum nh_battery_field field,
                               int32_t mc)
{
    if (!(s->valid & BIT(field)))
        return s->valid & BIT(NH_BATTERY_TEMPERATURE) ? NH_BATTERY_ABSENT : NH_BATTERY_UNSEEN;
    return mc == NH_BATTERY_TEMPERATURE_NONE ? NH_BATTERY_ABSENT : NH_BATTERY_PRESENT;
}

uint8_t nh_battery_value_presence(size_t at, const struct nh_battery_snapshot *s)
{
    if (at >= ROWS) {
        if (!(s->valid & BIT(NH_BATTERY_CELLS)))
            return NH_BATTERY_UNSEEN;
        return at - ROWS < s->v.cell_count ? NH_BATTERY_PRESENT : NH_BATTERY_ABSENT;
    }
    if (rows[at].number == temp_ext1)
        return sensor_presence(s, NH_BATTERY_TEMP_EXT1, s->v.temp_ext1_mc);
    if (rows[at].number == temp_ext2)
        return sensor_presence(s, NH_BATTERY_TEMP_EXT2, s->v.temp_ext2_mc);
    return NH_BATTERY_PRESENT;
}

// ---- values -------------------------------------------------------------------------------------

static int64_t power_of_10(unsigned n)
{
    int64_t p = 1;
    while (n--)
        p *= 10;
    return p;
}

static bool knows(const struct nh_battery_view *v, uint32_t needs)
{
    return (v->known & needs) == needs;
}

bool nh_battery_value_number(size_t at, const struct nh_battery_view *v, int64_t *out)
{
    int64_t milli;
    uint8_t decimals = 3;
    if (at >= ROWS) {
        size_t cell = at - ROWS;
        if (!knows(v, BIT(NH_BATTERY_CELLS)) || cell >= v->s->v.cell_count)
            return false;
        milli = (v->s->v.cell_dmv[cell] + 5) / 10;
    } else {
        const struct row *r = &rows[at];
        if (!r->number || !knows(v, r->needs) || !r->number(v, &milli))
            return false;
        decimals = r->kind == NH_BATTERY_FLAG ? 3 : r->decimals;
    }
    int64_t by = power_of_10(3u - decimals);
    *out = milli < 0 ? -((-milli + by / 2) / by) : (milli + by / 2) / by;
    return true;
}

const char *nh_battery_value_text(size_t at, const struct nh_battery_view *v)
{
    return at < ROWS && rows[at].text && knows(v, rows[at].needs) ? rows[at].text(v) : NULL;
}

static size_t print_number(int64_t n, uint8_t decimals, char *out, size_t cap)
{
    int64_t by = power_of_10(decimals);
    uint64_t whole = (uint64_t)(n < 0 ? -n : n);
    int len = snprintf(out, cap, "%s%" PRIu64, n < 0 ? "-" : "", whole / (uint64_t)by);
    if (decimals)
        len += snprintf(out + len, cap - (size_t)len, ".%0*" PRIu64, (int)decimals,
                        whole % (uint64_t)by);
    return (size_t)len;
}

size_t nh_battery_value_print(size_t at, const struct nh_battery_view *v, char *out, size_t cap)
{
    int64_t n;
    if (at < ROWS && rows[at].kind == NH_BATTERY_TEXT) {
        const char *text = nh_battery_value_text(at, v);
        int len = text ? snprintf(out, cap, "%s", text[0] ? text : "none") : 0;
        return (size_t)len < cap ? (size_t)len : cap - 1;
    }
    if (!nh_battery_value_number(at, v, &n))
        return 0;
    if (at < ROWS && rows[at].kind == NH_BATTERY_FLAG)
        return (size_t)snprintf(out, cap, "%s", n ? "ON" : "OFF");
    return print_number(n, at < ROWS ? rows[at].decimals : 3, out, cap);
}

static void write_value(size_t at, const struct nh_battery_view *v, nh_json_writer_t *w)
{
    char text[NH_BATTERY_TEXT_MAX_BYTES];
    bool is_number = at >= ROWS || rows[at].kind == NH_BATTERY_NUMBER;
    size_t len = nh_battery_value_print(at, v, text, sizeof text);
    if (!len)
        nh_json_null(w);
    else if (is_number)
        nh_json_raw(w, text, len);
    else
        nh_json_string_n(w, text, len);
}

void nh_battery_group_write(uint8_t group, const struct nh_battery_view *v, nh_json_writer_t *w)
{
    struct nh_battery_value_info info;
    nh_json_object_begin(w);
    for (size_t at = 0; at < nh_battery_value_count(); at++) {
        nh_battery_value_info(at, &info);
        if (info.group != group || nh_battery_value_presence(at, v->s) != NH_BATTERY_PRESENT)
            continue;
        nh_json_key(w, info.object);
        write_value(at, v, w);
    }
    if (group == NH_BATTERY_IN_CELLS && knows(v, BIT(NH_BATTERY_BALANCING)))
        nh_json_kv_uint(w, "balancing_bitmask", v->s->v.balancing);
    nh_json_object_end(w);
}
