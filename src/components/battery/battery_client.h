// battery_client.h - the exchange with the board as a state machine: a bounded queue of requests by
// value, one exchange at a time, bytes and time in, bytes, replies and a deadline out. Sans-IO.
//
// The task `serial` (battery_worker.h) turns it; a test turns it with a made-up clock and line.

#ifndef NH_BATTERY_CLIENT_H
#define NH_BATTERY_CLIENT_H

#include "components/battery/tinybms.h"
#include "components/battery/tinybms_registers.h"
#include "core/mem/mem.h"

#define NH_BATTERY_REQUEST_VALUES_MAX 31
#define NH_BATTERY_REPLY_WORDS_MAX 128

enum nh_battery_request_kind {
    NH_BATTERY_READ,       // registers address .. address + count - 1 (at most 127)
    NH_BATTERY_WRITE,      // `count` pairs of addresses and values, verified by reading back
    NH_BATTERY_EVENTS,     // the event log; reply: words of registers 200..297
    NH_BATTERY_NEW_EVENTS, // command 0x11; reply: its payload
    NH_BATTERY_RANGES,     // settings of `option` (minimum, maximum, default, current)
    NH_BATTERY_RESTART,
    NH_BATTERY_CLEAR_EVENTS,
    NH_BATTERY_CLEAR_STATISTICS,
    NH_BATTERY_VERSION, // 0x1F; reply: its payload
    // Any other command of the protocol, for tools: `option` is the command, `address` the option
    // of 0x02 and 0x1D. A write by it is neither repeated nor read back.
    NH_BATTERY_RAW,
};
// A smaller one goes first; equal ones in the order that they came. What has waited for half a
// second goes as USER does.
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
    NH_BATTERY_LOST,      // no answer, repeats included; of a write also: none and the old value
    NH_BATTERY_EXPIRED,   // its deadline came first
    NH_BATTERY_CANCELLED, // the client stopped or the line went away
};
struct nh_battery_reply {
    uint32_t ticket;
    uint8_t outcome, code;
    int err; // NH_OK; NH_ERR_DENIED, _CONFLICT, _TIMEOUT, _TIMEOUT, _CLOSED of the outcomes above
    // Of the words. NOT_TAKEN: `address` holds words[0] instead.
    uint16_t address, count;
    uint16_t bytes;      // of a payload (NEW_EVENTS, VERSION, RAW): two a word, the low byte first
    uint32_t latency_us; // from post to answer
    uint16_t words[NH_BATTERY_REPLY_WORDS_MAX];
};

// Upper ends of the histogram's steps; what took longer than all of them is in the last count.
#define NH_BATTERY_LATENCY_STEPS                                                                   \
    {                                                                                              \
        2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000                  \
    }
#define NH_BATTERY_LATENCY_STEP_COUNT 10

// Of the worker, whole: nh_battery_statistics(). u64 counters since the start, never going back.
struct nh_battery_statistics {
    uint64_t reads_ok, reads_failed, writes_ok, writes_failed, crc_errors, timeouts,
        nacks[3] /* by code: 0, 1, other */, retries;
    uint64_t rejected, expired, late, stray, wakeups, implausible, coalesced, batched;
    uint64_t dropped_bytes, bytes_in, bytes_out, exchanges, reconnects;
    uint32_t queue_depth, queue_depth_max, queue_max;
    uint32_t avg_latency_us, max_latency_us, p99_latency_us; // avg: moving, weight 1/8
    uint64_t latency_sum_us, latency_counts[NH_BATTERY_LATENCY_STEP_COUNT + 1]; // each by itself
    uint64_t last_frame_ms;                                                     // 0: never
};

// ---- the engine: of one task, the worker's. Times are microseconds of one clock.

typedef struct nh_battery_client nh_battery_client_t;
struct nh_battery_client_config {
    nh_mem_t *mem;                                               // all is taken at create
    uint32_t queue_max;                                          // 0: 16
    uint32_t first_byte_ms, inside_ms, deadline_ms, retry_count; // as in battery.h; UINT32_MAX: 0
    uint32_t baud;                                               // 0: 115200
    uint32_t poll_ms, slow_ms;                                   // 0: never
    void *ctx;
    // Once for each request that was posted; `q` is the client's copy, both borrowed for the call.
    void (*answered)(void *ctx, const struct nh_battery_request *q,
                     const struct nh_battery_reply *r);
    // What the board said of its registers, measured at or after `asked_us`; `is_written`: read
    // back after a write. May be NULL, as the next two.
    void (*words)(void *ctx, uint16_t address, uint16_t count, const uint16_t *words,
                  uint64_t asked_us, bool is_written);
    void (*forget)(void *ctx, uint16_t address, uint16_t count); // a write is on its way there
    void (*link)(void *ctx, bool is_up);                         // one good frame; 3 s without one
};
// Whether it can be asked at all. NH_ERR_RANGE: kind, priority, address, count, option. Any task.
NH_MUST_USE int nh_battery_request_check(const struct nh_battery_request *r);

NH_MUST_USE int nh_battery_client_create(const struct nh_battery_client_config *cfg,
                                         nh_battery_client_t **out);
void nh_battery_client_destroy(nh_battery_client_t *c); // nobody is answered; NULL: nothing
// Takes a checked request under a ticket of the caller's. `posted_us`: from when latency and
// deadline count. NH_ERR_FULL: queue_max are there (counted).
NH_MUST_USE int nh_battery_client_post(nh_battery_client_t *c, const struct nh_battery_request *r,
                                       uint32_t ticket, uint64_t posted_us);
// The line is there. Until then, and after close(), requests are answered as cancelled by tick().
void nh_battery_client_open(nh_battery_client_t *c, uint64_t now_us);
void nh_battery_client_close(nh_battery_client_t *c, uint64_t now_us);
// Bytes that are to be sent now, 0: none. Valid until the next call; sent() says that they were.
size_t nh_battery_client_output(nh_battery_client_t *c, const uint8_t **bytes, uint64_t now_us);
void nh_battery_client_sent(nh_battery_client_t *c, uint64_t now_us);
void nh_battery_client_input(nh_battery_client_t *c, const uint8_t *bytes, size_t len,
                             uint64_t now_us);
void nh_battery_client_tick(nh_battery_client_t *c, uint64_t now_us);
// When tick() and output() have something to do; 0: now.
uint64_t nh_battery_client_next_us(const nh_battery_client_t *c);
bool nh_battery_client_is_connected(const nh_battery_client_t *c);
void nh_battery_client_statistics(const nh_battery_client_t *c, struct nh_battery_statistics *out);

#endif
