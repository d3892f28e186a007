// The owner: the control bus on the loop's task, and the life of the lamp.

#include "components/lamp/lamp_private.h"

#include "core/bus/bus.h"

#include <stdio.h>
#include <string.h>

#define RENDER_STACK_BYTES NH_KIB(6) // effects take up to 2.7 of it

// ---- what others see ---------------------------------------------------------------------------

void nh_lamp_snapshot(nh_lamp_t *l, struct nh_lamp_snapshot *out)
{
    nh_lock_acquire(&l->lock);
    *out = l->shown;
    nh_lock_release(&l->lock);
}

void nh_lamp__publish(nh_lamp_t *l)
{
    l->fresh.state = l->state;
    l->fresh.power = nh_lamp__power_state(&l->power);
    l->fresh.version++;
    nh_lock_acquire(&l->lock);
    l->shown = l->fresh;
    nh_lock_release(&l->lock);
    l->has_news = true;
}

void nh_lamp__tell_render(nh_lamp_t *l, uint32_t fade_ms)
{
    nh_px_t palette[256];
    nh_fx_palette_expand(nh_lamp__palette_shown(l), palette);
    nh_lock_acquire(&l->lock);
    if (memcmp(palette, l->palette, sizeof palette) != 0) {
        memcpy(l->palette, palette, sizeof palette);
        l->wish.palette_number++;
    }
    l->wish.state = l->state;
    l->wish.fade_ms = fade_ms;
    nh_lock_release(&l->lock);
}

void nh_lamp__changed(nh_lamp_t *l, uint64_t now_ms)
{
    if (l->cfg.store)
        nh_write_behind_changed(&l->saving, now_ms);
}

void nh_lamp_info(nh_lamp_t *l, struct nh_lamp_info *out)
{
    struct nh_queue_info q;
    nh_queue_info(l->queue, &q);
    nh_lock_acquire(&l->lock);
    *out = l->figures;
    out->live_protocol = l->shown_live.is_shown ? l->shown_live.protocol : NULL;
    memcpy(out->live_from, l->shown_live.from, sizeof out->live_from);
    out->queue_full_count = l->full_count;
    nh_lock_release(&l->lock);
    out->width = l->cfg.width;
    out->height = l->cfg.height;
    out->pixel_count = l->pixel_count;
    out->fps_wanted = l->cfg.fps;
    out->limit_ma = l->cfg.pipeline.limit_ma;
    const struct nh_lamp_map_config *m = &l->cfg.map;
    out->panel_count =
        (m->panel_columns ? m->panel_columns : 1u) * (m->panel_rows ? m->panel_rows : 1u);
    out->queue_depth = q.depth;
    out->queue_depth_max = q.depth_max;
    out->queue_max = q.count;
}

// ---- any task ----------------------------------------------------------------------------------

int nh_lamp_post(nh_lamp_t *l, const struct nh_lamp_command *c)
{
    int err = nh_queue_put(l->queue, c);
    if (err < 0) {
        nh_lock_acquire(&l->lock);
        l->full_count++;
        nh_lock_release(&l->lock);
        return err;
    }
    if (l->cfg.loop)
        nh_loop_post(l->cfg.loop, &l->post);
    return 0;
}

void nh_lamp_direction(nh_lamp_t *l, uint32_t angle_deg)
{
    nh_lock_acquire(&l->lock);
    l->wish.angle_deg = (uint16_t)(angle_deg % 360);
    l->wish.angle_number++;
    l->wish.angle_ms = nh_clock_ms();
    nh_lock_release(&l->lock);
}

void nh_lamp_audio(nh_lamp_t *l, uint8_t level, const uint8_t band[NH_FX_BAND_COUNT])
{
    nh_lock_acquire(&l->lock);
    l->wish.level = level;
    l->wish.level_number++;
    if (band)
        memcpy(l->wish.band, band, NH_FX_BAND_COUNT);
    else
        memset(l->wish.band, 0, NH_FX_BAND_COUNT);
    nh_lock_release(&l->lock);
}

// ---- commands ----------------------------------------------------------------------------------

static void tell_bus(nh_lamp_t *l, nh_event_id_t id, const struct nh_lamp_command *c, uint32_t mask,
                     uint64_t now_ms)
{
    struct nh_event_lamp_changed e = {
        .seq = l->state.seq, .mask = mask, .power = (uint8_t)nh_lamp__power_state(&l->power)};
    if (!l->cfg.bus)
        return;
    snprintf(e.who, sizeof e.who, "%s", c ? c->who : "");
    NH_IGNORE(nh_bus_post_data(l->cfg.bus, id, (uint16_t)(c ? c->origin : NH_ORIGIN_BOOT), now_ms,
                               &e, sizeof e)); // who has no place for it is counted by the bus
}

static void note_change(nh_lamp_t *l, const struct nh_lamp_command *c, uint64_t now_ms)
{
    l->fresh.changed_by = c->origin;
    l->fresh.changed_ms = now_ms;
    snprintf(l->fresh.changed_who, sizeof l->fresh.changed_who, "%s", c->who);
}

static bool is_about_power(const struct nh_lamp_command *c)
{
    return c->kind == NH_LAMP_TOGGLE_POWER ||
           (c->kind == NH_LAMP_SET && (c->mask & NH_LAMP_F_POWER));
}

static void flash(nh_lamp_t *l, const struct nh_lamp_command *c, uint64_t now_ms)
{
    uint32_t ms = c->flash_ms < NH_LAMP__FLASH_MAX_MS ? c->flash_ms : NH_LAMP__FLASH_MAX_MS;
    nh_lock_acquire(&l->lock);
    l->wish.flash_end_ms = now_ms + ms;
    nh_lock_release(&l->lock);
}

static void apply(nh_lamp_t *l, struct nh_lamp_command *c, uint64_t now_ms)
{
    c->who[sizeof c->who - 1] = '\0';
    int result = nh_lamp__state_apply(&l->state, c, nh_lamp_palette_count(l));
    l->fresh.handled_count++;
    if (result > 0) {
        note_change(l, c, now_ms);
        uint32_t fade_ms = c->transition_ms < NH_LAMP__TRANSITION_MAX_MS
                               ? c->transition_ms
                               : NH_LAMP__TRANSITION_MAX_MS;
        nh_lamp__tell_render(l, fade_ms);
        nh_lamp__changed(l, now_ms);
    }
    // Also where it is no change: after a failure it tries again.
    if (result >= 0 && is_about_power(c))
        nh_lamp__power_want(&l->power, l->state.power, now_ms);
    if (result >= 0 && c->kind == NH_LAMP_FLASH)
        flash(l, c, now_ms);
    nh_lamp__publish(l);
    if (result > 0)
        tell_bus(l, NH_EVENT_LAMP_CHANGED, c, (uint32_t)result, now_ms);
    if (result >= 0 && c->kind == NH_LAMP_START_OTA)
        tell_bus(l, NH_EVENT_LAMP_OTA_START, c, 0, now_ms);
    if (c->done) {
        struct nh_lamp_snapshot after = l->fresh;
        c->done(c->ctx, result < 0 ? result : 0, &after);
    }
}

// As many as there may be: those that come meanwhile are the next turn's.
static void apply_queue(nh_lamp_t *l, uint64_t now_ms)
{
    struct nh_lamp_command c;
    for (uint32_t n = 0; n < l->cfg.queue_max && nh_queue_get(l->queue, &c, 0) == 0; n++)
        apply(l, &c, now_ms);
    struct nh_queue_info q;
    nh_queue_info(l->queue, &q);
    if (q.depth > 0 && l->cfg.loop)
        nh_loop_post(l->cfg.loop, &l->post);
}

// ---- the power sequence ------------------------------------------------------------------------

static int start_render(nh_lamp_t *l)
{
    const struct nh_task_config task = {.name = "render",
                                        .priority = 5,
                                        .chip_stack_bytes = RENDER_STACK_BYTES,
                                        .run = nh_lamp__render,
                                        .ctx = l};
    nh_lock_acquire(&l->lock);
    l->wish.is_told_to_stop = l->has_ended = false;
    nh_lock_release(&l->lock);
    return nh_task_start(l->cfg.sys, &task, &l->task);
}

static void tell_to_stop(nh_lamp_t *l, bool stop)
{
    nh_lock_acquire(&l->lock);
    l->wish.is_told_to_stop = stop;
    nh_lock_release(&l->lock);
    nh_notify_post(l->wake);
}

static int join(nh_lamp_t *l)
{
    NH_IGNORE(nh_task_join(l->task, NH_NEVER)); // has_ended was its last word
    l->task = NULL;
    return 0;
}

static int do_deed(nh_lamp_t *l, enum nh_lamp__deed deed)
{
    const struct nh_pixels *p = &l->cfg.pixels;
    switch (deed) {
    case NH_LAMP__DO_DATA_LOW:
        return p->data_low ? p->data_low(p->ctx) : 0;
    case NH_LAMP__DO_SWITCH_ON:
    case NH_LAMP__DO_SWITCH_OFF:
        return p->power ? p->power(p->ctx, deed == NH_LAMP__DO_SWITCH_ON) : 0;
    case NH_LAMP__DO_OPEN:
        return p->open ? p->open(p->ctx, l->pixel_count) : 0;
    case NH_LAMP__DO_CLOSE:
        if (p->close)
            p->close(p->ctx);
        return 0;
    case NH_LAMP__DO_START:
        return start_render(l);
    case NH_LAMP__DO_STOP:
    case NH_LAMP__DO_WITHDRAW:
        tell_to_stop(l, deed == NH_LAMP__DO_STOP);
        return 0;
    case NH_LAMP__DO_JOIN:
        return join(l);
    case NH_LAMP__DO_NOTHING:
        break;
    }
    return 0;
}

static bool has_ended(nh_lamp_t *l)
{
    nh_lock_acquire(&l->lock);
    bool ended = l->has_ended;
    nh_lock_release(&l->lock);
    return ended && l->task;
}

// The waits of the sequence begin when a deed is done, not when the turn began that it is of: a
// busy machine would make them shorter. A test's clock stands still meanwhile.
static uint64_t after_deed_ms(const nh_lamp_t *l, uint64_t now_ms)
{
    uint64_t after_ms = l->cfg.loop ? (nh_clock_us() + 999) / 1000 : now_ms;
    return after_ms > now_ms ? after_ms : now_ms;
}

static void power_turn(nh_lamp_t *l, uint64_t now_ms)
{
    bool had_failed = l->power.has_failed;
    if (has_ended(l))
        nh_lamp__power_ended(&l->power, now_ms);
    for (;;) {
        enum nh_lamp__deed deed = nh_lamp__power_next(&l->power, now_ms);
        if (deed == NH_LAMP__DO_NOTHING)
            break;
        int result = do_deed(l, deed);
        nh_lamp__power_done(&l->power, result, after_deed_ms(l, now_ms));
    }
    if (l->power.has_failed && !had_failed)
        NH_LOG_E("lamp", "power: %s: %s", l->power.why, nh_err_text(l->power.error));
    if (nh_lamp__power_state(&l->power) == l->fresh.power)
        return;
    nh_lamp__publish(l);
    tell_bus(l, NH_EVENT_LAMP_CHANGED, NULL, 0, now_ms);
}

// ---- turns -------------------------------------------------------------------------------------

static uint64_t next_due(void *ctx)
{
    nh_lamp_t *l = ctx;
    uint64_t power = nh_lamp__power_deadline(&l->power);
    uint64_t save = l->cfg.store ? nh_write_behind_next_deadline(&l->saving) : NH_NEVER;
    uint64_t live = l->live.is_begun ? l->live.end_ms : NH_NEVER;
    uint64_t next = power < save ? power : save;
    return live < next ? live : next;
}

uint64_t nh_lamp__turn(nh_lamp_t *l, uint64_t now_ms)
{
    apply_queue(l, now_ms);
    nh_lamp__live_turn(l, now_ms);
    power_turn(l, now_ms);
    if (l->cfg.store)
        NH_IGNORE(nh_write_behind_tick(&l->saving, now_ms)); // told, and tried again
    bool has_news = l->has_news;
    l->has_news = false;
    if (has_news && l->cfg.changed)
        l->cfg.changed(l->cfg.ctx);
    return next_due(l);
}

static void fire(void *ctx, uint64_t now_ms)
{
    (void)nh_lamp__turn(ctx, now_ms);
}

static void woken(void *ctx)
{
    (void)nh_lamp__turn(ctx, nh_clock_ms());
}

// ---- life --------------------------------------------------------------------------------------

static int take_config(nh_lamp_t *l, const struct nh_lamp_config *cfg)
{
    l->cfg = *cfg;
    l->cfg.pixels.destroy = NULL; // not ours until all is well
    l->cfg.width = cfg->width ? cfg->width : 16;
    l->cfg.height = cfg->height ? cfg->height : 48;
    l->cfg.fps = cfg->fps ? cfg->fps : 40;
    l->cfg.queue_max = cfg->queue_max ? cfg->queue_max : 16;
    l->cfg.seed = cfg->seed ? cfg->seed : nh_random_u32() | 1;
    l->clock_ms = nh_clock_ms;
    l->post = (nh_loop_post_t){.fn = woken, .ctx = l};
    l->deadline = (struct nh_loop_deadline){.next = next_due, .fire = fire, .ctx = l};
    l->pixel_count = (uint32_t)l->cfg.width * l->cfg.height;
    if (l->cfg.width > NH_FX_SIDE_MAX || l->cfg.height > NH_FX_SIDE_MAX ||
        l->cfg.fps < NH_LAMP_FPS_MIN || l->cfg.fps > NH_LAMP_FPS_MAX)
        return NH_ERR_RANGE;
    return 0;
}

static int make_saving(nh_lamp_t *l)
{
    const struct nh_write_behind_config cfg = {.delay_ms = l->cfg.save_delay_ms,
                                               .deadline_ms = l->cfg.save_deadline_ms,
                                               .flush = nh_lamp__save,
                                               .ctx = l};
    if (!l->cfg.store)
        return 0;
    l->kept = nh_mem_alloc_zero(l->cfg.mem, nh_lamp__kept_bytes(), NH_MEM_BULK);
    return l->kept ? nh_write_behind_init(&l->saving, &cfg) : NH_ERR_NOMEM;
}

static int make_parts(nh_lamp_t *l)
{
    size_t bytes = (size_t)l->pixel_count * sizeof(nh_px_t);
    int err = nh_lock_create(&l->lock);
    if (err == 0)
        err = nh_queue_create(l->cfg.mem, sizeof(struct nh_lamp_command), l->cfg.queue_max,
                              &l->queue);
    if (err == 0)
        err = nh_notify_create(l->cfg.mem, &l->wake);
    if (err == 0)
        err = nh_notify_create(l->cfg.mem, &l->ended);
    if (err == 0)
        err = make_saving(l);
    if (err == 0)
        err = nh_lamp__draw_make(l);
    if (err < 0)
        return err;
    l->front = nh_mem_alloc_zero(l->cfg.mem, bytes, NH_MEM_BULK);
    l->live.back = nh_mem_alloc_zero(l->cfg.mem, bytes, NH_MEM_BULK);
    l->preview.px = nh_mem_alloc_zero(l->cfg.mem, bytes, NH_MEM_BULK);
    return l->front && l->live.back && l->preview.px ? 0 : NH_ERR_NOMEM;
}

static void free_all(nh_lamp_t *l)
{
    nh_lamp__draw_free(l);
    nh_mem_free(l->cfg.mem, l->preview.px);
    nh_mem_free(l->cfg.mem, l->live.back);
    nh_mem_free(l->cfg.mem, l->front);
    nh_mem_free(l->cfg.mem, l->kept);
    nh_notify_destroy(l->ended);
    nh_notify_destroy(l->wake);
    nh_queue_destroy(l->queue);
    nh_lock_destroy(&l->lock);
    if (l->cfg.pixels.destroy)
        l->cfg.pixels.destroy(l->cfg.pixels.ctx);
    nh_mem_free(l->cfg.mem, l);
}

int nh_lamp__make(const struct nh_lamp_config *cfg, nh_lamp_t **out)
{
    *out = NULL;
    nh_lamp_t *l = nh_mem_alloc_zero(cfg->mem, sizeof *l, NH_MEM_BULK);
    if (!l)
        return NH_ERR_NOMEM;
    int err = take_config(l, cfg);
    if (err == 0)
        err = make_parts(l);
    if (err < 0) {
        free_all(l);
        return err;
    }
    l->cfg.pixels.destroy = cfg->pixels.destroy;
    nh_lamp__state_default(&l->state);
    if (l->cfg.store)
        nh_lamp__load(l);
    nh_lamp__power_init(&l->power);
    nh_lamp__tell_render(l, 0);
    nh_lamp__publish(l);
    *out = l;
    return 0;
}

int nh_lamp_create(const struct nh_lamp_config *cfg, nh_lamp_t **out)
{
    return nh_lamp__make(cfg, out);
}

int nh_lamp_output_add(nh_lamp_t *l, const struct nh_lamp_output *o)
{
    if (l->output_count == NH_LAMP__OUTPUT_MAX_COUNT)
        return NH_ERR_FULL;
    l->outputs[l->output_count++] = *o;
    return 0;
}

int nh_lamp_start(nh_lamp_t *l)
{
    int err = l->cfg.loop ? nh_loop_deadline_add(l->cfg.loop, &l->deadline) : 0;
    if (err < 0)
        return err;
    l->is_started = true;
    nh_lamp__power_want(&l->power, l->state.power, nh_clock_ms());
    if (l->cfg.loop)
        nh_loop_post(l->cfg.loop, &l->post);
    return 0;
}

static void cancel_queue(nh_lamp_t *l)
{
    struct nh_lamp_command c;
    while (nh_queue_get(l->queue, &c, 0) == 0)
        if (c.done) {
            struct nh_lamp_snapshot after = l->fresh;
            c.done(c.ctx, NH_ERR_CANCELLED, &after);
        }
}

// The loop does not turn any more: the sequence is made here, in its own time.
static void switch_off(nh_lamp_t *l)
{
    nh_lamp__power_want(&l->power, false, nh_clock_ms());
    for (;;) {
        power_turn(l, nh_clock_ms());
        if (l->power.step == NH_LAMP__IS_ON) // it hangs, and is asked again
            nh_lamp__power_want(&l->power, false, nh_clock_ms());
        else if (nh_lamp__power_is_dark(&l->power))
            return;
        uint64_t due = nh_lamp__power_deadline(&l->power), now = nh_clock_ms();
        NH_IGNORE(nh_notify_wait(l->ended, due == NH_NEVER || due < now ? 0 : due - now));
    }
}

void nh_lamp_destroy(nh_lamp_t *l)
{
    if (!l)
        return;
    if (l->is_started && l->cfg.loop) {
        nh_loop_deadline_remove(l->cfg.loop, &l->deadline);
        nh_loop_post_cancel(l->cfg.loop, &l->post);
    }
    cancel_queue(l);
    l->is_started = false;
    if (l->cfg.store)
        NH_IGNORE(nh_write_behind_stop(&l->saving, nh_clock_ms())); // told by nh_lamp__save()
    switch_off(l);
    if (l->cfg.loop)
        nh_loop_post_cancel(l->cfg.loop, &l->post); // of the render task that ended
    free_all(l);
}
