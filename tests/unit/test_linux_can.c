// The CAN bus of Linux: the stand-in with real sockets; the kernel's bus, where this kernel has
// none, by a pair of sockets in its place.

#include "linux_fixture.h"

#include "core/base/bytes.h"
#include "platform/can.h"

#include <errno.h>
#include <linux/can.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>

static struct linux_fixture fx;
static nh_loop_t *loop;

// ---- the kernel ---------------------------------------------------------------------------------

static struct {
    int ends[2]; // 0: the hub's, 1: the bus's
    int socket_errno, bind_errno;
    bool has_interface;
    bool is_played;
} kernel;

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
    if (domain != PF_CAN || !kernel.is_played)
        return __real_socket(domain, type, protocol);
    if (kernel.socket_errno) {
        errno = kernel.socket_errno;
        return -1;
    }
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, kernel.ends), 0);
    return kernel.ends[0];
}

int __real_bind(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
    if (!kernel.is_played || sa->sa_family != AF_CAN)
        return __real_bind(fd, sa, len);
    errno = kernel.bind_errno;
    return kernel.bind_errno ? -1 : 0;
}

unsigned __real_if_nametoindex(const char *name);
unsigned __wrap_if_nametoindex(const char *name);
unsigned __wrap_if_nametoindex(const char *name)
{
    return kernel.is_played ? (kernel.has_interface ? 7 : 0) : __real_if_nametoindex(name);
}

// ---- one node -----------------------------------------------------------------------------------

struct node {
    nh_can_t *can;
    struct nh_can_frame last;
    int count, downs, down_err;
    bool closes;
};

static void on_input(void *ctx, const struct nh_can_frame *f)
{
    struct node *n = ctx;
    n->last = *f;
    n->count++;
    if (n->closes) {
        nh_can_close(n->can);
        n->can = NULL;
    }
}

static void on_down(void *ctx, int err)
{
    struct node *n = ctx;
    n->downs++;
    n->down_err = err;
}

static int node_open(struct node *n, const char *interface)
{
    const struct nh_can_config cfg = {.loop = loop,
                                      .mem = fx.mem,
                                      .interface = interface,
                                      .ctx = n,
                                      .input = on_input,
                                      .down = on_down};
    *n = (struct node){0};
    return nh_can_open(&cfg, &n->can);
}

static struct nh_can_info info(const struct node *n)
{
    struct nh_can_info i;
    nh_can_info(n->can, &i);
    return i;
}

static int setup(void **state)
{
    (void)state;
    memset(&kernel, 0, sizeof kernel);
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

static const struct nh_can_frame sample = {0x351, 8, {1, 2, 3, 4, 5, 6, 7, 0xFF}};

// ---- names --------------------------------------------------------------------------------------

static void test_names(void **state)
{
    static const struct {
        const char *text;
        bool is_one;
    } rows[] = {
        {"can0", true},
        {"vcan0", true},
        {"a-name-of-15-by", true},
        {"a-name-of-16-byt", false},
        {"", false},
        {"can 0", false},
        {"/dev/can0", false},
        {"udp:239.255.1.1:5000", true},
        {"udp:127.0.0.1:1", true},
        {"udp:127.0.0.1:65535", true},
        {"udp:127.0.0.1:65536", false},
        {"udp:127.0.0.1:0", false},
        {"udp:127.0.0.1:", false},
        {"udp:127.0.0.1:+5", false},
        {"udp:127.0.0.1:50x", false},
        {"udp:127.0.0.1", false},
        {"udp::5000", false},
        {"udp:localhost:5000", false},
        {"udp:::1:5000", false},
        {"udp:1234567890.1234567890:5000", false},
    };
    struct node n;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        if (nh_can_is_interface(rows[i].text) != rows[i].is_one)
            fail_msg("%s", rows[i].text);
        if (!rows[i].is_one)
            assert_int_equal(node_open(&n, rows[i].text), NH_ERR_INVAL);
    }
}

// ---- the stand-in -------------------------------------------------------------------------------

static void on_nothing(void *ctx, const uint8_t *bytes, size_t len, const char *from, uint16_t port)
{
    (void)ctx;
    (void)bytes;
    (void)len;
    (void)from;
    (void)port;
}

// A port that nobody has now.
static uint16_t free_port(void)
{
    nh_datagram_t *d;
    assert_int_equal(nh_datagram_open(loop, fx.mem, "127.0.0.1", 0, on_nothing, NULL, &d), NH_OK);
    uint16_t port = nh_datagram_port(d);
    nh_datagram_close(d);
    PUMP(loop, 3);
    return port;
}

static void test_a_group_is_a_bus(void **state)
{
    struct node n[3];
    char name[40];
    (void)state;
    snprintf(name, sizeof name, "udp:239.255.76.%d:%u", 99, (unsigned)free_port());
    for (int i = 0; i < 3; i++)
        assert_int_equal(node_open(&n[i], name), NH_OK);
    assert_int_equal(nh_can_send(n[0].can, &sample), NH_OK);
    PUMP_UNTIL(loop, n[1].count == 1 && n[2].count == 1);
    PUMP(loop, 50);
    assert_int_equal(n[0].count, 0); // not its own
    assert_memory_equal(&n[1].last, &sample, sizeof sample);
    for (int i = 0; i < 9; i++) {
        struct nh_can_frame f = {0x7FF, (uint8_t)i, {9, 8, 7, 6, 5, 4, 3, 2}};
        assert_int_equal(nh_can_send(n[2].can, &f), NH_OK);
        PUMP_UNTIL(loop, n[0].count == i + 1);
        assert_int_equal(n[0].last.id, 0x7FF);
        assert_int_equal(n[0].last.len, i);
        assert_memory_equal(n[0].last.data, f.data, (size_t)i);
    }
    assert_int_equal(info(&n[2]).sent_count, 9);
    assert_int_equal(info(&n[0]).received_count, 9);
    for (int i = 0; i < 3; i++)
        nh_can_close(n[i].can);
}

struct peer {
    uint8_t bytes[64];
    size_t len;
    uint16_t port;
    int count;
};

static void on_peer(void *ctx, const uint8_t *bytes, size_t len, const char *from, uint16_t port)
{
    struct peer *p = ctx;
    (void)from;
    p->len = len < sizeof p->bytes ? len : sizeof p->bytes;
    memcpy(p->bytes, bytes, p->len);
    p->port = port;
    p->count++;
}

// The layout, byte by byte; and what of strangers or broken datagrams is passed over.
static void test_one_other_node(void **state)
{
    static const uint8_t layout[16] = {0x51, 3, 0, 0, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 0xFF};
    static const uint8_t alive[16] = {0x05, 3, 0, 0, 1, 0, 0, 0, 0x55};
    static const struct {
        size_t at;
        uint8_t value;
    } faults[] = {{1, 8} /* 12 bits */, {3, 0x80} /* 29 bits */, {4, 9} /* its length */};
    struct peer peer = {0};
    struct node n;
    nh_datagram_t *d, *stranger;
    uint8_t bad[17];
    char name[40];
    (void)state;
    assert_int_equal(nh_datagram_open(loop, fx.mem, "127.0.0.1", 0, on_peer, &peer, &d), NH_OK);
    assert_int_equal(nh_datagram_open(loop, fx.mem, "127.0.0.1", 0, on_nothing, NULL, &stranger),
                     NH_OK);
    snprintf(name, sizeof name, "udp:127.0.0.1:%u", (unsigned)nh_datagram_port(d));
    assert_int_equal(node_open(&n, name), NH_OK);
    assert_int_equal(nh_can_send(n.can, &sample), NH_OK);
    PUMP_UNTIL(loop, peer.count == 1);
    assert_int_equal(peer.len, 16);
    memset(peer.bytes + 5, 0, 3); // who sent it
    assert_memory_equal(peer.bytes, layout, 16);
    assert_int_equal(nh_datagram_send(d, "127.0.0.1", peer.port, alive, 16), NH_OK);
    PUMP_UNTIL(loop, n.count == 1);
    assert_int_equal(n.last.id, 0x305);
    assert_int_equal(n.last.len, 1);
    assert_int_equal(n.last.data[0], 0x55);
    assert_int_equal(nh_datagram_send(stranger, "127.0.0.1", peer.port, alive, 16), NH_OK);
    PUMP_UNTIL(loop, info(&n).error_count == 1);
    for (size_t i = 0; i < NH_ARRAY_LEN(faults); i++) {
        memcpy(bad, alive, 16);
        bad[faults[i].at] = faults[i].value;
        assert_int_equal(nh_datagram_send(d, "127.0.0.1", peer.port, bad, 16), NH_OK);
        PUMP_UNTIL(loop, info(&n).error_count == i + 2);
    }
    for (size_t len = 0; len < 18; len += len == 15 ? 2 : 1) // any length but 16
        assert_int_equal(nh_datagram_send(d, "127.0.0.1", peer.port, bad, len), NH_OK);
    PUMP_UNTIL(loop, info(&n).error_count == 4 + 17);
    assert_int_equal(n.count, 1);
    const struct nh_can_frame wide = {0x800, 0, {0}}, longer = {1, 9, {0}};
    assert_int_equal(nh_can_send(n.can, &wide), NH_ERR_RANGE);
    assert_int_equal(nh_can_send(n.can, &longer), NH_ERR_RANGE);
    n.closes = true; // from within its callback
    assert_int_equal(nh_datagram_send(d, "127.0.0.1", peer.port, alive, 16), NH_OK);
    PUMP_UNTIL(loop, n.count == 2);
    nh_datagram_close(d);
    nh_datagram_close(stranger);
}

// ---- the kernel's bus ---------------------------------------------------------------------------

static void test_kernel_frames(void **state)
{
    static const struct can_frame foreign[] = {
        {.can_id = 0x12345 | CAN_EFF_FLAG, .can_dlc = 1},
        {.can_id = 0x305 | CAN_RTR_FLAG, .can_dlc = 0},
        {.can_id = 4 | CAN_ERR_FLAG, .can_dlc = 8},
        {.can_id = 0x305, .can_dlc = 9},
    };
    struct can_frame k;
    struct node n;
    (void)state;
    kernel.is_played = kernel.has_interface = true;
    assert_int_equal(node_open(&n, "vcan0"), NH_OK);
    assert_int_equal(nh_can_send(n.can, &sample), NH_OK);
    assert_int_equal(read(kernel.ends[1], &k, sizeof k), sizeof k);
    assert_int_equal(k.can_id, 0x351);
    assert_int_equal(k.can_dlc, 8);
    assert_memory_equal(k.data, sample.data, 8);
    for (size_t i = 0; i < NH_ARRAY_LEN(foreign); i++)
        assert_int_equal(write(kernel.ends[1], &foreign[i], sizeof foreign[i]), sizeof k);
    assert_int_equal(write(kernel.ends[1], &k, 5), 5);
    PUMP_UNTIL(loop, info(&n).error_count == NH_ARRAY_LEN(foreign) + 1);
    assert_int_equal(n.count, 0);
    for (int i = 0; i < 100; i++) { // more than one turn takes
        k.data[0] = (uint8_t)i;
        assert_int_equal(write(kernel.ends[1], &k, sizeof k), sizeof k);
    }
    PUMP_UNTIL(loop, n.count == 100);
    assert_int_equal(n.last.data[0], 99);
    assert_memory_equal(n.last.data + 1, sample.data + 1, 7);
    nh_can_close(n.can);
    PUMP(loop, 3);
    close(kernel.ends[1]);
}

// A bus that nobody reads takes no more; one that went away says so once and takes nothing.
static void test_kernel_full_and_down(void **state)
{
    struct node n;
    int err = NH_OK;
    (void)state;
    kernel.is_played = kernel.has_interface = true;
    assert_int_equal(node_open(&n, "vcan0"), NH_OK);
    for (int i = 0; i < 100000 && err == NH_OK; i++)
        err = nh_can_send(n.can, &sample);
    assert_int_equal(err, NH_ERR_AGAIN);
    assert_int_equal(info(&n).refused_count, 1);
    close(kernel.ends[1]);
    PUMP_UNTIL(loop, n.downs == 1);
    PUMP(loop, 20);
    assert_int_equal(n.downs, 1);
    assert_int_equal(n.down_err, NH_ERR_CLOSED);
    assert_int_equal(nh_can_send(n.can, &sample), NH_ERR_CLOSED);
    nh_can_close(n.can);
}

static void test_kernel_closed_within(void **state)
{
    const struct can_frame k = {.can_id = 0x305, .can_dlc = 0};
    struct node n;
    (void)state;
    kernel.is_played = kernel.has_interface = true;
    assert_int_equal(node_open(&n, "vcan0"), NH_OK);
    n.closes = true;
    for (int i = 0; i < 2; i++)
        assert_int_equal(write(kernel.ends[1], &k, sizeof k), sizeof k);
    PUMP_UNTIL(loop, n.count == 1);
    PUMP(loop, 20);
    assert_int_equal(n.count, 1);
    close(kernel.ends[1]);
}

static void test_kernel_refuses(void **state)
{
    static const struct {
        int socket_errno;
        bool has_interface;
        int bind_errno, err;
    } rows[] = {
        {EAFNOSUPPORT, true, 0, NH_ERR_UNSUPPORTED},
        {EPROTONOSUPPORT, true, 0, NH_ERR_UNSUPPORTED},
        {EPERM, true, 0, NH_ERR_DENIED},
        {0, false, 0, NH_ERR_NOT_FOUND},
        {0, true, ENODEV, NH_ERR_NOT_FOUND},
        {0, true, EACCES, NH_ERR_DENIED},
    };
    struct node n;
    (void)state;
    kernel.is_played = true;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        kernel.socket_errno = rows[i].socket_errno;
        kernel.has_interface = rows[i].has_interface;
        kernel.bind_errno = rows[i].bind_errno;
        assert_int_equal(node_open(&n, "vcan0"), rows[i].err);
        assert_null(n.can);
        if (!rows[i].socket_errno)
            close(kernel.ends[1]);
    }
}

// This machine's own kernel: either it has no CAN, or no such interface.
static void test_this_kernel(void **state)
{
    struct node n;
    (void)state;
    int err = node_open(&n, "nh-no-such-can");
    assert_true(err == NH_ERR_UNSUPPORTED || err == NH_ERR_NOT_FOUND);
}

static void test_no_memory(void **state)
{
    static const char *const names[] = {"vcan0", "udp:127.0.0.1:5", "udp:239.255.76.98:45000"};
    struct node n;
    (void)state;
    kernel.is_played = kernel.has_interface = true;
    for (size_t i = 0; i < NH_ARRAY_LEN(names); i++) {
        int err = NH_ERR_NOMEM;
        for (uint32_t nth = 1; err != NH_OK; nth++) {
            const struct nh_mem_fault fault = {.fail_nth = nth};
            nh_mem_fault_set(fx.sys, &fault);
            err = node_open(&n, names[i]);
            nh_mem_fault_set(fx.sys, NULL);
            assert_true(err == NH_OK || err == NH_ERR_NOMEM);
            assert_true(nth < 20);
        }
        nh_can_close(n.can);
        PUMP(loop, 3);
        if (i == 0)
            close(kernel.ends[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_group_is_a_bus, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_other_node, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kernel_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kernel_full_and_down, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kernel_closed_within, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kernel_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_this_kernel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
