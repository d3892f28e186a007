// The battery as a part of the hub.

#include "core/base/log.h"
#include "hub/hub_parts.h"

// By the loop's task, at the model's pace.
static void changed(void *ctx, uint32_t dirty, const struct nh_battery_snapshot *s)
{
    struct nh_hub *hub = ctx;
    nh_battery_remote_t *remote = nh_hub__battery_remote(hub);
    if (remote)
        nh_battery_remote_changed(remote, dirty, s);
    nh_hub__battery_bridge_changed(hub, dirty);
    if (hub->portal)
        nh_portal_feed_changed(hub->portal, "battery");
}

// Of their own, as more of them are kept than of other documents.
static void make_backups(struct nh_hub *hub, struct nh_battery_config *b)
{
    const struct nh_store_config cfg = {.mem = b->mem,
                                        .fs = nh_files_fs(hub->files),
                                        .dir = "battery_backups",
                                        .keep_count = hub->cfg.battery.backup_count};
    int err = nh_store_create(&cfg, &hub->battery_backups);
    if (err < 0)
        NH_LOG_W("battery", "backups cannot have a folder of their own: %s", nh_err_text(err));
    b->backups = hub->battery_backups;
}

static void fill(struct nh_hub *hub, struct nh_battery_config *out)
{
    const struct nh_hub_config *c = &hub->cfg;
    *out = (struct nh_battery_config){.sys = hub->sys,
                                      .loop = hub->loop,
                                      .sched = hub->sched,
                                      .bus = hub->bus,
                                      .store = hub->store,
                                      .path = c->battery.path,
                                      .has_gateway = c->battery_remote.gateway[0] != '\0',
                                      .baud = c->battery.baud,
                                      .mode = (uint8_t)c->battery.mode,
                                      .is_descending = c->battery.is_descending,
                                      .poll_ms = c->battery.poll_ms,
                                      .slow_ms = c->battery.slow_ms,
                                      .queue_max = c->battery.queue_max,
                                      .first_byte_ms = c->battery.first_byte_ms,
                                      .inside_ms = c->battery.inside_ms,
                                      .deadline_ms = c->battery.deadline_ms,
                                      .retry_count = c->battery.retry_count,
                                      .stale_ms = c->battery.stale_ms,
                                      .history_count = c->battery.history_count,
                                      .ctx = hub,
                                      .changed = changed};
}

// A hub that cannot have one runs on without it. A device that is not there is waited for.
int nh_hub__start_battery(struct nh_hub *hub)
{
    struct nh_battery_config cfg;
    if (!hub->cfg.battery.enabled)
        return NH_OK;
    fill(hub, &cfg);
    int err = nh_hub__owner(hub, "battery", &cfg.mem);
    if (err == 0)
        make_backups(hub, &cfg);
    if (err == 0)
        err = nh_battery_create(&cfg, &hub->battery);
    if (err == 0)
        err = nh_battery_start(hub->battery);
    if (err < 0) {
        NH_LOG_E("battery", "cannot be started: %s; there is none", nh_err_text(err));
        nh_hub__stop_battery(hub);
    }
    return NH_OK;
}

void nh_hub__stop_battery(struct nh_hub *hub)
{
    nh_battery_destroy(hub->battery);
    hub->battery = NULL;
    nh_store_destroy(hub->battery_backups);
    hub->battery_backups = NULL;
}
