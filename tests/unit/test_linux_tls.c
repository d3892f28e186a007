#include "stream_fixture.h"
#include "tls_fixture.h"

#include "platform/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

static char dir[256]; // of the certificates, made once
static struct echo e;
static struct echo_client client;
static nh_listener_t *listener;
static nh_tls_t *server_tls, *client_tls;

// ---- certificates

static const char *path_of(const char *name, char out[512])
{
    snprintf(out, 512, "%s/%s", dir, name);
    return name ? out : NULL;
}

static int make_certificates(void **state)
{
    (void)state;
    nh_tls_memory_watch();
    fixture_dir_make(dir, sizeof dir);
    struct tls_identity ca = tls_authority(dir, "ca"), other = tls_authority(dir, "other");
    tls_issue(&ca, dir, "server", "hub", "DNS:localhost,IP:127.0.0.1");
    tls_issue(&ca, dir, "server2", "hub", "DNS:localhost,IP:127.0.0.1");
    tls_issue(&other, dir, "stranger", "hub", "DNS:localhost");
    tls_issue(&ca, dir, "elsewhere", "elsewhere", "DNS:elsewhere.example");
    tls_issue(&ca, dir, "ann", "ann", NULL);
    tls_issue(&other, dir, "mallory", "ann", NULL);
    tls_issue(&ca, dir, "two", "ann|root", NULL);
    tls_issue(&ca, dir, "control", "ann\nroot", NULL);
    tls_issue(&ca, dir, "nameless", NULL, "email:bob@example.org,DNS:bob.example");
    tls_issue(&ca, dir, "uri", "J\xc3\xb6rg", "URI:urn:device:7");
    tls_free(&ca);
    tls_free(&other);
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    fixture_dir_remove(dir);
    return 0;
}

// ---- both ends

struct end {
    const char *cert; // "server": server.pem and server.key; NULL: none
    const char *ca;
    enum nh_tls_client_cert ask;
    bool any_name;
};

static int tls_open(const struct end *end, bool is_client, char *why, size_t cap, nh_tls_t **out)
{
    char cert[512], key[512], ca[512], name[64];
    struct nh_tls_config cfg = {.mem = e.fx.mem,
                                .is_client = is_client,
                                .client_cert = end->ask,
                                .any_name = end->any_name};
    if (end->cert) {
        snprintf(name, sizeof name, "%s.pem", end->cert);
        cfg.cert_file = path_of(name, cert) ? cert : NULL;
        snprintf(name, sizeof name, "%s.key", end->cert);
        cfg.key_file = path_of(name, key) ? key : NULL;
    }
    if (end->ca) {
        snprintf(name, sizeof name, "%s.pem", end->ca);
        cfg.ca_file = path_of(name, ca) ? ca : NULL;
    }
    return nh_tls_create(&cfg, why, cap, out);
}

static nh_tls_t *tls_must(const struct end *end, bool is_client)
{
    char why[200] = "";
    nh_tls_t *t;
    if (tls_open(end, is_client, why, sizeof why, &t) != NH_OK)
        fail_msg("%s", why);
    return t;
}

static const struct end plain_server = {.cert = "server"};
static const struct end plain_client = {.ca = "ca"};

static void serve(const struct end *end)
{
    server_tls = tls_must(end, false);
    const struct nh_listener_config cfg = {.address = "127.0.0.1", .tls = server_tls};
    listener = echo_listen(&e, &cfg);
}

static int dial_as(struct echo_client *c, const struct end *end, const char *host)
{
    nh_tls_destroy(client_tls); // connections go on without it
    client_tls = tls_must(end, true);
    const struct nh_stream_connect_config cfg = {
        .host = host, .port = nh_listener_port(listener), .tls = client_tls};
    return echo_dial(&e, c, &cfg);
}

static int setup(void **state)
{
    (void)state;
    memset(&client, 0, sizeof client);
    server_tls = client_tls = NULL;
    echo_init(&e);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_stream_set_destroy(e.set);
    e.set = NULL;
    nh_tls_destroy(server_tls);
    nh_tls_destroy(client_tls);
    echo_deinit(&e);
    return 0;
}

static struct nh_stream_set_info info_now(void)
{
    struct nh_stream_set_info info;
    nh_stream_set_info(e.set, &info);
    return info;
}

// ---- a client of the library itself, which the tests drive byte by byte

struct raw {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    BIO *in, *out; // memory: what came, and what is to be sent
    bool is_ended;
};

static int raw_socket(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons(nh_listener_port(listener)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void raw_open(struct raw *r, int version)
{
    *r = (struct raw){.fd = raw_socket()};
    r->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(r->ctx, version && version < TLS1_2_VERSION ? 0 : 1);
    SSL_CTX_set_min_proto_version(r->ctx, version);
    SSL_CTX_set_max_proto_version(r->ctx, version);
    r->ssl = SSL_new(r->ctx);
    r->in = BIO_new(BIO_s_mem());
    r->out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(r->in, -1);
    SSL_set_bio(r->ssl, r->in, r->out);
    SSL_set_connect_state(r->ssl);
}

static void raw_close(struct raw *r)
{
    close(r->fd);
    SSL_free(r->ssl);
    SSL_CTX_free(r->ctx);
    ERR_clear_error();
}

// Moves what waits to the socket, at most `max` bytes, and what came from it.
static void raw_move(struct raw *r, size_t max)
{
    uint8_t buf[65536];
    int n = BIO_read(r->out, buf, (int)(max < sizeof buf ? max : sizeof buf));
    if (n > 0)
        assert_int_equal(send(r->fd, buf, (size_t)n, MSG_NOSIGNAL), n);
    uv_run(nh_loop_native(e.loop), UV_RUN_NOWAIT);
    ssize_t got = recv(r->fd, buf, sizeof buf, 0);
    if (got > 0)
        BIO_write(r->in, buf, (int)got);
    r->is_ended |= got == 0 || (got < 0 && errno != EAGAIN);
}

// Shakes hands, at most `step` bytes at a time. False: refused.
static bool raw_shake(struct raw *r, size_t step)
{
    for (long i = 0; i < 20000000; i++) {
        int rc = SSL_do_handshake(r->ssl);
        if (rc == 1 && BIO_pending(r->out) == 0)
            return true;
        if (rc != 1 && SSL_get_error(r->ssl, rc) != SSL_ERROR_WANT_READ)
            return false;
        if (r->is_ended && BIO_pending(r->in) == 0)
            return false;
        raw_move(r, step);
    }
    fail_msg("the handshake never ended");
    return false;
}

static size_t raw_read(struct raw *r, uint8_t *out, size_t want)
{
    size_t got = 0;
    for (long i = 0; got < want && i < 20000000; i++) {
        int n = SSL_read(r->ssl, out + got, (int)(want - got));
        if (n > 0)
            got += (size_t)n;
        else if (SSL_get_error(r->ssl, n) != SSL_ERROR_WANT_READ || r->is_ended)
            break;
        else
            raw_move(r, SIZE_MAX);
    }
    return got;
}

static void raw_write(struct raw *r, const void *bytes, size_t len)
{
    assert_int_equal(SSL_write(r->ssl, bytes, (int)len), (int)len);
    raw_move(r, SIZE_MAX);
}

// ---- tests

static void test_echo(void **state)
{
    (void)state;
    struct nh_mem_owner_info before, after;
    assert_int_equal(nh_mem_owner_info(e.fx.sys, 1, &before), NH_OK);
    serve(&plain_server);
    assert_int_equal(dial_as(&client, &plain_client, "localhost"), NH_OK);
    echo_round(&e, &client, 1);
    echo_round(&e, &client, 500000);
    for (size_t i = 1; i < 200; i++)
        echo_round(&e, &client, i * 83);
    struct nh_stream_set_info info = info_now();
    assert_int_equal(info.accepted, 1);
    assert_int_equal(info.handshake_count, 0);
    assert_int_equal(info.handshake_failures, 0);
    assert_int_equal(info.bytes_in, info.bytes_out);
    echo_hang_up(&e, &client);
    assert_int_equal(client.err, NH_OK);
    assert_int_equal(e.last_err, NH_ERR_CLOSED);
    assert_int_equal(nh_mem_owner_info(e.fx.sys, 1, &after), NH_OK);
    assert_string_equal(after.name, "test");
}

// Who believes whom: what both ends are told.
static const struct {
    const char *name;
    struct end server, client;
    const char *host;
    int err; // of the client; 0: the echo comes
    const char *reason;
    bool opens; // before the refusal reaches it
} trust_rows[] = {
    {"a name", {.cert = "server"}, {.ca = "ca"}, "localhost", 0, "", 0},
    {"an address", {.cert = "server"}, {.ca = "ca"}, "127.0.0.1", 0, "", 0},
    {"another's name",
     {.cert = "elsewhere"},
     {.ca = "ca"},
     "localhost",
     NH_ERR_DENIED,
     "hostname mismatch",
     0},
    {"another's name, any will do",
     {.cert = "elsewhere"},
     {.ca = "ca", .any_name = true},
     "localhost",
     0,
     "",
     0},
    {"not its address",
     {.cert = "stranger"},
     {.ca = "other"},
     "127.0.0.1",
     NH_ERR_DENIED,
     "IP address mismatch",
     0},
    {"another authority",
     {.cert = "stranger"},
     {.ca = "ca"},
     "localhost",
     NH_ERR_DENIED,
     "unable to get local issuer certificate",
     0},
    {"whom the machine believes",
     {.cert = "server"},
     {0},
     "localhost",
     NH_ERR_DENIED,
     "unable to get local issuer certificate",
     0},
    {"no client certificate",
     {.cert = "server", .ca = "ca", .ask = NH_TLS_CERT_REQUIRED},
     {.ca = "ca"},
     "localhost",
     NH_ERR_PROTO,
     "tlsv13 alert certificate required",
     1},
    {"a stranger's client certificate",
     {.cert = "server", .ca = "ca", .ask = NH_TLS_CERT_REQUIRED},
     {.ca = "ca", .cert = "mallory"},
     "localhost",
     NH_ERR_PROTO,
     "tlsv1 alert unknown ca",
     1},
    {"a stranger's, where none is needed",
     {.cert = "server", .ca = "ca", .ask = NH_TLS_CERT_OPTIONAL},
     {.ca = "ca", .cert = "mallory"},
     "localhost",
     NH_ERR_PROTO,
     "tlsv1 alert unknown ca",
     1},
    {"none, where none is needed",
     {.cert = "server", .ca = "ca", .ask = NH_TLS_CERT_OPTIONAL},
     {.ca = "ca"},
     "localhost",
     0,
     "",
     0},
    {"one that nobody asks for",
     {.cert = "server"},
     {.ca = "ca", .cert = "mallory"},
     "localhost",
     0,
     "",
     0},
};

static void test_trust(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(trust_rows); i++) {
        client = (struct echo_client){0};
        serve(&trust_rows[i].server);
        uint64_t failures = info_now().handshake_failures;
        assert_int_equal(dial_as(&client, &trust_rows[i].client, trust_rows[i].host), NH_OK);
        if (trust_rows[i].err == 0) {
            echo_round(&e, &client, 1000);
            echo_hang_up(&e, &client);
        }
        PUMP_UNTIL(e.loop, client.closed && info_now().handshake_count == 0);
        if (client.err != trust_rows[i].err ||
            client.opened != (trust_rows[i].err == 0 || trust_rows[i].opens) ||
            (trust_rows[i].err && !strstr(client.reason, trust_rows[i].reason)))
            fail_msg("%s: err %d, %s", trust_rows[i].name, client.err, client.reason);
        PUMP_UNTIL(e.loop, info_now().conn_count == 0);
        assert_int_equal(info_now().handshake_failures, failures + (trust_rows[i].err != 0));
        echo_restart(&e);
        nh_tls_destroy(server_tls);
        server_tls = NULL;
    }
}

static void test_identity(void **state)
{
    static const struct {
        const char *cert;
        int cn_len, san_len;
        const char *cn, *san;
    } rows[] = {
        {"ann", 3, NH_ERR_NOT_FOUND, "ann", ""},
        {"two", NH_ERR_INVAL, NH_ERR_NOT_FOUND, "", ""},
        {"control", NH_ERR_INVAL, NH_ERR_NOT_FOUND, "", ""},
        {"nameless", NH_ERR_NOT_FOUND, 15, "", "bob@example.org"},
        {"uri", 5, 12, "J\xc3\xb6rg", "urn:device:7"},
        {NULL, NH_ERR_NOT_FOUND, NH_ERR_NOT_FOUND, "", ""},
    };
    const struct end ask = {.cert = "server", .ca = "ca", .ask = NH_TLS_CERT_OPTIONAL};
    (void)state;
    serve(&ask);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        const struct end end = {.ca = "ca", .cert = rows[i].cert};
        char cn[32] = "", san[32] = "", tiny[3];
        client = (struct echo_client){0};
        assert_int_equal(dial_as(&client, &end, "localhost"), NH_OK);
        echo_round(&e, &client, 10);
        assert_int_equal(nh_stream_identity(e.last->s, NH_IDENTITY_CN, cn, sizeof cn),
                         rows[i].cn_len);
        assert_int_equal(nh_stream_identity(e.last->s, NH_IDENTITY_SAN, san, sizeof san),
                         rows[i].san_len);
        assert_string_equal(cn, rows[i].cn);
        assert_string_equal(san, rows[i].san);
        if (rows[i].cn_len > 0)
            assert_int_equal(nh_stream_identity(e.last->s, NH_IDENTITY_CN, tiny, sizeof tiny),
                             NH_ERR_TOO_LONG);
        echo_hang_up(&e, &client);
    }
}

static void test_versions(void **state)
{
    static const struct {
        int version;
        bool ok;
    } rows[] = {{TLS1_1_VERSION, false}, {TLS1_2_VERSION, true}, {TLS1_3_VERSION, true}};
    (void)state;
    serve(&plain_server);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct raw r;
        uint8_t back[5] = {0};
        raw_open(&r, rows[i].version);
        assert_int_equal(raw_shake(&r, SIZE_MAX), rows[i].ok);
        if (rows[i].ok) {
            raw_write(&r, "hello", 5);
            assert_int_equal(raw_read(&r, back, 5), 5);
            assert_memory_equal(back, "hello", 5);
        }
        raw_close(&r);
        PUMP_UNTIL(e.loop, info_now().conn_count == 0);
    }
}

static void test_renegotiation_is_refused(void **state)
{
    (void)state;
    struct raw r;
    uint8_t back[8];
    serve(&plain_server);
    raw_open(&r, TLS1_2_VERSION);
    assert_true(raw_shake(&r, SIZE_MAX));
    assert_int_equal(SSL_renegotiate(r.ssl), 1);
    SSL_do_handshake(r.ssl);
    raw_move(&r, SIZE_MAX);
    assert_int_equal(raw_read(&r, back, 1), 0); // an alert, and the library gives up
    raw_close(&r);
    PUMP_UNTIL(e.loop, info_now().conn_count == 0);
}

static void test_a_ticket_resumes(void **state)
{
    (void)state;
    struct raw r;
    uint8_t back[1];
    serve(&plain_server);
    raw_open(&r, TLS1_3_VERSION);
    assert_true(raw_shake(&r, SIZE_MAX));
    raw_write(&r, "x", 1);
    assert_int_equal(raw_read(&r, back, 1), 1); // the ticket came before it
    SSL_SESSION *session = SSL_get1_session(r.ssl);
    SSL_shutdown(r.ssl); // else the library throws the session away
    raw_close(&r);
    for (int round = 0; round < 2; round++) {
        raw_open(&r, TLS1_3_VERSION);
        assert_int_equal(SSL_set_session(r.ssl, session), 1);
        assert_true(raw_shake(&r, SIZE_MAX));
        assert_int_equal(SSL_session_reused(r.ssl), round == 0); // not across a reload
        SSL_shutdown(r.ssl);
        raw_close(&r);
        char why[200];
        assert_int_equal(nh_tls_reload(server_tls, why, sizeof why), NH_OK);
    }
    SSL_SESSION_free(session);
    PUMP_UNTIL(e.loop, info_now().conn_count == 0);
}

// The client's bytes one by one, and as they come: the same end.
static void test_every_cut(void **state)
{
    (void)state;
    serve(&plain_server);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        for (size_t step = 1; step < 3; step++) {
            struct raw r;
            uint8_t back[3];
            raw_open(&r, version);
            assert_true(raw_shake(&r, step));
            assert_int_equal(SSL_write(r.ssl, "abc", 3), 3);
            while (BIO_pending(r.out))
                raw_move(&r, step);
            assert_int_equal(raw_read(&r, back, 3), 3);
            raw_close(&r);
        }
    }
    PUMP_UNTIL(e.loop, info_now().conn_count == 0);
}

// The peer goes away after each byte of its part of the handshake.
static void test_gone_after_every_byte(void **state)
{
    (void)state;
    serve(&plain_server);
    bool is_over = false;
    size_t cut;
    for (cut = 0; !is_over; cut++) {
        struct raw r;
        raw_open(&r, TLS1_3_VERSION);
        size_t left = cut;
        while (left > 0 && !is_over) {
            int rc = SSL_do_handshake(r.ssl);
            is_over = rc == 1 && BIO_pending(r.out) == 0;
            size_t have = (size_t)BIO_pending(r.out);
            size_t n = left < have ? left : have;
            left -= n;
            raw_move(&r, n);
        }
        raw_close(&r);
        PUMP_UNTIL(e.loop, info_now().conn_count == 0);
    }
    assert_true(cut > 300); // a hello and a Finished
    struct nh_stream_set_info info = info_now();
    assert_true(info.handshake_failures >= cut - 3);
    assert_true(info.accepted <= 2);
    assert_int_equal(info.handshake_count, 0);
}

static void test_not_tls_at_all(void **state)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t len;
    } rows[] = {
        {"nothing", "", 0},
        {"CONNECT", "\x10\x0f\0\4MQTT\4\2\0\x3c\0\3abc", 17},
        {"HTTP", "GET / HTTP/1.1\r\nHost: hub\r\n\r\n", 29},
        {"an alert", "\x15\x03\x03\0\2\2\x28", 7},
        {"a record of 64 KiB", "\x16\x03\x01\xff\xff\1\0\0\0", 9},
        {"application data", "\x17\x03\x03\0\4abcd", 9},
        {"zeros", "\0\0\0\0\0\0\0\0\0\0", 10},
    };
    (void)state;
    serve(&plain_server);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t buf[64];
        ssize_t n = -1;
        int fd = raw_socket();
        assert_int_equal(send(fd, rows[i].bytes, rows[i].len, MSG_NOSIGNAL), rows[i].len);
        if (rows[i].len < 9) // not enough to judge by; then its end
            shutdown(fd, SHUT_WR);
        PUMP_UNTIL(e.loop, (n = recv(fd, buf, sizeof buf, 0)) == 0 || (n < 0 && errno != EAGAIN));
        close(fd);
        PUMP_UNTIL(e.loop, info_now().conn_count == 0);
        if (info_now().handshake_failures != i + 1)
            fail_msg("%s: %d failures", rows[i].name, (int)info_now().handshake_failures);
    }
    assert_int_equal(e.served, 0);
}

// Whoever is slow to shake hands is cut, and holds only a place among those who shake.
static void test_handshakes_are_bounded(void **state)
{
    (void)state;
    enum { SILENT = 4 };
    int silent[SILENT];
    e.cfg.handshake_max_count = 2;
    e.cfg.handshake_timeout_ms = 50;
    echo_restart(&e);
    serve(&plain_server);
    for (int i = 0; i < SILENT; i++)
        silent[i] = raw_socket();
    PUMP_UNTIL(e.loop, info_now().handshake_count == 2);
    PUMP(e.loop, 20);
    assert_in_range(info_now().handshake_count, 1, 2);
    assert_in_range(info_now().conn_count, 1, 2);
    PUMP_UNTIL(e.loop, info_now().handshake_timeouts == SILENT);
    PUMP_UNTIL(e.loop, info_now().conn_count == 0);
    for (int i = 0; i < SILENT; i++)
        close(silent[i]);
    // With time enough all get in, two at once.
    struct echo_client crowd[6] = {0};
    e.cfg.handshake_timeout_ms = 0;
    echo_restart(&e);
    nh_tls_destroy(server_tls);
    serve(&plain_server);
    for (size_t i = 0; i < NH_ARRAY_LEN(crowd); i++)
        assert_int_equal(dial_as(&crowd[i], &plain_client, "localhost"), NH_OK);
    for (size_t i = 0; i < NH_ARRAY_LEN(crowd); i++)
        echo_round(&e, &crowd[i], 100);
    for (size_t i = 0; i < NH_ARRAY_LEN(crowd); i++)
        nh_stream_close(crowd[i].s, true);
    PUMP_UNTIL(e.loop, e.served == e.gone && info_now().conn_count == 0);
    assert_int_equal(info_now().accepted, NH_ARRAY_LEN(crowd));
}

static void test_client_gives_up_in_time(void **state)
{
    (void)state;
    const struct nh_listener_config plain = {.address = "127.0.0.1"};
    listener = echo_listen(&e, &plain); // takes the hello, and echoes it
    client_tls = tls_must(&plain_client, true);
    const struct nh_stream_connect_config cfg = {
        .host = "127.0.0.1", .port = nh_listener_port(listener), .tls = client_tls};
    assert_int_equal(echo_dial(&e, &client, &cfg), NH_OK);
    PUMP_UNTIL(e.loop, client.closed);
    assert_int_equal(client.opened, 0);
    assert_int_equal(client.err, NH_ERR_PROTO);
    e.flood_bytes = 0;
    // A server that says nothing at all.
    nh_stream_set_destroy(e.set);
    assert_int_equal(echo_start(&e), NH_OK);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    const struct nh_stream_connect_config silent = {
        .host = "127.0.0.1", .port = ntohs(sa.sin_port), .tls = client_tls, .timeout_ms = 30};
    assert_int_equal(echo_dial(&e, &client, &silent), NH_OK);
    PUMP_UNTIL(e.loop, client.closed);
    assert_int_equal(client.err, NH_ERR_TIMEOUT);
    assert_string_equal(client.reason, "no handshake in time");
    close(fd);
}

static void copy_file(const char *from, const char *to)
{
    char a[512], b[512], bytes[8192];
    FILE *in = fopen(path_of(from, a), "r"), *out = fopen(path_of(to, b), "w");
    size_t n = fread(bytes, 1, sizeof bytes, in);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    fclose(in);
    fclose(out);
}

static void test_reload(void **state)
{
    (void)state;
    const struct end end = {.cert = "live"};
    const struct end other = {.ca = "other"};
    char why[200] = "", path[512];
    struct echo_client second = {0}, third = {0};
    copy_file("server.pem", "live.pem");
    copy_file("server.key", "live.key");
    serve(&end);
    assert_int_equal(dial_as(&client, &plain_client, "localhost"), NH_OK);
    echo_round(&e, &client, 1000);
    copy_file("stranger.pem", "live.pem"); // without its key: nothing changes
    assert_int_equal(nh_tls_reload(server_tls, why, sizeof why), NH_ERR_INVAL);
    assert_non_null(strstr(why, "live.key: key values mismatch"));
    assert_int_equal(dial_as(&second, &plain_client, "localhost"), NH_OK);
    echo_round(&e, &second, 1000);
    copy_file("stranger.key", "live.key");
    assert_int_equal(nh_tls_reload(server_tls, why, sizeof why), NH_OK);
    assert_int_equal(dial_as(&third, &other, "localhost"), NH_OK); // sees the new one
    echo_round(&e, &third, 1000);
    echo_round(&e, &client, 1000); // and who is there goes on
    echo_round(&e, &second, 1000);
    assert_int_equal(client.closed + second.closed + third.closed, 0);
    remove(path_of("live.pem", path));
    assert_int_equal(nh_tls_reload(server_tls, why, sizeof why), NH_ERR_NOT_FOUND);
    assert_non_null(strstr(why, "live.pem: not found"));
    nh_stream_close(client.s, true);
    nh_stream_close(second.s, true);
    echo_hang_up(&e, &third);
}

static void write_text(const char *name, const char *text)
{
    char path[512];
    FILE *f = fopen(path_of(name, path), "w");
    fputs(text, f);
    fclose(f);
}

static void test_config_faults(void **state)
{
    static const struct {
        const char *name;
        bool is_client;
        struct end end;
        int err;
        const char *why;
    } rows[] = {
        {"no certificate", false, {0}, NH_ERR_INVAL, "a server needs a certificate"},
        {"asks, believes nobody",
         false,
         {.cert = "server", .ask = NH_TLS_CERT_REQUIRED},
         NH_ERR_INVAL,
         "needs CA certificates"},
        {"not there", false, {.cert = "nowhere"}, NH_ERR_NOT_FOUND, "nowhere.pem: not found"},
        {"no PEM",
         false,
         {.cert = "garbage"},
         NH_ERR_INVAL,
         "garbage.pem: is no certificate in PEM"},
        {"empty CA", true, {.ca = "empty"}, NH_ERR_INVAL, "empty.pem: holds no certificate in PEM"},
        {"no CA",
         false,
         {.cert = "server", .ca = "garbage", .ask = NH_TLS_CERT_OPTIONAL},
         NH_ERR_INVAL,
         "garbage.pem: "},
    };
    (void)state;
    write_text("garbage.pem", "nothing of the kind\n");
    write_text("garbage.key", "nothing of the kind\n");
    write_text("empty.pem", "");
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        char why[200] = "";
        nh_tls_t *t = (nh_tls_t *)&client;
        int err = tls_open(&rows[i].end, rows[i].is_client, why, sizeof why, &t);
        if (err != rows[i].err || !strstr(why, rows[i].why) || t)
            fail_msg("%s: err %d, %s", rows[i].name, err, why);
    }
    // One end's means do not do for the other.
    serve(&plain_server);
    client_tls = tls_must(&plain_client, true);
    nh_listener_t *l;
    const struct nh_listener_config cfg = {.address = "127.0.0.1", .tls = client_tls};
    assert_int_equal(nh_stream_listen(e.set, &cfg, &l), NH_ERR_INVAL);
    const struct nh_stream_connect_config to = {.host = "::1", .port = 1, .tls = server_tls};
    assert_int_equal(nh_stream_connect(e.set, &to, &client.s), NH_ERR_INVAL);
}

// A key with a pass phrase would have it asked for on the terminal.
static void test_key_with_a_pass_phrase(void **state)
{
    (void)state;
    char path[512], why[200];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *f = fopen(path_of("locked.key", path), "w");
    assert_int_equal(
        PEM_write_PrivateKey(f, key, EVP_aes_128_cbc(), (uint8_t *)"secret", 6, NULL, NULL), 1);
    fclose(f);
    EVP_PKEY_free(key);
    copy_file("server.pem", "locked.pem");
    const struct end end = {.cert = "locked"};
    nh_tls_t *t;
    assert_int_equal(tls_open(&end, false, why, sizeof why, &t), NH_ERR_INVAL);
    assert_non_null(strstr(why, "locked.key: has a pass phrase"));
    write_text("locked.key", "nothing of the kind\n");
    assert_int_equal(tls_open(&end, false, why, sizeof why, &t), NH_ERR_INVAL);
    assert_non_null(strstr(why, "locked.key: is not a private key in PEM"));
}

// A reader that stands still: what waits in the layer is bounded, and the others go on.
static void test_slow_reader(void **state)
{
    (void)state;
    struct echo_client fast = {0};
    struct nh_mem_owner_info before, after;
    serve(&plain_server);
    e.is_paused = true;
    e.flood_bytes = NH_MIB(16);
    assert_int_equal(dial_as(&client, &plain_client, "localhost"), NH_OK);
    client.out = (const uint8_t *)"x";
    client.out_len = 1;
    PUMP_UNTIL(e.loop, e.last && e.last->len);
    struct echo_server *slow = e.last;
    size_t left;
    do {
        left = slow->len;
        PUMP(e.loop, 50);
    } while (left != slow->len);
    assert_in_range(slow->len, 1, NH_MIB(16) - 1);
    assert_int_equal(nh_mem_owner_info(e.fx.sys, 1, &before), NH_OK);
    PUMP(e.loop, 100);
    assert_int_equal(slow->len, left); // waited for, not tried again
    e.is_paused = false;
    e.flood_bytes = 0;
    assert_int_equal(dial_as(&fast, &plain_client, "localhost"), NH_OK);
    echo_round(&e, &fast, 300000);
    assert_int_equal(nh_mem_owner_info(e.fx.sys, 1, &after), NH_OK);
    assert_true(after.tier[NH_MEM_PSRAM].current_bytes <
                before.tier[NH_MEM_PSRAM].current_bytes + NH_KIB(64));
    nh_stream_pause(client.s, false);
    PUMP_UNTIL(e.loop, client.got == NH_MIB(16));
    assert_false(client.is_wrong);
    nh_stream_close(client.s, true);
    echo_hang_up(&e, &fast);
}

static void test_half_closed_peer_gets_its_answer(void **state)
{
    (void)state;
    struct raw r;
    uint8_t back[16];
    serve(&plain_server);
    raw_open(&r, TLS1_3_VERSION);
    assert_true(raw_shake(&r, SIZE_MAX));
    assert_int_equal(SSL_write(r.ssl, "last words", 10), 10);
    SSL_shutdown(r.ssl);
    raw_move(&r, SIZE_MAX);
    assert_int_equal(raw_read(&r, back, 10), 10);
    assert_int_equal(raw_read(&r, back, 1), 0);
    assert_int_equal(SSL_get_shutdown(r.ssl), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    raw_close(&r);
    PUMP_UNTIL(e.loop, e.gone == 1);
    assert_int_equal(e.last_err, NH_ERR_CLOSED);
}

// What was changed on the way is noticed.
static void test_forged_record(void **state)
{
    (void)state;
    struct raw r;
    uint8_t buf[256];
    serve(&plain_server);
    raw_open(&r, TLS1_3_VERSION);
    assert_true(raw_shake(&r, SIZE_MAX));
    PUMP_UNTIL(e.loop, e.served == 1);
    SSL_write(r.ssl, "hello", 5);
    int n = BIO_read(r.out, buf, sizeof buf);
    buf[n - 1] ^= 1;
    assert_int_equal(send(r.fd, buf, (size_t)n, MSG_NOSIGNAL), n);
    PUMP_UNTIL(e.loop, e.gone == 1);
    assert_int_equal(e.last_err, NH_ERR_PROTO);
    raw_close(&r);
}

static void test_destroy_says_last_words(void **state)
{
    (void)state;
    struct raw r;
    uint8_t back[NH_KIB(8)];
    serve(&plain_server);
    raw_open(&r, TLS1_3_VERSION);
    assert_true(raw_shake(&r, SIZE_MAX));
    PUMP_UNTIL(e.loop, e.served == 1);
    echo__append(e.last, NULL, sizeof back); // not yet sent
    echo_restart(&e);
    assert_int_equal(raw_read(&r, back, sizeof back), sizeof back);
    assert_int_equal(raw_read(&r, back, 1), 0);
    assert_true(SSL_get_shutdown(r.ssl) & SSL_RECEIVED_SHUTDOWN);
    raw_close(&r);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    serve(&plain_server);
    bool is_over = false;
    for (uint64_t nth = 1; !is_over && nth < 60; nth++) {
        struct nh_mem_fault fault = {.fail_nth = nth, .only_owner = e.fx.mem};
        client = (struct echo_client){0};
        client_tls = client_tls ? client_tls : tls_must(&plain_client, true);
        const struct nh_stream_connect_config cfg = {
            .host = "127.0.0.1", .port = nh_listener_port(listener), .tls = client_tls};
        nh_mem_fault_set(e.fx.sys, &fault);
        int rc = echo_dial(&e, &client, &cfg);
        assert_true(rc == NH_OK || rc == NH_ERR_NOMEM);
        if (rc == NH_OK) {
            uint8_t *bytes = echo_bytes_make(50000);
            client.out = bytes;
            client.out_len = 50000;
            PUMP_UNTIL(e.loop, client.got == 50000 || client.closed);
            is_over = client.got == 50000;
            nh_stream_close(client.s, false);
            PUMP_UNTIL(e.loop, client.closed && info_now().conn_count == 0);
            free(bytes);
        }
        nh_mem_fault_set(e.fx.sys, NULL);
    }
    assert_true(is_over);
    client = (struct echo_client){0};
    assert_int_equal(dial_as(&client, &plain_client, "localhost"), NH_OK);
    echo_round(&e, &client, 1000);
}

static void test_idle_cost(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    struct raw r[COUNT];
    struct nh_mem_owner_info before, after;
    uint8_t back[1];
    serve(&plain_server);
    assert_int_equal(nh_mem_owner_info(e.fx.sys, 1, &before), NH_OK);
    for (int i = 0; i < COUNT; i++) {
        raw_open(&r[i], TLS1_3_VERSION);
        assert_true(raw_shake(&r[i], SIZE_MAX));
        raw_write(&r[i], "x", 1);
        assert_int_equal(raw_read(&r[i], back, 1), 1);
    }
    int64_t with_both = nh_tls_memory_bytes();
    assert_int_equal(nh_mem_owner_info(e.fx.sys, 1, &after), NH_OK);
    size_t ours = after.tier[NH_MEM_PSRAM].current_bytes - before.tier[NH_MEM_PSRAM].current_bytes;
    assert_in_range(ours / COUNT, 32, 200);
    int opened = info_now().conn_count;
    for (int i = 0; i < COUNT; i++) // the library's figure of the server's side alone
        raw_close(&r[i]);
    int64_t before_end = nh_tls_memory_bytes();
    PUMP_UNTIL(e.loop, info_now().conn_count == 0);
    int64_t servers = before_end - nh_tls_memory_bytes();
    print_message("an idle TLS connection: %zu B of ours, %lld B of the library\n", ours / COUNT,
                  (long long)servers / COUNT);
    assert_int_equal(opened, COUNT);
    assert_true(with_both == -1 || (servers / COUNT > 1000 && servers / COUNT < 30000));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_echo),
        TEST(test_trust),
        TEST(test_identity),
        TEST(test_versions),
        TEST(test_renegotiation_is_refused),
        TEST(test_a_ticket_resumes),
        TEST(test_every_cut),
        TEST(test_gone_after_every_byte),
        TEST(test_not_tls_at_all),
        TEST(test_handshakes_are_bounded),
        TEST(test_client_gives_up_in_time),
        TEST(test_reload),
        TEST(test_config_faults),
        TEST(test_key_with_a_pass_phrase),
        TEST(test_slow_reader),
        TEST(test_half_closed_peer_gets_its_answer),
        TEST(test_forged_record),
        TEST(test_destroy_says_last_words),
        TEST(test_every_allocation_may_fail),
        TEST(test_idle_cost),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
