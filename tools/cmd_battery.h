// cmd_battery.h - what the files of nuthatch battery share: options, and a hub that is asked.

#ifndef NH_CMD_BATTERY_H
#define NH_CMD_BATTERY_H

#include "hub/cli_memory.h"
#include "platform/http_client.h"

struct battery_options {
    const char *hub, *user, *password_file, *backup;
    bool as_json, as_markdown, is_sure;
    char **args;
    int arg_count;
};

// nuthatch battery: WHICH: WHAT, on standard error. Returns 1, the exit code.
int battery_complain(const char *what, const char *which);

// ---- a hub: cmd_battery_hub.c

#define BATTERY_REPLY_MAX_BYTES 32768
struct battery_hub {
    struct nh_cli_memory memory;
    const char *url;
    struct nh_http_header auth;
    char authorization[400];
    // Of the last call.
    char *reply; // with a NUL
    size_t reply_bytes;
    int status;
};
// False: it has been said why. Then nothing is open.
bool battery_hub_open(struct battery_hub *h, const struct battery_options *o);
void battery_hub_close(struct battery_hub *h);
// One request and its reply. False: there was none, and it has been said why. `body` NULL: none.
bool battery_hub_call(struct battery_hub *h, const char *method, const char *path, const char *body,
                      size_t body_bytes);
// Says what the hub says of an error reply. Returns 1, the exit code.
int battery_hub_refused(const struct battery_hub *h);

// ---- the verbs: cmd_battery_settings.c, cmd_battery_registers.c; an exit code

int battery_settings(const struct battery_options *o);
int battery_registers(const struct battery_options *o);

#endif
