// What stands between a socket and the handler: PROXY header, TLS, WebSocket, and each of them upon
// the one before; Unix sockets; both families of addresses at once.

#include "stream_fixture.h"
#include "tls_fixture.h"

#include "core/base/log.h"

#include "platform/linux/http/ws_frame.h"
#include "platform/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define REQUEST                                                                                    \
    "GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"       \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"                 \
    "Sec-WebSocket-Protocol: mqtt\r\n\r\n"
#define PROXY_V4 "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\1\2\3\xc0\xa8\0\1\xc3\x50\x07\x5b"
#define PROXY_V4_ANN                                                                               \
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x1a\x0a\1\2\3\xc0\xa8\0\1\xc3\x50\x07\x5b"                     \
    "\x20\0\x0b\7\0\0\0\0\x22\0\3ann"
#define PROXY_UNKNOWN "\r\n\r\n\0\r\nQUIT\n\x21\0\0\0"
#define PROXY_LOCAL "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"

static char dir[256];
static struct echo e;
static nh_listener_t *listener;
static nh_tls_t *tls;
static const struct nh_ws_rules rules = {.protocol = "mqtt", .path = "/mqtt"};

static int make_certificates(void **state)
{
    (void)state;
    fixture_dir_make(dir, sizeof dir);
    struct tls_identity ca = tls_authority(dir, "ca");
    tls_issue(&ca, dir, "server", "hub", "DNS:localhost,IP:127.0.0.1");
    tls_free(&ca);
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    fixture_dir_remove(dir);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    tls = NULL;
    echo_init(&e);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_stream_set_destroy(e.set);
    e.set = NULL;
    nh_tls_destroy(tls);
    echo_deinit(&e);
    return 0;
}

static struct nh_stream_set_info info_now(void)
{
    struct nh_stream_set_info info;
    nh_stream_set_info(e.set, &info);
    return info;
}

enum { WITH_PROXY = 1, WITH_TLS = 2, WITH_WS = 4 };

static void serve(unsigned with)
{
    char cert[300], key[300], why[200];
    snprintf(cert, sizeof cert, "%s/server.pem", dir);
    snprintf(key, sizeof key, "%s/server.key", dir);
    const struct nh_tls_config t = {.mem = e.fx.mem, .cert_file = cert, .key_file = key};
    if ((with & WITH_TLS) && !tls)
        assert_int_equal(nh_tls_create(&t, why, sizeof why, &tls), NH_OK);
    const struct nh_listener_config cfg = {.address = "127.0.0.1",
                                           .proxy_protocol = with & WITH_PROXY,
                                           .tls = with & WITH_TLS ? tls : NULL,
                                           .ws = with & WITH_WS ? &rules : NULL};
    listener = echo_listen(&e, &cfg);
}

// ---- a peer that the tests drive: plain, or through TLS

struct peer {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;    // NULL: plain
    size_t step; // at most that many bytes at once; 0: all
    bool is_ended;
};

static void peer_connect(struct peer *p, const struct sockaddr *sa, socklen_t len)
{
    *p = (struct peer){.fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(connect(p->fd, sa, len), 0);
    assert_int_equal(fcntl(p->fd, F_SETFL, O_NONBLOCK), 0);
}

static void peer_open(struct peer *p)
{
    const struct sockaddr_in sa = {.sin_family = AF_INET,
                                   .sin_port = htons(nh_listener_port(listener)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    peer_connect(p, (const struct sockaddr *)&sa, sizeof sa);
}

static void peer_close(struct peer *p)
{
    SSL_free(p->ssl);
    SSL_CTX_free(p->ctx);
    ERR_clear_error();
    close(p->fd);
}

static void peer_raw(struct peer *p, const void *bytes, size_t len)
{
    const uint8_t *b = bytes;
    size_t step = p->step ? p->step : len;
    for (size_t at = 0, n; at < len; at += n) {
        n = step < len - at ? step : len - at;
        if (send(p->fd, b + at, n, MSG_NOSIGNAL) != (ssize_t)n)
            return; // the other end is gone: the test sees it
        PUMP(e.loop, 1);
    }
}

// Shakes hands as a client of TLS.
static void peer_tls(struct peer *p)
{
    p->ctx = SSL_CTX_new(TLS_client_method());
    p->ssl = SSL_new(p->ctx);
    SSL_set_fd(p->ssl, p->fd);
    int rc;
    PUMP_UNTIL(e.loop,
               (rc = SSL_connect(p->ssl)) == 1 || SSL_get_error(p->ssl, rc) != SSL_ERROR_WANT_READ);
    assert_int_equal(rc, 1);
}

static void peer_send(struct peer *p, const void *bytes, size_t len)
{
    const uint8_t *b = bytes;
    if (!p->ssl) {
        peer_raw(p, bytes, len);
        return;
    }
    size_t step = p->step ? p->step : len;
    for (size_t at = 0, n; at < len; at += n) {
        n = step < len - at ? step : len - at;
        assert_int_equal(SSL_write(p->ssl, b + at, (int)n), (int)n);
        PUMP(e.loop, 1);
    }
}

// What has come by now.
static size_t peer_recv(struct peer *p, uint8_t *out, size_t cap)
{
    if (!p->ssl) {
        ssize_t n = recv(p->fd, out, cap, 0);
        p->is_ended |= n == 0 || (n < 0 && errno != EAGAIN);
        return n > 0 ? (size_t)n : 0;
    }
    int n = SSL_read(p->ssl, out, (int)cap);
    p->is_ended |= n <= 0 && SSL_get_error(p->ssl, n) != SSL_ERROR_WANT_READ;
    return n > 0 ? (size_t)n : 0;
}

// Receives until `want` bytes are there, or the end. Returns how many.
static size_t peer_expect(struct peer *p, uint8_t *out, size_t want)
{
    size_t got = 0;
    PUMP_UNTIL(e.loop, (got += peer_recv(p, out + got, want - got)) == want || p->is_ended);
    return got;
}

// Receives to the end of a reply's head; NUL-terminated.
static void peer_head(struct peer *p, char *out, size_t cap)
{
    size_t got = 0;
    out[0] = 0;
    while (!strstr(out, "\r\n\r\n") && got < cap - 1) {
        if (peer_expect(p, (uint8_t *)out + got, 1) == 0)
            break;
        out[++got] = 0;
    }
}

static void peer_end(struct peer *p)
{
    uint8_t byte;
    assert_int_equal(peer_expect(p, &byte, 1), 0);
}

static size_t frame(uint8_t *out, uint8_t first, const void *data, size_t len)
{
    static const uint8_t mask[4] = {0xa5, 0x5a, 0x3c, 0xc3};
    size_t n = nh_ws_write_header(out, first & 15, len);
    out[0] = first;
    out[1] |= 0x80;
    memcpy(out + n, mask, 4);
    for (size_t i = 0; i < len; i++)
        out[n + 4 + i] = ((const uint8_t *)data)[i] ^ mask[i & 3];
    return n + 4 + len;
}

static void peer_frame(struct peer *p, uint8_t first, const void *data, size_t len)
{
    uint8_t *out = malloc(len + 14);
    peer_send(p, out, frame(out, first, data, len));
    free(out);
}

// Receives frames until `want` bytes of payload are there; each must be whole, binary, unmasked.
static void peer_payload(struct peer *p, uint8_t *out, size_t want)
{
    size_t got = 0;
    while (got < want) {
        uint8_t head[4];
        assert_int_equal(peer_expect(p, head, 2), 2);
        assert_int_equal(head[0], 0x82);
        size_t len = head[1];
        if (len == 126) {
            assert_int_equal(peer_expect(p, head + 2, 2), 2);
            len = (size_t)head[2] << 8 | head[3];
        }
        assert_in_range(len, 1, want - got);
        assert_int_equal(peer_expect(p, out + got, len), len);
        got += len;
    }
}

static void peer_upgrade(struct peer *p)
{
    char reply[512];
    peer_send(p, REQUEST, sizeof REQUEST - 1);
    peer_head(p, reply, sizeof reply);
    assert_non_null(strstr(reply, "HTTP/1.1 101 "));
    assert_non_null(strstr(reply, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
}

static void all_gone(void)
{
    PUMP_UNTIL(e.loop, info_now().conn_count == 0);
    assert_int_equal(info_now().handshake_count, 0);
}

// ---- all layers upon each other

static void test_every_combination(void **state)
{
    enum { LEN = 100000 };
    static const size_t steps[] = {0, 1, 7};
    uint8_t *bytes = echo_bytes_make(LEN), *back = malloc(LEN);
    (void)state;
    for (unsigned with = 0; with < 8; with++) {
        serve(with);
        for (size_t i = 0; i < NH_ARRAY_LEN(steps); i++) {
            struct peer p;
            char peer[64];
            size_t len = steps[i] ? 300 : LEN;
            peer_open(&p);
            p.step = steps[i];
            if (with & WITH_PROXY)
                peer_raw(&p, PROXY_V4, sizeof PROXY_V4 - 1);
            if (with & WITH_TLS)
                peer_tls(&p);
            if (with & WITH_WS)
                peer_upgrade(&p);
            // In pieces of growing size, as they may be framed.
            for (size_t at = 0, n = 1; at < len; at += n, n = n * 3 % 40009) {
                n = n < len - at ? n : len - at;
                if (with & WITH_WS)
                    peer_frame(&p, 0x82, bytes + at, n);
                else
                    peer_send(&p, bytes + at, n);
                if (with & WITH_WS)
                    peer_payload(&p, back + at, n);
                else
                    assert_int_equal(peer_expect(&p, back + at, n), n);
            }
            assert_memory_equal(bytes, back, len);
            nh_stream_peer(e.last->s, peer, sizeof peer);
            assert_int_equal(nh_stream_is_local(e.last->s), !(with & WITH_PROXY));
            if (with & WITH_PROXY)
                assert_string_equal(peer, "10.1.2.3:50000");
            else
                assert_memory_equal(peer, "127.0.0.1:", 10);
            peer_close(&p);
            all_gone();
        }
        assert_int_equal(info_now().handshake_failures, 0);
    }
    free(bytes);
    free(back);
}

// ---- PROXY header

static void test_proxy_refuses(void **state)
{
    static const struct {
        const char *name, *bytes;
        size_t len;
    } rows[] = {
        {"CONNECT", "\x10\x0f\0\4MQTT\4\2\0\x3c\0\3abc", 17},
        {"version 1", "PROXY TCP4 10.1.2.3 192.168.0.1 50000 1883\r\n", 44},
        {"HTTP", REQUEST, sizeof REQUEST - 1},
        {"too long", "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", 16},
        {"malformed", "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\4abcd", 20},
        {"the end", "\r\n\r\n\0\r\nQUIT\n", 12},
        {"nothing", "", 0},
    };
    (void)state;
    serve(WITH_PROXY);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct peer p;
        peer_open(&p);
        peer_raw(&p, rows[i].bytes, rows[i].len);
        if (rows[i].len < 16)
            shutdown(p.fd, SHUT_WR);
        peer_end(&p); // not a byte of an answer
        peer_close(&p);
        all_gone();
        if (info_now().handshake_failures != i + 1)
            fail_msg("%s: %d failures", rows[i].name, (int)info_now().handshake_failures);
    }
    assert_int_equal(e.served, 0);
}

static struct {
    unsigned lines, named;
    unsigned left_out;
} refusals;

static void count_refusal(void *ctx, enum nh_log_level level, const char *module, const char *text)
{
    (void)ctx;
    (void)level;
    (void)module;
    refusals.lines++;
    refusals.named += strncmp(text, "refused 127.0.0.1:", 18) == 0;
    refusals.left_out += strstr(text, "more refused") ? (unsigned)atoi(text) : 0;
}

// Also who has gone in anger is named; and a flood of them is counted, not told line by line.
static void test_refusals_in_the_log(void **state)
{
    enum { COUNT = 40 };
    const struct linger in_anger = {.l_onoff = 1};
    (void)state;
    serve(WITH_PROXY);
    memset(&refusals, 0, sizeof refusals);
    nh_log_set(count_refusal, NULL, NH_LOG_WARN);
    uint64_t start_ms = nh_clock_ms();
    for (int i = 0; i < COUNT; i++) {
        struct peer p;
        peer_open(&p);
        PUMP_UNTIL(e.loop, info_now().conn_count == 1);
        assert_int_equal(setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &in_anger, sizeof in_anger), 0);
        peer_close(&p);
        all_gone();
    }
    uint64_t seconds = nh_clock_ms() / 1000 - start_ms / 1000 + 1;
    nh_log_set(NULL, NULL, NH_LOG_ERROR);
    assert_int_equal(info_now().handshake_failures, COUNT);
    assert_true(refusals.named >= 5 && refusals.named <= 5 * seconds);
    assert_true(refusals.lines <= refusals.named + seconds);
    assert_true(refusals.named + refusals.left_out <= COUNT);
}

static void test_proxy_says_who(void **state)
{
    static const struct {
        const char *name, *header;
        size_t len;
        const char *peer, *cn;
    } rows[] = {
        {"an address", PROXY_V4, sizeof PROXY_V4 - 1, "10.1.2.3:50000", NULL},
        {"a certificate", PROXY_V4_ANN, sizeof PROXY_V4_ANN - 1, "10.1.2.3:50000", "ann"},
        {"not for whom", PROXY_UNKNOWN, sizeof PROXY_UNKNOWN - 1, "?", NULL},
        {"itself", PROXY_LOCAL, sizeof PROXY_LOCAL - 1, "127.0.0.1:", NULL},
    };
    (void)state;
    serve(WITH_PROXY);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct peer p;
        char text[64], cn[16] = "";
        uint8_t back[2];
        peer_open(&p);
        peer_raw(&p, rows[i].header, rows[i].len);
        peer_raw(&p, "hi", 2);
        assert_int_equal(peer_expect(&p, back, 2), 2);
        nh_stream_peer(e.last->s, text, sizeof text);
        if (strncmp(text, rows[i].peer, strlen(rows[i].peer)) != 0)
            fail_msg("%s: %s", rows[i].name, text);
        assert_int_equal(nh_stream_identity(e.last->s, NH_IDENTITY_CN, cn, sizeof cn),
                         rows[i].cn ? 3 : NH_ERR_NOT_FOUND);
        assert_string_equal(cn, rows[i].cn ? rows[i].cn : "");
        assert_int_equal(nh_stream_identity(e.last->s, NH_IDENTITY_SAN, cn, sizeof cn),
                         NH_ERR_NOT_FOUND);
        peer_close(&p);
        all_gone();
    }
}

static void test_slow_headers_are_cut(void **state)
{
    (void)state;
    e.cfg.handshake_timeout_ms = 30;
    static const unsigned with[] = {WITH_PROXY, WITH_TLS, WITH_WS};
    for (size_t i = 0; i < NH_ARRAY_LEN(with); i++) {
        struct peer p;
        echo_restart(&e);
        serve(with[i]);
        peer_open(&p);
        peer_raw(&p, with[i] == WITH_WS ? "GET " : with[i] == WITH_TLS ? "\x16\x03\1" : "\r\n", 2);
        PUMP_UNTIL(e.loop, info_now().handshake_timeouts == 1);
        peer_end(&p);
        peer_close(&p);
        all_gone();
    }
}

// ---- WebSocket

static void test_ws_refuses(void **state)
{
    char longest[6000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    memcpy(longest, "GET / HTTP/1.1\r\nA: ", 19);
    const struct {
        const char *name, *request, *status;
    } rows[] = {
        {"another path", "GET / HTTP/1.1\r\nHost: hub\r\n\r\n", "HTTP/1.1 404 "},
        {"no upgrade", "GET /mqtt HTTP/1.1\r\nHost: hub\r\n\r\n", "HTTP/1.1 400 "},
        {"garbage", "\x10\x0f rubbish\r\n\r\n", "HTTP/1.1 400 "},
        {"a bare line feed", "GET /\n\n", "HTTP/1.1 400 "},
        {"too long", longest, "HTTP/1.1 431 "},
        {"foreign page",
         "GET /mqtt HTTP/1.1\r\nHost: hub\r\nOrigin: http://evil.example\r\nUpgrade: websocket\r\n"
         "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n",
         "HTTP/1.1 403 "},
    };
    (void)state;
    for (unsigned with = WITH_WS; with <= (WITH_WS | WITH_TLS); with += WITH_TLS) {
        serve(with);
        for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
            struct peer p;
            char reply[1024];
            peer_open(&p);
            if (with & WITH_TLS)
                peer_tls(&p);
            peer_send(&p, rows[i].request, strlen(rows[i].request));
            peer_head(&p, reply, sizeof reply);
            if (strncmp(reply, rows[i].status, 13) != 0)
                fail_msg("%s: %s", rows[i].name, reply);
            shutdown(p.fd, SHUT_WR);
            peer_close(&p);
            all_gone();
        }
    }
    assert_int_equal(e.served, 0);
    assert_int_equal(info_now().handshake_failures, 2 * NH_ARRAY_LEN(rows));
}

// The request byte by byte, with a frame right behind it in the same packet, and cut anywhere.
static void test_ws_every_cut(void **state)
{
    (void)state;
    uint8_t bytes[sizeof REQUEST + 64];
    memcpy(bytes, REQUEST, sizeof REQUEST - 1);
    size_t head = sizeof REQUEST - 1;
    size_t len = head + frame(bytes + head, 0x82, "hello", 5);
    serve(WITH_WS);
    for (size_t cut = 1; cut < len; cut++) {
        struct peer p;
        char reply[512];
        uint8_t back[5];
        peer_open(&p);
        peer_raw(&p, bytes, cut);
        PUMP_UNTIL(e.loop, info_now().conn_count == 1);
        PUMP(e.loop, 5); // read by now
        peer_raw(&p, bytes + cut, len - cut);
        peer_head(&p, reply, sizeof reply);
        peer_payload(&p, back, 5);
        assert_memory_equal(back, "hello", 5);
        peer_close(&p);
        all_gone();
    }
    int served = e.served;
    for (size_t cut = 0; cut < head; cut++) { // and gone after each byte
        struct peer p;
        peer_open(&p);
        peer_raw(&p, bytes, cut);
        PUMP_UNTIL(e.loop, info_now().conn_count == 1);
        PUMP(e.loop, 5);
        peer_close(&p);
        all_gone();
    }
    assert_int_equal(e.served, served);
    assert_int_equal(info_now().handshake_failures, head);
}

static void expect_close(struct peer *p, uint16_t code)
{
    uint8_t bytes[4];
    assert_int_equal(peer_expect(p, bytes, 4), 4);
    assert_int_equal(bytes[0], 0x88);
    assert_int_equal(bytes[1], 2);
    assert_int_equal(bytes[2] << 8 | bytes[3], code);
    peer_end(p);
}

static void test_ws_frames(void **state)
{
    static const struct {
        const char *name;
        uint8_t first;
        const char *data;
        size_t len;
        uint16_t code; // of the close that answers
        int err;
    } rows[] = {
        {"close", 0x88, "\x03\xe8", 2, 1000, NH_ERR_CLOSED},
        {"close with another code", 0x88, "\x0f\xa0", 2, 4000, NH_ERR_CLOSED},
        {"text", 0x81, "x", 1, 1003, NH_ERR_PROTO},
        {"reserved bit", 0xC2, "x", 1, 1002, NH_ERR_PROTO},
    };
    (void)state;
    for (unsigned with = WITH_WS; with <= (WITH_WS | WITH_TLS); with += WITH_TLS) {
        serve(with);
        for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
            struct peer p;
            uint8_t pong[6];
            peer_open(&p);
            if (with & WITH_TLS)
                peer_tls(&p);
            peer_upgrade(&p);
            peer_frame(&p, 0x89, "ping", 4);
            assert_int_equal(peer_expect(&p, pong, 6), 6);
            assert_memory_equal(pong, "\x8a\4ping", 6);
            peer_frame(&p, rows[i].first, rows[i].data, rows[i].len);
            expect_close(&p, rows[i].code);
            peer_close(&p);
            all_gone();
            if (e.last_err != rows[i].err)
                fail_msg("%s: %d", rows[i].name, e.last_err);
        }
    }
}

static void test_ws_limits(void **state)
{
    static const struct nh_ws_rules small = {
        .protocol = "mqtt", .head_max_bytes = 300, .frame_max_bytes = 1000};
    struct peer p;
    uint8_t data[1001] = {0}, back[1000];
    char reply[512];
    (void)state;
    const struct nh_listener_config cfg = {.address = "127.0.0.1", .ws = &small};
    listener = echo_listen(&e, &cfg);
    peer_open(&p);
    peer_upgrade(&p);
    peer_frame(&p, 0x82, data, 1000);
    peer_payload(&p, back, 1000);
    peer_frame(&p, 0x82, data, 1001);
    expect_close(&p, 1009);
    peer_close(&p);
    peer_open(&p); // the request, with one field more
    peer_send(&p, REQUEST, sizeof REQUEST - 3);
    memset(data, 'a', 200);
    peer_send(&p, data, 200);
    peer_head(&p, reply, sizeof reply);
    assert_memory_equal(reply, "HTTP/1.1 431 ", 13);
    peer_close(&p);
    all_gone();
}

static void test_ws_unmasked_is_refused(void **state)
{
    (void)state;
    struct peer p;
    serve(WITH_WS);
    peer_open(&p);
    peer_upgrade(&p);
    peer_send(&p, "\x82\1x", 3);
    expect_close(&p, 1002);
    peer_close(&p);
    all_gone();
}

// What came before a close is answered before the close is, and nothing after it.
static void test_ws_close_comes_last(void **state)
{
    (void)state;
    for (unsigned with = WITH_WS; with <= (WITH_WS | WITH_TLS); with += WITH_TLS) {
        struct peer p;
        uint8_t bytes[64], back[5];
        size_t len = frame(bytes, 0x82, "hello", 5);
        len += frame(bytes + len, 0x88, "\x03\xe8", 2);
        len += frame(bytes + len, 0x82, "later", 5);
        serve(with);
        peer_open(&p);
        if (with & WITH_TLS)
            peer_tls(&p);
        peer_upgrade(&p);
        peer_send(&p, bytes, len);
        peer_payload(&p, back, 5);
        assert_memory_equal(back, "hello", 5);
        expect_close(&p, 1000);
        peer_close(&p);
        all_gone();
    }
}

// The server's end says so in a frame; what it had is said before.
static void test_ws_server_ends(void **state)
{
    (void)state;
    for (unsigned with = WITH_WS; with <= (WITH_WS | WITH_TLS); with += WITH_TLS) {
        struct peer p;
        static uint8_t back[50000];
        serve(with);
        peer_open(&p);
        if (with & WITH_TLS)
            peer_tls(&p);
        peer_upgrade(&p);
        PUMP_UNTIL(e.loop, e.last != NULL);
        echo__append(e.last, NULL, sizeof back);
        nh_stream_close(e.last->s, true);
        peer_payload(&p, back, sizeof back);
        expect_close(&p, 1000);
        peer_close(&p);
        all_gone();
        peer_open(&p);
        if (with & WITH_TLS)
            peer_tls(&p);
        peer_upgrade(&p);
        PUMP_UNTIL(e.loop, e.last != NULL);
        echo_restart(&e); // going away
        expect_close(&p, 1001);
        peer_close(&p);
    }
}

// Who pings and does not read gets no pongs, and costs no memory.
static void test_ws_pings_are_bounded(void **state)
{
    (void)state;
    struct peer p;
    uint8_t ping[200];
    struct nh_mem_owner_info before, after;
    serve(WITH_WS);
    peer_open(&p);
    peer_upgrade(&p);
    size_t len = frame(ping, 0x89, "0123456789012345678901234567890123456789", 40);
    PUMP_UNTIL(e.loop, e.last != NULL);
    assert_int_equal(nh_mem_owner_info(e.fx.sys, 1, &before), NH_OK);
    for (int i = 0; i < 200000; i++) {
        if (send(p.fd, ping, len, MSG_NOSIGNAL) != (ssize_t)len)
            break;
        if (i % 64 == 0)
            PUMP(e.loop, 1);
    }
    PUMP(e.loop, 50);
    assert_int_equal(nh_mem_owner_info(e.fx.sys, 1, &after), NH_OK);
    assert_true(after.tier[NH_MEM_PSRAM].current_bytes <=
                before.tier[NH_MEM_PSRAM].current_bytes + NH_KIB(2));
    assert_int_equal(e.gone, 0);
    peer_close(&p);
    all_gone();
}

// A reader that stands still, then goes on: whole frames, nothing lost.
static void test_slow_reader(void **state)
{
    (void)state;
    for (unsigned with = WITH_WS; with <= (WITH_WS | WITH_TLS); with += WITH_TLS) {
        struct peer p;
        uint8_t *back = malloc(NH_MIB(8));
        serve(with);
        peer_open(&p);
        if (with & WITH_TLS)
            peer_tls(&p);
        peer_upgrade(&p);
        e.flood_bytes = NH_MIB(8);
        peer_frame(&p, 0x82, "x", 1);
        PUMP_UNTIL(e.loop, e.last && e.last->len > 0);
        PUMP(e.loop, 100);
        assert_true(e.last->len > 0);
        peer_payload(&p, back, NH_MIB(8));
        for (size_t i = 0; i < NH_MIB(8); i++)
            if (back[i] != echo_pattern(i))
                fail_msg("byte %zu is wrong", i);
        free(back);
        peer_close(&p);
        all_gone();
    }
}

static void test_half_closed_peer_gets_its_answer(void **state)
{
    (void)state;
    struct peer p;
    uint8_t back[10];
    serve(WITH_WS);
    peer_open(&p);
    peer_upgrade(&p);
    peer_frame(&p, 0x82, "last words", 10);
    shutdown(p.fd, SHUT_WR);
    peer_payload(&p, back, 10);
    assert_memory_equal(back, "last words", 10);
    expect_close(&p, 1000);
    peer_close(&p);
    all_gone();
}

// ---- memory

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    serve(WITH_PROXY | WITH_TLS | WITH_WS);
    bool is_over = false;
    for (uint64_t nth = 1; !is_over && nth < 60; nth++) {
        struct nh_mem_fault fault = {.fail_nth = nth, .only_owner = e.fx.mem};
        struct peer p;
        char reply[512] = "";
        uint8_t back[3];
        nh_mem_fault_set(e.fx.sys, &fault);
        peer_open(&p);
        p.step = 40; // the request comes in parts
        peer_raw(&p, PROXY_V4_ANN, sizeof PROXY_V4_ANN - 1);
        p.ctx = SSL_CTX_new(TLS_client_method());
        p.ssl = SSL_new(p.ctx);
        SSL_set_fd(p.ssl, p.fd);
        int rc;
        PUMP_UNTIL(e.loop, (rc = SSL_connect(p.ssl)) == 1 ||
                               SSL_get_error(p.ssl, rc) != SSL_ERROR_WANT_READ);
        for (size_t at = 0; rc == 1 && at < sizeof REQUEST - 1; at += 40) {
            size_t n = sizeof REQUEST - 1 - at;
            rc = SSL_write(p.ssl, &REQUEST[at], n < 40 ? (int)n : 40) > 0;
            PUMP(e.loop, 1);
        }
        if (rc == 1)
            peer_head(&p, reply, sizeof reply);
        if (strncmp(reply, "HTTP/1.1 101", 12) == 0) {
            peer_frame(&p, 0x82, "abc", 3);
            PUMP_UNTIL(e.loop, p.is_ended || e.last);
            nh_mem_fault_set(e.fx.sys, NULL);
            if (!p.is_ended)
                peer_payload(&p, back, 3);
            is_over = !p.is_ended;
        }
        nh_mem_fault_set(e.fx.sys, NULL);
        peer_close(&p);
        all_gone();
    }
    assert_true(is_over);
}

// ---- addresses

static void test_both_families(void **state)
{
    (void)state;
    struct peer p;
    char text[64];
    uint8_t back[1];
    nh_listener_t *l;
    const struct nh_listener_config cfg = {.address = "::"};
    int rc = nh_stream_listen(e.set, &cfg, &l);
    if (rc == NH_ERR_UNSUPPORTED || rc == NH_ERR_INVAL)
        skip(); // a machine without IPv6
    assert_int_equal(rc, NH_OK);
    listener = l;
    peer_open(&p);
    peer_raw(&p, "x", 1);
    assert_int_equal(peer_expect(&p, back, 1), 1);
    nh_stream_peer(e.last->s, text, sizeof text);
    assert_memory_equal(text, "127.0.0.1:", 10);
    assert_false(nh_stream_is_local(e.last->s)); // others can come by this one too
    peer_close(&p);
    const struct sockaddr_in6 sa = {.sin6_family = AF_INET6,
                                    .sin6_port = htons(nh_listener_port(listener)),
                                    .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    all_gone();
    peer_connect(&p, (const struct sockaddr *)&sa, sizeof sa);
    peer_raw(&p, "x", 1);
    assert_int_equal(peer_expect(&p, back, 1), 1);
    nh_stream_peer(e.last->s, text, sizeof text);
    assert_memory_equal(text, "[::1]:", 6);
    peer_close(&p);
    all_gone();
}

// ---- Unix sockets

static char *unix_path(void)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/hub.sock", dir);
    return path;
}

static int unix_listen(uint32_t mode)
{
    const struct nh_listener_config cfg = {.address = unix_path(), .unix_mode = mode};
    return nh_stream_listen(e.set, &cfg, &listener);
}

static void unix_connect(struct peer *p)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    snprintf(sa.sun_path, sizeof sa.sun_path, "%.107s", unix_path());
    peer_connect(p, (const struct sockaddr *)&sa, sizeof sa);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static void test_unix_socket(void **state)
{
    static const struct {
        uint32_t mode;
        mode_t want;
    } rows[] = {{0, 0660}, {0600, 0600}, {0666, 0666}};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct peer p;
        char text[64], want[64];
        uint8_t back[3];
        mode_t old = umask(077); // the process's mask has no say
        assert_int_equal(unix_listen(rows[i].mode), NH_OK);
        umask(old);
        assert_int_equal(mode_of(unix_path()), rows[i].want);
        assert_int_equal(nh_listener_port(listener), 0);
        unix_connect(&p);
        peer_raw(&p, "abc", 3);
        assert_int_equal(peer_expect(&p, back, 3), 3);
        nh_stream_peer(e.last->s, text, sizeof text);
        snprintf(want, sizeof want, "unix:%u", (unsigned)getuid());
        assert_string_equal(text, want);
        assert_true(nh_stream_is_local(e.last->s));
        peer_close(&p);
        all_gone();
        echo_restart(&e);
        assert_int_equal(access(unix_path(), F_OK), -1); // removed at the end
    }
}

static void test_unix_path_is_taken(void **state)
{
    (void)state;
    nh_listener_t *second;
    struct stat before, after;
    const struct nh_listener_config cfg = {.address = unix_path()};
    assert_int_equal(unix_listen(0), NH_OK);
    assert_int_equal(lstat(unix_path(), &before), 0);
    assert_int_equal(nh_stream_listen(e.set, &cfg, &second), NH_ERR_BUSY); // somebody listens
    assert_int_equal(lstat(unix_path(), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    // Somebody else's by now: left alone at the end.
    char aside[320];
    snprintf(aside, sizeof aside, "%s.old", unix_path());
    assert_int_equal(rename(unix_path(), aside), 0);
    FILE *f = fopen(unix_path(), "w");
    fputs("not a socket\n", f);
    fclose(f);
    echo_restart(&e);
    assert_int_equal(access(unix_path(), F_OK), 0);
    assert_int_equal(unix_listen(0), NH_ERR_EXISTS); // no socket
    assert_int_equal(remove(unix_path()), 0);
    // Left by one that was killed: replaced.
    assert_int_equal(rename(aside, unix_path()), 0);
    assert_int_equal(unix_listen(0), NH_OK);
    struct peer p;
    uint8_t back[1];
    unix_connect(&p);
    peer_raw(&p, "x", 1);
    assert_int_equal(peer_expect(&p, back, 1), 1);
    peer_close(&p);
    all_gone();
}

static void test_unix_path_faults(void **state)
{
    (void)state;
    char longest[200];
    memset(longest, 'a', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = 0;
    const struct {
        const char *path;
        int err;
    } rows[] = {{longest, NH_ERR_TOO_LONG},
                {"/nonexistent-folder/hub.sock", NH_ERR_NOT_FOUND},
                {"/", NH_ERR_EXISTS}};
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct nh_listener_config cfg = {.address = rows[i].path};
        assert_int_equal(nh_stream_listen(e.set, &cfg, &listener), rows[i].err);
        assert_null(listener);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_combination),
        TEST(test_proxy_refuses),
        TEST(test_refusals_in_the_log),
        TEST(test_proxy_says_who),
        TEST(test_slow_headers_are_cut),
        TEST(test_ws_refuses),
        TEST(test_ws_every_cut),
        TEST(test_ws_frames),
        TEST(test_ws_limits),
        TEST(test_ws_unmasked_is_refused),
        TEST(test_ws_close_comes_last),
        TEST(test_ws_server_ends),
        TEST(test_ws_pings_are_bounded),
        TEST(test_slow_reader),
        TEST(test_half_closed_peer_gets_its_answer),
        TEST(test_every_allocation_may_fail),
        TEST(test_both_families),
        TEST(test_unix_socket),
        TEST(test_unix_path_is_taken),
        TEST(test_unix_path_faults),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
