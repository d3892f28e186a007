// The hub's own routes: what it is, and starting it anew.

#include "hub/hub_parts.h"

#include <stdio.h>

#define RESTART_AFTER_MS 100 // the reply must reach its reader first

static void write_board(struct nh_hub *hub, nh_json_writer_t *w)
{
    nh_json_key(w, "board");
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", hub->board->name);
    nh_json_kv_string(w, "text", hub->board->text);
    nh_json_kv_uint(w, "internal_bytes", hub->board->internal_bytes);
    nh_json_kv_uint(w, "psram_bytes", hub->board->psram_bytes);
    nh_json_object_end(w);
}

static void kv_text_or_null(nh_json_writer_t *w, const char *key, const char *text)
{
    nh_json_kv_string(w, key, text && text[0] ? text : NULL);
}

static void write_info(struct nh_hub *hub, nh_json_writer_t *w, const char *user)
{
    nh_json_kv_string(w, "name", hub->cfg.name);
    nh_json_kv_string(w, "hostname", hub->host.hostname);
    nh_json_kv_string(w, "version", NH_VERSION);
    write_board(hub, w);
    nh_json_kv_uint(w, "uptime_ms", nh_clock_ms() - hub->started_ms);
    nh_json_kv_int(w, "unix_ms", nh_clock_unix_ms());
    nh_json_key(w, "config");
    nh_json_object_begin(w);
    kv_text_or_null(w, "file", hub->options.config_file);
    nh_json_kv_uint(w, "generation", nh_settings_generation(hub->settings));
    nh_json_object_end(w);
    nh_json_key(w, "listeners");
    nh_json_object_begin(w);
    kv_text_or_null(w, "http", hub->http_address);
    kv_text_or_null(w, "https", hub->https_address);
    kv_text_or_null(w, "mqtt", hub->mqtt_address);
    nh_json_object_end(w);
    nh_json_key(w, "mqtt_listeners");
    nh_hub__write_listeners(hub, w);
    nh_json_key(w, "auth");
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "required", nh_accounts_is_required(hub->accounts));
    kv_text_or_null(w, "user", user);
    nh_json_object_end(w);
}

// With the broker's listeners and the panel's screens it is more than a small reply takes.
#define INFO_MAX_BYTES 6144

static int get_info(nh_request_t *req)
{
    struct nh_hub *hub = req->ctx;
    struct nh_json_buf buf = {.ptr = nh_arena_alloc(req->arena, INFO_MAX_BYTES),
                              .cap = INFO_MAX_BYTES};
    nh_json_writer_t w;
    if (!buf.ptr)
        return NH_ERR_NOMEM;
    if (hub->host_read_ms == 0)
        nh_host_info_get(&hub->host);
    nh_json_writer_init(&w, nh_json_buf_sink, &buf);
    nh_json_object_begin(&w);
    write_info(hub, &w, req->user);
    nh_hub__write_old_info(hub, &w);
    nh_json_object_end(&w);
    int err = nh_json_writer_end(&w);
    return err < 0 ? err : nh_reply_bytes(req, 200, "application/json", buf.ptr, buf.len);
}

static void restart(void *ctx, struct nh_timer *t, uint64_t now_ms)
{
    struct nh_hub *hub = ctx;
    (void)t;
    (void)now_ms;
    hub->wants_restart = !hub->is_told_to_stop;
    nh_loop_stop(hub->loop);
}

int nh_hub__restart_soon(struct nh_hub *hub)
{
    hub->restart.fire = restart;
    hub->restart.ctx = hub;
    hub->restart.name = "restart";
    return nh_timer_arm(hub->sched, &hub->restart, nh_clock_ms() + RESTART_AFTER_MS, 0);
}

static int post_reboot(nh_request_t *req)
{
    struct nh_hub *hub = req->ctx;
    int err = nh_hub__restart_soon(hub);
    nh_json_writer_t *w = err < 0 ? NULL : nh_reply_json(req, 200);
    if (!w)
        return err < 0 ? err : NH_ERR_NOMEM;
    NH_LOG_I("hub", "restart asked for by %s", req->peer);
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "success", true);
    nh_json_kv_string(w, "message", "Rebooting device...");
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/info",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_info,
     .text = "What this hub is"},
    {.method = "POST",
     .path = "/api/reboot",
     .flags = NH_ROUTE_UNHEARD,
     .handle = post_reboot,
     .text = "Start the hub anew"},
    {0},
};

struct nh_route_table nh_hub__routes(struct nh_hub *hub)
{
    return (struct nh_route_table){.routes = routes, .ctx = hub, .name = "hub"};
}
