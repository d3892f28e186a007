// radio.h - small frames between stations that know each other by address: ESP-NOW on a chip, UDP
// multicast on loopback on Linux, with loss, delay and duplication as told.
//
// All calls are the loop task's, and so are the callbacks.

#ifndef NH_PLATFORM_RADIO_H
#define NH_PLATFORM_RADIO_H

#include "platform/platform.h"

#define NH_RADIO_FRAME_MAX_BYTES 250
#define NH_RADIO_CHANNEL_MAX 13

typedef struct nh_radio nh_radio_t;
typedef struct nh_radio_address {
    uint8_t mac[6]; // all 0xFF: everybody on the channel
} nh_radio_address_t;

struct nh_radio_config {
    nh_loop_t *loop;
    struct nh_mem *mem;
    nh_radio_address_t address; // of this station
    uint8_t channel;            // 1 to NH_RADIO_CHANNEL_MAX; stations hear only their own channel
    // Of the port on Linux: the group's address and port, and how bad the air is.
    const char *group;                // NULL: "239.255.76.76"
    uint16_t port;                    // 0: 37676
    const char *interface;            // numeric address of it; NULL: "127.0.0.1"
    uint32_t loss_pct, duplicate_pct; // of the frames that come in
    uint32_t delay_min_ms, delay_max_ms;
    uint32_t seed; // of that misery
    void *ctx;
    // A frame for this station or for everybody; borrowed for the call.
    void (*input)(void *ctx, const nh_radio_address_t *from, int8_t rssi_dbm, const uint8_t *bytes,
                  size_t len);
};
// NH_ERR_RANGE: the channel. NH_ERR_INVAL, NH_ERR_DENIED, NH_ERR_NOMEM: nothing was opened.
NH_MUST_USE int nh_radio_open(const struct nh_radio_config *cfg, nh_radio_t **out);
// At once or not at all: NH_ERR_AGAIN. NH_ERR_TOO_LONG.
NH_MUST_USE int nh_radio_send(nh_radio_t *r, const nh_radio_address_t *to, const void *bytes,
                              size_t len);
NH_MUST_USE int nh_radio_channel_set(nh_radio_t *r, uint8_t channel); // NH_ERR_RANGE
struct nh_radio_info {
    uint8_t channel;
    uint64_t received_count, sent_count, lost_count, duplicated_count, foreign_count;
};
void nh_radio_info(const nh_radio_t *r, struct nh_radio_info *out);
void nh_radio_close(nh_radio_t *r); // NULL: nothing

#endif
