// effect_color.c - light to live with: breathing colours, gradients, stripes, a sunrise.

#include "components/lamp/fx/effect_kit.h"
#include "components/lamp/fx/fx_noise.h"

// ---- solid: a light to read by. The one effect that does not move.

static void solid_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                       uint32_t seed)
{
    (void)state;
    (void)seed;
    nh_fx_fill(c, in->color[0]);
}

const struct nh_fx_effect nh_fx__solid = {
    .id = NH_FX_SOLID_ID,
    .name = "SOLID",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_COLORS,
    .palette = NH_FX_PALETTE_WHITE,
    .draw = solid_draw,
};

// ---- breathe: the first colour and the third by turns, over the second

static void breathe_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                         uint32_t seed)
{
    (void)state;
    (void)seed;
    uint32_t breath = in->time_ms / 5200;
    uint32_t low = (uint32_t)nh_fx_by_intensity(in->intensity, 200, 24, 0);
    uint32_t k = nh_fx_ease8(nh_fx_tri8(nh_fx__phase(in->time_ms, 5200)));
    nh_px_t p = nh_px_mix(in->color[1], in->color[breath & 1 ? 2 : 0], low + k * (256 - low) / 255);
    int32_t m = c->height - 1;
    for (int32_t y = 0; y < c->height; y++) {
        // A little darker to the ends, so that it looks like a lamp and not like a screen.
        int32_t out = m > 0 ? nh_fx_abs(y * 2 - m) * 256 / m : 0;
        nh_px_t line = nh_px_scale(p, (uint32_t)(256 - out * out / 640));
        for (int32_t x = 0; x < c->width; x++) {
            c->px[y * c->width + x] = line;
        }
    }
}

const struct nh_fx_effect nh_fx__breathe = {
    .id = 0xEA1C,
    .name = "BREATHE",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_COLORS | NH_FX_USES_INTENSITY,
    .palette = NH_FX_PALETTE_WHITE,
    .draw = breathe_draw,
};

// ---- gradient: the whole palette, in slow motion, on a slant

static void gradient_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                          uint32_t seed)
{
    (void)state;
    (void)seed;
    uint16_t turn = nh_fx_turn(in->time_ms, 23000);
    int32_t span = nh_fx_by_intensity(in->intensity, 100, 360, 1000) * 256;
    int32_t side = nh_fx_max(c->width, c->height);
    int32_t kx = span / side * (nh_fx_sin((uint16_t)(nh_fx_sin(turn) / 3)) / 16) / 2048;
    int32_t ky = span / side * (nh_fx_cos((uint16_t)(nh_fx_sin(turn) / 3)) / 16) / 2048;
    for (int32_t y = 0; y < c->height; y++) {
        for (int32_t x = 0; x < c->width; x++) {
            int32_t v = (x * kx + y * ky) / 256 + (int32_t)(in->time_ms / 24);
            c->px[y * c->width + x] = nh_fx__around(in, (uint32_t)v);
        }
    }
}

const struct nh_fx_effect nh_fx__gradient = {
    .id = 0xEA1D,
    .name = "GRADIENT",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_PASTEL,
    .draw = gradient_draw,
};

// ---- candy stripes of the three colours

static void stripes_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                         uint32_t seed)
{
    (void)state;
    (void)seed;
    int32_t wide =
        nh_fx_by_intensity(in->intensity, nh_fx__mean_side(c), nh_fx__mean_side(c) / 5 + 2, 2);
    int32_t shift = (int32_t)(in->time_ms * 8 % ((uint32_t)wide * 3 * 1024)) / 4; // Q8 pixels
    for (int32_t y = 0; y < c->height; y++) {
        for (int32_t x = 0; x < c->width; x++) {
            int32_t at = nh_fx_wrap((x + y) * 256 - shift, wide * 3 * 256);
            int32_t i = at / (wide * 256), in_it = at % (wide * 256);
            // The last pixel of a stripe is on its way to the next.
            int32_t k = nh_fx_max(in_it - (wide - 1) * 256, 0);
            c->px[y * c->width + x] = nh_px_mix(in->color[i], in->color[(i + 1) % 3], (uint32_t)k);
        }
    }
}

const struct nh_fx_effect nh_fx__stripes = {
    .id = 0xEA1E,
    .name = "CANDY STRIPES",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_COLORS | NH_FX_USES_INTENSITY,
    .palette = NH_FX_PALETTE_CANDY,
    .draw = stripes_draw,
};

// ---- sunrise: from night to day and back

static void sunrise_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                         uint32_t seed)
{
    (void)state;
    uint8_t haze[NH_FX_SIDE_MAX];
    int32_t day = nh_fx_ease8(nh_fx_tri8(nh_fx__phase(in->time_ms, 60000)));
    int32_t part = (int32_t)(nh_fx_turn(in->time_ms, 60000) & 255);
    int32_t radius = nh_fx__short_side(c) * 4 + 8; // Q4
    int32_t sun_y = -radius + (c->height * 16 * 3 / 4 + radius) * (day * 256 + part / 2) / 65536;
    int32_t bloom = nh_fx_by_intensity(in->intensity, 20, 60, 140);
    for (int32_t y = 0; y < c->height; y++) {
        int32_t low = 256 - y * 256 / c->height; // the light begins at the horizon
        int32_t sky = nh_fx_clamp(day * 5 / 4 - 70 + low * (day + 60) / 512, 2, 225);
        struct nh_fx_noise_at at = {in->time_ms * 6, (uint32_t)y * 9000, in->time_ms * 3, 3600};
        nh_fx_noise_row(haze, c->width, &at, seed);
        for (int32_t x = 0; x < c->width; x++) {
            int32_t dx = x * 16 - (c->width - 1) * 8, dy = y * 16 - sun_y;
            int32_t out = (int32_t)nh_fx_isqrt((uint32_t)(dx * dx + dy * dy));
            uint32_t disc = (uint32_t)nh_fx_clamp((radius - out) * 16 + 128, 0, 256);
            uint32_t glow = (uint32_t)nh_fx_max(bloom * 3 - out * bloom / radius, 0);
            nh_px_t p = nh_px_scale(in->palette[nh_fx_u8(sky + haze[x] / 12)],
                                    (uint32_t)nh_fx_min(24 + day * 2, 256));
            p = nh_px_add(p, nh_px_scale(in->palette[200], glow * (uint32_t)(day + 40) / 512));
            c->px[y * c->width + x] = nh_px_mix(p, NH_PX(255, 236, 170), disc);
        }
    }
}

const struct nh_fx_effect nh_fx__sunrise = {
    .id = 0xCA15,
    .name = "SUNRISE",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_DUSK,
    .draw = sunrise_draw,
};
