// lamp_e131.h - E1.31 (sACN), DMX universes over UDP: its packets read and built. Sans-IO; who
// shows what came is lamp_receiver.h.
//
// A data packet is three layers, each with its length in the low 12 bits of "flags and length":
//
//    0 preamble, id "ASC-E1.17"   16 length, vector 4, CID of the sender
//                                 38 length, vector 2, source name, priority, sync universe,
//                                    sequence, options, universe
//                                115 length, vector 2, A1, first 0, step 1, count, start code
//                                126 channels, at most 512
//
// Source: ANSI E1.31; docs/lamp-live.md, "E1.31".

#ifndef NH_LAMP_E131_H
#define NH_LAMP_E131_H

#include "core/base/base.h"

#define NH_LAMP__E131_PORT 5568
#define NH_LAMP__E131_CHANNEL_MAX_COUNT 512
#define NH_LAMP__E131_HEAD_BYTES 126 // with the start code
#define NH_LAMP__E131_PACKET_MAX_BYTES (NH_LAMP__E131_HEAD_BYTES + NH_LAMP__E131_CHANNEL_MAX_COUNT)
#define NH_LAMP__E131_CID_BYTES 16
#define NH_LAMP__E131_NAME_BYTES 64 // with the NUL
#define NH_LAMP__E131_UNIVERSE_MAX 63999
#define NH_LAMP__E131_PRIORITY_MAX 200
#define NH_LAMP__E131_PRIORITY 100 // as usual

enum nh_lamp__e131_kind { NH_LAMP__E131_DATA, NH_LAMP__E131_SYNC };
struct nh_lamp__e131_packet {
    enum nh_lamp__e131_kind kind;
    uint8_t cid[NH_LAMP__E131_CID_BYTES];
    char name[NH_LAMP__E131_NAME_BYTES]; // of a data packet; NUL-terminated, as it came
    uint8_t priority;
    uint8_t sequence;
    bool is_preview, is_end; // not for showing; the last one of this sender
    uint16_t universe;       // of a sync packet the one that others name in `sync_universe`
    uint16_t sync_universe;  // 0: shown as it comes
    nh_span_t channels;      // borrowed from the datagram; empty: another start code than 0
};

// Reads a datagram. NH_ERR_PROTO: it is no such packet, or its layers do not fit each other.
// NH_ERR_UNSUPPORTED: one of the standard that carries no levels (universe discovery, another
// vector, another start code). After an error `*out` is not to be used.
NH_MUST_USE int nh_lamp__e131_parse(const uint8_t *bytes, size_t len,
                                    struct nh_lamp__e131_packet *out);

// Writes a data packet. `p->channels` is at most 512 of them. Returns its length.
size_t nh_lamp__e131_build(const struct nh_lamp__e131_packet *p,
                           uint8_t out[NH_LAMP__E131_PACKET_MAX_BYTES]);

// "239.255.0.1": where the packets of a universe go to.
#define NH_LAMP_E131_GROUP_TEXT_BYTES 16
const char *nh_lamp_e131_group(uint16_t universe, char out[NH_LAMP_E131_GROUP_TEXT_BYTES]);

// Whether `sequence` is to be dropped after `last`: as old as it, or up to 19 older.
bool nh_lamp__e131_is_old(uint8_t sequence, uint8_t last);

#endif
