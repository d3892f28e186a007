// health_history.h - a ring of snapshots and a ring of log lines, each with a running number.
//
// Both are taken whole at create and never grow: the oldest row makes room. The caller locks.

#ifndef NH_HEALTH_HISTORY_H
#define NH_HEALTH_HISTORY_H

#include "components/health/health.h"

struct nh_health__row {
    uint64_t seq; // from 1
    int64_t unix_ms;
    struct {
        uint32_t free_bytes, min_bytes, largest_bytes;
        uint8_t frag_pct;
    } tier[NH_MEM_TIER_COUNT];
    char tag[NH_MEM_TAG_MAX_BYTES];
};

struct nh_health__log_line {
    uint64_t seq; // from 1
    int64_t unix_ms;
    enum nh_log_level level;
    char module[12];
    char text[NH_HEALTH_LOG_TEXT_MAX_BYTES];
};

// A ring over `cap` items of `item_bytes`; item k holds running number seq - count + 1 + k.
struct nh_health__ring {
    uint8_t *items;
    size_t item_bytes, cap;
    uint64_t seq; // of the newest; 0: empty
};

NH_MUST_USE int nh_health__ring_init(struct nh_health__ring *r, nh_mem_t *mem, size_t item_bytes,
                                     size_t cap);
void nh_health__ring_deinit(struct nh_health__ring *r, nh_mem_t *mem);
// The item to fill for the next number, which is r->seq after the call.
void *nh_health__ring_push(struct nh_health__ring *r);
// The item of number `seq`, or NULL when it is gone or has not come.
void *nh_health__ring_at(const struct nh_health__ring *r, uint64_t seq);
// The number of the oldest item still held; seq + 1 when empty.
uint64_t nh_health__ring_first(const struct nh_health__ring *r);

#endif
