// Fields of the lamp.
#include "hub/config_fields.h"
#include "hub/config_private.h"

#include <stdio.h>

const nh_json_field_t nh_hub__lamp_fields[] = {
    BOOL("enabled", lamp.enabled, "Whether there is a lamp"),
    UINT("width", lamp.width, 1, 128, "pixels", "Width of the matrix"),
    UINT("height", lamp.height, 1, 128, "pixels", "Height of the matrix"),
    UINT("fps", lamp.fps, 10, 120, "1/s", "Frames a second"),
    UINT("queue_max", lamp.queue_max, 1, 256, NULL, "Commands that wait; more are refused"),
    UINT("transition_ms", lamp.transition_ms, 0, 60000, "ms",
         "Way of brightness, colours and palette to new values, where a command names none"),
    UINT("save_delay_ms", lamp.save_delay_ms, 1, 3600000, "ms",
         "The state is written after so long without a change"),
    UINT("save_deadline_ms", lamp.save_deadline_ms, 1, 3600000, "ms",
         "And at the latest so long after the first one"),
    {0},
};

void nh_hub_config__check_lamp(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    char value[16];
    snprintf(value, sizeof value, "%u", (unsigned)cfg->lamp.save_deadline_ms);
    if (cfg->lamp.save_deadline_ms < cfg->lamp.save_delay_ms)
        nh_hub_config__report(c, "/lamp/save_deadline_ms", value, "at least save_delay_ms",
                              "is less");
}
