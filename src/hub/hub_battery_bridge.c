// The pack's neighbours as a part of the hub: its topics at the hub's own broker, its entities, its
// lines at /metrics, and the inverter's bus.

#include "core/base/log.h"
#include "hub/hub_parts.h"

struct nh_hub_battery_bridge {
    struct nh_hub *hub;
    nh_mem_t *mem;
    nh_battery_bridge_t *bridge;
    nh_mqtt_local_t *ear; // of its commands
    nh_bus_sub_t *events;
    bool is_heard; // what the broker has kept comes before: it is of another day
};

static int publish(void *ctx, nh_span_t topic, nh_span_t payload, bool retain)
{
    struct nh_hub_battery_bridge *p = ctx;
    const struct nh_mqtt_message m = {.topic = topic, .payload = payload, .retain = retain};
    return nh_mqtt_broker_publish(p->hub->broker, &m, nh_clock_ms());
}

static void part_changed(void *ctx, size_t at)
{
    struct nh_hub_battery_bridge *p = ctx;
    nh_homeassistant_part_changed(p->hub->homeassistant, "battery", at);
}

static void part_announce(void *ctx)
{
    struct nh_hub_battery_bridge *p = ctx;
    nh_homeassistant_part_announce(p->hub->homeassistant, "battery");
}

static void on_message(void *ctx, const struct nh_mqtt_message *m)
{
    struct nh_hub_battery_bridge *p = ctx;
    if (p->is_heard)
        nh_battery_bridge_message(p->bridge, m->topic, m->payload);
}

static void on_event(void *ctx, const struct nh_event *e)
{
    struct nh_hub_battery_bridge *p = ctx;
    if (e->id == NH_EVENT_BATTERY_ALARM)
        nh_battery_bridge_alarm(p->bridge);
    else
        nh_battery_bridge_register(p->bridge, (const struct nh_event_battery_register *)e->data);
}

void nh_hub__battery_bridge_changed(struct nh_hub *hub, uint32_t dirty)
{
    if (hub->battery_bridge)
        nh_battery_bridge_changed(hub->battery_bridge->bridge, dirty);
}

// ---- start --------------------------------------------------------------------------------------

static void fill(struct nh_hub_battery_bridge *p, struct nh_battery_bridge_config *out)
{
    struct nh_hub *hub = p->hub;
    const struct nh_hub_config *c = &hub->cfg;
    *out = (struct nh_battery_bridge_config){
        .mem = p->mem,
        .loop = hub->loop,
        .sched = hub->sched,
        .battery = hub->battery,
        .name = c->name,
        .has_topics = c->battery_bridge.mqtt,
        .has_victron = c->battery_bridge.victron,
        .state_ms = c->battery_bridge.state_ms,
        .cells_ms = c->battery_bridge.cells_ms,
        .can = c->battery_bridge.can,
        .can_dialect = (uint8_t)c->battery_bridge.can_dialect,
        .control = {.follows_state = c->battery_bridge.can_control,
                    .charge_max_a = (int32_t)c->battery_bridge.can_charge_max_a,
                    .discharge_max_a = (int32_t)c->battery_bridge.can_discharge_max_a},
        .hold_ms = c->battery_bridge.can_hold_ms,
        .zero_ms = c->battery_bridge.can_zero_ms,
        .alive_ms = c->battery_bridge.can_alive_ms,
        .ctx = p,
        .clock_ms = nh_clock_ms,
        .publish = publish,
        .part_changed = c->battery_bridge.homeassistant ? part_changed : NULL,
        .part_announce = c->battery_bridge.homeassistant ? part_announce : NULL,
    };
}

static int listen(struct nh_hub_battery_bridge *p)
{
    static const nh_event_id_t ids[] = {NH_EVENT_BATTERY_REGISTER, NH_EVENT_BATTERY_ALARM};
    const char *const *filters = nh_battery_bridge_filters(p->bridge);
    const struct nh_bus_sub_config sub = {.name = "battery bridge",
                                          .ids = ids,
                                          .id_count = NH_ARRAY_LEN(ids),
                                          .handle = on_event,
                                          .ctx = p};
    int err = nh_bus_subscribe(p->hub->bus, &sub, &p->events);
    if (err == 0 && filters[0])
        err = nh_mqtt_local_subscribe(p->hub->broker, filters[0], on_message, p, &p->ear);
    p->is_heard = true;
    return err;
}

static int start(struct nh_hub *hub)
{
    struct nh_battery_bridge_config cfg;
    nh_mem_t *mem;
    int err = nh_hub__owner(hub, "battery_bridge", &mem);
    if (err < 0)
        return err;
    struct nh_hub_battery_bridge *p = nh_mem_alloc_zero(mem, sizeof *p, NH_MEM_BULK);
    if (!p)
        return NH_ERR_NOMEM;
    hub->battery_bridge = p;
    p->hub = hub;
    p->mem = mem;
    fill(p, &cfg);
    err = nh_battery_bridge_create(&cfg, &p->bridge);
    if (err < 0)
        return err;
    const struct nh_health_families families = nh_battery_bridge_families(p->bridge);
    err = listen(p);
    if (err == 0)
        err = nh_health_families_add(hub->health, &families);
    return err < 0 ? err : nh_battery_bridge_start(p->bridge);
}

// A hub that cannot have it runs on without it.
int nh_hub__start_battery_bridge(struct nh_hub *hub)
{
    if (!hub->battery)
        return NH_OK;
    int err = start(hub);
    if (err == 0)
        return NH_OK;
    NH_LOG_E("battery", "its neighbours cannot be told: %s", nh_err_text(err));
    nh_hub__stop_battery_bridge(hub);
    nh_hub__end_battery_bridge(hub);
    return NH_OK;
}

// ---- end ----------------------------------------------------------------------------------------

void nh_hub__stop_battery_bridge(struct nh_hub *hub)
{
    struct nh_hub_battery_bridge *p = hub->battery_bridge;
    if (!p)
        return;
    nh_health_families_remove(hub->health, p->bridge);
    if (p->ear)
        nh_mqtt_local_unsubscribe(hub->broker, p->ear);
    nh_bus_unsubscribe(hub->bus, p->events);
    p->ear = NULL;
    p->events = NULL;
    nh_battery_bridge_stop(p->bridge);
}

void nh_hub__end_battery_bridge(struct nh_hub *hub)
{
    struct nh_hub_battery_bridge *p = hub->battery_bridge;
    if (!p)
        return;
    hub->battery_bridge = NULL;
    nh_battery_bridge_destroy(p->bridge);
    nh_mem_free(p->mem, p);
}

bool nh_hub__battery_part(struct nh_hub *hub, struct nh_homeassistant_part *out)
{
    if (!hub->battery_bridge || !hub->cfg.battery_bridge.homeassistant)
        return false;
    *out = nh_battery_bridge_part(hub->battery_bridge->bridge);
    return true;
}

struct nh_route_table nh_hub__battery_bridge_routes(struct nh_hub *hub)
{
    static const nh_route_t none[] = {{0}};
    return hub->battery_bridge ? nh_battery_bridge_routes(hub->battery_bridge->bridge)
                               : (struct nh_route_table){none, hub, "battery_bridge"};
}
