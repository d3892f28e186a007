// portal_api.c - the portal's own routes: what routes there are, signing in and out.

#include <stdio.h>
#include <string.h>

#include "platform/crypto.h"
#include "portal/portal_private.h"

#define SIGN_IN_DELAY_MS 500

// ---- GET /api/routes ---------------------------------------------------------------------------

// Rows are written one by one into the server's buffer; a row that does not fit any more waits for
// the next one. The writer keeps where it is.
struct listing {
    nh_json_writer_t w;
    struct nh_json_buf sink;
    size_t index;
    bool begun, ended;
};

static void write_route(nh_json_writer_t *w, const struct nh_portal_route_info *r)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "method", r->route->method);
    nh_json_kv_string(w, "path", r->route->path);
    nh_json_kv_string(w, "owner", r->owner);
    nh_json_kv_string(w, "text", r->route->text);
    nh_json_kv_uint(w, "body_max_bytes", r->route->body_max_bytes);
    nh_json_kv_bool(w, "public", r->route->flags & NH_ROUTE_PUBLIC);
    nh_json_kv_uint(w, "calls", r->calls);
    nh_json_kv_uint(w, "errors", r->errors);
    nh_json_kv_uint(w, "peak_internal_bytes", r->peak_bytes[NH_MEM_INTERNAL]);
    nh_json_kv_uint(w, "peak_psram_bytes", r->peak_bytes[NH_MEM_PSRAM]);
    nh_json_object_end(w);
}

static int produce_routes(nh_request_t *req, char *buf, size_t cap)
{
    struct listing *l = req->state;
    const nh_portal_t *p = req->ctx;
    l->sink = (struct nh_json_buf){buf, cap, 0};
    if (!l->begun) {
        l->begun = true;
        nh_json_object_begin(&l->w);
        nh_json_kv_uint(&l->w, "limit_bytes", 4096);
        nh_json_key(&l->w, "routes");
        nh_json_array_begin(&l->w);
    }
    struct nh_portal_route_info info;
    while (!l->ended && nh_portal_route_info(p, l->index, &info) == 0) {
        nh_json_writer_t before = l->w;
        size_t len = l->sink.len;
        write_route(&l->w, &info);
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

static int get_routes(nh_request_t *req)
{
    struct listing *l = nh_arena_alloc(req->arena, sizeof *l);
    if (!l)
        return NH_ERR_NOMEM;
    memset(l, 0, sizeof *l);
    nh_json_writer_init(&l->w, nh_json_buf_sink, &l->sink);
    req->state = l;
    return nh_reply_stream(req, 200, "application/json", produce_routes);
}

// ---- signing in and out ------------------------------------------------------------------------

struct credentials {
    char user[64], password[192];
    bool has_user, has_password;
};

static const char *text_of(const nh_json_reader_t *r)
{
    size_t len; // no name that is known here has a NUL in it
    return nh_json_text(r, &len);
}

static int copy_text(const nh_json_reader_t *r, char *out, size_t cap, bool *has)
{
    size_t len;
    const char *text = nh_json_text(r, &len);
    if (len >= cap || strlen(text) != len)
        return NH_ERR_TOO_LONG;
    memcpy(out, text, len + 1);
    *has = true;
    return 0;
}

static int read_credentials(const nh_request_t *req, struct credentials *out)
{
    char text[200];
    nh_json_reader_t r;
    char *field = NULL;
    nh_json_reader_init(&r, &(struct nh_json_reader_config){
                                .text = text, .text_max_bytes = sizeof text, .depth_max = 1});
    nh_json_feed(&r, req->body, req->body_len, true);
    for (;;) {
        int event = nh_json_next(&r), err = 0;
        if (event < 0 || event == NH_JSON_DONE)
            return event < 0 ? event : out->has_user && out->has_password ? 0 : NH_ERR_NOT_FOUND;
        if (event == NH_JSON_KEY) {
            const char *key = text_of(&r);
            field = strcmp(key, "user") == 0       ? out->user
                    : strcmp(key, "password") == 0 ? out->password
                                                   : NULL;
        } else if (event == NH_JSON_STRING && field == out->user) {
            err = copy_text(&r, out->user, sizeof out->user, &out->has_user);
        } else if (event == NH_JSON_STRING && field == out->password) {
            err = copy_text(&r, out->password, sizeof out->password, &out->has_password);
        }
        if (err)
            return err;
    }
}

static int set_cookie(nh_request_t *req, const char *token, uint64_t age_s)
{
    char text[160];
    int len = snprintf(text, sizeof text,
                       NH_AUTH_COOKIE "=%s; HttpOnly; SameSite=Strict; Path=/; Max-Age=%llu%s",
                       token, (unsigned long long)age_s, req->is_tls ? "; Secure" : "");
    char *kept = nh_arena_strndup(req->arena, text, (size_t)len);
    return kept ? nh_reply_header(req, "Set-Cookie", kept) : NH_ERR_NOMEM;
}

static int reply_user(nh_request_t *req, const char *user)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "user", user);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int post_sign_in(nh_request_t *req)
{
    nh_portal_t *p = req->ctx;
    struct credentials c = {0};
    char token[NH_AUTH_TOKEN_TEXT_BYTES];
    if (!req->body || read_credentials(req, &c))
        return nh_reply_error(req, 400, NULL,
                              "Send {\"user\":\"...\",\"password\":\"...\"}: at most 63 and 191 "
                              "bytes.");
    int err = nh_auth_sign_in(p->auth, c.user, c.password, req->peer, req->now_ms, token);
    nh_wipe(&c, sizeof c);
    if (err == NH_ERR_BUSY) {
        err = nh_reply_header(req, "Retry-After", "60");
        return err ? err
                   : nh_reply_error(req, 429, NULL,
                                    "Too many wrong passwords. Wait a minute, then try again.");
    }
    if (err) {
        nh_portal__delay(req, SIGN_IN_DELAY_MS);
        return nh_reply_error(req, 401, "wrong_password", "The user or the password is wrong.");
    }
    if (token[0])
        err = set_cookie(req, token, nh_auth_session_ms(p->auth) / 1000);
    return err ? err : reply_user(req, nh_auth_user(p->auth));
}

static int post_sign_out(nh_request_t *req)
{
    nh_portal_t *p = req->ctx;
    nh_auth_sign_out(p->auth, req->cookie);
    int err = set_cookie(req, "", 0);
    return err ? err : reply_user(req, NULL);
}

// ---- tables ------------------------------------------------------------------------------------

#define COMMON_ROUTES                                                                              \
    {.method = "GET",                                                                              \
     .path = "/api/routes",                                                                        \
     .handle = get_routes,                                                                         \
     .text = "These routes, with their calls and memory peaks"},                                   \
        {.method = "POST",                                                                         \
         .path = "/api/sign-in",                                                                   \
         .body_max_bytes = 512,                                                                    \
         .flags = NH_ROUTE_PUBLIC,                                                                 \
         .handle = post_sign_in,                                                                   \
         .text = "Begin a session: a cookie"},                                                     \
    {                                                                                              \
        .method = "POST", .path = "/api/sign-out", .flags = NH_ROUTE_PUBLIC,                       \
        .handle = post_sign_out, .text = "End the session"                                         \
    }

const nh_route_t nh_portal__routes[] = {COMMON_ROUTES, {0}};
const nh_route_t nh_portal__routes_with_files[] = {
    COMMON_ROUTES,
    {.method = "GET",
     .path = "/api/store/files",
     .handle = nh_portal__files,
     .text = "The files of a folder (?path=) in the data directory"},
    {0}};
