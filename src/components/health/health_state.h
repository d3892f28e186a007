// health_state.h - what the parts of the health component share: the owner's state.

#ifndef NH_HEALTH_STATE_H
#define NH_HEALTH_STATE_H

#include "components/health/health.h"
#include "components/health/health_history.h"

// The last figures the feed gave of an owner or a task, and the version that changed them.
struct nh_health__seen {
    uint64_t version;
    size_t figure[8];
};

struct nh_health {
    struct nh_health_config cfg;
    nh_mem_system_t *sys;
    nh_timer_t heartbeat;
    uint64_t started_ms; // on the clock: a hub that was started anew counts from there
    // Guarded by cfg.lock, as cfg.hotspot_tags and cfg.tripwire_bytes: other tasks snapshot and
    // log.
    struct nh_health__ring history, log;
    bool tripped;
    char once[NH_HEALTH_ONCE_MAX_COUNT][NH_MEM_TAG_MAX_BYTES]; // tags that were told
    uint32_t once_count;
    char tripped_tag[NH_MEM_TAG_MAX_BYTES];
    // The loop's only.
    uint64_t published_ms; // uptime of the last telemetry on MQTT; 0: none yet
    bool has_watermark;
    uint64_t mem_version; // the feed's memory of what it told
    struct nh_health__seen tier_seen, owner_seen[NH_MEM_OWNER_MAX_COUNT],
        task_seen[NH_MEM_TASK_MAX_COUNT];
    // The extremes of the heartbeat interval that ended last.
    struct nh_mem_window window[NH_MEM_TIER_COUNT];
    bool has_window;
    struct nh_health_families families[NH_HEALTH_FAMILIES_MAX_COUNT]; // of other parts
    size_t families_count;
};

// Whether the tripwire fired, and with which tag; one answer for both. `tag` may be NULL.
bool nh_health__tripped(const nh_health_t *h, char tag[NH_MEM_TAG_MAX_BYTES]);
void nh_health__facts(nh_health_t *h, struct nh_health_facts *out);
// Writes the flat object of /api/health into `w`.
void nh_health__write_health(nh_health_t *h, nh_json_writer_t *w);
// Writes a history row as an array (see /api/memory/history).
void nh_health__write_row(nh_json_writer_t *w, const struct nh_health__row *row);
void nh_health__write_log_line(nh_json_writer_t *w, const struct nh_health__log_line *l);
void nh_health__write_tier(nh_json_writer_t *w, enum nh_mem_tier tier,
                           const struct nh_mem_tier_info *t);
void nh_health__kv_known(nh_json_writer_t *w, const char *key, int64_t value); // < 0: null
// Copies item number `*next` of one of the rings, or the oldest one kept if that is gone (then
// `*next` is moved), under the lock. `out` has room for an item. False: there is none yet.
bool nh_health__copy(nh_health_t *h, const struct nh_health__ring *r, uint64_t *next, void *out);

extern const char *const nh_health__tier_name[NH_MEM_TIER_COUNT];

// Where a streamed reply stands. Each step writes one piece of at most NH_HEALTH__PIECE_MAX_BYTES.
#define NH_HEALTH__PIECE_MAX_BYTES 512
struct nh_health__stream {
    uint32_t step;
    uint64_t next; // index or running number of the next item
    uint64_t end;  // the last one to tell
    enum nh_mem_tier tier;
    bool has_item;
};
// Zeroed, in the request's arena and its `state`. NULL: no memory.
struct nh_health__stream *nh_health__stream_new(nh_request_t *req);

int nh_health__metrics(nh_request_t *req);
int nh_health__get_memory(nh_request_t *req);
int nh_health__get_map(nh_request_t *req);
int nh_health__get_history(nh_request_t *req);
int nh_health__get_log(nh_request_t *req);
int nh_health__post_snapshot(nh_request_t *req);

#endif
