// lamp_ddp.h - DDP, pixels over UDP: its packets read and built. Sans-IO; who shows what came is
// lamp_receiver.h.
//
//   0        1         2     3            4            8        10
//  [flags   |sequence |type |destination |offset BE32 |len BE16 |data, at most 1440 bytes]
//   with the flag "timecode" four bytes of it stand before the data.
//
// Source: docs/lamp-live.md, "DDP".

#ifndef NH_LAMP_DDP_H
#define NH_LAMP_DDP_H

#include "core/base/base.h"

#define NH_LAMP__DDP_PORT 4048
#define NH_LAMP__DDP_HEAD_BYTES 10
#define NH_LAMP__DDP_DATA_MAX_BYTES 1440 // 480 pixels of RGB
#define NH_LAMP__DDP_PACKET_MAX_BYTES (NH_LAMP__DDP_HEAD_BYTES + NH_LAMP__DDP_DATA_MAX_BYTES)
#define NH_LAMP__DDP_SEQUENCE_MAX 15 // 1 to 15, around the end; 0: the sender does not count

struct nh_lamp__ddp_packet {
    uint8_t sequence; // 0: not used
    uint8_t pixel_bytes;
    bool is_push; // what came until here is a frame
    uint32_t offset_bytes;
    nh_span_t data; // borrowed from the datagram; may be empty
};

// Reads a datagram. NH_ERR_PROTO: it is too short, of another version, or its data is said to be
// longer than it is. NH_ERR_UNSUPPORTED: a query, a reply, something to be stored, for another
// destination than the display, or pixels of another kind than 8 bits each of RGB or RGBW. After an
// error `*out` is not to be used.
NH_MUST_USE int nh_lamp__ddp_parse(const uint8_t *bytes, size_t len,
                                   struct nh_lamp__ddp_packet *out);

// Writes a packet of RGB for the display. `p->data` is at most NH_LAMP__DDP_DATA_MAX_BYTES,
// `p->pixel_bytes` 3 or 4. Returns its length.
size_t nh_lamp__ddp_build(const struct nh_lamp__ddp_packet *p,
                          uint8_t out[NH_LAMP__DDP_PACKET_MAX_BYTES]);

// How far `sequence` is after `before`, both 1 to 15: 0 to 14.
uint8_t nh_lamp__ddp_distance(uint8_t sequence, uint8_t before);
// The one after it.
uint8_t nh_lamp__ddp_next(uint8_t sequence);

#endif
