// lamp_overlay.h - the genie over any effect: it looks where a voice comes from, listens, speaks.
//
// Sans-IO: wall time in, pixels out; so it lives while the animation is paused. It draws on the
// canvas after the effect and before brightness, and keeps nothing there: an effect paints each
// pixel of its next frame anyway. The task `render` makes all calls.
//
// Movement, on the circle: a voice more than `deadband_deg` away sets the face in motion, which
// approaches it by a time constant, at most `step_max_deg` a frame; when nothing has been heard for
// `heard_max_ms`, the face stays for `hold_ms` and goes back to the front.

#ifndef NH_LAMP_OVERLAY_H
#define NH_LAMP_OVERLAY_H

#include "components/lamp/lamp.h"

typedef struct nh_lamp_overlay { // private; the caller embeds it
    struct nh_lamp_overlay_config cfg;
    uint32_t seed;
    bool has_begun;
    uint64_t last_ms;
    // Angles: 2^32 is a turn, so that they wrap by themselves and differences are the short way.
    uint32_t angle, target;
    bool is_moving, has_heard, has_level;
    uint64_t heard_ms, level_at_ms;
    uint32_t fade;    // Q16
    uint32_t mode[3]; // Q16, how far it is in each mode; their sum is not 0
    uint32_t level;   // Q16, smoothed
    uint8_t level_target;
    uint64_t blink_ms; // when the next, or the present one, began
    uint32_t blink_count;
    int32_t gaze; // Q16, -65536 left to 65536 right
} nh_lamp_overlay_t;

// A copy of `cfg`; NULL, or one whose size_pct is 0: the standard. `seed` chooses the moments of
// blinking.
void nh_lamp_overlay_init(nh_lamp_overlay_t *o, const struct nh_lamp_overlay_config *cfg,
                          uint32_t seed);
// Settings may change while it runs; nothing jumps.
void nh_lamp_overlay_configure(nh_lamp_overlay_t *o, const struct nh_lamp_overlay_config *cfg);
// A voice was heard at `angle_deg` (any number; taken modulo 360).
void nh_lamp_overlay_direction(nh_lamp_overlay_t *o, uint32_t angle_deg, uint64_t now_ms);
// How loud what is played is. Without a level for a second the mouth moves by itself.
void nh_lamp_overlay_level(nh_lamp_overlay_t *o, uint8_t level, uint64_t now_ms);

// Moves on to `now_ms` (monotonic wall time) and draws. At most 250 ms count, so that after a pause
// of drawing nothing jumps. Disabled and faded out: the canvas is not touched.
struct nh_lamp_overlay_look {
    bool is_enabled;
    enum nh_lamp_overlay_mode mode;
    enum nh_lamp_blend blend;
};
void nh_lamp_overlay_draw(nh_lamp_overlay_t *o, struct nh_fx_canvas *canvas,
                          const struct nh_lamp_overlay_look *look, uint64_t now_ms);

struct nh_lamp_overlay_info {
    uint16_t angle_deg, target_deg;
    bool is_following; // a voice; else it holds, returns or rests
    bool is_visible;
};
void nh_lamp_overlay_info(const nh_lamp_overlay_t *o, uint64_t now_ms,
                          struct nh_lamp_overlay_info *out);

#endif
