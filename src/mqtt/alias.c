// Topic aliases of 5.0: numbers that stand for a topic on one connection, in one direction.

#include "core/base/hash.h"
#include "mqtt/internal.h"

#include <string.h>

#define COUNT_MIN 4u
#define NAME_MIN_BYTES 8u // a shorter topic costs hardly more than its alias
#define OUT_MAX 64u       // numbers given out to one client: they are looked for one by one

struct nh_mqtt__alias {
    uint32_t hash;
    uint16_t len; // 0: a topic that is over the limits
    uint8_t name[];
};

static nh_span_t name_of(const struct nh_mqtt__alias *a)
{
    return (nh_span_t){a->name, a->len};
}

// Room for `number`. NH_ERR_NOMEM.
static int reserve(nh_mem_t *mem, struct nh_mqtt__aliases *a, uint32_t number)
{
    if (number <= a->count)
        return NH_OK;
    uint32_t count = a->count ? a->count : COUNT_MIN;
    while (count < number)
        count *= 2;
    count = count > a->max ? a->max : count;
    struct nh_mqtt__alias **names = nh_mem_alloc_zero(mem, count * sizeof(*names), NH_MEM_BULK);
    if (!names)
        return NH_ERR_NOMEM;
    if (a->count)
        memcpy(names, a->names, a->count * sizeof(*names));
    nh_mem_free(mem, a->names);
    a->names = names;
    a->count = (uint16_t)count;
    return NH_OK;
}

static int set(nh_mqtt_broker_t *b, struct nh_mqtt__aliases *a, uint32_t number, nh_span_t topic)
{
    int rc = reserve(b->mem, a, number);
    if (rc < 0)
        return rc;
    struct nh_mqtt__alias *alias = nh_mem_alloc(b->mem, sizeof(*alias) + topic.len, NH_MEM_BULK);
    if (!alias)
        return NH_ERR_NOMEM;
    *alias = (struct nh_mqtt__alias){.len = (uint16_t)topic.len};
    alias->hash = nh_hash32(topic.ptr, topic.len, b->cfg.hash_seed);
    memcpy(alias->name, topic.ptr, topic.len);
    nh_mem_free(b->mem, a->names[number - 1]);
    a->names[number - 1] = alias;
    return NH_OK;
}

int nh_mqtt__alias_in(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint32_t number, nh_span_t *topic)
{
    if (number > b->cfg.topic_alias_max) // [MQTT5-3.3.2-9]
        return nh_mqtt__fault(b, NH_MQTT_REASON_TOPIC_ALIAS_INVALID);
    struct nh_mqtt__extra *x = nh_mqtt__extra(b, c);
    if (!x)
        return NH_ERR_NOMEM;
    x->in.max = (uint16_t)b->cfg.topic_alias_max;
    if (topic->len) {
        bool is_within = nh_mqtt__topic_check(*topic, &b->limits) == NH_OK;
        return set(b, &x->in, number, (nh_span_t){topic->ptr, is_within ? topic->len : 0});
    }
    const struct nh_mqtt__alias *a = number <= x->in.count ? x->in.names[number - 1] : NULL;
    if (!a) // [MQTT5-3.3.2-7]: never told on this connection
        return NH_ERR_PROTO;
    *topic = name_of(a);
    return NH_OK;
}

uint16_t nh_mqtt__alias_out(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, nh_span_t topic, bool *is_new)
{
    struct nh_mqtt__aliases *a = c->extra ? &c->extra->out : NULL;
    *is_new = false;
    if (!a || a->max == 0 || topic.len < NAME_MIN_BYTES)
        return 0;
    uint32_t hash = nh_hash32(topic.ptr, topic.len, b->cfg.hash_seed), number = 1;
    for (; number <= a->count && a->names[number - 1]; number++) {
        const struct nh_mqtt__alias *alias = a->names[number - 1];
        if (alias->hash == hash && nh_mqtt__span_equal(name_of(alias), topic))
            return (uint16_t)number;
    }
    // First come, first served: a table that changes hands would cost more than it saves.
    uint32_t max = a->max < OUT_MAX ? a->max : OUT_MAX;
    if (number > max || set(b, a, number, topic) < 0)
        return 0;
    *is_new = true;
    return (uint16_t)number;
}

void nh_mqtt__alias_forget(nh_mqtt_broker_t *b, nh_mqtt_conn_t *c, uint16_t number)
{
    struct nh_mqtt__aliases *a = &c->extra->out;
    nh_mem_free(b->mem, a->names[number - 1]);
    a->names[number - 1] = NULL;
}

void nh_mqtt__aliases_deinit(nh_mqtt_broker_t *b, struct nh_mqtt__aliases *a)
{
    for (uint32_t i = 0; i < a->count; i++)
        nh_mem_free(b->mem, a->names[i]);
    nh_mem_free(b->mem, a->names);
    *a = (struct nh_mqtt__aliases){0};
}
