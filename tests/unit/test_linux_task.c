// Tasks: their painted stacks are measured, joining has a time, names and limits are checked.

#include "linux_fixture.h"

#include <stdatomic.h>

#ifdef __SANITIZE_THREAD__
#define HAS_TSAN 1
#else
#define HAS_TSAN 0
#endif

static struct linux_fixture fx;

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(nh_mem_task_count(fx.sys), 0);
    fixture_stop(&fx);
    return 0;
}

struct work {
    size_t use_bytes; // of stack
    atomic_bool may_end;
    nh_notify_t *used, *end;
    unsigned sum;
};

// Touches so much stack, and keeps the compiler from leaving it out.
__attribute__((noinline)) static unsigned use_stack(size_t bytes)
{
    volatile unsigned char area[1024];
    for (size_t i = 0; i < sizeof area; i++)
        area[i] = (unsigned char)(bytes + i);
    unsigned sum = area[bytes % sizeof area];
    return bytes > sizeof area ? sum + use_stack(bytes - sizeof area) : sum;
}

static void work_run(void *ctx)
{
    struct work *w = ctx;
    w->sum = use_stack(w->use_bytes);
    nh_notify_post(w->used);
    assert_int_equal(nh_notify_wait(w->end, NH_NEVER), NH_OK);
}

static void work_init(struct work *w, size_t use_bytes)
{
    w->use_bytes = use_bytes;
    assert_int_equal(nh_notify_create(fx.mem, &w->used), NH_OK);
    assert_int_equal(nh_notify_create(fx.mem, &w->end), NH_OK);
}

static void work_deinit(struct work *w)
{
    nh_notify_destroy(w->used);
    nh_notify_destroy(w->end);
}

static size_t used_by(size_t use_bytes, size_t stack_bytes)
{
    struct work w;
    struct nh_mem_task_info info[4];
    nh_task_t *t;
    work_init(&w, use_bytes);
    const struct nh_task_config cfg = {.name = "worker",
                                       .priority = 3,
                                       .chip_stack_bytes = 4096,
                                       .host_stack_bytes = stack_bytes,
                                       .run = work_run,
                                       .ctx = &w};
    assert_int_equal(nh_task_start(fx.sys, &cfg, &t), NH_OK);
    assert_int_equal(nh_notify_wait(w.used, NH_NEVER), NH_OK);
    assert_int_equal(nh_mem_task_list(fx.sys, info, 4), 1);
    assert_string_equal(info[0].name, "worker");
    assert_int_equal(info[0].priority, 3);
    assert_int_equal(info[0].chip_stack_bytes, 4096);
    assert_in_range(info[0].stack_bytes, NH_KIB(32), NH_MIB(4));
    size_t used = info[0].stack_bytes - info[0].stack_margin_bytes;
    assert_true(info[0].stack_margin_bytes > 0);
    assert_int_equal(nh_task_join(t, 0), NH_ERR_TIMEOUT); // it waits for `end`
    assert_int_equal(nh_mem_task_count(fx.sys), 1);
    nh_notify_post(w.end);
    assert_int_equal(nh_task_join(t, NH_NEVER), NH_OK);
    work_deinit(&w);
    return used;
}

static void test_high_water_is_plausible(void **state)
{
    (void)state;
    size_t little = used_by(1024, 0);
    size_t more = used_by(NH_KIB(20), 0);
    // With what the C library, or a sanitizer, keeps on top of each stack.
    size_t most = NH_KIB(24) + (HAS_TSAN ? NH_MIB(1) : 0);
    assert_in_range(little, 1024, most);
    // Less than 19 KiB where other calls of the little one reach deeper than its 1 KiB, as they do
    // with a sanitizer's frames.
    assert_in_range(more - little, NH_KIB(14), NH_KIB(90));
    // Too small a stack is made large enough to run on.
    assert_in_range(used_by(1024, 1), 1024, most);
}

static void quick_run(void *ctx)
{
    atomic_fetch_add((atomic_int *)ctx, 1);
}

static void test_many_start_and_end(void **state)
{
    (void)state;
    enum { COUNT = 8, ROUNDS = 5 };
    nh_task_t *t[COUNT];
    atomic_int ran = 0;
    const struct nh_task_config cfg = {.name = "quick", .run = quick_run, .ctx = &ran};
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(nh_task_start(fx.sys, &cfg, &t[i]), NH_OK);
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(nh_task_join(t[i], NH_NEVER), NH_OK);
    }
    assert_int_equal(ran, COUNT * ROUNDS);
}

static void test_config_faults(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int rc;
    } rows[] = {
        {NULL, NH_ERR_INVAL},
        {"", NH_ERR_INVAL},
        {"two words", NH_ERR_INVAL},
        {"sixteen_letters_", NH_ERR_TOO_LONG},
    };
    nh_task_t *t;
    atomic_int ran = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct nh_task_config cfg = {.name = rows[i].name, .run = quick_run, .ctx = &ran};
        assert_int_equal(nh_task_start(fx.sys, &cfg, &t), rows[i].rc);
        assert_null(t);
    }
    const struct nh_task_config large = {
        .name = "large", .chip_stack_bytes = NH_MIB(1), .run = quick_run, .ctx = &ran};
    assert_int_equal(nh_task_start(fx.sys, &large, &t), NH_ERR_NOMEM); // not on this chip
    assert_int_equal(ran, 0);
}

static void test_adopt(void **state)
{
    (void)state;
    struct nh_mem_task_info info;
    const struct nh_task_config cfg = {.name = "main", .host_stack_bytes = NH_KIB(128)};
    int task = nh_task_adopt(fx.sys, &cfg);
    assert_true(task >= 0);
    assert_int_equal(nh_mem_task_list(fx.sys, &info, 1), 1);
    assert_string_equal(info.name, "main");
    size_t before = info.stack_margin_bytes;
    assert_in_range(before, NH_KIB(64), info.stack_bytes);
    volatile unsigned sum = use_stack(NH_KIB(40));
    (void)sum;
    assert_int_equal(nh_mem_task_list(fx.sys, &info, 1), 1);
    assert_true(info.stack_margin_bytes + NH_KIB(30) < before);
    nh_mem_task_remove(fx.sys, task);
    const struct nh_task_config huge = {.name = "main", .host_stack_bytes = NH_MIB(1024)};
    int rc = nh_task_adopt(fx.sys, &huge);
    if (rc >= 0) // only where the stack has no limit; then it would be taken
        nh_mem_task_remove(fx.sys, rc);
    else
        assert_int_equal(rc, NH_ERR_RANGE);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    atomic_int ran = 0;
    const struct nh_task_config cfg = {
        .name = "quick", .chip_stack_bytes = 2048, .run = quick_run, .ctx = &ran};
    nh_task_t *t = NULL;
    int rc = NH_ERR_NOMEM;
    int failures = 0;
    for (uint64_t nth = 1; rc == NH_ERR_NOMEM && nth < 20; nth++) {
        const struct nh_mem_fault fault = {.fail_nth = nth};
        nh_mem_fault_set(fx.sys, &fault);
        rc = nh_task_start(fx.sys, &cfg, &t);
        nh_mem_fault_set(fx.sys, NULL);
        failures += rc == NH_ERR_NOMEM;
        assert_true(rc == NH_OK || !t);
    }
    assert_int_equal(rc, NH_OK);
    assert_true(failures >= 2);
    assert_int_equal(nh_task_join(t, NH_NEVER), NH_OK);
    assert_int_equal(ran, 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_high_water_is_plausible),
        TEST(test_many_start_and_end),
        TEST(test_config_faults),
        TEST(test_adopt),
        TEST(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
