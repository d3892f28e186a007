#include "core/json/json_num.h"

#include <string.h>

#include "core/json/json_bignum.h"

#define DOUBLE_MANTISSA_BITS 52
#define DOUBLE_HIDDEN_BIT ((uint64_t)1 << DOUBLE_MANTISSA_BITS)
#define DOUBLE_EXPONENT_MIN (-1074) // of the lowest mantissa bit of the smallest number
#define DOUBLE_EXPONENT_MAX 971     // of the lowest mantissa bit of the largest
// More digits than these cannot decide a rounding but by being there at all: one sticky digit.
#define SIGNIFICANT_DIGITS 768

static const double exact_power10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// 10^0 to 10^27 as 64-bit mantissas with the top bit set: exact.
#define FINE_COUNT 28
static const uint64_t fine_power10[FINE_COUNT] = {
    UINT64_C(0x8000000000000000), UINT64_C(0xa000000000000000), UINT64_C(0xc800000000000000),
    UINT64_C(0xfa00000000000000), UINT64_C(0x9c40000000000000), UINT64_C(0xc350000000000000),
    UINT64_C(0xf424000000000000), UINT64_C(0x9896800000000000), UINT64_C(0xbebc200000000000),
    UINT64_C(0xee6b280000000000), UINT64_C(0x9502f90000000000), UINT64_C(0xba43b74000000000),
    UINT64_C(0xe8d4a51000000000), UINT64_C(0x9184e72a00000000), UINT64_C(0xb5e620f480000000),
    UINT64_C(0xe35fa931a0000000), UINT64_C(0x8e1bc9bf04000000), UINT64_C(0xb1a2bc2ec5000000),
    UINT64_C(0xde0b6b3a76400000), UINT64_C(0x8ac7230489e80000), UINT64_C(0xad78ebc5ac620000),
    UINT64_C(0xd8d726b7177a8000), UINT64_C(0x878678326eac9000), UINT64_C(0xa968163f0a57b400),
    UINT64_C(0xd3c21bcecceda100), UINT64_C(0x84595161401484a0), UINT64_C(0xa56fa5b99019a5c8),
    UINT64_C(0xcecb8f27f4200f3a),
};

// 10^(28 j) for j from -13 to 11: rounded to nearest, so off by at most half a unit.
#define COARSE_ZERO 13
static const uint64_t coarse_power10[] = {
    UINT64_C(0xe1afa13afbd14d6e), UINT64_C(0xe3e27a444d8d98b8), UINT64_C(0xe61acf033d1a45df),
    UINT64_C(0xe858ad248f5c22ca), UINT64_C(0xea9c227723ee8bcb), UINT64_C(0xece53cec4a314ebe),
    UINT64_C(0xef340a98172aace5), UINT64_C(0xf18899b1bc3f8ca2), UINT64_C(0xf3e2f893dec3f126),
    UINT64_C(0xf64335bcf065d37d), UINT64_C(0xf8a95fcf88747d94), UINT64_C(0xfb158592be068d2f),
    UINT64_C(0xfd87b5f28300ca0e), UINT64_C(0x8000000000000000), UINT64_C(0x813f3978f8940984),
    UINT64_C(0x82818f1281ed44a0), UINT64_C(0x83c7088e1aab65db), UINT64_C(0x850fadc09923329e),
    UINT64_C(0x865b86925b9bc5c2), UINT64_C(0x87aa9aff79042287), UINT64_C(0x88fcf317f22241e2),
    UINT64_C(0x8a5296ffe33cc930), UINT64_C(0x8bab8eefb6409c1a), UINT64_C(0x8d07e33455637eb3),
    UINT64_C(0x8e679c2f5e44ff8f),
};

// ---- reading the decimal text
// -------------------------------------------------------------------

struct scan {
    const char *p, *end;
    struct nh__json_decimal *d;
};

static bool is_digit(const struct scan *s)
{
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static bool mantissa_has_room(uint64_t mantissa, unsigned digit)
{
    return mantissa < UINT64_MAX / 10 || (mantissa == UINT64_MAX / 10 && digit <= UINT64_MAX % 10);
}

// Takes a run of digits, at least one. Those that do not fit the mantissa move the exponent alone.
static bool scan_digits(struct scan *s, bool in_fraction)
{
    const char *begin = s->p;
    for (; is_digit(s); s->p++) {
        unsigned digit = (unsigned)(*s->p - '0');
        if (!s->d->is_long && mantissa_has_room(s->d->mantissa, digit)) {
            s->d->mantissa = s->d->mantissa * 10 + digit;
            s->d->exponent -= in_fraction;
        } else {
            s->d->is_long = true;
            s->d->exponent += !in_fraction;
        }
    }
    return s->p > begin;
}

static bool scan_exponent(struct scan *s)
{
    int32_t value = 0;
    bool negative = false;
    s->p++; // the 'e'
    if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
        negative = *s->p++ == '-';
    if (!is_digit(s))
        return false;
    for (; is_digit(s); s->p++)
        if (value < 100000000) // far past every double, and still no overflow
            value = value * 10 + (*s->p - '0');
    s->d->exponent += negative ? -value : value;
    return true;
}

int nh__json_decimal_parse(const char *text, size_t len, struct nh__json_decimal *out)
{
    struct scan s = {.p = text, .end = text + len, .d = out};
    *out = (struct nh__json_decimal){.is_integer = true};
    if (s.p < s.end && *s.p == '-') {
        out->negative = true;
        s.p++;
    }
    if (len > INT32_MAX / 4) // so that no exponent overflows
        return NH_ERR_TOO_LONG;
    const char *first = s.p;
    if (!scan_digits(&s, false) || (*first == '0' && s.p - first > 1))
        return NH_ERR_SYNTAX;
    if (s.p < s.end && *s.p == '.') {
        s.p++;
        out->is_integer = false;
        if (!scan_digits(&s, true))
            return NH_ERR_SYNTAX;
    }
    if (s.p < s.end && (*s.p == 'e' || *s.p == 'E')) {
        out->is_integer = false;
        if (!scan_exponent(&s))
            return NH_ERR_SYNTAX;
    }
    return s.p == s.end ? 0 : NH_ERR_SYNTAX;
}

int nh__json_decimal_uint64(const struct nh__json_decimal *d, uint64_t *out)
{
    if (!d->is_integer)
        return NH_ERR_TYPE;
    if (d->is_long || (d->negative && d->mantissa != 0))
        return NH_ERR_RANGE;
    *out = d->mantissa;
    return 0;
}

int nh__json_decimal_int64(const struct nh__json_decimal *d, int64_t *out)
{
    if (!d->is_integer)
        return NH_ERR_TYPE;
    if (d->is_long || d->mantissa > (uint64_t)INT64_MAX + d->negative)
        return NH_ERR_RANGE;
    *out = (int64_t)(d->negative ? 0 - d->mantissa : d->mantissa);
    return 0;
}

// ---- decimal to double
// -------------------------------------------------------------------

// mantissa * 2^exponent. Normal: mantissa in [2^52, 2^53). Else exponent is the least and the
// mantissa smaller.
struct binary {
    uint64_t mantissa;
    int32_t exponent;
};

static double binary_to_double(const struct binary *b)
{
    uint64_t bits = b->mantissa;
    if (b->exponent > DOUBLE_EXPONENT_MAX)
        bits = (uint64_t)0x7ff << DOUBLE_MANTISSA_BITS; // infinite
    else if (bits & DOUBLE_HIDDEN_BIT)
        bits = (bits & ~DOUBLE_HIDDEN_BIT) | (uint64_t)(b->exponent - DOUBLE_EXPONENT_MIN + 1)
                                                 << DOUBLE_MANTISSA_BITS;
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static struct binary next_up(struct binary b)
{
    if (++b.mantissa == DOUBLE_HIDDEN_BIT << 1) {
        b.mantissa >>= 1;
        b.exponent++;
    }
    return b;
}

static struct binary next_down(struct binary b)
{
    if (b.mantissa == DOUBLE_HIDDEN_BIT && b.exponent > DOUBLE_EXPONENT_MIN) {
        b.mantissa <<= 1;
        b.exponent--;
    }
    b.mantissa--;
    return b;
}

static uint64_t mul_high(uint64_t a, uint64_t b)
{
    uint64_t a_low = (uint32_t)a, a_high = a >> 32, b_low = (uint32_t)b, b_high = b >> 32;
    uint64_t cross = (a_low * b_low >> 32) + a_high * b_low;
    uint64_t middle = (uint32_t)cross + a_low * b_high;
    return a_high * b_high + (cross >> 32) + (middle >> 32);
}

// Exponent of the lowest bit of 10^e as a 64-bit mantissa: floor(e * log2(10)) - 63.
static int32_t power10_exponent(int32_t e)
{
    return ((e * 217706) >> 16) - 63;
}

static void scale(struct binary *b, uint64_t power, int32_t power_exponent)
{
    b->mantissa = mul_high(b->mantissa, power);
    b->exponent += power_exponent + 64;
    if (!(b->mantissa >> 63)) {
        b->mantissa <<= 1;
        b->exponent--;
    }
}

// The value as a 64-bit mantissa with the top bit set, off by less than 8 units: a truncated
// product loses under 1 and its normalising shift doubles that (2); times a power that is off by
// half (0.5), truncated (1), shifted (7 in all).
static struct binary approximate(const struct nh__json_decimal *d)
{
    int shift = __builtin_clzll(d->mantissa);
    struct binary b = {d->mantissa << shift, -shift};
    int32_t coarse = (d->exponent + COARSE_ZERO * FINE_COUNT) / FINE_COUNT - COARSE_ZERO;
    int32_t fine = d->exponent - coarse * FINE_COUNT;
    if (fine)
        scale(&b, fine_power10[fine], power10_exponent(fine));
    if (coarse)
        scale(&b, coarse_power10[coarse + COARSE_ZERO], power10_exponent(coarse * FINE_COUNT));
    return b;
}

static uint32_t count_digits(uint64_t v)
{
    uint32_t n = 0;
    for (; v; v /= 10)
        n++;
    return n;
}

// All significant digits of a long number, as far as they can matter. Returns their exponent.
static int32_t load_digits(const struct nh__json_decimal *d, const char *s, size_t len,
                           struct nh__big *out)
{
    if (!d->is_long) {
        nh__big_set(out, d->mantissa);
        return d->exponent;
    }
    nh__big_set(out, 0);
    uint32_t count = 0;
    bool sticky = false;
    for (size_t i = 0; i < len && s[i] != 'e' && s[i] != 'E'; i++) {
        if (s[i] < '0' || s[i] > '9' || (count == 0 && s[i] == '0'))
            continue;
        if (count == SIGNIFICANT_DIGITS) {
            sticky |= s[i] != '0';
            continue;
        }
        nh__big_mul_add(out, 10, (uint32_t)(s[i] - '0'));
        count++;
    }
    if (sticky) {
        nh__big_mul_add(out, 10, 1);
        count++;
    }
    return d->exponent + (int32_t)count_digits(d->mantissa) - (int32_t)count;
}

// Compares the decimal with the middle between `b` and the double above it: exactly.
static int compare_middle(const struct nh__json_decimal *d, const char *s, size_t len,
                          struct binary b)
{
    uint32_t left_words[NH__BIG_WORDS_READ], right_words[NH__BIG_WORDS_READ];
    struct nh__big left = {left_words, 0, NH__BIG_WORDS_READ};
    struct nh__big right = {right_words, 0, NH__BIG_WORDS_READ};
    int32_t exponent10 = load_digits(d, s, len, &left);
    nh__big_set(&right, b.mantissa * 2 + 1);
    if (exponent10 >= 0)
        nh__big_mul_pow5(&left, (uint32_t)exponent10);
    else
        nh__big_mul_pow5(&right, (uint32_t)-exponent10);
    int32_t shift = exponent10 - (b.exponent - 1);
    if (shift >= 0)
        nh__big_shift_left(&left, (uint32_t)shift);
    else
        nh__big_shift_left(&right, (uint32_t)-shift);
    return nh__big_cmp(&left, &right);
}

// Corrects a guess that is off by a unit or two.
static struct binary round_exactly(const struct nh__json_decimal *d, const char *s, size_t len,
                                   struct binary guess)
{
    for (;;) {
        int above = compare_middle(d, s, len, guess);
        if (above > 0) {
            guess = next_up(guess);
            continue;
        }
        if (above == 0)
            return guess.mantissa & 1 ? next_up(guess) : guess;
        if (guess.mantissa == 0)
            return guess;
        struct binary lower = next_down(guess);
        int below = compare_middle(d, s, len, lower);
        if (below > 0)
            return guess;
        if (below == 0)
            return guess.mantissa & 1 ? lower : guess;
        guess = lower;
    }
}

static struct binary round_decimal(const struct nh__json_decimal *d, const char *s, size_t len)
{
    struct binary b = approximate(d);
    b.exponent += 11;
    int32_t shift = 11;
    if (b.exponent < DOUBLE_EXPONENT_MIN) {
        shift += DOUBLE_EXPONENT_MIN - b.exponent;
        b.exponent = DOUBLE_EXPONENT_MIN;
    }
    if (shift > 63) {
        b.mantissa = 0;
        return round_exactly(d, s, len, b);
    }
    // A cut mantissa has at least 19 digits, so what was cut is under 10 of its units.
    uint64_t error = d->is_long ? 24 : 8;
    uint64_t half = (uint64_t)1 << (shift - 1), low = b.mantissa & (half * 2 - 1);
    b.mantissa >>= shift;
    if (low + error >= half && low <= half + error)
        return round_exactly(d, s, len, b);
    return low > half ? next_up(b) : b;
}

// The mantissa and the power are exact doubles, so one operation rounds correctly.
static bool convert_simple(const struct nh__json_decimal *d, double *out)
{
    if (d->is_long || d->mantissa >> 53 || d->exponent < -22 || d->exponent > 22)
        return false;
    double v = (double)d->mantissa;
    *out = d->exponent < 0 ? v / exact_power10[-d->exponent] : v * exact_power10[d->exponent];
    return true;
}

int nh__json_decimal_double(const struct nh__json_decimal *d, const char *s, size_t len,
                            double *out)
{
    double v = 0;
    if (!convert_simple(d, &v)) {
        struct binary b = {0, DOUBLE_EXPONENT_MIN};
        if (d->mantissa != 0 && d->exponent > 308)
            b.exponent = DOUBLE_EXPONENT_MAX + 1;
        else if (d->mantissa != 0 && d->exponent >= -343) // below: under half the smallest double
            b = round_decimal(d, s, len);
        v = binary_to_double(&b);
    }
    *out = d->negative ? -v : v;
    return v <= 1.7976931348623157e308 ? 0 : NH_ERR_RANGE;
}
