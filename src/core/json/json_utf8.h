// json_utf8.h - UTF-8 by the table of well-formed sequences (Unicode, table 3-7): no overlong
// forms, no surrogates, nothing above U+10FFFF. Shared in this folder only.

#ifndef NH_JSON_UTF8_H
#define NH_JSON_UTF8_H

#include "core/base/base.h"

// What a lead byte asks for: how many bytes follow, and the range of the first of them.
struct nh__utf8_lead {
    uint8_t follow; // 0: this byte leads nothing
    uint8_t low, high;
};

static inline struct nh__utf8_lead nh__utf8_lead(uint8_t c)
{
    if (c >= 0xc2 && c <= 0xdf)
        return (struct nh__utf8_lead){1, 0x80, 0xbf};
    if ((c & 0xf0) == 0xe0)
        return (struct nh__utf8_lead){2, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf};
    if (c >= 0xf0 && c <= 0xf4)
        return (struct nh__utf8_lead){3, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf};
    return (struct nh__utf8_lead){0, 0, 0};
}

static inline bool nh__utf8_is_tail(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

// The length of the sequence at `p`, which begins with a byte above 0x7f; 0 if it is not well
// formed or not whole within `left` bytes.
static inline unsigned nh__utf8_width(const uint8_t *p, size_t left)
{
    struct nh__utf8_lead lead = nh__utf8_lead(p[0]);
    if (lead.follow == 0 || lead.follow >= left || p[1] < lead.low || p[1] > lead.high)
        return 0;
    for (unsigned i = 2; i <= lead.follow; i++)
        if (!nh__utf8_is_tail(p[i]))
            return 0;
    return lead.follow + 1u;
}

// Writes a scalar value as 1 to 4 bytes; returns how many.
static inline unsigned nh__utf8_put(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    unsigned follow = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t mark[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(mark[follow] | c >> (6 * follow));
    for (unsigned i = 1; i <= follow; i++)
        out[i] = (char)(0x80 | (c >> (6 * (follow - i)) & 0x3f));
    return follow + 1;
}

#endif
