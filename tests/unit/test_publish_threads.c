// The figures of the publisher, read by several tasks while the owner works: whole, never falling,
// and who had to wait is counted. Not portable: threads. Meant for TSan and helgrind.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "components/battery_publish/publish_engine.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

enum { READERS = 3, PERIODS = 3000 };

static struct {
    struct mem_fixture mem;
    nh_publish_engine_t *e;
    pthread_mutex_t mutex;
    struct rng rng;
    uint64_t now_ms;
    uint32_t is_done; // atomic
    bool is_inside;
} t;

struct reader {
    pthread_t thread;
    uint64_t reads, torn, fallen;
};

static void mutex_lock(void *ctx)
{
    pthread_mutex_lock(ctx);
}

static void mutex_unlock(void *ctx)
{
    pthread_mutex_unlock(ctx);
}

static bool on_read(void *ctx, struct nh_battery_point *out)
{
    (void)ctx;
    out->valid = 4;
    return true;
}

static int on_send(void *ctx, enum nh_battery_sink sink, const struct nh_battery_point *points,
                   size_t count, uint32_t ticket)
{
    (void)ctx;
    (void)sink;
    (void)points;
    (void)count;
    (void)ticket;
    return rng_below(&t.rng, 3) ? NH_PUBLISH_CONFIRMED : NH_ERR_IO;
}

static void on_cancel(void *ctx, enum nh_battery_sink sink)
{
    (void)ctx;
    (void)sink;
}

static void make(nh_lock_t lock)
{
    const struct nh_publish_engine_config cfg = {.mem = t.mem.mem,
                                                 .lock = lock,
                                                 .ring_count = 16,
                                                 .boot = 1,
                                                 .sinks = 7,
                                                 .read = on_read,
                                                 .send = on_send,
                                                 .cancel = on_cancel};
    assert_int_equal(nh_publish_engine_create(&cfg, t.now_ms, &t.e), 0);
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    t.rng.state = 11;
    t.now_ms = 1;
    pthread_mutex_init(&t.mutex, NULL);
    mem_fixture_init(&t.mem, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_publish_engine_destroy(t.e);
    mem_fixture_deinit(&t.mem);
    pthread_mutex_destroy(&t.mutex);
    return 0;
}

static bool is_whole(const struct nh_battery_publish_metrics *m)
{
    bool is_sum = m->produced == m->published_points + m->overwritten + m->buffered_points;
    uint64_t errors = 0;
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        is_sum =
            is_sum && m->produced == m->sink[i].delivered + m->sink[i].dropped + m->sink[i].pending;
        errors += m->sink[i].errors;
    }
    return is_sum && errors == m->publish_errors;
}

static void *read_all(void *arg)
{
    struct reader *r = arg;
    struct nh_battery_publish_metrics m, last = {0};
    while (!__atomic_fetch_add(&t.is_done, 0, __ATOMIC_SEQ_CST)) { // helgrind knows no plain load
        nh_publish_engine_metrics(t.e, 1000000000, &m);
        r->reads++;
        r->torn += !is_whole(&m);
        r->fallen += m.published_points < last.published_points || m.produced < last.produced ||
                     m.contention < last.contention;
        last = m;
    }
    return NULL;
}

static void test_readers_and_owner(void **state)
{
    struct reader readers[READERS] = {0};
    struct nh_battery_publish_metrics m;
    (void)state;
    make((nh_lock_t){mutex_lock, mutex_unlock, &t.mutex});
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
    for (int i = 0; i < PERIODS; i++) {
        nh_publish_engine_tick(t.e, t.now_ms, 0);
        t.now_ms = nh_publish_engine_next_deadline(t.e);
        assert_int_equal(nh_publish_engine_check(t.e), 0);
    }
    __atomic_fetch_add(&t.is_done, 1, __ATOMIC_SEQ_CST);
    for (size_t i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].torn, 0);
        assert_int_equal(readers[i].fallen, 0);
    }
    nh_publish_engine_metrics(t.e, t.now_ms, &m);
    assert_true(m.produced > 100 && m.publish_errors > 100);
    print_message("%u reads, %u of all had to wait\n",
                  (unsigned)(readers[0].reads + readers[1].reads + readers[2].reads),
                  (unsigned)m.contention);
}

// Another task comes while one is inside, each time.
static void meet(void *ctx)
{
    struct nh_battery_publish_metrics m;
    (void)ctx;
    if (t.is_inside || !t.e)
        return;
    t.is_inside = true;
    nh_publish_engine_metrics(t.e, t.now_ms, &m);
    t.is_inside = false;
}

static void leave(void *ctx)
{
    (void)ctx;
}

static void test_who_waits_is_counted(void **state)
{
    struct nh_battery_publish_metrics m;
    (void)state;
    make((nh_lock_t){meet, leave, NULL});
    for (uint64_t i = 0; i < 10; i++) {
        nh_publish_engine_metrics(t.e, t.now_ms, &m);
        assert_int_equal(m.contention, i + 1);
    }
    t.is_inside = true; // alone
    for (int i = 0; i < 5; i++) {
        nh_publish_engine_metrics(t.e, t.now_ms, &m);
        assert_int_equal(m.contention, 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_readers_and_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_waits_is_counted, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
