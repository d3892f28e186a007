// lamp_fixture.h - a lamp whose panels are memory that knows a wrong order. After linux_fixture.h.

#ifndef NH_TEST_LAMP_FIXTURE_H
#define NH_TEST_LAMP_FIXTURE_H

#include "components/lamp/lamp_private.h"
#include "core/base/atomic.h"

#include <pthread.h>

struct panels {
    char trace[512];                  // of what was done with them, show() apart
    uint32_t show_count, wrong_count; // atomic; wrong: not in the order of pixels.h
    uint32_t open_count, close_count, destroy_count;
    uint32_t caller_count; // of show(): tasks, each life of one counted
    pthread_t caller;
    bool is_low, is_powered, is_open, has_caller;
    uint64_t powered_ms, shown_ms; // shown: the first time since then
    int power_err, open_err, show_err;
    uint32_t holds; // atomic; 1: show() does not return, 2: it is in there
    uint8_t rgb[NH_FX_SIDE_MAX * NH_FX_SIDE_MAX * 3];
    bool was_black; // the first frame of this life
};
static struct panels panels;

static inline void panels_note(const char *what)
{
    size_t len = strlen(panels.trace);
    snprintf(panels.trace + len, sizeof panels.trace - len, "%s ", what);
}

static inline void panels_wrong(bool is_wrong)
{
    if (is_wrong)
        nh_atomic_add_u32(&panels.wrong_count, 1);
}

static inline int panels_data_low(void *ctx)
{
    struct panels *p = ctx;
    panels_note("low");
    panels_wrong(p->is_open);
    p->is_low = true;
    return 0;
}

static inline int panels_power(void *ctx, bool on)
{
    struct panels *p = ctx;
    panels_note(on ? "on" : "off");
    panels_wrong(!p->is_low || p->is_open);
    if (p->power_err)
        return p->power_err;
    p->is_powered = on;
    p->powered_ms = nh_clock_ms();
    return 0;
}

static inline int panels_open(void *ctx, uint32_t count)
{
    struct panels *p = ctx;
    panels_note("open");
    panels_wrong(!p->is_powered || p->is_open || count == 0);
    if (p->open_err)
        return p->open_err;
    p->open_count++;
    p->is_open = true;
    p->is_low = false;
    p->has_caller = false;
    nh_atomic_store_u32(&p->show_count, 0);
    return 0;
}

static inline bool panels_are_black(const uint8_t *rgb, uint32_t count)
{
    for (uint32_t i = 0; i < count * 3; i++)
        if (rgb[i])
            return false;
    return true;
}

static inline int panels_show(void *ctx, const uint8_t *rgb, uint32_t count)
{
    struct panels *p = ctx;
    panels_wrong(!p->is_powered || !p->is_open);
    if (!p->has_caller || !pthread_equal(p->caller, pthread_self()))
        p->caller_count++;
    p->has_caller = true;
    p->caller = pthread_self();
    if (nh_atomic_load_u32(&p->show_count) == 0) {
        p->shown_ms = nh_clock_ms();
        p->was_black = panels_are_black(rgb, count);
    }
    memcpy(p->rgb, rgb, (size_t)count * 3);
    nh_atomic_add_u32(&p->show_count, 1);
    if (nh_atomic_load_u32(&p->holds)) {
        nh_atomic_store_u32(&p->holds, 2);
        while (nh_atomic_load_u32(&p->holds))
            sched_yield();
    }
    return p->show_err;
}

static inline void panels_close(void *ctx)
{
    struct panels *p = ctx;
    panels_note("close");
    panels_wrong(!p->is_open || !p->is_powered);
    p->close_count++;
    p->is_open = false;
}

static inline void panels_destroy(void *ctx)
{
    struct panels *p = ctx;
    panels_wrong(p->is_open || p->is_powered);
    p->destroy_count++;
}

static inline struct nh_pixels panels_fresh(void)
{
    memset(&panels, 0, sizeof panels);
    return (struct nh_pixels){.ctx = &panels,
                              .name = "memory",
                              .data_low = panels_data_low,
                              .power = panels_power,
                              .open = panels_open,
                              .show = panels_show,
                              .close = panels_close,
                              .destroy = panels_destroy};
}

static inline uint32_t panels_shown(void)
{
    return nh_atomic_load_u32(&panels.show_count);
}

// Spins, without sleeping, until `expr` holds.
#define SPIN_UNTIL(expr)                                                                           \
    do {                                                                                           \
        long turns_ = 0;                                                                           \
        while (!(expr)) {                                                                          \
            sched_yield();                                                                         \
            if (++turns_ > 500000000)                                                              \
                fail_msg("never came: %s", #expr);                                                 \
        }                                                                                          \
    } while (0)

#endif
