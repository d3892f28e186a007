// dispatch.c - from a request's head to its route: who asks, from where, how much they send.

#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/http/text.h"
#include "portal/auth_source.h"
#include "portal/portal_private.h"

// ---- routes ------------------------------------------------------------------------------------

struct match {
    const nh_route_t *route; // with the request's method; NULL: the path has others
    const struct nh_route_table *table;
    size_t index;        // over all tables
    const char *pattern; // NULL: no route has this path
};

static bool pattern_fits(const char *pattern, const char *path)
{
    size_t len = strlen(pattern);
    if (len && pattern[len - 1] == '*')
        return strncmp(pattern, path, len - 1) == 0 && strlen(path) >= len;
    return strcmp(pattern, path) == 0;
}

// An exact path goes before one with '*', a longer one before a shorter one.
static bool is_closer(const char *pattern, const char *than)
{
    if (!than)
        return true;
    bool star = pattern[strlen(pattern) - 1] == '*', than_star = than[strlen(than) - 1] == '*';
    return star != than_star ? than_star : strlen(pattern) > strlen(than);
}

static bool method_fits(const nh_route_t *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0);
}

static struct match find_route(const nh_portal_t *p, const char *method, const char *path)
{
    struct match m = {0};
    for (size_t t = 0; t < p->table_count; t++)
        for (const nh_route_t *r = p->tables[t].routes; r->path; r++)
            if (pattern_fits(r->path, path) && is_closer(r->path, m.pattern))
                m.pattern = r->path;
    if (!m.pattern)
        return m;
    size_t index = 0;
    for (size_t t = 0; t < p->table_count; t++)
        for (const nh_route_t *r = p->tables[t].routes; r->path; r++, index++)
            if (!m.route && strcmp(r->path, m.pattern) == 0 && method_fits(r, method))
                m = (struct match){r, &p->tables[t], index, m.pattern};
    return m;
}

static bool is_known_method(const char *method)
{
    static const char *const known[] = {"GET",   "HEAD",    "POST",  "PUT",    "DELETE",
                                        "PATCH", "OPTIONS", "TRACE", "CONNECT"};
    for (size_t i = 0; i < NH_ARRAY_LEN(known); i++)
        if (strcmp(known[i], method) == 0)
            return true;
    return false;
}

static int reply_wrong_method(struct nh_portal__request *r, const char *pattern)
{
    nh_request_t *req = &r->x.req;
    if (!is_known_method(req->method))
        return nh_reply_error(req, 501, NULL, "The method %s is not known here.", req->method);
    char allow[96];
    size_t len = 0;
    const nh_portal_t *p = r->portal;
    for (size_t t = 0; t < p->table_count; t++)
        for (const nh_route_t *row = p->tables[t].routes; row->path; row++) {
            bool get = strcmp(row->method, "GET") == 0;
            if (strcmp(row->path, pattern) != 0 || len + strlen(row->method) + 9 > sizeof allow)
                continue;
            len += (size_t)snprintf(allow + len, sizeof allow - len, "%s%s%s", len ? ", " : "",
                                    row->method, get ? ", HEAD" : "");
        }
    char *kept = nh_arena_strndup(req->arena, allow, len);
    if (!kept || nh_reply_header(req, "Allow", kept))
        return NH_ERR_NOMEM;
    return nh_reply_error(req, 405, NULL, "%s is not for %s. Allowed: %s.", req->path, req->method,
                          kept);
}

// ---- who ---------------------------------------------------------------------------------------

static int check_who(nh_portal_t *p, nh_http_conn_t *c, const char *peer, struct nh_auth_who *who,
                     struct nh_auth_wait *w)
{
    return nh_auth_check(p->auth, nh_http_header(c, "cookie"), nh_http_header(c, "authorization"),
                         peer, nh_clock_ms(), who, w);
}

int nh_portal__ws_check(nh_portal_t *p, nh_http_conn_t *c, const struct nh_http_head *head,
                        struct nh_auth_who *who)
{
    if (nh_portal__foreign(p, c, true, !nh_auth_is_required(p->auth)))
        return 403;
    int err = check_who(p, c, head->peer, who, NULL);
    if (!err)
        return who->must_change ? 403 : 0;
    return err == NH_ERR_DENIED ? 401 : err == NH_ERR_BUSY ? 429 : 503;
}

int nh_portal__ws_check_open(nh_portal_t *p, nh_http_conn_t *c)
{
    return nh_portal__foreign(p, c, true, true) ? 403 : 0;
}

static int reply_who(nh_request_t *req, int err)
{
    if (err == NH_ERR_DENIED)
        return nh_reply_error(req, 401, NULL, "Sign in first, or send Basic credentials.");
    return nh_portal__reply_unchecked(req, err, ((struct nh_portal__request *)req)->wait.delay_ms);
}

// What this route asks of who is known now.
static int check_role(struct nh_portal__request *r)
{
    nh_request_t *req = &r->x.req;
    uint32_t flags = r->route ? r->route->flags : 0;
    req->user = r->who.user[0] ? r->who.user : NULL;
    req->role = r->who.role;
    if (r->who.must_change && !(flags & NH_ROUTE_NEW_PASSWORD))
        return nh_reply_error(req, 403, "password_change_required",
                              "Change the password first: POST /api/auth/password.");
    if (r->route && req->role != NH_ROLE_ADMIN && !(flags & NH_ROUTE_OPERATOR))
        return nh_reply_error(req, 403, "forbidden", "%s %s is for admins.", req->method,
                              req->path);
    return 0;
}

// ---- how much ----------------------------------------------------------------------------------

// A parameter that the route does not have: a slip of the pen must not pass for "all is well".
static int check_params(nh_request_t *req)
{
    const char *params = req->route->params;
    nh_span_t name;
    if (!params || !nh_http_query_find_other(req->query, params, &name))
        return 0;
    return nh_reply_error(req, 400, "unknown_parameter",
                          "%s has no parameter \"%.*s\"; it has %s%s. Nothing was done.", req->path,
                          (int)(name.len < 40 ? name.len : 40), (const char *)name.ptr,
                          params[0] ? "these: " : "none", params);
}

static int check_body(struct nh_portal__request *r, const struct nh_http_head *head)
{
    nh_request_t *req = &r->x.req;
    uint32_t max = r->route->body_max_bytes;
    int refused = check_params(req);
    if (refused || r->x.status)
        return refused;
    if (head->is_chunked) // no length at all is no body, as a POST without one is sent
        return nh_reply_error(req, 411, NULL, "A body needs its Content-Length. Nothing was done.");
    if (head->content_length > (int64_t)max) {
        nh_json_writer_t *w = nh_reply_error_details(
            req, 413, NULL, "Body has %lld bytes, limit %u. Nothing was changed.",
            (long long)head->content_length, (unsigned)max);
        nh_json_object_begin(w);
        nh_json_kv_string(w, "field", "body");
        nh_json_kv_int(w, "value", head->content_length);
        nh_json_kv_uint(w, "limit", max);
        nh_json_object_end(w);
        return nh_reply_error_end(req);
    }
    if (head->content_length <= 0 || r->route->body)
        return 0;
    r->body_cap = (size_t)head->content_length;
    r->body = nh_arena_alloc(req->arena, r->body_cap + 1);
    return r->body ? 0 : NH_ERR_NOMEM;
}

// ---- dispatch ----------------------------------------------------------------------------------

static const char *keep_header(struct nh_portal__request *r, const char *name, bool *failed)
{
    const char *value = nh_http_header(r->conn, name);
    if (!value)
        return NULL;
    char *kept = nh_arena_strndup(&r->x.arena, value, strlen(value));
    *failed = *failed || !kept;
    return kept;
}

static const char *keep(struct nh_portal__request *r, const char *text, bool *failed)
{
    char *kept = nh_arena_strndup(&r->x.arena, text, strlen(text));
    *failed = *failed || !kept;
    return kept ? kept : "";
}

// The server's strings end with request(); what a handler may want is kept in the arena.
static int keep_head(struct nh_portal__request *r, const struct nh_http_head *head)
{
    nh_request_t *req = &r->x.req;
    bool failed = false;
    req->method = keep(r, head->method, &failed);
    req->path = keep(r, head->path, &failed);
    req->query = head->query[0] ? keep(r, head->query, &failed) : "";
    req->peer = keep(r, head->peer, &failed);
    req->cookie = keep_header(r, "cookie", &failed);
    req->content_type = keep_header(r, "content-type", &failed);
    req->if_none_match = keep_header(r, "if-none-match", &failed);
    req->accept_encoding = keep_header(r, "accept-encoding", &failed);
    req->content_length = head->content_length;
    req->is_tls = head->is_tls;
    req->is_local = nh_auth_source_is_local(head->peer);
    const char *destination = nh_http_header(r->conn, "sec-fetch-dest");
    r->is_script = destination && strcmp(destination, "empty") == 0;
    req->now_ms = nh_clock_ms();
    return failed ? NH_ERR_NOMEM : 0;
}

static void bind(struct nh_portal__request *r, const struct match *m)
{
    nh_request_t *req = &r->x.req;
    size_t len = strlen(m->pattern);
    r->route = req->route = m->route;
    req->ctx = m->table->ctx;
    if (m->pattern[len - 1] == '*')
        req->rest = req->path + len - 1;
    r->stats = &r->portal->stats[m->index];
}

// There is no route with this method, or the body does not fit.
static int check_route(struct nh_portal__request *r, const struct nh_http_head *head)
{
    nh_request_t *req = &r->x.req;
    if (!r->pattern)
        return nh_reply_error(req, 404, NULL, "There is nothing at %s.", req->path);
    return r->route ? check_body(r, head) : reply_wrong_method(r, r->pattern);
}

// A password is being checked, and the body gathered meanwhile. One that goes to its handler in
// pieces cannot wait; the next request will be known.
static int wait_for_who(struct nh_portal__request *r, const struct nh_http_head *head)
{
    nh_request_t *req = &r->x.req;
    if (!r->route || !r->route->body)
        return r->route ? check_body(r, head) : 0;
    int err = nh_reply_header(req, "Retry-After", "1");
    return err ? err
               : nh_reply_error(req, 503, NULL,
                                "The password is being checked. Send this again in a second.");
}

static int dispatch(struct nh_portal__request *r, const struct nh_http_head *head)
{
    nh_portal_t *p = r->portal;
    nh_request_t *req = &r->x.req;
    int err = keep_head(r, head);
    if (err)
        return err;
    bool is_get = strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0;
    const char *foreign = nh_portal__foreign(p, r->conn, !is_get, !nh_auth_is_required(p->auth));
    if (foreign)
        return nh_portal__reply_foreign(req, foreign);
    if (p->cfg.asked)
        p->cfg.asked(p->cfg.asked_ctx, req->path);
    struct match m = find_route(p, req->method, req->path);
    r->pattern = m.pattern;
    if (m.route)
        bind(r, &m);
    if (m.route && (m.route->flags & (NH_ROUTE_CHANGES | NH_ROUTE_OPEN))) {
        bool is_open = !nh_auth_is_required(p->auth) || (m.route->flags & NH_ROUTE_OPEN);
        foreign =
            nh_portal__foreign(p, r->conn, !is_get || (m.route->flags & NH_ROUTE_CHANGES), is_open);
        if (foreign)
            return nh_portal__reply_foreign(req, foreign);
    }
    if (!m.pattern && nh_portal__asset(r, is_get))
        return 0;
    if (m.route && (m.route->flags & NH_ROUTE_PUBLIC))
        return check_body(r, head);
    err = check_who(p, r->conn, head->peer, &r->who, &r->wait);
    if (err == NH_ERR_AGAIN)
        return wait_for_who(r, head);
    if (err)
        return reply_who(req, err);
    err = check_role(r);
    return err || r->x.status ? err : check_route(r, head);
}

static void settle(struct nh_portal__request *r, int err)
{
    // A handler that failed after it had set a reply means the error.
    if (err < 0)
        nh_reply_err(&r->x.req, err);
    r->is_done = r->x.status != 0 && !r->x.is_later;
}

void nh_portal__dispatch(struct nh_portal__request *r, const struct nh_http_head *head)
{
    settle(r, dispatch(r, head));
    if (r->is_done)
        nh_auth_cancel(r->portal->auth, &r->wait);
}

// ---- body and handler --------------------------------------------------------------------------

static int take(struct nh_portal__request *r, const uint8_t *bytes, size_t len)
{
    if (!len)
        return 0;
    if (r->route->body)
        return r->route->body(&r->x.req, bytes, len);
    if (len > r->body_cap - r->x.req.body_len)
        return NH_ERR_PROTO;
    memcpy(r->body + r->x.req.body_len, bytes, len);
    r->x.req.body_len += len;
    return 0;
}

static int run(struct nh_portal__request *r)
{
    if (r->body) {
        r->body[r->x.req.body_len] = '\0';
        r->x.req.body = r->body;
    }
    int err = r->route->handle(&r->x.req);
    if (err < 0)
        r->x.is_later = false;
    if (err >= 0 && !r->x.status && !r->x.is_later) {
        NH_LOG_E("http", "%s %s: its handler made no reply", r->route->method, r->route->path);
        return NH_ERR_INVAL;
    }
    return err;
}

void nh_portal__body(struct nh_portal__request *r, const uint8_t *bytes, size_t len, bool last)
{
    if (r->is_done)
        return;
    int err = r->route ? take(r, bytes, len) : 0;
    r->is_whole = last;
    // body() may have set the reply: then that is it.
    if (!err && last && !r->x.status && !r->wait.is_waiting)
        err = run(r);
    settle(r, err);
}

// The password of who asks was checked, and the body has come, or is still coming.
static int admit(struct nh_portal__request *r, int result)
{
    nh_request_t *req = &r->x.req;
    if (result == NH_ERR_DENIED)
        nh_portal__tell_wrong(req);
    if (result)
        return reply_who(req, result);
    int err = check_role(r);
    if (err || r->x.status)
        return err;
    if (!r->route)
        return check_route(r, NULL);
    return r->is_whole ? run(r) : 0;
}

void nh_portal__checked(struct nh_auth_wait *w, int result)
{
    struct nh_portal__request *r = NH_CONTAINER_OF(w, struct nh_portal__request, wait);
    settle(r, admit(r, result));
    nh_portal__begin_reply(r);
}

void nh_portal__done(nh_exchange_t *x, int err)
{
    struct nh_portal__request *r = (struct nh_portal__request *)x;
    settle(r, err);
    nh_portal__begin_reply(r);
}
