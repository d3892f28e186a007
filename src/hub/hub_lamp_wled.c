// The lamp's WLED interface as a part of the hub.

#include "core/base/log.h"
#include "hub/hub_lamp_live.h"
#include "hub/hub_parts.h"

#include <stdio.h>

static void facts(void *ctx, struct nh_wled_facts *out)
{
    struct nh_hub *hub = ctx;
    struct nh_mem_snapshot s;
    uint64_t used, total;
    snprintf(out->ip, sizeof out->ip, "%.45s", hub->ip);
    out->sync_send = hub->live && hub->cfg.lamp_live.sync_send != 0;
    out->sync_receive = hub->live && hub->cfg.lamp_live.sync_receive != 0;
    if (hub->live) {
        out->sync_send = hub->live->sync_send != 0;
        out->sync_receive = hub->live->sync_receive != 0;
        out->lor = hub->live->over;
    }
    nh_mem_figures(hub->sys, &s);
    out->free_bytes = s.tier[NH_MEM_INTERNAL].free_bytes;
    if (hub->files && nh_files_space(hub->files, &used, &total) == 0) {
        out->store_used_kb = used / 1024 < UINT32_MAX ? (uint32_t)(used / 1024) : UINT32_MAX;
        out->store_total_kb = total / 1024 < UINT32_MAX ? (uint32_t)(total / 1024) : UINT32_MAX;
    }
}

static void sync_set(void *ctx, bool send, bool receive)
{
    nh_hub__lamp_sync_set(ctx, send, receive);
}

static void override_set(void *ctx, uint8_t lor)
{
    nh_hub__lamp_override_set(ctx, lor);
}

static struct nh_wled_config config_of(struct nh_hub *hub)
{
    static char mac[13]; // borrowed by the component for its life
    nh_feed_part_t parts[NH_LAMP_FEED_COUNT];
    nh_lamp_feed_parts(hub->lamp, parts);
    nh_hub__mac(hub, mac);
    return (struct nh_wled_config){
        .sched = hub->sched,
        .lamp = hub->lamp,
        .store = hub->store,
        .preview = parts[0].channel == NH_LAMP_PREVIEW_CHANNEL ? parts[0] : parts[1],
        .name = hub->cfg.name,
        .version = NH_VERSION,
        .mac = mac,
        .preset_max_count = hub->cfg.lamp_wled.preset_max_count,
        .is_open = hub->cfg.lamp_wled.open,
        .seed = nh_random_u32(),
        .ctx = hub,
        .clock_ms = nh_clock_ms,
        .clock_unix_ms = nh_clock_unix_ms,
        .facts = facts,
        .sync_set = sync_set,
        .override_set = override_set,
    };
}

int nh_hub__start_lamp_wled(struct nh_hub *hub)
{
    if (!hub->lamp || !hub->cfg.lamp_wled.enabled)
        return NH_OK;
    struct nh_wled_config cfg = config_of(hub);
    int err = nh_hub__owner(hub, "lamp", &cfg.mem);
    if (err == 0)
        err = nh_wled_create(&cfg, &hub->wled);
    if (err < 0)
        NH_LOG_E("lamp", "no WLED interface: %s", nh_err_text(err));
    if (cfg.is_open)
        NH_LOG_W("lamp", "lamp_wled.open: whoever reaches the portal may switch the lamp without a "
                         "password");
    return NH_OK;
}

void nh_hub__stop_lamp_wled(struct nh_hub *hub)
{
    nh_wled_destroy(hub->wled);
    hub->wled = NULL;
}
