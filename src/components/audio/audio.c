#include "components/audio/audio_path.h"
#include "components/audio/audio_state.h"
#include "core/base/log.h"
#include "core/base/utf8.h"

#include <stdio.h>
#include <string.h>

#define CHIP_STACK_BYTES NH_KIB(4)
#define POS_STEP_MS 500 // so far a track goes on before that alone is news
#define STOP_MS 1000    // the longest that a device may take to sound out
#define LATENCY_MS 80
#define LATENCY_SMALL_MS 40 // without PSRAM
#define BUFFER_MS 500
#define PREFILL_MORE_MS 20 // than the device holds: a sound begins with so much read ahead

static const char *const channel_names[] = {"background", "effect"};

const char *nh_audio_channel_name(enum nh_audio_channel c)
{
    return channel_names[c];
}

// ---- what is told ------------------------------------------------------------------------------

static nh_blob_t *path_blob(nh_audio_t *a, const char *path)
{
    nh_blob_t *blob = NULL;
    if (nh_blob_create(a->cfg.mem, NH_MEM_BULK, strlen(path), &blob) < 0)
        return NULL; // the event says that its path is cut
    memcpy(nh_blob_bytes(blob), path, strlen(path));
    return blob;
}

static void post_finished(nh_audio_t *a, size_t c, const struct nh_audio__track *t,
                          enum nh_audio_reason reason, int err, uint16_t origin)
{
    char path[NH_AUDIO_PATH_MAX_BYTES];
    struct nh_event e = {.id = NH_EVENT_AUDIO_FINISHED,
                         .origin = origin,
                         .data_len = sizeof(struct nh_event_audio_finished),
                         .time_ms = nh_clock_ms()};
    struct nh_event_audio_finished data = {.instance = t->instance,
                                           .error = (int16_t)err,
                                           .channel = (uint8_t)c,
                                           .reason = (uint8_t)reason};
    nh_audio__path_shown(t->path, path);
    size_t len = nh_utf8_valid_len(path, strnlen(path, sizeof data.path - 1), true);
    memcpy(data.path, path, len);
    data.is_cut = len < strlen(path);
    memcpy(e.data, &data, sizeof data);
    e.blob = data.is_cut ? path_blob(a, path) : NULL;
    (void)nh_bus_post(a->cfg.bus, &e); // full queues are counted by the bus
    nh_blob_unref(e.blob);
}

static const char *error_text(int err)
{
    switch (err) {
    case 0:
        return "";
    case NH_ERR_CLOSED:
        return "the card is missing";
    case NH_ERR_NOT_FOUND:
        return "no such file";
    case NH_ERR_UNSUPPORTED:
        return "unknown format";
    default:
        return nh_err_text(err);
    }
}

static void show_deck(const struct nh_audio__deck *d, struct nh_audio_channel_info *out)
{
    const struct nh_audio__track *t = d->next.instance ? &d->next : &d->track;
    bool is_next = d->next.instance != 0;
    out->state = is_next ? NH_AUDIO_LOADING : d->state;
    if (d->wants_pause && out->state != NH_AUDIO_IDLE)
        out->state = NH_AUDIO_PAUSED;
    out->instance = t->instance;
    out->origin = t->origin;
    out->volume = t->volume;
    out->is_looped = t->is_looped;
    if (t->instance)
        nh_audio__path_shown(t->path, out->path);
    bool is_beep = t->instance && !t->path[0];
    if (is_beep)
        out->path[0] = 0;
    snprintf(out->message, sizeof out->message, "%s", error_text(is_beep ? NH_ERR_CLOSED : d->err));
    if (is_next)
        return;
    out->pos_ms = d->state == NH_AUDIO_IDLE ? 0 : nh_audio__deck_pos_ms(d);
    out->dur_ms = nh_audio__deck_dur_ms(d);
    out->format = d->has_info ? (uint8_t)d->info.format : NH_AUDIO_UNKNOWN;
    if (out->dur_ms)
        out->bitrate_kbps = (uint32_t)(d->info.size_bytes * 8 / out->dur_ms);
}

static bool channel_differs(const struct nh_audio_channel_info *a,
                            const struct nh_audio_channel_info *b)
{
    return a->state != b->state || a->instance != b->instance || a->volume != b->volume ||
           a->is_looped != b->is_looped || a->format != b->format || a->dur_ms != b->dur_ms ||
           a->pos_ms / POS_STEP_MS != b->pos_ms / POS_STEP_MS || strcmp(a->path, b->path) != 0 ||
           strcmp(a->message, b->message) != 0;
}

// By more than the time that passes anyway.
static bool differs(const struct nh_audio_snapshot *a, const struct nh_audio_snapshot *b)
{
    bool is_other = a->volume != b->volume || a->output != b->output ||
                    a->underrun_count != b->underrun_count ||
                    a->interruption_count != b->interruption_count ||
                    a->output_failure_count != b->output_failure_count ||
                    a->queue_full_count != b->queue_full_count ||
                    strcmp(a->output_message, b->output_message) != 0;
    for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++)
        is_other |= channel_differs(&a->channel[c], &b->channel[c]);
    return is_other;
}

static void show(nh_audio_t *a, uint64_t now_ms)
{
    struct nh_audio_snapshot *f = &a->fresh;
    memset(f, 0, sizeof *f);
    f->volume = (uint32_t)a->mix.master.target;
    f->output = a->sink.state;
    memcpy(f->output_message, a->sink.message, sizeof f->output_message);
    f->interruption_count = (uint32_t)nh_audio__sink_interruptions(&a->sink);
    f->output_failure_count = a->sink.failure_count;
    if (f->output == NH_AUDIO_OUTPUT_FAILED && a->sink.retry_at_ms > now_ms)
        f->retry_in_ms = (uint32_t)(a->sink.retry_at_ms - now_ms);
    for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++) {
        show_deck(&a->deck[c], &f->channel[c]);
        f->underrun_count += a->deck[c].underrun_count;
    }
    nh_lock_acquire(&a->lock);
    f->queue_full_count = a->full_count;
    f->version = a->shown.version + differs(f, &a->shown);
    a->shown = *f;
    nh_lock_release(&a->lock);
}

static void on_finished(void *ctx, struct nh_audio__deck *d, const struct nh_audio__track *t,
                        enum nh_audio_reason reason, int err, uint16_t origin)
{
    nh_audio_t *a = ctx;
    size_t c = (size_t)(d - a->deck);
    nh_lock_acquire(&a->lock);
    if (a->playing[c] == t->instance)
        a->playing[c] = 0;
    nh_lock_release(&a->lock);
    if (!t->path[0])
        return;             // beeps are nobody's track
    show(a, nh_clock_ms()); // who hears of it may look
    if (reason == NH_AUDIO_ERROR)
        NH_LOG_W("audio", "%s: " NH_AUDIO__CARD "/%s: %s", channel_names[c], t->path,
                 nh_err_text(err));
    if (a->cfg.bus)
        post_finished(a, c, t, reason, err, origin);
}

void nh_audio_snapshot(nh_audio_t *a, struct nh_audio_snapshot *out)
{
    nh_lock_acquire(&a->lock);
    *out = a->shown;
    nh_lock_release(&a->lock);
}

// ---- the task ----------------------------------------------------------------------------------

static bool is_for(const struct nh_audio__deck *d, uint32_t instance)
{
    uint32_t now = d->next.instance            ? d->next.instance
                   : d->state != NH_AUDIO_IDLE ? d->track.instance
                                               : 0;
    return instance == 0 || instance == now;
}

static void apply_to(nh_audio_t *a, struct nh_audio__deck *d, const struct nh_audio__item *item)
{
    switch (item->kind) {
    case NH_AUDIO__DO_PLAY:
        nh_audio__deck_play(d, item->track);
        break;
    case NH_AUDIO__DO_STOP:
        nh_audio__deck_stop(d, item->fade_ms, item->origin);
        break;
    case NH_AUDIO__DO_PAUSE:
        nh_audio__deck_pause(d, item->value);
        break;
    case NH_AUDIO__DO_SEEK:
        nh_audio__deck_seek(d, item->value);
        break;
    case NH_AUDIO__DO_VOLUME:
        nh_audio__deck_volume(d, item->value, item->fade_ms);
        break;
    case NH_AUDIO__DO_MASTER:
        nh_audio__fader_move(&a->mix, &a->mix.master, (float)item->value, item->fade_ms);
        nh_audio__reader_volume(a->reader, item->value);
        break;
    case NH_AUDIO__DO_NOTHING:
        break;
    }
}

static void apply(nh_audio_t *a, const struct nh_audio__item *item)
{
    for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++) {
        struct nh_audio__deck *d = &a->deck[c];
        bool is_play = item->kind == NH_AUDIO__DO_PLAY;
        if ((item->channel_mask & 1u << c) && (is_play || is_for(d, item->instance)))
            apply_to(a, d, item);
    }
    nh_mem_free(a->cfg.mem, item->track);
}

static void tick_decks(nh_audio_t *a)
{
    for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++)
        if (nh_audio__deck_tick(&a->deck[c]))
            nh_audio__reader_wake(a->reader);
}

static bool is_active(const nh_audio_t *a)
{
    for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++)
        if (nh_audio__deck_is_active(&a->deck[c]) || !nh_audio__strip_is_silent(&a->mix.strip[c]))
            return true;
    return false;
}

static void tell_level(nh_audio_t *a, size_t count)
{
    struct nh_audio__reading r;
    if (!a->cfg.level || !nh_audio__level_add(&a->level, a->out, count, &r))
        return;
    if (r.level > 0 || a->is_loud)
        a->cfg.level(a->cfg.ctx, r.level, r.band);
    a->is_loud = r.level > 0;
}

static void mix_block(nh_audio_t *a, size_t count, uint64_t now_ms)
{
    struct nh_audio__feed feed[NH_AUDIO_CHANNEL_COUNT];
    size_t used[NH_AUDIO_CHANNEL_COUNT];
    for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++) {
        feed[c].frames = a->in[c];
        feed[c].count =
            nh_audio__pipe_peek(&a->pipe[c], a->in[c], count, &feed[c].left, &feed[c].is_last);
    }
    nh_audio__mix_run(&a->mix, feed, a->out, count, used);
    for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++) {
        nh_audio__deck_played(&a->deck[c], used[c]);
        if (used[c] && nh_audio__pipe_skip(&a->pipe[c], used[c]))
            nh_audio__reader_wake(a->reader);
    }
    nh_audio__sink_write(&a->sink, a->out, count, now_ms);
    tell_level(a, count);
}

// Fills the device as far as it goes; the decks move on between blocks.
static void turn(nh_audio_t *a, uint64_t now_ms)
{
    tick_decks(a);
    bool active = is_active(a);
    if (active)
        a->silent_since_ms = now_ms;
    nh_audio__sink_run(&a->sink, active, now_ms);
    for (;;) {
        size_t n = nh_audio__sink_space(&a->sink, now_ms);
        if (n == 0)
            break;
        mix_block(a, n < NH_AUDIO__BLOCK_FRAMES ? n : NH_AUDIO__BLOCK_FRAMES, now_ms);
        tick_decks(a);
    }
    show(a, now_ms);
}

// Told to stop: the channels fall silent, and the device plays that out.
static bool may_end(nh_audio_t *a, uint64_t now_ms, uint64_t *stop_ms)
{
    nh_lock_acquire(&a->lock);
    bool stop = a->wants_stop;
    nh_lock_release(&a->lock);
    if (!stop)
        return false;
    if (*stop_ms == 0) {
        *stop_ms = now_ms;
        for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++)
            nh_audio__deck_stop(&a->deck[c], 0, NH_ORIGIN_BOOT);
        turn(a, now_ms);
    }
    bool is_quiet = !is_active(a) && now_ms - a->silent_since_ms > a->cfg.latency_ms;
    return !a->sink.output || is_quiet || now_ms - *stop_ms > STOP_MS;
}

static void run(void *ctx)
{
    nh_audio_t *a = ctx;
    uint64_t stop_ms = 0;
    while (!may_end(a, nh_clock_ms(), &stop_ms)) {
        struct nh_audio__item item;
        uint64_t now_ms = nh_clock_ms(), next_ms = nh_audio__sink_next_ms(&a->sink, now_ms);
        uint64_t wait_ms = next_ms == NH_NEVER ? NH_NEVER : next_ms > now_ms ? next_ms - now_ms : 0;
        for (int err = nh_queue_get(a->queue, &item, wait_ms); err == 0;
             err = nh_queue_get(a->queue, &item, 0))
            apply(a, &item);
        turn(a, nh_clock_ms());
    }
    nh_audio__sink_close(&a->sink);
}

// ---- life --------------------------------------------------------------------------------------

static int take_config(nh_audio_t *a, const struct nh_audio_config *cfg)
{
    struct nh_mem_snapshot s;
    nh_mem_figures(cfg->sys, &s);
    bool has_psram = s.tier[NH_MEM_PSRAM].size_bytes > 0;
    if (strlen(cfg->root) >= sizeof a->root || strlen(cfg->output) >= sizeof a->device)
        return NH_ERR_TOO_LONG;
    a->cfg = *cfg;
    a->cfg.rate_hz = cfg->rate_hz ? cfg->rate_hz : 44100;
    a->cfg.latency_ms = cfg->latency_ms ? cfg->latency_ms
                        : has_psram     ? LATENCY_MS
                                        : LATENCY_SMALL_MS;
    a->cfg.buffer_ms = cfg->buffer_ms ? cfg->buffer_ms : has_psram ? BUFFER_MS : 0;
    if (a->cfg.buffer_ms < 2 * a->cfg.latency_ms) // a device that is empty is filled at once
        a->cfg.buffer_ms = 2 * a->cfg.latency_ms;
    a->cfg.idle_close_s = cfg->idle_close_s ? cfg->idle_close_s : 10;
    a->cfg.queue_max = cfg->queue_max ? cfg->queue_max : 16;
    memcpy(a->root, cfg->root, strlen(cfg->root) + 1);
    memcpy(a->device, cfg->output, strlen(cfg->output) + 1);
    a->cfg.root = a->root;
    a->cfg.output = a->device;
    if (a->cfg.rate_hz < 8000 || a->cfg.rate_hz > 192000 || a->cfg.latency_ms > 2000 ||
        a->cfg.buffer_ms > 10000 || a->cfg.duck_db > 60)
        return NH_ERR_RANGE;
    a->sink.idle_close_ms = a->cfg.idle_close_s * 1000;
    a->sink.cfg = (struct nh_audio_output_config){.mem = cfg->mem,
                                                  .device = a->device,
                                                  .rate_hz = a->cfg.rate_hz,
                                                  .latency_ms = a->cfg.latency_ms};
    return 0;
}

// The card is made if it is missing, so that there is a place to put tracks at; if it cannot be, it
// is missing.
static int make_card(nh_audio_t *a)
{
    nh_files_t *files;
    int err = nh_files_open(a->cfg.mem, a->root, &files);
    if (err == NH_ERR_NOMEM)
        return err;
    if (err < 0)
        NH_LOG_W("audio", "the card %s is missing: %s", a->root, nh_err_text(err));
    nh_files_close(files);
    return 0;
}

static int make_pipes(nh_audio_t *a)
{
    size_t frames = (size_t)((uint64_t)a->cfg.rate_hz * a->cfg.buffer_ms / 1000);
    size_t prefill_frames =
        (size_t)((uint64_t)a->cfg.rate_hz * (a->cfg.latency_ms + PREFILL_MORE_MS) / 1000);
    if (frames < 4 * NH_AUDIO__CHUNK_FRAMES)
        frames = 4 * NH_AUDIO__CHUNK_FRAMES; // what the reader makes at once goes in some times
    for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++) {
        size_t bytes = frames * NH_AUDIO__FRAME_BYTES;
        a->ring[c] = nh_mem_alloc(a->cfg.mem, bytes, NH_MEM_BULK);
        int err = a->ring[c] ? nh_lock_create(&a->pipe_lock[c]) : NH_ERR_NOMEM;
        if (err < 0)
            return err;
        nh_audio__pipe_init(&a->pipe[c], &a->pipe_lock[c], a->ring[c], bytes);
        a->deck[c] = (struct nh_audio__deck){.mix = &a->mix,
                                             .strip = &a->mix.strip[c],
                                             .pipe = &a->pipe[c],
                                             .prefill_frames = prefill_frames,
                                             .finished = on_finished,
                                             .ctx = a};
    }
    return 0;
}

static int start_tasks(nh_audio_t *a)
{
    const struct nh_audio__reader_config reader = {.mem = a->cfg.mem,
                                                   .sys = a->cfg.sys,
                                                   .root = a->root,
                                                   .rate_hz = a->cfg.rate_hz,
                                                   .store = a->cfg.store,
                                                   .pipe = a->pipe};
    const struct nh_task_config task = {
        .name = "audio", .priority = 7, .chip_stack_bytes = CHIP_STACK_BYTES, .run = run, .ctx = a};
    uint32_t volume;
    int err = nh_audio__reader_start(&reader, &volume, &a->reader);
    if (err < 0)
        return err;
    nh_audio__mix_init(&a->mix, a->cfg.rate_hz, a->cfg.duck_db, volume);
    nh_audio__level_init(&a->level, a->cfg.rate_hz);
    show(a, nh_clock_ms());
    return nh_task_start(a->cfg.sys, &task, &a->task);
}

int nh_audio_create(const struct nh_audio_config *cfg, nh_audio_t **out)
{
    *out = NULL;
    nh_audio_t *a = nh_mem_alloc_zero(cfg->mem, sizeof *a, NH_MEM_BULK);
    if (!a)
        return NH_ERR_NOMEM;
    a->cfg.mem = cfg->mem;
    int err = take_config(a, cfg);
    if (err == 0)
        err = make_card(a);
    if (err == 0)
        err = make_pipes(a);
    if (err == 0)
        err = nh_lock_create(&a->lock);
    if (err == 0)
        err =
            nh_queue_create(a->cfg.mem, sizeof(struct nh_audio__item), a->cfg.queue_max, &a->queue);
    if (err == 0)
        err = start_tasks(a);
    if (err < 0) {
        nh_audio_destroy(a);
        return err;
    }
    *out = a;
    return 0;
}

static void stop_task(nh_audio_t *a)
{
    const struct nh_audio__item wake = {.kind = NH_AUDIO__DO_NOTHING};
    struct nh_audio__item item;
    nh_lock_acquire(&a->lock);
    a->wants_stop = true;
    nh_lock_release(&a->lock);
    NH_IGNORE(nh_queue_put(a->queue, &wake)); // when it is full, the task is awake
    NH_IGNORE(nh_task_join(a->task, NH_NEVER));
    while (nh_queue_get(a->queue, &item, 0) == 0)
        nh_mem_free(a->cfg.mem, item.track);
}

void nh_audio_destroy(nh_audio_t *a)
{
    if (!a)
        return;
    if (a->task)
        stop_task(a);
    nh_audio__reader_stop(a->reader);
    nh_queue_destroy(a->queue);
    nh_lock_destroy(&a->lock);
    for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++) {
        nh_lock_destroy(&a->pipe_lock[c]);
        nh_mem_free(a->cfg.mem, a->ring[c]);
    }
    nh_mem_free(a->cfg.mem, a);
}
