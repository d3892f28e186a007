// pixels.h - a chain of addressable LEDs: power, data line, driver. A port gives one by a table;
// the lamp makes the calls, in the order of its power sequence:
//
//   on:  data_low, power(true), 50 ms, open, show(black) ... show ...
//   off: (the render task has ended) close, data_low, power(false)
//
// show() is the render task's alone; the others are made while it does not run.

#ifndef NH_PLATFORM_PIXELS_H
#define NH_PLATFORM_PIXELS_H

#include "platform/platform.h"

struct nh_pixels {
    void *ctx;
    const char *name; // for people: "spi /dev/spidev0.0"; static, or of ctx
    // The data pin is a plain output, low. May be NULL.
    int (*data_low)(void *ctx);
    // The switch of the panels' supply. May be NULL: always on.
    int (*power)(void *ctx, bool on);
    // Takes the driver for `count` pixels. Owned by the lamp until close().
    int (*open)(void *ctx, uint32_t count);
    // Sends `count` pixels of 3 bytes R, G, B in the order of the chain; borrowed for the call, in
    // which they are sent or copied. May block as long as the chain takes. < 0: not shown.
    int (*show)(void *ctx, const uint8_t *rgb, uint32_t count);
    void (*close)(void *ctx);
    void (*destroy)(void *ctx); // the last call; may be NULL
};

#endif
