// The integers that effects calculate with, beside the C library's numbers.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_random.h"
#include "support/rng.h"

#include <math.h>
#include <stdlib.h>

#define TURN 65536.0
#define PI 3.14159265358979323846

static void hues_are_the_six_regions(void **state)
{
    (void)state;
    static const struct {
        uint8_t h, s, v;
        nh_px_t color;
    } rows[] = {
        {0, 255, 255, 0xFF0000},   {42, 255, 255, 0xFFFC00},  {43, 255, 255, 0xFEFF00},
        {86, 255, 255, 0x00FF00},  {129, 255, 255, 0x00FEFF}, {172, 255, 255, 0x0000FF},
        {215, 255, 255, 0xFF00FE}, {255, 255, 255, 0xFF000F}, {0, 0, 200, 0xC8C7C7},
        {100, 255, 0, 0x000000},   {0, 255, 210, 0xD20000},   {128, 128, 128, 0x3F807F},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (nh_fx_hsv(rows[i].h, rows[i].s, rows[i].v) != rows[i].color)
            fail_msg("%u %u %u: %06X", rows[i].h, rows[i].s, rows[i].v,
                     (unsigned)nh_fx_hsv(rows[i].h, rows[i].s, rows[i].v));
}

static void roots_are_exact(void **state)
{
    (void)state;
    for (uint32_t r = 1; r <= 65535; r++) {
        assert_int_equal(nh_fx_isqrt(r * r), r);
        assert_int_equal(nh_fx_isqrt(r * r - 1), r - 1);
        assert_int_equal(nh_fx_isqrt(r * r + r), r);
        assert_int_equal(nh_fx_isqrt(r * r + 2 * r), r);
    }
    assert_int_equal(nh_fx_isqrt(0), 0);
    assert_int_equal(nh_fx_isqrt(UINT32_MAX), 65535);
}

static void sine_and_cosine(void **state)
{
    (void)state;
    for (uint32_t a = 0; a < 65536; a++) {
        double angle = a / TURN * 2 * PI;
        assert_true(fabs(nh_fx_sin((uint16_t)a) - 32767 * sin(angle)) < 3);
        assert_true(fabs(nh_fx_cos((uint16_t)a) - 32767 * cos(angle)) < 3);
    }
    for (unsigned a = 0; a < 256; a++)
        assert_true(fabs(nh_fx_sin8((uint8_t)a) - (127.5 + 127.5 * sin(a / 128.0 * PI))) < 0.6);
}

static void angles_of_points(void **state)
{
    (void)state;
    struct rng rng = {2};
    for (unsigned n = 0; n < 100000; n++) {
        int32_t x = (int32_t)rng_below(&rng, 40001) - 20000,
                y = (int32_t)rng_below(&rng, 40001) - 20000;
        if (x == 0 && y == 0)
            continue;
        double is = nh_fx_atan2(y, x) / TURN, wanted = atan2(y, x) / (2 * PI);
        assert_true(fabs(remainder(is - wanted, 1)) < 0.0004); // an eighth of a degree
    }
    assert_int_equal(nh_fx_atan2(0, 0), 0);
    assert_int_equal(nh_fx_atan2(0, -5), 0x8000);
    assert_int_equal(nh_fx_atan2(-5, 0), 0xC000);
}

static int channel(nh_px_t p, int shift)
{
    return (int)(p >> shift & 255);
}

// Three channels in one number: each comes out as if it had been alone.
static void colours_channel_by_channel(void **state)
{
    (void)state;
    struct rng rng = {4};
    for (unsigned n = 0; n < 50000; n++) {
        nh_px_t a = rng_below(&rng, 0x1000000), b = rng_below(&rng, 0x1000000);
        uint32_t k = rng_below(&rng, 257), v = rng_below(&rng, 256);
        nh_px_t add = nh_px_add(a, b), mix = nh_px_mix(a, b, k), scale = nh_px_scale(a, k);
        nh_px_t value = nh_px_value(a, (uint8_t)v), dim = nh_px_dim(a, (uint8_t)v);
        nh_px_t brighter = nh_px_brighter(a, b);
        for (int s = 0; s <= 16; s += 8) {
            int x = channel(a, s), y = channel(b, s);
            assert_int_equal(channel(add, s), x + y > 255 ? 255 : x + y);
            assert_int_equal(channel(mix, s), (x * (256 - (int)k) + y * (int)k) >> 8);
            assert_int_equal(channel(scale, s), x * (int)k >> 8);
            assert_int_equal(channel(value, s), (x + 1) * (int)v >> 8);
            assert_int_equal(channel(dim, s), x * (int)v / 255);
            assert_int_equal(channel(brighter, s), x > y ? x : y);
        }
        assert_true((add | mix | scale | value | dim | brighter) <= 0xFFFFFF);
    }
}

static void small_things(void **state)
{
    (void)state;
    assert_int_equal(nh_fx_wrap(-1, 16), 15);
    assert_int_equal(nh_fx_wrap(-32, 16), 0);
    assert_int_equal(nh_fx_wrap(35, 16), 3);
    assert_int_equal(nh_fx_by_intensity(0, 10, 20, 90), 10);
    assert_int_equal(nh_fx_by_intensity(128, 10, 20, 90), 20);
    assert_int_equal(nh_fx_by_intensity(255, 10, 20, 90), 90);
    assert_int_equal(nh_fx_ease8(0), 0);
    assert_int_equal(nh_fx_ease8(255), 255);
    assert_int_equal(nh_fx_lerp8(200, 100, 255), 100);
    assert_int_equal(nh_fx_turn(250, 1000), 16384);
    assert_int_equal(nh_fx_turn(UINT32_MAX, 1), 0);
    for (unsigned v = 1; v < 256; v++) {
        assert_true(nh_fx_ease8((uint8_t)v) >= nh_fx_ease8((uint8_t)(v - 1)));
        assert_true(abs(nh_fx_tri8((uint8_t)v) - nh_fx_tri8((uint8_t)(255 - v))) == 1);
    }
}

// A soft dot gives as much light wherever it stands.
static void a_dot_keeps_its_light(void **state)
{
    (void)state;
    nh_px_t px[8 * 8];
    struct nh_fx_canvas c = {8, 8, px};
    for (int32_t x = 512; x < 1024; x += 37)
        for (int32_t y = 512; y < 1024; y += 29) {
            int sum = 0;
            nh_fx_fill(&c, 0);
            nh_fx_dot_add(&c, x, y, 0x0000FF);
            for (unsigned i = 0; i < 64; i++)
                sum += (int)px[i];
            assert_in_range(sum, 248, 255);
        }
    nh_fx_dot_add(&c, -5000, 90000, 0xFFFFFF); // beside the canvas: nothing
    nh_fx_disc_add(&c, -900, 1000, 600, 0x404040);
    nh_fx_disc_add(&c, 1000, 1000, 60000, 0x010101);
}

// Chance without a state is spread evenly, and neighbours know nothing of each other.
static void chance_is_even(void **state)
{
    (void)state;
    unsigned bucket[16] = {0}, same = 0;
    for (uint32_t step = 0; step < 200; step++)
        for (uint32_t i = 0; i < 100; i++) {
            uint32_t r = nh_fx_hash(7, step, i);
            bucket[nh_fx_below(r, 16)]++;
            same += nh_fx_below(r, 16) == nh_fx_below(nh_fx_hash(7, step + 1, i), 16);
            assert_in_range(nh_fx_between(r, 5, 9), 5, 9);
            int32_t around = nh_fx_around(r, 20);
            assert_true(around >= -20 && around <= 20);
        }
    for (unsigned i = 0; i < 16; i++)
        assert_in_range(bucket[i], 1250 - 150, 1250 + 150);
    assert_in_range(same, 1250 - 150, 1250 + 150);
    assert_true(nh_fx_hash(1, 2, 3) != nh_fx_hash(2, 2, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hues_are_the_six_regions),
        cmocka_unit_test(roots_are_exact),
        cmocka_unit_test(sine_and_cosine),
        cmocka_unit_test(angles_of_points),
        cmocka_unit_test(colours_channel_by_channel),
        cmocka_unit_test(small_things),
        cmocka_unit_test(a_dot_keeps_its_light),
        cmocka_unit_test(chance_is_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
