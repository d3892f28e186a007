// runs.c - instances of scenarios: how they begin by their mode, and how they end.

#include "components/automation/automation_state.h"

#include <stdio.h>
#include <string.h>

// ---- scenarios ----------------------------------------------------------------------------------

nh_span_t nh_scenario__device(const struct nh_scenario *s)
{
    return (nh_span_t){(const uint8_t *)s->name.text, s->device_len};
}

nh_span_t nh_scenario__id(const struct nh_scenario *s)
{
    return (nh_span_t){(const uint8_t *)s->name.text + s->device_len + 1,
                       s->name.len - s->device_len - 1};
}

struct nh_scenario *nh_scenario__find(const nh_automation_t *a, nh_span_t device, nh_span_t id)
{
    if (!a->plan.set)
        return NULL;
    int d = nh_device_set_find_device(a->plan.set, device);
    int s = d < 0 ? d : nh_device_set_find_scenario(a->plan.set, (uint32_t)d, id);
    return s < 0 ? NULL : a->plan.scenarios[s];
}

void nh_scenario__sweep(nh_automation_t *a, struct nh_scenario *s)
{
    if (a->walk_count || s->mark == a->plan.mark || s->pins || !nh_list_is_empty(&s->runs))
        return;
    nh_trace__free(a, s);
    nh_names__remove(&a->scenarios, &s->name);
    nh_mem_free(a->mem, s);
}

void nh_scenario__walk_begin(nh_automation_t *a)
{
    a->walk_count++;
}

void nh_scenario__walk_end(nh_automation_t *a)
{
    if (--a->walk_count > 0)
        return;
    NH_NAMES_EACH(&a->scenarios, e)
    nh_scenario__sweep(a, (struct nh_scenario *)e);
}

// ---- clocks -------------------------------------------------------------------------------------

struct nh_wake *nh_run__wake(nh_automation_t *a, const struct nh_run *r)
{
    return r->flags & NH_RUN_UNFROZEN ? &a->second : &a->room;
}

uint64_t nh_run__now(const nh_automation_t *a, const struct nh_run *r)
{
    return r->flags & NH_RUN_UNFROZEN ? a->now_ms : nh_automation__room_ms(a);
}

// ---- making and freeing -------------------------------------------------------------------------

int nh_run__make(nh_automation_t *a, struct nh_scenario *s, bool is_unfrozen, struct nh_run **out)
{
    struct nh_run *r = nh_mem_alloc_zero(a->mem, sizeof *r, NH_MEM_BULK);
    *out = NULL;
    if (r && is_unfrozen)
        r->flags = NH_RUN_UNFROZEN;
    if (!r || nh_wake__reserve(nh_run__wake(a, r)) < 0) {
        a->info.no_memory++;
        nh_mem_free(a->mem, r);
        return NH_ERR_NOMEM;
    }
    r->main.run = r;
    r->main.timer.kind = NH_TIMER_BRANCH;
    r->scenario = s;
    r->set = nh_device_set_ref(a->plan.set);
    r->started_ms = a->now_ms;
    r->id = ++a->next_id;
    nh_list_init(&r->main.link);
    nh_list_init(&r->link);
    nh_list_push_back(&s->runs, &r->link);
    a->info.instance_count++;
    if (a->info.instance_count > a->info.instance_peak)
        a->info.instance_peak = a->info.instance_count;
    *out = r;
    return NH_OK;
}

static void leave_all(nh_automation_t *a, struct nh_run *r)
{
    nh_wait__leave(a, &r->main);
    r->main.wait = NH_WAIT_NONE;
    r->main.woken = NH_WOKEN_NOT;
    nh_turn__free_children(a, &r->main);
    nh_turn__free_frames(a, &r->main);
}

static void free_run(nh_automation_t *a, struct nh_run *r)
{
    leave_all(a, r);
    nh_wake__release(nh_run__wake(a, r));
    nh_list_remove(&r->link);
    nh_journal__forget(a, r->kept);
    nh_local__free(a, r);
    nh_cause__unref(a, r->cause);
    nh_device_set_unref(r->set);
    nh_mem_free(a->mem, r);
    a->info.instance_count--;
}

void nh_run__drop(nh_automation_t *a, struct nh_run *r)
{
    if (r->caller && r->caller->wait == NH_WAIT_RUN)
        r->caller->on.callee = NULL;
    free_run(a, r);
}

struct nh_run *nh_run__find(const nh_automation_t *a, uint32_t id)
{
    NH_NAMES_EACH(&a->scenarios, e)
    NH_LIST_EACH(&((struct nh_scenario *)e)->runs, l)
    if (NH_CONTAINER_OF(l, struct nh_run, link)->id == id)
        return NH_CONTAINER_OF(l, struct nh_run, link);
    return NULL;
}

// ---- beginning ----------------------------------------------------------------------------------

static int ignore(nh_automation_t *a, struct nh_scenario *s, int err)
{
    struct nh_trace_record r = {.kind = NH_TRACE_IGNORED, .result = (int16_t)err};
    s->ignored++;
    if (err == NH_ERR_FULL)
        a->info.refused++;
    else
        a->info.ignored++;
    // A trigger that comes again and again would push out what did run.
    if (s->last_ignored != err)
        nh_trace__add(a, s, &r);
    s->last_ignored = (int16_t)err;
    return err;
}

// Counts how often it was triggered; a scenario that sets itself off is stopped here.
static bool is_flooded(nh_automation_t *a, struct nh_scenario *s)
{
    if (s->suspended_until_ms > a->now_ms) {
        a->info.flooded++;
        return true;
    }
    if (s->suspended_until_ms || a->now_ms - s->window_ms >= a->limits.flood_window_ms) {
        s->suspended_until_ms = 0;
        s->window_ms = a->now_ms;
        s->window_count = 0;
    }
    if (++s->window_count <= a->limits.flood_max_count)
        return false;
    s->suspended_until_ms = nh_ms_after(a->now_ms, a->limits.cooloff_ms);
    a->info.suspensions++;
    nh_span_t device = nh_scenario__device(s), id = nh_scenario__id(s);
    nh_log__add(a, NH_ORIGIN_AUTOMATION, "suspended", "%.*s/%.*s: over %u triggerings",
                NH_TEXT(device), NH_TEXT(id), (unsigned)a->limits.flood_max_count);
    nh_automation__changed(a, NH_AUTOMATION_INSTANCES);
    return true;
}

// Whether an instance of the scenario waits for what this branch runs, and so for its end.
static bool awaits(const struct nh_branch *caller, const struct nh_scenario *s)
{
    for (; caller; caller = caller->run->caller)
        if (caller->run->scenario == s)
            return true;
    return false;
}

// Whether the mode lets one more begin; 1: it has to queue.
static int admit(nh_automation_t *a, struct nh_scenario *s, nh_rec_t rec,
                 const struct nh_branch *caller)
{
    uint32_t max = (uint32_t)nh_rec_int(rec, NH_FIELD_RUN_MAX, 10);
    uint32_t count = s->active_count + s->queued_count;
    switch (nh_rec_enum(rec, NH_FIELD_MODE, NH_MODE_SINGLE)) {
    case NH_MODE_SINGLE:
        return count > 0 ? NH_ERR_BUSY : 0;
    case NH_MODE_RESTART:
        (void)nh_run__stop_all(a, s, "started again");
        return 0;
    case NH_MODE_QUEUED:
        if (s->active_count > 0 && awaits(caller, s))
            return nh_automation__fail(a, NH_ERR_BUSY, "it would wait for its own turn");
        return count >= max ? NH_ERR_FULL : s->active_count > 0;
    default:
        return count >= max ? NH_ERR_FULL : 0;
    }
}

// How many instances end at once when one of mode `restart` begins: those that have no `on_stop`.
static uint32_t replaced(const nh_automation_t *a, const struct nh_scenario *s, nh_rec_t rec)
{
    uint32_t count = 0;
    if (nh_rec_enum(rec, NH_FIELD_MODE, NH_MODE_SINGLE) != NH_MODE_RESTART)
        return 0;
    NH_LIST_EACH(&s->runs, l)
    {
        const struct nh_run *r = NH_CONTAINER_OF(l, struct nh_run, link);
        count += r->state != NH_RUN_STOPPING && !(a->current && a->current->run == r) &&
                 nh_rec_count(nh_rec_at(r->set, r->place), NH_FIELD_ON_STOP) == 0;
    }
    return count;
}

static int may_start(nh_automation_t *a, const struct nh_start *s, nh_rec_t rec)
{
    const struct nh_context c = {.a = a,
                                 .cause = s->cause,
                                 .trigger = s->trigger,
                                 .parameters = s->parameters,
                                 .parameter_count = s->parameter_count};
    if ((!a->info.is_enabled && !s->is_operator) || !nh_rec_bool(rec, NH_FIELD_ENABLED, true))
        return NH_ERR_DENIED;
    if (s->depth > a->limits.run_depth_max) {
        a->info.depth_refused++;
        return nh_automation__fail(a, NH_ERR_TOO_DEEP, "more than %u scenarios run each other",
                                   (unsigned)a->limits.run_depth_max);
    }
    if (!s->is_operator && !s->caller && is_flooded(a, s->scenario))
        return NH_ERR_BUSY;
    if (!nh_condition__all(&c, rec, NH_FIELD_CONDITIONS))
        return ignore(a, s->scenario, NH_ERR_AGAIN);
    if (a->info.instance_count >= a->limits.instance_max_count &&
        replaced(a, s->scenario, rec) == 0) {
        a->info.instances_full++;
        return nh_automation__fail(a, NH_ERR_FULL, "more than %u instances",
                                   (unsigned)a->limits.instance_max_count);
    }
    return NH_OK;
}

// What began it, as the trace tells it: the trigger's id and the message, as far as there are such.
static nh_span_t begun_by(const struct nh_run *r, char *out, size_t cap)
{
    nh_span_t id = nh_rec_text(nh_rec_at(r->set, r->trigger), NH_FIELD_ID);
    const struct nh_cause *c = r->cause;
    if (!c || !c->has_topic)
        return id;
    nh_span_t topic = {c->bytes, c->topic_len};
    nh_span_t payload = {c->bytes + c->topic_len, c->payload_len};
    snprintf(out, cap, "%.*s%s%.*s = %.*s", NH_TEXT(id), id.len ? ": " : "", NH_TEXT(topic),
             NH_TEXT(payload));
    return nh_span_of(out);
}

static void activate(nh_automation_t *a, struct nh_run *r)
{
    nh_rec_t rec = nh_rec_at(r->set, r->place);
    char text[NH_TRACE_TEXT_MAX_BYTES + 8]; // with the rest of a character that is cut
    nh_span_t trigger = begun_by(r, text, sizeof text);
    r->state = NH_RUN_ACTIVE;
    r->scenario->active_count++;
    r->scenario->last_ignored = 0;
    NH_IGNORE(nh_turn__push(a, &r->main, rec, NH_FIELD_STEPS, NH_LIST_STEPS)); // the first one fits
    nh_trace__run(a, r, NH_TRACE_BEGIN, r->origin, trigger);
    nh_turn__ready(a, &r->main);
}

static int fill_run(nh_automation_t *a, struct nh_run *r, const struct nh_start *s, nh_rec_t rec)
{
    r->place = nh_rec_place(rec);
    r->cause = nh_cause__ref(s->cause);
    r->trigger = s->trigger;
    r->origin = (uint8_t)s->origin;
    r->depth = s->depth;
    r->caller = s->caller;
    if (nh_rec_bool(rec, NH_FIELD_PERSIST, false))
        r->flags |= NH_RUN_PERSIST;
    for (size_t i = 0; i < s->parameter_count; i++) {
        int err = nh_local__set(a, r, s->parameters[i].name, &s->parameters[i].value);
        if (err < 0)
            return err;
    }
    return NH_OK;
}

int nh_run__start(nh_automation_t *a, const struct nh_start *s)
{
    struct nh_run *r;
    if (s->scenario->mark != a->plan.mark)
        return NH_ERR_NOT_FOUND;
    nh_rec_t rec = nh_device_set_scenario(a->plan.set, s->scenario->index);
    int err = may_start(a, s, rec);
    int queues = err < 0 ? err : admit(a, s->scenario, rec, s->caller);
    if (queues < 0)
        return err < 0 ? err : ignore(a, s->scenario, queues);
    bool is_unfrozen = s->caller ? (s->caller->run->flags & NH_RUN_UNFROZEN) != 0
                                 : (s->is_operator || s->is_unfrozen) && a->game.is_paused;
    err = nh_run__make(a, s->scenario, is_unfrozen, &r);
    if (err < 0)
        return err;
    r->state = NH_RUN_QUEUED;
    err = fill_run(a, r, s, rec);
    if (err < 0) {
        free_run(a, r);
        return err;
    }
    a->info.started++;
    if (queues)
        s->scenario->queued_count++;
    else
        activate(a, r);
    nh_automation__changed(a, NH_AUTOMATION_INSTANCES);
    return (int)r->id;
}

// ---- ending -------------------------------------------------------------------------------------

static void count_end(nh_automation_t *a, const struct nh_run *r)
{
    struct nh_scenario *s = r->scenario;
    switch (r->end) {
    case NH_RUN_DONE:
        a->info.done++;
        s->done++;
        break;
    case NH_RUN_FAILED:
        a->info.failed++;
        s->failed++;
        nh_trace__keep_failed(a, s, r->id);
        break;
    default:
        a->info.cancelled++;
        s->cancelled++;
        break;
    }
}

static void wake_caller(nh_automation_t *a, struct nh_run *r)
{
    static const enum nh_woken how[] = {
        [NH_RUN_DONE] = NH_WOKEN_MET,
        [NH_RUN_FAILED] = NH_WOKEN_FAILED,
        [NH_RUN_CANCELLED] = NH_WOKEN_SKIPPED,
    };
    struct nh_branch *caller = r->caller;
    if (!caller)
        return;
    r->caller = NULL;
    caller->on.callee = NULL;
    nh_wait__wake(a, caller, how[r->end]);
}

static void begin_queued(nh_automation_t *a, struct nh_scenario *s)
{
    if (s->queued_count == 0 || s->active_count > 0)
        return;
    NH_LIST_EACH(&s->runs, l)
    {
        struct nh_run *r = NH_CONTAINER_OF(l, struct nh_run, link);
        if (r->state != NH_RUN_QUEUED)
            continue;
        s->queued_count--;
        activate(a, r);
        return;
    }
}

static void end_run(nh_automation_t *a, struct nh_run *r)
{
    struct nh_scenario *s = r->scenario;
    if (r->state == NH_RUN_QUEUED)
        s->queued_count--;
    else
        s->active_count--;
    nh_journal__end(a, r);
    count_end(a, r);
    wake_caller(a, r);
    free_run(a, r);
    begin_queued(a, s);
    nh_scenario__sweep(a, s);
    nh_automation__changed(a, NH_AUTOMATION_INSTANCES);
}

void nh_run__finish(nh_automation_t *a, struct nh_run *r)
{
    if (r->state != NH_RUN_STOPPING) {
        r->end = NH_RUN_DONE;
        nh_trace__run(a, r, NH_TRACE_END, NH_RUN_DONE, (nh_span_t){NULL, 0});
    }
    end_run(a, r);
}

// What a run waits for goes with it.
static void stop_callees(nh_automation_t *a, struct nh_run *r)
{
    struct nh_branch *b = &r->main;
    struct nh_child *c = r->children;
    while (b) {
        if (b->wait == NH_WAIT_RUN && b->on.callee && b->woken == NH_WOKEN_NOT) {
            struct nh_run *callee = b->on.callee;
            callee->caller = NULL;
            b->on.callee = NULL;
            nh_run__stop(a, callee, NH_RUN_CANCELLED, "its caller has ended");
        }
        b = c ? &c->branch : NULL;
        c = c ? c->next : NULL;
    }
}

void nh_run__stop(nh_automation_t *a, struct nh_run *r, enum nh_run_end end, const char *why)
{
    if (r->state == NH_RUN_STOPPING || (r->flags & NH_RUN_DOOMED))
        return;
    // Those that stop stand in front: who stops all finds the others from the back.
    nh_list_remove(&r->link);
    nh_list_push_front(&r->scenario->runs, &r->link);
    r->end = (uint8_t)end;
    if (a->current && a->current->run == r) { // when its step returns
        r->flags |= NH_RUN_DOOMED;
        return;
    }
    bool was_active = r->state == NH_RUN_ACTIVE;
    nh_trace__run(a, r, NH_TRACE_END, end, nh_span_of(why));
    stop_callees(a, r);
    leave_all(a, r);
    nh_rec_t rec = nh_rec_at(r->set, r->place);
    if (!was_active || nh_rec_count(rec, NH_FIELD_ON_STOP) == 0) {
        end_run(a, r);
        return;
    }
    r->state = NH_RUN_STOPPING;
    NH_IGNORE(nh_turn__push(a, &r->main, rec, NH_FIELD_ON_STOP, NH_LIST_ON_STOP)); // the first fits
    nh_trace__run(a, r, NH_TRACE_ON_STOP, 0, (nh_span_t){NULL, 0});
    nh_turn__ready(a, &r->main);
    nh_automation__changed(a, NH_AUTOMATION_INSTANCES);
}

int nh_run__stop_all(nh_automation_t *a, struct nh_scenario *s, const char *why)
{
    int count = 0;
    s->pins++;
    while (!nh_list_is_empty(&s->runs)) {
        struct nh_run *r = NH_CONTAINER_OF(s->runs.prev, struct nh_run, link);
        if (r->state == NH_RUN_STOPPING || (r->flags & NH_RUN_DOOMED))
            break;
        nh_run__stop(a, r, NH_RUN_CANCELLED, why);
        count++;
    }
    s->pins--;
    nh_scenario__sweep(a, s);
    return count;
}
