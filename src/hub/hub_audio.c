// The audio player as a part of the hub.

#include "core/base/log.h"
#include "hub/hub_parts.h"

#include <stdio.h>

// By the task `audio`, which ends before the lamp does.
static void tell_lamp(void *ctx, uint8_t level, const uint8_t band[16])
{
    const struct nh_hub *hub = ctx;
    nh_lamp_audio(hub->lamp, level, band);
}

// A broker alone has none. A hub that cannot have one runs on without it.
int nh_hub__start_audio(struct nh_hub *hub)
{
    char root[sizeof hub->cfg.data + sizeof "/sdcard"];
    struct nh_audio_config cfg = {
        .sys = hub->sys,
        .bus = hub->bus,
        .store = hub->store,
        .root = hub->cfg.audio.root,
        .output = hub->cfg.audio.output,
        .rate_hz = hub->cfg.audio.rate_hz,
        .latency_ms = hub->cfg.audio.latency_ms,
        .buffer_ms = hub->cfg.audio.buffer_ms,
        .duck_db = hub->cfg.audio.duck_db,
        .idle_close_s = hub->cfg.audio.idle_close_s,
        .queue_max = hub->cfg.audio.queue_max,
        .has_get_changes = hub->cfg.compat.get_changes,
        .level = hub->lamp ? tell_lamp : NULL,
        .ctx = hub,
    };
    if (!hub->cfg.audio.enabled || hub->options.mosquitto)
        return NH_OK;
    // Its rings and stacks would take what the portal needs there.
    if (hub->board->psram_bytes == 0) {
        NH_LOG_W("audio", "off: board %s has no PSRAM", hub->board->name);
        return NH_OK;
    }
    snprintf(root, sizeof root, "%s/sdcard", hub->cfg.data);
    if (!cfg.root[0])
        cfg.root = root;
    int err = nh_hub__owner(hub, "audio", &cfg.mem);
    if (err == 0)
        err = nh_audio_create(&cfg, &hub->audio);
    if (err < 0)
        NH_LOG_E("audio", "the player cannot be started: %s; there is none", nh_err_text(err));
    return NH_OK;
}
