// radio_lamp_state.h - the inside of the lamp's end, shared by its files.

#ifndef NH_LAMP_RADIO_LAMP_STATE_H
#define NH_LAMP_RADIO_LAMP_STATE_H

#include "components/lamp_radio/radio_guard.h"
#include "components/lamp_radio/radio_lamp.h"
#include "components/lamp_radio/radio_pair.h"

#define NH_RADIO__HISTORY_COUNT 8
#define NH_RADIO__LATENCY_COUNT 64

// A command that was heard, and how it was answered. While it is pending the lamp has it.
struct nh_radio__heard {
    bool is_used, is_pending;
    uint8_t cmd;
    uint32_t seq;
    struct nh_radio_state ack;
};

struct nh_radio__peer {
    struct nh_radio_peer_record record; // kept_*: as of the last keep
    nh_radio_guard_t guard;
    uint8_t to_lamp[NH_RADIO_KEY_BYTES], to_remote[NH_RADIO_KEY_BYTES];
    struct nh_radio__heard
        history[NH_RADIO__HISTORY_COUNT]; // a ring: `history_next` is overwritten
    uint32_t history_next, last_seq;
    bool has_seq;   // last_seq is one
    bool has_taken; // a counter, since the start
    bool is_heard;
    int8_t rssi_dbm;
    uint64_t heard_ms, counter_told_ms;
    uint64_t command_count, repeat_count, rejected_count, lost_count;
    uint32_t latency_us[NH_RADIO__LATENCY_COUNT], latency_count;
    uint8_t push_left;
    uint32_t told_seq; // state_seq of the last ACK
    bool has_told;
};

// One command on its way through the lamp; `ctx` of its done().
struct nh_radio__pending {
    nh_radio_lamp_t *lamp;
    bool is_used;
    nh_radio_address_t from;
    uint16_t node;
    uint32_t seq;
    uint64_t started_us;
};

enum nh_radio__candidate_state {
    NH_RADIO__NOBODY,
    NH_RADIO__OFFERED,
    NH_RADIO__PROVED,  // both show the digits
    NH_RADIO__REFUSED, // by the person
};
struct nh_radio__pairing {
    uint64_t until_ms; // 0: the window is closed
    bool needs_code;
    uint32_t try_count;
    enum nh_radio__candidate_state state;
    bool is_accepted, has_done; // by the person here; by the one at the remote
    uint64_t heard_ms;
    uint8_t commitment[NH_RADIO_COMMITMENT_BYTES], secret[32];
    struct nh_radio_pair_side remote, lamp;
    struct nh_radio_pair_outcome outcome; // PROVED
    struct nh_radio__peer peer;           // what it will be; its guard counts already
};

struct nh_radio_lamp {
    struct nh_radio_lamp_config cfg;
    char name[NH_RADIO_NAME_BYTES];
    struct nh_radio__peer *peers;
    size_t peer_count;
    uint8_t *list; // records of the visible effects
    uint32_t list_crc;
    uint8_t *document; // where the peers' document is made
    struct nh_radio__pending pending[NH_RADIO_PENDING_MAX_COUNT];
    struct nh_radio__pairing pairing;
    uint64_t push_ms, pushed_ms;    // NH_NEVER: none is due
    struct nh_radio_lamp_info info; // the counters of it
};

// radio_lamp.c
struct nh_radio__peer *nh_radio_lamp__peer(nh_radio_lamp_t *l, const nh_radio_address_t *address,
                                           uint16_t node);
// Keeps all peers as they are now.
NH_MUST_USE int nh_radio_lamp__keep(nh_radio_lamp_t *l);
void nh_radio_lamp__changed(nh_radio_lamp_t *l); // and tells it
// Sends to a peer in its version; head.version, src, dst and the counter are filled in.
void nh_radio_lamp__send(nh_radio_lamp_t *l, struct nh_radio__peer *p, struct nh_radio_frame *f);
// Adds a peer, or replaces the one of that address and node. NH_ERR_FULL; an error of keep.
NH_MUST_USE int nh_radio_lamp__add(nh_radio_lamp_t *l, const struct nh_radio__peer *p);

// radio_lamp_command.c
void nh_radio_lamp__ctrl(nh_radio_lamp_t *l, struct nh_radio__peer *p,
                         const struct nh_radio_frame *f, uint64_t now_ms);
void nh_radio_lamp__push(nh_radio_lamp_t *l, uint64_t now_ms);

// radio_lamp_pair.c
void nh_radio_lamp__pair_frame(nh_radio_lamp_t *l, const nh_radio_address_t *from,
                               const struct nh_radio_frame *f, uint64_t now_ms); // of version 1
// A frame of version 2 by who is being paired. False: it is not his.
bool nh_radio_lamp__pair_keyed(nh_radio_lamp_t *l, const nh_radio_address_t *from,
                               const uint8_t *bytes, size_t len, uint64_t now_ms);
void nh_radio_lamp__pair_result(nh_radio_lamp_t *l, struct nh_radio__peer *p, uint32_t seq,
                                uint8_t status);
void nh_radio_lamp__pair_close(nh_radio_lamp_t *l);

#endif
