// Clock, random, lock, notify and queue of the Linux port.

#include "linux_fixture.h"

#include <pthread.h>

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
    fixture_stop(&fx);
    return 0;
}

static void test_clock(void **state)
{
    (void)state;
    uint64_t last = nh_clock_us();
    assert_true(last < 3600ull * 1000000); // near 0 at the start of the process
    for (int i = 0; i < 10000; i++) {
        uint64_t now = nh_clock_us();
        assert_true(now >= last);
        last = now;
    }
    uint64_t us = nh_clock_us();
    uint64_t ms = nh_clock_ms();
    assert_true(ms >= us / 1000 && ms <= nh_clock_us() / 1000); // one origin
    assert_true(nh_clock_unix_ms() > 1600000000000);
}

static void test_random(void **state)
{
    (void)state;
    enum { LEN = 64 };
    uint8_t a[LEN] = {0};
    uint8_t b[LEN] = {0};
    nh_random_bytes(a, LEN);
    nh_random_bytes(b, LEN);
    assert_memory_not_equal(a, b, LEN);
    nh_random_bytes(a, 0);
    uint32_t seen = 0;
    for (int i = 0; i < 64; i++)
        seen |= nh_random_u32();
    assert_int_equal(seen, UINT32_MAX);
}

enum { LOCK_THREADS = 4, LOCK_ROUNDS = 20000 };

struct shared {
    nh_lock_t lock;
    int count; // not atomic: the lock is what keeps it right
};

static void *count_up(void *ctx)
{
    struct shared *s = ctx;
    for (int i = 0; i < LOCK_ROUNDS; i++) {
        nh_lock_acquire(&s->lock);
        s->count++;
        nh_lock_release(&s->lock);
    }
    return NULL;
}

static void test_lock(void **state)
{
    (void)state;
    struct shared s = {0};
    pthread_t thread[LOCK_THREADS];
    assert_int_equal(nh_lock_create(&s.lock), NH_OK);
    for (int i = 0; i < LOCK_THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, count_up, &s), 0);
    for (int i = 0; i < LOCK_THREADS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(s.count, LOCK_THREADS * LOCK_ROUNDS);
    nh_lock_destroy(&s.lock);
    assert_null(s.lock.ctx);
    nh_lock_destroy(&s.lock); // zeroed: nothing
}

static void *post_once(void *ctx)
{
    nh_notify_post(ctx);
    return NULL;
}

static void test_notify(void **state)
{
    (void)state;
    nh_notify_t *n;
    pthread_t thread;
    assert_int_equal(nh_notify_create(fx.mem, &n), NH_OK);
    assert_int_equal(nh_notify_wait(n, 0), NH_ERR_TIMEOUT);
    assert_int_equal(nh_notify_wait(n, 2), NH_ERR_TIMEOUT);
    nh_notify_post(n); // before the wait
    nh_notify_post(n); // not counted
    assert_int_equal(nh_notify_wait(n, NH_NEVER), NH_OK);
    assert_int_equal(nh_notify_wait(n, 0), NH_ERR_TIMEOUT);
    assert_int_equal(pthread_create(&thread, NULL, post_once, n), 0);
    assert_int_equal(nh_notify_wait(n, NH_NEVER), NH_OK);
    pthread_join(thread, NULL);
    nh_notify_destroy(n);
    nh_notify_destroy(NULL);
}

static void test_queue_keeps_order_and_refuses_when_full(void **state)
{
    (void)state;
    nh_queue_t *q;
    struct nh_queue_info info;
    struct {
        uint16_t number;
        uint8_t more[5];
    } item;
    assert_int_equal(nh_queue_create(fx.mem, sizeof item, 3, &q), NH_OK);
    uint16_t in = 0;
    uint16_t out = 0;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++) {
            item.number = in++;
            assert_int_equal(nh_queue_put(q, &item), NH_OK);
        }
        assert_int_equal(nh_queue_put(q, &item), NH_ERR_FULL);
        for (int i = 0; i < 2 + (round & 1); i++) {
            assert_int_equal(nh_queue_get(q, &item, 0), NH_OK);
            assert_int_equal(item.number, out++);
        }
        while (nh_queue_get(q, &item, 0) == NH_OK)
            assert_int_equal(item.number, out++);
    }
    assert_int_equal(in, out);
    assert_int_equal(nh_queue_get(q, &item, 2), NH_ERR_TIMEOUT);
    nh_queue_info(q, &info);
    assert_int_equal(info.count, 3);
    assert_int_equal(info.depth, 0);
    assert_int_equal(info.depth_max, 3);
    assert_int_equal(info.put_count, 15);
    assert_int_equal(info.full_count, 5);
    nh_queue_destroy(q);
}

static void test_queue_limits(void **state)
{
    (void)state;
    static const struct {
        size_t item_bytes, count;
        int rc;
    } rows[] = {{0, 1, NH_ERR_RANGE},
                {1, 0, NH_ERR_RANGE},
                {SIZE_MAX / 2, 3, NH_ERR_RANGE},
                {NH_MIB(64), 1, NH_ERR_NOMEM}};
    nh_queue_t *q;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_int_equal(nh_queue_create(fx.mem, rows[i].item_bytes, rows[i].count, &q),
                         rows[i].rc);
        assert_null(q);
    }
}

enum { PRODUCERS = 3, ITEMS_EACH = 3000 };

struct producer {
    nh_queue_t *q;
    uint32_t id;
};

static void *produce(void *ctx)
{
    struct producer *p = ctx;
    for (uint32_t i = 0; i < ITEMS_EACH; i++) {
        uint32_t item = p->id << 16 | i;
        while (nh_queue_put(p->q, &item) == NH_ERR_FULL)
            sched_yield();
    }
    return NULL;
}

static void test_queue_from_many_threads(void **state)
{
    (void)state;
    struct producer p[PRODUCERS];
    pthread_t thread[PRODUCERS];
    uint32_t next[PRODUCERS] = {0};
    nh_queue_t *q;
    assert_int_equal(nh_queue_create(fx.mem, sizeof(uint32_t), 16, &q), NH_OK);
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        p[i] = (struct producer){q, i};
        assert_int_equal(pthread_create(&thread[i], NULL, produce, &p[i]), 0);
    }
    for (int i = 0; i < PRODUCERS * ITEMS_EACH; i++) {
        uint32_t item;
        assert_int_equal(nh_queue_get(q, &item, NH_NEVER), NH_OK);
        assert_int_equal(item & 0xffff, next[item >> 16]++); // in order for each of them
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(thread[i], NULL);
    nh_queue_destroy(q);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    const struct nh_mem_fault fault = {.fail_nth = 1};
    nh_notify_t *n;
    nh_queue_t *q;
    nh_mem_fault_set(fx.sys, &fault);
    assert_int_equal(nh_notify_create(fx.mem, &n), NH_ERR_NOMEM);
    assert_null(n);
    nh_mem_fault_set(fx.sys, &fault);
    assert_int_equal(nh_queue_create(fx.mem, 4, 4, &q), NH_ERR_NOMEM);
    assert_null(q);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_clock),
        TEST(test_random),
        TEST(test_lock),
        TEST(test_notify),
        TEST(test_queue_keeps_order_and_refuses_when_full),
        TEST(test_queue_limits),
        TEST(test_queue_from_many_threads),
        TEST(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
