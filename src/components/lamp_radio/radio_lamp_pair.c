// Pairing at the lamp: a window, one remote at a time, digits that a person compares.

#include "components/lamp_radio/radio_lamp_state.h"
#include "core/base/secret.h"
#include "platform/crypto.h"

#include <string.h>

#define CANDIDATE_SILENT_MS 5000 // then another remote may take its place

static bool is_candidate(const struct nh_radio__pairing *w, const nh_radio_address_t *from)
{
    return w->state != NH_RADIO__NOBODY && memcmp(&w->remote.address, from, sizeof *from) == 0;
}

static void forget_candidate(struct nh_radio__pairing *w)
{
    struct nh_radio__pairing next = {
        .until_ms = w->until_ms, .needs_code = w->needs_code, .try_count = w->try_count};
    nh_wipe(w, sizeof *w);
    *w = next;
}

void nh_radio_lamp__pair_close(nh_radio_lamp_t *l)
{
    nh_wipe(&l->pairing, sizeof l->pairing);
    nh_radio_lamp__changed(l);
}

void nh_radio_lamp_pair(nh_radio_lamp_t *l, uint32_t seconds, bool needs_code, uint64_t now_ms)
{
    nh_wipe(&l->pairing, sizeof l->pairing);
    if (seconds > 0) {
        l->pairing.until_ms = nh_ms_after(now_ms, (uint64_t)seconds * 1000);
        l->pairing.needs_code = needs_code;
    }
    nh_radio_lamp__changed(l);
}

// ---- before there is a key: frames of version 1 ------------------------------------------------

static void send_plain(nh_radio_lamp_t *l, const nh_radio_address_t *to, uint32_t seq,
                       const struct nh_radio_hello *h)
{
    uint8_t bytes[NH_RADIO_FRAME_MAX_BYTES];
    struct nh_radio_frame f = {.head = {.version = NH_RADIO_V1,
                                        .type = NH_RADIO_HELLO,
                                        .src_node = l->cfg.node,
                                        .dst_node = NH_RADIO_NODE_ANY,
                                        .seq = seq},
                               .u.hello = *h};
    int len = nh_radio_frame_encode(&f, NULL, bytes);
    if (len < 0)
        return;
    l->info.sent_count++;
    l->cfg.send(l->cfg.ctx, to, bytes, (size_t)len);
}

static void send_offer(nh_radio_lamp_t *l, const nh_radio_address_t *to, uint32_t seq,
                       uint8_t status, uint64_t now_ms)
{
    const struct nh_radio__pairing *w = &l->pairing;
    struct nh_radio_hello h = {.sub = NH_RADIO_PAIR_OFFER, .status = status};
    memcpy(h.name, l->name, sizeof h.name);
    if (status == NH_RADIO_PAIR_OPEN) {
        h.ttl_s = (uint16_t)((w->until_ms - now_ms) / 1000);
        memcpy(h.bytes32, w->lamp.public_half, sizeof h.bytes32);
        memcpy(h.bytes16, w->lamp.nonce, sizeof h.bytes16);
    } else {
        l->info.pair_refused_count++;
    }
    send_plain(l, to, seq, &h);
}

static void new_candidate(nh_radio_lamp_t *l, const nh_radio_address_t *from,
                          const struct nh_radio_frame *f)
{
    struct nh_radio__pairing *w = &l->pairing;
    forget_candidate(w);
    w->try_count++;
    w->state = NH_RADIO__OFFERED;
    w->remote.address = *from;
    w->lamp.address = l->cfg.address;
    memcpy(w->commitment, f->u.hello.bytes32, sizeof w->commitment);
    l->cfg.random(l->cfg.ctx, w->secret, sizeof w->secret);
    l->cfg.random(l->cfg.ctx, w->lamp.nonce, sizeof w->lamp.nonce);
    nh_agree_public(w->secret, w->lamp.public_half);
    w->peer.record.address = *from;
    w->peer.record.node = f->head.src_node;
    w->peer.record.kind = NH_RADIO_PEER_KEYED;
    memcpy(w->peer.record.name, f->u.hello.name, sizeof w->peer.record.name);
}

static void begin(nh_radio_lamp_t *l, const nh_radio_address_t *from,
                  const struct nh_radio_frame *f, uint64_t now_ms)
{
    struct nh_radio__pairing *w = &l->pairing;
    bool is_his = is_candidate(w, from);
    bool is_same = is_his && memcmp(w->commitment, f->u.hello.bytes32, sizeof w->commitment) == 0;
    bool is_taken =
        w->state != NH_RADIO__NOBODY && !is_his && now_ms - w->heard_ms < CANDIDATE_SILENT_MS;
    bool is_full =
        l->peer_count == l->cfg.peer_max_count && !nh_radio_lamp__peer(l, from, f->head.src_node);
    uint8_t status = NH_RADIO_PAIR_OPEN;
    if (is_taken || (!is_same && w->try_count == NH_RADIO_PAIR_TRY_MAX_COUNT))
        status = NH_RADIO_PAIR_REFUSED;
    else if (is_full)
        status = NH_RADIO_PAIR_FULL;
    else if (!is_same)
        new_candidate(l, from, f);
    l->info.full_count += status == NH_RADIO_PAIR_FULL;
    if (status == NH_RADIO_PAIR_OPEN)
        w->heard_ms = now_ms;
    send_offer(l, from, f->head.seq, status, now_ms);
}

static bool prove(nh_radio_lamp_t *l, const struct nh_radio_hello *h)
{
    struct nh_radio__pairing *w = &l->pairing;
    uint8_t commitment[NH_RADIO_COMMITMENT_BYTES];
    memcpy(w->remote.public_half, h->bytes32, sizeof w->remote.public_half);
    memcpy(w->remote.nonce, h->bytes16, sizeof w->remote.nonce);
    nh_radio_pair_commit(&w->remote, commitment);
    if (!nh_ct_equal(commitment, w->commitment, sizeof commitment) ||
        nh_radio_pair_derive(w->secret, true, &w->remote, &w->lamp, &w->outcome) < 0)
        return false;
    w->state = NH_RADIO__PROVED;
    memcpy(w->peer.record.key, w->outcome.key, sizeof w->peer.record.key);
    nh_radio_pair_directions(w->outcome.key, w->peer.to_lamp, w->peer.to_remote);
    nh_radio_guard_init(&w->peer.guard, 0, 0);
    nh_radio_lamp__changed(l);
    return true;
}

static void reveal(nh_radio_lamp_t *l, const nh_radio_address_t *from,
                   const struct nh_radio_frame *f, uint64_t now_ms)
{
    struct nh_radio__pairing *w = &l->pairing;
    struct nh_radio_hello h = {.sub = NH_RADIO_PAIR_PROOF};
    if (!is_candidate(w, from) || w->state == NH_RADIO__REFUSED)
        return;
    if (w->state == NH_RADIO__OFFERED && !prove(l, &f->u.hello)) {
        l->info.pair_refused_count++;
        forget_candidate(w);
        return;
    }
    w->heard_ms = now_ms;
    memcpy(h.bytes16, w->outcome.proof, sizeof h.bytes16);
    send_plain(l, from, f->head.seq, &h);
}

void nh_radio_lamp__pair_frame(nh_radio_lamp_t *l, const nh_radio_address_t *from,
                               const struct nh_radio_frame *f, uint64_t now_ms)
{
    if (l->pairing.until_ms <= now_ms)
        l->info.unknown_count++;
    else if (f->u.hello.sub == NH_RADIO_PAIR_BEGIN)
        begin(l, from, f, now_ms);
    else if (f->u.hello.sub == NH_RADIO_PAIR_REVEAL)
        reveal(l, from, f, now_ms);
}

// ---- with the key ------------------------------------------------------------------------------

void nh_radio_lamp__pair_result(nh_radio_lamp_t *l, struct nh_radio__peer *p, uint32_t seq,
                                uint8_t status)
{
    struct nh_radio_frame f = {.head = {.type = NH_RADIO_HELLO, .seq = seq},
                               .u.hello = {.sub = NH_RADIO_PAIR_RESULT, .status = status}};
    nh_radio_lamp__send(l, p, &f);
}

// Both have agreed: from here on it is a peer. What was counted with the key goes on counting.
static int adopt(nh_radio_lamp_t *l)
{
    struct nh_radio__pairing *w = &l->pairing;
    struct nh_radio__peer p = w->peer;
    p.guard.kept_sent = p.guard.next + NH_RADIO_SEND_STEP;
    p.guard.kept_received = p.guard.high + NH_RADIO_RECEIVE_STEP;
    int err = nh_radio_lamp__add(l, &p);
    nh_wipe(&p, sizeof p);
    if (err == 0)
        nh_radio_lamp__pair_close(l);
    return err;
}

static void pair_done(nh_radio_lamp_t *l, const struct nh_radio_frame *f)
{
    struct nh_radio__pairing *w = &l->pairing;
    nh_radio_address_t from = w->remote.address;
    w->has_done = true;
    w->peer.record.node = f->head.src_node;
    bool may = w->state == NH_RADIO__PROVED && (w->is_accepted || !w->needs_code);
    int err = may ? adopt(l) : NH_ERR_AGAIN;
    struct nh_radio__peer *p =
        err == 0 ? nh_radio_lamp__peer(l, &from, f->head.src_node) : &w->peer;
    uint8_t status = err == 0                        ? NH_RADIO_PAIR_PAIRED
                     : err == NH_ERR_FULL            ? NH_RADIO_PAIR_FULL
                     : w->state == NH_RADIO__REFUSED ? NH_RADIO_PAIR_REFUSED
                                                     : NH_RADIO_PAIR_WAITING;
    nh_radio_lamp__pair_result(l, p, f->head.seq, status);
}

bool nh_radio_lamp__pair_keyed(nh_radio_lamp_t *l, const nh_radio_address_t *from,
                               const uint8_t *bytes, size_t len, uint64_t now_ms)
{
    struct nh_radio__pairing *w = &l->pairing;
    struct nh_radio_frame f;
    if (w->until_ms <= now_ms || !is_candidate(w, from) || w->state == NH_RADIO__OFFERED ||
        nh_radio_frame_decode(bytes, len, w->peer.to_lamp, &f) < 0)
        return false;
    if (nh_radio_guard_check(&w->peer.guard, f.counter) != NH_RADIO_FRESH) {
        l->info.replayed_count++;
        return true;
    }
    nh_radio_guard_take(&w->peer.guard, f.counter);
    w->heard_ms = now_ms;
    if (f.head.type == NH_RADIO_HELLO && f.u.hello.sub == NH_RADIO_PAIR_DONE)
        pair_done(l, &f);
    return true;
}

int nh_radio_lamp_pair_accept(nh_radio_lamp_t *l, uint32_t code, uint64_t now_ms)
{
    struct nh_radio__pairing *w = &l->pairing;
    if (w->until_ms <= now_ms || w->state != NH_RADIO__PROVED)
        return NH_ERR_NOT_FOUND;
    if (code != w->outcome.code) {
        w->state = NH_RADIO__REFUSED;
        l->info.pair_refused_count++;
        nh_radio_lamp__changed(l);
        return NH_ERR_DENIED;
    }
    w->is_accepted = true;
    if (!w->has_done)
        return 0;
    return adopt(l);
}
