// The file in a form: whole, byte by byte and at random cuts the same.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/http/multipart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char out[512];
static int fail_after; // bytes; -1: never

static int on_file(void *ctx, const char *name)
{
    (void)ctx;
    snprintf(out + strlen(out), sizeof out - strlen(out), "[%s]", name);
    return 0;
}

static int on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    size_t at = strlen(out);
    assert_true(len > 0 && at + len < sizeof out);
    for (size_t i = 0; i < len; i++)
        out[at + i] = bytes[i] ? (char)bytes[i] : '0';
    out[at + len] = 0;
    return fail_after >= 0 && (int)(at + len) > fail_after ? NH_ERR_FULL : 0;
}

static const struct nh_multipart_handler handler = {NULL, on_file, on_data};

#define TYPE "multipart/form-data; boundary=xYz"
#define FILE_HEAD "Content-Disposition: form-data; name=\"file\"; filename=\"a b.jpg\"\r\n"
static const struct {
    const char *type, *body, *want;
    int err;
    bool is_whole;
} rows[] = {
    {TYPE, "--xYz\r\n" FILE_HEAD "Content-Type: image/jpeg\r\n\r\nDATA\r\n--xYz--\r\n",
     "[a b.jpg]DATA", 0, true},
    {TYPE, "preamble\r\n--xYz\r\n" FILE_HEAD "\r\nA\r\n--xYz--", "[a b.jpg]A", 0, true},
    {TYPE, "--xYz\r\n" FILE_HEAD "\r\n\r\n--xYz--", "[a b.jpg]", 0, true},
    {TYPE, "--xYz\r\n" FILE_HEAD "\r\n\r\r\n--xY\r\n-\r\n--xY\r\n--xYz--",
     "[a b.jpg]\r\r\n--xY\r\n-\r\n--xY", 0, true},
    {TYPE,
     "--xYz\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n5\r\n--xYz\r\n" FILE_HEAD
     "\r\nB\r\n--xYz--",
     "[a b.jpg]B", 0, true},
    {TYPE, "--xYz \t\r\nX: y\r\ncontent-disposition: form-data; filename=\"\"\r\n\r\nC\r\n--xYz--",
     "[]C", 0, true},
    {TYPE, "--xYz\r\n" FILE_HEAD "\r\nDATA\r\n--xYz-", "[a b.jpg]DATA", 0, false},
    {TYPE, "--xYz\r\n" FILE_HEAD "\r\nDATA", "[a b.jpg]DATA", 0, false},
    {TYPE, "--xYz\r\n" FILE_HEAD "\r\nDATA\r\n--xYzoops\r\n", "[a b.jpg]DATA", NH_ERR_SYNTAX,
     false},
    {TYPE, "--xYz-\r\n", "", NH_ERR_SYNTAX, false},
    {TYPE, "", "", 0, false},
    {"Multipart/Form-Data;charset=x; BOUNDARY=\"a b\"", "--a b\r\n" FILE_HEAD "\r\nQ\r\n--a b--",
     "[a b.jpg]Q", 0, true},
    {TYPE, "--xYz\r\n" FILE_HEAD "\r\nQ\r\n--xYz--\r\n--xYz\r\n" FILE_HEAD "\r\nR", "[a b.jpg]Q", 0,
     true},
};

static void run(size_t i, unsigned cuts)
{
    nh_multipart_t m;
    size_t len = strlen(rows[i].body);
    int err = 0;
    out[0] = 0;
    assert_int_equal(nh_multipart_init(&m, rows[i].type, &handler), 0);
    for (size_t at = 0; at < len && err == 0;) {
        size_t n = cuts == 0 ? len : cuts == 1 ? 1 : 1 + (size_t)rand() % 9;
        n = n < len - at ? n : len - at;
        uint8_t *piece = malloc(n);
        memcpy(piece, rows[i].body + at, n);
        err = nh_multipart_feed(&m, piece, n);
        free(piece);
        at += n;
    }
    if (err != rows[i].err || strcmp(out, rows[i].want) != 0 ||
        nh_multipart_is_whole(&m) != rows[i].is_whole)
        fail_msg("row %zu, cuts %u: %d, '%s'", i, cuts, err, out);
}

static void test_forms(void **state)
{
    (void)state;
    fail_after = -1;
    srand(3);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        for (unsigned cuts = 0; cuts < 60; cuts++)
            run(i, cuts);
}

static void test_types(void **state)
{
    static const char *const bad[] = {NULL,
                                      "",
                                      "image/jpeg",
                                      "multipart/form-data",
                                      "multipart/form-data; boundary=",
                                      "multipart/form-data; bound=x",
                                      "multipart/mixed; boundary=x"};
    nh_multipart_t m;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(bad); i++)
        assert_int_equal(nh_multipart_init(&m, bad[i], &handler), NH_ERR_SYNTAX);
}

static void test_long_head_and_stop(void **state)
{
    nh_multipart_t m;
    char longer[700] = "--xYz\r\nContent-Disposition: form-data; filename=\"";
    (void)state;
    fail_after = -1;
    memset(longer + strlen(longer), 'n', 600);
    strcat(longer, "\"\r\n\r\nD");
    out[0] = 0;
    assert_int_equal(nh_multipart_init(&m, TYPE, &handler), 0);
    assert_int_equal(nh_multipart_feed(&m, (const uint8_t *)longer, strlen(longer)), 0);
    assert_int_equal(out[strlen(out) - 1], 'D');
    fail_after = 0;
    assert_int_equal(nh_multipart_feed(&m, (const uint8_t *)"more", 4), NH_ERR_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_long_head_and_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
