// Users and their stored passwords: every form against what the programs that made it wrote, and
// every line of a password file that is wrong. Host only: libsodium, libcrypto.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hub/users.h"
#include "support/mem_fixture.h"

#include <stdio.h>
#include <string.h>

static struct mem_fixture fix;
static nh_users_t *users;

static nh_span_t span(const char *s)
{
    return (nh_span_t){(const uint8_t *)s, strlen(s)};
}

static void begin(void)
{
    mem_fixture_init(&fix, NULL);
    assert_int_equal(nh_users_create(fix.mem, 1, &users), NH_OK);
}

static void end(void)
{
    nh_users_destroy(users);
    mem_fixture_deinit(&fix);
}

// ---- stored passwords ---------------------------------------------------------------------------

// Written by mosquitto_passwd 2.0, for the passwords "ann" and "old".
#define ANN                                                                                        \
    "$7$101$ohv3xTwf8+fLjyvE$"                                                                     \
    "5GWnXodZvH4IKngxdZJpFkUBvpmhdY7d0h1ccNKKo92fPnx9zkcIlvj5tH0BJttZLsGtXYLak2xk8kgsnNwMYA=="
#define OLD                                                                                        \
    "$6$UE8ZxlM1OROThFkp$"                                                                         \
    "9aP3MNEwo9jxb0R3E1glMJiYlkmYedsbOhj2w51+5yjChQVDLcncHNpag9yr5GBa0S5rNg14Oxug0oo2nmwH/g=="
// RFC 7677's user, as PostgreSQL stores it.
#define PENCIL                                                                                     \
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"    \
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static const struct {
    const char *text, *password;
    enum nh_password_form form;
} stored[] = {
    {ANN, "ann", NH_PASSWORD_PBKDF2},
    {OLD, "old", NH_PASSWORD_SHA512},
    {PENCIL, "pencil", NH_PASSWORD_SCRAM},
};

static void test_stored(void **state)
{
    (void)state;
    char longer[40];
    for (size_t i = 0; i < NH_ARRAY_LEN(stored); i++) {
        const char *text = stored[i].text, *password = stored[i].password;
        assert_int_equal(nh_password_form_of(text), stored[i].form);
        assert_int_equal(nh_password_text_verify(text, span(password)), NH_OK);
        snprintf(longer, sizeof longer, "%s ", password);
        assert_int_equal(nh_password_text_verify(text, span(longer)), NH_ERR_DENIED);
        assert_int_equal(nh_password_text_verify(text, span("")), NH_ERR_DENIED);
    }
}

static const char *const damaged[] = {
    "",
    "plain",
    "$argon2i",
    "$7$",
    "$7$101$",
    "$7$101$ohv3xTwf8+fLjyvE$",
    "$7$0$ohv3xTwf8+fLjyvE$"
    "5GWnXodZvH4IKngxdZJpFkUBvpmhdY7d0h1ccNKKo92fPnx9zkcIlvj5tH0BJttZLsGtXYLak2xk8kgsnNwMYA==",
    "$7$-1$ohv3xTwf8+fLjyvE$"
    "5GWnXodZvH4IKngxdZJpFkUBvpmhdY7d0h1ccNKKo92fPnx9zkcIlvj5tH0BJttZLsGtXYLak2xk8kgsnNwMYA==",
    "$7$10000001$ohv3xTwf8+fLjyvE$"
    "5GWnXodZvH4IKngxdZJpFkUBvpmhdY7d0h1ccNKKo92fPnx9zkcIlvj5tH0BJttZLsGtXYLak2xk8kgsnNwMYA==",
    "$7$101$ohv3xTwf8+fLjyvE$"
    "5GWnXodZvH4IKngxdZJpFkUBvpmhdY7d0h1ccNKKo92fPnx9zkcIlvj5tH0BJttZLsGtXYLak2xk8kgsnNwM",
    "$7$101$ohv3xTwf8+fLjyv$"
    "5GWnXodZvH4IKngxdZJpFkUBvpmhdY7d0h1ccNKKo92fPnx9zkcIlvj5tH0BJttZLsGtXYLak2xk8kgsnNwMYA==",
    "$6$$9aP3MNEwo9jxb0R3E1glMJiYlkmYedsbOhj2w51+5yjChQVDLcncHNpag9yr5GBa0S5rNg14Oxug0oo2nmwH/g==",
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$x:y",
    "SCRAM-SHA-1$4096:W22ZaJ0SNY7soEsUEjb6gQ==$x:y",
    "$5$abc$def",
};

static void test_damaged(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(damaged); i++) {
        if (nh_password_form_of(damaged[i]) != NH_PASSWORD_NO_FORM ||
            nh_password_text_verify(damaged[i], span("ann")) != NH_ERR_DENIED)
            fail_msg("%s", damaged[i]);
    }
    // Begins as one, and only its library can tell.
    assert_int_equal(nh_password_text_verify("$argon2id$nonsense", span("ann")), NH_ERR_DENIED);
}

static void test_made(void **state)
{
    (void)state;
    static const enum nh_password_form forms[] = {NH_PASSWORD_ARGON2ID, NH_PASSWORD_SCRAM,
                                                  NH_PASSWORD_PBKDF2};
    for (size_t i = 0; i < NH_ARRAY_LEN(forms); i++) {
        char text[NH_PASSWORD_TEXT_MAX_BYTES], again[NH_PASSWORD_TEXT_MAX_BYTES];
        assert_int_equal(nh_password_text_make(forms[i], span("correct horse"), text), NH_OK);
        assert_int_equal(nh_password_text_make(forms[i], span("correct horse"), again), NH_OK);
        assert_string_not_equal(text, again); // each has a salt of its own
        assert_int_equal(nh_password_form_of(text), forms[i]);
        assert_int_equal(nh_password_text_verify(text, span("correct horse")), NH_OK);
        assert_int_equal(nh_password_text_verify(text, span("correct hors")), NH_ERR_DENIED);
    }
    char text[NH_PASSWORD_TEXT_MAX_BYTES];
    assert_int_equal(nh_password_text_make(NH_PASSWORD_SHA512, span("x"), text), NH_ERR_INVAL);
}

// ---- users --------------------------------------------------------------------------------------

static int add(const char *name, const char *text)
{
    const struct nh_user user = {.name = name, .password_text = text, .client_id_prefix = ""};
    return nh_users_add(users, &user);
}

static void test_users(void **state)
{
    (void)state;
    char longest[200];
    begin();
    assert_null(nh_users_any(users));
    assert_int_equal(add("ann", ANN), NH_OK);
    assert_int_equal(add("ann", OLD), NH_ERR_EXISTS);
    assert_int_equal(add("", OLD), NH_ERR_INVAL);
    assert_int_equal(add("a\nb", OLD), NH_ERR_INVAL);
    assert_int_equal(add("\xff", OLD), NH_ERR_INVAL);
    assert_int_equal(add("bob", "plain"), NH_ERR_SYNTAX);
    snprintf(longest, sizeof longest, "%0129d", 1);
    assert_int_equal(add(longest, OLD), NH_ERR_TOO_LONG);
    longest[128] = '\0';
    assert_int_equal(add(longest, OLD), NH_OK);
    assert_int_equal(nh_users_count(users), 2);
    const struct nh_user *ann = nh_users_find(users, span("ann"));
    assert_string_equal(ann->password_text, ANN);
    assert_int_not_equal(ann->stamp, nh_users_find(users, span(longest))->stamp);
    assert_null(nh_users_find(users, span("an")));
    assert_null(nh_users_find(users, span("anna")));
    assert_null(nh_users_find(users, (nh_span_t){NULL, 0}));
    assert_non_null(nh_users_any(users));
    end();
}

static void test_many(void **state)
{
    (void)state;
    char name[16];
    begin();
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "u%d", i);
        assert_int_equal(add(name, OLD), NH_OK);
    }
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "u%d", i);
        assert_string_equal(nh_users_find(users, span(name))->name, name);
    }
    end();
}

static const struct {
    const char *line, *fault; // "": none
    bool is_added;
} lines[] = {
    {"", "", false},
    {"# a comment", "", false},
    {"ann:" ANN, "", true},
    {"bob:" OLD "\r", "", true},
    {"carl:" PENCIL, "", true},
    {"d with blanks:" OLD, "", true},
    {"ann:" OLD, "this user stands here twice", false},
    {"eve", "a line is NAME:HASH", false},
    {":" OLD, "the name is empty, not UTF-8, or has a control character", false},
    {"eve:secret",
     "behind the colon stands no hash; make one with nuthatch passwd or mosquitto_passwd", false},
    {"eve:", "behind the colon stands no hash; make one with nuthatch passwd or mosquitto_passwd",
     false},
};

static void test_lines(void **state)
{
    (void)state;
    const char *fault;
    char longest[600];
    begin();
    for (size_t i = 0; i < NH_ARRAY_LEN(lines); i++) {
        uint32_t before = nh_users_count(users);
        assert_int_equal(nh_users_add_line(users, span(lines[i].line), (uint32_t)i, &fault), NH_OK);
        if (strcmp(fault ? fault : "", lines[i].fault) != 0)
            fail_msg("%s: %s", lines[i].line, fault ? fault : "no fault");
        assert_int_equal(nh_users_count(users), before + lines[i].is_added);
    }
    assert_int_equal(nh_users_find(users, span("bob"))->line, 3);
    memset(longest, 'x', sizeof longest);
    nh_span_t line = {(const uint8_t *)longest, sizeof longest};
    assert_int_equal(nh_users_add_line(users, line, 1, &fault), NH_OK);
    assert_string_equal(fault, "the name or the hash is too long");
    line = (nh_span_t){(const uint8_t *)"a\0b:x", 5};
    assert_int_equal(nh_users_add_line(users, line, 1, &fault), NH_OK);
    assert_string_equal(fault, "a line is NAME:HASH");
    end();
}

static void test_no_memory(void **state)
{
    (void)state;
    for (uint32_t nth = 1;; nth++) {
        mem_fixture_init(&fix, NULL);
        mem_fixture_fail_nth(&fix, nth);
        int rc = nh_users_create(fix.mem, 1, &users);
        for (int i = 0; rc == NH_OK && i < 40; i++) {
            char name[16];
            snprintf(name, sizeof name, "u%d", i);
            rc = add(name, OLD);
        }
        nh_mem_fault_set(fix.sys, NULL);
        if (rc < 0)
            assert_int_equal(rc, NH_ERR_NOMEM);
        if (users)
            assert_int_equal(add("after", ANN), NH_OK);
        end();
        if (rc == NH_OK && nth > 1)
            return;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored),    cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_made),      cmocka_unit_test(test_users),
        cmocka_unit_test(test_many),      cmocka_unit_test(test_lines),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
