// SUBSCRIBE and UNSUBSCRIBE.

#include "core/base/bytes.h"
#include "mqtt/keep.h"

// Walks the filters once without doing anything: a malformed packet must not half take effect.
static int check_filters(nh_mqtt_broker_t *b, struct nh_mqtt__cursor c, bool has_qos,
                         uint32_t *count)
{
    *count = 0;
    while (c.ptr < c.end) {
        nh_span_t filter = nh_mqtt__take_bytes(&c);
        uint8_t qos = has_qos ? nh_mqtt__take_u8(&c) : 0;
        if (c.overran || qos > 2) // [MQTT-3.8.3-4]
            return NH_ERR_PROTO;
        if (nh_mqtt__filter_check(filter, &b->limits) == NH_ERR_PROTO)
            return NH_ERR_PROTO;
        ++*count;
    }
    return *count ? NH_OK : NH_ERR_PROTO; // [MQTT-3.8.3-3], [MQTT-3.10.3-2]
}

// The code for one filter: the QoS granted, or failure [MQTT-3.9.3-2].
static uint8_t subscribe(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, nh_span_t filter,
                         uint8_t qos)
{
    if (nh_mqtt__filter_check(filter, &b->limits) < 0)
        return NH_MQTT__SUBACK_FAILURE;
    if (!nh_mqtt__may(b, s, NH_MQTT_MAY_SUBSCRIBE, filter)) {
        nh_mqtt__denied(b, s, &b->info.subscribe_denied, filter, "may not subscribe to");
        return NH_MQTT__SUBACK_FAILURE;
    }
    int rc = nh_mqtt__session_subscribe(b, s, filter, qos);
    return rc < 0 ? NH_MQTT__SUBACK_FAILURE : qos;
}

static int begin(struct nh_mqtt__cursor *c, nh_span_t body, uint16_t *id)
{
    *c = (struct nh_mqtt__cursor){body.ptr, body.ptr + body.len, false};
    *id = nh_mqtt__take_u16(c);
    return c->overran || *id == 0 ? NH_ERR_PROTO : NH_OK; // [MQTT-2.3.1-1]
}

// The answer waits for what it is going to change.
static int gate(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    return nh_mqtt__kept(c->session) ? nh_mqtt__gate(b, c, nh_mqtt__journal_no(b)) : NH_OK;
}

int nh_mqtt__on_subscribe(nh_mqtt_broker_t *b, nh_mqtt_conn_t *conn, nh_span_t body)
{
    struct nh_mqtt__cursor c;
    uint16_t id;
    uint32_t count;
    int rc = begin(&c, body, &id);
    rc = rc < 0 ? rc : check_filters(b, c, true, &count);
    if (rc < 0)
        return rc;
    // The SUBACK is written before the retained messages that follow from it [MQTT-3.8.4-4], -5.
    uint8_t ack[NH_MQTT__HEAD_MAX + 2];
    size_t head_len = nh_mqtt__head_encode(ack, NH_MQTT__SUBACK << 4, 2 + count);
    nh_put_be16(ack + head_len, id);
    struct nh_mqtt__session *s = conn->session;
    rc = gate(b, conn);
    rc = rc < 0 ? rc : nh_mqtt__send(b, conn, ack, head_len + 2);
    while (rc == NH_OK && c.ptr < c.end) {
        nh_span_t filter = nh_mqtt__take_bytes(&c);
        uint8_t qos = nh_mqtt__take_u8(&c);
        uint8_t code = subscribe(b, s, filter, qos);
        rc = nh_mqtt__send(b, conn, &code, 1);
        if (code != NH_MQTT__SUBACK_FAILURE)
            nh_mqtt__replay_add(b, s, filter, qos);
    }
    if (rc == NH_OK)
        nh_mqtt__replay_run(b, s);
    return rc;
}

int nh_mqtt__on_unsubscribe(nh_mqtt_broker_t *b, nh_mqtt_conn_t *conn, nh_span_t body)
{
    struct nh_mqtt__cursor c;
    uint16_t id;
    uint32_t count;
    int rc = begin(&c, body, &id);
    rc = rc < 0 ? rc : check_filters(b, c, false, &count);
    if (rc < 0)
        return rc;
    if (nh_mqtt__kept(conn->session))
        rc = nh_mqtt__journal_reserve(b, count, count * NH_MQTT_KEY_MAX_BYTES);
    rc = rc < 0 ? rc : gate(b, conn);
    if (rc < 0)
        return rc;
    while (c.ptr < c.end)
        nh_mqtt__session_unsubscribe(b, conn->session, nh_mqtt__take_bytes(&c));
    return nh_mqtt__send_ack(b, conn, NH_MQTT__UNSUBACK, id); // [MQTT-3.10.4-4], -5
}
