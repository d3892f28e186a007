// What only clients of 5.0 say and hear: reasons, and the properties of their PUBLISH packets.

#include "mqtt/internal.h"

#include "core/base/utf8.h"

#include <string.h>

// ---- options of few connections -----------------------------------------------------------------

struct nh_mqtt__extra *nh_mqtt__extra(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    if (!c->extra)
        c->extra = nh_mem_alloc_zero(b->mem, sizeof(*c->extra), NH_MEM_BULK);
    return c->extra;
}

void nh_mqtt__extra_free(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c)
{
    struct nh_mqtt__extra *x = c->extra;
    if (!x)
        return;
    nh_mqtt__will_free(b, x->will);
    nh_mqtt__aliases_deinit(b, &x->in);
    nh_mqtt__aliases_deinit(b, &x->out);
    nh_mem_free(b->mem, x);
    c->extra = NULL;
}

// ---- reasons ------------------------------------------------------------------------------------

int nh_mqtt__fault(nh_mqtt_broker_t *b, enum nh_mqtt_reason reason)
{
    b->reason = (uint8_t)reason;
    return NH_ERR_PROTO;
}

static nh_span_t text_span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

// Whether a packet of `len` bytes is within what the client takes.
static bool fits(const nh_mqtt_conn_t *c, int len)
{
    return !c->extra || !c->extra->packet_max || (uint32_t)len <= c->extra->packet_max;
}

static bool is_redirect(enum nh_mqtt_reason reason)
{
    return reason == NH_MQTT_REASON_USE_ANOTHER_SERVER || reason == NH_MQTT_REASON_SERVER_MOVED;
}

void nh_mqtt__put_reason(const nh_mqtt_broker_t *b, struct nh_mqtt__props_out *out,
                         enum nh_mqtt_reason reason)
{
    nh_span_t text = text_span(nh_mqtt_reason_text(reason));
    if (reason >= NH_MQTT_REASON_UNSPECIFIED_ERROR)
        nh_mqtt__props_put_bytes(out, NH_MQTT__REASON_STRING, text);
    if (is_redirect(reason) && b->cfg.server_reference)
        nh_mqtt__props_put_bytes(out, NH_MQTT__SERVER_REFERENCE, text_span(b->cfg.server_reference));
}

void nh_mqtt__send_disconnect(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt_reason reason)
{
    uint8_t list[NH_MQTT__TEXT_MAX + 80], packet[sizeof list + 16];
    struct nh_mqtt__end end = {.code = (uint8_t)reason};
    struct nh_mqtt__props_out out;
    const uint8_t where = NH_MQTT__WHERE(NH_MQTT__DISCONNECT, NH_MQTT__FROM_SERVER);
    nh_mqtt__props_begin(&out, where, list, sizeof list);
    nh_mqtt__put_reason(b, &out, reason);
    NH_IGNORE(nh_mqtt__props_end(&out, &end.props)); // without the text, the code still tells
    int len = nh_mqtt__end_encode(5, NH_MQTT__DISCONNECT, &end, packet, sizeof packet);
    if (!fits(c, len)) { // [MQTT5-3.14.2-3]
        end.props = (struct nh_mqtt__props){0};
        len = nh_mqtt__end_encode(5, NH_MQTT__DISCONNECT, &end, packet, sizeof packet);
    }
    if (len > 0 && fits(c, len)) // [MQTT5-3.1.2-24]
        NH_IGNORE(nh_mqtt__send(b, c, packet, (size_t)len)); // it is closed all the same
}

int nh_mqtt__send_ack_reason(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt__type type,
                             uint16_t id, enum nh_mqtt_reason reason)
{
    if (reason == NH_MQTT_REASON_SUCCESS || c->version != 5)
        return nh_mqtt__send_ack(b, c, type, id);
    uint8_t list[64], packet[sizeof list + 16];
    struct nh_mqtt__ack ack = {.packet_id = id, .code = (uint8_t)reason};
    struct nh_mqtt__props_out out;
    nh_mqtt__props_begin(&out, NH_MQTT__WHERE(type, NH_MQTT__FROM_SERVER), list, sizeof list);
    if (!c->extra || !c->extra->no_problem_info) // [MQTT5-3.1.2-29]
        nh_mqtt__put_reason(b, &out, reason);
    NH_IGNORE(nh_mqtt__props_end(&out, &ack.props)); // as above
    int len = nh_mqtt__ack_encode(5, type, &ack, packet, sizeof packet);
    if (!fits(c, len)) { // [MQTT5-3.4.2-2] and its like
        ack.props = (struct nh_mqtt__props){0};
        len = nh_mqtt__ack_encode(5, type, &ack, packet, sizeof packet);
    }
    return len < 0 ? len : nh_mqtt__send(b, c, packet, (size_t)len);
}

// ---- PUBLISH ------------------------------------------------------------------------------------

static int take_topic(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__publish_head *k,
                      struct nh_mqtt__publish *p)
{
    if (!nh_mqtt__props_has(&k->props, NH_MQTT__TOPIC_ALIAS))
        return NH_OK;
    uint32_t number = nh_mqtt__props_number(&k->props, NH_MQTT__TOPIC_ALIAS, 0);
    return nh_mqtt__alias_in(b, c, number, &p->topic);
}

// What is passed on, when other properties stand between.
static int take_forwarded(nh_mqtt_broker_t *b, const struct nh_mqtt__props *props,
                          struct nh_mqtt__publish *p)
{
    size_t len = nh_mqtt__props_copy(props, NH_MQTT__PROPS_FORWARDED, NULL, 0);
    p->packet = NULL;
    p->props = (nh_span_t){NULL, 0};
    if (len == 0)
        return NH_OK;
    uint8_t *copy = nh_mqtt__scratch_take(b, len);
    if (!copy)
        return NH_ERR_NOMEM;
    p->props = (nh_span_t){copy, nh_mqtt__props_copy(props, NH_MQTT__PROPS_FORWARDED, copy, len)};
    return NH_OK;
}

// A QoS 0 packet with an alias is written anew without it, so that it passes through in runs as
// others do.
static int rewrite(nh_mqtt_broker_t *b, const struct nh_mqtt__publish_head *k,
                   struct nh_mqtt__publish *p)
{
    struct nh_mqtt__publish_head plain = *k;
    plain.topic = p->topic;
    plain.props.bytes = p->props;
    uint8_t *at = nh_mqtt__scratch_take(b, nh_mqtt__packet_max(&plain, (nh_span_t){0}));
    if (!at)
        return NH_ERR_NOMEM;
    uint8_t *end = nh_mqtt__packet_write(at, &plain, 5, (nh_span_t){0});
    nh_mqtt__scratch_trim(b, end);
    p->packet = at;
    p->packet_len = (uint32_t)(end - at);
    p->payload.ptr = end - p->payload.len;
    return NH_OK;
}

int nh_mqtt__publish_take5(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                           const struct nh_mqtt__publish_head *k, struct nh_mqtt__publish *p)
{
    const uint64_t rewritten = NH_MQTT__PROP_BIT(NH_MQTT__TOPIC_ALIAS) |
                               NH_MQTT__PROP_BIT(NH_MQTT__MESSAGE_EXPIRY_INTERVAL);
    int rc = take_topic(b, c, k, p);
    if (rc < 0)
        return rc;
    bool is_text = nh_mqtt__props_has(&k->props, NH_MQTT__PAYLOAD_FORMAT_INDICATOR) &&
                   nh_mqtt__props_number(&k->props, NH_MQTT__PAYLOAD_FORMAT_INDICATOR, 0);
    if (is_text && !nh_utf8_is_valid(k->payload.ptr, k->payload.len, true))
        p->reason = NH_MQTT_REASON_PAYLOAD_FORMAT_INVALID;
    p->props = k->props.bytes;
    if (!(k->props.present & rewritten))
        return NH_OK;
    rc = take_forwarded(b, &k->props, p);
    if (rc < 0)
        return rc;
    if (nh_mqtt__props_has(&k->props, NH_MQTT__MESSAGE_EXPIRY_INTERVAL))
        p->expires_ms = nh_mqtt__expires_ms(
            b, nh_mqtt__props_number(&k->props, NH_MQTT__MESSAGE_EXPIRY_INTERVAL, 0));
    else if (k->qos == 0 && !k->retain && p->topic.len)
        rc = rewrite(b, k, p);
    return rc;
}
