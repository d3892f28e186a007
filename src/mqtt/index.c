#include "mqtt/index.h"

#include "core/base/hash.h"

#include <string.h>

enum { NODE_HAS_PLUS = 1, NODE_HAS_HASH = 2 };

#define BUCKETS_MIN 16u

static uint8_t wild_of(nh_span_t level)
{
    if (level.len != 1)
        return 0;
    return level.ptr[0] == '+' ? NODE_HAS_PLUS : level.ptr[0] == '#' ? NODE_HAS_HASH : 0;
}

int nh_mqtt__index_init(struct nh_mqtt__index *ix, nh_mem_t *mem, uint32_t seed)
{
    *ix = (struct nh_mqtt__index){.mem = mem, .seed = seed, .bucket_count = BUCKETS_MIN};
    ix->buckets = nh_mem_alloc_zero(mem, BUCKETS_MIN * sizeof(*ix->buckets), NH_MEM_BULK);
    ix->root = nh_mem_alloc_zero(mem, sizeof(*ix->root), NH_MEM_BULK);
    if (ix->buckets && ix->root) {
        ix->root->hash = seed;
        return NH_OK;
    }
    nh_mqtt__index_deinit(ix);
    return NH_ERR_NOMEM;
}

void nh_mqtt__index_deinit(struct nh_mqtt__index *ix)
{
    nh_mem_free(ix->mem, ix->buckets);
    nh_mem_free(ix->mem, ix->root);
    ix->buckets = NULL;
    ix->root = NULL;
}

// ---- nodes --------------------------------------------------------------------------------------

static struct nh_mqtt__node *child_find(const struct nh_mqtt__index *ix,
                                        const struct nh_mqtt__node *parent, nh_span_t name)
{
    uint32_t hash = nh_hash32(name.ptr, name.len, parent->hash);
    struct nh_mqtt__node *n = ix->buckets[hash & (ix->bucket_count - 1)];
    for (; n; n = n->hash_next)
        if (n->hash == hash && n->parent == parent && n->name_len == name.len &&
            memcmp(n->name, name.ptr, name.len) == 0)
            return n;
    return NULL;
}

// Doubles the table when it is full. Without memory the chains grow longer instead.
static void table_grow(struct nh_mqtt__index *ix)
{
    uint32_t count = ix->bucket_count * 2;
    struct nh_mqtt__node **grown = nh_mem_alloc_zero(ix->mem, count * sizeof(*grown), NH_MEM_BULK);
    if (!grown)
        return;
    for (uint32_t i = 0; i < ix->bucket_count; i++) {
        for (struct nh_mqtt__node *n = ix->buckets[i], *next; n; n = next) {
            next = n->hash_next;
            n->hash_next = grown[n->hash & (count - 1)];
            grown[n->hash & (count - 1)] = n;
        }
    }
    nh_mem_free(ix->mem, ix->buckets);
    ix->buckets = grown;
    ix->bucket_count = count;
}

static struct nh_mqtt__node *child_add(struct nh_mqtt__index *ix, struct nh_mqtt__node *parent,
                                       nh_span_t name)
{
    size_t bytes = offsetof(struct nh_mqtt__node, name) + name.len;
    if (bytes < sizeof(struct nh_mqtt__node))
        bytes = sizeof(struct nh_mqtt__node);
    struct nh_mqtt__node *n = nh_mem_alloc(ix->mem, bytes, NH_MEM_BULK);
    if (!n)
        return NULL;
    if (ix->node_count >= ix->bucket_count)
        table_grow(ix);
    *n = (struct nh_mqtt__node){.parent = parent, .name_len = (uint16_t)name.len};
    n->hash = nh_hash32(name.ptr, name.len, parent->hash);
    memcpy(n->name, name.ptr, name.len);
    struct nh_mqtt__node **bucket = &ix->buckets[n->hash & (ix->bucket_count - 1)];
    n->hash_next = *bucket;
    *bucket = n;
    parent->child_count++;
    parent->wild |= wild_of(name);
    ix->node_count++;
    return n;
}

static void unlink_node(struct nh_mqtt__index *ix, struct nh_mqtt__node *n)
{
    struct nh_mqtt__node **at = &ix->buckets[n->hash & (ix->bucket_count - 1)];
    while (*at != n)
        at = &(*at)->hash_next;
    *at = n->hash_next;
    n->parent->child_count--;
    n->parent->wild &= (uint8_t)~wild_of((nh_span_t){(const uint8_t *)n->name, n->name_len});
    ix->node_count--;
}

// Frees `n` and its ancestors as far as nothing hangs on them.
static void prune(struct nh_mqtt__index *ix, struct nh_mqtt__node *n)
{
    while (n != ix->root && !n->subs && n->child_count == 0) {
        struct nh_mqtt__node *parent = n->parent;
        unlink_node(ix, n);
        nh_mem_free(ix->mem, n);
        n = parent;
    }
}

// ---- subscriptions ------------------------------------------------------------------------------

struct nh_mqtt__node *nh_mqtt__index_find(const struct nh_mqtt__index *ix, nh_span_t filter)
{
    struct nh_mqtt__node *n = ix->root;
    for (size_t at = 0; n && at <= filter.len;) {
        nh_span_t level = nh_mqtt__topic_level(filter, at);
        n = child_find(ix, n, level);
        at += level.len + 1;
    }
    return n;
}

static void link_sub(struct nh_mqtt__index *ix, struct nh_mqtt__node *n, struct nh_mqtt__sub *sub)
{
    sub->node = n;
    sub->node_next = n->subs;
    sub->node_link = &n->subs;
    if (n->subs)
        n->subs->node_link = &sub->node_next;
    n->subs = sub;
    ix->sub_count++;
    ix->generation++;
}

int nh_mqtt__index_add(struct nh_mqtt__index *ix, nh_span_t filter, struct nh_mqtt__sub *sub)
{
    struct nh_mqtt__node *n = ix->root;
    for (size_t at = 0; at <= filter.len;) {
        nh_span_t level = nh_mqtt__topic_level(filter, at);
        struct nh_mqtt__node *child = child_find(ix, n, level);
        if (!child)
            child = child_add(ix, n, level);
        if (!child) {
            prune(ix, n);
            return NH_ERR_NOMEM;
        }
        n = child;
        at += level.len + 1;
    }
    link_sub(ix, n, sub);
    return NH_OK;
}

struct nh_mqtt__node *nh_mqtt__index_below(const struct nh_mqtt__index *ix,
                                           const struct nh_mqtt__node *node, nh_span_t name)
{
    return child_find(ix, node, name);
}

int nh_mqtt__index_add_below(struct nh_mqtt__index *ix, struct nh_mqtt__node *node, nh_span_t name,
                             struct nh_mqtt__sub *sub)
{
    struct nh_mqtt__node *child = child_find(ix, node, name);
    if (!child)
        child = child_add(ix, node, name);
    if (!child)
        return NH_ERR_NOMEM;
    link_sub(ix, child, sub);
    return NH_OK;
}

void nh_mqtt__index_remove(struct nh_mqtt__index *ix, struct nh_mqtt__sub *sub)
{
    *sub->node_link = sub->node_next;
    if (sub->node_next)
        sub->node_next->node_link = sub->node_link;
    ix->sub_count--;
    ix->generation++;
    prune(ix, sub->node);
}

// ---- matching -----------------------------------------------------------------------------------

struct match {
    const struct nh_mqtt__index *ix;
    bool (*visit)(void *ctx, const struct nh_mqtt__sub *first);
    void *ctx;
    nh_span_t topic;
};

static bool visit_node(const struct match *m, const struct nh_mqtt__node *n)
{
    return !n || !n->subs || m->visit(m->ctx, n->subs);
}

static const struct nh_mqtt__node *wild_child(const struct match *m, const struct nh_mqtt__node *n,
                                              uint8_t wild)
{
    if (!(n->wild & wild))
        return NULL;
    const char *name = wild == NODE_HAS_PLUS ? "+" : "#";
    return child_find(m->ix, n, (nh_span_t){(const uint8_t *)name, 1});
}

// `n` stands for the topic's levels before `at`. Recursion is bounded by the levels of the topic,
// which are fewer than NH_MQTT__LEVEL_MAX.
static bool match_from(const struct match *m, const struct nh_mqtt__node *n, size_t at)
{
    // [MQTT-4.7.2-1]: no wildcard of the first level takes a topic that begins with '$'.
    bool wild_applies = at > 0 || m->topic.ptr[0] != '$';
    if (wild_applies && !visit_node(m, wild_child(m, n, NODE_HAS_HASH)))
        return false;
    if (at > m->topic.len)
        return visit_node(m, n);
    nh_span_t level = nh_mqtt__topic_level(m->topic, at);
    size_t next = at + level.len + 1;
    if (n->child_count == 0)
        return true;
    const struct nh_mqtt__node *child = child_find(m->ix, n, level);
    if (child && !match_from(m, child, next))
        return false;
    child = wild_applies ? wild_child(m, n, NODE_HAS_PLUS) : NULL;
    return !child || match_from(m, child, next);
}

void nh_mqtt__index_match(const struct nh_mqtt__index *ix, nh_span_t topic,
                          bool (*visit)(void *ctx, const struct nh_mqtt__sub *first), void *ctx)
{
    struct match m = {ix, visit, ctx, topic};
    bool is_share = topic.len >= 7 && memcmp(topic.ptr, "$share/", 7) == 0;
    if (ix->sub_count && !is_share)
        match_from(&m, ix->root, 0);
}

// ---- for people and tests -----------------------------------------------------------------------

size_t nh_mqtt__node_filter(const struct nh_mqtt__node *node, char *out, size_t cap)
{
    size_t before = 0;
    if (node->parent && node->parent->parent) {
        before = nh_mqtt__node_filter(node->parent, out, cap);
        if (before < cap)
            out[before] = '/';
        before++;
    }
    if (before < cap)
        memcpy(out + before, node->name,
               node->name_len < cap - before ? node->name_len : cap - before);
    return before + node->name_len;
}

static bool check_node(const struct nh_mqtt__index *ix, const struct nh_mqtt__node *n,
                       uint32_t *subs)
{
    if (!n->subs && n->child_count == 0)
        return false;
    if (child_find(ix, n->parent, (nh_span_t){(const uint8_t *)n->name, n->name_len}) != n)
        return false;
    for (struct nh_mqtt__sub *const *link = &n->subs; *link; link = &(*link)->node_next) {
        if ((*link)->node != n || (*link)->node_link != link)
            return false;
        ++*subs;
    }
    return true;
}

bool nh_mqtt__index_check(const struct nh_mqtt__index *ix)
{
    uint32_t nodes = 0, subs = 0;
    for (uint32_t i = 0; i < ix->bucket_count; i++) {
        for (const struct nh_mqtt__node *n = ix->buckets[i]; n; n = n->hash_next, nodes++)
            if (!check_node(ix, n, &subs))
                return false;
    }
    return nodes == ix->node_count && subs == ix->sub_count;
}
