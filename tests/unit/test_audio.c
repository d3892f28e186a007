// The player whole: its tasks, a real card, real files, outputs that keep time.

#include "linux_fixture.h"

#include "audio_fixture.h"
#include "components/audio/audio_reader.h"
#include "core/base/atomic.h"
#include "support/fake_disk.h"

#include <pthread.h>
#include <sys/stat.h>

#define RATE 44100
#define PATIENCE_MS 30000

static struct linux_fixture fx;
static nh_mem_t *audio_mem;
static nh_bus_t *bus;
static nh_lock_t bus_lock;
static nh_bus_sub_t *sub;
static nh_notify_t *woken;
static nh_audio_t *audio;
static char dir[256], card[300], out_device[320];
static struct nh_event last; // of those drained
static char last_path[NH_AUDIO_PATH_MAX_BYTES];
static unsigned finished_count;
static nh_notify_t *gate; // what the player's task waits for in on_wake(), once

static void on_event(void *ctx, const struct nh_event *e)
{
    (void)ctx;
    struct nh_event_audio_finished f;
    last = *e;
    memcpy(&f, e->data, sizeof f);
    snprintf(last_path, sizeof last_path, "%s", f.path);
    if (e->blob)
        snprintf(last_path, sizeof last_path, "%.*s", (int)nh_blob_len(e->blob),
                 (const char *)nh_blob_bytes(e->blob));
    finished_count++;
}

static void on_wake(void *ctx)
{
    (void)ctx;
    nh_notify_post(woken);
    nh_notify_t *wait = __atomic_exchange_n(&gate, NULL, __ATOMIC_ACQ_REL);
    if (wait)
        NH_IGNORE(nh_notify_wait(wait, PATIENCE_MS));
}

static int setup(void **state)
{
    static const nh_event_id_t ids[] = {NH_EVENT_AUDIO_FINISHED};
    (void)state;
    fixture_start(&fx);
    fixture_dir_make(dir, sizeof dir);
    snprintf(card, sizeof card, "%s/card", dir);
    snprintf(out_device, sizeof out_device, "file:%s/out.wav", dir);
    assert_int_equal(nh_mem_owner_add(fx.sys, "audio", NULL, &audio_mem), 0);
    assert_int_equal(nh_lock_create(&bus_lock), 0);
    const struct nh_bus_config cfg = {
        .mem = fx.mem, .lock = bus_lock, .event_count = NH_EVENT_COUNT};
    assert_int_equal(nh_bus_create(&cfg, &bus), 0);
    assert_int_equal(nh_notify_create(fx.mem, &woken), 0);
    const struct nh_bus_sub_config s = {.name = "test",
                                        .ids = ids,
                                        .id_count = 1,
                                        .queue_max = 64,
                                        .handle = on_event,
                                        .wake = on_wake};
    assert_int_equal(nh_bus_subscribe(bus, &s, &sub), 0);
    finished_count = 0;
    audio = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_audio_destroy(audio);
    nh_bus_destroy(bus);
    nh_notify_destroy(woken);
    nh_lock_destroy(&bus_lock);
    fixture_dir_remove(dir);
    fixture_stop(&fx);
    return 0;
}

static struct nh_audio_config config(const char *output)
{
    return (struct nh_audio_config){.mem = audio_mem,
                                    .sys = fx.sys,
                                    .bus = bus,
                                    .root = card,
                                    .output = output,
                                    .latency_ms = 40,
                                    .duck_db = 12};
}

static void start(const char *output)
{
    const struct nh_audio_config cfg = config(output);
    assert_int_equal(nh_audio_create(&cfg, &audio), 0);
}

static void tone(const char *name, double hz, double seconds)
{
    char path[512];
    const struct tone t = {TONE_WAV, RATE, 2, hz, 0.5, seconds};
    snprintf(path, sizeof path, "%s/%s", card, name);
    tone_make(path, &t);
}

static int play_at(enum nh_audio_channel c, const char *path, bool is_looped, uint32_t seek_ms)
{
    const struct nh_audio_play p = {.channel = c,
                                    .origin = NH_ORIGIN_HTTP,
                                    .path = path,
                                    .volume = 100,
                                    .is_looped = is_looped,
                                    .seek_ms = seek_ms};
    return nh_audio_play(audio, &p);
}

static int play(enum nh_audio_channel c, const char *path)
{
    return play_at(c, path, false, 0);
}

static struct nh_audio_target channel(enum nh_audio_channel c)
{
    return (struct nh_audio_target){.kind = NH_AUDIO_ONE_CHANNEL, .channel = c};
}

static struct nh_audio_target instance(int n)
{
    return (struct nh_audio_target){.kind = NH_AUDIO_INSTANCE, .instance = (uint32_t)n};
}

static const struct nh_audio_target all = {.kind = NH_AUDIO_ALL};

// The next end of a track.
static struct nh_event_audio_finished finished(void)
{
    struct nh_event_audio_finished f;
    unsigned before = finished_count;
    while (finished_count == before) {
        if (nh_bus_drain(sub, 1) == 0)
            assert_int_equal(nh_notify_wait(woken, PATIENCE_MS), 0);
    }
    memcpy(&f, last.data, sizeof f);
    return f;
}

static struct nh_audio_snapshot snapshot(void)
{
    struct nh_audio_snapshot s;
    nh_audio_snapshot(audio, &s);
    return s;
}

// Turns until the expression holds of a fresh snapshot `s`.
#define UNTIL(expr)                                                                                \
    do {                                                                                           \
        uint64_t until_ = nh_clock_ms() + PATIENCE_MS;                                             \
        struct nh_audio_snapshot s = snapshot();                                                   \
        while (!(expr)) {                                                                          \
            if (nh_clock_ms() > until_)                                                            \
                fail_msg("never came: %s", #expr);                                                 \
            sched_yield();                                                                         \
            s = snapshot();                                                                        \
        }                                                                                          \
    } while (0)

static void test_plays_and_tells_its_end(void **state)
{
    (void)state;
    start("null");
    tone("a.wav", 1000, 0.3);
    int n = play(NH_AUDIO_EFFECT, "/sdcard/a.wav");
    assert_int_equal(n, 1);
    UNTIL(s.channel[NH_AUDIO_EFFECT].state == NH_AUDIO_PLAYING);
    struct nh_audio_snapshot now = snapshot();
    assert_string_equal(now.channel[NH_AUDIO_EFFECT].path, "/sdcard/a.wav");
    assert_int_equal(now.channel[NH_AUDIO_EFFECT].dur_ms, 300);
    assert_int_equal(now.channel[NH_AUDIO_EFFECT].format, NH_AUDIO_WAV);
    assert_in_range(now.channel[NH_AUDIO_EFFECT].bitrate_kbps, 1400, 1420);
    assert_int_equal(now.channel[NH_AUDIO_EFFECT].instance, 1);
    assert_int_equal(now.output, NH_AUDIO_OUTPUT_OPEN);
    struct nh_event_audio_finished f = finished();
    assert_int_equal(f.instance, 1);
    assert_int_equal(f.reason, NH_AUDIO_ENDED);
    assert_int_equal(f.channel, NH_AUDIO_EFFECT);
    assert_string_equal(f.path, "/sdcard/a.wav");
    assert_false(f.is_cut);
    assert_int_equal(last.origin, NH_ORIGIN_HTTP);
    UNTIL(s.channel[NH_AUDIO_EFFECT].state == NH_AUDIO_IDLE);
    assert_int_equal(play(NH_AUDIO_BACKGROUND, "/sdcard/a.wav"), 2);
    f = finished();
    assert_int_equal(f.channel, NH_AUDIO_BACKGROUND);
    assert_int_equal(snapshot().output_failure_count, 0);
}

// What a lamp hears: of the task `audio`, so counted atomically.
static struct {
    uint32_t count, loudest, loudest_band, last;
} heard;

static void hear(void *ctx, uint8_t level, const uint8_t band[16])
{
    (void)ctx;
    size_t top = 0;
    for (size_t i = 0; i < 16; i++)
        top = band[i] > band[top] ? i : top;
    if (level > nh_atomic_load_u32(&heard.loudest)) {
        nh_atomic_store_u32(&heard.loudest, level);
        nh_atomic_store_u32(&heard.loudest_band, (uint32_t)top);
    }
    nh_atomic_store_u32(&heard.last, level);
    nh_atomic_add_u32(&heard.count, 1);
}

static void test_level_is_told(void **state)
{
    struct nh_audio_config cfg = config("null");
    (void)state;
    memset(&heard, 0, sizeof heard);
    cfg.level = hear;
    assert_int_equal(nh_audio_create(&cfg, &audio), 0);
    tone("a.wav", 927, 0.3); // the ninth band
    assert_int_equal(play(NH_AUDIO_EFFECT, "/sdcard/a.wav"), 1);
    finished();
    UNTIL(s.channel[NH_AUDIO_EFFECT].state == NH_AUDIO_IDLE);
    for (uint64_t end = nh_clock_ms() + PATIENCE_MS; nh_atomic_load_u32(&heard.last) > 0;)
        assert_true(nh_clock_ms() < end);
    assert_in_range(nh_atomic_load_u32(&heard.count), 8, 40);
    assert_in_range(nh_atomic_load_u32(&heard.loudest), 160, 172); // -6 dB, and -15 of volume 70
    assert_int_equal(nh_atomic_load_u32(&heard.loudest_band), 8);
}

static void test_a_long_path_travels_whole(void **state)
{
    char path[NH_AUDIO_PATH_MAX_BYTES] = "/sdcard/", name[NH_AUDIO_PATH_MAX_BYTES] = "";
    (void)state;
    start("none");
    for (int i = 0; i < 80; i++)
        strcat(name, "\xc3\xa9"); // so that a cut may fall into a character
    strcat(name, ".wav");
    strcat(path, name);
    tone(name, 1000, 0.05);
    assert_int_equal(play(NH_AUDIO_EFFECT, path), 1);
    struct nh_event_audio_finished f = finished();
    assert_true(f.is_cut);
    assert_string_equal(last_path, path);
    assert_memory_equal(f.path, path, strlen(f.path));
    assert_int_equal(strlen(f.path) % 2, 0);
}

// Fault 19 of the older firmware: a stop stopped all.
static void test_stopping_one_leaves_the_other(void **state)
{
    (void)state;
    start("null");
    tone("a.wav", 1000, 0.4);
    int background = play_at(NH_AUDIO_BACKGROUND, "/sdcard/a.wav", true, 0);
    int effect = play(NH_AUDIO_EFFECT, "/sdcard/a.wav");
    UNTIL(s.channel[NH_AUDIO_EFFECT].state == NH_AUDIO_PLAYING &&
          s.channel[NH_AUDIO_BACKGROUND].state == NH_AUDIO_PLAYING);
    assert_int_equal(nh_audio_stop(audio, channel(NH_AUDIO_EFFECT), 0, NH_ORIGIN_CLI), 0);
    struct nh_event_audio_finished f = finished();
    assert_int_equal(f.instance, effect);
    assert_int_equal(f.reason, NH_AUDIO_STOPPED);
    assert_int_equal(last.origin, NH_ORIGIN_CLI); // who stopped it
    // One that is over is nobody's: the next one on its channel is not stopped by its number.
    int next = play(NH_AUDIO_EFFECT, "/sdcard/a.wav");
    assert_int_equal(nh_audio_stop(audio, instance(effect), 0, 0), NH_ERR_NOT_FOUND);
    assert_int_equal(finished().instance, next);
    assert_int_equal(snapshot().channel[NH_AUDIO_BACKGROUND].state, NH_AUDIO_PLAYING);
    assert_int_equal(nh_audio_stop(audio, instance(background), 50, 0), 0);
    f = finished();
    assert_int_equal(f.instance, background);
    assert_int_equal(f.reason, NH_AUDIO_STOPPED);
}

static void test_what_is_refused(void **state)
{
    char folder[512], link[512];
    (void)state;
    start("none");
    tone("a.wav", 1000, 0.1);
    snprintf(folder, sizeof folder, "%s/folder", card);
    snprintf(link, sizeof link, "%s/link.wav", card);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(symlink("/etc/passwd", link), 0);
    static const struct {
        const char *path;
        int err;
    } rows[] = {{"/sdcard/none.wav", NH_ERR_NOT_FOUND},  {"/sdcard/none/a.wav", NH_ERR_NOT_FOUND},
                {"/sdcard/folder", NH_ERR_TYPE},         {"/sdcard", NH_ERR_TYPE},
                {"/sdcard/../card/a.wav", NH_ERR_INVAL}, {"/sdcard/link.wav", NH_ERR_INVAL},
                {"/etc/passwd", NH_ERR_INVAL},           {"", NH_ERR_INVAL}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        assert_int_equal(play(NH_AUDIO_EFFECT, rows[i].path), rows[i].err);
    struct nh_audio_play p = {.channel = NH_AUDIO_EFFECT, .path = "/sdcard/a.wav", .volume = 101};
    assert_int_equal(nh_audio_play(audio, &p), NH_ERR_RANGE);
    p.volume = 100;
    p.fade_ms = NH_AUDIO_FADE_MAX_MS + 1;
    assert_int_equal(nh_audio_play(audio, &p), NH_ERR_RANGE);
    p.fade_ms = 0;
    p.channel = NH_AUDIO_CHANNEL_COUNT;
    assert_int_equal(nh_audio_play(audio, &p), NH_ERR_RANGE);
    // Where nothing plays.
    assert_int_equal(nh_audio_stop(audio, channel(NH_AUDIO_EFFECT), 0, 0), 0);
    assert_int_equal(nh_audio_stop(audio, all, 0, 0), 0);
    assert_int_equal(nh_audio_stop(audio, instance(7), 0, 0), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_audio_stop(audio, instance(0), 0, 0), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_audio_pause(audio, channel(NH_AUDIO_EFFECT)), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_audio_resume(audio, all), 0);
    assert_int_equal(nh_audio_seek(audio, channel(NH_AUDIO_EFFECT), 0), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_audio_seek(audio, all, 0), NH_ERR_RANGE);
    assert_int_equal(nh_audio_volume(audio, all, 101, 0), NH_ERR_RANGE);
    assert_int_equal(nh_audio_volume(audio, channel(NH_AUDIO_EFFECT), 50, 0), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_audio_stop(audio, channel(9), 0, 0), NH_ERR_RANGE);
    // The number of a refused one is not used up.
    assert_int_equal(play(NH_AUDIO_EFFECT, "/sdcard/a.wav"), 1);
}

static void test_pause_seek_volume(void **state)
{
    (void)state;
    start("null");
    tone("a.wav", 1000, 60);
    int n = play(NH_AUDIO_BACKGROUND, "/sdcard/a.wav");
    UNTIL(s.channel[0].state == NH_AUDIO_PLAYING && s.channel[0].dur_ms == 60000);
    assert_int_equal(nh_audio_pause(audio, instance(n)), 0);
    UNTIL(s.channel[0].state == NH_AUDIO_PAUSED);
    assert_int_equal(nh_audio_seek(audio, instance(n), 30000), 0);
    UNTIL(s.channel[0].pos_ms == 30000);
    assert_int_equal(snapshot().channel[0].state, NH_AUDIO_PAUSED);
    assert_int_equal(nh_audio_seek(audio, instance(n), 60000), NH_ERR_RANGE);
    assert_int_equal(nh_audio_resume(audio, channel(NH_AUDIO_BACKGROUND)), 0);
    UNTIL(s.channel[0].pos_ms > 30050);
    assert_int_equal(nh_audio_volume(audio, instance(n), 40, 100), 0);
    UNTIL(s.channel[0].volume == 40);
    assert_int_equal(nh_audio_volume(audio, all, 30, 0), 0);
    UNTIL(s.volume == 30);
    // Near its end it ends.
    assert_int_equal(nh_audio_seek(audio, instance(n), 59900), 0);
    assert_int_equal(finished().reason, NH_AUDIO_ENDED);
}

// What a file that is no sound, or one that is gone when it is opened, comes to.
static void test_errors_are_told(void **state)
{
    char path[512];
    (void)state;
    start("none");
    snprintf(path, sizeof path, "%s/text.wav", card);
    FILE *f = fopen(path, "w");
    fputs("this is no sound", f);
    fclose(f);
    int n = play(NH_AUDIO_EFFECT, "/sdcard/text.wav");
    struct nh_event_audio_finished e = finished();
    assert_int_equal(e.instance, n);
    assert_int_equal(e.reason, NH_AUDIO_ERROR);
    assert_int_equal(e.error, NH_ERR_UNSUPPORTED);
    UNTIL(strcmp(s.channel[NH_AUDIO_EFFECT].message, "unknown format") == 0);
    assert_int_equal(snapshot().channel[NH_AUDIO_EFFECT].state, NH_AUDIO_IDLE);
}

static size_t read_out(int16_t *frames, size_t max)
{
    SF_INFO info = {0};
    SNDFILE *f = sf_open(out_device + 5, SFM_READ, &info);
    assert_non_null(f);
    sf_count_t n = sf_readf_short(f, frames, (sf_count_t)max);
    sf_close(f);
    return (size_t)n;
}

static void test_no_card(void **state)
{
    static int16_t frames[RATE * 4];
    char moved[400];
    (void)state;
    start(out_device);
    tone("a.wav", 1000, 0.1);
    assert_int_equal(nh_audio_volume(audio, all, 100, 0), 0);
    snprintf(moved, sizeof moved, "%s.away", card);
    assert_int_equal(rename(card, moved), 0);
    assert_int_equal(play(NH_AUDIO_EFFECT, "/sdcard/a.wav"), NH_ERR_CLOSED);
    UNTIL(s.channel[NH_AUDIO_EFFECT].state == NH_AUDIO_PLAYING);
    assert_string_equal(snapshot().channel[NH_AUDIO_EFFECT].message, "the card is missing");
    assert_string_equal(snapshot().channel[NH_AUDIO_EFFECT].path, "");
    UNTIL(s.channel[NH_AUDIO_EFFECT].state == NH_AUDIO_IDLE);
    assert_int_equal(finished_count, 0); // beeps are nobody's track
    assert_int_equal(nh_bus_drain(sub, 0), 0);
    assert_int_equal(rename(moved, card), 0); // and it is back
    int n = play(NH_AUDIO_EFFECT, "/sdcard/a.wav");
    assert_int_equal(finished().instance, n);
    nh_audio_destroy(audio);
    audio = NULL;
    size_t len = read_out(frames, RATE * 2), at = 0;
    while (at < len && abs(frames[2 * at]) < 5)
        at++;
    size_t beep = RATE * 150 / 1000;
    assert_true(at + 2 * beep <= len);
    assert_true(wave_amplitude(frames + 2 * (at + 500), beep - 1000, 0, 660, RATE) > 7000);
    assert_true(wave_amplitude(frames + 2 * (at + beep + 500), beep - 1000, 0, 440, RATE) > 7000);
    assert_in_range(wave_step(frames, at + 2 * beep), 0, wave_step_max(8000, 660, RATE));
}

// What was heard, from the beginning to a stop in the middle of it all.
static void test_nothing_clicks(void **state)
{
    static int16_t frames[RATE * 8];
    (void)state;
    start(out_device);
    tone("a.wav", 441, 60);
    assert_int_equal(nh_audio_volume(audio, all, 100, 0), 0);
    int n = play(NH_AUDIO_EFFECT, "/sdcard/a.wav");
    UNTIL(s.channel[NH_AUDIO_EFFECT].pos_ms > 100);
    assert_int_equal(nh_audio_seek(audio, instance(n), 30007), 0);
    UNTIL(s.channel[NH_AUDIO_EFFECT].pos_ms > 30100);
    assert_int_equal(nh_audio_pause(audio, instance(n)), 0);
    UNTIL(s.channel[NH_AUDIO_EFFECT].state == NH_AUDIO_PAUSED);
    assert_int_equal(nh_audio_resume(audio, instance(n)), 0);
    UNTIL(s.channel[NH_AUDIO_EFFECT].pos_ms > 30200);
    n = play_at(NH_AUDIO_EFFECT, "/sdcard/a.wav", false, 10000);
    UNTIL(s.channel[NH_AUDIO_EFFECT].pos_ms > 10100 && s.channel[NH_AUDIO_EFFECT].pos_ms < 11000);
    nh_audio_destroy(audio); // while it plays
    audio = NULL;
    size_t len = read_out(frames, RATE * 4);
    assert_true(len > RATE / 3);
    assert_true(wave_peak(frames, len) > 16000);
    assert_in_range(wave_step(frames, len), 0, wave_step_max(16384, 441, RATE));
    assert_int_equal(wave_peak(frames + 2 * (len - 10), 10), 0); // it ended in silence
}

static void test_an_output_that_is_not_there(void **state)
{
    (void)state;
    start("no_such_device");
    tone("a.wav", 1000, 0.2);
    uint64_t begin_ms = nh_clock_ms();
    int n = play(NH_AUDIO_EFFECT, "/sdcard/a.wav");
    UNTIL(s.output == NH_AUDIO_OUTPUT_FAILED);
    struct nh_audio_snapshot now = snapshot();
    assert_memory_equal(now.output_message, "audio output failed: no_such_device", 35);
    assert_int_equal(now.output_failure_count, 1);
    // Time goes on: the track ends when it would have.
    assert_int_equal(finished().instance, n);
    assert_true(nh_clock_ms() - begin_ms >= 100);
    // Tried again, each time later.
    play_at(NH_AUDIO_EFFECT, "/sdcard/a.wav", true, 0);
    UNTIL(s.output_failure_count == 2);
    UNTIL(s.retry_in_ms > 1000);
}

static void test_closes_when_idle(void **state)
{
    (void)state;
    struct nh_audio_config cfg = config("null");
    cfg.idle_close_s = 1;
    assert_int_equal(nh_audio_create(&cfg, &audio), 0);
    tone("a.wav", 1000, 0.05);
    play(NH_AUDIO_EFFECT, "/sdcard/a.wav");
    finished();
    assert_int_equal(snapshot().output, NH_AUDIO_OUTPUT_OPEN);
    UNTIL(s.output == NH_AUDIO_OUTPUT_CLOSED);
    play(NH_AUDIO_EFFECT, "/sdcard/a.wav"); // and opens again
    finished();
}

static void test_full_queue(void **state)
{
    (void)state;
    struct nh_audio_config cfg = config("none");
    nh_notify_t *wait;
    cfg.queue_max = 4;
    assert_int_equal(nh_audio_create(&cfg, &audio), 0);
    assert_int_equal(nh_notify_create(fx.mem, &wait), 0);
    tone("a.wav", 1000, 0.05);
    // The player's task is held where it tells of an end.
    __atomic_store_n(&gate, wait, __ATOMIC_RELEASE);
    play(NH_AUDIO_EFFECT, "/sdcard/a.wav");
    assert_int_equal(nh_notify_wait(woken, PATIENCE_MS), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(nh_audio_volume(audio, all, 50, 0), 0);
    int n = play(NH_AUDIO_BACKGROUND, "/sdcard/a.wav");
    assert_int_equal(n, 2);
    assert_int_equal(nh_audio_volume(audio, all, 10, 0), NH_ERR_FULL);
    assert_int_equal(play(NH_AUDIO_EFFECT, "/sdcard/a.wav"), NH_ERR_FULL);
    // That a refused one was there is forgotten again.
    assert_int_equal(nh_audio_stop(audio, channel(NH_AUDIO_EFFECT), 0, 0), 0);
    nh_notify_post(wait);
    assert_int_equal(finished().instance, 1);
    assert_int_equal(finished().instance, 2);
    UNTIL(s.queue_full_count == 2 && s.volume == 50);
    nh_notify_destroy(wait);
}

// ---- the volume --------------------------------------------------------------------------------

static void test_volume_is_kept(void **state)
{
    (void)state;
    nh_files_t *files;
    nh_store_t *store;
    nh_lock_t lock;
    uint32_t volume;
    assert_int_equal(nh_files_open(fx.mem, dir, &files), 0);
    assert_int_equal(nh_lock_create(&lock), 0);
    const struct nh_store_config sc = {
        .mem = fx.mem, .fs = nh_files_fs(files), .dir = "config", .lock = lock};
    assert_int_equal(nh_store_create(&sc, &store), 0);
    struct nh_audio_config cfg = config("none");
    cfg.store = store;
    assert_int_equal(nh_audio_create(&cfg, &audio), 0);
    assert_int_equal(snapshot().volume, NH_AUDIO_VOLUME_DEFAULT);
    uint64_t begin_ms = nh_clock_ms();
    for (uint32_t v = 0; v <= 33; v++) // a slider that is dragged: one write
        while (nh_audio_volume(audio, all, v, 0) == NH_ERR_FULL)
            sched_yield();
    do {
        assert_int_equal(nh_audio__volume_load(store, &volume), 0);
        sched_yield();
    } while (volume != 33 && nh_clock_ms() < begin_ms + PATIENCE_MS);
    assert_int_equal(volume, 33);
    assert_true(nh_clock_ms() - begin_ms >= NH_AUDIO__VOLUME_DELAY_MS);
    struct nh_store_info info;
    nh_store_info(store, &info);
    assert_int_equal(info.writes_made, 1);
    // What has not been written yet is written at the end.
    assert_int_equal(nh_audio_volume(audio, all, 12, 0), 0);
    UNTIL(s.volume == 12);
    nh_audio_destroy(audio);
    assert_int_equal(nh_audio_create(&cfg, &audio), 0);
    assert_int_equal(snapshot().volume, 12);
    nh_audio_destroy(audio);
    // What is no volume is the default.
    assert_true(nh_store_put(store, "audio", "{\"volume\":101}", 14) > 0);
    assert_int_equal(nh_audio_create(&cfg, &audio), 0);
    assert_int_equal(snapshot().volume, NH_AUDIO_VOLUME_DEFAULT);
    nh_audio_destroy(audio);
    audio = NULL;
    nh_store_destroy(store);
    nh_lock_destroy(&lock);
    nh_files_close(files);
}

// The power goes at every call: the volume is the old one or the new one.
static void test_volume_and_power(void **state)
{
    static struct fake_disk base, disk;
    (void)state;
    for (enum fake_disk_fate fate = FAKE_DISK_LOSE; fate <= FAKE_DISK_KEEP; fate++) {
        uint32_t cut = 0, volume = 0;
        for (bool is_struck = true; is_struck;) {
            const struct nh_store_config sc = {
                .mem = fx.mem, .fs = fake_disk_fs(&disk), .dir = "config"};
            nh_store_t *store;
            fake_disk_init(&base);
            fake_disk_copy(&disk, &base);
            assert_int_equal(nh_store_create(&sc, &store), 0);
            assert_int_equal(nh_audio__volume_save(store, 20), 0);
            const struct fake_disk_fault fault = {.kind = FAKE_DISK_CUT_AFTER, .call = ++cut};
            fake_disk_fault_set(&disk, &fault);
            int err = nh_audio__volume_save(store, 80);
            is_struck = disk.is_struck;
            nh_store_destroy(store);
            fake_disk_power_cycle(&disk, fate, 0);
            fake_disk_fault_set(&disk, NULL);
            assert_int_equal(nh_store_create(&sc, &store), 0);
            assert_int_equal(nh_audio__volume_load(store, &volume), 0);
            assert_true(volume == 80 || (volume == 20 && err < 0));
            nh_store_destroy(store);
        }
        assert_true(cut > 4);
    }
}

// ---- memory ------------------------------------------------------------------------------------

static void test_every_allocation_of_create_fails_once(void **state)
{
    (void)state;
    const struct nh_audio_config cfg = config("none");
    int err = NH_ERR_NOMEM;
    uint64_t nth = 0;
    while (err == NH_ERR_NOMEM) {
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = ++nth});
        err = nh_audio_create(&cfg, &audio);
        nh_mem_fault_set(fx.sys, NULL);
        assert_true(err == 0 || (err == NH_ERR_NOMEM && !audio));
    }
    assert_int_equal(err, 0);
    assert_true(nth > 8);
}

// However far a track gets, it ends once, and the next one plays.
static void test_every_allocation_of_a_track_fails_once(void **state)
{
    (void)state;
    start("none");
    tone("a.wav", 1000, 0.03);
    play_at(NH_AUDIO_BACKGROUND, "/sdcard/a.wav", true, 0); // so that the output is open
    UNTIL(s.channel[NH_AUDIO_BACKGROUND].state == NH_AUDIO_PLAYING);
    int reason = NH_AUDIO_ERROR;
    uint64_t nth = 0;
    unsigned refused = 0, failed = 0;
    while (reason != NH_AUDIO_ENDED) {
        nh_mem_fault_set(fx.sys,
                         &(struct nh_mem_fault){.fail_nth = ++nth, .only_owner = audio_mem});
        int n = play(NH_AUDIO_EFFECT, "/sdcard/a.wav");
        if (n < 0) {
            assert_int_equal(n, NH_ERR_NOMEM);
            refused++;
        } else {
            struct nh_event_audio_finished f = finished();
            assert_int_equal(f.instance, n);
            reason = f.reason;
            failed += reason == NH_AUDIO_ERROR;
            if (reason == NH_AUDIO_ERROR)
                assert_int_equal(f.error, NH_ERR_NOMEM);
        }
        nh_mem_fault_set(fx.sys, NULL);
    }
    // The card and the track; then the reader's card, head, decoder, file, buffer.
    assert_int_equal(refused, 2);
    assert_int_equal(failed, 5);
    assert_int_equal(play(NH_AUDIO_EFFECT, "/sdcard/a.wav") > 0, 1);
    assert_int_equal(finished().reason, NH_AUDIO_ENDED);
}

// The contract of README.md, on the memory of an esp32-s3.
static void test_memory_contract(void **state)
{
    (void)state;
    struct nh_mem_owner_info o = {0};
    struct nh_audio_config cfg = config("null");
    cfg.latency_ms = 0; // the defaults
    assert_int_equal(nh_audio_create(&cfg, &audio), 0);
    tone("a.wav", 1000, 0.3);
    int background = play_at(NH_AUDIO_BACKGROUND, "/sdcard/a.wav", true, 0);
    play(NH_AUDIO_EFFECT, "/sdcard/a.wav");
    finished();
    for (size_t i = 0; nh_mem_owner_info(fx.sys, i, &o) == 0; i++)
        if (strcmp(o.name, "audio") == 0)
            break;
    assert_string_equal(o.name, "audio");
    print_message("internal %zu, psram %zu, peak %zu\n", o.tier[NH_MEM_INTERNAL].peak_bytes,
                  o.tier[NH_MEM_PSRAM].current_bytes, o.tier[NH_MEM_PSRAM].peak_bytes);
    assert_true(o.tier[NH_MEM_INTERNAL].peak_bytes <= NH_KIB(2));
    assert_true(o.tier[NH_MEM_PSRAM].peak_bytes <= NH_KIB(232));
    assert_int_equal(nh_audio_stop(audio, instance(background), 0, 0), 0);
    finished();
}

// ---- several tasks -----------------------------------------------------------------------------

static void *hammer(void *ctx)
{
    struct nh_audio_snapshot s;
    enum nh_audio_channel c = *(const enum nh_audio_channel *)ctx;
    for (int i = 0; i < 300; i++) {
        (void)!play_at(c, "/sdcard/a.wav", i % 2, 0); // full queues are part of it
        (void)!nh_audio_pause(audio, channel(c));
        (void)!nh_audio_volume(audio, all, (uint32_t)i % 101, 0);
        (void)!nh_audio_seek(audio, channel(c), 20);
        (void)!nh_audio_resume(audio, channel(c));
        (void)!nh_audio_stop(audio, channel(1 - c), 0, 0);
        nh_audio_snapshot(audio, &s);
        sched_yield();
    }
    return NULL;
}

static void test_commands_from_several_tasks(void **state)
{
    static const enum nh_audio_channel c[] = {NH_AUDIO_BACKGROUND, NH_AUDIO_EFFECT};
    pthread_t threads[2];
    (void)state;
    start("null");
    tone("a.wav", 1000, 0.2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, (void *)(uintptr_t)&c[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    while (nh_audio_stop(audio, all, 0, 0) == NH_ERR_FULL)
        sched_yield();
    UNTIL(s.channel[0].state == NH_AUDIO_IDLE && s.channel[1].state == NH_AUDIO_IDLE);
    nh_bus_drain(sub, 0);
    int n = play(NH_AUDIO_EFFECT, "/sdcard/a.wav");
    assert_int_equal(finished().instance, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plays_and_tells_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_level_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_long_path_travels_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stopping_one_leaves_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pause_seek_volume, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_card, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_clicks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_output_that_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closes_when_idle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_volume_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_volume_and_power, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_allocation_of_create_fails_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_every_allocation_of_a_track_fails_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_memory_contract, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commands_from_several_tasks, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
