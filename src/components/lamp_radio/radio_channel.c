#include "components/lamp_radio/radio_channel.h"

#include "platform/radio.h"

static const uint32_t waits_ms[] = {1000, 2000, 5000, 15000, 60000};

int nh_radio_channel_init(nh_radio_channel_t *c, uint8_t fallback, bool has_ssid, uint64_t now_ms)
{
    if (fallback == 0 || fallback > NH_RADIO_CHANNEL_MAX)
        return NH_ERR_RANGE;
    *c = (nh_radio_channel_t){.has_ssid = has_ssid,
                              .fallback = fallback,
                              .channel = fallback,
                              .due_ms = has_ssid ? now_ms : NH_NEVER};
    return 0;
}

void nh_radio_channel_connected(nh_radio_channel_t *c, uint8_t channel, uint64_t now_ms)
{
    if (!c->has_ssid || channel == 0 || channel > NH_RADIO_CHANNEL_MAX)
        return;
    if (c->state != NH_RADIO_CHANNEL_CONNECTED)
        c->since_ms = now_ms;
    c->state = NH_RADIO_CHANNEL_CONNECTED;
    c->channel = channel;
    c->due_ms = NH_NEVER;
}

// On fallback until the next try.
static void fall_back(nh_radio_channel_t *c, uint64_t now_ms)
{
    c->state = NH_RADIO_CHANNEL_FALLBACK;
    c->channel = c->fallback;
    c->due_ms = nh_ms_after(now_ms, waits_ms[c->wait_index]);
    if (c->wait_index + 1 < NH_ARRAY_LEN(waits_ms))
        c->wait_index++;
}

void nh_radio_channel_failed(nh_radio_channel_t *c, uint64_t now_ms)
{
    if (c->state == NH_RADIO_CHANNEL_FALLBACK)
        return;
    if (c->state == NH_RADIO_CHANNEL_CONNECTED) {
        c->lost_count++;
        if (now_ms - c->since_ms >= NH_RADIO_CHANNEL_STABLE_MS)
            c->wait_index = 0;
    }
    uint8_t channel = c->channel;
    fall_back(c, now_ms);
    if (c->is_held) { // whoever uploads is on it
        c->channel = channel;
        c->due_ms = NH_NEVER;
    }
}

void nh_radio_channel_hold(nh_radio_channel_t *c, bool is_held, uint64_t now_ms)
{
    if (c->is_held == is_held)
        return;
    c->is_held = is_held;
    if (c->state == NH_RADIO_CHANNEL_CONNECTED || !c->has_ssid)
        return;
    c->wait_index = 0;
    fall_back(c, now_ms);
    if (is_held)
        c->due_ms = NH_NEVER;
}

enum nh_radio_channel_act nh_radio_channel_tick(nh_radio_channel_t *c, uint64_t now_ms)
{
    if (now_ms < c->due_ms)
        return NH_RADIO_CHANNEL_STAY;
    if (c->state == NH_RADIO_CHANNEL_TRYING) {
        fall_back(c, now_ms);
        return NH_RADIO_CHANNEL_GIVE_UP;
    }
    c->state = NH_RADIO_CHANNEL_TRYING;
    c->due_ms = nh_ms_after(now_ms, NH_RADIO_CHANNEL_TRY_MS);
    c->try_count++;
    return NH_RADIO_CHANNEL_CONNECT;
}

uint64_t nh_radio_channel_next_deadline(const nh_radio_channel_t *c)
{
    return c->due_ms;
}

uint8_t nh_radio_channel_at(const nh_radio_channel_t *c)
{
    return c->channel;
}

bool nh_radio_channel_is_deaf(const nh_radio_channel_t *c)
{
    return c->state == NH_RADIO_CHANNEL_TRYING;
}
