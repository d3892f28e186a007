// lamp_receiver_private.h - what the files of the receiver share.

#ifndef NH_LAMP_RECEIVER_PRIVATE_H
#define NH_LAMP_RECEIVER_PRIVATE_H

#include "components/lamp_live/lamp_e131.h"
#include "components/lamp_live/lamp_live_range.h"
#include "components/lamp_live/lamp_live_set.h"
#include "components/lamp_live/lamp_receiver.h"

// Who sends. In use: protocol and `from` say who. Zeroed: a free place.
struct nh_lamp__source {
    bool is_used;
    uint8_t protocol; // enum nh_lamp_live_protocol
    uint8_t priority;
    bool is_refused; // was released: refused until it pauses
    char from[46];
    uint8_t cid[NH_LAMP__E131_CID_BYTES]; // of E1.31
    char name[NH_LAMP__E131_NAME_BYTES];
    uint32_t timeout_ms;
    uint64_t heard_us;   // last packet
    uint32_t part_bytes; // of TPM2.NET: size of a packet but the last
    union {
        struct nh_lamp__range range;
        struct nh_lamp__set set;
    } frame; // by the protocol
    struct nh_lamp_live_jitter jitter;
    uint64_t count[NH_LAMP_LIVE_COUNT_COUNT];
};

struct nh_lamp__node {
    uint64_t heard_us;
    struct nh_lamp_beacon beacon;
};

struct nh_lamp_receiver {
    struct nh_lamp_receiver_config cfg;
    uint8_t *rgb; // pixel_count * 3: the frame of the owner, in the order of the protocols
    struct nh_lamp__source *owner; // NULL: nobody has the lamp
    bool is_enabled;
    uint16_t e131_count, artnet_count; // universes
    uint64_t poll_us;                  // since when answers to who looks for nodes are counted
    uint32_t poll_count;
    struct nh_lamp_receiver_info info;
    uint64_t total[NH_LAMP_LIVE_PROTOCOL_COUNT][NH_LAMP_LIVE_COUNT_COUNT];
    struct nh_lamp__source source[NH_LAMP_LIVE_SOURCE_MAX_COUNT];
    struct nh_lamp__node node[NH_LAMP_LIVE_NODE_MAX_COUNT];
};

// lamp_receiver.c

// Whose packet it is. What is given of it is noted; NULL: there is no place for another source.
struct nh_lamp__who {
    enum nh_lamp_live_protocol protocol;
    const char *from;
    const uint8_t *cid; // NULL: none
    uint8_t priority;
    uint64_t now_us;
};
struct nh_lamp__source *nh_lamp__source_of(nh_lamp_receiver_t *r, const struct nh_lamp__who *who);
// Whether the lamp is this source's, now. False: refused, and counted.
bool nh_lamp__source_owns(nh_lamp_receiver_t *r, struct nh_lamp__source *s, uint64_t now_us);
// The source says that it ends.
void nh_lamp__source_leave(nh_lamp_receiver_t *r, struct nh_lamp__source *s);
void nh_lamp__count(nh_lamp_receiver_t *r, struct nh_lamp__source *s, enum nh_lamp_live_count what);
void nh_lamp__count_other(nh_lamp_receiver_t *r, enum nh_lamp_live_protocol p,
                          enum nh_lamp_live_count what);
// Does what a frame's logic said of a packet; NH_LAMP__LIVE_LATE: false, do not write it.
bool nh_lamp__frame_before(nh_lamp_receiver_t *r, struct nh_lamp__source *s, unsigned what,
                           uint64_t now_us);
void nh_lamp__frame_after(nh_lamp_receiver_t *r, struct nh_lamp__source *s, unsigned what,
                          uint64_t now_us);
void nh_lamp__show(nh_lamp_receiver_t *r, struct nh_lamp__source *s, uint64_t now_us);
// Writes pixels of 3 bytes from any byte of the frame on, or of 4 from a pixel on. What is past the
// lamp is left out. False: all of it is.
bool nh_lamp__write(nh_lamp_receiver_t *r, uint64_t offset_bytes, nh_span_t data,
                    uint8_t pixel_bytes);

// lamp_receiver_input.c
void nh_lamp__receive(nh_lamp_receiver_t *r, enum nh_lamp_live_port at, nh_span_t bytes,
                      const char *address, uint16_t port, uint64_t now_us);

#endif
