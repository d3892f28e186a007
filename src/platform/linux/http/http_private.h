// http_private.h - what the files of the HTTP server share. HTTP/1.1 and WebSocket (http_h1.c,
// http_ws.c) run on libwebsockets' raw sockets with our parsers; HTTP/2 (http_h2.c) on its streams.

#ifndef NH_PLATFORM_HTTP_PRIVATE_H
#define NH_PLATFORM_HTTP_PRIVATE_H

#include <libwebsockets.h>
#include <uv.h>

#include "core/base/log.h"
#include "core/mem/mem.h"
#include "platform/linux/http/h1.h"
#include "platform/linux/http/ws_frame.h"
#include "platform/linux/http/ws_upgrade.h"

#define NH_HTTP_REPLY_HEAD_MAX_BYTES 1536 // our own heads; the portal's are about 600 bytes
#define NH_HTTP_OVER_LIMIT_MAX_COUNT 8    // connections over the limit that are told so
#define NH_HTTP_LINGER_MS 1000            // after a reply with "close": for what is still coming
#define NH_HTTP_WS_OUT_MAX_BYTES 4096

enum nh_http_state {
    NH_HTTP_HEAD,   // between requests, or with a part of a head
    NH_HTTP_BODY,   // the request's body is coming
    NH_HTTP_REPLY,  // the request is whole; input waits in `stash`
    NH_HTTP_WS,     // upgraded
    NH_HTTP_LINGER, // our side is shut; reads and drops until the peer closes
    NH_HTTP_STREAM, // an HTTP/2 stream
    NH_HTTP_MUX,    // the connection that carries HTTP/2 streams
};

// The state of a WebSocket, made at the upgrade.
struct nh_http_ws {
    nh_ws_reader_t reader;
    const struct nh_http_stream *stream;      // NULL: messages, for the handler
    uint8_t pending[NH_WS_CONTROL_MAX_BYTES]; // a pong or the reason of a close
    uint8_t pending_opcode;                   // 0: none
    uint8_t pending_len;
    bool close_sent, close_received;
    bool is_ending; // a stream: closed when it has no output any more
};

struct nh_http_conn {
    nh_http_server_t *server;
    struct lws *wsi;
    void *user;
    enum nh_http_state state;
    bool is_counted, is_over_limit, is_tls;
    bool in_request; // request() or ws_open() gave 0; closed() is owed
    bool is_head_method, is_http10, keep_alive;
    bool reply_started, head_sent, body_sent, cut, is_paused;
    int64_t body_remaining; // of the request
    size_t body_progress;   // bytes of it since the deadline was set
    char *gather;           // a head that came in parts; head_max_bytes
    size_t gather_len, gather_scanned;
    char *stash; // input behind a request that is still being answered
    size_t stash_len;
    size_t lingered_bytes;
    uint64_t deadline_ms, armed_ms; // armed_ms 0: no timer runs
    int status;
    const struct nh_http_header *headers;
    size_t header_count;
    int64_t content_length, sent_bytes;
    const char *own_error; // the reply is the server's own; its text
    struct nh_http_ws *ws;
};

struct nh_http_server {
    struct nh_http_server_config cfg;
    struct lws_context *context;
    struct lws_vhost *vhost, *tls_vhost;
    struct lws_protocols protocols[2];
    struct nh_http_server_info info;
    uint32_t over_limit_count;
    uv_timer_t *lws_timer;   // libwebsockets' own; stopped while there is no connection
    uv_prepare_t sleep;      // before each sleep of the loop
    struct nh_h1_head head;  // of the request that request() is called for
    nh_http_conn_t *head_of; // whose it is; NULL outside request()
    char *buf;               // LWS_PRE bytes, then buf_bytes: one for all, since one task writes
    size_t buf_bytes;
    char *scratch; // HTTP/2: header values during request(); head_max_bytes
    size_t scratch_len;
};

// http_server.c
void nh_http__arm(nh_http_conn_t *c, uint64_t in_ms); // from within a libwebsockets callback only
void nh_http__peer(struct lws *wsi, char *text, size_t cap);
void nh_http__end_request(nh_http_conn_t *c); // closed() or ws_closed(), once
void nh_http__cleanup(nh_http_conn_t *c);     // the last call for `c`

// http_h1.c: each returns not 0 to close the connection.
int nh_http__h1_input(nh_http_conn_t *c, uint8_t *bytes, size_t len);
int nh_http__h1_output(nh_http_conn_t *c);
int nh_http__h1_timeout(nh_http_conn_t *c);
// Answers with the JSON error form and closes.
void nh_http__h1_refuse(nh_http_conn_t *c, int status, const char *text);

// http_ws.c
int nh_http__ws_upgrade(nh_http_conn_t *c, const struct nh_http_head *head);
int nh_http__ws_stream_upgrade(nh_http_conn_t *c, const struct nh_http_head *head);
int nh_http__ws_input(nh_http_conn_t *c, uint8_t *bytes, size_t len); // changes them
int nh_http__ws_output(nh_http_conn_t *c);
void nh_http__ws_close(nh_http_conn_t *c, uint16_t code);

// http_h2.c
int nh_http__h2_request(nh_http_conn_t *c);
int nh_http__h2_body(nh_http_conn_t *c, const uint8_t *bytes, size_t len, bool last);
int nh_http__h2_output(nh_http_conn_t *c);
int nh_http__h2_cut(nh_http_conn_t *c); // ends the whole connection
const char *nh_http__h2_header(nh_http_conn_t *c, const char *name);

#endif
