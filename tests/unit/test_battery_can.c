// Frames for inverters, byte by byte, in both dialects; what is not known is not said; the inverter
// is heard; a board that is lost.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "battery_fixture.h"
#include "components/battery_bridge/battery_can.h"

#define BIT(field) (1u << (field))
#define WATCHED                                                                                    \
    (BIT(NH_BATTERY_CAN_ALARM_COUNT) - 1 - BIT(NH_BATTERY_CAN_SHORT_CIRCUIT) -                     \
     BIT(NH_BATTERY_CAN_HIGH_TEMPERATURE_CHARGE))

static struct nh_battery_snapshot s;

static struct nh_battery_can_input input(void)
{
    s = battery_pack();
    return (struct nh_battery_can_input){
        .s = &s,
        .known = BATTERY_ALL,
        .limits = {.is_known = true,
                   .cvl_mv = 58400,
                   .ccl_ma = 90000,
                   .dcl_ma = 65000,
                   .dvl_mv = 48000,
                   .is_charge_allowed = true,
                   .is_discharge_allowed = true},
        .alarms = {.watched = WATCHED},
        .name = "garden shed pack",
    };
}

// The frame as text: "351: 48 02 ..."; "" when it is left out.
static const char *frame(uint8_t dialect, uint32_t id, const struct nh_battery_can_input *in)
{
    static char text[48];
    text[0] = '\0';
    for (size_t at = 0; at < nh_battery_can_count(dialect); at++) {
        struct nh_can_frame f;
        bool is_said = nh_battery_can_encode(dialect, at, in, &f);
        assert_true(f.len <= 8 && f.id <= 0x7FF);
        if (f.id != id)
            continue;
        if (!is_said)
            return "";
        int len = snprintf(text, sizeof text, "%X:", (unsigned)id);
        for (int i = 0; i < f.len; i++)
            len += snprintf(text + len, sizeof text - (size_t)len, " %02X", f.data[i]);
        return text;
    }
    fail_msg("no frame %X", (unsigned)id);
    return NULL;
}

#define V NH_BATTERY_CAN_VICTRON
#define P NH_BATTERY_CAN_PYLONTECH

// The pack of battery_fixture.h.
static const struct {
    uint8_t dialect;
    uint32_t id, period_s;
    const char *text;
} plain[] = {
    {V, 0x351, 1, "351: 48 02 84 03 8A 02 E0 01"}, // 58.4 V, 90.0 A, 65.0 A, 48.0 V
    {V, 0x355, 1, "355: 49 00 63 00 9D 1C"},       // 73 %, 99 %, 73.25 %
    {V, 0x356, 1, "356: D5 14 83 FF F9 00"},       // 53.33 V, -12.5 A, 24.9 degrees
    {V, 0x35A, 1, "35A: AA A2 8A 02 AA A2 8A 0A"}, // all is well, two are not watched
    {V, 0x35E, 2, "35E: 45 6E 65 70 61 71 00 00"}, // Enepaq
    {V, 0x35F, 2, "35F: 05 01 D2 04 3A 01"},       // 5.1, 1234, 314 Ah
    {V, 0x370, 2, "370: 67 61 72 64 65 6E 20 73"}, // "garden s"
    {V, 0x371, 2, "371: 68 65 64 20 70 61 63 6B"}, // "hed pack"
    {V, 0x372, 1, "372: 01 00 00 00 00 00 00 00"},
    {V, 0x373, 1, "373: 03 0D 07 0D 29 01 2B 01"}, // 3331, 3335 mV, 297, 299 K
    {V, 0x374, 1, "374: 43 45 4C 4C 20 30 33 00"}, // CELL 03
    {V, 0x375, 1, "375: 43 45 4C 4C 20 31 32 00"}, // CELL 12
    {V, 0x376, 1, "376: 45 58 54 20 31 00 00 00"}, // EXT 1
    {V, 0x377, 1, "377: 45 58 54 20 32 00 00 00"}, // EXT 2
    {V, 0x378, 1, "378: 39 30 00 00 94 26 00 00"}, // 12345, 9876 times 100 Wh
    {V, 0x379, 5, "379: 3A 01"},                   // 314 Ah
    {V, 0x380, 5, "380: 44 45 46 30 39 41 42 43"}, // DEF09ABC
    {V, 0x381, 5, "381: 35 36 37 38 31 32 33 34"}, // 56781234
    {V, 0x382, 5, "382: 54 69 6E 79 42 4D 53 00"}, // TinyBMS
    {P, 0x351, 1, "351: 48 02 84 03 8A 02 E0 01"},
    {P, 0x355, 1, "355: 49 00 63 00"},
    {P, 0x356, 1, "356: D5 14 83 FF F9 00"},
    {P, 0x359, 1, "359: 00 00 00 00 01 50 4E"}, // PN
    {P, 0x35C, 1, "35C: C0 00"},                // may charge, may discharge
    {P, 0x35E, 1, "35E: 50 59 4C 4F 4E 20 20 20"},
};

static void test_every_frame(void **state)
{
    const struct nh_battery_can_input in = input();
    (void)state;
    assert_int_equal(nh_battery_can_count(V) + nh_battery_can_count(P), NH_ARRAY_LEN(plain));
    for (size_t i = 0; i < NH_ARRAY_LEN(plain); i++) {
        size_t at = i < nh_battery_can_count(V) ? i : i - nh_battery_can_count(V);
        assert_string_equal(frame(plain[i].dialect, plain[i].id, &in), plain[i].text);
        assert_int_equal(nh_battery_can_period_s(plain[i].dialect, at), plain[i].period_s);
    }
}

// What a frame needs to be said; without it, it is left out and no other number stands in for it.
static void test_unknown_is_not_said(void **state)
{
    static const struct {
        uint32_t id, needs;
    } rows[] = {
        {0x355, BIT(NH_BATTERY_SOC)},
        {0x356, BIT(NH_BATTERY_VOLTAGE) | BIT(NH_BATTERY_CURRENT) | BIT(NH_BATTERY_TEMPERATURE)},
        {0x35F, BIT(NH_BATTERY_VERSION_INFO) | BIT(NH_BATTERY_CAPACITY)},
        {0x373, BIT(NH_BATTERY_CELLS)},
        {0x374, BIT(NH_BATTERY_CELLS)},
        {0x375, BIT(NH_BATTERY_CELLS)},
        {0x378, BIT(NH_BATTERY_ENERGY)},
        {0x379, BIT(NH_BATTERY_CAPACITY)},
        {0x380, BIT(NH_BATTERY_VERSION_INFO)},
        {0x381, BIT(NH_BATTERY_VERSION_INFO)},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        for (int field = 0; field < NH_BATTERY_FIELD_COUNT; field++) {
            struct nh_battery_can_input in = input();
            in.known &= ~BIT(field);
            bool is_said = frame(V, rows[i].id, &in)[0];
            assert_int_equal(is_said, !(rows[i].needs & BIT(field)));
        }
    struct nh_battery_can_input in = input();
    in.limits.is_known = false;
    assert_string_equal(frame(V, 0x351, &in), "");
    assert_string_equal(frame(P, 0x351, &in), "");
    in = input();
    in.known = 0; // no sensor either
    assert_string_equal(frame(V, 0x376, &in), "");
    assert_string_equal(frame(V, 0x377, &in), "");
}

static void test_numbers_at_their_ends(void **state)
{
    static const struct {
        uint32_t id;
        int32_t soc_mpct, voltage_mv, current_ma, temperature_mc;
        const char *text;
    } rows[] = {
        {0x355, 0, 0, 0, 0, "355: 00 00 63 00 00 00"},
        {0x355, 100000, 0, 0, 0, "355: 64 00 63 00 10 27"},
        {0x355, 99499, 0, 0, 0, "355: 63 00 63 00 DE 26"},
        {0x355, 99500, 0, 0, 0, "355: 64 00 63 00 DE 26"},
        {0x356, 0, 1000000, 5000000, 200000, "356: FF 7F FF 7F D0 07"}, // what fits
        {0x356, 0, 0, -5000000, -40050, "356: 00 00 00 80 6F FE"},      // -40.1: away from 0
        {0x356, 0, 5, 50, 50, "356: 01 00 01 00 01 00"},
        {0x356, 0, 4, 49, -49, "356: 00 00 00 00 00 00"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_battery_can_input in = input();
        s.v.soc_mpct = rows[i].soc_mpct;
        s.v.voltage_mv = rows[i].voltage_mv;
        s.v.current_ma = rows[i].current_ma;
        s.v.temperature_mc = rows[i].temperature_mc;
        assert_string_equal(frame(V, rows[i].id, &in), rows[i].text);
    }
    struct nh_battery_can_input in = input();
    in.limits.ccl_ma = 99; // less than the frame can say: nothing
    in.limits.dcl_ma = 199;
    assert_string_equal(frame(V, 0x351, &in), "351: 48 02 00 00 01 00 E0 01");
    s.v.energy_in_mwh = UINT64_MAX;
    assert_string_equal(frame(V, 0x378, &in), "378: FF FF FF FF 94 26 00 00");
    in.known &= ~BIT(NH_BATTERY_SOH);
    assert_string_equal(frame(V, 0x355, &in), "355: 49 00 64 00 9D 1C");
}

// Sensors that are not connected do not count; the board's own does only when no other is there.
static void test_sensors(void **state)
{
    static const struct {
        int32_t ext1, ext2, own;
        const char *extremes, *cold, *hot;
    } rows[] = {
        {-10000, NH_BATTERY_TEMPERATURE_NONE, 31200, "373: 03 0D 07 0D 07 01 07 01",
         "376: 45 58 54 20 31 00 00 00", "377: 45 58 54 20 31 00 00 00"},
        {NH_BATTERY_TEMPERATURE_NONE, 40000, 31200, "373: 03 0D 07 0D 39 01 39 01",
         "376: 45 58 54 20 32 00 00 00", "377: 45 58 54 20 32 00 00 00"},
        {NH_BATTERY_TEMPERATURE_NONE, NH_BATTERY_TEMPERATURE_NONE, 31200,
         "373: 03 0D 07 0D 30 01 30 01", "376: 42 4D 53 00 00 00 00 00",
         "377: 42 4D 53 00 00 00 00 00"},
        {30000, 20000, 31200, "373: 03 0D 07 0D 25 01 2F 01", "376: 45 58 54 20 32 00 00 00",
         "377: 45 58 54 20 31 00 00 00"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_battery_can_input in = input();
        s.v.temp_ext1_mc = rows[i].ext1;
        s.v.temp_ext2_mc = rows[i].ext2;
        s.v.temp_bms_mc = rows[i].own;
        assert_string_equal(frame(V, 0x373, &in), rows[i].extremes);
        assert_string_equal(frame(V, 0x376, &in), rows[i].cold);
        assert_string_equal(frame(V, 0x377, &in), rows[i].hot);
    }
}

// ---- alarms -------------------------------------------------------------------------------------

// 1 is "active", 2 is "ok": one field at a time, as an alarm and as a warning.
static void test_alarm_fields(void **state)
{
    static const struct {
        const char *victron, *victron_warning, *pylontech, *pylontech_warning;
    } rows[NH_BATTERY_CAN_ALARM_COUNT] = {
        [NH_BATTERY_CAN_GENERAL] = {"35A: A9 A2 8A 02 AA A2 8A 0A", "35A: AA A2 8A 02 A9 A2 8A 0A",
                                    "359: 00 08 00 00 01 50 4E", "359: 00 00 00 08 01 50 4E"},
        [NH_BATTERY_CAN_HIGH_VOLTAGE] = {"35A: A6 A2 8A 02 AA A2 8A 0A",
                                         "35A: AA A2 8A 02 A6 A2 8A 0A",
                                         "359: 02 00 00 00 01 50 4E", "359: 00 00 02 00 01 50 4E"},
        [NH_BATTERY_CAN_LOW_VOLTAGE] = {"35A: 9A A2 8A 02 AA A2 8A 0A",
                                        "35A: AA A2 8A 02 9A A2 8A 0A", "359: 04 00 00 00 01 50 4E",
                                        "359: 00 00 04 00 01 50 4E"},
        [NH_BATTERY_CAN_HIGH_TEMPERATURE] = {"35A: 6A A2 8A 02 AA A2 8A 0A",
                                             "35A: AA A2 8A 02 6A A2 8A 0A",
                                             "359: 08 00 00 00 01 50 4E",
                                             "359: 00 00 08 00 01 50 4E"},
        [NH_BATTERY_CAN_LOW_TEMPERATURE] = {"35A: AA A1 8A 02 AA A2 8A 0A",
                                            "35A: AA A2 8A 02 AA A1 8A 0A",
                                            "359: 10 00 00 00 01 50 4E",
                                            "359: 00 00 10 00 01 50 4E"},
        [NH_BATTERY_CAN_HIGH_TEMPERATURE_CHARGE] = {"35A: AA A2 8A 02 AA A2 8A 0A",
                                                    "35A: AA A2 8A 02 AA A2 8A 0A",
                                                    "359: 08 00 00 00 01 50 4E",
                                                    "359: 00 00 08 00 01 50 4E"},
        [NH_BATTERY_CAN_LOW_TEMPERATURE_CHARGE] = {"35A: AA 92 8A 02 AA A2 8A 0A",
                                                   "35A: AA A2 8A 02 AA 92 8A 0A",
                                                   "359: 10 00 00 00 01 50 4E",
                                                   "359: 00 00 10 00 01 50 4E"},
        [NH_BATTERY_CAN_HIGH_CURRENT] = {"35A: AA 62 8A 02 AA A2 8A 0A",
                                         "35A: AA A2 8A 02 AA 62 8A 0A",
                                         "359: 80 00 00 00 01 50 4E", "359: 00 00 80 00 01 50 4E"},
        [NH_BATTERY_CAN_HIGH_CHARGE_CURRENT] = {"35A: AA A2 89 02 AA A2 8A 0A",
                                                "35A: AA A2 8A 02 AA A2 89 0A",
                                                "359: 00 01 00 00 01 50 4E",
                                                "359: 00 00 00 01 01 50 4E"},
        [NH_BATTERY_CAN_CONTACTOR] = {"35A: AA A2 86 02 AA A2 8A 0A",
                                      "35A: AA A2 8A 02 AA A2 86 0A", "359: 00 08 00 00 01 50 4E",
                                      "359: 00 00 00 08 01 50 4E"},
        [NH_BATTERY_CAN_SHORT_CIRCUIT] = {"35A: AA A2 8A 02 AA A2 8A 0A",
                                          "35A: AA A2 8A 02 AA A2 8A 0A",
                                          "359: 00 00 00 00 01 50 4E", "359: 00 00 00 00 01 50 4E"},
        [NH_BATTERY_CAN_INTERNAL] = {"35A: AA A2 4A 02 AA A2 8A 0A", "35A: AA A2 8A 02 AA A2 4A 0A",
                                     "359: 00 08 00 00 01 50 4E", "359: 00 00 00 08 01 50 4E"},
        [NH_BATTERY_CAN_IMBALANCE] = {"35A: AA A2 8A 01 AA A2 8A 0A",
                                      "35A: AA A2 8A 02 AA A2 8A 09", "359: 00 00 00 00 01 50 4E",
                                      "359: 00 00 00 00 01 50 4E"},
    };
    (void)state;
    for (uint32_t i = 0; i < NH_BATTERY_CAN_ALARM_COUNT; i++) {
        struct nh_battery_can_input in = input();
        in.alarms.alarms = BIT(i);
        assert_string_equal(frame(V, 0x35A, &in), rows[i].victron);
        assert_string_equal(frame(P, 0x359, &in), rows[i].pylontech);
        in.alarms.alarms = 0;
        in.alarms.warnings = BIT(i);
        assert_string_equal(frame(V, 0x35A, &in), rows[i].victron_warning);
        assert_string_equal(frame(P, 0x359, &in), rows[i].pylontech_warning);
    }
}

static void test_alarms_of_the_model(void **state)
{
    static const struct {
        uint16_t code;
        uint32_t bit;
    } rows[] = {
        {1, NH_BATTERY_CAN_HIGH_TEMPERATURE}, {2, NH_BATTERY_CAN_LOW_TEMPERATURE_CHARGE},
        {3, NH_BATTERY_CAN_HIGH_VOLTAGE},     {4, NH_BATTERY_CAN_LOW_VOLTAGE},
        {7, NH_BATTERY_CAN_HIGH_CURRENT},     {8, NH_BATTERY_CAN_HIGH_CHARGE_CURRENT},
        {11, NH_BATTERY_CAN_IMBALANCE},       {12, NH_BATTERY_CAN_INTERNAL},
        {25, NH_BATTERY_CAN_GENERAL},         {102, NH_BATTERY_CAN_LOW_VOLTAGE},
        {103, NH_BATTERY_CAN_HIGH_VOLTAGE},   {110, NH_BATTERY_CAN_LOW_TEMPERATURE},
        {112, NH_BATTERY_CAN_CONTACTOR},      {155, NH_BATTERY_CAN_LOW_TEMPERATURE_CHARGE},
    };
    struct nh_battery_can_alarms a;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        a = (struct nh_battery_can_alarms){0};
        nh_battery_can_alarm_add(&a, rows[i].code, NH_BATTERY_WARNING);
        assert_int_equal(a.warnings, BIT(rows[i].bit));
        assert_int_equal(a.alarms, 0);
        nh_battery_can_alarm_add(&a, rows[i].code, NH_BATTERY_CRITICAL);
        assert_int_equal(a.alarms, BIT(rows[i].bit));
    }
    a = (struct nh_battery_can_alarms){0};
    nh_battery_can_alarm_add(&a, 3, NH_BATTERY_INFO); // only told
    nh_battery_can_alarm_add(&a, 65535, NH_BATTERY_CRITICAL);
    assert_int_equal(a.alarms | a.warnings, 0);
    // State of charge: no field of a frame, whoever watches it.
    struct nh_battery_can_input in = input();
    char before[64];
    snprintf(before, sizeof before, "%s", frame(V, 0x35A, &in));
    nh_battery_can_alarm_add(&in.alarms, 9, NH_BATTERY_CRITICAL);
    assert_int_equal(in.alarms.alarms, BIT(NH_BATTERY_CAN_LOW_CHARGE));
    in.alarms.watched |= BIT(NH_BATTERY_CAN_LOW_CHARGE);
    assert_string_equal(frame(V, 0x35A, &in), before);
}

static void test_requests(void **state)
{
    static const struct {
        bool charge, discharge, wants;
        const char *request, *modules;
    } rows[] = {
        {true, true, false, "35C: C0 00", "372: 01 00 00 00 00 00 00 00"},
        {false, true, true, "35C: 40 00", "372: 01 00 01 00 00 00 00 00"},
        {true, false, true, "35C: A0 00", "372: 01 00 00 00 01 00 00 00"},
        {false, false, false, "35C: 00 00", "372: 01 00 01 00 01 00 00 00"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_battery_can_input in = input();
        in.limits.is_charge_allowed = rows[i].charge;
        in.limits.is_discharge_allowed = rows[i].discharge;
        in.limits.wants_charge = rows[i].wants;
        assert_string_equal(frame(P, 0x35C, &in), rows[i].request);
        assert_string_equal(frame(V, 0x372, &in), rows[i].modules);
    }
}

// Nothing measured is told of a board that is lost, but that it is.
static void test_lost(void **state)
{
    static const uint32_t silent[] = {0x355, 0x356, 0x35F, 0x373, 0x374, 0x375,
                                      0x376, 0x377, 0x378, 0x379, 0x380, 0x381};
    struct nh_battery_can_input in = input();
    (void)state;
    in.is_lost = true;
    in.alarms.alarms = BIT(NH_BATTERY_CAN_INTERNAL);
    in.limits.ccl_ma = in.limits.dcl_ma = 0;
    in.limits.is_charge_allowed = in.limits.is_discharge_allowed = false;
    for (size_t i = 0; i < NH_ARRAY_LEN(silent); i++)
        assert_string_equal(frame(V, silent[i], &in), "");
    assert_string_equal(frame(V, 0x351, &in), "351: 48 02 00 00 00 00 E0 01");
    assert_string_equal(frame(V, 0x35A, &in), "35A: AA A2 4A 02 AA A2 8A 06");
    assert_string_equal(frame(V, 0x372, &in), "372: 00 00 01 00 01 00 01 00");
    assert_string_equal(frame(P, 0x359, &in), "359: 00 08 00 00 01 50 4E");
    assert_string_equal(frame(P, 0x35C, &in), "35C: 00 00");
    assert_string_equal(frame(P, 0x355, &in), "");
}

// ---- what comes in ------------------------------------------------------------------------------

static void test_inverter(void **state)
{
    static const struct nh_can_frame alive = {0x305, 8, {0}},
                                     identity = {0x307, 8, {1, 2, 3, 4, 'V', 'I', 'C', 0}},
                                     shorter = {0x307, 5, {1, 2, 3, 4, 'X'}},
                                     odd = {0x307, 8, {1, 2, 3, 4, 0xFF, ' ', '"', 9}},
                                     foreign = {0x123, 1, {0}};
    struct nh_battery_can_peer p = {0};
    (void)state;
    assert_false(nh_battery_can_is_alive(&p, 5000, 600000));
    nh_battery_can_hear(&p, &foreign, 1);
    nh_battery_can_hear(&p, &identity, 2);
    assert_string_equal(p.identity, "VIC");
    assert_false(nh_battery_can_is_alive(&p, 5000, 600000));
    nh_battery_can_hear(&p, &alive, 0); // at the clock's 0, too
    assert_true(nh_battery_can_is_alive(&p, 600001, 600000));
    assert_false(nh_battery_can_is_alive(&p, 600002, 600000));
    nh_battery_can_hear(&p, &alive, 700000);
    assert_true(nh_battery_can_is_alive(&p, 700000, 600000));
    nh_battery_can_hear(&p, &shorter, 3);
    assert_string_equal(p.identity, "X");
    nh_battery_can_hear(&p, &odd, 3);
    assert_string_equal(p.identity, "\"");
    assert_int_equal(p.frames, 6);
    assert_int_equal(p.alive_count, 2);
    assert_int_equal(p.foreign, 1);
}

// ---- a lost board -------------------------------------------------------------------------------

static void test_phases(void **state)
{
    struct nh_battery_can_watch w = {0};
    struct nh_battery_snapshot pack = battery_pack();
    (void)state;
#define STEP(fresh, at) nh_battery_can_watch_step(&w, fresh, &pack, 60000, 30000, at)
    STEP(false, 1000); // nothing was ever seen: nothing is said
    assert_int_equal(w.phase, NH_BATTERY_CAN_SILENT);
    STEP(true, 2000);
    assert_int_equal(w.phase, NH_BATTERY_CAN_FRESH);
    // High above the middle there is no hold.
    battery_cells_set(&pack, 36400);
    STEP(true, 3000);
    STEP(false, 4000);
    assert_int_equal(w.phase, NH_BATTERY_CAN_ZERO);
    STEP(false, 33999);
    assert_int_equal(w.phase, NH_BATTERY_CAN_ZERO);
    STEP(false, 34000);
    assert_int_equal(w.phase, NH_BATTERY_CAN_SILENT);
    // In the middle there is, and nowhere else.
    static const struct {
        uint16_t low_dmv, high_dmv;
        uint8_t phase;
    } rows[] = {
        {32251, 33749, NH_BATTERY_CAN_HOLD},
        {32250, 33749, NH_BATTERY_CAN_ZERO},
        {32251, 33750, NH_BATTERY_CAN_ZERO},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        battery_cells_set(&pack, rows[i].low_dmv);
        pack.v.cell_dmv[1] = rows[i].high_dmv;
        battery_derive(&pack);
        STEP(true, 35000);
        STEP(false, 35001);
        assert_int_equal(w.phase, rows[i].phase);
    }
    pack.v.limits.empty_mv = 3260; // a board that calls it empty there
    battery_cells_set(&pack, 32600);
    STEP(true, 36000);
    STEP(false, 36001);
    assert_int_equal(w.phase, NH_BATTERY_CAN_ZERO);
    pack.v.limits.empty_mv = 3000;
    battery_cells_set(&pack, 33000);
    STEP(true, 40000);
    STEP(false, 50000);
    assert_int_equal(w.phase, NH_BATTERY_CAN_HOLD);
    STEP(false, 109999);
    assert_int_equal(w.phase, NH_BATTERY_CAN_HOLD);
    STEP(true, 109999); // it is back, and the hold begins anew next time
    STEP(false, 110000);
    STEP(false, 169999);
    assert_int_equal(w.phase, NH_BATTERY_CAN_HOLD);
    STEP(false, 170000);
    assert_int_equal(w.phase, NH_BATTERY_CAN_ZERO);
    STEP(true, 170001);
    assert_int_equal(w.phase, NH_BATTERY_CAN_FRESH);
    assert_int_equal(w.since_ms, 170001);
    // An empty one has no hold; the loop may have slept for long.
    battery_cells_set(&pack, 29990);
    STEP(true, 170002);
    STEP(false, 999999);
    STEP(false, 9999999);
    assert_int_equal(w.phase, NH_BATTERY_CAN_SILENT);
    STEP(false, 99999999);
    assert_int_equal(w.phase, NH_BATTERY_CAN_SILENT);
#undef STEP
    assert_string_equal(nh_battery_can_phase_text(NH_BATTERY_CAN_HOLD), "hold");
    assert_string_equal(nh_battery_can_phase_text(99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_frame),
        cmocka_unit_test(test_unknown_is_not_said),
        cmocka_unit_test(test_numbers_at_their_ends),
        cmocka_unit_test(test_sensors),
        cmocka_unit_test(test_alarm_fields),
        cmocka_unit_test(test_alarms_of_the_model),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_inverter),
        cmocka_unit_test(test_phases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
