// battery_victron.c - the pack as dbus-mqtt-battery, Victron's bridge from MQTT, takes it.

#include "components/battery_bridge/battery_values.h"

#include <stdio.h>

#define BIT(field) (1u << (field))
#define CELL_MAX_COUNT 24 // that it has places for

static bool knows(const struct nh_battery_view *v, uint32_t needs)
{
    return (v->known & needs) == needs;
}

static void kv_milli(nh_json_writer_t *w, const char *key, bool is_known, int64_t milli)
{
    if (is_known)
        nh_json_kv_double(w, key, (double)milli / 1000.0);
    else
        nh_json_kv_null(w, key);
}

static void write_dc(const struct nh_battery_view *v, nh_json_writer_t *w)
{
    const struct nh_battery_values *x = &v->s->v;
    nh_json_key(w, "Dc");
    nh_json_object_begin(w);
    kv_milli(w, "Power", knows(v, BIT(NH_BATTERY_POWER)), x->power_mw);
    kv_milli(w, "Voltage", knows(v, BIT(NH_BATTERY_VOLTAGE)), x->voltage_mv);
    kv_milli(w, "Current", knows(v, BIT(NH_BATTERY_CURRENT)), x->current_ma);
    kv_milli(w, "Temperature",
             knows(v, BIT(NH_BATTERY_TEMPERATURE)) &&
                 x->temperature_mc != NH_BATTERY_TEMPERATURE_NONE,
             x->temperature_mc);
    nh_json_object_end(w);
}

static void write_charge(const struct nh_battery_view *v, nh_json_writer_t *w)
{
    const struct nh_battery_values *x = &v->s->v;
    bool has_both = knows(v, BIT(NH_BATTERY_CAPACITY) | BIT(NH_BATTERY_SOC));
    int64_t left_mah = (int64_t)x->capacity_mah * x->soc_mpct / 100000;
    uint64_t to_go = v->s->time_to_empty_s;
    kv_milli(w, "Soc", knows(v, BIT(NH_BATTERY_SOC)), x->soc_mpct);
    kv_milli(w, "Soh", knows(v, BIT(NH_BATTERY_SOH)), x->soh_mpct);
    kv_milli(w, "InstalledCapacity", knows(v, BIT(NH_BATTERY_CAPACITY)), x->capacity_mah);
    kv_milli(w, "Capacity", has_both, left_mah);
    kv_milli(w, "ConsumedAmphours", has_both, left_mah - x->capacity_mah);
    if (to_go == NH_NEVER)
        nh_json_kv_null(w, "TimeToGo");
    else
        nh_json_kv_uint(w, "TimeToGo", to_go);
    if (knows(v, BIT(NH_BATTERY_BALANCING)))
        nh_json_kv_uint(w, "Balancing", x->balancing != 0);
}

// 0 ok, 1 warning, 2 alarm.
static void write_alarms(const struct nh_battery_view *v, nh_json_writer_t *w)
{
    static const struct {
        const char *key;
        uint32_t bits;
    } rows[] = {
        {"LowVoltage", BIT(NH_BATTERY_CAN_LOW_VOLTAGE)},
        {"HighVoltage", BIT(NH_BATTERY_CAN_HIGH_VOLTAGE)},
        {"LowSoc", BIT(NH_BATTERY_CAN_LOW_CHARGE)},
        {"HighChargeCurrent", BIT(NH_BATTERY_CAN_HIGH_CHARGE_CURRENT)},
        {"HighDischargeCurrent", BIT(NH_BATTERY_CAN_HIGH_CURRENT)},
        {"CellImbalance", BIT(NH_BATTERY_CAN_IMBALANCE)},
        {"HighChargeTemperature", BIT(NH_BATTERY_CAN_HIGH_TEMPERATURE)},
        {"LowChargeTemperature", BIT(NH_BATTERY_CAN_LOW_TEMPERATURE_CHARGE)},
        {"LowCellVoltage", BIT(NH_BATTERY_CAN_LOW_VOLTAGE)},
        {"LowTemperature", BIT(NH_BATTERY_CAN_LOW_TEMPERATURE)},
        {"HighTemperature", BIT(NH_BATTERY_CAN_HIGH_TEMPERATURE)},
    };
    nh_json_key(w, "Alarms");
    nh_json_object_begin(w);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        nh_json_kv_uint(w, rows[i].key,
                        v->alarms->alarms & rows[i].bits     ? 2u
                        : v->alarms->warnings & rows[i].bits ? 1u
                                                             : 0u);
    nh_json_object_end(w);
}

static void write_info(const struct nh_battery_view *v, nh_json_writer_t *w)
{
    const struct nh_battery_control_output *l = v->limits;
    nh_json_key(w, "Info");
    nh_json_object_begin(w);
    kv_milli(w, "MaxChargeVoltage", l->is_known, l->cvl_mv);
    kv_milli(w, "MaxChargeCurrent", l->is_known, l->ccl_ma);
    kv_milli(w, "MaxDischargeCurrent", l->is_known, l->dcl_ma);
    nh_json_object_end(w);
    nh_json_key(w, "History");
    nh_json_object_begin(w);
    kv_milli(w, "ChargeCycles", knows(v, BIT(NH_BATTERY_CYCLES)), v->s->v.cycles_milli);
    nh_json_object_end(w);
}

static void kv_cell_id(nh_json_writer_t *w, const char *key, uint8_t at)
{
    char text[8];
    snprintf(text, sizeof text, "C%u", (unsigned)at);
    nh_json_kv_string(w, key, text);
}

// As everywhere else a cell is told: to the nearest millivolt.
static void kv_cell(nh_json_writer_t *w, const char *key, uint16_t dmv)
{
    kv_milli(w, key, true, (dmv + 5) / 10);
}

static void write_cells(const struct nh_battery_view *v, nh_json_writer_t *w)
{
    char key[16];
    unsigned count = v->s->v.cell_count < CELL_MAX_COUNT ? v->s->v.cell_count : CELL_MAX_COUNT;
    nh_json_key(w, "System");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "NrOfCellsPerBattery", v->s->v.cell_count);
    kv_cell(w, "MinCellVoltage", v->s->cell_min_dmv);
    kv_cell_id(w, "MinVoltageCellId", v->s->cell_min_at);
    kv_cell(w, "MaxCellVoltage", v->s->cell_max_dmv);
    kv_cell_id(w, "MaxVoltageCellId", v->s->cell_max_at);
    nh_json_object_end(w);
    nh_json_key(w, "Voltages");
    nh_json_object_begin(w);
    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof key, "Cell%u", i + 1);
        kv_cell(w, key, v->s->v.cell_dmv[i]);
    }
    nh_json_object_end(w);
    if (!knows(v, BIT(NH_BATTERY_BALANCING)))
        return;
    nh_json_key(w, "Balances");
    nh_json_object_begin(w);
    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof key, "Cell%u", i + 1);
        nh_json_kv_uint(w, key, v->s->v.balancing >> i & 1);
    }
    nh_json_object_end(w);
}

void nh_battery_victron_write(const struct nh_battery_view *v, nh_json_writer_t *w)
{
    nh_json_object_begin(w);
    write_dc(v, w);
    write_charge(v, w);
    write_alarms(v, w);
    write_info(v, w);
    if (knows(v, BIT(NH_BATTERY_CELLS)))
        write_cells(v, w);
    nh_json_object_end(w);
}
