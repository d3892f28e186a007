// The leg to the own broker: a connection without a socket, MQTT 5.0.

#include "mqtt/bridge_parts.h"
#include "mqtt/internal.h"
#include "mqtt/keep.h"

#include <string.h>

#define CHUNK_MIN_BYTES 4096u
#define SPANS_MAX 8

// ---- bytes to the broker ------------------------------------------------------------------------

static int add_chunk(nh_mqtt_bridge_t *b, size_t want)
{
    size_t cap = want < CHUNK_MIN_BYTES ? CHUNK_MIN_BYTES : want;
    struct nh_mqtt__chunk *c =
        nh_mem_alloc(b->cfg.mem, offsetof(struct nh_mqtt__chunk, bytes) + cap, NH_MEM_BULK);
    if (!c)
        return NH_ERR_NOMEM;
    *c = (struct nh_mqtt__chunk){.cap = (uint32_t)cap};
    if (b->near.last)
        b->near.last->next = c;
    else
        b->near.first = c;
    b->near.last = c;
    return NH_OK;
}

// A packet lies in one piece, so that the broker need not gather it.
int nh_mqtt__near_put(nh_mqtt_bridge_t *b, const nh_span_t *parts, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += parts[i].len;
    if (!b->near.last || total > b->near.last->cap - b->near.last->len) {
        int rc = add_chunk(b, total);
        if (rc < 0)
            return rc;
    }
    struct nh_mqtt__chunk *c = b->near.last;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len)
            memcpy(c->bytes + c->len, parts[i].ptr, parts[i].len);
        c->len += (uint32_t)parts[i].len;
    }
    return NH_OK;
}

int nh_mqtt__near_flush(nh_mqtt_bridge_t *b)
{
    for (struct nh_mqtt__chunk *c = b->near.first; c && b->near.conn; c = c->next) {
        const uint8_t *at = c->bytes + c->fed;
        size_t len = c->len - c->fed;
        c->fed = c->len;
        int rc =
            len ? nh_mqtt_broker_input(b->cfg.broker, b->near.conn, at, len, b->now_ms) : NH_OK;
        if (rc < 0)
            return rc;
    }
    return NH_OK;
}

// Chunks are the broker's until its turn has ended; then one of plain size is kept for the next.
void nh_mqtt__near_turn_end(nh_mqtt_bridge_t *b)
{
    struct nh_mqtt__chunk *kept = NULL;
    while (b->near.first) {
        struct nh_mqtt__chunk *c = b->near.first;
        b->near.first = c->next;
        if (!kept && c->cap == CHUNK_MIN_BYTES && b->near.conn)
            kept = c;
        else
            nh_mem_free(b->cfg.mem, c);
    }
    if (kept)
        *kept = (struct nh_mqtt__chunk){.cap = kept->cap};
    b->near.first = b->near.last = kept;
}

// ---- CONNECT and SUBSCRIBE ----------------------------------------------------------------------

static int put_connect(nh_mqtt_bridge_t *b)
{
    uint8_t buf[32], packet[128];
    struct nh_mqtt__props_out out;
    struct nh_mqtt__connect k = {.client_id = {(const uint8_t *)b->local_id, strlen(b->local_id)},
                                 .level = 5};
    uint16_t window = b->cfg.inflight_max;
    window = window < b->far.receive_max ? window : b->far.receive_max;
    nh_mqtt__props_begin(&out, NH_MQTT__WHERE(NH_MQTT__CONNECT, NH_MQTT__FROM_CLIENT), buf,
                         sizeof buf);
    nh_mqtt__props_put_number(&out, NH_MQTT__SESSION_EXPIRY_INTERVAL, UINT32_MAX);
    // What the other broker takes at once is what the own one has under way.
    nh_mqtt__props_put_number(&out, NH_MQTT__RECEIVE_MAXIMUM, window);
    nh_mqtt__props_put_number(&out, NH_MQTT__MAXIMUM_PACKET_SIZE, b->cfg.packet_max_bytes);
    int rc = nh_mqtt__props_end(&out, &k.props);
    NH_ASSERT(rc == NH_OK);
    int len = nh_mqtt__connect_encode(&k, packet, sizeof packet);
    NH_ASSERT(len > 0 && (size_t)len <= sizeof packet);
    return nh_mqtt__near_put(b, &(nh_span_t){packet, (size_t)len}, 1);
}

// Packet ids of a session over there that is no more: a new message under one of them is not the
// old one again. NH_ERR_NOMEM.
static int release_ids(nh_mqtt_bridge_t *b)
{
    nh_mqtt_broker_t *broker = b->cfg.broker;
    struct nh_mqtt__session *s = b->near.conn->session;
    struct nh_mqtt__flow *f = s ? s->flow : NULL;
    for (uint32_t i = 0; f && i < f->ids_cap; i++) {
        while (f->ids[i]) {
            uint16_t id = f->ids[i];
            int rc = nh_mqtt__keep_ack_reserve(broker, s);
            if (rc < 0)
                return rc;
            nh_mqtt__ids_remove(f, id);
            nh_mqtt__keep_id(broker, s, id, false);
        }
    }
    return NH_OK;
}

int nh_mqtt__near_open(nh_mqtt_bridge_t *b)
{
    int rc = nh_mqtt_broker_own_open(b->cfg.broker, b->cfg.local_user, b->now_ms, &b->near.conn);
    if (rc < 0)
        return rc;
    b->near.packet_max = b->cfg.broker->cfg.packet_max_bytes;
    rc = put_connect(b);
    rc = rc < 0 ? rc : nh_mqtt__near_flush(b);
    if (rc < 0)
        return rc;
    return b->far.has_session ? NH_OK : release_ids(b);
}

void nh_mqtt__near_close(nh_mqtt_bridge_t *b)
{
    if (!b->near.conn)
        return;
    nh_mqtt_conn_t *conn = b->near.conn;
    b->near.conn = NULL;
    nh_mqtt__reader_clear(&b->near.reader);
    nh_mqtt_broker_close(b->cfg.broker, conn, b->now_ms);
}

static int subscribe(nh_mqtt_bridge_t *b)
{
    struct nh_mqtt__subscription subs[NH_MQTT_BRIDGE_RULE_MAX];
    const struct nh_mqtt__subscribe k = {.packet_id = 1, .version = 5, .type = NH_MQTT__SUBSCRIBE};
    size_t count = 0;
    for (size_t i = 0; i < b->cfg.rule_count; i++) {
        const struct nh_mqtt__rule *r = &b->rules[i];
        uint8_t qos = r->qos < b->far.max_qos ? r->qos : b->far.max_qos;
        if (r->direction & NH_MQTT_BRIDGE_OUT)
            subs[count++] = (struct nh_mqtt__subscription){
                .filter = r->local,
                .qos = qos,
                .no_local = true,
                .retain_as_published = true,
                .retain_handling = qos ? NH_MQTT__RETAIN_SEND_NEW : NH_MQTT__RETAIN_SEND};
    }
    if (count == 0)
        return NH_OK;
    int len = nh_mqtt__subscribe_encode(&k, subs, count, NULL, 0);
    uint8_t *packet = len > 0 ? nh_mem_alloc(b->cfg.mem, (size_t)len, NH_MEM_BULK) : NULL;
    if (!packet)
        return len < 0 ? len : NH_ERR_NOMEM;
    len = nh_mqtt__subscribe_encode(&k, subs, count, packet, (size_t)len);
    int rc = nh_mqtt__near_put(b, &(nh_span_t){packet, (size_t)len}, 1);
    nh_mem_free(b->cfg.mem, packet);
    return rc;
}

// Of the session's subscriptions those that no rule names any more.
struct stale {
    nh_mqtt_bridge_t *b;
    int rc;
};

static bool is_named(const nh_mqtt_bridge_t *b, nh_span_t filter)
{
    for (size_t i = 0; i < b->cfg.rule_count; i++)
        if ((b->rules[i].direction & NH_MQTT_BRIDGE_OUT) &&
            nh_mqtt__span_equal(b->rules[i].local, filter))
            return true;
    return false;
}

static bool unsubscribe(void *ctx, const struct nh_mqtt_subscription_info *s)
{
    struct stale *stale = ctx;
    const struct nh_mqtt__subscribe k = {
        .packet_id = 2, .version = 5, .type = NH_MQTT__UNSUBSCRIBE};
    const struct nh_mqtt__subscription sub = {.filter = s->filter};
    uint8_t packet[NH_MQTT_FILTER_TOLD_BYTES + 16];
    if (s->filter_len > s->filter.len || is_named(stale->b, s->filter))
        return true;
    int len = nh_mqtt__subscribe_encode(&k, &sub, 1, packet, sizeof packet);
    NH_ASSERT(len > 0 && (size_t)len <= sizeof packet);
    stale->rc = nh_mqtt__near_put(stale->b, &(nh_span_t){packet, (size_t)len}, 1);
    return stale->rc == NH_OK;
}

static int unsubscribe_stale(nh_mqtt_bridge_t *b)
{
    struct stale stale = {b, NH_OK};
    const nh_span_t id = {(const uint8_t *)b->local_id, strlen(b->local_id)};
    int rc = nh_mqtt_broker_subscriptions(b->cfg.broker, id, 0, unsubscribe, &stale);
    return rc < 0 ? rc : stale.rc;
}

// ---- packets of the broker ----------------------------------------------------------------------

// A packet id that no message to the other broker has: those under way go up from the oldest to the
// next, so it is half the circle from there.
static uint16_t unused_id(const nh_mqtt_bridge_t *b)
{
    const struct nh_mqtt__session *s = b->near.conn->session;
    uint32_t next = s && s->flow ? nh_mqtt__sent_next_id(s->flow) : 1;
    return (uint16_t)((next - 1 + 32768) % 65535 + 1);
}

static int on_connack(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p)
{
    struct nh_mqtt__connack k;
    int rc = nh_mqtt__connack_decode(5, p->body, &k);
    if (rc < 0)
        return rc;
    if (k.code) {
        nh_mqtt__bridge_fail(b, "the own broker refused the bridge", k.code);
        return NH_OK;
    }
    if (!k.is_session_present && b->far.has_session)
        b->near.fresh_left = UINT16_MAX;
    rc = unsubscribe_stale(b);
    rc = rc < 0 ? rc : subscribe(b);
    return rc < 0 ? rc : nh_mqtt__far_subscribe(b, unused_id(b));
}

static int on_suback(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p)
{
    struct nh_mqtt__suback k;
    int rc = nh_mqtt__suback_decode(5, NH_MQTT__SUBACK, p->body, &k);
    for (size_t i = 0; rc == NH_OK && i < k.codes.len; i++) {
        if (k.codes.ptr[i] < 0x80)
            continue;
        b->info.refused_subscriptions++;
        nh_mqtt__bridge_enter(b, NH_MQTT_BRIDGE_ONLINE, "the own broker refused a subscription",
                              k.codes.ptr[i]);
    }
    return rc;
}

static int on_disconnect(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p)
{
    struct nh_mqtt__end k;
    int rc = nh_mqtt__end_decode(5, NH_MQTT__DISCONNECT, NH_MQTT__FROM_SERVER, p->body, &k);
    if (rc == NH_OK)
        nh_mqtt__bridge_fail(b, "the own broker ended the connection", k.code);
    return rc;
}

static int on_packet(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p)
{
    switch (p->head.type) {
    case NH_MQTT__CONNACK:
        return on_connack(b, p);
    case NH_MQTT__PUBLISH:
        return nh_mqtt__relay_out(b, p);
    case NH_MQTT__PUBACK:
    case NH_MQTT__PUBREC:
    case NH_MQTT__PUBREL:
    case NH_MQTT__PUBCOMP:
        return nh_mqtt__relay_ack_out(b, p);
    case NH_MQTT__SUBACK:
        return on_suback(b, p);
    case NH_MQTT__UNSUBACK:
        return NH_OK;
    case NH_MQTT__DISCONNECT:
        return on_disconnect(b, p);
    default:
        return NH_ERR_PROTO; // a fault of our own
    }
}

// All packets of one piece of output. Stops when the connection ended meanwhile.
static int take_span(nh_mqtt_bridge_t *b, nh_span_t in)
{
    struct nh_mqtt__packet p;
    int rc;
    while (b->near.conn && (rc = nh_mqtt__reader_next(&b->near.reader, &in, &p)) != 0) {
        if (rc > 0)
            rc = on_packet(b, &p);
        if (rc < 0)
            return rc;
    }
    return NH_OK;
}

// One round of output. 0: there is none.
static int pump_some(nh_mqtt_bridge_t *b)
{
    struct nh_mqtt_span spans[SPANS_MAX];
    nh_mqtt_conn_t *conn = b->near.conn;
    size_t count = nh_mqtt_broker_output(b->cfg.broker, conn, spans, SPANS_MAX), total = 0;
    int rc = NH_OK;
    for (size_t i = 0; i < count && rc == NH_OK && b->near.conn; i++) {
        rc = take_span(b, (nh_span_t){spans[i].ptr, spans[i].len});
        total += spans[i].len;
    }
    if (rc < 0 || !b->near.conn)
        return rc;
    nh_mqtt_broker_sent(b->cfg.broker, conn, total, b->now_ms);
    rc = nh_mqtt__near_flush(b);
    return rc < 0 ? rc : total > 0;
}

int nh_mqtt__near_pump(nh_mqtt_bridge_t *b)
{
    int rc = 1;
    while (rc > 0 && b->near.conn && b->far.wire.inline_bytes < b->cfg.output_max_bytes)
        rc = pump_some(b);
    if (rc >= 0 && b->near.conn && nh_mqtt_conn_wants_close(b->near.conn))
        nh_mqtt__bridge_fail(b, "the own broker ended the connection", 0);
    return rc;
}
