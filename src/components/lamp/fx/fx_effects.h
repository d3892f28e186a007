// fx_effects.h - the rows of the registry, for fx_registry.c alone; each stands in the file of its
// effect.

#ifndef NH_LAMP_FX_EFFECTS_H
#define NH_LAMP_FX_EFFECTS_H

#include "components/lamp/fx/fx.h"

extern const struct nh_fx_effect nh_fx__snow_fall, nh_fx__diag_rainbow;

#endif
