// A publishing client and a broker that is played by hand: what it says, when it tries again, and
// what it makes of answers that are wrong, late, or a refusal.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "mqtt/publisher.h"
#include "support/mem_fixture.h"
#include "support/mqtt_packet.h"

static struct {
    struct mem_fixture mem;
    nh_mqtt_publisher_t *client;
    uint64_t now_ms;
    int dials, hang_ups, onlines, rooms, offlines;
    const char *reason;
    uint32_t wait_ms;
    char heard[8][64]; // "topic=payload", 'r' before it: retained
    size_t heard_count;
    uint16_t confirmed[8];
    size_t confirmed_count;
    bool echoes; // publishes what it hears
    uint8_t said[1024];
    size_t said_len, said_at;
} t;

static void on_dial(void *ctx)
{
    (void)ctx;
    t.dials++;
}

static void on_hang_up(void *ctx)
{
    (void)ctx;
    t.hang_ups++;
}

static void on_dirty(void *ctx)
{
    (void)ctx;
}

static void on_online(void *ctx)
{
    (void)ctx;
    t.onlines++;
}

static void on_room(void *ctx)
{
    (void)ctx;
    t.rooms++;
}

static void on_offline(void *ctx, const char *reason, uint32_t wait_ms)
{
    (void)ctx;
    t.offlines++;
    t.reason = reason;
    t.wait_ms = wait_ms;
}

static void on_message(void *ctx, nh_span_t topic, nh_span_t payload, bool retain)
{
    (void)ctx;
    assert_true(t.heard_count < 8);
    snprintf(t.heard[t.heard_count++], sizeof t.heard[0], "%s%.*s=%.*s", retain ? "r " : "",
             (int)topic.len, (const char *)topic.ptr, (int)payload.len, (const char *)payload.ptr);
    if (t.echoes)
        assert_int_equal(nh_mqtt_publisher_publish(t.client, (nh_span_t){(const uint8_t *)"e", 1},
                                                   payload, false, t.now_ms),
                         0);
}

static void on_confirmed(void *ctx, uint16_t packet_id)
{
    (void)ctx;
    assert_true(t.confirmed_count < 8);
    t.confirmed[t.confirmed_count++] = packet_id;
}

static const struct nh_mqtt_publisher_config standard = {
    .client_id = "pad",
    .user = "ann",
    .password = "secret",
    .will_topic = "devices/pad/availability",
    .will_payload = "offline",
    .keepalive_s = 15,
    .output_max_bytes = 200,
    .backoff_min_ms = 1000,
    .backoff_max_ms = 8000,
    .dial = on_dial,
    .hang_up = on_hang_up,
    .dirty = on_dirty,
    .online = on_online,
    .room = on_room,
    .offline = on_offline,
};

static int create(struct nh_mqtt_publisher_config cfg)
{
    cfg.mem = t.mem.mem;
    return nh_mqtt_publisher_create(&cfg, &t.client);
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    t.now_ms = 5000;
    mem_fixture_init(&t.mem, NULL);
    return create(standard);
}

static int teardown(void **state)
{
    (void)state;
    nh_mqtt_publisher_destroy(t.client);
    mem_fixture_deinit(&t.mem);
    return 0;
}

static struct nh_mqtt_publisher_info info(void)
{
    struct nh_mqtt_publisher_info i;
    nh_mqtt_publisher_info(t.client, &i);
    return i;
}

// Takes what it has to say, `piece` bytes at a time.
static void listen(size_t piece)
{
    nh_span_t out;
    while ((out = nh_mqtt_publisher_output(t.client)).len > 0) {
        size_t len = out.len < piece ? out.len : piece;
        assert_true(t.said_len + len <= sizeof t.said);
        memcpy(t.said + t.said_len, out.ptr, len);
        t.said_len += len;
        nh_mqtt_publisher_sent(t.client, len, t.now_ms);
    }
}

static struct any_packet next(void)
{
    struct any_packet p;
    listen(1000);
    for (size_t len = 2; t.said_at + len <= t.said_len; len++) {
        int rc = any_decode(4, NH_MQTT__FROM_CLIENT, t.said + t.said_at, len, &p);
        if (rc == NH_ERR_AGAIN)
            continue;
        assert_int_equal(rc, NH_OK);
        t.said_at += len;
        return p;
    }
    fail_msg("it says nothing more");
    return p;
}

static void tick_to(uint64_t now_ms)
{
    t.now_ms = now_ms;
    nh_mqtt_publisher_tick(t.client, now_ms);
}

static void hear(const void *bytes, size_t len)
{
    nh_mqtt_publisher_input(t.client, bytes, len, t.now_ms);
}

static void dial(void)
{
    tick_to(nh_mqtt_publisher_next_deadline(t.client) > t.now_ms
                ? nh_mqtt_publisher_next_deadline(t.client)
                : t.now_ms);
    assert_int_equal(info().state, NH_MQTT_PUBLISHER_DIALING);
    nh_mqtt_publisher_opened(t.client, t.now_ms);
}

static void go_online(void)
{
    dial();
    assert_int_equal(next().type, NH_MQTT__CONNECT);
    hear("\x20\x02\x00\x00", 4);
    assert_int_equal(info().state, NH_MQTT_PUBLISHER_ONLINE);
}

static int publish(const char *topic, const char *payload, size_t len, bool retain)
{
    const nh_span_t name = {(const uint8_t *)topic, strlen(topic)};
    return nh_mqtt_publisher_publish(t.client, name, (nh_span_t){(const uint8_t *)payload, len},
                                     retain, t.now_ms);
}

static void test_connects_and_publishes(void **state)
{
    (void)state;
    dial();
    struct any_packet p = next();
    assert_int_equal(p.type, NH_MQTT__CONNECT);
    assert_int_equal(p.connect.keepalive_s, 15);
    assert_true(p.connect.is_clean && p.connect.will_retain);
    assert_int_equal(p.connect.will_qos, 0);
    assert_memory_equal(p.connect.client_id.ptr, "pad", 3);
    assert_memory_equal(p.connect.password.ptr, "secret", 6);
    assert_memory_equal(p.connect.will_payload.ptr, "offline", 7);
    assert_int_equal(publish("a", "b", 1, false), NH_ERR_CLOSED);
    hear("\x20\x02\x00", 3);
    assert_int_equal(t.onlines, 0);
    hear("\x00", 1);
    assert_int_equal(t.onlines, 1);
    assert_int_equal(publish("a/b", "on", 2, true), 0);
    assert_int_equal(publish("c", "", 0, false), 0);
    p = next();
    assert_int_equal(p.type, NH_MQTT__PUBLISH);
    assert_true(p.publish.retain);
    assert_int_equal(p.publish.qos, 0);
    assert_memory_equal(p.publish.topic.ptr, "a/b", 3);
    assert_memory_equal(p.publish.payload.ptr, "on", 2);
    p = next();
    assert_false(p.publish.retain);
    assert_int_equal(p.publish.payload.len, 0);
    assert_int_equal(t.rooms, 1);
    assert_int_equal(info().messages, 2);
    nh_mqtt_publisher_stop(t.client, t.now_ms);
    assert_int_equal(next().type, NH_MQTT__DISCONNECT);
    assert_int_equal(t.hang_ups, 1);
    nh_mqtt_publisher_closed(t.client, "closed", t.now_ms);
    assert_string_equal(t.reason, "stopped");
    assert_int_equal(nh_mqtt_publisher_next_deadline(t.client), NH_NEVER);
}

// Whether the password stands anywhere in the bytes that were the client's output.
static bool has_password(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i + 6 <= len; i++)
        if (memcmp(bytes + i, "secret", 6) == 0)
            return true;
    return false;
}

static void test_password_does_not_stay(void **state)
{
    (void)state;
    for (size_t sent = 0; sent < 3; sent++) { // none of CONNECT, some, all
        dial();
        const nh_span_t out = nh_mqtt_publisher_output(t.client);
        assert_true(has_password(out.ptr, out.len));
        nh_mqtt_publisher_sent(t.client, out.len * sent / 2, t.now_ms);
        assert_int_equal(has_password(out.ptr, out.len), sent < 2);
        nh_mqtt_publisher_closed(t.client, "gone", t.now_ms);
        assert_false(has_password(out.ptr, out.len));
        t.now_ms = nh_mqtt_publisher_next_deadline(t.client);
    }
}

static void test_room(void **state)
{
    char long_text[250];
    (void)state;
    memset(long_text, 'x', sizeof long_text);
    go_online();
    assert_int_equal(publish("t", long_text, 195, false),
                     NH_ERR_TOO_LONG); // 3 of head, 2 + 1 of topic: 201 bytes
    assert_int_equal(publish("t", long_text, 194, false), 0);
    assert_int_equal(publish("t", "", 0, false), NH_ERR_FULL);
    nh_mqtt_publisher_sent(t.client, 5, t.now_ms); // there is room for it now, behind what waits
    assert_int_equal(publish("t", "", 0, false), 0);
    assert_int_equal(publish("t", "", 0, false), NH_ERR_FULL);
    assert_int_equal(nh_mqtt_publisher_output(t.client).len, 200);
    assert_int_equal(t.rooms, 0);
    listen(7);
    assert_int_equal(t.rooms, 1);
    assert_int_equal(info().messages, 2);
}

static void test_answers(void **state)
{
    static const struct {
        const char *name, *bytes;
        size_t len;
        const char *reason; // NULL: it stays online
    } rows[] = {
        {"refused", "\x20\x02\x00\x05", 4, "not authorized"},
        {"refused by a number", "\x20\x02\x00\x63", 4, "it said no"},
        {"5.0", "\x20\x03\x00\x00\x00", 5, "the broker broke the protocol"},
        {"ping first", "\xd0\x00", 2, "the broker broke the protocol"},
        {"a client's packet", "\x10\x00", 2, "the broker broke the protocol"},
        {"no length", "\x20\xff\xff\xff\xff\x01", 6, "the broker broke the protocol"},
        {"twice", "\x20\x02\x00\x00\x20\x02\x00\x00", 8, "the broker broke the protocol"},
        {"a message", "\x20\x02\x00\x00\x30\x04\x00\x01zy\xd0\x00", 12, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t piece = 1; piece <= 12; piece += 11) {
            dial();
            for (size_t at = 0; at < rows[i].len; at += piece)
                hear(rows[i].bytes + at, rows[i].len - at < piece ? rows[i].len - at : piece);
            bool is_online = info().state == NH_MQTT_PUBLISHER_ONLINE;
            if (is_online != !rows[i].reason ||
                (rows[i].reason && strcmp(info().reason, rows[i].reason) != 0))
                fail_msg("%s: %s", rows[i].name, info().reason);
            nh_mqtt_publisher_closed(t.client, "gone", t.now_ms);
            assert_string_equal(t.reason, rows[i].reason ? rows[i].reason : "gone");
        }
}

static void test_waits_longer_each_time(void **state)
{
    static const uint32_t up_to[] = {1000, 2000, 4000, 8000, 8000, 8000};
    (void)state;
    for (size_t i = 0; i < sizeof up_to / sizeof up_to[0]; i++) {
        dial();
        nh_mqtt_publisher_closed(t.client, "Connection refused", t.now_ms);
        assert_in_range(t.wait_ms, up_to[i] / 2, up_to[i]);
        assert_int_equal(nh_mqtt_publisher_next_deadline(t.client), t.now_ms + t.wait_ms);
        tick_to(t.now_ms + t.wait_ms - 1);
        assert_int_equal(info().state, NH_MQTT_PUBLISHER_WAITING);
    }
    // One that broke at once was no good; one that held is.
    go_online();
    nh_mqtt_publisher_closed(t.client, "gone", t.now_ms);
    assert_in_range(t.wait_ms, 4000, 8000);
    go_online();
    t.now_ms += 8000;
    nh_mqtt_publisher_closed(t.client, "gone", t.now_ms);
    assert_in_range(t.wait_ms, 500, 1000);
    assert_int_equal(info().connects, 2);
    assert_int_equal(info().failures, 8);
}

static void test_time(void **state)
{
    (void)state;
    dial();
    assert_int_equal(nh_mqtt_publisher_next_deadline(t.client), t.now_ms + 10000);
    tick_to(t.now_ms + 10000);
    assert_string_equal(info().reason, "no answer to CONNECT");
    nh_mqtt_publisher_closed(t.client, "closed", t.now_ms);
    t.said_at = t.said_len = 0;
    nh_mqtt_publisher_opened(t.client, t.now_ms); // nobody dialed
    assert_int_equal(info().state, NH_MQTT_PUBLISHER_WAITING);
    go_online();
    // Writing alone does not keep it up: somebody must be heard.
    t.now_ms += 10000;
    assert_int_equal(publish("t", "", 0, false), 0);
    assert_int_equal(next().type, NH_MQTT__PUBLISH);
    tick_to(t.now_ms + 4999);
    assert_int_equal(nh_mqtt_publisher_output(t.client).len, 0);
    tick_to(t.now_ms + 1);
    assert_int_equal(next().type, NH_MQTT__PINGREQ);
    hear("\xd0\x00", 2);
    assert_int_equal(info().state, NH_MQTT_PUBLISHER_ONLINE);
    tick_to(nh_mqtt_publisher_next_deadline(t.client));
    assert_int_equal(next().type, NH_MQTT__PINGREQ);
    tick_to(nh_mqtt_publisher_next_deadline(t.client));
    assert_string_equal(info().reason, "no answer to a ping");
    assert_int_equal(t.hang_ups, 2);
}

// ---- hearing

static const char *const filters[] = {"a/+/set", "b", NULL};

static void make_ear(uint32_t input_max_bytes)
{
    struct nh_mqtt_publisher_config c = standard;
    nh_mqtt_publisher_destroy(t.client);
    c.filters = filters;
    c.message = on_message;
    c.input_max_bytes = input_max_bytes;
    assert_int_equal(create(c), 0);
}

static void test_hears(void **state)
{
    static const char bytes[] = "\x90\x04\x00\x01\x00\x80" // granted and refused
                                "\x30\x0b\x00\x07"         // a message
                                "a/x/seton"
                                "\x31\x04\x00\x01"
                                "b7" // retained
                                "\x30\x16\x00\x01"
                                "b0123456789012345678" // longer than it takes
                                "\x30\x03\x00\x01"
                                "b"; // without a payload
    (void)state;
    for (size_t piece = 1; piece < sizeof bytes; piece += 5) {
        memset(t.heard, 0, sizeof t.heard);
        t.heard_count = 0;
        t.said_len = t.said_at = 0;
        make_ear(20);
        dial();
        assert_int_equal(next().type, NH_MQTT__CONNECT);
        hear("\x20\x02\x00\x00", 4);
        struct any_packet p = next();
        struct nh_mqtt__subscription sub;
        assert_int_equal(p.type, NH_MQTT__SUBSCRIBE);
        assert_int_equal(p.subscribe.count, 2);
        assert_true(nh_mqtt__subscribe_next(&p.subscribe, &sub));
        assert_memory_equal(sub.filter.ptr, "a/+/set", 7);
        assert_int_equal(sub.qos, 0);
        t.echoes = true; // it may publish
        for (size_t at = 0; at < sizeof bytes - 1; at += piece)
            hear(bytes + at, sizeof bytes - 1 - at < piece ? sizeof bytes - 1 - at : piece);
        t.echoes = false;
        assert_int_equal(info().state, NH_MQTT_PUBLISHER_ONLINE);
        assert_int_equal(t.heard_count, 3);
        assert_string_equal(t.heard[0], "a/x/set=on");
        assert_string_equal(t.heard[1], "r b=7");
        assert_string_equal(t.heard[2], "b=");
        assert_int_equal(info().heard, 3);
        assert_int_equal(info().dropped_long, 1);
        assert_int_equal(info().refused_subscriptions, 1);
        for (int i = 0; i < 3; i++)
            assert_int_equal(next().type, NH_MQTT__PUBLISH);
    }
}

static void test_wrong_messages(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"\x32\x06\x00\x01"
         "b\x00\x01"
         "7",
         8},                 // QoS 1, which was not asked for
        {"\x30\x01\x00", 3}, // no topic
        {"\x30\x03\x00\x09"
         "b",
         5},                         // a topic that is longer than its packet
        {"\x90\x02\x00\x01", 4},     // an answer to nothing
        {"\x90\x03\x00\x01\x07", 5}, // a code that there is not
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make_ear(0);
        t.said_len = t.said_at = 0;
        go_online();
        hear(rows[i].bytes, rows[i].len);
        if (info().state != NH_MQTT_PUBLISHER_LEAVING)
            fail_msg("row %zu is let pass", i);
        assert_string_equal(info().reason, "the broker broke the protocol");
    }
}

static uint16_t publish_confirmed(const char *payload)
{
    const nh_span_t name = {(const uint8_t *)"p", 1};
    uint16_t id = 0;
    const nh_span_t bytes = {(const uint8_t *)payload, strlen(payload)};
    assert_int_equal(
        nh_mqtt_publisher_publish_confirmed(t.client, name, bytes, false, t.now_ms, &id), 0);
    const struct any_packet p = next();
    assert_int_equal(p.type, NH_MQTT__PUBLISH);
    assert_int_equal(p.publish.qos, 1);
    assert_int_equal(p.publish.packet_id, id);
    assert_memory_equal(p.publish.payload.ptr, payload, strlen(payload));
    return id;
}

static void restart(struct nh_mqtt_publisher_config cfg)
{
    nh_mqtt_publisher_destroy(t.client);
    assert_int_equal(create(cfg), 0);
    t.said_at = t.said_len = 0;
}

static void test_confirmed(void **state)
{
    struct nh_mqtt_publisher_config cfg = standard;
    uint16_t id = 7;
    (void)state;
    cfg.confirmed = on_confirmed;
    cfg.filters = filters;
    cfg.message = on_message;
    restart(cfg);
    const nh_span_t text = {(const uint8_t *)"p", 1};
    assert_int_equal(nh_mqtt_publisher_publish_confirmed(t.client, text, text, false, 1, &id),
                     NH_ERR_CLOSED);
    assert_int_equal(id, 7);
    go_online();
    assert_int_equal(next().type, NH_MQTT__SUBSCRIBE); // whose id is 1
    const uint16_t first = publish_confirmed("one"), second = publish_confirmed("two");
    assert_int_equal(first, 2);
    assert_int_equal(second, 3);
    const uint8_t acks[] = {0x40, 2, 0, 3, 0x40, 2, 0, 2};
    for (size_t i = 0; i < sizeof acks; i++)
        hear(acks + i, 1);
    assert_int_equal(t.confirmed_count, 2);
    assert_int_equal(t.confirmed[0], second);
    assert_int_equal(t.confirmed[1], first);
    // Over a lost connection nothing is confirmed: it is published anew.
    publish_confirmed("three");
    nh_mqtt_publisher_closed(t.client, "gone", t.now_ms);
    go_online();
    assert_int_equal(next().type, NH_MQTT__SUBSCRIBE);
    assert_int_equal(publish_confirmed("three"), 5);
    assert_int_equal(t.confirmed_count, 2);
}

// The ids come round behind that of the subscription.
static void test_confirmed_ids(void **state)
{
    struct nh_mqtt_publisher_config cfg = standard;
    (void)state;
    cfg.confirmed = on_confirmed;
    restart(cfg);
    go_online();
    for (uint32_t i = 0; i < 65535; i++) {
        t.said_at = t.said_len = 0;
        assert_int_equal(publish_confirmed("x"), i < 65534 ? i + 2 : 2);
    }
}

static void test_wrong_confirmations(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {{"\x40\x00", 2},
                {"\x40\x01\x01", 3},
                {"\x40\x02\x00\x00", 4},
                {"\x40\x20"
                 "01234567890123456789012345678901",
                 34}};
    struct nh_mqtt_publisher_config cfg = standard;
    (void)state;
    cfg.confirmed = on_confirmed;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        restart(cfg);
        go_online();
        hear(rows[i].bytes, rows[i].len);
        assert_int_equal(info().state, NH_MQTT_PUBLISHER_LEAVING);
        assert_int_equal(t.confirmed_count, 0);
    }
}

static void test_configurations(void **state)
{
    char long_text[NH_MQTT_PUBLISHER_TEXT_MAX + 2] = {0};
    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    nh_mqtt_publisher_destroy(t.client);
    struct nh_mqtt_publisher_config c = standard;
    c.client_id = "";
    assert_int_equal(create(c), NH_ERR_INVAL);
    c = standard;
    c.user = NULL;
    assert_int_equal(create(c), NH_ERR_INVAL);
    c = standard;
    c.password = long_text;
    assert_int_equal(create(c), NH_ERR_TOO_LONG);
    c = standard;
    c.output_max_bytes = 20;
    assert_int_equal(create(c), NH_ERR_TOO_LONG);
    c = standard;
    c.filters = filters; // and nobody to hear
    assert_int_equal(create(c), NH_ERR_INVAL);
    static const char *const many[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", NULL};
    c.filters = many;
    c.message = on_message;
    assert_int_equal(create(c), NH_ERR_TOO_LONG);
    assert_null(t.client);
    mem_fixture_fail_nth(&t.mem, 1);
    assert_int_equal(create(standard), NH_ERR_NOMEM);
    assert_null(t.client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_connects_and_publishes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_password_does_not_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits_longer_each_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hears, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_confirmed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_confirmed_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_confirmations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_configurations, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
