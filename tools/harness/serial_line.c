#include "harness/run.h"

#include "core/base/atomic.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKS_MAX_COUNT 65536
#define REOPEN_US 300000
#define SLICE_MS 100

// ---- the serial task ---------------------------------------------------------------------------

static void take_bytes(struct nh_harness_run *r, struct nh_harness_split *split,
                       const uint8_t *bytes, size_t len)
{
    const char *text;
    while ((text = nh_harness_split_next(split, &bytes, &len))) {
        struct nh_harness_line line;
        nh_harness_line_parse(text, &line);
        nh_harness_write_line(r, nh_harness_now_us(), text, &line);
        if (r->o->echo_serial)
            printf("%s\n", text);
        if (line.marks)
            NH_IGNORE(nh_queue_put(r->marks, &line.marks)); // full: 65536 heartbeats unread
    }
}

// A USB device goes away when it reboots and comes again: it is opened anew, as often as needed.
static void line_reopen(struct nh_harness_run *r)
{
    const struct nh_serial_config cfg = {.path = r->serial_path, .baud = r->o->baud};
    nh_serial_close(r->serial);
    r->serial = NULL;
    usleep(REOPEN_US);
    NH_IGNORE(nh_serial_open(r->mem, &cfg, &r->serial)); // not yet: the next try
}

static void serial_run(void *ctx)
{
    struct nh_harness_run *r = ctx;
    struct nh_harness_split split = {0};
    uint8_t bytes[4096];
    while (!nh_atomic_load_u32(&r->stop_serial)) {
        int n =
            r->serial ? nh_serial_read(r->serial, bytes, sizeof bytes, SLICE_MS) : NH_ERR_CLOSED;
        if (n > 0)
            take_bytes(r, &split, bytes, (size_t)n);
        else if (n != NH_ERR_TIMEOUT)
            line_reopen(r);
    }
    if (split.len > 0) // what was said when the run ended, without its end
        take_bytes(r, &split, (const uint8_t *)"\n", 1);
}

// ---- for the main task -------------------------------------------------------------------------

// "auto": the first of the usual names that is there.
static bool find_path(struct nh_harness_run *r)
{
    static const char *const usual[] = {"/dev/ttyACM0", "/dev/ttyUSB0"};
    struct stat st;
    if (strcmp(r->o->serial, "auto") != 0) {
        snprintf(r->serial_path, sizeof r->serial_path, "%s", r->o->serial);
        return true;
    }
    for (size_t i = 0; i < NH_ARRAY_LEN(usual); i++) {
        snprintf(r->serial_path, sizeof r->serial_path, "%s", usual[i]);
        if (stat(r->serial_path, &st) == 0)
            return true;
    }
    r->serial_path[0] = 0;
    return false;
}

int nh_harness_serial_start(struct nh_harness_run *r)
{
    if (strcmp(r->o->serial, "none") == 0) {
        snprintf(r->serial_path, sizeof r->serial_path, "none");
        return NH_OK;
    }
    if (!find_path(r))
        return NH_ERR_NOT_FOUND;
    const struct nh_serial_config cfg = {.path = r->serial_path, .baud = r->o->baud};
    int err = nh_serial_open(r->mem, &cfg, &r->serial);
    if (!err)
        err = nh_queue_create(r->mem, sizeof(uint32_t), MARKS_MAX_COUNT, &r->marks);
    const struct nh_task_config task = {.name = "serial",
                                        .run = serial_run,
                                        .ctx = r,
                                        .chip_stack_bytes = 4096,
                                        .host_stack_bytes = NH_KIB(256)};
    if (!err)
        err = nh_task_start(r->sys, &task, &r->serial_task);
    return err;
}

void nh_harness_serial_stop(struct nh_harness_run *r)
{
    nh_atomic_store_u32(&r->stop_serial, 1);
    if (r->serial_task)
        NH_IGNORE(nh_task_join(r->serial_task, NH_NEVER));
    nh_serial_close(r->serial);
    if (r->marks)
        nh_queue_destroy(r->marks);
    r->serial_task = NULL;
    r->serial = NULL;
    r->marks = NULL;
}

uint32_t nh_harness_wait(struct nh_harness_run *r, uint32_t marks, uint32_t timeout_ms)
{
    const uint64_t until = nh_clock_ms() + timeout_ms;
    if (!r->serial_task)
        return 0;
    for (;;) {
        uint32_t got;
        uint64_t now = nh_clock_ms();
        uint64_t left = until > now ? until - now : 0;
        int err = nh_queue_get(r->marks, &got, left < SLICE_MS ? left : SLICE_MS);
        if (err == NH_OK && (got & marks))
            return got & marks;
        if (err != NH_OK && (left == 0 || nh_harness_is_interrupted()))
            return 0;
        nh_harness_tick(r);
    }
}
