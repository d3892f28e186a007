// The head of an image: what is written is read, byte for byte as docs/ota.md says; any other byte
// is refused.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/ota/ota_image.h"

#include <string.h>

static uint8_t key[NH_SIGN_KEY_BYTES], secret[NH_SIGN_SECRET_BYTES];

static int setup(void **state)
{
    (void)state;
    nh_sign_keypair(key, secret);
    return 0;
}

static struct nh_ota_head some(void)
{
    struct nh_ota_head h = {.payload_bytes = 0x0102030405, .version = "1.2.3", .target = "linux-x"};
    for (size_t i = 0; i < sizeof h.sha256; i++)
        h.sha256[i] = (uint8_t)(i + 1);
    return h;
}

static void test_layout(void **state)
{
    (void)state;
    static const uint8_t begin[] = {'N', 'U', 'T', 'H', 'A', 'T', 'C', 'H', 1, 0, 0, 1,
                                    0,   0,   0,   0,   5,   4,   3,   2,   1, 0, 0, 0};
    const struct nh_ota_head h = some();
    uint8_t bytes[NH_OTA_HEAD_BYTES];
    nh_ota_head_encode(&h, secret, bytes);
    assert_memory_equal(bytes, begin, sizeof begin);
    assert_memory_equal(bytes + 24, h.sha256, sizeof h.sha256);
    assert_string_equal((const char *)bytes + 56, "1.2.3");
    assert_string_equal((const char *)bytes + 88, "linux-x");
}

static void test_round(void **state)
{
    (void)state;
    const struct nh_ota_head h = some();
    struct nh_ota_head back;
    uint8_t bytes[NH_OTA_HEAD_BYTES];
    nh_ota_head_encode(&h, secret, bytes);
    assert_int_equal(nh_ota_head_verify(bytes, key), 0);
    assert_int_equal(nh_ota_head_decode(bytes, &back), 0);
    assert_true(back.payload_bytes == h.payload_bytes);
    assert_memory_equal(back.sha256, h.sha256, sizeof h.sha256);
    assert_string_equal(back.version, h.version);
    assert_string_equal(back.target, h.target);
}

static void test_each_bit_counts(void **state)
{
    (void)state;
    const struct nh_ota_head h = some();
    uint8_t bytes[NH_OTA_HEAD_BYTES];
    nh_ota_head_encode(&h, secret, bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1U << bit);
            assert_int_equal(nh_ota_head_verify(bytes, key), NH_ERR_DENIED);
            bytes[i] ^= (uint8_t)(1U << bit);
        }
}

static void test_other_key(void **state)
{
    (void)state;
    const struct nh_ota_head h = some();
    uint8_t bytes[NH_OTA_HEAD_BYTES], other[NH_SIGN_KEY_BYTES], unused[NH_SIGN_SECRET_BYTES];
    nh_ota_head_encode(&h, secret, bytes);
    nh_sign_keypair(other, unused);
    assert_int_equal(nh_ota_head_verify(bytes, other), NH_ERR_DENIED);
}

// Heads that are no heads, whoever signed them.
static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
    } rows[] = {
        {"magic", 0, 'n'},     {"format", 8, 2},          {"head size", 10, 1},
        {"no version", 56, 0}, {"a quote", 57, '"'},      {"a line break", 58, '\n'},
        {"no target", 88, 0},  {"a backslash", 89, '\\'}, {"beyond ASCII", 90, 0xC3},
    };
    const struct nh_ota_head h = some();
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t bytes[NH_OTA_HEAD_BYTES];
        struct nh_ota_head back;
        nh_ota_head_encode(&h, secret, bytes);
        bytes[rows[i].at] = rows[i].value;
        if (nh_ota_head_decode(bytes, &back) != NH_ERR_SYNTAX)
            fail_msg("%s was taken", rows[i].what);
    }
}

static void test_empty_payload(void **state)
{
    (void)state;
    struct nh_ota_head h = some(), back;
    uint8_t bytes[NH_OTA_HEAD_BYTES];
    h.payload_bytes = 0;
    nh_ota_head_encode(&h, secret, bytes);
    assert_int_equal(nh_ota_head_decode(bytes, &back), NH_ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),          cmocka_unit_test(test_round),
        cmocka_unit_test(test_each_bit_counts), cmocka_unit_test(test_other_key),
        cmocka_unit_test(test_refused),         cmocka_unit_test(test_empty_payload),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
