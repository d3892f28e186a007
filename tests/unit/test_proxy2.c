// Not PORTABLE: the header belongs to the Linux port.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/linux/proxy2.h"
#include "support/rng.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

// Builds a header; `body` is what follows the head. Returns its length.
static size_t build(uint8_t *out, uint8_t command, uint8_t family, const void *body, size_t len)
{
    memcpy(out, SIGNATURE, 12);
    out[12] = command;
    out[13] = family;
    out[14] = (uint8_t)(len >> 8);
    out[15] = (uint8_t)len;
    memcpy(out + 16, body, len);
    return 16 + len;
}

// Parses a copy of exact size, so that a byte too far is seen.
static int parse(const uint8_t *bytes, size_t len, struct nh_proxy2 *out)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    int rc = nh_proxy2_parse(copy, len, out);
    free(copy);
    return rc;
}

#define V4 "\x0a\1\2\3\xc0\xa8\0\1\xc3\x50\x07\x5b"
#define V6 "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x12\x34\x07\x5b"
#define TLS_ANN "\x20\0\x0b\7\0\0\0\0\x22\0\3ann" // spoken, certificate, verified, a name

static void test_rows(void **state)
{
    static const struct {
        const char *name;
        uint8_t command, family;
        const char *body;
        size_t len;
        int rc;
        enum nh_proxy2_family want;
        uint16_t port;
        bool is_tls;
        const char *cn;
    } rows[] = {
        {"IPv4", 0x21, 0x11, V4, 12, 0, NH_PROXY2_IPV4, 50000, false, ""},
        {"IPv6", 0x21, 0x21, V6, 36, 0, NH_PROXY2_IPV6, 0x1234, false, ""},
        {"not said", 0x21, 0x00, "", 0, 0, NH_PROXY2_UNKNOWN, 0, false, ""},
        {"local", 0x20, 0x00, "", 0, 0, NH_PROXY2_UNKNOWN, 0, false, ""},
        {"local, with an address of no meaning", 0x20, 0x11, V4, 12, 0, NH_PROXY2_UNKNOWN, 0, false,
         ""},
        {"local, with anything", 0x20, 0xff, "\1\2\3", 3, 0, NH_PROXY2_UNKNOWN, 0, false, ""},
        {"a name", 0x21, 0x11, V4 TLS_ANN, 26, 0, NH_PROXY2_IPV4, 50000, true, "ann"},
        {"a name without an address", 0x21, 0x00, TLS_ANN, 14, 0, NH_PROXY2_UNKNOWN, 0, true,
         "ann"},
        {"not verified", 0x21, 0x11, V4 "\x20\0\x0b\7\0\0\0\1\x22\0\3ann", 26, 0, NH_PROXY2_IPV4,
         50000, true, ""},
        {"no certificate", 0x21, 0x11, V4 "\x20\0\x0b\1\0\0\0\0\x22\0\3ann", 26, 0, NH_PROXY2_IPV4,
         50000, true, ""},
        {"others are passed over", 0x21, 0x11, V4 "\4\0\2xx\2\0\3hub\xea\0\0" TLS_ANN, 40, 0,
         NH_PROXY2_IPV4, 50000, true, "ann"},
        {"a NUL in a name", 0x21, 0x11, V4 "\x20\0\x0b\7\0\0\0\0\x22\0\3a\0n", 26, NH_ERR_PROTO, 0,
         0, false, ""},
        {"address cut", 0x21, 0x11, V4, 11, NH_ERR_PROTO, 0, 0, false, ""},
        {"address missing", 0x21, 0x21, V4, 12, NH_ERR_PROTO, 0, 0, false, ""},
        {"datagrams", 0x21, 0x12, V4, 12, NH_ERR_PROTO, 0, 0, false, ""},
        {"no such family", 0x21, 0x41, V4, 12, NH_ERR_PROTO, 0, 0, false, ""},
        {"no such command", 0x22, 0x11, V4, 12, NH_ERR_PROTO, 0, 0, false, ""},
        {"version 1's number", 0x11, 0x11, V4, 12, NH_ERR_PROTO, 0, 0, false, ""},
        {"TLV cut in its head", 0x21, 0x11, V4 "\4\0", 14, NH_ERR_PROTO, 0, 0, false, ""},
        {"TLV longer than the header", 0x21, 0x11, V4 "\4\0\2x", 16, NH_ERR_PROTO, 0, 0, false, ""},
        {"TLS without its verdict", 0x21, 0x11, V4 "\x20\0\4\7\0\0\0", 19, NH_ERR_PROTO, 0, 0,
         false, ""},
        {"part of TLS cut", 0x21, 0x11, V4 "\x20\0\x0a\7\0\0\0\0\x22\0\3an", 25, NH_ERR_PROTO, 0, 0,
         false, ""},
        {"check sum of another size", 0x21, 0x11, V4 "\3\0\3abc", 18, NH_ERR_PROTO, 0, 0, false,
         ""},
        {"wrong check sum", 0x21, 0x11, V4 "\3\0\4abcd", 19, NH_ERR_PROTO, 0, 0, false, ""},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t bytes[256];
        struct nh_proxy2 got;
        size_t len = build(bytes, rows[i].command, rows[i].family, rows[i].body, rows[i].len);
        int rc = parse(bytes, len, &got);
        if (rc != rows[i].rc)
            fail_msg("%s: %d", rows[i].name, rc);
        if (rc == 0 && (got.family != rows[i].want || got.port != rows[i].port ||
                        got.is_relayed != (rows[i].command == 0x21) ||
                        got.is_tls != rows[i].is_tls || strcmp(got.name, rows[i].cn) != 0))
            fail_msg("%s: family %d, port %d, name %s", rows[i].name, got.family, got.port,
                     got.name);
    }
}

static void test_addresses(void **state)
{
    (void)state;
    uint8_t bytes[300], path[216] = "/run/client";
    struct nh_proxy2 got;
    assert_int_equal(parse(bytes, build(bytes, 0x21, 0x11, V4, 12), &got), 0);
    assert_memory_equal(got.address, "\x0a\1\2\3", 4);
    assert_int_equal(parse(bytes, build(bytes, 0x21, 0x21, V6, 36), &got), 0);
    assert_memory_equal(got.address, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7", 16);
    assert_int_equal(parse(bytes, build(bytes, 0x21, 0x31, path, 216), &got), 0);
    assert_int_equal(got.family, NH_PROXY2_UNIX);
    assert_int_equal(got.port, 0);
}

static void test_check_sum(void **state)
{
    (void)state;
    // CRC-32C over the header with its own four bytes 0.
    uint8_t bytes[64];
    struct nh_proxy2 got;
    size_t len = build(bytes, 0x21, 0x11, V4 "\3\0\4\0\0\0\0", 19);
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < len; i++)
        for (int bit = 0; bit < 8; bit++) {
            uint32_t in = (crc ^ (uint32_t)bytes[i] >> bit) & 1u;
            crc = crc >> 1 ^ (in ? 0x82F63B78u : 0);
        }
    crc = ~crc;
    for (int i = 0; i < 4; i++)
        bytes[len - 4 + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
    assert_int_equal(parse(bytes, len, &got), 0);
    for (size_t i = 16; i < len - 7; i++) { // any byte of the addresses
        bytes[i] ^= 0x10;
        assert_int_equal(parse(bytes, len, &got), NH_ERR_PROTO);
        bytes[i] ^= 0x10;
    }
}

static void test_lengths(void **state)
{
    (void)state;
    uint8_t bytes[NH_PROXY2_MAX_BYTES + 1] = {0};
    struct nh_proxy2 got;
    build(bytes, 0x20, 0, "", 0);
    assert_int_equal(nh_proxy2_length(bytes), 16);
    bytes[14] = (NH_PROXY2_MAX_BYTES - 16) >> 8;
    bytes[15] = (NH_PROXY2_MAX_BYTES - 16) & 0xff;
    assert_int_equal(nh_proxy2_length(bytes), NH_PROXY2_MAX_BYTES);
    bytes[15]++;
    assert_int_equal(nh_proxy2_length(bytes), NH_ERR_TOO_LONG);
    bytes[14] = bytes[15] = 0xff;
    assert_int_equal(nh_proxy2_length(bytes), NH_ERR_TOO_LONG);
    for (size_t i = 0; i < 12; i++) { // each byte of the signature counts
        build(bytes, 0x20, 0, "", 0);
        bytes[i] ^= 1;
        assert_int_equal(nh_proxy2_length(bytes), NH_ERR_PROTO);
    }
    // What is given is the header, no more and no less.
    size_t len = build(bytes, 0x21, 0x11, V4, 12);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(parse(bytes, cut, &got), NH_ERR_PROTO);
    assert_int_equal(parse(bytes, len + 1, &got), NH_ERR_PROTO);
}

// The longest name fits; one more byte is refused.
static void test_long_names(void **state)
{
    (void)state;
    uint8_t body[400], bytes[500];
    struct nh_proxy2 got;
    for (size_t n = NH_PROXY2_NAME_MAX_BYTES; n <= NH_PROXY2_NAME_MAX_BYTES + 1; n++) {
        const uint8_t head[] = {0x20, (uint8_t)((8 + n) >> 8), (uint8_t)(8 + n), 7, 0, 0, 0, 0,
                                0x22, (uint8_t)(n >> 8),       (uint8_t)n};
        memcpy(body, head, sizeof head);
        memset(body + sizeof head, 'n', n);
        int rc = parse(bytes, build(bytes, 0x21, 0, body, sizeof head + n), &got);
        assert_int_equal(rc, n > NH_PROXY2_NAME_MAX_BYTES ? NH_ERR_PROTO : 0);
    }
}

static void test_damage(void **state)
{
    (void)state;
    struct rng rng = {7};
    struct nh_proxy2 got;
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[128];
        size_t len = build(bytes, 0x21, 0x11, V4 "\4\0\2xx" TLS_ANN, 31);
        for (uint32_t n = 1 + rng_below(&rng, 3); n > 0; n--)
            bytes[12 + rng_below(&rng, (uint32_t)len - 12)] = (uint8_t)rng_below(&rng, 256);
        int whole = nh_proxy2_length(bytes);
        if (whole > 0 && (size_t)whole <= len)
            NH_IGNORE(parse(bytes, (size_t)whole, &got)); // it may be right; it may not read on
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),       cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_check_sum),  cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_long_names), cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
