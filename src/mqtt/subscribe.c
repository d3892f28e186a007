// SUBSCRIBE and UNSUBSCRIBE.

#include "core/base/bytes.h"
#include "mqtt/keep.h"

// Walks the filters once without doing anything: a malformed packet must not half take effect.
static int check_filters(nh_mqtt_broker_t *b, struct nh_mqtt__subscribe k)
{
    struct nh_mqtt__subscription sub;
    nh_span_t rest;
    while (nh_mqtt__subscribe_next(&k, &sub)) {
        int shared = nh_mqtt__share_split(sub.filter, &rest);
        if (shared < 0) // [MQTT5-4.8.2-1], [MQTT5-4.8.2-2]
            return shared;
        if (nh_mqtt__filter_check(sub.filter, &b->limits) == NH_ERR_PROTO ||
            nh_mqtt__filter_check(rest, &b->limits) == NH_ERR_PROTO)
            return NH_ERR_SYNTAX;
    }
    return NH_OK;
}

static bool has_wildcard(nh_span_t filter)
{
    for (size_t i = 0; i < filter.len; i++)
        if (filter.ptr[i] == '+' || filter.ptr[i] == '#')
            return true;
    return false;
}

// What the broker was told not to have.
static enum nh_mqtt_reason unavailable(const nh_mqtt_broker_t *b, nh_span_t filter, bool is_shared,
                                       uint32_t id)
{
    if (b->cfg.shared_refused && is_shared)
        return NH_MQTT_REASON_SHARED_SUBSCRIPTIONS_NOT_SUPPORTED;
    if (b->cfg.wildcard_refused && has_wildcard(filter))
        return NH_MQTT_REASON_WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED;
    if (b->cfg.label_refused && id)
        return NH_MQTT_REASON_SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED;
    return NH_MQTT_REASON_SUCCESS;
}

static enum nh_mqtt_reason judge(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                                 const struct nh_mqtt__subscription *k, uint32_t id)
{
    nh_span_t rest;
    bool is_shared = nh_mqtt__share_split(k->filter, &rest) > 0;
    if (nh_mqtt__filter_check(k->filter, &b->limits) < 0)
        return NH_MQTT_REASON_TOPIC_FILTER_INVALID;
    if (!nh_mqtt__may(b, s, NH_MQTT_MAY_SUBSCRIBE, rest)) {
        nh_mqtt__denied(b, s, &b->info.subscribe_denied, k->filter, "may not subscribe to");
        return NH_MQTT_REASON_NOT_AUTHORIZED;
    }
    return unavailable(b, rest, is_shared, id);
}

// The code for one filter: the QoS granted, or failure [MQTT-3.9.3-2], [MQTT5-3.9.3-2].
static uint8_t subscribe(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                         const struct nh_mqtt__subscription *k, uint32_t id)
{
    nh_span_t rest;
    enum nh_mqtt_reason reason = judge(b, s, k, id);
    if (reason != NH_MQTT_REASON_SUCCESS)
        return (uint8_t)reason;
    int rc = nh_mqtt__session_subscribe(b, s, k, id);
    if (rc < 0)
        return rc == NH_ERR_FULL ? NH_MQTT_REASON_QUOTA_EXCEEDED : NH_MQTT_REASON_UNSPECIFIED_ERROR;
    bool wants_retained = k->retain_handling == NH_MQTT__RETAIN_SEND ||
                          (k->retain_handling == NH_MQTT__RETAIN_SEND_NEW && rc > 0);
    // [MQTT5-3.3.1-9], -10, -11; a shared subscription gets none.
    if (wants_retained && nh_mqtt__share_split(k->filter, &rest) == 0)
        nh_mqtt__replay_add(b, s, k->filter, k->qos, id);
    return k->qos;
}

// The head of a SUBACK or UNSUBACK for as many codes, which follow one by one.
static int send_head(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt__type type,
                     const struct nh_mqtt__subscribe *k)
{
    uint8_t head[NH_MQTT__HEAD_MAX + 3];
    const struct nh_mqtt__suback ack = {.packet_id = k->packet_id};
    uint32_t count = type == NH_MQTT__UNSUBACK && c->version != 5 ? 0 : k->count;
    int len = nh_mqtt__suback_encode(c->version, type, &ack, count, head, sizeof head);
    if (len < 0)
        return len;
    if (c->extra && c->extra->packet_max && (uint32_t)len + count > c->extra->packet_max)
        return NH_ERR_TOO_LONG; // [MQTT5-3.1.2-24]
    // The answer waits for what it is going to change.
    if (nh_mqtt__kept(c->session) && nh_mqtt__gate(b, c, nh_mqtt__journal_no(b)) < 0)
        return NH_ERR_NOMEM;
    return nh_mqtt__send(b, c, head, (size_t)len);
}

// A bridge of 3.1.1 cannot ask for what one of 5.0 does: not to hear itself, and RETAIN as it was.
static void as_bridge(struct nh_mqtt__subscription *sub)
{
    nh_span_t rest;
    sub->no_local = nh_mqtt__share_split(sub->filter, &rest) <= 0; // [MQTT5-3.8.3-4]
    sub->retain_as_published = true;
}

int nh_mqtt__on_subscribe(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body)
{
    struct nh_mqtt__subscribe k;
    struct nh_mqtt__subscription sub;
    int rc = nh_mqtt__subscribe_decode(c->version, NH_MQTT__SUBSCRIBE, body, &k);
    rc = rc < 0 ? rc : check_filters(b, k);
    // The SUBACK is written before the retained messages that follow from it [MQTT-3.8.4-4], -5,
    // [MQTT5-3.8.4-5], -6.
    rc = rc < 0 ? rc : send_head(b, c, NH_MQTT__SUBACK, &k);
    uint32_t id = rc < 0 ? 0 : nh_mqtt__props_number(&k.props, NH_MQTT__SUBSCRIPTION_IDENTIFIER, 0);
    while (rc == NH_OK && nh_mqtt__subscribe_next(&k, &sub)) {
        if (b->cfg.qos_refused && sub.qos >= b->cfg.qos_refused) // [MQTT5-3.2.2-10]
            sub.qos = (uint8_t)(b->cfg.qos_refused - 1);
        if (c->is_bridge)
            as_bridge(&sub);
        uint8_t code = subscribe(b, c->session, &sub, id);
        if (c->version != 5 && code > 2)
            code = NH_MQTT__SUBACK_FAILURE;
        rc = nh_mqtt__send(b, c, &code, 1);
    }
    if (rc == NH_OK)
        nh_mqtt__replay_run(b, c->session);
    return rc;
}

int nh_mqtt__on_unsubscribe(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body)
{
    struct nh_mqtt__subscribe k;
    struct nh_mqtt__subscription sub;
    int rc = nh_mqtt__subscribe_decode(c->version, NH_MQTT__UNSUBSCRIBE, body, &k);
    rc = rc < 0 ? rc : check_filters(b, k);
    // [MQTT-3.10.4-4], -5, [MQTT5-3.10.4-4], -5, -6, [MQTT5-3.11.3-1], -2
    if (rc == NH_OK && nh_mqtt__kept(c->session))
        rc = nh_mqtt__journal_reserve(b, k.count, k.count * NH_MQTT_KEY_MAX_BYTES);
    rc = rc < 0 ? rc : send_head(b, c, NH_MQTT__UNSUBACK, &k);
    while (rc == NH_OK && nh_mqtt__subscribe_next(&k, &sub)) {
        bool was_there = nh_mqtt__session_unsubscribe(b, c->session, sub.filter);
        uint8_t code = was_there ? NH_MQTT_REASON_SUCCESS : NH_MQTT_REASON_NO_SUBSCRIPTION_EXISTED;
        if (c->version == 5)
            rc = nh_mqtt__send(b, c, &code, 1);
    }
    return rc;
}
