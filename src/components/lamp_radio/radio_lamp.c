#include "components/lamp_radio/radio_lamp.h"

#include "components/lamp_radio/radio_lamp_state.h"
#include "core/base/crc.h"
#include "platform/crypto.h"

#include <string.h>

#define COUNTER_TELL_MS 100 // at most one NH_RADIO_COUNTER to a peer in that time
#define GAP_LOST_MAX 64     // a larger step of the counter is a restart of the sender

// ---- life --------------------------------------------------------------------------------------

static int make_list(nh_radio_lamp_t *l)
{
    const struct nh_radio_lamp_config *c = &l->cfg;
    size_t bytes = (size_t)c->effect_count * NH_RADIO_RECORD_BYTES;
    l->list = nh_mem_alloc(c->mem, bytes, NH_MEM_BULK);
    if (!l->list)
        return NH_ERR_NOMEM;
    for (uint16_t i = 0; i < c->effect_count; i++) {
        struct nh_radio_record r = {0};
        c->effect(c->ctx, i, &r);
        nh_radio_record_encode(&r, l->list + (size_t)i * NH_RADIO_RECORD_BYTES);
    }
    l->list_crc = nh_crc32(0, l->list, bytes);
    return 0;
}

static int fill(nh_radio_lamp_t *l)
{
    struct nh_radio_lamp_config *c = &l->cfg;
    l->peers = nh_mem_alloc_zero(c->mem, c->peer_max_count * sizeof *l->peers, NH_MEM_BULK);
    l->document = nh_mem_alloc(c->mem, NH_RADIO_PEERS_BYTES(c->peer_max_count), NH_MEM_BULK);
    return l->peers && l->document ? make_list(l) : NH_ERR_NOMEM;
}

int nh_radio_lamp_create(const struct nh_radio_lamp_config *cfg, nh_radio_lamp_t **out)
{
    *out = NULL;
    if (cfg->node == 0 || cfg->node == NH_RADIO_NODE_ANY ||
        cfg->peer_max_count > NH_RADIO_PEER_MAX_COUNT)
        return NH_ERR_RANGE;
    nh_radio_lamp_t *l = nh_mem_alloc_zero(cfg->mem, sizeof *l, NH_MEM_BULK);
    if (!l)
        return NH_ERR_NOMEM;
    l->cfg = *cfg;
    l->cfg.peer_max_count = cfg->peer_max_count ? cfg->peer_max_count : 8;
    l->cfg.push_interval_ms = cfg->push_interval_ms ? cfg->push_interval_ms : 200;
    l->push_ms = NH_NEVER;
    if (cfg->name)
        memcpy(l->name, cfg->name, strnlen(cfg->name, sizeof l->name - 1));
    for (size_t i = 0; i < NH_RADIO_PENDING_MAX_COUNT; i++)
        l->pending[i].lamp = l;
    int err = fill(l);
    if (err < 0) {
        nh_radio_lamp_destroy(l);
        return err;
    }
    *out = l;
    return 0;
}

void nh_radio_lamp_destroy(nh_radio_lamp_t *l)
{
    if (!l)
        return;
    nh_mem_t *mem = l->cfg.mem;
    if (l->peers)
        nh_wipe(l->peers, l->cfg.peer_max_count * sizeof *l->peers);
    if (l->document)
        nh_wipe(l->document, NH_RADIO_PEERS_BYTES(l->cfg.peer_max_count));
    nh_mem_free(mem, l->peers);
    nh_mem_free(mem, l->document);
    nh_mem_free(mem, l->list);
    nh_wipe(l, sizeof *l);
    nh_mem_free(mem, l);
}

// ---- peers -------------------------------------------------------------------------------------

static void set_up(struct nh_radio__peer *p, const struct nh_radio_peer_record *r)
{
    *p = (struct nh_radio__peer){.record = *r};
    nh_radio_guard_init(&p->guard, r->kept_sent, r->kept_received);
    nh_radio_pair_directions(r->key, p->to_lamp, p->to_remote);
}

int nh_radio_lamp_load(nh_radio_lamp_t *l, const uint8_t *bytes, size_t len)
{
    struct nh_radio_peer_record records[NH_RADIO_PEER_MAX_COUNT];
    l->peer_count = 0;
    int count = nh_radio_peers_decode(bytes, len, records, NH_RADIO_PEER_MAX_COUNT);
    if (count < 0)
        return count;
    for (int i = 0; i < count && l->peer_count < l->cfg.peer_max_count; i++)
        set_up(&l->peers[l->peer_count++], &records[i]);
    nh_wipe(records, sizeof records);
    l->info.version++;
    return (size_t)count > l->peer_count ? NH_ERR_FULL : 0;
}

struct nh_radio__peer *nh_radio_lamp__peer(nh_radio_lamp_t *l, const nh_radio_address_t *address,
                                           uint16_t node)
{
    for (size_t i = 0; i < l->peer_count; i++) {
        struct nh_radio_peer_record *r = &l->peers[i].record;
        if (r->node == node && memcmp(&r->address, address, sizeof *address) == 0)
            return &l->peers[i];
    }
    return NULL;
}

int nh_radio_lamp__keep(nh_radio_lamp_t *l)
{
    struct nh_radio_peer_record records[NH_RADIO_PEER_MAX_COUNT];
    for (size_t i = 0; i < l->peer_count; i++) {
        struct nh_radio__peer *p = &l->peers[i];
        p->record.kept_sent = p->guard.kept_sent;
        p->record.kept_received = p->guard.kept_received;
        records[i] = p->record;
    }
    size_t len = nh_radio_peers_encode(records, l->peer_count, l->document);
    int err = l->cfg.keep(l->cfg.ctx, l->document, len);
    nh_wipe(records, sizeof records);
    if (err < 0)
        l->info.keep_failed_count++;
    return err;
}

void nh_radio_lamp__changed(nh_radio_lamp_t *l)
{
    l->info.version++;
    if (l->cfg.changed)
        l->cfg.changed(l->cfg.ctx);
}

int nh_radio_lamp__add(nh_radio_lamp_t *l, const struct nh_radio__peer *p)
{
    struct nh_radio__peer *at = nh_radio_lamp__peer(l, &p->record.address, p->record.node);
    size_t count = l->peer_count;
    if (!at && count == l->cfg.peer_max_count) {
        l->info.full_count++;
        return NH_ERR_FULL;
    }
    at = at ? at : &l->peers[l->peer_count++];
    struct nh_radio__peer before = *at;
    *at = *p;
    int err = nh_radio_lamp__keep(l);
    if (err < 0) { // as before
        *at = before;
        l->peer_count = count;
        return err;
    }
    l->info.pair_count++;
    nh_radio_lamp__changed(l);
    return 0;
}

// Those of the address go behind the others. Returns how many are left before them.
static size_t set_apart(nh_radio_lamp_t *l, const nh_radio_address_t *address)
{
    size_t left = 0;
    for (size_t i = 0; i < l->peer_count; i++) {
        struct nh_radio__peer p = l->peers[i];
        if (memcmp(&p.record.address, address, sizeof *address) == 0)
            continue;
        l->peers[i] = l->peers[left];
        l->peers[left++] = p;
        nh_wipe(&p, sizeof p);
    }
    return left;
}

int nh_radio_lamp_remove(nh_radio_lamp_t *l, const nh_radio_address_t *address)
{
    size_t count = l->peer_count, left = set_apart(l, address);
    if (left == count)
        return NH_ERR_NOT_FOUND;
    l->peer_count = left;
    int err = nh_radio_lamp__keep(l);
    if (err < 0) { // as before, in another order
        l->peer_count = count;
        return err;
    }
    nh_wipe(&l->peers[left], (count - left) * sizeof l->peers[0]);
    nh_radio_lamp__changed(l);
    return 0;
}

int nh_radio_lamp_rest(nh_radio_lamp_t *l)
{
    for (size_t i = 0; i < l->peer_count; i++)
        nh_radio_guard_rest(&l->peers[i].guard);
    return l->peer_count > 0 ? nh_radio_lamp__keep(l) : 0;
}

// ---- sending -----------------------------------------------------------------------------------

// False: the counter could not be reserved, so nothing may be sent.
static bool take_counter(nh_radio_lamp_t *l, struct nh_radio__peer *p, uint64_t *counter)
{
    nh_radio_guard_t before = p->guard;
    bool is_paired = p != &l->pairing.peer; // who is not yet has nothing in the store
    if (nh_radio_guard_reserve_send(&p->guard) && is_paired && nh_radio_lamp__keep(l) < 0) {
        p->guard = before;
        return false;
    }
    *counter = nh_radio_guard_send(&p->guard);
    return true;
}

void nh_radio_lamp__send(nh_radio_lamp_t *l, struct nh_radio__peer *p, struct nh_radio_frame *f)
{
    uint8_t bytes[NH_RADIO_FRAME_MAX_BYTES];
    bool is_keyed = p->record.kind == NH_RADIO_PEER_KEYED;
    f->head.version = is_keyed ? NH_RADIO_V2 : NH_RADIO_V1;
    f->head.src_node = l->cfg.node;
    f->head.dst_node = is_keyed ? p->record.node : 0; // as lamps of version 1 do
    if (is_keyed && !take_counter(l, p, &f->counter))
        return;
    int len = nh_radio_frame_encode(f, p->to_remote, bytes);
    if (len < 0)
        return;
    l->info.sent_count++;
    l->cfg.send(l->cfg.ctx, &p->record.address, bytes, (size_t)len);
}

// ---- the list ----------------------------------------------------------------------------------

static void send_meta(nh_radio_lamp_t *l, struct nh_radio__peer *p, uint32_t seq)
{
    struct nh_radio_frame f = {
        .head = {.type = NH_RADIO_HELLO, .seq = seq},
        .u.hello = {.sub = NH_RADIO_META_RSP, .count = l->cfg.effect_count, .crc = l->list_crc}};
    nh_radio_lamp__send(l, p, &f);
}

// Past the end: no records.
static void send_chunk(nh_radio_lamp_t *l, struct nh_radio__peer *p, uint32_t seq, uint16_t start)
{
    uint16_t left = start < l->cfg.effect_count ? (uint16_t)(l->cfg.effect_count - start) : 0;
    struct nh_radio_frame f = {
        .head = {.type = NH_RADIO_HELLO, .seq = seq},
        .u.hello = {.sub = NH_RADIO_CHUNK_RSP,
                    .count = left < NH_RADIO_CHUNK_MAX_COUNT ? left : NH_RADIO_CHUNK_MAX_COUNT,
                    .start = start,
                    .crc = l->list_crc,
                    .records = l->list + (left ? (size_t)start * NH_RADIO_RECORD_BYTES : 0)}};
    nh_radio_lamp__send(l, p, &f);
}

// ---- input -------------------------------------------------------------------------------------

static void hello(nh_radio_lamp_t *l, struct nh_radio__peer *p, const struct nh_radio_frame *f)
{
    switch (f->u.hello.sub) {
    case NH_RADIO_META_REQ:
        l->info.list_count++;
        send_meta(l, p, f->head.seq);
        break;
    case NH_RADIO_CHUNK_REQ:
        send_chunk(l, p, f->head.seq, f->u.hello.start);
        break;
    case NH_RADIO_COUNTER:
        if (f->head.version == NH_RADIO_V2)
            nh_radio_guard_skip(&p->guard, f->u.hello.counter);
        break;
    case NH_RADIO_PAIR_DONE: // the answer to the one before was lost
        if (f->head.version == NH_RADIO_V2)
            nh_radio_lamp__pair_result(l, p, f->head.seq, NH_RADIO_PAIR_PAIRED);
        break;
    default:
        break; // what only lamps send
    }
}

static void handle(nh_radio_lamp_t *l, struct nh_radio__peer *p, const struct nh_radio_frame *f,
                   int8_t rssi_dbm, uint64_t now_ms)
{
    bool was_heard = p->is_heard;
    p->rssi_dbm = rssi_dbm;
    p->is_heard = true;
    if (f->head.type == NH_RADIO_CTRL)
        nh_radio_lamp__ctrl(l, p, f, now_ms); // looks at heard_ms
    else if (f->head.type == NH_RADIO_HELLO)
        hello(l, p, f);
    p->heard_ms = now_ms;
    if (!was_heard)
        nh_radio_lamp__changed(l);
}

// A sender that is behind, after a restart of either end, is told where to go on.
static void tell_counter(nh_radio_lamp_t *l, struct nh_radio__peer *p, uint64_t now_ms)
{
    struct nh_radio_frame f = {.head = {.type = NH_RADIO_HELLO},
                               .u.hello = {.sub = NH_RADIO_COUNTER, .counter = p->guard.high}};
    if (p->counter_told_ms && now_ms - p->counter_told_ms < COUNTER_TELL_MS)
        return;
    p->counter_told_ms = now_ms;
    nh_radio_lamp__send(l, p, &f);
}

static bool take(nh_radio_lamp_t *l, struct nh_radio__peer *p, uint64_t counter, uint64_t now_ms)
{
    nh_radio_guard_t before = p->guard;
    enum nh_radio_guard_answer a = nh_radio_guard_check(&p->guard, counter);
    if (a != NH_RADIO_FRESH) {
        l->info.replayed_count++;
        if (a == NH_RADIO_TOO_OLD || !p->has_taken)
            tell_counter(l, p, now_ms);
        return false;
    }
    if (nh_radio_guard_reserve_receive(&p->guard, counter) && nh_radio_lamp__keep(l) < 0) {
        p->guard = before;
        return false;
    }
    bool is_late = counter < p->guard.high;
    uint32_t gap = nh_radio_guard_take(&p->guard, counter);
    if (p->has_taken && gap <= GAP_LOST_MAX)
        p->lost_count += gap;
    if (is_late && p->lost_count > 0)
        p->lost_count--;
    p->has_taken = true;
    return true;
}

static void input_keyed(nh_radio_lamp_t *l, const nh_radio_address_t *from, uint16_t node,
                        int8_t rssi_dbm, const uint8_t *bytes, size_t len, uint64_t now_ms)
{
    struct nh_radio_frame f;
    struct nh_radio__peer *p = nh_radio_lamp__peer(l, from, node);
    if (!p || p->record.kind != NH_RADIO_PEER_KEYED) {
        if (!nh_radio_lamp__pair_keyed(l, from, bytes, len, now_ms))
            l->info.unknown_count++;
        return;
    }
    int err = nh_radio_frame_decode(bytes, len, p->to_lamp, &f);
    if (err == NH_ERR_DENIED && nh_radio_lamp__pair_keyed(l, from, bytes, len, now_ms))
        return;
    if (err == NH_ERR_DENIED)
        l->info.forged_count++;
    else if (err < 0)
        l->info.garbage_count++;
    else if (take(l, p, f.counter, now_ms))
        handle(l, p, &f, rssi_dbm, now_ms);
}

// A remote of version 1 knows no pairing: what it says while the window is open makes it a peer.
static struct nh_radio__peer *learn(nh_radio_lamp_t *l, const nh_radio_address_t *from,
                                    uint16_t node, uint64_t now_ms)
{
    struct nh_radio__peer p = {
        .record = {
            .address = *from, .node = node, .kind = NH_RADIO_PEER_PLAIN, .name = "version 1"}};
    bool is_open = l->pairing.until_ms > now_ms && !l->pairing.needs_code;
    if (!is_open || nh_radio_lamp__add(l, &p) < 0) {
        l->info.unknown_count++;
        return NULL;
    }
    return nh_radio_lamp__peer(l, from, node);
}

static void input_plain(nh_radio_lamp_t *l, const nh_radio_address_t *from, int8_t rssi_dbm,
                        const uint8_t *bytes, size_t len, uint64_t now_ms)
{
    struct nh_radio_frame f;
    if (nh_radio_frame_decode(bytes, len, NULL, &f) < 0) {
        l->info.garbage_count++;
        return;
    }
    if (f.head.type == NH_RADIO_HELLO && f.u.hello.sub >= NH_RADIO_PAIR_BEGIN) {
        nh_radio_lamp__pair_frame(l, from, &f, now_ms);
        return;
    }
    struct nh_radio__peer *p = nh_radio_lamp__peer(l, from, f.head.src_node);
    // One that has a key does not go back to frames that everybody can make.
    if (!l->cfg.allow_v1 || (p && p->record.kind != NH_RADIO_PEER_PLAIN)) {
        l->info.plain_refused_count++;
        return;
    }
    if (!p && f.head.type != NH_RADIO_ACK)
        p = learn(l, from, f.head.src_node, now_ms);
    if (p)
        handle(l, p, &f, rssi_dbm, now_ms);
}

void nh_radio_lamp_input(nh_radio_lamp_t *l, const nh_radio_address_t *from, int8_t rssi_dbm,
                         const uint8_t *bytes, size_t len, uint64_t now_ms)
{
    struct nh_radio_head head;
    l->info.received_count++;
    if (nh_radio_head_decode(bytes, len, &head) < 0)
        l->info.garbage_count++;
    else if (head.dst_node != l->cfg.node && head.dst_node != NH_RADIO_NODE_ANY)
        l->info.foreign_count++;
    else if (head.version == NH_RADIO_V2)
        input_keyed(l, from, head.src_node, rssi_dbm, bytes, len, now_ms);
    else
        input_plain(l, from, rssi_dbm, bytes, len, now_ms);
}

// ---- time --------------------------------------------------------------------------------------

void nh_radio_lamp_tick(nh_radio_lamp_t *l, uint64_t now_ms)
{
    if (l->pairing.until_ms && now_ms >= l->pairing.until_ms)
        nh_radio_lamp__pair_close(l);
    if (now_ms >= l->push_ms)
        nh_radio_lamp__push(l, now_ms);
}

uint64_t nh_radio_lamp_next_deadline(const nh_radio_lamp_t *l)
{
    uint64_t pair_ms = l->pairing.until_ms ? l->pairing.until_ms : NH_NEVER;
    return pair_ms < l->push_ms ? pair_ms : l->push_ms;
}

// ---- figures -----------------------------------------------------------------------------------

static uint32_t percentile_us(const struct nh_radio__peer *p, uint32_t pct)
{
    uint32_t sorted[NH_RADIO__LATENCY_COUNT], count = p->latency_count;
    count = count < NH_RADIO__LATENCY_COUNT ? count : NH_RADIO__LATENCY_COUNT;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t v = p->latency_us[i], at = i;
        for (; at > 0 && sorted[at - 1] > v; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = v;
    }
    return count ? sorted[(count - 1) * pct / 100] : 0;
}

bool nh_radio_lamp_peer_at(const nh_radio_lamp_t *l, size_t index, struct nh_radio_lamp_peer *out)
{
    if (index >= l->peer_count)
        return false;
    const struct nh_radio__peer *p = &l->peers[index];
    *out = (struct nh_radio_lamp_peer){.record = p->record,
                                       .is_heard = p->is_heard,
                                       .rssi_dbm = p->rssi_dbm,
                                       .heard_ms = p->heard_ms,
                                       .command_count = p->command_count,
                                       .repeat_count = p->repeat_count,
                                       .rejected_count = p->rejected_count,
                                       .lost_count = p->lost_count,
                                       .ack_p50_us = percentile_us(p, 50),
                                       .ack_p99_us = percentile_us(p, 99)};
    nh_wipe(out->record.key, sizeof out->record.key);
    return true;
}

void nh_radio_lamp_info(const nh_radio_lamp_t *l, uint64_t now_ms, struct nh_radio_lamp_info *out)
{
    const struct nh_radio__pairing *p = &l->pairing;
    *out = l->info;
    out->peer_count = l->peer_count;
    out->peer_max = l->cfg.peer_max_count;
    out->allow_v1 = l->cfg.allow_v1;
    out->effect_count = l->cfg.effect_count;
    out->effect_crc = l->list_crc;
    if (p->until_ms <= now_ms)
        return;
    out->pair_left_s = (uint32_t)((p->until_ms - now_ms + 999) / 1000);
    out->pair_needs_code = p->needs_code;
    out->pair_has_code = p->state == NH_RADIO__PROVED;
    if (!out->pair_has_code)
        return;
    out->pair_code = p->outcome.code;
    out->pair_address = p->remote.address;
    memcpy(out->pair_name, p->peer.record.name, sizeof out->pair_name);
}
