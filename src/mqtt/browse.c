// Visits for people who look around: what a client subscribed to, and retained topics level by
// level.

#include "mqtt/internal.h"

#include <string.h>

int nh_mqtt_broker_subscriptions(nh_mqtt_broker_t *b, nh_span_t client_id, size_t first,
                                 bool (*visit)(void *ctx,
                                               const struct nh_mqtt_subscription_info *s),
                                 void *ctx)
{
    const struct nh_mqtt__session *s = nh_mqtt__session_find(b, client_id);
    char filter[NH_MQTT_FILTER_TOLD_BYTES];
    if (!s)
        return NH_ERR_NOT_FOUND;
    size_t at = 0;
    for (const struct nh_mqtt__sub *sub = s->subs; sub; sub = sub->session_next) {
        if (at++ < first)
            continue;
        size_t len = nh_mqtt__node_filter(sub->node, filter, sizeof filter);
        const struct nh_mqtt_subscription_info info = {
            .filter = {(const uint8_t *)filter, len < sizeof filter ? len : sizeof filter},
            .filter_len = len,
            .qos = sub->qos,
            .no_local = sub->flags & NH_MQTT__SUB_NO_LOCAL,
            .retain_as_published = sub->flags & NH_MQTT__SUB_AS_PUBLISHED,
            .retain_handling = (sub->flags & NH_MQTT__SUB_HANDLING) >> NH_MQTT__SUB_HANDLING_SHIFT,
            .id = sub->id,
        };
        if (!visit(ctx, &info))
            break;
    }
    return NH_OK;
}

// ---- the tree of retained topics ----------------------------------------------------------------
//
// Topics lie in the order of their bytes, in which "a" and what is below it, "a/...", need not be
// neighbours: "a-b" lies between. So a level is told where it comes first: with its own message if
// it has one, else where its first topic below is; and all that lies below is skipped by one seek.

static bool is_below(nh_span_t topic, const struct nh_mqtt_topic_walk *w)
{
    if (!w->has_parent)
        return true;
    nh_span_t parent = w->parent;
    return topic.len > parent.len && topic.ptr[parent.len] == '/' &&
           (parent.len == 0 || memcmp(topic.ptr, parent.ptr, parent.len) == 0);
}

static struct nh_mqtt__msg *seek(nh_mqtt_broker_t *b, struct nh_mqtt_topic_walk *w)
{
    struct nh_mqtt__msg *m =
        nh_mqtt__retain_seek(&b->retain, (nh_span_t){w->key, w->key_len}, false);
    return m && is_below(nh_mqtt__msg_topic(m), w) ? m : NULL;
}

// Sets the key to `path` with `last` behind it.
static void key_set(struct nh_mqtt_topic_walk *w, nh_span_t path, uint8_t last)
{
    if (path.len)
        memmove(w->key, path.ptr, path.len);
    w->key[path.len] = last;
    w->key_len = path.len + 1;
}

static bool has_children(nh_mqtt_broker_t *b, struct nh_mqtt_topic_walk *w, nh_span_t path)
{
    key_set(w, path, '/');
    const struct nh_mqtt__msg *m =
        nh_mqtt__retain_seek(&b->retain, (nh_span_t){w->key, w->key_len}, false);
    if (!m)
        return false;
    nh_span_t topic = nh_mqtt__msg_topic(m);
    return topic.len >= w->key_len && memcmp(topic.ptr, w->key, w->key_len) == 0;
}

// The level right below the parent on the way to `m`, and whether this is the place to tell it.
static bool level_of(nh_mqtt_broker_t *b, struct nh_mqtt_topic_walk *w, struct nh_mqtt__msg *m,
                     struct nh_mqtt_topic_info *out)
{
    nh_span_t topic = nh_mqtt__msg_topic(m);
    size_t at = w->has_parent ? w->parent.len + 1 : 0;
    nh_span_t level = nh_mqtt__topic_level(topic, at);
    nh_span_t path = {topic.ptr, at + level.len};
    *out = (struct nh_mqtt_topic_info){.level = level, .path = path};
    if (topic.len == path.len) {
        out->has_message = true;
        out->message = nh_mqtt__message_of(m);
        out->has_children = has_children(b, w, path);
        return true;
    }
    out->has_children = true;
    return !nh_mqtt__retain_get(&b->retain, path);
}

int nh_mqtt_broker_topics(nh_mqtt_broker_t *b, struct nh_mqtt_topic_walk *w,
                          bool (*visit)(void *ctx, const struct nh_mqtt_topic_info *t), void *ctx)
{
    struct nh_mqtt_topic_info info;
    if (w->key_cap < b->cfg.topic_max_bytes + 2u || w->key_len > w->key_cap)
        return NH_ERR_RANGE;
    if (w->has_parent && w->parent.len > b->cfg.topic_max_bytes)
        return NH_OK; // no topic is as long
    if (w->key_len == 0 && w->has_parent)
        key_set(w, w->parent, '/');
    for (struct nh_mqtt__msg *m = seek(b, w); m; m = seek(b, w)) {
        size_t len = w->key_len;
        if (level_of(b, w, m, &info) && !visit(ctx, &info)) {
            if (info.has_message) // the key was used to look for children: go on at this one
                key_set(w, (nh_span_t){info.path.ptr, info.path.len - 1},
                        info.path.ptr[info.path.len - 1]);
            else
                w->key_len = len;
            break;
        }
        // U+0001 lies behind the topic itself and before all others; '0' follows '/'.
        key_set(w, info.path, info.has_message ? 1 : '/' + 1);
    }
    return NH_OK;
}
