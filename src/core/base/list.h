// list.h - a doubly linked list through nodes that its items embed. Allocates nothing; each call is
// O(1).
//
// The list is a ring through a node that is no item. A node that is in no list points to itself, so
// removing twice is harmless. Before calling out to strangers, splice what is due to a list of your
// own and take items off its front: then nobody can pull the list from under the walk.

#ifndef NH_LIST_H
#define NH_LIST_H

#include "core/base/base.h"

typedef struct nh_list {
    struct nh_list *next, *prev; // private
} nh_list_t;

// For a list and for a node alike; required before any other call.
static inline void nh_list_init(nh_list_t *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool nh_list_is_empty(const nh_list_t *l)
{
    return l->next == l;
}

// Whether `node` (initialised) is in some list.
static inline bool nh_list_is_linked(const nh_list_t *node)
{
    return node->next != node;
}

// Puts `node`, which is in no list, before `at`: before an item, or last when `at` is the list.
static inline void nh_list_insert(nh_list_t *at, nh_list_t *node)
{
    node->next = at;
    node->prev = at->prev;
    at->prev->next = node;
    at->prev = node;
}

static inline void nh_list_push_back(nh_list_t *l, nh_list_t *node)
{
    nh_list_insert(l, node);
}

static inline void nh_list_push_front(nh_list_t *l, nh_list_t *node)
{
    nh_list_insert(l->next, node);
}

// Takes `node` out of the list it is in, if any.
static inline void nh_list_remove(nh_list_t *node)
{
    node->next->prev = node->prev;
    node->prev->next = node->next;
    nh_list_init(node);
}

// The first node, or NULL.
static inline nh_list_t *nh_list_first(const nh_list_t *l)
{
    return l->next == l ? NULL : l->next;
}

// Takes the first node out and returns it, or NULL.
static inline nh_list_t *nh_list_pop_front(nh_list_t *l)
{
    nh_list_t *node = nh_list_first(l);
    if (node)
        nh_list_remove(node);
    return node;
}

// Moves all nodes of `from` to the end of `to`; `from` is empty after it.
static inline void nh_list_splice(nh_list_t *to, nh_list_t *from)
{
    if (nh_list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    nh_list_init(from);
}

// Walks the nodes; `node` (a nh_list_t *) must not be removed in the body.
#define NH_LIST_EACH(list, node)                                                                   \
    for (nh_list_t *node = (list)->next; node != (list); node = node->next)

#endif
