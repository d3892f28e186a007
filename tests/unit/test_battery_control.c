// Limits for the inverter: rows for each state, and properties over random packs: never above what
// is allowed, monotone in what endangers a cell.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "battery_fixture.h"
#include "components/battery_bridge/battery_control.h"
#include "support/rng.h"

#define BIT(field) (1u << (field))

static const struct nh_battery_control_config follows = {.follows_state = true};
static const struct nh_battery_control_config board_only = {.follows_state = false};

static struct nh_battery_control_output step(nh_battery_control_t *c,
                                             const struct nh_battery_control_config *cfg,
                                             const struct nh_battery_snapshot *s)
{
    struct nh_battery_control_output out;
    nh_battery_control_step(c, cfg, s, s->valid & ~s->stale, &out);
    return out;
}

// The answer of a new control to one pack.
static struct nh_battery_control_output once(const struct nh_battery_control_config *cfg,
                                             const struct nh_battery_snapshot *s)
{
    nh_battery_control_t c = {0};
    return step(&c, cfg, s);
}

// ---- rows ---------------------------------------------------------------------------------------

static void test_states(void **state)
{
    static const struct {
        int32_t soc_mpct;
        uint16_t status, low_dmv, high_dmv;
        uint8_t state;
        int32_t cvl_mv, ccl_ma, dcl_ma;
    } rows[] = {
        {50000, 0x91, 33000, 33100, NH_BATTERY_BULK, 58400, 90000, 65000},
        {89999, 0x91, 33000, 33100, NH_BATTERY_BULK, 58400, 90000, 65000},
        {90000, 0x91, 33000, 33100, NH_BATTERY_TRANSITION, 58400, 90000, 65000},
        {95000, 0x91, 33000, 33100, NH_BATTERY_FLOAT_APPROACH, 58400, 90000, 65000},
        // Full by the count alone: on it goes to the voltage where the board puts it right.
        {99000, 0x91, 33000, 33100, NH_BATTERY_FLOAT_APPROACH, 58400, 90000, 65000},
        {99000, 0x92, 36300, 36500, NH_BATTERY_FLOAT, 56800, 4500, 65000},
        {99000, 0x92, 34000, 34000, NH_BATTERY_FLOAT, 56800, 5000, 65000},
        {4999, 0x93, 31600, 31700, NH_BATTERY_SUSTAIN, 51360, 5000, 5000},
        {4999, 0x93, 30100, 30200, NH_BATTERY_SUSTAIN, 50000, 5000, 5000},
        {50000, 0x91, 33900, 34990, NH_BATTERY_IMBALANCE_HOLD, 58396, 5000, 65000},
        // The same spread under load at the lower end is none of balancing's.
        {50000, 0x93, 31700, 32800, NH_BATTERY_BULK, 58400, 90000, 65000},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_battery_snapshot s = battery_pack();
        s.v.soc_mpct = rows[i].soc_mpct;
        s.v.status = rows[i].status;
        battery_cells_set(&s, rows[i].low_dmv);
        s.v.cell_dmv[5] = rows[i].high_dmv;
        battery_derive(&s);
        const struct nh_battery_control_output out = once(&follows, &s);
        assert_true(out.is_known);
        if (out.state != rows[i].state || out.cvl_mv != rows[i].cvl_mv ||
            out.ccl_ma != rows[i].ccl_ma || out.dcl_ma != rows[i].dcl_ma)
            fail_msg("row %zu: %s %d mV, %d mA, %d mA", i, nh_battery_control_text(out.state),
                     (int)out.cvl_mv, (int)out.ccl_ma, (int)out.dcl_ma);
        assert_int_equal(out.dvl_mv, 48000);
        assert_int_equal(out.wants_charge, out.state == NH_BATTERY_SUSTAIN);
    }
}

static void test_hysteresis(void **state)
{
    static const struct {
        int32_t soc_mpct;
        uint16_t status;
        uint16_t spread_dmv; // under 3.5 V
        uint8_t state;
    } rows[] = {
        {99000, 0x91, 0, NH_BATTERY_FLOAT_APPROACH},
        {99000, 0x92, 0, NH_BATTERY_FLOAT},
        {97000, 0x93, 0, NH_BATTERY_FLOAT}, // left below 95 %
        {95000, 0x93, 0, NH_BATTERY_FLOAT},
        {94999, 0x93, 0, NH_BATTERY_TRANSITION},
        {99000, 0x91, 0, NH_BATTERY_FLOAT_APPROACH}, // it was not full since
        {50000, 0x91, 999, NH_BATTERY_BULK},
        {50000, 0x91, 1000, NH_BATTERY_IMBALANCE_HOLD},
        {50000, 0x91, 500, NH_BATTERY_IMBALANCE_HOLD},
        {50000, 0x91, 499, NH_BATTERY_BULK},
        {4999, 0x93, 0, NH_BATTERY_SUSTAIN},
        {7999, 0x91, 2000, NH_BATTERY_SUSTAIN}, // before the imbalance
        {8000, 0x91, 0, NH_BATTERY_BULK},
        {5000, 0x91, 0, NH_BATTERY_BULK},
    };
    nh_battery_control_t c = {0};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_battery_snapshot s = battery_pack();
        s.v.soc_mpct = rows[i].soc_mpct;
        s.v.status = rows[i].status;
        battery_cells_set(&s, 35000);
        s.v.cell_dmv[0] = (uint16_t)(35000 - rows[i].spread_dmv);
        battery_derive(&s);
        const struct nh_battery_control_output out = step(&c, &follows, &s);
        if (out.state != rows[i].state)
            fail_msg("row %zu: %s", i, nh_battery_control_text(out.state));
    }
    assert_string_equal(nh_battery_control_text(99), "unknown");
}

// One cell over full pulls the voltage down at once; it comes back by steps.
static void test_protection(void **state)
{
    struct nh_battery_snapshot s = battery_pack();
    nh_battery_control_t c = {0};
    (void)state;
    s.v.current_ma = 0;
    battery_cells_set(&s, 36000);
    assert_int_equal(step(&c, &follows, &s).cvl_mv, 58400);
    s.v.cell_dmv[3] = 36600; // 10 mV over: 75 mV a cell
    battery_derive(&s);
    struct nh_battery_control_output out = step(&c, &follows, &s);
    assert_int_equal(out.cvl_mv, (3650 - 75) * 16);
    assert_true(out.is_protecting);
    assert_true(out.ccl_ma < 90000 / 20);
    assert_int_equal(out.dcl_ma, 65000); // the trouble is charging
    s.v.current_ma = 157000;             // half the capacity in an hour doubles it
    assert_int_equal(step(&c, &follows, &s).cvl_mv, (3650 - 150) * 16);
    s.v.cell_dmv[3] = 37900; // never under the lowest float
    battery_derive(&s);
    out = step(&c, &follows, &s);
    assert_int_equal(out.cvl_mv, (3650 - 450) * 16);
    assert_int_equal(out.ccl_ma, 0);
    s.v.cell_dmv[3] = 36300;
    battery_derive(&s);
    for (int i = 1; i <= 18; i++) {
        out = step(&c, &follows, &s);
        assert_int_equal(out.cvl_mv, (3650 - 450 + 25 * i) * 16);
        assert_true(out.is_protecting); // until it is 30 mV under full
    }
    assert_int_equal(step(&c, &follows, &s).cvl_mv, 58400);
    s.v.cell_dmv[3] = 36199;
    battery_derive(&s);
    assert_false(step(&c, &follows, &s).is_protecting);
}

static void test_currents(void **state)
{
    static const struct {
        uint16_t low_dmv, high_dmv;
        int32_t cold_mc, hot_mc, ccl_ma, dcl_ma;
    } rows[] = {
        {33300, 33300, 20000, 20000, 90000, 65000},
        // The highest cell: 3.500 whole, 3.600 a quarter, 3.650 a twentieth, 3.725 nothing.
        {33300, 35000, 20000, 20000, 5000, 65000}, // (imbalance)
        {35000, 35000, 20000, 20000, 90000, 65000},
        {35500, 35500, 20000, 20000, 56250, 65000},
        {36000, 36000, 20000, 20000, 22500, 65000},
        {36500, 36500, 20000, 20000, 4500, 65000},
        {37240, 37240, 20000, 20000, 90, 65000},
        {37250, 37250, 20000, 20000, 0, 65000},
        // The lowest: 3.150 whole, 3.050 a quarter, 3.000 a twentieth, 2.900 nothing.
        {31500, 33300, 20000, 20000, 90000, 65000},
        {30500, 33300, 20000, 20000, 90000, 16250},
        {30000, 33300, 20000, 20000, 90000, 3250},
        {29000, 33300, 20000, 20000, 90000, 0},
        // Temperatures while charging: 0, 2, 5, 10 and 40, 45, 50, 55.
        {33300, 33300, 0, 20000, 0, 65000},
        {33300, 33300, 2000, 20000, 22500, 65000},
        {33300, 33300, 5000, 20000, 45000, 65000},
        {33300, 33300, 7500, 20000, 67500, 65000},
        {33300, 33300, 10000, 20000, 90000, 65000},
        {33300, 33300, -30000, 20000, 0, 65000},
        {33300, 33300, -40001, 20000, 0, 0},
        {33300, 33300, 20000, 40000, 90000, 65000},
        {33300, 33300, 20000, 45000, 45000, 65000},
        {33300, 33300, 20000, 50000, 22500, 65000},
        {33300, 33300, 20000, 55000, 0, 65000},
        {33300, 33300, 20000, 57500, 0, 32500},
        {33300, 33300, 20000, 60000, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_battery_snapshot s = battery_pack();
        battery_cells_set(&s, rows[i].low_dmv);
        s.v.cell_dmv[15] = rows[i].high_dmv;
        battery_derive(&s);
        s.v.temp_ext1_mc = rows[i].hot_mc;
        s.v.temp_ext2_mc = rows[i].cold_mc;
        s.v.temperature_mc = (rows[i].hot_mc + rows[i].cold_mc) / 2;
        const struct nh_battery_control_output out = once(&follows, &s);
        if (out.ccl_ma != rows[i].ccl_ma || out.dcl_ma != rows[i].dcl_ma)
            fail_msg("row %zu: %d mA, %d mA", i, (int)out.ccl_ma, (int)out.dcl_ma);
        assert_int_equal(out.is_charge_allowed, out.ccl_ma > 0);
        assert_int_equal(out.is_discharge_allowed, out.dcl_ma > 0);
    }
}

static void test_operator_and_board(void **state)
{
    static const struct {
        int32_t board_charge_a, charge_a, board_discharge_a, discharge_a;
        int32_t ccl_ma, dcl_ma;
    } rows[] = {
        {90, 0, 65, 0, 90000, 65000},
        {90, 50, 65, 40, 50000, 40000},
        {90, 500, 65, 500, 90000, 65000},
        {0, 50, 0, 40, 0, 0},
        {-5, 50, -1, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        for (int follows_state = 0; follows_state < 2; follows_state++) {
            struct nh_battery_snapshot s = battery_pack();
            const struct nh_battery_control_config cfg = {.charge_max_a = rows[i].charge_a,
                                                          .discharge_max_a = rows[i].discharge_a,
                                                          .follows_state = follows_state};
            s.v.limits.charge_a = rows[i].board_charge_a;
            s.v.limits.discharge_a = rows[i].board_discharge_a;
            const struct nh_battery_control_output out = once(&cfg, &s);
            assert_int_equal(out.ccl_ma, rows[i].ccl_ma);
            assert_int_equal(out.dcl_ma, rows[i].dcl_ma);
        }
}

// What the board's switches do, in both kinds of control.
static void test_faults(void **state)
{
    static const struct {
        uint16_t status, dmv;
        bool charge, discharge, wants;
    } rows[] = {
        {0x93, 33300, true, true, false},
        {0x9B, 33300, false, false, false}, // heat, current, a switch
        {0x9B, 38000, false, true, false},  // over-voltage: the load stays
        {0x9B, 28000, true, false, true},   // under-voltage: a charger brings it back
        {0x97, 28000, true, false, true},   // before the board says so
        {0x97, 38000, false, true, false},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        for (int follows_state = 0; follows_state < 2; follows_state++) {
            struct nh_battery_snapshot s = battery_pack();
            s.v.status = rows[i].status;
            battery_cells_set(&s, rows[i].dmv);
            const struct nh_battery_control_output out =
                once(follows_state ? &follows : &board_only, &s);
            if (out.is_charge_allowed != rows[i].charge ||
                out.is_discharge_allowed != rows[i].discharge || out.wants_charge != rows[i].wants)
                fail_msg("row %zu, follows %d", i, follows_state);
            if (rows[i].wants)
                assert_int_equal(out.ccl_ma, 5000);
        }
}

// Nothing is said of a pack whose cells or settings are not known, or make no sense.
static void test_not_known(void **state)
{
    struct nh_battery_snapshot s = battery_pack();
    (void)state;
    s.stale = BIT(NH_BATTERY_CELLS);
    assert_false(once(&follows, &s).is_known);
    s = battery_pack();
    s.valid &= ~BIT(NH_BATTERY_LIMITS);
    assert_false(once(&follows, &s).is_known);
    static const struct {
        size_t offset;
        int32_t value;
    } odd[] = {
        {offsetof(struct nh_battery_limits, full_mv), 0},
        {offsetof(struct nh_battery_limits, full_mv), 6000},
        {offsetof(struct nh_battery_limits, full_mv), 3800}, // not under the cutoff
        {offsetof(struct nh_battery_limits, empty_mv), 3650},
        {offsetof(struct nh_battery_limits, under_mv), 3000},
        {offsetof(struct nh_battery_limits, over_mv), INT32_MAX},
        {offsetof(struct nh_battery_limits, hot_c), INT32_MAX},
        {offsetof(struct nh_battery_limits, cold_charge_c), INT32_MIN},
        {offsetof(struct nh_battery_limits, charge_a), INT32_MAX},
        {offsetof(struct nh_battery_limits, discharge_a), INT32_MAX},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(odd); i++) {
        s = battery_pack();
        memcpy((uint8_t *)&s.v.limits + odd[i].offset, &odd[i].value, sizeof odd[i].value);
        const struct nh_battery_control_output out = once(&follows, &s);
        assert_false(out.is_known || out.is_charge_allowed || out.is_discharge_allowed);
        assert_int_equal(out.cvl_mv | out.ccl_ma | out.dcl_ma, 0);
    }
    s = battery_pack(); // without a state of charge and temperatures it goes by the cells
    s.valid = BIT(NH_BATTERY_CELLS) | BIT(NH_BATTERY_LIMITS);
    assert_int_equal(once(&follows, &s).ccl_ma, 90000);
    s.valid |= BIT(NH_BATTERY_SOC); // a gateway without a status: full by its count
    s.v.soc_mpct = 100000;
    assert_int_equal(once(&follows, &s).state, NH_BATTERY_FLOAT);
}

// ---- properties ---------------------------------------------------------------------------------

static int32_t between(struct rng *r, int32_t low, int32_t high)
{
    return low + (int32_t)rng_below(r, (uint32_t)(high - low + 1));
}

static struct nh_battery_snapshot any_pack(struct rng *r)
{
    struct nh_battery_snapshot s = battery_pack();
    struct nh_battery_limits *l = &s.v.limits;
    s.v.cell_count = (uint8_t)between(r, 4, 16);
    l->under_mv = between(r, 800, 3400);
    l->empty_mv = l->under_mv + between(r, 10, 300);
    l->full_mv = l->empty_mv + between(r, 10, 1000);
    l->over_mv = l->full_mv + between(r, 10, 300);
    l->balance_mv = between(r, 1000, 4500);
    l->charge_a = between(r, 1, 750);
    l->discharge_a = between(r, 1, 750);
    l->hot_c = between(r, 20, 90);
    l->cold_charge_c = between(r, -40, 10);
    for (int i = 0; i < s.v.cell_count; i++)
        s.v.cell_dmv[i] = (uint16_t)between(r, l->under_mv * 10 - 500, l->over_mv * 10 + 500);
    battery_derive(&s);
    s.v.soc_mpct = between(r, 0, 100000);
    s.v.current_ma = between(r, -300000, 300000);
    s.v.capacity_mah = between(r, 0, 655000);
    s.v.temp_ext1_mc = between(r, -50000, 90000);
    s.v.temp_ext2_mc = between(r, -50000, 90000);
    s.v.temperature_mc = (s.v.temp_ext1_mc + s.v.temp_ext2_mc) / 2;
    static const uint16_t words[] = {0x91, 0x92, 0x93, 0x96, 0x97, 0x9B};
    s.v.status = words[rng_below(r, NH_ARRAY_LEN(words))];
    if (rng_below(r, 4) == 0)
        s.valid &= rng_next(r) | BIT(NH_BATTERY_CELLS) | BIT(NH_BATTERY_LIMITS);
    return s;
}

static void test_never_above(void **state)
{
    struct rng r = {.state = 7};
    (void)state;
    for (int round = 0; round < 2000; round++) {
        nh_battery_control_t c = {0};
        const struct nh_battery_control_config cfg = {.follows_state = rng_below(&r, 4) != 0,
                                                      .charge_max_a = between(&r, 0, 100),
                                                      .discharge_max_a = between(&r, 0, 100)};
        for (int i = 0; i < 20; i++) {
            const struct nh_battery_snapshot s = any_pack(&r);
            const struct nh_battery_limits *l = &s.v.limits;
            const struct nh_battery_control_output out = step(&c, &cfg, &s);
            assert_true(out.is_known);
            assert_in_range(out.cvl_mv, 1, l->full_mv * s.v.cell_count);
            assert_in_range(out.ccl_ma, 0, l->charge_a * 1000);
            assert_in_range(out.dcl_ma, 0, l->discharge_a * 1000);
            if (cfg.charge_max_a)
                assert_true(out.ccl_ma <= cfg.charge_max_a * 1000);
            if (cfg.discharge_max_a)
                assert_true(out.dcl_ma <= cfg.discharge_max_a * 1000);
            if (s.cell_max_dmv >= l->over_mv * 10)
                assert_int_equal(out.ccl_ma, 0);
            if (s.cell_min_dmv <= l->under_mv * 10)
                assert_int_equal(out.dcl_ma, 0);
        }
    }
}

// From the same history, a higher highest cell gives no more current and, over full, no more
// voltage; a lower lowest cell no more discharge; more charge current no more voltage.
static void test_monotone(void **state)
{
    struct rng r = {.state = 7};
    (void)state;
    for (int round = 0; round < 5000; round++) {
        nh_battery_control_t before = {0};
        for (int i = 0; i < 3; i++) {
            const struct nh_battery_snapshot s = any_pack(&r);
            step(&before, &follows, &s);
        }
        struct nh_battery_snapshot a = any_pack(&r), b;
        a.valid = BATTERY_ALL;
        nh_battery_control_t ca = before, cb = before;
        const struct nh_battery_control_output base = step(&ca, &follows, &a);
        b = a;
        uint8_t top = (uint8_t)(a.cell_max_at - 1), low = (uint8_t)(a.cell_min_at - 1);
        b.v.cell_dmv[top] = (uint16_t)(b.v.cell_dmv[top] + between(&r, 1, 1000));
        battery_derive(&b);
        struct nh_battery_control_output other = step(&cb, &follows, &b);
        // Imbalance hold may end nowhere by a higher cell, and CCL never grows by it.
        assert_true(other.ccl_ma <= base.ccl_ma);
        if (a.cell_max_dmv >= a.v.limits.full_mv * 10 && base.state == other.state &&
            base.state != NH_BATTERY_SUSTAIN)
            assert_true(other.cvl_mv <= base.cvl_mv);
        b = a;
        b.v.cell_dmv[low] = (uint16_t)(b.v.cell_dmv[low] - between(&r, 1, 500));
        battery_derive(&b);
        cb = before;
        other = step(&cb, &follows, &b);
        assert_true(other.dcl_ma <= base.dcl_ma);
        b = a;
        b.v.current_ma += between(&r, 1, 100000);
        cb = before;
        other = step(&cb, &follows, &b);
        assert_true(other.cvl_mv <= base.cvl_mv);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_hysteresis),
        cmocka_unit_test(test_protection),
        cmocka_unit_test(test_currents),
        cmocka_unit_test(test_operator_and_board),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_not_known),
        cmocka_unit_test(test_never_above),
        cmocka_unit_test(test_monotone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
