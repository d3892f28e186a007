// mqtt_bridge.h - a bridge between two live brokers, for tests: "home", whose part it is, and
// "there". The connection between them can be cut after any byte; either broker and the bridge can
// lose all they know. Messages are published and heard by the brokers' own local clients.
// Include <cmocka.h> and what it needs before this.

#ifndef NH_TEST_MQTT_BRIDGE_H
#define NH_TEST_MQTT_BRIDGE_H

#include "mqtt/bridge.h"
#include "support/test_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HEARD_BYTES 4096
#define LEDGER_COUNT 256

struct side {
    struct bridge_world *world;
    nh_mqtt_broker_t *broker;
    nh_mqtt_local_t *ear;        // hears everything
    char heard[HEARD_BYTES];     // "topic=payload r q1; ..."
    uint8_t count[LEDGER_COUNT]; // of each payload "#NUMBER"
};

struct bridge_world {
    nh_mem_system_t *sys;
    nh_mem_t *mem, *bridge_mem;
    struct side home, there;
    nh_mqtt_bridge_t *bridge;
    struct nh_mqtt_bridge_config cfg;
    uint64_t now_ms;
    nh_mqtt_conn_t *conn; // the bridge's at `there`; NULL: none
    bool wants_dial, wants_hang_up, is_dirty, is_paused, is_unreachable;
    size_t piece;  // bytes that go over at once; 0: as many as there are
    size_t budget; // bytes until the connection is cut, both ways together
    size_t passed; // bytes that went over
    uint32_t dials, cuts;
    char events[1024]; // "dialing; waiting for an answer; connected; ..."
};

static uint8_t world_bytes[65536]; // on their way, until the turn's end

// ---- what the bridge and the brokers call -------------------------------------------------------

static void world_dial(void *ctx)
{
    ((struct bridge_world *)ctx)->wants_dial = true;
}

static void world_hang_up(void *ctx)
{
    ((struct bridge_world *)ctx)->wants_hang_up = true;
}

static void world_dirty(void *ctx)
{
    ((struct bridge_world *)ctx)->is_dirty = true;
}

static void world_pause(void *ctx, bool paused)
{
    ((struct bridge_world *)ctx)->is_paused = paused;
}

static NH_PRINTF(3, 4) void text_add(char *text, size_t cap, const char *fmt, ...)
{
    size_t at = strlen(text);
    va_list args;
    va_start(args, fmt);
    vsnprintf(text + at, cap - at, fmt, args);
    va_end(args);
}

static void world_event(void *ctx, const struct nh_mqtt_bridge_event *e)
{
    struct bridge_world *w = ctx;
    if (e->state != NH_MQTT_BRIDGE_DIALING && e->state != NH_MQTT_BRIDGE_GREETING)
        text_add(w->events, sizeof w->events, "%s%s", w->events[0] ? "; " : "", e->reason);
}

static void side_dirty(void *ctx, nh_mqtt_conn_t *c, void *user)
{
    (void)ctx;
    (void)c;
    struct bridge_world *w = user;
    if (c == w->conn)
        return; // asked all the time
    nh_mqtt_bridge_local_dirty(w->bridge);
}

static void side_pause(void *ctx, nh_mqtt_conn_t *c, void *user, bool paused)
{
    (void)ctx;
    struct bridge_world *w = user;
    if (w->bridge && c != w->conn)
        nh_mqtt_bridge_local_pause(w->bridge, paused);
}

static void side_message(void *ctx, const struct nh_mqtt_message *m)
{
    struct side *s = ctx;
    unsigned number;
    char payload[16] = "";
    if (m->topic.ptr[0] == '$')
        return;
    memcpy(payload, m->payload.ptr, m->payload.len < 15 ? m->payload.len : 15);
    if (sscanf(payload, "#%u", &number) == 1) {
        s->count[number % LEDGER_COUNT]++;
        return;
    }
    text_add(s->heard, sizeof s->heard, "%s%.*s=%s%s q%u", s->heard[0] ? "; " : "",
             (int)m->topic.len, (const char *)m->topic.ptr, payload, m->retain ? " r" : "", m->qos);
}

// ---- setting up ---------------------------------------------------------------------------------

static void side_start(struct bridge_world *w, struct side *s)
{
    const struct nh_mqtt_broker_config cfg = {
        .mem = w->mem, .ctx = w, .dirty = side_dirty, .pause = side_pause, .hash_seed = 5};
    s->world = w;
    assert_int_equal(nh_mqtt_broker_create(&cfg, &s->broker), NH_OK);
    assert_int_equal(nh_mqtt_local_subscribe(s->broker, "#", side_message, s, &s->ear), NH_OK);
}

static void side_stop(struct side *s)
{
    nh_mqtt_local_unsubscribe(s->broker, s->ear);
    nh_mqtt_broker_destroy(s->broker);
    s->broker = NULL;
}

static void bridge_start(struct bridge_world *w)
{
    w->cfg.mem = w->bridge_mem;
    w->cfg.broker = w->home.broker;
    w->cfg.local_user = w;
    w->cfg.name = "up";
    w->cfg.seed = 4711;
    w->cfg.ctx = w;
    w->cfg.dial = world_dial;
    w->cfg.hang_up = world_hang_up;
    w->cfg.dirty = world_dirty;
    w->cfg.pause = world_pause;
    w->cfg.event = world_event;
    assert_int_equal(nh_mqtt_bridge_create(&w->cfg, w->now_ms, &w->bridge), NH_OK);
}

static void world_init(struct bridge_world *w)
{
    struct nh_mem_system_config mem = {0};
    memset(w, 0, sizeof *w);
    for (int t = 0; t < NH_MEM_TIER_COUNT; t++)
        mem.region[t].base = nh_test_region((enum nh_mem_tier)t, &mem.region[t].size_bytes);
    assert_int_equal(nh_mem_system_create(&mem, &w->sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(w->sys, "mqtt", NULL, &w->mem), NH_OK);
    assert_int_equal(nh_mem_owner_add(w->sys, "bridge", NULL, &w->bridge_mem), NH_OK);
    w->now_ms = 1000;
    w->budget = SIZE_MAX;
    side_start(w, &w->home);
    side_start(w, &w->there);
}

// ---- the connection -----------------------------------------------------------------------------

static void turn_end(struct bridge_world *w)
{
    nh_mqtt_broker_turn_end(w->home.broker);
    nh_mqtt_broker_turn_end(w->there.broker);
    if (w->bridge)
        nh_mqtt_bridge_turn_end(w->bridge);
}

// Both ends hear that it is gone.
static void cut(struct bridge_world *w, const char *reason)
{
    nh_mqtt_conn_t *conn = w->conn;
    w->conn = NULL;
    w->wants_hang_up = false;
    w->cuts++;
    if (conn)
        nh_mqtt_broker_close(w->there.broker, conn, w->now_ms);
    nh_mqtt_bridge_closed(w->bridge, reason, w->now_ms);
    turn_end(w);
}

static bool carry_dial(struct bridge_world *w)
{
    if (!w->wants_dial)
        return false;
    w->wants_dial = false;
    w->dials++;
    if (w->is_unreachable) {
        cut(w, "nobody there");
        return true;
    }
    assert_int_equal(nh_mqtt_broker_open(w->there.broker, w, w->now_ms, &w->conn), NH_OK);
    nh_mqtt_bridge_opened(w->bridge, w->now_ms);
    return true;
}

// Gathers what may go over now. Fewer than there were: the connection is to be cut.
static size_t take(struct bridge_world *w, const struct nh_mqtt_span *spans, size_t count)
{
    size_t len = 0, max = w->piece ? w->piece : sizeof world_bytes;
    max = max < w->budget ? max : w->budget;
    for (size_t i = 0; i < count && len < max; i++) {
        size_t n = spans[i].len < max - len ? spans[i].len : max - len;
        memcpy(world_bytes + len, spans[i].ptr, n);
        len += n;
    }
    w->budget -= w->budget == SIZE_MAX ? 0 : len;
    w->passed += len;
    return len;
}

static bool carry_there(struct bridge_world *w)
{
    struct nh_mqtt_span spans[4];
    size_t count = nh_mqtt_bridge_output(w->bridge, spans, 4, w->now_ms);
    size_t len = take(w, spans, count);
    if (len == 0)
        return false;
    nh_mqtt_bridge_sent(w->bridge, len, w->now_ms);
    NH_IGNORE(nh_mqtt_broker_input(w->there.broker, w->conn, world_bytes, len, w->now_ms));
    turn_end(w);
    return true;
}

static bool carry_home(struct bridge_world *w)
{
    struct nh_mqtt_span spans[4];
    size_t count = nh_mqtt_broker_output(w->there.broker, w->conn, spans, 4);
    size_t len = w->is_paused ? 0 : take(w, spans, count);
    if (len == 0)
        return false;
    nh_mqtt_broker_sent(w->there.broker, w->conn, len, w->now_ms);
    nh_mqtt_bridge_input(w->bridge, world_bytes, len, w->now_ms);
    turn_end(w);
    return true;
}

// Carries bytes until nothing moves.
static void carry(struct bridge_world *w)
{
    for (bool moves = true; moves;) {
        moves = carry_dial(w);
        if (w->conn && w->budget) {
            moves |= carry_there(w);
            moves |= w->budget && carry_home(w);
        }
        bool is_over = w->conn && (w->budget == 0 || nh_mqtt_conn_wants_close(w->conn));
        if (is_over || (w->wants_hang_up && !moves)) {
            w->budget = SIZE_MAX;
            cut(w, "connection lost");
            moves = true;
        }
        turn_end(w);
    }
}

// Time goes on to the bridge's next deadline, if that is near.
NH_UNUSED static void wait_ms(struct bridge_world *w, uint64_t ms)
{
    for (uint64_t end = w->now_ms + ms; w->now_ms < end;) {
        uint64_t next = nh_mqtt_bridge_next_deadline(w->bridge);
        w->now_ms = next < w->now_ms ? w->now_ms : next < end ? next : end;
        nh_mqtt_bridge_tick(w->bridge, w->now_ms);
        nh_mqtt_broker_tick(w->home.broker, w->now_ms);
        nh_mqtt_broker_tick(w->there.broker, w->now_ms);
        turn_end(w);
        carry(w);
    }
}

NH_UNUSED static void go_online(struct bridge_world *w)
{
    nh_mqtt_bridge_tick(w->bridge, w->now_ms);
    carry(w);
}

static void say(struct bridge_world *w, struct side *s, const char *topic, const char *payload,
                uint8_t qos, bool retain)
{
    const struct nh_mqtt_message m = {
        .topic = {(const uint8_t *)topic, strlen(topic)},
        .payload = {(const uint8_t *)payload, strlen(payload)},
        .qos = qos,
        .retain = retain,
    };
    assert_int_equal(nh_mqtt_broker_publish(s->broker, &m, w->now_ms), NH_OK);
    turn_end(w);
}

static void world_deinit(struct bridge_world *w)
{
    if (w->conn || w->wants_dial)
        cut(w, "the end");
    nh_mqtt_bridge_destroy(w->bridge);
    w->bridge = NULL;
    assert_int_equal(nh_mqtt_broker_check(w->home.broker), NH_OK);
    assert_int_equal(nh_mqtt_broker_check(w->there.broker), NH_OK);
    side_stop(&w->home);
    side_stop(&w->there);
    nh_mem_fault_set(w->sys, NULL);
    assert_int_equal(nh_mem_check(w->sys), NH_OK);
    assert_int_equal(nh_mem_system_destroy(w->sys, NULL, NULL), 0);
}

#endif
