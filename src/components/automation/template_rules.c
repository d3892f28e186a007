// template_rules.c - messages, flags and time that start scenarios.

#include "components/automation/template_private.h"
#include "mqtt/topic.h"

// ---- on_mqtt_event ------------------------------------------------------------------------------

static void mqtt_message(nh_template_t *t, nh_span_t topic, nh_span_t payload, uint64_t now_ms)
{
    nh_rec_t rule = nh_rec_first(t->rec, NH_FIELD_RULES);
    (void)now_ms;
    for (uint32_t i = nh_rec_count(t->rec, NH_FIELD_RULES); i > 0; i--) {
        if (nh_mqtt_topic_match(nh_rec_text(rule, NH_FIELD_TOPIC), topic) &&
            nh_template__payload_fits(rule, payload)) {
            nh_template__start_scenario(t, nh_rec_text(rule, NH_FIELD_SCENARIO));
            return;
        }
        rule = nh_rec_next(rule);
    }
}

static void mqtt_filters(nh_rec_t rec, void (*visit)(void *ctx, nh_span_t filter), void *ctx)
{
    nh_rec_t rule = nh_rec_first(rec, NH_FIELD_RULES);
    for (uint32_t i = nh_rec_count(rec, NH_FIELD_RULES); i > 0; i--, rule = nh_rec_next(rule))
        nh_template__visit(nh_rec_text(rule, NH_FIELD_TOPIC), visit, ctx);
}

const struct nh_template__type nh_template__mqtt = {
    .data = NH_FIELD_MQTT, .message = mqtt_message, .filters = mqtt_filters};

// ---- on_flag ------------------------------------------------------------------------------------

// `tail` has what each rule's flag was when it was last heard of.
static void flag_seen(nh_template_t *t, nh_rec_t rule, uint32_t index, bool state, bool is_change)
{
    t->tail[index] = state;
    if (is_change && state == nh_rec_bool(rule, NH_FIELD_STATE, true))
        nh_template__start_scenario(t, nh_rec_text(rule, NH_FIELD_SCENARIO));
}

static void flag_start(nh_template_t *t, uint64_t now_ms)
{
    bool is_change = nh_rec_bool(t->rec, NH_FIELD_INITIAL, false);
    uint32_t count = nh_rec_count(t->rec, NH_FIELD_RULES);
    nh_rec_t rule = nh_rec_first(t->rec, NH_FIELD_RULES);
    (void)now_ms;
    for (uint32_t i = 0; i < count; i++, rule = nh_rec_next(rule))
        flag_seen(t, rule, i, t->host->flag(t->ctx, nh_rec_text(rule, NH_FIELD_FLAG)), is_change);
}

static void flag_flag(nh_template_t *t, nh_span_t name, bool state)
{
    uint32_t count = nh_rec_count(t->rec, NH_FIELD_RULES);
    nh_rec_t rule = nh_rec_first(t->rec, NH_FIELD_RULES);
    for (uint32_t i = 0; i < count; i++, rule = nh_rec_next(rule))
        if (nh_template__is_same_word(nh_rec_text(rule, NH_FIELD_FLAG), name))
            flag_seen(t, rule, i, state, (t->tail[i] != 0) != state);
}

static void flag_monitor(const nh_template_t *t, nh_json_writer_t *w, uint64_t now_ms)
{
    uint32_t count = nh_rec_count(t->rec, NH_FIELD_RULES);
    nh_rec_t rule = nh_rec_first(t->rec, NH_FIELD_RULES);
    (void)now_ms;
    nh_json_key(w, "flags");
    nh_json_array_begin(w);
    for (uint32_t i = 0; i < count; i++, rule = nh_rec_next(rule)) {
        nh_json_object_begin(w);
        nh_template__write_text(w, "flag", nh_rec_text(rule, NH_FIELD_FLAG));
        nh_json_kv_bool(w, "state", t->tail[i]);
        nh_json_object_end(w);
    }
    nh_json_array_end(w);
}

const struct nh_template__type nh_template__flag_rules = {.data = NH_FIELD_FLAG_RULES,
                                                          .tail_bytes = 1,
                                                          .tail_list = NH_FIELD_RULES,
                                                          .start = flag_start,
                                                          .flag = flag_flag,
                                                          .monitor = flag_monitor};

// ---- if_condition -------------------------------------------------------------------------------

// `changed` has `state`, whatever the host says of it: it may not have been told yet.
static bool condition_holds(const nh_template_t *t, const nh_span_t *changed, bool state)
{
    bool any = nh_rec_enum(t->rec, NH_FIELD_MODE, NH_MODE_ALL) == NH_MODE_ANY;
    bool result = !any;
    nh_rec_t rule = nh_rec_first(t->rec, NH_FIELD_RULES);
    for (uint32_t i = nh_rec_count(t->rec, NH_FIELD_RULES); i > 0; i--, rule = nh_rec_next(rule)) {
        nh_span_t name = nh_rec_text(rule, NH_FIELD_FLAG);
        bool is_it = changed && nh_template__is_same_word(name, *changed);
        bool is = is_it ? state : t->host->flag(t->ctx, name);
        if ((is == nh_rec_bool(rule, NH_FIELD_STATE, true)) == any)
            result = any;
    }
    return result;
}

static void condition_take(nh_template_t *t, bool is_true, bool is_change)
{
    t->u.condition.is_true = is_true;
    if (!is_change)
        return;
    nh_template__start_scenario(
        t, nh_rec_text(t->rec, is_true ? NH_FIELD_TRUE_SCENARIO : NH_FIELD_FALSE_SCENARIO));
    t->host->outcome(t->ctx, is_true ? "true" : "false");
}

static void condition_start(nh_template_t *t, uint64_t now_ms)
{
    (void)now_ms;
    condition_take(t, condition_holds(t, NULL, false),
                   nh_rec_bool(t->rec, NH_FIELD_INITIAL, false));
}

static void condition_flag(nh_template_t *t, nh_span_t name, bool state)
{
    bool is_true = condition_holds(t, &name, state);
    condition_take(t, is_true, is_true != t->u.condition.is_true);
}

static const char *condition_state(const nh_template_t *t)
{
    return t->u.condition.is_true ? "true" : "false";
}

const struct nh_template__type nh_template__condition = {.data = NH_FIELD_CONDITION,
                                                         .start = condition_start,
                                                         .flag = condition_flag,
                                                         .state = condition_state};

// ---- interval_task ------------------------------------------------------------------------------

static uint64_t interval_ms(const nh_template_t *t)
{
    return (uint64_t)nh_rec_int(t->rec, NH_FIELD_INTERVAL_MS, 1000);
}

static void interval_start(nh_template_t *t, uint64_t now_ms)
{
    bool is_at_once = nh_rec_bool(t->rec, NH_FIELD_RUN_IMMEDIATELY, false);
    t->u.interval.next_ms = is_at_once ? now_ms : nh_ms_after(now_ms, interval_ms(t));
}

// What was missed is not made up for, and the times stay multiples of the interval.
static void interval_tick(nh_template_t *t, uint64_t now_ms)
{
    struct nh_interval__machine *m = &t->u.interval;
    nh_span_t scenario = nh_rec_text(t->rec, NH_FIELD_SCENARIO);
    if (now_ms < m->next_ms)
        return;
    uint64_t passed = (now_ms - m->next_ms) / interval_ms(t) + 1;
    m->next_ms = nh_ms_after(m->next_ms, passed * interval_ms(t));
    if (scenario.len > 0 && t->host->is_running(t->ctx, scenario))
        m->skipped_count++;
    else
        nh_template__start_scenario(t, scenario);
}

static uint64_t interval_deadline(const nh_template_t *t)
{
    return t->u.interval.next_ms;
}

static void interval_monitor(const nh_template_t *t, nh_json_writer_t *w, uint64_t now_ms)
{
    uint64_t next_ms = t->u.interval.next_ms;
    nh_json_kv_uint(w, "interval_ms", interval_ms(t));
    nh_json_kv_uint(w, "time_left_ms", next_ms > now_ms ? next_ms - now_ms : 0);
    nh_json_kv_uint(w, "skipped_count", t->u.interval.skipped_count);
}

const struct nh_template__type nh_template__interval = {.data = NH_FIELD_INTERVAL,
                                                        .start = interval_start,
                                                        .tick = interval_tick,
                                                        .next_deadline = interval_deadline,
                                                        .reset = interval_start,
                                                        .monitor = interval_monitor};
