// pixels.h - a chain of addressable LEDs: power, data line, driver. A port gives one by a table;
// the lamp makes the calls, in the order of its power sequence:
//
//   on:  data_low, power(true), 50 ms, open, show(black) ... show ...
//   off: (the render task has ended) close, data_low, power(false)
//
// show() is the render task's alone; the others are made while it does not run.

#ifndef NH_PLATFORM_PIXELS_H
#define NH_PLATFORM_PIXELS_H

#include "platform/gpio.h"

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

// A chain that is not there: takes everything, shows nothing.
void nh_pixels_null(struct nh_pixels *out);

// ---- WS2812 and its kin on the data line of an SPI port ----------------------------------------

enum nh_pixels_chip {
    NH_PIXELS_WS2812, // WS2812B of all versions, WS2813, WS2815
    NH_PIXELS_SK6812, // SK6812
    // SK6812 with a white LED: it gets what red, green and blue have in common instead of them.
    NH_PIXELS_SK6812_RGBW,
};
// In which order the bytes of a pixel go over the wire; white is the last.
enum nh_pixels_order {
    NH_PIXELS_GRB,
    NH_PIXELS_RGB,
    NH_PIXELS_BRG,
    NH_PIXELS_RBG,
    NH_PIXELS_GBR,
    NH_PIXELS_BGR,
};

struct nh_pixels_spi_config {
    struct nh_mem *mem; // borrowed; outlives the port
    const char *path;   // "/dev/spidev0.0"; copied. A file holds the newest frame's bytes.
    enum nh_pixels_chip chip;
    enum nh_pixels_order order;
    nh_gpio_out_t *power; // the switch of the panels; taken on success. NULL: always on
};
// Opens the port; close() and open() of the table keep the device, destroy() closes it. open():
// NH_ERR_TOO_LONG when a frame is more than the driver takes at once (`spidev.bufsiz`), said in the
// log; NH_ERR_NOMEM. Of this call: NH_ERR_NOT_FOUND: no such device. NH_ERR_DENIED: not for this
// user. NH_ERR_UNSUPPORTED: a device that is no SPI port. NH_ERR_TOO_LONG: the path. NH_ERR_NOMEM.
// Nothing was made then.
NH_MUST_USE int nh_pixels_spi(const struct nh_pixels_spi_config *cfg, struct nh_pixels *out);

#endif
