// radio_channel.h - which channel the radio is on, where Wi-Fi shares it: one module decides.
//
//   no SSID                  fallback
//   connected                the access point's
//   link lost                fallback at once; tries again after 1, 2, 5, 15, then every 60 s
//   trying                   for NH_RADIO_CHANNEL_TRY_MS at most: meanwhile the radio is deaf
//   update's access point    stays where it is, and no tries
//
// So it is back on fallback NH_RADIO_CHANNEL_TRY_MS after the link was lost at the latest, and
// remotes reach it there for most of the time. Sans-IO; one task.

#ifndef NH_LAMP_RADIO_CHANNEL_H
#define NH_LAMP_RADIO_CHANNEL_H

#include "core/base/base.h"

#define NH_RADIO_CHANNEL_TRY_MS 5000
#define NH_RADIO_CHANNEL_STABLE_MS 10000 // a link that held so long begins the waits anew

enum nh_radio_channel_state {
    NH_RADIO_CHANNEL_FALLBACK,
    NH_RADIO_CHANNEL_TRYING,
    NH_RADIO_CHANNEL_CONNECTED,
};
enum nh_radio_channel_act { // what the caller has to do now
    NH_RADIO_CHANNEL_STAY,
    NH_RADIO_CHANNEL_CONNECT, // begin to connect; tell connected() or failed()
    NH_RADIO_CHANNEL_GIVE_UP, // end that, and set the radio to nh_radio_channel_at()
};

// The caller embeds it; private.
typedef struct nh_radio_channel {
    enum nh_radio_channel_state state;
    bool has_ssid, is_held;
    uint8_t fallback, channel;
    uint32_t wait_index; // of the next wait
    uint64_t due_ms;     // of the next try, or the end of this one
    uint64_t since_ms;   // CONNECTED
    uint32_t try_count, lost_count;
} nh_radio_channel_t;

// `fallback` 1 to 13. NH_ERR_RANGE. The first try is due at once.
NH_MUST_USE int nh_radio_channel_init(nh_radio_channel_t *c, uint8_t fallback, bool has_ssid,
                                      uint64_t now_ms);
// The link is up, on the access point's channel; it moved to another one: call it again.
void nh_radio_channel_connected(nh_radio_channel_t *c, uint8_t channel, uint64_t now_ms);
// The link was lost, or the try has failed.
void nh_radio_channel_failed(nh_radio_channel_t *c, uint64_t now_ms);
// While the update's access point is up.
void nh_radio_channel_hold(nh_radio_channel_t *c, bool is_held, uint64_t now_ms);

NH_MUST_USE enum nh_radio_channel_act nh_radio_channel_tick(nh_radio_channel_t *c, uint64_t now_ms);
uint64_t nh_radio_channel_next_deadline(const nh_radio_channel_t *c);
uint8_t nh_radio_channel_at(const nh_radio_channel_t *c);
bool nh_radio_channel_is_deaf(const nh_radio_channel_t *c); // a try scans all channels

#endif
