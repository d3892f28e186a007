// effect_radial.c - around the middle: vortex, tunnel, kaleidoscope, rings, a beating heart.

#include "components/lamp/fx/effect_kit.h"
#include "components/lamp/fx/fx_polar.h"

// Half of the mean side in Q4, at least one pixel: what "far from the middle" is measured by.
static uint32_t reach(const struct nh_fx_canvas *c)
{
    return (c->width + c->height) * 4u + 16;
}

// ---- vortex

static void vortex_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                        uint32_t seed)
{
    (void)state;
    (void)seed;
    uint16_t far[NH_FX_SIDE_MAX], way[NH_FX_SIDE_MAX];
    uint32_t twist = (uint32_t)nh_fx_by_intensity(in->intensity, 0, 320, 900);
    uint32_t turn = nh_fx__phase(in->time_ms, 3200), hue = nh_fx__phase(in->time_ms, 14000);
    for (uint32_t y = 0; y < c->height; y++) {
        nh_fx_distance_row(far, c->width, y, nh_fx_middle(c));
        nh_fx_direction_row(way, c->width, y, nh_fx_middle(c));
        for (uint32_t x = 0; x < c->width; x++) {
            uint32_t bent = far[x] * twist / reach(c);
            uint32_t arm = nh_fx_sin8((uint8_t)((way[x] >> 8) * 3 + bent - turn));
            uint32_t light = 30 + arm * arm * 225 / 65025;
            uint32_t core = nh_fx_min((int32_t)(far[x] * 6), 255); // the eye is dark
            c->px[y * c->width + x] = nh_px_value(nh_fx__around(in, bent + hue * 2 + (way[x] >> 7)),
                                                  (uint8_t)(light * core / 255));
        }
    }
}

const struct nh_fx_effect nh_fx__vortex = {
    .id = 0xCA0C,
    .name = "VORTEX",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_GALAXY,
    .draw = vortex_draw,
};

// ---- tunnel

static void tunnel_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                        uint32_t seed)
{
    (void)state;
    (void)seed;
    uint16_t far[NH_FX_SIDE_MAX], way[NH_FX_SIDE_MAX];
    uint32_t size = (uint32_t)nh_fx_by_intensity(in->intensity, 120, 300, 700);
    uint32_t forward = in->time_ms * 256 / 1100, turn = nh_fx__phase(in->time_ms, 7000);
    struct nh_fx_point m = nh_fx_middle(c);
    m.x += c->width * nh_fx_sin(nh_fx_turn(in->time_ms, 9000)) / 32768 * 2;
    m.y += c->height * nh_fx_sin(nh_fx_turn(in->time_ms, 7000)) / 32768 * 2;
    for (uint32_t y = 0; y < c->height; y++) {
        nh_fx_distance_row(far, c->width, y, m);
        nh_fx_direction_row(way, c->width, y, m);
        for (uint32_t x = 0; x < c->width; x++) {
            uint32_t depth = reach(c) * size / (far[x] + 4u);
            uint32_t wave = nh_fx_sin8((uint8_t)((way[x] >> 8) * 3u + turn));
            uint32_t ring = nh_fx_sin8((uint8_t)(depth + forward + wave / 2));
            uint32_t fog = (uint32_t)nh_fx_min((int32_t)(far[x] * 360 / reach(c)), 255);
            uint32_t hue = (depth + forward) / 3 + nh_fx_tri8((uint8_t)(way[x] >> 8));
            c->px[y * c->width + x] =
                nh_px_value(nh_fx__around(in, hue), (uint8_t)((24 + ring * 231 / 255) * fog / 255));
        }
    }
}

const struct nh_fx_effect nh_fx__tunnel = {
    .id = 0xCA0D,
    .name = "TUNNEL",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_PARTY,
    .draw = tunnel_draw,
};

// ---- kaleidoscope: six mirrored wedges of one pattern

static void kaleidoscope_draw(const void *state, struct nh_fx_canvas *c,
                              const struct nh_fx_input *in, uint32_t seed)
{
    (void)state;
    (void)seed;
    uint16_t far[NH_FX_SIDE_MAX], way[NH_FX_SIDE_MAX];
    uint32_t t = in->time_ms, fine = (uint32_t)nh_fx_by_intensity(in->intensity, 120, 300, 640);
    uint16_t turn = nh_fx_turn(t, 24000);
    for (uint32_t y = 0; y < c->height; y++) {
        nh_fx_distance_row(far, c->width, y, nh_fx_middle(c));
        nh_fx_direction_row(way, c->width, y, nh_fx_middle(c));
        for (uint32_t x = 0; x < c->width; x++) {
            uint32_t wedge = nh_fx_tri8((uint8_t)((uint16_t)(way[x] + turn) * 6u >> 8));
            uint32_t r = far[x] * fine / reach(c);
            uint32_t a = nh_fx_sin8((uint8_t)(r - nh_fx__phase(t, 4300) + wedge / 4));
            uint32_t b = nh_fx_sin8((uint8_t)(wedge / 2 + nh_fx__phase(t, 5300) + r / 4));
            uint32_t d = nh_fx_sin8((uint8_t)((r * wedge >> 9) + nh_fx__phase(t, 6700)));
            uint32_t light = (a * b >> 8) + d * 3 / 5;
            c->px[y * c->width + x] =
                nh_px_value(nh_fx__around(in, a + d / 2 + nh_fx__phase(t, 11000) * 2u),
                            nh_fx_u8((int32_t)light + 25));
        }
    }
}

const struct nh_fx_effect nh_fx__kaleidoscope = {
    .id = 0xCA0E,
    .name = "KALEIDOSCOPE",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_RAINBOW,
    .draw = kaleidoscope_draw,
};

// ---- diamond rings

static void diamonds_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                          uint32_t seed)
{
    (void)state;
    (void)seed;
    struct nh_fx_point m = nh_fx_middle(c);
    uint32_t fine = (uint32_t)nh_fx_by_intensity(in->intensity, 300, 700, 1800);
    uint32_t out = in->time_ms * 256 / 1800, hue = nh_fx__phase(in->time_ms, 9000);
    for (uint32_t y = 0; y < c->height; y++) {
        int32_t dy = nh_fx_abs((int32_t)y * 16 - m.y);
        for (uint32_t x = 0; x < c->width; x++) {
            int32_t dx = nh_fx_abs((int32_t)x * 16 - m.x);
            uint32_t d = (uint32_t)(dx + dy) * fine / (reach(c) * 2);
            uint32_t ring = 255 - nh_fx_tri8((uint8_t)(d - out));
            c->px[y * c->width + x] = nh_px_value(nh_fx__around(in, d * 2 / 3 + hue * 2),
                                                  (uint8_t)(12 + ring * ring * 243 / 65025));
        }
    }
}

const struct nh_fx_effect nh_fx__diamonds = {
    .id = 0xEA09,
    .name = "DIAMOND RINGS",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_TROPIC,
    .draw = diamonds_draw,
};

// ---- heart: (x^2 + y^2 - 1)^3 < x^2 y^3

// Whether a point (Q4, from the middle) lies in the heart of half-width `size`.
static bool heart_has(int32_t x_q4, int32_t y_q4, int32_t size_q4)
{
    int32_t x = nh_fx_clamp(x_q4 * 1160 / size_q4, -2400, 2400); // Q10
    int32_t y = nh_fx_clamp(y_q4 * 1160 / size_q4 + 250, -2400, 2400);
    y -= nh_fx_abs(x) / 4; // deeper between its halves, so that a small one has that too
    int32_t x2 = x * x / 1024, y2 = y * y / 1024, s = x2 + y2 - 1024;
    return (int64_t)s * s * s < (int64_t)x2 * y2 * y;
}

// How much of a pixel does, 0 to 255: by 2 x 2 points of it. The formula itself is too flat at the
// rim, here and there, to tell how far away it is.
static int32_t heart_part(int32_t x_q4, int32_t y_q4, int32_t size_q4)
{
    int32_t count = 0;
    for (int32_t k = 0; k < 4; k++) {
        count += heart_has(x_q4 + (k & 1) * 8 - 4, y_q4 + (k & 2) * 4 - 4, size_q4);
    }
    return count * 255 / 4;
}

// Two beats close together, then rest: 256 at the top of the first.
static int32_t heart_beat(uint32_t time_ms)
{
    int32_t at = (int32_t)(time_ms % 1100);
    int32_t first = at < 260 ? nh_fx_sin((uint16_t)(at * 32768 / 260)) / 128 : 0;
    int32_t second = at >= 230 && at < 520 ? nh_fx_sin((uint16_t)((at - 230) * 32768 / 290)) : 0;
    return nh_fx_max(first, second / 200);
}

static void heart_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                       uint32_t seed)
{
    (void)state;
    (void)seed;
    struct nh_fx_point m = nh_fx_middle(c);
    int32_t side = nh_fx_min(c->width, c->height), beat = heart_beat(in->time_ms);
    int32_t swing = nh_fx_by_intensity(in->intensity, 0, 46, 90);
    int32_t size = nh_fx_max(side * 8 * (210 + beat * swing / 256) / 256, 8);
    for (uint32_t y = 0; y < c->height; y++) {
        for (uint32_t x = 0; x < c->width; x++) {
            int32_t dx = (int32_t)x * 16 - m.x, dy = (int32_t)y * 16 - m.y;
            int32_t body = heart_part(dx, dy, size);
            int32_t glow =
                nh_fx_max(70 - nh_fx_max(nh_fx_abs(dx), nh_fx_abs(dy)) * 70 / (size * 2), 0) *
                (60 + beat) / 256;
            uint32_t shade = (uint32_t)nh_fx_clamp(150 + (dy - dx) * 60 / size + beat / 5, 0, 255);
            c->px[y * c->width + x] =
                nh_px_add(nh_px_value(in->palette[shade], (uint8_t)body),
                          nh_px_value(in->palette[90], (uint8_t)(glow * (255 - body) / 255)));
        }
    }
}

const struct nh_fx_effect nh_fx__heart = {
    .id = 0xEA0A,
    .name = "HEARTBEAT",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_ROSE,
    .draw = heart_draw,
};
