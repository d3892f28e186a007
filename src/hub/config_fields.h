// config_fields.h - the tables of the configuration's sections: their rows, and those of other
// files.

#ifndef NH_HUB_CONFIG_FIELDS_H
#define NH_HUB_CONFIG_FIELDS_H

#include "hub/config.h"

// The rows of a table, short: a field of `struct nh_hub_config`.
#define AT(f)                                                                                      \
    .offset = offsetof(struct nh_hub_config, f), .size = sizeof(((struct nh_hub_config *)0)->f)
#define STRING(n, f, t)                                                                            \
    {                                                                                              \
        .name = (n), .type = NH_JSON_T_STRING, AT(f), .text = (t)                                  \
    }
#define BOOL(n, f, t)                                                                              \
    {                                                                                              \
        .name = (n), .type = NH_JSON_T_BOOL, AT(f), .text = (t)                                    \
    }
#define UINT(n, f, lo, hi, u, t)                                                                   \
    {                                                                                              \
        .name = (n), .type = NH_JSON_T_INT, AT(f), .min = (lo), .max = (hi), .unit = (u),          \
        .text = (t)                                                                                \
    }

// config_ota.c and config_pad.c; each ends with a row of zeros.
extern const nh_json_field_t nh_hub__display_fields[];
extern const nh_json_field_t nh_hub__homeassistant_fields[];
extern const nh_json_field_t nh_hub__macropad_fields[];
// config_battery.c
extern const nh_json_field_t nh_hub__battery_fields[];
void nh_hub__battery_defaults(struct nh_hub_config *c);
// config_battery_publish.c
extern const nh_json_field_t nh_hub__battery_publish_fields[];
void nh_hub__battery_publish_defaults(struct nh_hub_config *c);
// config_battery_remote.c
extern const nh_json_field_t nh_hub__battery_remote_fields[];
void nh_hub__battery_remote_defaults(struct nh_hub_config *c);
// config_battery_bridge.c
extern const nh_json_field_t nh_hub__battery_bridge_fields[];
void nh_hub__battery_bridge_defaults(struct nh_hub_config *c);
// config_lamp.c
extern const nh_json_field_t nh_hub__lamp_fields[];
// config_lamp_hw.c
extern const nh_json_field_t nh_hub__lamp_hw_fields[];
extern const nh_json_field_t nh_hub__lamp_button_fields[];
void nh_hub__lamp_hw_defaults(struct nh_hub_config *c);
// config_lamp_overlay.c
extern const nh_json_field_t nh_hub__lamp_overlay_fields[];
void nh_hub__lamp_overlay_defaults(struct nh_hub_config *c);
// config_lamp_live.c
extern const nh_json_field_t nh_hub__lamp_live_fields[];
extern const nh_json_field_t nh_hub__lamp_send_element;
extern const struct nh_hub_lamp_send nh_hub__lamp_send_default;
void nh_hub__lamp_live_defaults(struct nh_hub_config *c);
extern const nh_json_field_t nh_hub__ota_fields[];
void nh_hub__ota_defaults(struct nh_hub_config *c);
extern const nh_json_field_t nh_hub__lamp_wled_fields[];
extern const nh_json_field_t nh_hub__lamp_radio_fields[];
extern const nh_json_field_t nh_hub__lamp_mqtt_fields[];
extern const nh_json_field_t nh_hub__mdns_fields[];

#endif
