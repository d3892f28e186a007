#include "platform/linux/audio/audio_pace.h"

static void begin(struct nh_linux__pace *p, uint64_t now_us)
{
    p->is_begun = true;
    p->start_us = now_us;
    p->written = 0;
}

uint32_t nh_linux__pace_space(struct nh_linux__pace *p, uint64_t now_us)
{
    if (!p->is_begun)
        begin(p, now_us);
    uint64_t played = (now_us - p->start_us) * p->rate_hz / 1000000;
    if (played > p->written) { // it ran dry
        begin(p, now_us);
        played = 0;
    }
    uint64_t held = p->written - played;
    return held < p->buffer_frames ? p->buffer_frames - (uint32_t)held : 0;
}

void nh_linux__pace_written(struct nh_linux__pace *p, uint32_t frames)
{
    p->written += frames;
}
