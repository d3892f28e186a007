// msg.h - a message that outlives the bytes it came in: one copy, counted references.
//
// Its bytes are a whole PUBLISH packet at QoS 0 without flags, so that it leaves as it is; what
// another QoS needs is a few bytes of head before the payload. The packet is one of 3.1.1 or, when
// it came as one, of 5.0: the other version gets a head of its own.
//
//   bytes: [when it expires] [unused] 30 len tt tt topic... [length, properties] payload...
//                                     '- start                                  '- payload_at
//
// A message that expires begins with when, in ms, and its first property is the time that is left.

#ifndef NH_MQTT_MSG_H
#define NH_MQTT_MSG_H

#include "core/mem/mem.h"

#include <string.h>

struct nh_mqtt__msg {
    uint32_t refs;
    uint32_t len;        // of the packet, from `start`
    uint32_t payload_at; // from bytes[0]
    uint16_t topic_len;
    uint8_t start;
    uint8_t qos : 2;     // that it was published at
    bool is_v5 : 1;      // a packet of 5.0
    bool has_expiry : 1; // 5.0 only
    bool was_retain : 1; // published with RETAIN; set for members of a share
    uint64_t no;         // of its record in the store (keep.c); 0: none
    uint8_t bytes[];
};

// What a message is made of. Properties of 5.0: those that are passed on, in order, without their
// length; `labels` are subscription identifiers, written as properties.
struct nh_mqtt__content {
    nh_span_t topic, labels, props, payload;
    uint64_t expires_ms; // 0: never
    uint32_t expiry_s;   // what is left of it now
    uint8_t version, qos;
};

// A message of its own, all copied; one reference. NULL: no memory.
NH_MUST_USE struct nh_mqtt__msg *nh_mqtt__msg_create(nh_mem_t *mem,
                                                     const struct nh_mqtt__content *k);
// Room for a packet of `cap` bytes that is still coming in; see input.c.
NH_MUST_USE struct nh_mqtt__msg *nh_mqtt__msg_alloc(nh_mem_t *mem, size_t cap);
// Makes the packet that fills `msg` a message: `head_len` bytes of fixed header, a topic, a packet
// id when `has_id`, properties when `version` is 5, all of which are passed on. The payload stays
// where it is; the head moves over the packet id.
void nh_mqtt__msg_adopt(struct nh_mqtt__msg *msg, size_t head_len, uint32_t packet_len, bool has_id,
                        uint8_t version);

// What is passed on of its properties.
nh_span_t nh_mqtt__msg_props(const struct nh_mqtt__msg *m);
// Writes what is left of its time into it. False: nothing, it is over.
bool nh_mqtt__msg_age(struct nh_mqtt__msg *m, uint64_t now_ms);

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

// Of a packet whose length is written in as few bytes as it needs.
static inline uint32_t nh_mqtt__msg_head_len(const struct nh_mqtt__msg *m)
{
    return m->len < 130 ? 2 : m->len < 16387 ? 3 : m->len < 2097156 ? 4 : 5;
}

static inline nh_span_t nh_mqtt__msg_topic(const struct nh_mqtt__msg *m)
{
    return (nh_span_t){m->bytes + m->start + nh_mqtt__msg_head_len(m) + 2, m->topic_len};
}

static inline nh_span_t nh_mqtt__msg_payload(const struct nh_mqtt__msg *m)
{
    return (nh_span_t){m->bytes + m->payload_at, m->start + m->len - m->payload_at};
}

// When it expires; 0: never.
static inline uint64_t nh_mqtt__msg_expires_ms(const struct nh_mqtt__msg *m)
{
    uint64_t ms = 0;
    if (m->has_expiry)
        memcpy(&ms, m->bytes, sizeof ms);
    return ms;
}

static inline bool nh_mqtt__msg_is_expired(const struct nh_mqtt__msg *m, uint64_t now_ms)
{
    return m->has_expiry && now_ms >= nh_mqtt__msg_expires_ms(m);
}

// The seconds of `expires_ms` that are left, those begun included.
static inline uint32_t nh_mqtt__left_s(uint64_t expires_ms, uint64_t now_ms)
{
    return expires_ms > now_ms ? (uint32_t)((expires_ms - now_ms + 998) / 1000) : 0;
}

#endif
