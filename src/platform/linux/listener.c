// listener.c - a listening socket and the epoll instance of its connections, on a loop.

#include "core/base/log.h"
#include "platform/linux/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONN_DEFAULT_COUNT 1000
#define BUFFER_DEFAULT_BYTES NH_KIB(64)
#define BUFFER_MIN_BYTES 256
#define DRAIN_DEFAULT_MS 5000
#define EVENT_MAX_COUNT 128
#define ACCEPT_MAX_COUNT 64   // in one turn; then those who are in have theirs
#define ACCEPT_RETRY_MS 1000u // after descriptors or kernel memory ran out

static void turn(nh_listener_t *l, bool with_events);

// ---- accepting ---------------------------------------------------------------------------------

static void conn_start(nh_listener_t *l, int fd)
{
    nh_stream_t *s = l->info.conn_count < l->info.conn_max ? nh_stream__get(l, fd) : NULL;
    if (!s) {
        l->info.refused++;
        close(fd);
        return;
    }
    l->info.conn_count++;
    int rc = l->on.open(l->on.ctx, s);
    if (rc != 0) {
        l->info.refused++;
        s->flags |= NH_STREAM_TOLD;
        nh_stream__finish(s, rc);
        return;
    }
    l->info.accepted++;
    // Once for all directions and for life: an edge costs nothing until it comes.
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = s};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
        nh_stream__finish(s, nh_linux__err(errno));
}

// Out of descriptors: gives up the spare one to take the peer in and close it, so that it learns
// of it at once and does not wait in the backlog. False: there is no spare one.
static bool refuse_with_spare(nh_listener_t *l)
{
    if (l->spare_fd < 0)
        return false;
    close(l->spare_fd);
    int fd = accept4(l->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        l->info.refused++;
    }
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

// Accepts one. False: nobody waits, or it cannot be done now.
static bool accept_one(nh_listener_t *l)
{
    int fd = accept4(l->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
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
    l->retry_accept = true;
    nh_listener__timer_arm(l, ACCEPT_RETRY_MS);
    return false;
}

static void accept_some(nh_listener_t *l)
{
    for (int i = 0; i < ACCEPT_MAX_COUNT && l->accepting; i++)
        if (!accept_one(l))
            return;
}

// ---- turns of the loop -------------------------------------------------------------------------

static void events_take(nh_listener_t *l)
{
    struct epoll_event event[EVENT_MAX_COUNT];
    int n = epoll_wait(l->epoll_fd, event, EVENT_MAX_COUNT, 0);
    for (int i = 0; i < n; i++) {
        if (event[i].data.ptr)
            nh_stream__event(event[i].data.ptr, event[i].events);
        else
            l->accepting = true;
    }
}

static void on_more(uv_idle_t *idle)
{
    turn(idle->data, false);
}

void nh_listener__schedule(nh_listener_t *l)
{
    if (l->in_turn || l->is_idling)
        return;
    l->is_idling = true;
    uv_idle_start(&l->more, on_more);
}

static void turn(nh_listener_t *l, bool with_events)
{
    l->in_turn = true;
    if (with_events)
        events_take(l);
    if (l->accepting)
        accept_some(l);
    nh_stream__work(l);
    l->in_turn = false;
    if (l->work_head || l->accepting) {
        nh_listener__schedule(l);
    } else if (l->is_idling) {
        l->is_idling = false;
        uv_idle_stop(&l->more);
    }
}

static void on_events(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    turn(poll->data, true);
}

// ---- time --------------------------------------------------------------------------------------

static void on_timer(uv_timer_t *timer)
{
    nh_listener_t *l = timer->data;
    uint32_t now = (uint32_t)nh_clock_ms();
    int32_t next = INT32_MAX;
    for (nh_stream_t *s = nh_stream__next(l, NULL); s && l->timed_count;
         s = nh_stream__next(l, s)) {
        if (!(s->flags & NH_STREAM_TIMED))
            continue;
        int32_t left = (int32_t)(s->cut_ms - now);
        if (left <= 0)
            nh_stream__finish(s, NH_ERR_TIMEOUT);
        else if (left < next)
            next = left;
    }
    if (next != INT32_MAX)
        nh_listener__timer_arm(l, (uint64_t)next);
    if (l->retry_accept) {
        l->retry_accept = false;
        l->accepting = true;
        nh_listener__schedule(l);
    }
}

// One timer stands for both uses; the earlier wins, and each firing looks at everything.
void nh_listener__timer_arm(nh_listener_t *l, uint64_t delay_ms)
{
    if (uv_is_active((uv_handle_t *)&l->timer) && uv_timer_get_due_in(&l->timer) <= delay_ms)
        return;
    uv_timer_start(&l->timer, on_timer, delay_ms, 0);
}

// ---- life --------------------------------------------------------------------------------------

static int socket_listen(nh_listener_t *l, const struct nh_listener_config *cfg)
{
    struct sockaddr_storage sa;
    socklen_t len;
    const int on = 1;
    int rc = nh_linux__address(cfg->address ? cfg->address : "127.0.0.1", cfg->port, &sa, &len);
    if (rc < 0)
        return rc;
    l->listen_fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->listen_fd < 0)
        return nh_linux__err(errno);
    setsockopt(l->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Accepted sockets inherit it from the listening one: one call, not one a connection.
    setsockopt(l->listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(l->listen_fd, (struct sockaddr *)&sa, len) != 0 ||
        listen(l->listen_fd, SOMAXCONN) != 0 ||
        getsockname(l->listen_fd, (struct sockaddr *)&sa, &len) != 0)
        return nh_linux__err(errno);
    l->port = ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port
                                            : ((struct sockaddr_in6 *)&sa)->sin6_port);
    return NH_OK;
}

static int epoll_open(nh_listener_t *l)
{
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd < 0)
        return nh_linux__err(errno);
    struct epoll_event e = {.events = EPOLLIN | EPOLLET};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->listen_fd, &e) != 0)
        return nh_linux__err(errno);
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return NH_OK;
}

static void fds_close(nh_listener_t *l)
{
    const int fd[] = {l->listen_fd, l->epoll_fd, l->spare_fd};
    for (size_t i = 0; i < NH_ARRAY_LEN(fd); i++)
        if (fd[i] >= 0)
            close(fd[i]);
}

static int uv_open(nh_listener_t *l, uv_loop_t *uv)
{
    int rc = uv_poll_init(uv, &l->poll, l->epoll_fd);
    if (rc < 0)
        return nh_linux__err(rc);
    uv_idle_init(uv, &l->more);
    uv_timer_init(uv, &l->timer);
    l->poll.data = l->more.data = l->timer.data = l;
    l->open_handles = 3;
    rc = uv_poll_start(&l->poll, UV_READABLE, on_events); // cannot fail for a fresh handle
    NH_ASSERT(rc == 0);
    return NH_OK;
}

static void free_listener(nh_listener_t *l)
{
    nh_mem_free(l->mem, l->buffer);
    nh_mem_free(l->mem, l);
}

static void on_handle_closed(uv_handle_t *handle)
{
    nh_listener_t *l = handle->data;
    if (--l->open_handles == 0) {
        fds_close(l);
        free_listener(l);
    }
}

int nh_listener_create(const struct nh_listener_config *cfg, nh_listener_t **out)
{
    *out = NULL;
    uint32_t buffer_bytes = cfg->read_buffer_bytes ? cfg->read_buffer_bytes : BUFFER_DEFAULT_BYTES;
    if (buffer_bytes < BUFFER_MIN_BYTES || buffer_bytes > NH_MIB(16))
        return NH_ERR_RANGE;
    nh_listener_t *l = nh_mem_alloc_zero(cfg->mem, sizeof *l, NH_MEM_HOT);
    if (!l)
        return NH_ERR_NOMEM;
    l->mem = cfg->mem;
    l->on = cfg->handler;
    l->epoll_fd = l->listen_fd = l->spare_fd = -1;
    l->buffer_bytes = buffer_bytes;
    l->drain_ms = cfg->drain_ms ? cfg->drain_ms : DRAIN_DEFAULT_MS;
    l->info.conn_max = cfg->conn_max_count ? cfg->conn_max_count : CONN_DEFAULT_COUNT;
    l->buffer = nh_mem_alloc(cfg->mem, buffer_bytes, NH_MEM_BULK);
    int rc = l->buffer ? socket_listen(l, cfg) : NH_ERR_NOMEM;
    if (rc == NH_OK)
        rc = epoll_open(l);
    if (rc == NH_OK)
        rc = uv_open(l, nh_loop_native(cfg->loop));
    if (rc < 0) {
        fds_close(l);
        free_listener(l);
        return rc;
    }
    *out = l;
    return NH_OK;
}

// Each connection gets a last chance to say what its output() has, as far as its socket takes it.
static void conns_end(nh_listener_t *l)
{
    for (nh_stream_t *s = nh_stream__next(l, NULL); s; s = nh_stream__next(l, s)) {
        s->flags |= NH_STREAM_QUEUED; // there is no work list any more to be put in
        if (s->flags & (NH_STREAM_DYING | NH_STREAM_TOLD))
            continue;
        s->flags |= NH_STREAM_DIRTY;
        nh_stream__flush(l, s);
    }
    l->on.turn_end(l->on.ctx);
    for (nh_stream_t *s = nh_stream__next(l, NULL); s; s = nh_stream__next(l, NULL)) {
        if (!(s->flags & NH_STREAM_DYING))
            nh_stream__finish(s, NH_ERR_CANCELLED);
        nh_stream__reap(l, s);
    }
    nh_mem_free(l->mem, l->chunk_head); // the empty one that the slab keeps
    l->chunk_head = l->chunk_tail = NULL;
}

void nh_listener_destroy(nh_listener_t *l)
{
    if (!l)
        return;
    NH_ASSERT(!l->in_turn);
    l->in_turn = true; // nothing is scheduled any more
    conns_end(l);
    uv_handle_t *const handle[] = {(uv_handle_t *)&l->poll, (uv_handle_t *)&l->more,
                                   (uv_handle_t *)&l->timer};
    for (size_t i = 0; i < NH_ARRAY_LEN(handle); i++)
        uv_close(handle[i], on_handle_closed);
}

uint16_t nh_listener_port(const nh_listener_t *l)
{
    return l->port;
}

void nh_listener_info(const nh_listener_t *l, struct nh_listener_info *out)
{
    *out = l->info;
}
