// GET /api/display/screenshot: what the panel shows, as a PNG that is made as its reader takes it.
// The pixels are copied before, so that the picture is of one moment.

#include "components/display/display_api.h"
#include "components/display/display_state.h"
#include "platform/png.h"

#define SHOT_MAX_COUNT 2

struct shot {
    nh_display_t *d;
    nh_png_t *png;
    uint16_t *pixels;
};

static const uint16_t *row(void *ctx, uint16_t y)
{
    const struct shot *s = ctx;
    return s->pixels + (size_t)y * s->d->cfg.panel.width;
}

static void cleanup(nh_request_t *req)
{
    struct shot *s = req->state;
    nh_png_destroy(s->png);
    nh_mem_free(s->d->cfg.mem, s->pixels);
    s->d->shot_count--;
}

static int produce(nh_request_t *req, char *buf, size_t cap)
{
    struct shot *s = req->state;
    return (int)nh_png_read(s->png, buf, cap);
}

static int begin(nh_request_t *req, struct shot *s)
{
    nh_display_t *d = s->d;
    const struct nh_png_config cfg = {.mem = d->cfg.mem,
                                      .width = d->cfg.panel.width,
                                      .height = d->cfg.panel.height,
                                      .row = row,
                                      .ctx = s};
    size_t bytes = (size_t)cfg.width * cfg.height * sizeof *s->pixels;
    d->shot_count++;
    req->state = s;
    req->cleanup = cleanup;
    s->pixels = nh_mem_alloc(d->cfg.mem, bytes, NH_MEM_BULK);
    if (!s->pixels)
        return NH_ERR_NOMEM;
    nh_display__mirror_copy(d->mirror, s->pixels);
    return nh_png_create(&cfg, &s->png);
}

int nh_display__get_screenshot(nh_request_t *req)
{
    nh_display_t *d = req->ctx;
    if (!d->mirror)
        return nh_display__reply_failed(req, 409, "no_mirror",
                                        "There are no pictures without display.mirror.");
    if (d->shot_count >= SHOT_MAX_COUNT) {
        d->shots_refused++;
        int err = nh_reply_header(req, "Retry-After", "1");
        return err < 0 ? err
                       : nh_display__reply_failed(req, 503, "busy",
                                                  "%d pictures are being made already.",
                                                  SHOT_MAX_COUNT);
    }
    struct shot *s = nh_arena_alloc(req->arena, sizeof *s);
    if (!s)
        return NH_ERR_NOMEM;
    *s = (struct shot){.d = d};
    int err = begin(req, s);
    if (err < 0)
        return err;
    err = nh_reply_header(req, "Cache-Control", "no-store");
    return err < 0 ? err : nh_reply_stream(req, 200, "image/png", produce);
}
