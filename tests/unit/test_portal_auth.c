// Not PORTABLE: keyed hashes come from the Linux port.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/platform.h"
#include "portal/auth.h"
#include "support/mem_fixture.h"

#define GOOD "Basic YWRtaW46cHc=" // admin:pw
#define BAD "Basic YWRtaW46cHg="
#define PEER "10.0.0.1:5000"

void nh_random_bytes(void *out, size_t len)
{
    static uint32_t next = 1;
    for (size_t i = 0; i < len; i++) {
        next = next * 1664525u + 1013904223u;
        ((uint8_t *)out)[i] = (uint8_t)(next >> 24);
    }
}

struct fixture {
    struct mem_fixture m;
    nh_auth_t *auth;
    int verify_count;
};

static bool verify(void *ctx, const char *user, const char *password)
{
    (void)user;
    ((struct fixture *)ctx)->verify_count++;
    return strcmp(password, "pw") == 0;
}

static int setup(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    mem_fixture_init(&f.m, NULL);
    struct nh_auth_config cfg = {.user = "admin", .verify = verify, .ctx = &f, .session_ms = 1000};
    assert_int_equal(nh_auth_create(f.m.mem, &cfg, &f.auth), 0);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    nh_auth_destroy(f->auth);
    mem_fixture_deinit(&f->m);
    return 0;
}

static const char *cookie_of(const char *token)
{
    static char text[64];
    snprintf(text, sizeof text, NH_AUTH_COOKIE "=%.40s", token);
    return text;
}

static void test_open_without_password(void **state)
{
    struct fixture *f = *state;
    nh_auth_t *open;
    assert_int_equal(nh_auth_create(f->m.mem, &(struct nh_auth_config){0}, &open), 0);
    assert_false(nh_auth_is_required(open));
    assert_null(nh_auth_user(open));
    assert_int_equal(nh_auth_check(open, NULL, NULL, PEER, 0), 0);
    nh_auth_sign_out(open, "nh_session=00");
    nh_auth_destroy(open);
    nh_auth_destroy(NULL);
    assert_int_equal(nh_auth_create(f->m.mem, &(struct nh_auth_config){.verify = verify}, &open),
                     NH_ERR_INVAL);
}

static void test_session(void **state)
{
    struct fixture *f = *state;
    char token[NH_AUTH_TOKEN_TEXT_BYTES], other[NH_AUTH_TOKEN_TEXT_BYTES];
    assert_int_equal(nh_auth_check(f->auth, NULL, NULL, PEER, 0), NH_ERR_DENIED);
    assert_int_equal(nh_auth_sign_in(f->auth, "admin", "pw", PEER, 100, token), 0);
    assert_int_equal(nh_auth_sign_in(f->auth, "admin", "pw", PEER, 100, other), 0);
    assert_int_equal(strlen(token), NH_AUTH_TOKEN_TEXT_BYTES - 1);
    assert_true(strcmp(token, other) != 0);
    assert_int_equal(nh_auth_check(f->auth, cookie_of(token), NULL, PEER, 1099), 0);
    assert_int_equal(nh_auth_check(f->auth, cookie_of(token), NULL, PEER, 1100), NH_ERR_DENIED);
    assert_int_equal(nh_auth_session_count(f->auth, 1099), 2);
    nh_auth_sign_out(f->auth, cookie_of(other));
    assert_int_equal(nh_auth_check(f->auth, cookie_of(other), NULL, PEER, 1000), NH_ERR_DENIED);
    assert_int_equal(nh_auth_check(f->auth, cookie_of(token), NULL, PEER, 1000), 0);
    token[3] = token[3] == '0' ? '1' : '0';
    assert_int_equal(nh_auth_check(f->auth, cookie_of(token), NULL, PEER, 1000), NH_ERR_DENIED);
    assert_int_equal(nh_auth_check(f->auth, cookie_of(""), NULL, PEER, 1000), NH_ERR_DENIED);
}

static void test_seventeenth_session_ends_the_oldest(void **state)
{
    struct fixture *f = *state;
    static char token[17][NH_AUTH_TOKEN_TEXT_BYTES];
    nh_auth_t *a;
    struct nh_auth_config cfg = {.user = "admin", .verify = verify, .ctx = f};
    assert_int_equal(nh_auth_create(f->m.mem, &cfg, &a), 0);
    uint64_t now = 0;
    for (size_t i = 0; i < 17; i++, now += 2000)
        assert_int_equal(nh_auth_sign_in(a, "admin", "pw", PEER, now, token[i]), 0);
    assert_int_equal(nh_auth_session_count(a, now), 16);
    for (size_t i = 0; i < 17; i++)
        assert_int_equal(nh_auth_check(a, cookie_of(token[i]), NULL, PEER, now),
                         i == 0 ? NH_ERR_DENIED : 0);
    nh_auth_destroy(a);
}

static void test_basic_is_remembered(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(nh_auth_check(f->auth, NULL, GOOD, PEER, 0), 0);
    assert_int_equal(f->verify_count, 1);
    assert_int_equal(nh_auth_check(f->auth, NULL, GOOD, PEER, 10 * 60 * 1000 - 1), 0);
    assert_int_equal(f->verify_count, 1);
    assert_int_equal(nh_auth_check(f->auth, NULL, GOOD, PEER, 10 * 60 * 1000), 0);
    assert_int_equal(f->verify_count, 2);
    assert_int_equal(nh_auth_check(f->auth, NULL, BAD, PEER, 10 * 60 * 1000), NH_ERR_DENIED);
    assert_int_equal(nh_auth_check(f->auth, NULL, "Bearer x", PEER, 0), NH_ERR_DENIED);
    // The password is right, the user is not; it took as long.
    assert_int_equal(nh_auth_check(f->auth, NULL, "Basic cm9vdDpwdw==", PEER, 10 * 60 * 1000),
                     NH_ERR_DENIED);
    assert_int_equal(f->verify_count, 4);
}

static void test_guessing_waits_longer_each_time(void **state)
{
    struct fixture *f = *state;
    uint64_t now = 1000000;
    static const uint64_t waits[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    for (int i = 0; i < 2; i++)
        assert_int_equal(nh_auth_check(f->auth, NULL, BAD, PEER, now), NH_ERR_DENIED);
    for (size_t i = 0; i < NH_ARRAY_LEN(waits); i++) {
        assert_int_equal(nh_auth_check(f->auth, NULL, BAD, PEER, now), NH_ERR_DENIED);
        assert_int_equal(nh_auth_check(f->auth, NULL, GOOD, PEER, now + waits[i] - 1), NH_ERR_BUSY);
        now += waits[i];
    }
    // Another port of the same address is the same peer; another address is not.
    assert_int_equal(nh_auth_check(f->auth, NULL, BAD, PEER, now), NH_ERR_DENIED);
    assert_int_equal(nh_auth_check(f->auth, NULL, GOOD, "10.0.0.1:6000", now), NH_ERR_BUSY);
    assert_int_equal(nh_auth_check(f->auth, NULL, GOOD, "10.0.0.2:6000", now), 0);
    // What is known already costs nothing and is not held up.
    assert_int_equal(nh_auth_check(f->auth, NULL, GOOD, PEER, now), 0);
    // A right password clears the record, and so does time.
    assert_int_equal(nh_auth_check(f->auth, NULL, BAD, PEER, now + 20 * 60 * 1000), NH_ERR_DENIED);
    assert_int_equal(nh_auth_check(f->auth, NULL, BAD, PEER, now + 20 * 60 * 1000), NH_ERR_DENIED);
}

static void test_verification_is_rationed(void **state)
{
    struct fixture *f = *state;
    char peer[32];
    for (int i = 0; i < 30; i++) { // a new address each time
        snprintf(peer, sizeof peer, "10.0.1.%d:1", i);
        int err = nh_auth_check(f->auth, NULL, BAD, peer, 5000000);
        assert_int_equal(err, i < 10 ? NH_ERR_DENIED : NH_ERR_BUSY);
    }
    assert_int_equal(f->verify_count, 10);
    assert_int_equal(nh_auth_check(f->auth, NULL, BAD, "10.0.2.1:1", 5000999), NH_ERR_BUSY);
    assert_int_equal(nh_auth_check(f->auth, NULL, BAD, "10.0.2.1:1", 5001000), NH_ERR_DENIED);
}

static void test_no_memory(void **state)
{
    struct fixture *f = *state;
    nh_auth_t *a;
    mem_fixture_fail_nth(&f->m, 1);
    assert_int_equal(nh_auth_create(f->m.mem, &(struct nh_auth_config){0}, &a), NH_ERR_NOMEM);
    assert_null(a);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_open_without_password),
        T(test_session),
        T(test_seventeenth_session_ends_the_oldest),
        T(test_basic_is_remembered),
        T(test_guessing_waits_longer_each_time),
        T(test_verification_is_rationed),
        T(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
