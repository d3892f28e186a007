// painter.h - drawing: shapes with smooth edges, text and icons, into a buffer of a few lines.
//
// A frame is painted part by part: begin() takes a small buffer and says which part of the panel
// it is, the calls below draw in the panel's coordinates and are cut at that part, end() leaves
// the pixels to be flushed. Everything on a screen is painted again for each part that it meets, so
// what is drawn must not depend on what was drawn for another part.
//
// One task makes all calls with a painter.

#ifndef NH_PLATFORM_PAINTER_H
#define NH_PLATFORM_PAINTER_H

#include "core/base/rect.h"
#include "platform/platform.h"

typedef struct nh_painter nh_painter_t;

#define NH_PAINTER_FONT_MAX_COUNT 4
#define NH_PAINTER_TEXT_MAX_PX 200

struct nh_painter_config {
    struct nh_mem *mem; // borrowed; fonts and glyphs live here
    // Files with outlines, asked in this order for each character; NULL or missing ones are left
    // out. Copied.
    const char *fonts[NH_PAINTER_FONT_MAX_COUNT];
    size_t glyph_cache_bytes; // 0: 64 KiB; the least used glyphs make room
};
// NH_ERR_NOT_FOUND: none of the fonts can be read. NH_ERR_NOMEM, NH_ERR_TOO_LONG. Nothing was made.
NH_MUST_USE int nh_painter_create(const struct nh_painter_config *cfg, nh_painter_t **out);
void nh_painter_destroy(nh_painter_t *p); // NULL: nothing

// `pixels`: RGB565, `at.w` a row, rows `stride` pixels apart (even), 4-byte aligned; borrowed until
// end(). NH_ERR_NOMEM: nothing is being painted.
NH_MUST_USE int nh_painter_begin(nh_painter_t *p, uint16_t *pixels, size_t stride,
                                 struct nh_rect at);
void nh_painter_end(nh_painter_t *p);
// The part that is being painted: who asks may skip what does not meet it.
struct nh_rect nh_painter_part(const nh_painter_t *p);

// ---- shapes. Colours are 0xRRGGBB; `alpha` 0 to 255.

void nh_paint_fill(nh_painter_t *p, struct nh_rect at, uint32_t color);
void nh_paint_box(nh_painter_t *p, struct nh_rect at, float radius, uint32_t color, uint8_t alpha);
// A line of `width` just within the edge of such a box.
void nh_paint_frame(nh_painter_t *p, struct nh_rect at, float radius, float width, uint32_t color,
                    uint8_t alpha);
void nh_paint_line(nh_painter_t *p, float x0, float y0, float x1, float y1, float width,
                   uint32_t color, uint8_t alpha);
// A wedge of a ring around (x, y). Angles in degrees, clockwise from 12 o'clock; 360 of them and
// inner 0: a disc. Less than 360 of them: `inner` is over 0.
struct nh_wedge {
    float x, y, inner, outer; // radii
    float from_deg, to_deg;   // from < to
    float rounding;           // radius of its corners
    float gap;                // to the neighbour, of which each leaves half; the same at any radius
};
void nh_paint_wedge(nh_painter_t *p, const struct nh_wedge *w, uint32_t color, uint8_t alpha);
void nh_paint_wedge_frame(nh_painter_t *p, const struct nh_wedge *w, float width, uint32_t color,
                          uint8_t alpha);
// The part of a box that lies within a disc around (x, y), with rounded corners. `x, y` within the
// box's middle lines or beyond: what is left is in one piece.
void nh_paint_slice(nh_painter_t *p, struct nh_rect box, float x, float y, float radius,
                    float rounding, uint32_t color);

// ---- icons and images

enum nh_paint_format {
    NH_PIXELS_MASK,         // one byte: how much of the colour
    NH_PIXELS_RGB565_ALPHA, // three bytes: RGB565, low byte first, alpha
    NH_PIXELS_RGB565,       // two bytes, low byte first
};
// Scales `w` x `h` pixels (rows without padding, borrowed) into `at`, smoothly where it shrinks.
void nh_paint_pixels(nh_painter_t *p, struct nh_rect at, enum nh_paint_format format,
                     const uint8_t *pixels, uint16_t w, uint16_t h, uint32_t color);

// ---- text: UTF-8, one line. What no font has is drawn as a box.

enum nh_text_align { NH_TEXT_LEFT, NH_TEXT_CENTER, NH_TEXT_RIGHT };
// Width in pixels at a size (of the em, 4 to NH_PAINTER_TEXT_MAX_PX).
int nh_text_width(nh_painter_t *p, const char *text, size_t len, uint32_t size_px);
// How many bytes of `text` fit into `width_px`, whole characters.
size_t nh_text_fit(nh_painter_t *p, const char *text, size_t len, uint32_t size_px, int width_px);
// `x` is the left edge, the middle or the right edge, `y` the baseline.
void nh_paint_text(nh_painter_t *p, int x, int y, enum nh_text_align align, const char *text,
                   size_t len, uint32_t size_px, uint32_t color);

struct nh_painter_info {
    size_t glyph_bytes, glyph_max_bytes, glyph_count;
    uint64_t glyph_hits, glyph_misses, glyph_evictions, glyph_failures; // failures: no memory
    uint64_t missing_glyphs; // characters that no font has
};
void nh_painter_info(const nh_painter_t *p, struct nh_painter_info *out);

#endif
