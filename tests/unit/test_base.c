#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/base.h"
#include "core/base/bytes.h"
#include "core/base/hash.h"
#include "core/base/secret.h"
#include "support/rng.h"

static void errors_have_texts_and_names(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *name, *text;
    } rows[] = {
        {NH_OK, "OK", "ok"},
        {7, "OK", "ok"},
        {NH_ERR_NOMEM, "NOMEM", "out of memory"},
        {NH_ERR_CONFLICT, "CONFLICT", "changed by someone else in between"},
        {NH_ERR_CANCELLED, "CANCELLED", "cancelled"},
        {-23, "UNKNOWN", "unknown error"},
        {INT32_MIN, "UNKNOWN", "unknown error"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_string_equal(nh_err_name(rows[i].code), rows[i].name);
        assert_string_equal(nh_err_text(rows[i].code), rows[i].text);
    }
}

static void error_codes_are_stable_and_distinct(void **state)
{
    (void)state;
    static const int codes[] = {
#define CODE(name, code, text) NH_ERR_##name,
        NH_ERR_LIST(CODE)
#undef CODE
    };
    assert_int_equal(NH_ARRAY_LEN(codes), 22);
    for (size_t i = 0; i < NH_ARRAY_LEN(codes); i++) {
        assert_int_equal(codes[i], -(int)i - 1);
        for (size_t k = 0; k < i; k++)
            assert_true(strcmp(nh_err_text(codes[i]), nh_err_text(codes[k])) != 0);
    }
}

static void container_of_finds_the_struct(void **state)
{
    (void)state;
    struct outer {
        uint64_t before;
        char inner;
    } o = {0};
    assert_ptr_equal(NH_CONTAINER_OF(&o.inner, struct outer, inner), &o);
}

static int lock_depth;

static void lock_up(void *ctx)
{
    lock_depth += *(int *)ctx;
}

static void lock_down(void *ctx)
{
    lock_depth -= *(int *)ctx;
}

static void lock_calls_the_port_or_nothing(void **state)
{
    (void)state;
    int step = 3;
    nh_lock_t none = {0}, lock = {lock_up, lock_down, &step};
    nh_lock_acquire(&none);
    nh_lock_release(&none);
    assert_int_equal(lock_depth, 0);
    nh_lock_acquire(&lock);
    assert_int_equal(lock_depth, 3);
    nh_lock_release(&lock);
    assert_int_equal(lock_depth, 0);
}

static void bytes_have_the_named_order(void **state)
{
    (void)state;
    uint8_t b[9] = {0};
    nh_put_be16(b + 1, 0x1234);
    assert_memory_equal(b, "\0\x12\x34", 3);
    nh_put_le16(b + 1, 0x1234);
    assert_memory_equal(b, "\0\x34\x12", 3);
    nh_put_be32(b + 1, 0x89ABCDEFu);
    assert_memory_equal(b + 1, "\x89\xAB\xCD\xEF", 4);
    nh_put_le32(b + 1, 0x89ABCDEFu);
    assert_memory_equal(b + 1, "\xEF\xCD\xAB\x89", 4);
    nh_put_be64(b + 1, 0x8123456789ABCDEFu);
    assert_memory_equal(b + 1, "\x81\x23\x45\x67\x89\xAB\xCD\xEF", 8);
    nh_put_le64(b + 1, 0x8123456789ABCDEFu);
    assert_memory_equal(b + 1, "\xEF\xCD\xAB\x89\x67\x45\x23\x81", 8);
}

static void bytes_read_back(void **state)
{
    (void)state;
    struct rng rng = {1};
    for (int i = 0; i < 1000; i++) {
        uint8_t b[9];
        uint64_t v = (uint64_t)rng_next(&rng) << 32 | rng_next(&rng);
        nh_put_be16(b + 1, (uint16_t)v);
        assert_true(nh_get_be16(b + 1) == (uint16_t)v);
        nh_put_le16(b + 1, (uint16_t)v);
        assert_true(nh_get_le16(b + 1) == (uint16_t)v);
        nh_put_be32(b + 1, (uint32_t)v);
        assert_true(nh_get_be32(b + 1) == (uint32_t)v);
        nh_put_le32(b + 1, (uint32_t)v);
        assert_true(nh_get_le32(b + 1) == (uint32_t)v);
        nh_put_be64(b + 1, v);
        assert_true(nh_get_be64(b + 1) == v);
        nh_put_le64(b + 1, v);
        assert_true(nh_get_le64(b + 1) == v);
    }
}

static void ct_equal_sees_each_bit(void **state)
{
    (void)state;
    uint8_t a[33], b[33];
    struct rng rng = {2};
    rng_bytes(&rng, a, sizeof a);
    memcpy(b, a, sizeof a);
    assert_true(nh_ct_equal(a, b, sizeof a));
    assert_true(nh_ct_equal(a, "", 0));
    for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(nh_ct_equal(a, b, sizeof a));
        assert_true(nh_ct_equal(a, b, bit / 8));
        b[bit / 8] = a[bit / 8];
    }
}

static void hash_depends_on_length_seed_and_content(void **state)
{
    (void)state;
    uint8_t zero[16] = {0};
    for (size_t i = 0; i < sizeof zero; i++)
        for (size_t k = 0; k < i; k++)
            assert_true(nh_hash32(zero, i, 0) != nh_hash32(zero, k, 0));
    assert_true(nh_hash32("abc", 3, 1) != nh_hash32("abc", 3, 2));
    assert_true(nh_hash32("abc", 3, 1) == nh_hash32("abcd", 3, 1));
}

// Each bit of the key flips each bit of the hash in about half of the cases.
static void hash_mixes_every_bit(void **state)
{
    (void)state;
    enum { KEYS = 400, LEN = 7 };
    struct rng rng = {3};
    for (unsigned bit = 0; bit < 8 * LEN; bit++) {
        unsigned flips[32] = {0};
        for (int n = 0; n < KEYS; n++) {
            uint8_t key[LEN];
            rng_bytes(&rng, key, sizeof key);
            uint32_t h = nh_hash32(key, sizeof key, 0);
            key[bit / 8] ^= (uint8_t)(1u << bit % 8);
            h ^= nh_hash32(key, sizeof key, 0);
            for (unsigned i = 0; i < 32; i++)
                flips[i] += h >> i & 1;
        }
        for (unsigned i = 0; i < 32; i++)
            assert_in_range(flips[i], KEYS / 4, KEYS * 3 / 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_have_texts_and_names),
        cmocka_unit_test(error_codes_are_stable_and_distinct),
        cmocka_unit_test(container_of_finds_the_struct),
        cmocka_unit_test(lock_calls_the_port_or_nothing),
        cmocka_unit_test(bytes_have_the_named_order),
        cmocka_unit_test(bytes_read_back),
        cmocka_unit_test(ct_equal_sees_each_bit),
        cmocka_unit_test(hash_depends_on_length_seed_and_content),
        cmocka_unit_test(hash_mixes_every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
