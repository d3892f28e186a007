// wled_write.h - the documents that WLED clients read, from a view of the lamp. Sans-IO.
//
// Which fields, and why these values: docs/lamp-wled.md.

#ifndef NH_WLED_WRITE_H
#define NH_WLED_WRITE_H

#include "components/lamp/lamp.h"

// Whom a client takes the lamp for: the release whose fields these are, and its number.
#define NH_WLED_VERSION "0.15.0"
#define NH_WLED_BUILD 2412100
#define NH_WLED_UDP_PORT 21324

struct nh_wled_nightlight {
    bool is_on;
    uint8_t minutes; // 1 to 255
    uint8_t mode;    // 0 at once at the end, 1 fade, 2 fade of colours (as 1), 3 sunrise
    uint8_t target;
    int32_t remaining_s; // -1: it does not run
};

// All that the documents tell; pointers are borrowed for the call.
struct nh_wled_view {
    const struct nh_lamp_snapshot *lamp;
    const struct nh_lamp_info *info;
    const char *name, *version, *release;
    const char *mac; // 12 digits of lower-case hex
    const char *ip;
    uint16_t palette_count; // of the lamp, without the effect's own
    uint8_t sx, lor;
    uint32_t transition_ds; // tenths of a second
    int32_t preset;         // -1: none
    struct nh_wled_nightlight nl;
    bool udpn_send, udpn_recv;
    bool is_pixels; // the client's own pixels are shown
    uint32_t ws_count;
    uint64_t uptime_s, free_bytes;
    uint32_t store_used_kb, store_total_kb;
    int64_t presets_unix_s; // when they were changed last
    int64_t unix_s;
};

void nh_wled_write_state(nh_json_writer_t *w, const struct nh_wled_view *v); // at most 1 KiB
void nh_wled_write_info(nh_json_writer_t *w, const struct nh_wled_view *v);  // at most 1.5 KiB
// The reply of the older interface, XML, into `out` of at least 1 KiB; its length.
size_t nh_wled_write_xml(const struct nh_wled_view *v, char *out, size_t cap);

#endif
