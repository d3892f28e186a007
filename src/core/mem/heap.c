#include "core/mem/heap.h"

#include <string.h>

#include "core/mem/heap_inside.h"
#include "core/mem/sanitize.h"

typedef struct nh_heap__block block_t;

enum { FREE = NH_HEAP__FREE, PREV_FREE = NH_HEAP__PREV_FREE };

#define CHECK NH_HEAP__CHECK
#define CHECK_MASK NH_HEAP__CHECK_MASK
#define OWNER_MASK NH_HEAP__OWNER_MASK
#define TAIL_SHIFT 8 // bits 8..15: payload bytes behind what was asked for, ASan builds only

#define BLOCK_MIN NH_HEAP_BLOCK_MIN_BYTES
#define HEADER NH_HEAP_HEADER_BYTES
#define REDZONE NH_HEAP__REDZONE
#define WALK_MAX 16 // blocks of one list that a single call may look at
#define ZONES_MAX 8 // a bit of a mark for each
#define UNKNOWN NH_HEAP__UNKNOWN
#define NOINLINE __attribute__((noinline)) // keeps the common path short of registers to save

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

#define EACH UINT64_C(0x0101010101010101) // one zone's bit in each mark of a word

// Eight marks; `from` need not be aligned.
static inline uint64_t word_at(const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return word;
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
    uint64_t each = EACH << zone;
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

// Marks of a word above its mark `i`.
static inline uint64_t above(uint64_t word, uint32_t i)
{
    return word & ~(uint64_t)0xff << (8 * i);
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
// marks from `list` on; the groups above its group; the groups of groups above that; and, in a
// region so large that there are more than 512 lists, the rest of these.
static block_t *find_above(const nh_heap_t *h, uint32_t list, struct spot *spot)
{
    uint32_t group = list / 8;
    uint32_t top = list / 64;
    uint64_t w0 = word_at(marks(h) + list);
    uint64_t w1 = above(word_at(level(h, 0) + (group & ~7u)), group & 7);
    uint64_t w2 = above(word_at(level(h, 1) + (top & ~7u)), top & 7);
    uint64_t w3 = top < 8 && h->list_count > 512 ? word_at(level(h, 1) + 8) : 0;
    uint32_t zones = fold(w0 | w1 | w2 | w3);
    if (!zones)
        return NULL;
    uint32_t zone = low_bit(zones);
    uint64_t each = EACH << zone;
    if (w0 & each)
        list += low_mark(w0 & each);
    else if (w1 & each)
        list = list_under(h, (group & ~7u) + low_mark(w1 & each), each);
    else if (w2 & each)
        list = list_under_top(h, (top & ~7u) + low_mark(w2 & each), each);
    else
        list = list_under_top(h, 8 + low_mark(w3 & each), each);
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
    list += low_bit(near & (uint32_t)EACH << zone) / 8;
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

// A small region gets fewer lists and zones, so that the heap itself takes little of it: 21 % of
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
    // Whole words, also when read from the last mark on.
    h->level[0] = h->marks + ((h->list_count + 14) & ~7u);
    h->level[1] = h->level[0] + (h->list_count + 63) / 64 * 8;
    h->first = h->level[1] + (h->list_count + 511) / 512 * 8;
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

// ---- walk and check ----------------------------------------------------------------------------

// Whether a block of this header may stand at `offset`.
static bool is_sane(const nh_heap_t *h, uint32_t offset, const block_t *b)
{
    uint32_t size = size_of(b);
    if (size < BLOCK_MIN || size > h->end - offset || (b->size & 4))
        return false;
    return b->size & FREE || (b->meta & CHECK_MASK) == CHECK;
}

void nh_heap_walk(const nh_heap_t *h,
                  bool (*visit)(void *ctx, size_t offset, size_t bytes, int owner), void *ctx)
{
    uint32_t offset = h->first;
    while (offset < h->end) {
        const block_t *b = at(h, offset);
        int owner = b->size & FREE ? -1 : (int)(b->meta & OWNER_MASK);
        if (!is_sane(h, offset, b) || !visit(ctx, offset, size_of(b), owner))
            return;
        offset += size_of(b);
    }
}

struct tally {
    uint32_t free_blocks, free_bytes, used_blocks;
};

// All blocks in address order: sizes add up to the region, flags and footers agree, no two free
// blocks are neighbours.
static bool check_blocks(const nh_heap_t *h, struct tally *t)
{
    bool prev_free = false;
    uint32_t offset = h->first;
    while (offset < h->end) {
        block_t *b = at(h, offset);
        bool is_free = b->size & FREE;
        if (!is_sane(h, offset, b) || !!(b->size & PREV_FREE) != prev_free)
            return false;
        if (is_free && (prev_free || *footer_of(b, size_of(b)) != size_of(b)))
            return false;
        t->free_blocks += is_free;
        t->free_bytes += is_free ? size_of(b) : 0;
        t->used_blocks += !is_free;
        prev_free = is_free;
        offset += size_of(b);
    }
    const block_t *end = at(h, h->end);
    return offset == h->end && end->size == (prev_free ? PREV_FREE : 0u) && end->meta == CHECK;
}

// One list: free blocks of its sizes that start in its zone, linked both ways. Returns how many, or
// -1.
static int64_t check_list(const nh_heap_t *h, uint32_t zone, uint32_t list, uint32_t max)
{
    uint32_t prev = 0;
    uint32_t count = 0;
    for (uint32_t offset = *head_of(h, list, zone); offset; count++) {
        if (offset < h->first || offset >= h->end || offset % 8 || count >= max)
            return -1;
        const block_t *b = at(h, offset);
        if (!(b->size & FREE) || b->prev != prev || zone_of(h, offset) != zone ||
            list_number(h, size_of(b)) != list)
            return -1;
        prev = offset;
        offset = b->meta;
    }
    return count;
}

// The marks of a level are the sums of those below it, and nothing is marked past the last.
static bool check_level(const uint8_t *marks, uint32_t count, const uint8_t *over)
{
    for (uint32_t i = 0; i < count; i += 8)
        if (over[i / 8] != fold(word_at(marks + i)))
            return false;
    return true;
}

// All lists of a zone and their marks. Returns how many blocks are listed, or -1.
static int64_t check_zone(const nh_heap_t *h, uint32_t zone, uint32_t max)
{
    int64_t listed = 0;
    for (uint32_t i = 0; i < h->list_count; i++) {
        int64_t n = check_list(h, zone, i, max);
        bool marked = marks(h)[i] >> zone & 1;
        if (n < 0 || marked != (n > 0))
            return -1;
        listed += n;
    }
    return listed;
}

int nh_heap_check(const nh_heap_t *h)
{
    struct tally t = {0};
    if (!check_blocks(h, &t) || t.free_bytes != h->free_bytes || t.used_blocks != h->used_blocks)
        return NH_ERR_CORRUPT;
    if (!check_level(marks(h), h->list_count, level(h, 0)) ||
        !check_level(level(h, 0), (h->list_count + 7) / 8, level(h, 1)))
        return NH_ERR_CORRUPT;
    int64_t listed = 0;
    for (uint32_t zone = 0; zone < h->zone_count; zone++) {
        int64_t n = check_zone(h, zone, t.free_blocks);
        if (n < 0)
            return NH_ERR_CORRUPT;
        listed += n;
    }
    return listed == t.free_blocks ? NH_OK : NH_ERR_CORRUPT;
}
