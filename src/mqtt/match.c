// Who takes a topic: a walk through the index, remembered until a subscription changes.

#include "core/base/hash.h"
#include "mqtt/internal.h"

#include <string.h>

#define TARGETS_MIN 4u

struct collect {
    nh_mqtt_broker_t *b;
    struct nh_mqtt__match *m;
    bool failed;
};

static struct nh_mqtt__match *match_alloc(nh_mqtt_broker_t *b, uint32_t cap, size_t topic_len)
{
    size_t bytes = sizeof(struct nh_mqtt__match) + cap * sizeof(struct nh_mqtt__target) + topic_len;
    struct nh_mqtt__match *m = nh_mem_alloc(b->mem, bytes, NH_MEM_BULK);
    if (!m)
        return NULL;
    *m = (struct nh_mqtt__match){.cap = cap, .bytes = (uint32_t)bytes};
    m->topic = (uint8_t *)&m->targets[cap];
    m->topic_len = (uint16_t)topic_len;
    return m;
}

static bool grow(struct collect *k)
{
    struct nh_mqtt__match *old = k->m;
    struct nh_mqtt__match *m = match_alloc(k->b, old->cap * 2, old->topic_len);
    if (!m)
        return false;
    memcpy(m->topic, old->topic, old->topic_len);
    memcpy(m->targets, old->targets, old->count * sizeof(*old->targets));
    m->count = old->count;
    m->local_count = old->local_count;
    nh_mem_free(k->b->mem, old);
    k->m = m;
    return true;
}

#define LEFT_OUT UINT32_MAX // instead of a target: it may not read the topic

// One session gets one copy, at the highest QoS of its overlapping subscriptions [MQTT-3.3.5-1].
static bool add_target(struct collect *k, struct nh_mqtt__session *s, uint8_t qos)
{
    if (s->match_mark == k->b->match_mark) {
        if (s->match_at == LEFT_OUT)
            return true;
        struct nh_mqtt__target *t = &k->m->targets[s->match_at];
        t->qos = t->qos > qos ? t->qos : qos;
        return true;
    }
    nh_span_t topic = {k->m->topic, k->m->topic_len};
    if (!nh_mqtt__may(k->b, s, NH_MQTT_MAY_RECEIVE, topic)) {
        s->match_mark = k->b->match_mark;
        s->match_at = LEFT_OUT;
        return true;
    }
    if (k->m->count == k->m->cap && !grow(k))
        return false;
    s->match_mark = k->b->match_mark;
    s->match_at = k->m->count;
    k->m->targets[k->m->count++] = (struct nh_mqtt__target){s, qos};
    k->m->local_count += (s->flags & NH_MQTT__SESSION_LOCAL) != 0;
    return true;
}

static bool collect_node(void *ctx, const struct nh_mqtt__sub *first)
{
    struct collect *k = ctx;
    for (const struct nh_mqtt__sub *sub = first; sub && !k->failed; sub = sub->node_next)
        k->failed = !add_target(k, sub->session, sub->qos);
    return !k->failed;
}

static void forget(nh_mqtt_broker_t *b, uint32_t slot)
{
    struct nh_mqtt__match *m = b->matches[slot];
    if (!m)
        return;
    b->match_bytes -= m->bytes;
    b->matches[slot] = NULL;
    nh_mem_free(b->mem, m);
}

void nh_mqtt__match_clear(nh_mqtt_broker_t *b)
{
    for (uint32_t i = 0; i < NH_MQTT__MATCH_SLOTS; i++)
        forget(b, i);
}

struct nh_mqtt__match *nh_mqtt__match_get(nh_mqtt_broker_t *b, nh_span_t topic)
{
    uint32_t hash = nh_hash32(topic.ptr, topic.len, b->cfg.hash_seed);
    uint32_t slot = hash & (NH_MQTT__MATCH_SLOTS - 1);
    struct nh_mqtt__match *m = b->matches[slot];
    if (m && m->hash == hash && m->generation == b->index.generation && m->topic_len == topic.len &&
        memcmp(m->topic, topic.ptr, topic.len) == 0)
        return m;
    nh_mqtt__run_flush(b); // its targets may be about to be forgotten
    forget(b, slot);
    struct collect k = {b, match_alloc(b, TARGETS_MIN, topic.len), false};
    if (!k.m)
        return NULL;
    memcpy(k.m->topic, topic.ptr, topic.len);
    if (++b->match_mark == 0) // 0 is the mark of a session never matched
        b->match_mark = 1;
    nh_mqtt__index_match(&b->index, topic, collect_node, &k);
    if (k.failed) {
        nh_mem_free(b->mem, k.m);
        return NULL;
    }
    if (b->match_bytes + k.m->bytes > NH_MQTT__MATCH_BYTES_MAX)
        nh_mqtt__match_clear(b);
    k.m->hash = hash;
    k.m->generation = b->index.generation;
    b->matches[slot] = k.m;
    b->match_bytes += k.m->bytes;
    return k.m;
}
