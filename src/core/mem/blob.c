#include "core/base/atomic.h"
#include "core/mem/shapes.h"
#include "core/mem/system.h"

struct nh_blob {
    nh_mem_t *mem;
    uint32_t refs; // touched by any task: atomic, or under the system's lock
    uint32_t len;
    _Alignas(8) uint8_t bytes[];
};

// Adds `n` references, which may be -1. Returns how many are left.
static uint32_t refs_add(nh_blob_t *b, uint32_t n)
{
    if (NH_ATOMIC_NATIVE)
        return nh_atomic_add_u32(&b->refs, n);
    const nh_lock_t *lock = &nh_mem_system(b->mem)->lock;
    nh_lock_acquire(lock);
    uint32_t refs = nh_atomic_add_u32(&b->refs, n);
    nh_lock_release(lock);
    return refs;
}

int nh_blob_create(nh_mem_t *mem, enum nh_mem_policy policy, size_t len, nh_blob_t **out)
{
    *out = NULL;
    if (len > UINT32_MAX - sizeof **out)
        return NH_ERR_NOMEM;
    nh_blob_t *b = (nh_blob_t *)nh_mem_alloc(mem, sizeof *b + len, policy);
    if (!b)
        return NH_ERR_NOMEM;
    b->mem = mem;
    b->refs = 1;
    b->len = (uint32_t)len;
    *out = b;
    return NH_OK;
}

nh_blob_t *nh_blob_ref(nh_blob_t *b)
{
    refs_add(b, 1);
    return b;
}

void nh_blob_unref(nh_blob_t *b)
{
    if (b && refs_add(b, (uint32_t)-1) == 0)
        nh_mem_free(b->mem, b);
}

uint8_t *nh_blob_bytes(nh_blob_t *b)
{
    return b->bytes;
}

size_t nh_blob_len(const nh_blob_t *b)
{
    return b->len;
}
