// The WebSocket client against a server that plays a script, on one loop.

#include "linux_fixture.h"
#include "tls_fixture.h"

#include "core/base/base64.h"
#include "platform/linux/http/ws_ask.h"
#include "platform/linux/http/ws_frame.h"
#include "platform/tls.h"
#include "platform/ws_client.h"

#include <openssl/sha.h>

#define MESSAGE_MAX 300

struct script {
    const char *head; // the answer; NULL: the right one; "": none
    const uint8_t *frames;
    size_t len, step; // step: bytes in a turn; 0: all
    bool hang_up;     // behind them
};

static struct linux_fixture fx;
static nh_loop_t *loop;
static nh_stream_set_t *server;
static nh_listener_t *listener;
static nh_ws_client_t *client;
static struct script script;
static nh_stream_t *conn;
static char request[2048];
static uint8_t out[4096];
static size_t request_len, out_len, out_at;
static bool is_shaken;
static nh_ws_reader_t reader; // of what the client sends
static char heard[2048];      // by the server

static struct seen {
    int opens, messages, closes, err;
    char last[MESSAGE_MAX + 1], all[2048], reason[128];
    bool close_in_message;
} seen;

// ---- the server

static void say(const void *bytes, size_t len)
{
    assert_true(out_len + len <= sizeof out);
    memcpy(out + out_len, bytes, len);
    out_len += len;
}

static void say_accept(void)
{
    char input[NH_WS_ACCEPT_INPUT_BYTES], accept[NH_WS_ACCEPT_BYTES + 1];
    char reply[NH_WS_REPLY_MAX_BYTES];
    unsigned char digest[SHA_DIGEST_LENGTH];
    const char *key = strstr(request, "Sec-WebSocket-Key: ");
    assert_non_null(key);
    nh_ws_accept_input(key + 19, input);
    SHA1((unsigned char *)input, sizeof input, digest);
    assert_true(nh_base64_encode(digest, sizeof digest, accept, sizeof accept) > 0);
    say(reply, nh_ws_upgrade_accept(reply, accept, NULL));
}

static int server_open(void *ctx, nh_stream_t *s)
{
    (void)ctx;
    conn = s;
    is_shaken = false;
    request_len = out_len = out_at = 0;
    reader = (nh_ws_reader_t){.message_max_bytes = MESSAGE_MAX, .message = reader.message};
    return 0;
}

static void hear(const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        struct nh_ws_result r = nh_ws_read(&reader, bytes, len);
        size_t l = strlen(heard);
        bytes += r.consumed;
        len -= r.consumed;
        if (r.event == NH_WS_EVENT_NEED_BUFFER)
            reader.message = malloc(MESSAGE_MAX);
        else if (r.event != NH_WS_EVENT_NONE)
            snprintf(heard + l, sizeof heard - l, "%d:%u:%.*s;", (int)r.event, (unsigned)r.code,
                     r.event == NH_WS_EVENT_CLOSE ? 0 : (int)r.len, r.bytes ? r.bytes : "");
        assert_true(r.event != NH_WS_EVENT_BROKEN);
    }
}

static int server_input(void *ctx, nh_stream_t *s, const uint8_t *bytes, size_t len)
{
    (void)ctx;
    if (is_shaken) {
        hear(bytes, len);
        return 0;
    }
    assert_true(request_len + len < sizeof request);
    memcpy(request + request_len, bytes, len);
    request_len += len;
    request[request_len] = 0;
    if (!strstr(request, "\r\n\r\n"))
        return 0;
    is_shaken = true;
    if (script.head)
        say(script.head, strlen(script.head));
    else
        say_accept();
    if (script.len > 0)
        say(script.frames, script.len);
    nh_stream_dirty(s);
    return 0;
}

static size_t server_output(void *ctx, nh_stream_t *s, struct nh_iov *iov, size_t max)
{
    (void)ctx;
    (void)max;
    size_t left = out_len - out_at;
    if (s != conn || left == 0)
        return 0;
    iov[0] = (struct nh_iov){out + out_at, script.step && left > script.step ? script.step : left};
    return 1;
}

static void server_sent(void *ctx, nh_stream_t *s, size_t bytes)
{
    (void)ctx;
    out_at += bytes;
    if (out_at == out_len && script.hang_up)
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
}

// A frame as a server sends it.
static size_t frame(uint8_t *to, uint8_t first, const void *data, size_t len)
{
    size_t n = nh_ws_write_header(to, first & 15, len);
    to[0] = first;
    memcpy(to + n, data, len);
    return n + len;
}

// ---- the client

static void on_open(void *ctx, nh_ws_client_t *c)
{
    (void)ctx;
    (void)c;
    seen.opens++;
}

static void on_message(void *ctx, nh_ws_client_t *c, nh_span_t text)
{
    size_t l = strlen(seen.all);
    (void)ctx;
    seen.messages++;
    assert_true(text.len <= MESSAGE_MAX);
    memcpy(seen.last, text.ptr, text.len);
    seen.last[text.len] = 0;
    snprintf(seen.all + l, sizeof seen.all - l, "%.20s;", seen.last);
    if (seen.close_in_message)
        nh_ws_client_close(c);
}

static void on_closed(void *ctx, nh_ws_client_t *c, int err, const char *reason)
{
    (void)ctx;
    (void)c;
    seen.closes++;
    seen.err = err;
    snprintf(seen.reason, sizeof seen.reason, "%s", reason);
}

static struct nh_tls *tls; // of the next client

static void make_client(uint32_t connect_ms, uint32_t ping_ms)
{
    const struct nh_ws_client_config cfg = {.loop = loop,
                                            .mem = fx.mem,
                                            .tls = tls,
                                            .message_max_bytes = MESSAGE_MAX,
                                            .connect_ms = connect_ms,
                                            .ping_ms = ping_ms,
                                            .open = on_open,
                                            .message = on_message,
                                            .closed = on_closed};
    nh_ws_client_destroy(client);
    assert_int_equal(nh_ws_client_create(&cfg, &client), NH_OK);
}

static const char *url(void)
{
    static char text[64];
    snprintf(text, sizeof text, "ws://127.0.0.1:%u/ws/telemetry",
             (unsigned)nh_listener_port(listener));
    return text;
}

static void play(const struct script *s)
{
    script = *s;
    seen = (struct seen){0};
    heard[0] = 0;
    assert_int_equal(nh_ws_client_connect(client, url(), "Basic eDp5"), NH_OK);
    assert_int_equal(seen.opens + seen.closes, 0);
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
    make_client(0, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_ws_client_destroy(client);
    client = NULL;
    nh_stream_set_destroy(server);
    nh_loop_destroy(loop);
    free(reader.message);
    reader.message = NULL;
    fixture_stop(&fx);
    return 0;
}

// ---- tests

static void test_messages(void **state)
{
    uint8_t bytes[1024];
    char big[MESSAGE_MAX];
    size_t n = 0;
    (void)state;
    memset(big, 'b', sizeof big);
    n += frame(bytes + n, 0x81, "one", 3);
    n += frame(bytes + n, 0x81, "", 0);
    n += frame(bytes + n, 0x01, "frag", 4); // fragments with a ping in between
    n += frame(bytes + n, 0x89, "hello", 5);
    n += frame(bytes + n, 0x00, "", 0);
    n += frame(bytes + n, 0x80, "ments", 5);
    n += frame(bytes + n, 0x81, big, sizeof big);
    n += frame(bytes + n, 0x88, "\x03\xe8", 2);
    for (size_t step = 0; step < 4; step++) {
        play(&(struct script){.frames = bytes, .len = n, .step = step});
        PUMP_UNTIL(loop, seen.closes);
        assert_int_equal(seen.opens, 1);
        assert_int_equal(seen.messages, 4);
        assert_string_equal(seen.all, "one;;fragments;bbbbbbbbbbbbbbbbbbbb;");
        assert_int_equal(seen.err, NH_ERR_CLOSED);
        PUMP_UNTIL(loop, !conn);
        // What the server gives in one turn is answered by the goodbye alone, else by both.
        assert_non_null(strstr(heard, "4:1000:;"));
        assert_non_null(strstr(request, "GET /ws/telemetry HTTP/1.1\r\n"));
        assert_non_null(strstr(request, "Authorization: Basic eDp5\r\n"));
    }
}

static void test_ends(void **state)
{
    static const struct {
        const char *name, *head;
        uint8_t first;
        const char *data;
        size_t len;
        int err, opens;
    } rows[] = {
        {"401", "HTTP/1.1 401 Unauthorized\r\n\r\n", 0, "", 0, NH_ERR_DENIED, 0},
        {"404", "HTTP/1.1 404 Not Found\r\n\r\n", 0, "", 0, NH_ERR_NOT_FOUND, 0},
        {"503", "HTTP/1.1 503 Busy\r\n\r\n", 0, "", 0, NH_ERR_BUSY, 0},
        {"no HTTP", "SSH-2.0-x\n\n", 0, "", 0, NH_ERR_PROTO, 0},
        {"nothing", "", 0, "", 0, NH_ERR_CLOSED, 0},
        {"binary", NULL, 0x82, "x", 1, NH_ERR_TYPE, 1},
        {"not UTF-8", NULL, 0x81, "\xff", 1, NH_ERR_PROTO, 1},
        {"unknown", NULL, 0x83, "", 0, NH_ERR_PROTO, 1},
        {"away", NULL, 0x81, "x", 1, NH_ERR_CLOSED, 1},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t bytes[16];
        size_t n = rows[i].first ? frame(bytes, rows[i].first, rows[i].data, rows[i].len) : 0;
        play(&(struct script){rows[i].head, bytes, n, 0, true});
        if (rows[i].head && !rows[i].head[0]) {
            PUMP_UNTIL(loop, is_shaken && conn);
            nh_stream_close(conn, false);
        }
        PUMP_UNTIL(loop, seen.closes);
        if (seen.err != rows[i].err || seen.opens != rows[i].opens || seen.closes != 1)
            fail_msg("%s: %d (%s), %d, %d", rows[i].name, seen.err, seen.reason, seen.opens,
                     seen.closes);
        PUMP_UNTIL(loop, !conn);
    }
}

static void test_too_long(void **state)
{
    uint8_t bytes[MESSAGE_MAX + 16];
    char big[MESSAGE_MAX + 1] = {0};
    (void)state;
    memset(big, 'b', sizeof big);
    play(&(struct script){.frames = bytes, .len = frame(bytes, 0x81, big, sizeof big)});
    PUMP_UNTIL(loop, seen.closes);
    assert_int_equal(seen.err, NH_ERR_TOO_LONG);
    assert_string_equal(seen.reason, "a message has more than 300 bytes");
    PUMP_UNTIL(loop, !conn);
    assert_string_equal(heard, "4:1009:;");
}

static void test_sends(void **state)
{
    char text[MESSAGE_MAX + 1];
    (void)state;
    memset(text, 't', sizeof text);
    nh_span_t hello = {(const uint8_t *)"hello", 5};
    assert_int_equal(nh_ws_client_send(client, hello), NH_ERR_CLOSED);
    play(&(struct script){0});
    PUMP_UNTIL(loop, seen.opens);
    assert_int_equal(nh_ws_client_connect(client, url(), NULL), NH_ERR_BUSY);
    assert_int_equal(nh_ws_client_send(client, hello), NH_OK);
    assert_int_equal(nh_ws_client_send(client, hello), NH_ERR_AGAIN);
    PUMP_UNTIL(loop, strcmp(heard, "2:0:hello;") == 0);
    assert_int_equal(nh_ws_client_send(client, (nh_span_t){(uint8_t *)text, MESSAGE_MAX + 1}),
                     NH_ERR_TOO_LONG);
    heard[0] = 0;
    assert_int_equal(nh_ws_client_send(client, (nh_span_t){(uint8_t *)text, MESSAGE_MAX}), NH_OK);
    PUMP_UNTIL(loop, strlen(heard) == 4 + MESSAGE_MAX + 1);
    heard[0] = 0;
    nh_ws_client_close(client);
    PUMP_UNTIL(loop, !conn);
    assert_string_equal(heard, "4:1000:;");
    assert_int_equal(seen.closes, 0); // who closes is not told
    PUMP(loop, 3);
    play(&(struct script){0});
    PUMP_UNTIL(loop, seen.opens);
}

static void test_close_in_a_callback(void **state)
{
    uint8_t bytes[32];
    size_t n = frame(bytes, 0x81, "a", 1);
    (void)state;
    n += frame(bytes + n, 0x81, "b", 1);
    play(&(struct script){.frames = bytes, .len = n});
    seen.close_in_message = true;
    PUMP_UNTIL(loop, seen.messages && !conn);
    assert_string_equal(seen.all, "a;"); // nothing comes behind it
    assert_int_equal(seen.closes, 0);
}

// A server that says nothing is asked, and given up when it does not answer.
static void test_pings(void **state)
{
    (void)state;
    make_client(0, 20);
    play(&(struct script){0});
    PUMP_UNTIL(loop, seen.opens);
    PUMP_UNTIL(loop, heard[0]);
    assert_string_equal(heard, "3:0:;");
    PUMP_UNTIL(loop, seen.closes);
    assert_int_equal(seen.err, NH_ERR_TIMEOUT);
    assert_string_equal(seen.reason, "nothing was heard for 40 ms");
    make_client(20, 0);
    play(&(struct script){.head = ""});
    PUMP_UNTIL(loop, seen.closes);
    assert_int_equal(seen.err, NH_ERR_TIMEOUT);
}

// wss: the same over TLS, and not with a server whose name is another.
static void test_tls(void **state)
{
    char dir[256], cert[512], key[512], ca[512], why[160], address[96];
    nh_tls_t *server_tls, *client_tls;
    nh_listener_t *secure;
    uint8_t bytes[16];
    (void)state;
    fixture_dir_make(dir, sizeof dir);
    struct tls_identity authority = tls_authority(dir, "ca");
    tls_issue(&authority, dir, "server", "localhost", "DNS:localhost");
    snprintf(cert, sizeof cert, "%s/server.pem", dir);
    snprintf(key, sizeof key, "%s/server.key", dir);
    snprintf(ca, sizeof ca, "%s/ca.pem", dir);
    const struct nh_tls_config of_server = {.mem = fx.mem, .cert_file = cert, .key_file = key};
    const struct nh_tls_config of_client = {.mem = fx.mem, .is_client = true, .ca_file = ca};
    assert_int_equal(nh_tls_create(&of_server, why, sizeof why, &server_tls), NH_OK);
    assert_int_equal(nh_tls_create(&of_client, why, sizeof why, &client_tls), NH_OK);
    const struct nh_listener_config listen = {.address = "127.0.0.1", .tls = server_tls};
    assert_int_equal(nh_stream_listen(server, &listen, &secure), NH_OK);
    tls = client_tls;
    make_client(0, 0);
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    for (size_t i = 0; i < NH_ARRAY_LEN(hosts); i++) {
        script = (struct script){.frames = bytes, .len = frame(bytes, 0x81, "secret", 6)};
        seen = (struct seen){0};
        snprintf(address, sizeof address, "wss://%s:%u/ws", hosts[i],
                 (unsigned)nh_listener_port(secure));
        assert_int_equal(nh_ws_client_connect(client, address, NULL), NH_OK);
        PUMP_UNTIL(loop, seen.messages || seen.closes);
        assert_int_equal(seen.messages, i == 0);
        nh_ws_client_close(client);
        PUMP_UNTIL(loop, !conn);
        PUMP(loop, 10);
    }
    tls = NULL;
    nh_ws_client_destroy(client);
    client = NULL;
    nh_tls_destroy(client_tls);
    nh_stream_set_destroy(server);
    server = NULL;
    nh_tls_destroy(server_tls);
    tls_free(&authority);
    fixture_dir_remove(dir);
}

static void test_refused(void **state)
{
    static const struct {
        const char *url, *authorization;
        int err;
    } rows[] = {
        {"http://127.0.0.1/", NULL, NH_ERR_SYNTAX},
        {"wss://127.0.0.1/", NULL, NH_ERR_UNSUPPORTED},
        {"ws://127.0.0.1/", "a\nb", NH_ERR_INVAL},
    };
    const struct nh_ws_client_config small = {.loop = loop, .mem = fx.mem, .message_max_bytes = 9};
    nh_ws_client_t *c;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        assert_int_equal(nh_ws_client_connect(client, rows[i].url, rows[i].authorization),
                         rows[i].err);
    assert_int_equal(nh_ws_client_create(&small, &c), NH_ERR_RANGE);
    assert_null(c);
    nh_ws_client_destroy(NULL);
}

// Each allocation in turn, of create, connection and first message.
static void test_each_allocation_fails(void **state)
{
    uint8_t bytes[16];
    size_t n = frame(bytes, 0x81, "hello", 5);
    const struct nh_ws_client_config cfg = {.loop = loop,
                                            .mem = fx.mem,
                                            .message_max_bytes = MESSAGE_MAX,
                                            .open = on_open,
                                            .message = on_message,
                                            .closed = on_closed};
    int fine = 0;
    (void)state;
    for (uint64_t nth = 1; !fine; nth++) {
        nh_ws_client_destroy(client);
        client = NULL;
        PUMP_UNTIL(loop, !conn);
        script = (struct script){.frames = bytes, .len = n};
        seen = (struct seen){0};
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = nth});
        int err = nh_ws_client_create(&cfg, &client);
        if (err == NH_OK)
            err = nh_ws_client_connect(client, url(), NULL);
        if (err == NH_OK)
            PUMP_UNTIL(loop, seen.messages || seen.closes);
        nh_mem_fault_set(fx.sys, NULL);
        fine = seen.messages;
        assert_true(nth < 60);
    }
    assert_int_equal(seen.closes, 0);
}

// Frames cost no memory: the count of allocations stands still.
static void test_no_allocation_a_frame(void **state)
{
    static uint8_t bytes[2000];
    size_t n = 0;
    struct nh_mem_owner_info before, after;
    (void)state;
    n += frame(bytes + n, 0x81, "first", 5);
    play(&(struct script){.frames = bytes, .len = n});
    PUMP_UNTIL(loop, seen.messages == 1);
    PUMP(loop, 3);
    assert_int_equal(nh_mem_owner_info(fx.sys, 1, &before), NH_OK);
    for (int i = 0; i < 50; i++) {
        uint8_t one[64];
        say(one, frame(one, 0x81, "{\"battery\":{}}", 14));
    }
    nh_stream_dirty(conn);
    PUMP_UNTIL(loop, seen.messages == 51);
    assert_int_equal(nh_mem_owner_info(fx.sys, 1, &after), NH_OK);
    assert_string_equal(after.name, "test");
    for (int t = 0; t < NH_MEM_TIER_COUNT; t++)
        assert_int_equal(after.tier[t].alloc_count, before.tier[t].alloc_count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_in_a_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_allocation_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_allocation_a_frame, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
