// The task `serial` with a board at the other end of a pseudo terminal: tasks that ask and post at
// once, the plug pulled, the end. Also run under the thread sanitizer and helgrind.

#include "linux_fixture.h"

#include "components/battery/battery_worker.h"
#include "support/pty_board.h"

#define ASKER_COUNT 4

static struct linux_fixture fx;
static nh_mem_t *mem;
static struct pty_board peer;
static nh_battery_worker_t *worker;
static nh_notify_t *woken;
static char dir[128], path[192];
static unsigned rounds = 40;

static void wake(void *ctx)
{
    (void)ctx;
    nh_notify_post(woken);
}

static void plug_in(void)
{
    assert_true(pty_board_start(&peer));
    unlink(path);
    assert_int_equal(symlink(peer.path, path), 0);
}

static void pull(void)
{
    unlink(path);
    pty_board_stop(&peer);
}

static struct nh_battery_worker_config config(void)
{
    return (struct nh_battery_worker_config){.mem = mem, .sys = fx.sys, .path = path, .wake = wake};
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    assert_int_equal(nh_mem_owner_add(fx.sys, "battery", NULL, &mem), 0);
    assert_int_equal(nh_notify_create(fx.mem, &woken), 0);
    fixture_dir_make(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/board", dir);
    line_board_init(&peer.board);
    peer.board.turn_us = 200;
    plug_in();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_battery_worker_destroy(worker);
    worker = NULL;
    pull();
    nh_notify_destroy(woken);
    fixture_dir_remove(dir);
    fixture_stop(&fx);
    return 0;
}

static void start(const struct nh_battery_worker_config *cfg)
{
    assert_int_equal(nh_battery_worker_create(cfg, &worker), 0);
    assert_int_equal(nh_battery_worker_start(worker), 0);
}

static struct nh_battery_worker_news news;

static void drain(void)
{
    struct nh_battery_worker_news n;
    nh_battery_worker_drain(worker, &n);
    news.what |= n.what;
    news.is_connected = n.is_connected;
}

// Until `expr` holds; each turn waits for news.
#define DRAIN_UNTIL(expr)                                                                          \
    do {                                                                                           \
        unsigned turns_ = 0;                                                                       \
        for (drain(); !(expr); drain()) {                                                          \
            NH_IGNORE(nh_notify_wait(woken, 50));                                                  \
            if (++turns_ > 2000)                                                                   \
                fail_msg("never came: %s", #expr);                                                 \
        }                                                                                          \
    } while (0)

static struct nh_battery_request read_of(uint16_t address, uint16_t count)
{
    return (struct nh_battery_request){.kind = NH_BATTERY_READ,
                                       .priority = NH_BATTERY_PRIO_USER,
                                       .address = address,
                                       .count = count,
                                       .deadline_ms = 60000};
}

struct seen {
    unsigned count, done, cancelled;
    struct nh_battery_reply last;
};

static void on_done(void *ctx, const struct nh_battery_reply *r)
{
    struct seen *s = ctx;
    s->count++;
    s->done += r->outcome == NH_BATTERY_DONE;
    s->cancelled += r->outcome == NH_BATTERY_CANCELLED;
    s->last = *r;
}

static void post_to(struct seen *s, uint16_t address, uint16_t count)
{
    struct nh_battery_request r = read_of(address, count);
    uint32_t ticket;
    r.done = on_done;
    r.ctx = s;
    assert_int_equal(nh_battery_worker_post(worker, &r, &ticket), 0);
    assert_true(ticket > 0);
}

static struct nh_battery_statistics stats(void)
{
    struct nh_battery_statistics s;
    nh_battery_worker_statistics(worker, &s);
    return s;
}

// ---- one after the other

static void test_post_and_cached(void **state)
{
    const struct nh_battery_worker_config cfg = config();
    struct seen s = {0};
    uint16_t words[4];
    (void)state;
    start(&cfg);
    assert_int_equal(nh_battery_worker_cached(worker, 36, 4, 0, words), NH_ERR_NOT_FOUND);
    post_to(&s, 36, 4);
    DRAIN_UNTIL(s.count);
    assert_int_equal(s.done, 1);
    assert_int_equal(s.last.words[3], line_board_pattern(39));
    assert_int_equal(nh_battery_worker_cached(worker, 36, 4, 0, words), 0);
    assert_int_equal(words[0], line_board_pattern(36));
    assert_int_equal(nh_battery_worker_cached(worker, 36, 4, nh_clock_ms() + 5000, words),
                     NH_ERR_AGAIN);
    assert_int_equal(nh_battery_worker_cached(worker, 35, 4, 0, words), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_battery_worker_cached(worker, 599, 2, 0, words), NH_ERR_RANGE);
    DRAIN_UNTIL(news.is_connected);
}

// What was read by itself after the live image does not mix with it.
static void test_live_image_is_of_one_moment(void **state)
{
    const struct nh_battery_worker_config cfg = config();
    uint16_t words[NH_TINYBMS_LIVE_COUNT], cached[2];
    struct seen s = {0};
    (void)state;
    start(&cfg);
    post_to(&s, 0, NH_TINYBMS_LIVE_COUNT);
    DRAIN_UNTIL(s.count == 1);
    pthread_mutex_lock(&peer.lock);
    peer.board.regs[36] = 7;
    pthread_mutex_unlock(&peer.lock);
    post_to(&s, 36, 2);
    DRAIN_UNTIL(s.count == 2);
    nh_battery_worker_live(worker, words);
    assert_int_equal(words[36], line_board_pattern(36));
    assert_int_equal(words[55], line_board_pattern(55));
    assert_int_equal(nh_battery_worker_cached(worker, 36, 2, 0, cached), 0);
    assert_int_equal(cached[0], 7);
}

static void test_write_makes_what_is_cached_unknown(void **state)
{
    const struct nh_battery_worker_config cfg = config();
    struct seen s = {0};
    uint16_t word;
    (void)state;
    start(&cfg);
    post_to(&s, 300, 2);
    DRAIN_UNTIL(s.count);
    struct nh_battery_request w = {.kind = NH_BATTERY_WRITE,
                                   .count = 1,
                                   .addresses = {300},
                                   .values = {3650},
                                   .done = on_done,
                                   .ctx = &s};
    assert_int_equal(nh_battery_worker_post(worker, &w, NULL), 0);
    assert_int_equal(nh_battery_worker_cached(worker, 300, 1, 0, &word), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_battery_worker_cached(worker, 301, 1, 0, &word), 0);
    DRAIN_UNTIL(s.count == 2);
    assert_int_equal(s.last.outcome, NH_BATTERY_DONE);
    assert_int_equal(nh_battery_worker_cached(worker, 300, 1, 0, &word), 0);
    assert_int_equal(word, 3650);
    assert_true(news.what & NH_BATTERY_NEWS_SETTINGS);
}

static void test_queue_is_bounded(void **state)
{
    struct nh_battery_worker_config cfg = config();
    struct seen s = {0};
    (void)state;
    cfg.client.queue_max = 3;
    start(&cfg);
    struct nh_battery_request r = read_of(0, 1);
    r.done = on_done;
    r.ctx = &s;
    for (int i = 0; i < 3; i++)
        assert_int_equal(nh_battery_worker_post(worker, &r, NULL), 0);
    // Answered ones count until they are told.
    assert_int_equal(nh_battery_worker_post(worker, &r, NULL), NH_ERR_FULL);
    assert_int_equal(stats().rejected, 1);
    DRAIN_UNTIL(s.count == 3);
    assert_int_equal(nh_battery_worker_post(worker, &r, NULL), 0);
    DRAIN_UNTIL(s.count == 4);
    r.count = 0;
    assert_int_equal(nh_battery_worker_post(worker, &r, NULL), NH_ERR_RANGE);
    assert_int_equal(stats().queue_depth_max, 3);
}

static void test_who_left_is_not_answered(void **state)
{
    struct nh_battery_worker_config cfg = config();
    struct nh_battery_reply reply;
    struct seen s = {0};
    (void)state;
    cfg.client.first_byte_ms = 2000; // the late answer is still awaited
    start(&cfg);
    post_to(&s, 0, 1);
    DRAIN_UNTIL(s.count);
    pthread_mutex_lock(&peer.lock);
    peer.board.late_answers = 1;
    peer.board.late_us = 60000;
    pthread_mutex_unlock(&peer.lock);
    const struct nh_battery_request a = read_of(10, 2), b = read_of(300, 2);
    assert_int_equal(nh_battery_worker_ask(worker, &a, 5, &reply), NH_ERR_TIMEOUT);
    assert_int_equal(nh_battery_worker_ask(worker, &b, 60000, &reply), 0);
    assert_int_equal(reply.address, 300);
    assert_int_equal(reply.words[1], line_board_pattern(301));
    assert_int_equal(stats().late, 1);
    assert_int_equal(stats().queue_depth, 0);
}

static void test_stop_cancels_once(void **state)
{
    const struct nh_battery_worker_config cfg = config();
    struct seen s = {0};
    (void)state;
    start(&cfg);
    post_to(&s, 0, 1);
    DRAIN_UNTIL(s.count);
    pthread_mutex_lock(&peer.lock);
    peer.board.is_mute = true;
    pthread_mutex_unlock(&peer.lock);
    for (uint16_t i = 0; i < 10; i++)
        post_to(&s, (uint16_t)(10 * i), 1);
    nh_battery_worker_stop(worker);
    drain();
    assert_int_equal(s.count, 11);
    assert_int_equal(s.cancelled, 10);
    const struct nh_battery_request r = read_of(0, 1);
    struct nh_battery_reply reply;
    assert_int_equal(nh_battery_worker_post(worker, &r, NULL), NH_ERR_CLOSED);
    assert_int_equal(nh_battery_worker_ask(worker, &r, 10, &reply), NH_ERR_CLOSED);
}

static void test_plug_is_pulled_and_put_in(void **state)
{
    const struct nh_battery_worker_config cfg = config();
    struct seen s = {0};
    (void)state;
    start(&cfg);
    post_to(&s, 0, 1);
    DRAIN_UNTIL(s.count && news.is_connected);
    pthread_mutex_lock(&peer.lock);
    peer.board.is_mute = true;
    pthread_mutex_unlock(&peer.lock);
    post_to(&s, 300, 1);
    pull();
    DRAIN_UNTIL(s.count == 2 && !news.is_connected);
    assert_int_equal(s.cancelled, 1);
    peer.board.is_mute = false;
    plug_in();
    unsigned before = s.done;
    for (unsigned tries = 0; s.done == before; tries++) { // cancelled until the line is open
        unsigned count = s.count;
        assert_true(tries < 200000);
        post_to(&s, 300, 1);
        DRAIN_UNTIL(s.count == count + 1);
        if (s.done == before)
            NH_IGNORE(nh_notify_wait(woken, 20));
    }
    assert_int_equal(s.last.words[0], line_board_pattern(300));
    assert_int_equal(stats().reconnects, 1);
}

static void test_device_that_is_not_there(void **state)
{
    struct nh_battery_worker_config cfg = config();
    struct seen s = {0};
    (void)state;
    cfg.path = "/nonexistent/board";
    start(&cfg);
    post_to(&s, 0, 1);
    DRAIN_UNTIL(s.count);
    assert_int_equal(s.cancelled, 1);
    assert_int_equal(s.last.err, NH_ERR_CLOSED);
}

static void test_long_path(void **state)
{
    struct nh_battery_worker_config cfg = config();
    char text[200];
    (void)state;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 0;
    cfg.path = text;
    assert_int_equal(nh_battery_worker_create(&cfg, &worker), NH_ERR_TOO_LONG);
    assert_null(worker);
}

static uint64_t alloc_count(void)
{
    struct nh_mem_owner_info info;
    uint64_t n = 0;
    for (size_t i = 0; i < nh_mem_owner_count(fx.sys); i++)
        if (nh_mem_owner_info(fx.sys, i, &info) == 0)
            for (int t = 0; t < NH_MEM_TIER_COUNT; t++)
                n += info.tier[t].alloc_count;
    return n;
}

static void test_requests_allocate_nothing(void **state)
{
    struct nh_battery_worker_config cfg = config();
    struct seen s = {0};
    (void)state;
    cfg.client.poll_ms = 100;
    start(&cfg);
    post_to(&s, 0, 1);
    DRAIN_UNTIL(s.count);
    uint64_t before = alloc_count();
    for (unsigned i = 0; i < 100; i++) {
        struct nh_battery_reply reply;
        const struct nh_battery_request r = read_of((uint16_t)(i * 3), 2);
        post_to(&s, (uint16_t)i, 5);
        assert_int_equal(nh_battery_worker_ask(worker, &r, 60000, &reply), 0);
        DRAIN_UNTIL(s.count == i + 2);
    }
    assert_int_equal(alloc_count(), before);
}

static void test_every_allocation_may_fail(void **state)
{
    const struct nh_battery_worker_config cfg = config();
    (void)state;
    for (uint64_t n = 1; n < 60; n++) {
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n});
        int err = nh_battery_worker_create(&cfg, &worker);
        if (err == 0)
            err = nh_battery_worker_start(worker);
        nh_mem_fault_set(fx.sys, NULL);
        if (err == 0)
            return;
        assert_int_equal(err, NH_ERR_NOMEM);
        nh_battery_worker_destroy(worker);
        worker = NULL;
    }
    fail_msg("it never worked");
}

// ---- all at once

static unsigned asked_ok, asked_bad;

static void *ask_many(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < rounds; i++) {
        struct nh_battery_reply reply;
        uint16_t address = (uint16_t)((me * 97 + i * 13) % 500), count = (uint16_t)(1 + i % 20);
        const struct nh_battery_request r = read_of(address, count);
        // Now and then too short to be answered in time.
        int err = nh_battery_worker_ask(worker, &r, i % 7 == 6 ? 0 : 60000, &reply);
        bool is_good = err == 0 && reply.outcome == NH_BATTERY_DONE && reply.address == address;
        for (uint16_t k = 0; is_good && k < count; k++)
            is_good = reply.words[k] == line_board_pattern((uint16_t)(address + k));
        if (err == NH_ERR_TIMEOUT || err == NH_ERR_FULL)
            continue;
        __atomic_add_fetch(is_good ? &asked_ok : &asked_bad, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static bool storm_is_over; // under the lock of the peer: helgrind knows no atomics

static bool is_over(bool set)
{
    pthread_mutex_lock(&peer.lock);
    storm_is_over |= set;
    bool over = storm_is_over;
    pthread_mutex_unlock(&peer.lock);
    return over;
}

static void *look_at_all(void *arg)
{
    uint16_t words[8];
    (void)arg;
    while (!is_over(false)) {
        struct nh_battery_statistics s = stats();
        if (s.queue_depth > s.queue_max)
            __atomic_add_fetch(&asked_bad, 1, __ATOMIC_RELAXED);
        if (nh_battery_worker_cached(worker, 32, 8, 0, words) == 0 &&
            words[7] != line_board_pattern(39))
            __atomic_add_fetch(&asked_bad, 1, __ATOMIC_RELAXED);
        sched_yield();
    }
    return NULL;
}

static void test_storm(void **state)
{
    struct nh_battery_worker_config cfg = config();
    pthread_t threads[ASKER_COUNT], looker;
    struct seen s = {0};
    unsigned posted = 0;
    (void)state;
    if (getenv("NH_TEST_ROUNDS"))
        rounds = (unsigned)atoi(getenv("NH_TEST_ROUNDS"));
    cfg.client.poll_ms = 100;
    cfg.client.slow_ms = 1000;
    start(&cfg);
    asked_ok = asked_bad = 0;
    storm_is_over = false;
    for (uintptr_t i = 0; i < ASKER_COUNT; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many, (void *)i), 0);
    assert_int_equal(pthread_create(&looker, NULL, look_at_all, NULL), 0);
    for (unsigned i = 0; i < rounds; i++) {
        struct nh_battery_request r = read_of((uint16_t)(i * 7 % 500), 3);
        r.done = on_done;
        r.ctx = &s;
        posted += nh_battery_worker_post(worker, &r, NULL) == 0;
        DRAIN_UNTIL(s.count == posted);
    }
    for (size_t i = 0; i < ASKER_COUNT; i++)
        pthread_join(threads[i], NULL);
    is_over(true);
    pthread_join(looker, NULL);
    DRAIN_UNTIL(stats().queue_depth == 0);
    assert_int_equal(s.count, posted);
    assert_int_equal(s.done, posted);
    assert_int_equal(asked_bad, 0);
    assert_true(asked_ok > 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_post_and_cached),
        T(test_live_image_is_of_one_moment),
        T(test_write_makes_what_is_cached_unknown),
        T(test_queue_is_bounded),
        T(test_who_left_is_not_answered),
        T(test_stop_cancels_once),
        T(test_plug_is_pulled_and_put_in),
        T(test_device_that_is_not_there),
        T(test_long_path),
        T(test_requests_allocate_nothing),
        T(test_every_allocation_may_fail),
        T(test_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
