// The map of the lamp: the points of the documentation, every configuration a bijection, what is
// refused.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "components/lamp/lamp_map.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

static const struct nh_lamp_walk straight = {NH_LAMP_BOTTOM_LEFT, false, false};
static const struct nh_lamp_walk serpentine = {NH_LAMP_BOTTOM_LEFT, false, true};

static struct mem_fixture memory;

static int begin(void **state)
{
    (void)state;
    mem_fixture_init(&memory, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    mem_fixture_deinit(&memory);
    return 0;
}

static nh_lamp_map_t *make(struct nh_lamp_map_config cfg)
{
    struct nh_lamp_fault fault = {0};
    nh_lamp_map_t *m;
    cfg.mem = memory.mem;
    int err = nh_lamp_map_create(&cfg, &fault, &m);
    if (err < 0)
        fail_msg("%s: %u %s (%u)", fault.field, fault.value, fault.text, fault.limit);
    return m;
}

static void test_three_panels(void **state)
{
    static const struct {
        int32_t x, y;
        uint32_t index;
    } points[] = {
        {0, 0, 0},     {15, 0, 15},  {0, 1, 31}, {15, 1, 16}, {0, 15, 255}, {0, 16, 256},
        {15, 47, 752}, {0, 47, 767}, {-1, 5, 0}, {16, 0, 0},  {3, 48, 0},   {3, -1, 0},
    };
    (void)state;
    nh_lamp_map_t *m = make((struct nh_lamp_map_config){
        .width = 16, .height = 48, .panel_rows = 3, .leds = serpentine});
    assert_int_equal(nh_lamp_map_count(m), 768);
    for (size_t i = 0; i < NH_ARRAY_LEN(points); i++)
        if (nh_lamp_map_index(m, points[i].x, points[i].y) != points[i].index)
            fail_msg("(%d,%d) -> %u", points[i].x, points[i].y,
                     nh_lamp_map_index(m, points[i].x, points[i].y));
    nh_lamp_map_destroy(m);
}

// The formulas as the documentation has them, against the walks.
static void test_formulas(void **state)
{
    (void)state;
    for (int row = 0; row < 8; row++) {
        bool is_horizontal = row & 1, is_reversed = row & 2, is_right_to_left = row & 4;
        struct nh_lamp_map_config cfg = {
            .width = 16, .height = 48, .panel_rows = 3, .leds = serpentine};
        if (is_horizontal)
            cfg = (struct nh_lamp_map_config){
                .width = 48, .height = 16, .panel_columns = 3, .leds = serpentine};
        if (is_reversed)
            cfg.panels.start = is_horizontal ? NH_LAMP_BOTTOM_RIGHT : NH_LAMP_TOP_LEFT;
        if (is_right_to_left)
            cfg.leds.start = NH_LAMP_BOTTOM_RIGHT;
        nh_lamp_map_t *m = make(cfg);
        for (uint32_t y = 0; y < cfg.height; y++)
            for (uint32_t x = 0; x < cfg.width; x++) {
                uint32_t panel = is_horizontal ? x / 16 : y / 16, ly = y % 16, lx = x % 16;
                panel = is_reversed ? 2 - panel : panel;
                lx = (ly % 2 == 0) != is_right_to_left ? lx : 15 - lx;
                assert_int_equal(nh_lamp_map_index(m, (int32_t)x, (int32_t)y),
                                 panel * 256 + ly * 16 + lx);
            }
        nh_lamp_map_destroy(m);
    }
}

// The first LEDs of the chain and the last, by their pixels of a canvas of 4 x 2 (or 2 x 4).
static void test_wirings(void **state)
{
    static const struct {
        const char *name;
        struct nh_lamp_map_config cfg;
        uint8_t to_canvas[8];
    } rows[] = {
        {"rows", {.width = 4, .height = 2}, {0, 1, 2, 3, 4, 5, 6, 7}},
        {"rows, serpentine",
         {.width = 4, .height = 2, .leds = {NH_LAMP_BOTTOM_LEFT, false, true}},
         {0, 1, 2, 3, 7, 6, 5, 4}},
        {"columns",
         {.width = 4, .height = 2, .leds = {NH_LAMP_BOTTOM_LEFT, true, false}},
         {0, 4, 1, 5, 2, 6, 3, 7}},
        {"columns, serpentine, from the top right",
         {.width = 4, .height = 2, .leds = {NH_LAMP_TOP_RIGHT, true, true}},
         {7, 3, 2, 6, 5, 1, 0, 4}},
        {"from the bottom right",
         {.width = 4, .height = 2, .leds = {NH_LAMP_BOTTOM_RIGHT, false, false}},
         {3, 2, 1, 0, 7, 6, 5, 4}},
        {"from the top left",
         {.width = 4, .height = 2, .leds = {NH_LAMP_TOP_LEFT, false, false}},
         {4, 5, 6, 7, 0, 1, 2, 3}},
        {"two panels", {.width = 4, .height = 2, .panel_columns = 2}, {0, 1, 4, 5, 2, 3, 6, 7}},
        {"two panels from the right",
         {.width = 4,
          .height = 2,
          .panel_columns = 2,
          .panels = {NH_LAMP_BOTTOM_RIGHT, false, false}},
         {2, 3, 6, 7, 0, 1, 4, 5}},
        {"eight panels, serpentine by columns",
         {.width = 4,
          .height = 2,
          .panel_columns = 4,
          .panel_rows = 2,
          .panels = {NH_LAMP_BOTTOM_LEFT, true, true}},
         {0, 4, 5, 1, 2, 6, 7, 3}},
        {"four panels, serpentine, the second row upside down",
         {.width = 4,
          .height = 2,
          .panel_columns = 2,
          .panel_rows = 2,
          .panels = {NH_LAMP_BOTTOM_LEFT, false, true},
          .turns_panels = true},
         {0, 1, 2, 3, 7, 6, 5, 4}},
        {"turned by 180", {.width = 4, .height = 2, .rotation_deg = 180}, {7, 6, 5, 4, 3, 2, 1, 0}},
        // Wired 2 wide and 4 high. The picture's top left comes to the panels' top right.
        {"turned by 90", {.width = 4, .height = 2, .rotation_deg = 90}, {3, 7, 2, 6, 1, 5, 0, 4}},
        {"turned by 270", {.width = 4, .height = 2, .rotation_deg = 270}, {4, 0, 5, 1, 6, 2, 7, 3}},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_lamp_map_t *m = make(rows[i].cfg);
        for (uint32_t k = 0; k < 8; k++)
            if (nh_lamp_map_to_canvas(m)[k] != rows[i].to_canvas[k])
                fail_msg("%s: LED %u lights pixel %u", rows[i].name, k,
                         nh_lamp_map_to_canvas(m)[k]);
        nh_lamp_map_destroy(m);
    }
}

static void assert_bijection(const nh_lamp_map_t *m)
{
    static uint8_t seen[NH_FX_SIDE_MAX * NH_FX_SIDE_MAX];
    uint32_t count = nh_lamp_map_count(m);
    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = nh_lamp_map_to_chain(m)[i];
        assert_true(at < count);
        assert_int_equal(seen[at]++, 0);
        assert_int_equal(nh_lamp_map_to_canvas(m)[at], i);
    }
}

static struct nh_lamp_walk walk_of(uint32_t bits)
{
    return (struct nh_lamp_walk){(enum nh_lamp_corner)(bits & 3), bits & 4, bits & 8};
}

// Every walk by every walk by every rotation, on a size whose numbers tell apart what is mixed up.
static void test_every_configuration_is_a_bijection(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 2048; bits++) {
        uint16_t rotation = (uint16_t)(bits % 4 * 90);
        bool is_sideways = rotation % 180 != 0;
        nh_lamp_map_t *m = make((struct nh_lamp_map_config){
            .width = is_sideways ? 15 : 6,
            .height = is_sideways ? 6 : 15,
            .panel_columns = 2,
            .panel_rows = 3,
            .rotation_deg = rotation,
            .panels = walk_of(bits >> 2 & 15),
            .leds = walk_of(bits >> 6 & 15),
            .turns_panels = bits >> 10,
        });
        assert_bijection(m);
        nh_lamp_map_destroy(m);
    }
}

// Neighbours in a serpentine chain of one panel are neighbours on the canvas, however it is turned.
static void test_serpentines_have_no_jumps(void **state)
{
    struct rng r = {11};
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct nh_lamp_map_config cfg = {.width = (uint16_t)(1 + rng_below(&r, 40)),
                                         .height = (uint16_t)(1 + rng_below(&r, 40)),
                                         .leds = walk_of(rng_below(&r, 8) | 8),
                                         .rotation_deg = (uint16_t)(rng_below(&r, 4) * 90)};
        nh_lamp_map_t *m = make(cfg);
        assert_bijection(m);
        for (uint32_t i = 1; i < nh_lamp_map_count(m); i++) {
            int a = nh_lamp_map_to_canvas(m)[i - 1], b = nh_lamp_map_to_canvas(m)[i];
            int dx = a % cfg.width - b % cfg.width, dy = a / cfg.width - b / cfg.width;
            assert_int_equal(dx * dx + dy * dy, 1);
        }
        nh_lamp_map_destroy(m);
    }
}

// Faults of the map, by field, value and limit; and the largest one that there is.
static void test_ends(void **state)
{
    static const struct {
        struct nh_lamp_map_config cfg;
        const char *field;
        uint32_t value, limit;
    } rows[] = {
        {{.width = 0, .height = 4}, "width", 0, 1},
        {{.width = 129, .height = 4}, "width", 129, 128},
        {{.width = 4, .height = 0}, "height", 0, 1},
        {{.width = 4, .height = 129}, "height", 129, 128},
        {{.width = 4, .height = 4, .rotation_deg = 45}, "rotation_deg", 45, 270},
        {{.width = 4, .height = 4, .rotation_deg = 360}, "rotation_deg", 360, 270},
        {{.width = 16, .height = 4, .panel_columns = 3}, "panel_columns", 3, 16},
        {{.width = 16, .height = 4, .panel_columns = 17}, "panel_columns", 17, 16},
        {{.width = 4, .height = 16, .panel_rows = 5}, "panel_rows", 5, 16},
        // Turned, the width is what the rows have to divide.
        {{.width = 16, .height = 9, .panel_rows = 3, .rotation_deg = 90}, "panel_rows", 3, 16},
        {{.width = 16, .height = 9, .panel_columns = 4, .rotation_deg = 270},
         "panel_columns",
         4,
         9},
        {{.width = 4, .height = 4, .leds = {.start = (enum nh_lamp_corner)4}}, "start", 4, 3},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_lamp_map_config cfg = rows[i].cfg;
        struct nh_lamp_fault fault = {0};
        nh_lamp_map_t *m;
        cfg.mem = memory.mem;
        assert_int_equal(nh_lamp_map_create(&cfg, &fault, &m), NH_ERR_RANGE);
        assert_null(m);
        if (strcmp(fault.field, rows[i].field) != 0 || fault.value != rows[i].value ||
            fault.limit != rows[i].limit)
            fail_msg("row %zu: %s %u %u", i, fault.field, fault.value, fault.limit);
        assert_int_equal(nh_lamp_map_create(&cfg, NULL, &m), NH_ERR_RANGE);
    }
    nh_lamp_map_t *m = make((struct nh_lamp_map_config){.width = 1, .height = 1});
    assert_int_equal(nh_lamp_map_index(m, 0, 0), 0);
    nh_lamp_map_destroy(m);
    nh_lamp_map_destroy(NULL);
}

// The largest map takes more than the fixture has: memory of its own.
static void test_largest(void **state)
{
    static _Alignas(16) uint8_t internal[16 * 1024], psram[96 * 1024];
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    struct mem_fixture large, small = memory;
    (void)state;
    assert_int_equal(nh_mem_system_create(&cfg, &large.sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(large.sys, "test", NULL, &large.mem), NH_OK);
    memory = large;
    nh_lamp_map_t *m = make((struct nh_lamp_map_config){.width = 128,
                                                        .height = 128,
                                                        .panel_columns = 8,
                                                        .panel_rows = 8,
                                                        .rotation_deg = 90,
                                                        .panels = serpentine,
                                                        .leds = straight,
                                                        .turns_panels = true});
    assert_int_equal(nh_lamp_map_count(m), 16384);
    assert_bijection(m);
    nh_lamp_map_destroy(m);
    mem_fixture_deinit(&large);
    memory = small;
}

static void test_memory_fails(void **state)
{
    const struct nh_lamp_map_config cfg = {.mem = memory.mem, .width = 16, .height = 16};
    nh_lamp_map_t *m = NULL;
    unsigned n = 0;
    (void)state;
    for (int err = NH_ERR_NOMEM; err == NH_ERR_NOMEM; n++) {
        mem_fixture_fail_nth(&memory, n + 1);
        err = nh_lamp_map_create(&cfg, NULL, &m);
        assert_true((err == NH_OK) == (m != NULL));
    }
    assert_int_equal(n, 2); // one allocation, refused once
    nh_lamp_map_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_three_panels, begin, end),
        cmocka_unit_test_setup_teardown(test_formulas, begin, end),
        cmocka_unit_test_setup_teardown(test_wirings, begin, end),
        cmocka_unit_test_setup_teardown(test_every_configuration_is_a_bijection, begin, end),
        cmocka_unit_test_setup_teardown(test_serpentines_have_no_jumps, begin, end),
        cmocka_unit_test_setup_teardown(test_ends, begin, end),
        cmocka_unit_test_setup_teardown(test_largest, begin, end),
        cmocka_unit_test_setup_teardown(test_memory_fails, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
