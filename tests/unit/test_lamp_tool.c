// The parts of nuthatch lamp: options, what a terminal gets, the choice of colours.

#include "linux_fixture.h"

#include "lamp/colors.h"
#include "lamp/lamp_tool.h"
#include "support/rng.h"

static struct linux_fixture fx;

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_mem_fault_set(fx.sys, NULL);
    fixture_stop(&fx);
    return 0;
}

// ---- options

static void options_are_taken_or_told(void **state)
{
    (void)state;
    static const struct {
        int option;
        const char *arg, *fault; // NULL: taken
    } rows[] = {
        {'e', "plasma", NULL},
        {'e', "lava-lamp", NULL},
        {'e', "Lava_Lamp", NULL},
        {'e', "0xCA01", NULL},
        {'e', "0x1234", "no effect \"0x1234\""},
        {'e', "lava-", "no effect"},
        {'e', "", "no effect"},
        {'p', "stained-glass", NULL},
        {'p', "auto", NULL},
        {'p', "blue", "no palette \"blue\""},
        {'g', "1x1", NULL},
        {'g', "128x128", NULL},
        {'g', "129x1", "1 to 128"},
        {'g', "0x4", "1 to 128"},
        {'g', "16", "WIDTHxHEIGHT"},
        {'g', "16x48x", "WIDTHxHEIGHT"},
        {'s', "10", NULL},
        {'s', "9", "from 10 to 300"},
        {'s', "301", "from 10 to 300"},
        {'s', "5x", "from 10 to 300"},
        {'f', "100", NULL},
        {'f', "101", "from 1 to 100"},
        {'i', "255", NULL},
        {'i', "-1", "from 0 to 255"},
        {'S', "0", "from 1 to"},
        {'c', "ff0000", NULL},
        {'c', "#ff0000,00ff00,#0000ff", NULL},
        {'c', "ff00", "RRGGBB"},
        {'c', "ff0000,", "RRGGBB"},
        {'c', "1,2,3,4", "RRGGBB"},
        {'k', "23:59", NULL},
        {'k', "23:59:59", NULL},
        {'k', "24:00", "HH:MM"},
        {'k', "12:00:60", "HH:MM"},
        {'k', "noon", "HH:MM"},
        {'t', "Hello", NULL},
        {'t', "0123456789012345678901234567890123456789012345678901234567890123", "over 63"},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_stage_options o = nh_stage_defaults();
        char fault[256];
        bool taken = nh_stage_option(&o, rows[i].option, rows[i].arg, fault, sizeof fault);
        if (taken != !rows[i].fault || (rows[i].fault && !strstr(fault, rows[i].fault)))
            fail_msg("-%c %s: \"%s\"", rows[i].option, rows[i].arg, fault);
    }
}

static void file_names_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        uint16_t fps, gap;
        bool is_good;
    } rows[] = {
        {"a.gif", 20, 0, true},       {"a.png", 20, 7, true},     {"a-%04d.png", 20, 0, true},
        {"a-%d.png", 99, 0, true},    {NULL, 20, 0, false},       {".gif", 20, 0, false},
        {"a.jpg", 20, 0, false},      {"a-%s.png", 20, 0, false}, {"%d%d.png", 20, 0, false},
        {"%4444d.png", 20, 0, false}, {"a%.png", 20, 0, false},   {"a-%d.gif", 20, 0, false},
        {"a.gif", 51, 0, false},      {"a.gif", 20, 8, false},
    };
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_record_options o = {.stage = nh_stage_defaults(), .scale = 8, .seconds = 3};
        o.file = rows[i].file;
        o.gap = rows[i].gap;
        o.stage.fps = rows[i].fps;
        if (!nh_lamp_record_fault(&o) != rows[i].is_good)
            fail_msg("%s", rows[i].file);
    }
    struct nh_record_options long_one = {.stage = nh_stage_defaults(), .scale = 8};
    long_one.file = "a.png";
    long_one.seconds = 3600;
    assert_non_null(nh_lamp_record_fault(&long_one));
}

// ---- terminal

static void a_frame_is_half_blocks(void **state)
{
    (void)state;
    nh_px_t px[] = {0x0000FF, 0x0000FF, /* the row above */ 0xFF0000, 0x00FF00};
    struct nh_fx_canvas c = {2, 2, px};
    char out[256];
    size_t len = nh_term_frame(out, &c, NH_TERM_TRUE);
    static const char wanted[] = "\x1b[38;2;255;0;0m\x1b[48;2;0;0;255m\xE2\x96\x80"
                                 "\x1b[38;2;0;255;0m\xE2\x96\x80\x1b[0m\n";
    assert_int_equal(len, sizeof wanted - 1);
    assert_memory_equal(out, wanted, len);
    len = nh_term_frame(out, &c, NH_TERM_256);
    static const char wanted_256[] = "\x1b[38;5;196m\x1b[48;5;21m\xE2\x96\x80"
                                     "\x1b[38;5;46m\xE2\x96\x80\x1b[0m\n";
    assert_int_equal(len, sizeof wanted_256 - 1);
    assert_memory_equal(out, wanted_256, len);
    px[0] = 0xFFFFFF;
    px[1] = px[2] = px[3] = 0;
    len = nh_term_frame(out, &c, NH_TERM_PLAIN);
    assert_int_equal(len, 10);
    assert_memory_equal(out, "    \n@@  \n", len);
}

// No frame is longer than what is said, whatever its colours; an odd height has half a line.
static void a_frame_fits_its_bound(void **state)
{
    (void)state;
    static const uint16_t sizes[][2] = {{1, 1}, {128, 128}, {16, 48}, {7, 9}, {128, 1}, {1, 127}};
    struct rng rng = {4};
    for (size_t s = 0; s < NH_ARRAY_LEN(sizes); s++)
        for (int colors = NH_TERM_PLAIN; colors <= NH_TERM_TRUE; colors++) {
            uint16_t w = sizes[s][0], h = sizes[s][1];
            nh_px_t *px = malloc((size_t)w * h * sizeof *px);
            char *out = malloc(nh_term_frame_max_bytes(w, h));
            for (size_t i = 0; i < (size_t)w * h; i++)
                px[i] = (100 + rng_below(&rng, 156)) * 0x10101u ^ rng_below(&rng, 4);
            size_t len = nh_term_frame(out, &(struct nh_fx_canvas){w, h, px}, colors), lines = 0;
            assert_true(len <= nh_term_frame_max_bytes(w, h));
            for (size_t i = 0; i < len; i++)
                lines += out[i] == '\n';
            assert_int_equal(lines, nh_term_lines(colors, h));
            free(px);
            free(out);
        }
}

static void the_environment_says_how_deep(void **state)
{
    (void)state;
    assert_int_equal(nh_term_colors_of("truecolor", "xterm", NULL), NH_TERM_TRUE);
    assert_int_equal(nh_term_colors_of("24bit", NULL, ""), NH_TERM_TRUE);
    assert_int_equal(nh_term_colors_of(NULL, "xterm-256color", NULL), NH_TERM_256);
    assert_int_equal(nh_term_colors_of(NULL, "dumb", NULL), NH_TERM_PLAIN);
    assert_int_equal(nh_term_colors_of(NULL, NULL, NULL), NH_TERM_PLAIN);
    assert_int_equal(nh_term_colors_of("truecolor", "xterm-256color", "1"), NH_TERM_PLAIN);
}

// ---- colours

static void few_colours_stay_as_they_are(void **state)
{
    (void)state;
    nh_colors_t *c;
    nh_px_t px[255];
    struct rng rng = {9};
    for (size_t i = 0; i < NH_ARRAY_LEN(px); i++)
        px[i] = rng_next(&rng) & 0xFFFFFF;
    assert_int_equal(nh_colors_create(fx.mem, &c), 0);
    nh_colors_add(c, px, NH_ARRAY_LEN(px));
    nh_colors_add(c, px, NH_ARRAY_LEN(px));
    assert_int_equal(nh_colors_choose(c, 255), 255);
    for (size_t i = 0; i < NH_ARRAY_LEN(px); i++)
        assert_int_equal(nh_colors_list(c)[nh_colors_index(c, px[i])], px[i]);
    nh_colors_destroy(c);
}

static unsigned off_by(nh_px_t a, nh_px_t b)
{
    unsigned most = 0;
    for (unsigned k = 0; k < 24; k += 8) {
        int d = (int)(a >> k & 255) - (int)(b >> k & 255);
        most = (unsigned)abs(d) > most ? (unsigned)abs(d) : most;
    }
    return most;
}

// One more than fits, and many more: what stands for a colour is near it.
static void many_colours_are_stood_for_by_near_ones(void **state)
{
    (void)state;
    nh_colors_t *c;
    nh_px_t px[256];
    for (size_t i = 0; i < NH_ARRAY_LEN(px); i++)
        px[i] = NH_PX(i, 255 - i, i / 2);
    assert_int_equal(nh_colors_create(fx.mem, &c), 0);
    nh_colors_add(c, px, NH_ARRAY_LEN(px));
    uint16_t count = nh_colors_choose(c, 255);
    assert_in_range(count, 16, 255);
    for (size_t i = 0; i < NH_ARRAY_LEN(px); i++)
        assert_true(off_by(nh_colors_list(c)[nh_colors_index(c, px[i])], px[i]) <= 8);
    nh_colors_destroy(c);
}

static void a_rare_bright_colour_is_kept(void **state)
{
    (void)state;
    nh_colors_t *c;
    struct rng rng = {2};
    assert_int_equal(nh_colors_create(fx.mem, &c), 0);
    for (unsigned i = 0; i < 4000; i++) { // a thousand dark ones, and one red
        nh_px_t p = rng_below(&rng, 24) << 8 | rng_below(&rng, 60);
        nh_colors_add(c, &p, 1);
    }
    nh_colors_add(c, &(nh_px_t){0xFF1010}, 1);
    nh_colors_choose(c, 16);
    assert_true(off_by(nh_colors_list(c)[nh_colors_index(c, 0xFF1010)], 0xFF1010) <= 8);
    nh_colors_destroy(c);
}

// ---- stage

static void frames_are_those_of_the_lamp(void **state)
{
    (void)state;
    struct nh_stage a, b;
    struct nh_stage_options o = nh_stage_defaults();
    o.width = 12;
    o.height = 10;
    assert_int_equal(nh_stage_open(&a, &o, fx.mem), 0);
    assert_int_equal(nh_stage_open(&b, &o, fx.mem), 0);
    for (uint16_t i = 0; i < nh_fx_effect_count; i++) {
        nh_stage_effect_set(&a, nh_fx_effects[i]);
        nh_stage_effect_set(&b, nh_fx_effects[i]);
        for (uint32_t t = 0; t < 3000; t += 30) // what hears needs the same times
            nh_stage_draw(&a, t);
        for (uint32_t t = 0; t < 3000; t += 30)
            nh_stage_draw(&b, t);
        assert_memory_equal(a.canvas.px, b.canvas.px, 12 * 10 * sizeof(nh_px_t));
    }
    nh_stage_close(&a);
    nh_stage_close(&b);
}

static void speed_is_in_the_time_of_a_frame(void **state)
{
    (void)state;
    struct nh_stage_options o = nh_stage_defaults();
    o.fps = 30;
    assert_int_equal(nh_stage_time_ms(&o, 30), 1000);
    o.speed_pct = 300;
    assert_int_equal(nh_stage_time_ms(&o, 1), 100);
    o.speed_pct = 10;
    assert_int_equal(nh_stage_time_ms(&o, 6000), 20000);
}

static void without_memory_nothing_is_taken(void **state)
{
    (void)state;
    struct nh_stage s;
    nh_colors_t *c;
    struct nh_stage_options o = nh_stage_defaults();
    nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = 1});
    assert_int_equal(nh_stage_open(&s, &o, fx.mem), NH_ERR_NOMEM);
    nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = 1});
    assert_int_equal(nh_colors_create(fx.mem, &c), NH_ERR_NOMEM);
    assert_null(c);
    nh_mem_fault_set(fx.sys, NULL);
}

#define IN_MEMORY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_taken_or_told),
        cmocka_unit_test(file_names_are_checked),
        cmocka_unit_test(a_frame_is_half_blocks),
        cmocka_unit_test(a_frame_fits_its_bound),
        cmocka_unit_test(the_environment_says_how_deep),
        IN_MEMORY(few_colours_stay_as_they_are),
        IN_MEMORY(many_colours_are_stood_for_by_near_ones),
        IN_MEMORY(a_rare_bright_colour_is_kept),
        IN_MEMORY(frames_are_those_of_the_lamp),
        cmocka_unit_test(speed_is_in_the_time_of_a_frame),
        IN_MEMORY(without_memory_nothing_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
