// Telemetry of a gateway: what is read, what is refused, and that what is written is read the same.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "components/battery_remote/remote_frame.h"
#include "support/rng.h"

#define BIT(f) (1u << NH_BATTERY_##f)

static struct nh_remote_frame frame;
static struct nh_battery_snapshot snapshot;
static char text[NH_REMOTE_FRAME_MAX_BYTES];

static int read_text(const char *t)
{
    return nh_remote_frame_read(t, strlen(t), &frame);
}

// ---- reading

static void test_masks(void **state)
{
    static const struct {
        const char *name, *text;
        int err;
        uint32_t mask, bad;
    } rows[] = {
        {"nothing", "{}", 0, 0, 0},
        {"at the top", "{\"pack_voltage_v\":42.9}", 0, BIT(VOLTAGE), 0},
        {"wrapped", "{\"battery\":{\"pack_voltage_v\":42.9}}", 0, BIT(VOLTAGE), 0},
        {"wrapped, with company",
         "{\"a\":{\"pack_voltage_v\":1},\"battery\":{\"pack_voltage_v\":42.9},\"b\":[{}]}", 0,
         BIT(VOLTAGE), 0},
        {"wrapped twice", "{\"battery\":{\"battery\":{\"pack_voltage_v\":42.9}}}", 0, 0, 0},
        {"power from the two", "{\"pack_voltage_v\":42.9,\"pack_current_a\":-2}", 0,
         BIT(VOLTAGE) | BIT(CURRENT) | BIT(POWER), 0},
        {"null is not known", "{\"pack_voltage_v\":null,\"state_of_charge_pct\":50}", 0, BIT(SOC),
         0},
        {"a text", "{\"pack_voltage_v\":\"42.9\",\"state_of_charge_pct\":50}", 0, BIT(SOC), 1},
        {"out of range", "{\"state_of_charge_pct\":100.1,\"state_of_health_pct\":-1}", 0, 0, 2},
        {"too large to be one", "{\"pack_voltage_v\":1e999}", 0, 0, 1},
        {"a container", "{\"pack_voltage_v\":[42.9]}", 0, 0, 0},
        {"energy needs both", "{\"energy_charged_wh\":1}", 0, 0, 0},
        {"energy", "{\"energy_charged_wh\":0,\"energy_discharged_wh\":0.5}", 0, BIT(ENERGY), 0},
        {"limits need the two voltages",
         "{\"overvoltage_cutoff_mv\":4200,\"overheat_cutoff_c\":60}", 0, 0, 0},
        {"limits", "{\"overvoltage_cutoff_mv\":4200,\"undervoltage_cutoff_mv\":2800}", 0,
         BIT(LIMITS), 0},
        {"cells", "{\"cell_voltage_mv\":[3300,3301.5]}", 0, BIT(CELLS), 0},
        {"sixteen places", "{\"cell_voltage_mv\":[3300,3301,3302,0,0,0,0,0,0,0,0,0,0,0,0,0]}", 0,
         BIT(CELLS), 0},
        {"a hole", "{\"cell_voltage_mv\":[3300,0,3302]}", 0, 0, 1},
        {"a cell that is none", "{\"cell_voltage_mv\":[3300,\"x\"]}", 0, 0, 1},
        {"a cell of null", "{\"cell_voltage_mv\":[3300,null]}", 0, 0, 1},
        {"cells in cells", "{\"cell_voltage_mv\":[3300,[1,[2]],{\"a\":1}]}", 0, 0, 1},
        {"no cells", "{\"cell_voltage_mv\":[]}", 0, 0, 0},
        {"all of nothing", "{\"cell_voltage_mv\":[0,0]}", 0, 0, 1},
        {"flags", "{\"cell_balancing\":[true,0,1,false]}", 0, BIT(BALANCING), 0},
        {"bits", "{\"balancing_bits\":5}", 0, BIT(BALANCING), 0},
        {"a flag of 2", "{\"cell_balancing\":[2]}", 0, 0, 1},
        {"charging", "{\"is_charging\":true}", 0, BIT(STATUS), 0},
        {"registers",
         "{\"battery\":{\"registers\":[{\"address\":36,\"value\":1}],\"type\":\"battery\"}}", 0, 0,
         0},
        {"an array", "[]", NH_ERR_TYPE, 0, 0},
        {"a number", "1", NH_ERR_TYPE, 0, 0},
        {"empty", "", NH_ERR_SYNTAX, 0, 0},
        {"cut", "{\"battery\":{\"pack_voltage_v\":42.9", NH_ERR_SYNTAX, 0, 0},
        {"cut after a value", "{\"pack_voltage_v\":42.9", NH_ERR_SYNTAX, 0, 0},
        {"two", "{\"pack_voltage_v\":1}{}", NH_ERR_SYNTAX, 0, 0},
        {"a long key of others",
         "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1,\"pack_voltage_"
         "v\":1}",
         0, BIT(VOLTAGE), 0},
        {"a long text of others",
         "{\"note\":\"the cells were balanced by hand in the last week of March\","
         "\"pack_voltage_v\":42.9}",
         0, BIT(VOLTAGE), 0},
        {"a number too long to be read",
         "{\"pack_voltage_v\":1000000000000000000000000000000000000000000000000000000000000e-59}",
         0, 0, 1},
        {"a serial number that goes on",
         "{\"firmware_version\":1,\"serial_number\":"
         "\"0123456789abcdef012345670123456789abcdef0123456701234567\"}",
         0, BIT(VERSION_INFO), 1},
        {"deep", "{\"a\":[[[[[[[[[]]]]]]]]]}", NH_ERR_TOO_DEEP, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int err = read_text(rows[i].text);
        if (err != rows[i].err || frame.mask != rows[i].mask || frame.bad_count != rows[i].bad)
            fail_msg("%s: %d, mask %x, bad %u", rows[i].name, err, (unsigned)frame.mask,
                     (unsigned)frame.bad_count);
    }
}

static void test_values(void **state)
{
    const struct nh_battery_values *v = &frame.values;
    (void)state;
    assert_int_equal(
        read_text(
            "{\"battery\":{\"timestamp_ms\":1764547200123,\"age_ms\":40,"
            "\"pack_voltage_v\":42.918,\"pack_current_a\":-12.5,\"state_of_charge_pct\":73.25,"
            "\"average_temperature_c\":-5.5,\"cell_voltage_mv\":[3301.2,3302,3303.4,0],"
            "\"cell_balancing\":[0,1,1],\"balancing_bits\":0,\"energy_charged_wh\":1234.567,"
            "\"energy_discharged_wh\":4000000000.5,\"is_charging\":false,\"cycle_count\":12.3,"
            "\"serial_number\":\"0123456789abcdefFEDCBA98\",\"firmware_version\":10,"
            "\"overheat_cutoff_c\":60,\"estimated_time_left_seconds\":4000000000}}"),
        0);
    assert_int_equal(frame.bad_count, 0);
    assert_true(frame.timestamp_ms == 1764547200123u && frame.age_ms == 40);
    assert_int_equal(v->voltage_mv, 42918);
    assert_int_equal(v->current_ma, -12500);
    assert_int_equal(v->power_mw, -536475);
    assert_int_equal(v->soc_mpct, 73250);
    assert_int_equal(v->temperature_mc, -5500);
    assert_int_equal(v->cell_count, 3);
    assert_int_equal(v->cell_dmv[0], 33012);
    assert_int_equal(v->cell_dmv[2], 33034);
    assert_int_equal(v->cell_dmv[3], 0);
    assert_int_equal(v->balancing, 6); // the array, not the bits beside it
    assert_true(v->energy_in_mwh == 1234567 && v->energy_out_mwh == 4000000000500u);
    assert_int_equal(v->status, 0x93); // discharging: by the current
    assert_int_equal(v->cycles_milli, 12300);
    assert_true(v->time_left_s == 4000000000u);
    assert_int_equal(v->serial[0], 0x0123);
    assert_int_equal(v->serial[5], 0xba98);
    assert_int_equal(v->limits.hot_c, 0); // limits are not known without the two voltages
    // A time that somebody wrote as a float is taken as far as it goes.
    assert_int_equal(read_text("{\"timestamp_ms\":1.764547200123e12}"), 0);
    assert_true(frame.timestamp_ms == 1764547200123u);
    assert_int_equal(read_text("{\"timestamp_ms\":-1}"), 0);
    assert_int_equal(frame.bad_count, 1);
}

static void test_status(void **state)
{
    static const struct {
        const char *text;
        uint16_t status;
    } rows[] = {
        {"{\"is_charging\":1}", 0x91},
        {"{\"is_charging\":false}", 0x97},
        {"{\"is_charging\":false,\"pack_current_a\":0.1}", 0x97},
        {"{\"is_charging\":true,\"status_code\":146}", 0x92},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_int_equal(read_text(rows[i].text), 0);
        assert_int_equal(frame.values.status, rows[i].status);
    }
}

// ---- writing

static int write_text(uint64_t now_ms, int64_t unix_ms)
{
    struct nh_json_buf buf = {text, sizeof text, 0};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_remote_frame_write(&w, &snapshot, now_ms, unix_ms);
    int err = nh_json_writer_end(&w);
    return err < 0 ? err : (int)buf.len;
}

// The longest numbers that a snapshot can have fit a message.
static void test_largest_fits(void **state)
{
    struct nh_battery_values *v = &snapshot.v;
    (void)state;
    memset(&snapshot, 0, sizeof snapshot);
    snapshot.valid = (1u << NH_BATTERY_FIELD_COUNT) - 1;
    v->soc_mpct = v->soh_mpct = 99999;
    v->voltage_mv = 1234567;
    v->current_ma = v->counters.max_charge_ma = v->counters.max_discharge_ma = -1999999;
    v->power_mw = -1999999999;
    v->temperature_mc = v->temp_ext1_mc = v->temp_ext2_mc = v->temp_bms_mc = -99999;
    v->status = 0x97;
    v->cell_count = NH_BATTERY_CELL_MAX_COUNT;
    for (size_t i = 0; i < NH_BATTERY_CELL_MAX_COUNT; i++)
        v->cell_dmv[i] = 65535;
    v->time_left_s = v->lifetime_s = v->balance_wanted = UINT32_MAX;
    v->capacity_mah = 1999999999;
    v->cycles_milli = 3999999999u;
    v->limits = (struct nh_battery_limits){19999, 19999, 19999, 9999, 9999, 9999,
                                           9999,  9999,  9999,  -99,  -99};
    v->energy_in_mwh = v->energy_out_mwh = 999999999999999;
    v->counters.under_voltage = v->counters.over_voltage = v->counters.discharge_over =
        v->counters.charge_over = v->counters.overheat = v->counters.chargings =
            v->counters.full_charges = v->counters.cleared_at_s = UINT32_MAX;
    v->counters.max_spread_dmv = 99999;
    v->counters.min_temp_c = v->counters.max_temp_c = -99;
    v->counters.last_reset = v->counters.last_wakeup = 255;
    v->hardware = v->hardware_changes = v->firmware = v->bootloader = 255;
    v->firmware_internal = 65535;
    snapshot.cell_min_dmv = snapshot.cell_max_dmv = 65535;
    int n = write_text(UINT32_MAX, 1764547200123);
    assert_true(n > 2000);
    assert_int_equal(nh_remote_frame_read(text, (size_t)n, &frame), 0);
    assert_int_equal(frame.bad_count, 0);
    assert_int_equal(frame.mask, snapshot.valid);
}

static void test_stale_is_left_out(void **state)
{
    (void)state;
    memset(&snapshot, 0, sizeof snapshot);
    snapshot.valid = BIT(VOLTAGE) | BIT(SOC) | BIT(CELLS);
    snapshot.stale = BIT(VOLTAGE) | BIT(CELLS);
    snapshot.time_ms = 100;
    snapshot.v.soc_mpct = 50000;
    int n = write_text(350, 0);
    assert_int_equal(n, strlen("{\"battery\":{\"type\":\"battery\",\"age_ms\":250,"
                               "\"state_of_charge_pct\":50,\"history_available\":true}}"));
    assert_int_equal(nh_remote_frame_read(text, (size_t)n, &frame), 0);
    assert_int_equal(frame.mask, BIT(SOC));
    assert_true(frame.age_ms == 250 && frame.timestamp_ms == 0);
}

static int32_t any(struct rng *g, int32_t min, int32_t max)
{
    return min + (int32_t)rng_below(g, (uint32_t)(max - min) + 1);
}

static void fill(struct rng *g)
{
    struct nh_battery_values *v = &snapshot.v;
    memset(&snapshot, 0, sizeof snapshot);
    snapshot.valid = (uint32_t)rng_below(g, 1u << NH_BATTERY_FIELD_COUNT);
    v->soc_mpct = any(g, 0, 100000);
    v->soh_mpct = any(g, 0, 100000);
    v->voltage_mv = any(g, 0, 60000);
    v->current_ma = any(g, -200000, 200000);
    v->power_mw = any(g, -2000000, 2000000);
    v->temperature_mc = any(g, -40000, 90000);
    v->temp_ext1_mc = any(g, -40000, 90000);
    v->temp_ext2_mc = any(g, -40000, 90000);
    v->temp_bms_mc = any(g, -40000, 90000);
    v->status = (uint16_t)any(g, 0x91, 0x9b);
    v->cell_count = (uint8_t)any(g, 1, NH_BATTERY_CELL_MAX_COUNT);
    for (size_t i = 0; i < v->cell_count; i++)
        v->cell_dmv[i] = (uint16_t)any(g, 1, 50000);
    v->balancing = rng_below(g, 0x7fffffff) & (uint32_t)((1ull << v->cell_count) - 1);
    v->balance_wanted = rng_below(g, 0x7fffffff);
    v->time_left_s = (uint32_t)any(g, 0, 1000000000);
    v->lifetime_s = (uint32_t)any(g, 0, 1000000000);
    v->capacity_mah = any(g, 0, 1000000);
    v->cycles_milli = (uint32_t)any(g, 0, 100000000);
    v->energy_in_mwh = rng_below(g, 0x7fffffff);
    v->energy_out_mwh = (uint64_t)rng_below(g, 0x7fffffff) * 1000;
    v->limits.over_mv = any(g, 0, 5000);
    v->limits.cold_charge_c = any(g, -30, 20);
    v->counters.max_charge_ma = any(g, -100000, 100000);
    v->counters.overheat = (uint32_t)any(g, 0, 100);
    v->counters.min_temp_c = any(g, -30, 20);
    v->hardware = (uint8_t)any(g, 0, 255);
    v->firmware_internal = (uint16_t)any(g, 0, 65535);
    for (size_t i = 0; i < 6; i++)
        v->serial[i] = (uint16_t)any(g, 0, 65535);
    snapshot.cell_min_dmv = v->cell_dmv[0];
}

// What one hub writes another reads, bit for bit, whatever is known of it.
static void test_there_and_back(void **state)
{
    struct rng g = {7};
    (void)state;
    for (int round = 0; round < 500; round++) {
        fill(&g);
        if (round % 2)
            snapshot.valid = (1u << NH_BATTERY_FIELD_COUNT) - 1;
        int n = write_text(0, 1);
        assert_true(n > 0);
        assert_int_equal(nh_remote_frame_read(text, (size_t)n, &frame), 0);
        assert_int_equal(frame.bad_count, 0);
        uint32_t want = snapshot.valid;
        if ((want & BIT(VOLTAGE)) && (want & BIT(CURRENT)))
            want |= BIT(POWER);
        assert_int_equal(frame.mask, want);
        struct nh_battery_values *a = &snapshot.v, *b = &frame.values;
        if (want & BIT(CELLS)) {
            assert_int_equal(a->cell_count, b->cell_count);
            assert_memory_equal(a->cell_dmv, b->cell_dmv, sizeof a->cell_dmv);
        }
        if (want == (1u << NH_BATTERY_FIELD_COUNT) - 1)
            assert_memory_equal(a, b, sizeof *a);
        if (want & BIT(ENERGY))
            assert_true(a->energy_in_mwh == b->energy_in_mwh &&
                        a->energy_out_mwh == b->energy_out_mwh);
        if (want & BIT(COUNTERS))
            assert_memory_equal(&a->counters, &b->counters, sizeof a->counters);
        if (want & BIT(LIMITS))
            assert_memory_equal(&a->limits, &b->limits, sizeof a->limits);
        if (want & BIT(VERSION_INFO))
            assert_memory_equal(a->serial, b->serial, sizeof a->serial);
        if (want & BIT(BALANCING))
            assert_true(a->balancing == b->balancing && a->balance_wanted == b->balance_wanted);
    }
}

// A message that is cut anywhere is none.
static void test_cut(void **state)
{
    struct rng g = {3};
    (void)state;
    fill(&g);
    int n = write_text(0, 1);
    for (int len = 0; len < n; len++) {
        assert_true(nh_remote_frame_read(text, (size_t)len, &frame) < 0);
        assert_int_equal(frame.mask, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_largest_fits),
        cmocka_unit_test(test_stale_is_left_out),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
