// Not PORTABLE: the portal stands on the port's keyed hash.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "portal/portal.h"
#include "support/fake_http.h"

// ---- a portal with a few routes ----------------------------------------------------------------

static struct {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_portal_t *portal;
    uint64_t version;
    int version_asked;
    nh_request_t *paused;
    bool go;
    int cleaned;
} f;

static int get_hello(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "rest", req->rest);
    nh_json_kv_string(w, "user", req->user);
    nh_json_kv_string(w, "ctx", req->ctx);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int post_echo(nh_request_t *req)
{
    return nh_reply_bytes(req, 200, "text/plain", req->body ? req->body : "", req->body_len);
}

static int body_no_x(nh_request_t *req, const uint8_t *bytes, size_t len)
{
    (void)req;
    return memchr(bytes, 'x', len) ? NH_ERR_SYNTAX : 0;
}

static int get_nothing(nh_request_t *req)
{
    (void)req;
    return 0;
}

static int get_changes_its_mind(nh_request_t *req)
{
    (void)nh_reply_empty(req, 204);
    return NH_ERR_CONFLICT;
}

static int get_greedy(nh_request_t *req)
{
    return nh_arena_alloc(req->arena, NH_KIB(64)) ? nh_reply_empty(req, 204) : NH_ERR_NOMEM;
}

static void count_cleanup(nh_request_t *req)
{
    (void)req;
    f.cleaned++;
}

static int produce_pause(nh_request_t *req, char *buf, size_t cap)
{
    (void)cap;
    if (!f.go)
        return NH_ERR_AGAIN;
    if (req->state)
        return 0;
    req->state = &f;
    buf[0] = 'p';
    return 1;
}

static int get_pause(nh_request_t *req)
{
    f.paused = req;
    req->cleanup = count_cleanup;
    return nh_reply_stream(req, 200, "text/plain", produce_pause);
}

static const nh_route_t routes[] = {
    {.method = "GET", .path = "/api/a", .handle = get_hello, .text = "a"},
    {.method = "POST", .path = "/api/a", .body_max_bytes = 100, .handle = post_echo},
    {.method = "PUT",
     .path = "/api/stream",
     .body_max_bytes = 100,
     .body = body_no_x,
     .handle = post_echo},
    {.method = "GET", .path = "/api/star/*", .handle = get_hello},
    {.method = "GET", .path = "/api/star/deep/*", .handle = get_nothing},
    {.method = "GET", .path = "/api/star/exact", .handle = get_changes_its_mind},
    {.method = "GET", .path = "/api/greedy", .handle = get_greedy},
    {.method = "GET", .path = "/api/pause", .handle = get_pause},
    {.method = "GET", .path = "/api/params", .handle = get_hello, .params = "first a"},
    {.method = "GET", .path = "/api/plain", .handle = get_hello, .params = ""},
    {.method = "GET", .path = "/public", .handle = get_hello, .flags = NH_ROUTE_PUBLIC},
    {0},
};

static uint64_t version(void *ctx)
{
    (void)ctx;
    f.version_asked++;
    return f.version;
}

static uint64_t write_since(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    (void)ctx;
    nh_json_uint(w, since);
    return f.version;
}

static const nh_feed_part_t parts[] = {
    {"fast", 100, version, write_since, NULL},
    {"slow", 1000, version, write_since, NULL},
};

static const struct nh_asset assets[] = {
    {"/index.html", "text/html", "\"i\"", (const uint8_t *)"zip", 3, false},
    {"/page-0A1B2C3D.js", "text/javascript", "\"p\"", (const uint8_t *)"zip", 3, true},
};

static void leak(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes, size_t blocks)
{
    (void)ctx;
    (void)tier;
    (void)blocks;
    fail_msg("%s holds %u bytes", owner, (unsigned)bytes);
}

static void create_memory(void)
{
    static _Alignas(16) uint8_t internal[24 * 1024], psram[96 * 1024];
    memset(&f, 0, sizeof f);
    f.version = 1;
    struct nh_mem_system_config cfg = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    assert_int_equal(nh_mem_system_create(&cfg, &f.sys), 0);
    assert_int_equal(nh_mem_owner_add(f.sys, "portal", NULL, &f.mem), 0);
}

static int create_portal(void)
{
    struct nh_route_table tables[] = {{routes, (void *)(uintptr_t) "table", "test"}};
    struct nh_portal_config cfg = {
        .mem = f.mem,
        .tables = tables,
        .table_count = 1,
        .parts = parts,
        .part_count = 2,
        .assets = assets,
        .asset_count = NH_ARRAY_LEN(assets),
        .request_max_count = 2,
        .ws_max_count = 2,
    };
    int err = nh_portal_create(&cfg, &f.portal);
    return err ? err : nh_portal_start(f.portal);
}

static int setup(void **state)
{
    (void)state;
    create_memory();
    assert_int_equal(create_portal(), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_portal_destroy(f.portal);
    assert_int_equal(nh_mem_check(f.sys), 0);
    assert_int_equal(nh_mem_system_destroy(f.sys, leak, NULL), 0);
    return 0;
}

static struct fake_reply *ask(const struct fake_request *q)
{
    static struct fake_reply reply;
    fake_ask(q, &reply);
    return &reply;
}

// ---- routes ------------------------------------------------------------------------------------

static void test_matching(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        int status;
        const char *has;
    } rows[] = {
        {"GET", "/api/a", 200, "\"ctx\":\"table\""},
        {"HEAD", "/api/a", 200, ""},
        {"GET", "/api/ab", 404, "not_found"},
        {"GET", "/api/", 404, "not_found"},
        {"GET", "/api/star/x", 200, "\"rest\":\"x\""},
        {"GET", "/api/star/x/y", 200, "\"rest\":\"x/y\""},
        {"GET", "/api/star/", 404, "not_found"},
        {"GET", "/api/star/exact", 409, "conflict"},
        {"GET", "/api/star/deep/x", 400, "bad_request"},
        {"DELETE", "/api/a", 405, "wrong_method"},
        {"POST", "/api/star/x", 405, "wrong_method"},
        {"FIND", "/api/a", 501, "not_supported"},
        {"GET", "/api/greedy", 503, "busy"},
        {"GET", "/", 200, "zip"},
        {"GET", "/index.html", 200, "zip"},
        {"GET", "/other.html", 404, "not_found"},
        {"POST", "/", 405, "wrong_method"},
        {"GET", "/api/routes", 200, "\"path\":\"/api/pause\""},
        {"GET", "/api/store/files", 404, "not_found"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct fake_reply *r =
            ask(&(struct fake_request){.method = rows[i].method, .path = rows[i].path});
        if (r->status != rows[i].status || !strstr(r->body, rows[i].has))
            fail_msg("%s %s: %d %s", rows[i].method, rows[i].path, r->status, r->body);
        assert_non_null(strstr(r->headers, "Content-Security-Policy: default-src 'self'"));
        assert_non_null(strstr(r->headers, "X-Content-Type-Options: nosniff"));
        assert_non_null(strstr(r->headers, "Cache-Control: no-"));
    }
    struct fake_reply *r = ask(&(struct fake_request){.method = "PUT", .path = "/api/a"});
    assert_non_null(strstr(r->headers, "Allow: GET, HEAD, POST\n"));
}

static void test_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *path, *query, *unknown;
    } rows[] = {
        {"/api/params", "", NULL},
        {"/api/params", "a=1&first=2&a", NULL},
        {"/api/params", "&a=1&&", NULL},
        {"/api/params", "%61=1", NULL},
        {"/api/params", "firs=1", "parameter \\\"firs\\\"; it has these: first a."},
        {"/api/params", "a=1&b=2", "parameter \\\"b\\\""},
        {"/api/params", "first+a=1", "parameter \\\"first+a\\\""},
        {"/api/params", "=1", "parameter \\\"\\\""},
        {"/api/plain", "a", "it has none."},
        {"/api/a", "whatever=1", NULL}, // not said which it has
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct fake_reply *r =
            ask(&(struct fake_request){.path = rows[i].path, .query = rows[i].query});
        bool is_told = !rows[i].unknown ||
                       (strstr(r->body, rows[i].unknown) && strstr(r->body, "unknown_parameter"));
        if (r->status != (rows[i].unknown ? 400 : 200) || !is_told)
            fail_msg("%s?%s: %d %s", rows[i].path, rows[i].query, r->status, r->body);
    }
}

static void test_bodies(void **state)
{
    (void)state;
    char long_body[102];
    memset(long_body, 'y', 101);
    long_body[101] = '\0';
    static const struct {
        const char *method, *path, *body;
        bool chunked, no_length;
        int status;
    } rows[] = {
        {"POST", "/api/a", "hello world", false, false, 200},
        {"POST", "/api/a", "", false, false, 200},
        {"POST", "/api/a", NULL, false, true, 200},
        {"POST", "/api/a", "x", true, false, 411},
        {"GET", "/api/a", "x", false, false, 413},
        {"PUT", "/api/stream", "aaaaaaaaaaaaaaaaaaaa", false, false, 200},
        {"PUT", "/api/stream", "aaaaaaaaaaxaaaaaaaaa", false, false, 400},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct fake_reply *r = ask(&(struct fake_request){.method = rows[i].method,
                                                          .path = rows[i].path,
                                                          .body = rows[i].body,
                                                          .is_chunked = rows[i].chunked,
                                                          .no_length = rows[i].no_length});
        if (r->status != rows[i].status)
            fail_msg("row %u: %d %s", (unsigned)i, r->status, r->body);
        if (i == 0)
            assert_string_equal(r->body, "hello world");
    }
    struct fake_reply *r =
        ask(&(struct fake_request){.method = "POST", .path = "/api/a", .body = long_body});
    assert_int_equal(r->status, 413);
    assert_non_null(strstr(r->body, "Body has 101 bytes, limit 100. Nothing was changed."));
}

static void test_requests_are_bounded(void **state)
{
    (void)state;
    nh_http_conn_t c[3];
    struct fake_reply reply;
    for (size_t i = 0; i < 3; i++)
        fake_send(&c[i], &(struct fake_request){.path = "/api/pause"});
    assert_int_equal(c[2].status, 503);
    f.go = true;
    nh_request_wake(f.paused);
    assert_true(c[1].woken);
    fake_finish(&c[2], &reply);
    assert_non_null(strstr(reply.body, "\"busy\""));
    for (size_t i = 0; i < 2; i++) {
        fake_finish(&c[i], &reply);
        assert_string_equal(reply.body, "p");
    }
    assert_int_equal(f.cleaned, 2);
    struct nh_portal_info info;
    nh_portal_info(f.portal, &info);
    assert_int_equal(info.active_count, 0);
    assert_int_equal(info.active_peak, 2);
    assert_int_equal(info.full_count, 1);
}

static void test_client_leaves_in_the_middle(void **state)
{
    (void)state;
    nh_http_conn_t c;
    fake_send(&c, &(struct fake_request){.path = "/api/pause"});
    fake_server.handler.closed(fake_server.handler.ctx, &c);
    assert_int_equal(f.cleaned, 1);
}

static void test_counters(void **state)
{
    (void)state;
    ask(&(struct fake_request){.path = "/api/a"});
    ask(&(struct fake_request){.path = "/api/a"});
    ask(&(struct fake_request){.path = "/api/star/exact"});
    struct nh_portal_route_info r;
    int found = 0;
    for (size_t i = 0; nh_portal_route_info(f.portal, i, &r) == 0; i++) {
        if (strcmp(r.route->path, "/api/a") == 0 && strcmp(r.route->method, "GET") == 0) {
            assert_int_equal(r.calls, 2);
            assert_int_equal(r.errors, 0);
            assert_string_equal(r.owner, "test");
            assert_true(r.peak_bytes[NH_MEM_PSRAM] > 500 && r.peak_bytes[NH_MEM_INTERNAL] == 0);
            found++;
        }
        if (strcmp(r.route->path, "/api/star/exact") == 0) {
            assert_int_equal(r.errors, 1);
            found++;
        }
    }
    assert_int_equal(found, 2);
}

static void test_assets(void **state)
{
    (void)state;
    static const struct nh_http_header same[] = {
        {"host", "localhost"}, {"if-none-match", "W/\"i\""}, {NULL, NULL}};
    static const struct nh_http_header plain[] = {
        {"host", "localhost"}, {"accept-encoding", "identity"}, {NULL, NULL}};
    struct fake_reply *r = ask(&(struct fake_request){.path = "/"});
    assert_non_null(strstr(r->headers, "Content-Encoding: gzip\n"));
    assert_non_null(strstr(r->headers, "ETag: \"i\"\n"));
    assert_non_null(strstr(r->headers, "Cache-Control: no-cache\n"));
    assert_int_equal(ask(&(struct fake_request){.path = "/", .headers = same})->status, 304);
    assert_int_equal(ask(&(struct fake_request){.path = "/", .headers = plain})->status, 200);
    // What the older firmware's pages were called.
    r = ask(&(struct fake_request){.path = "/network.html", .headers = plain});
    assert_int_equal(r->status, 200);
    assert_non_null(strstr(r->headers, "Content-Encoding: gzip\n"));
    assert_non_null(strstr(r->headers, "Vary: Accept-Encoding\n"));
    assert_non_null(strstr(r->headers, "Cache-Control: no-store\n"));
    r = ask(&(struct fake_request){.path = "/page-0A1B2C3D.js"});
    assert_non_null(strstr(r->headers, "Cache-Control: public, max-age=31536000, immutable\n"));
}

static void test_each_allocation_fails(void **state)
{
    (void)state;
    for (uint64_t n = 1, good = 0; !good; n++) {
        nh_mem_fault_set(f.sys, &(struct nh_mem_fault){.fail_nth = n});
        struct fake_reply *r =
            ask(&(struct fake_request){.method = "POST", .path = "/api/a", .body = "hello world"});
        good = r->status == 200;
        if (!good) {
            assert_int_equal(r->status, 503);
            assert_non_null(strstr(r->body, "{\"error\":{\"code\":\"busy\""));
        }
        nh_mem_fault_set(f.sys, NULL);
        assert_int_equal(ask(&(struct fake_request){.path = "/api/a"})->status, 200);
    }
}

static void test_creation_fails_at_each_allocation(void **state)
{
    (void)state;
    nh_portal_destroy(f.portal);
    for (uint64_t n = 1;; n++) {
        nh_mem_fault_set(f.sys, &(struct nh_mem_fault){.fail_nth = n});
        int err = create_portal();
        nh_mem_fault_set(f.sys, NULL);
        if (!err) {
            assert_true(n > 4);
            return;
        }
        assert_int_equal(err, NH_ERR_NOMEM);
        assert_null(f.portal);
    }
}

// ---- feed --------------------------------------------------------------------------------------

static void test_feed_pushes_what_changed(void **state)
{
    (void)state;
    nh_http_conn_t c;
    assert_int_equal(fake_ws_open(&c, NULL), 0);
    assert_int_equal(fake_deadline.next(fake_deadline.ctx), NH_NEVER);
    fake_ws_say(&c, "{\"subscribe\":[\"fast\"]}");
    assert_string_equal(fake_ws_hear(&c), "{\"part\":\"fast\",\"data\":0,\"version\":1}");
    assert_string_equal(fake_ws_hear(&c), "");
    assert_int_equal(fake_deadline.next(fake_deadline.ctx), fake_now_ms + 100);
    fake_wait(100);
    assert_string_equal(fake_ws_hear(&c), ""); // not changed
    f.version = 2;
    fake_wait(99);
    assert_string_equal(fake_ws_hear(&c), "");
    fake_wait(1);
    assert_string_equal(fake_ws_hear(&c), "{\"part\":\"fast\",\"data\":1,\"version\":2}");
    fake_ws_say(&c, "{\"unsubscribe\":[\"fast\"]}");
    assert_int_equal(fake_deadline.next(fake_deadline.ctx), NH_NEVER);
    f.version_asked = 0;
    fake_wait(10000);
    assert_int_equal(f.version_asked, 0); // nobody watches: nobody asks
    fake_ws_close(&c);
}

static void test_feed_changed_is_told_at_once(void **state)
{
    (void)state;
    nh_http_conn_t c;
    assert_int_equal(fake_ws_open(&c, NULL), 0);
    fake_ws_say(&c, "{\"subscribe\":[\"slow\"]}");
    fake_ws_hear(&c);
    assert_string_equal(fake_ws_hear(&c), "");
    assert_int_equal(nh_portal_feed_watchers(f.portal, "slow"), 1);
    assert_int_equal(nh_portal_feed_watchers(f.portal, "fast"), 0);
    f.version = 2;
    fake_now_ms += 10;
    nh_portal_feed_changed(f.portal, "slow");
    assert_string_equal(fake_ws_hear(&c), ""); // its interval is not over
    fake_wait(990);
    assert_string_equal(fake_ws_hear(&c), "{\"part\":\"slow\",\"data\":1,\"version\":2}");
    fake_ws_hear(&c);
    fake_wait(1000); // looked at in vain: next is 1000 ms later, but a change need not wait for it
    f.version = 3;
    fake_now_ms += 10;
    nh_portal_feed_changed(f.portal, "slow");
    assert_string_equal(fake_ws_hear(&c), "{\"part\":\"slow\",\"data\":2,\"version\":3}");
    nh_portal_feed_changed(f.portal, "none");
    fake_ws_close(&c);
}

static void test_slow_socket_gets_the_newest(void **state)
{
    (void)state;
    nh_http_conn_t c;
    assert_int_equal(fake_ws_open(&c, NULL), 0);
    fake_ws_say(&c, "{\"subscribe\":[\"fast\",\"slow\"]}");
    fake_ws_hear(&c);
    fake_ws_hear(&c);
    for (f.version = 2; f.version < 50; f.version++) // the socket takes nothing meanwhile
        fake_wait(1000);
    assert_string_equal(fake_ws_hear(&c), "{\"part\":\"fast\",\"data\":1,\"version\":50}");
    assert_string_equal(fake_ws_hear(&c), "{\"part\":\"slow\",\"data\":1,\"version\":50}");
    assert_string_equal(fake_ws_hear(&c), "");
    fake_ws_close(&c);
}

static void test_feed_sockets_are_bounded(void **state)
{
    (void)state;
    nh_http_conn_t c[3];
    static const struct nh_http_header foreign[] = {
        {"host", "127.0.0.1"}, {"origin", "http://evil.example"}, {NULL, NULL}};
    assert_int_equal(fake_ws_open(&c[0], foreign), 403);
    assert_int_equal(fake_ws_open(&c[0], NULL), 0);
    assert_int_equal(fake_ws_open(&c[1], NULL), 0);
    assert_int_equal(fake_ws_open(&c[2], NULL), 503);
    fake_ws_close(&c[0]);
    assert_int_equal(fake_ws_open(&c[2], NULL), 0);
    fake_ws_say(&c[2], "{\"ping\":1}");
    fake_ws_say(&c[2], "{\"ping\":1}");
    assert_string_equal(fake_ws_hear(&c[2]), "{\"pong\":1}");
    assert_string_equal(fake_ws_hear(&c[2]), "{\"pong\":1}");
    assert_string_equal(fake_ws_hear(&c[2]), "");
    fake_ws_say(&c[2], "{\"subscribe\":[\"none\"]}");
    assert_non_null(strstr(fake_ws_hear(&c[2]), "no such part"));
    fake_ws_say(&c[2], "{]");
    assert_non_null(strstr(fake_ws_hear(&c[2]), "Not understood"));
    fake_ws_close(&c[1]);
    fake_ws_close(&c[2]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_matching),
        T(test_parameters),
        T(test_bodies),
        T(test_requests_are_bounded),
        T(test_client_leaves_in_the_middle),
        T(test_counters),
        T(test_assets),
        T(test_each_allocation_fails),
        T(test_creation_fails_at_each_allocation),
        T(test_feed_pushes_what_changed),
        T(test_feed_changed_is_told_at_once),
        T(test_slow_socket_gets_the_newest),
        T(test_feed_sockets_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
