// board.h - a simulated battery board as its serial line sees it: bytes and simulated time in,
// bytes and a deadline out. No clock, no file, no allocation.
//
// Written from the board's published protocol alone and apart from the hub's client, so that the
// two check each other: its CRC, its tables and its parser are its own. docs/battery-sim.md says
// how it behaves, and what it assumes where nothing is published.

#ifndef NH_TOOLS_BATTERY_BOARD_H
#define NH_TOOLS_BATTERY_BOARD_H

#include "pack.h"

#define NH_SIM_FRAME_MAX_BYTES 272 // 127 registers and their frame; or a line of text
#define NH_SIM_OUT_MAX_COUNT 16    // frames that wait for the line; one more is lost, counted
#define NH_SIM_SET_MAX_COUNT 16
#define NH_SIM_FACTOR_MAX 3600
#define NH_SIM_ALL_US UINT64_MAX

// What goes wrong on purpose. All off: zeroed, with `nack_address` < 0.
struct nh_sim_faults {
    uint32_t flip_ppm, lose_ppm;      // of a million bytes, either way: one bit wrong, lost
    uint32_t late_ppm, late_ms;       // of a million answers: that much later
    uint32_t drop_every, flip_every;  // each n-th answer: not sent, one bit wrong. 0: none
    uint32_t split_every, split_ms;   // each n-th answer: a pause in its middle
    uint32_t stray_every, text_every; // before each n-th answer: the one before, a line of text
    int32_t nack_address;             // whoever asks for it is refused; < 0: none
    uint8_t nack_code;
};

struct nh_sim_board_config {
    struct nh_sim_pack_config pack;
    struct nh_sim_faults faults;
    uint32_t factor; // of the pack's time; 0: 1. The line's time is never sped up
    uint32_t baud;   // 0: bytes take no time. 115200 as on the wire
    uint32_t
        portion_bytes; // 0: 16. Bytes come in such portions, as a serial adapter hands them over
    uint32_t turnaround_us;             // from the end of a request to the answer
    uint32_t wake_ms;                   // from the first byte to being awake. 0: 50
    bool may_sleep;                     // after 10 s without traffic, charger and current
    bool is_descending;                 // n cells stand in registers 16-n to 15, the first one last
    uint8_t text_format, text_interval; // as registers 343 and 342
};

struct nh_sim_out {
    uint64_t begin_us;
    uint32_t gap_us; // a pause before byte `gap_at`; 0: none
    uint16_t len, sent, gap_at;
    uint8_t bytes[NH_SIM_FRAME_MAX_BYTES];
};

struct nh_sim_counters {
    uint64_t bytes_in, bytes_out, frames_in, crc_errors, answers, refused, unfinished;
    uint64_t dropped, flipped, lost, late, split, stray, texts, overflowed, wakeups;
};

struct nh_sim_board {
    struct nh_sim_board_config cfg;
    struct nh_sim_pack pack;
    struct nh_sim_faults faults;
    struct nh_sim_random random; // of the line
    struct nh_sim_counters counters;
    uint64_t now_us, debt_us; // debt: the pack's time that is not a cycle yet
    uint8_t in[NH_SIM_FRAME_MAX_BYTES];
    size_t in_len;
    uint64_t in_us, heard_us; // when the last byte came; when the wire had brought it
    struct nh_sim_out out[NH_SIM_OUT_MAX_COUNT]; // a ring
    uint32_t out_first, out_count;
    uint8_t stray[NH_SIM_FRAME_MAX_BYTES]; // the answer before
    uint16_t stray_len;
    uint64_t silent_until_us, text_us; // text_us: of the next line
    bool is_asleep;
    uint64_t awake_us;   // when it will have woken up; 0: nothing wakes it
    uint64_t traffic_us; // of the last request
    struct {
        uint16_t address, value;
    } set[NH_SIM_SET_MAX_COUNT]; // registers that show what somebody wants
    uint32_t set_count;
};

void nh_sim_board_init(struct nh_sim_board *b, const struct nh_sim_board_config *cfg,
                       uint64_t now_us);
// What the host sends. Any number of bytes; answers come by nh_sim_board_output().
void nh_sim_board_input(struct nh_sim_board *b, const uint8_t *bytes, size_t len, uint64_t now_us);
// What is due on the line by now; returns how many bytes, at most `cap`.
size_t nh_sim_board_output(struct nh_sim_board *b, uint8_t *out, size_t cap, uint64_t now_us);
// Lets time pass; input and output do it too. Time never goes back.
void nh_sim_board_tick(struct nh_sim_board *b, uint64_t now_us);
// When to call output() or tick() next.
uint64_t nh_sim_board_next_deadline(const struct nh_sim_board *b);
// It starts anew, in the middle of whatever it does: what waits for the line is gone.
void nh_sim_board_restart(struct nh_sim_board *b);
// A register as a read of the board shows it; beyond 599: 0.
uint16_t nh_sim_board_register(const struct nh_sim_board *b, uint16_t address);
// A line of docs/battery-sim.md, as "load 40". False: it is none; `tell` says why, or the answer.
bool nh_sim_board_line(struct nh_sim_board *b, const char *line,
                       void (*tell)(void *ctx, const char *text), void *ctx);
extern const char nh_sim_board_help[];

// Parts, shared in this folder.
uint16_t nh_sim_board__crc(const uint8_t *bytes, size_t len);
// answer.c: how long the request in `in` is. 0: more bytes say it. < 0: no length fits.
int nh_sim_board__request_bytes(const struct nh_sim_board *b);
void nh_sim_board__answer(struct nh_sim_board *b, size_t len); // to the request in in[0 .. len)
// wire.c: an answer goes out, with the faults of the line. Adds the CRC.
void nh_sim_board__send(struct nh_sim_board *b, const uint8_t *bytes, size_t len);
void nh_sim_board__hear(struct nh_sim_board *b, uint8_t byte); // board.c, behind the line's faults
void nh_sim_board__receive(struct nh_sim_board *b, const uint8_t *bytes, size_t len);
void nh_sim_board__text(struct nh_sim_board *b); // text.c: a line of broadcast
void nh_sim_board__queue(struct nh_sim_board *b, const uint8_t *bytes, size_t len,
                         uint64_t begin_us);
size_t nh_sim_board__due(struct nh_sim_board *b, uint8_t *out, size_t cap);
uint64_t nh_sim_board__due_us(const struct nh_sim_board *b); // of the next byte
// registers.c
bool nh_sim_board__write(struct nh_sim_board *b, uint16_t address, uint16_t value);

#endif
