// Live data for the lamp as a part of the hub: sockets, and frames from the receiver to the lamp.

#include "hub/hub_lamp_live.h"

#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define US_PER_MS 1000

// ---- from the receiver to the lamp
// ---------------------------------------------------------------------------------------

static uint32_t canvas_at(const struct nh_hub *hub, const struct nh_fx_canvas *c, uint32_t i)
{
    if (hub->cfg.lamp_live.pixel_order == NH_HUB_CHAIN)
        return nh_lamp_chain_to_canvas(hub->lamp, i);
    uint32_t row = i / c->width; // from the top
    return (c->height - 1 - row) * c->width + i % c->width;
}

// Whether the effect is wished for instead. An override of 1 ends with a pause of the data.
static bool is_over(struct nh_hub_live *live, uint64_t now_ms)
{
    if (live->over == 1 && now_ms - live->over_ms > live->hub->cfg.lamp_live.timeout_ms)
        live->over = 0;
    live->over_ms = now_ms;
    return live->over != 0;
}

static int show(void *ctx, const struct nh_lamp_live_source *s, const uint8_t *rgb, uint32_t count,
                uint64_t now_ms)
{
    struct nh_hub_live *live = ctx;
    struct nh_fx_canvas back;
    if (is_over(live, now_ms))
        return NH_ERR_BUSY;
    int err = nh_lamp_live_begin(live->hub->lamp, s, now_ms, &back);
    if (err < 0)
        return err;
    live->shown = *s;
    for (uint32_t i = 0; i < count; i++, rgb += 3)
        back.px[canvas_at(live->hub, &back, i)] = NH_PX(rgb[0], rgb[1], rgb[2]);
    nh_lamp_live_commit(live->hub->lamp, now_ms);
    return 0;
}

// After a time-out of its own the lamp may have been given to somebody else.
static void end(void *ctx)
{
    struct nh_hub_live *live = ctx;
    struct nh_lamp_info info;
    nh_lamp_info(live->hub->lamp, &info);
    if (info.live_protocol && info.live_protocol == live->shown.protocol &&
        strcmp(info.live_from, live->shown.from) == 0)
        nh_lamp_live_end(live->hub->lamp);
}

void nh_hub__lamp_override_set(struct nh_hub *hub, uint8_t over)
{
    if (!hub->live)
        return;
    hub->live->over = over;
    hub->live->over_ms = nh_clock_ms();
    if (over)
        end(hub->live);
}

// ---- sockets
// ---------------------------------------------------------------------------------------

bool nh_hub__lamp_live_send(struct nh_hub_live *live, enum nh_lamp_live_port from,
                            const char *address, uint16_t port, const void *bytes, size_t len)
{
    nh_datagram_t *socket = live->port[from].socket;
    if (socket && nh_datagram_send(socket, address, port, bytes, len) == 0)
        return true;
    live->send_failures++;
    return false;
}

static void send(void *ctx, enum nh_lamp_live_port from, const char *address, uint16_t port,
                 const uint8_t *bytes, size_t len)
{
    NH_IGNORE(nh_hub__lamp_live_send(ctx, from, address, port, bytes, len)); // counted there
}

static void input(void *ctx, const uint8_t *bytes, size_t len, const char *address, uint16_t port)
{
    struct nh_hub_live_port *p = ctx;
    nh_lamp_receiver_input(p->live->receiver, (enum nh_lamp_live_port)(p - p->live->port), bytes,
                           len, address, port, nh_clock_us());
}

static void want(struct nh_hub_live *live, enum nh_lamp_live_port at, const char *name,
                 bool is_wanted, uint32_t port)
{
    live->port[at] = (struct nh_hub_live_port){
        .live = live, .name = is_wanted ? name : NULL, .wanted = (uint16_t)port};
}

// A port that is in use is somebody else's light software: the others are opened all the same.
static void open_ports(struct nh_hub_live *live)
{
    struct nh_hub *hub = live->hub;
    for (size_t i = 0; i < NH_LAMP_LIVE_PORT_COUNT; i++) {
        struct nh_hub_live_port *p = &live->port[i];
        if (!p->name)
            continue;
        p->error = nh_datagram_open(hub->loop, live->mem, hub->cfg.lamp_live.listen, p->wanted,
                                    input, p, &p->socket);
        if (p->error == 0)
            p->port = nh_datagram_port(p->socket);
        else
            NH_LOG_W("lamp", "no %s: %s port %u: %s", p->name, hub->cfg.lamp_live.listen,
                     (unsigned)p->wanted, nh_err_text(p->error));
    }
}

static void join_groups(struct nh_hub_live *live)
{
    const struct nh_hub_config *c = &live->hub->cfg;
    nh_datagram_t *socket = live->port[NH_LAMP_LIVE_PORT_E131].socket;
    int err = 0;
    if (!socket || !c->lamp_live.e131_multicast)
        return;
    live->group_wanted = nh_lamp_live_universe_count(
        c->lamp.width * c->lamp.height, (enum nh_lamp_live_mode)c->lamp_live.e131_mode);
    for (uint32_t i = 0; i < live->group_wanted && err == 0; i++) {
        char group[NH_LAMP_E131_GROUP_TEXT_BYTES];
        err = nh_datagram_join(
            socket, nh_lamp_e131_group((uint16_t)(c->lamp_live.e131_universe + i), group),
            c->lamp_live.e131_interface[0] ? c->lamp_live.e131_interface : NULL);
        live->group_count += err == 0;
    }
    if (err < 0)
        NH_LOG_W("lamp", "E1.31: %u of %u multicast groups: %s", (unsigned)live->group_count,
                 (unsigned)live->group_wanted, nh_err_text(err));
}

// ---- time
// ---------------------------------------------------------------------------------------

static uint64_t next(void *ctx)
{
    struct nh_hub_live *live = ctx;
    uint64_t us = nh_lamp_receiver_next_deadline_us(live->receiver);
    return us == NH_NEVER ? NH_NEVER : us / US_PER_MS + 1;
}

static void fire(void *ctx, uint64_t now_ms)
{
    struct nh_hub_live *live = ctx;
    (void)now_ms;
    nh_lamp_receiver_tick(live->receiver, nh_clock_us());
}

// ---- life
// ---------------------------------------------------------------------------------------

static void set_address(const struct nh_hub *hub, struct nh_lamp_receiver_config *cfg)
{
    unsigned a, b, c, d;
    if (sscanf(hub->cfg.lamp_live.listen, "%3u.%3u.%3u.%3u", &a, &b, &c, &d) != 4)
        return;
    const uint8_t ip[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};
    memcpy(cfg->ip, ip, sizeof ip);
}

static int make_receiver(struct nh_hub_live *live)
{
    const struct nh_hub *hub = live->hub;
    struct nh_lamp_receiver_config cfg = {
        .mem = live->mem,
        .pixel_count = hub->cfg.lamp.width * hub->cfg.lamp.height,
        .timeout_ms = hub->cfg.lamp_live.timeout_ms,
        .frame_ms = hub->cfg.lamp_live.frame_ms,
        .idle_ms = hub->cfg.lamp_live.idle_ms,
        .e131 = {(uint16_t)hub->cfg.lamp_live.e131_universe, hub->cfg.lamp_live.e131_mode},
        .artnet = {(uint16_t)hub->cfg.lamp_live.artnet_universe, hub->cfg.lamp_live.artnet_mode},
        .name = hub->cfg.name,
        .ctx = live,
        .show = show,
        .end = end,
        .send = send,
        .sync = nh_hub__lamp_synced,
    };
    set_address(hub, &cfg);
    const char *dot = strchr(NH_VERSION, '.');
    cfg.version[0] = (uint8_t)atoi(NH_VERSION);
    cfg.version[1] = dot ? (uint8_t)atoi(dot + 1) : 0;
    return nh_lamp_receiver_create(&cfg, &live->receiver);
}

static int make_live(struct nh_hub *hub)
{
    nh_mem_t *mem;
    int err = nh_hub__owner(hub, "lamp", &mem);
    if (err < 0)
        return err;
    hub->live = nh_mem_alloc_zero(mem, sizeof *hub->live, NH_MEM_BULK);
    if (!hub->live)
        return NH_ERR_NOMEM;
    hub->live->hub = hub;
    hub->live->mem = mem;
    hub->live->deadline = (struct nh_loop_deadline){.next = next, .fire = fire, .ctx = hub->live};
    err = make_receiver(hub->live);
    return err < 0 ? err : nh_loop_deadline_add(hub->loop, &hub->live->deadline);
}

// A hub that cannot have it runs on without it.
int nh_hub__start_lamp_live(struct nh_hub *hub)
{
    const struct nh_hub_config *c = &hub->cfg;
    if (!hub->lamp || !c->lamp_live.enabled)
        return NH_OK;
    int err = make_live(hub);
    if (err == 0) {
        struct nh_hub_live *live = hub->live;
        want(live, NH_LAMP_LIVE_PORT_DDP, "DDP", c->lamp_live.ddp, c->lamp_live.ddp_port);
        want(live, NH_LAMP_LIVE_PORT_E131, "E1.31", c->lamp_live.e131, c->lamp_live.e131_port);
        want(live, NH_LAMP_LIVE_PORT_ARTNET, "Art-Net", c->lamp_live.artnet,
             c->lamp_live.artnet_port);
        want(live, NH_LAMP_LIVE_PORT_WLED, "WLED UDP", c->lamp_live.wled, c->lamp_live.wled_port);
        want(live, NH_LAMP_LIVE_PORT_HYPERION, "Hyperion", c->lamp_live.hyperion,
             c->lamp_live.hyperion_port);
        want(live, NH_LAMP_LIVE_PORT_NODES, "TPM2.NET", c->lamp_live.nodes,
             c->lamp_live.nodes_port);
        open_ports(live);
        join_groups(live);
        err = nh_hub__start_lamp_sync(live);
    }
    if (err == 0)
        return NH_OK;
    NH_LOG_E("lamp", "no live data: %s", nh_err_text(err));
    nh_hub__stop_lamp_live(hub);
    return NH_OK;
}

void nh_hub__stop_lamp_live(struct nh_hub *hub)
{
    struct nh_hub_live *live = hub->live;
    if (!live)
        return;
    nh_hub__stop_lamp_sync(live);
    nh_loop_deadline_remove(hub->loop, &live->deadline);
    for (size_t i = 0; i < NH_LAMP_LIVE_PORT_COUNT; i++)
        nh_datagram_close(live->port[i].socket);
    nh_lamp_receiver_destroy(live->receiver);
    nh_mem_free(live->mem, live);
    hub->live = NULL;
}
