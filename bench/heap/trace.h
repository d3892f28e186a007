// trace.h - a recorded trace of heap operations, made by a seeded program: the same on every run.

#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include <stddef.h>
#include <stdint.h>

enum trace_kind { TRACE_ALLOC, TRACE_ALIGNED, TRACE_REALLOC, TRACE_FREE };

struct trace_op {
    uint32_t bytes;
    uint32_t slot : 24; // which of the trace's pointers
    uint32_t kind : 8;
};

// HUB: requests, sessions and single values, each a group of blocks that die together, many at a
// time. RANDOM: every block dies on its own at a random time: the hardest case for any heap that
// cannot move what it holds.
enum trace_pattern { TRACE_HUB, TRACE_RANDOM };

struct trace_config {
    enum trace_pattern pattern;
    uint32_t op_count;
    uint64_t region_bytes;  // what the heap under test gets
    uint32_t occupancy_pct; // of the region, by blocks with an 8-byte header, once filled
    uint64_t seed;
};

struct trace {
    struct trace_op *ops; // owned
    uint32_t op_count;
    uint32_t slot_count; // slots are below this
    uint64_t live_bytes; // what the program holds after the last operation, as it asked for it
    uint32_t live_count;
    uint32_t kind_count[4];
};

#define TRACE_ALIGN_BYTES 64 // of TRACE_ALIGNED

// Returns 0, or -1 without memory. Free with trace_deinit().
int trace_init(struct trace *t, const struct trace_config *cfg);
void trace_deinit(struct trace *t);

#endif
