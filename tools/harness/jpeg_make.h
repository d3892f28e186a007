// jpeg_make.h - pictures that are hard to take: noise, which no coder makes small.

#ifndef NH_HARNESS_JPEG_MAKE_H
#define NH_HARNESS_JPEG_MAKE_H

#include "core/mem/mem.h"

struct nh_harness_jpeg { // `ptr` is the memory system's
    uint8_t *ptr;
    size_t len;
};

struct nh_harness_jpeg_config {
    uint32_t width, height; // 1 to 4096
    size_t max_bytes;       // the best quality that fits; 0: quality 90
    bool is_progressive;
    uint32_t seed;
};
// NH_ERR_NOMEM, NH_ERR_RANGE: a side, or not even the least quality fits.
NH_MUST_USE int nh_harness_jpeg_make(nh_mem_t *mem, const struct nh_harness_jpeg_config *cfg,
                                     struct nh_harness_jpeg *out);

// Changes the sides that the head tells (SOF0 to SOF2). False: there is no such head.
bool nh_harness_jpeg_lie(struct nh_harness_jpeg *j, uint16_t width, uint16_t height);

#endif
