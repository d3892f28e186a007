// devices.h - the devices of a room: which configuration is in force, where it is kept, and how it
// is changed. Others read the compiled set (set.h) and hear NH_EVENT_DEVICES_CHANGED.
//
// One task (the loop's) makes every call. How it is kept, byte by byte and cut by cut: README.md.

#ifndef NH_DEVICES_H
#define NH_DEVICES_H

#include "components/devices/set.h"
#include "core/bus/bus.h"
#include "core/http/http.h"
#include "core/sched/sched.h"
#include "core/store/store.h"

#define NH_DEVICES_PROFILE_MAX_COUNT 25
#define NH_DEVICES_BACKUP_MAX_COUNT 16
#define NH_DEVICES_ID_MAX_BYTES 32 // of a profile, with the NUL
#define NH_DEVICES_WHO_MAX_BYTES 48

typedef struct nh_devices nh_devices_t;

struct nh_devices_config {
    nh_mem_t *mem; // borrowed, like all pointers here
    nh_bus_t *bus;
    nh_sched_t *sched;
    nh_store_t *store; // keeps the last good copy and which profile is in force
    struct nh_device_limits limits;
    uint32_t backup_count;      // 0: 5
    uint32_t profile_max_count; // 0: NH_DEVICES_PROFILE_MAX_COUNT
    uint32_t compile_max_count; // 0: 2; at once, by requests; one more is NH_ERR_BUSY
    uint32_t card_poll_ms;      // 0: 5000
    void *ctx;
    uint64_t (*clock_ms)(void);
    int64_t (*clock_unix_ms)(void);
    // The card's folder of configurations as it is now; an error: there is no card.
    int (*card)(void *ctx, struct nh_fs *out);
    // Whether a track is on the card, for warnings. NULL: it is not asked.
    bool (*has_track)(void *ctx, nh_span_t track);
    int (*expression)(nh_span_t text, char *why, size_t cap); // as in the compiler's
    int (*lamp)(nh_span_t json, char *why, size_t cap);       // likewise
    // Whether whoever runs a set can: each thing that it has no room for is told as a finding.
    // NH_ERR_FULL, NH_ERR_NOMEM. NULL: it is not asked.
    int (*fits)(void *ctx, const nh_device_set_t *set, nh_device_finding_fn finding,
                void *finding_ctx);
    // Makes all ready that a set needs, beside the one in force; then comes in_force(), which
    // cannot fail, or drop(). An error: nothing is ready, and all but NH_ERR_NOMEM was told as a
    // finding (which may be NULL). `set` is borrowed. All three may be NULL.
    int (*prepare)(void *ctx, nh_device_set_t *set, nh_device_finding_fn finding,
                   void *finding_ctx);
    void (*drop)(void *ctx);
    // What was made ready is in force instead of the set before. `cancel`: what runs is to be
    // cancelled; otherwise it goes on with its own set. Called before the event is posted.
    void (*in_force)(void *ctx, nh_device_set_t *set, bool cancel);
    // Writes what runs on the present set as a JSON array, for the answer of an apply. May be NULL.
    void (*running)(void *ctx, nh_json_writer_t *w);
};

// NH_ERR_NOMEM, NH_ERR_RANGE: nothing was made.
NH_MUST_USE int nh_devices_create(const struct nh_devices_config *cfg, nh_devices_t **out);
void nh_devices_destroy(nh_devices_t *d); // NULL: nothing

// Finds the configuration: the card's file; else the newest good one of an interrupted save, of the
// backups and of the copy in the store; else an empty one. What could not be read stays on the card
// under another name. There is a set in force afterwards in any case but NH_ERR_NOMEM; one that
// there is no room for is there to be edited, with `degraded`, and nothing of it runs.
NH_MUST_USE int nh_devices_start(nh_devices_t *d);
void nh_devices_stop(nh_devices_t *d);

nh_device_set_t *nh_devices_set(const nh_devices_t *d); // in force; borrowed

// ---- state --------------------------------------------------------------------------------------

enum nh_devices_source {
    NH_DEVICES_FROM_CARD,
    NH_DEVICES_FROM_STAGED, // a save that was cut short after its file was whole
    NH_DEVICES_FROM_BACKUP,
    NH_DEVICES_FROM_COPY,
    NH_DEVICES_EMPTY,
    NH_DEVICES_APPLIED, // somebody's, since the start
};

struct nh_devices_info {
    char profile[NH_DEVICES_ID_MAX_BYTES];
    uint32_t generation;
    enum nh_devices_source source; // where what is in force comes from; who: changed_by
    const char *degraded;          // why it is not as it should be; NULL: all is well
    bool has_card;
    bool is_idle;          // what is in force needs more than there is room for: nothing of it runs
    bool is_saved;         // what is in force stands on the card
    bool is_conflict;      // the card came back with another configuration: somebody has to choose
    uint32_t confirm_ms;   // until it is rolled back; 0: nothing waits
    uint32_t confirm_back; // to this generation
    char changed_by[NH_DEVICES_WHO_MAX_BYTES]; // who put it in force; "": the hub itself
    int64_t changed_unix_ms;                   // and when
    uint32_t apply_count, reject_count, save_failed_count, rollback_count;
    uint32_t set_bytes;
};
void nh_devices_info(const nh_devices_t *d, struct nh_devices_info *out);

// ---- changing -----------------------------------------------------------------------------------

struct nh_devices_apply {
    const char *profile;      // NULL or "": the one in force
    uint32_t base_generation; // 0: any; else NH_ERR_CONFLICT when another one is in force
    uint32_t confirm_s;       // 0: for good; else it is rolled back unless confirmed in time
    bool cancel;
    nh_device_finding_fn finding; // may be NULL; with NH_ERR_FULL: what there is no room for
    void *finding_ctx;
};
// Persists a set and, if its profile is the one in force, puts it in force. `set` is taken on
// success. Gives the new generation. NH_ERR_CONFLICT; NH_ERR_UNSUPPORTED: confirm_s without a card;
// NH_ERR_FULL: it needs more than there is room for; NH_ERR_NOMEM; NH_ERR_NOSPC, NH_ERR_IO: neither
// the card nor the store took it. After any of them everything is as before.
NH_MUST_USE int nh_devices_apply(nh_devices_t *d, nh_device_set_t *set,
                                 const struct nh_devices_apply *how);
NH_MUST_USE int nh_devices_confirm(nh_devices_t *d); // NH_ERR_NOT_FOUND: nothing waits

// An older generation as a new one. NH_ERR_NOT_FOUND, NH_ERR_CORRUPT (it is not valid any more);
// NH_ERR_FULL: as apply, and likewise snapshot(), sync() and profile_activate(). What there is no
// room for stands in the log.
NH_MUST_USE int nh_devices_rollback(nh_devices_t *d, uint32_t generation, bool cancel);

// What is in force becomes a backup of its own, and the copy in the store is made anew.
NH_MUST_USE int nh_devices_snapshot(nh_devices_t *d);

// Brings card and store to what is in force, or what is in force to the card: the higher valid
// generation wins; after a conflict `keep_hub` decides. What was done, in `*what`; static.
enum nh_devices_keep { NH_DEVICES_KEEP_NEWER, NH_DEVICES_KEEP_HUB, NH_DEVICES_KEEP_CARD };
NH_MUST_USE int nh_devices_sync(nh_devices_t *d, enum nh_devices_keep keep, const char **what);

struct nh_devices_backup {
    uint32_t generation;
    uint64_t size_bytes;
    int64_t mtime_unix_ms;
};
// Newest first. Returns how many.
size_t nh_devices_backups(nh_devices_t *d, struct nh_devices_backup *out, size_t max);
// Compiles a backup; owned. NH_ERR_NOT_FOUND, NH_ERR_CORRUPT.
NH_MUST_USE int nh_devices_backup_load(nh_devices_t *d, uint32_t generation, nh_device_set_t **out);

// Names who made the last change: for others who edit meanwhile. Kept until the next change.
void nh_devices_changed_by(nh_devices_t *d, const char *who);

// ---- profiles -----------------------------------------------------------------------------------

struct nh_devices_profile {
    char id[NH_DEVICES_ID_MAX_BYTES], name[64];
    uint32_t device_count;
    bool is_active;
};
size_t nh_devices_profiles(nh_devices_t *d, struct nh_devices_profile *out, size_t max);
// `clone` NULL: empty. NH_ERR_EXISTS, NH_ERR_INVAL (the id), NH_ERR_FULL, NH_ERR_NOT_FOUND (the one
// to clone), NH_ERR_IO: no card.
NH_MUST_USE int nh_devices_profile_create(nh_devices_t *d, const char *id, const char *name,
                                          const char *clone);
NH_MUST_USE int nh_devices_profile_rename(nh_devices_t *d, const char *id, const char *name);
NH_MUST_USE int nh_devices_profile_delete(nh_devices_t *d, const char *id); // NH_ERR_BUSY: in force
// NH_ERR_CONFLICT: what is in force is not on the card.
NH_MUST_USE int nh_devices_profile_activate(nh_devices_t *d, const char *id, bool cancel);
// The set of a profile, one reference more: of the one in force, or compiled from its file.
NH_MUST_USE int nh_devices_profile_load(nh_devices_t *d, const char *id, nh_device_set_t **out);

// ---- HTTP ---------------------------------------------------------------------------------------

struct nh_route_table nh_devices_routes(nh_devices_t *d);
void nh_devices_feed_part(nh_devices_t *d, nh_feed_part_t *out); // "devices"

#endif
