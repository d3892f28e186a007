// What the further effects stand on: noise, distances, letters; and their frames by CRC.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/lamp/fx/fx_font.h"
#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_noise.h"
#include "components/lamp/fx/fx_polar.h"
#include "core/base/crc.h"
#include "support/rng.h"

#include <stdlib.h>
#include <string.h>

// ---- noise

static uint8_t noise_at(uint32_t x, uint32_t y, uint32_t z, uint32_t seed)
{
    uint8_t v;
    struct nh_fx_noise_at at = {x, y, z, 0};
    nh_fx_noise_row(&v, 1, &at, seed);
    return v;
}

static void a_row_of_noise_is_its_points(void **state)
{
    (void)state;
    struct rng rng = {3};
    for (unsigned round = 0; round < 200; round++) {
        uint8_t *row = malloc(NH_FX_SIDE_MAX);
        struct nh_fx_noise_at at = {rng_next(&rng), rng_next(&rng), rng_next(&rng),
                                    rng_below(&rng, 65537)};
        nh_fx_noise_row(row, NH_FX_SIDE_MAX, &at, round);
        for (uint32_t i = 0; i < NH_FX_SIDE_MAX; i += 7)
            assert_int_equal(row[i], noise_at(at.x + i * at.dx, at.y, at.z, round));
        free(row);
    }
}

// No step over 4 of 255 where the coordinates move by 1/256 of a cell: along each axis, over the
// borders of cells and over the wrap.
static void noise_has_no_jumps(void **state)
{
    (void)state;
    static const uint32_t starts[] = {0, 0xFFFF8000u, 0x7FFFF000u, 12345678};
    for (unsigned axis = 0; axis < 3; axis++)
        for (size_t s = 0; s < NH_ARRAY_LEN(starts); s++) {
            int last = -1;
            for (uint32_t k = 0; k < 700; k++) {
                uint32_t c[3] = {40000, 50000, 60000};
                c[axis] = starts[s] + k * 256;
                int v = noise_at(c[0], c[1], c[2], 5);
                assert_true(last < 0 || abs(v - last) <= 4);
                last = v;
            }
        }
}

static void noise_uses_its_range_and_its_seed(void **state)
{
    (void)state;
    unsigned low = 255, high = 0, sum = 0, same = 0, n = 20000;
    for (uint32_t i = 0; i < n; i++) {
        unsigned v = noise_at(i * 40503, i * 9973, i * 7, 9);
        low = v < low ? v : low;
        high = v > high ? v : high;
        sum += v;
        same += v == noise_at(i * 40503, i * 9973, i * 7, 10);
    }
    assert_true(low < 12 && high > 243);
    assert_in_range(sum / n, 120, 135);
    assert_true(same < n / 40);
}

static void contrast_spreads_and_clamps(void **state)
{
    (void)state;
    uint8_t row[] = {0, 100, 128, 140, 255};
    nh_fx_contrast(row, sizeof row, 16);
    assert_memory_equal(row, "\x00\x64\x80\x8C\xFF", sizeof row);
    nh_fx_contrast(row, sizeof row, 32);
    assert_memory_equal(row, "\x00\x48\x80\x98\xFF", sizeof row);
}

// ---- distances

static void distances_are_those_of_the_root(void **state)
{
    (void)state;
    struct rng rng = {8};
    for (unsigned round = 0; round < 300; round++) {
        uint16_t row[NH_FX_SIDE_MAX];
        struct nh_fx_point p = {(int32_t)rng_below(&rng, 6000) - 2000,
                                (int32_t)rng_below(&rng, 6000) - 2000};
        uint32_t y = rng_below(&rng, NH_FX_SIDE_MAX);
        nh_fx_distance_row(row, NH_FX_SIDE_MAX, y, p);
        for (int32_t x = 0; x < NH_FX_SIDE_MAX; x++) {
            int32_t dx = x * 16 - p.x, dy = (int32_t)y * 16 - p.y;
            int32_t d = (int32_t)nh_fx_isqrt((uint32_t)(dx * dx + dy * dy));
            assert_true(abs(d - row[x]) <= 1);
        }
    }
}

// ---- letters

static void utf8_is_read_and_what_is_none_is_a_box(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t codes[5]; // the last 0
    } rows[] = {
        {"", {0}},
        {"aB", {'a', 'B', 0}},
        {"\xC3\xBC", {0xFC, 0}},
        {"\xE2\x82\xAC!", {0x20AC, '!', 0}},
        {"\xF0\x9F\x90\xA6", {0x1F426, 0}},
        {"\xC3", {0xFFFD, 0}},             // cut off
        {"\xC3(", {0xFFFD, '(', 0}},       // no continuation
        {"\xE2\x82", {0xFFFD, 0xFFFD, 0}}, // cut off in the middle
        {"\xC0\xAF", {0xFFFD, 0xFFFD, 0}}, // overlong
        {"\xE0\x9F\xBF", {0xFFFD, 0xFFFD, 0xFFFD, 0}},
        {"\xED\xA0\x80", {0xFFFD, 0xFFFD, 0xFFFD, 0}}, // a surrogate
        {"\xF4\x90\x80\x80", {0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD, 0}},
        {"\x80\xFF.", {0xFFFD, 0xFFFD, '.', 0}},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].text) + 1;
        char *exact = malloc(len); // a read past the NUL is seen
        memcpy(exact, rows[i].text, len);
        const char *at = exact;
        for (size_t k = 0;; k++) {
            uint32_t code = nh_fx_utf8_next(&at);
            assert_int_equal(code, rows[i].codes[k]);
            if (code == 0)
                break;
        }
        assert_ptr_equal(at, exact + len - 1);
        free(exact);
    }
}

static void each_letter_has_a_shape_of_its_own(void **state)
{
    (void)state;
    static uint16_t shapes[256][6];
    unsigned count = 0, boxes = 0;
    uint16_t box[6];
    nh_fx_text_raster(box, 6, "\xE4\xB8\xAD", 0, NH_FX_FONT_NORMAL);
    for (unsigned code = 0x21; code < 0x100; code++) {
        char text[3] = {(char)code, 0, 0};
        if (code >= 0x80) {
            text[0] = (char)(0xC0 | code >> 6);
            text[1] = (char)(0x80 | (code & 63));
        }
        if (code >= 0x7F && code <= 0xA0)
            continue; // controls and the space that does not break
        nh_fx_text_raster(shapes[count], 6, text, 0, NH_FX_FONT_NORMAL);
        if (memcmp(shapes[count], box, sizeof box) == 0) {
            boxes++;
            assert_true(code < 0xC0); // some signs, no letter
            continue;
        }
        for (unsigned k = 0; k < count; k++)
            if (memcmp(shapes[k], shapes[count], sizeof shapes[0]) == 0)
                fail_msg("U+%04X looks like another letter", code);
        count++;
    }
    assert_true(boxes < 24);
}

// Any window on a text is that part of the whole.
static void a_window_on_a_text_is_a_part_of_it(void **state)
{
    (void)state;
    static const char text[] = "Gr\xC3\xBC\xC3\x9F"
                               "e, 12:34";
    for (int font = NH_FX_FONT_NORMAL; font <= NH_FX_FONT_TINY; font++) {
        uint16_t whole[NH_FX_SIDE_MAX], part[40];
        int32_t n = (int32_t)nh_fx_text_columns(text, font);
        nh_fx_text_raster(whole, NH_FX_SIDE_MAX, text, 0, font);
        assert_true(n > 20 && n < NH_FX_SIDE_MAX && whole[n - 1] != 0 && whole[n] == 0);
        for (int32_t from = -45; from < n + 5; from++) {
            nh_fx_text_raster(part, 40, text, from, font);
            for (int32_t i = 0; i < 40; i++)
                assert_int_equal(part[i], from + i < 0 || from + i >= n ? 0 : whole[from + i]);
        }
    }
}

static void figures_are_equally_wide(void **state)
{
    (void)state;
    assert_int_equal(nh_fx_text_columns("1", NH_FX_FONT_NORMAL), 5);
    assert_int_equal(nh_fx_text_columns("11:11", NH_FX_FONT_NORMAL),
                     nh_fx_text_columns("08:45", NH_FX_FONT_NORMAL));
    assert_int_equal(nh_fx_text_columns("", NH_FX_FONT_NORMAL), 0);
}

// ---- frames

struct stage {
    nh_fx_player_t player;
    struct nh_fx_canvas canvas;
    nh_px_t palette[256];
    struct nh_fx_input in;
};

static void stage_open(struct stage *s, const struct nh_fx_effect *e, uint16_t w, uint16_t h)
{
    *s = (struct stage){.canvas = {w, h, malloc((size_t)w * h * sizeof(nh_px_t))}};
    assert_int_equal(nh_fx_player_init(&s->player, w, h, malloc(nh_fx_state_bytes(w, h))), NH_OK);
    nh_fx_palette_expand(&nh_fx_palettes[e->palette], s->palette);
    s->in = (struct nh_fx_input){.intensity = 128,
                                 .palette = s->palette,
                                 .color = {0xFF8020, 0x000000, 0x2040FF},
                                 .audio_level = 150,
                                 .day_s = 52327,
                                 .text = "nuthatch \xC3\xA9"};
    for (unsigned i = 0; i < NH_FX_BAND_COUNT; i++)
        s->in.audio_band[i] = (uint8_t)(250 - 14 * i);
    nh_fx_player_set(&s->player, e, 7);
}

static void stage_close(struct stage *s)
{
    free(s->canvas.px);
    free(s->player.state);
}

static uint32_t frame(struct stage *s, uint32_t time_ms)
{
    uint32_t crc = 0;
    s->in.time_ms = time_ms;
    nh_fx_player_draw(&s->player, &s->canvas, &s->in, 100000);
    for (uint32_t i = 0; i < (uint32_t)s->canvas.width * s->canvas.height; i++) {
        nh_px_t p = s->canvas.px[i];
        uint8_t rgb[3] = {nh_px_r(p), nh_px_g(p), nh_px_b(p)};
        crc = nh_crc32(crc, rgb, sizeof rgb);
    }
    return crc;
}

// A day, a month, the end of the counter: no overflow, no frame that is stuck. (The sanitizers
// watch.)
static void effects_go_on_for_weeks(void **state)
{
    (void)state;
    static const uint32_t times[] = {86400000, 0x7FFFFF00u, 0x80000010u, 2592000000u, 0xFFFFFF00u};
    for (uint16_t i = 0; i < nh_fx_effect_count; i++)
        for (size_t t = 0; t < NH_ARRAY_LEN(times); t++) {
            const struct nh_fx_effect *e = nh_fx_effects[i];
            struct stage s;
            unsigned changes = 0;
            stage_open(&s, e, 24, 9);
            if (e->step) // as if it had run all the time
                s.player.step_count = times[t] / e->step_ms;
            uint32_t last = frame(&s, times[t]);
            for (uint32_t k = 1; k < 24; k++) {
                s.in.intensity = (uint8_t)(k * 11);
                uint32_t crc = frame(&s, times[t] + k * 250);
                s.in.day_s = (s.in.day_s + 1) % 86400;
                changes += crc != last;
                last = crc;
            }
            if (changes == 0 && !(e->uses & NH_FX_IS_HIDDEN) && e->id != NH_FX_SOLID_ID)
                fail_msg("%s stands still at %u ms", e->name, (unsigned)times[t]);
            stage_close(&s);
        }
}

// What a row of the registry declares is looked at, and nothing else is.
static void effects_use_what_they_declare(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < nh_fx_effect_count; i++) {
        const struct nh_fx_effect *e = nh_fx_effects[i];
        for (unsigned what = 0; what < 5; what++) {
            static const uint8_t flags[] = {NH_FX_USES_PALETTE, NH_FX_USES_COLORS,
                                            NH_FX_USES_INTENSITY, NH_FX_USES_AUDIO,
                                            NH_FX_USES_TEXT};
            struct stage a, b;
            stage_open(&a, e, 32, 16);
            stage_open(&b, e, 32, 16);
            if (what == 0)
                nh_fx_palette_expand(&nh_fx_palettes[(e->palette + 3u) % nh_fx_palette_count],
                                     b.palette);
            b.in.color[0] = what == 1 ? 0x11FF77 : b.in.color[0];
            b.in.color[1] = what == 1 ? 0x331122 : b.in.color[1];
            b.in.intensity = what == 2 ? 250 : b.in.intensity;
            for (unsigned k = 0; what == 3 && k < NH_FX_BAND_COUNT; k++)
                b.in.audio_band[k] = (uint8_t)(10 * k);
            b.in.audio_level = what == 3 ? 33 : b.in.audio_level;
            b.in.text = what == 4 ? "Other words" : b.in.text;
            bool differs = false;
            for (uint32_t t = 0; t < 9000; t += 300)
                differs |= frame(&a, t) != frame(&b, t);
            if (differs != ((e->uses & flags[what]) != 0) && !(e->uses & NH_FX_IS_HIDDEN))
                fail_msg("%s: declared use %u is not what it does", e->name, flags[what]);
            stage_close(&a);
            stage_close(&b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_of_noise_is_its_points),
        cmocka_unit_test(noise_has_no_jumps),
        cmocka_unit_test(noise_uses_its_range_and_its_seed),
        cmocka_unit_test(contrast_spreads_and_clamps),
        cmocka_unit_test(distances_are_those_of_the_root),
        cmocka_unit_test(utf8_is_read_and_what_is_none_is_a_box),
        cmocka_unit_test(each_letter_has_a_shape_of_its_own),
        cmocka_unit_test(a_window_on_a_text_is_a_part_of_it),
        cmocka_unit_test(figures_are_equally_wide),
        cmocka_unit_test(effects_go_on_for_weeks),
        cmocka_unit_test(effects_use_what_they_declare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
