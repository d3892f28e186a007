// battery_settings.h - settings of the board: read, changed after a check, with a backup before and
// a reading back after, and its three commands. One job at a time; others wait in a short line.
//
// Of the loop's task. Sans-IO: requests go out by post(), whose answers come back on the same task;
// the clock is a function. What a change means: battery_settings_plan.h. docs/battery-settings.md.

#ifndef NH_BATTERY_SETTINGS_H
#define NH_BATTERY_SETTINGS_H

#include "components/battery/battery_client.h"
#include "components/battery/battery_settings_plan.h"
#include "core/mem/mem.h"
#include "core/store/store.h"

#define NH_BATTERY_JOB_MAX_COUNT 4   // waiting or under way
#define NH_BATTERY_TOKEN_MAX_COUNT 4 // given out and not used; the oldest goes first
#define NH_BATTERY_TOKEN_S 60
#define NH_BATTERY_TOKEN_TEXT_BYTES 17

typedef struct nh_battery__settings nh_battery__settings_t;
struct nh_battery__settings_config {
    nh_mem_t *mem;     // borrowed, as the store
    nh_store_t *store; // NULL: there are no backups
    void *ctx;
    int (*post)(void *ctx, const struct nh_battery_request *r, uint32_t *ticket);
    uint64_t (*clock_ms)(void);
    int64_t (*unix_ms)(void); // 0: no clock
    void (*random)(void *out, size_t len);
};
// NH_ERR_NOMEM: nothing was made.
NH_MUST_USE int nh_battery__settings_create(const struct nh_battery__settings_config *cfg,
                                            nh_battery__settings_t **out);
// No request of it may be under way: the client is stopped first. Jobs end unanswered.
void nh_battery__settings_destroy(nh_battery__settings_t *s); // NULL: nothing

// What the line brought of registers, whoever asked for it; others than its own are passed over.
void nh_battery__settings_words(nh_battery__settings_t *s, uint16_t address, uint16_t count,
                                const uint16_t *words);
// When the oldest of all settings that words() brought was asked for, on the settings' clock.
void nh_battery__settings_read_at(nh_battery__settings_t *s, uint64_t read_ms);
// The local board came or went: ranges and versions are asked for anew, as it may be another one.
void nh_battery__settings_link(nh_battery__settings_t *s, bool is_up);

struct nh_battery__settings_info {
    struct nh_battery__settings_image image;
    uint64_t age_ms; // of image.now; NH_NEVER: never read
    bool has_version;
    uint16_t version[NH_TINYBMS_VERSION_COUNT];
    uint64_t done_count, refused_count, failed_count; // changes; refused: by a check or the board
};
void nh_battery__settings_info(const nh_battery__settings_t *s,
                               struct nh_battery__settings_info *out);
nh_store_t *nh_battery__settings_store(const nh_battery__settings_t *s);
int64_t nh_battery__settings_unix_ms(const nh_battery__settings_t *s);

// ---- jobs

enum nh_battery__job_kind {
    NH_BATTERY__REFRESH, // settings, once also ranges and versions
    NH_BATTERY__APPLY,   // wishes
    NH_BATTERY__COMMAND, // request_kind: restart, clear events, clear statistics
};
enum nh_battery__job_end {
    NH_BATTERY__JOB_DONE,        // of APPLY: each pair of the plan has its outcome
    NH_BATTERY__JOB_INVALID,     // nothing was written: plan.findings
    NH_BATTERY__JOB_NEEDS_TOKEN, // nothing was written: `token` is a new one
    NH_BATTERY__JOB_FAILED,      // nothing was written: err; outcome and code of the board's
};
// Outcomes of a pair beside those of enum nh_battery_outcome.
#define NH_BATTERY_NOT_SENT 6 // one before it failed

struct nh_battery_setting_result;
typedef struct nh_battery__job {
    uint8_t kind, request_kind;
    uint32_t wish_count;
    struct nh_battery__wish wishes[NH_BATTERY_WISH_MAX_COUNT];
    char token[NH_BATTERY_TOKEN_TEXT_BYTES]; // "": none
    void *ctx;
    void (*done)(void *ctx, const struct nh_battery__job *job); // once, not within submit()

    uint8_t end, outcome, code;
    int err;
    struct nh_battery__plan plan;
    struct nh_battery__job *next;
    // Of nh_battery__setting_write().
    void (*told)(void *ctx, const struct nh_battery_setting_result *res);
    void *told_ctx;
} nh_battery__job_t;

// An empty job to be filled in, of the settings' memory. NULL: no memory, or there are
// NH_BATTERY_JOB_MAX_COUNT.
nh_battery__job_t *nh_battery__job_create(nh_battery__settings_t *s);
void nh_battery__job_drop(nh_battery__settings_t *s, nh_battery__job_t *j); // one not submitted
// Takes the job, also on an error: then it is gone and done() is not called.
// NH_ERR_FULL, NH_ERR_CLOSED and others of post().
NH_MUST_USE int nh_battery__job_submit(nh_battery__settings_t *s, nh_battery__job_t *j);
// Nobody waits for it any more: done() is not called. What is under way goes on to its end.
void nh_battery__job_forget(nh_battery__settings_t *s, nh_battery__job_t *j);

// The outcome of a wish, the worst of its words: enum nh_battery_outcome or NH_BATTERY_NOT_SENT.
// `code`: of a refusal.
uint8_t nh_battery__wish_outcome(const nh_battery__job_t *j, const struct nh_battery__wish *w,
                                 uint8_t *code);

// ---- tokens: what is dangerous is asked for twice

// A token for commands, which need no look at the board before. True: `token` is good for it, and
// used up. False: `out` is a new one, if not NULL.
bool nh_battery__command_token(nh_battery__settings_t *s, uint8_t request_kind, const char *token,
                               char out[NH_BATTERY_TOKEN_TEXT_BYTES]);

// ---- one setting, for who has no second look to give: nh_battery_setting_write()

NH_MUST_USE int nh_battery__setting_write(
    nh_battery__settings_t *s, const struct nh_tinybms_register *r, double value,
    void (*done)(void *ctx, const struct nh_battery_setting_result *), void *ctx);

// battery.c has this: the settings of an owner.
struct nh_battery;
nh_battery__settings_t *nh_battery__settings_of(const struct nh_battery *b);

#endif
