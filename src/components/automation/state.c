// state.c - what the room knows: flags, variables, which devices are there.

#include "components/automation/automation_state.h"
#include "components/automation/templates_use.h"

#include <string.h>

// ---- flags --------------------------------------------------------------------------------------

int nh_flag__get(nh_automation_t *a, nh_span_t name, struct nh_flag **out)
{
    *out = (struct nh_flag *)nh_names__find(&a->flags, name);
    if (*out)
        return NH_OK;
    if (name.len == 0)
        return NH_ERR_INVAL;
    if (a->flags.count >= a->limits.flag_max_count)
        nh_needs__sweep_stale(a);
    if (a->flags.count >= a->limits.flag_max_count) {
        a->info.flags_full++;
        return nh_automation__fail(a, NH_ERR_FULL, "more than %u flags",
                                   (unsigned)a->limits.flag_max_count);
    }
    struct nh_flag *f = nh_names__make(&a->flags, sizeof *f, name);
    if (!f) {
        a->info.no_memory++;
        return NH_ERR_NOMEM;
    }
    nh_list_init(&f->waiters);
    nh_list_init(&f->watches);
    *out = f;
    return NH_OK;
}

bool nh_flag__is(const nh_automation_t *a, nh_span_t name)
{
    const struct nh_flag *f = (const struct nh_flag *)nh_names__find(&a->flags, name);
    return f && f->value;
}

int nh_flag__set(nh_automation_t *a, nh_span_t name, bool value)
{
    struct nh_flag *f;
    int err = nh_flag__get(a, name, &f);
    if (err < 0)
        return err;
    bool is_new = !f->is_known;
    f->is_known = true;
    f->is_stale = false;
    if (f->value == value) {
        if (is_new)
            nh_automation__changed(a, NH_AUTOMATION_FLAGS);
        return NH_OK;
    }
    f->value = value;
    f->changed_ms = nh_automation__room_ms(a);
    nh_wait__flag(a, f);
    nh_trigger__flag(a, f);
    nh_templates__flag(a, name, value);
    nh_automation__changed(a, NH_AUTOMATION_FLAGS);
    return NH_OK;
}

// ---- variables ----------------------------------------------------------------------------------

int nh_variable__get(nh_automation_t *a, nh_span_t name, struct nh_variable **out)
{
    *out = (struct nh_variable *)nh_names__find(&a->variables, name);
    if (*out)
        return NH_OK;
    if (name.len == 0)
        return NH_ERR_INVAL;
    if (a->variables.count >= a->limits.variable_max_count)
        nh_needs__sweep_stale(a);
    if (a->variables.count >= a->limits.variable_max_count) {
        a->info.variables_full++;
        return nh_automation__fail(a, NH_ERR_FULL, "more than %u variables",
                                   (unsigned)a->limits.variable_max_count);
    }
    *out = nh_names__make(&a->variables, sizeof **out, name);
    if (!*out)
        a->info.no_memory++;
    return *out ? NH_OK : NH_ERR_NOMEM;
}

struct nh_value nh_variable__value(const struct nh_variable *v)
{
    return (struct nh_value){.kind = (enum nh_value_kind)v->kind,
                             .truth = v->number != 0,
                             .number = v->number,
                             .text = {(const uint8_t *)v->text, v->len}};
}

// Takes the value without telling anybody. The new text may be part of the old one.
static int assign(nh_automation_t *a, struct nh_variable *v, const struct nh_value *value)
{
    size_t len = value->kind == NH_VALUE_TEXT ? value->text.len : 0;
    char *text = NULL;
    if (len > a->limits.value_max_bytes) {
        a->info.values_too_long++;
        return nh_automation__fail(a, NH_ERR_TOO_LONG, "%zu bytes are too long for a variable",
                                   len);
    }
    if (len && !(text = nh_mem_alloc(a->mem, len, NH_MEM_BULK))) {
        a->info.no_memory++;
        return NH_ERR_NOMEM;
    }
    if (len)
        memcpy(text, value->text.ptr, len);
    nh_mem_free(a->mem, v->text);
    v->text = text;
    v->len = (uint32_t)len;
    v->kind = (uint8_t)value->kind;
    v->number = value->kind == NH_VALUE_BOOL ? value->truth : value->number;
    return NH_OK;
}

static bool is_same(const struct nh_value *a, const struct nh_value *b)
{
    return a->kind == b->kind && nh_value_equal(a, b);
}

int nh_variable__set(nh_automation_t *a, nh_span_t name, const struct nh_value *value)
{
    struct nh_variable *v;
    int err = nh_variable__get(a, name, &v);
    if (err < 0)
        return err;
    v->is_stale = false;
    struct nh_value old = nh_variable__value(v);
    if (is_same(&old, value))
        return NH_OK;
    err = assign(a, v, value);
    if (err < 0)
        return err;
    if (v->is_kept)
        nh_journal__variable(a, v);
    nh_trigger__variable(a, v);
    nh_automation__changed(a, NH_AUTOMATION_VARIABLES);
    return NH_OK;
}

bool nh_variable__begin(struct nh_variable *v, const struct nh_value *value, char *text)
{
    if (v->kind != NH_VALUE_NONE || value->kind == NH_VALUE_NONE)
        return false;
    bool is_text = value->kind == NH_VALUE_TEXT;
    v->text = text; // it had none
    v->len = is_text ? (uint32_t)value->text.len : 0;
    v->number = value->kind == NH_VALUE_BOOL ? value->truth : value->number;
    v->kind = (uint8_t)value->kind;
    v->is_initial = true;
    return true;
}

void nh_state__flag_forget(nh_automation_t *a, struct nh_flag *f)
{
    nh_names__remove(&a->flags, &f->name);
    nh_mem_free(a->mem, f);
}

void nh_state__variable_forget(nh_automation_t *a, struct nh_variable *v)
{
    nh_journal__drop(a, v->kept);
    nh_names__remove(&a->variables, &v->name);
    nh_mem_free(a->mem, v->text);
    nh_mem_free(a->mem, v);
}

// Back to having no value.
static void clear_variable(nh_automation_t *a, struct nh_variable *v)
{
    nh_mem_free(a->mem, v->text);
    v->text = NULL;
    v->len = 0;
    v->kind = NH_VALUE_NONE;
    nh_journal__variable(a, v);
    nh_trigger__variable(a, v);
}

// Those of the configuration as it has them, the others gone. What a plan names stays.
void nh_state__reset(nh_automation_t *a)
{
    NH_NAMES_EACH(&a->flags, e)
    NH_IGNORE(nh_flag__set(a, nh_name__span(e), false)); // it is there: nothing can fail
    nh_rec_t root = {NULL, NULL};
    if (a->plan.set) // none: it was over a limit at the start
        root = nh_device_set_root(a->plan.set);
    uint32_t count = root.at ? nh_rec_count(root, NH_FIELD_VARIABLES) : 0;
    for (uint32_t i = 0; i < count; i++) {
        nh_rec_t r = nh_rec_element(root, NH_FIELD_VARIABLES, i);
        struct nh_value value = nh_value_from_scalar(nh_rec_scalar(r, NH_FIELD_VALUE));
        if (value.kind != NH_VALUE_NONE)
            NH_IGNORE(nh_variable__set(a, nh_rec_text(r, NH_FIELD_NAME), &value)); // counted
    }
    NH_NAMES_EACH(&a->variables, v)
    {
        struct nh_variable *variable = (struct nh_variable *)v;
        if (variable->refs == 0)
            nh_state__variable_forget(a, variable);
        else if (!variable->has_first)
            clear_variable(a, variable);
    }
    nh_automation__changed(a, NH_AUTOMATION_VARIABLES);
}

void nh_state__destroy(nh_automation_t *a)
{
    NH_NAMES_EACH(&a->flags, f)
    nh_mem_free(a->mem, f);
    NH_NAMES_EACH(&a->variables, v)
    nh_state__variable_forget(a, (struct nh_variable *)v);
    NH_NAMES_EACH(&a->devices, d)
    {
        nh_wake__cancel(&a->second, &((struct nh_device *)d)->timer);
        nh_mem_free(a->mem, d);
    }
    nh_names__deinit(&a->flags);
    nh_names__deinit(&a->variables);
    nh_names__deinit(&a->devices);
}

// ---- devices ------------------------------------------------------------------------------------

struct nh_device *nh_device__find(const nh_automation_t *a, nh_span_t id)
{
    struct nh_device *d = (struct nh_device *)nh_names__find(&a->devices, id);
    return d && d->mark == a->plan.mark ? d : NULL;
}

static void set_status(nh_automation_t *a, struct nh_device *d, enum nh_device_status status)
{
    if (d->status == status)
        return;
    d->status = (uint8_t)status;
    d->changed_ms = a->now_ms;
    nh_trigger__device(a, d);
    nh_automation__changed(a, NH_AUTOMATION_MONITORS);
}

void nh_device__message(nh_automation_t *a, struct nh_device *d, nh_span_t payload)
{
    nh_rec_t status = nh_rec_object(nh_device_set_device(a->plan.set, d->index), NH_FIELD_STATUS);
    nh_span_t online = nh_rec_text(status, NH_FIELD_ONLINE_PAYLOAD);
    uint64_t timeout_ms = (uint64_t)nh_rec_int(status, NH_FIELD_TIMEOUT_MS, 0);
    if (nh_rec_has(status, NH_FIELD_OFFLINE_PAYLOAD) &&
        nh_span__equal(payload, nh_rec_text(status, NH_FIELD_OFFLINE_PAYLOAD))) {
        nh_wake__cancel(&a->second, &d->timer);
        set_status(a, d, NH_DEVICE_OFFLINE);
    } else if (online.len == 0 || nh_span__equal(payload, online)) {
        if (timeout_ms)
            nh_wake__arm(&a->second, &d->timer, nh_ms_after(a->now_ms, timeout_ms));
        set_status(a, d, NH_DEVICE_ONLINE);
    }
}

void nh_device__silent(nh_automation_t *a, struct nh_device *d)
{
    set_status(a, d, NH_DEVICE_OFFLINE);
}
