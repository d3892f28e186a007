// packet.h - the bytes of MQTT 3.1.1 control packets: taking them apart and putting small ones
// together. No state, no memory: a decoded packet is views into the bytes it was read from.

#ifndef NH_MQTT_PACKET_H
#define NH_MQTT_PACKET_H

#include "core/base/base.h"

enum nh_mqtt__type {
    NH_MQTT__CONNECT = 1,
    NH_MQTT__CONNACK,
    NH_MQTT__PUBLISH,
    NH_MQTT__PUBACK,
    NH_MQTT__PUBREC,
    NH_MQTT__PUBREL,
    NH_MQTT__PUBCOMP,
    NH_MQTT__SUBSCRIBE,
    NH_MQTT__SUBACK,
    NH_MQTT__UNSUBSCRIBE,
    NH_MQTT__UNSUBACK,
    NH_MQTT__PINGREQ,
    NH_MQTT__PINGRESP,
    NH_MQTT__DISCONNECT,
};

#define NH_MQTT__HEAD_MAX 5 // type and flags, and up to four bytes of remaining length
#define NH_MQTT__ACK_BYTES 4
#define NH_MQTT__SUBACK_FAILURE 0x80

enum nh_mqtt__connack {
    NH_MQTT__ACCEPTED = 0,
    NH_MQTT__BAD_VERSION = 1,
    NH_MQTT__BAD_CLIENT_ID = 2,
    NH_MQTT__UNAVAILABLE = 3,
    NH_MQTT__BAD_LOGIN = 4,
    NH_MQTT__NOT_AUTHORIZED = 5,
};

struct nh_mqtt__head {
    uint8_t type, flags, head_len;
    bool is_minimal; // the length was written in as few bytes as it needs
    uint32_t body_len;
};

// Reads the fixed header at `bytes` and checks type and flags for a packet to a server
// [MQTT-2.2.2-2]. Returns its length, 0 when more bytes are needed, or NH_ERR_PROTO.
NH_MUST_USE int nh_mqtt__head_decode(const uint8_t *bytes, size_t len, struct nh_mqtt__head *out);

// Writes a fixed header to `out` (NH_MQTT__HEAD_MAX bytes); returns its length.
size_t nh_mqtt__head_encode(uint8_t *out, uint8_t first, uint32_t body_len);
size_t nh_mqtt__head_len(uint32_t body_len);

// A walk over a packet's body that remembers running over its end.
struct nh_mqtt__cursor {
    const uint8_t *ptr, *end;
    bool overran;
};
uint8_t nh_mqtt__take_u8(struct nh_mqtt__cursor *c);
uint16_t nh_mqtt__take_u16(struct nh_mqtt__cursor *c);
nh_span_t nh_mqtt__take_bytes(struct nh_mqtt__cursor *c); // two bytes of length, then bytes

struct nh_mqtt__connect {
    nh_span_t client_id, will_topic, will_payload, user, password;
    uint16_t keepalive_s;
    uint8_t level, will_qos;
    bool is_clean, has_will, will_retain, has_user, has_password;
};
// NH_ERR_UNSUPPORTED: another version; only `level` is set [MQTT-3.1.2-2]. NH_ERR_PROTO: malformed.
NH_MUST_USE int nh_mqtt__connect_decode(nh_span_t body, struct nh_mqtt__connect *out);

struct nh_mqtt__publish_head {
    nh_span_t topic, payload;
    uint16_t packet_id; // 0 at QoS 0
    uint8_t qos;
    bool retain, is_dup;
};
// The topic is not looked at yet. NH_ERR_PROTO: malformed, or packet id 0 [MQTT-2.3.1-1].
NH_MUST_USE int nh_mqtt__publish_decode(uint8_t flags, nh_span_t body,
                                        struct nh_mqtt__publish_head *out);

// PUBACK, PUBREC, PUBREL, PUBCOMP: the packet id (> 0), or NH_ERR_PROTO.
NH_MUST_USE int nh_mqtt__ack_decode(nh_span_t body);
void nh_mqtt__ack_encode(uint8_t out[NH_MQTT__ACK_BYTES], enum nh_mqtt__type type, uint16_t id);

#endif
