// radio_pair.h - how a lamp and a remote that never met agree on a key: what both compute.
//
//   remote                                    lamp (its window is open)
//   BEGIN  name, H(Pr, Nr)        --all-->
//                                 <------     OFFER  name, Pl, Nl
//   REVEAL Pr, Nr                 ------>     (checks H)
//                                 <------     PROOF  MAC(key)
//   both show the same six digits; the person compares them and agrees at both ends
//   DONE   (version 2)            ------>
//                                 <------     RESULT (version 2)
//
// X25519 gives the key; the digits tell whether somebody sits between: who does has to have chosen
// all of his own numbers before he sees any of the remote's, so he guesses once in a million.

#ifndef NH_LAMP_RADIO_PAIR_H
#define NH_LAMP_RADIO_PAIR_H

#include "components/lamp_radio/radio_frame.h"

#define NH_RADIO_CODE_COUNT 1000000u // six digits

struct nh_radio_pair_side { // what one end tells
    nh_radio_address_t address;
    uint8_t public_half[32];
    uint8_t nonce[NH_RADIO_NONCE_BYTES];
};
struct nh_radio_pair_outcome {
    uint8_t key[NH_RADIO_KEY_BYTES]; // of the pair: nh_radio_pair_directions()
    uint8_t proof[16];               // the lamp's
    uint32_t code;                   // under NH_RADIO_CODE_COUNT
};

// What BEGIN holds of the side that REVEAL will tell.
void nh_radio_pair_commit(const struct nh_radio_pair_side *remote,
                          uint8_t out[NH_RADIO_COMMITMENT_BYTES]);

// `secret` is of the end that computes, `is_lamp` which one that is. NH_ERR_INVAL: the other's
// public half is none; `*out` is not written.
NH_MUST_USE int nh_radio_pair_derive(const uint8_t secret[32], bool is_lamp,
                                     const struct nh_radio_pair_side *remote,
                                     const struct nh_radio_pair_side *lamp,
                                     struct nh_radio_pair_outcome *out);

// A key for each way, so that no frame can be sent back to who made it.
void nh_radio_pair_directions(const uint8_t key[NH_RADIO_KEY_BYTES],
                              uint8_t to_lamp[NH_RADIO_KEY_BYTES],
                              uint8_t to_remote[NH_RADIO_KEY_BYTES]);

#endif
