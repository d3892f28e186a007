// dispatch.c - from a request's head to its route: who asks, from where, how much they send.

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/log.h"
#include "core/http/text.h"
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

// ---- who and from where ------------------------------------------------------------------------

static bool host_is_ours(const nh_portal_t *p, const char *host_header)
{
    nh_span_t host, port;
    if (!nh_http_host_split(host_header, &host, &port))
        return false;
    if (nh_http_host_is_literal(host))
        return true;
    for (const char *const *n = p->cfg.host_names; n && *n; n++)
        if (strlen(*n) == host.len && strncasecmp(*n, (const char *)host.ptr, host.len) == 0)
            return true;
    return false;
}

// What keeps another site's page in the user's browser from using the hub, of which something is
// open to everybody or not. NULL: fine.
static const char *find_foreign(const nh_portal_t *p, nh_http_conn_t *c, bool changes, bool is_open)
{
    const char *host = nh_http_header(c, "host");
    const char *origin = nh_http_header(c, "origin");
    if (changes && origin && !nh_http_origin_is_host(origin, host))
        return "wrong_origin";
    if (is_open && !host_is_ours(p, host))
        return "wrong_host";
    return NULL;
}

static int reply_foreign(nh_request_t *req, const char *code)
{
    if (strcmp(code, "wrong_origin") == 0)
        return nh_reply_error(req, 403, code, "The page that asked is of another site.");
    return nh_reply_error(req, 403, code,
                          "The hub is not called by this name while it has no password. Use its "
                          "address or its own name, or set a password (nuthatch passwd).");
}

static int check_who(nh_portal_t *p, nh_http_conn_t *c, const char *peer)
{
    return nh_auth_check(p->auth, nh_http_header(c, "cookie"), nh_http_header(c, "authorization"),
                         peer, nh_clock_ms());
}

static int reply_who(nh_request_t *req, int err)
{
    if (err == NH_ERR_BUSY) {
        int full = nh_reply_header(req, "Retry-After", "60");
        return full ? full
                    : nh_reply_error(req, 429, NULL,
                                     "Too many wrong passwords. Wait a minute, then try again.");
    }
    return nh_reply_error(req, 401, NULL, "Sign in first, or send Basic credentials.");
}

int nh_portal__ws_check(nh_portal_t *p, nh_http_conn_t *c, const struct nh_http_head *head)
{
    if (find_foreign(p, c, true, !nh_auth_is_required(p->auth)))
        return 403;
    int err = check_who(p, c, head->peer);
    return err == NH_ERR_BUSY ? 429 : err ? 401 : 0;
}

int nh_portal__stream_check(const nh_portal_t *p, nh_http_conn_t *c)
{
    bool is_open = !nh_auth_is_required(p->auth) ||
                   (p->cfg.stream_is_open && p->cfg.stream_is_open(p->cfg.auth.ctx));
    // Who is no browser says nothing of a page, and cannot be led here by one.
    if (!nh_http_header(c, "origin"))
        return 0;
    return find_foreign(p, c, true, is_open) ? 403 : 0;
}

// ---- how much ----------------------------------------------------------------------------------

static int check_body(struct nh_portal__request *r, const struct nh_http_head *head)
{
    nh_request_t *req = &r->x.req;
    uint32_t max = r->route->body_max_bytes;
    if (head->is_chunked || (max && head->content_length < 0))
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
    req->is_tls = head->is_tls;
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

static int dispatch(struct nh_portal__request *r, const struct nh_http_head *head)
{
    nh_portal_t *p = r->portal;
    nh_request_t *req = &r->x.req;
    int err = keep_head(r, head);
    if (err)
        return err;
    bool is_get = strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0;
    const char *foreign = find_foreign(p, r->conn, !is_get, !nh_auth_is_required(p->auth));
    if (foreign)
        return reply_foreign(req, foreign);
    struct match m = find_route(p, req->method, req->path);
    if (m.route)
        bind(r, &m);
    if (!m.pattern && nh_portal__asset(r, is_get))
        return 0;
    bool is_public = m.route && (m.route->flags & NH_ROUTE_PUBLIC);
    err = is_public ? 0 : check_who(p, r->conn, head->peer);
    if (err)
        return reply_who(req, err);
    req->user = is_public ? NULL : nh_auth_user(p->auth);
    if (!m.pattern)
        return nh_reply_error(req, 404, NULL, "There is nothing at %s.", req->path);
    return m.route ? check_body(r, head) : reply_wrong_method(r, m.pattern);
}

void nh_portal__dispatch(struct nh_portal__request *r, const struct nh_http_head *head)
{
    int err = dispatch(r, head);
    if (err < 0)
        nh_reply_err(&r->x.req, err);
    r->is_done = r->x.status != 0;
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
    if (err >= 0 && !r->x.status) {
        NH_LOG_E("http", "%s %s: its handler made no reply", r->route->method, r->route->path);
        return NH_ERR_INVAL;
    }
    return err;
}

void nh_portal__body(struct nh_portal__request *r, const uint8_t *bytes, size_t len, bool last)
{
    if (r->is_done)
        return;
    int err = take(r, bytes, len);
    if (!err && last)
        err = run(r);
    // A handler that failed after it had set a reply means the error.
    if (err < 0)
        nh_reply_err(&r->x.req, err);
    r->is_done = r->x.status != 0;
}
