// fx_effects.h - the rows of the registry, for fx_registry.c alone; each stands in the file of its
// effect.

#ifndef NH_LAMP_FX_EFFECTS_H
#define NH_LAMP_FX_EFFECTS_H

#include "components/lamp/fx/fx.h"

extern const struct nh_fx_effect nh_fx__snow_fall, nh_fx__confetti, nh_fx__diag_rainbow,
    nh_fx__glitter_rainbow, nh_fx__radial_ripple, nh_fx__cubes, nh_fx__orbit_dots, nh_fx__doa_debug,
    nh_fx__fire;

// The further ones, in effect_*.c.
extern const struct nh_fx_effect nh_fx__noise, nh_fx__clouds, nh_fx__lava, nh_fx__marble,
    nh_fx__zebra, nh_fx__plasma, nh_fx__color_waves, nh_fx__sea, nh_fx__aurora, nh_fx__moire,
    nh_fx__ripple_field, nh_fx__vortex, nh_fx__tunnel, nh_fx__kaleidoscope, nh_fx__diamonds,
    nh_fx__heart, nh_fx__metaballs, nh_fx__lava_lamp, nh_fx__bubbles, nh_fx__matrix, nh_fx__rain,
    nh_fx__storm, nh_fx__meteors, nh_fx__comet, nh_fx__twinkle, nh_fx__fireflies, nh_fx__fireworks,
    nh_fx__starfield, nh_fx__candle, nh_fx__scanner, nh_fx__wipe, nh_fx__checker, nh_fx__dna,
    nh_fx__balls, nh_fx__bpm, nh_fx__synthwave, nh_fx__gradient, nh_fx__stripes, nh_fx__breathe,
    nh_fx__sunrise, nh_fx__pond, nh_fx__life, nh_fx__equalizer, nh_fx__meter, nh_fx__spectrum,
    nh_fx__text, nh_fx__text_wave, nh_fx__clock, nh_fx__solid;

#endif
