// What a frame of each effect costs on the chip, in instructions: the mean and the most of 60
// frames of 45 ms at 16 x 48. None may take longer than what the older lamp's fire took, 21 ms at
// 160 MHz: 3,360,000. Prints its table: docs/lamp-effects.md.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/lamp/fx/fx.h"
#include "platform/bare/board.h"

#include <stdio.h>

#define FRAMES 60
#define FRAME_MS 45
#define MOST_ALLOWED 800000u

static uint64_t state_memory[2048];
static nh_px_t px[16 * 48], palette[256];

static void measure(const struct nh_fx_effect *e, uint32_t *mean, uint32_t *most)
{
    nh_fx_player_t p;
    struct nh_fx_canvas c = {16, 48, px};
    struct nh_fx_input in = {.intensity = 128,
                             .palette = palette,
                             .color = {0xFF8020, 0x000000, 0x2040FF},
                             .audio_level = 150,
                             .day_s = 52327,
                             .text = "nuthatch"};
    uint64_t sum = 0;
    *most = 0;
    nh_fx_palette_expand(&nh_fx_palettes[e->palette], palette);
    assert_true(nh_fx_state_bytes(16, 48) <= sizeof state_memory);
    assert_int_equal(nh_fx_player_init(&p, 16, 48, state_memory), NH_OK);
    nh_fx_player_set(&p, e, 7);
    for (unsigned i = 0; i < FRAMES; i++, in.time_ms += FRAME_MS) {
        uint64_t start = nh_board_instructions();
        nh_fx_player_draw(&p, &c, &in, 100);
        uint32_t spent = (uint32_t)(nh_board_instructions() - start);
        sum += spent;
        *most = spent > *most ? spent : *most;
    }
    *mean = (uint32_t)(sum / FRAMES);
}

static void a_frame_of_each_effect(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < nh_fx_effect_count; i++) {
        uint32_t mean, most;
        measure(nh_fx_effects[i], &mean, &most);
        print_message("| %s | %u | %u |\n", nh_fx_effects[i]->name, (unsigned)mean, (unsigned)most);
        if (most > MOST_ALLOWED)
            fail_msg("%s: %u instructions", nh_fx_effects[i]->name, (unsigned)most);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_of_each_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
