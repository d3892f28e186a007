// keyboard_events.h - from HID reports to the key events of Linux: what went down and what came up
// between two of them. Shared in this folder only.

#ifndef NH_KEYBOARD_EVENTS_H
#define NH_KEYBOARD_EVENTS_H

#include "platform/keyboard.h"

#define NH_KEYBOARD__EVENT_MAX 32u

struct nh_keyboard__event {
    uint16_t code; // KEY_...
    bool is_down;
};

// What the last reports said.
struct nh_keyboard__state {
    uint8_t keys[7]; // modifiers and six usages
    uint16_t consumer;
};

// The events of a report in the order that a computer should see them, so that each key goes with
// its own modifiers: keys up, modifiers up, modifiers down, keys down. Returns how many;
// NH_ERR_INVAL: no such report, and nothing changed.
NH_MUST_USE int nh_keyboard__events(struct nh_keyboard__state *s, const uint8_t *report, size_t len,
                                    struct nh_keyboard__event out[NH_KEYBOARD__EVENT_MAX]);

// The codes that a keyboard can ever send, one by one; 0 past the last.
uint16_t nh_keyboard__code_at(size_t index);

#endif
