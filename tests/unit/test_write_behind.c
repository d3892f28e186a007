#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/store/write_behind.h"
#include "support/rng.h"

static struct {
    nh_write_behind_t w;
    unsigned flush_count;
    int flush_err;
    uint64_t now_ms;
    int64_t value, flash; // value 0 of the struct under test, and what the last flush wrote
    void (*within)(void); // called within flush
} t;

static int on_flush(void *ctx)
{
    assert_ptr_equal(ctx, &t);
    if (t.flush_err)
        return t.flush_err;
    t.flush_count++;
    t.flash = t.value;
    if (t.within)
        t.within();
    return 0;
}

static struct nh_write_behind_config config(void)
{
    return (struct nh_write_behind_config){.delay_ms = 100,
                                           .deadline_ms = 1000,
                                           .retry_ms = 300,
                                           .delta = {10, 0},
                                           .flush = on_flush,
                                           .ctx = &t};
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    struct nh_write_behind_config cfg = config();
    assert_int_equal(nh_write_behind_init(&t.w, &cfg), NH_OK);
    nh_write_behind_loaded(&t.w, 0, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    struct nh_write_behind_info info;
    nh_write_behind_info(&t.w, &info);
    assert_true(info.asked == info.made + info.skipped + info.pending);
    assert_true(info.made == t.flush_count);
    return 0;
}

static void set(int64_t value)
{
    t.value = value;
    nh_write_behind_value(&t.w, 0, value, t.now_ms);
}

// Goes to `to_ms`, ticking at each deadline on the way as a loop would.
static int advance(uint64_t to_ms)
{
    int err = 0;
    while (nh_write_behind_next_deadline(&t.w) <= to_ms) {
        uint64_t due = nh_write_behind_next_deadline(&t.w);
        t.now_ms = due > t.now_ms ? due : t.now_ms;
        err = nh_write_behind_tick(&t.w, t.now_ms);
        assert_true(nh_write_behind_next_deadline(&t.w) > t.now_ms); // it never spins
    }
    t.now_ms = to_ms;
    assert_int_equal(nh_write_behind_tick(&t.w, to_ms), 0); // nothing is due between deadlines
    return err;
}

static void assert_counts(uint64_t asked, uint64_t made, uint64_t skipped, uint64_t failed)
{
    struct nh_write_behind_info info;
    nh_write_behind_info(&t.w, &info);
    assert_true(info.asked == asked);
    assert_true(info.made == made);
    assert_true(info.skipped == skipped);
    assert_true(info.failed == failed);
}

static void nothing_changed_writes_nothing(void **state)
{
    (void)state;
    assert_false(nh_write_behind_is_dirty(&t.w));
    assert_true(nh_write_behind_next_deadline(&t.w) == NH_NEVER);
    assert_int_equal(nh_write_behind_tick(&t.w, UINT64_MAX), 0);
    assert_int_equal(nh_write_behind_stop(&t.w, 5), 0);
    assert_counts(0, 0, 0, 0);
}

static void a_change_is_written_after_the_delay(void **state)
{
    (void)state;
    set(10);
    assert_true(nh_write_behind_is_dirty(&t.w));
    assert_true(nh_write_behind_next_deadline(&t.w) == 100);
    advance(99);
    assert_int_equal(t.flush_count, 0);
    advance(100);
    assert_int_equal(t.flush_count, 1);
    assert_int_equal(t.flash, 10);
    assert_false(nh_write_behind_is_dirty(&t.w));
    assert_counts(1, 1, 0, 0);
}

static void changes_in_quick_succession_are_one_write(void **state)
{
    (void)state;
    for (int i = 1; i <= 5; i++) {
        set(i * 100);
        advance(t.now_ms + 60);
    }
    assert_int_equal(t.flush_count, 0);
    advance(t.now_ms + 40);
    assert_int_equal(t.flush_count, 1);
    assert_int_equal(t.flash, 500);
    assert_counts(5, 1, 4, 0);
}

static void endless_changes_meet_the_deadline(void **state)
{
    (void)state;
    for (int i = 1; t.now_ms < 3000; i++) {
        set(i * 100);
        advance(t.now_ms + 60);
    }
    assert_int_equal(t.flush_count, 2); // at 1000 and 2020, each 1000 after the first unsaved
    assert_true(t.flash < t.value);
}

static void small_changes_wait_for_the_deadline(void **state)
{
    (void)state;
    set(9);
    assert_true(nh_write_behind_next_deadline(&t.w) == 1000);
    advance(500);
    set(-9); // 18 away from the last report, 9 from what is written
    advance(999);
    assert_int_equal(t.flush_count, 0);
    advance(1000);
    assert_int_equal(t.flush_count, 1);
    assert_int_equal(t.flash, -9);
    assert_counts(2, 1, 1, 0);
}

static void small_steps_add_up_to_a_change(void **state)
{
    (void)state;
    for (int i = 1; i <= 3; i++) {
        set(4 * i);
        advance(t.now_ms + 50);
    }
    assert_true(nh_write_behind_next_deadline(&t.w) == 200); // since the third step, at 100
    advance(200);
    assert_int_equal(t.flash, 12);
}

static void a_value_that_comes_back_needs_no_write(void **state)
{
    (void)state;
    set(50);
    advance(50);
    set(0);
    assert_false(nh_write_behind_is_dirty(&t.w));
    assert_true(nh_write_behind_next_deadline(&t.w) == NH_NEVER);
    advance(5000);
    assert_counts(2, 0, 2, 0);
    set(0);
    assert_counts(3, 0, 3, 0);
}

static void the_same_report_does_not_put_it_off(void **state)
{
    (void)state;
    set(50);
    advance(90);
    set(50);
    advance(100);
    assert_int_equal(t.flush_count, 1);
    assert_counts(2, 1, 1, 0);
}

static void an_unknown_value_is_worth_a_write(void **state)
{
    (void)state;
    struct nh_write_behind_config cfg = config();
    cfg.delta[2] = 1000;
    assert_int_equal(nh_write_behind_init(&t.w, &cfg), NH_OK);
    nh_write_behind_value(&t.w, 2, 0, 0);
    assert_true(nh_write_behind_next_deadline(&t.w) == 100);
    advance(100);
    assert_int_equal(t.flush_count, 1);
    nh_write_behind_value(&t.w, 2, 999, 100); // known now
    assert_true(nh_write_behind_next_deadline(&t.w) == 1100);
    nh_write_behind_loaded(&t.w, 2, 999); // read back: nothing left to do
    assert_true(nh_write_behind_next_deadline(&t.w) == NH_NEVER);
}

static void values_and_flags_share_a_write(void **state)
{
    (void)state;
    nh_write_behind_loaded(&t.w, 1, 5);
    nh_write_behind_value(&t.w, 1, 6, 0); // delta 0: any change
    nh_write_behind_changed(&t.w, 50);
    set(3);
    nh_write_behind_value(&t.w, 1, 5, 60); // back, but the flag stays
    assert_true(nh_write_behind_next_deadline(&t.w) == 150);
    advance(150);
    assert_int_equal(t.flush_count, 1);
    assert_int_equal(t.flash, 3);
    assert_counts(4, 1, 3, 0);
}

static void extremes_are_measured_right(void **state)
{
    (void)state;
    nh_write_behind_loaded(&t.w, 0, INT64_MIN);
    set(INT64_MAX);
    assert_true(nh_write_behind_next_deadline(&t.w) == 100);
    advance(100);
    set(INT64_MIN);
    assert_true(nh_write_behind_next_deadline(&t.w) == 200);
    t.now_ms = UINT64_MAX - 50;
    set(7);
    assert_true(nh_write_behind_next_deadline(&t.w) < NH_NEVER);
    assert_int_equal(nh_write_behind_stop(&t.w, t.now_ms), 0);
    assert_int_equal(t.flash, 7);
}

static void a_failed_write_is_tried_again(void **state)
{
    (void)state;
    set(50);
    t.flush_err = NH_ERR_NOSPC;
    assert_int_equal(advance(399), NH_ERR_NOSPC);
    assert_counts(1, 0, 0, 1);
    assert_true(nh_write_behind_is_dirty(&t.w));
    assert_true(nh_write_behind_next_deadline(&t.w) == 400);
    assert_int_equal(advance(400), NH_ERR_NOSPC);
    set(60);
    t.flush_err = 0;
    assert_int_equal(advance(500), 0);
    assert_int_equal(t.flash, 60);
    assert_counts(2, 1, 1, 2);
}

static void a_failed_write_of_what_came_back(void **state)
{
    (void)state;
    set(50);
    t.flush_err = NH_ERR_IO;
    advance(150);
    set(0); // as on flash, which the failed write did not change
    assert_false(nh_write_behind_is_dirty(&t.w));
    assert_true(nh_write_behind_next_deadline(&t.w) == NH_NEVER);
}

static void stop_writes_at_once(void **state)
{
    (void)state;
    set(1);
    assert_int_equal(nh_write_behind_stop(&t.w, 1), 0);
    assert_int_equal(t.flash, 1);
    assert_int_equal(nh_write_behind_stop(&t.w, 2), 0);
    assert_int_equal(t.flush_count, 1);
    set(2);
    t.flush_err = NH_ERR_IO;
    assert_int_equal(nh_write_behind_stop(&t.w, 3), NH_ERR_IO);
    assert_true(nh_write_behind_is_dirty(&t.w));
}

static void change_within(void)
{
    t.within = NULL;
    t.value += 100;
    nh_write_behind_value(&t.w, 0, t.value, t.now_ms);
    assert_int_equal(nh_write_behind_tick(&t.w, UINT64_MAX - 1), 0); // does nothing
    assert_int_equal(nh_write_behind_stop(&t.w, t.now_ms), 0);
}

static void a_change_within_flush_belongs_to_the_next(void **state)
{
    (void)state;
    set(50);
    t.within = change_within;
    advance(100);
    assert_int_equal(t.flush_count, 1);
    assert_int_equal(t.flash, 50);
    assert_true(nh_write_behind_next_deadline(&t.w) == 200);
    advance(200);
    assert_int_equal(t.flash, 150);
    assert_counts(2, 2, 0, 0);
}

static void wrong_configs_are_refused(void **state)
{
    (void)state;
    nh_write_behind_t w;
    struct nh_write_behind_config cfg = config();
    cfg.flush = NULL;
    assert_int_equal(nh_write_behind_init(&w, &cfg), NH_ERR_INVAL);
    cfg = config();
    cfg.deadline_ms = 99;
    assert_int_equal(nh_write_behind_init(&w, &cfg), NH_ERR_RANGE);
    cfg = (struct nh_write_behind_config){.flush = on_flush, .ctx = &t};
    assert_int_equal(nh_write_behind_init(&w, &cfg), NH_OK);
    nh_write_behind_changed(&w, 0);
    assert_true(nh_write_behind_next_deadline(&w) == 2000);
}

// Whatever happens, flash is never older than deadline + retry, nothing is written when flash is
// as it should be, and in the end all is there.
static void random_changes_keep_the_promises(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct rng rng = {seed};
        setup(NULL);
        uint64_t stale_since = NH_NEVER;
        for (int n = 0; n < 400; n++) {
            uint32_t what = rng_below(&rng, 10);
            if (what < 5)
                set(t.value + (int64_t)rng_below(&rng, 13) - 6);
            else if (what == 5)
                set(t.flash);
            unsigned before = t.flush_count;
            int64_t flash_before = t.flash;
            advance(t.now_ms + rng_below(&rng, 150));
            if (t.flush_count != before && t.flash == flash_before)
                fail_msg("seed %u, step %d: a write for nothing", (unsigned)seed, n);
            if (t.flash == t.value)
                stale_since = NH_NEVER;
            else if (stale_since == NH_NEVER || t.flush_count != before)
                stale_since = t.now_ms;
            if (stale_since != NH_NEVER && t.now_ms - stale_since > 1000)
                fail_msg("seed %u, step %d: flash is old", (unsigned)seed, n);
            if (nh_write_behind_is_dirty(&t.w) != (t.flash != t.value))
                fail_msg("seed %u, step %d: dirty?", (unsigned)seed, n);
        }
        assert_int_equal(nh_write_behind_stop(&t.w, t.now_ms), 0);
        assert_int_equal(t.flash, t.value);
        assert_int_equal(teardown(NULL), 0);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_changed_writes_nothing),
        TEST(a_change_is_written_after_the_delay),
        TEST(changes_in_quick_succession_are_one_write),
        TEST(endless_changes_meet_the_deadline),
        TEST(small_changes_wait_for_the_deadline),
        TEST(small_steps_add_up_to_a_change),
        TEST(a_value_that_comes_back_needs_no_write),
        TEST(the_same_report_does_not_put_it_off),
        TEST(an_unknown_value_is_worth_a_write),
        TEST(values_and_flags_share_a_write),
        TEST(extremes_are_measured_right),
        TEST(a_failed_write_is_tried_again),
        TEST(a_failed_write_of_what_came_back),
        TEST(stop_writes_at_once),
        TEST(a_change_within_flush_belongs_to_the_next),
        TEST(wrong_configs_are_refused),
        TEST(random_changes_keep_the_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
