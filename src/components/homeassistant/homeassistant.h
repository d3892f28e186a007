// homeassistant.h - the hub as a device in Home Assistant: availability, health, button events, by
// MQTT discovery. To the hub's own broker, or as a client to another one.
//
//   devices/<name>/availability          "online", "offline"; retained, and the will
//   devices/<name>/health/state          the health figures; retained, at each interval
//   devices/<name>/event                 a button of the macro pad was pressed or held
//   <prefix>/sensor/<name>/<object>/config, <prefix>/event/<name>/button/config   retained
//   devices/<name>/<part>/...            of another part of the hub: struct nh_homeassistant_part
//
// After each connect all of it is said anew: a broker that lost its retained messages has them
// again. So it is when Home Assistant says that it has started ("online" at <prefix>/status).
// Nothing waits for a broker that is away but the state it is in. The loop's task makes
// every call.

#ifndef NH_HOMEASSISTANT_H
#define NH_HOMEASSISTANT_H

#include "core/http/http.h"
#include "core/sched/sched.h"
#include "mqtt/publisher.h"

typedef struct nh_homeassistant nh_homeassistant_t;

#define NH_HOMEASSISTANT_NAME_MAX_BYTES 32   // the sanitized name, with the NUL
#define NH_HOMEASSISTANT_LABEL_MAX_BYTES 48  // of a button, with the NUL; cut at a character
#define NH_HOMEASSISTANT_PREFIX_MAX_BYTES 33 // of the discovery topics, with the NUL
#define NH_HOMEASSISTANT_EVENT_MAX_COUNT 8   // events that wait for room

// Other parts of the hub as entities of the same device. What one says stands below
// devices/<name>/<part>/, retained, and is said after each connect, at each interval and when it
// has changed. It hears .../set and .../<what>/set.
#define NH_HOMEASSISTANT_PART_MAX_COUNT 3
#define NH_HOMEASSISTANT_PART_STATE_MAX_COUNT 8
struct nh_homeassistant_entity {
    const char *component; // "light"; NULL: nothing is said of it now
    const char *object;    // in topics and ids: "lamp_speed"
    const char *name;      // for people; NULL: the device's
    bool is_gone;          // its document is taken away
};
struct nh_homeassistant_part {
    void *ctx;
    const char *name; // "lamp"
    // A state {"state":"online"} or {"state":"offline"} on which its entities depend besides the
    // device's own: the last level of its topic. NULL: none.
    const char *availability;
    size_t entity_count, state_count;
    void (*entity)(void *ctx, size_t at, struct nh_homeassistant_entity *out);
    // Writes the fields of its document but names, ids, availability and device; "~" in topics is
    // devices/<name>.
    void (*entity_write)(void *ctx, size_t at, nh_json_writer_t *w);
    // Writes state `at` as one JSON value; the last level of its topic. NULL, and nothing written:
    // there is none to say.
    const char *(*state_write)(void *ctx, size_t at, nh_json_writer_t *w);
    // `what`: empty of .../set. May not call the component. NULL: it hears nothing.
    void (*command)(void *ctx, nh_span_t what, nh_span_t payload);
};

struct nh_homeassistant_config {
    nh_mem_t *mem; // borrowed, like all pointers here
    nh_sched_t *sched;
    nh_mqtt_broker_t *broker; // the hub's own; used when `address` is NULL
    const char *address;      // of another broker, for people; NULL: there is none
    const char *user, *password;
    const char *name;        // sanitized: in topics, ids, and the client id
    const char *device_name; // for people, as the next two
    const char *model, *version;
    const char *prefix;                        // NULL: "homeassistant"
    uint32_t interval_s;                       // between health messages; 0: one after each connect
    uint16_t keepalive_s;                      // of the other broker, as the two below; 0: 15
    uint32_t backoff_min_ms;                   // 0: 1000
    uint32_t backoff_max_ms;                   // 0: 60000
    bool has_buttons;                          // announce the event entity
    const struct nh_homeassistant_part *parts; // copied, their texts borrowed
    size_t part_count;
    uint32_t seed; // random
    void *ctx;
    uint64_t (*clock_ms)(void);
    void (*health)(void *ctx, nh_json_writer_t *w); // writes the health figures as one object
    void (*hotspot_once)(void *ctx, const char *tag);
    // To the other broker, as in struct nh_mqtt_publisher_config.
    void (*dial)(void *ctx);
    void (*hang_up)(void *ctx);
    void (*dirty)(void *ctx);
};

// Nothing is said before start(). NH_ERR_INVAL: no name; NH_ERR_TOO_LONG: a text; NH_ERR_NOMEM:
// nothing was made.
NH_MUST_USE int nh_homeassistant_create(const struct nh_homeassistant_config *cfg,
                                        nh_homeassistant_t **out);
// After the connection has gone. NULL: nothing.
void nh_homeassistant_destroy(nh_homeassistant_t *ha);

// From the loop's next turn on. An error of the scheduler.
NH_MUST_USE int nh_homeassistant_start(nh_homeassistant_t *ha);
// Says "offline" and hangs up; nothing follows. NULL: nothing.
void nh_homeassistant_stop(nh_homeassistant_t *ha);

// The other broker's connection: forward to it what the port says.
nh_mqtt_publisher_t *nh_homeassistant_publisher(nh_homeassistant_t *ha); // NULL: the own broker
uint64_t nh_homeassistant_next_deadline(const nh_homeassistant_t *ha);   // as the publisher's
void nh_homeassistant_tick(nh_homeassistant_t *ha, uint64_t now_ms);

// A button was pressed, or held. Not kept while the broker is away: an event tells of now. Dropped
// and counted then, and when too many wait. `ha` NULL: nothing.
void nh_homeassistant_press(nh_homeassistant_t *ha, uint32_t page, uint32_t slot, nh_span_t label,
                            bool is_hold);

// State `at` of a part is another. `ha` NULL, or no such part: nothing.
void nh_homeassistant_part_changed(nh_homeassistant_t *ha, const char *part, size_t at);
// The part has other entities than before: its documents are said anew. As above.
void nh_homeassistant_part_announce(nh_homeassistant_t *ha, const char *part);

// Publishes a message of another part of the hub to the same broker, QoS 0. NH_ERR_CLOSED: it is
// away. NH_ERR_FULL: no room now. NH_ERR_TOO_LONG, or an error of the own broker.
NH_MUST_USE int nh_homeassistant_publish(nh_homeassistant_t *ha, nh_span_t topic, nh_span_t payload,
                                         bool retain);

struct nh_homeassistant_info {
    bool is_own_broker, is_online, has_interval;
    const char *state, *reason; // static texts; why it is in that state
    uint64_t since_ms, next_ms; // of the state; of the next attempt, NH_NEVER: none
    uint64_t connects, failures, messages, bytes_out;
    uint64_t last_state_ms;  // when the health figures went out last; 0: never
    uint64_t events;         // said
    uint64_t dropped_events; // the broker was away, or too many waited
    uint64_t dropped_long;   // a message was too long
    uint64_t commands;       // heard, for the parts
};
void nh_homeassistant_info(const nh_homeassistant_t *ha, struct nh_homeassistant_info *out);

// GET /api/homeassistant.
struct nh_route_table nh_homeassistant_routes(nh_homeassistant_t *ha);

#endif
