// lamp_wled_udp.h - what WLED devices and their senders speak over UDP: pixels in real time (WARLS,
// DRGB, DRGBW, DNRGB, DNRGBW, TPM2.NET, raw RGB as Hyperion sends it), the state of one lamp for
// others to follow (sync), and who is there (beacon). Read and built; sans-IO.
//
//  real time:  0 protocol 1 to 5   1 timeout in s (255: for ever, 0: leave now)   2 or 4 pixels
//  sync:       0 protocol 0        1 why ... 41 bytes; 36 more for each segment
//  TPM2.NET:   0 9C  1 DA  2 size BE16  4 packet (from 1)  5 packets  6 data  6 + size: 36
//  beacon:     0 FF 01  2 IPv4  6 name [32]  38 type  39 unit  40 build LE32
//
// Source: docs/lamp-live.md, "WLED over UDP".

#ifndef NH_LAMP_WLED_UDP_H
#define NH_LAMP_WLED_UDP_H

#include "core/base/base.h"

#define NH_LAMP__WLED_PORT 21324
#define NH_LAMP__HYPERION_PORT 19446
#define NH_LAMP_BEACON_PORT 65506 // TPM2.NET's as well

// ---- pixels

enum nh_lamp__wled_kind {
    NH_LAMP__WLED_WARLS = 1,
    NH_LAMP__WLED_DRGB,
    NH_LAMP__WLED_DRGBW,
    NH_LAMP__WLED_DNRGB,
    NH_LAMP__WLED_DNRGBW,
    NH_LAMP__WLED_TPM2, // of the parser, not of the wire
    NH_LAMP__WLED_RAW,
};
#define NH_LAMP__WLED_TIMEOUT_NEVER_S 255

struct nh_lamp__wled_pixels {
    enum nh_lamp__wled_kind kind;
    uint8_t timeout_s;   // of kinds 1 to 5; 0: leave now; NH_LAMP__WLED_TIMEOUT_NEVER_S: for ever
    uint8_t pixel_bytes; // 3 or 4; with WARLS 4: index, R, G, B
    uint16_t start;      // number of the first pixel; not of TPM2
    uint8_t packet, packet_count; // of TPM2, from 1; count 0: the sender does not say
    nh_span_t data; // borrowed from the datagram; whole pixels, what is over was left out
};

// Reads a datagram of the ports of WLED and TPM2.NET. NH_ERR_PROTO: too short, or its size does not
// fit. NH_ERR_UNSUPPORTED: another kind (sync and beacon as well: see below). After an error `*out`
// is not to be used.
NH_MUST_USE int nh_lamp__wled_pixels_parse(const uint8_t *bytes, size_t len,
                                           struct nh_lamp__wled_pixels *out);

// All of the datagram is pixels, from the first one on. NH_ERR_PROTO: not even one.
NH_MUST_USE int nh_lamp__hyperion_parse(const uint8_t *bytes, size_t len,
                                        struct nh_lamp__wled_pixels *out);

// ---- sync

#define NH_LAMP_SYNC_VERSION 12
#define NH_LAMP_SYNC_BYTES 41 // without segments: they are another lamp's own matter
#define NH_LAMP_SYNC_MIN_BYTES 12
#define NH_LAMP_SYNC_SEGMENT_BYTES 36

enum nh_lamp_sync_why { // byte 1, "call mode"
    NH_LAMP_SYNC_INIT = 0,
    NH_LAMP_SYNC_DIRECT = 1,
    NH_LAMP_SYNC_BUTTON = 2,
    NH_LAMP_SYNC_EFFECT = 6,
};
struct nh_lamp_sync {
    uint8_t why;                               // enum nh_lamp_sync_why, or another
    uint8_t brightness;                        // 0: off
    uint8_t color[3][4];                       // R, G, B, W
    uint8_t effect, speed, intensity, palette; // indices, and 0 to 255
    uint16_t transition_ms;
    uint8_t groups; // bit n: group n + 1
    // What a shorter packet, of an older sender, has not: these fields are 0 then.
    bool has_second, has_intensity, has_transition, has_palette, has_third, has_groups;
    bool is_follow_up;    // sent again, in case that the first one was lost
    uint32_t timebase_ms; // of its animation
    uint64_t unix_ms;     // when it was sent, where the sender knows; 0: it does not
};

// Reads a datagram whose byte 0 is 0. NH_ERR_PROTO: too short, of another byte 0, or of version 0,
// as zeros alone would be.
NH_MUST_USE int nh_lamp_sync_parse(const uint8_t *bytes, size_t len, struct nh_lamp_sync *out);
// Writes one of version 12; all fields are sent.
void nh_lamp_sync_build(const struct nh_lamp_sync *s, uint8_t out[NH_LAMP_SYNC_BYTES]);

// ---- beacon

#define NH_LAMP_BEACON_BYTES 44
#define NH_LAMP_BEACON_NAME_BYTES 33 // with the NUL
struct nh_lamp_beacon {
    uint8_t ip[4];
    char name[NH_LAMP_BEACON_NAME_BYTES];
    uint8_t type; // 0 to 127: what chip; 32: ESP32
    bool is_on;
    uint8_t unit;
    uint32_t build;
};
// NH_ERR_PROTO: it is none.
NH_MUST_USE int nh_lamp_beacon_parse(const uint8_t *bytes, size_t len, struct nh_lamp_beacon *out);
void nh_lamp_beacon_build(const struct nh_lamp_beacon *b, uint8_t out[NH_LAMP_BEACON_BYTES]);

#endif
