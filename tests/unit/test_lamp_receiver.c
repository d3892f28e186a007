// The receiver of live data, with a made-up clock and a made-up lamp.

#include "linux_fixture.h"

#include "components/lamp_live/lamp_artnet.h"
#include "components/lamp_live/lamp_ddp.h"
#include "components/lamp_live/lamp_e131.h"
#include "components/lamp_live/lamp_receiver.h"

#define PIXELS 768
#define MS 1000
#define S 1000000
#define A "10.0.0.1"
#define B "10.0.0.2"

static struct linux_fixture fx;
static nh_lamp_receiver_t *r;
static uint64_t now_us;

// What the lamp was told.
static struct {
    uint8_t rgb[PIXELS * 3];
    struct nh_lamp_live_source source;
    uint32_t shown, torn, ended, sent, synced;
    uint8_t reply[8][NH_LAMP__ARTNET_REPLY_BYTES];
    char to[46];
    uint16_t to_port;
    struct nh_lamp_sync sync;
    int says; // of show()
    bool checks;
} lamp;

static int on_show(void *ctx, const struct nh_lamp_live_source *s, const uint8_t *rgb,
                   uint32_t count, uint64_t now_ms)
{
    (void)ctx;
    assert_int_equal(count, PIXELS);
    assert_true(now_ms == now_us / 1000);
    if (lamp.says < 0)
        return lamp.says;
    memcpy(lamp.rgb, rgb, sizeof lamp.rgb);
    lamp.source = *s;
    lamp.shown++;
    for (size_t i = 1; i < sizeof lamp.rgb && lamp.checks; i++)
        if (rgb[i] != rgb[0]) {
            lamp.torn++;
            break;
        }
    return 0;
}

static void on_end(void *ctx)
{
    (void)ctx;
    lamp.ended++;
}

static void on_send(void *ctx, enum nh_lamp_live_port from, const char *address, uint16_t port,
                    const uint8_t *bytes, size_t len)
{
    (void)ctx;
    assert_int_equal(from, NH_LAMP_LIVE_PORT_ARTNET);
    assert_int_equal(len, NH_LAMP__ARTNET_REPLY_BYTES);
    if (lamp.sent < 8)
        memcpy(lamp.reply[lamp.sent], bytes, len);
    lamp.sent++;
    snprintf(lamp.to, sizeof lamp.to, "%s", address);
    lamp.to_port = port;
}

static void on_sync(void *ctx, const struct nh_lamp_sync *s, const char *from)
{
    (void)ctx;
    assert_string_equal(from, A);
    lamp.sync = *s;
    lamp.synced++;
}

static struct nh_lamp_receiver_config config(void)
{
    return (struct nh_lamp_receiver_config){.mem = fx.mem,
                                            .pixel_count = PIXELS,
                                            .name = "hall",
                                            .ip = {10, 0, 0, 9},
                                            .version = {0, 1},
                                            .show = on_show,
                                            .end = on_end,
                                            .send = on_send,
                                            .sync = on_sync};
}

static void make(const struct nh_lamp_receiver_config *cfg)
{
    nh_lamp_receiver_destroy(r);
    assert_int_equal(nh_lamp_receiver_create(cfg, &r), 0);
    memset(&lamp, 0, sizeof lamp);
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    now_us = 5 * S;
    const struct nh_lamp_receiver_config cfg = config();
    make(&cfg);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_lamp_receiver_destroy(r);
    r = NULL;
    fixture_stop(&fx);
    return 0;
}

// Time goes on, and what is due is done.
static void go(uint64_t us)
{
    uint64_t until = now_us + us;
    for (;;) {
        uint64_t at = nh_lamp_receiver_next_deadline_us(r);
        if (at > until)
            break;
        assert_true(at >= now_us);
        now_us = at;
        nh_lamp_receiver_tick(r, now_us);
        assert_true(nh_lamp_receiver_next_deadline_us(r) > now_us);
    }
    now_us = until;
}

static void give(enum nh_lamp_live_port at, const void *bytes, size_t len, const char *from)
{
    uint8_t *copy = malloc(len ? len : 1); // of exact size
    memcpy(copy, bytes, len);
    nh_lamp_receiver_input(r, at, copy, len, from, 1234, now_us);
    free(copy);
}

static uint64_t total(enum nh_lamp_live_protocol p, enum nh_lamp_live_count what)
{
    return nh_lamp_receiver_counts(r, p)[what];
}

static struct nh_lamp_receiver_info info(void)
{
    struct nh_lamp_receiver_info i;
    nh_lamp_receiver_info(r, &i);
    return i;
}

static uint32_t pixel(uint32_t i)
{
    return (uint32_t)lamp.rgb[3 * i] << 16 | (uint32_t)lamp.rgb[3 * i + 1] << 8 |
           lamp.rgb[3 * i + 2];
}

// ---- senders
// ---------------------------------------------------------------------------------------

static void ddp(const char *from, uint8_t sequence, uint32_t offset, size_t len, bool push,
                uint8_t level)
{
    uint8_t data[1440], out[NH_LAMP__DDP_PACKET_MAX_BYTES];
    memset(data, level, sizeof data);
    const struct nh_lamp__ddp_packet p = {.sequence = sequence,
                                          .pixel_bytes = 3,
                                          .is_push = push,
                                          .offset_bytes = offset,
                                          .data = {data, len}};
    give(NH_LAMP_LIVE_PORT_DDP, out, nh_lamp__ddp_build(&p, out), from);
}

static void ddp_frame(const char *from, uint8_t *sequence, uint8_t level)
{
    *sequence = nh_lamp__ddp_next(*sequence);
    ddp(from, *sequence, 0, 1440, false, level);
    *sequence = nh_lamp__ddp_next(*sequence);
    ddp(from, *sequence, 1440, 864, true, level);
}

static void e131_of(uint8_t cid, uint16_t universe, uint8_t sequence, uint8_t priority, int option,
                    uint16_t sync, uint8_t level)
{
    uint8_t data[510], out[NH_LAMP__E131_PACKET_MAX_BYTES];
    memset(data, level, sizeof data);
    const struct nh_lamp__e131_packet p = {.cid = {cid},
                                           .name = "desk",
                                           .priority = priority,
                                           .sequence = sequence,
                                           .is_preview = option & 0x80,
                                           .is_end = option & 0x40,
                                           .universe = universe,
                                           .sync_universe = sync,
                                           .channels = {data, sizeof data}};
    give(NH_LAMP_LIVE_PORT_E131, out, nh_lamp__e131_build(&p, out), A);
}

static void e131(uint16_t universe, uint8_t sequence, uint8_t level)
{
    e131_of(1, universe, sequence, 100, 0, 0, level);
}

static void e131_frame(uint8_t sequence, uint8_t level)
{
    for (uint16_t u = 1; u <= 5; u++)
        e131(u, sequence, level);
}

static void e131_sync(uint8_t cid, uint16_t universe)
{
    uint8_t out[49] = {0, 0x10, 0, 0, 'A', 'S', 'C', '-', 'E', '1', '.', '1', '7', 0, 0, 0, 0x70};
    out[21] = 8;
    out[22] = cid;
    out[38] = 0x70;
    out[43] = 1;
    out[45] = (uint8_t)(universe >> 8);
    out[46] = (uint8_t)universe;
    give(NH_LAMP_LIVE_PORT_E131, out, sizeof out, A);
}

static void artnet(const char *from, uint16_t universe, uint8_t sequence, uint8_t level)
{
    uint8_t data[510], out[NH_LAMP__ARTNET_PACKET_MAX_BYTES];
    memset(data, level, sizeof data);
    const struct nh_lamp__artnet_packet p = {
        .sequence = sequence, .address = universe, .channels = {data, sizeof data}};
    give(NH_LAMP_LIVE_PORT_ARTNET, out, nh_lamp__artnet_build(&p, out), from);
}

// ---- acceptance: never torn, and back to the effect
// ---------------------------------------------------------------------------------------

static void test_row_14_ddp_is_never_torn(void **state)
{
    (void)state;
    uint8_t sequence = 0;
    lamp.checks = true;
    ddp_frame(A, &sequence, 1);
    assert_int_equal(lamp.shown, 1);
    for (uint32_t i = 2; i < 200; i++) {
        uint8_t level = (uint8_t)(i % 250 + 1);
        go(25 * MS);
        sequence = nh_lamp__ddp_next(sequence);
        if (i % 3 != 0) // each third frame lacks its first packet
            ddp(A, sequence, 0, 1440, false, level);
        assert_int_not_equal(lamp.rgb[0], level); // half a frame is not shown
        go(3 * MS);
        sequence = nh_lamp__ddp_next(sequence);
        if (i % 7 != 0) // and each seventh its second one
            ddp(A, sequence, 1440, 864, true, level);
        bool is_whole = i % 3 != 0 && i % 7 != 0;
        assert_int_equal(lamp.rgb[0] == level, is_whole);
    }
    assert_int_equal(lamp.torn, 0);
    assert_true(total(NH_LAMP_LIVE_DDP, NH_LAMP_LIVE_INCOMPLETE) > 50);
    assert_int_equal(total(NH_LAMP_LIVE_DDP, NH_LAMP_LIVE_FRAMES), lamp.shown);
    assert_string_equal(lamp.source.protocol, "DDP");
    assert_string_equal(lamp.source.from, A);
}

static void test_row_14_e131_is_never_torn(void **state)
{
    (void)state;
    lamp.checks = true;
    // The last universe has 88 pixels: 264 of its channels are the lamp's.
    e131_frame(0, 1);
    assert_int_equal(lamp.shown, 1);
    for (uint32_t i = 1; i < 200; i++) {
        uint8_t level = (uint8_t)(i % 250 + 2);
        bool is_whole = i % 3 != 0;
        go(25 * MS);
        for (uint16_t u = 1; u <= 5; u++) {
            assert_int_not_equal(lamp.rgb[0], level);
            if (is_whole || u != i % 5 + 1)
                e131(u, (uint8_t)i, level);
        }
        assert_int_equal(lamp.rgb[0] == level, is_whole);
    }
    assert_int_equal(lamp.torn, 0);
    assert_true(total(NH_LAMP_LIVE_E131, NH_LAMP_LIVE_INCOMPLETE) > 50);
    assert_string_equal(lamp.source.protocol, "E1.31");
}

static void test_row_14_the_effect_comes_back(void **state)
{
    (void)state;
    uint8_t sequence = 0;
    ddp_frame(A, &sequence, 9);
    assert_int_equal(lamp.source.timeout_ms, 2500);
    go(2500 * MS);
    assert_int_equal(lamp.ended, 0);
    assert_int_equal(info().live, 0);
    go(1 * MS);
    assert_int_equal(lamp.ended, 1);
    assert_int_equal(info().live, -1);
    assert_int_equal(info().lost_count, 1);
    assert_true(nh_lamp_receiver_next_deadline_us(r) == NH_NEVER);
    ddp_frame(A, &sequence, 8);
    assert_int_equal(lamp.shown, 2);
}

// ---- who has the lamp
// ---------------------------------------------------------------------------------------

static void test_first_one_has_it(void **state)
{
    (void)state;
    uint8_t first = 0, second = 0;
    ddp_frame(A, &first, 1);
    go(100 * MS);
    ddp_frame(B, &second, 2);
    artnet(A, 0, 1, 3); // the same address by another protocol is another source
    assert_int_equal(lamp.rgb[0], 1);
    assert_int_equal(total(NH_LAMP_LIVE_DDP, NH_LAMP_LIVE_REFUSED), 2);
    assert_int_equal(total(NH_LAMP_LIVE_ARTNET, NH_LAMP_LIVE_REFUSED), 1);
    go(2450 * MS); // the first one is silent now, the second one is not
    ddp_frame(B, &second, 4);
    assert_int_equal(lamp.rgb[0], 4);
    assert_string_equal(lamp.source.from, B);
    assert_int_equal(lamp.ended, 1);
    assert_int_equal(info().source_count, 3);
    assert_int_equal(info().live, 1);
}

static void test_higher_priority_takes_over(void **state)
{
    (void)state;
    e131_frame(0, 1);
    for (uint16_t u = 1; u <= 5; u++)
        e131_of(2, u, 50, 100, 0, 0, 2);
    assert_int_equal(lamp.rgb[0], 1);
    assert_int_equal(total(NH_LAMP_LIVE_E131, NH_LAMP_LIVE_REFUSED), 5);
    for (uint16_t u = 1; u <= 5; u++)
        e131_of(2, u, 51, 101, 0, 0, 2);
    assert_int_equal(lamp.rgb[0], 2);
    assert_int_equal(lamp.source.priority, 101);
    assert_int_equal(info().takeover_count, 1);
    assert_int_equal(lamp.ended, 0);
    e131_frame(1, 3); // refused now
    assert_int_equal(lamp.rgb[0], 2);
    // DDP counts as 100.
    uint8_t sequence = 0;
    ddp_frame(B, &sequence, 4);
    assert_int_equal(lamp.rgb[0], 2);
    // It goes down with its priority: the first one has it again with its next packets.
    for (uint16_t u = 1; u <= 5; u++)
        e131_of(2, u, 52, 90, 0, 0, 5);
    e131_frame(2, 6);
    assert_int_equal(lamp.rgb[0], 6);
}

static void test_stream_end(void **state)
{
    (void)state;
    e131_frame(0, 1);
    e131_of(2, 1, 0, 100, 0x40, 0, 0); // of somebody else
    assert_int_equal(lamp.ended, 0);
    for (int i = 0; i < 3; i++) // sent three times
        e131_of(1, 1, (uint8_t)(1 + i), 100, 0x40, 0, 0);
    assert_int_equal(lamp.ended, 1);
    assert_int_equal(info().ended_count, 1);
    assert_int_equal(info().live, -1);
}

static void test_preview_is_not_shown(void **state)
{
    (void)state;
    for (uint16_t u = 1; u <= 5; u++)
        e131_of(1, u, 0, 100, 0x80, 0, 9);
    go(100 * MS);
    assert_int_equal(lamp.shown, 0);
    assert_int_equal(info().live, -1);
    assert_int_equal(total(NH_LAMP_LIVE_E131, NH_LAMP_LIVE_PREVIEW), 5);
}

static void test_somebody_else_has_the_lamp(void **state)
{
    (void)state;
    uint8_t sequence = 0;
    lamp.says = NH_ERR_BUSY;
    ddp_frame(A, &sequence, 1);
    assert_int_equal(total(NH_LAMP_LIVE_DDP, NH_LAMP_LIVE_FRAMES), 0);
    assert_int_equal(total(NH_LAMP_LIVE_DDP, NH_LAMP_LIVE_REFUSED), 1);
    lamp.says = 0;
    ddp_frame(A, &sequence, 1);
    assert_int_equal(total(NH_LAMP_LIVE_DDP, NH_LAMP_LIVE_FRAMES), 1);
}

static void test_off_and_release(void **state)
{
    (void)state;
    uint8_t sequence = 0;
    assert_false(nh_lamp_receiver_release(r, now_us));
    ddp_frame(A, &sequence, 1);
    nh_lamp_receiver_enable(r, false, now_us);
    assert_int_equal(lamp.ended, 1);
    ddp_frame(A, &sequence, 2);
    assert_int_equal(lamp.rgb[0], 1);
    assert_false(info().is_enabled);
    nh_lamp_receiver_enable(r, true, now_us);
    ddp_frame(A, &sequence, 3);
    assert_int_equal(lamp.rgb[0], 3);
    // Released: who goes on is refused, until it has paused.
    assert_true(nh_lamp_receiver_release(r, now_us));
    assert_int_equal(lamp.ended, 2);
    for (int i = 0; i < 10; i++) {
        go(1000 * MS);
        ddp_frame(A, &sequence, 4);
        assert_int_equal(lamp.rgb[0], 3);
    }
    struct nh_lamp_live_source_info s;
    nh_lamp_receiver_source(r, 0, now_us, &s);
    assert_true(s.is_refused);
    go(2501 * MS);
    ddp_frame(A, &sequence, 5);
    assert_int_equal(lamp.rgb[0], 5);
}

static void test_places_are_bounded(void **state)
{
    (void)state;
    uint8_t sequence = 0;
    char from[32];
    for (int i = 0; i < NH_LAMP_LIVE_SOURCE_MAX_COUNT + 3; i++) {
        snprintf(from, sizeof from, "10.0.1.%u", (unsigned)i & 255u);
        ddp_frame(from, &sequence, 1);
    }
    assert_int_equal(info().source_count, NH_LAMP_LIVE_SOURCE_MAX_COUNT);
    assert_int_equal(info().source_full_count, 6);
    go(3000 * MS);
    ddp_frame(B, &sequence, 7); // those that are silent make room
    assert_int_equal(lamp.rgb[0], 7);
    assert_int_equal(info().source_count, NH_LAMP_LIVE_SOURCE_MAX_COUNT);
}

// ---- DDP
// ---------------------------------------------------------------------------------------

static void test_ddp_without_push(void **state)
{
    (void)state;
    ddp(A, 0, 0, 1440, false, 1);
    ddp(A, 0, 1440, 864, false, 1);
    assert_int_equal(lamp.shown, 0);
    go(24 * MS);
    assert_int_equal(lamp.shown, 0);
    go(1 * MS); // the pause ends the first one
    assert_int_equal(lamp.shown, 1);
    assert_int_equal(pixel(767), 0x010101);
    ddp(A, 0, 0, 1440, false, 2);
    assert_int_equal(lamp.shown, 1);
    ddp(A, 0, 1440, 864, false, 2); // from now on it is known where it ends
    assert_int_equal(lamp.shown, 2);
}

static void test_ddp_late(void **state)
{
    (void)state;
    uint8_t sequence = 4;
    ddp_frame(A, &sequence, 1); // 5, 6
    ddp(A, 6, 1440, 864, true, 2);
    ddp(A, 5, 0, 1440, false, 2);
    ddp(A, 1, 0, 1440, true, 2);
    assert_int_equal(total(NH_LAMP_LIVE_DDP, NH_LAMP_LIVE_LATE), 3);
    assert_int_equal(lamp.shown, 1);
    sequence = 0; // 6 behind: it began anew
    ddp(A, 15, 0, 1440, false, 3);
    ddp(A, 1, 1440, 864, true, 3);
    assert_int_equal(lamp.rgb[0], 3);
}

static void test_ddp_out_of_order(void **state)
{
    (void)state;
    uint8_t sequence = 0;
    ddp_frame(A, &sequence, 1); // 1, 2
    ddp(A, 4, 1440, 864, true, 2);
    assert_int_equal(lamp.shown, 1); // the push came first
    ddp(A, 3, 0, 1440, false, 2);
    assert_int_equal(lamp.shown, 2);
    assert_int_equal(pixel(0), 0x020202);
    assert_int_equal(total(NH_LAMP_LIVE_DDP, NH_LAMP_LIVE_OUT_OF_ORDER), 1);
    assert_int_equal(total(NH_LAMP_LIVE_DDP, NH_LAMP_LIVE_INCOMPLETE), 0);
}

static void test_ddp_parts(void **state)
{
    (void)state;
    uint8_t sequence = 0;
    ddp_frame(A, &sequence, 1);
    // A part, every packet of it accounted for: what it does not name stays.
    ddp(A, 3, 30, 3, true, 7);
    assert_int_equal(lamp.shown, 2);
    assert_int_equal(pixel(9), 0x010101);
    assert_int_equal(pixel(10), 0x070707);
    // Past the lamp.
    ddp(A, 4, 2304, 30, true, 9);
    assert_int_equal(total(NH_LAMP_LIVE_DDP, NH_LAMP_LIVE_OUTSIDE), 1);
    ddp(A, 5, 0xFFFFFFF0, 30, true, 9);
    ddp(A, 6, 2301, 30, true, 9); // half of it is
    assert_int_equal(pixel(767), 0x090909);
}

static void test_ddp_rgbw(void **state)
{
    (void)state;
    const uint8_t data[] = {1, 2, 3, 10, 200, 0, 0, 100};
    uint8_t out[NH_LAMP__DDP_PACKET_MAX_BYTES];
    const struct nh_lamp__ddp_packet p = {
        .sequence = 1, .pixel_bytes = 4, .is_push = true, .data = {data, sizeof data}};
    give(NH_LAMP_LIVE_PORT_DDP, out, nh_lamp__ddp_build(&p, out), A);
    assert_int_equal(pixel(0), 0x0B0C0D);
    assert_int_equal(pixel(1), 0xFF6464);
    assert_int_equal(pixel(2), 0);
}

static void test_faults_are_counted(void **state)
{
    (void)state;
    static const struct {
        enum nh_lamp_live_port port;
        enum nh_lamp_live_protocol protocol;
        const char *bytes;
        size_t len;
        enum nh_lamp_live_count what;
    } rows[] = {
        {NH_LAMP_LIVE_PORT_DDP, NH_LAMP_LIVE_DDP, "x", 1, NH_LAMP_LIVE_MALFORMED},
        {NH_LAMP_LIVE_PORT_DDP, NH_LAMP_LIVE_DDP, "\x42\0\0\1\0\0\0\0\0\0", 10,
         NH_LAMP_LIVE_UNSUPPORTED},
        {NH_LAMP_LIVE_PORT_E131, NH_LAMP_LIVE_E131, "", 0, NH_LAMP_LIVE_MALFORMED},
        {NH_LAMP_LIVE_PORT_ARTNET, NH_LAMP_LIVE_ARTNET, "Art-Net", 8, NH_LAMP_LIVE_MALFORMED},
        {NH_LAMP_LIVE_PORT_ARTNET, NH_LAMP_LIVE_ARTNET, "Art-Net\0\0\x97\0\x0e\0\0", 14,
         NH_LAMP_LIVE_UNSUPPORTED},
        {NH_LAMP_LIVE_PORT_WLED, NH_LAMP_LIVE_WLED, "\7\2\0", 3, NH_LAMP_LIVE_UNSUPPORTED},
        {NH_LAMP_LIVE_PORT_WLED, NH_LAMP_LIVE_WLED, "\2", 1, NH_LAMP_LIVE_MALFORMED},
        {NH_LAMP_LIVE_PORT_HYPERION, NH_LAMP_LIVE_HYPERION, "\2", 1, NH_LAMP_LIVE_MALFORMED},
        {NH_LAMP_LIVE_PORT_NODES, NH_LAMP_LIVE_WLED, "\xff\1", 2, NH_LAMP_LIVE_UNSUPPORTED},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint64_t before = total(rows[i].protocol, rows[i].what);
        give(rows[i].port, rows[i].bytes, rows[i].len, A);
        assert_int_equal(total(rows[i].protocol, rows[i].what), before + 1);
    }
    assert_int_equal(info().source_count, 0); // who sends nonsense takes no place
    assert_int_equal(lamp.shown, 0);
}

// ---- universes
// ---------------------------------------------------------------------------------------

static void test_universes_outside(void **state)
{
    (void)state;
    e131(6, 0, 1);
    artnet(A, 5, 1, 1);
    assert_int_equal(total(NH_LAMP_LIVE_E131, NH_LAMP_LIVE_OUTSIDE), 1);
    assert_int_equal(total(NH_LAMP_LIVE_ARTNET, NH_LAMP_LIVE_OUTSIDE), 1);
    assert_int_equal(info().live, -1); // what is not for the lamp does not take it
}

// A frame whose packets stand still on their way, before it is known what a frame is, is not taken
// for two small ones.
static void test_first_frame_stands_still(void **state)
{
    (void)state;
    lamp.checks = true;
    for (uint16_t u = 1; u <= 5; u++) {
        e131(u, 0, 1);
        if (u == 3)
            go(100 * MS);
    }
    go(100 * MS);
    assert_int_equal(lamp.shown, 0);
    for (uint8_t i = 1; i < 10; i++) {
        e131_frame(i, (uint8_t)(i + 1));
        assert_int_equal(lamp.shown, i);
    }
    assert_int_equal(lamp.torn, 0);
}

// A sender of fewer universes than the lamp has: two alike are believed, from then on at once.
static void test_fewer_universes(void **state)
{
    (void)state;
    for (uint16_t u = 1; u <= 3; u++)
        e131(u, 255, 1);
    go(40 * MS);
    assert_int_equal(lamp.shown, 0);
    for (uint16_t u = 1; u <= 3; u++)
        e131(u, 0, 1);
    assert_int_equal(lamp.shown, 0);
    go(40 * MS);
    assert_int_equal(lamp.shown, 1);
    assert_int_equal(pixel(509), 0x010101);
    assert_int_equal(pixel(510), 0);
    for (uint16_t u = 1; u <= 3; u++)
        e131(u, 1, 2);
    assert_int_equal(lamp.shown, 2);
    for (uint16_t u = 1; u <= 5; u++) // and it sends more
        e131(u, 2, 3);
    for (uint16_t u = 1; u <= 5; u++)
        e131(u, 3, 4);
    assert_int_equal(pixel(767), 0x040404);
    // And fewer again: when the others have been missing long enough.
    for (int i = 4; i < 14; i++) {
        go(25 * MS);
        e131(1, (uint8_t)i, (uint8_t)(i + 1));
    }
    assert_int_equal(pixel(0), 0x0E0E0E);
}

// Those alone are sent that changed: seen after one frame time.
static void test_changed_universes_alone(void **state)
{
    (void)state;
    uint8_t number[5] = {0};
    uint32_t seen = 0;
    e131_frame(0, 1);
    for (uint32_t i = 0; i < 100; i++) {
        uint16_t u = (uint16_t)(i * 7 % 5);
        e131((uint16_t)(u + 1), ++number[u], (uint8_t)(i + 2));
        go(50 * MS);
        if (i >= 8)
            seen += pixel(u * 170U) == (i + 2) * 0x010101U;
    }
    assert_true(seen >= 90);
}

static void test_artnet_frames(void **state)
{
    (void)state;
    lamp.checks = true;
    uint8_t sequence = 250;
    for (uint8_t i = 1; i < 100; i++) {
        for (uint16_t u = 0; u < 5; u++) {
            assert_int_not_equal(lamp.rgb[0], i);
            artnet(A, u, sequence, i);
        }
        assert_int_equal(lamp.rgb[0], i);
        sequence = sequence == 255 ? 1 : (uint8_t)(sequence + 1);
        go(20 * MS);
    }
    assert_int_equal(lamp.torn, 0);
    assert_int_equal(total(NH_LAMP_LIVE_ARTNET, NH_LAMP_LIVE_FRAMES), 99);
    assert_int_equal(total(NH_LAMP_LIVE_ARTNET, NH_LAMP_LIVE_LATE), 0);
    artnet(A, 2, (uint8_t)(sequence - 2), 200);
    assert_int_equal(total(NH_LAMP_LIVE_ARTNET, NH_LAMP_LIVE_LATE), 1);
}

static void test_show_by_the_senders_mark(void **state)
{
    (void)state;
    static const uint8_t artsync[] = "Art-Net\0\0\x52\0\x0e\0\0";
    e131_frame(0, 1); // before the first mark a whole frame is shown
    e131_sync(1, 7962);
    assert_int_equal(lamp.shown, 1);
    e131_frame(1, 2);
    assert_int_equal(lamp.shown, 1);
    e131_sync(2, 7962); // somebody else's
    assert_int_equal(lamp.shown, 1);
    e131_sync(1, 7962);
    assert_int_equal(lamp.shown, 2);
    assert_int_equal(lamp.rgb[0], 2);
    e131(1, 2, 3); // of a part
    e131_sync(1, 7962);
    assert_int_equal(lamp.shown, 2);
    assert_int_equal(total(NH_LAMP_LIVE_E131, NH_LAMP_LIVE_INCOMPLETE), 1);
    go(5 * S);
    for (uint16_t u = 0; u < 5; u++)
        artnet(B, u, 1, 4);
    give(NH_LAMP_LIVE_PORT_ARTNET, artsync, 14, B);
    for (uint16_t u = 0; u < 5; u++)
        artnet(B, u, 2, 5);
    assert_int_equal(lamp.rgb[0], 4);
    give(NH_LAMP_LIVE_PORT_ARTNET, artsync, 14, A);
    assert_int_equal(lamp.rgb[0], 4);
    give(NH_LAMP_LIVE_PORT_ARTNET, artsync, 14, B);
    assert_int_equal(lamp.rgb[0], 5);
}

static void test_modes(void **state)
{
    (void)state;
    struct nh_lamp_receiver_config cfg = config();
    assert_int_equal(nh_lamp_live_universe_count(768, NH_LAMP_LIVE_RGB), 5);
    assert_int_equal(nh_lamp_live_universe_count(768, NH_LAMP_LIVE_RGBW), 6);
    assert_int_equal(nh_lamp_live_universe_count(768, NH_LAMP_LIVE_PACKED), 5);
    assert_int_equal(nh_lamp_live_universe_count(128 * 128, NH_LAMP_LIVE_RGBW), 128);
    cfg.artnet.mode = NH_LAMP_LIVE_RGBW;
    make(&cfg);
    for (uint16_t u = 0; u < 6; u++)
        artnet(A, u, 1, 3);
    assert_int_equal(pixel(0), 0x060606);
    assert_int_equal(pixel(126), 0x060606);
    cfg.artnet.mode = NH_LAMP_LIVE_PACKED;
    cfg.artnet.universe = 100;
    make(&cfg);
    for (uint16_t u = 0; u < 5; u++) {
        uint8_t data[512], out[NH_LAMP__ARTNET_PACKET_MAX_BYTES];
        for (uint32_t i = 0; i < 512; i++)
            data[i] = (uint8_t)((u * 512 + i) / 3);
        const struct nh_lamp__artnet_packet p = {
            .sequence = 1, .address = (uint16_t)(100 + u), .channels = {data, 512}};
        give(NH_LAMP_LIVE_PORT_ARTNET, out, nh_lamp__artnet_build(&p, out), A);
    }
    for (uint32_t i = 0; i < PIXELS; i++)
        assert_int_equal(pixel(i), (i & 255) * 0x010101);
}

static void test_poll(void **state)
{
    (void)state;
    static const uint8_t poll[] = "Art-Net\0\0\x20\0\x0e\2\0";
    struct nh_lamp_receiver_config cfg = config();
    cfg.artnet.universe = 14; // two of one sub-net, three of the next
    make(&cfg);
    give(NH_LAMP_LIVE_PORT_ARTNET, poll, 14, A);
    assert_int_equal(lamp.sent, 2);
    assert_string_equal(lamp.to, A);
    assert_int_equal(lamp.to_port, 1234);
    assert_int_equal(lamp.reply[0][19], 0); // sub-net
    assert_int_equal(lamp.reply[0][173], 2);
    assert_int_equal(lamp.reply[0][190], 14);
    assert_int_equal(lamp.reply[0][211], 1);
    assert_int_equal(lamp.reply[1][19], 1);
    assert_int_equal(lamp.reply[1][173], 3);
    assert_int_equal(lamp.reply[1][190], 0);
    assert_int_equal(lamp.reply[1][211], 2);
    assert_string_equal((char *)lamp.reply[0] + 26, "hall");
    assert_int_equal(lamp.reply[0][10], 10);
    assert_int_equal(info().source_count, 0);
}

// Under an address of somebody else's the lamp would send him a hundred times of what it got.
static void test_polls_are_answered_now_and_then(void **state)
{
    (void)state;
    static const uint8_t poll[] = "Art-Net\0\0\x20\0\x0e\2\0";
    give(NH_LAMP_LIVE_PORT_ARTNET, poll, 14, A);
    unsigned each = lamp.sent;
    for (int i = 0; i < 100; i++)
        give(NH_LAMP_LIVE_PORT_ARTNET, poll, 14, A);
    assert_int_equal(lamp.sent, NH_LAMP_LIVE_POLL_MAX_COUNT * each);
    assert_int_equal(total(NH_LAMP_LIVE_ARTNET, NH_LAMP_LIVE_REFUSED),
                     101 - NH_LAMP_LIVE_POLL_MAX_COUNT);
    go(1 * S);
    give(NH_LAMP_LIVE_PORT_ARTNET, poll, 14, A);
    assert_int_equal(lamp.sent, (NH_LAMP_LIVE_POLL_MAX_COUNT + 1) * each);
}

// ---- WLED, TPM2.NET, Hyperion
// ---------------------------------------------------------------------------------------

static void wled(const char *from, const char *head, size_t head_len, size_t len, uint8_t level)
{
    uint8_t out[1472];
    memcpy(out, head, head_len);
    memset(out + head_len, level, len);
    give(NH_LAMP_LIVE_PORT_WLED, out, head_len + len, from);
}

static void test_wled_kinds(void **state)
{
    (void)state;
    static const uint8_t warls[] = {1, 2, 5, 255, 0, 0, 7, 0, 255, 0};
    give(NH_LAMP_LIVE_PORT_WLED, warls, sizeof warls, A);
    assert_int_equal(pixel(5), 0xFF0000);
    assert_int_equal(pixel(7), 0x00FF00);
    wled(A, "\2\2", 2, 490 * 3, 3); // DRGB
    assert_int_equal(pixel(489), 0x030303);
    assert_int_equal(pixel(490), 0);
    wled(A, "\3\2", 2, 367 * 4, 4); // DRGBW
    assert_int_equal(pixel(366), 0x080808);
    assert_int_equal(pixel(367), 0x030303);
    assert_int_equal(lamp.shown, 3);
    // DNRGB: 489 and 279.
    wled(A, "\4\2\0\0", 4, 489 * 3, 5);
    go(30 * MS);
    uint32_t before = lamp.shown;
    wled(A, "\4\2\0\0", 4, 489 * 3, 6);
    wled(A, "\4\2\1\xe9", 4, 279 * 3, 6);
    wled(A, "\4\2\0\0", 4, 489 * 3, 7);
    wled(A, "\4\2\1\xe9", 4, 279 * 3, 7);
    assert_true(lamp.shown >= before + 2);
    assert_int_equal(pixel(0), 0x070707);
    assert_int_equal(pixel(767), 0x070707);
    wled(A, "\5\2\2\xff", 4, 4, 8); // DNRGBW, the last one
    go(300 * MS);
    assert_string_equal(lamp.source.protocol, "WLED UDP");
}

static void test_wled_timeouts(void **state)
{
    (void)state;
    wled(A, "\2\1", 2, 30, 1); // one second
    go(1000 * MS);
    assert_int_equal(lamp.ended, 0);
    go(1 * MS);
    assert_int_equal(lamp.ended, 1);
    wled(A, "\2\xff", 2, 30, 2); // for ever
    go(3600ULL * S);
    assert_int_equal(lamp.ended, 1);
    wled(B, "\2\2", 2, 30, 3);
    assert_int_equal(lamp.rgb[0], 2);
    wled(B, "\2\0", 2, 0, 0); // not its own
    assert_int_equal(lamp.ended, 1);
    wled(A, "\2\0", 2, 0, 0); // leaves
    assert_int_equal(lamp.ended, 2);
    wled(B, "\2\2", 2, 30, 4);
    assert_int_equal(lamp.rgb[0], 4);
}

// Senders that asked for no time-out and have left fill no place, and one that was released is
// heard again after a pause.
static void test_no_timeout_is_the_owners_alone(void **state)
{
    (void)state;
    for (int i = 0; i < NH_LAMP_LIVE_SOURCE_MAX_COUNT; i++) {
        char from[16];
        snprintf(from, sizeof from, "10.0.1.%u", (unsigned)i & 255u);
        wled(from, "\2\xff", 2, 30, 1);
        wled(from, "\2\0", 2, 0, 0); // leaves
    }
    go(60 * S);
    wled(A, "\2\xff", 2, 30, 7);
    assert_int_equal(lamp.rgb[0], 7);
    assert_int_equal(info().source_full_count, 0);
    assert_true(nh_lamp_receiver_release(r, now_us));
    wled(A, "\2\xff", 2, 30, 8);
    assert_int_equal(lamp.rgb[0], 7);
    go(60 * S);
    wled(A, "\2\xff", 2, 30, 9);
    assert_int_equal(lamp.rgb[0], 9);
}

static void tpm2(enum nh_lamp_live_port port, uint8_t packet, uint8_t count, size_t len,
                 uint8_t level)
{
    uint8_t out[1500] = {0x9C, 0xDA, (uint8_t)(len >> 8), (uint8_t)len, packet, count};
    memset(out + 6, level, len);
    out[6 + len] = 0x36;
    give(port, out, 7 + len, A);
}

static void test_tpm2(void **state)
{
    (void)state;
    lamp.checks = true;
    tpm2(NH_LAMP_LIVE_PORT_NODES, 2, 2, 834, 1); // its first packet is not known yet
    assert_int_equal(total(NH_LAMP_LIVE_TPM2, NH_LAMP_LIVE_INCOMPLETE), 1);
    for (uint8_t i = 1; i < 50; i++) {
        if (i % 4 != 0)
            tpm2(NH_LAMP_LIVE_PORT_NODES, 1, 2, 1470, i);
        tpm2(NH_LAMP_LIVE_PORT_NODES, 2, 2, 834, i);
        assert_int_equal(lamp.rgb[0] == i, i % 4 != 0);
        go(20 * MS);
    }
    assert_int_equal(lamp.torn, 0);
    assert_string_equal(lamp.source.protocol, "TPM2.NET");
    tpm2(NH_LAMP_LIVE_PORT_WLED, 1, 1, 1470, 60); // by the other port as well
    assert_int_equal(total(NH_LAMP_LIVE_TPM2, NH_LAMP_LIVE_MALFORMED), 0);
}

static void test_hyperion(void **state)
{
    (void)state;
    uint8_t bytes[1440];
    memset(bytes, 7, sizeof bytes);
    give(NH_LAMP_LIVE_PORT_HYPERION, bytes, sizeof bytes, A);
    assert_int_equal(lamp.shown, 1);
    assert_int_equal(pixel(479), 0x070707);
    assert_string_equal(lamp.source.protocol, "Hyperion");
}

static void test_sync_and_beacons(void **state)
{
    (void)state;
    const struct nh_lamp_sync s = {.brightness = 77, .effect = 3};
    uint8_t sync[NH_LAMP_SYNC_BYTES], beacon[NH_LAMP_BEACON_BYTES];
    struct nh_lamp_live_node_info n;
    nh_lamp_sync_build(&s, sync);
    give(NH_LAMP_LIVE_PORT_WLED, sync, sizeof sync, A);
    assert_int_equal(lamp.synced, 1);
    assert_int_equal(lamp.sync.brightness, 77);
    assert_int_equal(info().sync_count, 1);
    for (uint8_t i = 0; i < NH_LAMP_LIVE_NODE_MAX_COUNT + 2; i++) {
        struct nh_lamp_beacon b = {.ip = {10, 0, 0, i}, .name = "x", .is_on = true};
        b.name[0] = (char)('a' + i);
        nh_lamp_beacon_build(&b, beacon);
        go(1 * MS);
        give(NH_LAMP_LIVE_PORT_NODES, beacon, sizeof beacon, A);
        give(NH_LAMP_LIVE_PORT_NODES, beacon, sizeof beacon, A);
    }
    assert_int_equal(info().node_count, NH_LAMP_LIVE_NODE_MAX_COUNT);
    nh_lamp_receiver_node(r, 0, now_us, &n); // the oldest one made room
    assert_string_equal(n.name, "q");
    nh_lamp_receiver_node(r, 15, now_us, &n);
    assert_string_equal(n.name, "p");
    assert_true(n.is_on);
    assert_int_equal(lamp.shown, 0);
}

// ---- figures, memory
// ---------------------------------------------------------------------------------------

static void test_jitter(void **state)
{
    (void)state;
    struct nh_lamp_live_source_info s;
    uint8_t sequence = 0;
    for (int i = 0; i < 1000; i++) {
        ddp_frame(A, &sequence, 1);
        go(i % 100 == 99 ? 35 * MS : 25 * MS);
    }
    nh_lamp_receiver_source(r, 0, now_us, &s);
    assert_true(s.interval_us > 24 * MS && s.interval_us < 27 * MS);
    assert_true(s.jitter_max_us > 9 * MS && s.jitter_max_us <= 10 * MS);
    assert_true(s.jitter_us < 500);
    assert_true(s.jitter_p99_us < 2 * MS);
    assert_int_equal(s.count[NH_LAMP_LIVE_FRAMES], 1000);
    assert_int_equal(s.count[NH_LAMP_LIVE_PACKETS], 2000);
    go(60ULL * S); // a pause is none
    ddp_frame(A, &sequence, 1);
    nh_lamp_receiver_source(r, 0, now_us, &s);
    assert_true(s.jitter_max_us <= 10 * MS);
}

static uint64_t allocations(void)
{
    struct nh_mem_owner_info o;
    uint64_t n = 0;
    for (size_t i = 0; i < nh_mem_owner_count(fx.sys); i++) {
        assert_int_equal(nh_mem_owner_info(fx.sys, i, &o), 0);
        n += o.tier[NH_MEM_INTERNAL].alloc_count + o.tier[NH_MEM_PSRAM].alloc_count;
    }
    return n;
}

static void test_no_allocation_for_a_packet(void **state)
{
    (void)state;
    uint64_t before = allocations();
    uint8_t sequence = 0;
    for (int i = 0; i < 100; i++) {
        ddp_frame(A, &sequence, 1);
        e131_frame((uint8_t)i, 2);
        artnet(B, 0, 1, 3);
        wled(B, "\2\2", 2, 30, 4);
        go(2501 * MS);
    }
    assert_true(lamp.shown >= 100);
    assert_true(allocations() == before);
}

static void test_create_faults(void **state)
{
    (void)state;
    struct nh_lamp_receiver_config cfg = config();
    nh_lamp_receiver_t *other;
    cfg.pixel_count = 0;
    assert_int_equal(nh_lamp_receiver_create(&cfg, &other), NH_ERR_RANGE);
    assert_null(other);
    cfg.pixel_count = 128 * 128 + 1;
    assert_int_equal(nh_lamp_receiver_create(&cfg, &other), NH_ERR_RANGE);
    cfg.pixel_count = PIXELS;
    cfg.e131.universe = 63996;
    assert_int_equal(nh_lamp_receiver_create(&cfg, &other), NH_ERR_RANGE);
    cfg.e131.universe = 63995;
    cfg.artnet.universe = 0x7FFC;
    assert_int_equal(nh_lamp_receiver_create(&cfg, &other), NH_ERR_RANGE);
    cfg.artnet.universe = 0x7FFB;
    for (uint64_t nth = 1;; nth++) { // each allocation fails in turn
        const struct nh_mem_fault fault = {.fail_nth = nth, .only_owner = fx.mem};
        nh_mem_fault_set(fx.sys, &fault);
        int err = nh_lamp_receiver_create(&cfg, &other);
        nh_mem_fault_set(fx.sys, NULL);
        if (err == 0)
            break;
        assert_int_equal(err, NH_ERR_NOMEM);
        assert_null(other);
        assert_true(nth < 10);
    }
    nh_lamp_receiver_destroy(other);
    nh_lamp_receiver_destroy(NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_row_14_ddp_is_never_torn),
        TEST(test_row_14_e131_is_never_torn),
        TEST(test_row_14_the_effect_comes_back),
        TEST(test_first_one_has_it),
        TEST(test_higher_priority_takes_over),
        TEST(test_stream_end),
        TEST(test_preview_is_not_shown),
        TEST(test_somebody_else_has_the_lamp),
        TEST(test_off_and_release),
        TEST(test_places_are_bounded),
        TEST(test_ddp_without_push),
        TEST(test_ddp_late),
        TEST(test_ddp_out_of_order),
        TEST(test_ddp_parts),
        TEST(test_ddp_rgbw),
        TEST(test_faults_are_counted),
        TEST(test_universes_outside),
        TEST(test_first_frame_stands_still),
        TEST(test_fewer_universes),
        TEST(test_changed_universes_alone),
        TEST(test_artnet_frames),
        TEST(test_show_by_the_senders_mark),
        TEST(test_modes),
        TEST(test_poll),
        TEST(test_polls_are_answered_now_and_then),
        TEST(test_wled_kinds),
        TEST(test_wled_timeouts),
        TEST(test_no_timeout_is_the_owners_alone),
        TEST(test_tpm2),
        TEST(test_hyperion),
        TEST(test_sync_and_beacons),
        TEST(test_jitter),
        TEST(test_no_allocation_for_a_packet),
        TEST(test_create_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
