// board.h - what a bare chip in the emulator offers to the test harness: its two memory regions,
// the count of instructions, the use of the stack. One task, no operating system.

#ifndef NH_BOARD_H
#define NH_BOARD_H

#include <stddef.h>
#include <stdint.h>

struct nh_board_region {
    void *base;
    size_t size_bytes;
};

// What the linker left of the internal RAM (about 290 KiB), and the whole PSRAM (8 MiB). Nothing
// else uses them: the caller shares them out.
struct nh_board_region nh_board_internal(void);
struct nh_board_region nh_board_psram(void);

// Instructions retired since the start; exact and the same in every run. A pair of calls counts
// itself too: subtract an empty pair.
uint64_t nh_board_instructions(void);

// The deepest the stack ever was, and its size. The stack is painted before main().
size_t nh_board_stack_used_bytes(void);
size_t nh_board_stack_bytes(void);

#endif
