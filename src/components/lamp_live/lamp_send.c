#include "components/lamp_live/lamp_send.h"

#include "components/lamp_live/lamp_artnet.h"
#include "components/lamp_live/lamp_ddp.h"
#include "components/lamp_live/lamp_e131.h"

#include <stdio.h>
#include <string.h>

const char *const nh_lamp_send_protocol_names[] = {"ddp", "e131", "artnet", NULL};

#define US_PER_S 1000000
#define END_COUNT 3 // E1.31 says three times that it ends

struct target {
    struct nh_lamp_send_target_info info;
    uint64_t next_us;
    uint8_t sequence;
};

struct nh_lamp_sender {
    struct nh_lamp_sender_config cfg;
    char name[NH_LAMP__E131_NAME_BYTES];
    uint32_t target_count;
    struct target target[NH_LAMP_SEND_TARGET_MAX_COUNT];
    // Under the lock: which buffer render writes to, whether it holds a frame not yet taken.
    uint8_t *buffer[2];
    uint32_t back;
    bool has_frame;
    struct nh_lamp_sender_info info;
    // The loop's.
    uint64_t newest_us; // when a frame was sent
    bool is_sending;
};

// ---- life
// ---------------------------------------------------------------------------------------

static const struct {
    uint16_t port;
    uint32_t pixels; // of a packet
    uint32_t universe_max;
} kinds[] = {
    [NH_LAMP_SEND_DDP] = {NH_LAMP__DDP_PORT, NH_LAMP__DDP_DATA_MAX_BYTES / 3, UINT16_MAX},
    [NH_LAMP_SEND_E131] = {NH_LAMP__E131_PORT, 170, NH_LAMP__E131_UNIVERSE_MAX},
    [NH_LAMP_SEND_ARTNET] = {NH_LAMP__ARTNET_PORT, 170, NH_LAMP__ARTNET_ADDRESS_MAX},
};

static int target_init(struct target *t, const struct nh_lamp_send_target *cfg,
                       uint32_t pixel_count)
{
    struct nh_lamp_send_target *c = &t->info.target;
    *c = *cfg;
    if (c->start >= pixel_count)
        return NH_ERR_RANGE;
    if (c->count == 0 || c->count > pixel_count - c->start)
        c->count = pixel_count - c->start;
    if (c->protocol == NH_LAMP_SEND_E131 && c->universe == 0)
        c->universe = 1;
    c->port = c->port ? c->port : kinds[c->protocol].port;
    t->info.packets_each = (c->count + kinds[c->protocol].pixels - 1) / kinds[c->protocol].pixels;
    return c->universe + t->info.packets_each - 1 > kinds[c->protocol].universe_max ? NH_ERR_RANGE
                                                                                    : 0;
}

int nh_lamp_sender_create(const struct nh_lamp_sender_config *cfg, uint32_t *bad,
                          nh_lamp_sender_t **out)
{
    size_t bytes = (size_t)cfg->pixel_count * 3;
    *out = NULL;
    *bad = 0;
    nh_lamp_sender_t *s = nh_mem_alloc_zero(cfg->mem, sizeof *s, NH_MEM_BULK);
    if (!s)
        return NH_ERR_NOMEM;
    s->cfg = *cfg;
    s->target_count = cfg->target_count;
    snprintf(s->name, sizeof s->name, "%s", cfg->name);
    int err = 0;
    for (uint32_t i = 0; i < cfg->target_count && err == 0; i++) {
        *bad = i;
        err = target_init(&s->target[i], &cfg->targets[i], cfg->pixel_count);
    }
    for (size_t i = 0; i < 2 && err == 0; i++) {
        s->buffer[i] = nh_mem_alloc_zero(cfg->mem, bytes, NH_MEM_BULK);
        err = s->buffer[i] ? 0 : NH_ERR_NOMEM;
    }
    if (err < 0) {
        nh_lamp_sender_destroy(s);
        return err;
    }
    *out = s;
    return 0;
}

void nh_lamp_sender_destroy(nh_lamp_sender_t *s)
{
    if (!s)
        return;
    nh_mem_t *mem = s->cfg.mem;
    nh_mem_free(mem, s->buffer[0]);
    nh_mem_free(mem, s->buffer[1]);
    nh_mem_free(mem, s);
}

// ---- packets
// ---------------------------------------------------------------------------------------

static void send_one(nh_lamp_sender_t *s, struct target *t, const char *address,
                     const uint8_t *bytes, size_t len)
{
    int err = s->cfg.send(s->cfg.ctx, address, (uint16_t)t->info.target.port, bytes, len);
    if (err < 0) {
        t->info.failed_count++;
        t->info.error = err;
        return;
    }
    t->info.packet_count++;
    t->info.byte_count += len;
}

static void send_ddp(nh_lamp_sender_t *s, struct target *t, const uint8_t *rgb)
{
    uint8_t out[NH_LAMP__DDP_PACKET_MAX_BYTES];
    size_t left = (size_t)t->info.target.count * 3, at = 0;
    while (left > 0) {
        size_t len = left < NH_LAMP__DDP_DATA_MAX_BYTES ? left : NH_LAMP__DDP_DATA_MAX_BYTES;
        t->sequence = nh_lamp__ddp_next(t->sequence);
        const struct nh_lamp__ddp_packet p = {.sequence = t->sequence,
                                              .pixel_bytes = 3,
                                              .is_push = len == left,
                                              .offset_bytes = (uint32_t)at,
                                              .data = {rgb + at, len}};
        send_one(s, t, t->info.target.address, out, nh_lamp__ddp_build(&p, out));
        at += len;
        left -= len;
    }
}

// Channels of the n-th universe of a target.
static nh_span_t universe_of(const struct target *t, const uint8_t *rgb, uint32_t n)
{
    uint32_t each = kinds[t->info.target.protocol].pixels, first = n * each;
    uint32_t left = t->info.target.count - first;
    return (nh_span_t){rgb + (size_t)first * 3, (size_t)(left < each ? left : each) * 3};
}

static void send_e131(nh_lamp_sender_t *s, struct target *t, const uint8_t *rgb, bool is_end)
{
    uint8_t out[NH_LAMP__E131_PACKET_MAX_BYTES];
    char group[NH_LAMP_E131_GROUP_TEXT_BYTES];
    for (uint32_t n = 0; n < t->info.packets_each; n++) {
        struct nh_lamp__e131_packet p = {.priority = (uint8_t)t->info.target.priority,
                                         .sequence = t->sequence,
                                         .is_end = is_end,
                                         .universe = (uint16_t)(t->info.target.universe + n),
                                         .channels = universe_of(t, rgb, n)};
        const char *to = t->info.target.address;
        memcpy(p.cid, s->cfg.cid, sizeof p.cid);
        memcpy(p.name, s->name, sizeof p.name);
        if (!to[0])
            to = nh_lamp_e131_group(p.universe, group);
        send_one(s, t, to, out, nh_lamp__e131_build(&p, out));
    }
    t->sequence++;
}

static void send_artnet(nh_lamp_sender_t *s, struct target *t, const uint8_t *rgb)
{
    uint8_t out[NH_LAMP__ARTNET_PACKET_MAX_BYTES];
    t->sequence = (uint8_t)(t->sequence % 255 + 1); // 0 would say that nobody counts
    for (uint32_t n = 0; n < t->info.packets_each; n++) {
        const struct nh_lamp__artnet_packet p = {.sequence = t->sequence,
                                                 .address = (uint16_t)(t->info.target.universe + n),
                                                 .channels = universe_of(t, rgb, n)};
        send_one(s, t, t->info.target.address, out, nh_lamp__artnet_build(&p, out));
    }
}

static void send_frame(nh_lamp_sender_t *s, struct target *t, const uint8_t *all)
{
    const uint8_t *rgb = all + (size_t)t->info.target.start * 3;
    switch (t->info.target.protocol) {
    case NH_LAMP_SEND_DDP:
        send_ddp(s, t, rgb);
        break;
    case NH_LAMP_SEND_E131:
        send_e131(s, t, rgb, false);
        break;
    default:
        send_artnet(s, t, rgb);
        break;
    }
    t->info.frame_count++;
    t->info.is_sending = true;
}

// ---- frames
// ---------------------------------------------------------------------------------------

void nh_lamp_sender_frame(nh_lamp_sender_t *s, const uint8_t *rgb, uint32_t count)
{
    size_t all = (size_t)s->cfg.pixel_count * 3, len = (size_t)count * 3;
    len = len < all ? len : all;
    nh_lock_acquire(&s->cfg.lock);
    s->info.frame_count++;
    s->info.skipped_count += s->has_frame;
    memcpy(s->buffer[s->back], rgb, len);
    memset(s->buffer[s->back] + len, 0, all - len);
    s->has_frame = true;
    nh_lock_release(&s->cfg.lock);
    s->cfg.wake(s->cfg.ctx);
}

// The newest frame; render writes to the other buffer from now on. NULL: there is none.
static uint8_t *take_frame(nh_lamp_sender_t *s)
{
    uint8_t *rgb = NULL;
    nh_lock_acquire(&s->cfg.lock);
    if (s->has_frame) {
        rgb = s->buffer[s->back];
        s->back = 1 - s->back;
        s->has_frame = false;
    }
    nh_lock_release(&s->cfg.lock);
    return rgb;
}

// Whether a target takes this frame. Frames are never quite in time: a quarter early will do.
static bool is_due(struct target *t, uint64_t now_us)
{
    if (t->info.target.fps_max == 0)
        return true;
    uint64_t each_us = US_PER_S / t->info.target.fps_max;
    if (now_us + each_us / 4 < t->next_us) {
        t->info.capped_count++;
        return false;
    }
    bool is_behind = now_us > t->next_us + each_us;
    t->next_us = (is_behind ? now_us : t->next_us) + each_us;
    return true;
}

void nh_lamp_sender_pump(nh_lamp_sender_t *s, uint64_t now_us)
{
    const uint8_t *rgb = take_frame(s);
    if (!rgb)
        return;
    for (uint32_t i = 0; i < s->target_count; i++)
        if (is_due(&s->target[i], now_us))
            send_frame(s, &s->target[i], rgb);
    s->newest_us = now_us;
    s->is_sending = true;
}

uint64_t nh_lamp_sender_next_deadline_us(const nh_lamp_sender_t *s)
{
    return s->is_sending ? s->newest_us + (uint64_t)NH_LAMP_SEND_OFF_MS * 1000 : NH_NEVER;
}

static void send_end(nh_lamp_sender_t *s, struct target *t, const uint8_t *black)
{
    send_frame(s, t, black);
    for (int i = 0; i < END_COUNT && t->info.target.protocol == NH_LAMP_SEND_E131; i++)
        send_e131(s, t, black + (size_t)t->info.target.start * 3, true);
    t->info.is_sending = false;
}

void nh_lamp_sender_tick(nh_lamp_sender_t *s, uint64_t now_us)
{
    if (now_us < nh_lamp_sender_next_deadline_us(s))
        return;
    // The buffer that render does not write to; the lock is not needed for who alone swaps them.
    uint8_t *black = s->buffer[1 - s->back];
    memset(black, 0, (size_t)s->cfg.pixel_count * 3);
    for (uint32_t i = 0; i < s->target_count; i++)
        if (s->target[i].info.is_sending)
            send_end(s, &s->target[i], black);
    s->is_sending = false;
}

// ---- figures
// ---------------------------------------------------------------------------------------

void nh_lamp_sender_info(nh_lamp_sender_t *s, struct nh_lamp_sender_info *out)
{
    nh_lock_acquire(&s->cfg.lock);
    *out = s->info;
    nh_lock_release(&s->cfg.lock);
}

uint32_t nh_lamp_sender_target_count(const nh_lamp_sender_t *s)
{
    return s->target_count;
}

void nh_lamp_sender_target(const nh_lamp_sender_t *s, uint32_t index,
                           struct nh_lamp_send_target_info *out)
{
    *out = s->target[index].info;
}
