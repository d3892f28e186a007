// homeassistant_state.h - what the parts of the component share: the owner's state.

#ifndef NH_HOMEASSISTANT_STATE_H
#define NH_HOMEASSISTANT_STATE_H

#include "components/homeassistant/homeassistant.h"
#include "components/homeassistant/homeassistant_discovery.h"

#define NH_HOMEASSISTANT__TOPIC_MAX_BYTES 144
#define NH_HOMEASSISTANT__PAYLOAD_MAX_BYTES 3072 // a lamp's list of effects makes the longest
#define NH_HOMEASSISTANT__INPUT_MAX_BYTES 1024   // topic and payload of a command
#define NH_HOMEASSISTANT__FILTER_COUNT (1 + 2 * NH_HOMEASSISTANT_PART_MAX_COUNT)
#define NH_HOMEASSISTANT__OUTPUT_MAX_BYTES 4096

struct nh_homeassistant__event {
    uint32_t page, slot;
    bool is_hold;
    char label[NH_HOMEASSISTANT_LABEL_MAX_BYTES];
};

struct nh_homeassistant__part {
    struct nh_homeassistant_part p;
    uint32_t states; // to be said still, one bit each
};

struct nh_homeassistant {
    struct nh_homeassistant_config cfg; // its texts are those below, copied
    char name[NH_HOMEASSISTANT_NAME_MAX_BYTES], prefix[NH_HOMEASSISTANT_PREFIX_MAX_BYTES];
    char device_name[64], model[64], version[32], address[300];
    struct nh_homeassistant__device device; // views into them
    nh_mqtt_publisher_t *publisher;         // NULL: the own broker
    nh_timer_t timer;                       // of the next health message; at first: of the start
    uint64_t started_ms;
    bool is_online;
    // What is to be said still, in this order.
    bool wants_availability, wants_state;
    size_t entity_next; // nh_homeassistant__entities(): all were announced
    struct nh_homeassistant__event events[NH_HOMEASSISTANT_EVENT_MAX_COUNT];
    uint32_t event_at, event_count;
    uint64_t own_messages, own_bytes, last_state_ms;
    uint64_t said_events, dropped_events, dropped_long, commands;
    struct nh_homeassistant__part parts[NH_HOMEASSISTANT_PART_MAX_COUNT];
    size_t part_count;
    // What is subscribed to: <prefix>/status, and two of each part. At the own broker by `ears`.
    char filter[NH_HOMEASSISTANT__FILTER_COUNT][NH_HOMEASSISTANT__TOPIC_MAX_BYTES];
    const char *filters[NH_HOMEASSISTANT__FILTER_COUNT + 1];
    nh_mqtt_local_t *ears[NH_HOMEASSISTANT__FILTER_COUNT];
    char payload[NH_HOMEASSISTANT__PAYLOAD_MAX_BYTES];
};

// Of the hub and of its parts.
size_t nh_homeassistant__entities(const nh_homeassistant_t *ha);

// homeassistant_parts.c. A message of the component below devices/<name>/; what can never be said
// is counted and over. NH_ERR_FULL: there is no room now.
NH_MUST_USE int nh_homeassistant__say(nh_homeassistant_t *ha, const char *suffix, nh_span_t payload,
                                      bool retain);
// Copies the parts and what is heard for them. NH_ERR_INVAL.
NH_MUST_USE int nh_homeassistant__parts_take(nh_homeassistant_t *ha,
                                             const struct nh_homeassistant_config *cfg);
// The part of entity `*at`, which becomes an index within that part; the hub's own come first.
const struct nh_homeassistant_part *nh_homeassistant__part_of(const nh_homeassistant_t *ha,
                                                              size_t *at);
void nh_homeassistant__part_states_want(nh_homeassistant_t *ha);
bool nh_homeassistant__part_states_wait(const nh_homeassistant_t *ha);
// Says those that wait. NH_ERR_FULL: there is no room for all.
NH_MUST_USE int nh_homeassistant__part_states_say(nh_homeassistant_t *ha);
// Gives a message to the part that it is for. False: it is for none.
bool nh_homeassistant__part_hear(nh_homeassistant_t *ha, nh_span_t topic, nh_span_t payload);
void nh_homeassistant__pump(nh_homeassistant_t *ha); // says what is due until there is no room

#endif
