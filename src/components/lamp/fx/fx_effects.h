// fx_effects.h - the rows of the registry, for fx_registry.c alone; each stands in the file of its
// effect.

#ifndef NH_LAMP_FX_EFFECTS_H
#define NH_LAMP_FX_EFFECTS_H

#include "components/lamp/fx/fx.h"

extern const struct nh_fx_effect nh_fx__snow_fall, nh_fx__confetti, nh_fx__diag_rainbow,
    nh_fx__glitter_rainbow, nh_fx__radial_ripple, nh_fx__cubes, nh_fx__orbit_dots, nh_fx__doa_debug,
    nh_fx__fire;

#endif
