// http_h2.c - requests that come as HTTP/2 streams (over TLS, by ALPN). libwebsockets keeps frames,
// header compression and flow control.
//
// Its parser rewrites what it takes from :path before we see it: "." and ".." segments and double
// slashes are resolved, '+' becomes a blank, a bad escape ends the stream. docs/http.md says so.

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "platform/linux/http/http_private.h"

static struct nh_http_handler *handler(nh_http_conn_t *c)
{
    return &c->server->cfg.handler;
}

// libwebsockets 4.1 closes a stream without RST_STREAM, and the client would wait for ever; so what
// must be cut takes its connection with it.
int nh_http__h2_cut(nh_http_conn_t *c)
{
    lws_set_timeout(lws_get_network_wsi(c->wsi), PENDING_TIMEOUT_KILLED_BY_PARENT,
                    LWS_TO_KILL_ASYNC);
    return -1;
}

// ---- the head ----------------------------------------------------------------------------------

// Copies a header (its parts joined) to the scratch buffer; NULL: none, or no room.
static const char *copy_token(nh_http_conn_t *c, enum lws_token_indexes token)
{
    nh_http_server_t *s = c->server;
    int len = lws_hdr_total_length(c->wsi, token);
    if (len <= 0)
        return NULL;
    char *to = s->scratch + s->scratch_len;
    int room = (int)(s->cfg.head_max_bytes - s->scratch_len);
    if (lws_hdr_copy(c->wsi, to, room, token) < 0)
        return NULL;
    s->scratch_len += strlen(to) + 1;
    return to;
}

const char *nh_http__h2_header(nh_http_conn_t *c, const char *name)
{
    if (strcmp(name, "host") == 0) {
        const char *authority = copy_token(c, WSI_TOKEN_HTTP_COLON_AUTHORITY);
        if (authority)
            return authority;
    }
    size_t len = strlen(name);
    for (int t = 0; t < WSI_TOKEN_COUNT; t++) {
        const char *text = (const char *)lws_token_to_string((enum lws_token_indexes)t);
        if (text && strncmp(text, name, len) == 0 && text[len] == ':' && !text[len + 1])
            return copy_token(c, (enum lws_token_indexes)t);
    }
    return NULL;
}

// libwebsockets has cut the query at '&' and decoded it; it is put together again, encoded.
static const char *copy_query(nh_http_conn_t *c)
{
    nh_http_server_t *s = c->server;
    char *out = s->scratch + s->scratch_len;
    size_t room = s->cfg.head_max_bytes - s->scratch_len, len = 0;
    char part[512];
    for (int i = 0;; i++) {
        int n = lws_hdr_copy_fragment(c->wsi, part, sizeof part, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (n < 0)
            break;
        bool value = false;
        for (int k = -1; k < n; k++) {
            unsigned char ch = k < 0 ? '&' : (unsigned char)part[k];
            if (k < 0 && i == 0)
                continue;
            if (len + 4 >= room)
                return NULL;
            bool plain =
                k < 0 || (ch > ' ' && ch < 0x7f && !strchr("%&+#;", ch)) || (ch == '=' && !value);
            if (ch == '=')
                value = true;
            len += (size_t)snprintf(out + len, room - len, plain ? "%c" : "%%%02X", ch);
        }
    }
    out[len] = '\0';
    s->scratch_len += len + 1;
    return out;
}

static bool has_request_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

static int fill_head(nh_http_conn_t *c, struct nh_http_head *out)
{
    memset(out, 0, sizeof *out);
    c->server->scratch_len = 0;
    out->method = copy_token(c, WSI_TOKEN_HTTP_COLON_METHOD);
    out->path = copy_token(c, WSI_TOKEN_HTTP_COLON_PATH);
    out->query = copy_query(c);
    if (!out->method || !out->path || !out->query)
        return -1;
    const char *length = nh_http__h2_header(c, "content-length");
    out->content_length = length ? strtoll(length, NULL, 10) : -1;
    out->is_chunked = !length && has_request_body(out->method);
    out->is_http2 = out->is_tls = true;
    nh_http__peer(c->wsi, out->peer, sizeof out->peer);
    return 0;
}

// libwebsockets gives a stream 256 KiB and more as it reads, but forgets what came before the
// request was looked at, so that a longer body may stall. So a body that is wanted gets its whole
// length at once; TCP still pushes back, since bytes are read no faster than they are taken.
static void open_window(nh_http_conn_t *c)
{
    if (c->reply_started || c->body_remaining <= (int64_t)NH_KIB(128))
        return;
    int64_t credit = c->body_remaining < 1 << 30 ? c->body_remaining : 1 << 30;
    (void)lws_wsi_tx_credit(c->wsi, LWSTXCR_PEER_TO_US, (int)credit);
}

int nh_http__h2_request(nh_http_conn_t *c)
{
    nh_http_server_t *s = c->server;
    struct nh_http_head head;
    nh_http_conn_t *carrier = lws_wsi_user(lws_get_network_wsi(c->wsi));
    if (carrier)
        carrier->state = NH_HTTP_MUX;
    c->state = NH_HTTP_STREAM;
    c->is_tls = true;
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
    if (!s->scratch || fill_head(c, &head))
        return nh_http__h2_cut(c);
    s->info.requests++;
    c->is_head_method = strcmp(head.method, "HEAD") == 0;
    c->body_remaining = head.content_length > 0 ? head.content_length : 0;
    c->in_request = true;
    s->head_of = c;
    int ret = handler(c)->request(handler(c)->ctx, c, &head);
    s->head_of = NULL;
    if (ret) {
        c->in_request = false;
        return nh_http__h2_cut(c);
    }
    nh_http__arm(c, s->cfg.idle_timeout_ms);
    open_window(c);
    if (!c->reply_started && !c->body_remaining && handler(c)->body)
        return handler(c)->body(handler(c)->ctx, c, NULL, 0, true) ? nh_http__h2_cut(c) : 0;
    return 0;
}

int nh_http__h2_body(nh_http_conn_t *c, const uint8_t *bytes, size_t len, bool last)
{
    if (!c || !c->server || c->reply_started || !c->in_request || !handler(c)->body)
        return 0; // an early reply does not wait for the rest
    if (last && c->body_remaining == 0)
        return 0; // said with the last bytes, or with the head
    if (last || (int64_t)len > c->body_remaining)
        return nh_http__h2_cut(c); // less or more than was declared
    if (!len)
        return 0;
    c->body_remaining -= (int64_t)len;
    nh_http__arm(c, c->server->cfg.idle_timeout_ms);
    return handler(c)->body(handler(c)->ctx, c, bytes, len, c->body_remaining == 0)
               ? nh_http__h2_cut(c)
               : 0;
}

// ---- the reply ---------------------------------------------------------------------------------

static int add_header(nh_http_conn_t *c, const struct nh_http_header *h, unsigned char **p,
                      unsigned char *end)
{
    char name[64]; // lower case with a colon, as HTTP/2 and libwebsockets want it
    size_t len = strlen(h->name);
    if (len + 2 > sizeof name)
        return -1;
    for (size_t i = 0; i < len; i++)
        name[i] = (char)(h->name[i] >= 'A' && h->name[i] <= 'Z' ? h->name[i] + 32 : h->name[i]);
    memcpy(name + len, ":", 2);
    return lws_add_http_header_by_name(c->wsi, (unsigned char *)name, (unsigned char *)h->value,
                                       (int)strlen(h->value), p, end);
}

static int write_head(nh_http_conn_t *c)
{
    unsigned char *start = (unsigned char *)c->server->buf + LWS_PRE;
    unsigned char *p = start, *end = start + c->server->buf_bytes;
    bool bodyless =
        c->is_head_method || c->status == 204 || c->status == 304 || c->content_length == 0;
    int err = lws_add_http_header_status(c->wsi, (unsigned)c->status, &p, end);
    for (size_t i = 0; i < c->header_count && !err; i++)
        err = add_header(c, &c->headers[i], &p, end);
    if (!err && c->content_length >= 0 && c->status != 204 && c->status != 304) {
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)c->content_length);
        err = add_header(c, &(struct nh_http_header){"content-length", text}, &p, end);
    }
    int flags = LWS_WRITE_HTTP_HEADERS | (bodyless ? LWS_WRITE_H2_STREAM_END : 0);
    if (err || lws_write(c->wsi, start, (size_t)(p - start), (enum lws_write_protocol)flags) < 0)
        return -1;
    c->head_sent = true;
    c->body_sent = bodyless;
    return 0;
}

static int write_part(nh_http_conn_t *c)
{
    char *buf = c->server->buf + LWS_PRE;
    lws_fileofs_t window = lws_get_peer_write_allowance(c->wsi);
    size_t cap = c->server->cfg.chunk_bytes;
    if (window == 0)
        return 0; // WINDOW_UPDATE makes it writable again
    if (window > 0 && (size_t)window < cap)
        cap = (size_t)window;
    bool last = false;
    int n = handler(c)->output(handler(c)->ctx, c, buf, cap, &last);
    if (n < 0)
        return n;
    c->sent_bytes += n;
    c->is_paused = n == 0 && !last;
    c->body_sent = last || c->sent_bytes == c->content_length;
    if (c->content_length >= 0 && c->body_sent && c->sent_bytes != c->content_length)
        return -1;
    if (n == 0 && !c->body_sent)
        return 0;
    return lws_write(c->wsi, (unsigned char *)buf, (size_t)n,
                     c->body_sent ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0
               ? -1
               : 0;
}

int nh_http__h2_output(nh_http_conn_t *c)
{
    if (c->state != NH_HTTP_STREAM)
        return 0;
    if (c->cut)
        return nh_http__h2_cut(c);
    if (!c->reply_started)
        return 0;
    if (c->head_sent && c->body_sent) {
        nh_http__end_request(c);
        return lws_http_transaction_completed(c->wsi) ? -1 : 0;
    }
    nh_http__arm(c, c->server->cfg.idle_timeout_ms);
    if (!c->head_sent ? write_head(c) : write_part(c))
        return nh_http__h2_cut(c);
    if (!c->is_paused)
        lws_callback_on_writable(c->wsi);
    return 0;
}
