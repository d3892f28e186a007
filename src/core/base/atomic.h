// atomic.h - 32-bit counters that several tasks touch, on targets with and without atomics.
//
// C11's _Atomic wants a library on a chip without atomic instructions (rv32imc). Where the compiler
// has lock-free 32-bit operations, these are them; where it has not, they are plain steps and
// NH_ATOMIC_NATIVE is 0: then the caller holds a lock around them, or has one task only.

#ifndef NH_ATOMIC_H
#define NH_ATOMIC_H

#include <stdint.h>

#ifdef __GCC_HAVE_SYNC_COMPARE_AND_SWAP_4
#define NH_ATOMIC_NATIVE 1
#else
#define NH_ATOMIC_NATIVE 0
#endif

// A build for a tool that knows no atomics (scripts/helgrind.sh) has these say what they order.
#ifndef NH__RELEASE
#define NH__RELEASE(p) ((void)(p))
#define NH__ACQUIRE(p) ((void)(p))
#endif

#if NH_ATOMIC_NATIVE

// Adds `n`. Returns the value after it.
static inline uint32_t nh_atomic_add_u32(uint32_t *p, uint32_t n)
{
    NH__RELEASE(p);
    uint32_t v = __atomic_add_fetch(p, n, __ATOMIC_ACQ_REL);
    NH__ACQUIRE(p);
    return v;
}

// Subtracts `n`. Returns the value after it; what other tasks did before their own subtraction is
// visible to the one that sees 0.
static inline uint32_t nh_atomic_sub_u32(uint32_t *p, uint32_t n)
{
    NH__RELEASE(p);
    uint32_t v = __atomic_sub_fetch(p, n, __ATOMIC_ACQ_REL);
    NH__ACQUIRE(p);
    return v;
}

static inline uint32_t nh_atomic_load_u32(const uint32_t *p)
{
    uint32_t v = __atomic_load_n(p, __ATOMIC_ACQUIRE);
    NH__ACQUIRE(p);
    return v;
}

static inline void nh_atomic_store_u32(uint32_t *p, uint32_t v)
{
    NH__RELEASE(p);
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

// Puts `v` in place of what was there, and returns that.
static inline uint32_t nh_atomic_exchange_u32(uint32_t *p, uint32_t v)
{
    NH__RELEASE(p);
    uint32_t before = __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL);
    NH__ACQUIRE(p);
    return before;
}

#else

static inline uint32_t nh_atomic_add_u32(uint32_t *p, uint32_t n)
{
    return *p += n;
}

static inline uint32_t nh_atomic_sub_u32(uint32_t *p, uint32_t n)
{
    return *p -= n;
}

static inline uint32_t nh_atomic_load_u32(const uint32_t *p)
{
    return *p;
}

static inline void nh_atomic_store_u32(uint32_t *p, uint32_t v)
{
    *p = v;
}

static inline uint32_t nh_atomic_exchange_u32(uint32_t *p, uint32_t v)
{
    uint32_t before = *p;
    *p = v;
    return before;
}

#endif

#endif
