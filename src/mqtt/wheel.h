// wheel.h - deadlines of many connections at a grain of 1.024 s, without a timer for each.
//
// Two rings of 128 slots: the near one turns a slot each grain, the far one every 128. What is due
// is handed to the owner, who knows the true deadline and may add it again: a deadline that moves
// (keep-alive) costs nothing when it moves.

#ifndef NH_MQTT_WHEEL_H
#define NH_MQTT_WHEEL_H

#include "core/base/list.h"

#define NH_MQTT__WHEEL_SLOTS 128u
#define NH_MQTT__WHEEL_SHIFT 10 // a grain is 1024 ms

struct nh_mqtt__wheel {
    nh_list_t near[NH_MQTT__WHEEL_SLOTS], far[NH_MQTT__WHEEL_SLOTS];
    uint64_t grain; // all before and in this one were handed out
};

void nh_mqtt__wheel_init(struct nh_mqtt__wheel *w);
// Hands `node` out at `deadline_ms` or up to a grain later, or earlier when that is far away.
// Taken out again by nh_list_remove().
void nh_mqtt__wheel_add(struct nh_mqtt__wheel *w, nh_list_t *node, uint64_t deadline_ms);
// Moves the nodes that are due to the end of `due`.
void nh_mqtt__wheel_due(struct nh_mqtt__wheel *w, uint64_t now_ms, nh_list_t *due);
uint64_t nh_mqtt__wheel_next(const struct nh_mqtt__wheel *w); // NH_NEVER: empty

#endif
