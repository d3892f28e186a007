// The broker's routes behind the portal: pages of clients, who is sent away, what is published.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "portal/mqtt_api.h"
#include "portal/portal.h"
#include "support/fake_http.h"

static struct {
    nh_mem_system_t *sys;
    nh_mem_t *mem;
    nh_sched_t *sched;
    nh_mqtt_broker_t *broker;
    nh_mqtt_api_t *api;
    nh_portal_t *portal;
    nh_mqtt_conn_t *conn[8];
    bool has_password;
} t;

static int64_t clock_unix_ms(void)
{
    return 1700000000000 + (int64_t)fake_now_ms;
}

static void way(void *ctx, const void *user, struct nh_mqtt_api_way *out)
{
    (void)ctx;
    (void)user;
    *out = (struct nh_mqtt_api_way){.listener = 1, .protocol = "websocket", .has_tls = true};
}

static void store(void *ctx, struct nh_records_info *out)
{
    (void)ctx;
    *out = (struct nh_records_info){.used_bytes = 1, .file_bytes = 2, .max_bytes = 3};
}

static bool is_required(void *ctx)
{
    (void)ctx;
    return true;
}

static bool find_operator(void *ctx, const char *user, struct nh_auth_account *out)
{
    (void)ctx;
    out->role = NH_ROLE_OPERATOR;
    return strcmp(user, "op") == 0;
}

static int check_later(void *ctx, uint32_t ticket, const char *user, const char *password)
{
    (void)ctx;
    (void)ticket; // there is one at a time
    (void)user;
    (void)password;
    return 0;
}

static void make_portal(void)
{
    const struct nh_route_table tables[] = {nh_mqtt_api_routes(t.api)};
    struct nh_portal_config cfg = {
        .mem = t.mem, .tables = tables, .table_count = 1, .request_max_count = 2};
    if (t.has_password)
        cfg.auth = (struct nh_auth_config){
            .is_required = is_required, .find = find_operator, .check = check_later};
    assert_int_equal(nh_portal_create(&cfg, &t.portal), 0);
    assert_int_equal(nh_portal_start(t.portal), 0);
}

static int setup(void **state)
{
    static _Alignas(16) uint8_t internal[64 * 1024], psram[512 * 1024];
    const struct nh_mem_system_config mem = {
        .region = {{internal, sizeof internal}, {psram, sizeof psram}}};
    (void)state;
    assert_int_equal(nh_mem_system_create(&mem, &t.sys), 0);
    assert_int_equal(nh_mem_owner_add(t.sys, "test", NULL, &t.mem), 0);
    const struct nh_sched_config sched = {.mem = t.mem};
    const struct nh_mqtt_broker_config broker = {.mem = t.mem};
    assert_int_equal(nh_sched_create(&sched, &t.sched), 0);
    assert_int_equal(nh_mqtt_broker_create(&broker, &t.broker), 0);
    const struct nh_mqtt_api_config cfg = {
        .mem = t.mem,
        .broker = t.broker,
        .sched = t.sched,
        .limits = {.topic_max_bytes = 512, .retained_max_count = 9, .retained_max_bytes = 999},
        .clock_ms = nh_clock_ms,
        .clock_unix_ms = clock_unix_ms,
        .way = way,
        .store = store};
    assert_int_equal(nh_mqtt_api_create(&cfg, &t.api), 0);
    make_portal();
    return 0;
}

static int setup_with_password(void **state)
{
    t.has_password = true;
    return setup(state);
}

static void leave(size_t i)
{
    if (t.conn[i])
        nh_mqtt_broker_close(t.broker, t.conn[i], fake_now_ms);
    t.conn[i] = NULL;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(t.conn); i++)
        leave(i);
    nh_portal_destroy(t.portal);
    nh_mqtt_api_destroy(t.api);
    nh_mqtt_broker_destroy(t.broker);
    nh_sched_destroy(t.sched);
    assert_int_equal(nh_mem_system_destroy(t.sys, NULL, NULL), 0);
    memset(&t, 0, sizeof t);
    return 0;
}

// A client of 3.1.1 with a kept session and no keep-alive.
static void come(size_t i, const char *id)
{
    static uint8_t packet[400];
    size_t len = strlen(id), body = 12 + len, at = 0;
    packet[at++] = 0x10;
    packet[at++] = (uint8_t)((body & 127) | (body > 127 ? 128 : 0));
    if (body > 127)
        packet[at++] = (uint8_t)(body >> 7);
    memcpy(packet + at, "\0\4MQTT\4\0\0\0", 10);
    at += 10;
    packet[at++] = (uint8_t)(len >> 8);
    packet[at++] = (uint8_t)len;
    memcpy(packet + at, id, len);
    assert_int_equal(nh_mqtt_broker_open(t.broker, &t, fake_now_ms, &t.conn[i]), 0);
    assert_int_equal(nh_mqtt_broker_input(t.broker, t.conn[i], packet, at + len, fake_now_ms), 0);
    nh_mqtt_broker_turn_end(t.broker);
}

static struct fake_reply *ask(const char *method, const char *path, const char *query,
                              const char *body)
{
    static struct fake_reply reply;
    fake_ask(&(struct fake_request){.method = method, .path = path, .query = query, .body = body},
             &reply);
    return &reply;
}

static struct fake_reply *clients(const char *query)
{
    return ask("GET", "/api/mqtt/clients", query, NULL);
}

static struct fake_reply *post(const char *path, const char *body)
{
    return ask("POST", path, NULL, body);
}

static bool has(const struct fake_reply *r, const char *text)
{
    return strstr(r->body, text) != NULL;
}

static unsigned count_of(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
        n++;
    return n;
}

// ---- clients ------------------------------------------------------------------------------------

static void test_queries(void **state)
{
    static const struct {
        const char *query;
        int status;
        const char *total, *first; // first: of the ids
    } rows[] = {
        {"", 200, "\"total\":3,", "[{\"id\":\"a\""},
        {"order=down", 200, "\"total\":3,", "[{\"id\":\"c\""},
        {"sort=since", 200, "\"total\":3,", "[{\"id\":\"b\""},
        {"sort=since&order=down&count=1", 200, "\"total\":3,", "[{\"id\":\"c\""},
        {"state=away", 200, "\"total\":1,", "[{\"id\":\"c\""},
        {"state=connected&first=1", 200, "\"total\":2,\"first\":1,", "[{\"id\":\"b\""},
        {"find=B", 200, "\"total\":1,", "[{\"id\":\"b\""},
        {"find=x", 200, "\"total\":0,", "[]}"},
        {"client=c", 200, "\"total\":1,", "[{\"id\":\"c\""},
        {"count=0", 200, "\"total\":3,", "[]}"},
        {"sort=size", 400, "bad_value", "sort is"},
        {"order=", 400, "bad_value", "order is"},
        {"state=gone", 400, "bad_value", "state is"},
        {"first=x", 400, "bad_value", "first is"},
        {"count=201", 400, "bad_value", "count is"},
    };
    (void)state;
    come(0, "b");
    fake_now_ms += 1000;
    come(1, "a");
    come(2, "c");
    fake_now_ms += 1000;
    leave(2);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct fake_reply *r = clients(rows[i].query);
        if (r->status != rows[i].status || !has(r, rows[i].total) || !has(r, rows[i].first))
            fail_msg("%s: %d %s", rows[i].query, r->status, r->body);
    }
    char query[300];
    memset(query, 'x', sizeof query);
    memcpy(query, "find=", 5);
    query[5 + 256] = 0;
    assert_int_equal(clients(query)->status, 200);
    query[5 + 256] = 'x';
    query[5 + 257] = 0;
    assert_int_equal(clients(query)->status, 400);
}

static void test_what_a_row_says(void **state)
{
    (void)state;
    come(0, "here");
    come(1, "gone");
    leave(1);
    fake_now_ms += 7000;
    nh_mqtt_broker_tick(t.broker, fake_now_ms);
    struct fake_reply *r = clients("client=here");
    assert_true(has(r, "\"protocol\":\"websocket\",\"tls\":true,\"listener\":1,"));
    assert_true(has(r, "\"bytes_in\":18,\"bytes_out\":0,"));
    assert_false(has(r, "away_s"));
    r = clients("client=gone");
    assert_true(has(r, "\"protocol\":null,\"tls\":false,\"listener\":null,"));
    assert_true(has(r, "\"away_s\":7,"));
    r = ask("GET", "/api/mqtt", NULL, NULL);
    assert_true(has(r, "\"durability\":{\"mode\":\"memory\"}"));
    assert_true(has(r, "\"store_error\":null,\"store_full\":false,"));
}

// The longest rows that there are: none is lost where a part ends.
static void test_the_longest_rows(void **state)
{
    char id[257];
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        memset(id, 1, sizeof id - 1); // 6 bytes each as JSON
        id[0] = (char)('a' + i);
        id[sizeof id - 1] = 0;
        come(i, id);
    }
    struct fake_reply *r = clients("");
    assert_int_equal(r->status, 200);
    assert_int_equal(count_of(r->body, "\"dropped\":"), 6);
    assert_int_equal(count_of(r->body, "\"is_cut\":true"), 6);
    assert_int_equal(count_of(r->body, "},{"), 5);
    assert_string_equal(r->body + r->len - 3, "}]}");
}

// ---- sent away ----------------------------------------------------------------------------------

static void test_sent_away(void **state)
{
    static const struct {
        const char *path, *body;
        int status;
        const char *has;
    } rows[] = {
        {"disconnect", "{\"client\":\"x\"}", 404, "Nothing was changed"},
        {"disconnect", "{\"client\":\"away\"}", 404, "not_found"},
        {"disconnect", "{\"client\":\"here\"}", 200, "{\"ok\":true}"},
        {"disconnect", "{\"client\":\"here\"}", 404, "not_found"},
        {"forget", "{\"client\":\"here\"}", 200, "{\"ok\":true}"},
        {"forget", "{\"client\":\"away\"}", 200, "{\"ok\":true}"},
        {"forget", "{\"client\":\"away\"}", 404, "not_found"},
        {"forget", "{\"client\":\"live\"}", 200, "{\"ok\":true}"},
        {"forget", "{}", 400, "Nothing was changed"},
        {"forget", "{\"client\":1}", 400, "Nothing was changed"},
        {"forget", "{\"client\":\"a\",\"b\":1}", 400, "Nothing was changed"},
    };
    char path[40];
    (void)state;
    come(0, "here");
    come(1, "live");
    come(2, "away");
    leave(2);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        snprintf(path, sizeof path, "/api/mqtt/%s", rows[i].path);
        struct fake_reply *r = post(path, rows[i].body);
        if (r->status != rows[i].status || !has(r, rows[i].has))
            fail_msg("%s %s: %d %s", rows[i].path, rows[i].body, r->status, r->body);
    }
    assert_true(nh_mqtt_conn_wants_close(t.conn[0]));
    assert_true(nh_mqtt_conn_wants_close(t.conn[1]));
    assert_true(has(clients(""), "\"total\":0,"));
    assert_int_equal(ask("GET", "/api/mqtt/forget", NULL, NULL)->status, 405);
}

static void test_only_who_may(void **state)
{
    static const struct nh_http_header theirs[] = {{"host", "127.0.0.1"},
                                                   {"origin", "http://elsewhere.example"},
                                                   {"authorization", "Basic b3A6cHc="}, // op:pw
                                                   {NULL, NULL}};
    static const struct nh_http_header own[] = {
        {"host", "127.0.0.1"}, {"authorization", "Basic b3A6cHc="}, {NULL, NULL}};
    static struct fake_reply reply;
    struct fake_request q = {.method = "POST", .body = "{\"client\":\"here\"}"};
    (void)state;
    come(0, "here");
    for (int i = 0; i < 2; i++) {
        q.path = i ? "/api/mqtt/forget" : "/api/mqtt/disconnect";
        q.headers = NULL;
        fake_ask(&q, &reply);
        assert_int_equal(reply.status, 401);
        q.headers = theirs;
        fake_ask(&q, &reply);
        assert_int_equal(reply.status, 403);
        q.headers = own;
        nh_http_conn_t c;
        fake_send(&c, &q);
        if (i == 0)
            nh_portal_checked(t.portal, 0, 0); // the password is right, and remembered then
        fake_finish(&c, &reply);
        assert_int_equal(reply.status, 403);
        assert_non_null(strstr(reply.body, "\"forbidden\""));
    }
    assert_false(nh_mqtt_conn_wants_close(t.conn[0]));
}

// ---- publish ------------------------------------------------------------------------------------

static void test_publish(void **state)
{
    static const struct {
        const char *name, *body;
        int status;
        const char *has;
    } rows[] = {
        {"plain", "{\"topic\":\"a\",\"retain\":true,\"payload\":\"x\"}", 200, "true"},
        {"all",
         "{\"topic\":\"b\",\"retain\":true,\"payload\":\"x\",\"content_type\":\"text/plain\","
         "\"response_topic\":\"r/s\",\"expiry_s\":60,\"user_properties\":[{\"name\":\"n\","
         "\"value\":\"v\"},{\"name\":\"n\"}]}",
         200, "true"},
        {"a wildcard", "{\"topic\":\"c\",\"response_topic\":\"r/#\"}", 400,
         "Nothing was published"},
        {"a control character", "{\"topic\":\"c\",\"content_type\":\"\\u0000\"}", 400,
         "Nothing was published"},
        {"no name", "{\"topic\":\"c\",\"user_properties\":[{\"value\":\"v\"}]}", 400,
         "/user_properties/0"},
        {"too long", "{\"topic\":\"c\",\"expiry_s\":4294967296}", 400, "/expiry_s"},
        {"no topic", "{\"payload\":\"x\"}", 400, "/topic"},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct fake_reply *r = post("/api/mqtt/publish", rows[i].body);
        if (r->status != rows[i].status || !has(r, rows[i].has))
            fail_msg("%s: %d %s", rows[i].name, r->status, r->body);
    }
    struct fake_reply *r = ask("GET", "/api/mqtt/retained", NULL, NULL);
    assert_true(has(r, "\"topic\":\"a\",\"qos\":0,\"bytes\":1,\"payload\":\"x\"}"));
    assert_true(has(r, "\"payload\":\"x\",\"has_properties\":true}"));
    fake_now_ms += 61000;
    nh_mqtt_broker_tick(t.broker, fake_now_ms);
    assert_true(has(ask("GET", "/api/mqtt/retained", NULL, NULL), "\"total\":1,"));
}

// Most that the form may hold: nothing runs over.
static void test_publish_the_most(void **state)
{
    static char body[8000];
    char text[130];
    (void)state;
    memset(text, 'v', sizeof text);
    size_t at = (size_t)snprintf(body, sizeof body,
                                 "{\"topic\":\"t\",\"content_type\":\"%.128s\",\"response_topic\":"
                                 "\"%.128s%.128s\",\"user_properties\":[",
                                 text, text, text);
    for (int i = 0; i < 8; i++)
        at += (size_t)snprintf(body + at, sizeof body - at,
                               "%s{\"name\":\"%.64s\",\"value\":\"%.128s\"}", i ? "," : "", text,
                               text);
    snprintf(body + at, sizeof body - at, "]}");
    assert_int_equal(post("/api/mqtt/publish", body)->status, 200);
    snprintf(body + at, sizeof body - at, ",{\"name\":\"a\"}]}");
    assert_int_equal(post("/api/mqtt/publish", body)->status, 400);
}

// ---- without memory -----------------------------------------------------------------------------

static void test_without_memory(void **state)
{
    static const struct {
        const char *method, *path, *body;
    } rows[] = {
        {"GET", "/api/mqtt/clients", NULL},
        {"POST", "/api/mqtt/publish", "{\"topic\":\"a\",\"retain\":true,\"content_type\":\"x\"}"},
        {"POST", "/api/mqtt/disconnect", "{\"client\":\"here\"}"},
        {"POST", "/api/mqtt/forget", "{\"client\":\"here\"}"},
    };
    (void)state;
    come(0, "here");
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        int status = 0;
        for (uint64_t n = 1; status != 200; n++) {
            assert_true(n < 50);
            nh_mem_fault_set(t.sys, &(struct nh_mem_fault){.fail_nth = n});
            status = ask(rows[i].method, rows[i].path, NULL, rows[i].body)->status;
            nh_mem_fault_set(t.sys, NULL);
            assert_true(status == 200 || status == 503 || status == 507);
            assert_int_equal(nh_mqtt_broker_check(t.broker), NH_OK);
        }
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_queries),
        T(test_what_a_row_says),
        T(test_the_longest_rows),
        T(test_sent_away),
        cmocka_unit_test_setup_teardown(test_only_who_may, setup_with_password, teardown),
        T(test_publish),
        T(test_publish_the_most),
        T(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
