// lamp_mqtt.h - the lamp by MQTT: the hub's own topics, those of a WLED device, and the entities
// that Home Assistant has of it. Messages in, messages out; no broker here.
//
//   <name>/lamp/state                retained, after each change: what <name>/lamp/set takes
//   <name>/lamp/set                  a command, as POST /api/lamp takes it; or ON, OFF, TOGGLE
//   wled/<name>, .../col, .../api    as a WLED device hears them; likewise wled/all
//   wled/<name>/g, /c, /v            brightness, colour, XML, after each change
//   wled/<name>/status               online, offline; retained
//   devices/<name>/lamp/...          Home Assistant: docs/homeassistant.md
//
// It keeps no state of the lamp; commands go by its queue. The loop's task makes every call.
// docs/lamp-mqtt.md is the reference for clients.

#ifndef NH_LAMP_MQTT_H
#define NH_LAMP_MQTT_H

#include "components/homeassistant/homeassistant.h"
#include "components/lamp/lamp.h"
#include "components/wled/wled.h"

typedef struct nh_lamp_mqtt nh_lamp_mqtt_t;

struct nh_lamp_mqtt_config {
    nh_mem_t *mem; // borrowed, like all pointers here
    nh_lamp_t *lamp;
    nh_wled_t *wled;  // NULL: none of WLED's topics
    const char *name; // of the hub, in topics
    bool has_topics;  // else Home Assistant's entities alone
    void *ctx;
    // A message at the hub's broker, QoS 0.
    int (*publish)(void *ctx, nh_span_t topic, nh_span_t payload, bool retain);
    // State `at` of the part for Home Assistant is another. May be NULL.
    void (*part_changed)(void *ctx, size_t at);
};

// NH_ERR_NOMEM, NH_ERR_TOO_LONG (the name): nothing was made.
NH_MUST_USE int nh_lamp_mqtt_create(const struct nh_lamp_mqtt_config *cfg, nh_lamp_mqtt_t **out);
void nh_lamp_mqtt_destroy(nh_lamp_mqtt_t *m); // NULL: nothing

// The broker takes messages: says all. And at its end: "offline".
void nh_lamp_mqtt_online(nh_lamp_mqtt_t *m);
void nh_lamp_mqtt_offline(nh_lamp_mqtt_t *m);
// The lamp's snapshot is another: its nh_lamp_config.changed.
void nh_lamp_mqtt_changed(nh_lamp_mqtt_t *m);

// What to subscribe to, NULL-terminated; they live as long as `m`. A message of one of them, live:
// what a broker has kept of it is of another day, and not for this.
const char *const *nh_lamp_mqtt_filters(const nh_lamp_mqtt_t *m);
void nh_lamp_mqtt_message(nh_lamp_mqtt_t *m, nh_span_t topic, nh_span_t payload);

struct nh_homeassistant_part nh_lamp_mqtt_part(nh_lamp_mqtt_t *m);

struct nh_lamp_mqtt_info {
    uint64_t commands, refused; // refused: not understood, or the lamp's queue was full
    uint64_t messages, failed;  // said; failed: the broker did not take them
};
void nh_lamp_mqtt_info(const nh_lamp_mqtt_t *m, struct nh_lamp_mqtt_info *out);

#endif
