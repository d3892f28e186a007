// config_private.h - what the files of the configuration share.

#ifndef NH_HUB_CONFIG_PRIVATE_H
#define NH_HUB_CONFIG_PRIVATE_H

#include "hub/config.h"
#include "platform/yaml.h"

struct nh_hub_counting {
    const struct nh_hub_places *places; // of the file, for the validator; else NULL
    nh_finding_fn finding;
    void *ctx;
    size_t errors;
};

// config.c
void nh_hub_config__count(void *ctx, const struct nh_finding *f); // ctx: nh_hub_counting

// config_places.c
// Where a value stands: the way to it from the top. Zeroed at the start.
#define NH_HUB_PATH_MAX_DEPTH 4
struct nh_hub_path {
    uint32_t depth;
    struct nh_hub_path_step {
        char key[24];   // of a mapping
        uint32_t index; // of a list
        bool is_list;
    } step[NH_HUB_PATH_MAX_DEPTH];
};
// The path after the event.
void nh_hub_path__walk(struct nh_hub_path *p, const struct nh_yaml_event *e);
// The place of a value that begins with the event; `top` stands before the pointer.
struct nh_hub_place nh_hub_path__place(const struct nh_hub_path *p, const char *top,
                                       const struct nh_yaml_event *e);
// Where the field stands, else the element that it is missing in; NULL: not known.
const struct nh_hub_place *nh_hub_place__find(const struct nh_hub_place *place, uint32_t count,
                                              const char *pointer);

// config_check.c
void nh_hub_config__report(struct nh_hub_counting *c, const char *pointer, const char *value,
                           const char *limit, const char *text);
// Splits an address; a finding when it is none. Whether it is open to the network.
bool nh_hub_config__is_open(struct nh_hub_counting *c, const char *pointer, const char *text);
// An address with a port; of this machine alone, unless there are users or all may come in.
void nh_hub_config__check_mqtt_address(struct nh_hub_counting *c, const struct nh_hub_config *cfg,
                                       const char *pointer, const char *text);

// config_lamp.c
void nh_hub_config__check_lamp(struct nh_hub_counting *c, const struct nh_hub_config *cfg);
void nh_hub_config__check_lamp_wled(struct nh_hub_counting *c, const struct nh_hub_config *cfg);

// config_battery.c
void nh_hub_config__check_battery(struct nh_hub_counting *c, const struct nh_hub_config *cfg);
// config_battery_publish.c
void nh_hub_config__check_battery_publish(struct nh_hub_counting *c,
                                          const struct nh_hub_config *cfg);
// config_battery_remote.c
void nh_hub_config__check_battery_remote(struct nh_hub_counting *c,
                                         const struct nh_hub_config *cfg);
// config_battery_bridge.c
void nh_hub_config__check_battery_bridge(struct nh_hub_counting *c,
                                         const struct nh_hub_config *cfg);
// config_lamp_hw.c
void nh_hub_config__check_lamp_hw(struct nh_hub_counting *c, const struct nh_hub_config *cfg);
// config_lamp_overlay.c
void nh_hub_config__check_lamp_overlay(struct nh_hub_counting *c, const struct nh_hub_config *cfg);
// config_lamp_live.c
void nh_hub_config__check_lamp_live(struct nh_hub_counting *c, const struct nh_hub_config *cfg);

// config_lamp_radio.c
void nh_hub_config__check_lamp_radio(struct nh_hub_counting *c, const struct nh_hub_config *cfg);

// config_listeners.c
extern const nh_json_field_t nh_hub_config__listener_element;
void nh_hub_config__check_listeners(struct nh_hub_counting *c, const struct nh_hub_config *cfg);

#endif
