// Icons and images, scaled into their place: an average where they shrink, blended where they grow.

#include "platform/linux/painter/painter_private.h"

struct texel {           // the colour is multiplied by alpha, so that averages of both are right
    uint32_t r, g, b, a; // 0 to 255
};

struct source {
    enum nh_paint_format format;
    const uint8_t *pixels;
    uint16_t w, h;
    uint32_t color;
};

static struct texel texel_of(uint32_t r, uint32_t g, uint32_t b, uint32_t a)
{
    return (struct texel){r * a / 255, g * a / 255, b * a / 255, a};
}

static struct texel texel_at(const struct source *s, int x, int y)
{
    size_t i = (size_t)y * s->w + (size_t)x;
    uint32_t a = 255;
    if (s->format == NH_PIXELS_MASK)
        return texel_of(s->color >> 16 & 255, s->color >> 8 & 255, s->color & 255, s->pixels[i]);
    const uint8_t *b = s->pixels + i * (s->format == NH_PIXELS_RGB565 ? 2 : 3);
    uint32_t v = b[0] | (uint32_t)b[1] << 8;
    if (s->format == NH_PIXELS_RGB565_ALPHA)
        a = b[2];
    return texel_of((v >> 11) * 255 / 31, (v >> 5 & 63) * 255 / 63, (v & 31) * 255 / 31, a);
}

// One axis of a pixel: which texels it covers, the first and last of them in part. In 256ths.
struct span {
    int first, last;
    uint32_t first_weight, last_weight, sum;
};

static struct span span_shrunk(int at, int to, int from)
{
    uint32_t begin = (uint32_t)((uint64_t)at * (uint32_t)from * 256 / (uint32_t)to);
    uint32_t end = (uint32_t)((uint64_t)(at + 1) * (uint32_t)from * 256 / (uint32_t)to);
    struct span s = {.first = (int)(begin >> 8), .last = (int)((end - 1) >> 8), .sum = end - begin};
    s.first_weight = s.first == s.last ? s.sum : 256 - (begin & 255);
    s.last_weight = end - ((uint32_t)s.last << 8);
    return s;
}

static struct span span_grown(int at, int to, int from)
{
    int32_t middle = (int32_t)((2 * at + 1) * (int64_t)from * 128 / to) - 128;
    int32_t top = (from - 1) * 256;
    middle = middle < 0 ? 0 : middle > top ? top : middle;
    struct span s = {.first = middle >> 8, .sum = 256};
    s.last_weight = (uint32_t)middle & 255;
    s.first_weight = 256 - s.last_weight;
    s.last = s.last_weight ? s.first + 1 : s.first;
    return s;
}

static struct span span_of(int at, int to, int from)
{
    return from >= to ? span_shrunk(at, to, from) : span_grown(at, to, from);
}

static uint32_t weight_at(const struct span *s, int i)
{
    return i == s->first ? s->first_weight : i == s->last ? s->last_weight : 256;
}

static struct texel mean(const struct source *s, const struct span *x, const struct span *y)
{
    uint64_t r = 0, g = 0, b = 0, a = 0, sum = (uint64_t)x->sum * y->sum;
    for (int row = y->first; row <= y->last; row++)
        for (int col = x->first; col <= x->last; col++) {
            uint64_t weight = (uint64_t)weight_at(x, col) * weight_at(y, row);
            struct texel t = texel_at(s, col, row);
            r += t.r * weight;
            g += t.g * weight;
            b += t.b * weight;
            a += t.a * weight;
        }
    return (struct texel){(uint32_t)(r / sum), (uint32_t)(g / sum), (uint32_t)(b / sum),
                          (uint32_t)(a / sum)};
}

static uint16_t over(uint16_t under, struct texel t)
{
    uint32_t rest = 255 - t.a;
    uint32_t r = (t.r * 31 + (under >> 11) * rest + 127) / 255;
    uint32_t g = (t.g * 63 + (under >> 5 & 63) * rest + 127) / 255;
    uint32_t b = (t.b * 31 + (under & 31) * rest + 127) / 255;
    return (uint16_t)(r << 11 | g << 5 | b);
}

void nh_paint_pixels(nh_painter_t *p, struct nh_rect at, enum nh_paint_format format,
                     const uint8_t *pixels, uint16_t w, uint16_t h, uint32_t color)
{
    const struct source s = {format, pixels, w, h, color};
    const struct nh_rect seen = nh_rect_meet(at, p->at);
    if (w == 0 || h == 0)
        return;
    for (int row = seen.y; row < seen.y + seen.h; row++) {
        const struct span y = span_of(row - at.y, at.h, h);
        uint16_t *to = p->pixels + (size_t)(row - p->at.y) * p->stride;
        for (int col = seen.x; col < seen.x + seen.w; col++) {
            const struct span x = span_of(col - at.x, at.w, w);
            struct texel t = mean(&s, &x, &y);
            if (t.a)
                to[col - p->at.x] = over(to[col - p->at.x], t);
        }
    }
}
