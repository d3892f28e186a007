// Whether the panel is well: colours, steps of grey, edges, letters, and where the finger is.

#include "components/display/display_state.h"

#include <stdio.h>
#include <string.h>

struct test {
    int16_t x, y; // of the finger
    bool is_down;
};

#define DOT_PX 14

static void show(nh_display_t *d, void *state, unsigned number)
{
    (void)number;
    *(struct test *)state = (struct test){0};
    nh_display__touch_up(d, nh_display__bounds(d));
}

static int side_of(const nh_display_t *d)
{
    int w = d->cfg.panel.width, h = d->cfg.panel.height;
    return w < h ? w : h;
}

static struct nh_rect text_at(const nh_display_t *d)
{
    int side = side_of(d), x = d->cfg.panel.width / 2, y = d->cfg.panel.height / 2;
    return nh_rect_of(x - side / 4, y + side * 26 / 100, x + side / 4, y + side * 34 / 100);
}

static void paint_bars(nh_display_t *d, int x, int y, int side)
{
    static const uint32_t colors[] = {0xFF0000, 0xFFFF00, 0x00FF00, 0x00FFFF,
                                      0x0000FF, 0xFF00FF, 0xFFFFFF, 0x000000};
    int width = side * 76 / 100 / 8;
    for (int i = 0; i < 8; i++) {
        struct nh_rect bar = nh_rect_of(x - 4 * width + i * width, y, x - 3 * width + i * width,
                                        y + side * 16 / 100);
        nh_paint_fill(d->painter, bar, colors[i]);
    }
    for (int i = 0; i < 32; i++) {
        uint32_t v = (uint32_t)i * 255 / 31;
        int left = x - 4 * width + i * width / 4, top = y + side * 17 / 100;
        nh_paint_fill(d->painter, nh_rect_of(left, top, left + width / 4 + 1, top + side * 9 / 100),
                      v << 16 | v << 8 | v);
    }
}

static void paint(nh_display_t *d, const void *state)
{
    const struct test *s = state;
    int side = side_of(d), x = d->cfg.panel.width / 2, y = d->cfg.panel.height / 2;
    float r = (float)side / 2;
    char text[32] = "Tap to go back";
    const struct nh_wedge edge = {(float)x, (float)y, 0, r, 0, 360};
    const struct nh_wedge dot = {(float)s->x, (float)s->y, 0, DOT_PX, 0, 360};
    nh_paint_fill(d->painter, nh_display__bounds(d), 0x000000);
    nh_paint_wedge_frame(d->painter, &edge, 2, NH_DISPLAY__ACCENT, 255);
    nh_display__line(d, x, y - side * 30 / 100, "Test", (uint32_t)side * 9 / 100, side / 2,
                     NH_DISPLAY__TEXT);
    paint_bars(d, x, y - side * 22 / 100, side);
    nh_display__line(d, x, y + side * 14 / 100, "Aa Ää Жж Ωω 中文 かな 한글",
                     (uint32_t)side * 6 / 100, side * 86 / 100, NH_DISPLAY__TEXT);
    nh_display__line(d, x, y + side * 22 / 100, "0123456789 !?&%#@", (uint32_t)side * 5 / 100,
                     side * 80 / 100, NH_DISPLAY__DIM);
    if (s->is_down)
        snprintf(text, sizeof text, "%d, %d", s->x, s->y);
    nh_display__line(d, x, text_at(d).y + side * 55 / 1000, text, (uint32_t)side * 45 / 1000,
                     side / 2, NH_DISPLAY__ACCENT);
    if (s->is_down)
        nh_paint_wedge(d->painter, &dot, NH_DISPLAY__WARM, 220);
}

static void touch_up_dot(nh_display_t *d, const struct test *s)
{
    nh_display__touch_up(
        d, nh_rect_of(s->x - DOT_PX - 1, s->y - DOT_PX - 1, s->x + DOT_PX + 2, s->y + DOT_PX + 2));
}

static void touch(nh_display_t *d, void *state, const struct nh_touch *t)
{
    struct test *s = state;
    touch_up_dot(d, s);
    *s = (struct test){t->x, t->y, t->phase != NH_TOUCH_UP};
    touch_up_dot(d, s);
    nh_display__touch_up(d, text_at(d));
    if (!s->is_down)
        NH_IGNORE(nh_display_show(d, "info")); // it is there
}

const struct nh_display__screen_ops nh_display__test_ops = {
    .state_bytes = sizeof(struct test), .show = show, .paint = paint, .touch = touch};
