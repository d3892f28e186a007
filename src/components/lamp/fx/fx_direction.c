// fx_direction.c - DOA DEBUG: where the microphones hear a voice, as one dot; to check the
// hardware.

#include "components/lamp/fx/fx_effects.h"
#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_palette.h"

// The dot is full up to this age of what was heard, and gone at that.
#define FRESH_MS 150u
#define GONE_MS 900u
// Levels at the bottom and the top: 0.05 and 0.70 of 255.
#define LEVEL_LOW 13
#define LEVEL_HIGH 179

static void direction_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                           uint32_t seed)
{
    (void)state;
    (void)seed;
    nh_fx_fill(c, 0);
    if (in->direction_age_ms >= GONE_MS)
        return;
    uint32_t over = in->direction_age_ms > FRESH_MS ? in->direction_age_ms - FRESH_MS : 0;
    uint32_t k = 256u - 256u * over / (GONE_MS - FRESH_MS);
    int32_t level = nh_fx_clamp(in->audio_level, LEVEL_LOW, LEVEL_HIGH) - LEVEL_LOW;
    nh_fx_put(c, in->direction_deg % 360 * c->width / 360,
              level * (c->height - 1) / (LEVEL_HIGH - LEVEL_LOW), nh_px_scale(0x00FFFF, k));
}

const struct nh_fx_effect nh_fx__doa_debug = {
    .id = 0xED01,
    .name = "DOA DEBUG",
    .kind = NH_FX_SOUND,
    .uses = NH_FX_USES_AUDIO | NH_FX_IS_HIDDEN,
    .palette = NH_FX_PALETTE_WHITE,
    .draw = direction_draw,
};
