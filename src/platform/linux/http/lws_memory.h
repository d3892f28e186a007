// lws_memory.h - libwebsockets takes its memory from the house: policy BULK.

#ifndef NH_LINUX_LWS_MEMORY_H
#define NH_LINUX_LWS_MEMORY_H

#include "core/mem/mem.h"

// Directs libwebsockets' allocations to `mem` from now on. Each block remembers where it came from.
void nh_lws__memory_use(nh_mem_t *mem);

// Whether a block of `bytes` can be had now.
bool nh_lws__memory_has_room(size_t bytes);

// Blocks that the memory system refused and libc gave. libwebsockets 4.1 does not survive every
// refusal (a connection that cannot be adopted stays half made), so it is not told of one: new
// connections are refused before it comes to that, and what happens all the same is counted.
uint64_t nh_lws__memory_spilled_count(void);

#endif
