// jpeg_head.h - what an image is, from its first markers: enough to tell a client why it is not one
// for this panel, before anything is decoded.

#ifndef NH_DISPLAY_JPEG_HEAD_H
#define NH_DISPLAY_JPEG_HEAD_H

#include "core/base/base.h"

struct nh_display__jpeg_head {
    uint8_t frame; // the low byte of its SOF marker: C0 baseline, C1 extended, C2 progressive ...
    uint8_t precision, components;
    uint16_t width, height;
    uint8_t sampling[3]; // of each: horizontally in the upper half, vertically in the lower
};

// NH_ERR_SYNTAX: it does not begin as a JPEG; NH_ERR_NOT_FOUND: no SOF marker.
NH_MUST_USE int nh_display__jpeg_head(const uint8_t *bytes, size_t len,
                                      struct nh_display__jpeg_head *out);
// Whether the panel can show it at that size (any_height: or less high); if not, `why` says it as
// clients of the firmware know it.
bool nh_display__jpeg_suits(const struct nh_display__jpeg_head *h, uint32_t width, uint32_t height,
                            bool any_height, char *why, size_t cap);

#endif
