// battery_play.h - the hub's client and the simulated board on one line, in simulated time: two
// that were written apart, and between them whatever a line does. What the client takes is compared
// with what the board held. For a test and a bench. Include once; PLAY_NEED(condition) is the
// includer's.

#ifndef NH_TEST_BATTERY_PLAY_H
#define NH_TEST_BATTERY_PLAY_H

#include <stdio.h>
#include <string.h>

#include "../tools/battery/board.h"
#include "components/battery/battery_client.h"
#include "support/rng.h"

#define MS UINT64_C(1000)
#define SECOND (1000 * MS)
#define REGISTER_COUNT 600
#define TRUTH_COUNT 128
#define DEADLINE_MS 2000

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
    uint64_t posted, answered, wrong, wrong_frames, words, outcomes[NH_BATTERY_CANCELLED + 1];
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
    line.wrong_frames += !is_true(address, count, words);
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
    printf("%s\n", text);
}

static void order(const char *text)
{
    PLAY_NEED(nh_sim_board_line(&line.board, text, tell, NULL));
}

static void play_end(void)
{
    nh_battery_client_destroy(line.client);
    line.client = NULL;
}

// A new board and a new client. `mem` is borrowed until play_end().
static void begin(nh_mem_t *mem, uint64_t seed, uint32_t poll_ms)
{
    play_end();
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
    const struct nh_battery_client_config client = {.mem = mem,
                                                    .poll_ms = poll_ms,
                                                    .slow_ms = poll_ms * 20,
                                                    .deadline_ms = DEADLINE_MS,
                                                    .answered = on_answer,
                                                    .words = on_words,
                                                    .link = on_link};
    PLAY_NEED(nh_battery_client_create(&client, &line.client) == NH_OK);
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
        PLAY_NEED(turns < 100000000);
    }
}

// ---- requests -----------------------------------------------------------------------------------

static void post(const struct nh_battery_request *r)
{
    PLAY_NEED(nh_battery_request_check(r) == NH_OK);
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

#endif
