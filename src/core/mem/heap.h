// heap.h - a TLSF heap over one region: two-level segregated fit, every operation O(1).
//
// A heap lives at the start of the region that it is given and hands out the rest. It takes no
// lock: one task, or the lock of who owns it (mem.c). Blocks carry an owner's number for the
// accounts above. docs/memory.md draws the layout.

#ifndef NH_HEAP_H
#define NH_HEAP_H

#include "core/base/base.h"

typedef struct nh_heap nh_heap_t;

#define NH_HEAP_ALIGN_BYTES 8
#define NH_HEAP_ALIGN_MAX_BYTES 4096
#define NH_HEAP_HEADER_BYTES 8     // before each block's payload
#define NH_HEAP_BLOCK_MIN_BYTES 16 // with the header
#define NH_HEAP_REGION_MIN_BYTES 512
#define NH_HEAP_REGION_MAX_BYTES 0xfffff000u // what lies above is not used
#define NH_HEAP_OWNER_MAX 255

// Makes a heap in the region, which is borrowed until deinit. NULL: smaller than
// NH_HEAP_REGION_MIN_BYTES after its start is aligned.
NH_MUST_USE nh_heap_t *nh_heap_init(void *base, size_t bytes);

// Forgets every block; the region is the caller's again.
void nh_heap_deinit(nh_heap_t *h);

// At least `bytes` (0 counts as 1), aligned to 8; NULL: no free block is large enough. Not zeroed.
NH_MUST_USE void *nh_heap_alloc(nh_heap_t *h, size_t bytes, uint32_t owner);

// As nh_heap_alloc(), aligned to `align`: a power of two up to NH_HEAP_ALIGN_MAX_BYTES.
NH_MUST_USE void *nh_heap_alloc_aligned(nh_heap_t *h, size_t align, size_t bytes, uint32_t owner);

// Grows or shrinks the block at `ptr` where it stands. false: it is as before. Shrinking never
// fails.
NH_MUST_USE bool nh_heap_resize(nh_heap_t *h, void *ptr, size_t bytes);

// Grows the block at `ptr` over the free block before it, and moves its bytes down there. NULL:
// there is none or it is too small, all is as before. For when nothing else has space.
NH_MUST_USE void *nh_heap_slide(nh_heap_t *h, void *ptr, size_t bytes);

// Resizes where it stands, or moves, or slides. `ptr` NULL: allocates. NULL: `ptr` is as before.
NH_MUST_USE void *nh_heap_realloc(nh_heap_t *h, void *ptr, size_t bytes, uint32_t owner);

// Frees `ptr` (not NULL) and joins it with its free neighbours. A second free of the same block,
// and a header that was written over, fail an assertion.
void nh_heap_free(nh_heap_t *h, void *ptr);

// The size of the block, with header, that a request of `bytes` takes at least; 0: too large for
// any heap. The block given may be 8 bytes larger.
size_t nh_heap_block_need(size_t bytes);

size_t nh_heap_block_bytes(const void *ptr);  // with the header
size_t nh_heap_usable_bytes(const void *ptr); // in an ASan build exactly what was asked for
uint32_t nh_heap_owner(const void *ptr);

size_t nh_heap_free_bytes(const nh_heap_t *h); // sum of the free blocks, with their headers
size_t nh_heap_used_blocks(const nh_heap_t *h);
size_t nh_heap_control_bytes(const nh_heap_t *h); // what the heap itself takes at the start

// The largest free block, with its header: the largest of the first 16 blocks that the highest list
// has in each zone. Where such a list is longer, a lower bound: its blocks differ by at most 3 % (6
// % in a region below 1 MiB).
size_t nh_heap_largest_free(nh_heap_t *h);

// Calls `visit` for each block in address order, `owner` -1 for a free one; `offset` is from the
// heap's start. Stops when it returns false, or at a block that is broken.
void nh_heap_walk(const nh_heap_t *h,
                  bool (*visit)(void *ctx, size_t offset, size_t bytes, int owner), void *ctx);

// 0, or NH_ERR_CORRUPT: every header, neighbour flag, list and bitmap is looked at. O(blocks).
NH_MUST_USE int nh_heap_check(const nh_heap_t *h);

#endif
