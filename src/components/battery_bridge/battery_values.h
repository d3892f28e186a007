// battery_values.h - every value of the pack as its neighbours know it: object id, unit, class and
// number. One table for MQTT topics, their JSON and Home Assistant. Sans-IO.
//
// Object ids are those of the ESPHome family of battery monitors: docs/battery-mqtt.md.

#ifndef NH_BATTERY_VALUES_H
#define NH_BATTERY_VALUES_H

#include "components/battery_bridge/battery_can.h"
#include "core/json/json.h"

// Which message a value is in: each has a pace of its own.
enum nh_battery_group { NH_BATTERY_IN_STATE, NH_BATTERY_IN_CELLS, NH_BATTERY_IN_METERS };
#define NH_BATTERY_GROUP_COUNT 3
const char *nh_battery_group_text(uint8_t group); // the last level of its topic: "state"

enum nh_battery_kind { NH_BATTERY_NUMBER, NH_BATTERY_FLAG, NH_BATTERY_TEXT };

#define NH_BATTERY_OBJECT_MAX_BYTES 32
#define NH_BATTERY_TEXT_MAX_BYTES 256 // as many as Home Assistant keeps of a state, with the NUL
struct nh_battery_value_info {
    char object[NH_BATTERY_OBJECT_MAX_BYTES];             // "total_voltage", "cell_voltage_07"
    char name[NH_BATTERY_OBJECT_MAX_BYTES];               // for people
    const char *unit, *device_class, *state_class, *icon; // NULL: none
    uint8_t kind, group, decimals;
    bool is_diagnostic;
};

// What is known of the pack now; all borrowed.
struct nh_battery_view {
    const struct nh_battery_snapshot *s;
    uint32_t known; // fields that count: valid, not stale
    const struct nh_battery_control_output *limits;
    const struct nh_battery_can_alarms *alarms;
    const char *errors; // messages of the active alarms, "; " between; "": none
};

size_t nh_battery_value_count(void);
void nh_battery_value_info(size_t at, struct nh_battery_value_info *out);
enum nh_battery_presence {
    NH_BATTERY_UNSEEN,  // whether the pack has such a thing is not known yet
    NH_BATTERY_ABSENT,  // no such cell, no such sensor
    NH_BATTERY_PRESENT, // it has one, whether its value is known now or not
};
uint8_t nh_battery_value_presence(size_t at, const struct nh_battery_snapshot *s);

// A number rounded to its decimals: 10^-decimals of its unit. A flag: 0 or 1. A text: not this.
// False: it is not known now.
bool nh_battery_value_number(size_t at, const struct nh_battery_view *v, int64_t *out);
const char *nh_battery_value_text(size_t at, const struct nh_battery_view *v); // NULL: not known
// The value as one word: "53.33", "ON", "charging". 0: not known. Else its length; `cap` at least
// NH_BATTERY_TEXT_MAX_BYTES.
size_t nh_battery_value_print(size_t at, const struct nh_battery_view *v, char *out, size_t cap);

// One JSON object with all present values of a group; null: not known now. Flags are "ON" and
// "OFF".
void nh_battery_group_write(uint8_t group, const struct nh_battery_view *v, nh_json_writer_t *w);
// What Victron's dbus-mqtt-battery takes.
void nh_battery_victron_write(const struct nh_battery_view *v, nh_json_writer_t *w);

#endif
