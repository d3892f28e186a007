// glyph_cache.h - pictures of characters, kept within a budget: the least used make room.

#ifndef NH_LINUX_GLYPH_CACHE_H
#define NH_LINUX_GLYPH_CACHE_H

#include "core/mem/mem.h"
#include "platform/platform.h"

typedef struct nh_linux__glyphs nh_linux__glyphs_t;

struct nh_linux__glyph {
    uint32_t code;           // the character
    uint16_t size_px;        // of the em
    uint8_t font;            // that has it
    int32_t advance_64;      // how far the next one is, in 64ths of a pixel
    int16_t left, top;       // of the picture, from the point on the baseline; top: upwards
    uint16_t width, height;  // of the picture
    uint32_t index;          // in the font
    const uint8_t *coverage; // width * height, one byte each
};

struct nh_linux__glyphs_info {
    size_t bytes, max_bytes, count;
    uint64_t hits, misses, evictions, failures;
};

// NH_ERR_NOMEM.
NH_MUST_USE int nh_linux__glyphs_create(nh_mem_t *mem, size_t max_bytes, nh_linux__glyphs_t **out);
void nh_linux__glyphs_destroy(nh_linux__glyphs_t *g); // NULL: nothing
// Valid until the next put; NULL: it is not here.
const struct nh_linux__glyph *nh_linux__glyphs_get(nh_linux__glyphs_t *g, uint32_t code,
                                                   uint16_t size_px);
// Copies a picture, whose rows are `pitch` bytes apart. NULL: no memory, or it alone is over the
// budget; counted. Others may have gone to make room.
const struct nh_linux__glyph *
nh_linux__glyphs_put(nh_linux__glyphs_t *g, const struct nh_linux__glyph *glyph, size_t pitch);
void nh_linux__glyphs_info(const nh_linux__glyphs_t *g, struct nh_linux__glyphs_info *out);

#endif
