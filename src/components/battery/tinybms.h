// tinybms.h - the Tiny BMS's UART protocol: frames out, frames in. Sans-IO, no memory of its own.
//
// 115,200 baud 8N1, request and response; every frame begins with 0xAA and ends with CRC-16/MODBUS,
// low byte first. There is no end mark: the length follows from command and length byte. Source of
// the format: docs/battery-protocol.md.

#ifndef NH_TINYBMS_H
#define NH_TINYBMS_H

#include "core/base/base.h"

#define NH_TINYBMS_FRAME_MAX_BYTES 260   // the longest response: 127 registers by 0x03
#define NH_TINYBMS_READ_MAX_COUNT 127    // registers of one 0x03
#define NH_TINYBMS_READ_OWN_MAX_COUNT 31 // of one 0x07
#define NH_TINYBMS_LIST_MAX_COUNT 15     // of one 0x09 or 0x0D
#define NH_TINYBMS_WRITE_MAX_COUNT 100   // of one 0x10
#define NH_TINYBMS_EVENT_MAX_COUNT 49

enum nh_tinybms_command {
    NH_TINYBMS_RESET = 0x02, // option: enum nh_tinybms_reset
    NH_TINYBMS_READ_MODBUS = 0x03,
    NH_TINYBMS_READ_BLOCK = 0x07,
    NH_TINYBMS_READ_LIST = 0x09,
    NH_TINYBMS_WRITE_BLOCK = 0x0B, // for tools: what its length byte counts is not certain
    NH_TINYBMS_WRITE_LIST = 0x0D,
    NH_TINYBMS_WRITE_MODBUS = 0x10,
    NH_TINYBMS_EVENTS_NEWEST = 0x11,
    NH_TINYBMS_EVENTS_ALL = 0x12,
    NH_TINYBMS_PACK_VOLTAGE = 0x14,
    NH_TINYBMS_PACK_CURRENT = 0x15,
    NH_TINYBMS_CELL_MAX = 0x16,
    NH_TINYBMS_CELL_MIN = 0x17,
    NH_TINYBMS_STATUS = 0x18,
    NH_TINYBMS_LIFETIME = 0x19,
    NH_TINYBMS_SOC = 0x1A,
    NH_TINYBMS_TEMPERATURES = 0x1B,
    NH_TINYBMS_CELLS = 0x1C,
    NH_TINYBMS_SETTINGS = 0x1D, // option: enum nh_tinybms_settings
    NH_TINYBMS_VERSION = 0x1E,
    NH_TINYBMS_VERSION_LONG = 0x1F,
    NH_TINYBMS_DISTANCE = 0x20,
};
// The second byte of an answer without data.
enum { NH_TINYBMS_NACK_CODE = 0x00, NH_TINYBMS_ACK_CODE = 0x01 };
enum nh_tinybms_reset {
    NH_TINYBMS_CLEAR_EVENTS = 1,
    NH_TINYBMS_CLEAR_STATISTICS,
    NH_TINYBMS_RESTART = 5
};
enum nh_tinybms_settings {
    NH_TINYBMS_MINIMUM = 1,
    NH_TINYBMS_MAXIMUM,
    NH_TINYBMS_DEFAULT,
    NH_TINYBMS_CURRENT
};

// One request. `addresses` and `values` are borrowed for the call of encode.
struct nh_tinybms_request {
    uint8_t command, option;
    uint16_t address, count;   // of block commands; settings: `count` from register 300
    const uint16_t *addresses; // `count` of a list command
    const uint16_t *values;    // `count` of a write
};
// Returns the frame's length. NH_ERR_RANGE: a count, an address outside 300 to 399 of a write or
// past 65535 of a read, an option. NH_ERR_UNSUPPORTED: no such command. NH_ERR_TOO_LONG: `cap`.
// NH_ERR_INVAL: a list or values are missing. `out` is not touched on an error.
NH_MUST_USE int nh_tinybms_encode(const struct nh_tinybms_request *r, uint8_t *out, size_t cap);

// A response that was whole, with a good CRC; spans point into the parser until the next call.
enum nh_tinybms_answer { NH_TINYBMS_DATA, NH_TINYBMS_ACK, NH_TINYBMS_NACK };
struct nh_tinybms_frame {
    enum nh_tinybms_answer answer;
    uint8_t command;   // answered
    uint8_t code;      // of a NACK: 0 command error, 1 CRC error, else unknown
    nh_span_t payload; // of DATA: without head, length byte and CRC
};

// Finds frames in what comes in, whatever is between them: on a bad byte it drops that one byte and
// looks again in what it holds. Zeroed: empty. Fields are read only for others; counters of bytes
// that were no part of a frame, of candidates whose CRC was wrong, of good frames, of those to
// another command, of answers in several packets (not supported: how they are cut is not known).
typedef struct nh_tinybms_parser {
    uint8_t bytes[NH_TINYBMS_FRAME_MAX_BYTES];
    uint16_t len, taken; // taken: of the frame given last
    uint64_t dropped_bytes, crc_errors, frames, strays, multi_packets;
} nh_tinybms_parser_t;
// Takes up to `len` bytes; returns how many (less when full: take frames first). Ends the spans of
// the frame given last.
size_t nh_tinybms_parser_feed(nh_tinybms_parser_t *p, const uint8_t *bytes, size_t len);
// The next whole frame that answers `command`. 1: `out` is one. 0: more bytes are needed.
// Whole frames of other commands are counted as strays and passed over. After 0 there is always
// room to feed at least one byte.
int nh_tinybms_parser_next(nh_tinybms_parser_t *p, uint8_t command, struct nh_tinybms_frame *out);
// The line fell silent, so what began is not going to end: a whole frame to `command` behind a
// false start is still found. 1: `out` is one (ask again for more). 0: none; nothing is held any
// more, what was is counted as dropped.
int nh_tinybms_parser_finish(nh_tinybms_parser_t *p, uint8_t command, struct nh_tinybms_frame *out);
bool nh_tinybms_parser_is_inside(const nh_tinybms_parser_t *p); // a frame has begun
// Before a new request: what is held is dropped, counted.
void nh_tinybms_parser_reset(nh_tinybms_parser_t *p);

uint16_t nh_tinybms_crc(const uint8_t *bytes, size_t len);

// ---- payloads. NH_ERR_UNSUPPORTED: not of this command, or no data. NH_ERR_TOO_LONG: `cap`.

// Words of an answer: the registers of a block (0x03, 0x07) or of settings (0x1D), cells (0x1C,
// tenths of a millivolt), temperatures (0x1B, 3), values of 16 bits (0x16, 0x17, 0x18: 1 word), of
// 32 bits (0x14, 0x15, 0x19, 0x1A: 2, the low one first), 0x20 (6 of them), and of 0x10 the address
// and the count that were written. Returns how many.
NH_MUST_USE int nh_tinybms_decode_words(const struct nh_tinybms_frame *f, uint16_t *out,
                                        size_t cap);
// Pairs of 0x09. Returns how many.
NH_MUST_USE int nh_tinybms_decode_list(const struct nh_tinybms_frame *f, uint16_t *addresses,
                                       uint16_t *values, size_t cap);
struct nh_tinybms_event {
    uint8_t id;
    uint32_t age_s;  // at the moment of the answer
    uint32_t time_s; // low 24 bits of the board's clock
};
// Events of 0x11 and 0x12 in the order that the board sends. Returns how many.
NH_MUST_USE int nh_tinybms_decode_events(const struct nh_tinybms_frame *f, uint32_t *clock_s,
                                         struct nh_tinybms_event *out, size_t cap);
// The same from `count` words of registers 200 ..., two an event; `clock_s` of registers 32 and 33.
// Places never written (id 0) are left out. Newest first, also within a second: the ring's order
// tells. The clock may have been read up to a minute before the words: what came after it is of
// age 0. At most `cap` are given, the oldest ones.
size_t nh_tinybms_events_of_words(const uint16_t *words, size_t count, uint32_t clock_s,
                                  struct nh_tinybms_event *out, size_t cap);
struct nh_tinybms_version {
    uint8_t hardware, hardware_changes, firmware;
    uint16_t firmware_internal;
    uint8_t bootloader, register_map; // of 0x1F; 0 by 0x1E
};
NH_MUST_USE int nh_tinybms_decode_version(const struct nh_tinybms_frame *f,
                                          struct nh_tinybms_version *out);
const char *nh_tinybms_event_text(uint8_t id);       // "charging started"; NULL: not known
const char *nh_tinybms_status_text(uint16_t status); // "charging"; NULL: not known
enum nh_tinybms_status {
    NH_TINYBMS_CHARGING = 0x91,
    NH_TINYBMS_FULL,
    NH_TINYBMS_DISCHARGING,
    NH_TINYBMS_REGENERATION = 0x96,
    NH_TINYBMS_IDLE,
    NH_TINYBMS_IN_FAULT = 0x9B,
};
enum nh_tinybms_event_kind {
    NH_TINYBMS_FAULT,
    NH_TINYBMS_WARNING,
    NH_TINYBMS_INFORMATION,
    NH_TINYBMS_NO_KIND
};
enum nh_tinybms_event_kind nh_tinybms_event_kind(uint8_t id);            // by its range of numbers
const char *nh_tinybms_event_kind_text(enum nh_tinybms_event_kind kind); // "fault"; "unknown"
float nh_tinybms_float(uint16_t low, uint16_t high);

#endif
