// http_h1.c - HTTP/1.1 on a raw socket: heads are gathered and parsed, bodies passed on, replies
// produced through the server's one buffer, one request after the other.

#include <string.h>
#include <sys/socket.h>

#include "platform/linux/http/http_private.h"

#define CHUNKS_PER_TURN 16 // then the other connections have their turn
#define LINGER_MAX_BYTES NH_KIB(256)
// A body must make this much progress in each idle time, so that one byte now and then does not
// hold a connection for ever.
#define BODY_PROGRESS_BYTES 1024

static struct nh_http_handler *handler(nh_http_conn_t *c)
{
    return &c->server->cfg.handler;
}

static void set_reading(nh_http_conn_t *c, bool on)
{
    if (lws_rx_flow_control(c->wsi, on ? 1 : 0))
        c->cut = true;
}

// ---- refusing ----------------------------------------------------------------------------------

void nh_http__h1_refuse(nh_http_conn_t *c, int status, const char *text)
{
    nh_http__end_request(c);
    c->state = NH_HTTP_REPLY;
    c->own_error = text;
    c->status = status;
    c->headers = NULL;
    c->header_count = 0;
    c->keep_alive = false;
    c->reply_started = true;
    c->head_sent = c->body_sent = false;
    set_reading(c, false);
    lws_callback_on_writable(c->wsi);
}

static const char *refusal_text(int status)
{
    switch (status) {
    case 417:
        return "Only 100-continue can be expected. Nothing was done.";
    case 431:
        return "The request has too many header fields. Nothing was done.";
    case 505:
        return "Only HTTP/1.0 and HTTP/1.1 are spoken here, and HTTP/2 over TLS.";
    default:
        return "The request's head is not well formed. Nothing was done.";
    }
}

// ---- a whole head ------------------------------------------------------------------------------

static void fill_head(nh_http_conn_t *c, const struct nh_h1_head *h, struct nh_http_head *out)
{
    memset(out, 0, sizeof *out);
    out->method = h->method;
    out->path = h->path;
    out->query = h->query;
    out->content_length = h->content_length;
    out->is_chunked = h->is_chunked;
    out->is_tls = c->is_tls;
    out->is_ws_upgrade = h->ws_key != NULL;
    nh_http__peer(c->wsi, out->peer, sizeof out->peer);
}

static void reset_for(nh_http_conn_t *c, const struct nh_h1_head *h)
{
    c->is_head_method = strcmp(h->method, "HEAD") == 0;
    c->is_http10 = h->minor_version == 0;
    c->keep_alive = h->keep_alive && !h->is_chunked;
    c->reply_started = c->head_sent = c->body_sent = c->is_paused = false;
    c->own_error = NULL;
    c->body_remaining = h->content_length > 0 ? h->content_length : 0;
}

static int send_continue(nh_http_conn_t *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char *p = c->server->buf + LWS_PRE;
    memcpy(p, text, sizeof text - 1);
    return lws_write(c->wsi, (unsigned char *)p, sizeof text - 1, LWS_WRITE_RAW) < 0 ? -1 : 0;
}

static bool is_ws_path(const struct nh_http_server_config *cfg, const char *path)
{
    for (const char *const *p = cfg->ws_paths; p && *p; p++)
        if (strcmp(path, *p) == 0)
            return true;
    return cfg->ws_path && strcmp(path, cfg->ws_path) == 0;
}

static int begin_request(nh_http_conn_t *c, struct nh_h1_head *h)
{
    nh_http_server_t *s = c->server;
    struct nh_http_head head;
    fill_head(c, h, &head);
    reset_for(c, h);
    s->info.requests++;
    bool at_ws_path = is_ws_path(&s->cfg, head.path);
    if (at_ws_path && h->ws_bad_version) {
        nh_http__h1_refuse(c, 426, "Only WebSocket version 13 is spoken here.");
        return 0;
    }
    if (at_ws_path && h->ws_key)
        return nh_http__ws_upgrade(c, &head);
    bool at_stream = s->cfg.stream.path && strcmp(head.path, s->cfg.stream.path) == 0;
    if (at_stream && (h->ws_key || h->ws_bad_version))
        return nh_http__ws_stream_upgrade(c, &head);
    head.is_ws_upgrade = false;
    c->state = c->body_remaining ? NH_HTTP_BODY : NH_HTTP_REPLY;
    c->body_progress = 0;
    nh_http__arm(c, s->cfg.idle_timeout_ms);
    c->in_request = true;
    if (handler(c)->request(handler(c)->ctx, c, &head)) {
        c->in_request = false;
        return -1;
    }
    if (c->reply_started)
        c->state = NH_HTTP_REPLY;
    else if (c->state == NH_HTTP_BODY && h->expect_continue)
        return send_continue(c);
    else if (c->state == NH_HTTP_REPLY && handler(c)->body)
        return handler(c)->body(handler(c)->ctx, c, NULL, 0, true);
    return 0;
}

static int parse_head(nh_http_conn_t *c, char *bytes, size_t len)
{
    nh_http_server_t *s = c->server;
    if (c->is_over_limit) {
        nh_http__h1_refuse(c, 503, "Too many connections. Try again later.");
        return 0;
    }
    int status = nh_h1_parse(bytes, len, &s->head);
    if (status) {
        nh_http__h1_refuse(c, status, refusal_text(status));
        return 0;
    }
    s->head_of = c;
    int ret = begin_request(c, &s->head);
    s->head_of = NULL;
    return ret;
}

// ---- gathering a head --------------------------------------------------------------------------

static void drop_gather(nh_http_conn_t *c)
{
    nh_mem_free(c->server->cfg.mem, c->gather);
    c->gather = NULL;
    c->gather_len = c->gather_scanned = 0;
}

static void refuse_long_head(nh_http_conn_t *c)
{
    nh_http__h1_refuse(c, 431, "The request's head is over the limit. Nothing was done.");
}

// Bytes of a head that has begun in an earlier read. Returns how many belong to it; < 0: close.
static int64_t gather_head(nh_http_conn_t *c, const uint8_t *bytes, size_t len)
{
    size_t max = c->server->cfg.head_max_bytes;
    size_t before = c->gather_len;
    size_t n = len < max - before ? len : max - before;
    memcpy(c->gather + before, bytes, n);
    c->gather_len += n;
    int end = nh_h1_find_end(c->gather, c->gather_len, &c->gather_scanned);
    if (end == 0 && c->gather_len < max)
        return (int64_t)n;
    int ret = 0;
    if (end > 0)
        ret = parse_head(c, c->gather, (size_t)end);
    else if (end == 0)
        refuse_long_head(c);
    else
        nh_http__h1_refuse(c, 400, refusal_text(400));
    drop_gather(c);
    return ret ? -1 : end > 0 ? (int64_t)((size_t)end - before) : (int64_t)len;
}

// The first bytes of a head: parsed where they are if the head is whole, else copied.
static int64_t take_head(nh_http_conn_t *c, uint8_t *bytes, size_t len)
{
    if (c->gather)
        return gather_head(c, bytes, len);
    if (len >= 2 && bytes[0] == '\r' && bytes[1] == '\n')
        return 2; // RFC 9112 2.2: an empty line before a request is ignored
    nh_http__arm(c, c->server->cfg.head_timeout_ms);
    size_t scanned = 0;
    int end = nh_h1_find_end((const char *)bytes, len, &scanned);
    if (end > 0 && (size_t)end <= c->server->cfg.head_max_bytes)
        return parse_head(c, (char *)bytes, (size_t)end) ? -1 : end;
    if (end < 0) {
        nh_http__h1_refuse(c, 400, refusal_text(400));
        return (int64_t)len;
    }
    if (end > 0 || len >= c->server->cfg.head_max_bytes) {
        refuse_long_head(c);
        return (int64_t)len;
    }
    c->gather = nh_mem_alloc(c->server->cfg.mem, c->server->cfg.head_max_bytes, NH_MEM_BULK);
    if (!c->gather) {
        nh_http__h1_refuse(c, 503, "Out of memory. Try again later.");
        return (int64_t)len;
    }
    return gather_head(c, bytes, len);
}

// ---- body and what lies behind -----------------------------------------------------------------

static int64_t take_body(nh_http_conn_t *c, const uint8_t *bytes, size_t len)
{
    size_t n = (int64_t)len < c->body_remaining ? len : (size_t)c->body_remaining;
    c->body_remaining -= (int64_t)n;
    bool last = c->body_remaining == 0;
    c->body_progress += n;
    if (last || c->body_progress >= BODY_PROGRESS_BYTES) {
        c->body_progress = 0;
        nh_http__arm(c, c->server->cfg.idle_timeout_ms);
    }
    if (last)
        c->state = NH_HTTP_REPLY;
    if (handler(c)->body && handler(c)->body(handler(c)->ctx, c, bytes, n, last))
        return -1;
    if (c->reply_started)
        c->state = NH_HTTP_REPLY;
    return (int64_t)n;
}

// Input waits while a request is answered: the little that is read already is kept, the rest stays
// in the socket, which pushes back.
static int64_t keep(nh_http_conn_t *c, const uint8_t *bytes, size_t len)
{
    set_reading(c, false);
    if (!c->keep_alive || c->body_remaining)
        return (int64_t)len; // the connection ends after this reply
    nh_mem_t *mem = c->server->cfg.mem;
    char *stash = nh_mem_realloc(mem, c->stash, c->stash_len + len, NH_MEM_BULK);
    if (!stash) {
        c->keep_alive = false;
        return (int64_t)len;
    }
    memcpy(stash + c->stash_len, bytes, len);
    c->stash = stash;
    c->stash_len += len;
    return (int64_t)len;
}

static int64_t linger(nh_http_conn_t *c, size_t len)
{
    c->lingered_bytes += len;
    return c->lingered_bytes > LINGER_MAX_BYTES ? -1 : (int64_t)len;
}

int nh_http__h1_input(nh_http_conn_t *c, uint8_t *bytes, size_t len)
{
    if (!c || !c->server)
        return -1;
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0); // that of the TLS handshake
    while (len && !c->cut) {
        int64_t n = -1;
        if (c->state == NH_HTTP_HEAD)
            n = take_head(c, bytes, len);
        else if (c->state == NH_HTTP_BODY)
            n = take_body(c, bytes, len);
        else if (c->state == NH_HTTP_REPLY)
            n = keep(c, bytes, len);
        else if (c->state == NH_HTTP_WS)
            return nh_http__ws_input(c, bytes, len);
        else if (c->state == NH_HTTP_LINGER)
            n = linger(c, len);
        if (n < 0)
            return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return c->cut ? -1 : 0;
}

// ---- the reply ---------------------------------------------------------------------------------

static bool has_body(const nh_http_conn_t *c)
{
    return !c->is_head_method && c->status != 204 && c->status != 304 && c->content_length != 0;
}

static enum nh_h1_framing framing_of(const nh_http_conn_t *c)
{
    if (c->status == 204 || c->status == 304)
        return NH_H1_NO_BODY;
    if (c->content_length >= 0)
        return NH_H1_LENGTH;
    return c->is_http10 ? NH_H1_UNTIL_CLOSE : NH_H1_CHUNKED;
}

static int write_head(nh_http_conn_t *c, char *buf)
{
    if (framing_of(c) == NH_H1_UNTIL_CLOSE)
        c->keep_alive = false;
    struct nh_h1_reply reply = {
        .status = c->status,
        .headers = c->headers,
        .header_count = c->header_count,
        .framing = framing_of(c),
        .content_length = c->content_length,
        .close = !c->keep_alive,
        .unix_ms = nh_clock_unix_ms(),
    };
    int len = nh_h1_write_head(buf, NH_HTTP_REPLY_HEAD_MAX_BYTES, &reply);
    if (len < 0)
        NH_LOG_E("http", "reply %d: its head is over %d bytes", c->status,
                 NH_HTTP_REPLY_HEAD_MAX_BYTES);
    c->head_sent = true;
    c->body_sent = !has_body(c);
    return len;
}

// The next part of the body with its chunk frame: "0800\r\n" ... "\r\n", and the end "0\r\n\r\n".
// A chunk's size is written with leading zeros, so that its frame has a known place.
static int write_part(nh_http_conn_t *c, char *buf)
{
    bool chunked = framing_of(c) == NH_H1_CHUNKED;
    bool last = false;
    char *body = chunked ? buf + 6 : buf;
    int n = handler(c)->output(handler(c)->ctx, c, body, c->server->cfg.chunk_bytes, &last);
    if (n < 0)
        return n;
    c->sent_bytes += n;
    c->is_paused = n == 0 && !last;
    c->body_sent = last || c->sent_bytes == c->content_length;
    if (c->content_length >= 0 &&
        (c->sent_bytes > c->content_length || (last && c->sent_bytes < c->content_length))) {
        NH_LOG_E("http", "a reply has %lld bytes but declared %lld", (long long)c->sent_bytes,
                 (long long)c->content_length);
        return NH_ERR_INVAL;
    }
    if (!chunked)
        return n;
    int len = 0;
    if (n > 0) {
        static const char digits[] = "0123456789abcdef";
        for (int i = 0; i < 4; i++)
            buf[i] = digits[(n >> (12 - 4 * i)) & 15];
        memcpy(buf + 4, "\r\n", 2);
        memcpy(body + n, "\r\n", 2);
        len = n + 8;
    }
    if (c->body_sent) {
        memcpy(buf + len, "0\r\n\r\n", 5);
        len += 5;
    }
    return len;
}

// The server's own refusal, whole.
static int write_refusal(nh_http_conn_t *c, char *buf)
{
    static const struct nh_http_header headers[] = {
        {"Content-Type", "application/json"},
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Sec-WebSocket-Version", "13"},
    };
    char body[256];
    int body_len = nh_h1_error_body(body, sizeof body, c->status, c->own_error);
    struct nh_h1_reply reply = {.status = c->status,
                                .headers = headers,
                                .header_count = c->status == 426 ? 4 : 3,
                                .framing = NH_H1_LENGTH,
                                .content_length = body_len,
                                .close = true,
                                .unix_ms = nh_clock_unix_ms()};
    int len = nh_h1_write_head(buf, NH_HTTP_REPLY_HEAD_MAX_BYTES, &reply);
    if (len < 0)
        return len;
    c->head_sent = c->body_sent = true;
    if (c->is_head_method)
        return len;
    memcpy(buf + len, body, (size_t)body_len);
    return len + body_len;
}

static int write_some(nh_http_conn_t *c)
{
    char *buf = c->server->buf + LWS_PRE;
    int len = 0;
    if (c->own_error && !c->head_sent)
        len = write_refusal(c, buf);
    else if (!c->head_sent)
        len = write_head(c, buf);
    if (len < 0)
        return len;
    if (!c->body_sent) {
        int n = write_part(c, buf + len);
        if (n < 0)
            return n;
        len += n;
    }
    if (len && lws_write(c->wsi, (unsigned char *)buf, (size_t)len, LWS_WRITE_RAW) < 0)
        return NH_ERR_IO;
    return 0;
}

// The reply is out: the next request, or a close that does not cut what is on its way.
static int end_reply(nh_http_conn_t *c)
{
    nh_http__end_request(c);
    c->reply_started = false;
    c->own_error = NULL;
    if (!c->keep_alive) {
        if (c->is_tls)
            return -1;
        shutdown(lws_get_socket_fd(c->wsi), SHUT_WR);
        c->state = NH_HTTP_LINGER;
        c->armed_ms = 0;
        nh_http__arm(c, NH_HTTP_LINGER_MS);
        set_reading(c, true);
        return 0;
    }
    c->state = NH_HTTP_HEAD;
    nh_http__arm(c, c->server->cfg.idle_timeout_ms);
    nh_mem_t *mem = c->server->cfg.mem;
    char *stash = c->stash;
    size_t len = c->stash_len;
    c->stash = NULL;
    c->stash_len = 0;
    set_reading(c, true);
    int ret = stash ? nh_http__h1_input(c, (uint8_t *)stash, len) : 0;
    nh_mem_free(mem, stash);
    return ret;
}

int nh_http__h1_output(nh_http_conn_t *c)
{
    if (!c || !c->server || c->cut)
        return -1;
    if (c->state == NH_HTTP_WS)
        return nh_http__ws_output(c);
    if (!c->reply_started)
        return 0;
    for (int i = 0; i < CHUNKS_PER_TURN && !c->is_paused; i++) {
        if (c->head_sent && c->body_sent)
            return end_reply(c); // all that was written has left
        if (write_some(c))
            return -1;
        nh_http__arm(c, c->server->cfg.idle_timeout_ms);
        if (lws_partial_buffered(c->wsi) || lws_send_pipe_choked(c->wsi))
            break;
    }
    if (!c->is_paused)
        lws_callback_on_writable(c->wsi);
    return 0;
}

// ---- time --------------------------------------------------------------------------------------

int nh_http__h1_timeout(nh_http_conn_t *c)
{
    bool idle = c->state == NH_HTTP_HEAD && !c->gather;
    if (c->state == NH_HTTP_LINGER || idle)
        return -1;
    bool thinking = (c->state == NH_HTTP_REPLY || c->state == NH_HTTP_STREAM) &&
                    (!c->reply_started || c->is_paused);
    if (thinking) { // it is the handler that takes its time, not the peer
        nh_http__arm(c, c->server->cfg.idle_timeout_ms);
        return 0;
    }
    if (c->state == NH_HTTP_WS && !lws_partial_buffered(c->wsi) && !c->ws->close_sent)
        return 0; // nothing is stuck; the kernel's keep-alive watches the peer
    c->server->info.timeouts++;
    if (c->state == NH_HTTP_STREAM)
        return nh_http__h2_cut(c);
    if (c->state != NH_HTTP_HEAD && c->state != NH_HTTP_BODY)
        return -1;
    nh_http__h1_refuse(c, 408, "The request did not come in time. Nothing was done.");
    nh_http__arm(c, NH_HTTP_LINGER_MS);
    return 0;
}
