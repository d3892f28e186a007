// The routes of the accounts.

#include "hub/accounts_api_private.h"

#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

static const char unchanged[] = "Nothing was changed.";
static const char *const role_names[] = {"user", "operator", "admin", NULL}; // "user": as it was

// What a body may say; the fields that a route does not take stand in another table.
struct body {
    char username[NH_AUTH_USER_MAX_BYTES];
    char password[NH_AUTH_PASSWORD_MAX_BYTES], current[NH_AUTH_PASSWORD_MAX_BYTES];
    int role;
    bool enabled, must_change;
};

#define USERNAME                                                                                   \
    {                                                                                              \
        .name = "username", .type = NH_JSON_T_STRING, NH_JSON_AT(struct body, username)            \
    }
#define SECRET(n, member)                                                                          \
    {                                                                                              \
        .name = (n), .type = NH_JSON_T_STRING, .is_secret = true, NH_JSON_AT(struct body, member)  \
    }
#define ROLE                                                                                       \
    {                                                                                              \
        .name = "role", .type = NH_JSON_T_ENUM, .names = role_names, NH_JSON_AT(struct body, role) \
    }
#define FLAG(n, member)                                                                            \
    {                                                                                              \
        .name = (n), .type = NH_JSON_T_BOOL, NH_JSON_AT(struct body, member)                       \
    }

static const nh_json_field_t setup_fields[] = {USERNAME, SECRET("password", password),
                                               NH_JSON_FIELDS_END};
static const nh_json_field_t add_fields[] = {USERNAME,
                                             SECRET("password", password),
                                             ROLE,
                                             FLAG("enabled", enabled),
                                             FLAG("must_change", must_change),
                                             NH_JSON_FIELDS_END};
static const nh_json_field_t change_fields[] = {
    USERNAME, ROLE, FLAG("enabled", enabled), FLAG("must_change", must_change), NH_JSON_FIELDS_END};
static const nh_json_field_t password_fields[] = {
    USERNAME, SECRET("current_password", current), SECRET("new_password", password),
    FLAG("must_change", must_change), NH_JSON_FIELDS_END};

// ---- replies ------------------------------------------------------------------------------------

static int reply_refused(nh_accounts_api_t *a, nh_request_t *req, int err)
{
    switch (err) {
    case NH_ERR_EXISTS:
        return nh_reply_error(req, 409, "exists", "There is such an account already. %s",
                              unchanged);
    case NH_ERR_DENIED:
        return nh_reply_error(req, 409, "in_file",
                              "This account stands in hub.yaml; nuthatch passwd makes its line. %s",
                              unchanged);
    case NH_ERR_CONFLICT:
        return nh_reply_error(req, 409, "last_admin", "No admin who may sign in would be left. %s",
                              unchanged);
    case NH_ERR_NOT_FOUND:
        return nh_reply_error(req, 404, NULL, "There is no such account. %s", unchanged);
    case NH_ERR_FULL:
        return nh_reply_error(
            req, 409, "full", "There are %u accounts, limit access.account_max_count %u. %s",
            (unsigned)nh_accounts_count(a->cfg.accounts), (unsigned)a->cfg.max_count, unchanged);
    case NH_ERR_UNSUPPORTED:
        return nh_reply_error(req, 409, "accounts_damaged",
                              "The accounts kept so far cannot be read; the log says why. %s",
                              unchanged);
    default:
        return err;
    }
}

int nh_accounts__reply(nh_accounts_api_t *a, nh_request_t *req, int err)
{
    if (err < 0)
        return reply_refused(a, req, err);
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "status", "ok");
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int reply_finding(nh_request_t *req, const char *pointer, const char *value,
                         const char *limit, const char *text)
{
    struct nh_finding f = {.code = NH_ERR_INVAL};
    snprintf(f.pointer, sizeof f.pointer, "%s", pointer);
    snprintf(f.value, sizeof f.value, "%s", value);
    snprintf(f.limit, sizeof f.limit, "%s", limit);
    snprintf(f.text, sizeof f.text, "%s", text);
    return nh_reply_findings(req, &f, 1, unchanged);
}

// 0: it is a name. Else the reply is set: return what this returned, which is 1 then.
static int check_name(nh_request_t *req, const char *name)
{
    if (nh_accounts_name_check(name) == NH_OK)
        return 0;
    int err = reply_finding(req, "/username", name, "1 to 32 bytes without : or control characters",
                            "is no name of an account");
    return err < 0 ? err : 1;
}

static int check_password(nh_request_t *req, const char *pointer, const char *password)
{
    char value[24];
    size_t len = strlen(password);
    if (len >= NH_PASSWORD_MIN_BYTES)
        return 0;
    snprintf(value, sizeof value, "%zu bytes", len);
    int err = reply_finding(req, pointer, value, "8 to 256 bytes", "is too short");
    return err < 0 ? err : 1;
}

static int reply_setup_first(nh_request_t *req)
{
    return nh_reply_error(req, 409, "setup_needed",
                          "No password is set yet: POST /api/auth/setup makes the first account.");
}

static struct body *body_new(nh_request_t *req)
{
    struct body *b = nh_arena_alloc(req->arena, sizeof *b);
    if (b)
        *b = (struct body){.enabled = true, .must_change = true, .role = NH_ROLE_OPERATOR};
    return b;
}

static struct nh_account account_of(const struct body *b)
{
    struct nh_account account = {.role =
                                     b->role == NH_ROLE_ADMIN ? NH_ROLE_ADMIN : NH_ROLE_OPERATOR,
                                 .enabled = b->enabled,
                                 .must_change = b->must_change};
    memcpy(account.name, b->username, sizeof account.name);
    return account;
}

// ---- GET /api/users -----------------------------------------------------------------------------

struct listing {
    nh_json_writer_t w;
    struct nh_json_buf sink;
    size_t index;
    bool begun, ended;
};

static void write_counters(const nh_accounts_api_t *a, nh_json_writer_t *w)
{
    struct nh_portal_info i;
    nh_portal_info(a->portal, &i);
    nh_json_kv_uint(w, "limit", a->cfg.max_count);
    nh_json_kv_uint(w, "sessions", i.session_count);
    nh_json_key(w, "counters");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "sign_ins", i.auth.sign_ins);
    nh_json_kv_uint(w, "wrong", i.auth.wrong);
    nh_json_kv_uint(w, "slowed", i.auth.slowed);
    nh_json_kv_uint(w, "waiting_max", i.auth.waiting_max);
    nh_json_kv_uint(w, "queue_full", i.auth.queue_full);
    nh_json_kv_uint(w, "sessions_full", i.auth.sessions_full);
    nh_json_kv_uint(w, "delays_full", i.auth.delays_full);
    nh_json_object_end(w);
}

static void write_account(const nh_accounts_api_t *a, nh_json_writer_t *w,
                          const struct nh_account *account)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "username", account->name);
    nh_json_kv_string(w, "role", role_names[account->role]);
    nh_json_kv_bool(w, "enabled", account->enabled);
    nh_json_kv_bool(w, "must_change", account->must_change);
    nh_json_kv_bool(w, "in_file", nh_accounts_is_of_file(a->cfg.accounts, account->name));
    nh_json_kv_uint(w, "sessions", nh_portal_session_count(a->portal, account->name));
    nh_json_object_end(w);
}

static int produce_users(nh_request_t *req, char *buf, size_t cap)
{
    struct listing *l = req->state;
    const nh_accounts_api_t *a = req->ctx;
    const struct nh_account *account;
    l->sink = (struct nh_json_buf){buf, cap, 0};
    if (!l->begun) {
        l->begun = true;
        nh_json_object_begin(&l->w);
        write_counters(a, &l->w);
        nh_json_key(&l->w, "users");
        nh_json_array_begin(&l->w);
    }
    while (!l->ended && (account = nh_accounts_at(a->cfg.accounts, l->index)) != NULL) {
        nh_json_writer_t before = l->w;
        size_t len = l->sink.len;
        // One of the same name as the file's is not in force.
        if (l->index == 0 || !nh_accounts_is_of_file(a->cfg.accounts, account->name))
            write_account(a, &l->w, account);
        if (l->w.err) {
            l->w = before;
            l->sink.len = len;
            return len ? (int)len : NH_ERR_FULL;
        }
        l->index++;
    }
    if (!l->ended && cap - l->sink.len >= 4) {
        l->ended = true;
        nh_json_array_end(&l->w);
        nh_json_object_end(&l->w);
    }
    return (int)l->sink.len;
}

static int get_users(nh_request_t *req)
{
    struct listing *l = nh_arena_alloc(req->arena, sizeof *l);
    if (!l)
        return NH_ERR_NOMEM;
    memset(l, 0, sizeof *l);
    nh_json_writer_init(&l->w, nh_json_buf_sink, &l->sink);
    req->state = l;
    return nh_reply_stream(req, 200, "application/json", produce_users);
}

// ---- making, changing, removing -----------------------------------------------------------------

static int add(nh_request_t *req, const nh_json_field_t *fields, enum nh_accounts_change change)
{
    nh_accounts_api_t *a = req->ctx;
    struct body *b = body_new(req);
    bool ok;
    if (!b)
        return NH_ERR_NOMEM;
    if (change == NH_ACCOUNTS_SETUP) {
        b->role = NH_ROLE_ADMIN;
        b->must_change = false;
    }
    int err = nh_request_decode(req, fields, b, unchanged, &ok);
    if (!ok)
        return err;
    err = check_name(req, b->username);
    if (!err)
        err = check_password(req, "/password", b->password);
    if (err)
        return err < 0 ? err : 0;
    const struct nh_account account = account_of(b);
    if (nh_accounts_get(a->cfg.accounts, account.name))
        return reply_refused(a, req, NH_ERR_EXISTS);
    return nh_accounts__start(a, req, change, &account, NULL, b->password);
}

static int post_setup(nh_request_t *req)
{
    nh_accounts_api_t *a = req->ctx;
    if (nh_accounts_is_required(a->cfg.accounts))
        return nh_reply_error(req, 409, "exists", "A password is set already. %s", unchanged);
    if (!req->is_local)
        return nh_reply_error(req, 403, "forbidden",
                              "The first password is set from this machine. %s", unchanged);
    return add(req, setup_fields, NH_ACCOUNTS_SETUP);
}

static int post_users(nh_request_t *req)
{
    nh_accounts_api_t *a = req->ctx;
    return nh_accounts_is_required(a->cfg.accounts) ? add(req, add_fields, NH_ACCOUNTS_ADD)
                                                    : reply_setup_first(req);
}

static int reply_changed(nh_accounts_api_t *a, nh_request_t *req, int err, const char *name,
                         const char *what)
{
    if (err == NH_OK) {
        NH_LOG_I("access", "account %s: %s, by %s", name, what, req->peer);
        nh_accounts__changed(a);
    }
    return nh_accounts__reply(a, req, err);
}

// Decoded twice: first for the name, then over what its account is now.
static int put_users(nh_request_t *req)
{
    nh_accounts_api_t *a = req->ctx;
    struct body *b = body_new(req);
    bool ok;
    if (!b)
        return NH_ERR_NOMEM;
    int err = nh_request_decode(req, change_fields, b, unchanged, &ok);
    if (!ok)
        return err;
    const struct nh_account *now = nh_accounts_get(a->cfg.accounts, b->username);
    if (!now)
        return reply_refused(a, req, NH_ERR_NOT_FOUND);
    b->role = now->role;
    b->enabled = now->enabled;
    b->must_change = now->must_change;
    err = nh_request_decode(req, change_fields, b, unchanged, &ok);
    if (!ok)
        return err;
    struct nh_account account = account_of(b);
    memcpy(account.password_hash, now->password_hash, sizeof account.password_hash);
    err = nh_accounts_change(a->cfg.accounts, &account);
    return reply_changed(a, req, err, account.name,
                         account.enabled ? "changed" : "changed, and disabled");
}

static int delete_users(nh_request_t *req)
{
    nh_accounts_api_t *a = req->ctx;
    const char *name = nh_request_param(req, "username");
    int err = name ? nh_accounts_remove(a->cfg.accounts, name) : NH_ERR_NOT_FOUND;
    return reply_changed(a, req, err, name ? name : "", "removed");
}

// ---- POST /api/auth/password --------------------------------------------------------------------

static int change_own(nh_request_t *req, struct body *b, const struct nh_account *account)
{
    if (strcmp(b->password, b->current) == 0)
        return reply_finding(req, "/new_password", "(hidden)", "another one than the present one",
                             "is the present password");
    return nh_accounts__start(req->ctx, req, NH_ACCOUNTS_OWN_PASSWORD, account, b->current,
                              b->password);
}

static int post_password(nh_request_t *req)
{
    nh_accounts_api_t *a = req->ctx;
    struct body *b = body_new(req);
    bool ok;
    if (!b)
        return NH_ERR_NOMEM;
    if (!req->user)
        return reply_setup_first(req);
    int err = nh_request_decode(req, password_fields, b, unchanged, &ok);
    if (!ok)
        return err;
    bool is_own = !b->username[0] || strcmp(b->username, req->user) == 0;
    const char *name = is_own ? req->user : b->username;
    if (!is_own && req->role != NH_ROLE_ADMIN)
        return nh_reply_error(req, 403, "forbidden", "Only an admin sets another's password.");
    const struct nh_account *now = nh_accounts_get(a->cfg.accounts, name);
    if (!now || nh_accounts_is_of_file(a->cfg.accounts, name))
        return reply_refused(a, req, now ? NH_ERR_DENIED : NH_ERR_NOT_FOUND);
    err = check_password(req, "/new_password", b->password);
    if (err)
        return err < 0 ? err : 0;
    struct nh_account account = *now;
    account.must_change = !is_own && b->must_change;
    return is_own ? change_own(req, b, &account)
                  : nh_accounts__start(a, req, NH_ACCOUNTS_PASSWORD, &account, NULL, b->password);
}

// ---- table --------------------------------------------------------------------------------------

#define BODY_MAX_BYTES 4096 // two passwords of 256 bytes, escaped

static const nh_route_t routes[] = {
    {.method = "POST",
     .path = "/api/auth/setup",
     .body_max_bytes = BODY_MAX_BYTES,
     .flags = NH_ROUTE_SECRETS,
     .handle = post_setup,
     .text = "Make the first account, from this machine"},
    {.method = "POST",
     .path = "/api/auth/password",
     .body_max_bytes = BODY_MAX_BYTES,
     .flags = NH_ROUTE_SECRETS | NH_ROUTE_OPERATOR | NH_ROUTE_NEW_PASSWORD,
     .handle = post_password,
     .text = "Change the own password; an admin: another's"},
    {.method = "GET", .path = "/api/users", .handle = get_users, .text = "The portal's accounts"},
    {.method = "POST",
     .path = "/api/users",
     .body_max_bytes = BODY_MAX_BYTES,
     .flags = NH_ROUTE_SECRETS,
     .handle = post_users,
     .text = "Add an account"},
    {.method = "PUT",
     .path = "/api/users",
     .body_max_bytes = 512,
     .handle = put_users,
     .text = "Change an account: role, enabled, must_change"},
    {.method = "DELETE",
     .path = "/api/users",
     .handle = delete_users,
     .text = "Remove an account (?username=)"},
    {0},
};

struct nh_route_table nh_accounts_api_routes(nh_accounts_api_t *a)
{
    return (struct nh_route_table){.routes = routes, .ctx = a, .name = "access"};
}
