// bench_lamp_fx.c - pixels a second of each effect, on one thread, its steps included.
//
//   bench_lamp_fx [NAME|all] [ROUNDS]      a table; standard: all, 15 rounds
//   bench_lamp_fx NAME FRAMES W H          draws so many frames and says nothing: instructions.py
//
// A frame is 22 ms of animation after the one before. In each round every effect has a few
// milliseconds of processor time, one after the other, so that a busy neighbour disturbs all of
// them alike; the figures are the median, the lowest and the highest round. The genie, an overlay,
// has a table of its own: microseconds a frame, over a picture that stands. "Changed" says how many
// of 200 frames differ from the one before: an effect that draws nothing would be fast.

#include "components/lamp/fx/fx_math.h"
#include "components/lamp/lamp_overlay.h"
#include "core/base/crc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAME_MS 22
#define SLICE_NS 4000000u
#define ROUNDS_MAX 101
#define CHANGE_FRAMES 200

static const uint16_t sizes[][2] = {{48, 16}, {128, 128}};

struct stage {
    nh_fx_player_t player;
    struct nh_fx_canvas canvas;
    nh_px_t palette[256];
    struct nh_fx_input in;
};

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void stage_open(struct stage *s, const struct nh_fx_effect *e, uint16_t w, uint16_t h)
{
    void *state = malloc(nh_fx_state_bytes(w, h));
    *s = (struct stage){.canvas = {w, h, malloc((size_t)w * h * sizeof(nh_px_t))}};
    if (!state || !s->canvas.px || nh_fx_player_init(&s->player, w, h, state) < 0) {
        fprintf(stderr, "bench_lamp_fx: no memory\n");
        exit(1);
    }
    nh_fx_palette_expand(&nh_fx_palettes[e->palette], s->palette);
    s->in = (struct nh_fx_input){.intensity = 128,
                                 .color = {0xFF8020, 0x000000, 0x2040FF},
                                 .audio_level = 150,
                                 .day_s = 52327,
                                 .text = "nuthatch"};
    for (unsigned i = 0; i < NH_FX_BAND_COUNT; i++)
        s->in.audio_band[i] = (uint8_t)(240 - 12 * i);
    nh_fx_player_set(&s->player, e, 7);
}

static void stage_close(struct stage *s)
{
    free(s->canvas.px);
    free(s->player.state);
}

static void frame(struct stage *s)
{
    s->in.palette = s->palette;
    s->in.time_ms += FRAME_MS;
    nh_fx_player_draw(&s->player, &s->canvas, &s->in, 100);
}

static double round_rate(struct stage *s)
{
    uint64_t start = cpu_ns(), now;
    uint64_t pixels = 0;
    do {
        for (unsigned i = 0; i < 8; i++, pixels += (uint64_t)s->canvas.width * s->canvas.height)
            frame(s);
        now = cpu_ns();
    } while (now - start < SLICE_NS);
    return (double)pixels * 1e3 / (double)(now - start); // Mpx/s
}

static unsigned changes(const struct nh_fx_effect *e)
{
    struct stage s;
    unsigned n = 0;
    stage_open(&s, e, 48, 16);
    for (uint32_t i = 0, last = 0; i < CHANGE_FRAMES; i++) {
        frame(&s);
        uint32_t crc = nh_crc32(0, s.canvas.px, 48 * 16 * sizeof(nh_px_t));
        n += crc != last;
        last = crc;
    }
    stage_close(&s);
    return n;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct row {
    const struct nh_fx_effect *effect;
    struct stage stage[NH_ARRAY_LEN(sizes)];
    double rate[NH_ARRAY_LEN(sizes)][ROUNDS_MAX];
};

static void row_print(struct row *r, unsigned rounds)
{
    printf("| %s |", r->effect->name);
    for (size_t k = 0; k < NH_ARRAY_LEN(sizes); k++) {
        qsort(r->rate[k], rounds, sizeof r->rate[k][0], by_value);
        printf(" %.0f | %.0f to %.0f |", r->rate[k][rounds / 2], r->rate[k][0],
               r->rate[k][rounds - 1]);
    }
    printf(" %u |\n", changes(r->effect));
}

static double genie_us(nh_lamp_overlay_t *o, struct nh_fx_canvas *c, uint64_t *now_ms)
{
    const struct nh_lamp_overlay_look look = {true, NH_LAMP_OVERLAY_SPEAK, NH_LAMP_BLEND_ALPHA};
    uint64_t start = cpu_ns(), now, frames = 0;
    do {
        for (unsigned i = 0; i < 8; i++, frames++, *now_ms += FRAME_MS)
            nh_lamp_overlay_draw(o, c, &look, *now_ms);
        now = cpu_ns();
    } while (now - start < SLICE_NS);
    return (double)(now - start) / 1e3 / (double)frames;
}

static void genie_table(unsigned rounds)
{
    static nh_px_t px[NH_FX_SIDE_MAX * NH_FX_SIDE_MAX];
    static const uint16_t of[][2] = {{16, 48}, {48, 16}, {128, 128}};
    printf("\n| genie on | a frame, us | lowest, highest |\n|---|---:|---:|\n");
    for (size_t k = 0; k < NH_ARRAY_LEN(of); k++) {
        struct nh_fx_canvas c = {of[k][0], of[k][1], px};
        double us[ROUNDS_MAX];
        nh_lamp_overlay_t o;
        uint64_t now_ms = 1000;
        nh_fx_fill(&c, 0x804020);
        nh_lamp_overlay_init(&o, NULL, 1);
        for (unsigned n = 0; n < rounds; n++)
            us[n] = genie_us(&o, &c, &now_ms);
        qsort(us, rounds, sizeof us[0], by_value);
        printf("| %u x %u | %.1f | %.1f to %.1f |\n", of[k][0], of[k][1], us[rounds / 2], us[0],
               us[rounds - 1]);
    }
}

static int table(const char *name, unsigned rounds)
{
    static struct row rows[256];
    unsigned count = 0;
    for (uint16_t i = 0; i < nh_fx_effect_count && count < NH_ARRAY_LEN(rows); i++) {
        struct row *r = &rows[count];
        r->effect = nh_fx_effects[i];
        if (strcmp(name, "all") != 0 && nh_fx_find_name(name) != r->effect)
            continue;
        for (size_t k = 0; k < NH_ARRAY_LEN(sizes); k++)
            stage_open(&r->stage[k], r->effect, sizes[k][0], sizes[k][1]);
        count++;
    }
    for (unsigned n = 0; n < rounds; n++)
        for (unsigned i = 0; i < count; i++)
            for (size_t k = 0; k < NH_ARRAY_LEN(sizes); k++)
                rows[i].rate[k][n] = round_rate(&rows[i].stage[k]);
    printf("| effect | 48 x 16, Mpx/s | lowest, highest | 128 x 128, Mpx/s | lowest, highest | "
           "changed of %d |\n",
           CHANGE_FRAMES);
    printf("|---|---:|---:|---:|---:|---:|\n");
    for (unsigned i = 0; i < count; i++) {
        row_print(&rows[i], rounds);
        for (size_t k = 0; k < NH_ARRAY_LEN(sizes); k++)
            stage_close(&rows[i].stage[k]);
    }
    if (strcmp(name, "all") == 0)
        genie_table(rounds);
    return count ? 0 : 2;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "all";
    if (argc == 5) {
        const struct nh_fx_effect *e = nh_fx_find_name(name);
        struct stage s;
        if (!e)
            return 2;
        stage_open(&s, e, (uint16_t)atoi(argv[3]), (uint16_t)atoi(argv[4]));
        for (int i = 0; i < atoi(argv[2]); i++)
            frame(&s);
        stage_close(&s);
        return 0;
    }
    int rounds = argc > 2 ? atoi(argv[2]) : 15;
    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "bench_lamp_fx: 1 to %d rounds\n", ROUNDS_MAX);
        return 2;
    }
    return table(name, (unsigned)rounds);
}
