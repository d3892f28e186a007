// effect_sound.c - what is heard: equaliser, level meter, spectrum. Without a sound they wait with
// a dim ground line.

#include "components/lamp/fx/effect_kit.h"

#define USES (NH_FX_USES_BOTH | NH_FX_USES_AUDIO)

// The level of the bands at column x: bands run from left to right, into each other where there are
// more columns than bands.
static int32_t band_at(const uint8_t *band, int32_t x, int32_t width)
{
    int32_t at = width > 1 ? x * (NH_FX_BAND_COUNT - 1) * 256 / (width - 1) : 0;
    int32_t i = at / 256, next = nh_fx_min(i + 1, NH_FX_BAND_COUNT - 1);
    return band[i] + (band[next] - band[i]) * (at % 256) / 256;
}

// ---- equaliser: bars that fall slowly, with caps that fall more slowly

struct equalizer {
    uint8_t bar[NH_FX_BAND_COUNT];
    uint8_t cap[NH_FX_BAND_COUNT], cap_rest[NH_FX_BAND_COUNT];
};

static uint32_t equalizer_bytes(uint16_t width, uint16_t height)
{
    (void)width;
    (void)height;
    return sizeof(struct equalizer);
}

// Q0 level with the gain of the intensity.
static uint8_t heard(uint8_t level, const struct nh_fx_input *in)
{
    return nh_fx_u8(level * nh_fx_by_intensity(in->intensity, 64, 256, 768) / 256);
}

static void equalizer_step(void *state, const struct nh_fx_canvas *size,
                           const struct nh_fx_input *in, uint32_t n)
{
    (void)size;
    (void)n;
    struct equalizer *e = state;
    for (uint32_t i = 0; i < NH_FX_BAND_COUNT; i++) {
        uint8_t now = heard(in->audio_band[i], in);
        e->bar[i] = now > e->bar[i] ? now : nh_fx_u8(e->bar[i] - 9 < now ? now : e->bar[i] - 9);
        if (e->bar[i] >= e->cap[i]) {
            e->cap[i] = e->bar[i];
            e->cap_rest[i] = 14; // steps that it stays
        } else if (e->cap_rest[i] > 0) {
            e->cap_rest[i]--;
        } else {
            e->cap[i] = nh_fx_u8(e->cap[i] - 3);
        }
    }
}

static void equalizer_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                           uint32_t seed)
{
    (void)seed;
    const struct equalizer *e = state;
    int32_t bar = c->width / NH_FX_BAND_COUNT; // columns; under 2: bands beside each other
    uint32_t drift = in->time_ms / 60;
    for (int32_t x = 0; x < c->width; x++) {
        bool is_gap = bar >= 3 && x % bar == bar - 1;
        int32_t band =
            bar >= 1 ? nh_fx_min(x / bar, NH_FX_BAND_COUNT - 1) : x * NH_FX_BAND_COUNT / c->width;
        int32_t top = e->bar[band] * c->height * 256 / 255;
        int32_t cap = e->cap[band] * (c->height - 1) / 255;
        for (int32_t y = 0; y < c->height; y++) {
            int32_t k = nh_fx_clamp(top - y * 256, y == 0 ? 30 : 0, 256);
            nh_px_t p = nh_fx__around(in, (uint32_t)(y * 255 / c->height) + drift);
            p = nh_px_scale(p, (uint32_t)k);
            p = y == cap && cap > 0 ? nh_px_brighter(p, NH_PX(190, 190, 190)) : p;
            c->px[y * c->width + x] = is_gap ? 0 : p;
        }
    }
}

const struct nh_fx_effect nh_fx__equalizer = {
    .id = 0xEA19,
    .name = "EQUALIZER",
    .kind = NH_FX_SOUND,
    .uses = USES,
    .palette = NH_FX_PALETTE_RAINBOW,
    .step_ms = 25,
    .state_bytes = equalizer_bytes,
    .step = equalizer_step,
    .draw = equalizer_draw,
};

// ---- level meter: from the middle to both ends of the long side

struct meter {
    uint16_t level_q8, peak_q8;
    uint8_t rest;
};

static uint32_t meter_bytes(uint16_t width, uint16_t height)
{
    (void)width;
    (void)height;
    return sizeof(struct meter);
}

static void meter_step(void *state, const struct nh_fx_canvas *size, const struct nh_fx_input *in,
                       uint32_t n)
{
    (void)size;
    (void)n;
    struct meter *m = state;
    int32_t now = heard(in->audio_level, in) * 256, level = m->level_q8;
    level += (now - level) / (now > level ? 2 : 9);
    m->level_q8 = (uint16_t)level;
    if (level >= m->peak_q8) {
        m->peak_q8 = (uint16_t)level;
        m->rest = 24;
    } else if (m->rest > 0) {
        m->rest--;
    } else {
        m->peak_q8 = (uint16_t)nh_fx_max(m->peak_q8 - 700, level);
    }
}

static void meter_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                       uint32_t seed)
{
    (void)seed;
    const struct meter *m = state;
    bool is_wide = c->width > c->height;
    int32_t n = is_wide ? c->width : c->height, across = is_wide ? c->height : c->width;
    uint32_t drift = in->time_ms / 60;
    for (int32_t y = 0; y < c->height; y++) {
        for (int32_t x = 0; x < c->width; x++) {
            int32_t at = is_wide ? x : y, side = is_wide ? y : x;
            int32_t out = nh_fx_abs(at * 2 - (n - 1)) * 128; // Q8 pixels from the middle
            // Rounded ends: the rim of the bar is a little shorter.
            int32_t bow = nh_fx_abs(side * 2 - (across - 1)) * 64 *
                          nh_fx_abs(side * 2 - (across - 1)) / nh_fx_max(across, 1);
            int32_t reach = m->level_q8 * n / 512, peak = m->peak_q8 * n / 512;
            int32_t k = nh_fx_clamp(reach - bow - out + 128, out < 256 ? 40 : 0, 256);
            int32_t mark = nh_fx_max(256 - nh_fx_abs(out - peak + bow / 2), 0);
            nh_px_t p = nh_fx__around(in, (uint32_t)(out * 2 / n) + drift);
            p = nh_px_add(nh_px_scale(p, (uint32_t)k), nh_px_scale(0xB4B4B4, (uint32_t)mark));
            c->px[y * c->width + x] = p;
        }
    }
}

const struct nh_fx_effect nh_fx__meter = {
    .id = 0xEA1A,
    .name = "VU METER",
    .kind = NH_FX_SOUND,
    .uses = USES,
    .palette = NH_FX_PALETTE_PARTY,
    .step_ms = 25,
    .state_bytes = meter_bytes,
    .step = meter_step,
    .draw = meter_draw,
};

// ---- spectrum: bands across, time along; the newest row is below

struct spectrum {
    uint8_t row[NH_FX_SIDE_MAX + 1][NH_FX_BAND_COUNT]; // a ring
    uint16_t newest;
    uint32_t steps;
};

#define SPECTRUM_STEP_MS 50

static uint32_t spectrum_bytes(uint16_t width, uint16_t height)
{
    (void)width;
    (void)height;
    return sizeof(struct spectrum);
}

static void spectrum_step(void *state, const struct nh_fx_canvas *size,
                          const struct nh_fx_input *in, uint32_t n)
{
    (void)size;
    struct spectrum *s = state;
    s->newest = (uint16_t)((s->newest + 1) % NH_ARRAY_LEN(s->row));
    s->steps = n + 1;
    for (uint32_t i = 0; i < NH_FX_BAND_COUNT; i++) {
        s->row[s->newest][i] = heard(in->audio_band[i], in);
    }
}

static void spectrum_draw(const void *state, struct nh_fx_canvas *c, const struct nh_fx_input *in,
                          uint32_t seed)
{
    (void)seed;
    const struct spectrum *s = state;
    int32_t ring = NH_ARRAY_LEN(s->row);
    // Between two steps all slides up by a part of a row.
    int32_t part =
        (int32_t)(in->time_ms - (s->steps - 1) * SPECTRUM_STEP_MS) * 256 / SPECTRUM_STEP_MS;
    part = nh_fx_clamp(part, 0, 256);
    for (int32_t y = 0; y < c->height; y++) {
        const uint8_t *near = s->row[nh_fx_wrap(s->newest - y, ring)];
        const uint8_t *next = s->row[nh_fx_wrap(s->newest - y + 1, ring)];
        next = y == 0 ? near : next;
        int32_t fade = 255 - y * 140 / c->height;
        for (int32_t x = 0; x < c->width; x++) {
            int32_t a = band_at(next, x, c->width), b = band_at(near, x, c->width);
            int32_t v = a + (b - a) * part / 256;
            int32_t ground =
                y == 0 ? 24 + nh_fx_sin8((uint8_t)(x * 8 + (int32_t)(in->time_ms / 12))) / 12 : 0;
            nh_px_t p = nh_px_scale(in->palette[v], (uint32_t)(fade * nh_fx_min(v * 3, 256) / 256));
            c->px[y * c->width + x] =
                nh_px_brighter(p, nh_px_value(in->palette[128], (uint8_t)ground));
        }
    }
}

const struct nh_fx_effect nh_fx__spectrum = {
    .id = 0xEA1B,
    .name = "SPECTRUM",
    .kind = NH_FX_SOUND,
    .uses = USES,
    .palette = NH_FX_PALETTE_PLASMA,
    .step_ms = SPECTRUM_STEP_MS,
    .state_bytes = spectrum_bytes,
    .step = spectrum_step,
    .draw = spectrum_draw,
};
