#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

// Not portable: posts from several threads at once, which only the host has. Meant for TSan.

#include <pthread.h>

#include "core/bus/bus.h"
#include "support/mem_fixture.h"

enum { POSTERS = 3, POSTS = 3000, QUEUE = 32 };

// A drainer owns one queued subscriber; its wake-up is a flag under a condition variable.
struct drainer {
    nh_bus_sub_t *sub;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool woken, stop, released;
    uint64_t got, from[POSTERS], last[POSTERS];
};

static struct {
    struct mem_fixture mem;
    nh_bus_t *bus;
    pthread_mutex_t bus_mutex, mem_mutex;
    struct drainer drainers[2];
} t;

static void mutex_lock(void *ctx)
{
    pthread_mutex_lock(ctx);
}

static void mutex_unlock(void *ctx)
{
    pthread_mutex_unlock(ctx);
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    pthread_mutex_init(&t.bus_mutex, NULL);
    pthread_mutex_init(&t.mem_mutex, NULL);
    nh_lock_t mem_lock = {mutex_lock, mutex_unlock, &t.mem_mutex};
    mem_fixture_init(&t.mem, &mem_lock);
    struct nh_bus_config cfg = {.mem = t.mem.mem, .lock = {mutex_lock, mutex_unlock, &t.bus_mutex}};
    assert_int_equal(nh_bus_create(&cfg, &t.bus), NH_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_bus_destroy(t.bus);
    mem_fixture_deinit(&t.mem);
    pthread_mutex_destroy(&t.bus_mutex);
    pthread_mutex_destroy(&t.mem_mutex);
    return 0;
}

// Events of one poster arrive in the order in which it posted them, each with its own blob.
static void on_event(void *ctx, const struct nh_event *e)
{
    struct drainer *d = ctx;
    uint64_t number = e->time_ms;
    assert_true(number > d->last[e->origin]);
    d->last[e->origin] = number;
    d->from[e->origin]++;
    d->got++;
    if (e->blob)
        assert_memory_equal(nh_blob_bytes(e->blob), &number, sizeof number);
}

static void on_wake(void *ctx)
{
    struct drainer *d = ctx;
    pthread_mutex_lock(&d->mutex);
    d->woken = true;
    pthread_cond_signal(&d->cond);
    pthread_mutex_unlock(&d->mutex);
}

static void on_released(void *ctx)
{
    struct drainer *d = ctx;
    pthread_mutex_lock(&d->mutex);
    d->released = true;
    pthread_cond_signal(&d->cond);
    pthread_mutex_unlock(&d->mutex);
}

static void subscribe(struct drainer *d)
{
    struct nh_bus_sub_config cfg = {.name = "drainer",
                                    .queue_max = QUEUE,
                                    .reserve = 4,
                                    .handle = on_event,
                                    .wake = on_wake,
                                    .released = on_released,
                                    .ctx = d};
    assert_int_equal(nh_bus_subscribe(t.bus, &cfg, &d->sub), NH_OK);
}

// Waits for the flag; false when it is time to stop.
static bool wait_woken(struct drainer *d)
{
    pthread_mutex_lock(&d->mutex);
    while (!d->woken && !d->stop)
        pthread_cond_wait(&d->cond, &d->mutex);
    bool go_on = d->woken;
    d->woken = false;
    pthread_mutex_unlock(&d->mutex);
    return go_on;
}

static void *drainer_run(void *arg)
{
    struct drainer *d = arg;
    while (wait_woken(d))
        nh_bus_drain(d->sub, 5);
    return NULL;
}

static void *poster_run(void *arg)
{
    uint16_t who = (uint16_t)(uintptr_t)arg;
    for (uint64_t n = 1; n <= POSTS; n++) {
        struct nh_event e = {.id = 1, .origin = who, .critical = n % 7 == 0, .time_ms = n};
        if (n % 3 == 0 && nh_blob_create(t.mem.mem, NH_MEM_BULK, sizeof n, &e.blob) == NH_OK)
            memcpy(nh_blob_bytes(e.blob), &n, sizeof n);
        assert_true(nh_bus_post(t.bus, &e) >= 0);
        nh_blob_unref(e.blob);
    }
    return NULL;
}

static void drainer_start(struct drainer *d)
{
    pthread_mutex_init(&d->mutex, NULL);
    pthread_cond_init(&d->cond, NULL);
    subscribe(d);
    assert_int_equal(pthread_create(&d->thread, NULL, drainer_run, d), 0);
}

static void drainer_stop(struct drainer *d)
{
    pthread_mutex_lock(&d->mutex);
    d->stop = true;
    pthread_cond_signal(&d->cond);
    pthread_mutex_unlock(&d->mutex);
    pthread_join(d->thread, NULL);
}

static void drainer_deinit(struct drainer *d)
{
    nh_bus_unsubscribe(t.bus, d->sub);
    assert_true(d->released);
    pthread_mutex_destroy(&d->mutex);
    pthread_cond_destroy(&d->cond);
}

static void posters_start(pthread_t threads[POSTERS])
{
    for (uintptr_t i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, poster_run, (void *)i), 0);
}

static void posters_join(pthread_t threads[POSTERS])
{
    for (size_t i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
}

static void every_event_is_delivered_or_counted(void **state)
{
    (void)state;
    pthread_t posters[POSTERS];
    for (size_t i = 0; i < 2; i++)
        drainer_start(&t.drainers[i]);
    posters_start(posters);
    posters_join(posters);
    // A drain wakes its task again as long as events are left: stopping finds the flag set until
    // the queue is empty, so no event may remain.
    for (size_t i = 0; i < 2; i++)
        drainer_stop(&t.drainers[i]);
    uint64_t delivered = 0, dropped = 0;
    for (size_t i = 0; i < 2; i++) {
        struct nh_bus_sub_info info;
        assert_int_equal(nh_bus_sub_info(t.bus, i, &info), NH_OK);
        assert_int_equal(info.depth, 0);
        assert_true(info.delivered + info.dropped == (uint64_t)POSTERS * POSTS);
        assert_true(t.drainers[i].got == info.delivered);
        assert_true(info.depth_max <= QUEUE);
        delivered += info.delivered;
        dropped += info.dropped;
    }
    struct nh_bus_event_info info;
    assert_int_equal(nh_bus_event_info(t.bus, 1, &info), NH_OK);
    assert_true(info.posted == (uint64_t)POSTERS * POSTS);
    assert_true(info.delivered == delivered && info.dropped == dropped);
    for (size_t i = 0; i < 2; i++)
        drainer_deinit(&t.drainers[i]);
}

// Subscribers come and go while others post; after `released` nothing may touch the drainer, which
// is checked by spoiling it at once.
static void subscribers_come_and_go_under_fire(void **state)
{
    (void)state;
    pthread_t posters[POSTERS];
    posters_start(posters);
    struct drainer *d = &t.drainers[0];
    pthread_mutex_init(&d->mutex, NULL);
    pthread_cond_init(&d->cond, NULL);
    for (int n = 0; n < 300; n++) {
        memset(d->last, 0, sizeof d->last);
        d->released = false;
        subscribe(d);
        nh_bus_drain(d->sub, 3);
        nh_bus_unsubscribe(t.bus, d->sub);
        pthread_mutex_lock(&d->mutex);
        while (!d->released)
            pthread_cond_wait(&d->cond, &d->mutex);
        pthread_mutex_unlock(&d->mutex);
    }
    pthread_mutex_destroy(&d->mutex);
    pthread_cond_destroy(&d->cond);
    memset(d, 0xEE, sizeof *d);
    posters_join(posters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_event_is_delivered_or_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(subscribers_come_and_go_under_fire, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
