// pixels_recorder.h - a chain of LEDs that writes down who called what and when, and says which
// call broke the order of the power sequence (platform/pixels.h, docs/lamp-hardware.md). It may
// stand before another chain, and fail calls as told.
//
// Shows that follow each other are one entry. Safe to read while another task calls.

#ifndef NH_TEST_PIXELS_RECORDER_H
#define NH_TEST_PIXELS_RECORDER_H

#include "core/base/crc.h"
#include "platform/pixels.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define PIXELS_SETTLE_MS 50 // between power and the first show
#define PIXELS_ENTRY_MAX 16384

enum pixels_call {
    PIXELS_DATA_LOW,
    PIXELS_POWER_ON,
    PIXELS_POWER_OFF,
    PIXELS_OPEN,
    PIXELS_SHOW,
    PIXELS_CLOSE,
    PIXELS_DESTROY,
    PIXELS_CALL_COUNT
};
static const char *const pixels_call_names[PIXELS_CALL_COUNT] = {
    "data_low", "power(on)", "power(off)", "open", "show", "close", "destroy"};

struct pixels_entry {
    enum pixels_call call;
    uint64_t first_ms, last_ms; // differ for shows
    uint32_t repeat;            // shows
    uint32_t count;             // pixels, of open and show
    uint32_t crc;               // of the bytes of the last show
    bool is_black;              // all bytes of the first show are 0
    pthread_t thread;           // of the last
    int err;                    // what was answered
};

struct pixels_recorder {
    struct nh_pixels inner;            // zeroed: none
    uint64_t (*now_ms)(void);          // NULL: nh_clock_ms()
    int fail_count[PIXELS_CALL_COUNT]; // so many calls of a kind fail before they reach `inner`
    pthread_mutex_t lock;
    struct pixels_entry entries[PIXELS_ENTRY_MAX];
    uint32_t entry_count, lost_count;
    uint32_t totals[PIXELS_CALL_COUNT];
    uint32_t show_threads; // different ones that made shows behind the first one, since open
    char fault[160];       // the first breach; "": none
    // What the chain is like now.
    bool is_powered, is_open, is_data_low;
    uint64_t powered_ms;
    uint32_t shows_since_open;
    pthread_t show_thread;
    uint8_t last[3 * 16384]; // of the last show
    uint32_t last_count;
};

static inline void pixels_recorder__check(struct pixels_recorder *r, bool holds, const char *what,
                                          uint64_t at_ms)
{
    if (!holds && !r->fault[0])
        snprintf(r->fault, sizeof r->fault, "%s (at %llu ms, entry %u)", what,
                 (unsigned long long)at_ms, r->entry_count);
}

static inline bool pixels_recorder__black(const uint8_t *rgb, uint32_t count)
{
    for (uint32_t i = 0; i < count * 3; i++)
        if (rgb[i])
            return false;
    return true;
}

// The rules, before the call is carried out.
static inline void pixels_recorder__judge(struct pixels_recorder *r, enum pixels_call call,
                                          uint64_t at_ms, bool is_black)
{
#define RULE(holds, what) pixels_recorder__check(r, holds, what, at_ms)
    switch (call) {
    case PIXELS_DATA_LOW:
        RULE(!r->is_open, "data_low while the driver has the line");
        break;
    case PIXELS_POWER_ON:
        RULE(r->is_data_low, "power on while the line is not low");
        RULE(!r->is_open, "power on while the driver is open");
        break;
    case PIXELS_POWER_OFF:
        RULE(!r->is_open, "power off while the driver is open");
        RULE(r->is_data_low, "power off while the line is not low");
        break;
    case PIXELS_OPEN:
        RULE(r->is_powered, "open without power");
        RULE(!r->is_open, "open twice");
        RULE(at_ms - r->powered_ms >= PIXELS_SETTLE_MS, "open before the supply is steady");
        break;
    case PIXELS_SHOW:
        RULE(r->is_powered, "show without power");
        RULE(r->is_open, "show without a driver");
        RULE(r->shows_since_open > 0 || is_black, "the first show is not black");
        break;
    case PIXELS_CLOSE:
        RULE(r->is_open, "close of what is not open");
        break;
    default:
        RULE(!r->is_open && !r->is_powered, "destroy of a chain that is on");
        break;
    }
#undef RULE
}

static inline void pixels_recorder__apply(struct pixels_recorder *r, enum pixels_call call,
                                          uint64_t at_ms)
{
    switch (call) {
    case PIXELS_DATA_LOW:
        r->is_data_low = true;
        break;
    case PIXELS_POWER_ON:
        r->is_powered = true;
        r->powered_ms = at_ms;
        break;
    case PIXELS_POWER_OFF:
        r->is_powered = false;
        break;
    case PIXELS_OPEN:
        r->is_open = true;
        r->is_data_low = false;
        r->shows_since_open = 0;
        break;
    case PIXELS_SHOW:
        // The first one, black, is made before the render task runs.
        if (r->shows_since_open > 0 &&
            (r->shows_since_open == 1 || !pthread_equal(r->show_thread, pthread_self())))
            r->show_threads++;
        r->show_thread = pthread_self();
        r->shows_since_open++;
        break;
    case PIXELS_CLOSE:
        r->is_open = false;
        r->show_threads = 0;
        break;
    default:
        break;
    }
}

static inline void pixels_recorder__note(struct pixels_recorder *r, const struct pixels_entry *e)
{
    struct pixels_entry *before = r->entry_count ? &r->entries[r->entry_count - 1] : NULL;
    r->totals[e->call]++;
    if (e->call == PIXELS_SHOW && before && before->call == PIXELS_SHOW && before->err == e->err) {
        before->last_ms = e->last_ms;
        before->repeat++;
        before->crc = e->crc;
        before->thread = e->thread;
    } else if (r->entry_count < PIXELS_ENTRY_MAX) {
        r->entries[r->entry_count++] = *e;
    } else {
        r->lost_count++;
    }
}

// `forward` has the answer of the chain behind, or 0.
static inline int pixels_recorder__call(struct pixels_recorder *r, enum pixels_call call,
                                        const uint8_t *rgb, uint32_t count,
                                        int (*forward)(struct pixels_recorder *r,
                                                       const uint8_t *rgb, uint32_t count))
{
    pthread_mutex_lock(&r->lock);
    uint64_t at_ms = r->now_ms ? r->now_ms() : nh_clock_ms();
    struct pixels_entry e = {.call = call,
                             .first_ms = at_ms,
                             .last_ms = at_ms,
                             .repeat = 1,
                             .count = count,
                             .thread = pthread_self()};
    if (rgb) {
        e.crc = nh_crc32(0, rgb, (size_t)count * 3);
        e.is_black = pixels_recorder__black(rgb, count);
        memcpy(r->last, rgb, (size_t)count * 3);
        r->last_count = count;
    }
    pixels_recorder__judge(r, call, at_ms, e.is_black);
    if (r->fail_count[call] > 0) {
        r->fail_count[call]--;
        e.err = NH_ERR_IO;
    } else {
        e.err = forward(r, rgb, count);
    }
    if (e.err == NH_OK)
        pixels_recorder__apply(r, call, at_ms);
    pixels_recorder__note(r, &e);
    pthread_mutex_unlock(&r->lock);
    return e.err;
}

#define PIXELS_FORWARD(name, call)                                                                 \
    static inline int pixels_recorder__to_##name(struct pixels_recorder *r, const uint8_t *rgb,    \
                                                 uint32_t count)                                   \
    {                                                                                              \
        (void)rgb;                                                                                 \
        (void)count;                                                                               \
        return r->inner.name ? call : NH_OK;                                                       \
    }
PIXELS_FORWARD(data_low, r->inner.data_low(r->inner.ctx))
PIXELS_FORWARD(open, r->inner.open(r->inner.ctx, count))
PIXELS_FORWARD(show, r->inner.show(r->inner.ctx, rgb, count))
PIXELS_FORWARD(close, (r->inner.close(r->inner.ctx), NH_OK))
PIXELS_FORWARD(destroy, (r->inner.destroy(r->inner.ctx), NH_OK))
#undef PIXELS_FORWARD

static inline int pixels_recorder__to_power(struct pixels_recorder *r, const uint8_t *rgb,
                                            uint32_t on)
{
    (void)rgb;
    return r->inner.power ? r->inner.power(r->inner.ctx, on != 0) : NH_OK;
}

static inline int pixels_recorder__data_low(void *ctx)
{
    return pixels_recorder__call(ctx, PIXELS_DATA_LOW, NULL, 0, pixels_recorder__to_data_low);
}

static inline int pixels_recorder__power(void *ctx, bool on)
{
    return pixels_recorder__call(ctx, on ? PIXELS_POWER_ON : PIXELS_POWER_OFF, NULL, on,
                                 pixels_recorder__to_power);
}

static inline int pixels_recorder__open(void *ctx, uint32_t count)
{
    return pixels_recorder__call(ctx, PIXELS_OPEN, NULL, count, pixels_recorder__to_open);
}

static inline int pixels_recorder__show(void *ctx, const uint8_t *rgb, uint32_t count)
{
    return pixels_recorder__call(ctx, PIXELS_SHOW, rgb, count, pixels_recorder__to_show);
}

static inline void pixels_recorder__close(void *ctx)
{
    NH_IGNORE(pixels_recorder__call(ctx, PIXELS_CLOSE, NULL, 0, pixels_recorder__to_close));
}

static inline void pixels_recorder__destroy(void *ctx)
{
    NH_IGNORE(pixels_recorder__call(ctx, PIXELS_DESTROY, NULL, 0, pixels_recorder__to_destroy));
}

// `r` zeroed, with `inner` and `now_ms` as wanted; it is about 1 MB: static.
static inline struct nh_pixels pixels_recorder_make(struct pixels_recorder *r)
{
    pthread_mutex_init(&r->lock, NULL);
    return (struct nh_pixels){.ctx = r,
                              .name = "recorder",
                              .data_low = pixels_recorder__data_low,
                              .power = pixels_recorder__power,
                              .open = pixels_recorder__open,
                              .show = pixels_recorder__show,
                              .close = pixels_recorder__close,
                              .destroy = pixels_recorder__destroy};
}

static inline void pixels_recorder_deinit(struct pixels_recorder *r)
{
    pthread_mutex_destroy(&r->lock);
}

// Lets the next `count` calls of a kind fail with NH_ERR_IO.
static inline void pixels_recorder_fail(struct pixels_recorder *r, enum pixels_call call, int count)
{
    pthread_mutex_lock(&r->lock);
    r->fail_count[call] = count;
    pthread_mutex_unlock(&r->lock);
}

static inline uint32_t pixels_recorder_total(struct pixels_recorder *r, enum pixels_call call)
{
    pthread_mutex_lock(&r->lock);
    uint32_t n = r->totals[call];
    pthread_mutex_unlock(&r->lock);
    return n;
}

// The calls since entry `from` as a text: "data_low power(on) open show*12 close ..."; a call that
// failed ends in '!'.
static inline void pixels_recorder_text(struct pixels_recorder *r, uint32_t from, char *out,
                                        size_t cap)
{
    size_t len = 0;
    pthread_mutex_lock(&r->lock);
    out[0] = '\0';
    for (uint32_t i = from; i < r->entry_count && len + 1 < cap; i++) {
        const struct pixels_entry *e = &r->entries[i];
        len += (size_t)snprintf(out + len, cap - len, "%s%s", i > from ? " " : "",
                                pixels_call_names[e->call]);
        if (e->repeat > 1 && len + 1 < cap)
            len += (size_t)snprintf(out + len, cap - len, "*%u", e->repeat);
        if (e->err < 0 && len + 1 < cap)
            len += (size_t)snprintf(out + len, cap - len, "!");
    }
    pthread_mutex_unlock(&r->lock);
}

#endif
