// Arenas, pools, scratch buffers and blobs.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/atomic.h"
#include "core/mem/shapes.h"

static _Alignas(16) unsigned char internal[NH_KIB(48)];
static _Alignas(16) unsigned char psram[NH_KIB(64)];
static nh_mem_system_t *sys;
static nh_mem_t *mem;

static int setup(void **state)
{
    (void)state;
    struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
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

static size_t blocks_held(void)
{
    struct nh_mem_owner_info info;
    assert_int_equal(nh_mem_owner_info(sys, 1, &info), NH_OK);
    return info.tier[NH_MEM_INTERNAL].current_blocks + info.tier[NH_MEM_PSRAM].current_blocks;
}

// ---- arena -------------------------------------------------------------------------------------

static void test_arena(void **state)
{
    (void)state;
    nh_arena_t a;
    nh_arena_init(&a, mem, NH_MEM_BULK, 256, 4096);
    assert_int_equal(blocks_held(), 0); // nothing yet
    unsigned char *p[60];
    for (int i = 0; i < 60; i++) {
        p[i] = nh_arena_alloc(&a, (size_t)i);
        assert_int_equal((uintptr_t)p[i] % 8, 0);
        memset(p[i], i, (size_t)i);
    }
    for (int i = 0; i < 60; i++)
        for (int k = 0; k < i; k++)
            assert_int_equal(p[i][k], i);
    assert_true(blocks_held() >= 7 && blocks_held() <= 12); // by chunks, not by pieces
    unsigned char *large = nh_arena_alloc(&a, 1000);        // more than a chunk
    memset(large, 1, 1000);
    size_t peak = a.used_bytes;
    nh_arena_deinit(&a);
    assert_int_equal(blocks_held(), 0);
    assert_int_equal(a.peak_bytes, peak);
    assert_string_equal(nh_arena_strndup(&a, "nuthatch", 3), "nut"); // may be used again
    nh_arena_deinit(&a);
}

static void test_arena_limits(void **state)
{
    (void)state;
    nh_arena_t a;
    nh_arena_init(&a, mem, NH_MEM_BULK, 0, 0); // 1024 and 16 KiB
    assert_null(nh_arena_alloc(&a, NH_KIB(16) + 1));
    assert_null(nh_arena_alloc(&a, SIZE_MAX));
    assert_null(nh_arena_strndup(&a, "x", SIZE_MAX));
    assert_null(nh_arena_strndup(&a, "x", NH_KIB(16)));
    size_t count = 0;
    while (nh_arena_alloc(&a, 1000))
        count++;
    assert_int_equal(count, 16); // 16 x 1000 is below 16 KiB, 17 x 1000 is not
    assert_non_null(nh_arena_alloc(&a, NH_KIB(16) - a.used_bytes));
    assert_null(nh_arena_alloc(&a, 1));
    nh_arena_deinit(&a);

    nh_mem_fault_set(sys, &(struct nh_mem_fault){.fail_nth = 2});
    assert_non_null(nh_arena_alloc(&a, 1000));
    assert_null(nh_arena_alloc(&a, 1000)); // a chunk that is refused
    assert_non_null(nh_arena_alloc(&a, 1000));
    assert_int_equal(a.used_bytes, 2000);
    nh_arena_deinit(&a);
}

// ---- pool --------------------------------------------------------------------------------------

static void test_pool(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 4, 8, 20, 100};
    for (size_t s = 0; s < NH_ARRAY_LEN(sizes); s++) {
        nh_pool_t *p;
        unsigned char *item[10];
        struct nh_pool_info info;
        assert_int_equal(nh_pool_create(mem, NH_MEM_HOT, sizes[s], 10, &p), NH_OK);
        assert_int_equal(blocks_held(), 1);
        for (int i = 0; i < 10; i++) {
            item[i] = nh_pool_get(p);
            assert_int_equal((uintptr_t)item[i] % 8, 0);
            memset(item[i], i, sizes[s]);
        }
        assert_null(nh_pool_get(p));
        for (int i = 0; i < 10; i++)
            for (size_t k = 0; k < sizes[s]; k++)
                assert_int_equal(item[i][k], i);
        nh_pool_put(p, item[3]);
        nh_pool_put(p, item[7]);
        nh_pool_put(p, NULL);
        assert_ptr_equal(nh_pool_get(p), item[7]);
        nh_pool_info(p, &info);
        assert_int_equal(info.item_bytes, sizes[s]);
        assert_int_equal(info.count, 10);
        assert_int_equal(info.used_count, 9);
        assert_int_equal(info.peak_count, 10);
        assert_int_equal(info.empty_count, 1);
        nh_pool_destroy(p);
    }
    nh_pool_destroy(NULL);
}

static void test_pool_refuses(void **state)
{
    (void)state;
    nh_pool_t *p;
    assert_int_equal(nh_pool_create(mem, NH_MEM_HOT, 0, 5, &p), NH_ERR_INVAL);
    assert_int_equal(nh_pool_create(mem, NH_MEM_HOT, 5, 0, &p), NH_ERR_INVAL);
    assert_int_equal(nh_pool_create(mem, NH_MEM_HOT, SIZE_MAX, 2, &p), NH_ERR_NOMEM);
    assert_int_equal(nh_pool_create(mem, NH_MEM_HOT, SIZE_MAX / 4, 8, &p), NH_ERR_NOMEM);
    assert_int_equal(nh_pool_create(mem, NH_MEM_HOT, 16, SIZE_MAX / 8, &p), NH_ERR_NOMEM);
    assert_int_equal(nh_pool_create(mem, NH_MEM_HOT, NH_KIB(10), 10, &p), NH_ERR_NOMEM);
    assert_null(p);
}

// ---- scratch -----------------------------------------------------------------------------------

static void test_scratch(void **state)
{
    (void)state;
    nh_scratch_t s;
    nh_scratch_init(&s, mem, NH_MEM_BULK, 4096);
    assert_int_equal(blocks_held(), 0);
    void *a = nh_scratch_take(&s, 1000);
    memset(a, 1, 1000);
    assert_null(nh_scratch_take(&s, 10)); // taken
    nh_scratch_give(&s);
    assert_ptr_equal(nh_scratch_take(&s, 500), a); // as it is
    nh_scratch_give(&s);
    void *b = nh_scratch_take(&s, 4096);
    memset(b, 1, 4096);
    assert_int_equal(blocks_held(), 1);
    nh_scratch_give(&s);
    assert_null(nh_scratch_take(&s, 4097));
    nh_scratch_deinit(&s);
    assert_int_equal(blocks_held(), 0);

    nh_mem_fault_set(sys, &(struct nh_mem_fault){.fail_nth = 1});
    assert_null(nh_scratch_take(&s, 100)); // no memory
    assert_non_null(nh_scratch_take(&s, 100));
    nh_scratch_give(&s);
    nh_scratch_deinit(&s);
}

// ---- blob --------------------------------------------------------------------------------------

static void test_blob(void **state)
{
    (void)state;
    nh_blob_t *b;
    assert_int_equal(nh_blob_create(mem, NH_MEM_BULK, 5, &b), NH_OK);
    assert_int_equal((uintptr_t)nh_blob_bytes(b) % 8, 0);
    memcpy(nh_blob_bytes(b), "hello", 5);
    assert_int_equal(nh_blob_len(b), 5);
    assert_ptr_equal(nh_blob_ref(b), b);
    nh_blob_ref(b);
    nh_blob_unref(b);
    nh_blob_unref(b);
    assert_int_equal(blocks_held(), 1);
    assert_memory_equal(nh_blob_bytes(b), "hello", 5);
    nh_blob_unref(b);
    assert_int_equal(blocks_held(), 0);
    nh_blob_unref(NULL);

    assert_int_equal(nh_blob_create(mem, NH_MEM_BULK, 0, &b), NH_OK);
    assert_int_equal(nh_blob_len(b), 0);
    nh_blob_unref(b);
    assert_int_equal(nh_blob_create(mem, NH_MEM_BULK, NH_KIB(100), &b), NH_ERR_NOMEM);
    assert_int_equal(nh_blob_create(mem, NH_MEM_BULK, UINT32_MAX, &b), NH_ERR_NOMEM);
    assert_int_equal(nh_blob_create(mem, NH_MEM_BULK, SIZE_MAX, &b), NH_ERR_NOMEM);
    assert_null(b);
}

static void test_atomic(void **state)
{
    (void)state;
    uint32_t n = 5;
    assert_int_equal(nh_atomic_add_u32(&n, 3), 8);
    assert_int_equal(nh_atomic_sub_u32(&n, 8), 0);
    nh_atomic_store_u32(&n, 77);
    assert_int_equal(nh_atomic_load_u32(&n), 77);
}

#define WITH_SYSTEM(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SYSTEM(test_arena),        WITH_SYSTEM(test_arena_limits), WITH_SYSTEM(test_pool),
        WITH_SYSTEM(test_pool_refuses), WITH_SYSTEM(test_scratch),      WITH_SYSTEM(test_blob),
        cmocka_unit_test(test_atomic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
