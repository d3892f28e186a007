// Samples of an hour, a day, a week; hours and days; clocks that are set, holes, readers on the
// way.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/battery/battery_history.h"
#include "unit/battery_values.h"

#include <stdlib.h>
#include <string.h>

#define COUNT 2048
#define HOUR INT64_C(3600000)
#define T0 INT64_C(1800000000000) // a whole hour
_Static_assert(T0 % HOUR == 0, "a whole hour");

static struct nh_battery__point points[COUNT];
static nh_battery__history_t h;
static struct nh_battery_sample out[COUNT];
static uint64_t now_ms;

static int64_t unix_ms(void)
{
    return T0 + (int64_t)now_ms;
}

static int setup(void **state)
{
    (void)state;
    nh_battery__history_init(&h, points, COUNT);
    now_ms = 0;
    return 0;
}

static struct nh_battery_snapshot snapshot(int32_t mv)
{
    struct nh_battery_candidate c = pack_candidate(NH_BATTERY_FROM_LOCAL, 1, now_ms);
    struct nh_battery_snapshot s = {.valid = c.mask | BIT(NH_BATTERY_TEMPERATURE), .v = c.values};
    s.v.voltage_mv = mv;
    s.v.temperature_mc = 25000;
    nh_battery__cells_derive(&s);
    return s;
}

static void pass(uint64_t ms, uint32_t step_ms)
{
    for (uint64_t end = now_ms + ms; now_ms < end; now_ms += step_ms) {
        struct nh_battery_snapshot s = snapshot(40000 + (int32_t)(now_ms / 60000 % 1000));
        nh_battery__history_add(&h, &s, now_ms, unix_ms());
    }
}

static size_t read(int64_t span_ms, size_t max)
{
    size_t n = nh_battery__history_read(&h, unix_ms() - span_ms, unix_ms() + 1, now_ms, unix_ms(),
                                        out, max);
    for (size_t i = 1; i < n; i++)
        assert_true(out[i].unix_ms > out[i - 1].unix_ms);
    return n;
}

static void test_nothing_at_first(void **state)
{
    (void)state;
    assert_int_equal(read(HOUR, COUNT), 0);
    struct nh_battery_aggregate a;
    assert_int_equal(nh_battery__history_hours(&h, &a, 1), 0);
    assert_int_equal(nh_battery__history_days(&h, &a, 1), 0);
}

static void test_a_sample_is_the_mean_of_its_period(void **state)
{
    struct nh_battery_snapshot s;
    (void)state;
    s = snapshot(40000);
    nh_battery__history_add(&h, &s, 0, T0);
    s = snapshot(41000);
    s.v.cell_dmv[0] = 32000;
    nh_battery__cells_derive(&s);
    nh_battery__history_add(&h, &s, 1000, T0 + 1000);
    now_ms = 4000;
    s = snapshot(1);
    nh_battery__history_add(&h, &s, now_ms, unix_ms());
    assert_int_equal(read(HOUR, COUNT), 1);
    assert_int_equal(out[0].voltage_mv, 40500);
    assert_int_equal(out[0].current_ma, -12500);
    assert_int_equal(out[0].temperature_mc, 25000);
    assert_int_equal(out[0].soc_mpct, 73250);
    assert_int_equal(out[0].cell_min_dmv, 32000); // of the cells the extremes
    assert_int_equal(out[0].cell_max_dmv, 33120);
}

static void test_ranges_reach_back_as_far_as_they_say(void **state)
{
    (void)state;
    pass((uint64_t)HOUR * 24 * 9, 20000);
    struct {
        int64_t span_ms;
        size_t min;
    } ranges[] = {{HOUR, 150}, {24 * HOUR, 700}, {7 * 24 * HOUR, 250}};
    for (size_t i = 0; i < NH_ARRAY_LEN(ranges); i++) {
        size_t n = read(ranges[i].span_ms, COUNT);
        assert_true(n >= ranges[i].min);
        // The first is one period after the beginning at most, the last one period old at most.
        int64_t step = (out[n - 1].unix_ms - out[0].unix_ms) / (int64_t)(n - 1);
        assert_true(out[0].unix_ms - (unix_ms() - ranges[i].span_ms) <= 2 * step);
        assert_true(unix_ms() - out[n - 1].unix_ms <= 2 * step);
    }
}

static void test_thinned_evenly_with_the_newest(void **state)
{
    (void)state;
    pass((uint64_t)HOUR, 1000);
    size_t all = read(HOUR, COUNT);
    int64_t newest = out[all - 1].unix_ms;
    size_t n = read(HOUR, 100);
    assert_int_equal(n, 100);
    assert_true(out[99].unix_ms == newest);
    int64_t least = INT64_MAX, most = 0;
    for (size_t i = 1; i < n; i++) {
        int64_t step = out[i].unix_ms - out[i - 1].unix_ms;
        least = step < least ? step : least;
        most = step > most ? step : most;
    }
    assert_true(most - least <= (int64_t)h.ring[0].period_ms + 200);
    assert_int_equal(read(HOUR, 1), 1);
    assert_int_equal(read(HOUR, 0), 0);
}

static void test_from_is_in_and_to_is_not(void **state)
{
    (void)state;
    pass(60000, 500);
    size_t n = read(HOUR, COUNT);
    assert_true(n > 5);
    int64_t from = out[2].unix_ms, to = out[5].unix_ms;
    n = nh_battery__history_read(&h, from, to, now_ms, unix_ms(), out, COUNT);
    assert_int_equal(n, 3);
    assert_true(out[0].unix_ms == from);
    assert_int_equal(nh_battery__history_read(&h, to, from, now_ms, unix_ms(), out, COUNT), 0);
}

static void test_a_clock_that_is_set_later_corrects_all(void **state)
{
    (void)state;
    for (; now_ms < 60000; now_ms += 1000) {
        struct nh_battery_snapshot s = snapshot(40000);
        nh_battery__history_add(&h, &s, now_ms, 0); // no clock: hours and days wait
    }
    struct nh_battery_aggregate a;
    assert_int_equal(nh_battery__history_hours(&h, &a, 1), 0);
    size_t n = read(HOUR, COUNT);
    assert_true(n > 10);
    assert_in_range(out[n - 1].unix_ms, T0 + 50000, T0 + 60000);
}

static void test_silence_is_a_hole(void **state)
{
    (void)state;
    pass(60000, 1000);
    for (uint64_t end = now_ms + 600000; now_ms < end; now_ms += 5000) {
        struct nh_battery_snapshot s = snapshot(40000);
        s.stale = s.valid;
        nh_battery__history_add(&h, &s, now_ms, unix_ms());
    }
    pass(60000, 1000);
    size_t n = read(HOUR, COUNT);
    int64_t widest = 0;
    for (size_t i = 1; i < n; i++)
        if (out[i].unix_ms - out[i - 1].unix_ms > widest)
            widest = out[i].unix_ms - out[i - 1].unix_ms;
    assert_in_range(widest, 595000, 610000);
    struct nh_battery_aggregate a;
    assert_int_equal(nh_battery__history_hours(&h, &a, 1), 1);
    assert_int_equal(a.comm_errors, 1);
}

static void test_unknown_values_are_told_as_such(void **state)
{
    (void)state;
    for (; now_ms < 20000; now_ms += 1000) {
        struct nh_battery_snapshot s = snapshot(40000);
        s.valid = BIT(NH_BATTERY_VOLTAGE);
        nh_battery__history_add(&h, &s, now_ms, unix_ms());
    }
    assert_true(read(HOUR, COUNT) > 2);
    assert_int_equal(out[0].voltage_mv, 40000);
    assert_int_equal(out[0].current_ma, INT32_MIN);
    assert_int_equal(out[0].temperature_mc, INT32_MIN);
    assert_int_equal(out[0].soc_mpct, INT32_MIN);
    assert_int_equal(out[0].cell_min_dmv, 0);
}

static void test_hours_and_days(void **state)
{
    struct nh_battery_aggregate hours[NH_BATTERY_HOURS_COUNT], days[NH_BATTERY_DAYS_COUNT];
    (void)state;
    for (uint64_t end = (uint64_t)HOUR * 49; now_ms < end; now_ms += 60000) {
        uint64_t minute = now_ms / 60000 % 60;
        struct nh_battery_snapshot s = snapshot(40000 + (int32_t)minute);
        s.valid |= BIT(NH_BATTERY_CYCLES);
        s.v.cycles_milli = (uint32_t)(now_ms / 60000);
        s.v.balancing = minute >= 20 && minute < 30;
        nh_battery__history_add(&h, &s, now_ms, unix_ms());
    }
    assert_int_equal(nh_battery__history_hours(&h, hours, NH_BATTERY_HOURS_COUNT),
                     NH_BATTERY_HOURS_COUNT);
    for (size_t i = 0; i < NH_BATTERY_HOURS_COUNT; i++) {
        assert_true(hours[i].start_unix_ms == T0 + (int64_t)(25 + i) * HOUR);
        assert_true(hours[i].end_unix_ms == hours[i].start_unix_ms + HOUR);
        assert_int_equal(hours[i].count[NH_BATTERY_Q_VOLTAGE_MV], 60);
        assert_int_equal(hours[i].min[NH_BATTERY_Q_VOLTAGE_MV], 40000);
        assert_int_equal(hours[i].max[NH_BATTERY_Q_VOLTAGE_MV], 40059);
        assert_int_equal(hours[i].avg[NH_BATTERY_Q_VOLTAGE_MV], 40030);
        assert_int_equal(hours[i].avg[NH_BATTERY_Q_CURRENT_MA], -12500);
        assert_int_equal(hours[i].max[NH_BATTERY_Q_CELL_DELTA_DMV], 120);
        assert_int_equal(hours[i].balancing_events, 1);
        assert_int_equal(hours[i].cycles_milli, 59);
    }
    size_t n = nh_battery__history_days(&h, days, NH_BATTERY_DAYS_COUNT);
    assert_in_range(n, 3, 4);
    assert_int_equal(days[1].count[NH_BATTERY_Q_SOC_MPCT], 1440);
    assert_int_equal(days[1].balancing_events, 24);
}

static void test_a_clock_that_goes_back(void **state)
{
    struct nh_battery_aggregate hours[NH_BATTERY_HOURS_COUNT];
    (void)state;
    struct nh_battery_snapshot s = snapshot(40000);
    for (int64_t hour = 0; hour < 5; hour++)
        nh_battery__history_add(&h, &s, 1000, T0 + hour * HOUR);
    nh_battery__history_add(&h, &s, 2000, T0 + 2 * HOUR);
    size_t n = nh_battery__history_hours(&h, hours, NH_BATTERY_HOURS_COUNT);
    assert_int_equal(n, 3);
    assert_int_equal(hours[2].count[NH_BATTERY_Q_SOC_MPCT], 2);
    nh_battery__history_add(&h, &s, 3000, T0 - 1000 * HOUR);
    assert_int_equal(nh_battery__history_hours(&h, hours, NH_BATTERY_HOURS_COUNT), 1);
}

// Points come between the parts of a reply; those that were overwritten are passed over.
static void test_points_come_while_somebody_reads(void **state)
{
    struct nh_battery__walk w;
    struct nh_battery_sample s;
    int64_t last = 0;
    unsigned n = 0;
    (void)state;
    pass((uint64_t)HOUR * 2, 2000);
    nh_battery__history_walk(&h, unix_ms() - HOUR, unix_ms(), now_ms, unix_ms(), COUNT, &w);
    for (; nh_battery__history_next(&h, &w, &s); n++) {
        assert_true(s.unix_ms > last);
        last = s.unix_ms;
        pass(20000, 2000);
    }
    assert_in_range(n, 50, w.count - 1);
}

static void test_small_histories(void **state)
{
    (void)state;
    nh_battery__history_init(&h, points, NH_BATTERY__HISTORY_MIN_COUNT);
    pass((uint64_t)HOUR * 24 * 8, 60000);
    assert_true(read(HOUR, COUNT) > 20);
    assert_true(read(7 * 24 * HOUR, COUNT) >= 7);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        T(test_nothing_at_first),
        T(test_a_sample_is_the_mean_of_its_period),
        T(test_ranges_reach_back_as_far_as_they_say),
        T(test_thinned_evenly_with_the_newest),
        T(test_from_is_in_and_to_is_not),
        T(test_a_clock_that_is_set_later_corrects_all),
        T(test_silence_is_a_hole),
        T(test_unknown_values_are_told_as_such),
        T(test_hours_and_days),
        T(test_a_clock_that_goes_back),
        T(test_points_come_while_somebody_reads),
        T(test_small_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
