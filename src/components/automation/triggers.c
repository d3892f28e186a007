// triggers.c - what starts scenarios.

#include "components/automation/automation_state.h"

#include <string.h>

#define DAY_S 86400

nh_rec_t nh_trigger__rec(const nh_automation_t *a, const struct nh_trigger *t)
{
    return nh_rec_at(a->plan.set, t->place);
}

struct nh_wake *nh_trigger__wake(nh_automation_t *a, const struct nh_trigger *t)
{
    return t->type == NH_TRIGGER_TIME ? &a->second : &a->room;
}

// Whether it may ever need its timer.
bool nh_trigger__is_timed(const nh_automation_t *a, const struct nh_trigger *t)
{
    (void)a;
    return t->place != 0; // all but the older bindings, which have no record
}

// ---- firing -------------------------------------------------------------------------------------

static int fire_with(nh_automation_t *a, struct nh_trigger *t, struct nh_start *s)
{
    nh_rec_t rec = nh_trigger__rec(a, t);
    int64_t max = nh_rec_int(rec, NH_FIELD_MAX_COUNT, 0);
    uint64_t cooldown_ms = (uint64_t)nh_rec_int(rec, NH_FIELD_COOLDOWN_MS, 0);
    uint64_t room_ms = nh_automation__room_ms(a);
    if ((max && t->fired >= max) || room_ms < t->ready_ms)
        return NH_ERR_BUSY;
    a->info.triggered++;
    s->scenario = t->scenario;
    s->trigger = t->place;
    int id = nh_run__start(a, s);
    if (id < 0)
        return id;
    t->fired++;
    t->ready_ms = cooldown_ms ? nh_ms_after(room_ms, cooldown_ms) : 0;
    return id;
}

static void fire(nh_automation_t *a, struct nh_trigger *t, struct nh_cause *cause)
{
    struct nh_start s = {.cause = cause, .origin = NH_ORIGIN_AUTOMATION};
    if (t->type == NH_TRIGGER_TOPIC)
        s.origin = NH_ORIGIN_MQTT;
    else if (t->type == NH_TRIGGER_BOOT)
        s.origin = NH_ORIGIN_BOOT;
    else if (t->type == NH_TRIGGER_TIME || t->type == NH_TRIGGER_INTERVAL)
        s.origin = NH_ORIGIN_SCHED;
    (void)fire_with(a, t, &s); // why it did not start stands in its trace
}

static void let_go(nh_automation_t *a, struct nh_trigger *t)
{
    t->is_true = false;
    nh_wake__cancel(nh_trigger__wake(a, t), &t->timer);
    nh_cause__unref(a, t->cause);
    t->cause = NULL;
}

// What it looks for holds: at once, or when it has held for long enough.
static void hold(nh_automation_t *a, struct nh_trigger *t, struct nh_cause *cause)
{
    uint64_t for_ms = (uint64_t)nh_rec_int(nh_trigger__rec(a, t), NH_FIELD_FOR_MS, 0);
    t->is_true = true;
    if (for_ms == 0) {
        fire(a, t, cause);
        return;
    }
    nh_cause__unref(a, t->cause);
    t->cause = nh_cause__ref(cause);
    nh_wake__arm(&a->room, &t->timer, nh_ms_after(nh_automation__room_ms(a), for_ms));
}

static void set_true(nh_automation_t *a, struct nh_trigger *t, bool is_true, struct nh_cause *cause)
{
    if (!is_true)
        let_go(a, t);
    else if (!t->is_true)
        hold(a, t, cause);
}

// ---- by what happens ----------------------------------------------------------------------------

void nh_trigger__message(nh_automation_t *a, struct nh_topic *topic, nh_span_t payload,
                         struct nh_cause *cause)
{
    for (struct nh_trigger *t = topic->triggers; t; t = t->next) {
        nh_rec_t rec = nh_trigger__rec(a, t);
        bool fits = nh_match_payload(nh_rec_object(rec, NH_FIELD_MATCH), payload);
        if (nh_rec_int(rec, NH_FIELD_FOR_MS, 0) > 0)
            set_true(a, t, fits, cause);
        else if (fits)
            fire(a, t, cause);
    }
}

void nh_trigger__flag(nh_automation_t *a, struct nh_flag *f)
{
    for (struct nh_trigger *t = f->triggers; t; t = t->next)
        set_true(a, t, f->value == nh_rec_bool(nh_trigger__rec(a, t), NH_FIELD_STATE, true), NULL);
}

static bool fits(const struct nh_variable *v, nh_rec_t match)
{
    char buf[NH_VALUE_TEXT_MAX_BYTES];
    struct nh_value value = nh_variable__value(v);
    return value.kind != NH_VALUE_NONE && nh_match_payload(match, nh_value_text(&value, buf));
}

// Without a match each change is one; with one, that it begins to hold.
void nh_trigger__variable(nh_automation_t *a, struct nh_variable *v)
{
    for (struct nh_trigger *t = v->triggers; t; t = t->next) {
        nh_rec_t match = nh_rec_object(nh_trigger__rec(a, t), NH_FIELD_MATCH);
        bool is_any = !match.at || nh_rec_enum(match, NH_FIELD_OP, NH_MATCH_EQUAL) == NH_MATCH_ANY;
        if (is_any)
            t->is_true = false;
        set_true(a, t, fits(v, match), NULL);
    }
}

static bool is_status(const struct nh_trigger *t, const struct nh_device *d)
{
    return d->status ==
           (t->type == NH_TRIGGER_DEVICE_ONLINE ? NH_DEVICE_ONLINE : NH_DEVICE_OFFLINE);
}

void nh_trigger__device(nh_automation_t *a, struct nh_device *d)
{
    for (struct nh_trigger *t = d->triggers; t; t = t->next)
        set_true(a, t, is_status(t, d), NULL);
}

static nh_span_t bare(nh_span_t track)
{
    static const char root[] = "/sdcard/";
    size_t len = sizeof root - 1;
    if (track.len < len || memcmp(track.ptr, root, len) != 0)
        return track;
    return (nh_span_t){track.ptr + len, track.len - len};
}

static bool is_audio(nh_rec_t rec, nh_span_t track, nh_span_t reason)
{
    nh_span_t want_track = nh_rec_text(rec, NH_FIELD_TRACK);
    nh_span_t want_reason = nh_rec_text(rec, NH_FIELD_REASON);
    return (want_track.len == 0 || nh_span__equal(bare(want_track), bare(track))) &&
           nh_span__equal(want_reason.len ? want_reason : nh_span_of("ended"), reason);
}

void nh_trigger__audio(nh_automation_t *a, nh_span_t track, nh_span_t reason)
{
    for (uint32_t i = 0; i < a->plan.trigger_count; i++) {
        struct nh_trigger *t = &a->plan.triggers[i];
        if (t->type == NH_TRIGGER_AUDIO_FINISHED && is_audio(nh_trigger__rec(a, t), track, reason))
            fire(a, t, NULL);
    }
}

void nh_trigger__template(nh_automation_t *a, uint32_t device, nh_span_t outcome)
{
    nh_span_t id = nh_rec_text(nh_device_set_device(a->plan.set, device), NH_FIELD_ID);
    for (uint32_t i = 0; i < a->plan.trigger_count; i++) {
        struct nh_trigger *t = &a->plan.triggers[i];
        nh_rec_t rec = nh_trigger__rec(a, t);
        if (t->type != NH_TRIGGER_TEMPLATE ||
            !nh_span__equal(nh_rec_text(rec, NH_FIELD_DEVICE), id))
            continue;
        nh_span_t want = nh_rec_text(rec, NH_FIELD_OUTCOME);
        if (want.len == 0 || nh_span__equal(want, outcome))
            fire(a, t, NULL);
    }
}

int nh_trigger__named(nh_automation_t *a, enum nh_trigger_type type, nh_span_t name,
                      enum nh_origin origin, const struct nh_automation_parameter *parameters,
                      size_t count)
{
    int started = NH_ERR_NOT_FOUND;
    for (uint32_t i = 0; i < a->plan.trigger_count; i++) {
        struct nh_trigger *t = &a->plan.triggers[i];
        if (t->type != type ||
            !nh_span__equal(nh_rec_text(nh_trigger__rec(a, t), NH_FIELD_NAME), name))
            continue;
        struct nh_start s = {.origin = origin,
                             .parameters = parameters,
                             .parameter_count = count,
                             .is_operator = true};
        started = started < 0 ? 0 : started;
        started += fire_with(a, t, &s) > 0;
    }
    return started;
}

void nh_trigger__boot(nh_automation_t *a)
{
    for (uint32_t i = 0; i < a->plan.trigger_count; i++)
        if (a->plan.triggers[i].type == NH_TRIGGER_BOOT)
            fire(a, &a->plan.triggers[i], NULL);
}

// ---- by time ------------------------------------------------------------------------------------

static int seconds_of(nh_span_t t)
{
    int part[3] = {0, 0, 0};
    for (size_t i = 0; i < t.len; i++)
        if (i % 3 != 2)
            part[i / 3] = part[i / 3] * 10 + (t.ptr[i] - '0');
    return (part[0] * 60 + part[1]) * 60 + part[2];
}

// The next time of its day that has not been yet; a clock that is set back does not repeat one.
void nh_trigger__arm_time(nh_automation_t *a, struct nh_trigger *t)
{
    nh_rec_t rec = nh_trigger__rec(a, t);
    int64_t local_ms = nh_automation__unix_ms(a) + (int64_t)a->utc_offset_min * 60000;
    int64_t local_s = local_ms / 1000;
    int64_t next_s = local_s - local_s % DAY_S + seconds_of(nh_rec_text(rec, NH_FIELD_AT));
    if (t->last_local >
        local_s + DAY_S) // the clock was wrong then, and would hold it back for long
        t->last_local = 0;
    while (next_s * 1000 < local_ms || next_s <= t->last_local ||
           !nh_condition__day(a, rec, next_s))
        next_s += DAY_S;
    nh_wake__arm(&a->second, &t->timer,
                 nh_ms_after(a->now_ms, (uint64_t)(next_s * 1000 - local_ms)));
    t->next_local = next_s;
}

static void interval_over(nh_automation_t *a, struct nh_trigger *t)
{
    uint64_t period_ms = (uint64_t)nh_rec_int(nh_trigger__rec(a, t), NH_FIELD_INTERVAL_MS, 1000);
    uint64_t room_ms = nh_automation__room_ms(a), due_ms = t->timer.due_ms + period_ms;
    if (due_ms <= room_ms) // some were missed; the beat stays
        due_ms += (room_ms - due_ms) / period_ms * period_ms + period_ms;
    nh_wake__arm(&a->room, &t->timer, due_ms);
    fire(a, t, NULL);
}

void nh_trigger__time(nh_automation_t *a, struct nh_trigger *t)
{
    struct nh_cause *cause = t->cause;
    switch (t->type) {
    case NH_TRIGGER_INTERVAL:
        interval_over(a, t);
        break;
    case NH_TRIGGER_TIME:
        t->last_local = t->next_local;
        nh_trigger__arm_time(a, t);
        fire(a, t, NULL);
        break;
    default: // it has held for `for_ms`
        t->cause = NULL;
        fire(a, t, cause);
        nh_cause__unref(a, cause);
        break;
    }
}

void nh_trigger__look(nh_automation_t *a, struct nh_trigger *t)
{
    t->is_true = fits(t->on.variable, nh_rec_object(nh_trigger__rec(a, t), NH_FIELD_MATCH));
}

// What it looks for may hold already: then it waits until it does not, and does again.
void nh_trigger__begin(nh_automation_t *a, struct nh_trigger *t)
{
    nh_rec_t rec = nh_trigger__rec(a, t);
    switch (t->type) {
    case NH_TRIGGER_FLAG:
        t->is_true = t->on.flag->value == nh_rec_bool(rec, NH_FIELD_STATE, true);
        break;
    case NH_TRIGGER_VARIABLE:
        nh_trigger__look(a, t);
        break;
    case NH_TRIGGER_DEVICE_ONLINE:
    case NH_TRIGGER_DEVICE_OFFLINE:
        t->is_true = is_status(t, t->on.device);
        break;
    case NH_TRIGGER_INTERVAL:
        nh_wake__arm(&a->room, &t->timer,
                     nh_ms_after(nh_automation__room_ms(a),
                                 (uint64_t)nh_rec_int(rec, NH_FIELD_INTERVAL_MS, 1000)));
        if (nh_rec_bool(rec, NH_FIELD_RUN_IMMEDIATELY, false))
            fire(a, t, NULL);
        break;
    case NH_TRIGGER_TIME:
        nh_trigger__arm_time(a, t);
        break;
    default:
        break;
    }
}
