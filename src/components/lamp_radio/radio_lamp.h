// radio_lamp.h - the lamp's end of the radio: frames in, frames and commands out. Sans-IO.
//
// A command is answered once the lamp has applied it, with the state after it, and applied once
// however often its frame comes. Who is not paired is not heard. README.md of the lamp: its limits;
// docs/lamp-radio.md: every byte, and why it is so.
//
// One task makes all calls; it is also the one that calls nh_lamp_command.done.

#ifndef NH_LAMP_RADIO_LAMP_H
#define NH_LAMP_RADIO_LAMP_H

#include "components/lamp/lamp.h"
#include "components/lamp_radio/radio_frame.h"
#include "components/lamp_radio/radio_peers.h"

typedef struct nh_radio_lamp nh_radio_lamp_t;

#define NH_RADIO_PENDING_MAX_COUNT 16 // commands on their way through the lamp
#define NH_RADIO_PAIR_TRY_MAX_COUNT 5 // in one window; then it closes

enum nh_radio_ota_status {
    NH_RADIO_OTA_NONE,
    NH_RADIO_OTA_READY,
    NH_RADIO_OTA_BUSY, // an upload is coming in
    NH_RADIO_OTA_ERROR,
};
struct nh_radio_ota { // what a remote is told after OTA_START
    uint8_t status;   // enum nh_radio_ota_status
    uint16_t ttl_s;
    char ssid[33], password[64];
};

struct nh_radio_lamp_config {
    nh_mem_t *mem;
    nh_radio_address_t address;
    uint16_t node;             // 1 to 0xFFFE
    const char *name;          // for remotes; copied, cut to 15 bytes
    uint32_t peer_max_count;   // 0: 8; at most NH_RADIO_PEER_MAX_COUNT
    uint32_t push_interval_ms; // 0: 200; at least that between two pushes of the state
    bool allow_v1;             // remotes of version 1, once they were paired as such
    uint16_t effect_count;     // of `effect`
    void *ctx;
    // The list of visible effects, in its order; asked once, by create().
    void (*effect)(void *ctx, uint16_t index, struct nh_radio_record *out);
    // Sends at once or not at all; what is lost is asked for again. Everybody: all bytes 0xFF.
    void (*send)(void *ctx, const nh_radio_address_t *to, const uint8_t *bytes, size_t len);
    // The lamp: as nh_lamp_post() and nh_lamp_snapshot().
    int (*command)(void *ctx, const struct nh_lamp_command *c);
    void (*snapshot)(void *ctx, struct nh_lamp_snapshot *out);
    // The volume, 0 to 100, and a number that rises with each change. `set` NULL: only asks.
    void (*volume)(void *ctx, const uint8_t *set, uint8_t *volume, uint32_t *seq);
    void (*ota)(void *ctx, struct nh_radio_ota *out);
    // Keeps the peers' document: durable when it returns 0. Else what needed it is not done.
    int (*keep)(void *ctx, const uint8_t *bytes, size_t len);
    void (*random)(void *ctx, void *out, size_t len); // not to be guessed
    uint64_t (*clock_us)(void *ctx); // to measure how long an answer took; the same as now_ms
    void (*changed)(void *ctx);      // peers, pairing or counters; may be NULL
};

// NH_ERR_NOMEM; NH_ERR_RANGE: node or peer_max_count. Nothing was made then.
NH_MUST_USE int nh_radio_lamp_create(const struct nh_radio_lamp_config *cfg, nh_radio_lamp_t **out);
// Commands that the lamp still has must have been answered before (NH_ERR_CANCELLED will do).
void nh_radio_lamp_destroy(nh_radio_lamp_t *l); // NULL: nothing
// Before destroy() at an orderly end, as nh_radio_remote_rest(). Nobody paired: nothing is written.
NH_MUST_USE int nh_radio_lamp_rest(nh_radio_lamp_t *l);
// The document that `keep` was given last. NH_ERR_CORRUPT: nobody is paired. NH_ERR_FULL: more than
// peer_max_count; the first of them are.
NH_MUST_USE int nh_radio_lamp_load(nh_radio_lamp_t *l, const uint8_t *bytes, size_t len);

// A frame that was heard. Anything but a good frame of a paired remote is dropped and counted.
void nh_radio_lamp_input(nh_radio_lamp_t *l, const nh_radio_address_t *from, int8_t rssi_dbm,
                         const uint8_t *bytes, size_t len, uint64_t now_ms);
void nh_radio_lamp_tick(nh_radio_lamp_t *l, uint64_t now_ms);
uint64_t nh_radio_lamp_next_deadline(const nh_radio_lamp_t *l); // NH_NEVER: nothing waits
// The lamp's state has changed: remotes are told, twice, since nobody answers a push.
void nh_radio_lamp_state_changed(nh_radio_lamp_t *l, uint64_t now_ms);

// ---- pairing

// Opens the window for `seconds` (0: closes it). `needs_code`: only who shows the digits that
// nh_radio_lamp_pair_accept() is given is taken; else whoever comes first.
void nh_radio_lamp_pair(nh_radio_lamp_t *l, uint32_t seconds, bool needs_code, uint64_t now_ms);
// The digits that the remote shows. NH_ERR_NOT_FOUND: nobody waits for it. NH_ERR_DENIED: they are
// others, so somebody may sit in between: that remote is refused. An error of `keep`.
NH_MUST_USE int nh_radio_lamp_pair_accept(nh_radio_lamp_t *l, uint32_t code, uint64_t now_ms);
// All that is paired from this address, under whatever node. NH_ERR_NOT_FOUND; an error of `keep`:
// it is still paired.
NH_MUST_USE int nh_radio_lamp_remove(nh_radio_lamp_t *l, const nh_radio_address_t *address);

// ---- figures

struct nh_radio_lamp_peer {
    struct nh_radio_peer_record record; // its key is zeros here
    bool is_heard;                      // since the start
    int8_t rssi_dbm;
    uint64_t heard_ms;
    uint64_t command_count, repeat_count, rejected_count;
    uint64_t lost_count;             // frames that never came, by their counters; KEYED only
    uint32_t ack_p50_us, ack_p99_us; // from frame to answer, of the last 64
};
bool nh_radio_lamp_peer_at(const nh_radio_lamp_t *l, size_t index, struct nh_radio_lamp_peer *out);

struct nh_radio_lamp_info {
    uint32_t version; // rises with peers and pairing
    size_t peer_count, peer_max;
    bool allow_v1;
    uint16_t effect_count;
    uint32_t effect_crc;
    // Pairing: the window is open for so long yet; who waits, and the digits that he shows.
    uint32_t pair_left_s;
    bool pair_needs_code, pair_has_code;
    uint32_t pair_code;
    char pair_name[NH_RADIO_NAME_BYTES];
    nh_radio_address_t pair_address;
    // Counters.
    uint64_t received_count, sent_count, command_count, applied_count, repeat_count;
    uint64_t garbage_count;       // no frame of ours, or cut
    uint64_t unknown_count;       // not paired
    uint64_t forged_count;        // the code is not of the key
    uint64_t replayed_count;      // the counter was there before
    uint64_t plain_refused_count; // version 1 where it is not allowed
    uint64_t foreign_count;       // for another node
    uint64_t busy_count;          // more commands than can be on their way
    uint64_t keep_failed_count;
    uint64_t push_count, list_count;
    uint64_t pair_count, pair_refused_count;
    uint64_t full_count; // no room for one more peer
};
void nh_radio_lamp_info(const nh_radio_lamp_t *l, uint64_t now_ms, struct nh_radio_lamp_info *out);

#endif
