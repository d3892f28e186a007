// effect_waves.c - sums of waves: plasma, colour waves, the sea, northern lights, crossing rings.

#include "components/lamp/fx/effect_kit.h"
#include "components/lamp/fx/fx_noise.h"
#include "components/lamp/fx/fx_polar.h"

// How fine a pattern is, Q8: natural is 256.
static uint32_t fineness(const struct nh_fx_input *in)
{
    return (uint32_t)nh_fx_by_intensity(in->intensity, 96, 256, 560);
}

// Steps of a wave a pixel (256 a wave, Q8) that makes `waves_q4` sixteenths of a wave over the mean
// side of the lamp.
static uint32_t wave_pitch(const struct nh_fx_canvas *c, uint32_t waves_q4, uint32_t fine)
{
    uint32_t side = (c->width + c->height) / 2u;
    return waves_q4 * 16 * fine / (side < 8 ? 8 : side);
}

// ---- plasma

static void plasma_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                        uint32_t seed)
{
    (void)state;
    (void)seed;
    uint32_t t = in->time_ms, k = wave_pitch(c, 20, fineness(in));
    uint8_t along[NH_FX_SIDE_MAX];
    for (uint32_t x = 0; x < c->width; x++) {
        along[x] = nh_fx_sin8((uint8_t)((x * k * 9 / 8 >> 8) + nh_fx__phase(t, 7300)));
    }
    for (uint32_t y = 0; y < c->height; y++) {
        uint32_t row = nh_fx_sin8((uint8_t)((y * k >> 8) - nh_fx__phase(t, 5900)));
        uint32_t lean = nh_fx_sin8((uint8_t)((y * k >> 9) + nh_fx__phase(t, 11000)));
        for (uint32_t x = 0; x < c->width; x++) {
            uint32_t v = along[x] + row;
            v += nh_fx_sin8((uint8_t)((x * k >> 8) + lean + nh_fx__phase(t, 4700)));
            v += nh_fx_sin8((uint8_t)(((x + y) * k >> 9) + along[x] / 2 - nh_fx__phase(t, 8300)));
            c->px[y * c->width + x] = nh_fx__around(in, v / 2 + nh_fx__phase(t, 12000) * 2u);
        }
    }
}

const struct nh_fx_effect nh_fx__plasma = {
    .id = 0xCA07,
    .name = "PLASMA",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_PLASMA,
    .draw = plasma_draw,
};

// ---- colour waves: colours one way, light and shade across it

static void color_waves_draw(const void *state, struct nh_fx_canvas *c,
                             const struct nh_fx_input *in, uint32_t seed)
{
    (void)state;
    (void)seed;
    uint32_t t = in->time_ms, k = wave_pitch(c, 14, fineness(in));
    for (uint32_t y = 0; y < c->height; y++) {
        uint32_t sway = nh_fx_sin8((uint8_t)((y * k >> 9) + nh_fx__phase(t, 9100)));
        for (uint32_t x = 0; x < c->width; x++) {
            uint32_t hue = (y * k >> 9) + (x * k >> 9) + sway / 3 + nh_fx__phase(t, 10000);
            uint32_t light =
                nh_fx_sin8((uint8_t)((x * k >> 8) + sway - (y * k >> 9) - nh_fx__phase(t, 3900)));
            c->px[y * c->width + x] =
                nh_px_value(nh_fx__around(in, hue * 2), (uint8_t)(40 + light * light / 302));
        }
    }
}

const struct nh_fx_effect nh_fx__color_waves = {
    .id = 0xEA08,
    .name = "COLOR WAVES",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_RAINBOW,
    .draw = color_waves_draw,
};

// ---- the sea: swells that run against each other, foam where they meet

static void sea_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                     uint32_t seed)
{
    (void)state;
    uint8_t swell[NH_FX_SIDE_MAX], chop[NH_FX_SIDE_MAX];
    uint32_t t = in->time_ms, side = (c->width + c->height) / 2u;
    uint32_t step = 65536u / (6 + side / 4);
    int32_t foam_from = nh_fx_by_intensity(in->intensity, 255, 176, 120);
    for (uint32_t y = 0; y < c->height; y++) {
        struct nh_fx_noise_at a = {t * 18, y * step * 2 - t * 22, t * 8, step * 2 / 3};
        struct nh_fx_noise_at b = {0 - t * 25, y * step * 3 - t * 13, t * 12, step};
        nh_fx_noise_row(swell, c->width, &a, seed);
        nh_fx_noise_row(chop, c->width, &b, seed ^ 0x5ea);
        nh_fx_contrast(swell, c->width, 22);
        for (uint32_t x = 0; x < c->width; x++) {
            int32_t height = (swell[x] * 5 + chop[x] * 3) / 8;
            int32_t foam = (nh_fx_min(swell[x], chop[x]) - foam_from) * 4;
            nh_px_t water = in->palette[nh_fx_u8(height * 5 / 4 - 40)];
            c->px[y * c->width + x] =
                nh_px_mix(water, NH_PX(210, 245, 255), (uint32_t)nh_fx_clamp(foam, 0, 200));
        }
    }
}

const struct nh_fx_effect nh_fx__sea = {
    .id = 0xCA08,
    .name = "SEA",
    .kind = NH_FX_NOISE,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_OCEAN,
    .draw = sea_draw,
};

// ---- northern lights

#define CURTAIN_COUNT 3

// One curtain: where its lower edge hangs, and how bright and long its rays are, by column.
struct curtain {
    int16_t edge_q4[NH_FX_SIDE_MAX];
    uint8_t ray[NH_FX_SIDE_MAX];
};

static void curtain_hang(struct curtain *k, uint32_t n, const struct nh_fx_canvas *c,
                         const struct nh_fx_input *in, uint32_t seed)
{
    uint8_t fold[NH_FX_SIDE_MAX];
    uint32_t step = 65536u / (10 + c->width / 4u), t = in->time_ms + n * 77777;
    struct nh_fx_noise_at wide = {t * (3 + n), n * 65536 * 7, t * (9 - n), step};
    struct nh_fx_noise_at fine = {0 - t * (10 + n * 3), n * 65536 * 11, t * 26,
                                  (uint32_t)nh_fx_min((int32_t)(step * 3), 65536)};
    nh_fx_noise_row(fold, c->width, &wide, seed);
    nh_fx_noise_row(k->ray, c->width, &fine, seed ^ 0xa0a0);
    nh_fx_contrast(fold, c->width, 28);
    nh_fx_contrast(k->ray, c->width, 30);
    for (uint32_t x = 0; x < c->width; x++) {
        k->edge_q4[x] = (int16_t)(c->height * (fold[x] * 9 + (int32_t)n * 450 - 120) / 256);
    }
}

// Light of a curtain at a height above its edge: a sharp lower edge, a long fade above.
static uint32_t curtain_light(int32_t above_q4, uint32_t ray, int32_t height)
{
    int32_t length = height * 16 * (int32_t)(70 + ray) / 512 + 1;
    if (above_q4 < 0) {
        return above_q4 > -24 ? ray * (uint32_t)(24 + above_q4) / 24 : 0;
    }
    int32_t left = length - above_q4;
    return left > 0 ? ray * (uint32_t)(left * 256 / length * left / length) / 256 : 0;
}

static void aurora_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                        uint32_t seed)
{
    (void)state;
    struct curtain k[CURTAIN_COUNT];
    uint32_t gain = (uint32_t)nh_fx_by_intensity(in->intensity, 150, 420, 640);
    for (uint32_t n = 0; n < CURTAIN_COUNT; n++) {
        curtain_hang(&k[n], n, c, in, seed + n * 991);
    }
    for (uint32_t y = 0; y < c->height; y++) {
        nh_px_t sky = NH_PX(1, 2 + 4 * y / c->height, 8 + 10 * y / c->height);
        for (uint32_t x = 0; x < c->width; x++) {
            nh_px_t p = sky;
            for (uint32_t n = 0; n < CURTAIN_COUNT; n++) {
                int32_t above = (int32_t)y * 16 - k[n].edge_q4[x];
                uint32_t light = curtain_light(above, k[n].ray[x], c->height) * gain / 256;
                uint32_t hue =
                    (uint32_t)nh_fx_clamp(70 + above * 20 / c->height + (int32_t)n * 14, 60, 255);
                p = nh_px_add(
                    p, nh_px_scale(in->palette[hue], (uint32_t)nh_fx_min((int32_t)light, 256)));
            }
            c->px[y * c->width + x] = p;
        }
    }
}

const struct nh_fx_effect nh_fx__aurora = {
    .id = 0xCA09,
    .name = "AURORA",
    .kind = NH_FX_NOISE,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_AURORA,
    .draw = aurora_draw,
};

// ---- rings that cross

// A point that wanders through the canvas on its own path.
static struct nh_fx_point wander(const struct nh_fx_canvas *c, uint32_t t, uint32_t period_x,
                                 uint32_t period_y, uint16_t start)
{
    int32_t x = nh_fx_sin((uint16_t)(nh_fx_turn(t, period_x) + start));
    int32_t y = nh_fx_cos((uint16_t)(nh_fx_turn(t, period_y) + start));
    struct nh_fx_point m = nh_fx_middle(c);
    return (struct nh_fx_point){m.x + c->width * 8 * x / 32768, m.y + c->height * 8 * y / 32768};
}

static void moire_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                       uint32_t seed)
{
    (void)state;
    (void)seed;
    uint16_t one[NH_FX_SIDE_MAX], two[NH_FX_SIDE_MAX];
    uint32_t t = in->time_ms, k = wave_pitch(c, 56, fineness(in)) / 16;
    struct nh_fx_point a = wander(c, t, 9000, 7100, 0), b = wander(c, t, 8300, 11900, 0x6000);
    for (uint32_t y = 0; y < c->height; y++) {
        nh_fx_distance_row(one, c->width, y, a);
        nh_fx_distance_row(two, c->width, y, b);
        for (uint32_t x = 0; x < c->width; x++) {
            int32_t v = nh_fx_sin8((uint8_t)((one[x] * k >> 8) - nh_fx__phase(t, 2600)));
            int32_t w = nh_fx_sin8((uint8_t)((two[x] * k >> 8) - nh_fx__phase(t, 3100)));
            uint32_t hue = (uint32_t)(one[x] + two[x]) / 8 + nh_fx__phase(t, 9000);
            int32_t light = nh_fx_abs(v - w);
            c->px[y * c->width + x] = nh_px_value(nh_fx__around(in, hue * 2),
                                                  (uint8_t)(255 - light * (510 - light) / 280));
        }
    }
}

const struct nh_fx_effect nh_fx__moire = {
    .id = 0xCA0A,
    .name = "MOIRE",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_NEON,
    .draw = moire_draw,
};

static void ripple_field_draw(const void *state, struct nh_fx_canvas *c,
                              const struct nh_fx_input *in, uint32_t seed)
{
    (void)state;
    (void)seed;
    uint16_t d[3][NH_FX_SIDE_MAX];
    uint32_t t = in->time_ms, k = wave_pitch(c, 34, fineness(in)) / 16;
    struct nh_fx_point from[3] = {wander(c, t, 17000, 13000, 0), wander(c, t, 14500, 19000, 0x5555),
                                  wander(c, t, 21000, 16000, 0xaaaa)};
    for (uint32_t y = 0; y < c->height; y++) {
        for (uint32_t i = 0; i < 3; i++) {
            nh_fx_distance_row(d[i], c->width, y, from[i]);
        }
        for (uint32_t x = 0; x < c->width; x++) {
            uint32_t sum = nh_fx_sin8((uint8_t)((d[0][x] * k >> 8) - nh_fx__phase(t, 2100)));
            sum += nh_fx_sin8((uint8_t)((d[1][x] * k >> 8) - nh_fx__phase(t, 2500)));
            sum += nh_fx_sin8((uint8_t)((d[2][x] * k >> 8) - nh_fx__phase(t, 2900)));
            uint32_t crest = sum > 510 ? (sum - 510) : 0;
            nh_px_t water = in->palette[sum / 3];
            c->px[y * c->width + x] = nh_px_mix(water, NH_PX(255, 255, 255), crest * 3 / 4);
        }
    }
}

const struct nh_fx_effect nh_fx__ripple_field = {
    .id = 0xCA0B,
    .name = "RIPPLE FIELD",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_LAGOON,
    .draw = ripple_field_draw,
};
