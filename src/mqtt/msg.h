// msg.h - a message that outlives the bytes it came in: one copy, counted references.
//
// Its bytes are a whole PUBLISH packet at QoS 0 without flags, so that it leaves as it is; what
// another QoS needs is a few bytes of head before the payload.
//
//   bytes: [start unused] 30 len tt tt topic... payload...
//                         '- start             '- payload_at

#ifndef NH_MQTT_MSG_H
#define NH_MQTT_MSG_H

#include "core/mem/mem.h"

struct nh_mqtt__msg {
    uint32_t refs;
    uint32_t len;        // of the packet, from `start`
    uint32_t payload_at; // from bytes[0]
    uint16_t topic_len;
    uint8_t start;
    uint8_t qos; // that it was published at
    uint64_t no; // of its record in the store (keep.c); 0: none
    uint8_t bytes[];
};

// A message of its own of `topic` and `payload`, both copied; one reference. NULL: no memory.
NH_MUST_USE struct nh_mqtt__msg *nh_mqtt__msg_create(nh_mem_t *mem, nh_span_t topic,
                                                     nh_span_t payload);
// Room for a packet of `cap` bytes that is still coming in; see input.c.
NH_MUST_USE struct nh_mqtt__msg *nh_mqtt__msg_alloc(nh_mem_t *mem, size_t cap);
// Makes the packet that fills `msg` a message: `head_len` bytes of fixed header, a topic, a packet
// id when `has_id`. The payload stays where it is; the head moves over the packet id.
void nh_mqtt__msg_adopt(struct nh_mqtt__msg *msg, size_t head_len, uint32_t packet_len,
                        bool has_id);

static inline struct nh_mqtt__msg *nh_mqtt__msg_ref(struct nh_mqtt__msg *m)
{
    m->refs++;
    return m;
}

static inline void nh_mqtt__msg_unref(nh_mem_t *mem, struct nh_mqtt__msg *m)
{
    if (m && --m->refs == 0)
        nh_mem_free(mem, m);
}

static inline nh_span_t nh_mqtt__msg_topic(const struct nh_mqtt__msg *m)
{
    return (nh_span_t){m->bytes + m->payload_at - m->topic_len, m->topic_len};
}

static inline nh_span_t nh_mqtt__msg_payload(const struct nh_mqtt__msg *m)
{
    return (nh_span_t){m->bytes + m->payload_at, m->start + m->len - m->payload_at};
}

#endif
