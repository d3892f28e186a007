// fx_rainbow.c - DIAG RAINBOW: the hue circle in stripes across the lamp.

#include "components/lamp/fx/fx_effects.h"
#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_palette.h"

#include <string.h>

#define VALUE 210

// Every row is the same run of colours from another place on: 7 has an inverse modulo 256, so the
// row that begins with hue h begins at h * 183 in the run that begins with hue 0.
#define HUE_PER_X 7
#define HUE_PER_Y 9
#define PLACE_PER_HUE 183
_Static_assert(HUE_PER_X *PLACE_PER_HUE % 256 == 1, "the inverse");

static void diag_rainbow_draw(const void *state, struct nh_fx_canvas *c,
                              const struct nh_fx_input *in, uint32_t seed)
{
    (void)state;
    (void)seed;
    nh_px_t run[256 + NH_FX_SIDE_MAX];
    for (unsigned i = 0; i < 256; i++)
        run[i] = nh_px_value(in->palette[i * HUE_PER_X & 255u], VALUE);
    memcpy(run + 256, run, NH_FX_SIDE_MAX * sizeof run[0]);
    uint32_t hue = in->time_ms / 20;
    for (unsigned y = 0; y < c->height; y++) {
        unsigned at = (hue + y * HUE_PER_Y) * PLACE_PER_HUE & 255u;
        memcpy(c->px + (size_t)y * c->width, run + at, c->width * sizeof run[0]);
    }
}

const struct nh_fx_effect nh_fx__diag_rainbow = {
    .id = 0xEA03,
    .name = "DIAG RAINBOW",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_PALETTE,
    .palette = NH_FX_PALETTE_RAINBOW,
    .draw = diag_rainbow_draw,
};
