// Where buttons lie: on the glass, apart from each other, each as the document says; and the
// rectangles that are painted again.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/display/display_dirty.h"
#include "components/display/macro_layout.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    uint16_t width, height;
} panels[] = {{360, 360}, {240, 240}, {320, 240}, {480, 480}};

static unsigned slots_of(enum nh_macro_template t)
{
    struct nh_macro__cell c;
    unsigned mask = 0;
    for (unsigned slot = 0; slot < NH_MACRO_SLOTS; slot++)
        mask |= (unsigned)nh_macro__cell_of(t, slot, 360, 360, &c) << slot;
    return mask;
}

static void test_slots_of_each_template(void **state)
{
    (void)state;
    assert_int_equal(slots_of(NH_MACRO_RING_9), 0x1FF);
    assert_int_equal(slots_of(NH_MACRO_PIE_8), 0x1FF);
    assert_int_equal(slots_of(NH_MACRO_STACK_SIDES_5), 0x1F);
    assert_int_equal(slots_of(NH_MACRO_WIDE_SIDES_3), 0x7);
    assert_int_equal(slots_of(NH_MACRO_SPLIT_SIDES_4), 0xF);
}

// No pixel belongs to two buttons or lies beside the round glass, and a finger needs room.
static void check_panel(enum nh_macro_template t, int w, int h)
{
    static uint8_t owner[480 * 480];
    int side = w < h ? w : h;
    memset(owner, 0xFF, sizeof owner);
    for (unsigned slot = 0; slot < NH_MACRO_SLOTS; slot++) {
        struct nh_macro__cell c;
        int pixels = 0;
        if (!nh_macro__cell_of(t, slot, (uint16_t)w, (uint16_t)h, &c))
            continue;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                int dx = 2 * x + 1 - w, dy = 2 * y + 1 - h;
                if (!nh_macro__cell_has(&c, x, y))
                    continue;
                if (owner[y * w + x] != 0xFF || dx * dx + dy * dy > side * side ||
                    !nh_rect_has(c.bounds, x, y))
                    fail_msg("template %d on %d x %d, slot %u: %d, %d", t, w, h, slot, x, y);
                owner[y * w + x] = (uint8_t)slot;
                pixels++;
            }
        int x = c.content.x + c.content.w / 2, y = c.content.y + c.content.h / 2;
        assert_true(nh_macro__cell_has(&c, x, y)); // what is shown is on the button
        assert_true(pixels > side * side / 25);
        assert_true(c.content.w >= side / 6 && c.content.h >= side / 8);
    }
}

static void test_buttons_lie_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(panels); i++)
        for (int t = NH_MACRO_RING_9; t <= NH_MACRO_SPLIT_SIDES_4; t++)
            check_panel((enum nh_macro_template)t, panels[i].width, panels[i].height);
}

static void test_places(void **state)
{
    static const struct {
        enum nh_macro_template t;
        unsigned slot;
        int x, y;
    } rows[] = {
        {NH_MACRO_RING_9, 0, 180, 40},         {NH_MACRO_RING_9, 1, 270, 90},
        {NH_MACRO_RING_9, 2, 320, 180},        {NH_MACRO_RING_9, 4, 180, 320},
        {NH_MACRO_RING_9, 6, 40, 180},         {NH_MACRO_RING_9, 8, 180, 180},
        {NH_MACRO_PIE_8, 0, 180, 20},          {NH_MACRO_PIE_8, 7, 80, 80},
        {NH_MACRO_PIE_8, 3, 280, 280},         {NH_MACRO_PIE_8, 8, 180, 200},
        {NH_MACRO_STACK_SIDES_5, 0, 180, 60},  {NH_MACRO_STACK_SIDES_5, 1, 180, 180},
        {NH_MACRO_STACK_SIDES_5, 2, 180, 300}, {NH_MACRO_STACK_SIDES_5, 3, 40, 180},
        {NH_MACRO_STACK_SIDES_5, 4, 320, 180}, {NH_MACRO_WIDE_SIDES_3, 0, 180, 180},
        {NH_MACRO_WIDE_SIDES_3, 1, 320, 180},  {NH_MACRO_WIDE_SIDES_3, 2, 40, 180},
        {NH_MACRO_SPLIT_SIDES_4, 0, 180, 90},  {NH_MACRO_SPLIT_SIDES_4, 1, 180, 270},
        {NH_MACRO_SPLIT_SIDES_4, 2, 40, 180},  {NH_MACRO_SPLIT_SIDES_4, 3, 320, 180},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_macro__cell c;
        assert_true(nh_macro__cell_of(rows[i].t, rows[i].slot, 360, 360, &c));
        if (!nh_macro__cell_has(&c, rows[i].x, rows[i].y))
            fail_msg("row %zu", i);
    }
}

// ---- dirty -------------------------------------------------------------------------------------

static void test_dirty_covers_and_never_overlaps(void **state)
{
    static uint8_t want[64 * 64], got[64 * 64];
    (void)state;
    srand(7);
    for (int round = 0; round < 500; round++) {
        struct nh_display__dirty d = {.count = 0};
        memset(want, 0, sizeof want);
        memset(got, 0, sizeof got);
        for (int i = rand() % 20; i >= 0; i--) {
            int x = rand() % 60, y = rand() % 60;
            struct nh_rect r = nh_rect_of(x, y, x + rand() % (64 - x), y + rand() % (64 - y) / 3);
            nh_display__dirty_add(&d, r);
            for (int row = r.y; row < r.y + r.h; row++)
                for (int col = r.x; col < r.x + r.w; col++)
                    want[row * 64 + col] = 1;
        }
        assert_true(d.count <= NH_DISPLAY__DIRTY_MAX_COUNT);
        for (unsigned i = 0; i < d.count; i++)
            for (int row = d.rects[i].y; row < d.rects[i].y + d.rects[i].h; row++)
                for (int col = d.rects[i].x; col < d.rects[i].x + d.rects[i].w; col++)
                    assert_int_equal(got[row * 64 + col]++, 0);
        for (size_t i = 0; i < sizeof want; i++)
            assert_true(got[i] >= want[i]);
    }
}

static void test_dirty_keeps_what_is_apart(void **state)
{
    struct nh_display__dirty d = {.count = 0};
    (void)state;
    nh_display__dirty_add(&d, (struct nh_rect){0, 0, 10, 10});
    nh_display__dirty_add(&d, (struct nh_rect){300, 300, 10, 10});
    nh_display__dirty_add(&d, (struct nh_rect){5, 5, 0, 10});
    assert_int_equal(d.count, 2);
    nh_display__dirty_add(&d, (struct nh_rect){2, 2, 3, 3});
    assert_int_equal(d.count, 2);
    assert_int_equal(nh_rect_area(d.rects[0]) + nh_rect_area(d.rects[1]), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_of_each_template),
        cmocka_unit_test(test_buttons_lie_apart),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_dirty_covers_and_never_overlaps),
        cmocka_unit_test(test_dirty_keeps_what_is_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
