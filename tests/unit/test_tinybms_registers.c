// The register table: whole, in order, and each value in and out of its words.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "components/battery/tinybms_registers.h"

static const struct nh_tinybms_register *find(const char *key)
{
    const struct nh_tinybms_register *r =
        nh_tinybms_register_find((nh_span_t){(const uint8_t *)key, strlen(key)});
    if (!r)
        fail_msg("%s: not in the table", key);
    return r;
}

static unsigned bits_of(const struct nh_tinybms_register *r)
{
    if (r->bit_count)
        return ((1u << r->bit_count) - 1u) << r->bit_first;
    if (r->type == NH_TINYBMS_U8_LOW || r->type == NH_TINYBMS_I8_LOW)
        return 0xFF;
    return r->type == NH_TINYBMS_U8_HIGH || r->type == NH_TINYBMS_I8_HIGH ? 0xFF00 : 0xFFFF;
}

// In order, no bit of a word twice, keys unique, limits and choices that agree.
static void test_table_is_sound(void **state)
{
    uint32_t used[NH_TINYBMS_ADDRESS_COUNT] = {0};
    uint16_t before = 0;
    (void)state;
    for (size_t i = 0; i < nh_tinybms_register_count(); i++) {
        const struct nh_tinybms_register *r = nh_tinybms_register_at(i);
        assert_true(r->address >= before && r->address < NH_TINYBMS_ADDRESS_COUNT);
        before = r->address;
        assert_int_equal(used[r->address] & bits_of(r), 0);
        used[r->address] |= bits_of(r);
        if (nh_tinybms_register_words(r) == 2)
            used[r->address + 1u] = 0xFFFF;
        assert_ptr_equal(find(r->key), r);
        assert_true(r->label[0] && r->group[0] && r->divisor > 0);
        assert_int_equal(!!(r->flags & NH_TINYBMS_WRITABLE), r->address / 100 == 3);
        if (r->flags & NH_TINYBMS_WRITABLE)
            assert_true(r->min < r->max && r->step == 1);
        if (r->fallback != INT32_MIN)
            assert_true(r->fallback >= r->min && r->fallback <= r->max);
        bool is_shared = bits_of(r) != 0xFFFF && (r->flags & NH_TINYBMS_WRITABLE);
        assert_int_equal(!!(r->flags & NH_TINYBMS_SHARED), is_shared);
        for (const struct nh_tinybms_choice *c = r->choices; c && c->text; c++)
            if (r->flags & NH_TINYBMS_WRITABLE)
                assert_true(c->value >= r->min && c->value <= r->max);
    }
    assert_null(nh_tinybms_register_at(nh_tinybms_register_count()));
    assert_null(nh_tinybms_register_find((nh_span_t){(const uint8_t *)"cell_1", 6}));
}

// People read comments on a page: they name no keys.
static void test_comments_are_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < nh_tinybms_register_count(); i++) {
        const struct nh_tinybms_register *r = nh_tinybms_register_at(i);
        if (r->comment && strchr(r->comment, '_'))
            fail_msg("%s: \"%s\" names a key", r->key, r->comment);
    }
}

// Each address of the map has its entry, each reserved one has none.
static void test_addresses(void **state)
{
    static const uint16_t reserved[] = {16,  31,  33,  47,  49,  56,  99,  110,
                                        115, 117, 118, 200, 298, 302, 309, 313,
                                        324, 327, 344, 399, 499, 510, 600, 65535};
    static const uint16_t known[] = {0,   15,  32,  54,  100, 113, 116, 300, 312,
                                     315, 329, 330, 340, 343, 500, 501, 504, 509};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(reserved); i++)
        if (nh_tinybms_register_of(reserved[i]))
            fail_msg("%d is reserved", reserved[i]);
    for (size_t i = 0; i < NH_ARRAY_LEN(known); i++) {
        const struct nh_tinybms_register *r = nh_tinybms_register_of(known[i]);
        assert_non_null(r);
        assert_int_equal(r->address, known[i]);
        assert_true(r == nh_tinybms_register_at(0) || r[-1].address < known[i]);
    }
}

static void test_values(void **state)
{
    static const struct {
        const char *key;
        uint16_t words[2];
        double value;
    } rows[] = {
        {"cell_6_mv", {38720}, 3872.0},
        {"cell_1_mv", {33013}, 3301.3},
        {"pack_voltage_v", {0xCCCD, 0x424C}, (double)51.2F},
        {"pack_current_a", {0x0000, 0xC148}, -12.5},
        {"soc_pct", {0xB4D0, 0x045D}, 73.25},
        {"soh_pct", {49550}, 99.1},
        {"lifetime_s", {0xFFFF, 0xFFFF}, 4294967295.0},
        {"ext1_temp_c", {0xFF9C}, -10.0},
        {"bms_temp_c", {253}, 25.3},
        {"status", {0x93}, 0x93},
        {"min_pack_temp_c", {0x23F6}, -10},
        {"max_pack_temp_c", {0x23F6}, 35},
        {"last_reset", {0x0305}, 5},
        {"last_wakeup", {0x0305}, 3},
        {"battery_capacity_ah", {31400}, 314.0},
        {"low_temp_charge_cutoff_c", {0xFFD8}, -40},
        {"state_of_charge_permille", {25000}, 50.0},
        {"charge_restart_level_on", {0x0005}, 1},
        {"switch_diagnostics_off", {0x0005}, 0},
        {"charger_type", {0x0A01}, 1},
        {"discharge_overcurrent_delay_s", {0x0A01}, 10},
        {"pulses_per_unit", {0x86A0, 0x0001}, 100000},
        {"firmware_version", {0x030A}, 10},
        {"power_type", {0x030A}, 1},
        {"current_sensor", {0x030A}, 1},
    };
    uint16_t word = 0x8000, taken = 0xFFFF;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (nh_tinybms_value(find(rows[i].key), rows[i].words) != rows[i].value)
            fail_msg("%s: %f", rows[i].key, nh_tinybms_value(find(rows[i].key), rows[i].words));
    assert_true(isnan(nh_tinybms_value(find("ext2_temp_c"), &word)));
    assert_true(isnan(nh_tinybms_value(find("state_of_health_permille"), &taken)));
    assert_false(isnan(nh_tinybms_value(find("battery_capacity_ah"), &taken)));
    assert_string_equal(nh_tinybms_choice_text(find("last_wakeup"), 3), "uart");
    assert_null(nh_tinybms_choice_text(find("last_wakeup"), 4));
    assert_null(nh_tinybms_choice_text(find("soc_pct"), 0));
}

static void test_puts(void **state)
{
    static const struct {
        const char *key;
        double value;
        uint16_t before, after;
        int err;
    } rows[] = {
        {"fully_charged_voltage_mv", 3650, 0, 3650, NH_OK},
        {"fully_charged_voltage_mv", 3650.4, 0, 3650, NH_OK},
        {"fully_charged_voltage_mv", 4500, 0, 4500, NH_OK},
        {"fully_charged_voltage_mv", 4501, 7, 7, NH_ERR_RANGE},
        {"fully_charged_voltage_mv", 1199, 7, 7, NH_ERR_RANGE},
        {"battery_capacity_ah", 314, 0, 31400, NH_OK},
        {"battery_capacity_ah", 0.1, 0, 10, NH_OK},
        {"battery_capacity_ah", 0.09, 7, 7, NH_ERR_RANGE},
        {"low_temp_charge_cutoff_c", -40, 0, 0xFFD8, NH_OK},
        {"low_temp_charge_cutoff_c", -41, 7, 7, NH_ERR_RANGE},
        {"state_of_health_permille", 99.1, 0, 49550, NH_OK},
        {"charger_type", 2, 0x0A01, 0x0A02, NH_OK},
        {"discharge_overcurrent_delay_s", 3, 0x0A01, 0x0301, NH_OK},
        {"charge_restart_level_on", 1, 0x0003, 0x0007, NH_OK},
        {"invert_ext_current_sensor", 0, 0xFFFF, 0xFFFE, NH_OK},
        {"invert_ext_current_sensor", 2, 7, 7, NH_ERR_RANGE},
        {"precharge_pin", 16, 0, 16, NH_OK},
        {"precharge_pin", 10, 7, 7, NH_ERR_RANGE},
        {"precharge_pin", 1, 7, 7, NH_ERR_RANGE},
        {"charger_switch_type", 0, 7, 7, NH_ERR_RANGE},
        {"soc_pct", 50, 7, 7, NH_ERR_DENIED},
        {"fully_charged_voltage_mv", NAN, 7, 7, NH_ERR_RANGE},
        {"fully_charged_voltage_mv", INFINITY, 7, 7, NH_ERR_RANGE},
        {"fully_charged_voltage_mv", -1e300, 7, 7, NH_ERR_RANGE},
    };
    uint16_t two[2] = {1, 1};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint16_t word = rows[i].before;
        int err = nh_tinybms_value_put(find(rows[i].key), rows[i].value, &word);
        if (err != rows[i].err || word != rows[i].after)
            fail_msg("%s = %f: %d, %x", rows[i].key, rows[i].value, err, word);
    }
    assert_int_equal(nh_tinybms_value_put(find("pulses_per_unit"), 100000, two), NH_OK);
    assert_int_equal(two[0], 0x86A0);
    assert_int_equal(two[1], 1);
}

// Every setting at its limits, and in the middle: what is put is what is read.
static void test_put_and_read_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < nh_tinybms_register_count(); i++) {
        const struct nh_tinybms_register *r = nh_tinybms_register_at(i);
        if (!(r->flags & NH_TINYBMS_WRITABLE))
            continue;
        int32_t raws[] = {r->min, r->max, r->fallback};
        for (size_t k = 0; k < NH_ARRAY_LEN(raws); k++) {
            if (raws[k] == INT32_MIN)
                continue;
            uint16_t words[2] = {0xA5A5, 0};
            double value = (double)raws[k] / r->divisor;
            assert_int_equal(nh_tinybms_value_put(r, value, words), NH_OK);
            assert_true(nh_tinybms_raw(r, words) == raws[k]);
            assert_true(nh_tinybms_value(r, words) == value);
            if (nh_tinybms_register_words(r) == 1)
                assert_int_equal(words[0] & ~bits_of(r) & 0xFFFF, 0xA5A5 & ~bits_of(r));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_sound), cmocka_unit_test(test_comments_are_words),
        cmocka_unit_test(test_addresses),      cmocka_unit_test(test_values),
        cmocka_unit_test(test_puts),           cmocka_unit_test(test_put_and_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
