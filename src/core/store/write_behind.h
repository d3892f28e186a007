// write_behind.h - when to write a value that changes often, so that flash lives long and little is
// lost: after a delay of quiet, not for small changes, and never later than a deadline.
//
// Sans-IO: the clock is an argument, and the writing is a callback. One task makes every call. The
// caller embeds the struct; nothing is allocated.
//
//   change >= delta   x . . x . . . . . |        written after delay_ms without another
//   changes that do not end  x x x x x x x x x|  written deadline_ms after the first unsaved one
//   change < delta    x . . . . . . . . . . .|   written with the next write, or at the deadline

#ifndef NH_WRITE_BEHIND_H
#define NH_WRITE_BEHIND_H

#include "core/base/base.h"

#define NH_WRITE_BEHIND_VALUE_MAX_COUNT 4

struct nh_write_behind_config {
    uint32_t delay_ms;    // 0: 2000
    uint32_t deadline_ms; // 0: 60000; not below delay_ms
    uint32_t retry_ms;    // 0: 5000; after a write that failed
    // For each value: how far it must be from what is written to be worth a write before the
    // deadline, in the value's own unit. 0: any change.
    uint64_t delta[NH_WRITE_BEHIND_VALUE_MAX_COUNT];
    // Writes the present state, all of it. 0, or an error: tried again after retry_ms. May report
    // changes; those belong to the next write. Must not call tick or stop.
    int (*flush)(void *ctx);
    void *ctx;
};

struct nh_write_behind_info {
    uint64_t asked;   // changes reported
    uint64_t made;    // writes that succeeded
    uint64_t skipped; // changes that needed no write of their own; asked = made + skipped + pending
    uint64_t failed;  // writes that failed
    uint64_t pending; // changes not yet written
};

// Private; zeroed is not valid.
typedef struct nh_write_behind {
    struct nh_write_behind_config cfg;
    struct nh_write_behind_info info;
    uint64_t due_ms;    // after the delay or the retry; NH_NEVER: only small changes wait, or none
    uint64_t latest_ms; // the deadline; NH_NEVER when nothing is dirty
    bool is_flagged;    // something other than a value is dirty
    bool is_flushing;
    struct {
        bool is_known, is_dirty; // known: `written` is what is on flash
        int64_t now, written;
    } value[NH_WRITE_BEHIND_VALUE_MAX_COUNT];
} nh_write_behind_t;

// NH_ERR_INVAL: no flush. NH_ERR_RANGE: a deadline below the delay.
NH_MUST_USE int nh_write_behind_init(nh_write_behind_t *w,
                                     const struct nh_write_behind_config *cfg);

// Value `index` is on flash already as `value`: at the start, after it was read.
void nh_write_behind_loaded(nh_write_behind_t *w, size_t index, int64_t value);

// Value `index` (below NH_WRITE_BEHIND_VALUE_MAX_COUNT) is now `value`. One that was never written
// nor loaded is worth a write whatever its delta; one that is back at what is written needs none.
void nh_write_behind_value(nh_write_behind_t *w, size_t index, int64_t value, uint64_t now_ms);

// Something without a number changed.
void nh_write_behind_changed(nh_write_behind_t *w, uint64_t now_ms);

bool nh_write_behind_is_dirty(const nh_write_behind_t *w);

// When to call tick next; NH_NEVER when nothing waits.
uint64_t nh_write_behind_next_deadline(const nh_write_behind_t *w);

// Writes if it is time. 0 (also when there was nothing to do), or the error of `flush`.
int nh_write_behind_tick(nh_write_behind_t *w, uint64_t now_ms);

// Writes now whatever is dirty: before the power goes or the hub stops. 0, or the error of `flush`.
NH_MUST_USE int nh_write_behind_stop(nh_write_behind_t *w, uint64_t now_ms);

void nh_write_behind_info(const nh_write_behind_t *w, struct nh_write_behind_info *out);

#endif
