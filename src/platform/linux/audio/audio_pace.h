// audio_pace.h - a device made of time alone: for outputs that take everything at once, as a file
// does, and the "null" device. Sans-IO: the clock is an argument.

#ifndef NH_LINUX_AUDIO_PACE_H
#define NH_LINUX_AUDIO_PACE_H

#include "core/base/base.h"

struct nh_linux__pace {
    uint32_t rate_hz, buffer_frames;
    uint64_t start_us; // when frame 0 was played
    uint64_t written;  // frames
    bool is_begun;
};

// How many frames of the buffer have been played and are free. A writer that was late by more than
// the buffer has missed its time: the count goes on from now.
uint32_t nh_linux__pace_space(struct nh_linux__pace *p, uint64_t now_us);
void nh_linux__pace_written(struct nh_linux__pace *p, uint32_t frames);

#endif
