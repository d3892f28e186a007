// bridge_parts.h - a bridge's own structures, shared by its files only.
//
//   bridge.c        its life: states, attempts, time
//   bridge_far.c    the leg to the other broker: greeting, subscriptions, pings
//   bridge_near.c   the leg to the own broker
//   bridge_relay.c  messages and acknowledgements from one leg to the other
//   bridge_rules.c  which topics, and their names
//   bridge_echo.c   which message came back

#ifndef NH_MQTT_BRIDGE_PARTS_H
#define NH_MQTT_BRIDGE_PARTS_H

#include "mqtt/bridge.h"
#include "mqtt/reader.h"
#include "mqtt/wire.h"

// ---- echo ---------------------------------------------------------------------------------------

#define NH_MQTT__ECHO_COUNT 256u
#define NH_MQTT__ECHO_MS 30000u

// What was sent and is expected to come back once: a ring of hashes. 3.1.1 alone needs it.
struct nh_mqtt__echo {
    struct {
        uint32_t hash[2];
        uint64_t until_ms;  // when it is forgotten
        uint16_t packet_id; // that it came back under
        bool is_back;
    } sent[NH_MQTT__ECHO_COUNT];
    uint32_t next;
};

// The message goes out; the oldest one is forgotten for it.
void nh_mqtt__echo_add(struct nh_mqtt__echo *e, const struct nh_mqtt__mapped *topic,
                       nh_span_t payload, uint64_t now_ms, uint32_t seed);
// Whether the message that came in is one that went out less than NH_MQTT__ECHO_MS ago. It is
// crossed out: a second one like it is somebody else's, unless it is the same one sent again.
bool nh_mqtt__echo_take(struct nh_mqtt__echo *e, const struct nh_mqtt__publish_head *k,
                        uint64_t now_ms, uint32_t seed);

// ---- the bridge ---------------------------------------------------------------------------------

// Bytes given to the own broker, which may use them until its turn ends.
struct nh_mqtt__chunk {
    struct nh_mqtt__chunk *next;
    uint32_t len, cap, fed; // fed: of len, given to the broker
    uint8_t bytes[];
};

struct nh_mqtt__far {
    struct nh_mqtt__reader reader;
    struct nh_mqtt__wire wire;
    struct nh_mqtt__blocks blocks;
    uint64_t last_in_ms, last_out_ms;
    uint64_t pinged_ms;  // while an answer is waited for
    uint32_t packet_max; // the other broker's limits
    uint16_t receive_max, keepalive_s;
    uint8_t version, max_qos;
    bool has_session, takes_retained;
    bool is_pinged;
    bool is_plain; // the bridge bit was refused: not said again
};

struct nh_mqtt__near {
    nh_mqtt_conn_t *conn; // NULL: none
    struct nh_mqtt__reader reader;
    struct nh_mqtt__chunk *first, *last; // of this turn; the last one is being filled
    uint32_t packet_max;                 // the own broker's
    uint32_t fresh_left; // packet ids that the other broker may still know from before
};

struct nh_mqtt_bridge {
    struct nh_mqtt_bridge_config cfg; // texts and rules are the bridge's own
    struct nh_mqtt__rule *rules;
    struct nh_mqtt__echo *echo; // NULL: not needed
    struct nh_mqtt__far far;
    struct nh_mqtt__near near;
    struct nh_mqtt_bridge_info info;
    struct nh_mqtt_own own; // the client that it is of the own broker
    uint64_t now_ms;
    uint64_t at_ms;     // when the state's time is up; NH_NEVER
    uint64_t online_ms; // when it came online, if it did in this attempt
    uint32_t backoff_ms, random;
    bool was_online, is_stopped, is_hasty; // hasty: the next attempt needs no wait
    char local_id[sizeof NH_MQTT_OWN_ID_PREFIX + NH_MQTT_BRIDGE_NAME_MAX];
};

// ---- bridge.c -----------------------------------------------------------------------------------

void nh_mqtt__bridge_enter(nh_mqtt_bridge_t *b, enum nh_mqtt_bridge_state state, const char *reason,
                           uint8_t code);
// Ends the connection: near leg closed, hang_up(). `code`: of the other broker, for people.
void nh_mqtt__bridge_fail(nh_mqtt_bridge_t *b, const char *reason, uint8_t code);
// As above after an error of the own code (`err`), which 5.0 tells the other broker.
void nh_mqtt__bridge_break(nh_mqtt_bridge_t *b, const char *reason, int err);
// "1" or "0" to the own broker's status topic.
void nh_mqtt__bridge_tell(nh_mqtt_bridge_t *b, bool is_online);

// ---- bridge_far.c -------------------------------------------------------------------------------

// Appends to the output of the far leg. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__far_put(nh_mqtt_bridge_t *b, const nh_span_t *parts, size_t count);
NH_MUST_USE int nh_mqtt__far_greet(nh_mqtt_bridge_t *b);
NH_MUST_USE int nh_mqtt__far_packet(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p);
// Subscribes to what comes in, under a packet id that no message has now.
NH_MUST_USE int nh_mqtt__far_subscribe(nh_mqtt_bridge_t *b, uint16_t packet_id);
NH_MUST_USE int nh_mqtt__far_ping(nh_mqtt_bridge_t *b);
// Says good-bye, with the status "0"; with 5.0 the reason `code`.
NH_MUST_USE int nh_mqtt__far_leave(nh_mqtt_bridge_t *b, uint8_t code);

// ---- bridge_near.c ------------------------------------------------------------------------------

NH_MUST_USE int nh_mqtt__near_open(nh_mqtt_bridge_t *b);
void nh_mqtt__near_close(nh_mqtt_bridge_t *b);
// Appends a whole packet for the own broker, which gets it by nh_mqtt__near_flush().
NH_MUST_USE int nh_mqtt__near_put(nh_mqtt_bridge_t *b, const nh_span_t *parts, size_t count);
NH_MUST_USE int nh_mqtt__near_flush(nh_mqtt_bridge_t *b);
// Takes what the own broker has for the far leg, as far as there is room.
NH_MUST_USE int nh_mqtt__near_pump(nh_mqtt_bridge_t *b);
void nh_mqtt__near_turn_end(nh_mqtt_bridge_t *b);

// ---- bridge_relay.c -----------------------------------------------------------------------------

NH_MUST_USE int nh_mqtt__relay_out(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p);
NH_MUST_USE int nh_mqtt__relay_in(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p);
// PUBACK, PUBREC, PUBREL, PUBCOMP.
NH_MUST_USE int nh_mqtt__relay_ack_out(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p);
NH_MUST_USE int nh_mqtt__relay_ack_in(nh_mqtt_bridge_t *b, const struct nh_mqtt__packet *p);

#endif
