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
    room_remove("boot"); // crashes are not counted here
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
    room_remove("boot");
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
    assert_int_equal(room_put("run/77", "\x09garbage", 8), NH_OK);
    assert_int_equal(room_put("run/78", "", 0), NH_OK);
    assert_int_equal(room_put("var/x", "", 0), NH_OK);
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
        room.writes_left = -1; // from the next start on
        room_crash();
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

// ---- a store that refuses, or takes its time ----------------------------------------------------

static bool is_kept(int id)
{
    char key[16];
    snprintf(key, sizeof key, "run/%d", id);
    return room_find(key) != NULL;
}

// What has ended while the store refused is removed from it as soon as it can be, even if nothing
// else happens; until then it is tried less and less often.
static void test_removal_is_not_lost(void **state)
{
    (void)state;
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    room_do("go 60000; run d/delay; run d/plain");
    int id = room.last_id;
    assert_true(is_kept(id) && is_kept(id - 1));
    room.writes_left = 0;
    room_do("cancel; go 10000");
    assert_int_equal(info().instance_count, 0);
    assert_true(is_kept(id) && is_kept(id - 1));
    assert_int_equal(info().journal_dirty, 2);
    assert_int_equal(info().store_retry_ms, 8000); // after 0, 1, 3 and 7 s
    assert_int_equal(info().store_failed, 4);
    room_do("go 600000");
    assert_int_equal(info().store_retry_ms, 60000);
    assert_in_range(info().store_failed, 14, 18);
    room.writes_left = -1;
    room_do("go 60000");
    assert_int_equal(room_kept_count("run/"), 0);
    assert_int_equal(info().journal_dirty, 0);
    assert_int_equal(info().journal_count, 1); // the starts
    assert_int_equal(info().store_retry_ms, 0);
}

// While the store refuses, changes do not make it try more often; what came and went meanwhile is
// never written.
static void test_store_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    room_do("go 60000");
    room.writes_left = 0;
    uint32_t before = room.write_count;
    for (int i = 0; i < 50; i++)
        room_do("run d/delay; set kept 8; set kept 9; go 10; cancel");
    assert_int_equal(room.write_count - before, 1);
    room.writes_left = -1;
    room.key_count = 0;
    room_do("go 1000");
    assert_int_equal(room.key_count, 2); // the first run, which may be there, and the variable
    assert_int_equal(room_kept_count("run/"), 0);
}

// A store that takes its time is given one batch after the other, each as things are then.
static void test_slow_store(void **state)
{
    (void)state;
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    room_do("go 60000");
    room.is_slow = true;
    room_do("run d/delay");
    int first = room.last_id;
    assert_int_equal(room.flying_count, 1);
    room_do("cancel"); // while it is being written
    room_do("run d/plain; set text b; set text c; run d/plain");
    assert_false(is_kept(first));
    uint32_t before = room.write_count;
    room_stored(); // it stands there now, and is taken away with the next
    assert_true(is_kept(first));
    room_stored();
    assert_false(is_kept(first));
    assert_true(is_kept(first + 1));
    assert_int_equal(room.write_count - before, 2);
    assert_int_equal(info().journal_dirty, 0);
    // The last words are waited for.
    room_do("cancel; set text d");
    room.is_slow = true;
    nh_automation_destroy(room.a);
    assert_int_equal(room.flying_count, 0);
    room.is_slow = false;
    room_create();
    struct nh_value v;
    assert_true(nh_automation_variable(room.a, room_span("text"), &v));
    assert_memory_equal(v.text.ptr, "d", 1);
}

static const char many[] = "schema: 2\ndevices:\n  - id: d\n    scenarios:\n"
                           "      - {id: s, mode: parallel, max: 200, persist: true, steps: "
                           "[{type: delay, delay_ms: 5000}]}\n";

// More than a batch at once: all are kept, and all are taken away again.
static void test_many(void **state)
{
    (void)state;
    assert_int_equal(room_apply(many, NH_AUTOMATION_KEEP), NH_OK);
    room_do("go 60000");
    room.is_slow = true;
    for (int i = 0; i < 150; i++)
        assert_true(room_run("d", "s") > 0);
    for (int i = 0; i < 10; i++)
        room_stored();
    assert_int_equal(room_kept_count("run/"), 150);
    assert_int_equal(info().journal_dirty, 0);
    room_do("go 1000; all");
    for (int i = 0; i < 10; i++)
        room_stored();
    assert_int_equal(room_kept_count("run/"), 0);
    room.is_slow = false;
}

// Over the limit a run is not kept, and it is looked again whether there is room.
static void test_full(void **state)
{
    (void)state;
    room.limits.journal_max_count = 4; // boot and three runs
    room_anew();
    assert_int_equal(room_apply(many, NH_AUTOMATION_KEEP), NH_OK);
    for (int i = 0; i < 5; i++)
        assert_true(room_run("d", "s") > 0);
    assert_int_equal(room_kept_count("run/"), 3);
    assert_int_equal(info().journal_count, 4);
    assert_int_equal(info().journal_full, 2);
    assert_int_equal(nh_automation_cancel(room.a, 1, NH_ORIGIN_HTTP, room.now_ms), 1);
    assert_int_equal(nh_automation_cancel(room.a, 2, NH_ORIGIN_HTTP, room.now_ms), 1);
    room_do("go 1000");
    assert_int_equal(room_kept_count("run/"), 3);
    assert_true(is_kept(3) && is_kept(4) && is_kept(5));
    room_do("go 5000");
    assert_int_equal(room_kept_count("run/"), 0);
    room.limits.journal_max_count = 0;
}

// The power goes at each batch of a store that had refused before: once it is well for long enough
// it holds what waits and nothing else.
static void test_power_cuts_of_a_slow_store(void **state)
{
    (void)state;
    for (int n = 0; n < 24; n++) {
        memset(room.kept, 0, sizeof room.kept);
        room_anew();
        room.writes_left = n;
        assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
        room.is_slow = true;
        for (int i = 0; i < 6; i++) {
            room_do("run d/delay; go 100");
            if (i % 2)
                room_stored();
            room_do("run d/flags; go 50; all; run d/operator; set kept 4; set kept 5");
            room_stored();
            room_do("go 900");
        }
        room.writes_left = n % 2 ? -1 : 0; // it is well again, or never is in this life
        for (int i = 0; i < 70; i++) {
            room_stored();
            room_do("go 1000");
        }
        if (n % 2) {
            assert_int_equal(room_kept_count("run/"), 0);
            assert_int_equal(info().journal_dirty, 0);
        }
        room.flying_count = 0;
        room.is_slow = false;
        room.writes_left = -1;
        again();
        room_do("go 20000");
        assert_int_equal(room_kept_count("run/"), 0);
        assert_int_equal(info().journal_count, 1 + room_kept_count("var/"));
    }
}

// ---- no memory ----------------------------------------------------------------------------------

// Each allocation fails in turn, at work and at a start: what could not be noted down is noted down
// later, what could not be looked at stays for another start; nothing stays for good.
static void test_no_memory(void **state)
{
    (void)state;
    for (uint32_t n = 1; n < 200; n++) {
        struct nh_mem_fault fault = {.fail_nth = n};
        memset(room.kept, 0, sizeof room.kept);
        room_anew();
        assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
        nh_mem_fault_set(room.sys, &fault);
        room_do("run d/delay; run d/flags; set kept 6; go 1; run d/operator; go 1");
        nh_mem_fault_set(room.sys, NULL);
        room_do("go 1000"); // and then, what did start is kept
        assert_int_equal(room_kept_count("run/"), info().instance_count);
        room_do("set kept 7");
        assert_int_equal(room_kept_count("var/"), 1);
        size_t kept = room_kept_count("run/");
        room_crash();
        nh_device_set_t *set = device_set_from_yaml(room.mem, devices, false);
        nh_mem_fault_set(room.sys, &fault);
        int err =
            nh_automation_devices_set(room.a, set, NH_AUTOMATION_KEEP, room.now_ms, NULL, NULL);
        nh_mem_fault_set(room.sys, NULL);
        if (err < 0)
            err =
                nh_automation_devices_set(room.a, set, NH_AUTOMATION_KEEP, room.now_ms, NULL, NULL);
        nh_device_set_unref(set);
        assert_int_equal(err, NH_OK);
        assert_int_equal(nh_automation_check(room.a), NH_OK);
        assert_true(info().resumed + info().cut_short <= kept);
        again();
        room_do("go 20000");
        assert_int_equal(room_kept_count("run/"), 0);
        assert_int_equal(info().instance_count, 0);
    }
}

// ---- what is kept, and what is not --------------------------------------------------------------

// A delay that was written down before `parallel` began is not gone back to.
static void test_parallel_after_delay(void **state)
{
    const char *yaml = "schema: 2\ndevices:\n  - id: d\n    scenarios:\n      - {id: s, persist: "
                       "true, steps: [{type: delay, delay_ms: 100}, " SAY(
                           "1") ", {type: parallel, "
                                "branches: [{steps: [{type: delay, delay_ms: 5000}]}]}]}\n";
    (void)state;
    assert_int_equal(room_apply(yaml, NH_AUTOMATION_KEEP), NH_OK);
    room_do("run d/s; go 1000");
    room_expect("before", "say=1\n");
    room_crash();
    assert_int_equal(room_apply(yaml, NH_AUTOMATION_KEEP), NH_OK);
    room_do("go 1000");
    room_expect("it is not said again", "");
    assert_int_equal(info().cut_short, 1);
    assert_string_equal(room.a->cut_short[0].why, "it was in parallel");
}

// A scenario that is the same goes on wherever it stands now; one that differs in one letter of a
// later step does not, and it is said why.
static void test_same_and_not_the_same(void **state)
{
    const char *before =
        "schema: 2\ndevices:\n  - id: d\n    scenarios:\n"
        "      - {id: a, persist: true, steps: [{type: delay, delay_ms: 5000}, " SAY(
            "1") "]}\n"
                 "      - {id: b, persist: true, steps: [{type: delay, delay_ms: "
                 "5000}, " SAY("2") "]}\n";
    const char *after =
        "schema: 2\ndevices:\n  - id: new\n    scenarios: [{id: x, steps: [{type: "
        "nop}]}]\n  - id: d\n    scenarios:\n"
        "      - {id: b, persist: true, steps: [{type: delay, delay_ms: 5000}, " SAY(
            "3") "]}\n"
                 "      - {id: a, persist: true, steps: [{type: delay, delay_ms: "
                 "5000}, " SAY("1") "]}\n";
    (void)state;
    assert_int_equal(room_apply(before, NH_AUTOMATION_KEEP), NH_OK);
    room_do("run d/a; run d/b; go 1000");
    room_crash();
    assert_int_equal(room_apply(after, NH_AUTOMATION_KEEP), NH_OK);
    assert_int_equal(info().resumed, 1);
    assert_int_equal(info().cut_short, 1);
    const struct nh_log_entry *e = NULL;
    for (uint64_t seq = 0; seq < room.a->log_seq; seq++)
        if (strcmp(room.a->log[seq % room.a->limits.log_max_count].action, "cut_short") == 0)
            e = &room.a->log[seq % room.a->limits.log_max_count];
    assert_non_null(e);
    assert_string_equal(e->text, "d/b: its scenario has changed");
    room_do("go 4000");
    room_expect("the same", "say=1\n");
}

// Values of variables that are not persistent any more go at the next start, not before: until
// then the configuration may be put back.
static void test_variables_that_go(void **state)
{
    struct nh_value v;
    const char *none =
        "schema: 2\nvariables: [{name: text, value: a}, {name: bare, value: 0, persist: "
        "true}]\ndevices:\n  - id: d\n    scenarios: [{id: x, steps: [{type: nop}]}]\n";
    (void)state;
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    room_do("set text hello; set kept 5");
    assert_int_equal(room_kept_count("var/"), 2);
    assert_int_equal(room_apply(none, NH_AUTOMATION_KEEP), NH_OK);
    room_do("set text meanwhile; go 10");
    assert_int_equal(room_kept_count("var/"), 2);
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    again();
    assert_true(nh_automation_variable(room.a, room_span("text"), &v));
    assert_memory_equal(v.text.ptr, "meanwhile", 9);
    room_crash();
    assert_int_equal(room_apply(none, NH_AUTOMATION_KEEP), NH_OK);
    assert_int_equal(room_kept_count("var/"), 0);
    room_do("set bare 1");
    assert_int_equal(room_kept_count("var/"), 1);
    room_do("start; reset; go 10");
    assert_int_equal(room_kept_count("var/"), 1); // as it is declared
    // A card that is missing takes nothing away.
    room_do("set bare 2");
    room_crash();
    assert_int_equal(room_apply("schema: 2\ndevices: []\n", NH_AUTOMATION_KEEP), NH_OK);
    assert_int_equal(room_kept_count("var/"), 1);
}

// A variable that comes back before it was taken out of the store: what is written last is that.
static void test_variable_that_comes_back(void **state)
{
    struct nh_value v;
    const char *none = "schema: 2\ndevices:\n  - id: d\n    scenarios: [{id: x, steps: [{type: "
                       "nop}]}]\n";
    (void)state;
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    room_do("set text one");
    room.is_slow = true;
    room_do("set text two"); // is being written
    assert_int_equal(room_apply(none, NH_AUTOMATION_KEEP), NH_OK);
    room_do("start; reset"); // it is gone
    assert_false(nh_automation_variable(room.a, room_span("text"), &v));
    assert_int_equal(room_apply(devices, NH_AUTOMATION_KEEP), NH_OK);
    room_do("set text three");
    for (int i = 0; i < 4; i++)
        room_stored();
    room.is_slow = false;
    assert_int_equal(info().journal_dirty, 0);
    again();
    assert_true(nh_automation_variable(room.a, room_span("text"), &v));
    assert_memory_equal(v.text.ptr, "three", 5);
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
        cmocka_unit_test_setup_teardown(test_removal_is_not_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(test_store_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power_cuts_of_a_slow_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parallel_after_delay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_and_not_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(test_variables_that_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_variable_that_comes_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
