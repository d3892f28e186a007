// The rules of section 3.4 of the specification, one row each, named by it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "support/device_set.h"
#include "support/rng.h"
#include "support/template_play.h"

static _Alignas(16) uint8_t internal[64 * 1024], psram[512 * 1024];
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
    return nh_mem_system_destroy(sys, leak, NULL);
}

static nh_device_set_t *set_of(const char *template)
{
    char yaml[4096];
    int len = snprintf(yaml, sizeof yaml,
                       "schema: 2\ndevices:\n  - id: d\n    template: %s\n"
                       "    scenarios: [{id: s}, {id: t}, {id: signal_complete}]\n",
                       template);
    assert_true(len < (int)sizeof yaml);
    return device_set_from_yaml(mem, yaml, false);
}

static void begin(struct stage *s, const nh_device_set_t *set)
{
    *s = (struct stage){.now_ms = 1000};
    assert_int_equal(nh_template_create(mem, set, 0, &stage_host, s, &s->template), 0);
}

// ---- the rules ----------------------------------------------------------------------------------

#define UID(more)                                                                                  \
    "{type: uid_validator, uid: {slots: ["                                                         \
    "{source_id: r/1, label: One, values: [AA, ab]}, {source_id: r/2, values: [BB]}], " more "}}"
#define UID_OUT "success_topic: ok, success_payload: yes, fail_topic: bad, fail_payload: no, "
#define HOLD(more)                                                                                 \
    "{type: signal_hold, signal: {signal_topic: sig, signal_payload_on: 'on', "                    \
    "signal_payload_off: 'off', heartbeat_topic: hb, required_hold_ms: 2000, " more "}}"
#define SEQUENCE(steps, more)                                                                      \
    "{type: sequence_lock, sequence: {steps: [" steps "], success_topic: ok, success_payload: y, " \
    "fail_topic: bad, fail_payload: n, " more "}}"
#define ABC "{topic: a}, {topic: b}, {topic: c}"

static const struct {
    const char *rule, *template, *play;
} rows[] = {
    // ---- UID validator
    {"uid 1: a start clears the round and is broadcast",
     UID("start_topic: go, start_payload: '1', broadcast_topic: scan, broadcast_payload: "
         "now, " UID_OUT),
     "m r/1 xx; m go 1; = scan=now; m r/1 AA; m r/2 BB; = ok=yes >success"},
    {"uid 1: a start needs its payload, or takes any",
     UID("start_topic: go, start_payload: '1', broadcast_topic: scan"),
     "m go 2; m go; =; s idle; m go 1; = scan=; s active"},
    {"uid 1: any payload starts when none is asked for",
     UID("start_topic: go, broadcast_topic: scan"), "m go xyz; = scan="},
    {"uid 1: not within 300 ms of the last start", UID("start_topic: go, broadcast_topic: scan"),
     "m go; = scan=; +299; m go; =; +1; m go; = scan="},
    {"uid 1: a start that did not count does not put the next one off",
     UID("start_topic: go, broadcast_topic: scan"),
     "m go; = scan=; +200; m go; +100; m go; = scan="},
    {"uid 2: the background begins, with a 300 ms of its own",
     UID("start_topic: go, bg_start_topic: go, bg_track: b.wav, broadcast_topic: scan"),
     "m go; = scan= bg1:b.wav; +299; m go; =; +1; m go; = scan= bg2:b.wav"},
    {"uid 3: blanks are trimmed, case is ignored, each value counts", UID(UID_OUT),
     "m r/1  AB\r\n; m r/2 \tbb ; = ok=yes >success"},
    {"uid 3: all of a card is compared",
     "{type: uid_validator, uid: {slots: [{source_id: r, values: [AaZz@]}], success_topic: ok, "
     "fail_topic: bad}}",
     "m r AAzZ@; = ok= >success; +1000; m r AAzA@; = bad= >fail; +1000; m r AAzz`; = bad= >fail; "
     "+1000; m r AAzz; = bad= >fail"},
    {"uid 3: a right card twice is nothing", UID(UID_OUT),
     "m r/1 AA; m r/1 AA; =; m r/2 BB; = ok=yes >success"},
    {"uid 3: a wrong card spoils the round, a later right one does not repair it", UID(UID_OUT),
     "m r/1 xx; m r/1 AA; =; m r/2 BB; = bad=no >fail"},
    {"uid 3: so does a wrong card on a slot that was right", UID(UID_OUT),
     "m r/1 AA; m r/1 xx; =; m r/2 BB; = bad=no >fail"},
    {"uid 3: an empty card is a wrong one", UID(UID_OUT), "m r/1; m r/2 BB; = bad=no >fail"},
    {"uid 3 [REC]: late correction repairs", UID("late_correction: true, " UID_OUT),
     "m r/1 xx; m r/1 AA; m r/2 BB; = ok=yes >success; m r/1 AA; m r/1 xx; m r/2 BB; = bad=no "
     ">fail"},
    {"uid 4: one reader alone ends nothing", UID(UID_OUT), "m r/1 AA; =; s active; +100000; ="},
    {"uid 4: it is cleared after the end", UID(UID_OUT),
     "m r/1 xx; m r/2 BB; = bad=no >fail; s fail; +1000; m r/1 AA; s active; m r/2 BB; = ok=yes "
     ">success; s success"},
    {"uid 5: the same outcome within 200 ms is not told", UID(UID_OUT),
     "m r/1 AA; m r/2 BB; = ok=yes >success; +199; m r/1 AA; m r/2 BB; =; +1; m r/1 AA; m r/2 BB; "
     "= ok=yes >success"},
    {"uid 5: another outcome is", UID(UID_OUT),
     "m r/1 AA; m r/2 BB; = ok=yes >success; m r/1 xx; m r/2 BB; = bad=no >fail"},
    {"uid 6: topic, signal topic, track, scenario, in this order",
     UID("success_scenario: s, success_audio_track: ok.wav, success_signal_topic: sig, "
         "success_signal_payload: '1', " UID_OUT),
     "m r/1 AA; m r/2 BB; = ok=yes sig=1 play1:ok.wav run:s >success"},
    {"uid 6: of a failure likewise",
     UID("fail_scenario: t, fail_audio_track: bad.wav, fail_signal_topic: sig, "
         "fail_signal_payload: '0', " UID_OUT),
     "m r/1 AA; m r/2 xx; = bad=no sig=0 play1:bad.wav run:t >fail"},
    {"uid 7: the background pauses for the track of a failure and goes on",
     UID("bg_start_topic: bg, bg_track: b.wav, fail_audio_track: f.wav"),
     "m bg; = bg1:b.wav; m r/1 xx; m r/2 xx; = play2:f.wav pause1 >fail; e 2; = resume1; e 2; ="},
    {"uid 7: without a background nothing is paused", UID("fail_audio_track: f.wav"),
     "m r/1 xx; m r/2 xx; = play1:f.wav >fail; e 1; ="},
    {"uid 7: a background that has ended does not come back",
     UID("bg_start_topic: bg, bg_track: b.wav, fail_audio_track: f.wav"),
     "m bg; = bg1:b.wav; e 1; m r/1 xx; m r/2 xx; = play2:f.wav >fail; e 2; ="},
    {"uid 7: nor one that is stopped while it is paused",
     UID("bg_start_topic: bg, bg_track: b.wav, fail_audio_track: f.wav"),
     "m bg; = bg1:b.wav; m r/1 xx; m r/2 xx; = play2:f.wav pause1 >fail; e 1; e 2; =; +70000; ="},
    {"uid 7: a track that cannot be played pauses nothing",
     UID("bg_start_topic: bg, bg_track: b.wav, fail_audio_track: missing.wav"),
     "m bg; = bg1:b.wav; m r/1 xx; m r/2 xx; = missing >fail"},
    {"uid 7: two failures pause once, and the second track is waited for",
     UID("bg_start_topic: bg, bg_track: b.wav, fail_audio_track: f.wav"),
     "m bg; = bg1:b.wav; m r/1 xx; m r/2 xx; = play2:f.wav pause1 >fail; +300; m r/1 xx; m r/2 xx; "
     "= play3:f.wav >fail; e 2; =; e 3; = resume1"},
    {"uid 7: after 60 s it gives up",
     UID("bg_start_topic: bg, bg_track: b.wav, fail_audio_track: f.wav"),
     "m bg; = bg1:b.wav; m r/1 xx; m r/2 xx; = play2:f.wav pause1 >fail; +59999; =; +1; = stop1; "
     "e 2; ="},
    {"uid 7: a success does not pause it",
     UID("bg_start_topic: bg, bg_track: b.wav, success_audio_track: o.wav"),
     "m bg; = bg1:b.wav; m r/1 AA; m r/2 BB; = play2:o.wav >success"},
    {"uid 7: the background begun anew is not the one that was paused",
     UID("bg_start_topic: bg, bg_track: b.wav, fail_audio_track: f.wav"),
     "m bg; = bg1:b.wav; m r/1 xx; m r/2 xx; = play2:f.wav pause1 >fail; +400; m bg; = bg3:b.wav; "
     "e 1; e 2; =; +70000; ="},
    {"uid [REC]: a round begins with the first card, and has a time limit",
     UID("round_timeout_ms: 1000, " UID_OUT),
     "+5000; m r/1 AA; +999; =; +1; = bad=no >fail; m r/2 BB; =; s active; +1000; = bad=no >fail"},
    {"uid [REC]: or with the start", UID("start_topic: go, round_timeout_ms: 1000, " UID_OUT),
     "m go; +500; m r/1 AA; +499; =; +1; = bad=no >fail"},
    {"uid [REC]: a card after the limit is one of the next round, the timer late or not",
     UID("round_timeout_ms: 1000, " UID_OUT),
     "m r/1 AA; ~1000; m r/2 BB; = bad=no >fail; s active; m r/1 AA; = ok=yes >success"},
    {"uid [REC]: topics of 255 bytes (row 21)",
     "{type: uid_validator, uid: {slots: [{source_id: "
     "'a/very/long/topic/of/a/reader/that/stands/in/"
     "the/gallery/behind/the/picture/of/the/old/captain/and/answers/to/nobody', values: [A]}], "
     "success_topic: ok}}",
     "m a/very/long/topic/of/a/reader/that/stands/in/the/gallery/behind/the/picture/of/the/old/"
     "captain/and/answers/to/nobody a; = ok= >success"},
    {"uid (3.5): a check ends the round as it is", UID("check_topic: chk, " UID_OUT),
     "m r/1 AA; m chk; = bad=no >fail; +1000; m r/2 BB; m r/1 AA; = ok=yes >success; +1000; m chk; "
     "= bad=no >fail"},
    {"uid reset: the round and the background are gone, nothing else is stopped (row 19)",
     UID("bg_start_topic: bg, bg_track: b.wav, " UID_OUT),
     "m bg; m r/1 xx; = bg1:b.wav; r; = stop1; s idle; m r/1 AA; m r/2 BB; = ok=yes >success"},
    {"uid reset: no reader has seen a card", UID(UID_OUT), "m r/1 AA; r; m r/2 BB; =; s active"},
    {"uid: a message on another topic is nothing", UID(UID_OUT), "m r/11 AA; m r AA; =; s idle"},

    // ---- signal hold
    {"hold 1: the first beat makes it active and adds nothing", HOLD("hold_track: h.wav"),
     "s idle; m hb; = play1:h.wav >active; s active; +500; m hb; +500; m hb; +500; m hb; =; +499; "
     "m hb; =; +1; m hb; = stop1 sig=on run:signal_complete >completed"},
    {"hold 2: a beat exactly at the timeout still counts", HOLD("heartbeat_timeout_ms: 1000"),
     "m hb; = >active; +1000; m hb; =; +1000; m hb; = sig=on run:signal_complete >completed"},
    {"hold 2 [REC]: a late timer: the late beat is a first one", HOLD(""),
     "m hb; = >active; ~1001; m hb; =; +1000; m hb; =; +999; m hb; =; +1; m hb; = sig=on "
     "run:signal_complete >completed"},
    {"hold 3: let go, it pauses, and what was held stays", HOLD("hold_track: h.wav"),
     "m hb; = play1:h.wav >active; +1000; m hb; +1000; =; +1; = pause1 >paused; s paused; +9000; m "
     "hb; = resume1 >active; +999; m hb; =; +1; m hb; = stop1 sig=on run:signal_complete "
     ">completed"},
    {"hold 3: the hold track that ended by itself begins anew", HOLD("hold_track: h.wav"),
     "m hb; = play1:h.wav >active; e 1; +1001; = >paused; m hb; = play2:h.wav >active"},
    {"hold 4: OFF comes signal_on_ms after ON (row 18)",
     HOLD("signal_on_ms: 500, complete_track: c.wav"),
     "m hb; +1000; m hb; +1000; = >active; m hb; = play1:c.wav sig=on run:signal_complete "
     ">completed; +499; =; +1; = sig=off; +9000; =; r; = stop1 >reset"},
    {"hold 4: without signal_on_ms it stays on until the reset", HOLD("reset_topic: rs"),
     "m hb; +1000; m hb; +1000; m hb; = >active sig=on run:signal_complete >completed; +99999; =; "
     "m rs; = sig=off >reset"},
    {"hold 5: completed, it takes no beats", HOLD(""),
     "m hb; +1000; m hb; +1000; m hb; = >active sig=on run:signal_complete >completed; +100; m hb; "
     "+5000; m hb; =; s completed"},
    {"hold 5: a reset stops its own tracks alone (row 19)",
     HOLD("reset_topic: rs, hold_track: h.wav"),
     "m hb; = play1:h.wav >active; +500; m hb; m rs x; = stop1 >reset; s idle; m hb; = play2:h.wav "
     ">active; +1000; m hb; +999; m hb; =; +1; m hb; = stop2 sig=on run:signal_complete "
     ">completed"},
    {"hold 5: the track of the end too, and OFF is told once",
     HOLD("reset_topic: rs, complete_track: c.wav, signal_on_ms: 5000"),
     "m hb; +1000; m hb; +1000; m hb; = >active play1:c.wav sig=on run:signal_complete >completed; "
     "r; = stop1 sig=off >reset; +10000; ="},
    {"hold 5: each is stopped once",
     HOLD("reset_topic: rs, hold_track: h.wav, complete_track: c.wav"),
     "m hb; +1000; m hb; +1000; m hb; = play1:h.wav >active stop1 play2:c.wav sig=on "
     "run:signal_complete >completed; m rs; = stop2 sig=off >reset; r; = >reset"},
    {"hold 5: a track that has ended is not stopped", HOLD("complete_track: c.wav"),
     "m hb; +1000; m hb; +1000; m hb; = >active play1:c.wav sig=on run:signal_complete >completed; "
     "e 1; r; = sig=off >reset"},
    {"hold 6 [REC]: the hold track again and again",
     HOLD("hold_track: h.wav, hold_track_loop: true"), "m hb; = loop1:h.wav >active"},
    {"hold 6 [REC]: continuous: a gap clears", HOLD("hold_mode: continuous"),
     "m hb; +1000; m hb; +900; m hb; +1001; = >active >paused; m hb; +1000; m hb; +999; m hb; = "
     ">active; +1; m hb; = sig=on run:signal_complete >completed"},
    {"hold 6 [REC]: continuous: also when the timer is late", HOLD("hold_mode: continuous"),
     "m hb; +1000; m hb; +900; m hb; ~1001; m hb; = >active; +1000; m hb; +999; m hb; =; +1; m hb; "
     "= sig=on run:signal_complete >completed"},
    {"hold: no OFF where none is named",
     "{type: signal_hold, signal: {signal_topic: sig, signal_payload_on: x, heartbeat_topic: hb, "
     "required_hold_ms: 1, signal_on_ms: 10}}",
     "m hb; +1; m hb; = >active sig=x run:signal_complete >completed; +100; ="},

    // ---- MQTT trigger
    {"mqtt: the first rule that fits, and only it",
     "{type: on_mqtt_event, mqtt: {rules: [{topic: a/+, payload: x, scenario: s}, {topic: 'a/#', "
     "scenario: t}, {topic: a/b, scenario: s}]}}",
     "m a/b x; = run:s; m a/b y; = run:t; m a/b/c x; = run:t; m b x; ="},
    {"mqtt: a payload need not be asked for",
     "{type: on_mqtt_event, mqtt: {rules: [{topic: a, payload: x, payload_required: false, "
     "scenario: s}, {topic: b, payload_required: true, scenario: t}]}}",
     "m a y; = run:s; m b z; =; m b; = run:t"},
    {"mqtt: wildcards do not take $ topics",
     "{type: on_mqtt_event, mqtt: {rules: [{topic: '#', scenario: s}]}}",
     "m $SYS/x 1; =; m x; = run:s"},

    // ---- flag trigger
    {"flag: a change to the rule's state, each rule that fits",
     "{type: on_flag, flag: {rules: [{flag: open, scenario: s}, {flag: open, state: false, "
     "scenario: "
     "t}, {flag: OPEN, scenario: t}]}}",
     "=; f open 1; = run:s run:t; f open 1; =; f open 0; = run:t; f shut 1; ="},
    {"flag: names ignore case", "{type: on_flag, flag: {rules: [{flag: Open, scenario: s}]}}",
     "f oPEN 1; = run:s"},
    {"flag: what it was before the start is no change",
     "{type: on_flag, flag: {rules: [{flag: open, scenario: s}, {flag: open, state: false, "
     "scenario: "
     "t}]}}",
     "^open; f open 1; =; f open 0; = run:t; f open 1; = run:s"},
    {"flag [REC]: initial: of each rule",
     "{type: on_flag, flag: {initial: true, rules: [{flag: a, scenario: s}, {flag: b, state: "
     "false, "
     "scenario: t}, {flag: a, state: false, scenario: t}]}}",
     "^a; = run:s run:t"},
    {"flag [REC]: initial: what it is at the start counts",
     "{type: on_flag, flag: {initial: true, rules: [{flag: shut, state: false, scenario: s}, "
     "{flag: "
     "open, scenario: t}]}}",
     "= run:s; f open 1; = run:t"},

    // ---- condition
    {"condition: all, only when the result changes",
     "{type: if_condition, condition: {rules: [{flag: a}, {flag: b, state: false}], true_scenario: "
     "s, false_scenario: t}}",
     "=; s false; f a 1; = run:s >true; s true; f a 1; f c 1; =; f b 1; = run:t >false; f a 0; ="},
    {"condition: any",
     "{type: if_condition, condition: {mode: any, rules: [{flag: a}, {flag: b}], "
     "true_scenario: s}}",
     "f a 1; = run:s >true; f b 1; f a 0; =; f b 0; = >false"},
    {"condition: what it was before the start is no change",
     "{type: if_condition, condition: {rules: [{flag: a}], true_scenario: s, false_scenario: t}}",
     "^a; s true; f a 1; =; f a 0; = run:t >false"},
    {"condition: an unknown flag is false",
     "{type: if_condition, condition: {rules: [{flag: a, state: false}, {flag: b}], true_scenario: "
     "s}}",
     "f b 1; = run:s >true"},
    {"condition [REC]: initial: the first result counts",
     "{type: if_condition, condition: {initial: true, rules: [{flag: a, state: false}], "
     "true_scenario: s}}",
     "= run:s >true; f a 1; = >false"},
    {"condition [REC]: initial: also a false one",
     "{type: if_condition, condition: {initial: true, rules: [{flag: a}], true_scenario: s, "
     "false_scenario: t}}",
     "= run:t >false"},

    // ---- interval
    {"interval: every interval", "{type: interval_task, interval: {interval_ms: 500, scenario: s}}",
     "+499; =; +1; = run:s; +500; = run:s; +1000; = run:s run:s"},
    {"interval [REC]: run_immediately",
     "{type: interval_task, interval: {interval_ms: 500, scenario: s, run_immediately: true}}",
     "+0; = run:s; +499; =; +1; = run:s"},
    {"interval [REC]: late ticks do not shift it, what was missed is not made up for",
     "{type: interval_task, interval: {interval_ms: 500, scenario: s}}",
     "~700; t; = run:s; +299; =; +1; = run:s; ~1900; t; = run:s; +99; =; +1; = run:s"},
    {"interval [REC]: skipped while the previous runs",
     "{type: interval_task, interval: {interval_ms: 500, scenario: s}}",
     "+500; = run:s; b s 1; +500; =; b s 0; +499; =; +1; = run:s"},
    {"interval: a reset begins anew",
     "{type: interval_task, interval: {interval_ms: 500, scenario: s}}",
     "+400; r; +499; =; +1; = run:s"},

    // ---- sequence
    {"sequence 1: step by step, each with its hint",
     SEQUENCE("{topic: a, hint_topic: h, hint_payload: '1', hint_audio_track: 1.wav}, {topic: b, "
              "payload: x, hint_topic: h, hint_payload: '2'}",
              "success_audio_track: ok.wav, success_scenario: s"),
     "s idle; m a; = h=1 play1:1.wav >step; s active; m b x; = h=2 ok=y play2:ok.wav run:s "
     ">success; s completed"},
    {"sequence 1: after the end it may be done again", SEQUENCE(ABC, ""),
     "m a; m b; m c; = >step >step ok=y >success; m a; = >step; s active"},
    {"sequence 2: another step fails it",
     SEQUENCE(ABC, "fail_audio_track: f.wav, fail_scenario: t"),
     "m a; = >step; m c; = bad=n play1:f.wav run:t >fail; s failed; m b; = bad=n play2:f.wav run:t "
     ">fail; m a; m b; m c; = >step >step ok=y >success"},
    {"sequence 2: unless reset_on_error is off", SEQUENCE(ABC, "reset_on_error: false"),
     "m a; m c; m a; m b; m c; = >step >step ok=y >success"},
    {"sequence 3: right topic, wrong payload is nothing",
     SEQUENCE("{topic: a}, {topic: b, payload: x}", ""),
     "m a; m b y; m b x; = >step ok=y >success"},
    {"sequence 3 [REC]: or an error, if it is to be",
     SEQUENCE("{topic: a}, {topic: b, payload: x}", "wrong_payload_is_error: true"),
     "m a; m b y; = >step bad=n >fail; m b y; =; m a; m b x; = >step ok=y >success"},
    {"sequence 3 [REC]: a keypad: one topic for all",
     SEQUENCE("{topic: k, payload: '1'}, {topic: k, payload: '2'}, {topic: k, payload: '1'}",
              "wrong_payload_is_error: true"),
     "m k 1; m k 9; = >step bad=n >fail; m k 9; = bad=n >fail; m k 1; m k 2; m k 1; = >step >step "
     "ok=y >success"},
    {"sequence 4: another topic is nothing", SEQUENCE(ABC, "wrong_payload_is_error: true"),
     "m a; m x; m aa; m b; m c; = >step >step ok=y >success"},
    {"sequence 5: the time is from step to step, and begins after the first",
     SEQUENCE(ABC, "timeout_ms: 1000"),
     "+9000; m a; +999; m b; +999; = >step >step; +1; = bad=n >timeout; s timeout; +5000; ="},
    {"sequence 5: no timeout, any time", SEQUENCE(ABC, ""), "m a; +99999999; m b; = >step >step"},
    {"sequence 5 [REC]: after expiry, the timer late, a message counts for the next try",
     SEQUENCE(ABC, "timeout_ms: 1000"),
     "m a; = >step; ~1000; m a; = bad=n >timeout >step; s active; m b; m c; = >step ok=y >success"},
    {"sequence 5 [REC]: but not for the old one",
     SEQUENCE(ABC, "timeout_ms: 1000, reset_on_error: false"),
     "m a; = >step; ~1000; m b; = bad=n >timeout; s timeout"},
    {"sequence 5 [REC]: after an error the first step is a new start", SEQUENCE(ABC, ""),
     "m a; m b; m a; = >step >step bad=n >fail >step; m b; m c; = >step ok=y >success"},
    {"sequence 6: A, B, A (row 20)", SEQUENCE("{topic: a}, {topic: b}, {topic: a}", ""),
     "m a; m b; m a; = >step >step ok=y >success"},
    {"sequence 6: A, A, B", SEQUENCE("{topic: a}, {topic: a}, {topic: b}", ""),
     "m a; m a; m b; = >step >step ok=y >success"},
    {"sequence: a payload that need not be the same",
     SEQUENCE("{topic: a, payload: x, payload_required: false}", ""), "m a z; = ok=y >success"},
    {"sequence: a reset begins anew and tells nothing", SEQUENCE(ABC, "timeout_ms: 1000"),
     "m a; = >step; r; =; s idle; +5000; m b; = bad=n >fail"},
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct stage s;
        nh_device_set_t *set = set_of(rows[i].template);
        begin(&s, set);
        const char *play = rows[i].play;
        if (*play == '^') { // a flag that is set before the start
            snprintf(s.flags[0], sizeof s.flags[0], "%.*s", (int)strcspn(play, ";") - 1, play + 1);
            play = strchr(play, ';') + 1;
        }
        nh_template_start(s.template, s.now_ms);
        stage_play_all(&s, play, rows[i].rule);
        nh_template_destroy(s.template);
        nh_device_set_unref(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rules, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
