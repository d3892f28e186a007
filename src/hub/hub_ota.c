// Updates by the hub itself: when it is well, and how it gives way to another program.

#include "hub/hub_parts.h"

#define LAMP_FRAMES 20

// A lamp that is on has to draw.
static bool lamp_is_well(const struct nh_hub *hub)
{
    struct nh_lamp_snapshot s;
    struct nh_lamp_info info;
    if (!hub->cfg.lamp.enabled)
        return true;
    if (!hub->lamp)
        return false;
    nh_lamp_snapshot(hub->lamp, &s);
    nh_lamp_info(hub->lamp, &info);
    return !s.state.power || info.frame_count >= LAMP_FRAMES;
}

static bool is_well(void *ctx)
{
    const struct nh_hub *hub = ctx;
    return (hub->portal || !hub->cfg.http.listen[0]) && lamp_is_well(hub);
}

static void restart(void *ctx)
{
    struct nh_hub *hub = ctx;
    hub->wants_other = true;
    if (nh_hub__restart_soon(hub) < 0) { // no timer is left: then at once, the reply is lost
        hub->wants_restart = !hub->is_told_to_stop;
        nh_loop_stop(hub->loop);
    }
}

static int start(struct nh_hub *hub)
{
    struct nh_ota_config cfg = {
        .fs = nh_files_fs(hub->files),
        .sched = hub->sched,
        .running = (enum nh_ota_place)nh_hub_launched_from(),
        .version = NH_VERSION,
        .image_max_bytes = hub->cfg.ota.image_max_bytes,
        .idle_timeout_ms = hub->cfg.ota.idle_timeout_ms,
        .confirm_after_ms = hub->cfg.ota.confirm_after_ms,
        .confirm_before_ms = hub->cfg.ota.confirm_before_ms,
        .clock_ms = nh_clock_ms,
        .ctx = hub,
        .is_well = is_well,
        .restart = restart,
    };
    int err = nh_hub__owner(hub, "ota", &cfg.mem);
    if (err < 0)
        return err;
    const struct nh_store_config store = {
        .mem = cfg.mem, .fs = cfg.fs, .dir = NH_OTA_DIR, .keep_count = 2};
    err = nh_store_create(&store, &hub->ota_store);
    if (err < 0)
        return err;
    cfg.store = hub->ota_store;
    NH_IGNORE(nh_hub_config_ota_key(&hub->cfg, cfg.key)); // the validation saw it
    return nh_ota_create(&cfg, &hub->ota);
}

int nh_hub__start_ota(struct nh_hub *hub)
{
    return hub->cfg.ota.enabled && !hub->options.mosquitto && hub->files ? start(hub) : NH_OK;
}

void nh_hub__stop_ota(struct nh_hub *hub)
{
    nh_ota_destroy(hub->ota);
    hub->ota = NULL;
    nh_store_destroy(hub->ota_store);
    hub->ota_store = NULL;
}
