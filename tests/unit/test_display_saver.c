// The screen saver with a clock that is a variable.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/display/display_saver.h"

static const struct nh_display_settings settings = {.brightness_pct = 80,
                                                    .has_saver = true,
                                                    .saver_timeout_s = 10,
                                                    .fade_out_ms = 800,
                                                    .fade_in_ms = 400,
                                                    .wakes_on_touch = true};

static struct nh_display__saver v;

static void begin(const struct nh_display_settings *s)
{
    nh_display__saver_init(&v, s, 1000);
}

// As the owner's turns do: at each deadline up to `now_ms`.
static unsigned run_to(uint64_t now_ms)
{
    unsigned turns = 0;
    uint64_t from_ms = v.active_ms > v.fade_ms ? v.active_ms : v.fade_ms;
    for (uint64_t next = nh_display__saver_next(&v, from_ms); next <= now_ms; turns++) {
        nh_display__saver_tick(&v, next);
        next = nh_display__saver_next(&v, next);
        assert_true(turns < 1000);
    }
    nh_display__saver_tick(&v, now_ms);
    return turns;
}

static void test_falls_asleep_and_wakes(void **state)
{
    (void)state;
    begin(&settings);
    assert_int_equal(nh_display__saver_pct(&v, 1000), 80);
    assert_int_equal(nh_display__saver_next(&v, 1000), 11000); // nothing to do before
    assert_int_equal(nh_display__saver_left_s(&v, 1500), 10);
    nh_display__saver_tick(&v, 10999);
    assert_int_equal(v.state, NH_SAVER_AWAKE);
    nh_display__saver_tick(&v, 11000);
    assert_int_equal(v.state, NH_SAVER_FADING_OUT);
    assert_int_equal(nh_display__saver_pct(&v, 11400), 40); // half-way
    assert_int_equal(nh_display__saver_left_s(&v, 11400), 0);
    nh_display__saver_tick(&v, 11800);
    assert_int_equal(v.state, NH_SAVER_ASLEEP);
    assert_int_equal(nh_display__saver_pct(&v, 99999), 0);
    assert_int_equal(nh_display__saver_next(&v, 99999), NH_NEVER); // and never again by itself
    nh_display__saver_wake(&v, 100000);
    assert_int_equal(v.state, NH_SAVER_FADING_IN);
    assert_int_equal(nh_display__saver_pct(&v, 100200), 40);
    nh_display__saver_tick(&v, 100400);
    assert_int_equal(v.state, NH_SAVER_AWAKE);
    assert_int_equal(nh_display__saver_next(&v, 100400), 110000);
}

static void test_touch_is_swallowed(void **state)
{
    static const struct {
        uint64_t at_ms;
        bool passes;
        enum nh_saver_state then;
    } rows[] = {
        {2000, true, NH_SAVER_AWAKE},       // counts as activity: sleeps at 12000
        {12100, false, NH_SAVER_FADING_IN}, // fading out: it only wakes
        {12300, false, NH_SAVER_FADING_IN}, //
        {12749, false, NH_SAVER_AWAKE},     // awake, and the finger that woke it is still there
        {12750, true, NH_SAVER_AWAKE},      // 400 + 250 ms behind the wake
    };
    (void)state;
    begin(&settings);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        run_to(rows[i].at_ms);
        bool passes = nh_display__saver_touch(&v, rows[i].at_ms);
        if (passes != rows[i].passes || v.state != rows[i].then)
            fail_msg("row %zu: %d, state %d", i, passes, v.state);
    }
}

static void test_wake_beats_sleep(void **state)
{
    (void)state;
    begin(&settings);
    nh_display__saver_sleep(&v, 2000);
    assert_int_equal(nh_display__saver_pct(&v, 2200), 60);
    nh_display__saver_wake(&v, 2200); // goes up from where it is
    assert_int_equal(nh_display__saver_pct(&v, 2200), 60);
    assert_int_equal(nh_display__saver_pct(&v, 2400), 70);
    nh_display__saver_sleep(&v, 2400);
    assert_int_equal(nh_display__saver_pct(&v, 2400), 70);
    run_to(3200);
    assert_int_equal(v.state, NH_SAVER_ASLEEP);
    nh_display__saver_sleep(&v, 3300);
    assert_int_equal(v.state, NH_SAVER_ASLEEP);
}

static void test_settings(void **state)
{
    struct nh_display_settings s = settings;
    (void)state;
    s.has_saver = false;
    begin(&s);
    assert_int_equal(nh_display__saver_next(&v, 1000), NH_NEVER);
    assert_int_equal(nh_display__saver_left_s(&v, 1000), 0);
    nh_display__saver_sleep(&v, 2000); // by hand it does
    run_to(2800);
    assert_int_equal(v.state, NH_SAVER_ASLEEP);
    assert_false(nh_display__saver_touch(&v, 3000));
    run_to(3400);
    assert_int_equal(v.state, NH_SAVER_AWAKE);
    nh_display__saver_set(&v, &settings, 500000); // its time begins now, not at 3000
    nh_display__saver_tick(&v, 500000);
    assert_int_equal(v.state, NH_SAVER_AWAKE);
    assert_int_equal(nh_display__saver_left_s(&v, 500000), 10);
    s.wakes_on_touch = false;
    s.brightness_pct = 150;
    s.fade_out_ms = 0;
    nh_display__saver_set(&v, &s, 500001);
    assert_int_equal(nh_display__saver_pct(&v, 500001), 100);
    nh_display__saver_sleep(&v, 500002);
    assert_int_equal(v.state, NH_SAVER_ASLEEP); // at once
    assert_false(nh_display__saver_touch(&v, 500003));
    assert_int_equal(v.state, NH_SAVER_ASLEEP);
    nh_display__saver_activity(&v, false, 500004);
    assert_int_equal(v.state, NH_SAVER_ASLEEP);
    nh_display__saver_activity(&v, true, 500005);
    assert_int_equal(v.state, NH_SAVER_FADING_IN);
}

static void test_fade_has_few_steps(void **state)
{
    (void)state;
    begin(&settings);
    assert_in_range(run_to(11800), 30, 45); // one in 20 ms, and the timeout
    assert_int_equal(run_to(10000000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_falls_asleep_and_wakes), cmocka_unit_test(test_touch_is_swallowed),
        cmocka_unit_test(test_wake_beats_sleep),       cmocka_unit_test(test_settings),
        cmocka_unit_test(test_fade_has_few_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
