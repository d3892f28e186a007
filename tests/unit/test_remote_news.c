// What comes from the network beside telemetry: events, alerts, configuration, points of others.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "components/battery_remote/remote_news.h"
#include "components/battery_remote/remote_points.h"
#include "components/battery_remote/remote_settings.h"
#include "support/rng.h"

// ---- events

static void test_events(void **state)
{
    static const struct {
        const char *text;
        int err;
        uint32_t id;
        const char *type, *key;
        bool is_active, has_error;
    } rows[] = {
        {"{\"type\":\"wifi\",\"key\":\"wifi_sta_got_ip\",\"event_id\":\"0x1303\",\"status\":"
         "\"on\"}",
         0, 0x1303, "wifi", "wifi_sta_got_ip", true, false},
        {"{\"event_id\":4864,\"status\":\"off\",\"active\":false}", 0, 4864, "", "", false, false},
        {"{\"status\":\"critical\",\"type\":\"alarm\"}", 0, 0, "alarm", "", true, true},
        {"{\"has_error\":1,\"active\":true,\"x\":{\"type\":\"no\"},\"y\":[1]}", 0, 0, "", "", true,
         true},
        {"{\"event_id\":\"-1\"}", 0, 0, "", "", false, false},
        {"{\"event_id\":\"12z\"}", 0, 0, "", "", false, false},
        {"{\"event_id\":99999999999}", 0, 0, "", "", false, false},
        {"{\"type\":7,\"key\":null}", 0, 0, "", "", false, false},
        {"{\"type\":\"a type that is far too long\"}", 0, 0, "a type that is ", "", false, false},
        {"{\"type\":\"vierzehn Zeiche\xc3\xa4\"}", 0, 0, "vierzehn Zeiche", "", false, false},
        {"{\"type\":\"vierzehn Zeich\xc3\xa4\"}", 0, 0, "vierzehn Zeich", "", false, false},
        {"[]", NH_ERR_TYPE, 0, "", "", false, false},
        {"{\"type\":\"wifi\"", NH_ERR_SYNTAX, 0, "", "", false, false},
        {"", NH_ERR_SYNTAX, 0, "", "", false, false},
        {"{} x", NH_ERR_SYNTAX, 0, "", "", false, false},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_remote_event e;
        int err = nh_remote_event_read(rows[i].text, strlen(rows[i].text), &e);
        if (err != rows[i].err || e.id != rows[i].id || e.is_active != rows[i].is_active ||
            e.has_error != rows[i].has_error || strcmp(e.type, rows[i].type) != 0 ||
            strcmp(e.key, rows[i].key) != 0)
            fail_msg("%s: %d, %x, '%s', '%s'", rows[i].text, err, (unsigned)e.id, e.type, e.key);
    }
}

// ---- alerts

static int read_alerts(const char *text, struct nh_remote_alert *out, size_t max)
{
    return nh_remote_alerts_read(text, strlen(text), out, max);
}

static void test_alerts(void **state)
{
    static const struct {
        const char *name, *text;
        int count;
    } rows[] = {
        {"an array", "[{\"id\":1},{\"id\":2}]", 2},
        {"none", "[]", 0},
        {"active and history", "{\"active\":[{\"id\":1}],\"history\":[{\"id\":2},{\"id\":3}]}", 3},
        {"alerts", "{\"count\":1,\"alerts\":[{\"alert_id\":1}]}", 1},
        {"others are no alerts", "{\"x\":[{\"id\":1}],\"y\":{\"active\":[{\"id\":2}]}}", 0},
        {"with inner ones", "[{\"id\":1,\"a\":{\"id\":9},\"b\":[{\"id\":9}]}]", 1},
        {"more than there is room", "[{},{},{},{},{}]", 4},
        {"cut: what was whole", "[{\"id\":1},{\"id\":2},{\"id\":3", 2},
        {"cut at once", "[{\"id\":1", NH_ERR_SYNTAX},
        {"a number", "7", NH_ERR_TYPE},
        {"numbers", "[1,2]", 0},
        {"nothing", "", NH_ERR_SYNTAX},
    };
    struct nh_remote_alert a[4];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int n = read_alerts(rows[i].text, a, 4);
        if (n != rows[i].count)
            fail_msg("%s: %d", rows[i].name, n);
    }
}

static void test_alert_values(void **state)
{
    struct nh_remote_alert a[1];
    (void)state;
    // A time of today needs 41 bits: as a float it would be off by up to a minute.
    assert_int_equal(read_alerts("[{\"id\":18446744073709551615,\"timestamp_ms\":1764547200123,"
                                 "\"severity\":\"critical\",\"type\":11,\"event_id\":\"0x1500\","
                                 "\"acknowledged\":true,\"status\":\"resolved\","
                                 "\"message\":\"cells apart\",\"source\":\"local\"}]",
                                 a, 1),
                     1);
    assert_true(a[0].id == UINT64_MAX && a[0].time_ms == 1764547200123u);
    assert_true(a[0].severity == NH_REMOTE_CRITICAL && a[0].code == 11);
    assert_true(a[0].is_acknowledged && a[0].is_over);
    assert_string_equal(a[0].message, "cells apart");
    assert_string_equal(a[0].source, "local");
    static const struct {
        const char *text;
        uint8_t severity;
        bool is_acknowledged, is_over;
    } rows[] = {
        {"[{\"severity\":4}]", NH_REMOTE_CRITICAL, false, false},
        {"[{\"severity\":1,\"status\":1}]", NH_REMOTE_INFO, true, false},
        {"[{\"severity\":9,\"status\":2}]", NH_REMOTE_CRITICAL, false, true},
        {"[{\"severity\":\"warning\",\"status\":0}]", NH_REMOTE_WARNING, false, false},
        {"[{\"severity\":\"loud\",\"status\":\"active\"}]", NH_REMOTE_UNKNOWN, false, false},
        {"[{\"severity\":-1,\"acknowledged\":0}]", NH_REMOTE_UNKNOWN, false, false},
        {"[{\"status\":\"acknowledged\",\"timestamp\":1}]", NH_REMOTE_UNKNOWN, true, false},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_int_equal(read_alerts(rows[i].text, a, 1), 1);
        if (a[0].severity != rows[i].severity || a[0].is_acknowledged != rows[i].is_acknowledged ||
            a[0].is_over != rows[i].is_over)
            fail_msg("%s: %s", rows[i].text, nh_remote_severity_name(a[0].severity));
    }
    assert_int_equal(nh_remote_alert_read("{\"message\":\"m\"}", 15, a), 0);
    assert_int_equal(nh_remote_alert_read("[]", 2, a), NH_ERR_TYPE);
    assert_int_equal(nh_remote_alert_read("{}1", 3, a), NH_ERR_SYNTAX);
}

// ---- configuration

static void test_settings(void **state)
{
    static const struct {
        const char *name, *text;
        int err;
        uint32_t seen;
    } rows[] = {
        {"flat", "{\"wifi_ssid\":\"a\",\"can_bitrate\":500000,\"uart_parity\":\"N\"}", 0,
         1u << NH_REMOTE_WIFI_SSID | 1u << NH_REMOTE_CAN_BITRATE | 1u << NH_REMOTE_UART_PARITY},
        {"nested",
         "{\"wifi\":{\"sta_ssid\":\"a\"},\"uart\":{\"baud_rate\":9600},\"can\":{\"bitrate\":1}}", 0,
         1u << NH_REMOTE_WIFI_SSID | 1u << NH_REMOTE_UART_BAUDRATE | 1u << NH_REMOTE_CAN_BITRATE},
        {"nested twice",
         "{\"mqtt\":{\"broker_uri\":\"m\",\"topics\":{\"publish\":\"p\",\"sub\":\"s\"}}}", 0,
         NH_REMOTE_MQTT_SETTINGS},
        {"elsewhere", "{\"x\":{\"wifi_ssid\":\"a\",\"wifi\":{\"ssid\":\"a\"}},\"ssid\":\"b\"}", 0,
         0},
        {"null", "{\"wifi_ssid\":null}", 0, 0},
        {"others", "{\"device\":{\"name\":\"x\"},\"list\":[{\"wifi_ssid\":\"a\"}]}", 0, 0},
        {"deep", "{\"mqtt\":{\"topics\":{\"pub\":{\"pub\":1}}}}", 0, 0},
        {"a number for a text", "{\"wifi_ssid\":7}", NH_ERR_TYPE, 1u << NH_REMOTE_WIFI_SSID},
        {"too long", "{\"uart_parity\":\"none\"}", NH_ERR_TOO_LONG, 1u << NH_REMOTE_UART_PARITY},
        {"too large", "{\"can_bitrate\":4294967296}", NH_ERR_RANGE, 1u << NH_REMOTE_CAN_BITRATE},
        {"a NUL", "{\"wifi_ssid\":\"a\\u0000b\"}", NH_ERR_RANGE, 1u << NH_REMOTE_WIFI_SSID},
        {"a line end", "{\"wifi_ssid\":\"a\\nb\"}", NH_ERR_RANGE, 1u << NH_REMOTE_WIFI_SSID},
        {"an array", "[]", NH_ERR_TYPE, 0},
        {"cut", "{\"wifi_ssid\":\"a\"", NH_ERR_SYNTAX, 0},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_remote_settings s = {.known = 1, .wifi_ssid = "before"};
        uint32_t seen;
        int err = nh_remote_settings_read(rows[i].text, strlen(rows[i].text), &s, &seen);
        if (err != rows[i].err || seen != rows[i].seen)
            fail_msg("%s: %d, %x", rows[i].name, err, (unsigned)seen);
        if (err < 0)
            assert_true(s.known == 1 && strcmp(s.wifi_ssid, "before") == 0);
    }
}

static void test_settings_there_and_back(void **state)
{
    struct nh_remote_settings a = {.known = (1u << NH_REMOTE_SETTING_COUNT) - 1,
                                   .can_bitrate = 500000,
                                   .uart_baudrate = UINT32_MAX,
                                   .wifi_ssid = "a \"house\"",
                                   .wifi_password = "\\pass\"",
                                   .uart_parity = "N",
                                   .mqtt_broker = "mqtt://b",
                                   .mqtt_topic_pub = "p/#"},
                              b = {0}, c = {0};
    char text[512];
    struct nh_json_buf buf = {text, sizeof text, 0};
    nh_json_writer_t w;
    uint32_t seen;
    (void)state;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    nh_remote_settings_write(&w, &a, UINT32_MAX);
    nh_json_object_end(&w);
    assert_int_equal(nh_json_writer_end(&w), 0);
    assert_int_equal(nh_remote_settings_read(text, buf.len, &b, &seen), 0);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(nh_remote_settings_are_same(&a, &b, UINT32_MAX));
    assert_false(nh_remote_settings_are_same(&a, &c, UINT32_MAX));
    nh_remote_settings_merge(&c, &a, 1u << NH_REMOTE_WIFI_SSID | 1u << NH_REMOTE_CAN_BITRATE);
    assert_true(c.known == (1u << NH_REMOTE_WIFI_SSID | 1u << NH_REMOTE_CAN_BITRATE));
    assert_true(strcmp(c.wifi_ssid, a.wifi_ssid) == 0 && !c.wifi_password[0]);
}

// ---- points

static struct nh_remote_points points;
static struct nh_remote_points_result result;

static int take(const char *text)
{
    return nh_remote_points_take(&points, text, strlen(text), &result);
}

static int take_seq(const char *device, uint32_t boot, uint32_t seq)
{
    char text[160];
    snprintf(text, sizeof text,
             "{\"ts_ms\":null,\"soc\":73.25,\"device\":\"%s\",\"boot\":%u,"
             "\"seq\":%u}",
             device, (unsigned)boot, (unsigned)seq);
    return take(text);
}

static void test_points_once(void **state)
{
    (void)state;
    memset(&points, 0, sizeof points);
    assert_int_equal(take_seq("a", 1, 5), 0);
    assert_int_equal(result.taken, 1);
    assert_int_equal(take_seq("a", 1, 5), 0);
    assert_true(result.taken == 0 && result.doubles == 1);
    assert_int_equal(take_seq("a", 2, 5), 0); // another start, another device: not the same point
    assert_int_equal(result.taken, 1);
    assert_int_equal(take_seq("b", 1, 5), 0);
    assert_int_equal(result.taken, 1);
    assert_int_equal(take_seq("a", 1, 8), 0); // 6 and 7 are missing
    assert_true(points.missing == 2);
    assert_int_equal(take_seq("a", 1, 6), 0); // late, and welcome
    assert_true(result.taken == 1 && points.missing == 1);
    assert_int_equal(take_seq("a", 1, 6), 0);
    assert_int_equal(result.doubles, 1);
    assert_int_equal(take_seq("a", 1, 1000), 0);
    assert_int_equal(take_seq("a", 1, 8), 0); // behind the window: rather not than twice
    assert_true(result.taken == 0 && points.late == 1);
    assert_int_equal(take_seq("a", 1, UINT32_MAX), 0);
    assert_int_equal(result.taken, 1);
    // An array: a flush after an outage, with one of it known.
    assert_int_equal(take("[{\"soc\":1,\"boot_id\":9,\"sequence\":1},"
                          "{\"soc\":2,\"boot_id\":9,\"sequence\":1},"
                          "{\"soc\":3,\"boot_id\":9,\"sequence\":2,\"x\":{\"soc\":1}}]"),
                     0);
    assert_true(result.taken == 2 && result.doubles == 1);
    assert_string_equal(points.last, "{\"soc\":3,\"boot_id\":9,\"sequence\":2,\"x\":{\"soc\":1}}");
    // Of a sender that does not number them all are taken.
    assert_int_equal(take("{\"voltage_v\":42}"), 0);
    assert_int_equal(take("{\"voltage_v\":42}"), 0);
    assert_true(points.unnumbered == 2 && result.taken == 1);
}

static void test_points_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "{",
        "7",
        "\"x\"",
        "{}",
        "{\"boot\":1,\"seq\":1}",
        "{\"soc\":\"x\"}",
        "[{\"soc\":1},7]",
        "[[{\"soc\":1}]]",
        "{\"soc\":1}{\"soc\":2}x",
    };
    (void)state;
    memset(&points, 0, sizeof points);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_true(take(rows[i]) < 0);
        assert_true(points.bad == i + 1);
    }
}

// A table of few senders: the one that was silent for longest goes, and is counted.
static void test_points_of_many(void **state)
{
    char name[8];
    (void)state;
    memset(&points, 0, sizeof points);
    for (uint32_t i = 0; i < NH_REMOTE_SENDER_MAX_COUNT; i++) {
        snprintf(name, sizeof name, "d%u", (unsigned)i);
        assert_int_equal(take_seq(name, 1, 1), 0);
    }
    assert_int_equal(take_seq("d0", 1, 2), 0); // was heard of again
    assert_int_equal(take_seq("new", 1, 1), 0);
    assert_true(points.forgotten == 1);
    assert_int_equal(take_seq("d0", 1, 2), 0);
    assert_int_equal(result.doubles, 1); // still known
}

// Against a model that remembers everything: never one too many, whatever the order.
static void test_points_random(void **state)
{
    static bool has[2000];
    struct rng g = {9};
    uint32_t at = 0;
    uint64_t taken = 0;
    (void)state;
    memset(&points, 0, sizeof points);
    memset(has, 0, sizeof has);
    for (int i = 0; i < 5000 && at < 1900; i++) {
        uint32_t back = rng_below(&g, 80), seq = at > back && rng_below(&g, 3) ? at - back : ++at;
        assert_int_equal(take_seq("a", 1, seq), 0);
        assert_true(!result.taken || !has[seq]);
        // Within the window none is lost either.
        if (!has[seq] && points.sender[0].seq - seq < NH_REMOTE_WINDOW)
            assert_int_equal(result.taken, 1);
        has[seq] = has[seq] || result.taken;
        taken += result.taken;
    }
    assert_true(taken == points.taken && points.doubles > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_alerts),
        cmocka_unit_test(test_alert_values),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_settings_there_and_back),
        cmocka_unit_test(test_points_once),
        cmocka_unit_test(test_points_refused),
        cmocka_unit_test(test_points_of_many),
        cmocka_unit_test(test_points_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
