// fx_registry.c - the effects in their order. Lists, next and previous, the radio's list and its
// CRC follow it: new ones go to the end.

#include "components/lamp/fx/fx_effects.h"

const struct nh_fx_effect *const nh_fx_effects[] = {
    // clang-format off
    &nh_fx__snow_fall,
    &nh_fx__confetti,
    &nh_fx__diag_rainbow,
    &nh_fx__glitter_rainbow,
    &nh_fx__radial_ripple,
    &nh_fx__cubes,
    &nh_fx__orbit_dots,
    &nh_fx__doa_debug,
    &nh_fx__fire,
    // clang-format on
};
const uint16_t nh_fx_effect_count = NH_ARRAY_LEN(nh_fx_effects);
