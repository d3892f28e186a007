// rng.h - a small seeded generator for tests: the same numbers on every machine.

#ifndef NH_TEST_RNG_H
#define NH_TEST_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t state; // the seed; any value
};

static inline uint32_t rng_next(struct rng *r)
{
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = r->state ^ r->state >> 29;
    return (uint32_t)(x * 0xD6E8FEB86659FD93u >> 32);
}

// 0 to n - 1.
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
    return (uint32_t)((uint64_t)rng_next(r) * n >> 32);
}

static inline void rng_bytes(struct rng *r, void *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)rng_next(r);
}

#endif
