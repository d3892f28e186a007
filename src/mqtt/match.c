// Who takes a topic: a walk through the index, remembered until a subscription changes.

#include "core/base/hash.h"
#include "mqtt/internal.h"

#include <string.h>

#define TARGETS_MIN 4u

struct collect {
    nh_mqtt_broker_t *b;
    struct nh_mqtt__match *m;
    const struct nh_mqtt__session *only; // for its own message; NULL: all
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
    m->ids = old->ids;
    m->id_count = old->id_count;
    m->id_cap = old->id_cap;
    nh_mem_free(k->b->mem, old);
    k->m = m;
    return true;
}

void nh_mqtt__match_free(nh_mqtt_broker_t *b, struct nh_mqtt__match *m)
{
    if (!m)
        return;
    nh_mem_free(b->mem, m->ids);
    nh_mem_free(b->mem, m);
}

// ---- subscription identifiers -------------------------------------------------------------------

static uint32_t *ids_more(struct collect *k, uint32_t count)
{
    struct nh_mqtt__match *m = k->m;
    uint32_t cap = m->id_cap ? m->id_cap : TARGETS_MIN;
    while (cap < m->id_count + count)
        cap *= 2;
    uint32_t *ids = m->ids;
    if (cap > m->id_cap)
        ids = nh_mem_realloc(k->b->mem, m->ids, cap * sizeof(*ids), NH_MEM_BULK);
    if (!ids)
        return NULL;
    m->ids = ids;
    m->id_cap = cap;
    m->id_count += count;
    return ids + m->id_count - count;
}

// One more identifier for a target [MQTT5-3.3.4-4]. The first stands in the target itself; of more
// the list moves to the end of what all targets share.
static bool add_id(struct collect *k, struct nh_mqtt__target *t, uint32_t id)
{
    if (t->id_count == 0) {
        t->id = id;
        t->id_count = 1;
        t->flags |= NH_MQTT__TARGET_LABELLED;
        return true;
    }
    uint32_t *ids = ids_more(k, t->id_count + 1u);
    if (!ids)
        return false;
    memcpy(ids, nh_mqtt__target_ids(k->m, t), t->id_count * sizeof(*ids));
    ids[t->id_count++] = id;
    t->id = (uint32_t)(ids - k->m->ids);
    return true;
}

// ---- targets ------------------------------------------------------------------------------------

static uint8_t target_flags(const struct nh_mqtt__sub *sub)
{
    const unsigned front = NH_MQTT__SESSION_LOCAL | NH_MQTT__SESSION_SHARED;
    return (uint8_t)((sub->flags & NH_MQTT__SUB_NO_LOCAL ? NH_MQTT__TARGET_NO_LOCAL : 0) |
                     (sub->flags & NH_MQTT__SUB_AS_PUBLISHED ? NH_MQTT__TARGET_AS_PUBLISHED : 0) |
                     (sub->session->flags & front ? NH_MQTT__TARGET_FRONT : 0));
}

// One session gets one copy, at the highest QoS of its overlapping subscriptions [MQTT-3.3.5-1],
// [MQTT5-3.3.4-2], with the identifiers of all.
static bool add_target(struct collect *k, const struct nh_mqtt__sub *sub)
{
    struct nh_mqtt__session *s = sub->session;
    if (s->match_at >= k->m->count || k->m->targets[s->match_at].session != s) {
        nh_span_t topic = {k->m->topic, k->m->topic_len};
        if (!nh_mqtt__may(k->b, s, NH_MQTT_MAY_RECEIVE, topic))
            return true;
        if (k->m->count == k->m->cap && !grow(k))
            return false;
        s->match_at = k->m->count;
        k->m->targets[k->m->count++] = (struct nh_mqtt__target){.session = s};
        k->m->local_count += (s->flags & NH_MQTT__SESSION_LOCAL) != 0;
    }
    struct nh_mqtt__target *t = &k->m->targets[s->match_at];
    t->qos = t->qos > sub->qos ? t->qos : sub->qos;
    t->flags |= target_flags(sub);
    return sub->id == 0 || add_id(k, t, sub->id);
}

static bool is_wanted(const struct collect *k, const struct nh_mqtt__sub *sub)
{
    return !k->only || (sub->session == k->only && !(sub->flags & NH_MQTT__SUB_NO_LOCAL));
}

static bool collect_node(void *ctx, const struct nh_mqtt__sub *first)
{
    struct collect *k = ctx;
    for (const struct nh_mqtt__sub *sub = first; sub && !k->failed; sub = sub->node_next)
        k->failed = is_wanted(k, sub) && !add_target(k, sub);
    return !k->failed;
}

// Walks the index for `topic`. NULL: no memory.
static struct nh_mqtt__match *collect(nh_mqtt_broker_t *b, nh_span_t topic,
                                      const struct nh_mqtt__session *only)
{
    struct collect k = {.b = b, .m = match_alloc(b, TARGETS_MIN, topic.len), .only = only};
    if (!k.m)
        return NULL;
    memcpy(k.m->topic, topic.ptr, topic.len);
    nh_mqtt__index_match(&b->index, topic, collect_node, &k);
    if (!k.failed)
        return k.m;
    nh_mqtt__match_free(b, k.m);
    return NULL;
}

struct nh_mqtt__match *nh_mqtt__match_own(nh_mqtt_broker_t *b, nh_span_t topic,
                                          struct nh_mqtt__session *s)
{
    return collect(b, topic, s);
}

// ---- remembered ---------------------------------------------------------------------------------

static void forget(nh_mqtt_broker_t *b, uint32_t slot)
{
    struct nh_mqtt__match *m = b->matches[slot];
    if (!m)
        return;
    b->match_bytes -= m->bytes;
    b->matches[slot] = NULL;
    nh_mqtt__match_free(b, m);
}

void nh_mqtt__match_clear(nh_mqtt_broker_t *b)
{
    for (uint32_t i = 0; i < NH_MQTT__MATCH_SLOTS; i++)
        forget(b, i);
}

static struct nh_mqtt__match *peek(const nh_mqtt_broker_t *b, nh_span_t topic, uint32_t hash)
{
    struct nh_mqtt__match *m = b->matches[hash & (NH_MQTT__MATCH_SLOTS - 1)];
    bool is_it = m && m->hash == hash && m->generation == b->index.generation &&
                 m->topic_len == topic.len && memcmp(m->topic, topic.ptr, topic.len) == 0;
    return is_it ? m : NULL;
}

struct nh_mqtt__match *nh_mqtt__match_peek(const nh_mqtt_broker_t *b, nh_span_t topic)
{
    return peek(b, topic, nh_hash32(topic.ptr, topic.len, b->cfg.hash_seed));
}

struct nh_mqtt__match *nh_mqtt__match_get(nh_mqtt_broker_t *b, nh_span_t topic)
{
    uint32_t hash = nh_hash32(topic.ptr, topic.len, b->cfg.hash_seed);
    uint32_t slot = hash & (NH_MQTT__MATCH_SLOTS - 1);
    struct nh_mqtt__match *m = peek(b, topic, hash);
    if (m)
        return m;
    nh_mqtt__run_flush(b); // its targets may be about to be forgotten
    forget(b, slot);
    m = collect(b, topic, NULL);
    if (!m)
        return NULL;
    m->bytes += (uint32_t)(m->id_cap * sizeof(*m->ids));
    if (b->match_bytes + m->bytes > NH_MQTT__MATCH_BYTES_MAX)
        nh_mqtt__match_clear(b);
    m->hash = hash;
    m->generation = b->index.generation;
    b->matches[slot] = m;
    b->match_bytes += m->bytes;
    return m;
}
