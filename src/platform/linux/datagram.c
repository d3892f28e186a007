#include "core/mem/mem.h"
#include "platform/linux/port.h"

#include <netinet/in.h>
#include <string.h>
#include <uv.h>

struct nh_datagram {
    uv_udp_t udp;
    nh_mem_t *mem;
    void (*input)(void *ctx, const uint8_t *bytes, size_t len, const char *from_address,
                  uint16_t from_port);
    void *ctx;
    struct nh_datagram_info info;
    char buffer[NH_DATAGRAM_MAX_BYTES]; // one datagram at a time: the loop reads and hands over
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    nh_datagram_t *d = handle->data;
    (void)suggested;
    *out = uv_buf_init(d->buffer, sizeof d->buffer);
}

static void on_recv(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf, const struct sockaddr *from,
                    unsigned flags)
{
    nh_datagram_t *d = udp->data;
    char address[INET6_ADDRSTRLEN] = "?";
    uint16_t port = 0;
    if (!from) // nothing more to read, or an error of an earlier send
        return;
    if (len < 0 || (flags & UV_UDP_PARTIAL)) {
        d->info.dropped_count++;
        return;
    }
    if (from->sa_family == AF_INET) {
        uv_ip4_name((const struct sockaddr_in *)from, address, sizeof address);
        port = ntohs(((const struct sockaddr_in *)from)->sin_port);
    } else {
        uv_ip6_name((const struct sockaddr_in6 *)from, address, sizeof address);
        port = ntohs(((const struct sockaddr_in6 *)from)->sin6_port);
    }
    d->info.received_count++;
    d->input(d->ctx, (const uint8_t *)buf->base, (size_t)len, address, port);
}

static void on_closed(uv_handle_t *handle)
{
    nh_datagram_t *d = handle->data;
    nh_mem_free(d->mem, d);
}

typedef void (*input_fn)(void *ctx, const uint8_t *bytes, size_t len, const char *from_address,
                         uint16_t from_port);

static int open_socket(nh_loop_t *loop, struct nh_mem *mem, const char *address, uint16_t port,
                       unsigned flags, input_fn input, void *ctx, nh_datagram_t **out)
{
    struct sockaddr_storage sa;
    unsigned len;
    *out = NULL;
    int rc = nh_linux__address(address, port, &sa, &len);
    if (rc < 0)
        return rc;
    nh_datagram_t *d = nh_mem_alloc_zero(mem, sizeof *d, NH_MEM_BULK);
    if (!d)
        return NH_ERR_NOMEM;
    d->mem = mem;
    d->input = input;
    d->ctx = ctx;
    d->udp.data = d;
    rc = uv_udp_init(nh_loop_native(loop), &d->udp);
    if (rc < 0) {
        nh_mem_free(mem, d);
        return nh_linux__err(rc);
    }
    d->udp.data = d;
    rc = uv_udp_bind(&d->udp, (const struct sockaddr *)&sa, flags);
    if (rc == 0)
        rc = uv_udp_set_broadcast(&d->udp, sa.ss_family == AF_INET);
    if (rc == 0)
        rc = uv_udp_recv_start(&d->udp, on_alloc, on_recv);
    if (rc < 0) {
        nh_datagram_close(d);
        return nh_linux__err(rc);
    }
    *out = d;
    return NH_OK;
}

int nh_datagram_open(nh_loop_t *loop, struct nh_mem *mem, const char *address, uint16_t port,
                     void (*input)(void *ctx, const uint8_t *bytes, size_t len,
                                   const char *from_address, uint16_t from_port),
                     void *ctx, nh_datagram_t **out)
{
    return open_socket(loop, mem, address, port, 0, input, ctx, out);
}

int nh_datagram_open_group(nh_loop_t *loop, struct nh_mem *mem,
                           const struct nh_datagram_group *group,
                           void (*input)(void *ctx, const uint8_t *bytes, size_t len,
                                         const char *from_address, uint16_t from_port),
                           void *ctx, nh_datagram_t **out)
{
    int rc = open_socket(loop, mem, "0.0.0.0", group->port, UV_UDP_REUSEADDR, input, ctx, out);
    if (rc < 0)
        return rc;
    rc = nh_datagram_join(*out, group->group, group->interface);
    if (rc == 0)
        rc = nh_linux__err(uv_udp_set_multicast_interface(&(*out)->udp, group->interface));
    if (rc == 0)
        rc = nh_linux__err(uv_udp_set_multicast_ttl(&(*out)->udp, group->ttl));
    if (rc == 0)
        rc = nh_linux__err(uv_udp_set_multicast_loop(&(*out)->udp, 1));
    if (rc < 0) {
        nh_datagram_close(*out);
        *out = NULL;
    }
    return rc;
}

int nh_datagram_send(nh_datagram_t *d, const char *address, uint16_t port, const void *bytes,
                     size_t len)
{
    struct sockaddr_storage sa;
    unsigned sa_len;
    if (len > NH_DATAGRAM_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    int rc = nh_linux__address(address, port, &sa, &sa_len);
    if (rc < 0)
        return rc;
    const uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);
    rc = uv_udp_try_send(&d->udp, &buf, 1, (const struct sockaddr *)&sa);
    if (rc < 0)
        return nh_linux__err(rc);
    d->info.sent_count++;
    return NH_OK;
}

int nh_datagram_join(nh_datagram_t *d, const char *group, const char *interface)
{
    int rc = uv_udp_set_membership(&d->udp, group, interface, UV_JOIN_GROUP);
    switch (rc) {
    case UV_ENOBUFS: // of this call: the groups, not the memory
        return NH_ERR_FULL;
    case UV_EADDRINUSE:
        return NH_ERR_EXISTS;
    case UV_ENODEV:
    case UV_EADDRNOTAVAIL:
        return NH_ERR_INVAL;
    default:
        return nh_linux__err(rc);
    }
}

uint16_t nh_datagram_port(const nh_datagram_t *d)
{
    struct sockaddr_storage sa = {0};
    int len = sizeof sa;
    if (uv_udp_getsockname(&d->udp, (struct sockaddr *)&sa, &len) != 0)
        return 0;
    return ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port
                                         : ((struct sockaddr_in6 *)&sa)->sin6_port);
}

void nh_datagram_info(const nh_datagram_t *d, struct nh_datagram_info *out)
{
    *out = d->info;
}

void nh_datagram_close(nh_datagram_t *d)
{
    if (d)
        uv_close((uv_handle_t *)&d->udp, on_closed);
}
