#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "components/devices/set.h"
#include "platform/yaml.h"
#include "unit/json_chunks.h"

#define FIXTURES "tests/fixtures/devices/"

// ---- a memory system, and findings that are kept
// -------------------------------------------------

static _Alignas(16) uint8_t internal[64 * 1024], psram[1024 * 1024];
static nh_mem_system_t *sys;
static nh_mem_t *mem;
static char said[8192];

static int setup(void **state)
{
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    (void)state;
    assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(sys, "devices", NULL, &mem), NH_OK);
    said[0] = '\0';
    return 0;
}

static void leak(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes, size_t blocks)
{
    (void)ctx;
    fail_msg("%s holds %zu bytes in %zu blocks of tier %d", owner, bytes, blocks, (int)tier);
}

static int teardown(void **state)
{
    (void)state;
    nh_mem_fault_set(sys, NULL);
    assert_int_equal(nh_mem_check(sys), NH_OK);
    assert_int_equal(nh_mem_system_destroy(sys, leak, NULL), 0);
    return 0;
}

// "error /pointer code" a line.
static void keep(void *ctx, const struct nh_device_finding *f)
{
    size_t len = strlen(said);
    (void)ctx;
    assert_true(f->text[0] != '\0');
    snprintf(said + len, sizeof said - len, "%s %s %s\n", f->is_warning ? "warning" : "error",
             f->pointer, f->code);
}

static int bad_expression(nh_span_t text, char *why, size_t cap)
{
    if (!memchr(text.ptr, '?', text.len))
        return NH_OK;
    snprintf(why, cap, "a '?' is no expression");
    return NH_ERR_SYNTAX;
}

static nh_device_compiler_t *begin(const struct nh_device_limits *limits)
{
    nh_device_compiler_t *c;
    const struct nh_device_compiler_config cfg = {.mem = mem,
                                                  .limits =
                                                      limits ? limits : &nh_device_limits_standard,
                                                  .expression = bad_expression,
                                                  .finding = keep};
    said[0] = '\0';
    return nh_device_compiler_create(&cfg, &c) == 0 ? c : NULL;
}

static int end(nh_device_compiler_t *c, int err, nh_device_set_t **out)
{
    *out = NULL;
    int rc = nh_device_compiler_end(c, out);
    nh_device_compiler_destroy(c);
    return err ? err : rc;
}

static int compile_cut(const char *text, size_t len, unsigned way, nh_device_set_t **out)
{
    nh_device_compiler_t *c = begin(NULL);
    struct chunks cut = chunks_start(text, len, way);
    const uint8_t *piece;
    size_t n;
    bool last = false;
    int err = c ? NH_OK : NH_ERR_NOMEM;
    *out = NULL;
    if (!c)
        return err;
    while (err == 0 && !last) {
        piece = chunks_next(&cut, &n, &last);
        err = nh_device_compiler_json(c, piece, n, last);
    }
    chunks_end(&cut);
    return end(c, err, out);
}

static int compile(const char *text, nh_device_set_t **out)
{
    return compile_cut(text, strlen(text), 0, out);
}

static int compile_yaml(const char *text, nh_device_set_t **out)
{
    struct nh_yaml_error e;
    nh_device_compiler_t *c = begin(NULL);
    assert_non_null(c);
    int err = nh_yaml_read(text, strlen(text), nh_device_compiler_yaml, c, &e);
    if (err < 0 && nh_device_compiler_errors(c) == 0)
        fail_msg("%u:%u %s", (unsigned)e.line, (unsigned)e.column, e.text);
    return end(c, err, out);
}

static char *load(const char *name)
{
    static char text[65536];
    char path[128];
    snprintf(path, sizeof path, FIXTURES "%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

// The whole text, in pieces of `cap`.
static char *text_of(const nh_device_set_t *s, enum nh_device_form form, size_t cap)
{
    static char text[2][65536];
    static int which;
    nh_device_writer_t w;
    size_t len = 0, n;
    which ^= 1;
    nh_device_writer_init(&w, s, form, NULL);
    do {
        assert_true(len + cap < sizeof text[0]);
        char *piece = malloc(cap); // exactly as large as it is said to be
        n = nh_device_writer_next(&w, piece, cap);
        memcpy(text[which] + len, piece, n);
        free(piece);
        len += n;
    } while (n > 0);
    text[which][len] = '\0';
    return text[which];
}

// ---- round trips
// ---------------------------------------------------------------------------------

static void check_round_trip(const nh_device_set_t *s)
{
    nh_device_set_t *again;
    for (size_t cap = 512; cap <= 4096; cap += 97) {
        assert_int_equal(compile(text_of(s, NH_DEVICE_FORM_JSON, cap), &again), NH_OK);
        assert_true(nh_rec_equal(nh_device_set_root(s), nh_device_set_root(again)));
        assert_true(nh_rec_digest(nh_device_set_root(s)) ==
                    nh_rec_digest(nh_device_set_root(again)));
        nh_device_set_unref(again);
        char *yaml = text_of(s, NH_DEVICE_FORM_YAML, cap);
        int err = compile_yaml(yaml, &again);
        if (err < 0)
            fail_msg("%s\n%s", said, yaml);
        assert_true(nh_rec_equal(nh_device_set_root(s), nh_device_set_root(again)));
        nh_device_set_unref(again);
    }
}

// What the older generations wrote comes back field by field; only the number of the format rises.
static void test_older_generations(void **state)
{
    static const char *const files[] = {"first_generation.json", "second_generation.json"};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(files); i++) {
        nh_device_set_t *s, *again;
        if (compile(load(files[i]), &s) < 0)
            fail_msg("%s: %s", files[i], said);
        char *text = text_of(s, NH_DEVICE_FORM_JSON, 2048);
        char *schema = strstr(text, "\"schema\": 2");
        assert_non_null(schema);
        schema[strlen("\"schema\": ")] = '1';
        assert_int_equal(compile(text, &again), NH_OK);
        assert_true(nh_rec_equal(nh_device_set_root(s), nh_device_set_root(again)));
        nh_device_set_unref(s);
        nh_device_set_unref(again);
    }
}

static void test_everything(void **state)
{
    (void)state;
    nh_device_set_t *s;
    if (compile_yaml(load("everything.yaml"), &s) < 0)
        fail_msg("%s", said);
    check_round_trip(s);
    nh_device_set_unref(s);
}

// Every field of the schema is in one of the fixtures, so that the round trip speaks of all.
static void test_fixtures_have_every_field(void **state)
{
    static const char *const files[] = {"first_generation.json", "second_generation.json",
                                        "everything.yaml"};
    bool is_there[NH_FIELD_ID_COUNT] = {false};
    char word[64];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(files); i++) {
        const char *text = load(files[i]);
        for (int f = 1; f < NH_FIELD_ID_COUNT; f++) {
            bool is_yaml = strstr(files[i], "yaml") != NULL;
            snprintf(word, sizeof word, is_yaml ? "%s: " : "\"%s\": ", nh_field_name(f));
            is_there[f] = is_there[f] || strstr(text, word);
            snprintf(word, sizeof word, "%s:\n", nh_field_name(f));
            is_there[f] = is_there[f] || strstr(text, word);
        }
    }
    for (int f = 1; f < NH_FIELD_ID_COUNT; f++)
        if (!is_there[f])
            fail_msg("no fixture has \"%s\"", nh_field_name(f));
}

static uint64_t digest_of(const char *text)
{
    nh_device_set_t *s;
    assert_int_equal(compile(text, &s), NH_OK);
    uint64_t digest = nh_rec_digest(nh_device_set_scenario(s, 0));
    nh_device_set_unref(s);
    return digest;
}

// The digest of a scenario is its own: neither the rest of the set nor the order of its fields
// matters, and every letter does.
static void test_digest(void **state)
{
#define SCENARIO(more) "{\"schema\":2,\"devices\":[{\"id\":\"d\",\"scenarios\":[{" more "}]}]}"
    static const char *const others[] = {
        SCENARIO("\"id\":\"s\",\"persist\":true,\"steps\":[{\"type\":\"delay\",\"delay_ms\":6}]"),
        SCENARIO("\"id\":\"s\",\"persist\":false,\"steps\":[{\"type\":\"delay\",\"delay_ms\":5}]"),
        SCENARIO("\"id\":\"t\",\"persist\":true,\"steps\":[{\"type\":\"delay\",\"delay_ms\":5}]"),
        SCENARIO("\"id\":\"s\",\"steps\":[{\"type\":\"delay\",\"delay_ms\":5}]"),
        SCENARIO("\"id\":\"s\",\"persist\":true,\"steps\":[{\"type\":\"delay\",\"delay_ms\":5},{"
                 "\"type\":\"nop\"}]"),
        SCENARIO("\"id\":\"s\",\"persist\":true,\"steps\":[{\"type\":\"nop\",\"delay_ms\":5}]"),
    };
    uint64_t digest = digest_of(
        SCENARIO("\"id\":\"s\",\"persist\":true,\"steps\":[{\"type\":\"delay\",\"delay_ms\":5}]"));
    (void)state;
    assert_true(digest == digest_of("{\"devices\":[{\"id\":\"other\",\"scenarios\":[{\"steps\":[{"
                                    "\"delay_ms\":5,\"type\":\"delay\"}],\"persist\":true,\"id\":"
                                    "\"s\"}]}],\"schema\":2}"));
    for (size_t i = 0; i < NH_ARRAY_LEN(others); i++)
        assert_true(digest != digest_of(others[i]));
}

static void test_any_cut(void **state)
{
    (void)state;
    char *text = load("second_generation.json");
    nh_device_set_t *whole, *s;
    assert_int_equal(compile_cut(text, strlen(text), 0, &whole), NH_OK);
    for (unsigned way = 1; way < CHUNK_WAYS; way++) {
        assert_int_equal(compile_cut(text, strlen(text), way, &s), NH_OK);
        assert_true(nh_rec_equal(nh_device_set_root(whole), nh_device_set_root(s)));
        nh_device_set_unref(s);
    }
    nh_device_set_unref(whole);
}

// ---- findings
// ------------------------------------------------------------------------------------

#define DEVICE(more) "{\"schema\":2,\"devices\":[{\"id\":\"d\"," more "}]}"
#define STEPS(more) DEVICE("\"scenarios\":[{\"id\":\"s\",\"steps\":[" more "]}]")
#define AT_STEP "/devices/0/scenarios/0/steps/0"
#define TEMPLATE(type, more) DEVICE("\"template\":{\"type\":\"" type "\"," more "}")

static const struct {
    const char *text, *said;
} rows[] = {
    {"", "error  syntax\n"},
    {"[]", "error  type\n"},
    {"5", "error  type\n"},
    {"{}", "error /schema required\nerror /devices required\n"},
    {"{\"schema\":3,\"devices\":[]}", "error /schema range\n"},
    {"{\"schema\":\"2\",\"devices\":[]}", "error /schema type\n"},
    {"{\"schema\":2,\"devices\":[],}", "error /devices syntax\n"},
    {"{\"schema\":2,\"devices\":{}}", "error /devices type\n"},
    {"{\"schema\":2,\"devices\":[5,{\"id\":\"a\"}]}", "error /devices/0 type\n"},
    {"{\"schema\":2,\"devices\":[],\"devices\":[]}", "error /devices twice\n"},
    {"{\"schema\":2,\"devices\":[{\"id\":\"\"}]}", "error /devices/0/id text\n"},
    {"{\"schema\":2,\"devices\":[{\"id\":\"a b\"}]}", "error /devices/0/id text\n"},
    {"{\"schema\":2,\"devices\":[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"a\"}]}",
     "error /devices/2/id not_unique\n"},
    {"{\"schema\":2,\"devices\":[{\"display_name\":\"x\"}]}", "error /devices/0/id required\n"},
    {DEVICE("\"nmae\":\"x\""), "error /devices/0/nmae unknown_field\n"},
    {DEVICE("\"a/b~\":{\"c\":[1,{}]},\"scenarios\":[]"), "error /devices/0/a~1b~0 unknown_field\n"},
    {DEVICE("\"scenarios\":[{\"id\":\"s\"},{\"id\":\"s\"}]"),
     "error /devices/0/scenarios/1/id not_unique\n"},
    {STEPS("{\"type\":\"jump\"}"), "error " AT_STEP "/type unknown_type\n"},
    {STEPS("{\"delay_ms\":1}"), "error " AT_STEP "/type required\n"},
    {STEPS("{\"type\":\"mqtt_publish\"}"), "error " AT_STEP "/topic required\n"},
    {STEPS("{\"type\":\"mqtt_publish\",\"topic\":\"\"}"), "error " AT_STEP "/topic text\n"},
    {STEPS("{\"type\":\"mqtt_publish\",\"topic\":\"a/#\"}"), "error " AT_STEP "/topic wildcard\n"},
    {STEPS("{\"type\":\"mqtt_publish\",\"topic\":\"a\",\"qos\":3}"),
     "error " AT_STEP "/qos range\n"},
    {STEPS("{\"type\":\"mqtt_publish\",\"topic\":\"a\",\"qos\":1.5}"),
     "error " AT_STEP "/qos type\n"},
    {STEPS("{\"track\":\"a\",\"type\":\"nop\"}"), "error " AT_STEP "/track not_for_type\n"},
    {STEPS("{\"type\":\"audio_play\"}"), "error " AT_STEP "/track required\n"},
    {STEPS("{\"type\":\"audio_play\",\"track\":\"/etc/passwd\"}"),
     "error " AT_STEP "/track text\n"},
    {STEPS("{\"type\":\"audio_play\",\"track\":\"a/../../b\"}"), "error " AT_STEP "/track text\n"},
    {STEPS("{\"type\":\"audio_play\",\"track\":\"a..b/..c\"}"), ""},
    {STEPS("{\"type\":\"set_flag\"}"), "error " AT_STEP "/flag required\n"},
    {STEPS("{\"type\":\"set_flag\",\"flag\":\"f\",\"value\":\"x\"}"),
     "error " AT_STEP "/value type\n"},
    {STEPS("{\"type\":\"set\",\"variable\":\"v\"}"), "error " AT_STEP "/value required\n"},
    {STEPS("{\"type\":\"set\",\"variable\":\"1v\",\"value\":1}"),
     "error " AT_STEP "/variable text\n"},
    {STEPS("{\"type\":\"set\",\"variable\":\"v\",\"expression\":\"a ? b\"}"),
     "error " AT_STEP "/expression expression\n"},
    {STEPS("{\"type\":\"wait_flags\",\"wait\":{}}"),
     "error " AT_STEP "/wait/requirements required\n"},
    {STEPS("{\"type\":\"wait_flags\",\"wait\":{\"requirements\":[]}}"),
     "error " AT_STEP "/wait/requirements empty_list\n"},
    {STEPS("{\"type\":\"wait_flags\",\"wait\":{\"requirements\":[{\"flag\":\"f\"}]}}"),
     "warning " AT_STEP "/wait/requirements/0/flag flag_never_set\n"},
    {STEPS("{\"type\":\"set_flag\",\"flag\":\"F\"},"
           "{\"type\":\"wait_flags\",\"wait\":{\"requirements\":[{\"flag\":\"f\"}]}}"),
     ""},
    {STEPS("{\"type\":\"loop\",\"loop\":{\"target_step\":1,\"max_iterations\":1}}"),
     "error " AT_STEP "/loop/target_step loop_target\n"},
    {STEPS("{\"type\":\"loop\",\"loop\":{\"target_step\":0}}"),
     "error " AT_STEP "/loop/max_iterations endless_loop\n"},
    {STEPS("{\"type\":\"event\",\"event\":\"card_okay\"}"),
     "error " AT_STEP "/event unknown_word\n"},
    {STEPS("{\"type\":\"repeat\",\"steps\":[]}"), "error " AT_STEP " required\n"},
    {STEPS("{\"type\":\"run\",\"scenario\":\"x\"}"), "error " AT_STEP "/scenario no_scenario\n"},
    {STEPS("{\"type\":\"run\",\"device\":\"x\",\"scenario\":\"x\"}"),
     "error " AT_STEP "/device no_device\n"},
    {STEPS("{\"type\":\"command\",\"command\":\"x\"}"), "error " AT_STEP "/command no_command\n"},
    {STEPS("{\"type\":\"run\",\"scenario\":\"s\"}"),
     "warning /devices/0/scenarios/0/steps starts_itself\n"},
    {DEVICE("\"topics\":[{\"name\":\"s\",\"topic\":\"a\"}],\"scenarios\":[{\"id\":\"s\",\"steps\":["
            "{\"type\":\"mqtt_publish\",\"topic\":\"b\"}]},{\"id\":\"t\",\"triggers\":[{\"type\":"
            "\"topic\","
            "\"topic\":\"+\"}],\"steps\":[{\"type\":\"mqtt_publish\",\"topic\":\"a\"}]}]"),
     "warning /devices/0/scenarios/0/steps starts_itself\n"
     "warning /devices/0/scenarios/1/steps starts_itself\n"},
    {DEVICE("\"scenarios\":[{\"id\":\"s\",\"on_stop\":[{\"type\":\"delay\",\"delay_ms\":1}]}]"),
     "error /devices/0/scenarios/0/on_stop/0/type waits\n"},
    {DEVICE("\"topics\":[{\"name\":\"x\",\"topic\":\"a\"}]"),
     "error /devices/0/topics/0/name no_scenario\n"},
    {"{\"schema\":2,\"tab_limit\":1,\"devices\":[{\"id\":\"a\",\"tabs\":[{\"type\":\"audio\"},"
     "{\"type\":\"audio\"}]}]}",
     "error /devices/0/tabs too_many\n"},
    {TEMPLATE("uid_validator", "\"signal\":{}"),
     "error /devices/0/template/signal/signal_topic required\n"
     "error /devices/0/template/signal/heartbeat_topic required\n"
     "error /devices/0/template/signal/required_hold_ms required\n"
     "error /devices/0/template/uid required\n"
     "error /devices/0/template/signal not_for_type\n"},
    {TEMPLATE("uid_validator", "\"uid\":{\"slots\":[{\"source_id\":\"a\",\"values\":[]}]}"),
     "error /devices/0/template/uid/slots/0/values empty_list\n"},
    {TEMPLATE("signal_hold", "\"signal\":{\"signal_topic\":\"a\",\"heartbeat_topic\":\"b\","
                             "\"required_hold_ms\":0}"),
     "error /devices/0/template/signal/required_hold_ms range\n"},
    {TEMPLATE("on_flag", "\"flag\":{\"rules\":[{\"flag\":\"f\"}]}"),
     "warning /devices/0/template/flag/rules/0/scenario empty_scenario\n"
     "warning /devices/0/template/flag/rules/0/flag flag_never_set\n"},
    {TEMPLATE("on_mqtt_event", "\"mqtt\":{\"rules\":[{\"topic\":\"a#\",\"scenario\":\"x\"}]}"),
     "error /devices/0/template/mqtt/rules/0/topic text\n"
     "error /devices/0/template/mqtt/rules/0/scenario no_scenario\n"},
    // What a part lost is not missed again: the id that is refused may be the one meant.
    {STEPS("{\"type\":\"run\",\"scenario\":\"t\"},{\"type\":\"delay\",\"delay_ms\":-1}"),
     "error /devices/0/scenarios/0/steps/1/delay_ms range\n"
     "error " AT_STEP "/scenario no_scenario\n"},
    {DEVICE("\"scenarios\":[{\"id\":\"t t\"},{\"id\":\"s\",\"steps\":[{\"type\":\"run\","
            "\"scenario\":\"t\"}]}]"),
     "error /devices/0/scenarios/0/id text\n"},
    {DEVICE("\"scenaros\":[],\"topics\":[{\"name\":\"t\",\"topic\":\"a\"}]"),
     "error /devices/0/scenaros unknown_field\n"},
    {STEPS("{\"type\":\"set\",\"variable\":\"v\",\"expression\":\"?\"}"),
     "error " AT_STEP "/expression expression\n"},
    // Elements that are refused keep their places, and those behind them theirs.
    {"{\"schema\":2,\"devices\":[5,{\"id\":\"a\"},[],{\"id\":\"a\"}]}",
     "error /devices/0 type\nerror /devices/2 type\nerror /devices/3/id not_unique\n"},
    {TEMPLATE("uid_validator", "\"uid\":{\"slots\":[{\"source_id\":\"a\",\"values\":[7,\"x\",[]]},"
                               "3]}"),
     "error /devices/0/template/uid/slots/0/values/0 type\n"
     "error /devices/0/template/uid/slots/0/values/2 type\n"
     "error /devices/0/template/uid/slots/1 type\n"},
    {TEMPLATE("interval_task", "\"interval\":{\"interval_ms\":0}"),
     "error /devices/0/template/interval/interval_ms range\n"
     "warning /devices/0/template/interval/scenario empty_scenario\n"},
    {TEMPLATE("sequence_lock",
              "\"sequence\":{\"steps\":[{\"topic\":\"a\"}],\"success_scenario\":\"x\"}"),
     "error /devices/0/template/sequence/success_scenario no_scenario\n"},
    {"{\"schema\":2,\"devices\":[{\"id\":\"a\",\"topics\":[{\"name\":\"s\",\"topic\":\"t\"}],"
     "\"scenarios\":[{\"id\":\"s\"}]},{\"id\":\"b\",\"topics\":[{\"name\":\"s\",\"topic\":\"t\"}],"
     "\"scenarios\":[{\"id\":\"s\"}]}]}",
     "warning /devices/1/topics/0/topic shared_topic\n"},
};

static void test_findings(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_device_set_t *s;
        bool is_bad = strstr(rows[i].said, "error") != NULL;
        int err = compile(rows[i].text, &s);
        if (strcmp(said, rows[i].said) != 0 || (err < 0) != is_bad || (s != NULL) == is_bad)
            fail_msg("%s\ngave %d and\n%swanted\n%s", rows[i].text, err, said, rows[i].said);
        nh_device_set_unref(s);
    }
}

static void test_nesting(void **state)
{
    (void)state;
    static const char open[] =
        "{\"type\":\"if\",\"conditions\":[{\"type\":\"flag\",\"flag\":\"f\"}],\"then\":[";
    char text[2048];
    for (unsigned depth = 0; depth <= 5; depth++) {
        nh_device_set_t *s;
        size_t at = (size_t)snprintf(text, sizeof text,
                                     "{\"schema\":2,\"devices\":[{\"id\":\"d\","
                                     "\"scenarios\":[{\"id\":\"s\",\"steps\":[");
        for (unsigned i = 0; i < depth; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s", open);
        at += (size_t)snprintf(text + at, sizeof text - at, "{\"type\":\"nop\"}");
        for (unsigned i = 0; i < depth; i++)
            at += (size_t)snprintf(text + at, sizeof text - at, "]}");
        snprintf(text + at, sizeof text - at, "]}]}]}");
        int err = compile(text, &s);
        assert_int_equal(err, depth <= 4 ? NH_OK : NH_ERR_INVAL);
        assert_int_equal(strstr(said, "too_deep") != NULL, depth > 4);
        nh_device_set_unref(s);
    }
}

static size_t put_scenario(char *out, size_t cap, unsigned i)
{
    return (size_t)snprintf(
        out, cap,
        "%s{\"id\":\"s%u\",\"steps\":[{\"type\":\"set_flag\",\"flag\":\"Flag%u\",\"value\":true},"
        "{\"type\":\"wait_flags\",\"wait\":{\"requirements\":[{\"flag\":\"fLAG%u\"}]}}]}",
        i % 50 ? "," : "", i, i, i + 1);
}

// Each flag is set by one scenario and waited for by the one before, and the last by none.
static void test_many_flags(void **state)
{
    static char text[512 * 1024];
    const unsigned devices = 60;
    size_t len = (size_t)snprintf(text, sizeof text, "{\"schema\":2,\"devices\":[");
    nh_device_set_t *s;
    (void)state;
    for (unsigned d = 0; d < devices; d++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s{\"id\":\"d%u\",\"scenarios\":[",
                                d ? "," : "", d);
        for (unsigned i = 0; i < 50; i++)
            len += put_scenario(text + len, sizeof text - len, d * 50 + i);
        len += (size_t)snprintf(text + len, sizeof text - len, "]}");
    }
    len += (size_t)snprintf(text + len, sizeof text - len, "]}");
    assert_true(len < sizeof text - 1);
    struct nh_device_limits l = nh_device_limits_standard;
    l.document_max_bytes = 4 * 1024 * 1024; // it is saved in lines
    nh_device_compiler_t *c = begin(&l);
    assert_int_equal(end(c, nh_device_compiler_json(c, text, len, true), &s), NH_OK);
    assert_string_equal(said, "warning /devices/59/scenarios/49/steps/1/wait/requirements/0/flag "
                              "flag_never_set\n");
    nh_device_set_unref(s);
}

static void test_limits(void **state)
{
    (void)state;
    struct nh_device_limits l = nh_device_limits_standard;
    static const char text[] = STEPS("{\"type\":\"nop\"},{\"type\":\"nop\"},{\"type\":\"nop\"}");
    static const struct {
        size_t offset;
        uint32_t value;
        const char *code;
    } cases[] = {
        {offsetof(struct nh_device_limits, device_max_count), 0, "too_many"},
        {offsetof(struct nh_device_limits, scenario_max_count), 0, "too_many"},
        {offsetof(struct nh_device_limits, step_max_count), 2, "too_many"},
        {offsetof(struct nh_device_limits, id_max_bytes), 0, "text"},
        {offsetof(struct nh_device_limits, document_max_bytes), 20, "too_long"},
        {offsetof(struct nh_device_limits, compiled_max_bytes), 30, "too_long"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(cases); i++) {
        l = nh_device_limits_standard;
        memcpy((char *)&l + cases[i].offset, &cases[i].value, sizeof cases[i].value);
        nh_device_set_t *s;
        nh_device_compiler_t *c = begin(&l);
        if (!c)
            continue;
        int err = nh_device_compiler_json(c, text, strlen(text), true);
        assert_int_equal(end(c, err, &s) < 0, true);
        assert_null(s);
        if (!strstr(said, cases[i].code))
            fail_msg("%zu: %s", i, said);
    }
}

// A limit that is exceeded is told once, and the rest is looked at all the same.
static void test_limits_do_not_hide_findings(void **state)
{
    (void)state;
    static const char text[] =
        STEPS("{\"type\":\"jump\"},{\"type\":\"delay\",\"delay_ms\":-1},{\"type\":\"nop\"}");
    static const char steps[] = "error " AT_STEP "/type unknown_type\n"
                                "error /devices/0/scenarios/0/steps/1/delay_ms range\n";
    struct nh_device_limits l = nh_device_limits_standard;
    char wanted[256];
    nh_device_set_t *s;
    for (int way = 0; way < 3; way++) {
        l.document_max_bytes = way == 1 ? nh_device_limits_standard.document_max_bytes : 20;
        l.compiled_max_bytes = way == 0 ? nh_device_limits_standard.compiled_max_bytes : 30;
        snprintf(wanted, sizeof wanted, "%s%s%s", way != 1 ? "error  too_long\n" : "", steps,
                 way != 0 ? "error  too_long\n" : "");
        nh_device_compiler_t *c = begin(&l);
        assert_int_equal(nh_device_compiler_json(c, text, 10, false), NH_OK);
        assert_int_equal(nh_device_compiler_json(c, text + 10, strlen(text) - 10, true), NH_OK);
        assert_int_equal(end(c, NH_OK, &s), NH_ERR_INVAL);
        assert_string_equal(said, wanted);
    }
}

// What is read in one line, or as YAML, is saved in many: that is read again under the same limit.
static void test_limit_of_what_is_saved(void **state)
{
    (void)state;
    static const char text[] = STEPS("{\"type\":\"nop\"},{\"type\":\"nop\"}");
    struct nh_device_limits l = nh_device_limits_standard;
    nh_device_set_t *s;
    l.document_max_bytes = sizeof text - 1;
    nh_device_compiler_t *c = begin(&l);
    assert_int_equal(nh_device_compiler_json(c, text, strlen(text), true), NH_OK);
    assert_int_equal(end(c, NH_OK, &s), NH_ERR_INVAL);
    assert_string_equal(said, "error  too_long\n");
    l.document_max_bytes = 4 * sizeof text;
    c = begin(&l);
    assert_int_equal(nh_device_compiler_json(c, text, strlen(text), true), NH_OK);
    assert_int_equal(end(c, NH_OK, &s), NH_OK);
    nh_device_set_unref(s);
}

// Elements of the wrong kind, more than a list's count can say.
static void test_many_refused_elements(void **state)
{
    (void)state;
    nh_device_set_t *s;
    nh_device_compiler_t *c = begin(NULL);
    static const char head[] = "{\"schema\":2,\"devices\":[0", tail[] = "]}";
    int err = nh_device_compiler_json(c, head, strlen(head), false);
    for (int i = 0; i < 70000 && err == 0; i++) {
        said[0] = '\0';
        err = nh_device_compiler_json(c, ",0", 2, false);
    }
    assert_int_equal(err, NH_OK);
    assert_int_equal(nh_device_compiler_json(c, tail, 2, true), NH_OK);
    assert_int_equal(end(c, NH_OK, &s), NH_ERR_INVAL);
}

static void test_position(void **state)
{
    (void)state;
    nh_device_set_t *s;
    assert_int_equal(compile_yaml("schema: 2\ndevices:\n  - id: a\n    nmae: x\n", &s),
                     NH_ERR_INVAL);
    assert_string_equal(said, "error /devices/0/nmae unknown_field\n");
}

// ---- memory
// --------------------------------------------------------------------------------------

static void test_every_allocation_fails_in_turn(void **state)
{
    (void)state;
    const char *text = load("second_generation.json");
    nh_device_set_t *s;
    int err = NH_ERR_NOMEM;
    for (uint64_t n = 1; err < 0; n++) {
        assert_true(n < 200);
        nh_mem_fault_set(sys, &(struct nh_mem_fault){.fail_nth = n});
        err = compile(text, &s);
        if (err == 0)
            break;
        // The check for circles is left out when there is no memory for it.
        assert_int_equal(err, NH_ERR_NOMEM);
        assert_null(s);
    }
    nh_device_set_unref(s);
}

// 12 devices of 8 scenarios of 16 steps, as rooms have them.
static char *ordinary_room(void)
{
    static char text[512 * 1024];
    static const char *const steps[] = {
        "{\"type\":\"audio_play\",\"track\":\"/sdcard/audio/room%d/track%d.wav\"}",
        "{\"type\":\"mqtt_publish\",\"delay_ms\":500,\"topic\":\"relay/room%d/"
        "door\",\"payload\":\"on\","
        "\"qos\":1,\"retain\":false}",
        "{\"type\":\"wait_flags\",\"wait\":{\"mode\":\"any\",\"timeout_ms\":30000,\"requirements\":"
        "["
        "{\"flag\":\"door_%d_passed\",\"state\":true}]}}",
        "{\"type\":\"set_flag\",\"flag\":\"door_%d_passed\",\"value\":true}",
    };
    size_t at = (size_t)sprintf(text, "{\"schema\":1,\"generation\":1,\"devices\":[");
    for (int d = 0; d < 12; d++) {
        at += (size_t)sprintf(text + at,
                              "%s{\"id\":\"device%d\",\"display_name\":\"Device number %d\","
                              "\"scenarios\":[",
                              d ? "," : "", d, d);
        for (int s = 0; s < 8; s++) {
            at += (size_t)sprintf(text + at,
                                  "%s{\"id\":\"scenario%d\",\"name\":\"Scenario %d of it\","
                                  "\"button_enabled\":true,\"button_label\":\"Start %d\","
                                  "\"steps\":[",
                                  s ? "," : "", s, s, s);
            for (int i = 0; i < 16; i++) {
                text[at] = ',';
                at += i > 0;
                at += (size_t)sprintf(text + at, steps[i % 4], d, s);
            }
            at += (size_t)sprintf(text + at, "]}");
        }
        at += (size_t)sprintf(text + at, "]}");
    }
    sprintf(text + at, "]}");
    return text;
}

static void test_ordinary_room_is_small(void **state)
{
    (void)state;
    struct nh_mem_owner_info before, after;
    struct nh_device_set_info info;
    nh_device_set_t *s;
    assert_int_equal(nh_mem_owner_info(sys, 1, &before), NH_OK);
    assert_int_equal(compile(ordinary_room(), &s), NH_OK);
    assert_int_equal(nh_mem_owner_info(sys, 1, &after), NH_OK);
    nh_device_set_info(s, &info);
    assert_int_equal(info.device_count, 12);
    assert_int_equal(info.scenario_count, 96);
    print_message(
        "a room of 12 x 8 x 16: %u bytes, %u of records, %u of texts; compiling took %zu\n",
        (unsigned)info.bytes, (unsigned)info.record_bytes, (unsigned)info.text_bytes,
        after.tier[NH_MEM_PSRAM].peak_bytes);
    assert_true(info.bytes < 40 * 1024);
    assert_int_equal(after.tier[NH_MEM_INTERNAL].peak_bytes,
                     before.tier[NH_MEM_INTERNAL].peak_bytes);
    assert_true(after.tier[NH_MEM_PSRAM].peak_bytes < 160 * 1024);
    nh_device_set_unref(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_older_generations),
        TEST(test_everything),
        TEST(test_fixtures_have_every_field),
        TEST(test_digest),
        TEST(test_any_cut),
        TEST(test_findings),
        TEST(test_nesting),
        TEST(test_many_flags),
        TEST(test_limits),
        TEST(test_limits_do_not_hide_findings),
        TEST(test_limit_of_what_is_saved),
        TEST(test_many_refused_elements),
        TEST(test_position),
        TEST(test_every_allocation_fails_in_turn),
        TEST(test_ordinary_room_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
