// Fields of the lamp's WLED interface.
#include "hub/config_fields.h"
#include "hub/config_private.h"

#include <stdio.h>

const nh_json_field_t nh_hub__lamp_wled_fields[] = {
    BOOL("enabled", lamp_wled.enabled, "Whether the lamp, if there is one, speaks WLED's JSON"),
    BOOL("open", lamp_wled.open,
         "Let WLED's clients, who cannot sign in, switch the lamp without a password"),
    UINT("preset_max_count", lamp_wled.preset_max_count, 1, 250, NULL,
         "Presets that are kept; one more is refused"),
    {0},
};

void nh_hub_config__check_lamp_wled(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    struct nh_finding f = {.code = NH_ERR_DENIED, .is_warning = true};
    if (!cfg->lamp.enabled || !cfg->lamp_wled.enabled || !cfg->lamp_wled.open)
        return;
    snprintf(f.pointer, sizeof f.pointer, "/lamp_wled/open");
    snprintf(f.value, sizeof f.value, "true");
    snprintf(f.text, sizeof f.text,
             "whoever reaches the portal may switch the lamp without a password");
    nh_hub_config__count(c, &f);
}
