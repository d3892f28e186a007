// bench_lamp_live.c - what live data costs: a frame from its packets to the whole picture, and a
// frame as packets.
//
//   bench_lamp_live [FRAMES]   2000 frames a run
//
// Processor time of this process without sockets; median of five runs and their spread. Each run
// checks that every frame was shown, and that none of them allocated anything.

#include "components/lamp_live/lamp_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define RUNS 5
#define PACKET_MAX_COUNT 128
#define FRAME_US 25000

static nh_mem_system_t *sys;
static nh_mem_t *mem;

static struct {
    nh_lamp_receiver_t *receiver;
    nh_lamp_sender_t *sender;
    uint64_t now_us;
    uint32_t shown, packet_count;
    struct {
        enum nh_lamp_live_port port;
        size_t len;
        uint8_t bytes[1472];
    } packet[PACKET_MAX_COUNT];
} b;

static void die(const char *what)
{
    fprintf(stderr, "bench_lamp_live: %s\n", what);
    exit(1);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void make_memory(void)
{
    struct nh_mem_system_config cfg = {0};
    const size_t bytes[] = {NH_KIB(320), NH_MIB(8)};
    for (int i = 0; i < NH_MEM_TIER_COUNT; i++) {
        cfg.region[i].base =
            mmap(NULL, bytes[i], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        cfg.region[i].size_bytes = bytes[i];
    }
    if (nh_mem_system_create(&cfg, &sys) < 0 || nh_mem_owner_add(sys, "lamp", NULL, &mem) < 0)
        die("no memory");
}

static int on_show(void *ctx, const struct nh_lamp_live_source *s, const uint8_t *rgb,
                   uint32_t count, uint64_t now_ms)
{
    (void)ctx;
    (void)s;
    (void)rgb;
    (void)count;
    (void)now_ms;
    b.shown++;
    return 0;
}

static void on_end(void *ctx)
{
    (void)ctx;
}

// The sender's packets are the receiver's.
static int on_send(void *ctx, const char *address, uint16_t port, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    (void)address;
    if (b.packet_count == PACKET_MAX_COUNT || len > sizeof b.packet[0].bytes)
        die("a packet too many, or too long");
    enum nh_lamp_live_port at = 0;
    while (nh_lamp_live_port_numbers[at] != port)
        at++;
    b.packet[b.packet_count].port = at;
    b.packet[b.packet_count].len = len;
    memcpy(b.packet[b.packet_count++].bytes, bytes, len);
    return 0;
}

static void on_wake(void *ctx)
{
    (void)ctx;
}

static void make(int protocol, uint32_t pixels)
{
    const struct nh_lamp_send_target target = {
        .protocol = protocol, .address = "10.0.0.2", .priority = 100};
    const struct nh_lamp_receiver_config in = {
        .mem = mem, .pixel_count = pixels, .name = "bench", .show = on_show, .end = on_end};
    const struct nh_lamp_sender_config out = {.mem = mem,
                                              .targets = &target,
                                              .target_count = 1,
                                              .pixel_count = pixels,
                                              .name = "bench",
                                              .send = on_send,
                                              .wake = on_wake};
    uint32_t bad;
    if (nh_lamp_receiver_create(&in, &b.receiver) < 0 ||
        nh_lamp_sender_create(&out, &bad, &b.sender) < 0)
        die("no memory");
}

struct took {
    uint64_t send_ns, receive_ns;
};

static struct took run(uint32_t pixels, uint32_t frames)
{
    static uint8_t rgb[NH_FX_SIDE_MAX * NH_FX_SIDE_MAX * 3];
    struct took t = {0};
    b.shown = 0;
    const struct nh_mem_fault fault = {.fail_nth = 1};
    nh_mem_fault_set(sys, &fault);
    for (uint32_t i = 0; i < frames; i++) {
        memset(rgb, (int)(i & 255), (size_t)pixels * 3);
        b.packet_count = 0;
        b.now_us += FRAME_US;
        uint64_t begin = cpu_ns();
        nh_lamp_sender_frame(b.sender, rgb, pixels);
        nh_lamp_sender_pump(b.sender, b.now_us);
        uint64_t middle = cpu_ns();
        for (uint32_t k = 0; k < b.packet_count; k++)
            nh_lamp_receiver_input(b.receiver, b.packet[k].port, b.packet[k].bytes, b.packet[k].len,
                                   "10.0.0.1", 1, b.now_us + k);
        t.send_ns += middle - begin;
        t.receive_ns += cpu_ns() - middle;
    }
    if (nh_mem_fault_hits(sys) > 0)
        die("something was allocated");
    nh_mem_fault_set(sys, NULL);
    if (b.shown != frames)
        die("a frame was not shown");
    return t;
}

static int by_size(const void *x, const void *y)
{
    const uint64_t *u = x, *v = y;
    return *u < *v ? -1 : *u > *v;
}

static void print(const char *name, const char *what, uint32_t pixels, uint64_t *ns,
                  uint32_t frames)
{
    qsort(ns, RUNS, sizeof *ns, by_size);
    double median = (double)ns[RUNS >> 1] / frames;
    printf("%-7s %-8s %6u pixels, %3u packets: %7.2f us a frame (%.2f to %.2f), %.0f ns a packet\n",
           name, what, (unsigned)pixels, (unsigned)b.packet_count, median / 1000,
           (double)ns[0] / frames / 1000, (double)ns[RUNS - 1] / frames / 1000,
           median / b.packet_count);
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[] = {768, 128 * 128};
    static const char *const names[] = {"DDP", "E1.31", "Art-Net"};
    uint32_t frames = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 2000;
    make_memory();
    for (size_t i = 0; i < NH_ARRAY_LEN(sizes); i++)
        for (int protocol = 0; protocol < 3; protocol++) {
            uint64_t send_ns[RUNS], receive_ns[RUNS];
            make(protocol, sizes[i]);
            for (int k = 0; k < RUNS; k++) {
                struct took t = run(sizes[i], frames);
                send_ns[k] = t.send_ns;
                receive_ns[k] = t.receive_ns;
            }
            print(names[protocol], "receive", sizes[i], receive_ns, frames);
            print(names[protocol], "send", sizes[i], send_ns, frames);
            nh_lamp_receiver_destroy(b.receiver);
            nh_lamp_sender_destroy(b.sender);
        }
    return 0;
}
