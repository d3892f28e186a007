// The window without a desktop: SDL's driver for nothing. Clicks are touches, closing is told, and
// where there is no SDL it is said which package has it.

#include "linux_fixture.h"

#include "platform/linux/window/sdl.h"
#include "platform/linux/window/window.h"

#define W 40
#define H 30

static struct linux_fixture fx;
static struct nh_panel panel;
static struct nh_sdl sdl;
static nh_notify_t *told;
static struct nh_touch touches[4];
static unsigned touch_count, closed_count;

static void on_closed(void *ctx)
{
    (void)ctx;
    __atomic_add_fetch(&closed_count, 1, __ATOMIC_SEQ_CST);
    nh_notify_post(told);
}

static void on_touch(void *to, const struct nh_touch *t)
{
    assert_ptr_equal(to, &touches);
    touches[touch_count++ % 4] = *t;
    nh_notify_post(told);
}

static struct nh_window_config config(void)
{
    return (struct nh_window_config){.mem = fx.mem,
                                     .sys = fx.sys,
                                     .title = "test",
                                     .width = W,
                                     .height = H,
                                     .is_round = true,
                                     .closed = on_closed};
}

static int setup(void **state)
{
    (void)state;
    fixture_start(&fx);
    assert_int_equal(nh_notify_create(fx.mem, &told), 0);
    touch_count = closed_count = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_notify_destroy(told);
    fixture_stop(&fx);
    return 0;
}

static void push(uint32_t type, uint32_t buttons, int x, int y)
{
    union nh_sdl_event e = {.room = {0}};
    e.type = type;
    e.mouse.buttons = buttons;
    e.mouse.x = x;
    e.mouse.y = y;
    assert_int_equal(sdl.push_event(&e), 1);
}

static void test_window(void **state)
{
    static const uint16_t pixels[W * 10];
    char why[128] = "";
    const struct nh_window_config cfg = config();
    (void)state;
    setenv("SDL_VIDEODRIVER", "dummy", 1);
    int err = nh_window_open(&cfg, &panel, why, sizeof why);
    if (err == NH_ERR_UNSUPPORTED) {
        assert_non_null(strstr(why, "libsdl2"));
        skip();
    }
    if (err < 0)
        fail_msg("%s", why);
    assert_int_equal(nh_linux__sdl_find(&sdl, why, sizeof why), 0);
    panel.listen(panel.ctx, on_touch, &touches);
    panel.brightness(panel.ctx, 50);
    for (int y = 0; y < H; y += 10)
        panel.flush(panel.ctx, (struct nh_rect){0, (int16_t)y, W, 10}, pixels, W);
    push(NH_SDL_MOUSE_MOTION, 0, 3, 3); // no button is down
    push(NH_SDL_MOUSE_DOWN, 3, 4, 4);   // the right one
    push(NH_SDL_MOUSE_DOWN, 1, 10, 11);
    push(NH_SDL_MOUSE_MOTION, 1, 12, 13);
    push(NH_SDL_MOUSE_UP, 1, 14, 15);
    push(NH_SDL_QUIT, 0, 0, 0);
    while (__atomic_load_n(&closed_count, __ATOMIC_SEQ_CST) == 0)
        assert_int_equal(nh_notify_wait(told, 30000), 0);
    panel.listen(panel.ctx, NULL, NULL);
    assert_int_equal(touch_count, 3);
    assert_int_equal(touches[0].phase, NH_TOUCH_DOWN);
    assert_int_equal(touches[0].x, 10);
    assert_int_equal(touches[1].phase, NH_TOUCH_MOVE);
    assert_int_equal(touches[2].phase, NH_TOUCH_UP);
    assert_int_equal(touches[2].y, 15);
    panel.close(panel.ctx);
}

static void test_no_desktop(void **state)
{
    char why[128] = "";
    const struct nh_window_config cfg = config();
    (void)state;
    setenv("SDL_VIDEODRIVER", "nothing-of-that-name", 1);
    int err = nh_window_open(&cfg, &panel, why, sizeof why);
    assert_true(err == NH_ERR_IO || err == NH_ERR_UNSUPPORTED);
    assert_true(strlen(why) > 5);
}

static void test_no_memory(void **state)
{
    char why[128] = "";
    const struct nh_window_config cfg = config();
    (void)state;
    setenv("SDL_VIDEODRIVER", "dummy", 1);
    for (uint64_t n = 1, err = 1; err != 0; n++) {
        nh_mem_fault_set(fx.sys, &(struct nh_mem_fault){.fail_nth = n});
        int got = nh_window_open(&cfg, &panel, why, sizeof why);
        nh_mem_fault_set(fx.sys, NULL);
        if (got == NH_ERR_UNSUPPORTED)
            skip();
        assert_true(got == 0 || got == NH_ERR_NOMEM);
        err = got == 0 ? 0 : 1;
        if (got == 0)
            panel.close(panel.ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_desktop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
