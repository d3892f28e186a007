// lamp_fade.h - brightness, colours and palette on their way to new values. Sans-IO.

#ifndef NH_LAMP_FADE_H
#define NH_LAMP_FADE_H

#include "components/lamp/fx/fx.h"

typedef struct nh_lamp__fade {
    uint32_t brightness_q8; // as it is shown now, as the rest; 256 times 0 to 255
    nh_px_t color[3], palette[256];
    // Private.
    uint64_t start_us, span_us; // span 0: it has arrived
    struct nh_lamp__fade_end {
        uint32_t brightness_q8;
        nh_px_t color[3];
    } from, to;
    nh_px_t palette_from[256];
} nh_lamp__fade_t;

// Sets out for new values from where it is; `span_ms` 0: is there at once. `palette_to`: 256
// colours, the same ones to each nh_lamp__fade_step() until the next call.
void nh_lamp__fade_to(nh_lamp__fade_t *f, uint8_t brightness, const nh_px_t color[3],
                      const nh_px_t *palette_to, uint32_t span_ms, uint64_t now_us);
void nh_lamp__fade_step(nh_lamp__fade_t *f, const nh_px_t *palette_to, uint64_t now_us);

#endif
