// wire.h - what waits to be written to one connection, in order.
//
// Items lie in a chain of blocks taken from a pool; an idle connection has none. Five kinds:
//   INLINE  bytes in the block itself: acknowledgements, heads, small messages at QoS 1 and 2
//   SLICE   a run of whole QoS 0 packets inside the bytes of this turn, sent from where they lie
//   MSG     the rest of a stored message from some offset on; holds a reference
//   GATE    nothing behind it leaves before a batch of records is on disk (journal.h)
//   DEAD    a message that was dropped, a gate that was opened
// The last run is kept in the connection itself (`run`), so that plain QoS 0 fan-out needs no
// block. At the end of a turn nh_mqtt__wire_settle() turns slices into messages: none outlives its
// bytes.

#ifndef NH_MQTT_WIRE_H
#define NH_MQTT_WIRE_H

#include "mqtt/broker.h"
#include "mqtt/msg.h"

struct nh_mqtt__block;

struct nh_mqtt__wire {
    struct nh_mqtt__block *head, *tail;
    const uint8_t *run; // the last slice; NULL: none
    uint32_t run_len, run_count;
    uint32_t head_sent;    // bytes of the first item that were written
    uint32_t inline_bytes; // in INLINE items: what no drop rule can shed
    uint32_t stored_bytes; // in MSG items that belong to a head before them: neither
    uint32_t bytes, count; // MSG items that may be dropped: whole QoS 0 messages
    uint32_t expiring;     // those of them that expire
    uint32_t gate;         // the batch that the last gate waits (or waited) for; 0: never gated
};

// Blocks are kept for reuse up to a limit: the steady state takes none from the heap.
struct nh_mqtt__blocks {
    nh_mem_t *mem;
    struct nh_mqtt__block *free_small, *free_large;
    uint32_t small_count, large_count;
};
void nh_mqtt__blocks_deinit(struct nh_mqtt__blocks *bs);

// Appends all `parts` as bytes, or nothing. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__wire_put(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w,
                                  const nh_span_t *parts, size_t count);
// Appends `len` bytes that the caller writes at once to the place returned: in one piece, for small
// packets. NULL: no memory, or more than a block holds; nh_mqtt__wire_put() may still do it.
NH_MUST_USE uint8_t *nh_mqtt__wire_space(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w,
                                         size_t len);
// As nh_mqtt__wire_put(), with the last `len` bytes of `msg` behind, taking a reference.
NH_MUST_USE int nh_mqtt__wire_put_msg(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w,
                                      const nh_span_t *parts, size_t count,
                                      struct nh_mqtt__msg *msg, uint32_t len);
// Appends a run of `count` whole packets that lie in the turn's bytes. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__wire_slice(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w,
                                    const uint8_t *bytes, uint32_t len, uint32_t count);
// Appends all of `msg` as a QoS 0 message that may be dropped, taking a reference. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__wire_msg(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w,
                                  struct nh_mqtt__msg *msg);

// What is appended from now on waits until nh_mqtt__wire_open() is called with `batch` or a later
// one. Batches are numbered from 1 up. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__wire_gate(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w,
                                   uint32_t batch);
// Opens the gates that wait for `batch` or an earlier one.
void nh_mqtt__wire_open(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, uint32_t batch);
// Takes out the first gate that is closed and all behind it.
void nh_mqtt__wire_cut(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w);

bool nh_mqtt__wire_is_empty(const struct nh_mqtt__wire *w);
size_t nh_mqtt__wire_output(const struct nh_mqtt__wire *w, struct nh_mqtt_span *spans, size_t max);
// The first `bytes` of the output were written.
void nh_mqtt__wire_sent(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, size_t bytes);
// Drops the oldest QoS 0 message of which nothing was sent. False: there is none.
bool nh_mqtt__wire_drop(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w);
// Drops what has expired and was not begun, and writes into the others what is left of their time
// [MQTT5-3.3.2-5], [MQTT5-3.3.2-6]. Returns how many were dropped.
uint32_t nh_mqtt__wire_age(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w, uint64_t now_ms);
// A message that expires and was begun gets a copy of its own, so that its head stays as it was
// when it was sent. Without memory it stays shared.
void nh_mqtt__wire_own_begun(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w);
void nh_mqtt__wire_clear(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w);

// Turns slices into messages. `message` gives the stored copy (borrowed) of the packet that lies at
// `packet`, or NULL to leave it out; `head_len` is that of its fixed header. The first packet is
// asked for with `must` when a part of it was sent already.
struct nh_mqtt__settle {
    void *ctx;
    struct nh_mqtt__msg *(*message)(void *ctx, const uint8_t *packet, uint32_t len,
                                    uint32_t head_len, bool must);
};
// How many slices' messages and bytes there are, for the caller to plan what to leave out.
void nh_mqtt__wire_slices(const struct nh_mqtt__wire *w, uint64_t *count, uint64_t *bytes);
// NH_ERR_NOMEM: a packet that was partly sent could not be kept; the connection is lost.
NH_MUST_USE int nh_mqtt__wire_settle(struct nh_mqtt__blocks *bs, struct nh_mqtt__wire *w,
                                     const struct nh_mqtt__settle *s);
bool nh_mqtt__wire_check(const struct nh_mqtt__wire *w);

#endif
