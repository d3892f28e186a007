// http_testd.c - a portal with routes made for tests/e2e/test_http.py. Prints one line of JSON with
// its ports when it listens, and the memory it leaked when it ends (exit code 1 then).

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/log.h"
#include "platform/platform.h"
#include "portal/portal.h"

#define FILE_COUNT 10000

static nh_loop_t *loop;
static nh_portal_t *portal;
static nh_mem_system_t *sys;
static uint64_t feed_version = 1;
static uint64_t verify_count;
static const char *password;

// ---- routes ------------------------------------------------------------------------------------

static int get_hello(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "hello", nh_request_param(req, "name"));
    nh_json_kv_string(w, "path", req->path);
    nh_json_kv_string(w, "rest", req->rest);
    nh_json_kv_string(w, "query", req->query);
    nh_json_kv_string(w, "user", req->user);
    nh_json_kv_uint(w, "role", req->role);
    nh_json_kv_bool(w, "tls", req->is_tls);
    nh_json_kv_uint(w, "verify_count", verify_count);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

struct counter {
    uint64_t left, total;
    bool cut;
};

static struct counter *new_counter(nh_request_t *req)
{
    struct counter *c = nh_arena_alloc(req->arena, sizeof *c);
    if (c)
        *c = (struct counter){0};
    req->state = c;
    return c;
}

static int produce_big(nh_request_t *req, char *buf, size_t cap)
{
    struct counter *c = req->state;
    size_t n = c->left < cap ? (size_t)c->left : cap;
    for (size_t i = 0; i < n; i++)
        buf[i] = (char)('a' + (c->total + i) % 26);
    c->left -= n;
    c->total += n;
    return n == 0 && c->cut ? NH_ERR_IO : (int)n;
}

static int get_big(nh_request_t *req)
{
    const char *bytes = nh_request_param(req, "bytes");
    struct counter *c = new_counter(req);
    if (!c)
        return NH_ERR_NOMEM;
    c->left = bytes ? strtoull(bytes, NULL, 10) : 0;
    c->cut = strcmp(req->path, "/api/cut") == 0;
    return nh_reply_stream(req, 200, "text/plain", produce_big);
}

static int post_echo(nh_request_t *req)
{
    return nh_reply_bytes(req, 200, "application/octet-stream", req->body, req->body_len);
}

static int sink_body(nh_request_t *req, const uint8_t *bytes, size_t len)
{
    struct counter *c = req->state ? req->state : new_counter(req);
    if (!c)
        return NH_ERR_NOMEM;
    for (size_t i = 0; i < len; i++)
        if (bytes[i] == '!')
            return NH_ERR_INVAL;
    c->total += len;
    return 0;
}

static int put_sink(nh_request_t *req)
{
    struct counter *c = req->state;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_uint(w, c ? c->total : 0);
    return nh_reply_json_end(req);
}

static int get_fail(nh_request_t *req)
{
    const char *err = nh_request_param(req, "err");
    return err ? atoi(err) : 0;
}

// Pauses once, until the loop has gone round.
struct pause {
    nh_loop_post_t post;
    nh_request_t *req;
    int step;
};

static void end_pause(void *ctx)
{
    struct pause *p = ctx;
    p->step = 2;
    nh_request_wake(p->req);
}

static int produce_pause(nh_request_t *req, char *buf, size_t cap)
{
    struct pause *p = req->state;
    (void)cap;
    if (p->step == 0) {
        p->step = 1;
        p->post = (nh_loop_post_t){.fn = end_pause, .ctx = p};
        nh_loop_post(loop, &p->post);
        memcpy(buf, "before ", 7);
        return 7;
    }
    if (p->step == 1)
        return NH_ERR_AGAIN;
    if (p->step++ > 2)
        return 0;
    memcpy(buf, "after", 5);
    return 5;
}

static void cancel_pause(nh_request_t *req)
{
    struct pause *p = req->state;
    nh_loop_post_cancel(loop, &p->post);
}

static int get_pause(nh_request_t *req)
{
    struct pause *p = nh_arena_alloc(req->arena, sizeof *p);
    if (!p)
        return NH_ERR_NOMEM;
    *p = (struct pause){.req = req};
    req->state = p;
    req->cleanup = cancel_pause;
    return nh_reply_stream(req, 200, "text/plain", produce_pause);
}

static void write_owner(nh_json_writer_t *w, const struct nh_mem_owner_info *o)
{
    nh_json_key(w, o->name);
    nh_json_array_begin(w);
    for (size_t t = 0; t < NH_MEM_TIER_COUNT; t++) {
        nh_json_uint(w, o->tier[t].current_bytes);
        nh_json_uint(w, o->tier[t].peak_bytes);
    }
    nh_json_array_end(w);
}

// {"portal":[internal now, internal peak, psram now, psram peak],...}; ?reset=1: peaks start again.
static int get_mem(nh_request_t *req)
{
    struct nh_mem_owner_info o;
    bool reset = nh_request_param(req, "reset");
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    for (size_t i = 0; nh_mem_owner_info(sys, i, &o) == 0; i++) {
        nh_mem_t *mem = NULL;
        write_owner(w, &o);
        if (reset && nh_mem_owner_add(sys, o.name, NULL, &mem) == 0)
            nh_mem_owner_peak_reset(mem);
    }
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int get_info(nh_request_t *req)
{
    struct nh_portal_info i;
    nh_portal_info(portal, &i);
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "conn_count", i.server.conn_count);
    nh_json_kv_uint(w, "ws_count", i.server.ws_count);
    nh_json_kv_uint(w, "requests", i.server.requests);
    nh_json_kv_uint(w, "refused", i.server.refused);
    nh_json_kv_uint(w, "timeouts", i.server.timeouts);
    nh_json_kv_uint(w, "active_count", i.active_count);
    nh_json_kv_uint(w, "session_count", i.session_count);
    nh_json_kv_uint(w, "feed_messages", i.feed_messages);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int post_bump(nh_request_t *req)
{
    feed_version++;
    nh_portal_feed_changed(portal, "count");
    return nh_reply_empty(req, 204);
}

// ?nth=N: the N-th allocation from now on fails, of ?owner= or of all.
static int post_fault(nh_request_t *req)
{
    const char *nth = nh_request_param(req, "nth"), *name = nh_request_param(req, "owner");
    struct nh_mem_fault fault = {.fail_nth = nth ? strtoull(nth, NULL, 10) : 0};
    nh_mem_t *only = NULL;
    if (name && nh_mem_owner_add(sys, name, NULL, &only) == 0)
        fault.only_owner = only;
    nh_mem_fault_set(sys, fault.fail_nth ? &fault : NULL);
    return nh_reply_bytes(req, 200, "text/plain", "", 0);
}

static const nh_route_t routes[] = {
    {.method = "POST", .path = "/api/fault", .handle = post_fault},
    {.method = "GET", .path = "/api/hello", .handle = get_hello, .text = "says hello"},
    {.method = "GET", .path = "/api/star/*", .flags = NH_ROUTE_OPERATOR, .handle = get_hello},
    {.method = "GET", .path = "/api/big", .handle = get_big},
    {.method = "GET", .path = "/api/cut", .handle = get_big},
    {.method = "POST", .path = "/api/echo", .body_max_bytes = 4096, .handle = post_echo},
    {.method = "PUT", .path = "/api/echo", .body_max_bytes = 4096, .handle = post_echo},
    {.method = "PUT",
     .path = "/api/sink",
     .body_max_bytes = 1 << 20,
     .body = sink_body,
     .handle = put_sink},
    {.method = "GET", .path = "/api/fail", .handle = get_fail},
    {.method = "GET", .path = "/api/pause", .handle = get_pause},
    {.method = "GET", .path = "/api/mem", .handle = get_mem},
    {.method = "GET", .path = "/api/portal", .handle = get_info},
    {.method = "POST", .path = "/api/bump", .handle = post_bump},
    {0},
};

// ---- feed, files, password ---------------------------------------------------------------------

static uint64_t count_version(void *ctx)
{
    (void)ctx;
    return feed_version;
}

static uint64_t count_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    (void)ctx;
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "count", feed_version);
    nh_json_kv_uint(w, "since", since);
    nh_json_object_end(w);
    return feed_version;
}

static uint64_t long_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    (void)since;
    nh_json_array_begin(w);
    for (int i = 0; i < 2000; i++)
        nh_json_int(w, i);
    nh_json_array_end(w);
    return count_version(ctx);
}

static const nh_feed_part_t parts[] = {
    {.name = "count", .min_interval_ms = 20, .version = count_version, .write = count_write},
    {.name = "long", .min_interval_ms = 20, .version = count_version, .write = long_write},
};

static int dir_open(void *ctx, const char *path, void **cursor)
{
    (void)ctx;
    if (strstr(path, ".."))
        return NH_ERR_DENIED;
    if (strcmp(path, "none") == 0)
        return NH_ERR_NOT_FOUND;
    *cursor = calloc(1, sizeof(int));
    return 0;
}

static int dir_next(void *ctx, void *cursor, struct nh_file_info *out)
{
    (void)ctx;
    int *at = cursor;
    if (*at == FILE_COUNT)
        return NH_ERR_NOT_FOUND;
    *out = (struct nh_file_info){.size_bytes = (uint64_t)*at, .mtime_unix_ms = 1700000000000};
    snprintf(out->name, sizeof out->name, "measurement-%05d.log", (*at)++);
    return 0;
}

static void dir_close(void *ctx, void *cursor)
{
    (void)ctx;
    free(cursor);
}

static const struct nh_files_ops files_ops = {
    .dir_open = dir_open, .dir_next = dir_next, .dir_close = dir_close};

static bool is_required(void *ctx)
{
    (void)ctx;
    return password != NULL;
}

// Two accounts with the one password.
static bool find_account(void *ctx, const char *user, struct nh_auth_account *out)
{
    (void)ctx;
    bool is_admin = strcmp(user, "admin") == 0;
    out->role = is_admin ? NH_ROLE_ADMIN : NH_ROLE_OPERATOR;
    return is_admin || strcmp(user, "op") == 0;
}

// Answers when the loop has gone round.
static struct check {
    nh_loop_post_t post;
    uint32_t ticket;
    int result;
} checks[8];

static void checked(void *ctx)
{
    const struct check *c = ctx;
    nh_portal_checked(portal, c->ticket, c->result);
}

static int check(void *ctx, uint32_t ticket, const char *user, const char *given)
{
    struct check *c = &checks[ticket];
    struct nh_auth_account account;
    bool right = find_account(ctx, user, &account) && strcmp(given, password) == 0;
    verify_count++;
    *c = (struct check){
        .post = {.fn = checked, .ctx = c}, .ticket = ticket, .result = right ? 0 : NH_ERR_DENIED};
    nh_loop_post(loop, &c->post);
    return 0;
}

// "hello page" with gzip; two paths have it.
static const uint8_t page[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                               0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0x28, 0x48, 0x4c, 0x4f,
                               0x05, 0x00, 0xcb, 0x80, 0x31, 0xf1, 0x0a, 0x00, 0x00, 0x00};
static const struct nh_asset assets[] = {
    {"/index.html", "text/html; charset=utf-8", "\"page-1\"", page, sizeof page, false},
    {"/app.js", "text/javascript; charset=utf-8", "\"app-1\"", page, sizeof page, false},
};

// ---- main --------------------------------------------------------------------------------------

static void on_stop(void *ctx)
{
    (void)ctx;
    nh_loop_stop(loop);
}

static void print_log(void *ctx, enum nh_log_level level, const char *module, const char *message)
{
    (void)ctx;
    fprintf(stderr, "%d %s: %s\n", (int)level, module, message);
}

static size_t leaked;

static void print_leak(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes,
                       size_t blocks)
{
    (void)ctx;
    leaked += blocks;
    fprintf(stderr, "leak: %s tier %d: %zu bytes in %zu blocks\n", owner, (int)tier, bytes, blocks);
}

static void parse_args(int argc, char **argv, struct nh_portal_config *cfg)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        uint32_t number = (uint32_t)strtoul(value, NULL, 10);
        if (strcmp(name, "--cert") == 0)
            cfg->server.tls_cert_file = value;
        else if (strcmp(name, "--key") == 0)
            cfg->server.tls_key_file = value;
        else if (strcmp(name, "--password") == 0)
            password = value;
        else if (strcmp(name, "--head-timeout-ms") == 0)
            cfg->server.head_timeout_ms = number;
        else if (strcmp(name, "--idle-timeout-ms") == 0)
            cfg->server.idle_timeout_ms = number;
        else if (strcmp(name, "--conn-max") == 0)
            cfg->server.conn_max_count = number;
        else if (strcmp(name, "--request-max") == 0)
            cfg->request_max_count = number;
        else if (strcmp(name, "--port") == 0)
            cfg->server.port = (uint16_t)number;
        else if (strcmp(name, "--ws-max") == 0)
            cfg->ws_max_count = number;
    }
}

static nh_mem_t *owner(const char *name)
{
    nh_mem_t *mem = NULL;
    if (nh_mem_owner_add(sys, name, NULL, &mem))
        abort();
    return mem;
}

static nh_mem_system_t *create_memory(void)
{
    const struct nh_mem_board *board = nh_mem_board_find("esp32-s3");
    struct nh_mem_system_config cfg = {0};
    size_t sizes[] = {board->internal_bytes, board->psram_bytes};
    for (size_t i = 0; i < NH_MEM_TIER_COUNT; i++) {
        cfg.region[i].size_bytes = sizes[i];
        cfg.region[i].base =
            mmap(NULL, sizes[i], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    nh_mem_system_t *out = NULL;
    return nh_mem_system_create(&cfg, &out) ? NULL : out;
}

// How many blocks leaked.
static size_t end(void)
{
    nh_portal_destroy(portal);
    nh_loop_destroy(loop);
    nh_mem_system_destroy(sys, print_leak, NULL);
    return leaked;
}

int main(int argc, char **argv)
{
    sys = create_memory();
    nh_log_set(print_log, NULL, NH_LOG_WARN);
    if (!sys || nh_loop_create(owner("loop"), &loop))
        return 2;
    static const char *const names[] = {"hub.test", NULL};
    struct nh_route_table tables[] = {{routes, NULL, "test"}};
    struct nh_portal_config cfg = {
        .mem = owner("portal"),
        .loop = loop,
        .server = {.mem = owner("http"), .address = "127.0.0.1"},
        .tables = tables,
        .table_count = 1,
        .parts = parts,
        .part_count = NH_ARRAY_LEN(parts),
        .assets = assets,
        .asset_count = NH_ARRAY_LEN(assets),
        .host_names = names,
        .fs = {&files_ops, NULL},
    };
    parse_args(argc, argv, &cfg);
    if (password)
        cfg.auth = (struct nh_auth_config){
            .is_required = is_required, .find = find_account, .check = check};
    uint64_t before_us = nh_clock_us();
    int err = nh_portal_create(&cfg, &portal);
    if (!err)
        err = nh_portal_start(portal);
    if (!err)
        err = nh_loop_signals(loop, on_stop, NULL, NULL);
    if (err) {
        fprintf(stderr, "start: %s\n", nh_err_text(err));
        return end() ? 1 : 2;
    }
    printf("{\"http\":%d,\"https\":%d,\"start_us\":%llu}\n", nh_portal_port(portal),
           nh_portal_tls_port(portal), (unsigned long long)(nh_clock_us() - before_us));
    fflush(stdout);
    nh_loop_run(loop);
    return end() ? 1 : 0;
}
