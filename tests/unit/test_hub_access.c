// Who may sign in: right and wrong credentials, and how often the slow check may be asked for.
// Host only: libsodium.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "hub/access.h"

static char hash[NH_PASSWORD_HASH_MAX_BYTES];
static const uint8_t key[NH_KEYED_HASH_BYTES] = {1, 2, 3};

static nh_span_t span(const char *s)
{
    return (nh_span_t){(const uint8_t *)s, strlen(s)};
}

static int make_hash(void **state)
{
    (void)state;
    return nh_password_hash("correct horse", 13, hash);
}

static void test_no_password_lets_in(void **state)
{
    nh_access_t a;
    (void)state;
    nh_access_init(&a, "admin", "", key);
    assert_false(nh_access_is_required(&a));
    assert_true(nh_access_verify(&a, (nh_span_t){0}, (nh_span_t){0}, 0));
}

static void test_credentials(void **state)
{
    static const struct {
        const char *name, *user, *password;
        bool good;
    } rows[] = {
        {"right", "admin", "correct horse", true},
        {"again, from memory", "admin", "correct horse", true},
        {"wrong password", "admin", "correct hors", false},
        {"wrong user", "root", "correct horse", false},
        {"user is a prefix", "adm", "correct horse", false},
        {"border moved", "adminc", "orrect horse", false},
        {"empty", "", "", false},
        {"long user", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x", false},
    };
    nh_access_t a;
    (void)state;
    nh_access_init(&a, "admin", hash, key);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        // One try is gained each second, so none of these is refused unchecked.
        bool good = nh_access_verify(&a, span(rows[i].user), span(rows[i].password), i * 2000);
        if (good != rows[i].good)
            fail_msg("%s: %d", rows[i].name, good);
    }
    assert_int_equal(a.limited_count, 0);
    assert_false(nh_access_verify(&a, (nh_span_t){0}, (nh_span_t){0}, 100000));
}

static void test_wrong_tries_are_limited_but_the_known_one_is_not(void **state)
{
    nh_access_t a;
    (void)state;
    nh_access_init(&a, "admin", hash, key);
    assert_true(nh_access_verify(&a, span("admin"), span("correct horse"), 0));
    for (int i = 0; i < 20; i++)
        assert_false(nh_access_verify(&a, span("admin"), span("guess"), 0));
    assert_int_equal(a.denied_count, NH_ACCESS_TRIES_MAX - 1);
    assert_int_equal(a.limited_count, 20 - (NH_ACCESS_TRIES_MAX - 1));
    // Who has signed in before is not locked out by somebody who guesses.
    assert_true(nh_access_verify(&a, span("admin"), span("correct horse"), 0));
    // Tries come back with time, up to the limit, also over a long sleep.
    assert_false(nh_access_verify(&a, span("admin"), span("guess"), NH_ACCESS_TRY_MS));
    assert_int_equal(a.denied_count, NH_ACCESS_TRIES_MAX);
    for (int i = 0; i < 10; i++)
        assert_false(nh_access_verify(&a, span("admin"), span("guess"), UINT64_MAX / 2));
    assert_int_equal(a.denied_count, 2 * NH_ACCESS_TRIES_MAX);
}

static void test_damaged_hash_lets_nobody_in(void **state)
{
    nh_access_t a;
    (void)state;
    nh_access_init(&a, "admin", "$argon2id$nonsense", key);
    assert_true(nh_access_is_required(&a));
    assert_false(nh_access_verify(&a, span("admin"), span("nonsense"), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_password_lets_in),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_wrong_tries_are_limited_but_the_known_one_is_not),
        cmocka_unit_test(test_damaged_hash_lets_nobody_in),
    };
    return cmocka_run_group_tests(tests, make_hash, NULL);
}
