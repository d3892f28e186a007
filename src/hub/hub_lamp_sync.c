// WLED sync: the lamp's state is told to others when it changes, and theirs is followed. And the
// beacon by which WLED devices find each other.

#include "hub/hub_lamp_live.h"

#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#define BEACON_MS 30000
#define NODE_TYPE_ESP32 32

// ---- out
// ---------------------------------------------------------------------------------------

static void tell(struct nh_hub_live *live, const struct nh_lamp_sync *s)
{
    const struct nh_hub_config *c = &live->hub->cfg;
    uint8_t bytes[NH_LAMP_SYNC_BYTES];
    nh_lamp_sync_build(s, bytes);
    live->sync_sent +=
        nh_hub__lamp_live_send(live, NH_LAMP_LIVE_PORT_WLED, c->lamp_live.sync_address,
                               (uint16_t)c->lamp_live.sync_port, bytes, sizeof bytes);
}

// What came by sync is not told again: all who follow were told by who began.
static void on_changed(void *ctx, const struct nh_event *e)
{
    struct nh_hub_live *live = ctx;
    const struct nh_hub_config *c = &live->hub->cfg;
    struct nh_lamp_snapshot s;
    (void)e;
    nh_lamp_snapshot(live->hub->lamp, &s);
    struct nh_lamp_sync now = nh_lamp_sync_of(&s, live->sync_send, c->lamp.transition_ms);
    now.unix_ms = (uint64_t)nh_clock_unix_ms();
    bool is_other = !live->has_told || nh_lamp_sync_differs(&now, &live->told);
    live->told = now;
    live->has_told = true;
    if (is_other && !nh_lamp_sync_was_last(&s))
        tell(live, &now);
}

// ---- in
// ---------------------------------------------------------------------------------------

void nh_hub__lamp_synced(void *ctx, const struct nh_lamp_sync *s, const char *from)
{
    struct nh_hub_live *live = ctx;
    const struct nh_hub_config *c = &live->hub->cfg;
    const struct nh_lamp_sync_rules rules = {.groups = live->sync_receive,
                                             .has_effects = c->lamp_live.sync_effects};
    struct nh_lamp_command command;
    bool is_taken = nh_lamp_sync_command(s, &rules, from, &command);
    // Palettes of one's own are not the other lamp's.
    if (is_taken && command.set.palette != NH_LAMP_PALETTE_AUTO &&
        command.set.palette >= nh_lamp_palette_count(live->hub->lamp))
        command.mask &= ~(uint32_t)NH_LAMP_F_PALETTE;
    if (is_taken && nh_lamp_post(live->hub->lamp, &command) == 0)
        live->sync_taken++;
    else
        live->sync_passed++;
}

// ---- beacon
// ---------------------------------------------------------------------------------------

static void send_beacon(void *ctx, struct nh_timer *t, uint64_t now_ms)
{
    struct nh_hub_live *live = ctx;
    struct nh_lamp_snapshot s;
    struct nh_lamp_beacon b = {.type = NODE_TYPE_ESP32};
    uint8_t bytes[NH_LAMP_BEACON_BYTES];
    unsigned ip[4] = {0};
    (void)t;
    (void)now_ms;
    nh_lamp_snapshot(live->hub->lamp, &s);
    b.is_on = s.state.power;
    if (sscanf(live->hub->cfg.lamp_live.listen, "%3u.%3u.%3u.%3u", &ip[0], &ip[1], &ip[2],
               &ip[3]) == 4)
        for (size_t i = 0; i < 4; i++)
            b.ip[i] = (uint8_t)ip[i];
    snprintf(b.name, sizeof b.name, "%.32s", live->hub->cfg.name);
    nh_lamp_beacon_build(&b, bytes);
    NH_IGNORE(nh_hub__lamp_live_send(live, NH_LAMP_LIVE_PORT_NODES,
                                     live->hub->cfg.lamp_live.sync_address,
                                     nh_lamp_live_port_numbers[NH_LAMP_LIVE_PORT_NODES], bytes,
                                     sizeof bytes)); // counted there; in half a minute again
}

// ---- life
// ---------------------------------------------------------------------------------------

// Whoever tells nobody does not listen to the lamp either.
static int listen(struct nh_hub_live *live)
{
    static const nh_event_id_t ids[] = {NH_EVENT_LAMP_CHANGED};
    const struct nh_bus_sub_config sub = {
        .name = "lamp-sync", .ids = ids, .id_count = 1, .handle = on_changed, .ctx = live};
    if (live->sub && !live->sync_send) {
        nh_bus_unsubscribe(live->hub->bus, live->sub);
        live->sub = NULL;
    }
    return live->sync_send && !live->sub ? nh_bus_subscribe(live->hub->bus, &sub, &live->sub) : 0;
}

void nh_hub__lamp_sync_set(struct nh_hub *hub, bool send, bool receive)
{
    const struct nh_hub_config *c = &hub->cfg;
    if (!hub->live)
        return;
    uint8_t to = c->lamp_live.sync_send ? (uint8_t)c->lamp_live.sync_send : 1;
    uint8_t from = c->lamp_live.sync_receive ? (uint8_t)c->lamp_live.sync_receive : 1;
    hub->live->sync_send = send ? to : 0;
    hub->live->sync_receive = receive ? from : 0;
    int err = listen(hub->live);
    if (err < 0)
        NH_LOG_W("lamp", "other lamps are not told: %s", nh_err_text(err));
}

int nh_hub__start_lamp_sync(struct nh_hub_live *live)
{
    struct nh_hub *hub = live->hub;
    live->sync_send = (uint8_t)hub->cfg.lamp_live.sync_send;
    live->sync_receive = (uint8_t)hub->cfg.lamp_live.sync_receive;
    int err = listen(live);
    if (err == 0 && hub->cfg.lamp_live.beacon) {
        live->beacon.fire = send_beacon;
        live->beacon.ctx = live;
        live->beacon.name = "beacon";
        err = nh_timer_arm(hub->sched, &live->beacon, nh_clock_ms(), BEACON_MS);
    }
    return err;
}

void nh_hub__stop_lamp_sync(struct nh_hub_live *live)
{
    nh_bus_unsubscribe(live->hub->bus, live->sub);
    live->sub = NULL;
    nh_timer_cancel(live->hub->sched, &live->beacon);
}
