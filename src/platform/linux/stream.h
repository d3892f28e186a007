// stream.h - inside of a set of connections: what its files share.
//
// One epoll instance holds all sockets of a set, edge-triggered, added once and never changed; a
// single uv_poll handle watches that instance. So a turn of the loop costs two system calls plus
// one read and one gathered write for each connection that has something to do, and an idle
// connection costs 32 bytes.
//
//   events --> work list --> read (into parts of the shared buffer) --> input()
//                        --> output() --> writev() --> sent()
//                        --> turn_end() --> closed() for those that ended

#ifndef NH_LINUX_STREAM_H
#define NH_LINUX_STREAM_H

#include "core/mem/mem.h"
#include "platform/linux/port.h"
#include "platform/tls.h"

#include <uv.h>

#define NH_STREAM_IOV_MAX_COUNT 256

// An edge is told once, so what it said is kept here until it is used up.
enum {
    NH_STREAM_READABLE = 1 << 0, // not read to the end since the last edge
    NH_STREAM_HANGUP = 1 << 1,   // the peer sent its end: read until 0, a short read is no proof
    NH_STREAM_BLOCKED = 1 << 2,  // the socket is full: an edge will tell when it is not
    NH_STREAM_DIRTY = 1 << 3,    // output() is to be asked
    NH_STREAM_PAUSED = 1 << 4,
    NH_STREAM_QUEUED = 1 << 5,   // in the work list
    NH_STREAM_SERVED = 1 << 6,   // was read in this round: goes behind those that were not
    NH_STREAM_DRAINING = 1 << 7, // no more input; output until there is none, then the end
    NH_STREAM_DRAINED = 1 << 8,
    NH_STREAM_TOLD = 1 << 9, // closed() was called, or open() refused: no call any more
    NH_STREAM_DYING = 1 << 10,
    NH_STREAM_TIMED = 1 << 11,   // `cut_ms` counts
    NH_STREAM_LAYERED = 1 << 12, // `user` is a struct nh_layer, see layer.h
    NH_STREAM_DRY = 1 << 13,     // LAYERED: the socket is empty; what the layer holds may not be
    NH_STREAM_SHORT = 1 << 14,   // nothing came since a read that found less than it had room for
};

struct nh_stream {
    void *user;        // LAYERED: the layer, which holds it
    nh_stream_t *next; // QUEUED: in the work list; fd NH_STREAM_FREE: in its chunk's free list
    int fd;            // or one of the two below
    uint32_t cut_ms;   // TIMED: low half of the clock at which it is cut
    uint16_t flags;
    int8_t err; // for closed(); every enum nh_err fits
};
_Static_assert(sizeof(void *) != 8 || sizeof(nh_stream_t) == 32, "an idle connection is 32 bytes");

#define NH_STREAM_FREE (-1)
#define NH_STREAM_NO_SOCKET (-2) // in use; its name is being looked up, or an attempt failed

// Streams stand in chunks aligned to their size, so that a stream finds its listener and its set
// without holding pointers to them. Chunks with room stand first in the list.
#define NH_STREAM_CHUNK_BYTES 1024u
struct nh_stream_chunk {
    nh_stream_set_t *set;
    nh_listener_t *listener;
    struct nh_stream_chunk *prev, *next;
    nh_stream_t *free;
    uint32_t used_count;
    nh_stream_t slot[(NH_STREAM_CHUNK_BYTES - 6 * sizeof(void *)) / sizeof(nh_stream_t)];
};
_Static_assert(sizeof(struct nh_stream_chunk) <= NH_STREAM_CHUNK_BYTES, "a chunk is its alignment");

// Where connections come from: a listening socket, or (fd -1, one in each set) nh_stream_connect().
struct nh_listener {
    nh_stream_set_t *set;
    nh_listener_t *next; // of the set
    void *user;
    nh_tls_t *tls;
    const struct nh_ws_rules *ws;
    char *unix_path; // NULL: no Unix socket, or it is not made yet
    uint64_t unix_device, unix_inode;
    struct nh_stream_chunk *chunk_head, *chunk_tail;
    uint32_t conn_count;
    int fd;
    uint16_t port;
    bool accepting, retry_accept;
    bool is_held; // too many handshakes: accepts when one has ended
    bool has_proxy, is_layered;
    bool is_loopback; // the address it listens at
};

#define NH_STREAM_TOLD_MAX 5u // refusals in the log in a second

struct nh_stream_set {
    struct nh_stream_handler on;
    nh_mem_t *mem;
    nh_loop_t *loop;
    int epoll_fd, spare_fd; // spare: given up for a moment when descriptors run out
    nh_stream_t *work_head, *work_tail;
    nh_listener_t *listeners; // the last is `dial`
    nh_listener_t dial;
    uint8_t *buffer;
    uint8_t *scratch;                   // NH_LAYER_SCRATCH_BYTES, once TLS is used; else NULL
    uint32_t buffer_bytes, buffer_used; // used: borrowed by the handler until turn_end()
    bool in_turn, accepting, retry_accept, is_idling; // accepting, retry_accept: some listener is
    uint32_t timed_count, drain_ms, handshake_max, handshake_ms;
    struct nh_stream_set_info info;
    uint64_t told_second; // in which `told` refusals were logged, and others not
    uint32_t told, left_out;
    uv_poll_t poll;   // on epoll_fd
    uv_idle_t more;   // active when work waits: the loop must not sleep
    uv_timer_t timer; // active while a connection is timed, or accept() is to be tried again
    int open_handles; // of the three; the last close callback frees
};

// stream_slab.c
NH_MUST_USE nh_stream_t *nh_stream__get(nh_listener_t *l, int fd); // NULL: no memory
void nh_stream__put(nh_stream_t *s);
// The next stream in use after `s` (NULL: the first); NULL: no more. Nothing may be put between.
nh_stream_t *nh_stream__next(nh_listener_t *l, nh_stream_t *s);

static inline struct nh_stream_chunk *nh_stream__chunk(const nh_stream_t *s)
{
    return (struct nh_stream_chunk *)((uintptr_t)s & ~(uintptr_t)(NH_STREAM_CHUNK_BYTES - 1));
}

static inline nh_stream_set_t *nh_stream__set(const nh_stream_t *s)
{
    return nh_stream__chunk(s)->set;
}

// stream.c
void nh_stream__event(nh_stream_t *s, uint32_t events); // of epoll
void nh_stream__open(nh_stream_t *s);                   // open(), and what it says
void nh_stream__finish(nh_stream_t *s, int err);        // closed at the end of this turn
void nh_stream__drain(nh_stream_t *s, int err);         // closed after what waits to be written
// One gathered write, as the system says it.
ssize_t nh_stream__send(nh_stream_t *s, const struct nh_iov *iov, size_t count);
void nh_stream__queue(nh_stream_t *s);      // into the work list when work is due
void nh_stream__work(nh_stream_set_t *set); // some rounds over the work list
void nh_stream__flush(nh_stream_set_t *set, nh_stream_t *s);
void nh_stream__reap(nh_stream_set_t *set, nh_stream_t *s);

// stream_set.c
void nh_stream_set__schedule(nh_stream_set_t *set); // work waits: run it in the loop's next turn
void nh_stream_set__timer_arm(nh_stream_set_t *set, uint64_t delay_ms);
NH_MUST_USE int nh_stream_set__scratch_make(nh_stream_set_t *set);
NH_MUST_USE int nh_stream_set__watch(nh_stream_set_t *set, int fd, void *ptr, uint32_t events);
void nh_stream__time(nh_stream_t *s, uint32_t delay_ms); // cut, or told its layer, after that
void nh_stream__untime(nh_stream_t *s);

// listener.c
void nh_listener__accept_some(nh_listener_t *l);
void nh_listener__handshake_ended(nh_stream_set_t *set); // of an incoming connection
void nh_listener__end_all(nh_stream_set_t *set);         // frees them; their connections are gone

// listener_unix.c
NH_MUST_USE int nh_listener__unix_listen(nh_listener_t *l, const char *path, uint32_t mode);
void nh_listener__unix_remove(nh_listener_t *l); // the path, if it is still ours; none: nothing

// epoll's pointer of a listener: its lowest bit is set, that of a stream is not.
static inline void *nh_listener__mark(nh_listener_t *l)
{
    return (void *)((uintptr_t)l | 1u);
}

#endif
