// 5.0: messages on their way: properties, aliases, expiry, reason codes, the limits of both sides.
// Each conversation is held four times: the input whole, byte by byte, and in pieces of 3 and 7.

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

static void hello5(struct client *c, const char *id, struct bytes props)
{
    client_connect5(c, id, props);
    assert_non_null(strstr(client_heard(c), "connack 0 0x00"));
}

// A publisher, a subscriber of 5.0 and one of 3.1.1, both to "#" at QoS 2.
static void three(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    hello5(&c[1], "sub5", NO_PROPS);
    client_connect(&c[2], "sub4", false);
    client_subscribe(&c[1], "#", 2);
    client_subscribe(&c[2], "#", 2);
    client_heard(&c[1]);
    client_heard(&c[2]);
    world_events(&w);
}

static struct nh_mqtt_info info_now(void)
{
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    return info;
}

// ---- properties ---------------------------------------------------------------------------------

#define ALL_PROPS                                                                                  \
    "\x26\0\1k\0\1v"                                                                               \
    "\x01\1"                                                                                       \
    "\x26\0\1k\0\1w"                                                                               \
    "\x03\0\4text"                                                                                 \
    "\x08\0\2re"                                                                                   \
    "\x09\0\2id"
#define ALL_HEARD "{user=k:v utf8=1 user=k:w type=text response=re data=id}"

// [MQTT5-3.3.2-4], -15, -16, -17, -18, -20, [MQTT5-3.1.3-10] what belongs to the message arrives as
// it was sent, in order, at each QoS; 3.1.1 gets the message without.
static void forwarded(struct client *c)
{
    three(c);
    client_publish5(&c[0], "t", "zero", 0, PROPS(ALL_PROPS));
    client_publish5(&c[0], "t", "one", 1, PROPS(ALL_PROPS));
    client_publish5(&c[0], "t", "two", 2, PROPS(ALL_PROPS));
    assert_heard(&c[1], "publish t zero q0 " ALL_HEARD "; publish t one q1 #1 " ALL_HEARD
                        "; publish t two q2 #2 " ALL_HEARD);
    assert_heard(&c[2], "publish t zero q0; publish t one q1 #1; publish t two q2 #2");
    // Retained, and to a subscriber at a lower QoS.
    client_publish_with(&c[0], &(struct publish){.topic = "r",
                                                 .payload = "kept",
                                                 .qos = 1,
                                                 .id = 9,
                                                 .retain = true,
                                                 .props = PROPS(ALL_PROPS)});
    hello5(&c[3], "late", NO_PROPS);
    client_subscribe(&c[3], "r", 0);
    assert_heard(&c[3], "suback #7 0x00; publish r kept q0 retain " ALL_HEARD);
    client_connect(&c[3], "later", false);
    client_subscribe(&c[3], "r", 1);
    assert_heard(&c[3], "connack 0 0; suback #7 1; publish r kept q1 #1 retain");
}

static void test_forwarded(void **state)
{
    (void)state;
    each_way(NULL, forwarded);
}

// A run of QoS 0 packets with and without properties, to both versions: order and bytes hold.
static void runs(struct client *c)
{
    static struct packet all;
    static const char *const topics[] = {"a", "a", "b", "a", "a", "a"};
    three(c);
    client_subscribe5(&c[1], "b", 0, PROPS("\x0b\7"));
    client_heard(&c[1]);
    all.len = 0;
    for (unsigned i = 0; i < 6; i++) {
        char payload[2] = {(char)('0' + i), 0};
        struct publish k = {.topic = topics[i], .payload = payload, .version = 5};
        if (i == 3)
            k.props = PROPS("\x03\0\1x");
        const struct packet *p = packet_publish(&k);
        memcpy(all.bytes + all.len, p->bytes, p->len);
        all.len += p->len;
    }
    client_packet(&c[0], &all);
    assert_heard(&c[1], "publish a 0 q0; publish a 1 q0; publish b 2 q0 {id=7}; "
                        "publish a 3 q0 {type=x}; publish a 4 q0; publish a 5 q0");
    assert_heard(&c[2], "publish a 0 q0; publish a 1 q0; publish b 2 q0; publish a 3 q0; "
                        "publish a 4 q0; publish a 5 q0");
    assert_int_equal(info_now().messages_in_qos[0], 6);
    assert_int_equal(info_now().messages_out_qos[0], 12);
}

static void test_runs(void **state)
{
    (void)state;
    each_way(NULL, runs);
}

// Each subscriber has an identifier of its own: what a turn holds for them is bounded, who gets
// nothing has it counted.
static void many_labels(struct client *c)
{
    static struct packet all;
    static char text[1001];
    memset(text, 'x', 1000);
    hello5(&c[0], "pub", NO_PROPS);
    for (unsigned i = 1; i < WORLD_CLIENTS; i++) {
        char id[2] = {(char)('a' + i), 0}, label[2] = {0x0b, (char)i};
        hello5(&c[i], id, NO_PROPS);
        client_subscribe5(&c[i], "t", 0, (struct bytes){label, 2});
        client_heard(&c[i]);
    }
    all.len = 0;
    for (unsigned i = 0; i < 4; i++) {
        const struct packet *p =
            packet_publish(&(struct publish){.topic = "t", .payload = text, .version = 5});
        memcpy(all.bytes + all.len, p->bytes, p->len);
        all.len += p->len;
    }
    for (unsigned round = 0; round < 8; round++) // in one turn
        assert_int_equal(nh_mqtt_broker_input(w.broker, c[0].conn, all.bytes, all.len, w.now_ms),
                         NH_OK);
    for (unsigned i = 0; i < WORLD_CLIENTS; i++)
        c[i].rx_len = 0;
    uint64_t got = info_now().messages_out_qos[0], lost = info_now().dropped_no_memory;
    assert_int_equal(got + lost, 8 * 4 * (WORLD_CLIENTS - 1));
    assert_true(got > 40 && lost > 40);
    for (unsigned i = 1; i < WORLD_CLIENTS; i++)
        client_close(&c[i]);
    world_turn_end(&w);
}

static void test_many_labels(void **state)
{
    (void)state;
    world_init(&w, &(struct nh_mqtt_broker_config){.queue_max_bytes = 1000});
    many_labels(w.clients);
    world_deinit(&w);
}

// Slow readers of both versions: what is translated for them outlives the turn.
static void slow(struct client *c)
{
    static struct packet all;
    three(c);
    all.len = 0;
    for (unsigned i = 0; i < 20; i++) {
        char payload[2] = {(char)('a' + i), 0};
        struct publish k = {.topic = "topic/of/it", .payload = payload, .version = 5};
        const struct packet *p = packet_publish(&k);
        memcpy(all.bytes + all.len, p->bytes, p->len);
        all.len += p->len;
    }
    c[1].read_max = 9;
    c[2].read_max = 5;
    client_packet(&c[0], &all);
    client_catch_up(&c[1]);
    client_catch_up(&c[2]);
    for (unsigned i = 1; i < 3; i++) {
        const char *heard = client_heard(&c[i]);
        for (char letter = 'a'; letter < 'a' + 20; letter++) {
            assert_int_equal(strncmp(heard, "publish topic/of/it ", 20), 0);
            assert_int_equal(heard[20], letter);
            heard = strstr(heard, "; ") ? strstr(heard, "; ") + 2 : "";
        }
        assert_string_equal(heard, "");
    }
}

static void test_slow(void **state)
{
    (void)state;
    each_way(NULL, slow);
}

// [MQTT5-3.3.2-4] what says that it is text and is not, is not passed on.
static void format(struct client *c)
{
    three(c);
    client_publish5(&c[0], "t", "\xff", 1, PROPS("\1\1"));
    client_publish5(&c[0], "t", "\xff", 2, PROPS("\1\1"));
    client_publish5(&c[0], "t", "\xff", 0, PROPS("\1\1"));
    client_publish5(&c[0], "t", "\xff", 0, PROPS("\1\0"));
    client_publish5(&c[0], "t", "caf\xc3\xa9", 0, PROPS("\1\1"));
    assert_heard(&c[0], "puback #1 0x99 {reason=payload format invalid}; "
                        "pubrec #2 0x99 {reason=payload format invalid}");
    assert_heard(&c[2], "publish t \xff q0; publish t caf\xc3\xa9 q0");
    // [MQTT5-4.3.3-9] the packet id is free again: this is no duplicate.
    client_publish_id(&c[0], "t", "good", 2, 2);
    assert_heard(&c[0], "pubrec #2");
    assert_int_equal(info_now().publish_refused, 3);
}

static void test_format(void **state)
{
    (void)state;
    each_way(NULL, format);
}

// ---- reason codes -------------------------------------------------------------------------------

static bool authorize(void *ctx, const struct nh_mqtt_who *who, enum nh_mqtt_action action,
                      nh_span_t topic)
{
    (void)ctx;
    (void)who;
    return action == NH_MQTT_MAY_RECEIVE || topic.ptr[0] != 'x';
}

static void accept_all(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                       struct nh_mqtt_auth_answer *out)
{
    (void)ctx;
    (void)c;
    (void)r;
    out->verdict = NH_MQTT_AUTH_ACCEPTED;
}

// [MQTT5-3.4.2-1], [MQTT5-3.5.2-1], [MQTT5-3.6.2-1], [MQTT5-3.7.2-1]: each answer says how it went;
// reason strings only to who wants them [MQTT5-3.1.2-29].
static void reasons(struct client *c)
{
    hello5(&c[0], "a", NO_PROPS);
    client_publish(&c[0], "nobody", "m", 1);
    client_publish(&c[0], "nobody", "m", 2);
    assert_heard(&c[0], "puback #1 0x10; pubrec #2 0x10");
    client_ack(&c[0], 0x62, 2);
    client_ack(&c[0], 0x62, 2);
    assert_heard(&c[0], "pubcomp #2; pubcomp #2 0x92 {reason=packet identifier not found}");
    client_ack(&c[0], 0x50, 77);
    assert_heard(&c[0], "pubrel #77 0x92 {reason=packet identifier not found}");
    client_publish(&c[0], "x", "m", 1);
    client_publish(&c[0], "$SYS/x", "m", 1);
    client_publish(&c[0], "1/2/3/4/5/6/7/8/9", "m", 2);
    assert_heard(&c[0], "puback #3 0x87 {reason=not authorized}; "
                        "puback #4 0x90 {reason=topic name invalid}; "
                        "pubrec #5 0x90 {reason=topic name invalid}");
    client_subscribe(&c[0], "x", 0);
    client_subscribe(&c[0], "1/2/3/4/5/6/7/8/9", 0);
    client_subscribe(&c[0], "one", 0);
    client_subscribe(&c[0], "two", 0);
    assert_heard(&c[0], "suback #7 0x87; suback #7 0x8f; suback #7 0x00; suback #7 0x97");
    hello5(&c[1], "b", PROPS("\x17\0"));
    client_publish(&c[1], "x", "m", 1);
    assert_heard(&c[1], "puback #1 0x87");
    // A client that takes small packets gets the code alone [MQTT5-3.4.2-2].
    hello5(&c[2], "c", PROPS("\x27\0\0\0\x14"));
    client_publish(&c[2], "x", "m", 1);
    assert_heard(&c[2], "puback #1 0x87");
}

static void test_reasons(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.topic_level_max = 8,
                                             .subscription_max_count = 1,
                                             .authorize = authorize,
                                             .authenticate = accept_all},
             reasons);
}

// [MQTT5-4.3.3-4], [MQTT5-4.3.2-3] a subscriber that refuses a message has seen the end of it.
static void refused_by_subscriber(struct client *c)
{
    three(c);
    client_publish(&c[0], "t", "one", 1);
    client_publish(&c[0], "t", "two", 2);
    client_heard(&c[1]);
    client_ack5(&c[1], 0x40, 1, 0x87);
    client_ack5(&c[1], 0x50, 2, 0x97);
    assert_heard(&c[1], ""); // no PUBREL
    client_ack(&c[2], 0x40, 1);
    client_ack(&c[2], 0x50, 2);
    client_ack5(&c[2], 0x70, 2, 0); // 3.1.1 has no such form
    assert_null(c[2].conn);
    assert_int_equal(info_now().inflight_count, 0);
}

static void test_refused_by_subscriber(void **state)
{
    (void)state;
    each_way(NULL, refused_by_subscriber);
}

// ---- topic aliases ------------------------------------------------------------------------------

// [MQTT5-3.3.2-7], [MQTT5-3.3.2-12]: a number stands for a topic on this connection, and may be set
// anew.
static void aliases_in(struct client *c)
{
    three(c);
    client_publish5(&c[0], "long/topic", "1", 0, PROPS("\x23\0\1"));
    client_publish5(&c[0], "", "2", 0, PROPS("\x23\0\1"));
    client_publish5(&c[0], "", "3", 1, PROPS("\x23\0\1\x03\0\1x"));
    client_publish5(&c[0], "other", "4", 2, PROPS("\x23\0\x10"));
    client_publish5(&c[0], "", "5", 0, PROPS("\x23\0\x10\x26\0\1k\0\1v"));
    client_publish5(&c[0], "new", "6", 0, PROPS("\x23\0\1"));
    client_publish5(&c[0], "", "7", 0, PROPS("\x23\0\1"));
    assert_heard(&c[1], "publish long/topic 1 q0; publish long/topic 2 q0; "
                        "publish long/topic 3 q1 #1 {type=x}; publish other 4 q2 #2; "
                        "publish other 5 q0 {user=k:v}; publish new 6 q0; publish new 7 q0");
    assert_heard(&c[2], "publish long/topic 1 q0; publish long/topic 2 q0; "
                        "publish long/topic 3 q1 #1; publish other 4 q2 #2; publish other 5 q0; "
                        "publish new 6 q0; publish new 7 q0");
    assert_heard(&c[0], "puback #1; pubrec #2");
    // Another connection has none of them.
    hello5(&c[3], "p2", NO_PROPS);
    client_publish5(&c[3], "", "?", 0, PROPS("\x23\0\1"));
    assert_heard(&c[3], "disconnect 0x82 {reason=protocol error}");
    // An alias of a topic over the limits: each message by it is refused.
    client_publish5(&c[0], "1/2/3/4/5/6/7/8/9", "m", 1, PROPS("\x23\0\2"));
    client_publish5(&c[0], "", "m", 1, PROPS("\x23\0\2"));
    assert_heard(&c[0], "puback #3 0x90 {reason=topic name invalid}; "
                        "puback #4 0x90 {reason=topic name invalid}");
    assert_heard(&c[1], "");
}

static void test_aliases_in(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.topic_level_max = 8}, aliases_in);
}

// [MQTT5-3.1.2-26], [MQTT5-3.1.2-27]: no more numbers than the client takes, and none to who takes
// none. The first topics get them.
static void aliases_out(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    hello5(&c[1], "two", PROPS("\x22\0\2"));
    client_subscribe(&c[1], "#", 1);
    client_heard(&c[1]);
    for (unsigned round = 0; round < 2; round++) {
        client_publish(&c[0], "topic/number/1", "m", 0);
        client_publish(&c[0], "topic/number/2", "m", 1);
        client_publish(&c[0], "topic/number/3", "m", 1);
        client_publish5(&c[0], "short", "m", 0, PROPS("\x01\1"));
        assert_heard(&c[1], round == 0
                                ? "publish topic/number/1 m q0 {alias=1}; "
                                  "publish topic/number/2 m q1 #1 {alias=2}; "
                                  "publish topic/number/3 m q1 #2; publish short m q0 {utf8=1}"
                                : "publish  m q0 {alias=1}; publish  m q1 #3 {alias=2}; "
                                  "publish topic/number/3 m q1 #4; publish short m q0 {utf8=1}");
    }
    // A slow reader gets whole packets at QoS 0: they can be dropped.
    c[1].read_max = 0;
    static char large[2501];
    memset(large, 'x', 2500);
    for (unsigned i = 0; i < 2; i++)
        client_publish(&c[0], "topic/number/1", large, 0);
    for (unsigned i = 0; i < 5; i++)
        client_publish(&c[0], "topic/number/1", "m", 0);
    c[1].read_max = SIZE_MAX;
    c[1].rx_len = 0;
    client_catch_up(&c[1]);
    assert_non_null(strstr(client_heard(&c[1]), "publish topic/number/1 m q0; "));
}

static void test_aliases_out(void **state)
{
    (void)state;
    world_init(&w, NULL); // large messages: whole only
    aliases_out(w.clients);
    world_deinit(&w);
}

// ---- expiry -------------------------------------------------------------------------------------

// [MQTT5-3.3.2-5], [MQTT5-3.3.2-6]: in a queue, in the window, retained; what is left is told.
static void expiry(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    client_connect5(&c[1], "sub", PROPS("\x11\0\0\xff\xff"));
    client_subscribe(&c[1], "#", 1);
    client_disconnect(&c[1]);
    client_publish5(&c[0], "t", "5 s", 1, PROPS("\x02\0\0\0\5"));
    client_publish5(&c[0], "t", "50 s", 1, PROPS("\x03\0\1x\x02\0\0\0\x32\x26\0\1k\0\1v"));
    client_publish5(&c[0], "t", "for ever", 1, NO_PROPS);
    client_publish5(&c[0], "t", "no time", 1, PROPS("\x02\0\0\0\0"));
    w.now_ms += 20000;
    client_resume5(&c[1], "sub", PROPS("\x11\0\0\xff\xff"));
    assert_heard(&c[1], "connack 1 0x00 {receive=1024 packet=65536 aliases=16}; "
                        "publish t 50 s q1 #1 {expiry=30 type=x user=k:v}; "
                        "publish t for ever q1 #2");
    assert_int_equal(info_now().messages_expired, 2);
    // At once: the whole time; also with none.
    client_publish5(&c[0], "t", "now", 0, PROPS("\x02\0\0\0\5"));
    client_publish5(&c[0], "t", "now", 1, PROPS("\x02\0\0\0\0"));
    assert_heard(&c[1], "publish t now q0 {expiry=5}; publish t now q1 #3 {expiry=0}");
    // 3.1.1 is not told, but spared what is over.
    client_connect(&c[2], "old", true);
    client_subscribe(&c[2], "#", 1);
    client_disconnect(&c[2]);
    client_publish5(&c[0], "t", "1 s", 1, PROPS("\x02\0\0\0\1"));
    client_publish5(&c[0], "t", "9 s", 1, PROPS("\x02\0\0\0\x09"));
    w.now_ms += 1000;
    client_connect(&c[2], "old", true);
    assert_heard(&c[2], "connack 1 0; publish t 9 s q1 #1");
}

static void test_expiry(void **state)
{
    (void)state;
    each_way(NULL, expiry);
}

// Retained messages expire by themselves, when somebody asks, and in a sweep.
static void expiry_retained(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    struct publish k = {.topic = "r/1", .payload = "x", .retain = true};
    k.props = PROPS("\x02\0\0\0\x0a");
    client_publish_with(&c[0], &k);
    k.topic = "r/2";
    k.props = PROPS("\x02\0\0\0\x14");
    client_publish_with(&c[0], &k);
    k.topic = "r/3";
    k.props = NO_PROPS;
    client_publish_with(&c[0], &k);
    uint64_t start = w.now_ms;
    assert_int_equal(nh_mqtt_broker_next_deadline(w.broker), start + 10000);
    w.now_ms = start + 4000;
    client_subscribe(&c[0], "r/#", 0);
    assert_heard(&c[0], "suback #7 0x00; publish r/1 x q0 retain {expiry=6}; "
                        "publish r/2 x q0 retain {expiry=16}; publish r/3 x q0 retain");
    w.now_ms = start + 10000; // not swept yet: found by who asks
    client_subscribe(&c[0], "r/#", 0);
    assert_heard(&c[0], "suback #7 0x00; publish r/2 x q0 retain {expiry=10}; "
                        "publish r/3 x q0 retain");
    assert_int_equal(info_now().retained_count, 2);
    world_tick(&w, start + 10000);
    assert_int_equal(nh_mqtt_broker_next_deadline(w.broker), start + 20000);
    world_tick(&w, start + 20000);
    assert_int_equal(info_now().retained_count, 1);
    assert_int_equal(info_now().messages_expired, 2);
}

static void test_expiry_retained(void **state)
{
    (void)state;
    each_way(NULL, expiry_retained);
}

// A sweep over many, while they come and go.
static void sweep(struct client *c)
{
    (void)c;
    char topic[16];
    for (unsigned i = 0; i < 700; i++) {
        int len = snprintf(topic, sizeof topic, "r/%03u", i);
        struct nh_mqtt_message m = {.topic = {(uint8_t *)topic, (size_t)len},
                                    .payload = {(const uint8_t *)"x", 1},
                                    .retain = true,
                                    .expires_ms = i % 2 ? 5000 : 50000};
        assert_int_equal(nh_mqtt_broker_publish(w.broker, &m, w.now_ms), NH_OK);
    }
    assert_int_equal(nh_mqtt_broker_next_deadline(w.broker), 5000);
    world_tick(&w, 5000);
    assert_int_equal(nh_mqtt_broker_next_deadline(w.broker), 5000); // not through yet
    struct nh_mqtt_message gone = {
        .topic = {(const uint8_t *)"r/510", 5}, .payload = {NULL, 0}, .retain = true};
    assert_int_equal(nh_mqtt_broker_publish(w.broker, &gone, w.now_ms), NH_OK);
    world_tick(&w, 5000);
    assert_int_equal(info_now().retained_count, 349);
    assert_int_equal(nh_mqtt_broker_next_deadline(w.broker), 50000);
    world_tick(&w, 50000);
    world_tick(&w, 50000);
    assert_int_equal(info_now().retained_count, 0);
    assert_int_equal(nh_mqtt_broker_next_deadline(w.broker), NH_NEVER);
}

static void test_sweep(void **state)
{
    (void)state;
    world_init(&w, NULL);
    w.no_check = true;
    sweep(w.clients);
    world_deinit(&w);
}

// QoS 0 to a reader that stalls: what is over is not sent, what is not tells what is left.
static void expiry_slow(struct client *c)
{
    three(c);
    c[1].read_max = 0;
    c[2].read_max = 0;
    client_publish5(&c[0], "t", "1 s", 0, PROPS("\x02\0\0\0\1"));
    client_publish5(&c[0], "t", "9 s", 0, PROPS("\x02\0\0\0\x09"));
    client_publish5(&c[0], "t", "ever", 0, NO_PROPS);
    w.now_ms += 3000;
    world_tick(&w, w.now_ms);
    client_catch_up(&c[1]);
    assert_heard(&c[1], "publish t 9 s q0 {expiry=6}; publish t ever q0");
    // One that was begun goes on as it began, though others are told less meanwhile.
    hello5(&c[3], "slow", NO_PROPS);
    client_subscribe(&c[3], "#", 0);
    client_heard(&c[3]);
    c[1].read_max = 9; // within the expiry
    c[3].read_max = 0;
    client_publish5(&c[0], "t", "x", 0, PROPS("\x02\0\1\0\0"));
    world_tick(&w, w.now_ms + 1000);
    client_catch_up(&c[3]);
    assert_heard(&c[3], "publish t x q0 {expiry=65535}");
    client_catch_up(&c[1]);
    assert_heard(&c[1], "publish t x q0 {expiry=65536}");
}

static void test_expiry_slow(void **state)
{
    (void)state;
    world_init(&w, NULL);
    expiry_slow(w.clients);
    world_deinit(&w);
}

// The configuration bounds how long anything is kept.
static void expiry_max(struct client *c)
{
    client_connect(&c[0], "pub", false);
    client_connect(&c[1], "sub", true);
    client_subscribe(&c[1], "t", 1);
    client_disconnect(&c[1]);
    client_publish(&c[0], "t", "m", 1);
    client_publish_with(&c[0], &(struct publish){.topic = "r", .payload = "m", .retain = true});
    world_tick(&w, w.now_ms + 60000);
    client_connect(&c[1], "sub", true);
    client_subscribe(&c[1], "r", 1);
    assert_heard(&c[1], "connack 1 0; suback #7 1");
}

static void test_expiry_max(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.message_expiry_max_s = 60}, expiry_max);
}

// ---- limits of both sides -----------------------------------------------------------------------

// [MQTT5-3.3.4-9] no more unacknowledged than the client takes, also after it came back with less.
static void receive_max(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    client_connect5(&c[1], "sub", PROPS("\x11\0\0\xff\xff\x21\0\3"));
    client_subscribe(&c[1], "t", 2);
    client_heard(&c[1]);
    for (unsigned i = 0; i < 5; i++)
        client_publish(&c[0], "t", "m", 1 + i % 2);
    assert_heard(&c[1], "publish t m q1 #1; publish t m q2 #2; publish t m q1 #3");
    client_ack(&c[1], 0x40, 1);
    assert_heard(&c[1], "publish t m q2 #4");
    client_ack(&c[1], 0x50, 2);
    client_ack(&c[1], 0x70, 2); // [MQTT5-4.3.3-5]
    assert_heard(&c[1], "pubrel #2; publish t m q1 #5");
    client_close(&c[1]);
    client_resume5(&c[1], "sub", PROPS("\x11\0\0\xff\xff\x21\0\1"));
    assert_heard(&c[1], "connack 1 0x00 {receive=1024 packet=65536 aliases=16}; "
                        "publish t m q1 #3 dup");
    client_publish(&c[0], "t", "new", 1);
    assert_heard(&c[1], "");
    client_ack(&c[1], 0x40, 3);
    assert_heard(&c[1], "publish t m q2 #4 dup"); // [MQTT5-4.4.0-1], [MQTT5-4.6.0-5]
    client_ack(&c[1], 0x50, 4);
    client_ack(&c[1], 0x70, 4);
    assert_heard(&c[1], "pubrel #4; publish t m q1 #5 dup");
    client_ack(&c[1], 0x40, 5);
    assert_heard(&c[1], "publish t new q1 #6");
}

static void test_receive_max(void **state)
{
    (void)state;
    each_way(NULL, receive_max);
}

// [MQTT5-3.3.4-8], [MQTT5-3.3.4-7]: the other direction.
static void receive_max_in(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    client_publish_id(&c[0], "t", "m", 2, 1);
    client_publish_id(&c[0], "t", "m", 2, 2);
    client_publish_id(&c[0], "t", "m", 2, 2); // the same again
    client_ack(&c[0], 0x62, 1);
    client_publish_id(&c[0], "t", "m", 2, 3);
    assert_heard(&c[0], "pubrec #1 0x10; pubrec #2 0x10; pubrec #2; pubcomp #1; pubrec #3 0x10");
    client_publish_id(&c[0], "t", "m", 2, 4);
    assert_heard(&c[0], "disconnect 0x93 {reason=receive maximum exceeded}");
}

static void test_receive_max_in(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.qos2_max_count = 2}, receive_max_in);
}

// [MQTT5-3.1.2-24], [MQTT5-3.1.2-25]: what is too large for a client is dropped as if it had been
// delivered.
static void packet_max(struct client *c)
{
    static char large[101];
    memset(large, 'x', 100);
    hello5(&c[0], "pub", NO_PROPS);
    client_connect5(&c[1], "sub", PROPS("\x11\0\0\xff\xff\x27\0\0\0\x28"));
    client_subscribe(&c[1], "t", 2);
    client_heard(&c[1]);
    for (unsigned qos = 0; qos < 3; qos++) {
        client_publish(&c[0], "t", large, qos);
        client_publish(&c[0], "t", "small", qos);
    }
    assert_heard(&c[1], "publish t small q0; publish t small q1 #1; publish t small q2 #2");
    assert_int_equal(info_now().dropped_too_large, 3);
    client_ack(&c[1], 0x40, 1);
    client_ack(&c[1], 0x50, 2);
    client_ack(&c[1], 0x70, 2);
    client_disconnect(&c[1]);
    client_publish(&c[0], "t", large, 1); // queued for who is away
    client_publish(&c[0], "t", "small", 1);
    client_resume5(&c[1], "sub", PROPS("\x11\0\0\xff\xff\x27\0\0\0\x28"));
    const char *heard = client_heard(&c[1]);
    assert_non_null(strstr(heard, "publish t small q1 #3"));
    assert_null(strstr(heard, "100 bytes"));
    client_close(&c[1]);
    // Sent, not acknowledged, and too large for the next connection.
    client_resume5(&c[1], "sub", PROPS("\x11\0\0\xff\xff"));
    client_heard(&c[1]);
    client_publish(&c[0], "t", large, 2);
    assert_heard(&c[1], "publish t (100 bytes) q2 #4");
    client_close(&c[1]);
    client_resume5(&c[1], "sub", PROPS("\x11\0\0\xff\xff\x27\0\0\0\x28"));
    assert_null(strstr(client_heard(&c[1]), "#4"));
    struct nh_mqtt_info info = info_now();
    assert_int_equal(info.inflight_count, 1); // the small one
    assert_int_equal(info.dropped_too_large, 5);
}

static void test_packet_max(void **state)
{
    (void)state;
    each_way(NULL, packet_max);
}

// Large payloads at all QoS, gathered from pieces, with properties that move and that do not.
static void large_one(struct client *c)
{
    static char large[301];
    memset(large, 'x', 300);
    three(c);
    client_publish5(&c[0], "t", large, 1, NO_PROPS);
    client_publish5(&c[0], "t", large, 2, PROPS("\x26\0\1k\0\1v"));
    client_publish5(&c[0], "t", large, 1, PROPS("\x26\0\1k\0\1v\x02\0\0\0\x0a"));
    client_publish5(&c[0], "t", large, 0, PROPS("\x23\0\1\x26\0\1k\0\1v"));
    client_publish5(&c[0], "", large, 2, PROPS("\x23\0\1"));
    assert_heard(&c[1], "publish t (300 bytes) q1 #1; publish t (300 bytes) q2 #2 {user=k:v}; "
                        "publish t (300 bytes) q1 #3 {expiry=10 user=k:v}; "
                        "publish t (300 bytes) q0 {user=k:v}; publish t (300 bytes) q2 #4");
    assert_heard(&c[2], "publish t (300 bytes) q1 #1; publish t (300 bytes) q2 #2; "
                        "publish t (300 bytes) q1 #3; publish t (300 bytes) q0; "
                        "publish t (300 bytes) q2 #4");
}

static void test_large(void **state)
{
    (void)state;
    each_way(NULL, large_one);
}

// ---- local clients ------------------------------------------------------------------------------

static char local_text[512];

static void on_local(void *ctx, const struct nh_mqtt_message *m)
{
    (void)ctx;
    text_add(local_text, sizeof local_text, "%.*s %.*s q%u p%u%s; ", (int)m->topic.len,
             (const char *)m->topic.ptr, (int)m->payload.len, (const char *)m->payload.ptr, m->qos,
             (unsigned)m->props.len, m->expires_ms ? " expires" : "");
}

static void locals(struct client *c)
{
    nh_mqtt_local_t *l;
    three(c);
    local_text[0] = '\0';
    assert_int_equal(nh_mqtt_local_subscribe(w.broker, "t", on_local, NULL, &l), NH_OK);
    assert_int_equal(nh_mqtt_local_subscribe(w.broker, "$share/g/t", on_local, NULL, &l),
                     NH_ERR_INVAL);
    client_publish5(&c[0], "t", "0", 0, PROPS("\1\1"));
    client_publish5(&c[0], "t", "1", 1, PROPS("\x02\0\0\0\1"));
    assert_string_equal(local_text, "t 0 q0 p2; t 1 q1 p0 expires; ");
    client_heard(&c[1]);
    client_heard(&c[2]);
    struct nh_mqtt_message m = {.topic = {(const uint8_t *)"t", 1},
                                .payload = {(const uint8_t *)"2", 1},
                                .props = {(const uint8_t *)"\3\0\1x", 4},
                                .expires_ms = w.now_ms + 7000};
    assert_int_equal(nh_mqtt_broker_publish(w.broker, &m, w.now_ms), NH_OK);
    world_turn_end(&w);
    assert_heard(&c[1], "publish t 2 q0 {expiry=7 type=x}");
    assert_heard(&c[2], "publish t 2 q0");
    m.props = (nh_span_t){(const uint8_t *)"\x23\0\1", 3};
    assert_int_equal(nh_mqtt_broker_publish(w.broker, &m, w.now_ms), NH_ERR_INVAL);
}

static void test_locals(void **state)
{
    (void)state;
    each_way(NULL, locals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forwarded),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_many_labels),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_refused_by_subscriber),
        cmocka_unit_test(test_aliases_in),
        cmocka_unit_test(test_aliases_out),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_expiry_retained),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_expiry_slow),
        cmocka_unit_test(test_expiry_max),
        cmocka_unit_test(test_receive_max),
        cmocka_unit_test(test_receive_max_in),
        cmocka_unit_test(test_packet_max),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_locals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
