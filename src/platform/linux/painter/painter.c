// The painter on Linux: shapes by cairo straight into the buffer of lines.

#include "platform/linux/painter/painter_private.h"

#include <math.h>
#include <string.h>

#define GLYPH_CACHE_BYTES NH_KIB(64)
#define PI 3.14159265358979323846

int nh_painter_create(const struct nh_painter_config *cfg, nh_painter_t **out)
{
    *out = NULL;
    nh_painter_t *p = nh_mem_alloc_zero(cfg->mem, sizeof *p, NH_MEM_BULK);
    if (!p)
        return NH_ERR_NOMEM;
    p->mem = cfg->mem;
    int err = nh_linux__glyphs_create(
        p->mem, cfg->glyph_cache_bytes ? cfg->glyph_cache_bytes : GLYPH_CACHE_BYTES, &p->glyphs);
    if (err == 0)
        err = nh_linux__fonts_open(p, cfg);
    if (err < 0) {
        nh_painter_destroy(p);
        return err;
    }
    *out = p;
    return 0;
}

void nh_painter_destroy(nh_painter_t *p)
{
    if (!p)
        return;
    if (p->cairo)
        nh_painter_end(p);
    nh_linux__fonts_close(p);
    nh_linux__glyphs_destroy(p->glyphs);
    nh_mem_free(p->mem, p);
}

int nh_painter_begin(nh_painter_t *p, uint16_t *pixels, size_t stride, struct nh_rect at)
{
    p->surface =
        cairo_image_surface_create_for_data((unsigned char *)pixels, CAIRO_FORMAT_RGB16_565, at.w,
                                            at.h, (int)(stride * sizeof *pixels));
    p->cairo = cairo_create(p->surface);
    if (cairo_status(p->cairo) != CAIRO_STATUS_SUCCESS) {
        nh_painter_end(p);
        return NH_ERR_NOMEM;
    }
    cairo_translate(p->cairo, -at.x, -at.y);
    p->pixels = pixels;
    p->stride = stride;
    p->at = at;
    return 0;
}

void nh_painter_end(nh_painter_t *p)
{
    cairo_destroy(p->cairo);
    cairo_surface_destroy(p->surface);
    p->cairo = NULL;
    p->surface = NULL;
    p->at = (struct nh_rect){0};
}

struct nh_rect nh_painter_part(const nh_painter_t *p)
{
    return p->at;
}

void nh_painter_info(const nh_painter_t *p, struct nh_painter_info *out)
{
    struct nh_linux__glyphs_info g;
    nh_linux__glyphs_info(p->glyphs, &g);
    *out = (struct nh_painter_info){.glyph_bytes = g.bytes,
                                    .glyph_max_bytes = g.max_bytes,
                                    .glyph_count = g.count,
                                    .glyph_hits = g.hits,
                                    .glyph_misses = g.misses,
                                    .glyph_evictions = g.evictions,
                                    .glyph_failures = g.failures,
                                    .missing_glyphs = p->missing_count};
}

// ---- shapes ------------------------------------------------------------------------------------

static void set_color(nh_painter_t *p, uint32_t color, uint8_t alpha)
{
    cairo_set_source_rgba(p->cairo, (color >> 16 & 255) / 255.0, (color >> 8 & 255) / 255.0,
                          (color & 255) / 255.0, alpha / 255.0);
}

void nh_paint_fill(nh_painter_t *p, struct nh_rect at, uint32_t color)
{
    const struct nh_rect seen = nh_rect_meet(at, p->at);
    uint16_t value =
        (uint16_t)((color >> 8 & 0xF800) | (color >> 5 & 0x07E0) | (color >> 3 & 0x001F));
    if (nh_rect_is_empty(seen))
        return;
    for (int y = seen.y; y < seen.y + seen.h; y++) {
        uint16_t *row = p->pixels + (size_t)(y - p->at.y) * p->stride + (seen.x - p->at.x);
        for (int x = 0; x < seen.w; x++)
            row[x] = value;
    }
}

static bool is_seen(const nh_painter_t *p, struct nh_rect at)
{
    return !nh_rect_is_empty(nh_rect_meet(at, p->at));
}

static void box_path(nh_painter_t *p, struct nh_rect at, float inset, float radius)
{
    double x = at.x + inset, y = at.y + inset, w = at.w - 2 * inset, h = at.h - 2 * inset;
    double r = fmin(fmax(radius - inset, 0), fmin(w, h) / 2);
    cairo_new_path(p->cairo);
    cairo_arc(p->cairo, x + w - r, y + r, r, -PI / 2, 0);
    cairo_arc(p->cairo, x + w - r, y + h - r, r, 0, PI / 2);
    cairo_arc(p->cairo, x + r, y + h - r, r, PI / 2, PI);
    cairo_arc(p->cairo, x + r, y + r, r, PI, 3 * PI / 2);
    cairo_close_path(p->cairo);
}

void nh_paint_box(nh_painter_t *p, struct nh_rect at, float radius, uint32_t color, uint8_t alpha)
{
    if (!is_seen(p, at))
        return;
    set_color(p, color, alpha);
    box_path(p, at, 0, radius);
    cairo_fill(p->cairo);
}

void nh_paint_frame(nh_painter_t *p, struct nh_rect at, float radius, float width, uint32_t color,
                    uint8_t alpha)
{
    if (!is_seen(p, at))
        return;
    set_color(p, color, alpha);
    box_path(p, at, width / 2, radius);
    cairo_set_line_width(p->cairo, width);
    cairo_stroke(p->cairo);
}

void nh_paint_line(nh_painter_t *p, float x0, float y0, float x1, float y1, float width,
                   uint32_t color, uint8_t alpha)
{
    set_color(p, color, alpha);
    cairo_set_line_width(p->cairo, width);
    cairo_set_line_cap(p->cairo, CAIRO_LINE_CAP_ROUND);
    cairo_new_path(p->cairo);
    cairo_move_to(p->cairo, x0, y0);
    cairo_line_to(p->cairo, x1, y1);
    cairo_stroke(p->cairo);
}

// ---- wedges ------------------------------------------------------------------------------------

// A corner at `angle` around the wedge's middle, on the circle of `radius`: a small arc.
static void corner(nh_painter_t *p, const struct nh_wedge *w, double radius, double angle, double r,
                   double from, double to)
{
    cairo_arc(p->cairo, w->x + radius * cos(angle), w->y + radius * sin(angle), r, from, to);
}

// Seen from 3 o'clock as cairo does, angles growing clockwise. `gap`: half the distance to the
// neighbour, the same along the whole edge; the corners' middles lie `gap + r` away from it.
static void ring_path(nh_painter_t *p, const struct nh_wedge *w, double inset)
{
    double a0 = (w->from_deg - 90) * PI / 180, a1 = (w->to_deg - 90) * PI / 180;
    double outer = w->outer - inset, inner = w->inner + inset, gap = w->gap / 2 + inset;
    double r = fmax(fmin(w->rounding - inset, (outer - inner) / 2), 0);
    double out_r = outer - r, in_r = inner + r;
    double out_turn = asin(fmin((gap + r) / out_r, 1)), in_turn = asin(fmin((gap + r) / in_r, 1));
    double in_from = fmin(a0 + in_turn, (a0 + a1) / 2), in_to = fmax(a1 - in_turn, (a0 + a1) / 2);
    cairo_new_path(p->cairo);
    cairo_arc(p->cairo, w->x, w->y, outer, a0 + out_turn, a1 - out_turn);
    corner(p, w, out_r, a1 - out_turn, r, a1 - out_turn, a1 + PI / 2);
    corner(p, w, in_r, in_to, r, a1 + PI / 2, in_to + PI);
    cairo_arc_negative(p->cairo, w->x, w->y, inner, in_to, in_from);
    corner(p, w, in_r, in_from, r, in_from + PI, a0 + 3 * PI / 2);
    corner(p, w, out_r, a0 + out_turn, r, a0 - PI / 2, a0 + out_turn);
    cairo_close_path(p->cairo);
}

static void wedge_path(nh_painter_t *p, const struct nh_wedge *w, double inset)
{
    bool is_whole = w->to_deg - w->from_deg >= 360;
    if (!is_whole) {
        ring_path(p, w, inset);
        return;
    }
    cairo_new_path(p->cairo);
    cairo_arc(p->cairo, w->x, w->y, w->outer - inset, 0, 2 * PI);
    if (w->inner > 0) {
        cairo_new_sub_path(p->cairo);
        cairo_arc_negative(p->cairo, w->x, w->y, w->inner + inset, 2 * PI, 0);
    }
    cairo_close_path(p->cairo);
}

static bool wedge_is_seen(const nh_painter_t *p, const struct nh_wedge *w)
{
    return is_seen(p, nh_rect_of((int)(w->x - w->outer) - 1, (int)(w->y - w->outer) - 1,
                                 (int)(w->x + w->outer) + 2, (int)(w->y + w->outer) + 2));
}

void nh_paint_wedge(nh_painter_t *p, const struct nh_wedge *w, uint32_t color, uint8_t alpha)
{
    if (!wedge_is_seen(p, w))
        return;
    set_color(p, color, alpha);
    wedge_path(p, w, 0);
    cairo_fill(p->cairo);
}

void nh_paint_wedge_frame(nh_painter_t *p, const struct nh_wedge *w, float width, uint32_t color,
                          uint8_t alpha)
{
    if (!wedge_is_seen(p, w))
        return;
    set_color(p, color, alpha);
    wedge_path(p, w, width / 2);
    cairo_set_line_width(p->cairo, width);
    cairo_stroke(p->cairo);
}

// ---- slices ------------------------------------------------------------------------------------

#define SLICE_POINTS 180

// The edge of the box and the disc, both smaller by the rounding, that is then drawn around it as a
// line with round joints.
void nh_paint_slice(nh_painter_t *p, struct nh_rect box, float x, float y, float radius,
                    float rounding, uint32_t color)
{
    double left = box.x + rounding, right = box.x + box.w - rounding;
    double top = box.y + rounding, bottom = box.y + box.h - rounding, r = radius - rounding;
    if (!is_seen(p, box) || left >= right || top >= bottom || r <= 0)
        return;
    cairo_new_path(p->cairo);
    for (int i = 0; i < SLICE_POINTS; i++) {
        double a = 2 * PI * i / SLICE_POINTS;
        cairo_line_to(p->cairo, fmin(fmax(x + r * cos(a), left), right),
                      fmin(fmax(y + r * sin(a), top), bottom));
    }
    cairo_close_path(p->cairo);
    set_color(p, color, 255);
    cairo_set_line_width(p->cairo, 2 * rounding);
    cairo_set_line_join(p->cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_fill_preserve(p->cairo);
    cairo_stroke(p->cairo);
}
