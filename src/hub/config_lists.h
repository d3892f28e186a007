// config_lists.h - tables of the streamed lists of hub.yaml, for config.c.

#ifndef NH_HUB_CONFIG_LISTS_H
#define NH_HUB_CONFIG_LISTS_H

#include "hub/config.h"

extern const nh_json_field_t nh_hub__user_element, nh_hub__rule_element;
extern const struct nh_hub_mqtt_rule nh_hub__rule_default;

#endif
