#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/http/exchange.h"
#include "support/mem_fixture.h"

struct fixture {
    struct mem_fixture m;
    nh_exchange_t x;
};

static int setup(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    mem_fixture_init(&f.m, NULL);
    nh_arena_init(&f.x.arena, f.m.mem, NH_MEM_BULK, 1024, NH_KIB(16));
    nh_exchange_init(&f.x);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    nh_arena_deinit(&f->x.arena);
    mem_fixture_deinit(&f->m);
    return 0;
}

// Reads the whole reply in parts of `cap` bytes.
static size_t read_all(nh_exchange_t *x, char *out, size_t out_cap, size_t cap)
{
    size_t len = 0;
    bool last = false;
    while (!last) {
        char part[600];
        int n = nh_exchange_read(x, part, cap, &last);
        assert_true(n >= 0 && (size_t)n <= cap && len + (size_t)n < out_cap);
        assert_true(n > 0 || last);
        memcpy(out + len, part, (size_t)n);
        len += (size_t)n;
    }
    out[len] = '\0';
    return len;
}

static void write_list(nh_exchange_t *x, int count)
{
    nh_json_writer_t *w = nh_reply_json(&x->req, 200);
    nh_json_array_begin(w);
    for (int i = 0; i < count; i++)
        nh_json_int(w, 1000 + i);
    nh_json_array_end(w);
}

static void test_json_comes_in_parts(void **state)
{
    struct fixture *f = *state;
    static char out[5000];
    for (size_t cap = 1; cap <= 600; cap = cap * 3 + 1) {
        write_list(&f->x, 300);
        assert_int_equal(nh_reply_json_end(&f->x.req), 0);
        assert_int_equal(nh_exchange_length(&f->x), 300 * 5 + 2);
        assert_int_equal(read_all(&f->x, out, sizeof out, cap), 300 * 5 + 2);
        assert_memory_equal(out, "[1000,1001,1002,", 16);
        assert_string_equal(out + 300 * 5 - 5, ",1299]\n");
        nh_arena_deinit(&f->x.arena);
    }
}

static void test_json_over_4_kib_is_a_503(void **state)
{
    struct fixture *f = *state;
    char out[512];
    write_list(&f->x, 819); // 4096 bytes with the brackets, and the line end is one too many
    assert_int_equal(nh_reply_json_end(&f->x.req), NH_ERR_FULL);
    assert_int_equal(f->x.status, 503);
    read_all(&f->x, out, sizeof out, 512);
    assert_string_equal(out, nh_exchange_no_memory);
    write_list(&f->x, 818);
    assert_int_equal(nh_reply_json_end(&f->x.req), 0);
    assert_int_equal(f->x.status, 200);
}

static void test_error_form(void **state)
{
    struct fixture *f = *state;
    char out[512];
    assert_int_equal(nh_reply_error(&f->x.req, 404, NULL, "No \"%s\".", "x"), 0);
    read_all(&f->x, out, sizeof out, 512);
    assert_int_equal(f->x.status, 404);
    assert_string_equal(out, "{\"error\":{\"code\":\"not_found\",\"message\":\"No \\\"x\\\".\","
                             "\"details\":[]}}\n");
    nh_json_writer_t *w = nh_reply_error_details(&f->x.req, 413, "mine", "Too %s.", "large");
    nh_json_object_begin(w);
    nh_json_kv_int(w, "limit", 5);
    nh_json_object_end(w);
    assert_int_equal(nh_reply_error_end(&f->x.req), 0);
    read_all(&f->x, out, sizeof out, 512);
    assert_string_equal(out, "{\"error\":{\"code\":\"mine\",\"message\":\"Too large.\",\"details\":"
                             "[{\"limit\":5}]}}\n");
}

static void test_long_message_is_cut(void **state)
{
    struct fixture *f = *state;
    char text[400], out[512];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(nh_reply_error(&f->x.req, 400, NULL, "%s", text), 0);
    read_all(&f->x, out, sizeof out, 512);
    assert_non_null(strstr(out, "aaa...\""));
}

static void test_status_of_errors(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int err, status;
    } rows[] = {
        {NH_ERR_NOT_FOUND, 404}, {NH_ERR_SYNTAX, 400},      {NH_ERR_DENIED, 403},
        {NH_ERR_CONFLICT, 409},  {NH_ERR_NOMEM, 503},       {NH_ERR_NOSPC, 507},
        {NH_ERR_IO, 500},        {NH_ERR_UNSUPPORTED, 501}, {NH_ERR_CORRUPT, 500},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        assert_int_equal(nh_reply_err(&f->x.req, rows[i].err), 0);
        assert_int_equal(f->x.status, rows[i].status);
    }
}

static void test_last_reply_counts(void **state)
{
    struct fixture *f = *state;
    char out[64];
    write_list(&f->x, 3);
    assert_int_equal(nh_reply_json_end(&f->x.req), 0);
    assert_int_equal(nh_reply_bytes(&f->x.req, 201, "text/plain", "hello", 5), 0);
    assert_int_equal(nh_exchange_length(&f->x), 5);
    assert_int_equal(read_all(&f->x, out, sizeof out, 2), 5);
    assert_string_equal(out, "hello");
    assert_int_equal(nh_reply_empty(&f->x.req, 204), 0);
    assert_int_equal(nh_exchange_length(&f->x), 0);
    assert_null(f->x.content_type);
}

static int produce(nh_request_t *req, char *buf, size_t cap)
{
    int *step = req->state;
    (void)cap;
    switch ((*step)++) {
    case 0:
        buf[0] = 'a';
        return 1;
    case 1:
        return NH_ERR_AGAIN;
    case 2:
        return 0;
    default:
        return NH_ERR_IO;
    }
}

static void count_wake(nh_exchange_t *x)
{
    x->bytes_len++;
}

static void test_stream_pauses_ends_and_fails(void **state)
{
    struct fixture *f = *state;
    int step = 0;
    bool last;
    char buf[8];
    f->x.req.state = &step;
    assert_int_equal(nh_reply_stream(&f->x.req, 200, "text/plain", produce), 0);
    assert_int_equal(nh_exchange_length(&f->x), -1);
    assert_int_equal(nh_exchange_read(&f->x, buf, sizeof buf, &last), 1);
    assert_false(last);
    assert_int_equal(nh_exchange_read(&f->x, buf, sizeof buf, &last), 0);
    assert_false(last);
    assert_int_equal(nh_exchange_read(&f->x, buf, sizeof buf, &last), 0);
    assert_true(last);
    assert_int_equal(nh_exchange_read(&f->x, buf, sizeof buf, &last), NH_ERR_IO);
    nh_request_wake(&f->x.req); // nobody listens: nothing happens
    f->x.wake = count_wake;
    nh_request_wake(&f->x.req);
    assert_int_equal(f->x.bytes_len, 1);
}

// A row of 700 bytes, as the lists of the portal have them: what does not fit waits.
static int produce_rows(nh_request_t *req, char *buf, size_t cap)
{
    int *left = req->state;
    size_t len = 0;
    for (; *left > 0 && cap - len >= 700; --*left, len += 700)
        memset(buf + len, '0' + *left, 700);
    return (int)len;
}

static void test_stream_into_little_room_is_whole(void **state)
{
    static const size_t caps[] = {1, 7, 599, 600};
    struct fixture *f = *state;
    static char out[8 * 700 + 1000];
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        int left = 8;
        f->x.req.state = &left;
        assert_int_equal(nh_reply_stream(&f->x.req, 200, "text/plain", produce_rows), 0);
        assert_int_equal(read_all(&f->x, out, sizeof out, caps[i]), 8 * 700);
        for (size_t k = 0; k < 8; k++)
            assert_int_equal(out[700 * k], '8' - (char)k);
    }
}

static void test_headers_are_bounded(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < NH_REPLY_HEADER_MAX_COUNT; i++)
        assert_int_equal(nh_reply_header(&f->x.req, "X", "y"), 0);
    assert_int_equal(nh_reply_header(&f->x.req, "X", "y"), NH_ERR_FULL);
}

static void test_param(void **state)
{
    struct fixture *f = *state;
    f->x.req.query = "a=b%20c&d=%zz";
    assert_string_equal(nh_request_param(&f->x.req, "a"), "b c");
    assert_null(nh_request_param(&f->x.req, "d"));
    assert_null(nh_request_param(&f->x.req, "e"));
}

static void test_each_allocation_fails(void **state)
{
    struct fixture *f = *state;
    for (uint64_t n = 1;; n++) {
        mem_fixture_fail_nth(&f->m, n);
        write_list(&f->x, 500);
        int err = nh_reply_json_end(&f->x.req);
        if (err) {
            assert_int_equal(err, NH_ERR_NOMEM);
            assert_int_equal(f->x.status, 503);
        }
        nh_arena_deinit(&f->x.arena);
        if (!err) {
            assert_true(n > 3);
            return;
        }
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_json_comes_in_parts),
        T(test_json_over_4_kib_is_a_503),
        T(test_error_form),
        T(test_long_message_is_cut),
        T(test_status_of_errors),
        T(test_last_reply_counts),
        T(test_stream_pauses_ends_and_fails),
        T(test_stream_into_little_room_is_whole),
        T(test_headers_are_bounded),
        T(test_param),
        T(test_each_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
