#include "components/lamp/lamp_fade.h"

#include <string.h>

static uint8_t between(uint8_t a, uint8_t b, uint32_t k)
{
    return (uint8_t)(a + ((int32_t)b - a) * (int32_t)k / 255);
}

static nh_px_t mix(nh_px_t a, nh_px_t b, uint32_t k)
{
    return NH_PX(between((uint8_t)(a >> 16), (uint8_t)(b >> 16), k),
                 between((uint8_t)(a >> 8), (uint8_t)(b >> 8), k),
                 between((uint8_t)a, (uint8_t)b, k));
}

static void arrive(nh_lamp__fade_t *f, const nh_px_t *palette_to)
{
    f->span_us = 0;
    f->brightness_q8 = f->to.brightness_q8;
    memcpy(f->color, f->to.color, sizeof f->color);
    memcpy(f->palette, palette_to, sizeof f->palette);
}

void nh_lamp__fade_to(nh_lamp__fade_t *f, uint8_t brightness, const nh_px_t color[3],
                      const nh_px_t *palette_to, uint32_t span_ms, uint64_t now_us)
{
    f->from.brightness_q8 = f->brightness_q8;
    memcpy(f->from.color, f->color, sizeof f->color);
    memcpy(f->palette_from, f->palette, sizeof f->palette);
    f->to.brightness_q8 = (uint32_t)brightness << 8;
    memcpy(f->to.color, color, sizeof f->to.color);
    f->start_us = now_us;
    f->span_us = (uint64_t)span_ms * 1000;
    if (f->span_us == 0)
        arrive(f, palette_to);
}

void nh_lamp__fade_step(nh_lamp__fade_t *f, const nh_px_t *palette_to, uint64_t now_us)
{
    if (f->span_us == 0)
        return;
    uint64_t gone_us = now_us > f->start_us ? now_us - f->start_us : 0;
    if (gone_us >= f->span_us) {
        arrive(f, palette_to);
        return;
    }
    uint32_t k = (uint32_t)(gone_us * 255 / f->span_us);
    int64_t way_q8 = (int64_t)f->to.brightness_q8 - f->from.brightness_q8;
    f->brightness_q8 =
        (uint32_t)(f->from.brightness_q8 + way_q8 * (int64_t)gone_us / (int64_t)f->span_us);
    for (size_t i = 0; i < NH_ARRAY_LEN(f->color); i++)
        f->color[i] = mix(f->from.color[i], f->to.color[i], k);
    nh_fx_palette_blend(f->palette, f->palette_from, palette_to, (uint8_t)k);
}
