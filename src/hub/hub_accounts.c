// The accounts of the portal as a part of the hub: the login task, the accounts, their routes.

#include "hub/hub_parts.h"

static bool is_required(void *ctx)
{
    const struct nh_hub *hub = ctx;
    return nh_accounts_is_required(hub->accounts);
}

static bool find(void *ctx, const char *user, struct nh_auth_account *out)
{
    const struct nh_hub *hub = ctx;
    return nh_accounts_find(hub->accounts, user, out);
}

static int check(void *ctx, uint32_t ticket, const char *user, const char *password)
{
    struct nh_hub *hub = ctx;
    return nh_accounts_api_check(hub->accounts_api, ticket, user, password);
}

// The names under which pages may call the broker depend on whether anybody has to sign in.
static void changed(void *ctx)
{
    struct nh_hub *hub = ctx;
    nh_hub__guard_listeners(hub);
    if (hub->portal)
        nh_portal_access_changed(hub->portal);
}

void nh_hub__set_file_account(struct nh_hub *hub)
{
    if (!hub->accounts)
        return;
    nh_accounts_file_set(hub->accounts, hub->cfg.access.user, hub->cfg.access.password_hash);
    changed(hub);
}

int nh_hub__start_accounts(struct nh_hub *hub)
{
    struct nh_login_task_config login = {.sys = hub->sys, .loop = hub->loop};
    struct nh_accounts_config accounts = {.store = hub->store,
                                          .max_count = hub->cfg.access.account_max_count};
    struct nh_accounts_api_config api = {.max_count = hub->cfg.access.account_max_count,
                                         .work_max_count = hub->cfg.access.login_queue_max,
                                         .ctx = hub,
                                         .changed = changed};
    int err = nh_hub__owner(hub, "hub", &login.mem);
    if (err == 0)
        err = nh_login_task_create(&login, &hub->login);
    accounts.mem = api.mem = login.mem;
    if (err == 0)
        err = nh_accounts_create(&accounts, &hub->accounts);
    api.accounts = hub->accounts;
    api.login = hub->login;
    if (err == 0)
        err = nh_accounts_api_create(&api, &hub->accounts_api);
    if (err < 0)
        return err;
    nh_accounts_file_set(hub->accounts, hub->cfg.access.user, hub->cfg.access.password_hash);
    return 0;
}

void nh_hub__fill_auth(struct nh_hub *hub, struct nh_auth_config *out)
{
    *out = (struct nh_auth_config){.ctx = hub,
                                   .is_required = is_required,
                                   .find = find,
                                   .check = check,
                                   .session_ms = hub->cfg.access.session_ms,
                                   .session_max_count = hub->cfg.access.session_max_count,
                                   .check_max_count = hub->cfg.access.login_queue_max,
                                   .delay_min_ms = hub->cfg.access.login_delay_min_ms,
                                   .delay_max_ms = hub->cfg.access.login_delay_max_ms,
                                   .delay_max_count = hub->cfg.access.login_delay_max_count};
}
