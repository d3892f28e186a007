// The route of the network's side: what comes in, what is kept, and the gateway's configuration.
// docs/battery-remote.md.

#include "components/battery_remote/battery_remote_private.h"

#include <string.h>

#define CONFIG_BODY_MAX_BYTES 1024
#define REPLY_MAX_BYTES 8192 // alerts and events are texts of others, of a few hundred bytes each

// ---- GET /api/battery/remote -------------------------------------------------------------------

static void kv_time(nh_json_writer_t *w, const char *key, uint64_t at_ms, uint64_t now_ms)
{
    if (at_ms == 0 || at_ms > now_ms)
        nh_json_kv_null(w, key);
    else
        nh_json_kv_uint(w, key, now_ms - at_ms);
}

static void write_link(nh_json_writer_t *w, const nh_battery_remote_t *r, uint64_t now_ms)
{
    static const char *const names[NH_REMOTE_SOCKET_COUNT] = {"telemetry", "events", "alerts"};
    struct nh_remote_link_info i;
    nh_remote_link_info(r->link, &i);
    nh_json_kv_bool(w, "connected", i.is_up);
    nh_json_key(w, "sockets");
    nh_json_object_begin(w);
    for (size_t n = 0; n < NH_REMOTE_SOCKET_COUNT; n++)
        nh_json_kv_bool(w, names[n], i.open[n]);
    nh_json_object_end(w);
    nh_json_kv_string(w, "reason", i.reason[0] ? i.reason : NULL);
    if (i.next_try_ms == NH_NEVER || i.next_try_ms < now_ms)
        nh_json_kv_null(w, "next_try_ms");
    else
        nh_json_kv_uint(w, "next_try_ms", i.next_try_ms - now_ms);
    nh_json_kv_uint(w, "rounds", i.rounds);
    nh_json_kv_uint(w, "reconnects", i.reconnects);
    nh_json_kv_uint(w, "frames_in", i.frames);
    nh_json_kv_uint(w, "frames_bad", i.bad_frames);
    nh_json_kv_uint(w, "values_bad", i.bad_values);
    nh_json_kv_uint(w, "messages_bad", i.bad_messages);
    kv_time(w, "last_frame_age_ms", i.last_frame_ms, now_ms);
}

static void write_alerts(nh_json_writer_t *w, const char *key, const struct nh_remote_alert *a,
                         size_t count)
{
    nh_json_key(w, key);
    nh_json_array_begin(w);
    for (; count > 0; count--, a++) {
        nh_json_object_begin(w);
        nh_json_kv_uint(w, "id", a->id);
        nh_json_kv_uint(w, "timestamp_ms", a->time_ms);
        nh_json_kv_string(w, "severity", nh_remote_severity_name(a->severity));
        nh_json_kv_bool(w, "acknowledged", a->is_acknowledged);
        nh_json_kv_bool(w, "active", !a->is_over);
        nh_json_kv_string(w, "message", a->message);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
}

static void write_events(nh_json_writer_t *w, const nh_remote_link_t *l)
{
    const struct nh_remote_event *e;
    size_t count = nh_remote_link_events(l, &e);
    nh_json_key(w, "events");
    nh_json_array_begin(w);
    for (; count > 0; count--, e++) {
        nh_json_object_begin(w);
        nh_json_kv_string(w, "type", e->type);
        nh_json_kv_string(w, "key", e->key);
        nh_json_kv_uint(w, "id", e->id);
        nh_json_kv_bool(w, "active", e->is_active);
        nh_json_kv_bool(w, "error", e->has_error);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
}

// Passwords are never shown.
static void write_settings(nh_json_writer_t *w, const nh_remote_link_t *l)
{
    const struct nh_remote_settings *pending = nh_remote_link_pending(l);
    nh_json_key(w, "config");
    nh_json_object_begin(w);
    nh_remote_settings_write(w, nh_remote_link_settings(l), ~(1u << NH_REMOTE_WIFI_PASSWORD));
    nh_json_object_end(w);
    nh_json_key(w, "pending");
    nh_json_array_begin(w);
    for (int i = 0; i < NH_REMOTE_SETTING_COUNT; i++)
        if (pending->known & 1u << i)
            nh_json_string(w, nh_remote_setting_key((enum nh_remote_setting)i));
    nh_json_array_end(w);
}

static void write_cache(nh_json_writer_t *w, const nh_battery_remote_t *r, uint64_t now_ms)
{
    struct nh_battery_remote_info i;
    nh_battery_remote_info(r, &i);
    nh_json_key(w, "kept");
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "flushes", i.flushes);
    nh_json_kv_uint(w, "flush_errors", i.flush_errors);
    nh_json_kv_uint(w, "writes_avoided", i.writes_avoided);
    kv_time(w, "last_flush_age_ms", i.last_flush_ms, now_ms);
    nh_json_kv_uint(w, "dirty_age_ms", i.dirty_age_ms);
    if (r->cache.saved_unix_ms > 0)
        nh_json_kv_int(w, "restored_unix_ms", r->cache.saved_unix_ms);
    else
        nh_json_kv_null(w, "restored_unix_ms");
    nh_json_kv_uint(w, "settings_flushes", i.settings_flushes);
    nh_json_kv_uint(w, "settings_flush_errors", i.settings_flush_errors);
    nh_json_object_end(w);
}

static void write_gateway(nh_json_writer_t *w, const nh_battery_remote_t *r)
{
    const struct nh_remote_points *p = &r->points;
    struct nh_remote_serve_info s;
    nh_remote_serve_info(r->serve, &s);
    nh_json_kv_uint(w, "clients", s.clients);
    nh_json_kv_uint(w, "clients_refused", s.refused);
    nh_json_kv_uint(w, "frames_out", s.frames);
    nh_json_kv_uint(w, "messages_out", s.messages);
    nh_json_kv_uint(w, "points_taken", p->taken);
    nh_json_kv_uint(w, "points_doubled", p->doubles);
    size_t raised = r->raised_count < 4 ? (size_t)r->raised_count : 4; // a reply has its limit
    write_alerts(w, "raised", r->raised, raised);
}

static void write_all(nh_json_writer_t *w, const nh_battery_remote_t *r, uint64_t now_ms)
{
    nh_json_object_begin(w);
    nh_json_kv_string(w, "gateway", r->link ? r->cfg.gateway : NULL);
    nh_json_kv_bool(w, "serves", r->serve);
    if (r->link)
        write_link(w, r, now_ms);
    else
        nh_json_kv_bool(w, "connected", false);
    if (r->serve)
        write_gateway(w, r);
    write_cache(w, r, now_ms);
    if (r->link) {
        const struct nh_remote_alert *alerts;
        size_t count = nh_remote_link_alerts(r->link, &alerts);
        write_settings(w, r->link);
        write_alerts(w, "alerts", alerts, count);
        write_events(w, r->link);
    }
    nh_json_object_end(w);
}

static int get_remote(nh_request_t *req)
{
    struct nh_json_buf out = {nh_arena_alloc(req->arena, REPLY_MAX_BYTES), REPLY_MAX_BYTES, 0};
    nh_json_writer_t w;
    if (!out.ptr)
        return NH_ERR_NOMEM;
    nh_json_writer_init(&w, nh_json_buf_sink, &out);
    write_all(&w, req->ctx, nh_clock_ms());
    int err = nh_json_writer_end(&w);
    return err < 0 ? err : nh_reply_bytes(req, 200, "application/json", out.ptr, out.len);
}

// ---- PUT /api/battery/remote/config ------------------------------------------------------------

static const char *first_key(uint32_t mask)
{
    for (int i = 0; i < NH_REMOTE_SETTING_COUNT; i++)
        if (mask & 1u << i)
            return nh_remote_setting_key((enum nh_remote_setting)i);
    return "body";
}

static int reply_fault(nh_request_t *req, int err, uint32_t seen)
{
    if (err == NH_ERR_TOO_LONG || err == NH_ERR_RANGE || err == NH_ERR_TYPE)
        return nh_reply_error(req, 400, "bad_value", "%s: %s. Nothing was changed.",
                              first_key(seen), nh_err_text(err));
    return nh_reply_err(req, err);
}

static int put_config(nh_request_t *req)
{
    nh_battery_remote_t *r = req->ctx;
    struct nh_remote_settings s = {0};
    uint32_t seen;
    if (!r->link)
        return nh_reply_error(req, 409, "no_gateway",
                              "battery_remote.gateway is empty: there is nobody to tell.");
    int err = nh_remote_settings_read(req->body ? req->body : "", req->body_len, &s, &seen);
    if (err == NH_OK && seen == 0)
        return nh_reply_error(req, 400, "bad_value",
                              "None of the keys is one of the gateway's configuration: %s, ...",
                              nh_remote_setting_key(NH_REMOTE_WIFI_SSID));
    if (err == NH_OK)
        nh_remote_link_change(r->link, &s, seen);
    memset(&s, 0, sizeof s);
    return err < 0 ? reply_fault(req, err, seen) : get_remote(req);
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/battery/remote",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_remote,
     .text = "The gateway, what came from it, and what is kept"},
    {.method = "PUT",
     .path = "/api/battery/remote/config",
     .body_max_bytes = CONFIG_BODY_MAX_BYTES,
     .flags = NH_ROUTE_SECRETS,
     .handle = put_config,
     .text = "Changes of the gateway's configuration; it is told as soon as it can be reached"},
    {0},
};

struct nh_route_table nh_battery_remote_routes(nh_battery_remote_t *r)
{
    return (struct nh_route_table){.routes = routes, .ctx = r, .name = "battery_remote"};
}
