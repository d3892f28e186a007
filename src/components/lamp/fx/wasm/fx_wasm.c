// fx_wasm.c - the effects for a browser: one lamp a module instance, called by
// web/src/lib/lamp_fx.js.
//
// Compiled by clang for wasm32 without a C library (web/CMakeLists.txt). Texts and colours pass
// through buffers in the module's memory, whose addresses the calls give. Memory grows at
// lamp_open() alone, which makes views of it that a caller holds stale.

#include <string.h>

#include "components/lamp/fx/fx.h"

#define EXPORT(name) __attribute__((export_name(#name))) name
#define WASM_PAGE_BYTES 65536u
#define STEPS_MAX 4000 // a draw: 40 ms steps over more than two minutes

extern unsigned char __heap_base; // of the linker: the first free byte

static struct {
    nh_fx_player_t player;
    struct nh_fx_canvas canvas;
    struct nh_fx_input in;
    nh_px_t palette[256];
    uint8_t *rgba; // rows from the top, as a canvas of the browser has them
    char text[NH_FX_TEXT_MAX_BYTES];
    uint8_t swatch[256 * 4];
    bool is_open;
} lamp;

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    unsigned char *t = to;
    const unsigned char *f = from;
    while (len-- > 0) {
        *t++ = *f++;
    }
    return to;
}

void *memset(void *to, int byte, size_t len)
{
    unsigned char *t = to;
    while (len-- > 0) {
        *t++ = (unsigned char)byte;
    }
    return to;
}

_Noreturn void nh_assert_failed(const char *cond, const char *file, int line)
{
    (void)cond;
    (void)file;
    (void)line;
    __builtin_trap();
}

static void px_to_rgba(uint8_t out[4], nh_px_t p)
{
    out[0] = (uint8_t)(p >> 16);
    out[1] = (uint8_t)(p >> 8);
    out[2] = (uint8_t)p;
    out[3] = 255;
}

// Room for `bytes` after the static data, from the same place each time. NULL: no memory.
static unsigned char *room(uint32_t bytes)
{
    uint32_t base = ((uint32_t)(uintptr_t)&__heap_base + 7u) & ~7u, end = base + bytes;
    uint32_t have = (uint32_t)__builtin_wasm_memory_size(0) * WASM_PAGE_BYTES;
    if (end > have) {
        uint32_t pages = (end - have + WASM_PAGE_BYTES - 1) / WASM_PAGE_BYTES;
        if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) {
            return NULL;
        }
    }
    return (unsigned char *)(uintptr_t)base;
}

// ---- the lists; indices are of visible effects

uint32_t EXPORT(lamp_effect_count)(void)
{
    return nh_fx_visible_count();
}

uint32_t EXPORT(lamp_effect_id)(uint32_t i)
{
    return nh_fx_visible((uint16_t)i)->id;
}

const char *EXPORT(lamp_effect_name)(uint32_t i)
{
    return nh_fx_visible((uint16_t)i)->name;
}

uint32_t EXPORT(lamp_effect_kind)(uint32_t i)
{
    return nh_fx_visible((uint16_t)i)->kind;
}

uint32_t EXPORT(lamp_effect_uses)(uint32_t i)
{
    return nh_fx_visible((uint16_t)i)->uses;
}

uint32_t EXPORT(lamp_effect_palette)(uint32_t i)
{
    return nh_fx_visible((uint16_t)i)->palette;
}

uint32_t EXPORT(lamp_palette_count)(void)
{
    return nh_fx_palette_count;
}

const char *EXPORT(lamp_palette_name)(uint32_t i)
{
    return nh_fx_palettes[i].name;
}

// The 256 colours of a palette as RGBA, until the next call.
const uint8_t *EXPORT(lamp_palette_rgba)(uint32_t i)
{
    nh_px_t px[256];
    nh_fx_palette_expand(&nh_fx_palettes[i], px);
    for (uint32_t k = 0; k < 256; k++) {
        px_to_rgba(&lamp.swatch[k * 4], px[k]);
    }
    return lamp.swatch;
}

// ---- one lamp

// A dark lamp of this size with its first effect. 0: the size, or no memory; the lamp is as before.
uint32_t EXPORT(lamp_open)(uint32_t width, uint32_t height)
{
    if (width < 1 || height < 1 || width > NH_FX_SIDE_MAX || height > NH_FX_SIDE_MAX) {
        return 0;
    }
    uint32_t count = width * height, state = nh_fx_state_bytes((uint16_t)width, (uint16_t)height);
    state = (state + 7u) & ~7u;
    unsigned char *at = room(state + count * 8);
    if (!at || nh_fx_player_init(&lamp.player, (uint16_t)width, (uint16_t)height, at) != NH_OK) {
        return 0;
    }
    lamp.canvas = (struct nh_fx_canvas){(uint16_t)width, (uint16_t)height, (nh_px_t *)(at + state)};
    lamp.rgba = at + state + count * 4;
    lamp.in = (struct nh_fx_input){
        .intensity = 128, .palette = lamp.palette, .text = lamp.text, .direction_age_ms = 60000};
    lamp.in.color[0] = NH_PX(255, 160, 60);
    nh_fx_palette_expand(&nh_fx_palettes[nh_fx_effects[0]->palette], lamp.palette);
    lamp.is_open = true;
    return 1;
}

// Begins an effect, with its own palette. 0: there is none with this id, or no lamp is open.
uint32_t EXPORT(lamp_effect)(uint32_t id, uint32_t seed)
{
    const struct nh_fx_effect *e = nh_fx_find((uint16_t)id);
    if (!e || !lamp.is_open) {
        return 0;
    }
    nh_fx_player_set(&lamp.player, e, seed);
    nh_fx_palette_expand(&nh_fx_palettes[e->palette], lamp.palette);
    return 1;
}

// Takes a built-in palette. 0: there is none.
uint32_t EXPORT(lamp_palette)(uint32_t i)
{
    if (i >= nh_fx_palette_count) {
        return 0;
    }
    nh_fx_palette_expand(&nh_fx_palettes[i], lamp.palette);
    return 1;
}

// 256 words 0x00RRGGBB to write: a palette of one's own.
nh_px_t *EXPORT(lamp_palette_buffer)(void)
{
    return lamp.palette;
}

void EXPORT(lamp_intensity)(uint32_t intensity)
{
    lamp.in.intensity = (uint8_t)(intensity < 255 ? intensity : 255);
}

// `i` 0 to 2; 0x00RRGGBB.
void EXPORT(lamp_color)(uint32_t i, nh_px_t color)
{
    if (i < 3) {
        lamp.in.color[i] = color & 0xFFFFFFu;
    }
}

// NH_FX_TEXT_MAX_BYTES bytes to write; the last stays 0.
char *EXPORT(lamp_text_buffer)(void)
{
    return lamp.text;
}

// NH_FX_BAND_COUNT bytes to write: how loud each band is.
uint8_t *EXPORT(lamp_band_buffer)(void)
{
    return lamp.in.audio_band;
}

void EXPORT(lamp_audio)(uint32_t level)
{
    lamp.in.audio_level = (uint8_t)(level < 255 ? level : 255);
}

void EXPORT(lamp_clock)(uint32_t day_s)
{
    lamp.in.day_s = day_s % 86400;
}

// Draws the frame at `time_ms` of the animation, which does not go back until the next
// lamp_effect(). RGBA, rows from the top, until the next call. NULL: no lamp is open.
const uint8_t *EXPORT(lamp_draw)(uint32_t time_ms)
{
    if (!lamp.is_open) {
        return NULL;
    }
    lamp.text[NH_FX_TEXT_MAX_BYTES - 1] = 0;
    lamp.in.time_ms = time_ms;
    nh_fx_player_draw(&lamp.player, &lamp.canvas, &lamp.in, STEPS_MAX);
    uint32_t width = lamp.canvas.width, height = lamp.canvas.height;
    for (uint32_t y = 0; y < height; y++) {
        const nh_px_t *row = &lamp.canvas.px[(height - 1 - y) * width];
        for (uint32_t x = 0; x < width; x++) {
            px_to_rgba(&lamp.rgba[(y * width + x) * 4], row[x]);
        }
    }
    return lamp.rgba;
}
