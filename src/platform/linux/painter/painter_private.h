// painter_private.h - what the painter's files share.

#ifndef NH_LINUX_PAINTER_PRIVATE_H
#define NH_LINUX_PAINTER_PRIVATE_H

#include "core/mem/mem.h"
#include "platform/linux/painter/glyph_cache.h"
#include "platform/painter.h"

#include <cairo.h>
#include <ft2build.h>
#include FT_FREETYPE_H

#define NH_LINUX__FONT_PATH_MAX_BYTES 256

struct nh_linux__font {
    char path[NH_LINUX__FONT_PATH_MAX_BYTES]; // "": none
    bool is_tried;                            // to be opened; a fallback waits until it is needed
    FT_Face face;                             // NULL: not open
    FT_StreamRec stream;
    uint32_t size_px; // that is set
};

struct nh_painter {
    nh_mem_t *mem;
    struct FT_MemoryRec_ ft_memory;
    FT_Library ft;
    struct nh_linux__font fonts[NH_PAINTER_FONT_MAX_COUNT];
    nh_linux__glyphs_t *glyphs;
    uint64_t missing_count;

    // While painting; `cairo` NULL: not.
    cairo_surface_t *surface;
    cairo_t *cairo;
    uint16_t *pixels;
    size_t stride;
    struct nh_rect at;
};

// painter_fonts.c
NH_MUST_USE int nh_linux__fonts_open(nh_painter_t *p, const struct nh_painter_config *cfg);
void nh_linux__fonts_close(nh_painter_t *p);
// The picture of a character; NULL: there is none, and no room for one. Valid until the next call.
const struct nh_linux__glyph *nh_linux__glyph_of(nh_painter_t *p, uint32_t code, uint32_t size_px);
// By how much two characters of the first font come closer, in 64ths of a pixel.
int nh_linux__kerning(nh_painter_t *p, const struct nh_linux__glyph *left,
                      const struct nh_linux__glyph *right, uint32_t size_px);

// Mixes a colour over a pixel; `alpha` 0 to 255.
static inline uint16_t nh_linux__mix(uint16_t under, uint32_t r, uint32_t g, uint32_t b,
                                     uint32_t alpha)
{
    uint32_t ur = under >> 11, ug = under >> 5 & 63, ub = under & 31, rest = 255 - alpha;
    ur = (r * 31 * alpha / 255 + ur * rest + 127) / 255;
    ug = (g * 63 * alpha / 255 + ug * rest + 127) / 255;
    ub = (b * 31 * alpha / 255 + ub * rest + 127) / 255;
    return (uint16_t)(ur << 11 | ug << 5 | ub);
}

#endif
