// Whole conversations with the broker engine: subscribing, publishing, retained, wills, time.
// Each is held four times: the input whole, byte by byte, and in pieces of 3 and 7.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mqtt_client.h"

static struct world w;

static void each_way(const struct nh_mqtt_broker_config *cfg, void (*scenario)(struct client *c))
{
    static const size_t chunks[] = {0, 1, 3, 7};
    for (size_t i = 0; i < NH_ARRAY_LEN(chunks); i++) {
        world_init(&w, cfg);
        w.chunk = chunks[i];
        scenario(w.clients);
        world_deinit(&w);
    }
}

// Three clients, connected and with what they heard of that read.
static void three(struct client *c)
{
    static const char *const ids[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        client_connect(&c[i], ids[i], false);
        assert_heard(&c[i], "connack 0 0");
    }
    world_events(&w);
}

// ---- the ordinary way ---------------------------------------------------------------------------

static void hello(struct client *c)
{
    three(c);
    client_subscribe(&c[1], "x/+", 0);
    client_subscribe(&c[1], "y", 1);
    assert_heard(&c[1], "suback #7 0; suback #7 1");
    client_publish(&c[0], "x/1", "hi", 0);
    client_publish(&c[0], "x/2", "ho", 1);
    client_publish(&c[0], "y", "one", 1);
    client_publish(&c[0], "z", "nobody", 0);
    assert_heard(&c[0], "puback #1; puback #2");
    assert_heard(&c[1], "publish x/1 hi q0; publish x/2 ho q0; publish y one q1 #1");
    client_ack(&c[1], 0x40, 1);
    client_ping(&c[0]);
    assert_heard(&c[0], "pingresp"); // [MQTT-3.12.4-1]
    client_unsubscribe(&c[1], "x/+");
    client_publish(&c[0], "x/1", "gone", 0);
    assert_heard(&c[1], "unsuback #8"); // [MQTT-3.10.4-4]
    client_disconnect(&c[0]);
    assert_null(c[0].conn);
    assert_string_equal(world_events(&w), "disconnected a");
}

static void test_hello(void **state)
{
    (void)state;
    each_way(NULL, hello);
}

// [MQTT-3.8.4-6] the lower of the two QoS; [MQTT-3.3.5-1] overlapping: once, at the highest.
static void min_qos(struct client *c)
{
    static const char *const expected[3][3] = {
        {"publish t m q0", "publish t m q0", "publish t m q0"},
        {"publish t m q0", "publish t m q1 #1", "publish t m q1 #1"},
        {"publish t m q0", "publish t m q1 #2", "publish t m q2 #2"},
    };
    three(c);
    for (unsigned i = 0; i < 3; i++)
        client_subscribe(&c[i], "t", i);
    for (unsigned i = 0; i < 3; i++)
        client_heard(&c[i]);
    struct client *from = &c[3];
    client_connect(from, "d", false);
    for (unsigned qos = 0; qos < 3; qos++) {
        client_publish(from, "t", "m", qos);
        for (unsigned i = 0; i < 3; i++)
            assert_heard(&c[i], expected[qos][i]);
    }
    client_subscribe(&c[0], "+", 2);
    client_subscribe(&c[0], "#", 1);
    client_heard(&c[0]);
    client_publish(from, "t", "m", 2);
    assert_heard(&c[0], "publish t m q2 #1");
}

static void test_min_qos(void **state)
{
    (void)state;
    each_way(NULL, min_qos);
}

// [MQTT-3.8.4-3] a second subscription to a filter replaces the first.
static void resubscribe(struct client *c)
{
    three(c);
    client_subscribe(&c[0], "t", 2);
    client_subscribe(&c[0], "t", 0);
    assert_heard(&c[0], "suback #7 2; suback #7 0");
    client_publish(&c[1], "t", "m", 1);
    assert_heard(&c[0], "publish t m q0");
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.subscription_count, 1);
}

static void test_resubscribe(void **state)
{
    (void)state;
    each_way(NULL, resubscribe);
}

// Many filters in one packet get one code each, in order [MQTT-3.8.4-5], [MQTT-3.9.3-2].
static void many_filters(struct client *c)
{
    three(c);
    struct packet *p = packet_begin();
    put_u16(p, 300);
    put_text(p, "a/b");
    put_u8(p, 1);
    put_text(p, "0123456789012345678901234567890123456789"); // longer than the limit
    put_u8(p, 1);
    put_text(p, "1/2/3/4/5/6/7/8/9"); // deeper than the limit
    put_u8(p, 0);
    put_text(p, "#");
    put_u8(p, 2);
    put_text(p, "one/too/many");
    put_u8(p, 2);
    packet_close(p, 0x82);
    client_packet(&c[0], p);
    assert_heard(&c[0], "suback #300 1 128 128 2 128");
    client_publish(&c[1], "a/b", "m", 2);
    assert_heard(&c[0], "publish a/b m q2 #1");
}

static void test_many_filters(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.topic_max_bytes = 32,
                                             .topic_level_max = 8,
                                             .subscription_max_count = 2},
             many_filters);
}

// What the hub publishes did not come from a client.
static void test_own_publishes_are_not_received(void **state)
{
    struct client *c = w.clients;
    struct nh_mqtt_info info;
    struct nh_mqtt_message m = {.topic = {(const uint8_t *)"t", 1},
                                .payload = {(const uint8_t *)"12345", 5}};
    (void)state;
    world_init(&w, NULL);
    client_connect(&c[0], "c", false);
    client_subscribe(&c[0], "#", 0);
    for (m.qos = 0; m.qos < 3; m.qos++)
        assert_int_equal(nh_mqtt_broker_publish(w.broker, &m, w.now_ms), NH_OK);
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.publish_bytes_in, 0);
    assert_int_equal(info.messages_in_qos[0] + info.messages_in_qos[1] + info.messages_in_qos[2],
                     0);
    assert_int_equal(info.messages_out_qos[0], 3);
    client_publish(&c[0], "t", "123", 1);
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.publish_bytes_in, 3);
    assert_int_equal(info.messages_in_qos[1], 1);
    assert_true(info.publish_bytes_in < info.bytes_in);
    world_deinit(&w);
}

// A run of QoS 0 packets in one input, mixed topics and subscribers: order and bytes hold.
static void runs(struct client *c)
{
    static struct packet all;
    all.len = 0;
    three(c);
    client_subscribe(&c[0], "a", 0);
    client_subscribe(&c[1], "#", 0);
    client_heard(&c[0]);
    client_heard(&c[1]);
    static const char *const topics[] = {"a", "a", "b", "a", "a", "c"};
    for (unsigned i = 0; i < 6; i++) {
        char payload[2] = {(char)('0' + i), 0};
        const struct packet *p =
            packet_publish(&(struct publish){.topic = topics[i], .payload = payload});
        memcpy(all.bytes + all.len, p->bytes, p->len);
        all.len += p->len;
    }
    client_packet(&c[2], &all);
    assert_heard(&c[0], "publish a 0 q0; publish a 1 q0; publish a 3 q0; publish a 4 q0");
    assert_heard(&c[1], "publish a 0 q0; publish a 1 q0; publish b 2 q0; publish a 3 q0; "
                        "publish a 4 q0; publish c 5 q0");
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.messages_in_qos[0], 6);
    assert_int_equal(info.messages_out_qos[0], 10);
    assert_int_equal(info.publish_bytes_out, 10);
}

static void test_runs(void **state)
{
    (void)state;
    each_way(NULL, runs);
}

// [MQTT-4.7.2-1] wildcards in front do not take '$' topics; clients do not write to $SYS.
static void dollar(struct client *c)
{
    three(c);
    client_subscribe(&c[0], "#", 0);
    client_subscribe(&c[0], "+/x", 0);
    client_subscribe(&c[1], "$own/#", 0);
    client_heard(&c[0]);
    client_heard(&c[1]);
    client_publish(&c[2], "$own/x", "m", 0);
    client_publish(&c[2], "$SYS/broker/x", "m", 1);
    assert_heard(&c[0], "");
    assert_heard(&c[1], "publish $own/x m q0");
    assert_heard(&c[2], "puback #1"); // refused without a word [MQTT-3.3.5-2]
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.publish_refused, 1);
}

static void test_dollar(void **state)
{
    (void)state;
    each_way(NULL, dollar);
}

// A refused packet between two that pass on does not go along with them.
static void refused_between(struct client *c)
{
    static const char *const topics[] = {"t", "$SYS/t", "t"};
    static struct packet all;
    all.len = 0;
    three(c);
    client_subscribe(&c[0], "t", 0);
    client_heard(&c[0]);
    for (unsigned i = 0; i < 3; i++) {
        const struct packet *p =
            packet_publish(&(struct publish){.topic = topics[i], .payload = "m"});
        memcpy(all.bytes + all.len, p->bytes, p->len);
        all.len += p->len;
    }
    client_packet(&c[1], &all);
    assert_heard(&c[0], "publish t m q0; publish t m q0");
}

static void test_refused_between(void **state)
{
    (void)state;
    each_way(NULL, refused_between);
}

// ---- retained -----------------------------------------------------------------------------------

static void retained(struct client *c)
{
    three(c);
    client_subscribe(&c[1], "r/#", 1);
    client_heard(&c[1]);
    client_publish_with(&c[0], &(struct publish){"r/1", "one", .retain = true});
    client_publish_with(&c[0], &(struct publish){"r/2", "two", 1, 5, .retain = true});
    client_publish_with(&c[0], &(struct publish){"r", "root", 2, 6, .retain = true});
    client_publish_with(&c[0], &(struct publish){"q", "else", .retain = true});
    // [MQTT-3.3.1-9]: RETAIN is 0 on the way to an established subscription.
    assert_heard(&c[1], "publish r/1 one q0; publish r/2 two q1 #1; publish r root q1 #2");
    client_subscribe(&c[2], "r/#", 2); // [MQTT-3.3.1-6], [MQTT-3.3.1-8]
    assert_heard(&c[2], "suback #7 2; publish r root q2 #1 retain; publish r/1 one q0 retain; "
                        "publish r/2 two q1 #2 retain");
    client_publish_with(&c[0], &(struct publish){"r/1", "", .retain = true}); // [MQTT-3.3.1-10]
    client_publish_with(&c[0], &(struct publish){"r/2", "TWO", .retain = true});
    client_heard(&c[2]);
    client_subscribe(&c[2], "+/+", 0);
    assert_heard(&c[2], "suback #7 0; publish r/2 TWO q0 retain");
    client_subscribe(&c[2], "+/+", 0); // again: sent again [MQTT-3.8.4-3]
    assert_heard(&c[2], "suback #7 0; publish r/2 TWO q0 retain");
    client_subscribe(&c[2], "q", 1);
    assert_heard(&c[2], "suback #7 1; publish q else q0 retain");
}

static void test_retained(void **state)
{
    (void)state;
    each_way(NULL, retained);
}

static void retained_limits(struct client *c)
{
    three(c);
    client_publish_with(&c[0], &(struct publish){"1", "aaaa", .retain = true});
    client_publish_with(&c[0], &(struct publish){"2", "bbbb", .retain = true});
    client_publish_with(&c[0], &(struct publish){"3", "cccc", .retain = true}); // over the count
    client_publish_with(&c[0],
                        &(struct publish){"2", "0123456789abcdef", .retain = true}); // the bytes
    client_publish_with(&c[0], &(struct publish){"2", "B", .retain = true});
    client_subscribe(&c[1], "#", 0);
    assert_heard(&c[1], "suback #7 0; publish 1 aaaa q0 retain; publish 2 B q0 retain");
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.retained_refused, 2);
    assert_int_equal(info.retained_count, 2);
    assert_int_equal(info.retained_bytes, 7);
}

static void test_retained_limits(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.retained_max_count = 2, .retained_max_bytes = 16},
             retained_limits);
}

// A subscription to much more than fits into a queue loses nothing: the reader sets the pace.
static void long_replay(struct client *c)
{
    enum { COUNT = 150 };
    char topic[16], payload[300];
    memset(payload, 'p', sizeof payload - 1);
    payload[sizeof payload - 1] = '\0';
    client_connect(&c[0], "a", false);
    for (int i = 0; i < COUNT; i++) {
        snprintf(topic, sizeof topic, "t/%03d", i);
        client_publish_with(&c[0], &(struct publish){topic, payload, .retain = true});
    }
    client_connect(&c[1], "b", false);
    client_heard(&c[1]);
    c[1].read_max = 1000;
    client_subscribe(&c[1], "t/#", 0);
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.dropped_queue_full, 0);
    int heard = 0;
    for (int round = 0; round < 200; round++) {
        c[1].is_dirty = true;
        world_turn_end(&w);
        while (c[1].rx_len > 315) { // 5 of SUBACK once, then packets of 311 bytes
            heard++;
            memmove(c[1].rx, c[1].rx + 311, c[1].rx_len - 311);
            c[1].rx_len -= 311;
        }
    }
    assert_in_range(heard, COUNT - 1, COUNT);
}

static void test_long_replay(void **state)
{
    (void)state;
    world_init(&w, NULL);
    long_replay(w.clients);
    world_deinit(&w);
}

// A filter that takes one of many retained topics is looked for in several rounds, not in one go.
static void test_replay_rounds(void **state)
{
    enum { COUNT = 1100 };
    char topic[16];
    (void)state;
    world_init(&w, NULL);
    w.no_check = true;
    struct client *c = w.clients;
    client_connect(&c[0], "a", false);
    for (int i = 0; i < COUNT; i++) {
        snprintf(topic, sizeof topic, "t%04d/x", i);
        client_publish_with(&c[0], &(struct publish){topic, "v", .retain = true});
    }
    client_publish_with(&c[0], &(struct publish){"u/y", "found", .retain = true});
    client_heard(&c[0]);
    client_subscribe(&c[0], "+/y", 0);
    assert_heard(&c[0], "suback #7 0");
    assert_int_equal(nh_mqtt_broker_next_deadline(w.broker), w.now_ms);
    world_tick(&w, w.now_ms);
    assert_heard(&c[0], "publish u/y found q0 retain");
    assert_true(nh_mqtt_broker_next_deadline(w.broker) == NH_NEVER);
    world_deinit(&w);
}

// ---- wills --------------------------------------------------------------------------------------

static void connect_with_will(struct client *c, const char *id)
{
    client_connect_with(c, &(struct connect){.id = id,
                                             .will_topic = "will",
                                             .will_payload = "bye",
                                             .will_qos = 1,
                                             .will_retain = true,
                                             .keepalive_s = 10});
    assert_heard(c, "connack 0 0");
}

static void wills(struct client *c)
{
    client_connect(&c[0], "watcher", false);
    client_subscribe(&c[0], "will", 2);
    assert_heard(&c[0], "connack 0 0; suback #7 2");
    connect_with_will(&c[1], "w");
    client_disconnect(&c[1]);
    assert_heard(&c[0], ""); // [MQTT-3.14.4-3]
    connect_with_will(&c[1], "w");
    client_close(&c[1]); // [MQTT-3.1.2-8]
    world_turn_end(&w);
    assert_heard(&c[0], "publish will bye q1 #1");
    connect_with_will(&c[1], "w");
    client_send(&c[1], "\xff", 1); // a protocol error ends it too
    assert_heard(&c[0], "publish will bye q1 #2");
    connect_with_will(&c[1], "w");
    connect_with_will(&c[2], "w"); // taken over: the standard has the will published
    assert_heard(&c[0], "publish will bye q1 #3");
    assert_null(c[1].conn);
    client_subscribe(&c[3], "x", 0);
    world_tick(&w, w.now_ms + 17000); // silent for more than 1.5 x 10 s
    assert_heard(&c[0], "publish will bye q1 #4");
    assert_null(c[2].conn);
    client_connect(&c[3], "late", false);
    client_subscribe(&c[3], "will", 0);
    assert_heard(&c[3], "connack 0 0; suback #7 0; publish will bye q0 retain");
}

static void test_wills(void **state)
{
    (void)state;
    each_way(NULL, wills);
}

// ---- time ---------------------------------------------------------------------------------------

static void keepalive(struct client *c)
{
    client_connect_with(&c[0], &(struct connect){.id = "a", .keepalive_s = 10});
    client_connect(&c[1], "b", false); // without keep-alive: no limit
    uint64_t start = w.now_ms;
    world_tick(&w, start + 14999);
    assert_non_null(c[0].conn);
    client_ping(&c[0]);
    assert_heard(&c[0], "connack 0 0; pingresp");
    uint64_t deadline = nh_mqtt_broker_next_deadline(w.broker);
    assert_in_range(deadline, start + 14999, start + 14999 + 15000 + 1024);
    world_tick(&w, start + 14999 + 14999);
    assert_non_null(c[0].conn); // [MQTT-3.1.2-24]: one and a half times
    world_tick(&w, start + 14999 + 15000 + 1024);
    assert_null(c[0].conn);
    assert_non_null(c[1].conn);
    assert_true(nh_mqtt_broker_next_deadline(w.broker) == NH_NEVER); // nobody else waits
    world_tick(&w, UINT64_MAX / 2);                                  // a long sleep
    assert_non_null(c[1].conn);
    client_connect_with(&c[0], &(struct connect){.id = "a", .keepalive_s = 65535});
    world_tick(&w, w.now_ms + 98302000);
    assert_non_null(c[0].conn);
    world_tick(&w, w.now_ms + 1600);
    assert_null(c[0].conn);
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.keepalive_timeouts, 2);
}

static void test_keepalive(void **state)
{
    (void)state;
    each_way(NULL, keepalive);
}

static void connect_timeout(struct client *c)
{
    assert_int_equal(client_open(&c[0]), NH_OK);
    client_send(&c[0], "\x10", 1);
    assert_int_equal(client_open(&c[1]), NH_OK);
    world_tick(&w, w.now_ms + 4900);
    assert_non_null(c[0].conn);
    client_send(&c[0], "\x20", 1); // half a packet is no sign of life
    world_tick(&w, w.now_ms + 1200);
    assert_null(c[0].conn);
    assert_null(c[1].conn);
}

static void test_connect_timeout(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.connect_timeout_ms = 5000}, connect_timeout);
}

// Deadlines at many distances: each comes within a grain, and the broker asks for no call without
// reason.
static void test_wheel(void **state)
{
    static const unsigned seconds[] = {1, 2, 60, 86, 87, 88, 131, 1200, 11000, 65535};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(seconds); i++) {
        world_init(&w, NULL);
        w.now_ms = 123456789;
        struct client *c = w.clients;
        client_connect_with(c, &(struct connect){.id = "a", .keepalive_s = seconds[i]});
        uint64_t due = w.now_ms + seconds[i] * 1500ull;
        unsigned calls = 0;
        while (c->conn && ++calls < 20) {
            uint64_t next = nh_mqtt_broker_next_deadline(w.broker);
            assert_true(next > w.now_ms);
            world_tick(&w, next);
        }
        assert_null(c->conn);
        assert_in_range(w.now_ms, due, due + 1024);
        assert_in_range(calls, 1, 8); // the farthest is looked after every 4.6 hours
        world_deinit(&w);
    }
}

// ---- local clients ------------------------------------------------------------------------------

static char heard_here[512];
static nh_mqtt_local_t *local_a, *local_b;

static void note(const struct nh_mqtt_message *m)
{
    text_add(heard_here, sizeof heard_here, "%s%.*s=%.*s%s", heard_here[0] ? " " : "",
             (int)m->topic.len, (const char *)m->topic.ptr, (int)m->payload.len,
             (const char *)m->payload.ptr, m->retain ? "(r)" : "");
}

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static int say(const char *topic, const char *payload, uint8_t qos, bool retain)
{
    struct nh_mqtt_message m = {span(topic), span(payload), qos, retain};
    return nh_mqtt_broker_publish(w.broker, &m, w.now_ms);
}

// Answers "ping" with a "pong" of its own and ends the other subscription on "stop".
static void on_message(void *ctx, const struct nh_mqtt_message *m)
{
    (void)ctx;
    note(m);
    if (m->payload.len == 4 && memcmp(m->payload.ptr, "ping", 4) == 0)
        assert_int_equal(say("pong", "yes", 1, false), NH_OK);
    if (m->payload.len == 4 && memcmp(m->payload.ptr, "stop", 4) == 0) {
        nh_mqtt_local_unsubscribe(w.broker, local_a);
        nh_mqtt_local_unsubscribe(w.broker, local_b);
    }
}

static void local(struct client *c)
{
    heard_here[0] = '\0';
    three(c);
    client_subscribe(&c[1], "#", 1);
    client_heard(&c[1]);
    assert_int_equal(say("kept", "1", 0, true), NH_OK);
    assert_int_equal(say("bad/+", "1", 0, true), NH_ERR_INVAL);
    assert_int_equal(nh_mqtt_local_subscribe(w.broker, "#", on_message, NULL, &local_a), NH_OK);
    assert_int_equal(nh_mqtt_local_subscribe(w.broker, "#", on_message, NULL, &local_b), NH_OK);
    assert_string_equal(heard_here, "kept=1(r) kept=1(r)");
    heard_here[0] = '\0';
    client_publish(&c[0], "t", "ping", 0);
    assert_heard(&c[1], "publish kept 1 q0; publish t ping q0; publish pong yes q1 #1; "
                        "publish pong yes q1 #2");
    assert_string_equal(heard_here, "t=ping t=ping pong=yes pong=yes pong=yes pong=yes");
    heard_here[0] = '\0';
    client_publish(&c[0], "t", "stop", 2); // both ends within the first callback
    assert_string_equal(heard_here, "t=stop");
    client_publish(&c[0], "t", "more", 0);
    assert_string_equal(heard_here, "t=stop");
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.subscription_count, 1);
}

static void test_local(void **state)
{
    (void)state;
    each_way(NULL, local);
}

static void echo(void *ctx, const struct nh_mqtt_message *m)
{
    (void)ctx;
    (void)m;
    assert_int_equal(say("loop", "again", 0, false), NH_OK);
}

// Two parts of the hub that answer each other for ever do not stop the broker.
static void test_local_loop(void **state)
{
    (void)state;
    world_init(&w, NULL);
    w.no_check = true;
    nh_mqtt_local_t *l;
    assert_int_equal(nh_mqtt_local_subscribe(w.broker, "loop", echo, NULL, &l), NH_OK);
    assert_int_equal(say("loop", "first", 0, false), NH_OK);
    assert_true(nh_mqtt_broker_next_deadline(w.broker) <= w.now_ms); // it goes on in the next turn
    nh_mqtt_local_unsubscribe(w.broker, l);
    world_tick(&w, w.now_ms);
    assert_true(nh_mqtt_broker_next_deadline(w.broker) == NH_NEVER);
    world_deinit(&w);
}

// ---- $SYS ---------------------------------------------------------------------------------------

static void sys(struct client *c)
{
    three(c);
    assert_true(nh_mqtt_broker_next_deadline(w.broker) == NH_NEVER); // nobody listens
    client_subscribe(&c[0], "$SYS/broker/clients/+", 0);
    assert_heard(&c[0], "suback #7 0; publish $SYS/broker/clients/connected 3 q0 retain; "
                        "publish $SYS/broker/clients/disconnected 0 q0 retain; "
                        "publish $SYS/broker/clients/total 3 q0 retain; "
                        "publish $SYS/broker/clients/maximum 3 q0 retain; "
                        "publish $SYS/broker/clients/expired 0 q0 retain; "
                        "publish $SYS/broker/clients/evicted 0 q0 retain");
    world_tick(&w, w.now_ms + 10000);
    client_heard(&c[0]);
    assert_true(nh_mqtt_broker_next_deadline(w.broker) == w.now_ms + 10000);
    client_disconnect(&c[2]);
    world_tick(&w, w.now_ms + 10000);
    assert_heard(&c[0], "publish $SYS/broker/clients/connected 2 q0; "
                        "publish $SYS/broker/clients/total 2 q0"); // only what changed
    client_subscribe(&c[1], "$SYS/broker/uptime", 0);
    assert_heard(&c[1], "suback #7 0; publish $SYS/broker/uptime 20 seconds q0 retain");
    client_unsubscribe(&c[0], "$SYS/broker/clients/+");
    client_unsubscribe(&c[1], "$SYS/broker/uptime");
    assert_true(nh_mqtt_broker_next_deadline(w.broker) == NH_NEVER);
}

static void test_sys(void **state)
{
    (void)state;
    each_way(NULL, sys);
}

// ---- visits -------------------------------------------------------------------------------------

static bool note_client(void *ctx, const struct nh_mqtt_client_info *c)
{
    text_add(ctx, 256, "%s%s%s%u ", c->client_id, c->is_connected ? "+" : "-",
             c->is_clean ? "c" : "k", (unsigned)c->subscription_count);
    return true;
}

static bool note_retained(void *ctx, const struct nh_mqtt_message *m)
{
    text_add(ctx, 256, "%.*s ", (int)m->topic.len, (const char *)m->topic.ptr);
    return strlen(ctx) < 8;
}

static void visits(struct client *c)
{
    char text[256] = "";
    client_connect(&c[0], "k", true);
    client_subscribe(&c[0], "x", 1);
    client_disconnect(&c[0]);
    assert_int_equal(nh_mqtt_broker_clients(w.broker, 0, note_client, text), 1);
    assert_string_equal(text, "k-k1 ");
    client_connect(&c[1], "c", false);
    assert_int_equal(nh_mqtt_broker_clients(w.broker, 0, note_client, text), 2);
    assert_int_equal(nh_mqtt_broker_clients(w.broker, 1, note_client, text), 1);
    text[0] = '\0';
    static const char *const topics[] = {"b", "a/b", "a", "a-b"};
    for (size_t i = 0; i < NH_ARRAY_LEN(topics); i++)
        assert_int_equal(say(topics[i], "1", 0, true), NH_OK);
    assert_int_equal(nh_mqtt_broker_retained(w.broker, NULL, note_retained, text), 3);
    assert_string_equal(text, "a a-b a/b ");
    text[0] = '\0';
    assert_int_equal(nh_mqtt_broker_retained(w.broker, "a/b", note_retained, text), 1);
    assert_string_equal(text, "b ");
}

static void test_visits(void **state)
{
    (void)state;
    each_way(NULL, visits);
}

static void test_config(void **state)
{
    static const struct nh_mqtt_broker_config rows[] = {
        {.packet_max_bytes = 15},          {.packet_max_bytes = 268435461},
        {.topic_max_bytes = 65536},        {.topic_level_max = 129},
        {.inflight_max = 65535},           {.keepalive_max_s = 65536},
        {.subscription_max_count = 65536},
    };
    (void)state;
    world_init(&w, NULL);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_mqtt_broker_config cfg = rows[i];
        nh_mqtt_broker_t *b;
        cfg.mem = w.mem;
        assert_int_equal(nh_mqtt_broker_create(&cfg, &b), NH_ERR_RANGE);
        assert_null(b);
    }
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_min_qos),
        cmocka_unit_test(test_resubscribe),
        cmocka_unit_test(test_many_filters),
        cmocka_unit_test(test_own_publishes_are_not_received),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_dollar),
        cmocka_unit_test(test_retained),
        cmocka_unit_test(test_retained_limits),
        cmocka_unit_test(test_long_replay),
        cmocka_unit_test(test_wills),
        cmocka_unit_test(test_refused_between),
        cmocka_unit_test(test_replay_rounds),
        cmocka_unit_test(test_keepalive),
        cmocka_unit_test(test_connect_timeout),
        cmocka_unit_test(test_wheel),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_local_loop),
        cmocka_unit_test(test_sys),
        cmocka_unit_test(test_visits),
        cmocka_unit_test(test_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
