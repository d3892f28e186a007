// keyboard.h - a keyboard that the program is to a computer: reports as HID has them go out.
//
// The port says which computer: on Linux this one (uinput), on a chip the one that is paired by
// Bluetooth. All calls are the owner's task.

#ifndef NH_KEYBOARD_H
#define NH_KEYBOARD_H

#include "platform/platform.h"

typedef struct nh_keyboard nh_keyboard_t;

struct nh_keyboard_config {
    const char *path; // of the device; NULL or "": the port's own
    const char *name; // as the computer shows it; copied; cut to what it allows
};

// NH_ERR_NOT_FOUND: there is no such device. NH_ERR_DENIED: not for this user. NH_ERR_UNSUPPORTED:
// it is none that makes keyboards. NH_ERR_NOMEM, NH_ERR_IO. Nothing was made, `*out` is NULL.
NH_MUST_USE int nh_keyboard_open(struct nh_mem *mem, const struct nh_keyboard_config *cfg,
                                 nh_keyboard_t **out);

// Sends one report: id 1 (modifiers, 0, six usages of the keyboard page) or id 2 (16 bits of
// consumer control, low byte first). Never blocks. NH_ERR_INVAL: another id or length.
// NH_ERR_CLOSED, NH_ERR_IO: the computer did not take it.
NH_MUST_USE int nh_keyboard_report(nh_keyboard_t *k, const uint8_t *report, size_t len);

void nh_keyboard_close(nh_keyboard_t *k); // NULL: nothing. What was down comes up.

#endif
