// texts.c - what a name in {{ }} or in an expression stands for, and the variables of a run.

#include "components/automation/automation_state.h"

#include <string.h>

// ---- what started a run -------------------------------------------------------------------------

struct nh_cause *nh_cause__make(nh_automation_t *a, nh_span_t topic, nh_span_t payload)
{
    bool fits = payload.len <= a->limits.value_max_bytes;
    size_t len = fits ? payload.len : 0;
    struct nh_cause *c = nh_mem_alloc(a->mem, sizeof *c + topic.len + len, NH_MEM_BULK);
    a->info.values_too_long += !fits;
    if (!c)
        return NULL;
    *c = (struct nh_cause){.refs = 1,
                           .topic_len = (uint32_t)topic.len,
                           .payload_len = (uint32_t)len,
                           .lost_bytes = fits ? 0 : (uint32_t)payload.len,
                           .has_topic = topic.len > 0,
                           .has_payload = fits};
    memcpy(c->bytes, topic.ptr, topic.len);
    if (len)
        memcpy(c->bytes + topic.len, payload.ptr, len);
    return c;
}

struct nh_cause *nh_cause__ref(struct nh_cause *c)
{
    if (c)
        c->refs++;
    return c;
}

void nh_cause__unref(nh_automation_t *a, struct nh_cause *c)
{
    if (c && --c->refs == 0)
        nh_mem_free(a->mem, c);
}

// ---- variables of a run -------------------------------------------------------------------------

static nh_span_t name_of(const struct nh_local *l)
{
    return (nh_span_t){(const uint8_t *)l->bytes, l->name_len};
}

static struct nh_local *find_in(struct nh_local *first, nh_span_t name)
{
    for (struct nh_local *l = first; l; l = l->next)
        if (l->place == 0 && nh_span__equal(name_of(l), name))
            return l;
    return NULL;
}

struct nh_local *nh_local__find(const struct nh_run *r, nh_span_t name)
{
    return find_in(r->locals, name);
}

static struct nh_local **own_list(struct nh_branch *b)
{
    return nh_turn__parent(b) ? &nh_turn__child(b)->locals : &b->run->locals;
}

static const struct nh_local *find_from(const struct nh_branch *b, nh_span_t name)
{
    const struct nh_local *l = NULL;
    for (; !l && nh_turn__parent(b); b = nh_turn__parent(b))
        l = find_in(nh_turn__child(b)->locals, name);
    return l ? l : nh_local__find(b->run, name);
}

struct nh_value nh_local__value(const struct nh_local *l)
{
    nh_span_t text = {(const uint8_t *)l->bytes + l->name_len, l->count};
    return (struct nh_value){.kind = (enum nh_value_kind)l->kind,
                             .truth = l->number != 0,
                             .number = l->number,
                             .text = l->kind == NH_VALUE_TEXT ? text : (nh_span_t){NULL, 0}};
}

static size_t bytes_of(const struct nh_local *l)
{
    return sizeof *l + l->name_len + (l->place ? 0 : l->count);
}

static void unlink_from(struct nh_local **at, const struct nh_local *l)
{
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
}

static void free_local(nh_automation_t *a, struct nh_run *r, struct nh_local *l)
{
    r->local_bytes = (uint16_t)(r->local_bytes - bytes_of(l));
    nh_mem_free(a->mem, l);
}

void nh_local__remove(nh_automation_t *a, struct nh_run *r, struct nh_local *l)
{
    unlink_from(&r->locals, l);
    free_local(a, r, l);
}

void nh_local__free(nh_automation_t *a, struct nh_run *r)
{
    while (r->locals)
        nh_local__remove(a, r, r->locals);
}

void nh_local__remove_own(nh_automation_t *a, struct nh_branch *b, nh_span_t name)
{
    struct nh_local **list = own_list(b), *l = find_in(*list, name);
    if (!l)
        return;
    unlink_from(list, l);
    free_local(a, b->run, l);
}

void nh_local__free_own(nh_automation_t *a, struct nh_branch *b)
{
    struct nh_local **list = own_list(b);
    while (*list) {
        struct nh_local *l = *list;
        *list = l->next;
        free_local(a, b->run, l);
    }
}

void nh_local__hand_up(nh_automation_t *a, struct nh_branch *b)
{
    struct nh_local **list = own_list(b), **to = own_list(nh_turn__parent(b));
    nh_local__remove_own(a, b, nh_span_of("request_id"));
    while (*list) {
        struct nh_local *l = *list;
        nh_local__remove_own(a, nh_turn__parent(b), name_of(l));
        *list = l->next;
        l->next = *to;
        *to = l;
    }
}

// `replaced`: bytes that go when it is in its place.
static struct nh_local *add(nh_automation_t *a, struct nh_run *r, struct nh_local **list,
                            size_t bytes, size_t replaced)
{
    if (r->local_bytes - replaced + sizeof(struct nh_local) + bytes > a->limits.local_max_bytes) {
        a->info.locals_full++;
        return NULL;
    }
    struct nh_local *l = nh_mem_alloc_zero(a->mem, sizeof *l + bytes, NH_MEM_BULK);
    if (!l) {
        a->info.no_memory++;
        return NULL;
    }
    l->next = *list;
    *list = l;
    r->local_bytes = (uint16_t)(r->local_bytes + sizeof *l + bytes); // modulo, until then
    return l;
}

static int set_in(nh_automation_t *a, struct nh_run *r, struct nh_local **list, nh_span_t name,
                  const struct nh_value *v)
{
    size_t len = v->kind == NH_VALUE_TEXT ? v->text.len : 0;
    if (len > a->limits.value_max_bytes) {
        a->info.values_too_long++;
        return nh_automation__fail(a, NH_ERR_TOO_LONG, "%zu bytes are too long for a variable",
                                   len);
    }
    if (name.len > UINT8_MAX)
        return NH_ERR_TOO_LONG;
    // The old value may be part of the new one, so it goes last.
    struct nh_local *old = find_in(*list, name);
    struct nh_local *l = add(a, r, list, name.len + len, old ? bytes_of(old) : 0);
    if (!l)
        return nh_automation__fail(a, NH_ERR_FULL, "no room for the variable %.*s", (int)name.len,
                                   (const char *)name.ptr);
    l->kind = (uint8_t)v->kind;
    l->number = v->kind == NH_VALUE_BOOL ? v->truth : v->number;
    l->name_len = (uint8_t)name.len;
    l->count = (uint32_t)len;
    memcpy(l->bytes, name.ptr, name.len);
    if (len)
        memcpy(l->bytes + name.len, v->text.ptr, len);
    if (old) {
        unlink_from(list, old);
        free_local(a, r, old);
    }
    return NH_OK;
}

int nh_local__set(nh_automation_t *a, struct nh_run *r, nh_span_t name, const struct nh_value *v)
{
    return set_in(a, r, &r->locals, name, v);
}

int nh_local__set_own(nh_automation_t *a, struct nh_branch *b, nh_span_t name,
                      const struct nh_value *v)
{
    return set_in(a, b->run, own_list(b), name, v);
}

struct nh_local *nh_local__loop(nh_automation_t *a, struct nh_run *r, uint32_t place)
{
    for (struct nh_local *l = r->locals; l; l = l->next)
        if (l->place == place)
            return l;
    struct nh_local *l = add(a, r, &r->locals, 0, 0);
    if (l)
        l->place = place;
    return l;
}

// ---- names --------------------------------------------------------------------------------------

static bool is_word(nh_span_t name, const char *word)
{
    return nh_span__equal(name, nh_span_of(word));
}

static bool give_text(struct nh_value *out, nh_span_t text)
{
    *out = nh_value_of_text(text);
    return true;
}

static bool has_prefix(nh_span_t name, const char *prefix, nh_span_t *rest)
{
    size_t len = strlen(prefix);
    if (name.len <= len || memcmp(name.ptr, prefix, len) != 0)
        return false;
    *rest = (nh_span_t){name.ptr + len, name.len - len};
    return true;
}

// What is not there because it was too long is an error, not a name that nobody knows: the braces
// would go out as they stand.
static bool lost(nh_automation_t *a)
{
    a->lookup_err = NH_ERR_TOO_LONG;
    return false;
}

static bool lookup_trigger(const struct nh_context *c, nh_span_t name, struct nh_value *out)
{
    static const char *const types[NH_TRIGGER_TYPE_COUNT] = {
        "topic",         "flag",           "variable",       "interval", "time",   "boot",
        "device_online", "device_offline", "audio_finished", "template", "button", "http"};
    const nh_device_set_t *set = c->branch ? c->branch->run->set : c->a->plan.set;
    nh_rec_t trigger = nh_rec_at(set, c->trigger);
    if (c->cause && c->cause->has_topic && is_word(name, "topic"))
        return give_text(out, (nh_span_t){c->cause->bytes, c->cause->topic_len});
    if (c->cause && c->cause->has_payload && is_word(name, "payload"))
        return give_text(out,
                         (nh_span_t){c->cause->bytes + c->cause->topic_len, c->cause->payload_len});
    if (c->cause && c->cause->lost_bytes && is_word(name, "payload"))
        return lost(c->a);
    if (trigger.at && is_word(name, "id"))
        return give_text(out, nh_rec_text(trigger, NH_FIELD_ID));
    if (trigger.at && is_word(name, "type"))
        return give_text(out, nh_span_of(types[nh_rec_enum(trigger, NH_FIELD_TYPE, 0)]));
    return false;
}

// `item` and `repeat.index` of the innermost `repeat` that has them, out through the branches of
// `parallel`.
static bool lookup_repeat(const struct nh_branch *b, nh_span_t name, struct nh_value *out)
{
    for (; b; b = nh_turn__parent(b)) {
        for (unsigned d = b->depth; d > 1; d--) {
            const struct nh_frame *outer = nh_turn__frame(b, d - 2);
            const struct nh_frame *body = nh_turn__frame(b, d - 1);
            nh_rec_t step = nh_rec_at(b->run->set, outer->step);
            if (nh_rec_enum(step, NH_FIELD_TYPE, 0) != NH_STEP_REPEAT)
                continue;
            nh_span_t as = nh_rec_text(step, NH_FIELD_AS);
            *out = nh_value_of_number(body->iteration + 1.0);
            if (is_word(name, "repeat.index"))
                return true;
            if (nh_rec_has(step, NH_FIELD_EACH) &&
                nh_span__equal(name, as.len ? as : nh_span_of("item")))
                return give_text(out, nh_rec_text_element(step, NH_FIELD_EACH, body->iteration));
        }
    }
    return false;
}

// The branch itself, or the one that it branched off from.
static const struct nh_branch *waited_last(const struct nh_branch *b)
{
    while (b && !(b->flags & NH_BRANCH_HAS_RESULT))
        b = nh_turn__parent(b);
    return b;
}

static bool lookup_run(const struct nh_context *c, nh_span_t name, struct nh_value *out)
{
    const struct nh_run *r = c->branch->run;
    const struct nh_branch *waited = waited_last(c->branch);
    if (is_word(name, "wait.completed") && waited)
        *out = nh_value_bool((waited->flags & NH_BRANCH_COMPLETED) != 0);
    else if (is_word(name, "run.id"))
        *out = nh_value_of_number(r->id);
    else if (is_word(name, "run.device"))
        return give_text(out, nh_scenario__device(r->scenario));
    else if (is_word(name, "run.scenario"))
        return give_text(out, nh_scenario__id(r->scenario));
    else
        return false;
    return true;
}

static bool lookup(void *ctx, nh_span_t name, struct nh_value *out)
{
    const struct nh_context *c = ctx;
    nh_span_t rest;
    for (size_t i = 0; i < c->parameter_count; i++) {
        if (!nh_span__equal(c->parameters[i].name, name))
            continue;
        *out = c->parameters[i].value;
        return true;
    }
    if (has_prefix(name, "trigger.", &rest) && lookup_trigger(c, rest, out))
        return true;
    if (c->branch) {
        if (lookup_run(c, name, out) || lookup_repeat(c->branch, name, out))
            return true;
        const struct nh_local *l = find_from(c->branch, name);
        if (l && l->kind == NH_VALUE_NONE && has_prefix(name, "wait.", &rest))
            return lost(c->a);
        if (l) {
            *out = nh_local__value(l);
            return true;
        }
    }
    const struct nh_name *e = nh_names__find(&c->a->variables, name);
    if (e)
        *out = nh_variable__value((const struct nh_variable *)e);
    return e && out->kind != NH_VALUE_NONE;
}

bool nh_texts__lookup(const struct nh_context *c, nh_span_t name, struct nh_value *out)
{
    return lookup((void *)(uintptr_t)c, name, out);
}

static bool is_flag(void *ctx, nh_span_t name)
{
    return nh_flag__is(((const struct nh_context *)ctx)->a, name);
}

static uint32_t next_random(void *ctx)
{
    nh_automation_t *a = ((const struct nh_context *)ctx)->a;
    a->random = a->random * 1664525u + 1013904223u;
    return a->random ^ a->random >> 13;
}

struct nh_context nh_texts__of(nh_automation_t *a, const struct nh_branch *b)
{
    return (struct nh_context){
        .a = a, .branch = b, .cause = b->run->cause, .trigger = b->run->trigger};
}

static struct nh_expr_env env_of(const struct nh_context *c)
{
    nh_automation_t *a = c->a;
    a->why[0] = '\0';
    a->lookup_err = NH_OK;
    return (struct nh_expr_env){.lookup = lookup,
                                .flag = is_flag,
                                .random = next_random,
                                .ctx = (void *)(uintptr_t)c,
                                .scratch = a->scratch,
                                .scratch_bytes = a->limits.text_max_bytes,
                                .why = a->why,
                                .why_bytes = sizeof a->why};
}

static int fail_lost(nh_automation_t *a)
{
    return nh_automation__fail(a, a->lookup_err,
                               "what came was over automation.value_max_bytes (%u) and not kept",
                               (unsigned)a->limits.value_max_bytes);
}

int nh_texts__fill(const struct nh_context *c, nh_span_t text, int buffer, nh_span_t *out)
{
    char *buf = c->a->text[buffer];
    struct nh_expr_env env = env_of(c);
    int len = nh_expr_substitute(text, &env, buf, c->a->limits.text_max_bytes);
    if (c->a->lookup_err < 0)
        return fail_lost(c->a);
    if (len == NH_ERR_TOO_LONG) {
        c->a->info.texts_too_long++;
        return nh_automation__fail(c->a, len, "the text is over %u bytes",
                                   (unsigned)c->a->limits.text_max_bytes);
    }
    if (len < 0)
        return len;
    buf[len] = '\0';
    *out = (nh_span_t){(const uint8_t *)buf, (size_t)len};
    return NH_OK;
}

int nh_texts__eval(const struct nh_context *c, nh_span_t text, struct nh_value *out)
{
    struct nh_expr_env env = env_of(c);
    int err = nh_expr_eval(text, &env, out);
    return c->a->lookup_err < 0 ? fail_lost(c->a) : err;
}
