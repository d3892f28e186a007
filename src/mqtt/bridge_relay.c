// From one leg to the other. A PUBLISH keeps its packet id, and each acknowledgement goes on as it
// came: the two brokers hold the state of every message between them, the bridge none.
//
//   own broker            bridge             other broker
//     PUBLISH q2 #7  ----------------------->
//                    <-----------------------  PUBREC #7
//     PUBREL #7      ----------------------->
//                    <-----------------------  PUBCOMP #7
//
// What is not carried is acknowledged by the bridge itself, on the leg that it came by.

#include "mqtt/bridge_parts.h"
#include "mqtt/topic.h"
#include "mqtt/writer.h"

#include <string.h>

#define MARK_NAME "nuthatch-via" // a user property: the client id of each bridge on the way
#define HEAD_MAX (NH_MQTT__HEAD_MAX + 2)
#define PARTS_MAX 10

// ---- putting a PUBLISH together -----------------------------------------------------------------

// A PUBLISH in pieces: its payload and properties stay where they are.
struct pieces {
    uint8_t head[HEAD_MAX], middle[8], mark[8];
    nh_span_t part[PARTS_MAX];
    size_t count;
    uint32_t len; // of all
};

static void add(struct pieces *p, const void *ptr, size_t len)
{
    if (len)
        p->part[p->count++] = (nh_span_t){ptr, len};
}

// The head of the mark: everything of the user property but the client id, in two parts.
static size_t mark_len(nh_span_t id)
{
    return id.len ? 1 + 2 + sizeof MARK_NAME - 1 + 2 + id.len : 0;
}

static void add_mark(struct pieces *p, nh_span_t id)
{
    if (!id.len)
        return;
    struct nh_mqtt__writer w = {.out = p->mark};
    nh_mqtt__put_u8(&w, NH_MQTT__USER_PROPERTY);
    nh_mqtt__put_u16(&w, sizeof MARK_NAME - 1);
    add(p, p->mark, w.len);
    add(p, MARK_NAME, sizeof MARK_NAME - 1);
    nh_mqtt__put_u16(&w, (uint16_t)id.len);
    add(p, p->mark + 3, 2);
    add(p, id.ptr, id.len);
}

// `mark`: a client id, or empty. NH_ERR_TOO_LONG: no packet holds it.
static int assemble(struct pieces *p, uint8_t version, const struct nh_mqtt__publish_head *k,
                    const struct nh_mqtt__mapped *topic, nh_span_t mark)
{
    size_t topic_len = topic->prefix.len + topic->rest.len;
    size_t props_len = version < 5 ? 0 : k->props.bytes.len + mark_len(mark);
    struct nh_mqtt__writer middle = {.out = p->middle};
    if (topic_len > UINT16_MAX)
        return NH_ERR_TOO_LONG;
    if (k->qos)
        nh_mqtt__put_u16(&middle, k->packet_id);
    if (version >= 5)
        nh_mqtt__put_varint(&middle, (uint32_t)props_len);
    uint64_t body = 2 + (uint64_t)topic_len + middle.len + props_len + k->payload.len;
    if (body > NH_MQTT__BODY_MAX)
        return NH_ERR_TOO_LONG;
    uint8_t first =
        (uint8_t)(NH_MQTT__PUBLISH << 4 | (k->is_dup ? 8 : 0) | k->qos << 1 | (k->retain ? 1 : 0));
    struct nh_mqtt__writer head = {.out = p->head,
                                   .len = nh_mqtt__head_encode(p->head, first, (uint32_t)body)};
    p->len = (uint32_t)(head.len + body);
    nh_mqtt__put_u16(&head, (uint16_t)topic_len);
    p->count = 0;
    add(p, p->head, head.len);
    add(p, topic->prefix.ptr, topic->prefix.len);
    add(p, topic->rest.ptr, topic->rest.len);
    add(p, p->middle, middle.len);
    if (version >= 5) {
        add(p, k->props.bytes.ptr, k->props.bytes.len);
        add_mark(p, mark);
    }
    return NH_OK;
}

// ---- loops --------------------------------------------------------------------------------------

static nh_span_t own_mark(const nh_mqtt_bridge_t *b)
{
    const char *id = b->cfg.client_id;
    return (nh_span_t){(const uint8_t *)id, b->cfg.is_unmarked ? 0 : strlen(id)};
}

// Whether the message has been through this bridge before, by way of others.
static bool is_marked(const nh_mqtt_bridge_t *b, const struct nh_mqtt__props *props)
{
    struct nh_mqtt__props rest = *props;
    struct nh_mqtt__prop p;
    nh_span_t id = own_mark(b);
    while (id.len && nh_mqtt__props_next_of(&rest, NH_MQTT__USER_PROPERTY, &p))
        if (nh_mqtt__span_is(p.name, MARK_NAME) && nh_mqtt__span_equal(p.bytes, id))
            return true;
    return false;
}

static bool comes_back(const nh_mqtt_bridge_t *b, const struct nh_mqtt__mapped *topic)
{
    uint8_t text[NH_MQTT__BRIDGE_TOPIC_MAX];
    size_t len = topic->prefix.len + topic->rest.len;
    struct nh_mqtt__mapped ignored;
    if (len > sizeof text)
        return false;
    if (topic->prefix.len)
        memcpy(text, topic->prefix.ptr, topic->prefix.len);
    if (topic->rest.len)
        memcpy(text + topic->prefix.len, topic->rest.ptr, topic->rest.len);
    return nh_mqtt__rules_map(b->rules, b->cfg.rule_count, NH_MQTT_BRIDGE_IN,
                              (nh_span_t){text, len}, &ignored);
}

// ---- acknowledgements ---------------------------------------------------------------------------

static int put_ack(nh_mqtt_bridge_t *b, bool to_far, uint8_t type, uint16_t id, uint8_t code)
{
    uint8_t version = to_far ? b->far.version : 5;
    struct nh_mqtt__ack ack = {.packet_id = id, .code = version < 5 ? 0 : code};
    uint8_t out[8];
    int len = nh_mqtt__ack_encode(version, type, &ack, out, sizeof out);
    const nh_span_t part = {out, (size_t)len};
    return to_far ? nh_mqtt__far_put(b, &part, 1) : nh_mqtt__near_put(b, &part, 1);
}

// Only a server says that nobody subscribed.
static uint8_t plain_code(uint8_t code)
{
    return code == NH_MQTT_REASON_NO_MATCHING_SUBSCRIBERS ? 0 : code;
}

int nh_mqtt__relay_ack_out(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p)
{
    struct nh_mqtt__ack ack;
    int rc = nh_mqtt__ack_decode(5, p->head.type, p->body, &ack);
    if (rc < 0)
        return rc;
    bool is_answer = p->head.type == NH_MQTT__PUBACK || p->head.type == NH_MQTT__PUBREC;
    b->info.refused_here += is_answer && ack.code >= 0x80;
    return put_ack(b, true, p->head.type, ack.packet_id, plain_code(ack.code));
}

int nh_mqtt__relay_ack_in(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p)
{
    struct nh_mqtt__ack ack;
    int rc = nh_mqtt__ack_decode(b->far.version, p->head.type, p->body, &ack);
    if (rc < 0)
        return rc;
    bool is_answer = p->head.type == NH_MQTT__PUBACK || p->head.type == NH_MQTT__PUBREC;
    b->info.refused_there += is_answer && ack.code >= 0x80;
    return put_ack(b, false, p->head.type, ack.packet_id, plain_code(ack.code));
}

// What is not carried is done with for who sent it. At QoS 2 the rest of the exchange goes by way
// of the other leg, where nobody knows the packet id: PUBREL is answered all the same
// [MQTT-4.3.3-2].
static int drop(nh_mqtt_bridge_t *b, bool to_far, const struct nh_mqtt__publish_head *k,
                uint64_t *counter)
{
    ++*counter;
    if (k->qos == 0)
        return NH_OK;
    return put_ack(b, to_far, k->qos == 1 ? NH_MQTT__PUBACK : NH_MQTT__PUBREC, k->packet_id, 0);
}

// ---- out ----------------------------------------------------------------------------------------

// The own broker's session is new and the other one is not: a QoS 2 message there may still be held
// under the packet id that this one has. PUBREL frees it [MQTT-4.3.3-2]; an id that is not held is
// answered, too, and the answer does no harm here.
static int free_id(nh_mqtt_bridge_t *b, const struct nh_mqtt__publish_head *k)
{
    if (k->qos != 2 || b->near.fresh_left == 0)
        return NH_OK;
    b->near.fresh_left--;
    return put_ack(b, true, NH_MQTT__PUBREL, k->packet_id, 0);
}

static int send_out(nh_mqtt_bridge_t *b, const struct nh_mqtt__publish_head *k,
                    const struct nh_mqtt__mapped *topic)
{
    struct pieces p = {0};
    int rc = assemble(&p, b->far.version, k, topic, own_mark(b));
    if (rc < 0 || p.len > b->far.packet_max || k->qos > b->far.max_qos)
        return drop(b, false, k, &b->info.dropped_unfit);
    rc = free_id(b, k);
    if (rc < 0)
        return rc;
    if (b->echo && comes_back(b, topic))
        nh_mqtt__echo_add(b->echo, topic, k->payload, b->now_ms, b->cfg.seed);
    add(&p, k->payload.ptr, k->payload.len);
    b->info.messages_out++;
    return nh_mqtt__far_put(b, p.part, p.count);
}

int nh_mqtt__relay_out(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p)
{
    struct nh_mqtt__publish_head k;
    struct nh_mqtt__mapped topic;
    int rc = nh_mqtt__publish_decode(5, NH_MQTT__FROM_SERVER, p->head.flags, p->body, &k);
    if (rc < 0)
        return rc;
    if (k.topic.len == 0 ||
        !nh_mqtt__rules_map(b->rules, b->cfg.rule_count, NH_MQTT_BRIDGE_OUT, k.topic, &topic))
        return drop(b, false, &k, &b->info.dropped_unmapped);
    if (b->far.version >= 5 && is_marked(b, &k.props))
        return drop(b, false, &k, &b->info.dropped_loops);
    k.retain &= b->far.takes_retained;
    return send_out(b, &k, &topic);
}

// ---- in -----------------------------------------------------------------------------------------

static bool is_sound_topic(nh_span_t topic)
{
    static const struct nh_mqtt__topic_limits any = {UINT16_MAX, UINT16_MAX};
    return nh_mqtt__topic_check(topic, &any) == NH_OK;
}

static bool is_own(nh_mqtt_bridge_t *b, const struct nh_mqtt__publish_head *k)
{
    if (is_marked(b, &k->props))
        return true;
    return b->echo && nh_mqtt__echo_take(b->echo, k, b->now_ms, b->cfg.seed);
}

int nh_mqtt__relay_in(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p)
{
    struct nh_mqtt__publish_head k;
    struct nh_mqtt__mapped topic;
    int rc =
        nh_mqtt__publish_decode(b->far.version, NH_MQTT__FROM_SERVER, p->head.flags, p->body, &k);
    if (rc < 0)
        return rc;
    // Neither was asked for.
    if (nh_mqtt__props_has(&k.props, NH_MQTT__TOPIC_ALIAS) ||
        nh_mqtt__props_has(&k.props, NH_MQTT__SUBSCRIPTION_IDENTIFIER))
        return NH_ERR_PROTO;
    if (!is_sound_topic(k.topic) ||
        !nh_mqtt__rules_map(b->rules, b->cfg.rule_count, NH_MQTT_BRIDGE_IN, k.topic, &topic))
        return drop(b, true, &k, &b->info.dropped_unmapped);
    if (is_own(b, &k))
        return drop(b, true, &k, &b->info.dropped_loops);
    struct pieces out = {0};
    rc = assemble(&out, 5, &k, &topic, own_mark(b));
    if (rc < 0 || out.len > b->near.packet_max)
        return drop(b, true, &k, &b->info.dropped_unfit);
    add(&out, k.payload.ptr, k.payload.len);
    b->info.messages_in++;
    return nh_mqtt__near_put(b, out.part, out.count);
}
