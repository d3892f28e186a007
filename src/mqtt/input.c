// Bytes in: cutting them into packets, gathering the one that the input's end cut, dispatch.

#include "mqtt/keep.h"

#include <string.h>

#define GATHER_MIN_BYTES 256u

// ---- one packet ---------------------------------------------------------------------------------

static int on_pingreq(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body)
{
    static const uint8_t pingresp[] = {NH_MQTT__PINGRESP << 4, 0};
    return body.len ? NH_ERR_SYNTAX : nh_mqtt__send(b, c, pingresp, sizeof pingresp);
}

// The client may shorten or lengthen the time that its session is kept, but not begin to keep one.
static int take_expiry(nh_mqtt_broker_t *b, struct nh_mqtt__session *s,
                       const struct nh_mqtt__end *end)
{
    if (!nh_mqtt__props_has(&end->props, NH_MQTT__SESSION_EXPIRY_INTERVAL))
        return NH_OK;
    uint32_t expiry_s = nh_mqtt__props_number(&end->props, NH_MQTT__SESSION_EXPIRY_INTERVAL, 0);
    if (s->flags & NH_MQTT__SESSION_CLEAN)
        return expiry_s ? NH_ERR_PROTO : NH_OK;
    uint32_t max = b->cfg.session_expiry_max_s;
    s->expiry_s = max && expiry_s > max ? max : expiry_s;
    if (expiry_s == 0)
        s->flags |= NH_MQTT__SESSION_CLEAN;
    return NH_OK; // recorded when the connection ends, in a moment
}

static int on_disconnect(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t body)
{
    struct nh_mqtt__end end;
    int rc = nh_mqtt__end_decode(c->version, NH_MQTT__DISCONNECT, NH_MQTT__FROM_CLIENT, body, &end);
    if (rc == NH_OK && c->session)
        rc = take_expiry(b, c->session, &end);
    if (rc < 0)
        return rc;
    if (end.code == NH_MQTT_REASON_SUCCESS && c->extra) { // [MQTT-3.14.4-3], [MQTT5-3.14.4-3]
        nh_mqtt__will_free(b, c->extra->will);
        c->extra->will = NULL;
    }
    const char *text = end.code ? nh_mqtt_reason_text(end.code) : "disconnected";
    nh_mqtt__conn_end(b, c, text, NH_MQTT_CLIENT_DISCONNECTED, NH_MQTT_REASON_SUCCESS);
    return NH_OK;
}

static int dispatch(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__head *head,
                    nh_span_t body)
{
    switch (head->type) {
    case NH_MQTT__CONNECT:
        return nh_mqtt__on_connect(b, c, body, head->is_minimal);
    case NH_MQTT__SUBSCRIBE:
        return nh_mqtt__on_subscribe(b, c, body);
    case NH_MQTT__UNSUBSCRIBE:
        return nh_mqtt__on_unsubscribe(b, c, body);
    case NH_MQTT__PINGREQ:
        return on_pingreq(b, c, body);
    case NH_MQTT__DISCONNECT:
        return on_disconnect(b, c, body);
    case NH_MQTT__AUTH:
        return nh_mqtt__on_auth(b, c, body);
    default:
        return nh_mqtt__on_ack(b, c, head->type, body);
    }
}

// `packet` is whole. `gathered` is the packet when it came in pieces, else it lies in the input.
static int on_packet(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const struct nh_mqtt__head *head,
                     const uint8_t *packet, struct nh_mqtt__msg *gathered)
{
    b->info.messages_in++;
    c->last_in_ms = b->now_ms;
    if (head->type == NH_MQTT__PUBLISH)
        return nh_mqtt__on_publish(b, c, head, packet, gathered);
    nh_mqtt__run_flush(b);
    return dispatch(b, c, head, (nh_span_t){packet + head->head_len, head->body_len});
}

// What a connection may not say in its state, or in its version. `n`: of the head; 0: it is cut.
static int judge_head(const nh_mqtt_conn_t *c, const struct nh_mqtt__head *head, int n)
{
    if (n > 0 && !head->is_minimal && c->version == 5) // [MQTT5-1.5.5-1]
        return NH_ERR_SYNTAX;
    if (n > 0 && head->type == NH_MQTT__AUTH && c->version != 5)
        return NH_ERR_SYNTAX;
    if (c->state == NH_MQTT__CONN_AUTH) // [MQTT5-3.1.2-30]
        return head->type == NH_MQTT__AUTH || head->type == NH_MQTT__DISCONNECT ? n : NH_ERR_PROTO;
    // [MQTT-3.1.0-1], [MQTT5-3.1.0-1] CONNECT comes first, [MQTT-3.1.0-2], [MQTT5-3.1.0-2] and only
    // once.
    return (head->type == NH_MQTT__CONNECT) == (c->state == NH_MQTT__CONN_NEW) ? n : NH_ERR_PROTO;
}

// Reads a head and judges by it alone: nothing is stored for a packet that will be refused.
static int read_head(nh_mqtt_broker_t *b, const nh_mqtt_conn_t *c, const uint8_t *bytes, size_t len,
                     struct nh_mqtt__head *head)
{
    int n = nh_mqtt__head_decode(bytes, len, NH_MQTT__FROM_CLIENT, head);
    bool is_usual = n == 2 && c->state == NH_MQTT__CONN_ONLINE && head->type != NH_MQTT__CONNECT &&
                    head->type != NH_MQTT__AUTH;
    if (n >= 0 && !is_usual)
        n = judge_head(c, head, n);
    if (n > 0 && (uint64_t)n + head->body_len > b->cfg.packet_max_bytes)
        return NH_ERR_TOO_LONG;
    return n;
}

// ---- gathering ----------------------------------------------------------------------------------

// While gathering, msg->len counts the bytes that are there and msg->payload_at those that fit.
// The buffer grows with what came, not with what was announced: a client that announces much and
// sends little holds little.
static int gather_room(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, size_t want, size_t max)
{
    size_t cap = c->gather ? c->gather->payload_at : 0;
    if (want <= cap)
        return NH_OK;
    cap = 2 * cap > want ? 2 * cap : want;
    cap = cap < GATHER_MIN_BYTES ? GATHER_MIN_BYTES : cap;
    cap = cap > max ? max : cap;
    struct nh_mqtt__msg *m;
    if (c->gather)
        m = nh_mem_realloc(b->mem, c->gather, offsetof(struct nh_mqtt__msg, bytes) + cap,
                           NH_MEM_BULK);
    else
        m = nh_mqtt__msg_alloc(b->mem, cap);
    if (!m)
        return NH_ERR_NOMEM;
    m->payload_at = (uint32_t)cap;
    c->gather = m;
    return NH_OK;
}

static int gather_add(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const uint8_t *bytes, size_t len,
                      size_t packet_len)
{
    size_t have = c->gather ? c->gather->len : 0;
    int rc = gather_room(b, c, have + len, packet_len);
    if (rc < 0)
        return rc;
    memcpy(c->gather->bytes + have, bytes, len);
    c->gather->len += (uint32_t)len;
    return NH_OK;
}

// Feeds a cut packet. Returns how many of `bytes` it took.
static int gather_more(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const uint8_t *bytes, size_t len)
{
    struct nh_mqtt__head head;
    size_t used = 0;
    int n = nh_mqtt__head_decode(c->gather->bytes, c->gather->len, NH_MQTT__FROM_CLIENT, &head);
    while (n == 0 && used < len) { // the head itself was cut
        int rc = gather_add(b, c, bytes + used++, 1, NH_MQTT__HEAD_MAX);
        if (rc < 0)
            return rc;
        n = read_head(b, c, c->gather->bytes, c->gather->len, &head);
    }
    if (n <= 0)
        return n < 0 ? n : (int)used;
    size_t packet_len = (size_t)n + head.body_len;
    size_t missing = packet_len - c->gather->len;
    size_t take = missing < len - used ? missing : len - used;
    int rc = gather_add(b, c, bytes + used, take, packet_len);
    if (rc < 0)
        return rc;
    used += take;
    if (take < missing)
        return (int)used;
    struct nh_mqtt__msg *whole = c->gather;
    c->gather = NULL;
    rc = on_packet(b, c, &head, whole->bytes, whole);
    nh_mqtt__msg_unref(b->mem, whole);
    return rc < 0 ? rc : (int)used;
}

// Keeps the beginning of a packet whose rest is still to come.
static int gather_start(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const uint8_t *bytes, size_t len,
                        size_t packet_len)
{
    size_t max = packet_len ? packet_len : NH_MQTT__HEAD_MAX;
    return gather_add(b, c, bytes, len, max);
}

// ---- input --------------------------------------------------------------------------------------

// A packet id and nothing else, as nearly all acknowledgements are.
static bool is_plain_ack(const uint8_t *bytes, size_t len)
{
    uint8_t first = len >= 4 && bytes[1] == 2 ? bytes[0] : 0;
    return first == NH_MQTT__PUBACK << 4 || first == NH_MQTT__PUBREC << 4 ||
           first == (NH_MQTT__PUBREL << 4 | 2) || first == NH_MQTT__PUBCOMP << 4;
}

// They come in rows, half of all packets at QoS 1 and more at QoS 2, and take a shorter way than
// the others: nothing that read_head() and dispatch() look at can be wrong. How many bytes; an
// error.
static int take_acks(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const uint8_t *bytes, size_t len)
{
    size_t used = 0;
    nh_mqtt__run_flush(b);
    c->last_in_ms = b->now_ms;
    while (c->state == NH_MQTT__CONN_ONLINE && is_plain_ack(bytes + used, len - used)) {
        b->info.messages_in++;
        int rc = nh_mqtt__on_ack(b, c, bytes[used] >> 4, (nh_span_t){bytes + used + 2, 2});
        if (rc < 0)
            return rc;
        used += 4;
    }
    return (int)used;
}

static int parse(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const uint8_t *bytes, size_t len)
{
    while (len && c->state != NH_MQTT__CONN_ENDED) {
        struct nh_mqtt__head head = {0};
        if (nh_mqtt__is_waiting(c))
            return nh_mqtt__auth_keep(b, c, bytes, len);
        if (c->state == NH_MQTT__CONN_ONLINE && is_plain_ack(bytes, len)) {
            int used = take_acks(b, c, bytes, len);
            if (used < 0)
                return used;
            bytes += used;
            len -= (size_t)used;
            continue;
        }
        int n = read_head(b, c, bytes, len, &head);
        if (n < 0)
            return n;
        size_t packet_len = n ? (size_t)n + head.body_len : 0;
        if (n == 0 || packet_len > len)
            return gather_start(b, c, bytes, len, packet_len);
        int rc = on_packet(b, c, &head, bytes, NULL);
        if (rc < 0)
            return rc;
        bytes += packet_len;
        len -= packet_len;
    }
    return NH_OK;
}

static const char *reason_text(const nh_mqtt_conn_t *c, int rc)
{
    if (rc == NH_ERR_PROTO && c->state == NH_MQTT__CONN_NEW && c->version == 0)
        return "its first packet is no CONNECT";
    switch (rc) {
    case NH_ERR_TOO_LONG:
        return "packet too large";
    case NH_ERR_SYNTAX:
    case NH_ERR_RANGE:
        return "malformed packet";
    case NH_ERR_DENIED:
        return "not authorized";
    case NH_ERR_NOMEM:
        return "out of memory";
    case NH_ERR_FULL:
        return "does not read its acknowledgements, or does not wait for its CONNACK";
    default:
        return "protocol error";
    }
}

int nh_mqtt__feed(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const uint8_t *bytes, size_t len)
{
    int rc = NH_OK;
    while (c->gather && len && rc >= 0) {
        rc = gather_more(b, c, bytes, len);
        bytes += rc > 0 ? rc : 0;
        len -= rc > 0 ? (size_t)rc : 0;
    }
    return rc < 0 ? rc : parse(b, c, bytes, len);
}

void nh_mqtt__fed(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, int rc, uint64_t from_messages_in)
{
    nh_mqtt__run_flush(b);
    if (rc < 0 && c->state != NH_MQTT__CONN_ENDED) {
        enum nh_mqtt_reason code = b->reason ? b->reason : (uint8_t)nh_mqtt__reason_of(rc);
        const char *text = b->reason ? nh_mqtt_reason_text(code) : reason_text(c, rc);
        if (rc != NH_ERR_NOMEM)
            nh_mqtt__tell_fault(b, c, text);
        b->info.protocol_errors += rc != NH_ERR_NOMEM && rc != NH_ERR_DENIED;
        nh_mqtt__conn_end(b, c, text, NH_MQTT_CLIENT_DISCONNECTED, code);
    }
    b->reason = 0;
    nh_mqtt__rate_charge(b, c, c->messages_in - from_messages_in);
    nh_mqtt__local_settle(b);
}

int nh_mqtt_broker_input(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, const uint8_t *bytes, size_t len,
                         uint64_t now_ms)
{
    nh_mqtt__clock(b, now_ms);
    if (c->state == NH_MQTT__CONN_ENDED)
        return NH_ERR_CLOSED;
    b->is_turn = true;
    b->info.bytes_in += len;
    c->bytes_in += len;
    uint64_t messages = c->messages_in;
    int rc = nh_mqtt__feed(b, c, bytes, len);
    nh_mqtt__fed(b, c, rc, messages);
    // The caller need not tell a malformed packet from a protocol error.
    bool is_fault = rc == NH_ERR_SYNTAX || rc == NH_ERR_RANGE;
    return is_fault ? NH_ERR_PROTO : rc < 0 ? rc : NH_OK;
}
