// A message's way from its publisher to all who take it.
//
// QoS 0 packets in a row for the same topic are not given out one by one: they make a run, and each
// subscriber gets the run as one slice of the bytes it came in. So the cost of a message that
// passes through does not grow with the number of its subscribers.

#include "mqtt/keep.h"

#include <string.h>

struct nh_mqtt__msg *nh_mqtt__publish_msg(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p)
{
    if (!p->msg)
        p->msg = nh_mqtt__msg_create(b->mem, p->topic, p->payload);
    return p->msg;
}

static void count_in(nh_mqtt_broker_t *b, nh_mqtt_conn_t *from, uint8_t qos, size_t payload_len)
{
    b->info.messages_in_qos[qos]++;
    b->info.publish_bytes_in += payload_len;
    if (from)
        from->messages_in++;
}

bool nh_mqtt__is_sys(nh_span_t topic)
{
    return topic.len >= 5 && memcmp(topic.ptr, "$SYS/", 5) == 0;
}

// ---- runs ---------------------------------------------------------------------------------------

// Local subscribers get the messages of a run one by one.
static void run_give_local(nh_mqtt_broker_t *b, const struct nh_mqtt__match *m, const uint8_t *at,
                           const uint8_t *end)
{
    while (at < end) {
        struct nh_mqtt__head head = {0};
        struct nh_mqtt__publish_head pub;
        int n = nh_mqtt__head_decode(at, (size_t)(end - at), NH_MQTT__FROM_CLIENT, &head);
        nh_span_t body = {at + n, head.body_len};
        NH_ASSERT(n > 0 && nh_mqtt__publish_decode(4, NH_MQTT__FROM_CLIENT, head.flags, body,
                                                   &pub) == NH_OK);
        struct nh_mqtt_message message = {pub.topic, pub.payload, 0, false};
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
    b->info.messages_in_qos[0] += b->run.count;
    b->info.publish_bytes_in += b->run.payload_bytes;
    b->run.from->messages_in += b->run.count;
    for (uint32_t i = 0; i < m->count; i++)
        nh_mqtt__deliver_run(b, m->targets[i].session);
    b->run.count = 0;
    if (m->local_count)
        run_give_local(b, m, from, end);
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

static int run_start(nh_mqtt_broker_t *b, const struct nh_mqtt__publish *p)
{
    nh_mqtt__run_flush(b);
    struct nh_mqtt__match *m = nh_mqtt__match_get(b, p->topic);
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
    if (p->payload.len == 0) { // [MQTT-3.3.1-10], [MQTT-3.3.1-11]
        nh_mqtt__retain_remove(&b->retain, p->topic);
    } else {
        m = nh_mqtt__publish_msg(b, p);
        if (m)
            m->qos = p->qos;
        rc = m ? nh_mqtt__retain_set(&b->retain, m) : NH_ERR_NOMEM;
    }
    if (rc < 0)
        return rc;
    p->is_recorded = p->is_recorded || (b->journal && (m || old));
    nh_mqtt__keep_retained(b, m, old_no);
    return NH_OK;
}

static void store_retained(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p)
{
    if (set_retained(b, p) < 0)
        b->info.retained_refused++;
}

int nh_mqtt__route(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p)
{
    int result = NH_OK;
    nh_mqtt__run_flush(b);
    const struct nh_mqtt__match *m = nh_mqtt__match_get(b, p->topic);
    if (!m)
        return NH_ERR_NOMEM;
    count_in(b, p->from, p->qos, p->payload.len);
    if (p->retain)
        store_retained(b, p);
    for (uint32_t i = 0; i < m->count; i++) {
        struct nh_mqtt__session *s = m->targets[i].session;
        if (s->flags & NH_MQTT__SESSION_LOCAL)
            continue;
        // [MQTT-3.8.4-6]: the lower of what was published and what was granted. [MQTT-3.3.1-9]:
        // RETAIN is 0 on the way to a subscription that existed before.
        uint8_t qos = m->targets[i].qos < p->qos ? m->targets[i].qos : p->qos;
        int rc = nh_mqtt__deliver(b, s, p, qos, false);
        if (rc == NH_ERR_NOMEM && qos == 1)
            result = rc;
    }
    struct nh_mqtt_message message = {p->topic, p->payload, p->qos, p->retain};
    if (m->local_count)
        nh_mqtt__local_give(b, m, &message);
    return result;
}

void nh_mqtt__publish_will(nh_mqtt_broker_t *b, uintptr_t will)
{
    if (!will)
        return;
    struct nh_mqtt__msg *m = nh_mqtt__will_msg(will);
    struct nh_mqtt__publish p = {
        .topic = nh_mqtt__msg_topic(m),
        .payload = nh_mqtt__msg_payload(m),
        .msg = m,
        .qos = will & 3,
        .retain = will & 4,
    };
    if (!nh_mqtt__is_sys(p.topic) && nh_mqtt__route(b, &p) < 0)
        b->info.dropped_no_memory++;
    nh_mqtt__msg_unref(b->mem, m);
}

// ---- PUBLISH from a client ----------------------------------------------------------------------

// Why the message is not passed on; SUCCESS: it is. NH_ERR_PROTO: malformed.
static int refusal_of(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t topic)
{
    int rc = nh_mqtt__topic_check(topic, &b->limits);
    if (rc == NH_ERR_PROTO)
        return rc;
    if (rc < 0 || nh_mqtt__is_sys(topic))
        return NH_MQTT_REASON_TOPIC_NAME_INVALID;
    if (nh_mqtt__may_publish(b, c->session, topic))
        return NH_MQTT_REASON_SUCCESS;
    nh_mqtt__denied(b, c->session, &b->info.publish_denied, topic, "may not publish to");
    return NH_MQTT_REASON_NOT_AUTHORIZED;
}

// Passes the message on unless it is refused; then it is acknowledged all the same, since 3.1.1 has
// no way to say no but to close [MQTT-3.3.5-2].
static int pass_on(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p, int refusal)
{
    if (!refusal)
        return nh_mqtt__route(b, p);
    count_in(b, p->from, p->qos, p->payload.len);
    b->info.publish_refused += refusal == NH_MQTT_REASON_TOPIC_NAME_INVALID;
    return NH_OK;
}

// Method A of figure 4.3: the packet id is kept until PUBREL, the message is passed on at once.
static int pass_on_qos2(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p, uint16_t id, int refusal)
{
    struct nh_mqtt__flow *f = nh_mqtt__session_flow(b, p->from->session);
    if (!f)
        return NH_ERR_NOMEM;
    if (f->ids_count >= b->cfg.qos2_max_count && !nh_mqtt__ids_has(f, id))
        return NH_ERR_PROTO;
    if (nh_mqtt__keep_ack_reserve(b, p->from->session) < 0)
        return NH_ERR_NOMEM;
    int is_new = nh_mqtt__ids_add(f, b->mem, id);
    if (is_new <= 0) // [MQTT-4.3.3-2]: seen before, acknowledged only
        return is_new;
    nh_mqtt__keep_id(b, p->from->session, id, true);
    p->is_recorded = f->kept != NULL;
    int rc = pass_on(b, p, refusal);
    if (rc == NH_ERR_NOMEM) { // not begun: it may come again
        nh_mqtt__ids_remove(f, id);
        nh_mqtt__keep_id(b, p->from->session, id, false);
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

static int publish_and_ack(nh_mqtt_broker_t *b, struct nh_mqtt__publish *p, uint16_t id,
                           int refusal)
{
    nh_mqtt_conn_t *c = p->from;
    int rc = p->qos == 2 ? pass_on_qos2(b, p, id, refusal) : pass_on(b, p, refusal);
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
    return nh_mqtt__send_ack(b, c, p->qos == 1 ? NH_MQTT__PUBACK : NH_MQTT__PUBREC, id);
}

int nh_mqtt__on_publish(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__head *head,
                        const uint8_t *packet, struct nh_mqtt__msg *gathered)
{
    struct nh_mqtt__publish_head k;
    nh_span_t body = {packet + head->head_len, head->body_len};
    int rc = nh_mqtt__publish_decode(4, NH_MQTT__FROM_CLIENT, head->flags, body, &k);
    if (rc < 0)
        return rc;
    uint32_t packet_len = head->head_len + head->body_len;
    bool passes_as_it_is = k.qos == 0 && !k.retain && !gathered && head->is_minimal;
    if (passes_as_it_is && run_takes(b, packet, k.topic)) {
        run_add(b, packet_len, k.payload.len);
        return NH_OK;
    }
    struct nh_mqtt__publish p = {.topic = k.topic,
                                 .payload = k.payload,
                                 .packet = gathered ? NULL : packet,
                                 .packet_len = packet_len,
                                 .id_at = (uint32_t)(head->head_len + 2 + k.topic.len),
                                 .from = c,
                                 .qos = k.qos,
                                 .retain = k.retain};
    int refusal = refusal_of(b, c, k.topic);
    if (refusal < 0)
        return refusal;
    if (passes_as_it_is && !refusal)
        return run_start(b, &p);
    if (gathered) { // the buffer it was gathered in becomes the message
        nh_mqtt__msg_adopt(gathered, head->head_len, packet_len, k.qos > 0);
        p.topic = nh_mqtt__msg_topic(gathered);
        p.payload = nh_mqtt__msg_payload(gathered);
        p.msg = nh_mqtt__msg_ref(gathered);
    }
    rc = publish_and_ack(b, &p, k.packet_id, refusal);
    nh_mqtt__msg_unref(b->mem, p.msg);
    return rc;
}
