// PUBLISH, its acknowledgements, and the packets that end a connection or keep it: all small.

#include "core/base/bytes.h"
#include "mqtt/writer.h"

// What the encoders of this file hand to nh_mqtt__encode().
struct item {
    const void *k;
    uint8_t version, type;
};

static uint8_t first_of(enum nh_mqtt__type type)
{
    return (uint8_t)(type << 4 | (type == NH_MQTT__PUBREL ? 2 : 0)); // [MQTT-3.6.1-1]
}

// ---- PUBLISH ------------------------------------------------------------------------------------

int nh_mqtt__publish_decode(uint8_t version, enum nh_mqtt__from from, uint8_t flags, nh_span_t body,
                            struct nh_mqtt__publish_head *out)
{
    struct nh_mqtt__cursor c = nh_mqtt__cursor(body);
    out->qos = flags >> 1 & 3;
    out->retain = flags & 1;
    out->is_dup = flags & 8;
    out->topic = nh_mqtt__take_bytes(&c);
    out->packet_id = out->qos ? nh_mqtt__take_u16(&c) : 0;
    out->props = (struct nh_mqtt__props){0};
    if (c.overran || (out->qos && !out->packet_id))
        return NH_ERR_SYNTAX;
    if (version >= 5) {
        uint8_t where = NH_MQTT__WHERE(NH_MQTT__PUBLISH, from);
        int rc = nh_mqtt__props_decode(&c, where, &out->props);
        if (rc < 0)
            return rc;
        if (out->topic.len == 0 && !nh_mqtt__props_has(&out->props, NH_MQTT__TOPIC_ALIAS))
            return NH_ERR_PROTO;
    }
    out->payload = (nh_span_t){c.ptr, (size_t)(c.end - c.ptr)};
    return NH_OK;
}

static void put_publish(struct nh_mqtt__writer *w, void *packet)
{
    const struct item *p = packet;
    const struct nh_mqtt__publish_head *k = p->k;
    nh_mqtt__put_bytes(w, k->topic);
    if (k->qos)
        nh_mqtt__put_u16(w, k->packet_id);
    nh_mqtt__put_props(w, p->version, &k->props);
}

int nh_mqtt__publish_encode(uint8_t version, const struct nh_mqtt__publish_head *k, uint8_t *out,
                            size_t cap)
{
    struct item packet = {k, version, NH_MQTT__PUBLISH};
    uint8_t first =
        (uint8_t)(NH_MQTT__PUBLISH << 4 | (k->is_dup ? 8 : 0) | k->qos << 1 | (k->retain ? 1 : 0));
    return nh_mqtt__encode(first, put_publish, &packet, k->payload.len, out, cap);
}

// ---- PUBACK, PUBREC, PUBREL, PUBCOMP ------------------------------------------------------------

// A reason code and properties at the end of a packet, either of which may be left out.
static int take_reason(struct nh_mqtt__cursor *c, uint8_t where, uint8_t *code,
                       struct nh_mqtt__props *props)
{
    *code = 0;
    *props = (struct nh_mqtt__props){0};
    if (c->ptr == c->end)
        return NH_OK;
    *code = nh_mqtt__take_u8(c);
    if (!nh_mqtt__reason_is_allowed(5, where & 15, *code))
        return NH_ERR_PROTO;
    if (c->ptr == c->end)
        return NH_OK;
    int rc = nh_mqtt__props_decode(c, where, props);
    return rc < 0 ? rc : c->ptr != c->end ? NH_ERR_SYNTAX : NH_OK;
}

static void put_reason(struct nh_mqtt__writer *w, uint8_t version, uint8_t code,
                       const struct nh_mqtt__props *props)
{
    if (version < 5 || (code == 0 && props->bytes.len == 0))
        return;
    nh_mqtt__put_u8(w, code);
    if (props->bytes.len)
        nh_mqtt__put_props(w, version, props);
}

int nh_mqtt__ack_decode(uint8_t version, enum nh_mqtt__type type, nh_span_t body,
                        struct nh_mqtt__ack *out)
{
    struct nh_mqtt__cursor c = nh_mqtt__cursor(body);
    *out = (struct nh_mqtt__ack){.packet_id = nh_mqtt__take_u16(&c)};
    if (out->packet_id == 0 || (version < 5 && c.ptr != c.end)) // 0: cut off as well
        return NH_ERR_SYNTAX;
    // The same from both sides.
    return take_reason(&c, NH_MQTT__WHERE(type, NH_MQTT__FROM_CLIENT), &out->code, &out->props);
}

static void put_ack(struct nh_mqtt__writer *w, void *packet)
{
    const struct item *p = packet;
    const struct nh_mqtt__ack *k = p->k;
    nh_mqtt__put_u16(w, k->packet_id);
    put_reason(w, p->version, k->code, &k->props);
}

int nh_mqtt__ack_encode(uint8_t version, enum nh_mqtt__type type, const struct nh_mqtt__ack *k,
                        uint8_t *out, size_t cap)
{
    struct item packet = {k, version, (uint8_t)type};
    return nh_mqtt__encode(first_of(type), put_ack, &packet, 0, out, cap);
}

void nh_mqtt__ack_put(uint8_t out[NH_MQTT__ACK_BYTES], enum nh_mqtt__type type, uint16_t id)
{
    out[0] = first_of(type);
    out[1] = 2;
    nh_put_be16(out + 2, id);
}

// ---- PINGREQ, PINGRESP, DISCONNECT, AUTH --------------------------------------------------------

int nh_mqtt__end_decode(uint8_t version, enum nh_mqtt__type type, enum nh_mqtt__from from,
                        nh_span_t body, struct nh_mqtt__end *out)
{
    struct nh_mqtt__cursor c = nh_mqtt__cursor(body);
    *out = (struct nh_mqtt__end){0};
    bool is_ping = type == NH_MQTT__PINGREQ || type == NH_MQTT__PINGRESP;
    if (version < 5 && !is_ping && !(type == NH_MQTT__DISCONNECT && from == NH_MQTT__FROM_CLIENT))
        return NH_ERR_PROTO;
    if (is_ping || version < 5)
        return body.len ? NH_ERR_SYNTAX : NH_OK;
    int rc = take_reason(&c, NH_MQTT__WHERE(type, from), &out->code, &out->props);
    if (rc < 0 || type != NH_MQTT__AUTH || body.len == 0)
        return rc;
    return nh_mqtt__props_has(&out->props, NH_MQTT__AUTHENTICATION_METHOD) ? NH_OK : NH_ERR_PROTO;
}

static void put_end(struct nh_mqtt__writer *w, void *packet)
{
    const struct item *p = packet;
    const struct nh_mqtt__end *k = p->k;
    if (p->type == NH_MQTT__DISCONNECT || p->type == NH_MQTT__AUTH)
        put_reason(w, p->version, k->code, &k->props);
}

int nh_mqtt__end_encode(uint8_t version, enum nh_mqtt__type type, const struct nh_mqtt__end *k,
                        uint8_t *out, size_t cap)
{
    struct item packet = {k, version, (uint8_t)type};
    return nh_mqtt__encode(first_of(type), put_end, &packet, 0, out, cap);
}
