// What the pad's buttons do: each action with whoever does it there, missing or failing; presses
// from other tasks; what is typed, on the feed.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "components/macropad/macropad.h"
#include "support/macro_docs.h"
#include "support/route_play.h"

static struct macro_memory memory;
static nh_macropad_t *pad;
static uint64_t now_ms;
static char did[1024]; // "publish t p|"
static int result;     // what everybody answers
static unsigned wakes, reports, feed_changes;

static uint64_t clock_ms(void)
{
    return now_ms;
}

static int note(const char *what, nh_span_t a, nh_span_t b)
{
    sprintf(did + strlen(did), "%s %.*s %.*s|", what, (int)a.len, (const char *)a.ptr, (int)b.len,
            (const char *)b.ptr);
    return result;
}

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static int publish(void *ctx, nh_span_t topic, nh_span_t payload)
{
    (void)ctx;
    return note("publish", topic, payload);
}

static int run_scenario(void *ctx, nh_span_t scenario)
{
    (void)ctx;
    return note("run", scenario, span(""));
}

static int lamp_effect(void *ctx, nh_span_t effect)
{
    (void)ctx;
    return note("lamp", effect, span(""));
}

static int show(void *ctx, const char *id)
{
    (void)ctx;
    note("show", span(id), span(""));
    return strcmp(id, "nowhere") == 0 ? NH_ERR_NOT_FOUND : 0;
}

static int back(void *ctx)
{
    (void)ctx;
    return note("back", span(""), span("")), 0;
}

static int error(void *ctx, const char *title, const char *text)
{
    (void)ctx;
    return note("error", span(title), span(text)), 0;
}

static int report(void *ctx, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    reports++;
    return 0;
}

static void wake(void *ctx)
{
    (void)ctx;
    wakes++;
}

static void feed_changed(void *ctx)
{
    (void)ctx;
    feed_changes++;
}

static void create(bool has_others)
{
    struct nh_macropad_config cfg = {.mem = memory.mem,
                                     .clock_ms = clock_ms,
                                     .keyboard = "feed",
                                     .layout = "de",
                                     .script_queue_max = 2};
    if (has_others) {
        cfg.screens = (struct nh_macropad_screens){.show = show, .back = back, .error = error};
        cfg.out = (struct nh_macropad_out){.publish = publish,
                                           .run_scenario = run_scenario,
                                           .lamp_effect = lamp_effect,
                                           .report = report,
                                           .wake = wake,
                                           .feed_changed = feed_changed};
    }
    assert_int_equal(nh_macropad_create(&cfg, &pad), 0);
}

static int setup(void **state)
{
    (void)state;
    macro_memory_init(&memory);
    now_ms = 1000;
    did[0] = '\0';
    result = 0;
    wakes = reports = feed_changes = 0;
    create(true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_macropad_destroy(pad);
    macro_memory_deinit(&memory);
    return 0;
}

// Puts one button on screen 0, slot 0, and the same on screen 7.
static void put(uint8_t action, const char *payload, const char *topic)
{
    struct nh_macropad_button b;
    nh_macro_set_t *set;
    nh_macropad_button_clear(&b);
    b.action = action;
    strcpy(b.payload, payload);
    strcpy(b.topic, topic);
    assert_int_equal(nh_macro_set_create(memory.mem, &set), 0);
    assert_int_equal(nh_macro_set_put(set, 0, 0, &b), 0);
    assert_int_equal(nh_macro_set_put(set, 7, 0, &b), 0);
    assert_int_equal(nh_macropad_apply(pad, set, 0), 0);
    nh_macro_set_unref(set);
}

static void test_actions(void **state)
{
    static const struct {
        int action;
        const char *payload, *topic;
        unsigned screen;
        int result, want;
        const char *did;
    } rows[] = {
        {NH_MACROPAD_NONE, "", "", 0, 0, NH_ERR_NOT_FOUND, ""},
        {NH_MACROPAD_NAV_PREV, "", "", 0, 0, 0, "show macro8 |"},
        {NH_MACROPAD_NAV_PREV, "", "", 7, 0, 0, "show macro7 |"},
        {NH_MACROPAD_NAV_NEXT, "", "", 0, 0, 0, "show macro2 |"},
        {NH_MACROPAD_NAV_NEXT, "", "", 7, 0, 0, "show macro1 |"},
        {NH_MACROPAD_NAV_TO, "info", "", 0, 0, 0, "show info |"},
        {NH_MACROPAD_NAV_TO, "nowhere", "", 0, 0, 0, "show nowhere |show macro1 |"},
        {NH_MACROPAD_NAV_TO, "", "", 7, 0, 0, "show macro1 |"},
        {NH_MACROPAD_GO_BACK, "", "", 0, 0, 0, "back  |"},
        {NH_MACROPAD_MQTT_SEND, "on", "a/b", 0, 0, 0, "publish a/b on|"},
        {NH_MACROPAD_MQTT_SEND, "", "a/b", 0, 0, 0, "publish a/b |"},
        {NH_MACROPAD_MQTT_SEND, "on", "a/#", 0, NH_ERR_INVAL, NH_ERR_INVAL,
         "publish a/# on|error MQTT publish failed a/#|"},
        {NH_MACROPAD_RUN_SCENARIO, "d/s", "", 0, 7, 0, "run d/s |"},
        {NH_MACROPAD_RUN_SCENARIO, "d/s", "", 0, NH_ERR_BUSY, NH_ERR_BUSY,
         "run d/s |error Scenario not started d/s|"},
        {NH_MACROPAD_LAMP_EFFECT, "rainbow", "", 0, 0, 0, "lamp rainbow |"},
        {NH_MACROPAD_LAMP_EFFECT, "?", "", 0, NH_ERR_NOT_FOUND, NH_ERR_NOT_FOUND,
         "lamp ? |error Lamp effect not set ?|"},
        {NH_MACROPAD_SEND_KEYS, "a", "", 0, 0, 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        did[0] = '\0';
        result = rows[i].result;
        put((uint8_t)rows[i].action, rows[i].payload, rows[i].topic);
        int err = nh_macropad_press(pad, rows[i].screen, 0);
        if (err != rows[i].want || strcmp(did, rows[i].did) != 0)
            fail_msg("row %u: %d, %s", (unsigned)i, err, did);
    }
    assert_int_equal(nh_macropad_press(pad, 8, 0), NH_ERR_RANGE);
    assert_int_equal(nh_macropad_press(pad, 0, 16), NH_ERR_RANGE);
}

// Nobody is there to do it: an error, never a crash.
static void test_alone(void **state)
{
    (void)state;
    nh_macropad_destroy(pad);
    create(false);
    for (int a = NH_MACROPAD_SEND_KEYS; a < NH_MACROPAD_ACTION_COUNT; a++) {
        put((uint8_t)a, "p", "t");
        assert_int_equal(nh_macropad_press(pad, 0, 0), NH_ERR_UNSUPPORTED);
    }
    assert_int_equal(nh_macropad_type(pad, span("a")), NH_ERR_UNSUPPORTED);
    assert_int_equal(nh_macropad_stop_typing(pad), 0);
    assert_int_equal(nh_macropad_next_deadline(pad), NH_NEVER);
    nh_macropad_tick(pad, now_ms);
}

static void play_on(void)
{
    while (nh_macropad_next_deadline(pad) != NH_NEVER) {
        uint64_t due = nh_macropad_next_deadline(pad);
        now_ms = due > now_ms ? due : now_ms;
        nh_macropad_tick(pad, now_ms);
    }
}

static void test_posted(void **state)
{
    struct nh_macropad_info info;
    (void)state;
    put(NH_MACROPAD_MQTT_SEND, "p", "t");
    assert_false(nh_macropad_post_press(pad, 8, 0));
    assert_true(nh_macropad_post_press(pad, 0, 0));
    assert_string_equal(did, "");
    assert_int_equal(wakes, 1);
    nh_macropad_drain(pad);
    assert_string_equal(did, "publish t p|");
    nh_macropad_drain(pad);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(nh_macropad_post_press(pad, 0, 0), i < 16);
    nh_macropad_drain(pad);
    nh_macropad_info(pad, &info);
    assert_int_equal(info.presses, 17);
    assert_int_equal(info.presses_dropped, 4);
}

static void test_queue_full(void **state)
{
    (void)state;
    put(NH_MACROPAD_SEND_KEYS, "DELAY 1000000", "");
    assert_int_equal(nh_macropad_press(pad, 0, 0), 0);
    assert_int_equal(nh_macropad_press(pad, 0, 0), 0);
    assert_int_equal(nh_macropad_press(pad, 0, 0), NH_ERR_FULL);
    // What was to be typed is not told.
    assert_string_equal(did, "error Typing failed a limit is reached|");
    assert_int_equal(nh_macropad_stop_typing(pad), 2);
    assert_int_equal(nh_macropad_press(pad, 0, 0), 0);
}

// ---- the feed ----------------------------------------------------------------------------------

static char feed[4096];

// Returns the version to go on from.
static uint64_t read_feed(uint64_t since)
{
    nh_feed_part_t part;
    struct nh_json_buf sink = {feed, 3072, 0};
    nh_json_writer_t w;
    nh_macropad_feed_parts(pad, &part);
    assert_string_equal(part.name, "typed");
    assert_false(part.is_for_operators);
    nh_json_writer_init(&w, nh_json_buf_sink, &sink);
    uint64_t version = part.write(part.ctx, &w, since);
    assert_int_equal(nh_json_writer_end(&w), 0);
    feed[sink.len] = '\0';
    return version;
}

static void test_feed(void **state)
{
    nh_feed_part_t part;
    char script[256];
    (void)state;
    nh_macropad_feed_parts(pad, &part);
    uint64_t version = read_feed(0);
    assert_string_equal(feed, "{\"keyboard\":\"feed\",\"entries\":[]}");
    assert_int_equal(version, part.version(part.ctx));
    put(NH_MACROPAD_SEND_KEYS, "STRING gr\xc3\xbc\xc3\x9f\nCTRL ALT DEL\nDELAY 5", "");
    assert_int_equal(nh_macropad_press(pad, 7, 0), 0);
    play_on();
    assert_true(reports > 10);
    assert_int_equal(feed_changes, 2);
    version = read_feed(version);
    assert_string_equal(
        feed, "{\"keyboard\":\"feed\",\"entries\":[{\"number\":0,\"ms\":1000,\"screen\":8,"
              "\"slot\":0,\"kind\":\"text\",\"text\":\"gr\xc3\xbc\xc3\x9f\"},{\"number\":1,"
              "\"ms\":1072,\"screen\":8,\"slot\":0,\"kind\":\"chord\","
              "\"text\":\"CTRL+ALT+DELETE\"}]}");
    assert_int_equal(version, part.version(part.ctx));
    // The longest texts, all escapes: in parts that fit, none twice, the oldest forgotten.
    memset(script, '\x01', sizeof script);
    memcpy(script, "STRING ", 7);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(nh_macropad_type(pad, (nh_span_t){(uint8_t *)script, 255}), 0);
        play_on();
    }
    unsigned parts = 0;
    for (; version < part.version(part.ctx); parts++) {
        uint64_t next = read_feed(version);
        assert_true(next > version);
        version = next;
    }
    assert_int_equal(parts, 16);
}

// ---- HTTP --------------------------------------------------------------------------------------

static char reply[8192];

static int ask(const char *method, const char *path, const char *body)
{
    struct nh_route_table t = nh_macropad_routes(pad);
    return route_ask(&t, memory.mem, method, path, NULL, body, reply, sizeof reply);
}

static void test_routes(void **state)
{
    (void)state;
    put(NH_MACROPAD_MQTT_SEND, "p", "t");
    assert_int_equal(ask("POST", "/api/macropad/press", "{\"screen\":1,\"slot\":0}"), 200);
    assert_string_equal(did, "publish t p|");
    assert_int_equal(ask("POST", "/api/macropad/press", "{\"screen\":1,\"slot\":1}"), 404);
    assert_int_equal(ask("POST", "/api/macropad/press", "{\"screen\":0,\"slot\":1}"), 400);
    assert_int_equal(ask("POST", "/api/macropad/press", "{\"screen\":1,\"slot\":16}"), 400);
    assert_int_equal(ask("POST", "/api/macropad/press", "{\"slot\":1}"), 400);
    assert_int_equal(ask("POST", "/api/macropad/type", "{\"script\":\"STRING hi\"}"), 200);
    assert_int_equal(ask("POST", "/api/macropad/stop", NULL), 200);
    assert_string_equal(reply, "{\"success\":true,\"stopped\":1}\n");
    assert_int_equal(ask("POST", "/api/macropad/type", "{\"text\":\"STRING hi\"}"), 400);
    assert_int_equal(
        ask("POST", "/api/macropad/check", "{\"script\":\"CTRL x\\nSTRNG \\u0142\\n^\"}"), 200);
    assert_string_equal(reply, "{\"findings\":[{\"line\":2,\"column\":1,\"text\":\"Unknown token\","
                               "\"token\":\"STRNG\"}],\"count\":1}\n");
    assert_int_equal(ask("POST", "/api/macropad/check",
                         "{\"script\":\"STRING \\u0142\\u00df\",\"layout\":\"us\"}"),
                     200);
    assert_non_null(strstr(reply, "\"count\":2"));
    assert_int_equal(ask("POST", "/api/macropad/check", "{\"script\":\"\",\"layout\":\"xx\"}"),
                     400);
    assert_int_equal(ask("GET", "/api/macropad", NULL), 200);
    assert_non_null(strstr(reply, "\"output\":\"feed\",\"layout\":\"de\""));
    assert_non_null(strstr(reply, "\"lamp_effect\""));
}

static void test_each_allocation_fails(void **state)
{
    (void)state;
    for (uint64_t n = 1;; n++) {
        nh_macropad_t *other;
        const struct nh_macropad_config cfg = {
            .mem = memory.mem, .clock_ms = clock_ms, .out = {.report = report}};
        nh_mem_fault_set(memory.sys, &(struct nh_mem_fault){.fail_nth = n});
        int err = nh_macropad_create(&cfg, &other);
        nh_mem_fault_set(memory.sys, NULL);
        nh_macropad_destroy(other);
        if (err == 0) {
            assert_true(n > 3);
            return;
        }
        assert_int_equal(err, NH_ERR_NOMEM);
    }
}

// ---- a document without a pad ------------------------------------------------------------------

static struct macro_doc doc;
static size_t doc_at;
static int doc_err; // what the source answers after 1000 bytes
static unsigned findings;

static int read_doc(void *ctx, void *out, size_t cap)
{
    (void)ctx;
    if (doc_err && doc_at >= 1000)
        return doc_err;
    size_t n = doc.len - doc_at < cap ? doc.len - doc_at : cap;
    n = n < 100 ? n : 100;
    memcpy(out, doc.text + doc_at, n);
    doc_at += n;
    return (int)n;
}

static void count_finding(void *ctx, const struct nh_finding *f)
{
    (void)ctx;
    assert_true(f->text[0] != '\0');
    findings++;
}

static int check(const char *layout)
{
    doc_at = 0;
    findings = 0;
    return nh_macropad_check(memory.mem, layout, read_doc, NULL, count_finding, NULL);
}

static void test_check(void **state)
{
    (void)state;
    macro_doc_of(&doc, "{\"action\":\"send_keys\",\"payload\":\"STRING \\u00e9\"}");
    assert_int_equal(check("de"), 0);
    assert_int_equal(findings, 0);
    assert_int_equal(check("us"), NH_ERR_INVAL);
    assert_int_equal(findings, 128);
    assert_int_equal(check("xx"), NH_ERR_NOT_FOUND);
    doc_err = NH_ERR_IO;
    assert_int_equal(check("de"), NH_ERR_IO);
    doc_err = 0;
    for (uint64_t n = 1;; n++) {
        nh_mem_fault_set(memory.sys, &(struct nh_mem_fault){.fail_nth = n});
        int err = check("de");
        nh_mem_fault_set(memory.sys, NULL);
        if (err == 0 && n > 3)
            break;
        assert_int_equal(err, NH_ERR_NOMEM);
    }
    doc.len--;
    assert_int_equal(check("de"), NH_ERR_INVAL);
    assert_int_equal(findings, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_actions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_posted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queue_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_feed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_routes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_allocation_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_check, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
