#include "hub/mqtt_listener.h"

_Static_assert(sizeof(struct nh_iov) == sizeof(struct nh_mqtt_span) &&
                   offsetof(struct nh_iov, ptr) == offsetof(struct nh_mqtt_span, ptr) &&
                   offsetof(struct nh_iov, len) == offsetof(struct nh_mqtt_span, len),
               "the broker's spans are written as they are");

void nh_mqtt_listener_dirty(void *ctx, nh_mqtt_conn_t *c, void *user)
{
    (void)ctx;
    if (nh_mqtt_conn_is_own(c))
        nh_bridges_local_dirty(user);
    else if (nh_mqtt_conn_wants_close(c))
        nh_stream_close(user, true);
    else
        nh_stream_dirty(user);
}

void nh_mqtt_listener_pause(void *ctx, nh_mqtt_conn_t *c, void *user, bool paused)
{
    (void)ctx;
    if (nh_mqtt_conn_is_own(c))
        nh_bridges_local_pause(user, paused);
    else
        nh_stream_pause(user, paused);
}

// Outgoing connections are the bridges'.
static bool is_bridge(const nh_stream_t *s)
{
    return !nh_stream_listener(s);
}

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

int nh_mqtt_listener_start(nh_mqtt_listener_t *l, nh_mqtt_broker_t *broker, nh_loop_t *loop,
                           struct nh_mem *mem, const char *host, uint16_t port,
                           uint32_t conn_max_count)
{
    const struct nh_listener_config listen = {.address = host, .port = port};
    const struct nh_stream_set_config cfg = {
        .loop = loop,
        .mem = mem,
        .conn_max_count = conn_max_count,
        .handler = {.ctx = l,
                    .open = on_open,
                    .input = on_input,
                    .output = on_output,
                    .sent = on_sent,
                    .turn_end = on_turn_end,
                    .closed = on_closed},
    };
    const struct nh_loop_deadline deadline = {.next = next_deadline, .fire = fire, .ctx = l};
    l->broker = broker;
    l->loop = loop;
    int err = nh_stream_set_create(&cfg, &l->set);
    if (err < 0)
        return err;
    err = nh_stream_listen(l->set, &listen, &l->listener);
    if (err == 0)
        err = nh_loop_deadline_add(loop, &deadline);
    if (err < 0)
        nh_mqtt_listener_stop(l);
    return err;
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
    l->listener = NULL;
}
