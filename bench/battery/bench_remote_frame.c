// bench_remote_frame.c - what a frame of telemetry costs: to write it, to read it, and to note its
// values for the cache. A pack of 13 cells with everything known.
//
//   bench_remote_frame [ROUNDS]    a table; standard: 21 rounds. Median, lowest, highest

#include "components/battery_remote/remote_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUND_NS 4000000u
#define ROUNDS_MAX 201
#define BATCH 16

static struct nh_battery_snapshot pack;
static char text[NH_REMOTE_FRAME_MAX_BYTES];
static size_t text_bytes;
static struct nh_remote_frame frame;
static nh_remote_cache_t cache;

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void do_write(void)
{
    struct nh_json_buf buf = {text, sizeof text, 0};
    nh_json_writer_t w;
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_remote_frame_write(&w, &pack, 1000, 1764547200123);
    if (nh_json_writer_end(&w) < 0)
        abort();
    text_bytes = buf.len;
}

static void do_read(void)
{
    if (nh_remote_frame_read(text, text_bytes, &frame) < 0 || frame.bad_count > 0)
        abort();
}

static void do_note(void)
{
    pack.v.current_ma++;
    nh_remote_cache_note(&cache, &pack, 1000);
}

static void fill(void)
{
    memset(&pack, 0, sizeof pack);
    pack.source = NH_BATTERY_FROM_REMOTE;
    pack.valid = (1u << NH_BATTERY_FIELD_COUNT) - 1;
    pack.v.voltage_mv = 42918;
    pack.v.current_ma = -12503;
    pack.v.power_mw = -536603;
    pack.v.soc_mpct = 73251;
    pack.v.soh_mpct = 99123;
    pack.v.temperature_mc = 25100;
    pack.v.status = 0x93;
    pack.v.cell_count = 13;
    for (size_t i = 0; i < 13; i++)
        pack.v.cell_dmv[i] = (uint16_t)(33012 + i * 7);
    pack.v.limits.over_mv = 4200;
    pack.v.limits.under_mv = 2800;
    pack.v.energy_in_mwh = 1234567890;
    pack.v.energy_out_mwh = 987654321;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double round_of(void (*work)(void))
{
    uint64_t begin = cpu_ns(), now = begin, count = 0;
    for (; now - begin < ROUND_NS; now = cpu_ns(), count += BATCH)
        for (int i = 0; i < BATCH; i++)
            work();
    return (double)(now - begin) / (double)count;
}

static void measure(const char *name, void (*work)(void), unsigned rounds)
{
    double ns[ROUNDS_MAX];
    for (unsigned i = 0; i < rounds; i++)
        ns[i] = round_of(work);
    qsort(ns, rounds, sizeof ns[0], compare);
    printf("%-22s %8.0f %8.0f %8.0f\n", name, ns[rounds / 2], ns[0], ns[rounds - 1]);
}

int main(int argc, char **argv)
{
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 21;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench_remote_frame [1 to %d rounds]\n", ROUNDS_MAX);
        return 2;
    }
    static char buf[NH_REMOTE_CACHE_BUF_BYTES];
    static char no_store; // is never called: nothing is due
    const struct nh_remote_cache_config cfg = {.store = (nh_store_t *)&no_store, .buf = buf};
    fill();
    do_write();
    if (nh_remote_cache_init(&cache, &cfg) < 0)
        return 1;
    printf("a frame of 13 cells has %zu bytes\n", text_bytes);
    printf("%-22s %8s %8s %8s\n", "ns", "median", "lowest", "highest");
    measure("written", do_write, (unsigned)rounds);
    measure("read", do_read, (unsigned)rounds);
    measure("noted for the cache", do_note, (unsigned)rounds);
    return 0;
}
