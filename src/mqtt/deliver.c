// A message's way to one subscriber: into its output, its window of sent messages, or its queue.

#include "core/base/bytes.h"
#include "mqtt/keep.h"

#include <string.h>

void nh_mqtt__drop(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, uint64_t *counter,
                   uint32_t count)
{
    *counter += count;
    s->dropped += count;
    if (s->flags & NH_MQTT__SESSION_FULL)
        return; // told already; the counter tells the rest
    s->flags |= NH_MQTT__SESSION_FULL;
    nh_mqtt__event(b, NH_MQTT_MESSAGE_DROPPED, s->user, s->id,
                   counter == &b->info.dropped_queue_full ? "queue full" : "out of memory", 0);
}

static void count_out(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint8_t qos, uint32_t count,
                      uint64_t payload_bytes)
{
    c->messages_out += count;
    b->info.messages_out += count;
    b->info.messages_out_qos[qos] += count;
    b->info.publish_bytes_out += payload_bytes;
    nh_mqtt__dirty(b, c);
}

void nh_mqtt__deliver_run(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    if (!s->is_online || (s->flags & NH_MQTT__SESSION_LOCAL))
        return; // QoS 0 is not kept for who is away
    struct nh_mqtt__wire *w = &s->conn->wire;
    if (nh_mqtt__wire_slice(&b->blocks, w, b->run.ptr, b->run.len, b->run.count) < 0)
        nh_mqtt__drop(b, s, &b->info.dropped_no_memory, b->run.count);
    else
        count_out(b, s->conn, 0, b->run.count, b->run.payload_bytes);
    if (b->cfg.pushback_qos0)
        nh_mqtt__push_back(b, s, b->run.from);
}

// ---- limits -------------------------------------------------------------------------------------

// Whether one more message of `len` bytes is over the limits. One message is always allowed.
static bool is_over(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s, uint64_t len,
                    unsigned factor)
{
    struct nh_mqtt__load load = nh_mqtt__load_of(s);
    return load.messages &&
           (load.messages + 1 > (uint64_t)nh_mqtt__queue_max_messages(b, s) * factor ||
            load.bytes + len > (uint64_t)nh_mqtt__queue_max_bytes(b, s) * factor);
}

// Whether the queue is over its limits as it is.
static bool is_too_full(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    struct nh_mqtt__load load = nh_mqtt__load_of(s);
    return load.messages > 1 && (load.messages > nh_mqtt__queue_max_messages(b, s) ||
                                 load.bytes > nh_mqtt__queue_max_bytes(b, s));
}

void nh_mqtt__enforce(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    struct nh_mqtt__session *s = c->session;
    uint32_t count = 0;
    if (!s)
        return;
    while (is_too_full(b, s) && nh_mqtt__wire_drop(&b->blocks, &c->wire))
        count++;
    if (count)
        nh_mqtt__drop(b, s, &b->info.dropped_queue_full, count);
}

// Makes room for a message at QoS 1 or 2: the oldest QoS 0 messages go first. Publishers that can
// be held back may exceed the limits by what one read brings, at most twice.
static bool admit(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, const struct nh_mqtt__publish *p,
                  uint64_t len)
{
    uint32_t count = 0;
    while (is_over(b, s, len, 1) && s->is_online && nh_mqtt__wire_drop(&b->blocks, &s->conn->wire))
        count++;
    if (count)
        nh_mqtt__drop(b, s, &b->info.dropped_queue_full, count);
    if (!is_over(b, s, len, 1))
        return true;
    return nh_mqtt__can_push_back(b, s, p->from) && !is_over(b, s, len, 2);
}

// ---- QoS 1 and 2 --------------------------------------------------------------------------------

// A packet that came with a packet id goes on as it is, with another id. False: build it.
static bool put_as_it_came(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__publish *p,
                           uint8_t flags, uint16_t id)
{
    if (!p->packet || !p->qos || !(flags & 6) || p->payload.len > NH_MQTT__SMALL_BYTES)
        return false;
    uint8_t *at = nh_mqtt__wire_space(&b->blocks, &c->wire, p->packet_len);
    if (!at)
        return false;
    memcpy(at, p->packet, p->packet_len);
    at[0] = (uint8_t)(NH_MQTT__PUBLISH << 4 | flags);
    nh_put_be16(at + p->id_at, id);
    return true;
}

// Writes a PUBLISH with a head of its own: any QoS but a plain QoS 0. Small payloads are copied
// behind the head, others are sent from the stored message.
static int put_publish(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__publish *p,
                       uint8_t flags, uint16_t id)
{
    if (put_as_it_came(b, c, p, flags, id))
        return NH_OK;
    uint8_t head[NH_MQTT__HEAD_MAX + 2], packet_id[2];
    uint32_t id_len = flags & 6 ? 2 : 0;
    size_t len = nh_mqtt__head_encode(head, (uint8_t)(NH_MQTT__PUBLISH << 4 | flags),
                                      (uint32_t)(2 + p->topic.len + id_len + p->payload.len));
    nh_put_be16(head + len, (uint16_t)p->topic.len);
    nh_put_be16(packet_id, id);
    const nh_span_t parts[] = {
        {head, len + 2}, p->topic, {packet_id, id_len}, {p->payload.ptr, p->payload.len}};
    if (p->payload.len <= NH_MQTT__SMALL_BYTES)
        return nh_mqtt__wire_put(&b->blocks, &c->wire, parts, 4);
    struct nh_mqtt__msg *m = nh_mqtt__publish_msg(b, p);
    if (!m)
        return NH_ERR_NOMEM;
    return nh_mqtt__wire_put_msg(&b->blocks, &c->wire, parts, 3, m, (uint32_t)p->payload.len);
}

// Moves on to a place of the queue, over those at which nothing stands any more. False: too much is
// in flight for that now.
static bool skip_to(const nh_mqtt_broker_t *b, struct nh_mqtt__flow *f, uint32_t seq)
{
    uint32_t gap = seq - (uint32_t)(f->kept->head_seq + f->sent_span);
    if (gap == 0)
        return true;
    if (f->sent_span && f->sent_span + gap >= b->cfg.inflight_max)
        return false;
    for (; f->sent_span && gap; gap--) { // one by one, so that there is room
        if (nh_mqtt__sent_reserve(f, b->mem) < 0)
            return false;
        nh_mqtt__sent_skip(f, 1);
    }
    if (gap)
        nh_mqtt__sent_skip(f, gap);
    return true;
}

static uint32_t len_of(const struct nh_mqtt__publish *p)
{
    uint32_t body_len = (uint32_t)(2 + p->topic.len + p->payload.len);
    return (uint32_t)nh_mqtt__head_len(body_len) + body_len;
}

// What a message at QoS 2 waits for. The packet id must be on disk before it is seen: after a crash
// the message would come again under another one. To a clean session: the publisher's packet id.
static uint32_t batch_of(const nh_mqtt_broker_t *b, const struct nh_mqtt__flow *f,
                         const struct nh_mqtt__publish *p)
{
    return f->kept || p->is_recorded ? nh_mqtt__journal_no(b) : 0;
}

// Sends `p` as a new message in flight, when `batch` is on disk. A session that ends with its
// connection needs no copy of it: a retry happens on reconnection only [MQTT-4.4.0-1].
static int send_first(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__publish *p,
                      uint8_t qos, uint8_t flags, uint32_t batch)
{
    struct nh_mqtt__flow *f = s->flow;
    struct nh_mqtt__msg *keep = NULL;
    bool retain = flags & 1;
    if (nh_mqtt__sent_reserve(f, b->mem) < 0 || (qos == 2 && nh_mqtt__gate(b, s->conn, batch) < 0))
        return NH_ERR_NOMEM;
    if (!(s->flags & NH_MQTT__SESSION_CLEAN)) {
        keep = nh_mqtt__publish_msg(b, p);
        if (!keep)
            return NH_ERR_NOMEM;
    }
    flags |= (uint8_t)(qos << 1);
    int rc = put_publish(b, s->conn, p, flags, nh_mqtt__sent_next_id(f));
    if (rc < 0)
        return rc;
    if (keep)
        nh_mqtt__msg_ref(keep);
    uint8_t state = qos == 1 ? NH_MQTT__SENT_WAIT_PUBACK : NH_MQTT__SENT_WAIT_PUBREC;
    nh_mqtt__sent_push(f, (struct nh_mqtt__sent){keep, len_of(p), state, retain});
    count_out(b, s->conn, qos, 1, p->payload.len);
    return NH_OK;
}

// Whether the next message of the session can be sent at once, in its place.
static bool is_open(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    struct nh_mqtt__flow *f = s->flow;
    const struct nh_mqtt__kept *k = f->kept;
    if (!s->is_online || f->waiting_count || f->sent_span >= b->cfg.inflight_max)
        return false;
    if (!k)
        return true;
    if (k->page_seq < k->next_seq)
        return false;
    return skip_to(b, f, (uint32_t)k->next_seq);
}

// Puts the message where it waits: in memory, or on disk alone.
static int wait(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__publish *p,
                uint8_t qos, bool retain)
{
    struct nh_mqtt__flow *f = s->flow;
    struct nh_mqtt__msg *m = nh_mqtt__publish_msg(b, p);
    if (!m)
        return NH_ERR_NOMEM;
    bool in_memory = !nh_mqtt__page_is_full(b, s, m->len);
    struct nh_mqtt__waiting w = {.msg = m, .qos = qos, .retain = retain};
    w.seq = f->kept ? (uint32_t)f->kept->next_seq : batch_of(b, f, p);
    if (in_memory && nh_mqtt__waiting_push(f, b->mem, w) < 0)
        return NH_ERR_NOMEM;
    nh_mqtt__keep_message(b, s, m, qos, retain, in_memory);
    return NH_OK;
}

static int deliver_kept(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__publish *p,
                        uint8_t qos, bool retain)
{
    struct nh_mqtt__flow *f = nh_mqtt__session_flow(b, s);
    if (!f || nh_mqtt__keep_message_reserve(b, s) < 0)
        return NH_ERR_NOMEM;
    if (!admit(b, s, p, len_of(p)))
        return NH_ERR_FULL;
    p->is_recorded = p->is_recorded || f->kept;
    if (is_open(b, s) && send_first(b, s, p, qos, retain, batch_of(b, f, p)) == NH_OK) {
        nh_mqtt__keep_message(b, s, p->msg, qos, retain, true);
        return NH_OK;
    }
    int rc = wait(b, s, p, qos, retain);
    if (rc == NH_OK)
        nh_mqtt__push_back(b, s, p->from);
    if (rc == NH_OK && s->is_online && f->sent_count == 0)
        b->replay_ms = b->now_ms + 1000; // no acknowledgement will set it going: try again
    return rc;
}

// ---- QoS 0 --------------------------------------------------------------------------------------

static int deliver_plain(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                         struct nh_mqtt__publish *p, bool retain)
{
    if (!s->is_online)
        return NH_OK;
    int rc = NH_ERR_NOMEM;
    if (retain) {
        rc = put_publish(b, s->conn, p, 1, 0);
    } else {
        struct nh_mqtt__msg *m = nh_mqtt__publish_msg(b, p);
        if (m)
            rc = nh_mqtt__wire_msg(&b->blocks, &s->conn->wire, m);
    }
    if (rc < 0)
        return rc;
    count_out(b, s->conn, 0, 1, p->payload.len);
    if (b->cfg.pushback_qos0)
        nh_mqtt__push_back(b, s, p->from);
    if (!b->is_turn) // within a turn this waits for its end, when fast readers have read
        nh_mqtt__enforce(b, s->conn);
    return NH_OK;
}

int nh_mqtt__deliver(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__publish *p,
                     uint8_t qos, bool retain)
{
    int rc = qos ? deliver_kept(b, s, p, qos, retain) : deliver_plain(b, s, p, retain);
    if (rc == NH_ERR_FULL)
        nh_mqtt__drop(b, s, &b->info.dropped_queue_full, 1);
    else if (rc < 0)
        nh_mqtt__drop(b, s, &b->info.dropped_no_memory, 1);
    return rc;
}

// ---- acknowledgements ---------------------------------------------------------------------------

static struct nh_mqtt__publish publish_of(struct nh_mqtt__msg *m)
{
    return (struct nh_mqtt__publish){
        .topic = nh_mqtt__msg_topic(m), .payload = nh_mqtt__msg_payload(m), .msg = m};
}

// A message that the client has received; its packet id is still to be released.
static int send_released(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    struct nh_mqtt__flow *f = s->flow;
    if (nh_mqtt__sent_reserve(f, b->mem) < 0)
        return NH_ERR_NOMEM;
    uint16_t id = nh_mqtt__sent_next_id(f);
    int rc = nh_mqtt__send_ack(b, s->conn, NH_MQTT__PUBREL, id);
    if (rc == NH_OK)
        nh_mqtt__sent_push(f, (struct nh_mqtt__sent){.state = NH_MQTT__SENT_WAIT_PUBCOMP});
    return rc;
}

static int send_waiting(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                        const struct nh_mqtt__waiting *w)
{
    if (w->flags & NH_MQTT__WAITING_RELEASED)
        return send_released(b, s);
    struct nh_mqtt__publish p = publish_of(w->msg);
    uint8_t dup = w->flags & NH_MQTT__WAITING_DUP ? 8 : 0;
    uint32_t batch = s->flow->kept ? s->flow->kept->put_batch : w->seq;
    return send_first(b, s, &p, w->qos, (uint8_t)(dup | w->retain), batch);
}

void nh_mqtt__pump(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    struct nh_mqtt__flow *f = s->flow;
    while (f->sent_span < b->cfg.inflight_max && (f->waiting_count || nh_mqtt__page_in(b, s))) {
        const struct nh_mqtt__waiting *w = nh_mqtt__waiting_first(f);
        if (!w)
            continue; // what was read was damaged
        if (f->kept && !skip_to(b, f, w->seq))
            return; // the next acknowledgement will do
        if (send_waiting(b, s, w) < 0) {
            b->replay_ms = b->now_ms + 1000;
            return;
        }
        nh_mqtt__waiting_pop(f, b->mem);
    }
}

// The window moved on.
static void on_window(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    if (s->flow->waiting_count || s->flow->kept)
        nh_mqtt__pump(b, s);
    if (s->flags)
        nh_mqtt__relieve(b, s);
    if (s->flow->replays)
        nh_mqtt__replay_run(b, s);
}

// PUBREC: the client has the message; what remains is to release its packet id [MQTT-4.3.3-1].
static int on_pubrec(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__sent *sent,
                     uint16_t id)
{
    if (sent && sent->state == NH_MQTT__SENT_WAIT_PUBREC) {
        nh_mqtt__keep_released(b, c->session, sent);
        nh_mqtt__sent_forget(c->session->flow, b->mem, sent);
        sent->state = NH_MQTT__SENT_WAIT_PUBCOMP;
    }
    int rc = nh_mqtt__keep_gate(b, c->session);
    return rc < 0 ? rc : nh_mqtt__send_ack(b, c, NH_MQTT__PUBREL, id);
}

// PUBREL: the publisher will not send the message again [MQTT-4.3.3-2].
static int on_pubrel(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint16_t id)
{
    struct nh_mqtt__flow *f = c->session->flow;
    if (f && nh_mqtt__ids_has(f, id)) {
        nh_mqtt__ids_remove(f, id);
        nh_mqtt__keep_id(b, c->session, id, false);
    }
    int rc = nh_mqtt__keep_gate(b, c->session);
    return rc < 0 ? rc : nh_mqtt__send_ack(b, c, NH_MQTT__PUBCOMP, id);
}

int nh_mqtt__on_ack(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt__type type, nh_span_t body)
{
    struct nh_mqtt__ack ack;
    int rc = nh_mqtt__ack_decode(4, type, body, &ack);
    if (rc < 0)
        return rc;
    uint16_t id = ack.packet_id;
    struct nh_mqtt__session *s = c->session;
    struct nh_mqtt__flow *f = s->flow;
    struct nh_mqtt__sent *sent = f ? nh_mqtt__sent_find(f, id) : NULL;
    rc = nh_mqtt__keep_ack_reserve(b, s);
    if (rc < 0)
        return rc;
    if (type == NH_MQTT__PUBREL)
        return on_pubrel(b, c, id);
    if (type == NH_MQTT__PUBREC)
        return on_pubrec(b, c, sent, id);
    uint8_t expected =
        type == NH_MQTT__PUBACK ? NH_MQTT__SENT_WAIT_PUBACK : NH_MQTT__SENT_WAIT_PUBCOMP;
    if (!sent || sent->state != expected)
        return NH_OK; // not ours: a client that repeats itself
    nh_mqtt__keep_done(b, s, sent);
    nh_mqtt__sent_done(f, b->mem, sent);
    on_window(b, s);
    return NH_OK;
}

// ---- reconnection -------------------------------------------------------------------------------

// Sends again what was not acknowledged, with the same packet ids, in the order of the first time
// [MQTT-4.4.0-1], [MQTT-4.6.0-1].
int nh_mqtt__resume(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    struct nh_mqtt__flow *f = s->flow;
    for (uint32_t i = 0; f && i < f->sent_span; i++) {
        struct nh_mqtt__sent *sent = nh_mqtt__sent_at(f, i);
        uint16_t id = nh_mqtt__sent_id_at(f, i);
        int rc = NH_OK;
        if (sent->state == NH_MQTT__SENT_WAIT_PUBCOMP) {
            rc = nh_mqtt__send_ack(b, s->conn, NH_MQTT__PUBREL, id);
        } else if (sent->state != NH_MQTT__SENT_DONE) {
            struct nh_mqtt__publish p = publish_of(sent->msg);
            uint8_t qos = sent->state == NH_MQTT__SENT_WAIT_PUBACK ? 1 : 2;
            uint8_t flags = (uint8_t)(8 | qos << 1 | sent->retain); // DUP [MQTT-3.3.1-1]
            rc = put_publish(b, s->conn, &p, flags, id);
        }
        if (rc < 0)
            return rc;
    }
    if (f)
        on_window(b, s);
    return NH_OK;
}
