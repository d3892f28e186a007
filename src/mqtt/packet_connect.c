// CONNECT and CONNACK.

#include "mqtt/topic.h"
#include "mqtt/writer.h"

#define LEVEL_BRIDGE 0x80u // beside a version

enum {
    CONNECT_RESERVED = 0x01,
    CONNECT_CLEAN = 0x02,
    CONNECT_WILL = 0x04,
    CONNECT_WILL_QOS = 0x18,
    CONNECT_WILL_RETAIN = 0x20,
    CONNECT_PASSWORD = 0x40,
    CONNECT_USER = 0x80,
};

static const uint8_t where_connect = NH_MQTT__WHERE(NH_MQTT__CONNECT, NH_MQTT__FROM_CLIENT);
static const uint8_t where_connack = NH_MQTT__WHERE(NH_MQTT__CONNACK, NH_MQTT__FROM_SERVER);

// ---- CONNECT ------------------------------------------------------------------------------------

static int take_flags(struct nh_mqtt__cursor *c, struct nh_mqtt__connect *out)
{
    uint8_t flags = nh_mqtt__take_u8(c);
    out->is_clean = flags & CONNECT_CLEAN;
    out->has_will = flags & CONNECT_WILL;
    out->will_qos = (flags & CONNECT_WILL_QOS) >> 3;
    out->will_retain = flags & CONNECT_WILL_RETAIN;
    out->has_user = flags & CONNECT_USER;
    out->has_password = flags & CONNECT_PASSWORD;
    if (flags & CONNECT_RESERVED) // [MQTT-3.1.2-3], [MQTT5-3.1.2-3]
        return NH_ERR_SYNTAX;
    // [MQTT-3.1.2-11], -13, -15, [MQTT5-3.1.2-11], -13
    if (!out->has_will && (out->will_qos || out->will_retain))
        return NH_ERR_SYNTAX;
    if (out->will_qos == 3) // [MQTT-3.1.2-14], [MQTT5-3.1.2-12]
        return NH_ERR_SYNTAX;
    if (out->level < 5 && out->has_password && !out->has_user) // [MQTT-3.1.2-22]
        return NH_ERR_SYNTAX;
    return NH_OK;
}

static int take_props(struct nh_mqtt__cursor *c, const struct nh_mqtt__connect *k, uint8_t where,
                      struct nh_mqtt__props *out)
{
    return k->level < 5 || c->overran ? NH_OK : nh_mqtt__props_decode(c, where, out);
}

// The fields stand in this order, each only if its flag says so [MQTT-3.1.3-1], [MQTT5-3.1.3-1].
static int take_payload(struct nh_mqtt__cursor *c, struct nh_mqtt__connect *out)
{
    out->client_id = nh_mqtt__take_text(c); // [MQTT-3.1.3-4], [MQTT5-3.1.3-4]
    if (out->has_will) {
        int rc = take_props(c, out, NH_MQTT__WHERE_WILL, &out->will_props);
        if (rc < 0)
            return rc;
        out->will_topic = nh_mqtt__take_text(c); // [MQTT-3.1.3-10], [MQTT5-3.1.3-11]
        out->will_payload = nh_mqtt__take_bytes(c);
    }
    if (out->has_user)
        out->user = nh_mqtt__take_text(c); // [MQTT-3.1.3-11], [MQTT5-3.1.3-12]
    if (out->has_password)
        out->password = nh_mqtt__take_bytes(c);
    return c->overran || c->ptr != c->end ? NH_ERR_SYNTAX : NH_OK;
}

int nh_mqtt__connect_decode(nh_span_t body, struct nh_mqtt__connect *out)
{
    struct nh_mqtt__cursor c = nh_mqtt__cursor(body);
    *out = (struct nh_mqtt__connect){0};
    nh_span_t name = nh_mqtt__take_bytes(&c);
    out->level = nh_mqtt__take_u8(&c);
    out->is_bridge = out->level == (LEVEL_BRIDGE | 4);
    out->level &= out->is_bridge ? 0xffu & ~LEVEL_BRIDGE : 0xffu;
    bool is_known = nh_mqtt__span_is(name, "MQTT") || nh_mqtt__span_is(name, "MQIsdp");
    if (c.overran || !is_known) // [MQTT-3.1.2-1], [MQTT5-3.1.2-1]
        return NH_ERR_SYNTAX;
    if (!nh_mqtt__span_is(name, "MQTT") || out->level < 4 || out->level > 5)
        return NH_ERR_UNSUPPORTED;
    int rc = take_flags(&c, out);
    if (rc < 0)
        return rc;
    out->keepalive_s = nh_mqtt__take_u16(&c);
    rc = take_props(&c, out, where_connect, &out->props);
    return rc < 0 ? rc : take_payload(&c, out);
}

static uint8_t connect_flags(const struct nh_mqtt__connect *k)
{
    uint8_t flags = (k->is_clean ? CONNECT_CLEAN : 0) | (k->has_user ? CONNECT_USER : 0) |
                    (k->has_password ? CONNECT_PASSWORD : 0);
    if (k->has_will)
        flags |=
            (uint8_t)(CONNECT_WILL | k->will_qos << 3) | (k->will_retain ? CONNECT_WILL_RETAIN : 0);
    return flags;
}

static void put_connect(struct nh_mqtt__writer *w, void *packet)
{
    const struct nh_mqtt__connect *k = packet;
    nh_mqtt__put_bytes(w, (nh_span_t){(const uint8_t *)"MQTT", 4});
    nh_mqtt__put_u8(w, k->level | (k->is_bridge ? LEVEL_BRIDGE : 0));
    nh_mqtt__put_u8(w, connect_flags(k));
    nh_mqtt__put_u16(w, k->keepalive_s);
    nh_mqtt__put_props(w, k->level, &k->props);
    nh_mqtt__put_bytes(w, k->client_id);
    if (k->has_will) {
        nh_mqtt__put_props(w, k->level, &k->will_props);
        nh_mqtt__put_bytes(w, k->will_topic);
        nh_mqtt__put_bytes(w, k->will_payload);
    }
    if (k->has_user)
        nh_mqtt__put_bytes(w, k->user);
    if (k->has_password)
        nh_mqtt__put_bytes(w, k->password);
}

int nh_mqtt__connect_encode(const struct nh_mqtt__connect *k, uint8_t *out, size_t cap)
{
    struct nh_mqtt__connect copy = *k;
    return nh_mqtt__encode(NH_MQTT__CONNECT << 4, put_connect, &copy, 0, out, cap);
}

// ---- CONNACK ------------------------------------------------------------------------------------

int nh_mqtt__connack_decode(uint8_t version, nh_span_t body, struct nh_mqtt__connack *out)
{
    struct nh_mqtt__cursor c = nh_mqtt__cursor(body);
    *out = (struct nh_mqtt__connack){0};
    uint8_t flags = nh_mqtt__take_u8(&c);
    out->code = nh_mqtt__take_u8(&c);
    out->is_session_present = flags & 1;
    if (c.overran || flags > 1) // [MQTT5-3.2.2-1]
        return NH_ERR_SYNTAX;
    // A refusal has no session [MQTT-3.2.2-4], [MQTT5-3.2.2-6].
    if (!nh_mqtt__reason_is_allowed(version, NH_MQTT__CONNACK, out->code) || (flags && out->code))
        return NH_ERR_PROTO;
    int rc = version < 5 ? NH_OK : nh_mqtt__props_decode(&c, where_connack, &out->props);
    return rc < 0 ? rc : c.ptr != c.end ? NH_ERR_SYNTAX : NH_OK;
}

struct connack {
    const struct nh_mqtt__connack *k;
    uint8_t version;
};

static void put_connack(struct nh_mqtt__writer *w, void *packet)
{
    const struct connack *p = packet;
    nh_mqtt__put_u8(w, p->k->is_session_present);
    nh_mqtt__put_u8(w, p->k->code);
    nh_mqtt__put_props(w, p->version, &p->k->props);
}

int nh_mqtt__connack_encode(uint8_t version, const struct nh_mqtt__connack *k, uint8_t *out,
                            size_t cap)
{
    struct connack packet = {k, version};
    return nh_mqtt__encode(NH_MQTT__CONNACK << 4, put_connack, &packet, 0, out, cap);
}
