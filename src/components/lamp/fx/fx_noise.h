// fx_noise.h - value noise: random heights on a lattice, smooth between them, in whole numbers.
//
// A coordinate is Q16: 65536 is one cell of the lattice. It wraps after 65536 cells without a seam,
// so a field may drift for ever. The third axis is time for fields that boil rather than drift.

#ifndef NH_LAMP_FX_NOISE_H
#define NH_LAMP_FX_NOISE_H

#include "components/lamp/fx/fx.h"

struct nh_fx_noise_at {
    uint32_t x, y, z;
    uint32_t dx; // from one pixel to the next, at most 65536
};

// Heights 0 to 255 at (x + i * dx, y, z) for i = 0 to n - 1; n at most NH_FX_SIDE_MAX. Heights
// gather around 128: nh_fx_contrast() spreads them.
void nh_fx_noise_row(uint8_t *out, uint32_t n, const struct nh_fx_noise_at *at, uint32_t seed);

// Two octaves: the second twice as fine and half as high.
void nh_fx_noise2_row(uint8_t *out, uint32_t n, const struct nh_fx_noise_at *at, uint32_t seed);

// out[i] = 128 + (out[i] - 128) * k / 16, clamped: k = 16 changes nothing.
void nh_fx_contrast(uint8_t *row, uint32_t n, int32_t k);

#endif
