#include "replay.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/mem/heap.h"
#include "core/mem/mem.h"

const char *replay_name(enum replay_target target)
{
    static const char *const names[] = {"empty", "heap", "mem", "libc"};
    return names[target];
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#if defined(__x86_64__)
uint64_t replay_ticks(void)
{
    // The fences keep the operation between the two readings.
    __builtin_ia32_lfence();
    uint64_t ticks = __builtin_ia32_rdtsc();
    __builtin_ia32_lfence();
    return ticks;
}
#else
uint64_t replay_ticks(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}
#endif

double replay_ticks_per_ns(void)
{
    uint64_t ns = clock_ns(CLOCK_MONOTONIC);
    uint64_t ticks = replay_ticks();
    while (clock_ns(CLOCK_MONOTONIC) - ns < 50000000)
        ;
    return (double)(replay_ticks() - ticks) / (double)(clock_ns(CLOCK_MONOTONIC) - ns);
}

// One operation against each allocator. `ctx` is the heap or the owner.

static inline void *op_empty(void *ctx, const struct trace_op *op, void *ptr)
{
    (void)ctx;
    (void)op;
    return ptr;
}

static inline void *op_heap(void *ctx, const struct trace_op *op, void *ptr)
{
    nh_heap_t *h = (nh_heap_t *)ctx;
    switch (op->kind) {
    case TRACE_ALLOC:
        return nh_heap_alloc(h, op->bytes, 1);
    case TRACE_ALIGNED:
        return nh_heap_alloc_aligned(h, TRACE_ALIGN_BYTES, op->bytes, 1);
    case TRACE_REALLOC:
        return nh_heap_realloc(h, ptr, op->bytes, 1);
    default:
        nh_heap_free(h, ptr);
        return NULL;
    }
}

static inline void *op_mem(void *ctx, const struct trace_op *op, void *ptr)
{
    nh_mem_t *m = (nh_mem_t *)ctx;
    switch (op->kind) {
    case TRACE_ALLOC:
        return nh_mem_alloc(m, op->bytes, NH_MEM_VITAL);
    case TRACE_ALIGNED:
        return nh_mem_alloc_aligned(m, TRACE_ALIGN_BYTES, op->bytes, NH_MEM_VITAL);
    case TRACE_REALLOC:
        return nh_mem_realloc(m, ptr, op->bytes, NH_MEM_VITAL);
    default:
        nh_mem_free(m, ptr);
        return NULL;
    }
}

static inline void *op_libc(void *ctx, const struct trace_op *op, void *ptr)
{
    (void)ctx;
    switch (op->kind) {
    case TRACE_ALLOC:
        return malloc(op->bytes);
    case TRACE_ALIGNED:
        return aligned_alloc(TRACE_ALIGN_BYTES, op->bytes);
    case TRACE_REALLOC:
        return realloc(ptr, op->bytes);
    default:
        free(ptr);
        return NULL;
    }
}

// The same loop for each, so that only the operation differs. A refused operation leaves its slot
// empty (realloc: as it was); later ones on an empty slot are not made. Each new block is written
// to, as a program would.
#define REPLAY_LOOP(name, op_call)                                                                 \
    __attribute__((noinline)) static void replay_##name(void *ctx, const struct trace *t,          \
                                                        struct replay *r, uint32_t *per_op)        \
    {                                                                                              \
        for (uint32_t i = 0; i < t->op_count; i++) {                                               \
            const struct trace_op *op = &t->ops[i];                                                \
            void **slot = &r->slots[op->slot];                                                     \
            if (op->kind >= TRACE_REALLOC && !*slot)                                               \
                continue;                                                                          \
            uint64_t start = per_op ? replay_ticks() : 0;                                          \
            void *ptr = op_call(ctx, op, *slot);                                                   \
            uint64_t ticks = per_op ? replay_ticks() - start : 0;                                  \
            if (per_op && ticks < per_op[i])                                                       \
                per_op[i] = (uint32_t)ticks;                                                       \
            if (ptr && op->bytes >= sizeof i)                                                      \
                memcpy(ptr, &i, sizeof i);                                                         \
            r->failed_count += !ptr && op->kind != TRACE_FREE;                                     \
            if (ptr || op->kind != TRACE_REALLOC)                                                  \
                *slot = ptr;                                                                       \
        }                                                                                          \
    }

REPLAY_LOOP(empty, op_empty)
REPLAY_LOOP(heap, op_heap)
REPLAY_LOOP(mem, op_mem)
REPLAY_LOOP(libc, op_libc)

static void run_timed(void (*run)(void *, const struct trace *, struct replay *, uint32_t *),
                      void *ctx, const struct trace *t, struct replay *r, uint32_t *per_op)
{
    // Processor time: what else runs on the machine is not the allocator's.
    uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    run(ctx, t, r, per_op);
    r->total_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
}

static void run_heap(const struct trace *t, struct replay *r, uint32_t *per_op)
{
    nh_heap_t *h = nh_heap_init(r->region, r->region_bytes);
    if (!h)
        abort();
    run_timed(replay_heap, h, t, r, per_op);
    r->free_bytes = nh_heap_free_bytes(h);
    r->largest_bytes = nh_heap_largest_free(h);
    r->used_blocks = nh_heap_used_blocks(h);
    r->held_bytes = r->region_bytes - r->free_bytes;
    if (nh_heap_check(h))
        abort();
    nh_heap_deinit(h);
}

static void run_mem(const struct trace *t, struct replay *r, uint32_t *per_op)
{
    struct nh_mem_system_config cfg = {.region = {{r->region, r->region_bytes}}};
    struct nh_mem_snapshot snap;
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    if (nh_mem_system_create(&cfg, &sys) || nh_mem_owner_add(sys, "bench", NULL, &mem))
        abort();
    run_timed(replay_mem, mem, t, r, per_op);
    nh_mem_snapshot_take(sys, "end", 0, &snap);
    r->free_bytes = snap.tier[NH_MEM_INTERNAL].free_bytes;
    r->largest_bytes = snap.tier[NH_MEM_INTERNAL].largest_free_bytes;
    r->used_blocks = snap.tier[NH_MEM_INTERNAL].used_blocks;
    r->held_bytes = r->region_bytes - r->free_bytes;
    if (nh_mem_check(sys))
        abort();
    nh_mem_system_destroy(sys, NULL, NULL);
}

static void run_libc(const struct trace *t, struct replay *r, uint32_t *per_op)
{
    struct mallinfo2 before = mallinfo2();
    run_timed(replay_libc, NULL, t, r, per_op);
    struct mallinfo2 after = mallinfo2();
    r->held_bytes = after.arena + after.hblkhd - before.uordblks - before.hblkhd;
    for (uint32_t i = 0; i < t->slot_count; i++)
        free(r->slots[i]);
}

void replay_run(enum replay_target target, const struct trace *t, struct replay *r,
                uint32_t *per_op)
{
    memset(r->slots, 0, t->slot_count * sizeof *r->slots);
    r->failed_count = 0;
    if (target == REPLAY_HEAP)
        run_heap(t, r, per_op);
    else if (target == REPLAY_MEM)
        run_mem(t, r, per_op);
    else if (target == REPLAY_LIBC)
        run_libc(t, r, per_op);
    else
        run_timed(replay_empty, NULL, t, r, per_op);
}
