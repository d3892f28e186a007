#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "components/automation/value.h"

static _Alignas(16) uint8_t internal[64 * 1024], psram[256 * 1024];
static nh_mem_system_t *sys;
static nh_mem_t *mem;

static int setup(void **state)
{
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    (void)state;
    assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(sys, "test", NULL, &mem), NH_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return nh_mem_system_destroy(sys, NULL, NULL);
}

static void told(void *ctx, const struct nh_device_finding *f)
{
    (void)ctx;
    if (!f->is_warning)
        fail_msg("%s: %s", f->pointer, f->text);
}

// A set whose only trigger has this match; owned.
static nh_device_set_t *set_with_match(const char *match)
{
    char json[512];
    nh_device_compiler_t *c;
    nh_device_set_t *set = NULL;
    snprintf(json, sizeof json,
             "{\"schema\":2,\"devices\":[{\"id\":\"d\",\"scenarios\":[{\"id\":\"s\",\"triggers\":["
             "{\"type\":\"topic\",\"topic\":\"t\"%s%s}]}]}]}",
             *match ? ",\"match\":" : "", match);
    assert_int_equal(nh_device_compiler_create(
                         &(struct nh_device_compiler_config){
                             .mem = mem, .limits = &nh_device_limits_standard, .finding = told},
                         &c),
                     0);
    assert_int_equal(nh_device_compiler_json(c, json, strlen(json), true), 0);
    assert_int_equal(nh_device_compiler_end(c, &set), 0);
    nh_device_compiler_destroy(c);
    return set;
}

static const struct {
    const char *match, *payload;
    bool is_match;
} rows[] = {
    {"", "anything", true},
    {"{\"op\":\"any\"}", "", true},
    {"{\"value\":\"on\"}", "on", true}, // equal is the standard
    {"{\"op\":\"equal\",\"value\":\"on\"}", "on", true},
    {"{\"op\":\"equal\",\"value\":\"on\"}", "On", false},
    {"{\"op\":\"equal\",\"value\":5}", "5", true},
    {"{\"op\":\"equal\",\"value\":5}", " 5.0\n", true},
    {"{\"op\":\"equal\",\"value\":\"5\"}", "5.0", true},
    {"{\"op\":\"equal\",\"value\":true}", "true", true},
    {"{\"op\":\"equal\",\"value\":true}", "1", false},
    {"{\"op\":\"equal\",\"value\":\"\"}", "", true},
    {"{\"op\":\"not_equal\",\"value\":\"on\"}", "off", true},
    {"{\"op\":\"not_equal\",\"value\":5}", "5.00", false},
    {"{\"op\":\"contains\",\"value\":\"ell\"}", "hello", true},
    {"{\"op\":\"contains\",\"value\":\"hello\"}", "hell", false},
    {"{\"op\":\"contains\",\"value\":2}", "123", true},
    {"{\"op\":\"contains\",\"value\":\"x\"}", "", false},
    {"{\"op\":\"less\",\"value\":20}", "19.5", true},
    {"{\"op\":\"less\",\"value\":20}", "20", false},
    {"{\"op\":\"less\",\"value\":20}", "3", true}, // not as texts
    {"{\"op\":\"less\",\"value\":20}", "abc", false},
    {"{\"op\":\"less\",\"value\":\"b\"}", "abc", true},
    {"{\"op\":\"less_equal\",\"value\":20}", "20", true},
    {"{\"op\":\"less_equal\",\"value\":20}", "21", false},
    {"{\"op\":\"greater\",\"value\":20}", "100", true},
    {"{\"op\":\"greater\",\"value\":20}", "20", false},
    {"{\"op\":\"greater_equal\",\"value\":20}", "20", true},
    {"{\"op\":\"greater_equal\",\"value\":20}", "-20", false},
    {"{\"op\":\"exists\"}", "x", true},
    {"{\"op\":\"exists\"}", "", false},
    // in JSON
    {"{\"op\":\"greater\",\"value\":20,\"json\":\"/level\"}", "{\"level\":21}", true},
    {"{\"op\":\"greater\",\"value\":20,\"json\":\"/level\"}", "{\"level\":\"21\"}", true},
    {"{\"op\":\"greater\",\"value\":20,\"json\":\"/level\"}", "{\"Level\":21}", false},
    {"{\"op\":\"greater\",\"value\":20,\"json\":\"/level\"}", "nonsense", false},
    {"{\"op\":\"greater\",\"value\":20,\"json\":\"/level\"}", "", false},
    {"{\"value\":\"a\\\"b\",\"json\":\"/x/y/1\"}",
     "{\"w\":[{}],\"x\":{\"z\":1,\"y\":[[0,1],\"a\\\"b\"]}}", true},
    {"{\"value\":7,\"json\":\"/a~1b/~0\"}", "{\"a/b\":{\"~\":7}}", true},
    {"{\"value\":7,\"json\":\"/\"}", "{\"\":7}", true},
    {"{\"value\":1,\"json\":\"/a\"}", "{\"a\":1,\"a\":2}", true}, // the first of two
    {"{\"value\":1,\"json\":\"/0\"}", "[1]", true},
    {"{\"value\":1,\"json\":\"/1\"}", "[1]", false},
    {"{\"value\":1,\"json\":\"/00\"}", "[1]", false},
    {"{\"value\":1,\"json\":\"/x\"}", "[1]", false},
    {"{\"value\":1,\"json\":\"/9999999999\"}", "[1]", false},
    {"{\"value\":1,\"json\":\"/a/b\"}", "{\"a\":1}", false},
    {"{\"value\":true,\"json\":\"/a\"}", "{\"a\":true}", true},
    {"{\"value\":\"[1, 2]\",\"json\":\"/a\"}", "{\"a\":[1, 2]}", true},
    {"{\"op\":\"contains\",\"value\":\"k\",\"json\":\"/a\"}", "{\"a\":{\"k\":1}}", true},
    {"{\"value\":1,\"json\":\"/a\"}", "{\"b\":{\"a\":1}}", false}, // not in what is passed over
    {"{\"value\":1,\"json\":\"/a\"}", "{\"b\":[}", false},
    {"{\"op\":\"exists\",\"json\":\"/a\"}", "{\"a\":null}", true},
    {"{\"op\":\"exists\",\"json\":\"/a\"}", "{\"b\":1}", false},
    {"{\"op\":\"not_equal\",\"value\":1,\"json\":\"/a\"}", "{\"a\":2}", true},
    {"{\"op\":\"not_equal\",\"value\":1,\"json\":\"/a\"}", "{\"b\":2}", false}, // not there
    {"{\"op\":\"not_equal\",\"value\":1,\"json\":\"/a\"}", "{\"a\":null}", false},
    {"{\"op\":\"any\",\"json\":\"/a\"}", "{\"b\":1}", true},
    {"{\"value\":\"1e999\",\"json\":\"/a\"}", "{\"a\":1e999}", true}, // too large: as a text
};

static void test_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_device_set_t *set = set_with_match(rows[i].match);
        nh_rec_t trigger = nh_rec_first(nh_device_set_scenario(set, 0), NH_FIELD_TRIGGERS);
        size_t len = strlen(rows[i].payload);
        uint8_t *exact = malloc(len ? len : 1);
        memcpy(exact, rows[i].payload, len);
        if (nh_match_payload(nh_rec_object(trigger, NH_FIELD_MATCH), (nh_span_t){exact, len}) !=
            rows[i].is_match)
            fail_msg("%s and %s", rows[i].match, rows[i].payload);
        free(exact);
        nh_device_set_unref(set);
    }
}

static void test_long_json_texts(void **state)
{
    static char payload[4096];
    nh_device_set_t *set = set_with_match("{\"op\":\"exists\",\"json\":\"/a\"}");
    nh_rec_t match = nh_rec_object(nh_rec_first(nh_device_set_scenario(set, 0), NH_FIELD_TRIGGERS),
                                   NH_FIELD_MATCH);
    struct nh_value v;
    char buf[16];
    (void)state;
    int len = snprintf(payload, sizeof payload, "{\"%03000d\":1,\"a\":\"\\n%0900d\"}", 1, 2);
    nh_span_t text = {(const uint8_t *)payload, (size_t)len};
    assert_true(nh_match_payload(match, text)); // a key that does not fit is none that is sought
    assert_int_equal(nh_value_from_json(text, nh_span_of("/a"), buf, sizeof buf, &v),
                     NH_ERR_TOO_LONG);
    assert_int_equal(v.kind, NH_VALUE_NONE);
    assert_int_equal(nh_value_from_json(text, nh_span_of("/a"), buf, 0, &v), NH_ERR_TOO_LONG);
    assert_int_equal(nh_value_from_json(text, nh_span_of("a"), buf, sizeof buf, &v),
                     NH_ERR_NOT_FOUND);
    nh_device_set_unref(set);
}

static void test_scalars(void **state)
{
    static const struct {
        enum nh_scalar_kind kind;
        const char *text;
        enum nh_value_kind want;
        const char *out;
    } scalars[] = {{NH_SCALAR_NONE, "", NH_VALUE_NONE, ""},
                   {NH_SCALAR_TRUE, "", NH_VALUE_BOOL, "true"},
                   {NH_SCALAR_FALSE, "", NH_VALUE_BOOL, "false"},
                   {NH_SCALAR_NUMBER, "1.50", NH_VALUE_NUMBER, "1.5"},
                   {NH_SCALAR_NUMBER, "-1e21", NH_VALUE_NUMBER, "-1e+21"},
                   {NH_SCALAR_NUMBER, "1e999", NH_VALUE_TEXT, "1e999"},
                   {NH_SCALAR_TEXT, "1.50", NH_VALUE_TEXT, "1.50"}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(scalars); i++) {
        char buf[NH_VALUE_TEXT_MAX_BYTES];
        struct nh_value v =
            nh_value_from_scalar((struct nh_scalar){scalars[i].kind, nh_span_of(scalars[i].text)});
        nh_span_t t = nh_value_text(&v, buf);
        assert_int_equal(v.kind, scalars[i].want);
        if (t.len != strlen(scalars[i].out) || memcmp(t.ptr, scalars[i].out, t.len) != 0)
            fail_msg("%s: %.*s", scalars[i].text, (int)t.len, (const char *)t.ptr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_long_json_texts),
        cmocka_unit_test(test_scalars),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
