// What holds for every effect of the registry: its frames are functions of (effect, size, seed,
// input), and whole on every size. test_lamp_fx_frames.c knows them by their CRC.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_palette.h"
#include "components/lamp/fx/fx_random.h"
#include "core/base/crc.h"
#include "support/rng.h"

#include <stdlib.h>
#include <string.h>

#define SEED 7
#define STEPS_ENOUGH 100000

// A canvas and a player with memory of the exact size, so that the address sanitizer sees a write
// beside it.
struct stage {
    nh_fx_player_t player;
    struct nh_fx_canvas canvas;
    void *state;
    nh_px_t palette[256];
    struct nh_fx_input in;
};

static void stage_open(struct stage *s, const struct nh_fx_effect *e, uint16_t w, uint16_t h)
{
    uint32_t bytes = e->state_bytes ? e->state_bytes(w, h) : 0;
    assert_true(bytes <= nh_fx_state_bytes(w, h));
    memset(s, 0, sizeof *s);
    s->state = malloc(nh_fx_state_bytes(w, h));
    s->canvas = (struct nh_fx_canvas){w, h, malloc((size_t)w * h * sizeof(nh_px_t))};
    assert_int_equal(nh_fx_player_init(&s->player, w, h, s->state), NH_OK);
    free(s->state);
    s->player.state = s->state = malloc(bytes);
    nh_fx_palette_expand(&nh_fx_palettes[e->palette], s->palette);
    s->in = (struct nh_fx_input){.intensity = 128,
                                 .palette = s->palette,
                                 .color = {0xFF8020, 0x000000, 0x2040FF},
                                 .audio_level = 150,
                                 .day_s = 52327,
                                 .direction_deg = 200,
                                 .text = "nuthatch"};
    for (unsigned i = 0; i < NH_FX_BAND_COUNT; i++)
        s->in.audio_band[i] = (uint8_t)(250 - 14 * i);
    nh_fx_player_set(&s->player, e, SEED);
}

static void stage_close(struct stage *s)
{
    free(s->canvas.px);
    free(s->state);
}

static uint32_t stage_crc(const struct stage *s)
{
    uint32_t crc = 0, n = (uint32_t)s->canvas.width * s->canvas.height;
    for (uint32_t i = 0; i < n; i++) {
        nh_px_t p = s->canvas.px[i];
        uint8_t rgb[3] = {nh_px_r(p), nh_px_g(p), nh_px_b(p)};
        crc = nh_crc32(crc, rgb, sizeof rgb);
    }
    return crc;
}

static uint32_t frame(struct stage *s, uint32_t time_ms)
{
    s->in.time_ms = time_ms;
    nh_fx_player_draw(&s->player, &s->canvas, &s->in, STEPS_ENOUGH);
    return stage_crc(s);
}

// ---- the registry

static void ids_and_names_are_unique_and_short(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < nh_fx_effect_count; i++) {
        const struct nh_fx_effect *e = nh_fx_effects[i];
        size_t len = strnlen(e->name, NH_FX_NAME_MAX_BYTES);
        assert_true(len > 0 && len < NH_FX_NAME_MAX_BYTES);
        assert_ptr_equal(nh_fx_find(e->id), e);
        assert_ptr_equal(nh_fx_find_name(e->name), e);
        assert_true(e->palette < nh_fx_palette_count);
        assert_true(!e->step == !e->step_ms);
        assert_non_null(e->draw);
    }
    assert_null(nh_fx_find(0x1234));
    assert_null(nh_fx_find_name("SNOW"));
    assert_null(nh_fx_find_name(""));
    assert_int_equal(nh_fx_find_name("snow fall")->id, 0xEA01);
}

static void next_and_previous_go_around_and_skip_hidden_ones(void **state)
{
    (void)state;
    uint16_t n = nh_fx_visible_count(), first = nh_fx_visible(0)->id;
    uint16_t id = first;
    for (uint16_t i = 0; i < n; i++) {
        assert_int_equal(nh_fx_visible_index(id), i);
        assert_int_equal(nh_fx_previous(nh_fx_next(id)), id);
        assert_false(nh_fx_find(id)->uses & NH_FX_IS_HIDDEN);
        id = nh_fx_next(id);
    }
    assert_int_equal(id, first);
    assert_null(nh_fx_visible(n));
    assert_int_equal(nh_fx_visible_index(0x1234), -1);
    assert_int_equal(nh_fx_next(0x1234), first);
    assert_int_equal(nh_fx_previous(0x1234), first);
}

static void a_record_is_an_id_and_a_padded_name(void **state)
{
    (void)state;
    uint8_t record[NH_FX_RECORD_BYTES];
    assert_true(nh_fx_record(0, record));
    assert_memory_equal(record, "\x01\xEASNOW FALL\0\0\0\0\0\0\0", sizeof record);
    assert_true(nh_crc32(0, record, sizeof record) == 0xC7E114D8u);
    assert_false(nh_fx_record(nh_fx_visible_count(), record));
}

// The list of the older lamp: whoever has cached it sees by the CRC that it is still the same.
// Hidden ones are not in it.
static void the_first_eight_are_the_older_lamps_list(void **state)
{
    (void)state;
    uint32_t crc = 0;
    for (uint16_t i = 0; i < 8; i++) {
        uint8_t record[NH_FX_RECORD_BYTES];
        assert_true(nh_fx_record(i, record));
        crc = nh_crc32(crc, record, sizeof record);
    }
    assert_true(crc == 0xC0AFF0A3u);
    assert_int_equal(nh_fx_visible(7)->id, NH_FX_DEFAULT_ID);
    assert_int_equal(nh_fx_visible_index(0xED01), -1);
    assert_int_equal(nh_fx_next(0xEA07), NH_FX_DEFAULT_ID);
    assert_int_equal(nh_fx_next(0xED01), 0xEA01);
}

// ---- frames

// Each way of cutting the time into frames ends in the same picture.
static void any_partition_of_time_gives_the_same_frame(void **state)
{
    (void)state;
    struct rng rng = {11};
    for (uint16_t i = 0; i < nh_fx_effect_count; i++) {
        const struct nh_fx_effect *e = nh_fx_effects[i];
        struct stage whole, fine, coarse;
        stage_open(&whole, e, 12, 10);
        stage_open(&fine, e, 12, 10);
        stage_open(&coarse, e, 12, 10);
        for (uint32_t t = 0; t <= 1500; t++) {
            nh_fx_player_draw(&fine.player, &fine.canvas, &fine.in, STEPS_ENOUGH);
            fine.in.time_ms = t;
        }
        for (uint32_t t = 0; t < 1500; t += 1 + rng_below(&rng, 150))
            frame(&coarse, t);
        uint32_t expected = frame(&whole, 1500);
        if (frame(&fine, 1500) != expected || frame(&coarse, 1500) != expected)
            fail_msg("%s: frames depend on how often it is drawn", e->name);
        stage_close(&whole);
        stage_close(&fine);
        stage_close(&coarse);
    }
}

static void time_that_stands_still_gives_the_same_frame(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < nh_fx_effect_count; i++) {
        struct stage s;
        stage_open(&s, nh_fx_effects[i], 16, 48);
        frame(&s, 700);
        uint32_t before = frame(&s, 1234);
        for (unsigned n = 0; n < 5; n++)
            if (frame(&s, 1234) != before)
                fail_msg("%s moves while time does not", nh_fx_effects[i]->name);
        stage_close(&s);
    }
}

static void every_effect_moves(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < nh_fx_effect_count; i++) {
        struct stage s;
        unsigned changes = 0;
        stage_open(&s, nh_fx_effects[i], 48, 16);
        for (uint32_t t = 0, last = 0; t < 20000; t += 250) {
            uint32_t crc = frame(&s, t);
            s.in.day_s += 1;
            s.in.direction_deg = (uint16_t)((s.in.direction_deg + 30) % 360);
            changes += crc != last;
            last = crc;
        }
        if (changes < 20 && nh_fx_effects[i]->id != NH_FX_SOLID_ID)
            fail_msg("%s: %u different frames of 80", nh_fx_effects[i]->name, changes);
        stage_close(&s);
    }
}

// Whatever the canvas held before, the frame is the same; a write beside it, or to the high byte of
// a pixel, is seen.
static void each_pixel_is_painted_on_every_size(void **state)
{
    (void)state;
    static const uint16_t sizes[][2] = {{1, 1},     {1, 128}, {128, 1}, {16, 48}, {48, 16},
                                        {128, 128}, {7, 5},   {2, 3},   {16, 16}};
    static const uint32_t times[] = {0, 40, 160, 900, 2500};
    for (uint16_t i = 0; i < nh_fx_effect_count; i++)
        for (size_t k = 0; k < NH_ARRAY_LEN(sizes); k++) {
            struct stage s;
            stage_open(&s, nh_fx_effects[i], sizes[k][0], sizes[k][1]);
            size_t bytes = (size_t)sizes[k][0] * sizes[k][1] * sizeof(nh_px_t);
            for (size_t t = 0; t < NH_ARRAY_LEN(times); t++) {
                s.in.intensity = (uint8_t[]){0, 128, 255, 40, 200}[t];
                memset(s.canvas.px, 0x55, bytes);
                uint32_t crc = frame(&s, times[t]);
                for (size_t p = 0; p < bytes / sizeof(nh_px_t); p++)
                    if (s.canvas.px[p] >> 24)
                        fail_msg("%s, %u x %u: pixel %zu", nh_fx_effects[i]->name, sizes[k][0],
                                 sizes[k][1], p);
                memset(s.canvas.px, 0xAA, bytes);
                assert_true(frame(&s, times[t]) == crc);
            }
            stage_close(&s);
        }
}

static void another_seed_is_another_picture_and_the_same_seed_the_same(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, nh_fx_find(0xEA01), 48, 16);
    uint32_t one = frame(&s, 1500);
    nh_fx_player_set(&s.player, nh_fx_find(0xEA01), SEED + 1);
    assert_true(frame(&s, 1500) != one);
    nh_fx_player_set(&s.player, nh_fx_find(0xEA01), SEED);
    assert_true(frame(&s, 1500) == one);
    stage_close(&s);
}

static void no_more_steps_than_allowed_and_none_is_lost(void **state)
{
    (void)state;
    struct stage s, other;
    stage_open(&s, nh_fx_find(0xEA01), 16, 48);
    stage_open(&other, nh_fx_find(0xEA01), 16, 48);
    s.in.time_ms = 45 * 9;
    assert_int_equal(nh_fx_player_draw(&s.player, &s.canvas, &s.in, 4), 4);
    assert_int_equal(nh_fx_player_draw(&s.player, &s.canvas, &s.in, 4), 4);
    assert_int_equal(nh_fx_player_draw(&s.player, &s.canvas, &s.in, 4), 2);
    assert_int_equal(nh_fx_player_draw(&s.player, &s.canvas, &s.in, 4), 0);
    assert_true(stage_crc(&s) == frame(&other, 45 * 9));
    stage_close(&s);
    stage_close(&other);
}

// 49 days of animation go around 2^32 ms: it goes on.
static void steps_go_on_when_the_clock_goes_around(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, nh_fx_find(0xEA01), 4, 4);
    s.player.step_count = UINT32_MAX / 45;
    s.in.time_ms = UINT32_MAX;
    assert_int_equal(nh_fx_player_draw(&s.player, &s.canvas, &s.in, 100), 1);
    s.in.time_ms = 90;
    assert_int_equal(nh_fx_player_draw(&s.player, &s.canvas, &s.in, 100), 2);
    stage_close(&s);
}

static void a_player_refuses_a_size_that_is_none(void **state)
{
    (void)state;
    static const uint16_t bad[][2] = {{0, 1}, {1, 0}, {129, 1}, {1, 129}};
    nh_fx_player_t p;
    for (size_t i = 0; i < NH_ARRAY_LEN(bad); i++)
        assert_int_equal(nh_fx_player_init(&p, bad[i][0], bad[i][1], NULL), NH_ERR_RANGE);
}

// hue = t/20 + 7x + 9y, saturation 255, value 210, by the formula and not by the tables.
static void diagonal_rainbow_is_the_formula(void **state)
{
    (void)state;
    static const uint16_t sizes[][2] = {{48, 16}, {16, 48}, {128, 128}};
    for (size_t k = 0; k < NH_ARRAY_LEN(sizes); k++) {
        struct stage s;
        stage_open(&s, nh_fx_find(0xEA03), sizes[k][0], sizes[k][1]);
        for (uint32_t t = 0; t < 9000; t += 1777) {
            frame(&s, t);
            for (unsigned y = 0; y < s.canvas.height; y++)
                for (unsigned x = 0; x < s.canvas.width; x++)
                    assert_int_equal(s.canvas.px[y * s.canvas.width + x],
                                     nh_fx_hsv((uint8_t)(t / 20 + 7 * x + 9 * y), 255, 210));
        }
        stage_close(&s);
    }
}

// Whoever says it looks at intensity does, and whoever does not say it does not.
static void intensity_is_used_where_it_is_named(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < nh_fx_effect_count; i++) {
        const struct nh_fx_effect *e = nh_fx_effects[i];
        struct stage low, high;
        bool differs = false;
        stage_open(&low, e, 48, 16);
        stage_open(&high, e, 48, 16);
        low.in.text = high.in.text = "longer than the lamp is wide";
        low.in.intensity = 30;
        high.in.intensity = 230;
        for (uint32_t t = 0; t < 6000; t += 300)
            differs |= frame(&low, t) != frame(&high, t);
        if (differs != !!(e->uses & NH_FX_USES_INTENSITY))
            fail_msg("%s", e->name);
        stage_close(&low);
        stage_close(&high);
    }
}

// The same for the palette.
static void palettes_are_used_where_it_is_named(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < nh_fx_effect_count; i++) {
        const struct nh_fx_effect *e = nh_fx_effects[i];
        struct stage a, b;
        bool differs = false;
        stage_open(&a, e, 48, 16);
        stage_open(&b, e, 48, 16);
        nh_fx_palette_expand(&nh_fx_palettes[NH_FX_PALETTE_MINT], b.palette);
        for (uint32_t t = 0; t < 6000; t += 300)
            differs |= frame(&a, t) != frame(&b, t);
        if (differs != !!(e->uses & NH_FX_USES_PALETTE))
            fail_msg("%s", e->name);
        stage_close(&a);
        stage_close(&b);
    }
}

// ---- palettes

static void palettes_are_well_formed(void **state)
{
    (void)state;
    assert_true(nh_fx_palette_count >= 24);
    for (uint16_t i = 0; i < nh_fx_palette_count; i++) {
        const struct nh_fx_palette *p = &nh_fx_palettes[i];
        size_t len = strnlen(p->name, NH_FX_NAME_MAX_BYTES);
        assert_true(len > 0 && len < NH_FX_NAME_MAX_BYTES);
        assert_in_range(p->stop_count, 1, NH_FX_STOP_MAX_COUNT);
        for (unsigned s = 1; s < p->stop_count; s++)
            assert_true(p->stops[s].at > p->stops[s - 1].at);
        for (uint16_t k = 0; k < i; k++)
            assert_string_not_equal(nh_fx_palettes[k].name, p->name);
    }
}

static void expansion_runs_through_the_stops(void **state)
{
    (void)state;
    nh_px_t out[256];
    for (uint16_t i = 0; i < nh_fx_palette_count; i++) {
        const struct nh_fx_palette *p = &nh_fx_palettes[i];
        nh_fx_palette_expand(p, out);
        for (unsigned s = 0; s < p->stop_count && i != NH_FX_PALETTE_RAINBOW; s++)
            assert_int_equal(out[p->stops[s].at], p->stops[s].color);
    }
    const struct nh_fx_palette two = {"TWO", false, 2, {{50, 0x102030}, {150, 0xF00010}}};
    nh_fx_palette_expand(&two, out);
    assert_int_equal(out[0], 0x102030);
    assert_int_equal(out[100], 0x801020);
    assert_int_equal(out[255], 0xF00010);
    struct nh_fx_palette stepped = two;
    stepped.is_stepped = true;
    nh_fx_palette_expand(&stepped, out);
    assert_int_equal(out[149], 0x102030);
    assert_int_equal(out[150], 0xF00010);
}

static void the_first_palette_is_the_hue_circle(void **state)
{
    (void)state;
    nh_px_t out[256], by_stops[256];
    const struct nh_fx_palette copy = nh_fx_palettes[NH_FX_PALETTE_RAINBOW];
    struct nh_fx_palette changed = copy;
    nh_fx_palette_expand(&copy, out);
    changed.stops[1].color ^= 1;
    nh_fx_palette_expand(&changed, by_stops);
    for (unsigned h = 0; h < 256; h++) {
        for (unsigned v = 0; v < 256; v += 5)
            assert_int_equal(nh_px_value(out[h], (uint8_t)v),
                             nh_fx_hsv((uint8_t)h, 255, (uint8_t)v));
        // An editor shows the stops: nobody sees a difference.
        assert_true(abs(nh_px_r(out[h]) - nh_px_r(by_stops[h])) < 22);
        assert_true(abs(nh_px_g(out[h]) - nh_px_g(by_stops[h])) < 22);
        assert_true(abs(nh_px_b(out[h]) - nh_px_b(by_stops[h])) < 22);
    }
}

// Where colours go around there is no hard edge, but for palettes that are made of edges.
static void a_closed_palette_has_no_seam(void **state)
{
    (void)state;
    nh_px_t open[256], closed[256];
    for (uint16_t i = 0; i < nh_fx_palette_count; i++) {
        const struct nh_fx_palette *p = &nh_fx_palettes[i];
        nh_fx_palette_expand(p, open);
        nh_fx_palette_close(open, closed);
        assert_memory_equal(open, closed, 224 * sizeof open[0]);
        if (p->is_stepped || i == NH_FX_PALETTE_RAINBOW) {
            assert_memory_equal(open, closed, sizeof open);
            continue;
        }
        for (unsigned k = 223; k < 256; k++) {
            nh_px_t a = closed[k], b = closed[(k + 1) & 255];
            assert_true(abs(nh_px_r(a) - nh_px_r(b)) < 24 && abs(nh_px_g(a) - nh_px_g(b)) < 24 &&
                        abs(nh_px_b(a) - nh_px_b(b)) < 24);
        }
    }
}

static void a_blend_goes_from_one_to_the_other(void **state)
{
    (void)state;
    nh_px_t a[256], b[256], out[256];
    nh_fx_palette_expand(&nh_fx_palettes[NH_FX_PALETTE_OCEAN], a);
    nh_fx_palette_expand(&nh_fx_palettes[NH_FX_PALETTE_EMBER], b);
    nh_fx_palette_blend(out, a, b, 0);
    assert_memory_equal(out, a, sizeof a);
    nh_fx_palette_blend(out, a, b, 255);
    assert_memory_equal(out, b, sizeof b);
    nh_fx_palette_blend(a, a, b, 51);
    assert_int_equal(nh_px_r(a[0]), 0x18 / 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_names_are_unique_and_short),
        cmocka_unit_test(next_and_previous_go_around_and_skip_hidden_ones),
        cmocka_unit_test(a_record_is_an_id_and_a_padded_name),
        cmocka_unit_test(the_first_eight_are_the_older_lamps_list),
        cmocka_unit_test(any_partition_of_time_gives_the_same_frame),
        cmocka_unit_test(time_that_stands_still_gives_the_same_frame),
        cmocka_unit_test(every_effect_moves),
        cmocka_unit_test(each_pixel_is_painted_on_every_size),
        cmocka_unit_test(another_seed_is_another_picture_and_the_same_seed_the_same),
        cmocka_unit_test(no_more_steps_than_allowed_and_none_is_lost),
        cmocka_unit_test(steps_go_on_when_the_clock_goes_around),
        cmocka_unit_test(a_player_refuses_a_size_that_is_none),
        cmocka_unit_test(diagonal_rainbow_is_the_formula),
        cmocka_unit_test(intensity_is_used_where_it_is_named),
        cmocka_unit_test(palettes_are_used_where_it_is_named),
        cmocka_unit_test(palettes_are_well_formed),
        cmocka_unit_test(expansion_runs_through_the_stops),
        cmocka_unit_test(the_first_palette_is_the_hue_circle),
        cmocka_unit_test(a_closed_palette_has_no_seam),
        cmocka_unit_test(a_blend_goes_from_one_to_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
