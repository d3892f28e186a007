// Retained messages for a new subscription: sent as fast as the client reads, from where the last
// round ended, so that a subscription to everything takes no memory for everything.

#include "mqtt/internal.h"

#include <string.h>

#define LOW_BYTES NH_KIB(32) // of output below which more retained messages are put behind it
#define SCAN_MAX 512u        // topics looked at in one go; the rest in the next tick

static void replay_free(nh_mqtt_broker_t *b, struct nh_mqtt__replay **link)
{
    struct nh_mqtt__replay *r = *link;
    *link = r->next;
    nh_mqtt__msg_unref(b->mem, r->last);
    nh_mem_free(b->mem, r);
}

static void replay_pop(nh_mqtt_broker_t *b, struct nh_mqtt__flow *f)
{
    replay_free(b, &f->replays);
}

void nh_mqtt__replay_clear(nh_mqtt_broker_t *b, struct nh_mqtt__flow *f)
{
    while (f->replays)
        replay_pop(b, f);
}

static nh_span_t filter_of(const struct nh_mqtt__replay *r)
{
    return (nh_span_t){(const uint8_t *)r->filter, r->filter_len};
}

void nh_mqtt__replay_change(struct nh_mqtt__session *s, nh_span_t filter, uint8_t qos,
                            uint32_t label)
{
    for (struct nh_mqtt__replay *r = s->flow ? s->flow->replays : NULL; r; r = r->next) {
        if (!nh_mqtt__span_equal(filter_of(r), filter))
            continue;
        r->qos = qos;
        r->label = label;
    }
}

void nh_mqtt__replay_cancel(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, nh_span_t filter)
{
    struct nh_mqtt__replay **link = s->flow ? &s->flow->replays : NULL;
    while (link && *link) {
        if (nh_mqtt__span_equal(filter_of(*link), filter))
            replay_free(b, link);
        else
            link = &(*link)->next;
    }
}

void nh_mqtt__replay_add(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, nh_span_t filter,
                         uint8_t qos, uint32_t label)
{
    bool is_sys = filter.ptr[0] == '$';
    nh_mqtt__replay_cancel(b, s, filter); // the new one sends all again
    if (b->retain.count == 0 && !is_sys)
        return;
    struct nh_mqtt__flow *f = nh_mqtt__session_flow(b, s);
    struct nh_mqtt__replay *r =
        f ? nh_mem_alloc(b->mem, sizeof(*r) + filter.len, NH_MEM_BULK) : NULL;
    if (!r) {
        nh_mqtt__drop(b, s, &b->info.dropped_no_memory, 1);
        return;
    }
    *r = (struct nh_mqtt__replay){.filter_len = (uint16_t)filter.len, .qos = qos, .label = label};
    memcpy(r->filter, filter.ptr, filter.len);
    struct nh_mqtt__replay **end = &f->replays;
    while (*end)
        end = &(*end)->next;
    *end = r;
}

// What every topic that the filter takes begins with.
static nh_span_t literal_prefix(nh_span_t filter)
{
    nh_span_t prefix = {filter.ptr, 0};
    while (prefix.len < filter.len && filter.ptr[prefix.len] != '+' &&
           filter.ptr[prefix.len] != '#')
        prefix.len++;
    bool ends_in_hash = prefix.len && prefix.len < filter.len && filter.ptr[prefix.len] == '#';
    if (ends_in_hash) // "a/#" takes "a" too
        prefix.len--;
    return prefix;
}

// The next retained message in order that may match. NULL: past the last.
static struct nh_mqtt__msg *next_candidate(const nh_mqtt_broker_t *b, struct nh_mqtt__replay *r)
{
    nh_span_t prefix = literal_prefix(filter_of(r));
    struct nh_mqtt__msg *m =
        r->last ? nh_mqtt__retain_seek(&b->retain, nh_mqtt__msg_topic(r->last), true)
                : nh_mqtt__retain_seek(&b->retain, prefix, false);
    if (!m)
        return NULL;
    nh_span_t topic = nh_mqtt__msg_topic(m);
    if (topic.len < prefix.len || (prefix.len && memcmp(topic.ptr, prefix.ptr, prefix.len) != 0))
        return NULL;
    return m;
}

static bool has_room(const nh_mqtt_broker_t *b, const struct nh_mqtt__session *s)
{
    const struct nh_mqtt__wire *w = &s->conn->wire;
    struct nh_mqtt__load load = nh_mqtt__load_of(s);
    return w->inline_bytes + load.bytes + w->stored_bytes < LOW_BYTES &&
           s->flow->waiting_count == 0 && s->flow->sent_span < nh_mqtt__window(b, s) &&
           s->flow->unsent_count == 0 && load.messages < nh_mqtt__queue_max_messages(b, s);
}

static struct nh_mqtt__how how_of(const struct nh_mqtt__replay *r, uint8_t qos)
{
    // [MQTT-3.3.1-6], [MQTT-3.3.1-8], [MQTT5-3.3.1-8]
    return (struct nh_mqtt__how){.qos = qos < r->qos ? qos : r->qos,
                                 .retain = true,
                                 .id_count = r->label != 0,
                                 .ids = &r->label};
}

static void send_retained(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__msg *m,
                          const struct nh_mqtt__replay *r)
{
    if (nh_mqtt__retained_is_over(b, m))
        return;
    struct nh_mqtt__publish p = nh_mqtt__publish_of(m);
    const struct nh_mqtt__how how = how_of(r, m->qos);
    NH_IGNORE(nh_mqtt__deliver(b, s, &p, &how)); // counted for this client
    nh_mqtt__publish_release(b, &p);
}

// $SYS has no stored messages: its values are made when they are asked for.
static void send_sys(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__replay *r)
{
    nh_span_t topic, value;
    if (!nh_mqtt__is_sys(filter_of(r)))
        return;
    for (; has_room(b, s) && nh_mqtt__sys_get(b, r->at_sys, &topic, &value); r->at_sys++) {
        if (!nh_mqtt_topic_match(filter_of(r), topic) ||
            !nh_mqtt__may(b, s, NH_MQTT_MAY_RECEIVE, topic))
            continue;
        struct nh_mqtt__publish p = {.topic = topic, .payload = value};
        const struct nh_mqtt__how how = how_of(r, 0);
        int rc = nh_mqtt__deliver(b, s, &p, &how);
        nh_mqtt__publish_release(b, &p);
        if (rc < 0)
            return;
    }
}

static bool replay_some(nh_mqtt_broker_t *b, struct nh_mqtt__session *s, struct nh_mqtt__replay *r,
                        uint32_t *scanned)
{
    send_sys(b, s, r);
    while (has_room(b, s) && *scanned < SCAN_MAX) {
        struct nh_mqtt__msg *m = next_candidate(b, r);
        if (!m)
            return true;
        nh_mqtt__msg_ref(m);
        nh_mqtt__msg_unref(b->mem, r->last);
        r->last = m;
        ++*scanned;
        nh_span_t topic = nh_mqtt__msg_topic(m);
        if (nh_mqtt_topic_match(filter_of(r), topic) &&
            nh_mqtt__may(b, s, NH_MQTT_MAY_RECEIVE, topic))
            send_retained(b, s, m, r);
    }
    return false;
}

void nh_mqtt__replay_run(nh_mqtt_broker_t *b, struct nh_mqtt__session *s)
{
    uint32_t scanned = 0;
    struct nh_mqtt__flow *f = s->flow;
    while (f && f->replays) {
        if (!replay_some(b, s, f->replays, &scanned))
            break;
        replay_pop(b, f);
    }
    if (f && f->replays && scanned >= SCAN_MAX && b->replay_ms > b->now_ms)
        b->replay_ms = b->now_ms;
}
