// Alarms: thresholds from the board's own, hysteresis, durations, acknowledgement, the board's log.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/battery/battery_alarms.h"
#include "unit/battery_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0 INT64_C(1800000000000)

static nh_battery__alarms_t a;
static struct nh_battery_snapshot s;
static uint64_t now_ms;
static unsigned told;
static struct nh_battery_alarm last;

static void on_told(void *ctx, const struct nh_battery_alarm *e)
{
    (void)ctx;
    told++;
    last = *e;
}

static void judge(void)
{
    nh_battery__alarms_judge(&a, &s, now_ms, T0 + (int64_t)now_ms);
}

static void pass(uint64_t ms)
{
    for (uint64_t end = now_ms + ms; now_ms < end;) {
        now_ms += 100;
        judge();
    }
}

// A pack that is well: 13 cells at about 3.3 V.
static int setup(void **state)
{
    (void)state;
    struct nh_battery_candidate c = pack_candidate(NH_BATTERY_FROM_LOCAL, 1, 0);
    nh_battery__alarms_init(&a, &(struct nh_battery__alarms_config){NULL, on_told});
    memset(&s, 0, sizeof s);
    s.generation = 1;
    s.source = NH_BATTERY_FROM_LOCAL;
    s.valid = c.mask | BIT(NH_BATTERY_TEMPERATURE);
    s.v = c.values;
    s.v.temperature_mc = 26000;
    now_ms = 1000;
    told = 0;
    nh_battery__cells_derive(&s);
    judge();
    pass(10000);
    assert_int_equal(told, 0);
    return 0;
}

static struct nh_battery_alarm active(unsigned code)
{
    struct nh_battery_alarm e;
    for (size_t i = 0; nh_battery__alarms_active_at(&a, i, &e); i++)
        if (e.code == code)
            return e;
    fail_msg("%u is not active", code);
    return e;
}

static bool is_active(unsigned code)
{
    struct nh_battery_alarm e;
    for (size_t i = 0; nh_battery__alarms_active_at(&a, i, &e); i++)
        if (e.code == code)
            return true;
    return false;
}

// ---- each rule ---------------------------------------------------------------------------------

// The limits of the tests: cells 2.6, 3.0, 3.6, 3.8 V; 50 and 100 A; 60 and 0 degrees; 40 mV.
struct rule_row {
    unsigned code;
    const char *what;
    void (*set)(int32_t v);
    // Well; the first value that is a warning; critical (0: no such); the first that is well again.
    int32_t well, warning, critical, back;
};

static void set_cells(int32_t mv)
{
    for (unsigned i = 0; i < PACK_CELLS; i++)
        s.v.cell_dmv[i] = 33000;
    s.v.cell_dmv[6] = (uint16_t)(mv * 10);
    nh_battery__cells_derive(&s);
}
static void set_spread(int32_t mv)
{
    set_cells(3300 + mv);
}
static void set_voltage(int32_t mv)
{
    s.v.voltage_mv = mv;
}
static void set_hot(int32_t mc)
{
    s.v.temp_ext2_mc = mc;
}
static void set_cold(int32_t mc)
{
    s.v.current_ma = 1000;
    s.v.temp_ext1_mc = mc;
}
static void set_discharge(int32_t ma)
{
    s.v.current_ma = -ma;
}
static void set_charge(int32_t ma)
{
    s.v.current_ma = ma;
}
static void set_soc(int32_t mpct)
{
    s.v.soc_mpct = mpct;
}
static void set_odd(int32_t mv)
{
    s.odd_cell_at = mv == 0 || mv > 5000 ? 5 : 0;
    s.odd_cell_dmv = s.odd_cell_at ? (uint16_t)(mv * 10) : 0;
}
static void set_status(int32_t status)
{
    s.v.status = (uint16_t)status;
}

static const struct rule_row rule_rows[] = {
    {NH_BATTERY__HOT, "temperature high", set_hot, 56500, 56501, 60001, 53000},
    {NH_BATTERY__COLD, "too cold to charge", set_cold, 2500, 2499, -1, 5000},
    {NH_BATTERY__CELL_HIGH, "cell 7 is high", set_cells, 3780, 3781, 3801, 3760},
    {NH_BATTERY__CELL_LOW, "cell 7 is low", set_cells, 2640, 2639, 2599, 2680},
    {NH_BATTERY__PACK_HIGH, "pack voltage high", set_voltage, 49140, 49141, 49401, 48880},
    {NH_BATTERY__PACK_LOW, "pack voltage low", set_voltage, 34320, 34319, 33799, 34840},
    {NH_BATTERY__DISCHARGE, "discharge current high", set_discharge, 90000, 90001, 100001, 80000},
    {NH_BATTERY__CHARGE, "charge current high", set_charge, 45000, 45001, 50001, 40000},
    {NH_BATTERY__SOC_LOW, "charge low", set_soc, 10000, 9999, 4999, 12000},
    {NH_BATTERY__IMBALANCE, "cells differ", set_spread, 40, 41, 0, 32},
    {NH_BATTERY__IS_FAULTY, "the board reports a fault", set_status, 0x97, 0, 0x9B, 0x97},
};

static const struct nh_battery__rule *rule_of(unsigned code)
{
    for (size_t i = 0; i < NH_BATTERY__RULE_COUNT; i++)
        if (nh_battery__rules[i].code == code)
            return &nh_battery__rules[i];
    return NULL;
}

static void expect(const struct rule_row *r, int32_t v, uint8_t severity)
{
    r->set(v);
    pass(rule_of(r->code)->raise_ms + rule_of(r->code)->clear_ms + 200);
    if (is_active(r->code) != (severity != 0))
        fail_msg("%s at %d: it is %sactive", r->what, (int)v, severity ? "not " : "");
    if (severity)
        assert_int_equal(active(r->code).severity, severity);
    if (severity && !strstr(active(r->code).message, r->what))
        fail_msg("\"%s\" does not say \"%s\"", active(r->code).message, r->what);
}

static void test_each_rule_at_its_edges(void **state)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(rule_rows); i++) {
        const struct rule_row *r = &rule_rows[i];
        setup(state);
        expect(r, r->well, 0);
        if (r->warning)
            expect(r, r->warning, NH_BATTERY_WARNING);
        if (r->critical)
            expect(r, r->critical, NH_BATTERY_CRITICAL);
        // Within the hysteresis it stays.
        if (r->warning)
            expect(r, r->well, NH_BATTERY_WARNING);
        expect(r, r->back, 0);
        assert_int_equal(nh_battery__alarms_sum(&a).active, 0);
        assert_int_equal(a.count, 1); // one alarm, whatever its severity was
        assert_int_equal(a.entry[0].state, NH_BATTERY_CLEARED);
        assert_true(a.entry[0].cleared_unix_ms > a.entry[0].raised_unix_ms);
    }
}

static void test_every_rule_has_a_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_BATTERY__RULE_COUNT; i++) {
        bool is_there = nh_battery__rules[i].code == NH_BATTERY__SILENCE ||
                        nh_battery__rules[i].code == NH_BATTERY__CELL_ODD;
        for (size_t k = 0; k < NH_ARRAY_LEN(rule_rows); k++)
            is_there = is_there || rule_rows[k].code == nh_battery__rules[i].code;
        assert_true(is_there);
    }
}

static void test_cold_matters_only_when_charging(void **state)
{
    (void)state;
    set_cold(-10000);
    s.v.current_ma = -1000;
    pass(30000);
    assert_int_equal(told, 0);
}

static void test_without_limits_there_are_no_rules(void **state)
{
    (void)state;
    s.valid &= ~BIT(NH_BATTERY_LIMITS);
    set_cells(4900);
    pass(60000);
    assert_int_equal(told, 0);
    s.valid |= BIT(NH_BATTERY_LIMITS);
    memset(&s.v.limits, 0, sizeof s.v.limits);
    pass(60000);
    assert_int_equal(told, 0);
}

// ---- time --------------------------------------------------------------------------------------

static void test_minimum_duration_both_ways(void **state)
{
    (void)state;
    set_cells(3790);
    pass(900);
    assert_int_equal(told, 0);
    set_cells(3700);
    pass(100);
    set_cells(3790); // it begins anew
    pass(1000);
    assert_int_equal(told, 0);
    pass(100);
    assert_int_equal(told, 1);
    assert_int_equal(last.state, NH_BATTERY_ACTIVE);
    assert_int_equal(last.value, 3790);
    assert_int_equal(last.threshold, 3780);
    assert_string_equal(last.message, "cell 7 is high: 3.790 V (limit 3.780)");
    set_cells(3700);
    pass(4900);
    assert_int_equal(told, 1);
    pass(200);
    assert_int_equal(told, 2);
    assert_int_equal(last.state, NH_BATTERY_CLEARED);
}

static void test_deadline_says_when_a_duration_is_over(void **state)
{
    (void)state;
    assert_true(nh_battery__alarms_deadline(&a) == NH_NEVER);
    s.v.limits.spread_mv = 0;
    set_cells(3790);
    judge();
    assert_true(nh_battery__alarms_deadline(&a) == now_ms + 1000);
    now_ms += 1000; // nothing else came
    judge();
    assert_int_equal(told, 1);
    assert_true(nh_battery__alarms_deadline(&a) == NH_NEVER);
    set_cells(3700);
    judge();
    assert_true(nh_battery__alarms_deadline(&a) == now_ms + 5000);
}

static void test_stale_values_neither_raise_nor_clear(void **state)
{
    (void)state;
    set_cells(3790);
    s.stale = BIT(NH_BATTERY_CELLS);
    pass(30000);
    assert_int_equal(told, 0);
    s.stale = 0;
    pass(1200);
    assert_int_equal(told, 1);
    set_cells(3300);
    s.stale = BIT(NH_BATTERY_CELLS);
    pass(30000);
    assert_int_equal(told, 1);
    assert_true(is_active(NH_BATTERY__CELL_HIGH));
    s.stale = 0;
    pass(5200);
    assert_int_equal(told, 2);
}

static void test_silence(void **state)
{
    (void)state;
    s.stale = s.valid;
    pass(2900);
    assert_int_equal(told, 0);
    pass(200);
    assert_int_equal(last.code, NH_BATTERY__SILENCE);
    assert_int_equal(last.state, NH_BATTERY_ACTIVE);
    s.stale = 0;
    pass(1200);
    assert_int_equal(last.state, NH_BATTERY_CLEARED);
    s.source = NH_BATTERY_FROM_STORE; // what was stored is not silence of a source
    s.stale = s.valid;
    pass(60000);
    assert_int_equal(told, 2);
}

static void test_an_odd_cell_is_named(void **state)
{
    static const struct {
        int32_t mv;
        const char *says;
    } rows[] = {{0, "cell 5 reads 0 mV: a wire may be open"},
                {5001, "cell 5 reads 5001 mV: a wire may be open"}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        set_odd(rows[i].mv);
        pass(1900);
        assert_false(is_active(NH_BATTERY__CELL_ODD));
        pass(60000); // it lasts as long as it is so
        assert_string_equal(active(NH_BATTERY__CELL_ODD).message, rows[i].says);
        assert_int_equal(active(NH_BATTERY__CELL_ODD).severity, NH_BATTERY_WARNING);
        assert_int_equal(active(NH_BATTERY__CELL_ODD).value, rows[i].mv * 1000);
        set_odd(3300);
        pass(5200);
        assert_false(is_active(NH_BATTERY__CELL_ODD));
    }
}

static void test_another_generation_ends_what_its_values_raised(void **state)
{
    (void)state;
    set_cells(3790);
    pass(1200);
    assert_int_equal(nh_battery__alarms_sum(&a).active, 1);
    s.generation = 2;
    s.valid = 0;
    judge();
    assert_int_equal(nh_battery__alarms_sum(&a).active, 0);
    assert_int_equal(last.state, NH_BATTERY_CLEARED);
}

// ---- acknowledging -----------------------------------------------------------------------------

static void test_acknowledge_does_not_clear(void **state)
{
    (void)state;
    set_cells(3790);
    pass(1200);
    uint32_t id = last.id;
    assert_int_equal(nh_battery__alarms_sum(&a).unacknowledged, 1);
    assert_int_equal(nh_battery__alarms_acknowledge(&a, id + 1), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_battery__alarms_acknowledge(&a, id), 0);
    assert_int_equal(last.state, NH_BATTERY_ACKNOWLEDGED);
    assert_int_equal(told, 2);
    assert_int_equal(nh_battery__alarms_acknowledge(&a, id), 0); // again: nothing
    assert_int_equal(told, 2);
    assert_int_equal(nh_battery__alarms_sum(&a).active, 1);
    assert_int_equal(nh_battery__alarms_sum(&a).unacknowledged, 0);
    pass(10000);
    assert_int_equal(told, 2); // raised again by the same cause: no new alarm
    set_cells(3810);           // worse: to be taken note of again
    pass(1200);
    assert_int_equal(told, 3);
    assert_int_equal(last.id, id);
    assert_int_equal(last.severity, NH_BATTERY_CRITICAL);
    assert_int_equal(last.state, NH_BATTERY_ACTIVE);
    assert_int_equal(nh_battery__alarms_acknowledge(&a, 0), 0);
    set_cells(3790); // less bad: not again
    pass(1200);
    set_cells(3785);
    pass(1200);
    assert_int_equal(last.state, NH_BATTERY_ACKNOWLEDGED);
    set_cells(3300);
    pass(5200);
    assert_int_equal(last.state, NH_BATTERY_CLEARED);
    assert_int_equal(nh_battery__alarms_acknowledge(&a, id), NH_ERR_NOT_FOUND);
    assert_int_equal(nh_battery__alarms_acknowledge(&a, 0), 0);
}

static void test_worst_first_then_newest(void **state)
{
    struct nh_battery_alarm e[4];
    (void)state;
    set_soc(9000);
    pass(5200);
    set_cells(3810);
    pass(1200);
    set_charge(46000);
    pass(2200);
    assert_int_equal(nh_battery__alarms_active(&a, e, 4), 3);
    assert_int_equal(e[0].code, NH_BATTERY__CELL_HIGH);
    assert_int_equal(e[1].code, NH_BATTERY__CHARGE);
    assert_int_equal(e[2].code, NH_BATTERY__SOC_LOW);
    assert_int_equal(nh_battery__alarms_active(&a, e, 2), 2);
    struct nh_battery__alarms_sum sum = nh_battery__alarms_sum(&a);
    assert_int_equal(sum.active, 3);
    assert_int_equal(sum.worst, NH_BATTERY_CRITICAL);
}

// ---- status ------------------------------------------------------------------------------------

static void test_status_is_noted(void **state)
{
    (void)state;
    set_status(0x91);
    pass(1500);
    set_status(0x93); // for a moment only
    pass(300);
    set_status(0x91);
    pass(2200);
    assert_int_equal(told, 1);
    assert_int_equal(last.code, NH_BATTERY__IS_CHARGING);
    assert_int_equal(last.state, NH_BATTERY_CLEARED);
    set_status(0x92);
    pass(2200);
    assert_int_equal(last.code, NH_BATTERY__IS_FULL);
    set_status(0x97);
    pass(3000);
    assert_int_equal(told, 2); // rest and load are the daily business
    assert_int_equal(nh_battery__alarms_sum(&a).active, 0);
}

// ---- the board's log ---------------------------------------------------------------------------

static struct nh_tinybms_event log_events[NH_TINYBMS_EVENT_MAX_COUNT];
static size_t log_count;
static uint32_t clock_s = 100000;

static void happen(uint8_t id, uint32_t after_s)
{
    clock_s += after_s;
    if (log_count == NH_TINYBMS_EVENT_MAX_COUNT)
        memmove(log_events, log_events + 1, --log_count * sizeof log_events[0]);
    log_events[log_count++] = (struct nh_tinybms_event){.id = id, .time_s = clock_s & 0xFFFFFF};
}

static bool read_log(void)
{
    for (size_t i = 0; i < log_count; i++)
        log_events[i].age_s = (clock_s - log_events[i].time_s) & 0xFFFFFF;
    return nh_battery__alarms_log(&a, log_events, log_count, T0);
}

static int setup_log(void **state)
{
    log_count = 0;
    setup(state);
    happen(0x61, 1);
    happen(0x02, 1);
    assert_true(read_log());
    assert_int_equal(told, 0); // the first log is taken note of, whatever it says
    assert_false(read_log());
    return 0;
}

static void test_faults_of_the_board_last_until_it_recovers(void **state)
{
    static const uint8_t pairs[][2] = {{0x02, 0x7B}, {0x03, 0x79}, {0x04, 0x73}, {0x05, 0x77},
                                       {0x06, 0x76}, {0x07, 0x78}, {0x0A, 0x75}, {0x0E, 0x7C},
                                       {0x31, 0x7A}, {0x37, 0x74}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(pairs); i++) {
        told = 0;
        happen(pairs[i][0], 5);
        clock_s += 3;
        assert_true(read_log());
        assert_int_equal(told, 1);
        assert_int_equal(last.code, 100 + pairs[i][0]);
        assert_int_equal(last.severity,
                         pairs[i][0] < 0x31 ? NH_BATTERY_CRITICAL : NH_BATTERY_WARNING);
        assert_int_equal(last.state, NH_BATTERY_ACTIVE);
        assert_true(last.raised_unix_ms == T0 - 3000);
        pass(20000);
        assert_true(is_active(100u + pairs[i][0])); // a status that is well does not end it
        happen(pairs[i][1], 60);
        assert_true(read_log());
        assert_false(is_active(100u + pairs[i][0]));
        assert_int_equal(last.code, 100 + pairs[i][1]);
        assert_int_equal(last.severity, NH_BATTERY_INFO);
    }
}

static void test_a_stuck_switch_ends_when_the_board_is_well(void **state)
{
    (void)state;
    set_status(0x9B);
    pass(200);
    happen(0x0B, 1);
    read_log();
    assert_true(is_active(100 + 0x0B) && is_active(NH_BATTERY__IS_FAULTY));
    pass(20000);
    assert_true(is_active(100 + 0x0B));
    set_status(0x97);
    pass(5200);
    assert_false(is_active(100 + 0x0B));
    assert_false(is_active(NH_BATTERY__IS_FAULTY));
}

static void test_events_are_taken_once_and_in_their_order(void **state)
{
    (void)state;
    happen(0x64, 1);
    happen(0x62, 0); // in the same second
    read_log();
    assert_int_equal(told, 2);
    for (unsigned i = 0; i < 5; i++)
        read_log();
    assert_int_equal(told, 2);
    // Fault and recovery in one reading: the fault is over.
    happen(0x03, 10);
    happen(0x79, 10);
    read_log();
    assert_false(is_active(103));
    assert_int_equal(a.entry[a.count - 2].code, 103);
    assert_int_equal(a.entry[a.count - 2].state, NH_BATTERY_CLEARED);
    assert_true(a.entry[a.count - 2].cleared_unix_ms - a.entry[a.count - 2].raised_unix_ms ==
                10000);
    log_count = 0; // cleared by somebody
    assert_true(read_log());
    happen(0x65, 1);
    unsigned before = told;
    read_log();
    assert_int_equal(told, before + 1);
    happen(0x50, 1); // an event that nobody knows
    read_log();
    assert_string_equal(last.message, "board: event 0x50");
    // The ring turns over, and the clock passes its 24 bits.
    clock_s = 0xFFFFFF;
    for (unsigned i = 0; i < 120; i++) {
        happen(0x62, 1);
        before = told;
        read_log();
        assert_int_equal(told, before + 1);
    }
}

// ---- bounds ------------------------------------------------------------------------------------

static void test_history_is_bounded_and_keeps_the_active(void **state)
{
    struct nh_battery_alarm e[3];
    (void)state;
    set_cells(3790);
    pass(1200);
    uint32_t id = last.id;
    for (unsigned i = 0; i < 300; i++) {
        happen(0x62, 1);
        read_log();
    }
    assert_int_equal(a.count, NH_BATTERY_ALARM_HISTORY_COUNT);
    assert_int_equal(a.entry[0].id, id);
    assert_int_equal(nh_battery__alarms_sum(&a).active, 1);
    assert_int_equal(nh_battery__alarms_history(&a, 0, e, 3), 3);
    assert_true(e[0].id == e[1].id + 1 && e[1].id == e[2].id + 1);
    assert_int_equal(nh_battery__alarms_history(&a, 99, e, 3), 1);
    assert_int_equal(e[0].id, id);
    assert_int_equal(nh_battery__alarms_history(&a, 100, e, 3), 0);
}

// After a restart what was active still is, until its rule says otherwise.
static void test_active_ones_outlive_a_restart(void **state)
{
    static nh_battery__alarms_t kept;
    (void)state;
    set_cells(3790);
    pass(1200);
    assert_int_equal(nh_battery__alarms_acknowledge(&a, last.id), 0);
    kept = a;
    nh_battery__alarms_init(&a, &(struct nh_battery__alarms_config){NULL, on_told});
    memcpy(a.entry, kept.entry, sizeof a.entry);
    a.count = kept.count;
    nh_battery__alarms_loaded(&a);
    told = 0;
    now_ms = 5000;
    pass(10000);
    assert_int_equal(told, 0); // still on, still acknowledged
    assert_int_equal(active(NH_BATTERY__CELL_HIGH).state, NH_BATTERY_ACKNOWLEDGED);
    set_cells(3300);
    pass(5200);
    assert_int_equal(told, 1);
    set_charge(46000);
    pass(2200);
    assert_int_equal(last.id, kept.next_id + 1); // ids go on
}

static void test_every_message_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_BATTERY__RULE_COUNT; i++) {
        char text[160];
        const struct nh_battery__finding worst = {INT32_MIN, INT32_MIN};
        s.cell_max_at = s.cell_min_at = 32;
        nh_battery__rule_message(&nh_battery__rules[i], &worst, &s, text, sizeof text);
        assert_true(strlen(text) < sizeof((struct nh_battery_alarm *)0)->message);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
#define L(name) cmocka_unit_test_setup(name, setup_log)
    const struct CMUnitTest tests[] = {
        T(test_each_rule_at_its_edges),
        T(test_every_rule_has_a_row),
        T(test_cold_matters_only_when_charging),
        T(test_without_limits_there_are_no_rules),
        T(test_minimum_duration_both_ways),
        T(test_deadline_says_when_a_duration_is_over),
        T(test_stale_values_neither_raise_nor_clear),
        T(test_silence),
        T(test_an_odd_cell_is_named),
        T(test_another_generation_ends_what_its_values_raised),
        T(test_acknowledge_does_not_clear),
        T(test_worst_first_then_newest),
        T(test_status_is_noted),
        L(test_faults_of_the_board_last_until_it_recovers),
        L(test_a_stuck_switch_ends_when_the_board_is_well),
        L(test_events_are_taken_once_and_in_their_order),
        L(test_history_is_bounded_and_keeps_the_active),
        T(test_active_ones_outlive_a_restart),
        T(test_every_message_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
