// Several tasks in one memory system at once: for ThreadSanitizer, so it needs the host's threads.

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem/shapes.h"

enum { TASKS = 4, STEPS = 3000, SLOTS = 24, BLOB_ROUNDS = 2000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static nh_mem_system_t *sys;
static nh_blob_t *shared;

static void acquire(void *ctx)
{
    pthread_mutex_lock((pthread_mutex_t *)ctx);
}

static void release(void *ctx)
{
    pthread_mutex_unlock((pthread_mutex_t *)ctx);
}

static uint32_t draw(uint64_t *random, uint32_t below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*random >> 32) * below >> 32);
}

// One task's share: its blocks keep their bytes whatever the others do.
static void *churn(void *arg)
{
    nh_mem_t *mem = (nh_mem_t *)arg;
    uint64_t random = (uintptr_t)arg;
    unsigned char *slot[SLOTS] = {0};
    uintptr_t bad = 0;
    for (int i = 0; i < STEPS; i++) {
        uint32_t k = draw(&random, SLOTS);
        if (slot[k]) {
            bad |= slot[k][0] != k;
            if (draw(&random, 3) == 0) {
                unsigned char *to =
                    nh_mem_realloc(mem, slot[k], 1 + draw(&random, 900), NH_MEM_BULK);
                slot[k] = to ? to : slot[k];
                continue;
            }
            nh_mem_free(mem, slot[k]);
            slot[k] = NULL;
        } else {
            slot[k] = nh_mem_alloc(mem, 1 + draw(&random, 600), draw(&random, 2));
            if (slot[k])
                slot[k][0] = (unsigned char)k;
        }
    }
    for (int k = 0; k < SLOTS; k++)
        nh_mem_free(mem, slot[k]);
    return (void *)bad;
}

static void *watch(void *arg)
{
    uintptr_t bad = 0;
    (void)arg;
    for (int i = 0; i < 200; i++) {
        struct nh_mem_snapshot snap;
        struct nh_mem_window window;
        struct nh_mem_owner_info info;
        nh_mem_snapshot_take(sys, "watch", 0, &snap);
        nh_mem_window_get(sys, NH_MEM_PSRAM, i % 8 == 0, &window);
        bad |= nh_mem_owner_info(sys, 1, &info) != NH_OK;
        bad |= i % 16 == 0 && nh_mem_check(sys) != NH_OK;
    }
    return (void *)bad;
}

static void *share(void *arg)
{
    (void)arg;
    for (int i = 0; i < BLOB_ROUNDS; i++) {
        nh_blob_t *mine = nh_blob_ref(shared);
        uintptr_t bad = nh_blob_bytes(mine)[0] != 7;
        nh_blob_unref(mine);
        if (bad)
            return (void *)bad;
    }
    nh_blob_unref(shared); // the last of all frees it
    return NULL;
}

static void join_all(pthread_t *threads, int count)
{
    for (int i = 0; i < count; i++) {
        void *bad = NULL;
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
}

static void test_tasks_at_once(void **state)
{
    (void)state;
    pthread_t threads[TASKS + 1];
    static const char *const names[] = {"one", "two", "three", "four"};
    for (int i = 0; i < TASKS; i++) {
        nh_mem_t *mem;
        assert_int_equal(nh_mem_owner_add(sys, names[i], NULL, &mem), NH_OK);
        assert_int_equal(pthread_create(&threads[i], NULL, churn, mem), 0);
    }
    assert_int_equal(pthread_create(&threads[TASKS], NULL, watch, NULL), 0);
    join_all(threads, TASKS + 1);
    assert_int_equal(nh_mem_check(sys), NH_OK);
}

static void test_blob_from_any_task(void **state)
{
    (void)state;
    pthread_t threads[TASKS];
    nh_mem_t *mem;
    assert_int_equal(nh_mem_owner_add(sys, "one", NULL, &mem), NH_OK);
    assert_int_equal(nh_blob_create(mem, NH_MEM_BULK, 100, &shared), NH_OK);
    memset(nh_blob_bytes(shared), 7, 100);
    for (int i = 1; i < TASKS; i++) // one reference for each, before the first can let go
        nh_blob_ref(shared);
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, share, NULL), 0);
    join_all(threads, TASKS);
}

// A running task's stack is looked at by another: what is seen is no race to TSan.
// 2 MiB: ThreadSanitizer keeps most of one for itself.
static unsigned char stack[2 * 1024 * 1024] __attribute__((aligned(4096)));

static void *on_painted_stack(void *arg)
{
    (void)arg;
    volatile char used[3000];
    for (size_t i = 0; i < sizeof used; i++)
        used[i] = (char)i;
    return NULL;
}

static void test_stack_of_a_running_task(void **state)
{
    (void)state;
    pthread_attr_t attr;
    pthread_t thread;
    nh_mem_stack_paint(stack, sizeof stack);
    pthread_attr_init(&attr);
    assert_int_equal(pthread_attr_setstack(&attr, stack, sizeof stack), 0);
    int task = nh_mem_task_add(sys, &(struct nh_mem_task_config){
                                        .name = "t", .stack = stack, .stack_bytes = sizeof stack});
    assert_true(task >= 0);
    assert_int_equal(pthread_create(&thread, &attr, on_painted_stack, NULL), 0);
    struct nh_mem_task_info info;
    for (int i = 0; i < 20; i++)
        assert_int_equal(nh_mem_task_list(sys, &info, 1), 1);
    pthread_join(thread, NULL);
    assert_int_equal(nh_mem_task_list(sys, &info, 1), 1);
    assert_in_range(info.stack_margin_bytes, 1000, sizeof stack - 3000);
    nh_mem_task_remove(sys, task);
    pthread_attr_destroy(&attr);
}

int main(void)
{
    enum { INTERNAL_BYTES = 64 * 1024, PSRAM_BYTES = 256 * 1024 };
    unsigned char *internal = malloc(INTERNAL_BYTES);
    unsigned char *psram = malloc(PSRAM_BYTES);
    struct nh_mem_system_config cfg = {
        .region = {{internal, INTERNAL_BYTES}, {psram, PSRAM_BYTES}},
        .lock = {acquire, release, &mutex},
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tasks_at_once),
        cmocka_unit_test(test_blob_from_any_task),
        cmocka_unit_test(test_stack_of_a_running_task),
    };
    if (nh_mem_system_create(&cfg, &sys))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    failed += nh_mem_system_destroy(sys, NULL, NULL) != 0;
    free(internal);
    free(psram);
    return failed;
}
