// config_private.h - what the files of the configuration share.

#ifndef NH_HUB_CONFIG_PRIVATE_H
#define NH_HUB_CONFIG_PRIVATE_H

#include "hub/config.h"

struct nh_hub_counting {
    const struct nh_hub_places *places; // of the file, for the validator; else NULL
    nh_finding_fn finding;
    void *ctx;
    size_t errors;
};

// config.c
void nh_hub_config__count(void *ctx, const struct nh_finding *f); // ctx: nh_hub_counting
uint32_t nh_hub_config__hash(const char *pointer);                // of struct nh_hub_place

// config_check.c
void nh_hub_config__report(struct nh_hub_counting *c, const char *pointer, const char *value,
                           const char *limit, const char *text);
// Splits an address; a finding when it is none. Whether it is open to the network.
bool nh_hub_config__is_open(struct nh_hub_counting *c, const char *pointer, const char *text);
// An address with a port; of this machine alone, unless there are users or all may come in.
void nh_hub_config__check_mqtt_address(struct nh_hub_counting *c, const struct nh_hub_config *cfg,
                                       const char *pointer, const char *text);

// config_listeners.c
extern const nh_json_field_t nh_hub_config__listener_element;
void nh_hub_config__check_listeners(struct nh_hub_counting *c, const struct nh_hub_config *cfg);

#endif
