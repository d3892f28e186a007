// topics.c - the filters that are listened on, and what a message does.

#include "components/automation/automation_state.h"
#include "components/automation/templates_use.h"
#include "mqtt/topic.h"

#include <string.h>

static struct nh_topic *topic_of(struct nh_name *e)
{
    return (struct nh_topic *)e;
}

static bool is_wild(nh_span_t filter)
{
    return memchr(filter.ptr, '+', filter.len) || memchr(filter.ptr, '#', filter.len);
}

// ---- filters ------------------------------------------------------------------------------------

static void free_topic(nh_automation_t *a, struct nh_topic *t)
{
    struct nh_topic **at = &a->wild_topics;
    while (t->is_wild && *at != t)
        at = &(*at)->next_wild;
    if (t->is_wild)
        *at = t->next_wild;
    nh_names__remove(&a->topics, &t->name);
    nh_mem_free(a->mem, t);
}

static int add_topic(nh_automation_t *a, nh_span_t filter, struct nh_topic **out)
{
    if (a->topics.count >= a->limits.filter_max_count) {
        a->info.filters_full++;
        return nh_automation__fail(a, NH_ERR_FULL, "more than %u topics to listen on",
                                   (unsigned)a->limits.filter_max_count);
    }
    struct nh_topic *t = nh_names__make(&a->topics, sizeof *t, filter);
    if (!t) {
        a->info.no_memory++;
        return NH_ERR_NOMEM;
    }
    nh_list_init(&t->waiters);
    t->filter.text = nh_name__span(&t->name);
    t->is_wild = is_wild(filter);
    if (t->is_wild) {
        t->next_wild = a->wild_topics;
        a->wild_topics = t;
    }
    *out = t;
    return NH_OK;
}

int nh_topic__get(nh_automation_t *a, nh_span_t filter, struct nh_topic **out)
{
    struct nh_topic *t = topic_of(nh_names__find(&a->topics, filter));
    *out = NULL;
    if (!t) {
        int err = filter.len ? add_topic(a, filter, &t) : NH_ERR_INVAL;
        if (err == NH_OK && a->out.filter_add && !a->is_dry)
            err = a->out.filter_add(a->out.ctx, &t->filter);
        if (err < 0 && t)
            free_topic(a, t);
        if (err < 0)
            return err;
        t->is_told = a->out.filter_add && !a->is_dry;
    }
    t->refs++;
    *out = t;
    return NH_OK;
}

void nh_topic__put(nh_automation_t *a, struct nh_topic *t)
{
    if (!t || --t->refs > 0)
        return;
    if (t->is_told && a->out.filter_remove)
        a->out.filter_remove(a->out.ctx, &t->filter);
    free_topic(a, t);
}

void nh_automation_filters_each(nh_automation_t *a,
                                void (*visit)(void *ctx, struct nh_automation_filter *f), void *ctx)
{
    NH_NAMES_EACH(&a->topics, e)
    visit(ctx, &topic_of(e)->filter);
}

// Of the filters that take a topic, those with wildcards come first, in the order of the list.
bool nh_topic__is_first(const nh_automation_t *a, const struct nh_automation_filter *f,
                        nh_span_t topic)
{
    for (const struct nh_topic *t = a->wild_topics; t; t = t->next_wild)
        if (nh_mqtt_topic_match(t->filter.text, topic))
            return &t->filter == f;
    return true;
}

// First the new subscription, then away with the old one: it is never without.
static int listen_anew(nh_automation_t *a, struct nh_topic *t)
{
    void *before = t->filter.user;
    int err = a->out.filter_add(a->out.ctx, &t->filter);
    void *now = t->filter.user;
    t->filter.user = before;
    if (err < 0)
        return err;
    a->out.filter_remove(a->out.ctx, &t->filter);
    t->filter.user = now;
    return NH_OK;
}

// Listened on anew if it was for another reason, so that what is retained is told once more.
int nh_topic__get_status(nh_automation_t *a, nh_span_t topic, struct nh_topic **out)
{
    struct nh_topic *known = topic_of(nh_names__find(&a->topics, topic));
    bool was_told = known && known->is_told && known->status_refs == 0;
    a->takes_status = true;
    int err = was_told && a->out.filter_remove ? listen_anew(a, known) : NH_OK;
    if (err == NH_OK)
        err = nh_topic__get(a, topic, out);
    a->takes_status = false;
    if (err == NH_OK)
        (*out)->status_refs++;
    return err;
}

// ---- messages -----------------------------------------------------------------------------------

// The topics that take it stay while they are visited: each is held.
void nh_topic__match(nh_automation_t *a, nh_span_t topic,
                     void (*visit)(nh_automation_t *a, struct nh_topic *t, void *ctx), void *ctx)
{
    struct nh_topic *exact = topic_of(nh_names__find(&a->topics, topic));
    if (exact && !exact->is_wild) {
        exact->refs++;
        visit(a, exact, ctx);
        nh_topic__put(a, exact);
    }
    for (struct nh_topic *t = a->wild_topics, *next; t; t = next) {
        t->refs++;
        if (nh_mqtt_topic_match(t->filter.text, topic))
            visit(a, t, ctx);
        next = t->next_wild;
        nh_topic__put(a, t);
    }
}

struct message {
    nh_span_t topic, payload;
    struct nh_cause *cause;
    bool is_for_templates;
};

static void take(nh_automation_t *a, struct nh_topic *t, void *ctx)
{
    struct message *m = ctx;
    for (struct nh_device *d = t->devices; d; d = d->next)
        nh_device__message(a, d, m->payload);
    m->is_for_templates = m->is_for_templates || t->template_refs > 0;
    nh_wait__message(a, t, m->topic, m->payload);
    if (t->triggers && !m->cause)
        m->cause = nh_cause__make(a, m->topic, m->payload);
    if (t->triggers && m->cause)
        nh_trigger__message(a, t, m->payload, m->cause);
    else if (t->triggers)
        a->info.no_memory++;
}

void nh_topic__message(nh_automation_t *a, nh_span_t topic, nh_span_t payload)
{
    struct message m = {.topic = topic, .payload = payload};
    a->info.messages++;
    nh_topic__match(a, topic, take, &m);
    nh_cause__unref(a, m.cause);
    if (m.is_for_templates)
        nh_templates__message(a, topic, payload);
}

bool nh_topic__is_status(const nh_automation_t *a, nh_span_t topic)
{
    const struct nh_topic *t = topic_of(nh_names__find(&a->topics, topic));
    return a->takes_status || (t && t->status_refs > 0);
}

bool nh_topic__is_heard(const nh_automation_t *a, nh_span_t topic)
{
    const struct nh_topic *t = topic_of(nh_names__find(&a->topics, topic));
    bool is_heard = t && !t->is_wild;
    for (t = a->wild_topics; t && !is_heard; t = t->next_wild)
        is_heard = nh_mqtt_topic_match(t->filter.text, topic);
    return is_heard;
}

void nh_topic__status(nh_automation_t *a, nh_span_t topic, nh_span_t payload)
{
    struct nh_topic *t = topic_of(nh_names__find(&a->topics, topic));
    for (struct nh_device *d = t ? t->devices : NULL; d; d = d->next)
        nh_device__message(a, d, payload);
}
