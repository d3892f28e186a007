// What the network finds by name: the portal, and the lamp as WLED's clients look for one.

#include "core/base/crc.h"
#include "core/base/log.h"
#include "hub/hub_parts.h"
#include "platform/mdns.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LOOK_INTERVAL_MS 60000 // for another address of this machine

struct nh_hub_mdns_part {
    nh_advertiser_t *advertiser; // NULL: no address yet
    nh_timer_t look;
    char address[46], text[20];
    struct nh_mdns_service services[2];
};

void nh_hub__mac(const struct nh_hub *hub, char out[13])
{
    struct nh_host_net net;
    size_t len = 0;
    nh_host_net_get(&net);
    for (const char *p = net.mac; *p && len < 12; p++)
        if (isxdigit((unsigned char)*p))
            out[len++] = (char)tolower((unsigned char)*p);
    out[len] = '\0';
    if (len == 12)
        return;
    snprintf(out, 13, "026e%08x", (unsigned)nh_crc32(0, hub->cfg.name, strlen(hub->cfg.name)));
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

// The address to tell: the configured one, the portal's, or where the portal listens everywhere
// that of the machine. "": there is none of IPv4.
static void find_address(const struct nh_hub *hub, char out[46])
{
    struct nh_host_net net;
    char host[64];
    uint16_t port;
    out[0] = '\0';
    if (hub->cfg.mdns.address[0]) {
        snprintf(out, 46, "%s", hub->cfg.mdns.address);
        return;
    }
    if (nh_hub_address_split(hub->http_address, host, sizeof host, &port) != 0)
        return;
    if (strcmp(host, "0.0.0.0") != 0 && strcmp(host, "::") != 0) {
        snprintf(out, 46, "%.45s", strchr(host, ':') ? "" : host);
        return;
    }
    nh_host_net_get(&net);
    if (net.mac[0])
        snprintf(out, 46, "%s", net.address);
}

static int advertise(struct nh_hub *hub)
{
    struct nh_hub_mdns_part *p = hub->mdns;
    struct nh_advertiser_config cfg = {.loop = hub->loop,
                                       .name = hub->cfg.name,
                                       .address = p->address,
                                       .services = p->services,
                                       .service_count = hub->wled ? 2 : 1,
                                       .seed = nh_random_u32()};
    int err = nh_hub__owner(hub, "hub", &cfg.mem);
    if (err == 0)
        err = nh_advertiser_start(&cfg, &p->advertiser);
    if (err < 0)
        NH_LOG_W("hub", "not to be found by name at %s: %s", p->address, nh_err_text(err));
    else
        NH_LOG_I("hub", "to be found as %s.local at %s", hub->cfg.name, p->address);
    return err;
}

// An address that came, or became another one.
static void look(void *ctx, struct nh_timer *t, uint64_t now_ms)
{
    struct nh_hub *hub = ctx;
    char address[46];
    (void)t;
    (void)now_ms;
    find_address(hub, address);
    if (!address[0] || (hub->mdns->advertiser && strcmp(address, hub->mdns->address) == 0))
        return;
    nh_advertiser_stop(hub->mdns->advertiser);
    hub->mdns->advertiser = NULL;
    memcpy(hub->mdns->address, address, sizeof address);
    NH_IGNORE(advertise(hub)); // told; the next look tries again
}

static void fill_services(struct nh_hub *hub, struct nh_hub_mdns_part *p)
{
    char mac[13];
    uint16_t port = nh_portal_port(hub->portal);
    nh_hub__mac(hub, mac);
    snprintf(p->text, sizeof p->text, "mac=%s", mac);
    p->services[0] = (struct nh_mdns_service){"_http._tcp", port, p->text};
    p->services[1] = (struct nh_mdns_service){"_wled._tcp", port, p->text};
}

// Who listens on this machine alone need not be found, unless it is said.
static bool is_wanted(const struct nh_hub *hub)
{
    if (!hub->portal || hub->options.mosquitto || hub->cfg.mdns.enabled == NH_HUB_MDNS_OFF)
        return false;
    char host[64];
    uint16_t port;
    return hub->cfg.mdns.enabled == NH_HUB_MDNS_ON ||
           (nh_hub_address_split(hub->http_address, host, sizeof host, &port) == 0 &&
            !is_loopback(host));
}

// A hub that cannot be found runs on.
int nh_hub__start_mdns(struct nh_hub *hub)
{
    nh_mem_t *mem;
    if (!is_wanted(hub))
        return NH_OK;
    int err = nh_hub__owner(hub, "hub", &mem);
    if (err == 0)
        hub->mdns = nh_mem_alloc_zero(mem, sizeof *hub->mdns, NH_MEM_BULK);
    if (!hub->mdns)
        return err == 0 ? NH_ERR_NOMEM : err;
    fill_services(hub, hub->mdns);
    hub->mdns->look = (nh_timer_t){.fire = look, .ctx = hub, .name = "address"};
    look(hub, NULL, 0);
    return nh_timer_arm(hub->sched, &hub->mdns->look, nh_clock_ms() + LOOK_INTERVAL_MS,
                        LOOK_INTERVAL_MS);
}

void nh_hub__stop_mdns(struct nh_hub *hub)
{
    nh_mem_t *mem;
    if (!hub->mdns)
        return;
    nh_timer_cancel(hub->sched, &hub->mdns->look);
    nh_advertiser_stop(hub->mdns->advertiser);
    if (nh_hub__owner(hub, "hub", &mem) == 0)
        nh_mem_free(mem, hub->mdns);
    hub->mdns = NULL;
}
