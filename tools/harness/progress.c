#include "harness/run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define STEP_MAX_BYTES 160
#define CHANGE_MS 200

static char step[STEP_MAX_BYTES];
static uint64_t changed_ms;
static bool is_drawn;

static bool is_terminal(void)
{
    static int known = -1;
    if (known < 0)
        known = isatty(STDERR_FILENO);
    return known == 1;
}

// [12 s] s6  load /portal.js | free 128 KiB, least 114 KiB, frag 7 %
static void draw(struct nh_harness_run *r)
{
    struct nh_harness_mem last = {0};
    nh_lock_acquire(&r->lock);
    const struct nh_harness_figures *f = &r->figures;
    const uint64_t least = f->hin_min, rows = f->seen_count;
    if (f->row_count > 0)
        last = f->rows[f->row_count - 1].mem;
    nh_lock_release(&r->lock);
    fprintf(stderr, "\r\033[2K[%3d s] %s  %.60s",
            (int)((nh_harness_now_us() - r->begin_us) / 1000000), r->scenario->key, step);
    if (rows)
        fprintf(stderr, " | %s: free %" PRIu64 " KiB, least %" PRIu64 " KiB, frag %" PRIu64 " %%",
                last.tag, last.hi / 1024, least / 1024, last.frag);
    fflush(stderr);
    is_drawn = true;
    changed_ms = nh_clock_ms();
}

void nh_harness_say(struct nh_harness_run *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(step, sizeof step, fmt, args);
    va_end(args);
    if (is_terminal())
        draw(r);
    else
        fprintf(r->o->json ? stderr : stdout, "%s: %s\n", r->scenario->key, step);
    fflush(stdout);
}

void nh_harness_tick(struct nh_harness_run *r)
{
    if (is_terminal() && nh_clock_ms() - changed_ms >= CHANGE_MS)
        draw(r);
}

void nh_harness_say_end(void)
{
    if (is_drawn)
        fputs("\r\033[2K", stderr);
    fflush(stderr);
    is_drawn = false;
}
