// gif.h - pictures that move, as a GIF file: one palette, frames that repeat for ever.

#ifndef NH_PLATFORM_GIF_H
#define NH_PLATFORM_GIF_H

#include "platform/platform.h"

typedef struct nh_gif nh_gif_t;

#define NH_GIF_COLOR_MAX_COUNT 255 // one of 256 says "as before"

struct nh_gif_config {
    struct nh_mem *mem; // one frame; the library has some 20 KiB of its own beside it
    uint16_t width, height;
    const uint32_t *colors; // 0x00RRGGBB, copied
    uint16_t color_count;   // 1 to NH_GIF_COLOR_MAX_COUNT
    // Takes the next bytes of the file; < 0: stop, which the call that led here returns.
    int (*write)(void *ctx, const void *bytes, size_t len);
    void *ctx;
};
// Writes the head. NH_ERR_RANGE: a size or a count; NH_ERR_NOMEM; NH_ERR_IO: not written. `*out`
// is NULL then.
NH_MUST_USE int nh_gif_create(const struct nh_gif_config *cfg, nh_gif_t **out);
// The next frame: `pixel` holds numbers of colours, row after row from above, borrowed for the
// call. It stands for `delay_cs` hundredths of a second. After NH_ERR_IO only destroy().
NH_MUST_USE int nh_gif_frame(nh_gif_t *g, const uint8_t *pixel, uint16_t delay_cs);
// Writes the end. Then only destroy().
NH_MUST_USE int nh_gif_finish(nh_gif_t *g);
void nh_gif_destroy(nh_gif_t *g); // NULL: nothing

#endif
