// The battery's points to other machines as a part of the hub: secrets, certificates, the folder of
// what waits.

#include "core/base/log.h"
#include "hub/hub_parts.h"
#include "hub/secret_file.h"
#include "platform/crypto.h"
#include "platform/tls.h"

#include <stdio.h>
#include <string.h>

#define DIR "battery_publish"
#define REQUEST_MAX_COUNT 2 // one a sink

struct nh_hub_battery_publish {
    nh_mem_t *mem;
    nh_battery_publish_t *publish;
    nh_lock_t lock;
    nh_tls_t *tls, *mqtt_tls; // of addresses that begin with https; of the broker; NULL: none
    nh_http_client_t *http;   // NULL: none is needed
    nh_store_t *store;        // NULL: nothing is kept
    char host[128];           // of the other broker
};

_Static_assert(NH_HUB_BROKER_PASSWORD_BYTES == NH_MQTT_PUBLISHER_TEXT_MAX + 1, "of a publisher");

// Read at the start and overwritten then.
struct secrets {
    char http[NH_SECRET_MAX_BYTES], influx[NH_SECRET_MAX_BYTES];
    char password[NH_HUB_BROKER_PASSWORD_BYTES];
};

static int read_secret(const char *field, const char *path, char *out, size_t cap)
{
    const char *why;
    int err = nh_secret_file_read(path, out, cap, &why);
    if (err < 0)
        NH_LOG_E("battery", "battery_publish.%s %s: %s", field, path, why);
    return err;
}

static int read_secrets(const struct nh_hub_config *c, struct secrets *s)
{
    *s = (struct secrets){0};
    int err =
        read_secret("http_token_file", c->battery_publish.http_token_file, s->http, sizeof s->http);
    if (err == 0)
        err = read_secret("influx_token_file", c->battery_publish.influx_token_file, s->influx,
                          sizeof s->influx);
    if (err == 0)
        err = read_secret("mqtt_password_file", c->battery_publish.mqtt_password_file, s->password,
                          sizeof s->password);
    return err;
}

static void read_snapshot(void *ctx, struct nh_battery_snapshot *out)
{
    const struct nh_hub *hub = ctx;
    nh_battery_read(hub->battery, out);
}

// ---- parts --------------------------------------------------------------------------------------

static bool is_https(const char *url)
{
    return strncmp(url, "https:", 6) == 0;
}

static int make_tls(const struct nh_hub_config *c, nh_mem_t *mem, bool any_name, nh_tls_t **out)
{
    char why[160];
    const char *ca_file = c->battery_publish.tls_ca_file;
    const struct nh_tls_config cfg = {.mem = mem,
                                      .is_client = true,
                                      .ca_file = ca_file[0] ? ca_file : NULL,
                                      .any_name = any_name};
    int err = nh_tls_create(&cfg, why, sizeof why, out);
    if (err < 0)
        NH_LOG_E("battery", "%s", why);
    return err;
}

static int make_http(struct nh_hub *hub, struct nh_hub_battery_publish *p)
{
    const char *http = hub->cfg.battery_publish.http, *influx = hub->cfg.battery_publish.influx;
    struct nh_http_client_config cfg = {
        .loop = hub->loop, .mem = p->mem, .request_max_count = REQUEST_MAX_COUNT};
    if (!http[0] && !influx[0])
        return NH_OK;
    int err =
        is_https(http) || is_https(influx) ? make_tls(&hub->cfg, p->mem, false, &p->tls) : NH_OK;
    cfg.tls = p->tls;
    return err < 0 ? err : nh_http_client_create(&cfg, &p->http);
}

static int make_broker(struct nh_hub *hub, struct nh_hub_battery_publish *p,
                       struct nh_battery_publish_broker *out)
{
    const struct nh_hub_config *c = &hub->cfg;
    const char *address = c->battery_publish.mqtt_broker;
    if (!c->battery_publish.mqtt || !address[0])
        return NH_OK;
    int err = nh_hub_bridge_address_split(address, p->host, sizeof p->host, &out->port);
    if (err == 0 && c->battery_publish.mqtt_tls)
        err = make_tls(c, p->mem, c->battery_publish.mqtt_tls_any_name, &p->mqtt_tls);
    out->host = p->host;
    out->address = address;
    out->user = c->battery_publish.mqtt_user;
    out->tls = p->mqtt_tls;
    return err;
}

static int make_store(struct nh_hub *hub, struct nh_hub_battery_publish *p)
{
    const struct nh_store_config cfg = {
        .mem = p->mem, .fs = nh_files_fs(hub->files), .dir = DIR, .keep_count = 1};
    if (!hub->cfg.battery_publish.flash)
        return NH_OK;
    int err = nh_store_create(&cfg, &p->store);
    if (err < 0) // points go out all the same
        NH_LOG_E("battery", "waiting points cannot be kept: %s", nh_err_text(err));
    return NH_OK;
}

static void fill(const struct nh_hub *hub, const struct nh_hub_battery_publish *p,
                 const struct secrets *s, struct nh_battery_publish_config *out)
{
    const struct nh_hub_config *c = &hub->cfg;
    out->mem = p->mem;
    out->loop = hub->loop;
    out->sched = hub->sched;
    out->lock = p->lock;
    out->device = c->name;
    out->period_ms = c->battery_publish.period_ms;
    out->ring_count = c->battery_publish.ring_count;
    out->flush_per_s = c->battery_publish.flush_per_s;
    out->backoff_max_ms = c->battery_publish.backoff_max_ms;
    out->http = p->http;
    out->http_url = c->battery_publish.http;
    out->http_user = c->battery_publish.http_user;
    out->http_token = s->http;
    out->mqtt_topic = c->battery_publish.mqtt ? c->battery_publish.mqtt_topic : NULL;
    out->broker = hub->broker;
    out->remote.password = s->password;
    out->status_ms = c->battery_publish.status_ms;
    out->influx_url = c->battery_publish.influx;
    out->influx_token = s->influx;
    out->store = p->store;
    out->flash_count = c->battery_publish.flash_count;
    out->flash_ms = c->battery_publish.flash_ms;
    out->ctx = (void *)hub;
    out->read = read_snapshot;
    out->clock_ms = nh_clock_ms;
    out->clock_unix_ms = nh_clock_unix_ms;
    out->random_u32 = nh_random_u32;
}

static int make(struct nh_hub *hub, struct nh_hub_battery_publish *p, struct secrets *s)
{
    struct nh_battery_publish_config cfg = {0};
    int err = read_secrets(&hub->cfg, s);
    if (err == 0)
        err = nh_lock_create(&p->lock);
    if (err == 0)
        err = make_http(hub, p);
    if (err == 0)
        err = make_broker(hub, p, &cfg.remote);
    if (err == 0)
        err = make_store(hub, p);
    if (err < 0)
        return err;
    fill(hub, p, s, &cfg);
    err = nh_battery_publish_create(&cfg, &p->publish);
    return err < 0 ? err : nh_battery_publish_start(p->publish);
}

// ---- start --------------------------------------------------------------------------------------

// A hub that cannot have it runs on without it.
int nh_hub__start_battery_publish(struct nh_hub *hub)
{
    struct secrets s;
    nh_mem_t *mem;
    if (!hub->cfg.battery_publish.enabled || !hub->battery)
        return NH_OK;
    int err = nh_hub__owner(hub, "battery_publish", &mem);
    if (err == 0)
        hub->battery_publish = nh_mem_alloc_zero(mem, sizeof *hub->battery_publish, NH_MEM_BULK);
    if (err == 0 && !hub->battery_publish)
        err = NH_ERR_NOMEM;
    if (err == 0) {
        hub->battery_publish->mem = mem;
        err = make(hub, hub->battery_publish, &s);
        nh_wipe(&s, sizeof s);
    }
    if (err == NH_ERR_INVAL)
        NH_LOG_W("battery", "no receiver of points is named: http, mqtt or influx");
    else if (err < 0)
        NH_LOG_E("battery", "points cannot be sent: %s", nh_err_text(err));
    if (err < 0)
        nh_hub__stop_battery_publish(hub);
    return NH_OK;
}

void nh_hub__stop_battery_publish(struct nh_hub *hub)
{
    struct nh_hub_battery_publish *p = hub->battery_publish;
    if (!p)
        return;
    nh_battery_publish_destroy(p->publish);
    nh_http_client_destroy(p->http);
    nh_tls_destroy(p->tls);
    nh_tls_destroy(p->mqtt_tls);
    nh_store_destroy(p->store);
    nh_lock_destroy(&p->lock);
    nh_mem_free(p->mem, p);
    hub->battery_publish = NULL;
}

nh_battery_publish_t *nh_hub__battery_publish(const struct nh_hub *hub)
{
    return hub->battery_publish ? hub->battery_publish->publish : NULL;
}
