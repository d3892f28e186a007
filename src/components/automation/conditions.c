// conditions.c - whether what a configuration asks for holds right now.

#include "components/automation/automation_state.h"
#include "components/automation/templates_use.h"

#include <string.h>

#define DAY_S 86400

int64_t nh_condition__local_s(const nh_automation_t *a)
{
    return nh_automation__unix_ms(a) / 1000 + (int64_t)a->utc_offset_min * 60;
}

// 1970 began on a Thursday.
bool nh_condition__day(const nh_automation_t *a, nh_rec_t r, int64_t local_s)
{
    static const char days[7][4] = {"thu", "fri", "sat", "sun", "mon", "tue", "wed"};
    uint32_t count = nh_rec_count(r, NH_FIELD_DAYS);
    int64_t day = local_s / DAY_S % 7;
    (void)a;
    for (uint32_t i = 0; i < count; i++)
        if (nh_span__equal(nh_rec_text_element(r, NH_FIELD_DAYS, i), nh_span_of(days[day])))
            return true;
    return count == 0;
}

// "18:30" or "18:30:15", which the reader has seen to.
static int seconds_of(nh_span_t t)
{
    int part[3] = {0, 0, 0};
    for (size_t i = 0; i < t.len; i++)
        if (i % 3 != 2)
            part[i / 3] = part[i / 3] * 10 + (t.ptr[i] - '0');
    return (part[0] * 60 + part[1]) * 60 + part[2];
}

// From `after` to `before`, also over midnight.
static bool is_time(const nh_automation_t *a, nh_rec_t c)
{
    int64_t local_s = nh_condition__local_s(a);
    int now = (int)(local_s % DAY_S);
    nh_span_t after = nh_rec_text(c, NH_FIELD_AFTER), before = nh_rec_text(c, NH_FIELD_BEFORE);
    int from = after.len ? seconds_of(after) : 0;
    int to = before.len ? seconds_of(before) : DAY_S;
    bool is_in = from <= to ? now >= from && now < to : now >= from || now < to;
    return is_in && nh_condition__day(a, c, local_s);
}

static bool is_flag(const nh_automation_t *a, nh_rec_t c)
{
    const struct nh_flag *f =
        (const struct nh_flag *)nh_names__find(&a->flags, nh_rec_text(c, NH_FIELD_FLAG));
    uint64_t since_ms = f ? f->changed_ms : 0;
    if ((f && f->value) != nh_rec_bool(c, NH_FIELD_STATE, true))
        return false;
    return nh_automation__room_ms(a) - since_ms >= (uint64_t)nh_rec_int(c, NH_FIELD_FOR_MS, 0);
}

static bool is_online(const nh_automation_t *a, nh_rec_t c)
{
    const struct nh_device *d = nh_device__find(a, nh_rec_text(c, NH_FIELD_DEVICE));
    return d && d->status == NH_DEVICE_ONLINE &&
           a->now_ms - d->changed_ms >= (uint64_t)nh_rec_int(c, NH_FIELD_FOR_MS, 0);
}

// A variable that is not there has no value, which matches nothing but `any`.
static bool is_variable(const struct nh_context *c, nh_rec_t r)
{
    struct nh_value have = {.kind = NH_VALUE_NONE};
    struct nh_value want = nh_value_from_scalar(nh_rec_scalar(r, NH_FIELD_VALUE));
    if (!nh_texts__lookup(c, nh_rec_text(r, NH_FIELD_VARIABLE), &have))
        have.kind = NH_VALUE_NONE;
    return nh_match_value((enum nh_match_op)nh_rec_enum(r, NH_FIELD_OP, NH_MATCH_EQUAL), &have,
                          &want);
}

static bool is_expression(const struct nh_context *c, nh_rec_t r)
{
    struct nh_value v;
    return nh_texts__eval(c, nh_rec_text(r, NH_FIELD_EXPRESSION), &v) == NH_OK &&
           nh_value_truth(&v);
}

static bool is_running(const struct nh_context *c, nh_rec_t r)
{
    nh_span_t device = nh_rec_text(r, NH_FIELD_DEVICE);
    if (device.len == 0 && c->branch)
        device = nh_scenario__device(c->branch->run->scenario);
    const struct nh_scenario *s =
        nh_scenario__find(c->a, device, nh_rec_text(r, NH_FIELD_SCENARIO));
    return s && s->active_count > 0;
}

static bool any(const struct nh_context *c, nh_rec_t owner);

static bool holds(const struct nh_context *c, nh_rec_t r)
{
    switch (nh_rec_enum(r, NH_FIELD_TYPE, 0)) {
    case NH_CONDITION_FLAG:
        return is_flag(c->a, r);
    case NH_CONDITION_VARIABLE:
        return is_variable(c, r);
    case NH_CONDITION_EXPRESSION:
        return is_expression(c, r);
    case NH_CONDITION_DEVICE_ONLINE:
        return is_online(c->a, r);
    case NH_CONDITION_TEMPLATE_STATE:
        return nh_templates__is(c->a, nh_rec_text(r, NH_FIELD_DEVICE),
                                nh_rec_text(r, NH_FIELD_OUTCOME));
    case NH_CONDITION_TIME:
        return is_time(c->a, r);
    case NH_CONDITION_RUNNING:
        return is_running(c, r);
    case NH_CONDITION_AND:
        return nh_condition__all(c, r, NH_FIELD_CONDITIONS);
    case NH_CONDITION_OR:
        return any(c, r);
    default: // NOT: none of them
        return !any(c, r);
    }
}

static bool any(const struct nh_context *c, nh_rec_t owner)
{
    uint32_t count = nh_rec_count(owner, NH_FIELD_CONDITIONS);
    nh_rec_t r = nh_rec_first(owner, NH_FIELD_CONDITIONS);
    for (uint32_t i = 0; i < count; i++) {
        if (holds(c, r))
            return true;
        r = i + 1 < count ? nh_rec_next(r) : r;
    }
    return false;
}

bool nh_condition__all(const struct nh_context *c, nh_rec_t owner, enum nh_field list)
{
    uint32_t count = nh_rec_count(owner, list);
    nh_rec_t r = nh_rec_first(owner, list);
    for (uint32_t i = 0; i < count; i++) {
        if (!holds(c, r))
            return false;
        r = i + 1 < count ? nh_rec_next(r) : r;
    }
    return true;
}

bool nh_condition__requirements(const nh_automation_t *a, nh_rec_t wait)
{
    bool is_any = nh_rec_enum(wait, NH_FIELD_MODE, NH_MODE_ALL) == NH_MODE_ANY;
    uint32_t count = nh_rec_count(wait, NH_FIELD_REQUIREMENTS);
    nh_rec_t r = nh_rec_first(wait, NH_FIELD_REQUIREMENTS);
    for (uint32_t i = 0; i < count; i++) {
        bool is_met =
            nh_flag__is(a, nh_rec_text(r, NH_FIELD_FLAG)) == nh_rec_bool(r, NH_FIELD_STATE, true);
        if (is_met == is_any)
            return is_any;
        r = i + 1 < count ? nh_rec_next(r) : r;
    }
    return !is_any;
}
