// stream.c - the connections of a set: reading, writing, pausing and ending.

#include "platform/linux/stream.h"
#include "platform/linux/layer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define ROUND_MAX_COUNT 4     // rounds in one turn of the loop; then the others have theirs
#define WRITE_MAX_COUNT 4     // gathered writes for one connection in a round
#define DISCARD_MAX_COUNT 16  // reads that throw away, in a round
#define HANDSHAKE_MAX_COUNT 2 // steps of handshakes in a round: one may cost a millisecond
#define READ_SHARE_DIVISOR 4  // one connection reads at most this part of the buffer at once
#define READ_REST_DIVISOR 16  // a rest of the buffer under this part ends the round

_Static_assert(sizeof(struct nh_iov) == sizeof(struct iovec) &&
                   offsetof(struct nh_iov, ptr) == offsetof(struct iovec, iov_base) &&
                   offsetof(struct nh_iov, len) == offsetof(struct iovec, iov_len),
               "spans go to writev() as they are");

// ---- the work list -----------------------------------------------------------------------------

static bool work_is_due(const nh_stream_t *s)
{
    unsigned f = s->flags;
    if (f & (NH_STREAM_DYING | NH_STREAM_DRAINED))
        return !(f & NH_STREAM_TOLD) || (f & (NH_STREAM_DYING | NH_STREAM_READABLE));
    if ((f & NH_STREAM_DIRTY) && !(f & NH_STREAM_BLOCKED))
        return true;
    return (f & NH_STREAM_READABLE) && !(f & (NH_STREAM_PAUSED | NH_STREAM_DRAINING));
}

static void work_append(nh_stream_set_t *set, nh_stream_t *s)
{
    s->flags |= NH_STREAM_QUEUED;
    s->next = NULL;
    *(set->work_tail ? &set->work_tail->next : &set->work_head) = s;
    set->work_tail = s;
}

void nh_stream__queue(nh_stream_t *s)
{
    if ((s->flags & NH_STREAM_QUEUED) || !work_is_due(s))
        return;
    nh_stream_set_t *set = nh_stream__set(s);
    work_append(set, s);
    nh_stream_set__schedule(set);
}

// ---- ending ------------------------------------------------------------------------------------

void nh_stream__finish(nh_stream_t *s, int err)
{
    if (s->flags & NH_STREAM_DYING)
        return;
    if (!(s->flags & NH_STREAM_TOLD))
        s->err = (int8_t)err;
    s->flags |= NH_STREAM_DYING;
    nh_stream__queue(s);
}

void nh_stream__drain(nh_stream_t *s, int err)
{
    if (s->flags & (NH_STREAM_DYING | NH_STREAM_DRAINING))
        return;
    nh_stream_set_t *set = nh_stream__set(s);
    s->err = (int8_t)err;
    s->flags |= NH_STREAM_DRAINING | NH_STREAM_DIRTY;
    nh_stream__time(s, set->drain_ms);
    nh_stream__queue(s);
}

void nh_stream_close(nh_stream_t *s, bool drain)
{
    if (s->flags & NH_STREAM_TOLD)
        return;
    if (drain && !nh_layer__is_early(s))
        nh_stream__drain(s, NH_OK);
    else
        nh_stream__finish(s, NH_OK);
}

static void tell_closed(nh_stream_set_t *set, nh_stream_t *s)
{
    if (s->flags & NH_STREAM_TOLD)
        return;
    s->flags |= NH_STREAM_TOLD;
    s->flags &= (uint16_t)~NH_STREAM_DIRTY;
    if (nh_layer__is_early(s) && !nh_layer__of(s)->dial)
        return; // came and went below the handler
    set->on.closed(set->on.ctx, s, s->err);
}

// Reads what nobody will look at. Whether the peer has ended.
static bool discard(nh_stream_set_t *set, nh_stream_t *s)
{
    ssize_t n = 1;
    // Its end was seen and the last read emptied the socket: nothing is left but that end.
    if ((s->flags & NH_STREAM_HANGUP) && (s->flags & NH_STREAM_SHORT))
        return true;
    for (int i = 0; i < DISCARD_MAX_COUNT && n > 0; i++)
        n = recv(s->fd, set->buffer, set->buffer_bytes,
                 MSG_DONTWAIT); // nobody borrows it in a sweep
    if (n > 0)
        s->flags |= NH_STREAM_READABLE; // goes on in the next round
    else
        s->flags &= (uint16_t)~NH_STREAM_READABLE;
    return n == 0 || (n < 0 && errno != EAGAIN);
}

// All is written. Closing now with bytes unread would make the kernel send a reset, and that may
// overtake our last words; so read what there is, and unless that ends it, send our end and wait,
// within the drain time, for the peer's.
static void linger(nh_stream_set_t *set, nh_stream_t *s)
{
    bool has_ended = discard(set, s);
    if (!(s->flags & NH_STREAM_TOLD)) {
        if (!has_ended)
            shutdown(s->fd, SHUT_WR);
        tell_closed(set, s);
    }
    if (has_ended)
        s->flags |= NH_STREAM_DYING;
}

void nh_stream__reap(nh_stream_set_t *set, nh_stream_t *s)
{
    tell_closed(set, s);
    if (s->fd >= 0)
        close(s->fd); // also leaves the epoll instance
    nh_stream__untime(s);
    nh_layer__remove(s);
    if (nh_stream__chunk(s)->listener != &set->dial)
        set->info.conn_count--;
    nh_stream__put(s);
}

// ---- opening -----------------------------------------------------------------------------------

void nh_stream__open(nh_stream_t *s)
{
    nh_stream_set_t *set = nh_stream__set(s);
    bool is_incoming = nh_stream_listener(s) != NULL;
    int rc = set->on.open(set->on.ctx, s);
    if (rc == 0) {
        set->info.accepted += is_incoming;
        return;
    }
    if (is_incoming) { // who dialed is told in any case
        set->info.refused++;
        s->flags |= NH_STREAM_TOLD;
    }
    nh_stream__finish(s, rc);
}

// ---- reading -----------------------------------------------------------------------------------

static void read_failed(nh_stream_t *s, ssize_t n)
{
    if (n < 0 && errno == EINTR)
        return;
    s->flags &= (uint16_t)~NH_STREAM_READABLE;
    if (n < 0 && errno == EAGAIN)
        return;
    // An end may be half an end: what the last input made is still written.
    if (n == 0)
        nh_stream__drain(s, NH_ERR_CLOSED);
    else
        nh_stream__finish(s, nh_linux__err(errno));
}

// Reads once, at most `cap` bytes.
static void stream_read(nh_stream_set_t *set, nh_stream_t *s, size_t cap)
{
    uint8_t *at = set->buffer + set->buffer_used;
    s->flags |= NH_STREAM_SERVED;
    if (s->flags & NH_STREAM_LAYERED) {
        nh_layer__read(set, s, at, cap);
        return;
    }
    ssize_t n = recv(s->fd, at, cap, MSG_DONTWAIT);
    if (n <= 0) {
        read_failed(s, n);
        return;
    }
    s->flags &= (uint16_t)~NH_STREAM_SHORT;
    if ((size_t)n < cap)
        s->flags |= NH_STREAM_SHORT;
    if ((size_t)n < cap && !(s->flags & NH_STREAM_HANGUP))
        s->flags &= (uint16_t)~NH_STREAM_READABLE;
    set->buffer_used += (uint32_t)n;
    set->info.bytes_in += (uint64_t)n;
    int rc = set->on.input(set->on.ctx, s, at, (size_t)n);
    if (rc != 0)
        nh_stream__drain(s, rc);
}

static void round_read(nh_stream_set_t *set)
{
    const uint32_t share = set->buffer_bytes / READ_SHARE_DIVISOR;
    const unsigned no = NH_STREAM_PAUSED | NH_STREAM_DRAINING | NH_STREAM_DYING;
    int handshakes = 0;
    for (nh_stream_t *s = set->work_head; s; s = s->next) {
        if (!(s->flags & NH_STREAM_READABLE) || (s->flags & no))
            continue;
        uint32_t rest = set->buffer_bytes - set->buffer_used;
        if (rest < set->buffer_bytes / READ_REST_DIVISOR)
            return;
        if (nh_layer__is_early(s) && ++handshakes > HANDSHAKE_MAX_COUNT)
            continue;
        bool is_alone = s == set->work_head && !s->next;
        stream_read(set, s, is_alone || rest < share ? rest : share);
    }
}

// ---- writing -----------------------------------------------------------------------------------

ssize_t nh_stream__send(nh_stream_t *s, const struct nh_iov *iov, size_t count)
{
    if (count == 1)
        return send(s->fd, iov->ptr, iov->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    struct msghdr m = {.msg_iov = (struct iovec *)iov, .msg_iovlen = count};
    return sendmsg(s->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// One gathered write. False: nothing more to write now.
static bool flush_once(nh_stream_set_t *set, nh_stream_t *s)
{
    struct nh_iov iov[NH_STREAM_IOV_MAX_COUNT];
    size_t total = 0;
    size_t count = set->on.output(set->on.ctx, s, iov, NH_ARRAY_LEN(iov));
    for (size_t i = 0; i < count; i++)
        total += iov[i].len;
    if (total == 0) {
        s->flags &= (uint16_t)~NH_STREAM_DIRTY;
        if (s->flags & NH_STREAM_DRAINING)
            s->flags |= NH_STREAM_DRAINED;
        return false;
    }
    ssize_t n = nh_stream__send(s, iov, count);
    if (n < 0 && errno != EAGAIN) {
        if (errno != EINTR)
            nh_stream__finish(s, nh_linux__err(errno));
        return false;
    }
    if (n > 0) {
        set->info.bytes_out += (uint64_t)n;
        set->on.sent(set->on.ctx, s, (size_t)n);
    }
    if (n == (ssize_t)total)
        return true;
    s->flags |= NH_STREAM_BLOCKED;
    return false;
}

void nh_stream__flush(nh_stream_set_t *set, nh_stream_t *s)
{
    const unsigned no = NH_STREAM_BLOCKED | NH_STREAM_DYING | NH_STREAM_DRAINED;
    for (int i = 0; i < WRITE_MAX_COUNT; i++) {
        if (!(s->flags & NH_STREAM_DIRTY) || (s->flags & no))
            return;
        bool more =
            s->flags & NH_STREAM_LAYERED ? nh_layer__flush_once(set, s) : flush_once(set, s);
        if (!more)
            return;
    }
}

// ---- rounds ------------------------------------------------------------------------------------

struct chain {
    nh_stream_t *head, *tail;
};

static void chain_append(struct chain *c, nh_stream_t *s)
{
    s->next = NULL;
    *(c->tail ? &c->tail->next : &c->head) = s;
    c->tail = s;
}

// Ends what has ended and keeps what has work left: first those that this round did not reach.
static void round_sweep(nh_stream_set_t *set)
{
    struct chain unserved = {0};
    struct chain served = {0};
    nh_stream_t *s = set->work_head;
    set->work_head = set->work_tail = NULL;
    while (s) {
        nh_stream_t *next = s->next;
        bool was_served = s->flags & NH_STREAM_SERVED;
        s->flags &= (uint16_t)~NH_STREAM_SERVED;
        if ((s->flags & NH_STREAM_DRAINED) && !(s->flags & NH_STREAM_DYING))
            linger(set, s);
        if (s->flags & NH_STREAM_DYING)
            nh_stream__reap(set, s);
        else if (work_is_due(s))
            chain_append(was_served ? &served : &unserved, s);
        else
            s->flags &= (uint16_t)~NH_STREAM_QUEUED;
        s = next;
    }
    // Callbacks of the sweep may have queued others meanwhile: they stand behind.
    struct chain fresh = {set->work_head, set->work_tail};
    const struct chain *parts[] = {&unserved, &served, &fresh};
    set->work_head = set->work_tail = NULL;
    for (size_t i = 0; i < NH_ARRAY_LEN(parts); i++) {
        if (!parts[i]->head)
            continue;
        *(set->work_tail ? &set->work_tail->next : &set->work_head) = parts[i]->head;
        set->work_tail = parts[i]->tail;
    }
}

void nh_stream__work(nh_stream_set_t *set)
{
    for (int i = 0; i < ROUND_MAX_COUNT && set->work_head; i++) {
        round_read(set);
        // The list may grow behind while it is walked: input() of one makes output of another.
        for (nh_stream_t *s = set->work_head; s; s = s->next)
            nh_stream__flush(set, s);
        set->on.turn_end(set->on.ctx);
        set->buffer_used = 0;
        round_sweep(set);
    }
}

void nh_stream__event(nh_stream_t *s, uint32_t events)
{
    if (nh_layer__is_dialing(s)) {
        nh_dial__event(s);
        if (nh_layer__is_dialing(s))
            return;
    }
    if (events & EPOLLOUT)
        s->flags &= (uint16_t)~NH_STREAM_BLOCKED;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        s->flags = (uint16_t)((s->flags | NH_STREAM_READABLE) & ~(NH_STREAM_DRY | NH_STREAM_SHORT));
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        s->flags |= NH_STREAM_HANGUP;
    // A paused connection is not read, so its death is learnt here.
    if ((s->flags & NH_STREAM_PAUSED) && (events & (EPOLLHUP | EPOLLERR)))
        nh_stream__finish(s, NH_ERR_CLOSED);
    nh_stream__queue(s);
}

// ---- for the owner -----------------------------------------------------------------------------

void nh_stream_user_set(nh_stream_t *s, void *user)
{
    *(s->flags & NH_STREAM_LAYERED ? &nh_layer__of(s)->user : &s->user) = user;
}

void *nh_stream_user(const nh_stream_t *s)
{
    return s->flags & NH_STREAM_LAYERED ? nh_layer__of(s)->user : s->user;
}

nh_listener_t *nh_stream_listener(const nh_stream_t *s)
{
    const struct nh_stream_chunk *c = nh_stream__chunk(s);
    return c->listener == &c->set->dial ? NULL : c->listener;
}

void nh_stream_dirty(nh_stream_t *s)
{
    if (s->flags & (NH_STREAM_TOLD | NH_STREAM_DYING | NH_STREAM_DRAINED))
        return;
    s->flags |= NH_STREAM_DIRTY;
    nh_stream__queue(s);
}

void nh_stream_pause(nh_stream_t *s, bool paused)
{
    if (paused) {
        s->flags |= NH_STREAM_PAUSED;
        return;
    }
    s->flags &= (uint16_t)~NH_STREAM_PAUSED;
    nh_stream__queue(s);
}

static void socket_peer(const nh_stream_t *s, char *text, size_t cap)
{
    struct sockaddr_storage sa = {0};
    struct ucred cred;
    socklen_t len = sizeof sa, cred_len = sizeof cred;
    // Asked for when it is wanted, not kept: it costs nothing for the thousands that nobody asks.
    if (getpeername(s->fd, (struct sockaddr *)&sa, &len) != 0)
        sa.ss_family = AF_UNSPEC;
    if (sa.ss_family == AF_UNSPEC && (s->flags & NH_STREAM_LAYERED))
        memcpy(&sa, &nh_layer__of(s)->from, sizeof nh_layer__of(s)->from);
    if (sa.ss_family == AF_UNIX &&
        getsockopt(s->fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_len) == 0)
        snprintf(text, cap, "unix:%u", (unsigned)cred.uid);
    else
        nh_linux__address_text(&sa, text, cap);
}

void nh_stream_peer(const nh_stream_t *s, char *text, size_t cap)
{
    if (!nh_layer__peer(s, text, cap))
        socket_peer(s, text, cap);
}

bool nh_stream_is_local(const nh_stream_t *s)
{
    const nh_listener_t *l = nh_stream_listener(s);
    return l && (l->unix_path || l->is_loopback) && !nh_layer__is_proxied(s);
}

bool nh_stream_proxy(const nh_stream_t *s, char *text, size_t cap)
{
    if (!nh_layer__is_proxied(s))
        return false;
    socket_peer(s, text, cap);
    return true;
}
