// The broker as a part of the hub: its limits, its events, its listener.

#include "core/bus/events.h"
#include "hub/hub_parts.h"
#include "hub/mosquitto_conf.h"

#include <stdio.h>
#include <string.h>

static void post_client_event(struct nh_hub *hub, const struct nh_mqtt_event *m, const char *id)
{
    struct nh_event_mqtt_client data = {.kind = (uint8_t)m->kind, .code = m->code};
    struct nh_event e = {.id = NH_EVENT_MQTT_CLIENT,
                         .origin = NH_ORIGIN_MQTT,
                         .data_len = sizeof data,
                         .time_ms = nh_clock_ms()};
    data.is_cut = strlen(id) >= sizeof data.client_id;
    snprintf(data.client_id, sizeof data.client_id, "%s", id);
    memcpy(e.data, &data, sizeof data);
    (void)nh_bus_post(hub->bus, &e); // full queues are counted by the bus
}

static void on_event(void *ctx, const struct nh_mqtt_event *e)
{
    struct nh_hub *hub = ctx;
    const char *id = e->client_id ? e->client_id : "";
    const char *reason = e->reason ? e->reason : "";
    bool is_told = hub->cfg.log.connections;
    switch (e->kind) {
    case NH_MQTT_CLIENT_CONNECTED:
        if (is_told)
            NH_LOG_I("mqtt", "%s connected", id);
        break;
    case NH_MQTT_CLIENT_DISCONNECTED:
        if (is_told)
            NH_LOG_I("mqtt", "%s gone: %s", id, reason);
        break;
    case NH_MQTT_CLIENT_TAKEN_OVER:
        if (is_told)
            NH_LOG_I("mqtt", "%s taken over by a new connection", id);
        break;
    case NH_MQTT_CLIENT_REFUSED:
        nh_hub__tell_refused(hub, e);
        break;
    case NH_MQTT_CLIENT_FAULT:
        nh_hub__tell_refused(hub, e);
        return; // that it is gone is told besides
    case NH_MQTT_STORE_FAILED:
        NH_LOG_E("mqtt", "THE STORE CANNOT BE WRITTEN (%s): acknowledgements wait until it can",
                 reason);
        return;
    case NH_MQTT_STORE_FULL:
        NH_LOG_E("mqtt", "the store is over mqtt.store_max_bytes: publishers wait for room");
        return;
    case NH_MQTT_STORE_WORKS:
        NH_LOG_W("mqtt", "the store is written again; everything goes on");
        return;
    case NH_MQTT_STORE_DAMAGED:
        NH_LOG_E("mqtt", "the store is damaged: %s could not be read and is lost", reason);
        return;
    case NH_MQTT_ACTION_DENIED:
        NH_LOG_W("mqtt", "%s (%s) %s %.*s; told once", id, e->user_name ? e->user_name : "no user",
                 reason, (int)e->topic.len, (const char *)e->topic.ptr);
        return;
    case NH_MQTT_QUEUE_FULL:
        NH_LOG_W("mqtt", "queue of %s is full (%s %u): its messages are dropped; told once", id,
                 reason, (unsigned)e->limit);
        return;
    default:
        return; // drops are counted and shown, not logged: a flood would only grow
    }
    if (hub->mqtt_api)
        nh_mqtt_api_clients_changed(hub->mqtt_api);
    post_client_event(hub, e, id);
}

static void peer(void *ctx, const void *user, char *text, size_t cap)
{
    (void)ctx;
    nh_mqtt_user_peer(user, text, cap);
}

static void streams(void *ctx, struct nh_stream_set_info *out)
{
    struct nh_hub *hub = ctx;
    nh_stream_set_info(hub->mqtt.set, out);
}

static void store_size(void *ctx, struct nh_records_info *out)
{
    const struct nh_hub *hub = ctx;
    nh_mqtt_store_info(hub->mqtt_store, out);
}

static bool memory_tier(void *ctx, enum nh_mem_tier tier, struct nh_mem_tier_info *out)
{
    struct nh_hub *hub = ctx;
    struct nh_mem_snapshot s;
    nh_mem_figures(hub->sys, &s);
    *out = s.tier[tier];
    return out->size_bytes > 0;
}

static int64_t unix_ms(void *ctx)
{
    (void)ctx;
    return nh_clock_unix_ms();
}

static const char *text_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static void fill_limits(struct nh_hub *hub, nh_mem_t *mem)
{
    const struct nh_hub_config *c = &hub->cfg;
    hub->broker_cfg = (struct nh_mqtt_broker_config){
        .mem = mem,
        .packet_max_bytes = c->mqtt.packet_max_bytes,
        .conn_max_count = c->mqtt.conn_max_count,
        .session_max_count = c->mqtt.session_max_count,
        .subscription_max_count = c->mqtt.subscription_max_count,
        .topic_max_bytes = c->mqtt.topic_max_bytes,
        .topic_level_max = c->mqtt.topic_level_max,
        .queue_max_bytes = c->mqtt.queue_max_bytes,
        .queue_max_messages = c->mqtt.queue_max_messages,
        .inflight_max = c->mqtt.inflight_max,
        .retained_max_bytes = c->mqtt.retained_max_bytes,
        .retained_max_count = c->mqtt.retained_max_count,
        .connect_timeout_ms = c->mqtt.connect_timeout_ms,
        .sys_interval_ms = c->mqtt.sys_interval_ms,
        .connect_rate_max = c->mqtt.connect_rate_max,
        .publish_rate_max = c->mqtt.publish_rate_max,
        .durability_interval_ms = c->mqtt.durability_interval_ms,
        .batch_max_bytes = c->mqtt.store_batch_max_bytes,
        .queue_memory_max_bytes = c->mqtt.queue_memory_max_bytes,
        .keepalive_max_s = c->mqtt.keepalive_max_s,
        .session_expiry_max_s = c->mqtt.session_expiry_max_s,
        .message_expiry_max_s = c->mqtt.message_expiry_max_s,
        .topic_alias_max = c->mqtt.topic_alias_max,
        .qos2_max_count = c->mqtt.receive_max,
        .qos_refused = (uint8_t)(c->mqtt.qos_max < 2 ? c->mqtt.qos_max + 1 : 0),
        .retain_refused = !c->mqtt.retain_available,
        .wildcard_refused = !c->mqtt.wildcard_available,
        .shared_refused = !c->mqtt.shared_available,
        .label_refused = !c->mqtt.subscription_id_available,
        .is_moved = c->mqtt.server_moved,
        .server_reference = text_or_null(c->mqtt.server_reference),
        .response_information = text_or_null(c->mqtt.response_information),
        .hash_seed = nh_random_u32(),
        .ctx = hub,
        .event = on_event,
        .dirty = nh_mqtt_listener_dirty,
        .pause = nh_mqtt_listener_pause,
        .memory = memory_tier,
        .unix_ms = unix_ms,
    };
}

static int start_api(struct nh_hub *hub, nh_mem_t *mem)
{
    const struct nh_mqtt_api_config cfg = {
        .mem = mem,
        .broker = hub->broker,
        .sched = hub->sched,
        .limits = hub->broker_cfg,
        .listen = hub->mqtt_address[0] || hub->door_count == 0 ? hub->mqtt_address
                                                               : hub->doors[0].address,
        .ctx = hub,
        .clock_ms = nh_clock_ms,
        .clock_unix_ms = nh_clock_unix_ms,
        .peer = peer,
        .way = nh_hub__listener_of,
        .store = hub->mqtt_store ? store_size : NULL,
        .streams = streams,
    };
    return nh_mqtt_api_create(&cfg, &hub->mqtt_api);
}

static int start_store(struct nh_hub *hub)
{
    const struct nh_hub_config *c = &hub->cfg;
    struct nh_mqtt_store_config cfg = {.sys = hub->sys,
                                       .loop = hub->loop,
                                       .data_dir = c->data,
                                       .max_bytes = c->mqtt.store_max_bytes};
    if (c->mqtt.durability == NH_HUB_MEMORY)
        return 0;
    int err = nh_hub__owner(hub, "store", &cfg.mem);
    if (err == 0)
        err = nh_mqtt_store_start(&cfg, &hub->mqtt_store);
    if (err < 0)
        fprintf(stderr, "nuthatch: %s/mqtt: %s%s\n", c->data, nh_err_text(err),
                err == NH_ERR_BUSY ? " by another nuthatch" : "");
    if (err < 0)
        return err;
    hub->broker_cfg.persist = nh_mqtt_store_persist(hub->mqtt_store);
    hub->broker_cfg.durability =
        c->mqtt.durability == NH_HUB_INTERVAL ? NH_MQTT_INTERVAL : NH_MQTT_DURABLE;
    return 0;
}

static int load_broker(struct nh_hub *hub)
{
    int err = nh_mqtt_broker_create(&hub->broker_cfg, &hub->broker);
    return err < 0 ? err : nh_mqtt_broker_load(hub->broker, nh_clock_ms());
}

// A store that the broker cannot read is set aside, not a reason to stay down.
static int start_broker(struct nh_hub *hub)
{
    int err = load_broker(hub);
    if (hub->mqtt_store && (err == NH_ERR_CORRUPT || err == NH_ERR_UNSUPPORTED)) {
        nh_mqtt_broker_destroy(hub->broker);
        hub->broker = NULL;
        err = nh_mqtt_store_set_aside(hub->mqtt_store, err);
        err = err < 0 ? err : load_broker(hub);
    }
    if (err == 0 && hub->mqtt_store)
        nh_mqtt_store_broker_set(hub->mqtt_store, hub->broker);
    return err;
}

#define OTHER_FILE_COUNT 128u // listeners, documents, sets of connections, who is being refused

static void allow_connections(const struct nh_hub *hub)
{
    uint32_t want = hub->cfg.mqtt.conn_max_count + hub->cfg.http.conn_max_count + OTHER_FILE_COUNT;
    uint32_t allowed = nh_host_connections_allow(want);
    bool is_asked = !hub->options.mosquitto || hub->options.mosquitto->has_conn_limit;
    if (allowed < want && is_asked)
        NH_LOG_W("mqtt", "%u clients need %u open files, the system allows %u: `ulimit -n`",
                 (unsigned)hub->cfg.mqtt.conn_max_count, (unsigned)want, (unsigned)allowed);
}

int nh_hub__start_mqtt(struct nh_hub *hub)
{
    nh_mem_t *mem = NULL, *portal_mem = NULL;
    int err = nh_hub__owner(hub, "mqtt", &mem);
    if (err == 0)
        err = nh_hub__owner(hub, "portal", &portal_mem);
    if (err < 0)
        return err;
    fill_limits(hub, mem);
    allow_connections(hub);
    err = nh_hub__start_access(hub, mem);
    if (err == 0)
        err = start_store(hub);
    if (err == 0)
        err = start_broker(hub);
    if (err == 0)
        err = nh_hub__start_listeners(hub, mem);
    return err < 0 ? err : start_api(hub, portal_mem);
}
