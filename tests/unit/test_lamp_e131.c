#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "components/lamp_live/lamp_e131.h"
#include "core/base/bytes.h"
#include "lamp_packets.h"
#include "support/rng.h"

static int parse(const uint8_t *bytes, size_t len, struct nh_lamp__e131_packet *out)
{
    uint8_t *copy = exact_copy(bytes, len);
    int err = nh_lamp__e131_parse(copy, len, out);
    free(copy);
    return err;
}

static struct nh_lamp__e131_packet packet(const uint8_t *channels, size_t count)
{
    struct nh_lamp__e131_packet p = {.priority = 100,
                                     .sequence = 7,
                                     .universe = 1,
                                     .name = "tester",
                                     .channels = {channels, count}};
    for (uint8_t i = 0; i < NH_LAMP__E131_CID_BYTES; i++)
        p.cid[i] = i;
    return p;
}

static size_t build(uint8_t *out)
{
    static const uint8_t channels[512] = {1, 2, 3};
    struct nh_lamp__e131_packet p = packet(channels, sizeof channels);
    return nh_lamp__e131_build(&p, out);
}

// Lengths of the layers for full universes and for whole pixels; byte for byte.
static void test_bytes(void **state)
{
    (void)state;
    static const struct {
        size_t channels, total;
        const char *root, *frame, *dmp, *count;
    } rows[] = {
        {512, 638, "72 6E", "72 58", "72 0B", "02 01"},
        {510, 636, "72 6C", "72 56", "72 09", "01 FF"},
    };
    static uint8_t channels[512];
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t out[NH_LAMP__E131_PACKET_MAX_BYTES], want[126] = {0};
        struct nh_lamp__e131_packet p = packet(channels, rows[i].channels);
        memset(channels, 0x55, sizeof channels);
        from_hex("00 10 00 00 41 53 43 2D 45 31 2E 31 37 00 00 00", want);
        from_hex(rows[i].root, want + 16);
        from_hex("00 00 00 04 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F", want + 18);
        from_hex(rows[i].frame, want + 38);
        from_hex("00 00 00 02 74 65 73 74 65 72", want + 40);
        from_hex("64 00 00 07 00 00 01", want + 108);
        from_hex(rows[i].dmp, want + 115);
        from_hex("02 A1 00 00 00 01", want + 117);
        from_hex(rows[i].count, want + 123);
        assert_int_equal(nh_lamp__e131_build(&p, out), rows[i].total);
        assert_memory_equal(out, want, sizeof want);
        assert_memory_equal(out + 126, channels, rows[i].channels);
    }
}

// One byte of a good packet is changed.
static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t at;
        const char *hex;
        int err;
    } rows[] = {
        {"as it is", 126, "01", 0},
        {"no length of the root layer", 16, "70 00", 0},
        {"no length of the frame layer", 38, "70 00", 0},
        {"no length of the DMP layer", 115, "70 00", 0},
        {"preview", 112, "80", 0},
        {"end", 112, "40", 0},
        {"priority 200", 108, "C8", 0},
        {"universe 63999", 113, "F9 FF", 0},
        {"two channels", 123, "00 03", 0},
        {"no channels", 123, "00 01", 0},
        {"another preamble", 1, "11", NH_ERR_PROTO},
        {"another id", 4, "42", NH_ERR_PROTO},
        {"other flags", 16, "62 6E", NH_ERR_PROTO},
        {"root layer too long", 16, "72 6F", NH_ERR_PROTO},
        {"frame layer too long", 38, "72 59", NH_ERR_PROTO},
        {"DMP layer too long", 115, "72 0C", NH_ERR_PROTO},
        {"discovery", 18, "00 00 00 08 00", NH_ERR_UNSUPPORTED},
        {"another root vector", 18, "00 00 00 05", NH_ERR_UNSUPPORTED},
        {"another frame vector", 40, "00 00 00 03", NH_ERR_UNSUPPORTED},
        {"another DMP vector", 117, "01", NH_ERR_UNSUPPORTED},
        {"another address type", 118, "A2", NH_ERR_PROTO},
        {"first address 1", 119, "00 01", NH_ERR_PROTO},
        {"increment 2", 121, "00 02", NH_ERR_PROTO},
        {"count 0", 123, "00 00", NH_ERR_PROTO},
        {"count of one too many", 123, "02 02", NH_ERR_PROTO},
        {"start code of a dimmer's priorities", 125, "DD", NH_ERR_UNSUPPORTED},
        {"priority 201", 108, "C9", NH_ERR_PROTO},
        {"universe 0", 113, "00 00", NH_ERR_PROTO},
        {"universe 64000", 113, "FA 00", NH_ERR_PROTO},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t bytes[NH_LAMP__E131_PACKET_MAX_BYTES];
        struct nh_lamp__e131_packet p;
        size_t len = build(bytes);
        from_hex(rows[i].hex, bytes + rows[i].at);
        int err = parse(bytes, len, &p);
        if (err != rows[i].err)
            fail_msg("%s: %d", rows[i].name, err);
    }
}

static void test_fields(void **state)
{
    (void)state;
    uint8_t bytes[NH_LAMP__E131_PACKET_MAX_BYTES];
    struct nh_lamp__e131_packet p;
    size_t len = build(bytes);
    memset(bytes + 44, 'x', 64); // a name without its end
    bytes[112] = 0xC0;
    nh_put_be16(bytes + 109, 0x1234);
    assert_int_equal(nh_lamp__e131_parse(bytes, len, &p), 0);
    assert_int_equal(strlen(p.name), 63);
    assert_true(p.is_preview && p.is_end);
    assert_int_equal(p.sync_universe, 0x1234);
    assert_int_equal(p.universe, 1);
    assert_int_equal(p.sequence, 7);
    assert_int_equal(p.priority, 100);
    assert_int_equal(p.cid[15], 15);
    assert_int_equal(p.channels.len, 512);
    assert_int_equal(p.channels.ptr[2], 3);
}

static void test_cut(void **state)
{
    (void)state;
    uint8_t bytes[NH_LAMP__E131_PACKET_MAX_BYTES];
    struct nh_lamp__e131_packet p;
    size_t len = build(bytes);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(parse(bytes, cut, &p), NH_ERR_PROTO);
    // Without lengths of the layers the count of channels still says how much there has to be.
    nh_put_be16(bytes + 16, 0x7000);
    nh_put_be16(bytes + 38, 0x7000);
    nh_put_be16(bytes + 115, 0x7000);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(parse(bytes, cut, &p), NH_ERR_PROTO);
}

static void test_sync_packet(void **state)
{
    (void)state;
    uint8_t bytes[49] = {0};
    struct nh_lamp__e131_packet p;
    from_hex("00 10 00 00 41 53 43 2D 45 31 2E 31 37 00 00 00 70 21 00 00 00 08", bytes);
    from_hex("70 0B 00 00 00 01 2A 1F 40", bytes + 38);
    assert_int_equal(parse(bytes, sizeof bytes, &p), 0);
    assert_int_equal(p.kind, NH_LAMP__E131_SYNC);
    assert_int_equal(p.sequence, 42);
    assert_int_equal(p.universe, 8000);
    for (size_t cut = 0; cut < sizeof bytes; cut++)
        assert_int_equal(parse(bytes, cut, &p), NH_ERR_PROTO);
    bytes[43] = 2; // which universes there are
    assert_int_equal(parse(bytes, sizeof bytes, &p), NH_ERR_UNSUPPORTED);
}

static void test_group(void **state)
{
    (void)state;
    char text[NH_LAMP_E131_GROUP_TEXT_BYTES];
    assert_string_equal(nh_lamp_e131_group(1, text), "239.255.0.1");
    assert_string_equal(nh_lamp_e131_group(256, text), "239.255.1.0");
    assert_string_equal(nh_lamp_e131_group(63999, text), "239.255.249.255");
}

static void test_sequence(void **state)
{
    (void)state;
    static const struct {
        uint8_t sequence, last;
        bool is_old;
    } rows[] = {{1, 0, false},   {0, 0, true},    {0, 255, false}, {255, 0, true},
                {237, 0, true},  {236, 0, false}, {5, 24, true},   {5, 25, false},
                {100, 0, false}, {127, 0, false}, {128, 0, false}, {10, 9, false}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (nh_lamp__e131_is_old(rows[i].sequence, rows[i].last) != rows[i].is_old)
            fail_msg("%u after %u", rows[i].sequence, rows[i].last);
}

static void test_there_and_back(void **state)
{
    (void)state;
    struct rng rng = {2};
    for (int i = 0; i < 2000; i++) {
        uint8_t channels[512], out[NH_LAMP__E131_PACKET_MAX_BYTES];
        struct nh_lamp__e131_packet back, p = packet(channels, rng_below(&rng, 513));
        rng_bytes(&rng, channels, sizeof channels);
        p.priority = (uint8_t)rng_below(&rng, 201);
        p.sequence = (uint8_t)rng_next(&rng);
        p.universe = (uint16_t)(1 + rng_below(&rng, 63999));
        p.is_preview = rng_below(&rng, 2);
        p.is_end = rng_below(&rng, 2);
        size_t len = nh_lamp__e131_build(&p, out);
        assert_int_equal(parse(out, len, &back), 0);
        assert_int_equal(nh_lamp__e131_parse(out, len, &back), 0);
        assert_memory_equal(back.cid, p.cid, sizeof p.cid);
        assert_string_equal(back.name, p.name);
        assert_int_equal(back.priority, p.priority);
        assert_int_equal(back.sequence, p.sequence);
        assert_int_equal(back.universe, p.universe);
        assert_int_equal(back.is_preview, p.is_preview);
        assert_int_equal(back.is_end, p.is_end);
        assert_int_equal(back.channels.len, p.channels.len);
        assert_memory_equal(back.channels.ptr, channels, p.channels.len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),       cmocka_unit_test(test_rows),
        cmocka_unit_test(test_fields),      cmocka_unit_test(test_cut),
        cmocka_unit_test(test_sync_packet), cmocka_unit_test(test_group),
        cmocka_unit_test(test_sequence),    cmocka_unit_test(test_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
