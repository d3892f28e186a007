// How loud something is: readings on a scale of decibels, and the band that a tone is in.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "audio_wave.h"
#include "components/audio/audio_level.h"

#define RATE 44100

static struct nh_audio__level l;
static struct nh_audio__reading last;

// Half a second of a tone in blocks of `block`; gives the number of readings.
static int play(double hz, double amplitude, size_t block)
{
    static int16_t frames[2048 * 2];
    int readings = 0;
    for (uint64_t at = 0; at + block <= RATE / 2; at += block) {
        wave_fill(frames, block, hz, RATE, amplitude, at);
        readings += nh_audio__level_add(&l, frames, block, &last);
    }
    return readings;
}

static void test_silence_is_0(void **state)
{
    (void)state;
    nh_audio__level_init(&l, RATE);
    assert_true(play(1000, 0, 256) > 15);
    assert_int_equal(last.level, 0);
    for (size_t i = 0; i < NH_AUDIO__BAND_COUNT; i++)
        assert_int_equal(last.band[i], 0);
}

static void test_scale_is_of_decibels(void **state)
{
    static const struct {
        double amplitude;
        int level;
    } rows[] = {{32767, 255}, {16384, 229}, {3277, 170}, {328, 85}, {33, 0}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_audio__level_init(&l, RATE);
        play(997, rows[i].amplitude, 256);
        assert_in_range(last.level + 10, rows[i].level + 8, rows[i].level + 12);
    }
}

static void test_a_tone_is_in_its_band(void **state)
{
    (void)state;
    for (size_t want = 0; want < NH_AUDIO__BAND_COUNT; want++) {
        double hz = 60 * pow(10000.0 / 60, (double)want / (NH_AUDIO__BAND_COUNT - 1));
        size_t loudest = 0;
        nh_audio__level_init(&l, RATE);
        play(hz, 20000, 256);
        for (size_t i = 0; i < NH_AUDIO__BAND_COUNT; i++)
            loudest = last.band[i] > last.band[loudest] ? i : loudest;
        assert_int_equal(loudest, want);
        assert_true(last.band[want] + 8 >= last.level);
        size_t far = want < 8 ? 15 : 0; // four octaves away it is hardly heard
        assert_true(last.band[far] < last.level - 60);
    }
}

// However the frames come: as many readings, of about the same.
static void test_blocks_do_not_matter(void **state)
{
    (void)state;
    nh_audio__level_init(&l, RATE);
    int all = play(440, 8000, 1);
    struct nh_audio__reading one = last;
    nh_audio__level_init(&l, RATE);
    assert_in_range(play(440, 8000, 256), all - 3, all);
    assert_in_range(last.level, one.level - 1, one.level + 1);
}

static void test_low_rates_are_stable(void **state)
{
    (void)state;
    nh_audio__level_init(&l, 8000);
    for (int n = 0; n < 100; n++)
        play(300, 32767, 200);
    assert_int_equal(last.level > 200, 1);
    for (int n = 0; n < 10; n++)
        play(300, 0, 200);
    assert_int_equal(last.level, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence_is_0),          cmocka_unit_test(test_scale_is_of_decibels),
        cmocka_unit_test(test_a_tone_is_in_its_band), cmocka_unit_test(test_blocks_do_not_matter),
        cmocka_unit_test(test_low_rates_are_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
