// Who is it: sessions, Basic credentials, roles, and the delays of guessing. The clock is an
// argument, and the slow check answers when the test says so.
//
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
#include "portal/auth_delay.h"
#include "portal/auth_source.h"
#include "support/mem_fixture.h"

#define GOOD "Basic YWRtaW46cHc=" // admin:pw
#define BAD "Basic YWRtaW46cHg="  // admin:px
#define PEER "10.0.0.1:5000"
#define OTHER "10.0.0.2:5000"
#define START 1000000u // ms, when a test begins

void nh_random_bytes(void *out, size_t len)
{
    static uint32_t next = 1;
    for (size_t i = 0; i < len; i++) {
        next = next * 1664525u + 1013904223u;
        ((uint8_t *)out)[i] = (uint8_t)(next >> 24);
    }
}

// Two accounts, "admin" and "op", with the same password "pw".
static struct fixture {
    struct mem_fixture m;
    nh_auth_t *auth;
    bool is_required;
    struct nh_auth_account account[2];
    bool is_gone[2];
    struct {
        bool is_asked;
        int result;
    } check[4];
    int check_count, check_err;
    struct nh_auth_wait wait[8];
    struct nh_auth_who who[8];
    int told[8]; // 1: not yet
} f;

static int index_of(const char *user)
{
    return strcmp(user, "admin") == 0 ? 0 : strcmp(user, "op") == 0 ? 1 : -1;
}

static bool is_required(void *ctx)
{
    return ((struct fixture *)ctx)->is_required;
}

static bool find(void *ctx, const char *user, struct nh_auth_account *out)
{
    (void)ctx;
    int i = index_of(user);
    if (i < 0 || f.is_gone[i])
        return false;
    *out = f.account[i];
    return true;
}

static int check(void *ctx, uint32_t ticket, const char *user, const char *password)
{
    (void)ctx;
    f.check_count++;
    if (f.check_err)
        return f.check_err;
    assert_true(ticket < 4 && !f.check[ticket].is_asked);
    bool right = index_of(user) >= 0 && strcmp(password, "pw") == 0;
    f.check[ticket].is_asked = true;
    f.check[ticket].result = right ? 0 : NH_ERR_DENIED;
    return 0;
}

static void told(struct nh_auth_wait *w, int result)
{
    f.told[w - f.wait] = result;
}

// The task that checks is done with what it has.
static void answer(uint64_t now_ms)
{
    for (uint32_t i = 0; i < 4; i++) {
        if (!f.check[i].is_asked)
            continue;
        f.check[i].is_asked = false;
        nh_auth_verified(f.auth, i, f.check[i].result, now_ms);
    }
}

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    mem_fixture_init(&f.m, NULL);
    f.is_required = true;
    f.account[0] = (struct nh_auth_account){.role = NH_ROLE_ADMIN, .is_fixed = true, .stamp = 7};
    f.account[1] = (struct nh_auth_account){.role = NH_ROLE_OPERATOR, .stamp = 7};
    for (size_t i = 0; i < NH_ARRAY_LEN(f.wait); i++)
        f.wait[i].done = told;
    struct nh_auth_config cfg = {.is_required = is_required,
                                 .find = find,
                                 .check = check,
                                 .ctx = &f,
                                 .session_ms = 1000,
                                 .session_max_count = 3,
                                 .check_max_count = 4,
                                 .delay_max_count = 8};
    return nh_auth_create(f.m.mem, &cfg, &f.auth);
}

static int teardown(void **state)
{
    (void)state;
    nh_auth_destroy(f.auth);
    mem_fixture_deinit(&f.m);
    return 0;
}

static const char *cookie_of(const char *token)
{
    static char text[64];
    snprintf(text, sizeof text, NH_AUTH_COOKIE "=%.40s", token);
    return text;
}

static int with_cookie(const char *token, uint64_t now_ms, struct nh_auth_who *who)
{
    return nh_auth_check(f.auth, cookie_of(token), NULL, PEER, now_ms, who, NULL);
}

static int with_basic(const char *authorization, const char *peer, uint64_t now_ms, int i)
{
    f.told[i] = 1;
    return nh_auth_check(f.auth, NULL, authorization, peer, now_ms, &f.who[i], &f.wait[i]);
}

// A sign-in that is answered at once; what it came to.
static int try(const char *user, const char *password, const char *peer, uint64_t now_ms)
{
    struct nh_auth_wait *w = &f.wait[7];
    f.told[7] = 1;
    int err = nh_auth_verify(f.auth, user, password, peer, now_ms, w);
    if (err != NH_ERR_AGAIN)
        return err;
    answer(now_ms);
    return f.told[7];
}

static struct nh_auth_info info(void)
{
    struct nh_auth_info i;
    nh_auth_info(f.auth, &i);
    return i;
}

// ---- nobody has to sign in ---------------------------------------------------------------------

static void test_open(void **state)
{
    (void)state;
    nh_auth_t *open;
    struct nh_auth_who who;
    assert_int_equal(nh_auth_create(f.m.mem, &(struct nh_auth_config){0}, &open), 0);
    assert_false(nh_auth_is_required(open));
    assert_int_equal(nh_auth_check(open, NULL, NULL, PEER, 0, &who, NULL), 0);
    assert_int_equal(who.role, NH_ROLE_ADMIN);
    assert_string_equal(who.user, "");
    nh_auth_session_end(open, "nh_session=00", 0);
    nh_auth_destroy(open);
    nh_auth_destroy(NULL);
    struct nh_auth_config cfg = {.is_required = is_required};
    assert_int_equal(nh_auth_create(f.m.mem, &cfg, &open), NH_ERR_INVAL);
    // A password that is set later counts at once, for who is there already too.
    f.is_required = false;
    assert_int_equal(with_cookie("", 0, &who), 0);
    assert_int_equal(nh_auth_role_now(f.auth, &who, 0), NH_ROLE_ADMIN);
    f.is_required = true;
    assert_int_equal(with_cookie("", 0, &who), NH_ERR_DENIED);
    assert_int_equal(nh_auth_role_now(f.auth, &who, 0), NH_ROLE_NONE);
}

// ---- sessions ----------------------------------------------------------------------------------

static void test_session_slides(void **state)
{
    (void)state;
    char token[NH_AUTH_TOKEN_TEXT_BYTES], other[NH_AUTH_TOKEN_TEXT_BYTES];
    struct nh_auth_who who;
    assert_int_equal(with_cookie("", 0, &who), NH_ERR_DENIED);
    assert_int_equal(nh_auth_session_begin(f.auth, "op", 100, token), 0);
    assert_int_equal(nh_auth_session_begin(f.auth, "admin", 100, other), 0);
    assert_int_equal(strlen(token), NH_AUTH_TOKEN_TEXT_BYTES - 1);
    assert_true(strcmp(token, other) != 0);
    assert_int_equal(with_cookie(token, 1099, &who), 0);
    assert_int_equal(who.role, NH_ROLE_OPERATOR);
    assert_string_equal(who.user, "op");
    assert_int_equal(nh_auth_session_count(f.auth, NULL, 1099), 2);
    assert_int_equal(nh_auth_session_count(f.auth, "op", 1099), 1);
    assert_int_equal(with_cookie(other, 1100, &who), NH_ERR_DENIED); // its time is up
    assert_int_equal(with_cookie(token, 2098, &who), 0);             // this one's began anew
    assert_int_equal(nh_auth_role_now(f.auth, &who, 3097), NH_ROLE_OPERATOR);
    assert_int_equal(nh_auth_role_now(f.auth, &who, 3098), NH_ROLE_NONE);
    assert_int_equal(with_cookie(token, 3098, &who), NH_ERR_DENIED);
    assert_int_equal(nh_auth_session_begin(f.auth, "nobody", 100, token), NH_ERR_NOT_FOUND);
    assert_string_equal(token, "");
}

static void test_session_ends(void **state)
{
    (void)state;
    char token[NH_AUTH_TOKEN_TEXT_BYTES];
    struct nh_auth_who who;
    assert_int_equal(nh_auth_session_begin(f.auth, "op", 0, token), 0);
    token[3] = (char)(token[3] == '0' ? '1' : '0');
    assert_int_equal(with_cookie(token, 1, &who), NH_ERR_DENIED);
    token[3] = (char)(token[3] == '0' ? '1' : '0');
    nh_auth_session_end(f.auth, "a=b", 1);
    assert_int_equal(nh_auth_session_begin(f.auth, "op", 0, token), 0);
    assert_int_equal(with_cookie(token, 1, &who), 0);
    nh_auth_session_end(f.auth, cookie_of(token), 1);
    assert_int_equal(with_cookie(token, 2, &who), NH_ERR_DENIED);
    assert_int_equal(nh_auth_role_now(f.auth, &who, 2), NH_ROLE_NONE);
}

// The account is asked for at each request: what is changed there counts at once.
static void test_account_changes(void **state)
{
    (void)state;
    char token[NH_AUTH_TOKEN_TEXT_BYTES];
    struct nh_auth_who who;
    assert_int_equal(nh_auth_session_begin(f.auth, "op", 0, token), 0);
    f.account[1].must_change = true;
    assert_int_equal(with_cookie(token, 1, &who), 0);
    assert_true(who.must_change);
    f.account[1].role = NH_ROLE_ADMIN;
    assert_int_equal(nh_auth_role_now(f.auth, &who, 1), NH_ROLE_ADMIN);
    f.is_gone[1] = true; // disabled
    assert_int_equal(with_cookie(token, 1, &who), NH_ERR_DENIED);
    assert_int_equal(nh_auth_session_count(f.auth, NULL, 1), 0);
    f.is_gone[1] = false;
    f.account[1].stamp++; // another password
    assert_int_equal(with_cookie(token, 1, &who), NH_ERR_DENIED);
    // Basic credentials that are remembered end with it too.
    assert_int_equal(with_basic(GOOD, PEER, 0, 0), NH_ERR_AGAIN);
    answer(0);
    assert_int_equal(with_basic(GOOD, PEER, 0, 0), 0);
    f.account[0].stamp++;
    assert_int_equal(nh_auth_role_now(f.auth, &f.who[0], 0), NH_ROLE_NONE);
    assert_int_equal(with_basic(GOOD, PEER, 0, 0), NH_ERR_AGAIN);
}

static void test_one_more_session_ends_the_oldest(void **state)
{
    (void)state;
    static char token[5][NH_AUTH_TOKEN_TEXT_BYTES];
    struct nh_auth_who who;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(nh_auth_session_begin(f.auth, i ? "op" : "admin", i, token[i]), 0);
    assert_int_equal(with_cookie(token[0], 10, &who), 0); // used: now the second is the oldest
    assert_int_equal(nh_auth_session_begin(f.auth, "op", 11, token[3]), 0);
    assert_int_equal(info().sessions_full, 1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(with_cookie(token[i], 12, &who), i == 1 ? NH_ERR_DENIED : 0);
    f.account[1].stamp++; // those of "op" have ended: their places are free
    assert_int_equal(nh_auth_session_begin(f.auth, "op", 13, token[4]), 0);
    assert_int_equal(info().sessions_full, 1);
    assert_int_equal(with_cookie(token[0], 14, &who), 0);
}

// ---- Basic -------------------------------------------------------------------------------------

static void test_basic_is_remembered(void **state)
{
    (void)state;
    const uint64_t minutes = 10 * 60 * 1000;
    assert_int_equal(with_basic(GOOD, PEER, 0, 0), NH_ERR_AGAIN);
    assert_int_equal(f.told[0], 1);
    answer(0);
    assert_int_equal(f.told[0], 0);
    assert_string_equal(f.who[0].user, "admin");
    assert_int_equal(f.who[0].role, NH_ROLE_ADMIN);
    assert_true(f.who[0].is_fixed);
    for (int i = 0; i < 5; i++)
        assert_int_equal(with_basic(GOOD, OTHER, minutes - 1, 0), 0);
    assert_int_equal(f.check_count, 1);
    assert_int_equal(with_basic(GOOD, PEER, minutes, 0), NH_ERR_AGAIN);
    answer(minutes);
    assert_int_equal(f.check_count, 2);
    static const char *const none[] = {"Bearer x", "Basic", "Basic !", "Basic YQ==", ""};
    for (size_t i = 0; i < NH_ARRAY_LEN(none); i++)
        assert_int_equal(with_basic(none[i], PEER, 0, 0), NH_ERR_DENIED);
    assert_int_equal(f.check_count, 2);
}

// A browser asks for six things at once: one check answers all.
static void test_the_same_is_checked_once(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++)
        assert_int_equal(with_basic(GOOD, PEER, 0, i), NH_ERR_AGAIN);
    assert_int_equal(f.check_count, 1);
    assert_int_equal(with_basic(GOOD, OTHER, 0, 6), NH_ERR_AGAIN); // wrong ones count for each
    assert_int_equal(f.check_count, 2);
    nh_auth_cancel(f.auth, &f.wait[2]); // this client has gone
    nh_auth_cancel(f.auth, &f.wait[2]);
    nh_auth_cancel(f.auth, &f.wait[5]);
    assert_int_equal(nh_auth_check(f.auth, NULL, GOOD, PEER, 0, &f.who[7], NULL), NH_ERR_AGAIN);
    answer(0);
    for (int i = 0; i < 6; i++)
        assert_int_equal(f.told[i], i == 2 || i == 5 ? 1 : 0);
    assert_int_equal(info().sign_ins, 2);
    assert_int_equal(with_basic(GOOD, PEER, 0, 0), 0);
}

static void test_queue_is_bounded(void **state)
{
    (void)state;
    static const char *const passwords[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++)
        assert_int_equal(nh_auth_verify(f.auth, "admin", passwords[i], PEER, 0, &f.wait[i]),
                         i == 4 ? NH_ERR_FULL : NH_ERR_AGAIN);
    assert_int_equal(info().queue_full, 1);
    assert_int_equal(info().waiting_count, 4);
    answer(0);
    assert_int_equal(info().waiting_count, 0);
    assert_int_equal(info().waiting_max, 4);
    assert_int_equal(info().wrong, 4); // all of the burst count: 8 s
    assert_int_equal(nh_auth_verify(f.auth, "admin", "pw", PEER, 0, &f.wait[0]), NH_ERR_BUSY);
    assert_int_equal(f.wait[0].delay_ms, 8000);
}

// ---- what is wrong -----------------------------------------------------------------------------

// What is known, what is not and what cannot be is checked alike, and told alike.
static void test_all_failures_look_the_same(void **state)
{
    (void)state;
    static char name[40], password[300];
    memset(name, 'n', sizeof name - 1);
    memset(password, 'p', sizeof password - 1);
    const struct {
        const char *user, *password;
    } rows[] = {{"admin", "px"}, {"nobody", "pw"}, {"", "pw"},       {"admin", ""},
                {name, "pw"},    {"op", password}, {"admin ", "pw"}, {"Admin", "pw"}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        char peer[32];
        snprintf(peer, sizeof peer, "10.0.1.%zu:1", i);
        uint64_t now = START + i * 1000000;
        if (try(rows[i].user, rows[i].password, peer, now) != NH_ERR_DENIED)
            fail_msg("row %zu", i);
        assert_int_equal(f.check_count, i + 1);
    }
    f.is_gone[1] = true; // disabled: its password is right
    assert_int_equal(try("op", "pw", OTHER, START), NH_ERR_DENIED);
    assert_int_equal(info().wrong, NH_ARRAY_LEN(rows) + 1);
    assert_int_equal(info().sign_ins, 0);
}

// The account changes while its old password is checked: that says nothing of who asks.
static void test_changed_meanwhile(void **state)
{
    (void)state;
    assert_int_equal(with_basic(GOOD, PEER, 0, 0), NH_ERR_AGAIN);
    f.account[0].stamp++;
    answer(0);
    assert_int_equal(f.told[0], NH_ERR_DENIED);
    assert_int_equal(info().wrong, 0);
}

static void test_check_fails(void **state)
{
    (void)state;
    f.check_err = NH_ERR_NOMEM;
    assert_int_equal(try("admin", "pw", PEER, 0), NH_ERR_NOMEM);
    assert_int_equal(info().waiting_count, 0);
    f.check_err = 0;
    assert_int_equal(nh_auth_verify(f.auth, "admin", "pw", PEER, 0, &f.wait[0]), NH_ERR_AGAIN);
    f.check[0].result = NH_ERR_NOMEM; // the hash found no memory
    answer(0);
    assert_int_equal(f.told[0], NH_ERR_NOMEM);
    assert_int_equal(try("admin", "pw", PEER, 0), 0); // that is no wrong password
}

// ---- guessing ----------------------------------------------------------------------------------

static void test_delay_doubles(void **state)
{
    (void)state;
    static const uint64_t waits[] = {1000,  2000,   4000,   8000,   16000, 32000,
                                     64000, 128000, 256000, 300000, 300000};
    uint64_t now = START;
    for (size_t i = 0; i < NH_ARRAY_LEN(waits); i++) {
        assert_int_equal(try("admin", "px", PEER, now), NH_ERR_DENIED);
        assert_int_equal(try("admin", "pw", PEER, now), NH_ERR_BUSY);
        assert_int_equal(f.wait[7].delay_ms, waits[i]);
        assert_int_equal(try("admin", "pw", PEER, now + waits[i] - 1), NH_ERR_BUSY);
        assert_int_equal(f.wait[7].delay_ms, 1);
        now += waits[i];
    }
    assert_int_equal(info().slowed, 2 * NH_ARRAY_LEN(waits));
    assert_int_equal(try("admin", "pw", PEER, now), 0);
    assert_int_equal(try("admin", "px", PEER, now), NH_ERR_DENIED); // begins anew
    assert_int_equal(try("admin", "px", PEER, now + 1000), NH_ERR_DENIED);
    // Forgotten ten minutes after the last one.
    now += 1000 + 2 * 300000;
    assert_int_equal(try("admin", "px", PEER, now), NH_ERR_DENIED);
    assert_int_equal(try("admin", "px", PEER, now + 1000), NH_ERR_DENIED);
}

// By address and by account: neither many accounts nor many addresses get around it.
static void test_delay_of_both(void **state)
{
    (void)state;
    assert_int_equal(try("admin", "px", PEER, START), NH_ERR_DENIED);
    assert_int_equal(try("op", "pw", PEER, START), NH_ERR_BUSY);         // the same address
    assert_int_equal(try("op", "pw", "10.0.0.1:9", START), NH_ERR_BUSY); // whatever its port
    assert_int_equal(try("admin", "pw", OTHER, START), NH_ERR_BUSY);     // the same account
    assert_int_equal(try("op", "pw", OTHER, START), 0);
    // Nobody can tell from it which accounts there are.
    assert_int_equal(try("nobody", "pw", "10.0.0.3:1", START), NH_ERR_DENIED);
    assert_int_equal(try("nobody", "pw", "10.0.0.4:1", START), NH_ERR_BUSY);
}

// Who guesses at an account does not keep out who signed in to it before, from where that was.
static void test_the_owner_is_not_kept_out(void **state)
{
    (void)state;
    assert_int_equal(try("admin", "pw", PEER, START), 0);
    assert_int_equal(try("admin", "px", OTHER, START), NH_ERR_DENIED);
    assert_int_equal(try("admin", "pw", "10.0.0.3:1", START), NH_ERR_BUSY);
    assert_int_equal(try("admin", "pw", PEER, START), 0);
    // What is known already costs nothing and is not held up.
    assert_int_equal(with_basic(GOOD, PEER, START, 0), NH_ERR_AGAIN);
    answer(START);
    assert_int_equal(try("admin", "px", PEER, START), NH_ERR_DENIED);
    assert_int_equal(with_basic(GOOD, PEER, START, 0), 0);
    assert_int_equal(with_basic(BAD, PEER, START, 0), NH_ERR_BUSY);
    assert_int_equal(f.wait[0].delay_ms, 1000);
}

// After a wrong one only one more is under way, from there or to there.
static void test_burst_is_no_faster(void **state)
{
    (void)state;
    assert_int_equal(try("admin", "px", PEER, START), NH_ERR_DENIED);
    uint64_t now = START + 1000;
    assert_int_equal(nh_auth_verify(f.auth, "admin", "a", PEER, now, &f.wait[0]), NH_ERR_AGAIN);
    assert_int_equal(nh_auth_verify(f.auth, "admin", "b", OTHER, now, &f.wait[1]), NH_ERR_BUSY);
    assert_int_equal(f.wait[1].delay_ms, 1000);
    assert_int_equal(nh_auth_verify(f.auth, "op", "b", PEER, now, &f.wait[1]), NH_ERR_BUSY);
    assert_int_equal(nh_auth_verify(f.auth, "op", "b", OTHER, now, &f.wait[1]), NH_ERR_AGAIN);
    answer(now);
}

static void test_delays_are_bounded(void **state)
{
    (void)state;
    nh_auth_delays_t d;
    assert_int_equal(nh_auth_delays_init(&d, f.m.mem, 3, 10, 25), 0);
    for (uint64_t i = 1; i <= 3; i++)
        nh_auth_delays_wrong(&d, i, i);
    nh_auth_delays_wrong(&d, 1, 4); // 2 is now forgotten first
    nh_auth_delays_wrong(&d, 4, 5);
    assert_int_equal(d.evicted_count, 1);
    assert_int_equal(nh_auth_delays_left(&d, 1, 5), 19);
    assert_int_equal(nh_auth_delays_left(&d, 2, 5), 0);
    assert_int_equal(nh_auth_delays_left(&d, 3, 5), 8);
    assert_int_equal(nh_auth_delays_left(&d, 4, 5), 10);
    nh_auth_delays_right(&d, 3);
    assert_false(nh_auth_delays_knows(&d, 3, 5));
    nh_auth_delays_wrong(&d, 5, 6); // in the place of the one that was right
    assert_int_equal(d.evicted_count, 1);
    assert_true(nh_auth_delays_knows(&d, 4, 54));
    assert_false(nh_auth_delays_knows(&d, 4, 55));
    nh_auth_delays_wrong(&d, 6, UINT64_MAX - 3); // no clock wraps
    assert_int_equal(nh_auth_delays_left(&d, 6, UINT64_MAX - 3), 3);
    nh_auth_delays_deinit(&d, f.m.mem);
}

static void test_sources(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *source;
        bool is_local;
    } rows[] = {
        {"10.0.0.1:5000", "10.0.0.1", false},
        {"127.0.0.1:5000", "127.0.0.1", true},
        {"127.1.2.3:1", "127.1.2.3", true},
        {"[::1]:80", "0:0:0:0", true},
        {"[::ffff:10.0.0.1]:80", "10.0.0.1", false},
        {"[::ffff:127.0.0.1]:80", "127.0.0.1", true},
        {"[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2", false},
        {"[2001:db8:1:2:ffff::]:80", "2001:db8:1:2", false},
        {"[2001:db8::6]:80", "2001:db8:0:0", false},
        {"[2001::3:4:5:6:7:8]:80", "2001:0:3:4", false},
        {"[::2:3:4:5:6:7:8]:80", "0:2:3:4", false},
        {"[fe80::1%eth0]:80", "fe80:0:0:0", false},
        {"[1:2:3]:80", "1:2:3", false},
        {"[1:2:3:4:5:6:7:8:9]:80", "1:2:3:4:5:6:7:8:9", false},
        {"[12345::]:80", "12345::", false},
        {"[::x]:80", "::x", false},
        {"", "", false},
        {"127.0.0.1.evil:1", "127.0.0.1.evil", true}, // no kernel says that
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        char source[NH_AUTH_SOURCE_MAX_BYTES];
        size_t len = nh_auth_source(rows[i].peer, source);
        if (strcmp(source, rows[i].source) != 0 || len != strlen(source) ||
            nh_auth_source_is_local(rows[i].peer) != rows[i].is_local)
            fail_msg("%s: %s", rows[i].peer, source);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    nh_auth_t *a;
    for (uint64_t n = 1; n <= 4; n++) {
        mem_fixture_fail_nth(&f.m, n);
        assert_int_equal(nh_auth_create(f.m.mem, &(struct nh_auth_config){0}, &a), NH_ERR_NOMEM);
        assert_null(a);
    }
    mem_fixture_fail_nth(&f.m, 5);
    assert_int_equal(nh_auth_create(f.m.mem, &(struct nh_auth_config){0}, &a), 0);
    nh_auth_destroy(a);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_open),
        T(test_session_slides),
        T(test_session_ends),
        T(test_account_changes),
        T(test_one_more_session_ends_the_oldest),
        T(test_basic_is_remembered),
        T(test_the_same_is_checked_once),
        T(test_queue_is_bounded),
        T(test_all_failures_look_the_same),
        T(test_changed_meanwhile),
        T(test_check_fails),
        T(test_delay_doubles),
        T(test_delay_of_both),
        T(test_the_owner_is_not_kept_out),
        T(test_burst_is_no_faster),
        T(test_delays_are_bounded),
        T(test_sources),
        T(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
