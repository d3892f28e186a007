#include <string.h>

#include "core/mem/heap.h"
#include "core/mem/shapes.h"

#define CHUNK_DEFAULT_BYTES 1024
#define MAX_DEFAULT_BYTES NH_KIB(16)

// The newest chunk is first and the only one that is allocated from.
struct chunk {
    struct chunk *older;
    uint32_t bytes, used; // of what follows this header
};
_Static_assert(sizeof(struct chunk) % 4 == 0, "");

// What follows the header is aligned to 8 on every target.
#define CHUNK_HEADER_BYTES ((sizeof(struct chunk) + 7) & ~(size_t)7)

void nh_arena_init(nh_arena_t *a, nh_mem_t *mem, enum nh_mem_policy policy, size_t chunk_bytes,
                   size_t max_bytes)
{
    *a = (nh_arena_t){.mem = mem, .policy = policy};
    a->chunk_bytes = chunk_bytes ? chunk_bytes : CHUNK_DEFAULT_BYTES;
    a->max_bytes = max_bytes ? max_bytes : MAX_DEFAULT_BYTES;
}

static struct chunk *chunk_add(nh_arena_t *a, size_t bytes)
{
    size_t payload = a->chunk_bytes > CHUNK_HEADER_BYTES ? a->chunk_bytes - CHUNK_HEADER_BYTES : 0;
    payload = bytes > payload ? bytes : payload;
    struct chunk *c = (struct chunk *)nh_mem_alloc(a->mem, CHUNK_HEADER_BYTES + payload, a->policy);
    if (!c)
        return NULL;
    c->older = (struct chunk *)a->chunks;
    c->bytes = (uint32_t)payload;
    c->used = 0;
    a->chunks = c;
    return c;
}

void *nh_arena_alloc(nh_arena_t *a, size_t bytes)
{
    bytes = bytes ? bytes : 1;
    if (bytes > a->max_bytes || bytes > UINT32_MAX / 2)
        return NULL;
    bytes = (bytes + 7) & ~(size_t)7;
    if (bytes > a->max_bytes - a->used_bytes)
        return NULL;
    struct chunk *c = (struct chunk *)a->chunks;
    if (!c || bytes > c->bytes - c->used)
        c = chunk_add(a, bytes);
    if (!c)
        return NULL;
    void *ptr = (char *)c + CHUNK_HEADER_BYTES + c->used;
    c->used += (uint32_t)bytes;
    a->used_bytes += bytes;
    if (a->used_bytes > a->peak_bytes)
        a->peak_bytes = a->used_bytes;
    return ptr;
}

char *nh_arena_strndup(nh_arena_t *a, const char *s, size_t len)
{
    if (len >= a->max_bytes)
        return NULL;
    char *copy = (char *)nh_arena_alloc(a, len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

void nh_arena_wipe(nh_arena_t *a)
{
    for (struct chunk *c = (struct chunk *)a->chunks; c; c = c->older) {
        // volatile: nobody reads it again, and the compiler may not conclude from that.
        volatile uint8_t *bytes = (uint8_t *)c + CHUNK_HEADER_BYTES;
        for (uint32_t i = 0; i < c->used; i++)
            bytes[i] = 0;
    }
}

void nh_arena_deinit(nh_arena_t *a)
{
    struct chunk *c = (struct chunk *)a->chunks;
    while (c) {
        struct chunk *older = c->older;
        nh_mem_free(a->mem, c);
        c = older;
    }
    a->chunks = NULL;
    a->used_bytes = 0;
}
