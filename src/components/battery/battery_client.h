// battery_client.h - the exchange with the board as a state machine: a bounded queue of requests by
// value, one exchange at a time, bytes and time in, bytes, replies and a deadline out. Sans-IO.
//
// The task `serial` (battery_worker.h) turns it; a test turns it with a made-up clock and line.

#ifndef NH_BATTERY_CLIENT_H
#define NH_BATTERY_CLIENT_H

#include "components/battery/tinybms.h"
#include "components/battery/tinybms_registers.h"

#define NH_BATTERY_REQUEST_VALUES_MAX 31
#define NH_BATTERY_REPLY_WORDS_MAX 128

enum nh_battery_request_kind {
    NH_BATTERY_READ,       // registers address .. address + count - 1 (at most 127)
    NH_BATTERY_WRITE,      // `count` pairs of addresses and values, verified by reading back
    NH_BATTERY_EVENTS,     // the event log; reply: words of registers 200..297
    NH_BATTERY_NEW_EVENTS, // command 0x11
    NH_BATTERY_RANGES,     // settings of `option` (minimum, maximum, default, current)
    NH_BATTERY_RESTART,
    NH_BATTERY_CLEAR_EVENTS,
    NH_BATTERY_CLEAR_STATISTICS,
    NH_BATTERY_VERSION, // 0x1F
    NH_BATTERY_RAW,     // any other command of the protocol, for tools: `option` is the command
};
// A smaller one goes first; equal ones in the order that they came.
enum nh_battery_priority {
    NH_BATTERY_PRIO_WRITE,
    NH_BATTERY_PRIO_USER,
    NH_BATTERY_PRIO_EVENTS,
    NH_BATTERY_PRIO_POLL,
    NH_BATTERY_PRIO_SETTINGS,
    NH_BATTERY_PRIO_COUNT,
};

struct nh_battery_reply;
struct nh_battery_request {
    uint8_t kind, priority, option;
    uint16_t address, count;
    uint32_t
        deadline_ms; // from now; 0: the client's own. Then NH_ERR_TIMEOUT, whatever is under way
    uint16_t addresses[NH_BATTERY_REQUEST_VALUES_MAX], values[NH_BATTERY_REQUEST_VALUES_MAX];
    // Called once on the task that the facade names (battery.h), never from inside of the post.
    void (*done)(void *ctx, const struct nh_battery_reply *r);
    void *ctx;
};

enum nh_battery_outcome {
    NH_BATTERY_DONE,
    NH_BATTERY_REFUSED,   // NACK; `code`
    NH_BATTERY_NOT_TAKEN, // acknowledged, yet it reads another value: `words[0]`
    NH_BATTERY_LOST,      // no answer, repeats included
    NH_BATTERY_EXPIRED,   // its deadline came first
    NH_BATTERY_CANCELLED, // the client stopped or the line went away
};
struct nh_battery_reply {
    uint32_t ticket;
    uint8_t outcome, code;
    int err; // NH_OK, or an error that says the same
    uint16_t address, count;
    uint32_t latency_us; // from post to answer
    uint16_t words[NH_BATTERY_REPLY_WORDS_MAX];
};

// Of the worker, whole: nh_battery_statistics(). u64 counters since the start, never going back.
struct nh_battery_statistics {
    uint64_t reads_ok, reads_failed, writes_ok, writes_failed, crc_errors, timeouts,
        nacks[3] /* by code: 0, 1, other */, retries;
    uint64_t rejected, expired, late, stray, wakeups, implausible, coalesced, batched;
    uint64_t dropped_bytes, bytes_in, bytes_out, exchanges, reconnects;
    uint32_t queue_depth, queue_depth_max, queue_max;
    uint32_t avg_latency_us, max_latency_us, p99_latency_us; // avg: moving, weight 1/8
    uint64_t last_frame_ms;                                  // 0: never
};

#endif
