// hid_report.h - the reports of a keyboard as USB and Bluetooth have them (HID 1.11, usage tables
// 1.3): keyboard report id 1, consumer control report id 2. Byte for byte those of the firmware.

#ifndef NH_HID_REPORT_H
#define NH_HID_REPORT_H

#include "core/base/base.h"

#define NH_HID_KEYBOARD_ID 1u
#define NH_HID_CONSUMER_ID 2u
#define NH_HID_KEYBOARD_BYTES 9u // id, modifiers, 0, six keys
#define NH_HID_CONSUMER_BYTES 3u // id, 16 bits low byte first
#define NH_HID_KEY_COUNT 6u      // held down at once, besides modifiers

// Bits of the modifiers' byte.
enum nh_hid_modifier {
    NH_HID_LEFT_CTRL = 1 << 0,
    NH_HID_LEFT_SHIFT = 1 << 1,
    NH_HID_LEFT_ALT = 1 << 2,
    NH_HID_LEFT_GUI = 1 << 3,
    NH_HID_RIGHT_CTRL = 1 << 4,
    NH_HID_RIGHT_SHIFT = 1 << 5,
    NH_HID_RIGHT_ALT = 1 << 6, // AltGr
    NH_HID_RIGHT_GUI = 1 << 7,
};

// Usages of the keyboard page that are no letters.
enum nh_hid_usage {
    NH_HID_A = 0x04, // to Z: 0x1D
    NH_HID_1 = 0x1E, // to 9: 0x26
    NH_HID_0 = 0x27,
    NH_HID_ENTER = 0x28,
    NH_HID_ESCAPE,
    NH_HID_BACKSPACE,
    NH_HID_TAB,
    NH_HID_SPACE,
    NH_HID_CAPS_LOCK = 0x39,
    NH_HID_F1, // to F12: 0x45
    NH_HID_PRINT_SCREEN = 0x46,
    NH_HID_SCROLL_LOCK,
    NH_HID_PAUSE,
    NH_HID_INSERT,
    NH_HID_HOME,
    NH_HID_PAGE_UP,
    NH_HID_DELETE,
    NH_HID_END,
    NH_HID_PAGE_DOWN,
    NH_HID_RIGHT,
    NH_HID_LEFT,
    NH_HID_DOWN,
    NH_HID_UP,
    NH_HID_NUM_LOCK,
    NH_HID_PAD_DIVIDE,
    NH_HID_PAD_MULTIPLY,
    NH_HID_PAD_MINUS,
    NH_HID_PAD_PLUS,
    NH_HID_PAD_ENTER,
    NH_HID_PAD_1, // to 9: 0x61
    NH_HID_PAD_0 = 0x62,
    NH_HID_PAD_POINT,
    NH_HID_NON_US_BACKSLASH,
    NH_HID_MENU,
    NH_HID_F13 = 0x68, // to F24: 0x73
};

// Bits of the consumer report.
enum nh_hid_consumer {
    NH_HID_NEXT_TRACK = 1 << 0,
    NH_HID_PREVIOUS_TRACK = 1 << 1,
    NH_HID_STOP = 1 << 2,
    NH_HID_PLAY_PAUSE = 1 << 3,
    NH_HID_MUTE = 1 << 4,
    NH_HID_VOLUME_UP = 1 << 5,
    NH_HID_VOLUME_DOWN = 1 << 6,
    NH_HID_WWW_HOME = 1 << 7,
    NH_HID_MY_COMPUTER = 1 << 8,
    NH_HID_CALCULATOR = 1 << 9,
    NH_HID_FAVORITES = 1 << 10,
    NH_HID_SEARCH = 1 << 11,
    NH_HID_BROWSER_STOP = 1 << 12,
    NH_HID_BROWSER_BACK = 1 << 13,
    NH_HID_MEDIA_SELECT = 1 << 14,
    NH_HID_MAIL = 1 << 15,
};

// What is down. Unused places are 0.
struct nh_hid_keys {
    uint8_t modifiers;
    uint8_t usages[NH_HID_KEY_COUNT];
};

void nh_hid_keyboard_report(const struct nh_hid_keys *k, uint8_t out[NH_HID_KEYBOARD_BYTES]);
void nh_hid_consumer_report(uint16_t bits, uint8_t out[NH_HID_CONSUMER_BYTES]);

// Describes both reports to a host.
extern const uint8_t nh_hid_report_descriptor[];
extern const size_t nh_hid_report_descriptor_bytes;

#endif
