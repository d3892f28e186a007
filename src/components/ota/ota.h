// ota.h - updates over the air: a signed image comes in as a stream, goes to the slot that does not
// run, is verified, and is started once; confirmed it stays, else the one before comes back.
//
// The loop's task makes every call. Nothing whole is held: one piece of the upload at a time.
// README.md: what it does, its memory, its limits. The image's format: docs/ota.md.

#ifndef NH_OTA_H
#define NH_OTA_H

#include "components/ota/ota_slots.h"
#include "core/http/http.h"
#include "core/sched/sched.h"

typedef struct nh_ota nh_ota_t;

struct nh_ota_config {
    nh_mem_t *mem; // borrowed, owner `ota`
    struct nh_fs fs;
    nh_store_t *store; // of NH_OTA_DIR; borrowed
    nh_sched_t *sched;
    uint8_t key[NH_SIGN_KEY_BYTES]; // whose images are taken
    enum nh_ota_place running;
    const char *version;        // of what runs; static
    uint64_t image_max_bytes;   // 0: 16 MiB, the payload of an image
    uint32_t idle_timeout_ms;   // 0: 15000; an upload that stands still so long is given up
    uint32_t confirm_after_ms;  // 0: 5000; so long it must have run, and is_well() be true
    uint32_t confirm_before_ms; // 0: 120000; what is not well by then is taken back
    uint64_t (*clock_ms)(void);
    void *ctx;
    // Whether the hub does what it is for: listens, draws. Asked until it is confirmed.
    bool (*is_well)(void *ctx);
    void (*restart)(void *ctx); // end this life soon; the next start asks nh_ota_slots_boot()
    // A point in the way of an update, for health's snapshots. May be NULL.
    void (*changed)(void *ctx);
};
// Errors of the store and of the scheduler, NH_ERR_NOMEM: nothing was made.
NH_MUST_USE int nh_ota_create(const struct nh_ota_config *cfg, nh_ota_t **out);
void nh_ota_destroy(nh_ota_t *o); // NULL: nothing. An upload that is open is given up.

// ---- an upload: begin, feed..., end, or abort. One at a time.

// `len`: of the whole file. NH_ERR_BUSY: another one is coming in. NH_ERR_CONFLICT: what runs has
// not been confirmed yet. NH_ERR_INVAL: empty. NH_ERR_TOO_LONG: over the limit, and nothing was
// touched. Else the slot that does not run is not whole from here on.
NH_MUST_USE int nh_ota_begin(nh_ota_t *o, uint64_t len, uint64_t now_ms);
// NH_ERR_SYNTAX: no image. NH_ERR_DENIED: signed by somebody else. NH_ERR_TYPE: for another
// machine. NH_ERR_TOO_LONG, NH_ERR_TIMEOUT (it was given up meanwhile), NH_ERR_NOSPC, NH_ERR_IO.
// After an error the upload is over.
NH_MUST_USE int nh_ota_feed(nh_ota_t *o, const uint8_t *bytes, size_t len, uint64_t now_ms);
// NH_ERR_INVAL: shorter than it says. NH_ERR_CORRUPT: its hash. 0: it is active, pending, and
// restart() was called.
NH_MUST_USE int nh_ota_end(nh_ota_t *o);
void nh_ota_abort(nh_ota_t *o, int err); // none is open: nothing

// Makes the way back active and restarts. NH_ERR_NOT_FOUND: there is none. NH_ERR_BUSY: an upload.
NH_MUST_USE int nh_ota_take_back(nh_ota_t *o);

enum nh_ota_phase { NH_OTA_IDLE, NH_OTA_RECEIVING, NH_OTA_DONE, NH_OTA_FAILED };
struct nh_ota_snapshot {
    enum nh_ota_phase phase;
    uint64_t bytes, total_bytes;         // of the upload, or the last one
    int err;                             // of the last one; NH_OTA_FAILED
    char version[NH_OTA_TEXT_MAX_BYTES]; // what it says it is; "": not known yet
    enum nh_ota_place running;
    struct nh_ota_record record;
    uint64_t done_count, failed_count, refused_count;
};
void nh_ota_snapshot(const nh_ota_t *o, struct nh_ota_snapshot *out);

// POST /api/ota (the image), POST /api/ota/back, GET /api/ota.
struct nh_route_table nh_ota_routes(nh_ota_t *o);

#endif
