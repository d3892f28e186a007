// props.h - the properties of MQTT 5.0. One table says which property stands in which packet, of
// what type it is, what values it may have and whether it may repeat; decoding and encoding both
// go by it. No memory: decoded properties are views into the bytes that they were read from.
//
// Reading: nh_mqtt__props_decode() checks a whole list once. After that nothing can fail: ask for
// one property, or walk over all of them in order.
//
//     uint32_t expiry_s = nh_mqtt__props_number(&k.props, NH_MQTT__SESSION_EXPIRY_INTERVAL, 0);
//     nh_span_t method = nh_mqtt__props_bytes(&k.props, NH_MQTT__AUTHENTICATION_METHOD);
//     struct nh_mqtt__prop p;
//     for (struct nh_mqtt__props rest = k.props; nh_mqtt__props_next(&rest, &p);)
//         if (p.id == NH_MQTT__USER_PROPERTY) ... p.name, p.bytes
//
// Writing: into a buffer of the caller's, which then is a list like one that was read, and goes
// into the packet's struct.
//
//     uint8_t buf[64];
//     struct nh_mqtt__props_out out;
//     nh_mqtt__props_begin(&out, NH_MQTT__WHERE(NH_MQTT__CONNACK, NH_MQTT__FROM_SERVER), buf, 64);
//     nh_mqtt__props_put_number(&out, NH_MQTT__SERVER_KEEP_ALIVE, 60);
//     int rc = nh_mqtt__props_end(&out, &connack.props);

#ifndef NH_MQTT_PROPS_H
#define NH_MQTT_PROPS_H

#include "core/base/base.h"

// The standard's names and identifiers (table 2-4). In brackets: the type on the wire.
enum nh_mqtt__prop_id {
    NH_MQTT__PAYLOAD_FORMAT_INDICATOR = 0x01,          // [byte] 0, 1: UTF-8
    NH_MQTT__MESSAGE_EXPIRY_INTERVAL = 0x02,           // [four bytes] seconds
    NH_MQTT__CONTENT_TYPE = 0x03,                      // [text]
    NH_MQTT__RESPONSE_TOPIC = 0x08,                    // [text] a topic name
    NH_MQTT__CORRELATION_DATA = 0x09,                  // [binary]
    NH_MQTT__SUBSCRIPTION_IDENTIFIER = 0x0B,           // [varint] >= 1; repeats in PUBLISH
    NH_MQTT__SESSION_EXPIRY_INTERVAL = 0x11,           // [four bytes] seconds; 0xFFFFFFFF: never
    NH_MQTT__ASSIGNED_CLIENT_IDENTIFIER = 0x12,        // [text]
    NH_MQTT__SERVER_KEEP_ALIVE = 0x13,                 // [two bytes] seconds
    NH_MQTT__AUTHENTICATION_METHOD = 0x15,             // [text]
    NH_MQTT__AUTHENTICATION_DATA = 0x16,               // [binary] only beside a method
    NH_MQTT__REQUEST_PROBLEM_INFORMATION = 0x17,       // [byte] 0 or 1; 1 when not there
    NH_MQTT__WILL_DELAY_INTERVAL = 0x18,               // [four bytes] seconds
    NH_MQTT__REQUEST_RESPONSE_INFORMATION = 0x19,      // [byte] 0 or 1; 0 when not there
    NH_MQTT__RESPONSE_INFORMATION = 0x1A,              // [text]
    NH_MQTT__SERVER_REFERENCE = 0x1C,                  // [text]
    NH_MQTT__REASON_STRING = 0x1F,                     // [text]
    NH_MQTT__RECEIVE_MAXIMUM = 0x21,                   // [two bytes] >= 1; 65535 when not there
    NH_MQTT__TOPIC_ALIAS_MAXIMUM = 0x22,               // [two bytes] 0 when not there
    NH_MQTT__TOPIC_ALIAS = 0x23,                       // [two bytes] >= 1
    NH_MQTT__MAXIMUM_QOS = 0x24,                       // [byte] 0 or 1; 2 when not there
    NH_MQTT__RETAIN_AVAILABLE = 0x25,                  // [byte] 0 or 1; 1 when not there
    NH_MQTT__USER_PROPERTY = 0x26,                     // [two texts] repeats, in order
    NH_MQTT__MAXIMUM_PACKET_SIZE = 0x27,               // [four bytes] >= 1; no limit if not there
    NH_MQTT__WILDCARD_SUBSCRIPTION_AVAILABLE = 0x28,   // [byte] 0 or 1; 1 when not there
    NH_MQTT__SUBSCRIPTION_IDENTIFIER_AVAILABLE = 0x29, // [byte] 0 or 1; 1 when not there
    NH_MQTT__SHARED_SUBSCRIPTION_AVAILABLE = 0x2A,     // [byte] 0 or 1; 1 when not there
};
#define NH_MQTT__PROP_ID_MAX 0x2A
#define NH_MQTT__PROP_BIT(id) ((uint64_t)1 << (id)) // in `present` and in masks of properties
// What a server passes on with a message, unchanged and in order [MQTT5-3.3.2-4], -15, -16, -17,
// -18, -20. The expiry interval, aliases and subscription identifiers are rewritten on the way.
#define NH_MQTT__PROPS_FORWARDED                                                                   \
    (NH_MQTT__PROP_BIT(NH_MQTT__PAYLOAD_FORMAT_INDICATOR) |                                        \
     NH_MQTT__PROP_BIT(NH_MQTT__CONTENT_TYPE) | NH_MQTT__PROP_BIT(NH_MQTT__RESPONSE_TOPIC) |       \
     NH_MQTT__PROP_BIT(NH_MQTT__CORRELATION_DATA) | NH_MQTT__PROP_BIT(NH_MQTT__USER_PROPERTY))

// Where a list stands: the packet's type and who sends it; the will's list in a CONNECT is a place
// of its own. A number from 0 to 31, so that a set of places is one uint32_t.
enum nh_mqtt__from { NH_MQTT__FROM_CLIENT, NH_MQTT__FROM_SERVER };
#define NH_MQTT__WHERE(type, from) ((uint8_t)((type) | (from) << 4))
#define NH_MQTT__WHERE_WILL 0

// A checked list of properties: a view, without the length in front. Zeroed: empty.
struct nh_mqtt__props {
    nh_span_t bytes;
    uint64_t present; // NH_MQTT__PROP_BIT() of each that is there
};

static inline bool nh_mqtt__props_has(const struct nh_mqtt__props *p, enum nh_mqtt__prop_id id)
{
    return p->present & NH_MQTT__PROP_BIT(id);
}

// One property. `number` is set for numbers, `bytes` for texts and binary data, `name` and `bytes`
// (the value) for a user property. All are views into the list.
struct nh_mqtt__prop {
    uint8_t id;
    uint32_t number;
    nh_span_t name, bytes;
    nh_span_t raw; // the whole property as it was written, identifier included
};

struct nh_mqtt__cursor;

// Takes a property length and that many bytes from the cursor and checks them for that place.
// NH_ERR_SYNTAX: malformed [0x81]: cut off, a number of bytes that was not needed
// [MQTT5-1.5.5-1], text that is not UTF-8 or has U+0000 [MQTT5-1.5.4-1], -2, an unknown property or
// one that has no place in this packet.
// NH_ERR_PROTO: protocol error [0x82]: a single one twice, a value that is not allowed, data
// without an authentication method, a property that only the other side may send here
// [MQTT5-3.3.4-6], [MQTT5-3.14.2-2].
// NH_ERR_RANGE: topic alias 0 [0x94] [MQTT5-3.3.2-8].
NH_MUST_USE int nh_mqtt__props_decode(struct nh_mqtt__cursor *c, uint8_t where,
                                      struct nh_mqtt__props *out);
// The same for a list without its length in front (one that was stored).
NH_MUST_USE int nh_mqtt__props_check(nh_span_t bytes, uint8_t where, struct nh_mqtt__props *out);

// Takes the first property off `rest`, a copy of a checked list. False: none is left.
bool nh_mqtt__props_next(struct nh_mqtt__props *rest, struct nh_mqtt__prop *out);
// As above, skipping all but `id`: the user properties, the subscription identifiers.
bool nh_mqtt__props_next_of(struct nh_mqtt__props *rest, enum nh_mqtt__prop_id id,
                            struct nh_mqtt__prop *out);
// The number (the first one) of `id`; `otherwise` when it is not there.
uint32_t nh_mqtt__props_number(const struct nh_mqtt__props *p, enum nh_mqtt__prop_id id,
                               uint32_t otherwise);
// The text or data of `id`; {NULL, 0} when it is not there.
nh_span_t nh_mqtt__props_bytes(const struct nh_mqtt__props *p, enum nh_mqtt__prop_id id);
// Copies the properties in the set `keep`, as they are and in order, to `out`. Returns how many
// bytes that takes; more than `cap`: nothing was written.
size_t nh_mqtt__props_copy(const struct nh_mqtt__props *p, uint64_t keep, uint8_t *out, size_t cap);

// ---- writing ------------------------------------------------------------------------------------

// A list that is being written. An error sticks: ask once, at the end.
struct nh_mqtt__props_out {
    uint8_t *ptr;
    size_t cap, len;
    uint64_t present;
    int rc;
    uint8_t where;
};
// `buf` is borrowed until the list is no longer used.
void nh_mqtt__props_begin(struct nh_mqtt__props_out *out, uint8_t where, uint8_t *buf, size_t cap);
void nh_mqtt__props_put_number(struct nh_mqtt__props_out *out, enum nh_mqtt__prop_id id,
                               uint32_t value);
void nh_mqtt__props_put_bytes(struct nh_mqtt__props_out *out, enum nh_mqtt__prop_id id,
                              nh_span_t value);
void nh_mqtt__props_put_user(struct nh_mqtt__props_out *out, nh_span_t name, nh_span_t value);
// Appends those of a checked list that are in the set `keep`, as they are and in order.
void nh_mqtt__props_put_list(struct nh_mqtt__props_out *out, const struct nh_mqtt__props *list,
                             uint64_t keep);
// Gives the list. NH_ERR_FULL: it does not fit in the buffer; NH_ERR_INVAL: a property has no place
// there, stands twice, or has a value (of a type) that is not allowed. `list` is then empty.
NH_MUST_USE int nh_mqtt__props_end(const struct nh_mqtt__props_out *out,
                                   struct nh_mqtt__props *list);

#endif
