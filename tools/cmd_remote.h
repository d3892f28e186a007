// cmd_remote.h - nuthatch remote: what its files share.

#ifndef NH_CMD_REMOTE_H
#define NH_CMD_REMOTE_H

#include "components/lamp_radio/radio_remote.h"
#include "hub/cli_memory.h"
#include "platform/platform.h"
#include "platform/radio.h"

struct nh_remote_options {
    char state_dir[400];
    const char *group, *interface, *name, *lamp; // NULL: the default; lamp: the one selected last
    uint16_t port;
    uint8_t channel; // 0: where the lamp was heard last
    uint32_t loss_pct, delay_ms, duplicate_pct;
    uint32_t timeout_s, seconds; // of a command; of pairing
    bool as_json, says_yes;
};

// ---- cmd_remote_files.c: what is kept, in one folder that one remote uses at a time

struct nh_remote_files {
    char dir[400];
    int lock_fd; // -1: not open
    nh_radio_address_t address;
};
// Makes the folder and an address. Says on standard error why it cannot. False: nothing is open.
bool nh_remote_files_open(struct nh_remote_files *f, const char *dir);
void nh_remote_files_close(struct nh_remote_files *f);
// Returns the bytes read, at most `cap`; 0: there is no such file.
size_t nh_remote_files_read(const struct nh_remote_files *f, const char *name, void *out,
                            size_t cap);
// Durable and whole when it returns 0, or as before.
int nh_remote_files_write(const struct nh_remote_files *f, const char *name, const void *bytes,
                          size_t len);

// ---- cmd_remote_link.c: a remote on the air

struct nh_remote_link {
    const struct nh_remote_options *options;
    struct nh_remote_files files;
    struct nh_cli_memory memory;
    nh_loop_t *loop;
    nh_radio_t *radio;
    nh_radio_remote_t *engine;
    struct nh_loop_deadline deadline;
    bool has_deadline;
    void (*event)(void *ctx, const struct nh_radio_remote_event *e);
    void *ctx;
};
// `poll_ms` as the engine's. Says on standard error why it cannot. False: nothing is open.
bool nh_remote_link_open(struct nh_remote_link *l, const struct nh_remote_options *o,
                         uint32_t poll_ms,
                         void (*event)(void *ctx, const struct nh_radio_remote_event *e),
                         void *ctx);
void nh_remote_link_close(struct nh_remote_link *l);
// Begins to fetch what is not known of the lamp that is selected: its list, from the cache if that
// is right still.
void nh_remote_link_sync(struct nh_remote_link *l);
// The name of an effect, or its number in hex where the list does not have it.
const char *nh_remote_effect_name(const nh_radio_remote_t *r, uint16_t id, char *out, size_t cap);

// ---- cmd_remote_once.c: for scripts. Exit codes as of the command.

int nh_remote_set(const struct nh_remote_options *o, char **words, int count);
int nh_remote_status(const struct nh_remote_options *o);
int nh_remote_list(const struct nh_remote_options *o);
int nh_remote_ota(const struct nh_remote_options *o);
int nh_remote_pair(const struct nh_remote_options *o);
// How long the lamp takes to answer `count` commands, NULL: 100; they change nothing.
int nh_remote_ping(const struct nh_remote_options *o, const char *count);
int nh_remote_lamps(const struct nh_remote_options *o);
int nh_remote_add(const struct nh_remote_options *o, const char *address, const char *node);
int nh_remote_forget(const struct nh_remote_options *o, const char *lamp);

// ---- cmd_remote_screen.c, cmd_remote_draw.c: the screen

int nh_remote_screen(const struct nh_remote_options *o);

#endif
