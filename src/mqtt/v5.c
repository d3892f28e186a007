// What only clients of 5.0 say and hear: reasons, and the properties of their PUBLISH packets.

#include "mqtt/internal.h"

#include "core/base/utf8.h"

#include <string.h>

// Bytes of the properties of a CONNACK besides those of an authentication: two texts and numbers.
#define CONNACK_MAX (2 * NH_MQTT__TEXT_MAX + 100u)

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
    nh_mem_free(b->mem, x->method);
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
        nh_mqtt__props_put_bytes(out, NH_MQTT__SERVER_REFERENCE,
                                 text_span(b->cfg.server_reference));
}

void nh_mqtt__send_disconnect(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt_reason reason)
{
    uint8_t list[NH_MQTT__TEXT_MAX + 80], packet[sizeof list + 16]; // also without memory
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
    if (len > 0 && fits(c, len))                             // [MQTT5-3.1.2-24]
        NH_IGNORE(nh_mqtt__send(b, c, packet, (size_t)len)); // it is closed all the same
}

int nh_mqtt__send_reason(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt__type type,
                         uint16_t id, enum nh_mqtt_reason reason)
{
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

// ---- CONNECT and CONNACK ------------------------------------------------------------------------

int nh_mqtt__options_take5(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__connect *k)
{
    const struct nh_mqtt__props *props = &k->props;
    uint32_t receive_max = nh_mqtt__props_number(props, NH_MQTT__RECEIVE_MAXIMUM, 0);
    uint32_t packet_max = nh_mqtt__props_number(props, NH_MQTT__MAXIMUM_PACKET_SIZE, 0);
    uint32_t alias_max = nh_mqtt__props_number(props, NH_MQTT__TOPIC_ALIAS_MAXIMUM, 0);
    bool no_problem_info = !nh_mqtt__props_number(props, NH_MQTT__REQUEST_PROBLEM_INFORMATION, 1);
    if (!receive_max && !packet_max && !alias_max && !no_problem_info)
        return NH_OK;
    struct nh_mqtt__extra *x = nh_mqtt__extra(b, c);
    if (!x)
        return NH_ERR_NOMEM;
    x->receive_max = (uint16_t)receive_max;
    x->packet_max = packet_max;
    x->out.max =
        (uint16_t)(alias_max < b->cfg.topic_alias_max ? alias_max : b->cfg.topic_alias_max);
    x->no_problem_info = no_problem_info;
    if (packet_max || alias_max)
        c->form = NH_MQTT__FORM_OWN;
    return NH_OK;
}

static void put_switch(struct nh_mqtt__props_out *out, enum nh_mqtt__prop_id id, bool is_off)
{
    if (is_off)
        nh_mqtt__props_put_number(out, id, 0);
}

// What this broker has and has not.
static void put_limits(const nh_mqtt_broker_t *b, struct nh_mqtt__props_out *out)
{
    const struct nh_mqtt_broker_config *cfg = &b->cfg;
    if (cfg->qos2_max_count < UINT16_MAX)
        nh_mqtt__props_put_number(out, NH_MQTT__RECEIVE_MAXIMUM, cfg->qos2_max_count);
    if (cfg->qos_refused) // [MQTT5-3.2.2-9]
        nh_mqtt__props_put_number(out, NH_MQTT__MAXIMUM_QOS, cfg->qos_refused - 1u);
    put_switch(out, NH_MQTT__RETAIN_AVAILABLE, cfg->retain_refused);
    if (cfg->packet_max_bytes < NH_MQTT__BODY_MAX)
        nh_mqtt__props_put_number(out, NH_MQTT__MAXIMUM_PACKET_SIZE, cfg->packet_max_bytes);
    nh_mqtt__props_put_number(out, NH_MQTT__TOPIC_ALIAS_MAXIMUM, cfg->topic_alias_max);
    put_switch(out, NH_MQTT__WILDCARD_SUBSCRIPTION_AVAILABLE, cfg->wildcard_refused);
    put_switch(out, NH_MQTT__SUBSCRIPTION_IDENTIFIER_AVAILABLE, cfg->label_refused);
    put_switch(out, NH_MQTT__SHARED_SUBSCRIPTION_AVAILABLE, cfg->shared_refused);
}

// What of the client's wishes was not granted as it was.
static void put_granted(const nh_mqtt_broker_t *b, const nh_mqtt_conn_t *c,
                        const struct nh_mqtt__connect *k, struct nh_mqtt__props_out *out)
{
    const struct nh_mqtt__session *s = c->session;
    if (s->expiry_s != nh_mqtt__props_number(&k->props, NH_MQTT__SESSION_EXPIRY_INTERVAL, 0))
        nh_mqtt__props_put_number(out, NH_MQTT__SESSION_EXPIRY_INTERVAL, s->expiry_s);
    if (k->client_id.len == 0) // [MQTT5-3.2.2-16]
        nh_mqtt__props_put_bytes(out, NH_MQTT__ASSIGNED_CLIENT_IDENTIFIER, text_span(s->id));
    if (c->keepalive_s != k->keepalive_s) // [MQTT5-3.2.2-21]
        nh_mqtt__props_put_number(out, NH_MQTT__SERVER_KEEP_ALIVE, c->keepalive_s);
    bool is_asked = nh_mqtt__props_number(&k->props, NH_MQTT__REQUEST_RESPONSE_INFORMATION, 0);
    if (is_asked && b->cfg.response_information) // [MQTT5-3.1.2-28]
        nh_mqtt__props_put_bytes(out, NH_MQTT__RESPONSE_INFORMATION,
                                 text_span(b->cfg.response_information));
}

static int send_connack(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, struct nh_mqtt__connack *k,
                        const struct nh_mqtt__props_out *out)
{
    int rc = nh_mqtt__props_end(out, &k->props);
    int len = rc < 0 ? rc : nh_mqtt__connack_encode(5, k, NULL, 0);
    if (len < 0 || !fits(c, len)) // [MQTT5-3.1.2-24]
        return NH_ERR_TOO_LONG;
    uint8_t *packet = nh_mqtt__scratch_take(b, (size_t)len);
    if (!packet)
        return NH_ERR_NOMEM;
    NH_IGNORE(nh_mqtt__connack_encode(5, k, packet, (size_t)len)); // of that length
    return nh_mqtt__send(b, c, packet, (size_t)len);
}

static void connack_begin(struct nh_mqtt__props_out *out, uint8_t *list, size_t cap)
{
    const uint8_t where = NH_MQTT__WHERE(NH_MQTT__CONNACK, NH_MQTT__FROM_SERVER);
    nh_mqtt__props_begin(out, where, list, cap);
}

int nh_mqtt__connack_accept(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c,
                            const struct nh_mqtt__connect *k, bool is_present,
                            const struct nh_mqtt_auth_answer *answer)
{
    nh_span_t method = nh_mqtt__props_bytes(&k->props, NH_MQTT__AUTHENTICATION_METHOD);
    size_t cap = CONNACK_MAX + method.len + answer->data.len;
    uint8_t *list = nh_mqtt__scratch_take(b, cap);
    struct nh_mqtt__connack ack = {.is_session_present = is_present};
    struct nh_mqtt__props_out out;
    if (!list)
        return NH_ERR_NOMEM;
    connack_begin(&out, list, cap);
    put_granted(b, c, k, &out);
    put_limits(b, &out);
    if (method.len) // [MQTT5-4.12.0-5]
        nh_mqtt__props_put_bytes(&out, NH_MQTT__AUTHENTICATION_METHOD, method);
    if (method.len && answer->data.len)
        nh_mqtt__props_put_bytes(&out, NH_MQTT__AUTHENTICATION_DATA, answer->data);
    return send_connack(b, c, &ack, &out);
}

int nh_mqtt__connack_refuse(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt_reason reason)
{
    uint8_t list[NH_MQTT__TEXT_MAX + 80];
    struct nh_mqtt__connack ack = {.code = (uint8_t)reason};
    struct nh_mqtt__props_out out;
    connack_begin(&out, list, sizeof list);
    nh_mqtt__put_reason(b, &out, reason);
    int rc = send_connack(b, c, &ack, &out);
    if (rc != NH_ERR_NOMEM && rc != NH_ERR_TOO_LONG)
        return rc;
    const uint8_t plain[] = {NH_MQTT__CONNACK << 4, 3, 0, (uint8_t)reason, 0}; // without a word
    return fits(c, sizeof plain) ? nh_mqtt__send(b, c, plain, sizeof plain) : NH_OK;
}

int nh_mqtt__send_auth(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, enum nh_mqtt_reason reason,
                       nh_span_t method, nh_span_t data)
{
    struct nh_mqtt__end auth = {.code = (uint8_t)reason};
    struct nh_mqtt__props_out out;
    const uint8_t where = NH_MQTT__WHERE(NH_MQTT__AUTH, NH_MQTT__FROM_SERVER);
    size_t cap = method.len + data.len + 16;
    uint8_t *list = nh_mqtt__scratch_take(b, cap), *packet = nh_mqtt__scratch_take(b, cap + 16);
    if (!list || !packet)
        return NH_ERR_NOMEM;
    nh_mqtt__props_begin(&out, where, list, cap);
    nh_mqtt__props_put_bytes(&out, NH_MQTT__AUTHENTICATION_METHOD, method);
    if (data.len)
        nh_mqtt__props_put_bytes(&out, NH_MQTT__AUTHENTICATION_DATA, data);
    if (nh_mqtt__props_end(&out, &auth.props) < 0)
        return NH_ERR_TOO_LONG;
    int len = nh_mqtt__end_encode(5, NH_MQTT__AUTH, &auth, packet, cap + 16);
    if (len < 0 || !fits(c, len))
        return NH_ERR_TOO_LONG;
    return nh_mqtt__send(b, c, packet, (size_t)len);
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
