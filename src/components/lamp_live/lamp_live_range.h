// lamp_live_range.h - when packets that each say where they begin make a whole frame: DDP, DNRGB,
// TPM2.NET. Sans-IO: it is told of packets, and says what to do with each.
//
// A frame is shown when its sender pushes it. Senders that never push end a frame by beginning the
// next one, by reaching as far as the last frame did, or by a pause. A frame of which a packet is
// missing is not shown: what was shown before stays.
//
// What is missing is known by two things. Sequence numbers, where there are any: some senders count
// packets, others frames (all packets of one bear the same number), and which of both a sender
// does is learned. And by what a frame covers: less than the frame before, or with a hole, is not
// whole, unless every packet is accounted for by its number, or it is so eight times in a row:
// then the sender has come to send less.

#ifndef NH_LAMP_LIVE_RANGE_H
#define NH_LAMP_LIVE_RANGE_H

#include "core/base/base.h"

enum nh_lamp__range_counting {
    NH_LAMP__COUNTS_UNKNOWN,
    NH_LAMP__COUNTS_PACKETS,
    NH_LAMP__COUNTS_FRAMES
};

// Embedded by who uses it, zeroed at first; private.
struct nh_lamp__range {
    // The frame under way; nothing of it yet: packet_count 0.
    uint32_t packet_count;
    uint64_t lo, hi, sum;         // bytes: from, to, and how many came
    bool is_pushed;               // the push came, some packet before it did not yet
    uint16_t missing, step_count; // by sequence numbers
    uint64_t last_us;             // when its last packet came
    // The last whole frame.
    bool has_full;
    uint64_t full_lo, full_hi;
    uint32_t full_packets;
    // Frames that covered less, one after the other, all of them the same.
    uint64_t less_lo, less_hi;
    uint8_t less_count;
    uint8_t bad_count; // frames in a row that were not whole
    // The sender.
    bool pushes;
    uint8_t counting; // enum nh_lamp__range_counting
    bool has_counted; // a frame was made by the numbers of its packets
    uint8_t sequence; // the newest; 0: none yet
    uint64_t last_offset;
};

struct nh_lamp__range_packet {
    uint8_t sequence; // 1 to 15; 0: not counted
    bool is_push;
    uint64_t offset, len; // in bytes of the sender
};

enum {                              // what nh_lamp__range_input() and _tick() say, together
    NH_LAMP__LIVE_LATE = 1,         // do not use the packet: it is older than what is there
    NH_LAMP__LIVE_OUT_OF_ORDER = 2, // it came late, and in time
    NH_LAMP__LIVE_INCOMPLETE = 4,   // a frame ended without being whole; it is not shown
    NH_LAMP__LIVE_SHOW_BEFORE = 8,  // show what is there, before this packet is written to it
    NH_LAMP__LIVE_SHOW = 16,        // show what is there with this packet
};

// A packet has come.
unsigned nh_lamp__range_input(struct nh_lamp__range *r, const struct nh_lamp__range_packet *p,
                              uint64_t now_us);
// What has to be ended by the clock: a frame of a sender that does not push after a pause of
// `idle_us`; one that is pushed, but whose packets have no numbers, is given up then.
uint64_t nh_lamp__range_deadline_us(const struct nh_lamp__range *r, uint64_t idle_us); // NH_NEVER
unsigned nh_lamp__range_tick(struct nh_lamp__range *r, uint64_t now_us, uint64_t idle_us);

#endif
