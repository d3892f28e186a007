#include "components/audio/audio_reader.h"

#include "components/audio/audio_wav.h"
#include "core/base/log.h"
#include "core/json/decode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// What the chip's task would need: an MP3 decoder is the deepest below it.
#define CHIP_STACK_BYTES NH_KIB(8)
#define VOLUME_DOC "audio"
#define BEEP_MS 150
#define BEEP_COUNT 2
#define BEEP_LEVEL 8000.0f // of 32767

struct deck_file { // what the reader has open for a pipe
    struct nh_audio__pipe *pipe;
    struct nh_audio__request request; // that it serves
    nh_files_t *files;
    nh_audio_source_t *source;
    bool is_beep, is_done;
    uint32_t beep_at; // frames
};

struct nh_audio__reader {
    struct nh_audio__reader_config cfg;
    nh_task_t *task;
    nh_notify_t *notify;
    nh_lock_t lock; // guards the two below
    bool wants_stop;
    uint32_t volume;
    // The task's own.
    nh_write_behind_t behind;
    uint32_t volume_seen;
    struct deck_file file[NH_AUDIO_CHANNEL_COUNT];
    int16_t chunk[NH_AUDIO__CHUNK_FRAMES * 2];
};

// ---- files -------------------------------------------------------------------------------------

struct bytes {
    struct nh_fs fs;
    nh_file_t *file;
};

static int file_bytes(void *ctx, uint64_t offset, void *out, size_t cap)
{
    const struct bytes *b = ctx;
    return b->fs.ops->read(b->fs.ctx, b->file, offset, out, cap);
}

// Where a WAV file has its samples. NH_ERR_UNSUPPORTED: it is another kind of file.
static int find_pcm(struct nh_fs fs, const char *path, struct nh_audio_pcm *pcm)
{
    struct nh_file_info info;
    struct bytes b = {.fs = fs};
    int err = fs.ops->stat(fs.ctx, path, &info);
    if (err == 0 && info.is_dir)
        return NH_ERR_TYPE;
    if (err == 0)
        err = fs.ops->open(fs.ctx, path, NH_FILE_READ, &b.file);
    if (err < 0)
        return err;
    err = nh_audio__wav_find(file_bytes, &b, info.size_bytes, pcm);
    fs.ops->close(fs.ctx, b.file);
    return err;
}

int nh_audio__open(struct nh_fs fs, nh_mem_t *mem, const char *path, uint32_t rate_hz,
                   bool is_looped, nh_audio_source_t **out)
{
    struct nh_audio_pcm pcm;
    *out = NULL;
    int err = find_pcm(fs, path, &pcm);
    if (err < 0 && err != NH_ERR_UNSUPPORTED)
        return err;
    const struct nh_audio_source_config cfg = {.mem = mem,
                                               .fs = fs,
                                               .path = path,
                                               .rate_hz = rate_hz,
                                               .pcm = err == 0 ? &pcm : NULL,
                                               .is_looped = is_looped};
    return nh_audio_source_open(&cfg, out);
}

static void let_go(struct deck_file *f)
{
    nh_audio_source_close(f->source);
    nh_files_close(f->files);
    f->source = NULL;
    f->files = NULL;
}

static int open_file(nh_audio__reader_t *r, struct deck_file *f)
{
    int err = nh_files_open_existing(r->cfg.mem, r->cfg.root, &f->files);
    if (err < 0)
        return err == NH_ERR_NOMEM ? err : NH_ERR_CLOSED;
    return nh_audio__open(nh_files_fs(f->files), r->cfg.mem, f->request.path, r->cfg.rate_hz,
                          f->request.is_looped, &f->source);
}

static int seek(struct deck_file *f)
{
    struct nh_audio_source_info info;
    nh_audio_source_info(f->source, &info);
    return nh_audio_source_seek(f->source, (uint64_t)f->request.pos_ms * info.rate_hz / 1000);
}

static int begin_track(nh_audio__reader_t *r, struct deck_file *f, bool is_open)
{
    struct nh_audio_source_info info;
    int err = is_open ? 0 : open_file(r, f);
    if (err == 0 && (is_open || f->request.pos_ms > 0))
        err = seek(f);
    if (err < 0)
        return err;
    nh_audio_source_info(f->source, &info);
    nh_audio__pipe_ready(f->pipe, f->request.number, &info);
    return 0;
}

static void begin_beeps(nh_audio__reader_t *r, struct deck_file *f)
{
    const struct nh_audio_source_info info = {.rate_hz = r->cfg.rate_hz,
                                              .channels = 2,
                                              .frame_count = (uint64_t)r->cfg.rate_hz * BEEP_MS *
                                                             BEEP_COUNT / 1000};
    f->beep_at = 0;
    nh_audio__pipe_ready(f->pipe, f->request.number, &info);
}

// The pipe has a new request: another place in the same file, another file, or none.
static void begin(nh_audio__reader_t *r, struct deck_file *f, const struct nh_audio__request *next)
{
    bool is_open = f->source && next->instance == f->request.instance;
    if (!is_open)
        let_go(f);
    f->request = *next;
    f->is_beep = next->instance && !next->path[0];
    f->is_done = next->instance == 0;
    if (f->is_done)
        return;
    if (f->is_beep) {
        begin_beeps(r, f);
        return;
    }
    int err = begin_track(r, f, is_open);
    f->is_done = err < 0;
    if (f->is_done) {
        let_go(f);
        nh_audio__pipe_end(f->pipe, f->request.number, err);
    }
}

static int make_beeps(nh_audio__reader_t *r, struct deck_file *f)
{
    static const float hz[BEEP_COUNT] = {660, 440};
    const uint32_t one = r->cfg.rate_hz * BEEP_MS / 1000, edge = r->cfg.rate_hz / 200;
    int n = 0;
    for (; n < NH_AUDIO__CHUNK_FRAMES && f->beep_at < BEEP_COUNT * one; n++, f->beep_at++) {
        uint32_t at = f->beep_at % one, near = at < one - at ? at : one - at;
        float level = near < edge ? BEEP_LEVEL * (float)near / (float)edge : BEEP_LEVEL;
        float turn = (float)at * hz[f->beep_at / one] / (float)r->cfg.rate_hz;
        r->chunk[2 * n] = r->chunk[2 * n + 1] =
            (int16_t)(level * sinf(6.2831853f * (turn - floorf(turn))));
    }
    return n;
}

// Does one step for a pipe. True: there may be more to do at once.
static bool serve(nh_audio__reader_t *r, struct deck_file *f)
{
    struct nh_audio__request next;
    if (nh_audio__pipe_request(f->pipe, f->request.number, &next)) {
        begin(r, f, &next);
        return true;
    }
    if (f->is_done || nh_audio__pipe_space(f->pipe) < NH_AUDIO__CHUNK_FRAMES)
        return false;
    int n = f->is_beep ? make_beeps(r, f)
                       : nh_audio_source_read(f->source, r->chunk, NH_AUDIO__CHUNK_FRAMES);
    if (n > 0)
        return nh_audio__pipe_put(f->pipe, f->request.number, r->chunk, (size_t)n);
    f->is_done = true;
    // At its end the file stays open: it may be sought in. One that broke is let go.
    if (n < 0)
        let_go(f);
    nh_audio__pipe_end(f->pipe, f->request.number, n);
    return true;
}

// ---- the volume --------------------------------------------------------------------------------

struct kept {
    uint32_t volume;
};
static const nh_json_field_t kept_fields[] = {
    {.name = "volume", .type = NH_JSON_T_INT, NH_JSON_AT(struct kept, volume), .max = 100},
    NH_JSON_FIELDS_END,
};

int nh_audio__volume_load(nh_store_t *store, uint32_t *volume)
{
    char text[64];
    struct kept kept = {.volume = NH_AUDIO_VOLUME_DEFAULT};
    *volume = kept.volume;
    int n = nh_store_read(store, VOLUME_DOC, 0, 0, text, sizeof text);
    if (n < 0)
        return n == NH_ERR_NOT_FOUND ? 0 : n;
    int err = nh_json_decode(text, (size_t)n, kept_fields, &kept, NULL, NULL, 0);
    if (err == 0)
        *volume = kept.volume;
    return err;
}

int nh_audio__volume_save(nh_store_t *store, uint32_t volume)
{
    char text[32];
    int n = snprintf(text, sizeof text, "{\"volume\":%u}\n", (unsigned)volume);
    int generation = nh_store_put(store, VOLUME_DOC, text, (size_t)n);
    return generation < 0 ? generation : 0;
}

static int flush_volume(void *ctx)
{
    nh_audio__reader_t *r = ctx;
    int err = nh_audio__volume_save(r->cfg.store, r->volume_seen);
    if (err < 0)
        NH_LOG_W("audio", "the volume could not be kept: %s", nh_err_text(err));
    return err;
}

// Takes over what was asked for meanwhile. True: the task is to end.
static bool look(nh_audio__reader_t *r, uint64_t now_ms)
{
    nh_lock_acquire(&r->lock);
    bool stop = r->wants_stop, is_new = r->volume != r->volume_seen;
    r->volume_seen = r->volume;
    nh_lock_release(&r->lock);
    if (!r->cfg.store)
        return stop;
    if (is_new)
        nh_write_behind_value(&r->behind, 0, r->volume_seen, now_ms);
    (void)nh_write_behind_tick(&r->behind, now_ms); // an error was told, and is tried again
    return stop;
}

static uint64_t wait_ms(const nh_audio__reader_t *r)
{
    uint64_t due = r->cfg.store ? nh_write_behind_next_deadline(&r->behind) : NH_NEVER;
    uint64_t now_ms = nh_clock_ms();
    return due == NH_NEVER ? NH_NEVER : due > now_ms ? due - now_ms : 0;
}

// ---- life --------------------------------------------------------------------------------------

static void run(void *ctx)
{
    nh_audio__reader_t *r = ctx;
    while (!look(r, nh_clock_ms())) {
        bool has_more = false;
        for (size_t i = 0; i < NH_AUDIO_CHANNEL_COUNT; i++)
            has_more |= serve(r, &r->file[i]);
        if (!has_more)
            NH_IGNORE(nh_notify_wait(r->notify, wait_ms(r))); // a vain wake-up costs one look
    }
    for (size_t i = 0; i < NH_AUDIO_CHANNEL_COUNT; i++)
        let_go(&r->file[i]);
    if (r->cfg.store && nh_write_behind_stop(&r->behind, nh_clock_ms()) < 0)
        NH_LOG_E("audio", "the last volume was not kept");
}

static int init_volume(nh_audio__reader_t *r, uint32_t *volume)
{
    const struct nh_write_behind_config cfg = {
        .delay_ms = NH_AUDIO__VOLUME_DELAY_MS, .flush = flush_volume, .ctx = r};
    *volume = NH_AUDIO_VOLUME_DEFAULT;
    if (!r->cfg.store)
        return 0;
    int err = nh_audio__volume_load(r->cfg.store, volume);
    if (err < 0)
        NH_LOG_W("audio", "the kept volume cannot be read (%s): it is %u", nh_err_text(err),
                 (unsigned)*volume);
    r->volume = r->volume_seen = *volume;
    err = nh_write_behind_init(&r->behind, &cfg);
    nh_write_behind_loaded(&r->behind, 0, *volume);
    return err;
}

static void free_reader(nh_audio__reader_t *r)
{
    nh_notify_destroy(r->notify);
    nh_lock_destroy(&r->lock);
    nh_mem_free(r->cfg.mem, r);
}

int nh_audio__reader_start(const struct nh_audio__reader_config *cfg, uint32_t *volume,
                           nh_audio__reader_t **out)
{
    *out = NULL;
    nh_audio__reader_t *r = nh_mem_alloc_zero(cfg->mem, sizeof *r, NH_MEM_BULK);
    if (!r)
        return NH_ERR_NOMEM;
    r->cfg = *cfg;
    for (size_t i = 0; i < NH_AUDIO_CHANNEL_COUNT; i++) {
        r->file[i].pipe = &cfg->pipe[i];
        r->file[i].is_done = true;
    }
    const struct nh_task_config task = {.name = "decode",
                                        .priority = 6,
                                        .chip_stack_bytes = CHIP_STACK_BYTES,
                                        .run = run,
                                        .ctx = r};
    int err = init_volume(r, volume);
    if (err == 0)
        err = nh_lock_create(&r->lock);
    if (err == 0)
        err = nh_notify_create(cfg->mem, &r->notify);
    if (err == 0)
        err = nh_task_start(cfg->sys, &task, &r->task);
    if (err < 0) {
        free_reader(r);
        return err;
    }
    *out = r;
    return 0;
}

void nh_audio__reader_stop(nh_audio__reader_t *r)
{
    if (!r)
        return;
    nh_lock_acquire(&r->lock);
    r->wants_stop = true;
    nh_lock_release(&r->lock);
    nh_notify_post(r->notify);
    NH_IGNORE(nh_task_join(r->task, NH_NEVER)); // a read or a write that is under way ends first
    free_reader(r);
}

void nh_audio__reader_wake(nh_audio__reader_t *r)
{
    nh_notify_post(r->notify);
}

void nh_audio__reader_volume(nh_audio__reader_t *r, uint32_t volume)
{
    nh_lock_acquire(&r->lock);
    r->volume = volume;
    nh_lock_release(&r->lock);
    nh_notify_post(r->notify);
}
