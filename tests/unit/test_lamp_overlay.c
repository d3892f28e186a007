// The genie: how it turns, rests, fades and speaks, and that it leaves the effect alone.
// Acceptance row 10 of docs/lamp.md: the tests named row10_.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/lamp/fx/fx_math.h"
#include "components/lamp/lamp_overlay.h"
#include "support/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static nh_px_t px[NH_FX_SIDE_MAX * NH_FX_SIDE_MAX];
static const struct nh_lamp_overlay_look on = {.is_enabled = true};
static const struct nh_lamp_overlay_look off = {.is_enabled = false};

static struct nh_fx_canvas canvas_of(uint16_t w, uint16_t h, nh_px_t base)
{
    struct nh_fx_canvas c = {w, h, px};
    nh_fx_fill(&c, base);
    return c;
}

static double degrees(const nh_lamp_overlay_t *o)
{
    return o->angle * 360.0 / 4294967296.0;
}

// The way from `a` to `b` in degrees, -180 to 180.
static double way(double a, double b)
{
    return remainder(b - a, 360);
}

static void draw(nh_lamp_overlay_t *o, uint64_t now_ms)
{
    struct nh_fx_canvas c = canvas_of(16, 48, 0x202020);
    nh_lamp_overlay_draw(o, &c, &on, now_ms);
}

// Hears `deg` again and again for `ms`, a frame each `frame_ms`.
static uint64_t hear(nh_lamp_overlay_t *o, uint32_t deg, uint64_t now, uint32_t ms,
                     uint32_t frame_ms)
{
    for (uint64_t end = now + ms; now < end;) {
        now += frame_ms;
        nh_lamp_overlay_direction(o, deg, now);
        draw(o, now);
    }
    return now;
}

static void start(nh_lamp_overlay_t *o, uint16_t front, uint16_t deadband)
{
    struct nh_lamp_overlay_config cfg = nh_lamp_overlay_standard;
    cfg.front_deg = front;
    cfg.deadband_deg = deadband;
    nh_lamp_overlay_init(o, &cfg, 1);
    draw(o, 1000);
}

// ---- movement

static void row10_the_short_way_around(void **state)
{
    (void)state;
    static const struct {
        uint16_t from, to;
        double way;
    } rows[] = {{359, 1, 2},    {1, 359, -2},   {350, 20, 30},
                {20, 350, -30}, {90, 269, 179}, {90, 271, -179}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_lamp_overlay_t o;
        start(&o, rows[i].from, 0);
        double moved = 0, total = 0, last = degrees(&o);
        for (uint64_t now = 1000; now < 4000; now += 20) {
            nh_lamp_overlay_direction(&o, rows[i].to, now);
            draw(&o, now);
            moved += way(last, degrees(&o));
            total += fabs(way(last, degrees(&o)));
            last = degrees(&o);
        }
        assert_true(fabs(moved - rows[i].way) < 0.5);
        assert_true(fabs(total - fabs(rows[i].way)) < 0.5); // and never to and fro
    }
}

static void row10_within_the_deadband_nothing_moves(void **state)
{
    (void)state;
    for (int deg = -7; deg <= 7; deg++) {
        nh_lamp_overlay_t o;
        start(&o, 180, 5);
        hear(&o, (uint32_t)(180 + deg), 1000, 2000, 15);
        double moved = way(180, degrees(&o));
        if (abs(deg) <= 5)
            assert_true(moved == 0);
        else
            assert_true(fabs(moved - deg) < 0.5); // once in motion it goes all the way
    }
}

static void row10_a_frame_moves_it_no_farther_than_the_limit(void **state)
{
    (void)state;
    static const uint32_t frames[] = {1, 5, 16, 45, 90, 250, 5000};
    for (size_t i = 0; i < NH_ARRAY_LEN(frames); i++) {
        nh_lamp_overlay_t o;
        start(&o, 0, 5);
        double limit = 22.0 * (frames[i] < 45 ? frames[i] : 45) / 45.0, most = 0;
        uint64_t now = 1000;
        for (unsigned n = 0; n < 400; n++) {
            double before = degrees(&o);
            now = hear(&o, 170, now, frames[i], frames[i]);
            most = fmax(most, fabs(way(before, degrees(&o))));
        }
        assert_true(most <= limit + 0.001);
        assert_true(most > limit * 0.9);
        assert_true(frames[i] < 16 || fabs(way(170, degrees(&o))) < 0.5);
    }
}

// After a time constant 63 % of the way, in frames of any length.
static void following_goes_by_time_and_not_by_frames(void **state)
{
    (void)state;
    static const uint32_t frames[] = {1, 4, 10, 20, 40};
    for (size_t i = 0; i < NH_ARRAY_LEN(frames); i++) {
        nh_lamp_overlay_t o;
        start(&o, 180, 5);
        hear(&o, 210, 1000, 160, frames[i]);
        assert_true(fabs(way(180, degrees(&o)) - 30 * 0.632) < 0.3);
    }
}

static void it_holds_then_returns(void **state)
{
    (void)state;
    nh_lamp_overlay_t o;
    struct nh_lamp_overlay_info info;
    start(&o, 180, 5);
    uint64_t heard = hear(&o, 300, 1000, 3000, 20), now = heard;
    nh_lamp_overlay_info(&o, now, &info);
    assert_int_equal(info.angle_deg, 300);
    assert_int_equal(info.target_deg, 300);
    assert_true(info.is_following && info.is_visible);
    for (; now <= heard + 1500; now += 20)
        draw(&o, now);
    assert_true(fabs(way(300, degrees(&o))) < 0.5);
    nh_lamp_overlay_info(&o, now, &info);
    assert_false(info.is_following);
    double before = degrees(&o);
    for (unsigned n = 0; n < 36; n++, now += 20) // 720 of the 730 ms of the time constant
        draw(&o, now);
    assert_true(fabs(way(before, degrees(&o)) + 120 * 0.627) < 2);
    for (; now < heard + 9000; now += 20)
        draw(&o, now);
    assert_true(fabs(way(180, degrees(&o))) < 0.5);
}

// A direction older than its limit sets nothing in motion.
static void an_old_direction_counts_for_nothing(void **state)
{
    (void)state;
    nh_lamp_overlay_t o;
    start(&o, 180, 5);
    nh_lamp_overlay_direction(&o, 300, 1000);
    draw(&o, 1501);
    assert_true(degrees(&o) == 180);
}

static void directions_are_taken_around_the_circle(void **state)
{
    (void)state;
    nh_lamp_overlay_t o;
    struct nh_lamp_overlay_info info;
    start(&o, 0, 5);
    hear(&o, 360 + 40, 1000, 4000, 20);
    nh_lamp_overlay_info(&o, 5000, &info);
    assert_int_equal(info.angle_deg, 40);
    hear(&o, UINT32_MAX, 5000, 4000, 20);
    nh_lamp_overlay_info(&o, 9000, &info);
    assert_int_equal(info.angle_deg, UINT32_MAX % 360);
}

// ---- picture

// With the same look, a step of the circle is the same picture a column farther: there is no seam.
static void it_goes_around_the_lamp(void **state)
{
    (void)state;
    static const uint16_t sizes[][2] = {{16, 48}, {48, 16}, {16, 16}, {128, 32}};
    static nh_px_t first[NH_FX_SIDE_MAX * NH_FX_SIDE_MAX];
    for (size_t k = 0; k < NH_ARRAY_LEN(sizes); k++) {
        uint16_t w = sizes[k][0], h = sizes[k][1];
        for (uint16_t column = 0; column < w; column++) {
            nh_lamp_overlay_t o;
            struct nh_fx_canvas c = canvas_of(w, h, 0x406080);
            nh_lamp_overlay_init(&o, NULL, 1);
            o.angle = (uint32_t)((uint64_t)column * 4294967296u / w);
            o.cfg.deadband_deg = 180;
            o.cfg.fade_ms = 0;
            o.has_begun = true;
            o.last_ms = 990;
            o.blink_ms = 5000;
            nh_lamp_overlay_draw(&o, &c, &on, 1000);
            if (column == 0)
                memcpy(first, px, sizeof first);
            for (unsigned y = 0; y < h; y++)
                for (unsigned x = 0; x < w; x++)
                    assert_int_equal(px[y * w + (x + column) % w], first[y * w + x]);
        }
    }
}

static uint64_t light(const struct nh_fx_canvas *c)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < (uint32_t)c->width * c->height; i++)
        sum += (uint64_t)nh_px_r(c->px[i]) + nh_px_g(c->px[i]) + nh_px_b(c->px[i]);
    return sum;
}

// In over 300 ms, out over 300 ms, and then it leaves the canvas alone.
static void it_fades_in_and_out(void **state)
{
    (void)state;
    nh_lamp_overlay_t o;
    uint64_t now = 1000, full, last = 0;
    nh_lamp_overlay_init(&o, NULL, 1);
    for (unsigned n = 0; n <= 30; n++, now += 10) {
        struct nh_fx_canvas c = canvas_of(48, 16, 0);
        nh_lamp_overlay_draw(&o, &c, &on, now);
        assert_true(light(&c) >= last);
        last = light(&c);
    }
    full = last;
    assert_true(full > 2000);
    for (unsigned n = 0; n < 29; n++, now += 10) {
        struct nh_fx_canvas c = canvas_of(48, 16, 0);
        nh_lamp_overlay_draw(&o, &c, &off, now);
        assert_true(light(&c) <= last);
        last = light(&c);
        if (n == 14) // gently: half of it in the middle
            assert_in_range(last, full * 35 / 100, full * 65 / 100);
    }
    assert_true(last < full / 20);
    now += 10;
    struct nh_fx_canvas c = canvas_of(48, 16, 0x123456);
    nh_lamp_overlay_draw(&o, &c, &off, now);
    for (unsigned i = 0; i < 48 * 16; i++)
        assert_int_equal(px[i], 0x123456);
}

static void the_effect_is_darker_under_it(void **state)
{
    (void)state;
    nh_lamp_overlay_t o;
    nh_lamp_overlay_init(&o, NULL, 1);
    o.cfg.fade_ms = 0;
    struct nh_fx_canvas c = canvas_of(48, 16, 0xFFFFFF);
    nh_lamp_overlay_draw(&o, &c, &on, 1010);
    // The forehead: neither eyes nor outline, the base at 35 % and a touch of skin.
    assert_in_range(nh_px_r(px[12 * 48 + 24]), 255 * 25 / 100, 255 * 40 / 100);
    assert_int_equal(px[12 * 48 + 2], 0xFFFFFF);
}

// A face wider than the lamp meets itself: no cell is darkened twice.
static void no_cell_is_painted_twice(void **state)
{
    (void)state;
    static const uint16_t sizes[][2] = {{7, 48}, {8, 16}, {16, 48}, {16, 16}, {3, 9}};
    for (size_t k = 0; k < NH_ARRAY_LEN(sizes); k++) {
        nh_lamp_overlay_t o;
        struct nh_fx_canvas c = canvas_of(sizes[k][0], sizes[k][1], 0xFFFFFF);
        nh_lamp_overlay_init(&o, NULL, 1);
        o.cfg.fade_ms = 0;
        o.cfg.size_pct = 200;
        nh_lamp_overlay_draw(&o, &c, &on, 1000);
        // 35 % of white is 89, of that again 31; skin and eyes have 36 and more of red.
        for (unsigned i = 0; i < (unsigned)c.width * c.height; i++)
            if (nh_px_r(px[i]) <= 35)
                fail_msg("%u x %u, pixel %u: %u", c.width, c.height, i, nh_px_r(px[i]));
    }
}

static void blends_differ_as_they_say(void **state)
{
    (void)state;
    static nh_px_t result[3][48 * 16];
    for (int b = NH_LAMP_BLEND_ALPHA; b <= NH_LAMP_BLEND_MAX; b++) {
        nh_lamp_overlay_t o;
        struct nh_fx_canvas c = canvas_of(48, 16, 0x804020);
        struct nh_lamp_overlay_look look = on;
        look.blend = (enum nh_lamp_blend)b;
        nh_lamp_overlay_init(&o, NULL, 1);
        o.cfg.fade_ms = 0;
        nh_lamp_overlay_draw(&o, &c, &look, 1010);
        memcpy(result[b], px, sizeof result[b]);
    }
    unsigned add_over_max = 0;
    for (unsigned i = 0; i < 48 * 16; i++) {
        nh_px_t add = result[NH_LAMP_BLEND_ADD][i], max = result[NH_LAMP_BLEND_MAX][i];
        assert_int_equal(nh_px_brighter(add, max), add); // never darker
        add_over_max += add != max;
    }
    assert_true(add_over_max > 20);
    assert_memory_not_equal(result[NH_LAMP_BLEND_ALPHA], result[NH_LAMP_BLEND_MAX],
                            sizeof result[0]);
}

// How much of the picture has the mouth's and eyes' amber.
static unsigned amber(const struct nh_fx_canvas *c)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < (uint32_t)c->width * c->height; i++)
        n += nh_px_r(c->px[i]) > 150 && nh_px_b(c->px[i]) < 110;
    return n;
}

static unsigned amber_at_level(uint16_t w, uint16_t h, int level)
{
    nh_lamp_overlay_t o;
    struct nh_lamp_overlay_look look = on;
    struct nh_fx_canvas c = {0};
    look.mode = NH_LAMP_OVERLAY_SPEAK;
    nh_lamp_overlay_init(&o, NULL, 1);
    for (uint64_t now = 1000; now < 2000; now += 20) {
        c = canvas_of(w, h, 0);
        nh_lamp_overlay_level(&o, (uint8_t)level, now);
        nh_lamp_overlay_draw(&o, &c, &look, now);
    }
    return amber(&c);
}

static void the_mouth_follows_the_level(void **state)
{
    (void)state;
    static const uint16_t sizes[][2] = {{16, 48}, {48, 16}, {128, 128}};
    for (size_t k = 0; k < NH_ARRAY_LEN(sizes); k++) {
        unsigned shut = amber_at_level(sizes[k][0], sizes[k][1], 0);
        unsigned open = amber_at_level(sizes[k][0], sizes[k][1], 255);
        assert_true(shut > 0 && open > shut);
    }
}

static void without_a_level_the_mouth_moves_by_itself(void **state)
{
    (void)state;
    nh_lamp_overlay_t o;
    struct nh_lamp_overlay_look look = on;
    unsigned changes = 0, last = 0;
    look.mode = NH_LAMP_OVERLAY_SPEAK;
    nh_lamp_overlay_init(&o, NULL, 1);
    for (uint64_t now = 1000; now < 4000; now += 125) {
        struct nh_fx_canvas c = canvas_of(48, 16, 0);
        nh_lamp_overlay_draw(&o, &c, &look, now);
        changes += amber(&c) != last;
        last = amber(&c);
    }
    assert_true(changes >= 8);
}

// It blinks between 3 and 6 s apart, for 120 ms, in the same moments for the same seed.
static void it_blinks(void **state)
{
    (void)state;
    nh_lamp_overlay_t o;
    uint64_t last = 0;
    unsigned blinks = 0;
    bool was_shut = false;
    nh_lamp_overlay_init(&o, NULL, 9);
    for (uint64_t now = 1000; now < 61000; now += 10) {
        draw(&o, now);
        bool is_shut = now >= o.blink_ms;
        if (is_shut && !was_shut) {
            if (last)
                assert_in_range(now - last, 3000, 6200);
            last = now;
            blinks++;
        }
        was_shut = is_shut;
    }
    assert_in_range(blinks, 9, 20);
}

// ---- beside the effect

static void row10_the_effects_next_frame_is_undamaged(void **state)
{
    (void)state;
    static nh_px_t alone[48 * 16], palette[256];
    for (uint16_t i = 0; i < nh_fx_effect_count; i++) {
        const struct nh_fx_effect *e = nh_fx_effects[i];
        nh_fx_player_t a, b;
        nh_lamp_overlay_t o;
        struct nh_fx_canvas c = {48, 16, px}, d = {48, 16, alone};
        nh_fx_palette_expand(&nh_fx_palettes[e->palette], palette);
        struct nh_fx_input in = {.intensity = 128, .palette = palette, .text = "x"};
        assert_int_equal(nh_fx_player_init(&a, 48, 16, malloc(nh_fx_state_bytes(48, 16))), 0);
        assert_int_equal(nh_fx_player_init(&b, 48, 16, malloc(nh_fx_state_bytes(48, 16))), 0);
        nh_fx_player_set(&a, e, 5);
        nh_fx_player_set(&b, e, 5);
        nh_lamp_overlay_init(&o, NULL, 1);
        for (in.time_ms = 0; in.time_ms < 1200; in.time_ms += 60) {
            nh_fx_player_draw(&a, &c, &in, 100);
            nh_fx_player_draw(&b, &d, &in, 100);
            assert_memory_equal(px, alone, sizeof alone);
            nh_lamp_overlay_draw(&o, &c, &on, 1000 + in.time_ms);
        }
        assert_memory_not_equal(px, alone, sizeof alone);
        free(a.state);
        free(b.state);
    }
}

// Wall time is all it needs: over a frame that stands still it lives.
static void it_lives_while_the_animation_is_paused(void **state)
{
    (void)state;
    nh_lamp_overlay_t o;
    struct nh_lamp_overlay_look look = on;
    uint64_t last = 0;
    unsigned changes = 0;
    look.mode = NH_LAMP_OVERLAY_LISTEN;
    nh_lamp_overlay_init(&o, NULL, 1);
    for (uint64_t now = 1000; now < 3000; now += 50) {
        struct nh_fx_canvas c = canvas_of(48, 16, 0x101010);
        nh_lamp_overlay_draw(&o, &c, &look, now);
        changes += light(&c) != last;
        last = light(&c);
    }
    assert_true(changes > 30);
}

// Any size, setting and clock, also one that goes back: no write beside the canvas, no bad pixel.
static void anything_goes(void **state)
{
    (void)state;
    static const uint16_t sizes[][2] = {{1, 1},   {1, 128}, {128, 1},  {7, 5},
                                        {16, 48}, {48, 16}, {128, 128}};
    struct rng rng = {3};
    for (size_t k = 0; k < NH_ARRAY_LEN(sizes); k++) {
        size_t n = (size_t)sizes[k][0] * sizes[k][1];
        struct nh_fx_canvas c = {sizes[k][0], sizes[k][1], malloc(n * sizeof(nh_px_t))};
        nh_lamp_overlay_t o;
        uint64_t now = UINT64_MAX - 5000;
        nh_lamp_overlay_init(&o, NULL, rng_below(&rng, 1000));
        for (unsigned r = 0; r < 120; r++) {
            struct nh_lamp_overlay_config cfg = nh_lamp_overlay_standard;
            struct nh_lamp_overlay_look look = {rng_below(&rng, 8) > 0,
                                                (enum nh_lamp_overlay_mode)rng_below(&rng, 3),
                                                (enum nh_lamp_blend)rng_below(&rng, 3)};
            cfg.size_pct = (uint8_t)(25 + rng_below(&rng, 176));
            cfg.fade_ms = (uint16_t)rng_below(&rng, 3);
            cfg.follow_ms = (uint16_t)rng_below(&rng, 300);
            cfg.step_max_deg = (uint16_t)rng_below(&rng, 361);
            cfg.blink_ms = (uint16_t)rng_below(&rng, 300);
            cfg.blink_min_ms = (uint16_t)rng_below(&rng, 300);
            cfg.base_pct = (uint8_t)rng_below(&rng, 101);
            if (rng_below(&rng, 2))
                nh_lamp_overlay_configure(&o, &cfg);
            nh_lamp_overlay_direction(&o, rng_below(&rng, 400), now);
            nh_lamp_overlay_level(&o, (uint8_t)rng_below(&rng, 256), now);
            for (size_t i = 0; i < n; i++)
                c.px[i] = rng_below(&rng, 0x1000000);
            nh_lamp_overlay_draw(&o, &c, &look, now);
            for (size_t i = 0; i < n; i++)
                assert_true(c.px[i] <= 0xFFFFFF);
            now += rng_below(&rng, 300); // around 2^64 once
        }
        free(c.px);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row10_the_short_way_around),
        cmocka_unit_test(row10_within_the_deadband_nothing_moves),
        cmocka_unit_test(row10_a_frame_moves_it_no_farther_than_the_limit),
        cmocka_unit_test(following_goes_by_time_and_not_by_frames),
        cmocka_unit_test(it_holds_then_returns),
        cmocka_unit_test(an_old_direction_counts_for_nothing),
        cmocka_unit_test(directions_are_taken_around_the_circle),
        cmocka_unit_test(it_goes_around_the_lamp),
        cmocka_unit_test(it_fades_in_and_out),
        cmocka_unit_test(the_effect_is_darker_under_it),
        cmocka_unit_test(no_cell_is_painted_twice),
        cmocka_unit_test(blends_differ_as_they_say),
        cmocka_unit_test(the_mouth_follows_the_level),
        cmocka_unit_test(without_a_level_the_mouth_moves_by_itself),
        cmocka_unit_test(it_blinks),
        cmocka_unit_test(row10_the_effects_next_frame_is_undamaged),
        cmocka_unit_test(it_lives_while_the_animation_is_paused),
        cmocka_unit_test(anything_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
