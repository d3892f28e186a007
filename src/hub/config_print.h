// config_print.h - a configuration as hub.yaml: what is not the default, to be read and kept.

#ifndef NH_HUB_CONFIG_PRINT_H
#define NH_HUB_CONFIG_PRINT_H

#include "hub/config.h"
#include "hub/config_bridge.h"

// Writes what `c` and `bridges` (may be NULL) have other than their defaults, as YAML that reads
// back to the same. Users and rules are not in `c` and are not written. What `sink` says of an
// error is given back; then no more is written.
NH_MUST_USE int nh_hub_config_print(const struct nh_hub_config *c,
                                    const struct nh_hub_bridges *bridges, nh_sink_fn sink,
                                    void *ctx);

#endif
