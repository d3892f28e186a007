// The engine of requests on any line: the input is a play of posts, bytes, answers with a good
// check sum, time that passes, and a line that closes and opens. Whatever comes, each request is
// answered once and by its deadline, and what goes out is a frame that can be encoded.

#include "components/battery/battery_client.h"

#include <stdlib.h>
#include <string.h>

#define REQUIRE(cond) ((cond) ? (void)0 : abort())
#define QUEUE_MAX 4
#define TICKET_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    const uint8_t *at, *end;
    nh_battery_client_t *client;
    uint64_t now_us, deadline_us[TICKET_MAX];
    uint32_t ticket, waiting;
    bool is_answered[TICKET_MAX];
    uint8_t asked; // the command sent last
} w;

static uint8_t next(void)
{
    return w.at < w.end ? *w.at++ : 0;
}

static void on_answered(void *ctx, const struct nh_battery_request *q,
                        const struct nh_battery_reply *r)
{
    (void)ctx;
    REQUIRE(r->ticket < TICKET_MAX && r->ticket <= w.ticket && !w.is_answered[r->ticket]);
    REQUIRE(w.now_us <= w.deadline_us[r->ticket]);
    REQUIRE(r->count <= NH_BATTERY_REPLY_WORDS_MAX);
    if (r->outcome == NH_BATTERY_DONE && q->kind == NH_BATTERY_READ)
        REQUIRE(r->address == q->address && r->count == q->count);
    w.is_answered[r->ticket] = true;
    w.waiting--;
}

static void on_words(void *ctx, uint16_t address, uint16_t count, const uint16_t *words,
                     uint64_t asked_us, bool is_written)
{
    volatile uint16_t last = words[count - 1]; // it is there
    (void)ctx;
    (void)last;
    (void)is_written;
    REQUIRE(count > 0 && (uint32_t)address + count <= NH_TINYBMS_ADDRESS_COUNT);
    REQUIRE(asked_us <= w.now_us + 100000);
}

static void post(void)
{
    struct nh_battery_request r = {.kind = next() % 12,
                                   .priority = next() % 6,
                                   .option = next(),
                                   .address = (uint16_t)(next() * 3),
                                   .count = next() % 140,
                                   .deadline_ms = (uint32_t)next() * 8};
    for (size_t i = 0; i < NH_BATTERY_REQUEST_VALUES_MAX; i++) {
        r.addresses[i] = (uint16_t)(300 + (r.address + i * (r.option % 3)) % 100);
        r.values[i] = (uint16_t)(r.option * i);
    }
    if (w.ticket + 1 >= TICKET_MAX || nh_battery_request_check(&r) < 0)
        return;
    int err = nh_battery_client_post(w.client, &r, w.ticket + 1, w.now_us);
    REQUIRE((err == 0) == (w.waiting < QUEUE_MAX));
    if (err < 0)
        return;
    w.ticket++;
    w.waiting++;
    w.is_answered[w.ticket] = false;
    w.deadline_us[w.ticket] = w.now_us + (r.deadline_ms ? r.deadline_ms : 2000) * UINT64_C(1000);
}

static void send_out(void)
{
    const uint8_t *bytes;
    size_t n = nh_battery_client_output(w.client, &bytes, w.now_us);
    if (n == 0)
        return;
    REQUIRE(n >= 4 && n <= NH_TINYBMS_FRAME_MAX_BYTES && bytes[0] == 0xAA);
    REQUIRE(nh_tinybms_crc(bytes, n) == 0);
    w.asked = bytes[1];
    nh_battery_client_sent(w.client, w.now_us);
}

// Time goes on to where the engine wants to be asked, at most as far as the play says.
static void pass(uint64_t us)
{
    uint64_t end = w.now_us + us;
    for (unsigned turns = 0; turns < 64; turns++) {
        nh_battery_client_tick(w.client, w.now_us);
        send_out();
        uint64_t at = nh_battery_client_next_us(w.client);
        if (at <= w.now_us)
            at = w.now_us + 1;
        if (at > end)
            break;
        w.now_us = at;
    }
    uint64_t at = nh_battery_client_next_us(w.client);
    w.now_us = at > w.now_us && at < end ? at : w.now_us; // never past a deadline unseen
    nh_battery_client_tick(w.client, w.now_us);
}

static void input(const uint8_t *bytes, size_t len)
{
    nh_battery_client_input(w.client, bytes, len, w.now_us);
    nh_battery_client_tick(w.client, w.now_us);
    send_out();
}

static void raw_bytes(void)
{
    size_t len = next() % 64;
    if (len > (size_t)(w.end - w.at))
        len = (size_t)(w.end - w.at);
    const uint8_t *bytes = w.at;
    w.at += len;
    input(bytes, len);
}

// A frame with a good check sum: what a fuzzer does not find by itself.
static void frame(void)
{
    uint8_t f[NH_TINYBMS_FRAME_MAX_BYTES] = {0xAA};
    uint8_t kind = next();
    size_t len = 2;
    f[1] = kind % 4 == 0 ? 0 : kind % 4 == 1 ? 1 : w.asked;
    f[2] = kind % 4 < 2 ? w.asked : next();
    if (f[1] == 0)
        f[3] = next(), len = 4;
    else if (f[1] == 1)
        len = 3;
    else
        len = 3 + (size_t)(f[2] < 250 ? f[2] : 250);
    for (size_t i = 3; f[1] > 1 && i < len; i++)
        f[i] = (uint8_t)(i * kind);
    uint16_t crc = nh_tinybms_crc(f, len);
    f[len] = (uint8_t)crc;
    f[len + 1] = (uint8_t)(crc >> 8);
    input(f, len + 2);
}

static void play(void)
{
    nh_battery_client_open(w.client, w.now_us);
    while (w.at < w.end) {
        switch (next() % 8) {
        case 0:
        case 1:
            post();
            break;
        case 2:
            raw_bytes();
            break;
        case 3:
        case 4:
            frame();
            break;
        case 5:
            pass((uint64_t)next() * 50000);
            break;
        case 6:
            pass((uint64_t)next() * 500);
            break;
        default:
            if (next() % 4 == 0) {
                nh_battery_client_close(w.client, w.now_us);
                REQUIRE(w.waiting == 0);
                nh_battery_client_open(w.client, w.now_us);
            }
            break;
        }
    }
    nh_battery_client_close(w.client, w.now_us);
    REQUIRE(w.waiting == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(16) uint8_t internal[16 * 1024], psram[32 * 1024];
    const struct nh_mem_system_config mc = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    nh_mem_system_t *sys;
    struct nh_battery_client_config cfg = {.queue_max = QUEUE_MAX,
                                           .poll_ms = 200,
                                           .slow_ms = 3000,
                                           .answered = on_answered,
                                           .words = on_words};
    memset(&w, 0, sizeof w);
    w.at = data;
    w.end = data + size;
    w.now_us = 1000000;
    REQUIRE(nh_mem_system_create(&mc, &sys) == 0);
    REQUIRE(nh_mem_owner_add(sys, "fuzz", NULL, &cfg.mem) == 0);
    REQUIRE(nh_battery_client_create(&cfg, &w.client) == 0);
    play();
    nh_battery_client_destroy(w.client);
    REQUIRE(nh_mem_system_destroy(sys, NULL, NULL) == 0);
    return 0;
}
