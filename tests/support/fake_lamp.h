// fake_lamp.h - a lamp without tasks behind lamp.h: commands wait until fake_lamp_run(), states are
// applied as they say. For one test program; include it once, after <cmocka.h>.

#ifndef NH_TEST_FAKE_LAMP_H
#define NH_TEST_FAKE_LAMP_H

#include <string.h>

#include "components/lamp/lamp.h"

#define FAKE_LAMP_WIDTH 16
#define FAKE_LAMP_HEIGHT 48
#define FAKE_LAMP_QUEUE_MAX 16

static struct {
    struct nh_lamp_snapshot snapshot;
    struct nh_lamp_info info;
    struct nh_lamp_command queue[FAKE_LAMP_QUEUE_MAX];
    size_t count;
    bool is_full; // the queue takes none
    uint32_t flash_ms;
    char who[24]; // of the last command
    uint32_t last_transition_ms;
    void (*changed)(void *ctx);
    void *ctx;
    bool is_live;
    int begin_error;
    nh_px_t back[FAKE_LAMP_WIDTH * FAKE_LAMP_HEIGHT], shown[FAKE_LAMP_WIDTH * FAKE_LAMP_HEIGHT];
} fake_lamp;

static void fake_lamp_reset(void)
{
    memset(&fake_lamp, 0, sizeof fake_lamp);
    fake_lamp.snapshot = (struct nh_lamp_snapshot){.state = {.effect_id = nh_fx_visible(0)->id,
                                                             .brightness = 102,
                                                             .speed_pct = 100,
                                                             .power = true,
                                                             .intensity = 128,
                                                             .palette = NH_LAMP_PALETTE_AUTO,
                                                             .color = {0xFF8800, 0, 0x0000FF},
                                                             .seq = 7},
                                                   .power = NH_LAMP_ON};
    fake_lamp.info = (struct nh_lamp_info){.width = FAKE_LAMP_WIDTH,
                                           .height = FAKE_LAMP_HEIGHT,
                                           .pixel_count = FAKE_LAMP_WIDTH * FAKE_LAMP_HEIGHT,
                                           .fps_x10 = 400,
                                           .estimate_ma = 1250};
}

static void fake_lamp_tell(void)
{
    fake_lamp.snapshot.version++;
    if (fake_lamp.changed)
        fake_lamp.changed(fake_lamp.ctx);
}

static bool fake_lamp_is_same(const struct nh_lamp_state *a, const struct nh_lamp_state *b)
{
    return a->effect_id == b->effect_id && a->brightness == b->brightness &&
           a->speed_pct == b->speed_pct && a->paused == b->paused && a->power == b->power &&
           a->intensity == b->intensity && a->palette == b->palette && a->overlay == b->overlay &&
           a->color[0] == b->color[0] && a->color[1] == b->color[1] && a->color[2] == b->color[2];
}

static int fake_lamp_set(const struct nh_lamp_command *c)
{
    struct nh_lamp_state *s = &fake_lamp.snapshot.state, old = *s;
    uint32_t m = c->mask;
    if ((m & NH_LAMP_F_EFFECT) && !nh_fx_find(c->set.effect_id))
        return NH_ERR_NOT_FOUND;
    s->effect_id = m & NH_LAMP_F_EFFECT ? c->set.effect_id : s->effect_id;
    s->brightness = m & NH_LAMP_F_BRIGHTNESS ? c->set.brightness : s->brightness;
    s->speed_pct = m & NH_LAMP_F_SPEED ? c->set.speed_pct : s->speed_pct;
    s->paused = m & NH_LAMP_F_PAUSED ? c->set.paused : s->paused;
    s->power = m & NH_LAMP_F_POWER ? c->set.power : s->power;
    s->intensity = m & NH_LAMP_F_INTENSITY ? c->set.intensity : s->intensity;
    s->palette = m & NH_LAMP_F_PALETTE ? c->set.palette : s->palette;
    s->overlay = m & NH_LAMP_F_OVERLAY ? c->set.overlay : s->overlay;
    if (m & NH_LAMP_F_COLORS)
        memcpy(s->color, c->set.color, sizeof s->color);
    if (m & NH_LAMP_F_COLOR_1)
        s->color[0] = c->set.color[0];
    fake_lamp.snapshot.power = s->power ? NH_LAMP_ON : NH_LAMP_OFF;
    fake_lamp.snapshot.changed_by = c->origin;
    s->seq += !fake_lamp_is_same(&old, s);
    return 0;
}

static int fake_lamp_apply(const struct nh_lamp_command *c)
{
    struct nh_lamp_state *s = &fake_lamp.snapshot.state;
    uint16_t effect = s->effect_id;
    switch (c->kind) {
    case NH_LAMP_SET:
        return fake_lamp_set(c);
    case NH_LAMP_NEXT_EFFECT:
        s->effect_id = nh_fx_next(effect);
        break;
    case NH_LAMP_PREVIOUS_EFFECT:
        s->effect_id = nh_fx_previous(effect);
        break;
    case NH_LAMP_TOGGLE_POWER:
        s->power = !s->power;
        break;
    case NH_LAMP_FLASH:
        fake_lamp.flash_ms = c->flash_ms;
        return 0;
    default:
        break;
    }
    s->seq++;
    return 0;
}

// Applies what waits and answers it.
static void fake_lamp_run(void)
{
    while (fake_lamp.count) {
        struct nh_lamp_command c = fake_lamp.queue[0];
        fake_lamp.count--;
        memmove(fake_lamp.queue, fake_lamp.queue + 1, fake_lamp.count * sizeof c);
        int err = fake_lamp_apply(&c);
        fake_lamp.last_transition_ms = c.transition_ms;
        memcpy(fake_lamp.who, c.who, sizeof c.who);
        if (c.done)
            c.done(c.ctx, err, &fake_lamp.snapshot);
        fake_lamp_tell();
    }
}

// As if somebody else had set it.
static NH_UNUSED void fake_lamp_other(uint32_t mask, const struct nh_lamp_state *set)
{
    struct nh_lamp_command c = {
        .kind = NH_LAMP_SET, .mask = mask, .set = *set, .origin = NH_ORIGIN_BUTTON};
    assert_int_equal(fake_lamp_apply(&c), 0);
    fake_lamp_tell();
}

// ---- lamp.h: reading is not played; the command that it gives is a wish of the test

static NH_UNUSED struct {
    char text[128];
    int err;
    struct nh_lamp_command command;
    int32_t angle_deg;
} fake_lamp_read;

int nh_lamp_command_read(const nh_lamp_t *l, const char *json, size_t len,
                         struct nh_lamp_command *out, int32_t *angle_deg, nh_finding_fn finding,
                         void *ctx)
{
    (void)l;
    memset(fake_lamp_read.text, 0, sizeof fake_lamp_read.text);
    memcpy(fake_lamp_read.text, json, len < 127 ? len : 127);
    *out = fake_lamp_read.command;
    *angle_deg = fake_lamp_read.angle_deg;
    if (fake_lamp_read.err)
        finding(ctx, &(struct nh_finding){.code = fake_lamp_read.err, .text = "is wrong"});
    return fake_lamp_read.err;
}

void nh_lamp_direction(nh_lamp_t *l, uint32_t angle_deg)
{
    (void)l;
    fake_lamp_read.angle_deg = -(int32_t)angle_deg; // it was told
}

int nh_lamp_post(nh_lamp_t *l, const struct nh_lamp_command *c)
{
    (void)l;
    if (fake_lamp.count == FAKE_LAMP_QUEUE_MAX || fake_lamp.is_full)
        return NH_ERR_FULL;
    fake_lamp.queue[fake_lamp.count++] = *c;
    return 0;
}

void nh_lamp_snapshot(nh_lamp_t *l, struct nh_lamp_snapshot *out)
{
    (void)l;
    *out = fake_lamp.snapshot;
}

void nh_lamp_info(nh_lamp_t *l, struct nh_lamp_info *out)
{
    (void)l;
    *out = fake_lamp.info;
}

uint16_t nh_lamp_palette_count(const nh_lamp_t *l)
{
    (void)l;
    return nh_fx_palette_count;
}

const struct nh_fx_palette *nh_lamp_palette_at(const nh_lamp_t *l, uint16_t index)
{
    (void)l;
    return index < nh_fx_palette_count ? &nh_fx_palettes[index] : NULL;
}

int nh_lamp_live_begin(nh_lamp_t *l, const struct nh_lamp_live_source *s, uint64_t now_ms,
                       struct nh_fx_canvas *back)
{
    (void)l;
    (void)now_ms;
    if (fake_lamp.begin_error)
        return fake_lamp.begin_error;
    fake_lamp.is_live = true;
    fake_lamp.info.live_protocol = s->protocol;
    *back = (struct nh_fx_canvas){FAKE_LAMP_WIDTH, FAKE_LAMP_HEIGHT, fake_lamp.back};
    return 0;
}

void nh_lamp_live_commit(nh_lamp_t *l, uint64_t now_ms)
{
    (void)l;
    (void)now_ms;
    memcpy(fake_lamp.shown, fake_lamp.back, sizeof fake_lamp.shown);
}

void nh_lamp_live_end(nh_lamp_t *l)
{
    (void)l;
    fake_lamp.is_live = false;
    fake_lamp.info.live_protocol = NULL;
}

#endif
