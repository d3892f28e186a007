// hub.yaml: defaults, every kind of fault with its place, addresses. Host only: libyaml.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "hub/config.h"

struct found {
    size_t count;
    struct nh_finding last[8];
};

static void note(void *ctx, const struct nh_finding *f)
{
    struct found *found = ctx;
    if (found->count < 8)
        found->last[found->count] = *f;
    found->count++;
}

static void test_defaults_are_valid(void **state)
{
    struct nh_hub_config c;
    struct found found = {0};
    (void)state;
    nh_hub_config_defaults(&c);
    assert_int_equal(nh_hub_config_validate(&c, note, &found), 0);
    assert_int_equal(nh_hub_config_read_yaml(&c, "", 0, note, &found), 0);
    assert_int_equal(found.count, 0);
    assert_string_equal(c.board, "esp32-s3");
}

static void test_values_arrive(void **state)
{
    static const char text[] = "name: attic\n"
                               "mqtt:\n"
                               "  listen: 127.0.0.1:0\n"
                               "  inflight_max: 7\n"
                               "health: {publish: false, heartbeat_ms: 5000}\n"
                               "log: {level: debug}\n"
                               "budgets:\n"
                               "  - {owner: mqtt, internal_bytes: 1000, psram_bytes: 2000}\n"
                               "  - {owner: http}\n";
    struct nh_hub_config c;
    struct found found = {0};
    (void)state;
    nh_hub_config_defaults(&c);
    assert_int_equal(nh_hub_config_read_yaml(&c, text, sizeof text - 1, note, &found), 0);
    assert_string_equal(c.name, "attic");
    assert_string_equal(c.mqtt.listen, "127.0.0.1:0");
    assert_int_equal(c.mqtt.inflight_max, 7);
    assert_int_equal(c.mqtt.packet_max_bytes, 65536); // what is not named keeps its default
    assert_false(c.health.publish);
    assert_int_equal(c.health.heartbeat_ms, 5000);
    assert_int_equal(c.log.level, 3);
    assert_int_equal(c.budget_count, 2);
    assert_string_equal(c.budgets[0].owner, "mqtt");
    assert_int_equal(c.budgets[0].psram_bytes, 2000);
    assert_string_equal(c.budgets[1].owner, "http");
}

static void test_faults(void **state)
{
    static const struct {
        const char *name, *text, *pointer;
        uint32_t line;
        size_t count;
    } rows[] = {
        {"unknown at the top", "bord: x\n", "/bord", 1, 1},
        {"unknown in a section", "mqtt: {lisen: x}\n", "/mqtt/lisen", 1, 1},
        {"under the range", "mqtt:\n  inflight_max: 0\n", "/mqtt/inflight_max", 2, 1},
        {"over the range", "mqtt:\n  inflight_max: 65536\n", "/mqtt/inflight_max", 2, 1},
        {"not a number", "mqtt: {inflight_max: many}\n", "/mqtt/inflight_max", 1, 1},
        {"number in quotes", "mqtt: {inflight_max: \"5\"}\n", "/mqtt/inflight_max", 1, 1},
        {"not a bool", "health: {publish: maybe}\n", "/health/publish", 1, 1},
        {"not in the list", "log: {level: loud}\n", "/log/level", 1, 1},
        {"too long", "name: 0123456789012345678901234567890123456789\n", "/name", 1, 1},
        {"a map wanted", "mqtt: 5\n", "/mqtt", 1, 1},
        {"a scalar wanted", "name: {a: b}\n", "/name", 1, 1},
        {"missing field", "budgets: [{internal_bytes: 5}]\n", "/budgets/0/owner", 1, 1},
        {"twice", "name: a\nname: b\n", "/name", 2, 1},
        {"two faults", "mqtt: {inflight_max: 0}\nlog: {level: x}\n", "/mqtt/inflight_max", 1, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nh_hub_config c;
        struct found f = {0};
        nh_hub_config_defaults(&c);
        int err = nh_hub_config_read_yaml(&c, rows[i].text, strlen(rows[i].text), note, &f);
        if (err != NH_ERR_INVAL || f.count != rows[i].count ||
            strcmp(f.last[0].pointer, rows[i].pointer) != 0 || f.last[0].line != rows[i].line)
            fail_msg("%s: error %d, %zu findings, first %s line %u: %s", rows[i].name, err, f.count,
                     f.last[0].pointer, f.last[0].line, f.last[0].text);
    }
}

static void test_too_many_budgets(void **state)
{
    char text[1024] = "budgets:\n";
    struct nh_hub_config c;
    struct found f = {0};
    (void)state;
    for (int i = 0; i <= NH_HUB_BUDGET_MAX_COUNT; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "- {owner: o%d}\n", i);
    nh_hub_config_defaults(&c);
    assert_int_equal(nh_hub_config_read_yaml(&c, text, strlen(text), note, &f), NH_ERR_INVAL);
    assert_int_equal(f.count, 1);
}

static void test_addresses(void **state)
{
    static const struct {
        const char *text, *host;
        int port; // -1: refused
    } rows[] = {
        {"127.0.0.1:8080", "127.0.0.1", 8080},
        {"80", "127.0.0.1", 80},
        {":0", "127.0.0.1", 0},
        {"[::1]:443", "::1", 443},
        {"0.0.0.0:65535", "0.0.0.0", 65535},
        {"", "", -1},
        {"127.0.0.1", "", -1},
        {"127.0.0.1:", "", -1},
        {"127.0.0.1:65536", "", -1},
        {"127.0.0.1:8x", "", -1},
        {"::1:80", "", -1},
        {"[::1:80", "", -1},
        {"127.0.0.1:-1", "", -1},
        {"1.2.3.4:99999999999", "", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char host[64];
        uint16_t port = 0;
        int err = nh_hub_address_split(rows[i].text, host, sizeof host, &port);
        if ((err == 0) != (rows[i].port >= 0) ||
            (err == 0 && (port != rows[i].port || strcmp(host, rows[i].host) != 0)))
            fail_msg("%s: %d %s %u", rows[i].text, err, host, port);
    }
    assert_true(nh_hub_address_is_loopback("127.9.9.9"));
    assert_false(nh_hub_address_is_loopback("0.0.0.0"));
    assert_false(nh_hub_address_is_loopback("12.7.0.1"));
}

static void test_budgets_are_for_owners(void **state)
{
    struct nh_hub_config c;
    struct found f = {0};
    (void)state;
    nh_hub_config_defaults(&c);
    c.budget_count = 2;
    strcpy(c.budgets[0].owner, "mqtt");
    strcpy(c.budgets[1].owner, "nobody");
    assert_int_equal(nh_hub_config_validate(&c, note, &f), NH_ERR_INVAL);
    assert_int_equal(f.count, 1);
    assert_string_equal(f.last[0].pointer, "/budgets/1/owner");
}

static void test_wide_listening_needs_a_password(void **state)
{
    struct nh_hub_config c;
    struct found f = {0};
    (void)state;
    nh_hub_config_defaults(&c);
    strcpy(c.http.listen, "0.0.0.0:80");
    strcpy(c.mqtt.listen, "[::]:1883");
    assert_int_equal(nh_hub_config_validate(&c, note, &f), NH_ERR_INVAL);
    assert_int_equal(f.count, 2);
    strcpy(c.access.password_hash, "$argon2id$v=19$x");
    assert_int_equal(nh_hub_config_validate(&c, note, &f), 0);
}

// Every fault of a listener that only the validator sees, with its place in the text.
static void test_listeners(void **state)
{
    static const struct {
        const char *name, *text, *pointer; // NULL: good
    } rows[] = {
        {"none", "", NULL},
        {"plain", "listen: 127.0.0.1:1884", NULL},
        {"both families, closed by certificates",
         "listen: '[::]:8883', tls_cert_file: a, tls_key_file: b, tls_ca_file: c, client_cert: "
         "required, identity_as_user: cn",
         NULL},
        {"unix", "listen: 'unix:/run/x', mode: '0660'", NULL},
        {"unix, short mode", "listen: 'unix:/run/x', mode: 660", NULL},
        {"WebSocket", "listen: ':9001', protocol: websocket, ws_path: /mqtt, ws_origins: '*'",
         NULL},
        {"name from the proxy", "listen: ':1', proxy_protocol: required, identity_as_user: cn",
         NULL},
        {"no address", "listen: nowhere", "/mqtt/listeners/0/listen"},
        {"open to all", "listen: 0.0.0.0:1884", "/mqtt/listeners/0/listen"},
        {"open to all, with certificates that may be left out",
         "listen: 0.0.0.0:1884, tls_cert_file: a, tls_key_file: b, tls_ca_file: c, client_cert: "
         "optional",
         "/mqtt/listeners/0/listen"},
        {"relative path", "listen: 'unix:run/x'", "/mqtt/listeners/0/listen"},
        {"mode of an address", "listen: ':1', mode: '600'", "/mqtt/listeners/0/mode"},
        {"no mode", "listen: 'unix:/x', mode: rw", "/mqtt/listeners/0/mode"},
        {"mode with more", "listen: 'unix:/x', mode: '1777'", "/mqtt/listeners/0/mode"},
        {"not octal", "listen: 'unix:/x', mode: '0680'", "/mqtt/listeners/0/mode"},
        {"certificate alone", "listen: ':1', tls_cert_file: a", "/mqtt/listeners/0/tls_cert_file"},
        {"key alone", "listen: ':1', tls_key_file: a", "/mqtt/listeners/0/tls_key_file"},
        {"CA without TLS", "listen: ':1', tls_ca_file: a", "/mqtt/listeners/0/tls_ca_file"},
        {"certificates without a judge",
         "listen: ':1', tls_cert_file: a, tls_key_file: b, client_cert: optional",
         "/mqtt/listeners/0/client_cert"},
        {"identity without a certificate", "listen: ':1', identity_as_user: san",
         "/mqtt/listeners/0/identity_as_user"},
        {"alternative name from the proxy",
         "listen: ':1', proxy_protocol: required, identity_as_user: san",
         "/mqtt/listeners/0/identity_as_user"},
        {"path without WebSocket", "listen: ':1', ws_path: /x", "/mqtt/listeners/0/ws_path"},
        {"path without its slash", "listen: ':1', protocol: websocket, ws_path: x",
         "/mqtt/listeners/0/ws_path"},
        {"pages without WebSocket", "listen: ':1', ws_origins: '*'",
         "/mqtt/listeners/0/ws_origins"},
        {"line break", "listen: 'unix:/x', tls_cert_file: \"a\\nb\", tls_key_file: b",
         "/mqtt/listeners/0/tls_cert_file"},
        {"mqtt.listen again", "listen: 127.0.0.1:1883", "/mqtt/listeners/0/listen"},
        {"the portal's", "listen: ':8080'", "/mqtt/listeners/0/listen"},
        {"twice", "listen: 'unix:/x'}, {listen: 'unix:/x'", "/mqtt/listeners/1/listen"},
        {"twice, each a free port", "listen: ':0'}, {listen: ':0'", NULL},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        char text[512];
        struct nh_hub_config c;
        struct found f = {0};
        nh_hub_config_defaults(&c);
        snprintf(text, sizeof text, rows[i].text[0] ? "mqtt:\n  listeners:\n  - {%s}\n" : "%s",
                 rows[i].text);
        // Two in a row stand in one line.
        if (strstr(rows[i].text, "}, {"))
            snprintf(text, sizeof text, "mqtt:\n  listeners:\n    [{%s}]\n", rows[i].text);
        assert_int_equal(nh_hub_config_read_yaml(&c, text, strlen(text), note, &f), 0);
        int err = nh_hub_config_validate(&c, note, &f);
        if ((err == 0) != (rows[i].pointer == NULL) || f.count != (rows[i].pointer != NULL) ||
            (rows[i].pointer && (strcmp(f.last[0].pointer, rows[i].pointer) != 0 ||
                                 f.last[0].line != 3 || f.last[0].column < 13)))
            fail_msg("%s: %d, %zu findings, %s %u:%u %s", rows[i].name, err, f.count,
                     f.last[0].pointer, f.last[0].line, f.last[0].column, f.last[0].text);
    }
}

static void test_a_password_opens_listeners(void **state)
{
    static const char text[] = "mqtt: {listeners: [{listen: '0.0.0.0:1884'}]}\n";
    struct nh_hub_config c;
    struct found f = {0};
    (void)state;
    nh_hub_config_defaults(&c);
    assert_int_equal(nh_hub_config_read_yaml(&c, text, sizeof text - 1, note, &f), 0);
    assert_int_equal(nh_hub_config_validate(&c, note, &f), NH_ERR_INVAL);
    strcpy(c.access.password_hash, "$argon2id$v=19$x");
    assert_int_equal(nh_hub_config_validate(&c, note, &f), 0);
    c.mqtt.listen[0] = 0; // no plain listener
    assert_int_equal(nh_hub_config_validate(&c, note, &f), 0);
}

static void test_modes(void **state)
{
    static const struct {
        const char *text;
        int mode; // -1: refused
    } rows[] = {{"0660", 0660}, {"660", 0660}, {"000", 0},  {"0777", 0777}, {"", -1},
                {"66", -1},     {"1660", -1},  {"888", -1}, {"06600", -1},  {"rw-", -1}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint32_t mode = 0;
        bool ok = nh_hub_mode_parse(rows[i].text, &mode);
        if (ok != (rows[i].mode >= 0) || (ok && mode != (uint32_t)rows[i].mode))
            fail_msg("%s: %o", rows[i].text, mode);
    }
}

// Nobody can come in where anonymous clients never may and there is no user: that is no door left
// open. And without a portal there is none to lock.
static void test_what_is_shut_may_listen_wide(void **state)
{
    struct nh_hub_config c;
    struct found f = {0};
    (void)state;
    nh_hub_config_defaults(&c);
    strcpy(c.http.listen, "");
    strcpy(c.mqtt.listen, "[::]:1883");
    c.mqtt.anonymous = NH_HUB_ANONYMOUS_NEVER;
    assert_int_equal(nh_hub_config_validate(&c, note, &f), 0);
    c.mqtt.anonymous = NH_HUB_ANONYMOUS_LOOPBACK;
    assert_int_equal(nh_hub_config_validate(&c, note, &f), NH_ERR_INVAL);
    assert_int_equal(f.count, 1);
}

static void test_consoles(void **state)
{
    static const char *const good[] = {"stdout", "stderr", "none", "pty", "pty:/l", "file:/l"};
    static const char *const wrong[] = {"", "pty:", "file:", "stdin", "none:"};
    struct nh_hub_config c;
    struct found f = {0};
    (void)state;
    nh_hub_config_defaults(&c);
    for (size_t i = 0; i < NH_ARRAY_LEN(good); i++) {
        strcpy(c.console, good[i]);
        assert_int_equal(nh_hub_config_validate(&c, note, &f), 0);
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(wrong); i++) {
        strcpy(c.console, wrong[i]);
        assert_int_equal(nh_hub_config_validate(&c, note, &f), NH_ERR_INVAL);
        assert_string_equal(f.last[i].pointer, "/console");
    }
}

static void test_audio(void **state)
{
    static const struct {
        const char *output, *pointer; // pointer NULL: valid
        uint32_t rate_hz, buffer_ms, latency_ms;
    } rows[] = {{"default", NULL, 44100, 0},
                {"file:/x.wav", NULL, 96000, 0},
                {"plughw:CARD=x,DEV=0", NULL, 44100, 1100},
                {"", "/audio/output", 44100, 0},
                {"file:", "/audio/output", 44100, 0},
                {"null", "/audio/buffer_ms", 44100, 1200},
                {"null", "/audio/buffer_ms", 192000, 0},
                {"null", "/audio/buffer_ms", 96000, 100, 400},
                {"null", "/audio/latency_ms", 44100, 0, 19},
                {"null", NULL, 44100, 0, 20}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_hub_config c;
        struct found f = {0};
        nh_hub_config_defaults(&c);
        strcpy(c.audio.output, rows[i].output);
        c.audio.rate_hz = rows[i].rate_hz;
        c.audio.buffer_ms = rows[i].buffer_ms;
        c.audio.latency_ms = rows[i].latency_ms;
        int err = nh_hub_config_validate(&c, note, &f);
        assert_int_equal(err, rows[i].pointer ? NH_ERR_INVAL : 0);
        if (rows[i].pointer)
            assert_string_equal(f.last[0].pointer, rows[i].pointer);
    }
}

static void test_battery_points(void **state)
{
    static const struct {
        const char *text, *pointer, *value; // pointer NULL: valid
    } rows[] = {
        {"http: 'https://a.example/x', influx: 'http://[::1]:8086?org=o&bucket=b'", NULL, NULL},
        {"http: a.example", "/battery_publish/http", "a.example"},
        {"http: 'http://me:secret@a.example'", "/battery_publish/http", NULL},
        {"http: 'http://a', http_user: u, http_token_file: /f", NULL, NULL},
        {"http: 'http://a', http_user: u", "/battery_publish/http_token_file", ""},
        {"influx: 'ftp://a'", "/battery_publish/influx", "ftp://a"},
        {"mqtt: true, mqtt_broker: '10.0.0.7:1883', mqtt_user: u, mqtt_password_file: /f", NULL,
         NULL},
        {"mqtt: true, mqtt_broker: '10.0.0.7'", "/battery_publish/mqtt_broker", "10.0.0.7"},
        {"mqtt: true, mqtt_topic: 'a/+'", "/battery_publish/mqtt_topic", "a/+"},
        {"mqtt: true, mqtt_topic: ''", "/battery_publish/mqtt_topic", ""},
        {"mqtt: false, mqtt_topic: ''", NULL, NULL},
        {"mqtt: true, mqtt_password_file: /f", "/battery_publish/mqtt_user", ""},
        {"period_ms: 1000, flush_per_s: 2", NULL, NULL},
        {"period_ms: 1000, flush_per_s: 1", "/battery_publish/flush_per_s", "1"},
        {"period_ms: 1500, flush_per_s: 1", "/battery_publish/flush_per_s", "1"},
        {"period_ms: 999", "/battery_publish/period_ms", NULL},
        {"ring_count: 0", "/battery_publish/ring_count", NULL},
        {"flash: true, ring_count: 100, flash_count: 101", "/battery_publish/flash_count", "101"},
        {"flash: false, ring_count: 100, flash_count: 101", NULL, NULL},
        {"flash: true, flash_ms: 9999", "/battery_publish/flash_ms", NULL},
    };
    char text[160];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_hub_config c;
        struct found f = {0};
        int len = snprintf(text, sizeof text, "battery_publish: {%s}\n", rows[i].text);
        nh_hub_config_defaults(&c);
        int err = nh_hub_config_read_yaml(&c, text, (size_t)len, note, &f);
        if (err == 0)
            err = nh_hub_config_validate(&c, note, &f);
        assert_int_equal(err, rows[i].pointer ? NH_ERR_INVAL : 0);
        assert_int_equal(f.count, rows[i].pointer ? 1 : 0);
        if (rows[i].pointer)
            assert_string_equal(f.last[0].pointer, rows[i].pointer);
        if (rows[i].value)
            assert_string_equal(f.last[0].value, rows[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_valid),
        cmocka_unit_test(test_battery_points),
        cmocka_unit_test(test_values_arrive),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_too_many_budgets),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_budgets_are_for_owners),
        cmocka_unit_test(test_wide_listening_needs_a_password),
        cmocka_unit_test(test_what_is_shut_may_listen_wide),
        cmocka_unit_test(test_consoles),
        cmocka_unit_test(test_audio),
        cmocka_unit_test(test_listeners),
        cmocka_unit_test(test_a_password_opens_listeners),
        cmocka_unit_test(test_modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
