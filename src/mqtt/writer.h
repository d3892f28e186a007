// writer.h - putting a packet together. The encoders of this folder write each body twice: once to
// nowhere, for its length, then for good. So no length is reckoned apart from what it measures.

#ifndef NH_MQTT_WRITER_H
#define NH_MQTT_WRITER_H

#include "mqtt/packet.h"

struct nh_mqtt__writer {
    uint8_t *out; // NULL: only count
    size_t len;
    bool is_bad; // a field is too long for the two bytes of its length
};

void nh_mqtt__put_u8(struct nh_mqtt__writer *w, uint8_t v);
void nh_mqtt__put_u16(struct nh_mqtt__writer *w, uint16_t v);
void nh_mqtt__put_u32(struct nh_mqtt__writer *w, uint32_t v);
void nh_mqtt__put_varint(struct nh_mqtt__writer *w, uint32_t v); // up to NH_MQTT__BODY_MAX
void nh_mqtt__put_raw(struct nh_mqtt__writer *w, nh_span_t bytes);
void nh_mqtt__put_bytes(struct nh_mqtt__writer *w, nh_span_t bytes); // behind their length
// The length of the list and the list; nothing in 3.1.1.
void nh_mqtt__put_props(struct nh_mqtt__writer *w, uint8_t version, const struct nh_mqtt__props *p);

// Writes a packet whose body `body` puts, with `tail_len` bytes more that the caller sends behind
// it. Returns as the encoders of packet.h do.
NH_MUST_USE int nh_mqtt__encode(uint8_t first,
                                void (*body)(struct nh_mqtt__writer *w, void *packet), void *packet,
                                size_t tail_len, uint8_t *out, size_t cap);

#endif
