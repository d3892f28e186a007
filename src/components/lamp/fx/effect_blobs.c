// effect_blobs.c - round things that melt into each other: metaballs, a lava lamp, bubbles.

#include "components/lamp/fx/effect_kit.h"
#include "components/lamp/fx/fx_polar.h"
#include "components/lamp/fx/fx_random.h"

#define BALL_MAX 8

// A ball: where (Q4) and its radius squared (Q8).
struct ball {
    struct nh_fx_point at;
    uint32_t radius2;
};

// What all balls give together at a point: 256 on the edge of a single one.
static uint32_t field_at(const struct ball *b, uint32_t count, int32_t x, int32_t y)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        int32_t dx = x - b[i].at.x, dy = y - b[i].at.y;
        sum += b[i].radius2 * 256 / ((uint32_t)(dx * dx + dy * dy) + 24);
    }
    return sum;
}

// ---- metaballs

static void metaballs_place(struct ball *b, uint32_t count, const struct nh_fx_canvas *c,
                            const struct nh_fx_input *in, uint32_t seed)
{
    uint32_t key = nh_fx_key(seed, 0);
    int32_t radius = nh_fx__mean_side(c) * 16 / 8 + 10;
    struct nh_fx_point m = nh_fx_middle(c);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t r = nh_fx_at(key, i);
        uint16_t ax = (uint16_t)(nh_fx_turn(in->time_ms, 5200 + i * 1130) + r);
        uint16_t ay = (uint16_t)(nh_fx_turn(in->time_ms, 6900 + i * 870) + (r >> 16));
        int32_t size = radius * (12 + (int32_t)(i % 3) * 2) / 16;
        b[i].at.x = m.x + c->width * 7 * nh_fx_sin(ax) / 32768;
        b[i].at.y = m.y + c->height * 7 * nh_fx_cos(ay) / 32768;
        b[i].radius2 = (uint32_t)(size * size);
    }
}

static void metaballs_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                           uint32_t seed)
{
    (void)state;
    struct ball b[BALL_MAX];
    uint32_t count = (uint32_t)nh_fx_by_intensity(in->intensity, 2, 5, BALL_MAX);
    uint32_t hue = nh_fx__phase(in->time_ms, 15000) * 2u;
    metaballs_place(b, count, c, in, seed);
    for (uint32_t y = 0; y < c->height; y++) {
        for (uint32_t x = 0; x < c->width; x++) {
            uint32_t f = field_at(b, count, (int32_t)x * 16, (int32_t)y * 16);
            uint32_t body = (uint32_t)nh_fx_clamp(((int32_t)f - 215) * 5, 0, 255);
            uint32_t halo = (uint32_t)nh_fx_min((int32_t)(f * f / 800), 60);
            uint32_t light = body > halo ? body : halo;
            nh_px_t p = nh_px_value(
                nh_fx__around(in, (uint32_t)nh_fx_min((int32_t)f, 1100) / 6 + hue), (uint8_t)light);
            uint32_t core = (uint32_t)nh_fx_clamp(((int32_t)f - 900) / 6, 0, 120);
            c->px[y * c->width + x] = nh_px_mix(p, NH_PX(255, 255, 255), core);
        }
    }
}

const struct nh_fx_effect nh_fx__metaballs = {
    .id = 0xCA0F,
    .name = "METABALLS",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_PARTY,
    .draw = metaballs_draw,
};

// ---- lava lamp: wax that rises warm and sinks cold

static void wax_place(struct ball *b, uint32_t count, const struct nh_fx_canvas *c,
                      const struct nh_fx_input *in, uint32_t seed)
{
    uint32_t key = nh_fx_key(seed, 1);
    // On a square lamp the wax has less room than on a long one of the same short side.
    int32_t longer = nh_fx_max(c->width, c->height) * 10 / nh_fx__short_side(c) - 10;
    int32_t radius = nh_fx__short_side(c) * 16 / (8 - nh_fx_min(longer * 3 / 20, 3)) + 8;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t r = nh_fx_at(key, i);
        uint32_t period = 9000 + (r & 4095) + i * 1700;
        uint16_t turn = (uint16_t)(nh_fx_turn(in->time_ms, period) + (r >> 16));
        // It waits at both ends: a sine of a sine is flat there.
        int32_t up = nh_fx_sin((uint16_t)(nh_fx_sin(turn) / 2)); // -32767 to 32767
        int32_t lane = (c->width - 1) * 16 * ((int32_t)i * 2 + 1) / ((int32_t)count * 2);
        int32_t sway = c->width * nh_fx_sin((uint16_t)(turn * 2 + i * 9000)) / 32768;
        int32_t size = radius * (200 + (int32_t)(r >> 8 & 127)) / 256;
        b[i].at.x = lane + sway;
        b[i].at.y = (c->height - 1) * 8 + c->height * 8 * up / 32768;
        b[i].radius2 = (uint32_t)(size * size);
    }
}

// Wax that lies at the bottom and hangs at the top: one field over the whole width.
static uint32_t pool_at(int32_t y_q4, const struct nh_fx_canvas *c)
{
    int32_t top = (c->height - 1) * 16 - y_q4, deep = 16 + c->height;
    return (uint32_t)(deep * deep * 200 / (y_q4 * y_q4 + deep * 8) +
                      deep * deep * 100 / (top * top + deep * 8));
}

static void lava_lamp_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                           uint32_t seed)
{
    (void)state;
    struct ball b[BALL_MAX];
    uint32_t natural = (uint32_t)nh_fx_clamp(c->width / 10 + 3, 3, 6);
    uint32_t count = (uint32_t)nh_fx_by_intensity(in->intensity, 2, (int32_t)natural, BALL_MAX);
    wax_place(b, count, c, in, seed);
    for (uint32_t y = 0; y < c->height; y++) {
        uint32_t pool = pool_at((int32_t)y * 16, c);
        uint32_t cold = y * 255 / c->height; // the heat is below
        nh_px_t liquid = nh_px_scale(in->palette[40 + (255 - cold) / 5], 50 + (255 - cold) / 4);
        for (uint32_t x = 0; x < c->width; x++) {
            uint32_t f = field_at(b, count, (int32_t)x * 16, (int32_t)y * 16) + pool;
            uint32_t edge = (uint32_t)nh_fx_clamp(((int32_t)f - 200) * 4, 0, 256);
            uint32_t warm = (uint32_t)nh_fx_min((int32_t)(120 + f / 10 + (255 - cold) / 4), 235);
            c->px[y * c->width + x] = nh_px_mix(liquid, in->palette[warm], edge);
        }
    }
}

const struct nh_fx_effect nh_fx__lava_lamp = {
    .id = 0xCA10,
    .name = "LAVA LAMP",
    .kind = NH_FX_GEOMETRY,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_LAVA,
    .draw = lava_lamp_draw,
};

// ---- bubbles: rings of light that rise, wobble and burst at the top

static void bubble_draw(struct nh_fx_canvas *c, const struct nh_fx_input *in, int32_t x_q4,
                        int32_t y_q4, int32_t radius_q4, uint32_t hue)
{
    int32_t reach = radius_q4 / 16 + 2, cx = x_q4 / 16, cy = y_q4 / 16;
    for (int32_t y = cy - reach; y <= cy + reach; y++) {
        for (int32_t x = cx - reach; x <= cx + reach; x++) {
            int32_t dx = x * 16 - x_q4, dy = y * 16 - y_q4;
            int32_t d = (int32_t)nh_fx_isqrt((uint32_t)(dx * dx + dy * dy));
            int32_t rim = 256 - nh_fx_abs(d - radius_q4) * 16;
            int32_t inside = d < radius_q4 ? 36 : 0;
            int32_t shine = dx < 0 && dy > 0 && rim > 0 ? rim * 3 / 4 : 0;
            nh_px_t p = nh_px_scale(in->palette[hue], (uint32_t)nh_fx_max(rim, inside));
            p = nh_px_add(p, nh_px_scale(NH_PX(120, 120, 120), (uint32_t)shine));
            nh_fx_put_add(c, x, y, p);
        }
    }
}

static void bubbles_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                         uint32_t seed)
{
    (void)state;
    uint32_t area = (uint32_t)c->width * c->height;
    uint32_t natural = 3 + (uint32_t)nh_fx_min((int32_t)(area / 96), 36), most = natural * 2 + 2;
    uint32_t count =
        (uint32_t)nh_fx_by_intensity(in->intensity, 1, (int32_t)natural, (int32_t)most);
    for (uint32_t y = 0; y < c->height; y++) {
        nh_px_t water = nh_px_scale(in->palette[24 + y * 40 / c->height], 50);
        for (uint32_t x = 0; x < c->width; x++) {
            c->px[y * c->width + x] = water;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t r = nh_fx_hash(seed, 7, i);
        int32_t radius =
            10 + (int32_t)((r & 255) * (uint32_t)nh_fx_min(nh_fx__short_side(c), 48) / 96);
        uint32_t way = c->height * 16u + (uint32_t)radius * 4; // from below to above
        uint32_t speed = 60 + (uint32_t)radius * 2;            // Q4 pixels a second
        uint32_t gone = in->time_ms * 64 / 1000 * speed / 64 + (r >> 8);
        uint32_t round = gone / way, place = nh_fx_hash(seed, round + 8, i);
        int32_t y = (int32_t)(gone % way) - radius * 2;
        int32_t sway = nh_fx_sin((uint16_t)(y * 500 + (int32_t)r)) * 14 / 32768;
        int32_t x = (int32_t)nh_fx_below(place, c->width * 16u) + sway;
        bubble_draw(c, in, x, y, radius, 120 + (place & 127));
    }
}

const struct nh_fx_effect nh_fx__bubbles = {
    .id = 0xEA0B,
    .name = "BUBBLES",
    .kind = NH_FX_PARTICLES,
    .uses = NH_FX_USES_BOTH,
    .palette = NH_FX_PALETTE_LAGOON,
    .draw = bubbles_draw,
};
