// wake.h - many timers, one "when next": a binary heap of pointers. Shared in this folder only.
//
// It differs from core/sched in what a waiting instance costs: 16 bytes and a pointer, in bulk
// memory, with room taken when a timer is made so that arming cannot fail.

#ifndef NH_AUTOMATION_WAKE_H
#define NH_AUTOMATION_WAKE_H

#include "core/mem/mem.h"

struct nh_wake_timer { // embedded; zeroed but for `kind` it is unarmed
    uint64_t due_ms;
    uint32_t order;     // of arming; decides between equal deadlines
    uint32_t kind : 4;  // of what it is part of
    uint32_t slot : 28; // index in the heap + 1; 0: not armed
};
_Static_assert(sizeof(struct nh_wake_timer) == 16, "one stands in each instance");

struct nh_wake {
    nh_mem_t *mem;
    struct nh_wake_timer **heap;
    uint32_t count, cap, reserved, next_order;
};

// Room for one more timer, as long as it lives. NH_ERR_NOMEM.
NH_MUST_USE int nh_wake__reserve(struct nh_wake *w);
void nh_wake__release(struct nh_wake *w); // of a timer that is not armed
void nh_wake__deinit(struct nh_wake *w);

void nh_wake__arm(struct nh_wake *w, struct nh_wake_timer *t, uint64_t due_ms); // armed: it moves
void nh_wake__cancel(struct nh_wake *w, struct nh_wake_timer *t);
uint64_t nh_wake__next(const struct nh_wake *w);                         // NH_NEVER
struct nh_wake_timer *nh_wake__take(struct nh_wake *w, uint64_t now_ms); // due, disarmed; or NULL
bool nh_wake__check(const struct nh_wake *w);

#endif
