// automation_room.h - a room for tests of the automation: its outputs as lines of text, a clock
// that is a variable, a store that can lose power. Include after <cmocka.h>.
//
// room_do() plays a script: commands with ';' between. Each output is a line in room.said:
//   go MS              lets time pass, from deadline to deadline
//   run D/S  msg T P  retained T P  flag N 0|1  set N V  button N  call N
//   finish REASON      the last audio instance ends
//   skip  force  cancel  all  (the newest instance, all)
//   start pause resume stop reset add MS  hint N  enable  clock UNIX_MS

#ifndef NH_TEST_AUTOMATION_ROOM_H
#define NH_TEST_AUTOMATION_ROOM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "components/automation/automation.h"
#include "support/device_set.h"

#define ROOM_KEPT_MAX 256

struct room_kept {
    char key[NH_AUTOMATION_KEY_MAX_BYTES];
    size_t len;
    uint8_t value[1024];
};

static struct room {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_automation_t *a;
    nh_device_set_t *set;
    uint64_t now_ms;
    int64_t unix_ms; // when now_ms was 0
    char said[65536];
    size_t said_len;
    bool is_deaf; // publishes do not come back
    bool has_store, is_quiet;
    int publish_err, play_err, filter_err;
    int audio_next, audio_left_ms;
    int last_id;
    uint32_t filter_count;
    struct nh_automation_limits limits;
    struct room_kept kept[ROOM_KEPT_MAX];
    int writes_left;                 // batches; < 0: any number; 0: the power is off
    uint32_t write_count, key_count; // batches that were asked for, and keys in them
    bool is_slow;                    // a batch is begun, and done when room_stored() says so
    struct nh_automation_write flying[NH_AUTOMATION_BATCH_MAX_COUNT];
    char flying_bytes[8192];
    size_t flying_count;
} room;

static void room_say(const char *fmt, ...)
{
    va_list args;
    if (room.is_quiet)
        return;
    va_start(args, fmt);
    size_t cap = sizeof room.said - room.said_len;
    int n = vsnprintf(room.said + room.said_len, cap, fmt, args);
    va_end(args);
    if (n > 0 && (size_t)n < cap)
        room.said_len += (size_t)n;
}

// ---- its outputs --------------------------------------------------------------------------------

static int room_publish(void *ctx, const struct nh_automation_publish *m)
{
    const struct nh_automation_message back = {.topic = m->topic, .payload = m->payload};
    (void)ctx;
    if (room.publish_err < 0)
        return room.publish_err;
    room_say("%.*s=%.*s%s%s\n", (int)m->topic.len, (const char *)m->topic.ptr, (int)m->payload.len,
             (const char *)m->payload.ptr, m->qos ? m->qos == 2 ? " q2" : " q1" : "",
             m->retain ? " r" : "");
    if (!room.is_deaf)
        nh_automation_message(room.a, &back, room.now_ms);
    return NH_OK;
}

static int room_play(void *ctx, const struct nh_automation_play *p)
{
    (void)ctx;
    if (room.play_err < 0)
        return room.play_err;
    room_say("play %.*s%s\n", (int)p->track.len, (const char *)p->track.ptr,
             p->channel == NH_CHANNEL_BACKGROUND ? " background" : "");
    return ++room.audio_next;
}

static int room_audio(void *ctx, const struct nh_automation_audio *c)
{
    static const char *const verbs[] = {"stop", "pause", "resume", "seek", "volume"};
    (void)ctx;
    room_say("audio %s %u %u\n", verbs[c->verb], (unsigned)c->channel, (unsigned)c->value);
    return NH_OK;
}

static int room_lamp(void *ctx, nh_span_t json)
{
    (void)ctx;
    room_say("lamp %.*s\n", (int)json.len, (const char *)json.ptr);
    return 0;
}

static int room_audio_left(void *ctx, uint32_t instance)
{
    (void)ctx;
    (void)instance;
    return room.audio_left_ms;
}

static void room_log(void *ctx, enum nh_step_level level, nh_span_t text)
{
    (void)ctx;
    room_say("log%d %.*s\n", (int)level, (int)text.len, (const char *)text.ptr);
}

static void room_notify(void *ctx, enum nh_step_level level, nh_span_t text)
{
    (void)ctx;
    room_say("notify%d %.*s\n", (int)level, (int)text.len, (const char *)text.ptr);
}

static int room_filter_add(void *ctx, struct nh_automation_filter *f)
{
    (void)ctx;
    (void)f;
    if (room.filter_err < 0)
        return room.filter_err;
    room.filter_count++;
    return NH_OK;
}

static void room_filter_remove(void *ctx, struct nh_automation_filter *f)
{
    (void)ctx;
    (void)f;
    room.filter_count--;
}

// ---- its store ----------------------------------------------------------------------------------

static struct room_kept *room_find(const char *key)
{
    for (size_t i = 0; i < ROOM_KEPT_MAX; i++)
        if (strcmp(room.kept[i].key, key) == 0)
            return &room.kept[i];
    return NULL;
}

static bool room_has_power(void)
{
    room.write_count++;
    if (room.writes_left > 0)
        room.writes_left--;
    else if (room.writes_left == 0)
        return false;
    return true;
}

static int room_put(const char *key, const void *value, size_t len)
{
    struct room_kept *k = room_find(key);
    k = k ? k : room_find("");
    if (!k || len > sizeof k->value)
        return NH_ERR_NOSPC;
    snprintf(k->key, sizeof k->key, "%s", key);
    memcpy(k->value, value, len);
    k->len = len;
    return NH_OK;
}

static void room_remove(const char *key)
{
    struct room_kept *k = room_find(key);
    if (k)
        k->key[0] = '\0';
}

static int room_write(const struct nh_automation_write *writes, size_t count)
{
    if (!room_has_power())
        return NH_ERR_IO;
    for (size_t i = 0; i < count; i++) {
        room.key_count++;
        if (writes[i].value)
            assert_int_equal(room_put(writes[i].key, writes[i].value, writes[i].len), NH_OK);
        else
            room_remove(writes[i].key);
    }
    return NH_OK;
}

static void *room_keep(size_t *used, const void *bytes, size_t len)
{
    char *at = room.flying_bytes + *used;
    assert_true(len <= sizeof room.flying_bytes - *used);
    *used += len;
    return memcpy(at, bytes, len);
}

static int room_commit(void *ctx, const struct nh_automation_write *writes, size_t count)
{
    size_t used = 0;
    (void)ctx;
    assert_true(count > 0 && count <= NH_AUTOMATION_BATCH_MAX_COUNT);
    assert_int_equal(room.flying_count, 0); // one at a time
    if (!room.is_slow)
        return room_write(writes, count);
    for (size_t i = 0; i < count; i++) {
        const struct nh_automation_write *w = &writes[i];
        room.flying[i] = (struct nh_automation_write){
            .key = room_keep(&used, w->key, strlen(w->key) + 1),
            .value = w->value ? room_keep(&used, w->value, w->len) : NULL,
            .len = w->len};
    }
    room.flying_count = count;
    return 1;
}

static int room_wait(void *ctx)
{
    size_t count = room.flying_count;
    (void)ctx;
    room.flying_count = 0;
    return room_write(room.flying, count);
}

// What a slow store has begun is done, or fails.
static inline void room_stored(void)
{
    if (room.flying_count)
        nh_automation_stored(room.a, room_wait(NULL), room.now_ms);
}

static int room_each(void *ctx, const char *prefix,
                     void (*visit)(void *visit_ctx, const char *key, const void *value, size_t len),
                     void *visit_ctx)
{
    (void)ctx;
    for (size_t i = 0; i < ROOM_KEPT_MAX; i++)
        if (room.kept[i].key[0] && strncmp(room.kept[i].key, prefix, strlen(prefix)) == 0)
            visit(visit_ctx, room.kept[i].key, room.kept[i].value, room.kept[i].len);
    return NH_OK;
}

static inline size_t room_kept_count(const char *prefix)
{
    size_t count = 0;
    for (size_t i = 0; i < ROOM_KEPT_MAX; i++)
        count += room.kept[i].key[0] && strncmp(room.kept[i].key, prefix, strlen(prefix)) == 0;
    return count;
}

// ---- life ---------------------------------------------------------------------------------------

static int room_try_create(void)
{
    static const struct nh_automation_store store = {room_commit, room_wait, room_each};
    const struct nh_automation_config cfg = {
        .mem = room.mem,
        .limits = &room.limits,
        .out = {.publish = room_publish,
                .play = room_play,
                .audio = room_audio,
                .lamp = room_lamp,
                .audio_left_ms = room_audio_left,
                .log = room_log,
                .notify = room_notify,
                .filter_add = room_filter_add,
                .filter_remove = room_filter_remove,
                .store = room.has_store ? &store : NULL},
        .seed = 7,
        .now_ms = room.now_ms,
        .unix_ms = room.unix_ms + (int64_t)room.now_ms,
        .utc_offset_min = 60,
    };
    return nh_automation_create(&cfg, &room.a);
}

#define ROOM_UNIX_MS 1796083200000 // 2026-12-01 00:00 UTC, a Tuesday: at each new room's start

static void room_create(void)
{
    assert_int_equal(room_try_create(), NH_OK);
}

// Another room, as at the beginning.
static inline void room_anew(void)
{
    nh_automation_destroy(room.a);
    room.unix_ms = ROOM_UNIX_MS - (int64_t)room.now_ms;
    room_create();
}

static void room_running(void *ctx, uint32_t instance, nh_span_t device, nh_span_t scenario)
{
    (void)ctx;
    (void)instance;
    room_say("runs on %.*s/%.*s\n", (int)device.len, (const char *)device.ptr, (int)scenario.len,
             (const char *)scenario.ptr);
}

static inline int room_apply(const char *yaml, enum nh_automation_apply how)
{
    nh_device_set_t *set = device_set_from_yaml(room.mem, yaml, false);
    int err = nh_automation_devices_set(room.a, set, how, room.now_ms, room_running, NULL);
    nh_device_set_unref(set);
    return err;
}

static void room_init(void *internal, size_t internal_bytes, void *psram, size_t psram_bytes)
{
    const struct nh_mem_system_config cfg = {
        .region = {{internal, internal_bytes}, {psram, psram_bytes}}};
    memset(&room, 0, sizeof room);
    room.now_ms = 1000;
    room.unix_ms = ROOM_UNIX_MS - 1000;
    room.writes_left = -1;
    room.audio_left_ms = NH_ERR_UNSUPPORTED;
    assert_int_equal(nh_mem_system_create(&cfg, &room.sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(room.sys, "automation", NULL, &room.mem), NH_OK);
}

static void room_leak(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes,
                      size_t blocks)
{
    (void)ctx;
    fail_msg("%s holds %zu bytes in %zu blocks of tier %d", owner, bytes, blocks, (int)tier);
}

static void room_deinit(void)
{
    nh_mem_fault_set(room.sys, NULL);
    nh_automation_destroy(room.a);
    assert_int_equal(room.filter_count, 0);
    assert_int_equal(nh_mem_check(room.sys), NH_OK);
    assert_int_equal(nh_mem_system_destroy(room.sys, room_leak, NULL), 0);
}

// The hub loses power and starts again with the same devices.
static inline void room_crash(void)
{
    int left = room.writes_left;
    room.writes_left = 0;
    nh_automation_destroy(room.a);
    room.writes_left = left;
    room_create();
}

// ---- playing ------------------------------------------------------------------------------------

static nh_span_t room_span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static void room_go(uint64_t ms)
{
    uint64_t end_ms = room.now_ms + ms;
    for (int i = 0; i < 100000; i++) {
        uint64_t due_ms = nh_automation_next_deadline(room.a);
        if (due_ms > end_ms)
            break;
        if (due_ms > room.now_ms)
            room.now_ms = due_ms;
        nh_automation_tick(room.a, room.now_ms);
        assert_int_equal(nh_automation_check(room.a), NH_OK);
        assert_true(i < 99999);
    }
    room.now_ms = end_ms;
    nh_automation_tick(room.a, room.now_ms);
}

static void room_msg(const char *topic, const char *payload, bool is_retained)
{
    const struct nh_automation_message m = {
        .topic = room_span(topic), .payload = room_span(payload), .is_retained = is_retained};
    nh_automation_message(room.a, &m, room.now_ms);
}

static inline int room_run(const char *device, const char *scenario)
{
    const struct nh_automation_run r = {
        .device = room_span(device), .scenario = room_span(scenario), .origin = NH_ORIGIN_HTTP};
    int id = nh_automation_run(room.a, &r, room.now_ms);
    if (id > 0)
        room.last_id = id;
    return id;
}

static void room_game(const char *word, const char *value)
{
    static const char *const words[] = {"start", "pause", "resume", "stop", "reset", "add"};
    for (int i = 0; i < 6; i++)
        if (strcmp(word, words[i]) == 0) {
            int err = nh_automation_game(room.a, (enum nh_clock_action)i, atoll(value),
                                         NH_ORIGIN_HTTP, room.now_ms);
            if (err < 0)
                room_say("%s %s\n", word, nh_err_name(err));
            return;
        }
    fail_msg("no command %s", word);
}

static void room_command(const char *word, char *one, const char *two)
{
    uint64_t now = room.now_ms;
    uint32_t id = (uint32_t)room.last_id;
    struct nh_value v = nh_value_of_text(room_span(two));
    int err = NH_OK;
    char *slash = strchr(one, '/');
    if (strcmp(word, "go") == 0)
        room_go(strtoull(one, NULL, 10));
    else if (strcmp(word, "run") == 0 && slash) {
        *slash = '\0';
        err = room_run(one, slash + 1);
    } else if (strcmp(word, "msg") == 0)
        room_msg(one, two, false);
    else if (strcmp(word, "retained") == 0)
        room_msg(one, two, true);
    else if (strcmp(word, "flag") == 0)
        err = nh_automation_flag_set(room.a, room_span(one), atoi(two), NH_ORIGIN_HTTP, now);
    else if (strcmp(word, "set") == 0)
        err = nh_automation_variable_set(room.a, room_span(one), &v, NH_ORIGIN_HTTP, now);
    else if (strcmp(word, "finish") == 0)
        nh_automation_audio_finished(room.a, (uint32_t)room.audio_next, room_span("/sdcard/a.wav"),
                                     one, now);
    else if (strcmp(word, "skip") == 0)
        err = nh_automation_skip(room.a, id, NH_ORIGIN_HTTP, now);
    else if (strcmp(word, "force") == 0)
        err = nh_automation_force(room.a, id, NH_ORIGIN_HTTP, now);
    else if (strcmp(word, "cancel") == 0)
        err = nh_automation_cancel(room.a, id, NH_ORIGIN_HTTP, now);
    else if (strcmp(word, "all") == 0)
        err = nh_automation_cancel_all(room.a, NH_ORIGIN_HTTP, now);
    else if (strcmp(word, "button") == 0)
        err = nh_automation_button(room.a, room_span(one), NH_ORIGIN_BUTTON, now);
    else if (strcmp(word, "call") == 0)
        err = nh_automation_call(room.a, room_span(one), NULL, 0, now);
    else if (strcmp(word, "hint") == 0)
        err = nh_automation_hint(room.a, atoi(one), room_span("own"), NH_ORIGIN_HTTP, now);
    else if (strcmp(word, "enable") == 0)
        nh_automation_enable(room.a, true, NH_ORIGIN_HTTP, now);
    else if (strcmp(word, "clock") == 0) {
        room.unix_ms = atoll(one) - (int64_t)now;
        nh_automation_wall_set(room.a, atoll(one), 60, now);
    } else
        room_game(word, one);
    if (err < 0)
        room_say("%s %s\n", word, nh_err_name(err));
}

static inline void room_do(const char *script)
{
    char text[1024], *save = NULL;
    snprintf(text, sizeof text, "%s", script);
    for (char *c = strtok_r(text, ";", &save); c; c = strtok_r(NULL, ";", &save)) {
        char word[32] = "", one[256] = "", two[512] = "";
        if (sscanf(c, " %31s %255s %511[^\n]", word, one, two) < 1)
            continue;
        room_command(word, one, two);
        assert_int_equal(nh_automation_check(room.a), NH_OK);
    }
}

// What was said since the last time.
static inline void room_expect(const char *name, const char *want)
{
    if (strcmp(room.said, want) != 0)
        fail_msg("%s:\n--- said\n%s--- wanted\n%s---", name, room.said, want);
    room.said_len = 0;
    room.said[0] = '\0';
}

#endif
