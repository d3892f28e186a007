// bench_heap - replays one recorded trace against the nuthatch heap and glibc's malloc, side by
// side in one run: time by operation, and what the region looks like afterwards.

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "replay.h"

static const char usage[] =
    "usage: bench_heap [options]\n"
    "Replays a seeded trace of heap operations against the nuthatch heap (heap), the memory "
    "system\n"
    "over it with owners and limits (mem), and glibc's malloc (libc), in turns, in one run.\n"
    "\n"
    "  --pattern NAME  random: each block dies on its own, half of them young (the default);\n"
    "                  hub: requests, sessions and values, groups of blocks that die together\n"
    "  --ops N         operations in the trace (1000000)\n"
    "  --region BYTES  what the heap is given (8388608)\n"
    "  --occupancy PCT of the region in use once the trace has filled it (70)\n"
    "  --seed N        of the trace (1)\n"
    "  --rounds N      turns of each; the least time of each operation counts (5)\n"
    "  --only NAME     empty, heap, mem or libc: one plain replay, for instruction counts\n"
    "  --json          one JSON object on stdout\n"
    "\n"
    "example, instructions: valgrind --tool=callgrind --toggle-collect='replay_heap' \\\n"
    "                       bench_heap --only heap\n";

struct options {
    struct trace_config trace;
    uint32_t rounds;
    int only; // a target, or -1
    bool json;
};

struct result {
    struct replay last;
    uint64_t best_ns; // the fastest whole replay, not timed by operation
    double calm_ns;   // mean over all operations of the least time that each ever took
    // Of allocate, aligned allocate and free. A realloc may copy: its worst stands apart.
    double median_ns, p999_ns, worst_ns, realloc_worst_ns;
};

static int options_parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"ops", 1, NULL, 'n'},  {"region", 1, NULL, 'r'}, {"occupancy", 1, NULL, 'o'},
        {"seed", 1, NULL, 's'}, {"rounds", 1, NULL, 'k'}, {"only", 1, NULL, 'y'},
        {"json", 0, NULL, 'j'}, {"help", 0, NULL, 'h'},   {"pattern", 1, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        const char *arg = optarg ? optarg : "";
        uint64_t n = strtoull(arg, NULL, 0);
        if (c == 'n' && n >= 1000 && n <= 16000000)
            o->trace.op_count = (uint32_t)n;
        else if (c == 'r' && n >= 65536 && n <= 0xfffff000u)
            o->trace.region_bytes = n;
        else if (c == 'o' && n >= 1 && n <= 99)
            o->trace.occupancy_pct = (uint32_t)n;
        else if (c == 's')
            o->trace.seed = n;
        else if (c == 'k' && n >= 1 && n <= 100)
            o->rounds = (uint32_t)n;
        else if (c == 'p' && strcmp(arg, "hub") == 0)
            o->trace.pattern = TRACE_HUB;
        else if (c == 'p' && strcmp(arg, "random") == 0)
            o->trace.pattern = TRACE_RANDOM;
        else if (c == 'j')
            o->json = true;
        else if (c == 'h')
            return 0;
        else if (c == 'y') {
            for (int i = 0; i < REPLAY_TARGET_COUNT; i++)
                if (strcmp(arg, replay_name((enum replay_target)i)) == 0)
                    o->only = i;
            if (o->only < 0)
                return 2;
        } else
            return 2;
    }
    return optind == argc ? -1 : 2;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

// Ticks that two readings of the clock take with nothing between them.
static uint32_t clock_cost(void)
{
    uint32_t least = UINT32_MAX;
    for (int i = 0; i < 100000; i++) {
        uint64_t start = replay_ticks();
        uint64_t ticks = replay_ticks() - start;
        least = ticks < least ? (uint32_t)ticks : least;
    }
    return least;
}

// Sorts out what was not made (its allocation had been refused) and, as told, reallocs or all else.
static uint32_t pick(const struct trace *t, const uint32_t *per_op, bool reallocs, uint32_t *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < t->op_count; i++)
        if (per_op[i] != UINT32_MAX && (t->ops[i].kind == TRACE_REALLOC) == reallocs)
            out[count++] = per_op[i];
    qsort(out, count, sizeof *out, by_value);
    return count;
}

static double ticks_to_ns(uint32_t ticks)
{
    static double per_ns;
    static uint32_t cost;
    if (per_ns == 0) {
        per_ns = replay_ticks_per_ns();
        cost = clock_cost();
    }
    return (ticks > cost ? ticks - cost : 0) / per_ns;
}

static int percentiles(struct result *res, const struct trace *t, const uint32_t *per_op)
{
    uint32_t *sorted = malloc(t->op_count * sizeof *sorted);
    if (!sorted)
        return -1;
    uint32_t count = pick(t, per_op, true, sorted);
    double total = 0;
    for (uint32_t i = 0; i < t->op_count; i++)
        total += per_op[i] != UINT32_MAX ? ticks_to_ns(per_op[i]) : 0;
    res->calm_ns = total / t->op_count;
    res->realloc_worst_ns = count ? ticks_to_ns(sorted[count - 1]) : 0;
    count = pick(t, per_op, false, sorted);
    if (count) {
        res->median_ns = ticks_to_ns(sorted[count / 2]);
        res->p999_ns = ticks_to_ns(sorted[(uint64_t)count * 999 / 1000]);
        res->worst_ns = ticks_to_ns(sorted[count - 1]);
    }
    free(sorted);
    return 0;
}

// All targets in turns, so that what else the machine does hits each alike.
static int measure(const struct trace *t, const struct options *o, struct replay *r,
                   struct result res[REPLAY_TARGET_COUNT])
{
    uint32_t *per_op[REPLAY_TARGET_COUNT];
    uint32_t *times = malloc(REPLAY_TARGET_COUNT * (size_t)t->op_count * sizeof *times);
    if (!times)
        return -1;
    memset(times, 0xff, REPLAY_TARGET_COUNT * (size_t)t->op_count * sizeof *times);
    for (int i = 0; i < REPLAY_TARGET_COUNT; i++) {
        per_op[i] = times + (size_t)i * t->op_count;
        res[i].best_ns = UINT64_MAX;
    }
    for (uint32_t round = 0; round < o->rounds; round++)
        for (int i = 0; i < REPLAY_TARGET_COUNT; i++) {
            replay_run((enum replay_target)i, t, r, per_op[i]);
            replay_run((enum replay_target)i, t, r, NULL);
            res[i].last = *r;
            res[i].best_ns = r->total_ns < res[i].best_ns ? r->total_ns : res[i].best_ns;
        }
    int err = 0;
    for (int i = 0; i < REPLAY_TARGET_COUNT; i++) {
        err |= percentiles(&res[i], t, per_op[i]);
    }
    free(times);
    return err;
}

static double mean_ns(const struct result *res, const struct result *empty, const struct trace *t)
{
    return (double)(res->best_ns - empty->best_ns) / t->op_count;
}

static const char *pattern_name(const struct options *o)
{
    return o->trace.pattern == TRACE_HUB ? "hub" : "random";
}

static void print_text(const struct trace *t, const struct options *o, const struct result *res)
{
    printf("trace %s: %u operations (%u alloc, %u aligned, %u realloc, %u free), seed %llu\n",
           pattern_name(o), t->op_count, t->kind_count[TRACE_ALLOC], t->kind_count[TRACE_ALIGNED],
           t->kind_count[TRACE_REALLOC], t->kind_count[TRACE_FREE],
           (unsigned long long)o->trace.seed);
    printf("region: %llu bytes; held at the end: %u blocks, %llu bytes asked for\n\n",
           (unsigned long long)o->trace.region_bytes, t->live_count,
           (unsigned long long)t->live_bytes);
    printf("%-5s %8s %8s %9s %8s %9s %10s %7s %11s %9s %10s %8s\n", "", "mean ns", "calm ns",
           "median ns", "p99.9 ns", "worst ns", "realloc ns", "failed", "bytes held", "overhead",
           "largest", "of free");
    for (int i = REPLAY_HEAP; i < REPLAY_TARGET_COUNT; i++) {
        const struct replay *r = &res[i].last;
        printf("%-5s %8.1f %8.1f %9.1f %8.1f %9.1f %10.1f %7u %11zu %8.1f%%", replay_name(i),
               mean_ns(&res[i], &res[REPLAY_EMPTY], t), res[i].calm_ns, res[i].median_ns,
               res[i].p999_ns, res[i].worst_ns, res[i].realloc_worst_ns, r->failed_count,
               r->held_bytes, 100.0 * (double)r->held_bytes / (double)t->live_bytes - 100.0);
        if (i != REPLAY_LIBC)
            printf(" %10zu %7.1f%%", r->largest_bytes,
                   100.0 * (double)r->largest_bytes / (double)r->free_bytes);
        printf("\n");
    }
    printf(
        "\nmean: all operations, processor time of the fastest replay of %u, less the empty loop.\n"
        "Others: each operation's least time of %u rounds, less the clock, so that interrupts do\n"
        "not count. calm: mean of all; median, p99.9, worst: allocate and free; realloc: its "
        "worst,\n"
        "which copies.\n",
        o->rounds, o->rounds);
    printf("heap / libc: mean %.2f, calm %.2f\n",
           mean_ns(&res[REPLAY_HEAP], &res[REPLAY_EMPTY], t) /
               mean_ns(&res[REPLAY_LIBC], &res[REPLAY_EMPTY], t),
           res[REPLAY_HEAP].calm_ns / res[REPLAY_LIBC].calm_ns);
}

static void print_json(const struct trace *t, const struct options *o, const struct result *res)
{
    printf(
        "{\"pattern\":\"%s\",\"ops\":%u,\"region_bytes\":%llu,\"occupancy_pct\":%u,\"seed\":%llu,"
        "\"live_blocks\":%u,\"live_bytes\":%llu",
        pattern_name(o), t->op_count, (unsigned long long)o->trace.region_bytes,
        o->trace.occupancy_pct, (unsigned long long)o->trace.seed, t->live_count,
        (unsigned long long)t->live_bytes);
    for (int i = REPLAY_HEAP; i < REPLAY_TARGET_COUNT; i++) {
        const struct replay *r = &res[i].last;
        printf(",\"%s\":{\"mean_ns\":%.2f,\"calm_ns\":%.2f,\"median_ns\":%.2f,\"p999_ns\":%.2f,"
               "\"worst_ns\":%.2f,"
               "\"realloc_worst_ns\":%.2f,\"failed_count\":%u,\"held_bytes\":%zu",
               replay_name(i), mean_ns(&res[i], &res[REPLAY_EMPTY], t), res[i].calm_ns,
               res[i].median_ns, res[i].p999_ns, res[i].worst_ns, res[i].realloc_worst_ns,
               r->failed_count, r->held_bytes);
        if (i != REPLAY_LIBC)
            printf(",\"free_bytes\":%zu,\"largest_free_bytes\":%zu", r->free_bytes,
                   r->largest_bytes);
        printf("}");
    }
    printf("}\n");
}

static int bench(const struct trace *t, const struct options *o, struct replay *r)
{
    struct result res[REPLAY_TARGET_COUNT] = {0};
    memset(r->region, 0, r->region_bytes); // the chip's memory is there from the start
    if (o->only >= 0) {
        replay_run((enum replay_target)o->only, t, r, NULL);
        return 0;
    }
    if (measure(t, o, r, res))
        return 1;
    if (o->json)
        print_json(t, o, res);
    else
        print_text(t, o, res);
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {
        .trace = {.op_count = 1000000,
                  .region_bytes = 8388608,
                  .occupancy_pct = 70,
                  .seed = 1,
                  .pattern = TRACE_RANDOM},
        .rounds = 5,
        .only = -1,
    };
    int rc = options_parse(argc, argv, &o);
    if (rc >= 0) {
        fputs(usage, rc ? stderr : stdout);
        return rc;
    }
    struct trace t;
    if (trace_init(&t, &o.trace)) {
        fputs("bench_heap: no memory for the trace\n", stderr);
        return 1;
    }
    struct replay r = {.region_bytes = o.trace.region_bytes};
    r.slots = calloc(t.slot_count, sizeof *r.slots);
    r.region =
        mmap(NULL, r.region_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    rc = r.slots && r.region != MAP_FAILED ? bench(&t, &o, &r) : 1;
    if (r.region != MAP_FAILED)
        munmap(r.region, r.region_bytes);
    free(r.slots);
    trace_deinit(&t);
    return rc;
}
