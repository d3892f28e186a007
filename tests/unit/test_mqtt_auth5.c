// 5.0: enhanced authentication, at CONNECT and anew, with answers at once and later.
// Each conversation is held four times: the input whole, byte by byte, and in pieces of 3 and 7.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mqtt_client.h"

static struct world w;

#define HELLO "connack 0 0x00 {receive=1024 packet=65536 aliases=16"

// ---- the hub ------------------------------------------------------------------------------------

// Method "X": the hub asks "who?", the client says "ann" or "bob", and is in as that. What it says
// first is "hi", or at once its name. Other methods are not known.
static struct {
    bool is_later;         // answers come by answer_later()
    nh_mqtt_conn_t *asked; // waits for it
    struct nh_mqtt_auth_answer answer;
    unsigned cancelled, again; // calls
} hub;

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static bool is(nh_span_t s, const char *text)
{
    return s.len == strlen(text) && (s.len == 0 || memcmp(s.ptr, text, s.len) == 0);
}

static struct nh_mqtt_auth_answer judge(const struct nh_mqtt_auth_request *r)
{
    struct nh_mqtt_auth_answer a = {.verdict = NH_MQTT_AUTH_REFUSED};
    if (!is(r->method, "X"))
        a.reason = NH_MQTT_REASON_BAD_AUTHENTICATION_METHOD;
    else if (r->round == 0 && is(r->data, "hi"))
        a = (struct nh_mqtt_auth_answer){.verdict = NH_MQTT_AUTH_CONTINUES, .data = span("who?")};
    else if (is(r->data, "ann") || is(r->data, "bob"))
        a = (struct nh_mqtt_auth_answer){.verdict = NH_MQTT_AUTH_ACCEPTED,
                                         .user = is(r->data, "ann") ? span("ann") : span("bob"),
                                         .data = span("welcome")};
    return a;
}

static void authenticate(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                         struct nh_mqtt_auth_answer *out)
{
    (void)ctx;
    hub.again += r->is_again;
    *out = judge(r);
    if (!hub.is_later)
        return;
    hub.asked = c;
    hub.answer = *out;
    out->verdict = NH_MQTT_AUTH_LATER;
}

static void auth_cancel(void *ctx, nh_mqtt_conn_t *c)
{
    (void)ctx;
    (void)c;
    hub.cancelled++;
    hub.asked = NULL;
}

static void answer_later(void)
{
    nh_mqtt_conn_t *c = hub.asked;
    if (!c)
        return;
    hub.asked = NULL;
    nh_mqtt_broker_auth_done(w.broker, c, &hub.answer, w.now_ms);
    world_turn_end(&w);
}

static void each_way(void (*scenario)(struct client *c))
{
    static const size_t chunks[] = {0, 1, 3, 7};
    const struct nh_mqtt_broker_config cfg = {
        .authenticate = authenticate, .auth_cancel = auth_cancel, .pause = world_pause};
    for (size_t i = 0; i < 2 * NH_ARRAY_LEN(chunks); i++) {
        memset(&hub, 0, sizeof hub);
        hub.is_later = i >= NH_ARRAY_LEN(chunks);
        world_init(&w, &cfg);
        w.chunk = chunks[i % NH_ARRAY_LEN(chunks)];
        scenario(w.clients);
        world_deinit(&w);
    }
}

// ---- the client ---------------------------------------------------------------------------------

#define METHOD "\x15\0\1X"
#define SAYS_HI METHOD "\x16\0\2hi"
#define SAYS_ANN METHOD "\x16\0\3ann"
#define SAYS_BOB METHOD "\x16\0\3bob"

static void says(struct client *c, unsigned code, struct bytes props)
{
    struct packet *p = packet_begin();
    put_u8(p, code);
    put_props(p, 5, props);
    packet_close(p, 0xF0);
    client_packet(c, p);
    answer_later();
}

static void arrives(struct client *c, const char *id, struct bytes props)
{
    client_connect5(c, id, props);
    answer_later();
}

static void is_in(struct client *c, const char *id)
{
    arrives(c, id, PROPS(SAYS_ANN));
    assert_heard(c, HELLO " method=X auth=welcome}");
}

// ---- at CONNECT ---------------------------------------------------------------------------------

// [MQTT5-4.12.0-2], -3, -4, -5: question and answer, then in, each time by
// the method of the CONNECT.
static void exchange(struct client *c)
{
    arrives(&c[0], "a", PROPS(SAYS_HI));
    assert_heard(&c[0], "auth 0x18 {method=X auth=who?}");
    says(&c[0], 0x18, PROPS(SAYS_ANN));
    assert_heard(&c[0], HELLO " method=X auth=welcome}");
    client_subscribe(&c[0], "t", 0);
    client_publish(&c[0], "t", "m", 0);
    assert_heard(&c[0], "suback #7 0x00; publish t m q0");
    is_in(&c[1], "b"); // without a question
    arrives(&c[2], "c", PROPS(SAYS_HI));
    client_heard(&c[2]);
    says(&c[2], 0x18, PROPS(METHOD "\x16\0\1?"));
    assert_heard(&c[2], "connack 0 0x87 {reason=not authorized}");
    assert_null(c[2].conn);
    // [MQTT5-4.12.0-1] a method that is not known
    arrives(&c[2], "c", PROPS("\x15\0\1Y"));
    assert_heard(&c[2], "connack 0 0x8c {reason=bad authentication method}");
    assert_int_equal(hub.cancelled, 0);
}

static void test_exchange(void **state)
{
    (void)state;
    each_way(exchange);
}

// [MQTT5-3.1.2-30], [MQTT5-4.12.0-5] what does not belong there ends it, and the hub hears of it.
static void disturbed(struct client *c)
{
    static const struct {
        const char *name;
        unsigned code;
        struct bytes props;
    } rows[] = {
        {"another method", 0x18, PROPS("\x15\0\1Y")},
        {"begins anew", 0x19, PROPS(SAYS_ANN)},
        {"success, says the client", 0, PROPS(SAYS_ANN)},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        arrives(&c[0], "a", PROPS(SAYS_HI));
        client_heard(&c[0]);
        says(&c[0], rows[i].code, rows[i].props);
        if (strcmp(client_heard(&c[0]), "connack 0 0x82 {reason=protocol error}") != 0 || c[0].conn)
            fail_msg("%s: %s", rows[i].name, w.text);
        assert_int_equal(hub.cancelled, i + 1);
    }
    arrives(&c[0], "a", PROPS(SAYS_HI));
    client_heard(&c[0]);
    client_send(&c[0], "\xf0\2\x18\0", 4); // without a method
    assert_heard(&c[0], "connack 0 0x82 {reason=protocol error}");
    arrives(&c[0], "a", PROPS(SAYS_HI));
    client_heard(&c[0]);
    client_ping(&c[0]);
    assert_heard(&c[0], "");
    assert_null(c[0].conn);
    arrives(&c[0], "a", PROPS(SAYS_HI));
    client_heard(&c[0]);
    client_disconnect(&c[0]); // that it may
    assert_null(c[0].conn);
    arrives(&c[0], "a", PROPS(SAYS_HI));
    client_heard(&c[0]);
    world_tick(&w, w.now_ms + 12000); // it says no more
    assert_null(c[0].conn);
    assert_int_equal(hub.cancelled, 7);
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    assert_int_equal(info.auth_waiting_count, 0);
    assert_int_equal(info.session_count, 0);
}

static void test_disturbed(void **state)
{
    (void)state;
    each_way(disturbed);
}

// Without a hub that asks there is no method.
static void test_nobody_asks(void **state)
{
    (void)state;
    world_init(&w, NULL);
    client_connect5(&w.clients[0], "a", PROPS(SAYS_HI));
    assert_heard(&w.clients[0], "connack 0 0x8c {reason=bad authentication method}");
    world_deinit(&w);
}

// ---- anew ---------------------------------------------------------------------------------------

// [MQTT5-4.12.1-1] by the same method, while messages go on.
static void again(struct client *c)
{
    is_in(&c[0], "a");
    client_subscribe(&c[0], "t", 0);
    client_heard(&c[0]);
    says(&c[0], 0x19, PROPS(SAYS_HI));
    assert_heard(&c[0], "auth 0x18 {method=X auth=who?}");
    client_publish(&c[0], "t", "m", 0);
    assert_heard(&c[0], "publish t m q0");
    says(&c[0], 0x18, PROPS(SAYS_ANN));
    assert_heard(&c[0], "auth 0x00 {method=X auth=welcome}");
    says(&c[0], 0x19, PROPS(SAYS_ANN)); // without a question
    assert_heard(&c[0], "auth 0x00 {method=X auth=welcome}");
    assert_int_equal(hub.again, 3);
    assert_non_null(c[0].conn);
    // [MQTT5-4.12.1-2] who fails is sent away, and so is who is somebody else now.
    says(&c[0], 0x19, PROPS(METHOD "\x16\0\1?"));
    assert_heard(&c[0], "disconnect 0x87 {reason=not authorized}");
    assert_null(c[0].conn);
    is_in(&c[0], "a");
    says(&c[0], 0x19, PROPS(SAYS_BOB));
    assert_heard(&c[0], "disconnect 0x87 {reason=not authorized}");
    assert_int_equal(hub.cancelled, 0);
}

static void test_again(void **state)
{
    (void)state;
    each_way(again);
}

// [MQTT5-4.12.0-7] and what else is out of order.
static void again_wrong(struct client *c)
{
    is_in(&c[0], "a");
    says(&c[0], 0x19, PROPS("\x15\0\1Y"));
    assert_heard(&c[0], "disconnect 0x82 {reason=protocol error}");
    is_in(&c[0], "a");
    says(&c[0], 0x18, PROPS(SAYS_ANN)); // goes on with nothing
    assert_heard(&c[0], "disconnect 0x82 {reason=protocol error}");
    is_in(&c[0], "a");
    says(&c[0], 0x19, PROPS(SAYS_HI));
    client_heard(&c[0]);
    says(&c[0], 0x19, PROPS(SAYS_HI)); // begins twice
    assert_heard(&c[0], "disconnect 0x82 {reason=protocol error}");
    assert_int_equal(hub.cancelled, 1);
    // The line is cut in the middle.
    is_in(&c[0], "a");
    says(&c[0], 0x19, PROPS(SAYS_HI));
    client_close(&c[0]);
    assert_int_equal(hub.cancelled, 2);
}

static void test_again_wrong(void **state)
{
    (void)state;
    each_way(again_wrong);
}

// The hub takes its time: a second word meanwhile is too much, and the broker may go down.
static void test_again_slowly(void **state)
{
    (void)state;
    const struct nh_mqtt_broker_config cfg = {.authenticate = authenticate,
                                              .auth_cancel = auth_cancel};
    memset(&hub, 0, sizeof hub);
    world_init(&w, &cfg);
    struct client *c = w.clients;
    is_in(&c[0], "a");
    is_in(&c[1], "b");
    hub.is_later = true;
    for (unsigned i = 0; i < 2; i++) {
        struct packet *p = packet_begin();
        put_u8(p, 0x19);
        put_props(p, 5, PROPS(SAYS_ANN));
        packet_close(p, 0xF0);
        client_packet(&c[0], p);
        if (i == 0)
            client_ping(&c[0]);
    }
    assert_heard(&c[0], "pingresp; disconnect 0x82 {reason=protocol error}");
    assert_int_equal(hub.cancelled, 1);
    struct packet *p = packet_begin();
    put_u8(p, 0x19);
    put_props(p, 5, PROPS(SAYS_ANN));
    packet_close(p, 0xF0);
    client_packet(&c[1], p);
    world_deinit(&w);
    assert_int_equal(hub.cancelled, 2);
}

// ---- no memory ----------------------------------------------------------------------------------

static void test_no_memory(void **state)
{
    (void)state;
    const struct nh_mqtt_broker_config cfg = {.authenticate = authenticate,
                                              .auth_cancel = auth_cancel};
    for (uint64_t nth = 1;; nth++) {
        memset(&hub, 0, sizeof hub);
        hub.is_later = nth % 2;
        world_init(&w, &cfg);
        struct nh_mem_fault fault = {.fail_nth = (nth + 1) / 2, .only_owner = w.mem};
        nh_mem_fault_set(w.sys, &fault);
        arrives(&w.clients[0], "a", PROPS(SAYS_HI));
        if (w.clients[0].conn)
            says(&w.clients[0], 0x18, PROPS(SAYS_ANN));
        if (w.clients[0].conn)
            says(&w.clients[0], 0x19, PROPS(SAYS_HI));
        uint64_t hits = nh_mem_fault_hits(w.sys);
        nh_mem_fault_set(w.sys, NULL);
        world_deinit(&w);
        if (hits == 0 && hub.is_later == false)
            break;
        assert_true(nth < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange),    cmocka_unit_test(test_disturbed),
        cmocka_unit_test(test_nobody_asks), cmocka_unit_test(test_again),
        cmocka_unit_test(test_again_wrong), cmocka_unit_test(test_again_slowly),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
