// sched.h - deadlines in a heap: many timers, one "when next". The clock is an argument.

#ifndef NH_SCHED_H
#define NH_SCHED_H

#include "core/mem/mem.h"

// Embedded by its user; private. Zeroed is a valid, unarmed timer.
typedef struct nh_timer {
    uint64_t due_ms;
    uint32_t period_ms; // 0: once
    uint32_t slot;      // index in the heap + 1; 0: not armed
    uint32_t late_max_ms, missed_count;
    void (*fire)(void *ctx, struct nh_timer *t, uint64_t now_ms);
    void *ctx;
    const char *name; // for the watchdog's report
} nh_timer_t;

typedef struct nh_sched nh_sched_t;
struct nh_sched_config {
    nh_mem_t *mem;
    uint32_t timer_max_count; // 0: 64
    uint32_t late_ms;         // 0: 1000. A timer later than this is counted and reported.
    void (*late)(void *ctx, const nh_timer_t *t, uint64_t late_ms); // may be NULL
    void *ctx;
};
NH_MUST_USE int nh_sched_create(const struct nh_sched_config *cfg, nh_sched_t **out);
void nh_sched_destroy(nh_sched_t *s);

// Arms `t` (fire, ctx, name set by the caller) at `due_ms`, then every `period_ms` if not 0.
// Arming an armed timer moves it. NH_ERR_FULL.
NH_MUST_USE int nh_timer_arm(nh_sched_t *s, nh_timer_t *t, uint64_t due_ms, uint32_t period_ms);
void nh_timer_cancel(nh_sched_t *s, nh_timer_t *t);
bool nh_timer_is_armed(const nh_timer_t *t);

// When to call nh_sched_run() next; NH_NEVER when nothing is armed.
uint64_t nh_sched_next_deadline(const nh_sched_t *s);
// Fires what is due at `now_ms`; a periodic timer that missed periods fires once and counts them.
// Timers may be armed and cancelled from within `fire`. Returns how many fired.
size_t nh_sched_run(nh_sched_t *s, uint64_t now_ms);

#endif
