// effect_text.c - letters: a text that scrolls when it is too long, one that waves, a clock.

#include "components/lamp/fx/effect_kit.h"
#include "components/lamp/fx/fx_font.h"
#include "components/lamp/fx/fx_noise.h"

// How a text lies on a lamp: in letters whose pixels are `scale` pixels of the lamp wide and high.
struct page {
    struct nh_fx_canvas size; // of the lamp in such pixels; px NULL
    int32_t scale, foot;      // foot: the row of bit 0, so that letters stand in the middle
    enum nh_fx_font font;
};

static struct page page_of(const struct nh_fx_canvas *c)
{
    struct page p = {.scale = nh_fx_max(nh_fx__short_side(c) / 24, 1)};
    p.size.width = (uint16_t)(c->width / p.scale);
    p.size.height = (uint16_t)(c->height / p.scale);
    bool is_low = p.size.height < NH_FX_FONT_NORMAL_HEIGHT;
    p.font = is_low ? NH_FX_FONT_TINY : NH_FX_FONT_NORMAL;
    p.foot = is_low ? (p.size.height - NH_FX_FONT_TINY_HEIGHT) / 2
                    : (p.size.height - NH_FX_FONT_NORMAL_HEIGHT) / 2 - 1;
    return p;
}

// How far the text has come, Q8 columns: negative while it enters from the right. One that fits
// stands in the middle.
static int32_t scroll_q8(const struct nh_fx_canvas *c, const struct nh_fx_input *in,
                         enum nh_fx_font font, uint32_t columns_a_second)
{
    int32_t columns = (int32_t)nh_fx_text_columns(in->text, font);
    if (columns <= c->width) {
        return -((c->width - columns) / 2) * 256;
    }
    uint32_t way = (uint32_t)(columns + c->width) * 256;
    uint64_t gone = (uint64_t)in->time_ms * columns_a_second * 256 / 1000;
    return (int32_t)(gone % way) - c->width * 256;
}

// The light of one pixel of letters that lie between two columns, 0 to 256.
static uint32_t ink(const uint16_t *column, uint32_t part, int32_t bit)
{
    if (bit < 0 || bit > 15) {
        return 0;
    }
    uint32_t here = column[0] >> bit & 1u, next = column[1] >> bit & 1u;
    return here * (256 - part) + next * part;
}

// ---- text, in the first colour on the second; a text that fits glimmers in the third

// Columns of the text beside each other, as many as a lamp can show and the one that enters.
struct letters {
    uint16_t column[NH_FX_SIDE_MAX + 4];
    int32_t at_q8; // where the first lies left of the lamp, 0 to 255
};

static void letters_set(struct letters *l, const struct page *p, const struct nh_fx_input *in,
                        uint32_t columns_a_second)
{
    int32_t at = scroll_q8(&p->size, in, p->font, columns_a_second);
    nh_fx_text_raster(l->column, p->size.width + 4u, in->text, at >> 8, p->font);
    l->at_q8 = at & 255;
}

// Light at column `x` of the lamp and bit `bit`. Large letters move by whole pixels of the lamp,
// small ones by parts of one.
static uint32_t letters_ink(const struct letters *l, const struct page *p, int32_t x, int32_t bit)
{
    int32_t at = l->at_q8 + x * 256 / p->scale;
    return ink(&l->column[at >> 8], p->scale > 1 ? 0 : (uint32_t)at & 255, bit);
}

static void text_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                      uint32_t seed)
{
    (void)state;
    (void)seed;
    struct page p = page_of(c);
    struct letters l;
    letters_set(&l, &p, in, (uint32_t)nh_fx_by_intensity(in->intensity, 5, 14, 40));
    int32_t gleam = (int32_t)(in->time_ms / 24 % 160) - 32;
    for (int32_t y = 0; y < c->height; y++) {
        for (int32_t x = 0; x < c->width; x++) {
            uint32_t k = letters_ink(&l, &p, x, y / p.scale - p.foot);
            int32_t shine = nh_fx_max(256 - nh_fx_abs((x + y) / p.scale - gleam) * 64, 0);
            nh_px_t letter = nh_px_mix(in->color[0], in->color[2], (uint32_t)shine / 2);
            c->px[y * c->width + x] = nh_px_mix(in->color[1], letter, k);
        }
    }
}

const struct nh_fx_effect nh_fx__text = {
    .id = 0xEA1F,
    .name = "TEXT",
    .kind = NH_FX_TEXT,
    .uses = NH_FX_USES_COLORS | NH_FX_USES_INTENSITY | NH_FX_USES_TEXT,
    .palette = NH_FX_PALETTE_WHITE,
    .draw = text_draw,
};

// ---- wavy text in the colours of the palette, over a faint field of them

// Letters between two rows: as much of both as it lies on each.
static uint32_t wave_ink(const struct letters *l, const struct page *p, int32_t x, int32_t row_q8)
{
    uint32_t part = (uint32_t)row_q8 & 255;
    uint32_t low = letters_ink(l, p, x, row_q8 >> 8),
             high = letters_ink(l, p, x, (row_q8 >> 8) + 1);
    return (low * (256 - part) + high * part) >> 8;
}

static void text_wave_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                           uint32_t seed)
{
    (void)state;
    uint8_t field[NH_FX_SIDE_MAX];
    struct page p = page_of(c);
    struct letters l;
    letters_set(&l, &p, in, 16);
    int32_t room = nh_fx_max(p.size.height - NH_FX_FONT_NORMAL_HEIGHT, 0) * 128;
    int32_t high = nh_fx_min(nh_fx_by_intensity(in->intensity, 0, 3, 8) * 128, room);
    uint32_t step = 4500 / (uint32_t)p.scale;
    for (int32_t y = 0; y < c->height; y++) {
        struct nh_fx_noise_at n = {in->time_ms * 7, (uint32_t)y * step, in->time_ms * 14, step};
        nh_fx_noise_row(field, c->width, &n, seed);
        for (int32_t x = 0; x < c->width; x++) {
            int32_t at = x / p.scale;
            uint8_t wave = (uint8_t)(at * 9 + (int32_t)nh_fx__phase(in->time_ms, 1900));
            int32_t row = y * 256 / p.scale - p.foot * 256 - high * (nh_fx_sin8(wave) - 128) / 128;
            uint32_t k = wave_ink(&l, &p, x, row);
            nh_px_t back = nh_px_scale(nh_fx__around(in, field[x] * 2u), 26);
            nh_px_t letter = nh_fx__around(in, (uint32_t)at * 8 + in->time_ms / 8);
            c->px[y * c->width + x] = nh_px_mix(back, nh_px_brighter(letter, 0x303030), k);
        }
    }
}

const struct nh_fx_effect nh_fx__text_wave = {
    .id = 0xEA20,
    .name = "TEXT WAVE",
    .kind = NH_FX_TEXT,
    .uses = NH_FX_USES_BOTH | NH_FX_USES_TEXT,
    .palette = NH_FX_PALETTE_RAINBOW,
    .draw = text_wave_draw,
};

// ---- clock

struct line {
    char text[6];
    int32_t colon; // the first column of a colon; -1: there is none
};

static void two_figures(char *out, uint32_t v)
{
    out[0] = (char)('0' + v / 10);
    out[1] = (char)('0' + v % 10);
}

// Hours and minutes: side by side where that fits, else above each other, else figure by figure.
static uint32_t clock_lines(struct line *lines, const struct nh_fx_canvas *c, enum nh_fx_font font,
                            uint32_t day_s)
{
    int32_t wide = font == NH_FX_FONT_NORMAL ? 5 : 3;
    char t[4];
    two_figures(t, day_s / 3600 % 24);
    two_figures(t + 2, day_s / 60 % 60);
    if (c->width >= wide * 4 + 6) {
        lines[0] = (struct line){{t[0], t[1], ':', t[2], t[3], 0}, wide * 2 + 2};
        return 1;
    }
    uint32_t count = c->width > wide * 2 ? 2 : 4;
    for (uint32_t i = 0; i < count; i++) {
        lines[i] = count == 2 ? (struct line){{t[i * 2], t[i * 2 + 1], 0}, -1}
                              : (struct line){{t[i], 0}, -1};
    }
    return count;
}

static void clock_line_draw(struct nh_fx_canvas *c, const struct nh_fx_input *in,
                            const struct line *l, enum nh_fx_font font, int32_t foot, int32_t scale)
{
    uint16_t columns[NH_FX_SIDE_MAX];
    int32_t wide = (int32_t)nh_fx_text_columns(l->text, font) * scale;
    int32_t left = (c->width - wide) / 2;
    nh_fx_text_raster(columns, NH_FX_SIDE_MAX, l->text, 0, font);
    for (int32_t y = 0; y < 10 * scale; y++) {
        for (int32_t x = 0; x < wide; x++) {
            uint32_t hue = (uint32_t)(x + y) * 6 + in->time_ms / 50;
            nh_px_t p = nh_px_brighter(nh_fx__around(in, hue), NH_PX(32, 32, 32));
            // The colon goes with the seconds.
            bool is_colon = x / scale >= l->colon && x / scale < l->colon + 2 && l->colon > 0;
            p = is_colon && in->day_s % 2 == 1 ? nh_px_scale(p, 70) : p;
            if (columns[x / scale] >> (y / scale) & 1) {
                nh_fx_put(c, left + x, foot + y, p);
            }
        }
    }
}

// A minute runs once along the lowest row.
static void seconds_draw(struct nh_fx_canvas *c, const struct nh_fx_input *in)
{
    int32_t at = (int32_t)(in->day_s % 60) * c->width * 256 / 60;
    for (int32_t x = 0; x < c->width; x++) {
        int32_t k = nh_fx_clamp(at - x * 256, 0, 256);
        nh_px_t p = nh_fx__around(in, (uint32_t)(x * 512 / c->width));
        c->px[x] = nh_px_scale(p, 16 + (uint32_t)k * 100 / 256);
    }
}

static void clock_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                       uint32_t seed)
{
    (void)state;
    (void)seed;
    struct line lines[4], *first = lines;
    enum nh_fx_font font = c->width >= 11 && c->height >= 8 ? NH_FX_FONT_NORMAL : NH_FX_FONT_TINY;
    int32_t high = font == NH_FX_FONT_NORMAL ? 7 : 5, each = high + 2;
    uint32_t count = clock_lines(lines, c, font, in->day_s);
    if (each * (int32_t)count - 2 > c->height) { // one after the other where all do not fit
        first = &lines[in->day_s / 2 % count];
        count = 1;
    }
    int32_t wide = (int32_t)nh_fx_text_columns(first->text, font);
    int32_t scale = nh_fx_min((c->height - 1) / (each * (int32_t)count), c->width / wide);
    scale = nh_fx_max(scale, 1);
    int32_t foot = nh_fx_max((c->height - (each * (int32_t)count - 2) * scale + 1) / 2, 0);
    nh_fx_fill(c, 0);
    if (c->height > high) {
        seconds_draw(c, in);
    }
    for (uint32_t i = 0; i < count; i++) { // the last line is the lowest
        int32_t y = foot + each * scale * (int32_t)(count - 1 - i);
        y -= font == NH_FX_FONT_NORMAL ? scale : 0; // the row of cedillas
        clock_line_draw(c, in, &first[i], font, y, scale);
    }
}

const struct nh_fx_effect nh_fx__clock = {
    .id = 0xEA21,
    .name = "CLOCK",
    .kind = NH_FX_TEXT,
    .uses = NH_FX_USES_PALETTE | NH_FX_USES_CLOCK,
    .palette = NH_FX_PALETTE_AURORA,
    .draw = clock_draw,
};
