// effect_world.c - small worlds that keep a state: a pond, life.

#include "components/lamp/fx/effect_kit.h"
#include "components/lamp/fx/fx_random.h"

// ---- pond: drops fall on water, waves run and are thrown back from the rim

struct pond { // two moments of the water's height, Q4; `now` even: the first is the newer one
    uint32_t seed, now;
    int16_t height[];
};

static uint32_t pond_bytes(uint16_t width, uint16_t height)
{
    return (uint32_t)(sizeof(struct pond) + 2u * width * height * sizeof(int16_t));
}

static int16_t *pond_layer(struct pond *p, const struct nh_fx_canvas *size, uint32_t n)
{
    return p->height + (n & 1) * size->width * size->height;
}

static void pond_drop(int16_t *water, const struct nh_fx_canvas *size, uint32_t r)
{
    int32_t cx = (int32_t)nh_fx_below(r, size->width);
    int32_t cy = (int32_t)nh_fx_below(nh_fx_mix(r), size->height);
    for (int32_t dy = -1; dy <= 1; dy++) {
        for (int32_t dx = -1; dx <= 1; dx++) {
            int32_t push = dx == 0 && dy == 0 ? 5200 : dx == 0 || dy == 0 ? 2600 : 1300;
            if (nh_fx_has(size, cx + dx, cy + dy)) {
                int16_t *w = &water[(cy + dy) * size->width + cx + dx];
                *w = (int16_t)nh_fx_clamp(*w - push, -16000, 16000);
            }
        }
    }
}

// The wave equation with the same water beyond the rim as on it: it throws waves back.
static void pond_move(int16_t *next, const int16_t *water, const struct nh_fx_canvas *size)
{
    int32_t w = size->width, h = size->height;
    for (int32_t y = 0; y < h; y++) {
        const int16_t *row = water + y * w;
        const int16_t *up = y + 1 < h ? row + w : row, *down = y > 0 ? row - w : row;
        for (int32_t x = 0; x < w; x++) {
            int32_t left = row[x > 0 ? x - 1 : 0], right = row[x + 1 < w ? x + 1 : x];
            int32_t v = (left + right + up[x] + down[x]) / 2 - next[y * w + x];
            v -= v / 16; // it comes to rest
            next[y * w + x] = (int16_t)nh_fx_clamp(v, -16000, 16000);
        }
    }
}

static void pond_reset(void *state, const struct nh_fx_canvas *size, uint32_t seed)
{
    (void)size;
    ((struct pond *)state)->seed = seed;
}

static void pond_step(void *state, const struct nh_fx_canvas *size, const struct nh_fx_input *in,
                      uint32_t n)
{
    struct pond *p = state;
    int32_t area = size->width * size->height;
    // About one drop in 23 steps on a lamp of 768 pixels.
    uint32_t every = (uint32_t)nh_fx_max(17000 / nh_fx_max(area, 200), 1);
    every = every * 128 / (uint32_t)nh_fx_by_intensity(in->intensity, 20, 128, 640) + 1;
    uint32_t r = nh_fx_hash(p->seed, n, 0);
    if (n == 0 || nh_fx_one_in(r, every)) {
        pond_drop(pond_layer(p, size, p->now), size, nh_fx_mix(r + 1));
    }
    pond_move(pond_layer(p, size, p->now + 1), pond_layer(p, size, p->now), size);
    p->now++;
}

static void pond_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                      uint32_t seed)
{
    (void)seed;
    const struct pond *p = state;
    const int16_t *water = p->height + (p->now & 1) * c->width * c->height;
    for (int32_t y = 0; y < c->height; y++) {
        for (int32_t x = 0; x < c->width; x++) {
            const int16_t *w = &water[y * c->width + x];
            int32_t slope = (x + 1 < c->width ? w[1] : w[0]) - (x > 0 ? w[-1] : w[0]);
            slope += (y + 1 < c->height ? w[c->width] : w[0]) - (y > 0 ? w[-c->width] : w[0]);
            int32_t deep = 70 + y * 30 / c->height + w[0] / 20 + slope / 26;
            int32_t shine = nh_fx_clamp((slope - 700) / 10, 0, 200);
            c->px[y * c->width + x] =
                nh_px_mix(in->palette[nh_fx_u8(deep)], NH_PX(235, 250, 255), (uint32_t)shine);
        }
    }
}

const struct nh_fx_effect nh_fx__pond = {
    .id = 0xCA16,
    .name = "POND",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_OCEAN,
    .step_ms = 40,
    .state_bytes = pond_bytes,
    .reset = pond_reset,
    .step = pond_step,
    .draw = pond_draw,
};

// ---- life: born with three neighbours, alive with two or three; colours by age

struct life { // `cell`: 0 dead, else the age up to 255; then as many that fade, 255 to 0
    uint32_t seed, born_step, still_steps, last_sum;
    uint8_t cell[];
};

#define LIFE_STEP_MS 160
#define LIFE_STEPS_MAX 700 // then a new world

static uint32_t life_bytes(uint16_t width, uint16_t height)
{
    return (uint32_t)(sizeof(struct life) + 3u * width * height);
}

static void life_sow(struct life *l, const struct nh_fx_canvas *size, uint32_t n)
{
    uint32_t area = (uint32_t)size->width * size->height;
    for (uint32_t i = 0; i < area; i++) {
        l->cell[i] = (nh_fx_hash(l->seed, n + 1, i) & 255) < 90;
    }
    l->born_step = n;
    l->still_steps = 0;
}

static void life_reset(void *state, const struct nh_fx_canvas *size, uint32_t seed)
{
    struct life *l = state;
    l->seed = seed;
    life_sow(l, size, 0);
}

static uint32_t neighbours(const uint8_t *cell, const struct nh_fx_canvas *size, int32_t x,
                           int32_t y)
{
    uint32_t count = 0;
    for (int32_t dy = -1; dy <= 1; dy++) {
        for (int32_t dx = -1; dx <= 1; dx++) {
            int32_t nx = nh_fx_wrap(x + dx, size->width), ny = nh_fx_wrap(y + dy, size->height);
            count += (dx != 0 || dy != 0) && cell[ny * size->width + nx] != 0;
        }
    }
    return count;
}

// Two steps of blinking have the same sum: a world that only blinks is still.
static void life_judge(struct life *l, const struct nh_fx_canvas *size, uint32_t n, uint32_t sum)
{
    l->still_steps = sum == l->last_sum ? l->still_steps + 1 : 0;
    l->last_sum = sum;
    if (l->still_steps > 24 || n - l->born_step > LIFE_STEPS_MAX || sum == 0) {
        life_sow(l, size, n);
    }
}

static void life_step(void *state, const struct nh_fx_canvas *size, const struct nh_fx_input *in,
                      uint32_t n)
{
    (void)in;
    struct life *l = state;
    uint32_t area = (uint32_t)size->width * size->height, sum = 0;
    uint8_t *next = l->cell + area, *fade = next + area;
    for (int32_t y = 0; y < size->height; y++) {
        for (int32_t x = 0; x < size->width; x++) {
            uint32_t i = (uint32_t)(y * size->width + x), count = neighbours(l->cell, size, x, y);
            bool lives = count == 3 || (count == 2 && l->cell[i] != 0);
            next[i] = lives ? (uint8_t)nh_fx_min(l->cell[i] + 1, 255) : 0;
            fade[i] = lives ? 255 : (uint8_t)(fade[i] * 3 / 4);
            sum += lives;
        }
    }
    for (uint32_t i = 0; i < area; i++) {
        l->cell[i] = next[i];
    }
    life_judge(l, size, n, sum);
}

static void life_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                      uint32_t seed)
{
    (void)seed;
    const struct life *l = state;
    uint32_t area = (uint32_t)c->width * c->height;
    const uint8_t *fade = l->cell + 2 * area;
    uint32_t glow = (uint32_t)nh_fx_by_intensity(in->intensity, 0, 110, 255);
    for (uint32_t i = 0; i < area; i++) {
        uint32_t age = l->cell[i], hue = 255 - (uint32_t)nh_fx_min((int32_t)age * 9, 200);
        nh_px_t ghost = nh_px_scale(in->palette[40], fade[i] * glow / 255);
        c->px[i] = age > 0 ? in->palette[hue] : ghost;
    }
}

const struct nh_fx_effect nh_fx__life = {
    .id = 0xCA17,
    .name = "GAME OF LIFE",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_NEON,
    .step_ms = LIFE_STEP_MS,
    .state_bytes = life_bytes,
    .reset = life_reset,
    .step = life_step,
    .draw = life_draw,
};
