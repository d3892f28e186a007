// lamp_pipeline.h - from the canvas to the bytes of the chain: order, brightness, gamma, white
// balance, current limit, temporal dithering.
//
// Sans-IO; one task, that of the render loop. Nothing is allocated, and no floating point used,
// after create. A frame is a function of (canvas, brightness, frame number): it has a CRC.
//
//   canvas -> order of the chain -> table (gamma x brightness x white) -> limit -> dither -> bytes
//             lamp_map.h            8 bits in, 8.8 bits out              8.8       8.8 to 8
//
// Bytes are R, G, B; the order on a wire is that of the port which sends them.

#ifndef NH_LAMP_PIPELINE_H
#define NH_LAMP_PIPELINE_H

#include "components/lamp/lamp_map.h"

#define NH_LAMP_GAMMA_MAX_PCT 400
#define NH_LAMP_DITHER_MAX_BITS 4
#define NH_LAMP_LED_MAX_MA 255
#define NH_LAMP_LIMIT_MAX_MA 1000000u
#define NH_LAMP_BRIGHTNESS_MAX_Q8 (255u << 8)

struct nh_lamp_pipeline_config {
    nh_mem_t *mem;            // borrowed; outlives the pipeline
    const nh_lamp_map_t *map; // borrowed; outlives the pipeline
    uint16_t gamma_pct;       // 100 times the exponent: 220 is 2.2; 0 or 100: none
    // Of the part of a value that 8 bits do not hold, so many bits are shown over time, within
    // 2^bits frames; 0: values are rounded. LEDs flicker by one step where frames are few.
    uint8_t dither_bits;
    uint8_t white[3]; // how much of red, green and blue a white pixel gets; 0: 255, all
    // The model of current, WLED's: each LED takes `led_ma` for full white, one third of it for
    // each colour, and `led_idle_ua` when dark; the board `board_ma`.
    uint16_t led_ma;      // 0: 55
    uint16_t led_idle_ua; // 0: 1000
    uint16_t board_ma;    // 0: 100
    uint32_t limit_ma;    // a frame that takes more is made darker; 0: no limit
};

struct nh_lamp_pipeline_frame {
    const uint8_t *rgb;   // 3 bytes a pixel in the order of the chain; until the next frame
    uint32_t count;       // pixels
    uint32_t estimate_ma; // of these bytes, rounded up; never over the limit
    uint32_t wanted_ma;   // of the frame had there been no limit
    bool is_limiting;
};

typedef struct nh_lamp_pipeline nh_lamp_pipeline_t;

// NH_ERR_RANGE: see `fault` (may be NULL); a limit at or under what dark LEDs and the board take is
// one, since no frame could keep it. NH_ERR_NOMEM. Then nothing was made and `*out` is NULL.
// 12 bytes a pixel, and 2 KiB.
NH_MUST_USE int nh_lamp_pipeline_create(const struct nh_lamp_pipeline_config *cfg,
                                        struct nh_lamp_fault *fault, nh_lamp_pipeline_t **out);
void nh_lamp_pipeline_destroy(nh_lamp_pipeline_t *p); // NULL: nothing

// The same judgement for a chain of `count` LEDs, without map and memory.
NH_MUST_USE int nh_lamp_pipeline_check(const struct nh_lamp_pipeline_config *cfg, uint32_t count,
                                       struct nh_lamp_fault *fault);

// Makes the bytes of a frame of `canvas`, of the map's size. `brightness_q8`: 256 times 0 to 255,
// so that a slow fade has no steps; 0 is dark. `frame` counts up by one; dithering goes by it.
void nh_lamp_pipeline_frame(nh_lamp_pipeline_t *p, const struct nh_fx_canvas *canvas,
                            uint32_t brightness_q8, uint32_t frame,
                            struct nh_lamp_pipeline_frame *out);

#endif
