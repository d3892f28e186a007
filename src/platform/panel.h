// panel.h - a panel: pixels out, a brightness, touches in. A port gives one by a table; the task
// that draws makes all calls.

#ifndef NH_PLATFORM_PANEL_H
#define NH_PLATFORM_PANEL_H

#include "core/base/rect.h"
#include "platform/platform.h"

// Of a finger, from any task of the panel's.
enum nh_touch_phase { NH_TOUCH_DOWN, NH_TOUCH_MOVE, NH_TOUCH_UP };
struct nh_touch {
    enum nh_touch_phase phase;
    int16_t x, y; // pixels of the panel
};

struct nh_panel {
    void *ctx;
    uint16_t width, height;
    bool is_round; // what is outside of the circle is not seen
    // Shows pixels: RGB565 in the processor's byte order, rows `stride` pixels apart, borrowed for
    // the call. `at` lies within the panel.
    void (*flush)(void *ctx, struct nh_rect at, const uint16_t *pixels, size_t stride);
    // Percent of the light behind it; 0: dark. May be NULL.
    void (*brightness)(void *ctx, uint32_t pct);
    // Where touches go to from now on; NULL: nowhere. May be NULL: it feels nothing.
    void (*listen)(void *ctx, void (*touch)(void *to, const struct nh_touch *t), void *to);
    void (*close)(void *ctx); // may be NULL
};

#endif
