// Whole conversations with the broker engine, each given whole and byte by byte.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/mqtt_client.h"

static struct world w;

// Runs `scenario` with the input whole, byte by byte and in odd pieces.
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

static void hello(struct client *c)
{
    client_connect(&c[0], "a", false);
    assert_heard(&c[0], "connack 0 0");
    client_connect(&c[1], "b", false);
    client_subscribe(&c[1], "x/+", 0);
    client_subscribe(&c[1], "y", 1);
    assert_heard(&c[1], "connack 0 0; suback #7 0; suback #7 1");
    client_publish(&c[0], "x/1", "hi", 0);
    client_publish(&c[0], "x/2", "ho", 1);
    client_publish(&c[0], "y", "one", 1);
    client_publish(&c[0], "z", "nobody", 0);
    assert_heard(&c[0], "puback #1; puback #2");
    assert_heard(&c[1], "publish x/1 hi q0; publish x/2 ho q0; publish y one q1 #1");
    client_ack(&c[1], 0x40, 1);
    client_ping(&c[0]);
    assert_heard(&c[0], "pingresp");
    client_unsubscribe(&c[1], "x/+");
    client_publish(&c[0], "x/1", "gone", 0);
    assert_heard(&c[1], "unsuback #8");
    client_disconnect(&c[0]);
    assert_null(c[0].conn);
}

static void test_hello(void **state)
{
    (void)state;
    each_way(NULL, hello);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
