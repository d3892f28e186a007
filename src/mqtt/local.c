// Local clients: parts of the hub that subscribe and publish without a socket.
//
// A callback runs while a message is on its way through the broker, so what it publishes waits
// until that message has reached everybody, and a subscription that it ends is only marked.

#include "mqtt/internal.h"

#include <string.h>

#define SETTLE_MAX 1000u // messages in one go: two callbacks may answer each other for ever

static nh_mqtt_local_t *local_of(struct nh_mqtt__session *s)
{
    return NH_CONTAINER_OF(s, nh_mqtt_local_t, front);
}

static void call(nh_mqtt_broker_t *b, nh_mqtt_local_t *l, const struct nh_mqtt_message *message)
{
    if (l->front.flags & NH_MQTT__SESSION_DEAD)
        return;
    b->giving_depth++;
    l->message(l->ctx, message);
    b->giving_depth--;
}

static void sweep(nh_mqtt_broker_t *b)
{
    if (b->giving_depth || !b->has_dead_locals)
        return;
    b->has_dead_locals = false;
    for (nh_mqtt_local_t **at = &b->locals, *l = *at; l; l = *at) {
        if (l->front.flags & NH_MQTT__SESSION_DEAD) {
            *at = l->next;
            nh_mem_free(b->mem, l);
        } else {
            at = &l->next;
        }
    }
}

void nh_mqtt__local_give(nh_mqtt_broker_t *b, const struct nh_mqtt__match *m,
                         const struct nh_mqtt_message *message)
{
    b->giving_depth++; // nothing that is walked here may go
    for (uint32_t i = 0; i < m->count; i++)
        if (m->targets[i].session->flags & NH_MQTT__SESSION_LOCAL)
            call(b, local_of(m->targets[i].session), message);
    b->giving_depth--;
    sweep(b);
}

// ---- subscribe ----------------------------------------------------------------------------------

static void give_sys(nh_mqtt_broker_t *b, nh_mqtt_local_t *l, nh_span_t filter)
{
    nh_span_t topic, value;
    for (size_t i = 0; nh_mqtt__sys_get(b, i, &topic, &value); i++)
        if (nh_mqtt_topic_match(filter, topic))
            call(b, l, &(struct nh_mqtt_message){.topic = topic, .payload = value, .retain = true});
}

static void give_retained(nh_mqtt_broker_t *b, nh_mqtt_local_t *l, nh_span_t filter)
{
    b->giving_depth++;
    if (filter.ptr[0] == '$')
        give_sys(b, l, filter);
    struct nh_mqtt__msg *m = nh_mqtt__retain_seek(&b->retain, (nh_span_t){filter.ptr, 0}, false);
    for (; m; m = nh_mqtt__retain_seek(&b->retain, nh_mqtt__msg_topic(m), true)) {
        struct nh_mqtt_message message = nh_mqtt__message_of(m);
        if (nh_mqtt_topic_match(filter, message.topic) && !nh_mqtt__msg_is_expired(m, b->now_ms))
            call(b, l, &message);
    }
    b->giving_depth--;
    sweep(b);
    nh_mqtt__local_settle(b);
}

int nh_mqtt_local_subscribe(nh_mqtt_broker_t *b, const char *filter,
                            void (*message)(void *ctx, const struct nh_mqtt_message *m), void *ctx,
                            nh_mqtt_local_t **out)
{
    *out = NULL;
    nh_span_t f = {(const uint8_t *)filter, strlen(filter)};
    nh_span_t rest;
    int rc = nh_mqtt__filter_check(f, &b->limits);
    if (rc == NH_OK && nh_mqtt__share_split(f, &rest) != 0)
        rc = NH_ERR_PROTO;
    if (rc < 0)
        return rc == NH_ERR_PROTO ? NH_ERR_INVAL : rc;
    nh_mqtt_local_t *l = nh_mem_alloc_zero(b->mem, sizeof(*l), NH_MEM_BULK);
    if (!l)
        return NH_ERR_NOMEM;
    nh_mqtt__run_flush(b);
    l->message = message;
    l->ctx = ctx;
    l->front.flags = NH_MQTT__SESSION_LOCAL;
    l->front.is_online = true;
    l->sub.session = &l->front;
    l->sub.qos = 2;
    rc = nh_mqtt__index_add(&b->index, f, &l->sub);
    if (rc < 0) {
        nh_mem_free(b->mem, l);
        return rc;
    }
    l->next = b->locals;
    b->locals = l;
    *out = l;
    give_retained(b, l, f);
    return NH_OK;
}

void nh_mqtt_local_unsubscribe(nh_mqtt_broker_t *b, nh_mqtt_local_t *l)
{
    if (!l)
        return;
    nh_mqtt__run_flush(b);
    nh_mqtt__index_remove(&b->index, &l->sub);
    l->front.flags |= NH_MQTT__SESSION_DEAD;
    b->has_dead_locals = true;
    sweep(b);
}

// ---- publish ------------------------------------------------------------------------------------

static struct nh_mqtt__publish publish_of_message(const struct nh_mqtt_message *m)
{
    bool is_v5 = m->props.len || m->expires_ms;
    return (struct nh_mqtt__publish){.topic = m->topic,
                                     .payload = m->payload,
                                     .props = m->props,
                                     .expires_ms = m->expires_ms,
                                     .version = is_v5 ? 5 : 4,
                                     .qos = m->qos,
                                     .retain = m->retain};
}

static int defer(nh_mqtt_broker_t *b, const struct nh_mqtt_message *m)
{
    struct nh_mqtt__deferred *d = nh_mem_alloc(b->mem, sizeof(*d), NH_MEM_BULK);
    struct nh_mqtt__publish p = publish_of_message(m);
    struct nh_mqtt__msg *msg = d ? nh_mqtt__publish_msg(b, &p) : NULL;
    if (!msg) {
        nh_mem_free(b->mem, d);
        return NH_ERR_NOMEM;
    }
    *d = (struct nh_mqtt__deferred){NULL, msg, m->qos, m->retain};
    *b->deferred_end = d;
    b->deferred_end = &d->next;
    return NH_OK;
}

static struct nh_mqtt__deferred *deferred_pop(nh_mqtt_broker_t *b)
{
    struct nh_mqtt__deferred *d = b->deferred;
    b->deferred = d->next;
    if (!b->deferred)
        b->deferred_end = &b->deferred;
    return d;
}

static void deferred_free(nh_mqtt_broker_t *b, struct nh_mqtt__deferred *d)
{
    nh_mqtt__msg_unref(b->mem, d->msg);
    nh_mem_free(b->mem, d);
}

bool nh_mqtt__local_is_pending(const nh_mqtt_broker_t *b)
{
    return b->deferred != NULL;
}

void nh_mqtt__local_settle(nh_mqtt_broker_t *b)
{
    for (uint32_t i = 0; b->deferred && !b->giving_depth && i < SETTLE_MAX; i++) {
        struct nh_mqtt__deferred *d = deferred_pop(b);
        struct nh_mqtt__publish p = nh_mqtt__publish_of(d->msg);
        p.qos = d->qos;
        p.retain = d->retain;
        if (nh_mqtt__route(b, &p) < 0)
            b->info.dropped_no_memory++;
        nh_mqtt__publish_release(b, &p);
        deferred_free(b, d);
    }
}

int nh_mqtt_broker_publish(nh_mqtt_broker_t *b, const struct nh_mqtt_message *m, uint64_t now_ms)
{
    int rc = nh_mqtt__topic_check(m->topic, &b->limits);
    if (rc < 0 || m->qos > 2)
        return rc == NH_ERR_PROTO || rc == NH_OK ? NH_ERR_INVAL : rc;
    struct nh_mqtt__props props;
    const uint8_t where = NH_MQTT__WHERE(NH_MQTT__PUBLISH, NH_MQTT__FROM_CLIENT);
    if (nh_mqtt__props_check(m->props, where, &props) < 0 ||
        (props.present & ~NH_MQTT__PROPS_FORWARDED))
        return NH_ERR_INVAL;
    if (m->payload.len + m->topic.len + m->props.len + 24 > b->cfg.packet_max_bytes)
        return NH_ERR_TOO_LONG;
    nh_mqtt__clock(b, now_ms);
    if (b->giving_depth)
        return defer(b, m);
    struct nh_mqtt__publish p = publish_of_message(m);
    rc = nh_mqtt__route(b, &p);
    nh_mqtt__publish_release(b, &p);
    nh_mqtt__local_settle(b);
    return rc;
}

static void put_text(struct nh_mqtt__props_out *out, enum nh_mqtt__prop_id id, nh_span_t text)
{
    if (text.len)
        nh_mqtt__props_put_bytes(out, id, text);
}

int nh_mqtt_properties_write(const struct nh_mqtt_properties *p, uint8_t *out, size_t cap)
{
    struct nh_mqtt__props_out w;
    struct nh_mqtt__props list;
    nh_mqtt__props_begin(&w, NH_MQTT__WHERE(NH_MQTT__PUBLISH, NH_MQTT__FROM_CLIENT), out, cap);
    put_text(&w, NH_MQTT__CONTENT_TYPE, p->content_type);
    put_text(&w, NH_MQTT__RESPONSE_TOPIC, p->response_topic);
    for (size_t i = 0; i < p->user_count; i++)
        nh_mqtt__props_put_user(&w, p->user[i].name, p->user[i].value);
    int rc = nh_mqtt__props_end(&w, &list);
    return rc < 0 ? rc : (int)list.bytes.len;
}

void nh_mqtt__local_destroy(nh_mqtt_broker_t *b)
{
    while (b->deferred)
        deferred_free(b, deferred_pop(b));
    while (b->locals) {
        nh_mqtt_local_t *l = b->locals;
        b->locals = l->next;
        if (!(l->front.flags & NH_MQTT__SESSION_DEAD))
            nh_mqtt__index_remove(&b->index, &l->sub);
        nh_mem_free(b->mem, l);
    }
}
