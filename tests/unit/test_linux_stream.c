#include "linux_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

// The handler under test: it echoes, or makes output without end, or only counts, as `mode` says.
enum mode { MODE_ECHO, MODE_FLOOD, MODE_SINK };

#define PENDING_MAX_BYTES NH_KIB(256)

struct conn {
    nh_stream_t *s;
    uint8_t *pending; // not yet sent
    size_t pending_len;
    uint64_t flood_left, got;
    bool is_open;
};

struct server {
    nh_loop_t *loop;
    nh_stream_set_t *set;
    nh_listener_t *listener;
    enum mode mode;
    int opened, closed, last_err, turn_ends, inputs, open_rc, input_rc;
    uint64_t bytes_in;
    uint64_t flood_bytes;
    uint32_t drain_ms;
    bool pause_on_input, close_on_input, drain_on_input, in_turn;
    struct conn *last;
    struct conn conn[1200];
};

static struct linux_fixture fx;
static struct server sv;
static const uint8_t flood[4096] = {1, 2, 3};

static int on_open(void *ctx, nh_stream_t *s)
{
    struct server *v = ctx;
    if (v->open_rc)
        return v->open_rc;
    struct conn *c = &v->conn[v->opened++];
    *c = (struct conn){.s = s, .flood_left = v->flood_bytes, .is_open = true};
    nh_stream_user_set(s, c);
    v->last = c;
    return 0;
}

static int on_input(void *ctx, nh_stream_t *s, const uint8_t *bytes, size_t len)
{
    struct server *v = ctx;
    struct conn *c = nh_stream_user(s);
    assert_true(c->is_open);
    v->inputs++;
    v->bytes_in += len;
    c->got += len;
    if (v->mode == MODE_ECHO) {
        c->pending = realloc(c->pending, c->pending_len + len);
        memcpy(c->pending + c->pending_len, bytes, len);
        c->pending_len += len;
        nh_stream_dirty(s);
    } else if (v->mode == MODE_FLOOD) {
        nh_stream_dirty(s);
    }
    if (v->pause_on_input)
        nh_stream_pause(s, true);
    if (v->close_on_input || v->drain_on_input)
        nh_stream_close(s, v->drain_on_input);
    return v->input_rc;
}

static size_t on_output(void *ctx, nh_stream_t *s, struct nh_iov *iov, size_t max)
{
    struct server *v = ctx;
    struct conn *c = nh_stream_user(s);
    size_t n = 0;
    assert_true(c->is_open);
    if (v->mode == MODE_FLOOD) {
        uint64_t left = c->flood_left;
        for (; n < max && left; n++) {
            iov[n].ptr = flood;
            iov[n].len = left < sizeof flood ? (size_t)left : sizeof flood;
            left -= iov[n].len;
        }
    } else if (c->pending_len) { // in two spans, to see them gathered
        size_t half = c->pending_len / 2;
        if (half)
            iov[n++] = (struct nh_iov){c->pending, half};
        iov[n++] = (struct nh_iov){c->pending + half, c->pending_len - half};
    }
    return n;
}

static void on_sent(void *ctx, nh_stream_t *s, size_t bytes)
{
    struct server *v = ctx;
    struct conn *c = nh_stream_user(s);
    if (v->mode == MODE_FLOOD) {
        assert_true(bytes <= c->flood_left);
        c->flood_left -= bytes;
        return;
    }
    assert_true(bytes <= c->pending_len);
    c->pending_len -= bytes;
    memmove(c->pending, c->pending + bytes, c->pending_len);
}

static void on_turn_end(void *ctx)
{
    ((struct server *)ctx)->turn_ends++;
}

static void on_closed(void *ctx, nh_stream_t *s, int err)
{
    struct server *v = ctx;
    struct conn *c = nh_stream_user(s);
    assert_true(c->is_open);
    c->is_open = false;
    free(c->pending);
    c->pending = NULL;
    v->closed++;
    v->last_err = err;
    nh_stream_close(s, true); // all of these do nothing any more
    nh_stream_dirty(s);
    nh_stream_pause(s, false);
}

static const struct nh_stream_handler handler = {
    .ctx = &sv,
    .open = on_open,
    .input = on_input,
    .output = on_output,
    .sent = on_sent,
    .turn_end = on_turn_end,
    .closed = on_closed,
};

static int server_start(uint32_t conn_max, uint32_t buffer)
{
    const struct nh_stream_set_config cfg = {
        .loop = sv.loop,
        .mem = fx.mem,
        .conn_max_count = conn_max,
        .read_buffer_bytes = buffer,
        .drain_ms = sv.drain_ms,
        .handler = handler,
    };
    const struct nh_listener_config listen = {.address = "127.0.0.1"};
    int rc = nh_stream_set_create(&cfg, &sv.set);
    if (rc == NH_OK && (rc = nh_stream_listen(sv.set, &listen, &sv.listener)) != NH_OK) {
        nh_stream_set_destroy(sv.set);
        sv.set = NULL;
    }
    return rc;
}

static int setup(void **state)
{
    (void)state;
    memset(&sv, 0, sizeof sv);
    fixture_start(&fx);
    assert_int_equal(nh_loop_create(fx.mem, &sv.loop), NH_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_stream_set_destroy(sv.set);
    assert_int_equal(sv.opened, sv.closed);
    nh_loop_destroy(sv.loop);
    fixture_stop(&fx);
    return 0;
}

// ---- clients

static int client_open(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons(nh_listener_port(sv.listener)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void client_send(int fd, const void *bytes, size_t len)
{
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

// What has come by now, or -1 at the end of the stream, or -2 after a reset.
static ssize_t client_recv(int fd, void *out, size_t cap)
{
    ssize_t n = recv(fd, out, cap, 0);
    if (n > 0)
        return n;
    if (n == 0)
        return -1;
    return errno == EAGAIN ? 0 : -2;
}

static int client_open_accepted(void)
{
    int before = sv.opened;
    int fd = client_open();
    PUMP_UNTIL(sv.loop, sv.opened == before + 1);
    return fd;
}

static size_t recv_all(int fd, size_t want)
{
    static uint8_t buf[65536];
    size_t got = 0;
    ssize_t n = 0;
    PUMP_UNTIL(sv.loop, (n = client_recv(fd, buf, sizeof buf), got += n > 0 ? (size_t)n : 0,
                         got >= want || n < 0));
    return got;
}

static ssize_t recv_end(int fd)
{
    uint8_t buf[4096];
    ssize_t n = 0;
    PUMP_UNTIL(sv.loop, (n = client_recv(fd, buf, sizeof buf)) < 0);
    return n;
}

// ---- tests

static void test_echo(void **state)
{
    (void)state;
    assert_int_equal(server_start(0, 0), NH_OK);
    int fd = client_open_accepted();
    char peer[64];
    struct sockaddr_in own = {0};
    socklen_t len = sizeof own;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
    char expected[64];
    snprintf(expected, sizeof expected, "127.0.0.1:%u", ntohs(own.sin_port));
    nh_stream_peer(sv.last->s, peer, sizeof peer);
    assert_string_equal(peer, expected);
    assert_true(nh_stream_is_local(sv.last->s)); // it listens at the loopback
    for (int i = 0; i < 100; i++) {
        client_send(fd, "hello", 5);
        assert_int_equal(recv_all(fd, 5), 5);
    }
    struct nh_stream_set_info info;
    nh_stream_set_info(sv.set, &info);
    assert_int_equal(info.conn_count, 1);
    assert_int_equal(info.conn_max, 1000);
    assert_int_equal(info.accepted, 1);
    assert_int_equal(info.bytes_in, 500);
    assert_int_equal(info.bytes_out, 500);
    assert_true(sv.turn_ends >= 100);
    close(fd);
    PUMP_UNTIL(sv.loop, sv.closed == 1);
    assert_int_equal(sv.last_err, NH_ERR_CLOSED);
}

static void test_half_closed_peer_gets_its_answer(void **state)
{
    (void)state;
    assert_int_equal(server_start(0, 0), NH_OK);
    int fd = client_open_accepted();
    client_send(fd, "last words", 10);
    shutdown(fd, SHUT_WR);
    assert_int_equal(recv_all(fd, 10), 10);
    assert_int_equal(recv_end(fd), -1);
    assert_int_equal(sv.last_err, NH_ERR_CLOSED);
    close(fd);
}

static void test_many_connections(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static int fd[COUNT];
    struct nh_mem_owner_info before, after;
    assert_int_equal(server_start(COUNT, 0), NH_OK);
    assert_int_equal(nh_mem_owner_info(fx.sys, 1, &before), NH_OK);
    for (int i = 0; i < COUNT; i++) {
        fd[i] = client_open();
        PUMP(sv.loop, 1);
    }
    PUMP_UNTIL(sv.loop, sv.opened == COUNT);
    assert_int_equal(nh_mem_owner_info(fx.sys, 1, &after), NH_OK);
    size_t grown = after.tier[NH_MEM_PSRAM].current_bytes - before.tier[NH_MEM_PSRAM].current_bytes;
    assert_string_equal(after.name, "test");
    assert_in_range(grown / COUNT, 1,
                    48); // 32 of a stream, its part of the chunk's and heap's head
    for (int i = 0; i < COUNT; i++)
        client_send(fd[i], &i, sizeof i);
    for (int i = 0; i < COUNT; i++) {
        int got = -1;
        PUMP_UNTIL(sv.loop, client_recv(fd[i], &got, sizeof got) == (ssize_t)sizeof got);
        assert_int_equal(got, i);
    }
    int extra = client_open(); // over the limit: closed at once, counted
    assert_true(recv_end(extra) < 0);
    struct nh_stream_set_info info;
    nh_stream_set_info(sv.set, &info);
    assert_int_equal(info.refused, 1);
    assert_int_equal(info.conn_count, COUNT);
    close(extra);
    for (int i = 0; i < COUNT; i++)
        close(fd[i]);
    PUMP_UNTIL(sv.loop, sv.closed == COUNT);
    assert_int_equal(nh_mem_owner_info(fx.sys, 1, &after), NH_OK);
    assert_in_range(after.tier[NH_MEM_PSRAM].current_blocks, 1, 3); // buffer, listener, one chunk
}

static void test_refused_by_open(void **state)
{
    (void)state;
    assert_int_equal(server_start(0, 0), NH_OK);
    sv.open_rc = NH_ERR_DENIED;
    int fd = client_open();
    assert_true(recv_end(fd) < 0);
    struct nh_stream_set_info info;
    nh_stream_set_info(sv.set, &info);
    assert_int_equal(info.refused, 1);
    assert_int_equal(info.conn_count, 0);
    assert_int_equal(sv.closed, 0);
    close(fd);
}

static void test_slow_reader_does_not_hold_the_others(void **state)
{
    (void)state;
    sv.mode = MODE_FLOOD;
    sv.flood_bytes = NH_MIB(24); // more than the kernel takes
    assert_int_equal(server_start(0, 0), NH_OK);
    int slow = client_open_accepted();
    client_send(slow, "x", 1);
    PUMP(sv.loop, 100);
    struct conn *slow_conn = sv.last;
    assert_true(slow_conn->flood_left > 0);
    sv.flood_bytes = NH_MIB(1);
    int fast = client_open_accepted();
    client_send(fast, "x", 1);
    assert_int_equal(recv_all(fast, NH_MIB(1)), NH_MIB(1));
    uint64_t left = slow_conn->flood_left;
    struct nh_loop_info before, after;
    PUMP(sv.loop, 10);
    nh_loop_info(sv.loop, &before);
    assert_int_equal(slow_conn->flood_left, left); // a full socket is waited for, not tried again
    int turn_ends = sv.turn_ends;
    PUMP(sv.loop, 100);
    nh_loop_info(sv.loop, &after);
    assert_int_equal(sv.turn_ends, turn_ends);
    assert_int_equal(recv_all(slow, NH_MIB(24)), NH_MIB(24)); // and it gets all when it reads
    assert_int_equal(slow_conn->flood_left, 0);
    close(slow);
    close(fast);
}

static void test_pause_pushes_back(void **state)
{
    (void)state;
    static uint8_t bytes[NH_KIB(64)];
    sv.mode = MODE_SINK;
    assert_int_equal(server_start(0, 4096), NH_OK);
    int fd = client_open_accepted();
    sv.pause_on_input = true;
    client_send(fd, bytes, 10000);
    PUMP_UNTIL(sv.loop, sv.inputs == 1);
    PUMP(sv.loop, 20);
    assert_int_equal(sv.inputs, 1);
    size_t sent = 10000;
    ssize_t n;
    while ((n = send(fd, bytes, sizeof bytes, MSG_NOSIGNAL)) > 0) { // until the peer feels it
        sent += (size_t)n;
        PUMP(sv.loop, 1);
    }
    assert_int_equal(errno, EAGAIN);
    PUMP(sv.loop, 20);
    assert_int_equal(sv.inputs, 1);
    sv.pause_on_input = false;
    nh_stream_pause(sv.last->s, false); // outside of a turn
    PUMP_UNTIL(sv.loop, sv.bytes_in == sent);
    // Paused when the peer dies: learnt all the same.
    nh_stream_pause(sv.last->s, true);
    struct linger hard = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    PUMP_UNTIL(sv.loop, sv.closed == 1);
    assert_int_equal(sv.last_err, NH_ERR_CLOSED);
}

static void test_dirty_outside_of_a_turn(void **state)
{
    (void)state;
    sv.mode = MODE_FLOOD;
    sv.flood_bytes = 10;
    assert_int_equal(server_start(0, 0), NH_OK);
    int fd = client_open_accepted();
    nh_stream_dirty(sv.last->s);
    nh_stream_dirty(sv.last->s);
    int turn_ends = sv.turn_ends;
    assert_int_equal(recv_all(fd, 10), 10);
    assert_int_equal(sv.turn_ends, turn_ends + 1); // flushed once
    PUMP(sv.loop, 10);
    assert_int_equal(sv.turn_ends, turn_ends + 1);
    close(fd);
}

static void test_ends(void **state)
{
    // Who ends the connection, and how: what the client gets before the end and closed() is told.
    static const struct {
        const char *name;
        bool close, drain;
        int input_rc;
        size_t gets;
        int err;
    } rows[] = {
        {"close at once", true, false, 0, 0, NH_OK},
        {"close with drain", false, true, 0, 1u << 20, NH_OK},
        {"input refused", false, false, NH_ERR_PROTO, 1u << 20, NH_ERR_PROTO},
    };
    (void)state;
    sv.mode = MODE_FLOOD;
    sv.drain_ms = 1u << 30; // the peer must learn of the end by itself
    assert_int_equal(server_start(0, 0), NH_OK);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        sv.flood_bytes = 1u << 20;
        sv.close_on_input = rows[i].close;
        sv.drain_on_input = rows[i].drain;
        sv.input_rc = rows[i].input_rc;
        int closed = sv.closed;
        int fd = client_open_accepted();
        client_send(fd, "x", 1);
        PUMP(sv.loop, 5);
        client_send(fd, "unread", rows[i].close ? 0 : 6); // may not cost us the last words
        size_t got = recv_all(fd, rows[i].gets + 1);
        PUMP_UNTIL(sv.loop, sv.closed == closed + 1);
        if (got != rows[i].gets || sv.last_err != rows[i].err)
            fail_msg("%s: got %zu, err %d", rows[i].name, got, sv.last_err);
        close(fd);
        struct nh_stream_set_info info;
        PUMP_UNTIL(sv.loop, (nh_stream_set_info(sv.set, &info), info.conn_count == 0));
    }
}

static void test_drain_is_cut_when_its_time_is_up(void **state)
{
    (void)state;
    uint8_t byte = 1;
    sv.mode = MODE_FLOOD;
    sv.flood_bytes = NH_MIB(24);
    sv.drain_on_input = true;
    sv.drain_ms = 10;
    assert_int_equal(server_start(0, 0), NH_OK);
    int stalled = client_open_accepted(); // never reads
    client_send(stalled, &byte, 1);
    PUMP_UNTIL(sv.loop, sv.closed == 1);
    assert_int_equal(sv.last_err, NH_ERR_TIMEOUT);
    assert_true(sv.last->flood_left > 0);
    sv.flood_bytes = 100;
    int lingering = client_open_accepted(); // reads, but never says its end
    client_send(lingering, &byte, 1);
    assert_int_equal(recv_all(lingering, 101), 100);
    assert_int_equal(sv.last_err, NH_OK);
    struct nh_stream_set_info info;
    PUMP_UNTIL(sv.loop, (nh_stream_set_info(sv.set, &info), info.conn_count == 0));
    close(stalled);
    close(lingering);
}

static void test_small_buffer_serves_all_in_turn(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    int fd[COUNT];
    uint8_t block[2000];
    memset(block, 7, sizeof block);
    assert_int_equal(server_start(0, 256), NH_OK);
    for (int i = 0; i < COUNT; i++)
        fd[i] = client_open_accepted();
    for (int i = 0; i < COUNT; i++)
        client_send(fd[i], block, sizeof block);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(recv_all(fd[i], sizeof block), sizeof block);
        close(fd[i]);
    }
}

static void test_those_who_flood_do_not_starve_the_others(void **state)
{
    (void)state;
    enum { COUNT = 12, EACH = 40000 };
    static const uint8_t bytes[EACH];
    int fd[COUNT];
    sv.mode = MODE_SINK;
    assert_int_equal(server_start(0, 1024), NH_OK); // four shares a round, for twelve who want one
    for (int i = 0; i < COUNT; i++)
        fd[i] = client_open_accepted();
    for (int i = 0; i < COUNT; i++)
        client_send(fd[i], bytes, EACH);
    PUMP_UNTIL(sv.loop, sv.conn[0].got >= EACH / 2);
    for (int i = 0; i < COUNT; i++) {
        assert_in_range(sv.conn[i].got, EACH / 3, EACH * 2 / 3);
        close(fd[i]);
    }
}

static void test_destroy_closes_and_says_last_words(void **state)
{
    (void)state;
    uint8_t buf[64];
    sv.mode = MODE_FLOOD;
    sv.flood_bytes = 40;
    assert_int_equal(server_start(0, 0), NH_OK);
    int fd = client_open_accepted();
    nh_stream_set_destroy(sv.set);
    sv.set = NULL;
    assert_int_equal(sv.closed, 1);
    assert_int_equal(sv.last_err, NH_ERR_CANCELLED);
    assert_int_equal(client_recv(fd, buf, sizeof buf), 40);
    assert_int_equal(client_recv(fd, buf, sizeof buf), -1);
    close(fd);
}

static void test_out_of_descriptors(void **state)
{
    (void)state;
    struct rlimit old;
    assert_int_equal(server_start(0, 0), NH_OK);
    int waiting[3];
    for (int i = 0; i < 3; i++)
        waiting[i] = client_open(); // in the backlog: the loop has not turned
    getrlimit(RLIMIT_NOFILE, &old);
    int top = dup(0);
    close(top);
    struct rlimit none = {.rlim_cur = (rlim_t)top, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct nh_stream_set_info info;
    PUMP_UNTIL(sv.loop, (nh_stream_set_info(sv.set, &info), info.refused == 3));
    int turn_ends = sv.turn_ends;
    PUMP(sv.loop, 50);
    assert_int_equal(sv.turn_ends, turn_ends); // refused at once, and no spinning
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    for (int i = 0; i < 3; i++) {
        assert_true(recv_end(waiting[i]) < 0);
        close(waiting[i]);
    }
    close(client_open_accepted());
}

static void test_config_faults(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        int err;
    } rows[] = {
        {"localhost", NH_ERR_INVAL}, {"", NH_ERR_INVAL}, {"203.0.113.7", NH_ERR_INVAL}, // not ours
    };
    struct nh_stream_set_config small = {
        .loop = sv.loop, .mem = fx.mem, .handler = handler, .read_buffer_bytes = 100};
    nh_stream_set_t *set;
    assert_int_equal(nh_stream_set_create(&small, &set), NH_ERR_RANGE);
    assert_null(set);
    struct nh_listener_config cfg = {0};
    nh_listener_t *l;
    assert_int_equal(server_start(0, 0), NH_OK);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        cfg.address = rows[i].address;
        assert_int_equal(nh_stream_listen(sv.set, &cfg, &l), rows[i].err);
        assert_null(l);
    }
    cfg.address = "127.0.0.1";
    cfg.port = nh_listener_port(sv.listener);
    assert_int_equal(nh_stream_listen(sv.set, &cfg, &l), NH_ERR_BUSY);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    int rc = NH_ERR_NOMEM;
    for (uint64_t nth = 1; rc != NH_OK && nth < 20; nth++) {
        struct nh_mem_fault fault = {.fail_nth = nth, .only_owner = fx.mem};
        nh_mem_fault_set(fx.sys, &fault);
        rc = server_start(0, 0);
        nh_mem_fault_set(fx.sys, NULL);
        assert_true(rc == NH_OK || (rc == NH_ERR_NOMEM && !sv.set));
    }
    assert_int_equal(rc, NH_OK);
    // A connection without memory is refused and counted; the next one gets in.
    struct nh_mem_fault fault = {.fail_nth = 1};
    nh_mem_fault_set(fx.sys, &fault);
    int fd = client_open();
    assert_true(recv_end(fd) < 0);
    close(fd);
    struct nh_stream_set_info info;
    nh_stream_set_info(sv.set, &info);
    assert_int_equal(info.refused, 1);
    close(client_open_accepted());
}

// Random traffic of many clients against what each must get back.
static void test_random_echo(void **state)
{
    (void)state;
    enum { COUNT = 40, STEPS = 20000 };
    struct {
        int fd;
        uint32_t sent, got;
    } client[COUNT];
    uint32_t seed = 12345;
    assert_int_equal(server_start(0, 2048), NH_OK);
    for (int i = 0; i < COUNT; i++) {
        client[i].fd = client_open_accepted();
        client[i].sent = client[i].got = 0;
    }
    for (int step = 0; step < STEPS; step++) {
        uint8_t buf[3000];
        seed = seed * 1664525u + 1013904223u;
        int i = (int)(seed >> 16) % COUNT;
        size_t len = 1 + (seed >> 8) % sizeof buf;
        if (seed & 1u) {
            for (size_t k = 0; k < len; k++)
                buf[k] = (uint8_t)((client[i].sent + k) * 7u + (unsigned)i);
            ssize_t n = send(client[i].fd, buf, len, MSG_NOSIGNAL);
            client[i].sent += n > 0 ? (uint32_t)n : 0;
        } else {
            ssize_t n = client_recv(client[i].fd, buf, len);
            for (ssize_t k = 0; k < n; k++)
                assert_int_equal(buf[k], (uint8_t)((client[i].got + (size_t)k) * 7u + (unsigned)i));
            client[i].got += n > 0 ? (uint32_t)n : 0;
        }
        PUMP(sv.loop, (int)(seed >> 30));
    }
    for (int i = 0; i < COUNT; i++) {
        if (client[i].sent > client[i].got)
            assert_int_equal(recv_all(client[i].fd, client[i].sent - client[i].got),
                             client[i].sent - client[i].got);
        close(client[i].fd);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_echo),
        TEST(test_half_closed_peer_gets_its_answer),
        TEST(test_many_connections),
        TEST(test_refused_by_open),
        TEST(test_slow_reader_does_not_hold_the_others),
        TEST(test_pause_pushes_back),
        TEST(test_dirty_outside_of_a_turn),
        TEST(test_ends),
        TEST(test_drain_is_cut_when_its_time_is_up),
        TEST(test_small_buffer_serves_all_in_turn),
        TEST(test_those_who_flood_do_not_starve_the_others),
        TEST(test_destroy_closes_and_says_last_words),
        TEST(test_out_of_descriptors),
        TEST(test_config_faults),
        TEST(test_every_allocation_may_fail),
        TEST(test_random_echo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
