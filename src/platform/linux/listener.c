// listener.c - listening sockets: where the connections of a set come from.

#include "platform/linux/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_MAX_COUNT 64   // in one turn; then those who are in have theirs
#define ACCEPT_RETRY_MS 1000u // after descriptors or kernel memory ran out

// ---- accepting ---------------------------------------------------------------------------------

static enum nh_phase first_phase(const nh_listener_t *l)
{
    if (l->has_proxy)
        return NH_PHASE_PROXY;
    return l->tls ? NH_PHASE_TLS : NH_PHASE_UPGRADE;
}

static void layers_start(nh_listener_t *l, nh_stream_t *s)
{
    nh_stream_set_t *set = l->set;
    int rc = nh_layer__add(s, first_phase(l));
    if (rc == NH_OK) {
        set->info.handshake_count++;
        if (l->tls)
            rc = nh_layer_tls__start(s, l->tls, NULL);
    }
    if (rc == NH_OK) {
        nh_stream__time(s, set->handshake_ms);
        return;
    }
    set->info.refused++;
    s->flags |= NH_STREAM_TOLD;
    nh_stream__finish(s, rc);
}

static void conn_start(nh_listener_t *l, int fd)
{
    nh_stream_set_t *set = l->set;
    nh_stream_t *s = set->info.conn_count < set->info.conn_max ? nh_stream__get(l, fd) : NULL;
    if (!s) {
        set->info.refused++;
        close(fd);
        return;
    }
    set->info.conn_count++;
    if (l->is_layered)
        layers_start(l, s);
    else
        nh_stream__open(s);
    if (s->flags & NH_STREAM_DYING)
        return;
    // Once for all directions and for life: an edge costs nothing until it comes.
    int rc = nh_stream_set__watch(set, fd, s, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    if (rc < 0)
        nh_stream__finish(s, rc);
}

// Out of descriptors: gives up the spare one to take the peer in and close it, so that it learns
// of it at once and does not wait in the backlog. False: there is no spare one.
static bool refuse_with_spare(nh_listener_t *l)
{
    if (l->set->spare_fd < 0)
        return false;
    close(l->set->spare_fd);
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        l->set->info.refused++;
    }
    l->set->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

// Accepts one. False: nobody waits, or it cannot be done now.
static bool accept_one(nh_listener_t *l)
{
    int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        conn_start(l, fd);
        return true;
    }
    switch (errno) {
    case EAGAIN:
        l->accepting = false;
        return false;
    case EMFILE:
    case ENFILE:
        if (refuse_with_spare(l))
            return true;
        break;
    case ENOBUFS:
    case ENOMEM:
        break;
    default: // the peer gave up before it was accepted
        return true;
    }
    l->accepting = false;
    l->retry_accept = l->set->retry_accept = true;
    nh_stream_set__timer_arm(l->set, ACCEPT_RETRY_MS);
    return false;
}

void nh_listener__accept_some(nh_listener_t *l)
{
    for (int i = 0; i < ACCEPT_MAX_COUNT && l->accepting; i++) {
        // They wait in the kernel, which answers them meanwhile.
        if (l->is_layered && l->set->info.handshake_count >= l->set->handshake_max) {
            l->accepting = false;
            l->is_held = true;
            return;
        }
        if (!accept_one(l))
            return;
    }
}

void nh_listener__handshake_ended(nh_stream_set_t *set)
{
    set->info.handshake_count--;
    for (nh_listener_t *l = set->listeners; l; l = l->next) {
        if (!l->is_held)
            continue;
        l->is_held = false;
        l->accepting = set->accepting = true;
        nh_stream_set__schedule(set);
    }
}

// ---- life --------------------------------------------------------------------------------------

static int inet_listen(nh_listener_t *l, const struct nh_listener_config *cfg)
{
    struct sockaddr_storage sa;
    socklen_t len;
    const int on = 1, off = 0;
    int rc = nh_linux__address(cfg->address ? cfg->address : "127.0.0.1", cfg->port, &sa, &len);
    if (rc < 0)
        return rc;
    l->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return nh_linux__err(errno);
    setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (sa.ss_family == AF_INET6) // "::" is both, whatever the machine's default
        setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    // Accepted sockets inherit it from the listening one: one call, not one a connection.
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(l->fd, (struct sockaddr *)&sa, len) != 0 || listen(l->fd, SOMAXCONN) != 0 ||
        getsockname(l->fd, (struct sockaddr *)&sa, &len) != 0)
        return nh_linux__err(errno);
    l->is_loopback = nh_linux__is_loopback(&sa);
    l->port = ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port
                                            : ((struct sockaddr_in6 *)&sa)->sin6_port);
    return NH_OK;
}

static void listener_free(nh_listener_t *l)
{
    nh_listener__unix_remove(l);
    if (l->fd >= 0)
        close(l->fd);
    nh_mem_free(l->set->mem, l);
}

void nh_listener__end_all(nh_stream_set_t *set)
{
    while (set->listeners != &set->dial) {
        nh_listener_t *l = set->listeners;
        set->listeners = l->next;
        listener_free(l);
    }
}

int nh_stream_listen(nh_stream_set_t *set, const struct nh_listener_config *cfg,
                     nh_listener_t **out)
{
    *out = NULL;
    if (cfg->tls && nh_tls__is_client(cfg->tls))
        return NH_ERR_INVAL;
    nh_listener_t *l = nh_mem_alloc_zero(set->mem, sizeof *l, NH_MEM_BULK);
    if (!l)
        return NH_ERR_NOMEM;
    *l = (nh_listener_t){.set = set,
                         .fd = -1,
                         .user = cfg->user,
                         .tls = cfg->tls,
                         .ws = cfg->ws,
                         .has_proxy = cfg->proxy_protocol,
                         .is_layered = cfg->tls || cfg->ws || cfg->proxy_protocol};
    int rc = cfg->tls ? nh_stream_set__scratch_make(set) : NH_OK;
    if (rc == NH_OK && cfg->address && cfg->address[0] == '/')
        rc = nh_listener__unix_listen(l, cfg->address, cfg->unix_mode);
    else if (rc == NH_OK)
        rc = inet_listen(l, cfg);
    if (rc == NH_OK)
        rc = nh_stream_set__watch(set, l->fd, nh_listener__mark(l), EPOLLIN | EPOLLET);
    if (rc < 0) {
        listener_free(l);
        return rc;
    }
    l->next = set->listeners;
    set->listeners = l;
    *out = l;
    return NH_OK;
}

uint16_t nh_listener_port(const nh_listener_t *l)
{
    return l->port;
}

void *nh_listener_user(const nh_listener_t *l)
{
    return l->user;
}
