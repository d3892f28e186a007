// Another set while scenarios run: what goes on, what is kept, what is cancelled; allocations that
// fail in turn; a thousand applies under load.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/automation/automation_state.h"
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
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thousand_applies, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
