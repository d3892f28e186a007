// lamp_pace.h - when frames begin, and how well that is kept. Sans-IO.
//
// Frame n has the slot start + n * 1000000 / fps: a cadence, not a pause between frames. Who misses
// slots leaves those out and goes on with the next one to come.

#ifndef NH_LAMP_PACE_H
#define NH_LAMP_PACE_H

#include "core/base/base.h"

struct nh_lamp__pace_figures { // of the last whole second
    uint32_t fps_x10;
    uint32_t jitter_us, jitter_max_us; // from the slot to the frame's begin
    uint32_t render_us, overlay_us, show_us;
};

typedef struct nh_lamp__pace { // private but for `shown`, `late_count`, `dropped_count`
    uint32_t fps;
    uint64_t start_us, slot; // of the next frame
    uint64_t late_count;     // frames that began after their slot's end
    uint64_t dropped_count;  // slots without a frame
    uint64_t second_us;      // where the second at hand began
    uint32_t frame_count;    // in it
    uint64_t jitter_sum_us, spent_us[3];
    uint32_t jitter_max_us;
    struct nh_lamp__pace_figures shown;
} nh_lamp__pace_t;

void nh_lamp__pace_init(nh_lamp__pace_t *p, uint32_t fps, uint64_t now_us);
// A frame begins.
void nh_lamp__pace_begin(nh_lamp__pace_t *p, uint64_t now_us);
// It took so long: effect, overlay, show().
void nh_lamp__pace_spent(nh_lamp__pace_t *p, uint32_t render_us, uint32_t overlay_us,
                         uint32_t show_us);
// It has ended. Returns when the next one begins.
uint64_t nh_lamp__pace_end(nh_lamp__pace_t *p, uint64_t now_us);

#endif
