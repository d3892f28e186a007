#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/utf8.h"

// `valid`: how many bytes are good when U+0000 is allowed.
static const struct {
    const char *name, *bytes;
    size_t len, valid;
} rows[] = {
    {"empty", "", 0, 0},
    {"ascii", "sensor/1/temp", 13, 13},
    {"control characters", "\x01\x1F\x7F", 3, 3},
    {"first of 2 bytes", "\xC2\x80", 2, 2},
    {"last of 2 bytes", "\xDF\xBF", 2, 2},
    {"first of 3 bytes", "\xE0\xA0\x80", 3, 3},
    {"before the surrogates", "\xED\x9F\xBF", 3, 3},
    {"after the surrogates", "\xEE\x80\x80", 3, 3},
    {"U+FEFF", "\xEF\xBB\xBF", 3, 3},
    {"last of 3 bytes", "\xEF\xBF\xBF", 3, 3},
    {"first of 4 bytes", "\xF0\x90\x80\x80", 4, 4},
    {"last of 4 bytes", "\xF4\x8F\xBF\xBF", 4, 4},
    {"mixed",
     "\xC3\xA4"
     "a\xE2\x82\xAC"
     "b\xF0\x9F\x90\xA6",
     11, 11},
    {"8 ascii, then 2", "abcdefgh\xC3\xA9", 10, 10},
    {"overlong slash", "a\xC0\xAF", 3, 1},
    {"overlong of 2", "\xC1\xBF", 2, 0},
    {"overlong of 3", "\xE0\x9F\xBF", 3, 0},
    {"overlong of 4", "\xF0\x8F\xBF\xBF", 4, 0},
    {"first surrogate", "ab\xED\xA0\x80", 5, 2},
    {"last surrogate", "\xED\xBF\xBF", 3, 0},
    {"above U+10FFFF", "\xF4\x90\x80\x80", 4, 0},
    {"5 bytes", "\xF8\x88\x80\x80\x80", 5, 0},
    {"0xFE", "\xFE", 1, 0},
    {"0xFF", "\xFF", 1, 0},
    {"lone continuation", "a\x80", 2, 1},
    {"cut after 1 of 2", "x\xC3", 2, 1},
    {"cut after 2 of 3", "x\xE2\x82", 3, 1},
    {"cut after 3 of 4", "x\xF0\x9F\x90", 4, 1},
    {"third byte wrong", "\xE2\x82\x41", 3, 0},
    {"fourth byte wrong", "\xF0\x9F\x90\xC0", 4, 0},
    {"wrong after a run", "abcdefghijklmnop\xFF", 17, 16},
    {"wrong within a run",
     "abc\xFF"
     "defghijkl",
     13, 3},
};

static void rows_in_exact_buffers(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t exact[32];
        uint8_t *at = exact + sizeof exact - rows[i].len;
        memcpy(at, rows[i].bytes, rows[i].len);
        size_t got = nh_utf8_valid_len(at, rows[i].len, false);
        if (got != rows[i].valid)
            fail_msg("%s: %u valid bytes", rows[i].name, (unsigned)got);
        assert_int_equal(nh_utf8_valid_len(at, rows[i].len, true), got);
        assert_int_equal(nh_utf8_is_valid(at, rows[i].len, true), got == rows[i].len);
    }
}

static void nul_is_a_choice_at_every_place(void **state)
{
    (void)state;
    for (size_t len = 1; len < 20; len++)
        for (size_t at = 0; at < len; at++) {
            char text[20];
            memset(text, 'a', sizeof text);
            text[at] = '\0';
            if (at + 1 < len)
                text[at + 1] = '\x01'; // the quick test borrows from the byte above a 0
            assert_int_equal(nh_utf8_valid_len(text, len, false), at);
            assert_true(nh_utf8_is_valid(text, len, true));
        }
}

// Every code point: encoded by the definition it is valid, and no shorter prefix is.
static void every_character_and_no_other(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x110000; c += c < 0x10800 ? 1 : 61) {
        uint8_t b[4] = {(uint8_t)c};
        size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        for (size_t i = len - 1; len > 1 && i > 0; i--)
            b[i] = (uint8_t)(0x80 | (c >> 6 * (len - 1 - i) & 0x3F));
        if (len > 1)
            b[0] = (uint8_t)(0xF00u >> len | c >> 6 * (len - 1));
        bool valid = c < 0xD800 || c > 0xDFFF;
        if (nh_utf8_is_valid(b, len, true) != valid)
            fail_msg("U+%04X", (unsigned)c);
        if (len > 1 && nh_utf8_valid_len(b, len - 1, true) != 0)
            fail_msg("prefix of U+%04X", (unsigned)c);
    }
}

// All 2-byte strings: 128 x 128 of ASCII and 30 x 64 of one character.
static void count_of_valid_pairs(void **state)
{
    (void)state;
    unsigned count = 0;
    for (unsigned v = 0; v < 0x10000; v++) {
        uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};
        count += nh_utf8_is_valid(b, 2, true);
    }
    assert_int_equal(count, 128 * 128 + 30 * 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_in_exact_buffers),
        cmocka_unit_test(nul_is_a_choice_at_every_place),
        cmocka_unit_test(every_character_and_no_other),
        cmocka_unit_test(count_of_valid_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
