// mqtt_model.h - what a broker owes its clients, as a small plain model for tests.
//
// It knows no bytes and no packets: it is told what clients do and what they heard, and says
// whether that is right. A message is a number; what a session is to get of it is a copy. All lies
// in arrays that are searched from the start, so that the rules can be read off.
//
// What it leaves open, as the standard does: when a retained message comes that changed before it
// was read, which member of a share gets a message, and what was under way when a connection broke.

#ifndef NH_TEST_MQTT_MODEL_H
#define NH_TEST_MQTT_MODEL_H

#include "core/base/base.h"

#define MODEL_CLIENTS 5
#define MODEL_TOPICS 7
#define MODEL_FILTERS 9
#define MODEL_SHARES 3 // 0: not shared
#define MODEL_SUBS 12
#define MODEL_COPIES 400
#define MODEL_NEVER_S UINT32_MAX

extern const char *const model_topics[MODEL_TOPICS];
extern const char *const model_filters[MODEL_FILTERS];

struct model_message {
    uint32_t number;     // 0: the payload is empty
    uint64_t expires_ms; // NH_NEVER: it does not
    uint8_t topic, qos, publisher;
    bool retain, is_will;
};

struct model_sub {
    uint32_t sid; // subscription identifier, one bit a filter and share; 0: none
    uint8_t filter, share, qos;
    bool no_local, as_published;
    bool is_replaying; // retained messages may still be on their way for it
};

struct model_connect {
    bool is_v5, is_clean, has_will;
    uint32_t expiry_s; // how long the session is kept
    uint32_t window;   // unacknowledged messages at QoS 1 and 2 at most
    uint32_t will_delay_s;
    struct model_message will;
};

enum model_end { MODEL_LOST, MODEL_GOODBYE, MODEL_GOODBYE_WITH_WILL };

struct model_session {
    bool exists, is_online;
    struct model_connect with; // of the connection that is, or was last
    uint64_t end_ms, will_ms;  // when it ends, its will is published; NH_NEVER: not
    struct model_sub subs[MODEL_SUBS];
    size_t sub_count;
    uint16_t newest_id;    // packet id of the newest PUBLISH that it heard
    uint32_t resend_order; // of the last message that it heard again
    uint32_t away_order;   // when its connection ended, in the same count
};

enum model_kind { MODEL_LIVE, MODEL_RETAINED, MODEL_SHARED };
enum model_state {
    MODEL_DUE,      // not heard yet
    MODEL_SEEN,     // heard, not acknowledged
    MODEL_RELEASED, // PUBREC sent, PUBCOMP not
};

struct model_copy {
    struct model_message message;
    uint32_t sids, order; // order: in which the session heard it
    uint8_t kind, state;
    uint8_t client, members;      // MODEL_SHARED while DUE: by bits, who ever was in the share
    uint8_t filter, share;        // MODEL_RETAINED, MODEL_SHARED: by which it came
    uint8_t qos;                  // MODEL_SHARED: when it is heard
    uint16_t packet_id;           // SEEN, RELEASED
    bool retain;                  // RETAIN as it must be heard
    bool is_optional, may_be_dup; // DUE: need not come; a connection broke while it was under way
    bool is_to_be_resent;         // SEEN, RELEASED: the connection broke since
    bool is_vague;                // MODEL_SHARED while DUE: a member changed its options, or left
};

struct model {
    uint64_t now_ms;
    struct model_session sessions[MODEL_CLIENTS];
    struct model_message retained[MODEL_TOPICS]; // number 0: none
    struct model_copy copies[MODEL_COPIES];      // in the order of publishing
    size_t copy_count;
    uint32_t order;
    char fault[80]; // what model_settle() says
};

void model_init(struct model *m, uint64_t now_ms);

// The result: session present. Who is connected under that id is put out before.
bool model_connect(struct model *m, unsigned client, const struct model_connect *k);
void model_end(struct model *m, unsigned client, enum model_end how);

// `handling` is retain handling: 0 always, 1 when new, 2 never.
void model_subscribe(struct model *m, unsigned client, const struct model_sub *sub,
                     unsigned handling);
bool model_unsubscribe(struct model *m, unsigned client, unsigned filter, unsigned share);
void model_publish(struct model *m, const struct model_message *message);

// Time goes on; it must not stop within 2 s of a deadline.
void model_clock(struct model *m, uint64_t now_ms);

struct model_heard {
    uint32_t number, sids, expiry_s;
    uint16_t packet_id;
    uint8_t topic, qos;
    bool retain, dup, has_expiry;
    bool is_late; // was written before and not read: its expiry interval is of then
};
// Each gives NULL, or what is wrong.
const char *model_heard(struct model *m, unsigned client, const struct model_heard *h);
const char *model_heard_pubrel(struct model *m, unsigned client, uint16_t packet_id);
// Nothing more comes to the clients in `listening` (bits): is anything missing?
const char *model_settle(struct model *m, unsigned listening);

// The client sent PUBACK, PUBCOMP or a refusal: the message is done; or PUBREC.
void model_done(struct model *m, unsigned client, uint16_t packet_id);
void model_received(struct model *m, unsigned client, uint16_t packet_id);

#endif
