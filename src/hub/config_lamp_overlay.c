// Fields of the lamp's genie, and what they come to.
#include "components/lamp/lamp.h"
#include "hub/config_fields.h"
#include "hub/config_private.h"
#include "hub/hub_lamp_hw.h"

#include <stdio.h>

const nh_json_field_t nh_hub__lamp_overlay_fields[] = {
    UINT("deadband_deg", lamp_overlay.deadband_deg, 0, 90, "degrees",
         "A voice that is nearer does not move the face"),
    UINT("follow_ms", lamp_overlay.follow_ms, 0, 10000, "ms",
         "Time in which it goes 63 % of the way to a voice"),
    UINT("return_ms", lamp_overlay.return_ms, 0, 10000, "ms", "Likewise back to the front"),
    UINT("hold_ms", lamp_overlay.hold_ms, 0, 60000, "ms",
         "It stays so long where nothing is heard any more"),
    UINT("front_deg", lamp_overlay.front_deg, 0, 359, "degrees",
         "Where it rests; 180 is the middle of the picture"),
    UINT("step_max_deg", lamp_overlay.step_max_deg, 1, 360, "degrees",
         "Its longest way in a frame of 45 ms"),
    UINT("heard_max_ms", lamp_overlay.heard_max_ms, 1, 60000, "ms",
         "Directions that are older count for nothing"),
    UINT("fade_ms", lamp_overlay.fade_ms, 0, 10000, "ms",
         "It comes and goes, and changes its mode, in this time"),
    UINT("blink_min_ms", lamp_overlay.blink_min_ms, 100, 60000, "ms",
         "Shortest time between two blinks"),
    UINT("blink_max_ms", lamp_overlay.blink_max_ms, 100, 60000, "ms", "Longest time between them"),
    UINT("blink_ms", lamp_overlay.blink_ms, 0, 2000, "ms", "Time that a blink takes; 0: none"),
    UINT("base_pct", lamp_overlay.base_pct, 0, 100, "%", "Brightness of the effect under it"),
    UINT("size_pct", lamp_overlay.size_pct, 25, 200, "%", "Its size; 100 fits the lamp"),
    {0},
};

void nh_hub__lamp_overlay_defaults(struct nh_hub_config *c)
{
    const struct nh_lamp_overlay_config *o = &nh_lamp_overlay_standard;
    c->lamp_overlay.deadband_deg = o->deadband_deg;
    c->lamp_overlay.follow_ms = o->follow_ms;
    c->lamp_overlay.return_ms = o->return_ms;
    c->lamp_overlay.hold_ms = o->hold_ms;
    c->lamp_overlay.front_deg = o->front_deg;
    c->lamp_overlay.step_max_deg = o->step_max_deg;
    c->lamp_overlay.heard_max_ms = o->heard_max_ms;
    c->lamp_overlay.fade_ms = o->fade_ms;
    c->lamp_overlay.blink_min_ms = o->blink_min_ms;
    c->lamp_overlay.blink_max_ms = o->blink_max_ms;
    c->lamp_overlay.blink_ms = o->blink_ms;
    c->lamp_overlay.base_pct = o->base_pct;
    c->lamp_overlay.size_pct = o->size_pct;
}

// Within the limits of the table above all of them fit.
void nh_hub__lamp_overlay(const struct nh_hub_config *c, struct nh_lamp_overlay_config *out)
{
    *out = (struct nh_lamp_overlay_config){
        .deadband_deg = (uint16_t)c->lamp_overlay.deadband_deg,
        .follow_ms = (uint16_t)c->lamp_overlay.follow_ms,
        .return_ms = (uint16_t)c->lamp_overlay.return_ms,
        .hold_ms = (uint16_t)c->lamp_overlay.hold_ms,
        .front_deg = (uint16_t)c->lamp_overlay.front_deg,
        .step_max_deg = (uint16_t)c->lamp_overlay.step_max_deg,
        .heard_max_ms = (uint16_t)c->lamp_overlay.heard_max_ms,
        .fade_ms = (uint16_t)c->lamp_overlay.fade_ms,
        .blink_min_ms = (uint16_t)c->lamp_overlay.blink_min_ms,
        .blink_max_ms = (uint16_t)c->lamp_overlay.blink_max_ms,
        .blink_ms = (uint16_t)c->lamp_overlay.blink_ms,
        .base_pct = (uint8_t)c->lamp_overlay.base_pct,
        .size_pct = (uint8_t)c->lamp_overlay.size_pct,
    };
}

void nh_hub_config__check_lamp_overlay(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    char value[16], limit[24];
    if (cfg->lamp_overlay.blink_min_ms <= cfg->lamp_overlay.blink_max_ms)
        return;
    snprintf(value, sizeof value, "%u", (unsigned)cfg->lamp_overlay.blink_min_ms);
    snprintf(limit, sizeof limit, "at most %u", (unsigned)cfg->lamp_overlay.blink_max_ms);
    nh_hub_config__report(c, "/lamp_overlay/blink_min_ms", value, limit, "is over blink_max_ms");
}
