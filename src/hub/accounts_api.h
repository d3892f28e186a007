// accounts_api.h - the routes of the accounts, and what of them takes its time: checking and
// storing passwords, which the login task does beside the loop.

#ifndef NH_HUB_ACCOUNTS_API_H
#define NH_HUB_ACCOUNTS_API_H

#include "hub/accounts.h"
#include "hub/login_task.h"
#include "portal/portal.h"

typedef struct nh_accounts_api nh_accounts_api_t;
struct nh_accounts_api_config {
    nh_mem_t *mem; // borrowed, like all pointers here
    nh_accounts_t *accounts;
    nh_login_task_t *login;  // destroyed before this is
    uint32_t max_count;      // accounts, for the page
    uint32_t work_max_count; // passwords to store at once; one more gets 503
    void *ctx;
    void (*changed)(void *ctx); // an account has changed, or whether anybody has to sign in
};
// NH_ERR_NOMEM.
NH_MUST_USE int nh_accounts_api_create(const struct nh_accounts_api_config *cfg,
                                       nh_accounts_api_t **out);
void nh_accounts_api_destroy(nh_accounts_api_t *a); // after the portal
// The portal that its routes and checks are of; NULL: it has gone.
void nh_accounts_api_portal_set(nh_accounts_api_t *a, nh_portal_t *portal);

// As nh_auth_config.check.
NH_MUST_USE int nh_accounts_api_check(nh_accounts_api_t *a, uint32_t ticket, const char *user,
                                      const char *password);

struct nh_route_table nh_accounts_api_routes(nh_accounts_api_t *a);

#endif
