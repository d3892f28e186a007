#include "platform/linux/jpeg/jpeg_memory.h"

#include <jerror.h>
#include <string.h>

#define ALIGN 64 // the widest that its vector code reads at once

struct nh_linux__jpeg_block {
    struct nh_linux__jpeg_block *next;
    size_t bytes;
    uint8_t pad[ALIGN - 2 * sizeof(void *)];
};
_Static_assert(sizeof(struct nh_linux__jpeg_block) == ALIGN, "what follows is aligned too");

static struct nh_linux__jpeg_memory *memory_of(j_common_ptr cinfo)
{
    return (struct nh_linux__jpeg_memory *)cinfo->mem;
}

static void out_of_memory(j_common_ptr cinfo)
{
    ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0); // does not return
}

static void *alloc(j_common_ptr cinfo, int pool, size_t size)
{
    struct nh_linux__jpeg_memory *m = memory_of(cinfo);
    size_t bytes = sizeof(struct nh_linux__jpeg_block) + size;
    struct nh_linux__jpeg_block *b = NULL;
    if (pool < 0 || pool >= JPOOL_NUMPOOLS)
        ERREXIT1(cinfo, JERR_BAD_POOL_ID, pool);
    if (size < m->max_bytes && bytes <= m->max_bytes - m->bytes)
        b = nh_mem_alloc_aligned(m->mem, ALIGN, bytes, NH_MEM_BULK);
    if (!b) {
        out_of_memory(cinfo);
        return NULL; // not reached
    }
    *b = (struct nh_linux__jpeg_block){.next = m->pools[pool], .bytes = bytes};
    m->pools[pool] = b;
    m->bytes += bytes;
    if (m->bytes > m->peak_bytes)
        m->peak_bytes = m->bytes;
    return b + 1;
}

// Rows begin aligned, and the vector code may read some bytes behind their end.
static JSAMPARRAY alloc_samples(j_common_ptr cinfo, int pool, JDIMENSION width, JDIMENSION rows)
{
    size_t row_bytes = ((size_t)width + 2 * ALIGN - 1) / (2 * ALIGN) * (2 * ALIGN);
    JSAMPARRAY array = alloc(cinfo, pool, rows * sizeof(JSAMPROW));
    JSAMPROW samples = alloc(cinfo, pool, rows * row_bytes);
    for (JDIMENSION i = 0; i < rows; i++)
        array[i] = samples + i * row_bytes;
    return array;
}

static JBLOCKARRAY alloc_blocks(j_common_ptr cinfo, int pool, JDIMENSION width, JDIMENSION rows)
{
    JBLOCKARRAY array = alloc(cinfo, pool, rows * sizeof(JBLOCKROW));
    JBLOCKROW blocks = alloc(cinfo, pool, (size_t)rows * width * sizeof(JBLOCK));
    for (JDIMENSION i = 0; i < rows; i++)
        array[i] = blocks + (size_t)i * width;
    return array;
}

// Whole images in memory: for progressive files, which are refused before.

static jvirt_sarray_ptr no_virtual_samples(j_common_ptr cinfo, int pool, boolean pre_zero,
                                           JDIMENSION width, JDIMENSION rows, JDIMENSION access)
{
    (void)pool, (void)pre_zero, (void)width, (void)rows, (void)access;
    out_of_memory(cinfo);
    return NULL;
}

static jvirt_barray_ptr no_virtual_blocks(j_common_ptr cinfo, int pool, boolean pre_zero,
                                          JDIMENSION width, JDIMENSION rows, JDIMENSION access)
{
    (void)pool, (void)pre_zero, (void)width, (void)rows, (void)access;
    out_of_memory(cinfo);
    return NULL;
}

static void nothing_virtual(j_common_ptr cinfo)
{
    (void)cinfo;
}

static void free_pool(j_common_ptr cinfo, int pool)
{
    struct nh_linux__jpeg_memory *m = memory_of(cinfo);
    while (m->pools[pool]) {
        struct nh_linux__jpeg_block *b = m->pools[pool];
        m->pools[pool] = b->next;
        m->bytes -= b->bytes;
        nh_mem_free(m->mem, b);
    }
}

static void self_destruct(j_common_ptr cinfo)
{
    for (int pool = JPOOL_NUMPOOLS - 1; pool >= 0; pool--)
        free_pool(cinfo, pool);
}

void nh_linux__jpeg_memory_put(struct nh_linux__jpeg_memory *m, j_common_ptr cinfo, nh_mem_t *mem,
                               size_t max_bytes)
{
    memset(m, 0, sizeof *m);
    m->first = cinfo->mem;
    m->mem = mem;
    m->max_bytes = max_bytes;
    m->mgr = (struct jpeg_memory_mgr){
        .alloc_small = alloc,
        .alloc_large = alloc,
        .alloc_sarray = alloc_samples,
        .alloc_barray = alloc_blocks,
        .request_virt_sarray = no_virtual_samples,
        .request_virt_barray = no_virtual_blocks,
        .realize_virt_arrays = nothing_virtual,
        .free_pool = free_pool,
        .self_destruct = self_destruct,
        .max_memory_to_use = (long)max_bytes,
        .max_alloc_chunk = 1000000000L,
    };
    cinfo->mem = &m->mgr;
}

void nh_linux__jpeg_memory_take(struct nh_linux__jpeg_memory *m, j_common_ptr cinfo)
{
    if (cinfo->mem != &m->mgr)
        return;
    self_destruct(cinfo);
    cinfo->mem = m->first;
}
