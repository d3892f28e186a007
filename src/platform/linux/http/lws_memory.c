#include "platform/linux/http/lws_memory.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

// Before each block stands who gave it.
struct head {
    nh_mem_t *mem; // NULL: from libc
    size_t bytes;  // asked for
};

static nh_mem_t *current;
static uint64_t spilled_count; // one task serves libwebsockets

static void *block_new(size_t bytes)
{
    struct head *h = nh_mem_alloc(current, bytes + sizeof *h, NH_MEM_BULK);
    nh_mem_t *mem = current;
    if (!h) {
        h = malloc(bytes + sizeof *h);
        mem = NULL;
        spilled_count++;
    }
    if (!h)
        return NULL;
    *h = (struct head){.mem = mem, .bytes = bytes};
    return h + 1;
}

static void block_free(void *ptr)
{
    if (!ptr)
        return;
    struct head *h = (struct head *)ptr - 1;
    if (h->mem)
        nh_mem_free(h->mem, h);
    else
        free(h);
}

// libwebsockets has one function for all: size 0 frees.
static void *block_resize(void *ptr, size_t bytes, const char *reason)
{
    (void)reason;
    if (!bytes) {
        block_free(ptr);
        return NULL;
    }
    void *fresh = block_new(bytes);
    if (!fresh || !ptr)
        return fresh;
    size_t old = ((struct head *)ptr - 1)->bytes;
    memcpy(fresh, ptr, old < bytes ? old : bytes);
    block_free(ptr);
    return fresh;
}

void nh_lws__memory_use(nh_mem_t *mem)
{
    current = mem;
    lws_set_allocator(block_resize);
}

bool nh_lws__memory_has_room(size_t bytes)
{
    void *probe = nh_mem_alloc(current, bytes, NH_MEM_BULK);
    nh_mem_free(current, probe);
    return probe != NULL;
}

uint64_t nh_lws__memory_spilled_count(void)
{
    return spilled_count;
}
