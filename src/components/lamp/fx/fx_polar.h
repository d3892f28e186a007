// fx_polar.h - a row of the canvas seen from a point: how far, and in which direction.

#ifndef NH_LAMP_FX_POLAR_H
#define NH_LAMP_FX_POLAR_H

#include "components/lamp/fx/fx.h"

// A point in Q4: 16 is one pixel. (0, 0) is the middle of the pixel at the bottom left.
struct nh_fx_point {
    int32_t x, y;
};

// The middle of the canvas: between pixels when a side is even.
static inline struct nh_fx_point nh_fx_middle(const struct nh_fx_canvas *c)
{
    return (struct nh_fx_point){(c->width - 1) * 8, (c->height - 1) * 8};
}

// Distances in Q4 of the pixels (0, y) to (n - 1, y) from `from`, which lies within 1024 pixels.
void nh_fx_distance_row(uint16_t *out, uint32_t n, uint32_t y, struct nh_fx_point from);

// Directions of the same pixels: 65536 is a turn, 0 to the right, counter-clockwise.
void nh_fx_direction_row(uint16_t *out, uint32_t n, uint32_t y, struct nh_fx_point from);

#endif
