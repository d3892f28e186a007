// Text: one character after the other, kept as pictures.

#include "core/base/utf8.h"
#include "platform/linux/painter/painter_private.h"

#include <fribidi/fribidi.h>

// Says how what stands beside it is drawn, and is itself not seen.
static bool is_invisible(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0xFE00 && code <= 0xFE0F) ||
           (code >= 0x200B && code <= 0x200F) || (code >= 0x202A && code <= 0x202E) ||
           code == 0xFEFF;
}

// A text that is walked through; what is not UTF-8 is shown as U+FFFD, byte by byte.
struct walk {
    nh_painter_t *p;
    const char *text;
    size_t len, at;        // at: behind the character
    const uint32_t *codes; // not NULL: `len` characters as they stand on the line, not a text
    uint32_t size_px;
    int32_t x_64;                // where the character stands
    int32_t end_64;              // where it ends
    struct nh_linux__glyph last; // the one before; its picture may be gone
    bool has_last;
};

static uint32_t next_code(struct walk *w)
{
    if (w->codes)
        return w->codes[w->at++];
    const uint8_t *b = (const uint8_t *)w->text + w->at;
    size_t left = w->len - w->at;
    size_t n = b[0] < 0x80 ? 1 : b[0] < 0xE0 ? 2 : b[0] < 0xF0 ? 3 : 4;
    if (n > left || nh_utf8_valid_len(b, n, true) != n) {
        w->at++;
        return 0xFFFD;
    }
    uint32_t code = n == 1 ? b[0] : b[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++)
        code = code << 6 | (b[i] & 0x3F);
    w->at += n;
    return code;
}

// NULL: the end.
static const struct nh_linux__glyph *next_glyph(struct walk *w)
{
    while (w->at < w->len) {
        uint32_t code = next_code(w);
        const struct nh_linux__glyph *g =
            is_invisible(code) ? NULL : nh_linux__glyph_of(w->p, code, w->size_px);
        if (!g)
            continue;
        w->x_64 = w->end_64;
        if (w->has_last)
            w->x_64 += nh_linux__kerning(w->p, &w->last, g, w->size_px);
        w->end_64 = w->x_64 + g->advance_64;
        w->last = *g;
        w->has_last = true;
        return g;
    }
    return NULL;
}

static struct walk walk_of(nh_painter_t *p, const char *text, size_t len, uint32_t size_px)
{
    size_px = size_px < 4 ? 4 : size_px > NH_PAINTER_TEXT_MAX_PX ? NH_PAINTER_TEXT_MAX_PX : size_px;
    return (struct walk){.p = p, .text = text, .len = len, .size_px = size_px};
}

// ---- from right to left ------------------------------------------------------------------------

#define LINE_MAX_CODES 128 // longer lines stay in the order of their text

// Hebrew, Arabic and what stands near them begin with these bytes in UTF-8 (U+0590 to U+08FF, and
// their forms from U+FB1D on).
static bool may_turn(const char *text, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++) {
        uint8_t a = (uint8_t)text[i], b = (uint8_t)text[i + 1];
        if ((a >= 0xD6 && a <= 0xDF) || (a == 0xE0 && b <= 0xA3) || (a == 0xEF && b >= 0xAC))
            return true;
    }
    return false;
}

// Puts a line into the order in which it is seen, Arabic letters in the forms in which they join.
// False: it is one from left to right, or cannot be turned.
static bool turn(struct walk *w, uint32_t out[LINE_MAX_CODES])
{
    FriBidiChar codes[LINE_MAX_CODES];
    FriBidiParType direction = FRIBIDI_PAR_ON;
    size_t count = 0;
    if (w->len >= LINE_MAX_CODES || !may_turn(w->text, w->len))
        return false;
    while (w->at < w->len)
        codes[count++] = next_code(w);
    w->at = 0;
    if (!fribidi_log2vis(codes, (FriBidiStrIndex)count, &direction, out, NULL, NULL, NULL))
        return false;
    w->codes = out;
    w->len = count;
    return true;
}

// ---- calls -------------------------------------------------------------------------------------

int nh_text_width(nh_painter_t *p, const char *text, size_t len, uint32_t size_px)
{
    struct walk w = walk_of(p, text, len, size_px);
    uint32_t codes[LINE_MAX_CODES];
    (void)turn(&w, codes);
    while (next_glyph(&w))
        ;
    return (w.end_64 + 32) >> 6;
}

size_t nh_text_fit(nh_painter_t *p, const char *text, size_t len, uint32_t size_px, int width_px)
{
    struct walk w = walk_of(p, text, len, size_px);
    size_t fits = 0;
    while (next_glyph(&w)) {
        if ((w.end_64 + 32) >> 6 > width_px)
            return fits;
        fits = w.at;
    }
    return len;
}

static void paint_glyph(nh_painter_t *p, const struct nh_linux__glyph *g, int x, int y,
                        uint32_t color)
{
    const struct nh_rect box = nh_rect_of(x, y, x + g->width, y + g->height);
    const struct nh_rect seen = nh_rect_meet(box, p->at);
    uint32_t r = color >> 16 & 255, gr = color >> 8 & 255, b = color & 255;
    for (int row = seen.y; row < seen.y + seen.h; row++) {
        const uint8_t *from = g->coverage + (size_t)(row - y) * g->width;
        uint16_t *to = p->pixels + (size_t)(row - p->at.y) * p->stride;
        for (int col = seen.x; col < seen.x + seen.w; col++) {
            uint8_t alpha = from[col - x];
            if (alpha)
                to[col - p->at.x] = nh_linux__mix(to[col - p->at.x], r, gr, b, alpha);
        }
    }
}

void nh_paint_text(nh_painter_t *p, int x, int y, enum nh_text_align align, const char *text,
                   size_t len, uint32_t size_px, uint32_t color)
{
    struct walk w = walk_of(p, text, len, size_px);
    uint32_t codes[LINE_MAX_CODES];
    // No font reaches further than twice its size: parts that are elsewhere cost nothing.
    if (y + 2 * (int)w.size_px < p->at.y || y - 2 * (int)w.size_px > p->at.y + p->at.h)
        return;
    if (align != NH_TEXT_LEFT) {
        int width = nh_text_width(p, text, len, size_px);
        x -= align == NH_TEXT_RIGHT ? width : width / 2;
    }
    (void)turn(&w, codes);
    for (const struct nh_linux__glyph *g = next_glyph(&w); g; g = next_glyph(&w))
        paint_glyph(p, g, x + ((w.x_64 + 32) >> 6) + g->left, y - g->top, color);
}
