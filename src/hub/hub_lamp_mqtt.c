// The lamp by MQTT as a part of the hub: its topics at the hub's own broker.

#include "core/base/log.h"
#include "hub/hub_parts.h"

static int publish(void *ctx, nh_span_t topic, nh_span_t payload, bool retain)
{
    struct nh_hub *hub = ctx;
    const struct nh_mqtt_message m = {.topic = topic, .payload = payload, .retain = retain};
    return nh_mqtt_broker_publish(hub->broker, &m, nh_clock_ms());
}

static void part_changed(void *ctx, size_t at)
{
    struct nh_hub *hub = ctx;
    nh_homeassistant_part_changed(hub->homeassistant, "lamp", at);
}

static void on_message(void *ctx, const struct nh_mqtt_message *m)
{
    struct nh_hub *hub = ctx;
    if (hub->lamp_is_heard) // what the broker has kept comes before it is: of another day
        nh_lamp_mqtt_message(hub->lamp_mqtt, m->topic, m->payload);
}

static void listen(struct nh_hub *hub)
{
    const char *const *filters = nh_lamp_mqtt_filters(hub->lamp_mqtt);
    for (size_t i = 0; i < NH_ARRAY_LEN(hub->lamp_ears) && filters[i]; i++) {
        int err =
            nh_mqtt_local_subscribe(hub->broker, filters[i], on_message, hub, &hub->lamp_ears[i]);
        if (err < 0)
            NH_LOG_W("lamp", "%s is not heard: %s", filters[i], nh_err_text(err));
    }
    hub->lamp_is_heard = true;
}

int nh_hub__start_lamp_mqtt(struct nh_hub *hub)
{
    if (!hub->lamp)
        return NH_OK;
    struct nh_lamp_mqtt_config cfg = {.lamp = hub->lamp,
                                      .wled = hub->wled,
                                      .name = hub->cfg.name,
                                      .has_topics = hub->cfg.lamp_mqtt.enabled,
                                      .ctx = hub,
                                      .publish = publish,
                                      .part_changed = part_changed};
    int err = nh_hub__owner(hub, "lamp", &cfg.mem);
    if (err == 0)
        err = nh_lamp_mqtt_create(&cfg, &hub->lamp_mqtt);
    if (err < 0) {
        NH_LOG_E("lamp", "it is not there by MQTT: %s", nh_err_text(err));
        return NH_OK;
    }
    listen(hub);
    nh_lamp_mqtt_online(hub->lamp_mqtt);
    return NH_OK;
}

void nh_hub__stop_lamp_mqtt(struct nh_hub *hub)
{
    if (!hub->lamp_mqtt)
        return;
    for (size_t i = 0; i < NH_ARRAY_LEN(hub->lamp_ears); i++)
        if (hub->lamp_ears[i])
            nh_mqtt_local_unsubscribe(hub->broker, hub->lamp_ears[i]);
    nh_lamp_mqtt_offline(hub->lamp_mqtt);
    nh_lamp_mqtt_destroy(hub->lamp_mqtt);
    hub->lamp_mqtt = NULL;
}
