// mqtt.bridges of hub.yaml: every kind of fault, and that the rest of the file does not see it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "hub/config.h"
#include "hub/config_bridge.h"

struct found {
    size_t count, warnings;
    struct nh_finding last[8];
};

static void note(void *ctx, const struct nh_finding *f)
{
    struct found *found = ctx;
    if (found->count < 8)
        found->last[found->count] = *f;
    found->count++;
    found->warnings += f->is_warning;
}

static struct nh_hub_bridges bridges;

static int read_text(const char *text, struct found *found)
{
    memset(found, 0, sizeof *found);
    return nh_hub_bridges_read_yaml(text, strlen(text), &bridges, note, found);
}

static const char whole[] =
    "name: attic\n"
    "mqtt:\n"
    "  inflight_max: 7\n"
    "  bridges:\n"
    "    - name: up\n"
    "      address: broker.example:8883\n"
    "      version: 3.1.1\n"
    "      user: u\n"
    "      password: \"12\"\n"
    "      tls: true\n"
    "      queue_max_bytes: 100000\n"
    "      rules:\n"
    "        - {filter: temp/#, direction: out, qos: 1, remote_prefix: a/}\n"
    "        - {filter: cmd/+, direction: in}\n"
    "        - {filter: lamp, direction: both, qos: 2}\n"
    "    - name: side\n"
    "      address: \"[::1]:1883\"\n"
    "      rules: [{filter: \"#\", direction: both}]\n"
    "  packet_max_bytes: 300\n"
    "log: {level: debug}\n";

static void test_values_arrive(void **state)
{
    struct found found;
    (void)state;
    assert_int_equal(read_text(whole, &found), NH_OK);
    assert_int_equal(found.count, 0);
    assert_int_equal(bridges.count, 2);
    const struct nh_hub_bridge *b = &bridges.bridge[0];
    assert_string_equal(b->name, "up");
    assert_string_equal(b->address, "broker.example:8883");
    assert_string_equal(b->password, "12");
    assert_true(b->version == 1 && b->tls && !b->clean);
    assert_int_equal(b->queue_max_bytes, 100000);
    assert_int_equal(b->rule_count, 3);
    assert_string_equal(b->rules[0].filter, "temp/#");
    assert_string_equal(b->rules[0].remote_prefix, "a/");
    assert_true(b->rules[0].direction == 0 && b->rules[0].qos == 1);
    assert_true(b->rules[1].direction == 1 && b->rules[2].direction == 2);
    assert_int_equal(bridges.bridge[1].version, 0);
    assert_int_equal(bridges.bridge[1].rule_count, 1);
}

// The hub's own configuration takes the same file, as if bridges were not there.
static void test_the_rest_arrives(void **state)
{
    struct nh_hub_config c;
    struct found found = {0};
    (void)state;
    nh_hub_config_defaults(&c);
    assert_int_equal(nh_hub_config_read_yaml(&c, whole, sizeof whole - 1, note, &found), 0);
    assert_int_equal(found.count, 0);
    assert_string_equal(c.name, "attic");
    assert_int_equal(c.mqtt.inflight_max, 7);
    assert_int_equal(c.mqtt.packet_max_bytes, 300);
}

static void test_no_bridges(void **state)
{
    static const char *const texts[] = {"", "name: x\n", "mqtt: {inflight_max: 3}\n",
                                        "bridges: 3\nhttp: {bridges: 4}\n"};
    struct found found;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(texts); i++) {
        assert_int_equal(read_text(texts[i], &found), NH_OK);
        assert_true(found.count == 0 && bridges.count == 0);
    }
}

// A fault of a field tells where it stands, and hides none of another field.
static void test_every_fault_with_its_place(void **state)
{
    static const char text[] = "mqtt:\n"
                               "  bridges:\n"
                               "    - name: up\n"
                               "      address: nowhere\n"
                               "      keepalive_s: 0\n"
                               "      rules:\n"
                               "        - {filter: a, direction: in}\n"
                               "        - {filter: a/#/b, direction: in}\n";
    static const struct {
        const char *pointer;
        uint32_t line, column;
    } wanted[] = {{"/mqtt/bridges/0/keepalive_s", 5, 20},
                  {"/mqtt/bridges/0/address", 4, 16},
                  {"/mqtt/bridges/0/rules/1", 8, 11}};
    struct found found;
    (void)state;
    assert_int_equal(read_text(text, &found), NH_ERR_INVAL);
    assert_int_equal(found.count, NH_ARRAY_LEN(wanted));
    for (size_t i = 0; i < NH_ARRAY_LEN(wanted); i++) {
        assert_string_equal(found.last[i].pointer, wanted[i].pointer);
        assert_int_equal(found.last[i].line, wanted[i].line);
        assert_int_equal(found.last[i].column, wanted[i].column);
    }
}

#define ONE(fields) "mqtt: {bridges: [{" fields "}]}\n"
#define BASE "name: up, address: \"h:1\""
#define RULE "rules: [{filter: a, direction: in}]"

static const struct {
    const char *text, *pointer, *what;
} faults[] = {
    {"mqtt: {bridges: 3}\n", "/mqtt/bridges", ""},
    {ONE("address: \"h:1\", " RULE), "/mqtt/bridges/0/name", ""},
    {ONE("name: a/b, address: \"h:1\", " RULE), "/mqtt/bridges/0/name", "is no level of a topic"},
    {ONE("name: up, address: h, " RULE), "/mqtt/bridges/0/address", "is no address with a port"},
    {ONE("name: up, address: \"h:0\", " RULE), "/mqtt/bridges/0/address",
     "is no address with a port"},
    {ONE("name: up, address: \"::1:99\", " RULE), "/mqtt/bridges/0/address",
     "is no address with a port"},
    {ONE(BASE), "/mqtt/bridges/0/rules", "are missing: nothing would be carried"},
    {ONE(BASE ", rulez: 1, " RULE), "/mqtt/bridges/0/rulez", ""},
    {ONE(BASE ", version: 4, " RULE), "/mqtt/bridges/0/version", ""},
    {ONE(BASE ", keepalive_s: 0, " RULE), "/mqtt/bridges/0/keepalive_s", ""},
    {ONE(BASE ", rules: [{filter: a, direction: up}]"), "/mqtt/bridges/0/rules/0/direction", ""},
    {ONE(BASE ", rules: [{filter: a}]"), "/mqtt/bridges/0/rules/0/direction", ""},
    {ONE(BASE ", rules: [{filter: \"a/#/b\", direction: in}]"), "/mqtt/bridges/0/rules/0",
     "prefix and filter together are no topic filter"},
    {ONE(BASE ", rules: [{filter: a, direction: in, qos: 3}]"), "/mqtt/bridges/0/rules/0/qos", ""},
    {ONE(BASE ", user: u, password: p, password_file: f, " RULE), "/mqtt/bridges/0/password_file",
     "and password are both given"},
    {ONE(BASE ", version: 3.1.1, password: p, " RULE), "/mqtt/bridges/0/user",
     "is missing: 3.1.1 has no password alone"},
    {ONE(BASE ", tls: true, tls_cert_file: f, " RULE), "/mqtt/bridges/0/tls_key_file",
     "and tls_cert_file belong together"},
    {ONE(BASE ", tls_ca_file: f, " RULE), "/mqtt/bridges/0/tls",
     "is off, but its options are given"},
    {ONE(BASE ", status_topic: a/#, " RULE), "/mqtt/bridges/0/status_topic", "is no topic"},
    {ONE(BASE ", backoff_min_ms: 5000, backoff_max_ms: 100, " RULE),
     "/mqtt/bridges/0/backoff_max_ms", "is less"},
    {"mqtt: {bridges: [{" BASE ", " RULE "}, {" BASE ", " RULE "}]}\n", "/mqtt/bridges/1/name",
     "is another bridge's"},
};

static void test_faults(void **state)
{
    struct found found;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(faults); i++) {
        assert_int_equal(read_text(faults[i].text, &found), NH_ERR_INVAL);
        assert_string_equal(found.last[0].pointer, faults[i].pointer);
        if (faults[i].what[0])
            assert_string_equal(found.last[0].text, faults[i].what);
    }
}

static void test_overlap_is_a_warning(void **state)
{
    struct found found;
    (void)state;
    assert_int_equal(read_text(ONE(BASE ", rules: [{filter: \"#\", direction: both}, "
                                        "{filter: a, direction: in}]"),
                               &found),
                     NH_OK);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.warnings, 1);
    assert_string_equal(found.last[0].pointer, "/mqtt/bridges/0/rules/1");
}

static void test_addresses(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {{"h:1", "h", 1},
                {"a.b.example:65535", "a.b.example", 65535},
                {"10.0.0.1:1883", "10.0.0.1", 1883},
                {"[fe80::1]:8883", "fe80::1", 8883}};
    static const char *const bad[] = {"", ":1", "h:", "h:65536", "h:1x", "h", "[]:1", "a:b:1"};
    char host[20];
    uint16_t port;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(good); i++) {
        assert_int_equal(nh_hub_bridge_address_split(good[i].text, host, sizeof host, &port), 0);
        assert_string_equal(host, good[i].host);
        assert_int_equal(port, good[i].port);
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(bad); i++)
        assert_int_equal(nh_hub_bridge_address_split(bad[i], host, sizeof host, &port),
                         NH_ERR_INVAL);
    assert_int_equal(nh_hub_bridge_address_split("a-name-that-is-too-long:1", host, 20, &port),
                     NH_ERR_TOO_LONG);
}

static void test_table_is_sound(void **state)
{
    const nh_json_field_t *row;
    (void)state;
    const char *fault = nh_json_fields_check(nh_hub_bridge_fields, &row);
    if (fault)
        fail_msg("%s: %s", row->name, fault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_arrive),
        cmocka_unit_test(test_the_rest_arrives),
        cmocka_unit_test(test_every_fault_with_its_place),
        cmocka_unit_test(test_no_bridges),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_overlap_is_a_warning),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_table_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
