// auth.h - who is it: sessions by cookie, Basic credentials, and a limit for guessing. The slow
// password hash is a callback, the clock is an argument; tokens and remembered credentials are kept
// as keyed hashes (platform/crypto.h) under a key of this run.

#ifndef NH_PORTAL_AUTH_H
#define NH_PORTAL_AUTH_H

#include "core/mem/mem.h"

#define NH_AUTH_TOKEN_BYTES 16
#define NH_AUTH_TOKEN_TEXT_BYTES (2 * NH_AUTH_TOKEN_BYTES + 1)
#define NH_AUTH_COOKIE "nh_session"
#define NH_AUTH_CREDENTIAL_MAX_BYTES 256 // user and password together

struct nh_auth_config {
    const char *user; // borrowed
    // Whether a password is right; may be slow. NULL: no password is set, everybody may do all.
    bool (*verify)(void *ctx, const char *user, const char *password);
    void *ctx;
    uint64_t session_ms; // 0: 7 days; from the sign-in, not renewed
};

typedef struct nh_auth nh_auth_t;
NH_MUST_USE int nh_auth_create(nh_mem_t *mem, const struct nh_auth_config *cfg, nh_auth_t **out);
void nh_auth_destroy(nh_auth_t *a);

bool nh_auth_is_required(const nh_auth_t *a);
const char *nh_auth_user(const nh_auth_t *a); // NULL: no password is set

// Checks the headers of a request (each may be NULL). 0: signed in (or no password is set).
// NH_ERR_DENIED: not. NH_ERR_BUSY: too many wrong passwords from this peer; try again later.
// A right Basic credential is remembered as a keyed hash for 10 minutes, so that `verify` is not
// called for each request.
NH_MUST_USE int nh_auth_check(nh_auth_t *a, const char *cookie, const char *authorization,
                              const char *peer, uint64_t now_ms);

// Checks a password; 0: a session is made and its token stands in `token`. At most 16 sessions:
// the oldest one ends. NH_ERR_DENIED, NH_ERR_BUSY as above.
NH_MUST_USE int nh_auth_sign_in(nh_auth_t *a, const char *user, const char *password,
                                const char *peer, uint64_t now_ms,
                                char token[NH_AUTH_TOKEN_TEXT_BYTES]);

// Ends the session of a Cookie header; without one nothing happens.
void nh_auth_sign_out(nh_auth_t *a, const char *cookie);

uint64_t nh_auth_session_ms(const nh_auth_t *a);
uint32_t nh_auth_session_count(const nh_auth_t *a, uint64_t now_ms);

#endif
