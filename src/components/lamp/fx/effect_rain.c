// effect_rain.c - what falls: matrix rain, rain, storm, meteors.

#include "components/lamp/fx/effect_kit.h"
#include "components/lamp/fx/fx_noise.h"
#include "components/lamp/fx/fx_random.h"

// ---- matrix rain: columns of signs, each with a bright head and a tail that goes out

#define MATRIX_DROPS 2 // a column

// A drop's head in Q8 rows from the top of its way; its way is the height and its tail.
struct drop {
    int32_t head_q8, tail;
};

static struct drop drop_get(const struct nh_fx_canvas *c, const struct nh_fx_input *in,
                            uint32_t seed, uint32_t column, uint32_t n)
{
    uint32_t r = nh_fx_hash(seed, n, column);
    int32_t tail = 4 + c->height / 4 + (int32_t)nh_fx_below(r, c->height / 3u + 1);
    uint32_t way_q8 = (uint32_t)(c->height * 2 + tail) * 256;
    uint32_t speed = 7 + c->height / 6u + nh_fx_below(r * 7, c->height / 4u + 2); // rows a second
    uint64_t gone = (uint64_t)in->time_ms * speed * 256 / 1000 + r % way_q8;
    return (struct drop){(int32_t)(gone % way_q8), tail};
}

// Light of a column at row `from_top`: of the drop that is nearest above.
static int32_t drop_light(const struct drop *d, int32_t from_top)
{
    int32_t behind = d->head_q8 / 256 - from_top;
    if (behind < 0 || behind > d->tail) {
        return 0;
    }
    int32_t left = (d->tail - behind) * 255 / d->tail;
    return behind == 0 ? 255 : 20 + left * left / 255 * 190 / 255;
}

static void matrix_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                        uint32_t seed)
{
    (void)state;
    int32_t density = nh_fx_by_intensity(in->intensity, 20, 150, 255);
    for (uint32_t x = 0; x < c->width; x++) {
        struct drop d[MATRIX_DROPS];
        for (uint32_t n = 0; n < MATRIX_DROPS; n++) {
            d[n] = drop_get(c, in, seed, x, n);
            bool is_on = (int32_t)(nh_fx_hash(seed, 50 + n, x) & 255) < density + (n == 0 ? 60 : 0);
            d[n].tail = is_on ? d[n].tail : -1;
        }
        for (uint32_t y = 0; y < c->height; y++) {
            int32_t from_top = c->height - 1 - (int32_t)y;
            int32_t light = nh_fx_max(drop_light(&d[0], from_top), drop_light(&d[1], from_top));
            // Signs change now and then: the same light, a little more or less of it.
            uint32_t sign = nh_fx_hash(seed, in->time_ms / 180 + x * 7, y);
            int32_t k = light == 255 ? 255 : light * (150 + (int32_t)(sign & 127)) / 277;
            c->px[y * c->width + x] = in->palette[k];
        }
    }
}

const struct nh_fx_effect nh_fx__matrix = {
    .id = 0xEA0C,
    .name = "MATRIX RAIN",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_MATRIX,
    .draw = matrix_draw,
};

// ---- rain

static void streak(struct nh_fx_canvas *c, int32_t x_q8, int32_t y_q8, int32_t length, nh_px_t p)
{
    for (int32_t i = 0; i < length; i++) {
        nh_fx_dot_add(c, x_q8, y_q8 + i * 256, nh_px_scale(p, (uint32_t)(256 - i * 256 / length)));
    }
}

// Two dots that fly apart from where a drop met the ground.
static void splash(struct nh_fx_canvas *c, int32_t x_q8, int32_t age_ms, nh_px_t p)
{
    int32_t out = age_ms * 2, up = age_ms * (320 - age_ms) * 512 / (160 * 160) / 2;
    uint32_t k = (uint32_t)nh_fx_max(220 - age_ms * 220 / 320, 0);
    nh_fx_dot_add(c, x_q8 - out, up, nh_px_scale(p, k));
    nh_fx_dot_add(c, x_q8 + out, up, nh_px_scale(p, k));
}

static void drops_draw(struct nh_fx_canvas *c, const struct nh_fx_input *in, uint32_t seed,
                       uint32_t count, int32_t slant)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t r = nh_fx_hash(seed, 3, i);
        uint32_t fall_ms = 500 + c->height * 14u + (r & 255), period = fall_ms + 320;
        uint32_t at = in->time_ms + nh_fx_below(r * 31, period);
        uint32_t place = nh_fx_hash(seed, at / period + 4, i), age = at % period;
        int32_t x = (int32_t)nh_fx_below(place, c->width * 256u);
        nh_px_t p = in->palette[180 + (place & 63)];
        if (age < fall_ms) {
            int32_t y = (int32_t)((fall_ms - age) * (c->height + 4u) * 256 / fall_ms);
            streak(c, x + slant * y / 256, y, 3 + c->height / 12, p);
        } else {
            splash(c, x, (int32_t)(age - fall_ms), p);
        }
    }
}

static uint32_t drop_count(const struct nh_fx_canvas *c, const struct nh_fx_input *in)
{
    int32_t natural = 3 + c->width / 2 + c->width * c->height / 256;
    return (uint32_t)nh_fx_by_intensity(in->intensity, 1, natural, natural * 4);
}

static void rain_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                      uint32_t seed)
{
    (void)state;
    for (uint32_t y = 0; y < c->height; y++) {
        nh_px_t sky = nh_px_scale(in->palette[20 + y * 50 / c->height], 44);
        for (uint32_t x = 0; x < c->width; x++) {
            c->px[y * c->width + x] = sky;
        }
    }
    drops_draw(c, in, seed, drop_count(c, in), 0);
}

const struct nh_fx_effect nh_fx__rain = {
    .id = 0xEA0D,
    .name = "RAIN",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_OCEAN,
    .draw = rain_draw,
};

// ---- storm: dark clouds, slanting rain, lightning

#define BOLT_EVERY_MS 2600
#define BOLT_MS 420

// How bright the flash is, 0 to 255: two strokes, the second weaker. `age_ms` since it began.
static uint32_t flash_light(uint32_t age_ms)
{
    if (age_ms >= BOLT_MS) {
        return 0;
    }
    uint32_t first = age_ms < 110 ? 255 - age_ms * 2 : 0;
    uint32_t second = age_ms >= 150 ? (BOLT_MS - age_ms) * 200 / (BOLT_MS - 150) : 0;
    return first > second ? first : second;
}

// A bolt from the top to somewhere low: one pixel a row, a step aside at chance, thin
// branches.
static void bolt_draw(struct nh_fx_canvas *c, uint32_t seed, uint32_t n, uint32_t light)
{
    struct nh_fx_random r = nh_fx_random_begin(seed, 900 + n);
    int32_t x = (int32_t)nh_fx_below(nh_fx_random_next(&r), c->width), lean = 0;
    int32_t end = (int32_t)nh_fx_below(nh_fx_random_next(&r), c->height / 4u + 1);
    nh_px_t p = nh_px_scale(NH_PX(225, 230, 255), light), glow = nh_px_scale(p, 60);
    for (int32_t y = c->height - 1; y >= end; y--) {
        uint32_t turn = nh_fx_random_next(&r);
        if (nh_fx_one_in(turn, 2)) {
            lean = nh_fx_around(turn * 5, 1);
        }
        lean = x < 1 ? 1 : x > c->width - 2 ? -1 : lean; // it stays in the picture
        x += lean;
        nh_fx_put_add(c, x, y, p);
        nh_fx_put_add(c, x - 1, y, glow);
        nh_fx_put_add(c, x + 1, y, glow);
        if (nh_fx_one_in(turn * 9, 7)) { // a branch
            int32_t side = turn & 1 ? 1 : -1;
            for (uint32_t k = 1; k < 5; k++) {
                nh_fx_put_add(c, x + side * (int32_t)k, y - (int32_t)k,
                              nh_px_scale(p, 150 - k * 28));
            }
        }
    }
}

static void storm_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                       uint32_t seed)
{
    (void)state;
    uint8_t row[NH_FX_SIDE_MAX];
    uint32_t n = in->time_ms / BOLT_EVERY_MS, start = nh_fx_hash(seed, 800, n) % 1800;
    uint32_t age = in->time_ms % BOLT_EVERY_MS - start;
    bool strikes = (nh_fx_hash(seed, 801, n) & 255) < 100u + in->intensity;
    uint32_t flash = strikes && in->time_ms % BOLT_EVERY_MS >= start ? flash_light(age) : 0;
    uint32_t step = 65536u / (10 + c->width / 5u);
    for (uint32_t y = 0; y < c->height; y++) {
        struct nh_fx_noise_at at = {in->time_ms * 26, y * step * 2, in->time_ms * 9, step};
        nh_fx_noise2_row(row, c->width, &at, seed);
        nh_fx_contrast(row, c->width, 30);
        uint32_t high = 40 + y * 110 / c->height; // clouds are above
        for (uint32_t x = 0; x < c->width; x++) {
            uint32_t light = row[x] * high / 255;
            nh_px_t cloud = nh_px_scale(in->palette[60 + light], 60 + light);
            c->px[y * c->width + x] = nh_px_add(
                cloud, nh_px_scale(NH_PX(150, 165, 220), flash * (row[x] / 2 + 40) / 255));
        }
    }
    drops_draw(c, in, seed, drop_count(c, in) / 2 + 1, 70);
    if (flash > 0) {
        bolt_draw(c, seed, n, flash);
    }
}

const struct nh_fx_effect nh_fx__storm = {
    .id = 0xCA11,
    .name = "STORM",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_MOONLIGHT,
    .draw = storm_draw,
};

// ---- meteors: slanting, with tails that glow and crumble

static void meteor_draw(struct nh_fx_canvas *c, const struct nh_fx_input *in, int32_t x_q8,
                        int32_t y_q8, uint32_t r)
{
    int32_t tail = 6 + nh_fx__mean_side(c) / 2;
    for (int32_t k = tail - 1; k >= 0; k--) {
        uint32_t left = (uint32_t)((tail - k) * 256 / tail);
        uint32_t crumb = 150 + (nh_fx_mix(r + (uint32_t)k * 77 + in->time_ms / 90) & 105);
        uint32_t light = k == 0 ? 256 : left * crumb / 256;
        nh_px_t p = k == 0 ? NH_PX(255, 255, 255) : in->palette[255 - k * 200 / tail];
        nh_fx_dot_add(c, x_q8 + k * 120, y_q8 + k * 225, nh_px_scale(p, light));
    }
}

static void meteors_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                         uint32_t seed)
{
    (void)state;
    int32_t natural = 3 + (c->width + c->height) / 10;
    uint32_t count = (uint32_t)nh_fx_by_intensity(in->intensity, 1, natural, natural * 3);
    for (uint32_t y = 0; y < c->height; y++) {
        for (uint32_t x = 0; x < c->width; x++) { // stars stand still and twinkle
            uint32_t star = nh_fx_hash(seed, y, x);
            uint32_t light = nh_fx_sin8((uint8_t)(in->time_ms / 24 + (star >> 8))) / 5;
            c->px[y * c->width + x] =
                (star & 63) == 0 ? NH_PX(light, light, light + 14) : NH_PX(0, 0, 6);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t r = nh_fx_hash(seed, 1000, i);
        int32_t way = c->height * 2 + nh_fx__mean_side(c) / 2 + 12;
        uint32_t period = 900 + (uint32_t)way * 12 + (r & 1023);
        uint32_t at = in->time_ms + nh_fx_below(r * 3, period);
        uint32_t place = nh_fx_hash(seed, 1001 + at / period, i);
        int32_t gone = (int32_t)((uint64_t)(at % period) * (uint32_t)way * 256 / period);
        int32_t x = (int32_t)nh_fx_below(place, (c->width + c->height / 2u) * 256u);
        meteor_draw(c, in, x - gone * 120 / 225, c->height * 256 - gone, r);
    }
}

const struct nh_fx_effect nh_fx__meteors = {
    .id = 0xEA0E,
    .name = "METEORS",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_SUNSET,
    .draw = meteors_draw,
};
