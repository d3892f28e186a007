// heap_lists.h - the heap's marks and lists: inline, for heap.c and heap_check.c alone, which is
// why the names are short.

#ifndef NH_MEM_HEAP_LISTS_H
#define NH_MEM_HEAP_LISTS_H

#include <string.h>

#include "core/mem/heap_inside.h"

typedef struct nh_heap__block block_t;

enum { FREE = NH_HEAP__FREE, PREV_FREE = NH_HEAP__PREV_FREE };

#define CHECK NH_HEAP__CHECK
#define CHECK_MASK NH_HEAP__CHECK_MASK
#define OWNER_MASK NH_HEAP__OWNER_MASK

#define BLOCK_MIN NH_HEAP_BLOCK_MIN_BYTES
#define HEADER NH_HEAP_HEADER_BYTES
#define UNKNOWN NH_HEAP__UNKNOWN

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "mark i is byte i of a word");

// Short names for what the header shares.
static inline uint32_t size_of(const block_t *b)
{
    return nh_heap__size_of(b);
}

static inline block_t *used_block(const void *ptr)
{
    return nh_heap__block_of(ptr);
}

static inline uint32_t block_need(size_t bytes)
{
    return nh_heap__block_need(bytes);
}

static inline block_t *at(const nh_heap_t *h, uint32_t offset)
{
    return (block_t *)(void *)((char *)h + offset);
}

static inline uint32_t offset_of(const nh_heap_t *h, const block_t *b)
{
    return (uint32_t)((const char *)b - (const char *)h);
}

static inline block_t *behind(const block_t *b, uint32_t bytes)
{
    return (block_t *)(void *)((char *)b + bytes);
}

static inline void *payload_of(block_t *b)
{
    return (char *)b + HEADER;
}

static inline uint32_t *footer_of(block_t *b, uint32_t size)
{
    return (uint32_t *)(void *)((char *)b + size - sizeof(uint32_t));
}

static inline uint32_t *head_of(const nh_heap_t *h, uint32_t list, uint32_t zone)
{
    return (uint32_t *)h->heads + list * h->zone_count + zone;
}

static inline uint32_t zone_of(const nh_heap_t *h, uint32_t offset)
{
    return (uint32_t)((uint64_t)offset * h->zone_factor >> 32);
}

static inline uint32_t low_bit(uint32_t x)
{
    return (uint32_t)__builtin_ctz(x);
}

static inline uint32_t high_bit(uint32_t x)
{
    return 31u - (uint32_t)__builtin_clz(x);
}

// ---- marks -------------------------------------------------------------------------------------

// Eight marks, aligned; and from any mark on, which a strict chip reads byte by byte.
static inline uint64_t word_at(const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, __builtin_assume_aligned(from, sizeof word), sizeof word);
    return word;
}

static inline uint64_t word_from(const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

// The bit of a zone in each mark of a word.
static inline uint64_t each_of(uint32_t zone)
{
    uint32_t half = 0x01010101u << zone;
    return half | (uint64_t)half << 32;
}

static inline uint32_t low_mark(uint64_t word)
{
    return (uint32_t)__builtin_ctzll(word) / 8;
}

static inline uint32_t high_mark(uint64_t word)
{
    return 7u - (uint32_t)__builtin_clzll(word) / 8;
}

// All marks of a word in one.
static inline uint32_t fold(uint64_t word)
{
    uint32_t half = (uint32_t)(word | word >> 32);
    half |= half >> 16;
    return (half | half >> 8) & 0xff;
}

static inline uint8_t *marks(const nh_heap_t *h)
{
    return (uint8_t *)h + h->marks;
}

static inline uint8_t *level(const nh_heap_t *h, int i)
{
    return (uint8_t *)h + h->level[i];
}

static inline void mark_set(nh_heap_t *h, uint32_t list, uint32_t zone)
{
    uint8_t bit = (uint8_t)(1u << zone);
    marks(h)[list] |= bit;
    level(h, 0)[list / 8] |= bit;
    level(h, 1)[list / 64] |= bit;
}

static inline void mark_clear(nh_heap_t *h, uint32_t list, uint32_t zone)
{
    uint8_t bit = (uint8_t)(1u << zone);
    uint64_t each = each_of(zone);
    marks(h)[list] &= (uint8_t)~bit;
    if (word_at(marks(h) + (list & ~7u)) & each)
        return;
    level(h, 0)[list / 8] &= (uint8_t)~bit;
    if (word_at(level(h, 0) + (list / 8 & ~7u)) & each)
        return;
    level(h, 1)[list / 64] &= (uint8_t)~bit;
}

// ---- lists -------------------------------------------------------------------------------------

// The list of blocks of this size. Below 2 << fine_log2 units of 8 bytes each size has its own,
// above that each doubling is cut into 1 << fine_log2 equal parts.
static inline uint32_t doublings_of(uint32_t fine_log2, uint32_t units)
{
    return high_bit(units) - fine_log2;
}

static inline uint32_t list_number(const nh_heap_t *h, uint32_t size)
{
    uint32_t units = size / NH_HEAP_ALIGN_BYTES;
    if (size < h->exact_bytes)
        return units;
    uint32_t doublings = doublings_of(h->fine_log2, units);
    return (doublings << h->fine_log2) + (units >> doublings);
}

static inline void list_push(nh_heap_t *h, block_t *b, uint32_t size)
{
    uint32_t list = list_number(h, size);
    uint32_t here = offset_of(h, b);
    uint32_t zone = zone_of(h, here);
    uint32_t *head = head_of(h, list, zone);
    uint32_t next = *head;
    if (size > h->largest)
        h->largest = size;
    b->prev = 0;
    if (!next) {
        b->meta = 0;
        *head = here;
        mark_set(h, list, zone);
        return;
    }
    // Low addresses first, as far as one step tells: the same aim as that of the zones. More steps
    // would gain little and fetch a cold line each.
    block_t *first = at(h, next);
    if (next > here) {
        *head = here;
        b->meta = next;
        first->prev = here;
        return;
    }
    b->prev = next;
    b->meta = first->meta;
    first->meta = here;
    if (b->meta)
        at(h, b->meta)->prev = here;
}

// Takes the first block off a list; `next` is the one behind it.
static inline void head_remove(nh_heap_t *h, uint32_t *head, uint32_t list, uint32_t zone,
                               uint32_t next)
{
    *head = next;
    if (next)
        at(h, next)->prev = 0;
    else
        mark_clear(h, list, zone);
}

static inline void list_remove(nh_heap_t *h, const block_t *b, uint32_t size)
{
    uint32_t next = b->meta;
    uint32_t prev = b->prev;
    if (size == h->largest)
        h->largest = UNKNOWN;
    if (!prev) {
        uint32_t list = list_number(h, size);
        uint32_t zone = zone_of(h, offset_of(h, b));
        head_remove(h, head_of(h, list, zone), list, zone, next);
        return;
    }
    at(h, prev)->meta = next;
    if (next)
        at(h, next)->prev = prev;
}

#endif
