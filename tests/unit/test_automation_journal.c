// What outlives a restart: waits of persistent scenarios, variables, the count of crashes; and
// power that fails at each write.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/automation/automation_state.h"
#include "support/automation_room.h"

static _Alignas(16) uint8_t internal[64 * 1024], psram[2 * 1024 * 1024];

static int setup(void **state)
{
    (void)state;
    room_init(internal, sizeof internal, psram, sizeof psram);
    room.has_store = true;
    room_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    room_deinit();
    return 0;
}

#define SAY(payload) "{type: mqtt_publish, topic: say, payload: '" payload "'}"

static const char devices[] =
    "schema: 2\n"
    "variables: [{name: kept, value: 1, persist: true}, {name: lost, value: 1}, {name: text, "
    "value: a, "
    "persist: true}]\n"
    "devices:\n  - id: d\n    commands: [{id: c, topic: do, result_topic: done}]\n    scenarios:\n"
    "      - {id: delay, persist: true, steps: [" SAY("1") ", {type: delay, delay_ms: 10000}, " SAY(
        "2") "]}\n"
             "      - {id: plain, steps: [{type: delay, delay_ms: 10000}, " SAY(
                 "3") "]}\n"
                      "      - id: deep\n        persist: true\n        steps:\n"
                      "          - type: repeat\n            each: [x, y, z]\n            as: it\n "
                      "           steps:\n"
                      "              - {type: if, conditions: [{type: flag, flag: no}], then: [], "
                      "else: [{type: delay, "
                      "delay_ms: 1000}, " SAY(
                          "{{it}} {{p}}") "]}\n"
                                          "              - {type: loop, loop: {target_step: 0, "
                                          "max_iterations: 1}}\n"
                                          "      - {id: caller, persist: true, steps: [{type: run, "
                                          "scenario: plain, await: true}, " SAY(
                                              "{{wait.completed}}") "]}\n"
                                                                    "      - {id: flags, persist: "
                                                                    "true, steps: [{type: "
                                                                    "wait_flags, wait: "
                                                                    "{timeout_ms: 5000, "
                                                                    "requirements: [{flag: x}, "
                                                                    "{flag: y}]}}, " SAY(
                                                                        "flags "
                                                                        "{{wait."
                                                                        "completed"
                                                                        "}}") "]}"
                                                                              "\n"
                                                                              "   "
                                                                              "   "
                                                                              "- "
                                                                              "{id"
                                                                              ": "
                                                                              "eve"
                                                                              "nt,"
                                                                              " pe"
                                                                              "rsi"
                                                                              "st:"
                                                                              " tr"
                                                                              "ue,"
                                                                              " st"
                                                                              "eps"
                                                                              ": "
                                                                              "[{"
                                                                              "typ"
                                                                              "e: "
                                                                              "wai"
                                                                              "t_"
                                                                              "eve"
                                                                              "nt,"
                                                                              " to"
                                                                              "pic"
                                                                              ": "
                                                                              "'in"
                                                                              "/{{"
                                                                              "p}}"
                                                                              "'},"
                                                                              " " SAY(
                                                                                  "event "
                                                                                  "{{wait.payload}"
                                                                                  "}") "]}\n"
                                                                                       "      - "
                                                                                       "{id: "
                                                                                       "operator, "
                                                                                       "persist: "
                                                                                       "true, "
                                                                                       "steps: "
                                                                                       "[{type: "
                                                                                       "wait_"
                                                                                       "operator, "
                                                                                       "text: t, "
                                                                                       "timeout_ms:"
                                                                                       " 3000},"
                                                                                       " " SAY(
                                                                                           "operato"
                                                                                           "r "
                                                                                           "{{wait."
                                                                                           "complet"
                                                                                           "ed}}") "]}\n"
                                                                                                   "      - {id: command, persist: true, steps: [{type: command, command: c, timeout_ms: 3000, "
                                                                                                   "on_timeout: continue}, " SAY(
                                                                                                       "command {{wait.completed}}") "]}\n"
                                                                                                                                     "      - {id: branches, persist: true, steps: [{type: parallel, branches: [{steps: [{type: delay, "
                                                                                                                                     "delay_ms: 100}]}]}, " SAY(
                                                                                                                                         "branches") "]}\n"
                                                                                                                                                     "      - {id: audio, persist: true, steps: [{type: audio_play, track: a.wav, blocking: true}, " SAY(
                                                                                                                                                         "audio") "]}\n";

static void again(void)
{
    NH_IGNORE(room_remove(NULL, "boot")); // crashes are not counted here
    room_crash();
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    assert_int_equal(nh_automation_check(room.a), NH_OK);
}

static struct nh_automation_info info(void)
{
    struct nh_automation_info i;
    nh_automation_info(room.a, &i);
    return i;
}

static void start_with(const char *scenario)
{
    const struct nh_automation_parameter p = {room_span("p"), nh_value_of_text(room_span("q"))};
    const struct nh_automation_run r = {.device = room_span("d"),
                                        .scenario = room_span(scenario),
                                        .parameters = &p,
                                        .parameter_count = 1};
    room.last_id = nh_automation_run(room.a, &r, room.now_ms);
    assert_true(room.last_id > 0);
}

static void test_delay(void **state)
{
    (void)state;
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    room_do("run d/delay; run d/plain; go 4000");
    assert_int_equal(room_kept_count("run/"), 2);
    room.now_ms += 1000; // the hub was away for a second
    again();
    assert_int_equal(info().resumed, 1);
    assert_int_equal(info().cut_short, 1);
    assert_int_equal(room_kept_count("run/"), 1);
    room_expect("so far", "say=1\n");
    room_do("go 4999; flag mark 1; go 1");
    room_expect("at the time it would have been", "say=2\n");
    assert_int_equal(room_kept_count("run/"), 0);
}

static void test_time_passed_while_away(void **state)
{
    (void)state;
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    room_do("run d/delay; go 1000");
    room.now_ms += 100000;
    again();
    room_do("go 1");
    room_expect("late, but done", "say=1\nsay=2\n");
    // The monotonic clock of another start begins anew, the wall clock does not.
    room_do("run d/delay; go 4000");
    room.unix_ms += (int64_t)room.now_ms - 5;
    room.now_ms = 5;
    again();
    room_do("go 5999; flag mark 1; go 1");
    room_expect("by the wall clock", "say=1\nsay=2\n");
}

static void test_frames(void **state)
{
    (void)state;
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    start_with("deep");
    room_do("go 500");
    for (int i = 0; i < 6; i++) {
        again(); // in the middle of each wait
        room_do("go 1000");
    }
    room_expect("iterations, counters, parameters",
                "say=x q\nsay=x q\nsay=y q\nsay=y q\nsay=z q\nsay=z q\n");
    assert_int_equal(info().instance_count, 0);
}

static void test_each_wait(void **state)
{
    (void)state;
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    start_with("event");
    room_do(
        "run d/flags; run d/operator; run d/command; run d/audio; run d/caller; run d/branches; "
        "go 1000");
    room.said_len = 0;
    room.said[0] = '\0';
    again();
    room_expect("tracks and callees are gone", "say=false\nsay=audio\n");
    assert_int_equal(info().cut_short, 1); // plain, which the caller had run; branches have ended
    room_do("msg in/q hello; msg done x; flag x 1; go 1999; flag mark 1; go 1");
    room_expect("what can come, comes", "say=event hello\nsay=command true\nsay=operator false\n");
    room_do("go 2000");
    room_expect("with what was left of the time", "say=flags false\n");
    // Flags that are set already when it goes on.
    room_do("run d/flags; go 10");
    again();
    room_do("flag x 1; flag y 1");
    room_expect("flags", "say=flags true\n");
}

// The scenario has changed at the place where it waited: it is cut short, and said so.
static void test_changed(void **state)
{
    (void)state;
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    room_do("run d/delay; go 1000");
    room_crash();
    assert_int_equal(
        room_apply(
            "schema: 2\ndevices:\n  - id: d\n    scenarios:\n      - {id: delay, persist: true, "
            "steps: [{type: nop}, {type: nop}]}\n",
            NH_AUTOMATION_KEEP),
        NH_OK);
    assert_int_equal(info().resumed, 0);
    assert_int_equal(info().cut_short, 1);
    assert_int_equal(room_kept_count("run/"), 0);
    // One more step behind it is another list too.
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    room_do("run d/delay; go 1000");
    NH_IGNORE(room_remove(NULL, "boot"));
    room_crash();
    assert_int_equal(
        room_apply("schema: 2\ndevices:\n  - id: d\n    scenarios:\n      - {id: delay, persist: "
                   "true, steps: [" SAY("1") ", {type: delay, delay_ms: 10000}, " SAY(
                       "2") ", {type: nop}]}\n",
                   NH_AUTOMATION_KEEP),
        NH_OK);
    assert_int_equal(info().resumed, 0);
    assert_int_equal(info().cut_short, 1);
    // Not ours at all.
    room_put(NULL, "run/77", "\x09garbage", 8);
    room_put(NULL, "run/78", "", 0);
    room_put(NULL, "var/x", "", 0);
    again();
    assert_int_equal(room_kept_count("run/"), 0);
}

static void test_variables(void **state)
{
    struct nh_value v;
    (void)state;
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    room_do("set kept 7; set lost 7; set text hello");
    again();
    assert_true(nh_automation_variable(room.a, room_span("kept"), &v));
    assert_int_equal(v.text.len, 1);
    assert_true(nh_automation_variable(room.a, room_span("text"), &v));
    assert_int_equal(v.text.len, 5);
    assert_true(nh_automation_variable(room.a, room_span("lost"), &v));
    assert_true(v.kind == NH_VALUE_NUMBER && v.number == 1);
}

static void test_boot_loop(void **state)
{
    (void)state;
    const char *boot = "schema: 2\ndevices:\n  - id: d\n    scenarios:\n"
                       "      - {id: s, triggers: [{type: boot}], steps: [" SAY("boot") "]}\n";
    for (int i = 0; i < 3; i++) {
        assert_true(info().is_enabled);
        assert_int_equal(room_apply(boot, NH_AUTOMATION_KEEP), NH_OK);
        room_do("go 59999");
        room_crash();
    }
    room_expect("three starts", "say=boot\nsay=boot\nsay=boot\n");
    assert_false(info().is_enabled);
    assert_int_equal(room_apply(boot, NH_AUTOMATION_KEEP), NH_OK);
    room_do("run d/s"); // an operator may
    room_expect("nothing by itself", "say=boot\n");
    room_do("enable; go 60000"); // it has lasted a minute
    room_crash();
    assert_true(info().is_enabled);
    room_do("go 1");
    nh_automation_destroy(room.a); // told to end: no crash
    room_create();
    assert_true(info().is_enabled);
}

// ---- power that fails at the n-th write ---------------------------------------------------------

static void count_words(const char *word, int *count)
{
    for (const char *at = room.said; (at = strstr(at, word)) != NULL; at++)
        (*count)++;
}

// Whatever was written before the power went: after the restart nothing is done twice that had a
// wait before it, nothing is corrupt, and a second restart changes nothing.
static void test_power_cuts(void **state)
{
    (void)state;
    for (int n = 0; n < 40; n++) {
        memset(room.kept, 0, sizeof room.kept);
        room_anew();
        room.writes_left = n;
        assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
        start_with("deep");
        room_do("run d/delay; set kept 5; go 1500; run d/flags; go 1000; run d/plain; go 300");
        room_crash();
        room.writes_left = -1;
        assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
        uint32_t resumed = info().resumed;
        room_crash();
        assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
        assert_int_equal(info().resumed, resumed);
        assert_int_equal(info().cut_short, 0); // they were told of before
        room_do("go 20000");
        assert_int_equal(nh_automation_check(room.a), NH_OK);
        assert_int_equal(info().instance_count, 0);
        assert_int_equal(room_kept_count("run/"), 0);
        int twos = 0;
        count_words("say=2\n", &twos);
        assert_true(twos <= 1);
        room.said_len = 0;
        room.said[0] = '\0';
    }
}

// A store that refuses everything is counted, and stops nothing.
static void test_no_store(void **state)
{
    (void)state;
    room.writes_left = 0;
    room_anew();
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    room_do("run d/delay; set kept 3; go 10000");
    room_expect("it runs", "say=1\nsay=2\n");
    assert_int_equal(info().store_failed, 4); // boot, the variable, the wait, its end
    room.writes_left = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_delay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_passed_while_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_variables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_boot_loop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power_cuts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_store, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
