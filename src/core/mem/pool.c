#include <string.h>

#include "core/mem/sanitize.h"
#include "core/mem/shapes.h"

// A free item's first bytes are the link to the next one.
struct link {
    struct link *next;
};

struct nh_pool {
    nh_mem_t *mem;
    struct link *free;
    struct nh_pool_info info;
    size_t stride; // item_bytes rounded up to 8
    char *items;
};

#define POOL_HEADER_BYTES ((sizeof(struct nh_pool) + 7) & ~(size_t)7)

// A free item may not be touched but for its link, and that only here.
static void item_free(nh_pool_t *p, void *item)
{
    struct link *l = (struct link *)item;
    l->next = p->free;
    p->free = l;
    nh_poison(item, p->stride);
}

int nh_pool_create(nh_mem_t *mem, enum nh_mem_policy policy, size_t item_bytes, size_t count,
                   nh_pool_t **out)
{
    *out = NULL;
    if (!item_bytes || !count)
        return NH_ERR_INVAL;
    size_t stride = (item_bytes + 7) & ~(size_t)7;
    if (stride < item_bytes || count > (SIZE_MAX / 2 - POOL_HEADER_BYTES) / stride)
        return NH_ERR_NOMEM;
    nh_pool_t *p = (nh_pool_t *)nh_mem_alloc(mem, POOL_HEADER_BYTES + stride * count, policy);
    if (!p)
        return NH_ERR_NOMEM;
    *p = (nh_pool_t){.mem = mem, .stride = stride, .items = (char *)p + POOL_HEADER_BYTES};
    p->info = (struct nh_pool_info){.item_bytes = item_bytes, .count = count};
    for (size_t i = count; i > 0; i--)
        item_free(p, p->items + (i - 1) * stride);
    *out = p;
    return NH_OK;
}

void nh_pool_destroy(nh_pool_t *p)
{
    if (p)
        nh_mem_free(p->mem, p);
}

void *nh_pool_get(nh_pool_t *p)
{
    struct link *l = p->free;
    if (!l) {
        p->info.empty_count++;
        return NULL;
    }
    nh_unpoison(l, sizeof *l);
    p->free = l->next;
    nh_unpoison(l, p->info.item_bytes);
    if (++p->info.used_count > p->info.peak_count)
        p->info.peak_count = p->info.used_count;
    return l;
}

void nh_pool_put(nh_pool_t *p, void *item)
{
    if (!item)
        return;
    size_t offset = (size_t)((uintptr_t)item - (uintptr_t)p->items);
    NH_ASSERT(offset < p->stride * p->info.count && offset % p->stride == 0);
    nh_unpoison(item, p->stride); // the link may be longer than the item
    item_free(p, item);
    p->info.used_count--;
}

void nh_pool_info(const nh_pool_t *p, struct nh_pool_info *out)
{
    *out = p->info;
}
