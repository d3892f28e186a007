// The lamp's radio as a part of the hub.

#include "core/base/log.h"
#include "hub/hub_parts.h"

#include <string.h>

// By the loop's task, once for however many changes.
static void changed(void *ctx)
{
    struct nh_hub *hub = ctx;
    if (hub->portal)
        nh_portal_feed_changed(hub->portal, "lamp_radio");
}

// The player takes a new volume in its own time: what was asked for is what it will be.
static uint8_t volume(void *ctx, const uint8_t *set)
{
    struct nh_hub *hub = ctx;
    struct nh_audio_snapshot s;
    const struct nh_audio_target all = {.kind = NH_AUDIO_ALL};
    if (set && nh_audio_volume(hub->audio, all, *set, 0) == 0)
        return *set;
    nh_audio_snapshot(hub->audio, &s);
    return (uint8_t)s.volume;
}

// The hub is updated by its portal, at any time: no access point is opened for it, so there is no
// network to name and no end.
static void ota(void *ctx, struct nh_radio_ota *out)
{
    struct nh_hub *hub = ctx;
    struct nh_ota_snapshot s;
    *out = (struct nh_radio_ota){.status = NH_RADIO_OTA_NONE};
    if (!hub->ota)
        return;
    nh_ota_snapshot(hub->ota, &s);
    out->status = s.phase == NH_OTA_RECEIVING ? NH_RADIO_OTA_BUSY
                  : s.phase == NH_OTA_FAILED  ? NH_RADIO_OTA_ERROR
                                              : NH_RADIO_OTA_READY;
}

static void fill_radio(const struct nh_hub_config *c, struct nh_radio_config *out)
{
    *out = (struct nh_radio_config){.channel = (uint8_t)c->lamp_radio.channel,
                                    .group = c->lamp_radio.group,
                                    .port = (uint16_t)c->lamp_radio.port,
                                    .interface = c->lamp_radio.interface,
                                    .loss_pct = c->lamp_radio.loss_pct,
                                    .duplicate_pct = c->lamp_radio.duplicate_pct,
                                    .delay_max_ms = c->lamp_radio.delay_ms,
                                    .seed = nh_random_u32()};
    if (c->lamp_radio.address[0] && !nh_radio_address_parse(c->lamp_radio.address, &out->address))
        NH_LOG_W("lamp", "lamp_radio.address is none; another one is made");
}

// A hub that cannot have one runs on without it.
int nh_hub__start_lamp_radio(struct nh_hub *hub)
{
    const struct nh_hub_config *c = &hub->cfg;
    struct nh_lamp_radio_config cfg = {.loop = hub->loop,
                                       .sched = hub->sched,
                                       .store = hub->store,
                                       .lamp = hub->lamp,
                                       .node = (uint16_t)c->lamp_radio.node,
                                       .name = c->name,
                                       .peer_max_count = c->lamp_radio.peer_max_count,
                                       .pairing_s = c->lamp_radio.pairing_s,
                                       .allow_v1 = c->lamp_radio.allow_v1,
                                       .ctx = hub,
                                       .volume = hub->audio ? volume : NULL,
                                       .ota = ota,
                                       .changed = changed};
    if (!c->lamp_radio.enabled || !hub->lamp)
        return NH_OK;
    fill_radio(c, &cfg.radio);
    int err = nh_hub__owner(hub, "lamp_radio", &cfg.mem);
    if (err == 0)
        err = nh_lamp_radio_create(&cfg, &hub->lamp_radio);
    if (err < 0)
        NH_LOG_E("lamp", "the radio at %s:%u cannot be opened: %s; there is none",
                 c->lamp_radio.group, (unsigned)c->lamp_radio.port, nh_err_text(err));
    return NH_OK;
}

void nh_hub__stop_lamp_radio(struct nh_hub *hub)
{
    nh_lamp_radio_destroy(hub->lamp_radio);
    hub->lamp_radio = NULL;
}
