// icon_set.h - the built-in icons: masks of 64 x 64 in the program's constants, packed. They are
// drawn in icons.txt; the build makes them (scripts/make_icons.py).

#ifndef NH_ICON_SET_H
#define NH_ICON_SET_H

#include "core/base/base.h"

#define NH_ICON_MASK_SIDE 64u
#define NH_ICON_MASK_BYTES (NH_ICON_MASK_SIDE * NH_ICON_MASK_SIDE)

struct nh_icon_builtin {
    const char *id;
    const uint8_t *packed;
    size_t len;
};
extern const struct nh_icon_builtin nh_icon_set[]; // in the order of their ids
extern const size_t nh_icon_set_count;

// The icon of that id; NULL: there is none.
const struct nh_icon_builtin *nh_icon_set_find(const char *id);

// Unpacks a mask: a byte a pixel, how much of it is covered, row by row.
void nh_icon_unpack(const struct nh_icon_builtin *icon, uint8_t out[NH_ICON_MASK_BYTES]);

#endif
