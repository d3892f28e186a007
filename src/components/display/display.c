#include "components/display/display_state.h"
#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#define CHIP_STACK_BYTES NH_KIB(8)
#define HOST_STACK_BYTES NH_KIB(256) // the drawing library's own
#define SIDE_MIN_PX 64
#define SIDE_MAX_PX 800
#define DRAW_LINES_MAX 64

// ---- what is told ------------------------------------------------------------------------------

static bool differs(const struct nh_display_snapshot *a, const struct nh_display_snapshot *b)
{
    return a->screen != b->screen || a->saver != b->saver || a->has_saver != b->has_saver ||
           a->target_pct != b->target_pct || a->screen_failures != b->screen_failures ||
           a->queue_full_count != b->queue_full_count;
}

static void show(nh_display_t *d)
{
    const struct nh_display__screen *s = &d->screens[d->current];
    struct nh_display_snapshot *f = &d->fresh;
    f->screen = s->id;
    f->is_selectable = s->is_selectable;
    f->saver = d->saver.state;
    f->has_saver = d->saver.s.has_saver;
    f->brightness_pct = d->panel_pct;
    f->target_pct = d->saver.s.brightness_pct;
    nh_painter_info(d->painter, &f->painter);
    nh_lock_acquire(&d->lock);
    f->queue_full_count = d->full_count;
    bool is_other = differs(f, &d->shown);
    f->version = d->shown.version + is_other;
    d->shown = *f;
    d->shown_saver = d->saver;
    nh_lock_release(&d->lock);
    if ((is_other || d->has_news) && d->cfg.changed)
        d->cfg.changed(d->cfg.ctx);
    d->has_news = false;
}

void nh_display_snapshot(nh_display_t *d, struct nh_display_snapshot *out)
{
    struct nh_display__saver saver;
    nh_lock_acquire(&d->lock);
    *out = d->shown;
    saver = d->shown_saver;
    nh_lock_release(&d->lock);
    out->seconds_until_sleep = nh_display__saver_left_s(&saver, nh_clock_ms());
}

// ---- the task ----------------------------------------------------------------------------------

static void touch(nh_display_t *d, const struct nh_touch *t)
{
    struct nh_display__screen *s = &d->screens[d->current];
    // A finger that woke the panel is not on a screen until it comes down again.
    bool passes = nh_display__saver_touch(&d->saver, d->now_ms);
    if (t->phase == NH_TOUCH_DOWN)
        d->is_touching = passes;
    if (!passes)
        d->fresh.touch_swallowed_count++;
    if (!d->is_touching)
        return;
    if (t->phase == NH_TOUCH_UP)
        d->is_touching = false;
    if (s->ops->touch)
        s->ops->touch(d, s->state, t);
}

static void back(nh_display_t *d)
{
    int to =
        d->before == NH_DISPLAY__NONE || d->before == d->current ? NH_DISPLAY__MACRO_1 : d->before;
    nh_display__saver_activity(&d->saver, true, d->now_ms);
    nh_display__switch(d, to);
}

static void apply(nh_display_t *d, const struct nh_display__item *item)
{
    switch (item->kind) {
    case NH_DISPLAY__DO_TOUCH:
        touch(d, &item->touch);
        break;
    case NH_DISPLAY__DO_SLEEP:
        nh_display__saver_sleep(&d->saver, d->now_ms);
        break;
    case NH_DISPLAY__DO_WAKE:
        nh_display__saver_wake(&d->saver, d->now_ms);
        break;
    case NH_DISPLAY__DO_ACTIVITY:
        nh_display__saver_activity(&d->saver, item->value, d->now_ms);
        break;
    case NH_DISPLAY__DO_BACK:
        back(d);
        break;
    case NH_DISPLAY__DO_NOTHING:
        break;
    }
}

static void apply_wanted(nh_display_t *d)
{
    struct nh_display__wanted w;
    nh_lock_acquire(&d->lock);
    w = d->wanted;
    d->wanted = (struct nh_display__wanted){.screen = NH_DISPLAY__NONE};
    nh_lock_release(&d->lock);
    if (w.has_settings)
        nh_display__saver_set(&d->saver, &w.settings, d->now_ms);
    if (w.has_brightness) {
        d->saver.s.brightness_pct = w.brightness_pct;
        nh_display__saver_activity(&d->saver, false, d->now_ms);
    }
    if (w.has_error) {
        memcpy(d->title, w.title, sizeof d->title);
        memcpy(d->text, w.text, sizeof d->text);
    }
    if (w.screen != NH_DISPLAY__NONE) {
        nh_display__saver_activity(&d->saver, true, d->now_ms);
        d->splash_end_ms = NH_NEVER;
        nh_display__switch(d, w.screen);
    }
    if (w.has_dismiss)
        nh_display__dismiss(d);
    if (w.job) {
        nh_display__saver_activity(&d->saver, true, d->now_ms);
        nh_display__show_job(d, w.job);
    }
}

static void set_panel(nh_display_t *d)
{
    uint32_t pct = nh_display__saver_pct(&d->saver, d->now_ms);
    if (pct == d->panel_pct)
        return;
    d->panel_pct = pct;
    if (d->cfg.panel.brightness)
        d->cfg.panel.brightness(d->cfg.panel.ctx, pct);
}

static uint64_t tick(nh_display_t *d)
{
    if (d->now_ms >= d->splash_end_ms) {
        d->splash_end_ms = NH_NEVER;
        if (d->current == NH_DISPLAY__SPLASH)
            nh_display__switch(d, NH_DISPLAY__MACRO_1);
    }
    if (d->now_ms >= d->image_end_ms)
        nh_display__uncover(d);
    nh_display__saver_tick(&d->saver, d->now_ms);
    set_panel(d);
    uint64_t next = nh_display__saver_next(&d->saver, d->now_ms);
    struct nh_display__screen *s = &d->screens[d->current];
    // What nobody can see need not be up to date.
    bool is_dark = d->saver.state == NH_SAVER_ASLEEP;
    uint64_t screen = s->ops->tick && !is_dark ? s->ops->tick(d, s->state, d->now_ms) : NH_NEVER;
    next = screen < next ? screen : next;
    next = d->image_end_ms < next ? d->image_end_ms : next;
    return d->splash_end_ms < next ? d->splash_end_ms : next;
}

uint64_t nh_display__turn(nh_display_t *d, uint64_t now_ms)
{
    struct nh_display__item item;
    d->now_ms = now_ms;
    while (nh_queue_get(d->queue, &item, 0) == 0)
        apply(d, &item);
    apply_wanted(d);
    uint64_t next = tick(d);
    nh_display__render(d);
    show(d);
    return next;
}

static bool is_told_to_stop(nh_display_t *d)
{
    nh_lock_acquire(&d->lock);
    bool stop = d->wants_stop;
    nh_lock_release(&d->lock);
    return stop;
}

static void run(void *ctx)
{
    nh_display_t *d = ctx;
    struct nh_display__item item;
    while (!is_told_to_stop(d)) {
        uint64_t next_ms = nh_display__turn(d, nh_clock_ms()), now_ms = nh_clock_ms();
        uint64_t wait_ms = next_ms == NH_NEVER ? NH_NEVER : next_ms > now_ms ? next_ms - now_ms : 0;
        if (nh_queue_get(d->queue, &item, wait_ms) < 0)
            continue;
        d->now_ms = nh_clock_ms();
        apply(d, &item);
    }
}

// ---- life --------------------------------------------------------------------------------------

static int take_config(nh_display_t *d, const struct nh_display_config *cfg)
{
    const struct nh_panel *p = &cfg->panel;
    d->cfg = *cfg;
    d->cfg.panel.close = NULL; // not ours until all is well
    d->cfg.draw_lines = cfg->draw_lines ? cfg->draw_lines : 16;
    d->cfg.queue_max = cfg->queue_max ? cfg->queue_max : 32;
    d->cfg.image_max_bytes = cfg->image_max_bytes ? cfg->image_max_bytes : (uint32_t)NH_KIB(300);
    d->cfg.image_headroom_bytes =
        cfg->image_headroom_bytes ? cfg->image_headroom_bytes : (uint32_t)NH_KIB(50);
    d->cfg.upload_ms = cfg->upload_ms ? cfg->upload_ms : 30000;
    d->cfg.strip_wait_ms = cfg->strip_wait_ms ? cfg->strip_wait_ms : 3000;
    if (p->width < SIDE_MIN_PX || p->width > SIDE_MAX_PX || p->height < SIDE_MIN_PX ||
        p->height > SIDE_MAX_PX || d->cfg.draw_lines > DRAW_LINES_MAX)
        return NH_ERR_RANGE;
    d->fresh.width = p->width;
    d->fresh.height = p->height;
    d->fresh.is_round = p->is_round;
    d->fresh.draw_buffer_bytes =
        (uint32_t)(((size_t)p->width + 1) / 2 * 2 * d->cfg.draw_lines * sizeof(uint16_t));
    return 0;
}

static int make_painter(nh_display_t *d)
{
    struct nh_painter_config cfg = {.mem = d->cfg.mem,
                                    .glyph_cache_bytes = d->cfg.glyph_cache_bytes};
    memcpy(cfg.fonts, d->cfg.fonts, sizeof cfg.fonts);
    d->draw_buffer = nh_mem_alloc(d->cfg.mem, d->fresh.draw_buffer_bytes, NH_MEM_BULK);
    return d->draw_buffer ? nh_painter_create(&cfg, &d->painter) : NH_ERR_NOMEM;
}

static int make_mirror(nh_display_t *d)
{
    if (!d->cfg.has_mirror)
        return 0;
    int err =
        nh_display__mirror_create(d->cfg.mem, d->cfg.panel.width, d->cfg.panel.height, &d->mirror);
    if (err == 0)
        d->fresh.mirror_bytes = (uint32_t)nh_display__mirror_bytes(d->mirror);
    return err;
}

static int make_parts(nh_display_t *d)
{
    int err = make_painter(d);
    if (err == 0)
        err = make_mirror(d);
    if (err == 0)
        err = nh_lock_create(&d->lock);
    if (err == 0)
        err = nh_queue_create(d->cfg.mem, sizeof(struct nh_display__item), d->cfg.queue_max,
                              &d->queue);
    return err;
}

// The first screen is there before anybody can ask for one.
static int first_screen(nh_display_t *d, uint64_t now_ms)
{
    nh_display__screens_init(d);
    nh_display__images_init(d);
    nh_display__saver_init(&d->saver, &d->cfg.settings, now_ms);
    d->now_ms = now_ms;
    d->wanted.screen = NH_DISPLAY__NONE;
    d->image_end_ms = NH_NEVER;
    d->splash_end_ms = d->cfg.splash_ms ? now_ms + d->cfg.splash_ms : NH_NEVER;
    nh_display__switch(d, d->cfg.splash_ms ? NH_DISPLAY__SPLASH : NH_DISPLAY__MACRO_1);
    if (d->current == NH_DISPLAY__NONE)
        return NH_ERR_NOMEM;
    set_panel(d);
    show(d);
    return 0;
}

int nh_display__make(const struct nh_display_config *cfg, uint64_t now_ms, nh_display_t **out)
{
    *out = NULL;
    nh_display_t *d = nh_mem_alloc_zero(cfg->mem, sizeof *d, NH_MEM_BULK);
    if (!d)
        return NH_ERR_NOMEM;
    int err = take_config(d, cfg);
    if (err == 0)
        err = make_parts(d);
    if (err == 0)
        err = first_screen(d, now_ms);
    if (err < 0) {
        nh_display_destroy(d);
        return err;
    }
    d->cfg.panel.close = cfg->panel.close;
    *out = d;
    return 0;
}

int nh_display_create(const struct nh_display_config *cfg, nh_display_t **out)
{
    nh_display_t *d;
    int err = nh_display__make(cfg, nh_clock_ms(), &d);
    const struct nh_task_config task = {.name = "ui",
                                        .priority = 1,
                                        .chip_stack_bytes = CHIP_STACK_BYTES,
                                        .host_stack_bytes = HOST_STACK_BYTES,
                                        .run = run,
                                        .ctx = d};
    *out = NULL;
    if (err < 0)
        return err;
    err = nh_task_start(cfg->sys, &task, &d->task);
    if (err < 0) {
        d->cfg.panel.close = NULL;
        nh_display_destroy(d);
        return err;
    }
    if (d->cfg.panel.listen)
        d->cfg.panel.listen(d->cfg.panel.ctx, nh_display__touched, d);
    *out = d;
    return 0;
}

static void stop_task(nh_display_t *d)
{
    nh_lock_acquire(&d->lock);
    d->wants_stop = true;
    nh_lock_release(&d->lock);
    nh_display__wake(d);
    NH_IGNORE(nh_task_join(d->task, NH_NEVER));
}

void nh_display_destroy(nh_display_t *d)
{
    if (!d)
        return;
    if (d->cfg.panel.close && d->cfg.panel.listen)
        d->cfg.panel.listen(d->cfg.panel.ctx, NULL, NULL);
    if (d->task)
        stop_task(d);
    nh_display__images_deinit(d);
    nh_display__screens_deinit(d);
    nh_queue_destroy(d->queue);
    nh_lock_destroy(&d->lock);
    nh_painter_destroy(d->painter);
    nh_display__mirror_destroy(d->mirror);
    if (d->cfg.panel.close)
        d->cfg.panel.close(d->cfg.panel.ctx);
    nh_mem_free(d->cfg.mem, d->draw_buffer);
    nh_mem_free(d->cfg.mem, d);
}
