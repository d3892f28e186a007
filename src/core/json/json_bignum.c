#include "core/json/json_bignum.h"

#include <string.h>

// Every size below has a proven bound (see the header), so an overflow is a bug of ours.
static void push_word(struct nh__big *b, uint32_t word)
{
    NH_ASSERT(b->used < b->cap);
    b->words[b->used++] = word;
}

static void trim(struct nh__big *b)
{
    while (b->used > 0 && b->words[b->used - 1] == 0)
        b->used--;
}

void nh__big_set(struct nh__big *b, uint64_t v)
{
    b->used = 0;
    push_word(b, (uint32_t)v);
    push_word(b, (uint32_t)(v >> 32));
    trim(b);
}

void nh__big_mul_add(struct nh__big *b, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;
    for (size_t i = 0; i < b->used; i++) {
        carry += (uint64_t)b->words[i] * factor;
        b->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        push_word(b, (uint32_t)carry);
}

void nh__big_mul_pow5(struct nh__big *b, uint32_t exponent)
{
    static const uint32_t small[] = {1,     5,      25,      125,     625,      3125,     15625,
                                     78125, 390625, 1953125, 9765625, 48828125, 244140625};
    for (; exponent > 12; exponent -= 13)
        nh__big_mul_add(b, 1220703125u, 0); // 5^13, the largest in a word
    nh__big_mul_add(b, small[exponent], 0);
}

void nh__big_shift_left(struct nh__big *b, uint32_t bits)
{
    size_t words = bits / 32;
    bits %= 32;
    if (b->used == 0)
        return;
    if (bits)
        nh__big_mul_add(b, (uint32_t)1 << bits, 0);
    if (words == 0)
        return;
    NH_ASSERT(b->used + words <= b->cap);
    memmove(b->words + words, b->words, b->used * sizeof b->words[0]);
    memset(b->words, 0, words * sizeof b->words[0]);
    b->used = (uint16_t)(b->used + words);
}

int nh__big_cmp(const struct nh__big *a, const struct nh__big *b)
{
    if (a->used != b->used)
        return a->used < b->used ? -1 : 1;
    for (size_t i = a->used; i-- > 0;)
        if (a->words[i] != b->words[i])
            return a->words[i] < b->words[i] ? -1 : 1;
    return 0;
}

void nh__big_add(struct nh__big *a, const struct nh__big *b)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < b->used || (carry && i < a->used); i++) {
        if (i == a->used)
            push_word(a, 0);
        carry += (uint64_t)a->words[i] + (i < b->used ? b->words[i] : 0);
        a->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        push_word(a, (uint32_t)carry);
}

void nh__big_sub(struct nh__big *a, const struct nh__big *b)
{
    uint64_t borrow = 0;
    for (size_t i = 0; i < a->used; i++) {
        uint64_t take = (i < b->used ? b->words[i] : 0) + borrow;
        borrow = a->words[i] < take;
        a->words[i] = (uint32_t)(a->words[i] - take);
    }
    NH_ASSERT(!borrow);
    trim(a);
}

void nh__big_copy(struct nh__big *to, const struct nh__big *from)
{
    NH_ASSERT(from->used <= to->cap);
    memcpy(to->words, from->words, from->used * sizeof from->words[0]);
    to->used = from->used;
}
