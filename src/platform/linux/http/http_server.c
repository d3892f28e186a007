// http_server.c - creates and ends the server, receives libwebsockets' callbacks, keeps the limits.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netdb.h>

#include "platform/linux/http/http_private.h"
#include "platform/linux/http/lws_memory.h"
#include "platform/linux/port.h"

// ---- log: libwebsockets has one for the process --------------------------------------------

static void lws_log_line(int level, const char *line)
{
    size_t len = strcspn(line, "\n");
    if (level & LLL_ERR)
        NH_LOG_W("http", "lws: %.*s", (int)len, line);
    else
        NH_LOG_D("http", "lws: %.*s", (int)len, line);
}

// What libwebsockets takes for a connection, with a margin.
#define CONN_ROOM_BYTES NH_KIB(4)

// ---- connections -------------------------------------------------------------------------------

void nh_http__peer(struct lws *wsi, char *text, size_t cap)
{
    struct sockaddr_storage addr = {0};
    socklen_t len = sizeof addr;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    struct lws *network = lws_get_network_wsi(wsi);
    if (getpeername(lws_get_socket_fd(network ? network : wsi), (struct sockaddr *)&addr, &len) ||
        getnameinfo((struct sockaddr *)&addr, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        snprintf(text, cap, "?");
    else
        snprintf(text, cap, addr.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

// A running timer that is early enough is left alone: it re-arms itself for what is left, so that
// a busy connection does not set a timer for every read.
void nh_http__arm(nh_http_conn_t *c, uint64_t in_ms)
{
    c->deadline_ms = nh_clock_ms() + in_ms;
    if (c->armed_ms && c->armed_ms <= c->deadline_ms)
        return;
    c->armed_ms = c->deadline_ms;
    lws_set_timer_usecs(c->wsi, (lws_usec_t)in_ms * 1000);
}

void nh_http__end_request(nh_http_conn_t *c)
{
    if (!c->in_request)
        return;
    c->in_request = false;
    struct nh_http_handler *h = &c->server->cfg.handler;
    if (c->ws && c->ws->stream) {
        c->server->info.ws_count--;
        c->ws->stream->closed(c->ws->stream->ctx, c);
    } else if (c->ws) {
        c->server->info.ws_count--;
        h->ws_closed(h->ctx, c);
    } else {
        h->closed(h->ctx, c);
    }
    c->user = NULL;
}

void nh_http__cleanup(nh_http_conn_t *c)
{
    nh_http_server_t *s = c->server;
    if (!s)
        return;
    nh_http__end_request(c);
    nh_mem_free(s->cfg.mem, c->gather);
    nh_mem_free(s->cfg.mem, c->stash);
    if (c->ws)
        nh_mem_free(s->cfg.mem, c->ws->reader.message);
    nh_mem_free(s->cfg.mem, c->ws);
    if (c->is_counted)
        s->info.conn_count--;
    if (c->is_over_limit)
        s->over_limit_count--;
    memset(c, 0, sizeof *c);
}

static int adopt(nh_http_server_t *s, nh_http_conn_t *c, struct lws *wsi)
{
    if (!c)
        return -1;
    c->server = s;
    c->wsi = wsi;
    c->is_tls = lws_is_ssl(wsi);
    c->keep_alive = true;
    c->is_over_limit = s->info.conn_count >= s->cfg.conn_max_count;
    c->is_counted = !c->is_over_limit;
    if (c->is_over_limit) {
        s->info.refused++;
        s->over_limit_count++;
    } else {
        s->info.conn_count++;
    }
    nh_http__arm(c, s->cfg.head_timeout_ms);
    return 0;
}

static int on_timer(nh_http_conn_t *c)
{
    c->armed_ms = 0;
    uint64_t now = nh_clock_ms();
    if (now < c->deadline_ms) {
        nh_http__arm(c, c->deadline_ms - now);
        return 0;
    }
    // libwebsockets times out a connection with HTTP/2 streams itself.
    return c->state == NH_HTTP_MUX ? 0 : nh_http__h1_timeout(c);
}

// A connection beyond the few that are told "503" is closed unheard, and one that there is no
// memory for.
static int filter(nh_http_server_t *s)
{
    bool has_place = s->info.conn_count < s->cfg.conn_max_count ||
                     s->over_limit_count < NH_HTTP_OVER_LIMIT_MAX_COUNT;
    if (has_place && nh_lws__memory_has_room(CONN_ROOM_BYTES))
        return 0;
    s->info.refused++;
    return 1;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    nh_http_conn_t *c = user;
    nh_http_server_t *s = lws_context_user(lws_get_context(wsi));
    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return filter(s);
    case LWS_CALLBACK_RAW_ADOPT:
        return adopt(s, c, wsi);
    case LWS_CALLBACK_RAW_RX:
        return nh_http__h1_input(c, in, len);
    case LWS_CALLBACK_RAW_WRITEABLE:
        return nh_http__h1_output(c);
    case LWS_CALLBACK_TIMER:
        return c && c->server ? on_timer(c) : 0;
    case LWS_CALLBACK_HTTP:
        c->server = s;
        c->wsi = wsi;
        return nh_http__h2_request(c);
    case LWS_CALLBACK_HTTP_BODY:
        return nh_http__h2_body(c, in, len, false);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return nh_http__h2_body(c, NULL, 0, true);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return c && c->server ? nh_http__h2_output(c) : 0;
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return -1; // WebSocket over HTTP/2 (RFC 8441): browsers fall back to HTTP/1.1
    case LWS_CALLBACK_RAW_CLOSE:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_WSI_DESTROY:
        if (c)
            nh_http__cleanup(c);
        return 0;
    default:
        return 0;
    }
}

// ---- sleep: libwebsockets wakes up every 30 s for housekeeping that only its connections need
// ----

#define TIMER_MAX_COUNT 16

struct timers {
    uv_timer_t *known[TIMER_MAX_COUNT];
    size_t count;
    uv_timer_t *fresh; // the last one that is not known
};

static void note_timer(uv_handle_t *handle, void *ctx)
{
    struct timers *t = ctx;
    if (handle->type == UV_TIMER && t->count < TIMER_MAX_COUNT)
        t->known[t->count++] = (uv_timer_t *)handle;
}

static void find_fresh_timer(uv_handle_t *handle, void *ctx)
{
    struct timers *t = ctx;
    bool known = handle->type != UV_TIMER;
    for (size_t i = 0; i < t->count; i++)
        known = known || t->known[i] == (uv_timer_t *)handle;
    if (!known)
        t->fresh = (uv_timer_t *)handle;
}

// Any event of a socket starts the timer again.
static void on_sleep(uv_prepare_t *sleep)
{
    nh_http_server_t *s = sleep->data;
    if (s->lws_timer && s->info.conn_count == 0 && s->over_limit_count == 0)
        uv_timer_stop(s->lws_timer);
}

static void watch_sleep(nh_http_server_t *s, uv_timer_t *timer)
{
    s->lws_timer = timer;
    s->sleep.data = s;
    uv_prepare_init(nh_loop_native(s->cfg.loop), &s->sleep);
    uv_prepare_start(&s->sleep, on_sleep);
    uv_unref((uv_handle_t *)&s->sleep);
}

// ---- create and destroy ------------------------------------------------------------------------

static uint32_t or_default(uint32_t value, uint32_t def)
{
    return value ? value : def;
}

static void set_defaults(struct nh_http_server_config *cfg)
{
    cfg->conn_max_count = or_default(cfg->conn_max_count, 32);
    cfg->head_max_bytes = or_default(cfg->head_max_bytes, 4096);
    cfg->ws_message_max_bytes = or_default(cfg->ws_message_max_bytes, 4096);
    cfg->head_timeout_ms = or_default(cfg->head_timeout_ms, 10000);
    cfg->idle_timeout_ms = or_default(cfg->idle_timeout_ms, 30000);
    cfg->chunk_bytes = or_default(cfg->chunk_bytes, 2048);
}

static int check_config(const struct nh_http_server_config *cfg)
{
    const struct nh_http_handler *h = &cfg->handler;
    if (!cfg->loop || !cfg->mem || !h->request || !h->output || !h->closed)
        return NH_ERR_INVAL;
    if (cfg->ws_path && (!h->ws_open || !h->ws_message || !h->ws_output || !h->ws_closed))
        return NH_ERR_INVAL;
    const struct nh_http_stream *stream = &cfg->stream;
    if (stream->path && (!stream->protocol || !stream->open || !stream->input || !stream->output ||
                         !stream->closed))
        return NH_ERR_INVAL;
    if (cfg->chunk_bytes > NH_KIB(64) - 1 || cfg->chunk_bytes < 64 || cfg->head_max_bytes < 256 ||
        cfg->head_max_bytes > NH_KIB(32))
        return NH_ERR_RANGE;
    return !cfg->tls_cert_file == !cfg->tls_key_file ? 0 : NH_ERR_INVAL;
}

static int create_buffers(nh_http_server_t *s)
{
    size_t body = s->cfg.chunk_bytes;
    if (body < NH_HTTP_WS_OUT_MAX_BYTES)
        body = NH_HTTP_WS_OUT_MAX_BYTES;
    s->buf_bytes = NH_HTTP_REPLY_HEAD_MAX_BYTES + body + 32; // 32: the chunk's own frame
    s->buf = nh_mem_alloc(s->cfg.mem, LWS_PRE + s->buf_bytes, NH_MEM_BULK);
    if (s->cfg.tls_cert_file)
        s->scratch = nh_mem_alloc(s->cfg.mem, s->cfg.head_max_bytes, NH_MEM_BULK);
    return s->buf && (s->scratch || !s->cfg.tls_cert_file) ? 0 : NH_ERR_NOMEM;
}

static int create_context(nh_http_server_t *s)
{
    void *loops[] = {nh_loop_native(s->cfg.loop)};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .foreign_loops = loops,
        .user = s,
        .pcontext = &s->context,
        .fd_limit_per_thread = s->cfg.conn_max_count + NH_HTTP_OVER_LIMIT_MAX_COUNT + 8,
        .pt_serv_buf_size = 4096,
        .max_http_header_data = (unsigned short)s->cfg.head_max_bytes,
        .timeout_secs = (s->cfg.head_timeout_ms + 999) / 1000,
        // The kernel finds peers that are gone; an idle WebSocket costs no wake-up.
        .ka_time = 60,
        .ka_probes = 4,
        .ka_interval = 15,
    };
    if (s->cfg.tls_cert_file)
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    struct timers timers = {0};
    uv_walk(loops[0], note_timer, &timers);
    s->context = lws_create_context(&info);
    if (!s->context)
        return NH_ERR_NOMEM;
    uv_walk(loops[0], find_fresh_timer, &timers);
    watch_sleep(s, timers.count < TIMER_MAX_COUNT ? timers.fresh : NULL);
    return 0;
}

// libwebsockets does not say why it could not listen; the kernel does when it is asked again.
static int why_not(const char *address, uint16_t port)
{
    struct sockaddr_storage to;
    unsigned len;
    int one = 1, err = nh_linux__address(address, port, &to, &len);
    if (err < 0)
        return err;
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return nh_linux__err(errno);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    err = bind(fd, (struct sockaddr *)&to, len) < 0 || listen(fd, 1) < 0 ? nh_linux__err(errno)
                                                                         : NH_ERR_IO;
    close(fd);
    return err;
}

static int create_vhost(nh_http_server_t *s, bool tls, struct lws_vhost **out)
{
    const char *address = tls && s->cfg.tls_address ? s->cfg.tls_address : s->cfg.address;
    bool v6 = address && strchr(address, ':');
    bool any = !address || strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
    struct lws_context_creation_info info = {
        .port = tls ? s->cfg.tls_port : s->cfg.port,
        .iface = any ? NULL : address,
        .protocols = s->protocols,
        .vhost_name = tls ? "https" : "http",
        .listen_accept_role = "raw-skt",
        .listen_accept_protocol = s->protocols[0].name,
        .options = LWS_SERVER_OPTION_ADOPT_APPLY_LISTEN_ACCEPT_CONFIG |
                   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
        .keepalive_timeout = (int)((s->cfg.idle_timeout_ms + 999) / 1000),
    };
    if (!v6)
        info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
    if (tls) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = s->cfg.tls_cert_file;
        info.ssl_private_key_filepath = s->cfg.tls_key_file;
        info.alpn = "h2,http/1.1";
    }
    *out = lws_create_vhost(s->context, &info);
    return *out ? 0 : why_not(address ? address : "0.0.0.0", (uint16_t)info.port);
}

int nh_http_server_create(const struct nh_http_server_config *cfg, nh_http_server_t **out)
{
    *out = NULL;
    struct nh_http_server_config c = *cfg;
    set_defaults(&c);
    int err = check_config(&c);
    if (err)
        return err;
    nh_http_server_t *s = nh_mem_alloc_zero(c.mem, sizeof *s, NH_MEM_BULK);
    if (!s)
        return NH_ERR_NOMEM;
    s->cfg = c;
    s->protocols[0] = (struct lws_protocols){
        .name = "http", .callback = on_event, .per_session_data_size = sizeof(nh_http_conn_t)};
    nh_lws__memory_use(c.mem);
    lws_set_log_level(LLL_ERR | LLL_WARN, lws_log_line);
    err = create_buffers(s);
    if (!err)
        err = create_context(s);
    if (!err)
        err = create_vhost(s, false, &s->vhost);
    if (!err && c.tls_cert_file)
        err = create_vhost(s, true, &s->tls_vhost);
    if (err) {
        nh_http_server_destroy(s);
        return err;
    }
    *out = s;
    return 0;
}

static void count_closing(uv_handle_t *handle, void *ctx)
{
    int *count = ctx;
    *count += uv_is_closing(handle);
}

// libwebsockets begins to close its handles, libuv closes them in its own turns, and only then may
// the context be freed, which a second call does. A few turns suffice; the bound is for a bug.
static void end_context(nh_http_server_t *s)
{
    uv_loop_t *loop = nh_loop_native(s->cfg.loop);
    uv_close((uv_handle_t *)&s->sleep, NULL);
    s->lws_timer = NULL;
    lws_context_destroy(s->context);
    int closing = 1;
    for (int i = 0; s->context && closing && i < 1000; i++) {
        uv_run(loop, UV_RUN_NOWAIT);
        closing = 0;
        uv_walk(loop, count_closing, &closing);
    }
    if (s->context)
        lws_context_destroy(s->context);
    if (s->context)
        NH_LOG_E("http", "libwebsockets did not end");
}

void nh_http_server_destroy(nh_http_server_t *s)
{
    if (!s)
        return;
    nh_mem_t *mem = s->cfg.mem;
    if (s->context)
        end_context(s);
    nh_mem_free(mem, s->buf);
    nh_mem_free(mem, s->scratch);
    nh_mem_free(mem, s);
}

uint16_t nh_http_server_port(const nh_http_server_t *s)
{
    return (uint16_t)lws_get_vhost_listen_port(s->vhost);
}

uint16_t nh_http_server_tls_port(const nh_http_server_t *s)
{
    return s->tls_vhost ? (uint16_t)lws_get_vhost_listen_port(s->tls_vhost) : 0;
}

void nh_http_server_info(const nh_http_server_t *s, struct nh_http_server_info *out)
{
    *out = s->info;
    out->spilled_count = nh_lws__memory_spilled_count();
}

// ---- calls of the handler ----------------------------------------------------------------------

const char *nh_http_header(nh_http_conn_t *c, const char *name)
{
    if (c->server->head_of != c)
        return NULL;
    return c->state == NH_HTTP_STREAM ? nh_http__h2_header(c, name)
                                      : nh_h1_header(&c->server->head, name);
}

void nh_http_user_set(nh_http_conn_t *c, void *user)
{
    c->user = user;
}

void *nh_http_user(const nh_http_conn_t *c)
{
    return c->user;
}

int nh_http_reply_start(nh_http_conn_t *c, int status, const struct nh_http_header *headers,
                        size_t count, int64_t content_length)
{
    if (c->reply_started || c->ws)
        return NH_ERR_INVAL;
    c->status = status;
    c->headers = headers;
    c->header_count = count;
    c->content_length = content_length;
    c->reply_started = true;
    c->head_sent = c->body_sent = false;
    c->sent_bytes = 0;
    if (c->state != NH_HTTP_STREAM && c->body_remaining > 0)
        c->keep_alive = false; // the rest of the body will not be read
    lws_callback_on_writable(c->wsi);
    return 0;
}

void nh_http_wake(nh_http_conn_t *c)
{
    if (!c->reply_started && !c->ws)
        return;
    c->is_paused = false;
    lws_callback_on_writable(c->wsi);
}

void nh_http_stream_end(nh_http_conn_t *c)
{
    c->ws->is_ending = true;
    lws_callback_on_writable(c->wsi);
}

void nh_http_stream_pause(nh_http_conn_t *c, bool paused)
{
    if (lws_rx_flow_control(c->wsi, paused ? 0 : 1))
        c->cut = true;
}

void nh_http_peer(nh_http_conn_t *c, char *text, size_t cap)
{
    nh_http__peer(c->wsi, text, cap);
}

bool nh_http_is_tls(const nh_http_conn_t *c)
{
    return c->is_tls;
}

void nh_http_close(nh_http_conn_t *c)
{
    c->keep_alive = false;
    if (c->ws)
        nh_http__ws_close(c, 1001);
    else if (!c->reply_started)
        c->cut = true;
    lws_callback_on_writable(c->wsi);
}
