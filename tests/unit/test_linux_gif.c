// A GIF that is written frame by frame is what the library reads back: sizes, times and pixels,
// whatever part of a frame has changed.

#include "linux_fixture.h"

#include "platform/gif.h"

#include "support/rng.h"

#include <gif_lib.h>

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

struct file {
    uint8_t bytes[1 << 18];
    size_t len, at, max; // max: no more bytes can be written
};

static int on_write(void *ctx, const void *bytes, size_t len)
{
    struct file *f = ctx;
    if (f->len + len > f->max)
        return NH_ERR_IO;
    memcpy(f->bytes + f->len, bytes, len);
    f->len += len;
    return 0;
}

static int on_read(GifFileType *g, GifByteType *bytes, int len)
{
    struct file *f = g->UserData;
    int left = (int)(f->len - f->at), n = len < left ? len : left;
    memcpy(bytes, f->bytes + f->at, (size_t)n);
    f->at += (size_t)n;
    return n;
}

#define W 13
#define H 9
#define FRAMES 12

static uint8_t frames[FRAMES][W * H];
static uint32_t colors[NH_GIF_COLOR_MAX_COUNT];

// Frames that differ in nothing, in a point, in a part, in all.
static void make_frames(uint16_t color_count)
{
    struct rng rng = {color_count};
    for (unsigned i = 0; i < color_count; i++)
        colors[i] = rng_next(&rng) & 0xFFFFFF;
    for (unsigned f = 0; f < FRAMES; f++) {
        if (f > 0)
            memcpy(frames[f], frames[f - 1], sizeof frames[f]);
        unsigned from = f % 4 == 1 ? 50 : 0, to = f % 4 == 0 ? W * H : f % 4 == 3 ? 0 : 70;
        for (unsigned i = from; i < to; i++)
            frames[f][i] = (uint8_t)rng_below(&rng, color_count);
    }
}

static int write_all(struct file *f, uint16_t color_count)
{
    const struct nh_gif_config cfg = {.mem = fx.mem,
                                      .width = W,
                                      .height = H,
                                      .colors = colors,
                                      .color_count = color_count,
                                      .write = on_write,
                                      .ctx = f};
    nh_gif_t *g;
    f->len = f->at = 0;
    int err = nh_gif_create(&cfg, &g);
    for (unsigned i = 0; !err && i < FRAMES; i++)
        err = nh_gif_frame(g, frames[i], (uint16_t)(4 + i));
    if (!err)
        err = nh_gif_finish(g);
    nh_gif_destroy(g);
    return err;
}

// What a viewer shows after each frame.
static void check_file(struct file *f)
{
    int code = 0;
    GifFileType *g = DGifOpen(f, on_read, &code);
    assert_non_null(g);
    assert_int_equal(DGifSlurp(g), GIF_OK);
    assert_int_equal(g->SWidth, W);
    assert_int_equal(g->SHeight, H);
    assert_int_equal(g->ImageCount, FRAMES);
    uint32_t shown[W * H] = {0};
    for (int n = 0; n < FRAMES; n++) {
        const SavedImage *image = &g->SavedImages[n];
        const GifImageDesc *d = &image->ImageDesc;
        GraphicsControlBlock block;
        assert_int_equal(DGifSavedExtensionToGCB(g, n, &block), GIF_OK);
        assert_int_equal(block.DelayTime, 4 + n);
        for (int y = 0; y < d->Height; y++)
            for (int x = 0; x < d->Width; x++) {
                int index = image->RasterBits[y * d->Width + x];
                GifColorType c = g->SColorMap->Colors[index];
                if (index != block.TransparentColor)
                    shown[(d->Top + y) * W + d->Left + x] =
                        (uint32_t)(c.Red << 16 | c.Green << 8 | c.Blue);
            }
        for (int i = 0; i < W * H; i++)
            assert_int_equal(shown[i], colors[frames[n][i]]);
    }
    DGifCloseFile(g, NULL);
}

static void test_frames(void **state)
{
    static const uint16_t counts[] = {1, 2, 3, 15, 16, 127, 128, 255};
    static struct file f;
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(counts); i++) {
        f.max = sizeof f.bytes;
        make_frames(counts[i]);
        assert_int_equal(write_all(&f, counts[i]), 0);
        check_file(&f);
    }
}

static void test_a_disk_that_is_full(void **state)
{
    static struct file f;
    (void)state;
    make_frames(16);
    f.max = sizeof f.bytes;
    assert_int_equal(write_all(&f, 16), 0);
    size_t whole = f.len;
    for (f.max = 0; f.max < whole; f.max++)
        assert_int_equal(write_all(&f, 16), NH_ERR_IO);
}

static void test_limits_and_memory(void **state)
{
    static struct file f = {.max = sizeof f.bytes};
    struct nh_gif_config cfg = {
        .mem = fx.mem, .colors = colors, .color_count = 4, .write = on_write, .ctx = &f};
    nh_gif_t *g;
    (void)state;
    assert_int_equal(nh_gif_create(&cfg, &g), NH_ERR_RANGE);
    cfg.width = cfg.height = 4;
    cfg.color_count = 256;
    assert_int_equal(nh_gif_create(&cfg, &g), NH_ERR_RANGE);
    cfg.color_count = 0;
    assert_int_equal(nh_gif_create(&cfg, &g), NH_ERR_RANGE);
    assert_null(g);
    cfg.color_count = 4;
    nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = 1});
    assert_int_equal(nh_gif_create(&cfg, &g), NH_ERR_NOMEM);
    assert_null(g);
    assert_int_equal(f.len, 0);
    assert_int_equal(nh_gif_create(&cfg, &g), 0);
    nh_gif_destroy(g); // before its end
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_frames, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_disk_that_is_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits_and_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
