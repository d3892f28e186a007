#include "components/health/health_history.h"

#include <string.h>

int nh_health__ring_init(struct nh_health__ring *r, nh_mem_t *mem, size_t item_bytes, size_t cap)
{
    memset(r, 0, sizeof *r);
    r->items = nh_mem_alloc_zero(mem, item_bytes * cap, NH_MEM_BULK);
    if (!r->items)
        return NH_ERR_NOMEM;
    r->item_bytes = item_bytes;
    r->cap = cap;
    return 0;
}

void nh_health__ring_deinit(struct nh_health__ring *r, nh_mem_t *mem)
{
    nh_mem_free(mem, r->items);
    memset(r, 0, sizeof *r);
}

void *nh_health__ring_push(struct nh_health__ring *r)
{
    r->seq++;
    return nh_health__ring_at(r, r->seq);
}

uint64_t nh_health__ring_first(const struct nh_health__ring *r)
{
    return r->seq > r->cap ? r->seq - r->cap + 1 : 1;
}

void *nh_health__ring_at(const struct nh_health__ring *r, uint64_t seq)
{
    if (seq == 0 || seq > r->seq || seq < nh_health__ring_first(r))
        return NULL;
    return r->items + (size_t)((seq - 1) % r->cap) * r->item_bytes;
}
