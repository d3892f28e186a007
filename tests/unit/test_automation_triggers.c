// What starts scenarios: messages, flags, variables, devices, time, templates; floods and echoes.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/automation_room.h"

static _Alignas(16) uint8_t internal[64 * 1024], psram[2 * 1024 * 1024];

static int setup(void **state)
{
    (void)state;
    room_init(internal, sizeof internal, psram, sizeof psram);
    room_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    room_deinit();
    return 0;
}

struct row {
    const char *name, *devices, *script, *want;
};

static void play(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char yaml[4096];
        if (i > 0)
            room_anew();
        snprintf(yaml, sizeof yaml, "schema: 2\n%s", rows[i].devices);
        assert_int_equal(room_apply(yaml, NH_AUTOMATION_KEEP), NH_OK);
        room_do(rows[i].script);
        room_expect(rows[i].name, rows[i].want);
    }
}

#define SCENARIO(id, triggers)                                                                     \
    "      - id: " id "\n        mode: parallel\n        triggers:\n" triggers                     \
    "        steps: [{type: mqtt_publish, topic: did/" id ", payload: '{{trigger.id}} "            \
    "{{trigger.topic}} {{trigger.payload}}'}]\n"
#define DEVICE                                                                                     \
    "devices:\n  - id: d\n    status: {topic: d/status, offline_payload: 'off', timeout_ms: "      \
    "500}\n    scenarios:\n"
#define T(trigger) "          - " trigger "\n"
#define ONE(trigger) DEVICE SCENARIO("s", T(trigger))

static const struct row rows[] = {
    {"a topic", ONE("{type: topic, topic: a/+, id: t}"), "msg a/b x; msg b y; retained a/c z",
     "did/s=t a/b x\n"},
    {"two filters that overlap are one message each",
     DEVICE SCENARIO("s", T("{type: topic, topic: 'a/#', id: t1}"))
         SCENARIO("u", T("{type: topic, topic: a/b, id: t2}")),
     "msg a/b x", "did/u=t2 a/b x\ndid/s=t1 a/b x\n"},
    {"a payload that matches", ONE("{type: topic, topic: a, match: {op: contains, value: b}}"),
     "msg a xbx; msg a x", "did/s= a xbx\n"},
    {"for: it must hold", ONE("{type: topic, topic: a, for_ms: 100, match: {value: on}}"),
     "msg a on; go 50; msg a off; go 100; msg a on; go 60; msg a on; go 40", "did/s= a on\n"},
    {"cool-down and count", ONE("{type: topic, topic: a, cooldown_ms: 100, max_count: 2}"),
     "msg a 1; msg a 2; go 100; msg a 3; go 100; msg a 4", "did/s= a 1\ndid/s= a 3\n"},
    {"a disabled trigger", ONE("{type: topic, topic: a, enabled: false}"), "msg a 1", ""},
    {"an older binding",
     "devices:\n  - id: d\n    topics: [{name: s, topic: old}]\n    scenarios:\n"
     "      - {id: s, steps: [{type: mqtt_publish, topic: did}]}\n",
     "msg old whatever", "did=\n"},
    {"a flag", ONE("{type: flag, flag: x, id: f}"), "flag X 1; flag x 1; flag x 0; flag x 1",
     "did/s=f {{trigger.topic}} {{trigger.payload}}\ndid/s=f {{trigger.topic}} "
     "{{trigger.payload}}\n"},
    {"a flag for a while", ONE("{type: flag, flag: x, for_ms: 100}"),
     "flag x 1; go 99; flag x 0; go 10; flag x 1; go 99; flag mark 1; go 1",
     "did/s= {{trigger.topic}} {{trigger.payload}}\n"},
    {"a variable that comes to match",
     ONE("{type: variable, variable: n, match: {op: greater, value: 5}}"),
     "set n 5; set n 6; set n 7; set n 1; set n 9",
     "did/s= {{trigger.topic}} {{trigger.payload}}\ndid/s= {{trigger.topic}} "
     "{{trigger.payload}}\n"},
    {"a variable, each change", ONE("{type: variable, variable: n}"), "set n a; set n a; set n b",
     "did/s= {{trigger.topic}} {{trigger.payload}}\ndid/s= {{trigger.topic}} "
     "{{trigger.payload}}\n"},
    {"an interval keeps its beat", ONE("{type: interval, interval_ms: 100, run_immediately: true}"),
     "go 250; go 100",
     "did/s= {{trigger.topic}} {{trigger.payload}}\ndid/s= {{trigger.topic}} {{trigger.payload}}\n"
     "did/s= {{trigger.topic}} {{trigger.payload}}\ndid/s= {{trigger.topic}} "
     "{{trigger.payload}}\n"},
    {"boot", ONE("{type: boot, id: b}"), "go 1", "did/s=b {{trigger.topic}} {{trigger.payload}}\n"},
    {"a device goes and comes",
     DEVICE SCENARIO("s", T("{type: device_online, device: d, id: up}")
                              T("{type: device_offline, device: d, id: down}")),
     "msg d/status hello; go 499; msg d/status hello; go 500; retained d/status x; msg d/status "
     "off",
     "did/s=up {{trigger.topic}} {{trigger.payload}}\ndid/s=down {{trigger.topic}} "
     "{{trigger.payload}}\n"
     "did/s=up {{trigger.topic}} {{trigger.payload}}\ndid/s=down {{trigger.topic}} "
     "{{trigger.payload}}\n"},
    {"silent from the start", ONE("{type: device_offline, device: d, id: down, for_ms: 100}"),
     "go 599; flag mark 1; go 1", "did/s=down {{trigger.topic}} {{trigger.payload}}\n"},
    {"audio", ONE("{type: audio_finished, track: a.wav}"), "finish stopped; finish ended",
     "did/s= {{trigger.topic}} {{trigger.payload}}\n"},
    {"buttons and calls",
     DEVICE SCENARIO("s",
                     T("{type: button, name: red, id: b}") T("{type: http, name: hook, id: h}")),
     "button red; call hook; button blue; call red",
     "did/s=b {{trigger.topic}} {{trigger.payload}}\ndid/s=h {{trigger.topic}} "
     "{{trigger.payload}}\n"
     "button NOT_FOUND\ncall NOT_FOUND\n"},
    // The clock stands at Tuesday 01:00 of local time.
    {"a time of day", ONE("{type: time, at: '01:00:02', id: t}"), "go 1999; flag mark 1; go 1",
     "did/s=t {{trigger.topic}} {{trigger.payload}}\n"},
    {"a time of day, of some days", ONE("{type: time, at: '01:00:02', days: [wed]}"),
     "go 86401999; flag mark 1; go 1", "did/s= {{trigger.topic}} {{trigger.payload}}\n"},
    {"a clock that is set back repeats nothing", ONE("{type: time, at: '01:00:02'}"),
     "go 3000; clock 1796083200000; go 5000", "did/s= {{trigger.topic}} {{trigger.payload}}\n"},
    {"a clock that was ten years ahead", ONE("{type: time, at: '13:00', id: t}"),
     "clock 2111486399000; go 1000; clock 1796126399000; go 1000",
     "did/s=t {{trigger.topic}} {{trigger.payload}}\ndid/s=t {{trigger.topic}} "
     "{{trigger.payload}}\n"},
    {"a clock that is set on", ONE("{type: time, at: '13:00'}"), "clock 1796126399000; go 1000",
     "did/s= {{trigger.topic}} {{trigger.payload}}\n"},
    {"a condition of time",
     DEVICE
     "      - id: s\n        conditions: [{type: time, after: '23:00', before: '02:00', days: "
     "[tue]}]\n        steps: [{type: mqtt_publish, topic: a}]\n",
     "run d/s; go 3600000; run d/s", "a=\nrun AGAIN\n"},
    {"what is published comes back to other triggers",
     DEVICE "      - {id: s, triggers: [{type: topic, topic: in}], steps: [{type: mqtt_publish, "
            "topic: mid}]}\n      - {id: u, triggers: [{type: topic, topic: mid}], steps: [{type: "
            "mqtt_publish, topic: out}]}\n",
     "msg in x", "mid=\nout=\n"},
    {"conditions of devices and templates",
     "devices:\n  - id: d\n    status: {topic: d/status}\n    scenarios:\n"
     "      - id: s\n        conditions: [{type: device_online, device: d, for_ms: 10}, {type: "
     "not, "
     "conditions: [{type: running, device: d, scenario: u}]}, {type: template_state, device: q, "
     "outcome: active}]\n        steps: [{type: mqtt_publish, topic: a}]\n"
     "      - {id: u, steps: [{type: delay, delay_ms: 10}]}\n"
     "  - id: q\n    template: {type: sequence_lock, sequence: {steps: [{topic: x}, {topic: "
     "y}]}}\n",
     "run d/s; msg d/status 1; run d/s; go 10; run d/s; msg x 1; run d/s; run d/u; run d/s",
     "run AGAIN\nrun AGAIN\nrun AGAIN\na=\nrun AGAIN\n"},
};

static void test_triggers(void **state)
{
    (void)state;
    play(rows, NH_ARRAY_LEN(rows));
}

static const struct row template_rows[] = {
    {"the example of the specification",
     "devices:\n  - id: gallery\n    template:\n      type: uid_validator\n      uid:\n"
     "        start_topic: gallery/start\n"
     "        slots: [{source_id: gallery/reader/1, values: [AA]}, {source_id: gallery/reader/2, "
     "values: [BB]}]\n"
     "        success_topic: gallery/light\n        success_payload: green\n"
     "        success_scenario: opened\n        fail_topic: gallery/light\n"
     "        fail_payload: red\n"
     "    scenarios:\n      - id: opened\n        triggers: [{type: template, device: gallery, "
     "outcome: fail, id: f}]\n        steps: [{type: mqtt_publish, topic: relay/door, payload: "
     "'on {{trigger.id}}'}]\n",
     "msg gallery/reader/1 aa; msg gallery/reader/2 BB; go 1000; msg gallery/reader/1 AA; msg "
     "gallery/reader/2 XX",
     "gallery/light=green\nrelay/door=on {{trigger.id}}\ngallery/light=red\nrelay/door=on f\n"},
    {"first rule that fits, once, though two filters take it",
     "devices:\n  - id: d\n    template: {type: on_mqtt_event, mqtt: {rules: [{topic: 'a/#', "
     "scenario: s}, {topic: a/b, scenario: t}]}}\n    scenarios: [{id: s, steps: [{type: "
     "mqtt_publish, topic: did/s}]}, {id: t, steps: [{type: mqtt_publish, topic: did/t}]}]\n",
     "msg a/b x", "did/s=\n"},
    {"an interval stands still in a pause",
     "devices:\n  - id: d\n    template: {type: interval_task, interval: {interval_ms: 100, "
     "scenario: "
     "s}}\n    scenarios: [{id: s, steps: [{type: mqtt_publish, topic: did}]}]\n",
     "go 100; pause; go 1000; resume; go 100", "did=\ndid=\n"},
    {"flags reach a template",
     "devices:\n  - id: d\n    template: {type: on_flag, flag: {rules: [{flag: x, scenario: s}]}}\n"
     "    scenarios: [{id: s, steps: [{type: mqtt_publish, topic: did}]}]\n",
     "flag x 1; flag x 0; flag x 1", "did=\ndid=\n"},
};

static void test_templates(void **state)
{
    (void)state;
    play(template_rows, NH_ARRAY_LEN(template_rows));
    nh_automation_destroy(room.a);
    room_create();
    assert_int_equal(
        room_apply("schema: 2\ndevices:\n  - id: q\n    template: {type: sequence_lock, "
                   "sequence: {success_topic: ok, steps: [{topic: x}, {topic: y}]}}\n",
                   NH_AUTOMATION_KEEP),
        NH_OK);
    room_do("msg x 1");
    assert_int_equal(nh_automation_template_reset(room.a, room_span("q"), NH_TEMPLATE_SIGNAL_HOLD,
                                                  NH_ORIGIN_HTTP, 0),
                     NH_ERR_NOT_FOUND);
    assert_int_equal(nh_automation_template_reset(room.a, room_span("q"), NH_TEMPLATE_SEQUENCE_LOCK,
                                                  NH_ORIGIN_HTTP, 0),
                     NH_OK);
    room_do("msg y 1; msg x 1; msg y 1");
    room_expect("after the reset from the beginning", "ok=\n");
}

// ---- floods -------------------------------------------------------------------------------------

#define ECHO                                                                                       \
    DEVICE "      - {id: s, triggers: [{type: topic, topic: a}], steps: [{type: mqtt_publish, "    \
           "topic: a}]}\n"

static void test_flood(void **state)
{
    struct nh_automation_info info;
    (void)state;
    assert_int_equal(room_apply("schema: 2\n" ECHO, NH_AUTOMATION_KEEP), NH_OK);
    room.is_quiet = true;
    room_do("msg a x; go 100");
    nh_automation_info(room.a, &info);
    assert_int_equal(info.started, 60);
    assert_int_equal(info.suspensions, 1);
    assert_int_equal(info.suspended_count, 1);
    assert_true(info.flooded <= 1);
    room_do("msg a x; go 9000");
    nh_automation_info(room.a, &info);
    assert_int_equal(info.started, 60);
    room_do("go 1000; msg a x; go 100"); // the cool-off is over
    nh_automation_info(room.a, &info);
    assert_int_equal(info.started, 120);
    assert_int_equal(info.suspensions, 2);
}

// An operator is no flood.
static void test_operator_is_no_flood(void **state)
{
    (void)state;
    assert_int_equal(
        room_apply("schema: 2\n" DEVICE "      - {id: s, steps: []}\n", NH_AUTOMATION_KEEP), NH_OK);
    for (int i = 0; i < 200; i++)
        assert_true(room_run("d", "s") > 0);
}

// ---- filters ------------------------------------------------------------------------------------

static char filters[512];

static void keep_filter(void *ctx, struct nh_automation_filter *f)
{
    (void)ctx;
    size_t len = strlen(filters);
    snprintf(filters + len, sizeof filters - len, "%s ", (const char *)f->text.ptr);
}

static bool has_filter(const char *filter)
{
    char text[64];
    filters[0] = '\0';
    nh_automation_filters_each(room.a, keep_filter, NULL);
    snprintf(text, sizeof text, "%s ", filter);
    return strstr(filters, text) != NULL;
}

static void test_filters(void **state)
{
    (void)state;
    assert_int_equal(room_apply("schema: 2\n" DEVICE
                                "      - {id: s, steps: [{type: wait_event, topic: 'w/+'}, "
                                "{type: mqtt_publish, topic: a}]}\n",
                                NH_AUTOMATION_KEEP),
                     NH_OK);
    assert_int_equal(room.filter_count, 1);
    assert_true(has_filter("d/status"));
    assert_false(has_filter("w/+"));
    room_do("run d/s");
    assert_true(has_filter("w/+"));
    assert_int_equal(room.filter_count, 2);
    room_do("msg w/x 1");
    assert_int_equal(room.filter_count, 1);
    room_expect("it went on", "a=\n");
    // Refused by the broker: the step fails; refused to a set: the old one stays.
    room.filter_err = NH_ERR_DENIED;
    room_do("run d/s");
    assert_int_equal(room.filter_count, 1);
    assert_int_equal(room_apply("schema: 2\n" ECHO, NH_AUTOMATION_KEEP), NH_ERR_DENIED);
    room.filter_err = 0;
    assert_int_equal(room.filter_count, 1);
    assert_true(has_filter("d/status"));
}

// A broker that gives a message to each filter that takes it: it counts once.
static void give(void *ctx, struct nh_automation_filter *f)
{
    struct nh_automation_message *m = ctx;
    m->filter = f;
    nh_automation_message(room.a, m, room.now_ms);
}

static void test_each_filter(void **state)
{
    struct nh_automation_message m = {.topic = room_span("a/b"), .payload = room_span("x")};
    (void)state;
    assert_int_equal(
        room_apply("schema: 2\n" DEVICE SCENARIO("s", T("{type: topic, topic: 'a/#', id: t1}"))
                       SCENARIO("u", T("{type: topic, topic: a/b, id: t2}"))
                           SCENARIO("v", T("{type: topic, topic: '+/b', id: t3}")),
                   NH_AUTOMATION_KEEP),
        NH_OK);
    // Each of the filters, those that do not match are not given it by a broker.
    filters[0] = '\0';
    nh_automation_filters_each(room.a, keep_filter, NULL);
    assert_non_null(strstr(filters, "a/b "));
    room.is_deaf = true;
    nh_automation_filters_each(room.a, give, &m);
    room_expect("once each", "did/u=t2 a/b x\ndid/v=t3 a/b x\ndid/s=t1 a/b x\n");
}

// ---- own messages that come back ----------------------------------------------------------------

static void test_inbox(void **state)
{
    struct nh_automation_info info;
    (void)state;
    nh_automation_destroy(room.a);
    room.limits.inbox_max_bytes = 200;
    room_create();
    assert_int_equal(
        room_apply("schema: 2\n" DEVICE "      - {id: s, steps: [{type: repeat, count: 10, steps: "
                   "[{type: mqtt_publish, topic: back, payload: 0123456789}]}]}\n"
                   "      - {id: t, mode: parallel, max: 100, triggers: [{type: topic, topic: "
                   "back}], steps: []}\n",
                   NH_AUTOMATION_KEEP),
        NH_OK);
    room.is_quiet = true;
    room_do("run d/s");
    nh_automation_info(room.a, &info);
    assert_int_equal(info.published, 10);
    assert_int_equal(info.triggered + info.inbox_dropped, 10);
    assert_true(info.inbox_dropped > 0);
    assert_int_equal(info.inbox_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_triggers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_templates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
        cmocka_unit_test_setup_teardown(test_operator_is_no_flood, setup, teardown),
        cmocka_unit_test_setup_teardown(test_filters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_filter, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inbox, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
