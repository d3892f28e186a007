// fx_math.h - what effects calculate with: colours, angles and roots in integers.
//
// A full turn is 65536, so that angles wrap by themselves as uint16_t. All is inline and without
// branches where it can be, so that loops over pixels become vector code.

#ifndef NH_LAMP_FX_MATH_H
#define NH_LAMP_FX_MATH_H

#include "components/lamp/fx/fx.h"

// ---- numbers

static inline int32_t nh_fx_min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static inline int32_t nh_fx_max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static inline int32_t nh_fx_clamp(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

static inline int32_t nh_fx_abs(int32_t v)
{
    return v < 0 ? -v : v;
}

static inline uint8_t nh_fx_u8(int32_t v)
{
    return (uint8_t)nh_fx_clamp(v, 0, 255);
}

// v modulo n, in 0 to n - 1 for negative v too. `n` > 0.
static inline int32_t nh_fx_wrap(int32_t v, int32_t n)
{
    if (n < 1)
        __builtin_unreachable(); // the promise above, for compilers and checkers
    int32_t r = v % n;
    return r < 0 ? r + n : r;
}

// v * k / 255, rounded.
static inline uint8_t nh_fx_scale8(uint8_t v, uint8_t k)
{
    return (uint8_t)((v * k + 127) / 255);
}

// a + (b - a) * k / 255: exact at both ends.
static inline uint8_t nh_fx_lerp8(uint8_t a, uint8_t b, uint8_t k)
{
    return (uint8_t)(a + (b - a) * k / 255);
}

// `natural` for intensity 128; from `low` at 0, over it, to `high` at 255, straight on each side.
static inline int32_t nh_fx_by_intensity(uint8_t intensity, int32_t low, int32_t natural,
                                         int32_t high)
{
    return intensity < 128 ? low + (natural - low) * intensity / 128
                           : natural + (high - natural) * (intensity - 128) / 127;
}

// 3v^2 - 2v^3 of 0 to 255: starts and ends gently.
static inline uint8_t nh_fx_ease8(uint8_t v)
{
    return (uint8_t)((uint32_t)v * v * (765u - 2u * v) / 65025u);
}

// 0, up to 255, and back to 1 while `v` goes through 0 to 255: no value twice in a row at the ends.
static inline uint8_t nh_fx_tri8(uint8_t v)
{
    return (uint8_t)(v < 128 ? v * 2 : 511 - v * 2);
}

extern const uint8_t nh_fx__root_table[192]; // 16 roots of 64.5 to 255.5

// The largest r with r * r <= v. A table of the upper 8 bits, one step of Newton's, which never
// ends under the root and at most one over it: a quarter of the time of going bit by bit.
static inline uint32_t nh_fx_isqrt(uint32_t v)
{
    if (v == 0)
        return 0;
    unsigned shift = (unsigned)__builtin_clz(v) & ~1u;
    uint32_t m = v << shift, r = (uint32_t)nh_fx__root_table[(m >> 24) - 64u] << 8;
    r = (r + m / r) / 2u >> shift / 2u;
    return r - ((uint64_t)r * r > v);
}

// ---- angles: 65536 is a turn

extern const int16_t nh_fx__sine_table[258];    // the first quarter, and one beyond
extern const uint8_t nh_fx_sin8_table[256];     // 127.5 + 127.5 sin, for loops that look up
extern const uint16_t nh_fx__arctan_table[257]; // of 0 to 1, an eighth of a turn

// -32767 to 32767.
static inline int32_t nh_fx_sin(uint16_t angle)
{
    uint32_t at = angle & 0x3FFFu;
    if (angle & 0x4000u)
        at = 0x4000u - at;
    int32_t a = nh_fx__sine_table[at >> 6], b = nh_fx__sine_table[(at >> 6) + 1];
    int32_t v = a + (b - a) * (int32_t)(at & 63u) / 64;
    return angle & 0x8000u ? -v : v;
}

static inline int32_t nh_fx_cos(uint16_t angle)
{
    return nh_fx_sin((uint16_t)(angle + 0x4000u));
}

// 0 to 255, 128 at angle 0; `angle` of 256 a turn.
static inline uint8_t nh_fx_sin8(uint8_t angle)
{
    return nh_fx_sin8_table[angle];
}

// The angle of (x, y), counter-clockwise from the right; of (0, 0): 0. |x|, |y| under 2^23.
static inline uint16_t nh_fx_atan2(int32_t y, int32_t x)
{
    uint32_t ax = (uint32_t)nh_fx_abs(x), ay = (uint32_t)nh_fx_abs(y);
    uint32_t big = ax > ay ? ax : ay, small = ax > ay ? ay : ax;
    uint32_t angle = big ? nh_fx__arctan_table[(small * 256u + big / 2) / big] : 0;
    if (ay > ax)
        angle = 0x4000u - angle;
    if (x < 0)
        angle = 0x8000u - angle;
    return (uint16_t)(y < 0 ? 0u - angle : angle);
}

// How far `time_ms` is through a turn that takes `period_ms`. `period_ms` > 0.
static inline uint16_t nh_fx_turn(uint32_t time_ms, uint32_t period_ms)
{
    return (uint16_t)((uint64_t)(time_ms % period_ms) * 65536u / period_ms);
}

// ---- colours

static inline uint8_t nh_px_r(nh_px_t p)
{
    return (uint8_t)(p >> 16);
}

static inline uint8_t nh_px_g(nh_px_t p)
{
    return (uint8_t)(p >> 8);
}

static inline uint8_t nh_px_b(nh_px_t p)
{
    return (uint8_t)p;
}

// The hue circle in six regions of 43 hues, as docs/lamp-effects.md has it; a palette effect takes
// nh_px_value() of the palette RAINBOW instead, which gives the same.
nh_px_t nh_fx_hsv(uint8_t hue, uint8_t saturation, uint8_t value);

// A full colour at value `v`: nh_px_value(nh_fx_hsv(h, 255, 255), v) is nh_fx_hsv(h, 255, v)
// exactly. 0: black; 255: as it is.
static inline nh_px_t nh_px_value(nh_px_t p, uint8_t v)
{
    uint32_t rb = ((p & 0xFF00FFu) + 0x010001u) * v >> 8 & 0xFF00FFu;
    uint32_t g = (((p >> 8 & 0xFFu) + 1u) * v) & 0xFF00u;
    return rb | g;
}

// Every channel c * k / 256; `k` 0 to 256.
static inline nh_px_t nh_px_scale(nh_px_t p, uint32_t k)
{
    return ((p & 0xFF00FFu) * k >> 8 & 0xFF00FFu) | ((p & 0xFF00u) * k >> 8 & 0xFF00u);
}

// Every channel c * k / 255, rounded down: fades that end in black.
static inline nh_px_t nh_px_dim(nh_px_t p, uint8_t k)
{
    return NH_PX(nh_px_r(p) * k / 255, nh_px_g(p) * k / 255, nh_px_b(p) * k / 255);
}

// From a (k 0) to b (k 256).
static inline nh_px_t nh_px_mix(nh_px_t a, nh_px_t b, uint32_t k)
{
    uint32_t l = 256u - k;
    uint32_t rb = ((a & 0xFF00FFu) * l + (b & 0xFF00FFu) * k) >> 8 & 0xFF00FFu;
    uint32_t g = ((a & 0xFF00u) * l + (b & 0xFF00u) * k) >> 8 & 0xFF00u;
    return rb | g;
}

// Channel by channel a + b, at most 255.
static inline nh_px_t nh_px_add(nh_px_t a, nh_px_t b)
{
    uint32_t rb = (a & 0xFF00FFu) + (b & 0xFF00FFu), g = (a & 0xFF00u) + (b & 0xFF00u);
    uint32_t over_rb = (rb & 0x1000100u) >> 8, over_g = (g & 0x10000u) >> 8;
    rb = (rb | (over_rb * 255u)) & 0xFF00FFu;
    g = (g | (over_g * 255u)) & 0xFF00u;
    return rb | g;
}

// Channel by channel the larger one.
static inline nh_px_t nh_px_brighter(nh_px_t a, nh_px_t b)
{
    uint32_t r = (a & 0xFF0000u) > (b & 0xFF0000u) ? a : b;
    uint32_t g = (a & 0xFF00u) > (b & 0xFF00u) ? a : b;
    uint32_t l = (a & 0xFFu) > (b & 0xFFu) ? a : b;
    return (r & 0xFF0000u) | (g & 0xFF00u) | (l & 0xFFu);
}

// ---- canvas

static inline void nh_fx_fill(struct nh_fx_canvas *c, nh_px_t p)
{
    uint32_t n = (uint32_t)c->width * c->height;
    for (uint32_t i = 0; i < n; i++)
        c->px[i] = p;
}

static inline bool nh_fx_has(const struct nh_fx_canvas *c, int32_t x, int32_t y)
{
    return x >= 0 && y >= 0 && x < c->width && y < c->height;
}

// What lies beside the canvas is left out.
static inline void nh_fx_put(struct nh_fx_canvas *c, int32_t x, int32_t y, nh_px_t p)
{
    if (nh_fx_has(c, x, y))
        c->px[y * c->width + x] = p;
}

static inline void nh_fx_put_add(struct nh_fx_canvas *c, int32_t x, int32_t y, nh_px_t p)
{
    if (nh_fx_has(c, x, y))
        c->px[y * c->width + x] = nh_px_add(c->px[y * c->width + x], p);
}

// A soft dot of one pixel's light around (x, y) in Q8 cells (256: one cell), added: it moves
// without jumps. Beside the canvas: left out.
void nh_fx_dot_add(struct nh_fx_canvas *c, int32_t x_q8, int32_t y_q8, nh_px_t p);
// The same with a radius, for lamps of more pixels: full inside, an edge one cell soft. A radius of
// half a cell or less is a dot.
void nh_fx_disc_add(struct nh_fx_canvas *c, int32_t x_q8, int32_t y_q8, int32_t radius_q8,
                    nh_px_t p);

#endif
