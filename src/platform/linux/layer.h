// layer.h - what may stand between a socket and the handler of its set. A plain connection has no
// layer: one bit in its flags is all that it pays.
//
//   socket --> PROXY header --> TLS --> WebSocket --> handler
//
// Each phase ends before the next begins; open() is called when all of them have.
//
// What the handler gave to a layer is sent for it, once and for all: a record that was made cannot
// be taken back. What the socket did not take of it waits in `pending`, and as long as something
// waits there the handler is not asked for more. So a slow reader holds one record here, and its
// queue stays where it is bounded.

#ifndef NH_LINUX_LAYER_H
#define NH_LINUX_LAYER_H

#include "platform/linux/http/ws_frame.h"
#include "platform/linux/proxy2.h"
#include "platform/linux/stream.h"
#include "platform/tls.h"

#include <netinet/in.h>

// Taken from the handler at once: a record of TLS (16 KiB), with the header of a frame in it.
#define NH_LAYER_BATCH_MAX_BYTES (16384u - NH_WS_HEADER_MAX_BYTES)
#define NH_LAYER_SCRATCH_BYTES 16384u
#define NH_LAYER_PENDING_MAX_BYTES 65536u

struct nh_dial;
struct ssl_st;

enum nh_phase { NH_PHASE_DIAL, NH_PHASE_PROXY, NH_PHASE_TLS, NH_PHASE_UPGRADE, NH_PHASE_OPEN };

// Bytes that wait: for the socket from `at` on; or for the rest of a head, searched up to `at`.
struct nh_layer_block {
    uint32_t at, len, cap;
    uint8_t bytes[];
};

// Who is behind the proxy; family UNKNOWN: it does not say who.
struct nh_layer_proxied {
    enum nh_proxy2_family family;
    uint8_t address[16];
    uint16_t port;
    char name[]; // of its certificate, or ""
};

// Of a LAYERED stream, whose `user` points here.
struct nh_layer {
    void *user;           // the real one
    struct nh_dial *dial; // of an outgoing connection until it is open; else NULL
    struct ssl_st *ssl;
    struct nh_ws_reader *ws; // once the WebSocket is open
    struct nh_layer_proxied *proxied;
    struct nh_layer_block *gather;  // a PROXY header or a request that came in parts
    struct nh_layer_block *pending; // NULL: nothing waits
    const char *reason;             // why it failed, a static text; NULL: see the error
    // Who came in, for the log: the socket of who has gone in anger does not know any more.
    struct sockaddr_in6 from;
    uint16_t ws_code; // that the close frame will have; 0: 1000
    uint8_t phase;
    bool is_broken;    // TLS failed: nothing can be said any more
    bool has_said_end; // a close frame, an end of TLS: nothing follows
};

static inline struct nh_layer *nh_layer__of(const nh_stream_t *s)
{
    return s->user;
}

// open() has not been called.
static inline bool nh_layer__is_early(const nh_stream_t *s)
{
    return (s->flags & NH_STREAM_LAYERED) && nh_layer__of(s)->phase != NH_PHASE_OPEN;
}

// There is no connected socket.
static inline bool nh_layer__is_dialing(const nh_stream_t *s)
{
    return (s->flags & NH_STREAM_LAYERED) && nh_layer__of(s)->phase == NH_PHASE_DIAL;
}

// layer.c
NH_MUST_USE int nh_layer__add(nh_stream_t *s, enum nh_phase phase); // NH_ERR_NOMEM
void nh_layer__remove(nh_stream_t *s);                              // frees it; no layer: nothing
// A phase has ended: the next one, or open().
void nh_layer__advance(nh_stream_t *s);
// Goes on with the phase, or reads for the handler, into `at`; at most `cap` bytes.
void nh_layer__read(nh_stream_set_t *set, nh_stream_t *s, uint8_t *at, size_t cap);
// As flush_once() of a plain stream. False: nothing more to write now.
bool nh_layer__flush_once(nh_stream_set_t *set, nh_stream_t *s);
// Bytes for the socket, behind those that wait. Dead sockets take everything. NH_ERR_NOMEM;
// NH_ERR_FULL: too much waits.
NH_MUST_USE int nh_layer__put(nh_stream_t *s, const struct nh_iov *iov, size_t count);
// The same through TLS, if there is any. At most a record.
NH_MUST_USE int nh_layer__say(nh_stream_t *s, const void *bytes, size_t len);
void nh_layer__say_end(nh_stream_t *s);                                // once
void nh_layer__give(nh_stream_t *s, const uint8_t *bytes, size_t len); // input() of the handler
// Room for `cap` bytes in all; what is there stays. NH_ERR_NOMEM.
NH_MUST_USE int nh_layer__block_resize(nh_stream_t *s, struct nh_layer_block **b, size_t cap);
void nh_layer__block_drop(nh_stream_t *s, struct nh_layer_block **b);
bool nh_layer__is_proxied(const nh_stream_t *s); // a proxy speaks for its peer
// The address that a proxy gave, "?" if it gave none. False: no proxy speaks for somebody.
bool nh_layer__peer(const nh_stream_t *s, char *text, size_t cap);
// The handshake failed: counted, told, and drained with `err`. `reason` is a static text.
void nh_layer__fail(nh_stream_t *s, int err, const char *reason);

// layer_tls.c
NH_MUST_USE int nh_layer_tls__start(nh_stream_t *s, const nh_tls_t *tls, const char *name);
void nh_layer_tls__handshake(nh_stream_t *s);
// Reads at most `cap` bytes. *end < 0: the connection ends with that, behind them.
size_t nh_layer_tls__read(nh_stream_t *s, uint8_t *at, size_t cap, int *end);
NH_MUST_USE int nh_layer_tls__write(nh_stream_t *s, const void *bytes, size_t len);
void nh_layer_tls__say_end(nh_stream_t *s);
void nh_layer_tls__free(struct ssl_st *ssl);

// layer_proxy.c
void nh_layer_proxy__read(nh_stream_t *s);

// layer_ws.c
void nh_layer_ws__request(nh_stream_t *s, uint8_t *bytes, size_t len); // a piece of it
void nh_layer_ws__input(nh_stream_t *s, uint8_t *bytes, size_t len);
void nh_layer_ws__say_close(nh_stream_t *s, uint16_t code);

// tls.c
bool nh_tls__is_client(const nh_tls_t *t);
struct ssl_st *nh_tls__session(const nh_tls_t *t, const char *name); // NULL: no memory
int nh_tls__identity(struct ssl_st *ssl, enum nh_identity kind, char *text, size_t cap);
// A name that reads as what it is, copied to `text`. Its length, or as nh_stream_identity().
int nh_tls__name_take(const void *bytes, size_t len, char *text, size_t cap);

// dial.c
void nh_dial__event(nh_stream_t *s);   // of the socket
void nh_dial__timeout(nh_stream_t *s); // the time of the look-up or of one attempt is up
void nh_dial__free(nh_mem_t *mem, struct nh_dial *d);

#endif
