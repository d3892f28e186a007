// fx_palette.c - the built-in palettes, how stops become 256 colours, and blends of two palettes.

#include "components/lamp/fx/fx_palette.h"
#include "components/lamp/fx/fx_math.h"

#include <string.h>

#define STEPPED true
#define SMOOTH false
#define PALETTE(index, name, kind, count, ...)                                                     \
    [NH_FX_PALETTE_##index] = {name, kind, count, {__VA_ARGS__}}

// LEDs show dark colours brighter than a screen does: the low ends go all the way down.
// clang-format off
const struct nh_fx_palette nh_fx_palettes[] = {
    // Expanded by nh_fx_hsv(); the stops are what an editor shows.
    PALETTE(RAINBOW, "RAINBOW", SMOOTH, 7, {0, 0xFF0000}, {43, 0xFFFF00}, {86, 0x00FF00},
            {129, 0x00FFFF}, {172, 0x0000FF}, {215, 0xFF00FF}, {255, 0xFF000F}),
    PALETTE(EMBER, "EMBER", SMOOTH, 5, {0, 0x180000}, {64, 0xB01204}, {128, 0xFF6A00},
            {198, 0xFFD23C}, {255, 0xFFF6B4}),
    PALETTE(OCEAN, "OCEAN", SMOOTH, 6, {0, 0x000418}, {56, 0x04205E}, {112, 0x0A58A0},
            {160, 0x10A0BE}, {210, 0x40D8D0}, {255, 0xD8FFF4}),
    PALETTE(FOREST, "FOREST", SMOOTH, 6, {0, 0x021004}, {60, 0x0C3C0A}, {120, 0x2A7A14},
            {168, 0x5CA820}, {214, 0xA8C63C}, {255, 0xF0E684}),
    PALETTE(AURORA, "AURORA", SMOOTH, 7, {0, 0x00060E}, {50, 0x003C3C}, {96, 0x08A064},
            {136, 0x30F08C}, {176, 0x2096C8}, {216, 0x6C4CF0}, {255, 0xD070FF}),
    PALETTE(SUNSET, "SUNSET", SMOOTH, 7, {0, 0x10063C}, {44, 0x4A0C64}, {88, 0xA01464},
            {132, 0xE83048}, {176, 0xFF6A28}, {220, 0xFFAC38}, {255, 0xFFE494}),
    PALETTE(ICE, "ICE", SMOOTH, 6, {0, 0x000A20}, {70, 0x08306C}, {128, 0x1C70C0},
            {178, 0x60B8F0}, {220, 0xB4E8FF}, {255, 0xFFFFFF}),
    // Heat to colour: docs/lamp-effects.md, section Fire.
    PALETTE(FIRE, "FIRE", SMOOTH, 13, {0, 0x000000}, {20, 0x3C0300}, {48, 0x900800},
            {64, 0xB52A01}, {80, 0xD64B02}, {96, 0xF36804}, {112, 0xFF8205}, {128, 0xFF9807},
            {140, 0xFFA708}, {168, 0xFFB90A}, {200, 0xFFC410}, {232, 0xFFCE1C}, {255, 0xFFDC38}),
    PALETTE(WHITE, "WHITE", SMOOTH, 1, {0, 0xFFFFFF}),
    PALETTE(LAVA, "LAVA", SMOOTH, 8, {0, 0x080000}, {60, 0x3C0200}, {104, 0x8C0A00},
            {140, 0xD02400}, {172, 0xFF4A00}, {204, 0xFF8410}, {232, 0xFFC040}, {255, 0xFFF0A8}),
    PALETTE(PLASMA, "PLASMA", SMOOTH, 7, {0, 0x1C0678}, {44, 0x7804B0}, {88, 0xE0187C},
            {128, 0xFF6430}, {168, 0xE0187C}, {212, 0x7804B0}, {255, 0x1C0678}),
    PALETTE(PARTY, "PARTY", SMOOTH, 9, {0, 0x5A00D8}, {32, 0xB400A8}, {64, 0xF0104C},
            {96, 0xFF5000}, {128, 0xFFB800}, {160, 0xC8E000}, {192, 0x10C070}, {224, 0x0078F0},
            {255, 0x5A00D8}),
    PALETTE(CLOUDS, "CLOUDS", SMOOTH, 6, {0, 0x0A2C78}, {64, 0x1A58B8}, {120, 0x4898E0},
            {168, 0x90C8F4}, {212, 0xDCEEFF}, {255, 0xFFFFFF}),
    PALETTE(CANDY, "CANDY", SMOOTH, 6, {0, 0xFF2868}, {51, 0xFF78B0}, {102, 0xFFD8E8},
            {153, 0x70D8E8}, {204, 0x8878F0}, {255, 0xFF2868}),
    PALETTE(LAGOON, "LAGOON", SMOOTH, 6, {0, 0x001C28}, {64, 0x006468}, {120, 0x00A890},
            {170, 0x40E0B0}, {214, 0xA8F4C0}, {255, 0xFFF4C8}),
    PALETTE(AUTUMN, "AUTUMN", SMOOTH, 7, {0, 0x1C0804}, {52, 0x641408}, {100, 0xB03008},
            {144, 0xE06410}, {184, 0xF0A01C}, {220, 0xC8B030}, {255, 0x6C8018}),
    PALETTE(BLOSSOM, "BLOSSOM", SMOOTH, 6, {0, 0x280818}, {60, 0x80204C}, {116, 0xE05080},
            {164, 0xFF90AC}, {212, 0xFFCCD4}, {255, 0xFFF4EC}),
    PALETTE(PEACOCK, "PEACOCK", SMOOTH, 7, {0, 0x04106C}, {44, 0x0060C0}, {88, 0x00B8B0},
            {128, 0x30E060}, {168, 0x00B8B0}, {212, 0x4020C0}, {255, 0x04106C}),
    PALETTE(GALAXY, "GALAXY", SMOOTH, 8, {0, 0x02020C}, {48, 0x120C48}, {96, 0x3C1484},
            {136, 0x8824B0}, {168, 0xE04CA8}, {200, 0xFF9CA0}, {228, 0xB0D0FF}, {255, 0xFFFFFF}),
    PALETTE(COPPER, "COPPER", SMOOTH, 6, {0, 0x0C0402}, {64, 0x4C1C0C}, {120, 0xA04820},
            {168, 0xE08040}, {212, 0xFFB880}, {255, 0xFFECD8}),
    PALETTE(MINT, "MINT", SMOOTH, 5, {0, 0x00140C}, {80, 0x00703C}, {144, 0x20C078},
            {204, 0x90F4B8}, {255, 0xF0FFF4}),
    PALETTE(GRAPE, "GRAPE", SMOOTH, 6, {0, 0x0A0014}, {64, 0x38085C}, {120, 0x7018A0},
            {168, 0xB048D8}, {212, 0xE09CF8}, {255, 0xFFECFF}),
    PALETTE(TROPIC, "TROPIC", SMOOTH, 7, {0, 0xFF3C48}, {42, 0xFF8C20}, {85, 0xFFD828},
            {128, 0x50D848}, {170, 0x00B8B8}, {212, 0x7048D8}, {255, 0xFF3C48}),
    PALETTE(NEON, "NEON", SMOOTH, 6, {0, 0xFF00A0}, {51, 0x9000FF}, {102, 0x0048FF},
            {153, 0x00F0FF}, {204, 0x48FF40}, {255, 0xFF00A0}),
    PALETTE(ORBIT, "ORBIT", STEPPED, 3, {0, 0xFF5028}, {86, 0x28FF50}, {171, 0x5028FF}),
    PALETTE(MATRIX, "MATRIX", SMOOTH, 5, {0, 0x000400}, {80, 0x003C0A}, {150, 0x00A01C},
            {214, 0x20F040}, {255, 0xD0FFD0}),
    PALETTE(MOONLIGHT, "MOONLIGHT", SMOOTH, 6, {0, 0x04060E}, {72, 0x181E3C}, {128, 0x44507C},
            {176, 0x8890B8}, {220, 0xD0D4E4}, {255, 0xFFFAE8}),
    PALETTE(DUSK, "DUSK", SMOOTH, 7, {0, 0x040818}, {52, 0x10285C}, {104, 0x40388C},
            {148, 0x903C84}, {188, 0xD8506C}, {224, 0xFF9060}, {255, 0xFFD890}),
    PALETTE(GOLD, "GOLD", SMOOTH, 6, {0, 0x100800}, {64, 0x4C2C00}, {120, 0xA06400},
            {168, 0xE8A010}, {212, 0xFFD450}, {255, 0xFFF8D0}),
    PALETTE(ROSE, "ROSE", SMOOTH, 6, {0, 0x100004}, {64, 0x580414}, {120, 0xB80C2C},
            {168, 0xF03050}, {212, 0xFF7C8C}, {255, 0xFFE0DC}),
    PALETTE(PASTEL, "PASTEL", SMOOTH, 6, {0, 0xFFA0A0}, {51, 0xFFD890}, {102, 0xC0F0A0},
            {153, 0x90DCF0}, {204, 0xC4A8F8}, {255, 0xFFA0A0}),
    PALETTE(STAINED_GLASS, "STAINED GLASS", STEPPED, 8, {0, 0xC00818}, {32, 0xF07808},
            {64, 0xF8D020}, {96, 0x18A038}, {128, 0x08A8B0}, {160, 0x1040D0}, {192, 0x6818C0},
            {224, 0xD02890}),
};
// clang-format on
const uint16_t nh_fx_palette_count = NH_ARRAY_LEN(nh_fx_palettes);
_Static_assert(NH_ARRAY_LEN(nh_fx_palettes) == NH_FX_PALETTE_COUNT, "a name for each palette");

// By content: the owner may hand over a copy.
static bool is_hue_circle(const struct nh_fx_palette *p)
{
    const struct nh_fx_palette *wheel = &nh_fx_palettes[NH_FX_PALETTE_RAINBOW];
    if (p->is_stepped || p->stop_count != wheel->stop_count)
        return false;
    for (unsigned i = 0; i < p->stop_count; i++)
        if (p->stops[i].at != wheel->stops[i].at || p->stops[i].color != wheel->stops[i].color)
            return false;
    return true;
}

static nh_px_t between(nh_px_t a, nh_px_t b, int32_t part, int32_t whole)
{
    int32_t r = nh_px_r(a) + (nh_px_r(b) - nh_px_r(a)) * part / whole;
    int32_t g = nh_px_g(a) + (nh_px_g(b) - nh_px_g(a)) * part / whole;
    int32_t l = nh_px_b(a) + (nh_px_b(b) - nh_px_b(a)) * part / whole;
    return NH_PX(r, g, l);
}

void nh_fx_palette_expand(const struct nh_fx_palette *p, nh_px_t out[256])
{
    unsigned stop = 0;
    bool is_hue = is_hue_circle(p);
    for (int32_t i = 0; i < 256; i++) {
        while (stop + 1u < p->stop_count && p->stops[stop + 1u].at <= i)
            stop++;
        const struct nh_fx_stop *a = &p->stops[stop], *b = a + 1;
        if (is_hue)
            out[i] = nh_fx_hsv((uint8_t)i, 255, 255);
        else if (p->is_stepped || i < a->at || stop + 1u >= p->stop_count)
            out[i] = a->color; // before the first stop and behind the last one: its colour
        else
            out[i] = between(a->color, b->color, i - a->at, b->at - a->at);
    }
}

void nh_fx_palette_blend(nh_px_t out[256], const nh_px_t *a, const nh_px_t *b, uint8_t k)
{
    for (unsigned i = 0; i < 256; i++)
        out[i] = between(a[i], b[i], k, 255);
}

#define CLOSE_OVER 32
#define FAR_APART 96 // of three channels' differences; the hue circle's ends are 15 apart

void nh_fx_palette_close(const nh_px_t *palette, nh_px_t out[256])
{
    nh_px_t first = palette[0], last = palette[255];
    int32_t apart = nh_fx_abs(nh_px_r(first) - nh_px_r(last)) +
                    nh_fx_abs(nh_px_g(first) - nh_px_g(last)) +
                    nh_fx_abs(nh_px_b(first) - nh_px_b(last));
    bool is_stepped = palette[0] == palette[1] && palette[254] == palette[255];
    memcpy(out, palette, 256 * sizeof out[0]);
    if (apart < FAR_APART || is_stepped)
        return;
    for (uint32_t i = 0; i < CLOSE_OVER; i++)
        out[256 - CLOSE_OVER + i] =
            nh_px_mix(palette[256 - CLOSE_OVER + i], first, (i + 1) * 256 / (CLOSE_OVER + 1));
}
