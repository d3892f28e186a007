// Datagrams of each protocol: whose they are, what they carry, and what becomes of their frame.

#include "components/lamp_live/lamp_receiver_private.h"

#include "components/lamp_live/lamp_artnet.h"
#include "components/lamp_live/lamp_ddp.h"

#include <stdio.h>
#include <string.h>

#define US_PER_S 1000000u

struct packet {
    nh_span_t bytes;
    const char *address;
    uint16_t port;
    uint64_t now_us;
};

// Counts a packet that cannot be used.
static void count_fault(nh_lamp_receiver_t *r, enum nh_lamp_live_protocol p, int err)
{
    nh_lamp__count_other(r, p, NH_LAMP_LIVE_PACKETS);
    nh_lamp__count_other(
        r, p, err == NH_ERR_UNSUPPORTED ? NH_LAMP_LIVE_UNSUPPORTED : NH_LAMP_LIVE_MALFORMED);
}

static struct nh_lamp__source *source_of(nh_lamp_receiver_t *r, enum nh_lamp_live_protocol protocol,
                                         const struct packet *k)
{
    const struct nh_lamp__who who = {.protocol = protocol,
                                     .from = k->address,
                                     .priority = NH_LAMP__E131_PRIORITY,
                                     .now_us = k->now_us};
    struct nh_lamp__source *s = nh_lamp__source_of(r, &who);
    if (s)
        nh_lamp__count(r, s, NH_LAMP_LIVE_PACKETS);
    else
        nh_lamp__count_other(r, protocol, NH_LAMP_LIVE_REFUSED);
    return s;
}

// ---- pixels by their offset
// ---------------------------------------------------------------------------------------

static void take_range(nh_lamp_receiver_t *r, struct nh_lamp__source *s,
                       const struct nh_lamp__range_packet *p, nh_span_t data, uint8_t pixel_bytes,
                       uint64_t now_us)
{
    unsigned what = nh_lamp__range_input(&s->frame.range, p, now_us);
    if (!nh_lamp__frame_before(r, s, what, now_us))
        return;
    if (!nh_lamp__write(r, p->offset, data, pixel_bytes) && data.len > 0)
        nh_lamp__count(r, s, NH_LAMP_LIVE_OUTSIDE);
    nh_lamp__frame_after(r, s, what, now_us);
}

static void on_ddp(nh_lamp_receiver_t *r, const struct packet *k)
{
    struct nh_lamp__ddp_packet p;
    int err = nh_lamp__ddp_parse(k->bytes.ptr, k->bytes.len, &p);
    if (err < 0) {
        count_fault(r, NH_LAMP_LIVE_DDP, err);
        return;
    }
    struct nh_lamp__source *s = source_of(r, NH_LAMP_LIVE_DDP, k);
    if (!s || !nh_lamp__source_owns(r, s, k->now_us))
        return;
    const struct nh_lamp__range_packet part = {
        .sequence = p.sequence, .is_push = p.is_push, .offset = p.offset_bytes, .len = p.data.len};
    take_range(r, s, &part, p.data, p.pixel_bytes, k->now_us);
}

// ---- universes
// ---------------------------------------------------------------------------------------

static void take_universe(nh_lamp_receiver_t *r, struct nh_lamp__source *s,
                          const struct nh_lamp__set_packet *p, nh_span_t channels, int mode,
                          uint64_t now_us)
{
    static const uint16_t part_bytes[] = {
        [NH_LAMP_LIVE_RGB] = 510, [NH_LAMP_LIVE_RGBW] = 512, [NH_LAMP_LIVE_PACKED] = 512};
    uint32_t part = part_bytes[mode];
    unsigned what = nh_lamp__set_input(&s->frame.set, p, now_us);
    if (!nh_lamp__frame_before(r, s, what, now_us))
        return;
    channels.len = channels.len < part ? channels.len : part;
    NH_IGNORE(nh_lamp__write(r, (uint64_t)p->index * part, channels,
                             mode == NH_LAMP_LIVE_RGBW ? 4 : 3)); // its range was looked at
    nh_lamp__frame_after(r, s, what, now_us);
}

static void show_synced(nh_lamp_receiver_t *r, struct nh_lamp__source *s, uint64_t now_us)
{
    unsigned what = nh_lamp__set_sync(&s->frame.set, now_us);
    if (nh_lamp__frame_before(r, s, what, now_us))
        nh_lamp__frame_after(r, s, what, now_us);
}

static void take_e131(nh_lamp_receiver_t *r, struct nh_lamp__source *s,
                      const struct nh_lamp__e131_packet *p, uint64_t now_us)
{
    memcpy(s->name, p->name, sizeof s->name);
    if (p->is_preview) {
        nh_lamp__count(r, s, NH_LAMP_LIVE_PREVIEW);
        return;
    }
    if (p->is_end) {
        nh_lamp__source_leave(r, s);
        return;
    }
    if (p->universe < r->cfg.e131.universe || p->universe - r->cfg.e131.universe >= r->e131_count) {
        nh_lamp__count(r, s, NH_LAMP_LIVE_OUTSIDE);
        return;
    }
    if (!nh_lamp__source_owns(r, s, now_us))
        return;
    const struct nh_lamp__set_packet part = {.index =
                                                 (uint16_t)(p->universe - r->cfg.e131.universe),
                                             .count = r->e131_count,
                                             .has_sequence = true,
                                             .sequence = p->sequence,
                                             .sequence_mod = 256};
    take_universe(r, s, &part, p->channels, r->cfg.e131.mode, now_us);
}

static void on_e131(nh_lamp_receiver_t *r, const struct packet *k)
{
    struct nh_lamp__e131_packet p;
    int err = nh_lamp__e131_parse(k->bytes.ptr, k->bytes.len, &p);
    if (err < 0) {
        count_fault(r, NH_LAMP_LIVE_E131, err);
        return;
    }
    bool is_data = p.kind == NH_LAMP__E131_DATA;
    // Of a sender that only says "show" nothing is known yet but its id.
    uint8_t priority = r->owner && r->owner->protocol == NH_LAMP_LIVE_E131 &&
                               memcmp(r->owner->cid, p.cid, sizeof p.cid) == 0
                           ? r->owner->priority
                           : NH_LAMP__E131_PRIORITY;
    const struct nh_lamp__who who = {.protocol = NH_LAMP_LIVE_E131,
                                     .from = k->address,
                                     .cid = p.cid,
                                     .priority = is_data ? p.priority : priority,
                                     .now_us = k->now_us};
    struct nh_lamp__source *s = nh_lamp__source_of(r, &who);
    if (!s) {
        nh_lamp__count_other(r, NH_LAMP_LIVE_E131, NH_LAMP_LIVE_REFUSED);
        return;
    }
    nh_lamp__count(r, s, NH_LAMP_LIVE_PACKETS);
    if (is_data)
        take_e131(r, s, &p, k->now_us);
    else if (r->owner == s)
        show_synced(r, s, k->now_us);
}

// An answer is 200 to 6000 bytes to whatever address a poll of 14 bytes says that it is from: so
// many a second are enough for controllers, who ask every three, and too few to flood somebody
// else.
static bool may_answer(nh_lamp_receiver_t *r, uint64_t now_us)
{
    if (r->poll_count == 0 || now_us - r->poll_us >= US_PER_S) {
        r->poll_us = now_us;
        r->poll_count = 0;
    }
    return r->poll_count++ < NH_LAMP_LIVE_POLL_MAX_COUNT;
}

// Tells who looks for nodes of all universes that the lamp has, four at a time.
static void answer_poll(nh_lamp_receiver_t *r, const struct packet *k)
{
    char long_name[64], report[64];
    uint8_t bytes[NH_LAMP__ARTNET_REPLY_BYTES];
    uint32_t left = r->artnet_count, at = r->cfg.artnet.universe;
    snprintf(long_name, sizeof long_name, "%s: lamp of %u pixels", r->cfg.name,
             (unsigned)r->cfg.pixel_count);
    snprintf(report, sizeof report, "#0001 [%04u] %u universes from %u",
             (unsigned)(r->total[NH_LAMP_LIVE_ARTNET][NH_LAMP_LIVE_PACKETS] % 10000),
             (unsigned)r->artnet_count, (unsigned)at);
    struct nh_lamp__artnet_node node = {
        .short_name = r->cfg.name,
        .long_name = long_name,
        .report = report,
        .version = r->cfg.version[1],
        .has_data = r->owner && r->owner->protocol == NH_LAMP_LIVE_ARTNET,
    };
    memcpy(node.ip, r->cfg.ip, sizeof node.ip);
    for (uint8_t index = 1; left > 0; index++) {
        uint32_t count = 16 - at % 16; // universes of one sub-net
        count = count < NH_LAMP__ARTNET_PORT_MAX_COUNT ? count : NH_LAMP__ARTNET_PORT_MAX_COUNT;
        count = count < left ? count : left;
        node.address = (uint16_t)at;
        node.port_count = (uint8_t)count;
        node.bind_index = index;
        nh_lamp__artnet_reply(&node, bytes);
        r->cfg.send(r->cfg.ctx, NH_LAMP_LIVE_PORT_ARTNET, k->address, k->port, bytes, sizeof bytes);
        at += count;
        left -= count;
    }
}

static void take_artnet(nh_lamp_receiver_t *r, struct nh_lamp__source *s,
                        const struct nh_lamp__artnet_packet *p, uint64_t now_us)
{
    if (p->address < r->cfg.artnet.universe ||
        p->address - r->cfg.artnet.universe >= r->artnet_count) {
        nh_lamp__count(r, s, NH_LAMP_LIVE_OUTSIDE);
        return;
    }
    if (!nh_lamp__source_owns(r, s, now_us))
        return;
    const struct nh_lamp__set_packet part = {.index =
                                                 (uint16_t)(p->address - r->cfg.artnet.universe),
                                             .count = r->artnet_count,
                                             .has_sequence = p->sequence != 0,
                                             .sequence = (uint8_t)(p->sequence - 1),
                                             .sequence_mod = 255};
    take_universe(r, s, &part, p->channels, r->cfg.artnet.mode, now_us);
}

static void on_artnet(nh_lamp_receiver_t *r, const struct packet *k)
{
    struct nh_lamp__artnet_packet p;
    int err = nh_lamp__artnet_parse(k->bytes.ptr, k->bytes.len, &p);
    if (err < 0) {
        count_fault(r, NH_LAMP_LIVE_ARTNET, err);
        return;
    }
    if (p.kind == NH_LAMP__ARTNET_POLL) {
        nh_lamp__count_other(r, NH_LAMP_LIVE_ARTNET, NH_LAMP_LIVE_PACKETS);
        if (may_answer(r, k->now_us))
            answer_poll(r, k);
        else
            nh_lamp__count_other(r, NH_LAMP_LIVE_ARTNET, NH_LAMP_LIVE_REFUSED);
        return;
    }
    struct nh_lamp__source *s = source_of(r, NH_LAMP_LIVE_ARTNET, k);
    if (s && p.kind == NH_LAMP__ARTNET_DMX)
        take_artnet(r, s, &p, k->now_us);
    else if (s && r->owner == s)
        show_synced(r, s, k->now_us);
}

// ---- WLED, TPM2.NET, Hyperion
// ---------------------------------------------------------------------------------------

static void take_warls(nh_lamp_receiver_t *r, struct nh_lamp__source *s,
                       const struct nh_lamp__wled_pixels *p, uint64_t now_us)
{
    for (size_t i = 0; i + 4 <= p->data.len; i += 4) {
        const uint8_t *one = p->data.ptr + i;
        if (!nh_lamp__write(r, (uint64_t)one[0] * 3, (nh_span_t){one + 1, 3}, 3))
            nh_lamp__count(r, s, NH_LAMP_LIVE_OUTSIDE);
    }
    nh_lamp__show(r, s, now_us);
}

// All of it is one frame.
static void take_whole(nh_lamp_receiver_t *r, struct nh_lamp__source *s,
                       const struct nh_lamp__wled_pixels *p, uint64_t now_us)
{
    NH_IGNORE(nh_lamp__write(r, 0, p->data, p->pixel_bytes)); // there is a first pixel
    nh_lamp__show(r, s, now_us);
}

static void take_tpm2(nh_lamp_receiver_t *r, struct nh_lamp__source *s,
                      const struct nh_lamp__wled_pixels *p, uint64_t now_us)
{
    // Where a packet begins follows from the size of the first one.
    if (p->packet == 1)
        s->part_bytes = (uint32_t)p->data.len;
    const struct nh_lamp__range_packet part = {.is_push = p->packet_count > 0 &&
                                                          p->packet == p->packet_count,
                                               .offset = (uint64_t)(p->packet - 1) * s->part_bytes,
                                               .len = p->data.len};
    if (p->packet > 1 && s->part_bytes == 0) {
        nh_lamp__count(r, s, NH_LAMP_LIVE_INCOMPLETE);
        return;
    }
    take_range(r, s, &part, p->data, 3, now_us);
}

static void take_pixels(nh_lamp_receiver_t *r, struct nh_lamp__source *s,
                        const struct nh_lamp__wled_pixels *p, uint64_t now_us)
{
    const struct nh_lamp__range_packet part = {.offset = (uint64_t)p->start * p->pixel_bytes,
                                               .len = p->data.len};
    switch (p->kind) {
    case NH_LAMP__WLED_WARLS:
        take_warls(r, s, p, now_us);
        break;
    case NH_LAMP__WLED_DNRGB:
    case NH_LAMP__WLED_DNRGBW:
        take_range(r, s, &part, p->data, p->pixel_bytes, now_us);
        break;
    case NH_LAMP__WLED_TPM2:
        take_tpm2(r, s, p, now_us);
        break;
    default:
        take_whole(r, s, p, now_us);
        break;
    }
}

static uint32_t timeout_ms(const nh_lamp_receiver_t *r, const struct nh_lamp__wled_pixels *p)
{
    if (p->kind > NH_LAMP__WLED_DNRGBW)
        return r->cfg.timeout_ms;
    return p->timeout_s == NH_LAMP__WLED_TIMEOUT_NEVER_S ? UINT32_MAX : p->timeout_s * 1000U;
}

static void on_pixels(nh_lamp_receiver_t *r, enum nh_lamp_live_protocol protocol,
                      const struct nh_lamp__wled_pixels *p, const struct packet *k)
{
    struct nh_lamp__source *s = source_of(r, protocol, k);
    if (!s)
        return;
    bool leaves = p->kind <= NH_LAMP__WLED_DNRGBW && p->timeout_s == 0;
    if (leaves) {
        nh_lamp__source_leave(r, s);
        return;
    }
    if (!nh_lamp__source_owns(r, s, k->now_us))
        return;
    s->timeout_ms = timeout_ms(r, p);
    take_pixels(r, s, p, k->now_us);
}

static void on_beacon(nh_lamp_receiver_t *r, const struct nh_lamp_beacon *b, uint64_t now_us)
{
    struct nh_lamp__node *n = &r->node[0];
    for (size_t i = 0; i < NH_ARRAY_LEN(r->node); i++) {
        struct nh_lamp__node *at = &r->node[i];
        bool is_it = at->heard_us > 0 && memcmp(at->beacon.ip, b->ip, sizeof b->ip) == 0;
        if (is_it || at->heard_us == 0) {
            n = at;
            break;
        }
        n = at->heard_us < n->heard_us ? at : n;
    }
    n->heard_us = now_us ? now_us : 1;
    n->beacon = *b;
}

static void on_wled(nh_lamp_receiver_t *r, const struct packet *k)
{
    struct nh_lamp__wled_pixels p;
    struct nh_lamp_sync state;
    struct nh_lamp_beacon beacon;
    const uint8_t *bytes = k->bytes.ptr;
    if (nh_lamp_sync_parse(bytes, k->bytes.len, &state) == 0) {
        r->info.sync_count++;
        if (r->cfg.sync)
            r->cfg.sync(r->cfg.ctx, &state, k->address);
        return;
    }
    if (nh_lamp_beacon_parse(bytes, k->bytes.len, &beacon) == 0) {
        on_beacon(r, &beacon, k->now_us);
        return;
    }
    int err = nh_lamp__wled_pixels_parse(bytes, k->bytes.len, &p);
    if (err < 0)
        count_fault(r, NH_LAMP_LIVE_WLED, err);
    else
        on_pixels(r, p.kind == NH_LAMP__WLED_TPM2 ? NH_LAMP_LIVE_TPM2 : NH_LAMP_LIVE_WLED, &p, k);
}

static void on_hyperion(nh_lamp_receiver_t *r, const struct packet *k)
{
    struct nh_lamp__wled_pixels p;
    int err = nh_lamp__hyperion_parse(k->bytes.ptr, k->bytes.len, &p);
    if (err < 0)
        count_fault(r, NH_LAMP_LIVE_HYPERION, err);
    else
        on_pixels(r, NH_LAMP_LIVE_HYPERION, &p, k);
}

void nh_lamp__receive(nh_lamp_receiver_t *r, enum nh_lamp_live_port at, nh_span_t bytes,
                      const char *address, uint16_t port, uint64_t now_us)
{
    static void (*const handlers[])(nh_lamp_receiver_t *, const struct packet *) = {
        [NH_LAMP_LIVE_PORT_DDP] = on_ddp,       [NH_LAMP_LIVE_PORT_E131] = on_e131,
        [NH_LAMP_LIVE_PORT_ARTNET] = on_artnet, [NH_LAMP_LIVE_PORT_WLED] = on_wled,
        [NH_LAMP_LIVE_PORT_NODES] = on_wled,    [NH_LAMP_LIVE_PORT_HYPERION] = on_hyperion,
    };
    const struct packet k = {bytes, address, port, now_us};
    handlers[at](r, &k);
}
