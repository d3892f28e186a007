// template_sequence.c - messages in an order.

#include "components/automation/template_private.h"

static uint32_t step_count(const nh_template_t *t)
{
    return nh_rec_count(t->rec, NH_FIELD_STEPS);
}

static nh_rec_t step_at(const nh_template_t *t, uint32_t index)
{
    return nh_rec_element(t->rec, NH_FIELD_STEPS, index);
}

static void start(nh_template_t *t, uint64_t now_ms)
{
    (void)now_ms;
    t->u.sequence = (struct nh_sequence__machine){.end_ms = NH_NEVER};
}

// ---- ends ---------------------------------------------------------------------------------------

static void end(nh_template_t *t, enum nh_sequence__state state, const char *outcome)
{
    struct nh_sequence__machine *m = &t->u.sequence;
    bool is_success = state == NH_SEQUENCE__COMPLETED;
    m->state = (uint8_t)state;
    m->index = 0;
    m->end_ms = NH_NEVER;
    if (is_success)
        nh_template__publish(t, NH_FIELD_SUCCESS_TOPIC, NH_FIELD_SUCCESS_PAYLOAD);
    else
        nh_template__publish(t, NH_FIELD_FAIL_TOPIC, NH_FIELD_FAIL_PAYLOAD);
    nh_template__play(t, nh_rec_text(t->rec, is_success ? NH_FIELD_SUCCESS_AUDIO_TRACK
                                                        : NH_FIELD_FAIL_AUDIO_TRACK));
    nh_template__start_scenario(
        t, nh_rec_text(t->rec, is_success ? NH_FIELD_SUCCESS_SCENARIO : NH_FIELD_FAIL_SCENARIO));
    t->host->outcome(t->ctx, outcome);
}

static void expire(nh_template_t *t, uint64_t now_ms)
{
    if (now_ms >= t->u.sequence.end_ms)
        end(t, NH_SEQUENCE__TIMEOUT, "timeout");
}

// ---- steps --------------------------------------------------------------------------------------

static bool has_topic(nh_rec_t step, nh_span_t topic)
{
    return nh_template__is_same(nh_rec_text(step, NH_FIELD_TOPIC), topic);
}

static void hint(nh_template_t *t, nh_rec_t step)
{
    nh_span_t topic = nh_rec_text(step, NH_FIELD_HINT_TOPIC);
    if (topic.len > 0)
        t->host->publish(t->ctx, topic, nh_rec_text(step, NH_FIELD_HINT_PAYLOAD));
    nh_template__play(t, nh_rec_text(step, NH_FIELD_HINT_AUDIO_TRACK));
}

// Takes a message if it is the step that is expected.
static bool advance(nh_template_t *t, nh_span_t topic, nh_span_t payload, uint64_t now_ms)
{
    struct nh_sequence__machine *m = &t->u.sequence;
    uint64_t limit_ms = (uint64_t)nh_rec_int(t->rec, NH_FIELD_TIMEOUT_MS, 0);
    nh_rec_t step = step_at(t, m->index);
    if (!has_topic(step, topic) || !nh_template__payload_fits(step, payload))
        return false;
    m->state = NH_SEQUENCE__ACTIVE;
    m->index++;
    m->end_ms = limit_ms ? nh_ms_after(now_ms, limit_ms) : NH_NEVER;
    hint(t, step);
    if (m->index == step_count(t))
        end(t, NH_SEQUENCE__COMPLETED, "success");
    else
        t->host->outcome(t->ctx, "step");
    return true;
}

// Whether a message that is not the expected step is a mistake: another step of the list, or the
// right topic with a wrong message.
static bool is_mistake(const nh_template_t *t, nh_span_t topic, nh_span_t payload)
{
    nh_rec_t step = nh_rec_first(t->rec, NH_FIELD_STEPS);
    for (uint32_t i = step_count(t); i > 0; i--, step = nh_rec_next(step))
        if (has_topic(step, topic) && nh_template__payload_fits(step, payload))
            return true;
    return nh_rec_bool(t->rec, NH_FIELD_WRONG_PAYLOAD_IS_ERROR, false) &&
           has_topic(step_at(t, t->u.sequence.index), topic);
}

// What ends the sequence by failing may be the first step of the next try.
static void message(nh_template_t *t, nh_span_t topic, nh_span_t payload, uint64_t now_ms)
{
    expire(t, now_ms);
    if (advance(t, topic, payload, now_ms))
        return;
    if (!nh_rec_bool(t->rec, NH_FIELD_RESET_ON_ERROR, true) || !is_mistake(t, topic, payload))
        return;
    bool was_first = t->u.sequence.index == 0;
    end(t, NH_SEQUENCE__FAILED, "fail");
    if (!was_first)
        NH_IGNORE(advance(t, topic, payload, now_ms)); // it may well be none
}

static uint64_t next_deadline(const nh_template_t *t)
{
    return t->u.sequence.end_ms;
}

// ---- outside ------------------------------------------------------------------------------------

static void filters(nh_rec_t rec, void (*visit)(void *ctx, nh_span_t filter), void *ctx)
{
    nh_rec_t step = nh_rec_first(rec, NH_FIELD_STEPS);
    for (uint32_t i = nh_rec_count(rec, NH_FIELD_STEPS); i > 0; i--, step = nh_rec_next(step))
        nh_template__visit(nh_rec_text(step, NH_FIELD_TOPIC), visit, ctx);
}

static const char *state(const nh_template_t *t)
{
    static const char *const words[] = {"idle", "active", "completed", "failed", "timeout"};
    return words[t->u.sequence.state];
}

static void monitor(const nh_template_t *t, nh_json_writer_t *w, uint64_t now_ms)
{
    const struct nh_sequence__machine *m = &t->u.sequence;
    bool is_done = m->state == NH_SEQUENCE__COMPLETED;
    nh_rec_t step = step_at(t, m->index);
    nh_span_t payload = nh_rec_text(step, NH_FIELD_PAYLOAD);
    nh_json_kv_bool(w, "active", m->state == NH_SEQUENCE__ACTIVE);
    nh_json_kv_uint(w, "current_step_index", m->index);
    nh_json_kv_uint(w, "completed_steps", is_done ? step_count(t) : m->index);
    nh_json_kv_uint(w, "total_steps", step_count(t));
    nh_json_kv_int(w, "timeout_ms", nh_rec_int(t->rec, NH_FIELD_TIMEOUT_MS, 0));
    nh_json_kv_uint(w, "time_left_ms",
                    m->end_ms != NH_NEVER && m->end_ms > now_ms ? m->end_ms - now_ms : 0);
    nh_json_kv_bool(w, "reset_on_error", nh_rec_bool(t->rec, NH_FIELD_RESET_ON_ERROR, true));
    nh_template__write_text(w, "expected_topic", nh_rec_text(step, NH_FIELD_TOPIC));
    nh_template__write_text(w, "expected_payload", payload);
    nh_json_kv_bool(w, "payload_required",
                    nh_rec_bool(step, NH_FIELD_PAYLOAD_REQUIRED, payload.len > 0));
}

const struct nh_template__type nh_template__sequence = {.data = NH_FIELD_SEQUENCE,
                                                        .start = start,
                                                        .message = message,
                                                        .tick = expire,
                                                        .next_deadline = next_deadline,
                                                        .reset = start,
                                                        .filters = filters,
                                                        .state = state,
                                                        .monitor = monitor};
