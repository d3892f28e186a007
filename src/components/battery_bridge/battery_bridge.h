// battery_bridge.h - the pack for its neighbours: CAN frames for inverters, MQTT topics, Home
// Assistant, Prometheus. Reads snapshots only; the loop's task. Formats: docs/battery-can.md,
// docs/battery-mqtt.md.

#ifndef NH_BATTERY_BRIDGE_H
#define NH_BATTERY_BRIDGE_H

#include "components/battery/battery.h"
#include "platform/can.h"

typedef struct nh_battery_bridge nh_battery_bridge_t;

#endif
