// dry_run.h - what a scenario would do, told without doing it. Shared in this folder only.
//
// A second automation runs the scenario on the same set with a copy of flags, variables and who is
// online; its messages and tracks go nowhere and its clock jumps from wait to wait. What it would
// wait for is assumed to come.

#ifndef NH_AUTOMATION_DRY_RUN_H
#define NH_AUTOMATION_DRY_RUN_H

#include "components/automation/automation_state.h"

#define NH_DRY_LINE_MAX_COUNT 500

struct nh_dry_line {
    uint64_t at_ms; // from the start
    nh_span_t device, scenario;
    const struct nh_trace_record *record;
};
typedef void (*nh_dry_fn)(void *ctx, const struct nh_dry_line *line);

struct nh_dry {
    nh_automation_t *engine;
    nh_dry_fn line;
    void *ctx;
    uint64_t started_ms;
    uint32_t line_count, next_instance;
    bool is_cut; // NH_DRY_LINE_MAX_COUNT
};

// Errors as nh_automation_run(); after one nothing was made.
NH_MUST_USE int nh_dry__begin(nh_automation_t *a, const struct nh_automation_run *r, nh_dry_fn line,
                              void *ctx, struct nh_dry *out);
bool nh_dry__next(struct nh_dry *d); // goes on to the next wait; false: the end
void nh_dry__end(struct nh_dry *d);

// From within the second automation.
void nh_dry__tell(nh_automation_t *a, const struct nh_scenario *s, const struct nh_trace_record *r);
bool nh_dry__assumes(nh_automation_t *a, const struct nh_branch *b, enum nh_wait wait);

#endif
