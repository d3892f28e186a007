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

static struct nh_wedge disc(float x, float y, float r)
{
    return (struct nh_wedge){x, y, 0, r, 0, 360, 0, 0};
}

// A nuthatch in profile: blue-grey above, warm below, a dark stripe through the eye.
static void paint_bird(nh_painter_t *p, float x, float y, float r)
{
    const struct nh_wedge body = disc(x, y, r),
                          belly = disc(x + r * 0.10f, y + r * 0.34f, r * 0.62f);
    const struct nh_wedge cheek = disc(x + r * 0.46f, y - r * 0.26f, r * 0.36f);
    const struct nh_wedge eye = disc(x + r * 0.50f, y - r * 0.42f, r * 0.095f);
    const struct nh_wedge light = disc(x + r * 0.53f, y - r * 0.455f, r * 0.032f);
    const struct nh_wedge wing = {x - r * 0.42f, y - r * 0.10f, r * 0.10f, r * 0.78f, 95,
                                  215,           r * 0.2f,      0};
    nh_paint_line(p, x - r * 0.60f, y + r * 0.45f, x - r * 1.20f, y + r * 1.00f, r * 0.30f,
                  0x4E6E8C, 255);
    nh_paint_line(p, x + r * 0.85f, y - r * 0.42f, x + r * 1.45f, y - r * 0.52f, r * 0.12f,
                  0x3A4753, 255);
    nh_paint_wedge(p, &body, 0x6E9BC1, 255);
    nh_paint_wedge(p, &belly, 0xE8A56C, 255);
    nh_paint_wedge(p, &cheek, 0xF4F7FA, 255);
    nh_paint_wedge(p, &wing, 0x4E6E8C, 255);
    nh_paint_line(p, x + r * 0.84f, y - r * 0.43f, x - r * 0.12f, y - r * 0.40f, r * 0.12f,
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
