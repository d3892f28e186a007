#include "components/lamp/lamp_pipeline.h"

#include <math.h>
#include <string.h>

#define FULL_Q8 NH_LAMP_BRIGHTNESS_MAX_Q8 // of a channel, in 8.8 bits
#define CHANNELS 3

struct nh_lamp_pipeline {
    nh_mem_t *mem;
    const nh_lamp_map_t *map;
    uint32_t count; // pixels
    uint32_t led_ma, fixed_ma;
    uint64_t budget; // the largest sum of bytes within the limit; UINT64_MAX: no limit
    uint32_t dither_bits;
    uint32_t brightness_q8;        // that `table` was made for
    uint32_t curve[CHANNELS][256]; // gamma and white: 0 to FULL_Q8
    uint16_t table[CHANNELS][256]; // and brightness
    uint16_t *wanted;              // 3 a pixel, 8.8 bits
    uint8_t *phase;                // 3 a pixel: where it is in the order of dithering
    uint8_t *rgb;                  // 3 a pixel
};

// ---- configuration -----------------------------------------------------------------------------

static int refuse(struct nh_lamp_fault *fault, const char *field, uint32_t value, uint32_t limit,
                  const char *text)
{
    if (fault)
        *fault = (struct nh_lamp_fault){field, value, limit, text};
    return NH_ERR_RANGE;
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

// What flows however dark it is.
static uint32_t fixed_ma(const struct nh_lamp_pipeline_config *cfg, uint32_t count)
{
    uint64_t idle_ua = (uint64_t)count * or_default(cfg->led_idle_ua, 1000);
    return or_default(cfg->board_ma, 100) + (uint32_t)((idle_ua + 999) / 1000);
}

int nh_lamp_pipeline_check(const struct nh_lamp_pipeline_config *cfg, uint32_t count,
                           struct nh_lamp_fault *fault)
{
    uint32_t least_ma = fixed_ma(cfg, count);
    if (cfg->gamma_pct != 0 && cfg->gamma_pct < 100)
        return refuse(fault, "gamma_pct", cfg->gamma_pct, 100, "is too small");
    if (cfg->gamma_pct > NH_LAMP_GAMMA_MAX_PCT)
        return refuse(fault, "gamma_pct", cfg->gamma_pct, NH_LAMP_GAMMA_MAX_PCT, "is too large");
    if (cfg->dither_bits > NH_LAMP_DITHER_MAX_BITS)
        return refuse(fault, "dither_bits", cfg->dither_bits, NH_LAMP_DITHER_MAX_BITS,
                      "is too large");
    if (cfg->led_ma > NH_LAMP_LED_MAX_MA)
        return refuse(fault, "led_ma", cfg->led_ma, NH_LAMP_LED_MAX_MA, "is too large");
    if (cfg->limit_ma > NH_LAMP_LIMIT_MAX_MA)
        return refuse(fault, "limit_ma", cfg->limit_ma, NH_LAMP_LIMIT_MAX_MA, "is too large");
    if (cfg->limit_ma != 0 && cfg->limit_ma <= least_ma)
        return refuse(fault, "limit_ma", cfg->limit_ma, least_ma,
                      "is not over what the board and dark LEDs take");
    return NH_OK;
}

// ---- tables ------------------------------------------------------------------------------------

// Set-up alone uses floating point. The ends are exact: 0 stays 0 and 255 is all of `white`.
static void curve_make(uint32_t curve[256], uint32_t gamma_pct, uint32_t white)
{
    double exponent = (double)gamma_pct / 100.0;
    for (uint32_t i = 0; i < 256; i++) {
        double part = gamma_pct == 100 ? i / 255.0 : pow(i / 255.0, exponent);
        curve[i] = (uint32_t)(part * (white * 256.0) + 0.5);
    }
}

static void table_make(uint16_t table[256], const uint32_t curve[256], uint32_t brightness_q8)
{
    // curve and brightness are below 2^16, so the product fits 32 bits.
    for (uint32_t i = 0; i < 256; i++)
        table[i] = (uint16_t)((curve[i] * brightness_q8 + FULL_Q8 / 2) / FULL_Q8);
}

static void brightness_set(nh_lamp_pipeline_t *p, uint32_t brightness_q8)
{
    for (int c = 0; c < CHANNELS; c++)
        table_make(p->table[c], p->curve[c], brightness_q8);
    p->brightness_q8 = brightness_q8;
}

// ---- dithering ---------------------------------------------------------------------------------
//
// A value w of 8.8 bits is shown as (w + t) >> 8 with a threshold t. Over 2^bits frames each pixel
// sees the middles of 2^bits equal parts of 0 to 255, each once, so that the mean is w to the
// nearest 2^-bits. Frames take them in the order of reversed bits, which spreads the brighter ones
// evenly; pixels by a Bayer matrix, so that neighbours do not blink together. Black has no part to
// show: (0 + 255) >> 8 is 0.

static uint32_t reversed(uint32_t value, uint32_t bits)
{
    uint32_t out = 0;
    for (uint32_t i = 0; i < bits; i++)
        out |= (value >> i & 1u) << (bits - 1 - i);
    return out;
}

// 0 to 15: x and x ^ y, their bits in turn, the lowest first.
static uint32_t bayer(uint32_t x, uint32_t y)
{
    uint32_t d = x ^ y;
    return (d & 1u) << 3 | (y & 1u) << 2 | (d >> 1 & 1u) << 1 | (y >> 1 & 1u);
}

static void phases_make(nh_lamp_pipeline_t *p)
{
    static const uint8_t apart[CHANNELS] = {0, 5, 10}; // so that grey does not change its colour
    const uint16_t *to_canvas = nh_lamp_map_to_canvas(p->map);
    uint32_t width = nh_lamp_map_width(p->map), bits = p->dither_bits;
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t order = bayer(to_canvas[i] % width, to_canvas[i] / width);
        for (uint32_t c = 0; c < CHANNELS; c++) {
            uint32_t part = (order ^ apart[c]) >> (NH_LAMP_DITHER_MAX_BITS - bits);
            p->phase[i * CHANNELS + c] = (uint8_t)(part << (8 - bits) | 1u << (7 - bits));
        }
    }
}

// ---- create ------------------------------------------------------------------------------------

// The largest sum of bytes s with fixed + ceil(s * led_ma / 765) <= limit.
static uint64_t budget_of(const nh_lamp_pipeline_t *p, uint32_t limit_ma)
{
    if (limit_ma == 0)
        return UINT64_MAX;
    return (uint64_t)(limit_ma - p->fixed_ma) * (255u * CHANNELS) / p->led_ma;
}

static bool buffers_make(nh_lamp_pipeline_t *p)
{
    size_t channels = (size_t)p->count * CHANNELS;
    p->wanted = nh_mem_alloc_zero(p->mem, channels * sizeof p->wanted[0], NH_MEM_BULK);
    p->phase = nh_mem_alloc_zero(p->mem, channels, NH_MEM_BULK);
    p->rgb = nh_mem_alloc_zero(p->mem, channels, NH_MEM_BULK);
    return p->wanted && p->phase && p->rgb;
}

int nh_lamp_pipeline_create(const struct nh_lamp_pipeline_config *cfg, struct nh_lamp_fault *fault,
                            nh_lamp_pipeline_t **out)
{
    *out = NULL;
    int err = nh_lamp_pipeline_check(cfg, nh_lamp_map_count(cfg->map), fault);
    if (err < 0)
        return err;
    nh_lamp_pipeline_t *p = nh_mem_alloc_zero(cfg->mem, sizeof *p, NH_MEM_BULK);
    if (!p)
        return NH_ERR_NOMEM;
    p->mem = cfg->mem;
    p->map = cfg->map;
    p->count = nh_lamp_map_count(cfg->map);
    p->led_ma = or_default(cfg->led_ma, 55);
    p->fixed_ma = fixed_ma(cfg, p->count);
    p->budget = budget_of(p, cfg->limit_ma);
    p->dither_bits = cfg->dither_bits;
    if (!buffers_make(p)) {
        nh_lamp_pipeline_destroy(p);
        return NH_ERR_NOMEM;
    }
    for (int c = 0; c < CHANNELS; c++)
        curve_make(p->curve[c], or_default(cfg->gamma_pct, 100), or_default(cfg->white[c], 255));
    brightness_set(p, 0);
    phases_make(p);
    *out = p;
    return NH_OK;
}

void nh_lamp_pipeline_destroy(nh_lamp_pipeline_t *p)
{
    if (!p)
        return;
    nh_mem_free(p->mem, p->rgb);
    nh_mem_free(p->mem, p->phase);
    nh_mem_free(p->mem, p->wanted);
    nh_mem_free(p->mem, p);
}

// ---- a frame -----------------------------------------------------------------------------------

// Canvas to wanted values in the order of the chain. Returns their sum, of at most
// 3 * 128 * 128 * 65280: it fits 32 bits.
_Static_assert((uint64_t)NH_FX_SIDE_MAX *NH_FX_SIDE_MAX *CHANNELS *FULL_Q8 <= UINT32_MAX, "sum");

static uint32_t look_up(nh_lamp_pipeline_t *p, const nh_px_t *px)
{
    const uint16_t *to_canvas = nh_lamp_map_to_canvas(p->map);
    uint16_t *wanted = p->wanted;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < p->count; i++, wanted += CHANNELS) {
        nh_px_t c = px[to_canvas[i]];
        wanted[0] = p->table[0][c >> 16 & 0xFF];
        wanted[1] = p->table[1][c >> 8 & 0xFF];
        wanted[2] = p->table[2][c & 0xFF];
        sum += (uint32_t)wanted[0] + wanted[1] + wanted[2];
    }
    return sum;
}

// All values times scale / 65536, rounded down.
static void darken(uint16_t *restrict wanted, uint32_t channels, uint32_t scale)
{
    for (uint32_t i = 0; i < channels; i++)
        wanted[i] = (uint16_t)(wanted[i] * scale >> 16);
}

static uint32_t dither(uint8_t *restrict rgb, const uint16_t *restrict wanted,
                       const uint8_t *restrict phase, uint32_t channels, uint8_t turn)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < channels; i++) {
        uint8_t value = (uint8_t)((uint32_t)(wanted[i] + (uint8_t)(phase[i] ^ turn)) >> 8);
        rgb[i] = value;
        sum += value;
    }
    return sum;
}

// Takes back roundings up until `excess` steps are gone. There are enough of them: rounded down,
// all values together are within the budget. Where it begins moves on, so that it is not always
// the same LEDs.
static void trim(nh_lamp_pipeline_t *p, uint32_t excess, uint32_t frame)
{
    uint32_t channels = p->count * CHANNELS;
    uint32_t at = (uint32_t)((uint64_t)(frame * 0x9E3779B1u) * channels >> 32);
    for (uint32_t left = channels; left > 0 && excess > 0; left--) {
        if (p->rgb[at] > p->wanted[at] >> 8) {
            p->rgb[at]--;
            excess--;
        }
        at = at + 1 < channels ? at + 1 : 0;
    }
    NH_ASSERT(excess == 0);
}

// Rounded up; `sum` of bytes in units of 1 / `unit`.
static uint32_t current_ma(const nh_lamp_pipeline_t *p, uint64_t sum, uint32_t unit)
{
    uint64_t full = (uint64_t)unit * 255u * CHANNELS;
    return p->fixed_ma + (uint32_t)((sum * p->led_ma + full - 1) / full);
}

void nh_lamp_pipeline_frame(nh_lamp_pipeline_t *p, const struct nh_fx_canvas *canvas,
                            uint32_t brightness_q8, uint32_t frame,
                            struct nh_lamp_pipeline_frame *out)
{
    NH_ASSERT((uint32_t)canvas->width * canvas->height == p->count);
    uint32_t channels = p->count * CHANNELS;
    if (brightness_q8 > FULL_Q8)
        brightness_q8 = FULL_Q8;
    if (brightness_q8 != p->brightness_q8)
        brightness_set(p, brightness_q8);
    uint32_t wanted = look_up(p, canvas->px);
    bool is_over = p->budget < (uint64_t)wanted >> 8;
    if (is_over)
        darken(p->wanted, channels, (uint32_t)((p->budget << 24) / wanted));
    uint32_t turn = reversed(frame, p->dither_bits) << (8 - p->dither_bits);
    uint32_t sum = dither(p->rgb, p->wanted, p->phase, channels, (uint8_t)turn);
    if (sum > p->budget) {
        trim(p, (uint32_t)(sum - p->budget), frame);
        sum = (uint32_t)p->budget;
    }
    *out = (struct nh_lamp_pipeline_frame){.rgb = p->rgb,
                                           .count = p->count,
                                           .estimate_ma = current_ma(p, sum, 1),
                                           .wanted_ma = current_ma(p, wanted, 256),
                                           .is_limiting = is_over};
}
