// bench_lamp_pipeline.c - what a frame costs from the effect to the bytes of the chain, by stage
// and in all, at the size of the lamp and at the largest.
//
//   bench_lamp_pipeline [FRAMES]   500 frames a run, four times as many of the small lamp
//   bench_lamp_pipeline WIDTH HEIGHT FRAMES   all of the pipeline alone, nothing printed; for
//       valgrind --tool=callgrind --toggle-collect=nh_lamp_pipeline_frame
//
// Processor time of this process; median of five runs and their spread. Each run checks that
// frames change, and that none of them allocated anything.

#include "components/lamp/lamp_overlay.h"
#include "core/base/crc.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define RUNS 5
#define FRAME_MS 25
#define GOAL_FPS 1000u

static nh_mem_system_t *sys;
static nh_mem_t *mem;

struct lamp {
    uint16_t width, height;
    nh_lamp_map_t *map;
    nh_lamp_pipeline_t *pipeline;
    nh_fx_player_t player;
    nh_lamp_overlay_t overlay;
    struct nh_fx_canvas canvas;
    nh_px_t palette[256];
    uint32_t frame;
    struct nh_lamp_pipeline_frame out;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_lamp_pipeline: %s\n", what);
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

static uint64_t alloc_count(void)
{
    struct nh_mem_owner_info info;
    uint64_t n = 0;
    for (size_t i = 0; nh_mem_owner_info(sys, i, &info) == NH_OK; i++)
        for (int t = 0; t < NH_MEM_TIER_COUNT; t++)
            n += info.tier[t].alloc_count;
    return n;
}

static void *take(size_t bytes)
{
    void *p = nh_mem_alloc_zero(mem, bytes, NH_MEM_BULK);
    if (!p)
        die("no memory");
    return p;
}

// ---- stages ------------------------------------------------------------------------------------

static void effect(struct lamp *l)
{
    const struct nh_fx_input in = {.time_ms = l->frame * FRAME_MS,
                                   .intensity = 128,
                                   .palette = l->palette,
                                   .color = {0xFFFFFF, 0, 0xFF8000},
                                   .text = ""};
    (void)nh_fx_player_draw(&l->player, &l->canvas, &in, 64);
}

// The face speaks, and follows a voice that goes round.
static void overlay(struct lamp *l)
{
    static const struct nh_lamp_overlay_look look = {true, NH_LAMP_OVERLAY_SPEAK,
                                                     NH_LAMP_BLEND_ALPHA};
    uint64_t now_ms = 1000 + (uint64_t)l->frame * FRAME_MS;
    nh_lamp_overlay_direction(&l->overlay, l->frame * 2, now_ms);
    nh_lamp_overlay_level(&l->overlay, (uint8_t)(l->frame * 7), now_ms);
    nh_lamp_overlay_draw(&l->overlay, &l->canvas, &look, now_ms);
}

static void pipeline(struct lamp *l)
{
    nh_lamp_pipeline_frame(l->pipeline, &l->canvas, 160 << 8, l->frame, &l->out);
}

// One picture whose pixels change one by one, so that no frame is the one before.
static void picture(struct lamp *l)
{
    l->canvas.px[l->frame % ((uint32_t)l->width * l->height)] ^= 0x404040;
    pipeline(l);
}

static void picture_and_overlay(struct lamp *l)
{
    l->canvas.px[l->frame % ((uint32_t)l->width * l->height)] ^= 0x404040;
    overlay(l);
}

static void whole(struct lamp *l)
{
    effect(l);
    overlay(l);
    pipeline(l);
}

// ---- rows --------------------------------------------------------------------------------------

static void lamp_make(struct lamp *l, uint16_t side_x, uint16_t side_y,
                      struct nh_lamp_pipeline_config cfg)
{
    const struct nh_lamp_map_config map = {.mem = mem,
                                           .width = side_x,
                                           .height = side_y,
                                           .panel_columns = side_x / 16,
                                           .panel_rows = side_y / 16,
                                           .panels = {.is_serpentine = true},
                                           .leds = {.is_serpentine = true}};
    *l = (struct lamp){.width = side_x, .height = side_y};
    l->canvas = (struct nh_fx_canvas){side_x, side_y, take((size_t)side_x * side_y * 4)};
    if (nh_lamp_map_create(&map, NULL, &l->map) < 0)
        die("no map");
    cfg.mem = mem;
    cfg.map = l->map;
    if (nh_lamp_pipeline_create(&cfg, NULL, &l->pipeline) < 0)
        die("no pipeline");
    uint32_t state_bytes = nh_fx_state_bytes(side_x, side_y);
    if (nh_fx_player_init(&l->player, side_x, side_y, take(state_bytes ? state_bytes : 1)) < 0)
        die("no player");
    nh_fx_palette_expand(&nh_fx_palettes[0], l->palette);
    nh_lamp_overlay_init(&l->overlay, NULL, 1);
}

static void lamp_free(struct lamp *l)
{
    nh_lamp_pipeline_destroy(l->pipeline);
    nh_lamp_map_destroy(l->map);
    nh_mem_free(mem, l->player.state);
    nh_mem_free(mem, l->canvas.px);
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void measure(const char *name, struct lamp *l, unsigned frames,
                    void (*stage)(struct lamp *l))
{
    double us[RUNS];
    uint32_t crc = 0, changes = 0;
    uint64_t before = alloc_count();
    for (int run = 0; run < RUNS; run++) {
        uint64_t begin = cpu_ns();
        for (unsigned i = 0; i < frames; i++) {
            stage(l);
            l->frame++;
        }
        us[run] = (double)(cpu_ns() - begin) / frames / 1000;
        uint32_t now = nh_crc32(0, l->canvas.px, (size_t)l->width * l->height * 4) ^
                       nh_crc32(0, l->out.rgb, (size_t)l->out.count * 3);
        changes += now != crc;
        crc = now;
    }
    if (changes < RUNS)
        die("frames do not change");
    if (alloc_count() != before)
        die("a frame allocated");
    qsort(us, RUNS, sizeof us[0], by_value);
    printf("%3u x %-3u  %-44s %8.1f us  (%.1f to %.1f)  %9.0f frames/s  %6.0f Mpx/s\n", l->width,
           l->height, name, us[RUNS / 2], us[0], us[RUNS - 1], 1e6 / us[RUNS / 2],
           l->width * l->height / us[RUNS / 2]);
}

static void effect_rows(struct lamp *l, unsigned frames)
{
    static const uint16_t ids[] = {0xEA03, NH_FX_DEFAULT_ID, 0xCA02};
    for (size_t i = 0; i < NH_ARRAY_LEN(ids); i++) {
        const struct nh_fx_effect *e = nh_fx_find(ids[i]);
        char name[64];
        if (!e)
            continue;
        nh_fx_player_set(&l->player, e, 1);
        l->frame = 0;
        snprintf(name, sizeof name, "%s", e->name);
        measure(name, l, frames, effect);
        nh_fx_player_set(&l->player, e, 1);
        l->frame = 0;
        snprintf(name, sizeof name, "%s: the whole frame", e->name);
        measure(name, l, frames, whole);
    }
}

// Which effects' whole frames are under the goal, and the slowest of all.
static void slowest_row(struct lamp *l, unsigned frames)
{
    const struct nh_fx_effect *slowest = NULL;
    double most_us = 0;
    for (uint16_t i = 0; i < nh_fx_visible_count(); i++) {
        const struct nh_fx_effect *e = nh_fx_visible(i);
        nh_fx_player_set(&l->player, e, 1);
        l->frame = 0;
        uint64_t begin = cpu_ns();
        for (unsigned k = 0; k < frames; k++, l->frame++)
            whole(l);
        double us = (double)(cpu_ns() - begin) / frames / 1000;
        if (us > 1e6 / GOAL_FPS)
            printf("%3u x %-3u  %s: %.0f frames/s, under %u\n", l->width, l->height, e->name,
                   1e6 / us, GOAL_FPS);
        if (us > most_us)
            slowest = e;
        most_us = us > most_us ? us : most_us;
    }
    printf("%3u x %-3u  slowest whole frame of %u effects: %s, %.1f us, %.0f frames/s\n", l->width,
           l->height, nh_fx_visible_count(), slowest ? slowest->name : "", most_us, 1e6 / most_us);
}

static void rows(uint16_t width, uint16_t height, uint32_t limit_ma, unsigned frames)
{
    const struct nh_lamp_pipeline_config plain = {0};
    const struct nh_lamp_pipeline_config full = {
        .gamma_pct = 220, .dither_bits = 3, .limit_ma = limit_ma};
    struct lamp l;
    lamp_make(&l, width, height, plain);
    nh_fx_player_set(&l.player, nh_fx_find(0xEA03), 1);
    effect(&l);
    measure("brightness and map", &l, frames, picture);
    lamp_free(&l);
    lamp_make(&l, width, height, full);
    nh_fx_player_set(&l.player, nh_fx_find(0xEA03), 1);
    effect(&l);
    measure("gamma, brightness, limit, dithering, map", &l, frames, picture);
    measure("overlay", &l, frames, picture_and_overlay);
    effect_rows(&l, frames);
    slowest_row(&l, frames);
    lamp_free(&l);
}

static int only_pipeline(uint16_t width, uint16_t height, unsigned frames)
{
    struct lamp l;
    make_memory();
    lamp_make(&l, width, height,
              (struct nh_lamp_pipeline_config){.gamma_pct = 220,
                                               .dither_bits = 3,
                                               .limit_ma = (uint32_t)width * height * 2 + 1000});
    nh_fx_player_set(&l.player, nh_fx_find(0xEA03), 1);
    effect(&l);
    for (unsigned i = 0; i < frames; i++, l.frame++)
        picture(&l);
    lamp_free(&l);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4)
        return only_pipeline((uint16_t)strtoul(argv[1], NULL, 10),
                             (uint16_t)strtoul(argv[2], NULL, 10),
                             (unsigned)strtoul(argv[3], NULL, 10));
    unsigned frames = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 500;
    make_memory();
    rows(16, 48, 4000, frames * 4);
    rows(128, 128, 40000, frames);
    return 0;
}
