// fake_board.h - the board behind nh_battery_post() as a table of words: requests wait until
// fake_board_turn() answers them. For one test program; include it once, after <cmocka.h>.

#ifndef NH_TEST_FAKE_BOARD_H
#define NH_TEST_FAKE_BOARD_H

#include <string.h>

#include "components/battery/battery_client.h"

struct fake_board {
    uint16_t words[NH_TINYBMS_ADDRESS_COUNT];
    uint16_t minimum[44], maximum[44], fallback[44];
    bool has_ranges;
    struct nh_battery_request waiting;
    bool is_waiting;
    uint32_t read_count, range_count, write_count, command_count;
    uint8_t last_command;
    int post_err; // of the next post
    // What happens to the n-th write from now, 1 the next: an outcome; what it does all the same.
    uint32_t fail_write;
    uint8_t outcome, code;
    uint8_t command_outcome; // of commands
    bool fails_reads, does_it, does_half;
    uint16_t sticky; // this register never takes a value; 0: none
    // Called after each single word that was written.
    void (*wrote)(struct fake_board *b);
};
static struct fake_board board;
static uint64_t board_now_ms = 1000;

static inline uint64_t board_clock(void)
{
    return board_now_ms;
}

static inline int64_t board_unix(void)
{
    return 1700000000000;
}

static inline void board_random(void *out, size_t len)
{
    static uint8_t next = 1;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = next++;
}

static inline void fake_board_init(void)
{
    memset(&board, 0, sizeof board);
    for (size_t i = 0; i < nh_tinybms_register_count(); i++) {
        const struct nh_tinybms_register *r = nh_tinybms_register_at(i);
        if (!(r->flags & NH_TINYBMS_WRITABLE))
            continue;
        uint16_t *w = &board.words[r->address];
        double value = (double)(r->fallback == INT32_MIN ? r->min : r->fallback) / r->divisor;
        assert_int_equal(nh_tinybms_value_put(r, value, w), 0);
        size_t at = r->address - 300u;
        board.minimum[at] = (uint16_t)r->min;
        board.maximum[at] = (uint16_t)r->max;
        board.fallback[at] = *w;
    }
    board.words[330] = 0x0501; // an over-current delay of 5 s
    board.words[305] = 70;
    board.words[317] = 65;
    board.words[500] = 5;
    board.words[501] = 10;
    board.words[504] = 0x1234;
}

static inline int board_post(void *ctx, const struct nh_battery_request *r, uint32_t *ticket)
{
    (void)ctx;
    if (board.post_err < 0) {
        int err = board.post_err;
        board.post_err = 0;
        return err;
    }
    assert_false(board.is_waiting);
    assert_true(r->count <= (r->kind == NH_BATTERY_WRITE ? NH_BATTERY_REQUEST_VALUES_MAX : 127));
    board.waiting = *r;
    board.is_waiting = true;
    *ticket = 1;
    return 0;
}

static inline void board_write(const struct nh_battery_request *r, struct nh_battery_reply *p)
{
    bool fails = board.fail_write && --board.fail_write == 0;
    uint16_t count = !fails || board.does_it ? r->count : board.does_half ? r->count / 2 : 0;
    board.write_count++;
    for (uint16_t i = 0; i < count; i++) {
        uint16_t a = r->addresses[i], before = board.words[a];
        if (a != board.sticky)
            board.words[a] = a == 323 ? 0xFFFF : r->values[i];
        if (a == board.sticky && before != r->values[i])
            *p = (struct nh_battery_reply){.outcome = NH_BATTERY_NOT_TAKEN,
                                           .err = NH_ERR_CONFLICT,
                                           .address = a,
                                           .count = 1,
                                           .words = {before}};
        if (board.wrote)
            board.wrote(&board);
    }
    if (fails) {
        p->outcome = board.outcome;
        p->code = board.code;
        p->err = NH_ERR_DENIED;
    }
}

static inline void board_answer(const struct nh_battery_request *r, struct nh_battery_reply *p)
{
    switch (r->kind) {
    case NH_BATTERY_READ:
        board.read_count++;
        if (board.fails_reads) {
            p->outcome = NH_BATTERY_LOST;
            p->err = NH_ERR_TIMEOUT;
            break;
        }
        memcpy(p->words, board.words + r->address, r->count * sizeof p->words[0]);
        break;
    case NH_BATTERY_RANGES:
        board.range_count++;
        if (!board.has_ranges) {
            p->outcome = NH_BATTERY_REFUSED;
            p->err = NH_ERR_DENIED;
            break;
        }
        memcpy(p->words,
               r->option == NH_TINYBMS_MINIMUM   ? board.minimum
               : r->option == NH_TINYBMS_MAXIMUM ? board.maximum
                                                 : board.fallback,
               sizeof board.minimum);
        break;
    case NH_BATTERY_WRITE:
        board_write(r, p);
        break;
    default:
        board.command_count++;
        board.last_command = r->kind;
        p->outcome = board.command_outcome;
        p->err = p->outcome == NH_BATTERY_DONE        ? NH_OK
                 : p->outcome == NH_BATTERY_CANCELLED ? NH_ERR_CLOSED
                                                      : NH_ERR_TIMEOUT;
        break;
    }
}

// Answers what waits. False: nothing does.
static inline bool fake_board_turn(void)
{
    if (!board.is_waiting)
        return false;
    struct nh_battery_request r = board.waiting;
    struct nh_battery_reply p = {.ticket = 1, .address = r.address, .count = r.count};
    board.is_waiting = false;
    board_answer(&r, &p);
    r.done(r.ctx, &p);
    return true;
}

static inline void fake_board_run(void)
{
    for (int i = 0; i < 100 && fake_board_turn(); i++)
        ;
    assert_false(board.is_waiting);
}

#endif
