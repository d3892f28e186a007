// uv_memory.h - libuv takes its memory from the house: owner "libuv", policy BULK.

#ifndef NH_LINUX_UV_MEMORY_H
#define NH_LINUX_UV_MEMORY_H

#include "core/mem/mem.h"

// Directs libuv's allocations to the system of `mem` until the matching release. With several
// loops alive the last one directs; each block remembers where it came from.
NH_MUST_USE int nh_uv__memory_use(nh_mem_t *mem);
void nh_uv__memory_release(void);

// Blocks that the memory system refused and libc gave, because libuv would have ended the process.
uint64_t nh_uv__memory_spilled_count(void);

#endif
