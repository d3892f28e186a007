// battery_can.h - frames by which an inverter knows a pack, in the dialect common to BYD and
// Victron and in Pylontech's 1.2. 500 kbit/s, 11 bit identifiers, little endian. Sans-IO.
//
// Every frame and every bit: docs/battery-can.md.

#ifndef NH_BATTERY_CAN_H
#define NH_BATTERY_CAN_H

#include "components/battery_bridge/battery_control.h"
#include "platform/can.h"

enum nh_battery_can_dialect { NH_BATTERY_CAN_VICTRON, NH_BATTERY_CAN_PYLONTECH };

// What an alarm is about, in the order of the fields of 0x35A.
enum nh_battery_can_alarm {
    NH_BATTERY_CAN_GENERAL,
    NH_BATTERY_CAN_HIGH_VOLTAGE,
    NH_BATTERY_CAN_LOW_VOLTAGE,
    NH_BATTERY_CAN_HIGH_TEMPERATURE,
    NH_BATTERY_CAN_LOW_TEMPERATURE,
    NH_BATTERY_CAN_HIGH_TEMPERATURE_CHARGE,
    NH_BATTERY_CAN_LOW_TEMPERATURE_CHARGE,
    NH_BATTERY_CAN_HIGH_CURRENT,
    NH_BATTERY_CAN_HIGH_CHARGE_CURRENT,
    NH_BATTERY_CAN_CONTACTOR,
    NH_BATTERY_CAN_SHORT_CIRCUIT,
    NH_BATTERY_CAN_INTERNAL,
    NH_BATTERY_CAN_IMBALANCE,
    NH_BATTERY_CAN_ALARM_COUNT,
    NH_BATTERY_CAN_LOW_CHARGE =
        NH_BATTERY_CAN_ALARM_COUNT, // without a field: other bridges tell it
};
// Bits of enum nh_battery_can_alarm. What is not watched is told as "not supported".
struct nh_battery_can_alarms {
    uint32_t watched, alarms, warnings;
};
// Adds an active alarm of the model by its code (docs/battery.md); codes that no field is for are
// passed over.
void nh_battery_can_alarm_add(struct nh_battery_can_alarms *a, uint16_t code, uint8_t severity);

struct nh_battery_can_input {
    const struct nh_battery_snapshot *s; // borrowed
    uint32_t known;                      // its fields that count
    struct nh_battery_control_output limits;
    struct nh_battery_can_alarms alarms;
    bool is_lost; // the board: limits are what they are, and nothing of `s` is told
    const char *name;
};

#define NH_BATTERY_CAN_MANUFACTURER "Enepaq"
#define NH_BATTERY_CAN_FAMILY "TinyBMS"

// How many frames a dialect has, and every how many seconds frame `at` goes out.
size_t nh_battery_can_count(uint8_t dialect);
uint32_t nh_battery_can_period_s(uint8_t dialect, size_t at);
// Makes frame `at`. False: what it tells is not known, and it is left out.
bool nh_battery_can_encode(uint8_t dialect, size_t at, const struct nh_battery_can_input *in,
                           struct nh_can_frame *out);

// ---- what comes in

#define NH_BATTERY_CAN_ALIVE 0x305
#define NH_BATTERY_CAN_IDENTITY 0x307
// An inverter that was heard. Zeroed: none.
struct nh_battery_can_peer {
    uint64_t frames, alive_count, foreign; // foreign: of no meaning here
    uint64_t alive_ms;                     // of the last 0x305; 0: never
    char identity[9];                      // text of 0x307, what is printable; "": none
};
void nh_battery_can_hear(struct nh_battery_can_peer *p, const struct nh_can_frame *f,
                         uint64_t now_ms);
// Heard of within `timeout_ms`.
bool nh_battery_can_is_alive(const struct nh_battery_can_peer *p, uint64_t now_ms,
                             uint64_t timeout_ms);

// ---- a lost board

// The limits outlive the board by a hold, if all cells stood so far under "full"; then they are 0
// for a while, and then nothing is said: an inverter stops 3 s later.
#define NH_BATTERY_CAN_HOLD_HIGH_MV 275
#define NH_BATTERY_CAN_HOLD_LOW_MV 425
enum nh_battery_can_phase {
    NH_BATTERY_CAN_SILENT,
    NH_BATTERY_CAN_FRESH,
    NH_BATTERY_CAN_HOLD,
    NH_BATTERY_CAN_ZERO,
};
const char *nh_battery_can_phase_text(uint8_t phase); // "silent" ...
// Zeroed: nothing was seen yet, silent.
struct nh_battery_can_watch {
    uint8_t phase;
    bool may_hold;
    uint64_t since_ms; // of the phase
};
// One step: `is_fresh` whether the limits come from values that count now.
void nh_battery_can_watch_step(struct nh_battery_can_watch *w, bool is_fresh,
                               const struct nh_battery_snapshot *s, uint32_t hold_ms,
                               uint32_t zero_ms, uint64_t now_ms);

#endif
