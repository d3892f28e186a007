// lamp_button.h - one button: from a level that bounces to clicks and long presses.
//
// Sans-IO: levels and times in, events and a deadline out. What it says depends on the edges and
// their times alone, not on when and how often it is asked: a trace has its answers.
//
//   level  __|~|_|~~~~~~~~~~~|__________________________|~~~~~~~~~~|____________________
//             bounces  held         < click gap             held      click gap over
//   event                                                                           DOUBLE

#ifndef NH_LAMP_BUTTON_H
#define NH_LAMP_BUTTON_H

#include "core/base/base.h"

enum nh_lamp_click {
    NH_LAMP_CLICK_NONE,
    NH_LAMP_CLICK_SHORT,
    NH_LAMP_CLICK_DOUBLE,
    NH_LAMP_CLICK_TRIPLE, // three and more
    NH_LAMP_CLICK_LONG,   // while it is held; clicks before it count no more
    NH_LAMP_CLICK_COUNT
};
// "short", "double", "triple", "long"; "none".
const char *nh_lamp_click_name(enum nh_lamp_click c);
// NH_LAMP_CLICK_NONE: no such name.
enum nh_lamp_click nh_lamp_click_find(const char *name, size_t len);

struct nh_lamp_button_config {
    uint32_t debounce_ms;  // 0: 30. A level counts once it stood so long.
    uint32_t click_gap_ms; // 0: 450. From the last release until clicks are told.
    uint32_t long_ms;      // 0: 3000. From the press.
    uint32_t rate_ms;      // 0: 150. An event that follows sooner is dropped and counted.
};

// Embedded by the caller; private.
typedef struct nh_lamp_button {
    struct nh_lamp_button_config cfg;
    uint64_t now_ms; // of the last call: time does not go back
    bool raw;        // the level as it was given, since raw_ms
    uint64_t raw_ms;
    bool pressed;     // the level that counts
    bool is_spent;    // this press has no more to say: a long one, or it was there at the start
    uint64_t edge_ms; // when `pressed` began
    uint32_t clicks;  // so far, of a gesture that goes on
    uint64_t told_ms; // the last event's time; NH_NEVER: none yet
    uint32_t bounce_count, dropped_count, event_count;
} nh_lamp_button_t;

// A button that is down at the start says nothing until it was released: one that hangs, or that
// woke the machine, switches nothing off.
void nh_lamp_button_init(nh_lamp_button_t *b, const struct nh_lamp_button_config *cfg, bool level,
                         uint64_t now_ms);
// The level at `now_ms`, given again or changed. A time before that of the last call counts as it.
enum nh_lamp_click nh_lamp_button_input(nh_lamp_button_t *b, bool level, uint64_t now_ms);
// Only time has passed.
enum nh_lamp_click nh_lamp_button_tick(nh_lamp_button_t *b, uint64_t now_ms);
// When to call tick() next; NH_NEVER: not before the next change.
uint64_t nh_lamp_button_next(const nh_lamp_button_t *b);

#endif
