// heap_inside.h - a heap's state and its blocks, for heap.c and for the memory system over it: that
// one asks for sizes and sums at each allocation and free. Shared by the files of this folder only.

#ifndef NH_MEM_HEAP_INSIDE_H
#define NH_MEM_HEAP_INSIDE_H

#include "core/mem/heap.h"
#include "core/mem/sanitize.h"

// A block. All places in a heap are 32-bit offsets from the heap's start, 0 is none: so the header
// is 8 bytes on every target, and a free block of 16 bytes holds both links and its footer.
//
//   used   | size+flags | check+owner | payload ...                       |
//   free   | size+flags | next        | prev        | (nothing) | size    |
//            4            4             4             0 ...       4
//
// The footer of a free block is found by the block behind it, whose PREV_FREE is set.
struct nh_heap__block {
    uint32_t size; // of the whole block in bytes, a multiple of 8, with the flags
    uint32_t meta; // used: CHECK, tail, owner. Free: offset of the next block of its list.
    uint32_t prev; // free only: offset of the previous block of its list
};

enum { NH_HEAP__FREE = 1, NH_HEAP__PREV_FREE = 2, NH_HEAP__FLAGS = 7 };

#define NH_HEAP__CHECK 0x6e680000u // upper half of a used block's meta: an overrun shows at free
#define NH_HEAP__CHECK_MASK 0xffff0000u
#define NH_HEAP__OWNER_MASK 0x000000ffu

#define NH_HEAP__REDZONE (NH_ASAN ? 16u : 0u)
#define NH_HEAP__UNKNOWN UINT32_MAX

// On what reads a block's header, which is poisoned for all others.
#if NH_ASAN
#define NH_HEAP__READS_HEADER NH_NO_SANITIZE
#else
#define NH_HEAP__READS_HEADER
#endif

// The region is cut into a few zones: a free block is listed in the zone where it starts, so each
// size has a list in each zone. One byte of marks says which of them are not empty, a bit for each
// zone; over every 8 bytes of marks stands one byte with all their bits, and over 8 of those one
// more. Eight marks are read at once as a word: three words tell the lowest zone that has a fit.
struct nh_heap {
    uint32_t exact_bytes; // below this each size has its own list
    uint32_t quick_bytes; // a request up to this makes a block below exact_bytes
    uint32_t zone_count;
    uint32_t zone_factor; // zones in 4 GiB
    uint32_t free_bytes;
    uint32_t largest;   // size of the largest free block; NH_HEAP__UNKNOWN: to be found anew
    uint32_t marks;     // offset of the marks, one for each list
    uint32_t level[2];  // offsets of the marks over the marks
    uint32_t fine_log2; // lists in one doubling of size: 1 << fine_log2
    uint32_t list_count;
    uint32_t used_blocks;
    uint32_t first;   // offset of the first block
    uint32_t end;     // offset of the end mark: a used block of size 0
    uint32_t heads[]; // of list 0 in each zone, of list 1 in each zone ...
};

// The size of the block for a request; 0: too large for any heap.
static inline uint32_t nh_heap__block_need(size_t bytes)
{
    if (bytes > NH_HEAP_REGION_MAX_BYTES - 2 * NH_HEAP_ALIGN_MAX_BYTES)
        return 0;
    uint32_t payload = bytes ? (uint32_t)bytes : 1;
    return (payload + NH_HEAP_HEADER_BYTES + NH_HEAP__REDZONE + 7) & ~7u;
}

// The block of a payload that is in use; a pointer that was freed, or a header that was written
// over, is a bug of ours that must not spread.
NH_HEAP__READS_HEADER static inline struct nh_heap__block *nh_heap__block_of(const void *ptr)
{
    char *at = (char *)ptr - NH_HEAP_HEADER_BYTES;
    struct nh_heap__block *b = (struct nh_heap__block *)(void *)at;
    NH_ASSERT((b->meta & NH_HEAP__CHECK_MASK) == NH_HEAP__CHECK && !(b->size & NH_HEAP__FREE));
    return b;
}

NH_HEAP__READS_HEADER static inline uint32_t nh_heap__size_of(const struct nh_heap__block *b)
{
    return b->size & ~(uint32_t)NH_HEAP__FLAGS;
}

NH_HEAP__READS_HEADER static inline uint32_t nh_heap__owner_of(const struct nh_heap__block *b)
{
    return b->meta & NH_HEAP__OWNER_MASK;
}

// nh_heap_free() of a block that was looked at.
void nh_heap__free(nh_heap_t *h, struct nh_heap__block *b);

// The size of a payload that the heap has just handed out.
static inline uint32_t nh_heap__bytes_of(const void *ptr)
{
    const char *at = (const char *)ptr - NH_HEAP_HEADER_BYTES;
    return nh_heap__size_of((const struct nh_heap__block *)(const void *)at);
}

#endif
