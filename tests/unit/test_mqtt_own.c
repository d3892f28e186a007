// Clients that are parts of the hub: their ids, what they need no leave for, their sessions.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mqtt/internal.h"
#include "support/mqtt_packet.h"

static _Alignas(16) uint8_t internal[24 * 1024];
static _Alignas(16) uint8_t psram[128 * 1024];
static nh_mem_system_t *sys;
static nh_mqtt_broker_t *b;
static struct nh_mqtt_own own = {.client_id = "$bridge/up"};
static uint8_t turn[256]; // what was said, until the turn's end

static void refuse_all(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                       struct nh_mqtt_auth_answer *out)
{
    (void)ctx;
    (void)c;
    (void)r;
    (void)out;
}

static void let_in(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                   struct nh_mqtt_auth_answer *out)
{
    (void)ctx;
    (void)c;
    out->verdict = NH_MQTT_AUTH_ACCEPTED;
    out->user = r->user;
}

static bool refuse_topic(void *ctx, const struct nh_mqtt_who *who, enum nh_mqtt_action action,
                         nh_span_t topic)
{
    (void)ctx;
    (void)who;
    (void)action;
    (void)topic;
    return false;
}

static void start(struct nh_mqtt_broker_config cfg)
{
    const struct nh_mem_system_config mem = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    assert_int_equal(nh_mem_system_create(&mem, &sys), NH_OK);
    assert_int_equal(nh_mem_owner_add(sys, "mqtt", NULL, &cfg.mem), NH_OK);
    assert_int_equal(nh_mqtt_broker_create(&cfg, &b), NH_OK);
    nh_mqtt_broker_own_add(b, &own);
}

static void stop(void)
{
    assert_int_equal(nh_mqtt_broker_check(b), NH_OK);
    nh_mqtt_broker_own_remove(b, &own);
    nh_mqtt_broker_destroy(b);
    assert_int_equal(nh_mem_system_destroy(sys, NULL, NULL), 0);
}

static void say(nh_mqtt_conn_t *c, const void *bytes, size_t len)
{
    memcpy(turn, bytes, len);
    NH_IGNORE(nh_mqtt_broker_input(b, c, turn, len, 1));
    nh_mqtt_broker_turn_end(b);
}

// CONNECT of 5.0 with a kept session; gives the code of CONNACK.
static int hello(nh_mqtt_conn_t *c, const char *id, uint16_t keepalive_s)
{
    static const uint8_t forever[] = {NH_MQTT__SESSION_EXPIRY_INTERVAL, 0xFF, 0xFF, 0xFF, 0xFF};
    const struct nh_mqtt__connect k = {.level = 5,
                                       .keepalive_s = keepalive_s,
                                       .client_id = {(const uint8_t *)id, strlen(id)},
                                       .props = {.bytes = {forever, sizeof forever}}};
    uint8_t packet[64];
    int len = nh_mqtt__connect_encode(&k, packet, sizeof packet);
    say(c, packet, (size_t)len);
    struct nh_mqtt_span spans[2];
    size_t count = nh_mqtt_broker_output(b, c, spans, 2);
    assert_true(count > 0 && spans[0].len >= 4);
    int code = ((const uint8_t *)spans[0].ptr)[3];
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += spans[i].len;
    nh_mqtt_broker_sent(b, c, total, 1);
    return code;
}

static nh_mqtt_conn_t *open_other(void)
{
    nh_mqtt_conn_t *c;
    assert_int_equal(nh_mqtt_broker_open(b, NULL, 1, &c), NH_OK);
    assert_false(nh_mqtt_conn_is_own(c));
    return c;
}

static nh_mqtt_conn_t *open_own(void)
{
    nh_mqtt_conn_t *c;
    assert_int_equal(nh_mqtt_broker_own_open(b, &own, 1, &c), NH_OK);
    assert_true(nh_mqtt_conn_is_own(c));
    return c;
}

static void close_conn(nh_mqtt_conn_t *c)
{
    nh_mqtt_broker_close(b, c, 1);
    nh_mqtt_broker_turn_end(b);
}

static bool has_session(const char *id)
{
    return nh_mqtt__session_find(b, (nh_span_t){(const uint8_t *)id, strlen(id)});
}

// Nobody from outside gets such an id, and a part gets no other.
static void test_ids(void **state)
{
    (void)state;
    start((struct nh_mqtt_broker_config){0});
    nh_mqtt_conn_t *mine = open_own(), *other = open_other(), *wrong = open_own();
    assert_int_equal(hello(mine, "$bridge/up", 0), 0);
    assert_int_equal(hello(other, "$bridge/up", 0), NH_MQTT_REASON_CLIENT_IDENTIFIER_NOT_VALID);
    assert_int_equal(hello(wrong, "up", 0), NH_MQTT_REASON_CLIENT_IDENTIFIER_NOT_VALID);
    assert_false(nh_mqtt_conn_wants_close(mine)); // not taken over
    close_conn(mine);
    close_conn(other);
    close_conn(wrong);
    stop();
}

// No limit of clients, of rates or of rights is for it.
static void test_needs_no_leave(void **state)
{
    (void)state;
    start((struct nh_mqtt_broker_config){.authenticate = refuse_all,
                                         .authorize = refuse_topic,
                                         .conn_max_count = 1,
                                         .connect_rate_max = 1,
                                         .keepalive_max_s = 5,
                                         .is_moved = true});
    nh_mqtt_conn_t *mine = open_own();
    assert_int_equal(hello(mine, "$bridge/up", 0), 0);
    say(mine, "\x82\x07\0\1\0\0\1a\1", 9);
    say(mine, "\x30\4\0\1a\0", 6);
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(b, &info);
    assert_int_equal(info.subscription_count, 1);
    assert_int_equal(info.publish_denied + info.subscribe_denied, 0);
    nh_mqtt_broker_access_changed(b, 2);
    nh_mqtt_broker_tick(b, 100000); // no keep-alive, not even the broker's
    assert_false(nh_mqtt_conn_wants_close(mine));
    close_conn(mine);
    stop();
}

// Its session stays where others are evicted or end with their user.
static void test_session_is_kept(void **state)
{
    (void)state;
    start((struct nh_mqtt_broker_config){
        .authenticate = let_in, .session_max_count = 1, .session_expiry_max_s = 10});
    nh_mqtt_conn_t *c = open_own();
    assert_int_equal(hello(c, "$bridge/up", 0), 0);
    close_conn(c);
    for (int i = 0; i < 3; i++) {
        char id[] = "client-0";
        id[7] = (char)('0' + i);
        c = open_other();
        assert_int_equal(hello(c, id, 0), 0);
        close_conn(c);
    }
    assert_true(has_session("$bridge/up"));
    assert_false(has_session("client-1"));
    assert_true(has_session("client-2"));
    nh_mqtt_broker_tick(b, 20000);
    nh_mqtt_broker_tick(b, 40000);
    assert_false(has_session("client-2")); // its time was up
    assert_true(has_session("$bridge/up"));
    stop();
}

static void test_limits(void **state)
{
    (void)state;
    start((struct nh_mqtt_broker_config){.queue_max_messages = 10, .queue_max_bytes = 5000});
    own.limits = (struct nh_mqtt_user_limits){.queue_max_messages = 3};
    nh_mqtt_conn_t *c = open_own();
    assert_int_equal(hello(c, "$bridge/up", 0), 0);
    assert_int_equal(nh_mqtt__queue_max_messages(b, c->session), 3);
    assert_int_equal(nh_mqtt__queue_max_bytes(b, c->session), 5000);
    own.limits = (struct nh_mqtt_user_limits){0};
    assert_int_equal(nh_mqtt__queue_max_messages(b, c->session), 10);
    close_conn(c);
    stop();
}

// Who is not there any more has no session any more; other clients' stay.
static void test_sweep(void **state)
{
    static struct nh_mqtt_own second = {.client_id = "$bridge/gone"};
    (void)state;
    start((struct nh_mqtt_broker_config){0});
    nh_mqtt_broker_own_add(b, &second);
    static const char *const ids[] = {"$bridge/gone", "$bridge/up"};
    for (size_t i = 0; i < 2; i++) {
        nh_mqtt_conn_t *c = open_own();
        assert_int_equal(hello(c, ids[i], 0), 0);
        close_conn(c);
    }
    nh_mqtt_conn_t *c = open_other();
    assert_int_equal(hello(c, "other", 0), 0);
    close_conn(c);
    nh_mqtt_broker_own_sweep(b);
    assert_true(has_session("$bridge/gone"));
    nh_mqtt_broker_own_remove(b, &second);
    nh_mqtt_broker_own_sweep(b);
    assert_false(has_session("$bridge/gone"));
    assert_true(has_session("$bridge/up") && has_session("other"));
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_needs_no_leave),
        cmocka_unit_test(test_session_is_kept),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
