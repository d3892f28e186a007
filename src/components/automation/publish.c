// publish.c - what goes out to the broker: no more of it in a second than publish_max_per_s.
//
// All of it is counted. A step waits for its turn. What cannot wait, the output of a template, is
// kept in the outbox until the next second. What makes a room safe (on_stop, safe_off) and what an
// operator sends goes at once, and the others have so much less.

#include "components/automation/automation_state.h"

#include <string.h>

static bool has_room(nh_automation_t *a)
{
    if (a->now_ms - a->publish_window_ms >= 1000) {
        a->publish_window_ms = a->now_ms;
        a->publish_count = 0;
    }
    return a->publish_count < a->limits.publish_max_per_s;
}

static uint64_t next_second_ms(const nh_automation_t *a)
{
    return nh_ms_after(a->publish_window_ms, 1000);
}

uint64_t nh_publish__wait_ms(nh_automation_t *a, const struct nh_run *r)
{
    if (r->state == NH_RUN_STOPPING || has_room(a))
        return 0;
    a->info.publish_delayed++;
    return next_second_ms(a) - a->now_ms;
}

void nh_publish__count(nh_automation_t *a)
{
    (void)has_room(a); // begins the second
    a->publish_count++;
    a->info.published++;
}

int nh_step__publish(nh_automation_t *a, nh_span_t topic, nh_span_t payload, uint8_t qos,
                     bool retain)
{
    const struct nh_automation_publish m = {
        .topic = topic, .payload = payload, .qos = qos, .retain = retain};
    if (topic.len == 0 || memchr(topic.ptr, '+', topic.len) || memchr(topic.ptr, '#', topic.len))
        return nh_automation__fail(a, NH_ERR_INVAL, "\"%.*s\" is no topic to publish on",
                                   NH_TEXT(topic));
    int err = a->out.publish ? a->out.publish(a->out.ctx, &m) : NH_ERR_UNSUPPORTED;
    if (err < 0)
        return nh_automation__fail(a, err, "%.*s: %s", NH_TEXT(topic), nh_err_text(err));
    nh_publish__count(a);
    NH_NOTE(a, "%.*s = %.*s", NH_TEXT(topic), NH_TEXT(payload));
    return NH_OUTCOME_DONE;
}

// ---- the outbox ---------------------------------------------------------------------------------

static void send(nh_automation_t *a, nh_span_t topic, nh_span_t payload)
{
    if (nh_step__publish(a, topic, payload, 0, false) < 0)
        nh_log__add(a, NH_ORIGIN_AUTOMATION, "template", "not published: %s", a->why);
}

static int keep(nh_automation_t *a, nh_span_t topic, nh_span_t payload)
{
    size_t bytes = sizeof(struct nh_inbox) + topic.len + payload.len;
    if (a->info.outbox_bytes + bytes > a->limits.outbox_max_bytes)
        return NH_ERR_FULL;
    struct nh_inbox *m = nh_mem_alloc(a->mem, bytes, NH_MEM_BULK);
    if (!m)
        return NH_ERR_NOMEM;
    *m = (struct nh_inbox){.topic_len = (uint32_t)topic.len, .payload_len = (uint32_t)payload.len};
    memcpy(m->bytes, topic.ptr, topic.len);
    if (payload.len)
        memcpy(m->bytes + topic.len, payload.ptr, payload.len);
    *a->outbox_end = m;
    a->outbox_end = &m->next;
    a->info.outbox_bytes += (uint32_t)bytes;
    return NH_OK;
}

static struct nh_inbox *take(nh_automation_t *a)
{
    struct nh_inbox *m = a->outbox;
    a->outbox = m->next;
    if (!a->outbox)
        a->outbox_end = &a->outbox;
    a->info.outbox_bytes -= (uint32_t)(sizeof *m + m->topic_len + m->payload_len);
    return m;
}

// Told once, until there is room again: the log is the operator's.
static void lose(nh_automation_t *a, nh_span_t topic, int err)
{
    a->info.outbox_dropped++;
    a->info.no_memory += err == NH_ERR_NOMEM;
    if (!a->is_outbox_over)
        nh_log__add(a, NH_ORIGIN_AUTOMATION, "template",
                    "not published, over publish_max_per_s: "
                    "%.*s",
                    NH_TEXT(topic));
    a->is_outbox_over = true;
}

void nh_publish__post(nh_automation_t *a, nh_span_t topic, nh_span_t payload)
{
    if (!a->outbox && has_room(a)) {
        send(a, topic, payload);
        return;
    }
    int err = keep(a, topic, payload);
    if (err < 0) {
        lose(a, topic, err);
        return;
    }
    a->info.publish_delayed++;
    if (!a->outbox_timer.slot)
        nh_wake__arm(&a->second, &a->outbox_timer, next_second_ms(a));
}

void nh_publish__time(nh_automation_t *a)
{
    while (a->outbox && has_room(a)) {
        struct nh_inbox *m = take(a);
        send(a, (nh_span_t){m->bytes, m->topic_len},
             (nh_span_t){m->bytes + m->topic_len, m->payload_len});
        nh_mem_free(a->mem, m);
    }
    if (a->outbox)
        nh_wake__arm(&a->second, &a->outbox_timer, next_second_ms(a));
    else
        a->is_outbox_over = false;
}

void nh_publish__drop(nh_automation_t *a)
{
    nh_wake__cancel(&a->second, &a->outbox_timer);
    a->is_outbox_over = false;
    while (a->outbox) {
        nh_mem_free(a->mem, take(a));
        a->info.outbox_dropped++;
    }
}
