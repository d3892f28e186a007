// commands.h - the verbs of the command. Exit codes: 0 done, 1 the thing failed, 2 wrong usage.

#ifndef NH_HUB_COMMANDS_H
#define NH_HUB_COMMANDS_H

#include "components/devices/devices.h"

struct nh_command {
    const char *name;
    int (*run)(int argc, char **argv); // argv[0] is "nuthatch VERB"
    const char *text;
};

int nh_command_run(int argc, char **argv);
int nh_command_acl(int argc, char **argv);
int nh_command_battery(int argc, char **argv); // tools/cmd_battery.c
int nh_command_check(int argc, char **argv);
// cmd_check_devices.c: whether a file is a device configuration, and what is wrong with it.
bool nh_command_is_device_file(const char *file);
int nh_command_check_devices(const char *file, const struct nh_device_limits *limits, bool as_json);
int nh_command_print_device_fields(void);
// cmd_check_macros.c: the same of a macro pad's document. Its errors: nh_macropad_check(), and
// NH_ERR_NOT_FOUND when it cannot be opened.
bool nh_command_is_macro_file(const char *file);
int nh_command_check_macros(const char *file, const char *layout, nh_finding_fn finding, void *ctx);
int nh_command_mqtt(int argc, char **argv);
int nh_command_passwd(int argc, char **argv);
int nh_command_sim(int argc, char **argv);     // tools/cmd_sim.c
int nh_command_ota(int argc, char **argv);     // tools/cmd_ota.c
int nh_command_remote(int argc, char **argv);  // tools/cmd_remote.c
int nh_command_harness(int argc, char **argv); // tools/cmd_harness.c
int nh_command_lamp(int argc, char **argv);    // tools/cmd_lamp.c
// tools/cmd_lamp_wiring.c: the verbs of nuthatch lamp that have to do with LEDs.
bool nh_command_is_lamp_wiring(const char *verb);
int nh_command_lamp_wiring(int argc, char **argv);

// Prints "file:line:column: /field: text; has VALUE, limit LIMIT" to stderr. `ctx`: the file's
// name.
void nh_command_print_finding(void *ctx, const struct nh_finding *f);
// The same for a fault that comes with its file's name.
void nh_command_print_rules_fault(void *ctx, const char *file, const struct nh_finding *f);

#endif
