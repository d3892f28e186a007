// effect_motion.c - things that move along: scanner, comet, wipe, checker, DNA, balls, road, bars.

#include "components/lamp/fx/effect_kit.h"
#include "components/lamp/fx/fx_polar.h"
#include "components/lamp/fx/fx_random.h"

// A place along the lamp's long side, and how many there are.
static int32_t long_side(const struct nh_fx_canvas *c)
{
    return c->width > c->height ? c->width : c->height;
}

// Fills the line that crosses the long side at `at`.
static void cross_line(struct nh_fx_canvas *c, int32_t at, nh_px_t p)
{
    if (c->width > c->height) {
        for (int32_t y = 0; y < c->height; y++) {
            c->px[y * c->width + at] = p;
        }
        return;
    }
    for (int32_t x = 0; x < c->width; x++) {
        c->px[at * c->width + x] = p;
    }
}

// A block of soft dots, `size` pixels each way.
static void block_add(struct nh_fx_canvas *c, int32_t x_q8, int32_t y_q8, int32_t size, nh_px_t p)
{
    for (int32_t dy = 0; dy < size; dy++) {
        for (int32_t dx = 0; dx < size; dx++) {
            nh_fx_dot_add(c, x_q8 + dx * 256, y_q8 + dy * 256, p);
        }
    }
}

// ---- scanner: an eye that looks to and fro, with an afterglow

static void scanner_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                         uint32_t seed)
{
    (void)state;
    (void)seed;
    int32_t n = long_side(c), way = n * 512; // to and fro, Q8
    int32_t eye = (int32_t)((uint64_t)nh_fx_turn(in->time_ms, 2600) * (uint32_t)way >> 16);
    int32_t tail = nh_fx_by_intensity(in->intensity, 3, n / 3 + 3, n + 4) * 256;
    for (int32_t i = 0; i < n; i++) {
        // How far the eye has gone since it was here, on its way up and on its way back.
        int32_t up = nh_fx_wrap(eye - i * 256, way), down = nh_fx_wrap(eye - (way - i * 256), way);
        int32_t since = nh_fx_min(up, down);
        int32_t ahead =
            nh_fx_min(nh_fx_wrap(i * 256 - eye, way), nh_fx_wrap(way - i * 256 - eye, way));
        int32_t light = nh_fx_max(255 - since * 255 / tail, 0);
        light = nh_fx_max(light * light / 255, 255 - nh_fx_min(ahead, 255));
        cross_line(c, i, nh_px_value(in->palette[60 + light * 195 / 255], (uint8_t)light));
    }
}

const struct nh_fx_effect nh_fx__scanner = {
    .id = 0xEA12,
    .name = "SCANNER",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_EMBER,
    .draw = scanner_draw,
};

// ---- comet: a light on a winding path, its tail behind it

static void comet_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                       uint32_t seed)
{
    (void)state;
    // On a large lamp it is as thick as on a small one, seen from as far as that is large.
    uint32_t count = 2, thick = 1 + (uint32_t)nh_fx__mean_side(c) / 40;
    uint32_t tail = (uint32_t)nh_fx_by_intensity(in->intensity, 12, 56, 120) * thick;
    nh_fx_fill(c, NH_PX(0, 0, 3));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t start = nh_fx_hash(seed, 0, i);
        for (uint32_t k = tail; k-- > 0;) {
            uint32_t t = in->time_ms + 1000000 - k * 17 / thick; // where it was so long ago
            int32_t x = nh_fx_sin((uint16_t)(nh_fx_turn(t, 3100 + i * 700) + start));
            int32_t y = nh_fx_sin((uint16_t)(nh_fx_turn(t, 4300 - i * 600) + (start >> 16)));
            uint32_t left = (tail - k) * 256 / tail;
            nh_px_t p =
                nh_px_scale(in->palette[(200 + i * 128 + k / thick) & 255], left * left / 512 + 4);
            p = k < 2 ? NH_PX(255, 255, 255) : nh_px_scale(p, 256 / thick);
            block_add(c, c->width * 128 - 128 + (c->width - 2) * x / 256,
                      c->height * 128 - 128 + (c->height - 2) * y / 256, (int32_t)thick, p);
        }
    }
}

const struct nh_fx_effect nh_fx__comet = {
    .id = 0xEA13,
    .name = "COMET",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_RAINBOW,
    .draw = comet_draw,
};

// ---- colour wipe

static void wipe_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                      uint32_t seed)
{
    (void)state;
    (void)seed;
    int32_t n = long_side(c), soft = nh_fx_by_intensity(in->intensity, 1, n / 10 + 1, n);
    uint32_t round = in->time_ms / 2400, in_round = in->time_ms % 2400;
    int32_t edge = (int32_t)in_round * (n + soft) * 256 / 2400;
    nh_px_t old = in->palette[(round * 85 + (round / 3) * 21) & 255];
    nh_px_t new = in->palette[((round + 1) * 85 + ((round + 1) / 3) * 21) & 255];
    for (int32_t i = 0; i < n; i++) {
        int32_t k = nh_fx_clamp((edge - i * 256) / soft, 0, 256);
        int32_t shine = nh_fx_max(90 - nh_fx_abs(k - 128), 0) * 2;
        int32_t at = round & 1 ? n - 1 - i : i;
        cross_line(c, at, nh_px_mix(nh_px_mix(old, new, (uint32_t)k), 0xFFFFFF, (uint32_t)shine));
    }
}

const struct nh_fx_effect nh_fx__wipe = {
    .id = 0xEA14,
    .name = "COLOR WIPE",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_PARTY,
    .draw = wipe_draw,
};

// ---- checker: a board that turns and breathes

static void checker_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                         uint32_t seed)
{
    (void)state;
    (void)seed;
    uint16_t turn = (uint16_t)(nh_fx_sin(nh_fx_turn(in->time_ms, 17000)) / 2);
    int32_t side = nh_fx_by_intensity(in->intensity, nh_fx__mean_side(c) / 2 + 1,
                                      nh_fx__mean_side(c) / 5 + 1, 2);
    int32_t zoom = 32768 / side * (300 + nh_fx_sin(nh_fx_turn(in->time_ms, 7000)) / 400) / 300;
    int32_t cx = nh_fx_cos(turn) * zoom / 32768, sx = nh_fx_sin(turn) * zoom / 32768;
    struct nh_fx_point m = nh_fx_middle(c);
    uint32_t hue = nh_fx__phase(in->time_ms, 16000) * 2u;
    for (int32_t y = 0; y < c->height; y++) {
        for (int32_t x = 0; x < c->width; x++) {
            int32_t dx = x * 16 - m.x, dy = y * 16 - m.y;
            uint16_t u = (uint16_t)((dx * cx - dy * sx) / 16);
            uint16_t v = (uint16_t)((dx * sx + dy * cx) / 16);
            // A product of waves is a board with soft edges; amplified, they are sharp.
            int32_t board = (nh_fx_sin(u) >> 7) * (nh_fx_sin(v) >> 7) / 64;
            uint32_t k = (uint32_t)nh_fx_clamp(board * 2 + 128, 0, 256);
            nh_px_t a = nh_fx__around(in, hue + (uint32_t)(x + y) * 3);
            nh_px_t b = nh_px_scale(nh_fx__around(in, hue + 256 + (uint32_t)(x + y) * 3), 60);
            c->px[y * c->width + x] = nh_px_mix(b, a, k);
        }
    }
}

const struct nh_fx_effect nh_fx__checker = {
    .id = 0xEA15,
    .name = "CHECKER",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_TROPIC,
    .draw = checker_draw,
};

// ---- DNA: two strands that wind around each other, rungs between them

// A soft dot at a place along and across (Q8) the long side.
static void strand_dot(struct nh_fx_canvas *c, int32_t along_q8, int32_t across_q8, nh_px_t p)
{
    if (c->width > c->height) {
        nh_fx_dot_add(c, along_q8, across_q8, p);
    } else {
        nh_fx_dot_add(c, across_q8, along_q8, p);
    }
}

struct strand {
    int32_t middle_q8, wide_q8, twist; // twist: of an angle, by a pixel along
    uint16_t turn;
};

// How far from the middle a strand is at `along` (Q8); `half`: the other one.
static int32_t strand_out(const struct strand *s, int32_t along_q8, bool is_other)
{
    uint16_t a = (uint16_t)((int64_t)along_q8 * s->twist / 256 + s->turn);
    int32_t out = s->wide_q8 * nh_fx_sin(a) / 32768;
    return is_other ? -out : out;
}

// From one pixel to the next, with as many dots as the way is long: no gaps where it is steep.
static void strand_part(struct nh_fx_canvas *c, const struct strand *s, int32_t at, bool is_other,
                        nh_px_t p)
{
    int32_t from = strand_out(s, at * 256, is_other), to = strand_out(s, at * 256 + 256, is_other);
    int32_t count = nh_fx_max(nh_fx_abs(to - from) / 256, 1);
    for (int32_t k = 0; k < count; k++) {
        int32_t along = at * 256 + k * 256 / count;
        strand_dot(c, along, s->middle_q8 + strand_out(s, along, is_other), p);
    }
}

static void dna_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                     uint32_t seed)
{
    (void)state;
    (void)seed;
    int32_t n = long_side(c), across = nh_fx__short_side(c);
    struct strand s = {.middle_q8 = across * 128 - 128, .wide_q8 = (across - 2) * 128};
    s.twist = 65536 * nh_fx_by_intensity(in->intensity, 6, 14, 32) / (10 * (across + 12));
    s.turn = nh_fx_turn(in->time_ms, 3600);
    nh_fx_fill(c, NH_PX(0, 0, 4));
    for (int32_t i = 0; i < n; i++) {
        int32_t out = nh_fx_abs(strand_out(&s, i * 256, false));
        uint32_t front = (uint32_t)(nh_fx_cos((uint16_t)(i * s.twist + s.turn)) + 32768) / 256;
        uint32_t hue = (uint32_t)i * 4 + in->time_ms / 30;
        nh_px_t one = nh_fx__around(in, hue), other = nh_fx__around(in, hue + 200);
        for (int32_t k = -out + 256; nh_fx_wrap(i, 4) == 1 && k < out; k += 256) { // a rung
            strand_dot(c, i * 256, s.middle_q8 + k, nh_px_scale(k < 0 ? one : other, 80));
        }
        strand_part(c, &s, i, false, nh_px_scale(one, 40 + front * 215 / 255));
        strand_part(c, &s, i, true, nh_px_scale(other, 255 - front * 215 / 255));
    }
}

const struct nh_fx_effect nh_fx__dna = {
    .id = 0xEA16,
    .name = "DNA",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_NEON,
    .draw = dna_draw,
};

// ---- bouncing balls

static void balls_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                       uint32_t seed)
{
    (void)state;
    int32_t natural = 1 + c->width / 5, most = 1 + c->width / 2;
    uint32_t count = (uint32_t)nh_fx_by_intensity(in->intensity, 1, natural, most);
    int32_t size = nh_fx_min(nh_fx__short_side(c) / 8, c->width * 3 / ((int32_t)count * 4));
    size = nh_fx_clamp(size, 1, 8);
    nh_fx_fill(c, NH_PX(0, 0, 0));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t r = nh_fx_hash(seed, 0, i);
        int32_t top = (c->height - 2) * (120 + (int32_t)(r & 127)); // Q8
        // What falls from four times as high takes twice as long.
        uint32_t period = 300 + nh_fx_isqrt((uint32_t)nh_fx_max(top, 0) * 16);
        int32_t x = (c->width * 256 * ((int32_t)i * 2 + 1)) / ((int32_t)count * 2) - 256;
        nh_px_t p = in->palette[(i * 255 / count + (r & 15)) & 255];
        for (int32_t k = 7; k >= 0; k--) { // the ball, and where it was
            uint32_t t = in->time_ms + (r & 0xffff) + 1000000 - (uint32_t)k * 22;
            int32_t at = (int32_t)(t % period * 256 / period);
            int32_t y = (int32_t)((int64_t)top * at * (256 - at) / 16384);
            block_add(c, x, y, size, nh_px_scale(p, k == 0 ? 256 : (uint32_t)(48 - k * 6)));
        }
    }
}

const struct nh_fx_effect nh_fx__balls = {
    .id = 0xEA17,
    .name = "BOUNCING BALLS",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_RAINBOW,
    .draw = balls_draw,
};

// ---- synthwave: a sun over a plain of lines that comes towards us

// Light of the plain, 0 to 255, at `below` rows under the horizon of `rows`.
static int32_t plain_light(int32_t x_q4, int32_t below, int32_t rows, uint32_t time_ms,
                           int32_t fine)
{
    int32_t near = below * 256 / rows + 24, depth = 65536 / near; // Q8
    int32_t ahead = 255 - nh_fx_tri8((uint8_t)(depth * fine / 256 + (int32_t)(time_ms / 5)));
    int32_t side = 255 - nh_fx_tri8((uint8_t)(128 + x_q4 * depth / 512));
    int32_t line = nh_fx_max(ahead * ahead / 255, side * side / 255 * side / 255);
    return line * nh_fx_min(near + 50, 256) / 256;
}

static nh_px_t sun_color(const struct nh_fx_input *in, int32_t up, int32_t out, int32_t radius,
                         uint32_t time_ms)
{
    int32_t edge = nh_fx_clamp((radius - out) * 16 + 128, 0, 256);
    int32_t slot = nh_fx_wrap(up - (int32_t)(time_ms / 60), 64); // bands drift down through it
    bool is_cut = up < radius && slot < (radius - up) * 40 / radius;
    int32_t glow = nh_fx_max(70 - nh_fx_max(out - radius, 0) * 60 / radius, 0);
    nh_px_t sky = nh_px_scale(in->palette[150], (uint32_t)glow);
    int32_t hue = 90 + up * 80 / radius;
    return nh_px_mix(sky, in->palette[nh_fx_u8(hue)], is_cut ? 0 : (uint32_t)edge);
}

static void synthwave_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                           uint32_t seed)
{
    (void)state;
    (void)seed;
    int32_t horizon = c->height * 2 / 5, radius = nh_fx__short_side(c) * 6;
    int32_t fine = nh_fx_by_intensity(in->intensity, 80, 200, 500);
    radius = nh_fx_max(nh_fx_min(radius, (c->height - horizon) * 12), 8);
    for (int32_t y = 0; y < c->height; y++) {
        for (int32_t x = 0; x < c->width; x++) {
            int32_t dx = x * 16 - nh_fx_middle(c).x, up = (y - horizon) * 16;
            nh_px_t p;
            if (y < horizon) {
                int32_t light = plain_light(dx, horizon - y, horizon, in->time_ms, fine);
                p = nh_px_value(in->palette[200 + light / 8], (uint8_t)light);
            } else {
                int32_t dy = up - radius * 3 / 4;
                int32_t out = (int32_t)nh_fx_isqrt((uint32_t)(dx * dx + dy * dy));
                p = sun_color(in, up, out, radius, in->time_ms);
            }
            c->px[y * c->width + x] = p;
        }
    }
}

const struct nh_fx_effect nh_fx__synthwave = {
    .id = 0xCA14,
    .name = "SYNTHWAVE",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_SUNSET,
    .draw = synthwave_draw,
};

// ---- bars that jump to a beat of 120 a minute

static void bpm_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                     uint32_t seed)
{
    (void)state;
    uint32_t beat = in->time_ms / 500;
    int32_t age = (int32_t)(in->time_ms % 500 * 256 / 500),
            wild = nh_fx_by_intensity(in->intensity, 40, 150, 255);
    int32_t bar = nh_fx_clamp(c->width / 12, 1, 4), hit = 256 - age;
    for (int32_t x = 0; x < c->width; x++) {
        uint32_t r = nh_fx_hash(seed, beat, (uint32_t)(x / bar));
        uint32_t old = nh_fx_hash(seed, beat - 1, (uint32_t)(x / bar));
        int32_t from = (int32_t)(old & 255), to = (int32_t)(r & 255);
        int32_t rest = from / 3 + (to / 3 - from / 3) * age / 256;
        int32_t level = rest + to * hit / 256 * hit / 256 * wild / 255;
        int32_t top = c->height * level * 256 / 300; // Q8 pixels
        bool is_gap = bar > 1 && x % bar == bar - 1;
        for (int32_t y = 0; y < c->height; y++) {
            int32_t k = is_gap ? 0 : nh_fx_clamp(top - y * 256, 0, 256);
            nh_px_t p = in->palette[nh_fx_u8(y * 255 / c->height)];
            nh_px_t floor =
                nh_px_scale(in->palette[nh_fx_u8(x * 255 / c->width)], (uint32_t)hit / 10);
            c->px[y * c->width + x] = nh_px_mix(floor, p, (uint32_t)k);
        }
    }
}

const struct nh_fx_effect nh_fx__bpm = {
    .id = 0xEA18,
    .name = "BPM BARS",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_PARTY,
    .draw = bpm_draw,
};
