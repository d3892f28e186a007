// radio_remote_state.h - the inside of the remote's end, shared by its files.

#ifndef NH_LAMP_RADIO_REMOTE_STATE_H
#define NH_LAMP_RADIO_REMOTE_STATE_H

#include "components/lamp_radio/radio_guard.h"
#include "components/lamp_radio/radio_pair.h"
#include "components/lamp_radio/radio_remote.h"

#define NH_RADIO__TRY_COUNT 3
#define NH_RADIO__ANSWER_COUNT 128

struct nh_radio__lamp {
    struct nh_radio_peer_record record;
    nh_radio_guard_t guard;
    uint8_t to_lamp[NH_RADIO_KEY_BYTES], to_remote[NH_RADIO_KEY_BYTES];
    bool has_taken;
    uint64_t counter_told_ms;
};

struct nh_radio__command {
    uint8_t cmd;
    uint16_t value;
};

enum nh_radio__ask { NH_RADIO__NOTHING, NH_RADIO__COMMAND, NH_RADIO__META, NH_RADIO__CHUNK };

// What is asked now. Between two tries, or while the lamp is looked for, next_ms says when it goes
// on.
struct nh_radio__exchange {
    enum nh_radio__ask ask;
    struct nh_radio__command command;
    uint32_t seq, try_count, busy_count;
    uint64_t first_us, next_ms, end_ms; // end: it has failed then
};

struct nh_radio__hop {
    bool is_on;
    uint8_t home;  // the channel before
    uint32_t step; // of the walk over all channels
    uint64_t next_ms;
};

struct nh_radio__sync {
    bool is_on;
    uint16_t count, next; // of the list that is fetched; the index that is asked for
    uint32_t crc, restart_count;
};

enum nh_radio__pair_phase {
    NH_RADIO__PAIR_OFF,
    NH_RADIO__PAIR_BEGUN,
    NH_RADIO__PAIR_REVEALED,
    NH_RADIO__PAIR_CODE, // the person compares
    NH_RADIO__PAIR_AGREED,
};
struct nh_radio__remote_pairing {
    enum nh_radio__pair_phase phase;
    uint64_t next_ms, end_ms;
    uint32_t seq, try_count;
    uint8_t secret[32];
    struct nh_radio_pair_side remote, lamp_side;
    struct nh_radio_pair_outcome outcome;
    struct nh_radio__lamp lamp; // what it will be
};

struct nh_radio_remote {
    struct nh_radio_remote_config cfg;
    char name[NH_RADIO_NAME_BYTES];
    struct nh_radio__lamp lamps[NH_RADIO_REMOTE_LAMP_MAX_COUNT]; // the first is selected
    size_t lamp_count;
    uint8_t channel;
    struct nh_radio__exchange exchange;
    struct nh_radio__hop hop;
    struct nh_radio__sync sync;
    struct nh_radio__remote_pairing pair;
    struct nh_radio__command queue[NH_RADIO_REMOTE_QUEUE_MAX_COUNT];
    size_t queue_count;
    uint8_t *list, *staged; // NH_RADIO_REMOTE_LIST_MAX_COUNT records each
    uint16_t list_count;
    bool has_list;
    uint64_t poll_ms;   // NH_NEVER: none is due
    uint64_t loss_bits; // the last 64 tries, 1: no answer
    uint32_t try_count;
    uint32_t answer_us[NH_RADIO__ANSWER_COUNT], answer_count;
    struct nh_radio_remote_info info;
};

// radio_remote.c
void nh_radio_remote__event(nh_radio_remote_t *r, const struct nh_radio_remote_event *e);
// Sends to a lamp in its version. NH_OK, or an error of keep: nothing was sent.
NH_MUST_USE int nh_radio_remote__send(nh_radio_remote_t *r, struct nh_radio__lamp *p,
                                      struct nh_radio_frame *f);
NH_MUST_USE int nh_radio_remote__keep(nh_radio_remote_t *r);
// Adds or replaces, and selects. NH_ERR_FULL; an error of keep: as before.
NH_MUST_USE int nh_radio_remote__add(nh_radio_remote_t *r, const struct nh_radio__lamp *p);
void nh_radio_remote__cancel(nh_radio_remote_t *r); // all that is asked or waits
void nh_radio_remote__channel(nh_radio_remote_t *r, uint8_t channel);

// radio_remote_talk.c
void nh_radio_remote__go_on(nh_radio_remote_t *r, uint64_t now_ms); // asks what waits
void nh_radio_remote__ask(nh_radio_remote_t *r, enum nh_radio__ask ask, uint64_t now_ms);
void nh_radio_remote__heard(nh_radio_remote_t *r, uint64_t now_ms); // the lamp has said something
void nh_radio_remote__acked(nh_radio_remote_t *r, const struct nh_radio_frame *f, uint64_t now_ms);
void nh_radio_remote__answered(nh_radio_remote_t *r); // a try was
void nh_radio_remote__talk_tick(nh_radio_remote_t *r, uint64_t now_ms);

// radio_remote_list.c
void nh_radio_remote__meta(nh_radio_remote_t *r, const struct nh_radio_frame *f, uint64_t now_ms);
void nh_radio_remote__chunk(nh_radio_remote_t *r, const struct nh_radio_frame *f, uint64_t now_ms);
void nh_radio_remote__sync_end(nh_radio_remote_t *r, int err);

// radio_remote_pair.c
void nh_radio_remote__pair_tick(nh_radio_remote_t *r, uint64_t now_ms);
void nh_radio_remote__pair_plain(nh_radio_remote_t *r, const nh_radio_address_t *from,
                                 const struct nh_radio_frame *f, uint64_t now_ms);
void nh_radio_remote__pair_keyed(nh_radio_remote_t *r, const nh_radio_address_t *from,
                                 const uint8_t *bytes, size_t len, uint64_t now_ms);

#endif
