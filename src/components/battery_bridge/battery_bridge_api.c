// The route of the bridges: thin, no state.

#include "components/battery_bridge/battery_bridge_private.h"

static void kv_age(nh_json_writer_t *w, const char *key, uint64_t now_ms, uint64_t at_ms)
{
    if (at_ms && at_ms <= now_ms)
        nh_json_kv_uint(w, key, now_ms - at_ms);
    else
        nh_json_kv_null(w, key);
}

static void write_limits(const struct nh_battery_control_output *l, nh_json_writer_t *w)
{
    nh_json_key(w, "limits");
    if (!l->is_known) {
        nh_json_null(w);
        return;
    }
    nh_json_object_begin(w);
    nh_json_kv_string(w, "state", nh_battery_control_text(l->state));
    nh_json_kv_double(w, "charge_voltage_v", l->cvl_mv / 1000.0);
    nh_json_kv_double(w, "charge_a", l->ccl_ma / 1000.0);
    nh_json_kv_double(w, "discharge_a", l->dcl_ma / 1000.0);
    nh_json_kv_double(w, "discharge_voltage_v", l->dvl_mv / 1000.0);
    nh_json_kv_bool(w, "protecting", l->is_protecting);
    nh_json_object_end(w);
}

static void write_inverter(const nh_battery_bridge_t *b, uint64_t now_ms, nh_json_writer_t *w)
{
    const struct nh_battery_bridge__inverter *i = &b->inverter;
    nh_json_key(w, "inverter");
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "alive", i->was_alive);
    nh_json_kv_string(w, "identity", i->peer.identity[0] ? i->peer.identity : NULL);
    kv_age(w, "last_alive_age_ms", now_ms, i->peer.alive_ms);
    nh_json_kv_uint(w, "alive_count", i->peer.alive_count);
    nh_json_kv_uint(w, "foreign", i->peer.foreign);
    nh_json_object_end(w);
}

static void write_can(const nh_battery_bridge_t *b, uint64_t now_ms, nh_json_writer_t *w)
{
    const struct nh_battery_bridge__inverter *i = &b->inverter;
    struct nh_can_info info = {0};
    nh_json_key(w, "can");
    if (!b->cfg.can[0]) {
        nh_json_null(w);
        return;
    }
    if (i->can)
        nh_can_info(i->can, &info);
    nh_json_object_begin(w);
    nh_json_kv_string(w, "interface", b->cfg.can);
    nh_json_kv_string(w, "dialect",
                      b->cfg.can_dialect == NH_BATTERY_CAN_PYLONTECH ? "pylontech" : "victron");
    nh_json_kv_bool(w, "open", i->can);
    nh_json_kv_string(w, "error", i->err < 0 ? nh_err_text(i->err) : NULL);
    nh_json_kv_uint(w, "opens", i->opens);
    nh_json_kv_string(w, "phase", nh_battery_can_phase_text(i->watch.phase));
    nh_json_kv_uint(w, "frames_out", i->frames);
    nh_json_kv_uint(w, "frames_refused", i->refused);
    nh_json_kv_uint(w, "frames_in", i->peer.frames);
    nh_json_kv_uint(w, "bus_errors", i->bus_errors + info.error_count);
    write_inverter(b, now_ms, w);
    nh_json_object_end(w);
}

static void write_mqtt(const nh_battery_bridge_t *b, nh_json_writer_t *w)
{
    nh_json_key(w, "mqtt");
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "topics", b->cfg.has_topics);
    nh_json_kv_bool(w, "victron", b->cfg.has_victron);
    nh_json_kv_uint(w, "messages", b->messages);
    nh_json_kv_uint(w, "failed", b->failed);
    nh_json_kv_uint(w, "commands", b->command_count);
    nh_json_kv_uint(w, "refused", b->refused);
    nh_json_object_end(w);
}

static int get_bridge(nh_request_t *req)
{
    const nh_battery_bridge_t *b = req->ctx;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_kv_bool(w, "online", b->is_online);
    write_limits(&b->limits, w);
    write_can(b, req->now_ms, w);
    write_mqtt(b, w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/battery/bridge",
     .flags = NH_ROUTE_OPERATOR,
     .handle = get_bridge,
     .text = "What the pack's neighbours are told: limits, CAN, MQTT"},
    {0},
};

struct nh_route_table nh_battery_bridge_routes(nh_battery_bridge_t *b)
{
    return (struct nh_route_table){.routes = routes, .ctx = b, .name = "battery_bridge"};
}
