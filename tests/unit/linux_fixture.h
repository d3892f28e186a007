// linux_fixture.h - what the tests of the Linux port share: a memory system whose teardown
// asserts that nothing is left, a temporary directory, and turning a loop until something holds.

#ifndef NH_TEST_LINUX_FIXTURE_H
#define NH_TEST_LINUX_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/mem/mem.h"
#include "platform/platform.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

struct linux_fixture {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_lock_t lock;
    void *region[NH_MEM_TIER_COUNT];
};

static inline void fixture_start(struct linux_fixture *f)
{
    const size_t bytes[] = {NH_KIB(320), NH_MIB(8)};
    struct nh_mem_system_config cfg = {0};
    for (size_t i = 0; i < NH_MEM_TIER_COUNT; i++) {
        f->region[i] = aligned_alloc(4096, bytes[i]);
        cfg.region[i].base = f->region[i];
        cfg.region[i].size_bytes = bytes[i];
    }
    assert_int_equal(nh_lock_create(&f->lock), NH_OK);
    cfg.lock = f->lock;
    assert_int_equal(nh_mem_system_create(&cfg, &f->sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(f->sys, "test", NULL, &f->mem), NH_OK);
}

static inline void fixture_leak(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes,
                                size_t blocks)
{
    (void)ctx;
    print_error("owner %s still holds %zu bytes in %zu blocks of tier %d\n", owner, bytes, blocks,
                (int)tier);
}

static inline void fixture_stop(struct linux_fixture *f)
{
    assert_int_equal(nh_mem_check(f->sys), NH_OK);
    assert_int_equal(nh_mem_system_destroy(f->sys, fixture_leak, NULL), 0);
    nh_lock_destroy(&f->lock);
    for (size_t i = 0; i < NH_MEM_TIER_COUNT; i++)
        free(f->region[i]);
}

// A fresh directory under the system's place for them; removed with what is in it.
static inline void fixture_dir_make(char *out, size_t cap)
{
    const char *base = getenv("TMPDIR");
    snprintf(out, cap, "%s/nuthatch-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(out));
}

static inline void fixture_dir_remove(const char *dir)
{
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

// Turns the loop, without sleeping in it, until `expr` holds; fails after very many turns.
#define PUMP_UNTIL(loop, expr)                                                                     \
    do {                                                                                           \
        long turns_ = 0;                                                                           \
        while (!(expr)) {                                                                          \
            uv_run(nh_loop_native(loop), UV_RUN_NOWAIT);                                           \
            sched_yield();                                                                         \
            if (++turns_ > 20000000)                                                               \
                fail_msg("never came: %s", #expr);                                                 \
        }                                                                                          \
    } while (0)

#define PUMP(loop, count)                                                                          \
    do {                                                                                           \
        for (int turn_ = 0; turn_ < (count); turn_++)                                              \
            uv_run(nh_loop_native(loop), UV_RUN_NOWAIT);                                           \
    } while (0)

#endif
