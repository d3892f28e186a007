#include "lamp/term.h"

#include "components/lamp/fx/fx_math.h"

#include <stdio.h>
#include <string.h>

#define NO_COLOR_YET 0xFF000000u

uint32_t nh_term_columns(enum nh_term_colors colors, uint16_t width)
{
    return colors == NH_TERM_PLAIN ? width * 2u : width;
}

uint32_t nh_term_lines(enum nh_term_colors colors, uint16_t height)
{
    return colors == NH_TERM_PLAIN ? height : (height + 1u) / 2;
}

size_t nh_term_frame_max_bytes(uint16_t width, uint16_t height)
{
    size_t lines = (height + 1u) / 2,
           in_colors = lines * ((size_t)width * NH_TERM_CELL_MAX_BYTES + 8);
    size_t plain = height * ((size_t)width * 2 + 8);
    return in_colors > plain ? in_colors : plain;
}

enum nh_term_colors nh_term_colors_of(const char *colorterm, const char *term, const char *no_color)
{
    if (no_color && *no_color)
        return NH_TERM_PLAIN;
    if (colorterm && (strcmp(colorterm, "truecolor") == 0 || strcmp(colorterm, "24bit") == 0))
        return NH_TERM_TRUE;
    return term && strstr(term, "256color") ? NH_TERM_256 : NH_TERM_PLAIN;
}

// ---- colours

// The nearest of the six levels 0, 95, 135, 175, 215, 255.
static uint32_t level_of(uint32_t v)
{
    return v < 48 ? 0 : v < 115 ? 1 : (v - 35) / 40;
}

static uint32_t distance(nh_px_t p, uint32_t r, uint32_t g, uint32_t b)
{
    int32_t dr = (int32_t)nh_px_r(p) - (int32_t)r, dg = (int32_t)nh_px_g(p) - (int32_t)g;
    int32_t db = (int32_t)nh_px_b(p) - (int32_t)b;
    return (uint32_t)(dr * dr + dg * dg + db * db);
}

// The nearest of the 256: in the cube of 6 x 6 x 6, or one of the 24 greys.
static uint32_t index_256(nh_px_t p)
{
    static const uint8_t levels[] = {0, 95, 135, 175, 215, 255};
    uint32_t r = level_of(nh_px_r(p)), g = level_of(nh_px_g(p)), b = level_of(nh_px_b(p));
    uint32_t mean = (nh_px_r(p) + nh_px_g(p) + nh_px_b(p)) / 3u;
    uint32_t grey = mean < 8 ? 0 : mean > 238 ? 23 : (mean - 3) / 10;
    uint32_t shade = 8 + grey * 10;
    bool is_grey = distance(p, shade, shade, shade) < distance(p, levels[r], levels[g], levels[b]);
    return is_grey ? 232 + grey : 16 + 36 * r + 6 * g + b;
}

// `layer`: 38 the letter, 48 what is behind it.
static char *put_color(char *out, enum nh_term_colors colors, int layer, nh_px_t p)
{
    if (colors == NH_TERM_256)
        return out + sprintf(out, "\x1b[%d;5;%um", layer, (unsigned)index_256(p));
    return out + sprintf(out, "\x1b[%d;2;%u;%u;%um", layer, nh_px_r(p), nh_px_g(p), nh_px_b(p));
}

// ---- lines

static char *put_line(char *out, const nh_px_t *upper, const nh_px_t *lower, uint32_t width,
                      enum nh_term_colors colors)
{
    nh_px_t letter = NO_COLOR_YET, behind = NO_COLOR_YET; // as set last
    for (uint32_t x = 0; x < width; x++) {
        if (upper[x] != letter)
            out = put_color(out, colors, 38, letter = upper[x]);
        if (lower && lower[x] != behind)
            out = put_color(out, colors, 48, behind = lower[x]);
        memcpy(out, "\xE2\x96\x80", 3); // the upper half
        out += 3;
    }
    memcpy(out, "\x1b[0m\n", 5);
    return out + 5;
}

static char *put_plain_line(char *out, const nh_px_t *row, uint32_t width)
{
    static const char shades[] = " .:-=+*#%@";
    for (uint32_t x = 0; x < width; x++) {
        uint32_t light =
            (nh_px_r(row[x]) * 77u + nh_px_g(row[x]) * 150u + nh_px_b(row[x]) * 29u) >> 8;
        *out++ = shades[light * 10 / 256];
        *out++ = shades[light * 10 / 256];
    }
    *out++ = '\n';
    return out;
}

size_t nh_term_frame(char *out, const struct nh_fx_canvas *c, enum nh_term_colors colors)
{
    char *at = out;
    int32_t step = colors == NH_TERM_PLAIN ? 1 : 2;
    for (int32_t y = c->height - 1; y >= 0; y -= step) {
        const nh_px_t *row = &c->px[y * c->width];
        if (colors == NH_TERM_PLAIN)
            at = put_plain_line(at, row, c->width);
        else
            at = put_line(at, row, y > 0 ? row - c->width : NULL, c->width, colors);
    }
    return (size_t)(at - out);
}
