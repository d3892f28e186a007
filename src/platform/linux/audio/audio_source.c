// Files by libsndfile, through our own table of files: no path of theirs. Rates by libsamplerate.

#include "core/mem/mem.h"
#include "platform/audio.h"

#include <math.h>
#include <pthread.h>
#include <samplerate.h>
#include <sndfile.h>
#include <stdio.h>

#define CHANNEL_MAX 8
#define CHUNK_FRAMES 512
#define MP3_PREROLL_FRAMES (12 * 1152)

// libsndfile keeps the reason of a failed open in one variable for all.
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

// A part of a file, as libsndfile sees it.
struct window {
    struct nh_fs fs;
    nh_file_t *file;
    uint64_t begin, bytes, at;
    int err; // the first of the file system's
};

struct nh_audio_source {
    nh_mem_t *mem;
    struct window window;
    SNDFILE *snd;
    SRC_STATE *src; // NULL: the rates are the same
    struct nh_audio_source_info info;
    double ratio;
    bool is_looped, is_at_end, can_seek;
    uint64_t frame;       // of the file: the next one to decode
    uint64_t pass_frames; // decoded since it last began or was sought in
    size_t in_len, in_at; // frames of `in`
    float *raw;           // as decoded; CHUNK_FRAMES of all channels
    float in[CHUNK_FRAMES * 2], out[CHUNK_FRAMES * 2];
};

// ---- the file, for libsndfile ------------------------------------------------------------------

static sf_count_t window_len(void *ctx)
{
    return (sf_count_t)((struct window *)ctx)->bytes;
}

static sf_count_t window_seek(sf_count_t offset, int whence, void *ctx)
{
    struct window *w = ctx;
    sf_count_t from = whence == SEEK_SET   ? 0
                      : whence == SEEK_CUR ? (sf_count_t)w->at
                                           : (sf_count_t)w->bytes;
    if (from + offset < 0)
        return -1;
    w->at = (uint64_t)(from + offset);
    return (sf_count_t)w->at;
}

static sf_count_t window_read(void *out, sf_count_t count, void *ctx)
{
    struct window *w = ctx;
    sf_count_t total = 0;
    while (total < count && w->at < w->bytes) {
        uint64_t left = w->bytes - w->at;
        size_t want = (uint64_t)(count - total) < left ? (size_t)(count - total) : (size_t)left;
        int n = w->fs.ops->read(w->fs.ctx, w->file, w->begin + w->at, (char *)out + total, want);
        if (n < 0 && w->err == 0)
            w->err = n;
        if (n <= 0)
            break;
        w->at += (uint64_t)n;
        total += n;
    }
    return total;
}

static sf_count_t window_tell(void *ctx)
{
    return (sf_count_t)((struct window *)ctx)->at;
}

static sf_count_t window_write(const void *bytes, sf_count_t count, void *ctx)
{
    (void)bytes;
    (void)count;
    (void)ctx;
    return 0; // never asked for: the file is opened for reading
}

// ---- open --------------------------------------------------------------------------------------

static int pcm_format(const struct nh_audio_pcm *pcm)
{
    if (pcm->is_float)
        return pcm->bits == 64 ? SF_FORMAT_DOUBLE : SF_FORMAT_FLOAT;
    switch (pcm->bits) {
    case 8:
        return SF_FORMAT_PCM_U8;
    case 16:
        return SF_FORMAT_PCM_16;
    case 24:
        return SF_FORMAT_PCM_24;
    default:
        return SF_FORMAT_PCM_32;
    }
}

static enum nh_audio_format format_of(int format)
{
    switch (format & SF_FORMAT_TYPEMASK) {
    case SF_FORMAT_RAW:
    case SF_FORMAT_WAV:
    case SF_FORMAT_WAVEX:
    case SF_FORMAT_RF64:
        return NH_AUDIO_WAV;
    case SF_FORMAT_MPEG:
        return NH_AUDIO_MP3;
    case SF_FORMAT_OGG:
        return NH_AUDIO_OGG;
    case SF_FORMAT_FLAC:
        return NH_AUDIO_FLAC;
    default:
        return NH_AUDIO_UNKNOWN;
    }
}

static int open_file(nh_audio_source_t *s, const struct nh_audio_source_config *cfg)
{
    struct nh_file_info info;
    int err = cfg->fs.ops->stat(cfg->fs.ctx, cfg->path, &info);
    if (err == 0)
        err = cfg->fs.ops->open(cfg->fs.ctx, cfg->path, NH_FILE_READ, &s->window.file);
    if (err < 0)
        return err;
    s->info.size_bytes = s->window.bytes = info.size_bytes;
    if (!cfg->pcm)
        return 0;
    if (cfg->pcm->offset > info.size_bytes)
        return NH_ERR_CORRUPT;
    s->window.begin = cfg->pcm->offset;
    s->window.bytes = info.size_bytes - cfg->pcm->offset;
    if (cfg->pcm->bytes < s->window.bytes)
        s->window.bytes = cfg->pcm->bytes;
    return 0;
}

static int open_decoder(nh_audio_source_t *s, const struct nh_audio_source_config *cfg)
{
    static SF_VIRTUAL_IO io = {window_len, window_seek, window_read, window_write, window_tell};
    SF_INFO info = {0};
    if (cfg->pcm) {
        info.samplerate = (int)cfg->pcm->rate_hz;
        info.channels = cfg->pcm->channels;
        info.format = SF_FORMAT_RAW | SF_ENDIAN_LITTLE | pcm_format(cfg->pcm);
    }
    pthread_mutex_lock(&opening);
    s->snd = sf_open_virtual(&io, SFM_READ, &info, &s->window);
    int why = s->snd ? SF_ERR_NO_ERROR : sf_error(NULL);
    pthread_mutex_unlock(&opening);
    if (!s->snd)
        return s->window.err < 0              ? s->window.err
               : why == SF_ERR_SYSTEM         ? NH_ERR_IO
               : why == SF_ERR_MALFORMED_FILE ? NH_ERR_CORRUPT
                                              : NH_ERR_UNSUPPORTED;
    s->info.format = format_of(info.format);
    s->info.rate_hz = (uint32_t)info.samplerate;
    s->info.channels = (uint32_t)info.channels;
    // Where a stream cannot tell its length, libsndfile says the largest number.
    s->info.frame_count =
        info.frames > 0 && info.frames < (sf_count_t)1 << 48 ? (uint64_t)info.frames : 0;
    s->can_seek = info.seekable;
    if (s->info.format == NH_AUDIO_UNKNOWN || info.channels < 1 || info.channels > CHANNEL_MAX ||
        info.samplerate < 1)
        return NH_ERR_UNSUPPORTED;
    return 0;
}

static int open_resampler(nh_audio_source_t *s, uint32_t rate_hz)
{
    int err = 0;
    s->ratio = rate_hz ? (double)rate_hz / s->info.rate_hz : 1;
    if (s->ratio == 1)
        return 0;
    if (!src_is_valid_ratio(s->ratio))
        return NH_ERR_UNSUPPORTED;
    s->src = src_new(SRC_SINC_FASTEST, 2, &err);
    return s->src ? 0 : NH_ERR_NOMEM;
}

int nh_audio_source_open(const struct nh_audio_source_config *cfg, nh_audio_source_t **out)
{
    *out = NULL;
    nh_audio_source_t *s = nh_mem_alloc_zero(cfg->mem, sizeof *s, NH_MEM_BULK);
    if (!s)
        return NH_ERR_NOMEM;
    s->mem = cfg->mem;
    s->window.fs = cfg->fs;
    s->is_looped = cfg->is_looped;
    int err = open_file(s, cfg);
    if (err == 0)
        err = open_decoder(s, cfg);
    if (err == 0)
        err = open_resampler(s, cfg->rate_hz);
    if (err == 0) {
        s->raw =
            nh_mem_alloc(s->mem, CHUNK_FRAMES * s->info.channels * sizeof *s->raw, NH_MEM_BULK);
        err = s->raw ? 0 : NH_ERR_NOMEM;
    }
    if (err < 0) {
        nh_audio_source_close(s);
        return err;
    }
    *out = s;
    return 0;
}

void nh_audio_source_info(const nh_audio_source_t *s, struct nh_audio_source_info *out)
{
    *out = s->info;
}

void nh_audio_source_close(nh_audio_source_t *s)
{
    if (!s)
        return;
    if (s->snd)
        sf_close(s->snd);
    if (s->src)
        src_delete(s->src);
    if (s->window.file)
        s->window.fs.ops->close(s->window.fs.ctx, s->window.file);
    nh_mem_free(s->mem, s->raw);
    nh_mem_free(s->mem, s);
}

// ---- read --------------------------------------------------------------------------------------

// Two channels of however many; returns the frames.
static int decode(nh_audio_source_t *s)
{
    uint32_t channels = s->info.channels, right = channels > 1 ? 1 : 0;
    sf_count_t n = sf_readf_float(s->snd, s->raw, CHUNK_FRAMES);
    if (n <= 0)
        return s->window.err; // 0 when nothing is wrong: the end
    for (sf_count_t i = 0; i < n; i++) {
        s->in[2 * i] = s->raw[i * channels];
        s->in[2 * i + 1] = s->raw[i * channels + right];
    }
    s->frame += (uint64_t)n;
    s->pass_frames += (uint64_t)n;
    return (int)n;
}

static int rewind_file(nh_audio_source_t *s)
{
    if (sf_seek(s->snd, 0, SEEK_SET) != 0)
        return NH_ERR_UNSUPPORTED;
    s->frame = s->pass_frames = 0;
    return 0;
}

// Sees to it that there is something in `in`, if the file has anything more.
static int refill(nh_audio_source_t *s)
{
    if (s->in_at < s->in_len || s->is_at_end)
        return 0;
    // What begins again at its end must have had something since, or this would never return.
    bool may_rewind = s->is_looped && (s->pass_frames > 0 || s->frame > 0);
    int n = decode(s);
    if (n == 0 && may_rewind) {
        n = rewind_file(s);
        if (n == 0)
            n = decode(s);
    }
    if (n < 0)
        return n;
    s->in_at = 0;
    s->in_len = (size_t)n;
    s->is_at_end = n == 0;
    return 0;
}

static int16_t to_sample(float v)
{
    float scaled = v * 32768.0f;
    if (scaled >= 32767.0f)
        return 32767;
    if (scaled <= -32768.0f)
        return -32768;
    return scaled == scaled ? (int16_t)lrintf(scaled) : 0; // a damaged file may have what is none
}

static size_t put(int16_t *frames, const float *from, size_t count)
{
    for (size_t i = 0; i < 2 * count; i++)
        frames[i] = to_sample(from[i]);
    return count;
}

// Takes what is decoded, changes its rate, and gives up to `max` frames; 0: it wants more.
static int convert(nh_audio_source_t *s, int16_t *frames, size_t max)
{
    SRC_DATA d = {.data_in = s->in + 2 * s->in_at,
                  .data_out = s->out,
                  .input_frames = (long)(s->in_len - s->in_at),
                  .output_frames = (long)(max < CHUNK_FRAMES ? max : CHUNK_FRAMES),
                  .end_of_input = s->is_at_end,
                  .src_ratio = s->ratio};
    if (src_process(s->src, &d) != 0)
        return NH_ERR_CORRUPT;
    s->in_at += (size_t)d.input_frames_used;
    return (int)put(frames, s->out, (size_t)d.output_frames_gen);
}

static int copy(nh_audio_source_t *s, int16_t *frames, size_t max)
{
    size_t n = s->in_len - s->in_at;
    if (n > max)
        n = max;
    put(frames, s->in + 2 * s->in_at, n);
    s->in_at += n;
    return (int)n;
}

int nh_audio_source_read(nh_audio_source_t *s, int16_t *frames, size_t max)
{
    for (;;) {
        int err = refill(s);
        if (err < 0)
            return err;
        int n = s->src ? convert(s, frames, max) : copy(s, frames, max);
        if (n != 0 || s->is_at_end)
            return n;
    }
}

// A frame of MP3 borrows bytes of those before it; where these are not there, the decoder is
// silent.
static int pre_roll(nh_audio_source_t *s, uint64_t frames)
{
    while (frames > 0) {
        int n = decode(s);
        if (n <= 0)
            return n;
        s->in_len = (size_t)n;
        s->in_at = frames < (uint64_t)n ? (size_t)frames : (size_t)n;
        frames -= s->in_at;
    }
    return 0;
}

int nh_audio_source_seek(nh_audio_source_t *s, uint64_t frame)
{
    uint64_t pre = s->info.format != NH_AUDIO_MP3 ? 0
                   : frame < MP3_PREROLL_FRAMES   ? frame
                                                  : MP3_PREROLL_FRAMES;
    if (s->info.frame_count && frame >= s->info.frame_count)
        return NH_ERR_RANGE;
    if (!s->can_seek || sf_seek(s->snd, (sf_count_t)(frame - pre), SEEK_SET) < 0)
        return NH_ERR_UNSUPPORTED;
    if (s->src)
        src_reset(s->src);
    s->frame = frame - pre;
    s->pass_frames = 0;
    s->in_at = s->in_len = 0;
    s->is_at_end = false;
    return pre_roll(s, pre);
}
