// publish_flash.h - points that wait, kept on flash, so that an outage may be longer than a life of
// the program. Every byte: docs/battery-publish.md, section "On flash".
//
// Nothing is written while sinks take their points. Once a point has waited for a quarter of an
// interval, one document is written, and then at most one an interval: a segment with the points
// since the last one and how far each sink is. A document is whole or as before (core/store), so a
// cut costs one interval at most. Segments take names in turn; the oldest is written over. The
// loop's task.

#ifndef NH_PUBLISH_FLASH_H
#define NH_PUBLISH_FLASH_H

#include "components/battery_publish/publish_engine.h"
#include "core/store/store.h"

#define NH_PUBLISH_FLASH_FILE_COUNT 32
#define NH_PUBLISH_FLASH_HEAD_BYTES 48
#define NH_PUBLISH_FLASH_POINT_BYTES 60

typedef struct nh_publish_flash nh_publish_flash_t;

struct nh_publish_flash_config {
    nh_mem_t *mem;        // borrowed
    nh_store_t *store;    // of these documents alone; borrowed
    uint32_t count;       // at least so many of the newest waiting points are kept; 0: 1024
    uint32_t interval_ms; // 0: 60000, at least between two writes
    uint32_t period_ms;   // of points; what comes in two intervals fits into a segment
};
NH_MUST_USE int nh_publish_flash_create(const struct nh_publish_flash_config *cfg, uint64_t now_ms,
                                        nh_publish_flash_t **out);
void nh_publish_flash_destroy(nh_publish_flash_t *f); // NULL: nothing

// Gives what an earlier life left to an engine that has not ticked. An error of the store other
// than damage, of which the rest is read.
NH_MUST_USE int nh_publish_flash_load(nh_publish_flash_t *f, nh_publish_engine_t *e);

uint64_t nh_publish_flash_next_deadline(const nh_publish_flash_t *f);
void nh_publish_flash_tick(nh_publish_flash_t *f, const struct nh_publish_ring *ring,
                           uint64_t now_ms);
// Keeps all that waits, before the program ends. 0, or an error of the store.
int nh_publish_flash_stop(nh_publish_flash_t *f, const struct nh_publish_ring *ring);

struct nh_publish_flash_info {
    uint64_t points;                  // that are kept and still wanted, at the last write
    uint64_t writes, errors, damaged; // documents written, that could not be, that were not whole
    uint32_t capacity;                // points of all segments but the one that is written over
    uint32_t interval_ms;
};
void nh_publish_flash_info(const nh_publish_flash_t *f, struct nh_publish_flash_info *out);

// The bytes of a point (tests).
void nh_publish_flash_encode(const struct nh_battery_point *p,
                             uint8_t out[NH_PUBLISH_FLASH_POINT_BYTES]);
void nh_publish_flash_decode(const uint8_t in[NH_PUBLISH_FLASH_POINT_BYTES],
                             struct nh_battery_point *out);

#endif
