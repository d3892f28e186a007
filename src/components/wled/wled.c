// wled.c - the owner: requests into the lamp's commands, and what WLED has besides.

#include "components/wled/wled_private.h"

#include "core/base/log.h"

#include <string.h>

#define NIGHT_RETRY_MS 1000

static uint64_t now_ms(const nh_wled_t *w)
{
    return w->cfg.clock_ms();
}

static int64_t unix_s(const nh_wled_t *w)
{
    return w->cfg.clock_unix_ms ? w->cfg.clock_unix_ms() / 1000 : 0;
}

// ---- what is told ------------------------------------------------------------------------------

void nh_wled__now(nh_wled_t *w, struct nh_wled__now *now)
{
    uint64_t ms = now_ms(w);
    *now = (struct nh_wled__now){.facts = {.ip = ""}};
    nh_lamp_snapshot(w->cfg.lamp, &now->snapshot);
    nh_lamp_info(w->cfg.lamp, &now->info);
    if (w->cfg.facts)
        w->cfg.facts(w->cfg.ctx, &now->facts);
    now->view = (struct nh_wled_view){
        .lamp = &now->snapshot,
        .info = &now->info,
        .name = w->cfg.name,
        .version = w->cfg.version,
        .release = "nuthatch",
        .mac = w->cfg.mac,
        .ip = now->facts.ip,
        .palette_count = nh_lamp_palette_count(w->cfg.lamp),
        .sx = nh_wled_sx_told(now->snapshot.state.speed_pct, w->sx),
        .lor = w->cfg.override_set ? now->facts.lor : w->lor,
        .transition_ds = w->transition_ds,
        .preset = w->preset,
        .nl = {.is_on = w->night.is_on,
               .minutes = w->night.minutes,
               .mode = w->night.mode,
               .target = w->night.target,
               .remaining_s = nh_wled_night_remaining_s(&w->night, ms)},
        .udpn_send = now->facts.sync_send,
        .udpn_recv = now->facts.sync_receive,
        .is_pixels = w->px != NULL,
        .ws_count = w->info.client_count,
        .uptime_s = ms / 1000,
        .free_bytes = now->facts.free_bytes,
        .store_used_kb = now->facts.store_used_kb,
        .store_total_kb = now->facts.store_total_kb,
        .presets_unix_s = w->presets.changed_unix_s,
        .unix_s = unix_s(w),
    };
}

size_t nh_wled_xml(nh_wled_t *w, char *out)
{
    struct nh_wled__now now;
    nh_wled__now(w, &now);
    return nh_wled_write_xml(&now.view, out, NH_WLED_XML_MAX_BYTES);
}

// ---- commands that wait ------------------------------------------------------------------------

static void copy_fields(struct nh_lamp_state *to, const struct nh_lamp_state *from, uint32_t mask)
{
    to->effect_id = mask & NH_LAMP_F_EFFECT ? from->effect_id : to->effect_id;
    to->brightness = mask & NH_LAMP_F_BRIGHTNESS ? from->brightness : to->brightness;
    to->speed_pct = mask & NH_LAMP_F_SPEED ? from->speed_pct : to->speed_pct;
    to->paused = mask & NH_LAMP_F_PAUSED ? from->paused : to->paused;
    to->power = mask & NH_LAMP_F_POWER ? from->power : to->power;
    to->intensity = mask & NH_LAMP_F_INTENSITY ? from->intensity : to->intensity;
    to->palette = mask & NH_LAMP_F_PALETTE ? from->palette : to->palette;
    if (mask & NH_LAMP_F_COLORS)
        memcpy(to->color, from->color, sizeof to->color);
}

static struct nh_wled__call *free_call(nh_wled_t *w)
{
    for (size_t i = 0; i < NH_WLED_CALL_MAX_COUNT; i++)
        if (!w->calls[i].w)
            return &w->calls[i];
    return NULL;
}

static int save_preset(nh_wled_t *w, struct nh_wled_preset *p, const struct nh_lamp_state *s)
{
    nh_wled_preset_from(p, s);
    int err = nh_wled_presets_put(&w->presets, p, unix_s(w));
    if (err < 0) {
        NH_LOG_W("lamp", "preset %u is not kept: %s", p->id, nh_err_text(err));
        return err;
    }
    w->preset = p->id;
    w->preset_seq = s->seq;
    return 0;
}

static void on_done(void *ctx, int err, const struct nh_lamp_snapshot *after)
{
    struct nh_wled__call *call = ctx;
    nh_wled_t *w = call->w;
    struct nh_wled__call had = *call;
    call->w = NULL;
    w->waiting_count--;
    if (err == 0 && had.preset >= 0) {
        w->preset = had.preset;
        w->preset_seq = after->state.seq;
    }
    if (err == 0 && had.save.id)
        err = save_preset(w, &had.save, &after->state);
    if (had.done)
        had.done(had.ctx, err);
    nh_wled__push(w);
}

// Posts a command, for the caller of `call`, which is a free one.
static int post(nh_wled_t *w, struct nh_lamp_command *c, struct nh_wled__call *call)
{
    struct nh_lamp_snapshot s;
    if (w->waiting_count == 0) {
        nh_lamp_snapshot(w->cfg.lamp, &s);
        w->expected = s.state;
    }
    c->done = on_done;
    c->ctx = call;
    int err = nh_lamp_post(w->cfg.lamp, c);
    if (err < 0)
        return err;
    call->w = w;
    w->waiting_count++;
    copy_fields(&w->expected, &c->set, c->mask);
    return 0;
}

// What the lamp will be like when all that waits has been applied.
static struct nh_lamp_state state_of(const nh_wled_t *w)
{
    struct nh_lamp_snapshot s;
    if (w->waiting_count)
        return w->expected;
    nh_lamp_snapshot(w->cfg.lamp, &s);
    return s.state;
}

// ---- night light -------------------------------------------------------------------------------

static void arm_night(nh_wled_t *w, uint64_t due_ms)
{
    if (due_ms == NH_NEVER)
        nh_timer_cancel(w->cfg.sched, &w->night_timer);
    else if (nh_timer_arm(w->cfg.sched, &w->night_timer, due_ms, 0) < 0)
        NH_LOG_W("lamp", "the night light has no timer and stands still");
}

static int post_night(nh_wled_t *w, uint32_t mask, uint8_t brightness)
{
    struct nh_wled__call *call = free_call(w);
    struct nh_lamp_command c = {.kind = NH_LAMP_SET,
                                .mask = mask,
                                .set = {.brightness = brightness, .power = false},
                                .origin = NH_ORIGIN_WLED,
                                .transition_ms = NIGHT_RETRY_MS,
                                .who = "night light"};
    if (!call)
        return NH_ERR_FULL;
    *call = (struct nh_wled__call){.preset = -1};
    return post(w, &c, call);
}

// One step, or the end.
static void on_night(void *ctx, struct nh_timer *t, uint64_t now)
{
    nh_wled_t *w = ctx;
    (void)t;
    bool is_over = now >= w->night.end_ms, goes_off = is_over && w->night.target == 0;
    uint8_t brightness = nh_wled_night_brightness(&w->night, now);
    int err = post_night(w, goes_off ? NH_LAMP_F_POWER : NH_LAMP_F_BRIGHTNESS, brightness);
    if (err < 0) { // much waits: a moment later
        arm_night(w, now + NIGHT_RETRY_MS);
        return;
    }
    if (!goes_off)
        w->night_told = brightness;
    w->night_restores = goes_off;
    if (is_over)
        w->night.is_on = false;
    arm_night(w, nh_wled_night_next(&w->night, now));
    nh_wled__push(w);
}

// The night light as `r` wants it; a sunrise begins with a command of its own. False: as it was.
static bool plan_night(const nh_wled_t *w, const struct nh_wled_request *r,
                       struct nh_lamp_command *c, const struct nh_lamp_state *after,
                       nh_wled_night_t *n)
{
    *n = w->night;
    n->minutes = (uint8_t)nh_wled_number_of(&r->nl.minutes, n->minutes, 1, 255, 0);
    n->mode = (uint8_t)nh_wled_number_of(&r->nl.mode, n->mode, 0, 3, 0);
    n->target = (uint8_t)nh_wled_number_of(&r->nl.target, n->target, 0, 255, 0);
    if (!r->nl.on)
        return false;
    bool on = r->nl.on == NH_WLED_TOGGLE ? !n->is_on : r->nl.on == NH_WLED_ON;
    n->is_on = false;
    if (on && (after->power || n->mode == NH_WLED_NIGHT_SUNRISE))
        nh_wled_night_start(n, after->brightness, now_ms(w));
    if (n->is_on && n->mode == NH_WLED_NIGHT_SUNRISE) {
        c->mask |= NH_LAMP_F_POWER | NH_LAMP_F_BRIGHTNESS;
        c->set.power = true;
        c->set.brightness = n->from;
    }
    return true;
}

static void set_night(nh_wled_t *w, const nh_wled_night_t *n, bool is_other)
{
    w->night = *n;
    if (!is_other)
        return;
    w->night_told = n->from;
    w->night_restores = false;
    arm_night(w, nh_wled_night_next(n, now_ms(w)));
}

// Who switches the lamp off ends it; who sets another brightness goes on from there.
static void look_at_night(nh_wled_t *w, const struct nh_lamp_snapshot *s)
{
    if (w->night_restores && (s->power == NH_LAMP_OFF || s->state.power)) {
        w->night_restores = false;
        if (!s->state.power && post_night(w, NH_LAMP_F_BRIGHTNESS, w->night.before) < 0)
            NH_LOG_W("lamp", "after the night light the brightness stays at %u",
                     s->state.brightness);
    }
    if (!w->night.is_on || w->waiting_count)
        return;
    if (!s->state.power) {
        w->night.is_on = false;
    } else if (s->state.brightness != w->night_told) {
        nh_wled_night_rebase(&w->night, s->state.brightness, now_ms(w));
        w->night_told = s->state.brightness;
    } else {
        return;
    }
    arm_night(w, nh_wled_night_next(&w->night, now_ms(w)));
}

void nh_wled_lamp_changed(nh_wled_t *w)
{
    struct nh_lamp_snapshot s;
    nh_lamp_snapshot(w->cfg.lamp, &s);
    look_at_night(w, &s);
    if (w->waiting_count == 0 && s.state.seq != w->preset_seq)
        w->preset = -1;
    nh_wled__push(w);
}

// ---- a request ---------------------------------------------------------------------------------

static uint32_t draw(nh_wled_t *w)
{
    w->random = w->random * 1664525u + 1013904223u;
    return w->random;
}

// The preset that it is about: a number, or the next, the previous or any of those that are there.
static const struct nh_wled_preset *preset_of(nh_wled_t *w, const struct nh_wled_number *n)
{
    const nh_wled_presets_t *p = &w->presets;
    int32_t low = n->high ? n->low : 1, high = n->high ? n->high : NH_WLED_PRESET_MAX_ID;
    uint32_t first = 0, count = 0, now = UINT32_MAX;
    if (n->how == NH_WLED_SET || p->count == 0)
        return n->how == NH_WLED_SET ? nh_wled_presets_find(p, n->value) : NULL;
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->at[i].id < low || p->at[i].id > high)
            continue;
        first = count == 0 ? i : first;
        now = p->at[i].id == w->preset ? count : now;
        count++;
    }
    if (count == 0)
        return NULL;
    if (n->how == NH_WLED_RANDOM)
        return &p->at[first + (uint32_t)((uint64_t)draw(w) * count >> 32)];
    uint32_t next = now == UINT32_MAX ? 0 : (now + (n->value < 0 ? count - 1 : 1)) % count;
    return &p->at[first + next];
}

// What a request comes to, before anything is changed.
struct plan {
    struct nh_lamp_command c;
    struct nh_lamp_state after; // when it and all that waits has been applied
    nh_wled_night_t night;
    bool is_other_night;
    uint8_t sx;
};

static void plan_preset(nh_wled_t *w, const struct nh_wled_preset *p, struct plan *plan)
{
    nh_wled_preset_command(p, &plan->c);
    if (p->palette != NH_LAMP_PALETTE_AUTO &&
        p->palette >= nh_lamp_palette_count(w->cfg.lamp)) // one of one's own that is gone
        plan->c.mask &= ~(uint32_t)NH_LAMP_F_PALETTE;
    copy_fields(&plan->after, &plan->c.set, plan->c.mask);
}

static uint32_t transition_ms(const nh_wled_t *w, const struct nh_wled_request *r)
{
    return 100u * (uint32_t)nh_wled_number_of(&r->tt, (int32_t)w->transition_ds, 0, 65535, 0);
}

// A preset goes first, then what else is asked for.
static void make_plan(nh_wled_t *w, const struct nh_wled__ask *ask, const struct nh_wled_preset *p,
                      struct plan *plan)
{
    const struct nh_wled_request *r = ask->r;
    *plan = (struct plan){.c = {.kind = NH_LAMP_SET}, .after = state_of(w)};
    if (p)
        plan_preset(w, p, plan);
    const struct nh_wled_base base = {.state = &plan->after,
                                      .palette_count = nh_lamp_palette_count(w->cfg.lamp),
                                      .sx = nh_wled_sx_told(plan->after.speed_pct, w->sx),
                                      .random = draw(w)};
    struct nh_lamp_command more;
    // Of a random one the number is not kept: the speed tells as much.
    plan->sx = (uint8_t)nh_wled_number_of(&r->seg.sx, base.sx, 0, 255, 0);
    if (nh_wled_request_command(r, &base, &more)) {
        copy_fields(&plan->c.set, &more.set, more.mask);
        copy_fields(&plan->after, &more.set, more.mask);
        plan->c.mask |= more.mask;
    }
    plan->is_other_night = plan_night(w, r, &plan->c, &plan->after, &plan->night);
    plan->c.origin = ask->origin;
    plan->c.transition_ms = transition_ms(w, r);
}

static void set_own(nh_wled_t *w, const struct nh_wled_request *r)
{
    struct nh_wled_facts facts = {.ip = ""};
    w->transition_ds =
        (uint32_t)nh_wled_number_of(&r->transition, (int32_t)w->transition_ds, 0, 65535, 0);
    w->lor = (uint8_t)nh_wled_number_of(&r->lor, w->lor, 0, 2, 0);
    if (r->lor.how && w->cfg.override_set)
        w->cfg.override_set(w->cfg.ctx, w->lor);
    if ((!r->udpn_send && !r->udpn_recv) || !w->cfg.sync_set || !w->cfg.facts)
        return;
    w->cfg.facts(w->cfg.ctx, &facts);
    w->cfg.sync_set(w->cfg.ctx, r->udpn_send ? r->udpn_send == NH_WLED_ON : facts.sync_send,
                    r->udpn_recv ? r->udpn_recv == NH_WLED_ON : facts.sync_receive);
}

// The preset to save, its fields but the state; false: none.
static bool preset_to_save(const struct nh_wled_request *r, struct nh_wled_preset *p)
{
    int32_t id = r->save_preset.how == NH_WLED_SET ? r->save_preset.value : 0;
    if (id < 1 || id > NH_WLED_PRESET_MAX_ID)
        return false;
    p->id = (uint8_t)id;
    memcpy(p->name, r->name, sizeof p->name);
    memcpy(p->label, r->label, sizeof p->label);
    if (!p->name[0]) {
        memcpy(p->name, "Preset ", 8);
        size_t at = 7;
        for (int32_t d = id >= 100 ? 100 : id >= 10 ? 10 : 1; d; d /= 10)
            p->name[at++] = (char)('0' + id / d % 10);
    }
    return true;
}

// Gives what was removed in `*gone`, of id 0: nothing was.
static int remove_preset(nh_wled_t *w, const struct nh_wled_request *r, struct nh_wled_preset *gone)
{
    gone->id = 0;
    const struct nh_wled_preset *p = r->remove_preset.how == NH_WLED_SET
                                         ? nh_wled_presets_find(&w->presets, r->remove_preset.value)
                                         : NULL;
    if (!p) // or it is not there, as wanted
        return 0;
    struct nh_wled_preset had = *p;
    int err = nh_wled_presets_remove(&w->presets, had.id, unix_s(w));
    if (err == 0)
        *gone = had;
    return err;
}

// What the lamp has to take, or the store to keep.
static int post_plan(nh_wled_t *w, struct plan *plan, struct nh_wled__call *call, bool saves)
{
    if (plan->c.mask)
        return post(w, &plan->c, call);
    return saves ? save_preset(w, &call->save, &plan->after) : 0;
}

static void put_back(nh_wled_t *w, const struct nh_wled_preset *gone)
{
    int err = gone->id ? nh_wled_presets_put(&w->presets, gone, unix_s(w)) : 0;
    if (err < 0)
        NH_LOG_W("lamp", "preset %u is gone: %s", gone->id, nh_err_text(err));
}

// First all that may be refused and can be taken back, then the rest.
static int do_plan(nh_wled_t *w, const struct nh_wled__ask *ask, struct plan *plan,
                   struct nh_wled__call *call)
{
    bool saves = preset_to_save(ask->r, &call->save), had_canvas = nh_wled__has_canvas(w),
         had_pixels = w->px != NULL;
    struct nh_wled_preset gone = {0};
    struct nh_fx_canvas back;
    int err = nh_wled__paints(ask->r) ? nh_wled__take_canvas(w, &back) : 0;
    if (err < 0)
        return err;
    err = remove_preset(w, ask->r, &gone);
    if (err == 0)
        err = post_plan(w, plan, call, saves);
    if (err < 0) {
        put_back(w, &gone);
        if (nh_wled__paints(ask->r))
            nh_wled__give_canvas_back(w, had_canvas, had_pixels);
        return err;
    }
    if (nh_wled__paints(ask->r))
        nh_wled__show_pixels(w, ask, &back);
    else if (nh_wled__ends_pixels(ask->r))
        nh_wled__end_pixels(w);
    w->sx = plan->sx;
    set_night(w, &plan->night, plan->is_other_night);
    set_own(w, ask->r);
    return 0;
}

int nh_wled__ask(nh_wled_t *w, const struct nh_wled__ask *ask, struct nh_wled__call **out)
{
    struct nh_wled__call *call = free_call(w);
    const struct nh_wled_preset *p = ask->r->preset.how ? preset_of(w, &ask->r->preset) : NULL;
    struct plan plan;
    int err = NH_ERR_BUSY;
    *out = NULL;
    w->info.requests++;
    if (call) {
        *call = (struct nh_wled__call){
            .done = ask->done, .ctx = ask->ctx, .preset = p ? (int32_t)p->id : -1};
        make_plan(w, ask, p, &plan);
        err = do_plan(w, ask, &plan, call);
    }
    if (err < 0) {
        w->info.refused_requests++;
        return err;
    }
    nh_wled__push(w);
    *out = call->w ? call : NULL;
    return call->w ? 1 : 0;
}

int nh_wled_say(nh_wled_t *w, const char *text, size_t len, enum nh_origin origin)
{
    struct nh_wled_request r;
    struct nh_wled__call *call;
    const struct nh_wled__ask ask = {.r = &r, .text = text, .len = len, .origin = origin};
    if (len && text[0] == '{') {
        int err = nh_wled_request_read(text, len, &r);
        if (err < 0) {
            w->info.refused_requests++;
            return err;
        }
    } else {
        nh_wled_request_read_text(text, len, &r);
    }
    int err = nh_wled__ask(w, &ask, &call);
    return err < 0 ? err : 0;
}

// ---- life --------------------------------------------------------------------------------------

int nh_wled_create(const struct nh_wled_config *cfg, nh_wled_t **out)
{
    *out = NULL;
    uint32_t presets = cfg->preset_max_count ? cfg->preset_max_count : 32;
    if (presets > NH_WLED_PRESET_MAX_ID)
        return NH_ERR_RANGE;
    nh_wled_t *w = nh_mem_alloc_zero(cfg->mem, sizeof *w, NH_MEM_BULK);
    if (!w)
        return NH_ERR_NOMEM;
    w->cfg = *cfg;
    w->random = cfg->seed;
    w->transition_ds = cfg->transition_ms ? cfg->transition_ms / 100 : 7;
    w->sx = 128;
    w->preset = -1;
    nh_wled_night_init(&w->night);
    w->night_timer = (nh_timer_t){.fire = on_night, .ctx = w, .name = "night light"};
    int err = nh_wled_presets_init(&w->presets, cfg->mem, cfg->store, presets);
    if (err == 0)
        err = nh_wled__view_make(w);
    if (err < 0) {
        nh_wled_destroy(w);
        return err;
    }
    *out = w;
    return 0;
}

void nh_wled_destroy(nh_wled_t *w)
{
    if (!w)
        return;
    nh_timer_cancel(w->cfg.sched, &w->night_timer);
    nh_timer_cancel(w->cfg.sched, &w->live_timer);
    nh_wled_presets_deinit(&w->presets);
    nh_mem_free(w->cfg.mem, w->view.rgb);
    nh_mem_free(w->cfg.mem, w->view.piece);
    nh_mem_free(w->cfg.mem, w->px);
    nh_mem_free(w->cfg.mem, w);
}

void nh_wled_info(const nh_wled_t *w, struct nh_wled_info *out)
{
    *out = w->info;
    out->preset_count = w->presets.count;
}
