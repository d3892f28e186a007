// system.h - the memory system's inside, shared by the files of this folder only.

#ifndef NH_MEM_SYSTEM_H
#define NH_MEM_SYSTEM_H

#include "core/mem/heap_inside.h"
#include "core/mem/mem.h"
#include "core/mem/sanitize.h"

struct nh_mem__tier {
    nh_heap_t *heap; // NULL: the board has none
    const char *base;
    size_t size_bytes;
    size_t reserve_bytes; // to be left by what is not VITAL
    // While the largest free block is `seen_largest` and the free bytes are within these two, no
    // extreme is new: all that most allocations and frees look at.
    size_t calm_min, calm_max;
    uint32_t seen_largest;
    size_t min_free_bytes;
    // The window: extremes since it was last restarted. The worst fragmentation is kept as the
    // pair that it comes from, so that no allocation divides.
    size_t window_free_min, window_free_max, window_largest_min;
    size_t window_frag_largest, window_frag_free;
};

// What one owner has in one tier. Bytes are block sizes, with their headers.
struct nh_mem__account {
    struct nh_mem__tier *of;
    size_t current_bytes, peak_bytes;
    size_t limit_bytes; // the budget; SIZE_MAX: none
    size_t charged_bytes;
    uint32_t current_blocks, charged_blocks;
    uint64_t alloc_count, failed_count;
};

struct nh_mem {
    nh_mem_system_t *sys;
    uint32_t index; // the number that its blocks carry
    char name[NH_MEM_NAME_MAX_BYTES];
    struct nh_mem__account tier[NH_MEM_TIER_COUNT];
};

struct nh_mem__task {
    struct nh_mem_task_config cfg; // cfg.name points to `name`
    char name[NH_MEM_NAME_MAX_BYTES];
    void *charge; // the block that stands for the chip's stack; NULL: none
};

struct nh_mem_system {
    nh_lock_t lock; // guards all that follows
    struct nh_mem__tier tier[NH_MEM_TIER_COUNT];
    size_t small_max_bytes, tripwire_bytes;
    bool tripped;   // the tripwire has fired
    bool has_fault; // `fault` asks for something
    uint32_t failed_count;
    size_t owner_count;
    nh_mem_t *owner[NH_MEM_OWNER_MAX_COUNT];          // blocks of "core"; [0] is "core"
    struct nh_mem__task *task[NH_MEM_TASK_MAX_COUNT]; // blocks of "core"; NULL: free slot
    struct nh_mem_fault fault;
    uint64_t fault_seen, fault_hits, fault_random;
};

// Each of these is called with the lock held.

// Allocates as nh_mem_alloc_aligned() does, with all its counting.
void *nh_mem__take(nh_mem_t *mem, size_t align, size_t bytes, enum nh_mem_policy policy);
// As above in one tier and with no second choice; counted.
void *nh_mem__take_in(nh_mem_t *mem, enum nh_mem_tier tier, size_t bytes);
void nh_mem__give(nh_mem_system_t *sys, void *ptr);
int nh_mem__owner_add(nh_mem_system_t *sys, const char *name, nh_mem_t **out);
enum nh_mem_tier nh_mem__tier_of(const nh_mem_system_t *sys, const void *ptr);
uint32_t nh_mem__frag_pct(size_t largest, size_t free_bytes);
void nh_mem__window_restart(struct nh_mem__tier *t);
// Takes the tier's figures into its extremes, and finds anew when that is next needed.
void nh_mem__sample(struct nh_mem__tier *t);
// Whether the allocation that `mem` is about to make is to fail.
bool nh_mem__fault_strikes(nh_mem_t *mem);

#endif
