// bench_battery_snapshot.c - what it costs a reader to get the newest snapshot of the pack.
//
//   bench_battery_snapshot [ROUNDS]    a table; standard: 21 rounds
//   bench_battery_snapshot reads N     N reads and no word: for callgrind (instructions.py)
//
// A round is some milliseconds of reads, timed as a whole by the processor time of the thread; the
// figures are the median, the lowest and the highest round. "Beside" has the owner offer values as
// fast as it can, and other tasks read as fast as they can: nobody's case, shown for the bound.

#include "components/battery/battery_model.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUND_NS 4000000u
#define ROUNDS_MAX 201
#define BATCH 64

static _Alignas(16) uint8_t internal[24 * 1024], psram[64 * 1024];
static nh_battery_model_t *model;
static uint32_t is_over;

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct nh_battery_candidate candidate(uint64_t now_ms)
{
    struct nh_battery_candidate c = {.source = NH_BATTERY_FROM_LOCAL,
                                     .generation = 1,
                                     .time_ms = now_ms,
                                     .mask = 1u << NH_BATTERY_VOLTAGE | 1u << NH_BATTERY_CURRENT |
                                             1u << NH_BATTERY_SOC | 1u << NH_BATTERY_CELLS};
    c.values.cell_count = 16;
    for (unsigned i = 0; i < 16; i++)
        c.values.cell_dmv[i] = (uint16_t)(33000 + now_ms % 100 + i);
    c.values.voltage_mv = 52800;
    c.values.current_ma = -12500;
    c.values.soc_mpct = 73250;
    return c;
}

static void open_model(void)
{
    const struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    if (nh_mem_system_create(&cfg, &sys) < 0 || nh_mem_owner_add(sys, "bench", NULL, &mem) < 0 ||
        nh_battery_model_create(&(struct nh_battery_model_config){.mem = mem}, &model) < 0) {
        fprintf(stderr, "bench_battery_snapshot: no memory\n");
        exit(1);
    }
    struct nh_battery_candidate c = candidate(1000);
    NH_IGNORE(nh_battery_model_offer(model, &c, 1000));
}

static double round_ns(void)
{
    struct nh_battery_snapshot s;
    uint64_t start = cpu_ns(), now, reads = 0;
    do {
        for (unsigned i = 0; i < BATCH; i++) {
            nh_battery_model_read(model, &s);
            __asm__ volatile("" : : "r"(&s) : "memory"); // it is wanted
        }
        reads += BATCH;
        now = cpu_ns();
    } while (now - start < ROUND_NS);
    return (double)(now - start) / (double)reads;
}

static double offer_round_ns(uint64_t *now_ms)
{
    uint64_t start = cpu_ns(), now, offers = 0;
    do {
        struct nh_battery_candidate c = candidate(*now_ms += 500);
        NH_IGNORE(nh_battery_model_offer(model, &c, *now_ms));
        offers++;
        now = cpu_ns();
    } while (now - start < ROUND_NS);
    return (double)(now - start) / (double)offers;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void row(const char *name, double *ns, int rounds)
{
    qsort(ns, (size_t)rounds, sizeof ns[0], by_value);
    printf("| %s | %.0f | %.0f to %.0f |\n", name, ns[rounds / 2], ns[0], ns[rounds - 1]);
}

static void *read_on(void *arg)
{
    struct nh_battery_snapshot s;
    (void)arg;
    while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE))
        nh_battery_model_read(model, &s);
    return NULL;
}

static void *write_on(void *arg)
{
    uint64_t now_ms = 1000000;
    (void)arg;
    while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
        struct nh_battery_candidate c = candidate(now_ms += 500);
        NH_IGNORE(nh_battery_model_offer(model, &c, now_ms));
    }
    return NULL;
}

static void table(int rounds)
{
    static double ns[ROUNDS_MAX];
    pthread_t other[2];
    uint64_t now_ms = 2000;
    printf("| snapshot of %zu bytes | ns, median | lowest, highest |\n|---|---:|---:|\n",
           sizeof(struct nh_battery_snapshot));
    for (int i = 0; i < rounds; i++)
        ns[i] = round_ns();
    row("read, nobody beside", ns, rounds);
    for (int i = 0; i < rounds; i++)
        ns[i] = offer_round_ns(&now_ms);
    row("offer (merge, fill, CRC-32, publish)", ns, rounds);
    pthread_create(&other[0], NULL, write_on, NULL);
    pthread_create(&other[1], NULL, read_on, NULL);
    for (int i = 0; i < rounds; i++)
        ns[i] = round_ns();
    row("read, a writer and a reader beside", ns, rounds);
    __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
    pthread_join(other[0], NULL);
    pthread_join(other[1], NULL);
}

int main(int argc, char **argv)
{
    open_model();
    if (argc == 3 && strcmp(argv[1], "reads") == 0) {
        struct nh_battery_snapshot s;
        for (int i = 0; i < atoi(argv[2]); i++)
            nh_battery_model_read(model, &s);
        return 0;
    }
    int rounds = argc > 1 ? atoi(argv[1]) : 21;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "bench_battery_snapshot: 1 to %d rounds\n", ROUNDS_MAX);
        return 2;
    }
    table(rounds);
    return 0;
}
