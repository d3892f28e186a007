// The heap alone, against a model: patterns in each block, the integrity check after each step.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem/heap_inside.h"
#include "core/mem/sanitize.h"

#define REGION_BYTES NH_KIB(64)
static _Alignas(64) unsigned char region[REGION_BYTES + 64];

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 32) * below >> 32);
}

// Writes where the heap keeps what is its own.
NH_NO_SANITIZE static void scribble(void *at, unsigned char value)
{
    *(volatile unsigned char *)at = value;
}

static jmp_buf assert_jump;

static void assert_caught(const char *cond, const char *file, int line)
{
    (void)cond;
    (void)file;
    (void)line;
    longjmp(assert_jump, 1);
}

// ---- the model ---------------------------------------------------------------------------------

#define SLOTS 120

static struct slot {
    unsigned char *ptr;
    size_t bytes;
    unsigned char mark;
} slots[SLOTS];

static void fill(struct slot *s, size_t from)
{
    for (size_t i = from; i < s->bytes; i++)
        s->ptr[i] = (unsigned char)(s->mark + i);
}

static void look(const struct slot *s, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (s->ptr[i] != (unsigned char)(s->mark + i))
            fail_msg("byte %u of %u changed", (unsigned)i, (unsigned)s->bytes);
}

static void step_alloc(nh_heap_t *h, struct slot *s, size_t bytes)
{
    size_t align = draw(4) ? 8 : (size_t)16 << draw(5);
    s->ptr = align > 8 ? nh_heap_alloc_aligned(h, align, bytes, 7) : nh_heap_alloc(h, bytes, 7);
    if (!s->ptr)
        return;
    assert_int_equal((uintptr_t)s->ptr % align, 0);
    assert_true(nh_heap_usable_bytes(s->ptr) >= bytes);
    assert_int_equal(nh_heap_owner(s->ptr), 7);
    s->bytes = bytes;
    s->mark = (unsigned char)draw(256);
    fill(s, 0);
}

static void step_realloc(nh_heap_t *h, struct slot *s, size_t bytes)
{
    size_t keep = bytes < s->bytes ? bytes : s->bytes;
    unsigned char *to = nh_heap_realloc(h, s->ptr, bytes, 7);
    if (to) {
        s->ptr = to;
        s->bytes = bytes;
    }
    look(s, to ? keep : s->bytes);
    fill(s, keep);
}

static void step(nh_heap_t *h, size_t bytes_max)
{
    struct slot *s = &slots[draw(SLOTS)];
    size_t bytes = draw(8) ? draw((uint32_t)bytes_max / 16 + 1) : draw((uint32_t)bytes_max);
    if (!s->ptr) {
        step_alloc(h, s, bytes);
    } else if (draw(3)) {
        look(s, s->bytes);
        nh_heap_free(h, s->ptr);
        s->ptr = NULL;
    } else {
        look(s, s->bytes);
        step_realloc(h, s, bytes);
    }
}

static void random_run(size_t region_bytes, size_t skew, int steps)
{
    random_state = region_bytes * 31 + skew;
    memset(slots, 0, sizeof slots);
    nh_heap_t *h = nh_heap_init(region + skew, region_bytes);
    assert_non_null(h);
    size_t whole = nh_heap_free_bytes(h);
    for (int i = 0; i < steps; i++) {
        step(h, region_bytes / 4);
        if (nh_heap_check(h))
            fail_msg("region %u, step %d: broken", (unsigned)region_bytes, i);
    }
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].ptr) {
            look(&slots[i], slots[i].bytes);
            nh_heap_free(h, slots[i].ptr);
            assert_int_equal(nh_heap_check(h), 0);
        }
    assert_int_equal(nh_heap_free_bytes(h), whole);
    assert_int_equal(nh_heap_largest_free(h), whole);
    assert_int_equal(nh_heap_used_blocks(h), 0);
    nh_heap_deinit(h);
}

static void test_random(void **state)
{
    (void)state;
    static const struct {
        size_t region_bytes, skew;
        int steps;
    } rows[] = {
        {1024, 0, 4000},       {1024, 3, 1000},       {NH_HEAP_REGION_MIN_BYTES, 0, 500},
        {NH_KIB(5), 1, 3000},  {NH_KIB(20), 0, 3000}, {NH_KIB(20) + 5, 7, 1000},
        {NH_KIB(64), 0, 3000},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        random_run(rows[i].region_bytes, rows[i].skew, rows[i].steps);
}

// ---- single properties -------------------------------------------------------------------------

static void test_regions(void **state)
{
    (void)state;
    assert_null(nh_heap_init(NULL, 4096));
    assert_null(nh_heap_init(region, NH_HEAP_REGION_MIN_BYTES - 1));
    assert_null(nh_heap_init(region + 1, NH_HEAP_REGION_MIN_BYTES + 6));
    nh_heap_t *h = nh_heap_init(region + 1, NH_HEAP_REGION_MIN_BYTES + 7);
    assert_non_null(h);
    nh_heap_deinit(h);

    h = nh_heap_init(region, 1024); // most of a small region is to be had
    assert_non_null(h);
    assert_true(nh_heap_free_bytes(h) >= 790);
    assert_int_equal(nh_heap_control_bytes(h) + nh_heap_free_bytes(h) + NH_HEAP_HEADER_BYTES, 1024);
    nh_heap_deinit(h);
}

// Every byte can be had, in one block and in the smallest ones, and all of it comes back.
static void test_exhaustion(void **state)
{
    (void)state;
    nh_heap_t *h = nh_heap_init(region, NH_KIB(8));
    size_t whole = nh_heap_free_bytes(h);
    size_t overhead = nh_heap_block_need(64) - 64;
    void *all = nh_heap_alloc(h, whole - overhead, 1);
    assert_non_null(all);
    assert_int_equal(nh_heap_free_bytes(h), 0);
    assert_int_equal(nh_heap_largest_free(h), 0);
    assert_null(nh_heap_alloc(h, 1, 1));
    assert_null(nh_heap_alloc_aligned(h, 16, 1, 1));
    assert_int_equal(nh_heap_check(h), 0);
    nh_heap_free(h, all);
    assert_null(nh_heap_alloc(h, whole - overhead + 1, 1));

    void *chain = NULL; // each block holds the one before it
    size_t count = 0;
    for (void **p; (p = (void **)nh_heap_alloc(h, sizeof *p, 1)) != NULL; count++) {
        *p = chain;
        chain = p;
    }
    assert_int_equal(count, whole / nh_heap_block_need(sizeof chain));
    assert_int_equal(nh_heap_used_blocks(h), count);
    while (chain) {
        void *next = *(void **)chain;
        nh_heap_free(h, chain);
        chain = next;
    }
    assert_int_equal(nh_heap_check(h), 0);
    assert_int_equal(nh_heap_largest_free(h), whole);
    nh_heap_deinit(h);
}

static void test_sizes_that_cannot_be(void **state)
{
    (void)state;
    nh_heap_t *h = nh_heap_init(region, NH_KIB(8));
    static const size_t sizes[] = {SIZE_MAX,    SIZE_MAX - 7, SIZE_MAX / 2, 0xffffffffu,
                                   0xfffffff0u, 0xffffe000u,  0x80000000u,  NH_KIB(8)};
    void *p = nh_heap_alloc(h, 40, 1);
    for (size_t i = 0; i < NH_ARRAY_LEN(sizes); i++) {
        assert_null(nh_heap_alloc(h, sizes[i], 1));
        assert_null(nh_heap_alloc_aligned(h, 4096, sizes[i], 1));
        assert_null(nh_heap_realloc(h, p, sizes[i], 1));
        assert_false(nh_heap_resize(h, p, sizes[i]));
        assert_int_equal(nh_heap_check(h), 0);
    }
    void *zero = nh_heap_alloc(h, 0, 1);
    assert_non_null(zero);
    assert_true(nh_heap_usable_bytes(zero) >= 1);
    nh_heap_deinit(h);
}

static void test_alignment(void **state)
{
    (void)state;
    nh_heap_t *h = nh_heap_init(region + 8, NH_KIB(32));
    size_t whole = nh_heap_free_bytes(h);
    for (size_t align = 1; align <= NH_HEAP_ALIGN_MAX_BYTES; align *= 2) {
        void *small = nh_heap_alloc(h, 1, 1); // so that the next one does not fall into place
        void *p = nh_heap_alloc_aligned(h, align, 100, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % align, 0);
        memset(p, 1, 100);
        assert_int_equal(nh_heap_check(h), 0);
        nh_heap_free(h, small);
        nh_heap_free(h, p);
        assert_int_equal(nh_heap_largest_free(h), whole);
    }
    nh_heap_deinit(h);
}

// Freed neighbours are one block at once, in whatever order they go.
static void test_coalescing(void **state)
{
    (void)state;
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    nh_heap_t *h = nh_heap_init(region, NH_KIB(8));
    for (size_t i = 0; i < NH_ARRAY_LEN(orders); i++) {
        void *p[3];
        for (int k = 0; k < 3; k++)
            p[k] = nh_heap_alloc(h, 200, 1);
        void *fence = nh_heap_alloc(h, 8, 1);
        size_t three = 3 * nh_heap_block_bytes(p[0]);
        for (int k = 0; k < 3; k++)
            nh_heap_free(h, p[orders[i][k]]);
        assert_int_equal(nh_heap_check(h), 0);
        // The joined block is found for what only it can hold, where the first one stood.
        void *joined = nh_heap_alloc(h, three - (nh_heap_block_need(64) - 64), 1);
        assert_ptr_equal(joined, p[0]);
        nh_heap_free(h, joined);
        nh_heap_free(h, fence);
    }
    nh_heap_deinit(h);
}

static void test_resize_in_place(void **state)
{
    (void)state;
    nh_heap_t *h = nh_heap_init(region, NH_KIB(8));
    unsigned char *p = nh_heap_alloc(h, 100, 1);
    memset(p, 0x5a, 100);
    assert_int_equal(nh_heap_largest_free(h), nh_heap_free_bytes(h));
    assert_true(nh_heap_resize(h, p, 1000)); // into what is free behind it
    assert_int_equal(nh_heap_largest_free(h), nh_heap_free_bytes(h));
    memset(p, 0x5a, 1000);
    void *fence = nh_heap_alloc(h, 8, 1);
    assert_false(nh_heap_resize(h, p, 1200));
    assert_true(nh_heap_resize(h, p, 500));
    assert_int_equal(nh_heap_check(h), 0);
    assert_true(nh_heap_resize(h, p, 980)); // back into what it left
    assert_int_equal(p[499], 0x5a);
    assert_true(nh_heap_resize(h, p, 0));
    assert_int_equal(nh_heap_block_bytes(p), nh_heap_block_need(0));
    assert_int_equal(nh_heap_check(h), 0);
    nh_heap_free(h, p);
    nh_heap_free(h, fence);
    nh_heap_deinit(h);
}

// When nothing else has space, a block grows over the free one before it.
static void test_slide(void **state)
{
    (void)state;
    nh_heap_t *h = nh_heap_init(region, 2048);
    size_t overhead = nh_heap_block_need(64) - 64;
    void *before = nh_heap_alloc(h, 600, 1);
    unsigned char *p = nh_heap_alloc(h, 400, 9);
    for (int i = 0; i < 400; i++)
        p[i] = (unsigned char)i;
    void *rest = nh_heap_alloc(h, nh_heap_largest_free(h) - overhead, 1);
    assert_int_equal(nh_heap_free_bytes(h), 0);
    assert_null(nh_heap_slide(h, p, 500)); // nothing is free before it
    nh_heap_free(h, before);
    assert_null(nh_heap_realloc(h, p, 1100, 1));
    unsigned char *to = nh_heap_realloc(h, p, 900, 1);
    assert_ptr_equal(to, before);
    for (int i = 0; i < 400; i++)
        assert_int_equal(to[i], (unsigned char)i);
    memset(to, 0, 900);
    assert_int_equal(nh_heap_owner(to), 9);
    assert_int_equal(nh_heap_check(h), 0);
    nh_heap_free(h, to);
    nh_heap_free(h, rest);
    nh_heap_deinit(h);
}

// A block that is only found when its list is looked through: the lists above it are empty.
static void test_last_of_its_list(void **state)
{
    (void)state;
    nh_heap_t *h = nh_heap_init(region, NH_KIB(64));
    size_t overhead = nh_heap_block_need(64) - 64;
    size_t bytes = 9000 + 8; // no list's lower bound
    void *p = nh_heap_alloc(h, bytes, 1);
    void *fence = nh_heap_alloc(h, 8, 1);
    void *rest = nh_heap_alloc(h, nh_heap_largest_free(h) - overhead, 1);
    nh_heap_free(h, p);
    assert_ptr_equal(nh_heap_alloc(h, bytes, 1), p);
    (void)fence;
    (void)rest;
    nh_heap_deinit(h);
}

struct walked {
    size_t next, used, total;
    int stop_after;
};

static bool walk_one(void *ctx, size_t offset, size_t bytes, int owner)
{
    struct walked *w = (struct walked *)ctx;
    assert_int_equal(offset, w->next);
    w->next = offset + bytes;
    w->total += bytes;
    w->used += owner == 5;
    return --w->stop_after != 0;
}

static void test_walk(void **state)
{
    (void)state;
    nh_heap_t *h = nh_heap_init(region, NH_KIB(8));
    void *a = nh_heap_alloc(h, 100, 5);
    void *b = nh_heap_alloc(h, 100, 5);
    void *c = nh_heap_alloc(h, 100, 5);
    nh_heap_free(h, b);
    struct walked w = {.next = nh_heap_control_bytes(h)};
    nh_heap_walk(h, walk_one, &w);
    assert_int_equal(w.used, 2);
    assert_int_equal(w.total, NH_KIB(8) - nh_heap_control_bytes(h) - NH_HEAP_HEADER_BYTES);
    w = (struct walked){.next = nh_heap_control_bytes(h), .stop_after = 1};
    nh_heap_walk(h, walk_one, &w);
    assert_int_equal(w.used, 1);
    nh_heap_free(h, a);
    nh_heap_free(h, c);
    nh_heap_deinit(h);
}

// The largest free block is the true one whatever happened before: its size is kept between calls.
static void test_largest(void **state)
{
    (void)state;
    nh_heap_t *h = nh_heap_init(region, NH_KIB(24));
    void *p[40] = {0};
    random_state = 11;
    for (int i = 0; i < 4000; i++) {
        uint32_t k = draw(NH_ARRAY_LEN(p));
        if (p[k]) {
            nh_heap_free(h, p[k]);
            p[k] = NULL;
        } else {
            p[k] = nh_heap_alloc(h, draw(4000), 1);
        }
        if (draw(3))
            continue;
        size_t largest = nh_heap_largest_free(h);
        size_t overhead = nh_heap_block_need(64) - 64;
        if (largest < 64 + overhead)
            continue;
        // Few blocks: no list is long, so the figure is exact.
        assert_null(nh_heap_alloc(h, largest - overhead + 8, 1));
        void *all = nh_heap_alloc(h, largest - overhead, 1);
        assert_non_null(all);
        nh_heap_free(h, all);
    }
    nh_heap_deinit(h);
}

// The figure that is kept from call to call follows each free.
static void test_largest_grows(void **state)
{
    (void)state;
    nh_heap_t *h = nh_heap_init(region, NH_KIB(8));
    static const size_t sizes[] = {500, 1000, 2000};
    void *p[3];
    size_t bytes[3];
    for (int i = 0; i < 3; i++) {
        p[i] = nh_heap_alloc(h, sizes[i], 1);
        bytes[i] = nh_heap_block_bytes(p[i]);
        assert_non_null(nh_heap_alloc(h, 8, 1)); // so that they do not become one
    }
    size_t overhead = nh_heap_block_need(64) - 64;
    assert_non_null(nh_heap_alloc(h, nh_heap_largest_free(h) - overhead, 1));
    assert_int_equal(nh_heap_largest_free(h), 0);
    for (int i = 0; i < 3; i++) {
        nh_heap_free(h, p[i]);
        assert_int_equal(nh_heap_largest_free(h), bytes[i]);
    }
    nh_heap_deinit(h);
}

// Of two equal free blocks the lower one is taken, in whatever order they were freed.
static void test_lowest_first(void **state)
{
    (void)state;
    nh_heap_t *h = nh_heap_init(region, NH_KIB(8));
    void *p[2];
    for (int i = 0; i < 2; i++) {
        p[i] = nh_heap_alloc(h, 200, 1);
        assert_non_null(nh_heap_alloc(h, 8, 1)); // so that they do not become one
    }
    for (int first = 0; first < 2; first++) {
        nh_heap_free(h, p[first]);
        nh_heap_free(h, p[!first]);
        assert_ptr_equal(nh_heap_alloc(h, 200, 1), p[0]);
        assert_ptr_equal(nh_heap_alloc(h, 200, 1), p[1]);
    }
    nh_heap_deinit(h);
}

struct best {
    const nh_heap_t *heap;
    uint32_t need;
    uint32_t zone_near,
        zone_any; // the lowest that has a block which fits well; which is large enough
};

static bool best_look(void *ctx, size_t offset, size_t bytes, int owner)
{
    struct best *b = (struct best *)ctx;
    uint32_t zone = (uint32_t)((uint64_t)offset * b->heap->zone_factor >> 32);
    if (owner >= 0 || bytes < b->need)
        return true;
    if (zone < b->zone_any)
        b->zone_any = zone;
    if (bytes <= b->need + 3 * NH_HEAP_ALIGN_BYTES && zone < b->zone_near)
        b->zone_near = zone;
    return true;
}

// The lowest zone that has a block of the size or one of the next three; else the lowest of all
// that are large enough: as looking at every free block tells.
static void test_lowest_zone(void **state)
{
    (void)state;
    nh_heap_t *h = nh_heap_init(region, REGION_BYTES);
    void *p[150] = {0};
    int near = 0; // taken though a lower zone has a larger block
    int any = 0;
    assert_true(h->zone_count > 1);
    random_state = 21;
    for (int i = 0; i < 6000; i++) {
        uint32_t k = draw(NH_ARRAY_LEN(p));
        if (p[k]) {
            nh_heap_free(h, p[k]);
            p[k] = NULL;
            continue;
        }
        size_t bytes = draw(8) ? draw(200) : 1000 + draw(2000);
        struct best b = {h, nh_heap__block_need(bytes), UINT32_MAX, UINT32_MAX};
        nh_heap_walk(h, best_look, &b);
        p[k] = nh_heap_alloc(h, bytes, 1);
        if (!p[k] || b.need + 3 * NH_HEAP_ALIGN_BYTES >= h->exact_bytes)
            continue;
        uint32_t offset = (uint32_t)((char *)p[k] - (char *)h) - NH_HEAP_HEADER_BYTES;
        uint32_t zone = (uint32_t)((uint64_t)offset * h->zone_factor >> 32);
        assert_int_equal(zone, b.zone_near != UINT32_MAX ? b.zone_near : b.zone_any);
        near += b.zone_near != UINT32_MAX && b.zone_near > b.zone_any;
        any += b.zone_near == UINT32_MAX && zone > 0;
    }
    assert_true(near > 20 && any > 20); // the rule was put to work
    nh_heap_deinit(h);
}

// What lives is drawn to the low end: after a long time the high end is still whole.
static void test_high_end_stays_whole(void **state)
{
    (void)state;
    nh_heap_t *h = nh_heap_init(region, NH_KIB(64));
    enum { COUNT = 500 };
    static void *p[COUNT];
    memset(p, 0, sizeof p);
    random_state = 5;
    for (int i = 0; i < 50000; i++) {
        uint32_t k = draw(COUNT);
        if (p[k]) {
            nh_heap_free(h, p[k]);
            p[k] = NULL;
        } else {
            p[k] = nh_heap_alloc(h, 16 + draw(200), 1);
            assert_non_null(p[k]);
        }
    }
    assert_int_equal(nh_heap_check(h), 0);
    assert_true(nh_heap_largest_free(h) * 2 > nh_heap_free_bytes(h));
    nh_heap_deinit(h);
}

// ---- damage ------------------------------------------------------------------------------------

// Each byte of the heap's own that is changed is found by the check.
static void test_damage_is_found(void **state)
{
    (void)state;
    nh_heap_t *h = nh_heap_init(region, 2048);
    unsigned char *a = nh_heap_alloc(h, 64, 1);
    unsigned char *b = nh_heap_alloc(h, 64, 1);
    unsigned char *c = nh_heap_alloc(h, 64, 1);
    nh_heap_free(h, b);
    size_t block = nh_heap_block_bytes(a);
    unsigned char *bytes = (unsigned char *)h;
    struct {
        const char *name;
        unsigned char *at;
    } rows[] = {
        {"size of a used block", a - 8},       {"check of a used block", a - 2},
        {"size of a free block", b - 8},       {"next of a free block", b - 4},
        {"prev of a free block", b},           {"footer of a free block", b - 8 + block - 4},
        {"size behind a free block", c - 8},   {"check behind a free block", c - 1},
        {"mark of a list", bytes + h->marks},  {"first level", bytes + h->level[0]},
        {"second level", bytes + h->level[1]},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        unsigned char old;
        nh_unpoison(rows[i].at, 1);
        old = *rows[i].at;
        assert_int_equal(nh_heap_check(h), 0);
        scribble(rows[i].at, old ^ 0x11);
        if (nh_heap_check(h) != NH_ERR_CORRUPT)
            fail_msg("not found: %s", rows[i].name);
        scribble(rows[i].at, old);
    }
    assert_int_equal(nh_heap_check(h), 0);
    nh_heap_deinit(h);
}

static void free_twice(nh_heap_t *h, unsigned char *p, unsigned char *unused)
{
    (void)unused;
    nh_heap_free(h, p);
    nh_heap_free(h, p);
}

// The block before it is free, so that the two become one block at the first free.
static void free_twice_joined(nh_heap_t *h, unsigned char *p, unsigned char *before)
{
    nh_heap_free(h, before);
    nh_heap_free(h, p);
    nh_heap_free(h, p);
}

static void free_overrun(nh_heap_t *h, unsigned char *p, unsigned char *before)
{
    for (size_t i = nh_heap_block_bytes(before) - 8; i < nh_heap_block_bytes(before); i++)
        scribble(before + i, 0);
    nh_heap_free(h, p);
}

static void test_bad_free_is_caught(void **state)
{
    (void)state;
    static void (*const rows[])(nh_heap_t *, unsigned char *,
                                unsigned char *) = {free_twice, free_twice_joined, free_overrun};
    nh_assert_hook_set(assert_caught);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_heap_t *volatile h = nh_heap_init(region, 2048);
        unsigned char *before = nh_heap_alloc(h, 64, 1);
        unsigned char *p = nh_heap_alloc(h, 64, 1);
        if (nh_heap_alloc(h, 64, 1) && setjmp(assert_jump) == 0) {
            rows[i](h, p, before);
            fail_msg("row %d went unnoticed", (int)i);
        }
        nh_heap_deinit(h);
    }
    nh_assert_hook_set(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_regions),
        cmocka_unit_test(test_exhaustion),
        cmocka_unit_test(test_sizes_that_cannot_be),
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_coalescing),
        cmocka_unit_test(test_resize_in_place),
        cmocka_unit_test(test_slide),
        cmocka_unit_test(test_last_of_its_list),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_largest_grows),
        cmocka_unit_test(test_lowest_first),
        cmocka_unit_test(test_lowest_zone),
        cmocka_unit_test(test_high_end_stays_whole),
        cmocka_unit_test(test_damage_is_found),
        cmocka_unit_test(test_bad_free_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
