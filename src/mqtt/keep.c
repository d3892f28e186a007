// Changes of state become records: sessions, subscriptions, queues, packet ids, retained messages.

#include "mqtt/keep.h"

#include <string.h>

#define KEY_BYTES NH_MQTT_KEY_MAX_BYTES
#define SESSION_BYTES (NH_MQTT__SESSION_HEAD_BYTES + NH_MQTT__USER_MAX)
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
    nh_mqtt__message_encode(head, &(struct nh_mqtt__message_record){
                                      .qos = m->qos,
                                      .topic_len = m->topic_len,
                                      .payload_len = (uint32_t)nh_mqtt__msg_payload(m).len});
    nh_mqtt__journal_put(b, nh_mqtt__key_u64(NH_MQTT__REC_MESSAGE, m->no), head, sizeof head, none,
                         m, true);
}

#define MESSAGE_REF_BYTES (KEY_BYTES + NH_MQTT__MESSAGE_HEAD_BYTES)

// ---- sessions -----------------------------------------------------------------------------------

static void put_session(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s,
                        struct nh_mqtt__kept *k, int64_t away_unix_ms, bool is_new)
{
    uint8_t head[NH_MQTT__SESSION_HEAD_BYTES + NH_MQTT__CLIENT_ID_MAX];
    const struct nh_mqtt__user *u = s->user;
    struct nh_mqtt__session_record r = {.protocol = 4,
                                        .expiry_s = NH_MQTT__NEVER_S,
                                        .away_unix_ms = away_unix_ms,
                                        .has_user = u != NULL,
                                        .id = {(const uint8_t *)s->id, s->id_len}};
    if (u)
        r.user = (nh_span_t){(const uint8_t *)u->name, u->name_len};
    nh_mqtt__session_encode(head, &r);
    memcpy(head + NH_MQTT__SESSION_HEAD_BYTES, r.id.ptr, r.id.len);
    nh_mqtt__journal_put(b, nh_mqtt__key_u32(NH_MQTT__REC_SESSION, k->no), head,
                         NH_MQTT__SESSION_HEAD_BYTES + r.id.len, r.user, NULL, is_new);
    touch(b, k);
}

int nh_mqtt__keep_session(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    if (!b->journal || nh_mqtt__kept(s))
        return NH_OK;
    struct nh_mqtt__flow *f = nh_mqtt__session_flow(b, s);
    if (!f || nh_mqtt__journal_reserve(b, 1, KEY_BYTES + SESSION_BYTES + s->id_len) < 0)
        return NH_ERR_NOMEM;
    struct nh_mqtt__kept *k = nh_mem_alloc(b->mem, sizeof(*k), NH_MEM_BULK);
    if (!k)
        return NH_ERR_NOMEM;
    NH_ASSERT(f->sent_span == 0 && f->waiting_count == 0);
    *k = (struct nh_mqtt__kept){
        .head_seq = 1, .page_seq = 1, .next_seq = 1, .no = ++b->journal->next_session};
    f->kept = k;
    f->first_id = 1;
    put_session(b, s, k, 0, true);
    return NH_OK;
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

int nh_mqtt__keep_end_reserve(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    const struct nh_mqtt__flow *f = s->flow;
    if (!b->journal || !nh_mqtt__kept(s))
        return NH_OK;
    uint32_t queue = is_long(f) ? 1 : 2 * (f->sent_count + f->waiting_count);
    uint32_t ops = 1 + s->sub_count + f->ids_count + queue;
    return nh_mqtt__journal_reserve(b, ops, ops * (KEY_BYTES + NH_MQTT__BARE_BYTES));
}

static void forget_place(nh_mqtt_broker_t *b, uint32_t no, uint64_t seq,
                         const struct nh_mqtt__msg *m)
{
    nh_mqtt__journal_delete(b, nh_mqtt__key_u32_u64(NH_MQTT__REC_QUEUE, no, seq));
    if (m)
        nh_mqtt__journal_count(b, m->no, -1);
}

static void end_queue(nh_mqtt_broker_t *b, const struct nh_mqtt__flow *f)
{
    const struct nh_mqtt__kept *k = f->kept;
    const uint8_t bare[] = {NH_MQTT__RECORD_VERSION};
    if (is_long(f)) {
        nh_mqtt__journal_put(b, nh_mqtt__key_u32(NH_MQTT__REC_GONE, k->no), bare, sizeof bare, none,
                             NULL, true);
        b->journal->purge_batch = nh_mqtt__journal_no(b);
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
    for (const struct nh_mqtt__sub *sub = s->subs; sub; sub = sub->session_next)
        nh_mqtt__journal_delete(b, nh_mqtt__key_u32_u16(NH_MQTT__REC_SUB, no, sub->no));
    for (uint32_t i = 0; i < f->ids_cap; i++)
        if (f->ids[i])
            nh_mqtt__journal_delete(b, nh_mqtt__key_u32_u16(NH_MQTT__REC_RECEIVED, no, f->ids[i]));
    end_queue(b, f);
}

// Without memory the records stay, and the session is there again after a restart: one that was
// evicted may be. One that its client wiped may not, so that reserves first.
void nh_mqtt__keep_end(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    if (!nh_mqtt__kept(s))
        return;
    if (b->journal && nh_mqtt__keep_end_reserve(b, s) == NH_OK)
        end_records(b, s);
    nh_mem_free(b->mem, s->flow->kept);
    s->flow->kept = NULL;
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
    nh_mqtt__sub_encode(head, &(struct nh_mqtt__sub_record){sub->qos, 0, filter});
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

int nh_mqtt__keep_message_reserve(nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    if (!nh_mqtt__kept(s))
        return NH_OK;
    return nh_mqtt__journal_reserve(b, 2,
                                    MESSAGE_REF_BYTES + KEY_BYTES + NH_MQTT__QUEUE_HEAD_BYTES);
}

void nh_mqtt__keep_message(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__msg *m,
                           uint8_t qos, bool retain, bool in_memory)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    uint8_t head[NH_MQTT__QUEUE_HEAD_BYTES];
    if (!k)
        return;
    message_ref(b, m);
    k->sum_bytes += m->len;
    nh_mqtt__queue_encode(head, &(struct nh_mqtt__queue_record){.qos = qos,
                                                                .retain = retain,
                                                                .len = m->len,
                                                                .message = m->no,
                                                                .sum_bytes = k->sum_bytes});
    nh_mqtt__journal_put(b, nh_mqtt__key_u32_u64(NH_MQTT__REC_QUEUE, k->no, k->next_seq), head,
                         sizeof head, none, NULL, true);
    k->next_seq++;
    if (in_memory)
        k->page_seq = k->next_seq;
    else
        k->page_bytes += m->len;
    touch(b, k);
    k->put_batch = k->batch;
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
    if (!b->journal)
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
    return nh_mqtt__journal_reserve(b, 2, MESSAGE_REF_BYTES + KEY_BYTES + NH_MQTT__WILL_BYTES);
}

void nh_mqtt__keep_will(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__msg *m,
                        uint8_t qos, bool retain)
{
    struct nh_mqtt__kept *k = nh_mqtt__kept(s);
    uint8_t value[NH_MQTT__WILL_BYTES];
    if (!k)
        return;
    message_ref(b, m);
    nh_mqtt__will_encode(
        value, &(struct nh_mqtt__will_record){.qos = qos, .retain = retain, .message = m->no});
    nh_mqtt__journal_put(b, nh_mqtt__key_u32(NH_MQTT__REC_WILL, k->no), value, sizeof value, none,
                         NULL, true);
    touch(b, k);
}

// Without memory the will is published once more after a restart.
void nh_mqtt__keep_will_done(nh_mqtt_broker_t *b, uint32_t session_no, uint64_t old_no)
{
    if (!old_no || nh_mqtt__journal_reserve(b, 2, 2 * KEY_BYTES) < 0)
        return;
    nh_mqtt__journal_delete(b, nh_mqtt__key_u32(NH_MQTT__REC_WILL, session_no));
    nh_mqtt__journal_count(b, old_no, -1);
}
