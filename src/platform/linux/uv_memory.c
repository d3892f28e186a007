#include "platform/linux/uv_memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

// Before each block stands who gave it: libuv's allocator is one per process, but memory systems
// come and go (each test has its own), and a refused block may have been spilled to libc.
struct head {
    nh_mem_t *mem; // NULL: from libc
    size_t bytes;  // asked for
};

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static unsigned user_count;
static _Atomic(nh_mem_t *) current;
static atomic_uint_fast64_t spilled_count;

static struct head *head_of(void *ptr)
{
    return (struct head *)ptr - 1;
}

static void *block_new(size_t bytes)
{
    nh_mem_t *mem = atomic_load(&current);
    if (!mem || bytes > SIZE_MAX / 2)
        return NULL;
    struct head *h = nh_mem_alloc(mem, bytes + sizeof *h, NH_MEM_BULK);
    if (!h)
        return NULL;
    *h = (struct head){.mem = mem, .bytes = bytes};
    return h + 1;
}

static void block_free(void *ptr)
{
    if (!ptr)
        return;
    struct head *h = head_of(ptr);
    if (h->mem)
        nh_mem_free(h->mem, h);
    else
        free(h);
}

static void *block_zeroed(size_t count, size_t bytes)
{
    if (bytes && count > SIZE_MAX / 4 / bytes)
        return NULL;
    void *ptr = block_new(count * bytes);
    if (ptr)
        memset(ptr, 0, count * bytes);
    return ptr;
}

static void *block_spill(size_t bytes)
{
    struct head *h = malloc(bytes + sizeof *h);
    if (!h)
        return NULL;
    atomic_fetch_add(&spilled_count, 1);
    *h = (struct head){.bytes = bytes};
    return h + 1;
}

// libuv grows its table of watched files by realloc and aborts when that gives NULL. The hub
// must not die of a full heap, so here, and here only, libc helps out; host_info counts it.
static void *block_resize(void *ptr, size_t bytes)
{
    void *fresh = block_new(bytes);
    if (!fresh && bytes <= SIZE_MAX / 2)
        fresh = block_spill(bytes);
    if (!fresh)
        return NULL;
    if (ptr) {
        size_t old = head_of(ptr)->bytes;
        memcpy(fresh, ptr, old < bytes ? old : bytes);
        block_free(ptr);
    }
    return fresh;
}

int nh_uv__memory_use(nh_mem_t *mem)
{
    nh_mem_t *owner;
    int rc = nh_mem_owner_add(nh_mem_system(mem), "libuv", NULL, &owner);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&guard);
    static bool hooked;
    if (!hooked)
        hooked = uv_replace_allocator(block_new, block_resize, block_zeroed, block_free) == 0;
    user_count++;
    atomic_store(&current, owner);
    pthread_mutex_unlock(&guard);
    return NH_OK;
}

void nh_uv__memory_release(void)
{
    pthread_mutex_lock(&guard);
    if (--user_count == 0)
        atomic_store(&current, NULL);
    pthread_mutex_unlock(&guard);
}

uint64_t nh_uv__memory_spilled_count(void)
{
    return atomic_load(&spilled_count);
}
