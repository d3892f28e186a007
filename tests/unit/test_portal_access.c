// Who may: roles at routes and at the feed, pages of other sites, signing in and out, and requests
// that wait while a password is checked.
//
// Not PORTABLE: keyed hashes come from the Linux port.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "portal/portal.h"
#include "support/fake_http.h"

#define ADMIN "Basic YWRtaW46cHc=" // admin:pw
#define OP "Basic b3A6cHc="        // op:pw
#define NEW "Basic bmV3OnB3"       // new:pw
#define WRONG "Basic YWRtaW46cHg=" // admin:px

static _Alignas(16) uint8_t internal[24 * 1024], psram[96 * 1024];

static struct {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_portal_t *portal;
    bool is_open; // nobody has to sign in
    uint32_t stamp;
    enum nh_role op_role;
    struct {
        uint32_t ticket;
        int result;
    } checks[8];
    int check_count, hello_count;
    nh_request_t *later;
    const char *body; // of a request with secrets, in its memory
    uint64_t version;
    struct {
        bool is_full;
        void *socket; // NULL: no client
        void (*wake)(void *socket);
        char heard[64];
        const char *says;
        int closed_count;
    } guest;
    bool has_guest, lets_anybody_in;
} f;

// ---- accounts ----------------------------------------------------------------------------------

static bool is_required(void *ctx)
{
    (void)ctx;
    return !f.is_open;
}

// "admin" and "op"; "new", an admin who has to change the password.
static bool find_account(void *ctx, const char *user, struct nh_auth_account *out)
{
    (void)ctx;
    out->role = strcmp(user, "op") == 0 ? f.op_role : NH_ROLE_ADMIN;
    out->must_change = strcmp(user, "new") == 0;
    out->stamp = f.stamp;
    return strcmp(user, "admin") == 0 || strcmp(user, "op") == 0 || out->must_change;
}

static int check_password(void *ctx, uint32_t ticket, const char *user, const char *password)
{
    struct nh_auth_account account;
    bool right = find_account(ctx, user, &account) && strcmp(password, "pw") == 0;
    f.checks[f.check_count].ticket = ticket;
    f.checks[f.check_count++].result = right ? 0 : NH_ERR_DENIED;
    return 0;
}

// The task beside the loop is done.
static void answer_checks(void)
{
    for (int i = 0; i < f.check_count; i++)
        nh_portal_checked(f.portal, f.checks[i].ticket, f.checks[i].result);
    f.check_count = 0;
}

// ---- routes ------------------------------------------------------------------------------------

static int get_hello(nh_request_t *req)
{
    f.hello_count++;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "user", req->user);
    nh_json_kv_uint(w, "role", req->role);
    nh_json_kv_bool(w, "local", req->is_local);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static int post_echo(nh_request_t *req)
{
    f.body = req->body;
    return nh_reply_bytes(req, 200, "text/plain", req->body ? req->body : "", req->body_len);
}

static int take(nh_request_t *req, const uint8_t *bytes, size_t len)
{
    (void)req;
    (void)bytes;
    (void)len;
    return 0;
}

static void forget_later(nh_request_t *req)
{
    if (f.later == req)
        f.later = NULL;
}

static int post_later(nh_request_t *req)
{
    f.later = req;
    req->cleanup = forget_later;
    nh_request_later(req);
    return strcmp(req->query, "fail") == 0 ? NH_ERR_CONFLICT : 0;
}

static const nh_route_t routes[] = {
    {.method = "GET", .path = "/all", .flags = NH_ROUTE_PUBLIC, .handle = get_hello},
    {.method = "GET", .path = "/op", .flags = NH_ROUTE_OPERATOR, .handle = get_hello},
    {.method = "GET", .path = "/admin", .handle = get_hello},
    {.method = "GET",
     .path = "/first",
     .flags = NH_ROUTE_OPERATOR | NH_ROUTE_NEW_PASSWORD,
     .handle = get_hello},
    {.method = "POST",
     .path = "/admin",
     .body_max_bytes = 100,
     .flags = NH_ROUTE_SECRETS,
     .handle = post_echo},
    {.method = "PUT", .path = "/stream", .body_max_bytes = 100, .body = take, .handle = post_echo},
    {.method = "POST", .path = "/later", .handle = post_later},
    {.method = "POST",
     .path = "/open",
     .flags = NH_ROUTE_PUBLIC | NH_ROUTE_OPEN,
     .handle = get_hello},
    {.method = "GET",
     .path = "/open",
     .flags = NH_ROUTE_PUBLIC | NH_ROUTE_OPEN | NH_ROUTE_CHANGES,
     .handle = get_hello},
    {.method = "POST", .path = "/unheard", .flags = NH_ROUTE_UNHEARD, .handle = get_hello},
    {0},
};

static uint64_t version(void *ctx)
{
    (void)ctx;
    return f.version;
}

static uint64_t write_since(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    (void)ctx;
    nh_json_uint(w, since);
    return f.version;
}

static const nh_feed_part_t parts[] = {
    {"mine", 100, version, write_since, NULL, false},
    {"ours", 100, version, write_since, NULL, true},
};

// ---- a guest at the feed's path, of one client
// -----------------------------------------------------

static void *guest_open(void *ctx, void *socket, void (*wake)(void *socket))
{
    (void)ctx;
    if (f.guest.is_full || f.guest.socket)
        return NULL;
    f.guest.socket = socket;
    f.guest.wake = wake;
    return &f.guest;
}

static void guest_message(void *ctx, void *client, const char *bytes, size_t len, bool is_text)
{
    assert_ptr_equal(ctx, client);
    snprintf(f.guest.heard, sizeof f.guest.heard, "%s%.*s", is_text ? "" : "bytes ", (int)len,
             bytes);
}

static int guest_output(void *ctx, void *client, char *buf, size_t cap, bool *is_text)
{
    assert_ptr_equal(ctx, client);
    *is_text = true;
    int len = f.guest.says ? snprintf(buf, cap, "%s", f.guest.says) : 0;
    f.guest.says = NULL;
    return len;
}

static void guest_closed(void *ctx, void *client)
{
    assert_ptr_equal(ctx, client);
    f.guest.socket = NULL;
    f.guest.closed_count++;
}

static const struct nh_asset assets[] = {
    {"/index.html", "text/html", "\"i\"", (const uint8_t *)"zip", 3, false},
};

// ---- fixture -----------------------------------------------------------------------------------

static void leak(void *ctx, const char *owner, enum nh_mem_tier tier, size_t bytes, size_t blocks)
{
    (void)ctx;
    (void)tier;
    (void)blocks;
    fail_msg("%s holds %u bytes", owner, (unsigned)bytes);
}

static int begin(void)
{
    static const char *const names[] = {"hub", NULL};
    f.version = 1;
    f.op_role = NH_ROLE_OPERATOR;
    struct nh_mem_system_config mem = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    assert_int_equal(nh_mem_system_create(&mem, &f.sys), 0);
    assert_int_equal(nh_mem_owner_add(f.sys, "portal", NULL, &f.mem), 0);
    struct nh_route_table tables[] = {{routes, NULL, "test"}};
    const struct nh_ws_place place = {.path = "/ws/telemetry",
                                      .guest = {.ctx = &f.guest,
                                                .open = guest_open,
                                                .message = guest_message,
                                                .output = guest_output,
                                                .closed = guest_closed}};
    struct nh_portal_config cfg = {
        .mem = f.mem,
        .tables = tables,
        .table_count = 1,
        .parts = parts,
        .part_count = 2,
        .assets = assets,
        .asset_count = 1,
        .host_names = names,
        .guest = {.ctx = f.has_guest ? &f.guest : NULL,
                  .lets_anybody_in = f.lets_anybody_in,
                  .open = guest_open,
                  .message = guest_message,
                  .output = guest_output,
                  .closed = guest_closed},
        .places = &place,
        .place_count = 1,
        .request_max_count = 4,
        .ws_max_count = 2,
        .auth = {.is_required = is_required,
                 .find = find_account,
                 .check = check_password,
                 .check_max_count = 2},
    };
    assert_int_equal(nh_portal_create(&cfg, &f.portal), 0);
    return nh_portal_start(f.portal);
}

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    return begin();
}

static int setup_guest(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    f.has_guest = true;
    return begin();
}

static int setup_open_guest(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    f.has_guest = f.lets_anybody_in = true;
    return begin();
}

static int teardown(void **state)
{
    (void)state;
    nh_portal_destroy(f.portal);
    assert_int_equal(nh_mem_check(f.sys), 0);
    assert_int_equal(nh_mem_system_destroy(f.sys, leak, NULL), 0);
    return 0;
}

// Sends it, has what it waits for checked, and reads the reply.
static struct fake_reply *ask(const struct fake_request *q)
{
    static struct fake_reply reply;
    nh_http_conn_t c;
    fake_send(&c, q);
    answer_checks();
    fake_finish(&c, &reply);
    return &reply;
}

// One header besides Host; NULL: none.
static struct fake_reply *ask_with(const char *method, const char *path, const char *body,
                                   const char *name, const char *value)
{
    const struct nh_http_header headers[] = {{"host", "hub"}, {name, value}, {NULL, NULL}};
    return ask(
        &(struct fake_request){.method = method, .path = path, .body = body, .headers = headers});
}

static struct fake_reply *get_as(const char *path, const char *authorization)
{
    return ask_with("GET", path, NULL, authorization ? "authorization" : NULL, authorization);
}

static struct fake_reply *login(const char *user, const char *password)
{
    char body[120];
    snprintf(body, sizeof body, "{\"username\":\"%s\",\"password\":\"%s\"}", user, password);
    return ask(&(struct fake_request){.method = "POST", .path = "/api/auth/login", .body = body});
}

// "nh_session=..." of the reply.
static const char *cookie_of(const struct fake_reply *r)
{
    static char value[64];
    const char *cookie = strstr(r->headers, "Set-Cookie: ");
    assert_non_null(cookie);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(cookie + 12, ";"), cookie + 12);
    return value;
}

static int status_of(const char *path, const char *cookie)
{
    return ask_with("GET", path, NULL, "cookie", cookie)->status;
}

// ---- pages of other sites ----------------------------------------------------------------------

static void test_other_sites(void **state)
{
    (void)state;
    static const struct {
        const char *method, *host, *site, *origin, *referer;
        int status;
    } rows[] = {
        // Nothing that tells of a page: no browser.
        {"GET", "127.0.0.1:8080", NULL, NULL, NULL, 200},
        {"POST", "127.0.0.1:8080", NULL, NULL, NULL, 200},
        // A name that is not ours, while everything is open.
        {"GET", "evil.example", NULL, NULL, NULL, 403},
        {"GET", "hub", NULL, NULL, NULL, 200},
        {"GET", NULL, NULL, NULL, NULL, 403},
        // What changes nothing is answered; other sites cannot read it.
        {"GET", "127.0.0.1:8080", "cross-site", "http://evil.example", NULL, 200},
        // Origin.
        {"POST", "127.0.0.1:8080", NULL, "http://evil.example", NULL, 403},
        {"POST", "127.0.0.1:8080", NULL, "http://127.0.0.1:8080", NULL, 200},
        {"POST", "127.0.0.1:8080", NULL, "http://127.0.0.1", NULL, 403},
        {"POST", "127.0.0.1:8080", NULL, "null", NULL, 403},
        {"POST", "127.0.0.1:8080", NULL, "", NULL, 403},
        // Referer, where there is no Origin; an Origin says more.
        {"POST", "127.0.0.1:8080", NULL, NULL, "http://127.0.0.1:8080/#/home", 200},
        {"POST", "127.0.0.1:8080", NULL, NULL, "http://evil.example/127.0.0.1:8080", 403},
        {"POST", "127.0.0.1:8080", NULL, NULL, "about:blank", 403},
        {"POST", "127.0.0.1:8080", NULL, "http://evil.example", "http://127.0.0.1:8080/", 403},
        {"POST", "127.0.0.1:8080", NULL, "http://127.0.0.1:8080", "http://evil.example/", 200},
        // Sec-Fetch-Site goes before both.
        {"POST", "127.0.0.1:8080", "same-origin", "http://127.0.0.1:8080", NULL, 200},
        {"POST", "127.0.0.1:8080", "same-origin", NULL, NULL, 200},
        {"POST", "127.0.0.1:8080", "none", NULL, NULL, 200},
        {"POST", "127.0.0.1:8080", "cross-site", NULL, NULL, 403},
        {"POST", "127.0.0.1:8080", "cross-site", "http://127.0.0.1:8080", NULL, 403},
        {"POST", "127.0.0.1:8080", "same-site", "http://127.0.0.1:8080", NULL, 403},
        {"POST", "127.0.0.1:8080", "later-word", NULL, NULL, 403},
        {"POST", "127.0.0.1:8080", "same-origin", "http://evil.example", NULL, 403},
        // Every method but GET and HEAD.
        {"PUT", "127.0.0.1:8080", "cross-site", NULL, NULL, 403},
        {"DELETE", "127.0.0.1:8080", "cross-site", NULL, NULL, 403},
        {"HEAD", "127.0.0.1:8080", "cross-site", NULL, NULL, 200},
    };
    f.is_open = true;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct nh_http_header all[] = {{"host", rows[i].host},
                                             {"sec-fetch-site", rows[i].site},
                                             {"origin", rows[i].origin},
                                             {"referer", rows[i].referer}};
        struct nh_http_header headers[5] = {{NULL, NULL}};
        for (size_t k = 0, n = 0; k < NH_ARRAY_LEN(all); k++)
            if (all[k].value)
                headers[n++] = all[k];
        bool has_body = rows[i].method[0] == 'P';
        struct fake_reply *r = ask(&(struct fake_request){.method = rows[i].method,
                                                          .path = "/admin",
                                                          .headers = headers,
                                                          .body = has_body ? "b" : NULL});
        bool is_csrf = rows[i].status == 403 && rows[i].method[0] != 'G';
        if (r->status != rows[i].status || (is_csrf && !strstr(r->body, "\"csrf\"")))
            fail_msg("row %zu: %d %s", i, r->status, r->body);
        // A WebSocket counts as a change.
        nh_http_conn_t c;
        int ws = fake_ws_open(&c, headers);
        if (has_body && ws != (rows[i].status == 403 ? 403 : 0))
            fail_msg("row %zu: WebSocket %d", i, ws);
        if (ws == 0)
            fake_ws_close(&c);
    }
}

// With a password its Host is anybody's, and a cross-site change is refused before it is asked who
// it is.
static void test_other_sites_with_a_password(void **state)
{
    (void)state;
    assert_int_equal(get_as("/admin", ADMIN)->status, 200);
    static const struct nh_http_header headers[] = {{"host", "any.example"},
                                                    {"authorization", ADMIN},
                                                    {"origin", "http://evil.example"},
                                                    {NULL, NULL}};
    assert_int_equal(ask(&(struct fake_request){.path = "/admin", .headers = headers})->status,
                     200);
    struct fake_reply *r = ask(&(struct fake_request){
        .method = "POST", .path = "/admin", .headers = headers, .body = "b"});
    assert_int_equal(r->status, 403);
    assert_non_null(strstr(r->body, "csrf"));
    r = ask(
        &(struct fake_request){.method = "POST", .path = "/api/auth/logout", .headers = headers});
    assert_int_equal(r->status, 403);
}

// ---- roles -------------------------------------------------------------------------------------

static void test_roles(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *who;
        int status;
        const char *has;
    } rows[] = {
        {"GET", "/all", NULL, 200, "\"user\":null,\"role\":0"},
        {"GET", "/all", OP, 200, "\"role\":0"},
        {"GET", "/op", NULL, 401, "sign_in_needed"},
        {"GET", "/op", WRONG, 401, "sign_in_needed"},
        {"GET", "/op", OP, 200, "\"user\":\"op\",\"role\":1"},
        {"GET", "/op", ADMIN, 200, "\"user\":\"admin\",\"role\":2"},
        {"GET", "/admin", NULL, 401, "sign_in_needed"},
        {"GET", "/admin", OP, 403, "\"forbidden\""},
        {"HEAD", "/admin", OP, 403, ""},
        {"POST", "/admin", OP, 403, "\"forbidden\""},
        {"GET", "/admin", ADMIN, 200, "\"role\":2"},
        {"GET", "/none", NULL, 401, "sign_in_needed"},
        {"GET", "/none", OP, 404, "not_found"},
        {"DELETE", "/admin", OP, 405, "wrong_method"},
        {"GET", "/", NULL, 200, "zip"},
        {"GET", "/api/routes", OP, 403, "\"forbidden\""},
        {"GET", "/api/routes", ADMIN, 200, "\"path\":\"/op\""},
        {"GET", "/api/session/info", NULL, 401, "sign_in_needed"},
        {"GET", "/api/session/info", OP, 200,
         "{\"role\":\"user\",\"role_name\":\"operator\",\"username\":\"op\","
         "\"must_change\":false,\"required\":true,\"in_file\":false}"},
        {"GET", "/api/session/info", ADMIN, 200, "{\"role\":\"admin\",\"role_name\":\"admin\""},
        // Who has to change the password first.
        {"GET", "/admin", NEW, 403, "password_change_required"},
        {"GET", "/op", NEW, 403, "password_change_required"},
        {"GET", "/none", NEW, 403, "password_change_required"},
        {"GET", "/first", NEW, 200, "\"role\":2"},
        {"GET", "/first", OP, 200, "\"role\":1"},
        {"GET", "/all", NEW, 200, ""},
        {"GET", "/api/session/info", NEW, 200, "\"must_change\":true"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        fake_now_ms += 1000000; // no delay is in force
        bool has_body = strcmp(rows[i].method, "POST") == 0;
        struct fake_reply *r = ask_with(rows[i].method, rows[i].path, has_body ? "b" : NULL,
                                        rows[i].who ? "authorization" : NULL, rows[i].who);
        if (r->status != rows[i].status ||
            (rows[i].method[0] != 'H' && !strstr(r->body, rows[i].has)))
            fail_msg("row %zu: %d %s", i, r->status, r->body);
    }
    struct fake_reply *r = get_as("/admin", NULL);
    assert_non_null(strstr(r->headers, "WWW-Authenticate: Basic realm=\"nuthatch\"\n"));
}

static void test_open_hub(void **state)
{
    (void)state;
    f.is_open = true;
    assert_non_null(strstr(get_as("/admin", NULL)->body, "\"user\":null,\"role\":2"));
    assert_non_null(strstr(get_as("/api/session/info", NULL)->body,
                           "\"username\":null,\"must_change\":false,\"required\":false"));
    struct fake_reply *r = login("admin", "anything");
    assert_int_equal(r->status, 200);
    assert_null(strstr(r->headers, "Set-Cookie"));
    assert_int_equal(f.check_count, 0);
    // What an API page shows.
    assert_non_null(strstr(get_as("/api/routes", NULL)->body, "\"for\":\"operator\""));
}

// ---- signing in and out ------------------------------------------------------------------------

static void test_sign_in_and_out(void **state)
{
    (void)state;
    char op[64], fresh[64], admin[64];
    struct fake_reply *r = login("op", "pw");
    assert_int_equal(r->status, 200);
    assert_string_equal(r->body, "{\"status\":\"ok\",\"role\":\"user\",\"role_name\":"
                                 "\"operator\",\"username\":\"op\",\"must_change\":false}\n");
    assert_non_null(strstr(r->headers, "; HttpOnly; SameSite=Strict; Path=/\n"));
    snprintf(op, sizeof op, "%s", cookie_of(r));
    r = login("admin", "pw");
    assert_non_null(strstr(r->body, "\"role\":\"admin\",\"role_name\":\"admin\""));
    snprintf(admin, sizeof admin, "%s", cookie_of(r));
    assert_int_equal(status_of("/op", op), 200);
    assert_int_equal(status_of("/admin", op), 403);
    // Who signs in anew leaves no session behind.
    const struct nh_http_header again[] = {{"host", "hub"}, {"cookie", op}, {NULL, NULL}};
    r = ask(&(struct fake_request){.method = "POST",
                                   .path = "/api/auth/login",
                                   .headers = again,
                                   .body = "{\"username\":\"op\",\"password\":\"pw\"}"});
    assert_int_equal(r->status, 200);
    snprintf(fresh, sizeof fresh, "%s", cookie_of(r));
    assert_int_equal(status_of("/op", op), 401);
    assert_int_equal(status_of("/admin", admin), 200);
    r = ask_with("POST", "/api/auth/logout", NULL, "cookie", admin);
    assert_string_equal(r->body, "{\"status\":\"ok\"}\n");
    assert_non_null(
        strstr(r->headers, "nh_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"));
    assert_int_equal(status_of("/admin", admin), 401);
    assert_int_equal(status_of("/op", fresh), 200);
    struct nh_portal_info info;
    nh_portal_info(f.portal, &info);
    assert_int_equal(info.session_count, 1);
    assert_int_equal(info.auth.sign_ins, 3);
}

static void test_sign_in_that_fails(void **state)
{
    (void)state;
    static const char *const users[] = {"admin", "nobody"};
    char first[256] = "";
    for (size_t i = 0; i < 2; i++) {
        fake_now_ms += 1000000;
        struct fake_reply *r = login(users[i], "px");
        assert_int_equal(r->status, 401);
        assert_null(strstr(r->headers, "WWW-Authenticate"));
        assert_null(strstr(r->headers, "Set-Cookie"));
        if (i == 0)
            snprintf(first, sizeof first, "%.255s", r->body);
        else
            assert_string_equal(r->body, first); // nothing tells them apart
    }
    struct fake_reply *r = login("nobody", "px"); // at once again
    assert_int_equal(r->status, 429);
    assert_non_null(strstr(r->headers, "Retry-After: 1\n"));
    assert_non_null(strstr(r->body, "Try again in 1 s."));
    static const char *const bodies[] = {"[", "{}", "{\"username\":\"a\"}", "\"x\"",
                                         "{\"username\":1,\"password\":\"pw\"}"};
    for (size_t i = 0; i < NH_ARRAY_LEN(bodies); i++) {
        r = ask(
            &(struct fake_request){.method = "POST", .path = "/api/auth/login", .body = bodies[i]});
        assert_int_equal(r->status, 400);
        assert_non_null(strstr(r->body, "Nobody was signed in."));
    }
}

// A sign-in waits beside the others; one that leaves takes nothing along.
static void test_sign_ins_wait(void **state)
{
    (void)state;
    nh_http_conn_t c[3];
    struct fake_reply reply;
    static const char *const bodies[] = {"{\"username\":\"op\",\"password\":\"pw\"}",
                                         "{\"username\":\"admin\",\"password\":\"pw\"}",
                                         "{\"username\":\"new\",\"password\":\"pw\"}"};
    for (size_t i = 0; i < 3; i++)
        fake_send(&c[i], &(struct fake_request){
                             .method = "POST", .path = "/api/auth/login", .body = bodies[i]});
    assert_false(c[0].started || c[1].started);
    assert_int_equal(c[2].status, 503); // two at once are the most
    fake_finish(&c[2], &reply);
    assert_non_null(strstr(reply.headers, "Retry-After: 1\n"));
    nh_http_conn_t other;
    fake_send(&other, &(struct fake_request){.path = "/all"});
    assert_true(other.started); // nobody else waits
    fake_finish(&other, &reply);
    fake_server.handler.closed(fake_server.handler.ctx, &c[1]);
    answer_checks();
    assert_true(c[0].started);
    fake_finish(&c[0], &reply);
    assert_int_equal(reply.status, 200);
}

// ---- requests that wait for their password -----------------------------------------------------

static void send_as(nh_http_conn_t *c, const struct fake_request *q, const char *authorization)
{
    const struct nh_http_header headers[] = {
        {"host", "hub"}, {"authorization", authorization}, {NULL, NULL}}; // read while it is sent
    struct fake_request with = *q;
    with.headers = headers;
    fake_send(c, &with);
}

static void test_body_is_kept_meanwhile(void **state)
{
    (void)state;
    nh_http_conn_t c;
    struct fake_reply reply;
    const struct fake_request post = {.method = "POST", .path = "/admin", .body = "hello world"};
    send_as(&c, &post, ADMIN);
    assert_false(c.started);
    answer_checks();
    assert_true(c.started);
    fake_finish(&c, &reply);
    assert_string_equal(reply.body, "hello world");
    send_as(&c, &post, WRONG);
    assert_null(f.body = NULL);
    answer_checks();
    fake_finish(&c, &reply);
    assert_int_equal(reply.status, 401);
    assert_null(f.body); // its handler was not asked
    // Too long a body ends it before anybody is asked, and nobody is told then.
    char long_body[102];
    memset(long_body, 'y', 101);
    long_body[101] = '\0';
    fake_now_ms += 1000000;
    send_as(&c, &(struct fake_request){.method = "POST", .path = "/admin", .body = long_body}, NEW);
    assert_int_equal(c.status, 413);
    fake_finish(&c, &reply);
    answer_checks();
}

// What goes to its handler in pieces cannot be kept; the next one is known.
static void test_stream_is_sent_again(void **state)
{
    (void)state;
    nh_http_conn_t c;
    struct fake_reply reply;
    const struct fake_request put = {.method = "PUT", .path = "/stream", .body = "abc"};
    send_as(&c, &put, ADMIN);
    assert_int_equal(c.status, 503);
    fake_finish(&c, &reply);
    assert_non_null(strstr(reply.headers, "Retry-After: 1\n"));
    answer_checks();
    send_as(&c, &put, ADMIN);
    fake_finish(&c, &reply);
    assert_int_equal(reply.status, 200);
}

static void test_client_leaves_while_it_waits(void **state)
{
    (void)state;
    nh_http_conn_t c;
    send_as(&c, &(struct fake_request){.path = "/admin"}, ADMIN);
    fake_server.handler.closed(fake_server.handler.ctx, &c);
    answer_checks();
    assert_int_equal(f.hello_count, 0);
    assert_int_equal(get_as("/admin", ADMIN)->status, 200);
}

// What needs nobody to hear of it is done all the same, by who may.
static void test_client_leaves_what_goes_on(void **state)
{
    (void)state;
    nh_http_conn_t c;
    const struct fake_request post = {.method = "POST", .path = "/unheard"};
    send_as(&c, &post, ADMIN);
    fake_server.handler.closed(fake_server.handler.ctx, &c);
    assert_int_equal(f.hello_count, 0);
    answer_checks();
    assert_int_equal(f.hello_count, 1);
    send_as(&c, &post, WRONG);
    fake_server.handler.closed(fake_server.handler.ctx, &c);
    answer_checks();
    assert_int_equal(f.hello_count, 1);
    // One that is never answered ends with the portal; teardown sees to it that nothing is left.
    fake_now_ms += 1000000;
    send_as(&c, &post, NEW);
    fake_server.handler.closed(fake_server.handler.ctx, &c);
    struct nh_portal_info info;
    nh_portal_info(f.portal, &info);
    assert_int_equal(info.active_count, 1);
}

// ---- replies that come later -------------------------------------------------------------------

static void test_later(void **state)
{
    (void)state;
    nh_http_conn_t c;
    struct fake_reply reply;
    f.is_open = true;
    fake_send(&c, &(struct fake_request){.method = "POST", .path = "/later"});
    assert_false(c.started);
    assert_int_equal(nh_reply_empty(f.later, 204), 0);
    assert_false(c.started); // not before it is done
    nh_request_done(f.later, 0);
    assert_true(c.started);
    fake_finish(&c, &reply);
    assert_int_equal(reply.status, 204);
    assert_null(f.later);
    fake_send(&c, &(struct fake_request){.method = "POST", .path = "/later"});
    nh_request_done(f.later, NH_ERR_NOSPC);
    fake_finish(&c, &reply);
    assert_int_equal(reply.status, 507);
    fake_send(&c, &(struct fake_request){.method = "POST", .path = "/later"});
    fake_server.handler.closed(fake_server.handler.ctx, &c);
    assert_null(f.later);
    // A handler that fails after all does so at once.
    fake_send(&c, &(struct fake_request){.method = "POST", .path = "/later", .query = "fail"});
    assert_true(c.started);
    fake_finish(&c, &reply);
    assert_int_equal(reply.status, 409);
}

// Whether a text stands anywhere in the memory, in what is free too.
__attribute__((no_sanitize("address"))) static bool memory_has(const char *text)
{
    size_t len = strlen(text);
    for (size_t at = 0; at + len <= sizeof psram; at++) {
        size_t n = 0;
        while (n < len && psram[at + n] == (uint8_t)text[n])
            n++;
        if (n == len)
            return true;
    }
    return false;
}

// The memory of a request with a password keeps nothing of it.
static void test_secrets_are_overwritten(void **state)
{
    (void)state;
    nh_http_conn_t c;
    struct fake_reply reply;
    fake_send(&c, &(struct fake_request){
                      .method = "POST",
                      .path = "/api/auth/login",
                      .body = "{\"username\":\"op\",\"password\":\"correct horse staple\"}"});
    assert_true(memory_has("correct horse staple"));
    answer_checks();
    fake_finish(&c, &reply);
    assert_false(memory_has("correct horse staple"));
    fake_now_ms += 1000000;
    const char *token = cookie_of(login("new", "pw")) + strlen("nh_session=");
    assert_false(memory_has(token)); // only a keyed hash is kept
    char cookie[64];
    snprintf(cookie, sizeof cookie, "nh_session=%s", token);
    assert_int_equal(status_of("/first", cookie), 200);
    assert_false(memory_has(token)); // nor does a request leave it behind
}

// ---- the feed ----------------------------------------------------------------------------------

static int open_ws(nh_http_conn_t *c, const char *name, const char *value)
{
    const struct nh_http_header headers[] = {{"host", "hub"}, {name, value}, {NULL, NULL}};
    return fake_ws_open(c, headers);
}

static void test_feed_by_role(void **state)
{
    (void)state;
    nh_http_conn_t c;
    assert_int_equal(open_ws(&c, "x", "y"), 401);
    assert_int_equal(open_ws(&c, "cookie", cookie_of(login("new", "pw"))), 403);
    assert_int_equal(open_ws(&c, "cookie", cookie_of(login("op", "pw"))), 0);
    fake_ws_say(&c, "{\"subscribe\":[\"mine\"]}");
    assert_string_equal(fake_ws_hear(&c), "{\"error\":{\"code\":\"forbidden\",\"message\":\"This "
                                          "part of the feed is for admins.\",\"details\":[]}}");
    assert_string_equal(fake_ws_hear(&c), "");
    fake_ws_say(&c, "{\"subscribe\":[\"none\"]}");
    assert_non_null(strstr(fake_ws_hear(&c), "\"bad_request\""));
    assert_string_equal(fake_ws_hear(&c), "");
    fake_ws_say(&c, "{\"subscribe\":[\"ours\"]}");
    assert_string_equal(fake_ws_hear(&c), "{\"part\":\"ours\",\"data\":0,\"version\":1}");
    fake_ws_say(&c, "{\"unsubscribe\":[\"mine\"]}"); // has it not, and is told nothing
    assert_string_equal(fake_ws_hear(&c), "");
    fake_ws_close(&c);
}

// Basic credentials that no request has shown before: checked, and good for the next try.
static void test_feed_with_basic(void **state)
{
    (void)state;
    nh_http_conn_t c;
    assert_int_equal(open_ws(&c, "authorization", ADMIN), 503);
    answer_checks();
    assert_int_equal(open_ws(&c, "authorization", ADMIN), 0);
    fake_ws_close(&c);
    assert_int_equal(open_ws(&c, "authorization", WRONG), 503);
    answer_checks();
    assert_int_equal(open_ws(&c, "authorization", WRONG), 429);
}

// Sockets end with what let them in: the session, the account, the role.
static void test_feed_ends(void **state)
{
    (void)state;
    enum { SIGNED_OUT, OTHER_PASSWORD, OTHER_ROLE, TIME_IS_UP, KINDS };
    for (int kind = 0; kind < KINDS; kind++) {
        nh_http_conn_t c, other;
        char cookie[64];
        snprintf(cookie, sizeof cookie, "%s", cookie_of(login("op", "pw")));
        assert_int_equal(open_ws(&c, "cookie", cookie), 0);
        assert_int_equal(open_ws(&other, "cookie", cookie_of(login("admin", "pw"))), 0);
        fake_ws_say(&c, "{\"subscribe\":[\"ours\"]}");
        fake_ws_say(&other, "{\"subscribe\":[\"mine\"]}");
        fake_ws_hear(&other);
        if (kind == SIGNED_OUT) {
            assert_int_equal(ask_with("POST", "/api/auth/logout", NULL, "cookie", cookie)->status,
                             200);
        } else if (kind == TIME_IS_UP) {
            fake_wait(12 * 3600 * 1000 + 1);
        } else {
            f.stamp += kind == OTHER_PASSWORD;
            f.op_role = kind == OTHER_ROLE ? NH_ROLE_ADMIN : NH_ROLE_OPERATOR;
            nh_portal_access_changed(f.portal);
        }
        assert_true(c.closed);
        assert_string_equal(fake_ws_hear(&c), ""); // not even what was on its way
        fake_ws_say(&c, "{\"subscribe\":[\"ours\"]}");
        assert_string_equal(fake_ws_hear(&c), "");
        assert_int_equal(other.closed, kind == OTHER_PASSWORD || kind == TIME_IS_UP);
        fake_ws_close(&c);
        fake_ws_close(&other);
        f.op_role = NH_ROLE_OPERATOR;
    }
}

// A password is set while pages are open: they have to ask who it is.
static void test_open_sockets_end_with_a_password(void **state)
{
    (void)state;
    nh_http_conn_t c;
    f.is_open = true;
    assert_int_equal(open_ws(&c, "x", "y"), 0);
    f.is_open = false;
    nh_portal_access_changed(f.portal);
    assert_true(c.closed);
    fake_ws_close(&c);
}

// ---- without memory ----------------------------------------------------------------------------

static void test_each_allocation_fails(void **state)
{
    (void)state;
    for (uint64_t n = 1, good = 0; !good; n++) {
        nh_mem_fault_set(f.sys, &(struct nh_mem_fault){.fail_nth = n});
        struct fake_reply *r = login("op", "pw");
        good = r->status == 200;
        if (!good && (r->status != 503 || !strstr(r->body, "{\"error\":{\"code\":\"busy\"")))
            fail_msg("allocation %u: %d %s", (unsigned)n, r->status, r->body);
        nh_mem_fault_set(f.sys, NULL);
        fake_now_ms += 1000000;
        assert_int_equal(login("op", "pw")->status, 200);
        assert_true(good || n < 100);
    }
    for (uint64_t n = 1, good = 0; !good; n++) { // a request that waits
        f.stamp++;                               // nothing is remembered
        nh_mem_fault_set(f.sys, &(struct nh_mem_fault){.fail_nth = n});
        struct fake_reply *r = ask_with("POST", "/admin", "hello world", "authorization", ADMIN);
        good = r->status == 200;
        assert_true(good || r->status == 503);
        nh_mem_fault_set(f.sys, NULL);
    }
}

// ---- a guest -----------------------------------------------------------------------------------

static const struct nh_http_header of_nobody[] = {{"host", "hub"}, {NULL, NULL}};
static const struct nh_http_header of_op[] = {{"host", "hub"}, {"authorization", OP}, {NULL, NULL}};
static const struct nh_http_header of_stranger[] = {{"host", "evil.example"}, {NULL, NULL}};
static const struct nh_http_header of_page[] = {
    {"host", "hub"}, {"origin", "http://hub"}, {"authorization", OP}, {NULL, NULL}};

// A password is not checked for a WebSocket that waits: the account is known from a request.
static void sign_in(void)
{
    get_as("/op", OP);
}

static void test_guest(void **state)
{
    nh_http_conn_t c, page;
    (void)state;
    sign_in();
    assert_int_equal(fake_ws_open(&c, of_nobody), 401);
    assert_int_equal(fake_ws_open(&page, of_page), 0);
    assert_null(f.guest.socket); // a page is the feed's
    assert_int_equal(fake_ws_open(&c, of_op), 0);
    assert_non_null(f.guest.socket);
    fake_ws_say(&c, "{\"on\":true}");
    assert_string_equal(f.guest.heard, "{\"on\":true}");
    fake_ws_say(&c, "ping");
    assert_string_equal(f.guest.heard, "ping");
    f.guest.says = "hello";
    f.guest.wake(f.guest.socket);
    assert_string_equal(fake_ws_hear(&c), "hello");
    assert_string_equal(fake_ws_hear(&c), "");
    // The feed's from its first word on, and for good.
    fake_ws_say(&c, "{\"subscribe\":[\"ours\"]}");
    assert_int_equal(f.guest.closed_count, 1);
    assert_non_null(strstr(fake_ws_hear(&c), "\"part\":\"ours\""));
    fake_ws_say(&c, "{\"on\":true}");
    assert_non_null(strstr(fake_ws_hear(&c), "Not understood"));
    fake_ws_close(&c);
    assert_int_equal(f.guest.closed_count, 1);
    fake_ws_close(&page);
    f.guest.is_full = true;
    assert_int_equal(fake_ws_open(&c, of_op), 503);
    f.guest.is_full = false;
    assert_int_equal(fake_ws_open(&c, of_op), 0);
    f.stamp++; // another password: nobody's any more
    nh_portal_access_changed(f.portal);
    assert_int_equal(f.guest.closed_count, 2);
    assert_true(c.closed);
    fake_ws_close(&c);
    assert_int_equal(f.guest.closed_count, 2);
}

static void test_guest_of_anybody(void **state)
{
    nh_http_conn_t c;
    (void)state;
    assert_int_equal(fake_ws_open(&c, of_stranger), 403); // a page's name for the hub
    assert_int_equal(fake_ws_open(&c, of_page), 503);     // its password waits to be checked
    assert_int_equal(fake_ws_open(&c, of_nobody), 0);
    assert_non_null(f.guest.socket);
    fake_ws_say(&c, "{\"subscribe\":[\"ours\"]}"); // what nobody may hear
    assert_string_equal(f.guest.heard, "{\"subscribe\":[\"ours\"]}");
    assert_int_equal(f.guest.closed_count, 0);
    nh_portal_access_changed(f.portal);
    assert_false(c.closed);
    fake_ws_close(&c);
    assert_int_equal(f.guest.closed_count, 1);
}

// At a path of its own a guest has pages too, those of the hub, and keeps its clients whatever they
// say.
static void test_place(void **state)
{
    static const struct nh_http_header cross[] = {
        {"host", "hub"}, {"origin", "http://evil.example"}, {"authorization", OP}, {NULL, NULL}};
    nh_http_conn_t c, feed;
    (void)state;
    sign_in();
    assert_int_equal(fake_ws_open_at(&c, "/ws/telemetry", of_nobody), 401);
    assert_int_equal(fake_ws_open_at(&c, "/ws/telemetry", cross), 403);
    assert_int_equal(fake_ws_open_at(&c, "/ws/telemetry", of_page), 0);
    assert_non_null(f.guest.socket);
    assert_int_equal(fake_ws_open(&feed, of_op), 0); // the feed's: it has no guest
    fake_ws_say(&c, "{\"subscribe\":[\"ours\"]}");
    assert_string_equal(f.guest.heard, "{\"subscribe\":[\"ours\"]}");
    assert_int_equal(f.guest.closed_count, 0);
    f.guest.says = "hello";
    f.guest.wake(f.guest.socket);
    assert_string_equal(fake_ws_hear(&c), "hello");
    assert_string_equal(fake_ws_hear(&feed), "");
    fake_ws_close(&feed);
    f.stamp++;
    nh_portal_access_changed(f.portal);
    assert_int_equal(f.guest.closed_count, 1);
    fake_ws_close(&c);
    assert_int_equal(f.guest.closed_count, 1);
    assert_int_equal(fake_ws_open_at(&c, "/ws/telemetry", of_nobody), 401);
}

// A route without a sign-in is not for pages of other sites, nor by other names.
static void test_open_routes(void **state)
{
    static const struct nh_http_header cross[] = {
        {"host", "hub"}, {"origin", "http://evil.example"}, {NULL, NULL}};
    static const char *const methods[] = {"POST", "GET"};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(methods); i++) {
        struct fake_request q = {.method = methods[i], .path = "/open", .headers = of_nobody};
        assert_int_equal(ask(&q)->status, 200);
        q.headers = cross;
        assert_int_equal(ask(&q)->status, 403);
        q.headers = of_stranger;
        assert_int_equal(ask(&q)->status, 403);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_other_sites),
        T(test_other_sites_with_a_password),
        T(test_roles),
        T(test_open_hub),
        T(test_sign_in_and_out),
        T(test_sign_in_that_fails),
        T(test_sign_ins_wait),
        T(test_body_is_kept_meanwhile),
        T(test_stream_is_sent_again),
        T(test_client_leaves_while_it_waits),
        T(test_client_leaves_what_goes_on),
        T(test_later),
        T(test_secrets_are_overwritten),
        T(test_feed_by_role),
        T(test_feed_with_basic),
        T(test_feed_ends),
        T(test_open_sockets_end_with_a_password),
        T(test_each_allocation_fails),
        cmocka_unit_test_setup_teardown(test_guest, setup_guest, teardown),
        cmocka_unit_test_setup_teardown(test_guest_of_anybody, setup_open_guest, teardown),
        T(test_place),
        T(test_open_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
