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

#include "../tools/battery/board.h"
#include "components/battery/battery_client.h"
#include "support/mem_fixture.h"
#include "support/rng.h"

#define MS UINT64_C(1000)
#define SECOND (1000 * MS)
#define REGISTER_COUNT 600
#define TRUTH_COUNT 128
#define DEADLINE_MS 2000
#define SEED_COUNT 3 // each row with as many

static struct mem_fixture fx;

// What the board held when it gave one of its last answers.
struct truth {
    uint16_t words[REGISTER_COUNT];
};

static struct {
    struct nh_sim_board board;
    nh_battery_client_t *client;
    uint64_t now;
    struct truth truths[TRUTH_COUNT];
    uint64_t truth_count;
    struct rng rng;
    uint64_t posted, answered, wrong, words, outcomes[NH_BATTERY_CANCELLED + 1];
    uint32_t latest_us, next_ticket;
    bool is_up, is_writing;
    uint16_t written;
    uint64_t live_us; // of the last live image
} line;

// ---- what comes -------------------------------------------------------------------------------

static bool is_true(uint16_t address, uint16_t count, const uint16_t *words)
{
    uint64_t known = line.truth_count < TRUTH_COUNT ? line.truth_count : TRUTH_COUNT;
    for (uint64_t i = 1; i <= known; i++) {
        const struct truth *t = &line.truths[(line.truth_count - i) % TRUTH_COUNT];
        if (memcmp(t->words + address, words, count * sizeof *words) == 0)
            return true;
    }
    return false;
}

static void on_words(void *ctx, uint16_t address, uint16_t count, const uint16_t *words,
                     uint64_t asked_us, bool is_written)
{
    (void)ctx;
    (void)asked_us;
    (void)is_written;
    line.words += count;
    line.wrong += !is_true(address, count, words);
    if (address == 0 && count >= 56)
        line.live_us = line.now;
}

static void on_link(void *ctx, bool is_up)
{
    (void)ctx;
    line.is_up = is_up;
}

static void check_reply(const struct nh_battery_request *q, const struct nh_battery_reply *r)
{
    static const uint8_t version[] = {0x05, 0x00, 0x0A, 0xD2, 0x04, 0x03, 0x06};
    if (q->kind == NH_BATTERY_READ)
        line.wrong += !is_true(r->address, r->count, r->words);
    else if (q->kind == NH_BATTERY_WRITE)
        line.wrong += nh_sim_board_register(&line.board, q->addresses[0]) != q->values[0];
    else if (q->kind == NH_BATTERY_VERSION)
        for (size_t i = 0; i < sizeof version; i++)
            line.wrong += (r->words[i / 2] >> (i % 2 * 8) & 0xFF) != version[i];
    else if (q->kind == NH_BATTERY_RANGES)
        for (uint16_t i = 0; i < r->count; i++)
            line.wrong +=
                r->words[i] != nh_sim_setting_limit(300 + i, (enum nh_sim_limit)q->option);
}

static void on_answer(void *ctx, const struct nh_battery_request *q,
                      const struct nh_battery_reply *r)
{
    (void)ctx;
    line.answered++;
    line.outcomes[r->outcome]++;
    line.latest_us = r->latency_us > line.latest_us ? r->latency_us : line.latest_us;
    if (r->outcome == NH_BATTERY_DONE)
        check_reply(q, r);
    if (q->kind == NH_BATTERY_WRITE)
        line.is_writing = false;
}

// ---- the line -----------------------------------------------------------------------------------

static void tell(void *ctx, const char *text)
{
    (void)ctx;
    print_message("%s\n", text);
}

static void order(const char *text)
{
    assert_true(nh_sim_board_line(&line.board, text, tell, NULL));
}

static void begin(uint64_t seed, uint32_t poll_ms)
{
    nh_battery_client_destroy(line.client);
    memset(&line, 0, sizeof line);
    line.now = 5 * SECOND;
    line.rng.state = seed;
    const struct nh_sim_board_config board = {
        .pack = {.soc_pct = 50, .ambient_c = 22, .external_sensors = 2, .seed = seed},
        .faults = {.nack_address = -1},
        .baud = 115200,
        .turnaround_us = 2000,
        .text_format = 1};
    nh_sim_board_init(&line.board, &board, line.now);
    const struct nh_battery_client_config client = {.mem = fx.mem,
                                                    .poll_ms = poll_ms,
                                                    .slow_ms = poll_ms * 20,
                                                    .deadline_ms = DEADLINE_MS,
                                                    .answered = on_answer,
                                                    .words = on_words,
                                                    .link = on_link};
    assert_int_equal(nh_battery_client_create(&client, &line.client), NH_OK);
    nh_battery_client_open(line.client, line.now);
}

static void remember_truth(void)
{
    struct truth *t = &line.truths[line.truth_count++ % TRUTH_COUNT];
    for (uint16_t i = 0; i < REGISTER_COUNT; i++)
        t->words[i] = nh_sim_board_register(&line.board, i);
}

// Byte by byte to the board, so that each of its answers is seen with what it holds then.
static void carry(void)
{
    const uint8_t *out;
    uint8_t in[512];
    size_t len = nh_battery_client_output(line.client, &out, line.now);
    for (size_t i = 0; i < len; i++) {
        uint64_t answers = line.board.counters.answers;
        nh_sim_board_input(&line.board, out + i, 1, line.now);
        if (line.board.counters.answers != answers)
            remember_truth();
    }
    if (len > 0)
        nh_battery_client_sent(line.client, line.now);
    len = nh_sim_board_output(&line.board, in, sizeof in, line.now);
    if (len > 0)
        nh_battery_client_input(line.client, in, len, line.now);
}

static void run_until(uint64_t end)
{
    for (uint64_t turns = 0;; turns++) {
        nh_battery_client_tick(line.client, line.now);
        carry();
        uint64_t next = nh_battery_client_next_us(line.client);
        uint64_t board = nh_sim_board_next_deadline(&line.board);
        next = next < board ? next : board;
        next = next > line.now ? next : line.now + 1;
        if (line.now >= end)
            return;
        line.now = next < end ? next : end;
        assert_true(turns < 100000000);
    }
}

// ---- requests -----------------------------------------------------------------------------------

static void post(const struct nh_battery_request *r)
{
    assert_int_equal(nh_battery_request_check(r), NH_OK);
    if (nh_battery_client_post(line.client, r, ++line.next_ticket, line.now) == NH_OK)
        line.posted++;
}

static void post_read(uint16_t address, uint16_t count)
{
    post(&(struct nh_battery_request){.kind = NH_BATTERY_READ,
                                      .priority = NH_BATTERY_PRIO_USER,
                                      .address = address,
                                      .count = count});
}

static void post_any(void)
{
    static const uint16_t firsts[] = {0, 16, 40, 100, 300, 320, 500};
    uint32_t dice = rng_below(&line.rng, 20);
    if (dice == 0) {
        post(&(struct nh_battery_request){.kind = NH_BATTERY_VERSION});
    } else if (dice == 1) {
        post(&(struct nh_battery_request){.kind = NH_BATTERY_RANGES, .option = 2, .count = 44});
    } else if (dice < 4 && !line.is_writing) {
        line.is_writing = true;
        line.written = (uint16_t)(3400 + rng_below(&line.rng, 90));
        post(&(struct nh_battery_request){
            .kind = NH_BATTERY_WRITE, .count = 1, .addresses = {303}, .values = {line.written}});
    } else {
        post_read(firsts[rng_below(&line.rng, NH_ARRAY_LEN(firsts))],
                  (uint16_t)(1 + rng_below(&line.rng, 16)));
    }
}

// Posts at random moments for so long, then waits until all is answered.
static void play(uint64_t us)
{
    uint64_t end = line.now + us;
    while (line.now < end) {
        uint64_t next = line.now + (50 + rng_below(&line.rng, 300)) * MS;
        run_until(next < end ? next : end);
        post_any();
    }
    run_until(line.now + (DEADLINE_MS + 100) * MS);
}

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
    begin(seed, 500);
    for (size_t k = 0; k < NH_ARRAY_LEN(r->lines) && r->lines[k]; k++)
        order(r->lines[k]);
    play(600 * SECOND);
    nh_battery_client_statistics(line.client, &s);
    uint64_t done = line.outcomes[NH_BATTERY_DONE];
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
    begin(7, 0);
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
    assert_int_equal(line.wrong, 0);
}

static void test_a_board_that_falls_silent(void **state)
{
    (void)state;
    begin(8, 500);
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
    assert_int_equal(line.wrong, 0);
}

static void test_a_restart_within_a_read(void **state)
{
    (void)state;
    begin(9, 500);
    for (int i = 0; i < 50; i++) {
        run_until(line.now + 2 * SECOND);
        post_read(0, 127);
        run_until(line.now + (1 + rng_below(&line.rng, 26)) * MS);
        order("restart");
    }
    run_until(line.now + 3 * SECOND);
    assert_int_equal(line.posted, line.answered);
    assert_int_equal(line.wrong, 0);
    assert_true(line.is_up);
    assert_int_equal(line.outcomes[NH_BATTERY_DONE], 50);
}

static void test_a_line_that_comes_and_goes(void **state)
{
    static uint8_t lost[8192];
    (void)state;
    begin(10, 500);
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
    assert_int_equal(line.wrong, 0);
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
    nh_battery_client_destroy(line.client);
    line.client = NULL;
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
