// Packet streams into a live broker with five clients, the structures checked after each turn.
//
// The input is a script: a first byte picks the client and what happens to it, most often a length
// and that many bytes for its connection. Before the script three clients have proper sessions.
// Client 4 is an oracle: it speaks no bytes of the script, holds subscriptions at all QoS, reads
// everything, acknowledges, and demands that what it hears is well formed, that packet ids at QoS 1
// and 2 go up by one, and that QoS 0 and QoS 1 copies of the topic it publishes to itself arrive in
// order, none lost and none twice.

#include "mqtt/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS 5
#define ORACLE 4

#define REQUIRE(cond)                                                                              \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "oracle: %s (line %d)\n", #cond, __LINE__);                            \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static struct client {
    nh_mqtt_conn_t *conn;
    bool is_dirty, is_stalled;
} clients[CLIENTS];

static nh_mqtt_broker_t *broker;
static nh_mem_system_t *sys;
static uint64_t now_ms;
static uint8_t heard[1 << 16]; // by the oracle, not yet looked at
static size_t heard_len;
static unsigned next_id, next_sent[2], next_heard[2]; // by QoS

static _Alignas(16) uint8_t internal[24 * 1024];
static _Alignas(16) uint8_t psram[256 * 1024];

static void on_dirty(void *ctx, nh_mqtt_conn_t *c, void *user)
{
    (void)ctx;
    (void)c;
    ((struct client *)user)->is_dirty = true;
}

static void on_pause(void *ctx, nh_mqtt_conn_t *c, void *user, bool paused)
{
    (void)ctx;
    (void)c;
    (void)user;
    (void)paused;
}

static void on_local(void *ctx, const struct nh_mqtt_message *m)
{
    if (m->topic.len == 1 && m->payload.len < 4) {
        struct nh_mqtt_message echo = {{(const uint8_t *)"echo", 4}, m->payload, m->qos, false};
        (void)!nh_mqtt_broker_publish(*(nh_mqtt_broker_t **)ctx, &echo, now_ms);
    }
}

// ---- output -------------------------------------------------------------------------------------

static void drain(size_t i, size_t max)
{
    struct nh_mqtt_span spans[4];
    struct client *c = &clients[i];
    size_t n;
    c->is_dirty = false;
    while (max && (n = nh_mqtt_broker_output(broker, c->conn, spans, 4)) > 0) {
        size_t sent = 0;
        for (size_t k = 0; k < n; k++) {
            size_t len = spans[k].len < max - sent ? spans[k].len : max - sent;
            if (i == ORACLE && heard_len + len <= sizeof heard) {
                memcpy(heard + heard_len, spans[k].ptr, len);
                heard_len += len;
            } else {
                volatile uint8_t sum = 0; // touch it all: the sanitizer looks on
                for (size_t at = 0; at < len; at++)
                    sum = (uint8_t)(sum + ((const uint8_t *)spans[k].ptr)[at]);
            }
            sent += len;
        }
        max -= sent;
        nh_mqtt_broker_sent(broker, c->conn, sent, now_ms);
    }
}

static void turn_end(size_t max)
{
    for (int again = 1; again;) {
        again = 0;
        for (size_t i = 0; i < CLIENTS; i++) {
            if (!clients[i].conn || !clients[i].is_dirty || clients[i].is_stalled)
                continue;
            drain(i, i == ORACLE ? SIZE_MAX : max);
            again |= clients[i].is_dirty && max == SIZE_MAX;
        }
    }
    nh_mqtt_broker_turn_end(broker);
    for (size_t i = 0; i < CLIENTS; i++) {
        if (!clients[i].conn || !nh_mqtt_conn_wants_close(clients[i].conn))
            continue;
        REQUIRE(i != ORACLE);
        nh_mqtt_broker_close(broker, clients[i].conn, now_ms);
        clients[i].conn = NULL;
    }
    REQUIRE(nh_mqtt_broker_check(broker) == NH_OK);
}

// The bytes in a block of their exact size, gone when the turn is over.
static int input(size_t i, const uint8_t *bytes, size_t len, size_t max)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, bytes, len);
    int rc = nh_mqtt_broker_input(broker, clients[i].conn, copy, len, now_ms);
    turn_end(max);
    free(copy);
    return rc;
}

static void open_client(size_t i, const uint8_t *connect, size_t len)
{
    clients[i] = (struct client){0};
    if (nh_mqtt_broker_open(broker, &clients[i], now_ms, &clients[i].conn) < 0)
        abort();
    if (len)
        (void)!input(i, connect, len, SIZE_MAX);
}

// ---- the oracle ---------------------------------------------------------------------------------

static void oracle_says(const void *bytes, size_t len)
{
    REQUIRE(input(ORACLE, bytes, len, SIZE_MAX) == NH_OK);
}

static void oracle_publishes(unsigned qos)
{
    uint8_t p[24] = {(uint8_t)(0x30 | qos << 1), 0, 0, 8, 'o', 'r', 'a', 'c', 'l', 'e', '/'};
    size_t n = 11;
    p[n++] = (uint8_t)('0' + qos);
    if (qos) {
        p[n++] = 0x12;
        p[n++] = 0x34;
    }
    unsigned number = next_sent[qos]++;
    p[n++] = (uint8_t)(number >> 8);
    p[n++] = (uint8_t)number;
    p[1] = (uint8_t)(n - 2);
    oracle_says(p, n);
}

static void oracle_hears_publish(unsigned first, const uint8_t *body, size_t len)
{
    unsigned qos = first >> 1 & 3;
    size_t topic_len = (size_t)body[0] << 8 | body[1], at = 2 + topic_len;
    REQUIRE(qos < 3 && at + (qos ? 2 : 0) <= len && topic_len > 0);
    REQUIRE(!(first & 8)); // no reconnection: no retry
    if (qos) {
        unsigned id = (unsigned)body[at] << 8 | body[at + 1];
        REQUIRE(id == next_id);
        next_id = next_id == 65535 ? 1 : next_id + 1;
        const uint8_t ack[] = {qos == 1 ? 0x40 : 0x50, 2, body[at], body[at + 1]};
        oracle_says(ack, 4);
        at += 2;
    }
    // Only the oracle's own messages are counted; others may use its topics, but not these bodies.
    if (topic_len != 8 || memcmp(body + 2, "oracle/", 7) != 0 || body[9] != '0' + qos)
        return;
    REQUIRE(len == at + 2);
    unsigned number = (unsigned)body[at] << 8 | body[at + 1];
    REQUIRE(number == (next_heard[qos]++ & 0xffff));
}

// Looks at all whole packets. Acknowledging makes more output, so it works on a copy.
static void oracle_listens(void)
{
    static uint8_t copy[sizeof heard];
    while (heard_len) {
        size_t len = heard_len, at = 0;
        memcpy(copy, heard, len);
        heard_len = 0;
        while (at < len) {
            unsigned first = copy[at++], shift = 0;
            size_t body = 0;
            do {
                REQUIRE(at < len);
                body |= (size_t)(copy[at] & 127) << shift;
                shift += 7;
            } while (copy[at++] & 128);
            REQUIRE(at + body <= len);
            if (first >> 4 == 3)
                oracle_hears_publish(first, copy + at, body);
            if (first >> 4 == 5 || first >> 4 == 6) {
                const uint8_t ack[] = {first >> 4 == 5 ? 0x62 : 0x70, 2, copy[at], copy[at + 1]};
                oracle_says(ack, 4);
            }
            at += body;
        }
    }
}

// ---- script -------------------------------------------------------------------------------------

static void act(size_t i, unsigned what, const uint8_t **data, const uint8_t *end)
{
    size_t left = (size_t)(end - *data);
    size_t len = left ? (*data)[0] : 0;
    switch (what) {
    case 0:
    case 1:
    case 2: // bytes; few of the output are read in one of three
        *data += left ? 1 : 0;
        len = len < left ? len : left ? left - 1 : 0;
        if (clients[i].conn)
            (void)!input(i, *data, len, what == 2 ? 5 : SIZE_MAX);
        *data += len;
        break;
    case 3:
        if (clients[i].conn)
            nh_mqtt_broker_close(broker, clients[i].conn, now_ms);
        clients[i].conn = NULL;
        open_client(i, NULL, 0);
        break;
    case 4:
        clients[i].is_stalled = !clients[i].is_stalled;
        clients[i].is_dirty = true;
        break;
    case 5:
        now_ms += 100 + 37 * len;
        nh_mqtt_broker_tick(broker, now_ms);
        break;
    default:
        oracle_publishes(what & 1);
        break;
    }
    turn_end(SIZE_MAX);
    oracle_listens();
}

static void begin(void)
{
    struct nh_mem_system_config mem = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    static struct nh_mqtt_broker_config cfg = {
        .packet_max_bytes = 4096,
        .queue_max_bytes = 2000,
        .queue_max_messages = 20,
        .inflight_max = 5,
        .retained_max_bytes = 4000,
        .retained_max_count = 20,
        .subscription_max_count = 8,
        .session_max_count = 4,
        .sys_interval_ms = 1000,
        .dirty = on_dirty,
        .pause = on_pause,
    };
    nh_mqtt_local_t *local;
    memset(clients, 0, sizeof clients);
    now_ms = 1000;
    heard_len = 0;
    next_id = 1;
    memset(next_sent, 0, sizeof next_sent);
    memset(next_heard, 0, sizeof next_heard);
    if (nh_mem_system_create(&mem, &sys) < 0 || nh_mem_owner_add(sys, "mqtt", NULL, &cfg.mem) < 0 ||
        nh_mqtt_broker_create(&cfg, &broker) < 0 ||
        nh_mqtt_local_subscribe(broker, "+", on_local, &broker, &local) < 0)
        abort();
    static const uint8_t a[] = "\x10\x14\0\4MQTT\4\6\0\0\0\1a\0\1w\0\3bye\x82\6\0\1\0\1#\2";
    static const uint8_t b[] = "\x10\x0d\0\4MQTT\4\0\0\5\0\1b\x82\x0a\0\1\0\1t\1\0\1+\0";
    static const uint8_t c[] = "\x10\x0d\0\4MQTT\4\2\0\0\0\1c";
    static const uint8_t o[] = "\x10\x12\0\4MQTT\4\2\0\0\0\6oracle"
                               "\x82\x18\0\1\0\10oracle/0\0\0\10oracle/1\1";
    open_client(0, a, sizeof a - 1);
    open_client(1, b, sizeof b - 1);
    open_client(2, c, sizeof c - 1);
    open_client(3, NULL, 0);
    open_client(ORACLE, o, sizeof o - 1);
    oracle_listens();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;
    // The oracle counts only if nobody else uses its topics or its client id.
    if (size >= 6 && memmem(data, size, "oracle", 6))
        return 0;
    begin();
    while (data < end) {
        unsigned first = *data++;
        act(first & 3, first >> 2 & 7, &data, end);
    }
    for (unsigned qos = 0; qos < 2; qos++)
        REQUIRE(next_heard[qos] == next_sent[qos]); // nothing was lost
    nh_mqtt_broker_destroy(broker);
    REQUIRE(nh_mem_system_destroy(sys, NULL, NULL) == 0);
    return 0;
}
