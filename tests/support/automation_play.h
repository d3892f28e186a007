// automation_play.h - a random valid configuration and a random play over it, from bytes: for a
// property test and a fuzz target alike. After each act the automation's own invariants must hold,
// and what the store has must be of what runs. Include once.
//
// A property test has a new configuration for each apply; a fuzz target, which wants many plays a
// second, has a library of them, compiled once.

#ifndef NH_TEST_AUTOMATION_PLAY_H
#define NH_TEST_AUTOMATION_PLAY_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/automation/automation.h"
#include "platform/yaml.h"

#define PLAY_YAML_MAX 16384
#define PLAY_KEPT_MAX 64
#define PLAY_INSTANCE_MAX 24
#define PLAY_VALUE_MAX 512

struct play_kept {
    char key[NH_AUTOMATION_KEY_MAX_BYTES];
    size_t len;
    bool is_removal; // of what is being written
    uint8_t value[PLAY_VALUE_MAX];
};

// What is slow is begun, and done in a later act; a store without power, or that refuses, fails.
enum play_store { PLAY_STORE_WELL, PLAY_STORE_SLOW, PLAY_STORE_REFUSES };

struct play {
    const uint8_t *bytes; // the dice
    size_t len, at;
    nh_mem_t *mem;
    nh_device_set_t *const *library; // NULL: each set is a new one
    uint32_t library_count;
    const struct nh_automation_limits *limits;
    uint32_t tick_max, go_max_ms; // of an act
    uint32_t scenario_count;
    uint32_t act_count; // 18; more: the more, the fewer applies and crashes
    uint32_t big_count; // applies and crashes that there may still be: they take longest
    nh_automation_t *a;
    uint64_t now_ms;
    int64_t unix_ms;
    uint32_t audio_next, filter_count;
    uint32_t set_count; // that were valid
    uint64_t started, resumed, steps;
    size_t yaml_len;
    enum play_store store;
    bool has_power;
    size_t kept_count, flying_count; // in use; of what is kept some keys are empty
    // From here on only what is in use has been written.
    char yaml[PLAY_YAML_MAX];
    struct play_kept kept[PLAY_KEPT_MAX];
    struct play_kept flying[NH_AUTOMATION_BATCH_MAX_COUNT];
};

#define PLAY_ASSERT(cond)                                                                          \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static uint32_t play_below(struct play *p, uint32_t n)
{
    uint32_t v = p->at < p->len ? p->bytes[p->at++] : 0;
    return v % n;
}

static void play_add(struct play *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(p->yaml + p->yaml_len, sizeof p->yaml - p->yaml_len, fmt, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof p->yaml - p->yaml_len)
        p->yaml_len += (size_t)n;
}

// ---- a configuration ----------------------------------------------------------------------------

static void play_condition(struct play *p)
{
    switch (play_below(p, 4)) {
    case 0:
        play_add(p, "{type: flag, flag: f%u}", (unsigned)play_below(p, 4));
        break;
    case 1:
        play_add(p, "{type: expression, expression: 'v%u > %u'}", (unsigned)play_below(p, 3),
                 (unsigned)play_below(p, 3));
        break;
    case 2:
        play_add(p, "{type: running, device: d, scenario: s%u}",
                 (unsigned)play_below(p, p->scenario_count));
        break;
    default:
        play_add(p, "{type: not, conditions: [{type: device_online, device: d}]}");
        break;
    }
}

static void play_steps(struct play *p, unsigned depth, bool may_wait);

static void play_list(struct play *p, const char *name, unsigned depth, bool may_wait)
{
    play_add(p, "%s: [", name);
    play_steps(p, depth, may_wait);
    play_add(p, "]");
}

static void play_deep_step(struct play *p, unsigned depth, bool may_wait)
{
    switch (play_below(p, 5)) {
    case 0:
        play_add(p, "{type: if, conditions: [");
        play_condition(p);
        play_add(p, "], ");
        play_list(p, "then", depth + 1, may_wait);
        play_add(p, ", ");
        play_list(p, "else", depth + 1, may_wait);
        break;
    case 1:
        play_add(p, "{type: repeat, count: %u, ", (unsigned)play_below(p, 3));
        play_list(p, "steps", depth + 1, may_wait);
        break;
    case 2:
        play_add(p, "{type: repeat, each: [a, b], ");
        play_list(p, "steps", depth + 1, may_wait);
        break;
    case 3:
        play_add(p, "{type: choose, branches: [{conditions: [");
        play_condition(p);
        play_add(p, "], ");
        play_list(p, "steps", depth + 1, may_wait);
        play_add(p, "}], ");
        play_list(p, "default", depth + 1, may_wait);
        break;
    default:
        play_add(p, "{type: parallel, branches: [");
        for (uint32_t i = 0, n = 1 + play_below(p, 3); i < n; i++) {
            play_add(p, i ? ", {" : "{");
            play_list(p, "steps", depth + 1, may_wait);
            play_add(p, "}");
        }
        play_add(p, "]");
        break;
    }
    play_add(p, "}");
}

static void play_wait_step(struct play *p)
{
    static const char *const ends[] = {"continue", "fail", "goto, target_step: 0"};
    const char *end = ends[play_below(p, 3)];
    unsigned ms = 1 + play_below(p, 40);
    switch (play_below(p, 7)) {
    case 0:
        play_add(p, "{type: delay, delay_ms: %u, delay_max_ms: %u}", ms, ms + 5);
        break;
    case 1:
        play_add(p,
                 "{type: wait_flags, wait: {mode: %s, timeout_ms: %u, requirements: [{flag: f%u}, "
                 "{flag: f%u, state: false}], on_timeout: %s}}",
                 ms & 1 ? "all" : "any", ms, (unsigned)play_below(p, 4), (unsigned)play_below(p, 4),
                 end);
        break;
    case 2:
        play_add(p, "{type: wait_event, topic: '%s', timeout_ms: %u, on_timeout: %s}",
                 ms & 1 ? "t/+" : "t/1", ms, end);
        break;
    case 3:
        play_add(p, "{type: wait_operator, text: 'w {{v0}}', timeout_ms: %u, on_timeout: %s}", ms,
                 end);
        break;
    case 4:
        play_add(p, "{type: audio_play, track: a.wav, blocking: true}");
        break;
    case 5:
        play_add(p, "{type: run, scenario: s%u, await: true}",
                 (unsigned)play_below(p, p->scenario_count));
        break;
    default:
        play_add(p, "{type: command, command: c, timeout_ms: %u, on_timeout: %s}", ms, end);
        break;
    }
}

static void play_flat_step(struct play *p)
{
    switch (play_below(p, 8)) {
    case 0:
        play_add(p, "{type: mqtt_publish, topic: t/%u, payload: 'x{{v1}}'}",
                 (unsigned)play_below(p, 3));
        break;
    case 1:
        play_add(p, "{type: set_flag, flag: f%u, value: %s}", (unsigned)play_below(p, 4),
                 play_below(p, 2) ? "true" : "false");
        break;
    case 2:
        play_add(p, "{type: set, variable: v%u, expression: '%s'}", (unsigned)play_below(p, 3),
                 play_below(p, 4) ? "default(v0, 0) + 1" : "nothing + 1");
        break;
    case 3:
        play_add(p, "{type: run, scenario: s%u, parameters: [{name: p, value: '{{v0}}'}]}",
                 (unsigned)play_below(p, p->scenario_count));
        break;
    case 4:
        play_add(p, "{type: stop_scenario, scenario: s%u}",
                 (unsigned)play_below(p, p->scenario_count));
        break;
    case 5:
        play_add(p, "{type: loop, loop: {target_step: 0, max_iterations: %u}}",
                 1 + (unsigned)play_below(p, 3));
        break;
    case 6:
        play_add(p, "{type: stop, result: %s}", play_below(p, 2) ? "ok" : "failed");
        break;
    default:
        play_add(p, "{type: clock, action: %s, continue_on_error: true}",
                 play_below(p, 8)   ? "pause"
                 : play_below(p, 2) ? "reset"
                                    : "start");
        break;
    }
}

static void play_steps(struct play *p, unsigned depth, bool may_wait)
{
    for (uint32_t i = 0, n = play_below(p, 4); i < n; i++) {
        if (i)
            play_add(p, ", ");
        uint32_t kind = play_below(p, 4);
        if (kind == 0 && depth < 4)
            play_deep_step(p, depth, may_wait);
        else if (kind <= 2 && may_wait)
            play_wait_step(p);
        else
            play_flat_step(p);
    }
}

static void play_trigger(struct play *p)
{
    switch (play_below(p, 7)) {
    case 0:
        play_add(p, "{type: topic, topic: 't/%s', for_ms: %u}", play_below(p, 2) ? "+" : "1",
                 (unsigned)play_below(p, 3));
        break;
    case 1:
        play_add(p, "{type: flag, flag: f%u, for_ms: %u}", (unsigned)play_below(p, 4),
                 (unsigned)play_below(p, 20));
        break;
    case 2:
        play_add(p, "{type: variable, variable: v%u}", (unsigned)play_below(p, 3));
        break;
    case 3:
        play_add(p, "{type: interval, interval_ms: %u}", 10 + (unsigned)play_below(p, 50));
        break;
    case 4:
        play_add(p, "{type: device_online, device: d}");
        break;
    case 5:
        play_add(p, "{type: template, device: q}");
        break;
    default:
        play_add(p, "{type: time, at: '00:00:01'}");
        break;
    }
}

static void play_write(struct play *p)
{
    static const char *const modes[] = {"single", "restart", "queued", "parallel"};
    p->yaml_len = 0;
    play_add(
        p,
        "schema: 2\nvariables: [{name: v0, value: 1, persist: true}, {name: v1, value: a}]\n"
        "game: {duration_ms: 1000, on_start: {device: d, scenario: s0}}\ndevices:\n"
        "  - id: q\n    template: {type: sequence_lock, sequence: {timeout_ms: 30, success_topic: "
        "t/2, steps: [{topic: t/0}, {topic: t/1}]}}\n"
        "  - id: d\n    status: {topic: d/status, timeout_ms: 40}\n    safe_off: [{topic: t/2}]\n"
        "    commands: [{id: c, topic: t/0, payload: '{{request_id}}', result_topic: t/1}]\n"
        "    scenarios:\n");
    for (unsigned i = 0; i < p->scenario_count; i++) {
        play_add(p, "      - {id: s%u, mode: %s, max: 3, persist: %s, triggers: [", i,
                 modes[play_below(p, 4)], play_below(p, 2) ? "true" : "false");
        for (uint32_t k = 0, n = play_below(p, 3); k < n; k++) {
            if (k)
                play_add(p, ", ");
            play_trigger(p);
        }
        play_add(p, "], ");
        play_list(p, "steps", 0, true);
        play_add(p, ", ");
        play_list(p, "on_stop", 0, false);
        play_add(p, "}\n");
    }
}

// A random one may break a rule (an endless loop, a target that is not there): then NULL.
static nh_device_set_t *play_set(struct play *p)
{
    const struct nh_device_compiler_config cfg = {.mem = p->mem,
                                                  .limits = &nh_device_limits_standard};
    nh_device_compiler_t *c;
    nh_device_set_t *set = NULL;
    struct nh_yaml_error e;
    if (p->library)
        return nh_device_set_ref(p->library[play_below(p, p->library_count)]);
    play_write(p);
    if (nh_device_compiler_create(&cfg, &c) < 0)
        return NULL;
    if (nh_yaml_read(p->yaml, p->yaml_len, nh_device_compiler_yaml, c, &e) == 0 &&
        nh_device_compiler_end(c, &set) < 0)
        set = NULL;
    nh_device_compiler_destroy(c);
    p->set_count += set != NULL;
    return set;
}

// ---- the room -----------------------------------------------------------------------------------

static int play_publish(void *ctx, const struct nh_automation_publish *m)
{
    struct play *p = ctx;
    const struct nh_automation_message back = {.topic = m->topic, .payload = m->payload};
    nh_automation_message(p->a, &back, p->now_ms);
    return NH_OK;
}

static int play_play(void *ctx, const struct nh_automation_play *m)
{
    struct play *p = ctx;
    (void)m;
    return (int)++p->audio_next;
}

static int play_audio(void *ctx, const struct nh_automation_audio *c)
{
    (void)ctx;
    (void)c;
    return NH_OK;
}

static int play_filter_add(void *ctx, struct nh_automation_filter *f)
{
    struct play *p = ctx;
    f->user = p;
    p->filter_count++;
    return NH_OK;
}

static void play_filter_remove(void *ctx, struct nh_automation_filter *f)
{
    struct play *p = ctx;
    PLAY_ASSERT(f->user == p);
    p->filter_count--;
}

static struct play_kept *play_find(struct play *p, const char *key)
{
    for (size_t i = 0; i < p->kept_count; i++)
        if (strcmp(p->kept[i].key, key) == 0)
            return &p->kept[i];
    return NULL;
}

static void play_put(struct play *p, const char *key, const void *value, size_t len)
{
    struct play_kept *k = play_find(p, key);
    k = k ? k : play_find(p, "");
    PLAY_ASSERT((k || p->kept_count < PLAY_KEPT_MAX) && len <= PLAY_VALUE_MAX);
    k = k ? k : &p->kept[p->kept_count++];
    snprintf(k->key, sizeof k->key, "%s", key);
    memcpy(k->value, value, len);
    k->len = len;
}

static void play_remove(struct play *p, const char *key)
{
    struct play_kept *k = play_find(p, key);
    if (k)
        k->key[0] = '\0';
}

static int play_commit(void *ctx, const struct nh_automation_write *writes, size_t count)
{
    struct play *p = ctx;
    PLAY_ASSERT(p->flying_count == 0 && count > 0 && count <= NH_AUTOMATION_BATCH_MAX_COUNT);
    if (!p->has_power || p->store == PLAY_STORE_REFUSES)
        return NH_ERR_IO;
    for (size_t i = 0; i < count; i++) {
        const struct nh_automation_write *w = &writes[i];
        if (p->store == PLAY_STORE_SLOW) {
            struct play_kept *k = &p->flying[i];
            PLAY_ASSERT(w->len <= PLAY_VALUE_MAX);
            snprintf(k->key, sizeof k->key, "%s", w->key);
            k->len = w->len;
            k->is_removal = !w->value;
            if (w->value)
                memcpy(k->value, w->value, w->len);
        } else if (w->value) {
            play_put(p, w->key, w->value, w->len);
        } else {
            play_remove(p, w->key);
        }
    }
    p->flying_count = p->store == PLAY_STORE_SLOW ? count : 0;
    return p->store == PLAY_STORE_SLOW;
}

// What was begun is done, or it turns out that it could not be.
static int play_wait(void *ctx)
{
    struct play *p = ctx;
    size_t count = p->flying_count;
    p->flying_count = 0;
    if (!p->has_power || p->store == PLAY_STORE_REFUSES)
        return NH_ERR_IO;
    for (size_t i = 0; i < count; i++)
        if (p->flying[i].is_removal)
            play_remove(p, p->flying[i].key);
        else
            play_put(p, p->flying[i].key, p->flying[i].value, p->flying[i].len);
    return NH_OK;
}

static void play_stored(struct play *p)
{
    if (p->flying_count)
        nh_automation_stored(p->a, play_wait(p), p->now_ms);
}

static int play_each(void *ctx, const char *prefix,
                     void (*visit)(void *visit_ctx, const char *key, const void *value, size_t len),
                     void *visit_ctx)
{
    struct play *p = ctx;
    for (size_t i = 0; i < p->kept_count; i++)
        if (p->kept[i].key[0] && strncmp(p->kept[i].key, prefix, strlen(prefix)) == 0)
            visit(visit_ctx, p->kept[i].key, p->kept[i].value, p->kept[i].len);
    return NH_OK;
}

static void play_create(struct play *p)
{
    static const struct nh_automation_store store = {play_commit, play_wait, play_each};
    const struct nh_automation_config cfg = {.mem = p->mem,
                                             .limits = p->limits,
                                             .out = {.publish = play_publish,
                                                     .play = play_play,
                                                     .audio = play_audio,
                                                     .filter_add = play_filter_add,
                                                     .filter_remove = play_filter_remove,
                                                     .store = &store,
                                                     .ctx = p},
                                             .seed = 3,
                                             .now_ms = p->now_ms,
                                             .unix_ms = p->unix_ms + (int64_t)p->now_ms};
    PLAY_ASSERT(nh_automation_create(&cfg, &p->a) == NH_OK);
}

// ---- acts ---------------------------------------------------------------------------------------

static nh_span_t play_span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static void play_go(struct play *p, uint64_t ms)
{
    uint64_t end_ms = p->now_ms + ms;
    for (uint32_t i = 0; i < p->tick_max && nh_automation_next_deadline(p->a) <= end_ms; i++) {
        uint64_t due_ms = nh_automation_next_deadline(p->a);
        p->now_ms = due_ms > p->now_ms ? due_ms : p->now_ms;
        nh_automation_tick(p->a, p->now_ms);
    }
    p->now_ms = end_ms;
}

static void play_apply(struct play *p)
{
    nh_device_set_t *set = play_set(p);
    if (!set)
        return;
    int err = nh_automation_devices_set(p->a, set, (enum nh_automation_apply)play_below(p, 2),
                                        p->now_ms, NULL, NULL);
    PLAY_ASSERT(err == NH_OK);
    nh_device_set_unref(set);
}

static void play_count(struct play *p);

// The power goes and comes: with the same configuration, or with another, as after a trial that is
// undone.
static void play_crash(struct play *p, nh_device_set_t *set)
{
    nh_device_set_t *next = play_below(p, 4) ? nh_device_set_ref(set) : play_set(p);
    play_count(p);
    p->has_power = false;
    nh_automation_destroy(p->a);
    PLAY_ASSERT(p->filter_count == 0 && p->flying_count == 0);
    p->has_power = true;
    play_remove(p, "boot");
    p->now_ms += play_below(p, 50);
    play_create(p);
    if (next)
        PLAY_ASSERT(nh_automation_devices_set(p->a, next, NH_AUTOMATION_KEEP, p->now_ms, NULL,
                                              NULL) == NH_OK);
    nh_device_set_unref(next);
}

static void play_input(struct play *p)
{
    char name[16];
    unsigned n = play_below(p, 4);
    const struct nh_automation_message m = {
        .topic = play_span(name), .payload = play_span("5"), .is_retained = n == 3};
    struct nh_value v = nh_value_of_number(n);
    snprintf(name, sizeof name, n < 3 ? "t/%u" : "d/status", n);
    switch (play_below(p, 6)) {
    case 0:
    case 1:
        nh_automation_message(p->a,
                              &(struct nh_automation_message){.topic = play_span(name),
                                                              .payload = m.payload,
                                                              .is_retained = m.is_retained},
                              p->now_ms);
        break;
    case 2:
        snprintf(name, sizeof name, "f%u", n);
        NH_IGNORE(nh_automation_flag_set(p->a, play_span(name), play_below(p, 2), NH_ORIGIN_HTTP,
                                         p->now_ms));
        break;
    case 3:
        snprintf(name, sizeof name, "v%u", n);
        NH_IGNORE(nh_automation_variable_set(p->a, play_span(name), &v, NH_ORIGIN_HTTP, p->now_ms));
        break;
    case 4:
        nh_automation_audio_finished(p->a, p->audio_next - n % 2, play_span("a.wav"),
                                     n == 2 ? "error" : "ended", p->now_ms);
        break;
    default:
        nh_automation_wall_set(p->a, p->unix_ms + (int64_t)p->now_ms + (int64_t)n * 3600000, 0,
                               p->now_ms);
        break;
    }
}

static void play_operator(struct play *p)
{
    char id[8];
    uint32_t instance = 1 + play_below(p, 40);
    snprintf(id, sizeof id, "s%u", (unsigned)play_below(p, p->scenario_count));
    const struct nh_automation_run r = {
        .device = play_span("d"), .scenario = play_span(id), .origin = NH_ORIGIN_HTTP};
    switch (play_below(p, 8)) {
    case 0:
    case 1:
    case 2:
        NH_IGNORE(nh_automation_run(p->a, &r, p->now_ms));
        break;
    case 3:
        NH_IGNORE(nh_automation_cancel(p->a, instance, NH_ORIGIN_HTTP, p->now_ms));
        break;
    case 4:
        NH_IGNORE(nh_automation_skip(p->a, instance, NH_ORIGIN_HTTP, p->now_ms));
        break;
    case 5:
        NH_IGNORE(nh_automation_force(p->a, instance, NH_ORIGIN_HTTP, p->now_ms));
        break;
    case 6:
        NH_IGNORE(nh_automation_game(p->a, (enum nh_clock_action)play_below(p, 6), 10,
                                     NH_ORIGIN_HTTP, p->now_ms));
        break;
    default:
        (void)nh_automation_cancel_all(p->a, NH_ORIGIN_HTTP, p->now_ms);
        break;
    }
}

static void play_act(struct play *p, nh_device_set_t *set)
{
    static const enum play_store stores[] = {PLAY_STORE_WELL, PLAY_STORE_WELL, PLAY_STORE_SLOW,
                                             PLAY_STORE_SLOW, PLAY_STORE_REFUSES};
    uint32_t act = play_below(p, p->act_count);
    if (act < 2 && p->big_count-- == 0) {
        p->big_count = 0;
        act = p->act_count;
    }
    switch (act) {
    case 0:
        play_apply(p);
        break;
    case 1:
        play_crash(p, set);
        break;
    case 2:
        p->store = stores[play_below(p, NH_ARRAY_LEN(stores))];
        break;
    case 3:
        play_stored(p);
        break;
    case 4:
    case 5:
    case 6:
        play_go(p, play_below(p, p->go_max_ms));
        break;
    case 7:
    case 8:
    case 9:
    case 10:
        play_operator(p);
        break;
    default:
        play_input(p);
        break;
    }
}

static uint32_t play_runs_kept(const struct play *p)
{
    uint32_t count = 0;
    for (size_t i = 0; i < p->kept_count; i++)
        count += strncmp(p->kept[i].key, "run/", 4) == 0;
    return count;
}

// Every instance that started has ended or is there; nothing waits that nothing would wake; once
// the store is up to date it has none but what is there.
static void play_check(const struct play *p)
{
    struct nh_automation_info i;
    nh_automation_info(p->a, &i);
    PLAY_ASSERT(nh_automation_check(p->a) == NH_OK);
    PLAY_ASSERT(i.started + i.resumed == i.done + i.failed + i.cancelled + i.instance_count);
    PLAY_ASSERT(i.instance_count == i.running_count + i.waiting_count + i.queued_count);
    PLAY_ASSERT(i.instance_count <= PLAY_INSTANCE_MAX && i.filter_count == p->filter_count);
    PLAY_ASSERT(i.journal_dirty <= i.journal_count);
    PLAY_ASSERT(i.journal_dirty || play_runs_kept(p) <= i.instance_count);
}

static void play_count(struct play *p)
{
    struct nh_automation_info i;
    nh_automation_info(p->a, &i);
    p->started += i.started;
    p->resumed += i.resumed;
    p->steps += i.steps;
}

static void play_end(struct play *p)
{
    struct nh_automation_info i;
    nh_automation_enable(p->a, false, NH_ORIGIN_HTTP, p->now_ms); // nothing new begins
    NH_IGNORE(nh_automation_game(p->a, NH_CLOCK_RESUME, 0, NH_ORIGIN_HTTP, p->now_ms));
    for (int n = 0; n < 3; n++) { // what stops may run something
        (void)nh_automation_cancel_all(p->a, NH_ORIGIN_HTTP, p->now_ms);
        play_go(p, 10);
    }
    nh_automation_info(p->a, &i);
    PLAY_ASSERT(i.instance_count == 0);
    p->store = PLAY_STORE_WELL;
    play_stored(p);
    // The second call is for what is written in between.
    for (int n = 0; n < 2; n++) {
        p->now_ms += 60000;
        nh_automation_tick(p->a, p->now_ms);
    }
    nh_automation_info(p->a, &i);
    PLAY_ASSERT(i.journal_dirty == 0 && i.store_retry_ms == 0 && play_runs_kept(p) == 0);
}

static const struct nh_automation_limits play_limits = {.instance_max_count = PLAY_INSTANCE_MAX,
                                                        .publish_max_per_s = 50,
                                                        .text_max_bytes = PLAY_VALUE_MAX,
                                                        .trace_bytes = 512};

// Plays all of the bytes; at the end everything stops, and nothing is left. `p` is as
// play_init() left it.
static void play_all(struct play *p, const uint8_t *bytes, size_t len)
{
    p->bytes = bytes;
    p->len = len;
    play_create(p);
    nh_device_set_t *set = play_set(p);
    if (set)
        PLAY_ASSERT(nh_automation_devices_set(p->a, set, NH_AUTOMATION_KEEP, p->now_ms, NULL,
                                              NULL) == NH_OK);
    while (p->at < p->len) {
        play_act(p, set);
        play_check(p);
    }
    play_end(p);
    play_count(p);
    nh_automation_destroy(p->a);
    PLAY_ASSERT(p->filter_count == 0);
    nh_device_set_unref(set);
}

static void play_init(struct play *p, nh_mem_t *mem)
{
    memset(p, 0, offsetof(struct play, yaml));
    p->mem = mem;
    p->limits = &play_limits;
    p->tick_max = 2000;
    p->go_max_ms = 60;
    p->scenario_count = 6;
    p->act_count = 18;
    p->big_count = UINT32_MAX;
    p->now_ms = 1000;
    p->unix_ms = 1796083200000;
    p->has_power = true;
}

#endif
