#include "components/lamp/fx/fx_noise.h"

#define CELL 65536u
// A row touches at most so many points of the lattice: dx is at most one cell.
#define POINT_MAX (NH_FX_SIDE_MAX + 2)

// A height of 16 bits for a point of the lattice; the coordinates wrap at 65536.
static uint32_t lattice(uint32_t x, uint32_t y, uint32_t z, uint32_t seed)
{
    uint32_t h = (x & 0xffff) * 0x9e3779b1u ^ (y & 0xffff) * 0x85ebca77u;
    h ^= (z & 0xffff) * 0xc2b2ae3du ^ seed;
    h = (h ^ h >> 15) * 0x2c1b3c6du;
    h = (h ^ h >> 12) * 0x297a2d39u;
    return h >> 16;
}

// 3f^2 - 2f^3 of a Q16 fraction, in Q14 so that a product with 16 bits stays inside of 31.
static uint32_t smooth(uint32_t fraction)
{
    uint32_t f = (fraction & 0xffff) >> 6; // Q10
    return (f * f >> 4) * (3 * 1024 - 2 * f) >> 12;
}

static uint32_t mix(uint32_t a, uint32_t b, uint32_t k)
{
    return (uint32_t)((int32_t)a + (((int32_t)b - (int32_t)a) * (int32_t)k) / 16384);
}

// The heights along a row, already between the rows and layers around it: what is left is x.
static void points_fill(uint16_t *point, uint32_t count, const struct nh_fx_noise_at *at,
                        uint32_t seed)
{
    uint32_t x = at->x >> 16, y = at->y >> 16, z = at->z >> 16;
    uint32_t ky = smooth(at->y), kz = smooth(at->z);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t near = mix(lattice(x + i, y, z, seed), lattice(x + i, y + 1, z, seed), ky);
        uint32_t far = near;
        if (kz != 0) {
            far = mix(lattice(x + i, y, z + 1, seed), lattice(x + i, y + 1, z + 1, seed), ky);
        }
        point[i] = (uint16_t)mix(near, far, kz);
    }
}

// Two loops: the first looks up, the second is plain arithmetic on arrays, which compilers turn
// into vectors.
void nh_fx_noise_row(uint8_t *out, uint32_t n, const struct nh_fx_noise_at *at, uint32_t seed)
{
    uint16_t point[POINT_MAX + 1];
    int16_t low[NH_FX_SIDE_MAX], rise[NH_FX_SIDE_MAX], part[NH_FX_SIDE_MAX];
    uint32_t x = at->x & (CELL - 1), dx = at->dx < CELL ? at->dx : CELL;
    n = n < NH_FX_SIDE_MAX ? n : NH_FX_SIDE_MAX;
    points_fill(point, ((x + (n > 0 ? n - 1 : 0) * dx) >> 16) + 2, at, seed);
    for (uint32_t i = 0; i < n; i++, x += dx) {
        const uint16_t *p = &point[x >> 16];
        low[i] = (int16_t)(p[0] >> 2);
        rise[i] = (int16_t)((p[1] >> 2) - (p[0] >> 2));
        part[i] = (int16_t)smooth(x);
    }
    for (uint32_t i = 0; i < n; i++) {
        int32_t v = low[i] + ((rise[i] * part[i]) >> 14);
        out[i] = (uint8_t)(v >> 6);
    }
}

void nh_fx_noise2_row(uint8_t *out, uint32_t n, const struct nh_fx_noise_at *at, uint32_t seed)
{
    uint8_t fine[NH_FX_SIDE_MAX];
    struct nh_fx_noise_at half = {at->x * 2, at->y * 2, at->z * 2, at->dx * 2};
    n = n < NH_FX_SIDE_MAX ? n : NH_FX_SIDE_MAX;
    nh_fx_noise_row(out, n, at, seed);
    nh_fx_noise_row(fine, n, &half, seed ^ 0x5bd1e995u);
    for (uint32_t i = 0; i < n; i++) {
        out[i] = (uint8_t)((out[i] * 171 + fine[i] * 85) >> 8);
    }
}

void nh_fx_contrast(uint8_t *row, uint32_t n, int32_t k)
{
    for (uint32_t i = 0; i < n; i++) {
        int32_t v = 128 + (((row[i] - 128) * k) >> 4);
        row[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}
