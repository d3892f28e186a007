// A heap looked at block by block: the walk, and the check of all that must hold.

#include "core/mem/heap.h"
#include "core/mem/heap_lists.h"

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
