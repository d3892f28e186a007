// http_ws.c - WebSocket on an upgraded HTTP/1.1 connection.

#include <string.h>

#include "platform/linux/http/http_private.h"

static struct nh_http_handler *handler(nh_http_conn_t *c)
{
    return &c->server->cfg.handler;
}

// ---- upgrade -----------------------------------------------------------------------------------

static int write_switch(nh_http_conn_t *c, const char *key)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455 1.3
    unsigned char digest[20];
    char joined[24 + sizeof guid], accept[32];
    memcpy(joined, key, 24);
    memcpy(joined + 24, guid, sizeof guid);
    lws_SHA1((unsigned char *)joined, sizeof joined - 1, digest);
    if (lws_b64_encode_string((char *)digest, sizeof digest, accept, sizeof accept) < 0)
        return -1;
    char *p = c->server->buf + LWS_PRE;
    int n = lws_snprintf(p, c->server->buf_bytes,
                         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                         accept);
    return lws_write(c->wsi, (unsigned char *)p, (size_t)n, LWS_WRITE_RAW) < 0 ? -1 : 0;
}

int nh_http__ws_upgrade(nh_http_conn_t *c, const struct nh_http_head *head)
{
    nh_http_server_t *s = c->server;
    struct nh_http_ws *ws = nh_mem_alloc_zero(s->cfg.mem, sizeof *ws, NH_MEM_BULK);
    if (!ws) {
        nh_http__h1_refuse(c, 503, "Out of memory. Try again later.");
        return 0;
    }
    ws->reader.message_max_bytes = s->cfg.ws_message_max_bytes;
    int status = handler(c)->ws_open(handler(c)->ctx, c, head);
    if (status) {
        nh_mem_free(s->cfg.mem, ws);
        nh_http__h1_refuse(c, status >= 400 ? status : 403, "The WebSocket is refused.");
        return 0;
    }
    c->ws = ws;
    c->in_request = true;
    c->state = NH_HTTP_WS;
    s->info.ws_count++;
    if (write_switch(c, s->head.ws_key))
        return -1;
    lws_callback_on_writable(c->wsi);
    return 0;
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

static int on_event(nh_http_conn_t *c, const struct nh_ws_result *r)
{
    struct nh_http_ws *ws = c->ws;
    switch (r->event) {
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

int nh_http__ws_input(nh_http_conn_t *c, const uint8_t *bytes, size_t len)
{
    struct nh_ws_result r = {0};
    do {
        if (c->ws->close_received)
            return 0;
        r = nh_ws_read(&c->ws->reader, bytes, len);
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

int nh_http__ws_output(nh_http_conn_t *c)
{
    struct nh_http_ws *ws = c->ws;
    if (ws->pending_opcode)
        return write_control(c);
    if (ws->close_sent)
        return ws->close_received ? -1 : 0;
    bool is_text = true;
    char *body = c->server->buf + LWS_PRE + NH_WS_HEADER_MAX_BYTES;
    int n = handler(c)->ws_output(handler(c)->ctx, c, body, NH_HTTP_WS_OUT_MAX_BYTES, &is_text);
    if (n <= 0)
        return n;
    nh_http__arm(c, c->server->cfg.idle_timeout_ms);
    if (write_frame(c, is_text ? NH_WS_TEXT : NH_WS_BINARY, NULL, (size_t)n))
        return -1;
    lws_callback_on_writable(c->wsi);
    return 0;
}
