// The macro pad as a part of the hub.

#include "core/base/log.h"
#include "hub/hub_parts.h"

// A broker alone has none. A hub that cannot have one runs on without it.
int nh_hub__start_macropad(struct nh_hub *hub)
{
    if (!hub->cfg.macropad.enabled || hub->options.mosquitto)
        return NH_OK;
    struct nh_macropad_config cfg = {
        .store = hub->store,
        .document_max_bytes = hub->cfg.macropad.document_max_bytes,
        .upload_timeout_ms = hub->cfg.macropad.upload_timeout_ms,
        .ctx = hub,
        .clock_ms = nh_clock_ms,
    };
    int err = nh_lock_create(&hub->macropad_lock);
    cfg.lock = hub->macropad_lock;
    if (err == 0)
        err = nh_hub__owner(hub, "macropad", &cfg.mem);
    if (err == 0)
        err = nh_macropad_create(&cfg, &hub->macropad);
    if (err == 0)
        err = nh_macropad_start(hub->macropad);
    if (err < 0) {
        NH_LOG_E("macropad", "the macro pad cannot be started: %s; there is none",
                 nh_err_text(err));
        nh_hub__stop_macropad(hub);
    }
    return NH_OK;
}

void nh_hub__stop_macropad(struct nh_hub *hub)
{
    nh_macropad_destroy(hub->macropad);
    hub->macropad = NULL;
    nh_lock_destroy(&hub->macropad_lock);
}
