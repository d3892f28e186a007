// packet.h - the bytes of MQTT 3.1.1 and 5.0 control packets, taken apart and put together, as a
// server and as a client need it. No state, no memory: a decoded packet is views into the bytes it
// was read from, and what was decoded can be encoded again as it is.
//
// `version` is 4 (3.1.1) or 5 everywhere. With version 4 there are no properties and no reason
// codes: encoders leave out what a struct says of them.
//
// Decoders give NH_OK, or
//   NH_ERR_SYNTAX  a malformed packet: 0x81
//   NH_ERR_PROTO   a protocol error: 0x82
//   NH_ERR_RANGE   topic alias 0: 0x94
// The difference matters to 5.0 only; nh_mqtt__reason_of() gives the code to send.
//
// Encoders write a whole packet, fixed header included, to `cap` bytes at `out` and return its
// length. A packet that is longer than `cap` is not written: the length tells how much it needs.
// NH_ERR_TOO_LONG: over 268,435,455 bytes, or a text or binary field over 65,535.

#ifndef NH_MQTT_PACKET_H
#define NH_MQTT_PACKET_H

#include "core/base/base.h"
#include "mqtt/props.h"
#include "mqtt/reason.h"

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
    NH_MQTT__AUTH, // 5.0
};

#define NH_MQTT__HEAD_MAX 5 // type and flags, and up to four bytes of remaining length
#define NH_MQTT__BODY_MAX 268435455u
#define NH_MQTT__ACK_BYTES 4
#define NH_MQTT__SUBACK_FAILURE 0x80

enum nh_mqtt__connack_code { // of 3.1.1; 5.0 has enum nh_mqtt_reason
    NH_MQTT__ACCEPTED = 0,
    NH_MQTT__BAD_VERSION = 1,
    NH_MQTT__BAD_CLIENT_ID = 2,
    NH_MQTT__UNAVAILABLE = 3,
    NH_MQTT__BAD_LOGIN = 4,
    NH_MQTT__NOT_AUTHORIZED = 5,
};

// The reason code for a DISCONNECT or CONNACK when a call failed with `err`: of the decoders (see
// above), NH_ERR_TOO_LONG 0x95, NH_ERR_NOMEM and NH_ERR_FULL 0x97, NH_ERR_DENIED 0x87,
// NH_ERR_UNSUPPORTED 0x84, else 0x80.
enum nh_mqtt_reason nh_mqtt__reason_of(int err);
// Whether `code` may stand in a packet of `type` (table 2-6; 3.1.1: CONNACK 0 to 5, SUBACK 0, 1, 2
// and 0x80).
bool nh_mqtt__reason_is_allowed(uint8_t version, enum nh_mqtt__type type, unsigned code);

// ---- fixed header -------------------------------------------------------------------------------

struct nh_mqtt__head {
    uint8_t type, flags, head_len;
    bool is_minimal; // the length was written in as few bytes as it needs
    uint32_t body_len;
};

// Reads the fixed header at `bytes` and checks type and flags for a packet from that side
// [MQTT-2.2.2-2], [MQTT5-2.1.3-1]. Returns its length, 0 when more bytes are needed, or
// NH_ERR_SYNTAX. What differs between the versions is left to the caller, who may not know yet:
// AUTH belongs to 5.0, and a length that is not minimal is malformed there [MQTT5-1.5.5-1].
NH_MUST_USE int nh_mqtt__head_decode(const uint8_t *bytes, size_t len, enum nh_mqtt__from from,
                                     struct nh_mqtt__head *out);

// Writes a fixed header to `out` (NH_MQTT__HEAD_MAX bytes); returns its length.
size_t nh_mqtt__head_encode(uint8_t *out, uint8_t first, uint32_t body_len);
size_t nh_mqtt__head_len(uint32_t body_len);

// A walk over a packet's body that remembers running over its end.
struct nh_mqtt__cursor {
    const uint8_t *ptr, *end;
    bool overran;
};
static inline struct nh_mqtt__cursor nh_mqtt__cursor(nh_span_t body)
{
    // An empty body may have no address at all.
    return (struct nh_mqtt__cursor){body.ptr, body.len ? body.ptr + body.len : body.ptr, false};
}
uint8_t nh_mqtt__take_u8(struct nh_mqtt__cursor *c);
uint16_t nh_mqtt__take_u16(struct nh_mqtt__cursor *c);
uint32_t nh_mqtt__take_u32(struct nh_mqtt__cursor *c);
// A number in one to four bytes; one that is longer than it needs to be overruns.
uint32_t nh_mqtt__take_varint(struct nh_mqtt__cursor *c);
nh_span_t nh_mqtt__take_bytes(struct nh_mqtt__cursor *c); // two bytes of length, then bytes
// As bytes; text that is not UTF-8 or has U+0000 overruns [MQTT-1.5.3-1], -2, [MQTT5-1.5.4-1], -2.
nh_span_t nh_mqtt__take_text(struct nh_mqtt__cursor *c);

// ---- CONNECT and CONNACK ------------------------------------------------------------------------

struct nh_mqtt__connect {
    nh_span_t client_id, will_topic, will_payload, user, password;
    struct nh_mqtt__props props, will_props; // 5.0
    uint16_t keepalive_s;
    uint8_t level; // 4, 5: the version
    uint8_t will_qos;
    bool is_bridge; // 4 with the highest bit, as bridges of Mosquitto begin: see README.md
    bool is_clean;  // 3.1.1: clean session; 5.0: clean start
    bool has_will, will_retain, has_user, has_password;
};
// The will's topic is checked as text, not as a topic. NH_ERR_UNSUPPORTED: another version; only
// `level` is set [MQTT-3.1.2-2], [MQTT5-3.1.2-2].
NH_MUST_USE int nh_mqtt__connect_decode(nh_span_t body, struct nh_mqtt__connect *out);
NH_MUST_USE int nh_mqtt__connect_encode(const struct nh_mqtt__connect *k, uint8_t *out, size_t cap);

struct nh_mqtt__connack {
    struct nh_mqtt__props props;
    uint8_t code; // 3.1.1: enum nh_mqtt__connack_code; 5.0: enum nh_mqtt_reason
    bool is_session_present;
};
NH_MUST_USE int nh_mqtt__connack_decode(uint8_t version, nh_span_t body,
                                        struct nh_mqtt__connack *out);
NH_MUST_USE int nh_mqtt__connack_encode(uint8_t version, const struct nh_mqtt__connack *k,
                                        uint8_t *out, size_t cap);

// ---- PUBLISH and acknowledgements ---------------------------------------------------------------

struct nh_mqtt__publish_head {
    nh_span_t topic, payload;
    struct nh_mqtt__props props;
    uint16_t packet_id; // 0 at QoS 0
    uint8_t qos;
    bool retain, is_dup;
};
// The topic is not looked at yet, nor whether the payload is what its format says. In 5.0 it is
// empty only beside a topic alias. A packet id of 0 is malformed [MQTT-2.3.1-1], [MQTT5-2.2.1-3].
NH_MUST_USE int nh_mqtt__publish_decode(uint8_t version, enum nh_mqtt__from from, uint8_t flags,
                                        nh_span_t body, struct nh_mqtt__publish_head *out);
// All but the payload, which the caller sends behind it. Returns the length without the payload.
NH_MUST_USE int nh_mqtt__publish_encode(uint8_t version, const struct nh_mqtt__publish_head *k,
                                        uint8_t *out, size_t cap);

struct nh_mqtt__ack { // PUBACK, PUBREC, PUBREL, PUBCOMP
    struct nh_mqtt__props props;
    uint16_t packet_id;
    uint8_t code; // enum nh_mqtt_reason; 0 when left out, and in 3.1.1
};
NH_MUST_USE int nh_mqtt__ack_decode(uint8_t version, enum nh_mqtt__type type, nh_span_t body,
                                    struct nh_mqtt__ack *out);
// In the shortest form: without properties when there are none, without a code when it is 0 too.
NH_MUST_USE int nh_mqtt__ack_encode(uint8_t version, enum nh_mqtt__type type,
                                    const struct nh_mqtt__ack *k, uint8_t *out, size_t cap);
// The form of both versions that says success.
void nh_mqtt__ack_put(uint8_t out[NH_MQTT__ACK_BYTES], enum nh_mqtt__type type, uint16_t id);

// ---- SUBSCRIBE, UNSUBSCRIBE and their acknowledgements ------------------------------------------

enum nh_mqtt__retain_handling {
    NH_MQTT__RETAIN_SEND,     // retained messages are sent at each SUBSCRIBE
    NH_MQTT__RETAIN_SEND_NEW, // only for a subscription that was not there
    NH_MQTT__RETAIN_SEND_NONE,
};

struct nh_mqtt__subscription {
    nh_span_t filter;
    uint8_t qos;
    uint8_t retain_handling; // 5.0 from here on
    bool no_local, retain_as_published;
};

struct nh_mqtt__subscribe { // SUBSCRIBE and UNSUBSCRIBE
    struct nh_mqtt__props props;
    struct nh_mqtt__cursor filters; // for _next(); the filters' bytes for an encoder
    uint32_t count;                 // of filters, >= 1
    uint16_t packet_id;
    uint8_t version, type;
};
// Checks the whole packet, but for the filters' texts [MQTT-3.8.3-3], [MQTT5-3.8.3-2]. No local on
// a shared subscription is a protocol error [MQTT5-3.8.3-4].
NH_MUST_USE int nh_mqtt__subscribe_decode(uint8_t version, enum nh_mqtt__type type, nh_span_t body,
                                          struct nh_mqtt__subscribe *out);
// Takes the next filter; of UNSUBSCRIBE only `filter` is set. False: there is none. To walk twice,
// keep a copy of `k`.
bool nh_mqtt__subscribe_next(struct nh_mqtt__subscribe *k, struct nh_mqtt__subscription *out);
// `k->filters` and `k->count` are not used: `subs` are `count` filters.
NH_MUST_USE int nh_mqtt__subscribe_encode(const struct nh_mqtt__subscribe *k,
                                          const struct nh_mqtt__subscription *subs, size_t count,
                                          uint8_t *out, size_t cap);

struct nh_mqtt__suback { // SUBACK and UNSUBACK
    struct nh_mqtt__props props;
    nh_span_t codes; // one byte a filter; UNSUBACK of 3.1.1: none
    uint16_t packet_id;
};
NH_MUST_USE int nh_mqtt__suback_decode(uint8_t version, enum nh_mqtt__type type, nh_span_t body,
                                       struct nh_mqtt__suback *out);
// All but the codes, which the caller sends behind it: `code_count` of them. `k->codes` is not
// used. Returns the length without them.
NH_MUST_USE int nh_mqtt__suback_encode(uint8_t version, enum nh_mqtt__type type,
                                       const struct nh_mqtt__suback *k, size_t code_count,
                                       uint8_t *out, size_t cap);

// ---- PINGREQ, PINGRESP, DISCONNECT, AUTH --------------------------------------------------------

struct nh_mqtt__end { // DISCONNECT and AUTH
    struct nh_mqtt__props props;
    uint8_t code; // enum nh_mqtt_reason; 0 when left out
};
// Also PINGREQ and PINGRESP, which must be empty. AUTH with a body and without a method is a
// protocol error.
NH_MUST_USE int nh_mqtt__end_decode(uint8_t version, enum nh_mqtt__type type,
                                    enum nh_mqtt__from from, nh_span_t body,
                                    struct nh_mqtt__end *out);
// In the shortest form, as nh_mqtt__ack_encode().
NH_MUST_USE int nh_mqtt__end_encode(uint8_t version, enum nh_mqtt__type type,
                                    const struct nh_mqtt__end *k, uint8_t *out, size_t cap);

#endif
