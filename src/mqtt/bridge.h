// bridge.h - a bridge: carries messages between the broker of this program and another one, of
// which it is a client. Sans-IO: the other broker's bytes and the time in; bytes, wishes (dial,
// hang up) and deadlines out.
//
// A bridge has two legs. The far one is a connection to the other broker, MQTT 3.1.1 or 5.0. The
// near one is a client of the own broker under the client id "$bridge/NAME", with a kept session,
// there while the far one is up. So what waits for the other broker waits in that session: bounded
// by its limits, counted by its counters, and as durable as the broker's store is. The bridge keeps
// no message and no packet id of its own: a PUBLISH goes on with the packet id that it came with,
// and is acknowledged on the one leg only with what came back on the other. It may be cut off at
// any byte and lose all its memory without losing a message at QoS 1 or doubling one at QoS 2, as
// long as the two brokers keep their sessions.
//
// One task owns the bridge and its broker and makes every call.

#ifndef NH_MQTT_BRIDGE_H
#define NH_MQTT_BRIDGE_H

#include "mqtt/bridge_rules.h"
#include "mqtt/broker.h"

typedef struct nh_mqtt_bridge nh_mqtt_bridge_t;

#define NH_MQTT_BRIDGE_NAME_MAX 32
#define NH_MQTT_BRIDGE_RULE_MAX 64

enum nh_mqtt_bridge_state {
    NH_MQTT_BRIDGE_WAITING,  // until the next attempt
    NH_MQTT_BRIDGE_DIALING,  // dial() was called
    NH_MQTT_BRIDGE_GREETING, // CONNECT was sent
    NH_MQTT_BRIDGE_ONLINE,
    NH_MQTT_BRIDGE_LEAVING, // hang_up() was called, or stop()
};

struct nh_mqtt_bridge_event {
    enum nh_mqtt_bridge_state state; // the new one
    const char *reason;              // static text for people: "the server refused: banned"
    uint8_t code;                    // a reason code of the other broker; 0: none
    uint32_t wait_ms;                // WAITING: until the next attempt
};

struct nh_mqtt_bridge_config {
    nh_mem_t *mem;               // borrowed; outlives the bridge
    nh_mqtt_broker_t *broker;    // likewise
    void *local_user;            // given to the broker's dirty() and pause() with the near leg
    const char *name;            // 1 to NH_MQTT_BRIDGE_NAME_MAX bytes, no / + #; texts are copied
    uint8_t version;             // of the far leg: 4 (3.1.1) or 5; 0: 5
    const char *client_id;       // there; NULL or "": "nuthatch-NAME"
    const char *user, *password; // NULL: none
    uint16_t keepalive_s;        // 0: 60
    bool is_clean;    // no session is kept there: what is published meanwhile does not come in
    bool bridge_bit;  // 3.1.1: says that it is a bridge, as Mosquitto's bridges do; see below
    bool is_unmarked; // 5.0: messages do not carry the mark that ends loops over several bridges
    uint32_t packet_max_bytes; // 0: 1 MiB, either way; larger ones are not carried
    uint32_t output_max_bytes; // 0: 64 KiB waiting for the socket; more waits in the session
    uint32_t queue_max_bytes, queue_max_messages; // waiting here; 0: as the broker's other sessions
    uint16_t
        inflight_max; // unacknowledged messages each way; 0: 64, with 3.1.1 16: there a broker
                      // has no way to tell how many it takes, and Mosquitto drops those over 20
    uint32_t backoff_min_ms;    // 0: 1000, before the second attempt; doubled each time
    uint32_t backoff_max_ms;    // 0: 60000
    uint32_t answer_timeout_ms; // 0: 10000, for CONNACK and for PINGRESP
    const char *status_topic;   // retained there, "1" while connected, else "0"; NULL or "": none
    const struct nh_mqtt_bridge_rule *rules; // copied
    size_t rule_count;
    uint32_t seed; // random; for the jitter and the hashes
    void *ctx;
    // None of these may call the bridge or the broker.
    void (*dial)(void *ctx);               // connect: then opened() or closed()
    void (*hang_up)(void *ctx);            // after what output() still gives, then closed()
    void (*dirty)(void *ctx);              // output() is to be asked
    void (*pause)(void *ctx, bool paused); // stop or resume reading
    void (*event)(void *ctx, const struct nh_mqtt_bridge_event *e); // may be NULL
};

// Makes a bridge that dials at its first tick(). Its state is published as
// $SYS/broker/connection/NAME/state, retained: "1" while it is online, else "0".
// NH_ERR_INVAL: a rule is not sound (nh_mqtt_bridge_rule_fault()), or a name is missing.
// NH_ERR_TOO_LONG: the name, or a text over 65,535 bytes. NH_ERR_RANGE: too many rules, another
// version. NH_ERR_NOMEM. Nothing was made then, and `*out` is NULL.
NH_MUST_USE int nh_mqtt_bridge_create(const struct nh_mqtt_bridge_config *cfg, uint64_t now_ms,
                                      nh_mqtt_bridge_t **out);
// The near leg's session stays in the broker. Not while connected: closed() comes first.
void nh_mqtt_bridge_destroy(nh_mqtt_bridge_t *b);

// The connection is up.
void nh_mqtt_bridge_opened(nh_mqtt_bridge_t *b, uint64_t now_ms);
// Bytes from the other broker; borrowed for the call. Afterwards the broker's turn is to be ended.
void nh_mqtt_bridge_input(nh_mqtt_bridge_t *b, const uint8_t *bytes, size_t len, uint64_t now_ms);
// Up to `max` spans to send to the other broker, valid until sent() or the next call with `b`.
// Takes what the own broker has for it first. 0: nothing.
size_t nh_mqtt_bridge_output(nh_mqtt_bridge_t *b, struct nh_mqtt_span *spans, size_t max,
                             uint64_t now_ms);
void nh_mqtt_bridge_sent(nh_mqtt_bridge_t *b, size_t bytes, uint64_t now_ms);
// The connection is gone, or could not be made. `reason`: static text for people.
void nh_mqtt_bridge_closed(nh_mqtt_bridge_t *b, const char *reason, uint64_t now_ms);
// Call it behind nh_mqtt_broker_turn_end().
void nh_mqtt_bridge_turn_end(nh_mqtt_bridge_t *b);
// Says good-bye, hangs up and does not dial again.
void nh_mqtt_bridge_stop(nh_mqtt_bridge_t *b, uint64_t now_ms);

// The broker's dirty() and pause() of the near leg. May be called from within the broker.
void nh_mqtt_bridge_local_dirty(nh_mqtt_bridge_t *b);
void nh_mqtt_bridge_local_pause(nh_mqtt_bridge_t *b, bool paused);

// When to call tick() next, in ms on the same clock; NH_NEVER when nothing waits.
uint64_t nh_mqtt_bridge_next_deadline(const nh_mqtt_bridge_t *b);
void nh_mqtt_bridge_tick(nh_mqtt_bridge_t *b, uint64_t now_ms);

struct nh_mqtt_bridge_info {
    const char *name;
    enum nh_mqtt_bridge_state state;
    const char *reason; // why it is in that state
    uint8_t code;
    uint64_t since_ms, next_ms; // of the state; of the next attempt
    bool is_subscribed;         // there and here: nothing published from now on is missed
    uint64_t connects, failures;
    uint64_t messages_in, messages_out, bytes_in, bytes_out;
    uint64_t dropped_unmapped; // no rule carries it
    uint64_t dropped_loops;    // it came back
    uint64_t dropped_unfit;    // too large for that side, or of a QoS that it does not have
    uint64_t refused_there, refused_here; // acknowledged with an error, 5.0
    uint64_t refused_subscriptions;       // there, or here
};
void nh_mqtt_bridge_info(const nh_mqtt_bridge_t *b, struct nh_mqtt_bridge_info *out);

#endif
