// The task `render`: clock -> effect or live frame -> overlay -> pipeline -> show(), at a fixed
// cadence. It owns `draw` and is the only caller of show().

#include "components/lamp/lamp_private.h"

#include "core/base/crc.h"

#include <string.h>

#define ANIMATION_MAX_US 120000u // of one frame: a lamp that stood still does not jump
#define FLASH_HALF_MS 250u
#define PEAK_SPAN_US 1800000000ull
#define PREVIEW_PATIENCE_MS 500u // who does not ask for so long watches no more
#define STEP_MAX_COUNT 64u       // of the shortest step an effect may have, in ANIMATION_MAX_US

// ---- memory ------------------------------------------------------------------------------------

static int make_pipeline(nh_lamp_t *l)
{
    struct nh_lamp_map_config map = l->cfg.map;
    struct nh_lamp_pipeline_config pipeline = l->cfg.pipeline;
    map.mem = pipeline.mem = l->cfg.mem;
    map.width = l->cfg.width;
    map.height = l->cfg.height;
    int err = nh_lamp_map_create(&map, NULL, &l->map);
    pipeline.map = l->map;
    return err < 0 ? err : nh_lamp_pipeline_create(&pipeline, NULL, &l->draw.pipeline);
}

int nh_lamp__draw_make(nh_lamp_t *l)
{
    struct nh_lamp__draw *d = &l->draw;
    nh_mem_t *mem = l->cfg.mem;
    uint32_t state_bytes = nh_fx_state_bytes(l->cfg.width, l->cfg.height);
    d->canvas = (struct nh_fx_canvas){l->cfg.width, l->cfg.height, NULL};
    d->canvas.px = nh_mem_alloc_zero(mem, (size_t)l->pixel_count * sizeof(nh_px_t), NH_MEM_BULK);
    d->player_state = nh_mem_alloc_zero(mem, state_bytes ? state_bytes : 1, NH_MEM_BULK);
    if (!d->canvas.px || !d->player_state)
        return NH_ERR_NOMEM;
    int err = make_pipeline(l);
    return err < 0 ? err
                   : nh_fx_player_init(&d->player, l->cfg.width, l->cfg.height, d->player_state);
}

void nh_lamp__draw_free(nh_lamp_t *l)
{
    nh_lamp_pipeline_destroy(l->draw.pipeline);
    nh_lamp_map_destroy(l->map);
    nh_mem_free(l->cfg.mem, l->draw.player_state);
    nh_mem_free(l->cfg.mem, l->draw.canvas.px);
}

// ---- what is wanted ----------------------------------------------------------------------------

static void begin_effect(nh_lamp_t *l)
{
    struct nh_lamp__draw *d = &l->draw;
    nh_fx_player_set(&d->player, nh_fx_find(d->wish.state.effect_id), l->cfg.seed);
    d->animation_us = 0;
}

// Reads what the loop wants now. Everything that is borrowed by a frame is a copy then.
static void read_wish(nh_lamp_t *l, struct nh_lamp__wish *before)
{
    struct nh_lamp__draw *d = &l->draw;
    *before = d->wish;
    nh_lock_acquire(&l->lock);
    d->wish = l->wish;
    if (d->wish.palette_number != d->palette_number)
        memcpy(d->palette_to, l->palette, sizeof d->palette_to);
    nh_lock_release(&l->lock);
}

static void set_out(struct nh_lamp__draw *d, uint32_t fade_ms, uint64_t now_us)
{
    const struct nh_lamp_state *s = &d->wish.state;
    nh_lamp__fade_to(&d->fade, s->brightness, s->color, d->palette_to, fade_ms, now_us);
    d->palette_number = d->wish.palette_number;
}

static void follow_wish(nh_lamp_t *l, uint64_t now_us)
{
    struct nh_lamp__draw *d = &l->draw;
    struct nh_lamp__wish before;
    read_wish(l, &before);
    const struct nh_lamp_state *now = &d->wish.state, *old = &before.state;
    if (now->effect_id != old->effect_id)
        begin_effect(l);
    if (now->brightness != old->brightness || d->wish.palette_number != d->palette_number ||
        memcmp(now->color, old->color, sizeof now->color) != 0)
        set_out(d, d->wish.fade_ms, now_us);
    nh_lamp__fade_step(&d->fade, d->palette_to, now_us);
}

// ---- the picture -------------------------------------------------------------------------------

// Time of day without a time zone of its own is the port's: the wall clock's, shifted by the hub.
static uint32_t day_s(const nh_lamp_t *l)
{
    int64_t s = l->cfg.local_unix_s ? l->cfg.local_unix_s(l->cfg.ctx) : nh_clock_unix_ms() / 1000;
    return (uint32_t)((s % 86400 + 86400) % 86400);
}

static void fill_direction(struct nh_lamp__draw *d)
{
    uint64_t now_ms = d->frame_us / 1000;
    // It may have been told since the frame began.
    uint64_t age_ms = now_ms > d->wish.angle_ms ? now_ms - d->wish.angle_ms : 0;
    d->input.direction_deg = d->wish.angle_deg;
    d->input.direction_age_ms =
        d->wish.angle_number == 0 || age_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)age_ms;
}

// A paused effect sees nothing new: its frame is the one before, bit for bit. What a fade is on its
// way to is no movement of the effect's.
static void fill_input(nh_lamp_t *l, uint64_t span_us)
{
    struct nh_lamp__draw *d = &l->draw;
    const struct nh_lamp_state *s = &d->wish.state;
    struct nh_fx_input *in = &d->input;
    if (!s->paused) {
        uint64_t step_us = span_us * s->speed_pct / 100;
        d->animation_us += step_us < ANIMATION_MAX_US ? step_us : ANIMATION_MAX_US;
        in->audio_level = d->wish.level;
        memcpy(in->audio_band, d->wish.band, sizeof in->audio_band);
        in->day_s = day_s(l);
        fill_direction(d);
    }
    in->time_ms = (uint32_t)(d->animation_us / 1000);
    in->intensity = s->intensity;
    in->palette = d->fade.palette;
    memcpy(in->color, d->fade.color, sizeof in->color);
    in->text = s->text;
}

static bool draw_flash(nh_lamp_t *l, uint64_t now_us)
{
    struct nh_lamp__draw *d = &l->draw;
    uint64_t now_ms = now_us / 1000;
    if (now_ms >= d->wish.flash_end_ms)
        return false;
    uint64_t left_ms = d->wish.flash_end_ms - now_ms;
    nh_px_t px = left_ms / FLASH_HALF_MS % 2 == 0 ? 0 : NH_PX(255, 255, 255);
    for (uint32_t i = 0; i < l->pixel_count; i++)
        d->canvas.px[i] = px;
    return true;
}

static void draw_live(nh_lamp_t *l)
{
    nh_lock_acquire(&l->lock);
    memcpy(l->draw.canvas.px, l->front, (size_t)l->pixel_count * sizeof *l->front);
    nh_lock_release(&l->lock);
}

// The face lives in wall time: a paused effect stands still under it.
static void draw_overlay(nh_lamp_t *l, uint64_t now_us)
{
    struct nh_lamp__draw *d = &l->draw;
    const struct nh_lamp_state *s = &d->wish.state;
    const struct nh_lamp_overlay_look look = {
        .is_enabled = s->overlay,
        .mode = (enum nh_lamp_overlay_mode)s->overlay_mode,
        .blend = (enum nh_lamp_blend)s->overlay_blend,
    };
    uint64_t now_ms = now_us / 1000;
    if (d->angle_number != d->wish.angle_number)
        nh_lamp_overlay_direction(&d->overlay, d->wish.angle_deg, d->wish.angle_ms);
    if (d->level_number != d->wish.level_number)
        nh_lamp_overlay_level(&d->overlay, d->wish.level, now_ms);
    d->angle_number = d->wish.angle_number;
    d->level_number = d->wish.level_number;
    nh_lamp_overlay_draw(&d->overlay, &d->canvas, &look, now_ms);
}

static uint64_t now_for(const nh_lamp_t *l, uint64_t now_us)
{
    return l->cfg.sys ? nh_clock_us() : now_us; // a test's clock stands still within a frame
}

// The composed canvas. Returns when the effect, and before the overlay, was drawn.
static uint64_t draw(nh_lamp_t *l, uint64_t now_us)
{
    struct nh_lamp__draw *d = &l->draw;
    uint64_t span_us = now_us > d->frame_us ? now_us - d->frame_us : 0;
    d->frame_us = now_us;
    fill_input(l, span_us);
    if (draw_flash(l, now_us))
        return now_for(l, now_us);
    if (d->wish.is_live)
        draw_live(l);
    else
        (void)nh_fx_player_draw(&d->player, &d->canvas, &d->input, STEP_MAX_COUNT);
    uint64_t drawn_us = now_for(l, now_us);
    draw_overlay(l, now_us);
    return drawn_us;
}

// Dark, so that nothing is latched that was never sent.
static uint64_t draw_first(nh_lamp_t *l, uint64_t now_us)
{
    struct nh_lamp__draw *d = &l->draw;
    memset(d->canvas.px, 0, (size_t)l->pixel_count * sizeof *d->canvas.px);
    d->is_first = false;
    return now_us;
}

// ---- out ---------------------------------------------------------------------------------------

static void note_current(struct nh_lamp__draw *d, const struct nh_lamp_pipeline_frame *f,
                         uint64_t now_us)
{
    // A peak is kept for at least half an hour and for an hour at most: two spans, the old one
    // forgotten as a whole.
    if (now_us - d->peak_us >= PEAK_SPAN_US) {
        d->peak_before_ma = d->peak_ma;
        d->peak_ma = 0;
        d->peak_us = now_us;
    }
    if (f->estimate_ma > d->peak_ma)
        d->peak_ma = f->estimate_ma;
}

// The only call of show().
static void show(nh_lamp_t *l, const struct nh_lamp_pipeline_frame *f)
{
    const struct nh_pixels *p = &l->cfg.pixels;
    if (p->show && p->show(p->ctx, f->rgb, f->count) < 0)
        l->draw.show_failures++;
    for (size_t i = 0; i < l->output_count; i++)
        l->outputs[i].frame(l->outputs[i].ctx, f->rgb, f->count);
}

static uint8_t preview_flags(const struct nh_lamp__draw *d)
{
    const struct nh_lamp_state *s = &d->wish.state;
    return (uint8_t)(NH_LAMP__PREVIEW_ON | (s->paused ? NH_LAMP__PREVIEW_PAUSED : 0) |
                     (d->wish.is_live ? NH_LAMP__PREVIEW_LIVE : 0) |
                     (s->overlay ? NH_LAMP__PREVIEW_OVERLAY : 0));
}

// With the lock held: the picture for watchers, unless one of them is in the middle of the last.
static void give_preview(nh_lamp_t *l, const nh_px_t *px, uint8_t flags, uint8_t brightness)
{
    struct nh_lamp__preview *p = &l->preview;
    size_t bytes = (size_t)l->pixel_count * sizeof *p->px;
    if (p->is_pinned)
        return;
    if (px)
        memcpy(p->px, px, bytes);
    else
        memset(p->px, 0, bytes);
    p->flags = flags;
    p->brightness = brightness;
    p->number++;
}

static void tell(nh_lamp_t *l, const struct nh_lamp_pipeline_frame *f, uint32_t crc,
                 uint64_t now_us)
{
    struct nh_lamp__draw *d = &l->draw;
    const struct nh_lamp__pace_figures *p = &d->pace.shown;
    uint8_t flags = preview_flags(d);
    nh_lock_acquire(&l->lock);
    struct nh_lamp_info *i = &l->figures;
    i->fps_x10 = p->fps_x10;
    i->jitter_us = p->jitter_us;
    i->jitter_max_us = p->jitter_max_us;
    i->render_us = p->render_us;
    i->overlay_us = p->overlay_us;
    i->show_us = p->show_us;
    i->estimate_ma = f->estimate_ma;
    i->peak_ma = d->peak_ma > d->peak_before_ma ? d->peak_ma : d->peak_before_ma;
    i->is_limiting = f->is_limiting;
    i->frame_crc = crc;
    i->frame_count++;
    i->late_count = d->late_before + d->pace.late_count;
    i->dropped_count = d->dropped_before + d->pace.dropped_count;
    i->show_failures = d->show_failures;
    struct nh_lamp__preview *v = &l->preview;
    // Who asked while the frame was drawn did so after its beginning.
    bool is_watched = v->asked_ms && now_us / 1000 < v->asked_ms + PREVIEW_PATIENCE_MS;
    if (is_watched &&
        (crc != d->preview_crc || flags != v->flags || d->wish.state.brightness != v->brightness) &&
        !v->is_pinned) {
        give_preview(l, d->canvas.px, flags, d->wish.state.brightness);
        d->preview_crc = crc;
    }
    nh_lock_release(&l->lock);
}

uint64_t nh_lamp__frame(nh_lamp_t *l, uint64_t now_us)
{
    struct nh_lamp__draw *d = &l->draw;
    struct nh_lamp_pipeline_frame f;
    nh_lamp__pace_begin(&d->pace, now_us);
    follow_wish(l, now_us);
    uint64_t drawn_us = d->is_first ? draw_first(l, now_us) : draw(l, now_us);
    uint64_t composed_us = now_for(l, now_us);
    uint32_t crc = nh_crc32(0, d->canvas.px, (size_t)l->pixel_count * sizeof *d->canvas.px);
    nh_lamp_pipeline_frame(d->pipeline, &d->canvas, d->fade.brightness_q8, d->frame_number++, &f);
    show(l, &f);
    uint64_t shown_us = now_for(l, now_us);
    nh_lamp__pace_spent(&d->pace, (uint32_t)(drawn_us - now_us), (uint32_t)(composed_us - drawn_us),
                        (uint32_t)(shown_us - composed_us));
    note_current(d, &f, now_us);
    tell(l, &f, crc, now_us);
    return nh_lamp__pace_end(&d->pace, shown_us);
}

// ---- life --------------------------------------------------------------------------------------

void nh_lamp__draw_begin(nh_lamp_t *l, uint64_t now_us)
{
    struct nh_lamp__draw *d = &l->draw;
    struct nh_lamp__wish before;
    nh_lamp__pace_init(&d->pace, l->cfg.fps, now_us);
    d->palette_number = UINT32_MAX; // none: it is read
    read_wish(l, &before);
    begin_effect(l);
    set_out(d, 0, now_us);
    nh_lamp_overlay_init(&d->overlay, &l->cfg.overlay, l->cfg.seed);
    d->angle_number = d->wish.angle_number; // told before: a voice that is long gone
    d->level_number = d->wish.level_number;
    d->frame_us = now_us;
    d->is_first = true;
    d->preview_crc = 0;
}

void nh_lamp__draw_end(nh_lamp_t *l)
{
    struct nh_lamp__draw *d = &l->draw;
    d->late_before += d->pace.late_count;
    d->dropped_before += d->pace.dropped_count;
    nh_lock_acquire(&l->lock);
    l->figures.fps_x10 = l->figures.jitter_us = l->figures.jitter_max_us = 0;
    l->figures.render_us = l->figures.overlay_us = l->figures.show_us = 0;
    l->figures.estimate_ma = 0;
    l->figures.is_limiting = false;
    l->preview.is_pinned = false;
    give_preview(l, NULL, 0, d->wish.state.brightness);
    l->has_ended = true;
    nh_lock_release(&l->lock);
}

static bool is_told_to_stop(nh_lamp_t *l)
{
    nh_lock_acquire(&l->lock);
    bool stop = l->wish.is_told_to_stop;
    nh_lock_release(&l->lock);
    return stop;
}

void nh_lamp__render(void *lamp)
{
    nh_lamp_t *l = lamp;
    uint64_t next_us = nh_clock_us();
    nh_lamp__draw_begin(l, next_us);
    while (!is_told_to_stop(l)) {
        if (nh_notify_wait_until(l->wake, next_us) == 0)
            continue; // told something: to stop, perhaps
        next_us = nh_lamp__frame(l, nh_clock_us());
    }
    nh_lamp__draw_end(l);
    nh_notify_post(l->ended);
    if (l->cfg.loop)
        nh_loop_post(l->cfg.loop, &l->post);
}
