// battery_command.h - what comes by MQTT for a register of the board: a key or an address, to be
// read or set. Sans-IO. docs/battery-mqtt.md, section "Registers".

#ifndef NH_BATTERY_COMMAND_H
#define NH_BATTERY_COMMAND_H

#include "components/battery/battery.h"

#define NH_BATTERY_COMMAND_MAX_BYTES 512 // a longer message is refused

struct nh_battery_command {
    const struct nh_tinybms_register *reg;
    bool is_write;
    double value; // in the register's unit, within its range
};
// {"key":"..."} or {"address":n}, with "read":true or "value":number. `why`: for people.
// NH_ERR_SYNTAX, _TYPE and others of the text; NH_ERR_TOO_LONG; NH_ERR_INVAL: not one of the two
// pairs; NH_ERR_NOT_FOUND: no such register; NH_ERR_DENIED: it cannot be set, or not by this way,
// since it needs a confirmation; NH_ERR_RANGE: the value.
NH_MUST_USE int nh_battery_command_read(nh_span_t payload, struct nh_battery_command *out,
                                        char *why, size_t cap);

#endif
