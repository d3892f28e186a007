#include "core/mem/heap.h"

#include <string.h>

#include "core/mem/sanitize.h"

// A block. All places in a heap are 32-bit offsets from the heap's start, 0 is none: so the header
// is 8 bytes on every target, and a free block of 16 bytes holds both links and its footer.
//
//   used   | size+flags | check+owner | payload ...                       |
//   free   | size+flags | next        | prev        | (nothing) | size    |
//            4            4             4             0 ...       4
//
// The footer of a free block is found by the block behind it, whose PREV_FREE is set.
struct block {
    uint32_t size; // of the whole block in bytes, a multiple of 8, with FREE and PREV_FREE
    uint32_t meta; // used: CHECK, tail, owner. Free: offset of the next block of its list.
    uint32_t prev; // free only: offset of the previous block of its list
};

enum { FREE = 1, PREV_FREE = 2, FLAGS = 7 };

#define CHECK 0x6e680000u // in the upper half of a used block's meta: an overrun shows at free
#define CHECK_MASK 0xffff0000u
#define OWNER_MASK 0x000000ffu
#define TAIL_SHIFT 8 // bits 8..15: payload bytes behind what was asked for, ASan builds only

#define BLOCK_MIN NH_HEAP_BLOCK_MIN_BYTES
#define HEADER NH_HEAP_HEADER_BYTES
#define REDZONE (NH_ASAN ? 16u : 0u)
#define NONE UINT32_MAX
#define WALK_MAX 16  // blocks of one list that a single call may look at
#define ZONES_LOG2 2 // 4 to 8 zones, of a power of two in bytes

// The region is cut into a few zones, each with its own lists: a free block is listed in the zone
// where it starts, and an allocation takes from the lowest zone that has a fit. That draws all that
// lives to the low end and keeps the high end whole, which good fit alone does not.
struct row {
    uint32_t top;   // bit w: map[w] is not 0
    uint32_t map[]; // bit i: list i is not empty; then a head for each list
};

struct nh_heap {
    uint32_t fine_log2;  // lists in one doubling of size: 1 << fine_log2
    uint32_t word_count; // words of a row's map
    uint32_t list_count;
    uint32_t row_words; // of a zone's row
    uint32_t zone_shift, zone_count;
    uint32_t first; // offset of the first block
    uint32_t end;   // offset of the end mark: a used block of size 0
    uint32_t free_bytes;
    uint32_t used_blocks;
    uint32_t largest; // size of the largest free block; 0: to be found anew
    uint32_t rows[];
};

static inline struct block *at(const nh_heap_t *h, uint32_t offset)
{
    return (struct block *)(void *)((char *)h + offset);
}

static inline uint32_t offset_of(const nh_heap_t *h, const struct block *b)
{
    return (uint32_t)((const char *)b - (const char *)h);
}

static inline uint32_t size_of(const struct block *b)
{
    return b->size & ~(uint32_t)FLAGS;
}

static inline struct block *behind(const struct block *b, uint32_t bytes)
{
    return (struct block *)(void *)((char *)b + bytes);
}

static inline void *payload_of(struct block *b)
{
    return (char *)b + HEADER;
}

static inline struct block *block_of(const void *ptr)
{
    return (struct block *)(void *)((char *)ptr - HEADER);
}

static inline uint32_t *footer_of(struct block *b, uint32_t size)
{
    return (uint32_t *)(void *)((char *)b + size - sizeof(uint32_t));
}

static inline struct row *row_of(const nh_heap_t *h, uint32_t zone)
{
    return (struct row *)(void *)((uint32_t *)h->rows + (size_t)zone * h->row_words);
}

static inline uint32_t *heads(const nh_heap_t *h, const struct row *row)
{
    return (uint32_t *)row->map + h->word_count;
}

static inline uint32_t low_bit(uint32_t x)
{
    return (uint32_t)__builtin_ctz(x);
}

static inline uint32_t high_bit(uint32_t x)
{
    return 31u - (uint32_t)__builtin_clz(x);
}

// The list of blocks of this size. Lists are numbered in one row: below 2 << fine_log2 units of 8
// bytes each size has its own, above that each doubling is cut into 1 << fine_log2 equal parts.
static inline uint32_t doublings_of(uint32_t fine_log2, uint32_t units)
{
    return high_bit(units | (1u << fine_log2)) - fine_log2;
}

static inline uint32_t list_number(uint32_t fine_log2, uint32_t size)
{
    uint32_t units = size / NH_HEAP_ALIGN_BYTES;
    uint32_t doublings = doublings_of(fine_log2, units);
    return (doublings << fine_log2) + (units >> doublings);
}

static inline void list_push(nh_heap_t *h, struct block *b, uint32_t size)
{
    uint32_t list = list_number(h->fine_log2, size);
    uint32_t here = offset_of(h, b);
    if (h->largest && size > h->largest)
        h->largest = size;
    struct row *row = row_of(h, here >> h->zone_shift);
    uint32_t *head = &heads(h, row)[list];
    uint32_t prev = 0;
    uint32_t next = *head;
    // Low addresses first, as far as one step tells: the same aim as that of the zones. More steps
    // would gain little and fetch a cold line each.
    if (next && next < here) {
        prev = next;
        next = at(h, next)->meta;
    }
    b->meta = next;
    b->prev = prev;
    if (next)
        at(h, next)->prev = here;
    if (prev)
        at(h, prev)->meta = here;
    else
        *head = here;
    row->map[list / 32] |= 1u << (list % 32);
    row->top |= 1u << (list / 32);
}

// Takes the first block off a list; `next` is the one behind it.
static inline void head_remove(nh_heap_t *h, struct row *row, uint32_t list, uint32_t next)
{
    heads(h, row)[list] = next;
    if (next) {
        at(h, next)->prev = 0;
        return;
    }
    row->map[list / 32] &= ~(1u << (list % 32));
    if (!row->map[list / 32])
        row->top &= ~(1u << (list / 32));
}

static inline void list_remove(nh_heap_t *h, const struct block *b, uint32_t size)
{
    uint32_t next = b->meta;
    uint32_t prev = b->prev;
    if (size == h->largest)
        h->largest = 0;
    if (!prev) {
        head_remove(h, row_of(h, offset_of(h, b) >> h->zone_shift), list_number(h->fine_log2, size),
                    next);
        return;
    }
    at(h, prev)->meta = next;
    if (next)
        at(h, next)->prev = prev;
}

// Makes a free block of the bytes from `b` on. The block before it is used, since free neighbours
// are always joined; the block behind it knows already, or is told by the caller.
static inline void free_block_make(nh_heap_t *h, struct block *b, uint32_t size)
{
    b->size = size | FREE;
    *footer_of(b, size) = size;
    list_push(h, b, size);
}

// The lowest list from `list` on that is not empty; NONE.
static inline uint32_t list_above(const struct row *row, uint32_t list)
{
    uint32_t word = list / 32;
    uint32_t bits = row->map[word] & (~0u << (list % 32));
    if (!bits) {
        uint32_t words = row->top & (~1u << word);
        if (!words)
            return NONE;
        word = low_bit(words);
        bits = row->map[word];
    }
    return word * 32 + low_bit(bits);
}

// The last resort: a block that fits among the first of a list that also holds smaller ones.
static struct block *find_within(const nh_heap_t *h, uint32_t size)
{
    uint32_t list = list_number(h->fine_log2, size);
    for (uint32_t zone = 0; list < h->list_count && zone < h->zone_count; zone++) {
        uint32_t offset = heads(h, row_of(h, zone))[list];
        for (int i = 0; offset && i < WALK_MAX; i++) {
            struct block *b = at(h, offset);
            if (size_of(b) >= size)
                return b;
            offset = b->meta;
        }
    }
    return NULL;
}

// Where a block was found: it is the first of this list, or, with NONE, somewhere in its own.
struct spot {
    struct row *row;
    uint32_t list;
};

// A free block of at least `size` bytes, still in its list; NULL when there is none to be found.
static inline struct block *find(nh_heap_t *h, uint32_t size, struct spot *spot)
{
    uint32_t units = size / NH_HEAP_ALIGN_BYTES;
    uint32_t doublings = doublings_of(h->fine_log2, units);
    uint32_t own = (doublings << h->fine_log2) + (units >> doublings);
    // From `list` on every block is large enough. In `own`, where that is another list, the first
    // one may be: a buffer of the same size as before.
    uint32_t list = own + ((units & ((1u << doublings) - 1)) != 0);
    if (list >= h->list_count)
        return NULL;
    uint32_t *row = h->rows;
    for (uint32_t zone = h->zone_count; zone > 0; zone--, row += h->row_words) {
        spot->row = (struct row *)row;
        if (own < list) {
            spot->list = own;
            uint32_t offset = heads(h, spot->row)[own];
            if (offset && size_of(at(h, offset)) >= size)
                return at(h, offset);
        }
        spot->list = list_above(spot->row, list);
        if (spot->list != NONE)
            return at(h, heads(h, spot->row)[spot->list]);
    }
    return own < list ? find_within(h, size) : NULL;
}

// Takes a block that was found off its list. Returns its size.
static inline uint32_t take(nh_heap_t *h, const struct block *b, const struct spot *spot)
{
    uint32_t size = size_of(b);
    h->free_bytes -= size;
    h->used_blocks++;
    if (spot->list == NONE) {
        list_remove(h, b, size);
        return size;
    }
    if (size == h->largest)
        h->largest = 0;
    head_remove(h, spot->row, spot->list, b->meta);
    return size;
}

static inline uint32_t block_need(size_t bytes)
{
    if (bytes > NH_HEAP_REGION_MAX_BYTES - 2 * NH_HEAP_ALIGN_MAX_BYTES)
        return 0;
    uint32_t size = ((uint32_t)bytes + HEADER + REDZONE + 7) & ~7u;
    return size < BLOCK_MIN ? BLOCK_MIN : size;
}

// Signs a block that is in nobody's list as used, with what the caller may touch of it.
static inline void *hand_out(struct block *b, uint32_t size, uint32_t owner, size_t bytes)
{
    uint32_t tail = NH_ASAN ? size - HEADER - (uint32_t)(bytes ? bytes : 1) : 0;
    b->meta = CHECK | (tail << TAIL_SHIFT) | (owner & OWNER_MASK);
    nh_unpoison(payload_of(b), size - HEADER - tail);
    return payload_of(b);
}

// Cuts the unlisted run of `have` bytes at `b`, whose flags are `flags`, to a used block of `need`
// and gives the rest back. Its end was free until now: the block behind it says so. Returns the
// size of the block.
static inline uint32_t cut(nh_heap_t *h, struct block *b, uint32_t have, uint32_t need,
                           uint32_t flags)
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

void *nh_heap_alloc(nh_heap_t *h, size_t bytes, uint32_t owner)
{
    uint32_t need = block_need(bytes);
    struct spot spot;
    struct block *b = need ? find(h, need, &spot) : NULL;
    if (!b)
        return NULL;
    uint32_t have = take(h, b, &spot);
    return hand_out(b, cut(h, b, have, need, 0), owner, bytes);
}

// The bytes before the first place in `b` whose payload is aligned: 0 or room for a free block.
static uint32_t align_gap(struct block *b, uint32_t align)
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
    struct block *b = need ? find(h, need, &spot) : NULL;
    if (b && align_gap(b, (uint32_t)align) + need > size_of(b))
        b = find(h, need + (uint32_t)align + NH_HEAP_ALIGN_BYTES, &spot);
    if (!b)
        return NULL;
    uint32_t have = take(h, b, &spot);
    uint32_t gap = align_gap(b, (uint32_t)align);
    uint32_t flags = 0;
    if (gap) {
        struct block *front = b;
        b = behind(b, gap);
        free_block_make(h, front, gap);
        h->free_bytes += gap;
        flags = PREV_FREE;
    }
    return hand_out(b, cut(h, b, have - gap, need, flags), owner, bytes);
}

// The block of a payload that is in use; a pointer that was freed, or a header that was written
// over, is a bug of ours that must not spread.
static inline struct block *used_block(const void *ptr)
{
    struct block *b = block_of(ptr);
    NH_ASSERT((b->meta & CHECK_MASK) == CHECK && !(b->size & FREE));
    return b;
}

void nh_heap_free(nh_heap_t *h, void *ptr)
{
    struct block *b = used_block(ptr);
    uint32_t size = size_of(b);
    struct block *next = behind(b, size);
    nh_poison(ptr, size - HEADER);
    h->free_bytes += size;
    h->used_blocks--;
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
        b = (struct block *)(void *)((char *)b - more);
        list_remove(h, b, more);
        size += more;
    }
    free_block_make(h, b, size);
}

bool nh_heap_resize(nh_heap_t *h, void *ptr, size_t bytes)
{
    struct block *b = used_block(ptr);
    uint32_t need = block_need(bytes);
    uint32_t have = size_of(b);
    struct block *next = behind(b, have);
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
    struct block *b = used_block(ptr);
    uint32_t need = block_need(bytes);
    uint32_t have = size_of(b);
    uint32_t owner = b->meta;
    size_t keep = nh_heap_usable_bytes(ptr);
    struct block *next = behind(b, have);
    uint32_t after = next->size & FREE ? size_of(next) : 0;
    uint32_t before = b->size & PREV_FREE ? *((uint32_t *)(void *)b - 1) : 0;
    if (!need || !before || need > before + have + after)
        return NULL;
    if (after)
        list_remove(h, next, after);
    else
        next->size |= PREV_FREE;
    struct block *to = (struct block *)(void *)((char *)b - before);
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
    const struct block *b = used_block(ptr);
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

// The number of the zone's highest list that is not empty; the zone has one.
static uint32_t highest_list(const struct row *row)
{
    uint32_t word = high_bit(row->top);
    return word * 32 + high_bit(row->map[word]);
}

size_t nh_heap_largest_free(nh_heap_t *h)
{
    if (h->largest)
        return h->largest;
    uint32_t list = 0;
    for (uint32_t zone = 0; zone < h->zone_count; zone++) {
        const struct row *row = row_of(h, zone);
        if (!row->top || highest_list(row) < list)
            continue;
        list = highest_list(row);
        uint32_t offset = heads(h, row)[list];
        for (int i = 0; offset && i < WALK_MAX; i++) {
            const struct block *b = at(h, offset);
            h->largest = size_of(b) > h->largest ? size_of(b) : h->largest;
            offset = b->meta;
        }
    }
    return h->largest;
}

// ---- make --------------------------------------------------------------------------------------

// A small region gets fewer lists and zones, so that the heap itself takes little of it: 16 % of
// 1 KiB, 4 % of 16 KiB, 1.3 % of 320 KiB, 0.1 % of 8 MiB.
static void shape_set(nh_heap_t *h, uint32_t bytes)
{
    bool is_small = bytes < NH_KIB(64);
    h->fine_log2 = bytes < NH_KIB(4) ? 2 : bytes < NH_KIB(16) ? 3 : bytes < NH_MIB(1) ? 4 : 5;
    h->list_count = list_number(h->fine_log2, bytes) + 2; // the last stays empty: find() needs it
    h->word_count = (h->list_count + 31) / 32;
    h->row_words = 1 + h->word_count + h->list_count;
    h->zone_shift = is_small ? 31 : high_bit(bytes) - ZONES_LOG2;
    h->zone_count = ((bytes - 1) >> h->zone_shift) + 1;
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
    size_t rows_bytes = (size_t)h->zone_count * h->row_words * sizeof(uint32_t);
    memset(h->rows, 0, rows_bytes);
    h->first = (uint32_t)(sizeof *h + rows_bytes + 7) & ~7u;
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
static bool is_sane(const nh_heap_t *h, uint32_t offset, const struct block *b)
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
        const struct block *b = at(h, offset);
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
        struct block *b = at(h, offset);
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
    const struct block *end = at(h, h->end);
    return offset == h->end && end->size == (prev_free ? PREV_FREE : 0u) && end->meta == CHECK;
}

// One list: free blocks of its sizes that start in its zone, linked both ways. Returns how many, or
// -1.
static int64_t check_list(const nh_heap_t *h, uint32_t zone, uint32_t list, uint32_t max)
{
    uint32_t prev = 0;
    uint32_t count = 0;
    for (uint32_t offset = heads(h, row_of(h, zone))[list]; offset; count++) {
        if (offset < h->first || offset >= h->end || offset % 8 || count >= max)
            return -1;
        const struct block *b = at(h, offset);
        if (!(b->size & FREE) || b->prev != prev || offset >> h->zone_shift != zone ||
            list_number(h->fine_log2, size_of(b)) != list)
            return -1;
        prev = offset;
        offset = b->meta;
    }
    return count;
}

// All lists of a zone and their bitmaps. Returns how many blocks are listed, or -1.
static int64_t check_zone(const nh_heap_t *h, uint32_t zone, uint32_t max)
{
    const struct row *row = row_of(h, zone);
    int64_t listed = 0;
    for (uint32_t i = 0; i < h->list_count; i++) {
        int64_t n = check_list(h, zone, i, max);
        bool marked = row->map[i / 32] >> (i % 32) & 1;
        if (n < 0 || marked != (n > 0))
            return -1;
        listed += n;
    }
    for (uint32_t w = 0; w < h->word_count; w++)
        if ((row->top >> w & 1) != (row->map[w] != 0))
            return -1;
    return listed;
}

int nh_heap_check(const nh_heap_t *h)
{
    struct tally t = {0};
    if (!check_blocks(h, &t) || t.free_bytes != h->free_bytes || t.used_blocks != h->used_blocks)
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
