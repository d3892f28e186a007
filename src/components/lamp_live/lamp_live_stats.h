// lamp_live_stats.h - what live data is counted by, for each source and for each protocol.

#ifndef NH_LAMP_LIVE_STATS_H
#define NH_LAMP_LIVE_STATS_H

#include "core/base/base.h"

#define NH_LAMP_LIVE_COUNT_LIST(X)                                                                 \
    X(PACKETS, "packets")           /* datagrams of the protocol */                                \
    X(FRAMES, "frames")             /* shown */                                                    \
    X(INCOMPLETE, "incomplete")     /* frames that were not whole, and not shown */                \
    X(LATE, "late")                 /* older than what was there, or twice: dropped */             \
    X(OUT_OF_ORDER, "out_of_order") /* late, and in time for their frame */                        \
    X(REFUSED, "refused")           /* another one has the lamp, or live data is off */            \
    X(PREVIEW, "preview")           /* not meant to be shown */                                    \
    X(OUTSIDE, "outside")           /* for universes or pixels that the lamp has not */            \
    X(UNSUPPORTED, "unsupported")   /* well-formed, and nothing that a lamp does */                \
    X(MALFORMED, "malformed")       /* broken */

enum nh_lamp_live_count {
#define NH_LAMP_LIVE_COUNT_ENUM(name, text) NH_LAMP_LIVE_##name,
    NH_LAMP_LIVE_COUNT_LIST(NH_LAMP_LIVE_COUNT_ENUM)
#undef NH_LAMP_LIVE_COUNT_ENUM
        NH_LAMP_LIVE_COUNT_COUNT,
};
extern const char *const nh_lamp_live_count_names[NH_LAMP_LIVE_COUNT_COUNT]; // of the JSON

// How far the time between two frames is from its mean. Pauses are no jitter. The p-th part of all
// is found in buckets, each 1.5 times as wide as the one before: a fixed size, however long it
// runs.
#define NH_LAMP_LIVE_BUCKET_COUNT 24
struct nh_lamp_live_jitter {
    uint64_t newest_us; // when the last frame was shown; 0: none, or long ago
    uint32_t mean_us;   // between two frames
    uint32_t count, max_us;
    uint64_t sum_us;
    uint32_t bucket[NH_LAMP_LIVE_BUCKET_COUNT];
};
// A frame was shown.
void nh_lamp_live_jitter_add(struct nh_lamp_live_jitter *j, uint64_t now_us);
uint32_t nh_lamp_live_jitter_mean_us(const struct nh_lamp_live_jitter *j);
// The upper edge of the bucket below or in which `pct` % are, not over the largest one; 0: none
// yet.
uint32_t nh_lamp_live_jitter_pct_us(const struct nh_lamp_live_jitter *j, uint32_t pct);

#endif
