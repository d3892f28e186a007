// battery_bridge_private.h - what the parts of the component share: the owner's state.

#ifndef NH_BATTERY_BRIDGE_PRIVATE_H
#define NH_BATTERY_BRIDGE_PRIVATE_H

#include "components/battery_bridge/battery_bridge.h"
#include "components/battery_bridge/battery_command.h"
#include "components/battery_bridge/battery_values.h"

#define NH_BATTERY_BRIDGE__VALUES_MAX_COUNT 96
#define NH_BATTERY_BRIDGE__TOPIC_MAX_BYTES 160
#define NH_BATTERY_BRIDGE__PAYLOAD_MAX_BYTES 3072
#define NH_BATTERY_BRIDGE__COMMAND_MAX_COUNT 4 // under way; one more is refused
#define NH_BATTERY_BRIDGE__BEAT_MS 1000
#define NH_BATTERY_BRIDGE__METERS_MS 60000
#define NH_BATTERY_BRIDGE__BURST_COUNT                                                             \
    6 // frames at once: an interface's queue holds 10 as it comes
#define NH_BATTERY_BRIDGE__BURST_MS 20
#define NH_BATTERY_BRIDGE__REOPEN_MS 5000

// States of the part for Home Assistant: the link, then the groups.
#define NH_BATTERY_BRIDGE__LINK 0
#define NH_BATTERY_BRIDGE__STATE_COUNT (1 + NH_BATTERY_GROUP_COUNT)

struct nh_battery_bridge__command {
    nh_battery_bridge_t *bridge;
    bool is_used;
    struct nh_battery_command c;
    uint64_t began_ms;
};

struct nh_battery_bridge__inverter {
    nh_can_t *can; // NULL: not open
    nh_timer_t timer;
    uint64_t beat;    // of the frames that go out: one a second, from 1
    size_t next;      // frame of this beat; the count: all are out
    uint64_t open_ms; // of the next attempt
    int err;          // of the last one
    uint64_t opens, frames, refused;
    struct nh_battery_can_watch watch;
    struct nh_battery_can_peer peer;
    uint64_t bus_errors; // of the buses that were closed since
    uint64_t opened_ms;
    int told_err;                          // the last that was told; 0: that it is open
    bool was_alive, is_new;                // is_new: that it is open was not told yet
    struct nh_battery_control_output said; // limits of the last step that was fresh
};

struct nh_battery_bridge {
    struct nh_battery_bridge_config cfg;
    char name[NH_BATTERY_BRIDGE_NAME_MAX_BYTES];
    char filter[NH_BATTERY_BRIDGE_NAME_MAX_BYTES + 24];
    const char *filters[2];
    nh_timer_t timer;
    bool is_started, is_online, is_dirty;
    // As of the last beat.
    struct nh_battery_snapshot s;
    uint32_t known;
    nh_battery_control_t control;
    struct nh_battery_control_output limits;
    struct nh_battery_can_alarms alarms;
    char errors[NH_BATTERY_TEXT_MAX_BYTES];
    struct nh_battery_value_info entity; // texts of the entity that was asked for last
    uint32_t presence;                   // a sum of what is there, to see that it is another
    struct nh_battery_alarm list[NH_BATTERY_ALARM_MAX_COUNT];
    size_t list_count;
    struct nh_battery_statistics statistics; // of the histogram that is being told

    uint64_t said_ms[NH_BATTERY_GROUP_COUNT]; // 0: not since it is online
    // What stands at the broker: the rounded number, or a hash of the text; 0 and false: nothing.
    int64_t last[NH_BATTERY_BRIDGE__VALUES_MAX_COUNT];
    bool has_last[NH_BATTERY_BRIDGE__VALUES_MAX_COUNT];
    bool has_none[NH_BATTERY_BRIDGE__VALUES_MAX_COUNT]; // nothing is kept there
    struct nh_battery_bridge__command commands[NH_BATTERY_BRIDGE__COMMAND_MAX_COUNT];
    struct nh_battery_bridge__inverter inverter;
    uint64_t messages, failed, command_count, refused;
    char payload[NH_BATTERY_BRIDGE__PAYLOAD_MAX_BYTES];
};

struct nh_battery_view nh_battery_bridge__view(const nh_battery_bridge_t *b);

// battery_topics.c
void nh_battery_bridge__say_status(nh_battery_bridge_t *b);
void nh_battery_bridge__say_group(nh_battery_bridge_t *b, uint8_t group);
void nh_battery_bridge__say_victron(nh_battery_bridge_t *b);
// A message below <name>/battery/. False: the broker did not take it, and it is counted.
bool nh_battery_bridge__say(nh_battery_bridge_t *b, const char *suffix, const char *payload,
                            size_t len, bool retain);

// battery_inverter.c
void nh_battery_bridge__inverter_init(nh_battery_bridge_t *b);
void nh_battery_bridge__inverter_beat(nh_battery_bridge_t *b, uint64_t now_ms);
void nh_battery_bridge__inverter_stop(nh_battery_bridge_t *b);

#endif
