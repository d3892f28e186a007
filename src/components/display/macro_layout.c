#include "components/display/macro_layout.h"

#include <math.h>

#define PI 3.14159265358979f
#define EDGE 0.972f // how near the buttons come to the rim, of the radius
#define GAP 0.034f  // between two of them

struct area { // the disc that the buttons share
    float x, y, r;
};

static struct nh_rect around(float x, float y, float half_w, float half_h)
{
    return nh_rect_of((int)floorf(x - half_w), (int)floorf(y - half_h), (int)ceilf(x + half_w),
                      (int)ceilf(y + half_h));
}

static void disc(const struct area *a, float x, float y, float r, struct nh_macro__cell *out)
{
    *out = (struct nh_macro__cell){
        .shape = NH_MACRO__DISC,
        .wedge = {a->x + x * a->r, a->y + y * a->r, 0, r * a->r, 0, 360, 0, 0}};
    out->bounds = around(out->wedge.x, out->wedge.y, r * a->r + 1, r * a->r + 1);
    // The largest square in it, a little wider than high: labels are.
    out->content = around(out->wedge.x, out->wedge.y, r * a->r * 0.80f, r * a->r * 0.64f);
}

// ---- ring and pie ------------------------------------------------------------------------------

#define RING_SLOTS 8
#define CENTER_SLOT 8

static bool ring(const struct area *a, unsigned slot, struct nh_macro__cell *out)
{
    // Eight discs that just leave a gap to each other on a circle of radius `way`.
    float half_turn = sinf(PI / RING_SLOTS);
    float r = (EDGE * half_turn - GAP / 2) / (1 + half_turn), way = EDGE - r;
    float angle = (float)slot * 2 * PI / RING_SLOTS;
    if (slot < RING_SLOTS)
        disc(a, way * sinf(angle), -way * cosf(angle), r, out);
    else if (slot == CENTER_SLOT)
        disc(a, 0, 0, way - r - GAP, out);
    return slot <= CENTER_SLOT;
}

// Whether a ray at `deg` lies within the wedge.
static bool has_ray(const struct nh_wedge *w, float deg)
{
    while (deg < w->from_deg)
        deg += 360;
    return deg < w->to_deg;
}

static struct nh_rect grown(struct nh_rect r, float x, float y)
{
    return nh_rect_join(r, around(x, y, 1, 1));
}

// The corners, and the points where the rim is furthest up, right, down and left.
static struct nh_rect wedge_bounds(const struct nh_wedge *w)
{
    struct nh_rect r = {0};
    for (int i = 0; i < 4; i++) {
        float way = i < 2 ? w->inner : w->outer;
        float angle = (i % 2 ? w->to_deg : w->from_deg) * PI / 180;
        r = grown(r, w->x + way * sinf(angle), w->y - way * cosf(angle));
    }
    for (int i = 0; i < 4; i++)
        if (has_ray(w, (float)i * 90))
            r = grown(r, w->x + w->outer * sinf((float)i * PI / 2),
                      w->y - w->outer * cosf((float)i * PI / 2));
    return r;
}

static void pie_content(const struct area *a, unsigned slot, float angle,
                        struct nh_macro__cell *out)
{
    float way = 0.695f * a->r;
    if (slot % 2) { // a slanted one is narrower; a bit higher the label's line has room
        float x = (sinf(angle) > 0 ? 0.515f : -0.515f) * a->r;
        float y = (cosf(angle) > 0 ? -0.53f : 0.47f) * a->r;
        out->content = around(a->x + x, a->y + y, 0.17f * a->r, 0.18f * a->r);
        return;
    }
    out->content =
        around(a->x + way * sinf(angle), a->y - way * cosf(angle), 0.21f * a->r, 0.20f * a->r);
}

static bool pie(const struct area *a, unsigned slot, struct nh_macro__cell *out)
{
    const float inner = 0.40f, turn = 360.0f / RING_SLOTS;
    if (slot == CENTER_SLOT)
        disc(a, 0, 0, inner - GAP, out);
    if (slot >= RING_SLOTS)
        return slot == CENTER_SLOT;
    float middle = (float)slot * turn;
    *out = (struct nh_macro__cell){.shape = NH_MACRO__WEDGE,
                                   .wedge = {.x = a->x,
                                             .y = a->y,
                                             .inner = inner * a->r,
                                             .outer = EDGE * a->r,
                                             .from_deg = middle - turn / 2,
                                             .to_deg = middle + turn / 2,
                                             .rounding = 0.07f * a->r,
                                             .gap = GAP * a->r}};
    out->bounds = wedge_bounds(&out->wedge);
    pie_content(a, slot, middle * PI / 180, out);
    return true;
}

// ---- bars between sides ------------------------------------------------------------------------

struct bar { // of the area's radius, from its middle
    float left, top, right, bottom;
};

static void slice(const struct area *a, const struct bar *b, struct nh_macro__cell *out)
{
    *out = (struct nh_macro__cell){.shape = NH_MACRO__SLICE,
                                   .x = a->x,
                                   .y = a->y,
                                   .radius = EDGE * a->r,
                                   .rounding = 0.09f * a->r};
    out->box =
        nh_rect_of((int)lroundf(a->x + b->left * a->r), (int)lroundf(a->y + b->top * a->r),
                   (int)lroundf(a->x + b->right * a->r), (int)lroundf(a->y + b->bottom * a->r));
    out->bounds = out->box;
    // What the disc cuts off at a side is not for the content.
    float left = fmaxf(b->left, -0.93f), right = fminf(b->right, 0.93f);
    float top = fmaxf(b->top, -0.90f), bottom = fminf(b->bottom, 0.90f);
    out->content = around(a->x + (left + right) / 2 * a->r, a->y + (top + bottom) / 2 * a->r,
                          (right - left) / 2 * a->r * 0.84f, (bottom - top) / 2 * a->r * 0.80f);
}

static bool bars(const struct area *a, enum nh_macro_template layout, unsigned slot,
                 struct nh_macro__cell *out)
{
    static const struct bar stack[] = {{-0.45f, -EDGE, 0.45f, -0.35f},
                                       {-0.45f, -0.315f, 0.45f, 0.315f},
                                       {-0.45f, 0.35f, 0.45f, EDGE},
                                       {-EDGE, -0.60f, -0.485f, 0.60f},
                                       {0.485f, -0.60f, EDGE, 0.60f}},
                            wide[] = {{-0.50f, -EDGE, 0.50f, EDGE},
                                      {0.535f, -0.66f, EDGE, 0.66f},
                                      {-EDGE, -0.66f, -0.535f, 0.66f}},
                            split[] = {{-0.50f, -EDGE, 0.50f, -0.0175f},
                                       {-0.50f, 0.0175f, 0.50f, EDGE},
                                       {-EDGE, -0.66f, -0.535f, 0.66f},
                                       {0.535f, -0.66f, EDGE, 0.66f}};
    const struct bar *set = layout == NH_MACRO_STACK_SIDES_5  ? stack
                            : layout == NH_MACRO_WIDE_SIDES_3 ? wide
                                                              : split;
    unsigned count = layout == NH_MACRO_STACK_SIDES_5 ? 5 : layout == NH_MACRO_WIDE_SIDES_3 ? 3 : 4;
    if (slot < count)
        slice(a, &set[slot], out);
    return slot < count;
}

bool nh_macro__cell_of(enum nh_macro_template layout, unsigned slot, uint16_t width,
                       uint16_t height, struct nh_macro__cell *out)
{
    const struct area a = {(float)width / 2, (float)height / 2,
                           (float)(width < height ? width : height) / 2};
    switch (layout) {
    case NH_MACRO_RING_9:
        return ring(&a, slot, out);
    case NH_MACRO_PIE_8:
        return pie(&a, slot, out);
    default:
        return bars(&a, layout, slot, out);
    }
}

// ---- fingers -----------------------------------------------------------------------------------

static bool wedge_has(const struct nh_wedge *w, int x, int y)
{
    float dx = (float)x + 0.5f - w->x, dy = (float)y + 0.5f - w->y, way = sqrtf(dx * dx + dy * dy);
    if (way < w->inner || way >= w->outer)
        return false;
    if (w->to_deg - w->from_deg >= 360)
        return true;
    return has_ray(w, atan2f(dx, -dy) * 180 / PI); // clockwise from 12 o'clock
}

bool nh_macro__cell_has(const struct nh_macro__cell *c, int x, int y)
{
    if (c->shape != NH_MACRO__SLICE)
        return wedge_has(&c->wedge, x, y);
    float dx = (float)x + 0.5f - c->x, dy = (float)y + 0.5f - c->y;
    return nh_rect_has(c->box, x, y) && dx * dx + dy * dy < c->radius * c->radius;
}
