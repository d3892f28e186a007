// lamp_artnet.h - Art-Net, DMX universes over UDP: its packets read and built. Sans-IO; who shows
// what came is lamp_receiver.h.
//
//  ArtDmx:  0 "Art-Net" 0   8 opcode LE16   10 version BE16   12 sequence   13 physical
//          14 port address LE16 (net high, sub-net and universe low)   16 length BE16   18 data
//
// Art-Net is a trademark and copyright of Artistic Licence. Source: docs/lamp-live.md, "Art-Net".

#ifndef NH_LAMP_ARTNET_H
#define NH_LAMP_ARTNET_H

#include "core/base/base.h"

#define NH_LAMP__ARTNET_PORT 6454
#define NH_LAMP__ARTNET_HEAD_BYTES 18
#define NH_LAMP__ARTNET_CHANNEL_MAX_COUNT 512
#define NH_LAMP__ARTNET_PACKET_MAX_BYTES                                                           \
    (NH_LAMP__ARTNET_HEAD_BYTES + NH_LAMP__ARTNET_CHANNEL_MAX_COUNT)
#define NH_LAMP__ARTNET_REPLY_BYTES 239
#define NH_LAMP__ARTNET_ADDRESS_MAX 0x7FFF
#define NH_LAMP__ARTNET_PORT_MAX_COUNT 4 // of one reply

enum nh_lamp__artnet_kind { NH_LAMP__ARTNET_DMX, NH_LAMP__ARTNET_POLL, NH_LAMP__ARTNET_SYNC };
struct nh_lamp__artnet_packet {
    enum nh_lamp__artnet_kind kind;
    uint8_t sequence;   // 1 to 255; 0: the sender does not count
    uint16_t address;   // of the universe: 15 bits
    nh_span_t channels; // borrowed from the datagram
};

// Reads a datagram. NH_ERR_PROTO: it is no Art-Net, of a version below 14, or shorter than it says.
// NH_ERR_UNSUPPORTED: another opcode. After an error `*out` is not to be used.
NH_MUST_USE int nh_lamp__artnet_parse(const uint8_t *bytes, size_t len,
                                      struct nh_lamp__artnet_packet *out);

// Writes an ArtDmx packet; an odd number of channels is filled up by a 0, as the length has to be
// even. `p->channels` is 1 to 512 of them. Returns its length.
size_t nh_lamp__artnet_build(const struct nh_lamp__artnet_packet *p,
                             uint8_t out[NH_LAMP__ARTNET_PACKET_MAX_BYTES]);

// What a controller that looks for nodes is told. One reply tells of up to four universes of one
// net and sub-net; there are as many as it takes, `bind_index` from 1 on.
struct nh_lamp__artnet_node {
    uint8_t ip[4]; // of this node; zeros: not known
    uint8_t mac[6];
    const char *short_name, *long_name, *report; // cut at 17, 63 and 63 bytes
    uint16_t address;                            // of the first universe
    uint8_t port_count;                          // 1 to 4, all within that sub-net
    uint8_t bind_index;
    uint8_t version; // of the firmware
    bool has_data;   // levels come in
};
void nh_lamp__artnet_reply(const struct nh_lamp__artnet_node *node,
                           uint8_t out[NH_LAMP__ARTNET_REPLY_BYTES]);

#endif
