// The route of the network's side: what comes in, what is kept, and the gateway's configuration.
// docs/battery-remote.md.

#include "components/battery_remote/battery_remote_private.h"

#include <stdio.h>
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

static void write_names(nh_json_writer_t *w, const char *key, uint32_t mask)
{
    nh_json_key(w, key);
    nh_json_array_begin(w);
    for (int i = 0; i < NH_REMOTE_SETTING_COUNT; i++)
        if (mask & 1u << i)
            nh_json_string(w, nh_remote_setting_key((enum nh_remote_setting)i));
    nh_json_array_end(w);
}

static const char *refusal_of(int status)
{
    return status == 404 || status == 405 ? "this gateway cannot be told that here"
           : status == 403                ? "battery_remote.user may not change it"
           : status < 500                 ? "this gateway does not take it"
                                          : "this gateway could not take it";
}

// Why a change was not taken. The gateway's own words are left out: a password may be in them.
static void write_refusal(nh_json_writer_t *w, const nh_remote_link_t *l, uint64_t now_ms)
{
    struct nh_remote_link_info i;
    char text[160];
    nh_remote_link_info(l, &i);
    if (i.refused == 0) {
        nh_json_kv_null(w, "config_error");
        return;
    }
    snprintf(text, sizeof text, "POST %s was answered %d: %s; %s",
             i.refused & NH_REMOTE_MQTT_SETTINGS ? "/api/mqtt/config" : "/api/config",
             i.refused_status, refusal_of(i.refused_status),
             i.is_given_up ? "it is given up" : "it is told again with the next round");
    nh_json_key(w, "config_error");
    nh_json_object_begin(w);
    write_names(w, "keys", i.refused);
    nh_json_kv_int(w, "status", i.refused_status);
    nh_json_kv_bool(w, "given_up", i.is_given_up);
    nh_json_kv_string(w, "text", text);
    kv_time(w, "age_ms", i.refused_ms, now_ms);
    nh_json_object_end(w);
}

// Passwords are never shown.
static void write_settings(nh_json_writer_t *w, const nh_remote_link_t *l, uint64_t now_ms)
{
    const struct nh_remote_settings *pending = nh_remote_link_pending(l);
    nh_json_key(w, "config");
    nh_json_object_begin(w);
    nh_remote_settings_write(w, nh_remote_link_settings(l), ~(1u << NH_REMOTE_WIFI_PASSWORD));
    nh_json_object_end(w);
    write_names(w, "pending", pending->known);
    write_refusal(w, l, now_ms);
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
        write_settings(w, r->link, now_ms);
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

// All of them, one after the other.
static const char *known_keys(char *out, size_t cap)
{
    size_t len = 0;
    for (int i = 0; i < NH_REMOTE_SETTING_COUNT && len < cap; i++)
        len += (size_t)snprintf(out + len, cap - len, "%s%s", i ? ", " : "",
                                nh_remote_setting_key((enum nh_remote_setting)i));
    return out;
}

static int reply_fault(nh_request_t *req, int err, const struct nh_remote_settings_fault *f)
{
    char keys[200], text[96];
    const char *limit = f->is_unknown ? known_keys(keys, sizeof keys) : f->limit;
    if (!f->field[0])
        return nh_reply_err(req, err);
    snprintf(text, sizeof text, "%s",
             f->is_unknown ? "the gateway's configuration has no such key" : nh_err_text(err));
    nh_json_writer_t *w =
        nh_reply_error_details(req, 400, f->is_unknown ? "unknown_key" : "bad_value",
                               "%s: %s%s%s; allowed: %s. Nothing was changed.", f->field, text,
                               f->value[0] ? "; has " : "", f->value, limit);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "field", f->field);
    nh_json_kv_string(w, "value", f->value);
    nh_json_kv_string(w, "limit", limit);
    nh_json_kv_string(w, "text", text);
    nh_json_object_end(w);
    return nh_reply_error_end(req);
}

static int reply_alone(nh_request_t *req)
{
    return nh_reply_error(req, 409, "no_gateway",
                          "battery_remote.gateway is empty: there is nobody to tell.");
}

static int delete_config(nh_request_t *req)
{
    nh_battery_remote_t *r = req->ctx;
    if (!r->link)
        return reply_alone(req);
    nh_remote_link_withdraw(r->link);
    return get_remote(req);
}

static int put_config(nh_request_t *req)
{
    nh_battery_remote_t *r = req->ctx;
    struct nh_remote_settings s = {0};
    struct nh_remote_settings_fault fault = {0};
    uint32_t seen;
    if (!r->link)
        return reply_alone(req);
    int err = nh_remote_settings_take(req->body ? req->body : "", req->body_len, &s, &seen, &fault);
    if (err == NH_OK && fault.key_count == 0)
        return delete_config(req); // an empty object
    if (err == NH_OK)
        nh_remote_link_change(r->link, &s, seen);
    memset(&s, 0, sizeof s);
    return err < 0 ? reply_fault(req, err, &fault) : get_remote(req);
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
    {.method = "DELETE",
     .path = "/api/battery/remote/config",
     .handle = delete_config,
     .text = "Takes back what the gateway was not told yet; so does an empty object"},
    {0},
};

struct nh_route_table nh_battery_remote_routes(nh_battery_remote_t *r)
{
    return (struct nh_route_table){.routes = routes, .ctx = r, .name = "battery_remote"};
}
