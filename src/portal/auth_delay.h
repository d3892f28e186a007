// auth_delay.h - how long guessing has to wait: after each wrong password twice as long, for an
// address and for an account alike. Whoever is delayed is a number (a keyed hash), so that nobody
// can choose whose row to meet, and no name that was guessed is kept. The clock is an argument.

#ifndef NH_PORTAL_AUTH_DELAY_H
#define NH_PORTAL_AUTH_DELAY_H

#include "core/mem/mem.h"

typedef struct nh_auth_delays { // embedded by who uses it; private
    struct nh_auth_delay *rows;
    uint32_t count;
    uint64_t min_ms, max_ms;
    uint64_t evicted_count; // rows that made room for others before their time
} nh_auth_delays_t;

// After the first wrong password `min_ms`, then doubled up to `max_ms`. A row is forgotten when
// twice `max_ms` went by without a wrong password; of `count` rows the one that would be forgotten
// first makes room. NH_ERR_NOMEM.
NH_MUST_USE int nh_auth_delays_init(nh_auth_delays_t *d, nh_mem_t *mem, uint32_t count,
                                    uint64_t min_ms, uint64_t max_ms);
void nh_auth_delays_deinit(nh_auth_delays_t *d, nh_mem_t *mem);

void nh_auth_delays_wrong(nh_auth_delays_t *d, uint64_t whose, uint64_t now_ms);
void nh_auth_delays_right(nh_auth_delays_t *d, uint64_t whose);
bool nh_auth_delays_knows(const nh_auth_delays_t *d, uint64_t whose, uint64_t now_ms);
// How long it has to wait yet; 0: it may try.
uint64_t nh_auth_delays_left(const nh_auth_delays_t *d, uint64_t whose, uint64_t now_ms);

#endif
