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

void nh_mqtt__count_out(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint8_t qos, uint32_t count,
                        uint64_t payload_bytes)
{
    c->messages_out += count;
    b->info.messages_out += count;
    b->info.messages_out_qos[qos] += count;
    b->info.publish_bytes_out += payload_bytes;
    nh_mqtt__dirty(b, c);
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

// Makes room for a message at QoS 1 or 2: the oldest QoS 0 messages go first, then what has
// expired. Publishers that can be held back may exceed the limits by what one read brings, at most
// twice.
static bool make_room(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                      const struct nh_mqtt__publish *p, uint64_t len)
{
    uint32_t count = 0;
    while (is_over(b, s, len, 1) && s->is_online && nh_mqtt__wire_drop(&b->blocks, &s->conn->wire))
        count++;
    if (count)
        nh_mqtt__drop(b, s, &b->info.dropped_queue_full, count);
    if (!is_over(b, s, len, 1))
        return true;
    if (nh_mqtt__expire_waiting(b, s) && !is_over(b, s, len, 1))
        return true;
    return nh_mqtt__can_push_back(b, s, p->from) && !is_over(b, s, len, 2);
}

static bool admit(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, const struct nh_mqtt__publish *p,
                  uint64_t len)
{
    return !is_over(b, s, len, 1) || make_room(b, s, p, len);
}

// Publishers are told nothing, so somebody has to be: once, until the queue is empty again.
static void tell_full(const nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    const struct nh_mqtt_user_limits *own = nh_mqtt__session_limits(b, s);
    uint32_t messages = nh_mqtt__queue_max_messages(b, s);
    bool is_count = nh_mqtt__load_of(s).messages >= messages;
    if ((s->flags & NH_MQTT__SESSION_TOLD) || !b->cfg.event)
        return;
    s->flags |= NH_MQTT__SESSION_TOLD;
    struct nh_mqtt_event e = {
        .kind = NH_MQTT_QUEUE_FULL, .client_id = s->id, .user_name = nh_mqtt__user_name(s->user)};
    if (is_count) {
        e.limit = messages;
        e.reason =
            own->queue_max_messages ? "its own queue_max_messages" : "mqtt.queue_max_messages";
    } else {
        e.limit = nh_mqtt__queue_max_bytes(b, s);
        e.reason = own->queue_max_bytes ? "its own queue_max_bytes" : "mqtt.queue_max_bytes";
    }
    b->cfg.event(b->cfg.ctx, &e);
}

// ---- packets ------------------------------------------------------------------------------------

static const struct nh_mqtt__how plainly = {0};

// A packet that came with a packet id goes on as it is, with another id. False: build it.
static bool put_as_it_came(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__publish *p,
                           uint8_t flags, uint16_t id)
{
    if (!p->packet || !p->qos || !(flags & 6) || p->payload.len > NH_MQTT__SMALL_BYTES ||
        c->form != p->version - 4)
        return false;
    uint8_t *at = nh_mqtt__wire_space(&b->blocks, &c->wire, p->packet_len);
    if (!at)
        return false;
    memcpy(at, p->packet, p->packet_len);
    at[0] = (uint8_t)(NH_MQTT__PUBLISH << 4 | flags);
    nh_put_be16(at + p->id_at, id);
    return true;
}

// The pieces of a PUBLISH packet, the payload last.
struct pieces {
    uint8_t flags;
    bool is_new; // the alias: it is told with the topic
    uint16_t packet_id, alias;
    nh_span_t part[7];
    size_t count, len; // len: of the whole packet
    uint8_t head[NH_MQTT__HEAD_MAX + 2], id[2], props[4 + 5 + 3], label[NH_MQTT__LABEL_MAX];
};

static void add(struct pieces *w, nh_span_t part)
{
    if (part.len)
        w->part[w->count++] = part;
}

// What only 5.0 has between packet id and payload.
static void add_props(struct pieces *w, const nh_mqtt_broker_t *b, const struct nh_mqtt__publish *p,
                      nh_span_t labels)
{
    uint8_t own[5 + 3], *at = own;
    if (p->expires_ms) { // [MQTT5-3.3.2-6]
        *at = NH_MQTT__MESSAGE_EXPIRY_INTERVAL;
        nh_put_be32(at + 1, nh_mqtt__left_s(p->expires_ms, b->now_ms));
        at += 5;
    }
    if (w->alias) {
        *at = NH_MQTT__TOPIC_ALIAS;
        nh_put_be16(at + 1, w->alias);
        at += 3;
    }
    size_t own_len = (size_t)(at - own);
    uint8_t count[NH_MQTT__HEAD_MAX]; // written as the length of a body is
    size_t n = nh_mqtt__head_encode(count, 0, (uint32_t)(own_len + labels.len + p->props.len)) - 1;
    memcpy(w->props, count + 1, n);
    memcpy(w->props + n, own, own_len);
    add(w, (nh_span_t){w->props, n + own_len});
    add(w, labels);
    add(w, p->props);
}

static void close_pieces(struct pieces *w, const struct nh_mqtt__publish *p, nh_span_t topic)
{
    size_t body = 2 + p->payload.len;
    for (size_t i = 1; i < w->count; i++)
        body += w->part[i].len;
    uint8_t first = (uint8_t)(NH_MQTT__PUBLISH << 4 | w->flags);
    size_t n = nh_mqtt__head_encode(w->head, first, (uint32_t)body);
    nh_put_be16(w->head + n, (uint16_t)topic.len);
    w->part[0] = (nh_span_t){w->head, n + 2};
    w->len = n + body;
    w->part[w->count] = p->payload;
}

// NH_ERR_NOMEM, NH_ERR_TOO_LONG: more than the client takes.
static int make_pieces(struct pieces *w, nh_mqtt_broker_t *b, const nh_mqtt_conn_t *c,
                       const struct nh_mqtt__publish *p, const struct nh_mqtt__how *how)
{
    nh_span_t topic = p->topic, labels = {NULL, 0};
    if (w->alias && !w->is_new)
        topic.len = 0;
    w->count = 1;
    add(w, topic);
    nh_put_be16(w->id, w->packet_id);
    add(w, (nh_span_t){w->id, w->flags & 6 ? 2 : 0});
    if (c->version == 5) {
        if (how->id_count && !nh_mqtt__labels_write(b, how->ids, how->id_count, w->label, &labels))
            return NH_ERR_NOMEM;
        add_props(w, b, p, labels);
    }
    close_pieces(w, p, topic);
    bool is_over = c->extra && c->extra->packet_max && w->len > c->extra->packet_max;
    return is_over ? NH_ERR_TOO_LONG : NH_OK; // [MQTT5-3.1.2-24]
}

// Small payloads are copied behind the head, others are sent from the stored message.
static int put_pieces(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__publish *p,
                      const struct pieces *w)
{
    if (p->payload.len <= NH_MQTT__SMALL_BYTES)
        return nh_mqtt__wire_put(&b->blocks, &c->wire, w->part, w->count + 1);
    struct nh_mqtt__msg *m = nh_mqtt__publish_msg(b, p);
    if (!m)
        return NH_ERR_NOMEM;
    return nh_mqtt__wire_put_msg(&b->blocks, &c->wire, w->part, w->count, m,
                                 (uint32_t)p->payload.len);
}

static int make_and_put(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__publish *p,
                        struct pieces *w, const struct nh_mqtt__how *how)
{
    int rc = make_pieces(w, b, c, p, how);
    if (rc == NH_OK)
        rc = put_pieces(b, c, p, w);
    if (rc < 0 && w->is_new)
        nh_mqtt__alias_forget(b, c, w->alias);
    return rc;
}

// Writes a PUBLISH with a head of its own: any QoS but a plain QoS 0. NH_ERR_TOO_LONG,
// NH_ERR_NOMEM.
static int put_publish(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__publish *p,
                       uint8_t flags, uint16_t id, const struct nh_mqtt__how *how)
{
    bool has_labels = how->id_count && c->version == 5;
    if (!has_labels && put_as_it_came(b, c, p, flags, id))
        return NH_OK;
    struct pieces w;
    w.flags = flags;
    w.packet_id = id;
    w.alias = nh_mqtt__alias_out(b, c, p->topic, &w.is_new);
    return make_and_put(b, c, p, &w, how);
}

bool nh_mqtt__put_aliased(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__publish *p)
{
    struct pieces w;
    w.flags = 0;
    w.packet_id = 0;
    w.alias = nh_mqtt__alias_out(b, c, p->topic, &w.is_new);
    if (!w.alias || make_and_put(b, c, p, &w, &plainly) < 0)
        return false;
    nh_mqtt__count_out(b, c, 0, 1, p->payload.len);
    return true;
}

// ---- QoS 1 and 2 --------------------------------------------------------------------------------

static uint32_t len_of(const struct nh_mqtt__publish *p)
{
    uint32_t body_len = (uint32_t)(2 + p->topic.len + p->props.len + p->payload.len);
    return (uint32_t)nh_mqtt__head_len(body_len) + body_len;
}

uint32_t nh_mqtt__window(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    const struct nh_mqtt__extra *x = s->conn->extra;
    bool is_less = x && x->receive_max && x->receive_max < b->cfg.inflight_max;
    return is_less ? x->receive_max : b->cfg.inflight_max; // [MQTT5-3.3.4-9]
}

// Whether one more message may be sent at QoS 1 or 2.
static bool has_window(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    return s->flow->sent_span < nh_mqtt__window(b, s) && s->flow->unsent_count == 0;
}

// The message to keep with its labels: one goes into the queue's record, more into a copy.
static struct nh_mqtt__msg *msg_to_keep(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p,
                                        const struct nh_mqtt__how *how, uint32_t *label)
{
    *label = how->id_count == 1 ? how->ids[0] : 0;
    return how->id_count > 1 ? nh_mqtt__publish_form(b, p, 5, how) : nh_mqtt__publish_msg(b, p);
}

// Moves on to a place of the queue, over those at which nothing stands any more. False: too much is
// in flight for that now.
static bool skip_to(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s, uint32_t seq)
{
    struct nh_mqtt__flow *f = s->flow;
    uint32_t gap = seq - (uint32_t)(f->kept->head_seq + f->sent_span);
    if (gap == 0)
        return true;
    if (f->sent_span && f->sent_span + gap >= nh_mqtt__window(b, s))
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

// What a message at QoS 2 waits for. The packet id must be on disk before it is seen: after a crash
// the message would come again under another one. To a clean session: the publisher's packet id.
static uint32_t batch_of(const nh_mqtt_broker_t *b, const struct nh_mqtt__flow *f,
                         const struct nh_mqtt__publish *p)
{
    return f->kept || p->is_recorded ? nh_mqtt__journal_no(b) : 0;
}

// Sends `p` as a new message in flight, at QoS 2 when `batch` is on disk. A session that ends with
// its connection needs no copy of it: a retry happens on reconnection only [MQTT-4.4.0-1]. What
// came by a shared subscription may be for another member then.
static int send_first(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__publish *p,
                      const struct nh_mqtt__how *how, bool is_dup, uint32_t batch)
{
    struct nh_mqtt__flow *f = s->flow;
    struct nh_mqtt__msg *keep = NULL;
    uint32_t label = 0;
    if (nh_mqtt__sent_reserve(f, b->mem) < 0 ||
        (how->qos == 2 && nh_mqtt__gate(b, s->conn, batch) < 0))
        return NH_ERR_NOMEM;
    if (!(s->flags & NH_MQTT__SESSION_CLEAN) || how->group || f->kept) {
        keep = msg_to_keep(b, p, how, &label);
        if (!keep)
            return NH_ERR_NOMEM;
    }
    uint8_t flags = (uint8_t)((is_dup ? 8 : 0) | how->qos << 1 | how->retain);
    int rc = put_publish(b, s->conn, p, flags, nh_mqtt__sent_next_id(f), how);
    if (rc < 0)
        return rc;
    if (keep)
        nh_mqtt__msg_ref(keep);
    uint8_t state = how->qos == 1 ? NH_MQTT__SENT_WAIT_PUBACK : NH_MQTT__SENT_WAIT_PUBREC;
    nh_mqtt__sent_push(
        f, (struct nh_mqtt__sent){keep, len_of(p), label, how->group, state, how->retain});
    nh_mqtt__count_out(b, s->conn, how->qos, 1, p->payload.len);
    return NH_OK;
}

// Puts the message where it waits: in memory, or on disk alone.
static int wait_turn(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__publish *p,
                     const struct nh_mqtt__how *how)
{
    struct nh_mqtt__flow *f = s->flow;
    struct nh_mqtt__waiting w = {.group = how->group, .qos = how->qos, .retain = how->retain};
    w.msg = msg_to_keep(b, p, how, &w.label);
    w.seq = f->kept ? (uint32_t)f->kept->next_seq : batch_of(b, f, p);
    if (!w.msg)
        return NH_ERR_NOMEM;
    bool in_memory = !nh_mqtt__page_is_full(b, s, w.msg->len);
    if (in_memory && nh_mqtt__waiting_push(f, b->mem, w) < 0)
        return NH_ERR_NOMEM;
    nh_mqtt__keep_message(b, s, &w, in_memory);
    return NH_OK;
}

// Whether the next message of the session can be sent at once, in its place.
static bool is_open(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    const struct nh_mqtt__kept *k = s->flow->kept;
    if (!s->is_online || s->flow->waiting_count || !has_window(b, s))
        return false;
    return !k || (k->page_seq == k->next_seq && skip_to(b, s, (uint32_t)k->next_seq));
}

// Sends it at once and has it recorded.
static int send_now(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__publish *p,
                    const struct nh_mqtt__how *how)
{
    struct nh_mqtt__flow *f = s->flow;
    int rc = send_first(b, s, p, how, false, batch_of(b, f, p));
    if (rc < 0 || !f->kept)
        return rc;
    const struct nh_mqtt__sent *sent = nh_mqtt__sent_at(f, f->sent_span - 1);
    const struct nh_mqtt__waiting w = {
        .msg = sent->msg, .label = sent->label, .qos = how->qos, .retain = how->retain};
    nh_mqtt__keep_message(b, s, &w, true);
    return NH_OK;
}

static int deliver_kept(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__publish *p,
                        const struct nh_mqtt__how *how)
{
    struct nh_mqtt__flow *f = nh_mqtt__session_flow(b, s);
    if (!f)
        return NH_ERR_NOMEM;
    if (!admit(b, s, p, len_of(p)))
        return NH_ERR_FULL;
    if (nh_mqtt__keep_message_reserve(b, s) < 0)
        return NH_ERR_NOMEM;
    p->is_recorded = p->is_recorded || f->kept;
    if (is_open(b, s)) {
        int rc = send_now(b, s, p, how);
        if (rc == NH_OK || rc == NH_ERR_TOO_LONG)
            return rc;
    }
    int rc = wait_turn(b, s, p, how);
    if (rc == NH_OK)
        nh_mqtt__push_back(b, s, p->from);
    if (rc == NH_OK && s->is_online && f->sent_count == 0)
        b->replay_ms =
            nh_ms_after(b->now_ms, 1000); // no acknowledgement will set it going: try again
    return rc;
}

// ---- QoS 0 --------------------------------------------------------------------------------------

static int put_plain(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__publish *p,
                     const struct nh_mqtt__how *how)
{
    struct nh_mqtt__msg *m = nh_mqtt__publish_form(b, p, c->version, how);
    if (!m)
        return NH_ERR_NOMEM;
    if (c->extra && c->extra->packet_max && m->len > c->extra->packet_max)
        return NH_ERR_TOO_LONG;
    return nh_mqtt__wire_msg(&b->blocks, &c->wire, m);
}

static int deliver_plain(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                         struct nh_mqtt__publish *p, const struct nh_mqtt__how *how)
{
    if (!s->is_online)
        return NH_OK;
    int rc = how->retain ? put_publish(b, s->conn, p, 1, 0, how) : put_plain(b, s->conn, p, how);
    if (rc < 0)
        return rc;
    nh_mqtt__count_out(b, s->conn, 0, 1, p->payload.len);
    if (b->cfg.pushback_qos0)
        nh_mqtt__push_back(b, s, p->from);
    if (!b->is_turn) // within a turn this waits for its end, when fast readers have read
        nh_mqtt__enforce(b, s->conn);
    return NH_OK;
}

int nh_mqtt__deliver(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__publish *p,
                     const struct nh_mqtt__how *how)
{
    int rc = how->qos ? deliver_kept(b, s, p, how) : deliver_plain(b, s, p, how);
    if (rc == NH_ERR_TOO_LONG) { // as if it had been sent and acknowledged [MQTT5-3.1.2-25]
        nh_mqtt__drop(b, s, &b->info.dropped_too_large, 1);
        return NH_OK;
    }
    if (rc == NH_ERR_FULL) {
        nh_mqtt__drop(b, s, &b->info.dropped_queue_full, 1);
        tell_full(b, s);
    } else if (rc < 0) {
        nh_mqtt__drop(b, s, &b->info.dropped_no_memory, 1);
    }
    return rc;
}

// ---- acknowledgements ---------------------------------------------------------------------------

// A message that the client has received; its packet id is still to be released.
static int send_released(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    struct nh_mqtt__flow *f = s->flow;
    if (nh_mqtt__sent_reserve(f, b->mem) < 0)
        return NH_ERR_NOMEM;
    int rc = nh_mqtt__send_ack(b, s->conn, NH_MQTT__PUBREL, nh_mqtt__sent_next_id(f));
    if (rc == NH_OK)
        nh_mqtt__sent_push(f, (struct nh_mqtt__sent){.state = NH_MQTT__SENT_WAIT_PUBCOMP});
    return rc;
}

// The first of the queue is not sent. NH_ERR_NOMEM: it stays.
static int leave_out(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                     const struct nh_mqtt__waiting *w)
{
    return nh_mqtt__keep_dropped(b, s, w) ? NH_OK : NH_ERR_NOMEM;
}

// Sends the first of the queue, or drops it. NH_ERR_NOMEM: it stays.
static int pump_one(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                    const struct nh_mqtt__waiting *w)
{
    const struct nh_mqtt__how how = {w->qos, w->retain, w->label != 0, w->group, &w->label};
    uint32_t batch = s->flow->kept ? s->flow->kept->put_batch : w->seq;
    if (w->flags & NH_MQTT__WAITING_RELEASED)
        return send_released(b, s);
    if (nh_mqtt__msg_is_expired(w->msg, b->now_ms)) { // [MQTT5-3.3.2-5]
        int rc = leave_out(b, s, w);
        b->info.messages_expired += rc == NH_OK;
        return rc;
    }
    struct nh_mqtt__publish p = nh_mqtt__publish_of(w->msg);
    int rc = send_first(b, s, &p, &how, w->flags & NH_MQTT__WAITING_DUP, batch);
    nh_mqtt__publish_release(b, &p);
    if (rc != NH_ERR_TOO_LONG)
        return rc;
    rc = leave_out(b, s, w);
    if (rc == NH_OK)
        nh_mqtt__drop(b, s, &b->info.dropped_too_large, 1);
    return rc;
}

void nh_mqtt__pump(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    struct nh_mqtt__flow *f = s->flow;
    while (has_window(b, s) && (f->waiting_count || nh_mqtt__page_in(b, s))) {
        const struct nh_mqtt__waiting *w = nh_mqtt__waiting_first(f);
        if (!w)
            continue; // what was read was damaged
        if (f->kept && !skip_to(b, s, w->seq))
            return; // the next acknowledgement will do
        if (pump_one(b, s, w) < 0) {
            b->replay_ms = nh_ms_after(b->now_ms, 1000);
            return;
        }
        nh_mqtt__waiting_pop(f, b->mem);
    }
}

void nh_mqtt__on_window(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    if (s->flow->unsent_count && nh_mqtt__resend(b, s) < 0)
        b->replay_ms = nh_ms_after(b->now_ms, 1000);
    if (s->flow->waiting_count || s->flow->kept)
        nh_mqtt__pump(b, s);
    if (s->flags)
        nh_mqtt__relieve(b, s);
    if (s->flow->replays)
        nh_mqtt__replay_run(b, s);
}

static void on_done(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__sent *sent)
{
    nh_mqtt__keep_done(b, s, sent);
    nh_mqtt__sent_done(s->flow, b->mem, sent);
    nh_mqtt__on_window(b, s);
}

// PUBREC: the client has the message; what remains is to release its packet id [MQTT-4.3.3-1]. With
// an error it does not want it: that is the end of it [MQTT5-4.3.3-4], and so it is for a message
// shared with others [MQTT5-4.8.2-6].
static int on_pubrec(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__sent *sent,
                     uint16_t id, uint8_t code)
{
    bool is_known = sent && sent->state != NH_MQTT__SENT_WAIT_PUBACK;
    if (code >= NH_MQTT_REASON_UNSPECIFIED_ERROR) {
        if (is_known)
            on_done(b, c->session, sent);
        return NH_OK;
    }
    if (is_known && sent->state == NH_MQTT__SENT_WAIT_PUBREC) {
        nh_mqtt__keep_released(b, c->session, sent);
        nh_mqtt__sent_forget(c->session->flow, b->mem, sent);
        sent->state = NH_MQTT__SENT_WAIT_PUBCOMP;
    }
    if (nh_mqtt__keep_gate(b, c->session) < 0)
        return NH_ERR_NOMEM;
    return nh_mqtt__send_ack_reason(b, c, NH_MQTT__PUBREL, id,
                                    is_known ? NH_MQTT_REASON_SUCCESS
                                             : NH_MQTT_REASON_PACKET_IDENTIFIER_NOT_FOUND);
}

static int on_pubrel(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint16_t id)
{
    struct nh_mqtt__flow *f = c->session->flow;
    bool is_known = f && nh_mqtt__ids_remove(f, id);
    if (is_known)
        nh_mqtt__keep_id(b, c->session, id, false);
    if (nh_mqtt__keep_gate(b, c->session) < 0)
        return NH_ERR_NOMEM;
    return nh_mqtt__send_ack_reason(b, c, NH_MQTT__PUBCOMP, id,
                                    is_known ? NH_MQTT_REASON_SUCCESS
                                             : NH_MQTT_REASON_PACKET_IDENTIFIER_NOT_FOUND);
}

int nh_mqtt__on_ack(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt__type type, nh_span_t body)
{
    uint8_t code = 0;
    int id = body.len == 2 ? nh_get_be16(body.ptr) : 0; // most are no longer
    if (id == 0) {
        struct nh_mqtt__ack ack;
        int rc = nh_mqtt__ack_decode(c->version, type, body, &ack);
        if (rc < 0)
            return rc;
        id = ack.packet_id;
        code = ack.code;
    }
    struct nh_mqtt__session *s = c->session;
    if (nh_mqtt__keep_ack_reserve(b, s) < 0)
        return NH_ERR_NOMEM;
    if (type == NH_MQTT__PUBREL)
        return on_pubrel(b, c, (uint16_t)id);
    struct nh_mqtt__sent *sent = s->flow ? nh_mqtt__sent_find(s->flow, (uint16_t)id) : NULL;
    if (type == NH_MQTT__PUBREC)
        return on_pubrec(b, c, sent, (uint16_t)id, code);
    uint8_t expected =
        type == NH_MQTT__PUBACK ? NH_MQTT__SENT_WAIT_PUBACK : NH_MQTT__SENT_WAIT_PUBCOMP;
    if (sent && sent->state == expected) // else not ours: a client that repeats itself
        on_done(b, s, sent);
    return NH_OK;
}

// ---- reconnection -------------------------------------------------------------------------------

static int resend_one(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__sent *sent,
                      uint16_t id)
{
    if (sent->state == NH_MQTT__SENT_WAIT_PUBCOMP)
        return nh_mqtt__send_ack(b, s->conn, NH_MQTT__PUBREL, id);
    struct nh_mqtt__publish p = nh_mqtt__publish_of(sent->msg);
    const struct nh_mqtt__how how = {.id_count = sent->label != 0, .ids = &sent->label};
    uint8_t qos = sent->state == NH_MQTT__SENT_WAIT_PUBACK ? 1 : 2;
    uint8_t flags = (uint8_t)(8 | qos << 1 | sent->retain); // DUP [MQTT-3.3.1-1], [MQTT5-3.3.1-1]
    int rc = put_publish(b, s->conn, &p, flags, id, &how);
    nh_mqtt__publish_release(b, &p);
    nh_mqtt__dirty(b, s->conn);
    return rc;
}

// Sends again what was not acknowledged, with the same packet ids, in the order of the first time
// [MQTT-4.4.0-1], [MQTT-4.6.0-1], as far as the client's receive maximum lets it.
int nh_mqtt__resend(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    struct nh_mqtt__flow *f = s->flow;
    while (f->unsent_count && f->sent_span - f->unsent_count < nh_mqtt__window(b, s)) {
        uint32_t at = f->sent_span - f->unsent_count;
        struct nh_mqtt__sent *sent = nh_mqtt__sent_at(f, at);
        int rc = NH_OK;
        if (sent->state != NH_MQTT__SENT_DONE)
            rc = resend_one(b, s, sent, nh_mqtt__sent_id_at(f, at));
        if (rc == NH_ERR_TOO_LONG && nh_mqtt__keep_ack_reserve(b, s) < 0)
            rc = NH_ERR_NOMEM;
        if (rc < 0 && rc != NH_ERR_TOO_LONG)
            return rc;
        f->unsent_count--;
        if (rc == NH_ERR_TOO_LONG) { // this client takes less than the one before
            nh_mqtt__keep_done(b, s, sent);
            nh_mqtt__drop(b, s, &b->info.dropped_too_large, 1);
            nh_mqtt__sent_done(f, b->mem, sent);
        }
    }
    return NH_OK;
}

int nh_mqtt__resume(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    if (!s->flow)
        return NH_OK;
    s->flow->unsent_count = s->flow->sent_span;
    int rc = nh_mqtt__resend(b, s);
    if (rc == NH_OK)
        nh_mqtt__on_window(b, s);
    return rc;
}
