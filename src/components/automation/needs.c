// needs.c - what a set names: whether that is within the limits, places for it, and what nothing
// names any more.

#include "components/automation/automation_state.h"
#include "components/automation/template.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// ---- what a set names ---------------------------------------------------------------------------

struct walk {
    const nh_device_set_t *set;
    nh_need_fn need;
    void *ctx;
    int err; // what `need` came to
};

static void need(struct walk *w, enum nh_need kind, nh_span_t name)
{
    if (w->err == NH_OK && name.len > 0)
        w->err = w->need(w->ctx, kind, name);
}

static void walk_requirements(struct walk *w, nh_rec_t wait)
{
    uint32_t count = nh_rec_count(wait, NH_FIELD_REQUIREMENTS);
    nh_rec_t r = nh_rec_first(wait, NH_FIELD_REQUIREMENTS);
    for (uint32_t i = 0; i < count; i++, r = i < count ? nh_rec_next(r) : r)
        need(w, NH_NEED_FLAG, nh_rec_text(r, NH_FIELD_FLAG));
}

// As deep as steps may be nested.
static void walk_steps(struct walk *w, nh_rec_t owner, enum nh_field list)
{
    static const enum nh_field inner[] = {NH_FIELD_THEN, NH_FIELD_ELSE, NH_FIELD_DEFAULT,
                                          NH_FIELD_STEPS};
    uint32_t count = nh_rec_count(owner, list);
    nh_rec_t step = nh_rec_first(owner, list);
    for (uint32_t i = 0; i < count; i++, step = i < count ? nh_rec_next(step) : step) {
        int type = nh_rec_enum(step, NH_FIELD_TYPE, 0);
        if (type == NH_STEP_SET_FLAG)
            need(w, NH_NEED_FLAG, nh_rec_text(step, NH_FIELD_FLAG));
        else if (type == NH_STEP_SET)
            need(w, NH_NEED_VARIABLE, nh_rec_text(step, NH_FIELD_VARIABLE));
        else if (type == NH_STEP_WAIT_FLAGS)
            walk_requirements(w, nh_rec_object(step, NH_FIELD_WAIT));
        for (size_t f = 0; f < NH_ARRAY_LEN(inner); f++)
            walk_steps(w, step, inner[f]);
        uint32_t branches = nh_rec_count(step, NH_FIELD_BRANCHES);
        nh_rec_t b = nh_rec_first(step, NH_FIELD_BRANCHES);
        for (uint32_t k = 0; k < branches; k++, b = k < branches ? nh_rec_next(b) : b)
            walk_steps(w, b, NH_FIELD_STEPS);
    }
}

static void walk_triggers(struct walk *w, nh_rec_t scenario)
{
    uint32_t count = nh_rec_count(scenario, NH_FIELD_TRIGGERS);
    nh_rec_t t = nh_rec_first(scenario, NH_FIELD_TRIGGERS);
    for (uint32_t i = 0; i < count; i++, t = i < count ? nh_rec_next(t) : t) {
        if (!nh_rec_bool(t, NH_FIELD_ENABLED, true))
            continue;
        switch (nh_rec_enum(t, NH_FIELD_TYPE, 0)) {
        case NH_TRIGGER_TOPIC:
            need(w, NH_NEED_TOPIC, nh_rec_text(t, NH_FIELD_TOPIC));
            break;
        case NH_TRIGGER_FLAG:
            need(w, NH_NEED_FLAG, nh_rec_text(t, NH_FIELD_FLAG));
            break;
        case NH_TRIGGER_VARIABLE:
            need(w, NH_NEED_VARIABLE, nh_rec_text(t, NH_FIELD_VARIABLE));
            break;
        default:
            break;
        }
    }
}

static void walk_filter(void *ctx, nh_span_t filter)
{
    need(ctx, NH_NEED_TOPIC, filter);
}

static void walk_device(struct walk *w, uint32_t index)
{
    nh_rec_t d = nh_device_set_device(w->set, index);
    uint32_t count = nh_rec_count(d, NH_FIELD_TOPICS);
    need(w, NH_NEED_TOPIC, nh_rec_text(nh_rec_object(d, NH_FIELD_STATUS), NH_FIELD_TOPIC));
    for (uint32_t i = 0; i < count; i++)
        need(w, NH_NEED_TOPIC, nh_rec_text(nh_rec_element(d, NH_FIELD_TOPICS, i), NH_FIELD_TOPIC));
    if (nh_rec_object(d, NH_FIELD_TEMPLATE).at)
        nh_template_filters_each(w->set, index, walk_filter, w);
}

int nh_needs__each(const nh_device_set_t *set, nh_need_fn need_fn, void *ctx)
{
    struct walk w = {.set = set, .need = need_fn, .ctx = ctx};
    struct nh_device_set_info info;
    nh_rec_t root = nh_device_set_root(set);
    nh_device_set_info(set, &info);
    for (uint32_t i = 0; i < nh_rec_count(root, NH_FIELD_VARIABLES); i++)
        need(&w, NH_NEED_VARIABLE,
             nh_rec_text(nh_rec_element(root, NH_FIELD_VARIABLES, i), NH_FIELD_NAME));
    for (uint32_t i = 0; i < info.device_count; i++)
        walk_device(&w, i);
    for (uint32_t i = 0; i < info.scenario_count; i++) {
        nh_rec_t s = nh_device_set_scenario(set, i);
        walk_triggers(&w, s);
        walk_steps(&w, s, NH_FIELD_STEPS);
        walk_steps(&w, s, NH_FIELD_ON_STOP);
    }
    return w.err;
}

// ---- whether it is within the limits ------------------------------------------------------------

struct check {
    const nh_automation_t *a;
    nh_device_finding_fn finding;
    void *ctx;
    struct nh_names names[NH_NEED_COUNT]; // each once
    bool is_over;
};

static void tell(struct check *c, const char *pointer, const char *fmt, ...) NH_PRINTF(3, 4);
static void tell(struct check *c, const char *pointer, const char *fmt, ...)
{
    struct nh_device_finding f = {.code = "over_limit"};
    va_list args;
    c->is_over = true;
    snprintf(f.pointer, sizeof f.pointer, "%s", pointer);
    va_start(args, fmt);
    vsnprintf(f.text, sizeof f.text, fmt, args);
    va_end(args);
    if (c->finding)
        c->finding(c->ctx, &f);
}

static int count_need(void *ctx, enum nh_need kind, nh_span_t name)
{
    struct check *c = ctx;
    if (nh_names__find(&c->names[kind], name))
        return NH_OK;
    return nh_names__make(&c->names[kind], sizeof(struct nh_name), name) ? NH_OK : NH_ERR_NOMEM;
}

static void check_counts(struct check *c)
{
    const struct nh_automation_limits *l = &c->a->limits;
    const struct {
        const char *what, *field;
        uint32_t max;
    } rows[NH_NEED_COUNT] = {
        [NH_NEED_FLAG] = {"flags", "flag_max_count", l->flag_max_count},
        [NH_NEED_VARIABLE] = {"variables", "variable_max_count", l->variable_max_count},
        [NH_NEED_TOPIC] = {"topics to listen on", "filter_max_count", l->filter_max_count},
    };
    for (int i = 0; i < NH_NEED_COUNT; i++)
        if (c->names[i].count > rows[i].max)
            tell(c, i == NH_NEED_VARIABLE ? "/variables" : "",
                 "it names %u %s; automation.%s allows %u", (unsigned)c->names[i].count,
                 rows[i].what, rows[i].field, (unsigned)rows[i].max);
}

static void check_values(struct check *c, const nh_device_set_t *set)
{
    uint32_t max = c->a->limits.value_max_bytes;
    nh_rec_t root = nh_device_set_root(set);
    for (uint32_t i = 0; i < nh_rec_count(root, NH_FIELD_VARIABLES); i++) {
        struct nh_scalar v =
            nh_rec_scalar(nh_rec_element(root, NH_FIELD_VARIABLES, i), NH_FIELD_VALUE);
        char pointer[40];
        if (v.kind != NH_SCALAR_TEXT || v.text.len <= max)
            continue;
        snprintf(pointer, sizeof pointer, "/variables/%u/value", (unsigned)i);
        tell(c, pointer, "the text has %zu bytes; automation.value_max_bytes allows %u", v.text.len,
             (unsigned)max);
    }
}

static void check_instances(struct check *c, const nh_device_set_t *set)
{
    uint32_t max = c->a->limits.instance_max_count;
    struct nh_device_set_info info;
    nh_device_set_info(set, &info);
    for (uint32_t i = 0; i < info.scenario_count; i++) {
        int64_t wanted = nh_rec_int(nh_device_set_scenario(set, i), NH_FIELD_RUN_MAX, 0);
        uint32_t device = nh_device_set_scenario_device(set, i), count;
        char pointer[64];
        if (wanted <= max)
            continue;
        snprintf(pointer, sizeof pointer, "/devices/%u/scenarios/%u/max", (unsigned)device,
                 (unsigned)(i - nh_device_set_scenarios_of(set, device, &count)));
        tell(c, pointer, "it is %lld; automation.instance_max_count allows %u", (long long)wanted,
             (unsigned)max);
    }
}

int nh_automation_devices_check(const nh_automation_t *a, const nh_device_set_t *set,
                                nh_device_finding_fn finding, void *ctx)
{
    struct check c = {.a = a, .finding = finding, .ctx = ctx};
    for (int i = 0; i < NH_NEED_COUNT; i++)
        c.names[i] =
            (struct nh_names){.mem = a->mem, .seed = a->seed, .is_folded = i == NH_NEED_FLAG};
    int err = nh_needs__each(set, count_need, &c);
    if (err == NH_OK) {
        check_counts(&c);
        check_values(&c, set);
        check_instances(&c, set);
    }
    for (int i = 0; i < NH_NEED_COUNT; i++) {
        NH_NAMES_EACH(&c.names[i], e)
        nh_mem_free(a->mem, e);
        nh_names__deinit(&c.names[i]);
    }
    return err < 0 ? err : c.is_over ? NH_ERR_FULL : NH_OK;
}

// ---- places -------------------------------------------------------------------------------------

struct claim {
    nh_automation_t *a;
    uint32_t count, given; // given: of a release
};

static uint32_t *refs_of(nh_automation_t *a, enum nh_need kind, nh_span_t name)
{
    if (kind == NH_NEED_FLAG) {
        struct nh_flag *f = (struct nh_flag *)nh_names__find(&a->flags, name);
        return f ? &f->refs : NULL;
    }
    struct nh_variable *v = (struct nh_variable *)nh_names__find(&a->variables, name);
    return v ? &v->refs : NULL;
}

static int make(nh_automation_t *a, enum nh_need kind, nh_span_t name)
{
    struct nh_variable *v;
    struct nh_flag *f;
    if (kind == NH_NEED_VARIABLE) {
        v = nh_names__make(&a->variables, sizeof *v, name);
        if (v)
            v->is_fresh = true;
        return v ? NH_OK : NH_ERR_NOMEM;
    }
    f = nh_names__make(&a->flags, sizeof *f, name);
    if (!f)
        return NH_ERR_NOMEM;
    f->is_fresh = true;
    nh_list_init(&f->waiters);
    nh_list_init(&f->watches);
    return NH_OK;
}

// Beyond the limit as well: what the set before names goes when this one comes into force, and that
// this one is within the limit was seen to.
static int claim(void *ctx, enum nh_need kind, nh_span_t name)
{
    struct claim *c = ctx;
    if (kind == NH_NEED_TOPIC)
        return NH_OK;
    if (!refs_of(c->a, kind, name)) {
        int err = make(c->a, kind, name);
        if (err < 0)
            return err;
    }
    (*refs_of(c->a, kind, name))++;
    c->count++;
    return NH_OK;
}

int nh_needs__claim(nh_automation_t *a, struct nh_plan *p)
{
    struct claim c = {.a = a};
    int err = nh_needs__each(p->set, claim, &c);
    p->name_count = c.count;
    return err;
}

static int release(void *ctx, enum nh_need kind, nh_span_t name)
{
    struct claim *c = ctx;
    if (kind == NH_NEED_TOPIC)
        return NH_OK;
    if (c->count >= c->given)
        return NH_ERR_FULL; // the rest was never given
    c->count++;
    (*refs_of(c->a, kind, name))--;
    return NH_OK;
}

void nh_needs__release(nh_automation_t *a, struct nh_plan *p)
{
    struct claim c = {.a = a, .given = p->name_count};
    NH_IGNORE(nh_needs__each(p->set, release, &c)); // it ends where the claim did
}

// ---- names of nothing ---------------------------------------------------------------------------

static void mention(nh_automation_t *a, nh_span_t name)
{
    struct nh_flag *f = (struct nh_flag *)nh_names__find(&a->flags, name);
    struct nh_variable *v = (struct nh_variable *)nh_names__find(&a->variables, name);
    if (f)
        f->is_mentioned = true;
    if (v)
        v->is_mentioned = true;
}

static bool is_of_name(uint8_t c)
{
    return (c | 32) >= 'a' ? (c | 32) <= 'z' : (c >= '0' && c <= '9') || c == '_' || c == '.';
}

// A text may be a name, or an expression with names and with texts in quotes in it. What only looks
// like a name keeps it: that costs a place, the other mistake would cost a value.
static void mention_in(void *ctx, nh_span_t text)
{
    const uint8_t *at = text.ptr, *end = text.ptr + text.len;
    mention(ctx, text);
    while (at < end) {
        const uint8_t *from = at;
        while (at < end && is_of_name(*at))
            at++;
        if (at > from) {
            mention(ctx, (nh_span_t){from, (size_t)(at - from)});
            continue;
        }
        const uint8_t *close =
            *at == '\'' || *at == '"' ? memchr(at + 1, *at, (size_t)(end - at - 1)) : NULL;
        if (close)
            mention(ctx, (nh_span_t){at + 1, (size_t)(close - at - 1)});
        at++;
    }
}

// What a run was begun with is not to change under it.
static void mention_runs(nh_automation_t *a)
{
    const nh_device_set_t *last = a->plan.set;
    NH_NAMES_EACH(&a->scenarios, e)
    NH_LIST_EACH(&((struct nh_scenario *)e)->runs, l)
    {
        nh_device_set_t *set = NH_CONTAINER_OF(l, struct nh_run, link)->set;
        if (set == last || set == a->plan.set)
            continue;
        nh_device_set_texts_each(set, mention_in, a);
        last = set;
    }
}

static bool is_waited_for(const struct nh_flag *f)
{
    return !nh_list_is_empty(&f->waiters) || !nh_list_is_empty(&f->watches);
}

// Mentioned: by the texts of `set`; NULL: nothing is.
static void mention_anew(nh_automation_t *a, const nh_device_set_t *set)
{
    NH_NAMES_EACH(&a->flags, f)
    ((struct nh_flag *)f)->is_mentioned = false;
    NH_NAMES_EACH(&a->variables, v)
    ((struct nh_variable *)v)->is_mentioned = false;
    if (set)
        nh_device_set_texts_each(set, mention_in, a);
}

static void mark_stale(nh_automation_t *a)
{
    mention_anew(a, a->plan.set);
    mention_runs(a);
    NH_NAMES_EACH(&a->flags, e)
    {
        struct nh_flag *f = (struct nh_flag *)e;
        f->is_stale = f->refs == 0 && !f->is_mentioned && !is_waited_for(f);
    }
    NH_NAMES_EACH(&a->variables, k)
    {
        struct nh_variable *v = (struct nh_variable *)k;
        v->is_stale = v->refs == 0 && !v->is_mentioned;
    }
}

void nh_needs__sweep(nh_automation_t *a, const nh_device_set_t *before)
{
    mark_stale(a);
    mention_anew(a, before);
    NH_NAMES_EACH(&a->flags, e)
    {
        struct nh_flag *f = (struct nh_flag *)e;
        if (f->is_stale && !f->is_mentioned)
            nh_state__flag_forget(a, f);
    }
    NH_NAMES_EACH(&a->variables, k)
    {
        struct nh_variable *v = (struct nh_variable *)k;
        if (v->is_stale && !v->is_mentioned)
            nh_state__variable_forget(a, v);
    }
}

void nh_needs__sweep_stale(nh_automation_t *a)
{
    NH_NAMES_EACH(&a->flags, e)
    if (((struct nh_flag *)e)->is_stale && ((struct nh_flag *)e)->refs == 0)
        nh_state__flag_forget(a, (struct nh_flag *)e);
    NH_NAMES_EACH(&a->variables, k)
    if (((struct nh_variable *)k)->is_stale && ((struct nh_variable *)k)->refs == 0)
        nh_state__variable_forget(a, (struct nh_variable *)k);
}

void nh_needs__keep_fresh(nh_automation_t *a)
{
    NH_NAMES_EACH(&a->flags, f)
    ((struct nh_flag *)f)->is_fresh = false;
    NH_NAMES_EACH(&a->variables, v)
    ((struct nh_variable *)v)->is_fresh = false;
}

void nh_needs__drop_fresh(nh_automation_t *a)
{
    NH_NAMES_EACH(&a->flags, f)
    if (((struct nh_flag *)f)->is_fresh)
        nh_state__flag_forget(a, (struct nh_flag *)f);
    NH_NAMES_EACH(&a->variables, v)
    if (((struct nh_variable *)v)->is_fresh)
        nh_state__variable_forget(a, (struct nh_variable *)v);
}
