// plan.c - a set made ready: what its triggers hang on, and how it comes into force.
//
// All that can fail is done first, beside the plan in force; then one takes the other's place.

#include "components/automation/automation_state.h"
#include "components/automation/templates_use.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX_BYTES 512 // two ids; their limit is far below unless somebody raises it

// ---- making -------------------------------------------------------------------------------------

static void *array_of(nh_automation_t *a, uint32_t count, size_t bytes)
{
    return nh_mem_alloc_zero(a->mem, count ? count * bytes : 1, NH_MEM_BULK);
}

static int make_scenario(nh_automation_t *a, struct nh_plan *p, uint32_t index)
{
    uint32_t device = nh_device_set_scenario_device(p->set, index);
    nh_span_t d = nh_rec_text(nh_device_set_device(p->set, device), NH_FIELD_ID);
    nh_span_t id = nh_rec_text(nh_device_set_scenario(p->set, index), NH_FIELD_ID);
    char key[KEY_MAX_BYTES];
    if (d.len + id.len + 1 > sizeof key)
        return NH_ERR_TOO_LONG;
    memcpy(key, d.ptr, d.len);
    key[d.len] = '\0';
    memcpy(key + d.len + 1, id.ptr, id.len);
    nh_span_t name = {(const uint8_t *)key, d.len + 1 + id.len};
    struct nh_scenario *s = (struct nh_scenario *)nh_names__find(&a->scenarios, name);
    if (!s) {
        s = nh_names__make(&a->scenarios, sizeof *s, name);
        if (!s)
            return NH_ERR_NOMEM;
        nh_list_init(&s->runs);
        s->device_len = (uint32_t)d.len;
    }
    p->scenarios[index] = s;
    return NH_OK;
}

static int make_device(nh_automation_t *a, struct nh_plan *p, uint32_t index)
{
    nh_rec_t rec = nh_device_set_device(p->set, index);
    nh_span_t topic = nh_rec_text(nh_rec_object(rec, NH_FIELD_STATUS), NH_FIELD_TOPIC);
    nh_span_t id = nh_rec_text(rec, NH_FIELD_ID);
    struct nh_device *d = (struct nh_device *)nh_names__find(&a->devices, id);
    if (!d) {
        if (nh_wake__reserve(&a->second) < 0)
            return NH_ERR_NOMEM;
        d = nh_names__make(&a->devices, sizeof *d, id);
        if (!d) {
            nh_wake__release(&a->second);
            return NH_ERR_NOMEM;
        }
        d->timer.kind = NH_TIMER_DEVICE;
    }
    p->devices[index] = d;
    if (topic.len == 0 || a->is_dry)
        return NH_OK;
    return nh_topic__get_status(a, topic, &p->status[index]);
}

static bool is_trigger(nh_rec_t rec)
{
    return nh_rec_bool(rec, NH_FIELD_ENABLED, true);
}

static uint32_t count_triggers(const struct nh_plan *p)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->scenario_count; i++)
        count += nh_rec_count(nh_device_set_scenario(p->set, i), NH_FIELD_TRIGGERS);
    for (uint32_t i = 0; i < p->device_count; i++)
        count += nh_rec_count(nh_device_set_device(p->set, i), NH_FIELD_TOPICS);
    return count;
}

static int hang(nh_automation_t *a, struct nh_trigger *t, nh_rec_t rec)
{
    switch (t->type) {
    case NH_TRIGGER_TOPIC:
        return nh_topic__get(a, nh_rec_text(rec, NH_FIELD_TOPIC), &t->on.topic);
    case NH_TRIGGER_FLAG:
        return nh_flag__get(a, nh_rec_text(rec, NH_FIELD_FLAG), &t->on.flag);
    case NH_TRIGGER_VARIABLE:
        return nh_variable__get(a, nh_rec_text(rec, NH_FIELD_VARIABLE), &t->on.variable);
    case NH_TRIGGER_DEVICE_ONLINE:
    case NH_TRIGGER_DEVICE_OFFLINE:
        t->on.device =
            (struct nh_device *)nh_names__find(&a->devices, nh_rec_text(rec, NH_FIELD_DEVICE));
        return t->on.device ? NH_OK : NH_ERR_NOT_FOUND;
    default:
        return NH_OK;
    }
}

static int add_trigger(nh_automation_t *a, struct nh_plan *p, struct nh_scenario *s, nh_rec_t rec,
                       bool is_binding)
{
    struct nh_trigger *t = &p->triggers[p->trigger_count];
    *t = (struct nh_trigger){
        .scenario = s,
        .place = is_binding ? 0 : nh_rec_place(rec),
        .type = (uint8_t)(is_binding ? NH_TRIGGER_TOPIC : nh_rec_enum(rec, NH_FIELD_TYPE, 0)),
        .timer.kind = NH_TIMER_TRIGGER,
    };
    int err = nh_wake__reserve(nh_trigger__wake(a, t));
    if (err < 0)
        return err;
    err = hang(a, t, rec);
    if (err < 0)
        nh_wake__release(nh_trigger__wake(a, t));
    else
        p->trigger_count++;
    return err;
}

static int make_triggers(nh_automation_t *a, struct nh_plan *p)
{
    for (uint32_t i = 0; i < p->scenario_count; i++) {
        nh_rec_t s = nh_device_set_scenario(p->set, i);
        uint32_t count = nh_rec_count(s, NH_FIELD_TRIGGERS);
        for (uint32_t k = 0; k < count; k++) {
            nh_rec_t rec = nh_rec_element(s, NH_FIELD_TRIGGERS, k);
            int err = is_trigger(rec) ? add_trigger(a, p, p->scenarios[i], rec, false) : NH_OK;
            if (err < 0)
                return err;
        }
    }
    for (uint32_t i = 0; i < p->device_count; i++) {
        nh_rec_t d = nh_device_set_device(p->set, i);
        uint32_t count = nh_rec_count(d, NH_FIELD_TOPICS);
        for (uint32_t k = 0; k < count; k++) {
            nh_rec_t rec = nh_rec_element(d, NH_FIELD_TOPICS, k);
            int s = nh_device_set_find_scenario(p->set, i, nh_rec_text(rec, NH_FIELD_NAME));
            int err = s < 0 ? NH_OK : add_trigger(a, p, p->scenarios[s], rec, true);
            if (err < 0)
                return err;
        }
    }
    return NH_OK;
}

static int make_arrays(nh_automation_t *a, struct nh_plan *p)
{
    uint32_t triggers = a->is_dry ? 0 : count_triggers(p);
    p->scenarios = array_of(a, p->scenario_count, sizeof(struct nh_scenario *));
    p->devices = array_of(a, p->device_count, sizeof(struct nh_device *));
    p->status = array_of(a, p->device_count, sizeof(struct nh_topic *));
    p->uses = array_of(a, p->device_count, sizeof(struct nh_template_use *));
    p->triggers = array_of(a, triggers, sizeof(struct nh_trigger));
    return p->scenarios && p->devices && p->status && p->uses && p->triggers ? NH_OK : NH_ERR_NOMEM;
}

// The texts of first values, so that taking them into force cannot fail.
static int make_texts(nh_automation_t *a, struct nh_plan *p)
{
    nh_rec_t root = nh_device_set_root(p->set);
    uint32_t count = nh_rec_count(root, NH_FIELD_VARIABLES);
    p->texts = array_of(a, count, sizeof *p->texts);
    if (!p->texts)
        return NH_ERR_NOMEM;
    p->text_count = count;
    for (uint32_t i = 0; i < count; i++) {
        nh_rec_t rec = nh_rec_element(root, NH_FIELD_VARIABLES, i);
        const struct nh_variable *v = (const struct nh_variable *)nh_names__find(
            &a->variables, nh_rec_text(rec, NH_FIELD_NAME));
        struct nh_scalar value = nh_rec_scalar(rec, NH_FIELD_VALUE);
        if (v->kind != NH_VALUE_NONE || value.kind != NH_SCALAR_TEXT || value.text.len == 0)
            continue;
        p->texts[i] = nh_mem_alloc(a->mem, value.text.len, NH_MEM_BULK);
        if (!p->texts[i])
            return NH_ERR_NOMEM;
        memcpy(p->texts[i], value.text.ptr, value.text.len);
    }
    return NH_OK;
}

static int make_plan(nh_automation_t *a, struct nh_plan *p)
{
    int err = make_arrays(a, p);
    for (uint32_t i = 0; i < p->scenario_count && err == 0; i++)
        err = make_scenario(a, p, i);
    for (uint32_t i = 0; i < p->device_count && err == 0; i++)
        err = make_device(a, p, i);
    if (err == 0)
        err = nh_needs__claim(a, p);
    if (err == 0)
        err = make_texts(a, p);
    if (err == 0 && !a->is_dry)
        err = make_triggers(a, p);
    return err < 0 || a->is_dry ? err : nh_templates__prepare(a, p);
}

// ---- unmaking -----------------------------------------------------------------------------------

void nh_plan__free(nh_automation_t *a, struct nh_plan *p)
{
    for (uint32_t i = 0; i < p->trigger_count; i++) {
        struct nh_trigger *t = &p->triggers[i];
        nh_wake__cancel(nh_trigger__wake(a, t), &t->timer);
        nh_wake__release(nh_trigger__wake(a, t));
        nh_cause__unref(a, t->cause);
        if (t->type == NH_TRIGGER_TOPIC)
            nh_topic__put(a, t->on.topic);
    }
    if (p->uses)
        nh_templates__free(a, p);
    nh_needs__release(a, p);
    for (uint32_t i = 0; i < p->text_count; i++)
        nh_mem_free(a->mem, p->texts[i]);
    for (uint32_t i = 0; i < p->device_count && p->status; i++) {
        if (!p->status[i])
            continue;
        p->status[i]->status_refs--;
        nh_topic__put(a, p->status[i]);
    }
    nh_mem_free(a->mem, p->scenarios);
    nh_mem_free(a->mem, p->devices);
    nh_mem_free(a->mem, p->status);
    nh_mem_free(a->mem, p->uses);
    nh_mem_free(a->mem, p->triggers);
    nh_mem_free(a->mem, p->texts);
    nh_device_set_unref(p->set);
    *p = (struct nh_plan){0};
}

// Scenarios and devices that no plan has; runs of a scenario keep it.
static void sweep(nh_automation_t *a)
{
    NH_NAMES_EACH(&a->scenarios, e)
    nh_scenario__sweep(a, (struct nh_scenario *)e);
    NH_NAMES_EACH(&a->devices, d)
    {
        struct nh_device *device = (struct nh_device *)d;
        if (device->mark == a->plan.mark)
            continue;
        nh_wake__cancel(&a->second, &device->timer);
        nh_wake__release(&a->second);
        nh_names__remove(&a->devices, d);
        nh_mem_free(a->mem, device);
    }
}

// ---- into force ---------------------------------------------------------------------------------

static struct nh_trigger **head_of(struct nh_trigger *t)
{
    switch (t->type) {
    case NH_TRIGGER_TOPIC:
        return &t->on.topic->triggers;
    case NH_TRIGGER_FLAG:
        return &t->on.flag->triggers;
    case NH_TRIGGER_VARIABLE:
        return &t->on.variable->triggers;
    case NH_TRIGGER_DEVICE_ONLINE:
    case NH_TRIGGER_DEVICE_OFFLINE:
        return &t->on.device->triggers;
    default:
        return NULL;
    }
}

static void unlink_plan(struct nh_plan *p)
{
    for (uint32_t i = 0; i < p->trigger_count; i++) {
        struct nh_trigger **head = head_of(&p->triggers[i]);
        if (head)
            *head = NULL;
    }
    for (uint32_t i = 0; i < p->device_count; i++)
        if (p->status[i])
            p->status[i]->devices = NULL;
}

// In the order of the set: from its end to its beginning, each to the front.
static void link_plan(nh_automation_t *a, struct nh_plan *p)
{
    for (uint32_t i = p->trigger_count; i > 0; i--) {
        struct nh_trigger *t = &p->triggers[i - 1];
        struct nh_trigger **head = head_of(t);
        t->next = head ? *head : NULL;
        if (head)
            *head = t;
    }
    for (uint32_t i = p->device_count; i > 0; i--) {
        struct nh_device *d = p->devices[i - 1];
        struct nh_topic *topic = p->status[i - 1];
        d->index = i - 1;
        d->mark = p->mark;
        d->next = topic ? topic->devices : NULL;
        if (topic)
            topic->devices = d;
    }
    for (uint32_t i = 0; i < p->scenario_count; i++) {
        p->scenarios[i]->index = i;
        p->scenarios[i]->mark = p->mark;
    }
    (void)a;
}

// The trigger of the plan before that says the same of the same scenario.
static struct nh_trigger *same_before(const struct nh_plan *old, const struct nh_plan *fresh,
                                      const struct nh_trigger *t, uint32_t *from)
{
    nh_rec_t rec = nh_rec_at(fresh->set, t->place);
    for (uint32_t k = 0; k < old->trigger_count; k++) {
        uint32_t i = (*from + k) % old->trigger_count; // mostly they stand in the same order
        struct nh_trigger *o = &old->triggers[i];
        if (o->scenario != t->scenario || o->type != t->type || !o->place != !t->place ||
            !nh_rec_equal(nh_rec_at(old->set, o->place), rec))
            continue;
        *from = i + 1;
        return o;
    }
    return NULL;
}

static void carry_over(nh_automation_t *a, struct nh_trigger *o, struct nh_trigger *t)
{
    struct nh_wake *w = nh_trigger__wake(a, t);
    uint64_t due_ms = o->timer.due_ms;
    t->is_true = o->is_true;
    t->fired = o->fired;
    t->ready_ms = o->ready_ms;
    t->last_local = o->last_local;
    t->next_local = o->next_local;
    t->cause = o->cause;
    o->cause = NULL;
    if (o->timer.slot) {
        nh_wake__cancel(w, &o->timer);
        nh_wake__arm(w, &t->timer, due_ms);
    }
    o->scenario = NULL; // taken
}

static void begin_triggers(nh_automation_t *a, struct nh_plan *old)
{
    uint32_t from = 0;
    for (uint32_t i = 0; i < a->plan.trigger_count; i++) {
        struct nh_trigger *t = &a->plan.triggers[i];
        struct nh_trigger *o = same_before(old, &a->plan, t, &from);
        if (o)
            carry_over(a, o, t);
        else if (t->place)
            nh_trigger__begin(a, t);
        if (o && t->type == NH_TRIGGER_VARIABLE && t->on.variable->is_initial)
            nh_trigger__look(a, t); // a first value is no change
    }
    NH_NAMES_EACH(&a->variables, e)
    ((struct nh_variable *)e)->is_initial = false;
}

// One that was not there before is unknown until it speaks, or has been silent for too long.
static void begin_devices(nh_automation_t *a)
{
    for (uint32_t i = 0; i < a->plan.device_count; i++) {
        struct nh_device *d = a->plan.devices[i];
        nh_rec_t status = nh_rec_object(nh_device_set_device(a->plan.set, i), NH_FIELD_STATUS);
        int64_t timeout_ms = nh_rec_int(status, NH_FIELD_TIMEOUT_MS, 0);
        if (timeout_ms == 0)
            nh_wake__cancel(&a->second, &d->timer);
        else if (d->status != NH_DEVICE_OFFLINE && !d->timer.slot && !a->is_dry)
            nh_wake__arm(&a->second, &d->timer, nh_ms_after(a->now_ms, (uint64_t)timeout_ms));
    }
}

// What is not to be kept any more stays in the journal until the next start, or until its name
// goes: the configuration may be put back.
static void keep_or_not(nh_automation_t *a, struct nh_variable *v, bool is_kept)
{
    bool is_new = is_kept && !v->is_kept && !v->is_initial && v->kind != NH_VALUE_NONE;
    v->is_kept = is_kept;
    if (a->has_booted && is_new)
        nh_journal__variable(a, v);
}

static void begin_variables(nh_automation_t *a)
{
    nh_rec_t root = nh_device_set_root(a->plan.set);
    uint32_t count = nh_rec_count(root, NH_FIELD_VARIABLES);
    NH_NAMES_EACH(&a->variables, e)
    ((struct nh_variable *)e)->is_declared = false;
    for (uint32_t i = 0; i < count; i++) {
        nh_rec_t rec = nh_rec_element(root, NH_FIELD_VARIABLES, i);
        nh_span_t name = nh_rec_text(rec, NH_FIELD_NAME);
        struct nh_variable *v = (struct nh_variable *)nh_names__find(&a->variables, name);
        struct nh_value value = nh_value_from_scalar(nh_rec_scalar(rec, NH_FIELD_VALUE));
        v->is_declared = true;
        v->has_first = value.kind != NH_VALUE_NONE;
        if (nh_variable__begin(v, &value, a->plan.texts[i]))
            a->plan.texts[i] = NULL; // taken
        keep_or_not(a, v, nh_rec_bool(rec, NH_FIELD_PERSIST, false));
    }
    NH_NAMES_EACH(&a->variables, k)
    {
        struct nh_variable *v = (struct nh_variable *)k;
        if (v->is_declared)
            continue;
        v->has_first = false;
        v->is_kept = false;
    }
}

static void tell_running(nh_automation_t *a, enum nh_automation_apply how,
                         nh_automation_running_fn running, void *ctx)
{
    nh_scenario__walk_begin(a);
    NH_NAMES_EACH(&a->scenarios, e)
    {
        struct nh_scenario *s = (struct nh_scenario *)e;
        NH_LIST_EACH(&s->runs, l)
        NH_CONTAINER_OF(l, struct nh_run, link)->flags |= NH_RUN_OLD;
        if (how == NH_AUTOMATION_CANCEL) {
            (void)nh_run__stop_all(a, s, "another configuration");
            continue;
        }
        NH_LIST_EACH(&s->runs, l)
        if (running)
            running(ctx, NH_CONTAINER_OF(l, struct nh_run, link)->id, nh_scenario__device(s),
                    nh_scenario__id(s));
    }
    nh_scenario__walk_end(a);
}

// Nothing from here on can fail.
static void swap(nh_automation_t *a, enum nh_automation_apply how, nh_automation_running_fn running,
                 void *ctx)
{
    if (a->plan.set && !a->is_dry)
        nh_templates__end(a, &a->fresh);
    struct nh_plan old = a->plan;
    if (old.set)
        unlink_plan(&old);
    a->plan = a->fresh;
    a->fresh = (struct nh_plan){0};
    link_plan(a, &a->plan);
    nh_needs__keep_fresh(a);
    if (!a->is_dry)
        nh_templates__begin(a, &old);
    tell_running(a, how, running, ctx);
    begin_variables(a);
    begin_devices(a);
    begin_triggers(a, &old);
    nh_device_set_t *before = old.set ? nh_device_set_ref(old.set) : NULL;
    if (before)
        nh_plan__free(a, &old);
    sweep(a);
    if (a->has_booted)
        nh_needs__sweep(a, before);
    nh_device_set_unref(before);
    a->info.trigger_count = a->plan.trigger_count;
}

static void drop(nh_automation_t *a)
{
    if (!a->fresh.set)
        return;
    nh_plan__free(a, &a->fresh);
    sweep(a);
    nh_needs__drop_fresh(a);
    nh_scenario__walk_end(a);
}

static void tell_unfit(const nh_automation_t *a, int err, nh_device_finding_fn finding, void *ctx)
{
    struct nh_device_finding f = {.code = "not_ready"};
    if (!finding)
        return;
    snprintf(f.text, sizeof f.text, "it cannot be put in force: %.100s",
             a->why[0] ? a->why : nh_err_text(err));
    finding(ctx, &f);
}

// From here until it is in force or dropped no scenario is freed: the plan knows them.
int nh_automation_devices_prepare(nh_automation_t *a, nh_device_set_t *set,
                                  nh_device_finding_fn finding, void *ctx, uint64_t now_ms)
{
    struct nh_device_set_info info;
    if (!nh_automation__enter(a, now_ms))
        return NH_ERR_BUSY;
    drop(a);
    a->why[0] = '\0';
    nh_device_set_info(set, &info);
    // A dry run has other limits, and a set that is in force.
    int err = a->is_dry ? NH_OK : nh_automation_devices_check(a, set, finding, ctx);
    if (err == NH_OK) {
        nh_scenario__walk_begin(a);
        a->fresh = (struct nh_plan){.set = nh_device_set_ref(set),
                                    .scenario_count = info.scenario_count,
                                    .device_count = info.device_count,
                                    .mark = ++a->next_mark};
        err = make_plan(a, &a->fresh);
        if (err < 0 && err != NH_ERR_NOMEM)
            tell_unfit(a, err, finding, ctx);
        if (err < 0)
            drop(a);
    }
    a->info.no_memory += err == NH_ERR_NOMEM;
    a->info.sets_refused += err < 0;
    a->is_busy = false; // what was told meanwhile is taken when it is in force
    return err;
}

void nh_automation_devices_drop(nh_automation_t *a, uint64_t now_ms)
{
    bool is_free = nh_automation__enter(a, now_ms);
    NH_ASSERT(is_free);
    drop(a);
    nh_automation__leave(a);
}

void nh_automation_devices_commit(nh_automation_t *a, enum nh_automation_apply how, uint64_t now_ms,
                                  nh_automation_running_fn running, void *ctx)
{
    bool is_free = nh_automation__enter(a, now_ms);
    NH_ASSERT(is_free && a->fresh.set);
    swap(a, how, running, ctx);
    nh_scenario__walk_end(a);
    nh_game__plan_changed(a);
    if (!a->has_booted && !a->is_dry) {
        a->has_booted = true;
        nh_journal__resume(a);
        nh_trigger__boot(a);
    }
    for (int i = 0; i < NH_AUTOMATION_PART_COUNT; i++)
        nh_automation__changed(a, (enum nh_automation_part)i);
    nh_automation__leave(a);
}

int nh_automation_devices_set(nh_automation_t *a, nh_device_set_t *set,
                              enum nh_automation_apply how, uint64_t now_ms,
                              nh_automation_running_fn running, void *ctx)
{
    int err = nh_automation_devices_prepare(a, set, NULL, NULL, now_ms);
    if (err == NH_OK)
        nh_automation_devices_commit(a, how, now_ms, running, ctx);
    return err;
}
