// Rates: CONNECTs a second of the broker, messages a second of a client.

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

// ---- CONNECTs -----------------------------------------------------------------------------------

static unsigned asked; // for passwords

static void everybody(void *ctx, nh_mqtt_conn_t *c, const struct nh_mqtt_auth_request *r,
                      struct nh_mqtt_auth_answer *out)
{
    (void)ctx;
    (void)c;
    (void)r;
    asked++;
    out->verdict = NH_MQTT_AUTH_ACCEPTED;
}

// Connects and goes; whether it was let in.
static bool try_connect(struct client *c)
{
    client_connect(c, "x", false);
    bool is_in = strcmp(client_heard(c), "connack 0 0") == 0;
    client_disconnect(c);
    return is_in;
}

static void connect_rate(struct client *c)
{
    static const struct {
        const char *name;
        uint64_t after_ms;
        unsigned tries, in;
    } rows[] = {
        {"a second's worth at once", 0, 5, 4},
        {"a moment before the next", 249, 1, 0},
        {"the next", 1, 2, 1},
        {"two more", 500, 5, 2},
        {"a long sleep saves up one second's worth", 1ull << 62, 9, 4},
        {"and then it goes on", 1000, 9, 4},
    };
    unsigned refused = 0, taken = 0;
    asked = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        unsigned in = 0;
        w.now_ms += rows[i].after_ms;
        for (unsigned k = 0; k < rows[i].tries; k++)
            in += try_connect(c);
        if (in != rows[i].in)
            fail_msg("%s: %u came in", rows[i].name, in);
        refused += rows[i].tries - in;
        taken += in;
    }
    assert_int_equal(info_of().refused_connect_rate, refused);
    assert_int_equal(info_of().refused_connects, refused);
    assert_int_equal(info_of().connects_total, taken);
    assert_int_equal(asked, taken); // a refusal costs no password hash
}

static void test_connect_rate(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.connect_rate_max = 4, .authenticate = everybody},
             connect_rate);
}

// What a refused one hears, and that those who are in do not notice.
static void connect_refusal(struct client *c)
{
    client_connect(&c[0], "a", false);
    assert_heard(&c[0], "connack 0 0");
    client_connect(&c[1], "a", false); // not even in the place of the other
    assert_heard(&c[1], "connack 0 3");
    assert_null(c[1].conn);
    client_subscribe(&c[0], "t", 0);
    client_publish(&c[0], "t", "m", 0);
    assert_heard(&c[0], "suback #7 0; publish t m q0");
}

static void test_connect_refusal(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.connect_rate_max = 1}, connect_refusal);
}

// ---- messages -----------------------------------------------------------------------------------

static void publish_many(struct client *c, unsigned count, unsigned qos)
{
    for (unsigned i = 0; i < count; i++)
        client_publish(c, "t", "m", qos);
}

// How long until the client is read from again, by the engine's own deadlines.
static uint64_t held_ms(struct client *c)
{
    uint64_t from = w.now_ms;
    for (int i = 0; i < 1000 && c->is_paused; i++)
        world_tick(&w, nh_mqtt_broker_next_deadline(w.broker));
    assert_false(c->is_paused);
    return w.now_ms - from;
}

static void publish_rate(struct client *c)
{
    client_connect(&c[0], "pub", false);
    client_connect(&c[1], "other", false);
    publish_many(&c[0], 10, 0);
    assert_false(c[0].is_paused); // a second's worth
    publish_many(&c[0], 1, 0);
    assert_true(c[0].is_paused);
    publish_many(&c[1], 10, 1); // the rate is each client's own
    assert_false(c[1].is_paused);
    assert_in_range(held_ms(&c[0]), 100, 150);
    publish_many(&c[0], 30, 2); // a read that brought much more
    assert_true(c[0].is_paused);
    assert_in_range(held_ms(&c[0]), 2900, 3050);
    assert_int_equal(info_of().publish_slowed, 2);
    world_tick(&w, w.now_ms + 3600000); // an hour of silence saves up one second
    publish_many(&c[0], 10, 1);
    assert_false(c[0].is_paused);
    publish_many(&c[0], 1, 1);
    assert_true(c[0].is_paused);
}

static void test_publish_rate(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.publish_rate_max = 10, .pause = world_pause},
             publish_rate);
}

// A run of QoS 0 packets in one read counts each of them; over ten seconds the rate holds.
static void publish_run(struct client *c)
{
    uint8_t run[25 * 6];
    for (size_t i = 0; i < sizeof run; i += 6)
        memcpy(run + i, "\x30\4\0\1tm", 6);
    client_connect(&c[0], "pub", false);
    uint64_t from = w.now_ms;
    unsigned sent = 0;
    while (w.now_ms < from + 10000) {
        client_send(&c[0], run, sizeof run);
        sent += 25;
        held_ms(&c[0]);
    }
    assert_int_equal(info_of().messages_in_qos[0], sent);
    assert_in_range(sent, 1000, 100 * 11 + 25); // its rate, the first second's worth, one read
}

static void test_publish_run(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.publish_rate_max = 100, .pause = world_pause},
             publish_run);
}

// Held back is not silent: keep-alive counts from when it is read again.
static void publish_keepalive(struct client *c)
{
    client_connect_with(&c[0], &(struct connect){.id = "pub", .keepalive_s = 1});
    publish_many(&c[0], 11, 0);
    assert_true(c[0].is_paused);
    assert_true(held_ms(&c[0]) > 9000);
    assert_non_null(c[0].conn);
    world_tick(&w, w.now_ms + 1499);
    assert_non_null(c[0].conn);
    world_tick(&w, w.now_ms + 3000);
    assert_null(c[0].conn);
    assert_int_equal(info_of().keepalive_timeouts, 1);
}

static void test_publish_keepalive(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.publish_rate_max = 1, .pause = world_pause},
             publish_keepalive);
}

// A full queue holds the publisher back as well: it goes on when neither reason is left.
static void publish_both(struct client *c)
{
    client_connect(&c[0], "pub", false);
    client_connect(&c[1], "sub", false);
    client_subscribe(&c[1], "t", 1);
    client_heard(&c[1]);
    publish_many(&c[0], 26, 1);
    assert_true(c[0].is_paused);
    for (unsigned id = 1; id <= 26; id++)
        client_ack(&c[1], 0x40, id);
    assert_true(c[0].is_paused); // the queue is empty, the rate is not paid for
    assert_in_range(held_ms(&c[0]), 1600, 1700);
    assert_int_equal(info_of().pushbacks, 1);
}

static void test_publish_both(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.publish_rate_max = 10,
                                             .queue_max_messages = 16,
                                             .inflight_max = 2,
                                             .pause = world_pause},
             publish_both);
}

// It may go, or the broker may, while it is held back.
static void publish_gone(struct client *c)
{
    client_connect(&c[0], "pub", false);
    client_connect(&c[1], "stays", false);
    publish_many(&c[0], 5, 0);
    publish_many(&c[1], 5, 0);
    assert_true(c[0].is_paused && c[1].is_paused);
    client_close(&c[0]);
    world_turn_end(&w);
    client_connect(&c[2], "stays", false); // taken over
    assert_null(c[1].conn);
    publish_many(&c[2], 5, 0);
    assert_true(c[2].is_paused);
}

static void test_publish_gone(void **state)
{
    (void)state;
    each_way(&(struct nh_mqtt_broker_config){.publish_rate_max = 1, .pause = world_pause},
             publish_gone);
}

// ---- the configuration --------------------------------------------------------------------------

static void test_config(void **state)
{
    static const struct {
        struct nh_mqtt_broker_config cfg;
        int rc;
    } rows[] = {
        {{.publish_rate_max = 1}, NH_ERR_RANGE}, // there is no way to hold anybody back
        {{.publish_rate_max = 1000001, .pause = world_pause}, NH_ERR_RANGE},
        {{.connect_rate_max = 1000001}, NH_ERR_RANGE},
        {{.publish_rate_max = 1000000, .connect_rate_max = 1000000, .pause = world_pause}, NH_OK},
    };
    (void)state;
    world_init(&w, NULL);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_mqtt_broker_config cfg = rows[i].cfg;
        nh_mqtt_broker_t *b;
        cfg.mem = w.mem;
        assert_int_equal(nh_mqtt_broker_create(&cfg, &b), rows[i].rc);
        nh_mqtt_broker_destroy(b);
    }
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect_rate),      cmocka_unit_test(test_connect_refusal),
        cmocka_unit_test(test_publish_rate),      cmocka_unit_test(test_publish_run),
        cmocka_unit_test(test_publish_keepalive), cmocka_unit_test(test_publish_both),
        cmocka_unit_test(test_publish_gone),      cmocka_unit_test(test_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
