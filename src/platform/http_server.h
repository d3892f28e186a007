// http_server.h - the promise of an HTTP server: heads and bodies in, status and chunks out, and
// WebSockets. The portal stands on it; libwebsockets keeps it on Linux, esp_http_server on the
// chip. All callbacks come on the loop's task.

#ifndef NH_HTTP_SERVER_H
#define NH_HTTP_SERVER_H

#include "platform/platform.h"

typedef struct nh_http_server nh_http_server_t;
typedef struct nh_http_conn nh_http_conn_t; // one request (an HTTP/2 stream) or one WebSocket

struct nh_http_head {
    const char *method;     // "GET"; upper case
    const char *path;       // percent-decoded, without the query; starts with '/'
    const char *query;      // raw, without '?'; "" if none
    int64_t content_length; // -1: none given
    bool is_chunked;        // body without a length
    bool is_http2, is_tls, is_ws_upgrade;
    char peer[64];
};

struct nh_http_header {
    const char *name, *value;
};

struct nh_http_handler {
    void *ctx;
    // A whole head, well formed: what is not is answered by the server itself (400, 408, 417, 426,
    // 431, 503, 505; JSON error form). `head` and its strings end with the call. The handler keeps
    // its state by nh_http_user_set(); it may already reply. Not 0: the connection is closed.
    int (*request)(void *ctx, nh_http_conn_t *c, const struct nh_http_head *head);
    // The body in pieces; a request without one gets a single call with len 0 and `last`, unless a
    // reply has begun. Not called after that. A chunked body is not decoded and cannot be read:
    // request() should answer it with 411. Not 0: the connection is closed.
    int (*body)(void *ctx, nh_http_conn_t *c, const uint8_t *bytes, size_t len, bool last);
    // Asked for the next part of the reply while the socket takes it, after
    // nh_http_reply_start(). Returns the bytes written to `buf`, and sets *last with the last.
    // 0 without *last: pauses until nh_http_wake(). < 0: the connection is cut.
    int (*output)(void *ctx, nh_http_conn_t *c, char *buf, size_t cap, bool *last);
    void (*closed)(void *ctx, nh_http_conn_t *c); // always, once, for each request() that gave 0

    // 0, or the status that refuses it (401, 403, 503; others become 403). After 0 ws_closed() is
    // owed.
    int (*ws_open)(void *ctx, nh_http_conn_t *c, const struct nh_http_head *head);
    int (*ws_message)(void *ctx, nh_http_conn_t *c, const char *bytes, size_t len, bool is_text);
    // The next message to send, whole, as text when *is_text. 0: nothing now.
    int (*ws_output)(void *ctx, nh_http_conn_t *c, char *buf, size_t cap, bool *is_text);
    void (*ws_closed)(void *ctx, nh_http_conn_t *c);
};

// A WebSocket that carries one stream of bytes in binary frames, framed anyhow, where the handler's
// ws_... carry messages. A text frame is closed with 1003.
struct nh_http_stream {
    const char *path;         // NULL: there is none
    const char *protocol;     // the subprotocol that a client must offer
    uint32_t frame_max_bytes; // 0: 1 MiB; a longer frame is closed with 1009
    void *ctx;
    // 0, or the status that refuses it. After 0 closed() is owed.
    int (*open)(void *ctx, nh_http_conn_t *c, const struct nh_http_head *head);
    // Bytes, borrowed for the call. Not 0: it ends after its output.
    int (*input)(void *ctx, nh_http_conn_t *c, const uint8_t *bytes, size_t len);
    // The next bytes to send; after nh_http_wake(). 0: nothing now.
    size_t (*output)(void *ctx, nh_http_conn_t *c, uint8_t *buf, size_t cap);
    void (*closed)(void *ctx, nh_http_conn_t *c);
};

struct nh_http_server_config {
    nh_loop_t *loop;
    struct nh_mem *mem;
    const char *address;
    uint16_t port;                            // 0: a free one
    const char *tls_cert_file, *tls_key_file; // both: HTTPS with HTTP/1.1 and HTTP/2 on tls_port
    const char *tls_address;                  // NULL: `address`
    uint16_t tls_port;
    uint32_t conn_max_count;       // 0: 32; a few more are told 503, the rest is closed
    uint32_t head_max_bytes;       // 0: 4096; over it: 431
    uint32_t ws_message_max_bytes; // 0: 4096; over it: closed with 1009
    uint32_t head_timeout_ms;      // 0: 10000, to receive a head
    uint32_t idle_timeout_ms;      // 0: 30000, kept alive without a request, or a stalled reply
    uint32_t chunk_bytes;          // 0: 2048: the fixed buffer of a reply
    const char *ws_path;           // "/ws"
    const char *const *ws_paths;   // more of them, NULL-terminated; NULL: none
    struct nh_http_handler handler;
    struct nh_http_stream stream; // strings borrowed for the server's life
};
// Listens. NH_ERR_INVAL, NH_ERR_RANGE: the configuration; NH_ERR_IO: an address cannot be had or
// the certificate cannot be read; NH_ERR_NOMEM. Nothing was made then.
NH_MUST_USE int nh_http_server_create(const struct nh_http_server_config *cfg,
                                      nh_http_server_t **out);
// Closes every connection (closed() and ws_closed() are called). NULL: nothing. Not from within a
// callback of the loop: it lets the loop's pending closes run.
void nh_http_server_destroy(nh_http_server_t *s);
uint16_t nh_http_server_port(const nh_http_server_t *s);
uint16_t nh_http_server_tls_port(const nh_http_server_t *s); // 0: none
struct nh_http_server_info {
    uint32_t conn_count, ws_count;
    uint64_t requests, refused, timeouts;
    uint64_t spilled_count; // blocks that a library got from the host, not to fail half-way
};
void nh_http_server_info(const nh_http_server_t *s, struct nh_http_server_info *out);

// A request header by lower-case name, or NULL. Valid within request() only; copy what you keep.
const char *nh_http_header(nh_http_conn_t *c, const char *name);
void nh_http_user_set(nh_http_conn_t *c, void *user);
void *nh_http_user(const nh_http_conn_t *c);
// Sends status and headers, then asks output() for the body; `content_length` -1: not known
// (chunked). The headers and their strings are borrowed until closed(). To HEAD, and with 204, 304
// or length 0, no body is sent and output() is not asked. A reply that begins before the request's
// body is whole ends the connection after it. NH_ERR_INVAL: a reply has begun already.
NH_MUST_USE int nh_http_reply_start(nh_http_conn_t *c, int status,
                                    const struct nh_http_header *headers, size_t count,
                                    int64_t content_length);
void nh_http_wake(nh_http_conn_t *c);  // output() or ws_output() has something again; loop task
void nh_http_close(nh_http_conn_t *c); // after the reply, or the WebSocket now
void nh_http_stream_end(nh_http_conn_t *c); // a stream: after what output() still gives
void nh_http_stream_pause(nh_http_conn_t *c, bool paused);    // a stream: stop or resume reading
void nh_http_peer(nh_http_conn_t *c, char *text, size_t cap); // "127.0.0.1:51234"
bool nh_http_is_tls(const nh_http_conn_t *c);

#endif
