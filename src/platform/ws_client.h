// ws_client.h - the promise of a WebSocket client: one connection at a time, whole text messages up
// to a limit.
//
// All calls are the loop task's, all callbacks come on it, none from inside of a call. Fragments
// are put together; pings are answered by the port, and it sends its own. Its memory is taken at
// create and with the first message; none for each connection's frames.

#ifndef NH_WS_CLIENT_H
#define NH_WS_CLIENT_H

#include "platform/platform.h"

struct nh_tls;
typedef struct nh_ws_client nh_ws_client_t;
struct nh_ws_client_config {
    nh_loop_t *loop;
    struct nh_mem *mem;
    struct nh_tls *tls;         // for wss; NULL: ws only. Borrowed for the client's life
    uint32_t message_max_bytes; // 0: 16384; a longer one ends the connection with NH_ERR_TOO_LONG
    uint32_t connect_ms;        // 0: 10000; for name, connection and handshake together
    uint32_t ping_ms;           // 0: 15000; silence of two pings ends it, NH_ERR_TIMEOUT
    void *ctx;
    void (*open)(void *ctx, nh_ws_client_t *c);
    // Borrowed for the call. A binary message ends the connection with NH_ERR_TYPE.
    void (*message)(void *ctx, nh_ws_client_t *c, nh_span_t text);
    // The connection is over, or never came to be; connect() may be called again. NH_ERR_CLOSED:
    // the server ended it. NH_ERR_DENIED: it answered 401 or 403. NH_ERR_NOT_FOUND: 404, or the
    // name. NH_ERR_BUSY: 429 or 503. NH_ERR_PROTO, NH_ERR_TIMEOUT, NH_ERR_TOO_LONG, NH_ERR_TYPE,
    // NH_ERR_NOMEM, NH_ERR_IO. `reason` is for people and borrowed.
    void (*closed)(void *ctx, nh_ws_client_t *c, int err, const char *reason);
};
// NH_ERR_NOMEM, NH_ERR_FULL (deadlines of the loop), NH_ERR_RANGE (message_max_bytes under 125):
// nothing was made.
NH_MUST_USE int nh_ws_client_create(const struct nh_ws_client_config *cfg, nh_ws_client_t **out);
// Closes at once; no callback comes. NULL: nothing. Not from a callback.
void nh_ws_client_destroy(nh_ws_client_t *c);

// Begins a connection; `url` ("ws://host:port/path", "wss://...") and `authorization` (the value of
// that header; NULL: none) are borrowed for the call. NH_ERR_SYNTAX, NH_ERR_TOO_LONG: the address.
// NH_ERR_INVAL: the header. NH_ERR_UNSUPPORTED: wss without `tls`. NH_ERR_BUSY: there is one, or it
// still ends. NH_ERR_NOMEM, NH_ERR_FULL. Nothing was begun then and closed() is not called.
NH_MUST_USE int nh_ws_client_connect(nh_ws_client_t *c, const char *url, const char *authorization);
// Copies a message. NH_ERR_AGAIN: the last one is not out yet. NH_ERR_CLOSED: there is no
// connection. NH_ERR_TOO_LONG, NH_ERR_NOMEM.
NH_MUST_USE int nh_ws_client_send(nh_ws_client_t *c, nh_span_t text);
// Says goodbye. No callback comes any more for this connection.
void nh_ws_client_close(nh_ws_client_t *c);

#endif
