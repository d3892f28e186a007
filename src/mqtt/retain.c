#include "mqtt/retain.h"

#include <string.h>

// A child is an inner node (aligned, so its lowest bit is clear) or a message with that bit set.
struct inner {
    uintptr_t child[2];
    uint32_t byte;
    uint8_t bit; // 0x80 .. 0x01
};

static bool is_leaf(uintptr_t child)
{
    return child & 1;
}

static struct nh_mqtt__msg *leaf_of(uintptr_t child)
{
    return (struct nh_mqtt__msg *)(child - 1); // NOLINT(performance-no-int-to-ptr)
}

static struct inner *inner_of(uintptr_t child)
{
    return (struct inner *)child; // NOLINT(performance-no-int-to-ptr)
}

static uint8_t byte_at(nh_span_t key, size_t at)
{
    return at < key.len ? key.ptr[at] : 0;
}

static unsigned side_of(nh_span_t key, const struct inner *n)
{
    return (byte_at(key, n->byte) & n->bit) != 0;
}

static struct nh_mqtt__msg *end_of(uintptr_t child, unsigned side)
{
    while (!is_leaf(child))
        child = inner_of(child)->child[side];
    return leaf_of(child);
}

// The leaf that shares the most leading bits with `key` among those the walk can tell apart.
static struct nh_mqtt__msg *nearest(const struct nh_mqtt__retain *r, nh_span_t key)
{
    uintptr_t at = r->root;
    while (!is_leaf(at))
        at = inner_of(at)->child[side_of(key, inner_of(at))];
    return leaf_of(at);
}

// The first bit in which two keys differ. False: they are equal.
static bool first_difference(nh_span_t a, nh_span_t b, uint32_t *byte, uint8_t *bit)
{
    size_t max = a.len > b.len ? a.len : b.len;
    for (size_t i = 0; i < max; i++) {
        unsigned diff = byte_at(a, i) ^ byte_at(b, i);
        if (!diff)
            continue;
        *byte = (uint32_t)i;
        *bit = (uint8_t)(0x80u >> (__builtin_clz(diff) - 24));
        return true;
    }
    return false;
}

// Whether the node tests a bit before (byte, bit).
static bool is_before(const struct inner *n, uint32_t byte, uint8_t bit)
{
    return n->byte < byte || (n->byte == byte && n->bit > bit);
}

static uint64_t weight(const struct nh_mqtt__msg *m)
{
    return m->topic_len + nh_mqtt__msg_payload(m).len;
}

struct nh_mqtt__msg *nh_mqtt__retain_get(const struct nh_mqtt__retain *r, nh_span_t topic)
{
    if (!r->root)
        return NULL;
    struct nh_mqtt__msg *m = nearest(r, topic);
    nh_span_t have = nh_mqtt__msg_topic(m);
    bool same = have.len == topic.len && memcmp(have.ptr, topic.ptr, topic.len) == 0;
    return same ? m : NULL;
}

static int replace(struct nh_mqtt__retain *r, struct nh_mqtt__msg *msg)
{
    nh_span_t key = nh_mqtt__msg_topic(msg);
    uintptr_t *at = &r->root;
    while (!is_leaf(*at))
        at = &inner_of(*at)->child[side_of(key, inner_of(*at))];
    struct nh_mqtt__msg *old = leaf_of(*at);
    if (r->bytes - weight(old) + weight(msg) > r->bytes_max)
        return NH_ERR_FULL;
    r->bytes += weight(msg) - weight(old);
    r->changes++;
    *at = (uintptr_t)nh_mqtt__msg_ref(msg) | 1;
    nh_mqtt__msg_unref(r->mem, old);
    return NH_OK;
}

static int insert(struct nh_mqtt__retain *r, struct nh_mqtt__msg *msg, uint32_t byte, uint8_t bit)
{
    struct inner *n = nh_mem_alloc(r->mem, sizeof(*n), NH_MEM_BULK);
    if (!n)
        return NH_ERR_NOMEM;
    nh_span_t key = nh_mqtt__msg_topic(msg);
    uintptr_t *at = &r->root;
    while (!is_leaf(*at) && is_before(inner_of(*at), byte, bit))
        at = &inner_of(*at)->child[side_of(key, inner_of(*at))];
    *n = (struct inner){.byte = byte, .bit = bit};
    unsigned side = side_of(key, n);
    n->child[side] = (uintptr_t)nh_mqtt__msg_ref(msg) | 1;
    n->child[!side] = *at;
    *at = (uintptr_t)n;
    return NH_OK;
}

int nh_mqtt__retain_set(struct nh_mqtt__retain *r, struct nh_mqtt__msg *msg)
{
    uint32_t byte = 0;
    uint8_t bit = 0;
    nh_span_t key = nh_mqtt__msg_topic(msg);
    if (r->root && !first_difference(key, nh_mqtt__msg_topic(nearest(r, key)), &byte, &bit))
        return replace(r, msg);
    if (r->count >= r->count_max || r->bytes + weight(msg) > r->bytes_max)
        return NH_ERR_FULL;
    if (!r->root) {
        r->root = (uintptr_t)nh_mqtt__msg_ref(msg) | 1;
    } else {
        int rc = insert(r, msg, byte, bit);
        if (rc < 0)
            return rc;
    }
    r->count++;
    r->changes++;
    r->bytes += weight(msg);
    return NH_OK;
}

bool nh_mqtt__retain_remove(struct nh_mqtt__retain *r, nh_span_t topic)
{
    struct nh_mqtt__msg *old = nh_mqtt__retain_get(r, topic);
    if (!old)
        return false;
    uintptr_t *at = &r->root, *above = NULL;
    unsigned side = 0;
    while (!is_leaf(*at)) {
        above = at;
        side = side_of(topic, inner_of(*at));
        at = &inner_of(*at)->child[side];
    }
    if (above) { // the sibling takes the place of the inner node
        struct inner *gone = inner_of(*above);
        *above = gone->child[!side];
        nh_mem_free(r->mem, gone);
    } else {
        r->root = 0;
    }
    r->count--;
    r->changes++;
    r->bytes -= weight(old);
    nh_mqtt__msg_unref(r->mem, old);
    return true;
}

struct nh_mqtt__msg *nh_mqtt__retain_seek(const struct nh_mqtt__retain *r, nh_span_t topic,
                                          bool is_after)
{
    if (!r->root)
        return NULL;
    uint32_t byte = 0;
    uint8_t bit = 0;
    bool differs = first_difference(topic, nh_mqtt__msg_topic(nearest(r, topic)), &byte, &bit);
    if (!differs && !is_after)
        return nearest(r, topic);
    // Down to where `topic` is or would be; `greater` is the last subtree passed on the right.
    uintptr_t at = r->root, greater = 0;
    while (!is_leaf(at) && (!differs || is_before(inner_of(at), byte, bit))) {
        unsigned side = side_of(topic, inner_of(at));
        if (side == 0)
            greater = inner_of(at)->child[1];
        at = inner_of(at)->child[side];
    }
    if (differs && !(byte_at(topic, byte) & bit))
        return end_of(at, 0); // all of this subtree is greater
    return greater ? end_of(greater, 0) : NULL;
}

void nh_mqtt__retain_clear(struct nh_mqtt__retain *r)
{
    while (r->root)
        nh_mqtt__retain_remove(r, nh_mqtt__msg_topic(end_of(r->root, 0)));
}

bool nh_mqtt__retain_check(const struct nh_mqtt__retain *r)
{
    uint32_t count = 0;
    uint64_t bytes = 0;
    struct nh_mqtt__msg *before = NULL;
    struct nh_mqtt__msg *m = r->root ? end_of(r->root, 0) : NULL;
    for (; m; before = m, m = nh_mqtt__retain_seek(r, nh_mqtt__msg_topic(m), true)) {
        nh_span_t key = nh_mqtt__msg_topic(m);
        if (nh_mqtt__retain_get(r, key) != m || m->refs == 0)
            return false;
        if (before) {
            nh_span_t b = nh_mqtt__msg_topic(before);
            size_t min = b.len < key.len ? b.len : key.len;
            int order = memcmp(b.ptr, key.ptr, min);
            if (order > 0 || (order == 0 && b.len >= key.len))
                return false;
        }
        count++;
        bytes += weight(m);
    }
    return count == r->count && bytes == r->bytes;
}
