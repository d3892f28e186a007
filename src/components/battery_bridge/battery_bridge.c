// battery_bridge.c - the owner: looks at the pack once a second, and says what is due to whom.

#include "components/battery_bridge/battery_bridge_private.h"

#include <stdio.h>
#include <string.h>

#define BIT(field) (1u << (field))
#define ALIVE (BIT(NH_BATTERY_VOLTAGE) | BIT(NH_BATTERY_CELLS) | BIT(NH_BATTERY_SOC))

struct nh_battery_view nh_battery_bridge__view(const nh_battery_bridge_t *b)
{
    return (struct nh_battery_view){.s = &b->s,
                                    .known = b->known,
                                    .limits = &b->limits,
                                    .alarms = &b->alarms,
                                    .errors = b->errors};
}

// ---- a look at the pack -------------------------------------------------------------------------

static uint32_t watched(void)
{
    return (BIT(NH_BATTERY_CAN_ALARM_COUNT) - 1) &
           ~(BIT(NH_BATTERY_CAN_SHORT_CIRCUIT) | BIT(NH_BATTERY_CAN_HIGH_TEMPERATURE_CHARGE));
}

// Active alarms as bits, and as one text; what has no room in it is left out whole.
static void look_at_alarms(nh_battery_bridge_t *b)
{
    size_t len = 0;
    b->list_count = nh_battery_alarms(b->cfg.battery, b->list, NH_ARRAY_LEN(b->list));
    b->alarms = (struct nh_battery_can_alarms){.watched = watched()};
    b->errors[0] = '\0';
    for (size_t i = 0; i < b->list_count; i++) {
        const struct nh_battery_alarm *a = &b->list[i];
        size_t room = sizeof b->errors - len, n = strnlen(a->message, sizeof a->message);
        nh_battery_can_alarm_add(&b->alarms, a->code, a->severity);
        if (a->severity == NH_BATTERY_INFO || n + 3 > room)
            continue;
        len +=
            (size_t)snprintf(b->errors + len, room, "%s%.*s", len ? "; " : "", (int)n, a->message);
    }
}

// Changes when a cell or a sensor comes or goes.
static uint32_t presence_sum(const struct nh_battery_snapshot *s)
{
    uint32_t sum = 1;
    for (size_t at = 0; at < nh_battery_value_count(); at++)
        sum = sum * 31 + nh_battery_value_presence(at, s);
    return sum;
}

static void look(nh_battery_bridge_t *b)
{
    nh_battery_read(b->cfg.battery, &b->s);
    b->known = b->s.valid & ~b->s.stale;
    look_at_alarms(b);
    nh_battery_control_step(&b->control, &b->cfg.control, &b->s, b->known, &b->limits);
}

// ---- what is due --------------------------------------------------------------------------------

static uint32_t pace_ms(const nh_battery_bridge_t *b, uint8_t group)
{
    if (group == NH_BATTERY_IN_CELLS)
        return b->cfg.cells_ms;
    if (group == NH_BATTERY_IN_METERS)
        return NH_BATTERY_BRIDGE__METERS_MS;
    return b->is_dirty && b->cfg.state_ms > NH_BATTERY_BRIDGE__BEAT_MS ? NH_BATTERY_BRIDGE__BEAT_MS
                                                                       : b->cfg.state_ms;
}

static void say_due(nh_battery_bridge_t *b, uint64_t now_ms)
{
    for (uint8_t group = 0; group < NH_BATTERY_GROUP_COUNT; group++) {
        uint64_t said_ms = b->said_ms[group];
        if (said_ms && now_ms - said_ms < pace_ms(b, group))
            continue;
        b->said_ms[group] = now_ms;
        nh_battery_bridge__say_group(b, group);
        if (group == NH_BATTERY_IN_STATE && b->cfg.has_topics && b->cfg.has_victron)
            nh_battery_bridge__say_victron(b);
    }
    b->is_dirty = false;
}

static void set_online(nh_battery_bridge_t *b, bool is_online)
{
    if (b->is_online == is_online)
        return;
    b->is_online = is_online;
    memset(b->said_ms, 0, sizeof b->said_ms);
    nh_battery_bridge__say_status(b);
    if (b->cfg.part_changed)
        b->cfg.part_changed(b->cfg.ctx, NH_BATTERY_BRIDGE__LINK);
}

static void note_presence(nh_battery_bridge_t *b)
{
    uint32_t sum = presence_sum(&b->s);
    if (sum == b->presence)
        return;
    b->presence = sum;
    if (b->cfg.part_announce)
        b->cfg.part_announce(b->cfg.ctx);
}

static void beat(nh_battery_bridge_t *b, uint64_t now_ms)
{
    look(b);
    note_presence(b);
    set_online(b, b->known & ALIVE);
    if (b->is_online)
        say_due(b, now_ms);
    nh_battery_bridge__inverter_beat(b, now_ms);
}

static void on_timer(void *ctx, struct nh_timer *t, uint64_t now_ms)
{
    (void)t;
    beat(ctx, now_ms);
}

// Another state of the board does not wait for the beat.
void nh_battery_bridge_changed(nh_battery_bridge_t *b, uint32_t dirty)
{
    if (!b->is_started)
        return;
    b->is_dirty = true;
    if (!(dirty & BIT(NH_BATTERY_STATUS)) || !b->is_online)
        return;
    look(b);
    set_online(b, b->known & ALIVE);
    if (b->is_online) {
        b->said_ms[NH_BATTERY_IN_STATE] = b->cfg.clock_ms();
        nh_battery_bridge__say_group(b, NH_BATTERY_IN_STATE);
    }
}

// Not within the event: its poster has not yet counted the alarm.
void nh_battery_bridge_alarm(nh_battery_bridge_t *b)
{
    b->said_ms[NH_BATTERY_IN_STATE] = 0;
}

// ---- life ---------------------------------------------------------------------------------------

static void set_defaults(struct nh_battery_bridge_config *cfg)
{
    cfg->state_ms = cfg->state_ms ? cfg->state_ms : 5000;
    cfg->cells_ms = cfg->cells_ms ? cfg->cells_ms : 10000;
    cfg->alive_ms = cfg->alive_ms ? cfg->alive_ms : 600000;
    cfg->can = cfg->can ? cfg->can : "";
}

int nh_battery_bridge_create(const struct nh_battery_bridge_config *cfg, nh_battery_bridge_t **out)
{
    *out = NULL;
    if (strlen(cfg->name) >= NH_BATTERY_BRIDGE_NAME_MAX_BYTES)
        return NH_ERR_TOO_LONG;
    nh_battery_bridge_t *b = nh_mem_alloc_zero(cfg->mem, sizeof *b, NH_MEM_BULK);
    if (!b)
        return NH_ERR_NOMEM;
    NH_ASSERT(nh_battery_value_count() <= NH_ARRAY_LEN(b->last));
    b->cfg = *cfg;
    set_defaults(&b->cfg);
    snprintf(b->name, sizeof b->name, "%s", cfg->name);
    snprintf(b->filter, sizeof b->filter, "%s/battery/register/set", cfg->name);
    if (cfg->has_topics)
        b->filters[0] = b->filter;
    b->timer = (nh_timer_t){.fire = on_timer, .ctx = b, .name = "battery bridge"};
    nh_battery_bridge__inverter_init(b);
    *out = b;
    return NH_OK;
}

void nh_battery_bridge_destroy(nh_battery_bridge_t *b)
{
    if (!b)
        return;
    nh_battery_bridge_stop(b);
    nh_mem_free(b->cfg.mem, b);
}

int nh_battery_bridge_start(nh_battery_bridge_t *b)
{
    int err = nh_timer_arm_aligned(b->cfg.sched, &b->timer, b->cfg.clock_ms(),
                                   NH_BATTERY_BRIDGE__BEAT_MS, 0);
    if (err < 0)
        return err;
    b->is_started = true;
    nh_battery_bridge__say_status(b); // of an earlier run "online" may stand there
    return NH_OK;
}

void nh_battery_bridge_stop(nh_battery_bridge_t *b)
{
    if (!b || !b->is_started)
        return;
    nh_timer_cancel(b->cfg.sched, &b->timer);
    nh_battery_bridge__inverter_stop(b);
    set_online(b, false);
    b->is_started = false;
}

void nh_battery_bridge_info(const nh_battery_bridge_t *b, struct nh_battery_bridge_info *out)
{
    const struct nh_battery_bridge__inverter *i = &b->inverter;
    *out = (struct nh_battery_bridge_info){.is_online = b->is_online,
                                           .is_can_open = i->can,
                                           .is_inverter_alive = i->was_alive,
                                           .phase = i->watch.phase,
                                           .messages = b->messages,
                                           .failed = b->failed,
                                           .commands = b->command_count,
                                           .refused = b->refused,
                                           .frames = i->frames,
                                           .frames_refused = i->refused,
                                           .can_opens = i->opens,
                                           .can_err = i->err};
}
