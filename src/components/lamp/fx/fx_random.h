// fx_random.h - chance without a state: a number is a hash of (seed, step, index), so that any
// frame can be drawn at any time and is the same everywhere.

#ifndef NH_LAMP_FX_RANDOM_H
#define NH_LAMP_FX_RANDOM_H

#include "components/lamp/fx/fx.h"

// Mixes all bits into all bits; a bijection, 0 stays 0.
static inline uint32_t nh_fx_mix(uint32_t v)
{
    v ^= v >> 16;
    v *= 0x7FEB352Du;
    v ^= v >> 15;
    v *= 0x846CA68Bu;
    return v ^ v >> 16;
}

// The numbers of one step: take the key once, then any index.
static inline uint32_t nh_fx_key(uint32_t seed, uint32_t step)
{
    return nh_fx_mix(nh_fx_mix(seed + 0x9E3779B9u) + step * 0x85EBCA6Bu);
}

static inline uint32_t nh_fx_at(uint32_t key, uint32_t index)
{
    return nh_fx_mix(key ^ (index + 1u) * 0x9E3779B1u);
}

static inline uint32_t nh_fx_hash(uint32_t seed, uint32_t step, uint32_t index)
{
    return nh_fx_at(nh_fx_key(seed, step), index);
}

// Of a random number `r`: 0 to n - 1; `n` > 0. Uses the high bits of `r`.
static inline uint32_t nh_fx_below(uint32_t r, uint32_t n)
{
    return (uint32_t)((uint64_t)r * n >> 32);
}

// low to high, both included.
static inline int32_t nh_fx_between(uint32_t r, int32_t low, int32_t high)
{
    return low + (int32_t)nh_fx_below(r, (uint32_t)(high - low) + 1u);
}

// -amplitude to amplitude.
static inline int32_t nh_fx_around(uint32_t r, int32_t amplitude)
{
    return nh_fx_between(r, -amplitude, amplitude);
}

static inline bool nh_fx_one_in(uint32_t r, uint32_t n)
{
    return nh_fx_below(r, n) == 0;
}

// How many of `per_768` things on a lamp of 768 pixels come to one of `pixels`; what is less than a
// whole one comes by chance of `r`.
static inline uint32_t nh_fx_share(uint32_t r, uint32_t per_768, uint32_t pixels)
{
    return (per_768 * pixels + nh_fx_below(r, 768)) / 768u;
}

// One number after the other of a step, for code that draws an unknown number of them.
struct nh_fx_random {
    uint32_t key, index;
};

static inline struct nh_fx_random nh_fx_random_begin(uint32_t seed, uint32_t step)
{
    return (struct nh_fx_random){.key = nh_fx_key(seed, step)};
}

static inline uint32_t nh_fx_random_next(struct nh_fx_random *r)
{
    return nh_fx_at(r->key, r->index++);
}

#endif
