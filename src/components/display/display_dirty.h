// display_dirty.h - which parts of the panel have to be painted again: a few rectangles that do not
// overlap.

#ifndef NH_DISPLAY_DIRTY_H
#define NH_DISPLAY_DIRTY_H

#include "core/base/rect.h"

#define NH_DISPLAY__DIRTY_MAX_COUNT 8

struct nh_display__dirty {
    struct nh_rect rects[NH_DISPLAY__DIRTY_MAX_COUNT];
    unsigned count;
};

// Adds a part; those that overlap, and the nearest when there are too many, become one.
void nh_display__dirty_add(struct nh_display__dirty *d, struct nh_rect r);

#endif
