// What a command makes of the lamp's state: ranges, deltas, seq, refusals; and the fade there.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/lamp/lamp_fade.h"
#include "components/lamp/lamp_pace.h"
#include "components/lamp/lamp_state.h"
#include "support/rng.h"

#include <stdio.h>
#include <string.h>

#define PALETTES 26

static struct nh_lamp_state fresh(void)
{
    struct nh_lamp_state s;
    nh_lamp__state_default(&s);
    return s;
}

static void test_default(void **state)
{
    struct nh_lamp_state s = fresh(), clamped = s;
    (void)state;
    assert_int_equal(s.brightness, 102);
    assert_int_equal(s.speed_pct, 100);
    assert_true(s.power);
    assert_false(s.paused);
    assert_int_equal(s.seq, 0);
    assert_non_null(nh_fx_find(s.effect_id));
    nh_lamp__state_clamp(&clamped, PALETTES);
    assert_memory_equal(&s, &clamped, sizeof s);
}

// ---- row 4 of the check-list -------------------------------------------------------------------

struct row {
    const char *name;
    struct nh_lamp_command c;
    int result; // the mask of what changed, or the error
};

#define SET(m, ...)                                                                                \
    {                                                                                              \
        .kind = NH_LAMP_SET, .mask = (m), .set = { __VA_ARGS__ }                                   \
    }
#define ADD(k, d)                                                                                  \
    {                                                                                              \
        .kind = (k), .delta = (d)                                                                  \
    }

static const struct row rows[] = {
    {"nothing", SET(0), 0},
    {"brightness 0", SET(NH_LAMP_F_BRIGHTNESS, .brightness = 0), NH_LAMP_F_BRIGHTNESS},
    {"brightness 255", SET(NH_LAMP_F_BRIGHTNESS, .brightness = 255), NH_LAMP_F_BRIGHTNESS},
    {"brightness as it is", SET(NH_LAMP_F_BRIGHTNESS, .brightness = 102), 0},
    {"speed under", SET(NH_LAMP_F_SPEED, .speed_pct = 0), NH_LAMP_F_SPEED},
    {"speed 9", SET(NH_LAMP_F_SPEED, .speed_pct = 9), NH_LAMP_F_SPEED},
    {"speed 10", SET(NH_LAMP_F_SPEED, .speed_pct = 10), NH_LAMP_F_SPEED},
    {"speed 300", SET(NH_LAMP_F_SPEED, .speed_pct = 300), NH_LAMP_F_SPEED},
    {"speed 301", SET(NH_LAMP_F_SPEED, .speed_pct = 301), NH_LAMP_F_SPEED},
    {"speed 65535", SET(NH_LAMP_F_SPEED, .speed_pct = 65535), NH_LAMP_F_SPEED},
    {"speed as it is", SET(NH_LAMP_F_SPEED, .speed_pct = 100), 0},
    {"paused", SET(NH_LAMP_F_PAUSED, .paused = true), NH_LAMP_F_PAUSED},
    {"not paused as it is", SET(NH_LAMP_F_PAUSED, .paused = false), 0},
    {"off", SET(NH_LAMP_F_POWER, .power = false), NH_LAMP_F_POWER},
    {"on as it is", SET(NH_LAMP_F_POWER, .power = true), 0},
    {"intensity", SET(NH_LAMP_F_INTENSITY, .intensity = 255), NH_LAMP_F_INTENSITY},
    {"palette", SET(NH_LAMP_F_PALETTE, .palette = PALETTES - 1), NH_LAMP_F_PALETTE},
    {"palette too high", SET(NH_LAMP_F_PALETTE, .palette = PALETTES), NH_ERR_NOT_FOUND},
    {"palette auto as it is", SET(NH_LAMP_F_PALETTE, .palette = NH_LAMP_PALETTE_AUTO), 0},
    {"colours", SET(NH_LAMP_F_COLORS, .color = {1, 2, 3}),
     NH_LAMP_F_COLOR_1 | NH_LAMP_F_COLOR_2 | NH_LAMP_F_COLOR_3},
    {"second colour", SET(NH_LAMP_F_COLOR_2, .color = {1, 2, 3}), NH_LAMP_F_COLOR_2},
    {"a colour of 32 bits", SET(NH_LAMP_F_COLOR_2, .color = {0, 0xFF000000}), 0},
    {"text", SET(NH_LAMP_F_TEXT, .text = "hello"), NH_LAMP_F_TEXT},
    {"text as it is", SET(NH_LAMP_F_TEXT, .text = "nuthatch"), 0},
    {"text of no UTF-8", SET(NH_LAMP_F_TEXT, .text = "\xC3("), NH_ERR_INVAL},
    {"overlay", SET(NH_LAMP_F_OVERLAY, .overlay = true), NH_LAMP_F_OVERLAY},
    {"mode", SET(NH_LAMP_F_OVERLAY_MODE, .overlay_mode = 2), NH_LAMP_F_OVERLAY_MODE},
    {"no mode", SET(NH_LAMP_F_OVERLAY_MODE, .overlay_mode = 3), NH_ERR_INVAL},
    {"blend", SET(NH_LAMP_F_OVERLAY_BLEND, .overlay_blend = 2), NH_LAMP_F_OVERLAY_BLEND},
    {"no blend", SET(NH_LAMP_F_OVERLAY_BLEND, .overlay_blend = 3), NH_ERR_INVAL},
    {"a bit of no field", SET(32768, .brightness = 0), NH_ERR_INVAL},
    {"all bits", SET(UINT32_MAX, .brightness = 0), NH_ERR_INVAL},
    {"no kind", {.kind = (enum nh_lamp_command_kind)77}, NH_ERR_INVAL},
    {"toggle pause", {.kind = NH_LAMP_TOGGLE_PAUSE}, NH_LAMP_F_PAUSED},
    {"toggle power", {.kind = NH_LAMP_TOGGLE_POWER}, NH_LAMP_F_POWER},
    {"next", {.kind = NH_LAMP_NEXT_EFFECT}, NH_LAMP_F_EFFECT},
    {"previous", {.kind = NH_LAMP_PREVIOUS_EFFECT}, NH_LAMP_F_EFFECT},
    {"start of an update", {.kind = NH_LAMP_START_OTA}, 0},
    {"flash", {.kind = NH_LAMP_FLASH, .flash_ms = 100}, 0},
    {"brightness + 153", ADD(NH_LAMP_ADJUST_BRIGHTNESS, 153), NH_LAMP_F_BRIGHTNESS},
    {"brightness + 0", ADD(NH_LAMP_ADJUST_BRIGHTNESS, 0), 0},
    {"two fields, one as it is",
     SET(NH_LAMP_F_BRIGHTNESS | NH_LAMP_F_SPEED, .brightness = 1, .speed_pct = 100),
     NH_LAMP_F_BRIGHTNESS},
    {"two fields, one is refused",
     SET(NH_LAMP_F_BRIGHTNESS | NH_LAMP_F_EFFECT, .brightness = 1, .effect_id = 1),
     NH_ERR_NOT_FOUND},
};

static void test_row4_clamp_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_lamp_state s = fresh(), before = s;
        int result = nh_lamp__state_apply(&s, &rows[i].c, PALETTES);
        if (result != rows[i].result)
            fail_msg("%s: %d", rows[i].name, result);
        if (result <= 0)
            assert_memory_equal(&s, &before, sizeof s);
        if (s.seq != (result > 0))
            fail_msg("%s: seq %u", rows[i].name, (unsigned)s.seq);
        struct nh_lamp_state clamped = s;
        nh_lamp__state_clamp(&clamped, PALETTES);
        assert_memory_equal(&s, &clamped, sizeof s);
    }
}

static void test_row4_speed_is_clamped(void **state)
{
    static const uint16_t to[][2] = {{0, 10},    {9, 10},    {10, 10},   {11, 11},
                                     {299, 299}, {300, 300}, {301, 300}, {65535, 300}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(to); i++) {
        struct nh_lamp_state s = fresh();
        struct nh_lamp_command c = SET(NH_LAMP_F_SPEED, .speed_pct = to[i][0]);
        assert_true(nh_lamp__state_apply(&s, &c, PALETTES) > 0);
        assert_int_equal(s.speed_pct, to[i][1]);
    }
}

static void test_row4_deltas_saturate(void **state)
{
    static const struct {
        enum nh_lamp_command_kind kind;
        int32_t delta;
        uint32_t after;
    } to[] = {
        {NH_LAMP_ADJUST_BRIGHTNESS, 10, 112},
        {NH_LAMP_ADJUST_BRIGHTNESS, -10, 92},
        {NH_LAMP_ADJUST_BRIGHTNESS, 153, 255},
        {NH_LAMP_ADJUST_BRIGHTNESS, 154, 255},
        {NH_LAMP_ADJUST_BRIGHTNESS, -102, 0},
        {NH_LAMP_ADJUST_BRIGHTNESS, -103, 0},
        {NH_LAMP_ADJUST_BRIGHTNESS, INT32_MAX, 255},
        {NH_LAMP_ADJUST_BRIGHTNESS, INT32_MIN, 0},
        {NH_LAMP_ADJUST_SPEED, 200, 300},
        {NH_LAMP_ADJUST_SPEED, 201, 300},
        {NH_LAMP_ADJUST_SPEED, -90, 10},
        {NH_LAMP_ADJUST_SPEED, -91, 10},
        {NH_LAMP_ADJUST_SPEED, INT32_MAX, 300},
        {NH_LAMP_ADJUST_SPEED, INT32_MIN, 10},
        {NH_LAMP_ADJUST_INTENSITY, 127, 255},
        {NH_LAMP_ADJUST_INTENSITY, 128, 255},
        {NH_LAMP_ADJUST_INTENSITY, -128, 0},
        {NH_LAMP_ADJUST_INTENSITY, -129, 0},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(to); i++) {
        struct nh_lamp_state s = fresh();
        struct nh_lamp_command c = ADD(to[i].kind, to[i].delta);
        assert_true(nh_lamp__state_apply(&s, &c, PALETTES) > 0);
        uint32_t after = to[i].kind == NH_LAMP_ADJUST_BRIGHTNESS ? s.brightness
                         : to[i].kind == NH_LAMP_ADJUST_SPEED    ? s.speed_pct
                                                                 : s.intensity;
        assert_int_equal(after, to[i].after);
        // At the end of the range the same again is no change.
        uint32_t seq = s.seq;
        bool is_end = after == 0 || after == 255 || after == 10 || after == 300;
        assert_int_equal(nh_lamp__state_apply(&s, &c, PALETTES) == 0, is_end);
        assert_int_equal(s.seq, seq + !is_end);
    }
}

static bool is_equal(const void *a, const void *b, size_t len)
{
    return memcmp(a, b, len) == 0; // the padding too: states are copied whole
}

// Whatever commands come: the state stays within its ranges, seq rises by one where something is
// other, and by nothing else.
static void test_row4_seq_rises_with_changes_alone(void **state)
{
    struct rng r;
    struct nh_lamp_state s = fresh();
    (void)state;
    r.state = 4711;
    for (int n = 0; n < 50000; n++) {
        struct nh_lamp_command c = {.kind = (enum nh_lamp_command_kind)rng_below(&r, 12),
                                    .mask = rng_below(&r, 1u << 16),
                                    .delta = (int32_t)rng_below(&r, 1000) - 500};
        c.set = s;
        c.set.brightness = (uint8_t)rng_below(&r, 4);
        c.set.speed_pct = (uint16_t)rng_below(&r, 400);
        c.set.paused = rng_below(&r, 2);
        c.set.power = rng_below(&r, 2);
        c.set.palette = (uint8_t)rng_below(&r, 256);
        c.set.overlay_mode = (uint8_t)rng_below(&r, 4);
        c.set.effect_id = (uint16_t)(0xEA00 + rng_below(&r, 9));
        struct nh_lamp_state before = s, same;
        int result = nh_lamp__state_apply(&s, &c, PALETTES);
        same = s;
        same.seq = before.seq;
        bool is_same = is_equal(&same, &before, sizeof same);
        assert_int_equal(result > 0, !is_same);
        assert_int_equal(s.seq, before.seq + !is_same);
        same = s;
        nh_lamp__state_clamp(&same, PALETTES);
        assert_memory_equal(&same, &s, sizeof s);
    }
}

// ---- row 7 -------------------------------------------------------------------------------------

static void test_row7_unknown_effect_changes_nothing(void **state)
{
    struct nh_lamp_state s = fresh(), before = s;
    (void)state;
    for (uint32_t id = 0; id <= UINT16_MAX; id++) {
        struct nh_lamp_command c = SET(NH_LAMP_F_EFFECT | NH_LAMP_F_BRIGHTNESS,
                                       .effect_id = (uint16_t)id, .brightness = 7);
        if (nh_fx_find((uint16_t)id))
            continue;
        assert_int_equal(nh_lamp__state_apply(&s, &c, PALETTES), NH_ERR_NOT_FOUND);
        assert_memory_equal(&s, &before, sizeof s);
    }
}

static void test_next_goes_around(void **state)
{
    struct nh_lamp_state s = fresh();
    uint16_t first = s.effect_id;
    (void)state;
    for (uint16_t i = 0; i < nh_fx_visible_count(); i++)
        assert_true(nh_lamp__state_apply(&s, &(struct nh_lamp_command){.kind = NH_LAMP_NEXT_EFFECT},
                                         PALETTES) > 0);
    assert_int_equal(s.effect_id, first);
    for (uint16_t i = 0; i < nh_fx_visible_count(); i++)
        assert_true(nh_lamp__state_apply(&s,
                                         &(struct nh_lamp_command){.kind = NH_LAMP_PREVIOUS_EFFECT},
                                         PALETTES) > 0);
    assert_int_equal(s.effect_id, first);
}

static void test_clamp_takes_anything(void **state)
{
    struct rng r;
    (void)state;
    r.state = 7;
    for (int n = 0; n < 10000; n++) {
        struct nh_lamp_state s = fresh();
        s.effect_id = (uint16_t)rng_below(&r, 65536);
        s.speed_pct = (uint16_t)rng_below(&r, 65536);
        s.palette = (uint8_t)rng_below(&r, 256);
        s.overlay_mode = (uint8_t)rng_below(&r, 256);
        s.overlay_blend = (uint8_t)rng_below(&r, 256);
        for (size_t i = 0; i < sizeof s.text; i++)
            s.text[i] = (char)rng_below(&r, 256);
        nh_lamp__state_clamp(&s, PALETTES);
        assert_non_null(nh_fx_find(s.effect_id));
        assert_in_range(s.speed_pct, 10, 300);
        assert_true(s.palette == 255 || s.palette < PALETTES);
        assert_true(strlen(s.text) < sizeof s.text);
    }
}

// ---- the fade ----------------------------------------------------------------------------------

static void test_fade_arrives_from_where_it_is(void **state)
{
    static nh_lamp__fade_t f;
    static nh_px_t black[256], white[256];
    const nh_px_t none[3] = {0, 0, 0}, full[3] = {0xFFFFFF, 0xFF0000, 0x0000FF};
    (void)state;
    for (size_t i = 0; i < 256; i++)
        white[i] = 0xFFFFFF;
    nh_lamp__fade_to(&f, 0, none, black, 0, 5);
    nh_lamp__fade_to(&f, 200, full, white, 1000, 1000000);
    assert_int_equal(f.brightness_q8, 0);
    uint32_t last = 0;
    for (uint64_t us = 1000000; us < 2000000; us += 10000) {
        nh_lamp__fade_step(&f, white, us);
        assert_true(f.brightness_q8 >= last && f.brightness_q8 < 200 << 8);
        last = f.brightness_q8;
    }
    nh_lamp__fade_step(&f, white, 1500000);
    assert_int_equal(f.brightness_q8, 100 << 8);
    assert_int_equal(f.color[0], 0x7F7F7F);
    assert_int_equal(f.palette[77], 0x7F7F7F);
    // Another goal on the way: on from there.
    nh_lamp__fade_to(&f, 0, none, black, 100, 1500000);
    nh_lamp__fade_step(&f, black, 1550000);
    assert_int_equal(f.brightness_q8, 50 << 8);
    nh_lamp__fade_step(&f, black, 1600000);
    assert_int_equal(f.brightness_q8, 0);
    assert_int_equal(f.color[0], 0);
    assert_int_equal(f.palette[255], 0);
    nh_lamp__fade_step(&f, black, UINT64_MAX);
    assert_int_equal(f.brightness_q8, 0);
}

// ---- the cadence -------------------------------------------------------------------------------

static void test_slots_have_no_drift(void **state)
{
    nh_lamp__pace_t p;
    uint64_t now = 123456;
    (void)state;
    nh_lamp__pace_init(&p, 60, now);
    for (uint64_t n = 1; n <= 60 * 600; n++) { // ten minutes, each frame 3 ms
        nh_lamp__pace_begin(&p, now);
        now = nh_lamp__pace_end(&p, now + 3000);
        assert_int_equal(now, 123456 + n * 1000000 / 60);
    }
    assert_int_equal(p.late_count, 0);
    assert_int_equal(p.dropped_count, 0);
    assert_int_equal(p.shown.fps_x10, 600);
    assert_int_equal(p.shown.jitter_max_us, 0);
}

static void test_missed_slots_are_left_out(void **state)
{
    nh_lamp__pace_t p;
    (void)state;
    nh_lamp__pace_init(&p, 40, 0);
    nh_lamp__pace_begin(&p, 0);
    assert_int_equal(nh_lamp__pace_end(&p, 24999), 25000);
    nh_lamp__pace_begin(&p, 25000);
    assert_int_equal(nh_lamp__pace_end(&p, 50000), 50000); // to the edge: none is missed
    nh_lamp__pace_begin(&p, 50000);
    assert_int_equal(nh_lamp__pace_end(&p, 130001), 150000); // 75, 100 and 125 ms
    assert_int_equal(p.dropped_count, 3);
    assert_int_equal(p.late_count, 0);
    nh_lamp__pace_begin(&p, 175000); // its task was not let run
    assert_int_equal(p.late_count, 1);
    assert_int_equal(nh_lamp__pace_end(&p, 175001), 200000);
    assert_int_equal(p.dropped_count, 4);
}

static void test_jitter_is_of_a_second(void **state)
{
    nh_lamp__pace_t p;
    uint64_t slot = 0;
    (void)state;
    nh_lamp__pace_init(&p, 40, 0);
    for (int n = 0; n < 41; n++) {
        nh_lamp__pace_begin(&p, slot + (n == 7 ? 900 : 100));
        nh_lamp__pace_spent(&p, 50, 20, 10);
        slot = nh_lamp__pace_end(&p, slot + 2000);
    }
    assert_int_equal(p.shown.jitter_max_us, 900);
    assert_int_equal(p.shown.jitter_us, (39 * 100 + 900) / 40);
    assert_int_equal(p.shown.render_us, 50);
    assert_int_equal(p.shown.overlay_us, 20);
    assert_int_equal(p.shown.show_us, 10);
    assert_in_range(p.shown.fps_x10, 399, 401);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_row4_clamp_table),
        cmocka_unit_test(test_row4_speed_is_clamped),
        cmocka_unit_test(test_row4_deltas_saturate),
        cmocka_unit_test(test_row4_seq_rises_with_changes_alone),
        cmocka_unit_test(test_row7_unknown_effect_changes_nothing),
        cmocka_unit_test(test_next_goes_around),
        cmocka_unit_test(test_clamp_takes_anything),
        cmocka_unit_test(test_fade_arrives_from_where_it_is),
        cmocka_unit_test(test_slots_have_no_drift),
        cmocka_unit_test(test_missed_slots_are_left_out),
        cmocka_unit_test(test_jitter_is_of_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
