// utf8.h - whether bytes are UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing
// above U+10FFFF, nothing cut off.

#ifndef NH_UTF8_H
#define NH_UTF8_H

#include "core/base/base.h"

// How many of the first bytes are whole, valid characters: `len` when all are, else the offset of
// the first wrong character. U+0000 is wrong unless `allow_nul` (MQTT forbids it [MQTT-1.5.3-2]).
// Also the place to cut a text at: nh_utf8_valid_len(text, limit, true) never splits a character.
size_t nh_utf8_valid_len(const void *bytes, size_t len, bool allow_nul);

static inline bool nh_utf8_is_valid(const void *bytes, size_t len, bool allow_nul)
{
    return nh_utf8_valid_len(bytes, len, allow_nul) == len;
}

#endif
