// lamp_overlay_config.h - how the genie moves and looks; what it is: lamp_overlay.h.

#ifndef NH_LAMP_OVERLAY_CONFIG_H
#define NH_LAMP_OVERLAY_CONFIG_H

#include <stdint.h>

// A field of 0 is that value, not the default: begin with nh_lamp_overlay_standard.
struct nh_lamp_overlay_config {
    uint16_t deadband_deg; // 0 to 90
    uint16_t follow_ms;    // time constant towards a voice
    uint16_t return_ms;    // time constant back to the front
    uint16_t hold_ms;      // how long it stays where nothing is heard any more
    uint16_t front_deg;    // 0 to 359; 180 is the middle of the canvas
    uint16_t step_max_deg; // movement in a frame of NH_LAMP_OVERLAY_FRAME_MS, less in shorter ones
    uint16_t heard_max_ms; // older directions count for nothing
    uint16_t fade_ms;      // in and out, and from one mode to another
    uint16_t blink_min_ms, blink_max_ms; // between two blinks
    uint16_t blink_ms;                   // of one
    uint8_t base_pct;                    // brightness of the effect under the face
    uint8_t size_pct;                    // 100: fits the lamp; 25 to 200
};
#define NH_LAMP_OVERLAY_FRAME_MS 45
extern const struct nh_lamp_overlay_config nh_lamp_overlay_standard;

#endif
