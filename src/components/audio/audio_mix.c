#include "components/audio/audio_mix.h"

#include <math.h>
#include <string.h>

#define EDGE_MS 5
#define DB_PER_STEP 0.5f
#define DUCK_DOWN_MS 100
#define DUCK_UP_MS 500
#define LIMIT_RELEASE_MS 200
#define FULL 32767.0f // the largest sample that goes out

static float db_gain(float db)
{
    return powf(10.0f, db / 20.0f);
}

float nh_audio__curve(float volume)
{
    // The last step leads straight to silence, so that a fade has no jump at its end.
    if (volume < 1.0f)
        return volume <= 0 ? 0 : volume * db_gain(-99.0f * DB_PER_STEP);
    return db_gain((volume - 100.0f) * DB_PER_STEP);
}

static float per_frame(const struct nh_audio__mix *m, uint32_t ms)
{
    return 1000.0f / ((float)m->rate_hz * (float)ms);
}

// Goes towards `target` by at most `step`.
static float approach(float now, float target, float step)
{
    if (now < target)
        return now + step < target ? now + step : target;
    return now - step > target ? now - step : target;
}

// ---- faders and edges --------------------------------------------------------------------------

void nh_audio__fader_set(struct nh_audio__fader *f, float now)
{
    *f = (struct nh_audio__fader){now, now, 0};
}

void nh_audio__fader_move(const struct nh_audio__mix *m, struct nh_audio__fader *f, float target,
                          uint32_t fade_ms)
{
    f->target = target;
    f->step = fabsf(target - f->now) * per_frame(m, fade_ms > EDGE_MS ? fade_ms : EDGE_MS);
}

static float fader_run(struct nh_audio__fader *f, size_t frames)
{
    f->now = approach(f->now, f->target, f->step * (float)frames);
    return f->now;
}

void nh_audio__strip_open(struct nh_audio__strip *s)
{
    s->is_open = true;
    s->is_starved = false;
}

void nh_audio__strip_close(struct nh_audio__strip *s)
{
    s->is_open = false;
}

bool nh_audio__strip_is_silent(const struct nh_audio__strip *s)
{
    return !s->is_open && s->edge <= 0;
}

void nh_audio__mix_init(struct nh_audio__mix *m, uint32_t rate_hz, uint32_t duck_db,
                        uint32_t volume)
{
    memset(m, 0, sizeof *m);
    m->rate_hz = rate_hz;
    m->duck = m->limit = 1;
    m->duck_gain = db_gain(-(float)duck_db);
    nh_audio__fader_set(&m->master, (float)volume);
    m->master_gain = nh_audio__curve(m->master.now);
    for (size_t i = 0; i < NH_AUDIO_CHANNEL_COUNT; i++)
        nh_audio__fader_set(&m->strip[i].level, 100);
}

// ---- one block ---------------------------------------------------------------------------------

// Where the edge of a frame is, 0 to 1, when `left` frames are known after it. The last ones that
// there are make an edge in any case: what ends by itself ends softly, and what runs out before its
// end closes while there is still something to close with.
static float edge_of(struct nh_audio__strip *s, bool is_last, size_t left, size_t edge_frames)
{
    if (left <= edge_frames && !is_last && s->is_open) {
        s->is_open = false;
        s->is_starved = true;
    }
    s->edge = approach(s->edge, s->is_open ? 1 : 0, 1.0f / (float)edge_frames);
    float tail = left < edge_frames ? (float)left / (float)edge_frames : 1;
    return tail < s->edge ? tail : s->edge;
}

// Adds a stretch over which the gain goes from s->gain to `gain`. Returns the frames taken.
static size_t add(const struct nh_audio__mix *m, struct nh_audio__strip *s,
                  const struct nh_audio__feed *f, size_t at, float *sum, size_t count, float gain)
{
    const size_t edge_frames = m->rate_hz * EDGE_MS / 1000;
    if (s->edge <= 0)
        s->gain = gain; // nobody hears it jump
    const float slope = (gain - s->gain) / (float)count;
    float g = s->gain;
    size_t i = 0;
    for (; i < count && at + i < f->count && !nh_audio__strip_is_silent(s); i++) {
        const int16_t *frame = f->frames + 2 * (at + i);
        g += slope;
        float k = g * edge_of(s, f->is_last, f->left - at - i - 1, edge_frames);
        sum[2 * i] += k * (float)frame[0];
        sum[2 * i + 1] += k * (float)frame[1];
    }
    if (i < count && !nh_audio__strip_is_silent(s)) { // there is nothing left
        s->is_starved |= s->is_open && !f->is_last;
        s->is_open = false;
        s->edge = 0;
    }
    s->gain = gain;
    return i;
}

// The sum may be more than a sample can hold. Where it is, the gain goes down at once, to just fit,
// and comes back slowly: a loud moment is quieter, and never wraps.
static void limit(struct nh_audio__mix *m, const float *sum, int16_t *out, size_t count,
                  float master)
{
    const float release = per_frame(m, LIMIT_RELEASE_MS);
    const float slope = (master - m->master_gain) / (float)count;
    float g = m->master_gain;
    for (size_t i = 0; i < count; i++) {
        g += slope;
        float left = sum[2 * i] * g, right = sum[2 * i + 1] * g;
        float peak = fmaxf(fabsf(left), fabsf(right));
        m->limit = approach(m->limit, 1, release);
        if (peak * m->limit > FULL)
            m->limit = FULL / peak;
        out[2 * i] = (int16_t)lrintf(left * m->limit);
        out[2 * i + 1] = (int16_t)lrintf(right * m->limit);
    }
    m->master_gain = master;
}

static void duck(struct nh_audio__mix *m, size_t frames)
{
    bool is_down = m->strip[NH_AUDIO_EFFECT].is_open;
    float step = per_frame(m, is_down ? DUCK_DOWN_MS : DUCK_UP_MS) * (float)frames;
    m->duck = approach(m->duck, is_down ? m->duck_gain : 1, step);
}

void nh_audio__mix_run(struct nh_audio__mix *m,
                       const struct nh_audio__feed feed[NH_AUDIO_CHANNEL_COUNT], int16_t *out,
                       size_t count, size_t used[NH_AUDIO_CHANNEL_COUNT])
{
    memset(m->sum, 0, 2 * count * sizeof *m->sum);
    for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++)
        used[c] = 0;
    for (size_t at = 0; at < count; at += NH_AUDIO__GAIN_FRAMES) {
        size_t n = count - at < NH_AUDIO__GAIN_FRAMES ? count - at : NH_AUDIO__GAIN_FRAMES;
        duck(m, n);
        for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++) {
            struct nh_audio__strip *s = &m->strip[c];
            float gain = nh_audio__curve(fader_run(&s->level, n));
            if (c == NH_AUDIO_BACKGROUND)
                gain *= m->duck;
            used[c] += add(m, s, &feed[c], used[c], m->sum + 2 * at, n, gain);
        }
        limit(m, m->sum + 2 * at, out + 2 * at, n, nh_audio__curve(fader_run(&m->master, n)));
    }
}
