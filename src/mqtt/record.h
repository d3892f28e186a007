// record.h - the bytes of the records that outlive the process: docs/mqtt-store-format.md has them
// one by one. Keys are big endian, so that their order is that of the numbers; values are little
// endian. Encoding fills a buffer of a fixed size; decoding gives views and takes nothing on trust.

#ifndef NH_MQTT_RECORD_H
#define NH_MQTT_RECORD_H

#include "mqtt/persist.h"

#define NH_MQTT__RECORD_VERSION 1

enum nh_mqtt__record_type {      // the first byte of a key
    NH_MQTT__REC_GONE = 'D',     // session number: its queue is still to be removed
    NH_MQTT__REC_RECEIVED = 'I', // session number, packet id: QoS 2, not released
    NH_MQTT__REC_META = 'M',     // alone
    NH_MQTT__REC_MESSAGE = 'P',  // message number
    NH_MQTT__REC_QUEUE = 'Q',    // session number, place in its queue
    NH_MQTT__REC_RETAINED = 'R', // message number
    NH_MQTT__REC_SESSION = 'S',  // session number
    NH_MQTT__REC_SUB = 'U',      // session number, subscription number
    NH_MQTT__REC_WILL = 'W',     // session number
    NH_MQTT__REC_REPLAY = 'Y',   // session number, subscription number: retained still to be sent
};

struct nh_mqtt__key {
    uint8_t bytes[NH_MQTT_KEY_MAX_BYTES];
    uint8_t len;
};
struct nh_mqtt__key nh_mqtt__key_type(enum nh_mqtt__record_type type);
struct nh_mqtt__key nh_mqtt__key_u32(enum nh_mqtt__record_type type, uint32_t a);
struct nh_mqtt__key nh_mqtt__key_u32_u16(enum nh_mqtt__record_type type, uint32_t a, uint16_t b);
struct nh_mqtt__key nh_mqtt__key_u32_u64(enum nh_mqtt__record_type type, uint32_t a, uint64_t b);
struct nh_mqtt__key nh_mqtt__key_u64(enum nh_mqtt__record_type type, uint64_t a);
static inline nh_span_t nh_mqtt__key_span(const struct nh_mqtt__key *k)
{
    return (nh_span_t){k->bytes, k->len};
}
// The numbers of a key of that type. NH_ERR_CORRUPT: another length or type.
NH_MUST_USE int nh_mqtt__key_decode(nh_span_t key, enum nh_mqtt__record_type type, uint32_t *a,
                                    uint64_t *b);

// Every decoder: NH_ERR_CORRUPT when the bytes are not such a record, NH_ERR_UNSUPPORTED when they
// are of a version that is not known. Spans point into `value`.

#define NH_MQTT__META_BYTES 16
struct nh_mqtt__meta_record {
    int64_t created_unix_ms;
};
void nh_mqtt__meta_encode(uint8_t out[NH_MQTT__META_BYTES], const struct nh_mqtt__meta_record *r);
NH_MUST_USE int nh_mqtt__meta_decode(nh_span_t value, struct nh_mqtt__meta_record *out);

#define NH_MQTT__SESSION_HEAD_BYTES 24 // then the client id, the user, properties
struct nh_mqtt__session_record {
    uint8_t protocol;     // 4: 3.1.1, 5: 5.0
    uint32_t expiry_s;    // after the connection ended; UINT32_MAX: never
    int64_t away_unix_ms; // since when it is away; 0: connected, or not known
    bool has_user;        // whose it is; not: nobody was asked
    nh_span_t id, user, props;
};
void nh_mqtt__session_encode(uint8_t out[NH_MQTT__SESSION_HEAD_BYTES],
                             const struct nh_mqtt__session_record *r);
NH_MUST_USE int nh_mqtt__session_decode(nh_span_t value, struct nh_mqtt__session_record *out);

#define NH_MQTT__SUB_HEAD_BYTES 8 // then the filter
struct nh_mqtt__sub_record {
    uint8_t options; // as in a SUBSCRIBE of 5.0: QoS in the lowest two bits
    uint32_t id;     // subscription identifier; 0: none
    nh_span_t filter;
};
void nh_mqtt__sub_encode(uint8_t out[NH_MQTT__SUB_HEAD_BYTES], const struct nh_mqtt__sub_record *r);
NH_MUST_USE int nh_mqtt__sub_decode(nh_span_t value, struct nh_mqtt__sub_record *out);

// A message in the queue of a session, from its arrival to its last acknowledgement.
#define NH_MQTT__QUEUE_IDS_MAX 16
#define NH_MQTT__QUEUE_HEAD_BYTES 24 // then the subscription identifiers
enum { NH_MQTT__QUEUE_RETAIN = 4, NH_MQTT__QUEUE_RELEASED = 8 };
struct nh_mqtt__queue_record {
    uint8_t qos;        // 1 or 2
    bool retain;        // goes out with RETAIN set
    bool released;      // QoS 2: PUBREC came; only the packet id is still held
    uint32_t len;       // what it counts in the queue's bytes
    uint64_t message;   // its number
    uint64_t sum_bytes; // `len` of all that were ever put in this queue up to this one
    nh_span_t ids;      // subscription identifiers, four bytes each
};
void nh_mqtt__queue_encode(uint8_t out[NH_MQTT__QUEUE_HEAD_BYTES],
                           const struct nh_mqtt__queue_record *r);
NH_MUST_USE int nh_mqtt__queue_decode(nh_span_t value, struct nh_mqtt__queue_record *out);

#define NH_MQTT__WILL_BYTES 28
struct nh_mqtt__will_record {
    uint8_t qos;
    bool retain, expires;
    uint32_t delay_s;
    uint32_t expiry_s;   // from when it is published, if it expires
    int64_t due_unix_ms; // 0: the client was connected
    uint64_t message;
};
void nh_mqtt__will_encode(uint8_t out[NH_MQTT__WILL_BYTES], const struct nh_mqtt__will_record *r);
NH_MUST_USE int nh_mqtt__will_decode(nh_span_t value, struct nh_mqtt__will_record *out);

#define NH_MQTT__MESSAGE_HEAD_BYTES 20 // then topic, properties, payload
struct nh_mqtt__message_record {
    uint8_t qos; // that it was published at
    bool is_v5;
    int64_t expiry_unix_ms; // 0: never
    uint32_t payload_len;   // encode: the spans are not looked at
    uint32_t props_len;
    uint16_t topic_len;
    nh_span_t topic, props, payload; // decode only
};
void nh_mqtt__message_encode(uint8_t out[NH_MQTT__MESSAGE_HEAD_BYTES],
                             const struct nh_mqtt__message_record *r);
NH_MUST_USE int nh_mqtt__message_decode(nh_span_t value, struct nh_mqtt__message_record *out);
uint32_t nh_mqtt__message_props_len(nh_span_t head); // of an encoded head

#define NH_MQTT__REPLAY_HEAD_BYTES 4 // then the topic that was sent last
struct nh_mqtt__replay_record {
    nh_span_t last; // empty: none yet
};
void nh_mqtt__replay_encode(uint8_t out[NH_MQTT__REPLAY_HEAD_BYTES],
                            const struct nh_mqtt__replay_record *r);
NH_MUST_USE int nh_mqtt__replay_decode(nh_span_t value, struct nh_mqtt__replay_record *out);

// A record without a value of its own (received, retained, gone): its version alone.
#define NH_MQTT__BARE_BYTES 1
NH_MUST_USE int nh_mqtt__bare_decode(nh_span_t value);

#endif
