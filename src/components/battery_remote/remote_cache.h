// remote_cache.h - the pack as it was last known, in RAM, and on flash a little behind.
//
// Noting copies and decides; it calls no storage. What is worth a write is written by tick(), when
// the deadline that next() names has come: a change by a delta after `delay_ms` of quiet, any other
// after `deadline_ms` (docs/battery-remote.md, "What is kept"). One task makes every call.
// Sans-IO but for the store that it was given. The document has the keys of telemetry.

#ifndef NH_BATTERY_REMOTE_CACHE_H
#define NH_BATTERY_REMOTE_CACHE_H

#include "components/battery_remote/remote_frame.h"
#include "core/store/store.h"
#include "core/store/write_behind.h"

#define NH_REMOTE_CACHE_DOC "battery_cache"
#define NH_REMOTE_CACHE_BUF_BYTES (NH_REMOTE_FRAME_MAX_BYTES + 100)
#define NH_REMOTE_CACHE_SOC_MPCT 1000
#define NH_REMOTE_CACHE_CELL_DMV 200
#define NH_REMOTE_CACHE_TEMPERATURE_MC 2000
#define NH_REMOTE_CACHE_PACK_MV 200 // the default of delta_mv

struct nh_remote_cache_config {
    nh_store_t *store;              // borrowed; NULL: nothing is kept
    uint32_t delay_ms, deadline_ms; // 0: 5000, 60000
    uint32_t delta_mv;              // of the pack; 0: NH_REMOTE_CACHE_PACK_MV
    char *buf;                      // scratch for a record, NH_REMOTE_CACHE_BUF_BYTES; borrowed
    int64_t (*clock_unix_ms)(void);
};

struct nh_remote_cache_info {
    uint64_t noted;                 // changes of the values
    uint64_t flushes, flush_errors; // writes made, and that failed
    uint64_t writes_avoided;        // changes that needed no write of their own
    uint64_t last_flush_ms;         // 0: never
    uint64_t dirty_since_ms;        // NH_NEVER: nothing waits
};

// Embedded by its user; private but for `values`, `mask` and `saved_unix_ms`.
typedef struct nh_remote_cache {
    struct nh_remote_cache_config cfg;
    struct nh_battery_values values, written; // written: what is on flash
    uint32_t mask, written_mask, generation;
    int64_t saved_unix_ms; // of the document that was loaded; 0: none
    uint64_t now_ms, last_flush_ms, dirty_since_ms, change_count;
    uint32_t sequence; // of the record, one more with each write, beyond restarts
    bool is_worth;     // a change worth a write was told, and not yet written
    nh_write_behind_t behind;
} nh_remote_cache_t;

// NH_ERR_RANGE: a deadline below the delay.
NH_MUST_USE int nh_remote_cache_init(nh_remote_cache_t *c,
                                     const struct nh_remote_cache_config *cfg);
// Reads what was kept. NH_ERR_NOT_FOUND, NH_ERR_CORRUPT, NH_ERR_SYNTAX ...: there is nothing then.
NH_MUST_USE int nh_remote_cache_load(nh_remote_cache_t *c);
// What is known now and not stale. A new generation (another mode) begins anew.
void nh_remote_cache_note(nh_remote_cache_t *c, const struct nh_battery_snapshot *s,
                          uint64_t now_ms);
uint64_t nh_remote_cache_next(const nh_remote_cache_t *c);
void nh_remote_cache_tick(nh_remote_cache_t *c, uint64_t now_ms);
// Writes what is dirty, before the power goes. 0, or the store's error.
NH_MUST_USE int nh_remote_cache_flush(nh_remote_cache_t *c, uint64_t now_ms);
void nh_remote_cache_info(const nh_remote_cache_t *c, struct nh_remote_cache_info *out);

#endif
