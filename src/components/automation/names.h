// names.h - things found by their name: a hash table of nodes that the things embed. Shared in this
// folder only.

#ifndef NH_AUTOMATION_NAMES_H
#define NH_AUTOMATION_NAMES_H

#include "core/mem/mem.h"

struct nh_name {
    struct nh_name *next;
    uint32_t hash;
    uint32_t len;
    char *text; // of the thing itself, with a NUL
};

struct nh_names {
    nh_mem_t *mem;
    struct nh_name **buckets;
    uint32_t bucket_count; // a power of two; 0: none yet
    uint32_t count, seed;
    bool is_folded; // "Door" and "door" are one name
};

struct nh_name *nh_names__find(const struct nh_names *n, nh_span_t name);
// Takes `e`, whose text and len are set and which is not there yet. NH_ERR_NOMEM.
NH_MUST_USE int nh_names__add(struct nh_names *n, struct nh_name *e);
void nh_names__remove(struct nh_names *n, struct nh_name *e);
void nh_names__deinit(struct nh_names *n); // without its things
// A thing of `bytes`, zeroed, with its name behind it; its nh_name is the first member. NULL.
NH_MUST_USE void *nh_names__make(struct nh_names *n, size_t bytes, nh_span_t name);

// Walks all; `e` may be removed in the body.
struct nh_names_walk {
    uint32_t bucket;
    struct nh_name *next;
};
struct nh_name *nh_names__step(const struct nh_names *n, struct nh_names_walk *w);
#define NH_NAMES_EACH(names, e)                                                                    \
    struct nh_names_walk e##_walk = {0, NULL};                                                     \
    for (struct nh_name * (e); ((e) = nh_names__step(names, &e##_walk)) != NULL;)

#endif
