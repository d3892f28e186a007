// Stations on a group of this machine: who hears whom, and how bad the air can be.

#include "linux_fixture.h"

#include "platform/radio.h"

static struct linux_fixture fx;
static nh_loop_t *loop;
static uint16_t port;

struct station {
    nh_radio_t *radio;
    nh_radio_address_t address;
    uint8_t bytes[NH_RADIO_FRAME_MAX_BYTES];
    size_t len;
    nh_radio_address_t from;
    int8_t rssi_dbm;
    int count;
    uint8_t order[64]; // the first bytes of what came
};

static void on_input(void *ctx, const nh_radio_address_t *from, int8_t rssi_dbm,
                     const uint8_t *bytes, size_t len)
{
    struct station *s = ctx;
    memcpy(s->bytes, bytes, len);
    s->len = len;
    s->from = *from;
    s->rssi_dbm = rssi_dbm;
    s->order[s->count++ % 64] = bytes[0];
}

static struct nh_radio_config config_of(struct station *s, uint8_t id, uint8_t channel)
{
    s->address = (nh_radio_address_t){{2, 0, 0, 0, 0, id}};
    return (struct nh_radio_config){.loop = loop,
                                    .mem = fx.mem,
                                    .address = s->address,
                                    .channel = channel,
                                    .port = port,
                                    .seed = id,
                                    .ctx = s,
                                    .input = on_input};
}

static void station_open(struct station *s, uint8_t id, uint8_t channel)
{
    *s = (struct station){0};
    struct nh_radio_config cfg = config_of(s, id, channel);
    assert_int_equal(nh_radio_open(&cfg, &s->radio), 0);
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    assert_int_equal(nh_loop_create(fx.mem, &loop), NH_OK);
    port = (uint16_t)(20000 + nh_random_u32() % 12000); // of a group that others may be on
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_loop_destroy(loop);
    fixture_stop(&fx);
    return 0;
}

static const nh_radio_address_t all = {{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};

static void test_who_hears(void **state)
{
    struct station a, b, c;
    struct nh_radio_info info;
    uint8_t longest[NH_RADIO_FRAME_MAX_BYTES + 1];
    (void)state;
    station_open(&a, 1, 6);
    station_open(&b, 2, 6);
    station_open(&c, 3, 7);
    nh_random_bytes(longest, sizeof longest);
    assert_int_equal(nh_radio_send(a.radio, &b.address, longest, NH_RADIO_FRAME_MAX_BYTES), 0);
    PUMP_UNTIL(loop, b.count == 1);
    assert_int_equal(b.len, NH_RADIO_FRAME_MAX_BYTES);
    assert_memory_equal(b.bytes, longest, NH_RADIO_FRAME_MAX_BYTES);
    assert_memory_equal(&b.from, &a.address, sizeof b.from);
    assert_in_range(-b.rssi_dbm, 40, 60);
    assert_int_equal(nh_radio_send(a.radio, &all, "x", 1), 0);
    PUMP_UNTIL(loop, b.count == 2);
    PUMP(loop, 5);
    assert_int_equal(c.count, 0); // on another channel
    assert_int_equal(a.count, 0); // not its own
    assert_int_equal(nh_radio_channel_set(c.radio, 6), 0);
    assert_int_equal(nh_radio_send(b.radio, &c.address, "y", 1), 0);
    PUMP_UNTIL(loop, c.count == 1);
    PUMP(loop, 5);
    assert_int_equal(a.count, 0); // for another one
    assert_int_equal(nh_radio_send(a.radio, &all, longest, sizeof longest), NH_ERR_TOO_LONG);
    assert_int_equal(nh_radio_channel_set(c.radio, 14), NH_ERR_RANGE);
    nh_radio_info(c.radio, &info);
    assert_int_equal(info.channel, 6);
    assert_int_equal(info.received_count, 1);
    assert_int_equal(info.foreign_count, 2);
    nh_radio_close(a.radio);
    nh_radio_close(b.radio);
    nh_radio_close(c.radio);
    nh_radio_close(NULL);
}

static void test_loss_and_duplicates(void **state)
{
    struct station a, b = {0};
    struct nh_radio_info info;
    (void)state;
    station_open(&a, 1, 1);
    struct nh_radio_config cfg = config_of(&b, 2, 1);
    cfg.loss_pct = 30;
    cfg.duplicate_pct = 20;
    assert_int_equal(nh_radio_open(&cfg, &b.radio), 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t before = 0;
        nh_radio_info(b.radio, &info);
        before = info.lost_count + info.received_count;
        assert_int_equal(nh_radio_send(a.radio, &b.address, "x", 1), 0);
        do {
            PUMP(loop, 1);
            nh_radio_info(b.radio, &info);
        } while (info.lost_count + info.received_count == before);
    }
    assert_in_range(info.lost_count, 240, 360);
    assert_in_range(info.duplicated_count, 100, 190);
    assert_int_equal(info.received_count, 1000 - info.lost_count + info.duplicated_count);
    assert_int_equal(b.count, info.received_count);
    nh_radio_close(a.radio);
    nh_radio_close(b.radio);
}

static void stop(void *ctx)
{
    (void)ctx;
    nh_loop_stop(loop);
}

// Frames that are delayed come all, in another order, by the loop's own timer.
static void late_input(void *ctx, const nh_radio_address_t *from, int8_t rssi_dbm,
                       const uint8_t *bytes, size_t len)
{
    on_input(ctx, from, rssi_dbm, bytes, len);
    if (((struct station *)ctx)->count == 40)
        stop(NULL);
}

static void test_delay(void **state)
{
    struct station a, b = {0};
    int turned = 0;
    (void)state;
    station_open(&a, 1, 1);
    struct nh_radio_config cfg = config_of(&b, 2, 1);
    cfg.delay_min_ms = 1;
    cfg.delay_max_ms = 20;
    cfg.input = late_input;
    assert_int_equal(nh_radio_open(&cfg, &b.radio), 0);
    for (uint8_t i = 0; i < 40; i++)
        assert_int_equal(nh_radio_send(a.radio, &b.address, &i, 1), 0);
    nh_loop_run(loop);
    assert_int_equal(b.count, 40);
    for (int i = 1; i < 40; i++)
        turned += b.order[i] < b.order[i - 1];
    assert_true(turned > 3);
    nh_radio_close(a.radio);
    nh_radio_close(b.radio);
}

static void test_faults(void **state)
{
    struct station a = {0};
    struct nh_radio_config good = config_of(&a, 1, 1), c;
    (void)state;
    c = good;
    c.channel = 0;
    assert_int_equal(nh_radio_open(&c, &a.radio), NH_ERR_RANGE);
    c = good;
    c.channel = 14;
    assert_int_equal(nh_radio_open(&c, &a.radio), NH_ERR_RANGE);
    c = good;
    c.loss_pct = 101;
    assert_int_equal(nh_radio_open(&c, &a.radio), NH_ERR_RANGE);
    c = good;
    c.group = "127.0.0.1"; // no group
    assert_int_equal(nh_radio_open(&c, &a.radio), NH_ERR_INVAL);
    c = good;
    c.interface = "nowhere";
    assert_int_equal(nh_radio_open(&c, &a.radio), NH_ERR_INVAL);
    assert_null(a.radio);
    good.delay_max_ms = 5;
    for (uint64_t n = 1;; n++) {
        const struct nh_mem_fault fault = {.fail_nth = n, .only_owner = fx.mem};
        nh_mem_fault_set(fx.sys, &fault);
        int err = nh_radio_open(&good, &a.radio);
        nh_mem_fault_set(fx.sys, NULL);
        if (err == 0)
            break;
        assert_int_equal(err, NH_ERR_NOMEM);
        assert_true(n < 10);
    }
    nh_radio_close(a.radio);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_hears, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loss_and_duplicates, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
