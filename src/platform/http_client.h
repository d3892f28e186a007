// http_client.h - the promise of an HTTP/1.1 client: one request a connection, the reply streamed.
//
// A client is a set of requests on one loop; all calls are the loop task's, all callbacks come on
// it, none from inside of a call. Nothing whole is held but the reply's head: its body goes through
// in the pieces that the socket gives. A redirect is a reply like any other: it is not followed.

#ifndef NH_HTTP_CLIENT_H
#define NH_HTTP_CLIENT_H

#include "platform/http_server.h"

struct nh_tls;

typedef struct nh_http_client nh_http_client_t;
typedef struct nh_http_request nh_http_request_t; // from start until on_end() or cancel

struct nh_http_client_config {
    nh_loop_t *loop;
    struct nh_mem *mem;         // of everything below; policy BULK
    struct nh_tls *tls;         // a client's, for https; NULL: plain addresses only. Borrowed
    uint32_t request_max_count; // 0: 4 at once; one more gets NH_ERR_FULL
    uint32_t head_max_bytes;    // 0: 4096; a reply with a longer head ends with NH_ERR_TOO_LONG
    uint32_t read_buffer_bytes; // 0: 4096, of all requests together
};
// NH_ERR_NOMEM, NH_ERR_FULL (deadlines of the loop), NH_ERR_RANGE (a buffer under 256 bytes):
// nothing was made.
NH_MUST_USE int nh_http_client_create(const struct nh_http_client_config *cfg,
                                      nh_http_client_t **out);
// Ends what is under way: on_end() with NH_ERR_CANCELLED. NULL: nothing. Not from a callback.
void nh_http_client_destroy(nh_http_client_t *c);

struct nh_http_reply_head {
    int status;             // 200 to 999; what comes before it (100, 103) is passed over
    int64_t content_length; // -1: not known, as with chunks
};

struct nh_http_request_handler {
    void *ctx;
    // The head. 0: go on. > 0: that is enough, ends with NH_OK, the body unread. < 0: ends with it.
    int (*on_head)(void *ctx, nh_http_request_t *r, const struct nh_http_reply_head *head);
    // Bytes of the body without their framing, borrowed for the call; returns as on_head().
    int (*on_body)(void *ctx, nh_http_request_t *r, const uint8_t *bytes, size_t len);
    // The last call, once; `r` ends with it. NH_OK: the reply was whole, or enough. NH_ERR_TIMEOUT,
    // NH_ERR_CLOSED (before the end), NH_ERR_PROTO, NH_ERR_TOO_LONG (a limit), NH_ERR_NOT_FOUND
    // (the name), NH_ERR_CANCELLED, NH_ERR_IO, NH_ERR_NOMEM, what a callback returned.
    void (*on_end)(void *ctx, nh_http_request_t *r, int err);
};

struct nh_http_request_config {
    const char *method; // NULL: "GET"
    const char *url;    // "http://host:port/path?query", "https://..."
    // Beside Host, Content-Length and Connection, which are ours; the value of User-Agent and
    // Accept-Encoding ("identity") too unless given here. Borrowed for the call.
    const struct nh_http_header *headers;
    size_t header_count;
    // Sent with its length; borrowed until on_end() or cancel. NULL: no body, and with POST, PUT
    // and PATCH a length of 0.
    const void *body;
    size_t body_bytes;
    bool no_reply;           // ends with NH_OK once all is sent, and closes without reading
    uint32_t connect_ms;     // 0: 10000: the name, the connection and the handshake together
    uint32_t total_ms;       // 0: 30000: from start to the last byte; NH_ERR_TIMEOUT
    uint64_t body_max_bytes; // 0: no limit; a longer body ends with NH_ERR_TOO_LONG
    struct nh_http_request_handler handler;
};
// Begins a request. NH_ERR_SYNTAX, NH_ERR_TOO_LONG: the address. NH_ERR_INVAL: method or headers.
// NH_ERR_RANGE: a time. NH_ERR_UNSUPPORTED: https without `tls`. NH_ERR_FULL, NH_ERR_NOMEM. Nothing
// was begun then, and `*out` is NULL.
NH_MUST_USE int nh_http_request_start(nh_http_client_t *c, const struct nh_http_request_config *cfg,
                                      nh_http_request_t **out);
// Ends it: no callback comes for it any more, on_end() included, and its body is given back.
void nh_http_request_cancel(nh_http_request_t *r);
// Stops reading, or goes on: push back. What has been read already may still come.
void nh_http_request_pause(nh_http_request_t *r, bool paused);

// A header of the reply by lower-case name, or NULL. Within on_head() only; copy what you keep.
const char *nh_http_reply_header(const nh_http_request_t *r, const char *name);
// All of them, names in lower case, in the order that they came in; likewise.
const struct nh_http_header *nh_http_reply_headers(const nh_http_request_t *r, size_t *count);
// For people, within on_end(): "Connection refused", "the reply has more than 65536 bytes".
const char *nh_http_request_reason(const nh_http_request_t *r);

#endif
