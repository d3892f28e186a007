// Commands of remotes: told once to the lamp, answered with the state after it. And pushes.

#include "components/lamp_radio/radio_lamp_state.h"

#include <string.h>

#define SILENT_MS 2000      // a remote of version 1 that was silent for longer may count anew
#define RESTART_LOW_SEQ 4   // or begins with these
#define RESTART_HIGH_SEQ 64 // after more than that many
#define PUSH_AGAIN_MS 1000
#define OTA_INFO_COUNT 3
#define VOLUME_MAX 100

static void state_of(const struct nh_lamp_snapshot *s, struct nh_radio_state *out)
{
    *out = (struct nh_radio_state){.effect_id = s->state.effect_id,
                                   .speed_pct = s->state.speed_pct,
                                   .state_seq = s->state.seq,
                                   .brightness = s->state.brightness,
                                   .is_paused = s->state.paused,
                                   .has_flags = true,
                                   .is_on = s->state.power,
                                   .has_more = true,
                                   .intensity = s->state.intensity,
                                   .palette = s->state.palette,
                                   .overlay = s->state.overlay,
                                   .overlay_mode = s->state.overlay_mode,
                                   .overlay_blend = s->state.overlay_blend};
}

// ---- what was heard before ---------------------------------------------------------------------

static struct nh_radio__heard *find(struct nh_radio__peer *p, uint32_t seq)
{
    for (size_t i = 0; i < NH_RADIO__HISTORY_COUNT; i++)
        if (p->history[i].is_used && p->history[i].seq == seq)
            return &p->history[i];
    return NULL;
}

// A remote of version 1 counts from 1 after each start. One of version 2 never counts back.
static bool is_restarted(const struct nh_radio__peer *p, uint32_t seq, uint64_t now_ms)
{
    if (p->record.kind != NH_RADIO_PEER_PLAIN || !p->has_seq)
        return false;
    bool is_silent = now_ms - p->heard_ms > SILENT_MS;
    return is_silent || (seq <= RESTART_LOW_SEQ && p->last_seq > RESTART_HIGH_SEQ);
}

static struct nh_radio__heard *remember(struct nh_radio__peer *p, uint32_t seq, uint8_t cmd)
{
    struct nh_radio__heard *h = &p->history[p->history_next];
    p->history_next = (p->history_next + 1) % NH_RADIO__HISTORY_COUNT;
    *h = (struct nh_radio__heard){.is_used = true, .is_pending = true, .seq = seq, .cmd = cmd};
    p->last_seq = seq;
    p->has_seq = true;
    return h;
}

// ---- answers -----------------------------------------------------------------------------------

static void send_ack(nh_radio_lamp_t *l, struct nh_radio__peer *p, uint32_t seq,
                     const struct nh_radio_state *s)
{
    struct nh_radio_frame f = {.head = {.type = NH_RADIO_ACK, .seq = seq}, .u.ack = *s};
    f.u.ack.has_more = s->has_more && p->record.kind == NH_RADIO_PEER_KEYED;
    nh_radio_lamp__send(l, p, &f);
    p->told_seq = s->state_seq;
    p->has_told = true;
}

static void send_audio(nh_radio_lamp_t *l, struct nh_radio__peer *p, uint32_t seq,
                       const uint8_t *set)
{
    struct nh_radio_frame f = {.head = {.type = NH_RADIO_HELLO, .seq = seq},
                               .u.hello = {.sub = NH_RADIO_AUDIO_STATE}};
    l->cfg.volume(l->cfg.ctx, set, &f.u.hello.volume, &f.u.hello.audio_seq);
    nh_radio_lamp__send(l, p, &f);
}

static void send_ota(nh_radio_lamp_t *l, struct nh_radio__peer *p, uint32_t seq)
{
    struct nh_radio_ota ota = {0};
    struct nh_radio_frame f = {.head = {.type = NH_RADIO_HELLO, .seq = seq},
                               .u.hello = {.sub = NH_RADIO_OTA_INFO}};
    l->cfg.ota(l->cfg.ctx, &ota);
    f.u.hello.status = ota.status;
    f.u.hello.ttl_s = ota.ttl_s;
    memcpy(f.u.hello.ssid, ota.ssid, sizeof f.u.hello.ssid);
    memcpy(f.u.hello.password, ota.password, sizeof f.u.hello.password);
    nh_radio_lamp__send(l, p, &f);
}

// The same answer again.
static void repeat(nh_radio_lamp_t *l, struct nh_radio__peer *p, const struct nh_radio__heard *h)
{
    bool is_audio = h->cmd == NH_RADIO_SET_AUDIO_VOLUME || h->cmd == NH_RADIO_GET_AUDIO_STATE;
    l->info.repeat_count++;
    p->repeat_count++;
    if (h->is_pending)
        return; // its answer is on the way
    if (is_audio)
        send_audio(l, p, h->seq, NULL);
    if (h->cmd == NH_RADIO_OTA_START && !h->ack.is_rejected)
        send_ota(l, p, h->seq);
    send_ack(l, p, h->seq, &h->ack);
}

static void answer(nh_radio_lamp_t *l, struct nh_radio__peer *p, struct nh_radio__heard *h,
                   const struct nh_lamp_snapshot *after, uint8_t result)
{
    state_of(after, &h->ack);
    h->ack.result = result;
    h->ack.is_rejected = result != NH_RADIO_OK;
    h->is_pending = false;
    p->rejected_count += h->ack.is_rejected;
    send_ack(l, p, h->seq, &h->ack);
}

static void answer_now(nh_radio_lamp_t *l, struct nh_radio__peer *p, struct nh_radio__heard *h,
                       uint8_t result)
{
    struct nh_lamp_snapshot s;
    l->cfg.snapshot(l->cfg.ctx, &s);
    answer(l, p, h, &s, result);
}

// ---- through the lamp --------------------------------------------------------------------------

static uint8_t result_of(int err)
{
    switch (err) {
    case NH_OK:
        return NH_RADIO_OK;
    case NH_ERR_NOT_FOUND:
        return NH_RADIO_UNKNOWN_VALUE;
    case NH_ERR_FULL:
    case NH_ERR_NOMEM:
        return NH_RADIO_BUSY;
    default:
        return NH_RADIO_FAILED;
    }
}

static void note_latency(nh_radio_lamp_t *l, struct nh_radio__peer *p, uint64_t started_us)
{
    uint64_t us = l->cfg.clock_us(l->cfg.ctx) - started_us;
    p->latency_us[p->latency_count++ % NH_RADIO__LATENCY_COUNT] =
        us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static void done(void *ctx, int err, const struct nh_lamp_snapshot *after)
{
    struct nh_radio__pending *slot = ctx;
    nh_radio_lamp_t *l = slot->lamp;
    slot->is_used = false;
    struct nh_radio__peer *p = nh_radio_lamp__peer(l, &slot->from, slot->node);
    struct nh_radio__heard *h = p ? find(p, slot->seq) : NULL;
    l->info.applied_count += err == 0;
    if (!h || !h->is_pending || err == NH_ERR_CANCELLED) // not paired any more; the lamp ends
        return;
    for (int i = 0; err == 0 && h->cmd == NH_RADIO_OTA_START && i < OTA_INFO_COUNT; i++)
        send_ota(l, p, h->seq);
    answer(l, p, h, after, result_of(err));
    note_latency(l, p, slot->started_us);
}

static struct nh_radio__pending *free_slot(nh_radio_lamp_t *l)
{
    for (size_t i = 0; i < NH_RADIO_PENDING_MAX_COUNT; i++)
        if (!l->pending[i].is_used)
            return &l->pending[i];
    return NULL;
}

static void set_overlay(struct nh_lamp_command *c, uint16_t value)
{
    c->mask = (value & NH_RADIO_OVERLAY_HAS_SHOWN ? NH_LAMP_F_OVERLAY : 0u) |
              (value & NH_RADIO_OVERLAY_HAS_MODE ? NH_LAMP_F_OVERLAY_MODE : 0u) |
              (value & NH_RADIO_OVERLAY_HAS_BLEND ? NH_LAMP_F_OVERLAY_BLEND : 0u);
    c->set.overlay = value & NH_RADIO_OVERLAY_SHOWN;
    c->set.overlay_mode = value >> NH_RADIO_OVERLAY_SHIFT_MODE & 3;
    c->set.overlay_blend = value >> NH_RADIO_OVERLAY_SHIFT_BLEND & 3;
}

static uint8_t byte_of(uint16_t value)
{
    return value < UINT8_MAX ? (uint8_t)value : UINT8_MAX;
}

// False: not in this version.
static bool set_more(const struct nh_radio_ctrl *ctrl, bool is_keyed, struct nh_lamp_command *c)
{
    if (!is_keyed)
        return false;
    if (ctrl->cmd == NH_RADIO_SET_OVERLAY) {
        set_overlay(c, ctrl->value);
        return true;
    }
    c->mask = ctrl->cmd == NH_RADIO_SET_INTENSITY ? NH_LAMP_F_INTENSITY : NH_LAMP_F_PALETTE;
    c->set.intensity = c->set.palette = byte_of(ctrl->value);
    return ctrl->cmd == NH_RADIO_SET_INTENSITY || ctrl->cmd == NH_RADIO_SET_PALETTE;
}

static bool translate(const struct nh_radio_ctrl *ctrl, bool is_keyed, struct nh_lamp_command *c)
{
    switch (ctrl->cmd) {
    case NH_RADIO_POWER:
        c->mask = NH_LAMP_F_POWER;
        c->set.power = ctrl->value != 0;
        return true;
    case NH_RADIO_SET_ANIM:
        c->mask = NH_LAMP_F_EFFECT;
        c->set.effect_id = ctrl->value;
        return true;
    case NH_RADIO_SET_PAUSE:
        c->mask = NH_LAMP_F_PAUSED;
        c->set.paused = ctrl->value != 0;
        return true;
    case NH_RADIO_SET_BRIGHT:
        c->mask = NH_LAMP_F_BRIGHTNESS;
        c->set.brightness = byte_of(ctrl->value);
        return true;
    case NH_RADIO_SET_SPEED_PCT:
        c->mask = NH_LAMP_F_SPEED;
        c->set.speed_pct = ctrl->value;
        return true;
    case NH_RADIO_OTA_START:
        c->kind = NH_LAMP_START_OTA;
        return true;
    default:
        return set_more(ctrl, is_keyed, c);
    }
}

static void submit(nh_radio_lamp_t *l, struct nh_radio__peer *p, struct nh_radio__heard *h,
                   struct nh_lamp_command *c)
{
    struct nh_radio__pending *slot = free_slot(l);
    if (!slot) {
        l->info.busy_count++;
        answer_now(l, p, h, NH_RADIO_BUSY);
        return;
    }
    slot->is_used = true;
    slot->from = p->record.address;
    slot->node = p->record.node;
    slot->seq = h->seq;
    slot->started_us = l->cfg.clock_us(l->cfg.ctx);
    c->origin = NH_ORIGIN_RADIO;
    memcpy(c->who, p->record.name, sizeof p->record.name);
    c->done = done;
    c->ctx = slot;
    int err = l->cfg.command(l->cfg.ctx, c);
    if (err == 0)
        return;
    slot->is_used = false;
    l->info.busy_count += err == NH_ERR_FULL;
    answer_now(l, p, h, result_of(err));
}

static bool acts_while_off(uint8_t cmd)
{
    return cmd == NH_RADIO_POWER || (cmd >= NH_RADIO_OTA_START && cmd <= NH_RADIO_GET_AUDIO_STATE);
}

static void volume(nh_radio_lamp_t *l, struct nh_radio__peer *p, struct nh_radio__heard *h,
                   uint16_t value)
{
    uint8_t set = value < VOLUME_MAX ? (uint8_t)value : VOLUME_MAX;
    send_audio(l, p, h->seq, h->cmd == NH_RADIO_SET_AUDIO_VOLUME ? &set : NULL);
    answer_now(l, p, h, NH_RADIO_OK);
}

static void execute(nh_radio_lamp_t *l, struct nh_radio__peer *p, struct nh_radio__heard *h,
                    const struct nh_radio_ctrl *ctrl)
{
    struct nh_lamp_snapshot now;
    struct nh_lamp_command c = {.kind = NH_LAMP_SET};
    bool is_keyed = p->record.kind == NH_RADIO_PEER_KEYED;
    l->cfg.snapshot(l->cfg.ctx, &now);
    if (ctrl->cmd == NH_RADIO_SET_AUDIO_VOLUME || ctrl->cmd == NH_RADIO_GET_AUDIO_STATE)
        volume(l, p, h, ctrl->value);
    else if (!translate(ctrl, is_keyed, &c))
        answer(l, p, h, &now, NH_RADIO_UNKNOWN_COMMAND);
    else if (!now.state.power && !acts_while_off(ctrl->cmd))
        answer(l, p, h, &now, NH_RADIO_IS_OFF);
    else
        submit(l, p, h, &c);
}

void nh_radio_lamp__ctrl(nh_radio_lamp_t *l, struct nh_radio__peer *p,
                         const struct nh_radio_frame *f, uint64_t now_ms)
{
    uint32_t seq = f->head.seq;
    if (is_restarted(p, seq, now_ms)) {
        memset(p->history, 0, sizeof p->history);
        p->has_seq = false;
    }
    struct nh_radio__heard *h = find(p, seq);
    if (h) {
        repeat(l, p, h);
        return;
    }
    l->info.command_count++;
    p->command_count++;
    if (p->has_seq && (int32_t)(seq - p->last_seq) < 0) { // overtaken by more than we remember
        struct nh_radio__heard stale = {.seq = seq, .cmd = f->u.ctrl.cmd};
        answer_now(l, p, &stale, NH_RADIO_STALE);
        return;
    }
    execute(l, p, remember(p, seq, f->u.ctrl.cmd), &f->u.ctrl);
}

// ---- pushes ------------------------------------------------------------------------------------

void nh_radio_lamp_state_changed(nh_radio_lamp_t *l, uint64_t now_ms)
{
    uint64_t due_ms = l->pushed_ms ? nh_ms_after(l->pushed_ms, l->cfg.push_interval_ms) : now_ms;
    if (l->peer_count == 0)
        return;
    for (size_t i = 0; i < l->peer_count; i++)
        l->peers[i].push_left = 2;
    due_ms = due_ms > now_ms ? due_ms : now_ms;
    l->push_ms = due_ms < l->push_ms ? due_ms : l->push_ms;
}

void nh_radio_lamp__push(nh_radio_lamp_t *l, uint64_t now_ms)
{
    struct nh_lamp_snapshot s;
    struct nh_radio_state state;
    bool is_left = false;
    l->cfg.snapshot(l->cfg.ctx, &s);
    state_of(&s, &state);
    for (size_t i = 0; i < l->peer_count; i++) {
        struct nh_radio__peer *p = &l->peers[i];
        struct nh_radio_frame f = {.head = {.type = NH_RADIO_ACK}, .u.ack = state};
        // Who was told by an answer, which is asked for until it comes, knows it already.
        bool is_told = p->has_told && p->told_seq == state.state_seq;
        if (p->push_left == 0 || is_told) {
            p->push_left = 0;
            continue;
        }
        f.u.ack.has_more = p->record.kind == NH_RADIO_PEER_KEYED;
        nh_radio_lamp__send(l, p, &f);
        l->info.push_count++;
        is_left |= --p->push_left > 0;
    }
    l->pushed_ms = now_ms;
    l->push_ms = is_left ? nh_ms_after(now_ms, PUSH_AGAIN_MS) : NH_NEVER;
}
