// steps.c - what each step does, but for those that lead elsewhere and those of the audio player.

#include "components/automation/automation_state.h"

#include <stdio.h>
#include <string.h>

const char *nh_step__name(int type)
{
    static const char *const names[NH_STEP_TYPE_COUNT] = {
        "nop",          "delay",         "mqtt_publish",
        "audio_play",   "audio_stop",    "audio_pause",
        "audio_resume", "audio_seek",    "audio_volume",
        "set_flag",     "set",           "wait_flags",
        "wait_event",   "wait_operator", "loop",
        "event",        "laser_trigger", "if",
        "choose",       "repeat",        "parallel",
        "run",          "stop_scenario", "command",
        "stop",         "log",           "notify",
        "clock",        "lamp"};
    return type >= 0 && type < NH_STEP_TYPE_COUNT ? names[type] : "";
}

// ---- publishing ---------------------------------------------------------------------------------

static int do_publish(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    struct nh_context c = nh_texts__of(a, b);
    nh_span_t topic = {NULL, 0}, payload = {NULL, 0};
    uint64_t wait_ms = nh_publish__wait_ms(a, b->run);
    if (wait_ms)
        return nh_wait__begin(a, b, NH_WAIT_RATE, wait_ms);
    int err = nh_texts__fill(&c, nh_rec_text(step, NH_FIELD_TOPIC), 0, &topic);
    if (err == 0)
        err = nh_texts__fill(&c, nh_rec_text(step, NH_FIELD_PAYLOAD), 1, &payload);
    return err < 0 ? err
                   : nh_step__publish(a, topic, payload, (uint8_t)nh_rec_int(step, NH_FIELD_QOS, 0),
                                      nh_rec_bool(step, NH_FIELD_RETAIN, false));
}

static void send_list(nh_automation_t *a, nh_rec_t device)
{
    uint32_t count = nh_rec_count(device, NH_FIELD_SAFE_OFF);
    for (uint32_t i = 0; i < count; i++) {
        nh_rec_t m = nh_rec_element(device, NH_FIELD_SAFE_OFF, i);
        int err = nh_step__publish(
            a, nh_rec_text(m, NH_FIELD_TOPIC), nh_rec_text(m, NH_FIELD_PAYLOAD),
            (uint8_t)nh_rec_int(m, NH_FIELD_QOS, 0), nh_rec_bool(m, NH_FIELD_RETAIN, false));
        if (err < 0) // an operator must know that something may still be on
            nh_log__add(a, NH_ORIGIN_AUTOMATION, "safe_off", "failed: %s", a->why);
    }
}

void nh_step__safe_off(nh_automation_t *a)
{
    nh_device_set_t *set = a->plan.set;
    struct nh_device_set_info info = {0};
    nh_publish__drop(a); // it would come after, and switch something on again
    if (set)
        nh_device_set_info(set, &info);
    for (uint32_t i = 0; i < info.device_count; i++)
        send_list(a, nh_device_set_device(set, i));
}

// ---- flags and variables ------------------------------------------------------------------------

static int do_set_flag(nh_automation_t *a, nh_rec_t step)
{
    nh_span_t name = nh_rec_text(step, NH_FIELD_FLAG);
    bool value = nh_rec_scalar(step, NH_FIELD_VALUE).kind == NH_SCALAR_TRUE;
    int err = nh_flag__set(a, name, value);
    if (err < 0)
        return err;
    NH_NOTE(a, "%.*s = %s", NH_TEXT(name), value ? "true" : "false");
    return NH_OUTCOME_DONE;
}

static int value_of_step(nh_automation_t *a, struct nh_branch *b, nh_rec_t step,
                         struct nh_value *out)
{
    struct nh_context c = nh_texts__of(a, b);
    if (nh_rec_has(step, NH_FIELD_EXPRESSION))
        return nh_texts__eval(&c, nh_rec_text(step, NH_FIELD_EXPRESSION), out);
    *out = nh_value_from_scalar(nh_rec_scalar(step, NH_FIELD_VALUE));
    return out->kind == NH_VALUE_TEXT ? nh_texts__fill(&c, out->text, 0, &out->text) : NH_OK;
}

static int do_set(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    nh_span_t name = nh_rec_text(step, NH_FIELD_VARIABLE);
    char buf[NH_VALUE_TEXT_MAX_BYTES];
    struct nh_value v;
    int err = value_of_step(a, b, step, &v);
    if (err < 0)
        return err;
    if (v.kind == NH_VALUE_NONE)
        return nh_automation__fail(a, NH_ERR_TYPE, "%.*s: the expression has no value",
                                   NH_TEXT(name));
    err = nh_local__find(b->run, name) ? nh_local__set(a, b->run, name, &v)
                                       : nh_variable__set(a, name, &v);
    if (err < 0)
        return err;
    // What it has now: the value's text may have been overwritten by a trigger's condition.
    struct nh_context c = nh_texts__of(a, b);
    if (nh_texts__lookup(&c, name, &v))
        NH_NOTE(a, "%.*s = %.*s", NH_TEXT(name), NH_TEXT(nh_value_text(&v, buf)));
    return NH_OUTCOME_DONE;
}

// ---- waiting ------------------------------------------------------------------------------------

static int do_delay(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    uint64_t ms = (uint64_t)nh_rec_int(step, NH_FIELD_DELAY_MS, 0);
    uint64_t max_ms = (uint64_t)nh_rec_int(step, NH_FIELD_DELAY_MAX_MS, 0);
    if (max_ms > ms) {
        a->random = a->random * 1664525u + 1013904223u;
        ms += ((uint64_t)a->random * (max_ms - ms + 1)) >> 32;
    }
    return ms ? nh_wait__begin(a, b, NH_WAIT_DELAY, ms) : NH_OUTCOME_DONE;
}

static int do_wait_event(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    struct nh_context c = nh_texts__of(a, b);
    nh_span_t filter;
    int err = nh_texts__fill(&c, nh_rec_text(step, NH_FIELD_TOPIC), 0, &filter);
    return err < 0 ? err
                   : nh_wait__topic(a, b, NH_WAIT_EVENT, filter,
                                    (uint64_t)nh_rec_int(step, NH_FIELD_TIMEOUT_MS, 0));
}

// ---- commands -----------------------------------------------------------------------------------

nh_rec_t nh_step__command(const struct nh_run *r, nh_rec_t step)
{
    nh_span_t device = nh_rec_text(step, NH_FIELD_DEVICE);
    nh_span_t id = nh_rec_text(step, NH_FIELD_COMMAND);
    int at =
        nh_device_set_find_device(r->set, device.len ? device : nh_scenario__device(r->scenario));
    nh_rec_t d = nh_device_set_device(r->set, at < 0 ? UINT32_MAX : (uint32_t)at);
    for (uint32_t i = 0; i < nh_rec_count(d, NH_FIELD_COMMANDS); i++) {
        nh_rec_t c = nh_rec_element(d, NH_FIELD_COMMANDS, i);
        if (nh_span__equal(nh_rec_text(c, NH_FIELD_ID), id))
            return c;
    }
    return (nh_rec_t){r->set, NULL};
}

int nh_step__parameters(nh_automation_t *a, struct nh_branch *b, nh_rec_t step,
                        struct nh_automation_parameter out[NH_PARAMETER_MAX_COUNT])
{
    struct nh_context c = nh_texts__of(a, b);
    uint32_t count = nh_rec_count(step, NH_FIELD_PARAMETERS);
    size_t used = 0;
    for (uint32_t i = 0; i < count && i < NH_PARAMETER_MAX_COUNT; i++) {
        nh_rec_t p = nh_rec_element(step, NH_FIELD_PARAMETERS, i);
        out[i].name = nh_rec_text(p, NH_FIELD_NAME);
        out[i].value = nh_value_from_scalar(nh_rec_scalar(p, NH_FIELD_VALUE));
        if (out[i].value.kind != NH_VALUE_TEXT)
            continue;
        nh_span_t text;
        int err = nh_texts__fill(&c, out[i].value.text, 1, &text);
        if (err < 0)
            return err;
        if (used + text.len > a->limits.text_max_bytes)
            return nh_automation__fail(a, NH_ERR_TOO_LONG, "the parameters are over %u bytes",
                                       (unsigned)a->limits.text_max_bytes);
        memcpy(a->text[2] + used, text.ptr, text.len);
        out[i].value.text = (nh_span_t){(const uint8_t *)a->text[2] + used, text.len};
        used += text.len;
    }
    return (int)count;
}

static int send_command(nh_automation_t *a, struct nh_branch *b, nh_rec_t step, nh_rec_t command)
{
    struct nh_automation_parameter parameters[NH_PARAMETER_MAX_COUNT];
    struct nh_context c = nh_texts__of(a, b);
    nh_span_t topic = {NULL, 0}, payload = {NULL, 0};
    int count = nh_step__parameters(a, b, step, parameters);
    if (count < 0)
        return count;
    c.parameters = parameters;
    c.parameter_count = (size_t)count;
    int err = nh_texts__fill(&c, nh_rec_text(command, NH_FIELD_TOPIC), 0, &topic);
    if (err == 0)
        err = nh_texts__fill(&c, nh_rec_text(command, NH_FIELD_PAYLOAD), 1, &payload);
    return err < 0 ? err
                   : nh_step__publish(a, topic, payload,
                                      (uint8_t)nh_rec_int(command, NH_FIELD_QOS, 0), false);
}

// A number of its own, also among those of lives before this one. A branch of `parallel` has one
// for itself: its answer is not that of another.
static int name_request(nh_automation_t *a, struct nh_branch *b)
{
    char text[24];
    int len =
        snprintf(text, sizeof text, "%08x-%u", (unsigned)a->seed, (unsigned)++a->next_request);
    struct nh_value id = nh_value_of_text((nh_span_t){(const uint8_t *)text, (size_t)len});
    return nh_local__set_own(a, b, nh_span_of("request_id"), &id);
}

// The answer is listened for before the command goes out: it may come back at once.
static int do_command(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    nh_rec_t command = nh_step__command(b->run, step);
    nh_span_t result = nh_rec_text(command, NH_FIELD_RESULT_TOPIC);
    bool waits = nh_rec_bool(step, NH_FIELD_AWAIT, true) && result.len > 0;
    if (!command.at)
        return nh_automation__fail(a, NH_ERR_NOT_FOUND, "there is no such command");
    uint64_t wait_ms = nh_publish__wait_ms(a, b->run);
    if (wait_ms)
        return nh_wait__begin(a, b, NH_WAIT_RATE, wait_ms);
    int err = name_request(a, b);
    if (err < 0)
        return err;
    uint64_t timeout_ms = (uint64_t)nh_rec_int(step, NH_FIELD_TIMEOUT_MS,
                                               nh_rec_int(command, NH_FIELD_TIMEOUT_MS, 5000));
    int outcome =
        waits ? nh_wait__topic(a, b, NH_WAIT_COMMAND, result, timeout_ms) : NH_OUTCOME_DONE;
    err = outcome < 0 ? outcome : send_command(a, b, step, command);
    if (err >= 0)
        return outcome;
    if (outcome == NH_OUTCOME_WAITS) {
        nh_wait__leave(a, b);
        b->wait = NH_WAIT_NONE;
        b->woken = NH_WOKEN_NOT;
    }
    return err;
}

// ---- the rest -----------------------------------------------------------------------------------

static int publish_event(nh_automation_t *a, nh_span_t topic, const char *standard,
                         nh_span_t payload)
{
    return nh_step__publish(a, topic.len ? topic : nh_span_of(standard), payload, 0, false);
}

// What the older generations posted on their bus, and what their bridge made of it.
static int post(nh_automation_t *a, enum nh_step_event event, nh_span_t topic, nh_span_t payload)
{
    static const char *const topics[] = {
        [NH_STEP_EVENT_CARD_OK] = "access/card/ok",
        [NH_STEP_EVENT_CARD_BAD] = "access/card/bad",
        [NH_STEP_EVENT_RELAY_CMD] = "relay/cmd",
        [NH_STEP_EVENT_WEB_COMMAND] = "web/cmd",
        [NH_STEP_EVENT_SYSTEM_STATUS] = "sys/broker/metrics",
        [NH_STEP_EVENT_LASER_TRIGGER] = "laser/beam/state",
    };
    struct nh_value text = nh_value_of_text(payload);
    double number = 0;
    int rc;
    switch (event) {
    case NH_STEP_EVENT_AUDIO_PLAY: {
        const struct nh_automation_play p = {.track = payload, .volume = -1};
        rc = a->out.play ? a->out.play(a->out.ctx, &p) : NH_ERR_UNSUPPORTED;
        return rc < 0 ? nh_automation__fail(a, rc, "%.*s: %s", NH_TEXT(payload), nh_err_text(rc))
                      : NH_OUTCOME_DONE;
    }
    case NH_STEP_EVENT_VOLUME_SET: {
        if (!nh_value_number(&text, &number) || number < 0 || number > 100)
            return nh_automation__fail(a, NH_ERR_RANGE, "a volume is 0 to 100");
        const struct nh_automation_audio v = {.verb = NH_AUTOMATION_AUDIO_VOLUME,
                                              .channel = NH_CHANNEL_ALL,
                                              .value = (uint32_t)number};
        rc = a->out.audio ? a->out.audio(a->out.ctx, &v) : NH_ERR_UNSUPPORTED;
        return rc < 0 ? rc : NH_OUTCOME_DONE;
    }
    case NH_STEP_EVENT_DEVICE_CONFIG_CHANGED:
        if (a->out.post_event)
            a->out.post_event(a->out.ctx, event, topic, payload);
        return NH_OUTCOME_DONE;
    default:
        return publish_event(a, topic, topics[event], payload);
    }
}

static bool is_published(enum nh_step_event event)
{
    return event != NH_STEP_EVENT_AUDIO_PLAY && event != NH_STEP_EVENT_VOLUME_SET &&
           event != NH_STEP_EVENT_DEVICE_CONFIG_CHANGED;
}

static int do_event(nh_automation_t *a, struct nh_branch *b, nh_rec_t step, int type)
{
    struct nh_context c = nh_texts__of(a, b);
    nh_span_t topic = {NULL, 0}, payload = {NULL, 0};
    enum nh_step_event event = type == NH_STEP_LASER_TRIGGER
                                   ? NH_STEP_EVENT_LASER_TRIGGER
                                   : (enum nh_step_event)nh_rec_enum(step, NH_FIELD_EVENT, 0);
    uint64_t wait_ms = is_published(event) ? nh_publish__wait_ms(a, b->run) : 0;
    if (wait_ms)
        return nh_wait__begin(a, b, NH_WAIT_RATE, wait_ms);
    int err = nh_texts__fill(&c, nh_rec_text(step, NH_FIELD_TOPIC), 0, &topic);
    if (err == 0)
        err = nh_texts__fill(&c, nh_rec_text(step, NH_FIELD_PAYLOAD), 1, &payload);
    return err < 0 ? err : post(a, event, topic, payload);
}

static int do_text(nh_automation_t *a, struct nh_branch *b, nh_rec_t step, int type)
{
    struct nh_context c = nh_texts__of(a, b);
    enum nh_step_level level = (enum nh_step_level)nh_rec_enum(step, NH_FIELD_LEVEL, 0);
    uint64_t wait_ms = type == NH_STEP_NOTIFY ? nh_publish__wait_ms(a, b->run) : 0;
    if (wait_ms)
        return nh_wait__begin(a, b, NH_WAIT_RATE, wait_ms);
    nh_span_t text;
    int err = nh_texts__fill(&c, nh_rec_text(step, NH_FIELD_TEXT), 0, &text);
    if (err < 0)
        return err;
    NH_NOTE(a, "%.*s", NH_TEXT(text));
    if (type == NH_STEP_LOG && a->out.log)
        a->out.log(a->out.ctx, level, text);
    if (type == NH_STEP_NOTIFY && a->out.notify) {
        a->out.notify(a->out.ctx, level, text);
        nh_publish__count(a);
    }
    return NH_OUTCOME_DONE;
}

static int do_stop(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    nh_span_t reason = nh_rec_text(step, NH_FIELD_REASON);
    NH_NOTE(a, "%.*s", NH_TEXT(reason));
    if (b->run->state == NH_RUN_STOPPING || (b->run->flags & NH_RUN_DOOMED))
        return NH_OUTCOME_DONE;
    nh_trace__step(a, b, NH_TRACE_STEP, 0, nh_span_of(a->why));
    a->current = NULL;
    if (nh_rec_enum(step, NH_FIELD_RESULT, NH_RESULT_OK) == NH_RESULT_OK)
        nh_run__finish(a, b->run);
    else
        nh_run__stop(a, b->run, NH_RUN_FAILED, a->why);
    return NH_OUTCOME_ENDED;
}

static int do_clock(nh_automation_t *a, nh_rec_t step)
{
    int err = nh_game__do(a, (enum nh_clock_action)nh_rec_enum(step, NH_FIELD_ACTION, 0),
                          nh_rec_int(step, NH_FIELD_TIME_MS, 0), NH_ORIGIN_AUTOMATION);
    return err < 0 ? err : NH_OUTCOME_DONE;
}

int nh_step__do(nh_automation_t *a, struct nh_branch *b, nh_rec_t step)
{
    int type = nh_rec_enum(step, NH_FIELD_TYPE, 0);
    switch (type) {
    case NH_STEP_DELAY:
        return do_delay(a, b, step);
    case NH_STEP_PUBLISH:
        return do_publish(a, b, step);
    case NH_STEP_SET_FLAG:
        return do_set_flag(a, step);
    case NH_STEP_SET:
        return do_set(a, b, step);
    case NH_STEP_WAIT_FLAGS:
        return nh_wait__flags(a, b, nh_rec_object(step, NH_FIELD_WAIT));
    case NH_STEP_WAIT_EVENT:
        return do_wait_event(a, b, step);
    case NH_STEP_WAIT_OPERATOR:
        return nh_wait__begin(a, b, NH_WAIT_OPERATOR,
                              (uint64_t)nh_rec_int(step, NH_FIELD_TIMEOUT_MS, 0));
    case NH_STEP_LOOP:
        return nh_step__loop(a, b, step);
    case NH_STEP_EVENT:
    case NH_STEP_LASER_TRIGGER:
        return do_event(a, b, step, type);
    case NH_STEP_IF:
        return nh_step__if(a, b, step);
    case NH_STEP_CHOOSE:
        return nh_step__choose(a, b, step);
    case NH_STEP_REPEAT:
        return nh_step__repeat(a, b, step);
    case NH_STEP_PARALLEL:
        return nh_step__parallel(a, b, step);
    case NH_STEP_RUN:
        return nh_step__run(a, b, step);
    case NH_STEP_STOP_SCENARIO:
        return nh_step__stop_scenario(a, b, step);
    case NH_STEP_COMMAND:
        return do_command(a, b, step);
    case NH_STEP_STOP:
        return do_stop(a, b, step);
    case NH_STEP_LOG:
    case NH_STEP_NOTIFY:
        return do_text(a, b, step, type);
    case NH_STEP_CLOCK:
        return do_clock(a, step);
    case NH_STEP_LAMP:
        return nh_step__lamp(a, b, step);
    case NH_STEP_NOP:
        return NH_OUTCOME_DONE;
    default:
        return nh_step__audio(a, b, step);
    }
}
