#include "linux_fixture.h"

#include <pthread.h>
#include <signal.h>

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

// ---- posts

struct counter {
    nh_loop_t *loop;
    nh_loop_post_t post;
    int ran, stop_at;
    bool again;
};

static void count_post(void *ctx)
{
    struct counter *c = ctx;
    c->ran++;
    if (c->stop_at && c->ran >= c->stop_at)
        nh_loop_stop(c->loop);
    else if (c->again)
        nh_loop_post(c->loop, &c->post);
}

static void counter_init(struct counter *c, nh_loop_t *loop)
{
    *c = (struct counter){.loop = loop};
    c->post.fn = count_post;
    c->post.ctx = c;
}

static void test_post_runs_once_and_may_be_posted_again(void **state)
{
    (void)state;
    nh_loop_t *loop;
    struct counter c;
    assert_int_equal(nh_loop_create(fx.mem, &loop), NH_OK);
    counter_init(&c, loop);
    nh_loop_post(loop, &c.post);
    nh_loop_post(loop, &c.post); // before it ran: once
    PUMP(loop, 3);
    assert_int_equal(c.ran, 1);
    c.again = true;
    c.stop_at = 5;
    nh_loop_post(loop, &c.post);
    nh_loop_run(loop);
    assert_int_equal(c.ran, 5);
    nh_loop_destroy(loop);
}

static void test_post_cancel(void **state)
{
    (void)state;
    nh_loop_t *loop;
    struct counter c[3];
    assert_int_equal(nh_loop_create(fx.mem, &loop), NH_OK);
    for (int gone = 0; gone < 3; gone++) {
        for (int i = 0; i < 3; i++) {
            counter_init(&c[i], loop);
            nh_loop_post(loop, &c[i].post);
        }
        nh_loop_post_cancel(loop, &c[gone].post);
        nh_loop_post_cancel(loop, &c[gone].post);
        PUMP(loop, 2);
        for (int i = 0; i < 3; i++)
            assert_int_equal(c[i].ran, i == gone ? 0 : 1);
        nh_loop_post(loop, &c[gone].post);
        PUMP(loop, 2);
        assert_int_equal(c[gone].ran, 1);
    }
    nh_loop_destroy(loop);
}

#define POSTER_COUNT 6
#define POSTS_EACH 2000

struct poster {
    nh_loop_t *loop;
    nh_loop_post_t post[POSTS_EACH];
};
static int posts_ran; // written by the loop's task alone

static void count_all(void *ctx)
{
    if (++posts_ran == POSTER_COUNT * POSTS_EACH)
        nh_loop_stop(((struct poster *)ctx)->loop);
}

static void *poster_run(void *ctx)
{
    struct poster *p = ctx;
    for (int i = 0; i < POSTS_EACH; i++) {
        p->post[i] = (nh_loop_post_t){.fn = count_all, .ctx = p};
        nh_loop_post(p->loop, &p->post[i]);
    }
    return NULL;
}

static void test_posts_from_many_threads(void **state)
{
    (void)state;
    static struct poster poster[POSTER_COUNT];
    pthread_t thread[POSTER_COUNT];
    nh_loop_t *loop;
    assert_int_equal(nh_loop_create(fx.mem, &loop), NH_OK);
    posts_ran = 0;
    for (int i = 0; i < POSTER_COUNT; i++) {
        poster[i].loop = loop;
        assert_int_equal(pthread_create(&thread[i], NULL, poster_run, &poster[i]), 0);
    }
    nh_loop_run(loop);
    for (int i = 0; i < POSTER_COUNT; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(posts_ran, POSTER_COUNT * POSTS_EACH);
    struct nh_loop_info info;
    nh_loop_info(loop, &info);
    assert_int_equal(info.post_count, POSTER_COUNT * POSTS_EACH);
    nh_loop_destroy(loop);
}

// ---- deadlines

struct source {
    nh_loop_t *loop;
    uint64_t due;
    int asked, fired, fire_max;
    uint64_t fired_at;
};

static uint64_t source_next(void *ctx)
{
    struct source *s = ctx;
    s->asked++;
    return s->due;
}

static void source_fire(void *ctx, uint64_t now_ms)
{
    struct source *s = ctx;
    s->fired++;
    s->fired_at = now_ms;
    assert_true(now_ms >= s->due);
    s->due = s->fired < s->fire_max ? now_ms + 5 : NH_NEVER;
    if (s->fired == s->fire_max)
        nh_loop_stop(s->loop);
}

static struct nh_loop_deadline deadline_of(struct source *s)
{
    return (struct nh_loop_deadline){.next = source_next, .fire = source_fire, .ctx = s};
}

static void test_deadlines_fire_when_due_and_none_polls(void **state)
{
    (void)state;
    nh_loop_t *loop;
    struct nh_loop_info info;
    assert_int_equal(nh_loop_create(fx.mem, &loop), NH_OK);
    struct source never = {.loop = loop, .due = NH_NEVER};
    struct source soon = {.loop = loop, .due = nh_clock_ms() + 50, .fire_max = 1};
    struct nh_loop_deadline a = deadline_of(&never);
    struct nh_loop_deadline b = deadline_of(&soon);
    assert_int_equal(nh_loop_deadline_add(loop, &a), NH_OK);
    assert_int_equal(nh_loop_deadline_add(loop, &b), NH_OK);
    nh_loop_run(loop);
    assert_int_equal(soon.fired, 1);
    assert_int_equal(never.fired, 0);
    nh_loop_info(loop, &info);
    // One sleep, one wake-up; two more are left for a coarse clock. A loop that polls has many.
    assert_in_range(info.turn_count, 1, 4);
    nh_loop_destroy(loop);
}

static void test_deadline_may_move_itself(void **state)
{
    (void)state;
    nh_loop_t *loop;
    assert_int_equal(nh_loop_create(fx.mem, &loop), NH_OK);
    struct source s = {.loop = loop, .due = 0, .fire_max = 4}; // overdue: at once
    struct nh_loop_deadline d = deadline_of(&s);
    assert_int_equal(nh_loop_deadline_add(loop, &d), NH_OK);
    nh_loop_run(loop);
    assert_int_equal(s.fired, 4);
    nh_loop_destroy(loop);
}

static void test_deadline_limit_and_remove(void **state)
{
    (void)state;
    nh_loop_t *loop;
    struct source s[33];
    struct nh_loop_deadline d;
    assert_int_equal(nh_loop_create(fx.mem, &loop), NH_OK);
    for (int i = 0; i < 33; i++) {
        s[i] = (struct source){.loop = loop, .due = NH_NEVER};
        d = deadline_of(&s[i]);
        assert_int_equal(nh_loop_deadline_add(loop, &d), i < 32 ? NH_OK : NH_ERR_FULL);
    }
    d = deadline_of(&s[3]);
    nh_loop_deadline_remove(loop, &d);
    d = deadline_of(&s[32]);
    assert_int_equal(nh_loop_deadline_add(loop, &d), NH_OK);
    PUMP(loop, 1);
    assert_int_equal(s[3].asked, 0);
    assert_int_equal(s[32].asked, 1);
    nh_loop_destroy(loop);
}

// ---- signals, stop

struct signals {
    nh_loop_t *loop;
    int stops, reloads;
};

static void signal_stop(void *ctx)
{
    ((struct signals *)ctx)->stops++;
}

static void signal_reload(void *ctx)
{
    ((struct signals *)ctx)->reloads++;
}

static void test_signals(void **state)
{
    (void)state;
    static const struct {
        int number, stops, reloads;
    } rows[] = {{SIGINT, 1, 0}, {SIGTERM, 2, 0}, {SIGHUP, 2, 1}, {SIGHUP, 2, 2}};
    struct signals got = {0};
    assert_int_equal(nh_loop_create(fx.mem, &got.loop), NH_OK);
    assert_int_equal(nh_loop_signals(got.loop, signal_stop, signal_reload, &got), NH_OK);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        raise(rows[i].number);
        PUMP_UNTIL(got.loop, got.stops + got.reloads == (int)i + 1);
        assert_int_equal(got.stops, rows[i].stops);
        assert_int_equal(got.reloads, rows[i].reloads);
    }
    raise(SIGPIPE); // ignored
    nh_loop_destroy(got.loop);
}

static void test_signal_before_anybody_listens(void **state)
{
    (void)state;
    struct signals got = {0};
    nh_loop_signals_hold();
    raise(SIGTERM);
    assert_int_equal(nh_loop_create(fx.mem, &got.loop), NH_OK);
    assert_int_equal(nh_loop_signals(got.loop, signal_stop, signal_reload, &got), NH_OK);
    assert_int_equal(got.stops, 0); // within the loop's run only
    PUMP_UNTIL(got.loop, got.stops == 1);
    nh_loop_destroy(got.loop);
}

static void test_stop_before_run(void **state)
{
    (void)state;
    nh_loop_t *loop;
    assert_int_equal(nh_loop_create(fx.mem, &loop), NH_OK);
    nh_loop_stop(loop);
    nh_loop_run(loop);
    nh_loop_destroy(loop);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    nh_loop_t *loop = NULL;
    int rc = NH_ERR_NOMEM;
    int failures = 0;
    for (uint64_t nth = 1; rc != NH_OK && nth < 50; nth++) {
        struct nh_mem_fault fault = {.fail_nth = nth};
        nh_mem_fault_set(fx.sys, &fault);
        rc = nh_loop_create(fx.mem, &loop);
        nh_mem_fault_set(fx.sys, NULL);
        if (rc == NH_OK && !loop)
            fail();
        // A refused table of files is spilled to libc, so creating may also succeed on the way.
        failures += rc == NH_ERR_NOMEM;
        if (rc != NH_OK)
            assert_null(loop);
    }
    assert_true(failures >= 1);
    assert_int_equal(rc, NH_OK);
    nh_loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_post_runs_once_and_may_be_posted_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_post_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_posts_from_many_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadlines_fire_when_due_and_none_polls, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_deadline_may_move_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadline_limit_and_remove, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal_before_anybody_listens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_before_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
