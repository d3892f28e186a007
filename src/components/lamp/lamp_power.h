// lamp_power.h - the order in which the panels are switched, as a state machine. Sans-IO: the owner
// asks for the next deed, does it, and says what came of it; nothing here waits.
//
//   on:   DATA_LOW, SWITCH_ON (5 tries, 50 ms apart), 50 ms, OPEN, START
//   off:  STOP, the render task ends within 1000 ms, CLOSE, DATA_LOW, SWITCH_OFF (5 tries), 30 ms
//
// With low-side switching the panels' ground floats while they are off: a high data line would feed
// them through their inputs. So nothing is sent, and the line is low, whenever the switch moves.
// Reference: docs/lamp.md, section Power.

#ifndef NH_LAMP_POWER_H
#define NH_LAMP_POWER_H

#include "components/lamp/lamp.h"

#define NH_LAMP__SWITCH_TRIES 5
#define NH_LAMP__SWITCH_RETRY_MS 50
#define NH_LAMP__SETTLE_ON_MS 50
#define NH_LAMP__SETTLE_OFF_MS 30
#define NH_LAMP__STOP_MS 1000

enum nh_lamp__deed {
    NH_LAMP__DO_NOTHING, // until the deadline
    NH_LAMP__DO_DATA_LOW,
    NH_LAMP__DO_SWITCH_ON,
    NH_LAMP__DO_SWITCH_OFF,
    NH_LAMP__DO_OPEN,
    NH_LAMP__DO_CLOSE,
    NH_LAMP__DO_START,    // the render task
    NH_LAMP__DO_STOP,     // tell it to end
    NH_LAMP__DO_WITHDRAW, // it did not end in time: it may go on
    NH_LAMP__DO_JOIN,     // it has ended
};

enum nh_lamp__step { // private
    NH_LAMP__IS_OFF,
    NH_LAMP__ON_DATA,
    NH_LAMP__ON_SWITCH,
    NH_LAMP__ON_RETRY,
    NH_LAMP__ON_SETTLE,
    NH_LAMP__ON_OPEN,
    NH_LAMP__ON_START,
    NH_LAMP__IS_ON,
    NH_LAMP__OFF_STOP,
    NH_LAMP__OFF_WAIT,
    NH_LAMP__OFF_WITHDRAW,
    NH_LAMP__OFF_JOIN,
    NH_LAMP__OFF_CLOSE,
    NH_LAMP__OFF_DATA,
    NH_LAMP__OFF_SWITCH,
    NH_LAMP__OFF_RETRY,
    NH_LAMP__OFF_SETTLE,
};

typedef struct nh_lamp__power { // private
    enum nh_lamp__step step;
    bool wanted;
    bool has_failed;  // and nobody has asked since
    bool may_be_lit;  // the switch was told to go on, and has not gone off since
    bool has_started; // the render task runs, or has ended and is not joined yet
    uint32_t tries;
    uint64_t due_ms;
    int error;       // of the last failure, enum nh_err
    const char *why; // for people, static
} nh_lamp__power_t;

void nh_lamp__power_init(nh_lamp__power_t *p);
// Asks for it; what is being done is done to its end first. After a failure it tries again, also
// when that was wanted before.
void nh_lamp__power_want(nh_lamp__power_t *p, bool on, uint64_t now_ms);
// What is to be done now. Ask until it says NOTHING, each time after nh_lamp__power_done().
enum nh_lamp__deed nh_lamp__power_next(nh_lamp__power_t *p, uint64_t now_ms);
// The deed that was asked for has been done; < 0: it failed.
void nh_lamp__power_done(nh_lamp__power_t *p, int result, uint64_t now_ms);
// The render task has ended; whether it was told to or not.
void nh_lamp__power_ended(nh_lamp__power_t *p, uint64_t now_ms);
uint64_t nh_lamp__power_deadline(const nh_lamp__power_t *p); // NH_NEVER: none
enum nh_lamp_power nh_lamp__power_state(const nh_lamp__power_t *p);
bool nh_lamp__power_is_dark(const nh_lamp__power_t *p); // nothing runs, and nothing will by itself

#endif
