// What a client is told of an image before it is decoded.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "components/display/jpeg_head.h"
#include "jpeg_fixture.h"

static const struct {
    struct jpeg_kind kind;
    bool any_height;
    const char *why; // NULL: it suits 360 x 360
} rows[] = {
    {{360, 360, 3, 1, 1}, false, NULL},
    {{360, 360, 3, 2, 1}, false, NULL},
    {{360, 360, 3, 2, 2}, false, NULL},
    {{360, 360, 1, 1, 1}, false, NULL},
    {{360, 16, 3, 2, 2}, true, NULL},
    {{360, 360, 3, 2, 2, true},
     false,
     "Unsupported JPEG: progressive encoding (use baseline JPEG)"},
    {{359, 360, 3, 2, 2}, false, "Unsupported JPEG dimensions: got 359x360, expected 360x360"},
    {{360, 361, 3, 2, 2}, true, "Unsupported JPEG dimensions: got 360x361, expected 360x1..360"},
    {{360, 360, 3, 1, 2}, false, "Unsupported JPEG sampling: Y 1x2, Cb 1x1, Cr 1x1"},
    {{360, 360, 3, 4, 1}, false, "Unsupported JPEG sampling: Y 4x1, Cb 1x1, Cr 1x1"},
};

static void test_suits(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_display__jpeg_head h;
        unsigned char *file;
        unsigned long len;
        char why[120] = "";
        jpeg_make(&rows[i].kind, &file, &len);
        assert_int_equal(nh_display__jpeg_head(file, len, &h), 0);
        bool suits = nh_display__jpeg_suits(&h, 360, 360, rows[i].any_height, why, sizeof why);
        if (suits != !rows[i].why || (rows[i].why && strcmp(why, rows[i].why) != 0))
            fail_msg("row %zu: '%s'", i, why);
        free(file);
    }
}

static void test_other_frames(void **state)
{
    static const struct {
        uint8_t frame, precision, components;
        const char *why;
    } other[] = {
        {0xC0, 8, 4, "Unsupported JPEG: expected 1 (grayscale) or 3 components, got 4"},
        {0xC0, 12, 3, "Unsupported JPEG: 12 bits a sample, expected 8"},
        {0xC3, 8, 3, "Unsupported JPEG: SOF type 0xC3 (use baseline JPEG)"},
        {0xC9, 8, 1, "Unsupported JPEG: SOF type 0xC9 (use baseline JPEG)"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(other); i++) {
        const uint8_t file[] = {0xFF,
                                0xD8,
                                0xFF,
                                0xFF,
                                other[i].frame,
                                0,
                                17,
                                other[i].precision,
                                1,
                                104,
                                1,
                                104,
                                other[i].components,
                                1,
                                0x11,
                                0,
                                2,
                                0x11,
                                0,
                                3,
                                0x11,
                                0};
        struct nh_display__jpeg_head h;
        char why[120] = "";
        assert_int_equal(nh_display__jpeg_head(file, sizeof file, &h), 0);
        assert_false(nh_display__jpeg_suits(&h, 360, 360, false, why, sizeof why));
        assert_string_equal(why, other[i].why);
    }
}

// At each length, in a buffer of just that size.
static void test_cut_off(void **state)
{
    const struct jpeg_kind kind = {360, 8, 3, 1, 1};
    unsigned char *file;
    unsigned long len;
    (void)state;
    jpeg_make(&kind, &file, &len);
    for (unsigned long n = 0; n < 700 && n < len; n++) {
        struct nh_display__jpeg_head h;
        uint8_t *exact = malloc(n + 1);
        memcpy(exact, file, n);
        int err = nh_display__jpeg_head(exact, n, &h);
        assert_true(err == 0 || err == (n < 4 ? NH_ERR_SYNTAX : NH_ERR_NOT_FOUND));
        free(exact);
    }
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suits),
        cmocka_unit_test(test_other_frames),
        cmocka_unit_test(test_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
