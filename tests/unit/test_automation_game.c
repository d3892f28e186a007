// The game clock, the pause that freezes the room, the reset, the operator's log, traces, dry runs.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/automation/dry_run.h"
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

static void apply(const char *devices)
{
    char yaml[4096];
    snprintf(yaml, sizeof yaml, "schema: 2\n%s", devices);
    assert_int_equal(room_apply(yaml, NH_AUTOMATION_KEEP), NH_OK);
}

#define P(topic) "{type: mqtt_publish, topic: " topic "}"

static const char game[] =
    "variables: [{name: score, value: 3}]\n"
    "game:\n  duration_ms: 10000\n  on_start: {device: d, scenario: begin}\n"
    "  on_end: {device: d, scenario: end}\n  on_reset: {device: d, scenario: reset}\n"
    "  hints: [{text: Look up, topic: hints, track: h.wav}]\n"
    "devices:\n  - id: d\n    safe_off: [{topic: safe}]\n    scenarios:\n"
    "      - {id: begin, steps: [" P(
        "begun") "]}\n"
                 "      - {id: end, steps: [" P(
                     "ended") "]}\n"
                              "      - {id: reset, steps: [" P(
                                  "was_reset") "]}\n"
                                               "      - {id: w, on_stop: [" P(
                                                   "off") "], steps: [{type: delay, delay_ms: "
                                                          "1000}, " P(
                                                              "done") "]}\n"
                                                                      "      - {id: f, "
                                                                      "steps: [{type: "
                                                                      "wait_flags, wait: "
                                                                      "{timeout_ms: 1000, "
                                                                      "requirements: "
                                                                      "[{flag: x}]}}, "
                                                                      "{type: "
                                                                      "mqtt_publish, "
                                                                      "topic: f, payload: "
                                                                      "'{{wait.completed}}'"
                                                                      "}]}\n"
                                                                      "      - {id: now, "
                                                                      "triggers: [{type: "
                                                                      "topic, topic: go}], "
                                                                      "steps: [" P(
                                                                          "now") "]}\n"
                                                                                 "      - "
                                                                                 "{id: "
                                                                                 "clock, "
                                                                                 "steps: "
                                                                                 "[{type: "
                                                                                 "clock, "
                                                                                 "action: "
                                                                                 "reset},"
                                                                                 " " P(
                                                                                     "nev"
                                                                                     "er") "], "
                                                                                           "on_"
                                                                                           "stop: "
                                                                                           "[" P(
                                                                                               "c"
                                                                                               "l"
                                                                                               "o"
                                                                                               "c"
                                                                                               "k"
                                                                                               "_"
                                                                                               "o"
                                                                                               "f"
                                                                                               "f") "]}\n"
                                                                                                    "      - {id: add, steps: [{type: clock, action: add, ms: 500}]}\n";

static struct nh_game_info info(void)
{
    struct nh_game_info i;
    nh_automation_game_info(room.a, &i);
    return i;
}

static void test_clock(void **state)
{
    (void)state;
    apply(game);
    room_do("add 5; stop; start; start; go 4000");
    assert_int_equal(info().elapsed_ms, 4000);
    assert_int_equal(info().left_ms, 6000);
    room_do("add -1000; go 4999");
    room_expect("running", "add CONFLICT\nstop CONFLICT\nbegun=\nstart CONFLICT\n");
    room_do("go 1");
    room_expect("time is up", "ended=\n");
    assert_int_equal(info().state, NH_GAME_ENDED);
    room_do("start; add 2000; add 90000000; run d/add; go 12499");
    room_expect("anew, longer", "begun=\nadd RANGE\n");
    room_do("go 1");
    room_expect("at its end", "ended=\n");
}

static void test_pause(void **state)
{
    (void)state;
    apply(game);
    room_do("start; run d/w; go 400; pause; pause; go 100000");
    assert_int_equal(info().elapsed_ms, 400);
    assert_true(info().is_paused);
    room_do("resume; go 599; flag mark 1; go 1");
    room_expect("the wait stood still", "begun=\ndone=\n");
    // What would go on in a pause is held; a message is not lost.
    room_do("run d/f; pause; flag x 1; msg go 1; go 5000");
    room_expect("held", "");
    room_do("resume");
    room_expect("after it", "f=true\nnow=\n");
    // But an operator opens the door also in a pause, and its waits go on.
    room_do("pause; run d/w; go 999; flag mark 1; go 1");
    room_expect("an operator's", "done=\n");
    // A cancelled one stops in a pause too.
    room_do("resume; run d/w; pause; all; go 10");
    room_expect("stopped", "off=\nsafe=\n");
}

static void test_reset(void **state)
{
    (void)state;
    struct nh_value v;
    apply(game);
    room_do("start; run d/w; flag x 1; set score 9; set other 1; pause; reset");
    room_expect("off, then safe, then what the room wants", "begun=\noff=\nsafe=\nwas_reset=\n");
    assert_int_equal(info().state, NH_GAME_IDLE);
    assert_false(info().is_paused);
    assert_false(nh_automation_flag(room.a, room_span("x")));
    assert_true(nh_automation_variable(room.a, room_span("score"), &v));
    assert_true(v.number == 3);
    assert_false(nh_automation_variable(room.a, room_span("other"), &v));
    room_do("run d/clock");
    room_expect("by a scenario", "clock_off=\nsafe=\nwas_reset=\n");
    room_do("start; run d/w; stop");
    room_expect("stopped by hand", "begun=\noff=\nsafe=\n");
}

static int start_for(const char *team)
{
    return nh_automation_game_start(room.a, room_span(team), NH_ORIGIN_HTTP, room.now_ms);
}

static void test_team(void **state)
{
    char team[sizeof info().team + 1];
    const size_t max = sizeof team - 2;
    (void)state;
    apply(game);
    memset(team, 'o', sizeof team);
    team[max + 1] = '\0';
    assert_int_equal(start_for(team), NH_ERR_TOO_LONG); // it is not cut, and no game runs
    assert_string_equal(info().team, "");
    assert_int_equal(info().state, NH_GAME_IDLE);
    team[max] = '\0';
    assert_int_equal(start_for(team), NH_OK);
    assert_string_equal(info().team, team);
    assert_int_equal(start_for("Others"), NH_ERR_CONFLICT); // what is refused changes nothing
    assert_string_equal(info().team, team);
    room_do("stop");
    assert_string_equal(info().team, team); // of whom the clock still tells
    room_do("reset");
    assert_string_equal(info().team, "");
}

static void test_hints_and_log(void **state)
{
    (void)state;
    apply(game);
    assert_int_equal(start_for("Owls"), NH_OK);
    room_do("hint 0; hint -1; hint 7");
    room_expect("hints", "begun=\nhints=Look up\nplay h.wav\nhints=own\nhint NOT_FOUND\n");
    assert_int_equal(info().hints_sent, 2);
    assert_string_equal(info().team, "Owls");
}

// ---- traces -------------------------------------------------------------------------------------

#include "components/automation/automation_state.h"

static char traced[4096];

static bool keep_record(void *ctx, const struct nh_trace_record *r)
{
    size_t len = strlen(traced);
    (void)ctx;
    len += (size_t)snprintf(traced + len, sizeof traced - len, "%u:%u", (unsigned)r->run, r->kind);
    for (unsigned i = 0; i < r->depth; i++)
        len += (size_t)snprintf(traced + len, sizeof traced - len, "/%u.%u", r->path[i].list,
                                r->path[i].index);
    snprintf(traced + len, sizeof traced - len, " %d %.*s\n", r->result, (int)r->text.len,
             (const char *)r->text.ptr);
    return true;
}

static const struct nh_trace *trace_of(const char *id)
{
    struct nh_scenario *s = nh_scenario__find(room.a, room_span("d"), room_span(id));
    assert_non_null(s);
    return s->trace;
}

static void read_failed(const struct nh_trace *t)
{
    uint32_t at = 0;
    struct nh_trace_record r;
    traced[0] = '\0';
    while (nh_trace__next(t->failed, t->failed_len, &at, &r))
        keep_record(NULL, &r);
}

// A message is told with what it said.
static void test_trace_of_messages(void **state)
{
    (void)state;
    apply("devices:\n  - id: d\n    scenarios:\n"
          "      - {id: s, triggers: [{type: topic, id: in, topic: a/+}], steps: [{type: nop}]}\n"
          "      - {id: t, triggers: [{type: topic, topic: b}], steps: [{type: nop}]}\n");
    room_do("msg a/b 5; msg b \xc3\xbc");
    traced[0] = '\0';
    nh_trace__each(trace_of("s"), keep_record, NULL);
    assert_non_null(strstr(traced, " in: a/b = 5\n"));
    traced[0] = '\0';
    nh_trace__each(trace_of("t"), keep_record, NULL);
    assert_non_null(strstr(traced, " b = \xc3\xbc\n"));
}

static void test_traces(void **state)
{
    (void)state;
    apply(
        "devices:\n  - id: d\n    scenarios:\n"
        "      - id: s\n        triggers: [{type: http, name: h, id: hook}]\n        on_stop: [" P(
            "off") "]\n        steps:\n"
                   "          - {type: set, variable: n, value: 5}\n"
                   "          - {type: if, conditions: [{type: flag, flag: bad}], then: [{type: "
                   "stop, result: "
                   "failed, reason: no good}], else: [{type: delay, delay_ms: 10}]}\n");
    room_do("flag bad 1; call h");
    traced[0] = '\0';
    nh_trace__each(trace_of("s"), keep_record, NULL);
    assert_string_equal(traced, "1:0 2 hook\n"
                                "1:1/0.0 0 n = 5\n"
                                "1:1/0.1 0 then\n"
                                "1:1/0.1/2.0 0 no good\n"
                                "1:4 1 no good\n"
                                "1:3 0 \n"
                                "1:1/1.0 0 off = \n");
    // A hundred good runs push it out of the ring, not out of memory.
    room_do("flag bad 0");
    for (int i = 0; i < 100; i++)
        room_do("run d/s; run d/s; go 10");
    traced[0] = '\0';
    nh_trace__each(trace_of("s"), keep_record, NULL);
    assert_null(strstr(traced, "no good"));
    read_failed(trace_of("s"));
    assert_non_null(strstr(traced, "1:0 2 hook\n1:1/0.0 0 n = 5\n"));
    assert_non_null(strstr(traced, "1:4 1 no good\n"));
    assert_int_equal(trace_of("s")->failed_run, 1);
    room_do("flag bad 1; run d/s"); // the last one that failed
    assert_int_equal(trace_of("s")->failed_run, room.last_id);
    read_failed(trace_of("s"));
    assert_null(strstr(traced, "hook"));
}

static void test_trace_budget(void **state)
{
    struct nh_automation_info i;
    (void)state;
    nh_automation_destroy(room.a);
    room.limits.trace_bytes = 256;
    room.limits.trace_total_bytes = 256;
    room_create();
    apply("devices:\n  - id: d\n    scenarios:\n      - {id: s, steps: [{type: nop}]}\n"
          "      - {id: t, steps: [{type: nop}]}\n");
    for (int k = 0; k < 20; k++)
        room_do("run d/s; run d/t");
    nh_automation_info(room.a, &i);
    assert_int_equal(i.trace_bytes, 256);
    assert_int_equal(i.traces_missing, 60);
    assert_null(trace_of("t"));
    assert_true(trace_of("s")->used <= 256);
}

// ---- more of pauses -----------------------------------------------------------------------------

static void test_runs_in_a_pause(void **state)
{
    (void)state;
    apply(
        "devices:\n  - id: d\n    scenarios:\n"
        "      - {id: door, steps: [{type: run, scenario: lock}, {type: set_flag, flag: x, value: "
        "true}]}\n"
        "      - {id: lock, steps: [{type: delay, delay_ms: 10}, {type: mqtt_publish, topic: "
        "lock}]}\n"
        "      - {id: f, triggers: [{type: flag, flag: x}], steps: [{type: mqtt_publish, topic: "
        "f}]}\n");
    room_do("start; pause; run d/door; go 10");
    room_expect("what an operator's scenario runs, and not what it sets off", "lock=\n");
    room_do("resume; go 1");
    room_expect("that comes afterwards", "f=\n");
}

// ---- dry runs -----------------------------------------------------------------------------------

static void keep_line(void *ctx, const struct nh_dry_line *line)
{
    size_t len = strlen(traced);
    const struct nh_trace_record *r = line->record;
    (void)ctx;
    if (r->kind == NH_TRACE_STEP)
        snprintf(traced + len, sizeof traced - len, "%u %.*s %s: %.*s\n", (unsigned)line->at_ms,
                 (int)line->scenario.len, (const char *)line->scenario.ptr, nh_step__name(r->step),
                 (int)r->text.len, (const char *)r->text.ptr);
    else if (r->kind == NH_TRACE_WAIT)
        snprintf(traced + len, sizeof traced - len, "%u waits for %s\n", (unsigned)line->at_ms,
                 nh_wait__name((enum nh_wait)r->result));
}

static int dry(const char *scenario)
{
    struct nh_dry d;
    const struct nh_automation_run r = {.device = room_span("d"), .scenario = room_span(scenario)};
    traced[0] = '\0';
    int err = nh_dry__begin(room.a, &r, keep_line, NULL, &d);
    while (err == 0 && nh_dry__next(&d))
        ;
    if (err == 0)
        nh_dry__end(&d);
    return err;
}

static void test_dry_run(void **state)
{
    (void)state;
    apply(
        "variables: [{name: n, value: 1}]\ndevices:\n  - id: d\n    scenarios:\n"
        "      - id: s\n        steps:\n"
        "          - {type: set, variable: n, expression: n + 1}\n"
        "          - {type: delay, delay_ms: 60000}\n"
        "          - {type: wait_flags, wait: {requirements: [{flag: x}]}}\n"
        "          - {type: audio_play, track: a.wav, blocking: true}\n"
        "          - {type: run, scenario: t, await: true}\n"
        "          - {type: if, conditions: [{type: flag, flag: set}], then: [{type: mqtt_publish, "
        "topic: a, payload: '{{n}}'}]}\n"
        "      - {id: t, triggers: [{type: topic, topic: a}], steps: [{type: set_flag, flag: y, "
        "value: true}]}\n"
        "      - {id: endless, steps: [{type: delay, delay_ms: 1}, {type: loop, loop: "
        "{target_step: "
        "0}}]}\n");
    room_do("flag set 1");
    assert_int_equal(dry("s"), NH_OK);
    assert_string_equal(traced,
                        "0 s set: n = 2\n0 waits for delay\n60000 s delay: time is up\n"
                        "60000 waits for flags\n60000 s wait_flags: it came\n"
                        "60000 waits for audio\n60000 s audio_play: it came\n"
                        "60000 waits for run\n60000 t set_flag: y = true\n"
                        "60000 s run: it came\n60000 s if: then\n60000 s mqtt_publish: a = 2\n");
    // Nothing of it has happened.
    struct nh_value v;
    room_expect("nothing", "");
    assert_true(nh_automation_variable(room.a, room_span("n"), &v) && v.number == 1);
    assert_false(nh_automation_flag(room.a, room_span("y")));
    assert_int_equal(dry("endless"), NH_OK);
    assert_int_equal(dry("none"), NH_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_runs_in_a_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(test_team, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hints_and_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trace_of_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_traces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trace_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dry_run, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
