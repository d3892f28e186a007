// mqtt_packet.h - a packet of any type for tests and fuzzing: decoded, encoded, compared.

#ifndef NH_TEST_MQTT_PACKET_H
#define NH_TEST_MQTT_PACKET_H

#include "mqtt/packet.h"

#include <string.h>

#define ANY_SUBS_MAX 8

struct any_packet {
    uint8_t version, type;
    enum nh_mqtt__from from;
    union {
        struct nh_mqtt__connect connect;
        struct nh_mqtt__connack connack;
        struct nh_mqtt__publish_head publish;
        struct nh_mqtt__ack ack;
        struct nh_mqtt__subscribe subscribe;
        struct nh_mqtt__suback suback;
        struct nh_mqtt__end end;
    };
    struct nh_mqtt__subscription subs[ANY_SUBS_MAX]; // of SUBSCRIBE and UNSUBSCRIBE
    uint32_t sub_count;
};

static inline int any_take_subs(struct any_packet *p)
{
    struct nh_mqtt__subscribe walk = p->subscribe;
    for (p->sub_count = 0; p->sub_count < ANY_SUBS_MAX; p->sub_count++)
        if (!nh_mqtt__subscribe_next(&walk, &p->subs[p->sub_count]))
            break;
    return walk.filters.ptr == walk.filters.end ? NH_OK : NH_ERR_FULL; // more than a test holds
}

static inline int any_decode_body(struct any_packet *p, uint8_t flags, nh_span_t body)
{
    switch (p->type) {
    case NH_MQTT__CONNECT: {
        int rc = nh_mqtt__connect_decode(body, &p->connect);
        p->version = rc < 0 ? p->version : p->connect.level;
        return rc;
    }
    case NH_MQTT__CONNACK:
        return nh_mqtt__connack_decode(p->version, body, &p->connack);
    case NH_MQTT__PUBLISH:
        return nh_mqtt__publish_decode(p->version, p->from, flags, body, &p->publish);
    case NH_MQTT__SUBSCRIBE:
    case NH_MQTT__UNSUBSCRIBE: {
        int rc = nh_mqtt__subscribe_decode(p->version, p->type, body, &p->subscribe);
        return rc < 0 ? rc : any_take_subs(p);
    }
    case NH_MQTT__SUBACK:
    case NH_MQTT__UNSUBACK:
        return nh_mqtt__suback_decode(p->version, p->type, body, &p->suback);
    case NH_MQTT__PUBACK:
    case NH_MQTT__PUBREC:
    case NH_MQTT__PUBREL:
    case NH_MQTT__PUBCOMP:
        return nh_mqtt__ack_decode(p->version, p->type, body, &p->ack);
    default:
        return nh_mqtt__end_decode(p->version, p->type, p->from, body, &p->end);
    }
}

// The packet that `len` bytes are, whole: no fewer and no more. NH_ERR_AGAIN: more are needed.
static inline int any_decode(uint8_t version, enum nh_mqtt__from from, const uint8_t *bytes,
                             size_t len, struct any_packet *p)
{
    struct nh_mqtt__head head = {0};
    memset(p, 0, sizeof *p);
    int n = nh_mqtt__head_decode(bytes, len, from, &head);
    if (n < 0)
        return n;
    if (n == 0 || (size_t)n + head.body_len > len)
        return NH_ERR_AGAIN;
    if ((size_t)n + head.body_len < len)
        return NH_ERR_INVAL;
    p->version = version;
    p->type = head.type;
    p->from = from;
    return any_decode_body(p, head.flags, (nh_span_t){bytes + n, head.body_len});
}

static inline int any_append(int head_len, nh_span_t tail, uint8_t *out, size_t cap)
{
    if (head_len < 0)
        return head_len;
    size_t total = (size_t)head_len + tail.len;
    if (total <= cap && tail.len)
        memcpy(out + head_len, tail.ptr, tail.len);
    return (int)total;
}

// As the encoders, tail included.
static inline int any_encode(const struct any_packet *p, uint8_t *out, size_t cap)
{
    switch (p->type) {
    case NH_MQTT__CONNECT:
        return nh_mqtt__connect_encode(&p->connect, out, cap);
    case NH_MQTT__CONNACK:
        return nh_mqtt__connack_encode(p->version, &p->connack, out, cap);
    case NH_MQTT__PUBLISH:
        return any_append(nh_mqtt__publish_encode(p->version, &p->publish, out, cap),
                          p->publish.payload, out, cap);
    case NH_MQTT__SUBSCRIBE:
    case NH_MQTT__UNSUBSCRIBE:
        return nh_mqtt__subscribe_encode(&p->subscribe, p->subs, p->sub_count, out, cap);
    case NH_MQTT__SUBACK:
    case NH_MQTT__UNSUBACK:
        return any_append(
            nh_mqtt__suback_encode(p->version, p->type, &p->suback, p->suback.codes.len, out, cap),
            p->suback.codes, out, cap);
    case NH_MQTT__PUBACK:
    case NH_MQTT__PUBREC:
    case NH_MQTT__PUBREL:
    case NH_MQTT__PUBCOMP:
        return nh_mqtt__ack_encode(p->version, p->type, &p->ack, out, cap);
    default:
        return nh_mqtt__end_encode(p->version, p->type, &p->end, out, cap);
    }
}

static inline bool any_span_equal(nh_span_t a, nh_span_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool any_props_equal(const struct nh_mqtt__props *a, const struct nh_mqtt__props *b)
{
    return a->present == b->present && any_span_equal(a->bytes, b->bytes);
}

static inline bool any_connect_equal(const struct nh_mqtt__connect *a,
                                     const struct nh_mqtt__connect *b)
{
    return a->level == b->level && a->keepalive_s == b->keepalive_s && a->is_clean == b->is_clean &&
           a->has_will == b->has_will && a->will_qos == b->will_qos &&
           a->will_retain == b->will_retain && a->has_user == b->has_user &&
           a->has_password == b->has_password && any_span_equal(a->client_id, b->client_id) &&
           any_span_equal(a->will_topic, b->will_topic) &&
           any_span_equal(a->will_payload, b->will_payload) && any_span_equal(a->user, b->user) &&
           any_span_equal(a->password, b->password) && any_props_equal(&a->props, &b->props) &&
           any_props_equal(&a->will_props, &b->will_props);
}

static inline bool any_publish_equal(const struct nh_mqtt__publish_head *a,
                                     const struct nh_mqtt__publish_head *b)
{
    return a->qos == b->qos && a->retain == b->retain && a->is_dup == b->is_dup &&
           a->packet_id == b->packet_id && any_span_equal(a->topic, b->topic) &&
           any_span_equal(a->payload, b->payload) && any_props_equal(&a->props, &b->props);
}

static inline bool any_subscribe_equal(const struct any_packet *a, const struct any_packet *b)
{
    if (a->subscribe.packet_id != b->subscribe.packet_id || a->sub_count != b->sub_count ||
        !any_props_equal(&a->subscribe.props, &b->subscribe.props))
        return false;
    for (uint32_t i = 0; i < a->sub_count; i++) {
        const struct nh_mqtt__subscription *x = &a->subs[i], *y = &b->subs[i];
        if (!any_span_equal(x->filter, y->filter) || x->qos != y->qos ||
            x->retain_handling != y->retain_handling || x->no_local != y->no_local ||
            x->retain_as_published != y->retain_as_published)
            return false;
    }
    return true;
}

static inline bool any_equal(const struct any_packet *a, const struct any_packet *b)
{
    if (a->version != b->version || a->type != b->type)
        return false;
    switch (a->type) {
    case NH_MQTT__CONNECT:
        return any_connect_equal(&a->connect, &b->connect);
    case NH_MQTT__CONNACK:
        return a->connack.code == b->connack.code &&
               a->connack.is_session_present == b->connack.is_session_present &&
               any_props_equal(&a->connack.props, &b->connack.props);
    case NH_MQTT__PUBLISH:
        return any_publish_equal(&a->publish, &b->publish);
    case NH_MQTT__SUBSCRIBE:
    case NH_MQTT__UNSUBSCRIBE:
        return any_subscribe_equal(a, b);
    case NH_MQTT__SUBACK:
    case NH_MQTT__UNSUBACK:
        return a->suback.packet_id == b->suback.packet_id &&
               any_span_equal(a->suback.codes, b->suback.codes) &&
               any_props_equal(&a->suback.props, &b->suback.props);
    case NH_MQTT__PUBACK:
    case NH_MQTT__PUBREC:
    case NH_MQTT__PUBREL:
    case NH_MQTT__PUBCOMP:
        return a->ack.packet_id == b->ack.packet_id && a->ack.code == b->ack.code &&
               any_props_equal(&a->ack.props, &b->ack.props);
    default:
        return a->end.code == b->end.code && any_props_equal(&a->end.props, &b->end.props);
    }
}

#endif
