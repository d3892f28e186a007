// Runs on the host only: strtod and snprintf of the C library are what it is compared with.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/json/json_num.h"

static uint64_t seed = 88172645463325252u;

static uint64_t random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static double from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static uint64_t to_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static bool is_finite(double v)
{
    return v - v == 0;
}

// Reads `text` as strtod does, to the last bit.
static void check_read(const char *text)
{
    struct nh__json_decimal d;
    double got = 0, want = strtod(text, NULL);
    int err = nh__json_decimal_parse(text, strlen(text), &d);
    if (err == 0)
        err = nh__json_decimal_double(&d, text, strlen(text), &got);
    if (to_bits(got) != to_bits(want) || err != (is_finite(want) ? 0 : NH_ERR_RANGE))
        fail_msg("%s: %a, not %a (%d)", text, got, want, err);
}

static int significant_digits(const char *text)
{
    int count = 0, zeros = 0;
    for (const char *p = text; *p && *p != 'e'; p++) {
        if (*p < '0' || *p > '9' || (count == 0 && *p == '0'))
            continue;
        count++;
        zeros = *p == '0' ? zeros + 1 : 0;
    }
    return count - zeros;
}

// Prints `v` so that it reads back, and with one digit less it would not.
static void check_print(double v)
{
    char text[NH_JSON_DOUBLE_TEXT_MAX], shorter[40];
    size_t len = nh__json_double_print(v, text);
    assert_int_equal(len, strlen(text));
    assert_true(len < NH_JSON_DOUBLE_TEXT_MAX);
    if (to_bits(strtod(text, NULL)) != to_bits(v))
        fail_msg("%a was written as %s", v, text);
    check_read(text);
    int digits = significant_digits(text);
    if (digits < 2)
        return;
    snprintf(shorter, sizeof shorter, "%.*e", digits - 2, v);
    if (strtod(shorter, NULL) == v)
        fail_msg("%a was written as %s, %s is shorter", v, text, shorter);
}

// Doubles of all kinds: any bits, subnormal, powers of two and their neighbours, short decimals,
// integers.
static double random_double(unsigned kind)
{
    uint64_t bits = random64();
    double power = (double[]){1, 10, 100, 1000, 1e6, 1e9}[bits % 6];
    switch (kind % 6) {
    case 0:
        return from_bits(bits);
    case 1:
        return from_bits(bits & 0x800fffffffffffffu);
    case 2:
        return from_bits((bits & 0x7ff0000000000000u) + bits % 3 - 1);
    case 3:
        return (double)(int64_t)(random64() % 2000000000) / power;
    case 4:
        return (double)(bits >> (bits & 31));
    default:
        return (double)(random64() % 100000) * power / 997;
    }
}

static void doubles_print_short_and_read_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 120000; i++) {
        double v = random_double(i);
        if (is_finite(v))
            check_print(v);
    }
    const double edges[] = {0.0,
                            -0.0,
                            5e-324,
                            2.2250738585072009e-308,
                            2.2250738585072014e-308,
                            1.7976931348623157e308,
                            9007199254740991.0,
                            9007199254740993.0,
                            1e21,
                            1e22,
                            1e23,
                            123456789012345680000.0,
                            1e-6,
                            1e-7,
                            0.1,
                            0.3,
                            4.35,
                            5.684341886080802e-14};
    for (size_t i = 0; i < NH_ARRAY_LEN(edges); i++)
        check_print(edges[i]);
}

static void texts_of_any_length_read_right(void **state)
{
    char text[1200];
    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        double v = random_double(i);
        if (!is_finite(v))
            continue;
        snprintf(text, sizeof text, "%.*e", (int)(random64() % 40), v);
        check_read(text);
    }
}

// The texts just at the middle between two doubles, a little below and a little above: the hardest.
static void the_middle_between_doubles_reads_right(void **state)
{
    static char text[1600];
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        double v = random_double(i);
        double above = from_bits(to_bits(v) + 1);
        if (!is_finite(v) || !is_finite(above))
            continue;
        long double middle = ((long double)v + (long double)above) / 2; // exact, with 64 bits
        snprintf(text, sizeof text, "%.*Le", (int)(random64() % 800), middle);
        check_read(text);
        snprintf(text, sizeof text, "%.1100Le", middle);
        check_read(text);
        char *e = strchr(text, 'e'), exponent[16];
        snprintf(exponent, sizeof exponent, "%s", e);
        snprintf(e, 32, "1%s", exponent); // far behind all digits that count, but there
        check_read(text);
    }
}

static void extreme_texts_read_right(void **state)
{
    static const char *const texts[] = {"0",
                                        "-0",
                                        "0e999999999",
                                        "0.0e-999999999",
                                        "1e308",
                                        "1e309",
                                        "1.7976931348623158e308",
                                        "1.7976931348623159e308",
                                        "179769313486231580793728971405301e276",
                                        "1e-323",
                                        "2e-324",
                                        "2.4703282292062327e-324",
                                        "2.4703282292062328e-324",
                                        "3e-324",
                                        "1e-400",
                                        "1e400",
                                        "123456789012345678901234567890e-30",
                                        "0.000000000000000000000000000000000000001e39",
                                        "9007199254740993",
                                        "9007199254740992.9999999999999999999",
                                        "18446744073709551615",
                                        "18446744073709551616",
                                        "1e23",
                                        "8.5e22",
                                        "1e22",
                                        "9007199254740991e22",
                                        "1e-22",
                                        "6.9294956446009195e15",
                                        "7.0060e-310",
                                        "100000000000000000000000000000000000000e-38",
                                        "1e2147483647",
                                        "1e-2147483648",
                                        "1e99999999999999999999",
                                        "-1e-99999999999999999999",
                                        "4.35",
                                        "0.1e1",
                                        "1E5",
                                        "1e+05"};
    static char zeros[3000];
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(texts); i++)
        check_read(texts[i]);
    // many zeros before the first digit that counts, and behind the last
    memset(zeros, '0', sizeof zeros);
    memcpy(zeros, "0.", 2);
    memcpy(zeros + 1200, "17e1200", 8);
    check_read(zeros);
    memset(zeros, '0', sizeof zeros);
    zeros[0] = '3';
    memcpy(zeros + 2000, "e-1999", 7);
    check_read(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_print_short_and_read_back),
        cmocka_unit_test(texts_of_any_length_read_right),
        cmocka_unit_test(the_middle_between_doubles_reads_right),
        cmocka_unit_test(extreme_texts_read_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
