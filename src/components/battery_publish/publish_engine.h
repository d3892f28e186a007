// publish_engine.h - makes a point each period and brings it to every sink: in order, at a bounded
// pace, again after a failure. Sans-IO: the time, values and answers in; points to send and a
// deadline out.
//
// Peek, send, commit: a point stays in the ring until its sink has confirmed it, so a failure costs
// nothing but time, and a sink that is away does not hold the others. One attempt a sink is under
// way at a time. docs/battery-publish.md: order, pace, back-off, what a receiver has to do.
//
// One task owns an engine and makes every call but nh_publish_engine_metrics(), which is any
// task's.

#ifndef NH_PUBLISH_ENGINE_H
#define NH_PUBLISH_ENGINE_H

#include "components/battery_publish/publish_ring.h"
#include "core/mem/mem.h"

#define NH_PUBLISH_BATCH_MAX_COUNT 32
#define NH_PUBLISH_BACKOFF_MIN_MS 1000

typedef struct nh_publish_engine nh_publish_engine_t;

enum nh_publish_sent {
    NH_PUBLISH_UNDER_WAY, // the answer comes by nh_publish_engine_done()
    NH_PUBLISH_CONFIRMED, // it is there already
};

struct nh_publish_engine_config {
    nh_mem_t *mem;           // borrowed; outlives the engine. Policy BULK
    nh_lock_t lock;          // of the figures; zeroed: one task
    uint32_t ring_count;     // 0: 512 points
    uint32_t period_ms;      // 0: 5000, between points
    uint32_t flush_per_s;    // 0: 10, of the points that waited, for each sink
    uint32_t backoff_max_ms; // 0: 60000
    uint32_t answer_ms;      // 0: 30000; then an attempt has failed
    uint32_t boot;           // identity of this life; not 0
    uint32_t seed;           // random; for the jitter
    uint8_t sinks;           // bits of enum nh_battery_sink; at least one
    uint8_t linked_sinks;    // those that send nothing before nh_publish_engine_link() says so
    uint8_t dated_sinks;     // those whose points need the time of day
    uint8_t batch_max_count[NH_BATTERY_SINK_COUNT]; // 0: 1; at most NH_PUBLISH_BATCH_MAX_COUNT
    void *ctx;
    // Fills in values and their bits in `valid`; the rest is the engine's. False: nothing is known,
    // so there is no point this time.
    bool (*read)(void *ctx, struct nh_battery_point *out);
    // Begins to send `count` points, borrowed for the call: enum nh_publish_sent, or an error,
    // which is a failed attempt. May not call the engine.
    int (*send)(void *ctx, enum nh_battery_sink sink, const struct nh_battery_point *points,
                size_t count, uint32_t ticket);
    // The attempt is given up for lack of an answer. May not call the engine.
    void (*cancel)(void *ctx, enum nh_battery_sink sink);
};

// The first point is due at once. NH_ERR_INVAL: boot 0, no sink. NH_ERR_RANGE: a batch;
// flush_per_s that would never catch up (below 2 points a period). NH_ERR_NOMEM. Nothing was made.
NH_MUST_USE int nh_publish_engine_create(const struct nh_publish_engine_config *cfg,
                                         uint64_t now_ms, nh_publish_engine_t **out);
void nh_publish_engine_destroy(nh_publish_engine_t *e); // NULL: nothing; cancels nothing

// When to call tick() next.
uint64_t nh_publish_engine_next_deadline(const nh_publish_engine_t *e);
// Makes a point if it is time, ends attempts without an answer, begins new ones. `unix_ms` 0: the
// time of day is not known; the first time that it is, waiting points of this life get theirs.
void nh_publish_engine_tick(nh_publish_engine_t *e, uint64_t now_ms, int64_t unix_ms);
// The answer to an attempt: 0, or its error. `wait_ms`: the sink asks not to be tried again before
// (0: it said nothing); no more than backoff_max_ms. A ticket that is not the newest of its sink is
// passed over.
void nh_publish_engine_done(nh_publish_engine_t *e, enum nh_battery_sink sink, uint32_t ticket,
                            int err, uint32_t wait_ms, uint64_t now_ms);
// The connection of a sink of `linked_sinks` came or went; what was under way has failed then, and
// the next attempt is made as soon as it is back.
void nh_publish_engine_link(nh_publish_engine_t *e, enum nh_battery_sink sink, bool is_up,
                            uint64_t now_ms);

// For points that outlived their program: the ring begins at `place`, then come the points, then
// how far each sink was. Only before the first tick.
void nh_publish_engine_resume(nh_publish_engine_t *e, uint64_t place);
void nh_publish_engine_restore(nh_publish_engine_t *e, const struct nh_battery_point *p);
void nh_publish_engine_restored(nh_publish_engine_t *e,
                                const uint64_t cursor[NH_BATTERY_SINK_COUNT]);

// What waits, for who keeps it; valid until the next call.
const struct nh_publish_ring *nh_publish_engine_ring(const nh_publish_engine_t *e);

// What is kept on flash, for the figures.
void nh_publish_engine_kept(nh_publish_engine_t *e, uint64_t points, uint64_t writes,
                            uint64_t errors);

// The figures of one moment, whole. Any task; waits for the copying of another at most.
void nh_publish_engine_metrics(nh_publish_engine_t *e, uint64_t now_ms,
                               struct nh_battery_publish_metrics *out);

// 0, or NH_ERR_CORRUPT: the ring, or a sink whose points do not add up (tests).
NH_MUST_USE int nh_publish_engine_check(const nh_publish_engine_t *e);

#endif
