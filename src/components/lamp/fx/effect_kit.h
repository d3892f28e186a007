// effect_kit.h - the few things that most effects of effect_*.c share.

#ifndef NH_LAMP_FX_EFFECT_KIT_H
#define NH_LAMP_FX_EFFECT_KIT_H

#include "components/lamp/fx/fx_effects.h"
#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_palette.h"

#define NH_FX_USES_BOTH (NH_FX_USES_PALETTE | NH_FX_USES_INTENSITY)

// `time_ms` as a phase that goes round once in `period_ms`; 256 is a turn.
static inline uint8_t nh_fx__phase(uint32_t time_ms, uint32_t period_ms)
{
    return (uint8_t)(nh_fx_turn(time_ms, period_ms) >> 8);
}

// A colour for a number that goes round at 512: through the palette and back, so that there is no
// seam whatever palette a person takes.
static inline nh_px_t nh_fx__around(const struct nh_fx_input *in, uint32_t v)
{
    v &= 511;
    return in->palette[v < 256 ? v : 511 - v];
}

static inline int32_t nh_fx__short_side(const struct nh_fx_canvas *c)
{
    return c->width < c->height ? c->width : c->height;
}

static inline int32_t nh_fx__mean_side(const struct nh_fx_canvas *c)
{
    return (c->width + c->height + 1) / 2;
}

#endif
