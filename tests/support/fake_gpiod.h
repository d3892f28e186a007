// fake_gpiod.h - chips and lines in the place of libgpiod's, for machines without any: a program
// that links fake_gpiod.c gets its functions instead of the library's. Events come by a pipe, as
// the kernel's by a file, so that an event loop wakes.

#ifndef NH_TEST_FAKE_GPIOD_H
#define NH_TEST_FAKE_GPIOD_H

#include <gpiod.h>
#include <stdbool.h>
#include <stdint.h>

#define FAKE_LINE_COUNT 4u // of the chip, "/dev/gpiochip0"

struct gpiod_line {
    bool is_requested, is_taken; // taken: by somebody else
    int value, request_type, flags;
    int pipe[2];
    unsigned set_count;
    bool fails; // the next call of get or set
};
struct fake_gpiod {
    struct gpiod_line line[FAKE_LINE_COUNT];
    unsigned chips_open, lines_held;
    bool refuses_bias, read_fails;
};
extern struct fake_gpiod fake_gpiod;

void fake_gpiod_reset(void);
// An edge `ago_ms` before now; the line has that value then. `is_told` false: the kernel's buffer
// was full, and nobody hears of it.
void fake_gpiod_edge(unsigned line, int value, unsigned ago_ms, bool is_told);
// The same at a moment of CLOCK_MONOTONIC, so that a trace is exact however busy the machine is.
uint64_t fake_gpiod_now_ms(void);
void fake_gpiod_edge_at(unsigned line, int value, uint64_t mono_ms);

#endif
