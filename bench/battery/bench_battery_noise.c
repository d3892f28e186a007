// bench_battery_noise.c - how good a check sum of 16 bits is on a bad line.
//
//   bench_battery_noise [RUNS] [PERCENT]    standard: 400 runs, 1 % of all bytes with a wrong bit
//
// A run is ten simulated minutes of the hub's client and the simulated board, polled twice a second
// and asked by users five times a second. What the client takes is compared with what the board
// held when it answered.

#include "core/mem/mem.h"

#include <stdio.h>
#include <stdlib.h>

static void need(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "bench_battery_noise: %s\n", what);
    exit(1);
}
#define PLAY_NEED(condition) need(condition, #condition)
#include "support/battery_play.h"

#define RUN_US (600 * SECOND)

struct sum {
    uint64_t posted, answered, done, words, wrong, crc_errors, latest_us;
};

static void run(nh_mem_t *mem, uint64_t seed, const char *noise, struct sum *sum)
{
    struct nh_battery_statistics s;
    begin(mem, seed, 500);
    order(noise);
    play(RUN_US);
    nh_battery_client_statistics(line.client, &s);
    sum->posted += line.posted;
    sum->answered += line.answered;
    sum->done += line.outcomes[NH_BATTERY_DONE];
    sum->words += line.words;
    sum->wrong += line.wrong_frames;
    sum->crc_errors += s.crc_errors;
    sum->latest_us = line.latest_us > sum->latest_us ? line.latest_us : sum->latest_us;
}

int main(int argc, char **argv)
{
    static _Alignas(16) uint8_t internal[24 * 1024], psram[24 * 1024];
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    struct sum sum = {0};
    char noise[32];
    long runs = argc > 1 ? strtol(argv[1], NULL, 10) : 400;
    need(runs > 0 && runs < 1000000, "RUNS");
    snprintf(noise, sizeof noise, "flip %s", argc > 2 ? argv[2] : "1");
    need(nh_mem_system_create(&cfg, &sys) == NH_OK, "memory");
    need(nh_mem_owner_add(sys, "bench", NULL, &mem) == NH_OK, "memory");
    for (long i = 0; i < runs; i++)
        run(mem, (uint64_t)i, noise, &sum);
    play_end();
    printf("runs of ten minutes                %ld, %s %%\n", runs, noise);
    printf("requests, answered, done           %llu, %llu, %llu (%.1f %%)\n",
           (unsigned long long)sum.posted, (unsigned long long)sum.answered,
           (unsigned long long)sum.done, 100.0 * (double)sum.done / (double)sum.posted);
    printf("latest end of a request            %llu ms\n",
           (unsigned long long)(sum.latest_us / 1000));
    printf("frames refused for their check sum %llu\n", (unsigned long long)sum.crc_errors);
    printf("words taken                        %llu\n", (unsigned long long)sum.words);
    printf("frames taken though damaged        %llu\n", (unsigned long long)sum.wrong);
    return sum.posted == sum.answered ? 0 : 1;
}
