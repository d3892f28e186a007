#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "components/lamp_live/lamp_wled_udp.h"
#include "lamp_packets.h"
#include "support/rng.h"

static int parse(const uint8_t *bytes, size_t len, struct nh_lamp__wled_pixels *out)
{
    uint8_t *copy = exact_copy(bytes, len);
    int err = nh_lamp__wled_pixels_parse(copy, len, out);
    free(copy);
    return err;
}

static void test_pixels(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
        int err;
        enum nh_lamp__wled_kind kind;
        uint8_t timeout_s, pixel_bytes;
        uint16_t start;
        size_t len;
    } rows[] = {
        {"WARLS", "01 02 05 FF 00 00 07 00 FF 00", 0, NH_LAMP__WLED_WARLS, 2, 4, 0, 8},
        {"DRGB", "02 02 01 02 03 04 05 06", 0, NH_LAMP__WLED_DRGB, 2, 3, 0, 6},
        {"DRGBW", "03 FF 01 02 03 04", 0, NH_LAMP__WLED_DRGBW, 255, 4, 0, 4},
        {"DNRGB", "04 02 01 E9 01 02 03", 0, NH_LAMP__WLED_DNRGB, 2, 3, 489, 3},
        {"DNRGBW", "05 02 00 10 01 02 03 04", 0, NH_LAMP__WLED_DNRGBW, 2, 4, 16, 4},
        {"half a pixel is left out", "02 02 01 02 03 04 05", 0, NH_LAMP__WLED_DRGB, 2, 3, 0, 3},
        {"no pixels", "02 02", 0, NH_LAMP__WLED_DRGB, 2, 3, 0, 0},
        {"leave", "02 00", 0, NH_LAMP__WLED_DRGB, 0, 3, 0, 0},
        {"leave, of a kind with a start", "04 00", 0, NH_LAMP__WLED_DNRGB, 0, 3, 0, 0},
        {"nothing", "", NH_ERR_PROTO, 0, 0, 0, 0, 0},
        {"one byte", "02", NH_ERR_PROTO, 0, 0, 0, 0, 0},
        {"start cut", "04 02 01", NH_ERR_PROTO, 0, 0, 0, 0, 0},
        {"sync", "00 01", NH_ERR_UNSUPPORTED, 0, 0, 0, 0, 0},
        {"6", "06 02 00 00", NH_ERR_UNSUPPORTED, 0, 0, 0, 0, 0},
        {"beacon", "FF 01 7F 00", NH_ERR_UNSUPPORTED, 0, 0, 0, 0, 0},
        {"TPM2.NET", "9C DA 00 03 01 02 01 02 03 36", 0, NH_LAMP__WLED_TPM2, 0, 3, 0, 3},
        {"TPM2.NET, half a pixel", "9C DA 00 04 01 02 01 02 03 04 36", 0, NH_LAMP__WLED_TPM2, 0, 3,
         0, 3},
        {"TPM2.NET, count not told", "9C DA 00 03 05 00 01 02 03 36", 0, NH_LAMP__WLED_TPM2, 0, 3,
         0, 3},
        {"TPM2.NET, no pixels", "9C DA 00 00 01 01 36", 0, NH_LAMP__WLED_TPM2, 0, 3, 0, 0},
        {"TPM2.NET, a command", "9C C0 00 00 01 01 36", NH_ERR_UNSUPPORTED, 0, 0, 0, 0, 0},
        {"TPM2.NET, another end", "9C DA 00 03 01 02 01 02 03 37", NH_ERR_PROTO, 0, 0, 0, 0, 0},
        {"TPM2.NET, no end", "9C DA 00 03 01 02 01 02 03", NH_ERR_PROTO, 0, 0, 0, 0, 0},
        {"TPM2.NET, size beyond", "9C DA FF FF 01 02 01 02 03 36", NH_ERR_PROTO, 0, 0, 0, 0, 0},
        {"TPM2.NET, head cut", "9C DA 00 03 01 02", NH_ERR_PROTO, 0, 0, 0, 0, 0},
        {"TPM2.NET, packet 0", "9C DA 00 03 00 02 01 02 03 36", NH_ERR_PROTO, 0, 0, 0, 0, 0},
        {"TPM2.NET, 3 of 2", "9C DA 00 03 03 02 01 02 03 36", NH_ERR_PROTO, 0, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t bytes[64];
        struct nh_lamp__wled_pixels p;
        int err = parse(bytes, from_hex(rows[i].hex, bytes), &p);
        if (err != rows[i].err)
            fail_msg("%s: %d", rows[i].name, err);
        if (err == 0 && (p.kind != rows[i].kind || p.timeout_s != rows[i].timeout_s ||
                         p.pixel_bytes != rows[i].pixel_bytes || p.start != rows[i].start ||
                         p.data.len != rows[i].len))
            fail_msg("%s", rows[i].name);
    }
}

static void test_tpm2_numbers(void **state)
{
    (void)state;
    uint8_t bytes[16];
    struct nh_lamp__wled_pixels p;
    size_t len = from_hex("9C DA 00 03 02 05 0A 0B 0C 36", bytes);
    assert_int_equal(nh_lamp__wled_pixels_parse(bytes, len, &p), 0);
    assert_int_equal(p.packet, 2);
    assert_int_equal(p.packet_count, 5);
    assert_ptr_equal(p.data.ptr, bytes + 6);
}

static void test_hyperion(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7};
    struct nh_lamp__wled_pixels p;
    assert_int_equal(nh_lamp__hyperion_parse(bytes, sizeof bytes, &p), 0);
    assert_int_equal(p.data.len, 6);
    assert_int_equal(p.pixel_bytes, 3);
    assert_int_equal(p.start, 0);
    assert_int_equal(nh_lamp__hyperion_parse(bytes, 2, &p), NH_ERR_PROTO);
}

// Every byte of version 12.
static void test_sync_bytes(void **state)
{
    (void)state;
    const struct nh_lamp_sync s = {
        .why = 1,
        .brightness = 128,
        .color = {{255, 160, 0, 1}, {2, 3, 4, 5}, {6, 7, 8, 9}},
        .effect = 12,
        .speed = 130,
        .intensity = 200,
        .palette = 17,
        .transition_ms = 700,
        .groups = 0x81,
        .is_follow_up = true,
        .timebase_ms = 0x01020304,
        .unix_ms = 0x0A0B0C0DULL * 1000 + 0x0203,
    };
    uint8_t out[NH_LAMP_SYNC_BYTES], want[NH_LAMP_SYNC_BYTES];
    struct nh_lamp_sync back;
    from_hex("00 01 80 FF A0 00 00 00 0C 82 01 0C 02 03 04 05 C8 BC 02 11 06 07 08 09 01"
             "01 02 03 04 01 0A 0B 0C 0D 02 03 81 00 00 00 24",
             want);
    nh_lamp_sync_build(&s, out);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(nh_lamp_sync_parse(out, sizeof out, &back), 0);
    assert_memory_equal(back.color, s.color, sizeof s.color);
    assert_int_equal(back.effect, 12);
    assert_int_equal(back.speed, 130);
    assert_int_equal(back.intensity, 200);
    assert_int_equal(back.palette, 17);
    assert_int_equal(back.transition_ms, 700);
    assert_int_equal(back.groups, 0x81);
    assert_true(back.is_follow_up && back.has_second && back.has_intensity && back.has_transition &&
                back.has_palette && back.has_third && back.has_groups);
    assert_true(back.timebase_ms == s.timebase_ms && back.unix_ms == s.unix_ms);
}

// Older senders send less: what they have not is told so.
static void test_sync_lengths(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        int err;
        int second, intensity, transition, palette, third, groups;
    } rows[] = {
        {11, NH_ERR_PROTO, 0, 0, 0, 0, 0, 0},
        {12, 0, 0, 0, 0, 0, 0, 0},
        {16, 0, 1, 0, 0, 0, 0, 0},
        {17, 0, 1, 1, 0, 0, 0, 0},
        {19, 0, 1, 1, 1, 0, 0, 0},
        {20, 0, 1, 1, 1, 1, 0, 0},
        {24, 0, 1, 1, 1, 1, 1, 0},
        {36, 0, 1, 1, 1, 1, 1, 0},
        {37, 0, 1, 1, 1, 1, 1, 1},
        {41, 0, 1, 1, 1, 1, 1, 1},
    };
    uint8_t bytes[NH_LAMP_SYNC_BYTES];
    const struct nh_lamp_sync s = {.brightness = 1, .groups = 1};
    nh_lamp_sync_build(&s, bytes);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_lamp_sync back;
        uint8_t *copy = exact_copy(bytes, rows[i].len);
        assert_int_equal(nh_lamp_sync_parse(copy, rows[i].len, &back), rows[i].err);
        free(copy);
        if (rows[i].err < 0)
            continue;
        assert_int_equal(back.has_second, rows[i].second);
        assert_int_equal(back.has_intensity, rows[i].intensity);
        assert_int_equal(back.has_transition, rows[i].transition);
        assert_int_equal(back.has_palette, rows[i].palette);
        assert_int_equal(back.has_third, rows[i].third);
        assert_int_equal(back.has_groups, rows[i].groups);
    }
    struct nh_lamp_sync back;
    bytes[0] = 1;
    assert_int_equal(nh_lamp_sync_parse(bytes, sizeof bytes, &back), NH_ERR_PROTO);
    memset(bytes, 0, sizeof bytes); // zeros switch no lamp off
    assert_int_equal(nh_lamp_sync_parse(bytes, sizeof bytes, &back), NH_ERR_PROTO);
}

static void test_beacon(void **state)
{
    (void)state;
    struct nh_lamp_beacon back, b = {.ip = {192, 168, 1, 7},
                                     .name = "hall",
                                     .type = 32,
                                     .is_on = true,
                                     .unit = 3,
                                     .build = 2401290};
    uint8_t out[NH_LAMP_BEACON_BYTES], want[NH_LAMP_BEACON_BYTES] = {0};
    from_hex("FF 01 C0 A8 01 07 68 61 6C 6C", want);
    from_hex("A0 03 0A A4 24 00", want + 38);
    nh_lamp_beacon_build(&b, out);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(nh_lamp_beacon_parse(out, sizeof out, &back), 0);
    assert_string_equal(back.name, "hall");
    assert_true(back.is_on);
    assert_int_equal(back.type, 32);
    assert_int_equal(back.unit, 3);
    assert_int_equal(back.build, 2401290);
    memset(out + 6, 'x', 32); // a name without its end
    assert_int_equal(nh_lamp_beacon_parse(out, sizeof out, &back), 0);
    assert_int_equal(strlen(back.name), 32);
    nh_lamp_beacon_build(&back, want);
    assert_memory_equal(out, want, sizeof want);
    for (size_t cut = 0; cut < sizeof out; cut++) {
        uint8_t *copy = exact_copy(out, cut);
        assert_int_equal(nh_lamp_beacon_parse(copy, cut, &back), NH_ERR_PROTO);
        free(copy);
    }
    out[1] = 2;
    assert_int_equal(nh_lamp_beacon_parse(out, sizeof out, &back), NH_ERR_PROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pixels),       cmocka_unit_test(test_tpm2_numbers),
        cmocka_unit_test(test_hyperion),     cmocka_unit_test(test_sync_bytes),
        cmocka_unit_test(test_sync_lengths), cmocka_unit_test(test_beacon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
