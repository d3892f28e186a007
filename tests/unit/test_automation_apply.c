// Another set while scenarios run: what goes on, what is kept, what is cancelled; allocations that
// fail in turn; a thousand applies under load.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/automation/automation_state.h"
#include "components/automation/dry_run.h"
#include "support/automation_room.h"
#include "support/rng.h"

static _Alignas(16) uint8_t internal[64 * 1024], psram[4 * 1024 * 1024];

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

static void apply(const char *devices, enum nh_automation_apply how)
{
    char yaml[4096];
    snprintf(yaml, sizeof yaml, "schema: 2\n%s", devices);
    assert_int_equal(room_apply(yaml, how), NH_OK);
}

#define P(topic) "{type: mqtt_publish, topic: " topic "}"
#define D(scenarios) "devices:\n  - id: d\n    scenarios:\n" scenarios

static void test_keep(void **state)
{
    (void)state;
    apply(D("      - {id: s, steps: [{type: delay, delay_ms: 10}, " P("old") "]}\n"), 0);
    room_do("run d/s");
    apply(D("      - {id: s, steps: [" P("new") "]}\n"), NH_AUTOMATION_KEEP);
    room_do("run d/s; go 10; run d/s");
    room_expect("it ends as it began", "runs on d/s\nrun BUSY\nold=\nnew=\n");
    apply(D("      - {id: t, steps: [{type: delay, delay_ms: 10}, " P("t") "]}\n"), 0);
    room_do("run d/t; run d/s");
    apply("devices: []\n", NH_AUTOMATION_KEEP);
    room_do("run d/t; go 10");
    room_expect("of a scenario that has gone", "run NOT_FOUND\nruns on d/t\nrun NOT_FOUND\nt=\n");
}

static void test_cancel(void **state)
{
    (void)state;
    const char *old =
        D("      - {id: s, mode: queued, on_stop: [" P("off") "], steps: [{type: delay, "
                                                              "delay_ms: 10}, " P("old") "]}\n");
    apply(old, 0);
    room_do("run d/s; run d/s");
    apply(D("      - {id: u, steps: [" P("new") "]}\n"), NH_AUTOMATION_CANCEL);
    room_do("go 100; run d/u");
    room_expect("cancelled with its own on_stop", "off=\nnew=\n");
    struct nh_automation_info info;
    nh_automation_info(room.a, &info);
    assert_int_equal(info.instance_count, 0);
    assert_int_equal(info.cancelled, 2);
}

// What a trigger has counted, and how far its interval is, stays if it says the same.
static void test_triggers_stay(void **state)
{
    (void)state;
#define INTERVAL "{type: interval, interval_ms: 100}"
#define COUNTED "{type: topic, topic: a, max_count: 1}"
    apply(D("      - {id: s, triggers: [" INTERVAL ", " COUNTED "], steps: [" P("s") "]}\n"), 0);
    room_do("msg a 1; go 60");
    apply(
        "devices:\n  - {id: other}\n  - id: d\n    scenarios:\n      - {id: s, triggers: [" COUNTED
        ", " INTERVAL "], steps: [" P("t") "]}\n",
        NH_AUTOMATION_KEEP);
    room_do("msg a 1; go 39; flag mark 1; go 1");
    room_expect("kept", "s=\nt=\n");
    apply(
        D("      - {id: s, triggers: [{type: interval, interval_ms: 101}, {type: topic, topic: a, "
          "max_count: 2}], steps: [" P("u") "]}\n"),
        NH_AUTOMATION_KEEP);
    room_do("msg a 1; go 100; flag mark 0; go 1");
    room_expect("anew", "u=\nu=\n");
}

static void test_templates_stay(void **state)
{
    (void)state;
#define LOCK(extra)                                                                                \
    "devices:\n" extra "  - id: q\n    template: {type: sequence_lock, sequence: "                 \
    "{success_topic: ok, steps: [{topic: x}, {topic: y}]}}\n"
    apply(LOCK(""), 0);
    room_do("msg x 1");
    apply(LOCK("  - {id: other}\n"), NH_AUTOMATION_KEEP);
    room_do("msg y 1");
    room_expect("half of it was done", "ok=\n");
    room_do("msg x 1");
    apply("devices:\n  - id: q\n    template: {type: sequence_lock, sequence: {success_topic: ok, "
          "timeout_ms: 5, steps: [{topic: x}, {topic: y}]}}\n",
          NH_AUTOMATION_KEEP);
    room_do("msg y 1");
    room_expect("another lock", "");
}

// What a template has begun ends with it: a signal that is on, a track that is repeated.
static void test_templates_end(void **state)
{
#define HOLD(extra)                                                                                \
    "devices:\n" extra                                                                             \
    "  - id: h\n    template: {type: signal_hold, signal: {signal_topic: magnet, "                 \
    "signal_payload_on: 'on', signal_payload_off: 'off', signal_on_ms: 9000, heartbeat_topic: "    \
    "hand, required_hold_ms: 100, hold_track: hum.wav, hold_track_loop: true}}\n    scenarios: "   \
    "[{id: r, triggers: [{type: template, device: h, outcome: reset}], steps: [" P(                \
        "never") "]}]\n"
    (void)state;
    apply(HOLD(""), 0);
    room_do("msg hand 1; go 100; msg hand 1");
    room_expect("held", "play hum.wav\naudio stop 0 0\nmagnet=on\n");
    apply(HOLD("  - {id: other}\n"), 0);
    room_expect("it goes on", "");
    apply("devices: [{id: h}]\n", 0);
    room_expect("off", "magnet=off\n");
    apply(HOLD(""), 0);
    room_do("msg hand 1");
    apply("devices: []\n", 0);
    room_expect("silent", "play hum.wav\naudio stop 0 0\n");
}

// ---- limits: all of it or nothing ---------------------------------------------------------------

static char found[2048];

static void find(void *ctx, const struct nh_device_finding *f)
{
    size_t len = strlen(found);
    (void)ctx;
    assert_false(f->is_warning);
    snprintf(found + len, sizeof found - len, "%s %s: %s\n", f->code, f->pointer, f->text);
}

static int prepare(const char *devices)
{
    char yaml[4096];
    found[0] = '\0';
    snprintf(yaml, sizeof yaml, "schema: 2\n%s", devices);
    nh_device_set_t *set = device_set_from_yaml(room.mem, yaml, false);
    int err = nh_automation_devices_prepare(room.a, set, find, NULL, room.now_ms);
    nh_device_set_unref(set);
    return err;
}

#define SET(flag) "{type: set_flag, flag: " flag ", value: true}"
#define LISTEN(topic) "{type: topic, topic: " topic "}"

// Each limit that a set can be over; the one in force is whole after each, and goes on.
static void test_over_a_limit(void **state)
{
    static const struct {
        const char *name, *devices, *finding;
    } rows[] = {
        {"flags that are set, waited for and hung on",
         D("      - {id: s, triggers: [{type: flag, flag: a}], steps: [" SET(
             "B") ", {type: if, conditions: [], then: [{type: parallel, branches: [{steps: "
                  "[" SET("c") "]}]}], else: [{type: wait_flags, wait: {requirements: [{flag: "
                               "A}, {flag: "
                               "d}]}}]}]}\n"),
         "over_limit : it names 4 flags; automation.flag_max_count allows 3\n"},
        {"variables",
         "variables: [{name: n, value: 0}, {name: o, value: 0}]\n" D(
             "      - {id: s, triggers: [{type: variable, variable: p}], steps: [{type: nop}], "
             "on_stop: [{type: set, variable: q, value: 1}]}\n"),
         "over_limit /variables: it names 4 variables; automation.variable_max_count allows 3\n"},
        {"topics",
         "devices:\n  - id: d\n    status: {topic: st}\n    topics: [{name: s, topic: b}]\n"
         "    scenarios:\n      - {id: s, triggers: [" LISTEN("t1") ", " LISTEN(
             "t2") "]}\n"
                   "  - id: q\n    template: {type: sequence_lock, sequence: {steps: [{topic: x}, "
                   "{topic: "
                   "t1}]}}\n",
         "over_limit : it names 5 topics to listen on; automation.filter_max_count allows 4\n"},
        {"instances", D("      - {id: r}\n      - {id: s, mode: queued, max: 9}\n"),
         "over_limit /devices/0/scenarios/1/max: it is 9; automation.instance_max_count allows "
         "8\n"},
        {"a first value",
         "variables: [{name: n, value: 0}, {name: o, value: 12345678901234567}]\ndevices: []\n",
         ""},
        {"a first value that is a text",
         "variables: [{name: n, value: 0}, {name: o, value: '12345678901234567'}]\ndevices: []\n",
         "over_limit /variables/1/value: the text has 17 bytes; automation.value_max_bytes allows "
         "16\n"},
    };
    (void)state;
    nh_automation_destroy(room.a);
    room.limits = (struct nh_automation_limits){.flag_max_count = 3,
                                                .variable_max_count = 3,
                                                .filter_max_count = 4,
                                                .instance_max_count = 8,
                                                .value_max_bytes = 16};
    room_create();
    apply("variables: [{name: kept, value: 1}]\n" D(
              "      - {id: old, mode: parallel, triggers: [" LISTEN(
                  "go") ", {type: flag, flag: "
                        "f}], steps: [{type: delay, delay_ms: 5}, {type: mqtt_publish, topic: old, "
                        "payload: "
                        "'{{kept}}'}]}\n"),
          0);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_automation_info info;
        bool fits = rows[i].finding[0] == '\0';
        room_do("msg go 1");
        int err = prepare(rows[i].devices);
        if (err != (fits ? NH_OK : NH_ERR_FULL) || strcmp(found, rows[i].finding) != 0)
            fail_msg("%s: %s\n%s", rows[i].name, nh_err_name(err), found);
        if (fits)
            nh_automation_devices_drop(room.a, room.now_ms);
        nh_automation_info(room.a, &info);
        assert_int_equal(info.flag_count, 1 + (i > 0));
        assert_int_equal(info.variable_count, 1);
        assert_int_equal(info.filter_count, 1);
        assert_int_equal(room.filter_count, 1);
        room_do("flag f 1; go 5; flag f 0; go 5; flag other 1");
        room_expect(rows[i].name, "old=1\nold=1\n");
        assert_int_equal(nh_automation_check(room.a), NH_OK);
    }
    apply(D("      - {id: s, triggers: [{type: flag, flag: a}], steps: [" SET("b") ", " SET(
              "c") "]}\n"),
          0);
    room_do("flag a 1");
}

// What is ready and not yet in force changes nothing; neither does a broker that refuses.
static void test_prepare(void **state)
{
    (void)state;
    apply("variables: [{name: n, value: 1}]\n" D(
              "      - {id: s, triggers: [" LISTEN("go") "], steps: [" P("old") "]}\n"),
          0);
    const char *other =
        "variables: [{name: n, value: 2}, {name: m, value: text}]\n"
        "devices:\n  - id: e\n    status: {topic: go}\n    scenarios:\n      - {id: "
        "t, triggers: [" LISTEN("go") "], steps: [" P("new") ", " SET("x") "]}\n";
    assert_int_equal(prepare(other), NH_OK);
    assert_int_equal(prepare(other), NH_OK); // the one before is dropped
    nh_automation_devices_drop(room.a, room.now_ms);
    nh_automation_devices_drop(room.a, room.now_ms);
    room_do("msg go 1");
    room_expect("dropped", "old=\n");
    room.filter_err = NH_ERR_FULL;
    assert_int_equal(prepare(D("      - {id: t, triggers: [" LISTEN("new") "]}\n")), NH_ERR_FULL);
    assert_non_null(strstr(found, "not_ready : it cannot be put in force"));
    assert_int_equal(prepare(other), NH_ERR_FULL); // nor is the topic deaf that it had
    room.filter_err = 0;
    room_do("msg go 1");
    room_expect("refused", "old=\n");
    assert_int_equal(prepare(other), NH_OK);
    nh_automation_devices_commit(room.a, NH_AUTOMATION_KEEP, room.now_ms, NULL, NULL);
    room_do("msg go 1");
    room_expect("in force", "new=\n");
}

// ---- names of nothing ---------------------------------------------------------------------------

static bool has_flag(const char *name)
{
    return nh_names__find(&room.a->flags, room_span(name)) != NULL;
}

static bool has_variable(const char *name)
{
    return nh_names__find(&room.a->variables, room_span(name)) != NULL;
}

static void test_names_go(void **state)
{
    (void)state;
    nh_automation_destroy(room.a);
    room.has_store = true;
    room.limits.flag_max_count = room.limits.variable_max_count = 4;
    room_create();
    for (int i = 0; i < 20; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml,
                 "variables: [{name: v%d, value: %d, persist: true}]\n" D(
                     "      - {id: s, steps: [{type: set_flag, flag: f%d}]}\n"),
                 i, i, i);
        apply(yaml, NH_AUTOMATION_KEEP);
        snprintf(yaml, sizeof yaml, "flag operator 1; set own 1; set v%d 1", i);
        room_do(yaml);
        assert_true(has_flag("operator") && has_variable("own"));
        assert_int_equal(room_kept_count("var/"), i > 0 ? 2 : 1);
    }
    // Those of the set before may come back with it; until their place is needed.
    assert_true(has_flag("f19") && has_flag("f18") && !has_flag("f17") && has_variable("v18"));
    room_do("flag mine 1; flag yours 1; flag ours 1");
    assert_true(has_flag("f19") && !has_flag("f18") && has_flag("mine") && has_flag("yours"));
    assert_true(!has_variable("v18") && has_variable("v19"));
    room_expect("the limit holds", "flag FULL\n");
    // Read by a condition, an expression, a text: named, though nothing there sets it.
    apply("devices: []\n", 0);
    assert_true(has_variable("v19"));
    apply("devices: []\n", 0);
    assert_false(has_variable("v19") || has_flag("mine"));
    assert_int_equal(room_kept_count("var/"), 0);
    room_do("flag operator 1; flag asked 1; set read 1; set told 1; set reader 1; set own 1");
    apply(D("      - id: s\n        conditions: [{type: flag, flag: OPERATOR}, {type: expression, "
            "expression: 'read > 0 and flag(\"asked\")'}]\n        steps: [{type: mqtt_publish, "
            "topic: a, payload: 'it is {{told}}'}]\n"),
          NH_AUTOMATION_KEEP);
    assert_true(has_flag("operator") && has_flag("asked") && has_variable("read"));
    assert_true(has_variable("told") && !has_variable("reader") && !has_variable("own"));
}

static void no_line(void *ctx, const struct nh_dry_line *line)
{
    (void)ctx;
    (void)line;
}

// What only the set before names may be over the limit; a dry run copies it as well.
static void test_dry_run_over_the_limit(void **state)
{
    const struct nh_automation_run r = {.device = room_span("d"), .scenario = room_span("s")};
    struct nh_dry dry;
    (void)state;
    nh_automation_destroy(room.a);
    room.limits.flag_max_count = room.limits.variable_max_count = 1;
    room_create();
    apply("variables: [{name: v1, value: 1}]\n" D("      - {id: s, steps: [" SET("f1") "]}\n"), 0);
    room_do("flag f1 1");
    apply("variables: [{name: v2, value: 1}]\n" D("      - {id: s, steps: [" SET("f2") "]}\n"), 0);
    room_do("flag f2 1");
    assert_true(has_flag("f1") && has_variable("v1") && has_flag("f2"));
    assert_int_equal(nh_dry__begin(room.a, &r, no_line, NULL, &dry), NH_OK);
    nh_dry__end(&dry);
}

// A change that is undone at once takes no value away.
static void test_names_come_back(void **state)
{
    const char *with = "variables: [{name: k, value: 1, persist: true}]\n" D(
        "      - {id: s, steps: [{type: set_flag, flag: f, value: true}, {type: if, conditions: "
        "[{type: flag, flag: f}], then: [{type: mqtt_publish, topic: '{{k}}'}]}]}\n");
    (void)state;
    nh_automation_destroy(room.a);
    room.has_store = true;
    room_create();
    apply(with, 0);
    room_do("set k 5; flag f 1");
    apply("devices: []\n", 0);
    apply(with, 0);
    assert_true(nh_automation_flag(room.a, room_span("f")));
    room_do("run d/s");
    room_expect("as before", "5=\n");
    assert_int_equal(room_kept_count("var/k"), 1);
}

// A run keeps what it was begun with; a start with another set forgets nothing.
static void test_names_of_a_run(void **state)
{
    (void)state;
    apply(
        D("      - {id: s, steps: [" SET("mine") ", {type: set, variable: v, value: 7}, {type: "
                                                 "delay, delay_ms: 10}, {type: if, conditions: "
                                                 "[{type: flag, flag: mine}], then: "
                                                 "[{type: mqtt_publish, topic: '{{v}}'}]}]}\n"
                                                 "      - {id: w, steps: [{type: wait_flags, wait: "
                                                 "{requirements: [{flag: door}]}}, " P("w") "]}\n"),
        0);
    room_do("run d/s; run d/w");
    apply("devices: []\n", NH_AUTOMATION_KEEP);
    apply("devices: []\n", NH_AUTOMATION_KEEP);
    room_do("go 10; flag door 1");
    room_expect("not disturbed", "runs on d/s\nruns on d/w\nruns on d/s\nruns on d/w\n7=\nw=\n");
    apply("devices: []\n", NH_AUTOMATION_KEEP);
    apply("devices: []\n", NH_AUTOMATION_KEEP);
    assert_false(has_flag("mine") || has_flag("door") || has_variable("v"));

    nh_automation_destroy(room.a);
    room.has_store = true;
    room_create();
    apply("variables: [{name: k, value: 1, persist: true}]\ndevices: []\n", 0);
    room_do("set k 5");
    room_crash();
    apply("devices: []\n", 0); // the card was not there yet
    apply("variables: [{name: k, value: 1, persist: true}]\n" D(
              "      - {id: s, steps: [{type: mqtt_publish, topic: '{{k}}'}]}\n"),
          0);
    room_do("run d/s");
    room_expect("kept", "5=\n");
}

// ---- first values -------------------------------------------------------------------------------

static void test_first_values(void **state)
{
#define ON_CHANGE(extra)                                                                           \
    D("      - {id: s, triggers: [{type: variable, variable: n}" extra                             \
      ", {type: variable, variable: n, match: {op: greater, value: 4}}], mode: parallel, steps: "  \
      "[{type: mqtt_publish, topic: is, payload: '{{n}}'}]}\n")
    (void)state;
    apply("variables: [{name: n, value: '5'}]\n" ON_CHANGE(""), 0);
    room_expect("at the start", "");
    room_do("set n 5; set n 6");
    room_expect("a change, though what matches has matched before", "is=6\n");
    room_do("set n 1; set n 7");
    room_expect("both", "is=1\nis=7\nis=7\n");
    apply(ON_CHANGE(""), 0);
    apply("devices: []\n", 0);
    apply(ON_CHANGE(""), 0); // it has none
    apply("variables: [{name: n, value: '8'}]\n" ON_CHANGE(", {type: boot}"), 0);
    room_expect("at an apply, with the triggers from before", "");
    room_do("set n 9");
    room_expect("only what changes", "is=9\n");
    room_do("reset");
    room_expect("a reset is a change", "is=8\n");
    room_do("reset");
    room_expect("or is none", "");
}

// ---- allocations that fail in turn --------------------------------------------------------------

static const char whole[] =
    "schema: 2\n"
    "variables: [{name: n, value: a long text that wants a block}]\n"
    "devices:\n"
    "  - id: d\n    status: {topic: d/status, timeout_ms: 900}\n"
    "    commands: [{id: c, topic: do, result_topic: done}]\n"
    "    scenarios:\n"
    "      - id: s\n        mode: parallel\n        max: 100\n        triggers:\n"
    "          - {type: topic, topic: 'a/+', for_ms: 1, match: {value: 'on'}}\n"
    "          - {type: topic, topic: b}\n          - {type: flag, flag: x}\n"
    "          - {type: variable, variable: n}\n          - {type: interval, interval_ms: 100}\n"
    "          - {type: device_online, device: d}\n"
    "        on_stop: [" P(
        "off") "]\n        steps:\n"
               "          - {type: set, variable: n, value: 'a text {{trigger.payload}}'}\n"
               "          - type: parallel\n            branches:\n"
               "              - steps: [{type: wait_event, topic: w, timeout_ms: 20}]\n"
               "              - steps: [{type: wait_flags, wait: {timeout_ms: 30, requirements: "
               "[{flag: x}, {flag: "
               "z}]}}]\n"
               "              - steps: [{type: if, conditions: [], then: [{type: repeat, count: 2, "
               "steps: [{type: "
               "if, conditions: [], then: [{type: delay, delay_ms: 1}]}]}]}]\n"
               "          - {type: run, scenario: t, await: true, parameters: [{name: p, value: "
               "'{{n}}'}]}\n"
               "          - {type: command, command: c, timeout_ms: 10, on_timeout: continue}\n"
               "      - {id: t, steps: [{type: delay, delay_ms: 5}, {type: loop, loop: "
               "{target_step: 0, "
               "max_iterations: 1}}]}\n"
               "  - id: q\n    template: {type: sequence_lock, sequence: {steps: [{topic: x}, "
               "{topic: y}]}}\n";

static void play_all(void)
{
    room_do("msg d/status 1; msg b one; msg a/1 on; flag x 1; set n two; msg x 1; go 15; msg w "
            "hello; flag z 1; run d/s; go 40; all; go 5");
}

static void test_no_memory(void **state)
{
    (void)state;
    room.is_quiet = true;
    nh_automation_destroy(room.a);
    room.a = NULL;
    nh_device_set_t *set = device_set_from_yaml(room.mem, whole, false);
    bool is_through = false;
    for (uint64_t n = 1; !is_through; n++) {
        nh_mem_fault_set(room.sys, &(struct nh_mem_fault){.fail_nth = n});
        room.a = NULL;
        int err = room_try_create();
        if (err == NH_OK)
            err =
                nh_automation_devices_set(room.a, set, NH_AUTOMATION_KEEP, room.now_ms, NULL, NULL);
        if (err == NH_OK) {
            play_all();
        } else {
            assert_int_equal(err, NH_ERR_NOMEM);
            if (room.a) { // the next try works
                assert_int_equal(nh_automation_check(room.a), NH_OK);
                assert_int_equal(nh_automation_devices_set(room.a, set, NH_AUTOMATION_KEEP,
                                                           room.now_ms, NULL, NULL),
                                 NH_OK);
            }
        }
        is_through = nh_mem_fault_hits(room.sys) < n;
        nh_mem_fault_set(room.sys, NULL);
        if (room.a) {
            struct nh_automation_info info;
            room_do("go 100; all; go 100"); // nothing is lost or hangs
            nh_automation_info(room.a, &info);
            assert_int_equal(nh_automation_check(room.a), NH_OK);
            assert_true(info.started ==
                        info.done + info.failed + info.cancelled + info.instance_count);
        }
        nh_automation_destroy(room.a);
        room.a = NULL;
        assert_int_equal(room.filter_count, 0);
        assert_int_equal(nh_mem_check(room.sys), NH_OK);
        assert_true(n < 2000);
    }
    nh_device_set_unref(set);
}

// ---- a thousand applies -------------------------------------------------------------------------

// One that runs out of memory, or is not put in force after all, leaves everything as it was.
static void try_and_drop(nh_device_set_t *set, uint32_t fail_nth)
{
    struct nh_automation_info before, after;
    nh_automation_info(room.a, &before);
    if (fail_nth)
        nh_mem_fault_set(room.sys, &(struct nh_mem_fault){.fail_nth = fail_nth});
    int err = nh_automation_devices_prepare(room.a, set, NULL, NULL, room.now_ms);
    nh_mem_fault_set(room.sys, NULL);
    assert_true(err == NH_OK || err == NH_ERR_NOMEM);
    if (err == NH_OK)
        nh_automation_devices_drop(room.a, room.now_ms);
    nh_automation_info(room.a, &after);
    assert_int_equal(nh_automation_check(room.a), NH_OK);
    assert_int_equal(after.filter_count, before.filter_count);
    assert_int_equal(after.flag_count, before.flag_count);
    assert_int_equal(after.variable_count, before.variable_count);
    assert_int_equal(after.trigger_count, before.trigger_count);
    assert_int_equal(after.instance_count, before.instance_count);
}

static void test_thousand_applies(void **state)
{
    struct rng rng = {13};
    nh_device_set_t *sets[3];
    (void)state;
    room.is_quiet = true;
    sets[0] = device_set_from_yaml(room.mem, whole, false);
    sets[1] = device_set_from_yaml(
        room.mem,
        "schema: 2\n" D("      - {id: s, triggers: [{type: topic, topic: b}, {type: "
                        "interval, interval_ms: 12}], steps: [{type: wait_event, topic: w}]}\n"),
        false);
    sets[2] = device_set_from_yaml(room.mem, "schema: 2\ndevices: []\n", false);
    for (int i = 0; i < 1000; i++) {
        enum nh_automation_apply how =
            rng_below(&rng, 4) ? NH_AUTOMATION_KEEP : NH_AUTOMATION_CANCEL;
        try_and_drop(sets[rng_below(&rng, 3)], rng_below(&rng, 120));
        assert_int_equal(nh_automation_devices_set(room.a, sets[rng_below(&rng, 3)], how,
                                                   room.now_ms, room_running, NULL),
                         NH_OK);
        assert_int_equal(nh_automation_check(room.a), NH_OK);
        room_do(rng_below(&rng, 2) ? "msg b x; go 3; msg a/1 on; run d/s"
                                   : "flag x 0; go 11; flag x 1");
        if (i % 50 == 0)
            room_do("msg w done; all; go 50");
    }
    for (int i = 0; i < 3; i++)
        nh_device_set_unref(sets[i]); // the room holds what it needs
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_triggers_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_templates_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_templates_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_over_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prepare, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dry_run_over_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_of_a_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thousand_applies, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
