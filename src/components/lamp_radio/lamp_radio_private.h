// lamp_radio_private.h - the lamp on the air, shared by its two files.

#ifndef NH_LAMP_RADIO_PRIVATE_H
#define NH_LAMP_RADIO_PRIVATE_H

#include "components/lamp_radio/lamp_radio.h"
#include "components/lamp_radio/radio_channel.h"

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

// Sets the timer by the engine's next deadline.
void nh_lamp_radio__arm(nh_lamp_radio_t *r);

#endif
