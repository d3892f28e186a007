// A bridge and a server that is played by hand: what the bridge says, and what it makes of answers
// that are wrong, late, or a refusal.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mqtt_bridge.h"
#include "support/mqtt_packet.h"

static struct bridge_world w;
static uint8_t said[4096]; // by the bridge
static size_t said_len, said_at;

static const struct nh_mqtt_bridge_rule rules[] = {
    {"o", "", "x/", NH_MQTT_BRIDGE_OUT, 2},
    {"i", "", "x/", NH_MQTT_BRIDGE_IN, 1},
    {"b/#", "", "", NH_MQTT_BRIDGE_BOTH, 0},
};

static void start(const struct nh_mqtt_bridge_config *cfg)
{
    world_init(&w);
    w.cfg = *cfg;
    w.cfg.rules = rules;
    w.cfg.rule_count = NH_ARRAY_LEN(rules);
    bridge_start(&w);
    said_len = said_at = 0;
    nh_mqtt_bridge_tick(w.bridge, w.now_ms);
    assert_true(w.wants_dial);
    w.wants_dial = false;
    nh_mqtt_bridge_opened(w.bridge, w.now_ms);
}

static void stop(void)
{
    nh_mqtt_bridge_closed(w.bridge, "the end", w.now_ms);
    turn_end(&w);
    world_deinit(&w);
}

// Takes what the bridge has to say.
static void listen(void)
{
    struct nh_mqtt_span spans[4];
    size_t count;
    while ((count = nh_mqtt_bridge_output(w.bridge, spans, 4, w.now_ms)) > 0) {
        size_t sent = 0;
        for (size_t i = 0; i < count; i++) {
            assert_true(said_len + spans[i].len <= sizeof said);
            memcpy(said + said_len, spans[i].ptr, spans[i].len);
            said_len += spans[i].len;
            sent += spans[i].len;
        }
        nh_mqtt_bridge_sent(w.bridge, sent, w.now_ms);
    }
    turn_end(&w);
}

// The next packet that the bridge said.
static struct any_packet next(void)
{
    struct any_packet p;
    listen();
    for (size_t len = 2; said_at + len <= said_len; len++) {
        int rc = any_decode(w.cfg.version ? w.cfg.version : 5, NH_MQTT__FROM_CLIENT, said + said_at,
                            len, &p);
        if (rc == NH_ERR_AGAIN)
            continue;
        assert_int_equal(rc, NH_OK);
        said_at += len;
        return p;
    }
    fail_msg("the bridge says nothing more");
    return p;
}

static void assert_silent(void)
{
    listen();
    assert_int_equal(said_at, said_len);
}

static void answer(const char *bytes, size_t len)
{
    nh_mqtt_bridge_input(w.bridge, (const uint8_t *)bytes, len, w.now_ms);
    turn_end(&w);
}
#define ANSWER(text) answer(text, sizeof text - 1)

static void assert_span(nh_span_t s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.ptr, text, s.len);
}

// ---- what it says -------------------------------------------------------------------------------

static void test_greeting_of_5(void **state)
{
    (void)state;
    start(&(struct nh_mqtt_bridge_config){
        .user = "u", .password = "p", .status_topic = "s/t", .inflight_max = 10, .keepalive_s = 7});
    struct any_packet p = next();
    assert_int_equal(p.type, NH_MQTT__CONNECT);
    const struct nh_mqtt__connect *k = &p.connect;
    assert_int_equal(k->level, 5);
    assert_int_equal(k->keepalive_s, 7);
    assert_false(k->is_clean);
    assert_span(k->client_id, "nuthatch-up");
    assert_span(k->user, "u");
    assert_span(k->password, "p");
    assert_span(k->will_topic, "s/t");
    assert_span(k->will_payload, "0");
    assert_true(k->has_will && k->will_retain && k->will_qos == 0);
    const struct nh_mqtt__props *props = &k->props;
    assert_int_equal(nh_mqtt__props_number(props, NH_MQTT__SESSION_EXPIRY_INTERVAL, 0), UINT32_MAX);
    assert_int_equal(nh_mqtt__props_number(props, NH_MQTT__RECEIVE_MAXIMUM, 0), 10);
    assert_int_equal(nh_mqtt__props_number(props, NH_MQTT__MAXIMUM_PACKET_SIZE, 0), NH_MIB(1));
    assert_silent();
    ANSWER("\x20\3\0\0\0");
    p = next();
    assert_int_equal(p.type, NH_MQTT__PUBLISH);
    assert_span(p.publish.topic, "s/t");
    assert_span(p.publish.payload, "1");
    assert_true(p.publish.retain && p.publish.qos == 0);
    p = next();
    assert_int_equal(p.type, NH_MQTT__SUBSCRIBE);
    assert_int_equal(p.sub_count, 2);
    assert_span(p.subs[0].filter, "x/i");
    assert_true(p.subs[0].qos == 1 && p.subs[0].no_local && p.subs[0].retain_as_published);
    assert_int_equal(p.subs[0].retain_handling, NH_MQTT__RETAIN_SEND_NEW);
    assert_span(p.subs[1].filter, "b/#");
    assert_int_equal(p.subs[1].retain_handling, NH_MQTT__RETAIN_SEND);
    assert_silent();
    stop();
}

static void test_greeting_of_4(void **state)
{
    (void)state;
    start(&(struct nh_mqtt_bridge_config){.version = 4, .client_id = "me", .is_clean = true});
    struct any_packet p = next();
    assert_int_equal(p.connect.level, 4);
    assert_true(p.connect.is_clean && !p.connect.has_will && !p.connect.has_user);
    assert_span(p.connect.client_id, "me");
    ANSWER("\x20\2\0\0");
    p = next();
    assert_int_equal(p.type, NH_MQTT__SUBSCRIBE);
    assert_int_equal(p.sub_count, 2);
    assert_silent();
    stop();
}

// The bridge bit, and what comes after a server that does not know it: at once, without.
static void test_bridge_bit(void **state)
{
    (void)state;
    start(&(struct nh_mqtt_bridge_config){.version = 4, .bridge_bit = true});
    listen();
    assert_memory_equal(said + 2, "\0\4MQTT\x84", 7);
    ANSWER("\x20\2\0\1");
    assert_true(w.wants_hang_up);
    nh_mqtt_bridge_closed(w.bridge, "closed", w.now_ms);
    nh_mqtt_bridge_tick(w.bridge, w.now_ms);
    assert_true(w.wants_dial);
    nh_mqtt_bridge_opened(w.bridge, w.now_ms);
    said_at = said_len;
    assert_int_equal(next().connect.level, 4);
    ANSWER("\x20\2\0\1"); // now it means what it says
    assert_string_equal(w.events, "it does not know bridges: trying as a plain client; "
                                  "it does not know bridges: trying as a plain client; "
                                  "it does not take this version of MQTT");
    stop();
}

// The limits that a server of 5.0 tells are kept: QoS, size, RETAIN, messages at once, keep-alive.
static void test_limits_there(void **state)
{
    (void)state;
    start(&(struct nh_mqtt_bridge_config){0});
    (void)next();
    ANSWER("\x20\x12\0\0\x0F\x21\0\1\x24\1\x25\0\x27\0\0\0\x28\x13\0\x14");
    assert_int_equal(next().type, NH_MQTT__SUBSCRIBE);
    say(&w, &w.home, "o", "1", 2, true);
    say(&w, &w.home, "o", "2", 2, false);
    say(&w, &w.home, "b/x", "a payload that is too large", 0, false);
    struct any_packet p = next();
    assert_int_equal(p.type, NH_MQTT__PUBLISH);
    assert_int_equal(p.publish.qos, 1); // [MQTT5-3.2.2-11]
    assert_false(p.publish.retain);     // [MQTT5-3.2.2-14]
    assert_span(p.publish.payload, "1");
    assert_silent(); // one at once [MQTT5-3.3.4-7]; the large one is dropped [MQTT5-3.2.2-15]
    ANSWER("\x40\2\0\1");
    p = next();
    assert_span(p.publish.payload, "2");
    struct nh_mqtt_bridge_info info;
    nh_mqtt_bridge_info(w.bridge, &info);
    assert_int_equal(info.dropped_unfit, 1);
    assert_int_equal(nh_mqtt_bridge_next_deadline(w.bridge), w.now_ms + 20000); // [MQTT5-3.2.2-21]
    stop();
}

// Properties go through as they are, with the mark behind them; a message that has the mark already
// has been here [in 5.0].
static void test_properties_and_mark(void **state)
{
    (void)state;
    start(&(struct nh_mqtt_bridge_config){.client_id = "me"});
    (void)next();
    ANSWER("\x20\3\0\0\0");
    (void)next();
    say(&w, &w.home, "o", "1", 1, false);
    struct any_packet p = next();
    struct nh_mqtt__prop mark;
    struct nh_mqtt__props rest = p.publish.props;
    assert_true(nh_mqtt__props_next(&rest, &mark));
    assert_int_equal(mark.id, NH_MQTT__USER_PROPERTY);
    assert_span(mark.name, "nuthatch-via");
    assert_span(mark.bytes, "me");
    assert_int_equal(rest.bytes.len, 0);
    // Somebody else's mark is none of ours; our own ends the loop, and is acknowledged.
    ANSWER("\x32\x1F\0\3x/i\0\1\x16\x26\0\x0Cnuthatch-via\0\5other1");
    assert_string_equal(w.home.heard, "o=1 q1; i=1 q1");
    ANSWER("\x32\x1C\0\3x/i\0\2\x13\x26\0\x0Cnuthatch-via\0\2me2");
    assert_string_equal(w.home.heard, "o=1 q1; i=1 q1");
    p = next();
    assert_true(p.type == NH_MQTT__PUBACK && p.ack.packet_id == 2);
    p = next();
    assert_true(p.type == NH_MQTT__PUBACK && p.ack.packet_id == 1);
    struct nh_mqtt_bridge_info info;
    nh_mqtt_bridge_info(w.bridge, &info);
    assert_int_equal(info.dropped_loops, 1);
    stop();
}

// A message that no rule carries is acknowledged, at QoS 2 to the end [MQTT-4.5.0-2],
// [MQTT5-4.5.0-2].
static void test_unmapped(void **state)
{
    (void)state;
    start(&(struct nh_mqtt_bridge_config){0});
    (void)next();
    ANSWER("\x20\3\0\0\0");
    (void)next();
    ANSWER("\x34\7\0\1q\0\5\0m");
    struct any_packet p = next();
    assert_true(p.type == NH_MQTT__PUBREC && p.ack.packet_id == 5 && p.ack.code == 0);
    ANSWER("\x62\2\0\5");
    p = next();
    assert_true(p.type == NH_MQTT__PUBCOMP && p.ack.packet_id == 5);
    ANSWER("\x32\7\0\1+\0\6\0m"); // no topic at all
    p = next();
    assert_true(p.type == NH_MQTT__PUBACK && p.ack.packet_id == 6);
    struct nh_mqtt_bridge_info info;
    nh_mqtt_bridge_info(w.bridge, &info);
    assert_int_equal(info.dropped_unmapped, 2);
    stop();
}

// An error there ends the message here.
static void test_refused_there(void **state)
{
    (void)state;
    start(&(struct nh_mqtt_bridge_config){0});
    (void)next();
    ANSWER("\x20\3\0\0\0");
    (void)next();
    say(&w, &w.home, "o", "1", 1, false);
    say(&w, &w.home, "o", "2", 2, false);
    assert_int_equal(next().publish.packet_id, 1);
    assert_int_equal(next().publish.packet_id, 2);
    ANSWER("\x40\3\0\1\x87\x50\3\0\2\x97");
    assert_silent(); // no PUBREL after such a PUBREC
    struct nh_mqtt_bridge_info info;
    struct nh_mqtt_info home;
    nh_mqtt_bridge_info(w.bridge, &info);
    nh_mqtt_broker_info(w.home.broker, &home);
    assert_int_equal(info.refused_there, 2);
    assert_int_equal(home.inflight_count, 0);
    stop();
}

// ---- answers ------------------------------------------------------------------------------------

#define OK5 "\x20\3\0\0\0"
#define OK4 "\x20\2\0\0"
#define ROW(text) text, sizeof text - 1

static const struct {
    const char *name;
    uint8_t version;
    const char *bytes;
    size_t len;
    const char *reason;
    int code; // of the DISCONNECT that it says, of 5.0; -1: none
} answers[] = {
    {"PUBLISH first", 5, ROW("\x30\4\0\1b\0"), "the other broker broke the protocol", -1},
    {"DISCONNECT first", 5, ROW("\xE0\1\x89"), "server busy", -1},
    {"AUTH first", 5, ROW("\xF0\0"), "the other broker broke the protocol", -1},
    {"refused, 5.0", 5, ROW("\x20\3\0\x8A\0"), "banned", -1},
    {"refused, 3.1.1", 4, ROW("\x20\2\0\5"), "not authorized", -1},
    {"bad login, 3.1.1", 4, ROW("\x20\2\0\4"), "it does not take user name or password", -1},
    {"speaks 3.1.1", 5, ROW("\x20\2\0\1"), "it does not speak MQTT 5.0", -1},
    {"CONNACK malformed", 5, ROW("\x20\3\2\0\0"), "the other broker broke the protocol", -1},
    {"CONNACK again", 5, ROW(OK5 OK5), "the other broker broke the protocol", 0x82},
    {"type of a client", 5, ROW(OK5 "\x82\2\0\1"), "the other broker broke the protocol", 0x81},
    {"UNSUBACK", 5, ROW(OK5 "\xB0\4\0\1\0\0"), "the other broker broke the protocol", 0x82},
    {"AUTH later", 5, ROW(OK5 "\xF0\0"), "the other broker broke the protocol", 0x82},
    {"packet id 0", 5, ROW(OK5 "\x32\6\0\1b\0\0\0"), "the other broker broke the protocol", 0x81},
    {"an alias", 5, ROW(OK5 "\x30\7\0\1b\3\x23\0\1"), "the other broker broke the protocol", 0x82},
    {"alias 0", 5, ROW(OK5 "\x30\7\0\1b\3\x23\0\0"), "the other broker broke the protocol", 0x94},
    {"an identifier", 5, ROW(OK5 "\x30\6\0\1b\2\x0B\1"), "the other broker broke the protocol",
     0x82},
    {"too large", 5, ROW(OK5 "\x30\x80\x80\x80\1"), "a packet is too large", 0x95},
    {"padded length", 5, ROW(OK5 "\xD0\x80\0"), "the other broker broke the protocol", 0x81},
    {"padded length, 3.1.1", 4, ROW(OK4 "\xD0\x80\0"), "connected", -1},
    {"DISCONNECT", 5, ROW(OK5 "\xE0\1\x8E"), "session taken over", -1},
    {"DISCONNECT of 3.1.1", 4, ROW(OK4 "\xE0\0"), "the other broker broke the protocol", -1},
    {"SUBACK with failures", 5, ROW(OK5 "\x90\5\0\1\0\x87\1"), "it refused a subscription", -1},
    {"PUBACK of nothing", 5, ROW(OK5 "\x40\2\0\7"), "connected", -1},
    {"PUBREC of nothing", 4, ROW(OK4 "\x50\2\0\7"), "connected", -1},
};

static void play(size_t i, size_t piece)
{
    start(&(struct nh_mqtt_bridge_config){.version = answers[i].version});
    listen();
    for (size_t at = 0; at < answers[i].len; at += piece) {
        size_t n = piece < answers[i].len - at ? piece : answers[i].len - at;
        answer(answers[i].bytes + at, n);
    }
    struct nh_mqtt_bridge_info info;
    nh_mqtt_bridge_info(w.bridge, &info);
    if (strcmp(info.reason, answers[i].reason) != 0)
        fail_msg("%s: %s", answers[i].name, info.reason);
    assert_int_equal(w.wants_hang_up, info.state == NH_MQTT_BRIDGE_LEAVING);
    listen();
    int code = -1;
    if (said_len >= 3 && said[said_len - 3] == 0xE0)
        code = said[said_len - 1];
    if (info.state == NH_MQTT_BRIDGE_LEAVING && code != answers[i].code)
        fail_msg("%s: says 0x%x", answers[i].name, (unsigned)code);
    stop();
}

// Whole and byte by byte.
static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(answers); i++) {
        play(i, answers[i].len);
        play(i, 1);
    }
}

static void test_silence(void **state)
{
    (void)state;
    start(&(struct nh_mqtt_bridge_config){.answer_timeout_ms = 4000});
    assert_int_equal(nh_mqtt_bridge_next_deadline(w.bridge), w.now_ms + 4000);
    w.now_ms += 4000;
    nh_mqtt_bridge_tick(w.bridge, w.now_ms);
    assert_true(w.wants_hang_up);
    assert_string_equal(w.events, "no answer to CONNECT");
    stop();
}

// ---- what cannot be made ------------------------------------------------------------------------

static void test_config(void **state)
{
    static const struct nh_mqtt_bridge_rule bad[] = {{"#", "a", "", NH_MQTT_BRIDGE_OUT, 0}};
    struct nh_mqtt_bridge_config good = {.name = "n", .version = 5}, cfg;
    nh_mqtt_bridge_t *b;
    (void)state;
    world_init(&w);
    good.mem = w.bridge_mem;
    good.broker = w.home.broker;
    assert_int_equal(nh_mqtt_bridge_create(&good, 0, &b), NH_OK);
    nh_mqtt_bridge_destroy(b);
    cfg = good;
    cfg.name = "a/b";
    assert_int_equal(nh_mqtt_bridge_create(&cfg, 0, &b), NH_ERR_INVAL);
    cfg.name = "";
    assert_int_equal(nh_mqtt_bridge_create(&cfg, 0, &b), NH_ERR_INVAL);
    cfg.name = "123456789012345678901234567890123";
    assert_int_equal(nh_mqtt_bridge_create(&cfg, 0, &b), NH_ERR_TOO_LONG);
    cfg = good;
    cfg.version = 3;
    assert_int_equal(nh_mqtt_bridge_create(&cfg, 0, &b), NH_ERR_RANGE);
    cfg = good;
    cfg.status_topic = "a/#";
    assert_int_equal(nh_mqtt_bridge_create(&cfg, 0, &b), NH_ERR_INVAL);
    cfg = good;
    cfg.rules = bad;
    cfg.rule_count = 1;
    assert_int_equal(nh_mqtt_bridge_create(&cfg, 0, &b), NH_ERR_INVAL);
    cfg.rule_count = NH_MQTT_BRIDGE_RULE_MAX + 1;
    assert_int_equal(nh_mqtt_bridge_create(&cfg, 0, &b), NH_ERR_RANGE);
    assert_null(b);
    nh_mem_fault_set(w.sys, &(struct nh_mem_fault){.fail_nth = 1});
    assert_int_equal(nh_mqtt_bridge_create(&good, 0, &b), NH_ERR_NOMEM);
    nh_mem_fault_set(w.sys, &(struct nh_mem_fault){.fail_nth = 2});
    assert_int_equal(nh_mqtt_bridge_create(&good, 0, &b), NH_ERR_NOMEM);
    assert_null(b);
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greeting_of_5),
        cmocka_unit_test(test_greeting_of_4),
        cmocka_unit_test(test_bridge_bit),
        cmocka_unit_test(test_limits_there),
        cmocka_unit_test(test_properties_and_mark),
        cmocka_unit_test(test_unmapped),
        cmocka_unit_test(test_refused_there),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
