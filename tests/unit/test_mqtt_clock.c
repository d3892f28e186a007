// The engine's clock at its edges: where 32 bits end, just before 64 bits end, and beyond.
// Deadlines never come early and never in a crowd; a clock that goes back stands still.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mqtt_client.h"

static struct world w;

static struct nh_mqtt_info info_of(void)
{
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(w.broker, &info);
    return info;
}

static const struct nh_mqtt_broker_config limits = {.connect_timeout_ms = 5000,
                                                    .publish_rate_max = 4,
                                                    .connect_rate_max = 8,
                                                    .queue_max_messages = 8,
                                                    .inflight_max = 2,
                                                    .pause = world_pause};

// A broker whose clock begins at `start_ms`.
static void begin(uint64_t start_ms)
{
    world_init(&w, &limits);
    w.now_ms = start_ms;
}

static void assert_alive(struct client *c)
{
    assert_non_null(c->conn);
    assert_int_equal(client_ping(c), NH_OK);
    assert_heard(c, "pingresp");
}

// ---- 32 bits ------------------------------------------------------------------------------------

// Keep-alive, CONNECT time-out and rates count across the end of 32 bits as anywhere else.
static void test_past_32_bits(void **state)
{
    static const uint64_t starts[] = {
        0,         1, 1000, UINT32_MAX - 3000ull, UINT32_MAX - 1ull, UINT32_MAX, UINT32_MAX + 1ull,
        1ull << 40};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(starts); i++) {
        struct client *c = w.clients;
        begin(starts[i]);
        client_connect_with(&c[0], &(struct connect){.id = "a", .keepalive_s = 4});
        assert_heard(&c[0], "connack 0 0");
        assert_int_equal(client_open(&c[1]), NH_OK); // says nothing
        for (int k = 0; k < 5; k++)
            client_publish(&c[0], "t", "m", 0);
        assert_true(c[0].is_paused);
        world_tick(&w, w.now_ms + 249);
        assert_true(c[0].is_paused);
        world_tick(&w, w.now_ms + 100);
        assert_false(c[0].is_paused);
        world_tick(&w, starts[i] + 4999);
        assert_non_null(c[1].conn);
        assert_alive(&c[0]);
        world_tick(&w, starts[i] + 5000 + 1025); // up to a grain of the wheel later
        assert_null(c[1].conn);
        world_tick(&w, starts[i] + 4999 + 6000 - 1);
        assert_non_null(c[0].conn);
        world_tick(&w, starts[i] + 4999 + 6000 + 1025);
        assert_null(c[0].conn);
        assert_int_equal(info_of().keepalive_timeouts, 1);
        world_deinit(&w);
    }
}

// ---- 64 bits ------------------------------------------------------------------------------------

// Whoever sleeps until the next deadline does not wake over and over.
static void run_to_the_end(void)
{
    uint64_t next;
    int turns = 0;
    while ((next = nh_mqtt_broker_next_deadline(w.broker)) != NH_NEVER && turns++ < 500) {
        world_tick(&w, next > w.now_ms ? next : w.now_ms);
    }
    assert_true(turns < 500);
}

static void test_end_of_64_bits(void **state)
{
    static const uint64_t left_ms[] = {0, 1, 500, 1024, 5000, 5001, 90500, 100000, 1000000};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(left_ms); i++) {
        struct client *c = w.clients;
        begin(UINT64_MAX - left_ms[i]);
        client_connect_with(&c[0], &(struct connect){.id = "a", .keepalive_s = 65535});
        client_connect_with(&c[1],
                            &(struct connect){.id = "kept", .keepalive_s = 60, .is_kept = true});
        client_subscribe(&c[1], "t", 1);
        client_subscribe(&c[1], "$SYS/#", 0);
        assert_int_equal(client_open(&c[2]), NH_OK);
        client_heard(&c[0]);
        client_heard(&c[1]);
        for (int k = 0; k < 5; k++)
            client_publish(&c[0], "t", "m", 1);
        assert_true(c[0].is_paused);
        run_to_the_end();
        assert_non_null(c[0].conn); // nobody's time was up before the end came
        world_deinit(&w);
    }
}

// A clock that goes back, by the end of 64 bits or a fault, stands still; messages do not.
static void test_backwards(void **state)
{
    static const uint64_t before[] = {UINT64_MAX, 1ull << 50, 10000};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(before); i++) {
        struct client *c = w.clients;
        begin(before[i]);
        client_connect_with(&c[0], &(struct connect){.id = "a", .keepalive_s = 2});
        client_subscribe(&c[0], "t", 1);
        client_heard(&c[0]);
        world_tick(&w, 5); // as after a wrap
        client_publish(&c[0], "t", "m", 1);
        assert_heard(&c[0], "publish t m q1 #1; puback #1");
        client_ack(&c[0], 0x40, 1);
        client_connect(&c[1], "b", false);
        assert_heard(&c[1], "connack 0 0");
        world_tick(&w, 5000);
        assert_alive(&c[0]);
        world_deinit(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_past_32_bits),
        cmocka_unit_test(test_end_of_64_bits),
        cmocka_unit_test(test_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
