// fx_snow.c - SNOW FALL: flakes come in at the top and sink, fading, a row each 45 ms.

#include "components/lamp/fx/fx_effects.h"
#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_palette.h"
#include "components/lamp/fx/fx_random.h"

#include <string.h>

#define STEP_MS 45
#define FADE 243 // of 255 a row, on a lamp of 48 rows

struct snow {
    uint32_t seed;
    nh_px_t px[]; // as on the canvas
};

static uint32_t snow_bytes(uint16_t width, uint16_t height)
{
    return (uint32_t)(sizeof(struct snow) + (uint32_t)width * height * sizeof(nh_px_t));
}

static void snow_reset(void *state, const struct nh_fx_canvas *size, uint32_t seed)
{
    (void)size;
    ((struct snow *)state)->seed = seed;
}

// A flake reaches the ground on a taller lamp too.
static uint8_t fade_of(uint16_t height)
{
    return (uint8_t)(height <= 48 ? FADE : 255 - (255 - FADE) * 48 / height);
}

static void snow_step(void *state, const struct nh_fx_canvas *size, const struct nh_fx_input *in,
                      uint32_t n)
{
    struct snow *s = state;
    uint32_t w = size->width, kept = w * (size->height - 1u);
    uint8_t fade = fade_of(size->height);
    for (uint32_t i = 0; i < kept; i++)
        s->px[i] = nh_px_dim(s->px[i + w], fade);
    memset(s->px + kept, 0, w * sizeof s->px[0]);
    // Two flakes a row on 16 columns; what is less than one comes by chance.
    uint32_t key = nh_fx_key(s->seed, n), x256 = w * 32u;
    x256 = x256 * (uint32_t)nh_fx_by_intensity(in->intensity, 16, 128, 512) / 128u;
    uint32_t count = (x256 + nh_fx_below(nh_fx_at(key, 0), 256)) / 256u;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t where = nh_fx_at(key, 2 * i + 1), look = nh_fx_at(key, 2 * i + 2);
        nh_px_t color = in->palette[look >> 24];
        s->px[kept + nh_fx_below(where, w)] = nh_px_value(color, (uint8_t)(200 + (look & 0x37)));
    }
}

static void snow_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                      uint32_t seed)
{
    const struct snow *s = state;
    (void)in;
    (void)seed;
    memcpy(c->px, s->px, (size_t)c->width * c->height * sizeof c->px[0]);
}

const struct nh_fx_effect nh_fx__snow_fall = {
    .id = 0xEA01,
    .name = "SNOW FALL",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_PALETTE | NH_FX_USES_INTENSITY,
    .palette = NH_FX_PALETTE_WHITE,
    .step_ms = STEP_MS,
    .state_bytes = snow_bytes,
    .reset = snow_reset,
    .step = snow_step,
    .draw = snow_draw,
};
