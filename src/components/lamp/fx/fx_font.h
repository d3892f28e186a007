// fx_font.h - letters for a lamp: 5 x 7 with two rows of accents above and one below, and 3 x 5 for
// lamps too low for those. ASCII and the letters and signs of Latin-1; whatever else is a box.

#ifndef NH_LAMP_FX_FONT_H
#define NH_LAMP_FX_FONT_H

#include "components/lamp/fx/fx.h"

enum nh_fx_font {
    NH_FX_FONT_NORMAL, // bits 1 to 7 are the letter, 8 and 9 the accents, 0 the cedilla
    NH_FX_FONT_TINY,   // bits 0 to 4; lower case and accented letters look like A to Z
};
#define NH_FX_FONT_NORMAL_HEIGHT 7
#define NH_FX_FONT_TINY_HEIGHT 5

// The next character of UTF-8 at `*text`, which goes past it; 0 at the end. A byte that is no
// UTF-8 is U+FFFD and goes one byte on.
uint32_t nh_fx_utf8_next(const char **text);

// Columns that `text` takes, one free column between letters, none at the ends.
uint32_t nh_fx_text_columns(const char *text, enum nh_fx_font font);

// The columns `from` to `from + n - 1` of `text`, which begins at column 0: one word each, bit 0
// the lowest pixel. Left and right of the text they are 0.
void nh_fx_text_raster(uint16_t *columns, uint32_t n, const char *text, int32_t from,
                       enum nh_fx_font font);

#endif
