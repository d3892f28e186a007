// index.h - which subscriptions take a topic: a tree by levels whose nodes live in one hash table.
//
// A node stands for a filter or the beginning of one. Its children are found by (parent, name) in
// the table that all nodes share, so a node with two children costs as little as one with a
// million, and a match costs levels and hits, not subscriptions.
//
//   root -- "home" -- "kitchen" -- "+"      subscriptions hang on the node that ends their filter
//                  `- "#"

#ifndef NH_MQTT_INDEX_H
#define NH_MQTT_INDEX_H

#include "core/mem/mem.h"
#include "mqtt/topic.h"

struct nh_mqtt__session;

struct nh_mqtt__node {
    struct nh_mqtt__node *hash_next, *parent;
    struct nh_mqtt__sub *subs;
    uint32_t hash; // of the whole path
    uint32_t child_count;
    uint16_t name_len;
    uint8_t wild; // NODE_HAS_PLUS, NODE_HAS_HASH: children worth looking for
    char name[];
};

enum nh_mqtt__sub_flags { // of 5.0
    NH_MQTT__SUB_NO_LOCAL = 1,
    NH_MQTT__SUB_AS_PUBLISHED = 2, // RETAIN stays as it was published
    NH_MQTT__SUB_SHARED = 4,       // a member of a shared subscription
    NH_MQTT__SUB_HANDLING = 0x30,  // enum nh_mqtt__retain_handling, where a SUBSCRIBE has it
};
#define NH_MQTT__SUB_HANDLING_SHIFT 4

struct nh_mqtt__sub {
    struct nh_mqtt__node *node;
    struct nh_mqtt__session *session;
    struct nh_mqtt__sub *node_next, **node_link; // in node->subs; *node_link is this
    struct nh_mqtt__sub *session_next;           // in session->subs
    uint32_t id;                                 // subscription identifier; 0: none
    uint8_t qos, flags;
    uint16_t no; // of its record in the store, within its session; 0: none
};

struct nh_mqtt__index {
    nh_mem_t *mem;
    struct nh_mqtt__node **buckets;
    struct nh_mqtt__node *root;
    uint32_t bucket_count; // a power of two
    uint32_t node_count;   // without the root
    uint32_t sub_count;
    uint32_t seed;
    uint32_t generation; // changes whenever a match may have changed
};

NH_MUST_USE int nh_mqtt__index_init(struct nh_mqtt__index *ix, nh_mem_t *mem, uint32_t seed);
void nh_mqtt__index_deinit(struct nh_mqtt__index *ix); // every subscription is gone by then

// The node that ends `filter`; NULL: nobody subscribed to it.
struct nh_mqtt__node *nh_mqtt__index_find(const struct nh_mqtt__index *ix, nh_span_t filter);

// Adds `sub` (taken; its `session` and `qos` are set) at the end of `filter`. NH_ERR_NOMEM.
NH_MUST_USE int nh_mqtt__index_add(struct nh_mqtt__index *ix, nh_span_t filter,
                                   struct nh_mqtt__sub *sub);
// The node directly below `node`; NULL: there is none.
struct nh_mqtt__node *nh_mqtt__index_below(const struct nh_mqtt__index *ix,
                                           const struct nh_mqtt__node *node, nh_span_t name);
// As nh_mqtt__index_add(), to the node below `node`.
NH_MUST_USE int nh_mqtt__index_add_below(struct nh_mqtt__index *ix, struct nh_mqtt__node *node,
                                         nh_span_t name, struct nh_mqtt__sub *sub);
// Takes `sub` out and frees the nodes that nobody needs any more. The caller frees `sub`.
void nh_mqtt__index_remove(struct nh_mqtt__index *ix, struct nh_mqtt__sub *sub);

// Calls `visit` for the list of each node whose filter takes `topic`; at least one subscription
// each. Stops when it returns false. What is below "$share" takes no topic: see share.c.
void nh_mqtt__index_match(const struct nh_mqtt__index *ix, nh_span_t topic,
                          bool (*visit)(void *ctx, const struct nh_mqtt__sub *first), void *ctx);

// Writes the filter that `node` ends to `out` (cut at `cap`); returns its whole length.
size_t nh_mqtt__node_filter(const struct nh_mqtt__node *node, char *out, size_t cap);

bool nh_mqtt__index_check(const struct nh_mqtt__index *ix);

#endif
