// png.h - a picture as a PNG file, made piece by piece as its reader takes it.

#ifndef NH_PLATFORM_PNG_H
#define NH_PLATFORM_PNG_H

#include "platform/platform.h"

typedef struct nh_png nh_png_t;

#define NH_PNG_READ_MIN_BYTES 128

struct nh_png_config {
    struct nh_mem *mem; // some 40 KiB while it lives
    uint16_t width, height;
    // The pixels of row `y`: RGB565 in the processor's byte order, `width` of them; borrowed until
    // the next call. Asked for once each, from above.
    const uint16_t *(*row)(void *ctx, uint16_t y);
    // Instead of `row`: the pixels as bytes R, G, B.
    const uint8_t *(*row_rgb)(void *ctx, uint16_t y);
    void *ctx;
};
// NH_ERR_NOMEM; NH_ERR_RANGE: a size of 0. `*out` is NULL then.
NH_MUST_USE int nh_png_create(const struct nh_png_config *cfg, nh_png_t **out);
// The next bytes of the file, at most `cap` (at least NH_PNG_READ_MIN_BYTES). 0: it is whole.
size_t nh_png_read(nh_png_t *p, void *out, size_t cap);
void nh_png_destroy(nh_png_t *p); // NULL: nothing

#endif
