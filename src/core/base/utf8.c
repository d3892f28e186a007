#include "core/base/utf8.h"

#include <string.h>

// Most text is ASCII: this passes 8 bytes at once when no top bit is set and none is 0. The second
// test may say "maybe 0" for a byte after a real 0, which costs a slow step and no more.
static bool is_plain8(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    const uint64_t top = 0x8080808080808080u;
    return !((v | (v - 0x0101010101010101u)) & top);
}

// The length of the character at `p`, or 0. RFC 3629 section 4 is this table: the second byte's
// range depends on the first, and rules out overlong forms, surrogates and what is too large.
static size_t char_len(const uint8_t *p, size_t left)
{
    uint8_t lo = 0x80, hi = 0xBF;
    size_t len;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        len = 2;
    } else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        len = 3;
        lo = p[0] == 0xE0 ? 0xA0 : lo;
        hi = p[0] == 0xED ? 0x9F : hi;
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        len = 4;
        lo = p[0] == 0xF0 ? 0x90 : lo;
        hi = p[0] == 0xF4 ? 0x8F : hi;
    } else {
        return 0;
    }
    if (left < len || p[1] < lo || p[1] > hi)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

size_t nh_utf8_valid_len(const void *bytes, size_t len, bool allow_nul)
{
    const uint8_t *p = bytes;
    size_t i = 0;
    while (i < len) {
        if (len - i >= 8 && is_plain8(p + i)) {
            i += 8;
            continue;
        }
        size_t n = char_len(p + i, len - i);
        if (!n || (!p[i] && !allow_nul))
            break;
        i += n;
    }
    return i;
}
