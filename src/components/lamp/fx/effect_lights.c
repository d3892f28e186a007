// effect_lights.c - points of light: twinkle, fireflies, fireworks, stars, a candle.

#include "components/lamp/fx/effect_kit.h"
#include "components/lamp/fx/fx_noise.h"
#include "components/lamp/fx/fx_polar.h"
#include "components/lamp/fx/fx_random.h"

// ---- twinkle: every pixel lights up softly at its own times

static void twinkle_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                         uint32_t seed)
{
    (void)state;
    uint32_t lit = (uint32_t)nh_fx_by_intensity(in->intensity, 12, 110, 256);
    for (uint32_t i = 0; i < (uint32_t)c->width * c->height; i++) {
        uint32_t own = nh_fx_hash(seed, 0, i);
        uint32_t period = 1500 + (own & 2047), at = in->time_ms + (own >> 8) % period;
        uint32_t now = nh_fx_hash(seed, at / period + 1, i);
        uint32_t age = at % period * 256 / period;
        // Fast up, slow down.
        uint32_t light = age < 64 ? age * 4 : (255 - age) * 255 / 191;
        bool is_lit = (now & 255) < lit;
        nh_px_t p = nh_px_value(in->palette[now >> 8 & 255], (uint8_t)(light * light / 255));
        c->px[i] = is_lit ? p : nh_px_value(in->palette[own >> 24], 5);
    }
}

const struct nh_fx_effect nh_fx__twinkle = {
    .id = 0xEA0F,
    .name = "TWINKLE",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_GOLD,
    .draw = twinkle_draw,
};

// ---- fireflies: they wander, glow and go dark

static void glow_add(struct nh_fx_canvas *c, int32_t x_q8, int32_t y_q8, nh_px_t p)
{
    static const uint8_t around[3][3] = {{30, 70, 30}, {70, 0, 70}, {30, 70, 30}};
    for (int32_t dy = -1; dy <= 1; dy++) {
        for (int32_t dx = -1; dx <= 1; dx++) {
            nh_fx_dot_add(c, x_q8 + dx * 256, y_q8 + dy * 256,
                          nh_px_scale(p, around[dy + 1][dx + 1]));
        }
    }
    nh_fx_dot_add(c, x_q8, y_q8, p);
}

static void fireflies_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                           uint32_t seed)
{
    (void)state;
    int32_t natural = 4 + c->width * c->height / 56;
    uint32_t count = (uint32_t)nh_fx_by_intensity(in->intensity, 1, natural, natural * 3);
    for (uint32_t y = 0; y < c->height; y++) { // dusk: grass below, night above
        uint32_t k = (c->height - y) * 16 / c->height;
        for (uint32_t x = 0; x < c->width; x++) {
            c->px[y * c->width + x] = NH_PX(0, k, 8 - k / 3);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t r = nh_fx_hash(seed, 0, i), t = in->time_ms;
        uint16_t a = (uint16_t)(nh_fx_turn(t, 11000 + (r & 4095)) + r);
        uint16_t b = (uint16_t)(nh_fx_turn(t, 13000 + (r >> 20)) + (r >> 8));
        int32_t x = nh_fx_sin(a) + nh_fx_sin((uint16_t)(b * 2)) / 2;
        int32_t y = nh_fx_cos(b) + nh_fx_sin((uint16_t)(a * 3)) / 3;
        x = c->width * 32 + (int32_t)nh_fx_below(r * 5, c->width * 192u) + c->width * x / 640;
        y = c->height * 32 + (int32_t)nh_fx_below(r * 11, c->height * 192u) + c->height * y / 640;
        uint32_t blink = nh_fx_sin8(nh_fx__phase(t + (r & 0xffff), 2300 + (r >> 21)));
        uint32_t light = blink > 90 ? (blink - 90) * 256 / 165 : 0;
        glow_add(c, x, y, nh_px_scale(in->palette[150 + (r & 95)], light));
    }
}

const struct nh_fx_effect nh_fx__fireflies = {
    .id = 0xEA10,
    .name = "FIREFLIES",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_FOREST,
    .draw = fireflies_draw,
};

// ---- fireworks: a rocket climbs and bursts; sparks fly, fall and go out

#define RISE_PART 90 // of 256: the rest is the burst

struct rocket {
    int32_t x_q8, top_q8;
    uint32_t spark_count, hue, r;
    int32_t reach_q8;
};

static void burst_draw(struct nh_fx_canvas *c, const struct nh_fx_input *in, const struct rocket *k,
                       int32_t age)
{
    // Air stops sparks: far = reach * (1 - (1 - age)^2); weight pulls with age^2.
    int32_t rest = 256 - age, far = k->reach_q8 * (65536 - rest * rest) / 65536;
    int32_t fall = k->reach_q8 * age / 256 * age / 256 / 2;
    for (uint32_t i = 0; i < k->spark_count; i++) {
        uint32_t r = nh_fx_mix(k->r + i * 0x9e3779b1u);
        uint16_t way = (uint16_t)(i * 65536 / k->spark_count + (r & 4095));
        int32_t out = far * (160 + (int32_t)(r >> 24) * 96 / 255) / 256;
        int32_t x = k->x_q8 + out * nh_fx_cos(way) / 32768;
        int32_t y = k->top_q8 + out * nh_fx_sin(way) / 32768 - fall;
        int32_t glitter = age > 120 && (nh_fx_mix(r + in->time_ms / 70) & 3) == 0 ? 3 : 1;
        int32_t light = nh_fx_min(rest * rest / 256 * glitter * 2, 256);
        nh_px_t p = in->palette[(k->hue + (r & 31)) & 255];
        nh_fx_dot_add(c, x, y, nh_px_scale(p, (uint32_t)light));
    }
    if (age < 24) {
        glow_add(c, k->x_q8, k->top_q8,
                 nh_px_scale(NH_PX(255, 255, 255), (uint32_t)(24 - age) * 10));
    }
}

static void rocket_draw(struct nh_fx_canvas *c, const struct rocket *k, int32_t age)
{
    int32_t rest = 256 - age, high = k->top_q8 * (65536 - rest * rest) / 65536;
    for (int32_t i = 0; i < 5; i++) {
        nh_fx_dot_add(c, k->x_q8, high - i * 200,
                      nh_px_scale(NH_PX(255, 190, 90), (uint32_t)(200 - i * 40)));
    }
}

static void fireworks_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                           uint32_t seed)
{
    (void)state;
    int32_t natural = 2 + c->width * c->height / 300;
    uint32_t count = (uint32_t)nh_fx_by_intensity(in->intensity, 1, natural, natural * 2 + 2);
    nh_fx_fill(c, NH_PX(0, 0, 5));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t r = nh_fx_hash(seed, 0, i), period = 2300 + (r & 1023);
        uint32_t at = in->time_ms + nh_fx_below(r * 3, period);
        uint32_t now = nh_fx_hash(seed, at / period + 1, i);
        struct rocket k = {.r = now, .hue = now >> 16, .spark_count = 14 + c->width / 3u};
        k.x_q8 = 256 + (int32_t)nh_fx_below(now, c->width * 256u);
        k.top_q8 = c->height * (140 + (int32_t)(now & 95));
        k.reach_q8 = (nh_fx__short_side(c) * 5 / 8 + nh_fx__mean_side(c) / 8) * 256 *
                     (180 + (int32_t)(now >> 8 & 127)) / 256;
        int32_t age = (int32_t)(at % period * 256 / period);
        if (age < RISE_PART) {
            rocket_draw(c, &k, age * 256 / RISE_PART);
        } else {
            burst_draw(c, in, &k, (age - RISE_PART) * 256 / (256 - RISE_PART));
        }
    }
}

const struct nh_fx_effect nh_fx__fireworks = {
    .id = 0xCA12,
    .name = "FIREWORKS",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_RAINBOW,
    .draw = fireworks_draw,
};

// ---- stars that come towards us

static void starfield_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                           uint32_t seed)
{
    (void)state;
    int32_t natural = 12 + c->width * c->height / 14;
    uint32_t count = (uint32_t)nh_fx_by_intensity(in->intensity, 4, natural, natural * 3);
    int32_t side = nh_fx_max(c->width, c->height) * 128;
    nh_fx_fill(c, NH_PX(0, 0, 3));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t r = nh_fx_hash(seed, 0, i), period = 2600 + (r & 2047);
        uint32_t at = in->time_ms + nh_fx_below(r * 3, period);
        uint32_t now = nh_fx_hash(seed, at / period + 1, i);
        int32_t near = (int32_t)(at % period * 240 / period), depth = 256 - near;
        int32_t x = (int32_t)(now & 2047) - 1024, y = (int32_t)(now >> 16 & 2047) - 1024;
        for (int32_t k = 0; k < 3; k++) { // and where it was a moment before
            int32_t d = depth + k * 6;
            nh_px_t p = nh_px_scale(nh_px_mix(in->palette[now >> 11 & 255], 0xFFFFFF, 110),
                                    (uint32_t)(nh_fx_min(near * 3 / 2, 256) >> k));
            nh_fx_dot_add(c, c->width * 128 - 128 + x * side / 1024 * 100 / d,
                          c->height * 128 - 128 + y * side / 1024 * 100 / d, p);
        }
    }
}

const struct nh_fx_effect nh_fx__starfield = {
    .id = 0xEA11,
    .name = "STARFIELD",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_ICE,
    .draw = starfield_draw,
};

// ---- candle: one flame, or several beside each other on a wide lamp

struct flame {
    int32_t x_q4, foot_q4, high_q4, wide_q4, lean_q4; // lean: of the tip
};

// Noise of one number over time, -128 to 127.
static int32_t flicker(uint32_t time_ms, uint32_t rate, uint32_t seed)
{
    uint8_t v;
    struct nh_fx_noise_at at = {time_ms * rate, seed << 16, 0, 0};
    nh_fx_noise_row(&v, 1, &at, seed);
    return v - 128;
}

// Heat 0 to 255 at a point: a drop's shape, hot inside and below, with a dark foot at the wick.
static int32_t flame_heat(const struct flame *f, int32_t x_q4, int32_t y_q4)
{
    int32_t up = (y_q4 - f->foot_q4) * 256 / f->high_q4; // 0 at the foot, 256 at the tip
    if (up < 0 || up > 256) {
        return 0;
    }
    int32_t rise = up;
    int32_t top = nh_fx_max(rise - 80, 0); // 0 to 176
    int32_t wide = 256 - top - top * (top - 176) / 400;
    if (rise < 80) { // an arc below
        int32_t down = (80 - rise) * 256 / 82;
        wide = (int32_t)nh_fx_isqrt((uint32_t)(65536 - down * down));
    }
    int32_t axis = f->x_q4 + f->lean_q4 * rise / 256 * rise / 256;
    int32_t out = nh_fx_abs(x_q4 - axis) * 256 / nh_fx_max(f->wide_q4 * wide / 256, 1);
    int32_t body = 256 - out * out / 256;
    int32_t blue = up < 26 ? nh_fx_clamp(26 - up, 0, 66) * 2 : 0;
    return nh_fx_clamp(body * (256 - rise / 2) / 256 - blue, 0, 255);
}

static void flame_set(struct flame *f, const struct nh_fx_canvas *c, const struct nh_fx_input *in,
                      uint32_t n, uint32_t count, uint32_t seed)
{
    int32_t wild = nh_fx_by_intensity(in->intensity, 20, 90, 256);
    int32_t tall = flicker(in->time_ms, 130, seed + n * 3),
            lean = flicker(in->time_ms, 70, seed + n * 3 + 1);
    int32_t lane = c->width * 16 / (int32_t)count;
    f->x_q4 = lane * (int32_t)n + lane / 2 - 8;
    f->foot_q4 = c->height * 16 / 6;
    f->high_q4 = nh_fx_max(c->height * 16 * 5 / 8 * (256 + tall * wild / 256) / 256, 16);
    f->high_q4 = nh_fx_min(f->high_q4, lane * 3);
    f->wide_q4 =
        nh_fx_max(nh_fx_min(lane * 5 / 16, f->high_q4 / 3) * (256 - tall * wild / 512) / 256, 8);
    f->lean_q4 = lean * wild / 256 * lane / 256;
}

static void candle_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                        uint32_t seed)
{
    (void)state;
    uint32_t count = c->width > c->height ? (uint32_t)nh_fx_min(1 + c->width / 16, 8) : 1;
    struct flame f[8] = {{0}};
    for (uint32_t n = 0; n < count; n++) {
        flame_set(&f[n], c, in, n, count, seed);
    }
    for (uint32_t y = 0; y < c->height; y++) {
        for (uint32_t x = 0; x < c->width; x++) {
            const struct flame *k = &f[x * count / c->width];
            int32_t px = (int32_t)x * 16, py = (int32_t)y * 16;
            int32_t heat = flame_heat(k, px, py), dy = py - k->foot_q4 - k->high_q4 / 3;
            int32_t far =
                (int32_t)nh_fx_isqrt((uint32_t)((px - k->x_q4) * (px - k->x_q4) + dy * dy));
            int32_t glow = nh_fx_max(56 - far * 56 / nh_fx_max(k->high_q4, 1), 0);
            bool is_wick = py < k->foot_q4 && py > k->foot_q4 - 40 && nh_fx_abs(px - k->x_q4) <= 8;
            nh_px_t p = nh_px_add(in->palette[heat], nh_px_scale(in->palette[100], (uint32_t)glow));
            p = nh_px_mix(p, NH_PX(255, 244, 200), (uint32_t)nh_fx_max((heat - 160) * 2, 0));
            c->px[y * c->width + x] = is_wick && heat < 60 ? NH_PX(60, 16, 4) : p;
        }
    }
}

const struct nh_fx_effect nh_fx__candle = {
    .id = 0xCA13,
    .name = "CANDLE",
    .kind = NH_FX_NOISE,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_FIRE,
    .draw = candle_draw,
};
