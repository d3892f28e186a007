#include "platform/linux/keyboard/keyboard_events.h"

#include <linux/input-event-codes.h>
#include <string.h>

#define USAGE_COUNT 0x74u

// By usage of the keyboard page; 0: Linux has no key for it.
static const uint16_t usages[USAGE_COUNT] = {
    [0x04] = KEY_A,
    KEY_B,
    KEY_C,
    KEY_D,
    KEY_E,
    KEY_F,
    KEY_G,
    KEY_H,
    KEY_I,
    KEY_J,
    KEY_K,
    KEY_L,
    KEY_M,
    KEY_N,
    KEY_O,
    KEY_P,
    KEY_Q,
    KEY_R,
    KEY_S,
    KEY_T,
    KEY_U,
    KEY_V,
    KEY_W,
    KEY_X,
    KEY_Y,
    KEY_Z,
    KEY_1,
    KEY_2,
    KEY_3,
    KEY_4,
    KEY_5,
    KEY_6,
    KEY_7,
    KEY_8,
    KEY_9,
    KEY_0,
    KEY_ENTER,
    KEY_ESC,
    KEY_BACKSPACE,
    KEY_TAB,
    KEY_SPACE,
    KEY_MINUS,
    KEY_EQUAL,
    KEY_LEFTBRACE,
    KEY_RIGHTBRACE,
    KEY_BACKSLASH,
    KEY_BACKSLASH,
    KEY_SEMICOLON,
    KEY_APOSTROPHE,
    KEY_GRAVE,
    KEY_COMMA,
    KEY_DOT,
    KEY_SLASH,
    KEY_CAPSLOCK,
    KEY_F1,
    KEY_F2,
    KEY_F3,
    KEY_F4,
    KEY_F5,
    KEY_F6,
    KEY_F7,
    KEY_F8,
    KEY_F9,
    KEY_F10,
    KEY_F11,
    KEY_F12,
    KEY_SYSRQ,
    KEY_SCROLLLOCK,
    KEY_PAUSE,
    KEY_INSERT,
    KEY_HOME,
    KEY_PAGEUP,
    KEY_DELETE,
    KEY_END,
    KEY_PAGEDOWN,
    KEY_RIGHT,
    KEY_LEFT,
    KEY_DOWN,
    KEY_UP,
    KEY_NUMLOCK,
    KEY_KPSLASH,
    KEY_KPASTERISK,
    KEY_KPMINUS,
    KEY_KPPLUS,
    KEY_KPENTER,
    KEY_KP1,
    KEY_KP2,
    KEY_KP3,
    KEY_KP4,
    KEY_KP5,
    KEY_KP6,
    KEY_KP7,
    KEY_KP8,
    KEY_KP9,
    KEY_KP0,
    KEY_KPDOT,
    KEY_102ND,
    KEY_COMPOSE,
    KEY_POWER,
    KEY_KPEQUAL,
    [0x68] = KEY_F13,
    KEY_F14,
    KEY_F15,
    KEY_F16,
    KEY_F17,
    KEY_F18,
    KEY_F19,
    KEY_F20,
    KEY_F21,
    KEY_F22,
    KEY_F23,
    KEY_F24,
};

static const uint16_t modifiers[8] = {KEY_LEFTCTRL,  KEY_LEFTSHIFT,  KEY_LEFTALT,  KEY_LEFTMETA,
                                      KEY_RIGHTCTRL, KEY_RIGHTSHIFT, KEY_RIGHTALT, KEY_RIGHTMETA};

static const uint16_t consumer[16] = {KEY_NEXTSONG, KEY_PREVIOUSSONG, KEY_STOPCD,     KEY_PLAYPAUSE,
                                      KEY_MUTE,     KEY_VOLUMEUP,     KEY_VOLUMEDOWN, KEY_HOMEPAGE,
                                      KEY_FILE,     KEY_CALC,         KEY_BOOKMARKS,  KEY_SEARCH,
                                      KEY_STOP,     KEY_BACK,         KEY_CONFIG,     KEY_MAIL};

struct list {
    struct nh_keyboard__event *out;
    int count;
};

static void add(struct list *l, uint16_t code, bool is_down)
{
    if (code)
        l->out[l->count++] = (struct nh_keyboard__event){code, is_down};
}

static void add_bits(struct list *l, const uint16_t *codes, uint32_t bits, bool is_down)
{
    for (unsigned i = 0; bits >> i; i++)
        if (bits >> i & 1)
            add(l, codes[i], is_down);
}

static bool has(const uint8_t keys[7], uint8_t usage)
{
    return memchr(keys + 1, usage, 6) != NULL;
}

static void add_keys(struct list *l, const uint8_t in[7], const uint8_t not_in[7], bool is_down)
{
    for (unsigned i = 1; i < 7; i++)
        if (in[i] && in[i] < USAGE_COUNT && !has(not_in, in[i]))
            add(l, usages[in[i]], is_down);
}

static void keyboard(struct nh_keyboard__state *s, const uint8_t *report, struct list *l)
{
    uint8_t keys[7];
    keys[0] = report[1];
    memcpy(keys + 1, report + 3, 6);
    add_keys(l, s->keys, keys, false);
    add_bits(l, modifiers, s->keys[0] & ~(uint32_t)keys[0] & 0xFF, false);
    add_bits(l, modifiers, keys[0] & ~(uint32_t)s->keys[0] & 0xFF, true);
    add_keys(l, keys, s->keys, true);
    memcpy(s->keys, keys, sizeof keys);
}

int nh_keyboard__events(struct nh_keyboard__state *s, const uint8_t *report, size_t len,
                        struct nh_keyboard__event out[NH_KEYBOARD__EVENT_MAX])
{
    struct list l = {out, 0};
    if (len == 9 && report[0] == 1) {
        keyboard(s, report, &l);
        return l.count;
    }
    if (len != 3 || report[0] != 2)
        return NH_ERR_INVAL;
    uint16_t bits = (uint16_t)(report[1] | report[2] << 8);
    add_bits(&l, consumer, s->consumer & ~(uint32_t)bits & 0xFFFF, false);
    add_bits(&l, consumer, bits & ~(uint32_t)s->consumer & 0xFFFF, true);
    s->consumer = bits;
    return l.count;
}

uint16_t nh_keyboard__code_at(size_t index)
{
    for (size_t i = 0; i < USAGE_COUNT; i++)
        if (usages[i] && index-- == 0)
            return usages[i];
    if (index < NH_ARRAY_LEN(modifiers))
        return modifiers[index];
    index -= NH_ARRAY_LEN(modifiers);
    return index < NH_ARRAY_LEN(consumer) ? consumer[index] : 0;
}
