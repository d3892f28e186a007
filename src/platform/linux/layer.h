// layer.h - what may stand between a socket and the handler of its set. A plain connection has no
// layer: one bit in its flags is all that it pays.

#ifndef NH_LINUX_LAYER_H
#define NH_LINUX_LAYER_H

#include "platform/linux/stream.h"

struct nh_dial;

// Of a LAYERED stream, whose `user` points here.
struct nh_layer {
    void *user;           // the real one
    struct nh_dial *dial; // an outgoing connection that is not up yet; else NULL
};

static inline struct nh_layer *nh_layer__of(const nh_stream_t *s)
{
    return s->user;
}

// open() was not called yet, closed() is owed.
static inline bool nh_layer__is_dialing(const nh_stream_t *s)
{
    return (s->flags & NH_STREAM_LAYERED) && nh_layer__of(s)->dial;
}

// layer.c
NH_MUST_USE int nh_layer__add(nh_stream_t *s); // NH_ERR_NOMEM
void nh_layer__remove(nh_stream_t *s);         // frees it; no layer: nothing

// dial.c
void nh_dial__event(nh_stream_t *s);   // of the socket
void nh_dial__timeout(nh_stream_t *s); // the time of the look-up or of one attempt is up
void nh_dial__free(nh_mem_t *mem, struct nh_dial *d);

#endif
