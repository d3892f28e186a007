// automation_inputs.c - what people and other parts of the hub want of an automation.

#include "components/automation/automation_state.h"
#include "components/automation/templates_use.h"

#include <string.h>

// ---- flags and variables ------------------------------------------------------------------------

int nh_automation_flag_set(nh_automation_t *a, nh_span_t name, bool value, enum nh_origin origin,
                           uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return NH_ERR_BUSY;
    int err = nh_flag__set(a, name, value);
    if (err == NH_OK)
        nh_log__add(a, origin, "flag", "%.*s = %s", NH_TEXT(name), value ? "true" : "false");
    nh_automation__leave(a);
    return err;
}

int nh_automation_variable_set(nh_automation_t *a, nh_span_t name, const struct nh_value *value,
                               enum nh_origin origin, uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return NH_ERR_BUSY;
    int err = nh_variable__set(a, name, value);
    if (err == NH_OK)
        nh_log__add(a, origin, "variable", "%.*s", NH_TEXT(name));
    nh_automation__leave(a);
    return err;
}

bool nh_automation_flag(const nh_automation_t *a, nh_span_t name)
{
    return nh_flag__is(a, name);
}

bool nh_automation_variable(const nh_automation_t *a, nh_span_t name, struct nh_value *out)
{
    const struct nh_name *e = nh_names__find(&a->variables, name);
    *out = e ? nh_variable__value((const struct nh_variable *)e) : (struct nh_value){0};
    return out->kind != NH_VALUE_NONE;
}

// ---- what happens -------------------------------------------------------------------------------

void nh_automation_audio_finished(nh_automation_t *a, uint32_t instance, nh_span_t track,
                                  const char *reason, uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return;
    nh_wait__audio(a, instance, strcmp(reason, "error") == 0);
    nh_templates__audio(a, instance);
    nh_trigger__audio(a, track, nh_span_of(reason));
    nh_automation__leave(a);
}

int nh_automation_run(nh_automation_t *a, const struct nh_automation_run *r, uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return NH_ERR_BUSY;
    struct nh_start s = {.scenario = nh_scenario__find(a, r->device, r->scenario),
                         .origin = r->origin,
                         .parameters = r->parameters,
                         .parameter_count = r->parameter_count,
                         .is_operator = true};
    int id = s.scenario ? nh_run__start(a, &s) : NH_ERR_NOT_FOUND;
    if (id > 0)
        nh_log__add(a, r->origin, "run", "%.*s/%.*s", NH_TEXT(r->device), NH_TEXT(r->scenario));
    nh_automation__leave(a);
    return id;
}

static int named(nh_automation_t *a, enum nh_trigger_type type, nh_span_t name,
                 enum nh_origin origin, const struct nh_automation_parameter *parameters,
                 size_t count, uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return NH_ERR_BUSY;
    int started = nh_trigger__named(a, type, name, origin, parameters, count);
    if (started >= 0)
        nh_log__add(a, origin, type == NH_TRIGGER_BUTTON ? "button" : "call", "%.*s",
                    NH_TEXT(name));
    nh_automation__leave(a);
    return started;
}

int nh_automation_button(nh_automation_t *a, nh_span_t name, enum nh_origin origin, uint64_t now_ms)
{
    return named(a, NH_TRIGGER_BUTTON, name, origin, NULL, 0, now_ms);
}

int nh_automation_call(nh_automation_t *a, nh_span_t name,
                       const struct nh_automation_parameter *parameters, size_t count,
                       uint64_t now_ms)
{
    return named(a, NH_TRIGGER_HTTP, name, NH_ORIGIN_HTTP, parameters, count, now_ms);
}

// ---- cancelling ---------------------------------------------------------------------------------

static void log_run(nh_automation_t *a, enum nh_origin origin, const char *action,
                    const struct nh_run *r)
{
    nh_span_t device = nh_scenario__device(r->scenario), id = nh_scenario__id(r->scenario);
    nh_log__add(a, origin, action, "%u %.*s/%.*s", (unsigned)r->id, NH_TEXT(device), NH_TEXT(id));
}

int nh_automation_cancel(nh_automation_t *a, uint32_t instance, enum nh_origin origin,
                         uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return NH_ERR_BUSY;
    struct nh_run *r = nh_run__find(a, instance);
    if (r) {
        log_run(a, origin, "cancel", r);
        nh_run__stop(a, r, NH_RUN_CANCELLED, "cancelled");
    }
    nh_automation__leave(a);
    return r ? 1 : NH_ERR_NOT_FOUND;
}

static int cancel_where(nh_automation_t *a, const nh_span_t *device)
{
    int count = 0;
    nh_scenario__walk_begin(a);
    NH_NAMES_EACH(&a->scenarios, e)
    {
        struct nh_scenario *s = (struct nh_scenario *)e;
        if (!device || nh_span__equal(nh_scenario__device(s), *device))
            count += nh_run__stop_all(a, s, "cancelled");
    }
    nh_scenario__walk_end(a);
    return count;
}

int nh_automation_cancel_device(nh_automation_t *a, nh_span_t device, enum nh_origin origin,
                                uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return NH_ERR_BUSY;
    int count = cancel_where(a, &device);
    if (count == 0 && !nh_device__find(a, device))
        count = NH_ERR_NOT_FOUND;
    else
        nh_log__add(a, origin, "cancel", "%.*s: %d", NH_TEXT(device), count);
    nh_automation__leave(a);
    return count;
}

int nh_automation_cancel_all(nh_automation_t *a, enum nh_origin origin, uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return NH_ERR_BUSY;
    int count = cancel_where(a, NULL);
    a->after_stop |= NH_AFTER_SAFE_OFF;
    nh_log__add(a, origin, "cancel", "all: %d", count);
    nh_automation__leave(a);
    return count;
}

static int go_on(nh_automation_t *a, uint32_t instance, enum nh_woken how, enum nh_origin origin,
                 uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return NH_ERR_BUSY;
    struct nh_run *r = nh_run__find(a, instance);
    struct nh_branch *b = r ? nh_wait__of_run(r) : NULL;
    if (b) {
        log_run(a, origin, how == NH_WOKEN_FORCED ? "force" : "skip", r);
        nh_wait__wake(a, b, how);
    }
    nh_automation__leave(a);
    return b ? NH_OK : r ? NH_ERR_CONFLICT : NH_ERR_NOT_FOUND;
}

int nh_automation_skip(nh_automation_t *a, uint32_t instance, enum nh_origin origin,
                       uint64_t now_ms)
{
    return go_on(a, instance, NH_WOKEN_SKIPPED, origin, now_ms);
}

int nh_automation_force(nh_automation_t *a, uint32_t instance, enum nh_origin origin,
                        uint64_t now_ms)
{
    return go_on(a, instance, NH_WOKEN_FORCED, origin, now_ms);
}

void nh_automation_enable(nh_automation_t *a, bool is_enabled, enum nh_origin origin,
                          uint64_t now_ms)
{
    if (!nh_automation__enter(a, now_ms))
        return;
    a->info.is_enabled = is_enabled;
    nh_log__add(a, origin, is_enabled ? "enable" : "disable", "%s", "");
    nh_automation__changed(a, NH_AUTOMATION_INSTANCES);
    nh_automation__leave(a);
}

// ---- figures ------------------------------------------------------------------------------------

static void count_runs(const nh_automation_t *a, const struct nh_scenario *s,
                       struct nh_automation_info *out)
{
    NH_LIST_EACH(&s->runs, l)
    {
        const struct nh_run *r = NH_CONTAINER_OF(l, struct nh_run, link);
        if (r->state == NH_RUN_QUEUED)
            out->queued_count++;
        else if (r->main.wait != NH_WAIT_NONE && r->main.woken == NH_WOKEN_NOT)
            out->waiting_count++;
        else
            out->running_count++;
    }
    out->suspended_count += s->suspended_until_ms > a->now_ms;
}

void nh_automation_info(const nh_automation_t *a, struct nh_automation_info *out)
{
    *out = a->info;
    out->flag_count = a->flags.count;
    out->variable_count = a->variables.count;
    out->filter_count = a->topics.count;
    nh_journal__info(a, out);
    NH_NAMES_EACH(&a->scenarios, e)
    count_runs(a, (const struct nh_scenario *)e, out);
}

// ---- invariants ---------------------------------------------------------------------------------

// Waiting or ready, and in the heap if and only if it has a deadline.
static bool check_branch(const nh_automation_t *a, const struct nh_branch *b, uint32_t *armed)
{
    bool waits = b->wait != NH_WAIT_NONE && b->woken == NH_WOKEN_NOT;
    bool is_listed = nh_list_is_linked(&b->link);
    bool wants_list = !waits || b->wait == NH_WAIT_EVENT || b->wait == NH_WAIT_COMMAND ||
                      b->wait == NH_WAIT_AUDIO || b->wait == NH_WAIT_FLAGS;
    (void)a;
    *armed += b->timer.slot != 0;
    return is_listed == wants_list && (waits || b->timer.slot == 0) && b->depth > 0 &&
           b->depth <= NH_FRAME_MAX_COUNT;
}

static bool check_scenario(const nh_automation_t *a, const struct nh_scenario *s, uint32_t *runs,
                           uint32_t *armed)
{
    uint32_t active = 0, queued = 0;
    NH_LIST_EACH(&s->runs, l)
    {
        const struct nh_run *r = NH_CONTAINER_OF(l, struct nh_run, link);
        (*runs)++;
        if (r->state == NH_RUN_QUEUED) {
            queued++;
            continue;
        }
        active++;
        if (!check_branch(a, &r->main, armed) || r->scenario != s)
            return false;
        for (const struct nh_child *c = r->children; c; c = c->next)
            if (!check_branch(a, &c->branch, armed))
                return false;
    }
    return active == s->active_count && queued == s->queued_count;
}

int nh_automation_check(const nh_automation_t *a)
{
    uint32_t runs = 0, armed = 0;
    if (!nh_wake__check(&a->room) || !nh_wake__check(&a->second))
        return NH_ERR_CORRUPT;
    NH_NAMES_EACH(&a->scenarios, e)
    if (!check_scenario(a, (const struct nh_scenario *)e, &runs, &armed))
        return NH_ERR_CORRUPT;
    for (uint32_t i = 0; i < a->plan.trigger_count; i++)
        armed += a->plan.triggers[i].timer.slot != 0;
    NH_NAMES_EACH(&a->devices, d)
    armed += ((const struct nh_device *)d)->timer.slot != 0;
    armed += (a->game.timer.slot != 0) + (a->boot_timer.slot != 0) + (a->outbox_timer.slot != 0);
    armed += a->journal.timer.slot != 0;
    bool is_whole = runs == a->info.instance_count && armed == a->room.count + a->second.count;
    return is_whole && nh_journal__check(a) ? NH_OK : NH_ERR_CORRUPT;
}
