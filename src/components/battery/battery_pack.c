#include "components/battery/battery_pack_state.h"

#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#define CLOCK_KNOWN_UNIX_MS INT64_C(1000000000000) // 2001: an earlier wall clock was never set

static int64_t wall(struct nh_battery__time t)
{
    return t.unix_ms >= CLOCK_KNOWN_UNIX_MS ? t.unix_ms : 0;
}

// ---- events ------------------------------------------------------------------------------------

static void post(nh_battery__pack_t *p, enum nh_event_id id, bool is_critical, const void *data,
                 size_t len)
{
    struct nh_event e = {.id = id,
                         .origin = NH_ORIGIN_SCHED,
                         .data_len = (uint16_t)len,
                         .critical = is_critical,
                         .time_ms = p->now.now_ms};
    if (!p->cfg->bus)
        return;
    memcpy(e.data, data, len);
    (void)nh_bus_post(p->cfg->bus, &e); // a full queue is counted by the bus
}

static void on_published(void *ctx, enum nh_battery_audience audience, uint32_t dirty,
                         const struct nh_battery_snapshot *s)
{
    nh_battery__pack_t *p = ctx;
    struct nh_event_battery_changed e = {.generation = s->generation,
                                         .seq = s->seq,
                                         .dirty = dirty,
                                         .mode = s->mode,
                                         .source = s->source};
    if (audience != NH_BATTERY_FAR)
        return; // pages look at `seq`
    post(p, NH_EVENT_BATTERY_CHANGED, false, &e, sizeof e);
    if (p->cfg->changed)
        p->cfg->changed(p->cfg->ctx, dirty, s);
}

static void on_alarm(void *ctx, const struct nh_battery_alarm *a)
{
    nh_battery__pack_t *p = ctx;
    struct nh_battery__alarms_sum sum = nh_battery__alarms_sum(&p->alarms);
    struct nh_event_battery_alarm e = {.id = a->id,
                                       .code = a->code,
                                       .severity = a->severity,
                                       .state = a->state,
                                       .active_count = sum.active,
                                       .unacknowledged_count = sum.unacknowledged};
    snprintf(e.message, sizeof e.message, "%.*s", (int)sizeof e.message - 1, a->message);
    post(p, NH_EVENT_BATTERY_ALARM, true, &e, sizeof e);
    nh_write_behind_changed(&p->alarms_keep, p->now.now_ms);
}

// ---- after anything ----------------------------------------------------------------------------

static uint64_t earliest(const nh_battery__pack_t *p)
{
    uint64_t due = nh_battery_model_next_deadline(p->model);
    uint64_t alarms = nh_battery__alarms_deadline(&p->alarms);
    uint64_t keep = nh_battery__keep_deadline(p);
    due = alarms < due ? alarms : due;
    return keep < due ? keep : due;
}

static void rearm(nh_battery__pack_t *p)
{
    if (!p->is_started)
        return;
    if (nh_timer_arm(p->cfg->sched, &p->timer, earliest(p), 0) < 0)
        NH_LOG_E("battery", "no timer is free: what is known of the pack may become old unseen");
}

// Alarms, history and meters follow what the model says now.
static void follow(nh_battery__pack_t *p)
{
    const struct nh_battery_snapshot *s = nh_battery__model_newest(p->model);
    nh_battery__alarms_judge(&p->alarms, s, p->now.now_ms, wall(p->now));
    nh_battery__history_add(&p->history, s, p->now.now_ms, wall(p->now));
    struct nh_battery__alarms_sum sum = nh_battery__alarms_sum(&p->alarms);
    nh_battery__model_alarms_set(p->model, sum.active, sum.worst, sum.unacknowledged,
                                 p->now.now_ms);
    nh_battery__keep_note_energy(p, p->now.now_ms);
}

uint64_t nh_battery__pack_tick(nh_battery__pack_t *p, struct nh_battery__time t)
{
    p->now = t;
    if (t.now_ms >= nh_battery_model_next_deadline(p->model))
        nh_battery_model_tick(p->model, t.now_ms);
    follow(p);
    nh_battery__keep_tick(p, t.now_ms);
    return earliest(p);
}

static void on_timer(void *ctx, nh_timer_t *timer, uint64_t now_ms)
{
    nh_battery__pack_t *p = ctx;
    (void)timer;
    (void)nh_battery__pack_tick(
        p, (struct nh_battery__time){.now_ms = now_ms, .unix_ms = nh_clock_unix_ms()});
    rearm(p);
}

// ---- calls -------------------------------------------------------------------------------------

int nh_battery__pack_offer(nh_battery__pack_t *p, const struct nh_battery_candidate *c,
                           struct nh_battery__time t)
{
    p->now = t;
    int n = nh_battery_model_offer(p->model, c, t.now_ms);
    if (n < 0)
        return n;
    follow(p);
    rearm(p);
    return n;
}

void nh_battery__pack_link(nh_battery__pack_t *p, enum nh_battery_source source, bool is_up,
                           struct nh_battery__time t)
{
    struct nh_event_battery_link e = {.source = (uint8_t)source, .is_up = is_up};
    const struct nh_battery_snapshot *s = nh_battery__model_newest(p->model);
    bool was_up = source == NH_BATTERY_FROM_LOCAL    ? s->is_local_connected
                  : source == NH_BATTERY_FROM_REMOTE ? s->is_remote_connected
                                                     : is_up;
    p->now = t;
    nh_battery_model_link(p->model, source, is_up, t.now_ms);
    if (was_up != is_up)
        post(p, NH_EVENT_BATTERY_LINK, false, &e, sizeof e);
    follow(p);
    rearm(p);
}

uint32_t nh_battery__pack_generation(const nh_battery__pack_t *p)
{
    return nh_battery_model_generation(p->model);
}

int nh_battery__pack_mode_set(nh_battery__pack_t *p, enum nh_battery_mode mode,
                              struct nh_battery__time t)
{
    p->now = t;
    int err = nh_battery_model_mode_set(p->model, mode, t.now_ms);
    if (err < 0)
        return err;
    nh_write_behind_value(&p->mode_keep, 0, mode, t.now_ms);
    follow(p);
    rearm(p);
    return NH_OK;
}

int nh_battery__pack_acknowledge(nh_battery__pack_t *p, uint32_t id, struct nh_battery__time t)
{
    p->now = t;
    int err = nh_battery__alarms_acknowledge(&p->alarms, id);
    follow(p);
    rearm(p);
    return err;
}

void nh_battery__pack_board_log(nh_battery__pack_t *p,
                                const uint16_t words[NH_TINYBMS_EVENTS_COUNT], uint32_t clock_s,
                                struct nh_battery__time t)
{
    struct nh_tinybms_event e[NH_TINYBMS_EVENT_MAX_COUNT];
    size_t count =
        nh_tinybms_events_of_words(words, NH_TINYBMS_EVENTS_COUNT, clock_s, e, NH_ARRAY_LEN(e));
    p->now = t;
    memcpy(p->log, e, count * sizeof p->log[0]);
    p->log_count = (uint8_t)count;
    p->log_clock_s = clock_s;
    p->log_ms = t.now_ms;
    if (nh_battery__alarms_log(&p->alarms, e, count, wall(t)))
        nh_write_behind_changed(&p->alarms_keep, t.now_ms);
    follow(p);
    rearm(p);
}

void nh_battery__pack_read(const nh_battery__pack_t *p, struct nh_battery_snapshot *out)
{
    nh_battery_model_read(p->model, out);
}

// ---- life --------------------------------------------------------------------------------------

static int make(nh_battery__pack_t *p)
{
    const struct nh_battery_config *cfg = p->cfg;
    const struct nh_battery_model_config model = {
        .mem = cfg->mem,
        .mode = cfg->mode,
        .has_local = cfg->path && cfg->path[0],
        .has_remote = cfg->has_gateway,
        .stale_ms = cfg->stale_ms,
        .slow_stale_ms = cfg->slow_ms * 3,
        .published = on_published,
        .ctx = p,
    };
    uint32_t count = cfg->history_count < NH_BATTERY__HISTORY_MIN_COUNT
                         ? NH_BATTERY__HISTORY_MIN_COUNT
                         : cfg->history_count;
    int err = nh_battery_model_create(&model, &p->model);
    if (err < 0)
        return err;
    p->points = nh_mem_alloc(cfg->mem, count * sizeof *p->points, NH_MEM_BULK);
    if (!p->points)
        return NH_ERR_NOMEM;
    nh_battery__history_init(&p->history, p->points, count);
    nh_battery__alarms_init(&p->alarms, &(struct nh_battery__alarms_config){p, on_alarm});
    return nh_battery__keep_init(p);
}

int nh_battery__pack_create(const struct nh_battery_config *cfg, struct nh_battery__time t,
                            nh_battery__pack_t **out)
{
    *out = NULL;
    nh_battery__pack_t *p = nh_mem_alloc_zero(cfg->mem, sizeof *p, NH_MEM_BULK);
    if (!p)
        return NH_ERR_NOMEM;
    p->cfg = cfg;
    p->now = t;
    p->timer = (nh_timer_t){.fire = on_timer, .ctx = p, .name = "battery_pack"};
    int err = make(p);
    if (err < 0) {
        nh_battery__pack_destroy(p);
        return err;
    }
    nh_battery__keep_load(p);
    *out = p;
    return NH_OK;
}

int nh_battery__pack_start(nh_battery__pack_t *p, struct nh_battery__time t)
{
    p->now = t;
    p->is_started = true;
    follow(p); // what was kept is shown
    return nh_timer_arm(p->cfg->sched, &p->timer, earliest(p), 0);
}

void nh_battery__pack_stop(nh_battery__pack_t *p, struct nh_battery__time t)
{
    if (!p || !p->is_started)
        return;
    p->is_started = false;
    p->now = t;
    nh_timer_cancel(p->cfg->sched, &p->timer);
    nh_battery__keep_stop(p, t.now_ms);
}

void nh_battery__pack_destroy(nh_battery__pack_t *p)
{
    if (!p)
        return;
    if (p->is_started)
        nh_timer_cancel(p->cfg->sched, &p->timer);
    nh_battery_model_destroy(p->model);
    nh_mem_free(p->cfg->mem, p->points);
    nh_mem_free(p->cfg->mem, p);
}
