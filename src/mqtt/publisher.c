#include "mqtt/publisher.h"

#include "mqtt/packet.h"

#include <string.h>

#define ANSWER_MAX_BYTES 16 // what of a packet is looked at at least: a CONNACK, a SUBACK
#define FILTER_MAX_COUNT 8
#define SUBSCRIBE_ID 1 // of a packet; those of messages come behind it

struct nh_mqtt_publisher {
    struct nh_mqtt_publisher_config cfg; // its texts are those below
    char client_id[NH_MQTT_PUBLISHER_TEXT_MAX + 1];
    char user[NH_MQTT_PUBLISHER_TEXT_MAX + 1], password[NH_MQTT_PUBLISHER_TEXT_MAX + 1];
    char will_topic[NH_MQTT_PUBLISHER_TEXT_MAX + 1], will_payload[NH_MQTT_PUBLISHER_TEXT_MAX + 1];
    struct nh_mqtt_publisher_info info;
    uint64_t now_ms, at_ms; // the next attempt, or the end of waiting for CONNACK
    uint64_t last_in_ms, last_out_ms, pinged_ms, online_ms;
    uint32_t backoff_ms, random;
    uint16_t packet_id; // of the last message at QoS 1
    bool is_pinged, is_stopped, was_online;
    // The packet that is coming in: its head, then what of its body is kept.
    uint8_t head[NH_MQTT__HEAD_MAX];
    uint32_t head_len, body_len, body_at;
    bool has_head;
    uint8_t type, flags;
    uint32_t body_max_bytes;
    uint8_t *body; // body_max_bytes, behind `out`
    size_t out_len, out_sent;
    uint8_t out[]; // cfg.output_max_bytes
};

static nh_span_t text_span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

// ---- states -------------------------------------------------------------------------------------

static void enter(nh_mqtt_publisher_t *c, enum nh_mqtt_publisher_state state, const char *reason)
{
    c->info.state = state;
    c->info.reason = reason;
    c->info.since_ms = c->now_ms;
}

static bool is_open(const nh_mqtt_publisher_t *c)
{
    return c->info.state == NH_MQTT_PUBLISHER_GREETING || c->info.state == NH_MQTT_PUBLISHER_ONLINE;
}

static void fail(nh_mqtt_publisher_t *c, const char *reason)
{
    if (c->info.state == NH_MQTT_PUBLISHER_LEAVING || c->info.state == NH_MQTT_PUBLISHER_WAITING)
        return;
    c->at_ms = NH_NEVER;
    enter(c, NH_MQTT_PUBLISHER_LEAVING, reason);
    c->cfg.hang_up(c->cfg.ctx);
}

// Written through a volatile pointer, or the compiler leaves it out as unused.
static void wipe(void *bytes, size_t len)
{
    for (volatile uint8_t *p = bytes, *end = p + len; p < end; p++)
        *p = 0;
}

// CONNECT has the password: none of it stays behind what was sent or given up.
static void forget_output(nh_mqtt_publisher_t *c)
{
    wipe(c->out, c->out_len);
    c->out_len = c->out_sent = 0;
}

// ---- attempts -----------------------------------------------------------------------------------

// Half of the time is fixed, half is drawn: devices that lost the same broker do not come back to
// it all at once.
static uint32_t next_wait(nh_mqtt_publisher_t *c)
{
    uint32_t half = c->backoff_ms / 2, max = c->cfg.backoff_max_ms;
    c->random = c->random * 1664525u + 1013904223u;
    uint32_t wait = half + (uint32_t)((uint64_t)c->random * (half + 1) >> 32);
    c->backoff_ms = c->backoff_ms > max / 2 ? max : 2 * c->backoff_ms;
    return wait;
}

static uint32_t schedule(nh_mqtt_publisher_t *c)
{
    // A connection that held for as long as the wait before it was a good one.
    if (c->was_online && c->now_ms - c->online_ms >= c->backoff_ms)
        c->backoff_ms = c->cfg.backoff_min_ms;
    uint32_t wait = c->is_stopped ? 0 : next_wait(c);
    c->at_ms = c->info.next_ms = c->is_stopped ? NH_NEVER : nh_ms_after(c->now_ms, wait);
    return wait;
}

void nh_mqtt_publisher_closed(nh_mqtt_publisher_t *c, const char *reason, uint64_t now_ms)
{
    c->now_ms = now_ms;
    if (c->info.state == NH_MQTT_PUBLISHER_WAITING)
        return;
    bool knows_why = c->info.state == NH_MQTT_PUBLISHER_LEAVING;
    c->info.failures += !c->is_stopped;
    uint32_t wait_ms = schedule(c);
    c->was_online = false;
    forget_output(c);
    enter(c, NH_MQTT_PUBLISHER_WAITING, knows_why ? c->info.reason : reason);
    if (c->cfg.offline)
        c->cfg.offline(c->cfg.ctx, c->info.reason, wait_ms);
}

// ---- out ----------------------------------------------------------------------------------------

static size_t room_of(const nh_mqtt_publisher_t *c)
{
    return c->cfg.output_max_bytes - (c->out_len - c->out_sent);
}

// Moves what waits to the front, so that there is as much room as was told.
static void compact(nh_mqtt_publisher_t *c)
{
    memmove(c->out, c->out + c->out_sent, c->out_len - c->out_sent);
    c->out_len -= c->out_sent;
    c->out_sent = 0;
}

static void added(nh_mqtt_publisher_t *c, size_t len)
{
    c->out_len += len;
    c->last_out_ms = c->now_ms;
    c->cfg.dirty(c->cfg.ctx);
}

static void put(nh_mqtt_publisher_t *c, uint8_t first)
{
    if (room_of(c) < 2)
        return; // what waits there says as much to the other side
    compact(c);
    c->out[c->out_len] = first;
    c->out[c->out_len + 1] = 0;
    added(c, 2);
}

static int encode_connect(const nh_mqtt_publisher_t *c, uint8_t *out, size_t cap)
{
    const struct nh_mqtt__connect k = {
        .client_id = text_span(c->client_id),
        .keepalive_s = c->cfg.keepalive_s,
        .level = 4,
        .is_clean = true,
        .has_user = c->user[0],
        .has_password = c->password[0],
        .has_will = c->will_topic[0],
        .will_retain = c->will_topic[0],
        .will_topic = text_span(c->will_topic),
        .will_payload = text_span(c->will_payload),
        .user = text_span(c->user),
        .password = text_span(c->password),
    };
    return nh_mqtt__connect_encode(&k, out, cap);
}

// The one SUBSCRIBE, which takes no acknowledged message after it [MQTT-3.8.4-1].
static int encode_subscribe(const nh_mqtt_publisher_t *c, uint8_t *out, size_t cap)
{
    struct nh_mqtt__subscription subs[FILTER_MAX_COUNT] = {0};
    const struct nh_mqtt__subscribe k = {
        .version = 4, .type = NH_MQTT__SUBSCRIBE, .packet_id = SUBSCRIBE_ID};
    size_t count = 0;
    for (; c->cfg.filters && c->cfg.filters[count]; count++) {
        if (count == FILTER_MAX_COUNT)
            return NH_ERR_TOO_LONG;
        subs[count].filter = text_span(c->cfg.filters[count]);
    }
    return count ? nh_mqtt__subscribe_encode(&k, subs, count, out, cap) : 0;
}

static void subscribe(nh_mqtt_publisher_t *c)
{
    compact(c);
    size_t room = room_of(c);
    int len = encode_subscribe(c, c->out + c->out_len, room);
    if (len > 0 && (size_t)len > room)
        fail(c, "the broker broke the protocol"); // an answer before it can have had CONNECT
    else if (len > 0)
        added(c, (size_t)len);
}

void nh_mqtt_publisher_opened(nh_mqtt_publisher_t *c, uint64_t now_ms)
{
    c->now_ms = now_ms;
    if (c->info.state != NH_MQTT_PUBLISHER_DIALING)
        return;
    c->at_ms = nh_ms_after(now_ms, c->cfg.answer_timeout_ms);
    c->last_in_ms = now_ms;
    c->is_pinged = c->has_head = false;
    c->head_len = c->out_sent = c->out_len = 0;
    enter(c, NH_MQTT_PUBLISHER_GREETING, "waiting for an answer");
    int len = encode_connect(c, c->out, c->cfg.output_max_bytes);
    NH_ASSERT(len > 0 && (size_t)len <= c->cfg.output_max_bytes); // create() has tried it
    added(c, (size_t)len);
}

static int say(nh_mqtt_publisher_t *c, const struct nh_mqtt__publish_head *k)
{
    const nh_span_t payload = k->payload;
    if (c->info.state != NH_MQTT_PUBLISHER_ONLINE)
        return NH_ERR_CLOSED;
    int head = nh_mqtt__publish_encode(4, k, NULL, 0);
    if (head < 0 || (size_t)head + payload.len > c->cfg.output_max_bytes)
        return NH_ERR_TOO_LONG;
    if ((size_t)head + payload.len > room_of(c))
        return NH_ERR_FULL;
    compact(c);
    uint8_t *at = c->out + c->out_len;
    head = nh_mqtt__publish_encode(4, k, at, c->cfg.output_max_bytes - c->out_len);
    if (payload.len)
        memcpy(at + head, payload.ptr, payload.len);
    c->info.messages++;
    added(c, (size_t)head + payload.len);
    return NH_OK;
}

int nh_mqtt_publisher_publish(nh_mqtt_publisher_t *c, nh_span_t topic, nh_span_t payload,
                              bool retain, uint64_t now_ms)
{
    const struct nh_mqtt__publish_head k = {.topic = topic, .payload = payload, .retain = retain};
    c->now_ms = now_ms;
    return say(c, &k);
}

int nh_mqtt_publisher_publish_confirmed(nh_mqtt_publisher_t *c, nh_span_t topic, nh_span_t payload,
                                        bool retain, uint64_t now_ms, uint16_t *packet_id)
{
    const uint16_t last = c->packet_id < SUBSCRIBE_ID ? SUBSCRIBE_ID : c->packet_id;
    const struct nh_mqtt__publish_head k = {
        .topic = topic,
        .payload = payload,
        .retain = retain,
        .qos = 1,
        .packet_id = (uint16_t)(last == UINT16_MAX ? SUBSCRIBE_ID + 1 : last + 1)};
    c->now_ms = now_ms;
    int err = say(c, &k);
    if (err == 0)
        *packet_id = c->packet_id = k.packet_id;
    return err;
}

nh_span_t nh_mqtt_publisher_output(const nh_mqtt_publisher_t *c)
{
    return (nh_span_t){c->out + c->out_sent, c->out_len - c->out_sent};
}

void nh_mqtt_publisher_sent(nh_mqtt_publisher_t *c, size_t bytes, uint64_t now_ms)
{
    c->now_ms = now_ms;
    c->info.bytes_out += bytes;
    c->out_sent += bytes;
    if (c->out_sent == c->out_len && c->info.state == NH_MQTT_PUBLISHER_GREETING)
        forget_output(c);
    if (c->out_sent == c->out_len && c->info.state == NH_MQTT_PUBLISHER_ONLINE && c->cfg.room)
        c->cfg.room(c->cfg.ctx);
}

void nh_mqtt_publisher_stop(nh_mqtt_publisher_t *c, uint64_t now_ms)
{
    c->now_ms = now_ms;
    c->is_stopped = true;
    if (c->info.state == NH_MQTT_PUBLISHER_WAITING)
        c->at_ms = c->info.next_ms = NH_NEVER;
    if (c->info.state == NH_MQTT_PUBLISHER_ONLINE)
        put(c, NH_MQTT__DISCONNECT << 4);
    fail(c, "stopped");
}

// ---- in -----------------------------------------------------------------------------------------

// Why the broker said no [MQTT-3.2.2-5].
static const char *refusal_text(uint8_t code)
{
    static const char *const texts[] = {"",
                                        "it does not take MQTT 3.1.1",
                                        "it does not take the client id",
                                        "it is not available",
                                        "it does not take user name or password",
                                        "not authorized"};
    return code < NH_ARRAY_LEN(texts) ? texts[code] : "it said no";
}

static void on_connack(nh_mqtt_publisher_t *c)
{
    if (c->body_len != 2) {
        fail(c, "the broker broke the protocol");
    } else if (c->body[1]) {
        fail(c, refusal_text(c->body[1]));
    } else {
        c->at_ms = NH_NEVER;
        c->was_online = true;
        c->online_ms = c->now_ms;
        c->info.connects++;
        enter(c, NH_MQTT_PUBLISHER_ONLINE, "connected");
        subscribe(c);
        if (c->cfg.online && c->info.state == NH_MQTT_PUBLISHER_ONLINE)
            c->cfg.online(c->cfg.ctx);
    }
}

static void on_suback(nh_mqtt_publisher_t *c)
{
    struct nh_mqtt__suback k;
    if (nh_mqtt__suback_decode(4, NH_MQTT__SUBACK, (nh_span_t){c->body, c->body_len}, &k) < 0) {
        fail(c, "the broker broke the protocol");
        return;
    }
    for (size_t i = 0; i < k.codes.len; i++)
        c->info.refused_subscriptions += k.codes.ptr[i] > 2;
}

static void on_publish(nh_mqtt_publisher_t *c)
{
    struct nh_mqtt__publish_head k;
    const nh_span_t body = {c->body, c->body_len};
    if (c->body_len > c->body_max_bytes) {
        c->info.dropped_long++;
    } else if (nh_mqtt__publish_decode(4, NH_MQTT__FROM_SERVER, c->flags, body, &k) < 0 ||
               k.qos > 0) { // no more was asked for [MQTT-3.8.4-6]
        fail(c, "the broker broke the protocol");
    } else {
        c->info.heard++;
        c->cfg.message(c->cfg.ctx, k.topic, k.payload, k.retain);
    }
}

static void on_puback(nh_mqtt_publisher_t *c)
{
    struct nh_mqtt__ack k;
    const nh_span_t body = {c->body, c->body_len};
    if (c->body_len > c->body_max_bytes || nh_mqtt__ack_decode(4, NH_MQTT__PUBACK, body, &k) < 0)
        fail(c, "the broker broke the protocol");
    else
        c->cfg.confirmed(c->cfg.ctx, k.packet_id);
}

static void on_packet(nh_mqtt_publisher_t *c)
{
    bool is_connack = c->type == NH_MQTT__CONNACK;
    // It comes first, and once [MQTT-3.2.0-1].
    if (is_connack != (c->info.state == NH_MQTT_PUBLISHER_GREETING))
        fail(c, "the broker broke the protocol");
    else if (is_connack)
        on_connack(c);
    else if (c->type == NH_MQTT__PINGRESP)
        c->is_pinged = false;
    else if (c->type == NH_MQTT__SUBACK && c->cfg.filters && c->body_len <= c->body_max_bytes)
        on_suback(c);
    else if (c->type == NH_MQTT__PUBLISH && c->cfg.filters)
        on_publish(c);
    else if (c->type == NH_MQTT__PUBACK && c->cfg.confirmed)
        on_puback(c);
    // Anything else was not asked for and does no harm.
}

// Takes one byte of a head; false: it is none.
static bool take_head(nh_mqtt_publisher_t *c, uint8_t byte)
{
    struct nh_mqtt__head head;
    c->head[c->head_len++] = byte;
    int rc = nh_mqtt__head_decode(c->head, c->head_len, NH_MQTT__FROM_SERVER, &head);
    if (rc < 0)
        return false;
    c->has_head = rc > 0;
    if (c->has_head) {
        c->type = head.type;
        c->flags = head.flags;
        c->body_len = head.body_len;
        c->body_at = 0;
    }
    return true;
}

static size_t take_body(nh_mqtt_publisher_t *c, const uint8_t *bytes, size_t len)
{
    if (len > c->body_len - c->body_at)
        len = c->body_len - c->body_at;
    size_t room = c->body_at < c->body_max_bytes ? c->body_max_bytes - c->body_at : 0;
    if (len && room)
        memcpy(c->body + c->body_at, bytes, len < room ? len : room);
    c->body_at += (uint32_t)len;
    return len;
}

void nh_mqtt_publisher_input(nh_mqtt_publisher_t *c, const uint8_t *bytes, size_t len,
                             uint64_t now_ms)
{
    c->now_ms = c->last_in_ms = now_ms;
    c->info.bytes_in += len;
    while (len > 0 && is_open(c)) {
        size_t taken = 1;
        if (c->has_head)
            taken = take_body(c, bytes, len);
        else if (!take_head(c, *bytes))
            fail(c, "the broker broke the protocol");
        bytes += taken;
        len -= taken;
        if (c->has_head && c->body_at == c->body_len) {
            c->has_head = false;
            c->head_len = 0;
            on_packet(c);
        }
    }
}

// ---- time ---------------------------------------------------------------------------------------

static uint64_t ping_at(const nh_mqtt_publisher_t *c)
{
    if (c->is_pinged)
        return nh_ms_after(c->pinged_ms, c->cfg.answer_timeout_ms);
    // Who writes without hearing anything asks as well: it may write to nobody.
    uint64_t last = c->last_in_ms < c->last_out_ms ? c->last_in_ms : c->last_out_ms;
    return nh_ms_after(last, 1000u * (uint64_t)c->cfg.keepalive_s);
}

uint64_t nh_mqtt_publisher_next_deadline(const nh_mqtt_publisher_t *c)
{
    return c->info.state == NH_MQTT_PUBLISHER_ONLINE ? ping_at(c) : c->at_ms;
}

static void ping(nh_mqtt_publisher_t *c)
{
    c->is_pinged = true;
    c->pinged_ms = c->now_ms;
    put(c, NH_MQTT__PINGREQ << 4);
}

void nh_mqtt_publisher_tick(nh_mqtt_publisher_t *c, uint64_t now_ms)
{
    c->now_ms = now_ms;
    if (now_ms < nh_mqtt_publisher_next_deadline(c))
        return;
    if (c->info.state == NH_MQTT_PUBLISHER_WAITING) {
        c->at_ms = NH_NEVER; // the port's own time-out
        enter(c, NH_MQTT_PUBLISHER_DIALING, "dialing");
        c->cfg.dial(c->cfg.ctx);
    } else if (c->info.state == NH_MQTT_PUBLISHER_GREETING) {
        fail(c, "no answer to CONNECT");
    } else if (c->is_pinged) {
        fail(c, "no answer to a ping");
    } else {
        ping(c);
    }
}

void nh_mqtt_publisher_info(const nh_mqtt_publisher_t *c, struct nh_mqtt_publisher_info *out)
{
    *out = c->info;
}

// ---- life ---------------------------------------------------------------------------------------

static void set_defaults(struct nh_mqtt_publisher_config *c)
{
#define DEFAULT(field, value) c->field = c->field ? c->field : (value)
    DEFAULT(keepalive_s, 60);
    DEFAULT(output_max_bytes, 4096);
    DEFAULT(backoff_min_ms, 1000);
    DEFAULT(backoff_max_ms, 60000);
    DEFAULT(answer_timeout_ms, 10000);
    DEFAULT(input_max_bytes, 512);
#undef DEFAULT
    if (c->backoff_max_ms < c->backoff_min_ms)
        c->backoff_max_ms = c->backoff_min_ms;
}

static int copy(char *out, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if (len > NH_MQTT_PUBLISHER_TEXT_MAX)
        return NH_ERR_TOO_LONG;
    if (len)
        memcpy(out, text, len);
    return NH_OK;
}

static int copy_texts(nh_mqtt_publisher_t *c, const struct nh_mqtt_publisher_config *cfg)
{
    int err = copy(c->client_id, cfg->client_id);
    if (err == 0)
        err = copy(c->user, cfg->user);
    if (err == 0)
        err = copy(c->password, cfg->password);
    if (err == 0)
        err = copy(c->will_topic, cfg->will_topic);
    if (err == 0)
        err = copy(c->will_payload, cfg->will_payload);
    if (err < 0)
        return err;
    if (!c->client_id[0] || (c->password[0] && !c->user[0])) // [MQTT-3.1.2-22]
        return NH_ERR_INVAL;
    if (cfg->filters && !cfg->message)
        return NH_ERR_INVAL;
    int len = encode_connect(c, NULL, 0), subscribe_len = encode_subscribe(c, NULL, 0);
    if (len < 0 || subscribe_len < 0)
        return len < 0 ? len : subscribe_len;
    size_t most = (size_t)(len > subscribe_len ? len : subscribe_len);
    return most > c->cfg.output_max_bytes ? NH_ERR_TOO_LONG : NH_OK;
}

int nh_mqtt_publisher_create(const struct nh_mqtt_publisher_config *cfg, nh_mqtt_publisher_t **out)
{
    struct nh_mqtt_publisher_config own = *cfg;
    set_defaults(&own);
    *out = NULL;
    uint32_t body = own.filters && own.input_max_bytes > ANSWER_MAX_BYTES ? own.input_max_bytes
                                                                          : ANSWER_MAX_BYTES;
    nh_mqtt_publisher_t *c =
        nh_mem_alloc_zero(cfg->mem, sizeof *c + own.output_max_bytes + body, NH_MEM_BULK);
    if (!c)
        return NH_ERR_NOMEM;
    c->cfg = own;
    c->body = c->out + own.output_max_bytes;
    c->body_max_bytes = body;
    c->backoff_ms = own.backoff_min_ms;
    c->random = cfg->seed;
    c->info.reason = "not tried yet";
    int err = copy_texts(c, cfg);
    if (err < 0) {
        nh_mqtt_publisher_destroy(c);
        return err;
    }
    *out = c;
    return NH_OK;
}

void nh_mqtt_publisher_destroy(nh_mqtt_publisher_t *c)
{
    if (!c)
        return;
    nh_mem_t *mem = c->cfg.mem;
    wipe(c->password, sizeof c->password);
    forget_output(c);
    nh_mem_free(mem, c);
}
