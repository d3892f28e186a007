#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "components/lamp_live/lamp_artnet.h"
#include "lamp_packets.h"
#include "support/rng.h"

static int parse(const uint8_t *bytes, size_t len, struct nh_lamp__artnet_packet *out)
{
    uint8_t *copy = exact_copy(bytes, len);
    int err = nh_lamp__artnet_parse(copy, len, out);
    free(copy);
    return err;
}

#define HEAD "41 72 74 2D 4E 65 74 00 "

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hex;
        int err;
        enum nh_lamp__artnet_kind kind;
        uint8_t sequence;
        uint16_t address;
        size_t count;
    } rows[] = {
        {"levels", HEAD "00 50 00 0E 05 00 00 00 00 02 01 02", 0, NH_LAMP__ARTNET_DMX, 5, 0, 2},
        {"net, sub-net and universe", HEAD "00 50 00 0E 05 00 34 12 00 02 01 02", 0,
         NH_LAMP__ARTNET_DMX, 5, 0x1234, 2},
        {"15 bits of address", HEAD "00 50 00 0E 00 00 FF FF 00 02 01 02", 0, NH_LAMP__ARTNET_DMX,
         0, 0x7FFF, 2},
        {"an odd number", HEAD "00 50 00 0E 00 00 00 00 00 03 01 02 03", 0, NH_LAMP__ARTNET_DMX, 0,
         0, 3},
        {"more than it says", HEAD "00 50 00 0E 00 00 00 00 00 02 01 02 03 04", 0,
         NH_LAMP__ARTNET_DMX, 0, 0, 2},
        {"a later version", HEAD "00 50 00 0F 00 00 00 00 00 02 01 02", 0, NH_LAMP__ARTNET_DMX, 0,
         0, 2},
        {"who is there", HEAD "00 20 00 0E 02 00", 0, NH_LAMP__ARTNET_POLL, 0, 0, 0},
        {"show", HEAD "00 52 00 0E 00 00", 0, NH_LAMP__ARTNET_SYNC, 0, 0, 0},
        {"nothing", "", NH_ERR_PROTO, 0, 0, 0, 0},
        {"another id", "41 72 74 2D 4E 65 75 00 00 50 00 0E 05 00 00 00 00 02 01 02", NH_ERR_PROTO,
         0, 0, 0, 0},
        {"version 13", HEAD "00 50 00 0D 05 00 00 00 00 02 01 02", NH_ERR_PROTO, 0, 0, 0, 0},
        {"head cut", HEAD "00 50 00 0E 05 00 00 00 00", NH_ERR_PROTO, 0, 0, 0, 0},
        {"levels cut", HEAD "00 50 00 0E 05 00 00 00 00 02 01", NH_ERR_PROTO, 0, 0, 0, 0},
        {"no levels", HEAD "00 50 00 0E 05 00 00 00 00 00", NH_ERR_PROTO, 0, 0, 0, 0},
        {"a poll cut", HEAD "00 20 00 0E 02", NH_ERR_PROTO, 0, 0, 0, 0},
        {"a reply", HEAD "00 21 00 0E 00 00", NH_ERR_UNSUPPORTED, 0, 0, 0, 0},
        {"time", HEAD "00 97 00 0E 00 00", NH_ERR_UNSUPPORTED, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t bytes[64];
        struct nh_lamp__artnet_packet p;
        int err = parse(bytes, from_hex(rows[i].hex, bytes), &p);
        if (err != rows[i].err)
            fail_msg("%s: %d", rows[i].name, err);
        if (err == 0 && (p.kind != rows[i].kind || p.sequence != rows[i].sequence ||
                         p.address != rows[i].address || p.channels.len != rows[i].count))
            fail_msg("%s", rows[i].name);
    }
}

static void test_513_channels(void **state)
{
    (void)state;
    uint8_t bytes[18 + 513] = {0};
    struct nh_lamp__artnet_packet p;
    from_hex(HEAD "00 50 00 0E 05 00 00 00 02 01", bytes);
    assert_int_equal(parse(bytes, sizeof bytes, &p), NH_ERR_PROTO);
    bytes[17] = 0;
    assert_int_equal(parse(bytes, sizeof bytes, &p), 0);
}

static void test_build(void **state)
{
    (void)state;
    static uint8_t channels[512];
    uint8_t out[NH_LAMP__ARTNET_PACKET_MAX_BYTES], want[18];
    struct nh_lamp__artnet_packet p = {
        .sequence = 9, .address = 0x0102, .channels = {channels, 510}};
    memset(channels, 0x77, sizeof channels);
    from_hex(HEAD "00 50 00 0E 09 00 02 01 01 FE", want);
    assert_int_equal(nh_lamp__artnet_build(&p, out), 528);
    assert_memory_equal(out, want, sizeof want);
    assert_memory_equal(out + 18, channels, 510);
    p.channels.len = 264; // the last of 768 pixels
    assert_int_equal(nh_lamp__artnet_build(&p, out), 282);
    p.channels.len = 3;
    assert_int_equal(nh_lamp__artnet_build(&p, out), 22);
    assert_int_equal(out[17], 4);
    assert_int_equal(out[21], 0);
}

static void test_reply(void **state)
{
    (void)state;
    uint8_t out[NH_LAMP__ARTNET_REPLY_BYTES], want[NH_LAMP__ARTNET_REPLY_BYTES] = {0};
    const struct nh_lamp__artnet_node node = {
        .ip = {192, 168, 1, 7},
        .mac = {2, 3, 4, 5, 6, 7},
        .short_name = "a name that is far too long for it",
        .long_name = "the lamp in the hall",
        .report = "#0001 [0000] ok",
        .address = 0x123D,
        .port_count = 3,
        .bind_index = 2,
        .version = 1,
        .has_data = true,
    };
    from_hex(HEAD "00 21 C0 A8 01 07 36 19 00 01 12 03 00 FF", want);
    memcpy(want + 26, "a name that is fa", 17);
    memcpy(want + 44, "the lamp in the hall", 20);
    memcpy(want + 108, "#0001 [0000] ok", 15);
    from_hex("00 03 80 80 80 00 00 00 00 00 80 80 80 00 00 00 00 00 0D 0E 0F 00", want + 172);
    from_hex("02 03 04 05 06 07 C0 A8 01 07 02 08", want + 201);
    memset(out, 0xEE, sizeof out);
    nh_lamp__artnet_reply(&node, out);
    assert_memory_equal(out, want, sizeof want);
}

static void test_there_and_back(void **state)
{
    (void)state;
    struct rng rng = {3};
    for (int i = 0; i < 2000; i++) {
        uint8_t channels[512], out[NH_LAMP__ARTNET_PACKET_MAX_BYTES];
        struct nh_lamp__artnet_packet back,
            p = {.sequence = (uint8_t)rng_next(&rng),
                 .address = (uint16_t)rng_below(&rng, 0x8000),
                 .channels = {channels, 2 * (1 + (size_t)rng_below(&rng, 256))}};
        rng_bytes(&rng, channels, sizeof channels);
        size_t len = nh_lamp__artnet_build(&p, out);
        assert_int_equal(nh_lamp__artnet_parse(out, len, &back), 0);
        assert_int_equal(back.sequence, p.sequence);
        assert_int_equal(back.address, p.address);
        assert_int_equal(back.channels.len, p.channels.len);
        assert_memory_equal(back.channels.ptr, channels, p.channels.len);
        for (size_t cut = 0; cut < len; cut += 1 + len / 11)
            assert_int_equal(parse(out, cut, &back), NH_ERR_PROTO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),           cmocka_unit_test(test_513_channels),
        cmocka_unit_test(test_build),          cmocka_unit_test(test_reply),
        cmocka_unit_test(test_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
