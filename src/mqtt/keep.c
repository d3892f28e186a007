// Changes of state become records: sessions, subscriptions, queues, packet ids, retained messages.

#include "mqtt/keep.h"
#include "core/base/bytes.h"

#include <string.h>

#define KEY_BYTES NH_MQTT_KEY_MAX_BYTES
#define SESSION_BYTES (NH_MQTT__SESSION_HEAD_BYTES + NH_MQTT__USER_MAX)
#define LABEL_BYTES 4u
#define DIRECT_MAX 64u // messages of a queue removed one by one; more are purged bit by bit

static const nh_span_t none;

// The session has a record in the batch being filled.
static void touch(const nh_mqtt_broker_t *b, struct nh_mqtt__kept *k)
{
    k->batch = nh_mqtt__journal_no(b);
}

// One more record refers to `m`.
static void message_ref(nh_mqtt_broker_t *b, struct nh_mqtt__msg *m)
{
    if (m->no) {
        nh_mqtt__journal_count(b, m->no, 1);
        return;
    }
    uint8_t head[NH_MQTT__MESSAGE_HEAD_BYTES];
    m->no = ++b->journal->next_message;
    const struct nh_mqtt__message_record r = {.qos = m->qos,
                                              .is_v5 = m->is_v5,
                                              .expiry_unix_ms =
                                                  nh_mqtt__to_unix(b, nh_mqtt__msg_expires_ms(m)),
                                              .topic_len = m->topic_len,
                                              .props_len = (uint32_t)nh_mqtt__msg_props(m).len,
                                              .payload_len = (uint32_t)nh_mqtt__msg_payload(m).len};
    nh_mqtt__message_encode(head, &r);
    nh_mqtt__journal_put(b, nh_mqtt__key_u64(NH_MQTT__REC_MESSAGE, m->no), head, sizeof head, none,
                         m, true);
}

#define MESSAGE_REF_BYTES (KEY_BYTES + NH_MQTT__MESSAGE_HEAD_BYTES)

// ---- sessions -----------------------------------------------------------------------------------

static void put_session(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s, uint8_t version,
                        bool is_new)
{
    uint8_t head[NH_MQTT__SESSION_HEAD_BYTES + NH_MQTT__CLIENT_ID_MAX];
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    const struct nh_mqtt__user *u = s->user;
    struct nh_mqtt__session_record r = {.protocol = version,
                                        .expiry_s = k->expiry_s,
                                        .has_user = u != NULL,
                                        .id = {(const uint8_t *)s->id, s->id_len}};
    if (k->is_away)
        r.away_unix_ms = nh_mqtt__to_unix(b, b->now_ms);
    if (u)
        r.user = (nh_span_t){(const uint8_t *)u->name, u->name_len};
    nh_mqtt__session_encode(head, &r);
    memcpy(head + NH_MQTT__SESSION_HEAD_BYTES, r.id.ptr, r.id.len);
    nh_mqtt__journal_put(b, nh_mqtt__key_u32(NH_MQTT__REC_SESSION, k->no), head,
                         NH_MQTT__SESSION_HEAD_BYTES + r.id.len, r.user, NULL, is_new);
    touch(b, k);
}

static int session_reserve(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    return nh_mqtt__journal_reserve(b, 1, KEY_BYTES + SESSION_BYTES + s->id_len);
}

// One that is known keeps its number; what changed is recorded.
static int keep_again(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, uint32_t expiry_s,
                      uint8_t version)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    if (k->expiry_s == expiry_s && !k->is_away)
        return NH_OK;
    if (session_reserve(b, s) < 0)
        return NH_ERR_NOMEM;
    k->expiry_s = expiry_s;
    k->is_away = false;
    put_session(b, s, version, false);
    return NH_OK;
}

int nh_mqtt__keep_session(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, uint32_t expiry_s,
                          uint8_t version)
{
    if (nh_mqtt__kept(s))
        return keep_again(b, s, expiry_s, version);
    if (!b->journal || expiry_s == 0)
        return NH_OK;
    struct nh_mqtt__flow *f = nh_mqtt__session_flow(b, s);
    if (!f || session_reserve(b, s) < 0)
        return NH_ERR_NOMEM;
    struct nh_mqtt__kept *k = nh_mem_alloc(b->mem, sizeof(*k), NH_MEM_BULK);
    if (!k)
        return NH_ERR_NOMEM;
    NH_ASSERT(f->sent_span == 0 && f->waiting_count == 0);
    *k = (struct nh_mqtt__kept){.head_seq = 1,
                                .page_seq = 1,
                                .next_seq = 1,
                                .no = ++b->journal->next_session,
                                .expiry_s = expiry_s};
    f->kept = k;
    f->first_id = 1;
    put_session(b, s, version, true);
    return NH_OK;
}

// Without memory its time begins anew after a restart. Who is kept for ever needs no record of it.
void nh_mqtt__keep_away(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    bool is_known = k && k->expiry_s == s->expiry_s;
    if (!k || (is_known && s->expiry_s == NH_MQTT__NEVER_S) || session_reserve(b, s) < 0)
        return;
    k->expiry_s = s->expiry_s;
    k->is_away = s->expiry_s != NH_MQTT__NEVER_S;
    put_session(b, s, s->conn->version, false);
}

// Without memory its time begins anew after the next restart.
void nh_mqtt__keep_left(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, uint8_t version)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    if (k->expiry_s == NH_MQTT__NEVER_S || session_reserve(b, s) < 0)
        return;
    k->is_away = true;
    put_session(b, s, version, false);
}

int nh_mqtt__keep_gate(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    const struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    return k ? nh_mqtt__gate(b, s->conn, k->batch) : NH_OK;
}

// Whether the queue is so long that it is removed later, bit by bit.
static bool is_long(const struct nh_mqtt__flow *f)
{
    return f->kept->page_seq < f->kept->next_seq || f->sent_count + f->waiting_count > DIRECT_MAX;
}

// Also for what the end of its subscriptions moves to other members of a share.
int nh_mqtt__keep_end_reserve(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    const struct nh_mqtt__flow *f = s->flow;
    if (!nh_mqtt__kept(s))
        return NH_OK;
    uint32_t queue = f->sent_count + f->waiting_count;
    uint32_t ops = 2 + s->sub_count + f->ids_count + 6 * queue;
    return nh_mqtt__journal_reserve(b, ops, ops * (KEY_BYTES + NH_MQTT__QUEUE_HEAD_BYTES));
}

static void kept_free(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    nh_mem_free(b->mem, s->flow->kept);
    s->flow->kept = NULL;
}

// Without memory nothing of the session is taken out: half of it would be worse than all.
void nh_mqtt__keep_end_subs(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    const struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    if (k && nh_mqtt__keep_end_reserve(b, s) < 0) {
        kept_free(b, s);
        return;
    }
    if (!k)
        return;
    for (const struct nh_mqtt__sub *sub = s->subs; sub; sub = sub->session_next)
        nh_mqtt__journal_delete(b, nh_mqtt__key_u32_u16(NH_MQTT__REC_SUB, k->no, sub->no));
}

static void forget_place(nh_mqtt_broker_t *b, uint32_t no, uint64_t seq,
                         const struct nh_mqtt__msg *m)
{
    nh_mqtt__journal_delete(b, nh_mqtt__key_u32_u64(NH_MQTT__REC_QUEUE, no, seq));
    if (m)
        nh_mqtt__journal_count(b, m->no, -1);
}

static void put_gone(nh_mqtt_broker_t *b, uint32_t no)
{
    const uint8_t bare[] = {NH_MQTT__RECORD_VERSION};
    nh_mqtt__journal_put(b, nh_mqtt__key_u32(NH_MQTT__REC_GONE, no), bare, sizeof bare, none, NULL,
                         true);
    b->journal->purge_batch = nh_mqtt__journal_no(b);
}

static void end_queue(nh_mqtt_broker_t *b, const struct nh_mqtt__flow *f)
{
    const struct nh_mqtt__kept *k = f->kept;
    if (is_long(f)) {
        put_gone(b, k->no);
        return;
    }
    for (uint32_t i = 0; i < f->sent_span; i++) {
        const struct nh_mqtt__sent *sent = nh_mqtt__sent_at(f, i);
        if (sent->state != NH_MQTT__SENT_DONE)
            forget_place(b, k->no, k->head_seq + i, sent->msg);
    }
    uint64_t seq = k->head_seq + f->sent_span;
    for (uint32_t i = 0; i < f->waiting_count; i++) {
        const struct nh_mqtt__waiting *w = nh_mqtt__waiting_at(f, i);
        seq += (uint32_t)(w->seq - (uint32_t)seq);
        forget_place(b, k->no, seq++, w->msg);
    }
}

static void end_records(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    const struct nh_mqtt__flow *f = s->flow;
    uint32_t no = f->kept->no;
    nh_mqtt__journal_delete(b, nh_mqtt__key_u32(NH_MQTT__REC_SESSION, no));
    for (uint32_t i = 0; i < f->ids_cap; i++)
        if (f->ids[i])
            nh_mqtt__journal_delete(b, nh_mqtt__key_u32_u16(NH_MQTT__REC_RECEIVED, no, f->ids[i]));
    end_queue(b, f);
}

// Without memory the records stay, and the session is there again after a restart: one that was
// evicted may be, unless its client has made another one by then. One that its client wiped may
// not, so that reserves first.
void nh_mqtt__keep_end(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    if (!nh_mqtt__kept(s))
        return;
    if (nh_mqtt__keep_end_reserve(b, s) == NH_OK)
        end_records(b, s);
    kept_free(b, s);
}

int nh_mqtt__keep_superseded(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    uint32_t no = nh_mqtt__kept(s)->no;
    if (nh_mqtt__journal_reserve(b, 2, 2 * KEY_BYTES + NH_MQTT__BARE_BYTES) < 0)
        return NH_ERR_NOMEM;
    nh_mqtt__journal_delete(b, nh_mqtt__key_u32(NH_MQTT__REC_SESSION, no));
    put_gone(b, no);
    kept_free(b, s);
    return NH_OK;
}

// ---- subscriptions ------------------------------------------------------------------------------

int nh_mqtt__keep_sub_reserve(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s,
                              size_t filter_len)
{
    if (!nh_mqtt__kept(s))
        return NH_OK;
    return nh_mqtt__journal_reserve(b, 1,
                                    (uint32_t)(KEY_BYTES + NH_MQTT__SUB_HEAD_BYTES + filter_len));
}

static bool is_taken(const struct nh_mqtt__session *s, uint16_t no)
{
    for (const struct nh_mqtt__sub *sub = s->subs; sub; sub = sub->session_next)
        if (sub->no == no)
            return true;
    return false;
}

// Numbers go round after 65535 subscriptions: only then are those in use looked at.
static uint16_t free_number(const struct nh_mqtt__session *s, struct nh_mqtt__kept *k)
{
    do {
        k->last_sub++;
    } while (k->last_sub == 0 || is_taken(s, k->last_sub));
    return k->last_sub;
}

void nh_mqtt__keep_sub(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__sub *sub,
                       nh_span_t filter)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    uint8_t head[NH_MQTT__SUB_HEAD_BYTES];
    if (!k)
        return;
    bool is_new = sub->no == 0;
    if (is_new)
        sub->no = free_number(s, k);
    uint8_t options = (uint8_t)(sub->qos | (sub->flags & NH_MQTT__SUB_NO_LOCAL ? 4 : 0) |
                                (sub->flags & NH_MQTT__SUB_AS_PUBLISHED ? 8 : 0) |
                                (sub->flags & NH_MQTT__SUB_HANDLING));
    nh_mqtt__sub_encode(head, &(struct nh_mqtt__sub_record){options, sub->id, filter});
    nh_mqtt__journal_put(b, nh_mqtt__key_u32_u16(NH_MQTT__REC_SUB, k->no, sub->no), head,
                         sizeof head, filter, NULL, is_new);
    touch(b, k);
}

void nh_mqtt__keep_unsub(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                         const struct nh_mqtt__sub *sub)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    if (!k)
        return;
    nh_mqtt__journal_delete(b, nh_mqtt__key_u32_u16(NH_MQTT__REC_SUB, k->no, sub->no));
    touch(b, k);
}

// ---- queues -------------------------------------------------------------------------------------

#define PLACE_BYTES (KEY_BYTES + NH_MQTT__QUEUE_HEAD_BYTES + LABEL_BYTES)

int nh_mqtt__keep_message_reserve(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    if (!nh_mqtt__kept(s))
        return NH_OK;
    return nh_mqtt__journal_reserve(b, 2, MESSAGE_REF_BYTES + PLACE_BYTES);
}

void nh_mqtt__keep_message(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                           const struct nh_mqtt__waiting *w, bool in_memory)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    uint8_t head[NH_MQTT__QUEUE_HEAD_BYTES], label[LABEL_BYTES];
    if (!k)
        return;
    message_ref(b, w->msg);
    k->sum_bytes += w->msg->len;
    nh_put_le32(label, w->label);
    const struct nh_mqtt__queue_record r = {.qos = w->qos,
                                            .retain = w->retain,
                                            .len = w->msg->len,
                                            .message = w->msg->no,
                                            .sum_bytes = k->sum_bytes,
                                            .ids = {label, w->label ? LABEL_BYTES : 0}};
    nh_mqtt__queue_encode(head, &r);
    nh_mqtt__journal_put(b, nh_mqtt__key_u32_u64(NH_MQTT__REC_QUEUE, k->no, k->next_seq), head,
                         sizeof head, r.ids, NULL, true);
    k->next_seq++;
    if (in_memory)
        k->page_seq = k->next_seq;
    else
        k->page_bytes += w->msg->len;
    touch(b, k);
    k->put_batch = k->batch;
}

bool nh_mqtt__keep_dropped(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                           const struct nh_mqtt__waiting *w)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    if (!k)
        return true;
    if (nh_mqtt__keep_ack_reserve(b, s) < 0)
        return false;
    uint64_t seq = k->page_seq - (uint32_t)((uint32_t)k->page_seq - w->seq);
    forget_place(b, k->no, seq, w->msg);
    touch(b, k);
    return true;
}

int nh_mqtt__keep_ack_reserve(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    if (!nh_mqtt__kept(s))
        return NH_OK;
    return nh_mqtt__journal_reserve(b, 2, 2 * KEY_BYTES + NH_MQTT__QUEUE_HEAD_BYTES);
}

void nh_mqtt__keep_released(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                            const struct nh_mqtt__sent *sent)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    uint8_t head[NH_MQTT__QUEUE_HEAD_BYTES];
    if (!k)
        return;
    uint64_t seq = nh_mqtt__sent_seq(s->flow, sent);
    nh_mqtt__queue_encode(head, &(struct nh_mqtt__queue_record){.qos = 2, .released = true});
    nh_mqtt__journal_put(b, nh_mqtt__key_u32_u64(NH_MQTT__REC_QUEUE, k->no, seq), head, sizeof head,
                         none, NULL, false);
    nh_mqtt__journal_count(b, sent->msg->no, -1);
    touch(b, k);
}

void nh_mqtt__keep_done(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                        const struct nh_mqtt__sent *sent)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    if (!k)
        return;
    forget_place(b, k->no, nh_mqtt__sent_seq(s->flow, sent), sent->msg);
    touch(b, k);
}

void nh_mqtt__keep_id(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, uint16_t id, bool is_there)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    const uint8_t bare[] = {NH_MQTT__RECORD_VERSION};
    if (!k)
        return;
    struct nh_mqtt__key key = nh_mqtt__key_u32_u16(NH_MQTT__REC_RECEIVED, k->no, id);
    if (is_there)
        nh_mqtt__journal_put(b, key, bare, sizeof bare, none, NULL, true);
    else
        nh_mqtt__journal_delete(b, key);
    touch(b, k);
}

// ---- retained messages and wills ----------------------------------------------------------------

int nh_mqtt__keep_retained_reserve(nh_mqtt_broker_t *b)
{
    return nh_mqtt__journal_reserve(b, 4, MESSAGE_REF_BYTES + 3 * KEY_BYTES + NH_MQTT__BARE_BYTES);
}

void nh_mqtt__keep_retained(nh_mqtt_broker_t *b, struct nh_mqtt__msg *m, uint64_t old_no)
{
    const uint8_t bare[] = {NH_MQTT__RECORD_VERSION};
    if (!b->journal || b->is_ending)
        return;
    if (m) {
        message_ref(b, m);
        nh_mqtt__journal_put(b, nh_mqtt__key_u64(NH_MQTT__REC_RETAINED, m->no), bare, sizeof bare,
                             none, NULL, true);
    }
    if (!old_no)
        return;
    nh_mqtt__journal_delete(b, nh_mqtt__key_u64(NH_MQTT__REC_RETAINED, old_no));
    nh_mqtt__journal_count(b, old_no, -1);
}

int nh_mqtt__keep_will_reserve(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    if (!nh_mqtt__kept(s))
        return NH_OK;
    // With room for the end of the one before, which comes in between.
    return nh_mqtt__journal_reserve(b, 4, MESSAGE_REF_BYTES + 3 * KEY_BYTES + NH_MQTT__WILL_BYTES);
}

static void put_will(nh_mqtt_broker_t *b, const struct nh_mqtt__will *w, int64_t due_unix_ms,
                     bool is_new)
{
    uint8_t value[NH_MQTT__WILL_BYTES];
    const struct nh_mqtt__will_record r = {.qos = w->qos,
                                           .retain = w->retain,
                                           .expires = w->expires,
                                           .delay_s = w->delay_s,
                                           .expiry_s = w->expiry_s,
                                           .due_unix_ms = due_unix_ms,
                                           .message = w->msg->no};
    nh_mqtt__will_encode(value, &r);
    nh_mqtt__journal_put(b, nh_mqtt__key_u32(NH_MQTT__REC_WILL, w->kept_no), value, sizeof value,
                         none, NULL, is_new);
}

void nh_mqtt__keep_will(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__will *w)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    if (!k)
        return;
    message_ref(b, w->msg);
    w->kept_no = k->no;
    put_will(b, w, 0, true);
    touch(b, k);
}

// Without memory its delay begins anew after a restart.
void nh_mqtt__keep_will_due(nh_mqtt_broker_t *b, const struct nh_mqtt__will *w)
{
    if (w->kept_no && nh_mqtt__journal_reserve(b, 1, KEY_BYTES + NH_MQTT__WILL_BYTES) == NH_OK)
        put_will(b, w, nh_mqtt__to_unix(b, w->due_ms), false);
}

// Without memory it is published once more after a restart.
void nh_mqtt__keep_will_gone(nh_mqtt_broker_t *b, struct nh_mqtt__will *w)
{
    if (!w->kept_no || nh_mqtt__journal_reserve(b, 2, 2 * KEY_BYTES) < 0)
        return;
    nh_mqtt__journal_delete(b, nh_mqtt__key_u32(NH_MQTT__REC_WILL, w->kept_no));
    nh_mqtt__journal_count(b, w->msg->no, -1);
    w->kept_no = 0;
}

// ---- time ---------------------------------------------------------------------------------------

int64_t nh_mqtt__to_unix(const nh_mqtt_broker_t *b, uint64_t ms)
{
    if (!ms || !b->cfg.unix_ms)
        return 0;
    return b->cfg.unix_ms(b->cfg.ctx) + (int64_t)(ms - b->now_ms);
}

uint64_t nh_mqtt__from_unix(const nh_mqtt_broker_t *b, int64_t unix_ms)
{
    if (!unix_ms || !b->cfg.unix_ms)
        return 0;
    int64_t left = unix_ms - b->cfg.unix_ms(b->cfg.ctx);
    return left > 0 ? b->now_ms + (uint64_t)left : b->now_ms + !b->now_ms;
}
