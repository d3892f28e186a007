// lamp_face.h - how the genie looks; for lamp_overlay.c alone.

#ifndef NH_LAMP_FACE_H
#define NH_LAMP_FACE_H

#include "components/lamp/lamp.h"

// One moment of the face. Shares are of 256.
struct nh_lamp__face {
    uint32_t angle;    // 2^32 a turn; where on the lamp it looks
    uint32_t alpha;    // of all of it
    uint32_t base;     // share of the effect that is left under it
    uint32_t size_pct; // of what fits
    uint32_t eye_open; // 0 shut, 256 as drawn, up to 384 wide
    uint32_t mouth;    // 0 shut, 256 as open as it gets
    uint32_t ring;     // brightness of the head's outline
    uint32_t pulse;    // strength of the ring that leaves it
    uint16_t pulse_at; // 65536: one way out
    uint16_t drift;    // phase of what floats
    int32_t gaze;      // -256 left to 256 right
    nh_px_t color;     // eyes, mouth
    nh_px_t skin;      // outline, wisp
    enum nh_lamp_blend blend;
};
void nh_lamp__face_draw(const struct nh_lamp__face *f, struct nh_fx_canvas *c);

#endif
