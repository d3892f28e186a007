// The figures of a memory system: snapshots, windows, owners, the map of blocks, the check.

#include <string.h>

#include "core/mem/mem.h"
#include "core/mem/system.h"

uint32_t nh_mem__frag_pct(size_t largest, size_t free_bytes)
{
    return free_bytes ? 100 - (uint32_t)((uint64_t)largest * 100 / free_bytes) : 0;
}

static void tier_info(const struct nh_mem__tier *t, struct nh_mem_tier_info *out)
{
    *out = (struct nh_mem_tier_info){.size_bytes = t->size_bytes};
    if (!t->heap)
        return;
    out->free_bytes = nh_heap_free_bytes(t->heap);
    out->min_free_bytes = t->min_free_bytes;
    out->largest_free_bytes = nh_heap_largest_free(t->heap);
    out->used_blocks = nh_heap_used_blocks(t->heap);
    out->frag_pct = nh_mem__frag_pct(out->largest_free_bytes, out->free_bytes);
}

void nh_mem_figures(nh_mem_system_t *sys, struct nh_mem_snapshot *out)
{
    memset(out, 0, sizeof *out);
    nh_lock_acquire(&sys->lock);
    for (int i = 0; i < NH_MEM_TIER_COUNT; i++)
        tier_info(&sys->tier[i], &out->tier[i]);
    out->failed_count = sys->failed_count;
    nh_lock_release(&sys->lock);
}

void nh_mem_snapshot_take(nh_mem_system_t *sys, const char *tag, uint64_t now_ms,
                          struct nh_mem_snapshot *out)
{
    memset(out, 0, sizeof *out);
    size_t len = strlen(tag);
    memcpy(out->tag, tag, len < sizeof out->tag ? len : sizeof out->tag - 1);
    out->time_ms = now_ms;
    nh_lock_acquire(&sys->lock);
    for (int i = 0; i < NH_MEM_TIER_COUNT; i++)
        tier_info(&sys->tier[i], &out->tier[i]);
    out->failed_count = sys->failed_count;
    out->tripped = !sys->tripped && out->tier[NH_MEM_INTERNAL].min_free_bytes < sys->tripwire_bytes;
    sys->tripped |= out->tripped;
    nh_lock_release(&sys->lock);
}

void nh_mem__sample(struct nh_mem__tier *t)
{
    size_t free_bytes = nh_heap_free_bytes(t->heap);
    size_t largest = nh_heap_largest_free(t->heap);
    if (free_bytes < t->min_free_bytes)
        t->min_free_bytes = free_bytes;
    if (free_bytes < t->window_free_min)
        t->window_free_min = free_bytes;
    if (free_bytes > t->window_free_max)
        t->window_free_max = free_bytes;
    if (largest < t->window_largest_min)
        t->window_largest_min = largest;
    // largest / free_bytes below the least ratio seen
    if ((uint64_t)largest * t->window_frag_free < (uint64_t)t->window_frag_largest * free_bytes) {
        t->window_frag_largest = largest;
        t->window_frag_free = free_bytes;
    }
    t->seen_largest = (uint32_t)largest;
    t->calm_min = t->min_free_bytes > t->window_free_min ? t->min_free_bytes : t->window_free_min;
    t->calm_max = t->window_free_max;
    // With this largest block, more free bytes than these are a worse ratio.
    uint64_t worse = UINT64_MAX;
    if (t->window_frag_largest)
        worse = (uint64_t)largest * t->window_frag_free / t->window_frag_largest;
    if (worse < t->calm_max)
        t->calm_max = (size_t)worse;
}

void nh_mem__window_restart(struct nh_mem__tier *t)
{
    if (!t->heap)
        return;
    size_t free_bytes = nh_heap_free_bytes(t->heap);
    size_t largest = nh_heap_largest_free(t->heap);
    t->window_free_min = free_bytes;
    t->window_free_max = free_bytes;
    t->window_largest_min = largest;
    t->window_frag_largest = free_bytes ? largest : 1; // nothing free: no fragmentation
    t->window_frag_free = free_bytes ? free_bytes : 1;
    nh_mem__sample(t);
}

void nh_mem_window_get(nh_mem_system_t *sys, enum nh_mem_tier tier, bool restart,
                       struct nh_mem_window *out)
{
    struct nh_mem__tier *t = &sys->tier[tier];
    nh_lock_acquire(&sys->lock);
    out->free_min_bytes = t->window_free_min;
    out->free_max_bytes = t->window_free_max;
    out->largest_min_bytes = t->window_largest_min;
    out->frag_max_pct = nh_mem__frag_pct(t->window_frag_largest, t->window_frag_free);
    if (restart)
        nh_mem__window_restart(t);
    nh_lock_release(&sys->lock);
}

void nh_mem_low_water_reset(nh_mem_system_t *sys)
{
    nh_lock_acquire(&sys->lock);
    for (int i = 0; i < NH_MEM_TIER_COUNT; i++)
        if (sys->tier[i].heap) {
            sys->tier[i].min_free_bytes = nh_heap_free_bytes(sys->tier[i].heap);
            nh_mem__sample(&sys->tier[i]);
        }
    for (size_t i = 0; i < sys->owner_count; i++)
        for (int tier = 0; tier < NH_MEM_TIER_COUNT; tier++)
            sys->owner[i]->tier[tier].peak_bytes = sys->owner[i]->tier[tier].current_bytes;
    sys->tripped = false;
    nh_lock_release(&sys->lock);
}

void nh_mem_tripwire_set(nh_mem_system_t *sys, size_t bytes)
{
    nh_lock_acquire(&sys->lock);
    sys->tripwire_bytes = bytes;
    nh_lock_release(&sys->lock);
}

size_t nh_mem_reserve_bytes(const nh_mem_system_t *sys)
{
    return sys->tier[NH_MEM_INTERNAL].reserve_bytes;
}

size_t nh_mem_owner_count(const nh_mem_system_t *sys)
{
    nh_lock_acquire(&sys->lock);
    size_t count = sys->owner_count;
    nh_lock_release(&sys->lock);
    return count;
}

int nh_mem_owner_info(nh_mem_system_t *sys, size_t index, struct nh_mem_owner_info *out)
{
    nh_lock_acquire(&sys->lock);
    const nh_mem_t *mem = index < sys->owner_count ? sys->owner[index] : NULL;
    for (int i = 0; mem && i < NH_MEM_TIER_COUNT; i++) {
        const struct nh_mem__account *a = &mem->tier[i];
        out->name = mem->name;
        out->tier[i].current_bytes = a->current_bytes;
        out->tier[i].peak_bytes = a->peak_bytes;
        out->tier[i].budget_bytes = a->limit_bytes == SIZE_MAX ? 0 : a->limit_bytes;
        out->tier[i].current_blocks = a->current_blocks;
        out->tier[i].alloc_count = a->alloc_count;
        out->tier[i].failed_count = a->failed_count;
        out->tier[i].charged_bytes = a->charged_bytes;
    }
    nh_lock_release(&sys->lock);
    return mem ? NH_OK : NH_ERR_NOT_FOUND;
}

void nh_mem_owner_peak_reset(nh_mem_t *mem)
{
    nh_lock_acquire(&mem->sys->lock);
    for (int i = 0; i < NH_MEM_TIER_COUNT; i++)
        mem->tier[i].peak_bytes = mem->tier[i].current_bytes;
    nh_lock_release(&mem->sys->lock);
}

// ---- walk and check ----------------------------------------------------------------------------

struct walk {
    bool (*visit)(void *ctx, size_t offset, size_t bytes, int owner);
    void *ctx;
    size_t skip; // from the region's start to the heap's
};

static bool walk_block(void *ctx, size_t offset, size_t bytes, int owner)
{
    const struct walk *w = (const struct walk *)ctx;
    return w->visit(w->ctx, w->skip + offset, bytes, owner);
}

void nh_mem_walk(nh_mem_system_t *sys, enum nh_mem_tier tier,
                 bool (*visit)(void *ctx, size_t offset, size_t bytes, int owner), void *ctx)
{
    const struct nh_mem__tier *t = &sys->tier[tier];
    if (!t->heap)
        return;
    struct walk w = {visit, ctx, (size_t)((const char *)t->heap - t->base)};
    nh_lock_acquire(&sys->lock);
    if (visit(ctx, 0, w.skip + nh_heap_control_bytes(t->heap), 0))
        nh_heap_walk(t->heap, walk_block, &w);
    nh_lock_release(&sys->lock);
}

struct sums {
    size_t bytes[NH_MEM_OWNER_MAX_COUNT];
    size_t owner_count;
    bool bad;
};

static bool sum_block(void *ctx, size_t offset, size_t bytes, int owner)
{
    struct sums *s = (struct sums *)ctx;
    (void)offset;
    if (owner >= (int)s->owner_count)
        s->bad = true;
    else if (owner >= 0)
        s->bytes[owner] += bytes;
    return true;
}

// The blocks of a tier add up to what the accounts say.
static int tier_check(const nh_mem_system_t *sys, int tier)
{
    struct sums s = {.owner_count = sys->owner_count};
    int err = nh_heap_check(sys->tier[tier].heap);
    if (err)
        return err;
    nh_heap_walk(sys->tier[tier].heap, sum_block, &s);
    for (size_t i = 0; i < sys->owner_count; i++)
        s.bad |= s.bytes[i] != sys->owner[i]->tier[tier].current_bytes;
    return s.bad ? NH_ERR_CORRUPT : NH_OK;
}

int nh_mem_check(nh_mem_system_t *sys)
{
    int err = NH_OK;
    nh_lock_acquire(&sys->lock);
    for (int i = 0; !err && i < NH_MEM_TIER_COUNT; i++)
        if (sys->tier[i].heap)
            err = tier_check(sys, i);
    nh_lock_release(&sys->lock);
    return err;
}
