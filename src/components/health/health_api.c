// The routes of health: thin, no state.

#include "components/health/health_state.h"

// ---- /api/health: the flat object
// ----------------------------------------------------------------

// The extremes of the interval that ended last, joined with those of the running one: reading them
// resets nothing, so two readers cannot rob each other.
static void window(nh_health_t *h, enum nh_mem_tier tier, struct nh_mem_window *out)
{
    const struct nh_mem_window *last = &h->window[tier];
    nh_mem_window_get(h->sys, tier, false, out);
    if (!h->has_window)
        return;
    if (last->free_min_bytes < out->free_min_bytes)
        out->free_min_bytes = last->free_min_bytes;
    if (last->free_max_bytes > out->free_max_bytes)
        out->free_max_bytes = last->free_max_bytes;
    if (last->largest_min_bytes < out->largest_min_bytes)
        out->largest_min_bytes = last->largest_min_bytes;
    if (last->frag_max_pct > out->frag_max_pct)
        out->frag_max_pct = last->frag_max_pct;
}

static void write_windows(nh_health_t *h, nh_json_writer_t *w)
{
    struct nh_mem_window win;
    window(h, NH_MEM_INTERNAL, &win);
    nh_json_kv_uint(w, "heap_internal_free_min_window", win.free_min_bytes);
    nh_json_kv_uint(w, "heap_internal_free_max_window", win.free_max_bytes);
    nh_json_kv_uint(w, "heap_internal_largest_min_window", win.largest_min_bytes);
    nh_json_kv_uint(w, "heap_fragmentation_max_window", win.frag_max_pct);
    window(h, NH_MEM_PSRAM, &win);
    nh_json_kv_uint(w, "psram_free_min_window", win.free_min_bytes);
    nh_json_kv_uint(w, "psram_free_max_window", win.free_max_bytes);
    nh_json_kv_uint(w, "psram_largest_min_window", win.largest_min_bytes);
    nh_json_kv_uint(w, "psram_fragmentation_max_window", win.frag_max_pct);
}

static void write_heaps(nh_json_writer_t *w, const struct nh_mem_snapshot *s)
{
    const struct nh_mem_tier_info *i = &s->tier[NH_MEM_INTERNAL], *p = &s->tier[NH_MEM_PSRAM];
    nh_json_kv_uint(w, "heap_free", i->free_bytes);
    nh_json_kv_uint(w, "heap_min", i->min_free_bytes);
    nh_json_kv_uint(w, "heap_largest", i->largest_free_bytes);
    nh_json_kv_uint(w, "heap_internal_free", i->free_bytes);
    nh_json_kv_uint(w, "heap_internal_min", i->min_free_bytes);
    nh_json_kv_uint(w, "heap_internal_largest", i->largest_free_bytes);
    nh_json_kv_uint(w, "psram_free", p->free_bytes);
    nh_json_kv_uint(w, "psram_min", p->min_free_bytes);
    nh_json_kv_uint(w, "psram_largest", p->largest_free_bytes);
    nh_json_kv_uint(w, "heap_fragmentation", i->frag_pct);
    nh_json_kv_uint(w, "psram_fragmentation", p->frag_pct);
}

static void write_storage(nh_json_writer_t *w, const struct nh_health_facts *f)
{
    bool is_known = f->fs_total_bytes >= 0;
    nh_health__kv_known(w, "flash_used", f->program_bytes);
    nh_health__kv_known(w, "flash_total",
                        f->program_bytes < 0 || !is_known
                            ? -1
                            : f->program_bytes + f->fs_total_bytes - f->fs_used_bytes);
    nh_json_kv_string(w, "fs_type", is_known ? "host" : NULL);
    if (is_known)
        nh_json_kv_bool(w, "fs_mounted", true);
    else
        nh_json_kv_null(w, "fs_mounted");
    nh_health__kv_known(w, "fs_used_bytes", f->fs_used_bytes);
    nh_health__kv_known(w, "fs_total_bytes", f->fs_total_bytes);
}

// The hub is its own broker, so its telemetry is always "connected"; what a broker of Home
// Assistant's gets is told in its place.
static void write_mqtt(const nh_health_t *h, nh_json_writer_t *w, const struct nh_health_facts *f,
                       uint64_t now_ms)
{
    bool is_on = f->has_link || h->cfg.publish != NULL;
    uint64_t at_ms = f->has_link ? f->link_published_ms : h->published_ms;
    nh_json_kv_bool(w, "mqtt_enabled", is_on);
    nh_json_kv_bool(w, "mqtt_publish_enabled",
                    f->has_link ? f->has_link_interval : f->is_published);
    nh_json_kv_bool(w, "mqtt_connected", f->has_link ? f->is_link_up : is_on);
    nh_health__kv_known(w, "mqtt_last_health_publish_ms", at_ms ? (int64_t)at_ms : -1);
    nh_health__kv_known(w, "mqtt_health_publish_age_ms", at_ms ? (int64_t)(now_ms - at_ms) : -1);
}

static void write_api_only(nh_health_t *h, nh_json_writer_t *w, const struct nh_mem_snapshot *s,
                           const struct nh_health_facts *f)
{
    nh_health__kv_known(w, "cpu_freq", f->cpu_freq_mhz);
    nh_json_kv_uint(w, "heap_size", s->tier[NH_MEM_INTERNAL].size_bytes);
    write_windows(h, w);
    nh_json_kv_null(w, "wifi_channel");
    nh_json_kv_string(w, "ip_address", f->address);
    nh_json_kv_string(w, "hostname", f->hostname);
}

static void write_figures(nh_health_t *h, nh_json_writer_t *w, bool is_api)
{
    struct nh_health_facts f;
    struct nh_mem_snapshot s;
    uint64_t now_ms = h->cfg.clock_ms();
    nh_health__facts(h, &f);
    nh_mem_figures(h->sys, &s);
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "uptime_seconds", (now_ms - h->started_ms) / 1000);
    nh_json_kv_string(w, "reset_reason", f.reset_reason);
    nh_health__kv_known(w, "cpu_usage", f.cpu_usage_pct);
    nh_health__kv_known(w, "cpu_temperature", f.cpu_temperature_c);
    write_heaps(w, &s);
    write_storage(w, &f);
    write_mqtt(h, w, &f, now_ms);
    nh_health__kv_known(w, "display_fps", f.display_fps);
    nh_health__kv_known(w, "display_lv_timer_us", f.display_pass_us);
    nh_health__kv_known(w, "display_present_us", f.display_present_us);
    nh_json_kv_null(w, "wifi_rssi");
    if (is_api)
        write_api_only(h, w, &s, &f);
    nh_json_object_end(w);
}

void nh_health__write_health(nh_health_t *h, nh_json_writer_t *w)
{
    write_figures(h, w, true);
}

void nh_health_write_state(nh_health_t *h, nh_json_writer_t *w)
{
    write_figures(h, w, false);
}

static int get_health(nh_request_t *req)
{
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_health__write_health(req->ctx, w);
    return nh_reply_json_end(req);
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/health",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_health,
     .text = "All health figures, flat"},
    {.method = "GET",
     .path = "/metrics",
     .flags = NH_ROUTE_OPERATOR,
     .handle = nh_health__metrics,
     .text = "The same for Prometheus"},
    {.method = "GET",
     .path = "/api/memory",
     .flags = NH_ROUTE_OPERATOR,
     .handle = nh_health__get_memory,
     .text = "Tiers, owners, tasks"},
    {.method = "GET",
     .path = "/api/memory/map",
     .handle = nh_health__get_map,
     .text = "Every block of a tier by owner"},
    {.method = "GET",
     .path = "/api/memory/history",
     .flags = NH_ROUTE_OPERATOR,
     .handle = nh_health__get_history,
     .text = "Snapshots kept, oldest first"},
    {.method = "POST",
     .path = "/api/memory/snapshot",
     .body_max_bytes = 256,
     .handle = nh_health__post_snapshot,
     .text = "Take a snapshot with a tag"},
    {.method = "GET",
     .path = "/api/log",
     .handle = nh_health__get_log,
     .text = "Log lines kept, oldest first"},
    {0},
};

struct nh_route_table nh_health_routes(nh_health_t *h)
{
    return (struct nh_route_table){.routes = routes, .ctx = h, .name = "health"};
}
