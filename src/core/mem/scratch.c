#include "core/mem/shapes.h"

void nh_scratch_init(nh_scratch_t *s, nh_mem_t *mem, enum nh_mem_policy policy, size_t max_bytes)
{
    *s = (nh_scratch_t){.mem = mem, .policy = policy, .max_bytes = max_bytes};
}

// The old bytes are of no use to the next taker, so they are given back first: at no time are both
// held.
static bool grow(nh_scratch_t *s, size_t bytes)
{
    nh_mem_free(s->mem, s->ptr);
    s->ptr = nh_mem_alloc(s->mem, bytes, s->policy);
    s->bytes = s->ptr ? bytes : 0;
    return s->ptr != NULL;
}

void *nh_scratch_take(nh_scratch_t *s, size_t bytes)
{
    if (s->taken || bytes > s->max_bytes)
        return NULL;
    if ((!s->ptr || bytes > s->bytes) && !grow(s, bytes))
        return NULL;
    s->taken = true;
    return s->ptr;
}

void nh_scratch_give(nh_scratch_t *s)
{
    NH_ASSERT(s->taken);
    s->taken = false;
}

void nh_scratch_deinit(nh_scratch_t *s)
{
    nh_mem_free(s->mem, s->ptr);
    s->ptr = NULL;
    s->bytes = 0;
    s->taken = false;
}
