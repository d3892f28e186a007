// CAN on Linux: a raw socket of the kernel's, or a datagram socket that plays the bus.

#include "platform/can.h"

#include "core/base/bytes.h"
#include "core/mem/mem.h"
#include "platform/linux/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/can.h>
#include <linux/can/raw.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#define STAND_IN "udp:"
#define READ_MAX_COUNT 64 // frames of one turn, so that a busy bus leaves the loop to others

struct nh_can {
    uv_poll_t poll; // of a kernel's socket
    int fd;         // -1: none
    bool is_kernel, is_down, is_closed;
    bool is_group;
    nh_datagram_t *datagram; // of a stand-in
    char address[INET_ADDRSTRLEN];
    uint16_t port;
    uint32_t node; // 24 bits, not 0: who we are in a group
    struct nh_can_config cfg;
    struct nh_can_info info;
};

// ---- the stand-in's name ------------------------------------------------------------------------

// "udp:239.255.1.1:5000". False: it is none.
static bool split(const char *text, char address[INET_ADDRSTRLEN], uint16_t *port, bool *is_group)
{
    const char *begin = text + strlen(STAND_IN), *colon = strrchr(begin, ':');
    struct in_addr a;
    char *end;
    if (!colon || colon == begin || colon - begin >= INET_ADDRSTRLEN)
        return false;
    snprintf(address, INET_ADDRSTRLEN, "%.*s", (int)(colon - begin), begin);
    unsigned long n = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end || n == 0 || n > UINT16_MAX)
        return false;
    *port = (uint16_t)n;
    if (inet_pton(AF_INET, address, &a) != 1)
        return false;
    *is_group = IN_MULTICAST(ntohl(a.s_addr));
    return true;
}

static bool is_stand_in(const char *text)
{
    return strncmp(text, STAND_IN, strlen(STAND_IN)) == 0;
}

bool nh_can_is_interface(const char *text)
{
    char address[INET_ADDRSTRLEN];
    uint16_t port;
    bool is_group;
    if (is_stand_in(text))
        return split(text, address, &port, &is_group);
    return text[0] && strlen(text) < IFNAMSIZ && !strpbrk(text, "/: ");
}

// ---- frames in ----------------------------------------------------------------------------------

static bool parse(const uint8_t *bytes, size_t len, struct nh_can_frame *out)
{
    if (len != NH_CAN_DATAGRAM_BYTES || bytes[4] > sizeof out->data ||
        nh_get_le32(bytes) > CAN_SFF_MASK)
        return false;
    *out = (struct nh_can_frame){.id = nh_get_le32(bytes), .len = bytes[4]};
    memcpy(out->data, bytes + 8, out->len);
    return true;
}

static void give(nh_can_t *c, const struct nh_can_frame *f)
{
    c->info.received_count++;
    c->cfg.input(c->cfg.ctx, f);
}

static void on_datagram(void *ctx, const uint8_t *bytes, size_t len, const char *from_address,
                        uint16_t from_port)
{
    nh_can_t *c = ctx;
    struct nh_can_frame f;
    bool is_ours = len == NH_CAN_DATAGRAM_BYTES && (nh_get_le32(bytes + 4) >> 8) == c->node;
    if (is_ours)
        return;
    bool is_peer = c->is_group || (from_port == c->port && strcmp(from_address, c->address) == 0);
    if (is_peer && parse(bytes, len, &f))
        give(c, &f);
    else
        c->info.error_count++;
}

static void go_down(nh_can_t *c, int err)
{
    c->info.error_count++;
    c->is_down = true;
    uv_poll_stop(&c->poll);
    c->cfg.down(c->cfg.ctx, err);
}

// False: there is nothing more.
static bool read_one(nh_can_t *c)
{
    struct can_frame k;
    ssize_t n = read(c->fd, &k, sizeof k);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        go_down(c, n == 0 || errno == ENETDOWN ? NH_ERR_CLOSED : nh_linux__err(errno));
        return false;
    }
    bool is_data = n == sizeof k && !(k.can_id & (CAN_EFF_FLAG | CAN_RTR_FLAG | CAN_ERR_FLAG)) &&
                   k.can_dlc <= CAN_MAX_DLEN;
    if (!is_data) {
        c->info.error_count++;
        return true;
    }
    struct nh_can_frame f = {.id = k.can_id, .len = k.can_dlc};
    memcpy(f.data, k.data, f.len);
    give(c, &f);
    return true;
}

// libuv says "bad file" of every error of a socket; the socket knows which one it was.
static int error_of(const nh_can_t *c)
{
    int errnum = 0;
    socklen_t len = sizeof errnum;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0 || errnum == 0 ||
        errnum == ENETDOWN)
        return NH_ERR_CLOSED;
    return nh_linux__err(errnum);
}

static void on_events(uv_poll_t *poll, int status, int events)
{
    nh_can_t *c = poll->data;
    (void)events;
    if (status < 0)
        go_down(c, error_of(c));
    // A callback may close it: the memory stays until the loop has let the handle go.
    for (int i = 0; i < READ_MAX_COUNT && !c->is_closed && !c->is_down; i++)
        if (!read_one(c))
            break;
}

// ---- frames out ---------------------------------------------------------------------------------

static int send_kernel(nh_can_t *c, const struct nh_can_frame *f)
{
    struct can_frame k = {.can_id = f->id, .can_dlc = f->len};
    memcpy(k.data, f->data, f->len);
    if (write(c->fd, &k, sizeof k) == sizeof k)
        return NH_OK;
    // A bus without another node fills the interface's queue: ENOBUFS.
    return errno == ENOBUFS || errno == EAGAIN ? NH_ERR_AGAIN
           : errno == ENETDOWN                 ? NH_ERR_CLOSED
                                               : nh_linux__err(errno);
}

static int send_datagram(nh_can_t *c, const struct nh_can_frame *f)
{
    uint8_t bytes[NH_CAN_DATAGRAM_BYTES] = {0};
    nh_put_le32(bytes, f->id);
    nh_put_le32(bytes + 4, c->node << 8 | f->len);
    memcpy(bytes + 8, f->data, f->len);
    int err = nh_datagram_send(c->datagram, c->address, c->port, bytes, sizeof bytes);
    // On this machine nobody listening is an error of the next call: a bus does not know either.
    return err < 0 ? NH_ERR_AGAIN : NH_OK;
}

int nh_can_send(nh_can_t *c, const struct nh_can_frame *f)
{
    if (f->id > CAN_SFF_MASK || f->len > sizeof f->data)
        return NH_ERR_RANGE;
    int err = c->is_down ? NH_ERR_CLOSED : c->is_kernel ? send_kernel(c, f) : send_datagram(c, f);
    c->info.sent_count += err == NH_OK;
    c->info.refused_count += err < 0;
    return err;
}

// ---- life ---------------------------------------------------------------------------------------

// The kernel filters what can be none of ours: 29 bit identifiers and remote requests.
static int open_kernel(nh_can_t *c)
{
    const struct can_filter filter = {.can_id = 0, .can_mask = CAN_EFF_FLAG | CAN_RTR_FLAG};
    struct sockaddr_can sa = {.can_family = AF_CAN};
    c->fd = socket(PF_CAN, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, CAN_RAW);
    if (c->fd < 0)
        return errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT ? NH_ERR_UNSUPPORTED
                                                                 : nh_linux__err(errno);
    sa.can_ifindex = (int)if_nametoindex(c->cfg.interface);
    if (sa.can_ifindex == 0)
        return NH_ERR_NOT_FOUND;
    // Without the filter they are passed over here.
    NH_IGNORE(setsockopt(c->fd, SOL_CAN_RAW, CAN_RAW_FILTER, &filter, sizeof filter));
    if (bind(c->fd, (struct sockaddr *)&sa, sizeof sa) < 0)
        return errno == ENODEV ? NH_ERR_NOT_FOUND : nh_linux__err(errno);
    int err = nh_linux__err(uv_poll_init(nh_loop_native(c->cfg.loop), &c->poll, c->fd));
    if (err < 0)
        return err;
    c->is_kernel = true;
    c->poll.data = c;
    return nh_linux__err(uv_poll_start(&c->poll, UV_READABLE, on_events));
}

static int open_stand_in(nh_can_t *c)
{
    uint8_t random[3];
    nh_random_bytes(random, sizeof random);
    c->node = ((uint32_t)random[2] << 16 | (uint32_t)random[1] << 8 | random[0]) | 1;
    if (!split(c->cfg.interface, c->address, &c->port, &c->is_group))
        return NH_ERR_INVAL;
    const struct nh_datagram_group group = {
        .group = c->address, .interface = "127.0.0.1", .port = c->port, .ttl = 0};
    if (c->is_group)
        return nh_datagram_open_group(c->cfg.loop, c->cfg.mem, &group, on_datagram, c,
                                      &c->datagram);
    bool is_local = strncmp(c->address, "127.", 4) == 0;
    return nh_datagram_open(c->cfg.loop, c->cfg.mem, is_local ? "127.0.0.1" : "0.0.0.0", 0,
                            on_datagram, c, &c->datagram);
}

int nh_can_open(const struct nh_can_config *cfg, nh_can_t **out)
{
    *out = NULL;
    if (!nh_can_is_interface(cfg->interface))
        return NH_ERR_INVAL;
    nh_can_t *c = nh_mem_alloc_zero(cfg->mem, sizeof *c, NH_MEM_BULK);
    if (!c)
        return NH_ERR_NOMEM;
    c->cfg = *cfg;
    c->fd = -1;
    int err = is_stand_in(cfg->interface) ? open_stand_in(c) : open_kernel(c);
    c->cfg.interface = NULL; // borrowed for the call
    if (err < 0) {
        nh_can_close(c);
        return err;
    }
    *out = c;
    return NH_OK;
}

void nh_can_info(const nh_can_t *c, struct nh_can_info *out)
{
    *out = c->info;
}

static void on_closed(uv_handle_t *handle)
{
    nh_can_t *c = handle->data;
    if (c->fd >= 0)
        close(c->fd);
    nh_mem_free(c->cfg.mem, c);
}

void nh_can_close(nh_can_t *c)
{
    if (!c)
        return;
    c->is_closed = true;
    nh_datagram_close(c->datagram);
    if (c->is_kernel) {
        uv_close((uv_handle_t *)&c->poll, on_closed);
        return;
    }
    if (c->fd >= 0)
        close(c->fd);
    nh_mem_free(c->cfg.mem, c);
}
