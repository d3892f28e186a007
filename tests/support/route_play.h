// route_play.h - asks the routes of one table without a portal: a request's body in pieces, its
// reply read in parts. Include after <cmocka.h>.

#ifndef NH_TEST_ROUTE_PLAY_H
#define NH_TEST_ROUTE_PLAY_H

#include <string.h>

#include "core/http/exchange.h"

struct route_play {
    nh_exchange_t x;
    const nh_route_t *route;
    bool is_set; // the reply
};

// Begins a request. `query` may be NULL.
static inline void route_begin(struct route_play *p, const struct nh_route_table *t, nh_mem_t *mem,
                               const char *method, const char *path, const char *query)
{
    memset(p, 0, sizeof *p);
    nh_arena_init(&p->x.arena, mem, NH_MEM_BULK, 1024, NH_KIB(16));
    nh_exchange_init(&p->x);
    const char *rest = "";
    bool is_exact = false; // which goes before one with '*'
    for (const nh_route_t *r = t->routes; r->path && !is_exact; r++) {
        size_t len = strlen(r->path);
        bool is_open = len > 0 && r->path[len - 1] == '*' && strncmp(r->path, path, len - 1) == 0;
        is_exact = strcmp(r->method, method) == 0 && strcmp(r->path, path) == 0;
        if (strcmp(r->method, method) != 0 || (!is_open && !is_exact))
            continue;
        p->route = r;
        rest = is_open ? path + len - 1 : "";
    }
    if (!p->route)
        fail_msg("no route %s %s", method, path);
    p->x.req.route = p->route;
    p->x.req.ctx = t->ctx;
    p->x.req.method = method;
    p->x.req.path = path;
    p->x.req.query = query ? query : "";
    p->x.req.rest = rest;
    p->x.req.role = NH_ROLE_ADMIN;
}

static inline void route_settle(struct route_play *p, int err)
{
    if (err < 0)
        nh_reply_err(&p->x.req, err);
    p->is_set = p->x.status != 0;
}

// Gives a piece of the body; nothing once the reply is set, as the portal does it.
static inline void route_piece(struct route_play *p, const void *bytes, size_t len)
{
    if (p->is_set)
        return;
    if (p->route->body) {
        route_settle(p, p->route->body(&p->x.req, bytes, len));
        return;
    }
    char *body = nh_arena_alloc(&p->x.arena, p->x.req.body_len + len + 1);
    assert_non_null(body);
    if (p->x.req.body_len)
        memcpy(body, p->x.req.body, p->x.req.body_len);
    memcpy(body + p->x.req.body_len, bytes, len);
    p->x.req.body_len += len;
    body[p->x.req.body_len] = '\0';
    p->x.req.body = body;
}

// The body is whole. Returns the status.
static inline int route_finish(struct route_play *p)
{
    if (!p->is_set)
        route_settle(p, p->route->handle(&p->x.req));
    return p->x.status;
}

// Reads the reply in parts of `cap` bytes into `out`, with a NUL. Returns its length.
static inline size_t route_read(struct route_play *p, char *out, size_t out_cap, size_t cap)
{
    size_t len = 0;
    bool last = false;
    while (!last) {
        assert_true(len + cap < out_cap);
        int n = nh_exchange_read(&p->x, out + len, cap, &last);
        if (n < 0)
            break; // cut off, as the portal would
        assert_true((size_t)n <= cap && (n > 0 || last));
        len += (size_t)n;
    }
    out[len] = '\0';
    return len;
}

// The client is gone, or has everything.
static inline void route_end(struct route_play *p)
{
    if (p->x.req.cleanup)
        p->x.req.cleanup(&p->x.req);
    nh_arena_deinit(&p->x.arena);
}

// All of it. Returns the status.
static inline NH_UNUSED int route_ask(const struct nh_route_table *t, nh_mem_t *mem,
                                      const char *method, const char *path, const char *query,
                                      const char *body, char *out, size_t out_cap)
{
    struct route_play p;
    size_t len = body ? strlen(body) : 0;
    route_begin(&p, t, mem, method, path, query);
    for (size_t at = 0; at < len; at += 1460)
        route_piece(&p, body + at, len - at < 1460 ? len - at : 1460);
    int status = route_finish(&p);
    route_read(&p, out, out_cap, 600);
    route_end(&p);
    return status;
}

#endif
