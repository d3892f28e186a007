// sched.h - deadlines in a heap: many timers, one "when next". The clock is an argument.
//
// One task owns a schedule and its timers and makes every call. Timers with the same deadline fire
// in one run, in the order in which they were armed; timers of one interval that were armed with
// nh_timer_arm_aligned() share their deadlines, so ten sensors of 10 s wake the hub once in 10 s.

#ifndef NH_SCHED_H
#define NH_SCHED_H

#include "core/mem/mem.h"

// Embedded by its user; private but for `fire`, `ctx` and `name`, which the user sets. Zeroed is a
// valid, unarmed timer. It must not move or go while it is armed.
typedef struct nh_timer {
    uint64_t due_ms;
    uint64_t order;     // of arming; decides between equal deadlines
    uint32_t period_ms; // 0: once
    uint32_t slot;      // 0: not armed; to the limit: index in the heap + 1; above: in the due list
    uint32_t late_max_ms, missed_count;
    void (*fire)(void *ctx, struct nh_timer *t, uint64_t now_ms);
    void *ctx;
    const char *name; // for the watchdog's report; static
} nh_timer_t;

typedef struct nh_sched nh_sched_t;
struct nh_sched_config {
    nh_mem_t *mem;            // borrowed; outlives the schedule
    uint32_t timer_max_count; // 0: 64; at most NH_SCHED_TIMER_MAX_COUNT
    uint32_t late_ms;         // 0: 1000. A timer later than this is counted and reported.
    // The watchdog: called before the late timer fires. Must not arm or cancel. May be NULL.
    void (*late)(void *ctx, const nh_timer_t *t, uint64_t late_ms);
    void *ctx;
};
#define NH_SCHED_TIMER_MAX_COUNT 65535

// All memory is taken here, none later. NH_ERR_RANGE: timer_max_count; NH_ERR_NOMEM: nothing made.
NH_MUST_USE int nh_sched_create(const struct nh_sched_config *cfg, nh_sched_t **out);

// Timers that are still armed become unarmed. NULL: nothing.
void nh_sched_destroy(nh_sched_t *s);

// Arms `t` at `due_ms` (a past time is due at once), then every `period_ms` if not 0. Arming an
// armed timer moves it. A deadline of NH_NEVER is kept but does not come.
// NH_ERR_FULL: timer_max_count are armed, counted, and `t` stays unarmed. NH_ERR_INVAL: no `fire`.
NH_MUST_USE int nh_timer_arm(nh_sched_t *s, nh_timer_t *t, uint64_t due_ms, uint32_t period_ms);

// Arms `t` at the first time after `now_ms` that is `phase_ms` past a multiple of `period_ms`, then
// every `period_ms`. So timers of equal period and phase come due together, whenever they were
// armed. Errors as nh_timer_arm(); NH_ERR_RANGE: period 0, or the phase not below the period.
NH_MUST_USE int nh_timer_arm_aligned(nh_sched_t *s, nh_timer_t *t, uint64_t now_ms,
                                     uint32_t period_ms, uint32_t phase_ms);

// `t` will not fire; also from within a run in which it is due. An unarmed timer: nothing.
void nh_timer_cancel(nh_sched_t *s, nh_timer_t *t);

bool nh_timer_is_armed(const nh_timer_t *t);

// When to call nh_sched_run() next; NH_NEVER when nothing is armed.
uint64_t nh_sched_next_deadline(const nh_sched_t *s);

// Fires what is due at `now_ms`, earliest first; returns how many fired. A periodic timer that
// missed periods fires once, counts them, and keeps its beat (due + n x period); it is armed again
// before `fire` is called. Timers may be armed and cancelled from within `fire`, and `t` itself may
// be freed if it is not armed; what is armed there fires in a later run, even when due at once, so
// a run always ends. A run within a run does nothing and returns 0.
size_t nh_sched_run(nh_sched_t *s, uint64_t now_ms);

struct nh_sched_info {
    uint32_t armed_count, armed_max, timer_max_count;
    uint64_t fired, missed, late, full; // missed: periods left out; full: armings refused
    uint64_t late_max_ms;               // the longest delay between a deadline and its run
};
void nh_sched_info(const nh_sched_t *s, struct nh_sched_info *out);

// 0, or NH_ERR_CORRUPT: the heap or a timer's place in it is wrong (tests).
NH_MUST_USE int nh_sched_check(const nh_sched_t *s);

#endif
