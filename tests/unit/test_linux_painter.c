// The painter: a frame painted in parts is the frame painted at once, text in every script from a
// cache that keeps to its budget, icons at each size, and no memory at the worst moment.

#include "linux_fixture.h"

#include "platform/linux/painter/glyph_cache.h"
#include "platform/painter.h"

#define W 120
#define H 90
#define FONT "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
#define FONT_CJK "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"

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

static nh_painter_t *make(size_t cache_bytes)
{
    const struct nh_painter_config cfg = {
        .mem = fx.mem, .fonts = {FONT, FONT_CJK}, .glyph_cache_bytes = cache_bytes};
    nh_painter_t *p;
    assert_int_equal(nh_painter_create(&cfg, &p), 0);
    return p;
}

static void paint_scene(nh_painter_t *p)
{
    static const uint8_t mask[16] = {0, 255, 128, 64, 255, 0, 255, 0, 1, 2, 3, 4, 99, 98, 97, 96};
    const struct nh_wedge ring = {60, 45, 18, 40, 10, 100, 5, 4}, disc = {60, 45, 0, 12, 0, 360};
    static const char text[] = "Größe 中文 fi";
    nh_paint_fill(p, (struct nh_rect){0, 0, W, H}, 0x102030);
    nh_paint_box(p, (struct nh_rect){5, 7, 60, 31}, 9, 0xE04020, 200);
    nh_paint_frame(p, (struct nh_rect){5, 7, 60, 31}, 9, 2, 0xFFFFFF, 128);
    nh_paint_line(p, 3, 80, 110.5f, 20, 3, 0x00FF00, 255);
    nh_paint_wedge(p, &ring, 0x4080FF, 255);
    nh_paint_wedge_frame(p, &ring, 1.5f, 0xFFFFFF, 255);
    nh_paint_wedge(p, &disc, 0xFFEE00, 180);
    nh_paint_pixels(p, (struct nh_rect){80, 50, 23, 31}, NH_PIXELS_MASK, mask, 4, 4, 0xFF00FF);
    nh_paint_text(p, 60, 60, NH_TEXT_CENTER, text, strlen(text), 17, 0xFFFFFF);
}

static void paint_part(nh_painter_t *p, uint16_t *frame, struct nh_rect at)
{
    static _Alignas(4) uint16_t part[W * H];
    size_t stride = (size_t)(at.w + 1) / 2 * 2;
    memset(part, 0xAA, sizeof part); // what was in the buffer before must not be seen
    assert_int_equal(nh_painter_begin(p, part, stride, at), 0);
    paint_scene(p);
    nh_painter_end(p);
    for (int y = 0; y < at.h; y++)
        memcpy(frame + (at.y + y) * W + at.x, part + (size_t)y * stride,
               (size_t)at.w * sizeof *part);
}

// By more than a 16th, by which the cover of an edge may be rounded otherwise.
static bool is_other(uint16_t a, uint16_t b)
{
    int r = (a >> 11) - (b >> 11), g = (a >> 5 & 63) - (b >> 5 & 63), bl = (a & 31) - (b & 31);
    return abs(r) > 2 || abs(g) > 4 || abs(bl) > 2;
}

static void test_parts_make_the_whole(void **state)
{
    static uint16_t whole[W * H], parts[W * H];
    nh_painter_t *p = make(0);
    (void)state;
    paint_part(p, whole, (struct nh_rect){0, 0, W, H});
    for (int w = 7; w <= W; w += 31)
        for (int h = 1; h <= 20; h += 6) {
            memset(parts, 0, sizeof parts);
            for (int y = 0; y < H; y += h)
                for (int x = 0; x < W; x += w)
                    paint_part(
                        p, parts,
                        nh_rect_meet(nh_rect_of(x, y, x + w, y + h), (struct nh_rect){0, 0, W, H}));
            for (int i = 0; i < W * H; i++)
                if (is_other(parts[i], whole[i]))
                    fail_msg("parts of %d x %d: %d, %d is %04x, at once %04x", w, h, i % W, i / W,
                             parts[i], whole[i]);
        }
    nh_painter_destroy(p);
}

static uint16_t pixel_after(nh_painter_t *p, void (*paint)(nh_painter_t *p), int x, int y)
{
    static _Alignas(4) uint16_t frame[W * H];
    assert_int_equal(nh_painter_begin(p, frame, W, (struct nh_rect){0, 0, W, H}), 0);
    nh_paint_fill(p, (struct nh_rect){0, 0, W, H}, 0);
    paint(p);
    nh_painter_end(p);
    return frame[y * W + x];
}

static void red(nh_painter_t *p)
{
    nh_paint_fill(p, (struct nh_rect){-5, -5, 20, 20}, 0xFF0000);
}

static void half_white(nh_painter_t *p)
{
    nh_paint_box(p, (struct nh_rect){10, 10, 40, 40}, 0, 0xFFFFFF, 128);
}

static void thin_gap(nh_painter_t *p)
{
    const struct nh_wedge a = {60, 45, 10, 40, 0, 90, 0, 6}, b = {60, 45, 10, 40, 90, 180, 0, 6};
    nh_paint_wedge(p, &a, 0xFFFFFF, 255);
    nh_paint_wedge(p, &b, 0xFFFFFF, 255);
}

static void test_colors_and_edges(void **state)
{
    nh_painter_t *p = make(0);
    (void)state;
    assert_int_equal(pixel_after(p, red, 0, 0), 0xF800);
    assert_int_equal(pixel_after(p, red, 14, 14), 0xF800);
    assert_int_equal(pixel_after(p, red, 15, 14), 0);
    assert_int_equal(pixel_after(p, half_white, 30, 30) >> 11, 16);
    assert_int_equal(pixel_after(p, half_white, 9, 30), 0);
    // The gap is as wide near the middle as at the rim.
    for (int x = 75; x < 95; x += 9) {
        assert_int_equal(pixel_after(p, thin_gap, x, 45), 0);
        assert_int_equal(pixel_after(p, thin_gap, x, 43), 0);
        assert_int_equal(pixel_after(p, thin_gap, x, 40), 0xFFFF);
        assert_int_equal(pixel_after(p, thin_gap, x, 49), 0xFFFF);
    }
    nh_painter_destroy(p);
}

// ---- pixels ------------------------------------------------------------------------------------

static void test_icons(void **state)
{
    static _Alignas(4) uint16_t frame[W * H];
    static uint8_t mask[64 * 64], color[64 * 64 * 3];
    static const int sizes[] = {1, 7, 33, 64, 80, 128};
    nh_painter_t *p = make(0);
    (void)state;
    memset(mask, 255, sizeof mask);
    for (size_t i = 0; i < 64 * 64; i++) // RGB565 of 0x1234, solid
        memcpy(color + 3 * i, "\x34\x12\xFF", 3);
    for (size_t i = 0; i < NH_ARRAY_LEN(sizes); i++)
        for (int is_color = 0; is_color < 2; is_color++) {
            struct nh_rect at = {3, 2, (int16_t)sizes[i], (int16_t)sizes[i]};
            assert_int_equal(nh_painter_begin(p, frame, W, (struct nh_rect){0, 0, W, H}), 0);
            nh_paint_fill(p, (struct nh_rect){0, 0, W, H}, 0);
            nh_paint_pixels(p, at, is_color ? NH_PIXELS_RGB565_ALPHA : NH_PIXELS_MASK,
                            is_color ? color : mask, 64, 64, 0xFFFFFF);
            nh_painter_end(p);
            for (int y = 0; y < H; y++)
                for (int x = 0; x < W; x++) {
                    uint16_t want = !nh_rect_has(at, x, y) ? 0 : is_color ? 0x1234 : 0xFFFF;
                    if (frame[y * W + x] != want)
                        fail_msg("size %d: %d, %d is %04x", sizes[i], x, y, frame[y * W + x]);
                }
        }
    nh_paint_pixels(p, (struct nh_rect){0, 0, 5, 5}, NH_PIXELS_MASK, mask, 0, 0, 0); // nothing
    nh_painter_destroy(p);
}

// ---- text --------------------------------------------------------------------------------------

static size_t ink_of(nh_painter_t *p, const char *text)
{
    static _Alignas(4) uint16_t frame[W * H];
    size_t ink = 0;
    assert_int_equal(nh_painter_begin(p, frame, W, (struct nh_rect){0, 0, W, H}), 0);
    nh_paint_fill(p, (struct nh_rect){0, 0, W, H}, 0);
    nh_paint_text(p, 10, 60, NH_TEXT_LEFT, text, strlen(text), 40, 0xFFFFFF);
    nh_painter_end(p);
    for (size_t i = 0; i < W * H; i++)
        ink += frame[i] != 0;
    return ink;
}

static void test_text_of_every_script(void **state)
{
    static const struct {
        const char *text;
        bool is_seen;
        unsigned missing;
    } rows[] = {
        {"A", true, 0},
        {"ß", true, 0},
        {"Ж", true, 0},
        {"中", true, 0},
        {"한", true, 0},
        {"\xF0\x9F\x98\x80", true, 0}, // an emoji that DejaVu draws
        {"\xF3\xA0\x80\xA1", true, 1}, // nobody has it: a box
        {"\xFF", true, 0},             // no UTF-8: U+FFFD
        {"\xEF\xB8\x8F", false, 0},    // a variation selector
        {"\x07", false, 0},
        {" ", false, 0},
        {"", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_painter_info info;
        nh_painter_t *p = make(0);
        size_t ink = ink_of(p, rows[i].text);
        nh_painter_info(p, &info);
        if ((ink > 0) != rows[i].is_seen || info.missing_glyphs != rows[i].missing)
            fail_msg("row %zu: %zu pixels, %u missing", i, ink, (unsigned)info.missing_glyphs);
        nh_painter_destroy(p);
    }
}

static void picture_of(nh_painter_t *p, const char *text, uint16_t *frame)
{
    assert_int_equal(nh_painter_begin(p, frame, W, (struct nh_rect){0, 0, W, H}), 0);
    nh_paint_fill(p, (struct nh_rect){0, 0, W, H}, 0);
    nh_paint_text(p, 60, 60, NH_TEXT_CENTER, text, strlen(text), 24, 0xFFFFFF);
    nh_painter_end(p);
}

// What is seen from left to right is what stands on the right, spelled in forms that do not turn:
// U+202D (left-to-right override) keeps it as it is.
static void test_right_to_left(void **state)
{
    static const struct {
        const char *text, *seen;
        bool is_same;
    } rows[] = {
        {"אבג", "\u202Dגבא", true},
        {"אבג", "\u202Dאבג", false},
        {"אב 12 c", "\u202Dc 12 בא", true}, // the line's own direction is that of its first letter
        {"on אב", "\u202Don בא", true},
        {"(א)", "\u202D(א)", true},                 // brackets are mirrored
        {"سلام", "\u202D\uFEE1\uFEFC\uFEB3", true}, // letters join, two of them into one
        {"abc", "\u202Dabc", true},
    };
    static _Alignas(4) uint16_t got[W * H], want[W * H];
    nh_painter_t *p = make(0);
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        picture_of(p, rows[i].text, got);
        picture_of(p, rows[i].seen, want);
        if ((memcmp(got, want, sizeof got) == 0) != rows[i].is_same)
            fail_msg("row %zu", i);
    }
    nh_painter_destroy(p);
}

static void test_width_and_fit(void **state)
{
    static const char text[] = "Wohnzimmer äöü";
    nh_painter_t *p = make(0);
    int whole = nh_text_width(p, text, strlen(text), 20);
    (void)state;
    assert_in_range(whole, 100, 250);
    assert_in_range(nh_text_width(p, text, strlen(text), 40), 2 * whole - 4, 2 * whole + 4);
    assert_true(nh_text_width(p, "AV", 2, 100) <
                nh_text_width(p, "A", 1, 100) + nh_text_width(p, "V", 1, 100));
    assert_int_equal(nh_text_width(p, "", 0, 20), 0);
    assert_int_equal(nh_text_fit(p, text, strlen(text), 20, whole), strlen(text));
    for (int width = 0; width <= whole; width++) {
        size_t fits = nh_text_fit(p, text, strlen(text), 20, width);
        assert_true(nh_text_width(p, text, fits, 20) <= width || fits == 0);
        assert_true((text[fits] & 0xC0) != 0x80); // no character is split
    }
    nh_painter_destroy(p);
}

static void test_second_frame_costs_nothing(void **state)
{
    static uint16_t frame[W * H];
    struct nh_painter_info before, after;
    struct nh_mem_owner_info owner[2];
    nh_painter_t *p = make(0);
    (void)state;
    for (size_t round = 0; round < 2; round++) {
        before = (struct nh_painter_info){0};
        nh_painter_info(p, &before);
        assert_int_equal(nh_mem_owner_info(fx.sys, 1, &owner[0]), 0);
        paint_part(p, frame, (struct nh_rect){0, 0, W, H});
        nh_painter_info(p, &after);
        assert_int_equal(nh_mem_owner_info(fx.sys, 1, &owner[1]), 0);
    }
    assert_int_equal(after.glyph_misses, before.glyph_misses);
    assert_true(after.glyph_hits > before.glyph_hits);
    for (int tier = 0; tier < NH_MEM_TIER_COUNT; tier++)
        assert_int_equal(owner[1].tier[tier].alloc_count, owner[0].tier[tier].alloc_count);
    nh_painter_destroy(p);
}

// A cache too small for one frame evicts all the time, keeps to its budget and draws the same.
static void test_small_cache(void **state)
{
    static uint16_t want[W * H], got[W * H];
    struct nh_painter_info info;
    nh_painter_t *large = make(0), *small = make(1024);
    (void)state;
    paint_part(large, want, (struct nh_rect){0, 0, W, H});
    for (int round = 0; round < 3; round++) {
        paint_part(small, got, (struct nh_rect){0, 0, W, H});
        assert_memory_equal(got, want, sizeof want);
        nh_painter_info(small, &info);
        assert_true(info.glyph_bytes <= info.glyph_max_bytes);
    }
    assert_true(info.glyph_evictions > 0);
    assert_int_equal(info.glyph_failures, 0);
    assert_true(ink_of(small, "W") == 0); // alone over the budget: left out, and counted
    nh_painter_info(small, &info);
    assert_true(info.glyph_failures > 0);
    nh_painter_destroy(large);
    nh_painter_destroy(small);
}

static void test_glyph_cache_by_use(void **state)
{
    static const uint8_t picture[64] = {1};
    struct nh_linux__glyphs_info info;
    nh_linux__glyphs_t *g;
    (void)state;
    assert_int_equal(nh_linux__glyphs_create(fx.mem, 10 * 200, &g), 0);
    for (uint32_t code = 1; code <= 1000; code++) {
        const struct nh_linux__glyph glyph = {
            .code = code, .size_px = 12, .width = 8, .height = 8, .coverage = picture};
        assert_non_null(nh_linux__glyphs_put(g, &glyph, 8));
        assert_non_null(nh_linux__glyphs_get(g, 1, 12)); // always used, so it stays
        assert_null(nh_linux__glyphs_get(g, 1, 13));
        nh_linux__glyphs_info(g, &info);
        assert_true(info.bytes <= info.max_bytes);
    }
    assert_null(nh_linux__glyphs_get(g, 2, 12));
    assert_int_equal(nh_linux__glyphs_get(g, 1000, 12)->coverage[0], 1);
    nh_linux__glyphs_destroy(g);
}

// ---- faults ------------------------------------------------------------------------------------

static void test_faults_of_create(void **state)
{
    nh_painter_t *p;
    char longer[400];
    struct nh_painter_config cfg = {.mem = fx.mem, .fonts = {"/nowhere.ttf", "/dev/null"}};
    (void)state;
    assert_int_equal(nh_painter_create(&cfg, &p), NH_ERR_NOT_FOUND);
    assert_null(p);
    cfg.fonts[2] = "/etc/hostname"; // no font at all
    assert_int_equal(nh_painter_create(&cfg, &p), NH_ERR_NOT_FOUND);
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    cfg.fonts[3] = longer;
    assert_int_equal(nh_painter_create(&cfg, &p), NH_ERR_TOO_LONG);
}

static void test_no_memory(void **state)
{
    const struct nh_painter_config cfg = {.mem = fx.mem, .fonts = {FONT}};
    uint64_t n = 1;
    (void)state;
    for (bool is_done = false; !is_done; n++) {
        nh_painter_t *p;
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n});
        int err = nh_painter_create(&cfg, &p);
        if (err == 0) {
            size_t ink = ink_of(p, "Abg");
            is_done = nh_mem_fault_hits(fx.sys) == 0;
            nh_mem_fault_set(fx.sys, NULL);
            if (!is_done)
                assert_true(ink_of(p, "Abg") >= ink); // the next try draws all of it
            nh_painter_destroy(p);
        }
        nh_mem_fault_set(fx.sys, NULL);
        assert_true(err == 0 || err == NH_ERR_NOMEM || err == NH_ERR_NOT_FOUND);
    }
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parts_make_the_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_colors_and_edges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_icons, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_of_every_script, setup, teardown),
        cmocka_unit_test_setup_teardown(test_right_to_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_width_and_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_second_frame_costs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_small_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(test_glyph_cache_by_use, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults_of_create, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
