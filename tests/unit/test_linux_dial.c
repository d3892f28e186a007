#include "stream_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct echo e;
static struct echo_client client;
static nh_listener_t *listener;

static void listen_on(const char *address)
{
    const struct nh_listener_config cfg = {.address = address};
    listener = echo_listen(&e, &cfg);
}

static int setup(void **state)
{
    (void)state;
    memset(&client, 0, sizeof client);
    echo_init(&e);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    echo_deinit(&e);
    return 0;
}

static int dial(const char *host, uint16_t port, uint32_t timeout_ms)
{
    const struct nh_stream_connect_config cfg = {
        .host = host, .port = port, .timeout_ms = timeout_ms};
    return echo_dial(&e, &client, &cfg);
}

// A port of this machine that nobody listens on: bound, so that nobody else gets it meanwhile.
static int port_hold(uint16_t *port, bool listening)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    if (listening)
        assert_int_equal(listen(fd, 0), 0);
    *port = ntohs(sa.sin_port);
    return fd;
}

// Fills the queue of `port` until the kernel answers nobody any more: to connect takes for ever.
#define FILL_MAX_COUNT 8
static void queue_fill(uint16_t port, int fd[FILL_MAX_COUNT])
{
    struct sockaddr_in sa = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < FILL_MAX_COUNT; i++) {
        fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(fd[i], (struct sockaddr *)&sa, sizeof sa);
    }
}

static bool has_v6(void)
{
    struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

// ---- tests

static void echo_through(const char *listen_address, const char *host)
{
    char peer[64];
    listen_on(listen_address);
    assert_int_equal(dial(host, nh_listener_port(listener), 0), NH_OK);
    assert_int_equal(client.opened, 0); // never from inside of the call
    echo_round(&e, &client, 300000);
    assert_int_equal(client.opened, 1);
    nh_stream_peer(client.s, peer, sizeof peer);
    assert_non_null(strstr(peer, listen_address));
    assert_false(nh_stream_is_local(client.s)); // nobody let it in
    echo_hang_up(&e, &client);
    assert_int_equal(client.err, NH_OK);
}

static void test_numeric_address(void **state)
{
    (void)state;
    echo_through("127.0.0.1", "127.0.0.1");
}

static void test_ipv6(void **state)
{
    (void)state;
    if (!has_v6())
        skip();
    echo_through("::1", "::1");
}

// "localhost" is ::1 and 127.0.0.1 where both are: the one that nobody listens on is passed over.
static void test_name_with_several_addresses(void **state)
{
    (void)state;
    echo_through("127.0.0.1", "localhost");
}

static void test_idle_cost_is_that_of_a_plain_one(void **state)
{
    (void)state;
    struct nh_mem_owner_info before, after;
    listen_on("127.0.0.1");
    assert_int_equal(dial("127.0.0.1", nh_listener_port(listener), 0), NH_OK);
    assert_int_equal(nh_mem_owner_info(e.fx.sys, 1, &before), NH_OK);
    PUMP_UNTIL(e.loop, client.opened && e.served);
    assert_int_equal(nh_mem_owner_info(e.fx.sys, 1, &after), NH_OK);
    // What dialing took is given back; the server's side took a chunk.
    assert_true(after.tier[NH_MEM_PSRAM].current_blocks <=
                before.tier[NH_MEM_PSRAM].current_blocks - 1);
}

static void test_refused_by_open(void **state)
{
    (void)state;
    client.open_rc = NH_ERR_DENIED;
    listen_on("127.0.0.1");
    assert_int_equal(dial("127.0.0.1", nh_listener_port(listener), 0), NH_OK);
    PUMP_UNTIL(e.loop, client.closed);
    assert_int_equal(client.opened, 1);
    assert_int_equal(client.err, NH_ERR_DENIED);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    uint16_t port;
    int fd = port_hold(&port, false);
    assert_int_equal(dial("127.0.0.1", port, 0), NH_OK);
    assert_int_equal(client.closed, 0);
    PUMP_UNTIL(e.loop, client.closed);
    assert_int_equal(client.opened, 0);
    assert_int_equal(client.err, NH_ERR_IO);
    assert_string_equal(client.reason, "Connection refused");
    close(fd);
}

static void test_no_answer_in_time(void **state)
{
    (void)state;
    uint16_t port;
    int waiting[FILL_MAX_COUNT];
    int fd = port_hold(&port, true);
    queue_fill(port, waiting);
    assert_int_equal(dial("127.0.0.1", port, 30), NH_OK);
    PUMP_UNTIL(e.loop, client.closed);
    assert_int_equal(client.err, NH_ERR_TIMEOUT);
    assert_string_equal(client.reason, "no answer in time");
    for (int i = 0; i < FILL_MAX_COUNT; i++)
        close(waiting[i]);
    close(fd);
}

static void test_a_name_that_is_none(void **state)
{
    (void)state;
    assert_int_equal(dial("no such name", 1883, 0), NH_OK);
    PUMP_UNTIL(e.loop, client.closed);
    assert_int_equal(client.opened, 0);
    assert_int_equal(client.err, NH_ERR_NOT_FOUND);
    assert_true(client.reason[0] != 0);
}

// Taken back in each state: closed() comes once, and nothing is left behind.
static void test_given_up(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool drain, destroy;
        int err;
    } rows[] = {
        {"127.0.0.1", false, false, NH_OK},
        {"127.0.0.1", true, false, NH_OK},
        {"127.0.0.1", false, true, NH_ERR_CANCELLED},
        {"localhost", false, false, NH_OK},
        {"localhost", true, false, NH_OK},
        {"localhost", false, true, NH_ERR_CANCELLED},
    };
    uint16_t port;
    int waiting[FILL_MAX_COUNT];
    int fd = port_hold(&port, true);
    queue_fill(port, waiting);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        client = (struct echo_client){0};
        assert_int_equal(dial(rows[i].host, port, 0), NH_OK);
        assert_ptr_equal(nh_stream_user(client.s), &client);
        if (rows[i].destroy) {
            echo_restart(&e);
        } else {
            nh_stream_close(client.s, rows[i].drain);
            assert_int_equal(client.closed, 0);
            PUMP_UNTIL(e.loop, client.closed);
        }
        assert_int_equal(client.closed, 1);
        assert_int_equal(client.opened, 0);
        assert_int_equal(client.err, rows[i].err);
    }
    for (int i = 0; i < FILL_MAX_COUNT; i++)
        close(waiting[i]);
    close(fd);
}

static void test_config_faults(void **state)
{
    (void)state;
    char longest[400];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    const struct {
        struct nh_stream_connect_config cfg;
        int err;
    } rows[] = {
        {{.host = NULL, .port = 1}, NH_ERR_INVAL},
        {{.host = "", .port = 1}, NH_ERR_INVAL},
        {{.host = "127.0.0.1", .port = 0}, NH_ERR_RANGE},
        {{.host = "127.0.0.1", .port = 1, .timeout_ms = 1u << 30}, NH_ERR_RANGE},
        {{.host = longest, .port = 1}, NH_ERR_TOO_LONG},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_stream_t *s = (nh_stream_t *)&client;
        assert_int_equal(nh_stream_connect(e.set, &rows[i].cfg, &s), rows[i].err);
        assert_null(s);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    int rc = NH_ERR_NOMEM;
    listen_on("127.0.0.1");
    for (uint64_t nth = 1; rc != NH_OK && nth < 20; nth++) {
        struct nh_mem_fault fault = {.fail_nth = nth, .only_owner = e.fx.mem};
        nh_mem_fault_set(e.fx.sys, &fault);
        rc = dial("127.0.0.1", nh_listener_port(listener), 0);
        nh_mem_fault_set(e.fx.sys, NULL);
        assert_true(rc == NH_OK || (rc == NH_ERR_NOMEM && !client.s));
    }
    assert_int_equal(rc, NH_OK);
    PUMP_UNTIL(e.loop, client.opened);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_numeric_address),
        TEST(test_ipv6),
        TEST(test_name_with_several_addresses),
        TEST(test_idle_cost_is_that_of_a_plain_one),
        TEST(test_refused_by_open),
        TEST(test_nobody_listens),
        TEST(test_no_answer_in_time),
        TEST(test_a_name_that_is_none),
        TEST(test_given_up),
        TEST(test_config_faults),
        TEST(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
