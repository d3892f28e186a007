#include "components/audio/audio_level.h"

#include <math.h>

#define FIRST_HZ 60.0f
#define LAST_HZ 10000.0f
#define QUALITY 2.0f // half an octave wide
#define RANGE_DB 60.0f
#define TWO_PI 6.28318531f

// A band of constant peak gain: b (x - x2) - a1 y1 - a2 y2.
static void tune(struct nh_audio__resonator *r, float hz, uint32_t rate_hz)
{
    float w = TWO_PI * hz / (float)rate_hz;
    float alpha = sinf(w) / (2 * QUALITY), a0 = 1 + alpha;
    *r = (struct nh_audio__resonator){
        .b = alpha / a0, .a1 = -2 * cosf(w) / a0, .a2 = (1 - alpha) / a0};
}

void nh_audio__level_init(struct nh_audio__level *l, uint32_t rate_hz)
{
    *l = (struct nh_audio__level){.block = (size_t)rate_hz * NH_AUDIO__LEVEL_MS / 1000};
    float step = powf(LAST_HZ / FIRST_HZ, 1.0f / (NH_AUDIO__BAND_COUNT - 1));
    float hz = FIRST_HZ, highest_hz = (float)rate_hz * 0.45f;
    for (size_t i = 0; i < NH_AUDIO__BAND_COUNT; i++, hz *= step)
        tune(&l->band[i], hz < highest_hz ? hz : highest_hz, rate_hz);
}

static void hear(struct nh_audio__level *l, float left, float right)
{
    float middle = (left + right) / 2, side = (left - right) / 2;
    float x = l->hears_side ? side : middle;
    float in = x - l->x2;
    l->middle += middle * middle;
    l->side += side * side;
    for (size_t i = 0; i < NH_AUDIO__BAND_COUNT; i++) {
        struct nh_audio__resonator *r = &l->band[i];
        float y = r->b * in - r->a1 * r->y1 - r->a2 * r->y2;
        r->y2 = r->y1;
        r->y1 = y;
        r->square += y * y;
    }
    l->x2 = l->x1;
    l->x1 = x;
}

// The mean square of a sine of full scale is a half.
static uint8_t reading_of(float square, size_t count)
{
    float db = 10 * log10f(2 * square / (float)count + 1e-12f);
    float v = (db + RANGE_DB) * 255 / RANGE_DB;
    return (uint8_t)(v <= 0 ? 0 : v >= 255 ? 255 : v + 0.5f);
}

static void read_all(struct nh_audio__level *l, struct nh_audio__reading *out)
{
    out->level = reading_of(l->middle + l->side, l->count);
    for (size_t i = 0; i < NH_AUDIO__BAND_COUNT; i++) {
        struct nh_audio__resonator *r = &l->band[i];
        out->band[i] = reading_of(r->square, l->count);
        r->square = 0;
        // What dies away would come to numbers so small that some processors take long over them.
        r->y1 = fabsf(r->y1) < 1e-9f ? 0 : r->y1;
        r->y2 = fabsf(r->y2) < 1e-9f ? 0 : r->y2;
    }
    l->hears_side = l->side > l->middle; // two channels that are each other's opposite
    l->middle = l->side = 0;
    l->count = 0;
}

bool nh_audio__level_add(struct nh_audio__level *l, const int16_t *frames, size_t count,
                         struct nh_audio__reading *out)
{
    for (size_t i = 0; i < count; i++)
        hear(l, (float)frames[2 * i] / 32768, (float)frames[2 * i + 1] / 32768);
    l->count += count;
    if (l->count < l->block)
        return false;
    read_all(l, out);
    return true;
}
