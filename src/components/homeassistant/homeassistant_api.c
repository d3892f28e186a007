// The route of Home Assistant: thin, no state.

#include "components/homeassistant/homeassistant_state.h"

static void kv_ago(nh_json_writer_t *w, const char *key, uint64_t now_ms, uint64_t at_ms)
{
    if (at_ms && at_ms <= now_ms)
        nh_json_kv_uint(w, key, now_ms - at_ms);
    else
        nh_json_kv_null(w, key);
}

static void write_counters(nh_json_writer_t *w, const struct nh_homeassistant_info *i)
{
    nh_json_kv_uint(w, "connects", i->connects);
    nh_json_kv_uint(w, "failures", i->failures);
    nh_json_kv_uint(w, "messages", i->messages);
    nh_json_kv_uint(w, "bytes_out", i->bytes_out);
    nh_json_kv_uint(w, "events", i->events);
    nh_json_kv_uint(w, "dropped_events", i->dropped_events);
    nh_json_kv_uint(w, "dropped_long", i->dropped_long);
    nh_json_kv_uint(w, "commands", i->commands);
}

static int get_state(nh_request_t *req)
{
    const nh_homeassistant_t *ha = req->ctx;
    struct nh_homeassistant_info i;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_homeassistant_info(ha, &i);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "broker", i.is_own_broker ? NULL : ha->address);
    nh_json_kv_string(w, "name", ha->name);
    nh_json_kv_string(w, "prefix", ha->prefix);
    nh_json_kv_uint(w, "interval_s", ha->cfg.interval_s);
    nh_json_kv_bool(w, "online", i.is_online);
    nh_json_kv_string(w, "state", i.state);
    nh_json_kv_string(w, "reason", i.reason);
    kv_ago(w, "since_ms", req->now_ms, i.since_ms);
    if (i.next_ms == NH_NEVER)
        nh_json_kv_null(w, "next_attempt_ms");
    else
        nh_json_kv_uint(w, "next_attempt_ms",
                        i.next_ms > req->now_ms ? i.next_ms - req->now_ms : 0);
    kv_ago(w, "last_state_age_ms", req->now_ms, i.last_state_ms);
    nh_json_kv_uint(w, "entities", nh_homeassistant__entities(ha));
    write_counters(w, &i);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/homeassistant",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_state,
     .text = "The broker that Home Assistant listens to, and what was said there"},
    {0},
};

struct nh_route_table nh_homeassistant_routes(nh_homeassistant_t *ha)
{
    return (struct nh_route_table){.routes = routes, .ctx = ha, .name = "homeassistant"};
}
