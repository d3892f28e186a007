// health_reply.h - what a run reads of GET /api/health.

#ifndef NH_HARNESS_HEALTH_REPLY_H
#define NH_HARNESS_HEALTH_REPLY_H

#include "harness/lines.h"

struct nh_harness_health {
    struct nh_harness_mem mem; // tag empty; a field that is missing is 0
    int64_t uptime_s;          // -1: missing
    bool has_null;             // heap_internal_free or psram_free is null: nothing to compare
    char reset_reason[32];
};

// NULL, or what is wrong with it: "not JSON", "no JSON object". `out` is whole on NULL only.
const char *nh_harness_health_parse(const void *text, size_t len, struct nh_harness_health *out);

#endif
