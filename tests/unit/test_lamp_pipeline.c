// The pipeline of the lamp: what it does to a value, what dithering shows over time, that no frame
// is over the limit, that a frame allocates nothing.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "components/lamp/lamp_pipeline.h"
#include "core/base/crc.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

#define WIDTH 16
#define HEIGHT 16
#define COUNT (WIDTH * HEIGHT)
#define FULL NH_LAMP_BRIGHTNESS_MAX_Q8

static struct mem_fixture memory;
static nh_lamp_map_t *map;
static nh_lamp_pipeline_t *pipeline;
static nh_px_t px[COUNT];
static const struct nh_fx_canvas canvas = {WIDTH, HEIGHT, px};

static int begin(void **state)
{
    (void)state;
    mem_fixture_init(&memory, NULL);
    const struct nh_lamp_map_config cfg = {
        .mem = memory.mem, .width = WIDTH, .height = HEIGHT, .leds = {.is_serpentine = true}};
    assert_int_equal(nh_lamp_map_create(&cfg, NULL, &map), NH_OK);
    pipeline = NULL;
    return 0;
}

static int end(void **state)
{
    (void)state;
    nh_lamp_pipeline_destroy(pipeline);
    nh_lamp_map_destroy(map);
    mem_fixture_deinit(&memory);
    return 0;
}

static void make(struct nh_lamp_pipeline_config cfg)
{
    nh_lamp_pipeline_destroy(pipeline);
    cfg.mem = memory.mem;
    cfg.map = map;
    assert_int_equal(nh_lamp_pipeline_create(&cfg, NULL, &pipeline), NH_OK);
}

static struct nh_lamp_pipeline_frame run(uint32_t brightness_q8, uint32_t frame)
{
    struct nh_lamp_pipeline_frame f;
    nh_lamp_pipeline_frame(pipeline, &canvas, brightness_q8, frame, &f);
    assert_int_equal(f.count, COUNT);
    return f;
}

static void fill(nh_px_t c)
{
    for (int i = 0; i < COUNT; i++)
        px[i] = c;
}

static void fill_at_random(struct rng *r)
{
    for (int i = 0; i < COUNT; i++)
        px[i] = rng_next(r) & 0xFFFFFF;
}

static uint32_t sum_of(const struct nh_lamp_pipeline_frame *f)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < f->count * 3; i++)
        sum += f->rgb[i];
    return sum;
}

static void test_full_is_as_it_was(void **state)
{
    struct rng r = {1};
    (void)state;
    make((struct nh_lamp_pipeline_config){0});
    fill_at_random(&r);
    struct nh_lamp_pipeline_frame f = run(FULL, 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        nh_px_t want = px[nh_lamp_map_to_canvas(map)[i]];
        assert_int_equal(NH_PX(f.rgb[i * 3], f.rgb[i * 3 + 1], f.rgb[i * 3 + 2]), want);
    }
    // The upper byte of a pixel is nobody's.
    uint32_t crc = nh_crc32(0, f.rgb, COUNT * 3);
    for (int i = 0; i < COUNT; i++)
        px[i] |= 0xA5000000u;
    f = run(FULL, 1);
    assert_int_equal(nh_crc32(0, f.rgb, COUNT * 3), crc);
}

static void test_values(void **state)
{
    static const struct {
        const char *name;
        struct nh_lamp_pipeline_config cfg;
        uint32_t brightness_q8;
        uint8_t in, r, g, b;
    } rows[] = {
        {"dark", {0}, 0, 255, 0, 0, 0},
        {"dark with gamma and dither", {.gamma_pct = 220, .dither_bits = 4}, 0, 255, 0, 0, 0},
        {"black", {.gamma_pct = 280, .dither_bits = 4}, FULL, 0, 0, 0, 0},
        {"40 %", {0}, 102 << 8, 255, 102, 102, 102},
        {"half", {0}, 128 << 8, 100, 50, 50, 50},
        {"rounded up", {0}, 128 << 8, 3, 2, 2, 2},
        {"between two steps", {0}, (10 << 8) + 128, 255, 11, 11, 11},
        {"over the end", {0}, FULL + 999, 200, 200, 200, 200},
        {"gamma 2.2", {.gamma_pct = 220}, FULL, 128, 56, 56, 56},
        {"gamma 2.8", {.gamma_pct = 280}, FULL, 128, 37, 37, 37},
        {"gamma 2.8 of white", {.gamma_pct = 280}, FULL, 255, 255, 255, 255},
        {"gamma 1", {.gamma_pct = 100}, FULL, 77, 77, 77, 77},
        {"white balance", {.white = {255, 176, 240}}, FULL, 255, 255, 176, 240},
        {"balance and brightness", {.white = {0, 128, 1}}, 128 << 8, 255, 128, 64, 1},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        make(rows[i].cfg);
        fill(NH_PX(rows[i].in, rows[i].in, rows[i].in));
        struct nh_lamp_pipeline_frame f = run(rows[i].brightness_q8, 3);
        for (uint32_t k = 0; k < COUNT; k++)
            if (f.rgb[k * 3] != rows[i].r || f.rgb[k * 3 + 1] != rows[i].g ||
                f.rgb[k * 3 + 2] != rows[i].b)
                fail_msg("%s: %u %u %u", rows[i].name, f.rgb[k * 3], f.rgb[k * 3 + 1],
                         f.rgb[k * 3 + 2]);
    }
}

static void test_gamma_follows_its_curve(void **state)
{
    (void)state;
    for (uint16_t gamma = 100; gamma <= 400; gamma = (uint16_t)(gamma + 20)) {
        make((struct nh_lamp_pipeline_config){.gamma_pct = gamma});
        for (uint32_t v = 0; v < 256; v++)
            px[v] = NH_PX(v, v, v);
        struct nh_lamp_pipeline_frame f = run(FULL, 0);
        for (uint32_t i = 0; i < COUNT; i++) {
            double want = 255 * pow(nh_lamp_map_to_canvas(map)[i] / 255.0, gamma / 100.0);
            assert_true(fabs(f.rgb[i * 3] - want) <= 0.51);
        }
    }
}

// Over 2^bits frames, from any one on, the mean of each channel is what was wanted, to half of a
// part; each frame is within one step of it; and black is black.
static void test_dither_shows_the_mean(void **state)
{
    struct rng r = {5};
    (void)state;
    for (uint8_t bits = 0; bits <= NH_LAMP_DITHER_MAX_BITS; bits++) {
        uint32_t frames = 1u << bits, from = rng_next(&r);
        make((struct nh_lamp_pipeline_config){.dither_bits = bits});
        fill_at_random(&r);
        px[0] = 0;
        for (uint32_t brightness = 0; brightness <= FULL; brightness += 1 + rng_below(&r, 4000)) {
            uint32_t sum[COUNT * 3] = {0};
            for (uint32_t k = 0; k < frames; k++) {
                struct nh_lamp_pipeline_frame f = run(brightness, from + k);
                for (int i = 0; i < COUNT * 3; i++)
                    sum[i] += f.rgb[i];
            }
            for (int i = 0; i < COUNT * 3; i++) {
                nh_px_t c = px[nh_lamp_map_to_canvas(map)[i / 3]];
                uint32_t v = c >> (16 - 8 * (i % 3)) & 0xFF;
                double want = v * (double)brightness / FULL, mean = sum[i] / (double)frames;
                if (fabs(mean - want) > 0.5 / frames + 0.5 / 256 + 1e-9)
                    fail_msg("%u bits: %f of %f", bits, mean, want);
            }
            assert_int_equal(sum[0] + sum[1] + sum[2], 0);
        }
    }
}

// What one frame adds is spread over the picture: no frame of an even picture stands out.
static void test_dither_is_spread(void **state)
{
    (void)state;
    make((struct nh_lamp_pipeline_config){.dither_bits = 4});
    fill(NH_PX(100, 100, 100));
    for (uint32_t brightness = 0; brightness <= FULL; brightness += 97) {
        uint32_t first = 0;
        for (uint32_t frame = 0; frame < 16; frame++) {
            struct nh_lamp_pipeline_frame f = run(brightness, frame);
            if (frame == 0)
                first = sum_of(&f);
            assert_int_equal(sum_of(&f), first);
        }
    }
}

static void test_frames_are_repeatable(void **state)
{
    struct rng r = {9};
    uint32_t crc[32];
    (void)state;
    fill_at_random(&r);
    for (int round = 0; round < 2; round++) {
        make(
            (struct nh_lamp_pipeline_config){.gamma_pct = 220, .dither_bits = 3, .limit_ma = 5000});
        for (uint32_t k = 0; k < 32; k++) {
            struct nh_lamp_pipeline_frame f = run((40 << 8) + k * 10, k);
            uint32_t now = nh_crc32(0, f.rgb, COUNT * 3);
            if (round == 1)
                assert_int_equal(now, crc[k]);
            crc[k] = now;
        }
    }
    assert_int_not_equal(crc[0], crc[1]);
    // Gamma, table, order, dithering and limit as they are: who changes one sees it here.
    assert_int_equal(crc[31], 0x156F3281);
}

static void test_estimate(void **state)
{
    static const struct {
        nh_px_t color;
        struct nh_lamp_pipeline_config cfg;
        uint32_t brightness, estimate_ma;
    } rows[] = {
        {0xFFFFFF, {0}, 255, 100 + 256 + 256 * 55},
        {0xFF0000, {0}, 255, 100 + 256 + 4694}, // 256 * 55 / 3 is 4693.3
        {0x000000, {0}, 255, 100 + 256},
        {0xFFFFFF, {0}, 0, 100 + 256},
        {0xFFFFFF, {.led_ma = 60, .led_idle_ua = 700, .board_ma = 1}, 255, 1 + 180 + 256 * 60},
        {0x010000, {0}, 255, 100 + 256 + 19}, // 256 * 55 / 765 is 18.4
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        make(rows[i].cfg);
        fill(rows[i].color);
        struct nh_lamp_pipeline_frame f = run(rows[i].brightness << 8, 0);
        if (f.estimate_ma != rows[i].estimate_ma || f.wanted_ma != f.estimate_ma || f.is_limiting)
            fail_msg("row %zu: %u, %u", i, f.estimate_ma, f.wanted_ma);
    }
}

// Random pictures, models and limits: no frame is over, and a limit that binds is used up.
static void test_limit_holds(void **state)
{
    struct rng r = {77};
    unsigned limited = 0;
    (void)state;
    for (int round = 0; round < 400; round++) {
        struct nh_lamp_pipeline_config cfg = {
            .gamma_pct = (uint16_t)(100 + rng_below(&r, 200)),
            .dither_bits = (uint8_t)rng_below(&r, 5),
            .led_ma = (uint16_t)(1 + rng_below(&r, 255)),
            .led_idle_ua = (uint16_t)(1 + rng_below(&r, 2000)),
            .board_ma = (uint16_t)(1 + rng_below(&r, 500)),
        };
        struct nh_lamp_fault fault;
        cfg.limit_ma = 1;
        assert_int_equal(nh_lamp_pipeline_check(&cfg, COUNT, &fault), NH_ERR_RANGE);
        cfg.limit_ma = fault.limit + 1 + rng_below(&r, round % 2 ? 40 : 20000);
        make(cfg);
        if (round % 3)
            fill(rng_next(&r) & 0xFFFFFF);
        else
            fill_at_random(&r);
        for (uint32_t frame = 0; frame < 17; frame++) {
            struct nh_lamp_pipeline_frame f = run(rng_below(&r, FULL + 1), frame);
            uint64_t ma = ((uint64_t)sum_of(&f) * cfg.led_ma + 764) / 765 + fault.limit;
            assert_int_equal(f.estimate_ma, ma);
            assert_true(f.estimate_ma <= cfg.limit_ma);
            if (f.is_limiting) {
                limited++;
                assert_true(f.wanted_ma > cfg.limit_ma);
            }
        }
    }
    assert_true(limited > 1000);
}

static void test_limit_is_used(void **state)
{
    (void)state;
    make((struct nh_lamp_pipeline_config){.limit_ma = 3000, .dither_bits = 4});
    fill(0xFFFFFF);
    for (uint32_t frame = 0; frame < 32; frame++) {
        struct nh_lamp_pipeline_frame f = run(FULL, frame);
        assert_true(f.is_limiting && f.wanted_ma == 14436);
        assert_true(f.estimate_ma > 2960 && f.estimate_ma <= 3000);
    }
    struct nh_lamp_pipeline_frame f = run(20 << 8, 0); // fits: as if there was no limit
    assert_false(f.is_limiting);
    assert_int_equal(f.rgb[0], 20);
}

static void test_faults(void **state)
{
    static const struct {
        struct nh_lamp_pipeline_config cfg;
        const char *field;
        uint32_t value, limit;
    } rows[] = {
        {{.gamma_pct = 99}, "gamma_pct", 99, 100},
        {{.gamma_pct = 401}, "gamma_pct", 401, 400},
        {{.dither_bits = 5}, "dither_bits", 5, 4},
        {{.led_ma = 256}, "led_ma", 256, 255},
        {{.limit_ma = 1000001}, "limit_ma", 1000001, 1000000},
        {{.limit_ma = 356}, "limit_ma", 356, 356}, // 100 and 256 LEDs of 1 mA
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_lamp_pipeline_config cfg = rows[i].cfg;
        struct nh_lamp_fault fault = {0};
        cfg.mem = memory.mem;
        cfg.map = map;
        assert_int_equal(nh_lamp_pipeline_create(&cfg, &fault, &pipeline), NH_ERR_RANGE);
        assert_null(pipeline);
        if (strcmp(fault.field, rows[i].field) != 0 || fault.value != rows[i].value ||
            fault.limit != rows[i].limit)
            fail_msg("row %zu: %s %u %u", i, fault.field, fault.value, fault.limit);
        assert_int_equal(nh_lamp_pipeline_create(&cfg, NULL, &pipeline), NH_ERR_RANGE);
    }
}

static uint64_t alloc_count(void)
{
    struct nh_mem_owner_info info;
    uint64_t n = 0;
    for (size_t i = 0; nh_mem_owner_info(memory.sys, i, &info) == NH_OK; i++)
        for (int t = 0; t < NH_MEM_TIER_COUNT; t++)
            n += info.tier[t].alloc_count;
    return n;
}

static void test_frames_allocate_nothing(void **state)
{
    struct rng r = {3};
    (void)state;
    make((struct nh_lamp_pipeline_config){.gamma_pct = 220, .dither_bits = 4, .limit_ma = 2000});
    fill_at_random(&r);
    uint64_t before = alloc_count();
    for (uint32_t frame = 0; frame < 1000; frame++)
        run(rng_below(&r, FULL + 1), frame);
    assert_int_equal(alloc_count(), before);
}

static void test_memory_fails(void **state)
{
    const struct nh_lamp_pipeline_config cfg = {.mem = memory.mem, .map = map};
    unsigned n = 0;
    (void)state;
    for (int err = NH_ERR_NOMEM; err == NH_ERR_NOMEM; n++) {
        mem_fixture_fail_nth(&memory, n + 1);
        err = nh_lamp_pipeline_create(&cfg, NULL, &pipeline);
        assert_true((err == NH_OK) == (pipeline != NULL));
    }
    assert_int_equal(n, 5); // four allocations, each refused once
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_full_is_as_it_was, begin, end),
        cmocka_unit_test_setup_teardown(test_values, begin, end),
        cmocka_unit_test_setup_teardown(test_gamma_follows_its_curve, begin, end),
        cmocka_unit_test_setup_teardown(test_dither_shows_the_mean, begin, end),
        cmocka_unit_test_setup_teardown(test_dither_is_spread, begin, end),
        cmocka_unit_test_setup_teardown(test_frames_are_repeatable, begin, end),
        cmocka_unit_test_setup_teardown(test_estimate, begin, end),
        cmocka_unit_test_setup_teardown(test_limit_holds, begin, end),
        cmocka_unit_test_setup_teardown(test_limit_is_used, begin, end),
        cmocka_unit_test_setup_teardown(test_faults, begin, end),
        cmocka_unit_test_setup_teardown(test_frames_allocate_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_memory_fails, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
