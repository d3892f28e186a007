// The owner: an engine with its sinks, a timer, and what the log is told.

#include "components/battery_publish/battery_publish_private.h"

#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#define HTTP_PATH "/api/telemetry/local"
#define INFLUX_PATH "/api/v2/write"
#define POST_MS 10000   // a request
#define ANSWER_MS 20000 // any attempt
#define STATUS_MAX_BYTES 512
#define BEAT_MS 60000 // of the timer, which is moved each time: one with a period keeps its place
#define CLOCK_SET_UNIX_MS 1704067200000 // 2024: a clock that says less was never set

const char *nh_battery_publish__sink_name(enum nh_battery_sink sink)
{
    static const char *const names[NH_BATTERY_SINK_COUNT] = {"http", "mqtt", "influx"};
    return names[sink];
}

const char *nh_battery_publish__address(const nh_battery_publish_t *p, enum nh_battery_sink sink)
{
    if (sink == NH_BATTERY_SINK_HTTP)
        return p->http ? nh_publish_post_url(p->http) : NULL;
    if (sink == NH_BATTERY_SINK_INFLUX)
        return p->influx ? nh_publish_post_url(p->influx) : NULL;
    if (!p->mqtt)
        return NULL;
    return p->cfg.remote.host ? p->cfg.remote.address : "the hub's own broker";
}

const char *nh_battery_publish__reason(const nh_battery_publish_t *p, enum nh_battery_sink sink)
{
    if (sink == NH_BATTERY_SINK_HTTP)
        return p->http ? nh_publish_post_reason(p->http) : "";
    if (sink == NH_BATTERY_SINK_INFLUX)
        return p->influx ? nh_publish_post_reason(p->influx) : "";
    return p->mqtt ? nh_publish_mqtt_state(p->mqtt) : "";
}

// ---- time ---------------------------------------------------------------------------------------

static uint64_t next_deadline(const nh_battery_publish_t *p)
{
    uint64_t next = nh_publish_engine_next_deadline(p->engine);
    const uint64_t others[] = {p->mqtt ? nh_publish_mqtt_next_deadline(p->mqtt) : NH_NEVER,
                               p->flash ? nh_publish_flash_next_deadline(p->flash) : NH_NEVER,
                               p->status_at_ms};
    for (size_t i = 0; i < NH_ARRAY_LEN(others); i++)
        next = others[i] < next ? others[i] : next;
    return next;
}

// There was a place for the timer at start(): to move it takes no other, so it cannot fail.
static void arm(void *ctx)
{
    nh_battery_publish_t *p = ctx;
    if (nh_timer_is_armed(&p->timer))
        NH_IGNORE(nh_timer_arm(p->cfg.sched, &p->timer, next_deadline(p), BEAT_MS));
}

static int64_t unix_ms(const nh_battery_publish_t *p)
{
    int64_t now = p->cfg.clock_unix_ms();
    return now < CLOCK_SET_UNIX_MS ? 0 : now;
}

// The first failure, and when it works again: what lies between is in the figures.
static void tell(nh_battery_publish_t *p)
{
    struct nh_battery_publish_metrics m;
    nh_battery_publish_metrics(p, &m);
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++) {
        bool is_known = m.sink[i].delivered > 0 || m.sink[i].errors > 0;
        bool is_same = p->is_told[i] && p->was_online[i] == m.sink[i].is_online;
        if (i == NH_BATTERY_SINK_MQTT || !is_known || is_same)
            continue; // the connection to a broker tells of itself
        const char *address = nh_battery_publish__address(p, (enum nh_battery_sink)i);
        if (m.sink[i].is_online)
            NH_LOG_I("battery", "points to %s", address);
        else
            NH_LOG_W("battery", "no points to %s: %s; tried again until it works", address,
                     nh_battery_publish__reason(p, (enum nh_battery_sink)i));
        p->is_told[i] = true;
        p->was_online[i] = m.sink[i].is_online;
    }
}

// The report of the older firmware, with its keys: its log is the ring here.
static void report(nh_battery_publish_t *p, uint64_t now_ms)
{
    char text[STATUS_MAX_BYTES];
    struct nh_json_buf buf = {text, sizeof text, 0};
    struct nh_battery_publish_metrics m;
    nh_json_writer_t w;
    nh_battery_publish_metrics(p, &m);
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    nh_json_kv_uint(&w, "uptime_ms", now_ms);
    nh_json_kv_uint(&w, "log_used", m.buffered_points);
    nh_json_kv_uint(&w, "log_capacity", m.buffer_capacity);
    nh_json_kv_uint(&w, "event_published", m.published_points);
    nh_json_kv_uint(&w, "telemetry_backlog", m.sink[NH_BATTERY_SINK_MQTT].pending);
    nh_json_kv_uint(&w, "last_sync_ms", m.last_sync_ms);
    nh_json_kv_uint(&w, "publish_errors", m.publish_errors);
    nh_json_object_end(&w);
    if (nh_json_writer_end(&w) == 0) // while the broker is away there is no report: it tells of now
        NH_IGNORE(nh_publish_mqtt_tell(p->mqtt, "status", text, buf.len));
}

static void keep(nh_battery_publish_t *p, uint64_t now_ms)
{
    struct nh_publish_flash_info i;
    nh_publish_flash_tick(p->flash, nh_publish_engine_ring(p->engine), now_ms);
    nh_publish_flash_info(p->flash, &i);
    nh_publish_engine_kept(p->engine, i.points, i.writes, i.errors);
}

static void fire(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    nh_battery_publish_t *p = ctx;
    (void)t;
    if (p->mqtt)
        nh_publish_mqtt_tick(p->mqtt, now_ms);
    nh_publish_engine_tick(p->engine, now_ms, unix_ms(p));
    if (p->flash)
        keep(p, now_ms);
    if (now_ms >= p->status_at_ms) {
        p->status_at_ms = nh_ms_after(now_ms, p->cfg.status_ms);
        report(p, now_ms);
    }
    tell(p);
    arm(p);
}

// ---- what the engine asks for -------------------------------------------------------------------

static bool on_read(void *ctx, struct nh_battery_point *out)
{
    nh_battery_publish_t *p = ctx;
    p->cfg.read(p->cfg.ctx, &p->snapshot);
    return nh_publish_point_from(&p->snapshot, out);
}

static int send_http(nh_battery_publish_t *p, const struct nh_battery_point *point, uint32_t ticket)
{
    char key[24];
    int len =
        nh_publish_json(point, p->device, nh_publish_post_body(p->http), NH_PUBLISH_JSON_MAX_BYTES);
    snprintf(key, sizeof key, "%u-%u", (unsigned)point->boot, (unsigned)point->seq);
    p->http_ticket = ticket;
    int err = len < 0 ? len : nh_publish_post_send(p->http, (size_t)len, key);
    return err < 0 ? err : NH_PUBLISH_UNDER_WAY;
}

static int send_mqtt(nh_battery_publish_t *p, const struct nh_battery_point *point, uint32_t ticket)
{
    char text[NH_PUBLISH_TEXT_MAX_BYTES];
    int len = nh_publish_text(point, text, sizeof text);
    return len < 0 ? len : nh_publish_mqtt_send(p->mqtt, text, (size_t)len, ticket);
}

static int send_influx(nh_battery_publish_t *p, const struct nh_battery_point *points, size_t count,
                       uint32_t ticket)
{
    char *body = nh_publish_post_body(p->influx);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        int len = nh_publish_line(&points[i], p->device, body + at, NH_PUBLISH_LINE_MAX_BYTES);
        if (len < 0)
            return len;
        at += (size_t)len;
    }
    p->influx_ticket = ticket;
    int err = nh_publish_post_send(p->influx, at, "");
    return err < 0 ? err : NH_PUBLISH_UNDER_WAY;
}

static int on_send(void *ctx, enum nh_battery_sink sink, const struct nh_battery_point *points,
                   size_t count, uint32_t ticket)
{
    nh_battery_publish_t *p = ctx;
    if (sink == NH_BATTERY_SINK_HTTP)
        return send_http(p, points, ticket);
    if (sink == NH_BATTERY_SINK_MQTT)
        return send_mqtt(p, points, ticket);
    return send_influx(p, points, count, ticket);
}

static void on_cancel(void *ctx, enum nh_battery_sink sink)
{
    nh_battery_publish_t *p = ctx;
    if (sink == NH_BATTERY_SINK_MQTT)
        nh_publish_mqtt_cancel(p->mqtt);
    else
        nh_publish_post_cancel(sink == NH_BATTERY_SINK_HTTP ? p->http : p->influx);
}

// ---- what the sinks answer ----------------------------------------------------------------------

static void on_http_done(void *ctx, int err, uint32_t wait_ms)
{
    nh_battery_publish_t *p = ctx;
    nh_publish_engine_done(p->engine, NH_BATTERY_SINK_HTTP, p->http_ticket, err, wait_ms,
                           p->cfg.clock_ms());
    tell(p);
    arm(p);
}

static void on_influx_done(void *ctx, int err, uint32_t wait_ms)
{
    nh_battery_publish_t *p = ctx;
    nh_publish_engine_done(p->engine, NH_BATTERY_SINK_INFLUX, p->influx_ticket, err, wait_ms,
                           p->cfg.clock_ms());
    tell(p);
    arm(p);
}

static void on_mqtt_done(void *ctx, uint32_t ticket)
{
    nh_battery_publish_t *p = ctx;
    if (!p->engine)
        return;
    nh_publish_engine_done(p->engine, NH_BATTERY_SINK_MQTT, ticket, NH_OK, 0, p->cfg.clock_ms());
    arm(p);
}

static void on_mqtt_link(void *ctx, bool is_up)
{
    nh_battery_publish_t *p = ctx;
    if (!p->engine)
        return; // the end: the last it says is that it goes
    nh_publish_engine_link(p->engine, NH_BATTERY_SINK_MQTT, is_up, p->cfg.clock_ms());
    arm(p);
}

// ---- life ---------------------------------------------------------------------------------------

static bool is_given(const char *text)
{
    return text && text[0];
}

static int make_post(nh_battery_publish_t *p, bool is_influx, nh_publish_post_t **out)
{
    const struct nh_battery_publish_config *c = &p->cfg;
    char url[NH_PUBLISH_URL_MAX_BYTES];
    uint32_t lines =
        c->flush_per_s < NH_PUBLISH_BATCH_MAX_COUNT ? c->flush_per_s : NH_PUBLISH_BATCH_MAX_COUNT;
    const struct nh_publish_post_config cfg = {
        .mem = c->mem,
        .http = c->http,
        .url = url,
        .content_type = is_influx ? "text/plain; charset=utf-8" : "application/json",
        .scheme = is_influx ? "Token" : "Bearer",
        .token = is_influx ? c->influx_token : c->http_token,
        .user = is_influx ? NULL : c->http_user,
        .body_max_bytes = is_influx ? lines * NH_PUBLISH_LINE_MAX_BYTES : NH_PUBLISH_JSON_MAX_BYTES,
        .total_ms = POST_MS,
        .ctx = p,
        .done = is_influx ? on_influx_done : on_http_done};
    int err = is_influx
                  ? nh_publish_url(c->influx_url, INFLUX_PATH, "precision=ms", url, sizeof url)
                  : nh_publish_url(c->http_url, HTTP_PATH, "", url, sizeof url);
    return err < 0 ? err : nh_publish_post_create(&cfg, out);
}

static int make_mqtt(nh_battery_publish_t *p)
{
    char client_id[NH_PUBLISH_DEVICE_MAX_BYTES + 16];
    snprintf(client_id, sizeof client_id, "%s-battery", p->device);
    const struct nh_publish_mqtt_config cfg = {.mem = p->cfg.mem,
                                               .loop = p->cfg.loop,
                                               .broker = p->cfg.broker,
                                               .remote = p->cfg.remote,
                                               .topic = p->cfg.mqtt_topic,
                                               .client_id = client_id,
                                               .backoff_max_ms = p->cfg.backoff_max_ms,
                                               .seed = p->cfg.random_u32(),
                                               .clock_ms = p->cfg.clock_ms,
                                               .ctx = p,
                                               .done = on_mqtt_done,
                                               .link = on_mqtt_link,
                                               .busy = arm};
    return nh_publish_mqtt_create(&cfg, &p->mqtt);
}

static uint8_t sinks_of(const struct nh_battery_publish_config *c)
{
    bool on[NH_BATTERY_SINK_COUNT] = {c->http && is_given(c->http_url), is_given(c->mqtt_topic),
                                      c->http && is_given(c->influx_url)};
    return (uint8_t)(on[0] | on[1] << 1 | on[2] << 2);
}

static int make_engine(nh_battery_publish_t *p, uint8_t sinks)
{
    const struct nh_publish_engine_config cfg = {
        .mem = p->cfg.mem,
        .lock = p->cfg.lock,
        .ring_count = p->cfg.ring_count,
        .period_ms = p->cfg.period_ms,
        .flush_per_s = p->cfg.flush_per_s,
        .backoff_max_ms = p->cfg.backoff_max_ms,
        .answer_ms = ANSWER_MS,
        .boot = p->boot,
        .seed = p->cfg.random_u32(),
        .sinks = sinks,
        .linked_sinks = p->cfg.remote.host ? sinks & 1u << NH_BATTERY_SINK_MQTT : 0,
        .dated_sinks = sinks & 1u << NH_BATTERY_SINK_INFLUX,
        .batch_max_count = {1, 1, NH_PUBLISH_BATCH_MAX_COUNT},
        .ctx = p,
        .read = on_read,
        .send = on_send,
        .cancel = on_cancel};
    return nh_publish_engine_create(&cfg, p->cfg.clock_ms(), &p->engine);
}

// What cannot be read does not keep the hub from making points.
static int make_flash(nh_battery_publish_t *p)
{
    uint32_t ring = p->cfg.ring_count, count = p->cfg.flash_count;
    const struct nh_publish_flash_config cfg = {.mem = p->cfg.mem,
                                                .store = p->cfg.store,
                                                .count = count < ring ? count : ring,
                                                .interval_ms = p->cfg.flash_ms,
                                                .period_ms = p->cfg.period_ms};
    struct nh_publish_flash_info info;
    int err = nh_publish_flash_create(&cfg, p->cfg.clock_ms(), &p->flash);
    if (err < 0)
        return err;
    err = nh_publish_flash_load(p->flash, p->engine);
    nh_publish_flash_info(p->flash, &info);
    if (err < 0 || info.damaged)
        NH_LOG_W("battery", "some waiting points of before could not be read: %s",
                 nh_err_text(err < 0 ? err : NH_ERR_CORRUPT));
    return err == NH_ERR_NOMEM ? err : NH_OK;
}

static void set_defaults(struct nh_battery_publish_config *c)
{
#define DEFAULT(field, value) c->field = c->field ? c->field : (value)
    DEFAULT(period_ms, 5000);
    DEFAULT(ring_count, 512);
    DEFAULT(flush_per_s, 10);
    DEFAULT(backoff_max_ms, 60000);
    DEFAULT(flash_count, 1024);
    DEFAULT(flash_ms, 60000);
#undef DEFAULT
}

static int make(nh_battery_publish_t *p)
{
    const uint8_t sinks = sinks_of(&p->cfg);
    int err = make_engine(p, sinks);
    if (err == 0 && sinks & 1u << NH_BATTERY_SINK_HTTP)
        err = make_post(p, false, &p->http);
    if (err == 0 && sinks & 1u << NH_BATTERY_SINK_INFLUX)
        err = make_post(p, true, &p->influx);
    if (err == 0 && sinks & 1u << NH_BATTERY_SINK_MQTT)
        err = make_mqtt(p);
    if (err == 0 && p->cfg.store)
        err = make_flash(p);
    return err;
}

int nh_battery_publish_create(const struct nh_battery_publish_config *cfg,
                              nh_battery_publish_t **out)
{
    *out = NULL;
    nh_battery_publish_t *p = nh_mem_alloc_zero(cfg->mem, sizeof *p, NH_MEM_BULK);
    if (!p)
        return NH_ERR_NOMEM;
    p->cfg = *cfg;
    set_defaults(&p->cfg);
    snprintf(p->device, sizeof p->device, "%s", cfg->device);
    while (p->boot == 0)
        p->boot = cfg->random_u32();
    p->status_at_ms = NH_NEVER;
    p->timer = (nh_timer_t){.fire = fire, .ctx = p, .name = "battery points"};
    int err = make(p);
    // The tokens have been copied to where they are used.
    p->cfg.http_token = p->cfg.influx_token = NULL;
    if (err < 0) {
        nh_battery_publish_destroy(p);
        return err;
    }
    if (p->mqtt && p->cfg.status_ms)
        p->status_at_ms = nh_ms_after(p->cfg.clock_ms(), p->cfg.status_ms);
    *out = p;
    return NH_OK;
}

int nh_battery_publish_start(nh_battery_publish_t *p)
{
    return nh_timer_arm(p->cfg.sched, &p->timer, p->cfg.clock_ms(), BEAT_MS);
}

void nh_battery_publish_destroy(nh_battery_publish_t *p)
{
    if (!p)
        return;
    nh_timer_cancel(p->cfg.sched, &p->timer);
    nh_publish_post_destroy(p->http);
    nh_publish_post_destroy(p->influx);
    if (p->flash)
        nh_publish_flash_stop(p->flash, nh_publish_engine_ring(p->engine));
    nh_publish_flash_destroy(p->flash);
    nh_publish_engine_destroy(p->engine);
    p->engine = NULL; // the connection still tells of its end
    nh_publish_mqtt_destroy(p->mqtt);
    nh_mem_free(p->cfg.mem, p);
}

void nh_battery_publish_metrics(nh_battery_publish_t *p, struct nh_battery_publish_metrics *out)
{
    nh_publish_engine_metrics(p->engine, p->cfg.clock_ms(), out);
}
