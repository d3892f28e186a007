// accounts_api_private.h - shared by accounts_api.c and accounts_work.c.

#ifndef NH_HUB_ACCOUNTS_API_PRIVATE_H
#define NH_HUB_ACCOUNTS_API_PRIVATE_H

#include "hub/accounts_api.h"

struct nh_accounts_work;

struct nh_accounts_api {
    struct nh_accounts_api_config cfg;
    nh_portal_t *portal;
    struct nh_accounts_work *works; // on their way
    uint32_t work_count;            // of them those that store a password
};

enum nh_accounts_change {
    NH_ACCOUNTS_SETUP,        // the first account of all
    NH_ACCOUNTS_ADD,          //
    NH_ACCOUNTS_OWN_PASSWORD, // after the present one was checked
    NH_ACCOUNTS_PASSWORD,     // somebody else's
};

// Stores a new password for a request and then makes the change; `account` says the rest of it.
// `current` NULL: not asked for. The reply comes later. NH_ERR_FULL: too many at once;
// NH_ERR_NOMEM.
NH_MUST_USE int nh_accounts__start(nh_accounts_api_t *a, nh_request_t *req,
                                   enum nh_accounts_change change, const struct nh_account *account,
                                   const char *current, const char *password);

// What a refused change is answered with; 0 is {"status":"ok"}.
int nh_accounts__reply(nh_accounts_api_t *a, nh_request_t *req, int err);
// Tells whoever has to know that something has changed.
void nh_accounts__changed(nh_accounts_api_t *a);

#endif
