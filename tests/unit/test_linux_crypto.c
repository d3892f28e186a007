// The port's hashes against published vectors: SHA-2 (FIPS 180-4), HMAC (RFC 4231), PBKDF2.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/format.h"
#include "platform/crypto.h"

#include <stdio.h>
#include <string.h>

static nh_span_t span(const char *s)
{
    return (nh_span_t){(const uint8_t *)s, strlen(s)};
}

static void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    char text[2 * NH_SHA512_BYTES + 1];
    assert_string_equal(nh_format_hex(bytes, len, text, sizeof text), hex);
}

static void test_hash(void **state)
{
    (void)state;
    uint8_t out[NH_SHA512_BYTES];
    const nh_span_t parts[] = {span("a"), span(""), span("bc")};
    assert_int_equal(nh_hash_parts(NH_SHA256, parts, 3, out), NH_OK);
    assert_hex(out, NH_SHA256_BYTES,
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(nh_hash_parts(NH_SHA512, parts, 3, out), NH_OK);
    assert_hex(out, NH_SHA512_BYTES,
               "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
               "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

static void test_hmac(void **state)
{
    (void)state;
    uint8_t out[NH_SHA512_BYTES];
    const nh_span_t parts[] = {span("what do ya want "), span("for nothing?")};
    assert_int_equal(nh_hmac_parts(NH_SHA256, span("Jefe"), parts, 2, out), NH_OK);
    assert_hex(out, NH_SHA256_BYTES,
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_int_equal(nh_hmac_parts(NH_SHA512, span("Jefe"), parts, 2, out), NH_OK);
    assert_hex(out, NH_SHA512_BYTES,
               "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
               "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
    assert_int_equal(nh_hmac_parts(NH_SHA256, (nh_span_t){NULL, 0}, parts, 0, out), NH_OK);
    assert_hex(out, NH_SHA256_BYTES,
               "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_pbkdf2(void **state)
{
    (void)state;
    uint8_t out[NH_SHA512_BYTES];
    assert_int_equal(nh_pbkdf2(NH_SHA256, span("password"), span("salt"), 4096, out), NH_OK);
    assert_hex(out, NH_SHA256_BYTES,
               "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
    assert_int_equal(nh_pbkdf2(NH_SHA512, span("password"), span("salt"), 1, out), NH_OK);
    assert_hex(out, NH_SHA512_BYTES,
               "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252"
               "c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce");
    assert_int_equal(nh_pbkdf2(NH_SHA512, span("password"), span("salt"), 0, out), NH_ERR_RANGE);
    assert_int_equal(nh_pbkdf2(NH_SHA512, span("password"), span("salt"), UINT32_MAX, out),
                     NH_ERR_RANGE);
}

// Keyed BLAKE2b-128 does not depend on how the text is cut; X25519 of RFC 7748, section 6.1.
static void test_mac_and_agreement(void **state)
{
    static const uint8_t alice[NH_AGREE_BYTES] = {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d,
                                                  0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45,
                                                  0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a,
                                                  0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};
    static const uint8_t bob[NH_AGREE_BYTES] = {0x5d, 0xab, 0x08, 0x7e, 0x62, 0x4a, 0x8a, 0x4b,
                                                0x79, 0xe1, 0x7f, 0x8b, 0x83, 0x80, 0x0e, 0xe6,
                                                0x6f, 0x3b, 0xb1, 0x29, 0x26, 0x18, 0xb6, 0xfd,
                                                0x1c, 0x2f, 0x8b, 0x27, 0xff, 0x88, 0xe0, 0xeb};
    const uint8_t key[NH_KEYED_HASH_BYTES] = {0};
    const nh_span_t parts[] = {span("a"), span(""), span("bc")}, whole = span("abc");
    uint8_t a[NH_AGREE_BYTES], b[NH_AGREE_BYTES];
    (void)state;
    nh_mac_parts(key, parts, 3, a);
    nh_mac_parts(key, &whole, 1, b);
    assert_memory_equal(a, b, NH_MAC_BYTES);
    nh_agree_public(alice, a);
    assert_hex(a, sizeof a, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    nh_agree_public(bob, b);
    assert_int_equal(nh_agree_shared(alice, b, b), NH_OK);
    assert_hex(b, sizeof b, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_int_equal(nh_agree_shared(bob, a, a), NH_OK);
    assert_memory_equal(a, b, sizeof a);
}

// RFC 8032, 7.1, test 2.
static void test_signature(void **state)
{
    (void)state;
    uint8_t secret[NH_SIGN_SECRET_BYTES], signature[NH_SIGNATURE_BYTES];
    static const uint8_t message[] = {0x72};
    static const char seed_and_key[] =
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    for (size_t i = 0; i < sizeof secret; i++) {
        unsigned byte;
        assert_int_equal(sscanf(seed_and_key + 2 * i, "%2x", &byte), 1);
        secret[i] = (uint8_t)byte;
    }
    nh_sign(secret, message, sizeof message, signature);
    assert_hex(signature, sizeof signature,
               "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
               "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    assert_int_equal(nh_sign_verify(secret + 32, message, sizeof message, signature), NH_OK);
    signature[0] ^= 1;
    assert_int_equal(nh_sign_verify(secret + 32, message, sizeof message, signature),
                     NH_ERR_DENIED);
}

static void test_sha256_in_pieces(void **state)
{
    (void)state;
    uint8_t out[NH_SHA256_BYTES];
    nh_sha256_t h;
    nh_sha256_init(&h);
    nh_sha256_update(&h, "a", 1);
    nh_sha256_update(&h, "", 0);
    nh_sha256_update(&h, "bc", 2);
    nh_sha256_end(&h, out);
    assert_hex(out, sizeof out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_mac_and_agreement),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_sha256_in_pieces),
        cmocka_unit_test(test_pbkdf2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
