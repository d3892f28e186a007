// secret.h - comparing what an attacker must not guess piece by piece.

#ifndef NH_SECRET_H
#define NH_SECRET_H

#include "core/base/base.h"

// Whether `len` bytes are equal, in a time that depends on `len` alone. The lengths themselves are
// no secret: compare digests of fixed size.
static inline bool nh_ct_equal(const void *a, const void *b, size_t len)
{
    // volatile: the compiler may not find out that one difference decides.
    const volatile uint8_t *x = a, *y = b;
    uint8_t diff = 0;
    for (size_t i = 0; i < len; i++)
        diff = (uint8_t)(diff | (x[i] ^ y[i]));
    return diff == 0;
}

#endif
