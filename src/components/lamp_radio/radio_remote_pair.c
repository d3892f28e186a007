// Pairing at the remote: looks for a lamp with an open window, shows digits, asks until it is told.

#include "components/lamp_radio/radio_remote_state.h"
#include "core/base/secret.h"
#include "platform/crypto.h"

#include <string.h>

#define TRY_MS 200
#define DONE_MS 300
#define CHANNEL_TRY_COUNT 3 // before the next channel is looked at

static const nh_radio_address_t everybody = {{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};

static void pair_end(nh_radio_remote_t *r, enum nh_radio_remote_event_kind kind, int err)
{
    char name[NH_RADIO_NAME_BYTES];
    memcpy(name, r->pair.lamp.record.name, sizeof name);
    const struct nh_radio_remote_event e = {.kind = kind, .err = err, .name = name};
    nh_wipe(&r->pair, sizeof r->pair);
    nh_radio_remote__event(r, &e);
}

static void send_plain(nh_radio_remote_t *r, const nh_radio_address_t *to,
                       const struct nh_radio_hello *h)
{
    uint8_t bytes[NH_RADIO_FRAME_MAX_BYTES];
    struct nh_radio_frame f = {.head = {.version = NH_RADIO_V1,
                                        .type = NH_RADIO_HELLO,
                                        .src_node = r->cfg.node,
                                        .dst_node = NH_RADIO_NODE_ANY,
                                        .seq = r->pair.seq},
                               .u.hello = *h};
    int len = nh_radio_frame_encode(&f, NULL, bytes);
    if (len < 0)
        return;
    r->info.sent_count++;
    r->cfg.send(r->cfg.ctx, to, bytes, (size_t)len);
}

static void send_begin(nh_radio_remote_t *r)
{
    struct nh_radio_hello h = {.sub = NH_RADIO_PAIR_BEGIN};
    memcpy(h.name, r->name, sizeof h.name);
    nh_radio_pair_commit(&r->pair.remote, h.bytes32);
    send_plain(r, &everybody, &h);
}

static void send_reveal(nh_radio_remote_t *r)
{
    struct nh_radio_hello h = {.sub = NH_RADIO_PAIR_REVEAL};
    memcpy(h.bytes32, r->pair.remote.public_half, sizeof h.bytes32);
    memcpy(h.bytes16, r->pair.remote.nonce, sizeof h.bytes16);
    send_plain(r, &r->pair.lamp_side.address, &h);
}

static void send_done(nh_radio_remote_t *r)
{
    struct nh_radio_frame f = {.head = {.type = NH_RADIO_HELLO, .seq = r->pair.seq},
                               .u.hello = {.sub = NH_RADIO_PAIR_DONE}};
    NH_IGNORE(nh_radio_remote__send(r, &r->pair.lamp, &f)); // nothing is kept for it yet
}

void nh_radio_remote_pair(nh_radio_remote_t *r, uint32_t seconds, uint64_t now_ms)
{
    struct nh_radio__remote_pairing *p = &r->pair;
    nh_radio_remote__cancel(r);
    nh_wipe(p, sizeof *p);
    p->phase = NH_RADIO__PAIR_BEGUN;
    p->seq = 1;
    p->end_ms = nh_ms_after(now_ms, (uint64_t)seconds * 1000);
    p->next_ms = now_ms;
    p->remote.address = r->cfg.address;
    r->cfg.random(r->cfg.ctx, p->secret, sizeof p->secret);
    r->cfg.random(r->cfg.ctx, p->remote.nonce, sizeof p->remote.nonce);
    nh_agree_public(p->secret, p->remote.public_half);
    nh_radio_remote__pair_tick(r, now_ms);
}

static void look_on(nh_radio_remote_t *r)
{
    if (r->pair.try_count > 0 && r->pair.try_count % CHANNEL_TRY_COUNT == 0)
        nh_radio_remote__channel(r, (uint8_t)(r->channel % NH_RADIO_CHANNEL_MAX + 1));
    send_begin(r);
}

void nh_radio_remote__pair_tick(nh_radio_remote_t *r, uint64_t now_ms)
{
    struct nh_radio__remote_pairing *p = &r->pair;
    if (now_ms >= p->end_ms) {
        pair_end(r, NH_RADIO_REMOTE_UNPAIRED, NH_ERR_TIMEOUT);
        return;
    }
    if (now_ms < p->next_ms)
        return;
    p->next_ms = nh_ms_after(now_ms, TRY_MS);
    if (p->phase == NH_RADIO__PAIR_BEGUN)
        look_on(r);
    else if (p->phase == NH_RADIO__PAIR_REVEALED)
        send_reveal(r);
    else if (p->phase == NH_RADIO__PAIR_CODE)
        p->next_ms = NH_NEVER; // the person's turn
    else {
        p->next_ms = nh_ms_after(now_ms, DONE_MS);
        p->seq++;
        send_done(r);
    }
    p->try_count++;
}

static void offered(nh_radio_remote_t *r, const nh_radio_address_t *from,
                    const struct nh_radio_frame *f, uint64_t now_ms)
{
    struct nh_radio__remote_pairing *p = &r->pair;
    const struct nh_radio_hello *h = &f->u.hello;
    if (h->status != NH_RADIO_PAIR_OPEN) {
        pair_end(r, NH_RADIO_REMOTE_UNPAIRED,
                 h->status == NH_RADIO_PAIR_FULL ? NH_ERR_FULL : NH_ERR_DENIED);
        return;
    }
    p->lamp_side.address = *from;
    memcpy(p->lamp_side.public_half, h->bytes32, sizeof p->lamp_side.public_half);
    memcpy(p->lamp_side.nonce, h->bytes16, sizeof p->lamp_side.nonce);
    p->lamp.record.address = *from;
    p->lamp.record.node = f->head.src_node;
    p->lamp.record.kind = NH_RADIO_PEER_KEYED;
    memcpy(p->lamp.record.name, h->name, sizeof p->lamp.record.name);
    p->phase = NH_RADIO__PAIR_REVEALED;
    p->next_ms = now_ms;
    nh_radio_remote__pair_tick(r, now_ms);
}

static void proved(nh_radio_remote_t *r, const struct nh_radio_hello *h)
{
    struct nh_radio__remote_pairing *p = &r->pair;
    if (nh_radio_pair_derive(p->secret, false, &p->remote, &p->lamp_side, &p->outcome) < 0 ||
        !nh_ct_equal(p->outcome.proof, h->bytes16, sizeof p->outcome.proof)) {
        r->info.forged_count++; // wait for the lamp's
        return;
    }
    memcpy(p->lamp.record.key, p->outcome.key, sizeof p->lamp.record.key);
    nh_radio_pair_directions(p->outcome.key, p->lamp.to_lamp, p->lamp.to_remote);
    nh_radio_guard_init(&p->lamp.guard, 0, 0);
    p->phase = NH_RADIO__PAIR_CODE;
    p->next_ms = NH_NEVER;
    const struct nh_radio_remote_event e = {
        .kind = NH_RADIO_REMOTE_CODE, .code = p->outcome.code, .name = p->lamp.record.name};
    nh_radio_remote__event(r, &e);
}

void nh_radio_remote__pair_plain(nh_radio_remote_t *r, const nh_radio_address_t *from,
                                 const struct nh_radio_frame *f, uint64_t now_ms)
{
    struct nh_radio__remote_pairing *p = &r->pair;
    bool is_his = memcmp(from, &p->lamp_side.address, sizeof *from) == 0;
    if (p->phase == NH_RADIO__PAIR_BEGUN && f->u.hello.sub == NH_RADIO_PAIR_OFFER)
        offered(r, from, f, now_ms);
    else if (p->phase == NH_RADIO__PAIR_REVEALED && f->u.hello.sub == NH_RADIO_PAIR_PROOF && is_his)
        proved(r, &f->u.hello);
}

void nh_radio_remote_pair_agree(nh_radio_remote_t *r, bool is_same, uint64_t now_ms)
{
    if (r->pair.phase != NH_RADIO__PAIR_CODE)
        return;
    if (!is_same) {
        pair_end(r, NH_RADIO_REMOTE_UNPAIRED, NH_ERR_DENIED);
        return;
    }
    r->pair.phase = NH_RADIO__PAIR_AGREED;
    r->pair.next_ms = now_ms;
    nh_radio_remote__pair_tick(r, now_ms);
}

static void paired(nh_radio_remote_t *r)
{
    struct nh_radio__lamp p = r->pair.lamp;
    p.has_taken = true;
    p.guard.kept_sent = p.guard.next + NH_RADIO_SEND_STEP;
    p.guard.kept_received = p.guard.high + NH_RADIO_RECEIVE_STEP;
    int err = nh_radio_remote__add(r, &p);
    nh_wipe(&p, sizeof p);
    pair_end(r, err == 0 ? NH_RADIO_REMOTE_PAIRED : NH_RADIO_REMOTE_UNPAIRED, err);
}

void nh_radio_remote__pair_keyed(nh_radio_remote_t *r, const nh_radio_address_t *from,
                                 const uint8_t *bytes, size_t len, uint64_t now_ms)
{
    struct nh_radio__remote_pairing *p = &r->pair;
    struct nh_radio_frame f;
    (void)now_ms;
    if (p->phase != NH_RADIO__PAIR_AGREED || memcmp(from, &p->lamp_side.address, sizeof *from) != 0)
        return;
    if (nh_radio_frame_decode(bytes, len, p->lamp.to_remote, &f) < 0 ||
        nh_radio_guard_check(&p->lamp.guard, f.counter) != NH_RADIO_FRESH) {
        r->info.forged_count++;
        return;
    }
    nh_radio_guard_take(&p->lamp.guard, f.counter);
    if (f.head.type != NH_RADIO_HELLO || f.u.hello.sub != NH_RADIO_PAIR_RESULT)
        return;
    if (f.u.hello.status == NH_RADIO_PAIR_PAIRED)
        paired(r);
    else if (f.u.hello.status != NH_RADIO_PAIR_WAITING)
        pair_end(r, NH_RADIO_REMOTE_UNPAIRED,
                 f.u.hello.status == NH_RADIO_PAIR_FULL ? NH_ERR_FULL : NH_ERR_DENIED);
}
