#include <string.h>

#include "core/json/json_bignum.h"
#include "core/json/json_num.h"

// Decimal digits without leading or trailing zeros; the value is 0.d1d2d3... * 10^point.
struct digits {
    char text[24];
    uint32_t count;
    int32_t point;
};

size_t nh__json_uint_print(uint64_t v, char out[20])
{
    char reversed[20];
    size_t n = 0;
    do {
        reversed[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    for (size_t i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    return n;
}

// Most measured values are a small integer over a small power of ten. If the division of two exact
// doubles gives `v` again, reading does too, and the smallest such power has the fewest digits.
static bool digits_simple(double v, struct digits *out)
{
    double power = 1;
    for (int32_t places = 0; places <= 22; places++, power *= 10) {
        double scaled = v * power;
        if (scaled >= 9007199254740991.0) // 2^53 - 1
            return false;
        uint64_t integer = (uint64_t)(scaled + 0.5);
        if ((double)integer / power != v)
            continue;
        out->count = (uint32_t)nh__json_uint_print(integer, out->text);
        out->point = (int32_t)out->count - places;
        return true;
    }
    return false;
}

// The state of the exact digit generation: v = r / s * 10^point, and every number nearer to v than
// `below` (above: than `above_factor` times it) reads back as v.
struct exact {
    struct nh__big r, s, below, scratch;
    uint32_t words[4][NH__BIG_WORDS_PRINT];
    bool above_is_double; // v is a power of two: its upper neighbour is twice as far
    bool is_even;         // then the ends of the interval read back as v too
    int32_t point;
};

static bool reaches_above(struct exact *e) // r + above >= s (or > if odd)
{
    nh__big_copy(&e->scratch, &e->r);
    nh__big_add(&e->scratch, &e->below);
    if (e->above_is_double)
        nh__big_add(&e->scratch, &e->below);
    int cmp = nh__big_cmp(&e->scratch, &e->s);
    return e->is_even ? cmp >= 0 : cmp > 0;
}

static bool reaches_below(const struct exact *e) // r <= below
{
    int cmp = nh__big_cmp(&e->r, &e->below);
    return e->is_even ? cmp <= 0 : cmp < 0;
}

static void multiply_pow10(struct nh__big *b, uint32_t exponent)
{
    nh__big_mul_pow5(b, exponent);
    nh__big_shift_left(b, exponent);
}

static void exact_init(struct exact *e, uint64_t mantissa, int32_t exponent, bool is_power)
{
    struct nh__big *all[] = {&e->r, &e->s, &e->below, &e->scratch};
    for (size_t i = 0; i < NH_ARRAY_LEN(all); i++)
        *all[i] = (struct nh__big){e->words[i], 0, NH__BIG_WORDS_PRINT};
    e->above_is_double = is_power;
    e->is_even = !(mantissa & 1);
    // All times 2, or 4 for a power of two, so that the half distances are integers.
    uint32_t twice = is_power ? 2 : 1;
    nh__big_set(&e->r, mantissa);
    nh__big_set(&e->s, 1);
    nh__big_set(&e->below, 1);
    nh__big_shift_left(&e->r, twice + (exponent > 0 ? (uint32_t)exponent : 0));
    nh__big_shift_left(&e->s, twice + (exponent < 0 ? (uint32_t)-exponent : 0));
    nh__big_shift_left(&e->below, exponent > 0 ? (uint32_t)exponent : 0);
    // floor(log10(v)) by the position of the top bit; right or one too small.
    int32_t top = exponent + 63 - __builtin_clzll(mantissa);
    e->point = (int32_t)(((int64_t)top * 1292913986) >> 32);
    if (e->point >= 0) {
        multiply_pow10(&e->s, (uint32_t)e->point);
    } else {
        multiply_pow10(&e->r, (uint32_t)-e->point);
        multiply_pow10(&e->below, (uint32_t)-e->point);
    }
}

static void exact_times10(struct exact *e)
{
    nh__big_mul_add(&e->r, 10, 0);
    nh__big_mul_add(&e->below, 10, 0);
}

// Brings r + above under s, so that the first digit is the first after the point.
static void exact_normalize(struct exact *e)
{
    while (reaches_above(e)) {
        nh__big_mul_add(&e->s, 10, 0);
        e->point++;
    }
}

static char next_digit(struct exact *e)
{
    char digit = '0';
    for (; nh__big_cmp(&e->r, &e->s) >= 0; digit++)
        nh__big_sub(&e->r, &e->s);
    return digit;
}

// Digits until the rest is so small that what stands there reads back as v; the last is rounded to
// the nearer side if both would do.
static void digits_exact(uint64_t mantissa, int32_t exponent, bool is_power, struct digits *out)
{
    struct exact e;
    exact_init(&e, mantissa, exponent, is_power);
    exact_normalize(&e);
    out->count = 0;
    for (;;) {
        exact_times10(&e);
        char digit = next_digit(&e);
        bool low = reaches_below(&e), high = reaches_above(&e);
        if (low && high) {
            nh__big_mul_add(&e.r, 2, 0);
            high = nh__big_cmp(&e.r, &e.s) >= 0;
        }
        if (high)
            digit++;
        out->text[out->count++] = digit;
        if (low || high)
            break;
    }
    out->point = e.point;
}

static void make_digits(double v, struct digits *out)
{
    uint64_t bits;
    if (digits_simple(v, out))
        return;
    memcpy(&bits, &v, sizeof bits);
    uint64_t mantissa = bits & (((uint64_t)1 << 52) - 1);
    int32_t biased = (int32_t)(bits >> 52);
    bool is_power = mantissa == 0 && biased > 1;
    if (biased)
        mantissa |= (uint64_t)1 << 52;
    digits_exact(mantissa, (biased ? biased : 1) - 1075, is_power, out);
}

static char *put(char *p, const char *s, size_t len)
{
    memcpy(p, s, len);
    return p + len;
}

static char *put_zeros(char *p, int32_t count)
{
    for (; count > 0; count--)
        *p++ = '0';
    return p;
}

// Plain from 1e-6 to under 1e21, else with an exponent: as browsers write numbers.
static char *put_digits(char *p, const struct digits *d)
{
    int32_t count = (int32_t)d->count;
    if (d->point > 21 || d->point < -5) {
        *p++ = d->text[0];
        if (count > 1)
            *p++ = '.';
        p = put(p, d->text + 1, d->count - 1);
        *p++ = 'e';
        int32_t exponent = d->point - 1;
        *p++ = exponent < 0 ? '-' : '+';
        return p + nh__json_uint_print((uint64_t)(exponent < 0 ? -exponent : exponent), p);
    }
    if (d->point <= 0) {
        p = put_zeros(put(p, "0.", 2), -d->point);
        return put(p, d->text, d->count);
    }
    if (count <= d->point)
        return put_zeros(put(p, d->text, d->count), d->point - count);
    p = put(p, d->text, (size_t)d->point);
    *p++ = '.';
    return put(p, d->text + d->point, (size_t)(count - d->point));
}

size_t nh__json_double_print(double v, char out[NH_JSON_DOUBLE_TEXT_MAX])
{
    uint64_t bits;
    char *p = out;
    memcpy(&bits, &v, sizeof bits);
    if (bits >> 63) { // -0 has a sign as well
        *p++ = '-';
        v = -v;
    }
    if (v == 0) {
        *p++ = '0';
    } else {
        struct digits d;
        make_digits(v, &d);
        p = put_digits(p, &d);
    }
    *p = '\0';
    return (size_t)(p - out);
}
