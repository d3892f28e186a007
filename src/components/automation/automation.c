#include "components/automation/automation_state.h"
#include "components/automation/templates_use.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BOOT_OK_MS 60000
#define YIELD_MS 1

const struct nh_automation_limits nh_automation_limits_standard = {
    .instance_max_count = 256,
    .flag_max_count = 256,
    .variable_max_count = 128,
    .value_max_bytes = 1024,
    .local_max_bytes = 4096,
    .text_max_bytes = 4096,
    .turn_max_steps = 64,
    .call_max_turns = 256,
    .run_depth_max = 4,
    .publish_max_per_s = 200,
    .flood_max_count = 60,
    .flood_window_ms = 10000,
    .cooloff_ms = 10000,
    .on_stop_max_steps = 64,
    .filter_max_count = 512,
    .inbox_max_bytes = 65536,
    .outbox_max_bytes = 65536,
    .trace_bytes = 2048,
    .trace_total_bytes = 256 * 1024,
    .log_max_count = 128,
    .journal_max_count = 1024,
};

// ---- small things -------------------------------------------------------------------------------

uint64_t nh_automation__room_ms(const nh_automation_t *a)
{
    return (a->game.is_paused ? a->paused_ms : a->now_ms) - a->frozen_ms;
}

int64_t nh_automation__unix_ms(const nh_automation_t *a)
{
    return a->wall_ms + (int64_t)a->now_ms;
}

void nh_automation__changed(nh_automation_t *a, enum nh_automation_part part)
{
    a->version[part]++;
    if (a->out.changed)
        a->out.changed(a->out.ctx, part);
}

int nh_automation__fail(nh_automation_t *a, int err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(a->why, sizeof a->why, fmt, args);
    va_end(args);
    return err;
}

// ---- life ---------------------------------------------------------------------------------------

static void take_limits(struct nh_automation_limits *l, const struct nh_automation_limits *given)
{
    const uint32_t *standard = (const uint32_t *)&nh_automation_limits_standard;
    const uint32_t *from = (const uint32_t *)(given ? given : &nh_automation_limits_standard);
    uint32_t *to = (uint32_t *)l;
    for (size_t i = 0; i < sizeof *l / sizeof *to; i++)
        to[i] = from[i] ? from[i] : standard[i];
}
_Static_assert(sizeof(struct nh_automation_limits) % sizeof(uint32_t) == 0, "it is all of them");

static int make_buffers(nh_automation_t *a)
{
    size_t bytes = (size_t)a->limits.text_max_bytes + 1;
    a->scratch = nh_mem_alloc(a->mem, 4 * bytes, NH_MEM_BULK);
    a->log = nh_mem_alloc_zero(a->mem, a->limits.log_max_count * sizeof *a->log, NH_MEM_BULK);
    if (!a->scratch || !a->log)
        return NH_ERR_NOMEM;
    for (int i = 0; i < 3; i++)
        a->text[i] = a->scratch + (size_t)(i + 1) * bytes;
    a->game.timer.kind = NH_TIMER_GAME;
    a->boot_timer.kind = NH_TIMER_BOOT;
    a->outbox_timer.kind = NH_TIMER_OUTBOX;
    int err = nh_wake__reserve(&a->room);
    for (int i = 0; i < 2 && err == NH_OK; i++) // boot, outbox
        err = nh_wake__reserve(&a->second);
    return err;
}

static void init(nh_automation_t *a, const struct nh_automation_config *cfg)
{
    a->mem = a->room.mem = a->second.mem = cfg->mem;
    a->out = cfg->out;
    a->now_ms = cfg->now_ms;
    a->wall_ms = cfg->unix_ms - (int64_t)cfg->now_ms;
    a->utc_offset_min = cfg->utc_offset_min;
    a->seed = cfg->seed;
    a->random = cfg->seed;
    a->info.is_enabled = true;
    a->inbox_end = &a->inbox;
    a->outbox_end = &a->outbox;
    struct nh_names *names[] = {&a->scenarios, &a->topics, &a->flags, &a->variables, &a->devices};
    for (size_t i = 0; i < NH_ARRAY_LEN(names); i++) {
        names[i]->mem = cfg->mem;
        names[i]->seed = cfg->seed;
    }
    a->flags.is_folded = true;
    nh_list_t *lists[] = {&a->ready,         &a->stopping,      &a->yielded,       &a->held,
                          &a->audio_waiters, &a->journal.dirty, &a->journal.flying};
    for (size_t i = 0; i < NH_ARRAY_LEN(lists); i++)
        nh_list_init(lists[i]);
}

int nh_automation_create(const struct nh_automation_config *cfg, nh_automation_t **out)
{
    nh_automation_t *a = nh_mem_alloc_zero(cfg->mem, sizeof *a, NH_MEM_BULK);
    *out = NULL;
    if (!a)
        return NH_ERR_NOMEM;
    take_limits(&a->limits, cfg->limits);
    init(a, cfg);
    // A run counts the bytes of its variables, and a frame its steps, in 16 bits.
    int err = a->limits.local_max_bytes > UINT16_MAX ? NH_ERR_RANGE : make_buffers(a);
    if (err == 0)
        err = nh_journal__read(a);
    if (err < 0) {
        nh_automation_destroy(a);
        return err;
    }
    if (a->out.store)
        nh_wake__arm(&a->second, &a->boot_timer, nh_ms_after(a->now_ms, BOOT_OK_MS));
    *out = a;
    return NH_OK;
}

static void drop_runs(nh_automation_t *a)
{
    NH_NAMES_EACH(&a->scenarios, e)
    {
        struct nh_scenario *s = (struct nh_scenario *)e;
        while (!nh_list_is_empty(&s->runs))
            nh_run__drop(a, NH_CONTAINER_OF(s->runs.next, struct nh_run, link));
    }
}

static void drop_inbox(nh_automation_t *a)
{
    while (a->inbox) {
        struct nh_inbox *m = a->inbox;
        a->inbox = m->next;
        nh_mem_free(a->mem, m);
    }
}

void nh_automation_destroy(nh_automation_t *a)
{
    if (!a)
        return;
    a->is_busy = true;
    if (a->journal.boot)
        nh_journal__boot_ok(a); // it was told to end
    nh_journal__close(a);
    drop_runs(a);
    if (a->fresh.set)
        nh_plan__free(a, &a->fresh);
    a->walk_count = 0;
    if (a->plan.set)
        nh_plan__free(a, &a->plan);
    a->plan.mark = a->next_mark + 1;
    NH_NAMES_EACH(&a->scenarios, e)
    nh_scenario__sweep(a, (struct nh_scenario *)e);
    nh_state__destroy(a);
    drop_inbox(a);
    nh_publish__drop(a);
    nh_names__deinit(&a->scenarios);
    nh_names__deinit(&a->topics);
    nh_wake__cancel(&a->second, &a->boot_timer);
    nh_wake__deinit(&a->room);
    nh_wake__deinit(&a->second);
    nh_mem_free(a->mem, a->scratch);
    nh_mem_free(a->mem, a->log);
    nh_mem_free(a->mem, a);
}

// ---- the inbox: what comes while something is being done ----------------------------------------

static void post(nh_automation_t *a, const struct nh_automation_message *m)
{
    size_t bytes = sizeof(struct nh_inbox) + m->topic.len + m->payload.len;
    struct nh_inbox *e = a->info.inbox_bytes + bytes > a->limits.inbox_max_bytes
                             ? NULL
                             : nh_mem_alloc(a->mem, bytes, NH_MEM_BULK);
    if (!e) {
        a->info.inbox_dropped++;
        return;
    }
    *e = (struct nh_inbox){.topic_len = (uint32_t)m->topic.len,
                           .payload_len = (uint32_t)m->payload.len,
                           .is_retained = m->is_retained};
    memcpy(e->bytes, m->topic.ptr, m->topic.len);
    if (m->payload.len)
        memcpy(e->bytes + m->topic.len, m->payload.ptr, m->payload.len);
    *a->inbox_end = e;
    a->inbox_end = &e->next;
    a->info.inbox_bytes += (uint32_t)bytes;
}

static void take(nh_automation_t *a, nh_span_t topic, nh_span_t payload, bool is_retained)
{
    if (is_retained)
        nh_topic__status(a, topic, payload);
    else
        nh_topic__message(a, topic, payload);
}

static void take_posted(nh_automation_t *a)
{
    struct nh_inbox *e = a->inbox;
    a->inbox = e->next;
    if (!a->inbox)
        a->inbox_end = &a->inbox;
    a->info.inbox_bytes -= (uint32_t)(sizeof *e + e->topic_len + e->payload_len);
    take(a, (nh_span_t){e->bytes, e->topic_len},
         (nh_span_t){e->bytes + e->topic_len, e->payload_len}, e->is_retained);
    nh_mem_free(a->mem, e);
}

void nh_automation_message(nh_automation_t *a, const struct nh_automation_message *m,
                           uint64_t now_ms)
{
    bool is_wanted =
        m->is_retained ? nh_topic__is_status(a, m->topic) : nh_topic__is_heard(a, m->topic);
    if (!is_wanted || (m->filter && !m->is_retained && !nh_topic__is_first(a, m->filter, m->topic)))
        return;
    if (!nh_automation__enter(a, now_ms)) {
        post(a, m);
        return;
    }
    take(a, m->topic, m->payload, m->is_retained);
    nh_automation__leave(a);
}

// ---- turns --------------------------------------------------------------------------------------

static struct nh_branch *first_of(nh_list_t *l)
{
    return NH_CONTAINER_OF(nh_list_first(l), struct nh_branch, link);
}

static void after_stop(nh_automation_t *a)
{
    uint8_t what = a->after_stop;
    a->after_stop = 0;
    if (what & NH_AFTER_SAFE_OFF)
        nh_step__safe_off(a);
    if (what & NH_AFTER_RESET)
        nh_game__reset_now(a);
}

// What stops goes first, so that nothing new begins on a room that is half off.
static bool settle_one(nh_automation_t *a)
{
    if (!nh_list_is_empty(&a->stopping))
        nh_turn__take(a, first_of(&a->stopping));
    else if (a->after_stop)
        after_stop(a);
    else if (a->inbox && !a->fresh.set) // what it tells of devices is for the set that comes
        take_posted(a);
    else if (!nh_list_is_empty(&a->ready))
        nh_turn__take(a, first_of(&a->ready));
    else
        return false;
    return true;
}

static bool has_more(const nh_automation_t *a)
{
    return !nh_list_is_empty(&a->stopping) || a->after_stop || a->inbox ||
           !nh_list_is_empty(&a->ready);
}

bool nh_automation__enter(nh_automation_t *a, uint64_t now_ms)
{
    if (a->is_busy)
        return false;
    a->is_busy = true;
    if (now_ms > a->now_ms)
        a->now_ms = now_ms;
    return true;
}

void nh_automation__leave(nh_automation_t *a)
{
    uint32_t turns = 0;
    while (turns < a->limits.call_max_turns && settle_one(a))
        turns++;
    a->info.calls_cut += turns == a->limits.call_max_turns && has_more(a);
    nh_journal__flush(a);
    a->is_busy = false;
}

static void fire(nh_automation_t *a, struct nh_wake_timer *t)
{
    switch (t->kind) {
    case NH_TIMER_BRANCH:
        nh_wait__time(a, NH_CONTAINER_OF(t, struct nh_branch, timer));
        break;
    case NH_TIMER_TRIGGER:
        nh_trigger__time(a, NH_CONTAINER_OF(t, struct nh_trigger, timer));
        break;
    case NH_TIMER_DEVICE:
        nh_device__silent(a, NH_CONTAINER_OF(t, struct nh_device, timer));
        break;
    case NH_TIMER_OUTBOX:
        nh_publish__time(a);
        break;
    case NH_TIMER_GAME:
        nh_game__time(a);
        break;
    case NH_TIMER_JOURNAL:
        nh_journal__retry(a);
        break;
    default:
        nh_journal__boot_ok(a);
        break;
    }
}

static void fire_due(nh_automation_t *a)
{
    struct nh_wake_timer *t;
    while ((t = nh_wake__take(&a->second, a->now_ms)) != NULL)
        fire(a, t);
    if (a->game.is_paused)
        return;
    while ((t = nh_wake__take(&a->room, nh_automation__room_ms(a))) != NULL)
        fire(a, t);
    if (nh_templates__next(a) <= nh_automation__room_ms(a))
        nh_templates__tick(a);
}

void nh_automation_tick(nh_automation_t *a, uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return;
    if (a->now_ms >= a->yielded_ms + YIELD_MS)
        nh_list_splice(&a->ready, &a->yielded);
    fire_due(a);
    nh_automation__leave(a);
}

uint64_t nh_automation_next_deadline(const nh_automation_t *a)
{
    if (has_more(a))
        return a->now_ms;
    uint64_t second_ms = nh_wake__next(&a->second);
    if (!nh_list_is_empty(&a->yielded) && a->yielded_ms + YIELD_MS < second_ms)
        second_ms = a->yielded_ms + YIELD_MS;
    if (a->game.is_paused)
        return second_ms;
    uint64_t room_ms = nh_wake__next(&a->room), templates_ms = nh_templates__next(a);
    if (templates_ms < room_ms)
        room_ms = templates_ms;
    room_ms = nh_ms_after(room_ms, a->frozen_ms);
    return room_ms < second_ms ? room_ms : second_ms;
}

void nh_automation_wall_set(nh_automation_t *a, int64_t unix_ms, int utc_offset_min,
                            uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return;
    a->wall_ms = unix_ms - (int64_t)a->now_ms;
    a->utc_offset_min = utc_offset_min;
    for (uint32_t i = 0; i < a->plan.trigger_count; i++)
        if (a->plan.triggers[i].type == NH_TRIGGER_TIME)
            nh_trigger__arm_time(a, &a->plan.triggers[i]);
    nh_automation__leave(a);
}
