// lamp_radio_private.h - the lamp on the air, shared by its two files.

#ifndef NH_LAMP_RADIO_PRIVATE_H
#define NH_LAMP_RADIO_PRIVATE_H

#include "components/lamp/lamp_radio.h"
#include "components/lamp/radio_channel.h"

struct nh_lamp_radio {
    struct nh_lamp_radio_config cfg;
    nh_radio_lamp_t *engine;
    nh_radio_t *radio;
    nh_radio_channel_t channel;
    nh_radio_address_t address;
    nh_timer_t tick, save_volume;
    uint8_t volume;      // as it was told last
    uint32_t volume_seq; // rises with it
    uint64_t send_failed_count;
};

// The timer, by what the engine waits for now.
void nh_lamp_radio__arm(nh_lamp_radio_t *r);

#endif
