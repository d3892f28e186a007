// The memory system's rules: tiers by policy, owners, budgets, reserve, realloc, leaks.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem/mem.h"

#define INTERNAL_BYTES NH_KIB(48)
#define PSRAM_BYTES NH_KIB(64)
#define RESERVE_BYTES NH_KIB(3) // what 48 KiB get: a sixteenth

static _Alignas(16) unsigned char internal[INTERNAL_BYTES];
static _Alignas(16) unsigned char psram[PSRAM_BYTES];

static nh_mem_system_t *sys;
static nh_mem_t *mem;
static int lock_depth;

static void lock_acquire(void *ctx)
{
    (void)ctx;
    assert_int_equal(lock_depth++, 0);
}

static void lock_release(void *ctx)
{
    (void)ctx;
    assert_int_equal(--lock_depth, 0);
}

static void system_up(size_t psram_bytes)
{
    struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram_bytes ? psram : NULL, psram_bytes}},
        .lock = {lock_acquire, lock_release, NULL},
    };
    assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(sys, "test", NULL, &mem), NH_OK);
}

static int setup(void **state)
{
    (void)state;
    system_up(sizeof psram);
    return 0;
}

static int setup_without_psram(void **state)
{
    (void)state;
    system_up(0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(nh_mem_check(sys), NH_OK);
    assert_int_equal(nh_mem_system_destroy(sys, NULL, NULL), 0);
    assert_int_equal(lock_depth, 0);
    return 0;
}

static struct nh_mem_tier_info tier_now(enum nh_mem_tier tier)
{
    struct nh_mem_snapshot snap;
    nh_mem_snapshot_take(sys, "now", 0, &snap);
    return snap.tier[tier];
}

static struct nh_mem_owner_info info_of(const nh_mem_t *owner)
{
    struct nh_mem_owner_info info = {0};
    for (size_t i = 0; i < nh_mem_owner_count(sys); i++) {
        assert_int_equal(nh_mem_owner_info(sys, i, &info), NH_OK);
        if (strcmp(info.name, nh_mem_owner_name(owner)) == 0)
            return info;
    }
    fail_msg("no owner %s", nh_mem_owner_name(owner));
    return info;
}

// ---- system ------------------------------------------------------------------------------------

static void test_create_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct nh_mem_region internal, psram;
    } rows[] = {
        {"nothing", {NULL, 0}, {NULL, 0}},
        {"no internal", {NULL, 0}, {psram, sizeof psram}},
        {"internal too small for a heap", {internal, 100}, {NULL, 0}},
        {"internal too small for the state", {internal, 512}, {NULL, 0}},
        {"PSRAM too small", {internal, sizeof internal}, {psram, 100}},
        {"PSRAM without a base", {internal, sizeof internal}, {NULL, 4096}},
        {"PSRAM without a size", {internal, sizeof internal}, {psram, 0}},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_mem_system_config cfg = {.region = {rows[i].internal, rows[i].psram}};
        nh_mem_system_t *none = (nh_mem_system_t *)(void *)internal;
        if (nh_mem_system_create(&cfg, &none) != NH_ERR_INVAL || none)
            fail_msg("accepted: %s", rows[i].name);
    }
    memset(internal, 1, sizeof internal); // nothing stays poisoned
    memset(psram, 1, sizeof psram);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(nh_mem_reserve_bytes(sys), RESERVE_BYTES);
    struct nh_mem_owner_info core = info_of(nh_mem_core(sys));
    assert_string_equal(core.name, "core");
    assert_int_equal(core.tier[NH_MEM_INTERNAL].current_blocks, 3); // state, "core", "test"
    assert_true(core.tier[NH_MEM_INTERNAL].current_bytes < 4096);
    assert_ptr_equal(nh_mem_system(mem), sys);
    assert_string_equal(nh_mem_owner_name(mem), "test");
}

// ---- owners ------------------------------------------------------------------------------------

static void test_owner_names(void **state)
{
    (void)state;
    nh_mem_t *again;
    nh_mem_t *none;
    assert_int_equal(nh_mem_owner_add(sys, "test", NULL, &again), NH_OK);
    assert_ptr_equal(again, mem);
    assert_int_equal(nh_mem_owner_add(sys, "core", NULL, &again), NH_OK);
    assert_ptr_equal(again, nh_mem_core(sys));
    assert_int_equal(nh_mem_owner_add(sys, "fifteen-letters", NULL, &again), NH_OK);
    assert_int_equal(nh_mem_owner_add(sys, "sixteen--letters", NULL, &none), NH_ERR_TOO_LONG);
    assert_null(none);
}

static void test_owners_are_bounded(void **state)
{
    (void)state;
    nh_mem_t *owner;
    char name[] = "owner-00";
    for (size_t i = nh_mem_owner_count(sys); i < NH_MEM_OWNER_MAX_COUNT; i++) {
        name[6] = (char)('0' + i / 10);
        name[7] = (char)('0' + i % 10);
        assert_int_equal(nh_mem_owner_add(sys, name, NULL, &owner), NH_OK);
    }
    assert_int_equal(nh_mem_owner_add(sys, "one-more", NULL, &owner), NH_ERR_FULL);
    assert_int_equal(nh_mem_owner_count(sys), NH_MEM_OWNER_MAX_COUNT);
    struct nh_mem_owner_info info;
    assert_int_equal(nh_mem_owner_info(sys, NH_MEM_OWNER_MAX_COUNT, &info), NH_ERR_NOT_FOUND);
}

static void test_accounts(void **state)
{
    (void)state;
    nh_mem_t *other;
    assert_int_equal(nh_mem_owner_add(sys, "other", NULL, &other), NH_OK);
    void *a = nh_mem_alloc(mem, 100, NH_MEM_HOT);
    void *b = nh_mem_alloc(mem, 300, NH_MEM_HOT);
    void *c = nh_mem_alloc(other, 2000, NH_MEM_BULK);
    struct nh_mem_owner_info info = info_of(mem);
    size_t both = info.tier[NH_MEM_INTERNAL].current_bytes;
    assert_true(both >= 400 + 16 && both < 500);
    assert_int_equal(info.tier[NH_MEM_INTERNAL].current_blocks, 2);
    assert_int_equal(info.tier[NH_MEM_INTERNAL].alloc_count, 2);
    assert_int_equal(info.tier[NH_MEM_PSRAM].current_bytes, 0);
    assert_int_equal(info_of(other).tier[NH_MEM_PSRAM].current_blocks, 1);

    nh_mem_free(other, a); // the block knows whose it is
    info = info_of(mem);
    assert_int_equal(info.tier[NH_MEM_INTERNAL].current_blocks, 1);
    assert_int_equal(info.tier[NH_MEM_INTERNAL].peak_bytes, both);
    assert_int_equal(info_of(other).tier[NH_MEM_INTERNAL].current_bytes, 0);
    nh_mem_owner_peak_reset(mem);
    info = info_of(mem);
    assert_int_equal(info.tier[NH_MEM_INTERNAL].peak_bytes,
                     info.tier[NH_MEM_INTERNAL].current_bytes);
    nh_mem_free(mem, b);
    nh_mem_free(mem, c);
    nh_mem_free(mem, NULL);
    assert_int_equal(info_of(mem).tier[NH_MEM_INTERNAL].current_bytes, 0);
}

// ---- policies ----------------------------------------------------------------------------------

static void test_policies(void **state)
{
    (void)state;
    static const struct {
        enum nh_mem_policy policy;
        size_t bytes;
        int tier; // -1: refused
    } rows[] = {
        {NH_MEM_HOT, 100, NH_MEM_INTERNAL}, {NH_MEM_HOT, NH_KIB(60), -1},
        {NH_MEM_BULK, 100, NH_MEM_PSRAM},   {NH_MEM_BULK, NH_KIB(60), NH_MEM_PSRAM},
        {NH_MEM_BULK, NH_KIB(66), -1},      {NH_MEM_DMA, 100, NH_MEM_INTERNAL},
        {NH_MEM_DMA, NH_KIB(60), -1},       {NH_MEM_VITAL, 100, NH_MEM_INTERNAL},
        {NH_MEM_VITAL, NH_KIB(60), -1},
    };
    uint64_t failed = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        void *p = nh_mem_alloc(mem, rows[i].bytes, rows[i].policy);
        if (!p != (rows[i].tier < 0) || (p && (int)nh_mem_tier_of(mem, p) != rows[i].tier))
            fail_msg("row %d", (int)i);
        if (p && rows[i].policy == NH_MEM_DMA)
            assert_int_equal((uintptr_t)p % 16, 0);
        failed += !p;
        nh_mem_free(mem, p);
    }
    struct nh_mem_owner_info info = info_of(mem);
    assert_int_equal(info.tier[NH_MEM_INTERNAL].failed_count + info.tier[NH_MEM_PSRAM].failed_count,
                     failed);
    assert_int_equal(info.tier[NH_MEM_PSRAM].failed_count, 1);
}

// PSRAM full: what is small goes to internal, down to the reserve and no further.
static void test_bulk_second_choice(void **state)
{
    (void)state;
    void *full = nh_mem_alloc(mem, tier_now(NH_MEM_PSRAM).largest_free_bytes - 64, NH_MEM_BULK);
    assert_non_null(full);
    assert_null(nh_mem_alloc(mem, 1025, NH_MEM_BULK)); // not small
    void *chain = NULL;
    for (void **p; (p = (void **)nh_mem_alloc(mem, 1024, NH_MEM_BULK)) != NULL; chain = p) {
        assert_int_equal(nh_mem_tier_of(mem, p), NH_MEM_INTERNAL);
        *p = chain;
    }
    size_t left = tier_now(NH_MEM_INTERNAL).free_bytes;
    assert_true(left >= RESERVE_BYTES && left < RESERVE_BYTES + 1100);
    while (chain) {
        void *next = *(void **)chain;
        nh_mem_free(mem, chain);
        chain = next;
    }
    nh_mem_free(mem, full);
}

static void test_no_psram(void **state)
{
    (void)state;
    void *p = nh_mem_alloc(mem, NH_KIB(20), NH_MEM_BULK); // of any size
    assert_non_null(p);
    assert_int_equal(nh_mem_tier_of(mem, p), NH_MEM_INTERNAL);
    assert_null(nh_mem_alloc(mem, NH_KIB(40), NH_MEM_BULK));
    assert_int_equal(info_of(mem).tier[NH_MEM_INTERNAL].failed_count, 1);
    assert_int_equal(nh_mem_charge(mem, NH_MEM_PSRAM, 10), NH_ERR_NOMEM);
    struct nh_mem_tier_info info = tier_now(NH_MEM_PSRAM);
    assert_int_equal(info.size_bytes, 0);
    assert_int_equal(info.frag_pct, 0);
    nh_mem_free(mem, p);
}

static void test_reserve(void **state)
{
    (void)state;
    size_t most = tier_now(NH_MEM_INTERNAL).free_bytes - RESERVE_BYTES - 64;
    void *p = nh_mem_alloc(mem, most, NH_MEM_HOT);
    assert_non_null(p);
    assert_null(nh_mem_alloc(mem, 512, NH_MEM_HOT));
    assert_null(nh_mem_alloc(mem, 512, NH_MEM_DMA));
    assert_int_equal(nh_mem_charge(mem, NH_MEM_INTERNAL, 512), NH_ERR_NOMEM);
    void *vital = nh_mem_alloc(mem, 512, NH_MEM_VITAL);
    assert_non_null(vital);
    assert_null(nh_mem_realloc(mem, p, most + 512, NH_MEM_HOT));
    assert_int_equal(info_of(mem).tier[NH_MEM_INTERNAL].failed_count, 4);
    struct nh_mem_snapshot snap;
    nh_mem_snapshot_take(sys, "x", 0, &snap);
    assert_int_equal(snap.failed_count, 4);
    nh_mem_free(mem, vital);
    nh_mem_free(mem, p);
}

// An owner never holds more than its budget, whatever the sizes.
static void test_budget(void **state)
{
    (void)state;
    struct nh_mem_budget budget = {.tier_bytes = {1000, 2000}};
    assert_int_equal(nh_mem_owner_add(sys, "test", &budget, &mem), NH_OK);
    void *held[200];
    size_t count = 0;
    for (size_t i = 0; i < 100; i++) {
        void *p = nh_mem_alloc(mem, i % 37, i % 2 ? NH_MEM_BULK : NH_MEM_HOT);
        if (p)
            held[count++] = p;
        struct nh_mem_owner_info info = info_of(mem);
        assert_true(info.tier[NH_MEM_INTERNAL].current_bytes <= 1000);
        assert_true(info.tier[NH_MEM_PSRAM].current_bytes <= 2000);
    }
    assert_true(count < 100);
    struct nh_mem_owner_info info = info_of(mem);
    assert_int_equal(info.tier[NH_MEM_INTERNAL].budget_bytes, 1000);
    assert_true(info.tier[NH_MEM_INTERNAL].failed_count > 0);
    assert_null(nh_mem_alloc(mem, 1100, NH_MEM_VITAL)); // vital is within the budget too
    while (count)
        nh_mem_free(mem, held[--count]);

    assert_int_equal(nh_mem_owner_add(sys, "test", NULL, &mem),
                     NH_OK); // no budget given: as before
    assert_null(nh_mem_alloc(mem, 1100, NH_MEM_HOT));
    void *p = nh_mem_alloc(mem, 1500, NH_MEM_BULK);
    assert_non_null(p);
    void *q = nh_mem_alloc(mem, 800, NH_MEM_BULK); // over the PSRAM budget: its second choice
    assert_non_null(q);
    assert_int_equal(nh_mem_tier_of(mem, q), NH_MEM_INTERNAL);
    assert_null(nh_mem_realloc(mem, q, 990, NH_MEM_HOT)); // with the header it is over
    nh_mem_free(mem, p);
    nh_mem_free(mem, q);
}

// A hole that is 8 bytes larger than needed is given whole: that must not break the budget.
static void test_budget_to_the_byte(void **state)
{
    (void)state;
    void *hole = nh_mem_alloc(mem, 208, NH_MEM_HOT);
    void *fence = nh_mem_alloc(mem, 8, NH_MEM_HOT);
    size_t hole_bytes = info_of(mem).tier[NH_MEM_INTERNAL].current_bytes;
    nh_mem_free(mem, hole);
    size_t fence_bytes = info_of(mem).tier[NH_MEM_INTERNAL].current_bytes;
    hole_bytes -= fence_bytes;
    struct nh_mem_budget budget = {.tier_bytes = {fence_bytes + hole_bytes - 8, 0}};
    assert_int_equal(nh_mem_owner_add(sys, "test", &budget, &mem), NH_OK);
    assert_null(nh_mem_alloc(mem, 200, NH_MEM_HOT));
    budget.tier_bytes[NH_MEM_INTERNAL] += 8;
    assert_int_equal(nh_mem_owner_add(sys, "test", &budget, &mem), NH_OK);
    assert_ptr_equal(nh_mem_alloc(mem, 200, NH_MEM_HOT), hole);
    nh_mem_free(mem, hole);
    nh_mem_free(mem, fence);
}

// Takes the smallest blocks until there are no more; what is left goes down by what they take.
static void take_all(enum nh_mem_policy policy, enum nh_mem_tier tier)
{
    void *held = NULL, **p;
    size_t room = nh_mem_headroom_bytes(mem, policy);
    size_t before = info_of(mem).tier[tier].current_bytes, all = before + room;
    while ((p = nh_mem_alloc(mem, sizeof held, policy)) != NULL) {
        *p = held;
        held = p;
        size_t now = info_of(mem).tier[tier].current_bytes;
        if (now == before)
            break; // the tier of its second choice
        before = now;
        assert_int_equal(nh_mem_headroom_bytes(mem, policy), all - now);
    }
    assert_true(all - before < 64); // nothing that a block could be made of
    while ((p = held) != NULL) {
        held = *p;
        nh_mem_free(mem, p);
    }
}

static void test_headroom(void **state)
{
    (void)state;
    struct nh_mem_budget budget = {.tier_bytes = {1000, 2000}};
    assert_int_equal(nh_mem_headroom_bytes(mem, NH_MEM_VITAL),
                     nh_mem_headroom_bytes(mem, NH_MEM_HOT) + nh_mem_reserve_bytes(sys));
    for (int i = 0; i < 2; i++) {
        take_all(NH_MEM_HOT, NH_MEM_INTERNAL);
        take_all(NH_MEM_BULK, NH_MEM_PSRAM);
        take_all(NH_MEM_VITAL, NH_MEM_INTERNAL);
        assert_int_equal(nh_mem_owner_add(sys, "test", &budget, &mem), NH_OK);
    }
}

// ---- allocate ----------------------------------------------------------------------------------

static void test_aligned_and_zeroed(void **state)
{
    (void)state;
    for (size_t align = 8; align <= 4096; align *= 2) {
        void *p = nh_mem_alloc_aligned(mem, align, 50, NH_MEM_HOT);
        assert_int_equal((uintptr_t)p % align, 0);
        memset(p, 0xee, 50);
        nh_mem_free(mem, p);
    }
    unsigned char *z = nh_mem_alloc_zero(mem, 500, NH_MEM_HOT);
    for (int i = 0; i < 500; i++)
        assert_int_equal(z[i], 0);
    assert_true(nh_mem_usable_bytes(mem, z) >= 500);
    nh_mem_free(mem, z);
}

static void test_realloc_moves(void **state)
{
    (void)state;
    unsigned char *p = nh_mem_realloc(mem, NULL, 100, NH_MEM_BULK);
    for (int i = 0; i < 100; i++)
        p[i] = (unsigned char)i;
    p = nh_mem_realloc(mem, p, 5000, NH_MEM_BULK); // in place, the tier is empty behind it
    assert_int_equal(nh_mem_tier_of(mem, p), NH_MEM_PSRAM);
    assert_true(info_of(mem).tier[NH_MEM_PSRAM].current_bytes >= 5000);
    assert_int_equal(info_of(mem).tier[NH_MEM_PSRAM].current_blocks, 1);
    p = nh_mem_realloc(mem, p, 200, NH_MEM_HOT); // asked for another tier: it moves
    assert_int_equal(nh_mem_tier_of(mem, p), NH_MEM_INTERNAL);
    assert_int_equal(info_of(mem).tier[NH_MEM_PSRAM].current_bytes, 0);
    p = nh_mem_realloc(mem, p, 150, NH_MEM_BULK); // small: may stay where it is
    assert_int_equal(nh_mem_tier_of(mem, p), NH_MEM_INTERNAL);
    p = nh_mem_realloc(mem, p, 3000, NH_MEM_BULK); // no longer small
    assert_int_equal(nh_mem_tier_of(mem, p), NH_MEM_PSRAM);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], i);
    assert_null(nh_mem_realloc(mem, p, NH_KIB(200), NH_MEM_BULK));
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], i);
    nh_mem_free(mem, p);
}

static void test_realloc_dma(void **state)
{
    (void)state;
    enum { COUNT = 12 };
    void *p[COUNT];
    int skewed = 0;
    for (int i = 0; i < COUNT; i++) {
        p[i] = nh_mem_alloc(mem, 24 + 8 * (size_t)(i % 3), NH_MEM_HOT);
        skewed += (uintptr_t)p[i] % 16 == 8;
    }
    assert_in_range(skewed, 1, COUNT - 1);
    for (int i = 0; i < COUNT; i++) {
        void *to = nh_mem_realloc(mem, p[i], 24, NH_MEM_DMA); // not larger, and yet it may move
        assert_int_equal((uintptr_t)to % 16, 0);
        if ((uintptr_t)p[i] % 16 == 0)
            assert_ptr_equal(to, p[i]);
        nh_mem_free(mem, to);
    }
}

// ---- charges and leaks -------------------------------------------------------------------------

struct leaks {
    char owner[NH_MEM_NAME_MAX_BYTES];
    size_t bytes, blocks;
    int calls;
};

static void leak_note(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes,
                      size_t blocks)
{
    struct leaks *l = (struct leaks *)ctx;
    assert_int_equal(tier, NH_MEM_PSRAM);
    memcpy(l->owner, owner, strlen(owner) + 1);
    l->bytes = bytes;
    l->blocks = blocks;
    l->calls++;
}

static void test_charges_and_leaks(void **state)
{
    (void)state;
    nh_mem_t *radio;
    system_up(sizeof psram);
    assert_int_equal(nh_mem_owner_add(sys, "radio", NULL, &radio), NH_OK);
    assert_int_equal(nh_mem_charge(radio, NH_MEM_INTERNAL, NH_KIB(16)), NH_OK);
    assert_int_equal(nh_mem_charge(mem, NH_MEM_PSRAM, 100), NH_OK);
    struct nh_mem_owner_info info = info_of(radio);
    assert_true(info.tier[NH_MEM_INTERNAL].charged_bytes >= NH_KIB(16));
    assert_int_equal(info.tier[NH_MEM_INTERNAL].charged_bytes,
                     info.tier[NH_MEM_INTERNAL].current_bytes);
    assert_true(tier_now(NH_MEM_INTERNAL).free_bytes < INTERNAL_BYTES - NH_KIB(16));
    assert_non_null(nh_mem_alloc(mem, 100, NH_MEM_BULK));
    assert_non_null(nh_mem_alloc(mem, 200, NH_MEM_BULK));
    assert_non_null(nh_mem_alloc(nh_mem_core(sys), 200, NH_MEM_HOT)); // core's are not told
    assert_int_equal(nh_mem_check(sys), NH_OK);

    struct leaks leaks = {0};
    assert_int_equal(nh_mem_system_destroy(sys, leak_note, &leaks), 2);
    assert_string_equal(leaks.owner, "test");
    assert_int_equal(leaks.blocks, 2);
    assert_int_equal(leaks.calls, 1);
    assert_true(leaks.bytes >= 300 && leaks.bytes < 400);
    memset(internal, 1, sizeof internal); // nothing stays poisoned
    memset(psram, 1, sizeof psram);
}

#define WITH_SYSTEM(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_refuses),
        WITH_SYSTEM(test_defaults),
        WITH_SYSTEM(test_owner_names),
        WITH_SYSTEM(test_owners_are_bounded),
        WITH_SYSTEM(test_accounts),
        WITH_SYSTEM(test_policies),
        WITH_SYSTEM(test_bulk_second_choice),
        cmocka_unit_test_setup_teardown(test_no_psram, setup_without_psram, teardown),
        WITH_SYSTEM(test_reserve),
        WITH_SYSTEM(test_budget),
        WITH_SYSTEM(test_budget_to_the_byte),
        WITH_SYSTEM(test_headroom),
        WITH_SYSTEM(test_aligned_and_zeroed),
        WITH_SYSTEM(test_realloc_moves),
        WITH_SYSTEM(test_realloc_dma),
        cmocka_unit_test(test_charges_and_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
