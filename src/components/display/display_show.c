// Images on the panel, by the task `ui`: decoded into the draw buffer a few lines at a time and
// flushed from there. Nothing of them stays in memory.

#include "components/display/display_state.h"
#include "platform/jpeg.h"

#include <string.h>

// ---- the screen under it -----------------------------------------------------------------------

static void show(nh_display_t *d, void *state, unsigned number)
{
    (void)d;
    (void)state;
    (void)number;
}

static void hide(nh_display_t *d, void *state)
{
    (void)state;
    d->image_end_ms = NH_NEVER;
}

static void touch(nh_display_t *d, void *state, const struct nh_touch *t)
{
    (void)state;
    if (t->phase == NH_TOUCH_UP)
        d->image_end_ms = d->now_ms; // with this turn
}

const struct nh_display__screen_ops nh_display__direct_ops = {
    .state_bytes = 1, .show = show, .hide = hide, .touch = touch};

void nh_display__uncover(nh_display_t *d)
{
    bool is_screen = d->under != NH_DISPLAY__NONE && d->screens[d->under].is_selectable;
    d->image_end_ms = NH_NEVER;
    if (d->current == NH_DISPLAY__DIRECT)
        nh_display__switch(d, is_screen ? d->under : NH_DISPLAY__MACRO_1);
}

void nh_display__dismiss(nh_display_t *d)
{
    nh_display__tag(d, "img_dismiss", false);
    nh_display__uncover(d);
    if (d->current == NH_DISPLAY__IMAGE)
        nh_display__drop_image(d, d->screens[NH_DISPLAY__IMAGE].state);
}

// ---- straight to the panel ---------------------------------------------------------------------

// What the image leaves free is black.
static void blacken(nh_display_t *d)
{
    struct nh_rect all = nh_display__bounds(d);
    memset(d->draw_buffer, 0, d->fresh.draw_buffer_bytes);
    for (int y = 0; y < all.h; y += (int)d->cfg.draw_lines) {
        int h = all.h - y < (int)d->cfg.draw_lines ? all.h - y : (int)d->cfg.draw_lines;
        nh_display__flush(d, (struct nh_rect){0, (int16_t)y, all.w, (int16_t)h}, d->draw_buffer,
                          ((size_t)all.w + 1) / 2 * 2);
    }
}

static int flush_rows(nh_display_t *d, nh_jpeg_t *j, struct nh_rect at)
{
    size_t stride = ((size_t)at.w + 1) / 2 * 2;
    unsigned lines = (unsigned)(d->fresh.draw_buffer_bytes / sizeof(uint16_t) / stride);
    int y = 0, n;
    while ((n = nh_jpeg_read(j, d->draw_buffer, stride, lines)) > 0) {
        nh_display__flush(d, (struct nh_rect){at.x, (int16_t)(at.y + y), at.w, (int16_t)n},
                          d->draw_buffer, stride);
        y += n;
    }
    return n;
}

static int show_direct(nh_display_t *d, const struct nh_display__job *job)
{
    const struct nh_jpeg_config cfg = {.mem = d->cfg.mem,
                                       .bytes = job->bytes,
                                       .len = job->len,
                                       .width_max = (uint32_t)job->at.w,
                                       .height_max = (uint32_t)job->at.h,
                                       .work_max_bytes = d->cfg.image_work_bytes};
    struct nh_rect all = nh_display__bounds(d);
    bool is_begun = d->current == NH_DISPLAY__DIRECT;
    nh_jpeg_t *j;
    if (!job->is_first && !is_begun)
        return NH_ERR_CANCELLED; // it was dismissed, or another screen asked for
    int err = nh_jpeg_open(&cfg, &j);
    if (err < 0)
        return err;
    d->splash_end_ms = NH_NEVER;
    if (!is_begun)
        nh_display__switch(d, NH_DISPLAY__DIRECT);
    if (d->current != NH_DISPLAY__DIRECT) {
        nh_jpeg_close(j);
        return NH_ERR_NOMEM;
    }
    if (job->is_first && job->is_strip && (job->at.x > all.x || job->at.y > all.y))
        blacken(d);
    err = flush_rows(d, j, job->at);
    nh_jpeg_close(j);
    return err;
}

static void tag_job(nh_display_t *d, const struct nh_display__job *job, const char *what)
{
    char tag[NH_MEM_TAG_MAX_BYTES] = "img_";
    if (job->is_strip)
        memcpy(tag, "strip_", sizeof "strip_");
    strncat(tag, what, sizeof tag - strlen(tag) - 1);
    nh_display__tag(d, tag, false);
}

static void run_direct(nh_display_t *d, struct nh_display__job *job)
{
    if (job->is_first)
        tag_job(d, job, "pre_decode");
    job->err = show_direct(d, job);
    if (job->err < 0) {
        tag_job(d, job, "decode_fail");
        nh_display__uncover(d);
        return;
    }
    if (job->is_last)
        tag_job(d, job, "post_decode");
    d->image_end_ms = job->show_ms ? nh_ms_after(d->now_ms, job->show_ms) : NH_NEVER;
}

// ---- into a screen -----------------------------------------------------------------------------

static void run_kept(nh_display_t *d, struct nh_display__job *job)
{
    job->err = nh_display__keep_image(d, d->screens[NH_DISPLAY__IMAGE].state, job);
    nh_display__tag(d, job->err < 0 ? "img_lvgl_decode_fail" : "img_lvgl_post", false);
    nh_display__render(d); // whoever is told that it is shown may look
}

void nh_display__show_job(nh_display_t *d, struct nh_display__job *job)
{
    if (d->current == NH_DISPLAY__IMAGE && !job->is_strip)
        run_kept(d, job);
    else
        run_direct(d, job);
    nh_loop_post(d->cfg.loop, &d->images.done);
}
