// devices_state.h - the owner's state, shared by its files in this folder only.

#ifndef NH_DEVICES_STATE_H
#define NH_DEVICES_STATE_H

#include "components/devices/devices.h"

#define NH_DEVICES_PATH_MAX_BYTES (NH_DEVICES_ID_MAX_BYTES + 24)
#define NH_DEVICES_COPY "devices.copy" // documents of the store
#define NH_DEVICES_STATE "devices.state"

// What the store remembers.
struct nh_devices_kept {
    char profile[NH_DEVICES_ID_MAX_BYTES];
    uint32_t generation;
    uint32_t crc; // of the card's file when it was written last; 0: not known
    // While an apply waits to be confirmed: to which generation it goes back otherwise.
    uint32_t confirm_back;
};

// What a profile's file said of itself when it was read last, so that a list need not read it anew.
struct nh_devices__seen {
    char id[NH_DEVICES_ID_MAX_BYTES]; // "": none
    uint64_t size_bytes;
    int64_t mtime_unix_ms;
    char name[64];
    uint32_t device_count;
};

struct nh_devices {
    struct nh_devices_config cfg;
    nh_device_set_t *set;
    uint32_t generation;
    char profile[NH_DEVICES_ID_MAX_BYTES];
    struct nh_devices_kept kept; // as it stands in the store
    struct nh_devices_info info; // counters and flags; the rest is filled in when asked
    nh_timer_t card_timer, confirm_timer;
    uint64_t confirm_due_ms;
    bool had_card; // as its timer saw it last; whoever asks meanwhile may find it back before
    uint32_t compile_count;
    uint64_t version; // for the feed
    struct nh_devices__seen seen[NH_DEVICES_PROFILE_MAX_COUNT];
    uint32_t seen_next;
};

// ---- devices_files.c: files of the card
// ----------------------------------------------------------

enum nh_devices_file { NH_DEVICES_FILE_MAIN, NH_DEVICES_FILE_STAGED, NH_DEVICES_FILE_BACKUP };
void nh_devices__path(const char *profile, enum nh_devices_file kind, uint32_t generation,
                      char out[NH_DEVICES_PATH_MAX_BYTES]);
bool nh_devices__id_is_valid(const char *id);

struct nh_devices_loaded {
    nh_device_set_t *set; // owned
    uint32_t generation;
    uint32_t crc; // of the file's bytes
};
// Reads and compiles. NH_ERR_NOT_FOUND, NH_ERR_CORRUPT (told in the log), NH_ERR_IO, NH_ERR_NOMEM.
NH_MUST_USE int nh_devices__load(nh_devices_t *d, const struct nh_fs *fs, const char *path,
                                 struct nh_devices_loaded *out);
// The same from the store's copy.
NH_MUST_USE int nh_devices__load_copy(nh_devices_t *d, struct nh_devices_loaded *out);

// Stages, syncs, reads back, keeps the file before as a backup, renames, prunes. After an error the
// main file is as it was.
NH_MUST_USE int nh_devices__save(nh_devices_t *d, const struct nh_fs *fs, const char *profile,
                                 const nh_device_set_t *set, uint32_t generation, uint32_t *crc);
// As a backup of that number; the main file stays.
NH_MUST_USE int nh_devices__save_backup(const struct nh_fs *fs, const char *profile,
                                        const nh_device_set_t *set, uint32_t generation);
NH_MUST_USE int nh_devices__save_copy(nh_devices_t *d, const nh_device_set_t *set,
                                      uint32_t generation);
// A file that cannot be read stays under a name of its own.
void nh_devices__set_aside(const struct nh_fs *fs, const char *path);

// Backups of a profile, newest first.
size_t nh_devices__list_backups(const struct nh_fs *fs, const char *profile,
                                struct nh_devices_backup *out, size_t max);
// Its file was written: what was seen of it does not count any more. In devices_profiles.c.
void nh_devices__forget_seen(nh_devices_t *d, const char *profile);
// The profile of a main file's name; false: it is none.
bool nh_devices__profile_of(const char *file, char out[NH_DEVICES_ID_MAX_BYTES]);

// What differs: enum nh_devices_change.
uint32_t nh_devices__difference(const nh_device_set_t *a, const nh_device_set_t *b);

// tracks.c: warns of each track that is not there.
void nh_devices__each_track(const nh_device_set_t *set, bool (*has)(void *ctx, nh_span_t track),
                            void *has_ctx, nh_device_finding_fn finding, void *ctx);

// devices_api.c, devices_schema_api.c
void nh_devices__write_state(nh_devices_t *d, nh_json_writer_t *w);
int nh_devices__get_schema(nh_request_t *req);
int nh_devices__get_templates(nh_request_t *req);

// ---- devices.c, for the other files
// --------------------------------------------------------------

NH_MUST_USE int nh_devices__card(nh_devices_t *d, struct nh_fs *out); // an error: there is none
// What a set needs is ready, beside the one in force; then put_in_force() or drop(). NH_ERR_FULL,
// NH_ERR_NOMEM. `finding` NULL: into the log.
NH_MUST_USE int nh_devices__prepare(nh_devices_t *d, nh_device_set_t *set,
                                    nh_device_finding_fn finding, void *ctx);
void nh_devices__drop(nh_devices_t *d);
void nh_devices__put_in_force(nh_devices_t *d, nh_device_set_t *set, uint32_t generation,
                              bool cancel, uint32_t more_mask); // takes the set
void nh_devices__log_finding(void *ctx, const struct nh_device_finding *f);
NH_MUST_USE int nh_devices__keep_state(nh_devices_t *d);
struct nh_device_compiler_config nh_devices__compiler(const nh_devices_t *d,
                                                      nh_device_finding_fn finding, void *ctx);

// ---- devices_apply.c

// First all that it needs is made ready, then it is kept, and then nothing can fail any more. Gives
// the new generation. After an error the set is the caller's still, and all is as before.
NH_MUST_USE int nh_devices__put(nh_devices_t *d, nh_device_set_t *set,
                                const struct nh_devices_apply *how, uint32_t more_mask);
// The power went before somebody confirmed the change on trial: what was before it is in force from
// the start. Nothing of the trial begins once more, and what ran before goes on. False: there is
// nothing to undo, or it cannot be.
bool nh_devices__undo_trial(nh_devices_t *d, const struct nh_devices_loaded *found);
void nh_devices__confirm_over(void *ctx, nh_timer_t *t, uint64_t now_ms); // its timer

// ---- devices_card.c

void nh_devices__card_tick(void *ctx, nh_timer_t *t, uint64_t now_ms); // its timer

#endif
