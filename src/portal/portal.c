// portal.c - creates, starts and stops the portal; runs a request from head to close.

#include "portal/portal.h"

#include <string.h>

#include "core/base/log.h"
#include "portal/portal_private.h"

// On every reply. Scripts and styles come from the hub alone; nobody may frame it; 'self' covers
// the WebSocket; 'wasm-unsafe-eval' lets a page run the lamp's effects, and no text as a script.
static const struct nh_http_header common_headers[] = {
    {"Content-Security-Policy",
     "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
     "img-src 'self' data:; "
     "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
     "frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

static const struct nh_http_header busy_headers[] = {
    {"Content-Type", "application/json"},
    {"Cache-Control", "no-store"},
    {"X-Content-Type-Options", "nosniff"},
    {"Retry-After", "1"},
};

// ---- reply -------------------------------------------------------------------------------------

static bool has_header(const nh_exchange_t *x, const char *name)
{
    for (size_t i = 0; i < x->header_count; i++)
        if (strcmp(x->headers[i].name, name) == 0)
            return true;
    return false;
}

static void start_reply(struct nh_portal__request *r)
{
    nh_exchange_t *x = &r->x;
    r->has_begun = true;
    size_t n = x->header_count;
    if (!has_header(x, "Cache-Control"))
        x->headers[n++] = (struct nh_http_header){"Cache-Control", "no-store"};
    if (x->content_type)
        x->headers[n++] = (struct nh_http_header){"Content-Type", x->content_type};
    // A challenge makes a browser ask by itself, over the page's form and without an end.
    if (x->status == 401 && !r->is_script && strncmp(x->req.path, "/api/auth/", 10) != 0)
        x->headers[n++] = (struct nh_http_header){"WWW-Authenticate", "Basic realm=\"nuthatch\""};
    memcpy(x->headers + n, common_headers, sizeof common_headers);
    n += NH_ARRAY_LEN(common_headers);
    if (x->status >= 400) {
        r->portal->info.error_count++;
        if (r->stats)
            r->stats->errors++;
    }
    if (nh_http_reply_start(r->conn, x->status, x->headers, n, nh_exchange_length(x)))
        nh_http_close(r->conn);
}

static void end(struct nh_portal__request *r);

void nh_portal__begin_reply(struct nh_portal__request *r)
{
    if (!r->conn)
        end(r); // nobody hears it
    else if (r->is_done && !r->has_begun)
        start_reply(r);
}

static void wake(nh_exchange_t *x)
{
    struct nh_portal__request *r = (struct nh_portal__request *)x;
    if (r->conn)
        nh_http_wake(r->conn);
}

// ---- requests ----------------------------------------------------------------------------------

static size_t arena_max(const nh_portal_t *p)
{
    size_t body = 0;
    for (size_t t = 0; t < p->table_count; t++)
        for (const nh_route_t *r = p->tables[t].routes; r->path; r++)
            if (!r->body && r->body_max_bytes > body)
                body = r->body_max_bytes;
    return p->cfg.arena_max_bytes + body + 64;
}

static int on_request(void *ctx, nh_http_conn_t *c, const struct nh_http_head *head)
{
    nh_portal_t *p = ctx;
    struct nh_portal__request *r = nh_pool_get(p->requests);
    if (!r) {
        p->info.full_count++;
        p->info.error_count++;
        return nh_http_reply_start(c, 503, busy_headers, NH_ARRAY_LEN(busy_headers),
                                   (int64_t)strlen(nh_exchange_no_memory));
    }
    memset(r, 0, sizeof *r);
    nh_arena_init(&r->x.arena, p->cfg.mem, NH_MEM_BULK, 1024, arena_max(p));
    nh_exchange_init(&r->x);
    r->x.wake = wake;
    r->x.done = nh_portal__done;
    r->wait.done = nh_portal__checked;
    r->portal = p;
    r->conn = c;
    r->next = p->active;
    p->active = r;
    if (++p->info.active_count > p->info.active_peak)
        p->info.active_peak = p->info.active_count;
    nh_http_user_set(c, r);
    nh_portal__dispatch(r, head);
    nh_portal__begin_reply(r);
    return 0;
}

static int on_body(void *ctx, nh_http_conn_t *c, const uint8_t *bytes, size_t len, bool last)
{
    (void)ctx;
    struct nh_portal__request *r = nh_http_user(c);
    if (!r || r->is_done)
        return 0;
    nh_portal__body(r, bytes, len, last);
    nh_portal__begin_reply(r);
    return 0;
}

static int on_output(void *ctx, nh_http_conn_t *c, char *buf, size_t cap, bool *last)
{
    (void)ctx;
    struct nh_portal__request *r = nh_http_user(c);
    if (r)
        return nh_exchange_read(&r->x, buf, cap, last);
    size_t len = strlen(nh_exchange_no_memory); // the server's buffer is larger
    memcpy(buf, nh_exchange_no_memory, len);
    *last = true;
    return (int)len;
}

static void count(struct nh_portal__request *r)
{
    if (!r->stats)
        return;
    size_t bytes[NH_MEM_TIER_COUNT] = {0};
    nh_mem_t *mem = r->portal->cfg.mem;
    bytes[nh_mem_tier_of(mem, r)] += sizeof *r;
    if (r->x.arena.chunks) // the newest chunk tells the tier of all: they follow one policy
        bytes[nh_mem_tier_of(mem, r->x.arena.chunks)] += r->x.arena.peak_bytes;
    r->stats->calls++;
    for (size_t i = 0; i < NH_MEM_TIER_COUNT; i++)
        if (bytes[i] > r->stats->peak_bytes[i])
            r->stats->peak_bytes[i] = bytes[i];
}

static bool goes_on_unheard(const struct nh_portal__request *r)
{
    return r->wait.is_waiting && r->is_whole && !r->is_done && r->route &&
           (r->route->flags & NH_ROUTE_UNHEARD);
}

static void end(struct nh_portal__request *r)
{
    nh_portal_t *p = r->portal;
    nh_auth_cancel(p->auth, &r->wait);
    if (r->x.req.cleanup)
        r->x.req.cleanup(&r->x.req);
    count(r);
    if (r->x.req.cookie || (r->route && (r->route->flags & NH_ROUTE_SECRETS)))
        nh_arena_wipe(&r->x.arena);
    for (struct nh_portal__request **at = &p->active; *at; at = &(*at)->next)
        if (*at == r) {
            *at = r->next;
            break;
        }
    p->info.active_count--;
    nh_arena_deinit(&r->x.arena);
    nh_pool_put(p->requests, r);
}

static void on_closed(void *ctx, nh_http_conn_t *c)
{
    struct nh_portal__request *r = nh_http_user(c);
    (void)ctx;
    if (r && goes_on_unheard(r))
        r->conn = NULL;
    else if (r)
        end(r);
}

// ---- sockets -----------------------------------------------------------------------------------

// Whose client a socket begins as: the feed's own path has a guest that pages never see.
static const struct nh_ws_guest *host_of(const nh_portal_t *p, const char *path, bool is_page)
{
    for (size_t i = 0; i < p->cfg.place_count; i++)
        if (strcmp(path, p->places[i].path) == 0)
            return &p->places[i].guest;
    return is_page || !p->cfg.guest.ctx ? NULL : &p->cfg.guest;
}

static int on_ws_open(void *ctx, nh_http_conn_t *c, const struct nh_http_head *head)
{
    nh_portal_t *p = ctx;
    struct nh_auth_who who;
    // A browser says from where its pages come, with every WebSocket.
    bool is_page = nh_http_header(c, "origin") || nh_http_header(c, "sec-fetch-site");
    int status = nh_portal__ws_check(p, c, head, &who);
    const struct nh_ws_guest *host = host_of(p, head->path, is_page);
    bool is_nobody = status == 401 && !is_page && host && host->lets_anybody_in;
    if (is_nobody)
        status = nh_portal__ws_check_open(p, c);
    return status ? status : nh_portal__feed_open(p, c, is_nobody ? NULL : &who, host);
}

static int on_ws_message(void *ctx, nh_http_conn_t *c, const char *bytes, size_t len, bool is_text)
{
    if (is_text)
        nh_portal__feed_message(ctx, c, bytes, len);
    else
        nh_portal__feed_bytes(ctx, c, (const uint8_t *)bytes, len);
    return 0;
}

static int on_ws_output(void *ctx, nh_http_conn_t *c, char *buf, size_t cap, bool *is_text)
{
    return nh_portal__feed_output(ctx, c, buf, cap, is_text);
}

static void on_ws_closed(void *ctx, nh_http_conn_t *c)
{
    nh_portal__feed_close(ctx, c);
}

static int on_stream_open(void *ctx, nh_http_conn_t *c, const struct nh_http_head *head)
{
    nh_portal_t *p = ctx;
    int status = nh_portal__stream_check(p, c);
    return status ? status : p->cfg.stream.open(p->cfg.stream.ctx, c, head);
}

static int on_stream_input(void *ctx, nh_http_conn_t *c, const uint8_t *bytes, size_t len)
{
    const nh_portal_t *p = ctx;
    return p->cfg.stream.input(p->cfg.stream.ctx, c, bytes, len);
}

static size_t on_stream_output(void *ctx, nh_http_conn_t *c, uint8_t *buf, size_t cap)
{
    const nh_portal_t *p = ctx;
    return p->cfg.stream.output(p->cfg.stream.ctx, c, buf, cap);
}

static void on_stream_closed(void *ctx, nh_http_conn_t *c)
{
    const nh_portal_t *p = ctx;
    p->cfg.stream.closed(p->cfg.stream.ctx, c);
}

// ---- deadlines ---------------------------------------------------------------------------------

static uint64_t next_deadline(void *ctx)
{
    return nh_portal__feed_next(ctx);
}

static void fire(void *ctx, uint64_t now_ms)
{
    nh_portal__feed_run(ctx, now_ms);
}

// ---- life --------------------------------------------------------------------------------------

static int check_routes(nh_portal_t *p)
{
    for (size_t t = 0; t < p->table_count; t++)
        for (const nh_route_t *r = p->tables[t].routes; r->path; r++) {
            if (!r->method || !r->path[0] || !r->handle)
                return NH_ERR_INVAL;
            p->route_count++;
        }
    return 0;
}

static int copy_config(nh_portal_t *p, const struct nh_portal_config *cfg)
{
    if (cfg->table_count > NH_PORTAL_TABLE_MAX_COUNT || cfg->part_count > NH_FEED_PART_MAX_COUNT ||
        cfg->place_count > NH_PORTAL_PLACE_MAX_COUNT)
        return NH_ERR_FULL;
    p->cfg = *cfg;
    p->cfg.places = NULL; // `places` has them
    p->cfg.request_max_count = cfg->request_max_count ? cfg->request_max_count : 16;
    p->cfg.ws_max_count = cfg->ws_max_count ? cfg->ws_max_count : 8;
    p->cfg.arena_max_bytes = cfg->arena_max_bytes ? cfg->arena_max_bytes : NH_KIB(16);
    p->tables[0] = (struct nh_route_table){.routes = cfg->fs.ops ? nh_portal__routes_with_files
                                                                 : nh_portal__routes,
                                           .ctx = p,
                                           .name = "portal"};
    if (cfg->table_count)
        memcpy(p->tables + 1, cfg->tables, cfg->table_count * sizeof *cfg->tables);
    p->table_count = cfg->table_count + 1;
    for (size_t i = 0; i < cfg->place_count; i++) {
        p->places[i] = cfg->places[i];
        p->place_paths[i] = cfg->places[i].path;
    }
    if (cfg->part_count)
        memcpy(p->parts, cfg->parts, cfg->part_count * sizeof *cfg->parts);
    return check_routes(p);
}

static int create_parts(nh_portal_t *p)
{
    nh_mem_t *mem = p->cfg.mem;
    p->stats = nh_mem_alloc_zero(mem, p->route_count * sizeof *p->stats, NH_MEM_BULK);
    p->sockets = nh_mem_alloc_zero(mem, p->cfg.ws_max_count * sizeof *p->sockets, NH_MEM_BULK);
    if (!p->stats || !p->sockets)
        return NH_ERR_NOMEM;
    int err = nh_pool_create(mem, NH_MEM_BULK, sizeof(struct nh_portal__request),
                             p->cfg.request_max_count, &p->requests);
    return err ? err : nh_auth_create(mem, &p->cfg.auth, &p->auth);
}

int nh_portal_create(const struct nh_portal_config *cfg, nh_portal_t **out)
{
    *out = NULL;
    nh_portal_t *p = nh_mem_alloc_zero(cfg->mem, sizeof *p, NH_MEM_BULK);
    if (!p)
        return NH_ERR_NOMEM;
    int err = copy_config(p, cfg);
    if (err) {
        nh_mem_free(cfg->mem, p);
        return err;
    }
    p->deadline = (struct nh_loop_deadline){.next = next_deadline, .fire = fire, .ctx = p};
    err = create_parts(p);
    if (err) {
        nh_portal_destroy(p);
        return err;
    }
    *out = p;
    return 0;
}

int nh_portal_start(nh_portal_t *p)
{
    struct nh_http_server_config cfg = p->cfg.server;
    cfg.loop = p->cfg.loop;
    cfg.mem = cfg.mem ? cfg.mem : p->cfg.mem;
    cfg.ws_path = "/ws";
    cfg.ws_paths = p->place_paths;
    cfg.handler = (struct nh_http_handler){
        .ctx = p,
        .request = on_request,
        .body = on_body,
        .output = on_output,
        .closed = on_closed,
        .ws_open = on_ws_open,
        .ws_message = on_ws_message,
        .ws_output = on_ws_output,
        .ws_closed = on_ws_closed,
    };
    cfg.stream = p->cfg.stream;
    cfg.stream.ctx = p;
    cfg.stream.open = on_stream_open;
    cfg.stream.input = on_stream_input;
    cfg.stream.output = on_stream_output;
    cfg.stream.closed = on_stream_closed;
    int err = nh_loop_deadline_add(p->cfg.loop, &p->deadline);
    if (!err)
        err = nh_http_server_create(&cfg, &p->server);
    if (err)
        nh_loop_deadline_remove(p->cfg.loop, &p->deadline);
    return err;
}

void nh_portal_stop(nh_portal_t *p)
{
    if (!p->server)
        return;
    nh_loop_deadline_remove(p->cfg.loop, &p->deadline);
    nh_http_server_destroy(p->server);
    p->server = NULL;
    while (p->active) // whose connections had gone before
        end(p->active);
}

void nh_portal_destroy(nh_portal_t *p)
{
    if (!p)
        return;
    nh_portal_stop(p);
    nh_auth_destroy(p->auth);
    nh_pool_destroy(p->requests);
    nh_mem_free(p->cfg.mem, p->sockets);
    nh_mem_free(p->cfg.mem, p->stats);
    nh_mem_free(p->cfg.mem, p);
}

uint16_t nh_portal_port(const nh_portal_t *p)
{
    return p->server ? nh_http_server_port(p->server) : 0;
}

uint16_t nh_portal_tls_port(const nh_portal_t *p)
{
    return p->server ? nh_http_server_tls_port(p->server) : 0;
}

void nh_portal_info(const nh_portal_t *p, struct nh_portal_info *out)
{
    *out = p->info;
    if (p->server)
        nh_http_server_info(p->server, &out->server);
    out->session_count = nh_auth_session_count(p->auth, NULL, nh_clock_ms());
    nh_auth_info(p->auth, &out->auth);
}

// ---- who may -----------------------------------------------------------------------------------

void nh_portal_checked(nh_portal_t *p, uint32_t ticket, int result)
{
    nh_auth_verified(p->auth, ticket, result, nh_clock_ms());
}

int nh_portal_verify(nh_portal_t *p, const nh_request_t *req, const char *user,
                     const char *password, struct nh_auth_wait *w)
{
    return nh_auth_verify(p->auth, user, password, req->peer, req->now_ms, w);
}

void nh_portal_verify_cancel(nh_portal_t *p, struct nh_auth_wait *w)
{
    nh_auth_cancel(p->auth, w);
}

uint32_t nh_portal_session_count(const nh_portal_t *p, const char *user)
{
    return nh_auth_session_count(p->auth, user, nh_clock_ms());
}

void nh_portal_access_changed(nh_portal_t *p)
{
    nh_portal__feed_check(p, nh_clock_ms());
}

int nh_portal_route_info(const nh_portal_t *p, size_t index, struct nh_portal_route_info *out)
{
    size_t i = 0;
    for (size_t t = 0; t < p->table_count; t++)
        for (const nh_route_t *r = p->tables[t].routes; r->path; r++, i++) {
            if (i != index)
                continue;
            const struct nh_portal__stats *s = &p->stats[i];
            *out = (struct nh_portal_route_info){
                .route = r, .owner = p->tables[t].name, .calls = s->calls, .errors = s->errors};
            memcpy(out->peak_bytes, s->peak_bytes, sizeof out->peak_bytes);
            return 0;
        }
    return NH_ERR_NOT_FOUND;
}
