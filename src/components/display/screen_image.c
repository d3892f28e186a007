// A screen with one image in a box, kept in memory: it can be painted again.

#include "components/display/display_state.h"
#include "platform/jpeg.h"

#define BOX_PX 200

struct image {
    uint16_t *pixels; // NULL: none
    uint16_t width, height;
};

static void show(nh_display_t *d, void *state, unsigned number)
{
    (void)state;
    (void)number;
    nh_display__touch_up(d, nh_display__bounds(d));
}

static void destroy(nh_display_t *d, void *state)
{
    struct image *i = state;
    nh_mem_free(d->cfg.mem, i->pixels);
    i->pixels = NULL;
}

static struct nh_rect box_of(const nh_display_t *d, int w, int h)
{
    int x = (d->cfg.panel.width - w) / 2, y = (d->cfg.panel.height - h) / 2;
    return nh_rect_of(x, y, x + w, y + h);
}

static void paint(nh_display_t *d, const void *state)
{
    const struct image *i = state;
    struct nh_rect box = box_of(d, BOX_PX, BOX_PX);
    nh_paint_fill(d->painter, nh_display__bounds(d), NH_DISPLAY__BACKGROUND);
    nh_paint_frame(d->painter,
                   (struct nh_rect){(int16_t)(box.x - 6), (int16_t)(box.y - 6),
                                    (int16_t)(box.w + 12), (int16_t)(box.h + 12)},
                   10, 2, NH_DISPLAY__SURFACE, 255);
    if (i->pixels)
        nh_paint_pixels(d->painter, box_of(d, i->width, i->height), NH_PIXELS_RGB565,
                        (const uint8_t *)i->pixels, i->width, i->height, 0);
    else
        nh_display__line(d, d->cfg.panel.width / 2, d->cfg.panel.height / 2 + 6, "No image yet", 20,
                         BOX_PX - 10, NH_DISPLAY__DIM);
}

// Decodes all of it, or as much as there is before it fails.
static int decode(nh_jpeg_t *j, uint16_t *pixels, size_t stride)
{
    int n, y = 0;
    while ((n = nh_jpeg_read(j, pixels + (size_t)y * stride, stride, 16)) > 0)
        y += n;
    return n;
}

static int keep(nh_display_t *d, struct image *i, const struct nh_display__job *job,
                uint32_t shrink)
{
    const struct nh_jpeg_config cfg = {.mem = d->cfg.mem,
                                       .bytes = job->bytes,
                                       .len = job->len,
                                       .width_max = (uint32_t)job->at.w,
                                       .height_max = (uint32_t)job->at.h,
                                       .shrink = shrink,
                                       .work_max_bytes = d->cfg.image_work_bytes};
    struct nh_jpeg_info info;
    nh_jpeg_t *j;
    int err = nh_jpeg_open(&cfg, &j);
    if (err < 0)
        return err;
    nh_jpeg_info(j, &info);
    size_t bytes = (size_t)info.out_width * info.out_height * sizeof(uint16_t);
    bool fits = info.out_width <= BOX_PX && info.out_height <= BOX_PX;
    uint16_t *pixels = fits ? nh_mem_alloc(d->cfg.mem, bytes, NH_MEM_BULK) : NULL;
    err = pixels ? decode(j, pixels, info.out_width) : NH_ERR_NOMEM;
    nh_jpeg_close(j);
    if (err < 0) {
        nh_mem_free(d->cfg.mem, pixels);
        return err;
    }
    destroy(d, i);
    *i = (struct image){pixels, info.out_width, info.out_height};
    nh_display__touch_up(d, nh_display__bounds(d));
    return 0;
}

int nh_display__keep_image(nh_display_t *d, void *state, const struct nh_display__job *job)
{
    int err = NH_ERR_NOMEM;
    for (uint32_t shrink = 1; shrink <= 8 && err == NH_ERR_NOMEM; shrink *= 2)
        err = keep(d, state, job, shrink);
    return err;
}

void nh_display__drop_image(nh_display_t *d, void *state)
{
    destroy(d, state);
    nh_display__touch_up(d, nh_display__bounds(d));
}

const struct nh_display__screen_ops nh_display__image_ops = {
    .state_bytes = sizeof(struct image), .show = show, .paint = paint, .destroy = destroy};
