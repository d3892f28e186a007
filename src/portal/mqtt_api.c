#include "portal/mqtt_api_private.h"

#include "core/base/utf8.h"

#include <stdio.h>
#include <string.h>

#define TOPIC_KEPT_BYTES 128
#define PAYLOAD_KEPT_BYTES 128
#define HEX_KEPT_BYTES 32
#define WATCH_IDLE_MS 5000 // nobody asked for messages this long: stop copying them

struct kept_message {
    uint64_t seq;
    int64_t unix_ms;
    uint32_t bytes;
    uint16_t topic_len, payload_len;
    uint8_t qos;
    bool retain;
    char topic[TOPIC_KEPT_BYTES];
    uint8_t payload[PAYLOAD_KEPT_BYTES];
};

struct nh_mqtt_api {
    struct nh_mqtt_api_config cfg;
    uint64_t clients_version;
    struct nh_mqtt_info told; // the counters the feed gave last
    uint64_t counters_version;
    // A watch runs only while somebody reads the "messages" part: the ring and the subscription
    // are made with the first reader and given back WATCH_IDLE_MS after the last.
    nh_mqtt_local_t *watch;
    struct kept_message *kept;
    uint64_t seq;
    uint64_t first_seq; // the oldest that this watch can have kept; the ring is empty before it
    uint64_t asked_ms;
    nh_timer_t watch_end;
};

int nh_mqtt_api_create(const struct nh_mqtt_api_config *cfg, nh_mqtt_api_t **out)
{
    nh_mqtt_api_t *a = nh_mem_alloc_zero(cfg->mem, sizeof *a, NH_MEM_BULK);
    *out = a;
    if (!a)
        return NH_ERR_NOMEM;
    a->cfg = *cfg;
    if (a->cfg.message_count == 0)
        a->cfg.message_count = 32;
    a->clients_version = 1;
    a->counters_version = 1;
    return 0;
}

size_t nh_mqtt_api__told_len(const void *bytes, size_t len, size_t max)
{
    if (len <= max)
        return len;
    size_t whole = nh_utf8_valid_len(bytes, max, true);
    return max - whole < 4 ? whole : max;
}

static void keep_message(void *ctx, const struct nh_mqtt_message *m)
{
    nh_mqtt_api_t *a = ctx;
    if (!a->kept)
        return;
    struct kept_message *k = &a->kept[a->seq % a->cfg.message_count];
    k->seq = ++a->seq;
    k->unix_ms = a->cfg.clock_unix_ms();
    k->bytes = (uint32_t)m->payload.len;
    k->qos = m->qos;
    k->retain = m->retain;
    k->topic_len = (uint16_t)nh_mqtt_api__told_len(m->topic.ptr, m->topic.len, TOPIC_KEPT_BYTES);
    k->payload_len =
        (uint16_t)nh_mqtt_api__told_len(m->payload.ptr, m->payload.len, PAYLOAD_KEPT_BYTES);
    memcpy(k->topic, m->topic.ptr, k->topic_len);
    memcpy(k->payload, m->payload.ptr, k->payload_len);
}

static void watch_stop(nh_mqtt_api_t *a)
{
    if (a->watch)
        nh_mqtt_local_unsubscribe(a->cfg.broker, a->watch);
    a->watch = NULL;
    nh_mem_free(a->cfg.mem, a->kept);
    a->kept = NULL;
    if (nh_timer_is_armed(&a->watch_end))
        nh_timer_cancel(a->cfg.sched, &a->watch_end);
}

// Nobody says goodbye to a part of the feed; who watches asks for its version again and again.
static void watch_look(void *ctx, struct nh_timer *t, uint64_t now_ms)
{
    nh_mqtt_api_t *a = ctx;
    if (now_ms - a->asked_ms < WATCH_IDLE_MS &&
        nh_timer_arm(a->cfg.sched, t, a->asked_ms + WATCH_IDLE_MS, 0) == 0)
        return;
    watch_stop(a);
}

static void watch_start(nh_mqtt_api_t *a)
{
    a->kept = nh_mem_alloc_zero(a->cfg.mem, sizeof *a->kept * a->cfg.message_count, NH_MEM_BULK);
    a->first_seq = a->seq + 1;
    int err = a->kept ? nh_mqtt_local_subscribe(a->cfg.broker, "#", keep_message, a, &a->watch)
                      : NH_ERR_NOMEM;
    a->watch_end.fire = watch_look;
    a->watch_end.ctx = a;
    a->watch_end.name = "mqtt watch";
    if (err == 0)
        err = nh_timer_arm(a->cfg.sched, &a->watch_end, a->asked_ms + WATCH_IDLE_MS, 0);
    if (err < 0)
        watch_stop(a); // tried again when the version is asked for the next time
}

void nh_mqtt_api_destroy(nh_mqtt_api_t *a)
{
    if (!a)
        return;
    watch_stop(a);
    nh_mem_free(a->cfg.mem, a);
}

const struct nh_mqtt_api_config *nh_mqtt_api__config(const nh_mqtt_api_t *a)
{
    return &a->cfg;
}

void nh_mqtt_api_clients_changed(nh_mqtt_api_t *a)
{
    a->clients_version++;
}

int nh_mqtt_api__reply_ok(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "ok", true);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// ---- /api/mqtt ----------------------------------------------------------------------------------

static void kv_qos(nh_json_writer_t *w, const char *key, const uint64_t qos[3])
{
    nh_json_key(w, key);
    nh_json_array_begin(w);
    for (int i = 0; i < 3; i++)
        nh_json_uint(w, qos[i]);
    nh_json_array_end(w);
}

static void write_counters(nh_json_writer_t *w, const struct nh_mqtt_info *i)
{
    nh_json_key(w, "counters");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "clients", i->conn_count);
    nh_json_kv_uint(w, "sessions", i->session_count);
    nh_json_kv_uint(w, "subscriptions", i->subscription_count);
    nh_json_kv_uint(w, "retained", i->retained_count);
    nh_json_kv_uint(w, "retained_bytes", i->retained_bytes);
    nh_json_kv_uint(w, "retained_changes", i->retained_changes);
    nh_json_kv_uint(w, "inflight", i->inflight_count);
    nh_json_kv_uint(w, "queued_messages", i->queued_messages);
    nh_json_kv_uint(w, "queued_bytes", i->queued_bytes);
    nh_json_kv_uint(w, "messages_in", i->messages_in);
    nh_json_kv_uint(w, "messages_out", i->messages_out);
    nh_json_kv_uint(w, "bytes_in", i->bytes_in);
    nh_json_kv_uint(w, "bytes_out", i->bytes_out);
    kv_qos(w, "messages_in_qos", i->messages_in_qos);
    kv_qos(w, "messages_out_qos", i->messages_out_qos);
    nh_json_kv_uint(w, "dropped_queue_full", i->dropped_queue_full);
    nh_json_kv_uint(w, "dropped_no_memory", i->dropped_no_memory);
    nh_json_kv_uint(w, "refused_connects", i->refused_connects);
    nh_json_kv_uint(w, "protocol_errors", i->protocol_errors);
    nh_json_kv_uint(w, "keepalive_timeouts", i->keepalive_timeouts);
    nh_json_kv_uint(w, "takeovers", i->takeovers);
    nh_json_kv_uint(w, "retained_refused", i->retained_refused);
    nh_json_kv_uint(w, "connects_total", i->connects_total);
    nh_json_kv_uint(w, "clients_5", i->v5_count);
    nh_json_kv_uint(w, "shared_groups", i->group_count);
    nh_json_kv_uint(w, "wills_waiting", i->will_count);
    nh_json_kv_uint(w, "sessions_expired", i->sessions_expired);
    nh_json_kv_uint(w, "messages_expired", i->messages_expired);
    nh_json_kv_uint(w, "dropped_too_large", i->dropped_too_large);
    nh_json_kv_uint(w, "shared_moved", i->shared_moved);
    nh_json_kv_uint(w, "refused_connect_rate", i->refused_connect_rate);
    nh_json_kv_uint(w, "publish_refused", i->publish_refused);
    nh_json_kv_uint(w, "publish_denied", i->publish_denied);
    nh_json_kv_uint(w, "subscribe_denied", i->subscribe_denied);
    nh_json_kv_uint(w, "publish_slowed", i->publish_slowed);
    nh_json_kv_uint(w, "pushbacks", i->pushbacks);
    nh_json_kv_uint(w, "sessions_evicted", i->sessions_evicted);
    nh_json_kv_uint(w, "store_commits", i->store_commits);
    nh_json_kv_uint(w, "store_commit_max_ms", i->store_commit_max_ms);
    nh_json_kv_uint(w, "store_records", i->store_records);
    nh_json_kv_uint(w, "store_bytes", i->store_bytes);
    nh_json_kv_uint(w, "store_errors", i->store_errors);
    nh_json_kv_uint(w, "store_holds", i->store_holds);
    nh_json_kv_uint(w, "store_damaged", i->store_damaged);
    nh_json_kv_string(w, "store_error", i->store_error ? nh_err_text(i->store_error) : NULL);
    nh_json_kv_bool(w, "store_full", i->store_is_full);
    nh_json_kv_uint(w, "paged_messages", i->paged_messages);
    nh_json_kv_uint(w, "paged_bytes", i->paged_bytes);
    nh_json_object_end(w);
}

static void write_limits(nh_json_writer_t *w, const struct nh_mqtt_broker_config *l)
{
    nh_json_key(w, "limits");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "clients", l->conn_max_count);
    nh_json_kv_uint(w, "sessions", l->session_max_count);
    nh_json_kv_uint(w, "subscriptions_each", l->subscription_max_count);
    nh_json_kv_uint(w, "packet_bytes", l->packet_max_bytes);
    nh_json_kv_uint(w, "topic_bytes", l->topic_max_bytes);
    nh_json_kv_uint(w, "topic_levels", l->topic_level_max);
    nh_json_kv_uint(w, "queue_bytes", l->queue_max_bytes);
    nh_json_kv_uint(w, "queue_messages", l->queue_max_messages);
    nh_json_kv_uint(w, "inflight", l->inflight_max);
    nh_json_kv_uint(w, "retained_bytes", l->retained_max_bytes);
    nh_json_kv_uint(w, "retained", l->retained_max_count);
    nh_json_kv_uint(w, "connects_per_s", l->connect_rate_max);
    nh_json_kv_uint(w, "messages_per_s_each", l->publish_rate_max);
    nh_json_kv_uint(w, "publish_form_bytes", NH_MQTT_API_PAYLOAD_MAX_BYTES);
    nh_json_object_end(w);
}

static void write_connections(nh_json_writer_t *w, const nh_mqtt_api_t *a)
{
    struct nh_stream_set_info s;
    if (!a->cfg.streams)
        return;
    a->cfg.streams(a->cfg.ctx, &s);
    nh_json_key(w, "connections");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "open", s.conn_count);
    nh_json_kv_uint(w, "accepted", s.accepted);
    nh_json_kv_uint(w, "refused", s.refused);
    nh_json_kv_uint(w, "handshakes", s.handshake_count);
    nh_json_kv_uint(w, "handshake_failures", s.handshake_failures);
    nh_json_kv_uint(w, "handshake_timeouts", s.handshake_timeouts);
    nh_json_object_end(w);
}

static void write_durability(nh_json_writer_t *w, const nh_mqtt_api_t *a)
{
    const struct nh_mqtt_broker_config *l = &a->cfg.limits;
    struct nh_records_info s;
    nh_json_key(w, "durability");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "mode",
                      !l->persist.commit                  ? "memory"
                      : l->durability == NH_MQTT_INTERVAL ? "interval"
                                                          : "durable");
    if (l->persist.commit && l->durability == NH_MQTT_INTERVAL)
        nh_json_kv_uint(w, "interval_ms", l->durability_interval_ms);
    if (l->persist.commit && a->cfg.store) {
        a->cfg.store(a->cfg.ctx, &s);
        nh_json_kv_uint(w, "used_bytes", s.used_bytes);
        nh_json_kv_uint(w, "file_bytes", s.file_bytes);
        nh_json_kv_uint(w, "max_bytes", s.max_bytes);
    }
    nh_json_object_end(w);
}

static int get_mqtt(nh_request_t *req)
{
    nh_mqtt_api_t *a = req->ctx;
    struct nh_mqtt_info info;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_mqtt_broker_info(a->cfg.broker, &info);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "listener", a->cfg.listen);
    nh_json_kv_uint(w, "uptime_ms", a->cfg.clock_ms());
    write_limits(w, &a->cfg.limits);
    write_counters(w, &info);
    write_connections(w, a);
    write_durability(w, a);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

// ---- what the lists share -----------------------------------------------------------------------

int nh_mqtt_api__number(nh_request_t *req, const char *name, uint32_t max, size_t *out)
{
    const char *text = nh_request_param(req, name);
    uint64_t v = 0;
    if (!text)
        return 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && v <= max; p++)
        v = v * 10 + (uint64_t)(*p - '0');
    if (p == text || *p || v > max) {
        NH_IGNORE(nh_reply_error(req, 400, "bad_value", "%s is \"%.32s\"; it can be 0 to %u.", name,
                                 text, (unsigned)max));
        return NH_ERR_RANGE;
    }
    *out = (size_t)v;
    return 0;
}

void nh_mqtt_api__payload(nh_json_writer_t *w, const uint8_t *bytes, size_t len)
{
    size_t n = nh_mqtt_api__told_len(bytes, len, PAYLOAD_KEPT_BYTES);
    nh_json_key(w, "payload");
    if (nh_utf8_is_valid(bytes, n, true)) {
        nh_json_string_n(w, (const char *)bytes, n);
        return;
    }
    nh_json_null(w);
    char hex[2 * HEX_KEPT_BYTES + 1];
    n = len < HEX_KEPT_BYTES ? len : HEX_KEPT_BYTES;
    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    hex[2 * n] = 0;
    nh_json_kv_string(w, "hex", hex);
}

void nh_mqtt_api__kv_more(nh_json_writer_t *w, const struct nh_mqtt_message *m)
{
    if (m->props.len || m->expires_ms)
        nh_json_kv_bool(w, "has_properties", true);
}

// ---- the feed -----------------------------------------------------------------------------------

// Whatever moves a counter moves one of these.
static bool has_moved(const struct nh_mqtt_info *a, const struct nh_mqtt_info *b)
{
    return a->bytes_in != b->bytes_in || a->bytes_out != b->bytes_out ||
           a->messages_in != b->messages_in || a->conn_count != b->conn_count ||
           a->session_count != b->session_count || a->retained_count != b->retained_count ||
           a->queued_bytes != b->queued_bytes || a->refused_connects != b->refused_connects ||
           a->dropped_no_memory != b->dropped_no_memory || a->store_errors != b->store_errors ||
           a->store_error != b->store_error || a->store_is_full != b->store_is_full;
}

static uint64_t counters_version(void *ctx)
{
    nh_mqtt_api_t *a = ctx;
    struct nh_mqtt_info info;
    nh_mqtt_broker_info(a->cfg.broker, &info);
    if (has_moved(&info, &a->told)) {
        a->told = info;
        a->counters_version++;
    }
    return a->counters_version;
}

static uint64_t counters_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    nh_mqtt_api_t *a = ctx;
    (void)since;
    nh_json_object_begin(w);
    write_counters(w, &a->told);
    nh_json_object_end(w);
    return a->counters_version;
}

static uint64_t clients_version(void *ctx)
{
    nh_mqtt_api_t *a = ctx;
    return a->clients_version;
}

static uint64_t clients_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    nh_mqtt_api_t *a = ctx;
    (void)since;
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "changed", true);
    nh_json_object_end(w);
    return a->clients_version;
}

static uint64_t messages_version(void *ctx)
{
    nh_mqtt_api_t *a = ctx;
    a->asked_ms = a->cfg.clock_ms();
    if (!a->watch)
        watch_start(a);
    return a->seq + 1; // 0 would mean that nothing was told yet
}

static void write_message(nh_json_writer_t *w, const struct kept_message *k)
{
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "seq", k->seq);
    nh_json_kv_int(w, "unix_ms", k->unix_ms);
    nh_json_key(w, "topic");
    nh_json_string_n(w, k->topic, k->topic_len);
    nh_mqtt_api__payload(w, k->payload, k->payload_len);
    nh_json_kv_uint(w, "bytes", k->bytes);
    nh_json_kv_uint(w, "qos", k->qos);
    nh_json_kv_bool(w, "retain", k->retain);
    nh_json_object_end(w);
}

#define MESSAGE_MAX_BYTES 1700

static uint64_t messages_write(void *ctx, nh_json_writer_t *w, uint64_t since)
{
    nh_mqtt_api_t *a = ctx;
    uint64_t next = since > 0 ? since : 1, start = w->written_bytes;
    uint64_t oldest = a->first_seq;
    if (a->seq >= oldest + a->cfg.message_count)
        oldest = a->seq - a->cfg.message_count + 1;
    uint64_t missed = since > 0 && oldest > next ? oldest - next : 0;
    if (next < oldest)
        next = oldest;
    nh_json_object_begin(w);
    nh_json_key(w, "messages");
    nh_json_array_begin(w);
    for (; a->kept && next <= a->seq && w->written_bytes - start < 3072 - MESSAGE_MAX_BYTES; next++)
        write_message(w, &a->kept[(next - 1) % a->cfg.message_count]);
    nh_json_array_end(w);
    nh_json_kv_uint(w, "missed", missed);
    nh_json_object_end(w);
    return next;
}

void nh_mqtt_api_feed_parts(nh_mqtt_api_t *a, nh_feed_part_t out[NH_MQTT_API_FEED_COUNT])
{
    out[0] = (nh_feed_part_t){"mqtt", 1000, counters_version, counters_write, a};
    out[1] = (nh_feed_part_t){"clients", 1000, clients_version, clients_write, a};
    out[2] = (nh_feed_part_t){"messages", 100, messages_version, messages_write, a};
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/mqtt",
     .handle = get_mqtt,
     .text = "The broker's counters and limits"},
    {.method = "GET",
     .path = "/api/mqtt/clients",
     .handle = nh_mqtt_api__get_clients,
     .text = "Clients and kept sessions: searched, ordered, by page"},
    {.method = "GET",
     .path = "/api/mqtt/retained",
     .handle = nh_mqtt_api__get_retained,
     .text = "Retained messages, by page"},
    {.method = "GET",
     .path = "/api/mqtt/topics",
     .handle = nh_mqtt_api__get_topics,
     .text = "Retained topics below one, a level at a time"},
    {.method = "GET",
     .path = "/api/mqtt/subscriptions",
     .handle = nh_mqtt_api__get_subscriptions,
     .text = "Subscriptions of a client"},
    {.method = "POST",
     .path = "/api/mqtt/publish",
     .body_max_bytes = 8192,
     .handle = nh_mqtt_api__post_publish,
     .text = "Publish a message"},
    {.method = "POST",
     .path = "/api/mqtt/disconnect",
     .body_max_bytes = 2048,
     .handle = nh_mqtt_api__post_disconnect,
     .text = "Disconnect a client; its session stays"},
    {.method = "POST",
     .path = "/api/mqtt/forget",
     .body_max_bytes = 2048,
     .handle = nh_mqtt_api__post_forget,
     .text = "End a client's session"},
    {0},
};

struct nh_route_table nh_mqtt_api_routes(nh_mqtt_api_t *a)
{
    return (struct nh_route_table){.routes = routes, .ctx = a, .name = "mqtt"};
}
