// radio_peers.h - who is paired, as it is kept: a document of records, the same for both ends.
// Every byte: docs/lamp-radio.md.

#ifndef NH_LAMP_RADIO_PEERS_H
#define NH_LAMP_RADIO_PEERS_H

#include "components/lamp_radio/radio_frame.h"

#define NH_RADIO_PEER_MAX_COUNT 32
#define NH_RADIO_PEER_BYTES 80
#define NH_RADIO_PEERS_HEAD_BYTES 8
#define NH_RADIO_PEERS_TAIL_BYTES 4
#define NH_RADIO_PEERS_BYTES(count)                                                                \
    (NH_RADIO_PEERS_HEAD_BYTES + (size_t)(count)*NH_RADIO_PEER_BYTES + NH_RADIO_PEERS_TAIL_BYTES)

enum nh_radio_peer_kind {
    NH_RADIO_PEER_PLAIN = 1, // speaks version 1: whoever takes its address can be it
    NH_RADIO_PEER_KEYED,     // version 2 alone
};

struct nh_radio_peer_record {
    nh_radio_address_t address;
    uint16_t node;
    uint8_t kind;    // enum nh_radio_peer_kind
    uint8_t channel; // where it was heard last; 0: not known
    char name[NH_RADIO_NAME_BYTES];
    uint8_t key[NH_RADIO_KEY_BYTES];   // KEYED
    uint64_t kept_sent, kept_received; // radio_guard.h
};

// Writes NH_RADIO_PEERS_BYTES(count) bytes; returns how many.
size_t nh_radio_peers_encode(const struct nh_radio_peer_record *peers, size_t count, uint8_t *out);

// Returns how many there were (at most `max` are read). NH_ERR_CORRUPT: damaged, or not of this
// form; `out` is then undefined.
NH_MUST_USE int nh_radio_peers_decode(const uint8_t *bytes, size_t len,
                                      struct nh_radio_peer_record *out, size_t max);

#endif
