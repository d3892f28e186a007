// Row 11, the lamp's half: connected, the access point's channel; link lost, fallback.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/lamp_radio/radio_channel.h"
#include "support/rng.h"

static void test_row_11_connected_and_lost(void **state)
{
    static const uint64_t waits_ms[] = {1000, 2000, 5000, 15000, 60000, 60000};
    nh_radio_channel_t c;
    uint64_t now_ms = 500;
    (void)state;
    assert_int_equal(nh_radio_channel_init(&c, 3, true, now_ms), 0);
    assert_int_equal(nh_radio_channel_at(&c), 3);
    assert_int_equal(nh_radio_channel_tick(&c, now_ms), NH_RADIO_CHANNEL_CONNECT);
    assert_true(nh_radio_channel_is_deaf(&c));
    nh_radio_channel_connected(&c, 11, now_ms + 900);
    assert_int_equal(nh_radio_channel_at(&c), 11);
    assert_int_equal(nh_radio_channel_next_deadline(&c), NH_NEVER);
    nh_radio_channel_connected(&c, 9, now_ms + 5000); // the access point has moved
    assert_int_equal(nh_radio_channel_at(&c), 9);
    now_ms += 60000;
    nh_radio_channel_failed(&c, now_ms);
    assert_int_equal(nh_radio_channel_at(&c), 3); // at once
    for (size_t i = 0; i < NH_ARRAY_LEN(waits_ms); i++) {
        assert_int_equal(nh_radio_channel_next_deadline(&c), now_ms + waits_ms[i]);
        assert_int_equal(nh_radio_channel_tick(&c, now_ms + waits_ms[i] - 1),
                         NH_RADIO_CHANNEL_STAY);
        assert_int_equal(nh_radio_channel_at(&c), 3);
        now_ms += waits_ms[i];
        assert_int_equal(nh_radio_channel_tick(&c, now_ms), NH_RADIO_CHANNEL_CONNECT);
        // A try that hangs is ended: that long, and no longer, nobody is heard.
        now_ms += NH_RADIO_CHANNEL_TRY_MS;
        assert_int_equal(nh_radio_channel_tick(&c, now_ms), NH_RADIO_CHANNEL_GIVE_UP);
        assert_false(nh_radio_channel_is_deaf(&c));
        assert_int_equal(nh_radio_channel_at(&c), 3);
    }
    assert_int_equal(c.try_count, 1 + NH_ARRAY_LEN(waits_ms));
}

static void test_row_11_no_network(void **state)
{
    nh_radio_channel_t c;
    (void)state;
    assert_int_equal(nh_radio_channel_init(&c, 0, false, 0), NH_ERR_RANGE);
    assert_int_equal(nh_radio_channel_init(&c, 14, false, 0), NH_ERR_RANGE);
    assert_int_equal(nh_radio_channel_init(&c, 13, false, 0), 0);
    assert_int_equal(nh_radio_channel_next_deadline(&c), NH_NEVER);
    assert_int_equal(nh_radio_channel_tick(&c, 1000000), NH_RADIO_CHANNEL_STAY);
    nh_radio_channel_connected(&c, 4, 0); // it has none
    assert_int_equal(nh_radio_channel_at(&c), 13);
}

// A link that comes and goes does not begin the waits anew; one that held does.
static void test_flapping(void **state)
{
    nh_radio_channel_t c;
    uint64_t now_ms = 0;
    (void)state;
    assert_int_equal(nh_radio_channel_init(&c, 1, true, 0), 0);
    for (int i = 0; i < 4; i++) {
        now_ms = nh_radio_channel_next_deadline(&c);
        assert_int_equal(nh_radio_channel_tick(&c, now_ms), NH_RADIO_CHANNEL_CONNECT);
        nh_radio_channel_connected(&c, 6, now_ms);
        nh_radio_channel_failed(&c, now_ms + 100);
    }
    assert_int_equal(nh_radio_channel_next_deadline(&c), now_ms + 100 + 15000);
    now_ms += 15100;
    assert_int_equal(nh_radio_channel_tick(&c, now_ms), NH_RADIO_CHANNEL_CONNECT);
    nh_radio_channel_connected(&c, 6, now_ms);
    nh_radio_channel_failed(&c, now_ms + NH_RADIO_CHANNEL_STABLE_MS);
    assert_int_equal(nh_radio_channel_next_deadline(&c),
                     now_ms + NH_RADIO_CHANNEL_STABLE_MS + 1000);
    assert_int_equal(c.lost_count, 5);
}

// While somebody uploads nothing moves.
static void test_hold(void **state)
{
    nh_radio_channel_t c;
    (void)state;
    assert_int_equal(nh_radio_channel_init(&c, 1, true, 0), 0);
    assert_int_equal(nh_radio_channel_tick(&c, 0), NH_RADIO_CHANNEL_CONNECT);
    nh_radio_channel_connected(&c, 6, 10);
    nh_radio_channel_hold(&c, true, 20);
    nh_radio_channel_failed(&c, 30);
    assert_int_equal(nh_radio_channel_at(&c), 6);
    assert_int_equal(nh_radio_channel_next_deadline(&c), NH_NEVER);
    nh_radio_channel_hold(&c, false, 40);
    assert_int_equal(nh_radio_channel_at(&c), 1);
    assert_int_equal(nh_radio_channel_next_deadline(&c), 1040);
}

// Whatever happens: connected, or on fallback within the stated time of the loss.
static void test_row_11_any_order(void **state)
{
    nh_radio_channel_t c;
    struct rng rng = {7};
    uint64_t now_ms = 0;
    (void)state;
    assert_int_equal(nh_radio_channel_init(&c, 2, true, 0), 0);
    for (int i = 0; i < 100000; i++) {
        now_ms += rng_below(&rng, 400);
        uint32_t what = rng_below(&rng, 40);
        while (nh_radio_channel_next_deadline(&c) <= now_ms)
            NH_IGNORE(nh_radio_channel_tick(&c, now_ms));
        if (what == 0 && c.state == NH_RADIO_CHANNEL_TRYING)
            nh_radio_channel_connected(&c, 8, now_ms);
        if (what == 1 && c.state != NH_RADIO_CHANNEL_FALLBACK) {
            nh_radio_channel_failed(&c, now_ms);
        }
        bool is_right = c.state == NH_RADIO_CHANNEL_CONNECTED ? nh_radio_channel_at(&c) == 8
                                                              : nh_radio_channel_at(&c) == 2;
        assert_true(is_right);
    }
    assert_true(c.try_count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_11_connected_and_lost),
        cmocka_unit_test(test_row_11_no_network),
        cmocka_unit_test(test_flapping),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_row_11_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
