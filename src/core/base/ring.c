#include "core/base/ring.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Positions wrap by comparison: `cap` is any number, not only a power of two.
static size_t at(const nh_ring_t *r, size_t offset)
{
    size_t to_end = r->cap - r->head;
    return offset < to_end ? r->head + offset : offset - to_end;
}

void nh_ring_init(nh_ring_t *r, void *memory, size_t cap)
{
    *r = (nh_ring_t){.ptr = memory, .cap = cap};
}

size_t nh_ring_write(nh_ring_t *r, const void *bytes, size_t len)
{
    size_t taken = least(len, nh_ring_space(r));
    if (!taken)
        return 0;
    size_t tail = at(r, r->len);
    size_t first = least(taken, r->cap - tail);
    memcpy(r->ptr + tail, bytes, first);
    memcpy(r->ptr, (const uint8_t *)bytes + first, taken - first);
    r->len += taken;
    return taken;
}

nh_span_t nh_ring_peek(const nh_ring_t *r)
{
    if (!r->len)
        return (nh_span_t){0};
    return (nh_span_t){.ptr = r->ptr + r->head, .len = least(r->len, r->cap - r->head)};
}

size_t nh_ring_skip(nh_ring_t *r, size_t len)
{
    size_t gone = least(len, r->len);
    if (!gone)
        return 0;
    r->head = at(r, gone);
    r->len -= gone;
    return gone;
}

size_t nh_ring_read(nh_ring_t *r, void *out, size_t cap)
{
    size_t done = 0;
    for (nh_span_t piece = nh_ring_peek(r); piece.len && done < cap; piece = nh_ring_peek(r)) {
        size_t n = least(piece.len, cap - done);
        memcpy((uint8_t *)out + done, piece.ptr, n);
        done += nh_ring_skip(r, n);
    }
    return done;
}

void nh_ring_clear(nh_ring_t *r)
{
    r->head = 0;
    r->len = 0;
}
