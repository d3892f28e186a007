// bench_display.c - what a screen costs: the time of a whole frame and of one press, bytes of the
// draw buffer, and what of the tiers a screen takes when it is shown first and with each frame.
//
//   bench_display [LINES] [ROUNDS]   draw buffer of LINES lines, standard 16; 200 rounds
//
// The panel takes no time of its own: the figures are those of painting.

#include "components/display/display_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define SIDE 360

static nh_mem_system_t *sys;
static nh_mem_t *mem;
static nh_lock_t lock;
static uint64_t now_ms = 1000, flush_count;
static uint8_t mask[64 * 64];

static void die(const char *what)
{
    fprintf(stderr, "bench_display: %s\n", what);
    exit(1);
}

static uint64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static struct nh_mem_owner_info owner(void)
{
    struct nh_mem_owner_info info;
    for (size_t i = 0; nh_mem_owner_info(sys, i, &info) == NH_OK; i++)
        if (strcmp(info.name, "display") == 0)
            return info;
    die("no owner");
    return info;
}

// ---- macros: every template, nine buttons with icon and label ----------------------------------

static uint32_t revision(void *ctx)
{
    (void)ctx;
    return 1;
}

static bool screen(void *ctx, unsigned number, struct nh_macro_screen *out)
{
    (void)ctx;
    *out = (struct nh_macro_screen){.layout = (enum nh_macro_template)(number % 5)};
    return true;
}

static bool button(void *ctx, unsigned number, unsigned slot, struct nh_macro_button *out)
{
    (void)ctx;
    (void)number;
    *out = (struct nh_macro_button){.label = "Volume up",
                                    .action = NH_MACRO_KEYS,
                                    .has_icon = true,
                                    .icon_id = "mask",
                                    .background = 0x1E3A5F + slot * 0x1000,
                                    .icon_color = 0xFFFFFF,
                                    .label_color = 0xFFFFFF,
                                    .is_used = true};
    return true;
}

static bool icon(void *ctx, const char *id, struct nh_macro_icon *out)
{
    (void)ctx;
    (void)id;
    *out = (struct nh_macro_icon){64, 64, NH_MACRO_ICON_MASK, mask, NULL};
    return true;
}

static void icon_release(void *ctx, const struct nh_macro_icon *i)
{
    (void)ctx;
    (void)i;
}

static void pressed(void *ctx, unsigned number, unsigned slot)
{
    (void)ctx;
    (void)number;
    (void)slot;
}

static const struct nh_macro_view view = {NULL, revision,     screen,  button,
                                          icon, icon_release, pressed, pressed};

// ---- the panel ---------------------------------------------------------------------------------

static void flush(void *ctx, struct nh_rect at, const uint16_t *pixels, size_t stride)
{
    (void)ctx;
    (void)at;
    (void)pixels;
    (void)stride;
    flush_count++;
}

static void make_memory(void)
{
    const size_t bytes[] = {NH_KIB(320), NH_MIB(8)};
    struct nh_mem_system_config cfg = {0};
    for (int i = 0; i < NH_MEM_TIER_COUNT; i++) {
        cfg.region[i].base =
            mmap(NULL, bytes[i], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        cfg.region[i].size_bytes = bytes[i];
    }
    if (nh_lock_create(&lock) < 0)
        die("no lock");
    cfg.lock = lock;
    if (nh_mem_system_create(&cfg, &sys) < 0 || nh_mem_owner_add(sys, "display", NULL, &mem) < 0)
        die("no memory system");
}

static nh_display_t *make_display(uint32_t lines)
{
    nh_display_t *d;
    const struct nh_display_config cfg = {
        .mem = mem,
        .sys = sys,
        .panel = {.width = SIDE, .height = SIDE, .is_round = true, .flush = flush},
        .fonts = {"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
                  "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"},
        .draw_lines = lines,
        .settings = {.brightness_pct = 100},
        .macros = &view,
    };
    if (nh_display__make(&cfg, now_ms, &d) < 0)
        die("no display");
    return d;
}

static void turn(nh_display_t *d)
{
    nh_display__turn(d, now_ms += 200);
}

static void show(nh_display_t *d, const char *id)
{
    if (nh_display_show(d, id) < 0)
        die(id);
    turn(d);
}

static uint64_t frame_us(nh_display_t *d, unsigned rounds)
{
    uint64_t begin = cpu_us();
    for (unsigned i = 0; i < rounds; i++) {
        nh_display__touch_up(d, nh_display__bounds(d));
        turn(d);
    }
    return (cpu_us() - begin) / rounds;
}

// A press and its release, each with its cue.
static uint64_t press_us(nh_display_t *d, unsigned rounds)
{
    struct nh_touch t = {NH_TOUCH_DOWN, SIDE / 2, SIDE / 2};
    uint64_t begin = cpu_us();
    for (unsigned i = 0; i < rounds; i++) {
        t.phase = NH_TOUCH_DOWN;
        NH_IGNORE(nh_display_touch(d, &t)); // there is room
        turn(d);
        t.phase = NH_TOUCH_UP;
        NH_IGNORE(nh_display_touch(d, &t)); // likewise
        turn(d);
    }
    return (cpu_us() - begin) / rounds / 2;
}

static void measure(nh_display_t *d, const char *id, unsigned rounds)
{
    size_t before = owner().tier[NH_MEM_PSRAM].current_bytes;
    show(d, id);
    size_t taken = owner().tier[NH_MEM_PSRAM].current_bytes - before;
    turn(d);
    uint64_t allocs = owner().tier[0].alloc_count + owner().tier[1].alloc_count;
    uint64_t flushes = flush_count, us = frame_us(d, rounds);
    flushes = (flush_count - flushes) / rounds;
    allocs = owner().tier[0].alloc_count + owner().tier[1].alloc_count - allocs;
    bool is_macro = strncmp(id, "macro", 5) == 0;
    printf("%-10s %8llu %8llu %10llu %12zu %12llu\n", id, (unsigned long long)us,
           is_macro ? (unsigned long long)press_us(d, rounds) : 0ull, (unsigned long long)flushes,
           taken, (unsigned long long)allocs);
}

int main(int argc, char **argv)
{
    static const char *const ids[] = {"macro1", "macro2", "macro3", "macro4",    "macro5",
                                      "info",   "test",   "error",  "lvgl_image"};
    uint32_t lines = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 16;
    unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 200;
    for (size_t i = 0; i < sizeof mask; i++)
        mask[i] = (uint8_t)(i * 7);
    make_memory();
    nh_display_t *d = make_display(lines);
    printf("draw buffer: %u lines, %u bytes of PSRAM\n", (unsigned)lines,
           (unsigned)d->fresh.draw_buffer_bytes);
    printf("%-10s %8s %8s %10s %12s %12s\n", "screen", "frame_us", "press_us", "flushes",
           "first_bytes", "allocations");
    for (size_t i = 0; i < NH_ARRAY_LEN(ids); i++)
        measure(d, ids[i], rounds);
    nh_display_destroy(d);
    size_t leaked = nh_mem_system_destroy(sys, NULL, NULL);
    nh_lock_destroy(&lock);
    return leaked == 0 ? 0 : 1;
}
