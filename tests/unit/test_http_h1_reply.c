#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/linux/http/h1_reply.h"

// Parses a copy of exact size, so that the sanitizers see one byte too far.
static int parse(const char *text, struct nh_h1_answer *a, char **buf)
{
    size_t len = strlen(text);
    *buf = malloc(len + 1);
    memcpy(*buf, text, len);
    return nh_h1_answer_parse(*buf, len, a);
}

static void test_heads(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err, status;
        int64_t length;
        bool is_chunked;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", 0, 200, -1, false},
        {"HTTP/1.1 200\r\n\r\n", 0, 200, -1, false},
        {"HTTP/1.1 404 \r\n\r\n", 0, 404, -1, false},
        {"HTTP/1.0 507 No  Room\r\nX: \r\n\r\n", 0, 507, -1, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", 0, 200, 12, false},
        {"HTTP/1.1 200 OK\r\nCONTENT-LENGTH:0\r\n\r\n", 0, 200, 0, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 0, 200, 1, false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", 0, 200, -1, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         NH_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         NH_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1234567890123456\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/2 200 OK\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.x 200 OK\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1  200 OK\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1 20 OK\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1 2000 OK\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1 099 OK\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\n: v\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\na b: v\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\nA: 1\r\n folded\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\nA: 1\rB: 2\r\n\r\n", NH_ERR_PROTO},
        {"\r\n\r\n", NH_ERR_PROTO},
        {"HTTP/1.1 200 OK\r\n", NH_ERR_PROTO},
        {"", NH_ERR_PROTO},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_h1_answer a;
        char *buf;
        int err = parse(rows[i].text, &a, &buf);
        if (err != rows[i].err)
            fail_msg("row %zu: %d", i, err);
        if (!err) {
            assert_int_equal(a.status, rows[i].status);
            assert_int_equal(a.content_length, rows[i].length);
            assert_int_equal(a.is_chunked, rows[i].is_chunked);
        }
        free(buf);
    }
}

static void test_headers_are_found(void **state)
{
    (void)state;
    struct nh_h1_answer a;
    char *buf;
    assert_int_equal(
        parse("HTTP/1.1 200 OK\r\nContent-TYPE:\t text/html \r\nETag: \"x\"\r\n\r\n", &a, &buf), 0);
    assert_string_equal(nh_h1_answer_header(&a, "content-type"), "text/html");
    assert_string_equal(nh_h1_answer_header(&a, "etag"), "\"x\"");
    assert_null(nh_h1_answer_header(&a, "content-length"));
    free(buf);
}

static void test_too_many_headers(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        char text[1024] = "HTTP/1.1 200 OK\r\n";
        struct nh_h1_answer a;
        char *buf;
        for (int i = 0; i < NH_H1_HEADER_MAX_COUNT + extra; i++)
            strcat(text, "A: 1\r\n");
        strcat(text, "\r\n");
        assert_int_equal(parse(text, &a, &buf), extra ? NH_ERR_TOO_LONG : NH_OK);
        free(buf);
    }
}

// ---- bodies

static const struct body_row {
    const char *head, *body, *content;
    bool no_body;
    int err;     // of take
    int end;     // of nh_h1_body_end() behind it
    size_t rest; // bytes that are not the body's
} bodies[] = {
    {"Content-Length: 5\r\n", "hello", "hello", false, 0, 0, 0},
    {"Content-Length: 5\r\n", "hellomore", "hello", false, 0, 0, 4},
    {"Content-Length: 5\r\n", "hell", "hell", false, 0, NH_ERR_CLOSED, 0},
    {"Content-Length: 0\r\n", "x", "", false, 0, 0, 1},
    {"Content-Length: 5\r\n", "hello", "", true, 0, 0, 5},
    {"", "until the end", "until the end", false, 0, 0, 0},
    {"Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", "hello", false, 0, 0, 0},
    {"Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n00\r\n\r\nxx", "hello", false, 0, 0, 2},
    {"Transfer-Encoding: chunked\r\n", "3;a=\"b\"\r\nhel\r\nA \r\nlo you all\r\n0\r\nT: v\r\n\r\n",
     "hello you all", false, 0, 0, 0},
    {"Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n", "hello", false, 0, NH_ERR_CLOSED, 0},
    {"Transfer-Encoding: chunked\r\n", "5\r\nhello0\r\n", "hello", false, NH_ERR_PROTO, 0, 0},
    {"Transfer-Encoding: chunked\r\n", "\r\n", "", false, NH_ERR_PROTO, 0, 0},
    {"Transfer-Encoding: chunked\r\n", "g\r\n", "", false, NH_ERR_PROTO, 0, 0},
    {"Transfer-Encoding: chunked\r\n", ";a\r\n", "", false, NH_ERR_PROTO, 0, 0},
    {"Transfer-Encoding: chunked\r\n", "5\nhello", "", false, NH_ERR_PROTO, 0, 0},
    {"Transfer-Encoding: chunked\r\n", "5\rxhello", "", false, NH_ERR_PROTO, 0, 0},
    {"Transfer-Encoding: chunked\r\n", "0\r\nT: v\n\r\n", "", false, NH_ERR_PROTO, 0, 0},
    {"Transfer-Encoding: chunked\r\n", "0\r\n\r\r", "", false, NH_ERR_PROTO, 0, 0},
    {"Transfer-Encoding: chunked\r\n", "1000000000000f\r\n", "", false, NH_ERR_PROTO, 0, 0},
};

// Feeds the body in pieces of `step`; content is gathered. Returns the error, or 0.
static int take(struct nh_h1_body *b, const struct body_row *row, size_t step, char *content,
                size_t *rest)
{
    const uint8_t *at = (const uint8_t *)row->body;
    size_t left = strlen(row->body), have = 0;
    while (left > 0 && !b->is_whole) {
        size_t len = left < step ? left : step;
        while (len > 0 && !b->is_whole) {
            nh_span_t run;
            int n = nh_h1_body_take(b, at, len, &run);
            content[have] = 0;
            if (n < 0)
                return n;
            assert_true(n > 0);
            memcpy(content + have, run.ptr, run.len);
            have += run.len;
            at += n;
            len -= (size_t)n;
            left -= (size_t)n;
        }
    }
    content[have] = 0;
    *rest = left;
    return 0;
}

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(bodies); i++) {
        for (size_t step = 1; step < 40; step++) {
            const struct body_row *row = &bodies[i];
            char head[200], content[100], *buf;
            struct nh_h1_answer a;
            struct nh_h1_body b;
            size_t rest = 0;
            snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n%s\r\n", row->head);
            assert_int_equal(parse(head, &a, &buf), NH_OK);
            nh_h1_body_begin(&b, &a, row->no_body);
            int err = take(&b, row, step, content, &rest);
            if (err != row->err || strcmp(content, row->content) != 0 || rest != row->rest)
                fail_msg("row %zu by %zu: %d \"%s\" %zu", i, step, err, content, rest);
            if (!err)
                assert_int_equal(nh_h1_body_end(&b), row->end);
            free(buf);
        }
    }
}

static void test_lines_without_end(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *more;
    } rows[] = {{"5;", "x"}, {"", "0"}, {"0\r\n", "T: v\r\n"}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct nh_h1_answer a = {.status = 200, .is_chunked = true, .content_length = -1};
        struct nh_h1_body b;
        nh_span_t run;
        nh_h1_body_begin(&b, &a, false);
        int n = nh_h1_body_take(&b, (const uint8_t *)rows[i].begin, strlen(rows[i].begin), &run);
        for (int k = 0; n >= 0 && k < 10000; k++)
            n = nh_h1_body_take(&b, (const uint8_t *)rows[i].more, strlen(rows[i].more), &run);
        assert_int_equal(n, NH_ERR_TOO_LONG);
    }
}

static void test_statuses_without_a_body(void **state)
{
    (void)state;
    static const int rows[] = {204, 304, 100};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct nh_h1_answer a = {.status = rows[i], .content_length = 9};
        struct nh_h1_body b;
        nh_h1_body_begin(&b, &a, false);
        assert_true(b.is_whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_headers_are_found),
        cmocka_unit_test(test_too_many_headers),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_lines_without_end),
        cmocka_unit_test(test_statuses_without_a_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
