// shapes.h - the shapes that memory is used in: arenas, pools, scratch buffers, blobs.

#ifndef NH_MEM_SHAPES_H
#define NH_MEM_SHAPES_H

#include "core/mem/mem.h"

// ---- arena: many small allocations that die together (a request)
// ---------------------------------

typedef struct nh_arena {
    nh_mem_t *mem;
    enum nh_mem_policy policy;
    size_t chunk_bytes, max_bytes, used_bytes, peak_bytes;
    void *chunks; // private
} nh_arena_t;

// `chunk_bytes` 0: 1024. `max_bytes`: the sum of what may be allocated; 0: 16 KiB. Allocates
// nothing yet.
void nh_arena_init(nh_arena_t *a, nh_mem_t *mem, enum nh_mem_policy policy, size_t chunk_bytes,
                   size_t max_bytes);
// 8-byte aligned, not zeroed; NULL over max_bytes or without memory.
NH_MUST_USE void *nh_arena_alloc(nh_arena_t *a, size_t bytes);
NH_MUST_USE char *nh_arena_strndup(nh_arena_t *a, const char *s, size_t len); // NUL-terminated
void nh_arena_wipe(nh_arena_t *a);   // overwrites what was allocated: it had a secret
void nh_arena_deinit(nh_arena_t *a); // frees all; the arena may be used again

// ---- pool: a fixed number of equal items, O(1), never moves
// --------------------------------------

typedef struct nh_pool nh_pool_t;
NH_MUST_USE int nh_pool_create(nh_mem_t *mem, enum nh_mem_policy policy, size_t item_bytes,
                               size_t count, nh_pool_t **out);
void nh_pool_destroy(nh_pool_t *p);
NH_MUST_USE void *nh_pool_get(nh_pool_t *p); // NULL: empty (counted). Not locked: one task.
void nh_pool_put(nh_pool_t *p, void *item);
struct nh_pool_info {
    size_t item_bytes, count, used_count, peak_count;
    uint64_t empty_count;
};
void nh_pool_info(const nh_pool_t *p, struct nh_pool_info *out);

// ---- scratch: one reusable buffer that grows to what was ever needed, up to a limit
// ---------------

typedef struct nh_scratch {
    nh_mem_t *mem;
    enum nh_mem_policy policy;
    void *ptr;
    size_t bytes, max_bytes;
    bool taken;
} nh_scratch_t;
void nh_scratch_init(nh_scratch_t *s, nh_mem_t *mem, enum nh_mem_policy policy, size_t max_bytes);
NH_MUST_USE void *nh_scratch_take(nh_scratch_t *s,
                                  size_t bytes); // NULL: taken, over max, no memory
void nh_scratch_give(nh_scratch_t *s);
void nh_scratch_deinit(nh_scratch_t *s);

// ---- blob: one copy of a payload, however many readers
// -------------------------------------------

typedef struct nh_blob nh_blob_t;
// A blob of `len` bytes with one reference, filled by the maker through nh_blob_bytes() before it
// is shared; read-only after that. NH_ERR_NOMEM.
NH_MUST_USE int nh_blob_create(nh_mem_t *mem, enum nh_mem_policy policy, size_t len,
                               nh_blob_t **out);
nh_blob_t *nh_blob_ref(nh_blob_t *b); // from any task
void nh_blob_unref(nh_blob_t *b);     // from any task; NULL: nothing. The last one frees.
uint8_t *nh_blob_bytes(nh_blob_t *b);
size_t nh_blob_len(const nh_blob_t *b);

#endif
