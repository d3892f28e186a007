// SCRAM-SHA-256: the exchange of RFC 7677, both sides against each other, and every way in which a
// message can be wrong. Host only: the hashes are the port's.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/base64.h"
#include "mqtt/scram.h"
#include "support/rng.h"

#include <stdio.h>
#include <string.h>

static const struct nh_scram_crypto crypto = {nh_hash_parts, nh_hmac_parts, nh_pbkdf2, nh_wipe};

static nh_span_t span(const char *s)
{
    return (nh_span_t){(const uint8_t *)s, strlen(s)};
}

static void assert_text(nh_span_t s, const char *text)
{
    char copy[600];
    assert_in_range(s.len, 0, sizeof copy - 1);
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    assert_string_equal(copy, text);
}

// ---- RFC 7677, section 3 ------------------------------------------------------------------------

#define FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define NONCE "rOprNGfwEbeRWgbNEkqO" SERVER_NONCE
#define CHALLENGE "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define FINAL "c=biws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define VERIFIED "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static const uint8_t salt[] = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
                               0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81};

static struct nh_scram_secret pencil(void)
{
    struct nh_scram_secret s;
    assert_int_equal(
        nh_scram_secret_make(&crypto, span("pencil"), (nh_span_t){salt, sizeof salt}, 4096, &s),
        NH_OK);
    return s;
}

static void test_rfc_server(void **state)
{
    (void)state;
    struct nh_scram_server s;
    struct nh_scram_secret secret = pencil();
    char last[NH_SCRAM_FINAL_MAX_BYTES];
    nh_span_t out;
    assert_int_equal(nh_scram_server_begin(&s, &crypto, span(FIRST)), NH_OK);
    assert_string_equal(s.user, "user");
    assert_int_equal(nh_scram_server_challenge(&s, &secret, span(SERVER_NONCE), &out), NH_OK);
    assert_text(out, CHALLENGE);
    assert_int_equal(nh_scram_server_finish(&s, span(FINAL), last), NH_OK);
    assert_string_equal(last, VERIFIED);
}

static void test_rfc_client(void **state)
{
    (void)state;
    struct nh_scram_client c;
    nh_span_t out;
    assert_int_equal(
        nh_scram_client_begin(&c, &crypto, span("user"), span("rOprNGfwEbeRWgbNEkqO"), &out),
        NH_OK);
    assert_text(out, FIRST);
    assert_int_equal(nh_scram_client_finish(&c, span("pencil"), span(CHALLENGE), &out), NH_OK);
    assert_text(out, FINAL);
    assert_int_equal(nh_scram_client_verify(&c, span(VERIFIED)), NH_OK);
}

// ---- secrets ------------------------------------------------------------------------------------

static void test_secret_as_text(void **state)
{
    (void)state;
    char text[NH_SCRAM_SECRET_MAX_BYTES];
    struct nh_scram_secret s = pencil(), again;
    nh_scram_secret_text(&s, text);
    // As PostgreSQL writes it.
    assert_string_equal(text, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
                              "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                              "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
    assert_int_equal(nh_scram_secret_parse(span(text), &again), NH_OK);
    assert_memory_equal(&s, &again, sizeof s);
    assert_int_equal(nh_scram_secret_verify(&crypto, &s, span("pencil")), NH_OK);
    assert_int_equal(nh_scram_secret_verify(&crypto, &s, span("pencils")), NH_ERR_DENIED);
    assert_int_equal(nh_scram_secret_verify(&crypto, &s, span("")), NH_ERR_DENIED);
    assert_int_equal(nh_scram_secret_make(&crypto, span("x"), (nh_span_t){salt, 0}, 4096, &again),
                     NH_ERR_RANGE);
    assert_int_equal(nh_scram_secret_make(&crypto, span("x"), (nh_span_t){salt, 16}, 0, &again),
                     NH_ERR_RANGE);
}

static const struct {
    const char *text;
    int rc;
} bad_secrets[] = {
    {"", NH_ERR_SYNTAX},
    {"SCRAM-SHA-256", NH_ERR_SYNTAX},
    {"SCRAM-SHA-1$4096:W22ZaJ0SNY7soEsUEjb6gQ==$a:b", NH_ERR_SYNTAX},
    {"SCRAM-SHA-256$:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     NH_ERR_SYNTAX},
    {"SCRAM-SHA-256$04096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     NH_ERR_SYNTAX},
    {"SCRAM-SHA-256$99999999999:W22ZaJ0SNY7soEsUEjb6gQ==$"
     "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     NH_ERR_SYNTAX},
    {"SCRAM-SHA-256$10000001:W22ZaJ0SNY7soEsUEjb6gQ==$"
     "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     NH_ERR_RANGE},
    {"SCRAM-SHA-256$4096:$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     NH_ERR_SYNTAX},
    {"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
     NH_ERR_SYNTAX},
    {"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT:"
     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     NH_ERR_SYNTAX},
};

static void test_bad_secrets(void **state)
{
    (void)state;
    struct nh_scram_secret s;
    for (size_t i = 0; i < NH_ARRAY_LEN(bad_secrets); i++)
        if (nh_scram_secret_parse(span(bad_secrets[i].text), &s) != bad_secrets[i].rc)
            fail_msg("row %u: %s", (unsigned)i, bad_secrets[i].text);
}

// Who is not there is challenged like the others, each time in the same way, and is never right.
static void test_nobody(void **state)
{
    (void)state;
    struct nh_scram_secret a, b, c;
    nh_span_t key = span("a key of the process");
    assert_int_equal(nh_scram_secret_fake(&crypto, key, span("nobody"), 4096, &a), NH_OK);
    assert_int_equal(nh_scram_secret_fake(&crypto, key, span("nobody"), 4096, &b), NH_OK);
    assert_int_equal(nh_scram_secret_fake(&crypto, key, span("nobodi"), 4096, &c), NH_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_memory_not_equal(a.salt, c.salt, NH_SCRAM_SALT_BYTES);
    assert_int_equal(a.salt_len, NH_SCRAM_SALT_BYTES);
    assert_int_equal(nh_scram_secret_verify(&crypto, &a, span("")), NH_ERR_DENIED);
    assert_int_equal(nh_scram_secret_verify(&crypto, &a, span("nobody")), NH_ERR_DENIED);
}

// ---- wrong messages -----------------------------------------------------------------------------

static const struct {
    const char *name, *text;
    int rc;
} firsts[] = {
    {"right", FIRST, NH_OK},
    {"may bind", "y,,n=user,r=x", NH_OK},
    {"an extension behind", "n,,n=user,r=x,q=1", NH_OK},
    {"escaped", "n,,n=a=2Cb=3Dc,r=x", NH_OK},
    {"empty", "", NH_ERR_SYNTAX},
    {"one letter", "n", NH_ERR_SYNTAX},
    {"binds", "p=tls-unique,,n=user,r=x", NH_ERR_UNSUPPORTED},
    {"for another", "n,a=root,n=user,r=x", NH_ERR_UNSUPPORTED},
    {"must extension", "n,,m=1,n=user,r=x", NH_ERR_UNSUPPORTED},
    {"other head", "x,,n=user,r=x", NH_ERR_SYNTAX},
    {"other second", "n,b=1,n=user,r=x", NH_ERR_SYNTAX},
    {"no user", "n,,r=x", NH_ERR_SYNTAX},
    {"empty user", "n,,n=,r=x", NH_ERR_SYNTAX},
    {"user not UTF-8", "n,,n=\xff,r=x", NH_ERR_SYNTAX},
    {"bad escape", "n,,n=a=2Db,r=x", NH_ERR_SYNTAX},
    {"cut escape", "n,,n=a=2,r=x", NH_ERR_SYNTAX},
    {"no nonce", "n,,n=user", NH_ERR_SYNTAX},
    {"empty nonce", "n,,n=user,r=", NH_ERR_SYNTAX},
    {"blank in nonce", "n,,n=user,r=a b", NH_ERR_SYNTAX},
    {"order", "n,,r=x,n=user", NH_ERR_SYNTAX},
};

static void test_first_message(void **state)
{
    (void)state;
    struct nh_scram_server s;
    char longest[600], nonce[200];
    for (size_t i = 0; i < NH_ARRAY_LEN(firsts); i++)
        if (nh_scram_server_begin(&s, &crypto, span(firsts[i].text)) != firsts[i].rc)
            fail_msg("%s", firsts[i].name);
    assert_int_equal(nh_scram_server_begin(&s, &crypto, span(firsts[3].text)), NH_OK);
    assert_string_equal(s.user, "a,b=c");
    snprintf(longest, sizeof longest, "n,,n=%0257d,r=x", 1);
    assert_int_equal(nh_scram_server_begin(&s, &crypto, span(longest)), NH_ERR_TOO_LONG);
    snprintf(longest, sizeof longest, "n,,n=%0256d,r=x", 1);
    assert_int_equal(nh_scram_server_begin(&s, &crypto, span(longest)), NH_OK);
    snprintf(nonce, sizeof nonce, "n,,n=u,r=%0129d", 1);
    assert_int_equal(nh_scram_server_begin(&s, &crypto, span(nonce)), NH_ERR_TOO_LONG);
    snprintf(longest, sizeof longest, "n,,n=u,r=x,q=%0510d", 1);
    assert_int_equal(nh_scram_server_begin(&s, &crypto, span(longest)), NH_ERR_TOO_LONG);
}

static const struct {
    const char *name, *text;
    int rc;
} finals[] = {
    {"right", FINAL, NH_OK},
    {"empty", "", NH_ERR_SYNTAX},
    {"another proof",
     "c=biws,r=" NONCE ",p=eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", NH_ERR_DENIED},
    {"short proof", "c=biws,r=" NONCE ",p=dHzb", NH_ERR_SYNTAX},
    {"no proof", "c=biws,r=" NONCE, NH_ERR_SYNTAX},
    {"behind the proof", FINAL ",q=1", NH_ERR_SYNTAX},
    // Signed over: an extension that was not there when the proof was made.
    {"extension",
     "c=biws,r=" NONCE ",q=1,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", NH_ERR_DENIED},
    {"other binding",
     "c=eSws,r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", NH_ERR_DENIED},
    {"own nonce alone",
     "c=biws,r=rOprNGfwEbeRWgbNEkqO,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", NH_ERR_DENIED},
    {"no binding", "r=" NONCE ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", NH_ERR_SYNTAX},
};

static void test_last_message(void **state)
{
    (void)state;
    struct nh_scram_secret secret = pencil();
    for (size_t i = 0; i < NH_ARRAY_LEN(finals); i++) {
        struct nh_scram_server s;
        char last[NH_SCRAM_FINAL_MAX_BYTES];
        nh_span_t out;
        assert_int_equal(nh_scram_server_begin(&s, &crypto, span(FIRST)), NH_OK);
        assert_int_equal(nh_scram_server_challenge(&s, &secret, span(SERVER_NONCE), &out), NH_OK);
        if (nh_scram_server_finish(&s, span(finals[i].text), last) != finals[i].rc)
            fail_msg("%s", finals[i].name);
        assert_int_equal(last[0] != 0, finals[i].rc == NH_OK);
    }
}

// The proof over `without_proof` of who knows the password, behind it.
static void sign_final(const char *without_proof, char *out, size_t cap)
{
    uint8_t salted[NH_SHA256_BYTES], key[NH_SHA256_BYTES], signature[NH_SHA256_BYTES];
    struct nh_scram_secret secret = pencil();
    const nh_span_t name = span("Client Key");
    const nh_span_t all[] = {span("n=user,r=rOprNGfwEbeRWgbNEkqO," CHALLENGE ","),
                             span(without_proof)};
    nh_span_t salt_span = {salt, sizeof salt}, salted_span = {salted, sizeof salted},
              stored = {secret.stored_key, sizeof secret.stored_key};
    assert_int_equal(nh_pbkdf2(NH_SHA256, span("pencil"), salt_span, 4096, salted), NH_OK);
    assert_int_equal(nh_hmac_parts(NH_SHA256, salted_span, &name, 1, key), NH_OK);
    assert_int_equal(nh_hmac_parts(NH_SHA256, stored, all, 2, signature), NH_OK);
    for (size_t i = 0; i < sizeof key; i++)
        key[i] ^= signature[i];
    int n = snprintf(out, cap, "%s,p=", without_proof);
    assert_true(nh_base64_encode(key, sizeof key, out + n, cap - (size_t)n) > 0);
}

static const struct {
    const char *name, *text;
    int rc;
} signed_finals[] = {
    {"right", "c=biws,r=" NONCE, NH_OK},
    {"an extension", "c=biws,r=" NONCE ",q=1", NH_OK},
    {"other binding", "c=eSws,r=" NONCE, NH_ERR_DENIED},
    {"no binding", "c=,r=" NONCE, NH_ERR_DENIED},
    {"own nonce alone", "c=biws,r=rOprNGfwEbeRWgbNEkqO", NH_ERR_DENIED},
    {"more nonce", "c=biws,r=" NONCE "0", NH_ERR_DENIED},
};

// The proof is right for what it says; what it says is not.
static void test_signed_last_message(void **state)
{
    (void)state;
    struct nh_scram_secret secret = pencil();
    for (size_t i = 0; i < NH_ARRAY_LEN(signed_finals); i++) {
        struct nh_scram_server s;
        char text[300], last[NH_SCRAM_FINAL_MAX_BYTES];
        nh_span_t out;
        sign_final(signed_finals[i].text, text, sizeof text);
        assert_int_equal(nh_scram_server_begin(&s, &crypto, span(FIRST)), NH_OK);
        assert_int_equal(nh_scram_server_challenge(&s, &secret, span(SERVER_NONCE), &out), NH_OK);
        if (nh_scram_server_finish(&s, span(text), last) != signed_finals[i].rc)
            fail_msg("%s", signed_finals[i].name);
    }
}

static const struct {
    const char *name, *text;
    int rc;
} challenges[] = {
    {"right", CHALLENGE, NH_OK},
    {"an extension behind", CHALLENGE ",q=1", NH_OK},
    {"empty", "", NH_ERR_SYNTAX},
    {"only our nonce", "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", NH_ERR_DENIED},
    {"another's nonce", "r=xOprNGfwEbeRWgbNEkqO111,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
     NH_ERR_DENIED},
    {"few iterations", "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095", NH_ERR_RANGE},
    {"many iterations", "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=10000001", NH_ERR_RANGE},
    {"bad iterations", "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4o96", NH_ERR_SYNTAX},
    {"bad salt", "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ=,i=4096", NH_ERR_SYNTAX},
    {"no salt", "r=" NONCE ",s=,i=4096", NH_ERR_SYNTAX},
    {"must extension", "m=1,r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", NH_ERR_SYNTAX},
};

static void test_challenge(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(challenges); i++) {
        struct nh_scram_client c;
        nh_span_t out;
        assert_int_equal(
            nh_scram_client_begin(&c, &crypto, span("user"), span("rOprNGfwEbeRWgbNEkqO"), &out),
            NH_OK);
        if (nh_scram_client_finish(&c, span("pencil"), span(challenges[i].text), &out) !=
            challenges[i].rc)
            fail_msg("%s", challenges[i].name);
    }
}

static void test_client_is_not_fooled(void **state)
{
    (void)state;
    struct nh_scram_client c;
    nh_span_t out;
    char longest[300];
    assert_int_equal(
        nh_scram_client_begin(&c, &crypto, span("user"), span("rOprNGfwEbeRWgbNEkqO"), &out),
        NH_OK);
    assert_int_equal(nh_scram_client_finish(&c, span("pencil"), span(CHALLENGE), &out), NH_OK);
    assert_int_equal(nh_scram_client_verify(&c, span("e=invalid-proof")), NH_ERR_DENIED);
    assert_int_equal(nh_scram_client_verify(&c, span("")), NH_ERR_SYNTAX);
    assert_int_equal(
        nh_scram_client_verify(&c, span("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")),
        NH_ERR_DENIED);
    assert_int_equal(nh_scram_client_begin(&c, &crypto, span(""), span("x"), &out), NH_ERR_INVAL);
    assert_int_equal(nh_scram_client_begin(&c, &crypto, span("u"), span("x,y"), &out),
                     NH_ERR_INVAL);
    snprintf(longest, sizeof longest, "%0257d", 1);
    assert_int_equal(nh_scram_client_begin(&c, &crypto, span(longest), span("x"), &out),
                     NH_ERR_TOO_LONG);
    memset(longest, ',', 256); // three bytes each
    longest[256] = '\0';
    assert_int_equal(nh_scram_client_begin(&c, &crypto, span(longest), span("x"), &out),
                     NH_ERR_TOO_LONG);
}

// ---- one against the other ----------------------------------------------------------------------

static void random_text(struct rng *r, char *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (char)('!' + rng_below(r, 94));
    out[len] = '\0';
}

static bool talk(struct rng *r, bool knows)
{
    char user[40], password[40], nonce[2][60], last[NH_SCRAM_FINAL_MAX_BYTES];
    uint8_t bytes[NH_SCRAM_SALT_MAX_BYTES];
    size_t salt_len = 1 + rng_below(r, sizeof bytes);
    struct nh_scram_secret secret;
    struct nh_scram_server s;
    struct nh_scram_client c;
    nh_span_t first, challenge, final;
    random_text(r, user, 1 + rng_below(r, 30));
    random_text(r, password, rng_below(r, 30));
    rng_bytes(r, bytes, sizeof bytes);
    for (int i = 0; i < 2; i++) {
        random_text(r, nonce[i], 1 + rng_below(r, 50));
        for (char *p = nonce[i]; *p; p++)
            *p = *p == ',' ? '+' : *p;
    }
    nh_span_t salt_span = {bytes, salt_len};
    assert_int_equal(
        nh_scram_secret_make(&crypto, span(knows ? password : "other"), salt_span, 4096, &secret),
        NH_OK);
    assert_int_equal(nh_scram_client_begin(&c, &crypto, span(user), span(nonce[0]), &first), NH_OK);
    assert_int_equal(nh_scram_server_begin(&s, &crypto, first), NH_OK);
    assert_string_equal(s.user, user);
    assert_int_equal(nh_scram_server_challenge(&s, &secret, span(nonce[1]), &challenge), NH_OK);
    assert_int_equal(nh_scram_client_finish(&c, span(password), challenge, &final), NH_OK);
    int rc = nh_scram_server_finish(&s, final, last);
    if (rc == NH_OK)
        assert_int_equal(nh_scram_client_verify(&c, span(last)), NH_OK);
    return rc == NH_OK;
}

static void test_both_sides(void **state)
{
    (void)state;
    struct rng r = {7677};
    for (int i = 0; i < 20; i++)
        assert_int_equal(talk(&r, i & 1), i & 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_server),     cmocka_unit_test(test_rfc_client),
        cmocka_unit_test(test_secret_as_text), cmocka_unit_test(test_bad_secrets),
        cmocka_unit_test(test_nobody),         cmocka_unit_test(test_first_message),
        cmocka_unit_test(test_last_message),   cmocka_unit_test(test_signed_last_message),
        cmocka_unit_test(test_challenge),      cmocka_unit_test(test_client_is_not_fooled),
        cmocka_unit_test(test_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
