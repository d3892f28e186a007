// fx_registry.c - the effects in their order. Lists, next and previous, the radio's list and its
// CRC follow it: new ones go to the end.

#include "components/lamp/fx/fx_effects.h"

const struct nh_fx_effect *const nh_fx_effects[] = {
    &nh_fx__snow_fall,
    &nh_fx__diag_rainbow,
};
const uint16_t nh_fx_effect_count = NH_ARRAY_LEN(nh_fx_effects);
