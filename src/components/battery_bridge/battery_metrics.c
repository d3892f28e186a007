// battery_metrics.c - the pack for Prometheus: families of GET /metrics. What is stale or not known
// has no line: a value that is repeated looks as if it were measured.

#include "components/battery_bridge/battery_bridge_private.h"

#include <inttypes.h>
#include <stdio.h>

#define BIT(field) (1u << (field))

enum labels { PLAIN, CELL, SENSOR, STATUS, SEVERITY, SOURCE, RESULT, STEPS, DIRECTION };

struct family {
    const char *name, *type, *help;
    uint8_t labels;
};

enum {
    VOLTAGE,
    CURRENT,
    POWER,
    SOC,
    SOH,
    CAPACITY,
    CELLS,
    BALANCING,
    TEMPERATURE,
    CHARGED,
    DISCHARGED,
    CYCLES,
    STATUSES,
    ALARMS,
    CONNECTED,
    CVL,
    CCL,
    DCL,
    TRANSACTIONS,
    LATENCY,
    RETRIES,
    DROPPED,
    QUEUE,
    CAN_FRAMES,
    FAMILY_COUNT
};

static const struct family families[FAMILY_COUNT] = {
    [VOLTAGE] = {"battery_voltage_volts", "gauge", "Voltage of the pack", PLAIN},
    [CURRENT] = {"battery_current_amperes", "gauge", "Current, positive while charging", PLAIN},
    [POWER] = {"battery_power_watts", "gauge", "Power, positive while charging", PLAIN},
    [SOC] = {"battery_soc_ratio", "gauge", "State of charge, 0 to 1", PLAIN},
    [SOH] = {"battery_soh_ratio", "gauge", "State of health, 0 to 1", PLAIN},
    [CAPACITY] = {"battery_capacity_ampere_hours", "gauge", "Capacity as it is set", PLAIN},
    [CELLS] = {"battery_cell_voltage_volts", "gauge", "Voltage of a cell", CELL},
    [BALANCING] = {"battery_cell_balancing", "gauge", "1 while the cell is bled", CELL},
    [TEMPERATURE] = {"battery_temperature_celsius", "gauge", "Temperature of a sensor", SENSOR},
    [CHARGED] = {"battery_charged_watt_hours_total", "counter", "Energy that went in", PLAIN},
    [DISCHARGED] = {"battery_discharged_watt_hours_total", "counter", "Energy that came out",
                    PLAIN},
    [CYCLES] = {"battery_cycles_total", "counter", "Full cycles", PLAIN},
    [STATUSES] = {"battery_status", "gauge", "1 for the state that the board is in", STATUS},
    [ALARMS] = {"battery_alarms", "gauge", "Active alarms", SEVERITY},
    [CONNECTED] = {"battery_connected", "gauge", "1 while the source answers", SOURCE},
    [CVL] = {"battery_charge_voltage_limit_volts", "gauge", "What an inverter may charge to",
             PLAIN},
    [CCL] = {"battery_charge_current_limit_amperes", "gauge", "What it may put in", PLAIN},
    [DCL] = {"battery_discharge_current_limit_amperes", "gauge", "What it may take out", PLAIN},
    [TRANSACTIONS] = {"tinybms_transactions_total", "counter", "Exchanges with the board by result",
                      RESULT},
    [LATENCY] = {"tinybms_latency_seconds", "histogram", "From a request to its answer", STEPS},
    [RETRIES] = {"tinybms_retries_total", "counter", "Exchanges that were repeated", PLAIN},
    [DROPPED] = {"tinybms_dropped_bytes_total", "counter", "Bytes of the line that were no frame",
                 PLAIN},
    [QUEUE] = {"tinybms_queue_depth", "gauge", "Requests that wait", PLAIN},
    [CAN_FRAMES] = {"battery_can_frames_total", "counter", "Frames of the inverter's bus",
                    DIRECTION},
};

static void head(void *ctx, size_t family, struct nh_health_family *out)
{
    (void)ctx;
    *out = (struct nh_health_family){families[family].name, families[family].type,
                                     families[family].help};
}

// ---- numbers ------------------------------------------------------------------------------------

struct number {
    int64_t value; // times 10^-decimals
    uint8_t decimals;
};

static size_t print(const struct family *f, const char *label, const char *value, struct number n,
                    char *out, size_t cap)
{
    int64_t by = 1;
    for (uint8_t i = 0; i < n.decimals; i++)
        by *= 10;
    uint64_t whole = (uint64_t)(n.value < 0 ? -n.value : n.value);
    int len = label ? snprintf(out, cap, "%s{%s=\"%s\"} ", f->name, label, value)
                    : snprintf(out, cap, "%s ", f->name);
    len += snprintf(out + len, cap - (size_t)len, "%s%" PRIu64, n.value < 0 ? "-" : "",
                    whole / (uint64_t)by);
    if (n.decimals)
        len += snprintf(out + len, cap - (size_t)len, ".%0*" PRIu64, (int)n.decimals,
                        whole % (uint64_t)by);
    len += snprintf(out + len, cap - (size_t)len, "\n");
    return (size_t)len;
}

// A value of the pack that a family without labels has. False: it is not known now.
static bool plain_of_pack(const nh_battery_bridge_t *b, size_t family, struct number *out)
{
    const struct nh_battery_values *v = &b->s.v;
    const struct {
        uint8_t family, field, decimals;
        int64_t value;
    } rows[] = {
        {VOLTAGE, NH_BATTERY_VOLTAGE, 3, v->voltage_mv},
        {CURRENT, NH_BATTERY_CURRENT, 3, v->current_ma},
        {POWER, NH_BATTERY_POWER, 3, v->power_mw},
        {SOC, NH_BATTERY_SOC, 5, v->soc_mpct},
        {SOH, NH_BATTERY_SOH, 5, v->soh_mpct},
        {CAPACITY, NH_BATTERY_CAPACITY, 3, v->capacity_mah},
        {CHARGED, NH_BATTERY_ENERGY, 3, (int64_t)v->energy_in_mwh},
        {DISCHARGED, NH_BATTERY_ENERGY, 3, (int64_t)v->energy_out_mwh},
        {CYCLES, NH_BATTERY_CYCLES, 3, v->cycles_milli},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        if (rows[i].family != family)
            continue;
        *out = (struct number){rows[i].value, rows[i].decimals};
        return b->known & BIT(rows[i].field);
    }
    return false;
}

static bool plain_of_limits(const nh_battery_bridge_t *b, size_t family, struct number *out)
{
    const struct nh_battery_control_output *l = &b->limits;
    *out = (struct number){family == CVL ? l->cvl_mv : family == CCL ? l->ccl_ma : l->dcl_ma, 3};
    return l->is_known;
}

static bool plain(const nh_battery_bridge_t *b, size_t family, struct number *out)
{
    struct nh_battery_statistics st;
    if (family < CVL)
        return plain_of_pack(b, family, out);
    if (family <= DCL)
        return plain_of_limits(b, family, out);
    nh_battery_statistics(b->cfg.battery, &st);
    *out = (struct number){(int64_t)(family == RETRIES   ? st.retries
                                     : family == DROPPED ? st.dropped_bytes
                                                         : st.queue_depth),
                           0};
    return true;
}

// ---- families with labels -----------------------------------------------------------------------

static size_t cell(const nh_battery_bridge_t *b, size_t family, size_t i, char *out, size_t cap)
{
    char text[8];
    bool is_voltage = family == CELLS;
    uint32_t needs = BIT(NH_BATTERY_CELLS) | (is_voltage ? 0 : BIT(NH_BATTERY_BALANCING));
    if ((b->known & needs) != needs || i >= b->s.v.cell_count)
        return 0;
    snprintf(text, sizeof text, "%u", (unsigned)i + 1);
    const struct number n = {is_voltage ? b->s.v.cell_dmv[i] : b->s.v.balancing >> i & 1,
                             is_voltage ? 4 : 0};
    return print(&families[family], "cell", text, n, out, cap);
}

// Those that are known come one behind the other, whichever they are.
static size_t sensor(const nh_battery_bridge_t *b, size_t i, char *out, size_t cap)
{
    const struct nh_battery_values *v = &b->s.v;
    const struct {
        const char *name;
        uint8_t field;
        int32_t mc;
    } rows[] = {{"internal", NH_BATTERY_TEMP_BMS, v->temp_bms_mc},
                {"external1", NH_BATTERY_TEMP_EXT1, v->temp_ext1_mc},
                {"external2", NH_BATTERY_TEMP_EXT2, v->temp_ext2_mc}};
    for (size_t row = 0; row < NH_ARRAY_LEN(rows); row++) {
        bool is_known =
            (b->known & BIT(rows[row].field)) && rows[row].mc != NH_BATTERY_TEMPERATURE_NONE;
        if (is_known && i-- == 0)
            return print(&families[TEMPERATURE], "sensor", rows[row].name,
                         (struct number){rows[row].mc, 3}, out, cap);
    }
    return 0;
}

static size_t status(const nh_battery_bridge_t *b, size_t i, char *out, size_t cap)
{
    static const struct {
        uint16_t word;
        const char *name;
    } rows[] = {{0x91, "charging"},     {0x92, "fully_charged"}, {0x93, "discharging"},
                {0x96, "regeneration"}, {0x97, "idle"},          {0x9B, "fault"}};
    if (!(b->known & BIT(NH_BATTERY_STATUS)) || i >= NH_ARRAY_LEN(rows))
        return 0;
    return print(&families[STATUSES], "state", rows[i].name,
                 (struct number){b->s.v.status == rows[i].word, 0}, out, cap);
}

static size_t severity(const nh_battery_bridge_t *b, size_t i, char *out, size_t cap)
{
    static const char *const names[] = {"info", "warning", "critical"};
    int64_t count = 0;
    if (i >= NH_ARRAY_LEN(names))
        return 0;
    for (size_t at = 0; at < b->list_count; at++)
        count += b->list[at].severity == i;
    return print(&families[ALARMS], "severity", names[i], (struct number){count, 0}, out, cap);
}

static size_t source(const nh_battery_bridge_t *b, size_t i, char *out, size_t cap)
{
    static const char *const names[] = {"local", "remote"};
    if (i >= NH_ARRAY_LEN(names))
        return 0;
    bool is_up = i ? b->s.is_remote_connected : b->s.is_local_connected;
    return print(&families[CONNECTED], "source", names[i], (struct number){is_up, 0}, out, cap);
}

static size_t result(const nh_battery_bridge_t *b, size_t i, char *out, size_t cap)
{
    struct nh_battery_statistics st;
    nh_battery_statistics(b->cfg.battery, &st);
    const struct {
        const char *name;
        uint64_t count;
    } rows[] = {{"ok", st.reads_ok + st.writes_ok},
                {"timeout", st.timeouts},
                {"crc", st.crc_errors},
                {"nack", st.nacks[0] + st.nacks[1] + st.nacks[2]}};
    if (i >= NH_ARRAY_LEN(rows))
        return 0;
    return print(&families[TRANSACTIONS], "result", rows[i].name,
                 (struct number){(int64_t)rows[i].count, 0}, out, cap);
}

// Steps, each with what is below it, then sum and count; all of one moment, that of the first line.
static size_t latency(nh_battery_bridge_t *b, size_t i, char *out, size_t cap)
{
    static const uint32_t ends_us[] = NH_BATTERY_LATENCY_STEPS;
    const struct nh_battery_statistics *st = &b->statistics;
    const char *name = families[LATENCY].name;
    uint64_t count = 0;
    if (i == 0)
        nh_battery_statistics(b->cfg.battery, &b->statistics);
    for (size_t step = 0; step <= i && step <= NH_BATTERY_LATENCY_STEP_COUNT; step++)
        count += st->latency_counts[step];
    if (i < NH_BATTERY_LATENCY_STEP_COUNT)
        return (size_t)snprintf(out, cap, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
                                ends_us[i] / 1e6, count);
    if (i == NH_BATTERY_LATENCY_STEP_COUNT)
        return (size_t)snprintf(out, cap, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, count);
    if (i == NH_BATTERY_LATENCY_STEP_COUNT + 1)
        return (size_t)snprintf(out, cap, "%s_sum %" PRIu64 ".%06" PRIu64 "\n", name,
                                st->latency_sum_us / 1000000, st->latency_sum_us % 1000000);
    if (i == NH_BATTERY_LATENCY_STEP_COUNT + 2)
        return (size_t)snprintf(out, cap, "%s_count %" PRIu64 "\n", name, count);
    return 0;
}

static size_t direction(const nh_battery_bridge_t *b, size_t i, char *out, size_t cap)
{
    const struct nh_battery_bridge__inverter *v = &b->inverter;
    const struct {
        const char *name;
        uint64_t count;
    } rows[] = {{"out", v->frames}, {"in", v->peer.frames}, {"refused", v->refused}};
    if (!b->cfg.can[0] || i >= NH_ARRAY_LEN(rows))
        return 0;
    return print(&families[CAN_FRAMES], "direction", rows[i].name,
                 (struct number){(int64_t)rows[i].count, 0}, out, cap);
}

static size_t sample(void *ctx, size_t family, size_t i, char *out, size_t cap)
{
    const nh_battery_bridge_t *b = ctx;
    struct number n;
    switch (families[family].labels) {
    case CELL:
        return cell(b, family, i, out, cap);
    case SENSOR:
        return sensor(b, i, out, cap);
    case STATUS:
        return status(b, i, out, cap);
    case SEVERITY:
        return severity(b, i, out, cap);
    case SOURCE:
        return source(b, i, out, cap);
    case RESULT:
        return result(b, i, out, cap);
    case STEPS:
        return latency(ctx, i, out, cap);
    case DIRECTION:
        return direction(b, i, out, cap);
    default:
        if (i > 0 || !plain(b, family, &n))
            return 0;
        return print(&families[family], NULL, NULL, n, out, cap);
    }
}

struct nh_health_families nh_battery_bridge_families(nh_battery_bridge_t *b)
{
    return (struct nh_health_families){
        .ctx = b, .count = FAMILY_COUNT, .head = head, .sample = sample};
}
