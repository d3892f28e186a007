// effect_noise.c - fields of noise: clouds, lava, marble, stripes that wander.

#include "components/lamp/fx/effect_kit.h"
#include "components/lamp/fx/fx_noise.h"

// A cell of noise is so many pixels wide: about the lamp's short side, larger on a large one.
static uint32_t cell_pixels(const struct nh_fx_canvas *c)
{
    uint32_t side = c->width < c->height ? c->width : c->height;
    return 8 + side / 3;
}

// From one pixel to the next in Q16 cells; a higher intensity makes the pattern finer.
static uint32_t pitch(const struct nh_fx_canvas *c, const struct nh_fx_input *in)
{
    uint32_t natural = 65536u / cell_pixels(c);
    uint32_t k = (uint32_t)nh_fx_by_intensity(in->intensity, 96, 256, 640);
    return nh_fx_min((int32_t)(natural * k / 256), 32768);
}

static void noise_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                       uint32_t seed)
{
    (void)state;
    uint8_t row[NH_FX_SIDE_MAX];
    uint32_t step = pitch(c, in), turn = in->time_ms / 20;
    for (uint32_t y = 0; y < c->height; y++) {
        struct nh_fx_noise_at at = {in->time_ms * 9, y * step + in->time_ms * 6, in->time_ms * 14,
                                    step};
        nh_fx_noise_row(row, c->width, &at, seed);
        for (uint32_t x = 0; x < c->width; x++) {
            c->px[y * c->width + x] = nh_fx__around(in, row[x] * 2u + turn);
        }
    }
}

const struct nh_fx_effect nh_fx__noise = {
    .id = 0xCA02,
    .name = "NOISE",
    .kind = NH_FX_NOISE,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_RAINBOW,
    .draw = noise_draw,
};

static void clouds_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                        uint32_t seed)
{
    (void)state;
    uint8_t row[NH_FX_SIDE_MAX];
    uint32_t step = pitch(c, in) * 3 / 4;
    for (uint32_t y = 0; y < c->height; y++) {
        // Clouds are wider than high: rows lie further apart in the field than columns.
        struct nh_fx_noise_at at = {in->time_ms * 16, y * step * 2 + in->time_ms * 2,
                                    in->time_ms * 5, step};
        nh_fx_noise2_row(row, c->width, &at, seed);
        nh_fx_contrast(row, c->width, 36);
        for (uint32_t x = 0; x < c->width; x++) {
            c->px[y * c->width + x] = in->palette[row[x]];
        }
    }
}

const struct nh_fx_effect nh_fx__clouds = {
    .id = 0xCA03,
    .name = "CLOUDS",
    .kind = NH_FX_NOISE,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_CLOUDS,
    .draw = clouds_draw,
};

// Ridges: bright where two fields cross their middle, as cracks in a crust that drifts.
static void lava_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                      uint32_t seed)
{
    (void)state;
    uint8_t crust[NH_FX_SIDE_MAX], glow[NH_FX_SIDE_MAX];
    uint32_t step = pitch(c, in);
    for (uint32_t y = 0; y < c->height; y++) {
        struct nh_fx_noise_at at = {in->time_ms * 3, y * step - in->time_ms * 12, in->time_ms * 10,
                                    step};
        struct nh_fx_noise_at deep = {in->time_ms * 5, y * step / 2 - in->time_ms * 6,
                                      in->time_ms * 8, step / 2};
        nh_fx_noise2_row(crust, c->width, &at, seed);
        nh_fx_noise_row(glow, c->width, &deep, seed ^ 0x1a7a);
        for (uint32_t x = 0; x < c->width; x++) {
            int32_t ridge = 255 - nh_fx_abs(crust[x] - 128) * 6;
            int32_t heat = (nh_fx_max(ridge, 0) * (70 + glow[x]) >> 8) + glow[x] / 4;
            c->px[y * c->width + x] = in->palette[nh_fx_u8(heat)];
        }
    }
}

const struct nh_fx_effect nh_fx__lava = {
    .id = 0xCA04,
    .name = "LAVA",
    .kind = NH_FX_NOISE,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_LAVA,
    .draw = lava_draw,
};

// Veins: one field bends the colours of the other.
static void marble_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                        uint32_t seed)
{
    (void)state;
    uint8_t bend[NH_FX_SIDE_MAX], row[NH_FX_SIDE_MAX];
    uint32_t step = pitch(c, in);
    for (uint32_t y = 0; y < c->height; y++) {
        struct nh_fx_noise_at at = {in->time_ms * 4, y * step, in->time_ms * 7, step};
        struct nh_fx_noise_at fine = {0, y * step + in->time_ms * 8, in->time_ms * 5, step};
        nh_fx_noise_row(bend, c->width, &at, seed);
        nh_fx_noise2_row(row, c->width, &fine, seed ^ 0x3a2b1e);
        for (uint32_t x = 0; x < c->width; x++) {
            uint32_t v = row[x] + bend[x] * 3u + in->time_ms / 60;
            c->px[y * c->width + x] = nh_px_value(
                nh_fx__around(in, v), (uint8_t)(95 + nh_fx_sin8((uint8_t)(v * 2)) * 160 / 255));
        }
    }
}

const struct nh_fx_effect nh_fx__marble = {
    .id = 0xCA05,
    .name = "MARBLE",
    .kind = NH_FX_NOISE,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_PEACOCK,
    .draw = marble_draw,
};

// Bands of light and dark with soft edges, colours run along them.
static void zebra_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                       uint32_t seed)
{
    (void)state;
    uint8_t row[NH_FX_SIDE_MAX];
    uint32_t step = pitch(c, in);
    for (uint32_t y = 0; y < c->height; y++) {
        struct nh_fx_noise_at at = {in->time_ms * 5, y * step + in->time_ms * 7, in->time_ms * 6,
                                    step};
        nh_fx_noise_row(row, c->width, &at, seed);
        for (uint32_t x = 0; x < c->width; x++) {
            int32_t band = (nh_fx_sin8((uint8_t)(row[x] * 6 + in->time_ms / 12)) - 128) * 5 + 128;
            nh_px_t p = nh_fx__around(in, row[x] * 2u + y * 2 + in->time_ms / 25);
            c->px[y * c->width + x] = nh_px_value(p, nh_fx_u8(nh_fx_max(band, 10)));
        }
    }
}

const struct nh_fx_effect nh_fx__zebra = {
    .id = 0xCA06,
    .name = "ZEBRA",
    .kind = NH_FX_NOISE,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_CANDY,
    .draw = zebra_draw,
};
