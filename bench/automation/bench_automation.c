// bench_automation.c - what instances of scenarios cost that mostly wait: bytes for each, the time
// from a start to its first step beside them, and the cost of a wake-up.
//
//   bench_automation [WHAT] [N] [WAITING]
//     WHAT: all, bytes, latency, timer, flag, event, start. N: how often; WAITING: how many wait
//     beside it, standard 10000. instructions.py counts the instructions of the last four.
//
// Figures of memory are those of the owner, headers of blocks included.

#include "components/automation/automation.h"
#include "platform/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define INTERNAL_BYTES NH_MIB(1)
#define PSRAM_BYTES NH_MIB(512)
#define WAITING_STANDARD 10000u

static nh_mem_system_t *sys;
static nh_mem_t *mem;
static nh_automation_t *a;
static nh_device_set_t *set;
static uint64_t now_ms = 1000, publish_count, published_ns;

static void die(const char *what)
{
    fprintf(stderr, "bench_automation: %s\n", what);
    exit(1);
}

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct nh_mem_owner_info owner(void)
{
    struct nh_mem_owner_info info;
    for (size_t i = 0; nh_mem_owner_info(sys, i, &info) == NH_OK; i++)
        if (strcmp(info.name, "automation") == 0)
            return info;
    die("no owner");
    return info;
}

static size_t bytes_now(void)
{
    struct nh_mem_owner_info info = owner();
    return info.tier[0].current_bytes + info.tier[1].current_bytes;
}

static uint64_t allocs_now(void)
{
    struct nh_mem_owner_info info = owner();
    return info.tier[0].alloc_count + info.tier[1].alloc_count;
}

static int on_publish(void *ctx, const struct nh_automation_publish *m)
{
    (void)ctx;
    (void)m;
    publish_count++;
    published_ns = clock_ns(CLOCK_MONOTONIC);
    return NH_OK;
}

// ---- a room -------------------------------------------------------------------------------------

#define SCENARIO(id, steps) "      - {id: " id ", mode: parallel, max: 1000, steps: [" steps "]}\n"
// `max` is at most 1000 a scenario, so the waiting ones are spread over a hundred of them.
#define SPREAD 110

static char *yaml;

static void add(const char *text)
{
    strcat(yaml, text);
}

static void add_scenarios(void)
{
    char text[512];
    for (int i = 0; i < SPREAD; i++) {
        snprintf(text, sizeof text,
                 "      - {id: delay%d, mode: parallel, max: 1000, steps: [{type: delay, delay_ms: "
                 "1000000, delay_max_ms: 100000000}, {type: nop}]}\n",
                 i);
        add(text);
        snprintf(
            text, sizeof text,
            "      - {id: flag%d, mode: parallel, max: 1000, steps: [{type: wait_flags, wait: "
            "{requirements: [{flag: f%d}]}}, {type: nop}]}\n"
            "      - {id: event%d, mode: parallel, max: 1000, steps: [{type: wait_event, topic: "
            "e/%d}, {type: nop}]}\n",
            i, i, i, i);
        add(text);
    }
    add(SCENARIO("first", "{type: mqtt_publish, topic: a}"));
    add(SCENARIO("two", "{type: wait_flags, wait: {requirements: [{flag: x}, {flag: y}]}}"));
    add(SCENARIO("nested",
                 "{type: if, conditions: [], then: [{type: repeat, count: 2, steps: [{type: if, "
                 "conditions: [], then: [{type: delay, delay_ms: 1000000}]}]}]}"));
    add("      - {id: pong, mode: parallel, max: 1000, steps: [{type: repeat, while: [{type: "
        "expression, expression: 'true'}], steps: [{type: wait_flags, wait: {requirements: [{flag: "
        "ping}]}}, {type: set_flag, flag: ping, value: false}]}]}\n"
        "      - {id: heard, mode: parallel, max: 1000, steps: [{type: repeat, while: [{type: "
        "expression, expression: 'true'}], steps: [{type: wait_event, topic: ping}]}]}\n"
        "      - {id: clock, mode: parallel, max: 1000, steps: [{type: repeat, while: [{type: "
        "expression, expression: 'true'}], steps: [{type: delay, delay_ms: 1}]}]}\n");
}

static void compile(void)
{
    struct nh_device_limits limits = nh_device_limits_standard;
    nh_device_compiler_t *c;
    struct nh_yaml_error e;
    limits.scenario_max_count = 1000;
    const struct nh_device_compiler_config cfg = {.mem = mem, .limits = &limits};
    yaml = calloc(1, 1024 * 1024);
    if (!yaml)
        die("no memory");
    add("schema: 2\ndevices:\n  - id: d\n    scenarios:\n");
    add_scenarios();
    if (nh_device_compiler_create(&cfg, &c) < 0)
        die("no compiler");
    if (nh_yaml_read(yaml, strlen(yaml), nh_device_compiler_yaml, c, &e) < 0) {
        fprintf(stderr, "%u:%u %s\n", (unsigned)e.line, (unsigned)e.column, e.text);
        die("the room is no YAML");
    }
    if (nh_device_compiler_end(c, &set) < 0)
        die("the room is not valid");
    nh_device_compiler_destroy(c);
    free(yaml);
}

static void begin(void)
{
    void *internal =
        mmap(NULL, INTERNAL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *psram =
        mmap(NULL, PSRAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (internal == MAP_FAILED || psram == MAP_FAILED)
        die("no memory");
    const struct nh_mem_system_config system = {
        .region = {{internal, INTERNAL_BYTES}, {psram, PSRAM_BYTES}}};
    const struct nh_automation_limits limits = {.instance_max_count = 200000,
                                                .publish_max_per_s = 1000000000,
                                                .call_max_turns = 1000000000,
                                                .flood_max_count = 1000000000};
    if (nh_mem_system_create(&system, &sys) < 0 ||
        nh_mem_owner_add(sys, "automation", NULL, &mem) < 0)
        die("no memory");
    compile();
    const struct nh_automation_config cfg = {
        .mem = mem, .limits = &limits, .out = {.publish = on_publish}, .seed = 1, .now_ms = now_ms};
    if (nh_automation_create(&cfg, &a) < 0 ||
        nh_automation_devices_set(a, set, NH_AUTOMATION_KEEP, now_ms, NULL, NULL) < 0)
        die("no automation");
}

static nh_span_t span(const char *text)
{
    return (nh_span_t){(const uint8_t *)text, strlen(text)};
}

static void start(const char *scenario)
{
    const struct nh_automation_run r = {.device = span("d"), .scenario = span(scenario)};
    if (nh_automation_run(a, &r, now_ms) < 0)
        die("it does not start");
}

static void start_many(const char *prefix, uint32_t count)
{
    char id[32];
    for (uint32_t i = 0; i < count; i++) {
        snprintf(id, sizeof id, "%s%u", prefix, (unsigned)(i % SPREAD));
        start(id);
    }
}

// ---- bytes --------------------------------------------------------------------------------------

static void bytes_of(const char *what, const char *prefix, bool is_spread, uint32_t count)
{
    if (!is_spread) // its trace and its flags are there already
        start(prefix);
    else
        start_many(prefix, SPREAD);
    size_t before = bytes_now();
    if (is_spread)
        start_many(prefix, count);
    else
        for (uint32_t i = 0; i < count; i++)
            start(prefix);
    printf("%-32s %6.1f B each of %u\n", what, (double)(bytes_now() - before) / count,
           (unsigned)count);
    (void)nh_automation_cancel_all(a, NH_ORIGIN_CLI, now_ms);
}

static void bench_bytes(uint32_t waiting)
{
    bytes_of("waits for time", "delay", true, waiting);
    bytes_of("waits for a flag", "flag", true, waiting);
    bytes_of("waits for a message", "event", true, waiting);
    bytes_of("waits for two flags", "two", false, 900);
    bytes_of("waits for time, 4 deep", "nested", false, 900);
}

// ---- a start beside those that wait -------------------------------------------------------------

static int by_size(const void *x, const void *y)
{
    uint64_t p = *(const uint64_t *)x, q = *(const uint64_t *)y;
    return p < q ? -1 : p > q;
}

static void bench_latency(uint32_t n, uint32_t waiting)
{
    uint64_t *ns = calloc(n, sizeof *ns);
    if (!ns)
        die("no memory");
    start_many("delay", waiting / 3);
    start_many("flag", waiting / 3);
    start_many("event", waiting / 3);
    uint64_t allocs = allocs_now();
    for (uint32_t i = 0; i < n; i++) {
        uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC);
        start("first");
        ns[i] = published_ns - begin_ns;
    }
    qsort(ns, n, sizeof *ns, by_size);
    uint32_t half = n / 2, p99 = (uint32_t)((uint64_t)n * 99 / 100);
    printf("start to first step, %u wait: median %.2f us, p99 %.2f us, most %.2f us, %.1f "
           "allocations each of %u\n",
           (unsigned)waiting, ns[half] / 1e3, ns[p99] / 1e3, ns[n - 1] / 1e3,
           (double)(allocs_now() - allocs) / n, (unsigned)n);
    free(ns);
    (void)nh_automation_cancel_all(a, NH_ORIGIN_CLI, now_ms);
}

// ---- wake-ups -----------------------------------------------------------------------------------

static uint64_t steps_now(void)
{
    struct nh_automation_info info;
    nh_automation_info(a, &info);
    return info.steps;
}

// One instance that wakes again and again beside those that wait for the same kind of thing.
static void bench_wake(const char *what, uint32_t n, uint32_t waiting)
{
    const struct nh_automation_message m = {.topic = span("ping"), .payload = span("x")};
    bool is_timer = strcmp(what, "timer") == 0, is_flag = strcmp(what, "flag") == 0;
    start_many(is_timer ? "delay" : what, waiting);
    start(is_timer ? "clock" : is_flag ? "pong" : "heard");
    uint64_t steps = steps_now(), begin_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t allocs = allocs_now();
    for (uint32_t i = 0; i < n; i++) {
        if (is_timer)
            nh_automation_tick(a, ++now_ms);
        else if (is_flag)
            NH_IGNORE(nh_automation_flag_set(a, span("ping"), true, NH_ORIGIN_CLI, now_ms));
        else
            nh_automation_message(a, &m, now_ms);
    }
    uint64_t ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin_ns;
    if (steps_now() - steps < n)
        die("it did not wake each time");
    printf("woken by %s, %u wait: %.0f ns, %.1f allocations (%u)\n", what, (unsigned)waiting,
           (double)ns / n, (double)(allocs_now() - allocs) / n, (unsigned)n);
    (void)nh_automation_cancel_all(a, NH_ORIGIN_CLI, now_ms);
}

static void bench_start(uint32_t n, uint32_t waiting)
{
    start_many("delay", waiting);
    for (uint32_t i = 0; i < n; i++)
        start("first");
    printf("started (%u)\n", (unsigned)n);
    (void)nh_automation_cancel_all(a, NH_ORIGIN_CLI, now_ms);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "all";
    uint32_t n = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 20000;
    uint32_t waiting = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : WAITING_STANDARD;
    static const char *const wakes[] = {"timer", "flag", "event"};
    bool is_all = strcmp(what, "all") == 0;
    begin();
    if (is_all || strcmp(what, "bytes") == 0)
        bench_bytes(waiting);
    if (is_all || strcmp(what, "latency") == 0)
        bench_latency(n, waiting);
    for (size_t i = 0; i < NH_ARRAY_LEN(wakes); i++)
        if (is_all || strcmp(what, wakes[i]) == 0)
            bench_wake(wakes[i], n, waiting);
    if (strcmp(what, "start") == 0)
        bench_start(n, waiting);
    nh_automation_destroy(a);
    nh_device_set_unref(set);
    return 0;
}
