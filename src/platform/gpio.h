// gpio.h - lines of a chip: an input that is watched, its level and each change of it with the
// time; an output.

#ifndef NH_PLATFORM_GPIO_H
#define NH_PLATFORM_GPIO_H

#include "platform/platform.h"

typedef struct nh_gpio_in nh_gpio_in_t;
struct nh_gpio_in_config {
    nh_loop_t *loop;
    struct nh_mem *mem;
    const char *chip; // "/dev/gpiochip0"
    uint32_t line;
    bool is_active_low, pull_up, pull_down;
    void *ctx;
    // The line has changed, at `at_ms` of nh_clock_ms(). The loop's task.
    void (*changed)(void *ctx, bool level, uint64_t at_ms);
};
// NH_ERR_NOT_FOUND: no such chip or line. NH_ERR_BUSY: somebody has it. NH_ERR_DENIED,
// NH_ERR_NOMEM, NH_ERR_UNSUPPORTED: built without.
NH_MUST_USE int nh_gpio_in_open(const struct nh_gpio_in_config *cfg, nh_gpio_in_t **out);
bool nh_gpio_in_level(nh_gpio_in_t *g);
// Tells the changes that have come and were not told yet, without waiting. For who is about to act
// on the time: a loop that was busy looks at its deadlines before it looks at lines.
void nh_gpio_in_poll(nh_gpio_in_t *g);
void nh_gpio_in_close(nh_gpio_in_t *g); // NULL: nothing

// ---- output ------------------------------------------------------------------------------------

typedef struct nh_gpio_out nh_gpio_out_t;
struct nh_gpio_out_config {
    struct nh_mem *mem;
    const char *chip;
    uint32_t line;
    bool is_active_low;
};
// Takes the line and sets it inactive. Errors as above.
NH_MUST_USE int nh_gpio_out_open(const struct nh_gpio_out_config *cfg, nh_gpio_out_t **out);
// One task at a time. NH_ERR_IO: it did not change.
NH_MUST_USE int nh_gpio_out_set(nh_gpio_out_t *g, bool active);
// Gives the line back as it is: on most chips it keeps its level. NULL: nothing.
void nh_gpio_out_close(nh_gpio_out_t *g);

#endif
