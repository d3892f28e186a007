#include "components/battery_publish/publish_mqtt.h"

#include "core/base/log.h"
#include "mqtt/publisher.h"

#include <stdio.h>
#include <string.h>

#define READ_BUFFER_BYTES 512 // a broker answers a publisher in a few bytes
#define OUTPUT_MAX_BYTES 2048 // a point, a report, and what was said when the line broke
#define TOPIC_MAX_BYTES 128

struct nh_publish_mqtt {
    struct nh_publish_mqtt_config cfg;
    char topic[TOPIC_MAX_BYTES];
    // Of a broker elsewhere; NULL: the own one.
    nh_mqtt_publisher_t *client;
    nh_stream_set_t *set;
    nh_stream_t *stream; // NULL: none
    const char *failed;  // it could not even dial: said at the next deadline; NULL: nothing
    bool is_waiting;     // for PUBACK of
    uint16_t packet_id;
    uint32_t ticket;
};

// ---- the stream's handler -----------------------------------------------------------------------

static int on_open(void *ctx, nh_stream_t *s)
{
    nh_publish_mqtt_t *m = ctx;
    (void)s;
    nh_mqtt_publisher_opened(m->client, m->cfg.clock_ms());
    m->cfg.busy(m->cfg.ctx);
    return NH_OK;
}

static int on_input(void *ctx, nh_stream_t *s, const uint8_t *bytes, size_t len)
{
    nh_publish_mqtt_t *m = ctx;
    (void)s;
    nh_mqtt_publisher_input(m->client, bytes, len, m->cfg.clock_ms());
    m->cfg.busy(m->cfg.ctx);
    return NH_OK;
}

static size_t on_output(void *ctx, nh_stream_t *s, struct nh_iov *iov, size_t max)
{
    nh_publish_mqtt_t *m = ctx;
    nh_span_t out = nh_mqtt_publisher_output(m->client);
    (void)s;
    if (!out.len || !max)
        return 0;
    iov[0] = (struct nh_iov){out.ptr, out.len};
    return 1;
}

static void on_sent(void *ctx, nh_stream_t *s, size_t bytes)
{
    nh_publish_mqtt_t *m = ctx;
    (void)s;
    nh_mqtt_publisher_sent(m->client, bytes, m->cfg.clock_ms());
}

static void on_turn_end(void *ctx)
{
    (void)ctx; // what was not sent stands in the client's own buffer
}

static void on_closed(void *ctx, nh_stream_t *s, int err)
{
    nh_publish_mqtt_t *m = ctx;
    (void)err;
    m->stream = NULL;
    nh_mqtt_publisher_closed(m->client, nh_stream_reason(s), m->cfg.clock_ms());
    m->cfg.busy(m->cfg.ctx);
}

// ---- what the client wishes ---------------------------------------------------------------------

static void on_dial(void *ctx)
{
    nh_publish_mqtt_t *m = ctx;
    const struct nh_stream_connect_config cfg = {
        .host = m->cfg.remote.host, .port = m->cfg.remote.port, .tls = m->cfg.remote.tls};
    int err = nh_stream_connect(m->set, &cfg, &m->stream);
    m->failed = err < 0 ? nh_err_text(err) : NULL;
}

static void on_hang_up(void *ctx)
{
    nh_publish_mqtt_t *m = ctx;
    if (m->stream)
        nh_stream_close(m->stream, true);
}

static void on_dirty(void *ctx)
{
    nh_publish_mqtt_t *m = ctx;
    if (m->stream)
        nh_stream_dirty(m->stream);
}

static void on_online(void *ctx)
{
    nh_publish_mqtt_t *m = ctx;
    NH_LOG_I("battery", "points to %s", m->cfg.remote.address);
    m->cfg.link(m->cfg.ctx, true);
}

static void on_offline(void *ctx, const char *reason, uint32_t wait_ms)
{
    nh_publish_mqtt_t *m = ctx;
    NH_LOG_W("battery", "no points to %s: %s; next attempt in %u ms", m->cfg.remote.address, reason,
             (unsigned)wait_ms);
    m->is_waiting = false;
    m->cfg.link(m->cfg.ctx, false);
}

static void on_confirmed(void *ctx, uint16_t packet_id)
{
    nh_publish_mqtt_t *m = ctx;
    if (!m->is_waiting || packet_id != m->packet_id)
        return; // of an attempt that was given up
    m->is_waiting = false;
    m->cfg.done(m->cfg.ctx, m->ticket);
}

// ---- messages -----------------------------------------------------------------------------------

static nh_span_t span(const char *text, size_t len)
{
    return (nh_span_t){(const uint8_t *)text, len};
}

int nh_publish_mqtt_send(nh_publish_mqtt_t *m, const char *text, size_t len, uint32_t ticket)
{
    const nh_span_t topic = span(m->topic, strlen(m->topic)), payload = span(text, len);
    const uint64_t now_ms = m->cfg.clock_ms();
    if (!m->client) {
        const struct nh_mqtt_message message = {.topic = topic, .payload = payload, .qos = 1};
        int err = nh_mqtt_broker_publish(m->cfg.broker, &message, now_ms);
        return err < 0 ? err : NH_PUBLISH_CONFIRMED;
    }
    int err = nh_mqtt_publisher_publish_confirmed(m->client, topic, payload, false, now_ms,
                                                  &m->packet_id);
    m->is_waiting = err == 0;
    m->ticket = ticket;
    return err < 0 ? err : NH_PUBLISH_UNDER_WAY;
}

void nh_publish_mqtt_cancel(nh_publish_mqtt_t *m)
{
    m->is_waiting = false;
}

int nh_publish_mqtt_tell(nh_publish_mqtt_t *m, const char *what, const char *text, size_t len)
{
    char name[TOPIC_MAX_BYTES + 16];
    int n = snprintf(name, sizeof name, "%s/%s", m->topic, what);
    const nh_span_t topic = span(name, (size_t)n), payload = span(text, len);
    if (m->client)
        return nh_mqtt_publisher_publish(m->client, topic, payload, false, m->cfg.clock_ms());
    const struct nh_mqtt_message message = {.topic = topic, .payload = payload};
    return nh_mqtt_broker_publish(m->cfg.broker, &message, m->cfg.clock_ms());
}

// ---- time ---------------------------------------------------------------------------------------

uint64_t nh_publish_mqtt_next_deadline(const nh_publish_mqtt_t *m)
{
    if (!m->client)
        return NH_NEVER;
    return m->failed ? 0 : nh_mqtt_publisher_next_deadline(m->client);
}

void nh_publish_mqtt_tick(nh_publish_mqtt_t *m, uint64_t now_ms)
{
    const char *failed = m->failed;
    if (!m->client)
        return;
    m->failed = NULL;
    if (failed)
        nh_mqtt_publisher_closed(m->client, failed, now_ms);
    else
        nh_mqtt_publisher_tick(m->client, now_ms);
}

const char *nh_publish_mqtt_state(const nh_publish_mqtt_t *m)
{
    struct nh_mqtt_publisher_info i;
    if (!m->client)
        return "the hub's own broker";
    nh_mqtt_publisher_info(m->client, &i);
    return i.reason;
}

// ---- life ---------------------------------------------------------------------------------------

static int make_client(nh_publish_mqtt_t *m)
{
    const struct nh_publish_mqtt_config *c = &m->cfg;
    const struct nh_stream_set_config set = {.loop = c->loop,
                                             .mem = c->mem,
                                             .conn_max_count = 1,
                                             .read_buffer_bytes = READ_BUFFER_BYTES,
                                             .handshake_max_count = 1,
                                             .handler = {.ctx = m,
                                                         .open = on_open,
                                                         .input = on_input,
                                                         .output = on_output,
                                                         .sent = on_sent,
                                                         .turn_end = on_turn_end,
                                                         .closed = on_closed}};
    const struct nh_mqtt_publisher_config client = {.mem = c->mem,
                                                    .client_id = c->client_id,
                                                    .user = c->remote.user,
                                                    .password = c->remote.password,
                                                    .keepalive_s = 15,
                                                    .output_max_bytes = OUTPUT_MAX_BYTES,
                                                    .backoff_max_ms = c->backoff_max_ms,
                                                    .seed = c->seed,
                                                    .ctx = m,
                                                    .dial = on_dial,
                                                    .hang_up = on_hang_up,
                                                    .dirty = on_dirty,
                                                    .online = on_online,
                                                    .offline = on_offline,
                                                    .confirmed = on_confirmed};
    int err = nh_mqtt_publisher_create(&client, &m->client);
    return err < 0 ? err : nh_stream_set_create(&set, &m->set);
}

int nh_publish_mqtt_create(const struct nh_publish_mqtt_config *cfg, nh_publish_mqtt_t **out)
{
    *out = NULL;
    nh_publish_mqtt_t *m = nh_mem_alloc_zero(cfg->mem, sizeof *m, NH_MEM_BULK);
    if (!m)
        return NH_ERR_NOMEM;
    m->cfg = *cfg;
    int len = snprintf(m->topic, sizeof m->topic, "%s", cfg->topic);
    int err = len >= (int)sizeof m->topic ? NH_ERR_TOO_LONG : NH_OK;
    if (err == 0 && cfg->remote.host)
        err = make_client(m);
    if (err < 0) {
        nh_publish_mqtt_destroy(m);
        return err;
    }
    *out = m;
    return NH_OK;
}

void nh_publish_mqtt_destroy(nh_publish_mqtt_t *m)
{
    if (!m)
        return;
    if (m->client && m->set)
        nh_mqtt_publisher_stop(m->client, m->cfg.clock_ms());
    if (m->set)
        nh_stream_set_destroy(m->set); // sends what the client says now
    nh_mqtt_publisher_destroy(m->client);
    nh_mem_free(m->cfg.mem, m);
}
