// publish_ring.h - points in a ring, and for each sink how far it has come.
//
// Every point has a place, counted from the first that was ever kept: `head` is where the next one
// goes, `tail` the oldest that is still there. A sink's cursor is the place of its next point:
//
//    tail        cursor[HTTP]      cursor[MQTT] = head
//     |............|..................|          waiting: for HTTP head - cursor, for MQTT nothing
//
// A point goes when every sink is past it, or when the ring is full: then a sink that stood on it
// is moved on, and the caller is told. The caller embeds the struct; it allocates nothing.

#ifndef NH_PUBLISH_RING_H
#define NH_PUBLISH_RING_H

#include "components/battery_publish/publish_point.h"

// tail <= each cursor of a sink in `sinks` <= head; head - tail <= cap. Fields are private.
struct nh_publish_ring {
    struct nh_battery_point *points; // of place p: points[p % cap]
    uint32_t cap;
    uint8_t sinks; // bits of enum nh_battery_sink that have a cursor
    uint64_t head, tail;
    uint64_t cursor[NH_BATTERY_SINK_COUNT];
};

// `points` of `cap` (at least 1) is borrowed for the ring's life.
void nh_publish_ring_init(struct nh_publish_ring *r, struct nh_battery_point *points, uint32_t cap,
                          uint8_t sinks);

static inline bool nh_publish_ring_has(const struct nh_publish_ring *r, size_t sink)
{
    return (r->sinks >> sink & 1) != 0;
}

// Points that wait for the sink; 0 for one that has no cursor.
static inline uint64_t nh_publish_ring_pending(const struct nh_publish_ring *r, size_t sink)
{
    return nh_publish_ring_has(r, sink) ? r->head - r->cursor[sink] : 0;
}

// The point at a place in [tail, head).
static inline struct nh_battery_point *nh_publish_ring_at(const struct nh_publish_ring *r,
                                                          uint64_t place)
{
    return &r->points[place % r->cap];
}

// Adds a copy. Returns the bits of the sinks that had not had the point it overwrote; 0: there was
// room.
uint8_t nh_publish_ring_put(struct nh_publish_ring *r, const struct nh_battery_point *p);

// The sink is past all before `place` (at most head; an earlier one than its cursor: nothing).
// Returns how many points went because every sink is past them now.
uint64_t nh_publish_ring_commit(struct nh_publish_ring *r, size_t sink, uint64_t place);

// An empty ring begins at `place`, with every cursor there: to go on with the places of an earlier
// life of the program. Only before the first put.
void nh_publish_ring_resume(struct nh_publish_ring *r, uint64_t place);

// 0, or NH_ERR_CORRUPT (tests).
NH_MUST_USE int nh_publish_ring_check(const struct nh_publish_ring *r);

#endif
