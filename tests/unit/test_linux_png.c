// The PNG that is made piece by piece is what another library reads: the same pixels, whatever the
// pieces.

#include "linux_fixture.h"

#include "platform/png.h"

#include <png.h>

static struct linux_fixture fx;
static uint16_t pixels[800 * 40];
static unsigned width;

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

static const uint16_t *row(void *ctx, uint16_t y)
{
    (void)ctx;
    return pixels + (size_t)y * width;
}

static size_t write_all(nh_png_t *p, uint8_t *out, size_t cap, size_t step)
{
    size_t len = 0, n;
    while ((n = nh_png_read(p, out + len, step)) > 0) {
        assert_true(n <= step);
        len += n;
        assert_true(len + step <= cap);
    }
    assert_int_equal(nh_png_read(p, out + len, step), 0);
    return len;
}

static void check(unsigned w, unsigned h, size_t step, bool is_noise)
{
    static uint8_t file[1 << 20], rgb[800 * 40 * 3];
    const struct nh_png_config cfg = {
        .mem = fx.mem, .width = (uint16_t)w, .height = (uint16_t)h, .row = row};
    nh_png_t *p;
    uint32_t seed = 1;
    width = w;
    for (size_t i = 0; i < (size_t)w * h; i++) {
        seed = seed * 1664525 + 1013904223;
        pixels[i] = is_noise ? (uint16_t)(seed >> 9) : (uint16_t)(i / w * 100);
    }
    assert_int_equal(nh_png_create(&cfg, &p), 0);
    size_t len = write_all(p, file, sizeof file, step);
    nh_png_destroy(p);
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_memory(&image, file, len));
    assert_int_equal(image.width, w);
    assert_int_equal(image.height, h);
    image.format = PNG_FORMAT_RGB;
    assert_true(png_image_finish_read(&image, NULL, rgb, 0, NULL));
    for (size_t i = 0; i < (size_t)w * h; i++) {
        assert_int_equal(rgb[3 * i], (pixels[i] >> 11) * 255 / 31);
        assert_int_equal(rgb[3 * i + 1], (pixels[i] >> 5 & 63) * 255 / 63);
        assert_int_equal(rgb[3 * i + 2], (pixels[i] & 31) * 255 / 31);
    }
}

static void test_pictures(void **state)
{
    static const size_t steps[] = {NH_PNG_READ_MIN_BYTES, 129, 2048, 65536};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(steps); i++)
        for (int noise = 0; noise < 2; noise++) {
            check(360, 40, steps[i], noise);
            check(1, 1, steps[i], noise);
            check(799, 3, steps[i], noise);
        }
}

static const uint8_t *row_rgb(void *ctx, uint16_t y)
{
    return (const uint8_t *)ctx + (size_t)y * 5 * 3;
}

static void test_whole_bytes(void **state)
{
    static uint8_t file[4096], rgb[7 * 5 * 3], read[7 * 5 * 3];
    const struct nh_png_config cfg = {
        .mem = fx.mem, .width = 5, .height = 7, .row_rgb = row_rgb, .ctx = rgb};
    nh_png_t *p;
    (void)state;
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * 37);
    assert_int_equal(nh_png_create(&cfg, &p), 0);
    size_t len = write_all(p, file, sizeof file, 200);
    nh_png_destroy(p);
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_memory(&image, file, len));
    image.format = PNG_FORMAT_RGB;
    assert_true(png_image_finish_read(&image, NULL, read, 0, NULL));
    assert_memory_equal(read, rgb, sizeof rgb);
}

static void test_no_memory(void **state)
{
    const struct nh_png_config cfg = {.mem = fx.mem, .width = 8, .height = 8, .row = row};
    nh_png_t *p = NULL;
    (void)state;
    for (uint64_t n = 1; !p; n++) {
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n});
        int err = nh_png_create(&cfg, &p);
        assert_int_equal(err, p ? 0 : NH_ERR_NOMEM);
        assert_true(n < 50);
    }
    nh_png_destroy(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pictures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_whole_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
