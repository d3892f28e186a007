// The window has a task of its own, which waits for the desktop; the display's task leaves pixels
// and wakes it.

#include "platform/linux/window/window.h"

#include "core/mem/mem.h"
#include "platform/linux/window/sdl.h"

#include <stdio.h>
#include <string.h>

#define HOST_STACK_BYTES NH_MIB(1) // drivers of graphics want much
#define TITLE_MAX_BYTES 64
#define OUTSIDE 0x2104 // what is beside a round panel: dark grey

struct window {
    struct nh_window_config cfg;
    nh_mem_t *mem;
    char title[TITLE_MAX_BYTES];
    struct nh_sdl sdl;
    nh_task_t *task;
    nh_notify_t *opened;
    int err; // of opening
    char why[128];

    nh_lock_t lock; // guards what follows, up to the task's own
    uint16_t *pixels;
    bool is_dirty, wants_stop;
    uint32_t pct;
    void (*touch)(void *to, const struct nh_touch *t);
    void *to;

    // The task's own.
    void *window, *renderer, *texture;
    bool is_down;
};

// ---- any task ----------------------------------------------------------------------------------

static void wake(struct window *w)
{
    union nh_sdl_event e = {.room = {0}};
    e.type = NH_SDL_USER;
    w->sdl.push_event(&e);
}

static void on_flush(void *ctx, struct nh_rect at, const uint16_t *pixels, size_t stride)
{
    struct window *w = ctx;
    nh_lock_acquire(&w->lock);
    for (int y = 0; y < at.h; y++)
        memcpy(w->pixels + (size_t)(at.y + y) * w->cfg.width + at.x, pixels + (size_t)y * stride,
               (size_t)at.w * sizeof *pixels);
    bool was_dirty = w->is_dirty;
    w->is_dirty = true;
    nh_lock_release(&w->lock);
    if (!was_dirty)
        wake(w);
}

static void on_brightness(void *ctx, uint32_t pct)
{
    struct window *w = ctx;
    nh_lock_acquire(&w->lock);
    w->pct = pct;
    w->is_dirty = true;
    nh_lock_release(&w->lock);
    wake(w);
}

static void on_listen(void *ctx, void (*touch)(void *to, const struct nh_touch *t), void *to)
{
    struct window *w = ctx;
    nh_lock_acquire(&w->lock);
    w->touch = touch;
    w->to = to;
    nh_lock_release(&w->lock);
}

// ---- the task ----------------------------------------------------------------------------------

static bool is_outside(const struct window *w, int x, int y)
{
    int side = w->cfg.width < w->cfg.height ? w->cfg.width : w->cfg.height;
    int dx = 2 * x + 1 - w->cfg.width, dy = 2 * y + 1 - w->cfg.height;
    return w->cfg.is_round && dx * dx + dy * dy > side * side;
}

static void upload(struct window *w)
{
    uint16_t row[800];
    for (int y = 0; y < w->cfg.height; y++) {
        const struct nh_sdl_rect at = {0, y, w->cfg.width, 1};
        memcpy(row, w->pixels + (size_t)y * w->cfg.width, (size_t)w->cfg.width * sizeof *row);
        for (int x = 0; x < w->cfg.width; x++)
            if (is_outside(w, x, y))
                row[x] = OUTSIDE;
        w->sdl.update_texture(w->texture, &at, row, (int)sizeof row);
    }
}

static void draw(struct window *w)
{
    nh_lock_acquire(&w->lock);
    uint8_t light = (uint8_t)(w->pct * 255 / 100);
    if (w->is_dirty)
        upload(w);
    w->is_dirty = false;
    nh_lock_release(&w->lock);
    w->sdl.set_color_mod(w->texture, light, light, light);
    w->sdl.clear(w->renderer);
    w->sdl.copy(w->renderer, w->texture, NULL, NULL);
    w->sdl.present(w->renderer);
}

static void tell(struct window *w, enum nh_touch_phase phase, int32_t x, int32_t y)
{
    const struct nh_touch t = {phase, (int16_t)x, (int16_t)y};
    nh_lock_acquire(&w->lock); // so that nobody is told any more once listen(NULL) has returned
    if (w->touch)
        w->touch(w->to, &t);
    nh_lock_release(&w->lock);
}

static void on_mouse(struct window *w, const union nh_sdl_event *e)
{
    bool is_left = (e->mouse.buttons & 0xFF) == 1; // the number of a button, or the mask of one
    if (e->type == NH_SDL_MOUSE_MOTION) {
        if (w->is_down)
            tell(w, NH_TOUCH_MOVE, e->mouse.x, e->mouse.y);
        return;
    }
    if (!is_left)
        return;
    w->is_down = e->type == NH_SDL_MOUSE_DOWN;
    tell(w, w->is_down ? NH_TOUCH_DOWN : NH_TOUCH_UP, e->mouse.x, e->mouse.y);
}

static bool is_told_to_stop(struct window *w)
{
    nh_lock_acquire(&w->lock);
    bool stop = w->wants_stop;
    nh_lock_release(&w->lock);
    return stop;
}

static void serve(struct window *w)
{
    union nh_sdl_event e;
    while (!is_told_to_stop(w) && w->sdl.wait_event(&e)) {
        if (e.type == NH_SDL_QUIT && w->cfg.closed)
            w->cfg.closed(w->cfg.ctx);
        else if (e.type >= NH_SDL_MOUSE_MOTION && e.type <= NH_SDL_MOUSE_UP)
            on_mouse(w, &e);
        else if (e.type == NH_SDL_USER || e.type == NH_SDL_WINDOW_EVENT)
            draw(w);
    }
}

static bool open_all(struct window *w)
{
    int width = w->cfg.width, height = w->cfg.height;
    w->sdl.set_hint("SDL_NO_SIGNAL_HANDLERS", "1"); // they are the loop's
    w->sdl.set_hint("SDL_VIDEO_ALLOW_SCREENSAVER", "1");
    if (w->sdl.init(NH_SDL_INIT_VIDEO) != 0)
        return false;
    w->window = w->sdl.create_window(w->title, NH_SDL_POS_UNDEFINED, NH_SDL_POS_UNDEFINED, width,
                                     height, NH_SDL_WINDOW_SHOWN | NH_SDL_WINDOW_RESIZABLE);
    w->renderer = w->window ? w->sdl.create_renderer(w->window, -1, 0) : NULL;
    w->texture = w->renderer ? w->sdl.create_texture(w->renderer, NH_SDL_RGB565, NH_SDL_STREAMING,
                                                     width, height)
                             : NULL;
    // Clicks are told in the panel's pixels, however large the window is made.
    return w->texture && w->sdl.set_logical_size(w->renderer, width, height) == 0;
}

static void close_all(struct window *w)
{
    if (w->texture)
        w->sdl.destroy_texture(w->texture);
    if (w->renderer)
        w->sdl.destroy_renderer(w->renderer);
    if (w->window)
        w->sdl.destroy_window(w->window);
    w->sdl.quit();
}

static void run(void *ctx)
{
    struct window *w = ctx;
    bool is_open = open_all(w);
    if (!is_open)
        snprintf(w->why, sizeof w->why, "%s", w->sdl.error());
    w->err = is_open ? 0 : NH_ERR_IO;
    nh_notify_post(w->opened);
    if (is_open)
        serve(w);
    close_all(w);
}

// ---- life --------------------------------------------------------------------------------------

static void destroy(struct window *w)
{
    nh_notify_destroy(w->opened);
    nh_lock_destroy(&w->lock);
    nh_mem_free(w->mem, w->pixels);
    nh_mem_free(w->mem, w);
}

static void on_close(void *ctx)
{
    struct window *w = ctx;
    nh_lock_acquire(&w->lock);
    w->wants_stop = true;
    nh_lock_release(&w->lock);
    wake(w);
    NH_IGNORE(nh_task_join(w->task, NH_NEVER));
    destroy(w);
}

static int start(struct window *w)
{
    const struct nh_task_config task = {.name = "window",
                                        .priority = 1,
                                        .host_stack_bytes = HOST_STACK_BYTES,
                                        .run = run,
                                        .ctx = w};
    int err = nh_task_start(w->cfg.sys, &task, &w->task);
    if (err < 0)
        return err;
    NH_IGNORE(nh_notify_wait(w->opened, NH_NEVER)); // nothing else can come
    if (w->err < 0)
        NH_IGNORE(nh_task_join(w->task, NH_NEVER));
    return w->err;
}

static int make(const struct nh_window_config *cfg, struct window **out)
{
    struct window *w = nh_mem_alloc_zero(cfg->mem, sizeof *w, NH_MEM_BULK);
    if (!w)
        return NH_ERR_NOMEM;
    w->cfg = *cfg;
    w->mem = cfg->mem;
    w->is_dirty = true;
    snprintf(w->title, sizeof w->title, "%s", cfg->title);
    *out = w;
    w->pixels = nh_mem_alloc_zero(w->mem, (size_t)cfg->width * cfg->height * sizeof *w->pixels,
                                  NH_MEM_BULK);
    int err = w->pixels ? nh_lock_create(&w->lock) : NH_ERR_NOMEM;
    return err < 0 ? err : nh_notify_create(w->mem, &w->opened);
}

int nh_window_open(const struct nh_window_config *cfg, struct nh_panel *out, char *why, size_t cap)
{
    struct nh_sdl sdl;
    struct window *w = NULL;
    int err = nh_linux__sdl_find(&sdl, why, cap);
    if (err < 0)
        return err;
    snprintf(why, cap, "%s", nh_err_text(NH_ERR_NOMEM));
    err = make(cfg, &w);
    if (err == 0) {
        w->sdl = sdl;
        err = start(w);
        snprintf(why, cap, "%s", w->why);
    }
    if (err < 0) {
        if (w)
            destroy(w);
        return err;
    }
    *out = (struct nh_panel){.ctx = w,
                             .width = cfg->width,
                             .height = cfg->height,
                             .is_round = cfg->is_round,
                             .flush = on_flush,
                             .brightness = on_brightness,
                             .listen = on_listen,
                             .close = on_close};
    return 0;
}
