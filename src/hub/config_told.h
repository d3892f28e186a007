// config_told.h - findings in stages: a later stage looks at what an earlier one may have refused,
// and tells nothing of it again.

#ifndef NH_HUB_CONFIG_TOLD_H
#define NH_HUB_CONFIG_TOLD_H

#include "core/json/decode.h"

#define NH_HUB_TOLD_MAX_COUNT 32

// Zeroed but for `finding` and `ctx`. Beyond the limit a fault may be told twice.
struct nh_hub_told {
    nh_finding_fn finding; // NULL: nobody listens
    void *ctx;
    size_t errors; // that were passed on
    uint32_t count, stage_begin;
    char pointer[NH_HUB_TOLD_MAX_COUNT][NH_JSON_POINTER_MAX];
};

// Ends a stage: what it told is not told again, nor what stands above or below it.
void nh_hub_told_stage(struct nh_hub_told *t);
// A finding of the stage at hand; `ctx` is a struct nh_hub_told.
void nh_hub_told_take(void *ctx, const struct nh_finding *f);
// Whether an error was told at `pointer` or below it.
bool nh_hub_told_has(const struct nh_hub_told *t, const char *pointer);

// "FILE:LINE:COLUMN: /field: text; has VALUE, limit: LIMIT"; what is not known is left out. Cut at
// `cap`. `file` NULL: none.
void nh_hub_finding_text(const char *file, const struct nh_finding *f, char *out, size_t cap);

#endif
