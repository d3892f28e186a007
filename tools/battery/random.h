// random.h - the simulator's chance: the same from the same seed, on every machine.

#ifndef NH_TOOLS_BATTERY_RANDOM_H
#define NH_TOOLS_BATTERY_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct nh_sim_random {
    uint64_t state; // any
};

static inline uint32_t nh_sim_random_next(struct nh_sim_random *r) // splitmix64, public domain
{
    uint64_t z = r->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)(z >> 32);
}

// -1 to 1, evenly.
static inline double nh_sim_random_even(struct nh_sim_random *r)
{
    return nh_sim_random_next(r) / 2147483648.0 - 1;
}

// True `ppm` times of a million.
static inline bool nh_sim_random_happens(struct nh_sim_random *r, uint32_t ppm)
{
    return ppm && (uint64_t)nh_sim_random_next(r) * 1000000 >> 32 < ppm;
}

#endif
