// FIRE: goes around the lamp, keeps its proportions on every size, and has none of the faults of
// the one before it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/lamp/fx/fx_fire.h"
#include "components/lamp/fx/fx_math.h"

#include <stdlib.h>

struct stage {
    nh_fx_player_t player;
    struct nh_fx_canvas canvas;
    nh_px_t palette[256];
    struct nh_fx_input in;
};

static void stage_open(struct stage *s, uint16_t w, uint16_t h)
{
    const struct nh_fx_effect *fire = nh_fx_find(NH_FX_DEFAULT_ID);
    s->canvas = (struct nh_fx_canvas){w, h, malloc((size_t)w * h * sizeof(nh_px_t))};
    assert_int_equal(nh_fx_player_init(&s->player, w, h, malloc(nh_fx_state_bytes(w, h))), NH_OK);
    nh_fx_palette_expand(&nh_fx_palettes[fire->palette], s->palette);
    s->in = (struct nh_fx_input){.intensity = 128, .palette = s->palette, .text = ""};
    nh_fx_player_set(&s->player, fire, 3);
}

static void stage_close(struct stage *s)
{
    free(s->canvas.px);
    free(s->player.state);
}

static void draw(struct stage *s, uint32_t time_ms)
{
    s->in.time_ms = time_ms;
    nh_fx_player_draw(&s->player, &s->canvas, &s->in, 1000);
}

static int light(nh_px_t p)
{
    return nh_px_r(p) + nh_px_g(p) + nh_px_b(p);
}

static long column_difference(const struct nh_fx_canvas *c, unsigned a, unsigned b)
{
    long sum = 0;
    for (unsigned y = 0; y < c->height; y++)
        sum += labs((long)light(c->px[y * c->width + a]) - light(c->px[y * c->width + b]));
    return sum;
}

// The seam between the last column and the first looks like any other place.
static void it_goes_around_the_lamp(void **state)
{
    (void)state;
    struct stage s;
    long seam = 0, inside = 0;
    stage_open(&s, 16, 48);
    for (uint32_t t = 1000; t < 60000; t += 200) {
        draw(&s, t);
        seam += column_difference(&s.canvas, 15, 0);
        for (unsigned x = 0; x < 15; x++)
            inside += column_difference(&s.canvas, x, x + 1);
    }
    assert_in_range(seam * 100 / (inside / 15), 60, 150);
    stage_close(&s);
}

// Mean height of the flame in percent of the lamp's.
static long height_pct(uint16_t w, uint16_t h, uint8_t intensity)
{
    struct stage s;
    long sum = 0, count = 0;
    stage_open(&s, w, h);
    s.in.intensity = intensity;
    for (uint32_t t = 3000; t < 15000; t += 400) {
        draw(&s, t);
        for (unsigned x = 0; x < w; x++, count++)
            for (unsigned y = 0; y < h; y++)
                sum += nh_px_r(s.canvas.px[y * w + x]) > 100;
    }
    stage_close(&s);
    return sum * 100 / (count * h);
}

static void proportions_stay_on_every_size(void **state)
{
    (void)state;
    static const uint16_t sizes[][2] = {{16, 48},   {48, 16},  {32, 32},
                                        {128, 128}, {64, 128}, {10, 8}};
    for (size_t i = 0; i < NH_ARRAY_LEN(sizes); i++) {
        long pct = height_pct(sizes[i][0], sizes[i][1], 128);
        if (pct < 28 || pct > 60)
            fail_msg("%u x %u: %ld %%", sizes[i][0], sizes[i][1], pct);
    }
}

static void intensity_is_how_high_it_burns(void **state)
{
    (void)state;
    long low = height_pct(16, 48, 0), natural = height_pct(16, 48, 128);
    long high = height_pct(16, 48, 255);
    assert_true(low + 8 < natural && natural + 8 < high);
}

// Gusts come from both sides, and more than a gust's length apart.
static void wind_blows_both_ways(void **state)
{
    (void)state;
    struct stage s;
    int32_t left = 0, right = 0;
    stage_open(&s, 16, 16);
    const struct nh_fire *fire = s.player.state;
    for (uint32_t t = 0; t < 120000; t += 40) {
        draw(&s, t);
        left = nh_fx_min(left, fire->wind);
        right = nh_fx_max(right, fire->wind);
    }
    assert_true(left < -130 && right > 130);
    assert_true(left > -500 && right < 500);
    stage_close(&s);
}

// What the field holds moves with the wind without a jump where the wind turns: a hot column
// between cold ones keeps its middle within half a cell of where the wind has carried it.
static void wind_around_nothing_moves_nothing(void **state)
{
    (void)state;
    struct stage s;
    const uint16_t w = 16, h = 8;
    for (int32_t wind = -6; wind <= 6; wind += 3) {
        stage_open(&s, w, h);
        draw(&s, 0);
        struct nh_fire *fire = s.player.state;
        for (unsigned i = 0; i < 2u * w * h; i++)
            fire->heat[i] = i % w == 8 ? 255 : 0;
        fire->wind = fire->wind_target = wind;
        fire->wind_left_ms = fire->gust_left_ms = 10000;
        draw(&s, NH_FIRE_STEP_MS);
        const uint8_t *heat = nh_fire_field(fire, &s.canvas, fire->now);
        long sum = 0, moment = 0;
        for (unsigned x = 0; x < w; x++) {
            sum += heat[4 * w + x];
            moment += (long)x * 256 * heat[4 * w + x];
        }
        assert_true(sum > 0);
        assert_in_range(moment / sum, 8 * 256 - 64, 8 * 256 + 64);
        stage_close(&s);
    }
}

static void it_kindles(void **state)
{
    (void)state;
    struct stage s;
    long begin = 0, later = 0;
    stage_open(&s, 16, 48);
    draw(&s, 0);
    for (unsigned i = 0; i < 16 * 48; i++)
        begin += light(s.canvas.px[i]);
    draw(&s, 2000);
    for (unsigned i = 0; i < 16 * 48; i++)
        later += light(s.canvas.px[i]);
    assert_true(begin * 10 < later);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_around_the_lamp),
        cmocka_unit_test(proportions_stay_on_every_size),
        cmocka_unit_test(intensity_is_how_high_it_burns),
        cmocka_unit_test(wind_blows_both_ways),
        cmocka_unit_test(wind_around_nothing_moves_nothing),
        cmocka_unit_test(it_kindles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
