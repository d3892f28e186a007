// The regions on the chip: what the linker script laid out.

#include "platform/bare/board.h"
#include "support/test_memory.h"

void *nh_test_region(enum nh_mem_tier tier, size_t *size_bytes)
{
    const struct nh_board_region r =
        tier == NH_MEM_INTERNAL ? nh_board_internal() : nh_board_psram();
    const size_t max =
        tier == NH_MEM_INTERNAL ? NH_TEST_INTERNAL_MAX_BYTES : NH_TEST_PSRAM_MAX_BYTES;

    *size_bytes = r.size_bytes < max ? r.size_bytes : max;
    return r.base;
}
