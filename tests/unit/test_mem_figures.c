// Snapshots, tripwire, windows, low water, the walk, the check, fault injection, boards.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem/mem.h"
#include "core/mem/sanitize.h"

static _Alignas(16) unsigned char internal[NH_KIB(48)];
static _Alignas(16) unsigned char psram[NH_KIB(64)];

static nh_mem_system_t *sys;
static nh_mem_t *mem;

static int setup(void **state)
{
    (void)state;
    struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}},
    };
    assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(sys, "test", NULL, &mem), NH_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(nh_mem_check(sys), NH_OK);
    assert_int_equal(nh_mem_system_destroy(sys, NULL, NULL), 0);
    return 0;
}

static struct nh_mem_snapshot snapshot(const char *tag)
{
    struct nh_mem_snapshot snap;
    nh_mem_snapshot_take(sys, tag, 42, &snap);
    return snap;
}

static void test_snapshot(void **state)
{
    (void)state;
    struct nh_mem_snapshot before = snapshot("boot");
    assert_string_equal(before.tag, "boot");
    assert_int_equal(before.time_ms, 42);
    assert_int_equal(before.tier[NH_MEM_INTERNAL].size_bytes, sizeof internal);
    assert_int_equal(before.tier[NH_MEM_INTERNAL].frag_pct, 0);
    assert_int_equal(before.tier[NH_MEM_PSRAM].frag_pct, 0);
    assert_int_equal(before.tier[NH_MEM_PSRAM].used_blocks, 0);

    void *a = nh_mem_alloc(mem, 20000, NH_MEM_BULK);
    void *b = nh_mem_alloc(mem, 8, NH_MEM_BULK);
    nh_mem_free(mem, a); // a hole of 20000 before the rest
    struct nh_mem_snapshot after = snapshot("0123456789012345678901234567890123456789");
    assert_string_equal(after.tag, "0123456789012345678901234567890");
    struct nh_mem_tier_info *t = &after.tier[NH_MEM_PSRAM];
    assert_int_equal(t->used_blocks, 1);
    assert_true(t->min_free_bytes < before.tier[NH_MEM_PSRAM].free_bytes - 20000);
    assert_true(t->largest_free_bytes < t->free_bytes - 20000);
    assert_int_equal(t->frag_pct, 100 - 100 * t->largest_free_bytes / t->free_bytes);
    nh_mem_free(mem, b);
    assert_int_equal(snapshot("").tier[NH_MEM_PSRAM].frag_pct, 0);
}

static void test_low_water(void **state)
{
    (void)state;
    size_t all = snapshot("").tier[NH_MEM_INTERNAL].free_bytes;
    nh_mem_free(mem, nh_mem_alloc(mem, 10000, NH_MEM_HOT));
    assert_true(snapshot("").tier[NH_MEM_INTERNAL].min_free_bytes <= all - 10000);
    nh_mem_low_water_reset(sys);
    assert_int_equal(snapshot("").tier[NH_MEM_INTERNAL].min_free_bytes, all);
    struct nh_mem_owner_info info;
    assert_int_equal(nh_mem_owner_info(sys, 1, &info), NH_OK);
    assert_int_equal(info.tier[NH_MEM_INTERNAL].peak_bytes, 0);
}

// Once, for the first snapshot after the minimum fell below; again only after a reset.
static void test_tripwire(void **state)
{
    (void)state;
    assert_false(snapshot("off").tripped);
    nh_mem_tripwire_set(sys, NH_KIB(40));
    assert_false(snapshot("above").tripped);
    nh_mem_free(mem, nh_mem_alloc(mem, NH_KIB(20), NH_MEM_HOT)); // between two snapshots
    assert_true(snapshot("below").tripped);
    assert_false(snapshot("below").tripped);
    nh_mem_low_water_reset(sys);
    assert_false(snapshot("again above").tripped);
    nh_mem_free(mem, nh_mem_alloc(mem, NH_KIB(20), NH_MEM_HOT));
    assert_true(snapshot("again below").tripped);
}

static void test_window(void **state)
{
    (void)state;
    struct nh_mem_window w;
    size_t all = snapshot("").tier[NH_MEM_PSRAM].free_bytes;
    void *a = nh_mem_alloc(mem, 30000, NH_MEM_BULK);
    void *b = nh_mem_alloc(mem, 8, NH_MEM_BULK);
    nh_mem_free(mem, a);
    nh_mem_free(mem, b);
    nh_mem_window_get(sys, NH_MEM_PSRAM, true, &w);
    assert_int_equal(w.free_max_bytes, all);
    assert_true(w.free_min_bytes < all - 30000);
    assert_true(w.largest_min_bytes <= all - 30000 - 8);
    assert_in_range(w.frag_max_pct, 40, 60);         // two halves
    nh_mem_window_get(sys, NH_MEM_PSRAM, false, &w); // restarted: now is both extremes
    assert_int_equal(w.free_min_bytes, all);
    assert_int_equal(w.free_max_bytes, all);
    assert_int_equal(w.largest_min_bytes, all);
    assert_int_equal(w.frag_max_pct, 0);
}

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 32) * below >> 32);
}

// Allocates, frees or cuts what `*p` holds. It never moves: no extreme passes between two looks.
static void churn(void **p)
{
    size_t bytes = draw(4) ? draw(600) : draw(9000);
    if (!*p) {
        *p = nh_mem_alloc(mem, bytes, NH_MEM_BULK);
    } else if (draw(4)) {
        nh_mem_free(mem, *p);
        *p = NULL;
    } else {
        uint32_t have = (uint32_t)nh_mem_usable_bytes(mem, *p);
        assert_ptr_equal(nh_mem_realloc(mem, *p, draw(have + 1), NH_MEM_BULK), *p);
    }
}

// The model: looks after each operation.
static void extremes_look(struct nh_mem_window *w, size_t *low, const struct nh_mem_tier_info *t)
{
    if (t->free_bytes < w->free_min_bytes)
        w->free_min_bytes = t->free_bytes;
    if (t->free_bytes > w->free_max_bytes)
        w->free_max_bytes = t->free_bytes;
    if (t->largest_free_bytes < w->largest_min_bytes)
        w->largest_min_bytes = t->largest_free_bytes;
    if (t->frag_pct > w->frag_max_pct)
        w->frag_max_pct = t->frag_pct;
    if (t->free_bytes < *low)
        *low = t->free_bytes;
}

// No extreme is missed, though most operations do not look for one: against a model that does.
static void test_extremes(void **state)
{
    (void)state;
    void *p[60] = {0};
    struct nh_mem_window model = {SIZE_MAX, 0, SIZE_MAX, 0};
    struct nh_mem_window w;
    struct nh_mem_snapshot snap;
    size_t low = SIZE_MAX;
    random_state = 3;
    nh_mem_window_get(sys, NH_MEM_PSRAM, true, &w);
    nh_mem_low_water_reset(sys);
    nh_mem_figures(sys, &snap);
    extremes_look(&model, &low, &snap.tier[NH_MEM_PSRAM]);
    for (int i = 0; i < 20000; i++) {
        churn(&p[draw(NH_ARRAY_LEN(p))]);
        nh_mem_figures(sys, &snap);
        extremes_look(&model, &low, &snap.tier[NH_MEM_PSRAM]);
        bool restart = draw(100) == 0;
        nh_mem_window_get(sys, NH_MEM_PSRAM, restart, &w);
        assert_int_equal(w.free_min_bytes, model.free_min_bytes);
        assert_int_equal(w.free_max_bytes, model.free_max_bytes);
        assert_int_equal(w.largest_min_bytes, model.largest_min_bytes);
        assert_int_equal(w.frag_max_pct, model.frag_max_pct);
        assert_int_equal(snap.tier[NH_MEM_PSRAM].min_free_bytes, low);
        if (restart) {
            model = (struct nh_mem_window){SIZE_MAX, 0, SIZE_MAX, 0};
            extremes_look(&model, &low, &snap.tier[NH_MEM_PSRAM]);
        }
        if (draw(300) == 0) {
            nh_mem_low_water_reset(sys);
            low = snap.tier[NH_MEM_PSRAM].free_bytes;
        }
    }
    for (size_t k = 0; k < NH_ARRAY_LEN(p); k++)
        nh_mem_free(mem, p[k]);
}

struct map {
    size_t next, total;
    int owners[8], count;
};

static bool map_block(void *ctx, size_t offset, size_t bytes, int owner)
{
    struct map *m = (struct map *)ctx;
    assert_true(offset >= m->next);
    m->next = offset + bytes;
    m->total += bytes;
    if (m->count < 8)
        m->owners[m->count++] = owner;
    return true;
}

static void test_walk(void **state)
{
    (void)state;
    void *a = nh_mem_alloc(mem, 100, NH_MEM_BULK);
    void *b = nh_mem_alloc(mem, 100, NH_MEM_BULK);
    struct map m = {0};
    nh_mem_free(mem, a);
    nh_mem_walk(sys, NH_MEM_PSRAM, map_block, &m);
    assert_int_equal(m.count, 4); // the heap itself, a hole, b, the rest
    assert_int_equal(m.owners[0], 0);
    assert_int_equal(m.owners[1], -1);
    assert_int_equal(m.owners[2], 1);
    assert_int_equal(m.owners[3], -1);
    assert_int_equal(m.total, sizeof psram - 8); // all but the end mark
    nh_mem_free(mem, b);
}

NH_NO_SANITIZE static void flip(void *at)
{
    *(volatile unsigned char *)at ^= 1;
}

static void test_check_finds(void **state)
{
    (void)state;
    unsigned char *p = nh_mem_alloc(mem, 100, NH_MEM_BULK);
    assert_int_equal(nh_mem_check(sys), NH_OK);
    flip(p - 4); // the block's owner: sizes are well, the accounts are not
    assert_int_equal(nh_mem_check(sys), NH_ERR_CORRUPT);
    flip(p - 4);
    flip(p - 7);
    assert_int_equal(nh_mem_check(sys), NH_ERR_CORRUPT);
    flip(p - 7);
    nh_mem_free(mem, p);
}

// ---- faults ------------------------------------------------------------------------------------

static void test_fault_nth(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth <= 3; nth++) {
        nh_mem_fault_set(sys, &(struct nh_mem_fault){.fail_nth = nth});
        for (uint64_t i = 1; i <= 4; i++) {
            void *p = nh_mem_alloc(mem, 10, i % 2 ? NH_MEM_HOT : NH_MEM_BULK);
            assert_int_equal(!p, i == nth);
            nh_mem_free(mem, p);
        }
        assert_int_equal(nh_mem_fault_hits(sys), 1);
    }
    nh_mem_fault_set(sys, &(struct nh_mem_fault){.fail_nth = 1});
    nh_mem_t *none;
    assert_int_equal(nh_mem_owner_add(sys, "new", NULL, &none), NH_ERR_NOMEM);
    nh_mem_fault_set(sys, NULL);
    assert_int_equal(nh_mem_fault_hits(sys), 0);
    struct nh_mem_owner_info info;
    assert_int_equal(nh_mem_owner_info(sys, 1, &info), NH_OK);
    assert_int_equal(info.tier[NH_MEM_INTERNAL].failed_count, 2);
    assert_int_equal(info.tier[NH_MEM_PSRAM].failed_count, 1);
}

// A realloc that grows is an allocation; one that does not is none.
static void test_fault_realloc(void **state)
{
    (void)state;
    char *p = nh_mem_alloc(mem, 100, NH_MEM_HOT);
    nh_mem_fault_set(sys, &(struct nh_mem_fault){.fail_nth = 1});
    p = nh_mem_realloc(mem, p, 40, NH_MEM_HOT);
    assert_non_null(p);
    assert_null(nh_mem_realloc(mem, p, 4000, NH_MEM_HOT));
    p = nh_mem_realloc(mem, p, 4000, NH_MEM_HOT);
    assert_non_null(p);
    nh_mem_free(mem, p);
}

static void test_fault_chance(void **state)
{
    (void)state;
    uint64_t hits[3];
    static const uint64_t seeds[] = {7, 7, 8};
    for (int round = 0; round < 3; round++) {
        nh_mem_fault_set(sys,
                         &(struct nh_mem_fault){.fail_per_million = 100000, .seed = seeds[round]});
        uint64_t pattern = 0;
        for (int i = 0; i < 1000; i++) {
            void *p = nh_mem_alloc(mem, 10, NH_MEM_HOT);
            pattern = pattern * 31 + !p;
            nh_mem_free(mem, p);
        }
        assert_in_range(nh_mem_fault_hits(sys), 60, 140); // 100 of 1000 expected
        hits[round] = pattern;
    }
    assert_true(hits[0] == hits[1]); // the seed decides
    assert_true(hits[0] != hits[2]);
    nh_mem_fault_set(sys, &(struct nh_mem_fault){.fail_per_million = 1000000});
    assert_null(nh_mem_alloc(mem, 10, NH_MEM_VITAL));
}

static void test_fault_one_owner(void **state)
{
    (void)state;
    nh_mem_t *other;
    assert_int_equal(nh_mem_owner_add(sys, "other", NULL, &other), NH_OK);
    nh_mem_fault_set(sys, &(struct nh_mem_fault){.fail_nth = 2, .only_owner = other});
    void *p[4] = {
        nh_mem_alloc(mem, 1, NH_MEM_HOT),
        nh_mem_alloc(other, 1, NH_MEM_HOT),
        nh_mem_alloc(mem, 1, NH_MEM_HOT),
        nh_mem_alloc(other, 1, NH_MEM_HOT),
    };
    assert_non_null(p[0]);
    assert_non_null(p[1]);
    assert_non_null(p[2]);
    assert_null(p[3]);
    for (int i = 0; i < 4; i++)
        nh_mem_free(mem, p[i]);
}

// ---- boards ------------------------------------------------------------------------------------

static void test_boards(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t internal_bytes, psram_bytes;
        bool is_chip;
    } rows[] = {
        {"esp32", NH_KIB(320), 0, true},
        {"esp32-s3", NH_KIB(320), NH_MIB(8), true},
        {"esp32-p4", NH_KIB(768), NH_MIB(32), true},
        {"linux", NH_MIB(64), NH_MIB(1024), false},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct nh_mem_board *b = nh_mem_board_at(i);
        assert_ptr_equal(nh_mem_board_find(rows[i].name), b);
        assert_string_equal(b->name, rows[i].name);
        assert_true(strlen(b->text) > 0);
        assert_int_equal(b->internal_bytes, rows[i].internal_bytes);
        assert_int_equal(b->psram_bytes, rows[i].psram_bytes);
        assert_int_equal(b->radio_bytes >= NH_KIB(64), rows[i].is_chip);
        assert_int_equal(b->radio_ble_bytes, rows[i].is_chip ? NH_KIB(40) : 0);
        assert_true(b->reserve_bytes < b->tripwire_bytes);
        assert_true(b->tripwire_bytes + b->radio_bytes + b->radio_ble_bytes < b->internal_bytes);
    }
    assert_null(nh_mem_board_at(NH_ARRAY_LEN(rows)));
    assert_null(nh_mem_board_find("esp8266"));
    assert_non_null(nh_mem_board_find(NH_MEM_BOARD_DEFAULT));
}

#define WITH_SYSTEM(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SYSTEM(test_snapshot),        WITH_SYSTEM(test_low_water),
        WITH_SYSTEM(test_tripwire),        WITH_SYSTEM(test_window),
        WITH_SYSTEM(test_extremes),        WITH_SYSTEM(test_walk),
        WITH_SYSTEM(test_check_finds),     WITH_SYSTEM(test_fault_nth),
        WITH_SYSTEM(test_fault_realloc),   WITH_SYSTEM(test_fault_chance),
        WITH_SYSTEM(test_fault_one_owner), cmocka_unit_test(test_boards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
