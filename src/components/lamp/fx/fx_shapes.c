// fx_shapes.c - RADIAL RIPPLE, CUBES and ORBIT DOTS: figures around the middle, on any size.

#include "components/lamp/fx/fx_effects.h"
#include "components/lamp/fx/fx_math.h"
#include "components/lamp/fx/fx_palette.h"
#include "components/lamp/fx/fx_random.h"

// ---- RADIAL RIPPLE: diamonds of colour that run to the middle, a bright ring now and then

static void ripple_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                        uint32_t seed)
{
    (void)state;
    (void)seed;
    nh_px_t colors[256], of_distance[NH_FX_SIDE_MAX + 1] = {0}; // |dx| + |dy| is at most 64 + 64
    uint32_t p = in->time_ms / 18, w2 = c->width / 2, h2 = c->height / 2;
    uint32_t ring = (uint32_t)nh_fx_by_intensity(in->intensity, 0, 40, 160);
    nh_fx_palette_close(in->palette, colors);
    for (uint32_t d = 0; d <= w2 + h2; d++)
        of_distance[d] =
            nh_px_value(colors[(p + 9 * d) & 255u], ((p + 12 * d) & 255u) < ring ? 255 : 200);
    for (uint32_t y = 0; y < c->height; y++) {
        nh_px_t *row = c->px + y * c->width;
        const nh_px_t *from = of_distance + (y < h2 ? h2 - y : y - h2);
        for (uint32_t x = 0; x < w2; x++)
            row[x] = from[w2 - x];
        for (uint32_t x = w2; x < c->width; x++)
            row[x] = from[x - w2];
    }
}

// ---- CUBES: four frames that breathe, one in the other

#define CUBES 4
#define CUBE_SPARKS 12 // on 768 pixels
#define CUBE_VALUE 200
#define CUBE_PERIOD_MS 3142 // 0.002 radians a ms
#define CUBE_PHASE 9387     // 0.9 radians from one to the next

// Half a side of cube `k` in Q8 cells: on the reference lamp of 48 columns it was 10 + 6k, too wide
// for the outermost; here that one fills the canvas when it is largest.
static int32_t cube_half(int32_t side, int32_t k, int32_t breath)
{
    int32_t largest = (side - 1) * 128 * (10 + 6 * k) / 28;
    return nh_fx_max(largest * breath / 32768, nh_fx_min((side - 1) * 128, 512));
}

// An outline, one cell wide on a small lamp, whose place between two cells shows as two dimmer
// ones.
static void cube_add(struct nh_fx_canvas *c, int32_t half_w, int32_t half_h, nh_px_t color)
{
    int32_t thick = nh_fx_max(nh_fx_min(c->width, c->height) / 24, 1) * 128 + 128;
    for (int32_t y = 0; y < c->height; y++) {
        int32_t dy = nh_fx_abs(2 * y - (c->height - 1)) * 128 - half_h;
        nh_px_t *row = c->px + y * c->width;
        for (int32_t x = 0; x < c->width; x++) {
            int32_t dx = nh_fx_abs(2 * x - (c->width - 1)) * 128 - half_w;
            int32_t out = nh_fx_abs(dx > dy ? dx : dy);
            row[x] =
                nh_px_add(row[x], nh_px_scale(color, (uint32_t)nh_fx_clamp(thick - out, 0, 256)));
        }
    }
}

static void cubes_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                       uint32_t seed)
{
    (void)state;
    nh_px_t colors[256];
    nh_fx_palette_close(in->palette, colors);
    nh_fx_fill(c, 0);
    for (int32_t k = 0; k < CUBES; k++) {
        uint16_t at = (uint16_t)(nh_fx_turn(in->time_ms, CUBE_PERIOD_MS) + k * CUBE_PHASE);
        int32_t breath = 18022 + nh_fx_sin(at) * 45 / 100; // 0.55 + 0.45 sin
        uint32_t hue = (in->time_ms >> 4) + 50u * (uint32_t)k;
        cube_add(c, cube_half(c->width, k, breath), cube_half(c->height, k, breath),
                 nh_px_value(colors[hue & 255u], CUBE_VALUE));
    }
    uint32_t n = (uint32_t)c->width * c->height, key = nh_fx_key(seed, in->time_ms / 45);
    uint32_t per = (uint32_t)nh_fx_by_intensity(in->intensity, 0, CUBE_SPARKS, 5 * CUBE_SPARKS);
    uint32_t count = nh_fx_share(nh_fx_at(key, 0), per, n);
    for (uint32_t i = 1; i <= count; i++)
        c->px[nh_fx_below(nh_fx_at(key, i), n)] = 0xFFFFFF;
}

// ---- ORBIT DOTS: three suns on their ways, grey dust on one of them

#define ORBIT_TAIL 8
#define ORBIT_TAIL_ANGLE 2608 // 0.25 radians

struct orbit {
    int32_t x, y;                   // the middle, Q8 cells
    int32_t half_w, half_h, radius; // of the ways, of a dot
};

static struct orbit orbit_of(const struct nh_fx_canvas *c)
{
    int32_t w = c->width - 1, h = c->height - 1, small = nh_fx_min(c->width, c->height);
    return (struct orbit){
        .x = w * 128,
        .y = h * 128,
        // Ellipses, at most twice as long as wide.
        .half_w = nh_fx_min(w, 2 * h + 1) * 128,
        .half_h = nh_fx_min(h, 2 * w + 1) * 128,
        .radius = small * 12,
    };
}

// `way` in eighths of the largest.
static void orbit_dot(struct nh_fx_canvas *c, const struct orbit *o, int32_t way, uint16_t angle,
                      nh_px_t color)
{
    int32_t x = o->x + nh_fx_cos(angle) / 8 * (o->half_w * way / 8) / 4096;
    int32_t y = o->y + nh_fx_sin(angle) / 8 * (o->half_h * way / 8) / 4096;
    nh_fx_disc_add(c, x, y, o->radius, color);
}

// A dot with a short glow behind it.
static void orbit_sun(struct nh_fx_canvas *c, const struct orbit *o, int32_t way, uint16_t angle,
                      int32_t glow_angle, nh_px_t color)
{
    for (int32_t i = 6; i > 0; i--)
        orbit_dot(c, o, way, (uint16_t)(angle - i * glow_angle),
                  nh_px_scale(color, (uint32_t)((7 - i) * (7 - i) * 2)));
    orbit_dot(c, o, way, angle, color);
}

static void orbit_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                       uint32_t seed)
{
    (void)state;
    (void)seed;
    const struct orbit o = orbit_of(c);
    // 0.0012, -1.3 and 0.7 times 0.0012 radians a ms.
    uint16_t a = nh_fx_turn(in->time_ms, 5236);
    uint16_t b = (uint16_t)(0u - nh_fx_turn(in->time_ms, 4028));
    uint16_t d = nh_fx_turn(in->time_ms, 7480);
    int32_t tail = nh_fx_by_intensity(in->intensity, 0, ORBIT_TAIL, 3 * ORBIT_TAIL);
    nh_fx_fill(c, 0);
    for (int32_t i = tail; i > 0; i--)
        orbit_dot(c, &o, 6, (uint16_t)(a - i * ORBIT_TAIL_ANGLE),
                  0x010101u * (uint32_t)(64 - 56 * i / (tail + 1)));
    orbit_sun(c, &o, 4, a, 1300, in->palette[42]);
    orbit_sun(c, &o, 6, b, -1300, in->palette[127]);
    orbit_sun(c, &o, 8, d, 1000, in->palette[212]);
}

// ---- rows

const struct nh_fx_effect nh_fx__radial_ripple = {
    .id = 0xEA05,
    .name = "RADIAL RIPPLE",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_PALETTE | NH_FX_USES_INTENSITY,
    .palette = NH_FX_PALETTE_RAINBOW,
    .draw = ripple_draw,
};

const struct nh_fx_effect nh_fx__cubes = {
    .id = 0xEA06,
    .name = "CUBES",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_PALETTE | NH_FX_USES_INTENSITY,
    .palette = NH_FX_PALETTE_RAINBOW,
    .draw = cubes_draw,
};

const struct nh_fx_effect nh_fx__orbit_dots = {
    .id = 0xEA07,
    .name = "ORBIT DOTS",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_PALETTE | NH_FX_USES_INTENSITY,
    .palette = NH_FX_PALETTE_ORBIT,
    .draw = orbit_draw,
};
