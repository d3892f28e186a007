#include "components/display/jpeg_head.h"

#include <stdio.h>

static uint32_t u16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static bool is_frame(uint8_t marker)
{
    bool is_other = marker == 0xC4 || marker == 0xC8 || marker == 0xCC; // tables, reserved
    return marker >= 0xC0 && marker <= 0xCF && !is_other;
}

// Markers without a length.
static bool is_bare(uint8_t marker)
{
    return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
}

static int read_frame(uint8_t marker, const uint8_t *data, size_t len,
                      struct nh_display__jpeg_head *out)
{
    if (len < 6 || len < 6 + 3u * (data[5] < 3 ? data[5] : 3))
        return NH_ERR_NOT_FOUND;
    *out = (struct nh_display__jpeg_head){.frame = marker,
                                          .precision = data[0],
                                          .height = (uint16_t)u16(data + 1),
                                          .width = (uint16_t)u16(data + 3),
                                          .components = data[5]};
    for (size_t i = 0; i < 3 && i < data[5]; i++)
        out->sampling[i] = data[6 + 3 * i + 1];
    return 0;
}

int nh_display__jpeg_head(const uint8_t *bytes, size_t len, struct nh_display__jpeg_head *out)
{
    if (len < 4 || bytes[0] != 0xFF || bytes[1] != 0xD8 || bytes[2] != 0xFF)
        return NH_ERR_SYNTAX;
    for (size_t at = 2; at + 4 <= len;) {
        uint8_t marker = bytes[at + 1];
        if (bytes[at] != 0xFF || marker == 0xD9 || marker == 0xDA)
            break; // the image's data, and no frame before it
        if (marker == 0xFF || is_bare(marker)) {
            at += marker == 0xFF ? 1 : 2; // a fill byte
            continue;
        }
        size_t size = u16(bytes + at + 2);
        if (size < 2 || size > len - at - 2)
            break;
        if (is_frame(marker))
            return read_frame(marker, bytes + at + 4, size - 2, out);
        at += 2 + size;
    }
    return NH_ERR_NOT_FOUND;
}

static bool has_known_sampling(const struct nh_display__jpeg_head *h)
{
    const uint8_t *s = h->sampling;
    bool is_luma = s[0] == 0x11 || s[0] == 0x21 || s[0] == 0x22;
    return h->components == 1 || (is_luma && s[1] == 0x11 && s[2] == 0x11);
}

static void tell_sampling(const uint8_t *s, char *why, size_t cap)
{
    unsigned v[6];
    for (size_t i = 0; i < 3; i++) {
        v[2 * i] = (unsigned)s[i] >> 4;
        v[2 * i + 1] = s[i] & 15u;
    }
    snprintf(why, cap, "Unsupported JPEG sampling: Y %ux%u, Cb %ux%u, Cr %ux%u", v[0], v[1], v[2],
             v[3], v[4], v[5]);
}

bool nh_display__jpeg_suits(const struct nh_display__jpeg_head *h, uint32_t width, uint32_t height,
                            bool any_height, char *why, size_t cap)
{
    if (h->frame == 0xC2)
        snprintf(why, cap, "Unsupported JPEG: progressive encoding (use baseline JPEG)");
    else if (h->frame != 0xC0 && h->frame != 0xC1)
        snprintf(why, cap, "Unsupported JPEG: SOF type 0x%02X (use baseline JPEG)", h->frame);
    else if (h->precision != 8)
        snprintf(why, cap, "Unsupported JPEG: %u bits a sample, expected 8", h->precision);
    else if (h->components != 1 && h->components != 3)
        snprintf(why, cap, "Unsupported JPEG: expected 1 (grayscale) or 3 components, got %u",
                 h->components);
    else if (h->width != width || h->height == 0 ||
             (any_height ? h->height > height : h->height != height))
        snprintf(why, cap, "Unsupported JPEG dimensions: got %ux%u, expected %ux%s%u", h->width,
                 h->height, (unsigned)width, any_height ? "1.." : "", (unsigned)height);
    else if (!has_known_sampling(h))
        tell_sampling(h->sampling, why, cap);
    else
        return true;
    return false;
}
