// test_memory.h - memory for portable tests: a heap's regions on the host and on the bare chip.
//
// The chip has 320 KiB of internal RAM for code's data, the stack and the tests; static arrays of a
// test come out of the same 320 KiB, so a portable test takes its large memory from here.

#ifndef NH_TEST_MEMORY_H
#define NH_TEST_MEMORY_H

#include "core/mem/mem.h"

// What a region has at most; on the chip the internal one is what the program's own data left of
// it, if that is less.
#define NH_TEST_INTERNAL_MAX_BYTES NH_KIB(256)
#define NH_TEST_PSRAM_MAX_BYTES NH_MIB(8)

// The region of `tier`, 16-byte aligned, and its size in `*size_bytes`. One and the same block at
// each call, contents as the last test left them; never NULL, never freed.
void *nh_test_region(enum nh_mem_tier tier, size_t *size_bytes);

#endif
