// bench_battery_line.c - what the worker adds to an exchange with the board, and what a post costs.
//
//   bench_battery_line [EXCHANGES]    a table; standard: 1000 of each
//
// The board is at the other end of a pseudo terminal, on a thread that keeps the times of the wire
// at 115,200 baud (10.9 ms for the live image). Beside the worker stands the bare exchange: write,
// read until all is there, no queue, no parser, no other task; the two take turns of 50, so that
// what else the machine does falls on both. "Over the board" is what remains when the time from the
// board's first look at the request to its answer is taken away: the scheduler's delays at the
// board's end are not the hub's. Processor time says what is left on a machine that is idle.

#include "components/battery/battery.h"
#include "components/battery/battery_worker.h"
#include "support/pty_board.h"

#include <stdio.h>
#include <sys/mman.h>
#include <uv.h>

#define TURN 50
#define SAMPLE_MAX 100000
#define REGISTERS 56
#define FRAME_BYTES (2 * REGISTERS + 5)

static struct pty_board peer;
static nh_mem_system_t *sys;
static nh_mem_t *mem;
static nh_battery_worker_t *worker;
static nh_notify_t *woken;

static void die(const char *what)
{
    fprintf(stderr, "bench_battery_line: %s\n", what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// ---- figures

struct row {
    const char *name, *unit;
    double values[SAMPLE_MAX];
    size_t count;
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double quantile(struct row *r, double q)
{
    qsort(r->values, r->count, sizeof r->values[0], by_size);
    size_t i = (size_t)(q * (double)r->count);
    return r->count ? r->values[i < r->count ? i : r->count - 1] : 0;
}

static void add(struct row *r, double value)
{
    if (r->count < SAMPLE_MAX)
        r->values[r->count++] = value;
}

static void print(struct row *r)
{
    printf("| %s | %s | %.2f | %.2f | %.2f |\n", r->name, r->unit, quantile(r, 0.5),
           quantile(r, 0.99), quantile(r, 1));
}

// Of this process without the board's thread: what the exchanges themselves took, whatever else
// ran.
static double cpu_us(void)
{
    struct timespec all, board;
    clockid_t clock;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &all);
    if (pthread_getcpuclockid(peer.thread, &clock) || clock_gettime(clock, &board))
        die("no clock of the board's thread");
    return (double)(all.tv_sec - board.tv_sec) * 1e6 + (double)(all.tv_nsec - board.tv_nsec) / 1e3;
}

// ---- exchanges

static double board_us(void)
{
    pthread_mutex_lock(&peer.lock);
    uint64_t us = peer.answered_us - peer.heard_us;
    pthread_mutex_unlock(&peer.lock);
    return (double)us;
}

static double bare_us(nh_serial_t *s)
{
    static const uint8_t request[] = {0xAA, 0x03, 0, 0, 0, 0x38, 0x5D, 0xC3};
    uint8_t in[FRAME_BYTES];
    size_t have = 0;
    uint64_t start = now_ns();
    if (nh_serial_write(s, request, sizeof request, 1000) < 0)
        die("the line is closed");
    while (have < sizeof in) {
        int n = nh_serial_read(s, in + have, sizeof in - have, 1000);
        if (n < 0)
            die("the board does not answer");
        have += (size_t)n;
    }
    return (double)(now_ns() - start) / 1000;
}

static double asked_us(void)
{
    const struct nh_battery_request r = {
        .kind = NH_BATTERY_READ, .priority = NH_BATTERY_PRIO_USER, .count = REGISTERS};
    struct nh_battery_reply reply;
    uint64_t start = now_ns();
    if (nh_battery_worker_ask(worker, &r, 5000, &reply) < 0 || reply.outcome != NH_BATTERY_DONE)
        die("a request was not answered");
    return (double)(now_ns() - start) / 1000;
}

static void wake(void *ctx)
{
    (void)ctx;
    nh_notify_post(woken);
}

static void open_worker(void)
{
    const struct nh_battery_worker_config cfg = {
        .mem = mem, .sys = sys, .path = peer.path, .wake = wake};
    if (nh_battery_worker_create(&cfg, &worker) < 0 || nh_battery_worker_start(worker) < 0)
        die("no worker");
    struct nh_battery_reply reply = {.outcome = NH_BATTERY_LOST};
    const struct nh_battery_request r = {.kind = NH_BATTERY_READ, .count = 1};
    while (reply.outcome != NH_BATTERY_DONE) // cancelled until the line is open
        if (nh_battery_worker_ask(worker, &r, 5000, &reply) < 0)
            die("the board does not answer");
}

static struct row bare = {.name = "bare exchange of 56 registers", .unit = "us"};
static struct row bare_over = {.name = "bare, over the board", .unit = "us"};
static struct row asked = {.name = "the same by the worker", .unit = "us"};
static struct row asked_over = {.name = "worker, over the board", .unit = "us"};

static struct row bare_cpu = {.name = "bare, processor time", .unit = "us"};
static struct row asked_cpu = {.name = "worker, processor time, both tasks", .unit = "us"};

static void turn(void)
{
    const struct nh_serial_config cfg = {.path = peer.path, .baud = 115200};
    nh_serial_t *s;
    if (nh_serial_open(mem, &cfg, &s) < 0)
        die("the line cannot be opened");
    for (int i = 0; i < TURN; i++) {
        double cpu = cpu_us(), us = bare_us(s);
        add(&bare_cpu, cpu_us() - cpu);
        add(&bare, us);
        add(&bare_over, us - board_us());
    }
    nh_serial_close(s);
    open_worker();
    for (int i = 0; i < TURN; i++) {
        double cpu = cpu_us(), us = asked_us();
        add(&asked_cpu, cpu_us() - cpu);
        add(&asked, us);
        add(&asked_over, us - board_us());
    }
    nh_battery_worker_destroy(worker);
}

// ---- posts

// Processor time of this task alone, without that of the look at the clock: on a machine that does
// other things too, who wakes somebody is often put aside for him.
static uint64_t own_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double own_us_since(uint64_t start)
{
    static uint64_t look = UINT64_MAX;
    uint64_t ns = own_ns() - start;
    if (look == UINT64_MAX) {
        uint64_t best = UINT64_MAX;
        for (int k = 0; k < 1000; k++) {
            uint64_t a = own_ns(), b = own_ns();
            best = b - a < best ? b - a : best;
        }
        look = best;
    }
    return ns > look ? (double)(ns - look) / 1000 : 0;
}

static struct row idle_post = {.name = "post and wake-up, the task asleep", .unit = "us"};
static struct row busy_post = {.name = "post, an exchange under way", .unit = "us"};
static unsigned done_count;

static void on_done(void *ctx, const struct nh_battery_reply *r)
{
    (void)ctx;
    (void)r;
    done_count++;
}

static void post_timed(struct row *row)
{
    const struct nh_battery_request r = {.kind = NH_BATTERY_READ, .count = 4, .done = on_done};
    uint64_t start = own_ns();
    int err = nh_battery_worker_post(worker, &r, NULL);
    double us = own_us_since(start);
    if (err < 0)
        die("a post was refused");
    add(row, us);
}

static void wait_for(unsigned count)
{
    struct nh_battery_worker_news news;
    while (done_count < count) {
        NH_IGNORE(nh_notify_wait(woken, 1000));
        nh_battery_worker_drain(worker, &news);
    }
}

// The caller is in the middle of its work, and the other task asleep.
static void work(void)
{
    for (uint64_t end = now_ns() + 2000000; now_ns() < end;)
        continue;
}

// What the machine takes to wake a task that sleeps at a file, and nothing else.
static struct row bare_wake = {.name = "bare wake-up of such a task", .unit = "us"};
static int wake_fds[2];

static void *sleeper(void *arg)
{
    uint64_t count;
    struct pollfd p = {.fd = wake_fds[0], .events = POLLIN};
    const uint64_t one = 1;
    (void)arg;
    while (poll(&p, 1, -1) > 0 && read(wake_fds[0], &count, sizeof count) > 0 && count < 1000)
        NH_IGNORE(write(wake_fds[1], &one, sizeof one));
    return NULL;
}

static void wakes(unsigned rounds)
{
    const uint64_t one = 1, end = 1000;
    uint64_t count;
    pthread_t thread;
    wake_fds[0] = eventfd(0, EFD_CLOEXEC);
    wake_fds[1] = eventfd(0, EFD_CLOEXEC);
    pthread_create(&thread, NULL, sleeper, NULL);
    for (unsigned i = 0; i < rounds; i++) {
        work();
        uint64_t start = own_ns();
        NH_IGNORE(write(wake_fds[0], &one, sizeof one));
        add(&bare_wake, own_us_since(start));
        NH_IGNORE(read(wake_fds[1], &count, sizeof count));
    }
    NH_IGNORE(write(wake_fds[0], &end, sizeof end));
    pthread_join(thread, NULL);
}

// As a page does: one request, and some more while the first is on the line.
static void posts(unsigned rounds)
{
    open_worker();
    for (unsigned i = 0; i < rounds; i++) {
        unsigned before = done_count;
        work();
        post_timed(&idle_post);
        for (int k = 0; k < 8; k++)
            post_timed(&busy_post);
        wait_for(before + 9);
    }
    nh_battery_worker_destroy(worker);
}

// The same by the owner, as pages do it: on the loop's task, which wakes the other one when it has
// done what it is at.
static struct row owner_post = {.name = "nh_battery_post, the task asleep", .unit = "us"};

static void owner_posts(unsigned rounds)
{
    const struct nh_battery_request r = {.kind = NH_BATTERY_READ, .count = 4, .done = on_done};
    struct nh_battery_config cfg = {
        .mem = mem, .sys = sys, .path = peer.path, .poll_ms = 60000, .slow_ms = 60000};
    nh_battery_t *battery;
    if (nh_loop_create(mem, &cfg.loop) < 0 ||
        nh_sched_create(&(struct nh_sched_config){.mem = mem}, &cfg.sched) < 0 ||
        nh_battery_create(&cfg, &battery) < 0 || nh_battery_start(battery) < 0)
        die("no owner");
    for (unsigned i = 0; i < rounds; i++) {
        unsigned before = done_count;
        work();
        uint64_t start = own_ns();
        int err = nh_battery_post(battery, &r, NULL);
        add(&owner_post, own_us_since(start));
        while (err == 0 && done_count == before) {
            nh_sched_run(cfg.sched, nh_clock_ms()); // as the loop does before it sleeps
            uv_run(nh_loop_native(cfg.loop), UV_RUN_NOWAIT);
        }
    }
    nh_battery_destroy(battery);
    nh_sched_destroy(cfg.sched);
    nh_loop_destroy(cfg.loop);
}

// ---- bytes

static uint64_t wire_bytes(void)
{
    struct nh_battery_statistics s;
    nh_battery_worker_statistics(worker, &s);
    return s.bytes_in + s.bytes_out;
}

static uint64_t settled_bytes(void)
{
    uint64_t a, b = wire_bytes();
    struct timespec t = {.tv_nsec = 2000000};
    do { // the figures are told once a turn of the task
        a = b;
        nanosleep(&t, NULL);
        b = wire_bytes();
    } while (a != b);
    return b;
}

// Each live register with something in it by the smallest frame there is, 0x07; then by one block.
static void bytes(void)
{
    struct nh_battery_reply reply;
    open_worker();
    uint64_t start = settled_bytes();
    for (uint16_t i = 0; i < REGISTERS; i++) {
        if ((i >= 16 && i < 32) || i == 49)
            continue;
        const struct nh_battery_request one = {
            .kind = NH_BATTERY_RAW, .option = NH_TINYBMS_READ_BLOCK, .address = i, .count = 1};
        if (nh_battery_worker_ask(worker, &one, 5000, &reply) < 0)
            die("a single read was not answered");
    }
    uint64_t single = settled_bytes() - start;
    asked_us();
    uint64_t block = settled_bytes() - start - single;
    printf("\n| the live image | bytes on the wire |\n|---|---:|\n");
    printf("| 39 single reads | %llu |\n| one block | %llu |\n| ratio | %.1f |\n",
           (unsigned long long)single, (unsigned long long)block, (double)single / (double)block);
    struct nh_mem_task_info task;
    struct nh_mem_owner_info own;
    if (nh_mem_task_list(sys, &task, 1) == 1 && nh_mem_owner_info(sys, 1, &own) == 0)
        printf(
            "\nthe task used %zu bytes of stack here and declares %zu; the worker holds %zu bytes "
            "internal, %zu PSRAM\n",
            task.stack_bytes - task.stack_margin_bytes, task.chip_stack_bytes,
            own.tier[NH_MEM_INTERNAL].current_bytes, own.tier[NH_MEM_PSRAM].current_bytes);
    nh_battery_worker_destroy(worker);
}

static void open_memory(nh_lock_t *lock)
{
    struct nh_mem_system_config cfg = {0};
    const size_t size = NH_MIB(1);
    if (nh_lock_create(lock) < 0)
        die("no lock");
    cfg.lock = *lock;
    for (int i = 0; i < NH_MEM_TIER_COUNT; i++)
        cfg.region[i] = (struct nh_mem_region){
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), size};
    if (nh_mem_system_create(&cfg, &sys) < 0 || nh_mem_owner_add(sys, "bench", NULL, &mem) < 0 ||
        nh_notify_create(mem, &woken) < 0)
        die("no memory");
}

int main(int argc, char **argv)
{
    nh_lock_t lock;
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
    open_memory(&lock);
    line_board_init(&peer.board);
    if (!pty_board_start(&peer))
        die("no pseudo terminal");
    for (unsigned i = 0; i < count; i += TURN)
        turn();
    posts(count / 2);
    owner_posts(count / 2);
    wakes(count / 2);
    printf("| case | unit | median | p99 | worst |\n|---|---|---:|---:|---:|\n");
    struct row *const rows[] = {&bare,      &asked,      &bare_over, &asked_over, &bare_cpu,
                                &asked_cpu, &owner_post, &idle_post, &bare_wake,  &busy_post};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        print(rows[i]);
    printf("\nworker over bare: median %+.3f ms, p99 %+.3f ms, ratio of medians %.3f\n",
           (quantile(&asked_over, 0.5) - quantile(&bare_over, 0.5)) / 1000,
           (quantile(&asked_over, 0.99) - quantile(&bare_over, 0.99)) / 1000,
           quantile(&asked, 0.5) / quantile(&bare, 0.5));
    bytes();
    pty_board_stop(&peer);
    return 0;
}
