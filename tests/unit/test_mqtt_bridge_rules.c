// What a bridge carries, what it is called on the other side, and what came back.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/bridge_parts.h"
#include "mqtt/topic.h"
#include "support/rng.h"

#include <string.h>

#define OUT NH_MQTT_BRIDGE_OUT
#define IN NH_MQTT_BRIDGE_IN
#define BOTH NH_MQTT_BRIDGE_BOTH

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

// ---- what a rule may be -------------------------------------------------------------------------

static const struct {
    struct nh_mqtt_bridge_rule rule;
    const char *fault;
} faults[] = {
    {{"#", NULL, NULL, BOTH, 2}, NULL},
    {{"a/+/c", "home/", "hub/", OUT, 0}, NULL},
    {{"$SYS/#", "", "hub/", OUT, 0}, NULL},
    {{"b", "a", "x", IN, 1}, NULL},
    {{"#", NULL, NULL, 0, 0}, "the direction is out, in or both"},
    {{"#", NULL, NULL, 4, 0}, "the direction is out, in or both"},
    {{"#", NULL, NULL, IN, 3}, "the QoS is 0, 1 or 2"},
    {{NULL, NULL, NULL, IN, 0}, "a filter is needed"},
    {{"", "a/", "b/", IN, 0}, "a filter is needed"},
    {{"$share/g/a", NULL, NULL, OUT, 0}, "a shared subscription cannot be bridged"},
    {{"a", "+/", NULL, OUT, 0}, "a prefix has no wildcards"},
    {{"a", NULL, "#", OUT, 0}, "a prefix has no wildcards"},
    {{"#", "a", NULL, OUT, 0}, "prefix and filter together are no topic filter"},
    {{"#", NULL, "a", OUT, 0}, "prefix and filter together are no topic filter"},
    {{"a/#/b", NULL, NULL, OUT, 0}, "prefix and filter together are no topic filter"},
    {{"\xFF", NULL, NULL, OUT, 0}, "prefix and filter together are no topic filter"},
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(faults); i++) {
        const char *fault = nh_mqtt_bridge_rule_fault(&faults[i].rule);
        if (!fault || !faults[i].fault)
            assert_true(fault == faults[i].fault);
        else
            assert_string_equal(fault, faults[i].fault);
    }
}

static void test_long_rules(void **state)
{
    static char text[NH_MQTT__BRIDGE_TOPIC_MAX + 2];
    struct nh_mqtt_bridge_rule rule = {"x", text, "", OUT, 0};
    (void)state;
    memset(text, 'a', NH_MQTT__BRIDGE_TOPIC_MAX - 1);
    assert_null(nh_mqtt_bridge_rule_fault(&rule));
    text[NH_MQTT__BRIDGE_TOPIC_MAX - 1] = 'a';
    assert_string_equal(nh_mqtt_bridge_rule_fault(&rule),
                        "prefix and filter are too long together");
    memset(text, 0, sizeof text);
    memset(text, '/', NH_MQTT__LEVEL_MAX);
    assert_string_equal(nh_mqtt_bridge_rule_fault(&rule),
                        "prefix and filter have too many levels together");
}

static const struct {
    const char *a, *b;
    bool overlap;
} overlaps[] = {
    {"a", "a", true},         {"a", "b", false},          {"a", "a/b", false},
    {"#", "a/b", true},       {"a/#", "a", true},         {"a/#", "a/b/c", true},
    {"a/#", "b", false},      {"+", "a", true},           {"+", "a/b", false},
    {"+/b", "a/+", true},     {"+/b", "a/c", false},      {"a/+/#", "a", false},
    {"a/+/#", "a/b", true},   {"+/#", "a", true},         {"#", "$SYS/a", false},
    {"+/a", "$SYS/a", false}, {"$SYS/#", "$SYS/a", true}, {"a//b", "a/+/b", true},
    {"a/", "a/+", true},      {"/", "+/+", true},
};

static void test_overlaps(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(overlaps); i++) {
        nh_span_t a = span(overlaps[i].a), b = span(overlaps[i].b);
        if (nh_mqtt__filters_overlap(a, b) != overlaps[i].overlap)
            fail_msg("%s and %s", overlaps[i].a, overlaps[i].b);
        assert_int_equal(nh_mqtt__filters_overlap(b, a), overlaps[i].overlap);
    }
}

// A topic that both filters take, found by trying, says that they overlap; filters over so few
// names have one if they overlap at all.
static void test_overlap_against_matching(void **state)
{
    static const char *const levels[] = {"a", "b", "", "+", "#"};
    struct rng r = {3};
    (void)state;
    for (int round = 0; round < 3000; round++) {
        char f[2][16] = {"", ""};
        for (int k = 0; k < 2; k++) {
            uint32_t count = 1 + rng_below(&r, 3);
            for (uint32_t i = 0; i < count; i++) {
                const char *level = levels[rng_below(&r, i + 1 == count ? 5 : 4)];
                strcat(f[k], level);
                if (i + 1 < count)
                    strcat(f[k], "/");
            }
        }
        if (!f[0][0] || !f[1][0])
            continue;
        bool found = false;
        for (uint32_t n = 0; n < 3 + 9 + 27 && !found; n++) { // all topics of one to three levels
            uint32_t count = n < 3 ? 1 : n < 12 ? 2 : 3, v = n - (n < 3 ? 0 : n < 12 ? 3 : 12);
            char topic[16] = "";
            for (uint32_t i = 0; i < count; i++, v /= 3) {
                strcat(topic, levels[v % 3]);
                if (i + 1 < count)
                    strcat(topic, "/");
            }
            found = topic[0] && nh_mqtt_topic_match(span(f[0]), span(topic)) &&
                    nh_mqtt_topic_match(span(f[1]), span(topic));
        }
        if (nh_mqtt__filters_overlap(span(f[0]), span(f[1])) != found)
            fail_msg("%s and %s", f[0], f[1]);
    }
}

static void test_rules_overlap_by_direction(void **state)
{
    const struct nh_mqtt_bridge_rule out = {"a/#", "", "x/", OUT, 0}, in = {"a/b", "", "x/", IN, 0},
                                     both = {"a/b", "", "x/", BOTH, 0},
                                     apart = {"b", "a/", "y/", BOTH, 0};
    (void)state;
    assert_false(nh_mqtt_bridge_rules_overlap(&out, &in));
    assert_true(nh_mqtt_bridge_rules_overlap(&out, &both));
    assert_true(nh_mqtt_bridge_rules_overlap(&in, &both));
    assert_true(nh_mqtt_bridge_rules_overlap(&out, &apart)); // here the same, there not
    assert_false(nh_mqtt_bridge_rules_overlap(&in, &apart));
}

// ---- mapping ------------------------------------------------------------------------------------

static const struct nh_mqtt_bridge_rule rules[] = {
    {"temp/#", "home/", "hub-1/", OUT, 1},  // 0
    {"cmd/+", "", "hub-1/", IN, 1},         // 1
    {"#", "shared/", "", BOTH, 2},          // 2
    {"secret", "home/temp/", "x/", OUT, 0}, // 3: behind the first one, never reached
    {"/x", "a", "b", BOTH, 0},              // 4
    {"#", "lamp/", "light/", BOTH, 0},      // 5
};

static const struct {
    enum nh_mqtt_bridge_direction direction;
    const char *topic, *mapped; // NULL: not carried
} mappings[] = {
    {OUT, "home/temp/1", "hub-1/temp/1"},
    {OUT, "home/temp", "hub-1/temp"}, // "temp/#" takes "temp"
    {OUT, "home/tempo", NULL},
    {OUT, "home/temp/secret", "hub-1/temp/secret"},
    {OUT, "cmd/a", NULL},
    {IN, "hub-1/cmd/a", "cmd/a"},
    {IN, "hub-1/temp/1", "shared/hub-1/temp/1"}, // the other way round, "#" takes it
    {OUT, "shared/a/b", "a/b"},
    {OUT, "shared/", NULL}, // no name is left
    {OUT, "shared", NULL},
    {IN, "a/b", "shared/a/b"},
    {IN, "$SYS/a", NULL}, // [MQTT-4.7.2-1]
    {OUT, "a/x", "b/x"},
    {OUT, "lamp", "light"}, // "lamp/#" takes "lamp"
    {OUT, "lamp/", "light/"},
    {OUT, "lamp/1", "light/1"},
    {OUT, "lam", NULL},
};

static void test_mapping(void **state)
{
    uint8_t texts[256], *at = texts;
    struct nh_mqtt__rule r[NH_ARRAY_LEN(rules)];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rules); i++) {
        assert_null(nh_mqtt_bridge_rule_fault(&rules[i]));
        nh_mqtt__rule_init(&rules[i], at, &r[i]);
        at += nh_mqtt__rule_bytes(&rules[i]);
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(mappings); i++) {
        struct nh_mqtt__mapped m;
        char text[64] = "";
        bool is = nh_mqtt__rules_map(r, NH_ARRAY_LEN(rules), mappings[i].direction,
                                     span(mappings[i].topic), &m);
        if (is != (mappings[i].mapped != NULL))
            fail_msg("%s", mappings[i].topic);
        if (!is)
            continue;
        strncat(text, (const char *)m.prefix.ptr, m.prefix.len);
        strncat(text, (const char *)m.rest.ptr, m.rest.len);
        assert_string_equal(text, mappings[i].mapped);
    }
}

// ---- echo ---------------------------------------------------------------------------------------

static struct nh_mqtt__echo echo;

static void sent(const char *prefix, const char *rest, const char *payload, uint64_t now_ms)
{
    const struct nh_mqtt__mapped topic = {span(prefix), span(rest)};
    nh_mqtt__echo_add(&echo, &topic, span(payload), now_ms, 77);
}

static bool is_echo(const char *topic, const char *payload, uint64_t now_ms)
{
    const struct nh_mqtt__publish_head k = {.topic = span(topic), .payload = span(payload)};
    return nh_mqtt__echo_take(&echo, &k, now_ms, 77);
}

static void test_echo(void **state)
{
    (void)state;
    memset(&echo, 0, sizeof echo);
    assert_false(is_echo("a/b", "1", 0));
    sent("a/", "b", "1", 0);
    assert_false(is_echo("a/b", "2", 1));
    assert_false(is_echo("a/c", "1", 1));
    assert_true(is_echo("a/b", "1", 1));
    assert_false(is_echo("a/b", "1", 2)); // somebody else's
    sent("", "a/b", "1", 5);
    sent("a", "/b", "1", 5);
    assert_true(is_echo("a/b", "1", 5));
    assert_true(is_echo("a/b", "1", 5));
    assert_false(is_echo("a/b", "1", 5));
    sent("", "t", "", 10);
    assert_false(is_echo("t", "", 10 + NH_MQTT__ECHO_MS)); // too late
    sent("", "t", "", 20);
    assert_true(is_echo("t", "", 19 + NH_MQTT__ECHO_MS));
}

// What came back and was acknowledged in vain comes once more under the same packet id.
static void test_echo_again(void **state)
{
    struct nh_mqtt__publish_head k = {
        .topic = span("t"), .payload = span("1"), .packet_id = 7, .qos = 2};
    (void)state;
    memset(&echo, 0, sizeof echo);
    sent("", "t", "1", 0);
    assert_true(nh_mqtt__echo_take(&echo, &k, 1, 77));
    assert_false(nh_mqtt__echo_take(&echo, &k, 2, 77)); // a new one
    k.is_dup = true;
    assert_true(nh_mqtt__echo_take(&echo, &k, 3, 77));
    assert_true(nh_mqtt__echo_take(&echo, &k, 4, 77));
    k.packet_id = 8;
    assert_false(nh_mqtt__echo_take(&echo, &k, 5, 77));
}

static void test_echo_forgets_the_oldest(void **state)
{
    (void)state;
    memset(&echo, 0, sizeof echo);
    sent("", "first", "1", 0);
    sent("", "second", "1", 0);
    for (uint32_t i = 0; i < NH_MQTT__ECHO_COUNT - 1; i++)
        sent("", "other", "1", 0);
    assert_false(is_echo("first", "1", 1));
    assert_true(is_echo("second", "1", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_long_rules),
        cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_overlap_against_matching),
        cmocka_unit_test(test_rules_overlap_by_direction),
        cmocka_unit_test(test_mapping),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_echo_again),
        cmocka_unit_test(test_echo_forgets_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
