// check.c - what only the whole configuration shows: references, names that are there twice, jumps.

#include "components/devices/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// ---- findings -----------------------------------------------------------------------------------

void nh_check__tell(const struct nh_check *k, const struct nh_pointer *at, enum nh_field f,
                    const char *code, bool is_warning, const char *fmt, ...)
{
    struct nh_device_finding out = {.code = code, .is_warning = is_warning};
    struct nh_pointer p = *at;
    va_list args;
    if (f != NH_FIELD_NONE)
        nh_pointer__name(&p, nh_field_name(f), SIZE_MAX);
    memcpy(out.pointer, p.text, sizeof out.pointer);
    va_start(args, fmt);
    vsnprintf(out.text, sizeof out.text, fmt, args);
    va_end(args);
    if (k->finding)
        k->finding(k->ctx, &out);
}

#define ERROR(k, at, f, code, ...) nh_check__tell(k, at, NH_FIELD_##f, code, false, __VA_ARGS__)
#define WARNING(k, at, f, code, ...) nh_check__tell(k, at, NH_FIELD_##f, code, true, __VA_ARGS__)

struct nh_pointer nh_check__element(const struct nh_pointer *at, enum nh_field list, uint32_t index)
{
    struct nh_pointer p = *at;
    nh_pointer__name(&p, nh_field_name(list), SIZE_MAX);
    nh_pointer__index(&p, index);
    return p;
}

static struct nh_pointer within(const struct nh_pointer *at, enum nh_field f)
{
    struct nh_pointer p = *at;
    nh_pointer__name(&p, nh_field_name(f), SIZE_MAX);
    return p;
}

static bool is_same(nh_span_t a, nh_span_t b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

#define PRINT(t) (int)(t).len, (const char *)(t).ptr

// ---- references ---------------------------------------------------------------------------------

// A device by its id; empty: the one at hand. < 0: there is none, which is told.
static int device_of(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t r)
{
    nh_span_t id = nh_rec_text(r, NH_FIELD_DEVICE);
    int device = id.len ? nh_device_set_find_device(k->set, id) : k->device;
    if (device < 0)
        ERROR(k, at, DEVICE, "no_device", "there is no device \"%.*s\"", PRINT(id));
    return device;
}

static void scenario_of(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t r)
{
    nh_span_t id = nh_rec_text(r, NH_FIELD_SCENARIO);
    int device = device_of(k, at, r);
    if (device >= 0 && nh_device_set_find_scenario(k->set, (uint32_t)device, id) < 0)
        ERROR(k, at, SCENARIO, "no_scenario", "the device has no scenario \"%.*s\"", PRINT(id));
}

// A scenario of the device at hand that a template names.
static void own_scenario(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t r,
                         enum nh_field f, bool warn_if_empty)
{
    nh_span_t id = nh_rec_text(r, f);
    if (id.len == 0 && warn_if_empty)
        nh_check__tell(k, at, f, "empty_scenario", true, "no scenario is named, so nothing starts");
    else if (id.len && nh_device_set_find_scenario(k->set, (uint32_t)k->device, id) < 0)
        nh_check__tell(k, at, f, "no_scenario", false, "the device has no scenario \"%.*s\"",
                       PRINT(id));
}

static void command_of(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t r)
{
    nh_span_t id = nh_rec_text(r, NH_FIELD_COMMAND);
    int device = device_of(k, at, r);
    nh_rec_t d = nh_device_set_device(k->set, device < 0 ? UINT32_MAX : (uint32_t)device);
    uint32_t count = nh_rec_count(d, NH_FIELD_COMMANDS);
    nh_rec_t c = nh_rec_first(d, NH_FIELD_COMMANDS);
    for (uint32_t i = 0; i < count; i++, c = nh_rec_next(c))
        if (is_same(nh_rec_text(c, NH_FIELD_ID), id))
            return;
    if (device >= 0)
        ERROR(k, at, COMMAND, "no_command", "the device has no command \"%.*s\"", PRINT(id));
}

// Every element's `id` is there once.
static void unique(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t owner,
                   enum nh_field list, enum nh_field id)
{
    uint32_t count = nh_rec_count(owner, list);
    nh_rec_t r = nh_rec_first(owner, list);
    for (uint32_t i = 0; i < count; i++, r = nh_rec_next(r)) {
        nh_span_t own = nh_rec_text(r, id);
        nh_rec_t other = nh_rec_first(owner, list);
        for (uint32_t j = 0; own.len > 0 && j < i; j++, other = nh_rec_next(other)) {
            if (!is_same(own, nh_rec_text(other, id)))
                continue;
            struct nh_pointer p = nh_check__element(at, list, i);
            nh_check__tell(k, &p, id, "not_unique", false, "\"%.*s\" is the %s of another one too",
                           PRINT(own), nh_field_name(id));
            break;
        }
    }
}

static bool needs_some(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t r,
                       enum nh_field list)
{
    if (nh_rec_count(r, list) > 0)
        return true;
    nh_check__tell(k, at, list, "empty_list", false, "at least one is needed");
    return false;
}

// ---- parts of several objects
// --------------------------------------------------------------------

static void check_days(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t r)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    for (uint32_t i = 0; i < nh_rec_count(r, NH_FIELD_DAYS); i++) {
        nh_span_t text = nh_rec_text_element(r, NH_FIELD_DAYS, i);
        bool is_day = false;
        for (size_t d = 0; d < NH_ARRAY_LEN(days); d++)
            is_day = is_day || nh_words__equal(text, days[d]);
        if (is_day)
            continue;
        struct nh_pointer p = nh_check__element(at, NH_FIELD_DAYS, i);
        ERROR(k, &p, NONE, "unknown_word", "\"%.*s\" is none of mon, tue, wed, thu, fri, sat, sun",
              PRINT(text));
    }
}

static void check_match(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t r)
{
    int op = nh_rec_enum(r, NH_FIELD_OP, NH_MATCH_EQUAL);
    if (r.at && op != NH_MATCH_ANY && op != NH_MATCH_EXISTS && !nh_rec_has(r, NH_FIELD_VALUE))
        ERROR(k, at, VALUE, "required", "with this \"op\" a \"value\" is needed");
}

static void check_conditions(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t owner,
                             enum nh_field list)
{
    uint32_t count = nh_rec_count(owner, list);
    nh_rec_t c = nh_rec_first(owner, list);
    for (uint32_t i = 0; i < count; i++, c = nh_rec_next(c)) {
        struct nh_pointer p = nh_check__element(at, list, i);
        switch (nh_rec_enum(c, NH_FIELD_TYPE, 0)) {
        case NH_CONDITION_FLAG:
            nh_check__flag_used(k, &p, nh_rec_text(c, NH_FIELD_FLAG));
            break;
        case NH_CONDITION_VARIABLE:
            check_match(k, &p, c);
            break;
        case NH_CONDITION_DEVICE_ONLINE:
        case NH_CONDITION_TEMPLATE_STATE:
            (void)device_of(k, &p, c);
            break;
        case NH_CONDITION_TIME:
            check_days(k, &p, c);
            break;
        case NH_CONDITION_RUNNING:
            scenario_of(k, &p, c);
            break;
        case NH_CONDITION_AND:
        case NH_CONDITION_OR:
        case NH_CONDITION_NOT:
            if (needs_some(k, &p, c, NH_FIELD_CONDITIONS))
                check_conditions(k, &p, c, NH_FIELD_CONDITIONS);
            break;
        default:
            break;
        }
    }
}

// ---- steps --------------------------------------------------------------------------------------

// A list of steps that is being looked at: jumps stay within it.
struct steps {
    nh_rec_t owner;
    enum nh_field field;
    uint32_t index; // of the step at hand
    bool on_stop;   // nothing may wait
};

bool nh_check__waits(nh_rec_t step)
{
    switch (nh_rec_enum(step, NH_FIELD_TYPE, 0)) {
    case NH_STEP_DELAY:
    case NH_STEP_WAIT_FLAGS:
    case NH_STEP_WAIT_EVENT:
    case NH_STEP_WAIT_OPERATOR:
        return true;
    case NH_STEP_AUDIO_PLAY:
        return nh_rec_bool(step, NH_FIELD_BLOCKING, false);
    case NH_STEP_RUN:
        return nh_rec_bool(step, NH_FIELD_AWAIT, false);
    case NH_STEP_COMMAND:
        return nh_rec_bool(step, NH_FIELD_AWAIT, true);
    default:
        return nh_rec_int(step, NH_FIELD_DELAY_MS, 0) > 0;
    }
}

static bool body_waits(const struct steps *s, uint32_t from)
{
    for (uint32_t i = from; i < s->index; i++)
        if (nh_check__waits(nh_rec_element(s->owner, s->field, i)))
            return true;
    return false;
}

static void check_target(const struct nh_check *k, const struct nh_pointer *at,
                         const struct steps *s, nh_rec_t r)
{
    int64_t target = nh_rec_int(r, NH_FIELD_TARGET_STEP, -1);
    uint32_t count = nh_rec_count(s->owner, s->field);
    if (target < 0)
        ERROR(k, at, TARGET_STEP, "required", "with goto a \"target_step\" is needed");
    else if (target >= count)
        ERROR(k, at, TARGET_STEP, "no_step", "there is no step %lld, the last is %u",
              (long long)target, (unsigned)count - 1);
}

static void check_loop(const struct nh_check *k, const struct nh_pointer *at, const struct steps *s,
                       nh_rec_t step)
{
    nh_rec_t loop = nh_rec_object(step, NH_FIELD_LOOP);
    struct nh_pointer p = within(at, NH_FIELD_LOOP);
    int64_t target = nh_rec_int(loop, NH_FIELD_TARGET_STEP, 0);
    if (target > s->index)
        ERROR(k, &p, TARGET_STEP, "loop_target", "a loop goes back: to step 0 to %u",
              (unsigned)s->index);
    else if (nh_rec_int(loop, NH_FIELD_MAX_ITERATIONS, 0) == 0 && !body_waits(s, (uint32_t)target))
        ERROR(k, &p, MAX_ITERATIONS, "endless_loop",
              "a loop for ever needs a step in it that waits");
}

static void check_wait(const struct nh_check *k, const struct nh_pointer *at, const struct steps *s,
                       nh_rec_t step)
{
    nh_rec_t wait = nh_rec_object(step, NH_FIELD_WAIT);
    struct nh_pointer p = within(at, NH_FIELD_WAIT);
    uint32_t count = nh_rec_count(wait, NH_FIELD_REQUIREMENTS);
    if (!needs_some(k, &p, wait, NH_FIELD_REQUIREMENTS))
        return;
    nh_rec_t r = nh_rec_first(wait, NH_FIELD_REQUIREMENTS);
    for (uint32_t i = 0; i < count; i++, r = nh_rec_next(r)) {
        struct nh_pointer e = nh_check__element(&p, NH_FIELD_REQUIREMENTS, i);
        nh_check__flag_used(k, &e, nh_rec_text(r, NH_FIELD_FLAG));
    }
    if (nh_rec_enum(wait, NH_FIELD_ON_TIMEOUT, 0) == NH_TIMEOUT_GOTO)
        check_target(k, &p, s, wait);
}

static void check_set(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t step)
{
    bool has_value = nh_rec_has(step, NH_FIELD_VALUE);
    if (has_value == nh_rec_has(step, NH_FIELD_EXPRESSION))
        ERROR(k, at, VALUE, "required", "either \"value\" or \"expression\" is needed");
}

static void check_set_flag(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t step)
{
    enum nh_scalar_kind kind = nh_rec_scalar(step, NH_FIELD_VALUE).kind;
    if (kind == NH_SCALAR_NUMBER || kind == NH_SCALAR_TEXT)
        ERROR(k, at, VALUE, "type", "a flag is true or false");
}

static void check_repeat(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t step)
{
    static const enum nh_field kinds[] = {NH_FIELD_COUNT, NH_FIELD_WHILE, NH_FIELD_UNTIL,
                                          NH_FIELD_EACH};
    int count = 0;
    for (size_t i = 0; i < NH_ARRAY_LEN(kinds); i++)
        count += nh_rec_has(step, kinds[i]);
    if (count != 1)
        ERROR(k, at, NONE, "required",
              "one of \"count\", \"while\", \"until\", \"each\" is needed");
    check_conditions(k, at, step, NH_FIELD_WHILE);
    check_conditions(k, at, step, NH_FIELD_UNTIL);
}

static void check_steps(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t owner,
                        enum nh_field list, bool on_stop);

static void check_branches(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t step,
                           bool on_stop)
{
    uint32_t count = nh_rec_count(step, NH_FIELD_BRANCHES);
    bool is_parallel = nh_rec_enum(step, NH_FIELD_TYPE, 0) == NH_STEP_PARALLEL;
    if (is_parallel && count > NH_DEVICE_BRANCH_MAX_COUNT)
        ERROR(k, at, BRANCHES, "too_many", "at most %d branches at once",
              NH_DEVICE_BRANCH_MAX_COUNT);
    if (!needs_some(k, at, step, NH_FIELD_BRANCHES))
        return;
    nh_rec_t b = nh_rec_first(step, NH_FIELD_BRANCHES);
    for (uint32_t i = 0; i < count; i++, b = nh_rec_next(b)) {
        struct nh_pointer p = nh_check__element(at, NH_FIELD_BRANCHES, i);
        if (!is_parallel)
            (void)needs_some(k, &p, b, NH_FIELD_CONDITIONS);
        check_conditions(k, &p, b, NH_FIELD_CONDITIONS);
        check_steps(k, &p, b, NH_FIELD_STEPS, on_stop);
    }
}

static void check_publish(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t step)
{
    nh_span_t topic = nh_rec_text(step, NH_FIELD_TOPIC);
    if (memchr(topic.ptr, '+', topic.len) || memchr(topic.ptr, '#', topic.len))
        ERROR(k, at, TOPIC, "wildcard", "a topic to publish on may have no '+' and '#'");
}

// What a variable stands for is known only when it is done.
static int known_text(void *ctx, nh_span_t in, nh_span_t *out)
{
    (void)ctx;
    *out = strstr((const char *)in.ptr, "{{") ? (nh_span_t){NULL, 0} : in;
    return NH_OK;
}

static void check_lamp(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t step)
{
    char json[1024], why[160];
    int len = nh_step_lamp_json(step, known_text, NULL, json, sizeof json);
    if (len < 0)
        nh_check__tell(k, at, NH_FIELD_NONE, "too_long", false, "it is over %zu bytes as JSON",
                       sizeof json);
    else if (k->lamp &&
             k->lamp((nh_span_t){(const uint8_t *)json, (size_t)len}, why, sizeof why) < 0)
        nh_check__tell(k, at, NH_FIELD_NONE, "lamp", false, "%s", why);
}

static void check_kind(const struct nh_check *k, const struct nh_pointer *at, const struct steps *s,
                       nh_rec_t step)
{
    switch (nh_rec_enum(step, NH_FIELD_TYPE, 0)) {
    case NH_STEP_DELAY:
        if (nh_rec_has(step, NH_FIELD_DELAY_MAX_MS) &&
            nh_rec_int(step, NH_FIELD_DELAY_MAX_MS, 0) < nh_rec_int(step, NH_FIELD_DELAY_MS, 0))
            ERROR(k, at, DELAY_MAX_MS, "range", "it is below \"delay_ms\"");
        break;
    case NH_STEP_PUBLISH:
    case NH_STEP_EVENT:
        check_publish(k, at, step);
        break;
    case NH_STEP_SET_FLAG:
        check_set_flag(k, at, step);
        break;
    case NH_STEP_SET:
        check_set(k, at, step);
        break;
    case NH_STEP_WAIT_FLAGS:
        check_wait(k, at, s, step);
        break;
    case NH_STEP_WAIT_EVENT:
        if (!nh_rec_has(step, NH_FIELD_TOPIC))
            ERROR(k, at, TOPIC, "required", "\"topic\" is missing: what is waited for");
        check_match(k, at, nh_rec_object(step, NH_FIELD_MATCH));
        break;
    case NH_STEP_LOOP:
        check_loop(k, at, s, step);
        break;
    case NH_STEP_IF:
        check_conditions(k, at, step, NH_FIELD_CONDITIONS);
        check_steps(k, at, step, NH_FIELD_THEN, s->on_stop);
        check_steps(k, at, step, NH_FIELD_ELSE, s->on_stop);
        break;
    case NH_STEP_CHOOSE:
    case NH_STEP_PARALLEL:
        check_branches(k, at, step, s->on_stop);
        check_steps(k, at, step, NH_FIELD_DEFAULT, s->on_stop);
        break;
    case NH_STEP_REPEAT:
        check_repeat(k, at, step);
        check_steps(k, at, step, NH_FIELD_STEPS, s->on_stop);
        break;
    case NH_STEP_RUN:
    case NH_STEP_STOP_SCENARIO:
        scenario_of(k, at, step);
        break;
    case NH_STEP_COMMAND:
        command_of(k, at, step);
        break;
    case NH_STEP_LAMP:
        check_lamp(k, at, step);
        break;
    default:
        break;
    }
}

static void check_steps(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t owner,
                        enum nh_field list, bool on_stop)
{
    struct steps s = {.owner = owner, .field = list, .on_stop = on_stop};
    uint32_t count = nh_rec_count(owner, list);
    nh_rec_t step = nh_rec_first(owner, list);
    for (; s.index < count; s.index++, step = nh_rec_next(step)) {
        struct nh_pointer p = nh_check__element(at, list, s.index);
        if (on_stop && nh_check__waits(step))
            ERROR(k, &p, TYPE, "waits", "what is done on a stop may not wait");
        if (nh_rec_enum(step, NH_FIELD_ON_TIMEOUT, 0) == NH_TIMEOUT_GOTO)
            check_target(k, &p, &s, step);
        check_kind(k, &p, &s, step);
    }
}

// ---- scenarios and devices
// -----------------------------------------------------------------------

static void check_triggers(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t scenario)
{
    uint32_t count = nh_rec_count(scenario, NH_FIELD_TRIGGERS);
    nh_rec_t t = nh_rec_first(scenario, NH_FIELD_TRIGGERS);
    for (uint32_t i = 0; i < count; i++, t = nh_rec_next(t)) {
        struct nh_pointer p = nh_check__element(at, NH_FIELD_TRIGGERS, i);
        struct nh_pointer match = within(&p, NH_FIELD_MATCH);
        switch (nh_rec_enum(t, NH_FIELD_TYPE, 0)) {
        case NH_TRIGGER_FLAG:
            nh_check__flag_used(k, &p, nh_rec_text(t, NH_FIELD_FLAG));
            break;
        case NH_TRIGGER_DEVICE_ONLINE:
        case NH_TRIGGER_DEVICE_OFFLINE:
        case NH_TRIGGER_TEMPLATE:
            (void)device_of(k, &p, t);
            break;
        case NH_TRIGGER_TIME:
            check_days(k, &p, t);
            break;
        default:
            break;
        }
        check_match(k, &match, nh_rec_object(t, NH_FIELD_MATCH));
    }
}

static void check_scenario(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t s)
{
    check_triggers(k, at, s);
    check_conditions(k, at, s, NH_FIELD_CONDITIONS);
    check_steps(k, at, s, NH_FIELD_STEPS, false);
    check_steps(k, at, s, NH_FIELD_ON_STOP, true);
}

static void check_rules(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t data,
                        bool has_scenario)
{
    uint32_t count = nh_rec_count(data, NH_FIELD_RULES);
    if (!needs_some(k, at, data, NH_FIELD_RULES))
        return;
    nh_rec_t r = nh_rec_first(data, NH_FIELD_RULES);
    for (uint32_t i = 0; i < count; i++, r = nh_rec_next(r)) {
        struct nh_pointer p = nh_check__element(at, NH_FIELD_RULES, i);
        if (has_scenario)
            own_scenario(k, &p, r, NH_FIELD_SCENARIO, true);
        if (nh_rec_has(r, NH_FIELD_FLAG))
            nh_check__flag_used(k, &p, nh_rec_text(r, NH_FIELD_FLAG));
    }
}

static void check_slots(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t uid)
{
    uint32_t count = nh_rec_count(uid, NH_FIELD_SLOTS);
    if (!needs_some(k, at, uid, NH_FIELD_SLOTS))
        return;
    nh_rec_t r = nh_rec_first(uid, NH_FIELD_SLOTS);
    for (uint32_t i = 0; i < count; i++, r = nh_rec_next(r)) {
        struct nh_pointer p = nh_check__element(at, NH_FIELD_SLOTS, i);
        (void)needs_some(k, &p, r, NH_FIELD_VALUES);
    }
}

static void check_template(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t t)
{
    static const enum nh_field data_fields[NH_TEMPLATE_TYPE_COUNT] = {
        NH_FIELD_UID,       NH_FIELD_SIGNAL,   NH_FIELD_MQTT,    NH_FIELD_FLAG_RULES,
        NH_FIELD_CONDITION, NH_FIELD_INTERVAL, NH_FIELD_SEQUENCE};
    int type = nh_rec_enum(t, NH_FIELD_TYPE, 0);
    nh_rec_t data = nh_rec_object(t, data_fields[type]);
    struct nh_pointer p = within(at, data_fields[type]);
    switch (type) {
    case NH_TEMPLATE_UID_VALIDATOR:
        check_slots(k, &p, data);
        break;
    case NH_TEMPLATE_ON_MQTT_EVENT:
    case NH_TEMPLATE_ON_FLAG:
        check_rules(k, &p, data, true);
        break;
    case NH_TEMPLATE_IF_CONDITION:
        check_rules(k, &p, data, false);
        own_scenario(k, &p, data, NH_FIELD_TRUE_SCENARIO, false);
        own_scenario(k, &p, data, NH_FIELD_FALSE_SCENARIO, false);
        break;
    case NH_TEMPLATE_INTERVAL_TASK:
        own_scenario(k, &p, data, NH_FIELD_SCENARIO, true);
        break;
    case NH_TEMPLATE_SEQUENCE_LOCK:
        (void)needs_some(k, &p, data, NH_FIELD_STEPS);
        break;
    default:
        break;
    }
    own_scenario(k, &p, data, NH_FIELD_SUCCESS_SCENARIO, false);
    own_scenario(k, &p, data, NH_FIELD_FAIL_SCENARIO, false);
}

// The bindings of the oldest generation name a scenario by id or by name.
static void check_bindings(const struct nh_check *k, const struct nh_pointer *at, nh_rec_t d)
{
    uint32_t count = nh_rec_count(d, NH_FIELD_TOPICS);
    nh_rec_t b = nh_rec_first(d, NH_FIELD_TOPICS);
    for (uint32_t i = 0; i < count; i++, b = nh_rec_next(b)) {
        struct nh_pointer p = nh_check__element(at, NH_FIELD_TOPICS, i);
        own_scenario(k, &p, b, NH_FIELD_NAME, true);
    }
}

static void check_device(struct nh_check *k, const struct nh_pointer *at, nh_rec_t d)
{
    uint32_t count;
    uint32_t first = nh_device_set_scenarios_of(k->set, (uint32_t)k->device, &count);
    nh_rec_t template = nh_rec_object(d, NH_FIELD_TEMPLATE);
    struct nh_pointer p = within(at, NH_FIELD_TEMPLATE);
    int64_t tab_limit = nh_rec_int(nh_device_set_root(k->set), NH_FIELD_TAB_LIMIT, 12);
    if (nh_rec_count(d, NH_FIELD_TABS) > tab_limit)
        ERROR(k, at, TABS, "too_many", "more than \"tab_limit\" %lld", (long long)tab_limit);
    unique(k, at, d, NH_FIELD_SCENARIOS, NH_FIELD_ID);
    unique(k, at, d, NH_FIELD_COMMANDS, NH_FIELD_ID);
    check_bindings(k, at, d);
    if (template.at)
        check_template(k, &p, template);
    for (uint32_t i = 0; i < count; i++) {
        struct nh_pointer s = nh_check__element(at, NH_FIELD_SCENARIOS, i);
        check_scenario(k, &s, nh_device_set_scenario(k->set, first + i));
    }
}

static void check_game(struct nh_check *k, const struct nh_pointer *root)
{
    static const enum nh_field references[] = {NH_FIELD_ON_START, NH_FIELD_ON_END,
                                               NH_FIELD_ON_RESET};
    nh_rec_t game = nh_rec_object(nh_device_set_root(k->set), NH_FIELD_GAME);
    struct nh_pointer at = within(root, NH_FIELD_GAME);
    for (size_t i = 0; i < NH_ARRAY_LEN(references); i++) {
        struct nh_pointer p = within(&at, references[i]);
        nh_rec_t r = nh_rec_object(game, references[i]);
        if (r.at)
            scenario_of(k, &p, r);
    }
}

void nh_devices__check(const nh_device_set_t *set, const struct nh_device_limits *limits,
                       int (*lamp)(nh_span_t json, char *why, size_t cap),
                       nh_device_finding_fn finding, void *ctx)
{
    struct nh_check k = {
        .set = set, .limits = limits, .lamp = lamp, .finding = finding, .ctx = ctx};
    struct nh_pointer root;
    nh_pointer__init(&root);
    unique(&k, &root, nh_device_set_root(set), NH_FIELD_DEVICES, NH_FIELD_ID);
    unique(&k, &root, nh_device_set_root(set), NH_FIELD_VARIABLES, NH_FIELD_NAME);
    nh_check__flags_begin(&k);
    for (k.device = 0; (uint32_t)k.device < set->device_count; k.device++) {
        struct nh_pointer p = nh_check__element(&root, NH_FIELD_DEVICES, (uint32_t)k.device);
        check_device(&k, &p, nh_device_set_device(set, (uint32_t)k.device));
    }
    k.device = NH_ERR_NOT_FOUND;
    check_game(&k, &root);
    nh_check__flow(&k, &root);
    nh_check__flags_end(&k);
}
