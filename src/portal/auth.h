// auth.h - who is it: sessions by cookie, Basic credentials, and a growing delay for guessing.
//
//   cookie of a session -------------------------> known at once
//   Basic, remembered from before ---------------> known at once
//   Basic, sign-in: delayed for guessing --------> refused unchecked
//                   else -- check, beside the loop --> nh_auth_verified() -> those who wait
//
// The accounts are somebody else's: they are asked for at every request, so that a change of one
// counts at once. The slow password hash is a callback that answers later; the clock is an
// argument. Tokens and remembered credentials are kept as keyed hashes (platform/crypto.h) under a
// key of this run: a leaked memory image signs nobody in, and a restart ends every session.
//
// One task makes every call.

#ifndef NH_PORTAL_AUTH_H
#define NH_PORTAL_AUTH_H

#include "core/http/http.h"

#define NH_AUTH_TOKEN_BYTES 16
#define NH_AUTH_TOKEN_TEXT_BYTES (2 * NH_AUTH_TOKEN_BYTES + 1)
#define NH_AUTH_COOKIE "nh_session"
#define NH_AUTH_USER_MAX_BYTES 33      // with the NUL
#define NH_AUTH_PASSWORD_MAX_BYTES 257 // likewise
#define NH_AUTH_DIGEST_BYTES 32

// An account that may sign in.
struct nh_auth_account {
    enum nh_role role;
    bool must_change; // its password, before anything else
    bool is_fixed;    // its password stands in a file and is changed there
    uint32_t stamp;   // another one: its sessions have ended
};

struct nh_auth_config {
    void *ctx;
    // Whether anybody has to sign in. NULL: nobody has to, everybody may do all.
    bool (*is_required)(void *ctx);
    // The account of this name. false: there is none, or it is disabled.
    bool (*find)(void *ctx, const char *user, struct nh_auth_account *out);
    // Has a password checked beside the loop; nh_auth_verified() is owed, later. A user that is not
    // known takes as long. Both texts are copied. NH_ERR_NOMEM: it is not.
    int (*check)(void *ctx, uint32_t ticket, const char *user, const char *password);
    uint64_t session_ms;                 // 0: 12 hours; counted from the last request
    uint32_t session_max_count;          // 0: 16; the one unused for longest makes room
    uint32_t check_max_count;            // 0: 8 at once; one more gets NH_ERR_FULL
    uint32_t delay_min_ms, delay_max_ms; // 0: 1 s, 5 min
    uint32_t delay_max_count;            // 0: 64 addresses and accounts that are remembered
};

typedef struct nh_auth nh_auth_t;
// NH_ERR_INVAL: is_required without find and check. NH_ERR_NOMEM.
NH_MUST_USE int nh_auth_create(nh_mem_t *mem, const struct nh_auth_config *cfg, nh_auth_t **out);
void nh_auth_destroy(nh_auth_t *a); // who still waits is told nothing any more

bool nh_auth_is_required(const nh_auth_t *a);

// Who a request is of.
struct nh_auth_who {
    char user[NH_AUTH_USER_MAX_BYTES]; // "": nobody has to sign in
    enum nh_role role;
    bool must_change, is_fixed;
    uint32_t stamp;                        // of the account
    bool has_session;                      // then `session` is its key
    uint8_t session[NH_AUTH_DIGEST_BYTES]; // of the token
};

// Who waits for a password to be checked; embedded in what waits, zeroed at first.
struct nh_auth_wait {
    struct nh_auth_wait *next; // private
    bool is_waiting;
    struct nh_auth_who *who; // filled in before done(), when the password is right; NULL: not
    uint64_t delay_ms;       // after NH_ERR_BUSY: when to try again
    // 0: it is right. NH_ERR_DENIED, NH_ERR_NOMEM. Called once, from within nh_auth_verified().
    void (*done)(struct nh_auth_wait *w, int result);
};

// Checks the headers of a request (each may be NULL) of `peer` ("10.0.0.1:5000").
// 0: `*who` is filled in, and its session lives on. NH_ERR_DENIED: nobody. NH_ERR_AGAIN: Basic
// credentials that are being checked; `w` (may be NULL) is told, `*who` filled in then, and the
// same are good at once for 10 minutes. NH_ERR_BUSY, NH_ERR_FULL, NH_ERR_NOMEM: as
// nh_auth_verify().
NH_MUST_USE int nh_auth_check(nh_auth_t *a, const char *cookie, const char *authorization,
                              const char *peer, uint64_t now_ms, struct nh_auth_who *who,
                              struct nh_auth_wait *w);

// Has a password checked. NH_ERR_AGAIN: w->done() will be called. NH_ERR_BUSY: too many wrong ones
// before it, see w->delay_ms. NH_ERR_FULL: too many at once. NH_ERR_NOMEM.
NH_MUST_USE int nh_auth_verify(nh_auth_t *a, const char *user, const char *password,
                               const char *peer, uint64_t now_ms, struct nh_auth_wait *w);
void nh_auth_cancel(nh_auth_t *a, struct nh_auth_wait *w); // it is not told any more
// The answer of cfg.check: 0, NH_ERR_DENIED, NH_ERR_NOMEM.
void nh_auth_verified(nh_auth_t *a, uint32_t ticket, int result, uint64_t now_ms);

// Begins a session of an account, whose token stands in `token`. NH_ERR_NOT_FOUND: no such account.
NH_MUST_USE int nh_auth_session_begin(nh_auth_t *a, const char *user, uint64_t now_ms,
                                      char token[NH_AUTH_TOKEN_TEXT_BYTES]);
// Ends the session of a Cookie header; without one nothing happens.
void nh_auth_session_end(nh_auth_t *a, const char *cookie, uint64_t now_ms);
// The role that somebody still has, who was known before; NH_ROLE_NONE: it must ask anew.
enum nh_role nh_auth_role_now(const nh_auth_t *a, const struct nh_auth_who *who, uint64_t now_ms);
// How many sessions there are, of `user` or (NULL) of all.
uint32_t nh_auth_session_count(const nh_auth_t *a, const char *user, uint64_t now_ms);

struct nh_auth_info {
    uint32_t waiting_count, waiting_max; // passwords being checked
    uint64_t sign_ins, wrong;            // passwords that were right, and that were not
    uint64_t slowed;                     // tries refused unchecked: too many wrong ones before
    uint64_t queue_full;                 // likewise: too many at once
    uint64_t sessions_full;              // sessions that made room for others
    uint64_t delays_full;                // delays that did
};
void nh_auth_info(const nh_auth_t *a, struct nh_auth_info *out);

#endif
