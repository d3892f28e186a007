// macro_layout.h - where the buttons of a macro screen lie: geometry alone.

#ifndef NH_MACRO_LAYOUT_H
#define NH_MACRO_LAYOUT_H

#include "components/display/macro_view.h"
#include "core/base/rect.h"
#include "platform/painter.h"

enum nh_macro__shape { NH_MACRO__DISC, NH_MACRO__WEDGE, NH_MACRO__SLICE };
struct nh_macro__cell {
    enum nh_macro__shape shape;
    struct nh_wedge wedge; // also a disc
    struct nh_rect box;    // of a slice
    float x, y, radius;    // of the disc that cuts it
    float rounding;
    struct nh_rect bounds;  // all of its pixels
    struct nh_rect content; // where icon and label go
};

// The cell of a slot on a panel of that size; false: the template does not use the slot.
bool nh_macro__cell_of(enum nh_macro_template layout, unsigned slot, uint16_t width,
                       uint16_t height, struct nh_macro__cell *out);
// Whether a finger at (x, y) is on it.
bool nh_macro__cell_has(const struct nh_macro__cell *c, int x, int y);

#endif
