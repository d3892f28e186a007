// hub.h - composition: builds the parts from a configuration, runs them, stops them.

#ifndef NH_HUB_H
#define NH_HUB_H

#include "components/devices/devices.h"
#include "hub/config.h"

struct nh_mosquitto_conf;

struct nh_hub_options {
    const char *config_file; // for SIGHUP and the settings page; NULL: none
    bool window;             // the panel in a window of the desktop
    bool ready_json;         // one line of JSON on stdout once all listeners are up
    // Not NULL: config_file is a mosquitto.conf, this is what it came to at the start (borrowed),
    // and the log is lines of text as there. hub.yaml's settings of the portal are not looked at.
    const struct nh_mosquitto_conf *mosquitto;
    // Command line over file: applied again after each reload. NULL: not given.
    const char *http, *mqtt, *data, *board, *console;
};

// Puts the options of the command line over `*c`.
NH_MUST_USE int nh_hub_options_apply(const struct nh_hub_options *o, struct nh_hub_config *c);

// Reads file and options into `*c` (defaults first) and validates. Faults go to `finding`, each
// once and all that can be judged. NH_ERR_INVAL: there was one; `*c` may still be looked at for
// more. Another error: the file is broken or cannot be read, and nothing was judged.
NH_MUST_USE int nh_hub_config_load(const struct nh_hub_options *o, struct nh_hub_config *c,
                                   nh_finding_fn finding, void *ctx);

// Whether a scenario's command to the lamp can be read: 0, or what is wrong in `why`. One's own
// palettes are not known here, so no name of a palette is wrong.
int nh_hub_lamp_check(nh_span_t json, char *why, size_t cap);

// What a device configuration may be under `c`.
struct nh_device_limits nh_hub_device_limits(const struct nh_hub_config *c);

#define NH_HUB_RUN_OTHER 100
// Runs a hub until it is told to stop. Returns the exit code of the process; NH_HUB_RUN_OTHER: the
// program that nh_hub_launch() chooses is to go on in its place.
int nh_hub_run(const struct nh_hub_config *cfg, const struct nh_hub_options *o);

// launch.c: where a hub updates itself, another program than the installed one may be the one to
// run. Becomes it, with the arguments of this process, and does not return then. Before the hub
// starts, and after NH_HUB_RUN_OTHER (`again`). Returns when this program is the right one.
void nh_hub_launch(const struct nh_hub_config *cfg, char **argv, bool again);
// The place that this program runs from; enum nh_ota_place.
int nh_hub_launched_from(void);

#endif
