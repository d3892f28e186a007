// template_signal.c - something that is held: heartbeats add up to the time that is required.

#include "components/automation/template_private.h"

#include <string.h>

static uint64_t timeout_ms(const nh_template_t *t)
{
    return (uint64_t)nh_rec_int(t->rec, NH_FIELD_HEARTBEAT_TIMEOUT_MS, 1000);
}

static uint64_t required_ms(const nh_template_t *t)
{
    return (uint64_t)nh_rec_int(t->rec, NH_FIELD_REQUIRED_HOLD_MS, 1);
}

static void start(nh_template_t *t, uint64_t now_ms)
{
    (void)now_ms;
    t->u.hold = (struct nh_hold__machine){.off_ms = NH_NEVER};
}

// ---- what it is told ----------------------------------------------------------------------------

static void tell_off(nh_template_t *t)
{
    struct nh_hold__machine *m = &t->u.hold;
    m->is_on = false;
    m->off_ms = NH_NEVER;
    if (nh_rec_has(t->rec, NH_FIELD_SIGNAL_PAYLOAD_OFF))
        nh_template__publish(t, NH_FIELD_SIGNAL_TOPIC, NH_FIELD_SIGNAL_PAYLOAD_OFF);
}

static void tell_on(nh_template_t *t, uint64_t now_ms)
{
    struct nh_hold__machine *m = &t->u.hold;
    uint64_t on_ms = (uint64_t)nh_rec_int(t->rec, NH_FIELD_SIGNAL_ON_MS, 0);
    m->is_on = true;
    m->off_ms = on_ms ? nh_ms_after(now_ms, on_ms) : NH_NEVER;
    nh_template__publish(t, NH_FIELD_SIGNAL_TOPIC, NH_FIELD_SIGNAL_PAYLOAD_ON);
}

static void play_hold(nh_template_t *t)
{
    struct nh_hold__machine *m = &t->u.hold;
    nh_span_t track = nh_rec_text(t->rec, NH_FIELD_HOLD_TRACK);
    if (m->hold) // it was paused
        t->host->resume(t->ctx, m->hold);
    else if (track.len > 0)
        m->hold = t->host->play(t->ctx, NH_CHANNEL_EFFECT, track,
                                nh_rec_bool(t->rec, NH_FIELD_HOLD_TRACK_LOOP, false));
}

// ---- states -------------------------------------------------------------------------------------

static void gap(nh_template_t *t)
{
    if (nh_rec_enum(t->rec, NH_FIELD_HOLD_MODE, NH_HOLD_CUMULATIVE) == NH_HOLD_CONTINUOUS)
        t->u.hold.accumulated_ms = 0;
}

static void to_active(nh_template_t *t, uint64_t now_ms)
{
    t->u.hold.state = NH_HOLD__ACTIVE;
    t->u.hold.last_beat_ms = now_ms;
    play_hold(t);
    t->host->outcome(t->ctx, "active");
}

static void to_paused(nh_template_t *t)
{
    struct nh_hold__machine *m = &t->u.hold;
    m->state = NH_HOLD__PAUSED;
    gap(t);
    if (m->hold)
        t->host->pause(t->ctx, m->hold);
    t->host->outcome(t->ctx, "paused");
}

static void to_completed(nh_template_t *t, uint64_t now_ms)
{
    struct nh_hold__machine *m = &t->u.hold;
    m->state = NH_HOLD__COMPLETED;
    m->accumulated_ms = required_ms(t);
    nh_template__stop(t, &m->hold);
    m->complete = nh_template__play(t, nh_rec_text(t->rec, NH_FIELD_COMPLETE_TRACK));
    tell_on(t, now_ms);
    nh_template__start_scenario(t, (nh_span_t){(const uint8_t *)"signal_complete", 15});
    t->host->outcome(t->ctx, "completed");
}

static void beat(nh_template_t *t, uint64_t now_ms)
{
    struct nh_hold__machine *m = &t->u.hold;
    uint64_t passed_ms = now_ms - m->last_beat_ms;
    switch ((enum nh_hold__state)m->state) {
    case NH_HOLD__IDLE:
    case NH_HOLD__PAUSED:
        to_active(t, now_ms);
        return;
    case NH_HOLD__COMPLETED:
        return;
    case NH_HOLD__ACTIVE:
        m->last_beat_ms = now_ms;
        if (passed_ms > timeout_ms(t)) // the timer is late: it was let go, and is held anew
            gap(t);
        else
            m->accumulated_ms += passed_ms;
        if (m->accumulated_ms >= required_ms(t))
            to_completed(t, now_ms);
        return;
    }
}

static void reset(nh_template_t *t, uint64_t now_ms)
{
    struct nh_hold__machine *m = &t->u.hold;
    nh_template__stop(t, &m->hold);
    nh_template__stop(t, &m->complete);
    if (m->is_on)
        tell_off(t);
    start(t, now_ms);
    t->host->outcome(t->ctx, "reset");
}

static void message(nh_template_t *t, nh_span_t topic, nh_span_t payload, uint64_t now_ms)
{
    nh_span_t reset_topic = nh_rec_text(t->rec, NH_FIELD_RESET_TOPIC);
    (void)payload;
    if (reset_topic.len > 0 && nh_template__is_same(reset_topic, topic))
        reset(t, now_ms);
    else if (nh_template__is_same(nh_rec_text(t->rec, NH_FIELD_HEARTBEAT_TOPIC), topic))
        beat(t, now_ms);
}

static void audio_finished(nh_template_t *t, uint32_t instance)
{
    struct nh_hold__machine *m = &t->u.hold;
    if (instance == m->hold)
        m->hold = 0;
    if (instance == m->complete)
        m->complete = 0;
}

// A beat that comes exactly at the timeout still counts; so it is over one ms later.
static uint64_t let_go_ms(const nh_template_t *t)
{
    const struct nh_hold__machine *m = &t->u.hold;
    return m->state == NH_HOLD__ACTIVE ? nh_ms_after(m->last_beat_ms, timeout_ms(t) + 1) : NH_NEVER;
}

static void tick(nh_template_t *t, uint64_t now_ms)
{
    if (now_ms >= let_go_ms(t))
        to_paused(t);
    if (now_ms >= t->u.hold.off_ms)
        tell_off(t);
}

static uint64_t next_deadline(const nh_template_t *t)
{
    uint64_t let_go = let_go_ms(t);
    return let_go < t->u.hold.off_ms ? let_go : t->u.hold.off_ms;
}

// ---- outside ------------------------------------------------------------------------------------

static void filters(nh_rec_t rec, void (*visit)(void *ctx, nh_span_t filter), void *ctx)
{
    nh_template__visit(nh_rec_text(rec, NH_FIELD_HEARTBEAT_TOPIC), visit, ctx);
    nh_template__visit(nh_rec_text(rec, NH_FIELD_RESET_TOPIC), visit, ctx);
}

static const char *state(const nh_template_t *t)
{
    static const char *const words[] = {"idle", "active", "paused", "completed"};
    return words[t->u.hold.state];
}

static void monitor(const nh_template_t *t, nh_json_writer_t *w, uint64_t now_ms)
{
    const struct nh_hold__machine *m = &t->u.hold;
    (void)now_ms;
    nh_json_kv_bool(w, "active", m->state == NH_HOLD__ACTIVE);
    nh_json_kv_bool(w, "completed", m->state == NH_HOLD__COMPLETED);
    nh_json_kv_bool(w, "signal_on", m->is_on);
    nh_json_kv_uint(w, "progress_ms", m->accumulated_ms);
    nh_json_kv_uint(w, "required_hold_ms", required_ms(t));
    nh_json_kv_uint(w, "heartbeat_timeout_ms", timeout_ms(t));
    nh_json_kv_uint(w, "time_left_ms", required_ms(t) - m->accumulated_ms);
    nh_template__write_text(w, "heartbeat_topic", nh_rec_text(t->rec, NH_FIELD_HEARTBEAT_TOPIC));
    nh_template__write_text(w, "reset_topic", nh_rec_text(t->rec, NH_FIELD_RESET_TOPIC));
}

const struct nh_template__type nh_template__hold = {.data = NH_FIELD_SIGNAL,
                                                    .start = start,
                                                    .message = message,
                                                    .audio_finished = audio_finished,
                                                    .tick = tick,
                                                    .next_deadline = next_deadline,
                                                    .reset = reset,
                                                    .filters = filters,
                                                    .state = state,
                                                    .monitor = monitor};
