// portal_api.c - the portal's own routes, and which routes there are.

#include <string.h>

#include "portal/portal_private.h"

// ---- GET /api/routes ---------------------------------------------------------------------------

// Rows are written one by one into the server's buffer; a row that does not fit any more waits for
// the next one. The writer keeps where it is.
struct listing {
    nh_json_writer_t w;
    struct nh_json_buf sink;
    size_t index;
    bool begun, ended;
};

static const char *for_whom(uint32_t flags)
{
    return flags & NH_ROUTE_PUBLIC ? "all" : flags & NH_ROUTE_OPERATOR ? "operator" : "admin";
}

static void write_route(nh_json_writer_t *w, const struct nh_portal_route_info *r)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "method", r->route->method);
    nh_json_kv_string(w, "path", r->route->path);
    nh_json_kv_string(w, "owner", r->owner);
    nh_json_kv_string(w, "text", r->route->text);
    nh_json_kv_uint(w, "body_max_bytes", r->route->body_max_bytes);
    nh_json_kv_string(w, "for", for_whom(r->route->flags));
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

// ---- tables ------------------------------------------------------------------------------------

#define COMMON_ROUTES                                                                              \
    {.method = "GET",                                                                              \
     .path = "/api/routes",                                                                        \
     .handle = get_routes,                                                                         \
     .text = "These routes, with their calls and memory peaks"},                                   \
        {.method = "POST",                                                                         \
         .path = "/api/auth/login",                                                                \
         .body_max_bytes = 2048,                                                                   \
         .flags = NH_ROUTE_PUBLIC | NH_ROUTE_SECRETS,                                              \
         .handle = nh_portal__post_login,                                                          \
         .text = "Begin a session: a cookie"},                                                     \
        {.method = "POST",                                                                         \
         .path = "/api/auth/logout",                                                               \
         .flags = NH_ROUTE_PUBLIC,                                                                 \
         .handle = nh_portal__post_logout,                                                         \
         .text = "End the session"},                                                               \
    {                                                                                              \
        .method = "GET", .path = "/api/session/info",                                              \
        .flags = NH_ROUTE_OPERATOR | NH_ROUTE_NEW_PASSWORD, .handle = nh_portal__get_session,      \
        .text = "Who is signed in"                                                                 \
    }

const nh_route_t nh_portal__routes[] = {COMMON_ROUTES, {0}};
const nh_route_t nh_portal__routes_with_files[] = {
    COMMON_ROUTES,
    {.method = "GET",
     .path = "/api/store/files",
     .handle = nh_portal__files,
     .text = "The files of a folder (?path=) in the data directory"},
    {0}};
