// radio_air.h - a lamp, a remote and the air between them, with a made-up clock: frames are lost,
// come twice, late and in another order, as told by a seed. Include after <cmocka.h>, once.

#ifndef NH_TEST_RADIO_AIR_H
#define NH_TEST_RADIO_AIR_H

#include <stdio.h>
#include <string.h>

#include "components/lamp_radio/radio_lamp.h"
#include "components/lamp_radio/radio_remote.h"
#include "core/mem/mem.h"
#include "support/rng.h"

#define AIR_FRAME_MAX 256
#define AIR_APPLIED_MAX 8192
#define AIR_KEPT_BYTES NH_RADIO_PEERS_BYTES(NH_RADIO_PEER_MAX_COUNT)

struct air_frame {
    uint64_t due_ms; // 0: free
    bool to_lamp;
    uint8_t channel;
    nh_radio_address_t to;
    uint8_t bytes[NH_RADIO_FRAME_MAX_BYTES];
    size_t len;
};

struct air_queued { // a command on its way through the lamp
    bool is_used;
    uint64_t due_ms;
    struct nh_lamp_command c;
};

struct air {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    struct rng rng;
    uint64_t now_ms;
    // How bad it is.
    uint32_t loss_pct, duplicate_pct, delay_max_ms, lamp_max_ms;
    int drop_nth; // of the frames sent from now on, counted down; 0: none
    uint64_t frame_count;
    struct air_frame frames[AIR_FRAME_MAX];
    // The lamp.
    nh_radio_lamp_t *lamp;
    uint8_t lamp_channel;
    struct nh_lamp_snapshot state;
    struct air_queued queue[NH_RADIO_PENDING_MAX_COUNT];
    struct nh_lamp_command applied[AIR_APPLIED_MAX];
    size_t applied_count, ota_count;
    uint16_t effect_count;
    uint8_t volume;
    uint32_t volume_seq;
    uint8_t lamp_kept[AIR_KEPT_BYTES];
    size_t lamp_kept_len, lamp_keep_count;
    int lamp_keep_err, command_err;
    // The remote.
    nh_radio_remote_t *remote;
    uint8_t remote_channel;
    uint8_t remote_kept[AIR_KEPT_BYTES];
    size_t remote_kept_len, remote_keep_count;
    int remote_keep_err;
    struct nh_radio_remote_event last[NH_RADIO_REMOTE_UNPAIRED + 1]; // of each kind
    struct nh_radio_state last_state;                                // of the last answer
    unsigned event_count[NH_RADIO_REMOTE_UNPAIRED + 1];
    // What was said, to be said again by somebody else.
    struct air_frame heard[64];
    size_t heard_count;
};

static const nh_radio_address_t air_lamp = {{0x02, 0x4E, 0x48, 0, 0, 1}};
static const nh_radio_address_t air_remote = {{0x02, 0x4E, 0x48, 0, 0, 2}};

// ---- the air -----------------------------------------------------------------------------------

static inline void air_put(struct air *a, bool to_lamp, uint8_t channel,
                           const nh_radio_address_t *to, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < AIR_FRAME_MAX; i++) {
        struct air_frame *f = &a->frames[i];
        if (f->due_ms)
            continue;
        *f = (struct air_frame){.due_ms = a->now_ms + 1 + rng_below(&a->rng, a->delay_max_ms + 1),
                                .to_lamp = to_lamp,
                                .channel = channel,
                                .to = *to,
                                .len = len};
        memcpy(f->bytes, bytes, len);
        return;
    }
    fail_msg("the air is full");
}

static inline void air_send(struct air *a, bool to_lamp, uint8_t channel,
                            const nh_radio_address_t *to, const uint8_t *bytes, size_t len)
{
    assert_in_range(len, NH_RADIO_HEAD_BYTES, NH_RADIO_FRAME_MAX_BYTES);
    a->frame_count++;
    if (a->heard_count < NH_ARRAY_LEN(a->heard)) {
        struct air_frame *h = &a->heard[a->heard_count++];
        *h = (struct air_frame){.to_lamp = to_lamp, .to = *to, .len = len};
        memcpy(h->bytes, bytes, len);
    }
    if (a->drop_nth > 0 && --a->drop_nth == 0)
        return;
    if (rng_below(&a->rng, 100) < a->loss_pct)
        return;
    air_put(a, to_lamp, channel, to, bytes, len);
    if (rng_below(&a->rng, 100) < a->duplicate_pct)
        air_put(a, to_lamp, channel, to, bytes, len);
}

static inline void air_from_lamp(void *ctx, const nh_radio_address_t *to, const uint8_t *bytes,
                                 size_t len)
{
    struct air *a = ctx;
    air_send(a, false, a->lamp_channel, to, bytes, len);
}

static inline void air_from_remote(void *ctx, const nh_radio_address_t *to, const uint8_t *bytes,
                                   size_t len)
{
    struct air *a = ctx;
    air_send(a, true, a->remote_channel, to, bytes, len);
}

static inline void air_deliver(struct air *a, struct air_frame *f)
{
    struct air_frame copy = *f;
    f->due_ms = 0;
    if (copy.to_lamp && a->lamp && copy.channel == a->lamp_channel)
        nh_radio_lamp_input(a->lamp, &air_remote, -50, copy.bytes, copy.len, a->now_ms);
    else if (!copy.to_lamp && a->remote && copy.channel == a->remote_channel)
        nh_radio_remote_input(a->remote, &air_lamp, -60, copy.bytes, copy.len, a->now_ms);
}

// ---- the lamp behind its radio -----------------------------------------------------------------

static inline int air_command(void *ctx, const struct nh_lamp_command *c)
{
    struct air *a = ctx;
    if (a->command_err < 0)
        return a->command_err;
    for (size_t i = 0; i < NH_ARRAY_LEN(a->queue); i++)
        if (!a->queue[i].is_used) {
            uint64_t due_ms = a->now_ms + 1 + rng_below(&a->rng, a->lamp_max_ms + 1);
            a->queue[i] = (struct air_queued){true, due_ms, *c};
            return 0;
        }
    return NH_ERR_FULL;
}

static inline void air_set(struct nh_lamp_state *s, const struct nh_lamp_command *c)
{
    const struct nh_lamp_state *v = &c->set;
    s->effect_id = c->mask & NH_LAMP_F_EFFECT ? v->effect_id : s->effect_id;
    s->brightness = c->mask & NH_LAMP_F_BRIGHTNESS ? v->brightness : s->brightness;
    s->speed_pct = c->mask & NH_LAMP_F_SPEED ? v->speed_pct : s->speed_pct;
    s->paused = c->mask & NH_LAMP_F_PAUSED ? v->paused : s->paused;
    s->power = c->mask & NH_LAMP_F_POWER ? v->power : s->power;
    s->intensity = c->mask & NH_LAMP_F_INTENSITY ? v->intensity : s->intensity;
    s->palette = c->mask & NH_LAMP_F_PALETTE ? v->palette : s->palette;
    s->overlay = c->mask & NH_LAMP_F_OVERLAY ? v->overlay : s->overlay;
    s->overlay_mode = c->mask & NH_LAMP_F_OVERLAY_MODE ? v->overlay_mode : s->overlay_mode;
    s->overlay_blend = c->mask & NH_LAMP_F_OVERLAY_BLEND ? v->overlay_blend : s->overlay_blend;
}

static inline void air_apply(struct air *a, const struct nh_lamp_command *c)
{
    int err = 0;
    if (c->kind == NH_LAMP_SET && c->mask & NH_LAMP_F_EFFECT && c->set.effect_id >> 8 != 0xEA)
        err = NH_ERR_NOT_FOUND;
    if (err == 0 && a->applied_count < AIR_APPLIED_MAX)
        a->applied[a->applied_count] = *c;
    a->applied_count += err == 0;
    a->ota_count += c->kind == NH_LAMP_START_OTA;
    if (err == 0 && c->kind == NH_LAMP_SET) {
        air_set(&a->state.state, c);
        a->state.state.seq++;
    }
    c->done(c->ctx, err, &a->state);
}

static inline void air_snapshot(void *ctx, struct nh_lamp_snapshot *out)
{
    *out = ((struct air *)ctx)->state;
}

static inline void air_effect(void *ctx, uint16_t index, struct nh_radio_record *out)
{
    (void)ctx;
    out->id = (uint16_t)(0xEA01 + index);
    snprintf(out->name, sizeof out->name, "EFFECT %u", (unsigned)index);
}

static inline void air_volume(void *ctx, const uint8_t *set, uint8_t *volume, uint32_t *seq)
{
    struct air *a = ctx;
    if (set && *set != a->volume) {
        a->volume = *set;
        a->volume_seq++;
    }
    *volume = a->volume;
    *seq = a->volume_seq;
}

static inline void air_ota(void *ctx, struct nh_radio_ota *out)
{
    (void)ctx;
    *out = (struct nh_radio_ota){.status = 1, .ttl_s = 300, .ssid = "LAMP", .password = "one time"};
}

static inline int air_keep_lamp(void *ctx, const uint8_t *bytes, size_t len)
{
    struct air *a = ctx;
    a->lamp_keep_count++;
    if (a->lamp_keep_err < 0)
        return a->lamp_keep_err;
    memcpy(a->lamp_kept, bytes, len);
    a->lamp_kept_len = len;
    return 0;
}

static inline int air_keep_remote(void *ctx, const uint8_t *bytes, size_t len)
{
    struct air *a = ctx;
    a->remote_keep_count++;
    if (a->remote_keep_err < 0)
        return a->remote_keep_err;
    memcpy(a->remote_kept, bytes, len);
    a->remote_kept_len = len;
    return 0;
}

// ---- both --------------------------------------------------------------------------------------

static inline void air_random(void *ctx, void *out, size_t len)
{
    rng_bytes(&((struct air *)ctx)->rng, out, len);
}

static inline uint64_t air_clock_us(void *ctx)
{
    return ((struct air *)ctx)->now_ms * 1000;
}

static inline void air_channel(void *ctx, uint8_t channel)
{
    ((struct air *)ctx)->remote_channel = channel;
}

static inline void air_event(void *ctx, const struct nh_radio_remote_event *e)
{
    struct air *a = ctx;
    a->event_count[e->kind]++;
    a->last[e->kind] = *e;
    if (e->state)
        a->last_state = *e->state;
}

static inline struct nh_radio_lamp_config air_lamp_config(struct air *a)
{
    return (struct nh_radio_lamp_config){.mem = a->mem,
                                         .address = air_lamp,
                                         .node = 111,
                                         .name = "Lamp",
                                         .effect_count = a->effect_count,
                                         .ctx = a,
                                         .effect = air_effect,
                                         .send = air_from_lamp,
                                         .command = air_command,
                                         .snapshot = air_snapshot,
                                         .volume = air_volume,
                                         .ota = air_ota,
                                         .keep = air_keep_lamp,
                                         .random = air_random,
                                         .clock_us = air_clock_us};
}

static inline struct nh_radio_remote_config air_remote_config(struct air *a)
{
    return (struct nh_radio_remote_config){.mem = a->mem,
                                           .address = air_remote,
                                           .node = 2,
                                           .name = "Sofa",
                                           .channel = a->remote_channel,
                                           .ctx = a,
                                           .send = air_from_remote,
                                           .channel_set = air_channel,
                                           .keep = air_keep_remote,
                                           .random = air_random,
                                           .clock_us = air_clock_us,
                                           .event = air_event};
}

static inline void air_lamp_start(struct air *a, bool allow_v1)
{
    struct nh_radio_lamp_config cfg = air_lamp_config(a);
    cfg.allow_v1 = allow_v1;
    assert_int_equal(nh_radio_lamp_create(&cfg, &a->lamp), 0);
    if (a->lamp_kept_len)
        assert_int_equal(nh_radio_lamp_load(a->lamp, a->lamp_kept, a->lamp_kept_len), 0);
}

static inline void air_remote_start(struct air *a)
{
    struct nh_radio_remote_config cfg = air_remote_config(a);
    assert_int_equal(nh_radio_remote_create(&cfg, &a->remote), 0);
    if (a->remote_kept_len)
        assert_int_equal(nh_radio_remote_load(a->remote, a->remote_kept, a->remote_kept_len), 0);
}

static inline void air_lamp_stop(struct air *a)
{
    for (size_t i = 0; i < NH_ARRAY_LEN(a->queue); i++) // as a lamp that ends
        if (a->queue[i].is_used) {
            a->queue[i].is_used = false;
            a->queue[i].c.done(a->queue[i].c.ctx, NH_ERR_CANCELLED, &a->state);
        }
    nh_radio_lamp_destroy(a->lamp);
    a->lamp = NULL;
}

static inline void air_remote_stop(struct air *a)
{
    nh_radio_remote_destroy(a->remote);
    a->remote = NULL;
}

static inline void air_init(struct air *a, uint64_t seed)
{
    static _Alignas(16) uint8_t internal[32 * 1024], psram[128 * 1024];
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    memset(a, 0, sizeof *a);
    a->rng.state = seed;
    a->now_ms = 1000;
    a->lamp_channel = a->remote_channel = 6;
    a->effect_count = 37;
    a->volume = 70;
    a->volume_seq = 1;
    a->state.state = (struct nh_lamp_state){
        .effect_id = 0xEA01, .brightness = 102, .speed_pct = 100, .power = true, .seq = 7};
    assert_int_equal(nh_mem_system_create(&cfg, &a->sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(a->sys, "radio", NULL, &a->mem), NH_OK);
}

static inline void air_leak(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes,
                            size_t blocks)
{
    (void)ctx;
    (void)tier;
    fail_msg("%s holds %u bytes in %u blocks", owner, (unsigned)bytes, (unsigned)blocks);
}

static inline void air_deinit(struct air *a)
{
    air_lamp_stop(a);
    air_remote_stop(a);
    nh_mem_fault_set(a->sys, NULL);
    assert_int_equal(nh_mem_system_destroy(a->sys, air_leak, NULL), 0);
}

// One millisecond: what is due happens, in an order that is not that of sending.
static inline void air_step(struct air *a)
{
    a->now_ms++;
    size_t start = rng_below(&a->rng, AIR_FRAME_MAX);
    for (size_t i = 0; i < AIR_FRAME_MAX; i++) {
        struct air_frame *f = &a->frames[(start + i) % AIR_FRAME_MAX];
        if (f->due_ms && f->due_ms <= a->now_ms)
            air_deliver(a, f);
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(a->queue); i++)
        if (a->queue[i].is_used && a->queue[i].due_ms <= a->now_ms) {
            a->queue[i].is_used = false;
            air_apply(a, &a->queue[i].c);
        }
    if (a->lamp && nh_radio_lamp_next_deadline(a->lamp) <= a->now_ms)
        nh_radio_lamp_tick(a->lamp, a->now_ms);
    if (a->remote && nh_radio_remote_next_deadline(a->remote) <= a->now_ms)
        nh_radio_remote_tick(a->remote, a->now_ms);
}

static inline void air_run(struct air *a, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i++)
        air_step(a);
}

// Until the remote has nothing to ask; false: it still has after `ms`.
static inline bool air_settle(struct air *a, uint64_t ms)
{
    for (uint64_t i = 0; i < ms && !nh_radio_remote_is_idle(a->remote); i++)
        air_step(a);
    return nh_radio_remote_is_idle(a->remote);
}

// Pairs both, whatever the air is like.
static inline void air_pair(struct air *a)
{
    unsigned codes = a->event_count[NH_RADIO_REMOTE_CODE];
    nh_radio_lamp_pair(a->lamp, 60, true, a->now_ms);
    nh_radio_remote_pair(a->remote, 60, a->now_ms);
    for (int i = 0; i < 30000 && a->event_count[NH_RADIO_REMOTE_CODE] == codes; i++)
        air_step(a);
    assert_int_equal(a->event_count[NH_RADIO_REMOTE_CODE], codes + 1);
    uint32_t code = a->last[NH_RADIO_REMOTE_CODE].code;
    nh_radio_remote_pair_agree(a->remote, true, a->now_ms);
    air_run(a, 700);
    assert_int_equal(nh_radio_lamp_pair_accept(a->lamp, code, a->now_ms), 0);
    for (int i = 0; i < 20000 && !nh_radio_remote_is_idle(a->remote); i++)
        air_step(a);
    assert_int_equal(a->event_count[NH_RADIO_REMOTE_UNPAIRED], 0);
}

#endif
