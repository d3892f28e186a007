// The leg to the other broker.

#include "mqtt/bridge_parts.h"

#include <string.h>

static nh_span_t text_span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, text ? strlen(text) : 0};
}

int nh_mqtt__far_put(nh_mqtt_bridge_t *b, const nh_span_t *parts, size_t count)
{
    int rc = nh_mqtt__wire_put(&b->far.blocks, &b->far.wire, parts, count);
    if (rc < 0)
        return rc;
    b->far.last_out_ms = b->now_ms;
    b->cfg.dirty(b->cfg.ctx);
    return NH_OK;
}

static int put_bytes(nh_mqtt_bridge_t *b, const void *bytes, size_t len)
{
    return nh_mqtt__far_put(b, &(nh_span_t){bytes, len}, 1);
}

// ---- CONNECT and CONNACK ------------------------------------------------------------------------

static nh_span_t status_topic(const nh_mqtt_bridge_t *b)
{
    return text_span(b->cfg.status_topic);
}

static int connect_props(const nh_mqtt_bridge_t *b, uint8_t *buf, size_t cap,
                         struct nh_mqtt__props *props)
{
    struct nh_mqtt__props_out out;
    nh_mqtt__props_begin(&out, NH_MQTT__WHERE(NH_MQTT__CONNECT, NH_MQTT__FROM_CLIENT), buf, cap);
    if (!b->cfg.is_clean)
        nh_mqtt__props_put_number(&out, NH_MQTT__SESSION_EXPIRY_INTERVAL, UINT32_MAX);
    nh_mqtt__props_put_number(&out, NH_MQTT__RECEIVE_MAXIMUM, b->cfg.inflight_max);
    nh_mqtt__props_put_number(&out, NH_MQTT__MAXIMUM_PACKET_SIZE, b->cfg.packet_max_bytes);
    return nh_mqtt__props_end(&out, props);
}

static bool says_bridge(const nh_mqtt_bridge_t *b)
{
    return b->far.version < 5 && b->cfg.bridge_bit && !b->far.is_plain;
}

// The packet in a block of its own: texts may be long.
static int put_connect(nh_mqtt_bridge_t *b, const struct nh_mqtt__connect *k)
{
    int len = nh_mqtt__connect_encode(k, NULL, 0);
    if (len < 0)
        return len;
    uint8_t *packet = nh_mem_alloc(b->cfg.mem, (size_t)len, NH_MEM_BULK);
    if (!packet)
        return NH_ERR_NOMEM;
    len = nh_mqtt__connect_encode(k, packet, (size_t)len);
    if (says_bridge(b)) {
        // The top bit of the level, as Mosquitto's bridges have it: such a client does not get back
        // what it published, and gets RETAIN as it was published. No standard knows it.
        struct nh_mqtt__head head = {0};
        int n = nh_mqtt__head_decode(packet, (size_t)len, NH_MQTT__FROM_CLIENT, &head);
        NH_ASSERT(n > 0 && packet[n + 6] == 4);
        packet[n + 6] |= 0x80;
    }
    int rc = put_bytes(b, packet, (size_t)len);
    nh_mem_free(b->cfg.mem, packet);
    return rc;
}

int nh_mqtt__far_greet(nh_mqtt_bridge_t *b)
{
    uint8_t buf[32];
    struct nh_mqtt__connect k = {
        .client_id = text_span(b->cfg.client_id),
        .keepalive_s = b->cfg.keepalive_s,
        .level = b->cfg.version,
        .is_clean = b->cfg.is_clean,
        .has_user = b->cfg.user && b->cfg.user[0],
        .has_password = b->cfg.password && b->cfg.password[0],
        .has_will = status_topic(b).len > 0,
        .will_retain = status_topic(b).len > 0,
        .will_topic = status_topic(b),
        .will_payload = text_span("0"),
        .user = text_span(b->cfg.user),
        .password = text_span(b->cfg.password),
    };
    b->far.version = b->far.reader.version = b->cfg.version;
    b->far.keepalive_s = b->cfg.keepalive_s;
    int rc = b->cfg.version < 5 ? NH_OK : connect_props(b, buf, sizeof buf, &k.props);
    return rc < 0 ? rc : put_connect(b, &k);
}

// Why the other broker said no, in 3.1.1 [MQTT-3.2.2-5].
static const char *refusal_text(uint8_t code)
{
    static const char *const texts[] = {"",
                                        "it does not take this version of MQTT",
                                        "it does not take the client id",
                                        "it is not available",
                                        "it does not take user name or password",
                                        "not authorized"};
    return code < NH_ARRAY_LEN(texts) ? texts[code] : "it said no";
}

static int refused(nh_mqtt_bridge_t *b, uint8_t code)
{
    if (b->far.version < 5 && code == NH_MQTT__BAD_VERSION && says_bridge(b)) {
        b->far.is_plain = b->is_hasty = true;
        nh_mqtt__bridge_fail(b, "it does not know bridges: trying as a plain client", code);
    } else if (b->far.version < 5) {
        nh_mqtt__bridge_fail(b, refusal_text(code), code);
    } else {
        nh_mqtt__bridge_fail(b, nh_mqtt_reason_text(code), code);
    }
    return NH_OK;
}

static void take_limits(nh_mqtt_bridge_t *b, const struct nh_mqtt__connack *k)
{
    struct nh_mqtt__far *f = &b->far;
    const struct nh_mqtt__props *p = &k->props;
    f->has_session = k->is_session_present;
    f->max_qos = (uint8_t)nh_mqtt__props_number(p, NH_MQTT__MAXIMUM_QOS, 2);
    f->takes_retained = nh_mqtt__props_number(p, NH_MQTT__RETAIN_AVAILABLE, 1);
    f->packet_max = nh_mqtt__props_number(p, NH_MQTT__MAXIMUM_PACKET_SIZE, UINT32_MAX);
    f->receive_max = (uint16_t)nh_mqtt__props_number(p, NH_MQTT__RECEIVE_MAXIMUM, UINT16_MAX);
    f->keepalive_s = (uint16_t)nh_mqtt__props_number(p, NH_MQTT__SERVER_KEEP_ALIVE, f->keepalive_s);
    if (f->packet_max > b->cfg.packet_max_bytes)
        f->packet_max = b->cfg.packet_max_bytes;
}

// A PUBLISH at QoS 0 of "1" or "0" to the status topic over there.
static int put_status(nh_mqtt_bridge_t *b, const char *value)
{
    struct nh_mqtt__publish_head k = {
        .topic = status_topic(b), .payload = text_span(value), .retain = b->far.takes_retained};
    uint8_t head[NH_MQTT__HEAD_MAX + 3 + NH_MQTT__BRIDGE_TOPIC_MAX];
    if (k.topic.len == 0)
        return NH_OK;
    int len = nh_mqtt__publish_encode(b->far.version, &k, head, sizeof head);
    const nh_span_t parts[] = {{head, (size_t)len}, k.payload};
    return nh_mqtt__far_put(b, parts, 2);
}

static int on_connack(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p)
{
    struct nh_mqtt__connack k;
    // A server of 3.1.1 says no to 5.0 in its own words.
    bool is_old = b->far.version >= 5 && p->body.len == 2;
    int rc = nh_mqtt__connack_decode(is_old ? 4 : b->far.version, p->body, &k);
    if (rc < 0)
        return rc;
    if (is_old) {
        nh_mqtt__bridge_fail(b, "it does not speak MQTT 5.0", k.code);
        return NH_OK;
    }
    if (k.code)
        return refused(b, k.code);
    take_limits(b, &k);
    nh_mqtt__bridge_enter(b, NH_MQTT_BRIDGE_ONLINE, "connected", 0);
    nh_mqtt__bridge_tell(b, true);
    rc = put_status(b, "1");
    return rc < 0 ? rc : nh_mqtt__near_open(b);
}

// ---- SUBSCRIBE and SUBACK -----------------------------------------------------------------------

static size_t collect(const nh_mqtt_bridge_t *b, struct nh_mqtt__subscription *subs)
{
    size_t count = 0;
    for (size_t i = 0; i < b->cfg.rule_count; i++) {
        const struct nh_mqtt__rule *r = &b->rules[i];
        if (!(r->direction & NH_MQTT_BRIDGE_IN))
            continue;
        subs[count++] = (struct nh_mqtt__subscription){
            .filter = r->remote,
            .qos = r->qos,
            .no_local = true,
            .retain_as_published = true,
            // At QoS 0 nothing is kept while the bridge is away: the latest values are asked for.
            .retain_handling = r->qos ? NH_MQTT__RETAIN_SEND_NEW : NH_MQTT__RETAIN_SEND};
    }
    return count;
}

int nh_mqtt__far_subscribe(nh_mqtt_bridge_t *b, uint16_t packet_id)
{
    struct nh_mqtt__subscription subs[NH_MQTT_BRIDGE_RULE_MAX];
    const struct nh_mqtt__subscribe k = {
        .packet_id = packet_id, .version = b->far.version, .type = NH_MQTT__SUBSCRIBE};
    size_t count = collect(b, subs);
    b->info.is_subscribed = count == 0;
    if (count == 0)
        return NH_OK;
    int len = nh_mqtt__subscribe_encode(&k, subs, count, NULL, 0);
    uint8_t *packet = len > 0 ? nh_mem_alloc(b->cfg.mem, (size_t)len, NH_MEM_BULK) : NULL;
    if (!packet)
        return len < 0 ? len : NH_ERR_NOMEM;
    len = nh_mqtt__subscribe_encode(&k, subs, count, packet, (size_t)len);
    int rc = put_bytes(b, packet, (size_t)len);
    nh_mem_free(b->cfg.mem, packet);
    return rc;
}

static int on_suback(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p)
{
    struct nh_mqtt__suback k;
    int rc = nh_mqtt__suback_decode(b->far.version, NH_MQTT__SUBACK, p->body, &k);
    for (size_t i = 0; rc == NH_OK && i < k.codes.len; i++) {
        if (k.codes.ptr[i] < 0x80)
            continue;
        b->info.refused_subscriptions++;
        nh_mqtt__bridge_enter(b, NH_MQTT_BRIDGE_ONLINE, "it refused a subscription",
                              k.codes.ptr[i]);
    }
    b->info.is_subscribed = rc == NH_OK;
    return rc;
}

// ---- the rest -----------------------------------------------------------------------------------

int nh_mqtt__far_ping(nh_mqtt_bridge_t *b)
{
    static const uint8_t pingreq[] = {NH_MQTT__PINGREQ << 4, 0};
    b->far.pinged_ms = b->now_ms;
    b->far.is_pinged = true;
    return put_bytes(b, pingreq, sizeof pingreq);
}

int nh_mqtt__far_leave(nh_mqtt_bridge_t *b, uint8_t code)
{
    const struct nh_mqtt__end k = {.code = code};
    uint8_t out[4];
    int rc = put_status(b, "0");
    int len = nh_mqtt__end_encode(b->far.version, NH_MQTT__DISCONNECT, &k, out, sizeof out);
    return rc < 0 ? rc : put_bytes(b, out, (size_t)len);
}

static int on_end(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p)
{
    struct nh_mqtt__end k;
    int rc = nh_mqtt__end_decode(b->far.version, p->head.type, NH_MQTT__FROM_SERVER, p->body, &k);
    if (rc < 0)
        return rc;
    if (p->head.type == NH_MQTT__AUTH) // no method was named [MQTT5-4.12.0-6]
        return NH_ERR_PROTO;
    if (p->head.type == NH_MQTT__PINGRESP)
        b->far.is_pinged = false;
    else
        nh_mqtt__bridge_fail(b, nh_mqtt_reason_text(k.code), k.code);
    return NH_OK;
}

int nh_mqtt__far_packet(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p)
{
    bool is_greeting = b->info.state == NH_MQTT_BRIDGE_GREETING;
    bool is_first = p->head.type == NH_MQTT__CONNACK || p->head.type == NH_MQTT__AUTH ||
                    p->head.type == NH_MQTT__DISCONNECT;
    // [MQTT-3.2.0-1], [MQTT5-3.2.0-1]: CONNACK comes first, and once [MQTT5-3.2.0-2].
    if (is_greeting ? !is_first : p->head.type == NH_MQTT__CONNACK)
        return NH_ERR_PROTO;
    switch (p->head.type) {
    case NH_MQTT__CONNACK:
        return on_connack(b, p);
    case NH_MQTT__PUBLISH:
        return nh_mqtt__relay_in(b, p);
    case NH_MQTT__PUBACK:
    case NH_MQTT__PUBREC:
    case NH_MQTT__PUBREL:
    case NH_MQTT__PUBCOMP:
        return nh_mqtt__relay_ack_in(b, p);
    case NH_MQTT__SUBACK:
        return on_suback(b, p);
    case NH_MQTT__UNSUBACK:
        return NH_ERR_PROTO; // nothing was unsubscribed
    default:
        return on_end(b, p);
    }
}
