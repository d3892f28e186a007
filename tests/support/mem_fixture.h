// mem_fixture.h - a memory system over two static regions for a test, and the proof at its end that
// no owner holds anything. Include after <cmocka.h>.

#ifndef NH_TEST_MEM_FIXTURE_H
#define NH_TEST_MEM_FIXTURE_H

#include "core/mem/mem.h"

struct mem_fixture {
    nh_mem_system_t *sys;
    nh_mem_t *mem; // of owner "test"
};

static inline void mem_fixture_init(struct mem_fixture *f, const nh_lock_t *lock)
{
    static _Alignas(16) uint8_t internal[24 * 1024], psram[24 * 1024];
    struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}},
        .lock = lock ? *lock : (nh_lock_t){0},
    };
    assert_int_equal(nh_mem_system_create(&cfg, &f->sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(f->sys, "test", NULL, &f->mem), NH_OK);
}

static inline void mem_fixture_leak(void *ctx, const char *owner, enum nh_mem_tier tier,
                                    size_t bytes, size_t blocks)
{
    (void)ctx;
    fail_msg("%s holds %u bytes in %u blocks of tier %d", owner, (unsigned)bytes, (unsigned)blocks,
             (int)tier);
}

static inline void mem_fixture_deinit(struct mem_fixture *f)
{
    nh_mem_fault_set(f->sys, NULL);
    assert_int_equal(nh_mem_check(f->sys), NH_OK);
    assert_int_equal(nh_mem_system_destroy(f->sys, mem_fixture_leak, NULL), 0);
}

// Lets the n-th allocation from now on fail.
static inline void mem_fixture_fail_nth(struct mem_fixture *f, uint64_t n)
{
    nh_mem_fault_set(f->sys, &(struct nh_mem_fault){.fail_nth = n});
}

#endif
