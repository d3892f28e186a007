#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/url.h"

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host, *target;
        uint16_t port;
        bool is_tls, is_default, is_v6;
    } rows[] = {
        {"http://a", "a", "", 80, false, true, false},
        {"http://a/", "a", "/", 80, false, true, false},
        {"http://a:", "a", "", 80, false, true, false},
        {"http://a:80/x", "a", "/x", 80, false, true, false},
        {"http://192.168.1.7:8080/api?x=1&y", "192.168.1.7", "/api?x=1&y", 8080, false, false,
         false},
        {"HTTPS://Hub.Example/a%20b", "Hub.Example", "/a%20b", 443, true, true, false},
        {"https://a:80", "a", "", 80, true, false, false},
        {"http://a?x", "a", "?x", 80, false, true, false},
        {"http://a/b#c", "a", "/b", 80, false, true, false},
        {"http://a#c", "a", "", 80, false, true, false},
        {"http://[::1]:65535/", "::1", "/", 65535, false, false, true},
        {"http://[2001:db8::1]", "2001:db8::1", "", 80, false, true, true},
        {"http://a/http://b@c", "a", "/http://b@c", 80, false, true, false},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_http_url url;
        assert_int_equal(nh_http_url_parse(rows[i].text, &url), NH_OK);
        assert_string_equal(url.host, rows[i].host);
        assert_int_equal(url.target.len, strlen(rows[i].target));
        assert_memory_equal(url.target.ptr, rows[i].target, url.target.len);
        assert_int_equal(url.port, rows[i].port);
        assert_int_equal(url.is_tls, rows[i].is_tls);
        assert_int_equal(url.is_default_port, rows[i].is_default);
        assert_int_equal(url.is_v6, rows[i].is_v6);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "a",
        "ftp://a",
        "http:/a",
        "http://",
        "http:///x",
        "http://a b",
        "http://a/\n",
        "http://a/\x7f",
        "http://a/\xc3\xa9",
        "http://u@a",
        "http://a:0",
        "http://a:65536",
        "http://a:123456",
        "http://a:x",
        "http://[::1",
        "http://[x]/",
        "http://a\\b/",
        "http://:80/",
        "http:// a",
        "httpx://a",
        "http://a:80:",
        "http://a:1@b",
        "//a",
    };
    struct nh_http_url url;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (nh_http_url_parse(rows[i], &url) != NH_ERR_SYNTAX)
            fail_msg("%s: %d", rows[i], nh_http_url_parse(rows[i], &url));
}

static void test_the_longest_host(void **state)
{
    (void)state;
    char text[400];
    struct nh_http_url url;
    memset(text, 'a', sizeof text);
    memcpy(text, "http://", 7);
    text[7 + 253] = 0;
    assert_int_equal(nh_http_url_parse(text, &url), NH_OK);
    assert_int_equal(strlen(url.host), 253);
    text[7 + 253] = 'a';
    text[7 + 254] = 0;
    assert_int_equal(nh_http_url_parse(text, &url), NH_ERR_TOO_LONG);
    text[7 + 254] = 'a';
    text[7 + 300] = 0;
    assert_int_equal(nh_http_url_parse(text, &url), NH_ERR_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_the_longest_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
