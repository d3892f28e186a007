// battery_client_private.h - the engine's state, shared by its files.
//
// A slot is one request, or one of the polls. At most one exchange is on the line; who waits for
// its answer has a slot that is ON_LINE.

#ifndef NH_BATTERY_CLIENT_PRIVATE_H
#define NH_BATTERY_CLIENT_PRIVATE_H

#include "components/battery/battery_client.h"

#define NH_BATTERY__DEBT_COUNT 16
#define NH_BATTERY__LATENCY_COUNT 200 // 8 steps an octave, to 32 s

enum nh_battery__poll {
    NH_BATTERY__LIVE,
    NH_BATTERY__STATISTICS,
    NH_BATTERY__SETTINGS,
    NH_BATTERY__VERSION,
    NH_BATTERY__POLL_COUNT
};
enum nh_battery__state {
    NH_BATTERY__FREE,
    NH_BATTERY__WAITING,
    NH_BATTERY__ON_LINE,
    NH_BATTERY__PAUSED, // until ready_us
};

struct nh_battery__slot {
    uint8_t state, tries, verify_tries;
    bool is_poll;
    bool is_alone; // shares no block: one that it shared was refused
    // Of a write: pairs that were sent, whether one of them was acknowledged, and that all were
    // sent and are being read back.
    uint8_t sent_count;
    bool has_ack, is_verifying;
    uint32_t ticket, turn; // turn: the order among equals; a repeat goes to the end
    uint64_t posted_us, deadline_us, ready_us;
    struct nh_battery_request request;
};

// An answer that may come yet, to a frame that nobody waits for. What is asked meanwhile has an
// answer of another shape, so that the two cannot be confused: frames carry no number.
struct nh_battery__debt {
    uint8_t command;
    uint16_t payload_bytes, crc; // payload 0: of any length; crc: of the frame
    uint64_t until_us;           // 0: none
    bool is_heard; // a refusal came already: it is not taken for that of who asks next
};

enum nh_battery__exchange_state { NH_BATTERY__QUIET, NH_BATTERY__READY, NH_BATTERY__SENT };
struct nh_battery__exchange {
    uint8_t state, command, len, sends, chunk; // chunk: pairs of a write
    bool is_waking;                            // the board may sleep: the first frame only wakes it
    bool is_block;
    uint16_t first, count, extra;            // of a block: wanted words, and more for the shape
    uint16_t payload_bytes;                  // of the answer; 0: of any length
    uint64_t begun_us, wait_us, wake_end_us; // begun: the last send; wait: until when
    uint64_t crc_errors;                     // of the parser, when it was sent
    bool has_bytes;
    bool has_nack; // one was passed over as that of who asked before
    uint8_t frame[NH_TINYBMS_FRAME_MAX_BYTES];
};

struct nh_battery_client {
    struct nh_battery_client_config cfg;
    struct nh_battery__slot *slots; // queue_max of requests, then those of the polls
    uint32_t slot_count, turn;
    bool is_open, is_connected;
    uint32_t failed_count; // exchanges since the last good frame
    uint64_t quiet_until_us, last_frame_us, opened_us;
    uint64_t poll_due_us[NH_BATTERY__POLL_COUNT];
    struct nh_battery__exchange x;
    struct nh_battery__debt debts[NH_BATTERY__DEBT_COUNT];
    struct nh_battery__debt echo; // of the exchange before: a line may say the last answer twice
    nh_tinybms_parser_t parser;
    struct nh_battery_statistics stats;
    uint32_t latency[NH_BATTERY__LATENCY_COUNT];
    uint64_t latency_count;
    struct nh_battery_reply reply; // being answered
    uint16_t words[NH_BATTERY_REPLY_WORDS_MAX];
};

// battery_client.c
// Answers and frees; a poll is only freed. `words` may be NULL.
void nh_battery__answer(nh_battery_client_t *c, struct nh_battery__slot *s,
                        enum nh_battery_outcome outcome, uint64_t now_us);
void nh_battery__requeue(nh_battery_client_t *c, struct nh_battery__slot *s);
// battery_client_choose.c: makes the next exchange, if one may begin. True: it is READY.
bool nh_battery__begin(nh_battery_client_t *c, uint64_t now_us);
void nh_battery__owe(nh_battery_client_t *c, uint64_t until_us);
// The exchange was answered with data, which may come once more.
void nh_battery__expect_echo(nh_battery_client_t *c);
// Whether an answer to another frame of the exchange's command may still come; forgets it.
bool nh_battery__is_owed(nh_battery_client_t *c, uint64_t now_us);
bool nh_battery__is_read(const struct nh_battery__slot *s); // by block, a read-back included
// battery_client_line.c
void nh_battery__line_tick(nh_battery_client_t *c, uint64_t now_us);
void nh_battery__link(nh_battery_client_t *c, bool is_up, uint64_t now_us);

#endif
