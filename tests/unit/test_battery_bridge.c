// The owner of the bridges: what it says by MQTT, to Home Assistant, Prometheus and an inverter,
// and when; commands for registers. The battery and the CAN bus are played.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "battery_fixture.h"
#include "components/battery_bridge/battery_bridge.h"
#include "components/battery_bridge/battery_values.h"
#include "core/base/log.h"
#include "core/json/decode.h"
#include "support/rng.h"
#include "support/route_play.h"
#include "support/test_memory.h"

#define BIT(field) (1u << (field))
#define HEARD_MAX_COUNT 400

static struct {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_sched_t *sched;
    nh_battery_bridge_t *bridge;
    uint64_t now_ms;
    // The battery.
    struct nh_battery_snapshot pack;
    struct nh_battery_alarm alarms[4];
    size_t alarm_count;
    struct nh_battery_statistics statistics;
    struct nh_battery_request request;
    int post_err, posts;
    const struct nh_tinybms_register *set_register;
    double set_value;
    void (*set_done)(void *ctx, const struct nh_battery_setting_result *r);
    void *set_ctx;
    // The bus.
    struct nh_can_config can;
    int open_err, send_err;
    bool is_open;
    struct nh_can_frame frames[2048]; // the first of them
    size_t frame_count;
    // The broker.
    char heard[HEARD_MAX_COUNT][96]; // "r topic=payload", cut
    char payload[3072];              // of the last one
    size_t count;
    int publish_err;
    uint32_t part_changes; // bits
    int announced;
} t;

// ---- played -------------------------------------------------------------------------------------

void nh_battery_read(const nh_battery_t *b, struct nh_battery_snapshot *out)
{
    (void)b;
    *out = t.pack;
}

size_t nh_battery_alarms(const nh_battery_t *b, struct nh_battery_alarm *out, size_t max)
{
    (void)b;
    assert_true(max >= t.alarm_count);
    memcpy(out, t.alarms, t.alarm_count * sizeof *out);
    return t.alarm_count;
}

void nh_battery_statistics(nh_battery_t *b, struct nh_battery_statistics *out)
{
    (void)b;
    *out = t.statistics;
}

int nh_battery_post(nh_battery_t *b, const struct nh_battery_request *r, uint32_t *ticket)
{
    (void)b;
    if (t.post_err < 0)
        return t.post_err;
    t.request = *r;
    *ticket = (uint32_t)++t.posts;
    return NH_OK;
}

int nh_battery_setting_write(nh_battery_t *b, const struct nh_tinybms_register *r, double value,
                             void (*done)(void *ctx, const struct nh_battery_setting_result *s),
                             void *ctx)
{
    (void)b;
    t.set_register = r;
    t.set_value = value;
    t.set_done = done;
    t.set_ctx = ctx;
    return t.post_err;
}

int nh_can_open(const struct nh_can_config *cfg, nh_can_t **out)
{
    *out = NULL;
    if (t.open_err < 0)
        return t.open_err;
    t.can = *cfg;
    t.is_open = true;
    *out = (nh_can_t *)&t;
    return NH_OK;
}

int nh_can_send(nh_can_t *c, const struct nh_can_frame *f)
{
    (void)c;
    assert_true(t.is_open);
    if (t.send_err < 0)
        return t.send_err;
    if (t.frame_count < NH_ARRAY_LEN(t.frames))
        t.frames[t.frame_count++] = *f;
    return NH_OK;
}

void nh_can_info(const nh_can_t *c, struct nh_can_info *out)
{
    (void)c;
    *out = (struct nh_can_info){.error_count = 3};
}

void nh_can_close(nh_can_t *c)
{
    assert_true(!c || t.is_open);
    t.is_open = false;
}

static int publish(void *ctx, nh_span_t topic, nh_span_t payload, bool retain)
{
    (void)ctx;
    if (t.publish_err < 0)
        return t.publish_err;
    assert_true(t.count < HEARD_MAX_COUNT);
    snprintf(t.heard[t.count++], sizeof t.heard[0], "%s%.*s=%.*s", retain ? "r " : "",
             (int)topic.len, (const char *)topic.ptr, (int)payload.len, (const char *)payload.ptr);
    snprintf(t.payload, sizeof t.payload, "%.*s", (int)payload.len, (const char *)payload.ptr);
    return NH_OK;
}

static void part_changed(void *ctx, size_t at)
{
    (void)ctx;
    t.part_changes |= 1u << at;
}

static void part_announce(void *ctx)
{
    (void)ctx;
    t.announced++;
}

static uint64_t clock_ms(void)
{
    return t.now_ms;
}

// ---- the frame of the tests ---------------------------------------------------------------------

static struct nh_battery_bridge_config config(void)
{
    return (struct nh_battery_bridge_config){.mem = t.mem,
                                             .sched = t.sched,
                                             .name = "shed",
                                             .has_topics = true,
                                             .control = {.follows_state = true},
                                             .hold_ms = 60000,
                                             .zero_ms = 30000,
                                             .clock_ms = clock_ms,
                                             .publish = publish,
                                             .part_changed = part_changed,
                                             .part_announce = part_announce};
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    t.now_ms = 10500;
    t.pack = battery_pack();
    struct nh_mem_system_config memory = {0};
    for (int tier = 0; tier < NH_MEM_TIER_COUNT; tier++)
        memory.region[tier].base =
            nh_test_region((enum nh_mem_tier)tier, &memory.region[tier].size_bytes);
    assert_int_equal(nh_mem_system_create(&memory, &t.sys), 0);
    assert_int_equal(nh_mem_owner_add(t.sys, "test", NULL, &t.mem), 0);
    const struct nh_sched_config sched = {.mem = t.mem, .timer_max_count = 4};
    assert_int_equal(nh_sched_create(&sched, &t.sched), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_battery_bridge_destroy(t.bridge);
    nh_sched_destroy(t.sched);
    assert_int_equal(nh_mem_system_destroy(t.sys, NULL, NULL), 0);
    return 0;
}

static void start(const struct nh_battery_bridge_config *cfg)
{
    assert_int_equal(nh_battery_bridge_create(cfg, &t.bridge), 0);
    assert_int_equal(nh_battery_bridge_start(t.bridge), 0);
}

static void run_to(uint64_t now_ms)
{
    for (;;) {
        uint64_t next = nh_sched_next_deadline(t.sched);
        if (next > now_ms)
            break;
        t.now_ms = next > t.now_ms ? next : t.now_ms;
        nh_sched_run(t.sched, t.now_ms);
    }
    t.now_ms = now_ms;
}

static size_t count_heard(const char *begin)
{
    size_t n = 0;
    for (size_t i = 0; i < t.count; i++)
        n += strncmp(t.heard[i], begin, strlen(begin)) == 0;
    return n;
}

static void forget(void)
{
    t.count = t.frame_count = t.part_changes = 0;
    t.announced = 0;
}

static size_t count_frames(uint32_t id)
{
    size_t n = 0;
    for (size_t i = 0; i < t.frame_count; i++)
        n += t.frames[i].id == id;
    return n;
}

static struct nh_battery_bridge_info info(void)
{
    struct nh_battery_bridge_info i;
    nh_battery_bridge_info(t.bridge, &i);
    return i;
}

// ---- values -------------------------------------------------------------------------------------

// Every value of the table by its object id, as one word.
static void test_values(void **state)
{
    static const struct {
        const char *object, *text;
    } rows[] = {
        {"total_voltage", "53.33"},
        {"current", "-12.5"},
        {"power", "-667"},
        {"charging_power", "0"},
        {"discharging_power", "667"},
        {"state_of_charge", "73.3"},
        {"state_of_health", "99.1"},
        {"capacity_remaining", "230.0"},
        {"capacity", "314.0"},
        {"temperature", "24.9"},
        {"temperature_sensor_1", "24.1"},
        {"temperature_sensor_2", "25.7"},
        {"mosfet_temperature", "31.2"},
        {"time_to_full", ""},
        {"time_to_empty", "350"},
        {"problem", "ON"},
        {"charging", "OFF"},
        {"balancing", "ON"},
        {"status", "discharging"},
        {"source", "local"},
        {"errors", "cell 3 is low"},
        {"errors_bitmask", "4"},
        {"alarm_count", "1"},
        {"unacknowledged_alarms", "1"},
        {"charge_voltage_limit", "58.4"},
        {"charge_current_limit", "90.0"},
        {"discharge_current_limit", "65.0"},
        {"charge_state", "bulk"},
        {"min_cell_voltage", "3.331"},
        {"max_cell_voltage", "3.335"},
        {"average_cell_voltage", "3.333"},
        {"delta_cell_voltage", "4"},
        {"min_voltage_cell", "3"},
        {"max_voltage_cell", "12"},
        {"cell_voltage_01", "3.333"},
        {"cell_voltage_12", "3.335"},
        {"cell_voltage_16", "3.333"},
        {"cell_voltage_17", ""},
        {"charged_energy", "1234.57"},
        {"discharged_energy", "987.65"},
        {"charging_cycles", "12.3"},
        {"total_runtime", "1000000"},
        {"undervoltage_count", "2"},
        {"full_charge_count", "7"},
    };
    struct nh_battery_snapshot s = battery_pack();
    const struct nh_battery_control_output limits = {
        .is_known = true, .cvl_mv = 58400, .ccl_ma = 90000, .dcl_ma = 65000};
    const struct nh_battery_can_alarms alarms = {.alarms = BIT(NH_BATTERY_CAN_LOW_VOLTAGE)};
    s.alarm_count = 1;
    s.unacknowledged = 1;
    s.v.counters.under_voltage = 2;
    s.v.counters.full_charges = 7;
    const struct nh_battery_view v = {.s = &s,
                                      .known = BATTERY_ALL,
                                      .limits = &limits,
                                      .alarms = &alarms,
                                      .errors = "cell 3 is low"};
    char text[NH_BATTERY_TEXT_MAX_BYTES];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        size_t at = 0;
        struct nh_battery_value_info n;
        for (; at < nh_battery_value_count(); at++) {
            nh_battery_value_info(at, &n);
            if (strcmp(n.object, rows[i].object) == 0)
                break;
        }
        if (at == nh_battery_value_count())
            fail_msg("no value %s", rows[i].object);
        size_t len = nh_battery_value_print(at, &v, text, sizeof text);
        text[len] = '\0';
        if (strcmp(text, rows[i].text) != 0)
            fail_msg("%s: %s", rows[i].object, text);
    }
}

// Ids are unique, and a name without a clash is what topics and entities need.
static void test_object_ids(void **state)
{
    struct nh_battery_value_info a, b;
    (void)state;
    assert_true(nh_battery_value_count() > 32 + 30);
    for (size_t i = 0; i < nh_battery_value_count(); i++) {
        nh_battery_value_info(i, &a);
        assert_true(strspn(a.object, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(a.object));
        assert_true(strlen(a.name) + 1 < sizeof a.name);
        for (size_t k = 0; k < i; k++) {
            nh_battery_value_info(k, &b);
            assert_string_not_equal(a.object, b.object);
        }
    }
}

static nh_span_t written(void (*write)(const struct nh_battery_view *v, nh_json_writer_t *w),
                         const struct nh_battery_view *v)
{
    static char out[3072];
    struct nh_json_buf buf = {.ptr = out, .cap = sizeof out - 1};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    write(v, &w);
    assert_int_equal(nh_json_writer_end(&w), 0);
    out[buf.len] = '\0';
    return (nh_span_t){(const uint8_t *)out, buf.len};
}

static void write_state(const struct nh_battery_view *v, nh_json_writer_t *w)
{
    nh_battery_group_write(NH_BATTERY_IN_STATE, v, w);
}

static void write_cells(const struct nh_battery_view *v, nh_json_writer_t *w)
{
    nh_battery_group_write(NH_BATTERY_IN_CELLS, v, w);
}

static void test_documents(void **state)
{
    struct nh_battery_snapshot s = battery_pack();
    const struct nh_battery_control_output limits = {0};
    const struct nh_battery_can_alarms alarms = {.warnings = BIT(NH_BATTERY_CAN_IMBALANCE)};
    struct nh_battery_view v = {.s = &s,
                                .known = BIT(NH_BATTERY_VOLTAGE) | BIT(NH_BATTERY_CELLS),
                                .limits = &limits,
                                .alarms = &alarms,
                                .errors = ""};
    (void)state;
    s.v.cell_count = 2;
    s.v.temp_ext2_mc = NH_BATTERY_TEMPERATURE_NONE; // not connected: it has no key
    assert_string_equal(
        (const char *)written(write_state, &v).ptr,
        "{\"total_voltage\":53.33,\"current\":null,\"power\":null,\"charging_power\":null,"
        "\"discharging_power\":null,\"state_of_charge\":null,\"capacity_remaining\":null,"
        "\"temperature\":null,\"temperature_sensor_1\":null,\"mosfet_temperature\":null,"
        "\"time_to_full\":null,\"time_to_empty\":350,\"problem\":\"OFF\",\"charging\":null,"
        "\"balancing\":null,\"status\":null,\"source\":\"local\",\"errors\":\"none\","
        "\"errors_bitmask\":4096,\"alarm_count\":0,\"unacknowledged_alarms\":0,"
        "\"charge_voltage_limit\":null,\"charge_current_limit\":null,"
        "\"discharge_current_limit\":null,\"charge_state\":null}");
    assert_string_equal((const char *)written(write_cells, &v).ptr,
                        "{\"min_cell_voltage\":3.331,\"max_cell_voltage\":3.335,"
                        "\"average_cell_voltage\":3.333,\"delta_cell_voltage\":4,"
                        "\"min_voltage_cell\":3,\"max_voltage_cell\":12,"
                        "\"cell_voltage_01\":3.333,\"cell_voltage_02\":3.333}");
    assert_string_equal(
        (const char *)written(nh_battery_victron_write, &v).ptr,
        "{\"Dc\":{\"Power\":null,\"Voltage\":53.328,\"Current\":null,\"Temperature\":null},"
        "\"Soc\":null,\"Soh\":null,\"InstalledCapacity\":null,\"Capacity\":null,"
        "\"ConsumedAmphours\":null,\"TimeToGo\":21000,\"Alarms\":{\"LowVoltage\":0,"
        "\"HighVoltage\":0,\"LowSoc\":0,\"HighChargeCurrent\":0,\"HighDischargeCurrent\":0,"
        "\"CellImbalance\":1,\"HighChargeTemperature\":0,\"LowChargeTemperature\":0,"
        "\"LowCellVoltage\":0,\"LowTemperature\":0,\"HighTemperature\":0},"
        "\"Info\":{\"MaxChargeVoltage\":null,\"MaxChargeCurrent\":null,"
        "\"MaxDischargeCurrent\":null},\"History\":{\"ChargeCycles\":null},"
        "\"System\":{\"NrOfCellsPerBattery\":2,\"MinCellVoltage\":3.331,"
        "\"MinVoltageCellId\":\"C3\",\"MaxCellVoltage\":3.335,\"MaxVoltageCellId\":\"C12\"},"
        "\"Voltages\":{\"Cell1\":3.333,\"Cell2\":3.333}}");
    // The largest fit the buffer of a message, and 24 cells are all that Victron has.
    s = battery_pack();
    s.v.cell_count = NH_BATTERY_CELL_MAX_COUNT;
    v.known = BATTERY_ALL;
    v.errors = "";
    assert_in_range(written(write_cells, &v).len, 800, 2000);
    const char *victron = (const char *)written(nh_battery_victron_write, &v).ptr;
    assert_non_null(strstr(victron, "\"Cell24\":"));
    assert_null(strstr(victron, "\"Cell25\":"));
}

// ---- MQTT ---------------------------------------------------------------------------------------

static void test_paces(void **state)
{
    struct nh_battery_bridge_config cfg = config();
    (void)state;
    start(&cfg);
    assert_string_equal(t.heard[0], "r shed/battery/status=offline"); // not known yet
    run_to(11000);
    assert_int_equal(count_heard("r shed/battery/status=online"), 1);
    assert_int_equal(count_heard("r shed/battery/state="), 1);
    assert_int_equal(count_heard("r shed/battery/cells="), 1);
    assert_int_equal(count_heard("r shed/battery/meters="), 1);
    assert_int_equal(count_heard("r shed/battery/value/total_voltage=53.33"), 1);
    assert_int_equal(count_heard("r shed/battery/value/cell_voltage_03=3.331"), 1);
    assert_int_equal(count_heard("r shed/battery/value/status=discharging"), 1);
    assert_int_equal(count_heard("r shed/battery/value/time_to_full="), 1);
    for (size_t i = 0; i < t.count; i++) // not known: nothing is to be kept there
        if (strstr(t.heard[i], "/value/time_to_full"))
            assert_string_equal(t.heard[i], "r shed/battery/value/time_to_full=");
    assert_int_equal(count_heard("shed/battery/victron"), 0); // not asked for
    assert_int_equal(t.part_changes, 0xF);
    assert_int_equal(t.announced, 1);
    forget();
    run_to(70999); // a minute in which nothing changes
    assert_int_equal(count_heard("r shed/battery/state="), 11);
    assert_int_equal(count_heard("r shed/battery/cells="), 5);
    assert_int_equal(count_heard("r shed/battery/meters="), 0);
    assert_int_equal(count_heard("r shed/battery/value/"), 0);
    assert_int_equal(t.announced, 0);
    run_to(71000);
    assert_int_equal(count_heard("r shed/battery/meters="), 1);
    forget();
    // Noise below what is told says nothing; a cell that moves waits for its pace.
    t.pack.v.voltage_mv = 53331;
    t.pack.v.cell_dmv[4] = 33400;
    battery_derive(&t.pack);
    nh_battery_bridge_changed(t.bridge, BIT(NH_BATTERY_VOLTAGE) | BIT(NH_BATTERY_CELLS));
    run_to(72000);
    assert_int_equal(count_heard("r shed/battery/state="), 1); // before the pace is up
    assert_int_equal(count_heard("r shed/battery/cells="), 0);
    assert_int_equal(count_heard("r shed/battery/value/"), 0);
    t.pack.v.voltage_mv = 53340;
    nh_battery_bridge_changed(t.bridge, BIT(NH_BATTERY_VOLTAGE));
    run_to(73000);
    assert_int_equal(count_heard("r shed/battery/value/"), 1);
    assert_int_equal(count_heard("r shed/battery/value/total_voltage=53.34"), 1);
    run_to(81000);
    assert_int_equal(count_heard("r shed/battery/value/cell_voltage_05=3.340"), 1);
    // Another state does not wait.
    forget();
    t.pack.v.status = 0x91;
    nh_battery_bridge_changed(t.bridge, BIT(NH_BATTERY_STATUS));
    assert_int_equal(count_heard("r shed/battery/value/status=charging"), 1);
    assert_int_equal(count_heard("r shed/battery/value/charging=ON"), 1);
}

static void test_stale(void **state)
{
    struct nh_battery_bridge_config cfg = config();
    (void)state;
    cfg.has_victron = true;
    start(&cfg);
    run_to(11000);
    assert_int_equal(count_heard("shed/battery/victron={\"Dc\":{\"Power\":-666.6,"), 1);
    forget();
    t.pack.stale = BATTERY_ALL;
    run_to(12000);
    assert_int_equal(t.count, 1);
    assert_string_equal(t.heard[0], "r shed/battery/status=offline");
    assert_int_equal(t.part_changes, 1);
    nh_battery_bridge_changed(t.bridge, BIT(NH_BATTERY_STATUS));
    run_to(60000);
    assert_int_equal(t.count, 1);
    assert_false(info().is_online);
    t.pack.stale = BIT(NH_BATTERY_SOC); // one value alone is old
    run_to(61000);
    assert_string_equal(t.heard[1], "r shed/battery/status=online");
    assert_non_null(strstr(t.heard[2], "r shed/battery/state={\"total_voltage\":53.33"));
    assert_int_equal(count_heard("r shed/battery/value/state_of_charge=7"), 0);
    assert_int_equal(count_heard("r shed/battery/value/state_of_charge="), 1); // taken away
    nh_battery_bridge_stop(t.bridge);
    assert_string_equal(t.heard[t.count - 1], "r shed/battery/status=offline");
    assert_int_equal(nh_sched_next_deadline(t.sched), NH_NEVER);
    nh_battery_bridge_changed(t.bridge, BIT(NH_BATTERY_STATUS));
    nh_battery_bridge_stop(t.bridge);
}

static void test_alarms_in_words(void **state)
{
    struct nh_battery_bridge_config cfg = config();
    (void)state;
    t.alarms[0] = (struct nh_battery_alarm){
        .code = 3, .severity = NH_BATTERY_CRITICAL, .message = "cell 5 is at 3.81 V"};
    t.alarms[1] = (struct nh_battery_alarm){
        .code = 11, .severity = NH_BATTERY_WARNING, .message = "spread 120 mV"};
    t.alarms[2] =
        (struct nh_battery_alarm){.code = 20, .severity = NH_BATTERY_INFO, .message = "charging"};
    t.alarm_count = 3;
    start(&cfg);
    run_to(11000);
    assert_int_equal(count_heard("r shed/battery/value/errors=cell 5 is at 3.81 V; spread 120 mV"),
                     1);
    assert_int_equal(count_heard("r shed/battery/value/errors_bitmask=4098"), 1);
    assert_int_equal(count_heard("r shed/battery/value/problem=ON"), 1);
    // One that comes is told with the next beat, not with the next message.
    forget();
    t.alarm_count = 1;
    nh_battery_bridge_alarm(t.bridge);
    run_to(12000);
    assert_int_equal(count_heard("r shed/battery/value/errors=cell 5 is at 3.81 V"), 1);
    assert_int_equal(count_heard("r shed/battery/state="), 1);
    // Messages without an end, and more than there is room for.
    for (int i = 0; i < 4; i++) {
        t.alarms[i].severity = NH_BATTERY_WARNING;
        memset(t.alarms[i].message, 'a' + i, sizeof t.alarms[i].message);
    }
    t.alarm_count = 4;
    forget();
    run_to(20000);
    assert_int_equal(count_heard("r shed/battery/value/errors=aaaa"), 1);
}

// What no frame of the inverter has a field for is a problem all the same: an almost empty pack, a
// fault of the board that is of no known kind.
static void test_any_critical_alarm_is_a_problem(void **state)
{
    static const struct {
        uint16_t code;
        uint8_t severity;
        const char *problem, *low_soc;
    } rows[] = {
        {9, NH_BATTERY_WARNING, "OFF", "\"LowSoc\":1"},
        {9, NH_BATTERY_CRITICAL, "ON", "\"LowSoc\":2"},
        {100 + 0x30, NH_BATTERY_CRITICAL, "ON", "\"LowSoc\":0"},
        {20, NH_BATTERY_INFO, "OFF", "\"LowSoc\":0"},
    };
    struct nh_battery_bridge_config cfg = config();
    char heard[64];
    (void)state;
    cfg.has_victron = true;
    t.alarm_count = t.pack.alarm_count = 1;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        forget();
        t.alarms[0] = (struct nh_battery_alarm){
            .code = rows[i].code, .severity = rows[i].severity, .message = "it is so"};
        t.pack.alarm_worst = rows[i].severity;
        start(&cfg);
        run_to(t.now_ms + 6500); // the second state: Victron's message is the last
        snprintf(heard, sizeof heard, "r shed/battery/value/problem=%s", rows[i].problem);
        assert_int_equal(count_heard(heard), 1);
        assert_non_null(strstr(t.payload, rows[i].low_soc));
        nh_battery_bridge_destroy(t.bridge);
    }
    t.bridge = NULL;
}

// A value that the broker did not take is said again, though it did not change meanwhile.
static void test_refused_value_is_said_again(void **state)
{
    struct nh_battery_bridge_config cfg = config();
    (void)state;
    start(&cfg);
    run_to(11000);
    assert_int_equal(count_heard("r shed/battery/value/total_voltage=53.33"), 1);
    t.pack.v.voltage_mv = 51000;
    t.publish_err = NH_ERR_NOMEM;
    run_to(17000);
    forget();
    t.publish_err = NH_OK;
    run_to(23000);
    assert_int_equal(count_heard("r shed/battery/value/total_voltage=51.00"), 1);
    assert_int_equal(count_heard("r shed/battery/value/current="), 0); // what stands there
}

// A value that is not known any more does not stay at the broker as if it were: what is kept there
// is taken away, once, and also what an earlier run left behind.
static void test_unknown_value_is_taken_away(void **state)
{
    struct nh_battery_bridge_config cfg = config();
    (void)state;
    start(&cfg);
    run_to(11000);
    assert_int_equal(count_heard("r shed/battery/value/time_to_empty=350"), 1);
    assert_int_equal(count_heard("r shed/battery/value/time_to_full="), 1); // of an earlier run
    assert_int_equal(count_heard("r shed/battery/value/cell_voltage_17="), 1);
    forget();
    t.pack.stale = BIT(NH_BATTERY_TEMP_BMS);
    t.pack.time_to_empty_s = NH_NEVER;
    run_to(23000);
    assert_int_equal(count_heard("r shed/battery/value/time_to_empty="), 1);
    assert_int_equal(count_heard("r shed/battery/value/mosfet_temperature="), 1);
    assert_int_equal(count_heard("r shed/battery/value/time_to_full="), 0);
    for (size_t i = 0; i < t.count; i++) // without a payload
        if (strstr(t.heard[i], "/value/time_to_empty") || strstr(t.heard[i], "/value/mosfet"))
            assert_int_equal(t.heard[i][strlen(t.heard[i]) - 1], '=');
    forget();
    t.pack.stale = 0;
    run_to(35000);
    assert_int_equal(count_heard("r shed/battery/value/mosfet_temperature=31.2"), 1);
    assert_int_equal(count_heard("r shed/battery/value/time_to_empty="), 0);
}

static void test_without_topics(void **state)
{
    struct nh_battery_bridge_config cfg = config();
    (void)state;
    cfg.has_topics = false;
    cfg.has_victron = true;
    start(&cfg);
    run_to(30000);
    assert_int_equal(t.count, 0);
    assert_int_equal(t.part_changes, 0xF);
    assert_null(nh_battery_bridge_filters(t.bridge)[0]);
}

static void test_broker_says_no(void **state)
{
    struct nh_battery_bridge_config cfg = config();
    (void)state;
    t.publish_err = NH_ERR_FULL;
    start(&cfg);
    run_to(11000);
    assert_true(info().failed > 40);
    assert_int_equal(info().messages, 0);
}

// ---- commands -----------------------------------------------------------------------------------

static void command(const char *text)
{
    const nh_span_t topic = {(const uint8_t *)"shed/battery/register/set", 25};
    const nh_span_t payload = {(const uint8_t *)text, strlen(text)};
    nh_battery_bridge_message(t.bridge, topic, payload);
}

static const char *last(void)
{
    return t.count ? t.payload : "";
}

static void test_commands_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "found the end of the text"},
        {"[]", "array"},
        {"{\"key\":\"cell_count\"", "found the end of the text"},
        {"{\"key\":\"cell_count\"}", "is needed"},
        {"{\"key\":\"cell_count\",\"read\":false}", "is needed"},
        {"{\"key\":\"cell_count\",\"read\":true,\"value\":5}", "one of them alone"},
        {"{\"key\":\"cell_count\",\"address\":307,\"read\":true}", "one of them alone"},
        {"{\"read\":true}", "one of them alone"},
        {"{\"key\":\"no_such\",\"read\":true}", "no register \\\"no_such\\\""},
        {"{\"address\":599,\"read\":true}", "no register at 599"},
        {"{\"address\":600,\"read\":true}", "/address"},
        {"{\"address\":-1,\"read\":true}", "/address"},
        {"{\"address\":3.5,\"read\":true}", "/address"},
        {"{\"key\":\"pack_voltage_v\",\"value\":5}", "read only"},
        {"{\"key\":\"allowed_disbalance_mv\",\"value\":101}", "15 to 100"},
        {"{\"key\":\"allowed_disbalance_mv\",\"value\":1e300}", "15 to 100"},
        {"{\"key\":\"overvoltage_cutoff_mv\",\"value\":3700}", "needs a confirmation"},
        {"{\"key\":\"allowed_disbalance_mv\",\"values\":20}", "/values"},
        {"{\"key\":\"0123456789012345678901234567890123456789012345678\",\"read\":true}", "/key"},
    };
    struct nh_battery_bridge_config cfg = config();
    char long_one[600];
    (void)state;
    start(&cfg);
    assert_string_equal(nh_battery_bridge_filters(t.bridge)[0], "shed/battery/register/set");
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        forget();
        command(rows[i].text);
        assert_int_equal(t.count, 1);
        assert_int_equal(count_heard("shed/battery/register/result={\"key\":"), 1);
        if (!strstr(last(), "\"outcome\":\"refused\"") || !strstr(last(), rows[i].why))
            fail_msg("%s -> %s", rows[i].text, last());
    }
    memset(long_one, ' ', sizeof long_one);
    memcpy(long_one, "{\"key\":\"cell_count\",\"read\":true}", 32);
    long_one[sizeof long_one - 1] = '\0';
    command(long_one);
    assert_non_null(strstr(last(), "599 bytes, more than 512"));
    assert_int_equal(t.posts, 0);
    assert_null(t.set_register);
    assert_int_equal(info().refused, NH_ARRAY_LEN(rows) + 1);
    const nh_span_t other = {(const uint8_t *)"shed/battery/register/get", 25};
    forget();
    nh_battery_bridge_message(t.bridge, other, other);
    assert_int_equal(t.count, 0);
}

static void reply(uint8_t outcome, uint8_t code, uint16_t w0, uint16_t w1)
{
    struct nh_battery_reply r = {.ticket = 1, .outcome = outcome, .code = code, .words = {w0, w1}};
    t.request.done(t.request.ctx, &r);
}

static void test_reads(void **state)
{
    struct nh_battery_bridge_config cfg = config();
    (void)state;
    start(&cfg);
    forget();
    command("{\"key\":\"battery_capacity_ah\",\"read\":true}");
    assert_int_equal(t.count, 0); // the board is asked
    assert_int_equal(t.request.kind, NH_BATTERY_READ);
    assert_int_equal(t.request.priority, NH_BATTERY_PRIO_USER);
    assert_int_equal(t.request.address, 306);
    assert_int_equal(t.request.count, 1);
    reply(NH_BATTERY_DONE, 0, 31400, 0);
    assert_string_equal(t.heard[0], "r shed/battery/register/battery_capacity_ah=314.00");
    assert_string_equal(last(),
                        "{\"key\":\"battery_capacity_ah\",\"address\":306,\"action\":\"read\","
                        "\"outcome\":\"done\",\"value\":314.00}");
    command("{\"address\":36,\"read\":true}"); // two words, 51.2 V
    assert_int_equal(t.request.count, 2);
    reply(NH_BATTERY_DONE, 0, 0xCCCD, 0x424C);
    assert_non_null(strstr(last(), "\"key\":\"pack_voltage_v\",\"address\":36"));
    assert_non_null(strstr(last(), "\"value\":51.2"));
    command("{\"address\":42,\"read\":true}"); // a sensor that is not connected
    reply(NH_BATTERY_DONE, 0, 0x8000, 0);
    assert_non_null(strstr(last(), "\"outcome\":\"done\",\"value\":null"));
    command("{\"address\":306,\"read\":true}");
    reply(NH_BATTERY_REFUSED, 1, 0, 0);
    assert_non_null(strstr(last(), "\"outcome\":\"refused\",\"value\":null,\"code\":1"));
    command("{\"address\":306,\"read\":true}");
    reply(NH_BATTERY_LOST, 0, 0, 0);
    assert_non_null(strstr(last(), "\"outcome\":\"lost\""));
    t.post_err = NH_ERR_FULL; // the line's queue
    command("{\"address\":306,\"read\":true}");
    assert_non_null(strstr(last(), "\"outcome\":\"refused\",\"value\":null,\"error\":\"a limit"));
    assert_int_equal(info().commands, 6);
    assert_int_equal(info().refused, 3);
}

static void test_writes(void **state)
{
    struct nh_battery_bridge_config cfg = config();
    (void)state;
    start(&cfg);
    command("{\"key\":\"allowed_disbalance_mv\",\"value\":20}");
    assert_int_equal(t.set_register->address, 308);
    assert_true(t.set_value == 20);
    struct nh_battery_setting_result r = {.outcome = NH_BATTERY_DONE, .value = 20};
    forget();
    t.set_done(t.set_ctx, &r);
    assert_string_equal(t.heard[0], "r shed/battery/register/allowed_disbalance_mv=20");
    assert_string_equal(last(), "{\"key\":\"allowed_disbalance_mv\",\"address\":308,"
                                "\"action\":\"write\",\"outcome\":\"done\",\"value\":20}");
    command("{\"address\":308,\"value\":30}");
    r = (struct nh_battery_setting_result){.outcome = NH_BATTERY_NOT_TAKEN, .value = 20};
    t.set_done(t.set_ctx, &r);
    assert_non_null(strstr(last(), "\"outcome\":\"not_taken\",\"value\":20"));
    command("{\"address\":308,\"value\":30}"); // against another setting
    r = (struct nh_battery_setting_result){
        .err = NH_ERR_RANGE, .value = NAN, .text = "must be below full"};
    t.set_done(t.set_ctx, &r);
    assert_non_null(strstr(last(), "\"outcome\":\"refused\",\"value\":null,\"error\":\"must be"));
    t.post_err = NH_ERR_CLOSED;
    command("{\"address\":308,\"value\":30}");
    assert_non_null(strstr(last(), "\"outcome\":\"refused\""));
}

static void test_few_commands_at_once(void **state)
{
    struct nh_battery_bridge_config cfg = config();
    struct nh_battery_request first;
    (void)state;
    start(&cfg);
    command("{\"address\":306,\"read\":true}");
    first = t.request;
    for (int i = 0; i < 3; i++)
        command("{\"address\":306,\"read\":true}");
    forget();
    command("{\"address\":306,\"read\":true}");
    assert_non_null(strstr(last(), "4 commands are under way"));
    struct nh_battery_reply r = {.outcome = NH_BATTERY_CANCELLED};
    first.done(first.ctx, &r);
    assert_non_null(strstr(last(), "\"outcome\":\"cancelled\""));
    command("{\"address\":306,\"read\":true}");
    assert_int_equal(t.posts, 5);
    // Answers that come while it stops are for nobody.
    nh_battery_bridge_stop(t.bridge);
    forget();
    reply(NH_BATTERY_CANCELLED, 0, 0, 0);
    command("{\"address\":306,\"read\":true}");
    assert_int_equal(t.count, 0);
}

static void test_register_events(void **state)
{
    struct nh_battery_bridge_config cfg = config();
    struct nh_event_battery_register e = {
        .address = 306, .raw = 31400, .value = 314.0f, .key = "battery_capacity_ah"};
    (void)state;
    start(&cfg);
    forget();
    nh_battery_bridge_register(t.bridge, &e);
    assert_string_equal(t.heard[0], "r shed/battery/register/battery_capacity_ah=314.00");
    memset(e.key, 'x', sizeof e.key); // no such, and no end
    nh_battery_bridge_register(t.bridge, &e);
    assert_int_equal(t.count, 1);
}

// ---- Home Assistant -----------------------------------------------------------------------------

static void document(size_t at, char *out, size_t cap)
{
    const struct nh_homeassistant_part part = nh_battery_bridge_part(t.bridge);
    struct nh_json_buf buf = {.ptr = out, .cap = cap - 1};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    part.entity_write(part.ctx, at, &w);
    nh_json_object_end(&w);
    assert_int_equal(nh_json_writer_end(&w), 0);
    out[buf.len] = '\0';
}

static void test_entities(void **state)
{
    static const struct {
        const char *component, *object, *document;
    } rows[] = {
        {"sensor", "total_voltage",
         "{\"stat_t\":\"~/battery/state\",\"val_tpl\":\"{{ value_json.total_voltage }}\","
         "\"unit_of_meas\":\"V\",\"dev_cla\":\"voltage\",\"stat_cla\":\"measurement\","
         "\"suggested_display_precision\":2,\"expire_after\":20}"},
        {"sensor", "cell_voltage_07",
         "{\"stat_t\":\"~/battery/cells\",\"val_tpl\":\"{{ value_json.cell_voltage_07 }}\","
         "\"unit_of_meas\":\"V\",\"dev_cla\":\"voltage\",\"stat_cla\":\"measurement\","
         "\"suggested_display_precision\":3,\"expire_after\":30}"},
        {"sensor", "charged_energy",
         "{\"stat_t\":\"~/battery/meters\",\"val_tpl\":\"{{ value_json.charged_energy }}\","
         "\"unit_of_meas\":\"kWh\",\"dev_cla\":\"energy\",\"stat_cla\":\"total_increasing\","
         "\"suggested_display_precision\":2,\"expire_after\":7200}"},
        {"binary_sensor", "charging",
         "{\"stat_t\":\"~/battery/state\",\"val_tpl\":\"{{ value_json.charging }}\","
         "\"dev_cla\":\"battery_charging\",\"expire_after\":20}"},
    };
    struct nh_battery_bridge_config cfg = config();
    char text[512];
    size_t found = 0;
    (void)state;
    t.pack.valid = 0; // nothing was seen: how many cells there are is not known
    start(&cfg);
    run_to(11000);
    const struct nh_homeassistant_part part = nh_battery_bridge_part(t.bridge);
    struct nh_homeassistant_entity e;
    size_t unseen = 0, gone = 0;
    for (size_t at = 0; at < part.entity_count; at++) {
        part.entity(part.ctx, at, &e);
        unseen += !e.component;
        assert_false(e.is_gone);
    }
    assert_int_equal(unseen, 32 + 2);
    t.pack = battery_pack();
    t.pack.v.temp_ext2_mc = NH_BATTERY_TEMPERATURE_NONE;
    forget();
    run_to(12000);
    assert_int_equal(t.announced, 1);
    for (size_t at = 0; at < part.entity_count; at++) {
        part.entity(part.ctx, at, &e);
        assert_non_null(e.component);
        gone += e.is_gone;
        for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
            if (strcmp(e.object, rows[i].object) != 0)
                continue;
            assert_string_equal(e.component, rows[i].component);
            document(at, text, sizeof text);
            assert_string_equal(text, rows[i].document);
            found++;
        }
    }
    assert_int_equal(found, NH_ARRAY_LEN(rows));
    assert_int_equal(gone, 16 + 1);
}

static const char *part_state(size_t at, char *out, size_t cap)
{
    const struct nh_homeassistant_part part = nh_battery_bridge_part(t.bridge);
    struct nh_json_buf buf = {.ptr = out, .cap = cap - 1};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    const char *last_level = part.state_write(part.ctx, at, &w);
    out[buf.len] = '\0';
    return last_level;
}

static void test_states_for_homeassistant(void **state)
{
    struct nh_battery_bridge_config cfg = config();
    char text[3072];
    (void)state;
    start(&cfg);
    assert_string_equal(part_state(0, text, sizeof text), "link");
    assert_string_equal(text, "{\"state\":\"offline\"}");
    assert_null(part_state(1, text, sizeof text)); // nothing old is said
    run_to(11000);
    part_state(0, text, sizeof text);
    assert_string_equal(text, "{\"state\":\"online\"}");
    assert_string_equal(part_state(1, text, sizeof text), "state");
    assert_non_null(strstr(text, "\"state_of_charge\":73.3"));
    assert_string_equal(part_state(2, text, sizeof text), "cells");
    assert_string_equal(part_state(3, text, sizeof text), "meters");
    assert_non_null(strstr(text, "\"charged_energy\":1234.57"));
}

// ---- Prometheus ---------------------------------------------------------------------------------

static const char *metrics(void)
{
    static char out[8192];
    const struct nh_health_families f = nh_battery_bridge_families(t.bridge);
    size_t len = 0;
    for (size_t family = 0; family < f.count; family++) {
        char line[NH_HEALTH_SAMPLE_MAX_BYTES];
        struct nh_health_family head;
        size_t n;
        f.head(f.ctx, family, &head);
        for (size_t i = 0; (n = f.sample(f.ctx, family, i, line, sizeof line)) > 0; i++) {
            assert_true(n < sizeof line && line[n - 1] == '\n');
            assert_memory_equal(line, head.name, strlen(head.name));
            assert_true(len + n < sizeof out);
            memcpy(out + len, line, n);
            len += n;
        }
    }
    out[len] = '\0';
    return out;
}

static void test_prometheus(void **state)
{
    static const char *const rows[] = {
        "battery_voltage_volts 53.328\n",
        "battery_current_amperes -12.500\n",
        "battery_power_watts -666.600\n",
        "battery_soc_ratio 0.73250\n",
        "battery_soh_ratio 0.99100\n",
        "battery_cell_voltage_volts{cell=\"1\"} 3.3330\n",
        "battery_cell_voltage_volts{cell=\"16\"} 3.3330\n",
        "battery_cell_balancing{cell=\"3\"} 1\n",
        "battery_temperature_celsius{sensor=\"internal\"} 31.200\n",
        "battery_temperature_celsius{sensor=\"external2\"} 25.700\n",
        "battery_charged_watt_hours_total 1234567.890\n",
        "battery_status{state=\"discharging\"} 1\n",
        "battery_status{state=\"charging\"} 0\n",
        "battery_alarms{severity=\"critical\"} 1\n",
        "battery_connected{source=\"local\"} 1\n",
        "battery_charge_voltage_limit_volts 58.400\n",
        "battery_discharge_current_limit_amperes 65.000\n",
        "tinybms_transactions_total{result=\"ok\"} 12\n",
        "tinybms_transactions_total{result=\"nack\"} 6\n",
        "tinybms_latency_seconds_bucket{le=\"0.002\"} 5\n",
        "tinybms_latency_seconds_bucket{le=\"0.005\"} 12\n",
        "tinybms_latency_seconds_bucket{le=\"2\"} 12\n",
        "tinybms_latency_seconds_bucket{le=\"+Inf\"} 13\n",
        "tinybms_latency_seconds_sum 12.000345\n",
        "tinybms_latency_seconds_count 13\n",
        "battery_can_frames_total{direction=\"in\"} 0\n",
    };
    struct nh_battery_bridge_config cfg = config();
    (void)state;
    cfg.can = "vcan0";
    t.alarms[0].severity = NH_BATTERY_CRITICAL;
    t.alarm_count = 1;
    t.statistics = (struct nh_battery_statistics){.reads_ok = 10,
                                                  .writes_ok = 2,
                                                  .nacks = {1, 2, 3},
                                                  .latency_sum_us = 12000345,
                                                  .latency_counts = {5, 7, [10] = 1}};
    start(&cfg);
    run_to(11000);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (!strstr(metrics(), rows[i]))
            fail_msg("%s", rows[i]);
    assert_null(strstr(metrics(), "cell=\"17\""));
    // What is stale has no line; a sensor that is not there neither.
    t.pack.stale = BIT(NH_BATTERY_VOLTAGE) | BIT(NH_BATTERY_CELLS) | BIT(NH_BATTERY_STATUS);
    t.pack.v.temp_ext1_mc = NH_BATTERY_TEMPERATURE_NONE;
    run_to(12000);
    assert_null(strstr(metrics(), "battery_voltage_volts"));
    assert_null(strstr(metrics(), "battery_cell_voltage_volts"));
    assert_null(strstr(metrics(), "battery_status"));
    assert_null(strstr(metrics(), "external1"));
    assert_non_null(strstr(metrics(), "external2"));
    assert_non_null(strstr(metrics(), "battery_soc_ratio"));
    assert_null(strstr(metrics(), "_limit_")); // cells are not known
}

// ---- the inverter -------------------------------------------------------------------------------

static struct nh_battery_bridge_config with_can(void)
{
    struct nh_battery_bridge_config cfg = config();
    cfg.can = "vcan0";
    return cfg;
}

static void test_frames_and_periods(void **state)
{
    struct nh_battery_bridge_config cfg = with_can();
    (void)state;
    start(&cfg);
    assert_false(t.is_open);
    run_to(11000);
    assert_int_equal(t.frame_count, 6); // not more than an interface takes at once
    assert_int_equal(t.frames[0].id, 0x351);
    run_to(11999);
    assert_int_equal(t.frame_count, 19);
    forget();
    run_to(21999); // ten beats
    static const struct {
        uint32_t id;
        size_t count;
    } rows[] = {{0x351, 10}, {0x355, 10}, {0x356, 10}, {0x35A, 10}, {0x35E, 5},
                {0x371, 5},  {0x373, 10}, {0x378, 10}, {0x379, 2},  {0x382, 2}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        assert_int_equal(count_frames(rows[i].id), rows[i].count);
    assert_int_equal(info().frames, t.frame_count + 19);
    cfg.can_dialect = NH_BATTERY_CAN_PYLONTECH;
    nh_battery_bridge_destroy(t.bridge);
    start(&cfg);
    forget();
    run_to(31999);
    assert_int_equal(t.frame_count, 60);
    assert_int_equal(count_frames(0x359), 10);
}

// The three phases of a lost board, as the bus sees them.
static void test_lost_board(void **state)
{
    struct nh_battery_bridge_config cfg = with_can();
    (void)state;
    t.pack.valid = 0;
    battery_cells_set(&t.pack, 33000); // in the middle: there is a hold
    start(&cfg);
    run_to(20999);
    assert_true(t.is_open);
    assert_int_equal(t.frame_count, 0); // nothing was ever seen
    t.pack.valid = BATTERY_ALL;
    run_to(21999);
    assert_int_equal(count_frames(0x351), 1);
    forget();
    t.pack.stale = BATTERY_ALL;
    run_to(81999);
    assert_int_equal(info().phase, NH_BATTERY_CAN_HOLD);
    assert_int_equal(count_frames(0x351), 60);
    assert_int_equal(t.frames[0].data[2], 0x84); // 90 A still
    assert_int_equal(count_frames(0x356), 0);    // what is measured is not told again
    forget();
    run_to(111999);
    assert_int_equal(info().phase, NH_BATTERY_CAN_ZERO);
    assert_int_equal(count_frames(0x351), 30);
    assert_int_equal(t.frames[0].data[2] | t.frames[0].data[3] | t.frames[0].data[4], 0);
    assert_int_equal(count_frames(0x35A), 30);
    forget();
    run_to(200000);
    assert_int_equal(t.frame_count, 0);
    assert_int_equal(info().phase, NH_BATTERY_CAN_SILENT);
    t.pack.stale = 0;
    run_to(200999);
    run_to(201999);
    assert_true(count_frames(0x351) > 0);
}

static void test_bus_that_comes_and_goes(void **state)
{
    struct nh_battery_bridge_config cfg = with_can();
    (void)state;
    t.open_err = NH_ERR_NOT_FOUND;
    start(&cfg);
    run_to(14000);
    assert_int_equal(info().can_err, NH_ERR_NOT_FOUND);
    assert_int_equal(t.frame_count, 0);
    assert_true(info().is_online); // MQTT goes on
    t.open_err = NH_OK;
    run_to(15999);
    assert_false(t.is_open); // 5 s after the first attempt
    run_to(16999);
    assert_true(t.is_open);
    t.can.down(t.can.ctx, NH_ERR_CLOSED);
    assert_false(t.is_open);
    assert_int_equal(info().can_err, NH_ERR_CLOSED);
    forget();
    run_to(20999);
    assert_int_equal(t.frame_count, 0);
    run_to(22999);
    assert_true(t.is_open);
    assert_int_equal(info().can_opens, 2);
    assert_int_equal(info().can_err, 0);
    t.send_err = NH_ERR_AGAIN; // a bus that is full loses frames, and they are counted
    uint64_t before = info().frames;
    run_to(23999);
    assert_int_equal(info().frames, before);
    assert_true(info().frames_refused >= 14);
}

static void test_inverter_is_heard(void **state)
{
    static const struct nh_can_frame alive = {0x305, 8, {0}},
                                     name = {0x307, 8, {0, 0, 0, 0, 'V', 'I', 'C', 0}};
    struct nh_battery_bridge_config cfg = with_can();
    char out[2048];
    (void)state;
    start(&cfg);
    run_to(11500);
    t.can.input(t.can.ctx, &name);
    t.can.input(t.can.ctx, &alive);
    run_to(12000);
    assert_true(info().is_inverter_alive);
    const struct nh_route_table table = nh_battery_bridge_routes(t.bridge);
    assert_int_equal(
        route_ask(&table, t.mem, "GET", "/api/battery/bridge", NULL, NULL, out, sizeof out), 200);
    assert_non_null(strstr(out, "{\"online\":true,\"limits\":{\"state\":\"bulk\","
                                "\"charge_voltage_v\":58.4,\"charge_a\":90,\"discharge_a\":65,"
                                "\"discharge_voltage_v\":48,\"protecting\":false},"
                                "\"can\":{\"interface\":\"vcan0\",\"dialect\":\"victron\","
                                "\"open\":true,\"error\":null,\"opens\":1,\"phase\":\"fresh\","));
    assert_non_null(strstr(out, "\"frames_in\":2,\"bus_errors\":3,\"inverter\":{\"alive\":true,"
                                "\"identity\":\"VIC\","));
    run_to(611499);
    t.part_changes = 0;
    assert_true(info().is_inverter_alive);
    forget();
    run_to(613000);
    assert_false(info().is_inverter_alive); // told, and the frames go on
    assert_true(count_frames(0x351) > 0);
}

static struct {
    int open, away;
} told;

static void note_line(void *ctx, enum nh_log_level level, const char *module, const char *line)
{
    (void)ctx;
    (void)level;
    (void)module;
    told.open += strstr(line, "is open") != NULL;
    told.away += strstr(line, "went away") != NULL;
}

// An interface that is there and was not brought up can be opened, and goes away at once: that is
// told once, not each time that it is tried.
static void test_bus_that_is_not_up(void **state)
{
    struct nh_battery_bridge_config cfg = with_can();
    (void)state;
    memset(&told, 0, sizeof told);
    nh_log_set(note_line, NULL, NH_LOG_INFO);
    start(&cfg);
    for (int s = 0; s < 60; s++) {
        run_to(t.now_ms + 1000);
        if (t.is_open)
            t.can.down(t.can.ctx, NH_ERR_CLOSED);
    }
    assert_true(info().can_opens >= 10);
    assert_int_equal(told.away, 1);
    assert_int_equal(told.open, 0);
    run_to(t.now_ms + 10000); // now it is up
    assert_true(t.is_open);
    assert_int_equal(told.open, 1);
    t.can.down(t.can.ctx, NH_ERR_CLOSED); // and no more
    assert_int_equal(told.away, 2);
    nh_log_set(NULL, NULL, NH_LOG_INFO);
}

// Errors of the bus are counted over its whole life, though the interface goes and comes.
static void test_bus_errors_never_fall(void **state)
{
    struct nh_battery_bridge_config cfg = with_can();
    char out[2048], text[32];
    (void)state;
    start(&cfg);
    for (unsigned round = 1; round <= 3; round++) {
        run_to(t.now_ms + 7000);
        assert_true(t.is_open);
        for (int closed = 0; closed <= 1; closed++) {
            const struct nh_route_table table = nh_battery_bridge_routes(t.bridge);
            assert_int_equal(
                route_ask(&table, t.mem, "GET", "/api/battery/bridge", NULL, NULL, out, sizeof out),
                200);
            snprintf(text, sizeof text, "\"bus_errors\":%u,", 3 * round); // 3 of each opening
            assert_non_null(strstr(out, text));
            if (!closed)
                t.can.down(t.can.ctx, NH_ERR_CLOSED);
        }
    }
}

// ---- memory -------------------------------------------------------------------------------------

static uint64_t allocations(void)
{
    struct nh_mem_owner_info o;
    assert_int_equal(nh_mem_owner_info(t.sys, 0, &o), 0);
    return o.tier[0].alloc_count + o.tier[1].alloc_count;
}

static void test_no_allocation_when_it_runs(void **state)
{
    struct nh_battery_bridge_config cfg = with_can();
    struct rng r = {.state = 5};
    (void)state;
    cfg.has_victron = true;
    start(&cfg);
    run_to(12000);
    uint64_t before = allocations();
    for (int i = 0; i < 300; i++) {
        t.count = t.frame_count = 0;
        t.pack.v.voltage_mv += (int32_t)rng_below(&r, 200) - 100;
        t.pack.v.status = i % 7 ? 0x93 : 0x91;
        nh_battery_bridge_changed(t.bridge, rng_next(&r));
        command("{\"address\":306,\"read\":true}");
        reply(NH_BATTERY_DONE, 0, 31400, 0);
        run_to(t.now_ms + 1000);
    }
    assert_int_equal(allocations(), before);
}

static void test_no_memory(void **state)
{
    struct nh_battery_bridge_config cfg = with_can();
    int err = NH_ERR_NOMEM;
    (void)state;
    for (uint32_t nth = 1; err < 0; nth++) {
        const struct nh_mem_fault fault = {.fail_nth = nth};
        nh_mem_fault_set(t.sys, &fault);
        err = nh_battery_bridge_create(&cfg, &t.bridge);
        nh_mem_fault_set(t.sys, NULL);
        assert_true(err == 0 ? t.bridge != NULL : err == NH_ERR_NOMEM && !t.bridge);
        assert_true(nth < 5);
    }
    nh_battery_bridge_destroy(t.bridge);
    t.bridge = NULL;
    char name[NH_BATTERY_BRIDGE_NAME_MAX_BYTES + 1];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cfg.name = name;
    assert_int_equal(nh_battery_bridge_create(&cfg, &t.bridge), NH_ERR_TOO_LONG);
    nh_battery_bridge_destroy(NULL);
    nh_battery_bridge_stop(NULL);
}

// Random packs and moments: every message is whole JSON or one word, whatever is known.
static void test_any_pack(void **state)
{
    struct nh_battery_bridge_config cfg = with_can();
    struct rng r = {.state = 11};
    (void)state;
    cfg.has_victron = true;
    start(&cfg);
    for (int i = 0; i < 1000; i++) {
        t.count = t.frame_count = 0;
        rng_bytes(&r, &t.pack, sizeof t.pack);
        t.pack.v.cell_count = (uint8_t)rng_below(&r, NH_BATTERY_CELL_MAX_COUNT + 1);
        memset(&t.pack.is_local_connected, 1, 1);
        memset(&t.pack.is_remote_connected, 0, 1);
        t.pack.valid = rng_next(&r) & BATTERY_ALL;
        nh_battery_bridge_changed(t.bridge, rng_next(&r));
        run_to(t.now_ms + 10000);
        (void)metrics();
        t.payload[0] = '\0';
        nh_battery_bridge_stop(t.bridge);
        assert_int_equal(nh_battery_bridge_start(t.bridge), 0);
    }
    assert_int_equal(info().failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_object_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_documents, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stale, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alarms_in_words, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_critical_alarm_is_a_problem, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_value_is_said_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bus_errors_never_fall, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bus_that_is_not_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_value_is_taken_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_topics, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broker_says_no, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commands_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_few_commands_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_register_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_entities, setup, teardown),
        cmocka_unit_test_setup_teardown(test_states_for_homeassistant, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prometheus, setup, teardown),
        cmocka_unit_test_setup_teardown(test_frames_and_periods, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_board, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bus_that_comes_and_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inverter_is_heard, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_allocation_when_it_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_pack, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
