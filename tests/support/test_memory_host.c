// The regions on the host: blocks of the heap, so that the sanitizers see their ends.

#include "support/test_memory.h"

#include <stdlib.h>

void *nh_test_region(enum nh_mem_tier tier, size_t *size_bytes)
{
    static void *region[NH_MEM_TIER_COUNT];
    static const size_t bytes[NH_MEM_TIER_COUNT] = {NH_TEST_INTERNAL_MAX_BYTES,
                                                    NH_TEST_PSRAM_MAX_BYTES};

    if (!region[tier])
        region[tier] = aligned_alloc(16, bytes[tier]);
    if (!region[tier])
        abort();
    *size_bytes = bytes[tier];
    return region[tier];
}
