// fx_fire.c - FIRE: the field of heat, step by step.

#include "components/lamp/fx/fx_fire.h"
#include "components/lamp/fx/fx_effects.h"
#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_palette.h"
#include "components/lamp/fx/fx_random.h"

#include <string.h>

#define IGNITION_MS 650
#define IGNITION_HEAT 80
#define MIX 206     // of 256: how much of a cell comes from below in a step
#define JET_MIX 150 // more, under a fresh jet
#define JET_STEPS 25
#define TIP_HEAT 64 // the flame ends where it is colder
#define TIP_RISE 80 // of 256 a step
#define TIP_FALL 25
#define TIP_GAIN 1100 // of 256
#define TIP_SHIFT_MAX 25
#define TONGUE_LIFT 7 // Q8 rows for each unit of power
#define DRIVE 1000    // Q8 rows
#define DRIVE_RESPONSE 55

static uint32_t fire_bytes(uint16_t width, uint16_t height)
{
    return (uint32_t)(sizeof(struct nh_fire) + 2u * width * height);
}

static uint8_t at_most(uint32_t n, uint32_t max)
{
    return (uint8_t)(n < 1 ? 1 : n > max ? max : n);
}

static void fire_reset(void *state, const struct nh_fx_canvas *size, uint32_t seed)
{
    struct nh_fire *s = state;
    uint32_t parts = (size->width + NH_FIRE_COLUMNS / 2u) / NH_FIRE_COLUMNS;
    s->seed = seed;
    s->unit = size->height * 256u / NH_FIRE_ROWS;
    s->wide = s->unit > 256 ? s->unit : 256;
    s->tongue_count = at_most(size->width * 64u / s->wide, NH_FIRE_TONGUES_MAX);
    s->jet_max = at_most(parts * 256 / s->wide, NH_FIRE_JETS_MAX);
    s->island_max = at_most(3 * parts * 256 / s->wide, NH_FIRE_ISLANDS_MAX);
    s->petal_max = at_most(5 * parts, NH_FIRE_PETALS_MAX);
    s->spark_max = at_most(12 * parts, NH_FIRE_SPARKS_MAX);
    struct nh_fx_random r = nh_fx_random_begin(seed, UINT32_MAX);
    s->gust_left_ms = nh_fx_between(nh_fx_random_next(&r), 1200, 3000);
    s->spark_left_ms = nh_fx_between(nh_fx_random_next(&r), 2500, 8000);
    for (unsigned x = 0; x < size->width; x++)
        s->column[x].bias = (uint8_t)nh_fx_between(nh_fx_random_next(&r), 40, 199);
}

// ---- the field

// The row that rises into row y: `rise` rows lower, moved by the wind; x goes around, and between
// two cells it is mixed, to the right and to the left alike. Gives width + 1 cells.
static uint32_t lower_row(const struct nh_fire *s, const uint8_t *row, uint16_t width, int32_t y48,
                          uint8_t out[NH_FX_SIDE_MAX + 1])
{
    int32_t shift = s->wind * ((y48 >> 8) + 6) / 20 * (int32_t)s->wide / 256;
    int32_t from = nh_fx_wrap(-shift, width * 256);
    unsigned first = (unsigned)from >> 8;
    memcpy(out, row + first, width - first);
    memcpy(out + (width - first), row, first + 1u);
    return (uint32_t)from & 255u;
}

struct row_job {
    const uint8_t *low, *here, *above; // low: width + 1 cells
    const uint8_t *noise, *mix;
    uint8_t *out;
    uint32_t part; // of 256, of the right cell of two in `low`
    int32_t cool;  // Q8
};

// Whole numbers of 8 bits in, out and between: compilers make vectors of it.
static void field_row(const struct row_job *j, unsigned width)
{
    const uint8_t *restrict low = j->low, *restrict here = j->here, *restrict above = j->above;
    const uint8_t *restrict noise = j->noise, *restrict mix = j->mix;
    uint8_t *restrict out = j->out;
    int32_t part = (int32_t)j->part, cool = j->cool;
    for (unsigned x = 0; x < width; x++) {
        int32_t from = low[x] + ((low[x + 1] - low[x]) * part >> 8);
        int32_t v = here[x] + ((from - here[x]) * mix[x] >> 8);
        // A little of the mean of the cell and its neighbours; those at the sides are in `low`.
        int32_t mean = (2 * v + low[x] + low[x + 1] + above[x]) * 51 >> 8;
        v = (v * 254 + mean * 2 + 128) >> 8;
        v -= (cool + noise[x]) >> 8;
        out[x] = (uint8_t)(v < 0 ? 0 : v);
    }
}

static void mix_of_columns(const struct nh_fire *s, unsigned width, uint8_t mix[NH_FX_SIDE_MAX])
{
    memset(mix, MIX, width);
    for (unsigned i = 0; i < s->jet_max; i++) {
        const struct nh_fire_jet *j = &s->jet[i];
        for (int32_t d = -j->width; d <= j->width && j->life_steps; d++) {
            int32_t more = MIX + JET_MIX * j->life_steps / JET_STEPS;
            mix[nh_fx_wrap(j->x + d, (int32_t)width)] = nh_fx_u8(more);
        }
    }
}

static void field_step(struct nh_fire *s, const struct nh_fx_canvas *size, uint8_t intensity)
{
    unsigned w = size->width, h = size->height;
    const uint8_t *old = nh_fire_field(s, size, s->now);
    uint8_t *fresh = s->heat + (size_t)!s->now * w * h;
    uint8_t low[NH_FX_SIDE_MAX + 1], noise[NH_FX_SIDE_MAX], mix[NH_FX_SIDE_MAX];
    unsigned rise = (h + NH_FIRE_ROWS / 2u) / NH_FIRE_ROWS;
    rise = rise ? rise : 1;
    // Cooling a step, so that the flame ends at the same part of the height on every lamp.
    int32_t cool_k = nh_fx_by_intensity(intensity, 480, 256, 130) * (int32_t)rise;
    mix_of_columns(s, w, mix);
    for (unsigned x = 0; x < w; x++)
        fresh[x] = (uint8_t)nh_fx_max(old[x] - 3, 0);
    for (unsigned y = 1; y < h; y++) {
        int32_t y48 = nh_fire_row(y, h);
        uint32_t key = nh_fx_key(s->seed, s->n * NH_FX_SIDE_MAX + y);
        for (unsigned x = 0; x < w; x++)
            noise[x] = (uint8_t)(nh_fx_at(key, x) >> 24);
        const uint8_t *under = old + (size_t)(y > rise ? y - rise : 0) * w;
        const struct row_job job = {
            .low = low,
            .here = old + (size_t)y * w,
            .above = old + (size_t)(y + 1 < h ? y + 1 : y) * w,
            .noise = noise,
            .mix = mix,
            .out = fresh + (size_t)y * w,
            .part = lower_row(s, under, (uint16_t)w, y48, low),
            .cool =
                (6 * 256 + 128 + 3 * y48 / 8) * (int32_t)(65536u / s->unit) / 256 * cool_k / 256,
        };
        field_row(&job, w);
    }
    s->now = !s->now;
}

// ---- what feeds it

// power in the middle, falling to the sides.
static void add_bell(int32_t add[NH_FX_SIDE_MAX], int32_t width, int32_t x, int32_t reach,
                     int32_t power)
{
    for (int32_t d = -reach; d <= reach; d++)
        add[nh_fx_wrap(x + d, width)] += power * (reach - nh_fx_abs(d) + 1) / (reach + 1);
}

static void feed(struct nh_fire *s, struct nh_fx_random *r, const struct nh_fx_canvas *size,
                 uint8_t *heat)
{
    int32_t add[NH_FX_SIDE_MAX];
    int32_t w = size->width;
    uint32_t since = s->n > 1000 ? IGNITION_MS : s->n * NH_FIRE_STEP_MS;
    int32_t base = IGNITION_HEAT * nh_fx_min((int32_t)since, IGNITION_MS) / IGNITION_MS + 140 - 120;
    for (int32_t x = 0; x < w; x++)
        add[x] = base + s->column[x].bias + nh_fx_around(nh_fx_random_next(r), 125);
    for (unsigned i = 0; i < s->tongue_count; i++)
        add_bell(add, w, s->tongue[i].x >> 8, s->tongue[i].width, s->tongue[i].power);
    for (unsigned i = 0; i < s->jet_max; i++)
        if (s->jet[i].life_steps)
            add_bell(add, w, s->jet[i].x, s->jet[i].width, 255);
    // All of it to the lowest row, half to the last of three.
    int32_t rows = nh_fx_clamp(size->height * 3 / NH_FIRE_ROWS, 1, size->height);
    for (int32_t y = 0; y < rows; y++) {
        int32_t pct = rows > 1 ? 100 - 50 * y / (rows - 1) : 100;
        for (int32_t x = 0; x < w; x++)
            heat[y * w + x] = nh_fx_u8(heat[y * w + x] + nh_fx_clamp(add[x], 0, 255) * pct / 100);
    }
}

// ---- the profile of the tips

static void drive_step(struct nh_fire *s, struct nh_fire_column *c, struct nh_fx_random *r)
{
    c->drive_left_ms = (int16_t)(c->drive_left_ms - NH_FIRE_STEP_MS);
    if (c->drive_left_ms <= 0) {
        int32_t target = nh_fx_around(nh_fx_random_next(r), DRIVE) * (int32_t)s->unit / 256;
        c->drive_target = (int16_t)target;
        c->drive_left_ms = (int16_t)nh_fx_between(nh_fx_random_next(r), 60, 180);
    }
    c->drive = (int16_t)(c->drive + (c->drive_target - c->drive) * DRIVE_RESPONSE / 256);
}

static void tips_step(struct nh_fire *s, struct nh_fx_random *r, const struct nh_fx_canvas *size,
                      const uint8_t *heat)
{
    int32_t raw[NH_FX_SIDE_MAX] = {0};
    int32_t lift[NH_FX_SIDE_MAX] = {0}; // by tongues: they are the wide humps of the profile
    int32_t sum = 0, w = size->width ? size->width : 1; // never 0: the player refuses it
    for (unsigned i = 0; i < s->tongue_count; i++)
        add_bell(lift, w, s->tongue[i].x >> 8, s->tongue[i].width,
                 s->tongue[i].power * TONGUE_LIFT * (int32_t)s->unit / 256);
    for (int32_t y = 0; y < size->height; y++)
        for (int32_t x = 0; x < w; x++)
            raw[x] = heat[y * w + x] >= TIP_HEAT ? y : raw[x];
    for (int32_t x = 0; x < w; x++) {
        struct nh_fire_column *c = &s->column[x];
        drive_step(s, c, r);
        int32_t away = raw[x] * 256 + lift[x] + c->drive - c->tip;
        c->tip += away * (away > 0 ? TIP_RISE : TIP_FALL) / 256;
        sum += c->tip;
    }
    int32_t mean = sum / w, most = TIP_SHIFT_MAX * (int32_t)s->unit;
    int32_t round = ((int32_t)s->wide - 128) / 256; // a tip is as wide as its lamp is large
    for (int32_t x = 0; x < w; x++) {
        struct nh_fire_column *c = &s->column[x];
        int32_t tip = 0;
        for (int32_t d = -round; d <= round; d++)
            tip += s->column[nh_fx_wrap(x + d, w)].tip;
        tip /= 2 * round + 1;
        c->shift[1] = c->shift[0];
        c->shift[0] = (int16_t)nh_fx_clamp((tip - mean) * TIP_GAIN / 256, -most, most);
    }
}

static void fire_step(void *state, const struct nh_fx_canvas *size, const struct nh_fx_input *in,
                      uint32_t n)
{
    struct nh_fire *s = state;
    struct nh_fx_random r = nh_fx_random_begin(s->seed ^ 0xF12Eu, n);
    s->n = n;
    nh_fire__wind(s, &r);
    nh_fire__tongues(s, &r, size->width);
    nh_fire__jets(s, &r, size->width);
    field_step(s, size, in->intensity);
    uint8_t *heat = s->heat + (size_t)s->now * size->width * size->height;
    feed(s, &r, size, heat);
    tips_step(s, &r, size, heat);
    nh_fire__islands(s, &r, size, heat);
    nh_fire__petals(s, &r, size);
    nh_fire__sparks(s, &r, size);
}

const struct nh_fx_effect nh_fx__fire = {
    .id = NH_FX_DEFAULT_ID,
    .name = "FIRE",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_PALETTE | NH_FX_USES_INTENSITY,
    .palette = NH_FX_PALETTE_FIRE,
    .step_ms = NH_FIRE_STEP_MS,
    .state_bytes = fire_bytes,
    .reset = fire_reset,
    .step = fire_step,
    .draw = nh_fire__draw,
};
