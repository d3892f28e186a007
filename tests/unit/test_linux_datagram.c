#include "linux_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct linux_fixture fx;
static nh_loop_t *loop;

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    assert_int_equal(nh_loop_create(fx.mem, &loop), NH_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_loop_destroy(loop);
    fixture_stop(&fx);
    return 0;
}

struct got {
    nh_datagram_t *answer_with; // sends back what comes
    uint8_t bytes[NH_DATAGRAM_MAX_BYTES];
    size_t len;
    char address[64];
    uint16_t port;
    int count;
};

static void on_input(void *ctx, const uint8_t *bytes, size_t len, const char *from_address,
                     uint16_t from_port)
{
    struct got *g = ctx;
    memcpy(g->bytes, bytes, len);
    g->len = len;
    snprintf(g->address, sizeof g->address, "%s", from_address);
    g->port = from_port;
    g->count++;
    if (g->answer_with)
        assert_int_equal(nh_datagram_send(g->answer_with, from_address, from_port, bytes, len),
                         NH_OK);
}

static void test_there_and_back(void **state)
{
    static const char *const addresses[] = {"127.0.0.1", "::1"};
    static const size_t lens[] = {0, 1, 1472, NH_DATAGRAM_MAX_BYTES};
    (void)state;
    for (size_t a = 0; a < NH_ARRAY_LEN(addresses); a++) {
        struct got at_server = {0};
        struct got at_client = {0};
        nh_datagram_t *server, *client;
        int rc = nh_datagram_open(loop, fx.mem, addresses[a], 0, on_input, &at_server, &server);
        if (a > 0 && rc == NH_ERR_INVAL)
            continue; // a machine without IPv6
        assert_int_equal(rc, NH_OK);
        assert_int_equal(
            nh_datagram_open(loop, fx.mem, addresses[a], 0, on_input, &at_client, &client), NH_OK);
        at_server.answer_with = server;
        for (size_t i = 0; i < NH_ARRAY_LEN(lens); i++) {
            uint8_t bytes[NH_DATAGRAM_MAX_BYTES];
            nh_random_bytes(bytes, sizeof bytes);
            assert_int_equal(
                nh_datagram_send(client, addresses[a], nh_datagram_port(server), bytes, lens[i]),
                NH_OK);
            PUMP_UNTIL(loop, at_client.count == (int)i + 1);
            assert_int_equal(at_client.len, lens[i]);
            assert_memory_equal(at_client.bytes, bytes, lens[i]);
            assert_string_equal(at_client.address, addresses[a]);
            assert_int_equal(at_client.port, nh_datagram_port(server));
            assert_int_equal(at_server.port, nh_datagram_port(client));
        }
        nh_datagram_close(server);
        nh_datagram_close(client);
    }
}

static void test_too_long_is_dropped_and_counted(void **state)
{
    (void)state;
    static const uint8_t bytes[NH_DATAGRAM_MAX_BYTES + 1];
    struct got got = {0};
    struct nh_datagram_info info;
    nh_datagram_t *d;
    assert_int_equal(nh_datagram_open(loop, fx.mem, "127.0.0.1", 0, on_input, &got, &d), NH_OK);
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons(nh_datagram_port(d)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sendto(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&sa, sizeof sa),
                     sizeof bytes);
    assert_int_equal(sendto(fd, bytes, 7, 0, (struct sockaddr *)&sa, sizeof sa), 7);
    PUMP_UNTIL(loop, got.count == 1);
    assert_int_equal(got.len, 7);
    assert_int_equal(nh_datagram_send(d, "127.0.0.1", 9, bytes, sizeof bytes), NH_ERR_TOO_LONG);
    assert_int_equal(nh_datagram_send(d, "nowhere", 9, bytes, 1), NH_ERR_INVAL);
    nh_datagram_info(d, &info);
    assert_int_equal(info.dropped_count, 1);
    assert_int_equal(info.received_count, 1);
    assert_int_equal(info.sent_count, 0);
    close(fd);
    nh_datagram_close(d);
}

static void test_open_faults(void **state)
{
    (void)state;
    struct got got = {0};
    nh_datagram_t *d, *second;
    assert_int_equal(nh_datagram_open(loop, fx.mem, "x", 0, on_input, &got, &d), NH_ERR_INVAL);
    assert_null(d);
    assert_int_equal(nh_datagram_open(loop, fx.mem, "127.0.0.1", 0, on_input, &got, &d), NH_OK);
    assert_int_equal(
        nh_datagram_open(loop, fx.mem, "127.0.0.1", nh_datagram_port(d), on_input, &got, &second),
        NH_ERR_BUSY);
    assert_null(second);
    const struct nh_mem_fault fault = {.fail_nth = 1, .only_owner = fx.mem};
    nh_mem_fault_set(fx.sys, &fault);
    assert_int_equal(nh_datagram_open(loop, fx.mem, "127.0.0.1", 0, on_input, &got, &second),
                     NH_ERR_NOMEM);
    nh_datagram_close(d);
}

// What is sent to a group comes once the group is joined, and not before.
static void test_join(void **state)
{
    (void)state;
    struct got got = {0}, none = {0};
    nh_datagram_t *d, *sender;
    assert_int_equal(nh_datagram_open(loop, fx.mem, "0.0.0.0", 0, on_input, &got, &d), NH_OK);
    assert_int_equal(nh_datagram_open(loop, fx.mem, "127.0.0.1", 0, on_input, &none, &sender),
                     NH_OK);
    uint16_t port = nh_datagram_port(d);
    assert_int_equal(nh_datagram_join(d, "239.255.0.1", "127.0.0.1"), NH_OK);
    assert_int_equal(nh_datagram_join(d, "239.255.0.1", "127.0.0.1"), NH_ERR_EXISTS);
    assert_int_equal(nh_datagram_send(sender, "239.255.0.1", port, "group", 5), NH_OK);
    assert_int_equal(nh_datagram_send(sender, "127.0.0.1", port, "one", 3), NH_OK);
    PUMP_UNTIL(loop, got.count == 2);
    assert_memory_equal(got.bytes, "one", 3);
    nh_datagram_close(sender);
    nh_datagram_close(d);
}

static void test_join_faults(void **state)
{
    (void)state;
    struct got got = {0};
    nh_datagram_t *d;
    char group[32];
    int rc = NH_OK;
    assert_int_equal(nh_datagram_open(loop, fx.mem, "0.0.0.0", 0, on_input, &got, &d), NH_OK);
    assert_int_equal(nh_datagram_join(d, "192.168.0.1", "127.0.0.1"), NH_ERR_INVAL);
    assert_int_equal(nh_datagram_join(d, "nowhere", "127.0.0.1"), NH_ERR_INVAL);
    assert_int_equal(nh_datagram_join(d, "239.255.0.1", "192.0.2.1"), NH_ERR_INVAL);
    // Linux lets one socket have so many, and no more.
    for (int i = 1; i <= 10000 && rc == NH_OK; i++) {
        snprintf(group, sizeof group, "239.255.%d.%d", i >> 8, i & 255);
        rc = nh_datagram_join(d, group, "127.0.0.1");
    }
    assert_true(rc == NH_ERR_FULL || rc == NH_OK);
    nh_datagram_close(d);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

// Two of one machine at one port of a group: both hear what either says, and what comes from a
// socket of its own.
static void test_group(void **state)
{
    struct got a = {0}, b = {0};
    nh_datagram_t *one, *two;
    (void)state;
    assert_int_equal(
        nh_datagram_open_group(loop, fx.mem,
                               &(struct nh_datagram_group){"239.255.77.1", "127.0.0.1", 0, 1},
                               on_input, &a, &one),
        0);
    uint16_t port = nh_datagram_port(one);
    assert_int_equal(
        nh_datagram_open_group(loop, fx.mem,
                               &(struct nh_datagram_group){"239.255.77.1", "127.0.0.1", port, 1},
                               on_input, &b, &two),
        0);
    assert_int_equal(nh_datagram_send(one, "239.255.77.1", port, "hello", 5), 0);
    PUMP_UNTIL(loop, a.count && b.count);
    assert_int_equal(a.count, 1);
    assert_int_equal(b.count, 1);
    assert_memory_equal(b.bytes, "hello", 5);
    assert_int_equal(b.port, port);
    nh_datagram_t *none;
    assert_int_equal(
        nh_datagram_open_group(loop, fx.mem,
                               &(struct nh_datagram_group){"239.255.77.1", "192.0.2.99", port, 1},
                               on_input, &b, &none),
        NH_ERR_INVAL);
    assert_null(none);
    nh_datagram_close(one);
    nh_datagram_close(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_there_and_back), TEST(test_group), TEST(test_too_long_is_dropped_and_counted),
        TEST(test_open_faults),    TEST(test_join),  TEST(test_join_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
