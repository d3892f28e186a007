// Frames out to controllers: the packets of each protocol, and that a receiver makes the same frame
// of them. And the state of a lamp told to others, without an echo.

#include "linux_fixture.h"

#include "components/lamp_live/lamp_receiver.h"
#include "components/lamp_live/lamp_send.h"
#include "components/lamp_live/lamp_sync.h"
#include "support/rng.h"

#define PIXELS 768
#define MS 1000

static struct linux_fixture fx;
static nh_lamp_sender_t *s;
static nh_lamp_receiver_t *r;
static uint64_t now_us;

static struct {
    uint32_t count, woken, shown, ended;
    struct {
        char address[46];
        uint16_t port;
        size_t len;
        uint8_t bytes[1500];
    } packet[64];
    int says;
    uint8_t rgb[PIXELS * 3];
} out;

static int on_send(void *ctx, const char *address, uint16_t port, const uint8_t *bytes, size_t len)
{
    enum nh_lamp_live_port at = NH_LAMP_LIVE_PORT_DDP;
    (void)ctx;
    if (out.says < 0)
        return out.says;
    if (out.count < 64) {
        snprintf(out.packet[out.count].address, 46, "%s", address);
        out.packet[out.count].port = port;
        out.packet[out.count].len = len;
        memcpy(out.packet[out.count].bytes, bytes, len);
    }
    out.count++;
    while (r && nh_lamp_live_port_numbers[at] != port)
        at++;
    if (r)
        nh_lamp_receiver_input(r, at, bytes, len, "10.0.0.1", 1, now_us);
    return 0;
}

static void on_wake(void *ctx)
{
    (void)ctx;
    out.woken++;
}

static int on_show(void *ctx, const struct nh_lamp_live_source *src, const uint8_t *rgb,
                   uint32_t count, uint64_t now_ms)
{
    (void)ctx;
    (void)src;
    (void)now_ms;
    memcpy(out.rgb, rgb, (size_t)count * 3);
    out.shown++;
    return 0;
}

static void on_end(void *ctx)
{
    (void)ctx;
    out.ended++;
}

static void make(const struct nh_lamp_send_target *targets, uint32_t count)
{
    const struct nh_lamp_sender_config cfg = {.mem = fx.mem,
                                              .lock = fx.lock,
                                              .targets = targets,
                                              .target_count = count,
                                              .pixel_count = PIXELS,
                                              .name = "hall",
                                              .cid = {1, 2, 3},
                                              .send = on_send,
                                              .wake = on_wake};
    uint32_t bad;
    nh_lamp_sender_destroy(s);
    memset(&out, 0, sizeof out);
    assert_int_equal(nh_lamp_sender_create(&cfg, &bad, &s), 0);
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    now_us = 1000 * MS;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_lamp_sender_destroy(s);
    nh_lamp_receiver_destroy(r);
    s = NULL;
    r = NULL;
    fixture_stop(&fx);
    return 0;
}

static void frame(const uint8_t *rgb)
{
    nh_lamp_sender_frame(s, rgb, PIXELS);
    nh_lamp_sender_pump(s, now_us);
}

static struct nh_lamp_send_target_info told(uint32_t i)
{
    struct nh_lamp_send_target_info info;
    nh_lamp_sender_target(s, i, &info);
    return info;
}

// 768 pixels: heads as the protocols have them.
static void test_packets(void **state)
{
    (void)state;
    static const struct nh_lamp_send_target targets[] = {
        {.protocol = NH_LAMP_SEND_DDP, .address = "10.0.0.2"},
        {.protocol = NH_LAMP_SEND_E131, .priority = 120},
        {.protocol = NH_LAMP_SEND_ARTNET, .address = "10.0.0.3", .port = 7000, .universe = 16}};
    static const uint8_t first[] = {0x40, 1, 0x0B, 1, 0, 0, 0, 0, 5, 0xA0};
    static const uint8_t second[] = {0x41, 2, 0x0B, 1, 0, 0, 5, 0xA0, 3, 0x60};
    static const size_t lens[] = {1450, 874, 636, 636, 636, 636, 390, 528, 528, 528, 528, 282};
    uint8_t rgb[PIXELS * 3];
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i / 3);
    make(targets, 3);
    nh_lamp_sender_frame(s, rgb, PIXELS);
    assert_int_equal(out.woken, 1);
    assert_int_equal(out.count, 0); // that is the loop's
    nh_lamp_sender_pump(s, now_us);
    assert_int_equal(out.count, 12);
    for (size_t i = 0; i < 12; i++)
        assert_int_equal(out.packet[i].len, lens[i]);
    assert_memory_equal(out.packet[0].bytes, first, 10);
    assert_memory_equal(out.packet[1].bytes, second, 10);
    assert_memory_equal(out.packet[1].bytes + 10, rgb + 1440, 864);
    assert_string_equal(out.packet[0].address, "10.0.0.2");
    assert_int_equal(out.packet[0].port, 4048);
    for (uint8_t u = 0; u < 5; u++) {
        char group[16];
        snprintf(group, sizeof group, "239.255.0.%d", u + 1);
        assert_string_equal(out.packet[2 + u].address, group);
        assert_int_equal(out.packet[2 + u].bytes[108], 120);
        assert_int_equal(out.packet[2 + u].bytes[114], u + 1);
        assert_memory_equal(out.packet[2 + u].bytes + 126, rgb + u * 510, u < 4 ? 510 : 264);
        assert_int_equal(out.packet[7 + u].bytes[14], 16 + u);
        assert_memory_equal(out.packet[7 + u].bytes + 18, rgb + u * 510, u < 4 ? 510 : 264);
    }
    assert_string_equal((char *)out.packet[2].bytes + 44, "hall");
    assert_int_equal(out.packet[7].port, 7000);
    assert_int_equal(told(0).packets_each, 2);
    assert_int_equal(told(1).packets_each, 5);
    assert_int_equal(told(2).byte_count, 4 * 528 + 282);
    assert_int_equal(told(0).target.count, PIXELS);
}

// A receiver makes the same frames of what was sent.
static void test_there_and_back(void **state)
{
    (void)state;
    struct rng rng = {7};
    const struct nh_lamp_receiver_config cfg = {
        .mem = fx.mem, .pixel_count = PIXELS, .name = "x", .show = on_show, .end = on_end};
    for (int protocol = 0; protocol < 3; protocol++) {
        const struct nh_lamp_send_target target = {
            .protocol = protocol, .address = "10.0.0.2", .priority = 100};
        make(&target, 1);
        nh_lamp_receiver_destroy(r);
        assert_int_equal(nh_lamp_receiver_create(&cfg, &r), 0);
        for (uint32_t i = 1; i <= 600; i++) { // sequences go around
            uint8_t rgb[PIXELS * 3];
            rng_bytes(&rng, rgb, sizeof rgb);
            frame(rgb);
            assert_int_equal(out.shown, i);
            assert_memory_equal(out.rgb, rgb, sizeof rgb);
            now_us += 25 * MS;
        }
    }
}

static void test_a_part(void **state)
{
    (void)state;
    static const struct nh_lamp_send_target targets[] = {
        {.protocol = NH_LAMP_SEND_DDP, .address = "10.0.0.2", .start = 700, .count = 10},
        {.protocol = NH_LAMP_SEND_DDP, .address = "10.0.0.2", .start = 700, .count = 1000}};
    uint8_t rgb[PIXELS * 3] = {0};
    rgb[2100] = 9;
    make(targets, 2);
    frame(rgb);
    assert_int_equal(out.packet[0].len, 40);
    assert_int_equal(out.packet[0].bytes[0], 0x41);
    assert_int_equal(out.packet[0].bytes[10], 9);
    assert_int_equal(out.packet[1].len, 10 + 68 * 3);
    // A shorter frame: the rest is dark.
    nh_lamp_sender_frame(s, rgb, 100);
    nh_lamp_sender_pump(s, now_us);
    assert_int_equal(out.packet[2].bytes[10], 0);
}

static void test_capped(void **state)
{
    (void)state;
    static const uint8_t rgb[PIXELS * 3];
    const struct nh_lamp_send_target target = {
        .protocol = NH_LAMP_SEND_DDP, .address = "10.0.0.2", .fps_max = 20};
    make(&target, 1);
    for (int i = 0; i < 400; i++) { // ten seconds of 40 frames
        frame(rgb);
        now_us += 25 * MS;
    }
    assert_in_range(told(0).frame_count, 199, 201);
    assert_int_equal(told(0).frame_count + told(0).capped_count, 400);
}

static void test_newest_frame(void **state)
{
    (void)state;
    struct nh_lamp_sender_info info;
    uint8_t rgb[PIXELS * 3] = {0};
    const struct nh_lamp_send_target target = {.protocol = NH_LAMP_SEND_DDP, .address = "10.0.0.2"};
    make(&target, 1);
    for (uint8_t i = 1; i <= 5; i++) { // the loop is slow
        rgb[0] = i;
        nh_lamp_sender_frame(s, rgb, PIXELS);
    }
    nh_lamp_sender_pump(s, now_us);
    nh_lamp_sender_pump(s, now_us);
    assert_int_equal(out.count, 2);
    assert_int_equal(out.packet[0].bytes[10], 5);
    nh_lamp_sender_info(s, &info);
    assert_int_equal(info.frame_count, 5);
    assert_int_equal(info.skipped_count, 4);
}

// A lamp that is off leaves no light behind.
static void test_off(void **state)
{
    (void)state;
    static const struct nh_lamp_send_target targets[] = {
        {.protocol = NH_LAMP_SEND_DDP, .address = "10.0.0.2"}, {.protocol = NH_LAMP_SEND_E131}};
    uint8_t rgb[PIXELS * 3];
    memset(rgb, 9, sizeof rgb);
    make(targets, 2);
    assert_true(nh_lamp_sender_next_deadline_us(s) == NH_NEVER);
    frame(rgb);
    uint64_t at = nh_lamp_sender_next_deadline_us(s);
    assert_true(at == now_us + 1000 * MS);
    nh_lamp_sender_tick(s, at - 1);
    assert_int_equal(out.count, 7);
    nh_lamp_sender_tick(s, at);
    assert_int_equal(out.count, 7 + 7 + 3 * 5);
    assert_int_equal(out.packet[7].bytes[10], 0);
    assert_int_equal(out.packet[14].bytes[112], 0x40);
    assert_true(nh_lamp_sender_next_deadline_us(s) == NH_NEVER);
    assert_false(told(0).is_sending);
    frame(rgb);
    assert_int_equal(out.packet[29].bytes[10], 9);
}

static void test_faults(void **state)
{
    (void)state;
    static const uint8_t rgb[PIXELS * 3];
    static const struct nh_lamp_send_target past = {.start = PIXELS};
    static const struct nh_lamp_send_target targets[] = {
        {.protocol = NH_LAMP_SEND_DDP, .address = "10.0.0.2"},
        {.protocol = NH_LAMP_SEND_E131, .universe = 63996}};
    struct nh_lamp_sender_config cfg = {.mem = fx.mem,
                                        .targets = &past,
                                        .target_count = 1,
                                        .pixel_count = PIXELS,
                                        .name = "",
                                        .send = on_send,
                                        .wake = on_wake};
    nh_lamp_sender_t *other;
    uint32_t bad;
    assert_int_equal(nh_lamp_sender_create(&cfg, &bad, &other), NH_ERR_RANGE);
    assert_null(other);
    cfg.targets = targets;
    cfg.target_count = 2;
    assert_int_equal(nh_lamp_sender_create(&cfg, &bad, &other), NH_ERR_RANGE);
    assert_int_equal(bad, 1);
    cfg.target_count = 1;
    for (uint64_t nth = 1;; nth++) {
        const struct nh_mem_fault fault = {.fail_nth = nth, .only_owner = fx.mem};
        nh_mem_fault_set(fx.sys, &fault);
        int err = nh_lamp_sender_create(&cfg, &bad, &other);
        nh_mem_fault_set(fx.sys, NULL);
        if (err == 0)
            break;
        assert_int_equal(err, NH_ERR_NOMEM);
        assert_true(nth < 10);
    }
    nh_lamp_sender_destroy(other);
    make(targets, 1);
    out.says = NH_ERR_AGAIN;
    frame(rgb);
    assert_int_equal(told(0).failed_count, 2);
    assert_int_equal(told(0).error, NH_ERR_AGAIN);
    assert_int_equal(told(0).packet_count, 0);
}

static void test_no_allocation_for_a_frame(void **state)
{
    (void)state;
    static const uint8_t rgb[PIXELS * 3];
    static const struct nh_lamp_send_target targets[] = {
        {.protocol = NH_LAMP_SEND_DDP, .address = "10.0.0.2"},
        {.protocol = NH_LAMP_SEND_E131},
        {.protocol = NH_LAMP_SEND_ARTNET, .address = "10.0.0.3"}};
    make(targets, 3);
    const struct nh_mem_fault fault = {.fail_nth = 1, .only_owner = NULL};
    nh_mem_fault_set(fx.sys, &fault); // one more would fail, and be seen here
    for (int i = 0; i < 100; i++) {
        frame(rgb);
        now_us += 25 * MS;
    }
    assert_int_equal(nh_mem_fault_hits(fx.sys), 0);
    nh_mem_fault_set(fx.sys, NULL);
    assert_int_equal(told(2).frame_count, 100);
}

// ---- sync
// ---------------------------------------------------------------------------------------

static void test_sync_there_and_back(void **state)
{
    (void)state;
    struct nh_lamp_snapshot snap = {.changed_by = NH_ORIGIN_HTTP};
    const struct nh_lamp_sync_rules rules = {.groups = 1, .has_effects = true};
    struct nh_lamp_command c;
    uint8_t bytes[NH_LAMP_SYNC_BYTES];
    struct nh_lamp_sync back;
    snap.state = (struct nh_lamp_state){.effect_id = nh_fx_visible(3)->id,
                                        .brightness = 77,
                                        .speed_pct = 150,
                                        .power = true,
                                        .intensity = 200,
                                        .palette = 5,
                                        .color = {0x010203, 0x040506, 0x070809}};
    struct nh_lamp_sync s1 = nh_lamp_sync_of(&snap, 1, 700);
    nh_lamp_sync_build(&s1, bytes);
    assert_int_equal(nh_lamp_sync_parse(bytes, sizeof bytes, &back), 0);
    assert_false(nh_lamp_sync_differs(&s1, &back));
    assert_true(nh_lamp_sync_command(&back, &rules, "10.0.0.7", &c));
    assert_int_equal(c.kind, NH_LAMP_SET);
    assert_int_equal(c.mask, NH_LAMP_F_POWER | NH_LAMP_F_BRIGHTNESS | NH_LAMP_F_EFFECT |
                                 NH_LAMP_F_SPEED | NH_LAMP_F_INTENSITY | NH_LAMP_F_PALETTE |
                                 NH_LAMP_F_COLOR_1 | NH_LAMP_F_COLOR_2 | NH_LAMP_F_COLOR_3);
    assert_int_equal(c.set.effect_id, snap.state.effect_id);
    assert_int_equal(c.set.brightness, 77);
    assert_in_range(c.set.speed_pct, 149, 151);
    assert_int_equal(c.set.intensity, 200);
    assert_int_equal(c.set.palette, 5);
    assert_int_equal(c.set.color[2], 0x070809);
    assert_int_equal(c.transition_ms, 700);
    assert_int_equal(c.origin, NH_ORIGIN_WLED);
    assert_string_equal(c.who, "sync 10.0.0.7");
    // What came by sync is not sent on.
    assert_false(nh_lamp_sync_was_last(&snap));
    snap.changed_by = c.origin;
    assert_false(nh_lamp_sync_was_last(&snap)); // a WLED app
    snprintf(snap.changed_who, sizeof snap.changed_who, "%s", c.who);
    assert_true(nh_lamp_sync_was_last(&snap));
}

static void test_sync_rules(void **state)
{
    (void)state;
    struct nh_lamp_sync s1 = {.brightness = 9, .effect = 250, .has_groups = true, .groups = 2};
    struct nh_lamp_sync_rules rules = {.groups = 1, .has_effects = true};
    struct nh_lamp_command c;
    assert_false(nh_lamp_sync_command(&s1, &rules, "x", &c));
    rules.groups = 3;
    assert_true(nh_lamp_sync_command(&s1, &rules, "x", &c));
    assert_false(c.mask & NH_LAMP_F_EFFECT); // there is no such one
    assert_true(c.mask & NH_LAMP_F_SPEED);
    assert_false(c.mask & (NH_LAMP_F_INTENSITY | NH_LAMP_F_PALETTE | NH_LAMP_F_COLOR_2));
    rules.has_effects = false;
    assert_true(nh_lamp_sync_command(&s1, &rules, "x", &c));
    assert_int_equal(c.mask, NH_LAMP_F_POWER | NH_LAMP_F_BRIGHTNESS | NH_LAMP_F_COLOR_1);
    s1.brightness = 0;
    assert_true(nh_lamp_sync_command(&s1, &rules, "x", &c));
    assert_int_equal(c.mask, NH_LAMP_F_POWER | NH_LAMP_F_COLOR_1);
    assert_false(c.set.power);
    s1.has_groups = false; // an older sender: whoever hears anybody
    assert_true(nh_lamp_sync_command(&s1, &rules, "x", &c));
    rules.groups = 0;
    assert_false(nh_lamp_sync_command(&s1, &rules, "x", &c));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_packets),
        TEST(test_there_and_back),
        TEST(test_a_part),
        TEST(test_capped),
        TEST(test_newest_frame),
        TEST(test_off),
        TEST(test_faults),
        TEST(test_no_allocation_for_a_frame),
        TEST(test_sync_there_and_back),
        TEST(test_sync_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
