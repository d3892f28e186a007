// sign_in_api.c - signing in and out, and who is signed in.

#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/json/decode.h"
#include "platform/crypto.h"
#include "portal/portal_private.h"

static int set_cookie(nh_request_t *req, const char *token, const char *more)
{
    char text[160];
    int len =
        snprintf(text, sizeof text, NH_AUTH_COOKIE "=%s; HttpOnly; SameSite=Strict; Path=/%s%s",
                 token, more, req->is_tls ? "; Secure" : "");
    char *kept = nh_arena_strndup(req->arena, text, (size_t)len);
    nh_wipe(text, sizeof text);
    return kept ? nh_reply_header(req, "Set-Cookie", kept) : NH_ERR_NOMEM;
}

// Without an age: the browser keeps it until it is closed, and the hub says how long it is good.
int nh_portal_session_begin(nh_portal_t *p, nh_request_t *req, const char *user)
{
    char token[NH_AUTH_TOKEN_TEXT_BYTES];
    nh_auth_session_end(p->auth, req->cookie, req->now_ms); // the browser forgets the one before
    int err = nh_auth_session_begin(p->auth, user, req->now_ms, token);
    if (!err)
        err = set_cookie(req, token, "");
    nh_wipe(token, sizeof token);
    return err;
}

// ---- what was not looked at, and what was wrong ------------------------------------------------

static int retry_after(nh_request_t *req, uint64_t seconds)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)seconds);
    char *kept = nh_arena_strndup(req->arena, text, (size_t)len);
    return kept ? nh_reply_header(req, "Retry-After", kept) : NH_ERR_NOMEM;
}

int nh_portal__reply_unchecked(nh_request_t *req, int err, uint64_t delay_ms)
{
    uint64_t seconds = err == NH_ERR_BUSY ? (delay_ms + 999) / 1000 : 1;
    int full = err == NH_ERR_BUSY || err == NH_ERR_FULL ? retry_after(req, seconds) : err;
    if (full)
        return full;
    if (err == NH_ERR_FULL)
        return nh_reply_error(req, 503, NULL,
                              "Too many passwords are being checked. Try again in a second.");
    return nh_reply_error(req, 429, NULL, "Too many wrong passwords. Try again in %llu s.",
                          (unsigned long long)seconds);
}

// Without the name: who is in a hurry types the password there.
void nh_portal__tell_wrong(const nh_request_t *req)
{
    NH_LOG_W("http", "wrong user or password from %s", req->peer);
}

// One text for all that can be wrong: who guesses learns nothing of the other half.
int nh_portal_reply_unverified(nh_request_t *req, int err, const struct nh_auth_wait *w)
{
    if (err == NH_ERR_DENIED)
        nh_portal__tell_wrong(req);
    if (err == NH_ERR_DENIED)
        return nh_reply_error(req, 401, "wrong_password", "The user or the password is wrong.");
    return nh_portal__reply_unchecked(req, err, w->delay_ms);
}

// ---- POST /api/auth/login ----------------------------------------------------------------------

struct login {
    struct nh_auth_wait wait; // first
    nh_portal_t *portal;
    nh_request_t *req;
    struct nh_auth_who who;
    char username[256], password[NH_AUTH_PASSWORD_MAX_BYTES];
};

static const nh_json_field_t login_fields[] = {{.name = "username",
                                                .type = NH_JSON_T_STRING,
                                                .required = true,
                                                NH_JSON_AT(struct login, username)},
                                               {.name = "password",
                                                .type = NH_JSON_T_STRING,
                                                .required = true,
                                                .is_secret = true,
                                                NH_JSON_AT(struct login, password)},
                                               NH_JSON_FIELDS_END};

static const char *role_name(enum nh_role role)
{
    return role == NH_ROLE_ADMIN ? "admin" : role == NH_ROLE_OPERATOR ? "operator" : NULL;
}

// `role` as it was always told, "user" for an operator; `role_name` says it in today's words.
static void kv_who(nh_json_writer_t *w, const struct nh_auth_who *who)
{
    nh_json_kv_string(w, "role", who->role == NH_ROLE_OPERATOR ? "user" : role_name(who->role));
    nh_json_kv_string(w, "role_name", role_name(who->role));
    nh_json_kv_string(w, "username", who->user[0] ? who->user : NULL);
    nh_json_kv_bool(w, "must_change", who->must_change);
}

static int reply_signed_in(nh_request_t *req, const struct nh_auth_who *who)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "status", "ok");
    kv_who(w, who);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static void login_checked(struct nh_auth_wait *w, int result)
{
    struct login *l = (struct login *)w;
    int err = result ? nh_portal_reply_unverified(l->req, result, w)
                     : nh_portal_session_begin(l->portal, l->req, l->who.user);
    if (!result && !err)
        err = reply_signed_in(l->req, &l->who);
    nh_request_done(l->req, err);
}

static void login_cancel(nh_request_t *req)
{
    struct login *l = req->state;
    nh_auth_cancel(l->portal->auth, &l->wait);
}

int nh_portal__post_login(nh_request_t *req)
{
    nh_portal_t *p = req->ctx;
    bool ok;
    struct login *l = nh_arena_alloc(req->arena, sizeof *l);
    if (!l)
        return NH_ERR_NOMEM;
    *l = (struct login){.wait = {.done = login_checked, .who = &l->who}, .portal = p, .req = req};
    int err = nh_request_decode(req, login_fields, l, "Nobody was signed in.", &ok);
    if (!ok)
        return err;
    if (!nh_auth_is_required(p->auth)) {
        l->who.role = NH_ROLE_ADMIN;
        return reply_signed_in(req, &l->who);
    }
    err = nh_auth_verify(p->auth, l->username, l->password, req->peer, req->now_ms, &l->wait);
    if (err != NH_ERR_AGAIN)
        return nh_portal_reply_unverified(req, err, &l->wait);
    req->state = l;
    req->cleanup = login_cancel;
    nh_request_later(req);
    return 0;
}

// ---- the rest ----------------------------------------------------------------------------------

int nh_portal__post_logout(nh_request_t *req)
{
    nh_portal_t *p = req->ctx;
    nh_auth_session_end(p->auth, req->cookie, req->now_ms);
    nh_portal_access_changed(p);
    int err = set_cookie(req, "", "; Max-Age=0");
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "status", "ok");
    nh_json_object_end(w);
    return err ? err : nh_reply_json_end(req);
}

int nh_portal__get_session(nh_request_t *req)
{
    nh_portal_t *p = req->ctx;
    const struct nh_auth_who *who = &((struct nh_portal__request *)req)->who;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    kv_who(w, who);
    nh_json_kv_bool(w, "required", nh_auth_is_required(p->auth));
    nh_json_kv_bool(w, "in_file", who->is_fixed);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}
