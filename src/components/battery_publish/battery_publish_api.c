// The route of the publisher: thin, no state. docs/battery-publish.md, section "Figures".

#include "components/battery_publish/battery_publish_private.h"

static void kv_age(nh_json_writer_t *w, const char *key, uint64_t at_ms, uint64_t now_ms)
{
    if (at_ms)
        nh_json_kv_uint(w, key, now_ms > at_ms ? now_ms - at_ms : 0);
    else
        nh_json_kv_null(w, key);
}

static void write_figures(nh_json_writer_t *w, const struct nh_battery_publish_metrics *m)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"produced", m->produced},
        {"restored", m->restored},
        {"published_points", m->published_points},
        {"overwritten", m->overwritten},
        {"buffered_points", m->buffered_points},
        {"buffer_capacity", m->buffer_capacity},
        {"oldest_age_ms", m->oldest_age_ms},
        {"publish_errors", m->publish_errors},
        {"skipped", m->skipped},
        {"missed", m->missed},
        {"contention", m->contention},
        {"last_sync_ms", m->last_sync_ms},
        {"last_duration_ms", m->last_duration_ms},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        nh_json_kv_uint(w, rows[i].name, rows[i].value);
}

static void write_sink(const nh_battery_publish_t *p, nh_json_writer_t *w,
                       const struct nh_battery_publish_metrics *m, enum nh_battery_sink sink,
                       uint64_t now_ms)
{
    const uint64_t next_ms = m->sink[sink].next_try_ms;
    const char *reason = nh_battery_publish__reason(p, sink);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", nh_battery_publish__sink_name(sink));
    nh_json_kv_string(w, "address", nh_battery_publish__address(p, sink));
    nh_json_kv_bool(w, "online", m->sink[sink].is_online);
    nh_json_kv_string(w, "reason", reason[0] ? reason : NULL);
    nh_json_kv_uint(w, "owed", m->sink[sink].owed);
    nh_json_kv_uint(w, "delivered", m->sink[sink].delivered);
    nh_json_kv_uint(w, "dropped", m->sink[sink].dropped);
    nh_json_kv_uint(w, "pending", m->sink[sink].pending);
    nh_json_kv_uint(w, "errors", m->sink[sink].errors);
    nh_json_kv_uint(w, "duplicates_avoided", m->sink[sink].duplicates_avoided);
    if (next_ms > now_ms)
        nh_json_kv_uint(w, "next_try_in_ms", next_ms - now_ms);
    else
        nh_json_kv_null(w, "next_try_in_ms");
    nh_json_object_end(w);
}

static void write_flash(const nh_battery_publish_t *p, nh_json_writer_t *w)
{
    struct nh_publish_flash_info i;
    nh_json_key(w, "flash");
    if (!p->flash) {
        nh_json_null(w);
        return;
    }
    nh_publish_flash_info(p->flash, &i);
    nh_json_object_begin(w);
    nh_json_kv_uint(w, "points", i.points);
    nh_json_kv_uint(w, "capacity", i.capacity);
    nh_json_kv_uint(w, "interval_ms", i.interval_ms);
    nh_json_kv_uint(w, "writes", i.writes);
    nh_json_kv_uint(w, "errors", i.errors);
    nh_json_kv_uint(w, "damaged", i.damaged);
    nh_json_object_end(w);
}

static int get_publish(nh_request_t *req)
{
    nh_battery_publish_t *p = req->ctx;
    struct nh_battery_publish_metrics m;
    const uint64_t now_ms = p->cfg.clock_ms();
    nh_json_writer_t *w = nh_reply_json(req, 200);
    nh_battery_publish_metrics(p, &m);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "device", p->device);
    nh_json_kv_uint(w, "boot", p->boot);
    nh_json_kv_uint(w, "period_ms", p->cfg.period_ms);
    nh_json_kv_uint(w, "flush_per_s", p->cfg.flush_per_s);
    write_figures(w, &m);
    kv_age(w, "last_sync_age_ms", m.last_sync_ms, now_ms);
    write_flash(p, w);
    nh_json_key(w, "sinks");
    nh_json_array_begin(w);
    for (size_t i = 0; i < NH_BATTERY_SINK_COUNT; i++)
        if (m.sink[i].is_enabled)
            write_sink(p, w, &m, (enum nh_battery_sink)i, now_ms);
    nh_json_array_end(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/battery/publish",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_publish,
     .text = "The battery's points to other machines: figures of the ring and of each sink",
     .params = ""},
    {0},
};

struct nh_route_table nh_battery_publish_routes(nh_battery_publish_t *p)
{
    return (struct nh_route_table){routes, p, "battery_publish"};
}
