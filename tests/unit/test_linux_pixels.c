// WS2812 by SPI: the bits of the line against the datasheets' times, whole frames read back, and
// the port on files and pipes in the place of a device.

#include "linux_fixture.h"
#include "platform/linux/pixels/ws2812.h"
#include "support/pixels_recorder.h"
#include "support/rng.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct linux_fixture f;
static char dir[256], path[300];

static int begin(void **state)
{
    (void)state;
    fixture_start(&f);
    fixture_dir_make(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/line", dir);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_dir_remove(dir);
    fixture_stop(&f);
    return 0;
}

// ---- the bits ----------------------------------------------------------------------------------

// Times in ns that a chip takes for a 0 and for a 1: high and low, least and most.
struct times {
    const char *name;
    enum nh_pixels_chip chip;
    uint32_t high_min[2], high_max[2], low_min[2], low_max[2];
    uint32_t reset_us;
};
static const struct times datasheets[] = {
    {"WS2812B", NH_PIXELS_WS2812, {250, 650}, {550, 950}, {700, 300}, {1000, 600}, 50},
    {"WS2812B-V5", NH_PIXELS_WS2812, {220, 580}, {380, 1000}, {580, 220}, {1000, 420}, 280},
    {"SK6812", NH_PIXELS_SK6812, {150, 450}, {450, 750}, {750, 450}, {1050, 750}, 80},
};

static bool bit_at(const uint8_t *line, size_t at)
{
    return line[at / 8] >> (7 - at % 8) & 1;
}

// As the chip sees it: from one rise to the next. Bits go to `out`; returns how many, and in
// `*low_end` how many bits of SPI the line is low behind the last pulse.
static uint32_t line_read(const struct times *t, uint32_t speed_hz, const uint8_t *line, size_t len,
                          uint8_t *out, size_t *low_end)
{
    size_t at = 0, bits = len * 8;
    uint32_t count = 0;
    *low_end = 0;
    while (at < bits && !bit_at(line, at))
        at++;
    while (at < bits) {
        size_t rise = at, fall;
        while (at < bits && bit_at(line, at))
            at++;
        fall = at;
        while (at < bits && !bit_at(line, at))
            at++;
        uint32_t high = (uint32_t)((fall - rise) * 1000000000ull / speed_hz);
        uint32_t low = (uint32_t)((at - fall) * 1000000000ull / speed_hz);
        int v = high >= t->high_min[1];
        if (high < t->high_min[v] || high > t->high_max[v])
            fail_msg("%s: bit %u is high for %u ns", t->name, count, high);
        if (at < bits && (low < t->low_min[v] || low > t->low_max[v]))
            fail_msg("%s: bit %u is low for %u ns", t->name, count, low);
        *low_end = at - fall;
        out[count++] = (uint8_t)v;
    }
    return count;
}

// Every byte in every place, at every clock that the port's 3.2 MHz may come out as (a Raspberry
// Pi divides 250, 400 or 500 MHz by an even number).
static void test_times(void **state)
{
    static const uint32_t speeds_hz[] = {NH_WS2812_SPEED_HZ, 250000000 / 78, 400000000 / 126,
                                         500000000 / 156};
    enum { COUNT = 256 };
    static uint8_t rgb[COUNT * 3], bits[COUNT * 24];
    size_t len = nh_ws2812_frame_bytes(NH_PIXELS_WS2812, COUNT), low_end;
    uint8_t *line = malloc(len); // exact, so that a step beyond it is found
    (void)state;
    for (unsigned i = 0; i < COUNT * 3; i++)
        rgb[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t d = 0; d < NH_ARRAY_LEN(datasheets); d++)
        for (size_t s = 0; s < NH_ARRAY_LEN(speeds_hz); s++) {
            const struct times *t = &datasheets[d];
            nh_ws2812_encode(t->chip, NH_PIXELS_RGB, rgb, COUNT, line);
            assert_int_equal(line_read(t, speeds_hz[s], line, len, bits, &low_end), COUNT * 24);
            assert_true(low_end * 1000000ull / speeds_hz[s] >= t->reset_us);
            for (unsigned i = 0; i < COUNT * 24; i++)
                assert_int_equal(bits[i], rgb[i / 8] >> (7 - i % 8) & 1);
        }
    free(line);
}

static void test_orders(void **state)
{
    static const struct {
        enum nh_pixels_order order;
        const char *first;
    } rows[] = {
        {NH_PIXELS_GRB, "GRB"}, {NH_PIXELS_RGB, "RGB"}, {NH_PIXELS_BRG, "BRG"},
        {NH_PIXELS_RBG, "RBG"}, {NH_PIXELS_GBR, "GBR"}, {NH_PIXELS_BGR, "BGR"},
    };
    const uint8_t rgb[3] = {'R', 'G', 'B'};
    uint8_t line[NH_WS2812_HEAD_BYTES + 3 * NH_WS2812_BYTES_A_COLOR + NH_WS2812_RESET_BYTES];
    uint8_t bits[24];
    (void)state;
    assert_int_equal(nh_ws2812_frame_bytes(NH_PIXELS_WS2812, 1), sizeof line);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        uint8_t got[4] = {0};
        size_t low_end;
        nh_ws2812_encode(NH_PIXELS_WS2812, rows[i].order, rgb, 1, line);
        line_read(&datasheets[0], NH_WS2812_SPEED_HZ, line, sizeof line, bits, &low_end);
        for (int k = 0; k < 24; k++)
            got[k / 8] = (uint8_t)(got[k / 8] << 1 | bits[k]);
        assert_string_equal((const char *)got, rows[i].first);
    }
}

// The stream itself, bit by bit: head, pulses, reset.
static void test_stream(void **state)
{
    static const uint8_t want[] = {
        0,    0,    0,    0,    // low
        0xEE, 0xEE, 0xEE, 0xEE, // green 255
        0x88, 0x88, 0x88, 0x88, // red 0
        0xE8, 0x8E, 0xE8, 0x8E, // blue 0x99
    };
    const uint8_t rgb[3] = {0, 255, 0x99};
    uint8_t line[256];
    (void)state;
    nh_ws2812_encode(NH_PIXELS_WS2812, NH_PIXELS_GRB, rgb, 1, line);
    assert_memory_equal(line, want, sizeof want);
    for (unsigned i = 0; i < NH_WS2812_RESET_BYTES; i++)
        assert_int_equal(line[sizeof want + i], 0);
    nh_ws2812_encode(NH_PIXELS_SK6812, NH_PIXELS_GRB, rgb, 1, line);
    assert_int_equal(line[4], 0xCC);
    assert_int_equal(line[12], 0xC8);
    // Each byte ends low: what a controller pauses between bytes makes no pulse longer.
    for (unsigned i = 0; i < sizeof want; i++)
        assert_int_equal(line[i] & 1, 0);
}

// What the three have in common goes to the fourth LED; what all of them give is the same colour.
static void test_white(void **state)
{
    static const struct {
        uint8_t rgb[3], wire[4];
    } rows[] = {
        {{0, 0, 0}, {0, 0, 0, 0}},         {{255, 255, 255}, {0, 0, 0, 255}},
        {{200, 0, 100}, {0, 200, 100, 0}}, {{90, 80, 70}, {10, 20, 0, 70}},
        {{5, 9, 200}, {4, 0, 195, 5}},
    };
    static const struct times sk = {"SK6812",   NH_PIXELS_SK6812_RGBW, {150, 450}, {450, 750},
                                    {750, 450}, {1050, 750},           80};
    uint8_t rgb[NH_ARRAY_LEN(rows) * 3], bits[NH_ARRAY_LEN(rows) * 32];
    size_t len = nh_ws2812_frame_bytes(NH_PIXELS_SK6812_RGBW, NH_ARRAY_LEN(rows)), low_end;
    uint8_t *line = malloc(len); // exact
    (void)state;
    assert_int_equal(len, 4 + NH_ARRAY_LEN(rows) * 16 + 120);
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        memcpy(rgb + i * 3, rows[i].rgb, 3);
    nh_ws2812_encode(NH_PIXELS_SK6812_RGBW, NH_PIXELS_GRB, rgb, NH_ARRAY_LEN(rows), line);
    assert_int_equal(line_read(&sk, NH_WS2812_SPEED_HZ, line, len, bits, &low_end), sizeof bits);
    for (size_t i = 0; i < sizeof bits; i++)
        assert_int_equal(bits[i], rows[i / 32].wire[i / 8 % 4] >> (7 - i % 8) & 1);
    free(line);
}

// ---- the port ----------------------------------------------------------------------------------

static void touch(void)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static int open_port(struct nh_pixels *px)
{
    const struct nh_pixels_spi_config cfg = {
        .mem = f.mem, .path = path, .chip = NH_PIXELS_WS2812, .order = NH_PIXELS_GRB};
    return nh_pixels_spi(&cfg, px);
}

static size_t read_file(uint8_t *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, out, cap);
    close(fd);
    return n < 0 ? 0 : (size_t)n;
}

static void test_life(void **state)
{
    static uint8_t rgb[768 * 3], want[16384], got[16384];
    struct rng r = {1};
    struct nh_pixels px;
    (void)state;
    touch();
    rng_bytes(&r, rgb, sizeof rgb);
    assert_int_equal(open_port(&px), NH_OK);
    assert_memory_equal(px.name, "spi /", 5);
    assert_null(px.power);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(px.data_low(px.ctx), NH_OK);
        assert_int_equal(px.show(px.ctx, rgb, 1), NH_ERR_INVAL); // not open
        assert_int_equal(px.open(px.ctx, 768), NH_OK);
        assert_int_equal(px.show(px.ctx, rgb, 769), NH_ERR_INVAL);
        for (int frame = 0; frame < 5; frame++) {
            rgb[frame]++;
            assert_int_equal(px.show(px.ctx, rgb, 768), NH_OK);
        }
        px.close(px.ctx);
        assert_int_equal(px.data_low(px.ctx), NH_OK);
        // A file holds the newest frame and does not grow.
        nh_ws2812_encode(NH_PIXELS_WS2812, NH_PIXELS_GRB, rgb, 768, want);
        assert_int_equal(read_file(got, sizeof got), nh_ws2812_frame_bytes(NH_PIXELS_WS2812, 768));
        assert_memory_equal(got, want, nh_ws2812_frame_bytes(NH_PIXELS_WS2812, 768));
    }
    px.destroy(px.ctx);
}

// A pipe gets all that goes over the line, in its order; one that is full is an error, not a
// render task that hangs.
static void test_pipe(void **state)
{
    static uint8_t got[1024];
    const uint8_t rgb[6] = {1, 2, 3, 4, 5, 6};
    struct nh_pixels px;
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(open_port(&px), NH_OK);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(px.data_low(px.ctx), NH_OK);
    assert_int_equal(px.open(px.ctx, 2), NH_OK);
    assert_int_equal(px.show(px.ctx, rgb, 2), NH_OK);
    size_t want = NH_WS2812_HEAD_BYTES + nh_ws2812_frame_bytes(NH_PIXELS_WS2812, 2);
    assert_int_equal(read(fd, got, sizeof got), want);
    int err = NH_OK;
    for (int i = 0; i < 10000 && err == NH_OK; i++)
        err = px.show(px.ctx, rgb, 2);
    assert_true(err == NH_ERR_AGAIN || err == NH_ERR_IO);
    close(fd);
    px.close(px.ctx);
    px.destroy(px.ctx);
}

static void test_refused(void **state)
{
    struct nh_pixels px;
    struct nh_pixels_spi_config cfg = {.mem = f.mem};
    char long_path[200];
    static const struct {
        const char *path;
        int want;
    } rows[] = {
        {"/dev/spidev99.9", NH_ERR_NOT_FOUND},
        {"/dev/null", NH_ERR_UNSUPPORTED}, // a device, and no SPI port
        {"/dev", NH_ERR_INVAL},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        cfg.path = rows[i].path;
        assert_int_equal(nh_pixels_spi(&cfg, &px), rows[i].want);
        assert_null(px.show);
    }
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    cfg.path = long_path;
    assert_int_equal(nh_pixels_spi(&cfg, &px), NH_ERR_TOO_LONG);
}

static void test_memory_fails(void **state)
{
    struct nh_pixels px;
    (void)state;
    touch();
    nh_mem_fault_set(f.sys, &(struct nh_mem_fault){.fail_nth = 1});
    assert_int_equal(open_port(&px), NH_ERR_NOMEM);
    nh_mem_fault_set(f.sys, NULL);
    assert_int_equal(open_port(&px), NH_OK);
    nh_mem_fault_set(f.sys, &(struct nh_mem_fault){.fail_nth = 1});
    assert_int_equal(px.open(px.ctx, 10), NH_ERR_NOMEM);
    nh_mem_fault_set(f.sys, NULL);
    assert_int_equal(px.open(px.ctx, 10), NH_OK);
    px.destroy(px.ctx); // closes as well
}

static void test_null(void **state)
{
    struct nh_pixels px;
    (void)state;
    nh_pixels_null(&px);
    assert_int_equal(px.open(px.ctx, 16384), NH_OK);
    assert_int_equal(px.show(px.ctx, NULL, 0), NH_OK);
    px.close(px.ctx);
    assert_true(!px.destroy && !px.power && !px.data_low);
}

// ---- the recorder that other tests stand on ----------------------------------------------------

static uint64_t made_up_ms;

static uint64_t made_up_now(void)
{
    return made_up_ms;
}

// What the letters do, in turn: d data_low, p power on, w wait 50 ms, o open, b show black, s show,
// c close, q power off. The fault that is found, or none.
static void test_recorder(void **state)
{
    static const struct {
        const char *calls, *fault;
    } rows[] = {
        {"dpwobsscdq", ""},
        {"dpwobscdqdpwobcdq", ""},
        {"pwob", "power on while the line is not low"},
        {"dwob", "open without power"},
        {"dpob", "open before the supply is steady"},
        {"dpwos", "the first show is not black"},
        {"dpwb", "show without a driver"},
        {"dpwobscq", "power off while the line is not low"},
        {"dpwobsq", "power off while the driver is open"},
        {"dpwobd", "data_low while the driver has the line"},
        {"dpwobscdqs", "show without power"},
        {"dc", "close of what is not open"},
    };
    static struct pixels_recorder r;
    const uint8_t black[3] = {0}, red[3] = {255, 0, 0};
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        memset(&r, 0, sizeof r);
        r.now_ms = made_up_now;
        nh_pixels_null(&r.inner);
        struct nh_pixels px = pixels_recorder_make(&r);
        for (const char *c = rows[i].calls; *c; c++) {
            made_up_ms += *c == 'w' ? 50 : 0;
            NH_IGNORE(*c == 'd'   ? px.data_low(px.ctx)
                      : *c == 'p' ? px.power(px.ctx, true)
                      : *c == 'q' ? px.power(px.ctx, false)
                      : *c == 'o' ? px.open(px.ctx, 1)
                      : *c == 'b' ? px.show(px.ctx, black, 1)
                      : *c == 's' ? px.show(px.ctx, red, 1)
                                  : 0);
            if (*c == 'c')
                px.close(px.ctx);
        }
        if (strncmp(r.fault, rows[i].fault, strlen(rows[i].fault)) != 0 ||
            !rows[i].fault[0] != !r.fault[0])
            fail_msg("%s: '%s'", rows[i].calls, r.fault);
        pixels_recorder_deinit(&r);
    }
}

static void test_recorder_tells(void **state)
{
    static struct pixels_recorder r;
    const uint8_t black[3] = {0}, red[3] = {255, 0, 0};
    char text[200];
    (void)state;
    r.now_ms = made_up_now;
    struct nh_pixels px = pixels_recorder_make(&r);
    pixels_recorder_fail(&r, PIXELS_POWER_ON, 1);
    assert_int_equal(px.data_low(px.ctx), NH_OK);
    assert_int_equal(px.power(px.ctx, true), NH_ERR_IO);
    assert_int_equal(px.power(px.ctx, true), NH_OK);
    made_up_ms += 50;
    assert_int_equal(px.open(px.ctx, 1), NH_OK);
    assert_int_equal(px.show(px.ctx, black, 1), NH_OK);
    assert_int_equal(px.show(px.ctx, red, 1), NH_OK);
    assert_int_equal(r.last[0], 255);
    assert_int_equal(r.show_threads, 1);
    px.close(px.ctx);
    pixels_recorder_text(&r, 0, text, sizeof text);
    assert_string_equal(text, "data_low power(on)! power(on) open show*2 close");
    pixels_recorder_text(&r, 3, text, sizeof text);
    assert_string_equal(text, "open show*2 close");
    assert_int_equal(pixels_recorder_total(&r, PIXELS_SHOW), 2);
    assert_string_equal(r.fault, "");
    pixels_recorder_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_white),
        cmocka_unit_test_setup_teardown(test_life, begin, end),
        cmocka_unit_test_setup_teardown(test_pipe, begin, end),
        cmocka_unit_test_setup_teardown(test_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_memory_fails, begin, end),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_recorder),
        cmocka_unit_test(test_recorder_tells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
