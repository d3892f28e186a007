// bridge_rules.h - which topics a bridge carries, and what they are called on the other side.
// A topic is taken by the first rule of that direction whose filter takes it.

#ifndef NH_MQTT_BRIDGE_RULES_H
#define NH_MQTT_BRIDGE_RULES_H

#include "core/base/base.h"

enum nh_mqtt_bridge_direction {
    NH_MQTT_BRIDGE_OUT = 1, // from here to the other broker
    NH_MQTT_BRIDGE_IN = 2,
    NH_MQTT_BRIDGE_BOTH = 3,
};

// A filter, and what stands before it here and there: with "home/", "hub-1/" and "temp/#",
// "home/temp/1" here is "hub-1/temp/1" there.
struct nh_mqtt_bridge_rule {
    const char *filter;
    const char *local_prefix, *remote_prefix; // NULL: ""
    uint8_t direction;                        // enum nh_mqtt_bridge_direction
    uint8_t qos;                              // 0 to 2: the highest
};

#define NH_MQTT__BRIDGE_TOPIC_MAX 1024 // bytes of a prefix and its filter together

// NULL, or what is wrong with the rule, for people: "the filter is not well formed".
const char *nh_mqtt_bridge_rule_fault(const struct nh_mqtt_bridge_rule *rule);
// Whether a topic there is (in which case a broker may send it twice) that both rules carry in one
// direction.
bool nh_mqtt_bridge_rules_overlap(const struct nh_mqtt_bridge_rule *a,
                                  const struct nh_mqtt_bridge_rule *b);

struct nh_mqtt__rule {                    // of a running bridge
    nh_span_t local, remote;              // prefix and filter together, in the rules' block
    uint16_t local_prefix, remote_prefix; // lengths
    uint8_t direction, qos;
};

// A topic as two pieces of memory: a prefix and what is behind it.
struct nh_mqtt__mapped {
    nh_span_t prefix, rest;
};

// How many bytes nh_mqtt__rule_init() needs for the texts of that rule.
size_t nh_mqtt__rule_bytes(const struct nh_mqtt_bridge_rule *rule);
// Makes `out` of a sound rule; the texts go to `text`, which is borrowed for the life of `out`.
void nh_mqtt__rule_init(const struct nh_mqtt_bridge_rule *rule, uint8_t *text,
                        struct nh_mqtt__rule *out);

// What `topic`, as it is called on the side it comes from, is called on the other one.
// `direction` is OUT or IN. Views into the topic and the rules. False: no rule carries it.
bool nh_mqtt__rules_map(const struct nh_mqtt__rule *rules, size_t count,
                        enum nh_mqtt_bridge_direction direction, nh_span_t topic,
                        struct nh_mqtt__mapped *out);

// Whether some topic is taken by both filters.
bool nh_mqtt__filters_overlap(nh_span_t a, nh_span_t b);

#endif
