// mqtt_client.h - virtual clients around a live broker engine, for tests.
//
// A world holds a memory system, a broker and a few clients. Clients say things in calls and what
// they hear is read back as text: "connack 0 0; publish a/b hi q1 #1". Bytes are given to the
// engine whole or one by one (`world.chunk`), from a buffer that is spoiled after each turn.
// Include <cmocka.h> and what it needs before this.

#ifndef NH_TEST_MQTT_CLIENT_H
#define NH_TEST_MQTT_CLIENT_H

#include "mqtt/broker.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORLD_CLIENTS 6
#define WORLD_TEXT_BYTES 2048

struct client {
    struct world *world;
    nh_mqtt_conn_t *conn; // NULL: closed
    uint8_t rx[6000];
    size_t rx_len;
    size_t read_max; // bytes taken each turn; SIZE_MAX: all
    bool is_dirty, is_paused;
    int last_rc; // of input()
    uint16_t next_id;
    unsigned version; // 5: speaks 5.0; else 3.1.1
};

struct bytes { // properties as they are written, without their length
    const char *ptr;
    size_t len;
};
#define NO_PROPS ((struct bytes){"", 0})
#define PROPS(text) ((struct bytes){text, sizeof(text) - 1})

struct world {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_mqtt_broker_t *broker;
    struct client clients[WORLD_CLIENTS];
    uint64_t now_ms;
    size_t chunk; // bytes given at once; 0: whole
    char events[WORLD_TEXT_BYTES], text[WORLD_TEXT_BYTES];
    char fault[64]; // of the last client that was at fault
    bool no_check;  // _check() costs time where a test is long
};

static _Alignas(16) uint8_t world_internal[24 * 1024];
static _Alignas(16) uint8_t world_psram[152 * 1024];
static uint8_t world_turn[8192]; // the listener's receive buffer

static NH_PRINTF(3, 4) void text_add(char *text, size_t cap, const char *fmt, ...)
{
    size_t at = strlen(text);
    va_list args;
    va_start(args, fmt);
    vsnprintf(text + at, cap - at, fmt, args);
    va_end(args);
}

// ---- what the engine calls ----------------------------------------------------------------------

static void world_dirty(void *ctx, nh_mqtt_conn_t *c, void *user)
{
    (void)ctx;
    (void)c;
    ((struct client *)user)->is_dirty = true;
}

static NH_UNUSED void world_pause(void *ctx, nh_mqtt_conn_t *c, void *user, bool paused)
{
    (void)ctx;
    (void)c;
    ((struct client *)user)->is_paused = paused;
}

static void world_event(void *ctx, const struct nh_mqtt_event *e)
{
    static const char *const names[] = {"connected", "refused",      "disconnected", "taken over",
                                        "dropped",   "store failed", "store full",   "store works",
                                        "damaged",   "denied",       "fault",        "queue full"};
    struct world *w = ctx;
    if (e->kind == NH_MQTT_CLIENT_FAULT) { // told beside what becomes of it
        snprintf(w->fault, sizeof w->fault, "%s: %s", e->client_id ? e->client_id : "", e->reason);
        assert_non_null(e->user);
        return;
    }
    text_add(w->events, sizeof w->events, "%s%s %s", w->events[0] ? "; " : "", names[e->kind],
             e->client_id ? e->client_id : e->reason);
}

// ---- the world ----------------------------------------------------------------------------------

static void world_init(struct world *w, const struct nh_mqtt_broker_config *cfg)
{
    struct nh_mem_system_config mem = {
        .region = {{world_internal, sizeof world_internal}, {world_psram, sizeof world_psram}}};
    memset(w, 0, sizeof *w);
    w->now_ms = 1000;
    assert_int_equal(nh_mem_system_create(&mem, &w->sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(w->sys, "mqtt", NULL, &w->mem), NH_OK);
    struct nh_mqtt_broker_config full = cfg ? *cfg : (struct nh_mqtt_broker_config){0};
    full.mem = w->mem;
    full.ctx = w;
    full.event = world_event;
    full.dirty = world_dirty;
    int rc = nh_mqtt_broker_create(&full, &w->broker);
    assert_int_equal(rc, NH_OK);
    for (size_t i = 0; i < WORLD_CLIENTS; i++)
        w->clients[i] = (struct client){.world = w, .read_max = SIZE_MAX};
}

static size_t world_mem_bytes(struct world *w)
{
    struct nh_mem_owner_info info;
    size_t bytes = 0;
    for (size_t i = 0; nh_mem_owner_info(w->sys, i, &info) == NH_OK; i++)
        if (strcmp(info.name, "mqtt") == 0)
            bytes = info.tier[0].current_bytes + info.tier[1].current_bytes;
    return bytes;
}

static NH_UNUSED uint64_t world_alloc_count(struct world *w)
{
    struct nh_mem_owner_info info;
    uint64_t count = 0;
    for (size_t i = 0; nh_mem_owner_info(w->sys, i, &info) == NH_OK; i++)
        if (strcmp(info.name, "mqtt") == 0)
            count = info.tier[0].alloc_count + info.tier[1].alloc_count;
    return count;
}

static void world_deinit(struct world *w)
{
    nh_mem_fault_set(w->sys, NULL);
    nh_mqtt_broker_destroy(w->broker);
    assert_int_equal(world_mem_bytes(w), 0);
    assert_int_equal(nh_mem_check(w->sys), NH_OK);
    assert_int_equal(nh_mem_system_destroy(w->sys, NULL, NULL), 0);
}

static void world_check(struct world *w)
{
    if (!w->no_check)
        assert_int_equal(nh_mqtt_broker_check(w->broker), NH_OK);
}

static void client_close(struct client *c)
{
    nh_mqtt_conn_t *conn = c->conn;
    c->conn = NULL;
    c->is_dirty = c->is_paused = false;
    if (conn)
        nh_mqtt_broker_close(c->world->broker, conn, c->world->now_ms);
}

// Takes what the engine has for the client, up to its read_max; few spans at once.
static void client_drain(struct client *c)
{
    struct nh_mqtt_span spans[3];
    size_t left = c->read_max, n;
    while (left && (n = nh_mqtt_broker_output(c->world->broker, c->conn, spans, 3)) > 0) {
        size_t sent = 0;
        for (size_t i = 0; i < n; i++) {
            size_t len = spans[i].len < left - sent ? spans[i].len : left - sent;
            assert_true(spans[i].len > 0);
            if (c->rx_len + len > sizeof c->rx)
                fail_msg("a client heard more than its buffer holds");
            memcpy(c->rx + c->rx_len, spans[i].ptr, len);
            c->rx_len += len;
            sent += len;
        }
        left -= sent;
        nh_mqtt_broker_sent(c->world->broker, c->conn, sent, c->world->now_ms);
    }
}

// What a listener does at the end of each turn.
static void world_turn_end(struct world *w)
{
    for (int again = 1; again;) {
        again = 0;
        for (size_t i = 0; i < WORLD_CLIENTS; i++) {
            struct client *c = &w->clients[i];
            if (!c->conn || !c->is_dirty)
                continue;
            c->is_dirty = false;
            client_drain(c);
            again |= c->is_dirty && c->read_max == SIZE_MAX;
        }
    }
    nh_mqtt_broker_turn_end(w->broker);
    memset(world_turn, 0xDD, sizeof world_turn); // nothing may still lie there
    for (size_t i = 0; i < WORLD_CLIENTS; i++)
        if (w->clients[i].conn && nh_mqtt_conn_wants_close(w->clients[i].conn))
            client_close(&w->clients[i]);
    world_check(w);
}

static NH_UNUSED void world_tick(struct world *w, uint64_t now_ms)
{
    w->now_ms = now_ms;
    nh_mqtt_broker_tick(w->broker, now_ms);
    world_turn_end(w);
}

static NH_UNUSED const char *world_events(struct world *w)
{
    memcpy(w->text, w->events, sizeof w->text);
    w->events[0] = '\0';
    return w->text;
}

// ---- a client speaks ----------------------------------------------------------------------------

static int client_open(struct client *c)
{
    c->rx_len = 0;
    c->last_rc = NH_OK;
    c->next_id = 0;
    c->version = 4;
    return nh_mqtt_broker_open(c->world->broker, c, c->world->now_ms, &c->conn);
}

// Reads again as fast as it can, outside a turn, as a socket that became writable.
static NH_UNUSED void client_catch_up(struct client *c)
{
    c->read_max = SIZE_MAX;
    if (c->conn)
        client_drain(c);
    world_turn_end(c->world);
}

static int client_send(struct client *c, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    struct world *w = c->world;
    size_t chunk = w->chunk ? w->chunk : len;
    c->last_rc = NH_OK;
    for (size_t n; len && c->conn && c->last_rc == NH_OK; len -= n, p += n) {
        n = len < chunk ? len : chunk;
        n = n < sizeof world_turn ? n : sizeof world_turn;
        // At the end of the buffer, so that a byte too far is seen by the sanitizer.
        uint8_t *at = world_turn + sizeof world_turn - n;
        memcpy(at, p, n);
        c->last_rc = nh_mqtt_broker_input(w->broker, c->conn, at, n, w->now_ms);
        world_turn_end(w);
    }
    return c->last_rc;
}

struct packet {
    uint8_t bytes[4200];
    size_t len;
};

static struct packet world_packet; // the one being built: too large for a chip's stack

static struct packet *packet_begin(void)
{
    world_packet.len = 0;
    return &world_packet;
}

static void put_u8(struct packet *p, unsigned v)
{
    p->bytes[p->len++] = (uint8_t)v;
}

static void put_u16(struct packet *p, unsigned v)
{
    put_u8(p, v >> 8);
    put_u8(p, v & 255);
}

static void put_text(struct packet *p, const char *text)
{
    size_t len = strlen(text);
    put_u16(p, (unsigned)len);
    memcpy(p->bytes + p->len, text, len);
    p->len += len;
}

static void put_bytes(struct packet *p, struct bytes b)
{
    if (b.len)
        memcpy(p->bytes + p->len, b.ptr, b.len);
    p->len += b.len;
}

static void put_props(struct packet *p, unsigned version, struct bytes props)
{
    if (version != 5)
        return;
    if (props.len > 127)
        put_u8(p, (unsigned)(props.len & 127) | 128);
    put_u8(p, (unsigned)(props.len > 127 ? props.len >> 7 : props.len));
    put_bytes(p, props);
}

// Puts a fixed header before the body that was built.
static void packet_close(struct packet *p, unsigned first)
{
    uint8_t head[5];
    size_t n = 0, body = p->len;
    head[n++] = (uint8_t)first;
    do {
        head[n++] = (uint8_t)((body & 127) | (body > 127 ? 128 : 0));
        body >>= 7;
    } while (body);
    memmove(p->bytes + n, p->bytes, p->len);
    memcpy(p->bytes, head, n);
    p->len += n;
}

struct connect {
    const char *id, *will_topic, *will_payload, *user, *password;
    unsigned will_qos, keepalive_s;
    bool is_kept, will_retain;
    unsigned version; // 5; else 4
    struct bytes props, will_props;
};

static NH_UNUSED const struct packet *packet_connect(const struct connect *k)
{
    struct packet *p = packet_begin();
    put_text(p, "MQTT");
    put_u8(p, k->version == 5 ? 5 : 4);
    put_u8(p, (k->is_kept ? 0 : 2u) | (k->will_topic ? 4u | k->will_qos << 3 : 0) |
                  (k->will_retain ? 32u : 0) | (k->password ? 64u : 0) | (k->user ? 128u : 0));
    put_u16(p, k->keepalive_s);
    put_props(p, k->version, k->props);
    put_text(p, k->id ? k->id : "");
    if (k->will_topic) {
        put_props(p, k->version, k->will_props);
        put_text(p, k->will_topic);
        put_text(p, k->will_payload ? k->will_payload : "");
    }
    if (k->user)
        put_text(p, k->user);
    if (k->password)
        put_text(p, k->password);
    packet_close(p, 0x10);
    return p;
}

struct publish {
    const char *topic, *payload;
    unsigned qos, id;
    bool retain, dup;
    unsigned version; // 5; else 4
    struct bytes props;
};

static NH_UNUSED const struct packet *packet_publish(const struct publish *k)
{
    struct packet *p = packet_begin();
    put_text(p, k->topic);
    if (k->qos)
        put_u16(p, k->id);
    put_props(p, k->version, k->props);
    size_t len = k->payload ? strlen(k->payload) : 0;
    memcpy(p->bytes + p->len, k->payload ? k->payload : "", len);
    p->len += len;
    packet_close(p, 0x30u | (k->dup ? 8u : 0) | k->qos << 1 | (k->retain ? 1u : 0));
    return p;
}

static int client_packet(struct client *c, const struct packet *p)
{
    return client_send(c, p->bytes, p->len);
}

static NH_UNUSED int client_connect_with(struct client *c, const struct connect *k)
{
    int rc = client_open(c);
    const struct packet *p = packet_connect(k);
    c->version = k->version == 5 ? 5 : 4;
    return rc < 0 ? rc : client_packet(c, p);
}

static NH_UNUSED int client_connect(struct client *c, const char *id, bool is_kept)
{
    return client_connect_with(c, &(struct connect){.id = id, .is_kept = is_kept});
}

// 5.0: clean start, with properties.
static NH_UNUSED int client_connect5(struct client *c, const char *id, struct bytes props)
{
    return client_connect_with(c, &(struct connect){.id = id, .version = 5, .props = props});
}

// The same without clean start.
static NH_UNUSED int client_resume5(struct client *c, const char *id, struct bytes props)
{
    return client_connect_with(
        c, &(struct connect){.id = id, .is_kept = true, .version = 5, .props = props});
}

static NH_UNUSED int client_publish_with(struct client *c, const struct publish *k)
{
    struct publish own = *k;
    own.version = c->version;
    const struct packet *p = packet_publish(&own);
    return client_packet(c, p);
}

static NH_UNUSED int client_publish5(struct client *c, const char *topic, const char *payload,
                                     unsigned qos, struct bytes props)
{
    return client_publish_with(c, &(struct publish){.topic = topic,
                                                    .payload = payload,
                                                    .qos = qos,
                                                    .id = qos ? ++c->next_id : 0,
                                                    .props = props});
}

static NH_UNUSED int client_publish(struct client *c, const char *topic, const char *payload,
                                    unsigned qos)
{
    return client_publish_with(
        c, &(struct publish){
               .topic = topic, .payload = payload, .qos = qos, .id = qos ? ++c->next_id : 0});
}

static NH_UNUSED int client_publish_id(struct client *c, const char *topic, const char *payload,
                                       unsigned qos, unsigned id)
{
    return client_publish_with(
        c, &(struct publish){.topic = topic, .payload = payload, .qos = qos, .id = id});
}

enum { NO_LOCAL = 4, AS_PUBLISHED = 8, SEND_NEW = 16, SEND_NONE = 32 }; // beside the QoS

static NH_UNUSED int client_subscribe5(struct client *c, const char *filter, unsigned options,
                                       struct bytes props)
{
    struct packet *p = packet_begin();
    put_u16(p, 7);
    put_props(p, c->version, props);
    put_text(p, filter);
    put_u8(p, options);
    packet_close(p, 0x82);
    return client_packet(c, p);
}

static NH_UNUSED int client_subscribe(struct client *c, const char *filter, unsigned qos)
{
    return client_subscribe5(c, filter, qos, NO_PROPS);
}

static NH_UNUSED int client_unsubscribe(struct client *c, const char *filter)
{
    struct packet *p = packet_begin();
    put_u16(p, 8);
    put_props(p, c->version, NO_PROPS);
    put_text(p, filter);
    packet_close(p, 0xA2);
    return client_packet(c, p);
}

// PUBACK 0x40, PUBREC 0x50, PUBREL 0x62, PUBCOMP 0x70
static NH_UNUSED int client_ack(struct client *c, unsigned first, unsigned id)
{
    const uint8_t bytes[] = {(uint8_t)first, 2, (uint8_t)(id >> 8), (uint8_t)id};
    return client_send(c, bytes, sizeof bytes);
}

static NH_UNUSED int client_ack5(struct client *c, unsigned first, unsigned id, unsigned code)
{
    const uint8_t bytes[] = {(uint8_t)first, 3, (uint8_t)(id >> 8), (uint8_t)id, (uint8_t)code};
    return client_send(c, bytes, sizeof bytes);
}

static NH_UNUSED int client_disconnect5(struct client *c, unsigned code, struct bytes props)
{
    struct packet *p = packet_begin();
    put_u8(p, code);
    put_props(p, 5, props);
    packet_close(p, 0xE0);
    return client_packet(c, p);
}

static NH_UNUSED int client_ping(struct client *c)
{
    return client_send(c, "\xC0\0", 2);
}

static NH_UNUSED int client_disconnect(struct client *c)
{
    return client_send(c, "\xE0\0", 2);
}

// ---- what a client heard ------------------------------------------------------------------------

// The properties at `at`, with their length in front, as " {name=value ...}"; nothing if there are
// none. Returns their end.
static size_t hear_props(char *text, size_t cap, const uint8_t *body, size_t at, size_t len)
{
    // b: byte, 2, 4: numbers, v: variable, s: text or data, p: pair
    static const struct {
        uint8_t id;
        char kind;
        const char *name;
    } known[] = {
        {0x01, 'b', "utf8"},     {0x02, '4', "expiry"}, {0x03, 's', "type"},
        {0x08, 's', "response"}, {0x09, 's', "data"},   {0x0B, 'v', "id"},
        {0x11, '4', "session"},  {0x12, 's', "client"}, {0x13, '2', "keepalive"},
        {0x15, 's', "method"},   {0x16, 's', "auth"},   {0x1A, 's', "info"},
        {0x1C, 's', "server"},   {0x1F, 's', "reason"}, {0x21, '2', "receive"},
        {0x22, '2', "aliases"},  {0x23, '2', "alias"},  {0x24, 'b', "qos"},
        {0x25, 'b', "retain"},   {0x26, 'p', "user"},   {0x27, '4', "packet"},
        {0x28, 'b', "wildcard"}, {0x29, 'b', "labels"}, {0x2A, 'b', "shared"},
    };
    size_t size = 0, shift = 0;
    do {
        assert_true(at < len);
        size |= (size_t)(body[at] & 127) << shift;
        shift += 7;
    } while (body[at++] & 128);
    size_t end = at + size;
    assert_true(end <= len);
    for (const char *sep = " {"; at < end; sep = " ") {
        size_t i = 0;
        unsigned long v = 0;
        while (i < NH_ARRAY_LEN(known) && known[i].id != body[at])
            i++;
        assert_true(i < NH_ARRAY_LEN(known));
        at++;
        text_add(text, cap, "%s%s=", sep, known[i].name);
        char kind = known[i].kind;
        size_t bytes = kind == 'b' ? 1 : kind == '2' ? 2 : kind == '4' ? 4 : 0;
        for (; bytes; bytes--)
            v = v << 8 | body[at++];
        for (shift = 0; kind == 'v'; shift += 7) {
            v |= (unsigned long)(body[at] & 127) << shift;
            if (!(body[at++] & 128))
                break;
        }
        for (int parts = kind == 'p' ? 2 : kind == 's'; parts; parts--) {
            size_t n = (size_t)body[at] << 8 | body[at + 1];
            text_add(text, cap, "%.*s%s", (int)n, (const char *)body + at + 2,
                     parts == 2 ? ":" : "");
            at += 2 + n;
        }
        if (kind != 's' && kind != 'p')
            text_add(text, cap, "%lu", v);
        assert_true(at <= end);
    }
    text_add(text, cap, "%s", size ? "}" : "");
    return end;
}

static void hear_publish(char *text, size_t cap, unsigned version, unsigned first,
                         const uint8_t *body, size_t len)
{
    char props[256] = "";
    size_t topic_len = (size_t)body[0] << 8 | body[1];
    unsigned qos = first >> 1 & 3, id = 0;
    size_t at = 2 + topic_len;
    if (qos) {
        id = (unsigned)body[at] << 8 | body[at + 1];
        at += 2;
    }
    if (version == 5)
        at = hear_props(props, sizeof props, body, at, len);
    assert_true(at <= len);
    size_t payload = len - at;
    text_add(text, cap, "publish %.*s ", (int)topic_len, (const char *)body + 2);
    if (payload > 32)
        text_add(text, cap, "(%u bytes)", (unsigned)payload);
    else
        text_add(text, cap, "%.*s", (int)payload, (const char *)body + at);
    text_add(text, cap, " q%u", qos);
    if (qos)
        text_add(text, cap, " #%u", id);
    text_add(text, cap, "%s%s%s", first & 8 ? " dup" : "", first & 1 ? " retain" : "", props);
}

// What only 5.0 has: reason codes behind the packet id, properties.
static void hear_rest5(char *text, size_t cap, unsigned type, const uint8_t *body, size_t len)
{
    size_t at = type == 2 ? 1 : type >= 4 && type <= 11 ? 2 : 0;
    bool has_codes = type == 9 || type == 11;
    if (has_codes)
        at = hear_props(text, cap, body, at, len);
    else if (at < len)
        text_add(text, cap, " 0x%02x", body[at++]);
    if (has_codes)
        for (; at < len; at++)
            text_add(text, cap, " 0x%02x", body[at]);
    else if (at < len)
        at = hear_props(text, cap, body, at, len);
    assert_int_equal(at, len);
}

static void hear_packet(char *text, size_t cap, unsigned version, unsigned first,
                        const uint8_t *body, size_t len)
{
    static const char *const names[] = {
        "?",   "connect", "connack", "publish",  "puback", "pubrec",   "pubrel",     "pubcomp",
        "sub", "suback",  "unsub",   "unsuback", "ping",   "pingresp", "disconnect", "auth"};
    unsigned type = first >> 4;
    if (type == 3) {
        hear_publish(text, cap, version, first, body, len);
        return;
    }
    text_add(text, cap, "%s", names[type]);
    if (type == 2)
        text_add(text, cap, " %u", body[0]);
    if (type >= 4 && type < 13)
        text_add(text, cap, " #%u", (unsigned)body[0] << 8 | body[1]);
    if (version == 5) {
        hear_rest5(text, cap, type, body, len);
        return;
    }
    if (type == 2)
        text_add(text, cap, " %u", body[1]);
    for (size_t i = 2; type == 9 && i < len; i++)
        text_add(text, cap, " %u", body[i]);
}

// All whole packets since the last call, as text; the bytes must end with a packet.
static NH_UNUSED const char *client_heard(struct client *c)
{
    char *text = c->world->text;
    size_t cap = sizeof c->world->text, at = 0;
    text[0] = '\0';
    while (at < c->rx_len) {
        size_t body = 0, n = 1;
        unsigned first = c->rx[at], shift = 0;
        for (;; n++, shift += 7) {
            assert_true(at + n < c->rx_len);
            body |= (size_t)(c->rx[at + n] & 127) << shift;
            if (!(c->rx[at + n] & 128))
                break;
        }
        at += n + 1;
        assert_true(at + body <= c->rx_len);
        if (text[0])
            text_add(text, cap, "; ");
        hear_packet(text, cap, c->version, first, c->rx + at, body);
        at += body;
    }
    c->rx_len = 0;
    return text;
}

#define assert_heard(client, expected) assert_string_equal(client_heard(client), expected)

#endif
