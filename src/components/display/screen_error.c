// What went wrong, until somebody taps.

#include "components/display/display_state.h"

#include <stdio.h>
#include <string.h>

struct error {
    char title[NH_DISPLAY_TITLE_MAX_BYTES], text[NH_DISPLAY_TEXT_MAX_BYTES];
};

static void show(nh_display_t *d, void *state, unsigned number)
{
    struct error *e = state;
    (void)number;
    snprintf(e->title, sizeof e->title, "%s", d->title[0] ? d->title : "No error");
    memcpy(e->text, d->text, sizeof e->text);
    nh_display__touch_up(d, nh_display__bounds(d));
}

static void paint_sign(nh_painter_t *p, float x, float y, float r)
{
    const struct nh_wedge disc = {x, y, 0, r, 0, 360},
                          dot = {x, y + r * 0.48f, 0, r * 0.11f, 0, 360};
    nh_paint_wedge(p, &disc, NH_DISPLAY__RED, 255);
    nh_paint_line(p, x, y - r * 0.5f, x, y + r * 0.14f, r * 0.2f, 0xFFFFFF, 255);
    nh_paint_wedge(p, &dot, 0xFFFFFF, 255);
}

static void paint(nh_display_t *d, const void *state)
{
    const struct error *e = state;
    int w = d->cfg.panel.width, h = d->cfg.panel.height, side = w < h ? w : h;
    int x = w / 2, y = h / 2;
    nh_paint_fill(d->painter, nh_display__bounds(d), NH_DISPLAY__BACKGROUND);
    paint_sign(d->painter, (float)x, (float)y - (float)side * 0.26f, (float)side * 0.1f);
    nh_display__lines(d, x, y - side * 4 / 100, e->title, (uint32_t)side * 7 / 100, side * 84 / 100,
                      2, NH_DISPLAY__TEXT);
    nh_display__lines(d, x, y + side * 13 / 100, e->text, (uint32_t)side * 5 / 100, side * 78 / 100,
                      3, NH_DISPLAY__DIM);
    nh_display__line(d, x, y + side * 39 / 100, "Tap to go back", (uint32_t)side / 25, side / 2,
                     NH_DISPLAY__ACCENT);
}

static void touch(nh_display_t *d, void *state, const struct nh_touch *t)
{
    (void)state;
    if (t->phase == NH_TOUCH_UP)
        nh_display_back(d);
}

const struct nh_display__screen_ops nh_display__error_ops = {
    .state_bytes = sizeof(struct error), .show = show, .paint = paint, .touch = touch};
