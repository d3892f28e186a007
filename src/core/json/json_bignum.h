// json_bignum.h - the few operations on large natural numbers that exact decimal conversion needs.
// The caller gives the words; nothing is allocated. Shared in this folder only.

#ifndef NH_JSON_BIGNUM_H
#define NH_JSON_BIGNUM_H

#include "core/base/base.h"

// The largest number met when a text is compared with the middle between two doubles: 769 digits,
// or 5^1094 times a 54-bit mantissa: under 2624 bits. Two such stand on the stack.
#define NH__BIG_WORDS_READ 84
// The largest when a double is printed: 2^1075, or a 54-bit mantissa times 10^324: under 1152 bits.
#define NH__BIG_WORDS_PRINT 38

// Little-endian words; `used` has no leading zero words, 0 is the number 0.
struct nh__big {
    uint32_t *words;
    uint16_t used, cap;
};

void nh__big_set(struct nh__big *b, uint64_t v);
void nh__big_mul_add(struct nh__big *b, uint32_t factor, uint32_t add);
void nh__big_mul_pow5(struct nh__big *b, uint32_t exponent);
void nh__big_shift_left(struct nh__big *b, uint32_t bits);
int nh__big_cmp(const struct nh__big *a, const struct nh__big *b);
void nh__big_add(struct nh__big *a, const struct nh__big *b); // a += b
void nh__big_sub(struct nh__big *a, const struct nh__big *b); // a -= b, a >= b
void nh__big_copy(struct nh__big *to, const struct nh__big *from);

#endif
