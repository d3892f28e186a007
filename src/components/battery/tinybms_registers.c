// The register table of the Tiny BMS, and values in and out of its words.
// docs/battery-registers.md is made from it.

#include "components/battery/tinybms_registers.h"

#include "components/battery/tinybms.h"

#include <math.h>
#include <string.h>

#define NOT_CONNECTED INT16_MIN // of a temperature sensor
#define TAKEN_OVER 0xFFFFu      // of READS_FFFF

#define W NH_TINYBMS_WRITABLE
#define D NH_TINYBMS_DANGEROUS
#define S NH_TINYBMS_SHARED
#define R NH_TINYBMS_SENSOR_RANGE
#define NO_FALLBACK INT32_MIN

static const struct nh_tinybms_choice statuses[] = {
    {NH_TINYBMS_CHARGING, "charging"},
    {NH_TINYBMS_FULL, "fully charged"},
    {NH_TINYBMS_DISCHARGING, "discharging"},
    {NH_TINYBMS_REGENERATION, "regeneration"},
    {NH_TINYBMS_IDLE, "idle"},
    {NH_TINYBMS_IN_FAULT, "fault"},
    {0, NULL},
};
static const struct nh_tinybms_choice resets[] = {
    {0, "unknown"},
    {1, "low power"},
    {2, "window watchdog"},
    {3, "independent watchdog"},
    {4, "software"},
    {5, "power-on"},
    {6, "pin"},
    {7, "option bytes"},
    {0, NULL},
};
static const struct nh_tinybms_choice wakeups[] = {
    {0, "charger"}, {1, "ignition"}, {2, "discharge"}, {3, "uart"}, {0, NULL},
};
static const struct nh_tinybms_choice off_on[] = {{0, "off"}, {1, "on"}, {0, NULL}};
static const struct nh_tinybms_choice distance_units[] = {
    {1, "m"}, {2, "km"}, {3, "ft"}, {4, "mile"}, {5, "yard"}, {0, NULL},
};
static const struct nh_tinybms_choice charger_types[] = {
    {0, "variable (reserved)"},
    {1, "CC/CV"},
    {2, "CAN (reserved)"},
    {0, NULL},
};
static const struct nh_tinybms_choice load_switches[] = {
    {0, "FET"},       {1, "AIDO1"},      {2, "AIDO2"},     {3, "DIDO1"},      {4, "DIDO2"},
    {5, "AIHO1 low"}, {6, "AIHO1 high"}, {7, "AIHO2 low"}, {8, "AIHO2 high"}, {0, NULL},
};
static const struct nh_tinybms_choice charger_switches[] = {
    {1, "charge FET"}, {2, "AIDO1"},      {3, "AIDO2"},     {4, "DIDO1"},      {5, "DIDO2"},
    {6, "AIHO1 low"},  {7, "AIHO1 high"}, {8, "AIHO2 low"}, {9, "AIHO2 high"}, {0, NULL},
};
static const struct nh_tinybms_choice ignitions[] = {
    {0, "off"},   {1, "AIDO1"}, {2, "AIDO2"}, {3, "DIDO1"},
    {4, "DIDO2"}, {5, "AIHO1"}, {6, "AIHO2"}, {0, NULL},
};
static const struct nh_tinybms_choice detections[] = {
    {1, "internal"}, {2, "AIDO1"}, {3, "AIDO2"}, {4, "DIDO1"},
    {5, "DIDO2"},    {6, "AIHO1"}, {7, "AIHO2"}, {0, NULL},
};
static const struct nh_tinybms_choice speed_inputs[] = {
    {0, "off"},
    {1, "DIDO1"},
    {2, "DIDO2"},
    {0, NULL},
};
// From 9 the vendor's list goes on with 0x10.
static const struct nh_tinybms_choice precharge_pins[] = {
    {0, "off"},       {2, "discharge FET"}, {3, "AIDO1"},     {4, "AIDO2"},
    {5, "DIDO1"},     {6, "DIDO2"},         {7, "AIHO1 low"}, {8, "AIHO1 high"},
    {9, "AIHO2 low"}, {0x10, "AIHO2 high"}, {0, NULL},
};
static const struct nh_tinybms_choice precharge_times[] = {
    {0, "0.1 s"}, {1, "0.2 s"}, {2, "0.5 s"}, {3, "1 s"}, {4, "2 s"},
    {5, "3 s"},   {6, "4 s"},   {7, "5 s"},   {0, NULL},
};
static const struct nh_tinybms_choice sensor_types[] = {
    {0, "two 10 k NTC"},
    {1, "multipoint active sensor"},
    {0, NULL},
};
static const struct nh_tinybms_choice modes[] = {{0, "dual port"}, {1, "single port"}, {0, NULL}};
static const struct nh_tinybms_choice intervals[] = {
    {0, "off"}, {1, "0.1 s"}, {2, "0.2 s"}, {3, "0.5 s"}, {4, "1 s"},
    {5, "2 s"}, {6, "5 s"},   {7, "10 s"},  {0, NULL},
};
static const struct nh_tinybms_choice formats[] = {
    {0, "CA V3"},
    {1, "ASCII"},
    {2, "SOC BAR"},
    {0, NULL},
};
static const struct nh_tinybms_choice powers[] = {{0, "low"}, {1, "high"}, {0, NULL}};
static const struct nh_tinybms_choice current_sensors[] = {
    {0, "internal resistor"},
    {1, "internal Hall"},
    {2, "external"},
    {0, NULL},
};

// A row that is read only: address, type, bits, key, label, unit, group, divisor, decimals.
#define SHOW(a, t, b, n, k, l, u, g, sc, dec)                                                      \
    {                                                                                              \
        .address = (a), .type = NH_TINYBMS_##t, .bit_first = (b), .bit_count = (n), .key = (k),    \
        .label = (l), .unit = (u), .group = (g), .divisor = (sc), .decimals = (dec), .step = 1,    \
        .fallback = NO_FALLBACK, .comment = NULL                                                   \
    }
#define SHOW_CHOICE(a, t, b, n, k, l, g, c)                                                        \
    {                                                                                              \
        .address = (a), .type = NH_TINYBMS_##t, .bit_first = (b), .bit_count = (n), .key = (k),    \
        .label = (l), .unit = "", .group = (g), .divisor = 1, .step = 1, .fallback = NO_FALLBACK,  \
        .choices = (c)                                                                             \
    }
// A row that can be written: limits and fallback raw.
#define SET(a, t, fl, k, l, u, g, sc, dec, lo, hi, fb, note)                                       \
    {                                                                                              \
        .address = (a), .type = NH_TINYBMS_##t, .flags = W | (fl), .key = (k), .label = (l),       \
        .unit = (u), .group = (g), .comment = (note), .divisor = (sc), .decimals = (dec),          \
        .min = (lo), .max = (hi), .step = 1, .fallback = (fb)                                      \
    }
#define SET_CHOICE(a, t, fl, b, n, k, l, g, lo, hi, fb, c, note)                                   \
    {                                                                                              \
        .address = (a), .type = NH_TINYBMS_##t, .flags = W | (fl), .bit_first = (b),               \
        .bit_count = (n), .key = (k), .label = (l), .unit = "", .group = (g), .comment = (note),   \
        .divisor = 1, .min = (lo), .max = (hi), .step = 1, .fallback = (fb), .choices = (c)        \
    }
#define CELL(i, n) SHOW(i, U16, 0, 0, "cell_" #n "_mv", "Cell " #n, "mV", "live", 10, 1)

static const struct nh_tinybms_register table[] = {
    CELL(0, 1),
    CELL(1, 2),
    CELL(2, 3),
    CELL(3, 4),
    CELL(4, 5),
    CELL(5, 6),
    CELL(6, 7),
    CELL(7, 8),
    CELL(8, 9),
    CELL(9, 10),
    CELL(10, 11),
    CELL(11, 12),
    CELL(12, 13),
    CELL(13, 14),
    CELL(14, 15),
    CELL(15, 16),
    SHOW(32, U32, 0, 0, "lifetime_s", "Clock of the board", "s", "live", 1, 0),
    SHOW(34, U32, 0, 0, "time_left_s", "Time left", "s", "live", 1, 0),
    SHOW(36, FLOAT, 0, 0, "pack_voltage_v", "Pack voltage", "V", "live", 1, 2),
    SHOW(38, FLOAT, 0, 0, "pack_current_a", "Pack current", "A", "live", 1, 2),
    SHOW(40, U16, 0, 0, "min_cell_mv", "Lowest cell", "mV", "live", 1, 0),
    SHOW(41, U16, 0, 0, "max_cell_mv", "Highest cell", "mV", "live", 1, 0),
    SHOW(42, I16, 0, 0, "ext1_temp_c", "External sensor 1", "°C", "live", 10, 1),
    SHOW(43, I16, 0, 0, "ext2_temp_c", "External sensor 2", "°C", "live", 10, 1),
    SHOW(44, U16, 0, 0, "distance_left_km", "Distance left", "km", "live", 1, 0),
    SHOW(45, U16, 0, 0, "soh_pct", "State of health", "%", "live", 500, 2),
    SHOW(46, U32, 0, 0, "soc_pct", "State of charge", "%", "live", 1000000, 2),
    SHOW(48, I16, 0, 0, "bms_temp_c", "Temperature of the board", "°C", "live", 10, 1),
    SHOW_CHOICE(50, ENUM, 0, 0, "status", "Status", "live", statuses),
    SHOW(51, BITS, 0, 0, "balance_wanted", "Cells that want balancing", "", "live", 1, 0),
    SHOW(52, BITS, 0, 0, "balance_active", "Cells that are balanced", "", "live", 1, 0),
    SHOW(53, U16, 0, 0, "cells_detected", "Cells detected", "", "live", 1, 0),
    SHOW(54, FLOAT, 0, 0, "speed_kmh", "Speed", "km/h", "live", 1, 1),

    SHOW(100, U32, 0, 0, "total_distance_km", "Total distance", "km", "statistics", 100, 2),
    SHOW(102, U16, 0, 0, "max_discharge_a", "Highest discharge current", "A", "statistics", 10, 1),
    SHOW(103, U16, 0, 0, "max_charge_a", "Highest charge current", "A", "statistics", 10, 1),
    SHOW(104, U16, 0, 0, "max_cell_diff_mv", "Widest spread of cells", "mV", "statistics", 10, 1),
    SHOW(105, U16, 0, 0, "undervoltage_count", "Under-voltage faults", "", "statistics", 1, 0),
    SHOW(106, U16, 0, 0, "overvoltage_count", "Over-voltage faults", "", "statistics", 1, 0),
    SHOW(107, U16, 0, 0, "discharge_overcurrent_count", "Discharge over-currents", "", "statistics",
         1, 0),
    SHOW(108, U16, 0, 0, "charge_overcurrent_count", "Charge over-currents", "", "statistics", 1,
         0),
    SHOW(109, U16, 0, 0, "overheat_count", "Over-temperatures", "", "statistics", 1, 0),
    SHOW(111, U16, 0, 0, "charging_count", "Chargings", "", "statistics", 1, 0),
    SHOW(112, U16, 0, 0, "full_charge_count", "Full charges", "", "statistics", 1, 0),
    SHOW(113, I8_LOW, 0, 0, "min_pack_temp_c", "Lowest temperature", "°C", "statistics", 1, 0),
    SHOW(113, I8_HIGH, 0, 0, "max_pack_temp_c", "Highest temperature", "°C", "statistics", 1, 0),
    SHOW_CHOICE(114, U8_LOW, 0, 0, "last_reset", "Cause of the last reset", "statistics", resets),
    SHOW_CHOICE(114, U8_HIGH, 0, 0, "last_wakeup", "Cause of the last wake-up", "statistics",
                wakeups),
    SHOW(116, U32, 0, 0, "stats_cleared_at_s", "Statistics cleared at", "s", "statistics", 1, 0),

    SET(300, U16, D, "fully_charged_voltage_mv", "Fully charged cell", "mV", "battery", 1, 0, 1200,
        4500, 3650, "charging ends when a cell reaches it"),
    SET(301, U16, D, "fully_discharged_voltage_mv", "Fully discharged cell", "mV", "battery", 1, 0,
        1000, 3500, 3250, "below it the load is switched off"),
    SET(303, U16, 0, "early_balancing_threshold_mv", "Balancing begins at", "mV", "battery", 1, 0,
        1000, 4500, 3400, "cells above it are balanced while charging"),
    SET(304, U16, R, "charge_finished_current_ma", "Charge finished current", "mA", "charger", 1, 0,
        100, 5000, 1000, "a charge is complete when the current falls below it"),
    SET(305, U16, D | R, "peak_discharge_current_a", "Peak discharge current", "A", "safety", 1, 0,
        1, UINT16_MAX, 70, "above it the load is switched off at once"),
    SET(306, U16, 0, "battery_capacity_ah", "Capacity", "Ah", "battery", 100, 2, 10, 65500, 31400,
        "the state of charge is counted against it"),
    SET(307, U16, D, "cell_count", "Cells in series", "", "battery", 1, 0, 4, 16, 16, NULL),
    SET(308, U16, 0, "allowed_disbalance_mv", "Allowed spread", "mV", "battery", 1, 0, 15, 100, 15,
        "balancing stops below it"),
    SET(310, U16, 0, "charger_startup_delay_s", "Charger start-up delay", "s", "charger", 1, 0, 5,
        60, 20, NULL),
    SET(311, U16, 0, "charger_disable_delay_s", "Charger disable delay", "s", "charger", 1, 0, 0,
        60, 5, NULL),
    SET(312, U32, 0, "pulses_per_unit", "Pulses per unit of distance", "", "advanced", 1, 0, 1,
        100000, NO_FALLBACK, NULL),
    SET_CHOICE(314, ENUM, 0, 0, 0, "distance_unit", "Unit of distance", "advanced", 1, 5,
               NO_FALLBACK, distance_units, NULL),
    SET(315, U16, D, "overvoltage_cutoff_mv", "Over-voltage cutoff", "mV", "safety", 1, 0, 1200,
        4500, 3800, "above it the charger is switched off"),
    SET(316, U16, D, "undervoltage_cutoff_mv", "Under-voltage cutoff", "mV", "safety", 1, 0, 800,
        3500, 2800, "below it load and charger are switched off; only a charger ends that"),
    SET(317, U16, D | R, "discharge_overcurrent_a", "Discharge over-current", "A", "safety", 1, 0,
        1, 750, 65, "above it for longer than its delay the load is switched off"),
    SET(318, U16, D | R, "charge_overcurrent_a", "Charge over-current", "A", "safety", 1, 0, 1, 750,
        90, "above it the charger is switched off"),
    SET(319, I16, D, "overheat_cutoff_c", "Overheat cutoff", "°C", "safety", 1, 0, 20, 90, 60,
        "above it load and charger are switched off"),
    SET(320, I16, D, "low_temp_charge_cutoff_c", "Low temperature charge cutoff", "°C", "safety", 1,
        0, -40, 10, 0, "below it nothing is charged"),
    SET(321, U16, 0, "charge_restart_level_percent", "Charge restart level", "%", "charger", 1, 0,
        60, 95, 80, "counts while its use is switched on"),
    SET(322, U16, 0, "battery_max_cycles", "Rated cycles", "", "battery", 1, 0, 10, 65000, 5000,
        "the state of health loses 1/n a full cycle"),
    SET(323, U16, NH_TINYBMS_READS_FFFF, "state_of_health_permille", "Set the state of health", "%",
        "battery", 500, 2, 0, 50000, NO_FALLBACK, "reads as nothing once the board has it"),
    SET(328, U16, 0, "state_of_charge_permille", "Set the state of charge", "%", "battery", 500, 2,
        0, 50000, NO_FALLBACK, "what it reads back later is not the charge of now"),
    SET_CHOICE(329, BITS, D | S, 0, 1, "invert_ext_current_sensor",
               "Invert the external current sensor", "advanced", 0, 1, 0, off_on, NULL),
    SET_CHOICE(329, BITS, D | S, 1, 1, "switch_diagnostics_off", "Switch diagnostics off",
               "advanced", 0, 1, 0, off_on, "on: a switch that is stuck is no fault any more"),
    SET_CHOICE(329, BITS, S, 2, 1, "charge_restart_level_on", "Use the charge restart level",
               "charger", 0, 1, 0, off_on, NULL),
    SET_CHOICE(330, U8_LOW, D | S, 0, 0, "charger_type", "Charger type", "charger", 0, 2, 1,
               charger_types, NULL),
    SET(330, U8_HIGH, D | S, "discharge_overcurrent_delay_s", "Discharge over-current delay", "s",
        "safety", 1, 0, 0, 30, 0, NULL),
    SET_CHOICE(331, ENUM, D, 0, 0, "load_switch_type", "Load switch", "advanced", 0, 8, 0,
               load_switches, NULL),
    SET(332, U8_LOW, S, "automatic_recovery_count", "Automatic recovery after", "s", "safety", 1, 0,
        1, 30, 5, "seconds, whatever its name says"),
    SET_CHOICE(333, ENUM, D, 0, 0, "charger_switch_type", "Charger switch", "advanced", 1, 9, 1,
               charger_switches, NULL),
    SET_CHOICE(334, ENUM, D, 0, 0, "ignition_source", "Ignition", "advanced", 0, 6, 0, ignitions,
               NULL),
    SET_CHOICE(335, ENUM, D, 0, 0, "charger_detection_source", "Charger detection", "charger", 1, 7,
               1, detections, NULL),
    SET_CHOICE(336, ENUM, 0, 0, 0, "speed_sensor_input", "Speed sensor", "advanced", 0, 2,
               NO_FALLBACK, speed_inputs, NULL),
    SET_CHOICE(337, ENUM, D, 0, 0, "precharge_pin", "Precharge output", "advanced", 0, 0x10, 0,
               precharge_pins, NULL),
    SET_CHOICE(338, ENUM, D, 0, 0, "precharge_duration", "Precharge time", "advanced", 0, 7, 7,
               precharge_times, NULL),
    SET_CHOICE(339, ENUM, D, 0, 0, "temperature_sensor_type", "Temperature sensors", "advanced", 0,
               1, 0, sensor_types, NULL),
    SET_CHOICE(340, ENUM, D | NH_TINYBMS_RESTARTS, 0, 0, "operation_mode", "Ports", "system", 0, 1,
               0, modes, "a change restarts the board"),
    SET_CHOICE(341, ENUM, D, 0, 0, "single_port_switch_type", "Single port switch", "advanced", 0,
               8, 0, load_switches, NULL),
    SET_CHOICE(342, ENUM, 0, 0, 0, "broadcast_interval", "Broadcast interval", "system", 0, 7, 0,
               intervals, "text that the board sends on its own"),
    SET_CHOICE(343, ENUM, 0, 0, 0, "communication_protocol", "Broadcast format", "system", 0, 2, 1,
               formats, NULL),

    SHOW(500, U8_LOW, 0, 0, "hardware_version", "Hardware", "", "version", 1, 0),
    SHOW(500, U8_HIGH, 0, 0, "hardware_changes", "Hardware changes", "", "version", 1, 0),
    SHOW(501, U8_LOW, 0, 0, "firmware_version", "Firmware", "", "version", 1, 0),
    SHOW_CHOICE(501, ENUM, 8, 1, "power_type", "Power", "version", powers),
    SHOW_CHOICE(501, ENUM, 9, 2, "current_sensor", "Current sensor", "version", current_sensors),
    SHOW(502, U16, 0, 0, "firmware_internal", "Firmware, internal", "", "version", 1, 0),
    SHOW(503, U8_LOW, 0, 0, "bootloader_version", "Bootloader", "", "version", 1, 0),
    SHOW(503, U8_HIGH, 0, 0, "profile_version", "Profile", "", "version", 1, 0),
    SHOW(504, U16, 0, 0, "serial_1", "Serial number, word 1", "", "version", 1, 0),
    SHOW(505, U16, 0, 0, "serial_2", "Serial number, word 2", "", "version", 1, 0),
    SHOW(506, U16, 0, 0, "serial_3", "Serial number, word 3", "", "version", 1, 0),
    SHOW(507, U16, 0, 0, "serial_4", "Serial number, word 4", "", "version", 1, 0),
    SHOW(508, U16, 0, 0, "serial_5", "Serial number, word 5", "", "version", 1, 0),
    SHOW(509, U16, 0, 0, "serial_6", "Serial number, word 6", "", "version", 1, 0),
};

size_t nh_tinybms_register_count(void)
{
    return NH_ARRAY_LEN(table);
}

const struct nh_tinybms_register *nh_tinybms_register_at(size_t index)
{
    return index < NH_ARRAY_LEN(table) ? &table[index] : NULL;
}

const struct nh_tinybms_register *nh_tinybms_register_find(nh_span_t key)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(table); i++)
        if (strlen(table[i].key) == key.len && !memcmp(table[i].key, key.ptr, key.len))
            return &table[i];
    return NULL;
}

const struct nh_tinybms_register *nh_tinybms_register_of(uint16_t address)
{
    size_t low = 0, high = NH_ARRAY_LEN(table);
    while (low < high) { // the first one that is not before `address`
        size_t mid = low + (high - low) / 2;
        if (table[mid].address < address)
            low = mid + 1;
        else
            high = mid;
    }
    return low < NH_ARRAY_LEN(table) && table[low].address == address ? &table[low] : NULL;
}

uint8_t nh_tinybms_register_words(const struct nh_tinybms_register *r)
{
    return r->type == NH_TINYBMS_U32 || r->type == NH_TINYBMS_FLOAT ? 2 : 1;
}

// ---- values

static uint16_t field_mask(const struct nh_tinybms_register *r)
{
    if (r->bit_count)
        return (uint16_t)(((1u << r->bit_count) - 1u) << r->bit_first);
    switch (r->type) {
    case NH_TINYBMS_U8_LOW:
    case NH_TINYBMS_I8_LOW:
        return 0x00FFu;
    case NH_TINYBMS_U8_HIGH:
    case NH_TINYBMS_I8_HIGH:
        return 0xFF00u;
    default:
        return 0xFFFFu;
    }
}

static unsigned field_shift(const struct nh_tinybms_register *r)
{
    if (r->bit_count)
        return r->bit_first;
    return r->type == NH_TINYBMS_U8_HIGH || r->type == NH_TINYBMS_I8_HIGH ? 8 : 0;
}

int64_t nh_tinybms_raw(const struct nh_tinybms_register *r, const uint16_t *words)
{
    uint16_t bits = (uint16_t)((words[0] & field_mask(r)) >> field_shift(r));
    switch (r->type) {
    case NH_TINYBMS_U32:
        return (int64_t)((uint32_t)words[1] << 16 | words[0]);
    case NH_TINYBMS_FLOAT:
        return 0;
    case NH_TINYBMS_I16:
        return (int16_t)bits;
    case NH_TINYBMS_I8_LOW:
    case NH_TINYBMS_I8_HIGH:
        return (int8_t)bits;
    default:
        return bits;
    }
}

double nh_tinybms_value(const struct nh_tinybms_register *r, const uint16_t *words)
{
    if (r->type == NH_TINYBMS_FLOAT)
        return (double)nh_tinybms_float(words[0], words[1]);
    int64_t raw = nh_tinybms_raw(r, words);
    if (r->type == NH_TINYBMS_I16 && raw == NOT_CONNECTED)
        return NAN;
    if ((r->flags & NH_TINYBMS_READS_FFFF) && raw == TAKEN_OVER)
        return NAN;
    return (double)raw / r->divisor;
}

const char *nh_tinybms_choice_text(const struct nh_tinybms_register *r, int64_t raw)
{
    for (const struct nh_tinybms_choice *c = r->choices; c && c->text; c++)
        if (c->value == raw)
            return c->text;
    return NULL;
}

int nh_tinybms_raw_of(const struct nh_tinybms_register *r, double value, int64_t *raw)
{
    if (!(r->flags & NH_TINYBMS_WRITABLE))
        return NH_ERR_DENIED;
    double wanted = value * r->divisor;
    // Half a step of room: what rounds into the range is in it. NAN is not.
    if (!(wanted > (double)r->min - 0.5 && wanted < (double)r->max + 0.5))
        return NH_ERR_RANGE;
    int64_t n = (int64_t)(wanted < 0 ? wanted - 0.5 : wanted + 0.5);
    if (n < r->min || n > r->max || (r->choices && !nh_tinybms_choice_text(r, n)))
        return NH_ERR_RANGE;
    *raw = n;
    return NH_OK;
}

int nh_tinybms_value_put(const struct nh_tinybms_register *r, double value, uint16_t *words)
{
    int64_t raw;
    int err = nh_tinybms_raw_of(r, value, &raw);
    if (err < 0)
        return err;
    uint16_t mask = field_mask(r);
    words[0] = (uint16_t)((words[0] & ~mask) | (((uint32_t)raw << field_shift(r)) & mask));
    if (r->type == NH_TINYBMS_U32)
        words[1] = (uint16_t)((uint64_t)raw >> 16);
    return NH_OK;
}
