#include "mqtt/packet.h"

#include "core/base/bytes.h"
#include "core/base/utf8.h"
#include "mqtt/topic.h"

enum {
    FLAGS_REFUSED = 0x10, // not a packet that a client sends
    FLAGS_PUBLISH = 0x20, // DUP, QoS and RETAIN, looked at by bits
};

// Table 2.2 of the standard, for what a client may send.
static const uint8_t flags_of_type[16] = {
    FLAGS_REFUSED,
    0,
    FLAGS_REFUSED,
    FLAGS_PUBLISH,
    0,
    0,
    0x02,
    0, // .. PUBCOMP
    0x02,
    FLAGS_REFUSED,
    0x02,
    FLAGS_REFUSED,
    0,
    FLAGS_REFUSED,
    0,
    FLAGS_REFUSED,
};

static bool flags_are_right(uint8_t type, uint8_t flags)
{
    if (flags_of_type[type] != FLAGS_PUBLISH)
        return flags_of_type[type] == flags;
    uint8_t qos = flags >> 1 & 3;
    // [MQTT-3.3.1-4] QoS 3 does not exist, [MQTT-3.3.1-2] DUP stands for nothing at QoS 0.
    return qos < 3 && !(qos == 0 && (flags & 8));
}

int nh_mqtt__head_decode(const uint8_t *bytes, size_t len, struct nh_mqtt__head *out)
{
    if (len == 0)
        return 0;
    out->type = bytes[0] >> 4;
    out->flags = bytes[0] & 15;
    if (!flags_are_right(out->type, out->flags))
        return NH_ERR_PROTO;
    uint32_t value = 0;
    for (size_t i = 1; i < NH_MQTT__HEAD_MAX; i++) {
        if (i >= len)
            return 0;
        value |= (uint32_t)(bytes[i] & 0x7f) << (7 * (i - 1));
        if (bytes[i] & 0x80)
            continue;
        out->body_len = value;
        out->head_len = (uint8_t)(i + 1);
        out->is_minimal = i == 1 || bytes[i] != 0;
        return (int)(i + 1);
    }
    return NH_ERR_PROTO; // a fifth byte of length
}

size_t nh_mqtt__head_len(uint32_t body_len)
{
    return body_len < 0x80 ? 2 : body_len < 0x4000 ? 3 : body_len < 0x200000 ? 4 : 5;
}

size_t nh_mqtt__head_encode(uint8_t *out, uint8_t first, uint32_t body_len)
{
    size_t n = 0;
    out[n++] = first;
    do {
        uint8_t more = body_len > 0x7f ? 0x80 : 0;
        out[n++] = (uint8_t)((body_len & 0x7f) | more);
        body_len >>= 7;
    } while (body_len);
    return n;
}

uint8_t nh_mqtt__take_u8(struct nh_mqtt__cursor *c)
{
    if (c->ptr == c->end) {
        c->overran = true;
        return 0;
    }
    return *c->ptr++;
}

uint16_t nh_mqtt__take_u16(struct nh_mqtt__cursor *c)
{
    if (c->end - c->ptr < 2) {
        c->overran = true;
        return 0;
    }
    uint16_t v = nh_get_be16(c->ptr);
    c->ptr += 2;
    return v;
}

nh_span_t nh_mqtt__take_bytes(struct nh_mqtt__cursor *c)
{
    size_t len = nh_mqtt__take_u16(c);
    nh_span_t s = {c->ptr, len};
    if ((size_t)(c->end - c->ptr) < len) {
        c->overran = true;
        s.len = 0;
        return s;
    }
    c->ptr += len;
    return s;
}

// ---- CONNECT ------------------------------------------------------------------------------------

enum {
    CONNECT_RESERVED = 0x01,
    CONNECT_CLEAN = 0x02,
    CONNECT_WILL = 0x04,
    CONNECT_WILL_QOS = 0x18,
    CONNECT_WILL_RETAIN = 0x20,
    CONNECT_PASSWORD = 0x40,
    CONNECT_USER = 0x80,
};

static int connect_flags(uint8_t flags, struct nh_mqtt__connect *out)
{
    out->is_clean = flags & CONNECT_CLEAN;
    out->has_will = flags & CONNECT_WILL;
    out->will_qos = (flags & CONNECT_WILL_QOS) >> 3;
    out->will_retain = flags & CONNECT_WILL_RETAIN;
    out->has_user = flags & CONNECT_USER;
    out->has_password = flags & CONNECT_PASSWORD;
    if (flags & CONNECT_RESERVED) // [MQTT-3.1.2-3]
        return NH_ERR_PROTO;
    if (!out->has_will && (out->will_qos || out->will_retain)) // [MQTT-3.1.2-11], -13, -15
        return NH_ERR_PROTO;
    if (out->will_qos == 3) // [MQTT-3.1.2-14]
        return NH_ERR_PROTO;
    if (out->has_password && !out->has_user) // [MQTT-3.1.2-22]
        return NH_ERR_PROTO;
    return NH_OK;
}

static bool is_utf8(nh_span_t s)
{
    return nh_utf8_is_valid(s.ptr, s.len, false);
}

// The fields stand in this order, each only if its flag says so [MQTT-3.1.3-1].
static void connect_payload(struct nh_mqtt__cursor *c, struct nh_mqtt__connect *out)
{
    out->client_id = nh_mqtt__take_bytes(c);
    if (out->has_will) {
        out->will_topic = nh_mqtt__take_bytes(c);
        out->will_payload = nh_mqtt__take_bytes(c);
    }
    if (out->has_user)
        out->user = nh_mqtt__take_bytes(c);
    if (out->has_password)
        out->password = nh_mqtt__take_bytes(c);
}

int nh_mqtt__connect_decode(nh_span_t body, struct nh_mqtt__connect *out)
{
    struct nh_mqtt__cursor c = {body.ptr, body.ptr + body.len, false};
    *out = (struct nh_mqtt__connect){0};
    nh_span_t name = nh_mqtt__take_bytes(&c);
    out->level = nh_mqtt__take_u8(&c);
    bool is_known = nh_mqtt__span_is(name, "MQTT") || nh_mqtt__span_is(name, "MQIsdp");
    if (c.overran || !is_known) // [MQTT-3.1.2-1]
        return NH_ERR_PROTO;
    if (!nh_mqtt__span_is(name, "MQTT") || out->level != 4)
        return NH_ERR_UNSUPPORTED;
    int rc = connect_flags(nh_mqtt__take_u8(&c), out);
    if (rc < 0)
        return rc;
    out->keepalive_s = nh_mqtt__take_u16(&c);
    connect_payload(&c, out);
    if (c.overran || c.ptr != c.end)
        return NH_ERR_PROTO;
    // [MQTT-3.1.3-4], [MQTT-3.1.3-10], [MQTT-3.1.3-11]
    return is_utf8(out->client_id) && is_utf8(out->will_topic) && is_utf8(out->user) ? NH_OK
                                                                                     : NH_ERR_PROTO;
}

// ---- PUBLISH and acknowledgements ---------------------------------------------------------------

int nh_mqtt__publish_decode(uint8_t flags, nh_span_t body, struct nh_mqtt__publish_head *out)
{
    struct nh_mqtt__cursor c = {body.ptr, body.ptr + body.len, false};
    out->qos = flags >> 1 & 3;
    out->retain = flags & 1;
    out->is_dup = flags & 8;
    out->topic = nh_mqtt__take_bytes(&c);
    out->packet_id = out->qos ? nh_mqtt__take_u16(&c) : 0;
    out->payload = (nh_span_t){c.ptr, (size_t)(c.end - c.ptr)};
    return c.overran || (out->qos && !out->packet_id) ? NH_ERR_PROTO : NH_OK;
}

int nh_mqtt__ack_decode(nh_span_t body)
{
    if (body.len != 2)
        return NH_ERR_PROTO;
    int id = nh_get_be16(body.ptr);
    return id ? id : NH_ERR_PROTO;
}

void nh_mqtt__ack_encode(uint8_t out[NH_MQTT__ACK_BYTES], enum nh_mqtt__type type, uint16_t id)
{
    out[0] = (uint8_t)(type << 4 | (type == NH_MQTT__PUBREL ? 2 : 0));
    out[1] = 2;
    nh_put_be16(out + 2, id);
}
