// Any datagrams, at any port, from any of a few addresses, at any times: what is shown was counted,
// deadlines lie ahead, and nobody has the lamp who is not among the sources.

#include "components/lamp_live/lamp_receiver.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t shown;

static int on_show(void *ctx, const struct nh_lamp_live_source *s, const uint8_t *rgb,
                   uint32_t count, uint64_t now_ms)
{
    (void)ctx;
    (void)now_ms;
    uint8_t last = rgb[3 * (size_t)count - 1];
    if (!s->protocol || !s->from[0] || (shown % 7 == 6 && last > 100))
        return NH_ERR_BUSY;
    shown++;
    return 0;
}

static void on_end(void *ctx)
{
    (void)ctx;
}

static void on_send(void *ctx, enum nh_lamp_live_port from, const char *address, uint16_t port,
                    const uint8_t *bytes, size_t len)
{
    (void)ctx;
    (void)from;
    (void)address;
    (void)port;
    if (len == 0 || bytes[0] != 'A')
        abort();
}

static void on_sync(void *ctx, const struct nh_lamp_sync *s, const char *from)
{
    (void)ctx;
    if (!from[0] || (s->groups && !s->has_groups))
        abort();
}

static void check(nh_lamp_receiver_t *r, uint64_t now_us)
{
    struct nh_lamp_receiver_info info;
    struct nh_lamp_live_source_info s;
    uint64_t frames = 0;
    nh_lamp_receiver_info(r, &info);
    if (info.live >= (int)info.source_count)
        abort();
    for (uint32_t i = 0; i < info.source_count; i++) {
        nh_lamp_receiver_source(r, i, now_us, &s);
        if (s.is_live != (info.live == (int)i))
            abort();
    }
    for (int p = 0; p < NH_LAMP_LIVE_PROTOCOL_COUNT; p++)
        frames += nh_lamp_receiver_counts(r, p)[NH_LAMP_LIVE_FRAMES];
    if (frames != shown)
        abort();
}

// Each packet: port, address, pause in ms, length (2 bytes), bytes.
static void play(nh_lamp_receiver_t *r, const uint8_t *data, size_t size)
{
    static const char *const from[] = {"10.0.0.1", "10.0.0.2", "::1", "127.0.0.1"};
    uint64_t now_us = 1000;
    while (size >= 5) {
        size_t len = (size_t)(data[3] << 8 | data[4]) % 1500;
        now_us += (uint64_t)data[2] * 1000;
        len = len < size - 5 ? len : size - 5;
        nh_lamp_receiver_input(r, data[0] % NH_LAMP_LIVE_PORT_COUNT, data + 5, len,
                               from[data[1] % NH_ARRAY_LEN(from)], data[1], now_us);
        if (data[1] == 255)
            nh_lamp_receiver_release(r, now_us);
        if (data[1] >= 252 && data[1] < 254)
            nh_lamp_receiver_enable(r, data[1] == 252, now_us);
        nh_lamp_receiver_tick(r, now_us);
        if (nh_lamp_receiver_next_deadline_us(r) <= now_us)
            abort();
        check(r, now_us);
        data += 5 + len;
        size -= 5 + len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t region[2][64 * 1024] __attribute__((aligned(4096)));
    struct nh_mem_system_config mem = {
        .region = {{region[0], sizeof region[0]}, {region[1], sizeof region[1]}}};
    struct nh_lamp_receiver_config cfg = {.pixel_count = 300,
                                          .name = "fuzz",
                                          .show = on_show,
                                          .end = on_end,
                                          .send = on_send,
                                          .sync = on_sync};
    nh_mem_system_t *sys;
    nh_lamp_receiver_t *r;
    shown = 0;
    if (size > 0) {
        cfg.e131.mode = data[0] % 3;
        cfg.artnet.mode = data[0] / 3 % 3;
    }
    if (nh_mem_system_create(&mem, &sys) < 0)
        abort();
    cfg.mem = nh_mem_core(sys);
    if (nh_lamp_receiver_create(&cfg, &r) < 0)
        abort();
    if (size > 0)
        play(r, data + 1, size - 1);
    nh_lamp_receiver_destroy(r);
    if (nh_mem_system_destroy(sys, NULL, NULL) != 0)
        abort();
    return 0;
}
