// ws_client.h - the promise of a WebSocket client: one connection, whole text messages up to a
// limit.
//
// All calls are the loop task's, all callbacks come on it, none from inside of a call. Fragments
// are put together; control frames are answered by the port.

#ifndef NH_WS_CLIENT_H
#define NH_WS_CLIENT_H

#include "platform/platform.h"

struct nh_tls;
typedef struct nh_ws_client nh_ws_client_t;
struct nh_ws_client_config {
    nh_loop_t *loop;
    struct nh_mem *mem;
    struct nh_tls *tls;         // for wss; NULL: ws only
    const char *url;            // "ws://host:port/path"; borrowed for the call
    uint32_t message_max_bytes; // 0: 16384; a longer one ends the connection with NH_ERR_TOO_LONG
    uint32_t connect_ms,
        ping_ms; // 0: 10000 and 15000; silence of two pings ends it, NH_ERR_TIMEOUT
    void *ctx;
    void (*open)(void *ctx, nh_ws_client_t *c);
    void (*message)(void *ctx, nh_ws_client_t *c, nh_span_t text); // borrowed for the call
    void (*closed)(void *ctx, nh_ws_client_t *c, int err,
                   const char *reason); // the last call; `c` ends with it
};
NH_MUST_USE int nh_ws_client_connect(const struct nh_ws_client_config *cfg, nh_ws_client_t **out);
NH_MUST_USE int nh_ws_client_send(nh_ws_client_t *c,
                                  nh_span_t text); // NH_ERR_AGAIN: the last one is not out yet
void nh_ws_client_close(nh_ws_client_t *c);        // no callback comes any more

#endif
