#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "components/lamp_live/lamp_ddp.h"
#include "lamp_packets.h"
#include "support/rng.h"

static int parse(const uint8_t *bytes, size_t len, struct nh_lamp__ddp_packet *out)
{
    uint8_t *copy = exact_copy(bytes, len);
    int err = nh_lamp__ddp_parse(copy, len, out);
    free(copy);
    return err;
}

// 768 pixels are two packets; byte for byte.
static void test_two_packets(void **state)
{
    (void)state;
    static uint8_t rgb[2304];
    uint8_t out[NH_LAMP__DDP_PACKET_MAX_BYTES], want[NH_LAMP__DDP_HEAD_BYTES];
    struct nh_lamp__ddp_packet p = {.sequence = 1, .pixel_bytes = 3, .data = {rgb, 1440}}, back;
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * 7);
    from_hex("40 01 0B 01 00 00 00 00 05 A0", want);
    assert_int_equal(nh_lamp__ddp_build(&p, out), 1450);
    assert_memory_equal(out, want, sizeof want);
    assert_memory_equal(out + 10, rgb, 1440);
    p = (struct nh_lamp__ddp_packet){.sequence = 2,
                                     .pixel_bytes = 3,
                                     .is_push = true,
                                     .offset_bytes = 1440,
                                     .data = {rgb + 1440, 864}};
    from_hex("41 02 0B 01 00 00 05 A0 03 60", want);
    assert_int_equal(nh_lamp__ddp_build(&p, out), 874);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(nh_lamp__ddp_parse(out, 874, &back), 0);
    assert_int_equal(back.offset_bytes, 1440);
    assert_int_equal(back.data.len, 864);
    assert_memory_equal(back.data.ptr, rgb + 1440, 864);
    assert_true(back.is_push);
    assert_int_equal(back.sequence, 2);
}

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
        int err;
        uint8_t sequence, pixel_bytes;
        bool is_push;
        uint32_t offset;
        size_t len;
    } rows[] = {
        {"RGB", "40 01 0B 01 00 00 00 00 00 03 0A 0B 0C", 0, 1, 3, false, 0, 3},
        {"pushed", "41 0F 0B 01 00 00 00 03 00 03 0A 0B 0C", 0, 15, 3, true, 3, 3},
        {"RGBW", "41 02 1B 01 00 00 00 00 00 04 01 02 03 04", 0, 2, 4, true, 0, 4},
        {"old RGB", "41 02 01 01 00 00 00 00 00 03 01 02 03", 0, 2, 3, true, 0, 3},
        {"kind not told", "41 02 00 01 00 00 00 00 00 03 01 02 03", 0, 2, 3, true, 0, 3},
        {"for all", "41 02 0B FF 00 00 00 00 00 03 01 02 03", 0, 2, 3, true, 0, 3},
        {"push alone", "41 02 0B 01 00 00 00 00 00 00", 0, 2, 3, true, 0, 0},
        {"not counted", "41 00 0B 01 00 00 00 00 00 03 01 02 03", 0, 0, 3, true, 0, 3},
        {"high bits beside the sequence", "41 F3 0B 01 00 00 00 00 00 00", 0, 3, 3, true, 0, 0},
        {"with a timecode", "51 02 0B 01 00 00 00 00 00 03 AA BB CC DD 01 02 03", 0, 2, 3, true, 0,
         3},
        {"far offset", "41 02 0B 01 FF FF FF FD 00 03 01 02 03", 0, 2, 3, true, 0xFFFFFFFD, 3},
        {"more than it says", "41 02 0B 01 00 00 00 00 00 03 01 02 03 04 05", 0, 2, 3, true, 0, 3},
        {"nothing", "", NH_ERR_PROTO, 0, 0, false, 0, 0},
        {"head cut", "41 02 0B 01 00 00 00 00 00", NH_ERR_PROTO, 0, 0, false, 0, 0},
        {"data cut", "41 02 0B 01 00 00 00 00 00 03 01 02", NH_ERR_PROTO, 0, 0, false, 0, 0},
        {"timecode cut", "51 02 0B 01 00 00 00 00 00 00 01 02 03", NH_ERR_PROTO, 0, 0, false, 0, 0},
        {"data behind a timecode cut", "51 02 0B 01 00 00 00 00 00 03 AA BB CC DD 01 02",
         NH_ERR_PROTO, 0, 0, false, 0, 0},
        {"version 0", "01 02 0B 01 00 00 00 00 00 00", NH_ERR_PROTO, 0, 0, false, 0, 0},
        {"version 2", "81 02 0B 01 00 00 00 00 00 00", NH_ERR_PROTO, 0, 0, false, 0, 0},
        {"version 3", "C1 02 0B 01 00 00 00 00 00 00", NH_ERR_PROTO, 0, 0, false, 0, 0},
        {"query", "42 02 0B 01 00 00 00 00 00 00", NH_ERR_UNSUPPORTED, 0, 0, false, 0, 0},
        {"reply", "44 02 0B 01 00 00 00 00 00 00", NH_ERR_UNSUPPORTED, 0, 0, false, 0, 0},
        {"storage", "48 02 0B 01 00 00 00 00 00 00", NH_ERR_UNSUPPORTED, 0, 0, false, 0, 0},
        {"control", "41 02 0B F6 00 00 00 00 00 00", NH_ERR_UNSUPPORTED, 0, 0, false, 0, 0},
        {"config", "41 02 0B FA 00 00 00 00 00 00", NH_ERR_UNSUPPORTED, 0, 0, false, 0, 0},
        {"status", "41 02 0B FB 00 00 00 00 00 00", NH_ERR_UNSUPPORTED, 0, 0, false, 0, 0},
        {"16 bits each", "41 02 0C 01 00 00 00 00 00 00", NH_ERR_UNSUPPORTED, 0, 0, false, 0, 0},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t bytes[64];
        struct nh_lamp__ddp_packet p;
        size_t len = from_hex(rows[i].hex, bytes);
        int err = parse(bytes, len, &p);
        if (err != rows[i].err)
            fail_msg("%s: %d", rows[i].name, err);
        if (err < 0)
            continue;
        if (p.sequence != rows[i].sequence || p.pixel_bytes != rows[i].pixel_bytes ||
            p.is_push != rows[i].is_push || p.offset_bytes != rows[i].offset ||
            p.data.len != rows[i].len)
            fail_msg("%s", rows[i].name);
    }
}

static void test_sequence(void **state)
{
    (void)state;
    assert_int_equal(nh_lamp__ddp_next(1), 2);
    assert_int_equal(nh_lamp__ddp_next(14), 15);
    assert_int_equal(nh_lamp__ddp_next(15), 1);
    assert_int_equal(nh_lamp__ddp_distance(2, 1), 1);
    assert_int_equal(nh_lamp__ddp_distance(1, 15), 1);
    assert_int_equal(nh_lamp__ddp_distance(15, 1), 14);
    assert_int_equal(nh_lamp__ddp_distance(7, 7), 0);
}

// What is built is read as it was.
static void test_there_and_back(void **state)
{
    (void)state;
    struct rng rng = {1};
    for (int i = 0; i < 2000; i++) {
        uint8_t data[NH_LAMP__DDP_DATA_MAX_BYTES], out[NH_LAMP__DDP_PACKET_MAX_BYTES];
        struct nh_lamp__ddp_packet back, p = {.sequence = (uint8_t)rng_below(&rng, 16),
                                              .pixel_bytes = (uint8_t)(3 + rng_below(&rng, 2)),
                                              .is_push = rng_below(&rng, 2),
                                              .offset_bytes = rng_next(&rng),
                                              .data = {data, rng_below(&rng, sizeof data + 1)}};
        for (size_t k = 0; k < p.data.len; k++)
            data[k] = (uint8_t)rng_next(&rng);
        size_t len = nh_lamp__ddp_build(&p, out);
        assert_int_equal(nh_lamp__ddp_parse(out, len, &back), 0);
        assert_int_equal(back.sequence, p.sequence);
        assert_int_equal(back.pixel_bytes, p.pixel_bytes);
        assert_int_equal(back.is_push, p.is_push);
        assert_int_equal(back.offset_bytes, p.offset_bytes);
        assert_int_equal(back.data.len, p.data.len);
        assert_memory_equal(back.data.ptr, data, p.data.len);
        for (size_t cut = 0; cut < len; cut += 1 + len / 7)
            assert_int_equal(parse(out, cut, &back), NH_ERR_PROTO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_packets),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
