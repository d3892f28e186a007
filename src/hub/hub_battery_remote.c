// The battery's network side as a part of the hub: the gateway's password and certificate, and the
// places of the portal where others find this hub as their gateway.

#include "core/base/log.h"
#include "hub/hub_parts.h"
#include "hub/secret_file.h"
#include "platform/crypto.h"
#include "platform/tls.h"

#include <stdio.h>
#include <string.h>

#define REQUEST_MAX_COUNT 1 // one after the other

struct nh_hub_battery_remote {
    nh_mem_t *mem;
    nh_battery_remote_t *remote;
    nh_tls_t *tls;          // NULL: the gateway's address is plain
    nh_http_client_t *http; // NULL: nobody is asked
};

static int read_password(const char *path, char *out, size_t cap)
{
    const char *why;
    int err = nh_secret_file_read(path, out, cap, &why);
    if (err < 0)
        NH_LOG_E("battery", "battery_remote.password_file %s: %s", path, why);
    return err;
}

static int make_http(struct nh_hub *hub, struct nh_hub_battery_remote *b)
{
    char why[160];
    const char *gateway = hub->cfg.battery_remote.gateway;
    const char *ca_file = hub->cfg.battery_remote.tls_ca_file;
    struct nh_http_client_config cfg = {
        .loop = hub->loop, .mem = b->mem, .request_max_count = REQUEST_MAX_COUNT};
    const struct nh_tls_config tls = {
        .mem = b->mem, .is_client = true, .ca_file = ca_file[0] ? ca_file : NULL};
    int err = NH_OK;
    if (!gateway[0])
        return NH_OK;
    if (strncmp(gateway, "https:", 6) == 0)
        err = nh_tls_create(&tls, why, sizeof why, &b->tls);
    if (err < 0) {
        NH_LOG_E("battery", "battery_remote: %s", why);
        return err;
    }
    cfg.tls = b->tls;
    return nh_http_client_create(&cfg, &b->http);
}

static int make_remote(struct nh_hub *hub, struct nh_hub_battery_remote *b)
{
    const struct nh_hub_config *c = &hub->cfg;
    char password[NH_HUB_GATEWAY_PASSWORD_BYTES] = "";
    struct nh_battery_remote_config cfg = {
        .mem = b->mem,
        .loop = hub->loop,
        .sched = hub->sched,
        .store = hub->store,
        .battery = hub->battery,
        .http = b->http,
        .tls = b->tls,
        .gateway = c->battery_remote.gateway,
        .user = c->battery_remote.user,
        .password = password,
        .is_gateway = c->battery_remote.serve,
        .uart_baudrate = c->battery.path[0] ? c->battery.baud : 0,
        .mqtt_broker = hub->mqtt_address,
        .mqtt_topic = c->battery_publish.mqtt ? c->battery_publish.mqtt_topic : NULL,
        .frame_ms = c->battery_remote.frame_ms,
        .save_delay_ms = c->battery_remote.save_delay_ms,
        .save_deadline_ms = c->battery_remote.save_deadline_ms,
        .delta_mv = c->battery_remote.delta_mv,
        .backoff_max_ms = c->battery_remote.backoff_max_ms};
    int err = read_password(c->battery_remote.password_file, password, sizeof password);
    if (err == NH_OK)
        err = nh_battery_remote_create(&cfg, &b->remote);
    nh_wipe(password, sizeof password);
    return err < 0 ? err : nh_battery_remote_start(b->remote);
}

// A hub that cannot have it runs on without it.
int nh_hub__start_battery_remote(struct nh_hub *hub)
{
    struct nh_hub_battery_remote *b;
    nh_mem_t *mem;
    if (!hub->battery)
        return NH_OK;
    int err = nh_hub__owner(hub, "battery_remote", &mem);
    if (err < 0)
        return NH_OK;
    b = hub->battery_remote = nh_mem_alloc_zero(mem, sizeof *b, NH_MEM_BULK);
    if (b) {
        b->mem = mem;
        err = make_http(hub, b);
        if (err == NH_OK)
            err = make_remote(hub, b);
    }
    if (!b || err < 0) {
        NH_LOG_E("battery", "its network side cannot be started: %s; there is none",
                 nh_err_text(b ? err : NH_ERR_NOMEM));
        nh_hub__stop_battery_remote(hub);
    }
    return NH_OK;
}

void nh_hub__stop_battery_remote(struct nh_hub *hub)
{
    struct nh_hub_battery_remote *b = hub->battery_remote;
    if (!b)
        return;
    nh_battery_remote_destroy(b->remote);
    nh_http_client_destroy(b->http);
    nh_tls_destroy(b->tls);
    nh_mem_free(b->mem, b);
    hub->battery_remote = NULL;
}

nh_battery_remote_t *nh_hub__battery_remote(const struct nh_hub *hub)
{
    return hub->battery_remote ? hub->battery_remote->remote : NULL;
}

size_t nh_hub__battery_places(struct nh_hub *hub,
                              struct nh_ws_place out[NH_BATTERY_GATEWAY_PLACE_COUNT])
{
    struct nh_battery_gateway_place places[NH_BATTERY_GATEWAY_PLACE_COUNT];
    size_t count = nh_battery_gateway_places(nh_hub__battery_remote(hub), places);
    for (size_t i = 0; i < count; i++)
        out[i] = (struct nh_ws_place){.path = places[i].path, .guest = places[i].guest};
    return count;
}
