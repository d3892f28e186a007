// mem.h - memory by tier and owner: two regions with a TLSF heap each, and who holds what.
//
// A *memory system* stands over one region for each tier. An *owner* (a component or a task) takes
// memory through its own `nh_mem_t`, which carries the system, the owner and the budget; it is the
// one argument that everything which allocates is given. Every call here may be made from any task
// when the system was given a lock.

#ifndef NH_MEM_H
#define NH_MEM_H

#include "core/base/base.h"

typedef struct nh_mem_system nh_mem_system_t;
typedef struct nh_mem nh_mem_t; // an owner's view of the memory system

enum nh_mem_tier { NH_MEM_INTERNAL, NH_MEM_PSRAM, NH_MEM_TIER_COUNT };

// What a call site wants; the tier follows from it.
enum nh_mem_policy {
    NH_MEM_HOT,   // internal, or fail
    NH_MEM_BULK,  // PSRAM; then internal if small (small_max_bytes) and the reserve holds.
                  // On a board without PSRAM: internal of any size as long as the reserve holds.
    NH_MEM_DMA,   // internal, 16-byte aligned, or fail
    NH_MEM_VITAL, // internal; may use the reserve: for what must not fail
};

#define NH_MEM_TAG_MAX_BYTES 32  // with the NUL
#define NH_MEM_NAME_MAX_BYTES 16 // with the NUL
#define NH_MEM_OWNER_MAX_COUNT 32
#define NH_MEM_TASK_MAX_COUNT 24

struct nh_mem_region {
    void *base; // borrowed for the life of the system; NULL with size 0: the tier is absent
    size_t size_bytes;
};

struct nh_mem_system_config {
    struct nh_mem_region region[NH_MEM_TIER_COUNT];
    size_t internal_reserve_bytes; // 0: 16 KiB, or a 16th of a smaller region
    size_t small_max_bytes;        // 0: 1024. The largest BULK block that may go to internal.
    size_t tripwire_bytes;         // 0: off. See nh_mem_snapshot_take().
    nh_lock_t lock;                // guards the whole system; zeroed: one task
};

// Makes a system inside the internal region itself (its own state is owned by "core").
// NH_ERR_INVAL: a region is not given or too small (the state takes 0.7 to 1.3 KiB).
NH_MUST_USE int nh_mem_system_create(const struct nh_mem_system_config *cfg, nh_mem_system_t **out);

// Reports what each owner still holds to `leak` (may be NULL; not called for owner "core" nor for
// charges), unpoisons the regions and forgets them. Returns the number of leaked blocks.
size_t nh_mem_system_destroy(nh_mem_system_t *sys,
                             void (*leak)(void *ctx, const char *owner, enum nh_mem_tier tier,
                                          size_t bytes, size_t blocks),
                             void *ctx);

// ---- owners ------------------------------------------------------------------------------------

struct nh_mem_budget {
    size_t tier_bytes[NH_MEM_TIER_COUNT]; // 0: no budget in that tier, only the tier's own size
};

// Adds an owner, or gives the one of that name (then the budget is replaced when given). `name` is
// copied. `budget` may be NULL. The handle lives as long as the system. NH_ERR_FULL: over
// NH_MEM_OWNER_MAX_COUNT owners. NH_ERR_TOO_LONG: the name.
NH_MUST_USE int nh_mem_owner_add(nh_mem_system_t *sys, const char *name,
                                 const struct nh_mem_budget *budget, nh_mem_t **out);

// The owner "core", which always exists.
nh_mem_t *nh_mem_core(nh_mem_system_t *sys);
nh_mem_system_t *nh_mem_system(const nh_mem_t *mem);
const char *nh_mem_owner_name(const nh_mem_t *mem);

// Takes `bytes` of a tier in the owner's name and never gives it back: what Wi-Fi, TCP/IP and task
// stacks take on the chip. Real blocks, so that size and fragmentation tell the truth.
NH_MUST_USE int nh_mem_charge(nh_mem_t *mem, enum nh_mem_tier tier, size_t bytes);

// ---- allocate ----------------------------------------------------------------------------------

// At least `bytes` (0 counts as 1), aligned to 8 bytes, owned by the caller's owner; NULL when
// policy, budget, reserve or space refuse (counted by owner and tier). O(1). Not zeroed.
NH_MUST_USE void *nh_mem_alloc(nh_mem_t *mem, size_t bytes, enum nh_mem_policy policy);
NH_MUST_USE void *nh_mem_alloc_zero(nh_mem_t *mem, size_t bytes, enum nh_mem_policy policy);

// As nh_mem_alloc(), aligned to `align`, a power of two up to 4096.
NH_MUST_USE void *nh_mem_alloc_aligned(nh_mem_t *mem, size_t align, size_t bytes,
                                       enum nh_mem_policy policy);

// Grows or shrinks `ptr` (NULL: allocates), in place where it can. NULL: `ptr` is as before.
NH_MUST_USE void *nh_mem_realloc(nh_mem_t *mem, void *ptr, size_t bytes, enum nh_mem_policy policy);

// Frees `ptr` (NULL: nothing). The block knows its owner and tier; any owner's handle will do.
void nh_mem_free(nh_mem_t *mem, void *ptr);

// The bytes usable at `ptr`: what was asked for or a little more.
size_t nh_mem_usable_bytes(const nh_mem_t *mem, const void *ptr);
enum nh_mem_tier nh_mem_tier_of(const nh_mem_t *mem, const void *ptr);

// How much the owner may still take of the tier that `policy` prefers, by budget, reserve and what
// is free. No promise: it need not be there in one piece. O(1).
size_t nh_mem_headroom_bytes(const nh_mem_t *mem, enum nh_mem_policy policy);

// ---- figures -----------------------------------------------------------------------------------

struct nh_mem_tier_info {
    size_t size_bytes;
    size_t free_bytes;
    size_t min_free_bytes;     // since create or nh_mem_low_water_reset()
    size_t largest_free_bytes; // exact unless a list is long: then a lower bound, at most 3 % low
    size_t used_blocks;
    uint32_t frag_pct; // 100 - 100 * largest / free; 0 when nothing is free
};

struct nh_mem_snapshot {
    char tag[NH_MEM_TAG_MAX_BYTES];
    uint64_t time_ms;
    struct nh_mem_tier_info tier[NH_MEM_TIER_COUNT];
    uint32_t failed_count; // allocations refused since create, all owners and tiers
    bool tripped;          // this snapshot fired the tripwire
};

struct nh_mem_owner_info {
    const char *name;
    struct {
        size_t current_bytes, peak_bytes, budget_bytes; // block sizes, with the header
        size_t current_blocks;
        uint64_t alloc_count, failed_count; // failed: any reason, the budget's refusals included
        size_t charged_bytes;               // part of current_bytes: nh_mem_charge()
    } tier[NH_MEM_TIER_COUNT];
};

// Fills `out` in O(1) and copies `tag` (cut at its limit). Sets `tripped` the first time that the
// internal minimum is below `tripwire_bytes`: once for the life of the system, or until
// nh_mem_low_water_reset().
void nh_mem_snapshot_take(nh_mem_system_t *sys, const char *tag, uint64_t now_ms,
                          struct nh_mem_snapshot *out);

// The same figures without a tag, and without a look at the tripwire: for who only shows them.
void nh_mem_figures(nh_mem_system_t *sys, struct nh_mem_snapshot *out);

// Extremes since the last call with `restart`; sampled at each allocation and free, so no timer.
struct nh_mem_window {
    size_t free_min_bytes, free_max_bytes, largest_min_bytes;
    uint32_t frag_max_pct;
};
void nh_mem_window_get(nh_mem_system_t *sys, enum nh_mem_tier tier, bool restart,
                       struct nh_mem_window *out);

void nh_mem_low_water_reset(nh_mem_system_t *sys); // a reboot in place: minima, peaks, tripwire
void nh_mem_tripwire_set(nh_mem_system_t *sys, size_t bytes);
size_t nh_mem_reserve_bytes(const nh_mem_system_t *sys);

size_t nh_mem_owner_count(const nh_mem_system_t *sys);
// Figures of owner `index` (0 is "core"), whole: copied under the lock. NH_ERR_NOT_FOUND.
NH_MUST_USE int nh_mem_owner_info(nh_mem_system_t *sys, size_t index,
                                  struct nh_mem_owner_info *out);

// Restarts the owner's peak at its current use and returns nothing: to measure one request.
void nh_mem_owner_peak_reset(nh_mem_t *mem);

// Walks every block of a tier under the lock: O(blocks), for a map on request and for tests.
// `owner` is an index for nh_mem_owner_info(), or -1 for a free block; `offset` from the region's
// start. The heap itself is the first, of owner 0. The visitor must not call into the system. Stops
// when it returns false.
void nh_mem_walk(nh_mem_system_t *sys, enum nh_mem_tier tier,
                 bool (*visit)(void *ctx, size_t offset, size_t bytes, int owner), void *ctx);

// 0, or NH_ERR_CORRUPT when a heap's structure is broken (all invariants; O(blocks)).
NH_MUST_USE int nh_mem_check(nh_mem_system_t *sys);

// ---- tasks and their stacks --------------------------------------------------------------------

struct nh_mem_task_config {
    const char *name;        // without blanks; copied
    int priority, core;      // core -1: any
    const void *stack;       // lowest address of the painted stack; borrowed until remove
    size_t stack_bytes;      // its size on this platform
    size_t chip_stack_bytes; // what the task declares for the chip: charged to owner "tasks"
};
struct nh_mem_task_info {
    char name[NH_MEM_NAME_MAX_BYTES];
    int priority, core;
    size_t stack_bytes, chip_stack_bytes;
    size_t stack_margin_bytes; // least ever left: O(margin) to find
};

#define NH_STACK_PAINT 0xA5
void nh_mem_stack_paint(void *stack, size_t bytes);
size_t nh_mem_stack_margin(const void *stack, size_t bytes); // stacks that grow down

// Registers a task (its stack is painted by whoever starts it) and charges its chip stack.
// Returns a handle >= 0 for remove. NH_ERR_FULL, NH_ERR_NOMEM, NH_ERR_TOO_LONG.
NH_MUST_USE int nh_mem_task_add(nh_mem_system_t *sys, const struct nh_mem_task_config *cfg);
void nh_mem_task_remove(nh_mem_system_t *sys, int task);
size_t nh_mem_task_count(const nh_mem_system_t *sys);
// Fills `out` with up to `max` tasks, least margin first. Returns how many.
size_t nh_mem_task_list(nh_mem_system_t *sys, struct nh_mem_task_info *out, size_t max);

// ---- fault injection (tests, and `faults:` in the configuration) --------------------------------

struct nh_mem_fault {
    uint64_t fail_nth;         // 1: the next allocation fails, 2: the one after ...; 0: off
    uint32_t fail_per_million; // probability; 0: off
    uint64_t seed;
    const nh_mem_t *only_owner; // NULL: all
};
void nh_mem_fault_set(nh_mem_system_t *sys, const struct nh_mem_fault *fault); // NULL: off
uint64_t nh_mem_fault_hits(const nh_mem_system_t *sys);

// ---- board profiles ----------------------------------------------------------------------------

struct nh_mem_board {
    const char *name, *text;
    size_t internal_bytes, psram_bytes;
    size_t radio_bytes;     // Wi-Fi and TCP/IP, charged to owner "radio"; sources: docs/memory.md
    size_t radio_ble_bytes; // more when the BLE keyboard is on
    size_t reserve_bytes, tripwire_bytes;
};
#define NH_MEM_BOARD_DEFAULT "esp32-s3"
// The profile of that name; NULL when there is none.
const struct nh_mem_board *nh_mem_board_find(const char *name);
const struct nh_mem_board *nh_mem_board_at(size_t index); // NULL past the last

#endif
