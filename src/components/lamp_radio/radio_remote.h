// radio_remote.h - the remote's end of the radio: commands in, frames out, answers in. Sans-IO.
//
// One thing is asked at a time: a command, or a piece of the effect list. It is sent again with the
// same number after 80, 80 and 160 ms; when three were not answered the lamp is looked for on all
// channels, and the same is asked there. docs/lamp-radio.md: every byte, and why it is so.
//
// One task makes all calls; events come on it, from inside of input(), tick() and the calls that
// send.

#ifndef NH_LAMP_RADIO_REMOTE_H
#define NH_LAMP_RADIO_REMOTE_H

#include "components/lamp_radio/radio_frame.h"
#include "components/lamp_radio/radio_peers.h"
#include "core/mem/mem.h"

typedef struct nh_radio_remote nh_radio_remote_t;

#define NH_RADIO_REMOTE_LAMP_MAX_COUNT 4
#define NH_RADIO_REMOTE_QUEUE_MAX_COUNT 16
#define NH_RADIO_REMOTE_LIST_MAX_COUNT 256

enum nh_radio_remote_event_kind {
    NH_RADIO_REMOTE_ANSWER,   // a command is done, or cannot be: err, cmd, value, state
    NH_RADIO_REMOTE_STATE,    // the lamp has told its state, asked or not: state
    NH_RADIO_REMOTE_LIST,     // the list is whole and checked, or (err) could not be fetched
    NH_RADIO_REMOTE_LINK,     // is_up; the lamp answers (again), or nowhere
    NH_RADIO_REMOTE_OTA,      // hello: status, ttl_s, ssid, password
    NH_RADIO_REMOTE_AUDIO,    // hello: volume, audio_seq
    NH_RADIO_REMOTE_CODE,     // pairing: compare `code` with the lamp's; then pair_agree()
    NH_RADIO_REMOTE_PAIRED,   // and selected
    NH_RADIO_REMOTE_UNPAIRED, // err: TIMEOUT nobody answered, DENIED refused, FULL, an error of
                              // keep
};
struct nh_radio_remote_event {
    enum nh_radio_remote_event_kind kind;
    int err; // enum nh_err
    uint8_t cmd;
    uint16_t value;
    bool is_up;
    uint32_t code;
    const char *name;                   // of the lamp
    const struct nh_radio_state *state; // borrowed for the call
    const struct nh_radio_hello *hello; // likewise
};

struct nh_radio_remote_config {
    nh_mem_t *mem;
    nh_radio_address_t address;
    uint16_t node;               // 1 to 0xFFFE
    const char *name;            // what a lamp shows; copied, cut to 15 bytes
    uint8_t channel;             // 1 to NH_RADIO_CHANNEL_MAX: where the radio is at the start
    uint32_t hop_ms;             // 0: 50; on each channel while the lamp is looked for
    uint32_t command_timeout_ms; // 0: 10000; then the command has failed
    uint32_t poll_ms;            // 0: never; the state is asked for after so long without a word
    void *ctx;
    void (*send)(void *ctx, const nh_radio_address_t *to, const uint8_t *bytes, size_t len);
    void (*channel_set)(void *ctx, uint8_t channel);
    int (*keep)(void *ctx, const uint8_t *bytes,
                size_t len); // the lamps' document; see radio_lamp.h
    // A list that is whole: `count` records, with their check sum. May be NULL.
    void (*keep_list)(void *ctx, const uint8_t *records, uint16_t count, uint32_t crc);
    void (*random)(void *ctx, void *out, size_t len);
    uint64_t (*clock_us)(void *ctx);
    void (*event)(void *ctx, const struct nh_radio_remote_event *e);
};

// NH_ERR_NOMEM; NH_ERR_RANGE: node or channel. Nothing was made then.
NH_MUST_USE int nh_radio_remote_create(const struct nh_radio_remote_config *cfg,
                                       nh_radio_remote_t **out);
// Before destroy() at an orderly end: keeps the counters as they are, so that after the next start
// the lamp's first answer is taken. Without it, it takes one frame more. An error of keep.
NH_MUST_USE int nh_radio_remote_rest(nh_radio_remote_t *r);
void nh_radio_remote_destroy(nh_radio_remote_t *r); // NULL: nothing
// The documents that `keep` and `keep_list` were given last. NH_ERR_CORRUPT; NH_ERR_FULL: more
// lamps than fit. The list counts as unknown when its check sum does not hold.
NH_MUST_USE int nh_radio_remote_load(nh_radio_remote_t *r, const uint8_t *bytes, size_t len);
NH_MUST_USE int nh_radio_remote_load_list(nh_radio_remote_t *r, const uint8_t *records,
                                          uint16_t count, uint32_t crc);

// ---- lamps

size_t nh_radio_remote_lamp_count(const nh_radio_remote_t *r);
// NULL: past the end. Borrowed until lamps change. The first is the one that was selected last.
const struct nh_radio_peer_record *nh_radio_remote_lamp_at(const nh_radio_remote_t *r, size_t i);
// From now on this one is meant; what was asked of the one before is cancelled. NH_ERR_NOT_FOUND.
NH_MUST_USE int nh_radio_remote_select(nh_radio_remote_t *r, size_t index);
// A lamp of version 1, by its address. NH_ERR_FULL, an error of keep.
NH_MUST_USE int nh_radio_remote_add_plain(nh_radio_remote_t *r, const nh_radio_address_t *lamp,
                                          uint16_t node);
// NH_ERR_NOT_FOUND; an error of keep: it is still known.
NH_MUST_USE int nh_radio_remote_remove(nh_radio_remote_t *r, size_t index);
// Looks for a lamp with an open window, for `seconds`, on all channels. What was asked is
// cancelled.
void nh_radio_remote_pair(nh_radio_remote_t *r, uint32_t seconds, uint64_t now_ms);
// After NH_RADIO_REMOTE_CODE: the person says whether the digits are the same.
void nh_radio_remote_pair_agree(nh_radio_remote_t *r, bool is_same, uint64_t now_ms);

// ---- talk

// Queues a command (enum nh_radio_cmd). One that waits with the same `cmd` is overwritten, so that
// a slider does not fill the queue. NH_ERR_NOT_FOUND: no lamp. NH_ERR_FULL. NH_ERR_BUSY: pairing.
NH_MUST_USE int nh_radio_remote_command(nh_radio_remote_t *r, uint8_t cmd, uint16_t value,
                                        uint64_t now_ms);
// Fetches the list, unless the one that is there is the lamp's. Errors as above.
NH_MUST_USE int nh_radio_remote_sync(nh_radio_remote_t *r, uint64_t now_ms);
bool nh_radio_remote_is_idle(const nh_radio_remote_t *r); // nothing is asked or waits

void nh_radio_remote_input(nh_radio_remote_t *r, const nh_radio_address_t *from, int8_t rssi_dbm,
                           const uint8_t *bytes, size_t len, uint64_t now_ms);
void nh_radio_remote_tick(nh_radio_remote_t *r, uint64_t now_ms);
uint64_t nh_radio_remote_next_deadline(const nh_radio_remote_t *r); // NH_NEVER: nothing waits

// ---- what it knows

uint16_t nh_radio_remote_effect_count(const nh_radio_remote_t *r);
// Of the list: false past the end.
bool nh_radio_remote_effect_at(const nh_radio_remote_t *r, uint16_t index,
                               struct nh_radio_record *out);

struct nh_radio_remote_info {
    bool has_state;
    struct nh_radio_state state; // as the lamp told it last
    bool is_up, is_hopping, is_pairing, is_syncing;
    uint8_t channel;
    int8_t rssi_dbm;
    uint64_t heard_ms;
    uint32_t list_crc;
    uint64_t sent_count, received_count, command_count, answered_count, failed_count;
    uint64_t repeat_count; // frames that were sent again
    uint64_t hop_count;    // looked on all channels
    uint64_t sync_count, sync_restart_count;
    uint64_t garbage_count, forged_count, replayed_count, late_count;
    uint32_t loss_pct;                     // tries without an answer, of the last 64
    uint32_t answer_p50_us, answer_p99_us; // from the first frame to the answer, of the last 128
};
void nh_radio_remote_info(const nh_radio_remote_t *r, struct nh_radio_remote_info *out);

#endif
