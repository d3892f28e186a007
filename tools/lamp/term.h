// term.h - a canvas as characters of a terminal: two pixels in each by the upper half block, or
// letters where there are no colours. Sans-IO: bytes out.

#ifndef NH_LAMP_TOOL_TERM_H
#define NH_LAMP_TOOL_TERM_H

#include "components/lamp/fx/fx.h"

enum nh_term_colors {
    NH_TERM_PLAIN, // a pixel is two letters, from space to @
    NH_TERM_256,
    NH_TERM_TRUE, // 24 bits
};
#define NH_TERM_CELL_MAX_BYTES 43 // two colours of 19 bytes, a block of 3, rounding

// Columns and lines that a canvas takes.
uint32_t nh_term_columns(enum nh_term_colors colors, uint16_t width);
uint32_t nh_term_lines(enum nh_term_colors colors, uint16_t height);
// Enough for any frame of this size.
size_t nh_term_frame_max_bytes(uint16_t width, uint16_t height);
// The lines of a frame, each ended by a reset of the colours and a line feed. Returns the bytes.
size_t nh_term_frame(char *out, const struct nh_fx_canvas *c, enum nh_term_colors colors);

// What the environment says a terminal can: COLORTERM, TERM, NO_COLOR; each may be NULL.
enum nh_term_colors nh_term_colors_of(const char *colorterm, const char *term,
                                      const char *no_color);

#endif
