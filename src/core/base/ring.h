// ring.h - a byte ring over the caller's memory: first in, first out, never moves, one task.
//
//      head          head + len (mod cap)
//   .....[XXXXXXXXXX]......       or       XXX]..........[XXXXXX

#ifndef NH_RING_H
#define NH_RING_H

#include "core/base/base.h"

// Fields are private. head < cap (0 when cap is 0), len <= cap.
typedef struct nh_ring {
    uint8_t *ptr;
    size_t cap, head, len;
} nh_ring_t;

// `memory` of `cap` bytes is borrowed for the ring's life.
void nh_ring_init(nh_ring_t *r, void *memory, size_t cap);

static inline size_t nh_ring_len(const nh_ring_t *r)
{
    return r->len;
}

static inline size_t nh_ring_space(const nh_ring_t *r)
{
    return r->cap - r->len;
}

// Takes as much as there is space for. Returns how many bytes that was.
size_t nh_ring_write(nh_ring_t *r, const void *bytes, size_t len);

// Moves up to `cap` of the oldest bytes to `out`. Returns how many.
size_t nh_ring_read(nh_ring_t *r, void *out, size_t cap);

// The oldest bytes that lie in one piece, without taking them; borrowed until the next read, skip
// or clear. After nh_ring_skip() of that many a second call gives the piece after the wrap.
nh_span_t nh_ring_peek(const nh_ring_t *r);

// Drops up to `len` of the oldest bytes. Returns how many.
size_t nh_ring_skip(nh_ring_t *r, size_t len);

void nh_ring_clear(nh_ring_t *r);

#endif
