#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/text.h"

static nh_span_t span(const char *s)
{
    return (nh_span_t){(const uint8_t *)s, strlen(s)};
}

static void expect_span(const char *name, bool found, nh_span_t got, const char *want)
{
    if (!want) {
        if (found)
            fail_msg("%s: found '%.*s'", name, (int)got.len, (const char *)got.ptr);
        return;
    }
    if (!found || got.len != strlen(want) || memcmp(got.ptr, want, got.len) != 0)
        fail_msg("%s: '%.*s', not '%s'", name, found ? (int)got.len : 4,
                 found ? (const char *)got.ptr : "none", want);
}

static void test_percent_decode(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
        bool plus;
        int err;
    } rows[] = {
        {"plain", "plain", false, 0},
        {"a%20b", "a b", false, 0},
        {"a+b", "a+b", false, 0},
        {"a+b%2B", "a b+", true, 0},
        {"%c3%B6", "\xc3\xb6", false, 0},
        {"", "", false, 0},
        {"%", NULL, false, NH_ERR_SYNTAX},
        {"%4", NULL, false, NH_ERR_SYNTAX},
        {"%4g", NULL, false, NH_ERR_SYNTAX},
        {"a%00b", NULL, false, NH_ERR_SYNTAX},
        {"123456789", NULL, false, NH_ERR_TOO_LONG},
        {"%41%41%41%41%41%41%41", "AAAAAAA", false, 0},
        {"12345678", NULL, false, NH_ERR_TOO_LONG},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        char out[8];
        int n = nh_http_percent_decode(span(rows[i].in), rows[i].plus, out, sizeof out);
        if (rows[i].err ? n != rows[i].err
                        : n != (int)strlen(rows[i].out) || strcmp(out, rows[i].out) != 0)
            fail_msg("'%s': %d", rows[i].in, n);
    }
}

static void test_query(void **state)
{
    (void)state;
    static const struct {
        const char *query, *name, *value;
    } rows[] = {
        {"a=1&b=2", "a", "1"},  {"a=1&b=2", "b", "2"},
        {"a=1&b=2", "c", NULL}, {"ab=1", "a", NULL},
        {"a", "a", ""},         {"a=", "a", ""},
        {"a&b=2", "b", "2"},    {"&&a=1&&", "a", "1"},
        {"", "a", NULL},        {"a=1=2", "a", "1=2"},
        {"%61=1", "a", "1"},    {"a=1&a=2", "a", "1"},
        {"a%=1&b=2", "b", "2"}, {"path=x/y", "path", "x/y"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_span_t value = {NULL, 0};
        bool found = nh_http_query_find(rows[i].query, rows[i].name, &value);
        expect_span(rows[i].query, found, value, rows[i].value);
    }
    nh_span_t value;
    assert_false(nh_http_query_find(NULL, "a", &value));
}

static void test_cookie(void **state)
{
    (void)state;
    static const struct {
        const char *header, *value;
    } rows[] = {
        {"s=1", "1"},     {"a=2; s=1", "1"},  {"s=1; a=2", "1"}, {"xs=1", NULL},
        {"s", NULL},      {"s=", ""},         {"a=s=1", NULL},   {"s=\"q\"", "q"},
        {"a=1;s=3", "3"}, {";;; s=4 ;", "4"}, {"", NULL},        {"S=1", NULL},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_span_t value = {NULL, 0};
        bool found = nh_http_cookie_find(rows[i].header, "s", &value);
        expect_span(rows[i].header, found, value, rows[i].value);
    }
}

static void test_basic(void **state)
{
    (void)state;
    static const struct {
        const char *header, *user, *password;
        int err;
    } rows[] = {
        {"Basic YWRtaW46cHc=", "admin", "pw", 0},
        {"basic  YWRtaW46cHc=", "admin", "pw", 0},
        {"Basic YWRtaW46cHc= ", "admin", "pw", 0},
        {"Basic YTo=", "a", "", 0},
        {"Basic Ojpi", "", ":b", 0},
        {"Basic YWRtaW4=", NULL, NULL, NH_ERR_SYNTAX}, // no colon
        {"Basic YQA6Yg==", NULL, NULL, NH_ERR_SYNTAX}, // a NUL
        {"Basic YWRtaW46cHc= x", NULL, NULL, NH_ERR_SYNTAX},
        {"Basic !!!!", NULL, NULL, NH_ERR_SYNTAX},
        {"Bearer YWRtaW46cHc=", NULL, NULL, NH_ERR_SYNTAX},
        {"Basic", NULL, NULL, NH_ERR_SYNTAX},
        {"Bas", NULL, NULL, NH_ERR_SYNTAX},
        {"", NULL, NULL, NH_ERR_SYNTAX},
        {"Basic YWRtaW46bG9uZ2xvbmdsb25n", NULL, NULL, NH_ERR_TOO_LONG},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        char out[16];
        int n = nh_http_basic_decode(rows[i].header, out, sizeof out);
        if (rows[i].err
                ? n != rows[i].err
                : n < 0 || strcmp(out, rows[i].user) != 0 || strcmp(out + n, rows[i].password) != 0)
            fail_msg("'%s': %d", rows[i].header, n);
    }
    char out[4];
    assert_int_equal(nh_http_basic_decode(NULL, out, sizeof out), NH_ERR_SYNTAX);
}

static void test_etag(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool match;
    } rows[] = {
        {"\"a\"", true},         {"\"b\"", false}, {"\"b\", \"a\"", true},
        {"W/\"a\"", true},       {"*", true},      {"", false},
        {"\"aa\"", false},       {"a", false},     {"\"b\" , \"a\" ", true},
        {"\"b\",W/\"a\"", true},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (nh_http_etag_matches(rows[i].header, "\"a\"") != rows[i].match)
            fail_msg("%s", rows[i].header);
    assert_false(nh_http_etag_matches(NULL, "\"a\""));
}

static void test_accepts(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool accepted;
    } rows[] = {
        {"gzip", true},
        {"deflate, gzip;q=1.0, *;q=0.5", true},
        {"gzip;q=0", false},
        {"gzip; q=0.000", false},
        {"gzip;q=0.1", true},
        {"br", false},
        {"*", true},
        {"*;q=0", false},
        {"gzip;q=0, *", false},
        {"GZIP", true},
        {"identity", false},
        {"", false},
        {"xgzip", false},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (nh_http_accepts(rows[i].header, "gzip") != rows[i].accepted)
            fail_msg("%s", rows[i].header);
    assert_false(nh_http_accepts(NULL, "gzip"));
}

static void test_host_split(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *port;
    } rows[] = {
        {"hub", "hub", ""},
        {"hub:80", "hub", "80"},
        {"127.0.0.1:8080", "127.0.0.1", "8080"},
        {"[::1]", "::1", ""},
        {"[fe80::1]:8443", "fe80::1", "8443"},
        {"hub.local", "hub.local", ""},
        {"", NULL, NULL},
        {":80", NULL, NULL},
        {"hub:8a", NULL, NULL},
        {"hub:123456", NULL, NULL},
        {"[::1", NULL, NULL},
        {"[]", NULL, NULL},
        {"::1", NULL, NULL},
        {"a b", NULL, NULL},
        {"user@hub", NULL, NULL},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_span_t host, port;
        bool ok = nh_http_host_split(rows[i].text, &host, &port);
        expect_span(rows[i].text, ok, host, rows[i].host);
        expect_span(rows[i].text, ok, port, rows[i].port);
    }
}

static void test_origin(void **state)
{
    (void)state;
    static const struct {
        const char *origin, *host;
        bool same;
    } rows[] = {
        {"http://hub:8080", "hub:8080", true},
        {"http://hub", "hub", true},
        {"http://hub", "hub:80", true},
        {"https://hub", "hub:443", true},
        {"https://hub:8443", "hub:8443", true},
        {"http://HUB", "hub", true},
        {"http://[::1]:8080", "[::1]:8080", true},
        {"http://hub:8081", "hub:8080", false},
        {"http://hub.evil", "hub", false},
        {"http://evil", "hub", false},
        {"https://hub", "hub:80", false},
        {"null", "hub", false},
        {"", "hub", false},
        {"ftp://hub", "hub", false},
        {"http://hub/", "hub", false},
        {"http://hub", NULL, false},
        {NULL, "hub", false},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (nh_http_origin_is_host(rows[i].origin, rows[i].host) != rows[i].same)
            fail_msg("%s at %s", rows[i].origin, rows[i].host);
}

static void test_referer_is_host(void **state)
{
    (void)state;
    char long_host[400];
    memset(long_host, 'a', sizeof long_host - 1);
    long_host[sizeof long_host - 1] = '\0';
    memcpy(long_host, "http://", 7);
    const struct {
        const char *referer, *host;
        bool same;
    } rows[] = {
        {"http://hub/", "hub", true},
        {"http://hub:8080/#/home?x=1", "hub:8080", true},
        {"https://hub/a/b", "hub:443", true},
        {"http://hub?x", "hub", true},
        {"http://hub", "hub", true},
        {"http://[::1]:8080/a", "[::1]:8080", true},
        {"http://hub:8080/", "hub", false},
        {"http://evil/http://hub/", "hub", false},
        {"http://hub@evil/", "hub", false},
        {"http://hub.evil/", "hub", false},
        {"about:blank", "hub", false},
        {"ftp://hub/", "hub", false},
        {"://", "hub", false},
        {"", "hub", false},
        {NULL, "hub", false},
        {"http://hub/", NULL, false},
        {long_host, "hub", false},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (nh_http_referer_is_host(rows[i].referer, rows[i].host) != rows[i].same)
            fail_msg("%s at %s", rows[i].referer, rows[i].host);
}

static void test_host_is_literal(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool literal;
    } rows[] = {
        {"127.0.0.1", true},
        {"192.168.1.7", true},
        {"::1", true},
        {"fe80::1", true},
        {"localhost", true},
        {"LocalHost", true},
        {"hub.localhost", true},
        {"evil.com", false},
        {"127.0.0.1.evil.com", false},
        {"localhost.evil", false},
        {"notlocalhost", false},
        {"hub", false},
        {"", false},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (nh_http_host_is_literal(span(rows[i].host)) != rows[i].literal)
            fail_msg("%s", rows[i].host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percent_decode),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_cookie),
        cmocka_unit_test(test_basic),
        cmocka_unit_test(test_etag),
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_host_split),
        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_referer_is_host),
        cmocka_unit_test(test_host_is_literal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
