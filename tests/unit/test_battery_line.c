// The hub's client and the simulated board on one line, in simulated time: two that were written
// apart, and between them whatever a line does.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/mem_fixture.h"

#define PLAY_NEED(condition) assert_true(condition)
#include "support/battery_play.h"

#define SEED_COUNT 2 // each row with as many

static struct mem_fixture fx;

// ---- tests --------------------------------------------------------------------------------------

static const struct row {
    const char *name, *lines[4];
    uint32_t done_pct; // at least that many requests get their answer
} rows[] = {
    {"clean", {NULL}, 100},
    {"1 % of bytes with a wrong bit", {"flip 1"}, 60},
    {"1 % of bytes lost", {"lose 1"}, 60},
    {"5 % of bytes with a wrong bit", {"flip 5"}, 5},
    {"each third answer missing", {"drop 3"}, 95},
    {"a bit wrong in each second answer", {"bits 2"}, 90},
    {"answers in two parts, 15 ms apart", {"split 2 15"}, 100},
    {"answers in two parts, 60 ms apart", {"split 3 60"}, 80},
    {"a tenth of the answers 300 ms late", {"late 10 300"}, 80},
    {"a fifth of the answers 900 ms late", {"late 20 900"}, 40},
    {"text before each third answer", {"texts 3"}, 100},
    {"text ten times a second", {"text 1 1"}, 100},
    {"the answer before, once more", {"stray 2"}, 95},
    {"all together", {"flip 0.2", "late 3 200", "text 1 2"}, 60},
};

// Ten minutes of a row.
static void play_row(const struct row *r, uint64_t seed)
{
    struct nh_battery_statistics s;
    begin(fx.mem, seed, 500);
    for (size_t k = 0; k < NH_ARRAY_LEN(r->lines) && r->lines[k]; k++)
        order(r->lines[k]);
    play(600 * SECOND);
    nh_battery_client_statistics(line.client, &s);
    uint64_t done = line.outcomes[NH_BATTERY_DONE];
    line.wrong += line.wrong_frames;
    print_message("%s: %llu of %llu requests done, %llu words, %llu wrong; CRC errors %llu, "
                  "latest answer %u ms\n",
                  r->name, (unsigned long long)done, (unsigned long long)line.posted,
                  (unsigned long long)line.words, (unsigned long long)line.wrong,
                  (unsigned long long)s.crc_errors, line.latest_us / 1000);
    if (line.wrong != 0)
        fail_msg("%s: %llu wrong values", r->name, (unsigned long long)line.wrong);
    if (line.posted != line.answered)
        fail_msg("%s: %llu posted, %llu answered", r->name, (unsigned long long)line.posted,
                 (unsigned long long)line.answered);
    if (line.latest_us > (DEADLINE_MS + 1) * 1000)
        fail_msg("%s: an answer after %u us", r->name, line.latest_us);
    if (done * 100 < line.posted * r->done_pct)
        fail_msg("%s: too few are done", r->name);
    assert_int_equal(line.outcomes[NH_BATTERY_REFUSED], 0);
    assert_true(line.posted > 2000);
}

static void test_no_wrong_value_and_an_end_in_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        for (uint64_t seed = 0; seed < SEED_COUNT; seed++)
            play_row(&rows[i], 100 * i + seed);
}

static void test_a_sleeping_board(void **state)
{
    struct nh_battery_statistics s;
    (void)state;
    begin(fx.mem, 7, 0);
    order("sleep on");
    for (int i = 0; i < 5; i++) {
        run_until(line.now + 11 * SECOND);
        assert_true(line.board.is_asleep);
        post_read(0, 56);
        run_until(line.now + SECOND);
        assert_int_equal(line.outcomes[NH_BATTERY_DONE], i + 1);
        assert_true(line.latest_us < 300000);
    }
    nh_battery_client_statistics(line.client, &s);
    assert_int_equal(s.wakeups, 5);
    assert_int_equal(s.timeouts + s.retries + s.reads_failed, 0);
    assert_int_equal(line.wrong + line.wrong_frames, 0);
}

static void test_a_board_that_falls_silent(void **state)
{
    (void)state;
    begin(fx.mem, 8, 500);
    run_until(line.now + 3 * SECOND);
    assert_true(line.is_up);
    order("silence 20");
    for (int i = 0; i < 40; i++) { // who asks meanwhile is told in time
        post_any();
        run_until(line.now + 400 * MS);
    }
    assert_false(line.is_up);
    run_until(line.now + 8 * SECOND);
    assert_true(line.is_up);
    assert_true(line.now - line.live_us <= 600 * MS);
    assert_int_equal(line.posted, line.answered);
    assert_true(line.latest_us <= (DEADLINE_MS + 1) * 1000);
    assert_int_equal(line.wrong + line.wrong_frames, 0);
}

static void test_a_restart_within_a_read(void **state)
{
    (void)state;
    begin(fx.mem, 9, 500);
    for (int i = 0; i < 50; i++) {
        run_until(line.now + 2 * SECOND);
        post_read(0, 127);
        run_until(line.now + (1 + rng_below(&line.rng, 26)) * MS);
        order("restart");
    }
    run_until(line.now + 3 * SECOND);
    assert_int_equal(line.posted, line.answered);
    assert_int_equal(line.wrong + line.wrong_frames, 0);
    assert_true(line.is_up);
    assert_int_equal(line.outcomes[NH_BATTERY_DONE], 50);
}

static void test_a_line_that_comes_and_goes(void **state)
{
    static uint8_t lost[8192];
    (void)state;
    begin(fx.mem, 10, 500);
    for (int i = 0; i < 100; i++) {
        run_until(line.now + rng_below(&line.rng, 1500) * MS);
        post_any();
        run_until(line.now + rng_below(&line.rng, 20) * MS);
        nh_battery_client_close(line.client, line.now);
        assert_int_equal(line.posted, line.answered);
        post_any();
        line.now += rng_below(&line.rng, 3000) * MS;
        nh_sim_board_output(&line.board, lost, sizeof lost, line.now); // into the air
        nh_battery_client_tick(line.client, line.now);
        assert_int_equal(line.posted, line.answered);
        nh_battery_client_open(line.client, line.now);
    }
    run_until(line.now + 2 * SECOND);
    assert_true(line.is_up);
    assert_int_equal(line.wrong + line.wrong_frames, 0);
}

static int setup(void **state)
{
    (void)state;
    mem_fixture_init(&fx, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    play_end();
    mem_fixture_deinit(&fx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_wrong_value_and_an_end_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_sleeping_board, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_board_that_falls_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_restart_within_a_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_line_that_comes_and_goes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
