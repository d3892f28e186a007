// bus.h - typed events with fixed payload structs between owners.
//
// Post from any task. A subscriber is synchronous (called on the poster's task, so both must be the
// owner's) or has a bounded queue of its own which its task drains after being woken. Slots in
// reserve take critical events when the rest of a queue is full. Everything is counted.
//
// No lock is held while a handler or a wake-up runs, and none runs while the bus walks its own
// list: subscribing, unsubscribing and posting from within a handler are allowed. Posting
// allocates nothing.

#ifndef NH_BUS_H
#define NH_BUS_H

#include "core/mem/shapes.h"

typedef struct nh_bus nh_bus_t;
typedef struct nh_bus_sub nh_bus_sub_t;

// Floors above give the ids their names, one enum of the whole house in core/bus/events.h.
typedef uint16_t nh_event_id_t;

#define NH_EVENT_DATA_MAX_BYTES 64
#define NH_BUS_SUB_MAX_COUNT 32     // subscribers of one bus
#define NH_BUS_QUEUE_MAX_COUNT 4096 // slots of one queue
#define NH_BUS_NEST_MAX_COUNT 4     // a synchronous handler within itself, through its own posts

struct nh_event {
    nh_event_id_t id;
    uint16_t origin;   // enum nh_origin: who caused it (button, http, mqtt, ...), against loops
    uint16_t data_len; // of data
    bool critical;
    uint64_t time_ms; // monotonic
    nh_blob_t *blob;  // may be NULL; the bus holds a reference while the event is queued
    _Alignas(8) uint8_t data[NH_EVENT_DATA_MAX_BYTES]; // the event's payload struct, copied
};

struct nh_bus_config {
    nh_mem_t *mem;        // borrowed; outlives the bus
    nh_lock_t lock;       // zeroed: one task
    uint32_t event_count; // ids are below this; 0: 64; at most 65536
};
// NH_ERR_RANGE: event_count. NH_ERR_NOMEM: nothing was made.
NH_MUST_USE int nh_bus_create(const struct nh_bus_config *cfg, nh_bus_t **out);

// Unsubscribes who is left. No task may be posting or draining. NULL: nothing.
void nh_bus_destroy(nh_bus_t *bus);

struct nh_bus_sub_config {
    const char *name;         // borrowed, static
    const nh_event_id_t *ids; // copied; NULL: all events
    size_t id_count;
    uint32_t queue_max; // 0: synchronous, `handle` is called within nh_bus_post()
    uint32_t reserve;   // slots of queue_max that only critical events may take
    // `e` and its blob are borrowed for the call; keep the blob with nh_blob_ref().
    void (*handle)(void *ctx, const struct nh_event *e);
    // Queued: called (any task, no lock held) when it becomes non-empty, or when a drain ended
    // with events left, so a subscriber that drains when it is woken forgets none. May be NULL.
    void (*wake)(void *ctx);
    void *ctx;
    // Called once when the bus is done with `ctx`: within nh_bus_unsubscribe(), or, when a handler
    // or wake-up of this subscriber is running then, right after it on that task. Until then `ctx`
    // must live. May be NULL when `ctx` outlives the bus.
    void (*released)(void *ctx);
};

// All memory of the subscriber is taken here (its queue in bulk memory), none later. It gets events
// that are posted from now on. NH_ERR_FULL: NH_BUS_SUB_MAX_COUNT; NH_ERR_INVAL: no name or handler;
// NH_ERR_RANGE: an id, the queue or the reserve; NH_ERR_NOMEM. After an error nothing was made.
NH_MUST_USE int nh_bus_subscribe(nh_bus_t *bus, const struct nh_bus_sub_config *cfg,
                                 nh_bus_sub_t **out);

// Drops what is queued. `handle` is not called again after it returns, but one that is running goes
// on; see `released` for wake-ups. `sub` is gone. NULL: nothing.
void nh_bus_unsubscribe(nh_bus_t *bus, nh_bus_sub_t *sub);

// Copies `e` to every subscriber of its id. Returns how many got it; a full queue is counted as a
// drop there. NH_ERR_RANGE: unknown id or data_len over the limit. Queues are filled first, all in
// one step, so any two of them see their common events in the same order; then synchronous
// subscribers are called in the order of their subscription.
int nh_bus_post(nh_bus_t *bus, const struct nh_event *e);

// Fills an event with a payload struct of `data_len` bytes and posts it.
int nh_bus_post_data(nh_bus_t *bus, nh_event_id_t id, uint16_t origin, uint64_t now_ms,
                     const void *data, size_t data_len);

// Calls `handle` for at most `max` queued events (0: all now queued), on the subscriber's task.
// Returns how many. A synchronous subscriber has none.
size_t nh_bus_drain(nh_bus_sub_t *sub, size_t max);

struct nh_bus_event_info {
    uint64_t posted;    // calls of post
    uint64_t delivered; // copies that a subscriber got
    uint64_t dropped;   // copies that a subscriber had no place for
};
struct nh_bus_sub_info {
    const char *name;
    uint32_t queue_max, reserve, depth, depth_max;
    uint64_t delivered, dropped, dropped_critical; // dropped: the critical ones included
};
NH_MUST_USE int nh_bus_event_info(nh_bus_t *bus, nh_event_id_t id, struct nh_bus_event_info *out);
// Subscriber `index`, in the order of subscription. NH_ERR_NOT_FOUND past the last.
NH_MUST_USE int nh_bus_sub_info(nh_bus_t *bus, size_t index, struct nh_bus_sub_info *out);

#endif
