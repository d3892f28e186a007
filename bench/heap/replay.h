// replay.h - replays a trace against one allocator.

#ifndef BENCH_REPLAY_H
#define BENCH_REPLAY_H

#include "trace.h"

// Allocators under test. EMPTY walks the trace and allocates nothing: the loop's own cost.
enum replay_target { REPLAY_EMPTY, REPLAY_HEAP, REPLAY_MEM, REPLAY_LIBC, REPLAY_TARGET_COUNT };

struct replay {
    void *region;
    size_t region_bytes;
    void **slots; // as many as the trace has
    // After the replay, before all is freed:
    uint64_t total_ns;     // of all operations, when `per_op` is NULL
    uint32_t failed_count; // allocations refused
    size_t free_bytes, largest_bytes, used_blocks;
    size_t held_bytes; // what the allocator has taken from the region or the system
};

const char *replay_name(enum replay_target target);

// A cheap clock for one operation, in ticks; ticks_per_ns() says what a tick is.
uint64_t replay_ticks(void);
double replay_ticks_per_ns(void);

// Replays all operations. `per_op` (may be NULL) gets the ticks of each operation where that is
// less than what stands there.
void replay_run(enum replay_target target, const struct trace *t, struct replay *r,
                uint32_t *per_op);

#endif
