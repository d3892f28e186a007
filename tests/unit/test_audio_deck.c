// A channel from the command to the samples: pipe, deck and mixer together, with a reader that is a
// variable. No task, no clock.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "audio_wave.h"
#include "components/audio/audio_deck.h"
#include "support/rng.h"

#define RATE 44100
#define HZ 441
#define RING_FRAMES 8192
#define OUT_FRAMES (RATE * 12)
#define PEAK 20000

struct end {
    uint32_t instance;
    enum nh_audio_reason reason;
    int err;
    uint16_t origin;
};

static struct {
    struct nh_audio__mix mix;
    struct nh_audio__deck deck;
    struct nh_audio__pipe pipe;
    uint8_t ring[RING_FRAMES * NH_AUDIO__FRAME_BYTES];
    // The reader.
    struct nh_audio__request request;
    uint64_t at, frames; // of the file
    bool is_served, is_stalled;
    int open_err, read_err;
    uint64_t file_frames; // of every file; read_err comes at their end
    // What came of it.
    int16_t *out;
    size_t len;
    struct end ends[64];
    size_t end_count;
} t;

static void on_finished(void *ctx, struct nh_audio__deck *d, const struct nh_audio__track *track,
                        enum nh_audio_reason reason, int err, uint16_t origin)
{
    assert_ptr_equal(ctx, &t);
    assert_ptr_equal(d, &t.deck);
    assert_true(t.end_count < NH_ARRAY_LEN(t.ends));
    t.ends[t.end_count++] = (struct end){track->instance, reason, err, origin};
}

static int setup(void **state)
{
    (void)state;
    const nh_lock_t none = {0};
    int16_t *out = t.out;
    memset(&t, 0, sizeof t);
    t.out = out ? out : malloc(sizeof(int16_t) * 2 * OUT_FRAMES);
    t.file_frames = RATE * 2;
    nh_audio__mix_init(&t.mix, RATE, 12, 100);
    nh_audio__pipe_init(&t.pipe, &none, t.ring, sizeof t.ring);
    t.deck = (struct nh_audio__deck){.mix = &t.mix,
                                     .strip = &t.mix.strip[NH_AUDIO_EFFECT],
                                     .pipe = &t.pipe,
                                     .prefill_frames = RATE / 25,
                                     .finished = on_finished,
                                     .ctx = &t};
    t.is_served = true;
    return 0;
}

static int free_out(void **state)
{
    (void)state;
    free(t.out);
    return 0;
}

// Serves the pipe as the reader does: a request, else one chunk.
static void read_some(void)
{
    int16_t chunk[NH_AUDIO__CHUNK_FRAMES * 2];
    if (t.is_stalled)
        return;
    if (nh_audio__pipe_request(&t.pipe, t.request.number, &t.request)) {
        const struct nh_audio_source_info info = {
            .format = NH_AUDIO_WAV, .rate_hz = RATE, .channels = 2, .frame_count = t.file_frames};
        t.is_served = t.request.instance == 0;
        t.at = (uint64_t)t.request.pos_ms * RATE / 1000;
        if (t.is_served)
            return;
        int err = t.at >= t.file_frames ? NH_ERR_RANGE : t.open_err;
        if (err < 0) {
            t.is_served = true;
            assert_true(nh_audio__pipe_end(&t.pipe, t.request.number, err));
            return;
        }
        assert_true(nh_audio__pipe_ready(&t.pipe, t.request.number, &info));
        return;
    }
    if (t.is_served || nh_audio__pipe_space(&t.pipe) < NH_AUDIO__CHUNK_FRAMES)
        return;
    if (t.at == t.file_frames && t.request.is_looped)
        t.at = 0;
    uint64_t left = t.file_frames - t.at;
    size_t n = left < NH_AUDIO__CHUNK_FRAMES ? (size_t)left : NH_AUDIO__CHUNK_FRAMES;
    t.is_served = n == 0;
    if (n == 0) {
        assert_true(nh_audio__pipe_end(&t.pipe, t.request.number, t.read_err));
        return;
    }
    wave_fill(chunk, n, HZ, RATE, PEAK, t.at);
    t.at += n;
    assert_true(nh_audio__pipe_put(&t.pipe, t.request.number, chunk, n));
}

// One block, as the player does it.
static void block(void)
{
    static int16_t in[NH_AUDIO__BLOCK_FRAMES * 2];
    struct nh_audio__feed feed[NH_AUDIO_CHANNEL_COUNT] = {{.frames = in}, {.frames = in}};
    size_t used[NH_AUDIO_CHANNEL_COUNT];
    (void)nh_audio__deck_tick(&t.deck); // the reader looks by itself here
    struct nh_audio__feed *f = &feed[NH_AUDIO_EFFECT];
    f->count = nh_audio__pipe_peek(&t.pipe, in, NH_AUDIO__BLOCK_FRAMES, &f->left, &f->is_last);
    assert_true(t.len + NH_AUDIO__BLOCK_FRAMES <= OUT_FRAMES);
    nh_audio__mix_run(&t.mix, feed, t.out + 2 * t.len, NH_AUDIO__BLOCK_FRAMES, used);
    t.len += NH_AUDIO__BLOCK_FRAMES;
    nh_audio__deck_played(&t.deck, used[NH_AUDIO_EFFECT]);
    (void)nh_audio__pipe_skip(&t.pipe, used[NH_AUDIO_EFFECT]);
    for (int i = 0; i < 4; i++) // twice as fast as it is played, with one request to serve
        read_some();
}

static void blocks(int count)
{
    for (int i = 0; i < count; i++)
        block();
}

static void until(enum nh_audio_state state)
{
    for (int i = 0; i < 2000 && t.deck.state != state; i++)
        block();
    assert_int_equal(t.deck.state, state);
}

static void play_at(uint32_t instance, uint32_t pos_ms, bool is_looped)
{
    const struct nh_audio__track track = {.instance = instance,
                                          .origin = (uint16_t)(100 + instance),
                                          .volume = 100,
                                          .is_looped = is_looped,
                                          .pos_ms = pos_ms,
                                          .path = "a.wav"};
    nh_audio__deck_play(&t.deck, &track);
}

static void play(uint32_t instance)
{
    play_at(instance, 0, false);
}

static void assert_end(size_t at, uint32_t instance, enum nh_audio_reason reason, int err,
                       uint16_t origin)
{
    assert_true(t.end_count > at);
    assert_int_equal(t.ends[at].instance, instance);
    assert_int_equal(t.ends[at].reason, reason);
    assert_int_equal(t.ends[at].err, err);
    assert_int_equal(t.ends[at].origin, origin);
}

static void assert_no_click(void)
{
    assert_in_range(wave_step(t.out, t.len), 0, wave_step_max(PEAK, HZ, RATE));
}

static void test_plays_to_its_end(void **state)
{
    (void)state;
    play(1);
    assert_true(nh_audio__deck_is_active(&t.deck));
    until(NH_AUDIO_PLAYING);
    assert_int_equal(nh_audio__deck_dur_ms(&t.deck), 2000);
    blocks(172); // one second
    assert_in_range(nh_audio__deck_pos_ms(&t.deck), 980, 1010);
    assert_true(wave_rms(t.out + 2 * (t.len - 4400), 4400, 0) > PEAK * 0.7);
    until(NH_AUDIO_IDLE);
    assert_int_equal(t.end_count, 1);
    assert_end(0, 1, NH_AUDIO_ENDED, 0, 101);
    assert_false(nh_audio__deck_is_active(&t.deck));
    assert_int_equal(t.deck.underrun_count, 0);
    assert_int_equal(t.deck.played_frames, 0);
    assert_no_click();
}

static void test_stop(void **state)
{
    (void)state;
    play(1);
    until(NH_AUDIO_PLAYING);
    blocks(20);
    nh_audio__deck_stop(&t.deck, 0, 7);
    until(NH_AUDIO_IDLE);
    blocks(3);
    assert_int_equal(t.end_count, 1);
    assert_end(0, 1, NH_AUDIO_STOPPED, 0, 7); // by whom it was stopped
    assert_int_equal(wave_peak(t.out + 2 * (t.len - 256), 256), 0);
    assert_no_click();
    nh_audio__deck_stop(&t.deck, 0, 7); // nothing plays: nothing comes of it
    blocks(2);
    play(2);
    until(NH_AUDIO_PLAYING);
    assert_int_equal(t.end_count, 1);
}

static void test_stop_with_a_fade(void **state)
{
    (void)state;
    play(1);
    until(NH_AUDIO_PLAYING);
    blocks(20);
    size_t before = t.len;
    nh_audio__deck_stop(&t.deck, 500, 7);
    until(NH_AUDIO_IDLE);
    assert_in_range(t.len - before, RATE / 2 - 256, RATE / 2 + 1024);
    assert_end(0, 1, NH_AUDIO_STOPPED, 0, 7);
    assert_no_click();
    // The next one is as loud as it is to be.
    play(2);
    until(NH_AUDIO_PLAYING);
    blocks(20);
    assert_true(wave_rms(t.out + 2 * (t.len - 4400), 4400, 0) > PEAK * 0.7);
}

static void test_a_fading_one_can_be_kept(void **state)
{
    (void)state;
    play(1);
    until(NH_AUDIO_PLAYING);
    nh_audio__deck_stop(&t.deck, 500, 7);
    blocks(20);
    nh_audio__deck_volume(&t.deck, 100, 100);
    blocks(100);
    assert_int_equal(t.deck.state, NH_AUDIO_PLAYING);
    assert_int_equal(t.end_count, 0);
}

static void test_play_over_play(void **state)
{
    (void)state;
    play(1);
    until(NH_AUDIO_PLAYING);
    blocks(20);
    play(2);
    play(3); // before the first fell silent: 2 is never heard
    assert_end(0, 2, NH_AUDIO_STOPPED, 0, 103);
    blocks(5);
    assert_end(1, 1, NH_AUDIO_STOPPED, 0, 103);
    until(NH_AUDIO_PLAYING);
    assert_int_equal(t.deck.track.instance, 3);
    until(NH_AUDIO_IDLE);
    assert_end(2, 3, NH_AUDIO_ENDED, 0, 103);
    assert_int_equal(t.end_count, 3);
    assert_no_click();
}

static void test_pause_and_resume(void **state)
{
    (void)state;
    play(1);
    until(NH_AUDIO_PLAYING);
    blocks(20);
    nh_audio__deck_pause(&t.deck, true);
    until(NH_AUDIO_PAUSED);
    uint32_t pos_ms = nh_audio__deck_pos_ms(&t.deck);
    blocks(200);
    assert_int_equal(nh_audio__deck_pos_ms(&t.deck), pos_ms);
    assert_false(nh_audio__deck_is_active(&t.deck));
    assert_int_equal(wave_peak(t.out + 2 * (t.len - 4400), 4400), 0);
    nh_audio__deck_pause(&t.deck, false);
    assert_true(nh_audio__deck_is_active(&t.deck));
    until(NH_AUDIO_PLAYING);
    until(NH_AUDIO_IDLE);
    assert_end(0, 1, NH_AUDIO_ENDED, 0, 101);
    assert_no_click();
    // All of it was heard: the sum of the parts is the file.
    assert_int_equal(t.deck.underrun_count, 0);
}

static void test_pause_before_it_sounds_and_stop(void **state)
{
    (void)state;
    play(1);
    nh_audio__deck_pause(&t.deck, true);
    blocks(50);
    assert_int_equal(t.deck.state, NH_AUDIO_PAUSED);
    assert_int_equal(wave_peak(t.out, t.len), 0);
    nh_audio__deck_stop(&t.deck, 300, 7); // what is not heard needs no fade
    block();
    assert_int_equal(t.deck.state, NH_AUDIO_IDLE);
    assert_end(0, 1, NH_AUDIO_STOPPED, 0, 7);
}

static void test_seek(void **state)
{
    static const uint32_t places[] = {0, 1, 500, 1000, 1999};
    for (size_t i = 0; i < NH_ARRAY_LEN(places); i++) {
        setup(state);
        play(1);
        until(NH_AUDIO_PLAYING);
        blocks(30);
        nh_audio__deck_seek(&t.deck, places[i]);
        blocks(2);
        until(places[i] == 1999 ? NH_AUDIO_IDLE : NH_AUDIO_PLAYING);
        if (places[i] < 1999)
            assert_in_range(nh_audio__deck_pos_ms(&t.deck), places[i], places[i] + 30);
        until(NH_AUDIO_IDLE);
        assert_no_click();
        assert_end(0, 1, NH_AUDIO_ENDED, 0, 101);
    }
    // Paused it stays paused, elsewhere.
    setup(state);
    play(1);
    until(NH_AUDIO_PLAYING);
    nh_audio__deck_pause(&t.deck, true);
    until(NH_AUDIO_PAUSED);
    nh_audio__deck_seek(&t.deck, 1500);
    blocks(50);
    assert_int_equal(t.deck.state, NH_AUDIO_PAUSED);
    assert_int_equal(nh_audio__deck_pos_ms(&t.deck), 1500);
    // One that has not begun begins there.
    play(2);
    nh_audio__deck_seek(&t.deck, 700);
    until(NH_AUDIO_PLAYING);
    assert_in_range(nh_audio__deck_pos_ms(&t.deck), 700, 730);
}

static void test_loop(void **state)
{
    (void)state;
    t.file_frames = 44100; // whole turns: the seam is not heard
    play_at(1, 500, true);
    until(NH_AUDIO_PLAYING);
    blocks(4 * 172);
    assert_int_equal(t.deck.state, NH_AUDIO_PLAYING);
    assert_true(nh_audio__deck_pos_ms(&t.deck) < 1000);
    const int16_t *part = t.out + 2 * (t.len - 88000);
    assert_true(fabs(wave_amplitude(part, 88000, 0, HZ, RATE) - PEAK) < 10);
    nh_audio__deck_stop(&t.deck, 0, 7);
    until(NH_AUDIO_IDLE);
    assert_no_click();
}

static void test_errors(void **state)
{
    (void)state;
    t.open_err = NH_ERR_UNSUPPORTED;
    play(1);
    blocks(3);
    assert_end(0, 1, NH_AUDIO_ERROR, NH_ERR_UNSUPPORTED, 101);
    assert_int_equal(t.deck.err, NH_ERR_UNSUPPORTED);
    assert_int_equal(t.deck.state, NH_AUDIO_IDLE);
    // One that breaks in the middle is heard until there, and ends softly.
    t.open_err = 0;
    t.read_err = NH_ERR_IO;
    play(2);
    until(NH_AUDIO_PLAYING);
    assert_int_equal(t.deck.err, 0);
    until(NH_AUDIO_IDLE);
    assert_end(1, 2, NH_AUDIO_ERROR, NH_ERR_IO, 102);
    assert_no_click();
}

static void test_underrun(void **state)
{
    (void)state;
    play(1);
    until(NH_AUDIO_PLAYING);
    for (int i = 0; i < 3; i++) {
        t.is_stalled = true; // the card makes us wait
        until(NH_AUDIO_LOADING);
        blocks(10);
        assert_int_equal(t.deck.underrun_count, i + 1);
        assert_int_equal(wave_peak(t.out + 2 * (t.len - 256), 256), 0);
        t.is_stalled = false;
        until(NH_AUDIO_PLAYING);
        blocks(10);
    }
    until(NH_AUDIO_IDLE);
    assert_end(0, 1, NH_AUDIO_ENDED, 0, 101);
    assert_no_click();
}

static void test_fade_in(void **state)
{
    (void)state;
    const struct nh_audio__track track = {
        .instance = 1, .volume = 80, .fade_ms = 400, .path = "a.wav"};
    nh_audio__deck_play(&t.deck, &track);
    until(NH_AUDIO_PLAYING);
    blocks(5);
    assert_true(wave_peak(t.out, t.len) < PEAK / 50);
    blocks(80);
    double want = PEAK * nh_audio__curve(80);
    assert_true(fabs(wave_amplitude(t.out + 2 * (t.len - 4400), 4400, 0, HZ, RATE) - want) < 20);
    assert_no_click();
}

static void test_late_answers_are_dropped(void **state)
{
    (void)state;
    struct nh_audio__request first;
    int16_t chunk[4] = {1, 2, 3, 4};
    const struct nh_audio_source_info info = {.rate_hz = RATE, .frame_count = 5};
    play(1);
    nh_audio__deck_tick(&t.deck);
    assert_true(nh_audio__pipe_request(&t.pipe, 0, &first));
    play(2);
    nh_audio__deck_tick(&t.deck);
    assert_false(nh_audio__pipe_ready(&t.pipe, first.number, &info));
    assert_false(nh_audio__pipe_put(&t.pipe, first.number, chunk, 2));
    assert_false(nh_audio__pipe_end(&t.pipe, first.number, NH_ERR_IO));
    size_t frames;
    struct nh_audio__answer answer;
    nh_audio__pipe_answer(&t.pipe, &answer, &frames);
    assert_false(answer.is_ready || answer.is_last);
    assert_int_equal(frames, 0);
}

// Any commands at any time: each instance ends exactly once, and nothing clicks.
static void test_random_commands(void **state)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        setup(state);
        struct rng rng = {seed};
        uint32_t instance = 0;
        for (int i = 0; i < 150; i++) {
            switch (rng_below(&rng, 9)) {
            case 0:
            case 1:
                play_at(++instance, (uint32_t)rng_below(&rng, 2200), rng_below(&rng, 2));
                break;
            case 2:
                nh_audio__deck_stop(&t.deck, (uint32_t)rng_below(&rng, 2) * 50, 7);
                break;
            case 3:
            case 4:
                nh_audio__deck_pause(&t.deck, rng_below(&rng, 2));
                break;
            case 5:
                nh_audio__deck_seek(&t.deck, (uint32_t)rng_below(&rng, 1900));
                break;
            case 6:
                t.is_stalled = rng_below(&rng, 3) == 0;
                break;
            default:
                break;
            }
            blocks((int)rng_below(&rng, 8));
            if (t.end_count > 40) {
                assert_in_range(instance - t.end_count, 0, 2);
                break;
            }
        }
        t.is_stalled = false;
        nh_audio__deck_stop(&t.deck, 0, 7);
        blocks(20);
        assert_int_equal(t.deck.state, NH_AUDIO_IDLE);
        assert_int_equal(t.end_count, instance);
        for (uint32_t k = 1; k <= instance; k++) {
            size_t found = 0;
            for (size_t e = 0; e < t.end_count; e++)
                found += t.ends[e].instance == k;
            assert_int_equal(found, 1);
        }
        if (wave_step(t.out, t.len) > wave_step_max(PEAK, HZ, RATE))
            fail_msg("seed %u clicks: %d", (unsigned)seed, wave_step(t.out, t.len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_plays_to_its_end, setup),
        cmocka_unit_test_setup(test_stop, setup),
        cmocka_unit_test_setup(test_stop_with_a_fade, setup),
        cmocka_unit_test_setup(test_a_fading_one_can_be_kept, setup),
        cmocka_unit_test_setup(test_play_over_play, setup),
        cmocka_unit_test_setup(test_pause_and_resume, setup),
        cmocka_unit_test_setup(test_pause_before_it_sounds_and_stop, setup),
        cmocka_unit_test_setup(test_seek, setup),
        cmocka_unit_test_setup(test_loop, setup),
        cmocka_unit_test_setup(test_errors, setup),
        cmocka_unit_test_setup(test_underrun, setup),
        cmocka_unit_test_setup(test_fade_in, setup),
        cmocka_unit_test_setup(test_late_answers_are_dropped, setup),
        cmocka_unit_test_setup(test_random_commands, setup),
    };
    return cmocka_run_group_tests(tests, NULL, free_out);
}
