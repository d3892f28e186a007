// retain.h - retained messages by exact topic, in byte order of topics.
//
// A binary radix tree: an inner node names the first bit in which the topics below it differ, a
// leaf is the message itself. A topic ends in an endless run of zero bits, which no topic contains
// [MQTT-1.5.3-2], so none is the beginning of another. Lookup and insertion cost the bits that tell
// topics apart; 24 bytes a message besides the message.

#ifndef NH_MQTT_RETAIN_H
#define NH_MQTT_RETAIN_H

#include "mqtt/msg.h"

struct nh_mqtt__retain {
    nh_mem_t *mem;
    uintptr_t root; // 0: empty
    uint32_t count;
    uint64_t bytes; // topics and payloads
    uint64_t changes;
    uint32_t count_max;
    uint64_t bytes_max;
};

// Stores `msg` (takes a reference) under its topic in place of the one before. NH_ERR_FULL,
// NH_ERR_NOMEM: the one before stays.
NH_MUST_USE int nh_mqtt__retain_set(struct nh_mqtt__retain *r, struct nh_mqtt__msg *msg);
// Whether one was there.
bool nh_mqtt__retain_remove(struct nh_mqtt__retain *r, nh_span_t topic);
struct nh_mqtt__msg *nh_mqtt__retain_get(const struct nh_mqtt__retain *r, nh_span_t topic);
// The first message whose topic is at or after `topic`, or after it when `is_after`. NULL: none.
struct nh_mqtt__msg *nh_mqtt__retain_seek(const struct nh_mqtt__retain *r, nh_span_t topic,
                                          bool is_after);
void nh_mqtt__retain_clear(struct nh_mqtt__retain *r);
bool nh_mqtt__retain_check(const struct nh_mqtt__retain *r);

#endif
