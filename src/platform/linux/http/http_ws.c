// http_ws.c - WebSocket on an upgraded HTTP/1.1 connection.

#include <string.h>

#include "platform/linux/http/http_private.h"

static struct nh_http_handler *handler(nh_http_conn_t *c)
{
    return &c->server->cfg.handler;
}

// ---- upgrade -----------------------------------------------------------------------------------

// `protocol` NULL: no subprotocol.
static int write_switch(nh_http_conn_t *c, const char *key, const char *protocol)
{
    unsigned char digest[20];
    char joined[NH_WS_ACCEPT_INPUT_BYTES], accept[32];
    nh_ws_accept_input(key, joined);
    lws_SHA1((unsigned char *)joined, sizeof joined, digest);
    if (lws_b64_encode_string((char *)digest, sizeof digest, accept, sizeof accept) < 0)
        return -1;
    char *p = c->server->buf + LWS_PRE; // larger than any head of ours
    size_t n = nh_ws_upgrade_accept(p, accept, protocol);
    return lws_write(c->wsi, (unsigned char *)p, n, LWS_WRITE_RAW) < 0 ? -1 : 0;
}

// `ws` NULL: no memory. Else taken; `status` is what its open() said.
static int upgrade(nh_http_conn_t *c, struct nh_http_ws *ws, int status)
{
    nh_http_server_t *s = c->server;
    if (!ws) {
        nh_http__h1_refuse(c, 503, "Out of memory. Try again later.");
        return 0;
    }
    if (status) {
        nh_mem_free(s->cfg.mem, ws);
        nh_http__h1_refuse(c, status >= 400 ? status : 403, "The WebSocket is refused.");
        return 0;
    }
    c->ws = ws;
    c->in_request = true;
    c->state = NH_HTTP_WS;
    s->info.ws_count++;
    if (write_switch(c, s->head.ws_key, ws->stream ? ws->stream->protocol : NULL))
        return -1;
    lws_callback_on_writable(c->wsi);
    return 0;
}

int nh_http__ws_upgrade(nh_http_conn_t *c, const struct nh_http_head *head)
{
    struct nh_http_ws *ws = nh_mem_alloc_zero(c->server->cfg.mem, sizeof *ws, NH_MEM_BULK);
    if (ws)
        ws->reader.message_max_bytes = c->server->cfg.ws_message_max_bytes;
    return upgrade(c, ws, ws ? handler(c)->ws_open(handler(c)->ctx, c, head) : 0);
}

int nh_http__ws_stream_upgrade(nh_http_conn_t *c, const struct nh_http_head *head)
{
    const struct nh_http_stream *stream = &c->server->cfg.stream;
    // Which pages may connect is for open() to judge.
    const struct nh_ws_rules rules = {.protocol = stream->protocol, .origins = "*"};
    const char *why;
    int status = nh_ws_upgrade_check(&c->server->head, &rules, &why);
    if (status) {
        nh_http__h1_refuse(c, status, why);
        return 0;
    }
    struct nh_http_ws *ws = nh_mem_alloc_zero(c->server->cfg.mem, sizeof *ws, NH_MEM_BULK);
    if (ws) {
        ws->stream = stream;
        ws->reader.message_max_bytes =
            stream->frame_max_bytes ? stream->frame_max_bytes : (uint32_t)NH_MIB(1);
    }
    return upgrade(c, ws, ws ? stream->open(stream->ctx, c, head) : 0);
}

// ---- closing -----------------------------------------------------------------------------------

static void queue_control(nh_http_conn_t *c, uint8_t opcode, const void *bytes, size_t len)
{
    struct nh_http_ws *ws = c->ws;
    if (ws->pending_opcode == NH_WS_CLOSE || ws->close_sent)
        return; // nothing follows a close
    ws->pending_opcode = opcode;
    ws->pending_len = (uint8_t)len;
    memcpy(ws->pending, bytes, len);
    lws_callback_on_writable(c->wsi);
}

void nh_http__ws_close(nh_http_conn_t *c, uint16_t code)
{
    uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    queue_control(c, NH_WS_CLOSE, bytes, code == 1005 ? 0 : 2);
}

// ---- input -------------------------------------------------------------------------------------

static void drop_message(nh_http_conn_t *c)
{
    nh_mem_free(c->server->cfg.mem, c->ws->reader.message);
    c->ws->reader.message = NULL;
}

static void on_stream_data(nh_http_conn_t *c, const struct nh_ws_result *r)
{
    const struct nh_http_stream *stream = c->ws->stream;
    if (!c->ws->is_ending && stream->input(stream->ctx, c, (const uint8_t *)r->bytes, r->len))
        nh_http_stream_end(c);
}

static int on_event(nh_http_conn_t *c, const struct nh_ws_result *r)
{
    struct nh_http_ws *ws = c->ws;
    switch (r->event) {
    case NH_WS_EVENT_DATA:
        on_stream_data(c, r);
        return 0;
    case NH_WS_EVENT_NEED_BUFFER:
        ws->reader.message =
            nh_mem_alloc(c->server->cfg.mem, ws->reader.message_max_bytes + 1, NH_MEM_BULK);
        return ws->reader.message ? 0 : -1;
    case NH_WS_EVENT_MESSAGE: {
        ws->reader.message[r->len] = '\0';
        int ret = handler(c)->ws_message(handler(c)->ctx, c, r->bytes, r->len, r->is_text);
        drop_message(c); // an idle socket holds no buffer
        return ret ? -1 : 0;
    }
    case NH_WS_EVENT_PING:
        queue_control(c, NH_WS_PONG, r->bytes, r->len);
        return 0;
    case NH_WS_EVENT_CLOSE:
    case NH_WS_EVENT_BROKEN:
        ws->close_received = true; // what follows is not read
        nh_http__ws_close(c, r->code);
        return 0;
    default:
        return 0;
    }
}

int nh_http__ws_input(nh_http_conn_t *c, uint8_t *bytes, size_t len)
{
    struct nh_ws_result r = {0};
    do {
        if (c->ws->close_received)
            return 0;
        r = c->ws->stream ? nh_ws_read_stream(&c->ws->reader, bytes, len)
                          : nh_ws_read(&c->ws->reader, bytes, len);
        if (on_event(c, &r))
            return -1;
        bytes += r.consumed;
        len -= r.consumed;
    } while (len || r.event == NH_WS_EVENT_NEED_BUFFER);
    return 0;
}

// ---- output ------------------------------------------------------------------------------------

static int write_frame(nh_http_conn_t *c, uint8_t opcode, const char *bytes, size_t len)
{
    // The payload stands behind room for the largest header; the header is set right before it.
    char *body = c->server->buf + LWS_PRE + NH_WS_HEADER_MAX_BYTES;
    if (bytes)
        memcpy(body, bytes, len);
    uint8_t header[NH_WS_HEADER_MAX_BYTES];
    size_t n = nh_ws_write_header(header, opcode, len);
    memcpy(body - n, header, n);
    return lws_write(c->wsi, (unsigned char *)body - n, n + len, LWS_WRITE_RAW) < 0 ? -1 : 0;
}

static int write_control(nh_http_conn_t *c)
{
    struct nh_http_ws *ws = c->ws;
    uint8_t opcode = ws->pending_opcode;
    ws->pending_opcode = 0;
    ws->close_sent = opcode == NH_WS_CLOSE;
    if (write_frame(c, opcode, (const char *)ws->pending, ws->pending_len))
        return -1;
    if (ws->close_sent)
        nh_http__arm(c, NH_HTTP_LINGER_MS); // the peer's close, or ours without it
    lws_callback_on_writable(c->wsi);
    return 0;
}

// What the handler has to send; < 0: the connection is cut.
static int take_output(nh_http_conn_t *c, bool *is_text)
{
    const struct nh_http_stream *stream = c->ws->stream;
    char *body = c->server->buf + LWS_PRE + NH_WS_HEADER_MAX_BYTES;
    if (stream)
        return (int)stream->output(stream->ctx, c, (uint8_t *)body, NH_HTTP_WS_OUT_MAX_BYTES);
    *is_text = true;
    return handler(c)->ws_output(handler(c)->ctx, c, body, NH_HTTP_WS_OUT_MAX_BYTES, is_text);
}

int nh_http__ws_output(nh_http_conn_t *c)
{
    struct nh_http_ws *ws = c->ws;
    if (ws->pending_opcode)
        return write_control(c);
    if (ws->close_sent)
        return ws->close_received ? -1 : 0;
    bool is_text = false;
    int n = take_output(c, &is_text);
    if (n == 0 && ws->is_ending)
        nh_http__ws_close(c, 1000);
    if (n <= 0)
        return n;
    nh_http__arm(c, c->server->cfg.idle_timeout_ms);
    if (write_frame(c, is_text ? NH_WS_TEXT : NH_WS_BINARY, NULL, (size_t)n))
        return -1;
    lws_callback_on_writable(c->wsi);
    return 0;
}
