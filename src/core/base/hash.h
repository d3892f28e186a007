// hash.h - a quick 32-bit hash for tables in memory. Not stable between versions or byte orders:
// never store it. Seed it with random bytes where strangers choose the keys; it is no MAC.

#ifndef NH_HASH_H
#define NH_HASH_H

#include "core/base/base.h"

#include <string.h>

// Multiplying carries each bit upwards, the shift brings the upper half down for the next step.
static inline uint32_t nh_hash__mix(uint32_t h, uint32_t word)
{
    h = (h ^ word) * 0x9E3779B1u;
    return h ^ h >> 15;
}

static inline uint32_t nh_hash32(const void *bytes, size_t len, uint32_t seed)
{
    const uint8_t *p = bytes;
    uint32_t h = nh_hash__mix(seed, (uint32_t)len), word;
    for (; len >= 4; len -= 4, p += 4) {
        memcpy(&word, p, 4);
        h = nh_hash__mix(h, word);
    }
    word = 0;
    for (size_t i = 0; i < len; i++)
        word = word << 8 | p[i];
    h = nh_hash__mix(h, word);
    return nh_hash__mix(h, 0x85EBCA6Bu);
}

#endif
