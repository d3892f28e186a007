// Topic names and filters: what is well formed, which filter takes which topic; the index against
// the plain matcher, and retained messages against a sorted list, under random operations.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/index.h"
#include "mqtt/retain.h"
#include "mqtt/topic.h"
#include "support/rng.h"

#include <stdio.h>
#include <string.h>

static _Alignas(16) uint8_t internal[24 * 1024];
static _Alignas(16) uint8_t psram[128 * 1024];
static nh_mem_system_t *sys;
static nh_mem_t *mem;

static int setup(void **state)
{
    (void)state;
    struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(sys, "mqtt", NULL, &mem), NH_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(nh_mem_system_destroy(sys, NULL, NULL), 0);
    return 0;
}

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

// ---- well formed or not -------------------------------------------------------------------------

static const struct nh_mqtt__topic_limits limits = {12, 4};

static const struct {
    const char *text;
    int as_topic, as_filter;
} forms[] = {
    {"a", NH_OK, NH_OK},
    {"/", NH_OK, NH_OK}, // two empty levels
    {"a/b c/", NH_OK, NH_OK},
    {"$SYS", NH_OK, NH_OK},
    {"", NH_ERR_PROTO, NH_ERR_PROTO}, // [MQTT-4.7.3-1]
    {"#", NH_ERR_PROTO, NH_OK},
    {"+", NH_ERR_PROTO, NH_OK},
    {"+/+", NH_ERR_PROTO, NH_OK},
    {"/+", NH_ERR_PROTO, NH_OK},
    {"a/#", NH_ERR_PROTO, NH_OK},
    {"+/a/#", NH_ERR_PROTO, NH_OK},
    {"a#", NH_ERR_PROTO, NH_ERR_PROTO}, // [MQTT-4.7.1-2]
    {"a/#/b", NH_ERR_PROTO, NH_ERR_PROTO},
    {"#/", NH_ERR_PROTO, NH_ERR_PROTO},
    {"##", NH_ERR_PROTO, NH_ERR_PROTO},
    {"a+", NH_ERR_PROTO, NH_ERR_PROTO}, // [MQTT-4.7.1-3]
    {"+a/b", NH_ERR_PROTO, NH_ERR_PROTO},
    {"a/++", NH_ERR_PROTO, NH_ERR_PROTO},
    {"\xc3\xa4/\xe2\x82\xac", NH_OK, NH_OK},
    {"\xc3", NH_ERR_PROTO, NH_ERR_PROTO},         // cut off
    {"\xc0\xaf", NH_ERR_PROTO, NH_ERR_PROTO},     // overlong
    {"\xed\xa0\x80", NH_ERR_PROTO, NH_ERR_PROTO}, // [MQTT-1.5.3-1]
    {"123456789012", NH_OK, NH_OK},
    {"1234567890123", NH_ERR_TOO_LONG, NH_ERR_TOO_LONG},
    {"1/2/3/4", NH_OK, NH_OK},
    {"1/2/3/4/5", NH_ERR_TOO_DEEP, NH_ERR_TOO_DEEP},
    {"////", NH_ERR_TOO_DEEP, NH_ERR_TOO_DEEP},
};

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(forms); i++) {
        int topic = nh_mqtt__topic_check(span(forms[i].text), &limits);
        int filter = nh_mqtt__filter_check(span(forms[i].text), &limits);
        if (topic != forms[i].as_topic || filter != forms[i].as_filter)
            fail_msg("\"%s\": as topic %d, as filter %d", forms[i].text, topic, filter);
    }
    nh_span_t nul = {(const uint8_t *)"a\0b", 3}; // [MQTT-4.7.3-2]
    assert_int_equal(nh_mqtt__topic_check(nul, &limits), NH_ERR_PROTO);
    assert_int_equal(nh_mqtt__filter_check(nul, &limits), NH_ERR_PROTO);
}

static const struct {
    const char *filter, *topic;
    bool matches;
} matches[] = {
    {"a", "a", true},         {"a", "A", false}, // case counts
    {"a", "a/", false},       {"a/", "a/", true},         {"a/b", "a/b", true},
    {"a/b", "a/b/c", false},  {"a/b/c", "a/b", false},    {"+", "a", true},
    {"+", "/a", false},       {"+/+", "/a", true},        {"/+", "/a", true},
    {"+", "", true},          {"a/+", "a/", true},        {"a/+", "a", false},
    {"a/+", "a/b", true},     {"a/+", "a/b/c", false},    {"a/+/c", "a/b/c", true},
    {"a/+/c", "a//c", true},  {"+/b/+", "a/b/c", true},   {"#", "a", true},
    {"#", "a/b/c", true},     {"#", "/", true},           {"a/#", "a", true}, // the level above too
    {"a/#", "a/", true},      {"a/#", "a/b/c", true},     {"a/#", "ab", false},
    {"a/+/#", "a", false},    {"a/+/#", "a/b", true},     {"+/#", "a", true},
    {"#", "$SYS/x", false}, // [MQTT-4.7.2-1]
    {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"$SYS/+", "$SYS/x", true},
    {"a/$x", "a/$x", true},   {"a/+", "a/$x", true}, // the rule is for the first level only
};

static void test_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(matches); i++) {
        nh_span_t topic = span(matches[i].topic);
        if (nh_mqtt_topic_match(span(matches[i].filter), topic) != matches[i].matches)
            fail_msg("%s takes %s?", matches[i].filter, matches[i].topic);
    }
}

// ---- the index against the matcher --------------------------------------------------------------

#define SUBS 120

static struct {
    char filter[24];
    struct nh_mqtt__sub sub;
    bool is_in;
    int seen;
} subs[SUBS];

static void random_topic(struct rng *r, char *out, bool is_filter)
{
    static const char *const names[] = {"a", "b", "", "$c", "dd"};
    unsigned levels = 1 + rng_below(r, 4);
    size_t at = 0;
    for (unsigned i = 0; i < levels; i++) {
        const char *name = names[rng_below(r, i == 0 && levels == 1 ? 2 : 5)];
        if (is_filter && rng_below(r, 3) == 0)
            name = i + 1 == levels && rng_below(r, 2) ? "#" : "+";
        at += (size_t)sprintf(out + at, "%s%s", i ? "/" : "", name);
    }
    if (at == 0)
        strcpy(out, "a");
}

static bool see(void *ctx, const struct nh_mqtt__sub *first)
{
    (void)ctx;
    for (const struct nh_mqtt__sub *s = first; s; s = s->node_next)
        subs[(size_t)(uintptr_t)s->session - 1].seen++;
    return true;
}

static void check_topic(const struct nh_mqtt__index *ix, const char *topic)
{
    for (int i = 0; i < SUBS; i++)
        subs[i].seen = 0;
    nh_mqtt__index_match(ix, span(topic), see, NULL);
    for (int i = 0; i < SUBS; i++) {
        int expected = subs[i].is_in && nh_mqtt_topic_match(span(subs[i].filter), span(topic));
        if (subs[i].seen != expected)
            fail_msg("%s by %s: seen %d", topic, subs[i].filter, subs[i].seen);
    }
}

static void test_index(void **state)
{
    struct rng r = {2024};
    struct nh_mqtt__index ix;
    (void)state;
    memset(subs, 0, sizeof subs);
    assert_int_equal(nh_mqtt__index_init(&ix, mem, 7), NH_OK);
    for (int round = 0; round < 4000; round++) {
        unsigned i = rng_below(&r, SUBS);
        if (subs[i].is_in) {
            nh_mqtt__index_remove(&ix, &subs[i].sub);
            subs[i].is_in = false;
        } else {
            random_topic(&r, subs[i].filter, true);
            // The session is only carried along: here it is the row's number.
            subs[i].sub.session = (struct nh_mqtt__session *)(uintptr_t)(i + 1);
            assert_int_equal(nh_mqtt__index_add(&ix, span(subs[i].filter), &subs[i].sub), NH_OK);
            char text[24] = "";
            size_t len = nh_mqtt__node_filter(subs[i].sub.node, text, sizeof text - 1);
            assert_int_equal(len, strlen(subs[i].filter));
            assert_string_equal(text, subs[i].filter);
            assert_ptr_equal(nh_mqtt__index_find(&ix, span(text)), subs[i].sub.node);
            subs[i].is_in = true;
        }
        char topic[24];
        random_topic(&r, topic, false);
        check_topic(&ix, topic);
        if (round % 50 == 0)
            assert_true(nh_mqtt__index_check(&ix));
    }
    for (int i = 0; i < SUBS; i++)
        if (subs[i].is_in)
            nh_mqtt__index_remove(&ix, &subs[i].sub);
    assert_int_equal(ix.node_count, 0); // nothing hangs on
    assert_true(nh_mqtt__index_check(&ix));
    nh_mqtt__index_deinit(&ix);
}

// Without memory nothing is added and nothing is lost.
static void test_index_no_memory(void **state)
{
    struct nh_mqtt__index ix;
    struct nh_mqtt__sub sub = {0};
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct nh_mem_fault fault = {.fail_nth = nth};
        nh_mem_fault_set(sys, &fault);
        int rc = nh_mqtt__index_init(&ix, mem, 7);
        if (rc == NH_OK) {
            rc = nh_mqtt__index_add(&ix, span("a/b/+/d"), &sub);
            assert_true(nh_mqtt__index_check(&ix));
            assert_int_equal(ix.node_count, rc == NH_OK ? 4 : 0);
            if (rc == NH_OK)
                nh_mqtt__index_remove(&ix, &sub);
            nh_mqtt__index_deinit(&ix);
        }
        nh_mem_fault_set(sys, NULL);
        if (rc == NH_OK)
            break;
        assert_int_equal(rc, NH_ERR_NOMEM);
    }
}

// ---- retained against a list --------------------------------------------------------------------

#define TOPICS 90

static char sorted[TOPICS][24]; // in byte order
static char value[TOPICS];      // 0: not retained

static int topic_index(const char *topic, int *count)
{
    for (int i = 0; i < *count; i++)
        if (strcmp(sorted[i], topic) == 0)
            return i;
    int at = *count;
    for (; at > 0 && strcmp(sorted[at - 1], topic) > 0; at--)
        strcpy(sorted[at], sorted[at - 1]);
    strcpy(sorted[at], topic);
    ++*count;
    return at;
}

static void check_order(const struct nh_mqtt__retain *ret)
{
    const struct nh_mqtt__msg *m = nh_mqtt__retain_seek(ret, span(""), false);
    for (int i = 0; i < TOPICS; i++) {
        const struct nh_mqtt__msg *at = nh_mqtt__retain_seek(ret, span(sorted[i]), false);
        const struct nh_mqtt__msg *got = nh_mqtt__retain_get(ret, span(sorted[i]));
        assert_ptr_equal(at, m); // the first at or after it
        assert_ptr_equal(got, value[i] ? m : NULL);
        if (!value[i])
            continue;
        assert_int_equal(nh_mqtt__msg_topic(m).len, strlen(sorted[i]));
        assert_int_equal(nh_mqtt__msg_payload(m).ptr[0], value[i]);
        m = nh_mqtt__retain_seek(ret, span(sorted[i]), true);
    }
    assert_null(m);
}

static void test_retained(void **state)
{
    struct rng r = {99};
    struct nh_mqtt__retain ret = {.mem = mem, .count_max = 1000, .bytes_max = 100000};
    int count = 0;
    (void)state;
    while (count < TOPICS) {
        char topic[24];
        sprintf(topic, "%.*s%c%.*s", (int)rng_below(&r, 3), "a/-", (int)(' ' + rng_below(&r, 90)),
                (int)rng_below(&r, 6), "/b/c-d");
        topic_index(topic, &count);
    }
    memset(value, 0, sizeof value);
    for (int round = 0; round < 3000; round++) {
        int i = (int)rng_below(&r, TOPICS);
        if (rng_below(&r, 3) == 0) {
            assert_int_equal(nh_mqtt__retain_remove(&ret, span(sorted[i])), value[i] != 0);
            value[i] = 0;
        } else {
            char payload[2] = {(char)('a' + rng_below(&r, 26)), 0};
            struct nh_mqtt__msg *m =
                nh_mqtt__msg_create(mem, &(struct nh_mqtt__content){.topic = span(sorted[i]),
                                                                    .payload = span(payload)});
            assert_non_null(m);
            assert_int_equal(nh_mqtt__retain_set(&ret, m), NH_OK);
            nh_mqtt__msg_unref(mem, m);
            value[i] = payload[0];
        }
        if (round % 20 == 0) {
            assert_true(nh_mqtt__retain_check(&ret));
            check_order(&ret);
        }
    }
    nh_mqtt__retain_clear(&ret);
    assert_int_equal(ret.count, 0);
    assert_int_equal(ret.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_matches),
        cmocka_unit_test_setup_teardown(test_index, setup, teardown),
        cmocka_unit_test_setup_teardown(test_index_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retained, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
