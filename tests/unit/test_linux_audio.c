// Sound in files and out of them: formats, rates, places, ends; devices that are there, that take
// everything at once, and that are not there.

#include "linux_fixture.h"

#include "audio_fixture.h"
#include "platform/audio.h"
#include "platform/linux/audio/audio_pace.h"
#include "platform/linux/port.h"

#define RATE 44100
#define MAX_FRAMES (RATE * 4)

static struct linux_fixture fx;
static char dir[256];
static nh_files_t *files;
static int16_t *frames;

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    fixture_dir_make(dir, sizeof dir);
    assert_int_equal(nh_files_open(fx.mem, dir, &files), NH_OK);
    frames = malloc(sizeof *frames * 2 * MAX_FRAMES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(frames);
    nh_files_close(files);
    fixture_dir_remove(dir);
    fixture_stop(&fx);
    return 0;
}

static const char *path_of(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static struct nh_audio_source_config config(const char *name)
{
    return (struct nh_audio_source_config){
        .mem = fx.mem, .fs = nh_files_fs(files), .path = name, .rate_hz = RATE};
}

static nh_audio_source_t *open_source(const char *name)
{
    const struct nh_audio_source_config cfg = config(name);
    nh_audio_source_t *s;
    assert_int_equal(nh_audio_source_open(&cfg, &s), 0);
    return s;
}

static size_t read_all(nh_audio_source_t *s, size_t max, size_t step)
{
    size_t len = 0;
    int n = 1;
    while (n > 0 && len < max) {
        n = nh_audio_source_read(s, frames + 2 * len, max - len < step ? max - len : step);
        assert_true(n >= 0);
        len += (size_t)n;
    }
    return len;
}

static void make(const char *name, int format, int rate_hz, int channels)
{
    const struct tone tone = {format, rate_hz, channels, 1000, 0.5, 1};
    tone_make(path_of(name), &tone);
}

// Every format at its own rates sounds as the tone that it was made from, equally loud within 1 dB.
static void test_formats_and_rates(void **state)
{
    static const struct {
        int format;
        enum nh_audio_format want;
        int rates[6];
    } rows[] = {
        {TONE_WAV, NH_AUDIO_WAV, {8000, 22050, 44100, 48000, 96000}},
        {SF_FORMAT_WAV | SF_FORMAT_PCM_U8, NH_AUDIO_WAV, {44100}},
        {SF_FORMAT_WAV | SF_FORMAT_PCM_24, NH_AUDIO_WAV, {44100}},
        {SF_FORMAT_WAV | SF_FORMAT_PCM_32, NH_AUDIO_WAV, {32000}},
        {SF_FORMAT_WAV | SF_FORMAT_FLOAT, NH_AUDIO_WAV, {11025}},
        {SF_FORMAT_WAVEX | SF_FORMAT_PCM_16, NH_AUDIO_WAV, {44100}},
        {SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, NH_AUDIO_WAV, {44100}},
        {TONE_MP3, NH_AUDIO_MP3, {22050, 44100, 48000}},
        {TONE_FLAC, NH_AUDIO_FLAC, {44100, 48000}},
        {TONE_OGG, NH_AUDIO_OGG, {22050, 44100, 48000}},
        {TONE_OPUS, NH_AUDIO_OGG, {48000}},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        for (size_t k = 0; rows[i].rates[k]; k++)
            for (int channels = 1; channels <= 2; channels++) {
                struct nh_audio_source_info info;
                make("tone", rows[i].format, rows[i].rates[k], channels);
                nh_audio_source_t *s = open_source("tone");
                nh_audio_source_info(s, &info);
                assert_int_equal(info.format, rows[i].want);
                assert_int_equal(info.rate_hz, rows[i].rates[k]);
                assert_int_equal(info.channels, channels);
                // ADPCM comes in blocks; all others are told to the frame.
                assert_in_range(info.frame_count, rows[i].rates[k], rows[i].rates[k] * 1.1);
                size_t len = read_all(s, MAX_FRAMES, 1000);
                assert_in_range(len, RATE - 100, RATE * 1.1);
                nh_audio_source_close(s);
                // Of the middle, a whole number of turns at 44.1 kHz.
                const int16_t *part = frames + 2 * 10000;
                double left = wave_amplitude(part, 22050, 0, 1000, RATE);
                double right = wave_amplitude(part, 22050, 1, 1000, RATE);
                double db = wave_db(left, 16384);
                if (fabs(db) > 1 || fabs(left - right) > 300)
                    fail_msg("format %x at %d, %d channels: %.2f dB, right %.0f", rows[i].format,
                             rows[i].rates[k], channels, db, right);
                assert_true(wave_amplitude(part, 22050, 0, 3000, RATE) < 0.03 * left);
            }
}

static void test_more_than_two_channels(void **state)
{
    (void)state;
    make("tone", SF_FORMAT_WAVEX | SF_FORMAT_PCM_16, RATE, 6);
    nh_audio_source_t *s = open_source("tone");
    size_t len = read_all(s, MAX_FRAMES, 512);
    assert_int_equal(len, RATE);
    assert_true(fabs(wave_amplitude(frames, RATE, 0, 1000, RATE) - 16384) < 20);
    for (size_t i = 0; i < len; i++)
        assert_in_range(frames[2 * i] + frames[2 * i + 1] + 2, 0, 4); // right is left upside down
    nh_audio_source_close(s);
}

// A file whose left channel is the number of its frame, and whose right is that upside down: every
// place is known by its sample.
static void make_ramp(const char *name, long count)
{
    SF_INFO info = {.samplerate = RATE, .channels = 2, .format = TONE_WAV};
    SNDFILE *f = sf_open(path_of(name), SFM_WRITE, &info);
    for (long i = 0; i < count; i++) {
        short frame[2] = {(short)(i % 30000), (short)(-1 - i % 30000)};
        assert_int_equal(sf_writef_short(f, frame, 1), 1);
    }
    sf_close(f);
}

static void test_seek_to_each_ms(void **state)
{
    (void)state;
    make_ramp("ramp", RATE);
    for (int with_pcm = 0; with_pcm < 2; with_pcm++) {
        const struct nh_audio_pcm pcm = {RATE, 2, 16, false, 44, RATE * 4};
        struct nh_audio_source_config cfg = config("ramp");
        nh_audio_source_t *s;
        cfg.pcm = with_pcm ? &pcm : NULL;
        assert_int_equal(nh_audio_source_open(&cfg, &s), 0);
        for (uint64_t ms = 0; ms < 1000; ms++) {
            uint64_t at = ms * RATE / 1000;
            assert_int_equal(nh_audio_source_seek(s, at), 0);
            assert_int_equal(nh_audio_source_read(s, frames, 3), 3);
            for (uint64_t k = 0; k < 3; k++) {
                assert_int_equal(frames[2 * k], (at + k) % 30000);
                assert_int_equal(frames[2 * k + 1], -1 - (int)((at + k) % 30000));
            }
        }
        assert_int_equal(nh_audio_source_seek(s, RATE), NH_ERR_RANGE);
        assert_int_equal(nh_audio_source_read(s, frames, 1), 1); // it goes on where it was
        assert_int_equal(frames[0], (999 * RATE / 1000 + 3) % 30000);
        nh_audio_source_close(s);
    }
}

// In MP3 the place is as near as the table in the file's head is: here within 30 ms or so.
static void test_seek_in_what_is_compressed(void **state)
{
    static const int formats[] = {TONE_MP3, TONE_OGG, TONE_FLAC};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(formats); i++) {
        make("tone", formats[i], RATE, 2);
        nh_audio_source_t *s = open_source("tone");
        for (uint64_t ms = 0; ms < 900; ms += 37) {
            assert_int_equal(nh_audio_source_seek(s, ms * RATE / 1000), 0);
            size_t len = read_all(s, MAX_FRAMES, 512);
            assert_in_range(len, RATE - ms * RATE / 1000 - 1200, RATE - ms * RATE / 1000 + 1200);
            double db = wave_db(wave_rms(frames + 2 * 441, 3528, 0), 11585);
            if (ms < 800 && fabs(db) > 1)
                fail_msg("format %x at %u ms: %.1f dB", formats[i], (unsigned)ms, db);
        }
        nh_audio_source_close(s);
    }
}

static void test_pcm_windows(void **state)
{
    (void)state;
    make_ramp("ramp", 100);
    // As a recorder leaves it that was cut off: 0 for the length of the samples.
    FILE *f = fopen(path_of("ramp"), "r+b");
    fseek(f, 40, SEEK_SET);
    fwrite("\0\0\0\0", 1, 4, f);
    fclose(f);
    static const struct {
        uint64_t offset, bytes;
        int err;
        size_t want;
    } rows[] = {{44, 400, 0, 100}, {44, 1000000, 0, 100}, {44, 0, 0, 0},
                {84, 40, 0, 10},   {444, 4, 0, 0},        {445, 4, NH_ERR_CORRUPT, 0}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct nh_audio_pcm pcm = {RATE, 2, 16, false, rows[i].offset, rows[i].bytes};
        struct nh_audio_source_config cfg = config("ramp");
        nh_audio_source_t *s;
        cfg.pcm = &pcm;
        assert_int_equal(nh_audio_source_open(&cfg, &s), rows[i].err);
        if (rows[i].err < 0)
            continue;
        assert_int_equal(read_all(s, MAX_FRAMES, 7), rows[i].want);
        if (rows[i].want)
            assert_int_equal(frames[0], (rows[i].offset - 44) / 4);
        nh_audio_source_close(s);
    }
}

static void test_loop_has_no_seam(void **state)
{
    static const int rates[] = {44100, 48000};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rates); i++) {
        struct nh_audio_source_config cfg = config("tone");
        nh_audio_source_t *s;
        make("tone", TONE_WAV, rates[i], 2); // a whole number of turns
        cfg.is_looped = true;
        assert_int_equal(nh_audio_source_open(&cfg, &s), 0);
        assert_int_equal(read_all(s, MAX_FRAMES, 777), MAX_FRAMES);
        nh_audio_source_close(s);
        const int16_t *part = frames + 2 * 2000;
        assert_in_range(wave_step(part, MAX_FRAMES - 2000), 0, wave_step_max(16500, 1000, RATE));
        assert_true(wave_amplitude(part, 3 * RATE, 0, 1000, RATE) > 16300);
    }
    // What has nothing in it does not go round for ever.
    struct nh_audio_source_config cfg = config("empty");
    nh_audio_source_t *s;
    make_ramp("empty", 0);
    cfg.is_looped = true;
    assert_int_equal(nh_audio_source_open(&cfg, &s), 0);
    assert_int_equal(nh_audio_source_read(s, frames, 100), 0);
    nh_audio_source_close(s);
}

static void test_what_cannot_be_opened(void **state)
{
    static const struct {
        const char *name, *text;
    } broken[] = {{"empty.wav", ""},
                  {"text.mp3", "this is no sound at all, but a text that is called so"},
                  {"short.wav", "RIFF\0\0\0\0WAVEfmt "},
                  {"flac.flac", "fLaC\0\0\0\1"}};
    (void)state;
    nh_audio_source_t *s;
    struct nh_audio_source_config cfg = config("none.wav");
    assert_int_equal(nh_audio_source_open(&cfg, &s), NH_ERR_NOT_FOUND);
    assert_null(s);
    cfg.path = "../etc/passwd";
    assert_int_equal(nh_audio_source_open(&cfg, &s), NH_ERR_DENIED);
    for (size_t i = 0; i < NH_ARRAY_LEN(broken); i++) {
        FILE *f = fopen(path_of(broken[i].name), "wb");
        fwrite(broken[i].text, 1, strlen(broken[i].text), f);
        fclose(f);
        cfg.path = broken[i].name;
        int err = nh_audio_source_open(&cfg, &s);
        assert_true(err == NH_ERR_UNSUPPORTED || err == NH_ERR_CORRUPT);
        assert_null(s);
    }
}

// A file cut at any place, and one with any byte wrong, plays or does not: no more than that.
static void test_damaged_files(void **state)
{
    static const int formats[] = {TONE_WAV, TONE_MP3, TONE_OGG, TONE_FLAC};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(formats); i++) {
        const struct tone tone = {formats[i], RATE, 2, 1000, 0.5, 0.2};
        tone_make(path_of("tone"), &tone);
        FILE *f = fopen(path_of("tone"), "rb");
        static uint8_t bytes[1 << 16], wrong[1 << 16];
        size_t len = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        for (size_t at = 0; at < len; at += len / 60 + 1) {
            for (int cut = 0; cut < 2; cut++) {
                memcpy(wrong, bytes, len);
                wrong[at] ^= 0x5a;
                f = fopen(path_of("wrong"), "wb");
                fwrite(wrong, 1, cut ? at : len, f);
                fclose(f);
                const struct nh_audio_source_config cfg = config("wrong");
                nh_audio_source_t *s;
                if (nh_audio_source_open(&cfg, &s) < 0)
                    continue;
                int n = 1;
                for (size_t total = 0; n > 0 && total < MAX_FRAMES; total += (size_t)n)
                    n = nh_audio_source_read(s, frames, 512);
                nh_audio_source_close(s);
            }
        }
    }
}

static void test_every_allocation_fails_once(void **state)
{
    (void)state;
    make("tone", TONE_WAV, 48000, 2);
    const struct nh_audio_source_config cfg = config("tone");
    nh_audio_source_t *s = NULL;
    int err = NH_ERR_NOMEM, rounds = 0;
    for (uint64_t nth = 1; err == NH_ERR_NOMEM; nth++, rounds++) {
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = nth});
        err = nh_audio_source_open(&cfg, &s);
        nh_mem_fault_set(fx.sys, NULL);
        assert_true(err == 0 || (err == NH_ERR_NOMEM && !s));
    }
    assert_int_equal(rounds, 4); // itself, the file, its buffer; then it opens
    nh_audio_source_close(s);
}

// libsndfile 1.2.0 loses 6 KB with each Ogg file whose head is damaged.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:vorbis_info_init";
}

// ---- output ------------------------------------------------------------------------------------

static void test_pace(void **state)
{
    struct nh_linux__pace p = {.rate_hz = 1000, .buffer_frames = 100};
    (void)state;
    assert_int_equal(nh_linux__pace_space(&p, 5000000), 100);
    nh_linux__pace_written(&p, 100);
    assert_int_equal(nh_linux__pace_space(&p, 5000000), 0);
    assert_int_equal(nh_linux__pace_space(&p, 5010000), 10);
    nh_linux__pace_written(&p, 10);
    assert_int_equal(nh_linux__pace_space(&p, 5010000), 0);
    assert_int_equal(nh_linux__pace_space(&p, 5110000), 100); // just played out
    assert_int_equal(nh_linux__pace_space(&p, 9999999), 100); // long ago: it begins anew
    nh_linux__pace_written(&p, 100);
    assert_int_equal(nh_linux__pace_space(&p, 10004999), 5);
    // A long life: no number overflows.
    p = (struct nh_linux__pace){.rate_hz = 192000, .buffer_frames = 100, .is_begun = true};
    p.written = 192000ull * 86400 * 365;
    assert_int_equal(nh_linux__pace_space(&p, 86400ull * 365 * 1000000), 100);
}

static nh_audio_output_t *open_output(const char *device)
{
    const struct nh_audio_output_config cfg = {
        .mem = fx.mem, .device = device, .rate_hz = RATE, .latency_ms = 50};
    char why[96];
    nh_audio_output_t *o;
    if (nh_audio_output_open(&cfg, why, sizeof why, &o) < 0)
        fail_msg("%s: %s", device, why);
    return o;
}

// Writes as much as it takes until `frames_max` were taken; fails when it takes them at once.
static uint64_t play_for(nh_audio_output_t *o, size_t frames_max)
{
    uint64_t begin_us = nh_clock_us();
    for (size_t at = 0; at < frames_max;) {
        int n = nh_audio_output_space(o);
        assert_true(n >= 0);
        if ((size_t)n > frames_max - at)
            n = (int)(frames_max - at);
        if (n > 256)
            n = 256;
        if (n > 0)
            assert_int_equal(nh_audio_output_write(o, frames + 2 * at, (size_t)n), 0);
        else
            sched_yield();
        at += (size_t)n;
    }
    return nh_clock_us() - begin_us;
}

// Devices that would take everything at once are held to the time that it takes to play.
static void test_outputs_keep_time(void **state)
{
    char file[300];
    snprintf(file, sizeof file, "file:%s/out.wav", dir);
    const char *const devices[] = {"null", "none", file, "plug:null"};
    (void)state;
    memset(frames, 0, sizeof *frames * 2 * RATE);
    for (size_t i = 0; i < NH_ARRAY_LEN(devices); i++) {
        nh_audio_output_t *o = open_output(devices[i]);
        struct nh_audio_output_info info;
        nh_audio_output_info(o, &info);
        assert_in_range(info.buffer_frames, RATE * 50 / 1000 - 64, RATE * 50 / 1000 + 64);
        size_t count = RATE / 4;
        uint64_t least_us = (count - info.buffer_frames) * 1000000ull / RATE;
        assert_true(play_for(o, count) >= least_us - 1000);
        nh_audio_output_info(o, &info);
        assert_int_equal(info.interruption_count, 0);
        nh_audio_output_close(o);
    }
}

static size_t read_out(void)
{
    SF_INFO info = {0};
    SNDFILE *f = sf_open(path_of("out.wav"), SFM_READ, &info);
    assert_non_null(f);
    assert_int_equal(info.format, TONE_WAV);
    sf_count_t n = sf_readf_short(f, frames, MAX_FRAMES);
    sf_close(f);
    return (size_t)n;
}

static void test_file_has_what_was_written(void **state)
{
    char device[300];
    (void)state;
    snprintf(device, sizeof device, "file:%s/out.wav", dir);
    wave_fill(frames, 6000, 441, RATE, 9000, 0);
    nh_audio_output_t *o = open_output(device);
    play_for(o, 6000);
    assert_in_range(read_out(), 4096, 6000); // whoever looks in the middle sees a whole file
    wave_fill(frames, 6000, 441, RATE, 9000, 0);
    nh_audio_output_close(o);
    o = open_output(device); // goes on behind it
    play_for(o, 6000);
    nh_audio_output_close(o);
    assert_int_equal(read_out(), 12000);
    for (size_t i = 0; i < 12000; i++)
        assert_int_equal(frames[2 * i], wave_sample(441, RATE, 9000, i % 6000));
    // Something else that lies there is replaced.
    make("out.wav", TONE_WAV, 8000, 1);
    o = open_output(device);
    play_for(o, 1000);
    nh_audio_output_close(o);
    assert_int_equal(read_out(), 1000);
}

static void test_outputs_that_are_not_there(void **state)
{
    static const struct {
        const char *device;
        int err;
    } rows[] = {{"no_such_device", NH_ERR_NOT_FOUND},
                {"hw:77", NH_ERR_UNSUPPORTED}, // ALSA says so
                {"file:/no/such/folder/out.wav", NH_ERR_IO},
                {"", NH_ERR_NOT_FOUND}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct nh_audio_output_config cfg = {
            .mem = fx.mem, .device = rows[i].device, .rate_hz = RATE, .latency_ms = 50};
        char why[96];
        nh_audio_output_t *o;
        int err = nh_audio_output_open(&cfg, why, sizeof why, &o);
        if (err != rows[i].err)
            fail_msg("%s: %d (%s)", rows[i].device, err, why);
        assert_null(o);
        assert_true(strlen(why) > 5);
    }
    nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = 1});
    const struct nh_audio_output_config cfg = {
        .mem = fx.mem, .device = "none", .rate_hz = RATE, .latency_ms = 50};
    char why[96];
    nh_audio_output_t *o;
    assert_int_equal(nh_audio_output_open(&cfg, why, sizeof why, &o), NH_ERR_NOMEM);
    nh_mem_fault_set(fx.sys, NULL);
}

static void test_a_card_that_is_not_there(void **state)
{
    nh_files_t *card;
    char path[300];
    (void)state;
    snprintf(path, sizeof path, "%s/card", dir);
    assert_int_equal(nh_files_open_existing(fx.mem, path, &card), NH_ERR_NOT_FOUND);
    assert_null(card);
    assert_int_equal(nh_files_open(fx.mem, path, &card), 0);
    nh_files_close(card);
    assert_int_equal(nh_files_open_existing(fx.mem, path, &card), 0);
    nh_files_close(card);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_formats_and_rates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_more_than_two_channels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seek_to_each_ms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seek_in_what_is_compressed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pcm_windows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop_has_no_seam, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_allocation_fails_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outputs_keep_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_has_what_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outputs_that_are_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_card_that_is_not_there, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
