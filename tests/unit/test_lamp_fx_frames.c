// Frames known by their CRC: the same on a computer and on a 32-bit chip, where this runs too. A
// change of a picture is a change of a table here, seen in review.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/lamp/fx/fx_math.h"
#include "core/base/crc.h"

#define SEED 7
#define PIXELS (48u * 16u)

static uint64_t state_memory[2048];
static nh_px_t px[PIXELS], palette[256];

static uint32_t frame_crc(const struct nh_fx_effect *e, uint16_t w, uint16_t h, uint32_t time_ms)
{
    nh_fx_player_t p;
    struct nh_fx_canvas c = {w, h, px};
    uint32_t crc = 0;
    struct nh_fx_input in = {.intensity = 128,
                             .palette = palette,
                             .color = {0xFF8020, 0x000000, 0x2040FF},
                             .audio_level = 150,
                             .day_s = 52327,
                             .direction_deg = 200,
                             .time_ms = time_ms,
                             .text = "nuthatch \xC3\xA9"};
    for (unsigned i = 0; i < NH_FX_BAND_COUNT; i++)
        in.audio_band[i] = (uint8_t)(250 - 14 * i);
    assert_true(nh_fx_state_bytes(w, h) <= sizeof state_memory);
    nh_fx_palette_expand(&nh_fx_palettes[e->palette], palette);
    assert_int_equal(nh_fx_player_init(&p, w, h, state_memory), NH_OK);
    nh_fx_player_set(&p, e, SEED);
    nh_fx_player_draw(&p, &c, &in, 1000);
    for (uint32_t i = 0; i < PIXELS; i++) {
        const uint8_t rgb[3] = {nh_px_r(px[i]), nh_px_g(px[i]), nh_px_b(px[i])};
        crc = nh_crc32(crc, rgb, sizeof rgb);
    }
    return crc;
}

// The older lamp's, at 48 x 16.
static const struct {
    uint16_t id;
    uint32_t time_ms, crc;
} frames[] = {
    // clang-format off
    {0xEA01, 0, 0x334EA0AA}, {0xEA01, 1000, 0x50893B84}, {0xEA01, 5021, 0x99D143D9},
    {0xEA02, 0, 0x5BE6D86C}, {0xEA02, 1000, 0xBF20FB19}, {0xEA02, 5021, 0x15FF1902},
    {0xEA03, 0, 0xEB8160D5}, {0xEA03, 1000, 0x842A91EC}, {0xEA03, 5021, 0x6FBC9DFF},
    {0xEA04, 0, 0xED19DD95}, {0xEA04, 1000, 0x56E35784}, {0xEA04, 5021, 0xA7074DDD},
    {0xEA05, 0, 0x268A06CC}, {0xEA05, 1000, 0xE1C4098C}, {0xEA05, 5021, 0xA6FD12CE},
    {0xEA06, 0, 0xC5AD1059}, {0xEA06, 1000, 0x2A6118F9}, {0xEA06, 5021, 0x1B460416},
    {0xEA07, 0, 0xA020E611}, {0xEA07, 1000, 0xE5A9D0EB}, {0xEA07, 5021, 0xB2BE76F3},
    {0xCA01, 0, 0xB0920AF0}, {0xCA01, 1000, 0xCCABF17B}, {0xCA01, 5021, 0x668E4DDD},
    {0xED01, 0, 0x4C4F139B}, {0xED01, 1000, 0x4C4F139B}, {0xED01, 5021, 0x4C4F139B},
    // clang-format on
};

static void the_older_lamps_frames(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(frames); i++) {
        const struct nh_fx_effect *e = nh_fx_find(frames[i].id);
        uint32_t crc = frame_crc(e, 48, 16, frames[i].time_ms);
        if (crc == frames[i].crc)
            continue;
        print_message("    {0x%04X, %u, 0x%08X},\n", (unsigned)frames[i].id,
                      (unsigned)frames[i].time_ms, (unsigned)crc);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

// Every effect: 1.5 s at 48 x 16 and 3.2 s at 16 x 48. The web's tests hold the same numbers
// against the WebAssembly.
static const struct {
    const char *name;
    uint32_t wide, tall;
} all[] = {
// clang-format off
#include "lamp_fx_frames.inc"
    // clang-format on
};

static void every_effects_frames(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(all); i++) {
        const struct nh_fx_effect *e = nh_fx_find_name(all[i].name);
        assert_non_null(e);
        uint32_t wide = frame_crc(e, 48, 16, 1500), tall = frame_crc(e, 16, 48, 3200);
        if (wide == all[i].wide && tall == all[i].tall)
            continue;
        print_message("    {\"%s\", 0x%08X, 0x%08X},\n", e->name, (unsigned)wide, (unsigned)tall);
        wrong++;
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(NH_ARRAY_LEN(all), nh_fx_visible_count());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_older_lamps_frames),
        cmocka_unit_test(every_effects_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
