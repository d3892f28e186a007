// fx_confetti.c - CONFETTI: dots of random hue light up and fade.

#include "components/lamp/fx/fx_effects.h"
#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_palette.h"
#include "components/lamp/fx/fx_random.h"

#define STEP_MS 45
#define FADE 232 // of 255 a step
#define VALUE 220
#define DOTS 2 // a step, on 768 pixels

struct confetti {
    uint32_t seed, n; // n: the last step made
    nh_px_t px[];     // as on the canvas then
};

static uint32_t confetti_bytes(uint16_t width, uint16_t height)
{
    return (uint32_t)(sizeof(struct confetti) + (uint32_t)width * height * sizeof(nh_px_t));
}

static void confetti_reset(void *state, const struct nh_fx_canvas *size, uint32_t seed)
{
    (void)size;
    ((struct confetti *)state)->seed = seed;
}

static void confetti_step(void *state, const struct nh_fx_canvas *size,
                          const struct nh_fx_input *in, uint32_t n)
{
    struct confetti *s = state;
    s->n = n;
    uint32_t pixels = (uint32_t)size->width * size->height, key = nh_fx_key(s->seed, n);
    uint32_t per = (uint32_t)nh_fx_by_intensity(in->intensity, 1, DOTS, 8 * DOTS);
    uint32_t count = nh_fx_share(nh_fx_at(key, 0), per, pixels);
    for (uint32_t i = 0; i < pixels; i++)
        s->px[i] = nh_px_dim(s->px[i], FADE);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t hue = nh_fx_at(key, 2 * i + 1) >> 24;
        s->px[nh_fx_below(nh_fx_at(key, 2 * i + 2), pixels)] = nh_px_value(in->palette[hue], VALUE);
    }
}

// Between two steps it fades on.
static void confetti_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                          uint32_t seed)
{
    const struct confetti *s = state;
    (void)seed;
    uint32_t since = in->time_ms - s->n * STEP_MS;
    uint32_t k = 256u - (255u - FADE) * (since < STEP_MS ? since : STEP_MS) / STEP_MS;
    uint32_t pixels = (uint32_t)c->width * c->height;
    for (uint32_t i = 0; i < pixels; i++)
        c->px[i] = nh_px_scale(s->px[i], k);
}

const struct nh_fx_effect nh_fx__confetti = {
    .id = 0xEA02,
    .name = "CONFETTI",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_PALETTE | NH_FX_USES_INTENSITY,
    .palette = NH_FX_PALETTE_RAINBOW,
    .step_ms = STEP_MS,
    .state_bytes = confetti_bytes,
    .reset = confetti_reset,
    .step = confetti_step,
    .draw = confetti_draw,
};
