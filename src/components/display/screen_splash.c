// The first screen: the bird and its name.

#include "components/display/display_state.h"

#include <stdio.h>

struct splash {
    char version[32];
};

static void show(nh_display_t *d, void *state, unsigned number)
{
    struct splash *s = state;
    struct nh_display_facts facts = {0};
    (void)number;
    if (d->cfg.facts)
        d->cfg.facts(d->cfg.ctx, &facts);
    snprintf(s->version, sizeof s->version, "%s", facts.version);
}

// A nuthatch walks head down: a round body, a white cheek, a dark line through the eye.
static void paint_bird(nh_painter_t *p, float x, float y, float r)
{
    const struct nh_wedge back = {x, y, 0, r, 0, 360};
    const struct nh_wedge belly = {x, y, r * 0.30f, r * 0.94f, 95, 205, r * 0.2f, 0};
    const struct nh_wedge cheek = {x + r * 0.34f, y - r * 0.20f, 0, r * 0.42f, 0, 360};
    const struct nh_wedge eye = {x + r * 0.36f, y - r * 0.38f, 0, r * 0.10f, 0, 360};
    const struct nh_wedge light = {x + r * 0.39f, y - r * 0.41f, 0, r * 0.03f, 0, 360};
    nh_paint_line(p, x - r * 0.55f, y + r * 0.35f, x - r * 1.25f, y + r * 0.95f, r * 0.34f,
                  0x5B7F9E, 255);
    nh_paint_line(p, x + r * 0.7f, y - r * 0.34f, x + r * 1.38f, y - r * 0.48f, r * 0.13f, 0x3A4753,
                  255);
    nh_paint_wedge(p, &back, 0x6E9BC1, 255);
    nh_paint_wedge(p, &belly, 0xE8A56C, 255);
    nh_paint_wedge(p, &cheek, 0xF4F7FA, 255);
    nh_paint_line(p, x + r * 0.80f, y - r * 0.36f, x - r * 0.30f, y - r * 0.44f, r * 0.13f,
                  0x1C242C, 255);
    nh_paint_wedge(p, &eye, 0x0B0F14, 255);
    nh_paint_wedge(p, &light, 0xFFFFFF, 255);
}

static void paint(nh_display_t *d, const void *state)
{
    const struct splash *s = state;
    int w = d->cfg.panel.width, h = d->cfg.panel.height;
    int side = w < h ? w : h, x = w / 2, y = h / 2;
    nh_paint_fill(d->painter, nh_display__bounds(d), NH_DISPLAY__BACKGROUND);
    paint_bird(d->painter, (float)x, (float)y - (float)side * 0.12f, (float)side * 0.17f);
    nh_display__line(d, x, y + side * 21 / 100, "nuthatch", (uint32_t)side / 9, side * 8 / 10,
                     NH_DISPLAY__TEXT);
    nh_display__line(d, x, y + side * 30 / 100, s->version, (uint32_t)side / 22, side * 6 / 10,
                     NH_DISPLAY__DIM);
}

const struct nh_display__screen_ops nh_display__splash_ops = {
    .state_bytes = sizeof(struct splash), .show = show, .paint = paint};
