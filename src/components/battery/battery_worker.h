// battery_worker.h - the task `serial`: it alone opens the line, waits for it and turns the engine.
//
// Requests go in by a bounded ring, answers and the image of registers come out, each under one
// lock that is held for a copy. Who waits for an answer waits by the ring of the loop's task, or,
// with a stack of its own, by one of a few places to wait at.

#ifndef NH_BATTERY_WORKER_H
#define NH_BATTERY_WORKER_H

#include "components/battery/battery_client.h"
#include "core/mem/mem.h"
#include "platform/platform.h"

#define NH_BATTERY_ASK_MAX_COUNT 4 // tasks that wait at once

typedef struct nh_battery_worker nh_battery_worker_t;
struct nh_battery_worker_config {
    nh_mem_t *mem;
    nh_mem_system_t *sys;
    const char *path;                       // copied
    struct nh_battery_client_config client; // its callbacks and `mem` are filled in
    void *ctx;
    // Any task, no lock held: nh_battery_worker_drain() has something. May come once too often.
    void (*wake)(void *ctx);
};
NH_MUST_USE int nh_battery_worker_create(const struct nh_battery_worker_config *cfg,
                                         nh_battery_worker_t **out);
NH_MUST_USE int nh_battery_worker_start(nh_battery_worker_t *w);
// Requests end as cancelled; what they are answered is left for drain(). Joins.
void nh_battery_worker_stop(nh_battery_worker_t *w);
void nh_battery_worker_destroy(nh_battery_worker_t *w);

// Any task; as nh_battery_post(), _ask(), _cached().
NH_MUST_USE int nh_battery_worker_post(nh_battery_worker_t *w, const struct nh_battery_request *r,
                                       uint32_t *ticket);
// The same without waking the task: nh_battery_worker_kick() follows soon, from any task. For who
// has no time to wake somebody.
NH_MUST_USE int nh_battery_worker_post_quietly(nh_battery_worker_t *w,
                                               const struct nh_battery_request *r,
                                               uint32_t *ticket);
void nh_battery_worker_kick(nh_battery_worker_t *w);
NH_MUST_USE int nh_battery_worker_ask(nh_battery_worker_t *w, const struct nh_battery_request *r,
                                      uint32_t wait_ms, struct nh_battery_reply *out);
NH_MUST_USE int nh_battery_worker_cached(nh_battery_worker_t *w, uint16_t address, uint16_t count,
                                         uint64_t oldest_ms, uint16_t *out);
void nh_battery_worker_statistics(nh_battery_worker_t *w, struct nh_battery_statistics *out);

// What came since the last call; the words themselves: nh_battery_worker_words().
enum nh_battery_news {
    NH_BATTERY_NEWS_LIVE = 1, // registers 0 to 55
    NH_BATTERY_NEWS_STATISTICS = 2,
    NH_BATTERY_NEWS_SETTINGS = 4,
    NH_BATTERY_NEWS_VERSION = 8,
    NH_BATTERY_NEWS_LINK = 16,
};
struct nh_battery_worker_news {
    uint32_t what;
    bool is_connected;
    uint64_t live_ms;             // when the live image was asked for
    uint8_t written[100 / 8 + 1]; // a bit for each of 300 to 399: read back after a write
};
// One task, that of the loop: calls `done` of what was answered, then tells the news.
void nh_battery_worker_drain(nh_battery_worker_t *w, struct nh_battery_worker_news *out);
// The newest live image, all of one answer: parts of it may have been read again since. For who was
// told NH_BATTERY_NEWS_LIVE.
void nh_battery_worker_live(nh_battery_worker_t *w, uint16_t words[NH_TINYBMS_LIVE_COUNT]);
// Words as they are now and when they were asked for, 0: not known. `times_ms` may be NULL.
void nh_battery_worker_words(nh_battery_worker_t *w, uint16_t first, uint16_t count,
                             uint16_t *words, uint64_t *times_ms);

#endif
