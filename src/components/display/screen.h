// screen.h - what a screen is: state that is made when it is shown first, and how it is painted.

#ifndef NH_DISPLAY_SCREEN_H
#define NH_DISPLAY_SCREEN_H

#include "components/display/display.h"

enum nh_display__screen_id {
    NH_DISPLAY__MACRO_1,
    NH_DISPLAY__INFO = NH_DISPLAY__MACRO_1 + NH_MACRO_SCREENS,
    NH_DISPLAY__TEST,
    NH_DISPLAY__ERROR,
    NH_DISPLAY__IMAGE, // keeps an image in a box
    NH_DISPLAY__SPLASH,
    NH_DISPLAY__DIRECT, // an image that went straight to the panel
    NH_DISPLAY__SCREEN_COUNT,
};

// All calls are the task `ui`'s; `state` is what state_bytes asked for, zeroed when it was made.
struct nh_display__screen_ops {
    size_t state_bytes;
    void (*show)(nh_display_t *d, void *state, unsigned number); // about to be seen
    void (*hide)(nh_display_t *d, void *state);                  // may be NULL
    // Paints what meets nh_painter_part(); everything, background included. NULL: what is on the
    // panel is left there.
    void (*paint)(nh_display_t *d, const void *state);
    void (*touch)(nh_display_t *d, void *state, const struct nh_touch *t); // may be NULL
    // Looks whether something has changed; returns when to look next. May be NULL.
    uint64_t (*tick)(nh_display_t *d, void *state, uint64_t now_ms);
    void (*destroy)(nh_display_t *d, void *state); // gives back what `state` holds; may be NULL
};

struct nh_display__screen {
    const char *id, *name;
    const struct nh_display__screen_ops *ops;
    unsigned number; // of macro screens, from 0
    bool is_selectable;
    void *state; // NULL: not made yet
};

extern const struct nh_display__screen_ops nh_display__macro_ops, nh_display__info_ops,
    nh_display__test_ops, nh_display__error_ops, nh_display__splash_ops, nh_display__image_ops,
    nh_display__direct_ops;

// Shared looks.
#define NH_DISPLAY__BACKGROUND 0x0B0F14
#define NH_DISPLAY__SURFACE 0x18202A
#define NH_DISPLAY__TEXT 0xEEF2F6
#define NH_DISPLAY__DIM 0x93A1B0
#define NH_DISPLAY__ACCENT 0x4FB3E8
#define NH_DISPLAY__WARM 0xE8824F
#define NH_DISPLAY__RED 0xE5484D

struct nh_rect nh_display__bounds(const nh_display_t *d);
// A text in the middle of a line; larger than `width` it ends in dots.
void nh_display__line(nh_display_t *d, int x, int y, const char *text, uint32_t size_px, int width,
                      uint32_t color);
// Up to `lines_max` lines, broken at blanks; returns how many there are. `y`: the first baseline.
int nh_display__lines(nh_display_t *d, int x, int y, const char *text, uint32_t size_px, int width,
                      int lines_max, uint32_t color);
uint32_t nh_display__mixed(uint32_t a, uint32_t b, uint32_t b_pct);

#endif
