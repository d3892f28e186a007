#include "platform/linux/stream.h"

static void chunk_unlink(nh_listener_t *l, struct nh_stream_chunk *c)
{
    *(c->prev ? &c->prev->next : &l->chunk_head) = c->next;
    *(c->next ? &c->next->prev : &l->chunk_tail) = c->prev;
}

static void chunk_link_head(nh_listener_t *l, struct nh_stream_chunk *c)
{
    c->prev = NULL;
    c->next = l->chunk_head;
    *(c->next ? &c->next->prev : &l->chunk_tail) = c;
    l->chunk_head = c;
}

static void chunk_link_tail(nh_listener_t *l, struct nh_stream_chunk *c)
{
    c->next = NULL;
    c->prev = l->chunk_tail;
    *(c->prev ? &c->prev->next : &l->chunk_head) = c;
    l->chunk_tail = c;
}

static struct nh_stream_chunk *chunk_new(nh_listener_t *l)
{
    struct nh_stream_chunk *c =
        nh_mem_alloc_aligned(l->set->mem, NH_STREAM_CHUNK_BYTES, sizeof *c, NH_MEM_BULK);
    if (!c)
        return NULL;
    c->set = l->set;
    c->listener = l;
    c->free = NULL;
    c->used_count = 0;
    for (size_t i = NH_ARRAY_LEN(c->slot); i-- > 0;) {
        c->slot[i].fd = NH_STREAM_FREE;
        c->slot[i].next = c->free;
        c->free = &c->slot[i];
    }
    chunk_link_head(l, c);
    return c;
}

nh_stream_t *nh_stream__get(nh_listener_t *l, int fd)
{
    struct nh_stream_chunk *c = l->chunk_head;
    if ((!c || !c->free) && !(c = chunk_new(l)))
        return NULL;
    nh_stream_t *s = c->free;
    c->free = s->next;
    c->used_count++;
    l->conn_count++;
    *s = (nh_stream_t){.fd = fd};
    if (!c->free && c->next) {
        chunk_unlink(l, c);
        chunk_link_tail(l, c);
    }
    return s;
}

void nh_stream__put(nh_stream_t *s)
{
    struct nh_stream_chunk *c = nh_stream__chunk(s);
    nh_listener_t *l = c->listener;
    s->fd = NH_STREAM_FREE;
    s->next = c->free;
    c->free = s;
    c->used_count--;
    l->conn_count--;
    chunk_unlink(l, c);
    // An empty chunk stays while no other has room, so that one client that comes and goes does
    // not allocate each time.
    if (c->used_count == 0 && l->chunk_head && l->chunk_head->free)
        nh_mem_free(l->set->mem, c);
    else
        chunk_link_head(l, c);
}

nh_stream_t *nh_stream__next(nh_listener_t *l, nh_stream_t *s)
{
    struct nh_stream_chunk *c = l->chunk_head;
    size_t i = 0;
    if (s) {
        c = nh_stream__chunk(s);
        i = (size_t)(s - c->slot) + 1;
    }
    for (; c; c = c->next, i = 0)
        for (; i < NH_ARRAY_LEN(c->slot); i++)
            if (c->slot[i].fd != NH_STREAM_FREE)
                return &c->slot[i];
    return NULL;
}
