#include "components/lamp_radio/radio_remote.h"

#include "components/lamp_radio/radio_remote_state.h"
#include "core/base/crc.h"
#include "platform/crypto.h"

#include <string.h>

#define COUNTER_TELL_MS 100
#define LIST_BYTES ((size_t)NH_RADIO_REMOTE_LIST_MAX_COUNT * NH_RADIO_RECORD_BYTES)

// ---- life --------------------------------------------------------------------------------------

int nh_radio_remote_create(const struct nh_radio_remote_config *cfg, nh_radio_remote_t **out)
{
    *out = NULL;
    if (cfg->node == 0 || cfg->node == NH_RADIO_NODE_ANY || cfg->channel == 0 ||
        cfg->channel > NH_RADIO_CHANNEL_MAX)
        return NH_ERR_RANGE;
    nh_radio_remote_t *r = nh_mem_alloc_zero(cfg->mem, sizeof *r, NH_MEM_BULK);
    if (!r)
        return NH_ERR_NOMEM;
    r->cfg = *cfg;
    r->cfg.hop_ms = cfg->hop_ms ? cfg->hop_ms : 50;
    r->cfg.command_timeout_ms = cfg->command_timeout_ms ? cfg->command_timeout_ms : 10000;
    r->channel = cfg->channel;
    r->poll_ms = NH_NEVER;
    if (cfg->name)
        memcpy(r->name, cfg->name, strnlen(cfg->name, sizeof r->name - 1));
    r->list = nh_mem_alloc(cfg->mem, LIST_BYTES, NH_MEM_BULK);
    r->staged = nh_mem_alloc(cfg->mem, LIST_BYTES, NH_MEM_BULK);
    if (!r->list || !r->staged) {
        nh_radio_remote_destroy(r);
        return NH_ERR_NOMEM;
    }
    *out = r;
    return 0;
}

int nh_radio_remote_rest(nh_radio_remote_t *r)
{
    for (size_t i = 0; i < r->lamp_count; i++)
        nh_radio_guard_rest(&r->lamps[i].guard);
    return nh_radio_remote__keep(r);
}

void nh_radio_remote_destroy(nh_radio_remote_t *r)
{
    if (!r)
        return;
    nh_mem_t *mem = r->cfg.mem;
    nh_mem_free(mem, r->list);
    nh_mem_free(mem, r->staged);
    nh_wipe(r, sizeof *r);
    nh_mem_free(mem, r);
}

static void set_up(struct nh_radio__lamp *p, const struct nh_radio_peer_record *record)
{
    *p = (struct nh_radio__lamp){.record = *record};
    nh_radio_guard_init(&p->guard, record->kept_sent, record->kept_received);
    nh_radio_pair_directions(record->key, p->to_lamp, p->to_remote);
}

int nh_radio_remote_load(nh_radio_remote_t *r, const uint8_t *bytes, size_t len)
{
    struct nh_radio_peer_record records[NH_RADIO_REMOTE_LAMP_MAX_COUNT];
    r->lamp_count = 0;
    int count = nh_radio_peers_decode(bytes, len, records, NH_RADIO_REMOTE_LAMP_MAX_COUNT);
    if (count < 0)
        return count;
    while (r->lamp_count < (size_t)count && r->lamp_count < NH_RADIO_REMOTE_LAMP_MAX_COUNT) {
        set_up(&r->lamps[r->lamp_count], &records[r->lamp_count]);
        r->lamp_count++;
    }
    nh_wipe(records, sizeof records);
    if (r->lamp_count > 0 && r->lamps[0].record.channel)
        nh_radio_remote__channel(r, r->lamps[0].record.channel);
    return (size_t)count > r->lamp_count ? NH_ERR_FULL : 0;
}

int nh_radio_remote_load_list(nh_radio_remote_t *r, const uint8_t *records, uint16_t count,
                              uint32_t crc)
{
    size_t bytes = (size_t)count * NH_RADIO_RECORD_BYTES;
    if (count > NH_RADIO_REMOTE_LIST_MAX_COUNT || nh_crc32(0, records, bytes) != crc)
        return NH_ERR_CORRUPT;
    memcpy(r->list, records, bytes);
    r->list_count = count;
    r->info.list_crc = crc;
    r->has_list = true;
    return 0;
}

void nh_radio_remote__event(nh_radio_remote_t *r, const struct nh_radio_remote_event *e)
{
    r->cfg.event(r->cfg.ctx, e);
}

void nh_radio_remote__channel(nh_radio_remote_t *r, uint8_t channel)
{
    if (channel == r->channel)
        return;
    r->channel = channel;
    r->cfg.channel_set(r->cfg.ctx, channel);
}

// ---- lamps -------------------------------------------------------------------------------------

size_t nh_radio_remote_lamp_count(const nh_radio_remote_t *r)
{
    return r->lamp_count;
}

const struct nh_radio_peer_record *nh_radio_remote_lamp_at(const nh_radio_remote_t *r, size_t i)
{
    return i < r->lamp_count ? &r->lamps[i].record : NULL;
}

int nh_radio_remote__keep(nh_radio_remote_t *r)
{
    struct nh_radio_peer_record records[NH_RADIO_REMOTE_LAMP_MAX_COUNT];
    uint8_t document[NH_RADIO_PEERS_BYTES(NH_RADIO_REMOTE_LAMP_MAX_COUNT)];
    if (r->lamp_count > 0)
        r->lamps[0].record.channel = r->channel;
    for (size_t i = 0; i < r->lamp_count; i++) {
        r->lamps[i].record.kept_sent = r->lamps[i].guard.kept_sent;
        r->lamps[i].record.kept_received = r->lamps[i].guard.kept_received;
        records[i] = r->lamps[i].record;
    }
    size_t len = nh_radio_peers_encode(records, r->lamp_count, document);
    int err = r->cfg.keep(r->cfg.ctx, document, len);
    nh_wipe(records, sizeof records);
    nh_wipe(document, sizeof document);
    return err < 0 ? err : 0;
}

// What belonged to the lamp that was selected before.
static void forget_state(nh_radio_remote_t *r)
{
    nh_radio_remote__cancel(r);
    r->has_list = false;
    r->list_count = 0;
    r->info.list_crc = 0;
    r->info.has_state = false;
    r->info.is_up = false;
}

static void move_to_front(nh_radio_remote_t *r, size_t index)
{
    struct nh_radio__lamp p = r->lamps[index];
    memmove(&r->lamps[1], &r->lamps[0], index * sizeof p);
    r->lamps[0] = p;
}

int nh_radio_remote_select(nh_radio_remote_t *r, size_t index)
{
    if (index >= r->lamp_count)
        return NH_ERR_NOT_FOUND;
    if (index == 0)
        return 0;
    forget_state(r);
    move_to_front(r, index);
    if (r->lamps[0].record.channel)
        nh_radio_remote__channel(r, r->lamps[0].record.channel);
    return nh_radio_remote__keep(r);
}

int nh_radio_remote__add(nh_radio_remote_t *r, const struct nh_radio__lamp *p)
{
    size_t at = 0, count = r->lamp_count;
    struct nh_radio__lamp before[NH_RADIO_REMOTE_LAMP_MAX_COUNT];
    while (at < count &&
           memcmp(&r->lamps[at].record.address, &p->record.address, sizeof p->record.address) != 0)
        at++;
    if (at == NH_RADIO_REMOTE_LAMP_MAX_COUNT)
        return NH_ERR_FULL;
    memcpy(before, r->lamps, sizeof before);
    r->lamps[at] = *p;
    r->lamp_count += at == count;
    move_to_front(r, at);
    int err = nh_radio_remote__keep(r);
    if (err < 0) { // as before
        memcpy(r->lamps, before, sizeof before);
        r->lamp_count = count;
    } else {
        forget_state(r);
    }
    nh_wipe(before, sizeof before);
    return err;
}

int nh_radio_remote_add_plain(nh_radio_remote_t *r, const nh_radio_address_t *lamp, uint16_t node)
{
    const struct nh_radio_peer_record record = {
        .address = *lamp, .node = node, .kind = NH_RADIO_PEER_PLAIN, .name = "version 1"};
    struct nh_radio__lamp p;
    set_up(&p, &record);
    return nh_radio_remote__add(r, &p);
}

int nh_radio_remote_remove(nh_radio_remote_t *r, size_t index)
{
    if (index >= r->lamp_count)
        return NH_ERR_NOT_FOUND;
    size_t last = --r->lamp_count;
    struct nh_radio__lamp gone = r->lamps[index];
    memmove(&r->lamps[index], &r->lamps[index + 1], (last - index) * sizeof gone);
    int err = nh_radio_remote__keep(r);
    if (err < 0) { // as before
        memmove(&r->lamps[index + 1], &r->lamps[index], (last - index) * sizeof gone);
        r->lamps[index] = gone;
        r->lamp_count++;
    } else {
        nh_wipe(&r->lamps[last], sizeof gone);
        if (index == 0)
            forget_state(r);
    }
    nh_wipe(&gone, sizeof gone);
    return err;
}

// ---- sending -----------------------------------------------------------------------------------

int nh_radio_remote__send(nh_radio_remote_t *r, struct nh_radio__lamp *p, struct nh_radio_frame *f)
{
    uint8_t bytes[NH_RADIO_FRAME_MAX_BYTES];
    nh_radio_guard_t before = p->guard;
    bool is_paired = p != &r->pair.lamp;
    // Also in version 1, where it is the number of a frame that must not come twice.
    if (nh_radio_guard_reserve_send(&p->guard) && is_paired) {
        int err = nh_radio_remote__keep(r);
        if (err < 0) {
            p->guard = before;
            return err;
        }
    }
    f->head.version = p->record.kind == NH_RADIO_PEER_KEYED ? NH_RADIO_V2 : NH_RADIO_V1;
    f->head.src_node = r->cfg.node;
    f->head.dst_node = p->record.node ? p->record.node : NH_RADIO_NODE_ANY;
    f->counter = nh_radio_guard_send(&p->guard);
    int len = nh_radio_frame_encode(f, p->to_lamp, bytes);
    if (len < 0)
        return len;
    r->info.sent_count++;
    r->cfg.send(r->cfg.ctx, &p->record.address, bytes, (size_t)len);
    return 0;
}

static void tell_counter(nh_radio_remote_t *r, struct nh_radio__lamp *p, uint64_t now_ms)
{
    struct nh_radio_frame f = {.head = {.type = NH_RADIO_HELLO},
                               .u.hello = {.sub = NH_RADIO_COUNTER, .counter = p->guard.high}};
    if (p->counter_told_ms && now_ms - p->counter_told_ms < COUNTER_TELL_MS)
        return;
    p->counter_told_ms = now_ms;
    NH_IGNORE(nh_radio_remote__send(r, p, &f)); // it asks again
}

// ---- input -------------------------------------------------------------------------------------

static bool take(nh_radio_remote_t *r, struct nh_radio__lamp *p, uint64_t counter, uint64_t now_ms)
{
    nh_radio_guard_t before = p->guard;
    enum nh_radio_guard_answer a = nh_radio_guard_check(&p->guard, counter);
    if (a != NH_RADIO_FRESH) {
        r->info.replayed_count++;
        if (a == NH_RADIO_TOO_OLD || !p->has_taken)
            tell_counter(r, p, now_ms);
        return false;
    }
    if (nh_radio_guard_reserve_receive(&p->guard, counter) && nh_radio_remote__keep(r) < 0) {
        p->guard = before;
        return false;
    }
    nh_radio_guard_take(&p->guard, counter);
    p->has_taken = true;
    return true;
}

static void hello(nh_radio_remote_t *r, const struct nh_radio_frame *f, uint64_t now_ms)
{
    struct nh_radio_remote_event e = {.kind = NH_RADIO_REMOTE_OTA, .hello = &f->u.hello};
    switch (f->u.hello.sub) {
    case NH_RADIO_META_RSP:
        nh_radio_remote__meta(r, f, now_ms);
        break;
    case NH_RADIO_CHUNK_RSP:
        nh_radio_remote__chunk(r, f, now_ms);
        break;
    case NH_RADIO_AUDIO_STATE:
        e.kind = NH_RADIO_REMOTE_AUDIO;
        nh_radio_remote__event(r, &e);
        break;
    case NH_RADIO_OTA_INFO:
        nh_radio_remote__event(r, &e);
        break;
    case NH_RADIO_COUNTER:
        if (f->head.version == NH_RADIO_V2)
            nh_radio_guard_skip(&r->lamps[0].guard, f->u.hello.counter);
        break;
    default:
        break;
    }
}

static void handle(nh_radio_remote_t *r, const struct nh_radio_frame *f, int8_t rssi_dbm,
                   uint64_t now_ms)
{
    r->info.rssi_dbm = rssi_dbm;
    r->info.heard_ms = now_ms;
    nh_radio_remote__heard(r, now_ms);
    if (f->head.type == NH_RADIO_ACK)
        nh_radio_remote__acked(r, f, now_ms);
    else if (f->head.type == NH_RADIO_HELLO)
        hello(r, f, now_ms);
}

static void input_lamp(nh_radio_remote_t *r, int8_t rssi_dbm, const uint8_t *bytes, size_t len,
                       uint64_t now_ms)
{
    struct nh_radio__lamp *p = &r->lamps[0];
    struct nh_radio_frame f;
    bool is_keyed = p->record.kind == NH_RADIO_PEER_KEYED;
    int err = nh_radio_frame_decode(bytes, len, is_keyed ? p->to_remote : NULL, &f);
    if (err == NH_ERR_DENIED || (err == 0 && is_keyed != (f.head.version == NH_RADIO_V2)))
        r->info.forged_count++;
    else if (err < 0)
        r->info.garbage_count++;
    else if (!is_keyed || take(r, p, f.counter, now_ms))
        handle(r, &f, rssi_dbm, now_ms);
}

static void input_pairing(nh_radio_remote_t *r, const nh_radio_address_t *from,
                          const uint8_t *bytes, size_t len, uint64_t now_ms)
{
    struct nh_radio_frame f;
    if (bytes[2] == NH_RADIO_V2)
        nh_radio_remote__pair_keyed(r, from, bytes, len, now_ms);
    else if (nh_radio_frame_decode(bytes, len, NULL, &f) == 0 && f.head.type == NH_RADIO_HELLO)
        nh_radio_remote__pair_plain(r, from, &f, now_ms);
}

void nh_radio_remote_input(nh_radio_remote_t *r, const nh_radio_address_t *from, int8_t rssi_dbm,
                           const uint8_t *bytes, size_t len, uint64_t now_ms)
{
    struct nh_radio_head head;
    r->info.received_count++;
    if (nh_radio_head_decode(bytes, len, &head) < 0)
        r->info.garbage_count++;
    else if (r->pair.phase != NH_RADIO__PAIR_OFF)
        input_pairing(r, from, bytes, len, now_ms);
    else if (r->lamp_count > 0 && memcmp(from, &r->lamps[0].record.address, sizeof *from) == 0)
        input_lamp(r, rssi_dbm, bytes, len, now_ms);
    nh_radio_remote__go_on(r, now_ms);
}

// ---- time --------------------------------------------------------------------------------------

static void poll(nh_radio_remote_t *r, uint64_t now_ms)
{
    if (now_ms < r->poll_ms)
        return;
    r->poll_ms = nh_ms_after(now_ms, r->cfg.poll_ms);
    if (nh_radio_remote_is_idle(r))
        NH_IGNORE(nh_radio_remote_command(r, NH_RADIO_GET_AUDIO_STATE, 0, now_ms));
}

void nh_radio_remote_tick(nh_radio_remote_t *r, uint64_t now_ms)
{
    if (r->pair.phase != NH_RADIO__PAIR_OFF) {
        nh_radio_remote__pair_tick(r, now_ms);
        return;
    }
    nh_radio_remote__talk_tick(r, now_ms);
    poll(r, now_ms);
    nh_radio_remote__go_on(r, now_ms);
}

uint64_t nh_radio_remote_next_deadline(const nh_radio_remote_t *r)
{
    uint64_t next = r->poll_ms;
    if (r->pair.phase != NH_RADIO__PAIR_OFF)
        return r->pair.next_ms < r->pair.end_ms ? r->pair.next_ms : r->pair.end_ms;
    if (r->exchange.ask != NH_RADIO__NOTHING)
        next = r->exchange.next_ms < next ? r->exchange.next_ms : next;
    if (r->exchange.ask != NH_RADIO__NOTHING && r->exchange.end_ms < next)
        next = r->exchange.end_ms;
    if (r->hop.is_on && r->hop.next_ms < next)
        next = r->hop.next_ms;
    return next;
}

// ---- what it knows -----------------------------------------------------------------------------

uint16_t nh_radio_remote_effect_count(const nh_radio_remote_t *r)
{
    return r->list_count;
}

bool nh_radio_remote_effect_at(const nh_radio_remote_t *r, uint16_t index,
                               struct nh_radio_record *out)
{
    if (index >= r->list_count)
        return false;
    nh_radio_record_decode(r->list + (size_t)index * NH_RADIO_RECORD_BYTES, out);
    return true;
}

static uint32_t percentile_us(const nh_radio_remote_t *r, uint32_t pct)
{
    uint32_t sorted[NH_RADIO__ANSWER_COUNT], count = r->answer_count;
    count = count < NH_RADIO__ANSWER_COUNT ? count : NH_RADIO__ANSWER_COUNT;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t v = r->answer_us[i], at = i;
        for (; at > 0 && sorted[at - 1] > v; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = v;
    }
    return count ? sorted[(count - 1) * pct / 100] : 0;
}

void nh_radio_remote_info(const nh_radio_remote_t *r, struct nh_radio_remote_info *out)
{
    uint32_t tries = r->try_count < 64 ? r->try_count : 64, lost = 0;
    for (uint32_t i = 0; i < tries; i++)
        lost += r->loss_bits >> i & 1;
    *out = r->info;
    out->is_hopping = r->hop.is_on;
    out->is_pairing = r->pair.phase != NH_RADIO__PAIR_OFF;
    out->is_syncing = r->sync.is_on;
    out->channel = r->channel;
    out->loss_pct = tries ? lost * 100 / tries : 0;
    out->answer_p50_us = percentile_us(r, 50);
    out->answer_p99_us = percentile_us(r, 99);
}
