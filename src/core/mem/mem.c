#include "core/mem/mem.h"

#include <string.h>

#include "core/mem/system.h"

#define RESERVE_DEFAULT_BYTES NH_KIB(16)
#define SMALL_MAX_DEFAULT_BYTES 1024
#define NOINLINE __attribute__((noinline)) // keeps the common path short

// ---- accounts ----------------------------------------------------------------------------------

// Extremes are sampled where they change: after each allocation, resize and free. Most change none.
static inline void watch(struct nh_mem__tier *t)
{
    size_t free_bytes = t->heap->free_bytes;
    if (free_bytes < t->calm_min || free_bytes > t->calm_max || t->heap->largest != t->seen_largest)
        nh_mem__sample(t);
}

// `to - from` may wrap on the way down, and comes out right.
static void account_resize(nh_mem_t *mem, enum nh_mem_tier tier, size_t from, size_t to)
{
    struct nh_mem__account *a = &mem->tier[tier];
    a->current_bytes += to - from;
    if (a->current_bytes > a->peak_bytes)
        a->peak_bytes = a->current_bytes;
    watch(&mem->sys->tier[tier]);
}

static inline void account_add(struct nh_mem__account *a, size_t bytes)
{
    a->current_bytes += bytes;
    a->current_blocks++;
    a->alloc_count++;
    if (a->current_bytes > a->peak_bytes)
        a->peak_bytes = a->current_bytes;
}

static void accounts_init(nh_mem_t *mem)
{
    for (int i = 0; i < NH_MEM_TIER_COUNT; i++) {
        mem->tier[i].of = &mem->sys->tier[i];
        mem->tier[i].limit_bytes = SIZE_MAX;
    }
}

static void refused(nh_mem_t *mem, enum nh_mem_tier tier)
{
    mem->tier[tier].failed_count++;
    mem->sys->failed_count++;
}

// ---- rules -------------------------------------------------------------------------------------

// Whether `mem` may hold `more` bytes of the tier, when `free_bytes` are left with them.
static inline bool is_allowed(const struct nh_mem__account *a, size_t more, size_t free_bytes,
                              enum nh_mem_policy policy)
{
    return a->current_bytes + more <= a->limit_bytes &&
           (free_bytes >= a->of->reserve_bytes || policy == NH_MEM_VITAL);
}

static enum nh_mem_tier first_choice(const nh_mem_system_t *sys, enum nh_mem_policy policy)
{
    return policy == NH_MEM_BULK && sys->tier[NH_MEM_PSRAM].heap ? NH_MEM_PSRAM : NH_MEM_INTERNAL;
}

// Whether a block of `bytes` may stand in `tier` under this policy, space and limits aside.
static bool is_tier_for(const nh_mem_system_t *sys, enum nh_mem_tier tier,
                        enum nh_mem_policy policy, size_t bytes)
{
    return tier == first_choice(sys, policy) ||
           (policy == NH_MEM_BULK && tier == NH_MEM_INTERNAL && bytes <= sys->small_max_bytes);
}

// Counts a block that was just taken from the account's tier. NULL: limits refuse it, and it went
// back; how large it would be shows only when it is there.
static inline void *admit(struct nh_mem__account *a, void *ptr, enum nh_mem_policy policy)
{
    struct nh_mem__tier *t = a->of;
    size_t got = nh_heap__bytes_of(ptr);
    if (!is_allowed(a, got, t->heap->free_bytes, policy)) {
        nh_heap_free(t->heap, ptr);
        return NULL;
    }
    account_add(a, got);
    watch(t);
    return ptr;
}

// One try in one tier, counted when it succeeds.
static inline void *try_tier(struct nh_mem__account *a, uint32_t owner, size_t bytes,
                             enum nh_mem_policy policy)
{
    void *ptr = nh_heap_alloc(a->of->heap, bytes, owner);
    return ptr ? admit(a, ptr, policy) : NULL;
}

static void *try_aligned(nh_mem_t *mem, enum nh_mem_tier tier, size_t align, size_t bytes,
                         enum nh_mem_policy policy)
{
    struct nh_mem__account *a = &mem->tier[tier];
    void *ptr = nh_heap_alloc_aligned(a->of->heap, align, bytes, mem->index);
    return ptr ? admit(a, ptr, policy) : NULL;
}

static NOINLINE void *take_any(nh_mem_t *mem, size_t align, size_t bytes, enum nh_mem_policy policy,
                               bool is_struck)
{
    enum nh_mem_tier tier = first_choice(mem->sys, policy);
    void *ptr = NULL;
    if (policy == NH_MEM_DMA && align < 16)
        align = 16;
    if (!is_struck)
        ptr = try_aligned(mem, tier, align, bytes, policy);
    if (!ptr && !is_struck && tier != NH_MEM_INTERNAL &&
        is_tier_for(mem->sys, NH_MEM_INTERNAL, policy, bytes))
        ptr = try_aligned(mem, NH_MEM_INTERNAL, align, bytes, policy);
    if (!ptr)
        refused(mem, tier);
    return ptr;
}

void *nh_mem__take(nh_mem_t *mem, size_t align, size_t bytes, enum nh_mem_policy policy)
{
    return take_any(mem, align, bytes, policy, nh_mem__fault_strikes(mem));
}

void *nh_mem__take_in(nh_mem_t *mem, enum nh_mem_tier tier, size_t bytes)
{
    void *ptr = NULL;
    if (mem->sys->tier[tier].heap && !nh_mem__fault_strikes(mem))
        ptr = try_aligned(mem, tier, NH_HEAP_ALIGN_BYTES, bytes, NH_MEM_HOT);
    if (!ptr)
        refused(mem, tier);
    return ptr;
}

enum nh_mem_tier nh_mem__tier_of(const nh_mem_system_t *sys, const void *ptr)
{
    const struct nh_mem__tier *t = &sys->tier[NH_MEM_INTERNAL];
    if ((uintptr_t)ptr - (uintptr_t)t->base < t->size_bytes)
        return NH_MEM_INTERNAL;
    t = &sys->tier[NH_MEM_PSRAM];
    NH_ASSERT((uintptr_t)ptr - (uintptr_t)t->base < t->size_bytes); // a block of this system
    return NH_MEM_PSRAM;
}

static inline void give(nh_mem_system_t *sys, void *ptr)
{
    enum nh_mem_tier tier = nh_mem__tier_of(sys, ptr);
    struct nh_heap__block *b = nh_heap__block_of(ptr);
    struct nh_mem__account *a = &sys->owner[nh_heap__owner_of(b)]->tier[tier];
    a->current_bytes -= nh_heap__size_of(b);
    a->current_blocks--;
    nh_heap__free(a->of->heap, b);
    watch(a->of);
}

void nh_mem__give(nh_mem_system_t *sys, void *ptr)
{
    give(sys, ptr);
}

// ---- system ------------------------------------------------------------------------------------

static bool tier_init(struct nh_mem__tier *t, const struct nh_mem_region *region)
{
    t->heap = nh_heap_init(region->base, region->size_bytes);
    t->base = (const char *)region->base;
    t->size_bytes = region->size_bytes;
    if (t->heap)
        nh_root_add(region->base, region->size_bytes);
    return t->heap != NULL;
}

static void tier_deinit(struct nh_mem__tier *t)
{
    if (!t->heap)
        return;
    nh_root_remove(t->base, t->size_bytes);
    nh_heap_deinit(t->heap);
}

static void limits_set(nh_mem_system_t *sys, const struct nh_mem_system_config *cfg)
{
    size_t sixteenth = cfg->region[NH_MEM_INTERNAL].size_bytes / 16;
    size_t reserve = sixteenth < RESERVE_DEFAULT_BYTES ? sixteenth : RESERVE_DEFAULT_BYTES;
    sys->tier[NH_MEM_INTERNAL].reserve_bytes =
        cfg->internal_reserve_bytes ? cfg->internal_reserve_bytes : reserve;
    sys->small_max_bytes = cfg->small_max_bytes ? cfg->small_max_bytes : SMALL_MAX_DEFAULT_BYTES;
    sys->tripwire_bytes = cfg->tripwire_bytes;
    sys->lock = cfg->lock;
}

// Puts the system's own state into the internal heap and makes the owner "core", which holds it.
// NULL: no space.
static nh_mem_system_t *state_create(const struct nh_mem__tier tiers[NH_MEM_TIER_COUNT])
{
    nh_heap_t *heap = tiers[NH_MEM_INTERNAL].heap;
    nh_mem_system_t *sys = (nh_mem_system_t *)nh_heap_alloc(heap, sizeof *sys, 0);
    nh_mem_t *core = (nh_mem_t *)nh_heap_alloc(heap, sizeof *core, 0);
    if (!sys || !core)
        return NULL;
    memset(sys, 0, sizeof *sys);
    memset(core, 0, sizeof *core);
    memcpy(sys->tier, tiers, sizeof sys->tier);
    memcpy(core->name, "core", sizeof "core");
    core->sys = sys;
    accounts_init(core);
    sys->owner[0] = core;
    sys->owner_count = 1;
    account_add(&core->tier[NH_MEM_INTERNAL], nh_heap_block_bytes(sys));
    account_add(&core->tier[NH_MEM_INTERNAL], nh_heap_block_bytes(core));
    return sys;
}

int nh_mem_system_create(const struct nh_mem_system_config *cfg, nh_mem_system_t **out)
{
    struct nh_mem__tier tiers[NH_MEM_TIER_COUNT] = {{0}};
    const struct nh_mem_region *psram = &cfg->region[NH_MEM_PSRAM];
    *out = NULL;
    if (!tier_init(&tiers[NH_MEM_INTERNAL], &cfg->region[NH_MEM_INTERNAL]))
        return NH_ERR_INVAL;
    nh_mem_system_t *sys = NULL;
    if ((!psram->base && !psram->size_bytes) || tier_init(&tiers[NH_MEM_PSRAM], psram))
        sys = state_create(tiers);
    if (!sys) {
        tier_deinit(&tiers[NH_MEM_PSRAM]);
        tier_deinit(&tiers[NH_MEM_INTERNAL]);
        return NH_ERR_INVAL;
    }
    limits_set(sys, cfg);
    for (int i = 0; i < NH_MEM_TIER_COUNT; i++)
        nh_mem__window_restart(&sys->tier[i]);
    nh_mem_low_water_reset(sys);
    *out = sys;
    return NH_OK;
}

size_t nh_mem_system_destroy(nh_mem_system_t *sys,
                             void (*leak)(void *ctx, const char *owner, enum nh_mem_tier tier,
                                          size_t bytes, size_t blocks),
                             void *ctx)
{
    size_t leaked = 0;
    for (size_t i = 1; i < sys->owner_count; i++) {
        for (int tier = 0; tier < NH_MEM_TIER_COUNT; tier++) {
            const struct nh_mem__account *a = &sys->owner[i]->tier[tier];
            size_t blocks = a->current_blocks - a->charged_blocks;
            leaked += blocks;
            if (leak && blocks)
                leak(ctx, sys->owner[i]->name, (enum nh_mem_tier)tier,
                     a->current_bytes - a->charged_bytes, blocks);
        }
    }
    struct nh_mem__tier tiers[NH_MEM_TIER_COUNT];
    memcpy(tiers, sys->tier, sizeof tiers); // `sys` itself lies in the internal tier
    tier_deinit(&tiers[NH_MEM_PSRAM]);
    tier_deinit(&tiers[NH_MEM_INTERNAL]);
    return leaked;
}

// ---- owners ------------------------------------------------------------------------------------

static nh_mem_t *owner_find(const nh_mem_system_t *sys, const char *name)
{
    for (size_t i = 0; i < sys->owner_count; i++)
        if (strcmp(sys->owner[i]->name, name) == 0)
            return sys->owner[i];
    return NULL;
}

int nh_mem__owner_add(nh_mem_system_t *sys, const char *name, nh_mem_t **out)
{
    *out = owner_find(sys, name);
    if (*out)
        return NH_OK;
    if (strlen(name) >= NH_MEM_NAME_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    if (sys->owner_count == NH_MEM_OWNER_MAX_COUNT)
        return NH_ERR_FULL;
    nh_mem_t *mem =
        (nh_mem_t *)nh_mem__take(sys->owner[0], NH_HEAP_ALIGN_BYTES, sizeof *mem, NH_MEM_VITAL);
    if (!mem)
        return NH_ERR_NOMEM;
    memset(mem, 0, sizeof *mem);
    mem->sys = sys;
    accounts_init(mem);
    mem->index = (uint32_t)sys->owner_count;
    memcpy(mem->name, name, strlen(name));
    sys->owner[sys->owner_count++] = mem;
    *out = mem;
    return NH_OK;
}

int nh_mem_owner_add(nh_mem_system_t *sys, const char *name, const struct nh_mem_budget *budget,
                     nh_mem_t **out)
{
    nh_lock_acquire(&sys->lock);
    int err = nh_mem__owner_add(sys, name, out);
    for (int i = 0; !err && budget && i < NH_MEM_TIER_COUNT; i++)
        (*out)->tier[i].limit_bytes = budget->tier_bytes[i] ? budget->tier_bytes[i] : SIZE_MAX;
    nh_lock_release(&sys->lock);
    return err;
}

nh_mem_t *nh_mem_core(nh_mem_system_t *sys)
{
    return sys->owner[0];
}

nh_mem_system_t *nh_mem_system(const nh_mem_t *mem)
{
    return mem->sys;
}

const char *nh_mem_owner_name(const nh_mem_t *mem)
{
    return mem->name;
}

int nh_mem_charge(nh_mem_t *mem, enum nh_mem_tier tier, size_t bytes)
{
    nh_lock_acquire(&mem->sys->lock);
    const void *ptr = nh_mem__take_in(mem, tier, bytes);
    if (ptr) {
        mem->tier[tier].charged_bytes += nh_heap_block_bytes(ptr);
        mem->tier[tier].charged_blocks++;
    }
    nh_lock_release(&mem->sys->lock);
    return ptr ? NH_OK : NH_ERR_NOMEM;
}

// ---- allocate ----------------------------------------------------------------------------------

// The common case: nothing to inject, no alignment, the first choice has it. What was refused here
// is tried once more by take_any(), which counts it.
static inline void *take_quick(nh_mem_t *mem, size_t bytes, enum nh_mem_policy policy)
{
    nh_mem_system_t *sys = mem->sys;
    if (sys->has_fault || policy == NH_MEM_DMA)
        return nh_mem__take(mem, NH_HEAP_ALIGN_BYTES, bytes, policy);
    struct nh_mem__account *a = &mem->tier[first_choice(sys, policy)];
    void *ptr = try_tier(a, mem->index, bytes, policy);
    return ptr ? ptr : take_any(mem, NH_HEAP_ALIGN_BYTES, bytes, policy, false);
}

static NOINLINE void *alloc_locked(nh_mem_t *mem, size_t bytes, enum nh_mem_policy policy)
{
    nh_lock_acquire(&mem->sys->lock);
    void *ptr = take_quick(mem, bytes, policy);
    nh_lock_release(&mem->sys->lock);
    return ptr;
}

void *nh_mem_alloc(nh_mem_t *mem, size_t bytes, enum nh_mem_policy policy)
{
    return mem->sys->lock.acquire ? alloc_locked(mem, bytes, policy)
                                  : take_quick(mem, bytes, policy);
}

void *nh_mem_alloc_zero(nh_mem_t *mem, size_t bytes, enum nh_mem_policy policy)
{
    void *ptr = nh_mem_alloc(mem, bytes, policy);
    if (ptr)
        memset(ptr, 0, bytes);
    return ptr;
}

void *nh_mem_alloc_aligned(nh_mem_t *mem, size_t align, size_t bytes, enum nh_mem_policy policy)
{
    nh_lock_acquire(&mem->sys->lock);
    void *ptr = nh_mem__take(mem, align, bytes, policy);
    nh_lock_release(&mem->sys->lock);
    return ptr;
}

// Resizes where it stands, if tier, alignment, budget and reserve let it be there.
static bool resize_in_place(nh_mem_t *owner, enum nh_mem_tier tier, void *ptr, size_t bytes,
                            enum nh_mem_policy policy)
{
    nh_mem_system_t *sys = owner->sys;
    nh_heap_t *heap = sys->tier[tier].heap;
    size_t have = nh_heap_block_bytes(ptr);
    size_t need = nh_heap_block_need(bytes);
    if (!need || !is_tier_for(sys, tier, policy, bytes) ||
        (policy == NH_MEM_DMA && (uintptr_t)ptr % 16))
        return false;
    // 8 more than needed may come: asked for beforehand, since there is no way back.
    size_t more = need > have ? need - have + 8 : 0;
    size_t free_bytes = nh_heap_free_bytes(heap);
    if (more &&
        (more > free_bytes || !is_allowed(&owner->tier[tier], more, free_bytes - more, policy)))
        return false;
    if (!nh_heap_resize(heap, ptr, bytes))
        return false;
    account_resize(owner, tier, have, nh_heap_block_bytes(ptr));
    return true;
}

static void *realloc_locked(nh_mem_t *mem, void *ptr, size_t bytes, enum nh_mem_policy policy)
{
    nh_mem_system_t *sys = mem->sys;
    nh_mem_t *owner = sys->owner[nh_heap_owner(ptr)]; // the block stays with who took it
    enum nh_mem_tier tier = nh_mem__tier_of(sys, ptr);
    size_t keep = nh_heap_usable_bytes(ptr);
    bool grows = bytes > keep;
    if (grows && nh_mem__fault_strikes(owner)) {
        refused(owner, tier);
        return NULL;
    }
    if (resize_in_place(owner, tier, ptr, bytes, policy))
        return ptr;
    void *to = nh_mem__take(owner, NH_HEAP_ALIGN_BYTES, bytes, policy);
    if (!to)
        return NULL;
    memcpy(to, ptr, grows ? keep : bytes);
    nh_mem__give(sys, ptr);
    return to;
}

void *nh_mem_realloc(nh_mem_t *mem, void *ptr, size_t bytes, enum nh_mem_policy policy)
{
    if (!ptr)
        return nh_mem_alloc(mem, bytes, policy);
    nh_lock_acquire(&mem->sys->lock);
    void *to = realloc_locked(mem, ptr, bytes, policy);
    nh_lock_release(&mem->sys->lock);
    return to;
}

void nh_mem_free(nh_mem_t *mem, void *ptr)
{
    if (!ptr)
        return;
    nh_lock_acquire(&mem->sys->lock);
    give(mem->sys, ptr);
    nh_lock_release(&mem->sys->lock);
}

size_t nh_mem_headroom_bytes(const nh_mem_t *mem, enum nh_mem_policy policy)
{
    const struct nh_mem__account *a = &mem->tier[first_choice(mem->sys, policy)];
    nh_lock_acquire(&mem->sys->lock);
    size_t free_bytes = nh_heap_free_bytes(a->of->heap);
    size_t reserve = policy == NH_MEM_VITAL ? 0 : a->of->reserve_bytes;
    size_t room = free_bytes > reserve ? free_bytes - reserve : 0;
    size_t left = a->limit_bytes > a->current_bytes ? a->limit_bytes - a->current_bytes : 0;
    nh_lock_release(&mem->sys->lock);
    return left < room ? left : room;
}

size_t nh_mem_usable_bytes(const nh_mem_t *mem, const void *ptr)
{
    nh_lock_acquire(&mem->sys->lock); // a neighbour's free may write this block's flags
    size_t bytes = nh_heap_usable_bytes(ptr);
    nh_lock_release(&mem->sys->lock);
    return bytes;
}

enum nh_mem_tier nh_mem_tier_of(const nh_mem_t *mem, const void *ptr)
{
    return nh_mem__tier_of(mem->sys, ptr);
}
