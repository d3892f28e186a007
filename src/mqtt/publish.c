// A message's way from its publisher to all who take it.
//
// QoS 0 packets in a row for the same topic are not given out one by one: they make a run, and each
// subscriber gets the run as one slice of the bytes it came in. So the cost of a message that
// passes through does not grow with the number of its subscribers.

#include "core/base/bytes.h"
#include "mqtt/keep.h"

#include <string.h>

static struct nh_mqtt__msg *make_msg(const nh_mqtt_broker_t *b, const struct nh_mqtt__publish *p,
                                     uint8_t version, nh_span_t labels)
{
    const struct nh_mqtt__content k = {.topic = p->topic,
                                       .labels = labels,
                                       .props = p->props,
                                       .payload = p->payload,
                                       .expires_ms = p->expires_ms,
                                       .expiry_s = nh_mqtt__left_s(p->expires_ms, b->now_ms),
                                       .version = version,
                                       .qos = p->qos};
    return nh_mqtt__msg_create(b->mem, &k);
}

struct nh_mqtt__msg *nh_mqtt__publish_msg(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p)
{
    if (!p->msg)
        p->msg = make_msg(b, p, p->version, (nh_span_t){0});
    return p->msg;
}

// One copy with labels is kept: mostly all who have some have the same.
static struct nh_mqtt__msg *publish_labelled(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p,
                                             const struct nh_mqtt__how *how)
{
    uint8_t small[NH_MQTT__LABEL_MAX];
    nh_span_t labels;
    if (!nh_mqtt__labels_write(b, how->ids, how->id_count, small, &labels))
        return NULL;
    if (p->labelled) {
        nh_span_t have = nh_mqtt__msg_props(p->labelled);
        if (have.len == labels.len + p->props.len && memcmp(have.ptr, labels.ptr, labels.len) == 0)
            return p->labelled;
        nh_mqtt__msg_unref(b->mem, p->labelled);
    }
    p->labelled = make_msg(b, p, 5, labels);
    return p->labelled;
}

struct nh_mqtt__msg *nh_mqtt__publish_form(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p,
                                           uint8_t version, const struct nh_mqtt__how *how)
{
    bool is_v5 = version == 5;
    if (is_v5 && how->id_count)
        return publish_labelled(b, p, how);
    bool has_v5 = p->msg ? p->msg->is_v5 : p->version == 5;
    struct nh_mqtt__msg **slot = has_v5 == is_v5 ? &p->msg : &p->other;
    if (!*slot)
        *slot = make_msg(b, p, version, (nh_span_t){0});
    return *slot;
}

struct nh_mqtt__publish nh_mqtt__publish_of(struct nh_mqtt__msg *m)
{
    return (struct nh_mqtt__publish){.topic = nh_mqtt__msg_topic(m),
                                     .payload = nh_mqtt__msg_payload(m),
                                     .props = nh_mqtt__msg_props(m),
                                     .expires_ms = nh_mqtt__msg_expires_ms(m),
                                     .version = m->is_v5 ? 5 : 4,
                                     .qos = m->qos,
                                     .msg = nh_mqtt__msg_ref(m)};
}

void nh_mqtt__publish_release(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p)
{
    nh_mqtt__msg_unref(b->mem, p->msg);
    nh_mqtt__msg_unref(b->mem, p->other);
    nh_mqtt__msg_unref(b->mem, p->labelled);
}

// What the hub itself publishes did not come in.
static void count_in(nh_mqtt_broker_t *b, nh_mqtt_conn_t *from, uint8_t qos, size_t payload_len)
{
    if (!from)
        return;
    b->info.messages_in_qos[qos]++;
    b->info.publish_bytes_in += payload_len;
    from->messages_in++;
}

bool nh_mqtt__is_sys(nh_span_t topic)
{
    return topic.len >= 5 && memcmp(topic.ptr, "$SYS/", 5) == 0;
}

// ---- runs ---------------------------------------------------------------------------------------

// Local subscribers get the messages of a run one by one.
static void run_give_local(nh_mqtt_broker_t *b, const struct nh_mqtt__match *m, const uint8_t *at,
                           const uint8_t *end, uint8_t version)
{
    while (at < end) {
        struct nh_mqtt__head head = {0};
        struct nh_mqtt__publish_head pub;
        int n = nh_mqtt__head_decode(at, (size_t)(end - at), NH_MQTT__FROM_CLIENT, &head);
        nh_span_t body = {at + n, head.body_len};
        NH_ASSERT(n > 0 && nh_mqtt__publish_decode(version, NH_MQTT__FROM_CLIENT, head.flags, body,
                                                   &pub) == NH_OK);
        struct nh_mqtt_message message = {
            .topic = pub.topic, .payload = pub.payload, .props = pub.props.bytes};
        nh_mqtt__local_give(b, m, &message);
        at = body.ptr + body.len;
    }
}

void nh_mqtt__run_flush(nh_mqtt_broker_t *b)
{
    if (b->run.count == 0)
        return;
    const struct nh_mqtt__match *m = b->run.match;
    const uint8_t *from = b->run.ptr, *end = from + b->run.len;
    uint8_t version = b->run.form == NH_MQTT__FORM_V4 ? 4 : 5;
    b->info.messages_in_qos[0] += b->run.count;
    b->info.publish_bytes_in += b->run.payload_bytes;
    b->run.from->messages_in += b->run.count;
    for (uint32_t i = 0; i < m->count; i++)
        nh_mqtt__deliver_run(b, &m->targets[i]);
    b->run.count = 0;
    if (m->local_count)
        run_give_local(b, m, from, end, version);
}

// Whether the packet goes on where the run ends, to the same topic.
static bool run_takes(const nh_mqtt_broker_t *b, const uint8_t *packet, nh_span_t topic)
{
    const struct nh_mqtt__match *m = b->run.match;
    return b->run.count && b->run.ptr + b->run.len == packet && m->topic_len == topic.len &&
           b->run.count < UINT16_MAX && memcmp(m->topic, topic.ptr, topic.len) == 0;
}

static void run_add(nh_mqtt_broker_t *b, uint32_t packet_len, size_t payload_len)
{
    b->run.len += packet_len;
    b->run.count++;
    b->run.payload_bytes += payload_len;
}

// The quick way for most packets: one of QoS 0 to the topic of the run, right behind it, without
// properties. True: it is in the run. What is read here lies within the packet.
static bool run_goes_on(nh_mqtt_broker_t *b, const uint8_t *packet,
                        const struct nh_mqtt__head *head)
{
    const struct nh_mqtt__match *m = b->run.match;
    if (!b->run.count || b->run.ptr + b->run.len != packet || b->run.count == UINT16_MAX)
        return false;
    const uint8_t *body = packet + head->head_len;
    uint32_t is_v5 = b->run.form, before = 2u + m->topic_len + is_v5;
    if (head->body_len < before || !head->is_minimal || nh_get_be16(body) != m->topic_len ||
        (is_v5 && body[before - 1] != 0) || memcmp(body + 2, m->topic, m->topic_len) != 0)
        return false;
    run_add(b, head->head_len + head->body_len, head->body_len - before);
    return true;
}

static int run_start(nh_mqtt_broker_t *b, const struct nh_mqtt__publish *p)
{
    nh_mqtt__run_flush(b);
    struct nh_mqtt__match *m = p->match;
    if (!m || m->generation != b->index.generation)
        m = nh_mqtt__match_get(b, p->topic);
    if (!m) {
        count_in(b, p->from, 0, p->payload.len);
        b->info.dropped_no_memory++;
        return NH_OK; // QoS 0: dropped and counted
    }
    b->run.match = m;
    b->run.ptr = p->packet;
    b->run.len = 0;
    b->run.count = 0;
    b->run.payload_bytes = 0;
    b->run.from = p->from;
    b->run.form = p->version == 5 ? NH_MQTT__FORM_V5 : NH_MQTT__FORM_V4;
    b->run.other.ptr = b->run.labelled.ptr = NULL;
    run_add(b, p->packet_len, p->payload.len);
    return NH_OK;
}

// ---- one message --------------------------------------------------------------------------------

static int set_retained(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p)
{
    struct nh_mqtt__msg *old = nh_mqtt__retain_get(&b->retain, p->topic), *m = NULL;
    uint64_t old_no = old ? old->no : 0;
    int rc = nh_mqtt__keep_retained_reserve(b);
    if (rc < 0)
        return rc;
    if (p->payload.len == 0) { // [MQTT-3.3.1-10], [MQTT-3.3.1-11], [MQTT5-3.3.1-6], -7
        nh_mqtt__retain_remove(&b->retain, p->topic);
    } else {
        m = b->cfg.retain_refused ? NULL : nh_mqtt__publish_msg(b, p);
        rc = m ? nh_mqtt__retain_set(&b->retain, m) : NH_ERR_NOMEM;
    }
    if (rc < 0)
        return rc;
    p->is_recorded = p->is_recorded || (b->journal && (m || old));
    nh_mqtt__keep_retained(b, m, old_no);
    if (m)
        nh_mqtt__expire_retained(b, m);
    return NH_OK;
}

static void store_retained(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p)
{
    if (set_retained(b, p) < 0)
        b->info.retained_refused++;
}

static int give(nh_mqtt_broker_t *b, const struct nh_mqtt__match *m,
                const struct nh_mqtt__target *t, struct nh_mqtt__publish *p)
{
    // [MQTT-3.8.4-6], [MQTT5-3.8.4-8]: the lower of what was published and what was granted.
    // [MQTT-3.3.1-9], [MQTT5-3.3.1-12]: RETAIN is 0 on the way to a subscription that existed
    // before, unless that asks for it as it was published [MQTT5-3.3.1-13].
    const struct nh_mqtt__how how = {.qos = t->qos < p->qos ? t->qos : p->qos,
                                     .retain =
                                         p->retain && (t->flags & NH_MQTT__TARGET_AS_PUBLISHED),
                                     .id_count = t->id_count,
                                     .ids = nh_mqtt__target_ids(m, t)};
    int rc = nh_mqtt__deliver(b, t->session, p, &how);
    return rc == NH_ERR_NOMEM && how.qos == 1 ? rc : NH_OK;
}

// A message of its own, to a client that said no-local for some subscriptions [MQTT5-3.8.3-3].
static int give_to_self(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__publish *p)
{
    struct nh_mqtt__match *own = nh_mqtt__match_own(b, p->topic, s);
    if (!own)
        return NH_ERR_NOMEM;
    int rc = own->count ? give(b, own, own->targets, p) : NH_OK;
    nh_mqtt__match_free(b, own);
    return rc;
}

static int give_special(nh_mqtt_broker_t *b, const struct nh_mqtt__match *m,
                        const struct nh_mqtt__target *t, struct nh_mqtt__publish *p)
{
    struct nh_mqtt__session *s = t->session;
    if (s->flags & NH_MQTT__SESSION_LOCAL)
        return NH_OK; // after all others
    if (s->flags & NH_MQTT__SESSION_SHARED) {
        int rc = nh_mqtt__share_deliver(b, s, p);
        return rc == NH_ERR_NOMEM && p->qos ? rc : NH_OK;
    }
    if ((t->flags & NH_MQTT__TARGET_NO_LOCAL) && p->from && p->from->session == s)
        return give_to_self(b, s, p);
    return give(b, m, t, p);
}

int nh_mqtt__route(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p)
{
    int result = NH_OK;
    nh_mqtt__run_flush(b);
    const struct nh_mqtt__match *m = p->match;
    if (!m || m->generation != b->index.generation)
        m = nh_mqtt__match_get(b, p->topic);
    if (!m)
        return NH_ERR_NOMEM;
    count_in(b, p->from, p->qos, p->payload.len);
    if (p->retain)
        store_retained(b, p);
    p->is_unheard = m->count == 0;
    const unsigned special = NH_MQTT__TARGET_FRONT | NH_MQTT__TARGET_NO_LOCAL;
    for (const struct nh_mqtt__target *t = m->targets, *end = t + m->count; t < end; t++) {
        int rc = t->flags & special ? give_special(b, m, t, p) : give(b, m, t, p);
        result = rc < 0 ? rc : result;
    }
    struct nh_mqtt_message message = {.topic = p->topic,
                                      .payload = p->payload,
                                      .qos = p->qos,
                                      .retain = p->retain,
                                      .props = p->props,
                                      .expires_ms = p->expires_ms};
    if (m->local_count)
        nh_mqtt__local_give(b, m, &message);
    return result;
}

// ---- PUBLISH from a client ----------------------------------------------------------------------

// Passes the message on unless something forbids it; then it is acknowledged all the same, since
// 3.1.1 has no way to say no but to close [MQTT-3.3.5-2].
static int pass_on(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p)
{
    if (!p->reason)
        return nh_mqtt__route(b, p);
    count_in(b, p->from, p->qos, p->payload.len);
    b->info.publish_refused += p->reason != NH_MQTT_REASON_NOT_AUTHORIZED; // that was counted
    return NH_OK;
}

// Method A of figure 4.3: the packet id is kept until PUBREL, the message is passed on at once. An
// id that 5.0 answers with an error is not kept [MQTT5-4.3.3-9].
static int pass_on_qos2(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p, uint16_t id)
{
    nh_mqtt_conn_t *c = p->from;
    struct nh_mqtt__flow *f = nh_mqtt__session_flow(b, c->session);
    if (!f)
        return NH_ERR_NOMEM;
    // [MQTT5-3.3.4-8]. A bridge hands on what another broker sent, and Mosquitto 2.0 sends more
    // than it may after it was cut off: hanging up would only make it do so again.
    if (f->ids_count >= b->cfg.qos2_max_count && !c->is_own && !nh_mqtt__ids_has(f, id))
        return nh_mqtt__fault(b, NH_MQTT_REASON_RECEIVE_MAXIMUM_EXCEEDED);
    if (p->reason && c->version == 5 && !nh_mqtt__ids_has(f, id))
        return pass_on(b, p);
    if (nh_mqtt__keep_ack_reserve(b, c->session) < 0)
        return NH_ERR_NOMEM;
    int is_new = nh_mqtt__ids_add(f, b->mem, id);
    if (is_new == 0) // [MQTT-4.3.3-2], [MQTT5-4.3.3-10]: seen before, acknowledged only
        p->reason = 0;
    if (is_new <= 0)
        return is_new;
    nh_mqtt__keep_id(b, c->session, id, true);
    p->is_recorded = f->kept != NULL;
    int rc = pass_on(b, p);
    if (rc == NH_ERR_NOMEM) { // not begun: it may come again
        nh_mqtt__ids_remove(f, id);
        if (nh_mqtt__keep_ack_reserve(b, c->session) == NH_OK)
            nh_mqtt__keep_id(b, c->session, id, false);
        return rc;
    }
    return NH_OK;
}

// What is acknowledged is on disk first, as far as it goes there. One seen before may still be on
// its way there.
static int gate_ack(nh_mqtt_broker_t *b, const struct nh_mqtt__publish *p)
{
    if (p->is_recorded)
        return nh_mqtt__gate(b, p->from, nh_mqtt__journal_no(b));
    return p->qos == 2 ? nh_mqtt__keep_gate(b, p->from->session) : NH_OK;
}

static int publish_and_ack(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p, uint16_t id)
{
    nh_mqtt_conn_t *c = p->from;
    int rc = p->qos == 2 ? pass_on_qos2(b, p, id) : pass_on(b, p);
    if (p->is_recorded)
        nh_mqtt__hold(b, c);
    if (p->qos == 0) {
        b->info.dropped_no_memory += rc == NH_ERR_NOMEM;
        return NH_OK;
    }
    if (rc == NH_OK)
        rc = gate_ack(b, p);
    if (rc < 0)
        return rc;
    uint8_t reason = p->is_unheard ? NH_MQTT_REASON_NO_MATCHING_SUBSCRIBERS : p->reason;
    enum nh_mqtt__type type = p->qos == 1 ? NH_MQTT__PUBACK : NH_MQTT__PUBREC;
    return nh_mqtt__send_ack_reason(b, c, type, id, reason);
}

// What the broker was told not to have. 3.1.1 has no word for it: its client is sent away for the
// QoS, and a retained message is passed on and not kept.
static int check_available(nh_mqtt_broker_t *b, const struct nh_mqtt__publish *p)
{
    if (b->cfg.qos_refused && p->qos >= b->cfg.qos_refused) // [MQTT5-3.2.2-11]
        return nh_mqtt__fault(b, NH_MQTT_REASON_QOS_NOT_SUPPORTED);
    if (b->cfg.retain_refused && p->retain && p->version == 5) // [MQTT5-3.2.2-14]
        return nh_mqtt__fault(b, NH_MQTT_REASON_RETAIN_NOT_SUPPORTED);
    return NH_OK;
}

// Nothing is kept longer than the configuration says.
static void limit_expiry(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p)
{
    uint32_t max = b->cfg.message_expiry_max_s;
    if (!max || (p->qos == 0 && !p->retain))
        return;
    uint64_t at = nh_mqtt__expires_ms(b, max);
    if (p->expires_ms && p->expires_ms <= at)
        return;
    p->expires_ms = at;
    p->packet = NULL;
    p->version = 5; // only such a packet can hold it
}

// Judges `p` by its topic. NH_ERR_SYNTAX: it is none.
static int check_topic(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p)
{
    p->match = nh_mqtt__match_peek(b, p->topic);
    int rc = p->match ? NH_OK : NH_ERR_TOO_LONG;
    if (!p->match && p->topic.len)
        rc = nh_mqtt__topic_check(p->topic, &b->limits);
    if (rc == NH_ERR_PROTO) // [MQTT-3.3.2-2], [MQTT5-3.3.2-2]
        return NH_ERR_SYNTAX;
    if (rc < 0 || nh_mqtt__is_sys(p->topic)) {
        p->reason = NH_MQTT_REASON_TOPIC_NAME_INVALID;
    } else if (!nh_mqtt__may_publish(b, p->from->session, p->topic)) {
        p->reason = NH_MQTT_REASON_NOT_AUTHORIZED;
        nh_mqtt__denied(b, p->from->session, &b->info.publish_denied, p->topic,
                        "may not publish to");
    }
    return NH_OK;
}

static int judge(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__publish_head *k,
                 struct nh_mqtt__publish *p)
{
    int rc = NH_OK;
    if (c->version != 5 && k->topic.len == 0) // only an alias may stand for a topic
        return NH_ERR_SYNTAX;
    if (c->version == 5)
        rc = nh_mqtt__publish_take5(b, c, k, p);
    if (rc == NH_OK)
        rc = check_topic(b, p);
    if (rc == NH_OK)
        rc = check_available(b, p);
    if (rc == NH_OK)
        limit_expiry(b, p);
    return rc;
}

// The buffer it was gathered in becomes the message, if all that is in there is passed on.
static void adopt(struct nh_mqtt__publish *p, struct nh_mqtt__msg *gathered, size_t head_len)
{
    nh_mqtt__msg_adopt(gathered, head_len, p->packet_len, p->qos > 0, p->version);
    gathered->qos = p->qos & 3;
    p->topic = nh_mqtt__msg_topic(gathered);
    p->payload = nh_mqtt__msg_payload(gathered);
    p->msg = nh_mqtt__msg_ref(gathered);
}

int nh_mqtt__on_publish(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__head *head,
                        const uint8_t *packet, struct nh_mqtt__msg *gathered)
{
    struct nh_mqtt__publish_head k;
    nh_span_t body = {packet + head->head_len, head->body_len};
    if (head->flags == 0 && !gathered && run_goes_on(b, packet, head))
        return NH_OK;
    int rc = nh_mqtt__publish_decode(c->version, NH_MQTT__FROM_CLIENT, head->flags, body, &k);
    if (rc < 0)
        return rc;
    uint32_t packet_len = head->head_len + head->body_len;
    bool is_plain = k.qos == 0 && !k.retain && head->is_minimal;
    struct nh_mqtt__publish p = {.topic = k.topic,
                                 .payload = k.payload,
                                 .packet = packet,
                                 .packet_len = packet_len,
                                 .id_at = (uint32_t)(head->head_len + 2 + k.topic.len),
                                 .version = c->version,
                                 .from = c,
                                 .qos = k.qos,
                                 .retain = k.retain};
    rc = judge(b, c, &k, &p);
    if (rc < 0)
        return rc;
    bool is_rewritten = p.packet != packet; // or not to be passed on as a packet at all
    if (is_plain && p.packet && (!gathered || is_rewritten) && !p.reason) {
        if (!run_takes(b, p.packet, p.topic))
            return run_start(b, &p);
        run_add(b, p.packet_len, p.payload.len);
        return NH_OK;
    }
    if (gathered && !is_rewritten)
        adopt(&p, gathered, head->head_len);
    if (gathered)
        p.packet = NULL; // not within the turn's bytes
    rc = publish_and_ack(b, &p, k.packet_id);
    nh_mqtt__publish_release(b, &p);
    return rc;
}
