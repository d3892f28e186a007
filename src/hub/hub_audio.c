// The audio player as a part of the hub.

#include "hub/hub_parts.h"

#include <stdio.h>

// A broker alone has none.
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
    };
    if (!hub->cfg.audio.enabled || hub->options.mosquitto)
        return NH_OK;
    snprintf(root, sizeof root, "%s/sdcard", hub->cfg.data);
    if (!cfg.root[0])
        cfg.root = root;
    int err = nh_hub__owner(hub, "audio", &cfg.mem);
    return err < 0 ? err : nh_audio_create(&cfg, &hub->audio);
}
