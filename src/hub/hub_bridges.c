// The bridges as a part of the hub: what the file says of them, their memory, their connections.

#include "hub/hub_parts.h"
#include "hub/mosquitto_conf.h"

#include <stdio.h>

static int start_bridges(struct nh_hub *hub, const struct nh_hub_bridges *bridges)
{
    char why[256];
    nh_mem_t *mem;
    int err = nh_hub__owner(hub, "bridge", &mem);
    if (err < 0)
        return err;
    const struct nh_bridges_config cfg = {.mem = mem,
                                          .broker = hub->broker,
                                          .set = hub->mqtt.set,
                                          .loop = hub->loop,
                                          .bridges = bridges};
    err = nh_bridges_start(&cfg, why, sizeof why, &hub->mqtt.bridges);
    if (err < 0)
        fprintf(stderr, "nuthatch: mqtt.bridges: %s\n", why);
    return err;
}

static int use_bridges(struct nh_hub *hub, const struct nh_hub_bridges *bridges)
{
    if (bridges->count)
        return start_bridges(hub, bridges);
    nh_mqtt_broker_own_sweep(hub->broker); // of bridges that there were once
    return NH_OK;
}

// Reads what the file says of bridges into memory that is given back: a bridge keeps what it needs.
int nh_hub__start_bridges(struct nh_hub *hub)
{
    nh_mem_t *mem;
    if (hub->options.mosquitto)
        return use_bridges(hub, &hub->options.mosquitto->bridges);
    if (!hub->options.config_file)
        return NH_OK;
    int err = nh_hub__owner(hub, "hub", &mem);
    struct nh_hub_bridges *bridges =
        err < 0 ? NULL : nh_mem_alloc(mem, sizeof *bridges, NH_MEM_BULK);
    if (!bridges)
        return err < 0 ? err : NH_ERR_NOMEM;
    err = nh_hub_bridges_read_file(hub->options.config_file, bridges, nh_hub__print_finding, hub);
    if (err == NH_OK)
        err = use_bridges(hub, bridges);
    nh_mem_free(mem, bridges);
    return err;
}

// ---- route --------------------------------------------------------------------------------------

static const char *const state_names[] = {
    [NH_MQTT_BRIDGE_WAITING] = "waiting",   [NH_MQTT_BRIDGE_DIALING] = "dialing",
    [NH_MQTT_BRIDGE_GREETING] = "greeting", [NH_MQTT_BRIDGE_ONLINE] = "online",
    [NH_MQTT_BRIDGE_LEAVING] = "leaving",
};

static void write_counters(nh_json_writer_t *w, const struct nh_mqtt_bridge_info *i)
{
    nh_json_kv_uint(w, "connects", i->connects);
    nh_json_kv_uint(w, "failures", i->failures);
    nh_json_kv_uint(w, "messages_in", i->messages_in);
    nh_json_kv_uint(w, "messages_out", i->messages_out);
    nh_json_kv_uint(w, "bytes_in", i->bytes_in);
    nh_json_kv_uint(w, "bytes_out", i->bytes_out);
    nh_json_kv_uint(w, "dropped_unmapped", i->dropped_unmapped);
    nh_json_kv_uint(w, "dropped_loops", i->dropped_loops);
    nh_json_kv_uint(w, "dropped_unfit", i->dropped_unfit);
    nh_json_kv_uint(w, "refused_there", i->refused_there);
    nh_json_kv_uint(w, "refused_here", i->refused_here);
    nh_json_kv_bool(w, "subscribed", i->is_subscribed);
    nh_json_kv_uint(w, "refused_subscriptions", i->refused_subscriptions);
}

static void write_bridge(nh_json_writer_t *w, const nh_bridges_t *b, size_t at)
{
    struct nh_mqtt_bridge_info info;
    uint64_t now_ms = nh_clock_ms();
    bool waits = nh_bridges_info(b, at, &info) && info.next_ms != NH_NEVER;
    nh_json_object_begin(w);
    nh_json_kv_string(w, "name", info.name);
    nh_json_kv_string(w, "address", nh_bridges_address(b, at));
    nh_json_kv_string(w, "state", state_names[info.state]);
    nh_json_kv_string(w, "reason", info.reason);
    nh_json_kv_uint(w, "code", info.code);
    nh_json_kv_uint(w, "since_ms", now_ms - info.since_ms);
    if (waits)
        nh_json_kv_uint(w, "next_in_ms", info.next_ms > now_ms ? info.next_ms - now_ms : 0);
    write_counters(w, &info);
    nh_json_object_end(w);
}

static int get_bridges(nh_request_t *req)
{
    const struct nh_hub *hub = req->ctx;
    nh_json_writer_t *w = nh_reply_json(req, 200);
    if (!w)
        return NH_ERR_NOMEM;
    nh_json_object_begin(w);
    nh_json_key(w, "bridges");
    nh_json_array_begin(w);
    for (size_t i = 0; i < nh_bridges_count(hub->mqtt.bridges); i++)
        write_bridge(w, hub->mqtt.bridges, i);
    nh_json_array_end(w);
    nh_json_object_end(w);
    return nh_reply_json_end(req);
}

static const nh_route_t routes[] = {
    {.method = "GET",
     .path = "/api/mqtt/bridges",
     .handle = get_bridges,
     .text = "Bridges to other brokers"},
    {0},
};

struct nh_route_table nh_hub__bridge_routes(struct nh_hub *hub)
{
    return (struct nh_route_table){.routes = routes, .ctx = hub, .name = "hub"};
}
