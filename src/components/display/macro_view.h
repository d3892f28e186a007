// macro_view.h - what the macro screens paint from. Macropad fills it in; display only reads.
//
// The task `ui` makes every call of a view; what stands behind it guards what it copies, and posts
// what it is told.

#ifndef NH_MACRO_VIEW_H
#define NH_MACRO_VIEW_H

#include "core/base/base.h"

#define NH_MACRO_SCREENS 8u
#define NH_MACRO_SLOTS 16u

enum nh_macro_template { // order as in the document; geometry is display's
    NH_MACRO_RING_9,
    NH_MACRO_PIE_8,
    NH_MACRO_STACK_SIDES_5,
    NH_MACRO_WIDE_SIDES_3,
    NH_MACRO_SPLIT_SIDES_4,
};

enum nh_macro_action { // what the label of a button without label says; order of spec 4.1
    NH_MACRO_NONE,
    NH_MACRO_KEYS,
    NH_MACRO_PREV,
    NH_MACRO_NEXT,
    NH_MACRO_TO,
    NH_MACRO_BACK,
    NH_MACRO_MQTT,
    NH_MACRO_OTHER, // whatever the house adds (scenario, lamp)
};

struct nh_macro_screen {
    enum nh_macro_template layout;
    uint32_t background; // 0xRRGGBB, defaults already applied
    bool is_empty;       // no button has an action, an icon or a label
};

struct nh_macro_button { // copied out whole; colours with defaults applied
    char label[16];      // UTF-8, NUL-terminated, cut at a code point
    enum nh_macro_action action;
    bool has_icon; // an icon is named; nav_prev/nav_next without one: display draws its own chevron
    char icon_id[32];   // normalised; "" without one
    char icon_text[64]; // icon.display (the emoji's text), "" without
    uint32_t background;
    uint32_t icon_color;
    uint32_t label_color;
    bool is_used; // false: slot is drawn not at all (action none, no label, no icon)
};

enum nh_macro_icon_format {
    NH_MACRO_ICON_MASK,  // one byte a pixel: coverage, tinted with icon_color
    NH_MACRO_ICON_COLOR, // three bytes a pixel: RGB565 low byte first, alpha (ICN1 format 1)
};

struct nh_macro_icon {
    uint16_t width, height; // 1..256
    enum nh_macro_icon_format format;
    const uint8_t *pixels; // rows without padding; until icon_release()
    void *handle;          // macropad's: what icon_release() gets back
};

struct nh_macro_view {
    void *ctx;
    // A number that changes whenever anything below would answer differently (document applied,
    // icon installed or removed). Atomic read; no lock.
    uint32_t (*revision)(void *ctx);
    // `screen` 0..7, `slot` 0..15. Out of range: false, `*out` zeroed.
    bool (*screen)(void *ctx, unsigned screen, struct nh_macro_screen *out);
    bool (*button)(void *ctx, unsigned screen, unsigned slot, struct nh_macro_button *out);
    // A reference to the pixels of `id`, held until icon_release() (counted: an icon that is shown
    // is never freed under the painter). False: no such icon, or no memory for it; display draws
    // icon_text instead.
    bool (*icon)(void *ctx, const char *id, struct nh_macro_icon *out);
    void (*icon_release)(void *ctx, const struct nh_macro_icon *icon);
    // A finger went down on, or left, a slot that is used. Posts to the owner; never blocks.
    void (*press)(void *ctx, unsigned screen, unsigned slot);
    void (*release)(void *ctx, unsigned screen, unsigned slot);
};

#endif
