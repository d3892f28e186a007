// Who was turned away, in the log: from where, as whom, and why. Strangers choose how often that
// happens, so a second has a few lines and the rest is counted.

#include "hub/hub_parts.h"

#define LINES_A_SECOND 5u
#define SECOND_MS 1000u

static void tell_rest(void *ctx, nh_timer_t *t, uint64_t now_ms)
{
    struct nh_hub *hub = ctx;
    (void)t;
    (void)now_ms;
    if (hub->refused.left_out)
        NH_LOG_W("mqtt", "%u more clients refused or at fault within a second",
                 (unsigned)hub->refused.left_out);
    hub->refused.left_out = hub->refused.told = 0;
}

static bool may_tell(struct nh_hub *hub)
{
    nh_timer_t *t = &hub->refused.end;
    if (hub->refused.told >= LINES_A_SECOND) {
        hub->refused.left_out++;
        return false;
    }
    if (hub->refused.told == 0) { // a second begins
        t->fire = tell_rest;
        t->ctx = hub;
        t->name = "refused clients";
        if (nh_timer_arm(hub->sched, t, nh_clock_ms() + SECOND_MS, 0) < 0)
            return false; // no end of the second: the broker's counters tell
    }
    hub->refused.told++;
    return true;
}

void nh_hub__tell_refused(struct nh_hub *hub, const struct nh_mqtt_event *e)
{
    char peer[64] = "a part of the hub";
    const char *id = e->client_id ? e->client_id : "", *user = e->user_name ? e->user_name : "";
    if (!may_tell(hub))
        return;
    if (e->user)
        nh_mqtt_user_peer(e->user, peer, sizeof peer);
    NH_LOG_W("mqtt", "%s %s%s%.64s%s%s%.64s%s: %s",
             e->kind == NH_MQTT_CLIENT_REFUSED ? "refused" : "hung up on", peer,
             id[0] ? ", client \"" : "", id, id[0] ? "\"" : "", user[0] ? ", user \"" : "", user,
             user[0] ? "\"" : "", e->reason ? e->reason : "");
}
