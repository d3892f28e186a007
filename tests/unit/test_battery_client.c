// The engine of requests with a board in memory, in made-up time.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "components/battery/battery_client.h"
#include "support/line_board.h"
#include "support/mem_fixture.h"

#define MS UINT64_C(1000)
#define S UINT64_C(1000000)

static struct mem_fixture fx;
static struct line_board board;
static nh_battery_client_t *client;
static uint64_t now_us;
static uint32_t ticket;
static unsigned link_ups, link_downs, words_count, forget_count;
static bool is_word_wrong;

#define ANSWER_MAX 64
static struct nh_battery_reply answers[ANSWER_MAX];
static uint64_t answered_us[ANSWER_MAX];
static size_t answer_count;

static void on_answered(void *ctx, const struct nh_battery_request *q,
                        const struct nh_battery_reply *r)
{
    (void)ctx;
    if (answer_count < ANSWER_MAX) {
        answers[answer_count] = *r;
        answered_us[answer_count] = now_us;
    }
    answer_count++;
    if (q->done)
        q->done(q->ctx, r);
}

static void on_words(void *ctx, uint16_t address, uint16_t count, const uint16_t *words,
                     uint64_t asked_us, bool is_written)
{
    (void)ctx;
    (void)asked_us;
    (void)is_written;
    words_count++;
    for (uint16_t i = 0; i < count; i++)
        is_word_wrong |= words[i] != board.regs[address + i];
}

static void on_forget(void *ctx, uint16_t address, uint16_t count)
{
    (void)ctx;
    (void)address;
    forget_count += count;
}

static void on_link(void *ctx, bool is_up)
{
    (void)ctx;
    link_ups += is_up;
    link_downs += !is_up;
}

static struct nh_battery_client_config config(void)
{
    return (struct nh_battery_client_config){.mem = fx.mem,
                                             .answered = on_answered,
                                             .words = on_words,
                                             .forget = on_forget,
                                             .link = on_link};
}

static int setup(void **state)
{
    (void)state;
    mem_fixture_init(&fx, NULL);
    line_board_init(&board);
    now_us = 5 * S;
    ticket = 0;
    answer_count = link_ups = link_downs = words_count = forget_count = 0;
    is_word_wrong = false;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    nh_battery_client_destroy(client);
    client = NULL;
    mem_fixture_deinit(&fx);
    return 0;
}

static void begin_with(const struct nh_battery_client_config *cfg)
{
    assert_int_equal(nh_battery_client_create(cfg, &client), 0);
    nh_battery_client_open(client, now_us);
}

static void begin(void)
{
    const struct nh_battery_client_config cfg = config();
    begin_with(&cfg);
}

// ---- the line in time

static void send_out(void)
{
    const uint8_t *bytes;
    size_t n = nh_battery_client_output(client, &bytes, now_us);
    if (!n)
        return;
    uint8_t copy[NH_TINYBMS_FRAME_MAX_BYTES];
    memcpy(copy, bytes, n);
    nh_battery_client_sent(client, now_us);
    line_board_feed(&board, copy, n, now_us + n * LINE_BOARD_BYTE_US);
}

static void bring_in(void)
{
    uint8_t bytes[NH_TINYBMS_FRAME_MAX_BYTES];
    size_t n;
    while ((n = line_board_take(&board, now_us, bytes)) > 0)
        nh_battery_client_input(client, bytes, n, now_us);
}

static void run_to(uint64_t end_us)
{
    for (unsigned turns = 0; now_us < end_us; turns++) {
        assert_true(turns < 4000000);
        nh_battery_client_tick(client, now_us);
        send_out();
        uint64_t next = nh_battery_client_next_us(client), due = line_board_next_us(&board);
        next = due < next ? due : next;
        next = end_us < next ? end_us : next;
        now_us = next > now_us ? next : now_us + 1;
        bring_in();
    }
    nh_battery_client_tick(client, now_us);
}

static void run(uint64_t us)
{
    run_to(now_us + us);
}

static uint32_t post(const struct nh_battery_request *r)
{
    assert_int_equal(nh_battery_request_check(r), 0);
    assert_int_equal(nh_battery_client_post(client, r, ++ticket, now_us), 0);
    return ticket;
}

static uint32_t post_read(uint16_t address, uint16_t count)
{
    return post(&(struct nh_battery_request){.kind = NH_BATTERY_READ,
                                             .priority = NH_BATTERY_PRIO_USER,
                                             .address = address,
                                             .count = count});
}

static uint32_t post_write(uint16_t address, uint16_t value)
{
    return post(&(struct nh_battery_request){.kind = NH_BATTERY_WRITE,
                                             .priority = NH_BATTERY_PRIO_WRITE,
                                             .count = 1,
                                             .addresses = {address},
                                             .values = {value}});
}

static const struct nh_battery_reply *answer_of(uint32_t t)
{
    const struct nh_battery_reply *found = NULL;
    for (size_t i = 0; i < answer_count && i < ANSWER_MAX; i++)
        if (answers[i].ticket == t) {
            assert_null(found); // once
            found = &answers[i];
        }
    return found;
}

static void assert_outcome(uint32_t t, enum nh_battery_outcome outcome)
{
    const struct nh_battery_reply *r = answer_of(t);
    assert_non_null(r);
    assert_int_equal(r->outcome, outcome);
}

static void assert_words(uint32_t t, uint16_t address, uint16_t count)
{
    const struct nh_battery_reply *r = answer_of(t);
    assert_non_null(r);
    assert_int_equal(r->outcome, NH_BATTERY_DONE);
    assert_int_equal(r->address, address);
    assert_int_equal(r->count, count);
    for (uint16_t i = 0; i < count; i++)
        assert_int_equal(r->words[i], board.regs[address + i]);
}

static struct nh_battery_statistics stats(void)
{
    struct nh_battery_statistics s;
    nh_battery_client_statistics(client, &s);
    return s;
}

// The board has answered once, so it does not sleep.
static void warm_up(void)
{
    post_read(0, 1);
    run(500 * MS);
    assert_int_equal(answer_count, 1);
    answer_count = 0;
}

// ---- requests

static void test_read(void **state)
{
    (void)state;
    begin();
    warm_up();
    uint32_t t = post_read(5, 5);
    run(50 * MS);
    assert_words(t, 5, 5);
    assert_true(answer_of(t)->latency_us < 6000);
    assert_int_equal(link_ups, 1);
    assert_int_equal(stats().reads_ok, 2);
}

static void test_check(void **state)
{
    static const struct {
        struct nh_battery_request r;
        int err;
    } rows[] = {
        {{.kind = NH_BATTERY_READ, .count = 0}, NH_ERR_RANGE},
        {{.kind = NH_BATTERY_READ, .count = 1}, 0},
        {{.kind = NH_BATTERY_READ, .count = 127}, 0},
        {{.kind = NH_BATTERY_READ, .count = 128}, NH_ERR_RANGE},
        {{.kind = NH_BATTERY_READ, .address = 599, .count = 1}, 0},
        {{.kind = NH_BATTERY_READ, .address = 599, .count = 2}, NH_ERR_RANGE},
        {{.kind = NH_BATTERY_READ, .count = 1, .priority = NH_BATTERY_PRIO_COUNT}, NH_ERR_RANGE},
        {{.kind = NH_BATTERY_WRITE, .count = 1, .addresses = {299}}, NH_ERR_RANGE},
        {{.kind = NH_BATTERY_WRITE, .count = 1, .addresses = {300}}, 0},
        {{.kind = NH_BATTERY_WRITE, .count = 1, .addresses = {400}}, NH_ERR_RANGE},
        {{.kind = NH_BATTERY_WRITE, .count = 32, .addresses = {300}}, NH_ERR_RANGE},
        {{.kind = NH_BATTERY_RANGES, .count = 44, .option = 1}, 0},
        {{.kind = NH_BATTERY_RANGES, .count = 44, .option = 5}, NH_ERR_RANGE},
        {{.kind = NH_BATTERY_RANGES, .count = 101, .option = 1}, NH_ERR_RANGE},
        {{.kind = NH_BATTERY_RAW, .option = 0x14}, 0},
        {{.kind = NH_BATTERY_RAW, .option = 0x42}, NH_ERR_RANGE},
        {{.kind = NH_BATTERY_RAW, .option = 0x09, .count = 40}, NH_ERR_RANGE},
        {{.kind = 99}, NH_ERR_RANGE},
        {{.kind = NH_BATTERY_EVENTS}, 0},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++)
        if (nh_battery_request_check(&rows[i].r) != rows[i].err)
            fail_msg("row %zu", i);
}

static void test_other_commands(void **state)
{
    (void)state;
    begin();
    warm_up();
    uint32_t version = post(&(struct nh_battery_request){.kind = NH_BATTERY_VERSION});
    uint32_t ranges =
        post(&(struct nh_battery_request){.kind = NH_BATTERY_RANGES, .option = 2, .count = 44});
    uint32_t events = post(&(struct nh_battery_request){.kind = NH_BATTERY_EVENTS});
    uint32_t raw = post(&(struct nh_battery_request){
        .kind = NH_BATTERY_RAW, .option = 0x03, .address = 36, .count = 2});
    uint32_t clear = post(&(struct nh_battery_request){.kind = NH_BATTERY_CLEAR_EVENTS});
    run(200 * MS);
    assert_outcome(version, NH_BATTERY_DONE);
    assert_int_equal(answer_of(version)->bytes, 7);
    assert_int_equal(answer_of(version)->words[0], 0x0005);
    assert_int_equal(answer_of(version)->words[3], 0x0006);
    assert_outcome(ranges, NH_BATTERY_DONE);
    assert_int_equal(answer_of(ranges)->count, 44);
    assert_int_equal(answer_of(ranges)->words[43], board.regs[343]);
    assert_words(events, 200, 98);
    assert_int_equal(answer_of(raw)->bytes, 4);
    assert_outcome(clear, NH_BATTERY_DONE);
    assert_int_equal(board.last_option, 1);
}

static void test_restart_is_followed_by_silence(void **state)
{
    (void)state;
    begin();
    warm_up();
    uint32_t t = post(&(struct nh_battery_request){.kind = NH_BATTERY_RESTART});
    run(20 * MS);
    assert_outcome(t, NH_BATTERY_DONE);
    assert_int_equal(board.last_option, 5);
    uint32_t reads = board.read_count;
    uint32_t next = post_read(0, 3);
    run(500 * MS);
    assert_int_equal(board.read_count, reads); // it would not hear it
    run(300 * MS);
    assert_words(next, 0, 3);
}

static void test_priorities(void **state)
{
    (void)state;
    begin();
    warm_up();
    uint32_t t[3];
    const uint8_t p[] = {NH_BATTERY_PRIO_SETTINGS, NH_BATTERY_PRIO_EVENTS, NH_BATTERY_PRIO_USER};
    for (size_t i = 0; i < 3; i++)
        t[i] = post(&(struct nh_battery_request){
            .kind = NH_BATTERY_READ, .priority = p[i], .address = (uint16_t)(100 * i), .count = 1});
    run(100 * MS);
    assert_int_equal(answer_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(answers[i].ticket, t[2 - i]);
}

static void note_outcome(void *ctx, const struct nh_battery_reply *r)
{
    *(uint8_t *)ctx = r->outcome;
}

// Always a user's read waits; what is less urgent has its turn after half a second all the same.
static void test_unbroken_reads_starve_nobody(void **state)
{
    uint8_t log = UINT8_MAX, ranges = UINT8_MAX;
    (void)state;
    begin();
    warm_up();
    post(&(struct nh_battery_request){.kind = NH_BATTERY_EVENTS,
                                      .priority = NH_BATTERY_PRIO_EVENTS,
                                      .done = note_outcome,
                                      .ctx = &log});
    post(&(struct nh_battery_request){.kind = NH_BATTERY_RANGES,
                                      .priority = NH_BATTERY_PRIO_SETTINGS,
                                      .option = NH_TINYBMS_MINIMUM,
                                      .count = 44,
                                      .done = note_outcome,
                                      .ctx = &ranges});
    uint64_t end_us = now_us + 1 * S;
    for (uint16_t at = 0; now_us < end_us; run(1 * MS))
        while (stats().queue_depth < 8) {
            post_read(at, 1);
            at = (uint16_t)((at + 20) % 600); // too far for one block
        }
    assert_int_equal(log, NH_BATTERY_DONE);
    assert_int_equal(ranges, NH_BATTERY_DONE);
}

// ---- sharing

static void test_equal_reads_are_one_exchange(void **state)
{
    (void)state;
    begin();
    warm_up();
    uint32_t reads = board.read_count, first = ticket + 1;
    for (int i = 0; i < 10; i++)
        post_read(36, 4);
    run(50 * MS);
    assert_int_equal(board.read_count, reads + 1);
    for (uint32_t t = first; t < first + 10; t++)
        assert_words(t, 36, 4);
    assert_int_equal(stats().coalesced, 9);
}

static void test_neighbours_are_one_block(void **state)
{
    (void)state;
    begin();
    warm_up();
    uint32_t reads = board.read_count;
    uint32_t a = post_read(36, 2), b = post_read(38, 2), c = post_read(45, 3),
             d = post_read(300, 2);
    run(100 * MS);
    assert_int_equal(board.read_count, reads + 3); // 45 is too far from 40, 300 elsewhere
    assert_words(a, 36, 2);
    assert_words(b, 38, 2);
    assert_words(c, 45, 3);
    assert_words(d, 300, 2);
    assert_int_equal(stats().batched, 1);
}

static void test_refused_block_is_asked_apart(void **state)
{
    (void)state;
    begin();
    warm_up();
    board.nack_address = 12;
    uint32_t a = post_read(10, 2), b = post_read(12, 2), c = post_read(14, 2);
    run(100 * MS);
    assert_words(a, 10, 2);
    assert_outcome(b, NH_BATTERY_REFUSED);
    assert_words(c, 14, 2);
}

// ---- faults

// What was lost before is still owed an answer, which a refusal could be; in the end it is heard.
static void test_refusal_behind_a_time_out(void **state)
{
    (void)state;
    begin();
    warm_up();
    for (uint32_t lost = 1; lost < 3; lost++) {
        board.lose_requests = lost;
        board.nack_address = 311;
        board.nack_code = 7;
        uint32_t a = post_read(100, 2), b = post_read(300, 44), c = post_read(311, 1);
        run(1900 * MS);
        assert_words(a, 100, 2);
        assert_outcome(b, NH_BATTERY_REFUSED);
        assert_outcome(c, NH_BATTERY_REFUSED);
        assert_int_equal(answer_of(b)->code, 7);
        run(2 * S);
        answer_count = 0;
    }
}

static void test_sleeping_board_is_woken(void **state)
{
    (void)state;
    begin();
    warm_up();
    run(12 * S);
    struct nh_battery_statistics before = stats();
    board.is_asleep = true;
    uint32_t t = post_read(0, 4);
    run(299 * MS);
    assert_words(t, 0, 4);
    assert_int_equal(stats().wakeups, before.wakeups + 1);
    assert_int_equal(stats().timeouts, before.timeouts);
    assert_int_equal(stats().retries, before.retries);
}

static void test_time_out_does_not_hold_up_others(void **state)
{
    (void)state;
    begin();
    warm_up();
    board.lose_requests = 1;
    uint32_t a = post_read(0, 2), b = post_read(300, 2);
    run(200 * MS);
    assert_words(a, 0, 2);
    assert_words(b, 300, 2);
    assert_int_equal(answers[0].ticket, b); // once the line is free, before the repeat
    assert_true(answers[0].latency_us < 160000);
    assert_int_equal(stats().timeouts, 1);
    assert_int_equal(stats().retries, 1);
}

static void test_deadline_holds_while_another_waits(void **state)
{
    (void)state;
    begin();
    warm_up();
    board.is_mute = true;
    uint32_t a = post_read(0, 2);
    run(1 * MS);
    uint32_t b = post(&(struct nh_battery_request){.kind = NH_BATTERY_READ,
                                                   .priority = NH_BATTERY_PRIO_USER,
                                                   .address = 300,
                                                   .count = 1,
                                                   .deadline_ms = 50});
    run(60 * MS);
    assert_null(answer_of(a));
    assert_outcome(b, NH_BATTERY_EXPIRED);
    assert_in_range(answer_of(b)->latency_us, 50000, 50100);
    run(1 * S);
    assert_outcome(a, NH_BATTERY_LOST);
    assert_int_equal(stats().timeouts, 3);
}

static void test_late_answer_is_nobodys(void **state)
{
    (void)state;
    begin();
    warm_up();
    board.late_answers = 1;
    board.late_us = 60 * MS;
    uint32_t a = post(&(struct nh_battery_request){
        .kind = NH_BATTERY_READ, .priority = NH_BATTERY_PRIO_USER, .count = 2, .deadline_ms = 30});
    run(31 * MS);
    assert_outcome(a, NH_BATTERY_EXPIRED);
    uint32_t b = post_read(300, 2);
    run(300 * MS);
    assert_int_equal(answer_count, 2);
    assert_words(b, 300, 2);
    assert_int_equal(stats().late, 1);
    assert_false(is_word_wrong);
}

// The answer to what was given up has the shape of the one awaited now.
static void test_answer_of_before_is_not_taken(void **state)
{
    (void)state;
    for (uint32_t late_ms = 140; late_ms < 900; late_ms += 7) {
        begin();
        warm_up();
        board.late_answers = 1;
        board.late_us = (uint32_t)(late_ms * MS);
        uint32_t a = post_read(0, 2);
        uint32_t others[6];
        for (uint16_t i = 0; i < 6; i++) {
            run(140 * MS);
            others[i] = post_read((uint16_t)(300 + 10 * i), 2);
        }
        run(2 * S);
        assert_words(a, 0, 2);
        for (uint16_t i = 0; i < 6; i++)
            assert_words(others[i], (uint16_t)(300 + 10 * i), 2);
        assert_false(is_word_wrong);
        nh_battery_client_destroy(client);
        client = NULL;
        answer_count = 0;
    }
}

static void test_answer_said_twice_is_not_taken(void **state)
{
    (void)state;
    begin();
    warm_up();
    board.is_echoing = true;
    for (uint16_t i = 0; i < 40; i++) {
        uint32_t t = post_read((uint16_t)(10 * i), 2);
        run(i % 3 ? 20 * MS : 900 * MS);
        assert_words(t, (uint16_t)(10 * i), 2);
        answer_count = 0;
    }
    assert_false(is_word_wrong);
}

static void test_damaged_answer_is_repeated_soon(void **state)
{
    (void)state;
    begin();
    warm_up();
    board.damage_answers = 1;
    uint32_t t = post_read(0, 8);
    run(60 * MS); // not after the time of a silent board
    assert_words(t, 0, 8);
    assert_true(stats().crc_errors >= 1);
    assert_int_equal(stats().timeouts, 0);
}

// Bytes without end that begin frames and never end one do not hold the line for good.
static void test_a_babbling_line_times_out(void **state)
{
    static const uint8_t start[] = {0xAA, 0x03, 0x10, 0x55};
    (void)state;
    begin();
    warm_up();
    board.is_mute = true;
    uint32_t t = post_read(0, 8);
    for (uint64_t end_us = now_us + 1900 * MS; now_us < end_us; run(5 * MS))
        nh_battery_client_input(client, start, sizeof start, now_us);
    assert_outcome(t, NH_BATTERY_LOST); // each try had its time; the deadline is later
    board.is_mute = false;
    t = post_read(0, 8);
    run(1500 * MS);
    assert_words(t, 0, 8);
}

static void test_disconnect_and_probe(void **state)
{
    struct nh_battery_client_config cfg = config();
    (void)state;
    cfg.poll_ms = 500;
    cfg.slow_ms = 60000;
    begin_with(&cfg);
    run(2 * S);
    assert_int_equal(link_ups, 1);
    assert_true(words_count >= 4 + 3); // live ones, and each of the others
    board.is_mute = true;
    run(3600 * MS);
    assert_int_equal(link_downs, 1);
    run(20 * S);
    assert_int_equal(link_downs, 1);
    board.is_mute = false;
    board.is_asleep = true;
    run(1500 * MS);
    assert_int_equal(link_ups, 2);
    assert_int_equal(answer_count, 0); // polls are nobody's
    assert_false(is_word_wrong);
}

static void test_poll_is_never_queued_twice(void **state)
{
    struct nh_battery_client_config cfg = config();
    (void)state;
    cfg.poll_ms = 100;
    begin_with(&cfg);
    board.turn_us = 120000; // slower than the cadence
    run(10 * S);
    assert_in_range(board.read_count, 45, 80);
    assert_int_equal(stats().timeouts, 0);
}

static void test_close_cancels(void **state)
{
    (void)state;
    begin();
    warm_up();
    board.is_mute = true;
    uint32_t a = post_read(0, 1), b = post_write(300, 5);
    run(10 * MS);
    nh_battery_client_close(client, now_us);
    assert_outcome(a, NH_BATTERY_CANCELLED);
    assert_outcome(b, NH_BATTERY_CANCELLED);
    assert_int_equal(link_downs, 1);
    uint32_t c = post_read(0, 1);
    assert_null(answer_of(c)); // never from inside of the post
    nh_battery_client_tick(client, now_us);
    assert_outcome(c, NH_BATTERY_CANCELLED);
    board.is_mute = false;
    nh_battery_client_open(client, now_us);
    uint32_t d = post_read(0, 1);
    run(500 * MS);
    assert_words(d, 0, 1);
}

static void test_full_queue_is_refused(void **state)
{
    struct nh_battery_client_config cfg = config();
    (void)state;
    cfg.queue_max = 2;
    begin_with(&cfg);
    post_read(0, 1);
    post_read(0, 1);
    const struct nh_battery_request r = {.kind = NH_BATTERY_READ, .count = 1};
    assert_int_equal(nh_battery_client_post(client, &r, 9, now_us), NH_ERR_FULL);
    assert_int_equal(stats().rejected, 1);
    run(1 * S);
    assert_int_equal(answer_count, 2);
    assert_int_equal(stats().queue_depth, 0);
    assert_int_equal(stats().queue_depth_max, 2);
}

// ---- writes

static void test_write_outcomes(void **state)
{
    enum { PLAIN, REFUSED, IGNORED, ACK_LOST, LOST_ONCE, ALL_LOST, MUTE };
    static const struct {
        const char *name;
        int what;
        enum nh_battery_outcome outcome;
        uint32_t writes;
    } rows[] = {
        {"done", PLAIN, NH_BATTERY_DONE, 1},
        {"refused", REFUSED, NH_BATTERY_REFUSED, 1},
        {"acknowledged and not taken", IGNORED, NH_BATTERY_NOT_TAKEN, 1},
        {"done, its acknowledgement lost", ACK_LOST, NH_BATTERY_DONE, 1},
        {"lost once", LOST_ONCE, NH_BATTERY_DONE, 1},
        {"lost each time", ALL_LOST, NH_BATTERY_LOST, 3},
        {"nothing answers", MUTE, NH_BATTERY_LOST, 0},
    };
    (void)state;
    for (size_t i = 0; i < NH_ARRAY_LEN(rows); i++) {
        line_board_init(&board);
        begin();
        warm_up();
        board.nack_address = rows[i].what == REFUSED ? 315 : 0;
        board.ignores_writes = rows[i].what == IGNORED || rows[i].what == ALL_LOST;
        board.lose_acks = rows[i].what == ACK_LOST ? 1 : rows[i].what == ALL_LOST ? 9 : 0;
        board.lose_requests = rows[i].what == LOST_ONCE;
        board.is_mute = rows[i].what == MUTE;
        uint32_t t = post_write(315, 4200);
        run(3 * S);
        if (!answer_of(t) || answer_of(t)->outcome != rows[i].outcome ||
            board.write_count != rows[i].writes)
            fail_msg("%s: %d, %u writes", rows[i].name, answer_of(t) ? answer_of(t)->outcome : -1,
                     (unsigned)board.write_count);
        if (rows[i].what == IGNORED)
            assert_int_equal(answer_of(t)->words[0], line_board_pattern(315));
        nh_battery_client_destroy(client);
        client = NULL;
        answer_count = 0;
    }
}

static void test_write_takes_a_cycle_and_is_read_back(void **state)
{
    (void)state;
    begin();
    warm_up();
    uint32_t t = post_write(300, 3650);
    run(99 * MS);
    assert_null(answer_of(t));
    run(200 * MS);
    assert_outcome(t, NH_BATTERY_DONE);
    assert_true(answer_of(t)->latency_us < 300000);
    assert_int_equal(forget_count, 1);
    assert_int_equal(stats().writes_ok, 1);
}

// While a write settles the line is free for reads, and other writes wait for its end.
static void test_writes_go_one_by_one(void **state)
{
    (void)state;
    begin();
    warm_up();
    uint32_t a = post_write(300, 1), b = post_write(300, 2), c = post_read(0, 2);
    run(60 * MS);
    assert_words(c, 0, 2);
    assert_int_equal(board.write_count, 1);
    run(1 * S);
    assert_outcome(a, NH_BATTERY_DONE);
    assert_outcome(b, NH_BATTERY_DONE);
    assert_int_equal(board.regs[300], 2);
}

static void test_thresholds_go_in_one_frame(void **state)
{
    (void)state;
    begin();
    warm_up();
    uint32_t t = post(&(struct nh_battery_request){.kind = NH_BATTERY_WRITE,
                                                   .priority = NH_BATTERY_PRIO_WRITE,
                                                   .count = 4,
                                                   .addresses = {316, 301, 300, 315},
                                                   .values = {2500, 3000, 3600, 3700}});
    run(1 * S);
    assert_outcome(t, NH_BATTERY_DONE);
    assert_int_equal(board.write_count, 1);
    assert_int_equal(answer_of(t)->words[3], 3700);
}

static void test_long_writes(void **state)
{
    struct nh_battery_request r = {
        .kind = NH_BATTERY_WRITE, .priority = NH_BATTERY_PRIO_WRITE, .count = 31};
    (void)state;
    begin();
    warm_up();
    for (uint16_t i = 0; i < 31; i++) {
        r.addresses[i] = (uint16_t)(300 + i);
        r.values[i] = (uint16_t)(7 * i);
    }
    uint32_t run_of_31 = post(&r);
    run(1 * S);
    assert_outcome(run_of_31, NH_BATTERY_DONE);
    assert_int_equal(board.write_count, 1);
    for (uint16_t i = 0; i < 31; i++)
        r.addresses[i] = (uint16_t)(390 - 2 * i);
    uint32_t list_of_31 = post(&r);
    run(1 * S);
    assert_outcome(list_of_31, NH_BATTERY_DONE);
    assert_int_equal(board.write_count, 1 + 3); // 15, 15, 1
    for (uint16_t i = 0; i < 31; i++)
        assert_int_equal(board.regs[390 - 2 * i], 7 * i);
}

static void test_soh_reads_ffff_after_success(void **state)
{
    (void)state;
    begin();
    warm_up();
    uint32_t t = post_write(323, 40000);
    run(50 * MS);
    board.regs[323] = 0xFFFF; // the board has taken it over
    run(1 * S);
    assert_outcome(t, NH_BATTERY_DONE);
    assert_int_equal(answer_of(t)->words[0], 0xFFFF);
}

// ---- load

#define READER_COUNT 50
struct reader {
    bool is_waiting;
    uint16_t address, count;
    uint32_t deadline_ms;
    uint64_t posted_us;
    uint32_t posted, answered;
};
static struct reader readers[READER_COUNT];
static uint64_t worst_over_us;
static bool allows_faults;

static void on_reader(void *ctx, const struct nh_battery_reply *r)
{
    struct reader *me = ctx;
    assert_true(me->is_waiting);
    me->is_waiting = false;
    me->answered++;
    uint64_t over_us = now_us - me->posted_us;
    over_us = over_us > me->deadline_ms * MS ? over_us - me->deadline_ms * MS : 0;
    worst_over_us = over_us > worst_over_us ? over_us : worst_over_us;
    if (r->outcome == NH_BATTERY_DONE) {
        assert_int_equal(r->address, me->address);
        assert_int_equal(r->count, me->count);
        for (uint16_t i = 0; i < r->count; i++)
            assert_int_equal(r->words[i], board.regs[me->address + i]);
    } else {
        assert_true(allows_faults || r->outcome == NH_BATTERY_EXPIRED);
    }
}

static void reader_turn(struct reader *me, struct rng *rng)
{
    if (me->is_waiting || rng_below(rng, 20))
        return;
    me->address = (uint16_t)rng_below(rng, 500);
    me->count = (uint16_t)(1 + rng_below(rng, 60));
    me->deadline_ms = 20 + rng_below(rng, 500);
    me->posted_us = now_us;
    const struct nh_battery_request r = {.kind = NH_BATTERY_READ,
                                         .priority = NH_BATTERY_PRIO_USER,
                                         .address = me->address,
                                         .count = me->count,
                                         .deadline_ms = me->deadline_ms,
                                         .done = on_reader,
                                         .ctx = me};
    int err = nh_battery_client_post(client, &r, ++ticket, now_us);
    assert_true(err == 0 || err == NH_ERR_FULL);
    me->is_waiting = err == 0;
    me->posted += err == 0;
}

static uint32_t writes_answered, writes_bad;
static void on_write(void *ctx, const struct nh_battery_reply *r)
{
    (void)ctx;
    writes_answered++;
    writes_bad += r->outcome != NH_BATTERY_DONE;
}

static uint32_t play_load(uint64_t end_us, uint64_t seed)
{
    struct rng rng = {seed};
    uint32_t writes = 0;
    memset(readers, 0, sizeof readers);
    worst_over_us = writes_answered = writes_bad = 0;
    for (uint64_t n = 0; now_us < end_us; n++) {
        for (size_t i = 0; i < READER_COUNT; i++)
            reader_turn(&readers[i], &rng);
        // Values stay as they are, so that readers can be checked.
        const struct nh_battery_request r = {.kind = NH_BATTERY_WRITE,
                                             .priority = NH_BATTERY_PRIO_WRITE,
                                             .count = 1,
                                             .addresses = {(uint16_t)(300 + n % 20)},
                                             .values = {board.regs[300 + n % 20]},
                                             .done = on_write};
        if (n % 100 == 50)
            writes += nh_battery_client_post(client, &r, ++ticket, now_us) == 0;
        run(10 * MS);
    }
    run(3 * S);
    return writes;
}

static void test_fifty_readers(void **state)
{
    struct nh_battery_client_config cfg = config();
    (void)state;
    cfg.poll_ms = 100;
    cfg.slow_ms = 5000;
    begin_with(&cfg);
    allows_faults = false;
    uint32_t writes = play_load(now_us + 60 * S, 7);
    for (size_t i = 0; i < READER_COUNT; i++) {
        assert_false(readers[i].is_waiting);
        assert_int_equal(readers[i].posted, readers[i].answered);
        assert_true(readers[i].answered > 0);
    }
    assert_int_equal(writes_answered, writes);
    assert_int_equal(writes_bad, 0);
    assert_true(worst_over_us <= 1);
    assert_true(stats().queue_depth_max <= 16);
    assert_int_equal(stats().queue_depth, 0);
    assert_int_equal(stats().timeouts, 0);
    assert_true(words_count > 500);
}

// One byte in a hundred is damaged or lost, both ways, for ten minutes.
static void test_noise_brings_no_wrong_value(void **state)
{
    struct nh_battery_client_config cfg = config();
    (void)state;
    cfg.poll_ms = 500;
    cfg.slow_ms = 60000;
    begin_with(&cfg);
    board.noise_per_10000 = 100;
    allows_faults = true;
    uint32_t writes = play_load(now_us + 600 * S, 11);
    for (size_t i = 0; i < READER_COUNT; i++) {
        assert_false(readers[i].is_waiting);
        assert_int_equal(readers[i].posted, readers[i].answered);
    }
    assert_int_equal(writes_answered, writes);
    assert_true(worst_over_us <= 1);
    assert_false(is_word_wrong);
    assert_true(stats().crc_errors > 100);
}

static void test_every_allocation_may_fail(void **state)
{
    const struct nh_battery_client_config cfg = config();
    (void)state;
    for (uint64_t n = 1; n < 8; n++) {
        mem_fixture_fail_nth(&fx, n);
        int err = nh_battery_client_create(&cfg, &client);
        nh_mem_fault_set(fx.sys, NULL);
        if (err == 0)
            return;
        assert_int_equal(err, NH_ERR_NOMEM);
        assert_null(client);
    }
    fail_msg("it never worked");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_read),
        T(test_check),
        T(test_other_commands),
        T(test_restart_is_followed_by_silence),
        T(test_priorities),
        T(test_unbroken_reads_starve_nobody),
        T(test_equal_reads_are_one_exchange),
        T(test_neighbours_are_one_block),
        T(test_refused_block_is_asked_apart),
        T(test_refusal_behind_a_time_out),
        T(test_sleeping_board_is_woken),
        T(test_time_out_does_not_hold_up_others),
        T(test_deadline_holds_while_another_waits),
        T(test_late_answer_is_nobodys),
        T(test_answer_of_before_is_not_taken),
        T(test_answer_said_twice_is_not_taken),
        T(test_damaged_answer_is_repeated_soon),
        T(test_a_babbling_line_times_out),
        T(test_disconnect_and_probe),
        T(test_poll_is_never_queued_twice),
        T(test_close_cancels),
        T(test_full_queue_is_refused),
        T(test_write_outcomes),
        T(test_write_takes_a_cycle_and_is_read_back),
        T(test_writes_go_one_by_one),
        T(test_thresholds_go_in_one_frame),
        T(test_long_writes),
        T(test_soh_reads_ffff_after_success),
        T(test_fifty_readers),
        T(test_noise_brings_no_wrong_value),
        T(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
