// publisher.h - a client of a broker elsewhere that publishes at QoS 0 or 1, hears what it
// subscribed to, and leaves a will. MQTT 3.1.1. Sans-IO: the broker's bytes and the time in; bytes,
// wishes (dial, hang up) and deadlines out.
//
// What waits for the socket stands in one buffer of a fixed size, taken at create: what does not
// fit is refused, and room() tells when it is empty again. Nothing is kept over a connection: who
// publishes says anew at online() what shall stand there. After a connection that is lost or cannot
// be made the next attempt waits, longer each time.
//
// For messages to and from the hub's own broker there is the bridge (bridge.h). This is for a part
// of the hub that is a device at somebody else's broker, with a session and a will of its own.
//
// One task owns a client and makes every call.

#ifndef NH_MQTT_PUBLISHER_H
#define NH_MQTT_PUBLISHER_H

#include "core/mem/mem.h"
#include "mqtt/broker.h"

typedef struct nh_mqtt_publisher nh_mqtt_publisher_t;

#define NH_MQTT_PUBLISHER_TEXT_MAX 128 // bytes of the client id, user, password, the will's topic

enum nh_mqtt_publisher_state {
    NH_MQTT_PUBLISHER_WAITING,  // until the next attempt
    NH_MQTT_PUBLISHER_DIALING,  // dial() was called
    NH_MQTT_PUBLISHER_GREETING, // CONNECT was sent
    NH_MQTT_PUBLISHER_ONLINE,
    NH_MQTT_PUBLISHER_LEAVING, // hang_up() was called, or stop()
};

struct nh_mqtt_publisher_config {
    nh_mem_t *mem;                         // borrowed; outlives the client
    const char *client_id;                 // texts are copied
    const char *user, *password;           // NULL or "": none; a password needs a user
    const char *will_topic, *will_payload; // retained, QoS 0; NULL or "": no will
    uint16_t keepalive_s;                  // 0: 60
    uint32_t output_max_bytes;             // 0: 4096; CONNECT must fit too
    // Subscribed to at QoS 0 after each connect, before online(); NULL-terminated, borrowed for the
    // client's life, as the texts in it. NULL: nothing is heard.
    const char *const *filters;
    uint32_t input_max_bytes;   // 0: 512; topic and payload of a longer message are left out
    uint32_t backoff_min_ms;    // 0: 1000, before the second attempt; doubled each time
    uint32_t backoff_max_ms;    // 0: 60000
    uint32_t answer_timeout_ms; // 0: 10000, for CONNACK and for PINGRESP
    uint32_t seed;              // random; for the jitter
    void *ctx;
    // None of these may call the client, but online(), room() and message() may publish.
    void (*dial)(void *ctx);    // connect: then opened() or closed()
    void (*hang_up)(void *ctx); // after what output() still gives, then closed()
    void (*dirty)(void *ctx);   // output() is to be asked
    void (*online)(void *ctx);  // the broker takes messages
    void (*room)(void *ctx);    // online, and all was sent: there is room for output_max_bytes
    void (*offline)(void *ctx, const char *reason, uint32_t wait_ms); // and will try again then
    // A message that was subscribed to; borrowed for the call. May be NULL without filters.
    void (*message)(void *ctx, nh_span_t topic, nh_span_t payload, bool retain);
    // The broker has a message of publish_confirmed(). May publish. NULL: there are none.
    void (*confirmed)(void *ctx, uint16_t packet_id);
};

// Makes a client that dials at its first tick(). NH_ERR_INVAL: no client id, or a password without
// a user, filters without message(). NH_ERR_TOO_LONG: a text, or CONNECT or SUBSCRIBE does not fit
// output_max_bytes. NH_ERR_NOMEM. Nothing
// was made then, and `*out` is NULL.
NH_MUST_USE int nh_mqtt_publisher_create(const struct nh_mqtt_publisher_config *cfg,
                                         nh_mqtt_publisher_t **out);
// Overwrites the password; CONNECT, which has it, was overwritten when it was sent. Not while
// connected: closed() comes first.
void nh_mqtt_publisher_destroy(nh_mqtt_publisher_t *c);

void nh_mqtt_publisher_opened(nh_mqtt_publisher_t *c, uint64_t now_ms);
void nh_mqtt_publisher_input(nh_mqtt_publisher_t *c, const uint8_t *bytes, size_t len,
                             uint64_t now_ms);
// What is to be sent, valid until the next call with `c`; empty: nothing.
nh_span_t nh_mqtt_publisher_output(const nh_mqtt_publisher_t *c);
void nh_mqtt_publisher_sent(nh_mqtt_publisher_t *c, size_t bytes, uint64_t now_ms);
// `reason`: static text for people.
void nh_mqtt_publisher_closed(nh_mqtt_publisher_t *c, const char *reason, uint64_t now_ms);
// Says good-bye (the will is not sent then), hangs up and does not dial again.
void nh_mqtt_publisher_stop(nh_mqtt_publisher_t *c, uint64_t now_ms);

// NH_ERR_CLOSED: not online. NH_ERR_FULL: no room now. NH_ERR_TOO_LONG: there never will be.
NH_MUST_USE int nh_mqtt_publisher_publish(nh_mqtt_publisher_t *c, nh_span_t topic,
                                          nh_span_t payload, bool retain, uint64_t now_ms);

// The same at QoS 1: confirmed() comes with `*packet_id` once the broker has it. The client keeps
// no copy: who wants it there publishes it again after a connection that was lost before that,
// under another id. The answers are counted by who publishes: ids come round after 65,534 messages.
NH_MUST_USE int nh_mqtt_publisher_publish_confirmed(nh_mqtt_publisher_t *c, nh_span_t topic,
                                                    nh_span_t payload, bool retain, uint64_t now_ms,
                                                    uint16_t *packet_id);

uint64_t nh_mqtt_publisher_next_deadline(const nh_mqtt_publisher_t *c);
void nh_mqtt_publisher_tick(nh_mqtt_publisher_t *c, uint64_t now_ms);

struct nh_mqtt_publisher_info {
    enum nh_mqtt_publisher_state state;
    const char *reason;         // why it is in that state
    uint64_t since_ms, next_ms; // of the state; of the next attempt, NH_NEVER: none
    uint64_t connects, failures, messages, bytes_in, bytes_out;
    uint64_t heard;                 // messages that were subscribed to
    uint64_t dropped_long;          // those over input_max_bytes
    uint64_t refused_subscriptions; // filters that the broker did not grant
};
void nh_mqtt_publisher_info(const nh_mqtt_publisher_t *c, struct nh_mqtt_publisher_info *out);

#endif
