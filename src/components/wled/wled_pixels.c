// wled_pixels.c - the clients' own picture on the canvas, instead of the effect.

#include "components/wled/wled_private.h"

#include <string.h>

#define TIMEOUT_MS UINT32_MAX // it stays until a client ends it
#define PROTOCOL "WLED JSON"

// Pixel n of a matrix is counted row by row from the top; the canvas from the bottom.
static void on_pixel(void *ctx, uint32_t begin, uint32_t end, nh_px_t color)
{
    const nh_wled_t *w = ctx;
    uint32_t width = w->px_width, count = width * w->px_height;
    for (uint32_t i = begin; i < end && i < count; i++)
        w->px[(w->px_height - 1 - i / width) * width + i % width] = color;
}

bool nh_wled__has_canvas(const nh_wled_t *w)
{
    struct nh_lamp_info info;
    nh_lamp_info(w->cfg.lamp, &info);
    return info.live_protocol && strcmp(info.live_protocol, PROTOCOL) == 0; // not another's
}

void nh_wled__end_pixels(nh_wled_t *w)
{
    if (!w->px)
        return;
    nh_mem_free(w->cfg.mem, w->px);
    w->px = NULL;
    if (nh_wled__has_canvas(w))
        nh_lamp_live_end(w->cfg.lamp);
}

int nh_wled__take_canvas(nh_wled_t *w, struct nh_fx_canvas *back)
{
    const struct nh_lamp_live_source source = {
        .protocol = PROTOCOL, .priority = 100, .timeout_ms = TIMEOUT_MS};
    int err = nh_lamp_live_begin(w->cfg.lamp, &source, w->cfg.clock_ms(), back);
    if (err < 0)
        return err;
    if (!w->px)
        w->px = nh_mem_alloc_zero(w->cfg.mem, (size_t)back->width * back->height * sizeof *w->px,
                                  NH_MEM_BULK);
    if (!w->px) {
        nh_lamp_live_end(w->cfg.lamp);
        return NH_ERR_NOMEM;
    }
    w->px_width = back->width;
    w->px_height = back->height;
    return 0;
}

void nh_wled__give_canvas_back(nh_wled_t *w, bool had_canvas, bool had_pixels)
{
    if (!had_canvas)
        nh_lamp_live_end(w->cfg.lamp);
    if (had_pixels)
        return;
    nh_mem_free(w->cfg.mem, w->px);
    w->px = NULL;
}

void nh_wled__show_pixels(nh_wled_t *w, const struct nh_wled__ask *ask, struct nh_fx_canvas *back)
{
    if (ask->r->seg.has_pixels)
        nh_wled_request_pixels(ask->text, ask->len, ask->r->seg_mask, on_pixel, w);
    memcpy(back->px, w->px, (size_t)back->width * back->height * sizeof *w->px);
    nh_lamp_live_commit(w->cfg.lamp, w->cfg.clock_ms());
}

bool nh_wled__paints(const struct nh_wled_request *r)
{
    return r->seg.has_pixels || r->live == NH_WLED_ON;
}

bool nh_wled__ends_pixels(const struct nh_wled_request *r)
{
    return r->live == NH_WLED_OFF || r->seg.fx.how || r->preset.how ||
           r->seg.frozen == NH_WLED_OFF || r->seg.frozen == NH_WLED_TOGGLE;
}
