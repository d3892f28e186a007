// hub_lamp_hw.h - the lamp's LEDs and its button, from the configuration to the lamp's own words.

#ifndef NH_HUB_LAMP_HW_H
#define NH_HUB_LAMP_HW_H

#include "components/lamp/lamp.h"
#include "hub/config.h"
#include "platform/pixels.h"

enum nh_hub_pull { NH_HUB_PULL_NONE, NH_HUB_PULL_UP, NH_HUB_PULL_DOWN };

// What a gesture does. While the lamp is off all but NH_HUB_LAMP_POWER do nothing.
enum nh_hub_lamp_action {
    NH_HUB_LAMP_NOTHING,
    NH_HUB_LAMP_PAUSE,
    NH_HUB_LAMP_NEXT,
    NH_HUB_LAMP_PREVIOUS,
    NH_HUB_LAMP_POWER, // off, or on again
    NH_HUB_LAMP_BRIGHTER,
    NH_HUB_LAMP_DARKER,
    NH_HUB_LAMP_OVERLAY,
    NH_HUB_LAMP_ACTION_COUNT
};
extern const char *const nh_hub__lamp_actions[NH_HUB_LAMP_ACTION_COUNT + 1]; // NULL at the end

// config_lamp_hw.c; memory and map are for the caller to fill in.
void nh_hub__lamp_map(const struct nh_hub_config *c, struct nh_lamp_map_config *out);
void nh_hub__lamp_pipeline(const struct nh_hub_config *c, struct nh_lamp_pipeline_config *out);
// hub_lamp_hw.c: the LEDs that the configuration names; zeroed: none. What fails is told in the
// log.
NH_MUST_USE int nh_hub__lamp_pixels(const struct nh_hub_config *c, nh_mem_t *mem,
                                    struct nh_pixels *out);
const char *nh_hub__lamp_spi(const struct nh_hub_config *c); // the device; NULL: no SPI output

// config_lamp_overlay.c
void nh_hub__lamp_overlay(const struct nh_hub_config *c, struct nh_lamp_overlay_config *out);

#endif
