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
void nh_hub_config__report(struct nh_hub_counting *c, const char *pointer, const char *value,
                           const char *limit, const char *text);
// An address with a port; of this machine alone, unless there is a password or `is_closed` says
// that not everybody gets in.
void nh_hub_config__check_address(struct nh_hub_counting *c, const struct nh_hub_config *cfg,
                                  const char *pointer, const char *text, bool is_closed);

// config_listeners.c
extern const nh_json_field_t nh_hub_config__listener_element;
void nh_hub_config__check_listeners(struct nh_hub_counting *c, const struct nh_hub_config *cfg);

#endif
