// The HTTP client against a server that plays a script, on one loop.

#include "linux_fixture.h"
#include "tls_fixture.h"

#include "platform/http_client.h"
#include "platform/tls.h"

struct script {
    const char *reply; // sent once a request and its body are there; NULL: nothing is
    size_t reply_len;  // 0: strlen
    size_t step;       // bytes of the reply in a turn; 0: all
    bool keep_open;    // after the reply
    bool hang_up;      // at once, without a reply
};

static struct linux_fixture fx;
static nh_loop_t *loop;
static nh_stream_set_t *server;
static nh_listener_t *listener;
static nh_http_client_t *client;
static struct script script;
static char request[8192]; // what the server got
static size_t request_len, sent;
static nh_stream_t *conn; // the server's, of the last client
static int served, gone;

// What the client's callbacks saw.
static struct seen {
    int heads, ends, status, err, head_rc, body_rc;
    int64_t length;
    char type[64], reason[128], body[8192];
    size_t body_len, pieces, header_count;
    nh_http_request_t *cancel_in_body;
} seen;

// ---- the server

static int server_open(void *ctx, nh_stream_t *s)
{
    (void)ctx;
    conn = s;
    served++;
    if (script.hang_up)
        nh_stream_close(s, false);
    return 0;
}

static bool request_is_whole(void)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strstr(request, "Content-Length: ");
    return end && strlen(end + 4) >= (length ? strtoul(length + 16, NULL, 10) : 0);
}

static int server_input(void *ctx, nh_stream_t *s, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    for (size_t i = 0; i < len && request_len + 1 < sizeof request; i++)
        request[request_len++] = (char)bytes[i];
    request[request_len] = 0;
    if (request_is_whole() && script.reply)
        nh_stream_dirty(s);
    return 0;
}

static size_t server_output(void *ctx, nh_stream_t *s, struct nh_iov *iov, size_t max)
{
    (void)ctx;
    (void)max;
    if (s != conn || !script.reply || !request_is_whole() || sent == script.reply_len)
        return 0;
    size_t left = script.reply_len - sent;
    iov[0] = (struct nh_iov){script.reply + sent,
                             script.step && left > script.step ? script.step : left};
    return 1;
}

static void server_sent(void *ctx, nh_stream_t *s, size_t bytes)
{
    (void)ctx;
    sent += bytes;
    if (sent == script.reply_len && !script.keep_open)
        nh_stream_close(s, true);
}

static void server_turn_end(void *ctx)
{
    (void)ctx;
}

static void server_closed(void *ctx, nh_stream_t *s, int err)
{
    (void)ctx;
    (void)err;
    conn = s == conn ? NULL : conn;
    gone++;
}

static void serve(const struct script *s)
{
    script = *s;
    if (script.reply && !script.reply_len)
        script.reply_len = strlen(script.reply);
    request_len = sent = 0;
    request[0] = 0;
    seen = (struct seen){0};
}

// ---- the client

static int on_head(void *ctx, nh_http_request_t *r, const struct nh_http_reply_head *head)
{
    (void)ctx;
    const char *type = nh_http_reply_header(r, "content-type");
    seen.heads++;
    seen.status = head->status;
    seen.length = head->content_length;
    const struct nh_http_header *all = nh_http_reply_headers(r, &seen.header_count);
    assert_true(seen.header_count == 0 || strlen(all[0].name) > 0);
    snprintf(seen.type, sizeof seen.type, "%s", type ? type : "");
    return seen.head_rc;
}

static int on_body(void *ctx, nh_http_request_t *r, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    assert_null(nh_http_reply_header(r, "content-type"));
    assert_true(seen.body_len + len < sizeof seen.body);
    memcpy(seen.body + seen.body_len, bytes, len);
    seen.body_len += len;
    seen.pieces++;
    if (seen.cancel_in_body)
        nh_http_request_cancel(seen.cancel_in_body);
    return seen.body_rc;
}

static void on_end(void *ctx, nh_http_request_t *r, int err)
{
    (void)ctx;
    seen.ends++;
    seen.err = err;
    snprintf(seen.reason, sizeof seen.reason, "%s", nh_http_request_reason(r));
}

static const char *url_of(const char *target)
{
    static char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", (unsigned)nh_listener_port(listener),
             target);
    return url;
}

static int start(struct nh_http_request_config *cfg, nh_http_request_t **r)
{
    cfg->url = cfg->url ? cfg->url : url_of("/x?y");
    cfg->handler = (struct nh_http_request_handler){NULL, on_head, on_body, on_end};
    return nh_http_request_start(client, cfg, r);
}

static void run(struct nh_http_request_config cfg)
{
    nh_http_request_t *r;
    assert_int_equal(start(&cfg, &r), NH_OK);
    assert_int_equal(seen.ends, 0);
    PUMP_UNTIL(loop, seen.ends);
    assert_int_equal(seen.ends, 1);
}

static void client_make(struct nh_tls *tls)
{
    const struct nh_http_client_config cfg = {.loop = loop, .mem = fx.mem, .tls = tls};
    assert_int_equal(nh_http_client_create(&cfg, &client), NH_OK);
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    assert_int_equal(nh_loop_create(fx.mem, &loop), NH_OK);
    const struct nh_stream_set_config cfg = {.loop = loop,
                                             .mem = fx.mem,
                                             .handler = {NULL, server_open, server_input,
                                                         server_output, server_sent,
                                                         server_turn_end, server_closed}};
    assert_int_equal(nh_stream_set_create(&cfg, &server), NH_OK);
    const struct nh_listener_config listen = {.address = "127.0.0.1"};
    assert_int_equal(nh_stream_listen(server, &listen, &listener), NH_OK);
    serve(&(struct script){0});
    served = gone = 0;
    client_make(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_http_client_destroy(client);
    nh_stream_set_destroy(server);
    nh_loop_destroy(loop);
    fixture_stop(&fx);
    return 0;
}

// ---- tests

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

static void test_replies(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        int err, status;
        const char *body;
    } rows[] = {
        {OK_HEAD "Content-Length: 5\r\n\r\nhello", 0, 200, "hello"},
        {OK_HEAD "Content-Length: 0\r\n\r\n", 0, 200, ""},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 0, 200,
         "hello world"},
        {OK_HEAD "\r\nuntil the end", 0, 200, "until the end"},
        {"HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD "Content-Length: 1\r\n\r\nx", 0, 200, "x"},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", 0, 404, "no"},
        {"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", 0, 302, ""},
        {"HTTP/1.1 204 No Content\r\n\r\n", 0, 204, ""},
        {OK_HEAD "Content-Length: 9\r\n\r\nhello", NH_ERR_CLOSED, 200, "hello"},
        {OK_HEAD, NH_ERR_CLOSED, 0, ""},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX", NH_ERR_PROTO, 200, "hello"},
        {"HTTP/1.1 101 Switching\r\n\r\n", NH_ERR_PROTO, 0, ""},
        {"hello\r\n\r\n", NH_ERR_PROTO, 0, ""},
        {"HTTP/1.1 200 OK\n\n", NH_ERR_PROTO, 0, ""},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        for (size_t step = 0; step < 3; step++) {
            serve(&(struct script){.reply = rows[i].reply, .step = step});
            run((struct nh_http_request_config){0});
            seen.body[seen.body_len] = 0;
            if (seen.err != rows[i].err || seen.status != rows[i].status ||
                strcmp(seen.body, rows[i].body) != 0)
                fail_msg("row %zu by %zu: %d (%s), %d, \"%s\"", i, step, seen.err, seen.reason,
                         seen.status, seen.body);
        }
    }
}

static void test_what_is_sent(void **state)
{
    (void)state;
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    static const struct nh_http_header headers[] = {{"Authorization", "Basic eDp5"},
                                                    {"user-agent", "t/1"}};
    char want[512];
    serve(&(struct script){.reply = ok});
    run((struct nh_http_request_config){0});
    snprintf(want, sizeof want,
             "GET /x?y HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n"
             "User-Agent: nuthatch/" NH_VERSION "\r\nAccept-Encoding: identity\r\n\r\n",
             (unsigned)nh_listener_port(listener));
    assert_string_equal(request, want);
    serve(&(struct script){.reply = ok});
    run((struct nh_http_request_config){.method = "PUT",
                                        .url = url_of("?a"),
                                        .headers = headers,
                                        .header_count = 2,
                                        .body = "{}z",
                                        .body_bytes = 2});
    snprintf(want, sizeof want,
             "PUT /?a HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n"
             "Accept-Encoding: identity\r\nAuthorization: Basic eDp5\r\nuser-agent: t/1\r\n"
             "Content-Length: 2\r\n\r\n{}",
             (unsigned)nh_listener_port(listener));
    assert_string_equal(request, want);
    serve(&(struct script){.reply = ok});
    run((struct nh_http_request_config){.method = "POST"});
    assert_non_null(strstr(request, "\r\nContent-Length: 0\r\n"));
}

static void test_a_large_body_goes_out_whole(void **state)
{
    (void)state;
    static char body[6000];
    memset(body, 'b', sizeof body);
    serve(&(struct script){.reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"});
    run((struct nh_http_request_config){.method = "POST", .body = body, .body_bytes = sizeof body});
    const char *end = strstr(request, "\r\n\r\n");
    assert_int_equal(strlen(end + 4), sizeof body);
    assert_int_equal(seen.err, NH_OK);
}

static void test_the_reply_to_head_has_no_body(void **state)
{
    (void)state;
    serve(&(struct script){.reply = OK_HEAD "Content-Length: 500\r\n\r\n", .keep_open = true});
    run((struct nh_http_request_config){.method = "HEAD"});
    assert_int_equal(seen.err, NH_OK);
    assert_int_equal(seen.length, 500);
    assert_string_equal(seen.type, "text/plain");
    assert_int_equal(seen.header_count, 2);
}

static void test_a_callback_has_enough(void **state)
{
    (void)state;
    static const struct {
        int head_rc, body_rc, err;
        size_t pieces;
    } rows[] = {{1, 0, NH_OK, 0},
                {NH_ERR_INVAL, 0, NH_ERR_INVAL, 0},
                {0, 1, NH_OK, 1},
                {0, NH_ERR_NOSPC, NH_ERR_NOSPC, 1}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        serve(&(struct script){.reply = OK_HEAD "Content-Length: 5\r\n\r\nhello", .step = 1});
        seen.head_rc = rows[i].head_rc;
        seen.body_rc = rows[i].body_rc;
        run((struct nh_http_request_config){0});
        assert_int_equal(seen.err, rows[i].err);
        assert_int_equal(seen.pieces, rows[i].pieces);
    }
}

static void test_no_reply_is_waited_for(void **state)
{
    (void)state;
    serve(&(struct script){.reply = NULL});
    run((struct nh_http_request_config){.method = "POST", .no_reply = true});
    assert_int_equal(seen.err, NH_OK);
    assert_int_equal(seen.heads, 0);
    PUMP_UNTIL(loop, gone == served && served == 1);
    assert_true(request_is_whole());
}

static void test_limits(void **state)
{
    (void)state;
    static char head[5000] = OK_HEAD "X: ";
    memset(head + strlen(OK_HEAD "X: "), 'x', sizeof head - 100);
    serve(&(struct script){.reply = head, .keep_open = true});
    run((struct nh_http_request_config){0});
    assert_int_equal(seen.err, NH_ERR_TOO_LONG);
    assert_string_equal(seen.reason, "the reply's head has more than 4096 bytes");

    serve(&(struct script){.reply = OK_HEAD "Content-Length: 6\r\n\r\nhello!"});
    run((struct nh_http_request_config){.body_max_bytes = 5});
    assert_int_equal(seen.err, NH_ERR_TOO_LONG);
    assert_int_equal(seen.heads, 0); // known before the head is shown
    assert_string_equal(seen.reason, "the reply has more than 5 bytes");

    serve(&(struct script){.reply = OK_HEAD "\r\nhello!", .step = 1});
    run((struct nh_http_request_config){.body_max_bytes = 5});
    assert_int_equal(seen.err, NH_ERR_TOO_LONG);
    assert_true(seen.body_len <= 5);

    serve(&(struct script){.reply = OK_HEAD "\r\nhello"});
    run((struct nh_http_request_config){.body_max_bytes = 5});
    assert_int_equal(seen.err, NH_OK);

    static char interim[1000];
    for (int i = 0; i < 9; i++)
        strcat(interim, "HTTP/1.1 103 Early\r\n\r\n");
    serve(&(struct script){.reply = interim, .keep_open = true});
    run((struct nh_http_request_config){0});
    assert_int_equal(seen.err, NH_ERR_PROTO);
}

static void test_time_is_up(void **state)
{
    (void)state;
    serve(&(struct script){.reply = OK_HEAD "Content-Length: 9\r\n\r\nhello", .keep_open = true});
    run((struct nh_http_request_config){.total_ms = 30});
    assert_int_equal(seen.err, NH_ERR_TIMEOUT);
    assert_string_equal(seen.reason, "no whole reply in 30 ms");
}

static void test_hung_up_without_a_reply(void **state)
{
    (void)state;
    serve(&(struct script){.hang_up = true});
    run((struct nh_http_request_config){0});
    assert_true(seen.err == NH_ERR_CLOSED || seen.err == NH_ERR_IO);
    assert_true(seen.reason[0] != 0);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    serve(&(struct script){0});
    run((struct nh_http_request_config){.url = "http://no-such-name.invalid./"});
    assert_int_equal(seen.err, NH_ERR_NOT_FOUND);
    assert_true(seen.reason[0] != 0);
}

static void test_cancelled(void **state)
{
    (void)state;
    nh_http_request_t *r;
    struct nh_http_request_config cfg = {0};
    serve(&(struct script){0});
    assert_int_equal(start(&cfg, &r), NH_OK); // at once
    nh_http_request_cancel(r);
    serve(&(struct script){.reply = OK_HEAD "\r\nhello", .step = 1});
    assert_int_equal(start(&cfg, &r), NH_OK); // while the body comes
    seen.cancel_in_body = r;
    PUMP_UNTIL(loop, seen.pieces);
    seen.cancel_in_body = NULL;
    PUMP_UNTIL(loop, gone == served);
    assert_int_equal(seen.pieces, 1);
    assert_int_equal(seen.ends, 0);
}

static void test_destroyed_under_way(void **state)
{
    (void)state;
    nh_http_request_t *r;
    struct nh_http_request_config cfg = {0};
    serve(&(struct script){0});
    assert_int_equal(start(&cfg, &r), NH_OK);
    PUMP_UNTIL(loop, request_is_whole());
    nh_http_client_destroy(client);
    assert_int_equal(seen.ends, 1);
    assert_int_equal(seen.err, NH_ERR_CANCELLED);
    client_make(NULL);
}

static void test_paused(void **state)
{
    (void)state;
    static char reply[6000];
    nh_http_request_t *r;
    struct nh_http_request_config cfg = {0};
    int len = snprintf(reply, sizeof reply, OK_HEAD "\r\n");
    memset(reply + len, 'x', sizeof reply - 1 - (size_t)len);
    serve(&(struct script){.reply = reply, .step = 1000});
    assert_int_equal(start(&cfg, &r), NH_OK);
    nh_http_request_pause(r, true);
    PUMP_UNTIL(loop, sent == script.reply_len);
    PUMP(loop, 10);
    assert_int_equal(seen.heads, 0);
    nh_http_request_pause(r, false);
    PUMP_UNTIL(loop, seen.ends);
    assert_int_equal(seen.body_len, script.reply_len - (size_t)len);
}

static void test_config_faults(void **state)
{
    (void)state;
    static const struct nh_http_header bad_name = {"A: b", "x"}, bad_value = {"A", "x\r\nB: y"};
    static char host[300] = "http://";
    memset(host + 7, 'a', 290);
    const struct {
        struct nh_http_request_config cfg;
        int err;
    } rows[] = {
        {{.url = "file:///etc/passwd"}, NH_ERR_SYNTAX},
        {{.url = host}, NH_ERR_TOO_LONG},
        {{.url = "https://a/"}, NH_ERR_UNSUPPORTED},
        {{.method = "GET /"}, NH_ERR_INVAL},
        {{.method = ""}, NH_ERR_INVAL},
        {{.headers = &bad_name, .header_count = 1}, NH_ERR_INVAL},
        {{.headers = &bad_value, .header_count = 1}, NH_ERR_INVAL},
        {{.total_ms = 600001}, NH_ERR_RANGE},
        {{.connect_ms = 600001}, NH_ERR_RANGE},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_http_request_config cfg = rows[i].cfg;
        nh_http_request_t *r = (nh_http_request_t *)&cfg;
        assert_int_equal(start(&cfg, &r), rows[i].err);
        assert_null(r);
    }
}

static void test_too_many_at_once(void **state)
{
    (void)state;
    nh_http_request_t *r;
    struct nh_http_request_config cfg = {0};
    serve(&(struct script){0});
    for (int i = 0; i < 4; i++)
        assert_int_equal(start(&cfg, &r), NH_OK);
    assert_int_equal(start(&cfg, &r), NH_ERR_FULL);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    int rc = NH_ERR_NOMEM;
    nh_http_client_destroy(client);
    for (uint64_t nth = 1; rc != NH_OK && nth < 20; nth++) {
        const struct nh_http_client_config cfg = {.loop = loop, .mem = fx.mem};
        struct nh_mem_fault fault = {.fail_nth = nth, .only_owner = fx.mem};
        nh_mem_fault_set(fx.sys, &fault);
        rc = nh_http_client_create(&cfg, &client);
        nh_mem_fault_set(fx.sys, NULL);
        assert_true(rc == NH_OK || !client);
    }
    assert_int_equal(rc, NH_OK);
    rc = NH_ERR_NOMEM;
    for (uint64_t nth = 1; nth < 40; nth++) {
        struct nh_http_request_config cfg = {0};
        struct nh_mem_fault fault = {.fail_nth = nth, .only_owner = fx.mem};
        nh_http_request_t *r;
        serve(&(struct script){.reply = OK_HEAD "Content-Length: 5\r\n\r\nhello"});
        cfg.url = url_of("/");
        nh_mem_fault_set(fx.sys, &fault);
        rc = start(&cfg, &r);
        assert_true(rc == NH_OK || (rc == NH_ERR_NOMEM && !r));
        if (rc == NH_OK)
            PUMP_UNTIL(loop, seen.ends || gone < served);
        nh_mem_fault_set(fx.sys, NULL);
        if (rc == NH_OK)
            PUMP_UNTIL(loop, seen.ends);
    }
    assert_int_equal(seen.err, NH_OK);
}

static void test_https(void **state)
{
    (void)state;
    char dir[256], ca[300], cert[300], key[300], why[128], url[128];
    nh_tls_t *server_tls, *client_tls;
    fixture_dir_make(dir, sizeof dir);
    struct tls_identity authority = tls_authority(dir, "ca");
    tls_issue(&authority, dir, "server", "localhost", "DNS:localhost");
    snprintf(ca, sizeof ca, "%s/ca.pem", dir);
    snprintf(cert, sizeof cert, "%s/server.pem", dir);
    snprintf(key, sizeof key, "%s/server.key", dir);
    const struct nh_tls_config of_server = {.mem = fx.mem, .cert_file = cert, .key_file = key};
    const struct nh_tls_config of_client = {.mem = fx.mem, .is_client = true, .ca_file = ca};
    assert_int_equal(nh_tls_create(&of_server, why, sizeof why, &server_tls), NH_OK);
    assert_int_equal(nh_tls_create(&of_client, why, sizeof why, &client_tls), NH_OK);
    const struct nh_listener_config listen = {.address = "127.0.0.1", .tls = server_tls};
    assert_int_equal(nh_stream_listen(server, &listen, &listener), NH_OK);
    nh_http_client_destroy(client);
    client_make(client_tls);
    snprintf(url, sizeof url, "https://localhost:%u/", (unsigned)nh_listener_port(listener));
    serve(&(struct script){.reply = OK_HEAD "Content-Length: 5\r\n\r\nhello"});
    run((struct nh_http_request_config){.url = url});
    assert_int_equal(seen.err, NH_OK);
    assert_int_equal(seen.body_len, 5);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", (unsigned)nh_listener_port(listener));
    serve(&(struct script){0});
    run((struct nh_http_request_config){.url = url}); // another name than the certificate's
    assert_true(seen.err < 0);
    assert_int_equal(seen.heads, 0);
    nh_http_client_destroy(client);
    client = NULL;
    nh_tls_destroy(client_tls);
    nh_stream_set_destroy(server);
    server = NULL;
    nh_tls_destroy(server_tls);
    tls_free(&authority);
    fixture_dir_remove(dir);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_replies),
        TEST(test_what_is_sent),
        TEST(test_a_large_body_goes_out_whole),
        TEST(test_the_reply_to_head_has_no_body),
        TEST(test_a_callback_has_enough),
        TEST(test_no_reply_is_waited_for),
        TEST(test_limits),
        TEST(test_time_is_up),
        TEST(test_hung_up_without_a_reply),
        TEST(test_nobody_listens),
        TEST(test_cancelled),
        TEST(test_destroyed_under_way),
        TEST(test_paused),
        TEST(test_config_faults),
        TEST(test_too_many_at_once),
        TEST(test_every_allocation_may_fail),
        TEST(test_https),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
