// access.h - who may sign in: one user with a password, for the portal and the broker alike.
//
// A password hash is slow by design, and the loop must not wait for it at every request. So the
// last good credentials are remembered as a keyed hash (the key dies with the process), and wrong
// ones may cost the slow path only a few times a second.

#ifndef NH_HUB_ACCESS_H
#define NH_HUB_ACCESS_H

#include "core/base/base.h"
#include "platform/crypto.h"

#define NH_ACCESS_TRIES_MAX 5 // slow checks at once, then one more each NH_ACCESS_TRY_MS
#define NH_ACCESS_TRY_MS 1000

typedef struct nh_access { // embedded by the hub; private
    char user[33];
    char hash[NH_PASSWORD_HASH_MAX_BYTES];
    uint8_t key[NH_KEYED_HASH_BYTES], good[NH_KEYED_HASH_BYTES];
    bool has_good;
    uint32_t tries;
    uint64_t refilled_ms;
    uint64_t denied_count, limited_count;
} nh_access_t;

// `hash` "": no password, everybody may (the hub listens on loopback only then).
void nh_access_init(nh_access_t *a, const char *user, const char *hash,
                    const uint8_t key[NH_KEYED_HASH_BYTES]);
bool nh_access_is_required(const nh_access_t *a);
// True when user and password are right. Constant time once known; a wrong one is slow, and refused
// unchecked (counted) when too many came before it.
bool nh_access_verify(nh_access_t *a, nh_span_t user, nh_span_t password, uint64_t now_ms);

#endif
