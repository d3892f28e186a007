// The mixer, on samples: levels, fades, edges, ducking, the limit on the sum.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "audio_wave.h"
#include "components/audio/audio_mix.h"

#define RATE 44100
#define LONG 22000 // frames; a whole number of turns of each tone here, so that bins do not leak
#define SHORT 4400
#define HZ 441 // 100 frames a turn
#define MAX_FRAMES (RATE * 2)

static struct {
    struct nh_audio__mix mix;
    int16_t out[MAX_FRAMES * 2];
    size_t len;
    // Of each channel: a tone, and how many frames of it there are.
    double amplitude[NH_AUDIO_CHANNEL_COUNT];
    double hz[NH_AUDIO_CHANNEL_COUNT];
    uint64_t at[NH_AUDIO_CHANNEL_COUNT], left[NH_AUDIO_CHANNEL_COUNT];
    bool is_last[NH_AUDIO_CHANNEL_COUNT];
} t;

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    nh_audio__mix_init(&t.mix, RATE, 12, 100);
    for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++) {
        t.amplitude[c] = 20000;
        t.hz[c] = HZ;
        t.left[c] = UINT32_MAX;
    }
    return 0;
}

// Mixes `frames` more in blocks of `block`. Returns where they begin in t.out.
static int16_t *mix_blocks(size_t frames, size_t block)
{
    static int16_t in[NH_AUDIO_CHANNEL_COUNT][NH_AUDIO__BLOCK_FRAMES * 2];
    int16_t *begin = t.out + 2 * t.len;
    assert_true(t.len + frames <= MAX_FRAMES);
    while (frames > 0) {
        size_t n = frames < block ? frames : block, used[NH_AUDIO_CHANNEL_COUNT];
        struct nh_audio__feed feed[NH_AUDIO_CHANNEL_COUNT];
        for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++) {
            size_t count = t.left[c] < n ? (size_t)t.left[c] : n;
            wave_fill(in[c], count, t.hz[c], RATE, t.amplitude[c], t.at[c]);
            feed[c] = (struct nh_audio__feed){in[c], count, (size_t)t.left[c], t.is_last[c]};
        }
        nh_audio__mix_run(&t.mix, feed, t.out + 2 * t.len, n, used);
        for (size_t c = 0; c < NH_AUDIO_CHANNEL_COUNT; c++) {
            assert_true(used[c] <= feed[c].count);
            t.at[c] += used[c];
            t.left[c] -= used[c];
        }
        t.len += n;
        frames -= n;
    }
    return begin;
}

static int16_t *mix(size_t frames)
{
    return mix_blocks(frames, NH_AUDIO__BLOCK_FRAMES);
}

static struct nh_audio__strip *strip(enum nh_audio_channel c)
{
    return &t.mix.strip[c];
}

static void assert_no_click(double peak, double hz)
{
    assert_in_range(wave_step(t.out, t.len), 0, wave_step_max(peak, hz, RATE));
}

static void test_curve(void **state)
{
    static const struct {
        float volume;
        double db;
    } rows[] = {{100, 0}, {98, -1}, {70, -15}, {50, -25}, {1, -49.5}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        assert_true(fabs(wave_db(nh_audio__curve(rows[i].volume), 1) - rows[i].db) < 0.01);
    assert_true(nh_audio__curve(0) == 0);
    assert_true(nh_audio__curve(-1) == 0);
    float before = 0;
    for (float v = 0; v <= 100; v += 0.125f) { // it only rises, and has no jump at 1
        float gain = nh_audio__curve(v);
        assert_true(gain >= before && gain - before < 0.01f);
        before = gain;
    }
}

static void test_silence_takes_nothing(void **state)
{
    (void)state;
    mix(1000);
    assert_int_equal(wave_peak(t.out, t.len), 0);
    assert_int_equal(t.at[0], 0);
    assert_int_equal(t.at[1], 0);
}

static void test_level_and_frequency(void **state)
{
    static const uint32_t volumes[] = {100, 70, 30, 1, 0};
    for (size_t i = 0; i < NH_ARRAY_LEN(volumes); i++) {
        setup(state);
        nh_audio__mix_init(&t.mix, RATE, 12, volumes[i]);
        nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
        mix(1000); // past the edge
        const int16_t *part = mix(LONG);
        double want = 20000 * nh_audio__curve((float)volumes[i]);
        assert_true(fabs(wave_amplitude(part, LONG, 0, HZ, RATE) - want) < 2);
        assert_true(fabs(wave_amplitude(part, LONG, 1, HZ, RATE) - want) < 2);
        assert_true(wave_amplitude(part, LONG, 0, 2 * HZ, RATE) < 2); // no distortion
    }
}

static void test_both_channels_add_up(void **state)
{
    (void)state;
    t.amplitude[0] = t.amplitude[1] = 10000;
    t.hz[1] = 882;
    nh_audio__mix_init(&t.mix, RATE, 0, 100); // no ducking
    nh_audio__strip_open(strip(NH_AUDIO_BACKGROUND));
    nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
    mix(1000);
    const int16_t *part = mix(LONG);
    assert_true(fabs(wave_amplitude(part, LONG, 0, HZ, RATE) - 10000) < 5);
    assert_true(fabs(wave_amplitude(part, LONG, 0, 882, RATE) - 10000) < 5);
}

static void test_edges_do_not_click(void **state)
{
    // Opened and closed at every phase of the tone, in blocks of any size.
    for (size_t phase = 0; phase < 100; phase += 7) {
        setup(state);
        t.at[1] = phase;
        nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
        mix_blocks(700 + phase, 1 + phase);
        nh_audio__strip_close(strip(NH_AUDIO_EFFECT));
        mix_blocks(700, 64);
        assert_true(nh_audio__strip_is_silent(strip(NH_AUDIO_EFFECT)));
        assert_int_equal(wave_peak(t.out + 2 * (t.len - 100), 100), 0);
        assert_no_click(20000, HZ);
        nh_audio__strip_open(strip(NH_AUDIO_EFFECT)); // goes on where it was
        mix(700);
        assert_no_click(20000, HZ);
    }
}

static void test_edge_takes_5_ms(void **state)
{
    (void)state;
    nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
    size_t edge = RATE * 5 / 1000, used[2];
    int16_t level[512];
    for (size_t i = 0; i < 512; i++)
        level[i] = 20000; // so that the samples are the envelope
    const struct nh_audio__feed feed[2] = {{0}, {level, 256, 100000, false}};
    nh_audio__mix_run(&t.mix, feed, t.out, 256, used);
    for (size_t i = 0; i < 256; i++) {
        int want = i + 1 < edge ? (int)(20000 * (i + 1) / edge) : 20000;
        assert_in_range(t.out[2 * i], want - 2, want + 2);
    }
}

static void test_what_ends_by_itself_ends_softly(void **state)
{
    (void)state;
    t.left[1] = 3025; // in the middle of a wave
    t.is_last[1] = true;
    nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
    mix(4000);
    assert_int_equal(t.left[1], 0);
    assert_true(nh_audio__strip_is_silent(strip(NH_AUDIO_EFFECT)));
    assert_false(strip(NH_AUDIO_EFFECT)->is_starved);
    assert_no_click(20000, HZ);
    assert_true(wave_rms(t.out + 2 * 2600, 100, 0) > 14000); // full until 5 ms before the end
}

static void test_shorter_than_an_edge(void **state)
{
    static const uint64_t lengths[] = {0, 1, 2, 100, 219, 220, 221, 440};
    for (size_t i = 0; i < NH_ARRAY_LEN(lengths); i++) {
        setup(state);
        t.left[1] = lengths[i];
        t.is_last[1] = true;
        nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
        mix(1000);
        assert_int_equal(t.left[1], 0);
        assert_true(nh_audio__strip_is_silent(strip(NH_AUDIO_EFFECT)));
        assert_no_click(20000, HZ);
    }
}

static void test_starving_closes_while_there_is_something(void **state)
{
    for (size_t left = 250; left < 1500; left += 37) {
        setup(state);
        t.left[1] = left;
        nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
        mix(2000);
        assert_true(strip(NH_AUDIO_EFFECT)->is_starved);
        assert_true(nh_audio__strip_is_silent(strip(NH_AUDIO_EFFECT)));
        assert_no_click(20000, HZ);
        // More has come: it is opened anew.
        t.left[1] = UINT32_MAX;
        nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
        const int16_t *part = mix(1000);
        assert_true(wave_rms(part + 2 * 500, 500, 0) > 14000);
        assert_no_click(20000, HZ);
    }
}

static void test_fades(void **state)
{
    (void)state;
    nh_audio__fader_set(&strip(NH_AUDIO_EFFECT)->level, 0);
    nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
    nh_audio__fader_move(&t.mix, &strip(NH_AUDIO_EFFECT)->level, 100, 500);
    double before = 0;
    for (int i = 0; i < 10; i++) { // it rises evenly: 5 dB in each tenth
        const int16_t *part = mix(RATE / 20);
        double rms = wave_rms(part, RATE / 20, 0);
        if (i > 1)
            assert_true(fabs(wave_db(rms, before) - 5) < 0.5);
        before = rms;
    }
    assert_true(strip(NH_AUDIO_EFFECT)->level.now == 100);
    assert_true(wave_rms(mix(1000), 1000, 0) > 14100);
    nh_audio__fader_move(&t.mix, &strip(NH_AUDIO_EFFECT)->level, 0, 300);
    mix(RATE * 3 / 10 + 64);
    assert_true(strip(NH_AUDIO_EFFECT)->level.now == 0);
    assert_int_equal(wave_peak(mix(100), 100), 0);
    assert_no_click(20000, HZ);
}

static void test_volume_at_once_does_not_click(void **state)
{
    (void)state;
    nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
    mix(1000);
    nh_audio__fader_move(&t.mix, &t.mix.master, 30, 0);
    mix(1000);
    nh_audio__fader_move(&t.mix, &t.mix.master, 100, 0);
    mix(1000);
    // A gain of half a decibel a step over 35 dB in 5 ms: the curve is steeper than an edge.
    assert_in_range(wave_step(t.out, t.len), 0, 2 * wave_step_max(20000, HZ, RATE));
    assert_true(fabs(wave_amplitude(mix(SHORT), SHORT, 0, HZ, RATE) - 20000) < 3);
}

static void test_ducking(void **state)
{
    (void)state;
    t.amplitude[NH_AUDIO_EFFECT] = 0; // so that the background alone is measured
    nh_audio__strip_open(strip(NH_AUDIO_BACKGROUND));
    mix(1000);
    double full = wave_rms(mix(4410), 4410, 0);
    nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
    mix(RATE / 10 + 100);
    double ducked = wave_rms(mix(4410), 4410, 0);
    assert_true(fabs(wave_db(ducked, full) + 12) < 0.1);
    nh_audio__strip_close(strip(NH_AUDIO_EFFECT));
    mix(RATE / 2 + 100);
    assert_true(fabs(wave_db(wave_rms(mix(4410), 4410, 0), full)) < 0.1);
    assert_no_click(20000, HZ);
}

static void test_sum_is_limited_and_never_wraps(void **state)
{
    static const double hz[][2] = {{HZ, HZ}, {HZ, 1000}, {50, 3000}};
    for (size_t i = 0; i < NH_ARRAY_LEN(hz); i++) {
        setup(state);
        nh_audio__mix_init(&t.mix, RATE, 0, 100);
        t.amplitude[0] = t.amplitude[1] = 32767;
        t.hz[0] = hz[i][0];
        t.hz[1] = hz[i][1];
        nh_audio__strip_open(strip(NH_AUDIO_BACKGROUND));
        nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
        mix(RATE);
        assert_int_equal(wave_peak(t.out, t.len), 32767);
        // Both together have at most the steps of both; wrapped, it would have 65535.
        int step = wave_step_max(32767, hz[i][0], RATE) + wave_step_max(32767, hz[i][1], RATE);
        assert_in_range(wave_step(t.out, t.len), 0, step);
    }
    // The same tone twice comes out as the tone, with its top bent by less than 3 %.
    setup(state);
    nh_audio__mix_init(&t.mix, RATE, 0, 100);
    t.amplitude[0] = t.amplitude[1] = 32767;
    nh_audio__strip_open(strip(NH_AUDIO_BACKGROUND));
    nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
    mix(RATE / 2);
    const int16_t *part = mix(LONG);
    double tone = wave_amplitude(part, LONG, 0, HZ, RATE);
    assert_true(wave_amplitude(part, LONG, 0, 3 * HZ, RATE) < 0.03 * tone);
    // Afterwards it is what it was.
    nh_audio__strip_close(strip(NH_AUDIO_BACKGROUND));
    t.len = 0;
    mix(RATE / 2);
    assert_true(t.mix.limit == 1);
    assert_true(fabs(wave_amplitude(mix(SHORT), SHORT, 0, HZ, RATE) - 32767) < 5);
}

static void test_any_rate(void **state)
{
    static const uint32_t rates[] = {8000, 22050, 48000, 96000, 192000};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rates); i++) {
        size_t used[2];
        int16_t in[512], out[512];
        nh_audio__mix_init(&t.mix, rates[i], 12, 100);
        nh_audio__strip_open(strip(NH_AUDIO_EFFECT));
        for (size_t k = 0; k < 512; k++)
            in[k] = 1000;
        const struct nh_audio__feed feed[2] = {{0}, {in, 256, 100000, false}};
        for (int k = 0; k < 10; k++)
            nh_audio__mix_run(&t.mix, feed, out, 256, used);
        assert_int_equal(out[511], 1000);
        assert_int_equal(used[1], 256);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_curve, setup),
        cmocka_unit_test_setup(test_silence_takes_nothing, setup),
        cmocka_unit_test_setup(test_level_and_frequency, setup),
        cmocka_unit_test_setup(test_both_channels_add_up, setup),
        cmocka_unit_test_setup(test_edges_do_not_click, setup),
        cmocka_unit_test_setup(test_edge_takes_5_ms, setup),
        cmocka_unit_test_setup(test_what_ends_by_itself_ends_softly, setup),
        cmocka_unit_test_setup(test_shorter_than_an_edge, setup),
        cmocka_unit_test_setup(test_starving_closes_while_there_is_something, setup),
        cmocka_unit_test_setup(test_fades, setup),
        cmocka_unit_test_setup(test_volume_at_once_does_not_click, setup),
        cmocka_unit_test_setup(test_ducking, setup),
        cmocka_unit_test_setup(test_sum_is_limited_and_never_wraps, setup),
        cmocka_unit_test_setup(test_any_rate, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
