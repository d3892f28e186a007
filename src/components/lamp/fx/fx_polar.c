#include "components/lamp/fx/fx_polar.h"

#include "components/lamp/fx/fx_math.h"

#define ONE 16            // a pixel in Q4
#define EXACT_UNDER 16384 // squared distances below 8 pixels: the neighbour is no good guess

// A neighbour's root is near: two steps of Newton end within a sixteenth of a pixel.
static uint32_t root_near(uint32_t square, uint32_t guess)
{
    guess = (guess + square / guess) / 2;
    return (guess + square / guess) / 2;
}

void nh_fx_distance_row(uint16_t *out, uint32_t n, uint32_t y, struct nh_fx_point from)
{
    int32_t dx = -from.x, dy = (int32_t)y * ONE - from.y;
    uint32_t root = 0;
    for (uint32_t i = 0; i < n; i++, dx += ONE) {
        uint32_t square = (uint32_t)(dx * dx + dy * dy);
        root = square < EXACT_UNDER || root == 0 ? nh_fx_isqrt(square) : root_near(square, root);
        out[i] = (uint16_t)root;
    }
}

void nh_fx_direction_row(uint16_t *out, uint32_t n, uint32_t y, struct nh_fx_point from)
{
    int32_t dx = -from.x, dy = (int32_t)y * ONE - from.y;
    for (uint32_t i = 0; i < n; i++, dx += ONE) {
        out[i] = nh_fx_atan2(dy, dx);
    }
}
