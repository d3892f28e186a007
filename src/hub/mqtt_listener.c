#include "hub/mqtt_listener.h"

#include <string.h>

_Static_assert(sizeof(struct nh_iov) == sizeof(struct nh_mqtt_span) &&
                   offsetof(struct nh_iov, ptr) == offsetof(struct nh_mqtt_span, ptr) &&
                   offsetof(struct nh_iov, len) == offsetof(struct nh_mqtt_span, len),
               "the broker's spans are written as they are");

// ---- whose connection it is --------------------------------------------------------------------

// Most are streams of the set. Those of the portal's server are told by the lowest bit, which no
// pointer has set: nothing more needs to be kept for each of the many.
static void *mark(nh_http_conn_t *c)
{
    return (void *)((uintptr_t)c | 1u);
}

// NULL: it is a stream.
static nh_http_conn_t *as_http(const void *user)
{
    uintptr_t bits = (uintptr_t)user;
    return bits & 1u ? (nh_http_conn_t *)(bits - 1u) : NULL;
}

void nh_mqtt_listener_dirty(void *ctx, nh_mqtt_conn_t *c, void *user)
{
    nh_http_conn_t *http = as_http(user);
    bool ends = nh_mqtt_conn_wants_close(c);
    (void)ctx;
    if (nh_mqtt_conn_is_own(c))
        nh_bridges_local_dirty(user);
    else if (http && ends)
        nh_http_stream_end(http);
    else if (http)
        nh_http_wake(http);
    else if (ends)
        nh_stream_close(user, true);
    else
        nh_stream_dirty(user);
}

void nh_mqtt_listener_pause(void *ctx, nh_mqtt_conn_t *c, void *user, bool paused)
{
    nh_http_conn_t *http = as_http(user);
    (void)ctx;
    if (nh_mqtt_conn_is_own(c))
        nh_bridges_local_pause(user, paused);
    else if (http)
        nh_http_stream_pause(http, paused);
    else
        nh_stream_pause(user, paused);
}

// Outgoing connections are the bridges'.
static bool is_bridge(const nh_stream_t *s)
{
    return !nh_stream_listener(s);
}

void nh_mqtt_user_peer(const void *user, char *text, size_t cap)
{
    nh_http_conn_t *http = as_http(user);
    if (http)
        nh_http_peer(http, text, cap);
    else
        nh_stream_peer(user, text, cap);
}

bool nh_mqtt_user_is_local(const void *user)
{
    return !as_http(user) && nh_stream_is_local(user);
}

bool nh_mqtt_user_proxy(const void *user, char *text, size_t cap)
{
    return !as_http(user) && nh_stream_proxy(user, text, cap);
}

int nh_mqtt_user_identity(const void *user, enum nh_identity kind, char *text, size_t cap)
{
    return as_http(user) ? NH_ERR_NOT_FOUND : nh_stream_identity(user, kind, text, cap);
}

void *nh_mqtt_user_listener(const void *user)
{
    const nh_listener_t *l = as_http(user) ? NULL : nh_stream_listener(user);
    return l ? nh_listener_user(l) : NULL;
}

bool nh_mqtt_user_is_http(const void *user, bool *has_tls)
{
    const nh_http_conn_t *http = as_http(user);
    *has_tls = http && nh_http_is_tls(http);
    return http != NULL;
}

// ---- streams -----------------------------------------------------------------------------------

static int on_open(void *ctx, nh_stream_t *s)
{
    nh_mqtt_listener_t *l = ctx;
    nh_mqtt_conn_t *c;
    if (is_bridge(s)) {
        nh_bridges_opened(s);
        return NH_OK;
    }
    int err = nh_mqtt_broker_open(l->broker, s, nh_clock_ms(), &c);
    if (err == 0)
        nh_stream_user_set(s, c);
    return err;
}

static int on_input(void *ctx, nh_stream_t *s, const uint8_t *bytes, size_t len)
{
    nh_mqtt_listener_t *l = ctx;
    if (!is_bridge(s))
        return nh_mqtt_broker_input(l->broker, nh_stream_user(s), bytes, len, nh_clock_ms());
    nh_bridges_input(s, bytes, len);
    return NH_OK;
}

static size_t on_output(void *ctx, nh_stream_t *s, struct nh_iov *iov, size_t max)
{
    nh_mqtt_listener_t *l = ctx;
    if (is_bridge(s))
        return nh_bridges_output(s, iov, max);
    nh_mqtt_conn_t *c = nh_stream_user(s);
    size_t count = nh_mqtt_broker_output(l->broker, c, (struct nh_mqtt_span *)iov, max);
    // The wish to close may have come after the connection was marked dirty.
    if (nh_mqtt_conn_wants_close(c))
        nh_stream_close(s, true);
    return count;
}

static void on_sent(void *ctx, nh_stream_t *s, size_t bytes)
{
    nh_mqtt_listener_t *l = ctx;
    if (is_bridge(s))
        nh_bridges_sent(s, bytes);
    else
        nh_mqtt_broker_sent(l->broker, nh_stream_user(s), bytes, nh_clock_ms());
}

static void on_turn_end(void *ctx)
{
    nh_mqtt_listener_t *l = ctx;
    nh_mqtt_broker_turn_end(l->broker);
    nh_bridges_turn_end(l->bridges);
}

static void on_closed(void *ctx, nh_stream_t *s, int err)
{
    nh_mqtt_listener_t *l = ctx;
    (void)err;
    if (is_bridge(s))
        nh_bridges_closed(s);
    else
        nh_mqtt_broker_close(l->broker, nh_stream_user(s), nh_clock_ms());
}

static uint64_t next_deadline(void *ctx)
{
    nh_mqtt_listener_t *l = ctx;
    return nh_mqtt_broker_next_deadline(l->broker);
}

static void fire(void *ctx, uint64_t now_ms)
{
    nh_mqtt_listener_t *l = ctx;
    nh_mqtt_broker_tick(l->broker, now_ms);
}

// ---- WebSockets of the portal's server ---------------------------------------------------------

static int on_http_open(void *ctx, nh_http_conn_t *c, const struct nh_http_head *head)
{
    nh_mqtt_listener_t *l = ctx;
    nh_mqtt_conn_t *conn;
    (void)head;
    if (nh_mqtt_broker_open(l->broker, mark(c), nh_clock_ms(), &conn) < 0)
        return 503;
    nh_http_user_set(c, conn);
    return 0;
}

// The server's buffer is its own again after the call, so the turn ends here: what streams of the
// set have to send of it is copied.
static int on_http_input(void *ctx, nh_http_conn_t *c, const uint8_t *bytes, size_t len)
{
    nh_mqtt_listener_t *l = ctx;
    int err = nh_mqtt_broker_input(l->broker, nh_http_user(c), bytes, len, nh_clock_ms());
    nh_mqtt_broker_turn_end(l->broker);
    return err;
}

static size_t on_http_output(void *ctx, nh_http_conn_t *c, uint8_t *buf, size_t cap)
{
    nh_mqtt_listener_t *l = ctx;
    nh_mqtt_conn_t *conn = nh_http_user(c);
    struct nh_mqtt_span span[32];
    size_t len = 0;
    size_t count = nh_mqtt_broker_output(l->broker, conn, span, NH_ARRAY_LEN(span));
    for (size_t i = 0; i < count && len < cap; i++) {
        size_t n = span[i].len < cap - len ? span[i].len : cap - len;
        memcpy(buf + len, span[i].ptr, n);
        len += n;
    }
    if (len > 0)
        nh_mqtt_broker_sent(l->broker, conn, len, nh_clock_ms());
    nh_mqtt_broker_turn_end(l->broker);
    // The wish to close may have come after the connection was marked dirty.
    if (nh_mqtt_conn_wants_close(conn))
        nh_http_stream_end(c);
    return len;
}

static void on_http_closed(void *ctx, nh_http_conn_t *c)
{
    nh_mqtt_listener_t *l = ctx;
    nh_mqtt_broker_close(l->broker, nh_http_user(c), nh_clock_ms());
    nh_mqtt_broker_turn_end(l->broker);
}

struct nh_http_stream nh_mqtt_listener_http(nh_mqtt_listener_t *l, const char *path,
                                            uint32_t frame_max_bytes)
{
    return (struct nh_http_stream){.path = path,
                                   .protocol = "mqtt", // [MQTT-6.0.0-3] [MQTT-6.0.0-4]
                                   .frame_max_bytes = frame_max_bytes,
                                   .ctx = l,
                                   .open = on_http_open,
                                   .input = on_http_input,
                                   .output = on_http_output,
                                   .closed = on_http_closed};
}

// ---- life --------------------------------------------------------------------------------------

int nh_mqtt_listener_start(nh_mqtt_listener_t *l, const struct nh_mqtt_listener_config *cfg)
{
    const struct nh_stream_set_config set = {
        .loop = cfg->loop,
        .mem = cfg->mem,
        .conn_max_count = cfg->conn_max_count,
        .handshake_max_count = cfg->handshake_max_count,
        .handshake_timeout_ms = cfg->handshake_timeout_ms,
        .read_buffer_bytes = cfg->read_buffer_bytes,
        .handler = {.ctx = l,
                    .open = on_open,
                    .input = on_input,
                    .output = on_output,
                    .sent = on_sent,
                    .turn_end = on_turn_end,
                    .closed = on_closed},
    };
    const struct nh_loop_deadline deadline = {.next = next_deadline, .fire = fire, .ctx = l};
    l->broker = cfg->broker;
    l->loop = cfg->loop;
    int err = nh_stream_set_create(&set, &l->set);
    if (err < 0)
        return err;
    err = nh_loop_deadline_add(l->loop, &deadline);
    if (err < 0)
        nh_mqtt_listener_stop(l);
    return err;
}

int nh_mqtt_listener_add(nh_mqtt_listener_t *l, const struct nh_listener_config *cfg,
                         nh_listener_t **out)
{
    return nh_stream_listen(l->set, cfg, out);
}

void nh_mqtt_listener_stop(nh_mqtt_listener_t *l)
{
    if (!l->set)
        return;
    const struct nh_loop_deadline deadline = {.next = next_deadline, .fire = fire, .ctx = l};
    nh_loop_deadline_remove(l->loop, &deadline);
    nh_mqtt_broker_shutdown(l->broker, nh_clock_ms()); // clients are told, as far as they read
    nh_stream_set_destroy(l->set);
    l->set = NULL;
}
