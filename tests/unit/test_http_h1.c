// Not PORTABLE: the parser belongs to the Linux port (dates by its C library).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/linux/http/h1.h"

// A copy of exact size, so that the sanitizers see one byte too far.
static char *copy(const char *text, size_t len)
{
    char *buf = malloc(len);
    memcpy(buf, text, len);
    return buf;
}

static int parse(const char *text, struct nh_h1_head *head, char **buf)
{
    size_t len = strlen(text);
    *buf = copy(text, len);
    return nh_h1_parse(*buf, len, head);
}

#define HOST "Host: h\r\n"

static void test_statuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", 0},
        {"GET / HTTP/1.0\r\n\r\n", 0},
        {"BREW / HTTP/1.1\r\n" HOST "\r\n", 0},
        {"GET http://h/ HTTP/1.1\r\n" HOST "\r\n", 0},
        {"GET HTTPS://H/?a HTTP/1.1\r\n" HOST "\r\n", 0},
        {"GET http://h HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET http://h?a/ HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET http://x/ HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400},
        {"GET / HTTP/1.2\r\n" HOST "\r\n", 505},
        {"GET / HTTP/2.0\r\n" HOST "\r\n", 505},
        {"GET / HTTP/1.1 \r\n" HOST "\r\n", 400},
        {"GET / HTTX/1.1\r\n" HOST "\r\n", 400},
        {"GET /\r\n" HOST "\r\n", 400},
        {" / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET  HTTP/1.1\r\n" HOST "\r\n", 400},
        {"ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GE(T / HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET x HTTP/1.1\r\n" HOST "\r\n", 400},
        {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /%2 HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /%00 HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /%0a HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /./a HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /a/.. HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /a/%2E%2e/b HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /a%2f..%2fb HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /...a/..b HTTP/1.1\r\n" HOST "\r\n", 0},
        {"GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /a?b\tc HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "A B: c\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "A : c\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST " folded\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "A\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST ": a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "A: \x7f\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "A: b\tc\xc3\xb6\r\n\r\n", 0},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", 0},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 1234567890123456\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 0},
        {"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n\r\n", 0},
        {"GET / HTTP/1.1\r\n" HOST "Expect: 200-ok\r\n\r\n", 417},
        {"\r\n\r\n", 400},
        {"\r\n", 400},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_h1_head head;
        char *buf;
        int status = parse(rows[i].text, &head, &buf);
        free(buf);
        if (status != rows[i].status)
            fail_msg("%d, not %d: %s", status, rows[i].status, rows[i].text);
    }
}

static void test_parts(void **state)
{
    (void)state;
    struct nh_h1_head head;
    char *buf;
    assert_int_equal(
        parse("PUT /a%20b/c?x=%20&y HTTP/1.1\r\nHOST: h:80\r\nX-a:\t v w \t\r\nEmpty:\r\n"
              "Content-Length: 12\r\n\r\n",
              &head, &buf),
        0);
    assert_string_equal(head.method, "PUT");
    assert_string_equal(head.path, "/a b/c");
    assert_string_equal(head.query, "x=%20&y");
    assert_string_equal(nh_h1_header(&head, "host"), "h:80");
    assert_string_equal(nh_h1_header(&head, "x-a"), "v w");
    assert_string_equal(nh_h1_header(&head, "empty"), "");
    assert_null(nh_h1_header(&head, "x-b"));
    assert_int_equal(head.content_length, 12);
    assert_int_equal(head.minor_version, 1);
    free(buf);
}

static void test_keep_alive(void **state)
{
    (void)state;
    static const struct {
        const char *version, *connection;
        bool keep;
    } rows[] = {
        {"1.1", "", true},
        {"1.1", "Connection: close\r\n", false},
        {"1.1", "Connection: x, Close\r\n", false},
        {"1.1", "Connection: closed\r\n", true},
        {"1.0", "", false},
        {"1.0", "Connection: Keep-Alive\r\n", true},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_h1_head head;
        char text[128], *buf;
        snprintf(text, sizeof text, "GET / HTTP/%s\r\n" HOST "%s\r\n", rows[i].version,
                 rows[i].connection);
        assert_int_equal(parse(text, &head, &buf), 0);
        if (head.keep_alive != rows[i].keep)
            fail_msg("%s", text);
        free(buf);
    }
}

static void test_upgrade(void **state)
{
    (void)state;
#define KEY "Sec-WebSocket-Key: 0123456789012345678901==\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"
    static const struct {
        const char *method, *fields;
        bool upgrade, bad_version;
    } rows[] = {
        {"GET", "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n" KEY V13, true, false},
        {"POST", "Upgrade: websocket\r\nConnection: Upgrade\r\n" KEY V13, false, false},
        {"GET", "Upgrade: websocket\r\n" KEY V13, false, false},
        {"GET", "Upgrade: h2c\r\nConnection: Upgrade\r\n" KEY V13, false, false},
        {"GET", "Upgrade: websocket\r\nConnection: Upgrade\r\n" KEY, false, true},
        {"GET", "Upgrade: websocket\r\nConnection: Upgrade\r\n" KEY "Sec-WebSocket-Version: 8\r\n",
         false, true},
        {"GET", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: short\r\n" V13,
         false, false},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_h1_head head;
        char text[300], *buf;
        snprintf(text, sizeof text, "%s /ws HTTP/1.1\r\n" HOST "%s\r\n", rows[i].method,
                 rows[i].fields);
        assert_int_equal(parse(text, &head, &buf), 0);
        if ((head.ws_key != NULL) != rows[i].upgrade || head.ws_bad_version != rows[i].bad_version)
            fail_msg("%s", text);
        free(buf);
    }
}

static void test_too_many_fields(void **state)
{
    (void)state;
    static char text[2048];
    for (int count = NH_H1_HEADER_MAX_COUNT - 1; count <= NH_H1_HEADER_MAX_COUNT; count++) {
        struct nh_h1_head head;
        char *buf;
        size_t len = (size_t)sprintf(text, "GET / HTTP/1.1\r\n" HOST);
        for (int i = 0; i < count; i++)
            len += (size_t)sprintf(text + len, "X%d: y\r\n", i);
        sprintf(text + len, "\r\n");
        assert_int_equal(parse(text, &head, &buf), count < NH_H1_HEADER_MAX_COUNT ? 0 : 431);
        free(buf);
    }
}

static void test_find_end(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        int end;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\nbody", 31, 27},
        {"GET / HTTP/1.1\r\nHost: h\r\n\r", 26, 0},
        {"\r\n\r\n", 4, 4},
        {"a\n", 2, NH_ERR_PROTO},
        {"\n", 1, NH_ERR_PROTO},
        {"a\r\n\n", 4, NH_ERR_PROTO},
        {"a\0b", 3, NH_ERR_PROTO},
        {"", 0, 0},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        char *buf = copy(rows[i].text, rows[i].len);
        size_t scanned = 0;
        assert_int_equal(nh_h1_find_end(buf, rows[i].len, &scanned), rows[i].end);
        // The same byte by byte.
        int end = 0;
        scanned = 0;
        for (size_t len = 0; len <= rows[i].len && end == 0; len++)
            end = nh_h1_find_end(buf, len, &scanned);
        assert_int_equal(end, rows[i].end);
        free(buf);
    }
}

static void test_reply_head(void **state)
{
    (void)state;
    const struct nh_http_header headers[] = {{"Content-Type", "text/plain"}};
    struct nh_h1_reply reply = {.status = 200,
                                .headers = headers,
                                .header_count = 1,
                                .framing = NH_H1_LENGTH,
                                .content_length = 5,
                                .unix_ms = 784111777000};
    char buf[256];
    const char *want = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                       "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\n";
    int len = nh_h1_write_head(buf, sizeof buf, &reply);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(buf, want, strlen(want));
    for (size_t cap = 1; cap <= strlen(want); cap++)
        assert_int_equal(nh_h1_write_head(buf, cap, &reply), NH_ERR_TOO_LONG);
    reply.framing = NH_H1_CHUNKED;
    reply.close = true;
    reply.status = 299;
    assert_true(nh_h1_write_head(buf, sizeof buf, &reply) > 0);
    assert_non_null(strstr(buf, "299 OK\r\n"));
    assert_non_null(strstr(buf, "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses),   cmocka_unit_test(test_parts),
        cmocka_unit_test(test_keep_alive), cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_find_end),   cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_reply_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
