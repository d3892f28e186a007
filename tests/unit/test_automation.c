// Steps, waits, modes and stops of scenarios, one row each: what is done, and what comes of it.

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
        room.audio_left_ms = NH_ERR_UNSUPPORTED;
        room.last_id = 0;
        snprintf(yaml, sizeof yaml, "schema: 2\n%s", rows[i].devices);
        assert_int_equal(room_apply(yaml, NH_AUTOMATION_KEEP), NH_OK);
        room_do(rows[i].script);
        room_expect(rows[i].name, rows[i].want);
    }
}

#define DEVICE "devices:\n  - id: d\n    scenarios:\n"
#define STEPS(steps) DEVICE "      - id: s\n        steps:\n" steps
#define P(topic) "          - {type: mqtt_publish, topic: " topic "}\n"
#define S(step) "          - " step "\n"

// ---- steps --------------------------------------------------------------------------------------

static const struct row step_rows[] = {
    {"publish with all it has",
     STEPS(S("{type: mqtt_publish, topic: a, payload: x, qos: 1, retain: true}")), "run d/s",
     "a=x q1 r\n"},
    {"a delay, then the next", STEPS(P("a") S("{type: delay, delay_ms: 100}") P("b")),
     "run d/s; go 99; flag mark 1; go 1", "a=\nb=\n"},
    {"a delay is not over before its time", STEPS(S("{type: delay, delay_ms: 100}") P("b")),
     "run d/s; go 99", ""},
    {"delay_ms of any step", STEPS(S("{type: mqtt_publish, topic: a, delay_ms: 50}") P("b")),
     "run d/s; go 49; msg x y; go 1", "a=\nb=\n"},
    {"a disabled step is passed over",
     STEPS(S("{type: mqtt_publish, topic: a, enabled: false}") P("b")), "run d/s", "b=\n"},
    {"variables and texts",
     "variables: [{name: n, value: 1}]\n" STEPS(
         S("{type: set, variable: n, expression: n + 1}")
             S("{type: set, variable: t, value: 'n is {{ n }}'}")
                 S("{type: mqtt_publish, topic: 'a/{{n}}', payload: '{{t}} {{ unknown }}'}")),
     "run d/s", "a/2=n is 2 {{ unknown }}\n"},
    {"an expression without a value fails",
     STEPS(S("{type: set, variable: n, expression: nothing}") P("b")), "run d/s", ""},
    {"continue_on_error goes on",
     STEPS(S("{type: set, variable: n, expression: nothing, continue_on_error: true}") P("b")),
     "run d/s", "b=\n"},
    {"a topic that came out with a wildcard fails",
     "variables: [{name: t, value: '#'}]\n" STEPS(S("{type: mqtt_publish, topic: 'a/{{t}}'}")
                                                      P("b")),
     "run d/s", ""},
    {"flags and a wait for one",
     STEPS(S("{type: wait_flags, wait: {requirements: [{flag: go}]}}") P("a")),
     "run d/s; flag other 1; flag GO 1", "a=\n"},
    {"a flag that is set already is not waited for",
     STEPS(S("{type: set_flag, flag: go, value: true}")
               S("{type: wait_flags, wait: {requirements: [{flag: go}]}}") P("a")),
     "run d/s", "a=\n"},
    {"all of several flags",
     STEPS(S("{type: wait_flags, wait: {mode: all, requirements: [{flag: x}, {flag: y}, {flag: x}, "
             "{flag: z, state: false}]}}") P("a")),
     "run d/s; flag z 1; flag x 1; flag y 1; flag mark 1; flag z 0", "a=\n"},
    {"any of several flags",
     STEPS(S("{type: wait_flags, wait: {mode: any, requirements: [{flag: x}, {flag: y}]}}") P("a")),
     "run d/s; flag y 1", "a=\n"},
    {"time is up: as ever it goes on",
     STEPS(S("{type: wait_flags, wait: {timeout_ms: 100, requirements: [{flag: x}]}}")
               S("{type: mqtt_publish, topic: a, payload: '{{wait.completed}}'}")),
     "run d/s; go 100", "a=false\n"},
    {"in time: it is completed",
     STEPS(S("{type: wait_flags, wait: {timeout_ms: 100, requirements: [{flag: x}]}}")
               S("{type: mqtt_publish, topic: a, payload: '{{wait.completed}}'}")),
     "run d/s; go 50; flag x 1; go 100", "a=true\n"},
    {"time is up: fail",
     STEPS(S("{type: wait_flags, wait: {timeout_ms: 100, on_timeout: fail, "
             "requirements: [{flag: x}]}}") P("a")),
     "run d/s; go 100", ""},
    {"time is up: goto",
     STEPS(S("{type: wait_flags, wait: {timeout_ms: 100, on_timeout: goto, target_step: 2, "
             "requirements: [{flag: x}]}}") P("a") P("b")),
     "run d/s; go 100", "b=\n"},
    {"wait for a message",
     STEPS(S("{type: wait_event, topic: 'in/+', match: {op: greater, value: 5, json: /n}}")
               S("{type: mqtt_publish, topic: a, payload: '{{wait.topic}} {{wait.payload}}'}")),
     "run d/s; msg in/x {\"n\":5}; msg other {\"n\":6}; retained in/x {\"n\":7}; msg in/y "
     "{\"n\":6}",
     "a=in/y {\"n\":6}\n"},
    {"wait for an operator",
     STEPS(S("{type: wait_operator, text: Ready?, timeout_ms: 100, on_timeout: fail}")
               S("{type: mqtt_publish, topic: a, payload: '{{wait.completed}}'}")),
     "run d/s; force", "a=true\n"},
    {"an operator skips",
     STEPS(S("{type: wait_operator, text: Ready?}")
               S("{type: mqtt_publish, topic: a, payload: '{{wait.completed}}'}")),
     "run d/s; skip", "a=false\n"},
    {"nothing to skip", STEPS(P("a")), "run d/s; skip", "a=\nskip NOT_FOUND\n"},
    {"log and notify",
     STEPS(S("{type: log, text: 'it is {{1 + 1}}', level: warning}")
               S("{type: notify, text: hello}")),
     "run d/s", "log1 it is 2\nnotify0 hello\n"},
    {"events of the older generations",
     STEPS(S("{type: event, event: card_ok, payload: x}")
               S("{type: event, event: relay_cmd, topic: relay/1, payload: 'on'}") S(
                   "{type: event, event: audio_play, payload: /sdcard/a.wav}")
                   S("{type: event, event: volume_set, payload: '30'}") S("{type: laser_trigger}")),
     "run d/s",
     "access/card/ok=x\nrelay/1=on\nplay /sdcard/a.wav\naudio volume 2 30\nlaser/beam/state=\n"},
    {"stop: ok ends it", STEPS(P("a") S("{type: stop}") P("b")), "run d/s", "a=\n"},
};

static void test_steps(void **state)
{
    (void)state;
    play(step_rows, NH_ARRAY_LEN(step_rows));
}

// ---- steps that lead elsewhere ------------------------------------------------------------------

static const struct row flow_rows[] = {
    {"if, then, else",
     STEPS(S("{type: if, conditions: [{type: flag, flag: x}], then: [{type: mqtt_publish, topic: "
             "yes}], else: [{type: mqtt_publish, topic: 'no'}]}") P("after")),
     "run d/s; flag x 1; run d/s", "no=\nafter=\nyes=\nafter=\n"},
    {"choose takes the first that fits",
     STEPS(S("{type: choose, branches: [{conditions: [{type: expression, expression: 'n == 1'}], "
             "steps: [{type: mqtt_publish, topic: one}]}, {conditions: [{type: expression, "
             "expression: 'n > 0'}], steps: [{type: mqtt_publish, topic: more}]}], default: "
             "[{type: "
             "mqtt_publish, topic: none}]}")),
     "set n 1; run d/s; set n 2; run d/s; set n 0; run d/s", "one=\nmore=\nnone=\n"},
    {"repeat count",
     STEPS(S("{type: repeat, count: 3, steps: [{type: mqtt_publish, topic: "
             "'{{repeat.index}}'}]}") P("b")),
     "run d/s", "1=\n2=\n3=\nb=\n"},
    {"repeat count 0", STEPS(S("{type: repeat, count: 0, steps: [{type: nop}]}") P("b")), "run d/s",
     "b=\n"},
    {"repeat each",
     STEPS(S("{type: repeat, each: [x, y], as: it, steps: [{type: delay, delay_ms: "
             "10}, {type: mqtt_publish, topic: '{{it}}'}]}")),
     "run d/s; go 10; flag mark 1; go 10", "x=\ny=\n"},
    {"repeat while",
     "variables: [{name: n, value: 0}]\n" STEPS(
         S("{type: repeat, while: [{type: expression, expression: 'n < 2'}], steps: "
           "[{type: set, variable: n, expression: n + 1}, {type: mqtt_publish, "
           "topic: '{{n}}'}]}")),
     "run d/s", "1=\n2=\n"},
    {"repeat until, at least once",
     STEPS(S("{type: repeat, until: [{type: flag, flag: x}], steps: [{type: mqtt_publish, "
             "topic: a}, "
             "{type: delay, delay_ms: 10}]}") P("b")),
     "flag x 1; run d/s; go 10", "a=\nb=\n"},
    {"loop counts, and again the next time round",
     STEPS(S("{type: repeat, count: 2, steps: [{type: mqtt_publish, topic: a}, {type: loop, loop: "
             "{target_step: 0, max_iterations: 1}}]}") P("b")),
     "run d/s", "a=\na=\na=\na=\nb=\n"},
    {"parallel ends when all have",
     STEPS(S("{type: parallel, branches: [{steps: [{type: delay, delay_ms: 20}, {type: "
             "mqtt_publish, topic: a}]}, {steps: [{type: delay, delay_ms: 10}, {type: "
             "mqtt_publish, "
             "topic: b}]}, {steps: []}]}") P("c")),
     "run d/s; go 100", "b=\na=\nc=\n"},
    {"a failure in one branch ends all",
     STEPS(S("{type: parallel, branches: [{steps: [{type: delay, delay_ms: 20}, {type: "
             "mqtt_publish, topic: a}]}, {steps: [{type: delay, delay_ms: 10}, {type: stop, "
             "result: "
             "failed}]}]}") P("c")),
     "run d/s; go 100", ""},
    {"parallel in parallel in repeat",
     STEPS(S("{type: repeat, count: 2, steps: [{type: parallel, branches: [{steps: [{type: "
             "parallel, branches: [{steps: [{type: delay, delay_ms: 5}]}, {steps: [{type: "
             "mqtt_publish, topic: '{{repeat.index}}'}]}]}]}]}]}") P("c")),
     "run d/s; go 100", "1=\n2=\nc=\n"},
    {"run with parameters, waiting for its end",
     DEVICE "      - id: s\n        steps:\n" S(
         "{type: run, scenario: t, await: true, parameters: [{name: p, value: 'x{{1}}'}]}")
         P("after") "      - id: t\n        steps:\n" S("{type: delay, delay_ms: 10}")
             S("{type: mqtt_publish, topic: '{{p}}'}"),
     "run d/s; go 10", "x1=\nafter=\n"},
    {"run goes on at once",
     DEVICE "      - id: s\n        steps:\n" S("{type: run, scenario: t}")
         P("after") "      - id: t\n        steps:\n" S("{type: delay, delay_ms: 10}") P("b"),
     "run d/s; go 10", "after=\nb=\n"},
    {"what is run fails, so does who runs it",
     DEVICE "      - id: s\n        steps:\n" S("{type: run, scenario: t, await: true}")
         P("after") "      - id: t\n        steps:\n" S("{type: stop, result: failed}"),
     "run d/s", ""},
    {"who waits for it takes it along",
     DEVICE "      - id: s\n        steps:\n" S(
         "{type: run, scenario: t, await: true}") "      - id: t\n        on_stop: [{type: "
                                                  "mqtt_publish, topic: off}]\n        "
                                                  "steps:\n" S("{type: delay, delay_ms: 10}")
                                                      P("b"),
     "run d/s; cancel; go 100", "off=\n"},
    {"at most four run each other",
     DEVICE "      - id: s\n        mode: parallel\n        steps:\n" P("a")
         S("{type: run, scenario: s, await: true}"),
     "run d/s", "a=\na=\na=\na=\na=\n"},
    {"stop_scenario",
     DEVICE "      - id: s\n        steps:\n" S(
         "{type: stop_scenario, scenario: t}") "      - id: t\n        on_stop: [{type: "
                                               "mqtt_publish, topic: off}]\n        steps: "
                                               "[{type: "
                                               "delay, delay_ms: 100}]\n",
     "run d/t; run d/s", "off=\n"},
    {"a scenario stops itself",
     DEVICE
     "      - id: s\n        on_stop: [{type: mqtt_publish, topic: off}]\n        steps:\n" S(
         "{type: stop_scenario, scenario: s}") P("b"),
     "run d/s", "off=\n"},
    {"an endless loop yields, and others go on",
     DEVICE "      - id: s\n        steps:\n" S(
         "{type: repeat, while: [{type: not, conditions: [{type: flag, flag: x}]}], steps: "
         "[{type: "
         "nop}]}") P("b") "      - id: t\n        steps:\n" P("c"),
     "run d/s; run d/t; flag x 1; go 1", "c=\nb=\n"},
};

static void test_flow(void **state)
{
    (void)state;
    play(flow_rows, NH_ARRAY_LEN(flow_rows));
}

// ---- audio and commands -------------------------------------------------------------------------

static const struct row audio_rows[] = {
    {"a track, at once", STEPS(S("{type: audio_play, track: a.wav, channel: background}") P("b")),
     "run d/s", "play a.wav background\nb=\n"},
    {"blocking waits for its end",
     STEPS(S("{type: audio_play, track: a.wav, blocking: true}")
               S("{type: mqtt_publish, topic: b, payload: '{{wait.completed}}'}")),
     "run d/s; go 1000; finish ended", "play a.wav\nb=true\n"},
    {"blocking: the track fails",
     STEPS(S("{type: audio_play, track: a.wav, blocking: true}") P("b")), "run d/s; finish error",
     "play a.wav\n"},
    {"blocking: the end of another track is not its",
     STEPS(S("{type: audio_play, track: a.wav, blocking: true}") P("b")), "run d/s; run d/s; go 10",
     "play a.wav\nrun BUSY\n"},
    {"blocking: a player that says nothing has 5 s",
     STEPS(S("{type: audio_play, track: a.wav, blocking: true}")
               S("{type: mqtt_publish, topic: b, payload: '{{wait.completed}}'}")),
     "run d/s; go 4999; flag mark 1; go 1", "play a.wav\nb=false\n"},
    {"the other audio steps",
     STEPS(S("{type: audio_stop}") S("{type: audio_pause, channel: background}")
               S("{type: audio_resume}") S("{type: audio_seek, position_ms: 7}")
                   S("{type: audio_volume, volume: 30}")),
     "run d/s",
     "audio stop 2 0\naudio pause 1 0\naudio resume 0 0\naudio seek 0 7\naudio volume 2 30\n"},
    {"the lamp, with what is put in",
     STEPS(S("{type: set, variable: mood, value: fire}")
               S("{type: lamp, power: true, effect: '{{mood}}', brightness: 7, colors: ['#010203'],"
                 " overlay: {enabled: true, mode: speak}, text: 'a \"{{mood}}\"', name: x}")),
     "run d/s",
     "lamp {\"text\":\"a \\\"fire\\\"\",\"power\":true,\"effect\":\"fire\",\"brightness\":7,"
     "\"colors\":[\"#010203\"],\"overlay\":{\"enabled\":true,\"mode\":\"speak\"}}\n"},
    {"a command of the lamp", STEPS(S("{type: lamp, command: adjust_brightness, delta: -20}")),
     "run d/s", "lamp {\"command\":\"adjust_brightness\",\"delta\":-20}\n"},
};

#define COMMANDS                                                                                   \
    "devices:\n  - id: d\n    commands:\n"                                                         \
    "      - {id: c, topic: do, payload: '{{request_id}} {{angle}}', result_topic: done,\n"        \
    "         done_payload: 'ok {{request_id}}', failed_payload: 'bad {{request_id}}',\n"          \
    "         timeout_ms: 100}\n"                                                                  \
    "      - {id: plain, topic: do}\n"                                                             \
    "    scenarios:\n      - id: s\n        mode: parallel\n        steps:\n"
#define COMMAND S("{type: command, command: c, parameters: [{name: angle, value: 9}]}") P("b")

static const struct row command_rows[] = {
    {"a command is done", COMMANDS COMMAND, "run d/s; msg done ok 00000007-1",
     "do=00000007-1 9\nb=\n"},
    {"the answer is for another", COMMANDS COMMAND, "run d/s; msg done ok 00000007-2; go 99",
     "do=00000007-1 9\n"},
    {"a command fails", COMMANDS COMMAND, "run d/s; msg done bad 00000007-1", "do=00000007-1 9\n"},
    {"no answer: it fails", COMMANDS COMMAND, "run d/s; go 100; go 100", "do=00000007-1 9\n"},
    {"no answer is waited for",
     COMMANDS S("{type: command, command: c, await: false}") S("{type: command, command: plain}")
         P("b"),
     "run d/s", "do=00000007-1 {{angle}}\ndo=\nb=\n"},
    {"each has its own answer", COMMANDS COMMAND,
     "run d/s; run d/s; msg done ok 00000007-2; msg done ok 00000007-2; msg done ok 00000007-1",
     "do=00000007-1 9\ndo=00000007-2 9\nb=\nb=\n"},
};

static void test_audio_and_commands(void **state)
{
    (void)state;
    play(audio_rows, NH_ARRAY_LEN(audio_rows));
    nh_automation_destroy(room.a);
    room_create();
    play(command_rows, NH_ARRAY_LEN(command_rows));
}

static void test_blocking_limit(void **state)
{
    (void)state;
    assert_int_equal(room_apply("schema: 2\n" STEPS(S("{type: audio_play, track: a.wav, blocking: "
                                                      "true}") P("b")),
                                NH_AUTOMATION_KEEP),
                     NH_OK);
    room_do("run d/s");
    room.audio_left_ms = 20000; // it plays on: as long as is left and 5 s
    room_do("go 29999");
    room.audio_left_ms = NH_ERR_AGAIN; // paused by hand
    room_do("go 60000");
    room.audio_left_ms = 1000;
    room_do("go 5000");
    room_expect("it may still end", "play a.wav\n");
    room_do("go 11000"); // it got no further
    room_expect("given up", "b=\n");
}

// ---- modes and stops ----------------------------------------------------------------------------

#define MODE(mode)                                                                                 \
    DEVICE "      - id: s\n        mode: " mode "\n        on_stop: [{type: mqtt_publish, topic: " \
           "off}]\n        steps:\n" P("a") S("{type: delay, delay_ms: 10}") P("b")

static const struct row mode_rows[] = {
    {"single ignores", MODE("single"), "run d/s; run d/s; go 10; run d/s",
     "a=\nrun BUSY\nb=\na=\n"},
    {"restart begins anew, after its on_stop", MODE("restart"), "run d/s; go 5; run d/s; go 10",
     "a=\noff=\na=\nb=\n"},
    {"queued, one after the other", MODE("queued\n        max: 3"),
     "run d/s; run d/s; run d/s; run d/s; go 100", "a=\nrun FULL\nb=\na=\nb=\na=\nb=\n"},
    {"parallel, side by side", MODE("parallel\n        max: 2"),
     "run d/s; go 5; run d/s; run d/s; go 100", "a=\na=\nrun FULL\nb=\nb=\n"},
    {"cancelled while it is queued: nothing to stop", MODE("queued"),
     "run d/s; run d/s; cancel; go 100", "a=\nb=\n"},
    {"cancelled", MODE("single"), "run d/s; cancel; go 100", "a=\noff=\n"},
    {"all, and what is safe",
     "devices:\n  - id: d\n    safe_off: [{topic: safe, payload: x, retain: true}]\n"
     "    scenarios:\n      - id: s\n        on_stop: [{type: mqtt_publish, topic: off}]\n"
     "        steps: [{type: delay, delay_ms: 10}]\n",
     "run d/s; all; go 100", "off=\nsafe=x r\n"},
    {"on_stop goes on after an error, and has a choice",
     DEVICE "      - id: s\n        steps: [{type: stop, result: failed}]\n        on_stop:\n" S(
         "{type: set, variable: n, expression: nothing}")
         S("{type: if, conditions: [{type: flag, flag: x}], then: [{type: mqtt_publish, topic: "
           "a}], "
           "else: [{type: mqtt_publish, topic: b}]}")
             S("{type: parallel, branches: [{steps: [{type: mqtt_publish, topic: c}]}, {steps: "
               "[{type: mqtt_publish, topic: d}]}]}"),
     "run d/s", "b=\nc=\nd=\n"},
    {"on_stop has a budget",
     DEVICE "      - id: s\n        steps: [{type: stop, result: failed}]\n        on_stop:\n" S(
         "{type: repeat, count: 1000000, steps: [{type: nop}]}") P("b"),
     "run d/s; go 10", ""},
    {"conditions of a scenario",
     DEVICE "      - id: s\n        conditions: [{type: flag, flag: x}]\n        steps:\n" P("a"),
     "run d/s; flag x 1; run d/s", "run AGAIN\na=\n"},
    {"a disabled scenario", DEVICE "      - id: s\n        enabled: false\n        steps:\n" P("a"),
     "run d/s", "run DENIED\n"},
    {"none such", STEPS(P("a")), "run d/x; run x/s", "run NOT_FOUND\nrun NOT_FOUND\n"},
    {"found by its name, whatever the case",
     DEVICE "      - id: s\n        name: The Scene\n        steps:\n" P("a"), "run d/S", "a=\n"},
};

static void test_modes(void **state)
{
    (void)state;
    play(mode_rows, NH_ARRAY_LEN(mode_rows));
}

// ---- limits -------------------------------------------------------------------------------------

static void test_limits(void **state)
{
    struct nh_automation_info info;
    (void)state;
    nh_automation_destroy(room.a);
    room.limits = (struct nh_automation_limits){.instance_max_count = 2,
                                                .flag_max_count = 2,
                                                .variable_max_count = 1,
                                                .value_max_bytes = 4,
                                                .text_max_bytes = 16,
                                                .publish_max_per_s = 2,
                                                .filter_max_count = 1};
    room_create();
    assert_int_equal(
        room_apply(
            "schema: 2\n" DEVICE "      - id: s\n        mode: parallel\n        steps:\n" S(
                "{type: wait_event, topic: w}") "      - id: p\n        steps:\n" P("a") P("b")
                P("c") "      - id: w\n        steps:\n" S("{type: wait_event, topic: v}"),
            NH_AUTOMATION_KEEP),
        NH_OK);
    room_do("run d/p; go 999; flag a 1; flag b 1; flag c 1; set n 12345; set n 1234; set m 1");
    room_expect("limits", "a=\nb=\nflag FULL\nset TOO_LONG\nset FULL\n");
    room_do("go 1; run d/s; run d/s; run d/s; all; run d/s; run d/w; go 1");
    room_expect("and more", "c=\nrun FULL\n");
    nh_automation_info(room.a, &info);
    assert_int_equal(info.publish_delayed, 1);
    assert_int_equal(info.flags_full, 1);
    assert_int_equal(info.variables_full, 1);
    assert_int_equal(info.values_too_long, 1);
    assert_int_equal(info.instances_full, 1);
    assert_int_equal(info.filters_full, 1);
    assert_int_equal(info.failed, 1);
}

// 30 wait, and one more starts in the same call, without any time passing.
static void test_waiting_ones_delay_nobody(void **state)
{
    struct nh_automation_info info;
    (void)state;
    assert_int_equal(
        room_apply(
            "schema: 2\n" DEVICE
            "      - id: w\n        mode: parallel\n        max: 100\n        steps:\n" S(
                "{type: wait_flags, wait: {requirements: [{flag: never}]}}") "      - id: s\n      "
                                                                             "  steps:\n" P("a"),
            NH_AUTOMATION_KEEP),
        NH_OK);
    for (int i = 0; i < 30; i++)
        assert_true(room_run("d", "w") > 0);
    nh_automation_info(room.a, &info);
    assert_int_equal(info.waiting_count, 30);
    room_do("run d/s");
    room_expect("at once", "a=\n");
    assert_true(nh_automation_next_deadline(room.a) == NH_NEVER);
}

// A loop that never waits gets its turns, one in a millisecond, and leaves the rest of the time;
// what comes meanwhile neither hurries it nor holds it up.
static void test_endless_loop_leaves_time(void **state)
{
    struct nh_automation_info before, now;
    (void)state;
    assert_int_equal(
        room_apply("schema: 2\n" DEVICE "      - id: s\n        steps:\n" S(
                       "{type: repeat, while: [{type: not, conditions: [{type: flag, flag: x}]}], "
                       "steps: [{type: nop}]}") "      - id: t\n        mode: parallel\n        "
                                                "steps:\n" P("a"),
                   NH_AUTOMATION_KEEP),
        NH_OK);
    assert_true(room_run("d", "s") > 0);
    uint64_t due_ms = room.now_ms + 1;
    nh_automation_info(room.a, &before);
    for (int i = 0; i < 10; i++) {
        nh_automation_tick(room.a, room.now_ms);
        assert_int_equal(nh_automation_next_deadline(room.a), due_ms);
    }
    room_do("run d/t");
    nh_automation_info(room.a, &now);
    assert_int_equal(now.yields, before.yields);
    for (int i = 0; i < 100; i++) { // something comes in each
        room.now_ms = due_ms + (uint64_t)i;
        assert_true(room_run("d", "t") > 0);
        nh_automation_tick(room.a, room.now_ms);
    }
    nh_automation_info(room.a, &now);
    assert_int_equal(now.yields - before.yields, 100);
    assert_true(now.steps - before.steps < 100 * 64 + 200);
}

// ---- how much goes out --------------------------------------------------------------------------

static struct nh_automation_info info(void)
{
    struct nh_automation_info i;
    nh_automation_info(room.a, &i);
    return i;
}

static void play_limited(const struct nh_automation_limits *limits, const struct row *row)
{
    room.limits = *limits;
    room_anew();
    play(row, 1);
}

#define TWO(step) STEPS(S(step) S(step) S(step))

// Each kind of message is one of those that a second may have.
static void test_publish_rate(void **state)
{
    static const struct row rows[] = {
        {"mqtt_publish", TWO("{type: mqtt_publish, topic: a}"),
         "run d/s; go 999; flag mark 1; go 1", "a=\na=\na=\n"},
        {"events", TWO("{type: event, event: relay_cmd, topic: a}"), "run d/s; go 1000",
         "a=\na=\na=\n"},
        {"laser", TWO("{type: laser_trigger}"), "run d/s; go 1000",
         "laser/beam/state=\nlaser/beam/state=\nlaser/beam/state=\n"},
        {"notify", TWO("{type: notify, text: a}"), "run d/s; go 1000",
         "notify0 a\nnotify0 a\nnotify0 a\n"},
        {"commands",
         "devices:\n  - id: d\n    commands: [{id: c, topic: a}]\n    scenarios:\n      - id: s\n"
         "        steps:\n" S("{type: command, command: c}") S("{type: command, command: c}")
             S("{type: command, command: c}"),
         "run d/s; go 1000", "a=\na=\na=\n"},
        {"templates",
         "devices:\n  - id: q\n    template: {type: sequence_lock, sequence: {steps: [{topic: x, "
         "hint_topic: h1}, {topic: y, hint_topic: h2}, {topic: z}], success_topic: ok}}\n",
         "msg x 1; msg y 1; msg z 1; go 999; flag mark 1; go 1", "h1=\nh2=\nok=\n"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct nh_automation_limits limits = {.publish_max_per_s = 2};
        play_limited(&limits, &rows[i]);
        assert_int_equal(info().published, 3);
        assert_int_equal(info().publish_delayed, 1);
        assert_int_equal(info().outbox_bytes, 0);
    }
    room_do("msg x 1; msg y 1"); // the template once more, in the same second
    room_expect("one is left of the second", "h1=\n");
    room_do("go 998");
    room_expect("not yet", "");
    room_do("go 2");
    room_expect("now", "h2=\n");
}

// What makes a room safe goes at once, and what templates still wanted to send does not come after.
static void test_publish_rate_of_safety(void **state)
{
    const struct nh_automation_limits limits = {.publish_max_per_s = 1, .outbox_max_bytes = 100};
    const struct row row = {
        "safe off at once, and nothing after it",
        "devices:\n  - id: q\n    safe_off: [{topic: off1}, {topic: off2}]\n    scenarios:\n      "
        "- id: s\n        on_stop:\n" P("stopped") P("stopped") "        steps:\n" P("on")
            P("never") "  - id: r\n    template: {type: sequence_lock, sequence: {steps: [{topic: "
                       "x, "
                       "hint_topic: h1}, {topic: y, hint_topic: h2}, {topic: z, hint_topic: h3}, "
                       "{topic: "
                       "w}]}}\n",
        "run q/s; msg x 1; msg y 1; msg z 1; all; go 5000",
        "on=\nstopped=\nstopped=\noff1=\n"
        "off2=\n"};
    (void)state;
    play_limited(&limits, &row);
    assert_int_equal(info().outbox_dropped, 3); // one had no room, two were not to come any more
    assert_int_equal(info().outbox_bytes, 0);
}

// ---- what cannot be kept ------------------------------------------------------------------------

#define SEND(text) S("{type: mqtt_publish, topic: a, payload: '" text "'}")

static void test_too_long_to_keep(void **state)
{
    static const struct row rows[] = {
        {"a payload that is kept",
         DEVICE "      - id: s\n        triggers: [{type: topic, topic: t}]\n        steps:\n" SEND(
             "{{trigger.payload}}"),
         "msg t 0123456789abcdef", "a=0123456789abcdef\n"},
        {"one that is not: the step fails, and what does not use it is done",
         DEVICE "      - id: s\n        triggers: [{type: topic, topic: t}]\n        steps:\n" SEND(
             "{{trigger.topic}}") SEND("it is {{ trigger.payload }}") SEND("after"),
         "msg t 0123456789abcdefg", "a=t\n"},
        {"likewise an expression",
         DEVICE "      - id: s\n        triggers: [{type: topic, topic: t}]\n        steps:\n" S(
             "{type: set, variable: v, expression: 'trigger.payload == 1', continue_on_error: "
             "true}") SEND("{{ default(v, 0) }}"),
         "msg t 0123456789abcdefg", "a=0\n"},
        {"and what a wait brought, also after one that was kept",
         STEPS(S("{type: wait_event, topic: t}") SEND("{{wait.payload}}")
                   S("{type: wait_event, topic: t}")
                       S("{type: mqtt_publish, topic: a, payload: "
                         "'{{wait.payload}}', continue_on_error: true}") SEND("{{wait.topic}}")),
         "run d/s; msg t short; msg t 0123456789abcdefg", "a=short\na=t\n"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct nh_automation_limits limits = {.value_max_bytes = 16};
        play_limited(&limits, &rows[i]);
        assert_int_equal(info().values_too_long, i > 0);
    }
}

// ---- requests of branches -----------------------------------------------------------------------

static void test_requests_of_branches(void **state)
{
    const struct row row = {
        "each branch has its own",
        "devices:\n  - id: d\n    commands: [{id: c, topic: 'do/{{to}}', payload: "
        "'{{request_id}}', result_topic: done, done_payload: '{{request_id}} ok', failed_payload: "
        "'{{request_id}} bad'}]\n    scenarios:\n      - id: s\n        steps:\n" S(
            "{type: command, command: c, parameters: [{name: to, value: 0}], timeout_ms: 50, "
            "on_timeout: continue}")
            S("{type: parallel, branches: [{steps: [{type: command, command: c, timeout_ms: 90, "
              "parameters: [{name: to, value: 1}]}, {type: mqtt_publish, topic: first, payload: "
              "'{{request_id}}'}]}, {steps: [{type: command, command: c, timeout_ms: 90, "
              "parameters: [{name: to, value: 2}]}, {type: mqtt_publish, topic: second, payload: "
              "'{{request_id}}'}]}, {steps: [{type: mqtt_publish, topic: third, payload: "
              "'{{request_id}}'}]}]}") SEND("{{request_id}}"),
        "run d/s; go 50; msg done 00000007-1 ok; msg done 00000007-3 ok; msg done 00000007-2 ok",
        "do/0=00000007-1\ndo/1=00000007-2\ndo/2=00000007-3\nthird=00000007-1\n"
        "second=00000007-3\nfirst=00000007-2\na=00000007-1\n"};
    (void)state;
    play(&row, 1);
}

// ---- found by reading ---------------------------------------------------------------------------

static void test_corners(void **state)
{
    static const struct row rows[] = {
        {"each branch has what its own wait brought, though both came before its turn",
         STEPS(S("{type: parallel, branches: [{steps: [{type: wait_event, topic: x}, {type: "
                 "mqtt_publish, topic: got, payload: '{{wait.topic}} {{wait.payload}}'}]}, {steps: "
                 "[{type: wait_event, topic: y}, {type: mqtt_publish, topic: got, payload: "
                 "'{{wait.topic}} {{wait.payload}}'}]}]}")
                   SEND("{{wait.payload}}")) "      - {id: both, steps: [{type: mqtt_publish, "
                                             "topic: x, payload: 1}, {type: "
                                             "mqtt_publish, topic: y, payload: 2}]}\n",
         "run d/s; run d/both", "x=1\ny=2\ngot=x 1\ngot=y 2\na=2\n"},
        {"a branch knows how the wait before it ended",
         STEPS(S("{type: wait_flags, wait: {timeout_ms: 5, requirements: [{flag: x}]}}")
                   S("{type: parallel, branches: [{steps: [{type: mqtt_publish, topic: b, payload: "
                     "'{{wait.completed}}'}]}]}")),
         "run d/s; flag x 1", "b=true\n"},
        {"queued behind itself it would wait for ever",
         DEVICE "      - id: s\n        mode: queued\n        steps:\n" P("a")
             S("{type: run, scenario: t, await: true, continue_on_error: true}")
                 P("b") "      - id: t\n        steps:\n" S("{type: run, scenario: s, await: true}")
                     P("never"),
         "run d/s; run d/s", "a=\nb=\na=\nb=\n"},
        {"a variable takes the place of its old value",
         DEVICE "      - id: t\n        steps:\n" S(
             "{type: run, scenario: s, parameters: [{name: "
             "p, value: 'long, so that two have no room'}]}") "      - id: s\n        "
                                                              "steps:\n" S("{type: set, "
                                                                           "variable: p, "
                                                                           "value: 'LONG, so "
                                                                           "that two have no "
                                                                           "room'}") SEND("{{p}}"),
         "run d/t", "a=LONG, so that two have no room\n"},
    };
    const struct nh_automation_limits limits = {.local_max_bytes = 100};
    (void)state;
    play(rows, 3);
    play_limited(&limits, &rows[3]);
    assert_int_equal(info().locals_full, 0);
}

// One that takes the place of another needs no room beside it; with an on_stop it does.
static void test_restart_at_the_limit(void **state)
{
    const struct nh_automation_limits limits = {.instance_max_count = 1};
    const struct row rows[] = {
        {"restart",
         DEVICE "      - id: s\n        mode: restart\n        steps:\n" P("a")
             S("{type: delay, delay_ms: 9}") P("b"),
         "run d/s; go 5; run d/s; go 9", "a=\na=\nb=\n"},
        {"with on_stop",
         DEVICE "      - id: s\n        mode: restart\n        on_stop: [{type: "
                "nop}]\n        steps:\n" P("a") S("{type: delay, delay_ms: 9}") P("b"),
         "run d/s; go 5; run d/s; go 9", "a=\nrun FULL\nb=\n"}};
    (void)state;
    play_limited(&limits, &rows[0]);
    assert_int_equal(info().instances_full, 0);
    play_limited(&limits, &rows[1]);
}

// A long on_stop is over before the room is made safe, also when it takes several turns.
static void test_on_stop_before_safe_off(void **state)
{
    const struct nh_automation_limits limits = {.turn_max_steps = 2, .call_max_turns = 100};
    const struct row row = {"on_stop first",
                            "devices:\n  - id: d\n    safe_off: [{topic: 'off'}]\n    scenarios:\n"
                            "      - id: s\n        on_stop:\n" P("1") P("2") P("3") P("4")
                                P("5") "        steps:\n" S("{type: delay, delay_ms: 9}"),
                            "run d/s; all; go 1", "1=\n2=\n3=\n4=\n5=\noff=\n"};
    (void)state;
    play_limited(&limits, &row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_corners, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restart_at_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_on_stop_before_safe_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_publish_rate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_publish_rate_of_safety, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_long_to_keep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_requests_of_branches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_steps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_audio_and_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocking_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting_ones_delay_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endless_loop_leaves_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
