// The lamp with its real render task over the real SPI port, on a file in the place of the device
// and a switch on a line that is made up, with the recorder between them.

#include "components/lamp/lamp.h"
#include "linux_fixture.h"
#include "platform/linux/pixels/ws2812.h"
#include "support/fake_gpiod.h"
#include "support/pixels_recorder.h"

#include <fcntl.h>

#define SIDE 8
#define COUNT (SIDE * SIDE)
#define CYCLES 12

static struct linux_fixture f;
static nh_loop_t *loop;
static nh_lamp_t *lamp;
static struct pixels_recorder r;
static char dir[256], path[300];
static uint8_t last[COUNT * 3]; // the render task's; read while it does not run

static void take_frame(void *ctx, const uint8_t *rgb, uint32_t count)
{
    assert_null(ctx);
    assert_int_equal(count, COUNT);
    memcpy(last, rgb, sizeof last);
}

static struct nh_pixels port(void)
{
    const struct nh_gpio_out_config line = {f.mem, "/dev/gpiochip0", 1, false};
    struct nh_pixels_spi_config spi = {.mem = f.mem, .path = path};
    assert_int_equal(nh_gpio_out_open(&line, &spi.power), NH_OK);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    struct nh_pixels px;
    assert_int_equal(nh_pixels_spi(&spi, &px), NH_OK);
    return px;
}

static int begin(void **state)
{
    (void)state;
    fixture_start(&f);
    fixture_dir_make(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/line", dir);
    fake_gpiod_reset();
    memset(&r, 0, sizeof r);
    r.inner = port();
    assert_int_equal(nh_loop_create(f.mem, &loop), NH_OK);
    const struct nh_lamp_config cfg = {
        .mem = f.mem,
        .sys = f.sys,
        .loop = loop,
        .pixels = pixels_recorder_make(&r),
        .width = SIDE,
        .height = SIDE,
        .map = {.panel_columns = 2, .leds = {.is_serpentine = true}, .rotation_deg = 180},
        .pipeline = {.gamma_pct = 220, .dither_bits = 2, .limit_ma = 900},
        .fps = 120,
        .seed = 1,
    };
    assert_int_equal(nh_lamp_create(&cfg, &lamp), NH_OK);
    assert_int_equal(nh_lamp_output_add(lamp, &(struct nh_lamp_output){NULL, take_frame}), NH_OK);
    assert_int_equal(nh_lamp_start(lamp), NH_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    nh_lamp_destroy(lamp);
    PUMP(loop, 3);
    nh_loop_destroy(loop);
    assert_string_equal(r.fault, "");
    assert_int_equal(pixels_recorder_total(&r, PIXELS_DESTROY), 1);
    assert_int_equal(fake_gpiod.lines_held, 0);
    pixels_recorder_deinit(&r);
    fixture_dir_remove(dir);
    fixture_stop(&f);
    return 0;
}

static void power(bool on)
{
    const struct nh_lamp_command c = {
        .kind = NH_LAMP_SET, .mask = NH_LAMP_F_POWER, .set = {.power = on}};
    assert_int_equal(nh_lamp_post(lamp, &c), NH_OK);
}

static enum nh_lamp_power power_state(void)
{
    struct nh_lamp_snapshot s;
    nh_lamp_snapshot(lamp, &s);
    return s.power;
}

static void test_power_cycles(void **state)
{
    char text[400];
    (void)state;
    for (uint32_t cycle = 1; cycle <= CYCLES; cycle++) {
        PUMP_UNTIL(loop, power_state() == NH_LAMP_ON);
        uint32_t shows = pixels_recorder_total(&r, PIXELS_SHOW);
        PUMP_UNTIL(loop, pixels_recorder_total(&r, PIXELS_SHOW) > shows + 2);
        assert_int_equal(fake_gpiod.line[1].value, 1);
        power(false);
        PUMP_UNTIL(loop, power_state() == NH_LAMP_OFF);
        assert_int_equal(fake_gpiod.line[1].value, 0);
        assert_int_equal(pixels_recorder_total(&r, PIXELS_OPEN), cycle);
        assert_int_equal(pixels_recorder_total(&r, PIXELS_CLOSE), cycle);
        assert_string_equal(r.fault, "");
        // Off, nothing is sent.
        shows = pixels_recorder_total(&r, PIXELS_SHOW);
        PUMP(loop, 1000);
        assert_int_equal(pixels_recorder_total(&r, PIXELS_SHOW), shows);
        if (cycle < CYCLES)
            power(true);
    }
    pixels_recorder_text(&r, 0, text, sizeof text);
    char *star = strchr(text, '*');
    assert_non_null(star);
    *star = 0;
    assert_string_equal(text, "data_low power(on) open show");
}

// What the outputs were given, within the limit, is what went over the wire.
static void test_the_wire_has_the_frame(void **state)
{
    static uint8_t want[4096], got[4096];
    struct nh_lamp_info info;
    uint32_t sum = 0;
    (void)state;
    PUMP_UNTIL(loop, pixels_recorder_total(&r, PIXELS_SHOW) > 20);
    nh_lamp_info(lamp, &info);
    assert_true(info.estimate_ma > 100 + COUNT && info.estimate_ma <= 900);
    power(false);
    PUMP_UNTIL(loop, power_state() == NH_LAMP_OFF);
    for (size_t i = 0; i < sizeof last; i++)
        sum += last[i];
    assert_true(sum > 0);
    assert_memory_equal(r.last, last, sizeof last);
    nh_ws2812_encode(NH_PIXELS_WS2812, NH_PIXELS_GRB, last, COUNT, want);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, got, sizeof got), nh_ws2812_frame_bytes(NH_PIXELS_WS2812, COUNT));
    close(fd);
    assert_memory_equal(got, want, nh_ws2812_frame_bytes(NH_PIXELS_WS2812, COUNT));
}

// A line that does not switch: tried again, then the lamp stays off and nothing is sent.
static void test_a_switch_that_fails(void **state)
{
    (void)state;
    PUMP_UNTIL(loop, power_state() == NH_LAMP_ON);
    power(false);
    PUMP_UNTIL(loop, power_state() == NH_LAMP_OFF);
    uint32_t shows = pixels_recorder_total(&r, PIXELS_SHOW);
    fake_gpiod.line[1].fails = true;
    power(true);
    PUMP_UNTIL(loop, power_state() == NH_LAMP_FAILED);
    assert_true(pixels_recorder_total(&r, PIXELS_POWER_ON) >= 1 + 5);
    assert_int_equal(pixels_recorder_total(&r, PIXELS_SHOW), shows);
    fake_gpiod.line[1].fails = false;
    power(false);
    PUMP_UNTIL(loop, power_state() == NH_LAMP_OFF);
    power(true);
    PUMP_UNTIL(loop, power_state() == NH_LAMP_ON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_power_cycles, begin, end),
        cmocka_unit_test_setup_teardown(test_the_wire_has_the_frame, begin, end),
        cmocka_unit_test_setup_teardown(test_a_switch_that_fails, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
