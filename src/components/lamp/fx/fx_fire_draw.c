// fx_fire_draw.c - FIRE: how the state looks, between two steps too.

#include "components/lamp/fx/fx_fire.h"
#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_random.h"

#define CROWN_FROM (13 * 256) // Q8 rows of the reference lamp: below, the tips are as they are
#define CROWN_OVER (14 * 256)
#define CROWN_HIGHEST 250 // of 256
#define CROWN_TINT 220
#define DIM_ROWS 4 // at the bottom

// The colours of a heat: as it is, and with the tint of the crown's lower and upper end.
struct colors {
    const nh_px_t *plain;
    nh_px_t low[256], high[256];
};

static uint32_t largest(nh_px_t p)
{
    uint32_t rg = nh_px_r(p) > nh_px_g(p) ? nh_px_r(p) : nh_px_g(p);
    return rg > nh_px_b(p) ? rg : nh_px_b(p);
}

// The hue of `p` with `max` as its largest channel.
static nh_px_t brightened(nh_px_t p, uint32_t max)
{
    uint32_t m = largest(p);
    return m ? NH_PX(nh_px_r(p) * max / m, nh_px_g(p) * max / m, nh_px_b(p) * max / m) : 0;
}

// The crown takes the hues of the palette's cool end: (255, 60, 0) to (220, 0, 0) in a fire.
static void colors_of(struct colors *c, const nh_px_t *palette)
{
    nh_px_t low = brightened(palette[66], 255), high = brightened(palette[22], 220);
    c->plain = palette;
    for (unsigned h = 0; h < 256; h++) {
        uint32_t v = largest(palette[h]);
        c->low[h] = nh_px_mix(palette[h], nh_px_scale(low, v), CROWN_TINT);
        c->high[h] = nh_px_mix(palette[h], nh_px_scale(high, v), CROWN_TINT);
    }
}

struct moment {
    const struct nh_fire *s;
    const uint8_t *now, *before;
    int32_t part; // of 256: from the step before to the last one
};

static int32_t heat_at(const struct moment *m, uint32_t at)
{
    int32_t a = m->before[at], b = m->now[at];
    return a + ((b - a) * m->part >> 8);
}

// Heat of column x at a height in Q8 rows, between rows mixed.
static uint32_t heat_between(const struct moment *m, const struct nh_fx_canvas *c, int32_t x,
                             int32_t y_q8)
{
    y_q8 = nh_fx_clamp(y_q8, 0, (c->height - 1) * 256);
    int32_t y = y_q8 >> 8, part = y_q8 & 255;
    int32_t a = heat_at(m, (uint32_t)(y * c->width + x));
    if (!part)
        return (uint32_t)a;
    int32_t b = heat_at(m, (uint32_t)((y + 1) * c->width + x));
    return (uint32_t)(a + ((b - a) * part >> 8));
}

static void field_draw(const struct moment *m, struct nh_fx_canvas *c, const struct colors *colors)
{
    int16_t shift[NH_FX_SIDE_MAX];
    for (int32_t x = 0; x < c->width; x++) {
        const int16_t *from = m->s->column[x].shift;
        shift[x] = (int16_t)(from[1] + (from[0] - from[1]) * m->part / 256);
    }
    for (int32_t y = 0; y < c->height; y++) {
        nh_px_t *row = c->px + y * c->width;
        int32_t over = nh_fire_row((uint32_t)y, c->height) - CROWN_FROM;
        if (over <= 0) {
            for (int32_t x = 0; x < c->width; x++)
                row[x] = colors->plain[heat_at(m, (uint32_t)(y * c->width + x))];
            continue;
        }
        uint32_t ramp = over < CROWN_OVER ? (uint32_t)over * 256u / CROWN_OVER : 256u;
        for (int32_t x = 0; x < c->width; x++) {
            int32_t lower = shift[x] * (int32_t)(ramp * CROWN_HIGHEST / 256) / 256;
            uint32_t h = heat_between(m, c, x, y * 256 - lower);
            nh_px_t tinted = nh_px_mix(colors->low[h], colors->high[h], ramp);
            row[x] = nh_px_mix(colors->plain[h], tinted, ramp);
        }
    }
}

// Whiter in the hot islands, never brighter.
static void islands_draw(const struct moment *m, struct nh_fx_canvas *c)
{
    for (unsigned k = 0; k < m->s->island_max; k++) {
        const struct nh_fire_island *i = &m->s->island[k];
        int32_t mark = i->life_steps ? (int32_t)nh_fire_envelope(i) : 0;
        int32_t radius = i->radius * mark / 255 + 256, reach = radius / 256 + 1;
        for (int32_t y = (i->y >> 8) - reach; mark && y <= (i->y >> 8) + reach; y++)
            for (int32_t x = (i->x >> 8) - reach; x <= (i->x >> 8) + reach; x++) {
                int32_t dx = x * 256 - i->x, dy = y * 256 - i->y;
                int32_t d = (int32_t)nh_fx_isqrt((uint32_t)(dx * dx + dy * dy));
                if (d >= radius || y < 0 || y >= c->height)
                    continue;
                nh_px_t *at = &c->px[y * c->width + nh_fx_wrap(x, c->width)];
                uint32_t weight = (uint32_t)(mark * (radius - d) / radius) * 80u / 256u;
                *at = nh_px_mix(*at, largest(*at) * 0x010101u, weight);
            }
    }
}

static void bottom_dim(struct nh_fx_canvas *c)
{
    for (uint32_t y = 0; y < c->height; y++) {
        int32_t y48 = nh_fire_row(y, c->height);
        if (y48 >= (DIM_ROWS - 1) * 256)
            return;
        uint32_t k = (uint32_t)(20 + (256 - 20) * y48 / ((DIM_ROWS - 1) * 256));
        for (uint32_t x = 0; x < c->width; x++)
            c->px[y * c->width + x] = nh_px_scale(c->px[y * c->width + x], k);
    }
}

// Places of a petal: the middle, its sides, and a wedge that widens upwards.
static const struct {
    int16_t x, y;
} petal_places[] = {{0, 0},  {-1, 0}, {1, 0},  {-1, 1}, {0, 1},  {1, 1}, {-2, 2}, {-1, 2},
                    {0, 2},  {1, 2},  {2, 2},  {-2, 3}, {-1, 3}, {0, 3}, {1, 3},  {2, 3},
                    {-3, 4}, {-2, 4}, {-1, 4}, {0, 4},  {1, 4},  {2, 4}, {3, 4}};
static const uint8_t petal_weights[] = {255, 210, 165, 125, 95, 75, 55, 55};

// A blob of `scale` cells. Never added to the flame, which would turn lemon where they overlap.
static void petal_blob(struct nh_fx_canvas *c, int32_t x0, int32_t y0, int32_t scale, nh_px_t color)
{
    int32_t reach = scale - 1;
    for (int32_t y = y0 - reach; y <= y0 + reach; y++)
        for (int32_t x = x0 - reach; x <= x0 + reach; x++) {
            int32_t at = nh_fx_wrap(x, c->width), dx = x - x0, dy = y - y0;
            if (!nh_fx_has(c, at, y))
                continue;
            uint32_t d = nh_fx_isqrt((uint32_t)(dx * dx + dy * dy) << 16) / (uint32_t)scale;
            nh_px_t q = nh_px_scale(color, d < 128 ? 256u : d < 256 ? 512u - 2 * d : 0);
            c->px[y * c->width + at] = nh_px_brighter(c->px[y * c->width + at], q);
        }
}

static void petal_draw(const struct moment *m, struct nh_fx_canvas *c,
                       const struct nh_fire_petal *p, nh_px_t color)
{
    // Where it was a step ago and where it is: between the two.
    int32_t x = p->x - p->dx * (256 - m->part) / 256, y = p->y - p->dy * (256 - m->part) / 256;
    int32_t height48 = y * 256 / (int32_t)m->s->unit;
    uint32_t fade = (uint32_t)nh_fx_clamp(256 - (height48 - 40 * 256) / 8, 0, 256);
    fade = fade * (uint32_t)nh_fx_min(256, 1024 * p->life_steps / p->life_all) / 256u;
    // 3 to 15 of the places, sooner the near ones; on a smaller lamp the far ones are left out.
    uint32_t many = 3 + nh_fx_below(p->shape, 13);
    int32_t scale = nh_fx_max((int32_t)(m->s->unit + 128) / 256, 1);
    int32_t reach = nh_fx_clamp((int32_t)m->s->unit * 4 / 256, 1, 4);
    for (uint32_t n = 0; n < NH_ARRAY_LEN(petal_places); n++) {
        int32_t px = petal_places[n].x, py = petal_places[n].y, far = nh_fx_abs(px) + py;
        uint32_t likely = petal_weights[far] * many / 10u;
        if (far > reach || (n && nh_fx_at(p->shape, n) >> 24 >= likely))
            continue;
        nh_px_t q = nh_px_scale(color, petal_weights[far] * fade / 256u);
        petal_blob(c, (x + p->dx * py / 2) / 256 + px * scale, (y >> 8) + py * scale, scale, q);
    }
}

static void spark_draw(const struct moment *m, struct nh_fx_canvas *c,
                       const struct nh_fire_spark *p)
{
    static const uint8_t tail[] = {255, 140, 90};
    int32_t x = p->x - p->dx * (256 - m->part) / 256, y = p->y - p->dy * (256 - m->part) / 256;
    uint32_t fade = 80u + 175u * p->life_steps / p->life_all;
    for (int32_t i = 0; i <= p->tail && i < (int32_t)NH_ARRAY_LEN(tail); i++)
        nh_fx_put_add(c, nh_fx_wrap(x >> 8, c->width), (y >> 8) - i,
                      nh_px_scale(p->color, fade * tail[i] / 255u));
}

void nh_fire__draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                   uint32_t seed)
{
    const struct nh_fire *s = state;
    struct colors colors;
    (void)seed;
    uint32_t since = in->time_ms - s->n * NH_FIRE_STEP_MS;
    const struct moment m = {
        .s = s,
        .now = nh_fire_field(s, c, s->now),
        .before = nh_fire_field(s, c, !s->now),
        .part = (int32_t)(since < NH_FIRE_STEP_MS ? since * 256u / NH_FIRE_STEP_MS : 256u),
    };
    colors_of(&colors, in->palette);
    field_draw(&m, c, &colors);
    islands_draw(&m, c);
    bottom_dim(c);
    nh_px_t petal = nh_px_mix(brightened(in->palette[112], 255), 0xFFFFFF, 25);
    for (unsigned i = 0; i < s->petal_max; i++)
        if (s->petal[i].life_steps)
            petal_draw(&m, c, &s->petal[i], petal);
    for (unsigned i = 0; i < s->spark_max; i++)
        if (s->spark[i].life_steps)
            spark_draw(&m, c, &s->spark[i]);
}
