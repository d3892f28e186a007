// The RISC-V "virt" board of the emulator: memory protection before main(), and the counters.

#include "platform/bare/board.h"

// Addresses and sizes from rv32.ld: the symbol's address is the value.
extern uint8_t __flash[], __flash_size[], __ram[], __ram_size[], __stack[], __stack_size[];
extern uint8_t nh_board_guard[], nh_board_guard_bytes[];
extern uint8_t nh_board_internal_start[], nh_board_internal_end[];
extern uint8_t nh_board_psram_start[], nh_board_psram_end[];

#define VALUE_OF(symbol) ((uint32_t)(uintptr_t)(symbol))
#define STACK_PAINT 0xA5A5A5A5u

// Names a control register in the assembly only, so that the file's instruction set stays the one
// that the C library was built for.
#define CSR_WRITE(csr, value)                                                                      \
    __asm__ volatile(".option push\n\t.option arch, +zicsr\n\t"                                    \
                     "csrw " #csr ", %0\n\t.option pop"                                            \
                     :                                                                             \
                     : "r"((uint32_t)(value))                                                      \
                     : "memory")

// ---- memory protection -------------------------------------------------------------------------

// The lowest entry that covers an address decides; locked entries bind machine mode as well.
//
//   entry  covers                        may
//   0      guard page under the stack    nothing
//   1      flash                         read, execute
//   2, 3   internal RAM (from, to)       read, write
//   4      PSRAM                         read, write
//   5      every address                 nothing: null pointers, gaps, devices fault
enum pmp {
    PMP_R = 0x01,
    PMP_W = 0x02,
    PMP_X = 0x04,
    PMP_TOR = 0x08,
    PMP_NAPOT = 0x18,
    PMP_LOCK = 0x80
};

// The address register of a naturally aligned region of a power of two of bytes: its trailing ones
// tell the size.
static uint32_t napot(uint32_t base, uint32_t bytes)
{
    return (base >> 2) | ((bytes >> 3) - 1u);
}

__attribute__((constructor(101))) static void protect(void)
{
    const uint32_t rw = PMP_LOCK | PMP_R | PMP_W;
    const uint32_t psram_bytes = VALUE_OF(nh_board_psram_end) - VALUE_OF(nh_board_psram_start);

    CSR_WRITE(pmpaddr0, napot(VALUE_OF(nh_board_guard), VALUE_OF(nh_board_guard_bytes)));
    CSR_WRITE(pmpaddr1, napot(VALUE_OF(__flash), VALUE_OF(__flash_size)));
    CSR_WRITE(pmpaddr2, VALUE_OF(__ram) >> 2);
    CSR_WRITE(pmpaddr3, (VALUE_OF(__ram) + VALUE_OF(__ram_size)) >> 2);
    CSR_WRITE(pmpaddr4, napot(VALUE_OF(nh_board_psram_start), psram_bytes));
    CSR_WRITE(pmpaddr5, UINT32_MAX);

    // Four entries a register, the first in the lowest byte. What code and stack need comes with
    // the first write, the ban on everything else last.
    CSR_WRITE(pmpcfg0, (rw | PMP_TOR) << 24 | 0u << 16 |
                           (PMP_LOCK | PMP_NAPOT | PMP_R | PMP_X) << 8 | (PMP_LOCK | PMP_NAPOT));
    CSR_WRITE(pmpcfg1, (PMP_LOCK | PMP_NAPOT) << 8 | (rw | PMP_NAPOT));
}

// ---- regions -----------------------------------------------------------------------------------

struct nh_board_region nh_board_internal(void)
{
    return (struct nh_board_region){nh_board_internal_start, VALUE_OF(nh_board_internal_end) -
                                                                 VALUE_OF(nh_board_internal_start)};
}

struct nh_board_region nh_board_psram(void)
{
    return (struct nh_board_region){nh_board_psram_start,
                                    VALUE_OF(nh_board_psram_end) - VALUE_OF(nh_board_psram_start)};
}

// ---- counters ----------------------------------------------------------------------------------

uint64_t nh_board_instructions(void)
{
    uint32_t high, low, again;

    // The upper half is read again: the lower one may have wrapped in between.
    do {
        __asm__ volatile("rdinstreth %0" : "=r"(high)::"memory");
        __asm__ volatile("rdinstret %0" : "=r"(low)::"memory");
        __asm__ volatile("rdinstreth %0" : "=r"(again)::"memory");
    } while (high != again);
    return (uint64_t)high << 32 | low;
}

// Paints from the end of the stack up to a little below this frame.
__attribute__((constructor(102), noinline)) static void stack_paint(void)
{
    volatile uint32_t *p = (volatile uint32_t *)(void *)(__stack - VALUE_OF(__stack_size));
    const uintptr_t top = (uintptr_t)__builtin_frame_address(0) - 256u;

    while ((uintptr_t)p < top)
        *p++ = STACK_PAINT;
}

size_t nh_board_stack_used_bytes(void)
{
    const volatile uint32_t *p =
        (const volatile uint32_t *)(void *)(__stack - VALUE_OF(__stack_size));

    while ((uintptr_t)p < (uintptr_t)__stack && *p == STACK_PAINT)
        p++;
    return (uintptr_t)__stack - (uintptr_t)p;
}

size_t nh_board_stack_bytes(void)
{
    return VALUE_OF(__stack_size);
}
