// Energy by trapezoid, cycles, time to full and empty, the trend of the spread.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/battery/battery_derive.h"
#include "support/rng.h"

#include <string.h>

static void sample(nh_battery__derive_t *d, uint64_t ms, int32_t mv, int32_t ma)
{
    nh_battery__derive_sample(d, ms, mv, ma);
}

struct row {
    const char *name;
    int32_t ma[2];
    uint64_t dt_ms;
    uint64_t in_uj, out_uj; // at 40 V
};
static const struct row rows[] = {
    {"at rest", {0, 0}, 1000, 0, 0},
    {"charging", {1000, 1000}, 1000, 40000000, 0},
    {"discharging", {-1000, -1000}, 1000, 0, 40000000},
    {"rising", {0, 2000}, 1000, 40000000, 0},
    {"falling to rest", {-2000, 0}, 1000, 0, 40000000},
    {"across 0 upwards", {-1000, 1000}, 1000, 10000000, 10000000},
    {"across 0 downwards", {3000, -1000}, 1000, 45000000, 5000000},
    {"ten seconds are bridged", {1000, 1000}, 10000, 400000000, 0},
    {"a longer silence is not", {1000, 1000}, 10001, 0, 0},
    {"time stands", {1000, 1000}, 0, 0, 0},
};

static void test_energy_by_trapezoid(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_battery__derive_t d = {0};
        sample(&d, 5000, 40000, rows[i].ma[0]);
        sample(&d, 5000 + rows[i].dt_ms, 40000, rows[i].ma[1]);
        if (d.meters.in_uj != rows[i].in_uj || d.meters.out_uj != rows[i].out_uj)
            fail_msg("%s: %llu in, %llu out", rows[i].name, (unsigned long long)d.meters.in_uj,
                     (unsigned long long)d.meters.out_uj);
    }
}

// A random walk against the same integral in floating point.
static void test_energy_as_floating_point_has_it(void **state)
{
    struct rng r = {5};
    nh_battery__derive_t d = {0};
    double in = 0, out = 0, last = 0;
    uint64_t ms = 1000, last_ms = 0;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        int32_t mv = 39000 + (int32_t)rng_below(&r, 5000);
        int32_t ma = (int32_t)rng_below(&r, 200000) - 100000;
        double w = mv * (double)ma / 1e6, dt = (double)(ms - last_ms) / 1000;
        if (i > 0) {
            bool is_crossing = (w < 0) != (last < 0);
            double size = (w < 0 ? -w : w) + (last < 0 ? -last : last);
            double first = is_crossing && size > 0 ? (last < 0 ? -last : last) / size : 1;
            double head = is_crossing ? last * first / 2 * dt : (w + last) / 2 * dt;
            double tail = is_crossing ? w * (1 - first) / 2 * dt : 0;
            in += (head > 0 ? head : 0) + (tail > 0 ? tail : 0);
            out -= (head < 0 ? head : 0) + (tail < 0 ? tail : 0);
        }
        sample(&d, ms, mv, ma);
        last = w;
        last_ms = ms;
        ms += 1 + rng_below(&r, 2000);
    }
    assert_true((double)d.meters.in_uj / 1e6 > in * 0.9999 &&
                (double)d.meters.in_uj / 1e6 < in * 1.0001);
    assert_true((double)d.meters.out_uj / 1e6 > out * 0.9999 &&
                (double)d.meters.out_uj / 1e6 < out * 1.0001);
}

static void test_an_older_sample_adds_nothing(void **state)
{
    nh_battery__derive_t d = {0};
    (void)state;
    sample(&d, 5000, 40000, 1000);
    sample(&d, 4000, 40000, 1000);
    sample(&d, 6000, 40000, 1000);
    assert_int_equal(d.meters.in_uj, 40000000);
}

static void test_restart_bridges_nothing_and_keeps_meters(void **state)
{
    nh_battery__derive_t d = {0};
    (void)state;
    sample(&d, 1000, 40000, 1000);
    sample(&d, 2000, 40000, 1000);
    nh_battery__derive_restart(&d);
    sample(&d, 3000, 40000, 1000);
    assert_int_equal(d.meters.in_uj, 40000000);
    sample(&d, 4000, 40000, 1000);
    assert_int_equal(d.meters.in_uj, 80000000);
}

static void test_meters_of_a_gateway(void **state)
{
    nh_battery__derive_t d = {0};
    (void)state;
    nh_battery__derive_meter(&d, 1000, 500); // nothing of our own yet: taken over
    assert_int_equal(nh_battery__derive_in_mwh(&d), 1000);
    assert_int_equal(nh_battery__derive_out_mwh(&d), 500);
    nh_battery__derive_meter(&d, 1100, 500);
    assert_int_equal(nh_battery__derive_in_mwh(&d), 1100);
    nh_battery__derive_meter(&d, 50, 510); // it began anew
    assert_int_equal(nh_battery__derive_in_mwh(&d), 1100);
    nh_battery__derive_meter(&d, 60, 510);
    assert_int_equal(nh_battery__derive_in_mwh(&d), 1110);
    sample(&d, 1000, 40000, 1000000); // and samples do not count twice
    sample(&d, 11000, 40000, 1000000);
    assert_int_equal(nh_battery__derive_in_mwh(&d), 1110);
    nh_battery__derive_restart(&d);
    nh_battery__derive_meter(&d, 9000000, 9000000); // another gateway: from here on
    assert_int_equal(nh_battery__derive_in_mwh(&d), 1110);
}

static void test_cycles(void **state)
{
    nh_battery__derive_t d = {.meters = {.out_mams = UINT64_C(250) * 1000 * 3600000}};
    (void)state;
    assert_int_equal(nh_battery__derive_cycles_milli(&d, 100000), 2500);
    assert_int_equal(nh_battery__derive_cycles_milli(&d, 0), 0);
    assert_int_equal(nh_battery__derive_cycles_milli(&d, -1), 0);
}

static void test_time_to_full_and_empty(void **state)
{
    nh_battery__derive_t d = {0};
    (void)state;
    assert_true(nh_battery__derive_full_s(&d, 50000, 100000) == NH_NEVER);
    sample(&d, 1000, 40000, 10000);
    assert_int_equal(nh_battery__derive_full_s(&d, 50000, 100000), 5 * 3600);
    assert_true(nh_battery__derive_empty_s(&d, 50000, 100000) == NH_NEVER);
    assert_true(nh_battery__derive_full_s(&d, 50000, 0) == NH_NEVER);
    assert_int_equal(nh_battery__derive_full_s(&d, 100000, 100000), 0);
    // Smoothed over a minute: a moment of load does not turn it around.
    sample(&d, 2000, 40000, -10000);
    assert_true(nh_battery__derive_full_s(&d, 50000, 100000) < 6 * 3600);
    for (uint64_t ms = 3000; ms < 600000; ms += 1000)
        sample(&d, ms, 40000, -10000);
    assert_in_range(nh_battery__derive_empty_s(&d, 50000, 100000), 17990, 18010);
    for (uint64_t ms = 600000; ms < 1600000; ms += 1000)
        sample(&d, ms, 40000, -99);
    assert_true(nh_battery__derive_empty_s(&d, 50000, 100000) == NH_NEVER); // that is rest
}

static void spread_minutes(nh_battery__derive_t *d, uint64_t from, unsigned minutes, int start,
                           int step)
{
    for (unsigned m = 0; m < minutes; m++)
        for (unsigned s = 0; s < 60; s += 10)
            nh_battery__derive_spread(d, (from + m) * 60000 + s * 1000,
                                      (uint16_t)(start + (int)m * step));
}

static void test_trend_of_the_spread(void **state)
{
    nh_battery__derive_t d = {0};
    (void)state;
    spread_minutes(&d, 0, 10, 100, 2);
    assert_int_equal(nh_battery__derive_trend(&d), NH_BATTERY__TREND_UNKNOWN); // 9 are over
    spread_minutes(&d, 10, 1, 120, 0);
    assert_int_equal(nh_battery__derive_trend(&d), 120); // 0.2 mV a minute
    spread_minutes(&d, 11, 200, 1000, -3);
    assert_int_equal(nh_battery__derive_trend(&d), -180);
    assert_int_equal(d.trend_count, NH_BATTERY__TREND_COUNT);
    spread_minutes(&d, 300, 2, 5, 0); // a hole: points are a minute from each other
    assert_int_equal(nh_battery__derive_trend(&d), NH_BATTERY__TREND_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_energy_by_trapezoid),
        cmocka_unit_test(test_energy_as_floating_point_has_it),
        cmocka_unit_test(test_an_older_sample_adds_nothing),
        cmocka_unit_test(test_restart_bridges_nothing_and_keeps_meters),
        cmocka_unit_test(test_meters_of_a_gateway),
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_time_to_full_and_empty),
        cmocka_unit_test(test_trend_of_the_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
