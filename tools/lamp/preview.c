// preview.c - an effect on a terminal, at its own pace, with a few keys.

#include "lamp/lamp_tool.h"
#include "lamp/screen.h"

#include <stdio.h>

#define STEP_MAX_MS 250 // after a stop in the shell it goes on, and does not jump

struct preview {
    const struct nh_preview_options *o;
    struct nh_stage stage;
    struct nh_screen screen;
    char *out;
    uint32_t time_ms; // of the animation
    uint16_t speed_pct;
    uint32_t rest; // of time_ms, in hundredths
    bool is_paused, is_over;
};

// ---- keys

static void effect_go(struct preview *p, uint16_t id)
{
    nh_stage_effect_set(&p->stage, nh_fx_find(id));
    p->time_ms = p->rest = 0;
}

static void on_key(struct preview *p, char key)
{
    switch (key) {
    case 'n':
        effect_go(p, nh_fx_next(p->stage.o.effect->id));
        break;
    case 'p':
        effect_go(p, nh_fx_previous(p->stage.o.effect->id));
        break;
    case ' ':
        p->is_paused = !p->is_paused;
        break;
    case '+':
        p->speed_pct = (uint16_t)(p->speed_pct > 290 ? 300 : p->speed_pct + 10);
        break;
    case '-':
        p->speed_pct = (uint16_t)(p->speed_pct < 20 ? 10 : p->speed_pct - 10);
        break;
    case 'q':
    case '\x1b':
        p->is_over = true;
        break;
    default:
        break;
    }
}

// Takes keys until `until_ms`.
static void keys(struct preview *p, uint64_t until_ms)
{
    for (char key; (key = nh_screen_key(&p->screen, until_ms, -1, NULL)) != 0;)
        on_key(p, key);
}

// ---- frames

static bool show(struct preview *p)
{
    char status[160];
    nh_stage_draw(&p->stage, p->time_ms);
    snprintf(status, sizeof status, "%s  %u %%%s  n p space + - q", p->stage.o.effect->name,
             p->speed_pct, p->is_paused ? "  paused" : "");
    return nh_screen_show(p->out, &p->stage.canvas, p->o->colors, status);
}

static void play(struct preview *p)
{
    uint64_t started = nh_screen_now_ms(), last = started, slot = started;
    uint64_t end = p->o->seconds > 0 ? started + (uint64_t)(p->o->seconds * 1000) : UINT64_MAX;
    while (!nh_screen_is_stopped() && !p->is_over && last < end && show(p)) {
        slot += 1000u / p->o->stage.fps;
        slot = slot < last ? last : slot; // a slow terminal: no frames are made up for
        keys(p, slot);
        uint64_t now = nh_screen_now_ms(), dt = now - last < STEP_MAX_MS ? now - last : STEP_MAX_MS;
        p->rest += p->is_paused ? 0 : (uint32_t)dt * p->speed_pct;
        p->time_ms += p->rest / 100;
        p->rest %= 100;
        last = now;
    }
}

static int once(struct preview *p)
{
    nh_stage_draw(&p->stage, p->time_ms);
    size_t len = nh_term_frame(p->out, &p->stage.canvas, p->o->colors);
    return nh_screen_write(p->out, len) ? 0 : 1;
}

static int run(struct preview *p)
{
    if (p->o->is_once)
        return once(p);
    nh_screen_open(&p->screen);
    play(p);
    nh_screen_close(&p->screen);
    return 0;
}

int nh_lamp_preview(const struct nh_preview_options *o, nh_mem_t *mem)
{
    struct preview p = {.o = o, .speed_pct = o->stage.speed_pct};
    uint16_t width = o->stage.width, height = o->stage.height;
    if (!o->is_once && !nh_screen_fits(width, height, o->colors))
        return 1;
    p.time_ms = (uint32_t)(o->start_s * 10 * o->stage.speed_pct);
    size_t bytes = nh_term_frame_max_bytes(width, height) + NH_SCREEN_MORE_BYTES;
    p.out = nh_mem_alloc(mem, bytes, NH_MEM_BULK);
    int err = p.out ? nh_stage_open(&p.stage, &o->stage, mem) : NH_ERR_NOMEM, status = 1;
    if (err) {
        fprintf(stderr, "nuthatch lamp preview: %s\n", nh_err_text(err));
    } else {
        status = run(&p);
        nh_stage_close(&p.stage);
    }
    nh_mem_free(mem, p.out);
    return status;
}
