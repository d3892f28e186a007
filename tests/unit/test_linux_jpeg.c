// JPEG by strips: every kind that is taken, what is refused, a budget that holds, and files cut off
// or damaged at each byte.

#include "linux_fixture.h"

#include "jpeg_fixture.h"
#include "platform/jpeg.h"

static struct linux_fixture fx;
static unsigned char *file;
static unsigned long file_len;

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    file = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_mem_fault_set(fx.sys, NULL);
    free(file);
    fixture_stop(&fx);
    return 0;
}

static struct nh_jpeg_config config(void)
{
    return (struct nh_jpeg_config){
        .mem = fx.mem, .bytes = file, .len = file_len, .width_max = 480, .height_max = 480};
}

// All of it; returns the last error, or the number of rows.
static int decode(const struct nh_jpeg_config *cfg, uint16_t *pixels, size_t stride, unsigned step,
                  struct nh_jpeg_info *info)
{
    nh_jpeg_t *j;
    int rows = 0, n = nh_jpeg_open(cfg, &j);
    if (n < 0)
        return n;
    do {
        n = nh_jpeg_read(j, pixels + (size_t)rows * stride, stride, step);
        rows += n > 0 ? n : 0;
    } while (n > 0);
    nh_jpeg_info(j, info);
    nh_jpeg_close(j);
    return n < 0 ? n : rows;
}

static int off_by(uint32_t a, uint32_t b)
{
    return abs((int)a - (int)b);
}

static void check_pixels(const struct jpeg_kind *k, const uint16_t *pixels)
{
    for (int y = 0; y < k->height; y++)
        for (int x = 0; x < k->width; x++) {
            uint8_t rgb[3];
            uint16_t v = pixels[y * k->width + x];
            jpeg_pixel(k, x, y, rgb);
            int r = off_by((v >> 11) * 255 / 31, rgb[0]);
            int g = off_by((v >> 5 & 63) * 255 / 63, k->components == 1 ? rgb[0] : rgb[1]);
            bool is_edge = k->components == 1 || abs(x - k->width / 2) < 9; // blue steps there
            int b = is_edge ? 0 : off_by((v & 31) * 255 / 31, rgb[2]);
            if (!is_edge && (r > 24 || g > 24 || b > 32))
                fail_msg("%d x %d, %d components, %dx%d: %d, %d is %04x", k->width, k->height,
                         k->components, k->luma_h, k->luma_v, x, y, v);
        }
}

static void test_kinds(void **state)
{
    static const struct jpeg_kind rows[] = {
        {360, 360, 3, 1, 1}, {360, 360, 3, 2, 1},
        {360, 360, 3, 2, 2}, {360, 360, 1, 1, 1},
        {360, 16, 3, 2, 2},  {360, 7, 3, 2, 2},
        {1, 1, 3, 2, 2},     {17, 33, 3, 2, 2},
        {479, 480, 3, 2, 2}, {360, 32, 3, 2, 2, false, false, 1},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        jpeg_make(&rows[i], &file, &file_len);
        for (unsigned step = 1; step <= 16; step += 5) {
            struct nh_jpeg_info info;
            const struct nh_jpeg_config cfg = config();
            uint16_t *pixels = calloc((size_t)rows[i].width * (size_t)rows[i].height, 2);
            assert_int_equal(decode(&cfg, pixels, (size_t)rows[i].width, step, &info),
                             rows[i].height);
            assert_int_equal(info.width, rows[i].width);
            assert_true(info.work_peak_bytes <= NH_KIB(64));
            if (rows[i].width > 100 && rows[i].height > 100)
                check_pixels(&rows[i], pixels);
            free(pixels);
        }
        free(file);
        file = NULL;
    }
}

static void test_shrinks(void **state)
{
    const struct jpeg_kind k = {361, 200, 3, 2, 2};
    static uint16_t pixels[361 * 200];
    (void)state;
    jpeg_make(&k, &file, &file_len);
    for (uint32_t shrink = 1; shrink <= 8; shrink *= 2) {
        struct nh_jpeg_info info;
        struct nh_jpeg_config cfg = config();
        cfg.shrink = shrink;
        assert_int_equal(decode(&cfg, pixels, 361, 16, &info), (200 + shrink - 1) / shrink);
        assert_int_equal(info.out_width, (361 + shrink - 1) / shrink);
    }
}

static void test_refused(void **state)
{
    static const struct {
        struct jpeg_kind kind;
        size_t work_max_bytes;
        int want;
    } rows[] = {
        {{64, 64, 3, 2, 2, true}, 0, NH_ERR_UNSUPPORTED},
        {{64, 64, 3, 1, 1, false, true}, 0, NH_ERR_UNSUPPORTED},
        {{481, 16, 3, 1, 1}, 0, NH_ERR_RANGE},
        {{16, 481, 3, 1, 1}, 0, NH_ERR_RANGE},
        {{2000, 2000, 1, 1, 1}, 0, NH_ERR_RANGE},
        {{480, 480, 3, 2, 2}, 4096, NH_ERR_NOMEM},
        {{480, 480, 3, 2, 2}, 30000, NH_ERR_NOMEM},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        nh_jpeg_t *j;
        jpeg_make(&rows[i].kind, &file, &file_len);
        struct nh_jpeg_config cfg = config();
        cfg.work_max_bytes = rows[i].work_max_bytes;
        int err = nh_jpeg_open(&cfg, &j);
        if (err != rows[i].want)
            fail_msg("row %zu: %s", i, nh_err_text(err));
        assert_null(j);
        free(file);
        file = NULL;
    }
}

// At each length: no crash, nothing kept, and never taken for whole.
static void test_cut_off(void **state)
{
    const struct jpeg_kind k = {96, 64, 3, 2, 2, false, false, 1, 60};
    static uint16_t pixels[96 * 64];
    struct nh_jpeg_info info;
    (void)state;
    jpeg_make(&k, &file, &file_len);
    unsigned long whole = file_len;
    for (file_len = 0; file_len < whole - 2; file_len++) { // without its last marker it is whole
        unsigned char *exact = malloc(file_len + 1);
        struct nh_jpeg_config cfg = config();
        memcpy(exact, file, file_len);
        cfg.bytes = exact;
        int rows = decode(&cfg, pixels, 96, 16, &info);
        free(exact);
        if (rows >= 0)
            fail_msg("%lu of %lu bytes: %d rows", file_len, whole, rows);
    }
}

static void test_damaged(void **state)
{
    const struct jpeg_kind k = {96, 64, 3, 2, 2, false, false, 1, 60};
    static uint16_t pixels[480 * 480];
    uint32_t seed = 12345;
    (void)state;
    jpeg_make(&k, &file, &file_len);
    for (int round = 0; round < 3000; round++) {
        unsigned char *bad = malloc(file_len);
        struct nh_jpeg_info info;
        struct nh_jpeg_config cfg = config();
        memcpy(bad, file, file_len);
        for (int i = 0; i <= round % 3; i++) {
            seed = seed * 1664525 + 1013904223;
            bad[(seed >> 8) % (round % 2 ? file_len : 300)] = (unsigned char)seed;
        }
        cfg.bytes = bad;
        int rows = decode(&cfg, pixels, 480, 16, &info);
        assert_true(rows >= -30 && rows <= 480);
        free(bad);
    }
}

static void test_no_memory(void **state)
{
    const struct jpeg_kind k = {64, 48, 3, 2, 2};
    static uint16_t pixels[64 * 48];
    uint64_t n = 1;
    (void)state;
    jpeg_make(&k, &file, &file_len);
    for (bool is_done = false; !is_done; n++) {
        struct nh_jpeg_info info;
        const struct nh_jpeg_config cfg = config();
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n});
        int rows = decode(&cfg, pixels, 64, 16, &info);
        is_done = nh_mem_fault_hits(fx.sys) == 0;
        assert_int_equal(rows, is_done ? 48 : NH_ERR_NOMEM);
        nh_mem_fault_set(fx.sys, NULL);
    }
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shrinks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
