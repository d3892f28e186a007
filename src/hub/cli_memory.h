// cli_memory.h - memory for verbs that build parts of the hub without one: within the `linux`
// board.

#ifndef NH_HUB_CLI_MEMORY_H
#define NH_HUB_CLI_MEMORY_H

#include "core/mem/mem.h"
#include "platform/linux/regions.h"
#include "platform/platform.h"

struct nh_cli_memory {
    struct nh_regions regions;
    nh_lock_t lock; // a verb may have tasks of its own
    nh_mem_system_t *sys;
    nh_mem_t *mem;
};

// Says on standard error why it cannot. False: nothing was opened.
bool nh_cli_memory_open(struct nh_cli_memory *m);
void nh_cli_memory_close(struct nh_cli_memory *m); // all was freed

#endif
