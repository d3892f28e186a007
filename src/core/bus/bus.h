// bus.h - typed events with fixed payload structs between owners.
//
// Post from any task. A subscriber is synchronous (called on the poster's task, so both must be the
// owner's) or has a bounded queue of its own which its task drains after being woken. Slots in
// reserve take critical events when the rest of a queue is full. Everything is counted.

#ifndef NH_BUS_H
#define NH_BUS_H

#include "core/mem/shapes.h"

typedef struct nh_bus nh_bus_t;
typedef struct nh_bus_sub nh_bus_sub_t;

// Floors above give the ids their names, one enum of the whole house in core/bus/events.h.
typedef uint16_t nh_event_id_t;

#define NH_EVENT_DATA_MAX_BYTES 64

struct nh_event {
    nh_event_id_t id;
    uint16_t origin;   // enum nh_origin: who caused it (button, http, mqtt, ...), against loops
    uint16_t data_len; // of data
    bool critical;
    uint64_t time_ms;
    nh_blob_t *blob; // may be NULL; the bus holds a reference while the event is queued
    _Alignas(8) uint8_t data[NH_EVENT_DATA_MAX_BYTES]; // the event's payload struct, copied
};

struct nh_bus_config {
    nh_mem_t *mem;        // borrowed; outlives the bus
    nh_lock_t lock;       // zeroed: one task
    uint32_t event_count; // ids are below this; 0: 64
};
NH_MUST_USE int nh_bus_create(const struct nh_bus_config *cfg, nh_bus_t **out);
void nh_bus_destroy(nh_bus_t *bus);

struct nh_bus_sub_config {
    const char *name;         // borrowed, static
    const nh_event_id_t *ids; // copied; NULL: all events
    size_t id_count;
    uint32_t queue_max; // 0: synchronous, `handle` is called within nh_bus_post()
    uint32_t reserve;   // slots of queue_max that only critical events may take
    void (*handle)(void *ctx, const struct nh_event *e);
    void (*wake)(void *ctx); // queued: called (any task, no lock held) when it becomes non-empty
    void *ctx;
};
NH_MUST_USE int nh_bus_subscribe(nh_bus_t *bus, const struct nh_bus_sub_config *cfg,
                                 nh_bus_sub_t **out);
void nh_bus_unsubscribe(nh_bus_t *bus, nh_bus_sub_t *sub); // drops what is queued

// Copies `e` to every subscriber of its id. Returns how many got it; a full queue is counted as a
// drop there. NH_ERR_RANGE: unknown id or data_len over the limit.
int nh_bus_post(nh_bus_t *bus, const struct nh_event *e);

// Calls `handle` for at most `max` queued events (0: all now queued), on the subscriber's task.
size_t nh_bus_drain(nh_bus_sub_t *sub, size_t max);

struct nh_bus_event_info {
    uint64_t posted, delivered, dropped;
};
struct nh_bus_sub_info {
    const char *name;
    uint32_t queue_max, reserve, depth, depth_max;
    uint64_t delivered, dropped, dropped_critical;
};
NH_MUST_USE int nh_bus_event_info(nh_bus_t *bus, nh_event_id_t id, struct nh_bus_event_info *out);
NH_MUST_USE int nh_bus_sub_info(nh_bus_t *bus, size_t index, struct nh_bus_sub_info *out);

#endif
