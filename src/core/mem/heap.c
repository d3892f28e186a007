#include "core/mem/heap.h"

#include <string.h>

#include "core/mem/heap_lists.h"

#define REDZONE NH_HEAP__REDZONE
#define TAIL_SHIFT 8 // bits 8..15: payload bytes behind what was asked for, ASan builds only
#define WALK_MAX 16  // blocks of one list that a single call may look at
#define ZONES_MAX 8  // a bit of a mark for each
#define NOINLINE __attribute__((noinline)) // keeps the common path short of registers to save

// Makes a free block of the bytes from `b` on. The block before it is used, since free neighbours
// are always joined; the block behind it knows already, or is told by the caller.
static inline void free_block_make(nh_heap_t *h, block_t *b, uint32_t size)
{
    b->size = size | FREE;
    *footer_of(b, size) = size;
    list_push(h, b, size);
}

// The last resort: a block that fits among the first of a list that also holds smaller ones.
static block_t *find_within(const nh_heap_t *h, uint32_t size, uint32_t list)
{
    for (uint32_t zone = 0; zone < h->zone_count; zone++) {
        uint32_t offset = *head_of(h, list, zone);
        for (int i = 0; offset && i < WALK_MAX; i++) {
            block_t *b = at(h, offset);
            if (size_of(b) >= size)
                return b;
            offset = b->meta;
        }
    }
    return NULL;
}

// Where a block was found: it is the first of this list; without a head, somewhere in its list.
struct spot {
    uint32_t *head;
    uint32_t list, zone;
};

static inline block_t *first_of(const nh_heap_t *h, uint32_t list, uint32_t zone, struct spot *spot)
{
    *spot = (struct spot){head_of(h, list, zone), list, zone};
    return at(h, *spot->head);
}

// The lowest list with a mark of the zone under mark `i` of the first level, and of the second.
static inline uint32_t list_under(const nh_heap_t *h, uint32_t i, uint64_t each)
{
    return i * 8 + low_mark(word_at(marks(h) + (size_t)i * 8) & each);
}

static inline uint32_t list_under_top(const nh_heap_t *h, uint32_t i, uint64_t each)
{
    return list_under(h, i * 8 + low_mark(word_at(level(h, 0) + (size_t)i * 8) & each), each);
}

// The first block of the lowest list from `list` on in the lowest zone that has one. The words:
// eight marks from `list` on, the eight groups behind its own, the eight groups of groups behind
// that, and, in a region so large that it has more than 512 lists, eight more. They overlap, no
// harm.
static block_t *find_above(const nh_heap_t *h, uint32_t list, struct spot *spot)
{
    uint32_t group = list / 8 + 1;
    uint32_t top = list / 64 + 1;
    uint64_t w0 = word_from(marks(h) + list);
    uint64_t w1 = word_from(level(h, 0) + group);
    uint64_t w2 = word_from(level(h, 1) + top);
    uint64_t w3 = h->list_count > 512 ? word_from(level(h, 1) + top + 8) : 0;
    uint32_t zones = fold(w0 | w1 | w2 | w3);
    if (!zones)
        return NULL;
    uint32_t zone = low_bit(zones);
    uint64_t each = each_of(zone);
    if (w0 & each)
        list += low_mark(w0 & each);
    else if (w1 & each)
        list = list_under(h, group + low_mark(w1 & each), each);
    else if (w2 & each)
        list = list_under_top(h, top + low_mark(w2 & each), each);
    else
        list = list_under_top(h, top + 8 + low_mark(w3 & each), each);
    return first_of(h, list, zone, spot);
}

// The best of what fits well: of `list` and the three above it, the lowest zone, and in it the
// least size.
static inline block_t *find_near(const nh_heap_t *h, uint32_t list, struct spot *spot)
{
    uint32_t near;
    memcpy(&near, marks(h) + list, sizeof near);
    if (!near)
        return NULL;
    uint32_t zones = near | near >> 16;
    uint32_t zone = low_bit(zones | zones >> 8); // the bits of a byte: no zone is above them
    list += low_bit(near & 0x01010101u << zone) / 8;
    return first_of(h, list, zone, spot);
}

// What fits well, else the lowest zone that has anything large enough.
static block_t *find_from(const nh_heap_t *h, uint32_t list, struct spot *spot)
{
    if (list >= h->list_count)
        return NULL;
    block_t *b = find_near(h, list, spot);
    return b ? b : find_above(h, list, spot);
}

// A free block of at least `size` bytes, still in its list; NULL when there is none to be found.
static block_t *find(const nh_heap_t *h, uint32_t size, struct spot *spot)
{
    uint32_t units = size / NH_HEAP_ALIGN_BYTES;
    if (size < h->exact_bytes)
        return find_from(h, units, spot);
    uint32_t doublings = doublings_of(h->fine_log2, units);
    uint32_t own = (doublings << h->fine_log2) + (units >> doublings);
    if (!(units & ((1u << doublings) - 1)))
        return find_from(h, own, spot);
    if (own >= h->list_count)
        return NULL;
    // Its own list holds smaller ones too, but the first may be large enough: a buffer of the same
    // size as before. From the next list on every block is.
    if (marks(h)[own]) {
        block_t *b = first_of(h, own, low_bit(marks(h)[own]), spot);
        if (size_of(b) >= size)
            return b;
    }
    block_t *b = find_from(h, own + 1, spot);
    if (b)
        return b;
    spot->head = NULL;
    return find_within(h, size, own);
}

// Takes a block that was found off its list. Returns its size.
static inline uint32_t take(nh_heap_t *h, const block_t *b, const struct spot *spot)
{
    uint32_t size = b->size & ~(uint32_t)FREE; // what stands before it is used
    h->free_bytes -= size;
    h->used_blocks++;
    if (!spot->head) {
        list_remove(h, b, size);
        return size;
    }
    if (size == h->largest)
        h->largest = UNKNOWN;
    head_remove(h, spot->head, spot->list, spot->zone, b->meta);
    return size;
}

// Signs a block that is in nobody's list as used, with what the caller may touch of it.
static inline void *hand_out(block_t *b, uint32_t size, uint32_t owner, size_t bytes)
{
    uint32_t tail = NH_ASAN ? size - HEADER - (uint32_t)(bytes ? bytes : 1) : 0;
    b->meta = CHECK | (tail << TAIL_SHIFT) | (owner & OWNER_MASK);
    nh_unpoison(payload_of(b), size - HEADER - tail);
    return payload_of(b);
}

// Cuts the unlisted run of `have` bytes at `b`, whose flags are `flags`, to a used block of `need`
// and gives the rest back. Its end was free until now: the block behind it says so. Returns the
// size of the block.
static inline uint32_t cut(nh_heap_t *h, block_t *b, uint32_t have, uint32_t need, uint32_t flags)
{
    uint32_t rest = have - need;
    if (rest < BLOCK_MIN) {
        b->size = have | flags;
        behind(b, have)->size &= ~(uint32_t)PREV_FREE;
        return have;
    }
    b->size = need | flags;
    h->free_bytes += rest;
    free_block_make(h, behind(b, need), rest);
    return need;
}

// The end of an allocation: `b` is off its list and has `have` bytes.
static NOINLINE void *cut_and_hand_out(nh_heap_t *h, block_t *b, uint32_t have, size_t bytes,
                                       uint32_t owner)
{
    return hand_out(b, cut(h, b, have, block_need(bytes), 0), owner, bytes);
}

static NOINLINE void *alloc_any(nh_heap_t *h, size_t bytes, uint32_t owner)
{
    uint32_t need = block_need(bytes);
    struct spot spot;
    block_t *b = need ? find(h, need, &spot) : NULL;
    if (!b)
        return NULL;
    uint32_t have = take(h, b, &spot);
    return cut_and_hand_out(h, b, have, bytes, owner);
}

// The short path of eight in ten: a small block, and one of its size or little more is free.
void *nh_heap_alloc(nh_heap_t *h, size_t bytes, uint32_t owner)
{
    struct spot spot;
    if (bytes > h->quick_bytes)
        return alloc_any(h, bytes, owner);
    uint32_t need = block_need(bytes);
    block_t *b = find_near(h, need / NH_HEAP_ALIGN_BYTES, &spot);
    if (!b)
        return alloc_any(h, bytes, owner);
    uint32_t have = take(h, b, &spot);
    if (have - need >= BLOCK_MIN)
        return cut_and_hand_out(h, b, have, bytes, owner);
    b->size = have;
    behind(b, have)->size &= ~(uint32_t)PREV_FREE;
    return hand_out(b, have, owner, bytes);
}

// The bytes before the first place in `b` whose payload is aligned: 0 or room for a free block.
static uint32_t align_gap(block_t *b, uint32_t align)
{
    uintptr_t p = (uintptr_t)payload_of(b);
    uint32_t gap = (uint32_t)(-p & (align - 1));
    return gap && gap < BLOCK_MIN ? gap + align : gap;
}

void *nh_heap_alloc_aligned(nh_heap_t *h, size_t align, size_t bytes, uint32_t owner)
{
    if (align <= NH_HEAP_ALIGN_BYTES)
        return nh_heap_alloc(h, bytes, owner);
    NH_ASSERT((align & (align - 1)) == 0 && align <= NH_HEAP_ALIGN_MAX_BYTES);
    uint32_t need = block_need(bytes);
    struct spot spot;
    block_t *b = need ? find(h, need, &spot) : NULL;
    if (b && align_gap(b, (uint32_t)align) + need > size_of(b))
        b = find(h, need + (uint32_t)align + NH_HEAP_ALIGN_BYTES, &spot);
    if (!b)
        return NULL;
    uint32_t have = take(h, b, &spot);
    uint32_t gap = align_gap(b, (uint32_t)align);
    uint32_t flags = 0;
    if (gap) {
        block_t *front = b;
        b = behind(b, gap);
        free_block_make(h, front, gap);
        h->free_bytes += gap;
        flags = PREV_FREE;
    }
    return hand_out(b, cut(h, b, have - gap, need, flags), owner, bytes);
}

// Joins the block with what is free before and behind it.
static NOINLINE void free_joined(nh_heap_t *h, block_t *b, uint32_t size)
{
    block_t *next = behind(b, size);
    if (next->size & FREE) {
        uint32_t more = size_of(next);
        list_remove(h, next, more);
        size += more;
    } else {
        next->size |= PREV_FREE;
    }
    if (b->size & PREV_FREE) {
        uint32_t more = *((uint32_t *)(void *)b - 1);
        b->meta = 0; // a second free of this block is seen
        b = (block_t *)(void *)((char *)b - more);
        list_remove(h, b, more);
        size += more;
    }
    free_block_make(h, b, size);
}

void nh_heap_free(nh_heap_t *h, void *ptr)
{
    nh_heap__free(h, used_block(ptr));
}

void nh_heap__free(nh_heap_t *h, block_t *b)
{
    uint32_t size = size_of(b);
    block_t *next = behind(b, size);
    nh_poison(payload_of(b), size - HEADER);
    h->free_bytes += size;
    h->used_blocks--;
    if (b->size & PREV_FREE || next->size & FREE) {
        free_joined(h, b, size);
        return;
    }
    next->size |= PREV_FREE;
    free_block_make(h, b, size);
}

bool nh_heap_resize(nh_heap_t *h, void *ptr, size_t bytes)
{
    block_t *b = used_block(ptr);
    uint32_t need = block_need(bytes);
    uint32_t have = size_of(b);
    block_t *next = behind(b, have);
    uint32_t more = next->size & FREE ? size_of(next) : 0;
    uint32_t owner = b->meta;
    if (!need || need > have + more)
        return false;
    if (more && (need > have || have - need >= BLOCK_MIN)) {
        list_remove(h, next, more);
        h->free_bytes -= more;
        have += more;
    } else if (have - need >= BLOCK_MIN && need <= have) {
        next->size |= PREV_FREE; // it is about to be true
    }
    nh_poison(ptr, have - HEADER);
    if (have - need >= BLOCK_MIN || have != size_of(b))
        have = cut(h, b, have, need, b->size & PREV_FREE);
    hand_out(b, have, owner, bytes);
    return true;
}

void *nh_heap_slide(nh_heap_t *h, void *ptr, size_t bytes)
{
    block_t *b = used_block(ptr);
    uint32_t need = block_need(bytes);
    uint32_t have = size_of(b);
    uint32_t owner = b->meta;
    size_t keep = nh_heap_usable_bytes(ptr);
    block_t *next = behind(b, have);
    uint32_t after = next->size & FREE ? size_of(next) : 0;
    uint32_t before = b->size & PREV_FREE ? *((uint32_t *)(void *)b - 1) : 0;
    if (!need || !before || need > before + have + after)
        return NULL;
    if (after)
        list_remove(h, next, after);
    else
        next->size |= PREV_FREE;
    block_t *to = (block_t *)(void *)((char *)b - before);
    list_remove(h, to, before);
    h->free_bytes -= before + after;
    have += before + after;
    nh_unpoison(payload_of(to), have - HEADER);
    memmove(payload_of(to), ptr, keep < bytes ? keep : bytes);
    nh_poison(payload_of(to), have - HEADER);
    return hand_out(to, cut(h, to, have, need, 0), owner, bytes);
}

void *nh_heap_realloc(nh_heap_t *h, void *ptr, size_t bytes, uint32_t owner)
{
    if (!ptr)
        return nh_heap_alloc(h, bytes, owner);
    if (nh_heap_resize(h, ptr, bytes))
        return ptr;
    void *to = nh_heap_alloc(h, bytes, owner);
    if (!to)
        return nh_heap_slide(h, ptr, bytes);
    size_t keep = nh_heap_usable_bytes(ptr);
    memcpy(to, ptr, keep < bytes ? keep : bytes);
    nh_heap_free(h, ptr);
    return to;
}

size_t nh_heap_block_need(size_t bytes)
{
    return block_need(bytes);
}

size_t nh_heap_block_bytes(const void *ptr)
{
    return size_of(used_block(ptr));
}

size_t nh_heap_usable_bytes(const void *ptr)
{
    const block_t *b = used_block(ptr);
    return size_of(b) - HEADER - ((b->meta & ~CHECK_MASK) >> TAIL_SHIFT);
}

uint32_t nh_heap_owner(const void *ptr)
{
    return used_block(ptr)->meta & OWNER_MASK;
}

size_t nh_heap_free_bytes(const nh_heap_t *h)
{
    return h->free_bytes;
}

size_t nh_heap_used_blocks(const nh_heap_t *h)
{
    return h->used_blocks;
}

size_t nh_heap_control_bytes(const nh_heap_t *h)
{
    return h->first;
}

// The highest list that is not empty in any zone; there is one.
static uint32_t highest_list(const nh_heap_t *h)
{
    uint64_t w = h->list_count > 512 ? word_at(level(h, 1) + 8) : 0;
    uint32_t i = w ? 8 + high_mark(w) : high_mark(word_at(level(h, 1)));
    i = i * 8 + high_mark(word_at(level(h, 0) + (size_t)i * 8));
    return i * 8 + high_mark(word_at(marks(h) + (size_t)i * 8));
}

size_t nh_heap_largest_free(nh_heap_t *h)
{
    if (h->largest != UNKNOWN)
        return h->largest;
    h->largest = 0;
    if (!h->free_bytes)
        return 0;
    uint32_t list = highest_list(h);
    for (uint32_t zones = marks(h)[list]; zones; zones &= zones - 1) {
        uint32_t offset = *head_of(h, list, low_bit(zones));
        for (int i = 0; offset && i < WALK_MAX; i++) {
            const block_t *b = at(h, offset);
            h->largest = size_of(b) > h->largest ? size_of(b) : h->largest;
            offset = b->meta;
        }
    }
    return h->largest;
}

// ---- make --------------------------------------------------------------------------------------

// Words of 8 marks, when one may be read from mark `last` + 1 on.
static uint32_t words(uint32_t last)
{
    return (last + 9 + 7) / 8;
}

// A small region gets fewer lists and zones, so that the heap itself takes little of it: 22 % of
// 1 KiB, 5 % of 16 KiB, 1.3 % of 320 KiB, 0.2 % of 8 MiB.
static void shape_set(nh_heap_t *h, uint32_t bytes)
{
    bool is_small = bytes < NH_KIB(64);
    h->fine_log2 = bytes < NH_KIB(4) ? 2 : bytes < NH_KIB(16) ? 3 : bytes < NH_MIB(1) ? 4 : 5;
    h->exact_bytes = (NH_HEAP_ALIGN_BYTES * 2) << h->fine_log2;
    h->quick_bytes = h->exact_bytes - HEADER - REDZONE - NH_HEAP_ALIGN_BYTES;
    h->zone_count = is_small ? 1 : bytes < NH_MIB(1) ? ZONES_MAX / 2 : ZONES_MAX;
    h->zone_factor = is_small ? 0 : (uint32_t)(((uint64_t)h->zone_count << 32) / bytes);
    h->list_count = list_number(h, bytes - (uint32_t)sizeof *h) + 1;
    uint32_t heads_bytes = h->list_count * h->zone_count * (uint32_t)sizeof(uint32_t);
    h->marks = (uint32_t)(sizeof *h + heads_bytes + 7) & ~7u;
    // Whole words, also when read behind the last mark.
    h->level[0] = h->marks + words(h->list_count) * 8;
    h->level[1] = h->level[0] + words(h->list_count / 8) * 8;
    h->first = h->level[1] + words(h->list_count / 64 + (h->list_count > 512 ? 8 : 0)) * 8;
}

nh_heap_t *nh_heap_init(void *base, size_t bytes)
{
    uintptr_t skip = -(uintptr_t)base & (NH_HEAP_ALIGN_BYTES - 1);
    if (!base || bytes < skip + NH_HEAP_REGION_MIN_BYTES)
        return NULL;
    bytes = (bytes - skip) & ~(size_t)(NH_HEAP_ALIGN_BYTES - 1);
    if (bytes > NH_HEAP_REGION_MAX_BYTES)
        bytes = NH_HEAP_REGION_MAX_BYTES;
    nh_heap_t *h = (nh_heap_t *)(void *)((char *)base + skip);
    memset(h, 0, sizeof *h);
    shape_set(h, (uint32_t)bytes);
    memset(h->heads, 0, h->first - sizeof *h);
    h->end = (uint32_t)bytes - HEADER;
    h->free_bytes = h->end - h->first;
    at(h, h->end)->size = PREV_FREE;
    at(h, h->end)->meta = CHECK;
    free_block_make(h, at(h, h->first), h->free_bytes);
    nh_poison(at(h, h->first), bytes - h->first);
    return h;
}

void nh_heap_deinit(nh_heap_t *h)
{
    nh_unpoison(h, h->end + HEADER);
    memset(h, 0, sizeof *h);
}
