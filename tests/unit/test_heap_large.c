// The heap over regions of 1 GiB and more. For the host: no chip has them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "core/mem/heap.h"
#include "core/mem/sanitize.h"

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 32) * below >> 32);
}

static void run(size_t region_bytes)
{
    enum { COUNT = 200 };
    void *p[COUNT] = {0};
    random_state = region_bytes;
    void *region = mmap(NULL, region_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(region != MAP_FAILED);
    nh_heap_t *h = nh_heap_init(region, region_bytes);
    assert_non_null(h);
    size_t whole = nh_heap_free_bytes(h);
    assert_true(nh_heap_control_bytes(h) < NH_KIB(32));
    for (int i = 0; i < 3000; i++) {
        uint32_t k = draw(COUNT);
        if (p[k])
            nh_heap_free(h, p[k]);
        p[k] = p[k] ? NULL : nh_heap_alloc(h, draw(2) ? draw(5000) : draw(1u << 27), 3);
        if (p[k])
            memset(p[k], 1, 1);
        if (i % 16 == 0)
            assert_int_equal(nh_heap_check(h), NH_OK);
    }
    for (int k = 0; k < COUNT; k++)
        if (p[k])
            nh_heap_free(h, p[k]);
    assert_int_equal(nh_heap_check(h), NH_OK);
    assert_int_equal(nh_heap_largest_free(h), whole);
    void *all = nh_heap_alloc(h, whole - (nh_heap_block_need(64) - 64), 1);
    assert_non_null(all);
    nh_heap_deinit(h);
    munmap(region, region_bytes);
}

static void test_1_gib(void **state)
{
    (void)state;
    run(NH_MIB(1024));
}

static void test_past_4_gib(void **state)
{
    (void)state;
    if (NH_ASAN)
        skip(); // ASan would write half a GiB of its own for it
    run(NH_MIB(1024) * 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_1_gib),
        cmocka_unit_test(test_past_4_gib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
