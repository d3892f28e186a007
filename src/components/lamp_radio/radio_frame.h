// radio_frame.h - the frames between a lamp and its remotes, both ends: bytes to structs and back.
//
// Version 1 is what remotes in the field speak, bit for bit. Version 2 has the same bodies, each
// frame closed by a counter and a message authentication code of a key that both ends agreed on:
//
//   0      2     3    4     6     8     12          n        n+8       n+24
//   | 4E4A | ver | ty | src | dst | seq | body ...  | counter | MAC 16  |
//                                                    `---- version 2 ---'
//
// Every byte: docs/lamp-radio.md. All numbers are little endian. No state, no memory.

#ifndef NH_LAMP_RADIO_FRAME_H
#define NH_LAMP_RADIO_FRAME_H

#include "platform/radio.h"

#define NH_RADIO_HEAD_BYTES 12
#define NH_RADIO_TAIL_BYTES 24 // of version 2
#define NH_RADIO_KEY_BYTES 32
#define NH_RADIO_NODE_ANY 0xFFFF
#define NH_RADIO_NAME_BYTES 16 // with at least one NUL
#define NH_RADIO_RECORD_BYTES 18
#define NH_RADIO_CHUNK_MAX_COUNT 10
#define NH_RADIO_COMMITMENT_BYTES 32
#define NH_RADIO_NONCE_BYTES 16

enum nh_radio_version { NH_RADIO_V1 = 1, NH_RADIO_V2 = 2 };
enum nh_radio_type { NH_RADIO_CTRL = 1, NH_RADIO_ACK, NH_RADIO_HELLO };

enum nh_radio_cmd {
    NH_RADIO_POWER = 1,
    NH_RADIO_SET_ANIM,
    NH_RADIO_SET_PAUSE,
    NH_RADIO_SET_BRIGHT,
    NH_RADIO_SET_SPEED_PCT,
    NH_RADIO_OTA_START,
    NH_RADIO_SET_AUDIO_VOLUME,
    NH_RADIO_GET_AUDIO_STATE, // changes nothing: also how a remote asks for the state
    // Of version 2 alone; a lamp answers them in version 1 as what it does not know.
    NH_RADIO_SET_INTENSITY = 16,
    NH_RADIO_SET_PALETTE,
    NH_RADIO_SET_OVERLAY, // value: NH_RADIO_OVERLAY_...
};

// The value of SET_OVERLAY: bit 0 shown, 1-2 mode, 3-4 blend; 8, 9, 10: which of them count.
#define NH_RADIO_OVERLAY_SHOWN 0x0001u
#define NH_RADIO_OVERLAY_SHIFT_MODE 1
#define NH_RADIO_OVERLAY_SHIFT_BLEND 3
#define NH_RADIO_OVERLAY_HAS_SHOWN 0x0100u
#define NH_RADIO_OVERLAY_HAS_MODE 0x0200u
#define NH_RADIO_OVERLAY_HAS_BLEND 0x0400u

enum nh_radio_sub {
    NH_RADIO_META_REQ = 1,
    NH_RADIO_META_RSP,
    NH_RADIO_CHUNK_REQ,
    NH_RADIO_CHUNK_RSP,
    NH_RADIO_OTA_INFO,
    NH_RADIO_AUDIO_STATE,
    // Pairing: the first four as version 1, since there is no key yet; old ends pass over them.
    NH_RADIO_PAIR_BEGIN = 16, // remote to all: name, commitment to what REVEAL tells
    NH_RADIO_PAIR_OFFER,      // lamp: name, public half, nonce
    NH_RADIO_PAIR_REVEAL,     // remote: public half, nonce
    NH_RADIO_PAIR_PROOF,      // lamp: that it has the key
    NH_RADIO_PAIR_DONE,       // remote, version 2: its person has agreed; asked until answered
    NH_RADIO_PAIR_RESULT,     // lamp, version 2: enum nh_radio_pair_status
    NH_RADIO_COUNTER,         // version 2, either end: send above this counter
};
enum nh_radio_pair_status {
    NH_RADIO_PAIR_OPEN,    // (offer) go on
    NH_RADIO_PAIR_WAITING, // for the person at the lamp
    NH_RADIO_PAIR_PAIRED,
    NH_RADIO_PAIR_REFUSED, // another one is being paired, too many tries, or the person said no
    NH_RADIO_PAIR_FULL,    // the lamp has no room for one more
};

enum nh_radio_result { // byte 23 of an ACK
    NH_RADIO_OK,
    NH_RADIO_UNKNOWN_COMMAND,
    NH_RADIO_UNKNOWN_VALUE, // no such effect or palette: the state is as before
    NH_RADIO_BUSY,          // the lamp's queue is full; send it anew
    NH_RADIO_IS_OFF,        // ignored: the light is off
    NH_RADIO_STALE,         // older than what was done since; ignored
    NH_RADIO_FAILED,
    NH_RADIO_RESULT_COUNT,
};
const char *nh_radio_result_text(uint8_t result); // for people; never NULL

struct nh_radio_ctrl {
    uint8_t cmd; // enum nh_radio_cmd
    uint16_t value;
};

// The lamp's state as an ACK tells it; `is_push` of its head: seq 0.
struct nh_radio_state {
    uint16_t effect_id, speed_pct;
    uint32_t state_seq;
    uint8_t brightness;
    bool is_paused;
    bool has_flags; // bytes 22 and 23; an old lamp sends none
    bool is_on, is_rejected;
    uint8_t result; // enum nh_radio_result
    bool has_more;  // bytes 24 to 27, of version 2
    uint8_t intensity, palette;
    bool overlay;
    uint8_t overlay_mode, overlay_blend; // 0 to 3
};

struct nh_radio_record { // an effect of the list
    uint16_t id;
    char name[NH_RADIO_NAME_BYTES];
};

struct nh_radio_hello {
    uint8_t sub;    // enum nh_radio_sub; decides which of the following are meant
    uint8_t status; // of OTA_INFO (0 none, 1 ready, 2 busy, 3 error), PAIR_OFFER, PAIR_RESULT
    uint16_t count; // META_RSP: of the list; CHUNK_RSP: of this chunk
    uint16_t start; // CHUNK_REQ, CHUNK_RSP
    uint32_t crc;   // META_RSP, CHUNK_RSP: of the list
    const uint8_t *records;      // CHUNK_RSP: `count` x NH_RADIO_RECORD_BYTES, borrowed
    uint16_t ttl_s;              // OTA_INFO; PAIR_OFFER: what is left of the window
    char ssid[33], password[64]; // OTA_INFO
    uint8_t volume;              // AUDIO_STATE
    uint32_t audio_seq;
    char name[NH_RADIO_NAME_BYTES]; // PAIR_BEGIN, PAIR_OFFER
    uint8_t bytes32[32];            // PAIR_BEGIN: commitment; OFFER, REVEAL: public half
    uint8_t bytes16[16];            // OFFER, REVEAL: nonce; PROOF: the code
    uint64_t counter;               // COUNTER
};

struct nh_radio_head {
    uint8_t version, type;
    uint16_t src_node, dst_node;
    uint32_t seq;
};

struct nh_radio_frame {
    struct nh_radio_head head;
    union {
        struct nh_radio_ctrl ctrl;
        struct nh_radio_state ack;
        struct nh_radio_hello hello;
    } u;              // by head.type
    uint64_t counter; // of version 2
};

// The head alone: who is meant, by which version. NH_ERR_PROTO: too short, too long, another magic,
// an unknown version or type.
NH_MUST_USE int nh_radio_head_decode(const uint8_t *bytes, size_t len, struct nh_radio_head *out);

// A whole frame. `key`: NH_RADIO_KEY_BYTES, for version 2; NULL: only version 1 is read.
// NH_ERR_PROTO: as above, or too short for its body. NH_ERR_DENIED: of version 2, and there is no
// key or the code is not of this key. NH_ERR_UNSUPPORTED: a HELLO that is not known. What follows a
// body of version 1 is passed over, since later ends may add to it. `*out` points into `bytes`.
NH_MUST_USE int nh_radio_frame_decode(const uint8_t *bytes, size_t len, const uint8_t *key,
                                      struct nh_radio_frame *out);

// Returns the length of the frame in `out`. `key`: as above, needed for version 2.
// NH_ERR_INVAL: no key, an unknown version, type or HELLO, or more than a chunk's records.
NH_MUST_USE int nh_radio_frame_encode(const struct nh_radio_frame *f, const uint8_t *key,
                                      uint8_t out[NH_RADIO_FRAME_MAX_BYTES]);

void nh_radio_record_encode(const struct nh_radio_record *r, uint8_t out[NH_RADIO_RECORD_BYTES]);
// The name ends at its NUL, or is cut to 15 bytes; bytes that are not printable become '?'.
void nh_radio_record_decode(const uint8_t *bytes, struct nh_radio_record *out);

// "02:4e:48:00:00:01" to an address and back. False: it is none.
bool nh_radio_address_parse(const char *text, nh_radio_address_t *out);
#define NH_RADIO_ADDRESS_TEXT_BYTES 18
const char *nh_radio_address_text(const nh_radio_address_t *a,
                                  char out[NH_RADIO_ADDRESS_TEXT_BYTES]);
bool nh_radio_address_is_all(const nh_radio_address_t *a); // everybody

#endif
