// The GPIO port over lines that are made up (tests/support/fake_gpiod.h): which edges are told and
// with what time, what is refused, that nothing is held at the end.

#include "linux_fixture.h"
#include "platform/gpio.h"
#include "support/fake_gpiod.h"

static struct linux_fixture f;
static nh_loop_t *loop;
static struct {
    bool level;
    uint64_t at_ms;
} told[64];
static unsigned told_count;
static nh_gpio_in_t *closes_itself;

static void changed(void *ctx, bool level, uint64_t at_ms)
{
    assert_ptr_equal(ctx, told);
    assert_true(told_count < NH_ARRAY_LEN(told));
    told[told_count].level = level;
    told[told_count++].at_ms = at_ms;
    nh_gpio_in_close(closes_itself);
    closes_itself = NULL;
}

static int begin(void **state)
{
    (void)state;
    fixture_start(&f);
    fake_gpiod_reset();
    told_count = 0;
    assert_int_equal(nh_loop_create(f.mem, &loop), NH_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    PUMP(loop, 3);
    nh_loop_destroy(loop);
    assert_int_equal(fake_gpiod.lines_held, 0);
    assert_int_equal(fake_gpiod.chips_open, 0);
    fixture_stop(&f);
    return 0;
}

static struct nh_gpio_in_config config(void)
{
    return (struct nh_gpio_in_config){.loop = loop,
                                      .mem = f.mem,
                                      .chip = "/dev/gpiochip0",
                                      .line = 2,
                                      .ctx = told,
                                      .changed = changed};
}

static nh_gpio_in_t *open_line(void)
{
    struct nh_gpio_in_config cfg = config();
    nh_gpio_in_t *g;
    assert_int_equal(nh_gpio_in_open(&cfg, &g), NH_OK);
    return g;
}

static void test_edges(void **state)
{
    (void)state;
    fake_gpiod.line[2].value = 1;
    nh_gpio_in_t *g = open_line();
    assert_true(nh_gpio_in_level(g)); // as it was found
    uint64_t now_ms = nh_clock_ms();
    fake_gpiod_edge(2, 0, 0, true);
    PUMP_UNTIL(loop, told_count == 1);
    assert_false(nh_gpio_in_level(g));
    assert_true(told[0].at_ms + 1 >= now_ms && told[0].at_ms <= nh_clock_ms());
    // Two at once, in the past: as they were, in their order.
    while (nh_clock_ms() < 60) // the clock begins with the program
        PUMP(loop, 1);
    uint64_t base_ms = fake_gpiod_now_ms() - 50;
    fake_gpiod_edge_at(2, 1, base_ms);
    fake_gpiod_edge_at(2, 0, base_ms + 30);
    PUMP_UNTIL(loop, told_count == 3);
    assert_true(told[1].level && !told[2].level);
    uint64_t apart_ms = told[2].at_ms - told[1].at_ms;
    assert_true(apart_ms >= 29 && apart_ms <= 31);
    nh_gpio_in_close(g);
}

// A level that came without its edge is found when the next one is read; one that is told twice is
// one.
static void test_lost_edges(void **state)
{
    (void)state;
    nh_gpio_in_t *g = open_line();
    fake_gpiod_edge(2, 1, 0, true);
    fake_gpiod_edge(2, 0, 0, false);
    PUMP_UNTIL(loop, told_count == 2);
    assert_true(told[0].level && !told[1].level);
    fake_gpiod_edge(2, 1, 0, true);
    fake_gpiod_edge(2, 1, 0, true);
    PUMP_UNTIL(loop, told_count == 3);
    PUMP(loop, 10);
    assert_int_equal(told_count, 3);
    nh_gpio_in_close(g);
}

// More edges than are read at once; a time that cannot be is now.
static void test_many_edges(void **state)
{
    (void)state;
    nh_gpio_in_t *g = open_line();
    for (unsigned i = 0; i < 40; i++)
        fake_gpiod_edge(2, i % 2 == 0, i == 0 ? 3600000 : 0, true);
    PUMP_UNTIL(loop, told_count == 40);
    for (unsigned i = 0; i < 40; i++)
        assert_true(told[i].level == (i % 2 == 0) && told[i].at_ms <= nh_clock_ms());
    assert_true(told[0].at_ms + 1000 > told[1].at_ms);
    nh_gpio_in_close(g);
}

// Before the loop comes to it.
static void test_poll(void **state)
{
    (void)state;
    nh_gpio_in_t *g = open_line();
    nh_gpio_in_poll(g);
    assert_int_equal(told_count, 0);
    for (unsigned i = 0; i < 20; i++)
        fake_gpiod_edge(2, i % 2 == 0, 0, true);
    nh_gpio_in_poll(g);
    assert_int_equal(told_count, 20);
    PUMP(loop, 10);
    assert_int_equal(told_count, 20);
    closes_itself = g;
    fake_gpiod_edge(2, 1, 0, true);
    fake_gpiod_edge(2, 0, 0, true);
    nh_gpio_in_poll(g);
    assert_int_equal(told_count, 21);
}

static nh_gpio_in_t *both[2];

static void looks_at_both(void *ctx, bool level, uint64_t at_ms)
{
    (void)ctx;
    (void)level;
    (void)at_ms;
    told_count++;
    nh_gpio_in_poll(both[0]);
    nh_gpio_in_poll(both[1]);
}

// Two lines in one turn of the loop, the first of which takes what the other was woken for.
static void test_polled_in_between(void **state)
{
    struct nh_gpio_in_config cfg = config();
    (void)state;
    cfg.changed = looks_at_both;
    assert_int_equal(nh_gpio_in_open(&cfg, &both[0]), NH_OK);
    cfg.line = 3;
    assert_int_equal(nh_gpio_in_open(&cfg, &both[1]), NH_OK);
    for (unsigned i = 0; i < 4; i++) {
        fake_gpiod_edge(2, i % 2 == 0, 0, true);
        fake_gpiod_edge(3, i % 2 == 0, 0, true);
        PUMP_UNTIL(loop, told_count == 2 * i + 2);
        PUMP(loop, 3);
    }
    for (unsigned i = 0; i < 2; i++) { // each is watched as before
        told_count = 0;
        fake_gpiod_edge(2 + i, 1, 0, true);
        PUMP(loop, 100);
        assert_int_equal(told_count, 1);
    }
    nh_gpio_in_close(both[0]);
    nh_gpio_in_close(both[1]);
}

static void test_closes_itself(void **state)
{
    (void)state;
    closes_itself = open_line();
    fake_gpiod_edge(2, 1, 0, true);
    fake_gpiod_edge(2, 0, 0, true);
    PUMP_UNTIL(loop, told_count == 1);
    PUMP(loop, 10);
    assert_int_equal(told_count, 1);
}

static void test_chip_goes_away(void **state)
{
    (void)state;
    nh_gpio_in_t *g = open_line();
    fake_gpiod.read_fails = true;
    fake_gpiod_edge(2, 1, 0, true);
    PUMP(loop, 10);
    assert_int_equal(told_count, 0);
    nh_gpio_in_close(g);
    nh_gpio_in_close(NULL);
}

static void test_flags(void **state)
{
    struct nh_gpio_in_config cfg = config();
    nh_gpio_in_t *g;
    (void)state;
    cfg.is_active_low = cfg.pull_up = true;
    assert_int_equal(nh_gpio_in_open(&cfg, &g), NH_OK);
    assert_int_equal(fake_gpiod.line[2].request_type, GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES);
    assert_int_equal(fake_gpiod.line[2].flags,
                     GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW | GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP);
    nh_gpio_in_close(g);
    cfg.is_active_low = cfg.pull_up = false;
    cfg.pull_down = true;
    assert_int_equal(nh_gpio_in_open(&cfg, &g), NH_OK);
    assert_int_equal(fake_gpiod.line[2].flags, GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN);
    nh_gpio_in_close(g);
}

static void test_refused(void **state)
{
    static const struct {
        const char *chip;
        uint32_t line;
        bool pull_up, is_taken;
        int want;
    } rows[] = {
        {"/dev/gpiochip9", 0, false, false, NH_ERR_NOT_FOUND},
        {"/dev/null", 0, false, false, NH_ERR_NOT_FOUND},
        {"/dev/gpiochip0", FAKE_LINE_COUNT, false, false, NH_ERR_NOT_FOUND},
        {"/dev/gpiochip0", 1, false, true, NH_ERR_BUSY},
        {"/dev/gpiochip0", 1, true, false, NH_ERR_UNSUPPORTED},
    };
    (void)state;
    fake_gpiod.refuses_bias = true;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        struct nh_gpio_in_config cfg = config();
        nh_gpio_in_t *in;
        nh_gpio_out_t *out;
        cfg.chip = rows[i].chip;
        cfg.line = rows[i].line;
        cfg.pull_up = rows[i].pull_up;
        fake_gpiod.line[1].is_taken = rows[i].is_taken;
        assert_int_equal(nh_gpio_in_open(&cfg, &in), rows[i].want);
        assert_null(in);
        if (rows[i].pull_up)
            continue;
        const struct nh_gpio_out_config out_cfg = {f.mem, rows[i].chip, rows[i].line, false};
        assert_int_equal(nh_gpio_out_open(&out_cfg, &out), rows[i].want);
        assert_null(out);
    }
}

static void test_output(void **state)
{
    const struct nh_gpio_out_config cfg = {f.mem, "/dev/gpiochip0", 3, true};
    nh_gpio_out_t *g;
    (void)state;
    fake_gpiod.line[3].value = 1;
    assert_int_equal(nh_gpio_out_open(&cfg, &g), NH_OK);
    assert_int_equal(fake_gpiod.line[3].value, 0); // off from the first moment
    assert_int_equal(fake_gpiod.line[3].flags, GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW);
    assert_int_equal(nh_gpio_out_set(g, true), NH_OK);
    assert_int_equal(fake_gpiod.line[3].value, 1);
    fake_gpiod.line[3].fails = true;
    assert_int_equal(nh_gpio_out_set(g, false), NH_ERR_IO);
    assert_int_equal(fake_gpiod.line[3].value, 1);
    nh_gpio_out_close(g);
    nh_gpio_out_close(NULL);
}

static void test_memory_fails(void **state)
{
    struct nh_gpio_in_config cfg = config();
    const struct nh_gpio_out_config out_cfg = {f.mem, "/dev/gpiochip0", 3, false};
    nh_gpio_in_t *in;
    nh_gpio_out_t *out;
    (void)state;
    nh_mem_fault_set(f.sys, &(struct nh_mem_fault){.fail_nth = 1});
    assert_int_equal(nh_gpio_in_open(&cfg, &in), NH_ERR_NOMEM);
    assert_null(in);
    nh_mem_fault_set(f.sys, &(struct nh_mem_fault){.fail_nth = 1});
    assert_int_equal(nh_gpio_out_open(&out_cfg, &out), NH_ERR_NOMEM);
    assert_null(out);
    nh_mem_fault_set(f.sys, NULL);
    nh_gpio_in_close(open_line());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_edges, begin, end),
        cmocka_unit_test_setup_teardown(test_lost_edges, begin, end),
        cmocka_unit_test_setup_teardown(test_many_edges, begin, end),
        cmocka_unit_test_setup_teardown(test_poll, begin, end),
        cmocka_unit_test_setup_teardown(test_polled_in_between, begin, end),
        cmocka_unit_test_setup_teardown(test_closes_itself, begin, end),
        cmocka_unit_test_setup_teardown(test_chip_goes_away, begin, end),
        cmocka_unit_test_setup_teardown(test_flags, begin, end),
        cmocka_unit_test_setup_teardown(test_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_output, begin, end),
        cmocka_unit_test_setup_teardown(test_memory_fails, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
