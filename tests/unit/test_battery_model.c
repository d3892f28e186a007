// The model: who is shown, what is stale, what is told and when, modes and generations.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/battery/battery_model_state.h"
#include "components/battery/tinybms.h"
#include "core/base/atomic.h"
#include "support/mem_fixture.h"
#include "support/rng.h"
#include "unit/battery_values.h"

#include <string.h>

#define LOCAL NH_BATTERY_FROM_LOCAL
#define REMOTE NH_BATTERY_FROM_REMOTE
#define STORE NH_BATTERY_FROM_STORE

static struct mem_fixture fx;
static nh_battery_model_t *m;
static struct {
    unsigned count;
    uint32_t dirty, all_dirty;
    uint64_t ms, least_ms; // least: between two
    struct nh_battery_snapshot s;
} told[NH_BATTERY_AUDIENCE_COUNT];
static uint64_t now_ms;

static void on_published(void *ctx, enum nh_battery_audience audience, uint32_t dirty,
                         const struct nh_battery_snapshot *s)
{
    (void)ctx;
    if (told[audience].count && now_ms - told[audience].ms < told[audience].least_ms)
        told[audience].least_ms = now_ms - told[audience].ms;
    told[audience].count++;
    told[audience].dirty = dirty;
    told[audience].all_dirty |= dirty;
    told[audience].ms = now_ms;
    told[audience].s = *s;
}

static void make(enum nh_battery_mode mode)
{
    assert_int_equal(nh_battery_model_create(
                         &(struct nh_battery_model_config){
                             .mem = fx.mem, .mode = (uint8_t)mode, .published = on_published},
                         &m),
                     0);
}

static int setup(void **state)
{
    (void)state;
    mem_fixture_init(&fx, NULL);
    memset(told, 0, sizeof told);
    told[0].least_ms = told[1].least_ms = UINT64_MAX;
    now_ms = 10000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_battery_model_destroy(m);
    m = NULL;
    mem_fixture_deinit(&fx);
    return 0;
}

static struct nh_battery_candidate candidate(uint8_t source)
{
    return pack_candidate(source, nh_battery_model_generation(m), now_ms);
}

static int offer(const struct nh_battery_candidate *c)
{
    return nh_battery_model_offer(m, c, now_ms);
}

static void offer_from(uint8_t source)
{
    struct nh_battery_candidate c = candidate(source);
    assert_int_equal(offer(&c), 0);
}

// Time passes, and the model is called when it wants to be.
static void pass(uint64_t ms)
{
    uint64_t end = now_ms + ms;
    for (unsigned i = 0; nh_battery_model_next_deadline(m) <= end; i++) {
        assert_true(i < 100000);
        uint64_t due = nh_battery_model_next_deadline(m);
        now_ms = due > now_ms ? due : now_ms;
        nh_battery_model_tick(m, now_ms);
    }
    now_ms = end;
}

static struct nh_battery_snapshot snapshot(void)
{
    struct nh_battery_snapshot s;
    nh_battery_model_read(m, &s);
    assert_int_equal(s.check, nh_battery__snapshot_check(&s));
    assert_true(s.cell_min_dmv <= s.cell_avg_dmv && s.cell_avg_dmv <= s.cell_max_dmv);
    assert_int_equal(s.cell_delta_dmv, s.cell_max_dmv - s.cell_min_dmv);
    return s;
}

static bool has(const struct nh_battery_snapshot *s, unsigned field)
{
    return s->valid & BIT(field);
}

// ---- values ------------------------------------------------------------------------------------

static void test_nothing_is_known_at_first(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    struct nh_battery_snapshot s = snapshot();
    assert_int_equal(s.valid, 0);
    assert_int_equal(s.source, NH_BATTERY_FROM_NOBODY);
    assert_int_equal(s.generation, 1);
    assert_true(s.time_to_full_s == NH_NEVER && s.time_to_empty_s == NH_NEVER);
}

static void test_values_and_what_follows_from_them(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    offer_from(LOCAL);
    struct nh_battery_snapshot s = snapshot();
    assert_int_equal(s.source, LOCAL);
    assert_int_equal(s.stale, 0);
    assert_int_equal(s.v.soc_mpct, 73250);
    assert_int_equal(s.cell_min_dmv, 33000);
    assert_int_equal(s.cell_max_dmv, 33120);
    assert_int_equal(s.cell_avg_dmv, 33060);
    assert_int_equal(s.cell_min_at, 1);
    assert_int_equal(s.cell_max_at, 13);
    assert_int_equal(s.v.power_mw, (int64_t)s.v.voltage_mv * -12500 / 1000);
    assert_int_equal(s.v.temperature_mc, 26000);
    assert_true(has(&s, NH_BATTERY_POWER) && has(&s, NH_BATTERY_TEMPERATURE));
    assert_int_equal(s.field_source[NH_BATTERY_POWER], LOCAL);
    assert_int_equal(s.time_to_empty_s, 73250 * 36 / 125); // 73.25 Ah at 12.5 A
    assert_true(s.time_to_full_s == NH_NEVER);
    assert_true(s.time_ms == now_ms && s.field_ms[NH_BATTERY_CELLS] == now_ms);
}

static void test_no_time_is_left_of_what_is_not_drawn(void **state)
{
    static const struct {
        uint16_t status;
        uint32_t time_left_s;
        bool is_known;
    } rows[] = {{NH_TINYBMS_DISCHARGING, 3600, true}, {NH_TINYBMS_IDLE, 0, false},
                {NH_TINYBMS_DISCHARGING, 0, true},    {NH_TINYBMS_CHARGING, 0, false},
                {NH_TINYBMS_CHARGING, 60, true},      {NH_TINYBMS_FULL, 0, false}};
    (void)state;
    make(NH_BATTERY_LOCAL);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_battery_candidate c = candidate(LOCAL);
        c.mask |= BIT(NH_BATTERY_TIME_LEFT);
        c.values.status = rows[i].status;
        c.values.time_left_s = rows[i].time_left_s;
        assert_int_equal(offer(&c), 0);
        struct nh_battery_snapshot s = snapshot();
        assert_int_equal(has(&s, NH_BATTERY_TIME_LEFT), rows[i].is_known);
    }
}

static void test_a_sensor_that_is_gone_is_unknown(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    offer_from(LOCAL);
    struct nh_battery_candidate c = candidate(LOCAL);
    c.values.temp_ext1_mc = c.values.temp_ext2_mc = NH_BATTERY_TEMPERATURE_NONE;
    assert_int_equal(offer(&c), 0);
    struct nh_battery_snapshot s = snapshot();
    assert_false(has(&s, NH_BATTERY_TEMP_EXT1));
    assert_int_equal(s.v.temperature_mc, 30000);
}

static void test_an_older_measurement_does_not_replace_a_newer(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    offer_from(LOCAL);
    struct nh_battery_candidate c = candidate(LOCAL);
    c.time_ms -= 1;
    c.values.soc_mpct = 1;
    assert_int_equal(offer(&c), 0);
    assert_int_equal(snapshot().v.soc_mpct, 73250);
}

struct odd {
    const char *name;
    unsigned field;
    void (*spoil)(struct nh_battery_values *v);
};
#define SPOIL(name, statement)                                                                     \
    static void spoil_##name(struct nh_battery_values *v)                                          \
    {                                                                                              \
        statement;                                                                                 \
    }
SPOIL(zero_cell, v->cell_dmv[4] = 0)
SPOIL(open_cell, v->cell_dmv[12] = 0xFFFF)
SPOIL(five_volts, v->cell_dmv[0] = 50001)
SPOIL(no_cells, v->cell_count = 0)
SPOIL(many_cells, v->cell_count = NH_BATTERY_CELL_MAX_COUNT + 1)
SPOIL(sum, v->voltage_mv = v->voltage_mv * 106 / 100)
SPOIL(negative, v->voltage_mv = -1)
SPOIL(soc_over, v->soc_mpct = 100001)
SPOIL(soc_under, v->soc_mpct = -1)
SPOIL(soh_over, v->soh_mpct = 131070)
SPOIL(hot, v->temp_ext1_mc = 150001)
SPOIL(cold, v->temp_bms_mc = -50001)
SPOIL(flood, v->current_ma = INT32_MIN)
SPOIL(limit_mv, v->limits.over_mv = INT32_MAX)
SPOIL(limit_a, v->limits.charge_a = -1)
SPOIL(limit_c, v->limits.hot_c = INT32_MIN)
SPOIL(capacity, v->capacity_mah = INT32_MAX)

static const struct odd odds[] = {
    {"a cell of 0", NH_BATTERY_CELLS, spoil_zero_cell},
    {"an open wire", NH_BATTERY_CELLS, spoil_open_cell},
    {"a cell over 5 V", NH_BATTERY_CELLS, spoil_five_volts},
    {"no cells", NH_BATTERY_CELLS, spoil_no_cells},
    {"33 cells", NH_BATTERY_CELLS, spoil_many_cells},
    {"the pack is not the sum", NH_BATTERY_VOLTAGE, spoil_sum},
    {"a pack below 0", NH_BATTERY_VOLTAGE, spoil_negative},
    {"charge over 100 %", NH_BATTERY_SOC, spoil_soc_over},
    {"charge below 0", NH_BATTERY_SOC, spoil_soc_under},
    {"health over 100 %", NH_BATTERY_SOH, spoil_soh_over},
    {"hotter than 150", NH_BATTERY_TEMP_EXT1, spoil_hot},
    {"colder than -50", NH_BATTERY_TEMP_BMS, spoil_cold},
    {"no number of a current", NH_BATTERY_CURRENT, spoil_flood},
    {"a limit of millions of volts", NH_BATTERY_LIMITS, spoil_limit_mv},
    {"a limit below 0 A", NH_BATTERY_LIMITS, spoil_limit_a},
    {"a limit below absolute zero", NH_BATTERY_LIMITS, spoil_limit_c},
    {"a capacity of millions", NH_BATTERY_CAPACITY, spoil_capacity},
};

// What cannot be is refused, counted; the old value stays and is stale until a good one comes.
static void test_implausible_values_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(odds); i++) {
        make(NH_BATTERY_LOCAL);
        offer_from(LOCAL);
        struct nh_battery_snapshot before = snapshot();
        struct nh_battery_candidate c = candidate(LOCAL);
        odds[i].spoil(&c.values);
        if (offer(&c) != 1)
            fail_msg("%s: not refused", odds[i].name);
        struct nh_battery_snapshot s = snapshot();
        assert_int_equal(s.stale & ~BIT(NH_BATTERY_POWER), BIT(odds[i].field));
        assert_memory_equal(&s.v, &before.v, sizeof s.v);
        offer_from(LOCAL);
        assert_int_equal(snapshot().stale, 0);
        struct nh_battery_model_info info;
        nh_battery_model_info(m, &info);
        assert_int_equal(info.implausible, 1);
        nh_battery_model_destroy(m);
        m = NULL;
    }
}

// Which cell cannot be is said, of its newest reading, while the cells before it are kept.
static void test_an_odd_cell_is_told(void **state)
{
    static const uint16_t dmv[] = {0, 50001, UINT16_MAX};
    (void)state;
    make(NH_BATTERY_LOCAL);
    for (size_t i = 0; i < NH_ARRAY_LEN(dmv); i++) {
        struct nh_battery_candidate c = candidate(LOCAL);
        c.values.cell_dmv[4] = dmv[i];
        c.values.cell_dmv[9] = 0;
        assert_int_equal(offer(&c), 1);
        assert_int_equal(snapshot().odd_cell_at, 5);
        assert_int_equal(snapshot().odd_cell_dmv, dmv[i]);
        offer_from(LOCAL);
        assert_int_equal(snapshot().odd_cell_at, 0);
        assert_int_equal(snapshot().odd_cell_dmv, 0);
    }
}

static void test_all_fields_wrong_at_the_start_leave_nothing(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    struct nh_battery_candidate c = candidate(LOCAL);
    c.mask = BIT(NH_BATTERY_CELLS);
    c.values.cell_dmv[3] = 0;
    assert_int_equal(offer(&c), 1);
    assert_int_equal(snapshot().valid, 0);
    assert_int_equal(snapshot().cell_max_dmv, 0);
}

// A power that was computed of a voltage that cannot be is none, also where none is known yet.
static void test_power_of_a_wrong_voltage_is_not_taken(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    struct nh_battery_candidate c = candidate(LOCAL);
    c.mask |= BIT(NH_BATTERY_POWER);
    c.values.voltage_mv = INT32_MAX;
    c.values.power_mw = INT32_MIN;
    assert_int_equal(offer(&c), 1);
    assert_int_equal(snapshot().valid & (BIT(NH_BATTERY_VOLTAGE) | BIT(NH_BATTERY_POWER)), 0);
    assert_int_equal(snapshot().v.power_mw, 0);
}

// ---- staleness ---------------------------------------------------------------------------------

static void test_silence_makes_stale_after_two_seconds(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    offer_from(LOCAL);
    pass(2000);
    assert_int_equal(snapshot().stale, 0);
    pass(1);
    struct nh_battery_snapshot s = snapshot();
    assert_true(s.stale & BIT(NH_BATTERY_VOLTAGE) && s.stale & BIT(NH_BATTERY_CELLS));
    assert_true(s.stale & BIT(NH_BATTERY_POWER));
    assert_false(s.stale & BIT(NH_BATTERY_LIMITS));
    assert_false(s.stale & BIT(NH_BATTERY_ENERGY));
    assert_true(told[NH_BATTERY_NEAR].all_dirty & BIT(NH_BATTERY_VOLTAGE));
    assert_true(s.valid & BIT(NH_BATTERY_VOLTAGE)); // the last value is kept
    assert_true(s.time_to_empty_s == NH_NEVER);
    pass(178000);
    assert_true(snapshot().stale & BIT(NH_BATTERY_LIMITS));
    offer_from(LOCAL);
    assert_int_equal(snapshot().stale, 0);
}

static void test_the_clock_may_jump_far(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    offer_from(LOCAL);
    now_ms += UINT64_C(1) << 50;
    nh_battery_model_tick(m, now_ms);
    assert_true(snapshot().stale & BIT(NH_BATTERY_LIMITS));
    now_ms = NH_NEVER - 1;
    nh_battery_model_tick(m, now_ms);
    offer_from(LOCAL);
    assert_int_equal(snapshot().stale, 0);
}

// ---- whose values count ------------------------------------------------------------------------

static void test_a_mode_asks_its_source_alone(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    struct nh_battery_candidate c = candidate(REMOTE);
    assert_int_equal(offer(&c), NH_ERR_DENIED);
    assert_int_equal(snapshot().valid, 0);
    assert_int_equal(nh_battery_model_mode_set(m, NH_BATTERY_REMOTE, now_ms), 0);
    c = candidate(LOCAL);
    assert_int_equal(offer(&c), NH_ERR_DENIED);
    offer_from(REMOTE);
    assert_int_equal(snapshot().source, REMOTE);
    c = candidate(0);
    assert_int_equal(offer(&c), NH_ERR_INVAL);
    c = candidate(77);
    assert_int_equal(offer(&c), NH_ERR_INVAL);
    assert_int_equal(nh_battery_model_mode_set(m, (enum nh_battery_mode)3, now_ms), NH_ERR_RANGE);
}

static void test_auto_takes_the_local_board_while_it_lives(void **state)
{
    (void)state;
    make(NH_BATTERY_AUTO);
    offer_from(REMOTE);
    assert_int_equal(snapshot().source, REMOTE);
    // A local board that has just come does not count yet: two that alternate do not flash.
    for (unsigned i = 0; i < 30; i++) {
        offer_from(LOCAL);
        assert_int_equal(snapshot().source, REMOTE);
        pass(100);
        offer_from(REMOTE);
    }
    offer_from(LOCAL);
    assert_int_equal(snapshot().source, LOCAL);
    // It falls silent: after three seconds the remote one counts, at once when its line goes down.
    for (unsigned i = 0; i < 29; i++) {
        pass(100);
        offer_from(REMOTE);
        assert_int_equal(snapshot().source, LOCAL);
    }
    pass(100);
    offer_from(REMOTE);
    assert_int_equal(snapshot().source, REMOTE);
    struct nh_battery_snapshot s = snapshot();
    for (unsigned f = 0; f < NH_BATTERY_FIELD_COUNT; f++)
        assert_true(!has(&s, f) || s.field_source[f] == REMOTE);
}

static void test_auto_leaves_a_line_that_is_down_at_once(void **state)
{
    (void)state;
    make(NH_BATTERY_AUTO);
    nh_battery_model_link(m, LOCAL, true, now_ms);
    offer_from(LOCAL);
    offer_from(REMOTE);
    assert_int_equal(snapshot().source, LOCAL);
    assert_true(snapshot().is_local_connected);
    nh_battery_model_link(m, LOCAL, false, now_ms);
    assert_int_equal(snapshot().source, REMOTE);
    assert_false(snapshot().is_local_connected);
    assert_false(snapshot().is_remote_connected);
}

static void test_auto_keeps_what_was_shown_when_nobody_is_there(void **state)
{
    (void)state;
    make(NH_BATTERY_AUTO);
    offer_from(LOCAL);
    offer_from(REMOTE);
    pass(60000);
    struct nh_battery_snapshot s = snapshot();
    assert_int_equal(s.source, LOCAL);
    assert_true(s.stale & BIT(NH_BATTERY_VOLTAGE));
}

static void test_what_was_stored_is_shown_stale_until_a_source_speaks(void **state)
{
    (void)state;
    make(NH_BATTERY_REMOTE);
    struct nh_battery_candidate c = candidate(STORE);
    c.stored_unix_ms = INT64_C(1700000000000);
    assert_int_equal(offer(&c), 0);
    struct nh_battery_snapshot s = snapshot();
    assert_int_equal(s.source, STORE);
    assert_true(s.stored_unix_ms == INT64_C(1700000000000));
    assert_int_equal(s.stale, s.valid & ~NH_BATTERY__METERS);
    c = candidate(REMOTE);
    c.mask = BIT(NH_BATTERY_SOC);
    assert_int_equal(offer(&c), 0);
    s = snapshot();
    assert_int_equal(s.stored_unix_ms, 0);
    assert_int_equal(s.source, REMOTE); // and nothing of the stored is left among it
    assert_int_equal(s.valid & ~NH_BATTERY__METERS, BIT(NH_BATTERY_SOC));
}

// ---- modes and generations ---------------------------------------------------------------------

static void test_a_change_of_mode_begins_anew(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    offer_from(LOCAL);
    struct nh_battery_candidate old = candidate(LOCAL);
    unsigned before = told[NH_BATTERY_FAR].count;
    assert_int_equal(nh_battery_model_mode_set(m, NH_BATTERY_AUTO, now_ms), 0);
    assert_int_equal(told[NH_BATTERY_FAR].count, before + 1);
    assert_true(told[NH_BATTERY_FAR].dirty & BIT(NH_BATTERY_CELLS));
    struct nh_battery_snapshot s = snapshot();
    assert_int_equal(s.generation, 2);
    assert_int_equal(s.valid & ~BIT(NH_BATTERY_ENERGY), 0);
    assert_int_equal(s.source, NH_BATTERY_FROM_NOBODY);
    assert_int_equal(s.cell_max_dmv, 0);
    assert_int_equal(offer(&old), NH_ERR_CONFLICT);
    assert_int_equal(snapshot().valid & ~BIT(NH_BATTERY_ENERGY), 0);
    struct nh_battery_model_info info;
    nh_battery_model_info(m, &info);
    assert_int_equal(info.stale_dropped, 1);
    assert_int_equal(nh_battery_model_mode_set(m, NH_BATTERY_AUTO, now_ms), 0); // the same: nothing
    assert_int_equal(nh_battery_model_generation(m), 2);
    offer_from(LOCAL);
    assert_int_equal(snapshot().source, LOCAL);
}

// Both sources send all the time, each with values of its own; some of what they send belongs to an
// older generation. No snapshot has something of both.
static void test_mode_toggled_1000_times_mixes_nothing(void **state)
{
    struct rng r = {7};
    uint32_t seen[2] = {0};
    (void)state;
    make(NH_BATTERY_LOCAL);
    for (unsigned i = 0; i < 1000; i++) {
        struct nh_battery_candidate c[2] = {candidate(LOCAL), candidate(REMOTE)};
        for (unsigned k = 0; k < 2; k++) {
            c[k].values.soc_mpct = k ? 20000 : 80000;
            for (unsigned n = 0; n < PACK_CELLS; n++)
                c[k].values.cell_dmv[n] = (uint16_t)((k ? 31000 : 34000) + rng_below(&r, 100));
            c[k].values.voltage_mv = (k ? 3100 : 3400) * PACK_CELLS;
        }
        enum nh_battery_mode mode = (enum nh_battery_mode)(rng_below(&r, 3));
        (void)!offer(&c[rng_below(&r, 2)]);
        assert_int_equal(nh_battery_model_mode_set(m, mode, now_ms), 0);
        for (unsigned k = 0; k < 4; k++) {
            unsigned who = rng_below(&r, 2);
            if (rng_below(&r, 2))
                c[who].generation = nh_battery_model_generation(m);
            (void)!offer(&c[who]);
            struct nh_battery_snapshot s = snapshot();
            if (!has(&s, NH_BATTERY_CELLS))
                continue;
            bool is_remote = s.source == REMOTE;
            seen[is_remote]++;
            assert_int_equal(s.v.soc_mpct, is_remote ? 20000 : 80000);
            assert_in_range(s.cell_min_dmv, is_remote ? 31000 : 34000, is_remote ? 31099 : 34099);
            assert_in_range(s.cell_max_dmv, is_remote ? 31000 : 34000, is_remote ? 31099 : 34099);
            assert_false(s.mode == NH_BATTERY_LOCAL && is_remote);
            assert_false(s.mode == NH_BATTERY_REMOTE && !is_remote);
        }
        pass(rng_below(&r, 50));
    }
    assert_true(seen[0] > 100 && seen[1] > 100);
}

// ---- what is told ------------------------------------------------------------------------------

struct nudge {
    const char *name;
    unsigned field;
    int32_t near, far; // least step that is told; 0: any
    size_t offset;
};
#define AT(member) offsetof(struct nh_battery_values, member)
static const struct nudge nudges[] = {
    {"charge", NH_BATTERY_SOC, 100, 100, AT(soc_mpct)},
    {"health", NH_BATTERY_SOH, 100, 100, AT(soh_mpct)},
    {"voltage", NH_BATTERY_VOLTAGE, 10, 10, AT(voltage_mv)},
    {"current, 1 % of 12.5 A", NH_BATTERY_CURRENT, 125, 125, AT(current_ma)},
    {"temperature", NH_BATTERY_TEMP_EXT1, 500, 500, AT(temp_ext1_mc)},
};

static int32_t *value_at(struct nh_battery_candidate *c, size_t offset)
{
    return (int32_t *)(void *)((char *)&c->values + offset);
}

static void test_thresholds(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(nudges); i++) {
        const struct nudge *n = &nudges[i];
        make(NH_BATTERY_LOCAL);
        struct nh_battery_candidate c = candidate(LOCAL);
        assert_int_equal(offer(&c), 0);
        pass(300);
        memset(told, 0, sizeof told);
        for (int32_t step = n->near - 1; step <= n->near; step++) {
            struct nh_battery_candidate other = c;
            other.time_ms = now_ms;
            *value_at(&other, n->offset) += step;
            assert_int_equal(offer(&other), 0);
            bool is_told = told[NH_BATTERY_NEAR].dirty & BIT(n->field);
            if (is_told != (step == n->near))
                fail_msg("%s: a step of %d is %stold", n->name, (int)step, is_told ? "" : "not ");
            pass(300);
        }
        nh_battery_model_destroy(m);
        m = NULL;
    }
}

static void test_cells_are_told_to_near_sooner_than_to_far(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    struct nh_battery_candidate c = candidate(LOCAL);
    assert_int_equal(offer(&c), 0);
    pass(1000);
    told[NH_BATTERY_NEAR].dirty = told[NH_BATTERY_FAR].dirty = 0;
    c.time_ms = now_ms;
    c.values.cell_dmv[5] += 10;
    assert_int_equal(offer(&c), 0);
    assert_int_equal(told[NH_BATTERY_NEAR].dirty, BIT(NH_BATTERY_CELLS));
    assert_int_equal(told[NH_BATTERY_FAR].dirty, 0);
    c.time_ms = now_ms;
    c.values.cell_dmv[5] += 40;
    assert_int_equal(offer(&c), 0);
    assert_int_equal(told[NH_BATTERY_FAR].dirty, BIT(NH_BATTERY_CELLS));
    pass(500);
    c.time_ms = now_ms;
    c.values.balancing = 1u << 5; // no threshold: any change
    assert_int_equal(offer(&c), 0);
    assert_int_equal(told[NH_BATTERY_FAR].dirty, BIT(NH_BATTERY_BALANCING));
}

// A cell rises by 0.1 mV a second, less than any threshold between two heartbeats, while the charge
// is told each time: every millivolt of the cell is told near, every five far.
static void test_a_slow_drift_is_not_lost(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    struct nh_battery_candidate c = candidate(LOCAL);
    assert_int_equal(offer(&c), 0);
    unsigned near = 0, far = 0;
    for (unsigned i = 0; i < 100; i++) {
        pass(750);
        memset(told, 0, sizeof told);
        c.time_ms = now_ms;
        c.values.cell_dmv[2]++;
        c.values.soc_mpct = i % 2 ? 50000 : 60000;
        assert_int_equal(offer(&c), 0);
        pass(250);
        near += (told[NH_BATTERY_NEAR].all_dirty & BIT(NH_BATTERY_CELLS)) != 0;
        far += (told[NH_BATTERY_FAR].all_dirty & BIT(NH_BATTERY_CELLS)) != 0;
    }
    assert_int_equal(near, 10);
    assert_int_equal(far, 2);
}

static void test_pace_and_heartbeat(void **state)
{
    struct rng r = {3};
    (void)state;
    make(NH_BATTERY_LOCAL);
    for (unsigned i = 0; i < 2000; i++) { // 10 s, something new each 5 ms
        struct nh_battery_candidate c = candidate(LOCAL);
        c.values.soc_mpct = (int32_t)rng_below(&r, 100000);
        assert_int_equal(offer(&c), 0);
        pass(5);
    }
    assert_int_equal(told[NH_BATTERY_NEAR].least_ms, 100);
    assert_int_equal(told[NH_BATTERY_FAR].least_ms, 250);
    assert_in_range(told[NH_BATTERY_NEAR].count, 99, 101);
    assert_in_range(told[NH_BATTERY_FAR].count, 39, 42);
    assert_int_equal(snapshot().seq, told[NH_BATTERY_NEAR].count);
    // Quiet: what waited is told, then staleness, and each 5 s that there is nothing new.
    pass(5000);
    memset(told, 0, sizeof told);
    pass(50000);
    assert_int_equal(told[NH_BATTERY_NEAR].count, 10);
    assert_int_equal(told[NH_BATTERY_FAR].count, 10);
    assert_int_equal(told[NH_BATTERY_FAR].all_dirty, 0);
}

static void test_alarms_and_links_do_not_wait_for_the_pace(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    offer_from(LOCAL);
    unsigned near = told[NH_BATTERY_NEAR].count, far = told[NH_BATTERY_FAR].count;
    now_ms++;
    nh_battery__model_alarms_set(m, 2, 1, 1, now_ms);
    assert_int_equal(told[NH_BATTERY_NEAR].count, near + 1);
    assert_int_equal(told[NH_BATTERY_FAR].count, far + 1);
    assert_int_equal(snapshot().alarm_count, 2);
    nh_battery__model_alarms_set(m, 2, 1, 1, now_ms); // the same: nothing
    assert_int_equal(told[NH_BATTERY_NEAR].count, near + 1);
    nh_battery_model_link(m, LOCAL, true, now_ms);
    assert_int_equal(told[NH_BATTERY_FAR].count, far + 2);
}

// A reader gets the newest values at once; only the telling is paced.
static void test_snapshots_are_the_newest_between_publications(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    offer_from(LOCAL);
    uint32_t seq = snapshot().seq;
    now_ms += 10;
    struct nh_battery_candidate c = candidate(LOCAL);
    c.values.soc_mpct = 50000;
    assert_int_equal(offer(&c), 0);
    struct nh_battery_snapshot s = snapshot();
    assert_int_equal(s.v.soc_mpct, 50000);
    assert_int_equal(s.seq, seq);
    assert_int_equal(s.field_ms[NH_BATTERY_SOC], now_ms);
    pass(90);
    assert_int_equal(snapshot().seq, seq + 1);
}

// Readers that sleep in the middle of a copy hold all buffers: the new snapshot is put off, not
// lost, and nobody is told of one that nobody can read.
static void test_a_snapshot_that_finds_no_buffer_is_put_off(void **state)
{
    uint32_t slots[NH_BATTERY__SLOT_COUNT];
    struct nh_battery_model_info info;
    (void)state;
    make(NH_BATTERY_LOCAL);
    for (unsigned i = 0; i < NH_BATTERY__SLOT_COUNT; i++) {
        slots[i] = nh_atomic_add_u32(&m->box->state, 0x100) & 0xFF; // half of a read
        offer_from(LOCAL);
        pass(100);
    }
    uint32_t seq = snapshot().seq;
    unsigned far = told[NH_BATTERY_FAR].count;
    struct nh_battery_candidate c = candidate(LOCAL);
    c.values.soc_mpct = 12000;
    assert_int_equal(offer(&c), 0);
    nh_battery_model_info(m, &info);
    assert_true(info.deferred > 0);
    assert_true(nh_battery_model_next_deadline(m) == now_ms + 10);
    pass(300);
    assert_int_equal(snapshot().seq, seq);
    assert_int_equal(told[NH_BATTERY_FAR].count, far);
    nh_atomic_add_u32(&m->box->slot[slots[0]].left, 1); // one wakes
    pass(10);
    assert_int_equal(snapshot().v.soc_mpct, 12000);
    assert_true(told[NH_BATTERY_FAR].dirty & BIT(NH_BATTERY_SOC));
}

// ---- meters ------------------------------------------------------------------------------------

static void test_meters_outlive_modes(void **state)
{
    (void)state;
    make(NH_BATTERY_LOCAL);
    assert_false(snapshot().valid & BIT(NH_BATTERY_ENERGY));
    for (unsigned i = 0; i <= 3600; i++) { // an hour at about 43 V, -12.5 A
        offer_from(LOCAL);
        pass(1000);
    }
    struct nh_battery_snapshot s = snapshot();
    int64_t expected = (int64_t)s.v.voltage_mv * 12500 / 1000;
    assert_in_range(s.v.energy_out_mwh, expected - 2, expected + 2);
    assert_int_equal(s.v.energy_in_mwh, 0);
    assert_int_equal(s.v.cycles_milli, 125); // 12.5 Ah of 100
    assert_int_equal(s.field_source[NH_BATTERY_ENERGY], LOCAL);
    assert_int_equal(nh_battery_model_mode_set(m, NH_BATTERY_REMOTE, now_ms), 0);
    struct nh_battery_snapshot after = snapshot();
    assert_int_equal(after.v.energy_out_mwh, s.v.energy_out_mwh);
    assert_true(after.valid & BIT(NH_BATTERY_ENERGY));
    assert_int_equal(after.field_source[NH_BATTERY_ENERGY], STORE);
    // A gateway has meters of its own: what they rise by is added, and nothing twice.
    struct nh_battery_candidate c = candidate(REMOTE);
    c.mask |= BIT(NH_BATTERY_ENERGY);
    c.values.energy_out_mwh = 5000000;
    assert_int_equal(offer(&c), 0);
    pass(1000);
    c.time_ms = now_ms;
    c.values.energy_out_mwh += 777;
    assert_int_equal(offer(&c), 0);
    assert_int_equal(snapshot().v.energy_out_mwh, s.v.energy_out_mwh + 777);
}

static void test_no_energy_across_two_sources(void **state)
{
    (void)state;
    make(NH_BATTERY_AUTO);
    nh_battery_model_link(m, LOCAL, true, now_ms);
    offer_from(LOCAL);
    pass(1000);
    nh_battery_model_link(m, LOCAL, false, now_ms);
    offer_from(REMOTE);
    assert_int_equal(snapshot().v.energy_out_mwh, 0);
    pass(1000);
    offer_from(REMOTE);
    assert_true(snapshot().v.energy_out_mwh > 100);
}

// ---- random play
// ------------------------------------------------------------------------------------

// The plainest model there can be: what each source said last of each of four fields.
struct plain {
    bool is_known[4];
    int32_t value[4];
    uint64_t ms[4];
};
static const uint8_t plain_fields[4] = {NH_BATTERY_SOC, NH_BATTERY_SOH, NH_BATTERY_VOLTAGE,
                                        NH_BATTERY_CURRENT};

static int32_t *plain_at(struct nh_battery_values *v, unsigned i)
{
    int32_t *at[4] = {&v->soc_mpct, &v->soh_mpct, &v->voltage_mv, &v->current_ma};
    return at[i];
}

static void play_offer(struct rng *r, struct plain plain[4])
{
    uint8_t source = (uint8_t)(1 + rng_below(r, 2));
    struct nh_battery_candidate c = {.source = source,
                                     .generation =
                                         nh_battery_model_generation(m) - (rng_below(r, 8) == 0),
                                     .time_ms = now_ms - rng_below(r, 200)};
    for (unsigned i = 0; i < 4; i++) {
        c.mask |= rng_below(r, 2) ? BIT(plain_fields[i]) : 0;
        *plain_at(&c.values, i) = (int32_t)rng_below(r, 100000);
    }
    if (offer(&c) < 0)
        return;
    for (unsigned i = 0; i < 4; i++) {
        struct plain *p = &plain[source];
        if (!(c.mask & BIT(plain_fields[i])) || (p->is_known[i] && p->ms[i] > c.time_ms))
            continue;
        p->is_known[i] = true;
        p->value[i] = *plain_at(&c.values, i);
        p->ms[i] = c.time_ms;
    }
}

static void play_check(const struct plain plain[4])
{
    struct nh_battery_snapshot s = snapshot();
    for (unsigned i = 0; i < 4; i++) {
        unsigned f = plain_fields[i];
        bool is_known = s.source != NH_BATTERY_FROM_NOBODY && plain[s.source].is_known[i];
        assert_int_equal(has(&s, f), is_known);
        if (!is_known)
            continue;
        assert_int_equal(*plain_at(&s.v, i), plain[s.source].value[i]);
        assert_true(s.field_ms[f] == plain[s.source].ms[i]);
        assert_int_equal(s.field_source[f], s.source);
    }
    assert_true(nh_battery_model_next_deadline(m) > now_ms ||
                nh_battery_model_next_deadline(m) == 0);
}

static void test_random_play_against_a_plain_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rng r = {seed};
        struct plain plain[4] = {0};
        make((enum nh_battery_mode)rng_below(&r, 3));
        nh_battery_model_tick(m, now_ms);
        for (unsigned step = 0; step < 1000; step++) {
            uint32_t generation = nh_battery_model_generation(m);
            switch (rng_below(&r, 16)) {
            case 0:
                assert_int_equal(
                    nh_battery_model_mode_set(m, (enum nh_battery_mode)rng_below(&r, 3), now_ms),
                    0);
                if (nh_battery_model_generation(m) != generation)
                    memset(plain, 0, sizeof plain);
                break;
            case 1:
                nh_battery_model_link(m, (enum nh_battery_source)(1 + rng_below(&r, 2)),
                                      rng_below(&r, 2), now_ms);
                break;
            case 2:
            case 3:
                pass(rng_below(&r, 5000));
                break;
            default:
                play_offer(&r, plain);
            }
            play_check(plain);
            now_ms += rng_below(&r, 50);
            nh_battery_model_tick(m, now_ms);
        }
        nh_battery_model_destroy(m);
        m = NULL;
    }
}

// ---- memory ------------------------------------------------------------------------------------

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    const struct nh_battery_model_config cfg = {.mem = fx.mem};
    for (uint64_t n = 1;; n++) {
        mem_fixture_fail_nth(&fx, n);
        int err = nh_battery_model_create(&cfg, &m);
        nh_mem_fault_set(fx.sys, NULL);
        if (err == 0) {
            assert_true(n > 2);
            break;
        }
        assert_int_equal(err, NH_ERR_NOMEM);
        assert_null(m);
    }
    const struct nh_battery_model_config bad = {.mem = fx.mem, .mode = 3};
    nh_battery_model_t *none;
    assert_int_equal(nh_battery_model_create(&bad, &none), NH_ERR_RANGE);
    nh_battery_model_destroy(NULL);
}

static void test_steady_state_allocates_nothing(void **state)
{
    struct nh_mem_owner_info before, after;
    (void)state;
    make(NH_BATTERY_AUTO);
    assert_int_equal(nh_mem_owner_info(fx.sys, 1, &before), 0);
    for (unsigned i = 0; i < 1000; i++) {
        offer_from(i % 7 ? LOCAL : REMOTE);
        pass(100);
        (void)snapshot();
    }
    assert_int_equal(nh_mem_owner_info(fx.sys, 1, &after), 0);
    assert_string_equal(after.name, "test");
    for (unsigned t = 0; t < NH_MEM_TIER_COUNT; t++)
        assert_int_equal(before.tier[t].alloc_count, after.tier[t].alloc_count);
    assert_int_equal(after.tier[NH_MEM_INTERNAL].current_bytes, 0); // all of it is in PSRAM
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_nothing_is_known_at_first),
        T(test_values_and_what_follows_from_them),
        T(test_no_time_is_left_of_what_is_not_drawn),
        T(test_a_sensor_that_is_gone_is_unknown),
        T(test_an_older_measurement_does_not_replace_a_newer),
        T(test_implausible_values_are_refused),
        T(test_power_of_a_wrong_voltage_is_not_taken),
        T(test_an_odd_cell_is_told),
        T(test_all_fields_wrong_at_the_start_leave_nothing),
        T(test_silence_makes_stale_after_two_seconds),
        T(test_the_clock_may_jump_far),
        T(test_a_mode_asks_its_source_alone),
        T(test_auto_takes_the_local_board_while_it_lives),
        T(test_auto_leaves_a_line_that_is_down_at_once),
        T(test_auto_keeps_what_was_shown_when_nobody_is_there),
        T(test_what_was_stored_is_shown_stale_until_a_source_speaks),
        T(test_a_change_of_mode_begins_anew),
        T(test_mode_toggled_1000_times_mixes_nothing),
        T(test_thresholds),
        T(test_cells_are_told_to_near_sooner_than_to_far),
        T(test_a_slow_drift_is_not_lost),
        T(test_pace_and_heartbeat),
        T(test_alarms_and_links_do_not_wait_for_the_pace),
        T(test_snapshots_are_the_newest_between_publications),
        T(test_a_snapshot_that_finds_no_buffer_is_put_off),
        T(test_meters_outlive_modes),
        T(test_no_energy_across_two_sources),
        T(test_random_play_against_a_plain_model),
        T(test_each_allocation_may_fail),
        T(test_steady_state_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
