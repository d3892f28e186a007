// What takes its time about accounts: passwords are checked and stored by the login task, and the
// request that asked for it is answered after that.

#include "hub/accounts_api_private.h"

#include "core/base/log.h"
#include "platform/crypto.h"

#include <stdio.h>
#include <string.h>

// Of the form and the cost that `nuthatch passwd` gives, for no password at all: checking one
// against it takes as long as for somebody who is known.
#define NOBODYS_HASH                                                                               \
    "$argon2id$v=19$m=65536,t=2,p=1$Q2xpbWJzIGRvd24gdHJlZQ$"                                       \
    "dGhlIG9ubHkgYmlyZCB0aGF0IGNsaW1icyBkb3duIGE"

struct nh_accounts_work {
    struct nh_accounts_work *next;
    nh_accounts_api_t *api;
    struct nh_login_job job;
    bool is_check;
    uint32_t ticket; // of a check
    // A change:
    nh_request_t *req; // NULL: its client has gone
    enum nh_accounts_change change;
    struct nh_auth_wait wait; // the present password is being checked
    struct nh_account account;
    char password[NH_AUTH_PASSWORD_MAX_BYTES]; // until the task has it
};

static struct nh_accounts_work *work_new(nh_accounts_api_t *a)
{
    struct nh_accounts_work *w = nh_mem_alloc_zero(a->cfg.mem, sizeof *w, NH_MEM_BULK);
    if (!w)
        return NULL;
    w->api = a;
    w->next = a->works;
    a->works = w;
    return w;
}

static void work_free(struct nh_accounts_work *w)
{
    nh_accounts_api_t *a = w->api;
    struct nh_accounts_work **at = &a->works;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    a->work_count -= !w->is_check;
    nh_wipe(w, sizeof *w);
    nh_mem_free(a->cfg.mem, w);
}

// ---- life ---------------------------------------------------------------------------------------

int nh_accounts_api_create(const struct nh_accounts_api_config *cfg, nh_accounts_api_t **out)
{
    *out = nh_mem_alloc_zero(cfg->mem, sizeof **out, NH_MEM_BULK);
    if (!*out)
        return NH_ERR_NOMEM;
    (*out)->cfg = *cfg;
    return NH_OK;
}

void nh_accounts_api_destroy(nh_accounts_api_t *a)
{
    if (!a)
        return;
    while (a->works)
        work_free(a->works);
    nh_mem_free(a->cfg.mem, a);
}

void nh_accounts_api_portal_set(nh_accounts_api_t *a, nh_portal_t *portal)
{
    a->portal = portal;
}

void nh_accounts__changed(nh_accounts_api_t *a)
{
    if (a->cfg.changed)
        a->cfg.changed(a->cfg.ctx);
}

// ---- checking -----------------------------------------------------------------------------------

static void checked(void *ctx, struct nh_login_job *job)
{
    struct nh_accounts_work *w = ctx;
    nh_portal_t *portal = w->api->portal;
    uint32_t ticket = w->ticket;
    int result = job->result;
    work_free(w);
    nh_portal_checked(portal, ticket, result);
}

static void set_password(struct nh_login_job *job, const char *password)
{
    job->password_len = strlen(password);
    memcpy(job->password, password, job->password_len);
}

int nh_accounts_api_check(nh_accounts_api_t *a, uint32_t ticket, const char *user,
                          const char *password)
{
    const struct nh_account *account = nh_accounts_get(a->cfg.accounts, user);
    struct nh_accounts_work *w = work_new(a);
    if (!w)
        return NH_ERR_NOMEM;
    w->is_check = true;
    w->ticket = ticket;
    w->job.work = NH_LOGIN_CHECK;
    w->job.is_urgent = true;
    w->job.done = checked;
    w->job.ctx = w;
    snprintf(w->job.password_text, sizeof w->job.password_text, "%s",
             account ? account->password_hash : NOBODYS_HASH);
    set_password(&w->job, password);
    int err = nh_login_task_put(a->cfg.login, &w->job);
    if (err < 0)
        work_free(w);
    return err < 0 ? NH_ERR_NOMEM : NH_OK;
}

// ---- storing ------------------------------------------------------------------------------------

// Only the password changes here: the rest is as it is by now.
static int apply_password(const struct nh_accounts_work *w)
{
    nh_accounts_t *accounts = w->api->cfg.accounts;
    const struct nh_account *now = nh_accounts_get(accounts, w->account.name);
    if (!now)
        return NH_ERR_NOT_FOUND;
    struct nh_account changed = *now;
    memcpy(changed.password_hash, w->account.password_hash, sizeof changed.password_hash);
    changed.must_change = w->account.must_change;
    return nh_accounts_change(accounts, &changed);
}

static int apply(const struct nh_accounts_work *w)
{
    nh_accounts_t *accounts = w->api->cfg.accounts;
    if (w->change == NH_ACCOUNTS_SETUP && nh_accounts_is_required(accounts))
        return NH_ERR_EXISTS; // another one was quicker
    if (w->change == NH_ACCOUNTS_SETUP || w->change == NH_ACCOUNTS_ADD)
        return nh_accounts_add(accounts, &w->account);
    return apply_password(w);
}

// The sessions of this account have ended: whoever changed it goes on in a new one.
static int go_on(const struct nh_accounts_work *w)
{
    bool is_own =
        w->change == NH_ACCOUNTS_SETUP || (w->change == NH_ACCOUNTS_OWN_PASSWORD && w->req->cookie);
    return is_own ? nh_portal_session_begin(w->api->portal, w->req, w->account.name) : NH_OK;
}

static void stored(void *ctx, struct nh_login_job *job)
{
    struct nh_accounts_work *w = ctx;
    nh_accounts_api_t *a = w->api;
    nh_request_t *req = w->req;
    if (!req) { // nobody would hear of it
        work_free(w);
        return;
    }
    req->cleanup = NULL;
    snprintf(w->account.password_hash, sizeof w->account.password_hash, "%.159s",
             job->password_text);
    int err = job->result < 0 ? job->result : apply(w);
    bool has_changed = err == NH_OK;
    if (has_changed) {
        NH_LOG_I("access", "account %s: %s, by %s", w->account.name,
                 w->change == NH_ACCOUNTS_PASSWORD || w->change == NH_ACCOUNTS_OWN_PASSWORD
                     ? "another password"
                     : "added",
                 req->peer);
        err = go_on(w);
    }
    work_free(w);
    err = nh_accounts__reply(a, req, err);
    if (has_changed)
        nh_accounts__changed(a);
    nh_request_done(req, err);
}

static int store(struct nh_accounts_work *w)
{
    w->job.work = NH_LOGIN_MAKE;
    w->job.is_urgent = true;
    w->job.done = stored;
    w->job.ctx = w;
    set_password(&w->job, w->password);
    nh_wipe(w->password, sizeof w->password);
    return nh_login_task_put(w->api->cfg.login, &w->job);
}

// The present password was checked.
static void verified(struct nh_auth_wait *wait, int result)
{
    struct nh_accounts_work *w = NH_CONTAINER_OF(wait, struct nh_accounts_work, wait);
    nh_request_t *req = w->req;
    int err = result == NH_OK ? store(w) : NH_OK;
    if (result == NH_OK && err == NH_OK)
        return;
    req->cleanup = NULL;
    if (result == NH_ERR_DENIED)
        err = nh_reply_error(req, 403, "wrong_password",
                             "The present password is wrong. Nothing was changed.");
    else if (result < 0)
        err = nh_portal_reply_unverified(req, result, wait);
    work_free(w);
    nh_request_done(req, err);
}

// The client has gone: what the task has comes back yet.
static void leave(nh_request_t *req)
{
    struct nh_accounts_work *w = req->state;
    w->req = NULL;
    if (!w->wait.is_waiting)
        return;
    nh_portal_verify_cancel(w->api->portal, &w->wait);
    work_free(w);
}

static int begin(struct nh_accounts_work *w, const char *current)
{
    if (!current)
        return store(w);
    w->wait.done = verified;
    int err = nh_portal_verify(w->api->portal, w->req, w->account.name, current, &w->wait);
    return err == NH_ERR_AGAIN ? NH_OK : err;
}

int nh_accounts__start(nh_accounts_api_t *a, nh_request_t *req, enum nh_accounts_change change,
                       const struct nh_account *account, const char *current, const char *password)
{
    struct nh_accounts_work *w = a->work_count < a->cfg.work_max_count ? work_new(a) : NULL;
    if (!w)
        return a->work_count < a->cfg.work_max_count ? NH_ERR_NOMEM : NH_ERR_FULL;
    a->work_count++;
    w->req = req;
    w->change = change;
    w->account = *account;
    snprintf(w->password, sizeof w->password, "%s", password);
    int err = begin(w, current);
    if (err < 0) {
        struct nh_auth_wait wait = w->wait;
        work_free(w);
        return err == NH_ERR_BUSY || err == NH_ERR_FULL
                   ? nh_portal_reply_unverified(req, err, &wait)
                   : err;
    }
    req->state = w;
    req->cleanup = leave;
    nh_request_later(req);
    return NH_OK;
}
