// battery_bridge.h - the pack for its neighbours: CAN frames for inverters, MQTT topics, Home
// Assistant, Prometheus. Reads snapshots only; the loop's task makes every call.
//
//   <name>/battery/status             online, offline: whether what follows counts; retained
//   <name>/battery/state, /cells, /meters    JSON of many values; retained
//   <name>/battery/value/<object>     one value, when its rounded number is another; retained
//   <name>/battery/register/<key>     a setting that was read or written; retained
//   <name>/battery/register/set       a command; its answer at .../register/result
//   <name>/battery/victron            as dbus-mqtt-battery takes it
//
// It allocates nothing after create. Formats: docs/battery-can.md, docs/battery-mqtt.md.

#ifndef NH_BATTERY_BRIDGE_H
#define NH_BATTERY_BRIDGE_H

#include "components/battery/battery.h"
#include "components/battery_bridge/battery_can.h"
#include "components/health/health.h"
#include "components/homeassistant/homeassistant.h"
#include "platform/can.h"

typedef struct nh_battery_bridge nh_battery_bridge_t;

#define NH_BATTERY_BRIDGE_NAME_MAX_BYTES 64 // in topics, with the NUL

struct nh_battery_bridge_config {
    nh_mem_t *mem; // borrowed, like all pointers here
    nh_loop_t *loop;
    nh_sched_t *sched;
    nh_battery_t *battery;
    const char *name;            // of the hub, in topics and frames
    bool has_topics;             // else Home Assistant's entities alone
    bool has_victron;            // .../victron too
    uint32_t state_ms, cells_ms; // 0: 5000, 10000: between two messages of one kind
    const char *can;             // interface; "" or NULL: none
    uint8_t can_dialect;         // enum nh_battery_can_dialect
    struct nh_battery_control_config control;
    uint32_t hold_ms, zero_ms; // of a lost board: docs/battery-can.md
    uint32_t alive_ms;         // 0: 600000. An inverter that is silent for so long counts as lost
    void *ctx;
    uint64_t (*clock_ms)(void);
    // A message at the hub's broker, QoS 0.
    int (*publish)(void *ctx, nh_span_t topic, nh_span_t payload, bool retain);
    // For nh_homeassistant_part_changed() and _announce(). May be NULL.
    void (*part_changed)(void *ctx, size_t at);
    void (*part_announce)(void *ctx);
};

// NH_ERR_NOMEM, NH_ERR_TOO_LONG (the name): nothing was made.
NH_MUST_USE int nh_battery_bridge_create(const struct nh_battery_bridge_config *cfg,
                                         nh_battery_bridge_t **out);
// After the battery, which may answer commands until it is gone. NULL: nothing.
void nh_battery_bridge_destroy(nh_battery_bridge_t *b);
// Begins to say; a CAN interface that cannot be opened is tried again each 5 s. An error of the
// scheduler.
NH_MUST_USE int nh_battery_bridge_start(nh_battery_bridge_t *b);
void nh_battery_bridge_stop(nh_battery_bridge_t *b); // says "offline". NULL: nothing

// The battery's changed().
void nh_battery_bridge_changed(nh_battery_bridge_t *b, uint32_t dirty);
// NH_EVENT_BATTERY_ALARM: the state is said with the next beat, within a second.
void nh_battery_bridge_alarm(nh_battery_bridge_t *b);
// NH_EVENT_BATTERY_REGISTER.
void nh_battery_bridge_register(nh_battery_bridge_t *b, const struct nh_event_battery_register *e);

// What to subscribe to, NULL-terminated; they live as long as `b`. A message of one of them, live:
// what a broker has kept of it is of another day, and not for this.
const char *const *nh_battery_bridge_filters(const nh_battery_bridge_t *b);
void nh_battery_bridge_message(nh_battery_bridge_t *b, nh_span_t topic, nh_span_t payload);

struct nh_homeassistant_part nh_battery_bridge_part(nh_battery_bridge_t *b); // "battery"
struct nh_health_families nh_battery_bridge_families(nh_battery_bridge_t *b);
struct nh_route_table nh_battery_bridge_routes(nh_battery_bridge_t *b); // GET /api/battery/bridge

struct nh_battery_bridge_info {
    bool is_online, is_can_open, is_inverter_alive;
    uint8_t phase;                              // enum nh_battery_can_phase
    uint64_t messages, failed;                  // said; not taken by the broker
    uint64_t commands, refused;                 // heard; not done
    uint64_t frames, frames_refused, can_opens; // out; that the bus did not take
    int can_err;                                // of the last attempt to open it, or 0
};
void nh_battery_bridge_info(const nh_battery_bridge_t *b, struct nh_battery_bridge_info *out);

#endif
