// QoS 1 and 2 with retries and duplicates, sessions that stay and go, and what happens at each
// limit.

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

static struct nh_mqtt_info info_of(void)
{
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    return info;
}

static void connect_kept(struct client *c, const char *id, const char *expected)
{
    client_connect(c, id, true);
    assert_heard(c, expected);
}

static void lose(struct client *c)
{
    client_close(c);
    world_turn_end(&w);
}

// ---- QoS 2 from a client ------------------------------------------------------------------------

static void qos2_in(struct client *c)
{
    client_connect(&c[1], "sub", false);
    client_subscribe(&c[1], "#", 0);
    client_heard(&c[1]);
    connect_kept(&c[0], "pub", "connack 0 0");
    client_publish_id(&c[0], "t", "1", 2, 9);
    assert_heard(&c[0], "pubrec #9"); // [MQTT-4.3.3-2]
    client_publish_with(&c[0], &(struct publish){"t", "1", 2, 9, .dup = true});
    assert_heard(&c[0], "pubrec #9"); // the same message again
    lose(&c[0]);
    connect_kept(&c[0], "pub", "connack 1 0");
    client_publish_with(&c[0], &(struct publish){"t", "1", 2, 9, .dup = true});
    client_publish_id(&c[0], "t", "2", 2, 10);
    assert_heard(&c[0], "pubrec #9; pubrec #10");
    client_ack(&c[0], 0x62, 9);
    client_ack(&c[0], 0x62, 9); // released twice: answered twice
    client_ack(&c[0], 0x62, 77);
    assert_heard(&c[0], "pubcomp #9; pubcomp #9; pubcomp #77");
    client_publish_id(&c[0], "t", "3", 2, 9); // the id is free again
    assert_heard(&c[0], "pubrec #9");
    assert_heard(&c[1], "publish t 1 q0; publish t 2 q0; publish t 3 q0");
}

static void test_qos2_in(void **state)
{
    (void)state;
    each_way(NULL, qos2_in);
}

static void qos2_many(struct client *c)
{
    client_connect(&c[0], "pub", false);
    for (unsigned i = 1; i <= 20; i++)
        client_publish_id(&c[0], "t", "m", 2, 60000 + i * 7);
    assert_non_null(c[0].conn);
    client_publish_with(&c[0], &(struct publish){"t", "m", 2, 60007, .dup = true});
    assert_non_null(c[0].conn); // not one more
    assert_int_equal(client_publish_id(&c[0], "t", "m", 2, 1), NH_ERR_PROTO);
    assert_null(c[0].conn);
}

static void test_qos2_many(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.qos2_max_count = 20}, qos2_many);
}

// ---- to a client, with reconnections ------------------------------------------------------------

static void qos_out(struct client *c)
{
    client_connect(&c[0], "pub", false);
    connect_kept(&c[1], "sub", "connack 0 0");
    client_subscribe(&c[1], "t", 2);
    client_publish(&c[0], "t", "one", 1);
    client_publish(&c[0], "t", "two", 2);
    client_publish(&c[0], "t", "six", 2);
    assert_heard(&c[1], "suback #7 2; publish t one q1 #1; publish t two q2 #2; "
                        "publish t six q2 #3");
    client_ack(&c[1], 0x50, 2);
    client_ack(&c[1], 0x50, 2);
    assert_heard(&c[1], "pubrel #2; pubrel #2");
    lose(&c[1]);
    client_publish(&c[0], "t", "off", 1);
    client_publish(&c[0], "t", "lost", 0); // QoS 0 is not kept for who is away
    assert_int_equal(info_of().queued_messages, 4);
    client_connect(&c[1], "sub", true);
    // [MQTT-4.4.0-1]: same ids, DUP, in the old order; then what came meanwhile.
    assert_heard(&c[1], "connack 1 0; publish t one q1 #1 dup; pubrel #2; "
                        "publish t six q2 #3 dup; publish t off q1 #4");
    client_ack(&c[1], 0x40, 1);
    client_ack(&c[1], 0x40, 1);  // unknown by now: ignored
    client_ack(&c[1], 0x40, 99); // never known
    client_ack(&c[1], 0x70, 2);
    client_ack(&c[1], 0x50, 3);
    client_ack(&c[1], 0x70, 3);
    client_ack(&c[1], 0x40, 4);
    assert_heard(&c[1], "pubrel #3");
    assert_int_equal(info_of().queued_messages, 0);
    assert_int_equal(info_of().inflight_count, 0);
    lose(&c[1]);
    connect_kept(&c[1], "sub", "connack 1 0");
}

static void test_qos_out(void **state)
{
    (void)state;
    each_way(NULL, qos_out);
}

static void sessions(struct client *c)
{
    client_connect(&c[0], "pub", false);
    connect_kept(&c[1], "s", "connack 0 0");
    client_subscribe(&c[1], "t", 1);
    client_disconnect(&c[1]);
    client_publish(&c[0], "t", "1", 1);
    client_connect(&c[1], "s", true);
    assert_heard(&c[1], "connack 1 0; publish t 1 q1 #1"); // [MQTT-3.1.2-4], [MQTT-3.1.2-5]
    client_connect(&c[2], "s", true); // taken over: the session goes along [MQTT-3.1.4-2]
    assert_null(c[1].conn);
    assert_heard(&c[2], "connack 1 0; publish t 1 q1 #1 dup");
    client_connect(&c[3], "s", false); // a clean one: nothing is left [MQTT-3.1.2-6]
    assert_heard(&c[3], "connack 0 0");
    client_publish(&c[0], "t", "2", 1);
    assert_heard(&c[3], "");
    lose(&c[3]);
    connect_kept(&c[1], "s", "connack 0 0");
    assert_int_equal(info_of().takeovers, 2);
    assert_int_equal(info_of().session_count, 2);
}

static void test_sessions(void **state)
{
    (void)state;
    each_way(NULL, sessions);
}

static void eviction(struct client *c)
{
    static const char *const ids[] = {"1", "2", "3"};
    for (int i = 0; i < 3; i++) {
        connect_kept(&c[0], ids[i], "connack 0 0");
        client_subscribe(&c[0], "t", 1);
        lose(&c[0]);
    }
    assert_int_equal(info_of().session_count, 2);
    assert_int_equal(info_of().sessions_evicted, 1);
    connect_kept(&c[0], "2", "connack 1 0");
    connect_kept(&c[1], "1", "connack 0 0"); // the oldest went
    assert_int_equal(info_of().subscription_count, 2);
}

static void test_eviction(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.session_max_count = 2}, eviction);
}

// ---- the window and the queue -------------------------------------------------------------------

static void window(struct client *c)
{
    client_connect(&c[0], "pub", false);
    client_connect(&c[1], "sub", false);
    client_subscribe(&c[1], "t", 2);
    client_heard(&c[1]);
    static const char *const payloads[] = {"1", "2", "3", "4", "5", "6"};
    for (int i = 0; i < 6; i++)
        client_publish(&c[0], "t", payloads[i], i % 2 ? 2 : 1);
    client_publish(&c[0], "t", "now", 0);
    assert_heard(&c[1], "publish t 1 q1 #1; publish t 2 q2 #2; publish t now q0");
    assert_int_equal(info_of().queued_messages, 6);
    client_ack(&c[1], 0x50, 2); // received, but the first still blocks the window
    assert_heard(&c[1], "pubrel #2");
    client_ack(&c[1], 0x40, 1);
    assert_heard(&c[1], "publish t 3 q1 #3");
    client_ack(&c[1], 0x70, 2);
    assert_heard(&c[1], "publish t 4 q2 #4");
    client_ack(&c[1], 0x40, 3);
    assert_heard(&c[1], "publish t 5 q1 #5");
}

static void test_window(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.inflight_max = 2}, window);
}

// Packet ids go round past 65535 and leave out 0 [MQTT-2.3.1-1].
static void test_ids_go_round(void **state)
{
    (void)state;
    world_init(&w, NULL);
    w.no_check = true;
    struct client *c = w.clients;
    client_connect(&c[0], "self", false);
    client_subscribe(&c[0], "t", 1);
    client_heard(&c[0]);
    const struct packet *p = packet_publish(&(struct publish){"t", "m", 1, 1, false, false});
    for (unsigned i = 1; i <= 65600; i++) {
        client_packet(&c[0], p);
        unsigned id = (i - 1) % 65535 + 1;
        assert_int_equal(c[0].rx_len, 4 + 8); // the order of PUBACK and PUBLISH is free
        c[0].rx_len = 0;
        client_ack(&c[0], 0x40, id);
    }
    assert_int_equal(info_of().inflight_count, 0);
    world_deinit(&w);
}

// A session that is away keeps as many as its limit says; the newest beyond that are dropped.
static void away(struct client *c)
{
    client_connect(&c[0], "pub", false);
    connect_kept(&c[1], "sub", "connack 0 0");
    client_subscribe(&c[1], "t", 1);
    lose(&c[1]);
    world_events(&w);
    static const char *const payloads[] = {"1", "2", "3", "4", "5"};
    for (int i = 0; i < 5; i++)
        client_publish(&c[0], "t", payloads[i], 1);
    assert_heard(&c[0], "connack 0 0; puback #1; puback #2; puback #3; puback #4; puback #5");
    assert_int_equal(info_of().dropped_queue_full, 2);
    assert_string_equal(world_events(&w), "dropped sub; queue full sub"); // told once
    client_connect(&c[1], "sub", true);
    assert_heard(&c[1], "connack 1 0; publish t 1 q1 #1; publish t 2 q1 #2; publish t 3 q1 #3");
}

static void test_away(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.queue_max_messages = 3}, away);
}

// That a queue is full is told again when it has been empty, not before.
static void away_twice(struct client *c)
{
    static const char *const told[] = {"dropped sub; queue full sub", "dropped sub",
                                       "dropped sub; queue full sub"};
    client_connect(&c[0], "pub", false);
    connect_kept(&c[1], "sub", "connack 0 0");
    client_subscribe(&c[1], "t", 1);
    for (int round = 0; round < 3; round++) {
        lose(&c[1]);
        world_events(&w);
        for (int i = 0; i < 12; i++)
            client_publish(&c[0], "t", "x", 1);
        client_heard(&c[0]);
        assert_string_equal(world_events(&w), told[round]);
        client_connect(&c[1], "sub", true);
        client_heard(&c[1]);
        for (unsigned i = 1; i <= (round == 0 ? 7 : 8); i++) // all but one; then all
            client_ack(&c[1], 0x40, 7 * (unsigned)round + i);
    }
}

static void test_away_twice(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.queue_max_messages = 8}, away_twice);
}

// One reader stalls in the middle of a packet: it is bounded and loses its oldest QoS 0 messages,
// the one beside it loses nothing.
static void slow(struct client *c)
{
    char payload[16];
    client_connect(&c[0], "pub", false);
    client_connect(&c[1], "fast", false);
    client_connect(&c[2], "slow", false);
    client_subscribe(&c[1], "t", 0);
    client_subscribe(&c[2], "t", 0);
    client_heard(&c[1]);
    client_heard(&c[2]);
    c[2].read_max = 3;
    client_publish(&c[0], "t", "0000", 0);
    c[2].read_max = 0;
    for (int i = 1; i <= 40; i++) {
        snprintf(payload, sizeof payload, "%04d", i);
        client_publish(&c[0], "t", payload, 0);
    }
    assert_int_equal(c[1].rx_len, 41 * 9);
    struct nh_mqtt_info info = info_of();
    assert_int_equal(info.queued_messages, 5);
    assert_int_equal(info.dropped_queue_full, 36);
    client_catch_up(&c[2]);
    // The one that was begun is whole, then the newest four.
    assert_heard(&c[2], "publish t 0000 q0; publish t 0037 q0; publish t 0038 q0; "
                        "publish t 0039 q0; publish t 0040 q0");
    client_publish(&c[0], "t", "next", 0);
    assert_heard(&c[2], "publish t next q0");
}

static void test_slow(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.queue_max_messages = 5}, slow);
}

// The same with all in one turn, with other items in between, and a limit in bytes.
static void slow_mixed(struct client *c)
{
    static struct packet all;
    all.len = 0;
    client_connect(&c[0], "pub", false);
    client_connect(&c[2], "slow", false);
    client_subscribe(&c[2], "#", 1);
    client_heard(&c[2]);
    c[2].read_max = 0;
    client_ping(&c[2]);
    for (unsigned i = 0; i < 12; i++) {
        char payload[8];
        snprintf(payload, sizeof payload, "%02u", i);
        const struct packet *p = packet_publish(
            &(struct publish){i % 5 ? "t" : "u", payload, i % 4 == 3 ? 1 : 0, i + 1, false, false});
        memcpy(all.bytes + all.len, p->bytes, p->len);
        all.len += p->len;
    }
    client_packet(&c[0], &all);
    client_ping(&c[2]);
    assert_int_equal(info_of().queued_messages, 6); // of 7 bytes each
    client_catch_up(&c[2]);
    assert_heard(&c[2], "pingresp; publish t 03 q1 #1; publish t 07 q1 #2; publish t 08 q0; "
                        "publish t 09 q0; publish u 10 q0; publish t 11 q1 #3; pingresp");
    assert_int_equal(info_of().dropped_queue_full, 6);
}

static void test_slow_mixed(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.queue_max_bytes = 42}, slow_mixed);
}

// A message larger than a queue's limit still passes when it is alone.
static void large(struct client *c)
{
    static char payload[3001];
    memset(payload, 'x', 3000);
    client_connect(&c[0], "pub", false);
    for (unsigned i = 1; i <= 2; i++) {
        client_connect(&c[i], i == 1 ? "one" : "two", i == 2);
        client_subscribe(&c[i], "t", 2);
        client_heard(&c[i]);
        c[i].read_max = 100;
    }
    for (unsigned qos = 0; qos < 3; qos++) {
        client_publish(&c[0], "t", payload, qos);
        client_catch_up(&c[1]);
        client_catch_up(&c[2]);
        static const char *const expected[] = {"publish t (3000 bytes) q0",
                                               "publish t (3000 bytes) q1 #1",
                                               "publish t (3000 bytes) q2 #2"};
        assert_heard(&c[1], expected[qos]);
        assert_heard(&c[2], expected[qos]);
        for (unsigned i = 1; i <= 2 && qos; i++)
            client_ack(&c[i], qos == 1 ? 0x40 : 0x50, qos);
    }
    assert_int_equal(info_of().dropped_queue_full, 0);
}

static void test_large(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.queue_max_bytes = 1000}, large);
}

// A payload exists once, however many wait for it.
static void test_one_copy(void **state)
{
    static char payload[4001];
    (void)state;
    memset(payload, 'x', 4000);
    world_init(&w, NULL);
    struct client *c = w.clients;
    client_connect(&c[0], "pub", false);
    for (unsigned i = 1; i < 6; i++) {
        static const char *const ids[] = {"", "1", "2", "3", "4", "5"};
        client_connect(&c[i], ids[i], i % 2);
        client_subscribe(&c[i], "t", i % 3);
        c[i].read_max = 0;
    }
    for (unsigned qos = 0; qos < 3; qos++) {
        size_t before = world_mem_bytes(&w);
        client_publish(&c[0], "t", payload, qos);
        assert_in_range(world_mem_bytes(&w), before + 4000, before + 7000);
    }
    world_deinit(&w);
}

// A client that does not read its answers is closed before it takes much memory.
static void deaf(struct client *c)
{
    w.no_check = true;
    client_connect(&c[0], "deaf", false);
    c[0].read_max = 0;
    struct packet *p = packet_begin();
    for (int i = 0; i < 2000; i++)
        put_u16(p, 0xC000);
    int rounds = 0;
    while (c[0].conn && rounds++ < 100)
        client_packet(&c[0], p);
    assert_int_equal(c[0].last_rc, NH_ERR_FULL);
    assert_in_range(rounds, 10, 40);
}

static void test_deaf(void **state)
{
    (void)state;
    world_init(&w, &(struct nh_mqtt_broker_config){.queue_max_bytes = 64 * 1024});
    deaf(w.clients);
    world_deinit(&w);
}

// ---- push back ----------------------------------------------------------------------------------

static void push_back(struct client *c)
{
    client_connect(&c[0], "pub", false);
    client_connect(&c[1], "sub", false);
    client_subscribe(&c[1], "t", 1);
    client_heard(&c[1]);
    for (int i = 0; i < 6; i++)
        client_publish(&c[0], "t", "m", 1);
    assert_true(c[0].is_paused); // more than half of 10 wait
    assert_heard(&c[1], "publish t m q1 #1; publish t m q1 #2");
    for (unsigned id = 1; id <= 3; id++)
        client_ack(&c[1], 0x40, id);
    assert_true(c[0].is_paused);
    client_ack(&c[1], 0x40, 4); // a quarter is left
    assert_false(c[0].is_paused);
    assert_heard(&c[1], "publish t m q1 #3; publish t m q1 #4; publish t m q1 #5; "
                        "publish t m q1 #6");
    // Nobody acknowledges: after a while the publisher goes on and the queue's limit holds.
    for (int i = 0; i < 6; i++)
        client_publish(&c[0], "t", "m", 1);
    assert_true(c[0].is_paused);
    assert_true(nh_mqtt_broker_next_deadline(w.broker) == w.now_ms + 700);
    world_tick(&w, w.now_ms + 700);
    assert_false(c[0].is_paused);
    for (int i = 0; i < 6; i++)
        client_publish(&c[0], "t", "m", 1);
    assert_false(c[0].is_paused);
    assert_int_equal(info_of().queued_messages, 10);
    assert_int_equal(info_of().dropped_queue_full, 4);
    assert_int_equal(info_of().pushbacks, 2);
    for (unsigned id = 5; id < 15; id++) // it comes back
        client_ack(&c[1], 0x40, id);
    client_heard(&c[1]);
    for (int i = 0; i < 6; i++)
        client_publish(&c[0], "t", "m", 1);
    assert_true(c[0].is_paused);
    lose(&c[1]); // who held it back is gone
    assert_false(c[0].is_paused);
}

static void test_push_back(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.queue_max_messages = 10,
                                             .inflight_max = 2,
                                             .pushback_max_ms = 700,
                                             .pause = world_pause},
             push_back);
}

// A client that publishes to itself is not kept from reading its own acknowledgements.
static void push_back_self(struct client *c)
{
    client_connect(&c[0], "self", false);
    client_subscribe(&c[0], "t", 1);
    for (int i = 0; i < 12; i++)
        client_publish(&c[0], "t", "m", 1);
    assert_false(c[0].is_paused);
    assert_int_equal(info_of().queued_messages, 10);
}

static void test_push_back_self(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.queue_max_messages = 10,
                                             .inflight_max = 2,
                                             .pause = world_pause},
             push_back_self);
}

// Two clients that fill each other's queue: neither waits for the other for ever.
static void push_back_mutual(struct client *c)
{
    client_connect(&c[0], "a", false);
    client_connect(&c[1], "b", false);
    client_subscribe(&c[0], "a", 1);
    client_subscribe(&c[1], "b", 1);
    for (int i = 0; i < 6; i++)
        client_publish(&c[0], "b", "m", 1);
    assert_true(c[0].is_paused);
    for (int i = 0; i < 6; i++)
        client_publish(&c[1], "a", "m", 1);
    assert_false(c[0].is_paused);
    assert_false(c[1].is_paused);
}

static void test_push_back_mutual(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.queue_max_messages = 10,
                                             .inflight_max = 2,
                                             .pause = world_pause},
             push_back_mutual);
}

// On request QoS 0 is held back too, instead of dropped.
static void push_back_qos0(struct client *c)
{
    client_connect(&c[0], "pub", false);
    client_connect(&c[1], "sub", false);
    client_subscribe(&c[1], "t", 0);
    client_heard(&c[1]);
    c[1].read_max = 0;
    int count = 0;
    while (!c[0].is_paused && count++ < 20)
        client_publish(&c[0], "t", "m", 0);
    assert_in_range(count, 6, 8);
    assert_int_equal(info_of().dropped_queue_full, 0);
    client_catch_up(&c[1]);
    assert_false(c[0].is_paused);
    assert_int_equal(c[1].rx_len, (size_t)count * 6);
}

static void test_push_back_qos0(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.queue_max_messages = 10,
                                             .pushback_qos0 = true,
                                             .pause = world_pause},
             push_back_qos0);
}

// ---- no memory ----------------------------------------------------------------------------------

// Each packet type once, with readers that stall; returns how many steps failed.
static unsigned script(struct client *c)
{
    static char payload[301];
    unsigned failed = 0;
    memset(payload, 'x', 300);
    failed += client_connect(&c[1], "sub", true) != NH_OK;
    failed += c[1].conn && client_subscribe(&c[1], "t/#", 2) != NH_OK;
    c[1].read_max = 7;
    for (unsigned qos = 0; qos < 3; qos++) {
        const struct publish k = {"t/a", qos == 2 ? payload : "m", qos, qos, qos == 1, false};
        if (!c[0].conn)
            failed += client_connect_with(&c[0], &(struct connect){.id = "pub",
                                                                   .will_topic = "t/will",
                                                                   .will_payload = "bye",
                                                                   .will_qos = 1}) != NH_OK;
        failed += c[0].conn && client_publish_with(&c[0], &k) != NH_OK;
        failed += c[0].conn && qos == 2 && client_ack(&c[0], 0x62, 2) != NH_OK;
    }
    failed += c[0].conn && client_subscribe(&c[0], "t/#", 0) != NH_OK;
    c[1].read_max = SIZE_MAX;
    failed += c[1].conn && client_ping(&c[1]) != NH_OK;
    failed += c[1].conn && client_ack(&c[1], 0x40, 1) != NH_OK;
    failed += c[1].conn && client_ack(&c[1], 0x50, 2) != NH_OK;
    failed += c[1].conn && client_ack(&c[1], 0x70, 2) != NH_OK;
    failed += c[1].conn && client_unsubscribe(&c[1], "t/#") != NH_OK;
    failed += c[1].conn && client_disconnect(&c[1]) != NH_OK;
    lose(&c[0]);
    return failed;
}

// Fails allocation 1, 2, 3 ... of the script in turn: a clean error, no leak, and a third client
// that speaks before and after is served [MQTT-4.8.0-2].
static void no_memory(size_t chunk)
{
    for (uint64_t nth = 1;; nth++) {
        world_init(&w, NULL);
        w.chunk = chunk;
        struct client *c = w.clients;
        client_connect(&c[3], "other", false);
        client_subscribe(&c[3], "other", 1);
        client_heard(&c[3]);
        struct nh_mem_fault fault = {.fail_nth = nth, .only_owner = w.mem};
        nh_mem_fault_set(w.sys, &fault);
        unsigned failed = 0;
        failed += script(c);
        uint64_t hits = nh_mem_fault_hits(w.sys);
        nh_mem_fault_set(w.sys, NULL);
        assert_non_null(c[3].conn);
        client_publish(&c[3], "other", "fine", 1);
        const char *heard = client_heard(&c[3]);
        assert_true(strcmp(heard, "publish other fine q1 #1; puback #1") == 0 ||
                    strcmp(heard, "puback #1; publish other fine q1 #1") == 0);
        world_deinit(&w);
        if (hits == 0) {
            assert_int_equal(failed, 0);
            break;
        }
        assert_true(nth < 200);
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    no_memory(0);
    no_memory(5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qos2_in),        cmocka_unit_test(test_qos2_many),
        cmocka_unit_test(test_qos_out),        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_eviction),       cmocka_unit_test(test_window),
        cmocka_unit_test(test_ids_go_round),   cmocka_unit_test(test_away),
        cmocka_unit_test(test_away_twice),     cmocka_unit_test(test_slow),
        cmocka_unit_test(test_slow_mixed),     cmocka_unit_test(test_large),
        cmocka_unit_test(test_one_copy),       cmocka_unit_test(test_deaf),
        cmocka_unit_test(test_push_back),      cmocka_unit_test(test_push_back_self),
        cmocka_unit_test(test_push_back_qos0), cmocka_unit_test(test_push_back_mutual),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
