// 5.0: what a subscription asks for, and shared subscriptions.
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

#define KEPT PROPS("\x11\0\0\xff\xff") // the session, for a while

static void hello5(struct client *c, const char *id, struct bytes props)
{
    client_connect5(c, id, props);
    assert_non_null(strstr(client_heard(c), "connack 0 0x00"));
}

static void joins(struct client *c, const char *filter, unsigned qos)
{
    client_subscribe(c, filter, qos);
    client_heard(c);
}

static struct nh_mqtt_info info_now(void)
{
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    return info;
}

static void publish_retained(struct client *c, const char *topic, const char *payload)
{
    client_publish_with(
        c, &(struct publish){.topic = topic, .payload = payload, .qos = 0, .retain = true});
}

// ---- options ------------------------------------------------------------------------------------

// [MQTT5-3.8.3-3] nobody hears himself by a subscription that says so; by another he does.
static void no_local(struct client *c)
{
    hello5(&c[0], "a", NO_PROPS);
    hello5(&c[1], "b", NO_PROPS);
    client_subscribe5(&c[0], "t/#", 2 | NO_LOCAL, PROPS("\x0b\1"));
    client_heard(&c[0]);
    client_publish(&c[0], "t/1", "own", 0);
    client_publish(&c[0], "t/1", "own", 1);
    client_publish(&c[1], "t/1", "b's", 0);
    client_publish(&c[1], "t/1", "b's", 1);
    assert_heard(&c[0], "puback #1; publish t/1 b's q0 {id=1}; publish t/1 b's q1 #1 {id=1}");
    client_subscribe5(&c[0], "t/+", 1, PROPS("\x0b\2"));
    client_heard(&c[0]);
    client_publish(&c[0], "t/1", "own", 0);
    client_publish(&c[0], "t/1", "own", 2);
    const char *heard = client_heard(&c[0]);
    assert_non_null(strstr(heard, "publish t/1 own q0 {id=2}"));
    assert_non_null(strstr(heard, "publish t/1 own q1 #2 {id=2}"));
    client_publish(&c[1], "t/1", "b's", 2);
    heard = client_heard(&c[0]);
    assert_true(strcmp(heard, "publish t/1 b's q2 #3 {id=1 id=2}") == 0 ||
                strcmp(heard, "publish t/1 b's q2 #3 {id=2 id=1}") == 0);
    // A will is of nobody who could hear himself; a retained message is replayed.
    publish_retained(&c[0], "t/1", "kept");
    client_heard(&c[0]);
    client_subscribe5(&c[0], "t/#", 0 | NO_LOCAL, NO_PROPS);
    assert_heard(&c[0], "suback #7 0x00; publish t/1 kept q0 retain");
}

static void test_no_local(void **state)
{
    (void)state;
    each_way(NULL, no_local);
}

// [MQTT5-3.3.1-12], [MQTT5-3.3.1-13] RETAIN as it was published, for who asks for it.
static void as_published(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    hello5(&c[1], "plain", NO_PROPS);
    hello5(&c[2], "as", NO_PROPS);
    joins(&c[1], "t", 1);
    joins(&c[2], "t", 1 | AS_PUBLISHED);
    for (unsigned qos = 0; qos < 2; qos++) {
        client_publish_with(
            &c[0],
            &(struct publish){.topic = "t", .payload = "m", .qos = qos, .id = qos, .retain = true});
        client_publish_id(&c[0], "t", "n", qos, 2);
    }
    assert_heard(&c[1], "publish t m q0; publish t n q0; publish t m q1 #1; publish t n q1 #2");
    assert_heard(&c[2], "publish t m q0 retain; publish t n q0; publish t m q1 #1 retain; "
                        "publish t n q1 #2");
}

static void test_as_published(void **state)
{
    (void)state;
    each_way(NULL, as_published);
}

// [MQTT5-3.3.1-8], -9, -10, -11, [MQTT5-3.8.4-4] retained messages at each SUBSCRIBE, at the first,
// or never.
static void retain_handling(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    publish_retained(&c[0], "t", "kept");
    hello5(&c[1], "sub", NO_PROPS);
    for (unsigned i = 0; i < 2; i++) {
        client_subscribe(&c[1], "t", 0);
        assert_heard(&c[1], "suback #7 0x00; publish t kept q0 retain");
    }
    client_subscribe(&c[1], "t", SEND_NEW);
    client_subscribe(&c[1], "t", SEND_NONE);
    assert_heard(&c[1], "suback #7 0x00; suback #7 0x00");
    client_unsubscribe(&c[1], "t");
    client_subscribe(&c[1], "t", SEND_NONE);
    assert_heard(&c[1], "unsuback #8 0x00; suback #7 0x00");
    client_unsubscribe(&c[1], "t");
    client_subscribe5(&c[1], "t", 1 | SEND_NEW, PROPS("\x0b\x80\1"));
    assert_heard(&c[1], "unsuback #8 0x00; suback #7 0x01; publish t kept q0 retain {id=128}");
}

static void test_retain_handling(void **state)
{
    (void)state;
    each_way(NULL, retain_handling);
}

// [MQTT5-3.3.4-3], [MQTT5-3.3.4-4], [MQTT5-3.3.4-5] the identifiers of all that match, in the queue
// and when sent again too.
static void identifiers(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    client_connect5(&c[1], "sub", KEPT);
    client_subscribe5(&c[1], "a/#", 1, PROPS("\x0b\1"));
    client_subscribe5(&c[1], "b/#", 1, PROPS("\x0b\xff\xff\xff\x7f"));
    client_subscribe5(&c[1], "+/1", 0, PROPS("\x0b\2"));
    client_subscribe5(&c[1], "+/+", 0, PROPS("\x0b\3"));
    client_subscribe(&c[1], "b/2", 0);
    client_heard(&c[1]);
    client_publish(&c[0], "b", "m", 0);
    client_publish(&c[0], "b", "m", 1);
    assert_heard(&c[1], "publish b m q0 {id=268435455}; publish b m q1 #1 {id=268435455}");
    static const char *const ids[] = {"id=1", "id=2", "id=3"};
    for (unsigned qos = 0; qos < 2; qos++) {
        client_publish5(&c[0], "a/1", "m", qos, PROPS("\1\1"));
        const char *heard = client_heard(&c[1]);
        for (unsigned i = 0; i < 3; i++)
            assert_non_null(strstr(heard, ids[i]));
        assert_non_null(strstr(heard, "utf8=1"));
    }
    client_close(&c[1]);
    client_publish(&c[0], "a/1", "queued", 1);
    client_publish(&c[0], "a", "queued", 1);
    client_resume5(&c[1], "sub", KEPT);
    const char *heard = client_heard(&c[1]);
    assert_non_null(strstr(heard, "publish b m q1 #1 dup {id=268435455}; publish a/1 m q1 #2 dup"));
    assert_non_null(strstr(heard, "publish a queued q1 #4 {id=1}"));
    for (unsigned i = 0; i < 3; i++)
        assert_non_null(strstr(strstr(heard, "queued q1 #3"), ids[i]));
    // The session goes on as 3.1.1, which has no identifiers.
    client_close(&c[1]);
    client_connect(&c[1], "sub", true);
    assert_heard(&c[1], "connack 1 0; publish b m q1 #1 dup; publish a/1 m q1 #2 dup; "
                        "publish a/1 queued q1 #3 dup; publish a queued q1 #4 dup");
    client_publish(&c[0], "a/1", "m", 0);
    assert_heard(&c[1], "publish a/1 m q0");
}

static void test_identifiers(void **state)
{
    (void)state;
    each_way(NULL, identifiers);
}

// A new SUBSCRIBE replaces all options [MQTT5-3.8.4-3].
static void replaced(struct client *c)
{
    hello5(&c[0], "a", NO_PROPS);
    client_subscribe5(&c[0], "t", 2 | NO_LOCAL, PROPS("\x0b\1"));
    client_subscribe5(&c[0], "t", 0, PROPS("\x0b\2"));
    client_heard(&c[0]);
    client_publish(&c[0], "t", "m", 1);
    const char *heard = client_heard(&c[0]);
    assert_non_null(strstr(heard, "publish t m q0 {id=2}"));
    client_subscribe(&c[0], "t", 0);
    client_heard(&c[0]);
    client_publish(&c[0], "t", "m", 0);
    assert_heard(&c[0], "publish t m q0");
    assert_int_equal(info_now().subscription_count, 1);
}

static void test_replaced(void **state)
{
    (void)state;
    each_way(NULL, replaced);
}

// ---- shared -------------------------------------------------------------------------------------

static unsigned count_of(struct client *c, const char *what)
{
    unsigned count = 0;
    for (const char *at = client_heard(c); (at = strstr(at, what)); at++)
        count++;
    return count;
}

// [MQTT5-4.8.2-3] one copy for a group, turn by turn; others get theirs; groups by name and filter.
static void shared(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    for (unsigned i = 1; i < 4; i++) {
        hello5(&c[i], i == 1 ? "a" : i == 2 ? "b" : "c", NO_PROPS);
        joins(&c[i], "$share/g/t/+", 1);
    }
    joins(&c[3], "$share/h/t/#", 0);
    hello5(&c[4], "all", NO_PROPS);
    joins(&c[4], "t/#", 0);
    for (unsigned i = 0; i < 18; i++)
        client_publish(&c[0], "t/1", "m", i / 9);
    assert_int_equal(count_of(&c[4], "publish"), 18);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(count_of(&c[i], "publish t/1 m"), i == 3 ? 24 : 6);
    assert_int_equal(info_now().group_count, 2);
    assert_int_equal(info_now().subscription_count, 5);
    // Nothing is published to the group itself.
    client_publish(&c[0], "$share/g/t/1", "m", 1);
    for (unsigned i = 1; i < 5; i++)
        assert_heard(&c[i], "");
    // No retained message for a shared subscription.
    publish_retained(&c[0], "t/1", "kept");
    for (unsigned i = 1; i < 5; i++)
        client_heard(&c[i]);
    client_subscribe(&c[1], "$share/g/t/+", 1);
    assert_heard(&c[1], "suback #7 0x01");
    client_unsubscribe(&c[3], "$share/h/t/#");
    client_unsubscribe(&c[3], "$share/h/t/#");
    assert_heard(&c[3], "unsuback #8 0x00; unsuback #8 0x11");
    for (unsigned i = 1; i < 4; i++)
        client_disconnect(&c[i]);
    assert_int_equal(info_now().group_count, 0);
    client_publish(&c[0], "t/1", "m", 0);
    assert_heard(&c[4], "publish t/1 m q0");
}

static void test_shared(void **state)
{
    (void)state;
    each_way(NULL, shared);
}

// A run of QoS 0 packets is dealt out packet by packet, to both versions.
static void shared_runs(struct client *c)
{
    static struct packet all;
    hello5(&c[0], "pub", NO_PROPS);
    hello5(&c[1], "a", NO_PROPS);
    client_subscribe5(&c[1], "$share/g/t", 0, PROPS("\x0b\5"));
    client_connect(&c[2], "b", false);
    hello5(&c[3], "c", NO_PROPS);
    for (unsigned i = 2; i < 4; i++)
        client_subscribe(&c[i], "$share/g/t", 0);
    all.len = 0;
    for (unsigned i = 0; i < 12; i++) {
        char payload[2] = {(char)('a' + i), 0};
        const struct packet *p =
            packet_publish(&(struct publish){.topic = "t", .payload = payload, .version = 5});
        memcpy(all.bytes + all.len, p->bytes, p->len);
        all.len += p->len;
    }
    for (unsigned i = 1; i < 4; i++)
        client_heard(&c[i]);
    client_packet(&c[0], &all);
    const char *heard = client_heard(&c[1]);
    assert_non_null(strstr(heard, "{id=5}"));
    unsigned first = 1;
    for (const char *at = heard; (at = strstr(at, "; ")); at++)
        first++;
    assert_int_equal(first, 4);
    assert_int_equal(count_of(&c[2], "publish t "), 4);
    assert_int_equal(count_of(&c[3], "publish t "), 4);
}

static void test_shared_runs(void **state)
{
    (void)state;
    each_way(NULL, shared_runs);
}

// Who has the least to do gets the next message; who has no room gets none while others have.
static void shared_load(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    hello5(&c[1], "slow", PROPS("\x21\0\2"));
    hello5(&c[2], "fast", NO_PROPS);
    joins(&c[1], "$share/g/t", 1);
    joins(&c[2], "$share/g/t", 1);
    unsigned id = 0;
    for (unsigned i = 0; i < 10; i++) {
        client_publish(&c[0], "t", "m", 1);
        while (count_of(&c[2], "publish"))
            client_ack(&c[2], 0x40, ++id);
    }
    assert_int_equal(count_of(&c[1], "publish"), 1); // it never answered
    assert_int_equal(id, 9);
}

static void test_shared_load(void **state)
{
    (void)state;
    each_way(NULL, shared_load);
}

// [MQTT5-4.8.2-5] and its neighbours: what a member leaves behind goes to others, but not what was
// begun at QoS 2.
static void shared_loss(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    client_connect5(&c[1], "a", PROPS("\x11\0\0\xff\xff\x21\0\2"));
    joins(&c[1], "$share/g/t", 2);
    for (unsigned i = 1; i < 5; i++) {
        char payload[2] = {(char)('0' + i), 0};
        client_publish(&c[0], "t", payload, 1 + i % 2);
    }
    assert_heard(&c[1], "publish t 1 q2 #1; publish t 2 q1 #2"); // 3 and 4 wait
    client_connect5(&c[2], "b", KEPT);
    joins(&c[2], "$share/g/t", 2);
    client_close(&c[1]); // it may come back
    assert_heard(&c[2], "");
    client_connect5(&c[1], "a", NO_PROPS); // and begins anew: that session is over
    assert_heard(&c[2], "publish t 2 q1 #1; publish t 3 q2 #2; publish t 4 q1 #3");
    assert_int_equal(info_now().shared_moved, 3);
    // Unsubscribing hands over what waits and keeps what was begun [MQTT5-3.10.4-3].
    client_close(&c[1]);
    client_connect5(&c[1], "a", PROPS("\x21\0\1"));
    client_heard(&c[1]);
    joins(&c[1], "$share/g/t", 1);
    client_publish(&c[0], "t", "5", 1);
    client_publish(&c[0], "t", "6", 1);
    const char *heard = client_heard(&c[1]);
    assert_non_null(strstr(heard, "q1 #1"));
    client_unsubscribe(&c[1], "$share/g/t");
    client_ack(&c[1], 0x40, 1);
    assert_heard(&c[1], "unsuback #8 0x00");
    client_publish(&c[0], "t", "7", 1);
    assert_heard(&c[1], "");
    heard = client_heard(&c[2]);
    assert_non_null(strstr(heard, "publish t 7 q1"));
}

static void test_shared_loss(void **state)
{
    (void)state;
    each_way(NULL, shared_loss);
}

// While all are away the group's messages are queued for those who will come back.
static void shared_away(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    client_connect5(&c[1], "a", KEPT);
    client_connect5(&c[2], "b", KEPT);
    for (unsigned i = 1; i < 3; i++) {
        joins(&c[i], "$share/g/t", 1);
        client_close(&c[i]);
    }
    for (unsigned i = 0; i < 6; i++)
        client_publish(&c[0], "t", "m", 1);
    client_publish(&c[0], "t", "lost", 0); // QoS 0 is kept for nobody
    client_resume5(&c[1], "a", KEPT);
    client_resume5(&c[2], "b", KEPT);
    assert_int_equal(count_of(&c[1], "publish t m q1"), 3);
    assert_int_equal(count_of(&c[2], "publish t m q1"), 3);
    // One is away: the other gets all.
    client_close(&c[1]);
    for (unsigned i = 0; i < 3; i++)
        client_publish(&c[0], "t", "m", 1);
    assert_int_equal(count_of(&c[2], "publish t m q1"), 3);
}

static void test_shared_away(void **state)
{
    (void)state;
    each_way(NULL, shared_away);
}

// [MQTT5-4.8.2-6] a message that a member refuses is for nobody else.
static void shared_refused(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    hello5(&c[1], "a", NO_PROPS);
    hello5(&c[2], "b", NO_PROPS);
    joins(&c[1], "$share/g/t", 1);
    joins(&c[2], "$share/g/t", 1);
    client_publish(&c[0], "t", "m", 1);
    bool is_a = count_of(&c[1], "publish") == 1;
    client_ack5(&c[is_a ? 1 : 2], 0x40, 1, 0x80);
    client_disconnect(&c[is_a ? 1 : 2]);
    assert_heard(&c[is_a ? 2 : 1], "");
    assert_int_equal(info_now().inflight_count, 0);
}

static void test_shared_refused(void **state)
{
    (void)state;
    each_way(NULL, shared_refused);
}

// ---- who may read -------------------------------------------------------------------------------

static bool not_b(void *ctx, const struct nh_mqtt_who *who, enum nh_mqtt_action action,
                  nh_span_t topic)
{
    (void)ctx;
    bool is_b = who->client_id.len == 1 && who->client_id.ptr[0] == 'b';
    bool is_secret = topic.len >= 6 && memcmp(topic.ptr, "secret", 6) == 0;
    return action == NH_MQTT_MAY_PUBLISH || !is_b || !is_secret;
}

static void accept_all(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                       struct nh_mqtt_auth_answer *out)
{
    (void)ctx;
    (void)c;
    (void)r;
    out->verdict = NH_MQTT_AUTH_ACCEPTED;
}

// A member that may not read a topic is passed over; the filter is judged without its group.
static void shared_rights(struct client *c)
{
    hello5(&c[0], "pub", NO_PROPS);
    hello5(&c[1], "a", NO_PROPS);
    hello5(&c[2], "b", NO_PROPS);
    joins(&c[1], "$share/g/#", 1);
    joins(&c[2], "$share/g/#", 1);
    client_subscribe(&c[2], "$share/g/secret", 1);
    assert_heard(&c[2], "suback #7 0x87");
    for (unsigned i = 0; i < 4; i++)
        client_publish(&c[0], "secret/1", "m", i / 2);
    assert_int_equal(count_of(&c[1], "publish"), 4);
    assert_heard(&c[2], "");
    for (unsigned i = 0; i < 4; i++)
        client_publish(&c[0], "open", "m", 0);
    assert_int_equal(count_of(&c[2], "publish"), 2);
}

static void test_shared_rights(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.authorize = not_b, .authenticate = accept_all},
             shared_rights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_local),        cmocka_unit_test(test_as_published),
        cmocka_unit_test(test_retain_handling), cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_replaced),        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_shared_runs),     cmocka_unit_test(test_shared_load),
        cmocka_unit_test(test_shared_loss),     cmocka_unit_test(test_shared_away),
        cmocka_unit_test(test_shared_refused),  cmocka_unit_test(test_shared_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
