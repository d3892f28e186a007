// Fields of the pack's neighbours.
#include "components/battery_bridge/battery_bridge.h"
#include "hub/config_fields.h"
#include "hub/config_private.h"

// In the order of enum nh_battery_can_dialect.
static const char *const dialects[] = {"victron", "pylontech", NULL};

const nh_json_field_t nh_hub__battery_bridge_fields[] = {
    BOOL("mqtt", battery_bridge.mqtt, "Whether the pack has topics at the hub's broker"),
    BOOL("victron", battery_bridge.victron,
         "Whether there is a topic for Victron's dbus-mqtt-battery too"),
    BOOL("homeassistant", battery_bridge.homeassistant,
         "Whether its values are entities of Home Assistant, where that is enabled"),
    UINT("state_ms", battery_bridge.state_ms, 1000, 30000, "ms",
         "Between two messages with the state, when nothing changes"),
    UINT("cells_ms", battery_bridge.cells_ms, 1000, 600000, "ms",
         "Between two messages with cells"),
    STRING("can", battery_bridge.can,
           "CAN interface of the inverter: can0; udp:ADDR:PORT plays a bus; empty: none"),
    {.name = "can_dialect",
     .type = NH_JSON_T_ENUM,
     AT(battery_bridge.can_dialect),
     .names = dialects,
     .text = "What the inverter understands"},
    BOOL("can_control", battery_bridge.can_control,
         "Whether the limits follow the state of the pack; else they are the board's settings"),
    UINT("can_charge_max_a", battery_bridge.can_charge_max_a, 0, 1000, "A",
         "The operator's limit of the charge current; 0: the board's alone"),
    UINT("can_discharge_max_a", battery_bridge.can_discharge_max_a, 0, 1000, "A",
         "The operator's limit of the discharge current; 0: the board's alone"),
    UINT("can_hold_ms", battery_bridge.can_hold_ms, 0, 1800000, "ms",
         "How long the last limits stand when the board is lost"),
    UINT("can_zero_ms", battery_bridge.can_zero_ms, 0, 600000, "ms",
         "How long limits of 0 follow; then nothing is said"),
    UINT("can_alive_ms", battery_bridge.can_alive_ms, 5000, 3600000, "ms",
         "An inverter that is silent for so long counts as lost"),
    {0},
};

void nh_hub__battery_bridge_defaults(struct nh_hub_config *c)
{
    c->battery_bridge.mqtt = true;
    c->battery_bridge.homeassistant = true;
    c->battery_bridge.state_ms = 5000;
    c->battery_bridge.cells_ms = 10000;
    c->battery_bridge.can_control = true;
    c->battery_bridge.can_hold_ms = 60000;
    c->battery_bridge.can_zero_ms = 30000;
    c->battery_bridge.can_alive_ms = 600000;
}

void nh_hub_config__check_battery_bridge(struct nh_hub_counting *c, const struct nh_hub_config *cfg)
{
    const char *can = cfg->battery_bridge.can;
    if (can[0] && !nh_can_is_interface(can))
        nh_hub_config__report(c, "/battery_bridge/can", can, "can0, or udp:ADDR:PORT with IPv4",
                              "is no CAN interface");
}
