// audio_level.h - how loud what is played is, as a whole and in bands: for a lamp that moves with
// it. Sans-IO: frames in, a reading every NH_AUDIO__LEVEL_MS; time is counted in frames.
//
// Sixteen bands of half an octave, from 60 Hz to 10 kHz, each a resonator of two poles. Readings
// are on a scale of decibels: 0 is 60 below full scale and under, 255 is full scale.

#ifndef NH_AUDIO_LEVEL_H
#define NH_AUDIO_LEVEL_H

#include "core/base/base.h"

#define NH_AUDIO__LEVEL_MS 25
#define NH_AUDIO__BAND_COUNT 16

struct nh_audio__reading {
    uint8_t level, band[NH_AUDIO__BAND_COUNT];
};

struct nh_audio__level { // private
    size_t block, count; // frames of a reading; of the one at hand
    float middle, side;  // sums of squares of what both channels have, and of what differs
    bool hears_side;     // the bands: the louder of the two, as it was in the reading before
    struct nh_audio__resonator {
        float b, a1, a2, y1, y2;
        float square;
    } band[NH_AUDIO__BAND_COUNT];
    float x1, x2; // the two samples before
};

void nh_audio__level_init(struct nh_audio__level *l, uint32_t rate_hz);

// Hears `count` frames of two channels, at most a reading's worth. True: `*out` is a new reading.
bool nh_audio__level_add(struct nh_audio__level *l, const int16_t *frames, size_t count,
                         struct nh_audio__reading *out);

#endif
