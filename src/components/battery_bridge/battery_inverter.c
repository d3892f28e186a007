// battery_inverter.c - the CAN side of the owner: opens the bus, sends what is due in small bursts,
// hears the inverter.

#include "components/battery_bridge/battery_bridge_private.h"

#include "core/base/log.h"

#include <string.h>

// ---- the bus ------------------------------------------------------------------------------------

static void on_input(void *ctx, const struct nh_can_frame *f)
{
    nh_battery_bridge_t *b = ctx;
    nh_battery_can_hear(&b->inverter.peer, f, b->cfg.clock_ms());
}

static void close_bus(nh_battery_bridge_t *b)
{
    struct nh_can_info info = {0};
    nh_can_info(b->inverter.can, &info);
    b->inverter.bus_errors += info.error_count;
    nh_can_close(b->inverter.can);
    b->inverter.can = NULL;
    b->inverter.open_ms = nh_ms_after(b->cfg.clock_ms(), NH_BATTERY_BRIDGE__REOPEN_MS);
}

static void on_down(void *ctx, int err)
{
    nh_battery_bridge_t *b = ctx;
    if (b->inverter.told_err != err)
        NH_LOG_W("battery", "CAN %s went away: %s", b->cfg.can, nh_err_text(err));
    b->inverter.err = b->inverter.told_err = err;
    close_bus(b);
}

static const char *reason(int err)
{
    return err == NH_ERR_NOT_FOUND     ? "there is no such interface"
           : err == NH_ERR_UNSUPPORTED ? "this kernel has no CAN; \"udp:ADDR:PORT\" plays a bus"
                                       : nh_err_text(err);
}

static void open_bus(nh_battery_bridge_t *b, uint64_t now_ms)
{
    struct nh_battery_bridge__inverter *i = &b->inverter;
    const struct nh_can_config cfg = {.loop = b->cfg.loop,
                                      .mem = b->cfg.mem,
                                      .interface = b->cfg.can,
                                      .ctx = b,
                                      .input = on_input,
                                      .down = on_down};
    if (now_ms < i->open_ms)
        return;
    int err = nh_can_open(&cfg, &i->can);
    i->opens += err == 0;
    i->is_new = err == 0;
    i->opened_ms = now_ms;
    i->err = err;
    if (err == 0)
        return;
    i->open_ms = nh_ms_after(now_ms, NH_BATTERY_BRIDGE__REOPEN_MS);
    if (err != i->told_err) // the same is not told again and again
        NH_LOG_W("battery", "CAN %s cannot be opened: %s", b->cfg.can, reason(err));
    i->told_err = err;
}

// An interface that was not brought up can be opened, and goes away at once: one that has stood for
// a beat is told.
static void tell_open(nh_battery_bridge_t *b, uint64_t now_ms)
{
    struct nh_battery_bridge__inverter *i = &b->inverter;
    if (!i->can || !i->is_new || now_ms - i->opened_ms < NH_BATTERY_BRIDGE__BEAT_MS)
        return;
    NH_LOG_I("battery", "CAN %s is open", b->cfg.can);
    i->is_new = false;
    i->told_err = 0;
}

// ---- frames -------------------------------------------------------------------------------------

static struct nh_battery_can_input input_of(const nh_battery_bridge_t *b)
{
    const struct nh_battery_bridge__inverter *i = &b->inverter;
    struct nh_battery_can_input in = {.s = &b->s,
                                      .known = b->s.valid & ~b->s.stale,
                                      .limits = i->said,
                                      .alarms = b->alarms,
                                      .is_lost = i->watch.phase == NH_BATTERY_CAN_ZERO,
                                      .name = b->name};
    if (in.is_lost) {
        in.limits.ccl_ma = in.limits.dcl_ma = 0;
        in.limits.is_charge_allowed = in.limits.is_discharge_allowed = in.limits.wants_charge =
            false;
        in.alarms.alarms |= 1u << NH_BATTERY_CAN_INTERNAL;
    }
    return in;
}

static void send(nh_battery_bridge_t *b, const struct nh_can_frame *f)
{
    int err = nh_can_send(b->inverter.can, f);
    b->inverter.frames += err == 0;
    b->inverter.refused += err < 0; // as a bus would: the next beat says what is true then
}

// The next frames of this beat, at most a burst of them; the timer brings the rest.
static void send_some(nh_battery_bridge_t *b, uint64_t now_ms)
{
    struct nh_battery_bridge__inverter *i = &b->inverter;
    const struct nh_battery_can_input in = input_of(b);
    size_t count = nh_battery_can_count(b->cfg.can_dialect), sent = 0;
    struct nh_can_frame f;
    while (i->can && i->next < count && sent < NH_BATTERY_BRIDGE__BURST_COUNT) {
        size_t at = i->next++;
        bool is_due = (i->beat - 1) % nh_battery_can_period_s(b->cfg.can_dialect, at) == 0;
        if (!is_due || !nh_battery_can_encode(b->cfg.can_dialect, at, &in, &f))
            continue;
        send(b, &f);
        sent++;
    }
    if (i->can && i->next < count)
        NH_IGNORE(nh_timer_arm(b->cfg.sched, &i->timer, now_ms + NH_BATTERY_BRIDGE__BURST_MS,
                               0)); // no room for a timer: the rest of this beat is left out
}

static void on_timer(void *ctx, struct nh_timer *t, uint64_t now_ms)
{
    (void)t;
    send_some(ctx, now_ms);
}

// ---- once a second ------------------------------------------------------------------------------

static void watch_inverter(nh_battery_bridge_t *b, uint64_t now_ms)
{
    struct nh_battery_bridge__inverter *i = &b->inverter;
    bool is_alive = nh_battery_can_is_alive(&i->peer, now_ms, b->cfg.alive_ms);
    if (is_alive == i->was_alive)
        return;
    i->was_alive = is_alive;
    if (is_alive)
        NH_LOG_I("battery", "an inverter%s%s answers at %s", i->peer.identity[0] ? " " : "",
                 i->peer.identity, b->cfg.can);
    else
        NH_LOG_W("battery", "no sign of life of the inverter at %s for %u s", b->cfg.can,
                 (unsigned)(b->cfg.alive_ms / 1000));
}

static void watch_board(nh_battery_bridge_t *b, uint64_t now_ms)
{
    struct nh_battery_can_watch *w = &b->inverter.watch;
    uint8_t before = w->phase;
    nh_battery_can_watch_step(w, b->limits.is_known, &b->s, b->cfg.hold_ms, b->cfg.zero_ms, now_ms);
    if (w->phase == NH_BATTERY_CAN_FRESH)
        b->inverter.said = b->limits;
    if (w->phase != before)
        NH_LOG_I("battery", "limits for the inverter: %s", nh_battery_can_phase_text(w->phase));
}

void nh_battery_bridge__inverter_beat(nh_battery_bridge_t *b, uint64_t now_ms)
{
    struct nh_battery_bridge__inverter *i = &b->inverter;
    watch_board(b, now_ms);
    if (!b->cfg.can[0])
        return;
    if (!i->can)
        open_bus(b, now_ms);
    tell_open(b, now_ms);
    watch_inverter(b, now_ms);
    if (!i->can || i->watch.phase == NH_BATTERY_CAN_SILENT)
        return;
    i->beat++;
    i->next = 0;
    send_some(b, now_ms);
}

void nh_battery_bridge__inverter_init(nh_battery_bridge_t *b)
{
    b->inverter.timer = (nh_timer_t){.fire = on_timer, .ctx = b, .name = "battery CAN"};
}

void nh_battery_bridge__inverter_stop(nh_battery_bridge_t *b)
{
    if (nh_timer_is_armed(&b->inverter.timer))
        nh_timer_cancel(b->cfg.sched, &b->inverter.timer);
    if (b->inverter.can)
        close_bus(b);
}
