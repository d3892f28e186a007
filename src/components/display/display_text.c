// Texts in lines: cut with dots where they are too long, broken at blanks.

#include "components/display/display_state.h"

#include <string.h>

static const char dots[] = "\xE2\x80\xA6"; // one character

static void paint_cut(nh_display_t *d, int x, int y, const char *text, size_t len, uint32_t size_px,
                      int width, uint32_t color)
{
    char cut[NH_DISPLAY_TEXT_MAX_BYTES + sizeof dots];
    int dots_width = nh_text_width(d->painter, dots, sizeof dots - 1, size_px);
    size_t fits = nh_text_fit(d->painter, text, len, size_px, width - dots_width);
    if (fits > NH_DISPLAY_TEXT_MAX_BYTES)
        fits = NH_DISPLAY_TEXT_MAX_BYTES;
    while (fits > 0 && text[fits - 1] == ' ')
        fits--;
    memcpy(cut, text, fits);
    memcpy(cut + fits, dots, sizeof dots);
    nh_paint_text(d->painter, x, y, NH_TEXT_CENTER, cut, fits + sizeof dots - 1, size_px, color);
}

static void paint_line(nh_display_t *d, int x, int y, const char *text, size_t len,
                       uint32_t size_px, int width, uint32_t color)
{
    if (nh_text_width(d->painter, text, len, size_px) > width)
        paint_cut(d, x, y, text, len, size_px, width, color);
    else
        nh_paint_text(d->painter, x, y, NH_TEXT_CENTER, text, len, size_px, color);
}

void nh_display__line(nh_display_t *d, int x, int y, const char *text, uint32_t size_px, int width,
                      uint32_t color)
{
    paint_line(d, x, y, text, strlen(text), size_px, width, color);
}

// How much of a text goes into a line: up to the last blank that fits, or as it comes.
static size_t line_of(nh_display_t *d, const char *text, size_t len, uint32_t size_px, int width)
{
    size_t fits = nh_text_fit(d->painter, text, len, size_px, width);
    if (fits == len)
        return len;
    for (size_t i = fits; i > 0; i--)
        if (text[i] == ' ')
            return i;
    return fits ? fits : len;
}

int nh_display__lines(nh_display_t *d, int x, int y, const char *text, uint32_t size_px, int width,
                      int lines_max, uint32_t color)
{
    size_t len = strlen(text);
    int count = 0;
    for (size_t at = 0; at < len && count < lines_max; count++) {
        bool is_last = count + 1 == lines_max;
        size_t n = is_last ? len - at : line_of(d, text + at, len - at, size_px, width);
        paint_line(d, x, y + count * (int)size_px * 5 / 4, text + at, n, size_px, width, color);
        for (at += n; at < len && text[at] == ' ';)
            at++;
    }
    return count;
}
