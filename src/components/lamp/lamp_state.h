// lamp_state.h - what a command makes of the state. Sans-IO, no memory.

#ifndef NH_LAMP_STATE_H
#define NH_LAMP_STATE_H

#include "components/lamp/lamp.h"

#define NH_LAMP__BRIGHTNESS_DEFAULT 102

void nh_lamp__state_default(struct nh_lamp_state *s);

// Brings every field into its range: what was read from a document may be anything. An unknown
// effect or palette becomes the default one.
void nh_lamp__state_clamp(struct nh_lamp_state *s, uint16_t palette_count);

// Does `c`, whose text is NUL-terminated if at all. Returns which fields changed (enum of
// nh_lamp_command.mask; a colour is one of three bits), and raises seq by one if any did; 0: all
// is as it was. NH_ERR_NOT_FOUND: no such effect or palette; NH_ERR_INVAL: kind, mask, mode, blend,
// or a text that is no UTF-8: `*s` is as before. Numbers out of range are clamped.
NH_MUST_USE int nh_lamp__state_apply(struct nh_lamp_state *s, const struct nh_lamp_command *c,
                                     uint16_t palette_count);

#endif
