// lamp_live_set.h - when universes make a whole frame: E1.31 and Art-Net. Sans-IO: it is told of
// packets, and says what to do with each.
//
// These protocols have no mark for the end of a frame, unless the sender sends one that says
// "show". A frame is whole when each universe has come that this sender sends; which those are is
// learned from what came before: all of the lamp's, or what came twice alike. Universes of
// different frames are told apart by their sequence numbers: in one frame all are equally far from
// those of the last whole frame. Without numbers a frame ends where the universes begin anew, as
// senders send them in rising order.
//
// A frame that is not whole when the next one begins, or after one frame time, is not shown. When
// that happens several times in a row though no number was left out, the sender sends fewer
// universes than before, or those alone that changed: then what came is shown after one frame time
// ("loose"), until frames are whole again.

#ifndef NH_LAMP_LIVE_SET_H
#define NH_LAMP_LIVE_SET_H

#include "components/lamp_live/lamp_live_range.h"

#define NH_LAMP__SET_MAX_COUNT 128 // universes: what 128 x 128 pixels of RGBW take
#define NH_LAMP__SET_WORDS (NH_LAMP__SET_MAX_COUNT / 32)

// Embedded by who uses it, zeroed at first; private.
struct nh_lamp__set {
    uint32_t got[NH_LAMP__SET_WORDS];       // of the frame under way
    uint32_t expect[NH_LAMP__SET_WORDS];    // what a frame of this sender has
    uint32_t known[NH_LAMP__SET_WORDS];     // whose sequence of the last whole frame is known
    uint32_t seen[NH_LAMP__SET_WORDS];      // whose newest sequence is known
    uint32_t seen_once[NH_LAMP__SET_WORDS]; // a frame before anything was expected
    bool has_expect;
    bool is_loose;
    bool has_step;                 // `step` is that of the frame under way
    uint8_t step;                  // from the last whole frame to this one
    uint8_t usual_step;            // by how much numbers of one universe rise; 0: not known
    bool has_gap;                  // a number was left out since the last frame that was cut
    bool is_ordered, is_unordered; // rising universes have made a frame; have not, and others have
    uint8_t bad_count, good_count; // frames in a row
    uint16_t newest;               // index of the packet before
    uint64_t began_us, synced_us;  // synced: until when the sender's own marks are waited for
    uint8_t last[NH_LAMP__SET_MAX_COUNT], whole[NH_LAMP__SET_MAX_COUNT];
};

struct nh_lamp__set_packet {
    uint16_t index, count; // of the universes of the lamp
    bool has_sequence;
    uint8_t sequence;
    // How numbers go on: 256 for those that run from 0, 255 for those that leave 0 out.
    uint16_t sequence_mod;
};

// As nh_lamp__range_input(): NH_LAMP__LIVE_LATE and so on.
unsigned nh_lamp__set_input(struct nh_lamp__set *s, const struct nh_lamp__set_packet *p,
                            uint64_t now_us);
// The sender says "show".
unsigned nh_lamp__set_sync(struct nh_lamp__set *s, uint64_t now_us);
uint64_t nh_lamp__set_deadline_us(const struct nh_lamp__set *s, uint64_t frame_us); // NH_NEVER
unsigned nh_lamp__set_tick(struct nh_lamp__set *s, uint64_t now_us, uint64_t frame_us);

#endif
