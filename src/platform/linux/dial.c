// dial.c - outgoing connections until they are up: the name, its addresses one after the other.

#include "platform/linux/layer.h"
#include "platform/linux/resolve.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_DEFAULT_MS 10000
#define TIMEOUT_MAX_MS 600000

struct nh_dial {
    nh_stream_t *s;
    nh_resolve_t *resolve; // while the name is looked up
    union nh_resolve_address address[NH_RESOLVE_ADDRESS_MAX_COUNT];
    size_t count, next; // addresses; the one to try next
    uint64_t end_ms;    // of all attempts together
};

static struct nh_dial *dial_of(const nh_stream_t *s)
{
    return nh_layer__of(s)->dial;
}

void nh_dial__free(nh_mem_t *mem, struct nh_dial *d)
{
    if (d && d->resolve)
        nh_resolve__cancel(d->resolve);
    nh_mem_free(mem, d);
}

// Of what the kernel knows, strerror() gives static texts.
static void reason_set(nh_stream_t *s, int errnum)
{
    nh_layer__of(s)->reason = strerror(errnum);
}

// ---- attempts ----------------------------------------------------------------------------------

static void attempt_drop(nh_stream_t *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = NH_STREAM_NO_SOCKET;
}

static socklen_t address_len(const union nh_resolve_address *a)
{
    return a->sa.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6;
}

// Begins to connect to one address. 0, or the errno.
static int attempt_begin(nh_stream_t *s, const union nh_resolve_address *a)
{
    const int on = 1;
    s->fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return errno;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // Watched from here on: before connect() an edge would tell of a hang-up.
    if (connect(s->fd, &a->sa, address_len(a)) != 0 && errno != EINPROGRESS)
        return errno;
    int rc = nh_stream_set__watch(nh_stream__set(s), s->fd, s,
                                  EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    return rc < 0 ? ENOBUFS : 0;
}

// Tries the addresses that are left until one is under way; none: the end.
static void attempt_next(nh_stream_t *s, int err)
{
    struct nh_dial *d = dial_of(s);
    uint64_t now = nh_clock_ms();
    attempt_drop(s);
    while (d->next < d->count && now < d->end_ms) {
        // A silent address may not use up the time of those behind it.
        uint64_t share_ms = (d->end_ms - now) / (d->count - d->next);
        int errnum = attempt_begin(s, &d->address[d->next++]);
        if (errnum == 0) {
            nh_stream__time(s, (uint32_t)share_ms);
            return;
        }
        reason_set(s, errnum);
        err = nh_linux__err(errnum);
        attempt_drop(s);
    }
    nh_stream__finish(s, err);
}

void nh_dial__timeout(nh_stream_t *s)
{
    struct nh_dial *d = dial_of(s);
    nh_layer__of(s)->reason = d->resolve ? "the name was not found in time" : "no answer in time";
    if (d->resolve) {
        nh_resolve__cancel(d->resolve);
        d->resolve = NULL;
    }
    attempt_next(s, NH_ERR_TIMEOUT);
}

// ---- up ----------------------------------------------------------------------------------------

void nh_dial__event(nh_stream_t *s)
{
    int errnum = 0;
    socklen_t len = sizeof errnum;
    if (s->flags & NH_STREAM_DYING)
        return;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) != 0)
        errnum = errno;
    if (errnum == 0) {
        uint64_t now = nh_clock_ms();
        const struct nh_dial *d = dial_of(s);
        nh_layer__of(s)->reason = NULL;
        nh_stream__time(s, now < d->end_ms ? (uint32_t)(d->end_ms - now) : 0);
        nh_layer__advance(s);
        return;
    }
    reason_set(s, errnum);
    attempt_next(s, nh_linux__err(errnum));
}

// ---- begin -------------------------------------------------------------------------------------

static void on_addresses(void *ctx, const union nh_resolve_address *addresses, size_t count,
                         const char *reason)
{
    struct nh_dial *d = ctx;
    d->resolve = NULL;
    d->count = count;
    memcpy(d->address, addresses, count * sizeof *addresses);
    nh_layer__of(d->s)->reason = reason;
    attempt_next(d->s, NH_ERR_NOT_FOUND);
}

static int dial_begin(nh_stream_t *s, struct nh_dial *d, const struct nh_stream_connect_config *cfg)
{
    struct sockaddr_storage sa;
    socklen_t len;
    uint32_t timeout_ms = cfg->timeout_ms ? cfg->timeout_ms : TIMEOUT_DEFAULT_MS;
    d->s = s;
    d->end_ms = nh_clock_ms() + timeout_ms;
    if (nh_linux__address(cfg->host, cfg->port, &sa, &len) == NH_OK) {
        memcpy(&d->address[0], &sa, len);
        d->count = 1;
        attempt_next(s, NH_ERR_IO);
        return NH_OK;
    }
    int rc = nh_resolve__start(nh_stream__set(s)->loop, cfg->host, cfg->port, on_addresses, d,
                               &d->resolve);
    if (rc == NH_OK)
        nh_stream__time(s, timeout_ms);
    return rc;
}

static int tls_prepare(nh_stream_t *s, const struct nh_stream_connect_config *cfg)
{
    int rc = nh_stream_set__scratch_make(nh_stream__set(s));
    if (rc < 0)
        return rc;
    return nh_layer_tls__start(s, cfg->tls, cfg->tls_name ? cfg->tls_name : cfg->host);
}

int nh_stream_connect(nh_stream_set_t *set, const struct nh_stream_connect_config *cfg,
                      nh_stream_t **out)
{
    *out = NULL;
    if (!cfg->host || !cfg->host[0])
        return NH_ERR_INVAL;
    if (cfg->port == 0 || cfg->timeout_ms > TIMEOUT_MAX_MS)
        return NH_ERR_RANGE;
    if (cfg->tls && !nh_tls__is_client(cfg->tls))
        return NH_ERR_INVAL;
    nh_stream_t *s = nh_stream__get(&set->dial, NH_STREAM_NO_SOCKET);
    if (!s)
        return NH_ERR_NOMEM;
    s->user = cfg->user;
    int rc = nh_layer__add(s, NH_PHASE_DIAL);
    if (rc == NH_OK && cfg->tls)
        rc = tls_prepare(s, cfg);
    if (rc == NH_OK) {
        struct nh_dial *d = nh_mem_alloc_zero(set->mem, sizeof *d, NH_MEM_BULK);
        nh_layer__of(s)->dial = d;
        rc = d ? dial_begin(s, d, cfg) : NH_ERR_NOMEM;
    }
    if (rc < 0) {
        nh_layer__remove(s);
        nh_stream__put(s);
        return rc;
    }
    *out = s;
    return NH_OK;
}

const char *nh_stream_reason(const nh_stream_t *s)
{
    const char *reason = s->flags & NH_STREAM_LAYERED ? nh_layer__of(s)->reason : NULL;
    return reason && s->err < 0 ? reason : nh_err_text(s->err);
}
