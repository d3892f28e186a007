#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/sched/sched.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

// What fired, as letters; a timer's ctx is its letter.
static struct {
    struct mem_fixture mem;
    nh_sched_t *s;
    char fired[128];
    size_t fired_count;
    uint64_t late_ms;
    const char *late_name;
    uint32_t late_count;
} t;

static void on_fire(void *ctx, nh_timer_t *timer, uint64_t now_ms)
{
    (void)timer, (void)now_ms;
    assert_true(t.fired_count + 1 < sizeof t.fired);
    t.fired[t.fired_count++] = *(char *)ctx;
    t.fired[t.fired_count] = '\0';
}

static void on_late(void *ctx, const nh_timer_t *timer, uint64_t late_ms)
{
    assert_ptr_equal(ctx, &t);
    t.late_ms = late_ms;
    t.late_name = timer->name;
    t.late_count++;
}

static void sched_make(uint32_t max)
{
    struct nh_sched_config cfg = {
        .mem = t.mem.mem, .timer_max_count = max, .late_ms = 100, .late = on_late, .ctx = &t};
    assert_int_equal(nh_sched_create(&cfg, &t.s), NH_OK);
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    mem_fixture_init(&t.mem, NULL);
    sched_make(8);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_sched_destroy(t.s);
    mem_fixture_deinit(&t.mem);
    return 0;
}

static nh_timer_t timer_named(const char *name)
{
    return (nh_timer_t){.fire = on_fire, .ctx = (void *)(uintptr_t)name, .name = name};
}

// Runs at `now_ms` and expects these letters.
static void run_expect(uint64_t now_ms, const char *letters)
{
    t.fired_count = 0;
    t.fired[0] = '\0';
    size_t n = nh_sched_run(t.s, now_ms);
    assert_string_equal(t.fired, letters);
    assert_int_equal(n, strlen(letters));
    assert_int_equal(nh_sched_check(t.s), NH_OK);
}

static void nothing_armed_never_comes(void **state)
{
    (void)state;
    assert_true(nh_sched_next_deadline(t.s) == NH_NEVER);
    run_expect(0, "");
    run_expect(UINT64_MAX, "");
}

static void fires_at_its_time_and_not_before(void **state)
{
    (void)state;
    nh_timer_t a = timer_named("a");
    assert_false(nh_timer_is_armed(&a));
    assert_int_equal(nh_timer_arm(t.s, &a, 0, 0), NH_OK);
    assert_true(nh_timer_is_armed(&a));
    assert_true(nh_sched_next_deadline(t.s) == 0);
    run_expect(0, "a");
    assert_false(nh_timer_is_armed(&a));
    run_expect(0, "");
    assert_int_equal(nh_timer_arm(t.s, &a, 50, 0), NH_OK);
    run_expect(49, "");
    run_expect(50, "a");
    assert_int_equal(nh_timer_arm(t.s, &a, 10, 0), NH_OK); // in the past
    run_expect(50, "a");
}

static void equal_deadlines_fire_in_one_run_in_order(void **state)
{
    (void)state;
    nh_timer_t a = timer_named("a"), b = timer_named("b"), c = timer_named("c");
    nh_timer_t d = timer_named("d"), e = timer_named("e");
    nh_timer_t *order[] = {&c, &a, &e, &b, &d};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(nh_timer_arm(t.s, order[i], i == 4 ? 9 : 10, 20), NH_OK);
    run_expect(10, "dcaeb");
    run_expect(29, "d");
    run_expect(30, "caeb");
    assert_int_equal(nh_timer_arm(t.s, &c, 50, 20), NH_OK); // moved behind its equals
    nh_timer_cancel(t.s, &d);
    run_expect(50, "aebc");
}

static void arming_again_moves(void **state)
{
    (void)state;
    nh_timer_t a = timer_named("a");
    assert_int_equal(nh_timer_arm(t.s, &a, 10, 5), NH_OK);
    assert_int_equal(nh_timer_arm(t.s, &a, 100, 0), NH_OK);
    assert_true(nh_sched_next_deadline(t.s) == 100);
    run_expect(99, "");
    run_expect(100, "a");
    assert_true(nh_sched_next_deadline(t.s) == NH_NEVER);
}

static void a_timer_without_fire_is_refused(void **state)
{
    (void)state;
    nh_timer_t a = {0};
    assert_int_equal(nh_timer_arm(t.s, &a, 10, 0), NH_ERR_INVAL);
    nh_timer_cancel(t.s, &a);
    assert_false(nh_timer_is_armed(&a));
}

static void missed_periods_fire_once_and_keep_the_beat(void **state)
{
    (void)state;
    nh_timer_t a = timer_named("a");
    assert_int_equal(nh_timer_arm(t.s, &a, 10, 10), NH_OK);
    run_expect(10, "a");
    assert_true(nh_sched_next_deadline(t.s) == 20);
    run_expect(27, "a"); // late, but none missed
    assert_int_equal(a.missed_count, 0);
    assert_true(nh_sched_next_deadline(t.s) == 30);
    run_expect(65, "a"); // 40, 50 and 60 are left out
    assert_int_equal(a.missed_count, 3);
    assert_true(nh_sched_next_deadline(t.s) == 70);
    run_expect(80, "a"); // on a beat: 80 itself was missed, the next one is after now
    assert_int_equal(a.missed_count, 4);
    assert_true(nh_sched_next_deadline(t.s) == 90);
    struct nh_sched_info info;
    nh_sched_info(t.s, &info);
    assert_true(info.missed == 4 && info.fired == 4 && info.late_max_ms == 35);
}

static void a_long_sleep_fires_each_once(void **state)
{
    (void)state;
    nh_timer_t a = timer_named("a"), b = timer_named("b");
    assert_int_equal(nh_timer_arm(t.s, &a, 0, 1), NH_OK);
    assert_int_equal(nh_timer_arm(t.s, &b, 7, 0), NH_OK);
    const uint64_t year = UINT64_C(31536000000);
    run_expect(200 * year, "ab");
    assert_true(a.missed_count == UINT32_MAX); // held at its limit, not wrapped
    assert_true(a.late_max_ms == UINT32_MAX);
    assert_true(nh_sched_next_deadline(t.s) == 200 * year + 1);
}

static void near_the_end_of_time(void **state)
{
    (void)state;
    nh_timer_t a = timer_named("a"), b = timer_named("b");
    assert_int_equal(nh_timer_arm(t.s, &a, UINT64_MAX - 3, 2), NH_OK);
    assert_int_equal(nh_timer_arm(t.s, &b, NH_NEVER, 1), NH_OK);
    run_expect(UINT64_MAX - 4, "");
    run_expect(UINT64_MAX - 3, "a");
    assert_true(nh_sched_next_deadline(t.s) == UINT64_MAX - 1);
    run_expect(UINT64_MAX - 1, "a");
    assert_true(nh_sched_next_deadline(t.s) == NH_NEVER);
    run_expect(UINT64_MAX, "");
    assert_true(nh_timer_is_armed(&a) && nh_timer_is_armed(&b));
    assert_int_equal(nh_timer_arm_aligned(t.s, &b, UINT64_MAX - 1, 1000, 0), NH_OK);
    assert_true(b.due_ms == NH_NEVER);
}

static void aligned_timers_share_their_deadlines(void **state)
{
    (void)state;
    static const struct {
        uint64_t now_ms;
        uint32_t period_ms, phase_ms;
        uint64_t due_ms;
    } rows[] = {
        {0, 10, 0, 10}, {0, 10, 3, 3},   {3, 10, 3, 13},       {4, 10, 3, 13},
        {9, 10, 0, 10}, {10, 10, 0, 20}, {12345, 1, 0, 12346}, {19, 10, 9, 29},
    };
    nh_timer_t a = timer_named("a");
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_int_equal(
            nh_timer_arm_aligned(t.s, &a, rows[i].now_ms, rows[i].period_ms, rows[i].phase_ms),
            NH_OK);
        assert_true(nh_sched_next_deadline(t.s) == rows[i].due_ms);
    }
    assert_int_equal(nh_timer_arm_aligned(t.s, &a, 0, 0, 0), NH_ERR_RANGE);
    assert_int_equal(nh_timer_arm_aligned(t.s, &a, 0, 10, 10), NH_ERR_RANGE);
}

static void a_cluster_wakes_once(void **state)
{
    (void)state;
    nh_timer_t cluster[6];
    for (size_t i = 0; i < 6; i++) {
        cluster[i] = timer_named("x");
        assert_int_equal(nh_timer_arm_aligned(t.s, &cluster[i], 1000 + 1513 * i, 10000, 0), NH_OK);
    }
    unsigned wakes = 0;
    uint64_t now = 9999;
    for (; nh_sched_next_deadline(t.s) <= 60000; wakes++) {
        now = nh_sched_next_deadline(t.s);
        run_expect(now, "xxxxxx");
    }
    assert_int_equal(wakes, 6);
}

static void the_limit_is_counted_and_harmless(void **state)
{
    (void)state;
    nh_timer_t timers[9];
    for (size_t i = 0; i < 9; i++) {
        timers[i] = timer_named("x");
        int err = nh_timer_arm(t.s, &timers[i], 10 + i, 0);
        assert_int_equal(err, i < 8 ? NH_OK : NH_ERR_FULL);
    }
    assert_false(nh_timer_is_armed(&timers[8]));
    assert_int_equal(nh_timer_arm(t.s, &timers[0], 20, 0), NH_OK); // moving needs no place
    nh_timer_cancel(t.s, &timers[3]);
    assert_int_equal(nh_timer_arm(t.s, &timers[8], 5, 0), NH_OK);
    struct nh_sched_info info;
    nh_sched_info(t.s, &info);
    assert_int_equal(info.full, 1);
    assert_int_equal(info.armed_count, 8);
    assert_int_equal(info.armed_max, 8);
    assert_int_equal(info.timer_max_count, 8);
    run_expect(100, "xxxxxxxx");
}

static void late_timers_are_reported(void **state)
{
    (void)state;
    nh_timer_t a = timer_named("a"), b = timer_named("b");
    assert_int_equal(nh_timer_arm(t.s, &a, 10, 0), NH_OK);
    run_expect(110, "a"); // 100 late: the limit itself is not over it
    assert_int_equal(t.late_count, 0);
    assert_int_equal(nh_timer_arm(t.s, &b, 10, 0), NH_OK);
    run_expect(111, "b");
    assert_int_equal(t.late_count, 1);
    assert_string_equal(t.late_name, "b");
    assert_true(t.late_ms == 101);
    assert_int_equal(b.late_max_ms, 101);
    struct nh_sched_info info;
    nh_sched_info(t.s, &info);
    assert_true(info.late == 1 && info.late_max_ms == 101);
}

// ---- changes from within fire ------------------------------------------------------------------

static nh_timer_t *others[3];

static void cancel_others(void *ctx, nh_timer_t *timer, uint64_t now_ms)
{
    on_fire(ctx, timer, now_ms);
    for (size_t i = 0; i < 3; i++)
        if (others[i])
            nh_timer_cancel(t.s, others[i]);
    assert_int_equal(nh_sched_check(t.s), NH_OK);
}

static void cancel_within_fire(void **state)
{
    (void)state;
    nh_timer_t a = timer_named("a"), b = timer_named("b"), c = timer_named("c");
    nh_timer_t d = timer_named("d");
    b.fire = cancel_others;
    others[0] = &a; // fired before it in the same run, armed again
    others[1] = &c; // due in the same run
    others[2] = &b; // itself
    assert_int_equal(nh_timer_arm(t.s, &a, 10, 10), NH_OK);
    assert_int_equal(nh_timer_arm(t.s, &b, 10, 10), NH_OK);
    assert_int_equal(nh_timer_arm(t.s, &c, 10, 10), NH_OK);
    assert_int_equal(nh_timer_arm(t.s, &d, 10, 10), NH_OK);
    run_expect(10, "abd");
    assert_false(nh_timer_is_armed(&a) || nh_timer_is_armed(&b) || nh_timer_is_armed(&c));
    run_expect(20, "d");
}

static void arm_others_now(void *ctx, nh_timer_t *timer, uint64_t now_ms)
{
    on_fire(ctx, timer, now_ms);
    assert_int_equal(nh_sched_run(t.s, now_ms), 0); // a run within a run
    for (size_t i = 0; i < 3; i++)
        if (others[i])
            assert_int_equal(nh_timer_arm(t.s, others[i], 0, 0), NH_OK);
    assert_int_equal(nh_sched_check(t.s), NH_OK);
}

static void arm_within_fire_waits_for_the_next_run(void **state)
{
    (void)state;
    nh_timer_t a = timer_named("a"), b = timer_named("b"), c = timer_named("c");
    a.fire = arm_others_now;
    others[0] = &a; // itself, for ever: a run must end all the same
    others[1] = &b; // due in the same run: moved out of it
    others[2] = NULL;
    assert_int_equal(nh_timer_arm(t.s, &a, 10, 0), NH_OK);
    assert_int_equal(nh_timer_arm(t.s, &b, 10, 0), NH_OK);
    assert_int_equal(nh_timer_arm(t.s, &c, 10, 0), NH_OK);
    run_expect(10, "ac");
    assert_true(nh_sched_next_deadline(t.s) == 0);
    run_expect(10, "a"); // and b moved again behind
    others[1] = NULL;
    run_expect(10, "ab");
    nh_timer_cancel(t.s, &a);
}

static void a_full_schedule_can_change_within_fire(void **state)
{
    (void)state;
    nh_timer_t timers[8];
    for (size_t i = 0; i < 8; i++) {
        timers[i] = timer_named("x");
        assert_int_equal(nh_timer_arm(t.s, &timers[i], 10, 0), NH_OK);
    }
    nh_timer_t extra = timer_named("e");
    timers[0].fire = arm_others_now;
    others[0] = &extra; // takes the place of the one that fires
    others[1] = &timers[7];
    others[2] = &timers[1];
    run_expect(10, "xxxxxx");
    run_expect(10, "exx");
}

static void destroy_disarms(void **state)
{
    (void)state;
    nh_timer_t a = timer_named("a");
    assert_int_equal(nh_timer_arm(t.s, &a, 10, 0), NH_OK);
    nh_sched_destroy(t.s);
    assert_false(nh_timer_is_armed(&a));
    nh_sched_destroy(NULL);
    sched_make(0);
    struct nh_sched_info info;
    nh_sched_info(t.s, &info);
    assert_int_equal(info.timer_max_count, 64);
}

static void create_fails_cleanly(void **state)
{
    (void)state;
    nh_sched_t *s;
    struct nh_sched_config cfg = {.mem = t.mem.mem, .timer_max_count = 65536};
    assert_int_equal(nh_sched_create(&cfg, &s), NH_ERR_RANGE);
    assert_null(s);
    cfg.timer_max_count = 4;
    mem_fixture_fail_nth(&t.mem, 1);
    assert_int_equal(nh_sched_create(&cfg, &s), NH_ERR_NOMEM);
    assert_null(s);
    assert_int_equal(nh_sched_create(&cfg, &s), NH_OK);
    nh_sched_destroy(s);
}

// ---- random operations against a plain list ----------------------------------------------------

enum { TIMERS = 24, PLACES = 16 };

static struct model {
    nh_timer_t timer;
    bool armed;
    uint64_t due_ms, order;
    uint32_t period_ms;
} model[TIMERS];

static uint64_t model_order;
static size_t expected[TIMERS], expected_count, expected_next;

static void on_model_fire(void *ctx, nh_timer_t *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct model *m = ctx;
    assert_ptr_equal(timer, &m->timer);
    assert_true(expected_next < expected_count);
    assert_int_equal(m - model, expected[expected_next++]);
}

// What must fire at `now_ms`, in order: picked one by one from the plain list.
static void model_run(uint64_t now_ms)
{
    expected_count = expected_next = 0;
    for (;;) {
        struct model *best = NULL;
        for (struct model *m = model; m < model + TIMERS; m++)
            if (m->armed && m->due_ms <= now_ms &&
                (!best || m->due_ms < best->due_ms ||
                 (m->due_ms == best->due_ms && m->order < best->order)))
                best = m;
        if (!best)
            break;
        best->armed = false;
        expected[expected_count++] = (size_t)(best - model);
    }
    for (size_t i = 0; i < expected_count; i++) {
        struct model *m = &model[expected[i]];
        m->armed = m->period_ms != 0;
        m->order = model_order++;
        while (m->armed && m->due_ms <= now_ms)
            m->due_ms += m->period_ms;
    }
}

static void model_arm(struct model *m, uint64_t due_ms, uint32_t period_ms)
{
    unsigned armed = 0;
    for (size_t i = 0; i < TIMERS; i++)
        armed += model[i].armed && &model[i] != m;
    int err = nh_timer_arm(t.s, &m->timer, due_ms, period_ms);
    assert_int_equal(err, armed < PLACES ? NH_OK : NH_ERR_FULL);
    m->armed = !err;
    m->due_ms = due_ms;
    m->period_ms = period_ms;
    m->order = model_order++;
}

static void same_as_a_plain_list(void **state)
{
    (void)state;
    nh_sched_destroy(t.s);
    sched_make(PLACES);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng rng = {seed};
        uint64_t now = 0;
        for (size_t i = 0; i < TIMERS; i++)
            model[i] = (struct model){.timer = {.fire = on_model_fire, .ctx = &model[i]}};
        for (int n = 0; n < 500; n++) {
            struct model *m = &model[rng_below(&rng, TIMERS)];
            uint32_t what = rng_below(&rng, 10);
            if (what < 5) {
                model_arm(m, now + rng_below(&rng, 20), rng_below(&rng, 3) * 7);
            } else if (what < 7) {
                nh_timer_cancel(t.s, &m->timer);
                m->armed = false;
            } else {
                now += rng_below(&rng, 12);
                model_run(now);
                assert_int_equal(nh_sched_run(t.s, now), expected_count);
                assert_int_equal(expected_next, expected_count);
            }
            uint64_t next = NH_NEVER;
            for (size_t i = 0; i < TIMERS; i++) {
                assert_int_equal(nh_timer_is_armed(&model[i].timer), model[i].armed);
                if (model[i].armed && model[i].due_ms < next)
                    next = model[i].due_ms;
            }
            assert_true(nh_sched_next_deadline(t.s) == next);
            if (nh_sched_check(t.s))
                fail_msg("seed %u, step %d", (unsigned)seed, n);
        }
        for (size_t i = 0; i < TIMERS; i++)
            nh_timer_cancel(t.s, &model[i].timer);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_armed_never_comes),
        TEST(fires_at_its_time_and_not_before),
        TEST(equal_deadlines_fire_in_one_run_in_order),
        TEST(arming_again_moves),
        TEST(a_timer_without_fire_is_refused),
        TEST(missed_periods_fire_once_and_keep_the_beat),
        TEST(a_long_sleep_fires_each_once),
        TEST(near_the_end_of_time),
        TEST(aligned_timers_share_their_deadlines),
        TEST(a_cluster_wakes_once),
        TEST(the_limit_is_counted_and_harmless),
        TEST(late_timers_are_reported),
        TEST(cancel_within_fire),
        TEST(arm_within_fire_waits_for_the_next_run),
        TEST(a_full_schedule_can_change_within_fire),
        TEST(destroy_disarms),
        TEST(create_fails_cleanly),
        TEST(same_as_a_plain_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
