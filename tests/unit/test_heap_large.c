// The heap over regions of 1 MiB and more, with all its zones and lists. For the host: the emulated
// chip has not the memory.

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
    uint32_t large = region_bytes / 8 < 1u << 27 ? (uint32_t)(region_bytes / 8) : 1u << 27;
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
    p[0] = nh_heap_alloc(h, 1, 3); // from the one block there is, however far its list
    assert_non_null(p[0]);
    for (int i = 0; i < 3000; i++) {
        uint32_t k = draw(COUNT);
        if (p[k])
            nh_heap_free(h, p[k]);
        p[k] = p[k] ? NULL : nh_heap_alloc(h, draw(2) ? draw(5000) : draw(large), 3);
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

// Around the sizes where the heap takes one more list, level or zone.
static void test_mib(void **state)
{
    (void)state;
    static const size_t rows[] = {NH_MIB(1) - 8, NH_MIB(1),        NH_MIB(8) - 8, NH_MIB(8),
                                  NH_MIB(8) + 8, NH_MIB(9) + 4096, NH_MIB(32)};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        run(rows[i]);
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
        cmocka_unit_test(test_mib),
        cmocka_unit_test(test_1_gib),
        cmocka_unit_test(test_past_4_gib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
