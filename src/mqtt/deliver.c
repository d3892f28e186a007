// A message's way to one subscriber: into its output, its window of sent messages, or its queue.

#include "core/base/bytes.h"
#include "mqtt/internal.h"

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

static uint32_t len_of(const struct nh_mqtt__publish *p)
{
    uint32_t body_len = (uint32_t)(2 + p->topic.len + p->payload.len);
    return (uint32_t)nh_mqtt__head_len(body_len) + body_len;
}

// Sends `p` as a new message in flight. A session that ends with its connection needs no copy of
// it: a retry happens on reconnection only [MQTT-4.4.0-1].
static int send_first(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__publish *p,
                      uint8_t qos, bool retain)
{
    struct nh_mqtt__flow *f = s->flow;
    struct nh_mqtt__msg *keep = NULL;
    if (nh_mqtt__sent_reserve(f, b->mem) < 0)
        return NH_ERR_NOMEM;
    if (!(s->flags & NH_MQTT__SESSION_CLEAN)) {
        keep = nh_mqtt__publish_msg(b, p);
        if (!keep)
            return NH_ERR_NOMEM;
    }
    uint8_t flags = (uint8_t)(qos << 1 | retain);
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

static int deliver_kept(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__publish *p,
                        uint8_t qos, bool retain)
{
    struct nh_mqtt__flow *f = nh_mqtt__session_flow(b, s);
    if (!f)
        return NH_ERR_NOMEM;
    if (!admit(b, s, p, len_of(p)))
        return NH_ERR_FULL;
    if (s->is_online && f->waiting_count == 0 && f->sent_span < b->cfg.inflight_max &&
        send_first(b, s, p, qos, retain) == NH_OK)
        return NH_OK;
    struct nh_mqtt__msg *m = nh_mqtt__publish_msg(b, p);
    int rc = m ? nh_mqtt__waiting_push(f, b->mem, m, qos, retain) : NH_ERR_NOMEM;
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

void nh_mqtt__pump(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    struct nh_mqtt__flow *f = s->flow;
    while (f->waiting_count && f->sent_span < b->cfg.inflight_max) {
        const struct nh_mqtt__waiting *w = nh_mqtt__waiting_first(f);
        struct nh_mqtt__publish p = publish_of(w->msg);
        if (send_first(b, s, &p, w->qos, w->retain) < 0) {
            b->replay_ms = b->now_ms + 1000;
            return;
        }
        nh_mqtt__waiting_pop(f, b->mem);
    }
}

// The window moved on.
static void on_window(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    if (s->flow->waiting_count)
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
        nh_mqtt__sent_forget(c->session->flow, b->mem, sent);
        sent->state = NH_MQTT__SENT_WAIT_PUBCOMP;
    }
    return nh_mqtt__send_ack(b, c, NH_MQTT__PUBREL, id);
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
    if (type == NH_MQTT__PUBREL) {
        if (f)
            nh_mqtt__ids_remove(f, id);
        return nh_mqtt__send_ack(b, c, NH_MQTT__PUBCOMP, id);
    }
    if (type == NH_MQTT__PUBREC)
        return on_pubrec(b, c, sent, id);
    uint8_t expected =
        type == NH_MQTT__PUBACK ? NH_MQTT__SENT_WAIT_PUBACK : NH_MQTT__SENT_WAIT_PUBCOMP;
    if (!sent || sent->state != expected)
        return NH_OK; // not ours: a client that repeats itself
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
