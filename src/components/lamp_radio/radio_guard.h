// radio_guard.h - against frames that are played again: counters of one peer, both ways.
//
// A sender's counter only ever rises, over restarts and power cuts too: it is reserved in steps,
// and a step is kept before its first counter is used. A receiver takes each counter once, and
// those up to NH_RADIO_WINDOW behind the highest. What it has kept is ahead of what it has seen, so
// that after a restart nothing old is taken; a sender that is behind is told by NH_RADIO_COUNTER
// where to go on.

#ifndef NH_LAMP_RADIO_GUARD_H
#define NH_LAMP_RADIO_GUARD_H

#include "core/base/base.h"

#define NH_RADIO_WINDOW 64
#define NH_RADIO_SEND_STEP 4096
#define NH_RADIO_RECEIVE_STEP 256

// The caller embeds it. Counters begin at 1.
typedef struct nh_radio_guard {
    uint64_t next;                     // to send
    uint64_t high, seen;               // bit n of `seen`: high - n was taken
    uint64_t kept_sent, kept_received; // in the store: sent below, received up to
} nh_radio_guard_t;

void nh_radio_guard_init(nh_radio_guard_t *g, uint64_t kept_sent, uint64_t kept_received);

// Whether the next send, or taking `counter`, asks that the guard is kept before; then kept_sent or
// kept_received is set for it (undo by putting the old guard back).
bool nh_radio_guard_reserve_send(nh_radio_guard_t *g);
bool nh_radio_guard_reserve_receive(nh_radio_guard_t *g, uint64_t counter);

uint64_t nh_radio_guard_send(nh_radio_guard_t *g); // the counter of the next frame

enum nh_radio_guard_answer { NH_RADIO_FRESH, NH_RADIO_SEEN, NH_RADIO_TOO_OLD };
enum nh_radio_guard_answer nh_radio_guard_check(const nh_radio_guard_t *g, uint64_t counter);
// Takes a fresh one. Returns how many counters between it and the highest were not seen.
uint32_t nh_radio_guard_take(nh_radio_guard_t *g, uint64_t counter);

// The last call before the guard is kept at an orderly end: kept is what was, nothing ahead of it.
void nh_radio_guard_rest(nh_radio_guard_t *g);

// The other end takes nothing up to `counter`: go on above it.
void nh_radio_guard_skip(nh_radio_guard_t *g, uint64_t counter);

#endif
