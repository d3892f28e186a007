// jpeg.h - a JPEG image, decoded a few lines at a time into pixels of the panel.
//
// Baseline images of one scan alone, with one or three components: these need no more than two rows
// of blocks in memory. One task makes all calls with a decoder. The bytes may come from anybody.

#ifndef NH_PLATFORM_JPEG_H
#define NH_PLATFORM_JPEG_H

#include "platform/platform.h"

typedef struct nh_jpeg nh_jpeg_t;

struct nh_jpeg_config {
    struct nh_mem *mem;
    const uint8_t *bytes; // the whole file, borrowed until close()
    size_t len;
    uint32_t width_max, height_max; // before shrinking; a larger image is NH_ERR_RANGE
    uint32_t shrink;                // 0 or 1: as it is; 2, 4, 8: so many times smaller, rounded up
    size_t work_max_bytes; // 0: 64 KiB; what the decoder may take at most; over it: NH_ERR_NOMEM
};
struct nh_jpeg_info {
    uint16_t width, height; // of the file
    uint16_t out_width, out_height;
    size_t work_peak_bytes; // of what the decoder took from `mem` until now
};
// Reads the head. NH_ERR_CORRUPT: it is no JPEG, or damaged; NH_ERR_UNSUPPORTED: progressive, more
// than one scan, arithmetic coding, or other components; NH_ERR_RANGE: its size; NH_ERR_NOMEM.
// `*out` is NULL then.
NH_MUST_USE int nh_jpeg_open(const struct nh_jpeg_config *cfg, nh_jpeg_t **out);
void nh_jpeg_info(const nh_jpeg_t *j, struct nh_jpeg_info *out);
// Up to `max` rows of RGB565 in the processor's byte order, `stride` pixels apart. Returns how
// many; 0: all have been. NH_ERR_CORRUPT: damaged or cut off; NH_ERR_NOMEM. No more will come then.
NH_MUST_USE int nh_jpeg_read(nh_jpeg_t *j, uint16_t *pixels, size_t stride, unsigned max);
void nh_jpeg_close(nh_jpeg_t *j); // NULL: nothing

#endif
