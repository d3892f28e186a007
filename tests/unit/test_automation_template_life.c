// What templates show, what they listen to, what memory they take, and random plays.

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

static const char devices[] =
    "schema: 2\n"
    "devices:\n"
    "  - id: uid\n"
    "    template: {type: uid_validator, uid: {start_topic: go, bg_start_topic: bg, bg_track: "
    "b.wav,\n"
    "      slots: [{source_id: r/1, label: 'One', values: [AA]}, {source_id: r/2, values: [BB]}],\n"
    "      fail_audio_track: f.wav, round_timeout_ms: 900, success_topic: ok, fail_topic: bad}}\n"
    "  - id: hold\n"
    "    template: {type: signal_hold, signal: {signal_topic: sig, signal_payload_on: 'on',\n"
    "      signal_payload_off: 'off', signal_on_ms: 300, heartbeat_topic: hb, reset_topic: rs,\n"
    "      required_hold_ms: 2000, heartbeat_timeout_ms: 500, hold_track: h.wav,\n"
    "      complete_track: c.wav}}\n"
    "  - id: mqtt\n"
    "    template: {type: on_mqtt_event, mqtt: {rules: [{topic: a/+, scenario: s}, {topic: b}]}}\n"
    "    scenarios: [{id: s}]\n"
    "  - id: flag\n"
    "    template: {type: on_flag, flag: {rules: [{flag: open, scenario: s}, {flag: shut}]}}\n"
    "    scenarios: [{id: s}]\n"
    "  - id: condition\n"
    "    template: {type: if_condition, condition: {rules: [{flag: open}], true_scenario: s}}\n"
    "    scenarios: [{id: s}]\n"
    "  - id: interval\n"
    "    template: {type: interval_task, interval: {interval_ms: 400, scenario: s}}\n"
    "    scenarios: [{id: s}]\n"
    "  - id: sequence\n"
    "    template: {type: sequence_lock, sequence: {timeout_ms: 600, fail_topic: bad,\n"
    "      success_topic: ok, steps: [{topic: a}, {topic: b, payload: x}, {topic: a}]}}\n"
    "  - id: none\n";
enum { UID, HOLD, MQTT, FLAG, CONDITION, INTERVAL, SEQUENCE, NONE };

static nh_device_set_t *set;

static int setup_set(void **state)
{
    setup(state);
    set = device_set_from_yaml(mem, devices, false);
    return 0;
}

static int teardown_set(void **state)
{
    nh_device_set_unref(set);
    return teardown(state);
}

static void begin(struct stage *s, uint32_t device)
{
    *s = (struct stage){.now_ms = 1000};
    assert_int_equal(nh_template_create(mem, set, device, &stage_host, s, &s->template), 0);
    nh_template_start(s->template, s->now_ms);
}

// ---- what they show -----------------------------------------------------------------------------

static const struct {
    uint32_t device;
    const char *play, *json;
} monitors[] = {
    {UID, "",
     "{\"state\":\"idle\",\"active\":false,\"slots\":[{\"index\":0,\"source\":\"r/1\",\"label\":"
     "\"One\",\"last_value\":\"\",\"seen\":false,\"ok\":false},{\"index\":1,\"source\":\"r/2\","
     "\"label\":\"\",\"last_value\":\"\",\"seen\":false,\"ok\":false}]}"},
    {UID, "m r/1 aa ; +200",
     "{\"state\":\"active\",\"active\":true,\"time_left_ms\":700,\"slots\":[{\"index\":0,"
     "\"source\":"
     "\"r/1\",\"label\":\"One\",\"last_value\":\"aa\",\"seen\":true,\"ok\":true},{\"index\":1,"
     "\"source\":\"r/2\",\"label\":\"\",\"last_value\":\"\",\"seen\":false,\"ok\":false}]}"},
    {UID,
     "m r/1 0123456789012345678901234567890123456789012345678901234567890\xC3\xA4\xC3\xA4; m r/2 "
     "\xFF; = bad= play1:f.wav >fail", // the value is cut at a character, the slots are cleared
     "{\"state\":\"fail\",\"active\":false,\"slots\":[{\"index\":0,\"source\":\"r/1\",\"label\":"
     "\"One\",\"last_value\":\"0123456789012345678901234567890123456789012345678901234567890"
     "\xC3\xA4\",\"seen\":false,\"ok\":false},{\"index\":1,\"source\":\"r/2\",\"label\":\"\","
     "\"last_value\":\"\xEF\xBF\xBD\",\"seen\":false,\"ok\":false}]}"},
    {HOLD, "m hb; +500; m hb; +100; = play1:h.wav >active",
     "{\"state\":\"active\",\"active\":true,\"completed\":false,\"signal_on\":false,\"progress_"
     "ms\":"
     "500,\"required_hold_ms\":2000,\"heartbeat_timeout_ms\":500,\"time_left_ms\":1500,"
     "\"heartbeat_topic\":\"hb\",\"reset_topic\":\"rs\"}"},
    {HOLD,
     "m hb; +450; m hb; +450; m hb; +450; m hb; +450; m hb; +450; m hb; = play1:h.wav >active "
     "stop1 "
     "play2:c.wav "
     "sig=on >completed",
     "{\"state\":\"completed\",\"active\":false,\"completed\":true,\"signal_on\":true,"
     "\"progress_ms\":2000,\"required_hold_ms\":2000,\"heartbeat_timeout_ms\":500,\"time_left_ms\":"
     "0,\"heartbeat_topic\":\"hb\",\"reset_topic\":\"rs\"}"},
    {MQTT, "", "{\"state\":\"active\"}"},
    {FLAG, "f shut 1",
     "{\"state\":\"active\",\"flags\":[{\"flag\":\"open\",\"state\":false},{\"flag\":\"shut\","
     "\"state\":true}]}"},
    {CONDITION, "f open 1; = run:s >true", "{\"state\":\"true\"}"},
    {INTERVAL, "+100",
     "{\"state\":\"active\",\"interval_ms\":400,\"time_left_ms\":300,\"skipped_count\":0}"},
    {INTERVAL, "b s 1; +450",
     "{\"state\":\"active\",\"interval_ms\":400,\"time_left_ms\":350,\"skipped_count\":1}"},
    {SEQUENCE, "",
     "{\"state\":\"idle\",\"active\":false,\"current_step_index\":0,\"completed_steps\":0,"
     "\"total_steps\":3,\"timeout_ms\":600,\"time_left_ms\":0,\"reset_on_error\":true,"
     "\"expected_topic\":\"a\",\"expected_payload\":\"\",\"payload_required\":false}"},
    {SEQUENCE, "m a; +100; = >step",
     "{\"state\":\"active\",\"active\":true,\"current_step_index\":1,\"completed_steps\":1,"
     "\"total_steps\":3,\"timeout_ms\":600,\"time_left_ms\":500,\"reset_on_error\":true,"
     "\"expected_topic\":\"b\",\"expected_payload\":\"x\",\"payload_required\":true}"},
    {SEQUENCE, "m a; m b x; m a; = >step >step ok= >success",
     "{\"state\":\"completed\",\"active\":false,\"current_step_index\":0,\"completed_steps\":3,"
     "\"total_steps\":3,\"timeout_ms\":600,\"time_left_ms\":0,\"reset_on_error\":true,"
     "\"expected_topic\":\"a\",\"expected_payload\":\"\",\"payload_required\":false}"},
};

static const char *monitor_of(struct stage *s)
{
    static char text[1024];
    struct nh_json_buf buf = {text, sizeof text - 1, 0};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    nh_template_monitor_write(s->template, &w, s->now_ms);
    nh_json_object_end(&w);
    assert_int_equal(nh_json_writer_end(&w), 0);
    text[buf.len] = '\0';
    return text;
}

static void test_monitors(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(monitors); i++) {
        struct stage s;
        begin(&s, monitors[i].device);
        stage_play_all(&s, monitors[i].play, monitors[i].play);
        assert_string_equal(monitor_of(&s), monitors[i].json);
        assert_int_equal(nh_template_type(s.template), monitors[i].device);
        nh_template_destroy(s.template);
    }
}

static void add_filter(void *ctx, nh_span_t filter)
{
    char *list = ctx;
    snprintf(list + strlen(list), 64 - strlen(list), "%.*s ", (int)filter.len,
             (const char *)filter.ptr);
}

static void test_filters(void **state)
{
    static const char *const want[] = {"go bg r/1 r/2 ", "hb rs ", "a/+ b ", "", "", "",
                                       "a b a ",         ""};
    (void)state;
    for (uint32_t i = 0; i < NH_ARRAY_LEN(want); i++) {
        char list[64] = "";
        nh_template_filters_each(set, i, add_filter, list);
        assert_string_equal(list, want[i]);
    }
}

// ---- memory -------------------------------------------------------------------------------------

static void test_memory(void **state)
{
    struct nh_mem_fault fault = {.fail_nth = 1};
    struct stage s = {0};
    (void)state;
    for (uint32_t i = 0; i <= SEQUENCE; i++) {
        size_t bytes = nh_template_bytes(set, i);
        size_t tail = i == UID ? 2 * 66 : i == FLAG ? 2 : 0;
        assert_in_range(bytes, 1, 192 + tail);
        nh_mem_fault_set(sys, &fault); // refused: nothing was made, and the next try is well
        assert_int_equal(nh_template_create(mem, set, i, &stage_host, &s, &s.template),
                         NH_ERR_NOMEM);
        assert_null(s.template);
        nh_mem_fault_set(sys, NULL);
        begin(&s, i);
        nh_template_destroy(s.template);
    }
    assert_int_equal(nh_template_bytes(set, NONE), 0);
    assert_int_equal(nh_template_create(mem, set, NONE, &stage_host, &s, &s.template),
                     NH_ERR_NOT_FOUND);
    assert_null(s.template);
    nh_template_destroy(NULL);
}

// Nothing happens before the start; no play allocates.
static void test_before_the_start(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= SEQUENCE; i++) {
        struct stage s = {.now_ms = 1000};
        assert_int_equal(nh_template_create(mem, set, i, &stage_host, &s, &s.template), 0);
        assert_true(nh_template_next_deadline(s.template) == NH_NEVER);
        stage_play_all(
            &s, "m r/1 AA; m r/2 BB; m hb; m a; m a/x; f open 1; e 1; t; r; +5000; =", "before");
        nh_template_destroy(s.template);
    }
}

static void test_rebind_goes_on(void **state)
{
    struct stage s;
    (void)state;
    begin(&s, SEQUENCE);
    stage_play_all(&s, "m a; = >step", "before");
    nh_device_set_t *other = device_set_from_yaml(mem, devices, false);
    nh_device_set_unref(set); // gone: nothing may still look there
    set = other;
    nh_template_rebind(s.template, set, SEQUENCE);
    stage_play_all(&s, "m b x; m a; = >step ok= >success", "after");
    nh_template_destroy(s.template);
}

// ---- random plays -------------------------------------------------------------------------------

static uint32_t outcome_count[2]; // of "completed" and "success"
#define INSTANCE_MAX 4096
static struct {
    struct stage stage; // first: the host's functions take it
    enum { GONE, PLAYS, PAUSED } instance[INSTANCE_MAX];
    bool is_on;
    uint64_t reset_ms, outcome_ms;
    char outcome[16];
} world;

static uint32_t world_play(void *ctx, enum nh_step_channel channel, nh_span_t track,
                           bool is_repeated)
{
    (void)ctx;
    (void)channel;
    (void)track;
    (void)is_repeated;
    uint32_t n = ++world.stage.instance_count;
    assert_true(n < INSTANCE_MAX);
    world.instance[n] = PLAYS;
    return n;
}

static void world_pause(void *ctx, uint32_t instance)
{
    (void)ctx;
    assert_int_equal(world.instance[instance], PLAYS);
    world.instance[instance] = PAUSED;
}

static void world_resume(void *ctx, uint32_t instance)
{
    (void)ctx;
    assert_int_equal(world.instance[instance], PAUSED);
    world.instance[instance] = PLAYS;
}

static void world_stop(void *ctx, uint32_t instance)
{
    (void)ctx;
    assert_int_not_equal(world.instance[instance], GONE);
    world.instance[instance] = GONE;
}

static void world_publish(void *ctx, nh_span_t topic, nh_span_t payload)
{
    (void)ctx;
    if (topic.len != 3 || memcmp(topic.ptr, "sig", 3) != 0)
        return;
    bool is_on = payload.len == 2; // ON and OFF take turns
    assert_int_not_equal(world.is_on, is_on);
    world.is_on = is_on;
}

static void world_outcome(void *ctx, const char *word)
{
    (void)ctx;
    outcome_count[0] += strcmp(word, "completed") == 0;
    outcome_count[1] += strcmp(word, "success") == 0;
    bool is_end = strcmp(word, "success") == 0 || strcmp(word, "fail") == 0;
    if (is_end && nh_template_type(world.stage.template) == NH_TEMPLATE_UID_VALIDATOR) {
        if (strcmp(world.outcome, word) == 0)
            assert_true(world.stage.now_ms - world.outcome_ms >= 200);
        world.outcome_ms = world.stage.now_ms;
        snprintf(world.outcome, sizeof world.outcome, "%s", word);
    }
}

static void world_start(void *ctx, nh_span_t scenario)
{
    (void)ctx;
    assert_true(scenario.len > 0);
}

static uint64_t number_in(const char *json, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(json, quoted);
    assert_non_null(at);
    return strtoull(at + strlen(quoted), NULL, 10);
}

static void check_world(void)
{
    struct stage *s = &world.stage;
    const char *json = monitor_of(s);
    const char *word = nh_template_state(s->template);
    switch (nh_template_type(s->template)) {
    case NH_TEMPLATE_SIGNAL_HOLD: // what was held is not more than the time that has passed
        assert_true(number_in(json, "progress_ms") <= s->now_ms - world.reset_ms);
        assert_true(number_in(json, "progress_ms") <= 2000);
        assert_int_equal(strcmp(word, "completed") == 0, number_in(json, "progress_ms") == 2000);
        break;
    case NH_TEMPLATE_SEQUENCE_LOCK:
        assert_true(number_in(json, "current_step_index") < 3);
        assert_int_equal(strcmp(word, "active") == 0, number_in(json, "current_step_index") > 0);
        assert_true(number_in(json, "time_left_ms") <= 600);
        break;
    case NH_TEMPLATE_UID_VALIDATOR: // a round that is whole has ended
        assert_null(strstr(strstr(json, "\"seen\":true") ? strstr(json, "\"seen\":true") + 1 : "",
                           "\"seen\":true"));
        break;
    default:
        break;
    }
}

static void random_act(struct rng *rng)
{
    static const char *const topics[] = {"r/1", "r/2", "go", "bg", "hb", "hb", "hb",
                                         "rs",  "a",   "b",  "a",  "b",  "x",  "a/q"};
    static const char *const payloads[] = {"AA", "BB", "x", "", " aa "};
    struct stage *s = &world.stage;
    const char *topic;
    uint32_t instance;
    switch (rng_below(rng, 12)) {
    case 0:
        if (rng_below(rng, 6)) // seldom, so that something comes to its end
            return;
        nh_template_reset(s->template, s->now_ms);
        world.reset_ms = s->now_ms;
        world.outcome[0] = '\0'; // told anew, however soon
        return;
    case 1:
        nh_template_flag(s->template, stage_span("open"), rng_below(rng, 2), s->now_ms);
        return;
    case 2: // some instance ends that has not yet
        instance = s->instance_count ? 1 + rng_below(rng, s->instance_count) : 0;
        if (instance && world.instance[instance] != GONE) {
            world.instance[instance] = GONE;
            nh_template_audio_finished(s->template, instance, s->now_ms);
        }
        return;
    case 3: // the timer is late
        s->now_ms += rng_below(rng, 1500);
        return;
    case 4:
    case 5:
    case 6:
        stage_pass(s, rng_below(rng, 600));
        return;
    default:
        topic = topics[rng_below(rng, NH_ARRAY_LEN(topics))];
        if (nh_template_type(s->template) == NH_TEMPLATE_SIGNAL_HOLD && rng_below(rng, 20))
            topic = "hb";
        nh_template_message(s->template, stage_span(topic),
                            stage_span(payloads[rng_below(rng, NH_ARRAY_LEN(payloads))]),
                            s->now_ms);
    }
}

static void test_random_plays(void **state)
{
    static const struct nh_template_host host = {.publish = world_publish,
                                                 .play = world_play,
                                                 .pause = world_pause,
                                                 .resume = world_resume,
                                                 .stop = world_stop,
                                                 .start = world_start,
                                                 .is_running = stage_is_running,
                                                 .flag = stage_flag,
                                                 .outcome = world_outcome};
    (void)state;
    for (uint64_t seed = 1; seed <= 70; seed++) {
        struct rng rng = {seed};
        uint32_t device = (uint32_t)(seed % (SEQUENCE + 1));
        print_message("seed %u\n", (unsigned)seed);
        memset(&world, 0, sizeof world);
        assert_int_equal(nh_template_create(mem, set, device, &host, &world, &world.stage.template),
                         0);
        nh_template_start(world.stage.template, 0);
        nh_mem_fault_set(sys, &(struct nh_mem_fault){.fail_nth = 1}); // none allocates
        for (int i = 0; i < 3000; i++) {
            random_act(&rng);
            check_world();
        }
        nh_mem_fault_set(sys, NULL);
        nh_template_reset(world.stage.template, world.stage.now_ms);
        assert_false(world.is_on);
        nh_template_destroy(world.stage.template);
    }
    print_message("%u completed, %u succeeded\n", outcome_count[0], outcome_count[1]);
    assert_true(outcome_count[0] > 3 && outcome_count[1] > 30); // the plays come to something
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_set, teardown_set)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_monitors),         TEST(test_filters),        TEST(test_memory),
        TEST(test_before_the_start), TEST(test_rebind_goes_on), TEST(test_random_plays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
