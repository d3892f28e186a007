#include "components/automation/names.h"

#include "core/base/hash.h"

#include <string.h>

#define BUCKETS_MIN 16u

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static uint32_t hash_of(const struct nh_names *n, nh_span_t name)
{
    uint32_t h = n->seed;
    if (!n->is_folded)
        return nh_hash32(name.ptr, name.len, h);
    for (size_t i = 0; i < name.len; i++)
        h = (h ^ lower(name.ptr[i])) * 0x01000193u;
    return h ^ h >> 15;
}

static bool is_same(const struct nh_names *n, const struct nh_name *e, nh_span_t name)
{
    const uint8_t *text = (const uint8_t *)e->text;
    if (e->len != name.len)
        return false;
    if (!n->is_folded)
        return memcmp(text, name.ptr, name.len) == 0;
    for (size_t i = 0; i < name.len; i++)
        if (lower(text[i]) != lower(name.ptr[i]))
            return false;
    return true;
}

struct nh_name *nh_names__find(const struct nh_names *n, nh_span_t name)
{
    if (n->count == 0)
        return NULL;
    uint32_t hash = hash_of(n, name);
    for (struct nh_name *e = n->buckets[hash & (n->bucket_count - 1)]; e; e = e->next)
        if (e->hash == hash && is_same(n, e, name))
            return e;
    return NULL;
}

// Growing is for speed: without memory the chains grow longer instead.
static int grow(struct nh_names *n)
{
    uint32_t count = n->bucket_count ? n->bucket_count * 2 : BUCKETS_MIN;
    if (n->bucket_count && n->count < n->bucket_count)
        return NH_OK;
    struct nh_name **buckets =
        nh_mem_alloc_zero(n->mem, count * sizeof(struct nh_name *), NH_MEM_BULK);
    if (!buckets)
        return n->bucket_count ? NH_OK : NH_ERR_NOMEM;
    for (uint32_t i = 0; i < n->bucket_count; i++) {
        for (struct nh_name *e = n->buckets[i], *next; e; e = next) {
            next = e->next;
            e->next = buckets[e->hash & (count - 1)];
            buckets[e->hash & (count - 1)] = e;
        }
    }
    nh_mem_free(n->mem, n->buckets);
    n->buckets = buckets;
    n->bucket_count = count;
    return NH_OK;
}

int nh_names__add(struct nh_names *n, struct nh_name *e)
{
    int err = grow(n);
    if (err < 0)
        return err;
    e->hash = hash_of(n, (nh_span_t){(const uint8_t *)e->text, e->len});
    e->next = n->buckets[e->hash & (n->bucket_count - 1)];
    n->buckets[e->hash & (n->bucket_count - 1)] = e;
    n->count++;
    return NH_OK;
}

void nh_names__remove(struct nh_names *n, struct nh_name *e)
{
    struct nh_name **at = &n->buckets[e->hash & (n->bucket_count - 1)];
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    n->count--;
}

void nh_names__deinit(struct nh_names *n)
{
    nh_mem_free(n->mem, n->buckets);
    n->buckets = NULL;
    n->bucket_count = n->count = 0;
}

void *nh_names__make(struct nh_names *n, size_t bytes, nh_span_t name)
{
    struct nh_name *e = nh_mem_alloc_zero(n->mem, bytes + name.len + 1, NH_MEM_BULK);
    if (!e)
        return NULL;
    e->text = (char *)e + bytes;
    e->len = (uint32_t)name.len;
    if (name.len)
        memcpy(e->text, name.ptr, name.len);
    if (nh_names__add(n, e) == NH_OK)
        return e;
    nh_mem_free(n->mem, e);
    return NULL;
}

struct nh_name *nh_names__step(const struct nh_names *n, struct nh_names_walk *w)
{
    while (!w->next && w->bucket < n->bucket_count)
        w->next = n->buckets[w->bucket++];
    struct nh_name *e = w->next;
    w->next = e ? e->next : NULL;
    return e;
}
