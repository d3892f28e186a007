// Outputs: a device of ALSA, or a WAV file. One that takes everything at once is paced by the
// clock.

#include "core/mem/mem.h"
#include "platform/audio.h"
#include "platform/linux/audio/audio_pace.h"

#include <alsa/asoundlib.h>
#include <errno.h>
#include <pthread.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HEADER_EVERY_FRAMES 4096 // what a crash leaves can be played but for the last of these

struct nh_audio_output {
    nh_mem_t *mem;
    snd_pcm_t *pcm; // one of the two; neither: nothing is heard
    SNDFILE *file;
    struct nh_linux__pace pace;
    bool is_paced; // by the clock
    bool is_known; // whether the device keeps time has been looked at
    uint32_t unsaved_frames;
    struct nh_audio_output_info info;
};

static const char file_prefix[] = "file:";

// ---- ALSA --------------------------------------------------------------------------------------

// What it would print on standard error goes into `why` of the one open call that is under way.
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
static char *first_words;
static size_t first_words_cap;

static void keep_words(const char *file, int line, const char *function, int err, const char *fmt,
                       ...)
{
    va_list args;
    (void)file;
    (void)line;
    (void)function;
    (void)err;
    if (!first_words || first_words[0])
        return;
    va_start(args, fmt);
    vsnprintf(first_words, first_words_cap, fmt, args);
    va_end(args);
}

static int alsa_err(int err)
{
    switch (-err) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return NH_ERR_NOT_FOUND;
    case EBUSY:
    case EAGAIN:
        return NH_ERR_BUSY;
    case EACCES:
    case EPERM:
        return NH_ERR_DENIED;
    case EINVAL:
        return NH_ERR_UNSUPPORTED;
    case ENOMEM:
        return NH_ERR_NOMEM;
    default:
        return NH_ERR_IO;
    }
}

static int set_params(nh_audio_output_t *o, const struct nh_audio_output_config *cfg)
{
    snd_pcm_uframes_t buffer_frames, period_frames;
    int err = snd_pcm_set_params(o->pcm, SND_PCM_FORMAT_S16, SND_PCM_ACCESS_RW_INTERLEAVED, 2,
                                 cfg->rate_hz, 1, cfg->latency_ms * 1000);
    if (err == 0)
        err = snd_pcm_get_params(o->pcm, &buffer_frames, &period_frames);
    if (err == 0)
        o->info.buffer_frames = (uint32_t)buffer_frames;
    return err;
}

static int open_alsa(nh_audio_output_t *o, const struct nh_audio_output_config *cfg, char *why,
                     size_t cap)
{
    char words[128] = "";
    pthread_mutex_lock(&opening);
    first_words = words;
    first_words_cap = sizeof words;
    snd_lib_error_set_handler(keep_words);
    int err = snd_pcm_open(&o->pcm, cfg->device, SND_PCM_STREAM_PLAYBACK, SND_PCM_NONBLOCK);
    if (err == 0)
        err = set_params(o, cfg);
    first_words = NULL;
    pthread_mutex_unlock(&opening);
    if (err < 0)
        snprintf(why, cap, "%s%s%s", words[0] ? words : snd_strerror(err), words[0] ? ": " : "",
                 words[0] ? snd_strerror(err) : "");
    return err < 0 ? alsa_err(err) : 0;
}

static int recover(nh_audio_output_t *o, int err)
{
    if (err == -EPIPE || err == -ESTRPIPE)
        o->info.interruption_count++;
    err = snd_pcm_recover(o->pcm, err, 1);
    return err < 0 ? NH_ERR_CLOSED : 0;
}

static int alsa_space(nh_audio_output_t *o)
{
    snd_pcm_sframes_t n = snd_pcm_avail_update(o->pcm);
    if (n < 0) {
        int err = recover(o, (int)n);
        if (err < 0)
            return err;
        n = snd_pcm_avail_update(o->pcm);
    }
    if (n < 0)
        return NH_ERR_CLOSED;
    return n > (snd_pcm_sframes_t)o->info.buffer_frames ? (int)o->info.buffer_frames : (int)n;
}

static int alsa_write(nh_audio_output_t *o, const int16_t *frames, size_t count)
{
    while (count > 0) {
        snd_pcm_sframes_t n = snd_pcm_writei(o->pcm, frames, count);
        if (n == -EAGAIN)
            return 0; // it changed its mind: what is left over is not heard
        if (n < 0) {
            int err = recover(o, (int)n);
            if (err < 0)
                return err;
            continue;
        }
        frames += 2 * n;
        count -= (size_t)n;
    }
    return 0;
}

// A device that was filled to the brim and is empty at once has no clock of its own: "null", or
// what ends in it.
static void look_for_a_clock(nh_audio_output_t *o)
{
    if (o->is_known || o->pace.written < o->info.buffer_frames)
        return;
    o->is_known = true;
    o->is_paced = alsa_space(o) == (int)o->info.buffer_frames;
}

// ---- file --------------------------------------------------------------------------------------

static int open_wav(nh_audio_output_t *o, const struct nh_audio_output_config *cfg, char *why,
                    size_t cap)
{
    const char *path = cfg->device + sizeof file_prefix - 1;
    SF_INFO info = {0};
    // Behind what is there, if that is of the same kind.
    o->file = sf_open(path, SFM_RDWR, &info);
    if (o->file && info.format == (SF_FORMAT_WAV | SF_FORMAT_PCM_16) && info.channels == 2 &&
        info.samplerate == (int)cfg->rate_hz && sf_seek(o->file, 0, SEEK_END) >= 0)
        return 0;
    if (o->file)
        sf_close(o->file);
    info = (SF_INFO){
        .samplerate = (int)cfg->rate_hz, .channels = 2, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    o->file = sf_open(path, SFM_WRITE, &info);
    if (o->file)
        return 0;
    snprintf(why, cap, "%s: %s", path, sf_strerror(NULL));
    return NH_ERR_IO;
}

static int write_wav(nh_audio_output_t *o, const int16_t *frames, size_t count)
{
    if (sf_writef_short(o->file, frames, (sf_count_t)count) != (sf_count_t)count)
        return NH_ERR_IO;
    o->unsaved_frames += (uint32_t)count;
    if (o->unsaved_frames >= HEADER_EVERY_FRAMES) {
        sf_command(o->file, SFC_UPDATE_HEADER_NOW, NULL, 0);
        o->unsaved_frames = 0;
    }
    return 0;
}

// ---- all ---------------------------------------------------------------------------------------

static int open_device(nh_audio_output_t *o, const struct nh_audio_output_config *cfg, char *why,
                       size_t cap)
{
    bool is_file = strncmp(cfg->device, file_prefix, sizeof file_prefix - 1) == 0;
    o->is_paced = o->is_known = is_file || strcmp(cfg->device, "none") == 0;
    if (is_file)
        return open_wav(o, cfg, why, cap);
    return o->is_paced ? 0 : open_alsa(o, cfg, why, cap);
}

int nh_audio_output_open(const struct nh_audio_output_config *cfg, char *why, size_t cap,
                         nh_audio_output_t **out)
{
    *out = NULL;
    why[0] = 0;
    nh_audio_output_t *o = nh_mem_alloc_zero(cfg->mem, sizeof *o, NH_MEM_BULK);
    if (!o) {
        snprintf(why, cap, "%s", nh_err_text(NH_ERR_NOMEM));
        return NH_ERR_NOMEM;
    }
    o->mem = cfg->mem;
    o->info.buffer_frames = (uint32_t)((uint64_t)cfg->rate_hz * cfg->latency_ms / 1000);
    int err = open_device(o, cfg, why, cap);
    if (err < 0) {
        nh_audio_output_close(o);
        return err;
    }
    o->pace.rate_hz = cfg->rate_hz;
    o->pace.buffer_frames = o->info.buffer_frames;
    *out = o;
    return 0;
}

int nh_audio_output_space(nh_audio_output_t *o)
{
    uint32_t by_time = nh_linux__pace_space(&o->pace, nh_clock_us());
    if (o->is_paced)
        return (int)by_time;
    int n = alsa_space(o);
    // Until it is known whether the device keeps time, no more than fits is written.
    if (n > 0 && !o->is_known && (uint32_t)n > by_time)
        n = (int)by_time;
    return n;
}

int nh_audio_output_write(nh_audio_output_t *o, const int16_t *frames, size_t count)
{
    int err = o->file ? write_wav(o, frames, count) : o->pcm ? alsa_write(o, frames, count) : 0;
    nh_linux__pace_written(&o->pace, (uint32_t)count);
    if (err == 0)
        look_for_a_clock(o);
    return err;
}

void nh_audio_output_info(const nh_audio_output_t *o, struct nh_audio_output_info *out)
{
    *out = o->info;
}

void nh_audio_output_close(nh_audio_output_t *o)
{
    if (!o)
        return;
    if (o->file)
        sf_close(o->file);
    if (o->pcm) {
        snd_pcm_close(o->pcm);
        snd_config_update_free_global(); // what it read of its configuration
    }
    nh_mem_free(o->mem, o);
}
