// What changed is painted, part by part, into a buffer of a few lines, and flushed.

#include "components/display/display_state.h"

void nh_display__touch_up(nh_display_t *d, struct nh_rect r)
{
    nh_display__dirty_add(&d->dirty, nh_rect_meet(r, nh_display__bounds(d)));
}

void nh_display__flush(nh_display_t *d, struct nh_rect at, const uint16_t *pixels, size_t stride)
{
    const struct nh_panel *panel = &d->cfg.panel;
    if (panel->flush)
        panel->flush(panel->ctx, at, pixels, stride);
    if (d->mirror && nh_display__mirror_put(d->mirror, at, pixels, stride))
        d->has_news = true;
    d->fresh.flush_count++;
    d->fresh.pixel_count += (uint64_t)at.w * (uint64_t)at.h;
}

static void paint(nh_display_t *d, struct nh_rect at, size_t stride)
{
    const struct nh_display__screen *s = &d->screens[d->current];
    if (nh_painter_begin(d->painter, d->draw_buffer, stride, at) < 0) {
        nh_display__dirty_add(&d->dirty, at); // with the next frame
        return;
    }
    s->ops->paint(d, s->state);
    nh_painter_end(d->painter);
    nh_display__flush(d, at, d->draw_buffer, stride);
}

// A narrow rectangle gets more lines at once out of the same buffer.
static void paint_rect(nh_display_t *d, struct nh_rect r)
{
    size_t stride = ((size_t)r.w + 1) / 2 * 2;
    int lines = (int)(d->fresh.draw_buffer_bytes / sizeof(uint16_t) / stride);
    for (int y = r.y; y < r.y + r.h; y += lines) {
        int h = r.y + r.h - y;
        paint(d, (struct nh_rect){r.x, (int16_t)y, r.w, (int16_t)(h < lines ? h : lines)}, stride);
    }
}

void nh_display__render(nh_display_t *d)
{
    struct nh_display__dirty dirty = d->dirty;
    if (!d->screens[d->current].ops->paint)
        d->dirty.count = dirty.count = 0;
    if (dirty.count == 0)
        return;
    uint64_t begin_us = nh_clock_us();
    d->dirty.count = 0; // what cannot be painted comes back
    for (unsigned i = 0; i < dirty.count; i++)
        paint_rect(d, dirty.rects[i]);
    d->fresh.frame_count++;
    d->fresh.frame_us = (uint32_t)(nh_clock_us() - begin_us);
    if (d->fresh.frame_us > d->fresh.frame_max_us)
        d->fresh.frame_max_us = d->fresh.frame_us;
}

// ---- shared looks ------------------------------------------------------------------------------

struct nh_rect nh_display__bounds(const nh_display_t *d)
{
    return (struct nh_rect){0, 0, (int16_t)d->cfg.panel.width, (int16_t)d->cfg.panel.height};
}

uint32_t nh_display__mixed(uint32_t a, uint32_t b, uint32_t b_pct)
{
    uint32_t out = 0;
    for (unsigned shift = 0; shift < 24; shift += 8) {
        uint32_t mean =
            ((a >> shift & 255) * (100 - b_pct) + (b >> shift & 255) * b_pct + 50) / 100;
        out |= mean << shift;
    }
    return out;
}
