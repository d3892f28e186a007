// What AddressSanitizer may know of a block: exactly what was asked for can be touched. For the
// host, since ASan is there only; in other builds it is one test that says so.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem/sanitize.h"
#include "core/mem/shapes.h"

#if NH_ASAN

#define INTERNAL_BYTES NH_KIB(32)
static unsigned char *internal;
static nh_mem_system_t *sys;
static nh_mem_t *mem;

static int setup(void **state)
{
    (void)state;
    internal = malloc(INTERNAL_BYTES);
    struct nh_mem_system_config cfg = {.region = {{internal, INTERNAL_BYTES}}};
    assert_int_equal(nh_mem_system_create(&cfg, &sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(sys, "test", NULL, &mem), NH_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(nh_mem_check(sys), NH_OK);
    assert_int_equal(nh_mem_system_destroy(sys, NULL, NULL), 0);
    assert_null(__asan_region_is_poisoned(internal, INTERNAL_BYTES));
    free(internal);
    return 0;
}

static void assert_bounds(const unsigned char *p, size_t bytes)
{
    assert_null(__asan_region_is_poisoned((void *)(uintptr_t)p, bytes));
    for (int i = 1; i <= 8; i++)
        assert_true(__asan_address_is_poisoned(p - i));
    for (int i = 0; i < 16; i++)
        assert_true(__asan_address_is_poisoned(p + bytes + i));
}

static void test_blocks(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes < 70; bytes++) {
        unsigned char *p = nh_mem_alloc(mem, bytes, NH_MEM_HOT);
        assert_bounds(p, bytes);
        assert_int_equal(nh_mem_usable_bytes(mem, p), bytes);
        nh_mem_free(mem, p);
        for (size_t i = 0; i < bytes; i++)
            assert_true(__asan_address_is_poisoned(p + i));
    }
}

static void test_aligned_and_realloc(void **state)
{
    (void)state;
    unsigned char *p = nh_mem_alloc_aligned(mem, 256, 77, NH_MEM_HOT);
    assert_bounds(p, 77);
    static const size_t sizes[] = {78, 500, 33, 32, 4000, 1};
    for (size_t i = 0; i < NH_ARRAY_LEN(sizes); i++) {
        unsigned char *to = nh_mem_realloc(mem, p, sizes[i], NH_MEM_HOT);
        assert_bounds(to, sizes[i]);
        if (to != p)
            assert_true(__asan_address_is_poisoned(p));
        p = to;
    }
    nh_mem_free(mem, p);
}

static void test_free_pool_items(void **state)
{
    (void)state;
    nh_pool_t *pool;
    assert_int_equal(nh_pool_create(mem, NH_MEM_HOT, 20, 2, &pool), NH_OK);
    unsigned char *a = nh_pool_get(pool);
    assert_null(__asan_region_is_poisoned(a, 20));
    assert_true(__asan_address_is_poisoned(a + 20));
    nh_pool_put(pool, a);
    assert_true(__asan_address_is_poisoned(a));
    nh_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_aligned_and_realloc, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_pool_items, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_needs_asan(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_needs_asan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
