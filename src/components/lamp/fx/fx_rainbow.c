// fx_rainbow.c - DIAG RAINBOW and GLITTER RAINBOW: the hue circle in stripes across the lamp.

#include "components/lamp/fx/fx_effects.h"
#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_palette.h"
#include "components/lamp/fx/fx_random.h"

#include <string.h>

#define DIAG_VALUE 210
#define GLITTER_VALUE 180
#define GLITTER_STEP_MS 45
#define GLITTERS 16 // on 768 pixels

#define HUE_PER_X 7
#define HUE_PER_Y 9

// At the natural width every row is the same run of colours from another place on: 7 has an inverse
// modulo 256, so the row that begins with hue h begins at h * 183 in the run that begins with 0.
#define PLACE_PER_HUE 183
_Static_assert(HUE_PER_X *PLACE_PER_HUE % 256 == 1, "the inverse");

static void natural_draw(struct nh_fx_canvas *c, const nh_px_t *colors, uint32_t hue)
{
    nh_px_t run[256 + NH_FX_SIDE_MAX];
    for (unsigned i = 0; i < NH_ARRAY_LEN(run); i++)
        run[i] = colors[i * HUE_PER_X & 255u];
    for (unsigned y = 0; y < c->height; y++) {
        unsigned at = (hue + y * HUE_PER_Y) * PLACE_PER_HUE & 255u;
        memcpy(c->px + (size_t)y * c->width, run + at, c->width * sizeof run[0]);
    }
}

// Stripes of another width: hues in 1/128.
static void scaled_draw(struct nh_fx_canvas *c, const nh_px_t *colors, uint32_t hue, uint32_t k)
{
    for (uint32_t y = 0; y < c->height; y++) {
        uint32_t at = hue * 128 + y * HUE_PER_Y * k;
        nh_px_t *row = c->px + (size_t)y * c->width;
        for (uint32_t x = 0; x < c->width; x++)
            row[x] = colors[(at + x * HUE_PER_X * k) / 128 & 255u];
    }
}

static void diag_rainbow_draw(const void *state, struct nh_fx_canvas *c,
                              const struct nh_fx_input *in, uint32_t seed)
{
    (void)state;
    (void)seed;
    nh_px_t colors[256];
    nh_fx_palette_close(in->palette, colors);
    for (unsigned i = 0; i < 256; i++)
        colors[i] = nh_px_value(colors[i], DIAG_VALUE);
    uint32_t k = (uint32_t)nh_fx_by_intensity(in->intensity, 24, 128, 384);
    if (k == 128)
        natural_draw(c, colors, in->time_ms / 20);
    else
        scaled_draw(c, colors, in->time_ms / 20, k);
}

static void glitter_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                         uint32_t seed)
{
    (void)state;
    uint32_t n = (uint32_t)c->width * c->height;
    nh_px_t colors[256];
    nh_fx_palette_close(in->palette, colors);
    for (unsigned x = 0; x < c->width; x++)
        c->px[x] = nh_px_value(colors[(in->time_ms / 20 + 6 * x) & 255u], GLITTER_VALUE);
    for (unsigned y = 1; y < c->height; y++)
        memcpy(c->px + (size_t)y * c->width, c->px, c->width * sizeof c->px[0]);
    uint32_t key = nh_fx_key(seed, in->time_ms / GLITTER_STEP_MS);
    uint32_t per = (uint32_t)nh_fx_by_intensity(in->intensity, 0, GLITTERS, 6 * GLITTERS);
    uint32_t count = nh_fx_share(nh_fx_at(key, 0), per, n);
    for (uint32_t i = 1; i <= count; i++)
        c->px[nh_fx_below(nh_fx_at(key, i), n)] = 0xFFFFFF;
}

const struct nh_fx_effect nh_fx__diag_rainbow = {
    .id = 0xEA03,
    .name = "DIAG RAINBOW",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_PALETTE | NH_FX_USES_INTENSITY,
    .palette = NH_FX_PALETTE_RAINBOW,
    .draw = diag_rainbow_draw,
};

const struct nh_fx_effect nh_fx__glitter_rainbow = {
    .id = 0xEA04,
    .name = "GLITTER RAINBOW",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_PALETTE | NH_FX_USES_INTENSITY,
    .palette = NH_FX_PALETTE_RAINBOW,
    .draw = glitter_draw,
};
